# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

import subprocess
import sys

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn import config_context

from skmanifold.metrics._ranks import _MAX_COUNTED, all_ranks, chunks, ranks_of


@pytest.mark.parametrize("n_queries", [1, _MAX_COUNTED, _MAX_COUNTED + 1, 49])
def test_counted_and_sorted_ranks_are_the_definition(n_queries, loops):
    X = np.random.default_rng(0).normal(size=(50, 4))
    others = np.array([[j for j in range(50) if j != i] for i in range(50)])
    queries = np.random.default_rng(1).permuted(others, axis=1)[:, :n_queries]
    expected = np.take_along_axis(loops.ranks(X), queries, axis=1)
    assert_array_equal(ranks_of(X, queries), expected)
    nearest = np.argsort(loops.ranks(X), axis=1)[:, 1 : min(n_queries, 9) + 1]
    expected_nearest = np.take_along_axis(loops.ranks(X), nearest, axis=1)
    assert_array_equal(ranks_of(X, nearest), expected_nearest)
    rows = np.array([3, 40, 11])
    assert_array_equal(ranks_of(X, queries[rows], rows=rows), expected[rows])


def test_all_ranks_are_the_definition(loops):
    X = np.random.default_rng(0).normal(size=(40, 3))
    at = np.array([5, 0, 39])
    assert_array_equal(all_ranks(loops.distances(X)[at], at), loops.ranks(X)[at])


@pytest.mark.parametrize("n_queries", [2, _MAX_COUNTED + 2])
def test_tied_ranks_are_distinct(n_queries):
    X = np.ones((60, 2))
    others = np.array([[j for j in range(60) if j != i] for i in range(60)])
    ranks = ranks_of(X, others[:, :n_queries])
    assert (np.sort(ranks, axis=1)[:, 1:] > np.sort(ranks, axis=1)[:, :-1]).all()
    assert ranks.min() >= 1
    assert ranks.max() <= 59


def test_chunks_keep_to_the_working_memory():
    with config_context(working_memory=1):
        parts = chunks(1000, row_bytes=2**17)
        assert {part.stop - part.start for part in parts} == {8}
        assert {p.stop - p.start for p in chunks(1000, 2**17, n_jobs=2)} == {4}
        # A row that does not fit is a chunk by itself, as in scikit-learn.
        assert len(chunks(3, row_bytes=2**21)) == 3
    covered = np.concatenate([np.arange(1000)[part] for part in parts])
    assert_array_equal(covered, np.arange(1000))


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


@pytest.mark.parametrize("module", ["skmanifold.metrics", "skmanifold.datasets"])
def test_import_loads_neither_torch_nor_other_heavy_packages(module):
    code = f"""
import sys
import {module}
print(*sorted({{"torch", "numba", "matplotlib", "pynndescent"}} & set(sys.modules)))
"""
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == ""
