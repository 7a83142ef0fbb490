# SPDX-License-Identifier: BSD-3-Clause
import pickle
import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.metrics import pairwise_distances
from sklearn.neighbors import kneighbors_graph

from skmanifold.graph import (
    connected_components_of,
    nearest_neighbors,
    neighbors_from_data,
    neighbors_from_graph,
)
from skmanifold.graph._distinct import distinct_rows, row_hashes, small_groups
from skmanifold.graph._lists import check_distances, neighbors_from_connectivity


def assert_same_lists(lists, expected, rtol=1e-7):
    assert_array_equal(lists[0], expected[0])
    assert_allclose(lists[1], expected[1], rtol=rtol)
    assert_array_equal(lists[2], expected[2])


def test_errors_about_distances_name_samples_of_x():
    X = np.repeat(topics_and_strangers().astype(float), 2, axis=0)
    X[[70, 190]] = 0  # 0 / 0 from each other, beside copies and samples alone
    with pytest.raises(ValueError, match=r"NaN, such as between samples 70 and 70\."):
        neighbors_from_data(X, 5, metric="braycurtis")
    X[[31, 44]] = 1.0
    with pytest.raises(ValueError, match=r"samples (31|44) and ") as caught:
        neighbors_from_data(X, 5, metric="correlation")
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def topics_and_strangers(n_strangers=20, width=3, repeat=1):
    """Two groups of sets that overlap, and sets that overlap with no other."""
    rng = np.random.default_rng(0)
    X = np.zeros((80 + n_strangers, 60 + width * n_strangers), dtype=bool)
    for i in range(80):
        X[i, i // 40 * 30 + rng.choice(30, 10, replace=False)] = True
    for i in range(n_strangers):
        X[80 + i, 60 + width * i : 60 + width * (i + 1)] = True
    return np.repeat(X, repeat, axis=0)


def lists_of(X, n_neighbors=5, **params):
    """Lists, and the texts of the warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        lists = neighbors_from_data(X, n_neighbors, **params)
    return *lists, [str(warning.message) for warning in caught]


@pytest.mark.parametrize("metric", ["euclidean", "manhattan", "cosine"])
def test_without_copies_they_are_the_nearest(metric):
    X = np.random.default_rng(0).standard_normal((300, 8))
    indices, distances, counts, texts = lists_of(X, 6, metric=metric)
    expected, expected_distances = nearest_neighbors(X, 6, metric=metric)
    assert_array_equal(indices, expected)
    assert_array_equal(distances, expected_distances)
    assert (counts == 6).all()
    assert texts == []


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize(
    "metric", ["euclidean", "manhattan", "cosine", "hamming", "seuclidean"]
)
@pytest.mark.parametrize("mixed", [False, True])
def test_copies_have_the_neighbors_of_distinct_samples(metric, mixed, container):
    rng = np.random.default_rng(0)
    distinct = rng.integers(0, 9, (40, 6)).astype(float) + 1
    copies = rng.integers(1, 30, 40)
    group = np.repeat(np.arange(40), copies)
    if mixed:
        group = rng.permutation(group)
    X = distinct[group]
    params = {"metric": metric}
    if metric == "seuclidean":
        params["metric_params"] = {"V": X.var(axis=0)}
    indices, distances, counts, texts = lists_of(container(X), 5, **params)
    of_distinct, of_distances, of_counts, _ = lists_of(distinct, 5, **params)
    _, first = np.unique(group, return_index=True)
    assert np.isin(indices, first).all(), "the first of the copies"
    assert_array_equal(counts, of_counts[group])
    assert_allclose(distances, of_distances[group], atol=1e-12)
    # ties are in the order of the index, which differs
    away = pairwise_distances(distinct, metric="hamming")
    if metric != "hamming" and not mixed:
        assert_array_equal(group[indices], of_distinct[group])
    assert (away[group, group[indices[:, 0]]] > 0).all()
    assert texts == []


def test_fewer_distinct_samples_reduce_the_neighbors():
    X = np.repeat(np.eye(3), 30, axis=0)
    indices, _, counts, texts = lists_of(X, 5)
    assert (counts == 2).all()
    assert indices[0].tolist() == [30, 60]
    assert texts == []
    _, _, counts, texts = lists_of(np.repeat(np.eye(3), 2, axis=0), 6)
    assert (counts == 2).all()
    assert texts == [
        "n_neighbors=6 needs more than the 3 distinct samples of X; using "
        "n_neighbors=2."
    ]
    indices, distances, counts, texts = lists_of(np.ones((9, 2)), 5)
    assert (indices == 0).all()
    assert (distances == 0).all()
    assert (counts == 1).all()
    assert texts == []


def test_minus_zero_is_zero():
    X = np.array([[0.0, 1.0], [-0.0, 1.0], [2.0, 1.0]])
    first, group = distinct_rows(X)
    assert first.tolist() == [0, 2]
    assert group.tolist() == [0, 0, 1]


@pytest.mark.parametrize(
    "dtype", [bool, np.uint8, np.int16, np.int64, np.float16, np.float32, np.float64]
)
@pytest.mark.parametrize("n_features", [1, 3, 17])
def test_distinct_samples_are_found(dtype, n_features):
    rng = np.random.default_rng(0)
    X = rng.integers(0, 2, (200, n_features)).astype(dtype)
    expected = np.unique(X, axis=0)
    for rows in [X, sparse.csr_array(X.astype(np.float64))]:
        first, group = distinct_rows(rows)
        assert len(first) == len(expected)
        assert (np.diff(first) > 0).all()
        assert_array_equal(X[first][group], X)
        assert (first[group] <= np.arange(200)).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
def test_distinct_samples_have_distinct_hashes(container, dtype):
    """Even if few bits of their values differ."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(500, 16))
    signs, pixels = 2 * rng.integers(0, 2, X.shape) - 1, rng.integers(0, 256, X.shape)
    rows = np.unique(np.vstack([X, -X, X * signs, signs, pixels]), axis=0)
    assert len(np.unique(row_hashes(container(rows.astype(dtype))))) == len(rows)


def test_stored_zeros_are_zeros():
    X = sparse.csr_array(
        ([1.0, 0.0, 1.0, 5.0], ([0, 0, 1, 2], [2, 1, 2, 0])), shape=(3, 4)
    )
    assert distinct_rows(X)[1].tolist() == [0, 0, 1]


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize(
    "metric",
    [
        "jaccard",
        "dice",
        "sokalsneath",
        "cosine",
        "correlation",
        "hamming",
        "euclidean",
        "manhattan",
        "braycurtis",
    ],
)
@pytest.mark.parametrize("repeat", [1, 8])
def test_strangers_are_alone(metric, repeat, container):
    X = topics_and_strangers(repeat=repeat)
    X = container(X.astype(float))
    indices, distances, counts, texts = lists_of(X, metric=metric)
    group = np.arange(X.shape[0]) // repeat
    alone = group >= 80
    assert (counts[alone] == 1).all()
    assert_array_equal(indices[alone, 0], group[alone] * repeat)
    assert (distances[alone] == 0).all()
    assert (counts[~alone] == 5).all()
    assert (group[indices[~alone]] < 80).all()
    assert connected_components_of(indices, counts)[0] == 2 + 20
    n = 20 * repeat
    assert len(texts) == 1
    assert texts[0].startswith(
        f"{n} of the {X.shape[0]} samples have nothing in common"
    )
    assert metric in texts[0]
    assert str(80 * repeat) in texts[0]


def share(a, b):
    """Return the Jaccard distance."""
    return 1 - np.minimum(a, b).sum() / np.maximum(a, b).sum()


@pytest.mark.parametrize("metric", ["precomputed", "sparse", "connectivity", share])
@pytest.mark.parametrize("repeat", [1, 8])
def test_strangers_are_alone_in_distances_of_a_user(metric, repeat):
    X = (topics_and_strangers(repeat=repeat) != 0).astype(float)
    if metric == "connectivity":
        D = pairwise_distances(X != 0, metric="jaccard")
        with pytest.warns(UserWarning, match=r"nothing in common.*\(connectivity\)"):
            indices, _, counts = neighbors_from_connectivity(D, len(D), 5)
        texts = [""]
    elif metric == "precomputed":
        D = pairwise_distances(X != 0, metric="jaccard")
        indices, _, counts, texts = lists_of(D, metric=metric)
    elif metric == "sparse":
        D = pairwise_distances(X != 0, metric="jaccard")
        i, j = np.indices(D.shape).reshape(2, -1)
        D = sparse.csr_array((D.ravel(), (i, j)))  # zeros are stored
        indices, _, counts, texts = lists_of(D, metric="precomputed")
    else:
        indices, _, counts, texts = lists_of(X, metric=metric)
    group = np.arange(len(X)) // repeat
    alone = group >= 80
    assert (counts[alone] == 1).all() and (counts[~alone] == 5).all()
    assert (group[indices[alone, 0]] == group[alone]).all()
    assert (group[indices[~alone]] < 80).all()
    assert len(texts) == 1


@pytest.mark.parametrize("metric", ["precomputed", lambda a, b: abs(a - b).max()])
def test_the_farthest_of_few_samples_are_not_strangers(metric):
    X = np.array([[0.0], [1.0], [5.0]]) if callable(metric) else 1 - np.eye(3)
    for n_neighbors in (1, 2):
        if n_neighbors == 1 and not callable(metric):
            continue  # which neighbor would be arbitrary
        _, _, counts, texts = lists_of(X, n_neighbors=n_neighbors, metric=metric)
        assert (counts == n_neighbors).all()
        assert texts == []


def test_the_center_of_a_grid_is_no_stranger():
    X = np.stack(np.meshgrid(range(3), range(3)), axis=-1).reshape(-1, 2).astype(float)
    D = pairwise_distances(X, metric="chebyshev")
    for data, metric in ((X, lambda a, b: abs(a - b).max()), (D, "precomputed")):
        _, _, counts, texts = lists_of(data, n_neighbors=3, metric=metric)
        assert (counts == 3).all()
        assert texts == []


@pytest.mark.parametrize("metric", ["jaccard", "euclidean", "hamming", "cosine"])
def test_strangers_in_pairs_have_each_other(metric):
    X = topics_and_strangers(width=4).astype(float)
    X[81:100:2] = 0
    X[81:100:2, 60:] = np.roll(X[80:100:2, 60:], 1, axis=1)
    X[81:100:2, 0] = 0
    indices, _, counts, texts = lists_of(X, metric=metric)
    assert (counts[80:] == 1).all()
    assert_array_equal(indices[80:, 0], np.arange(80, 100) ^ 1)
    assert (counts[:80] == 5).all()
    assert texts == []


def test_codes_without_agreement_are_isolated():
    rng = np.random.default_rng(0)
    X = rng.integers(0, 3, (60, 5))
    X[50:] = np.arange(10)[:, np.newaxis] + 10
    _, _, counts, texts = lists_of(X, metric="hamming")
    assert (counts[50:] == 1).all()
    assert (counts[:50] == 5).all()
    assert texts[0].startswith("10 of the 60")


def test_infinite_distances_are_no_neighbors():
    X = np.array([[0.0], [1.0], [2.0], [10.0]])
    metric = lambda a, b: abs(a[0] - b[0]) if abs(a[0] - b[0]) < 5 else np.inf  # noqa: E731
    _, _, counts, texts = lists_of(X, 2, metric=metric)
    assert counts.tolist() == [2, 2, 2, 1]
    assert texts[0].startswith("1 of the 4 samples has nothing")


def test_narrow_tables_have_no_strangers():
    """In a few columns zero is an ordinary value."""
    X = np.vstack([np.zeros(3), np.diag([1.0, 2.0, 3.0])])
    _, _, counts, texts = lists_of(X, 2)
    assert (counts == 2).all()
    assert texts == []


def test_dense_wide_data_have_no_strangers():
    X = np.random.default_rng(0).standard_normal((200, 100))
    X[0] = 0
    X[1] *= 100
    assert (small_groups(X, 5) == -1).all()
    assert lists_of(X)[3] == []


def test_warnings_of_one_sample_and_only_the_first_are_named():
    X = topics_and_strangers(1)
    assert "1 of the 81 samples has nothing" in lists_of(X, metric="jaccard")[3][0]
    assert ": 80." in lists_of(X, metric="jaccard")[3][0]
    X = topics_and_strangers(9)
    assert "80, 81, 82, 83, 84 and" in lists_of(X, metric="jaccard")[3][0]


def test_copies_are_those_of_raw():
    raw = np.repeat(np.arange(10.0), 8)[:, np.newaxis]
    X = raw + 1e-7 * np.random.default_rng(0).standard_normal(raw.shape)
    indices, _, _, _ = lists_of(X, 2, raw=raw)
    assert (raw[indices[:, 0], 0] != raw[:, 0]).all()
    with pytest.raises(ValueError, match="raw has 79 samples, but X has 80"):
        neighbors_from_data(X, 2, raw=raw[1:])


# Distances in place of data ---------------------------------------------------

X = np.random.default_rng(0).standard_normal((80, 4))
D = pairwise_distances(X)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("repeat", [1, 9])
def test_all_distances_are_those_of_the_data(repeat, dtype):
    repeated = np.repeat(X, repeat, axis=0).astype(dtype)
    distances = pairwise_distances(repeated)
    *expected, texts = lists_of(repeated, 5)
    *result, message = lists_of(distances, 5, metric="precomputed")
    given = neighbors_from_connectivity(distances, len(repeated), 5)
    for lists in (result, given):
        assert_same_lists(lists, expected, rtol=1e-4)
    assert message == texts == []


def test_zero_distances_that_are_no_copies():
    away = np.array([[0, 0, 1, 4.0], [0, 0, 0, 2], [1, 0, 0, 3], [4, 2, 3, 0]])
    indices, _, counts, _ = lists_of(away, 2, metric="precomputed")
    assert indices.tolist() == [[1, 2], [0, 2], [1, 0], [1, 2]]
    assert (counts == 2).all()


@pytest.mark.parametrize("repeat", [1, 3])
def test_a_graph_of_distances_is_that_of_the_data(repeat):
    repeated = np.repeat(X, repeat, axis=0)
    graph = kneighbors_graph(repeated, 12, mode="distance")
    *result, texts = lists_of(graph, 3, metric="precomputed")
    *expected, _ = lists_of(repeated, 3)
    assert_same_lists(result, expected)
    assert texts == []


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array, np.ndarray.tolist])
def test_all_distances_may_be_the_connectivity(container):
    result = neighbors_from_connectivity(container(D), 80, 5)
    assert_same_lists(result, neighbors_from_data(X, 5))


