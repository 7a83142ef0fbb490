# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from skmanifold._engine import BLOCK_ROWS, ExactLinear, apply_in_blocks
from skmanifold._engine._apply import _MANY_ROWS
from skmanifold.nn import MLP


@pytest.fixture(scope="module")
def wide():
    torch.manual_seed(0)
    X = np.random.RandomState(0).randn(700, 784).astype(np.float32)
    return MLP(784, 2, layers=(512, 300)).eval(), X


def apply(module, X, **options):
    return apply_in_blocks(module, lambda a, b: X[a:b], len(X), **options)


def test_outputs_are_those_of_the_network(wide):
    module, X = wide
    with torch.no_grad():
        expected = module(torch.from_numpy(X)).numpy()
    assert_allclose(apply(module, X), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("n_threads", [1, 2, 3])
def test_samples_are_independent_of_the_batch(wide, n_threads):
    module, X = wide
    everything = apply(module, X)
    torch.set_num_threads(n_threads)
    assert np.array_equal(apply(module, X), everything)
    for start, stop in [(0, 1), (191, 193), (13, 700), (699, 700)]:
        assert np.array_equal(apply(module, X[start:stop]), everything[start:stop])
    order = np.random.RandomState(1).permutation(700)
    assert np.array_equal(apply(module, X[order]), everything[order])


@pytest.fixture(scope="module")
def many():
    torch.manual_seed(0)
    X = np.random.RandomState(0).randn(_MANY_ROWS + 100, 50).astype(np.float32)
    return MLP(50, 2).eval(), X


class Sizes(torch.nn.Module):
    """A network that records the sizes of its blocks, and may depend on them."""

    def __init__(self, network, step=0.0):
        super().__init__()
        self.network, self.step, self.sizes = network, step, set()

    def forward(self, x):
        self.sizes.add(len(x))
        return self.network(x) + self.step * len(x)


@pytest.mark.parametrize("n_threads", [1, 3])
def test_large_blocks_have_the_bits_of_small_ones(many, n_threads):
    torch.set_num_threads(n_threads)
    network, X = many
    network = Sizes(network)
    everything = apply(network, X)
    assert max(network.sizes) > BLOCK_ROWS
    for start in range(0, len(X), 1_000):
        part = X[start : start + 1_000]
        assert np.array_equal(apply(network, part), everything[start : start + 1_000])
    order = np.random.RandomState(1).permutation(len(X))
    assert np.array_equal(apply(network, X[order]), everything[order])


def test_large_blocks_of_other_bits_are_not_used(many):
    network, X = many
    changed = apply(Sizes(network, 1e-3), X)
    few = apply(Sizes(network, 1e-3), X[-1_000:])
    assert np.array_equal(few, changed[-1_000:])


def test_large_blocks_are_limited_by_memory(many):
    network, X = many
    network = Sizes(torch.nn.Linear(1400, 2))
    rows = np.tile(X, (1, 28))
    apply(network, rows)
    assert network.sizes == {BLOCK_ROWS}


def test_a_plain_pass_would_depend_on_it(wide):
    """The reason for the blocks: fails when they are no longer needed."""
    module, X = wide
    with torch.no_grad():
        everything = module(torch.from_numpy(X))
        parts = torch.cat([module(torch.from_numpy(X[i : i + 1])) for i in range(700)])
    assert not torch.equal(everything, parts)


def test_padding_does_not_leak():
    """Padding of the last block does not reach the outputs."""
    out = apply(lambda x: x + 1, np.zeros((3, 2), dtype=np.float32))
    assert np.array_equal(out, np.ones((3, 2)))


def test_leaves_the_input_alone(wide):
    module, X = wide
    before = X.copy()
    apply(module, X)
    assert np.array_equal(X, before)


@pytest.mark.parametrize("n_inputs", [1, 40, 3000, 100_000])
def test_products_of_all_sizes_have_the_same_bits(n_inputs):
    rng = np.random.RandomState(0)
    weight, bias = rng.randn(4, n_inputs).astype(np.float32), np.zeros(4, np.float32)
    layer = ExactLinear(weight, bias)
    n = min(2100, 2**22 // n_inputs)
    X = rng.randn(n, n_inputs).astype(np.float32)
    whole = layer(X)
    assert_allclose(whole, X @ weight.T, rtol=1e-3, atol=1e-3 * n_inputs**0.5)
    for size in {1, 15, 16, 17, 100, 1025, n - 1} & set(range(n)):
        assert np.array_equal(layer(X[-size:]), whole[-size:])


def test_sizes_of_other_bits_are_not_used(monkeypatch):
    """As if a library summed in another order for few samples."""

    def product(self, rows):
        return (rows @ self.weight.numpy().T) * (1 + (len(rows) == 16))

    monkeypatch.setattr(ExactLinear, "_product", product)
    layer = ExactLinear(np.ones((2, 3), np.float32), np.zeros(2, np.float32))
    assert layer.sizes == [4, 128, 512, 1024]
    assert np.array_equal(layer(np.ones((1, 3), np.float32)), [[3, 3]])
