# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
import pytest
import torch

from skmanifold.losses import barlow_twins


def views(n, d, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(2, n, d, generator=generator, dtype=torch.float64).unbind(0)


@pytest.mark.parametrize("n, d", [(3, 2), (8, 5), (6, 1)])
def test_the_loss_is_that_of_numpys_correlations(n, d):
    z_a, z_b = views(n, d)
    correlations = np.corrcoef(z_a.numpy(), z_b.numpy(), rowvar=False)[:d, d:]
    invariance = ((1 - np.diag(correlations)) ** 2).sum()
    redundancy = (correlations[~np.eye(d, dtype=bool)] ** 2).sum()
    ours = [term.item() for term in barlow_twins(z_a, z_b)]
    assert ours == pytest.approx([invariance, redundancy], rel=1e-10)


@pytest.mark.parametrize("z", [torch.zeros(4, 2), torch.ones(1, 3)])
def test_constant_columns_are_finite(z):
    z = z.requires_grad_()
    invariance, redundancy = barlow_twins(z, z)
    (invariance + redundancy).backward()
    assert (invariance.item(), redundancy.item()) == (z.shape[1], 0.0)
    assert torch.isfinite(z.grad).all()
