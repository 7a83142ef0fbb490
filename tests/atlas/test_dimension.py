# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skmanifold.atlas import estimate_dimension
from skmanifold.atlas._dimension import _decide, _rank
from skmanifold.datasets import (
    make_circle,
    make_flat_torus,
    make_sphere,
    make_swiss_roll,
)
from skmanifold.topology import denoise


def test_a_circle_has_dimension_one():
    X = make_circle(400, random_state=0).data
    result = estimate_dimension(
        X, range(1, 4), n_charts=4, divergence="mmd", random_state=0
    )
    assert result.dimension == 1
    assert (result.reconstruction > 0).all() and result.reconstruction[0] < 0.02
    assert np.isnan(result.bend[-1])
    assert result.bend[0] == np.nanmax(result.bend)
    assert np.isfinite(result.divergence).all()


def test_a_sphere_has_dimension_two():
    X = make_sphere(500, random_state=0).data
    result = estimate_dimension(X, range(1, 4), n_charts=6, random_state=0)
    assert result.dimension == 2
    assert_array_equal(result.dimensions, [1, 2, 3])


@pytest.mark.parametrize(
    "X, truth",
    [
        (make_flat_torus(1500, dimension=4, random_state=0).data, 4),
        (make_swiss_roll(1500, random_state=0).data, 2),
    ],
)
def test_neighbors_bound_the_estimate(X, truth):
    result = estimate_dimension(X, range(1, 6), max_epochs=1, random_state=0)
    assert result.dimension == result.lower == result.upper == truth
    assert result.decided is True
    free = estimate_dimension(X, (1, 2), n_charts=4, max_epochs=1, random_state=0)
    assert np.isnan([free.lower, free.upper]).all()
    assert free.decided is False


def test_neighbors_beyond_the_candidates_warn():
    X = np.random.RandomState(0).normal(size=(80, 30))
    with pytest.warns(UserWarning, match=r"undecided: .* Pass dimensions=range\(1, "):
        result = estimate_dimension(X, range(1, 4), max_epochs=1, random_state=0)
    assert result.dimension == result.lower > 3
    assert result.decided is False


def test_noise_is_undecided():
    rng = np.random.RandomState(0)
    X = make_sphere(1000, random_state=0).data + rng.normal(scale=0.1, size=(1000, 3))
    with pytest.warns(UserWarning, match="undecided: .*, or denoise=True"):
        result = estimate_dimension(X, range(1, 5), max_epochs=1, random_state=0)
    assert result.lower == 2 and result.upper == 3
    with pytest.warns(UserWarning, match=r"Pass more samples\.$"):
        estimate_dimension(X, (1, 2, 3, 4), max_epochs=1, denoise=True, random_state=0)


def test_noise_in_many_columns_is_a_reason_to_denoise():
    rng = np.random.RandomState(0)
    X = np.pad(make_circle(300, random_state=0).data, ((0, 0), (0, 18)))
    X += 0.3 * rng.normal(size=X.shape)
    with pytest.warns(UserWarning, match=r"range\(1, .*, or denoise=True"):
        estimate_dimension(X, (1, 2), max_epochs=1, random_state=0)


def test_agreement_decides_the_dimension():
    dimensions = np.arange(1, 6)
    bend = np.array([0.1, 1.2, 0.3, 0.9, np.nan])

    def decide(bend, *estimates):
        bounds = round(min(estimates)), round(max(estimates))
        return _decide(dimensions, bend, np.array(estimates), bounds, 3000)

    # neighbors agree, whatever the curve
    assert decide(bend, 2.95, 3.0, 3.1) == (3, True)
    assert decide(bend, 4.9, 5.0, 5.1) == (5, True)
    # bends of the data may lead many neighbors astray
    assert decide(bend, 4.1, 4.1, 4.4) == (4, True)
    # on too many dimensions, on no integer, or not closely
    assert decide(bend, 5.9, 6.0, 6.1) == (6, False)
    assert decide(bend, 4.55, 4.6, 4.6) == (5, False)
    assert decide(bend, 3.3, 3.0, 2.8) == (3, False)
    # many neighbors confirm the sharpest bend
    assert decide(bend, 3.8, 3.0, 2.4) == (2, True)
    assert decide(bend / 2, 3.8, 3.0, 2.4) == (2, False)
    assert decide(bend, 3.8, 3.0, 2.6) == (4, False)
    assert decide(bend, 7.9, 7.0, 5.8) == (6, False)


