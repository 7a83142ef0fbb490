# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""Neighbors and neighbor ranks in chunks of bounded memory.

Ranks count from 1, the nearest other sample, to ``n - 1``. Distances and ties (by
:func:`numpy.argsort` of each row) are those of `sklearn.manifold.trustworthiness`, so
values agree with scikit-learn even if many distances are equal. Chunked matrix products
may round nearly equal distances differently than the full product, so the latter is
used if it fits into memory.

Euclidean distances from scalar products lose digits if the data lie far from zero. Only
such data are centered, so that others are rounded as in scikit-learn.
"""

import numpy as np
from joblib import effective_n_jobs
from scipy.sparse import csr_matrix
from sklearn import config_context, get_config
from sklearn.metrics import pairwise_distances
from sklearn.metrics.pairwise import euclidean_distances
from sklearn.neighbors import NearestNeighbors
from sklearn.utils import gen_batches
from sklearn.utils.extmath import row_norms
from sklearn.utils.parallel import Parallel, delayed

from skmanifold.utils._distances import (
    LEARNED_METRICS,
    CheckedDistances,
    learned_space,
)

# Larger chunks do not speed up the matrix products, but leave the caches.
_MAX_CHUNK_BYTES = 2**27
# A chunk takes at most this share of the working memory, to leave room for threads. It
# must not depend on their number: chunks of another size may be rounded differently.
_CHUNKS_AT_ONCE = 16
# Metrics that scikit-learn computes from scalar products and that shifts do not change.
_FROM_PRODUCTS = ("euclidean", "l2", "minkowski", "sqeuclidean")
# Metrics that are never NaN and for which scikit-learn's search is faster.
_SEARCHED = (
    *_FROM_PRODUCTS,
    "cityblock",
    "cosine",
    "l1",
    "manhattan",
    "precomputed",
)
# Data are far from zero if their squared center exceeds this multiple of their squared
# spread, measured on a subset.
_FAR = 100.0
_MANY_ROWS = 1000
# Up to this many queries per row, counting is faster than sorting. Otherwise only
# entries up to the farthest query are sorted, if they are less than this share of the
# row.
_MAX_COUNTED = 4
_MAX_SHARE = 0.2


def _working_bytes():
    return get_config()["working_memory"] * 2**20


def _chunk_rows(row_bytes):
    budget = min(_working_bytes() / _CHUNKS_AT_ONCE, _MAX_CHUNK_BYTES)
    return max(1, int(budget // max(row_bytes, 1)))


def chunks(n_rows, row_bytes):
    """Return slices of rows, at least one row each, that fit into the working memory.

    `row_bytes` is the total memory of one row of a chunk.
    """
    return list(gen_batches(n_rows, min(_chunk_rows(row_bytes), max(n_rows, 1))))


def threads(row_bytes, n_jobs=None):
    """Return the number of threads whose chunks fit into the working memory."""
    fit = int(_working_bytes() // (_chunk_rows(row_bytes) * max(row_bytes, 1)))
    return max(1, min(effective_n_jobs(n_jobs), fit))


def map_chunks(function, n_rows, row_bytes, n_jobs=None):
    """Apply a function to chunks of row numbers in threads; return results in order."""
    return Parallel(n_jobs=threads(row_bytes, n_jobs), require="sharedmem")(
        delayed(function)(chunk) for chunk in chunks(n_rows, row_bytes)
    )


def near_zero(X, metric="euclidean"):
    """Shift data that lie far from zero if `metric` would lose digits.

    The shift is a median: robust to outliers, and integers and equal distances remain
    so.
    """
    if metric not in _FROM_PRODUCTS or not isinstance(X, np.ndarray):
        return X
    subset = X[:: -(-len(X) // _MANY_ROWS)]
    center = np.median(subset, axis=0)
    spread = np.median(row_norms(subset - center, squared=True))
    return X - center if np.vdot(center, center) > _FAR * spread else X


def in_space(X, metric):
    """Transform to a space in which a metric with learned parameters is Euclidean."""
    if isinstance(metric, str) and metric in LEARNED_METRICS:
        return learned_space(X, metric), "euclidean"
    return X, metric


class Distances:
    """Rows of the distance matrix, computed on demand.

    Parameters
    ----------
    X : {ndarray, csr} of shape (n_samples, n_features)
        Validated samples, or their distances if ``metric="precomputed"``.

    metric : str or callable
        Any metric of `sklearn.metrics.pairwise_distances`.

    center : bool, default=False
        Subtract the mean, which reduces rounding errors of Euclidean distances.
        Otherwise only data far from zero are shifted.
    """

    def __init__(self, X, metric="euclidean", *, center=False):
        X, metric = in_space(X, metric)
        self.n_samples = X.shape[0]
        self.metric = metric
        self._checked = None
        if not _is_searched(X, metric):
            self._checked = CheckedDistances(X, metric)
        self._dense = isinstance(X, np.ndarray)
        if center and metric == "euclidean" and self._dense:
            X = X - X.mean(axis=0, dtype=np.float64).astype(X.dtype)
        else:
            X = near_zero(X, metric)
        self.X = X
        # For float32, scikit-learn computes the norms itself.
        self._norms = None
        if metric == "euclidean" and X.dtype == np.float64:
            self._norms = row_norms(X, squared=True)[:, np.newaxis]

    def __call__(self, rows):
        """Return distances of shape (len(rows), n_samples), as a new array."""
        X = self.X
        if self._checked is not None:
            return self._checked(rows)
        if isinstance(self.metric, str) and self.metric == "precomputed":
            return X[rows].copy()
        # The samples are validated already; avoid validating every chunk.
        with config_context(assume_finite=True):
            if self.metric != "euclidean":
                return pairwise_distances(X[rows], X, metric=self.metric)
            if self._norms is None:
                return euclidean_distances(X[rows], X)
            return euclidean_distances(
                X[rows],
                X,
                X_norm_squared=self._norms[rows],
                Y_norm_squared=self._norms.T,
            )


def kneighbors(
    X, n_neighbors, *, metric="euclidean", rows=None, n_jobs=None, distances=False
):
    """Return the indices of the nearest other samples, nearest first.

    With ``distances=True``, return (distances, indices); Euclidean distances are then
    recomputed from differences, without cancellation.
    """
    X, metric = in_space(X, metric)
    if not _is_searched(X, metric):
        return _checked_kneighbors(X, n_neighbors, metric, rows, n_jobs, distances)
    X = near_zero(X, metric)
    search = NearestNeighbors(n_neighbors=n_neighbors, metric=metric, n_jobs=n_jobs)
    search.fit(X)
    if rows is None:
        result = search.kneighbors(return_distance=distances)
        if distances:
            return _exact(X, np.arange(X.shape[0]), *result, metric)
        return result
    all_distances, candidates = search.kneighbors(X[rows], n_neighbors + 1)
    # The sample itself comes first, unless duplicates push it back or out.
    others = candidates != rows[:, np.newaxis]
    others[others.all(axis=1), -1] = False
    shape = (len(rows), n_neighbors)
    indices = candidates[others].reshape(shape)
    if distances:
        return _exact(X, rows, all_distances[others].reshape(shape), indices, metric)
    return indices


def _is_searched(X, metric):
    """Return whether scikit-learn can search in this metric without NaN checks."""
    if not isinstance(metric, str) or metric not in _SEARCHED:
        return False
    return isinstance(X, np.ndarray) or metric not in ("minkowski", "sqeuclidean")


def _checked_kneighbors(X, n_neighbors, metric, rows, n_jobs, distances):
    """Return nearest other samples in a metric whose distances need checks."""
    row_distances = CheckedDistances(X, metric)
    rows = np.arange(X.shape[0]) if rows is None else rows

    def chunk_neighbors(chunk):
        at = rows[chunk]
        D = row_distances(at)
        D[np.arange(len(at)), at] = np.inf
        near = np.argpartition(D, n_neighbors - 1, axis=1)[:, :n_neighbors]
        near_distances = np.take_along_axis(D, near, axis=1)
        order = np.argsort(near_distances, axis=1, kind="stable")
        return (
            np.take_along_axis(near_distances, order, axis=1),
            np.take_along_axis(near, order, axis=1),
        )

    parts = map_chunks(chunk_neighbors, len(rows), 3 * 8 * X.shape[0], n_jobs)
    near_distances, near = (np.concatenate(part) for part in zip(*parts, strict=True))
    return (near_distances, near) if distances else near


def _exact(X, at, distances, indices, metric):
    """Recompute neighbor distances from differences, and sort by them."""
    if metric not in _FROM_PRODUCTS:
        return distances, indices
    distances = np.empty(indices.shape)
    for chunk in chunks(len(at), 4 * 8 * indices.shape[1] * X.shape[1]):
        from_rows = np.repeat(at[chunk], indices.shape[1])
        difference = (
            X[from_rows].astype(np.float64, copy=False) - X[indices[chunk].ravel()]
        )
        distances[chunk] = row_norms(
            difference, squared=metric == "sqeuclidean"
        ).reshape(-1, indices.shape[1])
    order = np.argsort(distances, axis=1, kind="stable")
    return (
        np.take_along_axis(distances, order, axis=1),
        np.take_along_axis(indices, order, axis=1),
    )


def neighbors_graph(X, n_neighbors, *, metric="euclidean", n_jobs=None):
    """Return the sparse matrix of distances to the nearest other samples."""
    distances, indices = kneighbors(
        X, n_neighbors, metric=metric, n_jobs=n_jobs, distances=True
    )
    n = X.shape[0]
    starts = np.arange(0, n * n_neighbors + 1, n_neighbors)
    return csr_matrix((distances.ravel(), indices.ravel(), starts), shape=(n, n))


def _row_ranks(row, queries, buffer):
    """Return ranks of entries of one row of distances, its own entry infinite."""
    thresholds = row[queries]
    if len(queries) <= _MAX_COUNTED:
        ranks = np.empty(len(queries), dtype=np.int64)
        tied = False
        for i, threshold in enumerate(thresholds):
            np.less_equal(row, threshold, out=buffer)
            ranks[i] = up_to = np.count_nonzero(buffer)
            np.less(row, threshold, out=buffer)
            tied = tied or up_to - np.count_nonzero(buffer) > 1
    else:
        np.less_equal(row, thresholds.max(), out=buffer)
        few = np.count_nonzero(buffer) < _MAX_SHARE * len(row)
        ordered = np.sort(row[buffer] if few else row)
        ranks = np.searchsorted(ordered, thresholds, side="right")
        tied = (ranks - np.searchsorted(ordered, thresholds, side="left") > 1).any()
    if tied:
        inverse = np.empty(len(row), dtype=np.int64)
        inverse[np.argsort(row)] = np.arange(1, len(row) + 1)
        ranks = inverse[queries]
    return ranks


def ranks_of(X, indices, *, metric="euclidean", rows=None, n_jobs=None):
    """Return ranks of given samples among all others, seen from each row.

    `indices`, of shape (n_rows, n_queries), never contains the row itself. Ranks are
    from 1 to ``n_samples - 1``.
    """
    row_distances = Distances(X, metric)
    n = row_distances.n_samples
    row_bytes = 3 * 8 * n
    if rows is None:
        rows = np.arange(n)
        metric = row_distances.metric
        searched = _is_searched(row_distances.X, metric) and metric != "precomputed"
        if searched and row_bytes * n <= _working_bytes():
            whole = pairwise_distances(row_distances.X, metric=metric)
            row_distances = whole.__getitem__

    def chunk_ranks(chunk):
        at = rows[chunk]
        D = row_distances(at)
        D[np.arange(len(at)), at] = np.inf
        buffer = np.empty(D.shape[1], dtype=bool)
        return np.stack(
            [
                _row_ranks(row, queries, buffer)
                for row, queries in zip(D, indices[chunk], strict=True)
            ]
        )

    return np.concatenate(map_chunks(chunk_ranks, len(rows), row_bytes, n_jobs))


def all_ranks(D, at):
    """Return ranks of all samples from the rows `at`, 0 for the row itself.

    `D` holds the distances from these rows to all samples and is overwritten.
    """
    D[np.arange(len(at)), at] = -1.0
    order = np.argsort(D, axis=1)
    ranks = np.empty_like(order)
    np.put_along_axis(ranks, order, np.arange(D.shape[1])[np.newaxis], axis=1)
    return ranks


def paired_distances(X, Z, *, metric="euclidean", rows=None):
    """Return rows to evaluate, and a function from row numbers to both distances."""
    in_X = Distances(X, metric, center=True)
    in_Z = Distances(Z, center=True)
    if rows is None:
        rows = np.arange(in_X.n_samples)

    def both(chunk):
        at = rows[chunk]
        D_X = in_X(at).astype(np.float64, copy=False)
        D_Z = in_Z(at).astype(np.float64, copy=False)
        D_X[np.arange(len(at)), at] = 0.0
        D_Z[np.arange(len(at)), at] = 0.0
        return at, D_X, D_Z

    return rows, both
