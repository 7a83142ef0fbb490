# SPDX-License-Identifier: BSD-3-Clause

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.spatial.distance import cdist, pdist
from scipy.stats import spearmanr
from sklearn.datasets import load_digits, make_s_curve, make_swiss_roll
from sklearn.manifold import Isomap
from threadpoolctl import threadpool_limits

from skmanifold.graph import _geodesics, geodesic_embedding


def isomap(X, n_components, n_neighbors):
    with warnings.catch_warnings():
        # it says that it joins the parts of a graph
        warnings.simplefilter("ignore")
        return Isomap(n_neighbors=n_neighbors, n_components=n_components).fit_transform(
            X
        )


def aligned(Z, target):
    """Coordinates with the signs of another embedding's."""
    return Z * np.sign((Z * target).sum(axis=0))


@pytest.mark.parametrize("n_components", [1, 2, 5])
def test_all_landmarks_are_isomap(n_components):
    X = load_digits().data[:400] + np.random.RandomState(0).randn(400, 64) * 1e-3
    Z = geodesic_embedding(X, n_components, n_neighbors=12)
    expected = isomap(X, n_components, 12)
    assert_allclose(aligned(Z, expected), expected, atol=1e-6 * np.ptp(expected))


def parts_of(X, Z, labels):
    return [(X[labels == part], Z[labels == part]) for part in np.unique(labels)]


def gaps(Z, labels):
    """Nearest distance of each two parts."""
    parts = [Z[labels == part] for part in np.unique(labels)]
    return np.array([[cdist(a, b).min() for b in parts] for a in parts])


@pytest.mark.parametrize("n_components", [1, 2])
def test_parts_apart_are_isomaps_of_each(n_components):
    """Also of very different sizes, and where one lies around another."""
    rng = np.random.RandomState(0)
    sizes = [150, 90, 12, 8]
    labels = rng.permutation(np.repeat(range(4), sizes))
    places = 30.0 * np.array([[0, 0, 0, 0], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1]])
    X = rng.randn(260, 4) + places[labels]
    angle = np.sort(rng.uniform(0, 5, size=90))
    X[labels == 1] = 12 * np.column_stack(
        [np.cos(angle), np.sin(angle)] + [0 * angle] * 2
    )
    message = r"has 4 parts \(the largest of 150 of 260 samples\) without"
    with pytest.warns(UserWarning, match=message):
        Z = geodesic_embedding(X, n_components, n_neighbors=7)
    assert_allclose(Z.mean(axis=0), 0.0, atol=1e-9)
    for own, placed in parts_of(X, Z, labels):
        expected = isomap(own, n_components, 7)
        placed = aligned(placed - placed.mean(axis=0), expected)
        assert_allclose(placed, expected, atol=1e-6 * np.ptp(expected))
    assert (gaps(Z, labels) >= gaps(X, labels) * (1 - 1e-9)).all()


@pytest.mark.parametrize("offset", [0.0, 1e9])
def test_parts_apart_lie_as_near_as_they_may(offset):
    """Two balls are separated by the edge between them."""
    X = np.r_[np.arange(10.0), 15 + np.arange(20.0)][:, np.newaxis] + offset
    with pytest.warns(UserWarning, match="2 parts"):
        Z = geodesic_embedding(X, 1, n_neighbors=3)
    labels = np.repeat([0, 1], [10, 20])
    assert gaps(Z, labels)[0, 1] == pytest.approx(6.0)
    assert np.ptp(Z) == pytest.approx(34.0)


def test_parts_apart_have_their_share_of_the_landmarks():
    """Flat components keep their shape, small ones too."""
    rng = np.random.RandomState(0)
    labels = np.repeat([0, 1, 2], [900, 300, 12])
    plane = rng.uniform(0, 10, size=(1212, 2)) / np.array([1, 2, 5])[labels][:, None]
    X = np.column_stack([plane, 20.0 * labels])
    with pytest.warns(UserWarning, match="3 parts"):
        Z = geodesic_embedding(X, 2, n_neighbors=8, n_landmarks=100, random_state=0)
    for own, placed in parts_of(plane, Z, labels):
        assert spearmanr(pdist(own), pdist(placed))[0] > 0.97
    assert (gaps(Z, labels) >= 19)[~np.eye(3, dtype=bool)].all()


