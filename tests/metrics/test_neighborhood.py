# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from scipy.spatial.distance import cdist
from scipy.stats import ortho_group
from sklearn.datasets import load_digits, load_iris
from sklearn.decomposition import PCA
from sklearn.manifold import trustworthiness as sklearn_trustworthiness
from sklearn.metrics import pairwise_distances

from skmanifold.metrics import (
    continuity,
    mean_relative_rank_error,
    neighborhood_hit,
    neighborhood_preservation,
    neighborhood_preservation_auc,
    neighborhood_preservation_curve,
    trustworthiness,
)

RANK_METRICS = [
    trustworthiness,
    continuity,
    mean_relative_rank_error,
    neighborhood_preservation,
]
TURNS = {n: ortho_group.rvs(n, random_state=0) for n in (2, 5)}


# -- against the definitions ---------------------------------------------------------


def plain_intrusion(ranks_space, ranks_neighbors, k):
    n = len(ranks_space)
    near = (ranks_neighbors > 0) & (ranks_neighbors <= k)
    total = np.maximum(ranks_space[near] - k, 0).sum()
    return 1 - 2 / (n * k * (2 * n - 3 * k - 1)) * total


@pytest.mark.parametrize("k", [1, 5, 28, 29])
def test_trustworthiness_and_continuity_follow_the_formula(pair, plain, k):
    X, Z = pair
    in_X, in_Z = plain.ranks(X), plain.ranks(Z)
    assert_allclose(
        trustworthiness(X, Z, n_neighbors=k), plain_intrusion(in_X, in_Z, k)
    )
    assert_allclose(continuity(X, Z, n_neighbors=k), plain_intrusion(in_Z, in_X, k))


def plain_mrre(own, other, k):
    n = len(own)
    near = (own > 0) & (own <= k)
    total = (np.abs(own - other)[near] / own[near]).sum()
    return total / (n * sum(abs(n - 2 * t) / t for t in range(1, k + 1)))


@pytest.mark.parametrize("k", [1, 7, 59])
def test_mean_relative_rank_error_follows_the_formula(pair, plain, k):
    X, Z = pair
    in_X, in_Z = plain.ranks(X), plain.ranks(Z)
    embedding, input_ = plain_mrre(in_Z, in_X, k), plain_mrre(in_X, in_Z, k)
    for direction, expected in {
        "embedding": embedding,
        "input": input_,
        "sum": embedding + input_,
        "mean": (embedding + input_) / 2,
    }.items():
        value = mean_relative_rank_error(X, Z, n_neighbors=k, direction=direction)
        assert_allclose(value, expected, err_msg=direction)
    with pytest.raises(ValueError, match="'direction'"):
        mean_relative_rank_error(X, Z, n_neighbors=k, direction="both")


@pytest.mark.parametrize("k", [1, 8, 58])
def test_neighborhood_preservation_follows_the_formula(pair, plain, k):
    X, Z = pair
    worse = np.maximum(plain.ranks(X), plain.ranks(Z))
    q = ((worse > 0) & (worse <= k)).sum() / (len(X) * k)
    assert_allclose(neighborhood_preservation(X, Z, n_neighbors=k), q)


def test_curve_and_area_follow_the_formula(pair, plain):
    X, Z = pair
    n = len(X)
    worse = np.maximum(plain.ranks(X), plain.ranks(Z))
    k, q_nx, r_nx = neighborhood_preservation_curve(X, Z)
    assert_array_equal(k, np.arange(1, n - 1))
    expected = [((worse <= s).sum() - n) / (n * s) for s in k]
    assert_allclose(q_nx, expected)
    assert_allclose(
        r_nx, [((n - 1) * q - s) / (n - 1 - s) for q, s in zip(q_nx, k, strict=True)]
    )
    auc = sum(r / s for r, s in zip(r_nx, k, strict=True)) / sum(1 / s for s in k)
    assert_allclose(neighborhood_preservation_auc(X, Z), auc)
    # The curve, from all ranks, and the score, from neighbor lists, are two routes.
    assert_allclose(q_nx[9], neighborhood_preservation(X, Z, n_neighbors=10))


@pytest.mark.parametrize("k", [1, 6, 59])
def test_neighborhood_hit_follows_the_formula(pair, labels, plain, k):
    _, Z = pair
    ranks = plain.ranks(Z)
    same = labels[:, np.newaxis] == labels
    expected = (same & (ranks > 0) & (ranks <= k)).sum() / (60 * k)
    for y in (labels, np.array(list("abcd"))[labels]):
        assert_allclose(neighborhood_hit(Z, y, n_neighbors=k), expected)


# -- against scikit-learn ------------------------------------------------------------


NORMAL = np.random.default_rng(0).normal(size=(300, 20))
IRIS = load_iris().data


@pytest.mark.parametrize(
    "X",
    [
        NORMAL,
        NORMAL.astype(np.float32),
        load_digits().data[:600].astype(np.uint8),
        # multiples of a tenth, some samples repeated: equal but for rounding
        np.asarray(IRIS, order="C"),
        np.asarray(IRIS, order="F"),
    ],
    ids=["float64", "float32", "ties", "rounding", "rounding, by columns"],
)
@pytest.mark.parametrize("n_neighbors", [1, 5, 30])
def test_trustworthiness_equals_scikit_learn(X, n_neighbors):
    if X.dtype == np.uint8:
        D = np.sort(pairwise_distances(X), axis=1)
        assert (np.diff(D[:, 1:], axis=1) == 0).mean() > 0.1, "these data have no ties"
    Z = PCA(n_components=2, random_state=0).fit_transform(X)
    expected = sklearn_trustworthiness(X, Z, n_neighbors=n_neighbors)
    value = trustworthiness(X, Z, n_neighbors=n_neighbors)
    assert_allclose(value, expected, rtol=0, atol=1e-12)


