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
from scipy.sparse import csr_matrix, issparse
from sklearn import config_context, get_config
from sklearn.metrics import pairwise_distances
from sklearn.metrics.pairwise import paired_distances as rowwise_distances
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import normalize
from sklearn.utils import gen_batches
from sklearn.utils.extmath import row_norms
from sklearn.utils.parallel import Parallel, delayed

from skmanifold.utils._distances import (
    LEARNED_METRICS,
    CheckedDistances,
    check_distances,
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
_L1 = ("cityblock", "l1", "manhattan")
_SEARCHED = (*_FROM_PRODUCTS, *_L1, "cosine", "precomputed")
# Metrics that are computed for single pairs.
_PAIRED = (*_L1, "cosine", "euclidean", "l2")
# Data are far from zero if their squared center exceeds this multiple of their squared
# spread, measured on a subset.
_FAR = 100.0
_MANY_ROWS = 1000
# Only entries up to the farthest query are sorted, if they are less than this share of
# the row.
_MAX_SHARE = 0.2


def _working_bytes():
    return get_config()["working_memory"] * 2**20


def _chunk_rows(row_bytes):
    budget = min(_working_bytes() / _CHUNKS_AT_ONCE, _MAX_CHUNK_BYTES)
    return max(1, int(budget // max(row_bytes, 1)))


def chunks(n_rows, row_bytes):
    """Return slices of rows, of `row_bytes` each, that fit into the working memory."""
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
    """Shift data that lie far from zero if `metric` would lose digits."""
    if metric not in _FROM_PRODUCTS or not isinstance(X, np.ndarray):
        return X
    subset = X[:: -(-len(X) // _MANY_ROWS)]
    # A median is robust to outliers, and integers and equal distances remain so.
    center = np.median(subset, axis=0)
    spread = np.median(row_norms(subset - center, squared=True))
    return X - center if np.vdot(center, center) > _FAR * spread else X


def _in_space(X, metric):
    """Transform to a space in which a metric with learned parameters is Euclidean."""
    if isinstance(metric, str) and metric in LEARNED_METRICS:
        return learned_space(X, metric), "euclidean"
    return X, metric


class Distances:
    """Rows of the distance matrix, computed on demand.

    ``X`` are validated samples, or their distances if ``metric="precomputed"``. With
    ``center=True`` the mean is subtracted, which reduces rounding errors of Euclidean
    distances; otherwise only data far from zero are shifted.
    """

    def __init__(self, X, metric="euclidean", *, center=False):
        X, metric = _in_space(X, metric)
        self.n_samples = X.shape[0]
        self.metric = metric
        self._checked = None
        if not _is_searched(X, metric):
            self._checked = CheckedDistances(X, metric)
        if center and metric == "euclidean" and isinstance(X, np.ndarray):
            X = X - X.mean(axis=0, dtype=np.float64).astype(X.dtype)
        else:
            X = near_zero(X, metric)
        self.X = X

    def __call__(self, rows):
        """Return distances of shape (len(rows), n_samples), as a new array."""
        if self._checked is not None:
            return self._checked(rows)
        if self.metric == "precomputed":
            return self.X[rows].copy()
        # The samples are validated already; avoid validating every chunk.
        with config_context(assume_finite=True):
            return pairwise_distances(self.X[rows], self.X, metric=self.metric)


def kneighbors(
    X, n_neighbors, *, metric="euclidean", rows=None, n_jobs=None, distances=False
):
    """Return the indices of the nearest other samples, nearest first.

    With ``distances=True``, return (distances, indices); Euclidean distances are then
    recomputed from differences, without cancellation.
    """
    rows = np.arange(X.shape[0]) if rows is None else rows
    X, metric = _in_space(X, metric)
    if not _is_searched(X, metric):
        neighbors = _checked_kneighbors(X, n_neighbors, metric, rows, n_jobs)
        return neighbors if distances else neighbors[1]
    X = near_zero(X, metric)
    search = NearestNeighbors(n_neighbors=n_neighbors, metric=metric, n_jobs=n_jobs)
    search.fit(X)
    if len(rows) == X.shape[0]:
        neighbors = search.kneighbors()
    else:
        neighbors = search.kneighbors(X[rows], n_neighbors + 1)
        # The sample itself comes first, unless duplicates push it back or out.
        others = neighbors[1] != rows[:, np.newaxis]
        others[others.all(axis=1), -1] = False
        neighbors = tuple(a[others].reshape(len(rows), n_neighbors) for a in neighbors)
    if not distances:
        return neighbors[1]
    return (
        _exact(X, neighbors[1], metric, rows) if metric in _FROM_PRODUCTS else neighbors
    )


def _is_searched(X, metric):
    """Return whether scikit-learn can search in this metric without NaN checks."""
    if not isinstance(metric, str) or metric not in _SEARCHED:
        return False
    return isinstance(X, np.ndarray) or metric not in ("minkowski", "sqeuclidean")


def _checked_kneighbors(X, n_neighbors, metric, rows, n_jobs):
    """Return nearest other samples in a metric whose distances need checks."""
    row_distances = CheckedDistances(X, metric)

    def chunk_neighbors(chunk):
        at = rows[chunk]
        D = row_distances(at)
        D[np.arange(len(at)), at] = np.inf
        near = np.argpartition(D, n_neighbors - 1, axis=1)[:, :n_neighbors]
        return _sorted(np.take_along_axis(D, near, axis=1), near)

    parts = map_chunks(chunk_neighbors, len(rows), 3 * 8 * X.shape[0], n_jobs)
    return tuple(np.concatenate(part) for part in zip(*parts, strict=True))


def _exact(X, near, metric, rows):
    """Recompute the distances of neighbors from differences, and sort by them."""
    distances = np.empty(near.shape)
    for chunk in chunks(len(near), 4 * 8 * near.shape[1] * X.shape[1]):
        from_rows = X[np.repeat(rows[chunk], near.shape[1])]
        difference = from_rows.astype(np.float64, copy=False) - X[near[chunk].ravel()]
        norms = row_norms(difference, squared=metric == "sqeuclidean")
        distances[chunk] = norms.reshape(-1, near.shape[1])
    return _sorted(distances, near)


def _sorted(distances, indices):
    order = np.argsort(distances, axis=1, kind="stable")
    return tuple(np.take_along_axis(a, order, axis=1) for a in (distances, indices))


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
    np.less_equal(row, thresholds.max(), out=buffer)
    few = np.count_nonzero(buffer) < _MAX_SHARE * len(row)
    ordered = np.sort(row[buffer] if few else row)
    ranks = np.searchsorted(ordered, thresholds, side="right")
    if (ranks - np.searchsorted(ordered, thresholds, side="left") > 1).any():
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
    rows = np.arange(n) if rows is None else rows
    if len(rows) == n:
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
        pairs = zip(D, indices[chunk], strict=True)
        return np.stack([_row_ranks(row, queries, buffer) for row, queries in pairs])

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


def paired_distances(X, Z, *, metric, rows):
    """Return a function from slices of the rows to both distances."""
    in_X = Distances(X, metric, center=True)
    in_Z = Distances(Z, center=True)

    def both(chunk):
        at = rows[chunk]
        D_X = in_X(at).astype(np.float64, copy=False)
        D_Z = in_Z(at).astype(np.float64, copy=False)
        D_X[np.arange(len(at)), at] = 0.0
        D_Z[np.arange(len(at)), at] = 0.0
        return D_X, D_Z

    return both


def pair_distances(space, first, second, n_jobs=None):
    """Return the distances of given pairs in a space, such as :class:`Distances`."""
    if callable(space.metric) or space.metric in _PAIRED:
        parts = gen_batches(len(first), max(1, 2**21 // space.X.shape[1]))
        distances = np.concatenate(
            [_between(space, first[part], second[part]) for part in parts]
        )
        return check_distances(
            distances[:, np.newaxis], first, space.metric, second[:, np.newaxis]
        )[:, 0]
    if space.metric == "precomputed":
        return np.asarray(space.X[first, second])
    # Other metrics are computed for whole rows only.
    order = np.argsort(first, kind="stable")
    sources, starts = np.unique(first[order], return_index=True)
    ends = np.append(starts[1:], len(first))

    def from_sources(chunk):
        D = space(sources[chunk])
        pairs = order[starts[chunk.start] : ends[chunk.stop - 1]]
        return D[np.searchsorted(sources[chunk], first[pairs]), second[pairs]]

    row_bytes = 3 * 8 * space.n_samples
    parts = map_chunks(from_sources, len(sources), row_bytes, n_jobs)
    distances = np.concatenate(parts)
    return distances[np.argsort(order)]


def _between(space, first, second):
    rows = (space.X[first], space.X[second])
    A, B = (part.toarray() if issparse(part) else part for part in rows)
    if space.metric == "cosine":
        return 1.0 - np.einsum("ij,ij->i", normalize(A), normalize(B))
    return rowwise_distances(A, B, metric=space.metric)