def test_neighbors_without_a_dimension_set_no_bound():
    X = np.stack(np.meshgrid(*[range(2)] * 3), axis=-1).reshape(-1, 3)
    with pytest.warns(UserWarning, match="neighbors are none, none, none"):
        result = estimate_dimension(X, range(1, 4), max_epochs=1, random_state=0)
    assert (result.lower, result.upper) == (1, 3)
    assert result.dimension == np.nanargmax(result.bend) + 1


def test_the_seed_decides_the_subsample():
    X = make_circle(200, random_state=0).data
    options = dict(n_charts=2, max_epochs=1, max_samples=100)
    a, b = (estimate_dimension(X, (1, 2), random_state=3, **options) for _ in range(2))
    for array, other in zip(a, b, strict=True):
        assert_array_equal(array, other)
    c = estimate_dimension(X, (1, 2), random_state=4, **options)
    assert not np.array_equal(a.reconstruction, c.reconstruction)


def test_denoise_is_the_denoised_data():
    rng = np.random.default_rng(0)
    X = np.pad(make_circle(200, random_state=0).data, ((0, 0), (0, 18)))
    X += 0.1 * rng.normal(size=X.shape)
    options = dict(n_charts=3, max_epochs=1, random_state=0)
    result = estimate_dimension(X, (1, 2), denoise=True, **options)
    assert_array_equal(
        result.reconstruction,
        estimate_dimension(denoise(X), (1, 2), **options).reconstruction,
    )


@pytest.mark.parametrize(
    "dimensions", [(), (1,), (2, 3), (0, 1, 2), (1, 3), (1.0, 2), 3]
)
def test_dimensions_are_checked(dimensions):
    with pytest.raises(ValueError, match="dimensions="):
        estimate_dimension(np.eye(5), dimensions)


def test_the_dimension_is_at_most_the_number_of_features():
    X = np.random.RandomState(0).rand(300, 1) > 0.5
    result = estimate_dimension(X, range(1, 4), max_epochs=3, random_state=0)
    assert result.dimension == 1 and result.decided
    # between the points of a grid, distances have dimension 3
    grid = np.indices((24, 24)).reshape(2, -1).T
    with pytest.warns(UserWarning, match="undecided"):
        result = estimate_dimension(grid, range(1, 5), max_epochs=1, random_state=0)
    assert result.dimension == result.upper == 2


def test_the_dimension_is_at_most_the_rank():
    line = np.linspace(0, 1, 100)[:, np.newaxis] * [1, 2, 3]
    result = estimate_dimension(line, range(1, 4), max_epochs=1, random_state=0)
    assert result.dimension == result.upper == 1 and result.decided
    few = np.random.RandomState(0).normal(size=(3, 4))
    with pytest.warns(UserWarning, match="undecided"):
        result = estimate_dimension(few, range(1, 4), max_epochs=1, random_state=0)
    assert result.dimension == result.upper == 2


def test_equal_samples_have_no_dimension():
    for value in (0.1, 1.0, 1e300):
        with pytest.raises(ValueError, match="All samples of X are equal"):
            estimate_dimension(np.full((60, 5), value))


@pytest.mark.parametrize("exponent", [660, -660])
def test_the_unit_has_no_effect(exponent):
    X = make_circle(100, random_state=0).data
    options = dict(n_charts=2, max_epochs=1, random_state=0)
    result = estimate_dimension(np.ldexp(X, exponent), (1, 2), **options)
    expected = estimate_dimension(X, (1, 2), **options)
    assert_array_equal(result.reconstruction, expected.reconstruction)


def test_masked_entries_are_missing():
    X = make_circle(100, random_state=0).data
    with pytest.raises(ValueError, match="NaN"):
        estimate_dimension(np.ma.masked_array(X, X > 0.99))


@pytest.mark.parametrize("n_features", [30, 300])
@pytest.mark.parametrize(("offset", "dtype"), [(0.0, np.float32), (1e5, np.float64)])
def test_rounding_adds_no_dimension(n_features, offset, dtype):
    rng = np.random.RandomState(0)
    plane = offset + rng.normal(size=(100, 2)) @ rng.normal(size=(2, n_features))
    assert _rank(plane.astype(dtype).astype(float)) == 2
    noisy = plane + 1e-3 * rng.normal(size=plane.shape)
    assert _rank(noisy) == min(99, n_features)
