# SPDX-License-Identifier: BSD-3-Clause

import subprocess
import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from scipy.spatial.distance import cdist
from sklearn import config_context

from skmanifold.metrics import (
    continuity,
    local_geometric_distortion,
    mean_relative_rank_error,
    neighborhood_preservation,
    neighborhood_preservation_auc,
    trustworthiness,
)
from skmanifold.metrics._ranks import (
    all_ranks,
    chunks,
    kneighbors,
    map_chunks,
    near_zero,
    neighbors_graph,
    ranks_of,
    threads,
)


@pytest.mark.parametrize("n_queries", [1, 4, 5, 49])
def test_counted_and_sorted_ranks_are_the_definition(n_queries, plain):
    X = np.random.default_rng(0).normal(size=(50, 4))
    others = np.array([[j for j in range(50) if j != i] for i in range(50)])
    queries = np.random.default_rng(1).permuted(others, axis=1)[:, :n_queries]
    expected = np.take_along_axis(plain.ranks(X), queries, axis=1)
    assert_array_equal(ranks_of(X, queries), expected)
    nearest = np.argsort(plain.ranks(X), axis=1)[:, 1 : min(n_queries, 9) + 1]
    expected_nearest = np.take_along_axis(plain.ranks(X), nearest, axis=1)
    assert_array_equal(ranks_of(X, nearest), expected_nearest)
    rows = np.array([3, 40, 11])
    assert_array_equal(ranks_of(X, queries[rows], rows=rows), expected[rows])


def test_all_ranks_are_the_definition(plain):
    X = np.random.default_rng(0).normal(size=(40, 3))
    at = np.array([5, 0, 39])
    assert_array_equal(all_ranks(plain.distances(X)[at], at), plain.ranks(X)[at])


@pytest.mark.parametrize("n_queries", [2, 6])
def test_tied_ranks_are_distinct(n_queries):
    X = np.ones((60, 2))
    others = np.array([[j for j in range(60) if j != i] for i in range(60)])
    ranks = ranks_of(X, others[:, :n_queries])
    assert (np.sort(ranks, axis=1)[:, 1:] > np.sort(ranks, axis=1)[:, :-1]).all()
    assert ranks.min() >= 1
    assert ranks.max() <= 59


def test_chunks_keep_to_the_working_memory():
    with config_context(working_memory=1):
        parts = chunks(1000, row_bytes=2**13)
        assert {part.stop - part.start for part in parts} == {8}
        assert threads(2**13, n_jobs=3) == 3
        # Eight rows of an eighth of the memory, one in each chunk.
        assert {p.stop - p.start for p in chunks(1000, 2**17)} == {1}
        assert threads(2**17, n_jobs=20) == 8
        # A row that does not fit is a chunk by itself, as in scikit-learn.
        assert len(chunks(3, row_bytes=2**21)) == 3
        assert threads(2**21, n_jobs=4) == 1
    covered = np.concatenate([np.arange(1000)[part] for part in parts])
    assert_array_equal(covered, np.arange(1000))


def test_threads_do_not_change_the_chunks():
    seen = []
    with config_context(working_memory=1):
        for n_jobs in (1, 2, 3):
            seen.append(map_chunks(lambda chunk: chunk, 1000, 2**12, n_jobs))
    assert len(seen[0]) > 3
    assert seen[0] == seen[1] == seen[2]


@pytest.mark.parametrize("rows", [None, np.array([2, 9, 55])])
def test_threads_do_not_change_the_ranks_of_ties_by_rounding(rows):
    # Multiples of a tenth: many distances are equal but for rounding.
    X = np.random.default_rng(0).integers(10, size=(150, 20)) / 10
    near = kneighbors(X, 8, rows=rows)
    with config_context(working_memory=0.1):
        ranks = [ranks_of(X, near, rows=rows, n_jobs=n) for n in (1, 2, 3)]
    assert_array_equal(ranks[1], ranks[0])
    assert_array_equal(ranks[2], ranks[0])


# -- far from zero -------------------------------------------------------------------

FAR_METRICS = [
    trustworthiness,
    continuity,
    mean_relative_rank_error,
    neighborhood_preservation,
    neighborhood_preservation_auc,
    local_geometric_distortion,
]


