# SPDX-License-Identifier: BSD-3-Clause

import pytest
import torch

from skmanifold.losses import chart_mmd


def sample(n, n_charts, d, seed=0):
    g = torch.Generator().manual_seed(seed)
    q = torch.rand(n, n_charts, generator=g, dtype=torch.float64)
    y = torch.rand(n, n_charts, d, generator=g, dtype=torch.float64)
    return q / q.sum(1, keepdim=True), y


def plain(q, y, u):
    """The formula of the docstring, chart by chart."""
    n, n_charts = q.shape
    m, scale = len(u), y.shape[2] / 24
    value = 0.0
    for j in range(n_charts):
        own, cross, target = (
            scale / (scale + torch.cdist(a, b).square())
            for a, b in ((y[:, j], y[:, j]), (y[:, j], u[:, j]), (u[:, j], u[:, j]))
        )
        own, target = own.fill_diagonal_(0), target.fill_diagonal_(0)
        value += (q[:, j] @ own @ q[:, j]) / (n * (n - 1))
        value -= 2 * (q[:, j] @ cross).sum() / (n_charts * n * m)
        value += target.sum() / (n_charts**2 * m * (m - 1))
    return value


@pytest.mark.parametrize("n, m, n_charts, d", [(7, 5, 3, 2), (4, 6, 1, 1)])
def test_the_value_follows_the_formula(n, m, n_charts, d):
    q, y = sample(n, n_charts, d)
    _, u = sample(m, n_charts, d, seed=1)
    torch.testing.assert_close(chart_mmd(q, y, u), plain(q, y, u), rtol=1e-10, atol=0)


def test_the_gradient_is_right_in_single_precision():
    q, y = sample(40, 4, 3)
    _, u = sample(30, 4, 3, seed=1)
    grads = []
    for dtype in (torch.float32, torch.float64):
        leaves = [t.to(dtype).requires_grad_() for t in (q, y)]
        loss = chart_mmd(*leaves, u.to(dtype))
        grads.append(torch.autograd.grad(loss, leaves))
    for single, double in zip(*grads, strict=True):
        torch.testing.assert_close(single.double(), double, rtol=1e-4, atol=1e-7)
