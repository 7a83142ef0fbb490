# SPDX-License-Identifier: BSD-3-Clause

"""All losses: explicit gradients, and half precision that they leave by themselves."""

import copy

import pytest
import torch
from torch import nn

from skmanifold import losses

N, D, K = 12, 3, 2


def draws(*shape):
    generator = torch.Generator().manual_seed(0)
    return torch.rand(*shape, generator=generator)


LABELS = torch.arange(N) % K
EDGES = torch.tensor([[0, 1], [1, 2]])
CHAIN = nn.Sequential(nn.Linear(D, D), nn.Tanh())
Z = draws(2, N, D)
Q = draws(N, K).softmax(1)

# Arguments of each public function.
ARGUMENTS = {
    "alignment_loss": (Z[0], draws(K, D), LABELS),
    "batch_all_triplets": (draws(N, N), LABELS),
    "center_distance_loss": (draws(K, D), draws(K, K)),
    "barlow_twins": tuple(Z),
    "chart_mmd": (Q, draws(N, K, D), draws(N, K, D)),
    "cluster_divergence": (Q, Q.log()),
    "isometry_loss": (Z[0],),
    "jacobian_vector_product": (CHAIN, *Z),
    "local_isometry_loss": (*Z, draws(N)),
    "log_assignments": (Z[0], draws(K, D)),
    "nt_xent": tuple(Z),
    "semi_hard_triplets": (draws(N, N), LABELS),
    "sharpened_assignments": (Q,),
    "squared_distances": tuple(Z),
    "t_kernel": (draws(N), 1.0),
    "topological_loss": (*Z, EDGES, EDGES),
    "t_similarities": (*Z, 1.0),
    "two_way_divergence": (draws(N, N), *Z),
    "vector_jacobian_product": (CHAIN, *Z),
}
OPTIONS = {"two_way_divergence": {"nu": 1.0}}


def test_all_losses_are_here():
    assert {*ARGUMENTS} == {*losses.__all__} - {"full_precision"}


@pytest.mark.parametrize("name", ARGUMENTS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_autocast_changes_no_bit(name, dtype):
    arguments = [
        a.to(dtype) if isinstance(a, torch.Tensor) and a.is_floating_point() else a
        for a in ARGUMENTS[name]
    ]
    single = [
        a.float() if isinstance(a, torch.Tensor) and a.is_floating_point() else a
        for a in arguments
    ]

    def result(values):
        value = getattr(losses, name)(*values, **OPTIONS.get(name, {}))
        return value if isinstance(value, tuple) else (value,)

    expected = result(single)
    with torch.autocast("cpu", torch.bfloat16):
        computed = result(arguments)
    for a, b in zip(computed, expected, strict=True):
        assert a.dtype == torch.float32
        assert torch.equal(a, b)


@pytest.mark.parametrize("name", ARGUMENTS)
def test_gradients_are_those_of_finite_differences(name):
    arguments = [
        a.double().requires_grad_()
        if isinstance(a, torch.Tensor) and a.is_floating_point()
        else copy.deepcopy(a).double()
        if isinstance(a, nn.Module)
        else a
        for a in ARGUMENTS[name]
    ]
    if name == "chart_mmd":
        arguments[2].requires_grad_(False)  # the uniform draws
    options = OPTIONS.get(name, {})

    def result(*values):
        return getattr(losses, name)(*values, **options)

    assert torch.autograd.gradcheck(result, arguments)


def test_keywords_and_methods_have_full_precision():
    class Layer(nn.Module):
        @losses.full_precision
        def forward(self, x, *, y):
            return x @ y

    x = draws(4, 4)
    with torch.autocast("cpu", torch.bfloat16):
        assert (x @ x).dtype == torch.bfloat16
        assert Layer()(x, y=x).dtype == torch.float32
        assert Layer()(x.half(), y=x.bfloat16()).dtype == torch.float32
