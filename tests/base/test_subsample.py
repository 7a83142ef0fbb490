# SPDX-License-Identifier: BSD-3-Clause

"""A fit of some of the samples, by DLME."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.metrics import pairwise_distances
from sklearn.neighbors import KNeighborsClassifier, kneighbors_graph

from skmanifold import DLME
from skmanifold._engine import named_seed
from skmanifold.base._subsample import draw
from tests.estimators.test_dlme import quick


def drawn(model, n_samples, targets=None):
    """The samples that a fitted model was trained on."""
    seed = named_seed(model._seed, "subsample")
    return draw(n_samples, model.n_samples_fit_, targets, seed)[0]


def test_a_subsample_trains_and_all_are_embedded(digits):
    """The map of the drawn samples alone, bit for bit, and of all containers."""
    X = digits[0]
    model = quick(subsample=400).fit(X)
    assert model.n_samples_fit_ == 400 and model.embedding_.shape == (len(X), 2)
    rows = drawn(model, len(X))
    assert np.all(np.diff(rows) > 0)
    alone = quick().fit(X[rows])
    assert alone.n_samples_fit_ == 400
    assert_array_equal(model.embedding_, alone.transform(X))
    assert_array_equal(model.score_samples(X), alone.score_samples(X))
    for given in (sparse.csr_array(X), X.astype(np.uint8)):
        assert_array_equal(quick(subsample=400).fit_transform(given), model.embedding_)
    other = quick(subsample=400, random_state=1).fit(X)
    assert not np.array_equal(drawn(other, len(X)), rows)
    # more than all samples
    assert_array_equal(
        quick(subsample=10**6).fit_transform(X), quick(subsample=None).fit_transform(X)
    )


def test_clusters_are_those_of_all(digits):
    model = quick(subsample=200, n_clusters=4).fit(digits[0])
    assert_array_equal(model.labels_, model.predict(digits[0]))


def test_a_subsample_keeps_rare_labels(digits):
    """Ten labels among all samples are all trained on; classes stay in proportion."""
    X, y = digits
    few = np.full(len(y), -1)
    few[:10] = y[:10]
    model = quick(subsample=300, label_weight=1.0).fit(X, few)
    rows = drawn(model, len(X), model._validate_targets(few))
    assert len(rows) == 300 and set(range(10)) <= set(rows)
    rows = drawn(model, len(X), model._validate_targets(y))
    shares = np.bincount(y[rows]) / 300
    assert_allclose(shares, np.bincount(y) / len(y), atol=0.005)


def test_a_rare_group_is_seen():
    """15 samples of a small group among 10,000 form a separate group."""
    n, n_rare = 40_000, 60
    rng = np.random.default_rng(0)
    centers = 10 * rng.normal(size=(6, 8))
    group = rng.integers(5, size=n)
    group[rng.choice(n, n_rare, replace=False)] = 5
    X = centers[group] + rng.normal(size=(n, 8))
    model = DLME(subsample=10_000, max_epochs=12, random_state=0).fit(X)
    neighbors = KNeighborsClassifier(10).fit(model.embedding_, group)
    rare = group == 5
    assert np.mean(rare[drawn(model, n)]) < 0.002
    assert neighbors.score(model.embedding_[rare], group[rare]) > 0.9


def test_parts_are_trained_whole(digits):
    X = digits[0]
    model = quick(subsample=100)
    assert model.partial_fit(X[:300]).n_samples_fit_ == 300
    # a warm start draws again
    assert model.set_params(warm_start=True).fit(X).n_samples_fit_ == 100


@pytest.mark.parametrize("given", ["distances", "graph"])
def test_neighbors_that_are_given_are_for_all_samples(iris, given):
    samples = iris[0]
    graph = kneighbors_graph(samples, 5, mode="distance")
    if given == "distances":
        X, options = pairwise_distances(samples), {"metric": "precomputed"}
    else:
        X, options = samples, {"connectivity": graph}
    with pytest.raises(ValueError, match=r"subsample=100 is less than the 150.*None"):
        quick(subsample=100, **options).fit(X)
    assert quick(subsample=150, **options).fit(X).n_samples_fit_ == 150
    assert DLME(**options)._count_training(10**6) == 10**6
    # a callable makes the graph of the samples that are drawn
    model = quick(
        subsample=100, connectivity=lambda X: kneighbors_graph(X, 5, mode="distance")
    )
    assert model.fit(samples).n_samples_fit_ == 100


def test_an_outlier_is_named_by_its_index_in_X(digits):
    X = digits[0].copy()
    row = drawn(quick(subsample=400).fit(X), len(X))[-1]
    X[row] *= 1e5
    with pytest.warns(UserWarning, match=rf"1 of the 400 samples drawn.*sample {row} "):
        quick(subsample=400).fit(X)


def test_columns_that_vary_beyond_the_drawn_samples_are_named(digits):
    with pytest.warns(UserWarning, match=r"in columns that were.*: 7, 15, 23\."):
        quick(subsample=150).fit(digits[0][:400])
