# SPDX-License-Identifier: BSD-3-Clause

import warnings

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.datasets import make_circles, make_moons

from skmanifold import datasets
from skmanifold.topology import (
    FilteredComplex,
    choose_n_charts,
    denoise,
    estimate_betti_numbers,
    soft_cover,
)
from skmanifold.topology._betti_numbers import count_components, count_long
from skmanifold.topology._votes import _elect


@pytest.mark.parametrize("seed", range(3))
def test_a_circle_inside_another_is_found(seed):
    X, _ = make_circles(400, factor=0.3, noise=0.02, random_state=seed)
    actual = estimate_betti_numbers(X, max_dimension=1, random_state=seed)
    assert actual.numbers == (2, 2)
    assert actual.decided and actual.confidence > 0.7


@pytest.mark.parametrize(
    "name, options, field",
    [
        ("make_sphere", {}, 2),
        ("make_torus", {}, 2),
        ("make_projective_plane", {"n_features": 4}, 2),
        ("make_projective_plane", {"n_features": 4}, 3),
    ],
)
def test_surfaces_have_their_betti_numbers(name, options, field):
    bunch = getattr(datasets, name)(2000, random_state=0, **options)
    actual = estimate_betti_numbers(bunch.data, field=field, random_state=0)
    assert actual.decided
    assert actual.numbers == tuple(bunch.betti_numbers[field])


def test_data_without_holes_have_none():
    rng = np.random.default_rng(0)
    moons, _ = make_moons(400, noise=0.05, random_state=0)
    for X, truth in [
        (rng.normal(size=(600, 2)), (1, 0, 0)),
        (rng.uniform(size=(600, 2)), (1, 0, 0)),
        (moons, (2, 0, 0)),
    ]:
        actual = estimate_betti_numbers(X, random_state=0)
        assert actual.numbers == truth and actual.decided


def test_noise_in_a_hundred_dimensions_does_no_harm():
    rng = np.random.default_rng(0)
    X = np.pad(datasets.make_circle(800, random_state=0).data, ((0, 0), (0, 98)))
    X += 0.1 * rng.normal(size=X.shape)
    actual = estimate_betti_numbers(X, denoise=True, random_state=0)
    assert actual.numbers == (1, 1, 0) and actual.decided


def test_dimension_zero_counts_components():
    X = np.random.default_rng(0).normal(size=(300, 3))
    X[100:] += 20
    # an integer of NumPy is one, too
    actual = estimate_betti_numbers(X, max_dimension=np.int64(0), random_state=0)
    assert actual.numbers == (2,) and actual.decided


def test_no_cover_gives_numbers():
    X = np.random.RandomState(0).normal(size=(500, 12))
    with pytest.warns(UserWarning, match="None of the 5 votes gives Betti numbers"):
        result = estimate_betti_numbers(X, random_state=0)
    assert result.numbers is None
    assert not result.decided


def test_too_many_dimensions_are_undecided():
    # in ten dimensions a nerve has too many simplices to follow
    X = np.random.default_rng(0).normal(size=(400, 10))
    with pytest.warns(
        UserWarning, match=r"undecided: .* 70% and .* needed\. Pass more"
    ):
        actual = estimate_betti_numbers(X, random_state=0)
    assert not actual.decided
    assert actual.confidence < 0.7


@pytest.mark.parametrize("distance", [20, 100])
def test_a_distant_cluster_does_not_hide_a_circle(distance):
    rng = np.random.RandomState(0)
    cluster = rng.normal([distance, 0], 0.05, size=(80, 2))
    X = np.append(datasets.make_circle(800, random_state=0).data, cluster, axis=0)
    actual = estimate_betti_numbers(X, 1, random_state=0)
    assert actual.numbers == (2, 1) and actual.decided


def test_the_largest_cover_has_to_agree():
    # smaller covers join the turns of the spiral
    rng = np.random.RandomState(102)
    t = 6 * np.pi * np.sqrt(rng.uniform(0.05, 1, 800))
    X = np.column_stack([t * np.cos(t), t * np.sin(t)])
    with pytest.warns(UserWarning, match="80% of 5 votes, but .* of the largest cover"):
        actual = estimate_betti_numbers(X, 1, random_state=102)
    assert actual.votes[-1] == (1, 0)
    assert actual.confidence > 0.7 and not actual.decided