@pytest.fixture
def wide():
    """Eighths in thirty columns, which a shift by 1e6 or 1e8 does not round."""
    X = np.random.default_rng(0).normal(size=(120, 30))
    return np.round(8 * X * np.linspace(1, 3, 30)) / 8


@pytest.mark.parametrize("shift", [-1e6, 1e8])
@pytest.mark.parametrize("metric", FAR_METRICS)
def test_a_shift_does_not_matter_in_many_columns(wide, metric, shift):
    Z = wide[:, :20] ** 2
    assert_allclose(metric(wide + shift, Z - shift), metric(wide, Z), rtol=1e-9)
    if metric is not neighborhood_preservation_auc:
        options = {"n_samples": 30, "random_state": 0}
        value = metric(wide + shift, Z - shift, **options)
        assert_allclose(value, metric(wide, Z, **options), rtol=1e-9)


@pytest.mark.parametrize("metric", ["euclidean", "l2", "minkowski", "sqeuclidean"])
def test_distances_to_neighbors_have_all_digits(wide, metric):
    tight = wide / 2**20  # differences of 1e-6
    distances, indices = kneighbors(tight + 2.0**10, 7, metric=metric, distances=True)
    expected = np.sqrt(((tight[indices] - tight[:, np.newaxis]) ** 2).sum(axis=2))
    if metric == "sqeuclidean":
        expected **= 2
    assert_allclose(distances, expected, rtol=1e-12)
    D = cdist(wide, wide)
    np.fill_diagonal(D, np.inf)
    nearest = np.sort(D, axis=1)[:, :7]
    assert_allclose(np.take_along_axis(D, indices, axis=1), nearest, rtol=1e-12)
    graph = neighbors_graph(tight + 2.0**10, 7, metric=metric)
    assert_allclose(graph[5, indices[5]].toarray()[0], expected[5], rtol=1e-12)


def test_an_isometry_far_from_zero_has_no_distortion(wide):
    assert local_geometric_distortion(wide + 1e8, wide + 1e8) == 0.0
    assert local_geometric_distortion(wide + 1e8, wide) == 0.0
    sparse = csr_array(np.where(wide > 1, wide, 0))
    assert local_geometric_distortion(sparse, sparse.toarray()) == 0.0


def test_data_near_zero_and_ties_are_left_as_they_are(wide):
    assert near_zero(wide) is wide
    assert near_zero(wide + 1e6, "cosine") is not wide
    far = wide + 1e6
    assert near_zero(far, "cosine") is far
    shifted = near_zero(far)
    assert np.abs(shifted).max() < 50
    # Whole numbers stay whole or halves, so equal distances stay equal.
    whole = np.random.default_rng(0).integers(5, size=(80, 20)) + 10_000.0
    assert_array_equal(2 * near_zero(whole) % 1, 0)
    assert np.isfinite(near_zero(np.full((5, 2), 7.0))).all()


def test_memory_stays_bounded_where_a_matrix_would_not_fit():
    # One n by n matrix of float64 would take 1.15 GB, scikit-learn three of them.
    code = """
import resource, sys
import numpy as np
import sklearn
from skmanifold.metrics import (
    continuity, distance_rmse, local_geometric_distortion, mean_relative_rank_error,
    neighborhood_preservation, neighborhood_preservation_auc, stress, trustworthiness,
)
sklearn.set_config(working_memory=64)
X = np.random.default_rng(0).normal(size=(12_000, 3))
Z = X[:, :2].copy()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
some = dict(n_samples=200, random_state=0)
trustworthiness(X, Z, **some)
continuity(X, Z, **some)
mean_relative_rank_error(X, Z, **some)
neighborhood_preservation(X, Z, **some)
neighborhood_preservation_auc(X, Z, **some)
distance_rmse(X, Z, **some)
stress(X, Z, **some)
local_geometric_distortion(X, Z)
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
kilobytes = 1024 if sys.platform == "darwin" else 1
sys.exit(f"{(after - before) / kilobytes / 1024:.0f}")
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.stderr.strip().isdigit(), run.stderr
    assert int(run.stderr) < 160, f"{run.stderr.strip()} MiB above the start"
