# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.metrics import pairwise_distances

from skmanifold.metrics import mean_average_precision_at_k, recall_at_k

METRICS = [recall_at_k, mean_average_precision_at_k]


@pytest.mark.parametrize("k", [1, 4, 59])
def test_recall_follows_the_formula(pair, labels, plain, k):
    ranks = plain.ranks(pair[1])
    hits = (labels[:, np.newaxis] == labels) & (ranks > 0) & (ranks <= k)
    assert_allclose(recall_at_k(pair[1], labels, k=k), hits.any(axis=1).mean())


@pytest.mark.parametrize("k", [1, 10, 59])
def test_average_precision_follows_the_formula(pair, labels, plain, k):
    ranks = plain.ranks(pair[1])
    total = 0.0
    for i in range(60):
        hits = labels[np.argsort(ranks[i])[1 : k + 1]] == labels[i]
        gain = sum(hits[: t + 1].mean() for t in np.flatnonzero(hits))
        total += gain / min(k, sum(labels == labels[i]) - 1)
    assert_allclose(mean_average_precision_at_k(pair[1], labels, k=k), total / 60)


@pytest.mark.parametrize("metric", METRICS)
def test_order_scale_and_names_do_not_matter(pair, labels, metric):
    Z = pair[1]
    value = metric(Z, labels, k=4)
    order = np.random.default_rng(0).permutation(60)
    assert_allclose(metric(7 * Z[order] + 1, -labels[order], k=4), value)
    D = pairwise_distances(Z)
    assert_allclose(metric(D, labels, k=4, metric="precomputed"), value)
    directions = Z / np.linalg.norm(Z, axis=1, keepdims=True)
    cosine = metric(Z, labels, k=4, metric="cosine")
    assert_allclose(cosine, metric(directions, labels, k=4))


@pytest.mark.parametrize("metric", METRICS)
def test_retrieval_without_members_is_refused(metric):
    Z = np.arange(6.0)[:, np.newaxis]
    assert metric(Z, np.zeros(6), k=5) == 1.0
    with pytest.raises(ValueError, match="single member"):
        metric(Z, np.arange(6), k=2)
    with pytest.raises(ValueError, match=r"k=6 .* at most 5 for 6 samples"):
        metric(Z, np.zeros(6), k=6)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("distances", ["euclidean", "precomputed"])
def test_a_subsample_of_queries_searches_all_samples(pair, metric, distances):
    Z = pair[1]
    # Some classes of one member, whose queries are left out.
    labels = np.random.default_rng(1).integers(25, size=60)
    given = pairwise_distances(Z) if distances == "precomputed" else Z
    rows = np.sort(np.random.RandomState(0).choice(60, size=20, replace=False))
    options = {"k": 6, "metric": distances}
    of_all = np.full(60, np.nan)
    of_all[np.bincount(labels)[labels] > 1] = metric(
        given, labels, per_sample=True, **options
    )
    expected = of_all[rows][~np.isnan(of_all[rows])]
    assert 0 < len(expected) < 20
    options |= {"n_samples": 20, "random_state": 0}
    each = metric(given, labels, per_sample=True, **options)
    assert_allclose(each, expected)
    assert_allclose(metric(given, labels, **options), np.mean(expected))
    assert metric(Z, labels, k=6, n_samples=60) == metric(Z, labels, k=6)


@pytest.mark.parametrize("metric", METRICS)
def test_a_subsample_of_single_members_is_an_error(pair, metric):
    labels = np.arange(60).astype(str)
    labels[1] = "0"
    rows = np.random.RandomState(0).choice(60, size=5, replace=False)
    assert not set(rows) & {0, 1}
    with pytest.raises(ValueError, match=r"n_samples=5 queries .* Increase n_samples"):
        metric(pair[1], labels, k=2, n_samples=5, random_state=0)