@pytest.mark.parametrize("seed", range(3))
def test_a_finer_cover_has_to_confirm(seed):
    # a tube as thin as the charts that vote looks like a wire
    u, v = datasets.make_torus(1000, random_state=seed).coordinates.T
    r = 2 + 0.7 * np.cos(v)
    X = np.column_stack([r * np.cos(u), r * np.sin(u), 0.7 * np.sin(v)])
    with pytest.warns(UserWarning, match="cover of 80 charts has other loops or voids"):
        actual = estimate_betti_numbers(X, random_state=seed)
    assert actual.numbers == (1, 1, 0) and actual.confidence > 0.7
    assert not actual.decided


def test_components_of_the_finer_cover_do_not_count():
    rng = np.random.default_rng(0)
    X = rng.normal([[0, 0]] * 600 + [[9, 9]] * 300, 0.5)
    actual = estimate_betti_numbers(X, 1, random_state=0)
    assert actual.numbers == (2, 0) and actual.decided


@pytest.mark.parametrize("denoise", [False, True])
def test_outliers_do_not_hide_a_circle(denoise):
    X = np.append(datasets.make_circle(400, random_state=0).data, [[1e5, 1e5]], axis=0)
    actual = estimate_betti_numbers(X, 1, denoise=denoise, random_state=0)
    assert actual.numbers == (1, 1) and actual.decided


def test_the_seed_decides_and_units_do_not():
    X = datasets.make_circle(600, random_state=0).data
    options = {"max_dimension": 1, "max_samples": 300}
    a, b = (estimate_betti_numbers(X, random_state=3, **options) for _ in range(2))
    assert a[:3] == b[:3] and a.votes == b.votes
    # the smaller covers cannot change the decision
    assert_array_equal(a.n_charts, [24, 28, 32])
    with warnings.catch_warnings(action="error"):
        for other in (1e3 * X + 1e4, 1e200 * X, 1e-200 * X, X.astype(np.float32)):
            actual = estimate_betti_numbers(other, random_state=3, **options)
            # neither the unit nor the origin counts
            assert actual.votes == a.votes


def test_denoised_data_have_three_votes_of_each_size():
    rng = np.random.default_rng(0)
    X = np.pad(datasets.make_circle(300, random_state=0).data, ((0, 0), (0, 18)))
    X += 0.1 * rng.normal(size=X.shape)
    actual = estimate_betti_numbers(X, 1, denoise=True, random_state=0)
    assert actual.numbers == (1, 1) and actual.decided
    assert_array_equal(actual.n_charts[-6:], [28, 28, 28, 32, 32, 32])


@pytest.mark.parametrize("seed", [0, 1, 4])
def test_noise_between_components_does_not_join_them(seed):
    rng = np.random.default_rng(seed)
    angle = rng.uniform(0, 2 * np.pi, (3, 300, 1))
    centers = np.array([[[0.0, 0.0]], [[3.0, 0.0]], [[1.5, 3.0]]])
    circles = centers + np.concatenate([np.cos(angle), np.sin(angle)], axis=2)
    X = np.pad(circles.reshape(900, 2), ((0, 0), (0, 98)))
    X += rng.normal(scale=0.2, size=X.shape)
    actual = estimate_betti_numbers(X, 1, denoise=True, random_state=seed)
    assert actual.numbers == (3, 3)


def test_the_most_frequent_vote_wins():
    assert _elect([(1, 0), (1, 0), (1, 1)]) == ((1, 0), 2 / 3)
    assert _elect([None, (1, 0), None]) == ((1, 0), 1 / 3)
    assert _elect([None, None]) == (None, 0.0)
    # in a tie, that of the largest cover
    assert _elect([(1, 0), (1, 1), (1, 1), (1, 0), None]) == ((1, 0), 2 / 5)


