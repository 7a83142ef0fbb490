# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause
"""Approximate Euclidean nearest neighbors by a partition of the samples.

Samples belong to the nearest of about ``sqrt(n)`` centers. The neighbors of the samples
of a cell are searched among those of the cells whose centers are nearest to its own, by
the exact search of :mod:`._exact`: products in single precision rule candidates out,
differences in double precision measure those that are left.

All that is random is drawn by a hash of the samples, and sums run in the order of these
hashes. So the result depends neither on the order of the samples nor on the number of
threads.
"""

import numpy as np
from joblib import Parallel, delayed

from skmanifold.utils._threads import one_blas_thread

from ._distinct import row_hashes
from ._exact import _BLOCK_ROWS, _ExactSearch, candidate_columns

# Cells in which the neighbors of the samples of a cell are searched.
_N_PROBES = 40
# Steps of k-means, and samples for each center that they see.
_N_STEPS = 4
_SAMPLES_PER_CENTER = 100
# Rows of a block when samples are assigned to centers.
_ASSIGNED_ROWS = 4096


def partition_neighbors(X, n_neighbors, *, n_probes=_N_PROBES, n_jobs=None):
    """Find Euclidean nearest neighbors among the samples of nearby cells.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features), float32 or float64
        Finite data.
    n_neighbors : int
        Number of neighbors, less than `n_samples`.
    n_probes : int, default=40
        Cells to search. With all of them the search is exact.
    n_jobs : int or None, default=None
        Number of threads. The result does not depend on it.

    Returns
    -------
    indices : ndarray of shape (n_samples, n_neighbors), int64
        Neighbors of each row without the row itself, the nearest first, equal distances
        in the order of the index.
    distances : ndarray of shape (n_samples, n_neighbors), dtype of `X`
        The distances.
    """
    n_samples = len(X)
    # equal rows in the order of the index
    order = np.argsort(row_hashes(X), kind="stable")
    X = X[order]
    indices = np.empty((n_samples, n_neighbors), dtype=np.int64)
    distances = np.empty((n_samples, n_neighbors), dtype=X.dtype)
    # The parallelism is over blocks of rows, of sizes that the data fix.
    with one_blas_thread(), Parallel(n_jobs=n_jobs, require="sharedmem") as parallel:
        search = _PartitionSearch(X, n_neighbors, n_probes, parallel)

        def fill(rows, columns, right):
            near, distances[order[rows]] = search.exact(rows, columns, right)
            indices[order[rows]] = order[near]

        parallel(delayed(search.search_cell)(cell, fill) for cell in search.filled)
    # equal distances are in the order of the hashes so far
    by_index = np.lexsort((indices, distances), axis=1)
    return (
        np.take_along_axis(indices, by_index, axis=1),
        np.take_along_axis(distances, by_index, axis=1),
    )


class _PartitionSearch:
    """Cells of samples that are in the order of their hashes."""

    def __init__(self, X, n_neighbors, n_probes, parallel):
        columns = candidate_columns(X, n_neighbors)
        self.exact = _ExactSearch(X, n_neighbors, columns)
        Z = self.exact.filter_columns[:-2]
        n_centers = max(1, int(np.sqrt(len(columns))))
        centers = _find_centers(Z, n_centers, parallel)

        cell = _nearest_centers(Z, centers, parallel)
        # the candidates of a cell lie side by side
        by_cell = np.argsort(cell, kind="stable")
        self.columns = columns[by_cell]
        self.right = np.ascontiguousarray(self.exact.filter_columns[:, by_cell])
        self.exact.filter_columns = self.exact.columns = None
        counts = np.bincount(cell, minlength=n_centers)
        self.ends = np.cumsum(counts)
        self.starts = self.ends - counts

        # candidates are one of each, or few, of equal samples; all have a cell
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

        # cells to search, the nearest first, and more of them where they are small
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
        """Hand the rows of a cell, and their candidates, to `fill`."""
        probed = [np.arange(self.starts[c], self.ends[c]) for c in self.probes[cell]]
        at = np.concatenate(probed)
        columns, right = self.columns[at], self.right[:, at]
        rows = self.rows[cell]
        for start in range(0, len(rows), _BLOCK_ROWS):
            fill(rows[start : start + _BLOCK_ROWS], columns, right)


def _find_centers(Z, n_centers, parallel):
    """Centers of shape (n_centers, n_features) by k-means on a part of the columns."""
    # The columns are in the order of their hashes: the first ones are drawn at random.
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
    """Number of the nearest center of each column of `Z`."""
    half = np.square(centers, dtype=np.float64).sum(axis=1).astype(np.float32) / 2
    nearest = np.empty(Z.shape[1], dtype=np.int64)

    def fill(start):
        part = slice(start, start + _ASSIGNED_ROWS)
        product = centers @ Z[:, part]
        product -= half[:, np.newaxis]
        product.argmax(axis=0, out=nearest[part])

    parallel(delayed(fill)(start) for start in range(0, Z.shape[1], _ASSIGNED_ROWS))
    return nearest
