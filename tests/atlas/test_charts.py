# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from torch import nn

from skmanifold.atlas._charts import (
    ChartEncoder,
    ChartHeads,
    OnBlocks,
    atlas_distances,
    hard_blocks,
    join_blocks,
    one_hot,
    soft_blocks,
    split_blocks,
    split_raw,
)


def raw_blocks(n=7, k=3, d=2, seed=0):
    rng = np.random.RandomState(seed)
    q = rng.dirichlet(np.ones(k), n)
    y = rng.rand(n, k, d)
    return q, y, np.concatenate([q[:, :, None], y], 2).reshape(n, -1)


def test_prototypes_alone_decide_at_first():
    torch.manual_seed(0)
    prototypes, x = torch.randn(3, 4), torch.randn(6, 4)
    heads = ChartHeads(5, 3, 2, prototypes=prototypes, temperature=0.7)
    q, _ = heads(torch.randn(6, 5), x)
    expected = (-torch.cdist(x, prototypes).square() / 0.7).softmax(1)
    torch.testing.assert_close(q, expected, rtol=1e-4, atol=1e-6)


def test_a_chart_far_away_stays_finite():
    prototypes = torch.tensor([[0.0], [1e8]])
    heads = ChartHeads(2, 2, 1, prototypes=prototypes, temperature=0.01)
    q, y = heads(torch.zeros(3, 2), torch.zeros(3, 1))
    q.square().sum().add(y.sum()).backward()
    assert torch.equal(q, torch.tensor([[1.0, 0.0]]).repeat(3, 1))
    for parameter in heads.parameters():
        assert torch.isfinite(parameter.grad).all()


def test_heads_compute_in_full_precision_under_autocast():
    heads = ChartHeads(5, 3, 2)
    with torch.autocast("cpu", torch.bfloat16):
        q, y = heads(torch.randn(4, 5).bfloat16())
    assert q.dtype == y.dtype == torch.float32


def test_encoder_returns_raw_blocks():
    torch.manual_seed(0)
    encoder = ChartEncoder(nn.Linear(4, 5), ChartHeads(5, 3, 2))
    x = torch.randn(6, 4)
    blocks = encoder(x)
    q, y = encoder.charts(x)
    assert torch.equal(blocks, join_blocks(q, y))
    back = split_raw(blocks, 2)
    assert torch.equal(back[0], q) and torch.equal(back[1], y)


def test_soft_blocks_are_split_into_their_parts():
    q, y, raw = raw_blocks()
    blocks = OnBlocks(soft_blocks, 2)(torch.from_numpy(raw)).numpy()
    assert_allclose(blocks.reshape(7, 3, 3)[:, :, 0], q)
    assert_allclose(blocks.reshape(7, 3, 3)[:, :, 1:], q[:, :, None] * y)
    weights, coordinates = split_blocks(blocks, 2)
    assert_allclose(weights, q)
    assert_allclose(coordinates, y)


def test_hard_blocks_are_split_into_their_parts():
    q, y, raw = raw_blocks()
    blocks = OnBlocks(hard_blocks, 2)(torch.from_numpy(raw)).numpy()
    chart = q.argmax(1)
    weights, coordinates = split_blocks(blocks, 2)
    assert_array_equal(weights, np.eye(3)[chart])
    assert_array_equal(coordinates[np.arange(7), chart], y[np.arange(7), chart])
    assert (blocks != 0).sum() == 7 * 3


def test_one_hot_takes_the_first_of_equals():
    q = np.array([[0.4, 0.4, 0.2]])
    assert_array_equal(one_hot(q), [[1, 0, 0]])
    assert_array_equal(one_hot(torch.from_numpy(q)), [[1, 0, 0]])


@pytest.mark.parametrize("hard", [False, True])
def test_distances_are_those_of_loops(hard):
    (q_a, y_a, _), (q_b, y_b, _) = raw_blocks(5), raw_blocks(300, seed=1)
    if hard:
        q_a, q_b = one_hot(q_a), one_hot(q_b)
    for a, b in ((q_a, q_b), (q_b, q_a)):
        y, z = (y_a, y_b) if a is q_a else (y_b, y_a)
        result = atlas_distances(a, y, b, z)
        assert result.shape == (len(a), len(b))
        for i in range(0, len(a), 3):
            for j in range(0, len(b), 3):
                weight = a[i] * b[j]
                apart = np.linalg.norm(y[i] - z[j], axis=1)
                expected = weight @ apart / weight.sum() if weight.sum() > 0 else np.inf
                assert result[i, j] == pytest.approx(expected)
    assert np.isinf(result).any() == hard
