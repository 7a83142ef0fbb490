# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
import pytest
import torch

from skmanifold.losses import barlow_twins


def views(n, d, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(2, n, d, generator=generator, dtype=torch.float64).unbind(0)


@pytest.mark.parametrize("n, d", [(3, 2), (8, 5), (6, 1)])
def test_against_numpy_correlations(n, d):
    z_a, z_b = views(n, d)
    correlations = np.corrcoef(z_a.numpy(), z_b.numpy(), rowvar=False)[:d, d:]
    invariance = redundancy = 0.0
    for i in range(d):
        for j in range(d):
            if i == j:
                invariance += (1 - correlations[i, j]) ** 2
            else:
                redundancy += correlations[i, j] ** 2
    ours = [term.item() for term in barlow_twins(z_a, z_b)]
    assert ours == pytest.approx([invariance, redundancy], rel=1e-10)


def test_gradient():
    z_a, z_b = (z.requires_grad_() for z in views(5, 3))
    assert torch.autograd.gradcheck(barlow_twins, (z_a, z_b))


def test_shift_and_scale_of_a_column_count_for_nothing():
    z_a, z_b = views(9, 3)
    moved = z_a * torch.tensor([1.0, 5.0, 0.1]) + torch.tensor([3.0, 0.0, -7.0])
    torch.testing.assert_close(barlow_twins(moved, z_b), barlow_twins(z_a, z_b))


def test_equal_uncorrelated_views_have_no_loss():
    z = torch.linalg.qr(views(8, 3)[0] - views(8, 3)[0].mean(0))[0]
    for term in barlow_twins(z, 2 * z):
        assert term.item() == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("z", [torch.zeros(4, 2), torch.ones(1, 3)])
def test_constant_columns_are_finite(z):
    z = z.requires_grad_()
    invariance, redundancy = barlow_twins(z, z)
    (invariance + redundancy).backward()
    assert (invariance.item(), redundancy.item()) == (z.shape[1], 0.0)
    assert torch.isfinite(z.grad).all()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_computed_in_single(dtype):
    z_a, z_b = (z.to(dtype) for z in views(6, 3))
    expected = barlow_twins(z_a.float(), z_b.float())
    assert barlow_twins(z_a, z_b) == expected
    with torch.autocast("cpu", torch.bfloat16):
        assert barlow_twins(z_a.float(), z_b.float()) == expected