# -- what must not change the value --------------------------------------------------


@pytest.mark.parametrize("metric", RANK_METRICS)
def test_an_isometry_is_perfect_and_neither_rotation_nor_order_matter(pair, metric):
    X, Z = pair
    perfect = 0.0 if metric is mean_relative_rank_error else 1.0
    assert metric(X, 7 * X @ TURNS[5] + 3, n_neighbors=6) == perfect

    value = metric(X, Z, n_neighbors=6)
    order = np.random.default_rng(3).permutation(60)
    assert_allclose(metric(X[order], Z[order], n_neighbors=6), value)
    assert_allclose(metric(X @ TURNS[5], Z @ TURNS[2], n_neighbors=6), value)
    assert_allclose(metric(1e-3 * X, 1e3 * Z, n_neighbors=6), value)
    with_constant = np.column_stack([X, np.full(60, 5.0)])
    assert_allclose(metric(with_constant, Z, n_neighbors=6), value)


@pytest.mark.parametrize("metric", RANK_METRICS)
def test_a_sparse_input_is_the_same(pair, metric):
    X, Z = pair
    X = np.where(np.abs(X) < 0.3, 0.0, X)
    assert_allclose(metric(csr_array(X), Z), metric(X, Z))


# -- options -------------------------------------------------------------------------


def test_a_subsample_has_a_curve(pair):
    options = {"n_samples": 20, "random_state": 0}
    curve = neighborhood_preservation_curve(*pair, **options)
    value = neighborhood_preservation(*pair, n_neighbors=9, **options)
    assert_allclose(curve[1][8], value)


def test_a_subsample_leaves_duplicates_of_a_row_in():
    # Of 12 copies of a row, the search may leave out the row itself.
    Z = np.repeat(np.random.default_rng(0).normal(size=(5, 2)), 12, axis=0)
    kinds = np.repeat(np.arange(5), 12)
    for options in ({}, {"n_samples": 30, "random_state": 0}):
        assert neighborhood_hit(Z, kinds, n_neighbors=9, **options) == 1.0


# -- degenerate input ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("metric", "largest"), [*zip(RANK_METRICS, (4, 4, 9, 9), strict=True)]
)
def test_too_many_neighbors_are_refused_with_the_largest(metric, largest):
    X = np.random.default_rng(0).normal(size=(10, 3))
    assert np.isfinite(metric(X, X[:, :2], n_neighbors=largest))
    for wrong in (largest + 1, (2, largest + 1)):
        with pytest.raises(ValueError, match=rf"at most {largest} for 10 samples"):
            metric(X, X, n_neighbors=wrong)


def test_two_samples_are_too_few():
    with pytest.raises(ValueError, match="n_neighbors=1 needs more than 2 samples"):
        trustworthiness([[0.0], [1.0]], [[0.0], [1.0]], n_neighbors=1)


def test_the_curve_needs_a_sample_to_spare():
    X = np.random.default_rng(0).normal(size=(10, 3))
    with pytest.raises(ValueError, match="minimum of 3"):
        neighborhood_preservation_auc(X[:2], X[:2])


@pytest.mark.parametrize("metric", RANK_METRICS)
def test_identical_samples_give_a_value_in_range(metric):
    X = np.ones((20, 3))
    assert 0.0 <= metric(X, X[:, :2], n_neighbors=5) <= 2.0
    X = np.repeat(np.random.default_rng(0).normal(size=(4, 3)), 9, axis=0)
    each = metric(X, X, n_neighbors=3, per_sample=True)
    assert np.isfinite(each).all()


@pytest.mark.parametrize("metric", ["euclidean", "precomputed"])
@pytest.mark.parametrize("missing", [None, np.nan, pd.NA])
def test_samples_without_a_label_are_no_neighbors(pair, labels, metric, missing):
    _, Z = pair
    kept = np.arange(60) % 5 > 0
    partial = labels.astype(object)
    partial[~kept] = missing
    expected = neighborhood_hit(Z[kept], labels[kept], n_neighbors=3, per_sample=True)
    data = cdist(Z, Z) if metric == "precomputed" else Z
    options = {"n_neighbors": 3, "metric": metric}
    shares = neighborhood_hit(data, partial, per_sample=True, **options)
    assert_allclose(shares[kept], expected)
    assert np.isnan(shares[~kept]).all()
    assert_allclose(neighborhood_hit(data, partial, **options), expected.mean())
    estimate = neighborhood_hit(data, partial, n_samples=20, random_state=0, **options)
    assert 0 < estimate < 1


def test_ties_are_ordered_arbitrarily_and_noise_breaks_them():
    X = np.repeat(np.random.default_rng(0).normal(size=(10, 8)), 12, axis=0)
    # Which of equal distances come first is not defined, but it is as in scikit-learn.
    value = continuity(X, X, n_neighbors=4)
    assert value == pytest.approx(sklearn_trustworthiness(X, X, n_neighbors=4))
    # Of twelve equal rows, each has rank 11 at the worst among the others.
    assert 1 - 2 * 4 * 7 / (4 * (2 * 120 - 3 * 4 - 1)) <= value < 1
    assert mean_relative_rank_error(X, X, n_neighbors=4) > 0
    X += np.random.default_rng(1).normal(scale=1e-3, size=X.shape)
    assert continuity(X, X, n_neighbors=4) == 1
    assert mean_relative_rank_error(X, X, n_neighbors=4) == 0
