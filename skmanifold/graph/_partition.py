# SPDX-License-Identifier: BSD-3-Clause
"""Approximate Euclidean nearest neighbors by a partition of the samples.

Samples belong to the nearest of about ``sqrt(n)`` centers. The neighbors of the samples
in a cell are searched in the nearest cells by the exact search of :mod:`._exact`.

Random choices and the order of sums follow a hash of the samples, so the result depends
neither on the order of samples nor on the number of threads.
"""

import numpy as np
from joblib import Parallel, delayed

from skmanifold.utils._threads import one_blas_thread

from ._distinct import row_hashes
from ._exact import _BLOCK_ROWS, _ExactSearch, candidate_columns

# Number of cells searched per cell.
_N_PROBES = 40
# Number of k-means steps, and of samples per center that they use.
_N_STEPS = 4
_SAMPLES_PER_CENTER = 100
# Samples per block when assigned to centers.
_ASSIGNED_ROWS = 4096


def partition_neighbors(X, n_neighbors, *, n_probes=_N_PROBES, n_jobs=None):
    """Find Euclidean nearest neighbors among the samples of nearby cells.

    Like :func:`exact_neighbors`, but only `n_probes` cells are searched; with all cells
    the search is exact.
    """
    n_samples = len(X)
    # ties by hash remain ordered by index
    order = np.argsort(row_hashes(X), kind="stable")
    X = X[order]
    indices = np.empty((n_samples, n_neighbors), dtype=np.int64)
    distances = np.empty((n_samples, n_neighbors), dtype=X.dtype)
    # Blocks run in parallel; their sizes depend on the data only.
    with one_blas_thread(), Parallel(n_jobs=n_jobs, require="sharedmem") as parallel:
        search = _PartitionSearch(X, n_neighbors, n_probes, parallel)

        def fill(rows, columns, right):
            near, distances[order[rows]] = search.exact(rows, columns, right)
            indices[order[rows]] = order[near]

        parallel(delayed(search.search_cell)(cell, fill) for cell in search.filled)
    # distance ties are still ordered by hash
    by_index = np.lexsort((indices, distances), axis=1)
    return (
        np.take_along_axis(indices, by_index, axis=1),
        np.take_along_axis(distances, by_index, axis=1),
    )


class _PartitionSearch:
    """Cells of samples sorted by hash."""

    def __init__(self, X, n_neighbors, n_probes, parallel):
        columns = candidate_columns(X, n_neighbors)
        self.exact = _ExactSearch(X, n_neighbors, columns)
        Z = self.exact.filter_columns[:-2]
        n_centers = max(1, int(np.sqrt(len(columns))))
        centers = _find_centers(Z, n_centers, parallel)

        cell = _nearest_centers(Z, centers, parallel)
        # store the candidates of a cell contiguously
        by_cell = np.argsort(cell, kind="stable")
        self.columns = columns[by_cell]
        self.right = np.ascontiguousarray(self.exact.filter_columns[:, by_cell])
        self.exact.filter_columns = self.exact.columns = None
        counts = np.bincount(cell, minlength=n_centers)
        self.ends = np.cumsum(counts)
        self.starts = self.ends - counts

        # candidates omit surplus duplicates; all samples need a cell
        if len(columns) < len(X):
            rest = np.setdiff1d(np.arange(len(X)), columns, assume_unique=True)
            Z = self.exact._make_columns(rest, np.float32)[:-2]
            columns = np.concatenate([columns, rest])
            cell = np.concatenate([cell, _nearest_centers(Z, centers, parallel)])
        by_cell = np.lexsort((columns, cell))
        self.rows = np.split(
            columns[by_cell], np.cumsum(np.bincount(cell, minlength=n_centers))[:-1]
        )
        self.filled = [i for i, rows in enumerate(self.rows) if len(rows)]

        # cells to search, nearest first; more if they are small
        squares = np.square(centers).sum(axis=1, dtype=np.float64)
        gaps = squares[:, np.newaxis] + squares - 2 * (centers @ centers.T)
        np.fill_diagonal(gaps, -1.0)
        nearest = np.argsort(gaps, axis=1, kind="stable")
        enough = (np.cumsum(counts[nearest], axis=1) > 4 * n_neighbors).argmax(axis=1)
        enough[counts.sum() <= 4 * n_neighbors] = n_centers
        self.probes = [
            near[: max(n_probes, last + 1)]
            for near, last in zip(nearest, enough, strict=True)
        ]

    def search_cell(self, cell, fill):
        """Call `fill` with the rows of a cell and their candidates."""
        probed = [np.arange(self.starts[c], self.ends[c]) for c in self.probes[cell]]
        at = np.concatenate(probed)
        columns, right = self.columns[at], self.right[:, at]
        rows = self.rows[cell]
        for start in range(0, len(rows), _BLOCK_ROWS):
            fill(rows[start : start + _BLOCK_ROWS], columns, right)


def _find_centers(Z, n_centers, parallel):
    """Return centers, (n_centers, n_features), by k-means on a subset of columns."""
    # Columns are sorted by hash, so the first ones are a random subset.
    sample = np.ascontiguousarray(Z[:, : _SAMPLES_PER_CENTER * n_centers])
    centers = sample[:, :n_centers].T.copy()
    for _ in range(_N_STEPS):
        cell = _nearest_centers(sample, centers, parallel)
        order = np.argsort(cell, kind="stable")
        counts = np.bincount(cell, minlength=n_centers)
        filled = np.flatnonzero(counts)
        starts = (np.cumsum(counts) - counts)[filled]
        sums = np.add.reduceat(sample[:, order].astype(np.float64), starts, axis=1)
        centers[filled] = (sums / counts[filled]).T
    return centers


def _nearest_centers(Z, centers, parallel):
    """Return the index of the center nearest to each column of `Z`."""
    half = np.square(centers, dtype=np.float64).sum(axis=1).astype(np.float32) / 2
    nearest = np.empty(Z.shape[1], dtype=np.int64)

    def fill(start):
        part = slice(start, start + _ASSIGNED_ROWS)
        product = centers @ Z[:, part]
        product -= half[:, np.newaxis]
        product.argmax(axis=0, out=nearest[part])

    parallel(delayed(fill)(start) for start in range(0, Z.shape[1], _ASSIGNED_ROWS))
    return nearest
