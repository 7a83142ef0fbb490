# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
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


@pytest.mark.parametrize("scale", [None, 0.7])
@pytest.mark.parametrize("n, m, n_charts, d", [(7, 5, 3, 2), (4, 6, 1, 1)])
def test_against_a_double_loop(n, m, n_charts, d, scale):
    q, y = sample(n, n_charts, d)
    _, u = sample(m, n_charts, d, seed=1)
    expected = double_loop(q, y, u, d / 24 if scale is None else scale)
    assert chart_mmd(q, y, u, scale=scale).item() == pytest.approx(expected, rel=1e-10)


def test_gradient():
    q, y = sample(6, 3, 2)
    _, u = sample(5, 3, 2, seed=1)
    q.requires_grad_()
    y.requires_grad_()
    assert torch.autograd.gradcheck(lambda q, y: chart_mmd(q, y, u), (q, y))


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


def test_unbiased():
    g = torch.Generator().manual_seed(0)
    values = []
    for _ in range(400):
        y, u = torch.rand(2, 12, 2, 1, generator=g)
        chart = torch.rand(12, generator=g) < 0.5
        q = torch.stack([chart, ~chart], 1).float()
        values.append(chart_mmd(q, y, u).item())
    error = np.std(values) / np.sqrt(len(values))
    assert abs(np.mean(values)) < 3 * error
    assert min(values) < 0


def test_falls_when_mass_and_coordinates_become_uniform():
    g = torch.Generator().manual_seed(0)
    y, u = torch.rand(2, 400, 4, 2, generator=g)
    even = torch.full((400, 4), 0.25)
    dead = torch.tensor([[1.0, 0.0, 0.0, 0.0]]).repeat(400, 1)
    uniform = chart_mmd(even, y, u)
    assert abs(uniform.item()) < 2e-3
    assert chart_mmd(dead, y, u) > 0.1
    assert chart_mmd(even, y * 0.5, u) > uniform + 0.01


def test_a_dead_chart_gets_a_gradient_towards_life():
    g = torch.Generator().manual_seed(0)
    y, u = torch.rand(2, 100, 2, 2, generator=g)
    logits = torch.tensor([[8.0, 0.0]]).repeat(100, 1).requires_grad_()
    loss = chart_mmd(logits.softmax(1), y, u)
    (grad,) = torch.autograd.grad(loss, logits)
    assert torch.isfinite(grad).all()
    assert grad[:, 1].sum() < 0