@pytest.mark.parametrize("n_searched", [5000, 50])
def test_edges_between_parts_are_the_shortest(n_searched, monkeypatch):
    monkeypatch.setattr(_geodesics, "_BRIDGE_SAMPLES", n_searched)
    rng = np.random.RandomState(0)
    X = rng.randn(700, 4)
    labels = np.repeat([0, 1, 2], [300, 1, 399])
    ends, squares = _geodesics._nearest_pairs(X, labels, 3, rng)
    for i, j in ((0, 1), (0, 2), (1, 2)):
        a, b = ends[i, j]
        assert (labels[a], labels[b]) == (i, j)
        assert squares[i, j] == pytest.approx(np.square(X[a] - X[b]).sum())
        if n_searched >= len(X):
            shortest = cdist(X[labels == i], X[labels == j]).min()
            assert squares[i, j] == pytest.approx(shortest**2)


def test_many_parts_are_joined_along_a_tree(monkeypatch):
    monkeypatch.setattr(_geodesics, "_MOST_PARTS", 3)
    rng = np.random.RandomState(0)
    X = rng.randn(60, 1) + 100 * np.repeat(np.arange(12), 5)[:, None]
    with pytest.warns(UserWarning, match="has 12 parts"):
        Z = geodesic_embedding(X, 1, n_neighbors=2)
    assert abs(spearmanr(Z[:, 0], X[:, 0])[0]) > 0.99
    assert np.ptp(Z) == pytest.approx(np.ptp(X), rel=0.01)


def test_landmarks_approximate_isomap():
    X, _ = make_swiss_roll(1500, random_state=0)
    whole = geodesic_embedding(X)
    few = geodesic_embedding(X, n_landmarks=300, random_state=0)
    few = aligned(few, whole)
    error = np.sqrt(((few - whole) ** 2).sum(axis=1).mean())
    assert error < 0.03 * whole.std()
    assert not np.array_equal(few, whole)


def test_auto_takes_landmarks_of_many_samples(monkeypatch):
    X, _ = make_s_curve(600, random_state=0)
    monkeypatch.setattr(_geodesics, "_ALL_LANDMARKS", 500)
    monkeypatch.setattr(_geodesics, "_LEAST_LANDMARKS", 50)
    auto = geodesic_embedding(X, random_state=0)
    assert_array_equal(auto, geodesic_embedding(X, n_landmarks=50, random_state=0))
    of_three = geodesic_embedding(X, 3, random_state=0)
    assert_array_equal(
        of_three, geodesic_embedding(X, 3, n_landmarks=60, random_state=0)
    )


def test_a_line_keeps_its_distances():
    X = np.sort(np.random.RandomState(0).uniform(size=(50, 1)), axis=0) ** 3
    Z = geodesic_embedding(X, 2, n_neighbors=12)
    assert_allclose(np.abs(np.diff(Z[:, 0])), np.diff(X[:, 0]), atol=1e-12)
    # only its length is of one dimension: rounding is not made a second one
    assert np.abs(Z[:, 1]).max() < 1e-4 * np.ptp(X)


@pytest.mark.parametrize("factor", [1e-150, 1e-8, 1e8, 1e150])
def test_distances_have_the_units_of_the_data(factor):
    X, _ = make_s_curve(120, random_state=0)
    Z = geodesic_embedding(X, n_neighbors=5)
    assert_allclose(geodesic_embedding(X * factor, n_neighbors=5), Z * factor)


@pytest.mark.parametrize(
    "change, atol", [(lambda X: X + 1e6, 1e-6), (np.float32, 1e-4)]
)
def test_an_offset_and_single_precision_change_nothing(change, atol):
    X, _ = make_s_curve(120, random_state=0)
    Z = geodesic_embedding(X, n_neighbors=5)
    changed = geodesic_embedding(change(X), n_neighbors=5)
    assert changed.dtype == np.float64
    assert_allclose(aligned(changed, Z), Z, atol=atol)