def test_most_distances_may_be_the_connectivity():
    near = np.where(np.quantile(D, 0.7) > D, D, 0)
    result = neighbors_from_connectivity(near, 80, 5)
    assert_array_equal(result[0], neighbors_from_data(X, 5)[0])


def test_a_graph_of_neighbors_keeps_all_of_them():
    graph = kneighbors_graph(X, 20, mode="distance")
    result = neighbors_from_connectivity(graph, 80, 5)
    assert_same_lists(result, neighbors_from_graph(graph, 80), rtol=0)


@pytest.mark.parametrize(
    "graph, match",
    [
        (np.ones((80, 80)), "neighbors of each other"),
        (np.ones((80, 80)) - np.eye(80), "kneighbors_graph"),
        (np.exp(-D), "similarities"),
        (-D, "negative"),
        (np.where(D > 4, np.nan, D), "NaN"),
    ],
)
def test_wrong_graphs_are_refused(graph, match):
    for container in [np.asarray, sparse.csr_array]:
        with pytest.raises(ValueError, match=match):
            neighbors_from_connectivity(container(graph), 80, 5)


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
def test_all_distances_must_be_symmetric(container):
    x = np.random.RandomState(0).rand(1500, 1)
    D = np.abs(x - x.T)
    check_distances(container(D * (1 + 1e-6 * np.tri(1500))), square=True)
    D[1200, 3] += 0.5
    with pytest.raises(ValueError, match="from sample 3 to 1200"):
        check_distances(container(D), square=True)


def test_graphs_may_be_asymmetric():
    x = np.random.RandomState(0).rand(300, 1)
    graph = kneighbors_graph(x, 10, mode="distance")
    graph.data *= np.random.RandomState(0).uniform(1, 2, len(graph.data))
    indices, _, counts = neighbors_from_data(graph, 5, metric="precomputed")
    assert (counts == 5).all()
    for i in (0, 150):
        assert set(indices[i]) <= set(graph[[i]].indices)


def test_distances_that_rounding_made_negative_are_zero():
    x = np.repeat(np.random.RandomState(0).rand(30, 1), 2, axis=0)
    D = np.abs(x - x.T)
    rounded = np.where(D == 0, -1e-15, D)
    expected = neighbors_from_data(D, 4, metric="precomputed")
    for container in (np.asarray, sparse.coo_array):
        result = neighbors_from_data(container(rounded), 4, metric="precomputed")
        assert_same_lists(result, expected, rtol=0)
