# SPDX-License-Identifier: BSD-3-Clause


import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from scipy import stats
from scipy.spatial.distance import cdist

from skmanifold.losses import squared_distances, t_kernel, t_similarities


@pytest.mark.parametrize("nu", [0.01, 1.0, 5.0, 100.0])
def test_density_kernel_is_the_t_density_of_scipy(nu):
    distances = torch.linspace(0, 8, 50, dtype=torch.float64)
    ours = t_kernel(distances**2, nu, kernel="density")
    assert_allclose(ours, stats.t(nu).pdf(distances), rtol=1e-9)


@pytest.mark.parametrize("nu", [0.01, 1.0, 100.0])
def test_max_kernel_is_one_at_zero_and_the_density_up_to_a_constant(nu):
    d2 = torch.tensor([0.0, 0.5, 7.0], dtype=torch.float64)
    kernel = t_kernel(d2, nu)
    assert kernel[0] == 1.0
    density = t_kernel(d2, nu, kernel="density")
    torch.testing.assert_close(kernel * stats.t.pdf(0.0, nu), density)


@pytest.mark.parametrize("offset", [0.0, 1e5])
def test_squared_distances_are_those_of_scipy(offset):
    rng = np.random.RandomState(0)
    a = rng.randn(7, 3) + offset
    b = rng.randn(5, 3) + offset
    ours = squared_distances(torch.from_numpy(a), torch.from_numpy(b))
    assert_allclose(ours, cdist(a, b, "sqeuclidean"), rtol=1e-7)
    near = torch.from_numpy(1e3 * a).float()
    assert squared_distances(near, near).min() >= 0


@pytest.mark.parametrize("kernel", ["max", "density"])
@pytest.mark.parametrize("nu", [0.01, 100.0])
def test_similarities_are_the_kernel_of_the_distances(kernel, nu):
    rng = np.random.RandomState(0)
    a, b = (torch.from_numpy(rng.randn(n, 3)).requires_grad_() for n in (7, 5))
    expected = t_kernel(squared_distances(a, b), nu, kernel=kernel)
    ours = t_similarities(a, b, nu, kernel=kernel)
    torch.testing.assert_close(ours, expected)
    grads = (torch.autograd.grad(k.square().sum(), (a, b)) for k in (ours, expected))
    torch.testing.assert_close(*grads)


def test_pairs_have_a_factor_on_their_distances():
    rng = np.random.RandomState(0)
    a, b = (torch.from_numpy(rng.randn(5, 3)).requires_grad_() for _ in range(2))
    d2 = squared_distances(a, b)
    expected = t_kernel(torch.where(torch.eye(5) == 1, 0.3 * d2, d2), 2.0)
    ours = t_similarities(a, b, 2.0, pair_factor=0.3)
    torch.testing.assert_close(ours, expected)
    grads = (torch.autograd.grad(k.square().sum(), (a, b)) for k in (ours, expected))
    torch.testing.assert_close(*grads)
