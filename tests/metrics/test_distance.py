# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.sparse.csgraph import shortest_path
from scipy.spatial.distance import pdist
from scipy.stats import ortho_group, pearsonr, spearmanr
from sklearn import config_context
from sklearn.metrics import pairwise_distances
from sklearn.neighbors import kneighbors_graph

from skmanifold.metrics import (
    distance_correlation,
    distance_rmse,
    local_geometric_distortion,
    stress,
)

METRICS = [distance_rmse, local_geometric_distortion, stress, distance_correlation]
TURNS = {n: ortho_group.rvs(n, random_state=0) for n in (2, 5)}


# -- against the definitions ---------------------------------------------------------


def test_distance_rmse_follows_the_formula(pair, plain):
    X, Z = pair
    in_X, in_Z = plain.distances(X), plain.distances(Z)
    squares = (in_X - in_Z) ** 2
    assert_allclose(distance_rmse(X, Z), np.sqrt(squares.sum() / 60**2))
    each = distance_rmse(X, Z, per_sample=True)
    assert_allclose(each, np.sqrt(squares.sum(axis=1) / 60))


@pytest.mark.parametrize("divide", [False, True])
@pytest.mark.parametrize("k", [1, 6, 59])
def test_local_geometric_distortion_follows_the_formula(pair, plain, k, divide):
    X, Z = pair
    in_X, in_Z, ranks = plain.distances(X), plain.distances(Z), plain.ranks(X)
    if divide:
        in_X, in_Z = in_X / np.sqrt(5), in_Z / np.sqrt(2)
    total = ((in_X - in_Z)[(ranks > 0) & (ranks <= k)] ** 2).sum()
    value = local_geometric_distortion(X, Z, n_neighbors=k, divide_by_dimension=divide)
    assert_allclose(value, np.sqrt(total / (60 * k)))


def test_stress_follows_the_formula(pair, plain):
    X, Z = pair
    in_X, in_Z = plain.distances(X), plain.distances(Z)

    def value(scale):
        return np.sqrt(((in_X - scale * in_Z) ** 2).sum() / (in_X**2).sum())

    alpha = (in_X * in_Z).sum() / (in_Z**2).sum()
    best = stress(X, Z)
    assert_allclose(best, value(alpha))
    assert value(0.99 * alpha) > best < value(1.01 * alpha)
    # Scaling the input instead, with the embedding in the denominator, is the same.
    assert_allclose(best, stress(Z, X))


@pytest.mark.parametrize("distances", ["euclidean", "geodesic"])
@pytest.mark.parametrize("method", ["pearson", "spearman"])
def test_distance_correlation_follows_scipy(pair, method, distances):
    X, Z = pair
    along = pdist(X)
    if distances == "geodesic":
        graph = kneighbors_graph(X, 6, mode="distance")
        along = shortest_path(graph, directed=False)[np.triu_indices(60, 1)]
    expected = {"pearson": pearsonr, "spearman": spearmanr}[method](along, pdist(Z))
    options = {"method": method, "distances": distances, "n_neighbors": 6}
    assert_allclose(distance_correlation(X, Z, **options), expected.statistic)


@pytest.mark.parametrize("distances", ["euclidean", "geodesic"])
@pytest.mark.parametrize("method", ["pearson", "spearman"])
def test_random_pairs_estimate_the_correlation(pair, method, distances):
    X, Z = pair
    options = {"method": method, "distances": distances, "n_neighbors": 6}
    exact = distance_correlation(X, Z, n_pairs=None, **options)
    values = [
        distance_correlation(X, Z, n_pairs=2000, random_state=seed, **options)
        for seed in range(20)
    ]
    assert_allclose(np.mean(values), exact, atol=0.02)
    assert np.std(values) > 0
    again = distance_correlation(X, Z, n_pairs=2000, random_state=0, **options)
    assert again == values[0]


def test_pairs_in_another_metric_are_those_of_the_metric(pair):
    X, Z = pair
    options = {"n_pairs": 500, "random_state": 0}
    D = pairwise_distances(X, metric="manhattan")
    assert_allclose(
        distance_correlation(X, Z, metric="manhattan", **options),
        distance_correlation(D, Z, metric="precomputed", **options),
    )


# -- what must not change the value --------------------------------------------------


def test_an_isometry_is_perfect(pair):
    X, _ = pair
    Z = X @ TURNS[5] + 5
    assert_allclose(distance_rmse(X, Z), 0, atol=1e-6)
    assert_allclose(local_geometric_distortion(X, Z), 0, atol=1e-12)
    assert_allclose(stress(X, 9 * Z), 0, atol=1e-7)
    assert distance_correlation(X, 9 * Z) == pytest.approx(1)
    assert distance_correlation(X, 9 * Z, method="pearson") == pytest.approx(1)