@pytest.mark.parametrize(
    "lengths, n_long",
    [
        ([], 0),
        ([0.1, 2.5, 2.1], 2),
        # too short, and much longer than the rest
        ([2.5, 1.6, 0.5], 2),
        ([1.6], 1),
        ([1.6, 1.5, 1.0], 0),
        ([1.6, 0.6], 0),
        ([1.3], 0),
        # those longer than a clear one count with it
        ([1.7, 1.6, 0.4], 2),
    ],
)
def test_long_bars_are_counted(lengths, n_long):
    assert count_long(np.array(lengths), 2.0) == n_long


def line(values):
    """Return charts in a line, joined at the given values."""
    n = len(values) + 1
    edges = np.column_stack([np.arange(n - 1), np.arange(1, n)])
    return FilteredComplex(
        [np.arange(n)[:, np.newaxis], edges], [np.zeros(n), np.array(values)], end=90.0
    )


@pytest.mark.parametrize(
    "values, mass, n_components",
    [
        ([1.0, 1.0, 1.0], [1.0] * 4, 1),
        ([1.0, 30.0, 1.0], [1.0] * 4, 2),
        # as late as the merges within
        ([20.0, 30.0, 1.0], [1.0] * 4, 1),
        # an outlier
        ([1.0, 1.0, 30.0], [1.3, 1.3, 1.3, 0.1], 1),
        # a gap within a part does not hide a later one
        ([1.0, 20.0, 1.0, 30.0, 1.0], [1.0] * 6, 3),
        # never joined
        ([1.0, np.inf, 1.0], [1.0] * 4, 2),
    ],
)
def test_components_are_counted(values, mass, n_components):
    nerve = line(values)
    finite = np.isfinite(nerve.values[1])
    nerve.simplices[1] = nerve.simplices[1][finite]
    nerve.values[1] = nerve.values[1][finite]
    actual, n_smallest = count_components(nerve, np.array(mass))
    assert actual == n_components
    if n_components == 1:
        assert n_smallest == len(mass)


@pytest.mark.parametrize(
    "options, match",
    [
        ({"max_dimension": 3}, "'max_dimension' .* Got 3"),
        ({"max_dimension": 1.0}, r"'max_dimension' .* Got 1\.0"),
        ({"field": 4}, "field must be a prime number .* got 4"),
        ({"max_samples": 0}, "'max_samples' .* Got 0"),
        ({"denoise": "yes"}, "'denoise' .* Got 'yes'"),
    ],
)
def test_wrong_arguments_are_refused(options, match):
    X = np.random.default_rng(0).normal(size=(160, 2))
    with pytest.raises(ValueError, match=match):
        estimate_betti_numbers(X, random_state=0, **options)


@pytest.mark.parametrize(
    "function", [choose_n_charts, denoise, estimate_betti_numbers, soft_cover]
)
def test_missing_values_are_refused(function):
    X = np.full((200, 2), np.nan)
    with pytest.raises(ValueError, match="Input X contains NaN"):
        function(X)


def test_too_few_samples_are_refused():
    few = np.random.default_rng(0).normal(size=(159, 2))
    for X, n_distinct in (
        (few, 159),
        (np.repeat(few, 3, axis=0), 159),
        (np.ones((200, 3)), 1),
    ):
        with pytest.raises(
            ValueError, match=rf"X has {n_distinct} distinct samples?, .* at least 160"
        ):
            estimate_betti_numbers(X)


def test_copies_do_not_count():
    X = datasets.make_circle(300, random_state=0).data
    copies = np.append(np.repeat(X, 3, axis=0), np.repeat(X[:1], 9000, axis=0), axis=0)
    options = {"max_dimension": 1, "denoise": True, "random_state": 0}
    actual, expected = (estimate_betti_numbers(A, **options) for A in (copies, X))
    assert actual.decided and actual.votes == expected.votes


@pytest.mark.parametrize("seed", range(5))
def test_the_fewest_samples_have_two_votes(seed):
    # an ellipse with gaps between its samples
    t = np.random.RandomState(seed).uniform(0, 2 * np.pi, 160)
    X = np.column_stack([3 * np.cos(t), np.sin(t)])
    with warnings.catch_warnings(action="ignore"):
        actual = estimate_betti_numbers(X, 1, random_state=seed)
    assert_array_equal(actual.n_charts, [16, 20])
    assert actual.numbers == (1, 1) or not actual.decided
