# SPDX-License-Identifier: BSD-3-Clause

import math

import pytest
import torch

from skmanifold.losses import topological_loss


def points(n, *widths, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(n, d, generator=generator, dtype=torch.float64) for d in widths]


EDGES = torch.tensor([[0, 1], [2, 4], [1, 3]]), torch.tensor([[3, 4], [0, 2]])


def test_the_loss_is_that_of_loops():
    x, z = points(5, 3, 2)
    total = 0.0
    for edges in EDGES:
        for i, j in edges.tolist():
            lengths = (math.dist(p[i].tolist(), p[j].tolist()) for p in (x, z))
            a, b = lengths
            total += (a - b) ** 2
    loss = topological_loss(x, z, *EDGES).item()
    assert loss == pytest.approx(total / 10, rel=1e-10)


def test_an_isometry_has_no_loss():
    x, _ = points(5, 2, 2)
    turn = torch.tensor([[0.6, -0.8], [0.8, 0.6]], dtype=torch.float64)
    assert topological_loss(x, x @ turn + 7, *EDGES).item() < 1e-25


def test_equal_points_have_a_finite_gradient():
    x = torch.zeros(5, 3)
    z = torch.zeros(5, 2).requires_grad_()
    topological_loss(x, z, *EDGES).backward()
    assert torch.equal(z.grad, torch.zeros(5, 2))
