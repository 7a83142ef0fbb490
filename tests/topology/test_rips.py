# SPDX-License-Identifier: BSD-3-Clause

import gudhi
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse.csgraph import minimum_spanning_tree
from scipy.spatial.distance import cdist

from skmanifold.topology import persistence_edges


def distances_of(n, d=3, seed=0):
    X = np.random.RandomState(seed).normal(size=(n, d))
    return cdist(X, X)


def lengths(distances, edges):
    return np.sort(distances[edges[:, 0], edges[:, 1]])


def connects(edges, n):
    parts = list(range(n))
    for i, j in edges:
        parts = [parts[i] if part == parts[j] else part for part in parts]
    return len(set(parts)) == 1


@pytest.mark.parametrize("n", [2, 3, 30])
def test_the_spanning_tree_is_that_of_scipy(n):
    distances = distances_of(n)
    edges = persistence_edges(distances)
    assert edges.shape == (n - 1, 2) and connects(edges, n)
    expected = minimum_spanning_tree(distances).data
    assert_allclose(lengths(distances, edges), np.sort(expected))
    assert (np.diff(distances[edges[:, 0], edges[:, 1]]) >= 0).all(), "shortest first"


def test_copies_are_connected_by_edges_of_length_zero():
    distances = distances_of(6)[np.ix_([0, 0, 1, 2, 2, 2], [0, 0, 1, 2, 2, 2])]
    edges = persistence_edges(distances)
    assert connects(edges, 6)
    assert (lengths(distances, edges)[:3] == 0).all()


@pytest.mark.parametrize("n", [0, 1])
def test_fewer_than_two_samples_have_no_edges(n):
    assert persistence_edges(np.zeros((n, n)), max_dimension=1).shape == (0, 2)


@pytest.mark.parametrize("seed", range(3))
def test_pairs_of_random_points_are_those_of_gudhi(seed):
    X = np.random.RandomState(seed).normal(size=(25, 3))
    distances = cdist(X, X)
    tree = gudhi.RipsComplex(points=X).create_simplex_tree(max_dimension=2)
    tree.compute_persistence()
    components, loops = tree.flag_persistence_generators()[:2]
    edges = persistence_edges(distances, max_dimension=1)
    pairs = set(map(frozenset, edges.tolist()))
    assert pairs >= set(map(frozenset, components[:, 1:].tolist()))
    (loops,) = loops
    assert pairs >= set(map(frozenset, loops.reshape(-1, 2).tolist()))
    assert len(edges) == 24 + 2 * len(loops) > 24


def test_births_and_deaths_are_those_of_gudhi():
    angles = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    X = np.c_[np.cos(angles), 1.1 * np.sin(angles)]
    X += np.random.RandomState(0).normal(scale=0.01, size=X.shape)
    distances = cdist(X, X)
    tree = gudhi.RipsComplex(points=X).create_simplex_tree(max_dimension=2)
    expected = np.array([bar for d, bar in tree.persistence() if d == 1])
    edges = persistence_edges(distances, max_dimension=1)[11:]
    result = distances[edges[:, 0], edges[:, 1]]
    assert_allclose(np.sort(result), np.sort(expected.ravel()))
    assert result.max() > 1.5, "the circle"


@pytest.mark.parametrize(
    "distances, message",
    [
        (np.ones((2, 3)), r"shape \(2, 3\).*square"),
        (np.full((2, 2), np.nan), "distances contains NaN"),
        (1 - np.eye(3) * 2.0, "negative entries, the smallest -1"),
        (np.tril(np.ones((3, 3)), -1), "one side of the diagonal"),
        ([[0, 1, 2], [1, 0, 3], [4, 3, 0]], "not symmetric: .* from sample 0 to 2"),
    ],
)
def test_wrong_distances_are_refused(distances, message):
    with pytest.raises(ValueError, match=message):
        persistence_edges(distances)


def test_distances_that_are_negative_by_rounding_are_zero():
    """They would crash gudhi, and with it the interpreter."""
    distances = cdist(*[np.random.RandomState(0).normal(size=(30, 3))] * 2)
    distances[0, 1] = distances[1, 0] = 0
    expected = persistence_edges(distances, max_dimension=1)
    distances[0, 1] = distances[1, 0] = -1e-17
    assert_array_equal(persistence_edges(distances, max_dimension=1), expected)
