# SPDX-License-Identifier: BSD-3-Clause

from itertools import permutations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.sparse import coo_array, csr_array, csr_matrix
from sklearn.metrics import accuracy_score

from skmanifold.metrics import cluster_rank_accuracy, clustering_accuracy


@pytest.mark.parametrize(
    ("n_classes", "n_clusters"), [(4, 4), (5, 3), (2, 5), (1, 3), (3, 1)]
)
def test_clustering_accuracy_is_the_best_of_all_matchings(n_classes, n_clusters):
    rng = np.random.default_rng(0)
    y_true, y_pred = rng.integers(n_classes, size=50), rng.integers(n_clusters, size=50)
    # Names past the classes stand for clusters without a partner.
    names = range(max(n_classes, n_clusters))
    best = max(
        accuracy_score(y_true, np.array(matching)[y_pred])
        for matching in permutations(names)
    )
    assert_allclose(clustering_accuracy(y_true, y_pred), best)


def test_clustering_accuracy_ignores_names_and_order():
    rng = np.random.default_rng(0)
    y_true, y_pred = rng.integers(4, size=(2, 50))
    value = clustering_accuracy(y_true, y_pred)
    assert isinstance(value, float)
    assert clustering_accuracy(np.array(list("wxyz"))[y_true], -7 * y_pred) == value
    order = rng.permutation(50)
    assert clustering_accuracy(y_true[order], y_pred[order]) == value
    assert clustering_accuracy(y_true, (y_true + 1) % 4) == 1.0
    assert clustering_accuracy(list(y_true), y_pred[:, np.newaxis]) == value


@pytest.mark.parametrize(
    "y_true, y_pred, message",
    [
        ([0, 1, 1], [0, 1], "y_pred has shape"),
        ([], [], "empty"),
        ([0.0, np.inf], [0, 1], "y_true has infinite"),
        ([None, np.nan], [0, 1], "All labels in y_true are missing"),
        ([None, 1], [0, None], "No sample has a label in both"),
        ([0.5, 1], [0, 1], "Unknown label type"),
        ([0, 1], [0.5, 1], "Unknown label type"),
    ],
)
def test_wrong_labels_are_refused(y_true, y_pred, message):
    with pytest.raises(ValueError, match=message):
        clustering_accuracy(y_true, y_pred)


def naive_ranks(X, labels):
    names = sorted(set(labels))
    centers = [np.mean(X[labels == name], axis=0) for name in names]
    ranks = []
    for a in centers:
        distances = [np.linalg.norm(a - b) for b in centers]
        ranks.append([sum(d < e - 1e-12 for d in distances) for e in distances])
    return ranks


def test_cluster_rank_accuracy_follows_the_formula(pair, labels):
    X, Z = pair
    in_X, in_Z = naive_ranks(X, labels), naive_ranks(Z, labels)
    kept = sum(in_X[a][b] == in_Z[a][b] for a in range(4) for b in range(4))
    value = cluster_rank_accuracy(X, Z, labels)
    assert_allclose(value, kept / 16)
    assert 1 / 4 < value < 1
    order = np.random.default_rng(0).permutation(60)
    assert cluster_rank_accuracy(X[order], Z[order], labels[order]) == value
    assert (
        cluster_rank_accuracy(9 * X + 1e5, -Z, np.array(list("dcba"))[labels]) == value
    )


@pytest.mark.parametrize("container", [csr_array, csr_matrix, coo_array])
def test_sparse_samples_have_the_ranks_of_dense_ones(container):
    rng = np.random.default_rng(0)
    X, Z = rng.normal(size=(60, 7)).round(1), rng.normal(size=(60, 2))
    X[X < 0.5] = 0.0
    labels = rng.integers(9, size=60)
    value = cluster_rank_accuracy(X, Z, labels)
    assert cluster_rank_accuracy(container(X), Z, labels) == value
    assert cluster_rank_accuracy(container(X.astype(np.float32)), Z, labels) == value


def test_one_cluster_is_in_order(pair):
    X, Z = pair
    assert cluster_rank_accuracy(X, Z, np.zeros(60)) == 1.0
    with pytest.raises(ValueError, match="labels has shape"):
        cluster_rank_accuracy(X, Z, np.zeros(59))


def test_samples_without_a_label_are_left_out(pair):
    y_true, y_pred = ["a", None, "b", "b"], [0, 5, 1, np.nan]
    assert clustering_accuracy(y_true, y_pred) == 1.0
    assert clustering_accuracy([0, 0, 1, 1, None], [0, 0, 1, 2, 3]) == 0.75
    # noise is a cluster
    assert clustering_accuracy([0, 0, 1], [0, -1, -1]) == 2 / 3
    X, Z = pair
    labels = np.where(np.arange(60) % 7, np.arange(60) % 4, np.nan)
    kept = ~np.isnan(labels)
    expected = cluster_rank_accuracy(X[kept], Z[kept], labels[kept])
    assert cluster_rank_accuracy(X, Z, labels) == expected < 1.0


def test_continuous_labels_have_no_ranks(pair):
    with pytest.raises(ValueError, match="Unknown label type"):
        cluster_rank_accuracy(*pair, pair[0][:, 0])
