# SPDX-License-Identifier: BSD-3-Clause

import itertools
import math

import pytest
import torch
from scipy import stats

from skmanifold.losses import two_way_divergence


def naive_divergence(p, z_a, z_b, nu, kernel, repulsion, damping, floor):
    """The formula of the docstring, pair by pair."""
    n = len(p)
    positive = negative = torch.zeros((), dtype=p.dtype)
    for i, j in itertools.product(range(n), range(n)):
        d2 = ((z_a[i] - z_b[j]) ** 2).sum()
        q = (1 + d2 / nu) ** (-(nu + 1) / 2)
        if kernel == "density":
            q = q * stats.t.pdf(0.0, nu)
        if 1 - q > floor:
            log_complement = torch.log(1 - q)
        else:
            log_complement = math.log(floor) + (1 - q - floor) / floor
        divergence = -(p[i, j] * torch.log(q) + (1 - p[i, j]) * log_complement)
        if i == j:
            positive = positive + divergence / n
        else:
            weight = (1.0 if repulsion is None else repulsion / n) / n
            if damping is not None:
                weight = weight / (1 + d2.detach() / damping)
            negative = negative + weight * divergence
    return positive, negative


@pytest.fixture
def views():
    generator = torch.Generator().manual_seed(0)
    z_a = torch.randn(6, 2, dtype=torch.float64, generator=generator)
    z_b = torch.randn(6, 2, dtype=torch.float64, generator=generator)
    z_b[0] = z_a[0] + 1e-3  # inside the tangent's range
    z_b[3] = z_a[1] + 1e-3
    p = torch.rand(6, 6, dtype=torch.float64, generator=generator)
    return [t.requires_grad_() for t in (p, z_a, z_b)]


@pytest.mark.parametrize("kernel", ["max", "density"])
@pytest.mark.parametrize("repulsion", [2.5, None])
@pytest.mark.parametrize("damping", [None, 0.7])
def test_value_and_gradient_are_those_of_loops(views, kernel, repulsion, damping):
    options = dict(
        nu=0.3, kernel=kernel, repulsion=repulsion, damping=damping, floor=1e-2
    )
    ours = two_way_divergence(*views, **options)
    naive = naive_divergence(*views, **options)
    torch.testing.assert_close(ours, naive)
    # unequal weights, so that no error in one term hides in the other
    ours = torch.autograd.grad(2 * ours[0] + 0.7 * ours[1], views)
    naive = torch.autograd.grad(2 * naive[0] + 0.7 * naive[1], views)
    torch.testing.assert_close(ours, naive)


def test_coinciding_points_give_finite_gradients():
    z = torch.zeros(4, 2, requires_grad=True)
    positive, negative = two_way_divergence(torch.eye(4), z, z, nu=0.01)
    (positive + negative).backward()
    assert torch.isfinite(negative)
    assert torch.isfinite(z.grad).all()
