# Authors: The skmanifold developers
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
def test_value_and_gradient_against_naive_loop(views, kernel, repulsion, damping):
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


@pytest.mark.parametrize("kernel", ["max", "density"])
def test_gradcheck(views, kernel):
    def divergence(p, z_a, z_b):
        return two_way_divergence(p, z_a, z_b, nu=0.3, kernel=kernel)

    assert torch.autograd.gradcheck(divergence, views)


def test_negatives_do_not_depend_on_batch_size():
    """repulsion is the weight of all negatives of a row, however many there are."""
    p = torch.zeros(3, 3, dtype=torch.float64)
    corners = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.5, 0.75**0.5]]).double()
    few = two_way_divergence(p, corners, corners, nu=1.0)[1]
    many = corners.repeat(40, 1)
    p = torch.zeros(120, 120, dtype=torch.float64)
    # two of three others are as far as in the small batch, one of three coincides
    coincident = two_way_divergence(
        torch.zeros(2, 2).double(), corners[[0, 0]], corners[[0, 0]], nu=1.0
    )[1]
    many = two_way_divergence(p, many, many, nu=1.0)[1]
    expected = few + coincident * 2 * (39 / 120)
    torch.testing.assert_close(many, expected)


def test_push_pull():
    """Lemma 1: with nu_structure > nu_embedding, near pairs are pulled nearer than they
    are in structure space, far ones pushed further."""
    from skmanifold.losses import t_kernel

    nu_y, nu_z = 100.0, 0.01

    def slope(d2):
        """Derivative of the divergence by d2 where both spaces agree."""
        d2 = torch.tensor(d2, dtype=torch.float64, requires_grad=True)
        p = t_kernel(d2.detach(), nu_y)
        q = t_kernel(d2, nu_z)
        divergence = -(p * q.log() + (1 - p) * (1 - q).log())
        return torch.autograd.grad(divergence, d2)[0].item()

    slopes = [slope(d2) for d2 in (0.01, 0.5, 1.0, 10.0, 20.0, 100.0)]
    signs = [s > 0 for s in slopes]
    assert signs[0], "near pairs attract"
    assert not signs[-1], "far pairs repel"
    assert signs == sorted(signs, reverse=True), "one crossing"


def test_coinciding_points_give_finite_gradients():
    z = torch.zeros(4, 2, requires_grad=True)
    positive, negative = two_way_divergence(torch.eye(4), z, z, nu=0.01)
    (positive + negative).backward()
    assert torch.isfinite(negative)
    assert torch.isfinite(z.grad).all()


def test_paper_loss_weighs_all_pairs_alike(views):
    p, z_a, z_b = (t.detach() for t in views)
    _, paper = two_way_divergence(p, z_a, z_b, nu=1.0, repulsion=None)
    _, weighted = two_way_divergence(p, z_a, z_b, nu=1.0, repulsion=2.5)
    torch.testing.assert_close(paper, weighted * 6 / 2.5)
