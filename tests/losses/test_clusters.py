# SPDX-License-Identifier: BSD-3-Clause

import itertools

import pytest
import torch

from skmanifold.losses import (
    alignment_loss,
    center_distance_loss,
    cluster_divergence,
    local_isometry_loss,
    log_assignments,
    sharpened_assignments,
)


def draws(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, dtype=torch.float64, generator=generator)


@pytest.fixture
def points():
    return draws(7, 3).requires_grad_(), draws(4, 3, seed=1).requires_grad_()


def assert_same_gradients(ours, naive, inputs):
    torch.testing.assert_close(ours, naive)
    torch.testing.assert_close(
        torch.autograd.grad(ours, inputs), torch.autograd.grad(naive, inputs)
    )


# -- soft assignments


def naive_assignments(z, centers, nu):
    d2 = (z.unsqueeze(1) - centers).square().sum(2)
    kernel = (1 + d2 / nu) ** (-(nu + 1) / 2)
    return kernel / kernel.sum(1, keepdim=True)


@pytest.mark.parametrize("nu", [0.5, 1.0, 30.0])
def test_assignments_follow_the_formula(points, nu):
    weights = draws(7, 4, seed=2)
    ours = log_assignments(*points, nu=nu).exp()
    naive = naive_assignments(*points, nu)
    torch.testing.assert_close(ours.sum(1), torch.ones(7, dtype=torch.float64))
    assert_same_gradients((weights * ours).sum(), (weights * naive).sum(), points)


def test_assignments_of_far_points_stay_finite():
    z = torch.tensor([[1e18, 0.0], [0.0, 0.0]])
    log_q = log_assignments(z, torch.tensor([[0.0, 0.0], [1e6, 0.0]]))
    assert torch.isfinite(log_q).all()
    # far from all centers nothing tells them apart, at a center everything does
    torch.testing.assert_close(log_q[0].exp(), torch.tensor([0.5, 0.5]))
    assert log_q[1].exp()[0].item() == 1.0


def test_sharpened_assignments_follow_the_formula():
    q = torch.softmax(draws(6, 3), 1)
    share = q**2 / q.sum(0)
    expected = share / share.sum(1, keepdim=True)
    torch.testing.assert_close(sharpened_assignments(q), expected)


def test_sharpened_assignments_may_have_an_empty_cluster():
    q = torch.tensor([[0.75, 0.25, 0.0], [0.5, 0.5, 0.0]])
    p = sharpened_assignments(q)
    assert torch.isfinite(p).all()
    assert torch.equal(p[:, 2], torch.zeros(2))
    torch.testing.assert_close(p.sum(1), torch.ones(2))


def test_the_divergence_follows_the_formula(points):
    p = torch.softmax(draws(7, 4, seed=3), 1)
    log_q = naive_assignments(*points, 1.0).log()
    naive = (p * (p.log() - log_q)).sum()
    ours = cluster_divergence(p, log_assignments(*points))
    assert_same_gradients(ours, naive / 7, points)


def test_samples_of_the_divergence_are_weighted(points):
    p = torch.softmax(draws(7, 4, seed=3), 1)
    z, centers = points
    weights = torch.tensor([0.0, 1, 2, 100, 1, 1, 0.5], dtype=torch.float64)
    log_q = naive_assignments(z, centers, 1.0).log()
    naive = (weights * (p * (p.log() - log_q)).sum(1)).sum()
    ours = cluster_divergence(p, log_assignments(*points), weights)
    assert_same_gradients(ours, naive / 7, points)


# -- geometry


@pytest.mark.parametrize("weighted", [False, True])
def test_the_local_isometry_follows_the_formula(weighted):
    z_a = draws(5, 3).requires_grad_()
    z_b = draws(5, 3, seed=1).requires_grad_()
    distances = draws(5, seed=2).abs()
    weights = torch.tensor([1.0, 0.0, 0.5, 0.0, 2.0]).double() if weighted else None
    ours = local_isometry_loss(z_a, z_b, distances, weights)
    w = weights if weighted else torch.ones(5)
    errors = ((z_a - z_b).norm(dim=1) - distances).abs()
    assert_same_gradients(ours, (w * errors).sum() / w.sum(), (z_a, z_b))


def test_the_local_isometry_needs_no_pairs_or_distance():
    z = torch.zeros(3, 2, requires_grad=True)
    nothing = local_isometry_loss(z, z + 1, torch.ones(3), torch.zeros(3))
    nothing.backward()
    assert nothing.item() == 0 and torch.equal(z.grad, torch.zeros(3, 2))
    z.grad = None
    local_isometry_loss(z, z * 2, torch.ones(3)).backward()
    assert torch.equal(z.grad, torch.zeros(3, 2)), "coinciding points: no direction"


def test_center_distances_follow_the_formula():
    centers = draws(4, 2).requires_grad_()
    wanted = torch.cdist(draws(4, 3, seed=1), draws(4, 3, seed=1))
    naive = sum(
        (((centers[i] - centers[j]) ** 2).sum().sqrt() - wanted[i, j]).abs()
        for i, j in itertools.permutations(range(4), 2)
    )
    ours = center_distance_loss(centers, wanted)
    assert_same_gradients(ours, naive / 12, (centers,))


def test_center_distances_have_closed_forms():
    corners = torch.tensor([[0.0, 0.0], [3.0, 0.0], [0.0, 4.0]])
    distances = torch.cdist(corners, corners)
    assert center_distance_loss(corners, distances).item() < 1e-6
    assert center_distance_loss(3 * corners, distances).item() == pytest.approx(8)
    single = torch.zeros(1, 2, requires_grad=True)
    alone = center_distance_loss(single, torch.zeros(1, 1))
    alone.backward()
    assert alone.item() == 0 and torch.equal(single.grad, torch.zeros(1, 2))
    same = torch.zeros(3, 2, requires_grad=True)
    center_distance_loss(same, torch.ones(3, 3)).backward()
    assert torch.isfinite(same.grad).all()


def test_center_distances_of_many_centers_need_no_differences():
    sizes = []

    def pack(saved):
        sizes.append(saved.numel())
        return saved

    centers = draws(40, 30).requires_grad_()
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda saved: saved):
        center_distance_loss(centers, torch.ones(40, 40)).backward()
    assert 0 < max(sizes) <= 40 * 40


def test_the_alignment_follows_the_formula(points):
    z, centers = points
    labels = torch.tensor([0, 2, 2, 0, 3, 3, 3])  # cluster 1 has no points
    naive = sum(
        ((centers[j] - z[labels == j].mean(0)) ** 2).sum().sqrt() for j in (0, 2, 3)
    )
    ours = alignment_loss(z, centers, labels)
    assert_same_gradients(ours, naive / 3, points)
