# SPDX-License-Identifier: BSD-3-Clause


import pytest
import torch
from pytorch_metric_learning.losses import NTXentLoss

from skmanifold.losses import nt_xent


def views(n, d, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(2, n, d, generator=generator, dtype=torch.float64).unbind(0)


@pytest.mark.parametrize("temperature", [0.1, 0.5])
def test_the_loss_is_that_of_pytorch_metric_learning(temperature):
    z_a, z_b = (z.requires_grad_() for z in views(7, 4))
    theirs = NTXentLoss(temperature)
    samples = torch.arange(7).repeat(2)
    losses = nt_xent(z_a, z_b, temperature), theirs(torch.cat([z_a, z_b]), samples)
    torch.testing.assert_close(*losses)
    torch.testing.assert_close(
        *(torch.autograd.grad(value, (z_a, z_b)) for value in losses)
    )


@pytest.mark.parametrize("rows", [torch.zeros(3, 2), torch.ones(1, 2), torch.eye(2)])
def test_degenerate_samples_are_finite(rows):
    z = rows.clone().requires_grad_()
    loss = nt_xent(z, z, 0.1)
    loss.backward()
    assert torch.isfinite(loss) and torch.isfinite(z.grad).all()
