# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

import pytest
import torch

from skmanifold.losses import chart_mmd


def sample(n, n_charts, d, seed=0):
    g = torch.Generator().manual_seed(seed)
    q = torch.rand(n, n_charts, generator=g, dtype=torch.float64)
    y = torch.rand(n, n_charts, d, generator=g, dtype=torch.float64)
    return q / q.sum(1, keepdim=True), y


def double_loop(q, y, u, scale):
    """The formula of the docstring, term by term."""
    n, n_charts = q.shape
    m = len(u)

    def k(a, b):
        return scale / (scale + float(((a - b) ** 2).sum()))

    own = cross = target = 0.0
    for j in range(n_charts):
        for i in range(n):
            for i2 in range(n):
                if i != i2:
                    own += float(q[i, j] * q[i2, j]) * k(y[i, j], y[i2, j])
            for i2 in range(m):
                cross += float(q[i, j]) * k(y[i, j], u[i2, j])
        for i in range(m):
            for i2 in range(m):
                if i != i2:
                    target += k(u[i, j], u[i2, j])
    return (
        own / (n * (n - 1))
        - 2 * cross / (n_charts * n * m)
        + target / (n_charts**2 * m * (m - 1))
    )


@pytest.mark.parametrize("n, m, n_charts, d", [(7, 5, 3, 2), (4, 6, 1, 1)])
def test_against_a_double_loop(n, m, n_charts, d):
    q, y = sample(n, n_charts, d)
    _, u = sample(m, n_charts, d, seed=1)
    expected = double_loop(q, y, u, d / 24)
    assert chart_mmd(q, y, u).item() == pytest.approx(expected, rel=1e-10)


def test_gradient_in_single_precision():
    q, y = sample(40, 4, 3)
    _, u = sample(30, 4, 3, seed=1)
    grads = []
    for dtype in (torch.float32, torch.float64):
        leaves = [t.to(dtype).requires_grad_() for t in (q, y)]
        loss = chart_mmd(*leaves, u.to(dtype))
        grads.append(torch.autograd.grad(loss, leaves))
    for single, double in zip(*grads, strict=True):
        torch.testing.assert_close(single.double(), double, rtol=1e-4, atol=1e-7)