@pytest.mark.parametrize("metric", METRICS)
def test_neither_rotation_nor_order_nor_place_matter(pair, metric):
    X, Z = pair
    value = metric(X, Z)
    order = np.random.default_rng(3).permutation(60)
    assert_allclose(metric(X[order], Z[order]), value)
    assert_allclose(metric(X @ TURNS[5], Z @ TURNS[2]), value)
    assert_allclose(metric(X + 1e6, Z - 1e6), value, rtol=1e-6)
    assert_allclose(metric(np.column_stack([X, np.ones(60)]), Z), value)


# -- options -------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["pearson", "spearman"])
def test_threads_and_chunks_do_not_change_a_correlation(pair, method):
    options = {"method": method, "n_pairs": None}
    value = distance_correlation(*pair, **options)
    with config_context(working_memory=0.2):
        again = distance_correlation(*pair, n_jobs=2, **options)
    assert_allclose(again, value, rtol=1e-13)


def test_stress_of_a_subsample_evaluates_rows_among_all(pair):
    values = [stress(*pair, n_samples=30, random_state=seed) for seed in range(100)]
    assert_allclose(np.mean(np.square(values)), stress(*pair) ** 2, rtol=0.05)
    assert np.std(values) > 0
    assert stress(*pair, n_samples=60) == stress(*pair)


def test_too_many_pairs_are_sampled_for_spearman(pair):
    X, Z = pair
    exact = distance_correlation(X, Z)
    with config_context(working_memory=0.04):
        sampled = distance_correlation(X, Z, random_state=0)
        assert sampled != exact
        assert_allclose(sampled, exact, atol=0.15)
        with pytest.raises(ValueError, match="working memory"):
            distance_correlation(X, Z, n_pairs=None)
        assert_allclose(
            distance_correlation(X, Z, method="pearson"),
            distance_correlation(X, Z, method="pearson", n_pairs=None),
        )


# -- degenerate input ----------------------------------------------------------------


@pytest.mark.parametrize(
    "metric, X_is_equal, options, message",
    [
        (stress, True, {}, "samples of X coincide"),
        (distance_correlation, True, {}, "distances in X are equal"),
        (distance_correlation, False, {}, "distances in Z are equal"),
        (
            distance_correlation,
            False,
            {"method": "pearson"},
            "distances in Z are equal",
        ),
    ],
)
def test_undefined_distances_are_refused(pair, metric, X_is_equal, options, message):
    same = np.ones((60, 2))
    with pytest.raises(ValueError, match=message):
        metric(*((same, pair[1]) if X_is_equal else (pair[0], same)), **options)


def test_equal_samples_have_a_value(pair):
    same = np.ones((60, 2))
    assert stress(pair[0], same) == 1.0
    assert distance_rmse(same, same) == local_geometric_distortion(same, same) == 0.0


def test_a_graph_in_parts_is_refused():
    X = np.concatenate([np.arange(10.0), np.arange(100.0, 110.0)])[:, np.newaxis]
    with pytest.raises(ValueError, match=r"n_neighbors=3 .* 2 connected components"):
        distance_correlation(X, X, distances="geodesic", n_neighbors=3)
    assert distance_correlation(X, X, distances="geodesic", n_neighbors=10) > 0.9


@pytest.mark.parametrize(
    "metric, options, message",
    [
        (local_geometric_distortion, {"n_neighbors": 60}, "at most 59 for 60 samples"),
        (
            local_geometric_distortion,
            {"divide_by_dimension": True, "metric": "precomputed"},
            "number of features",
        ),
        (
            distance_correlation,
            {"method": "kendall"},
            r"'method' .* must be a str among",
        ),
        (distance_correlation, {"n_pairs": 2}, r"'n_pairs' .* Got 2"),
        (distance_correlation, {"n_pairs": 0.5}, r"'n_pairs' .* an int .* Got 0\.5"),
        (
            distance_correlation,
            {"distances": "geodesic", "n_neighbors": (2, 30)},
            r"must be an int, got \(2, 30\)",
        ),
    ],
)
def test_wrong_options_are_refused(pair, metric, options, message):
    X = pairwise_distances(pair[0]) if "metric" in options else pair[0]
    with pytest.raises((TypeError, ValueError), match=message):
        metric(X, pair[1], **options)
