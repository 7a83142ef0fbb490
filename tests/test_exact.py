# SPDX-License-Identifier: BSD-3-Clause

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from skmanifold import _exact
from skmanifold._engine._arithmetic import available_threads, same_bits, use_threads
from skmanifold._exact import (
    _LEAST_PRODUCTS,
    _linear_of_columns,
    _public_onednn_linear,
    all_threads,
    has_exact_products,
    product,
)
from skmanifold.losses import t_similarities, two_way_divergence
from tests.threads import assert_same_for_threads

needs_onednn = pytest.mark.skipif(
    not has_exact_products(), reason="this build of torch has no oneDNN"
)


def rand(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator)


@pytest.mark.parametrize(
    "linear",
    [pytest.param(_public_onednn_linear, marks=needs_onednn), _linear_of_columns],
)
def test_other_ways_give_the_same_layer(linear):
    x, w, b = rand(192, 30), rand(11, 30, seed=1), rand(11, seed=2)
    for bias in (None, b):
        torch.testing.assert_close(linear(x, w, bias), F.linear(x, w, bias))


# a sum of 65 products is small for the one and large for the other
@pytest.mark.parametrize("n", [20, 400])
def test_a_product_has_the_gradients_of_torch(n):
    assert (n > 100) == (n * 65 * n >= _LEAST_PRODUCTS[torch.float32])
    a, b = rand(n, 65), rand(n, 65, seed=1)
    results = []
    for function in (product, torch.matmul):
        leaves = [a.clone().requires_grad_(), b.clone().requires_grad_()]
        y = function(leaves[0], leaves[1].t())
        results.append([y.detach(), *torch.autograd.grad(y.square().sum(), leaves)])
    for ours, theirs in zip(*results, strict=True):
        scale = theirs.abs().max()
        torch.testing.assert_close(ours / scale, theirs / scale, rtol=0, atol=1e-5)


def test_products_of_other_types_are_those_of_torch():
    a, b = rand(400, 65).double(), rand(65, 400, seed=1).double()
    assert product(a, b).equal(a @ b)


@needs_onednn
def test_all_threads_are_those_of_a_training_step():
    torch.set_num_threads(3)
    with all_threads():
        assert torch.get_num_threads() == 3
    with same_bits(nn.Linear(2, 2)):
        for n_threads in (3, 1, 2):
            use_threads(n_threads)
            with pytest.raises(KeyError), all_threads():
                assert torch.get_num_threads() == n_threads
                raise KeyError
            assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 3


ELEMENTWISE = [
    torch.abs,
    torch.exp,
    torch.log,
    torch.neg,
    torch.reciprocal,
    torch.sqrt,
    torch.square,
    lambda x: x.clamp(min=1.2),
    lambda x: x - 0.3,
    lambda x: 1 - x,
    lambda x: x * 0.7,
    lambda x: x.add(x.roll(1, 0)),
    lambda x: x.sub_(x.roll(1, 0)),
    lambda x: x / 0.7,
    lambda x: x / x.roll(1, 0),
    lambda x: x.mul_(-2.3),
    lambda x: torch.addcmul(x, x.roll(1, 0), x.roll(2, 0)),
    lambda x: x.addcdiv_(x.roll(1, 0), x.roll(2, 0)),
    lambda x: x.sum(0),
    lambda x: x.sum(1),
    lambda x: x[:, :500].clone(),
]


@pytest.mark.parametrize("number", range(len(ELEMENTWISE)))
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_elementwise_functions_do_not_show_the_threads(number, dtype):
    x = rand(517, 1009).to(dtype).abs() + 0.1
    assert_same_for_threads(lambda: [ELEMENTWISE[number](x.clone())], range(1, 9))


@pytest.mark.parametrize("is_amd", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_log1p_and_exp_are_exact_on_all_processors(is_amd, dtype, monkeypatch):
    monkeypatch.setattr(_exact, "_IS_AMD", is_amd)
    x = (5 * rand(517, 1009)).to(dtype)
    power, logarithm = assert_same_for_threads(
        lambda: (_exact.exp(x, -0.7), _exact.log1p(x.abs() - 0.99))
    )
    epsilon = torch.finfo(dtype).eps
    # arguments are up to 25, and rounded
    torch.testing.assert_close(
        power.double(), (-0.7 * x.double()).exp(), rtol=50 * epsilon, atol=0
    )
    given = (x.abs() - 0.99).double()
    error = (logarithm - given.log1p()).abs()
    # 1 + x is rounded
    assert (error <= 2 * epsilon * (1 + given.log1p().abs() + 1 / (1 + given))).all()


def losses_and_gradients(n, *, kernel, structure_gradient, damping):
    y_a, y_b, z_a, z_b = (
        rand(n, d, seed=i).requires_grad_() for i, d in enumerate((64, 64, 2, 2))
    )
    with same_bits(nn.Linear(1, 1)):
        use_threads(available_threads())
        with torch.set_grad_enabled(structure_gradient):
            p = t_similarities(y_a, y_b, 100.0, kernel="max", pair_factor=0.01)
        terms = two_way_divergence(p, z_a, z_b, nu=0.1, kernel=kernel, damping=damping)
        leaves = [z_a, z_b, *((y_a, y_b) if structure_gradient else ())]
        gradients = torch.autograd.grad(sum(terms), leaves)
    return [p.detach(), *(term.detach() for term in terms), *gradients]


@pytest.mark.parametrize("n", [3, 251, 1019])
@pytest.mark.parametrize(
    "options",
    [
        {"kernel": "max", "structure_gradient": False, "damping": 1.0},
        {"kernel": "density", "structure_gradient": True, "damping": None},
    ],
    ids=["default", "structure gradient"],
)
def test_losses_of_pairs_do_not_show_the_threads(n, options):
    assert_same_for_threads(lambda: losses_and_gradients(n, **options), (1, 2, 3, 4, 7))