def test_duplicates_coincide_and_change_nothing_else():
    X, _ = make_s_curve(120, random_state=0)
    order = np.random.RandomState(0).permutation(np.repeat(np.arange(120), 9))
    Z = geodesic_embedding(X[order], n_neighbors=5)
    once = geodesic_embedding(X, n_neighbors=5)[order]
    distances = np.linalg.norm(Z[:200, None] - Z[:200], axis=2)
    expected = np.linalg.norm(once[:200, None] - once[:200], axis=2)
    assert_allclose(distances, expected, atol=1e-8)
    assert (distances[order[:200, None] == order[:200]] == 0).all()


def test_more_neighbors_than_samples_are_reduced():
    X = np.random.RandomState(0).normal(size=(20, 3))
    with pytest.warns(UserWarning, match=r"needs more than the 20 .* n_neighbors=19"):
        Z = geodesic_embedding(X, n_neighbors=20)
    assert_array_equal(Z, geodesic_embedding(X, n_neighbors=19))


@pytest.mark.parametrize("n_samples, n_neighbors", [(2, 1), (3, 1), (3, 2), (5, 4)])
def test_few_samples_are_embedded(n_samples, n_neighbors):
    X = np.random.RandomState(0).randn(n_samples, 6)
    Z = geodesic_embedding(X, 4, n_neighbors=n_neighbors)
    assert Z.shape == (n_samples, 4)
    assert np.isfinite(Z).all()
    assert Z.std() > 0
    assert_array_equal(Z[:, n_samples - 1 :], 0.0)


@pytest.mark.parametrize("value", [0.0, 7.0, 1e6])
def test_equal_samples_are_embedded_at_zero(value):
    Z = geodesic_embedding(np.full((30, 3), value), 2, n_neighbors=10)
    assert_array_equal(Z, np.zeros((30, 2)))


def test_two_distinct_samples_keep_their_distance():
    X = np.repeat([[0.0, 0.0], [3.0, 4.0]], 20, axis=0)
    Z = geodesic_embedding(X, 2, n_neighbors=10)
    assert_allclose(np.abs(Z[0] - Z[-1]), [5.0, 0.0])


@pytest.mark.filterwarnings("ignore:.*has 2 parts:UserWarning")
@pytest.mark.parametrize("n_parts", [1, 2])
def test_any_number_of_threads_gives_the_same_bits(n_parts):
    X = np.random.RandomState(0).randn(800, 20)
    X[: len(X) // n_parts] += 90 * (n_parts - 1)
    X = np.repeat(X, n_parts, axis=0)
    options = {"n_landmarks": 300, "random_state": 0}
    results = []
    for n_threads in (1, 2):
        with threadpool_limits(limits=n_threads):
            results.append(geodesic_embedding(X, 3, n_jobs=n_threads, **options))
    assert_array_equal(*results)
    assert_array_equal(results[0][::n_parts], results[0][n_parts - 1 :: n_parts])


def test_the_global_generator_is_left_alone():
    X = np.random.RandomState(0).randn(300, 3)
    np.random.seed(0)  # noqa: NPY002
    before = np.random.get_state(legacy=False)["state"]["key"].copy()  # noqa: NPY002
    geodesic_embedding(X, 2, n_landmarks=250, random_state=0)
    after = np.random.get_state(legacy=False)["state"]["key"]  # noqa: NPY002
    assert_array_equal(before, after)


@pytest.mark.parametrize(
    "options, match",
    [
        (dict(n_components=0), r"'n_components' .* Got 0"),
        (dict(n_components=2.0), r"'n_components' .* Got 2\.0"),
        (dict(n_landmarks=0), r"'n_landmarks' .* or a str among .'auto'.* Got 0"),
        (dict(n_landmarks=2), "n_landmarks=2 must be more than n_components=2"),
        (dict(n_landmarks="all"), r"'n_landmarks' .* Got 'all'"),
        (dict(n_neighbors=0), r"'n_neighbors' .* Got 0"),
    ],
)
def test_wrong_parameters_are_refused(options, match):
    with pytest.raises(ValueError, match=match):
        geodesic_embedding(np.eye(20), **options)


def test_wrong_data_are_refused():
    with pytest.raises(ValueError, match="NaN"):
        geodesic_embedding(np.full((20, 2), np.nan))
    with pytest.raises(ValueError, match="minimum of 2 is required"):
        geodesic_embedding(np.ones((1, 2)))
