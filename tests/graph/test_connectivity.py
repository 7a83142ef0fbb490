# SPDX-License-Identifier: BSD-3-Clause
import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import sparse
from sklearn.neighbors import KNeighborsTransformer, kneighbors_graph

from skmanifold.graph import (
    connected_components_of,
    nearest_neighbors,
    neighbors_from_graph,
)

FORMATS = ["csr", "csc", "coo", "lil", "dok", "bsr", "dia", "dense"]


def _as_format(graph, fmt):
    return graph.toarray() if fmt == "dense" else graph.asformat(fmt)


def _naive(graph, sign=1):
    """Lists of (entry, index) of every row, by a loop."""
    rows = []
    for i, row in enumerate(np.asarray(graph)):
        rows.append(sorted((sign * v, j) for j, v in enumerate(row) if v and i != j))
    return rows


@pytest.mark.parametrize("fmt", FORMATS)
@pytest.mark.parametrize("container", [sparse.csr_matrix, sparse.csr_array])
def test_graphs_may_have_any_format_and_rows_of_different_lengths(container, fmt):
    rng = np.random.default_rng(0)
    dense = rng.random((20, 20)) * (rng.random((20, 20)) < 0.3)
    dense[:, 0] = 0.5
    dense[0, 1] = 0.25
    graph = _as_format(container(dense), fmt)
    indices, distances, counts = neighbors_from_graph(graph, 20)
    for i, expected in enumerate(_naive(dense)):
        assert counts[i] == len(expected)
        assert indices[i, : counts[i]].tolist() == [j for _, j in expected]
        assert distances[i, : counts[i]].tolist() == [v for v, _ in expected]
        assert np.all(indices[i, counts[i] :] == i)
        assert np.all(distances[i, counts[i] :] == 0)
    assert indices.shape == (20, counts.max())


def test_uniform_draw_stays_among_the_neighbors():
    graph = sparse.csr_array(np.array([[0, 1, 1], [1, 0, 0], [1, 0, 0]]))
    indices, _, counts = neighbors_from_graph(graph, 3)
    u = np.nextafter(1.0, 0.0)
    last = indices[np.arange(3), np.floor(u * counts).astype(int)]
    assert last.tolist() == [2, 0, 0]


@pytest.mark.parametrize("mode", ["distance", "connectivity"])
def test_graphs_of_kneighbors_transformer_are_read(mode):
    X = np.random.default_rng(0).standard_normal((40, 5))
    graph = KNeighborsTransformer(n_neighbors=6, mode=mode).fit_transform(X)
    # In the mode "distance" it adds the sample itself as a further neighbor.
    indices, distances, counts = neighbors_from_graph(graph, 40)
    n_neighbors = 6 if mode == "distance" else 5
    expected, expected_distances = nearest_neighbors(X, n_neighbors)
    assert np.all(counts == n_neighbors)
    if mode == "distance":
        assert np.array_equal(indices, expected)
        assert_allclose(distances, expected_distances, rtol=1e-12)
    else:
        assert np.array_equal(np.sort(indices), np.sort(expected))
        assert np.all(distances == 1)


@pytest.mark.parametrize("include_self", [True, False])
def test_self_loops_are_no_neighbors(include_self):
    X = np.random.default_rng(0).standard_normal((30, 3))
    graph = kneighbors_graph(X, 5, include_self=include_self)
    indices, _, counts = neighbors_from_graph(graph, 30)
    assert np.all(counts == (4 if include_self else 5))
    assert not np.any(indices == np.arange(30)[:, np.newaxis])


def test_stored_zeros_are_edges_between_duplicates():
    X = np.repeat(np.random.default_rng(0).standard_normal((10, 3)), 4, axis=0)
    graph = kneighbors_graph(X, 5, mode="distance")
    assert np.count_nonzero(graph.data == 0) > 0
    for fmt in ["csr", "csc", "coo"]:
        indices, distances, counts = neighbors_from_graph(graph.asformat(fmt), 40)
        assert np.all(counts == 5)
        assert np.all(distances[:, :3] == 0)
        assert np.array_equal(
            indices[:, :3] // 4, np.repeat(np.arange(40)[:, np.newaxis] // 4, 3, axis=1)
        )


def test_affinity_keeps_the_strongest():
    rng = np.random.default_rng(0)
    dense = np.triu(rng.random((15, 15)), 1)
    dense += dense.T
    graph = sparse.csr_array(dense)
    indices, values, counts = neighbors_from_graph(
        graph, 15, n_neighbors=3, mode="affinity"
    )
    for i, expected in enumerate(_naive(dense, sign=-1)):
        assert indices[i].tolist() == [j for _, j in expected[:3]]
        assert values[i].tolist() == [-v for v, _ in expected[:3]]
    assert np.all(counts == 3)


