# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.spatial.distance import pdist, squareform

from skmanifold.metrics import intrinsic_dimension


@pytest.fixture
def X():
    return np.random.default_rng(0).normal(size=(80, 3))


def test_two_nearest_neighbors_follow_the_paper(X, plain):
    D = plain.distances(X)
    ratios = sorted(row[2] / row[1] for row in np.sort(D, axis=1))
    x, y = [], []
    for i, ratio in enumerate(ratios[:72], start=1):
        x.append(np.log(ratio))
        y.append(-np.log(1 - i / 80))
    slope = np.linalg.lstsq(np.array(x)[:, np.newaxis], np.array(y), rcond=None)[0][0]
    assert_allclose(intrinsic_dimension(X), slope)


@pytest.mark.parametrize("k", [2, 3, 12, 79])
def test_maximum_likelihood_follows_the_papers(X, plain, k):
    inverse = []
    for row in np.sort(plain.distances(X), axis=1):
        logs = [np.log(row[k] / row[j]) for j in range(1, k)]
        inverse.append(sum(logs) / (k - 1))
    value = intrinsic_dimension(X, method="mle", n_neighbors=k)
    assert_allclose(value, 1 / np.mean(inverse))
    each = intrinsic_dimension(X, method="mle", n_neighbors=k, per_sample=True)
    assert_allclose(each, 1 / np.array(inverse))


def test_local_estimates_are_in_the_order_of_the_samples(X):
    options = {"method": "mle", "per_sample": True}
    each = intrinsic_dimension(X, **options)
    rows = np.random.default_rng(1).permutation(np.repeat(np.arange(80), [1, 3] * 40))
    assert_allclose(intrinsic_dimension(X[rows], **options), each[rows])
    D = squareform(pdist(X[rows]))
    value = intrinsic_dimension(D, metric="precomputed", **options)
    assert value.shape == (160,)
    assert_allclose(value, each[rows])
    # At distance 0 of each other without being all the same.
    chain = squareform(pdist(X))
    for i, j in [(4, 9), (9, 30)]:
        chain[i, j] = chain[j, i] = 0.0
    value = intrinsic_dimension(chain, metric="precomputed", **options)
    assert value[4] == value[9] == value[30]


@pytest.mark.parametrize("method", ["twonn", "mle"])
def test_order_scale_and_repeated_rows_do_not_matter(X, method):
    value = intrinsic_dimension(X, method=method)
    assert_allclose(intrinsic_dimension(1e3 * X[::-1] + 5, method=method), value)
    assert_allclose(intrinsic_dimension(np.repeat(X, 3, axis=0), method=method), value)
    D = squareform(pdist(np.repeat(X, 2, axis=0)))
    options = {"method": method, "metric": "precomputed"}
    assert_allclose(intrinsic_dimension(D, **options), value)


GRID = np.stack(np.meshgrid(*[np.arange(6.0)] * 2), axis=-1).reshape(-1, 2)
NORMAL = np.random.default_rng(0).normal(size=(80, 3))


@pytest.mark.parametrize(
    "X, options, message",
    [
        (np.eye(30), {"method": "twonn"}, "equally distant.*Use method='mle'"),
        (np.eye(30), {"method": "mle"}, "equally distant.*Increase n_neigh"),
        (GRID, {"method": "mle", "n_neighbors": 2}, "equally distant"),
        (np.ones((50, 2)), {}, "distinct samples"),
        (NORMAL, {"method": "mle", "n_neighbors": 80}, "at most 79 for 80 distinct"),
        (NORMAL, {"method": "mle", "n_neighbors": 1}, "at least 2"),
        (NORMAL, {"per_sample": True}, "method='mle'"),
        (NORMAL, {"method": "pca"}, r"'method' .* must be a str among"),
        (NORMAL, {"n_samples": 2}, r"got 2\. Increase n_samples"),
    ],
)
def test_undefined_dimensions_and_wrong_options_are_refused(X, options, message):
    with pytest.raises(ValueError, match=message):
        intrinsic_dimension(X, **options)


@pytest.mark.parametrize("metric", ["euclidean", "precomputed"])
def test_a_subsample_of_the_ratios_is_fitted(X, plain, metric):
    D = plain.distances(X)
    rows = np.random.RandomState(0).choice(80, size=30, replace=False)
    ratios = sorted(row[2] / row[1] for row in np.sort(D, axis=1)[rows])
    # The distribution is that of 30 ratios, of which the largest tenth is left out.
    x = np.log(ratios[:27])
    y = -np.log(1 - np.arange(1, 28) / 30)
    given = D if metric == "precomputed" else X
    options = {"n_samples": 30, "random_state": 0, "metric": metric}
    assert_allclose(intrinsic_dimension(given, **options), x @ y / (x @ x))


@pytest.mark.parametrize("method", ["twonn", "mle"])
def test_repeated_rows_are_drawn_once(X, method):
    options = {"method": method, "n_samples": 40, "random_state": 0}
    value = intrinsic_dimension(X, **options)
    twice = np.concatenate([X, X[::-1], X[:10]])
    assert_allclose(intrinsic_dimension(twice, **options), value)
    D = squareform(pdist(twice))
    assert_allclose(intrinsic_dimension(D, metric="precomputed", **options), value)
    for all_of_them in (80, 1000):
        options["n_samples"] = all_of_them
        assert intrinsic_dimension(twice, **options) == intrinsic_dimension(
            twice, method=method
        )


def test_a_subsample_of_one_has_a_maximum_likelihood(X):
    assert np.isfinite(intrinsic_dimension(X, method="mle", n_samples=1))