def test_affinity_of_zero_is_no_edge():
    graph = sparse.coo_array(([0.0, 1.0, 1.0], ([0, 0, 1], [1, 2, 0])), shape=(3, 3))
    with pytest.warns(UserWarning, match="1 of the 3"):
        indices, _, counts = neighbors_from_graph(graph, 3, mode="affinity")
    assert indices[0].tolist() == [2]
    assert counts.tolist() == [1, 1, 1]


def test_n_neighbors_keeps_the_nearest():
    X = np.random.default_rng(0).standard_normal((40, 5))
    graph = kneighbors_graph(X, 9, mode="distance")
    indices, _, counts = neighbors_from_graph(graph, 40, n_neighbors=4)
    assert np.array_equal(indices, nearest_neighbors(X, 4)[0])
    assert np.all(counts == 4)


def test_sample_without_neighbors_warns():
    dense = np.zeros((4, 4))
    dense[0, 1] = dense[1, 0] = dense[2, 2] = 1
    with pytest.warns(UserWarning, match="2 of the 4 samples have no neighbor"):
        indices, distances, counts = neighbors_from_graph(dense, 4)
    assert indices.tolist() == [[1], [0], [2], [3]]
    assert distances[:, 0].tolist() == [1, 1, 0, 0]
    assert counts.tolist() == [1, 1, 1, 1]


@pytest.mark.parametrize("dtype", [bool, np.int8, np.uint16, np.float32])
def test_graphs_of_any_type_are_read(dtype):
    graph = sparse.csr_array(np.array([[0, 1, 0], [1, 0, 1], [1, 0, 0]], dtype=dtype))
    indices, distances, counts = neighbors_from_graph(graph, 3)
    assert counts.tolist() == [1, 2, 1]
    assert indices[1].tolist() == [0, 2]
    assert distances.dtype == np.float64


def test_graph_is_not_changed():
    graph = sparse.coo_array(([1.0, 2.0, 1.0], ([0, 0, 1], [1, 1, 0])), shape=(2, 2))
    _, distances, _ = neighbors_from_graph(graph, 2)
    assert graph.data.tolist() == [1.0, 2.0, 1.0]
    # Repeated entries of a COO matrix add up, as everywhere in SciPy.
    assert distances[0].tolist() == [3.0]


@pytest.mark.parametrize(
    "graph, n_samples, match",
    [
        (np.ones((3, 3)), 4, r"shape \(3, 3\), but there are 4 samples"),
        (np.ones((3, 4)), 3, r"shape \(3, 4\)"),
        (sparse.csr_array((5, 5)), 4, r"shape \(5, 5\)"),
        (np.ones(3), 3, r"shape \(3,\)"),
        (np.array([[0, np.nan], [1, 0]]), 2, r"NaN or infinite.*\(0, 1\)"),
        (np.array([[0, 1], [np.inf, 0]]), 2, r"NaN or infinite.*\(1, 0\)"),
        (np.array([[0, 1.0], [-2.0, 0]]), 2, r"negative.*-2 at \(1, 0\)"),
        (np.array([["a", "b"], ["c", "d"]]), 2, "strings"),
        (np.ones((2, 2), dtype=complex), 2, "Complex data"),
    ],
)
def test_wrong_graphs_are_refused(graph, n_samples, match):
    with pytest.raises(ValueError, match=match):
        neighbors_from_graph(graph, n_samples)


def test_wrong_modes_are_refused():
    with pytest.raises(ValueError, match=r"'mode' .*'affinity'.* Got 'similarity'"):
        neighbors_from_graph(np.ones((3, 3)), 3, mode="similarity")


def test_connected_components_are_numbered_in_order():
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.standard_normal((20, 3)) + 100 * i for i in range(4)])
    order = rng.permutation(80)
    part = np.repeat(np.arange(4), 20)[order]
    indices, _ = nearest_neighbors(X[order], 10)
    n_components, labels = connected_components_of(indices)
    assert n_components == 4
    assert labels[0] == 0
    assert len(set(zip(labels.tolist(), part.tolist(), strict=True))) == 4
    first = [np.flatnonzero(labels == c)[0] for c in range(4)]
    assert first == sorted(first)


def test_connected_components_are_undirected_and_skip_padding():
    indices = np.array([[1, 2], [0, 0], [2, 0]])
    assert connected_components_of(indices)[0] == 1
    n_components, labels = connected_components_of(indices, counts=[1, 1, 1])
    assert n_components == 2
    assert labels.tolist() == [0, 0, 1]
