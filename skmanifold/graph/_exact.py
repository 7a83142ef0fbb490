# SPDX-License-Identifier: BSD-3-Clause
"""Exact Euclidean nearest neighbors by blocked matrix products.

The search has two steps. A matrix product in single precision *filters* pairs that
cannot be nearest, with a margin for the rounding error, so that no neighbor is lost.
The few remaining pairs are *measured* from differences in double precision, so that
duplicates are at distance zero and the result does not depend on the blocks.
"""

import numpy as np
from joblib import Parallel, delayed
from sklearn import get_config

from skmanifold.utils._threads import one_blas_thread

from ._distinct import distinct_rows, positions_in_groups

# Fixed, so that the result cannot depend on the number of threads.
_BLOCK_ROWS = 256
# A block of products of this size fits into the second-level cache.
_BLOCK_BYTES = 2**20


def exact_neighbors(X, n_neighbors, *, n_jobs=None):
    """Find the exact Euclidean nearest neighbors of every row of a finite array.

    Returns indices (int64, without the row itself, nearest first, ties ordered by
    index) and distances (dtype of `X`), of shape (n_samples, n_neighbors).
    """
    n_samples = X.shape[0]
    search = _ExactSearch(X, n_neighbors)
    indices = np.empty((n_samples, n_neighbors), dtype=np.int64)
    distances = np.empty((n_samples, n_neighbors), dtype=X.dtype)

    def fill(start):
        rows = np.arange(start, min(start + _BLOCK_ROWS, n_samples))
        indices[rows], distances[rows] = search(rows)

    # Blocks run in parallel; BLAS threads would oversubscribe the cores.
    with one_blas_thread():
        Parallel(n_jobs=n_jobs, require="sharedmem")(
            delayed(fill)(start) for start in range(0, n_samples, _BLOCK_ROWS)
        )
    return indices, distances


def candidate_columns(X, n_neighbors):
    """Return rows that may be among the nearest of another.

    Of equal rows, the first ``n_neighbors + 1`` are enough, as ties are ordered by
    index. This keeps data with many duplicates cheap.
    """
    _, group = distinct_rows(X)
    order = np.argsort(group, kind="stable")
    before = positions_in_groups(np.bincount(group))
    return np.sort(order[before <= n_neighbors])


def center_and_exponent(X):
    """Return center and binary exponent of the spread, for normalizing `X`.

    The center is the median of a subset: robust, and with coordinates of the data, so
    that gridded data stay on their grid and ties remain exact. A power of two scales to
    about [-1, 1] without rounding.
    """
    sample = X[:: -(-len(X) // 1024)]
    middle = len(sample) // 2
    center = np.partition(sample, middle, axis=0)[middle]
    spread = np.max(X.max(axis=0) / 2 - X.min(axis=0) / 2)
    return center, int(np.frexp(spread)[1]) + 1


def centered(X, center, exponent, dtype):
    """Return centered and scaled coordinates in `dtype`."""
    X = X - center
    with np.errstate(under="ignore"):
        # Two factors, as one may be out of range; faster than np.ldexp.
        half = exponent // 2
        X *= np.ldexp(X.dtype.type(1), -half)
        X *= np.ldexp(X.dtype.type(1), half - exponent)
        return X.astype(dtype, copy=False)


class _ExactSearch:
    """Search for a block of rows at a time, with the filter of one data set.

    For a row ``a`` and a column ``b``, both centered,
    ``|a - b|^2 = |a|^2 - 2 s(a, b)`` with ``s(a, b) = a.b - |b|^2 / 2``. The vectors
    are extended to ``(a, 1, -t)`` and ``(b, -|b|^2 / 2, 1)``, so that the product is
    ``s - t`` and a test against the threshold ``t`` of the row is a test of its sign.
    """

    def __init__(self, X, n_neighbors, columns=None):
        self.X = X
        self.k = n_neighbors
        self.center, self.exponent = center_and_exponent(X)

        if columns is None:
            # In random order, the threshold is near its final value early, even for
            # sorted data. The result does not depend on the order.
            columns = np.random.RandomState(0).permutation(
                candidate_columns(X, n_neighbors)
            )
        self.columns = columns
        self.filter_columns = self._make_columns(self.columns, np.float32)

    def _coordinates(self, rows, dtype):
        """Return centered and scaled coordinates of the given rows, in `dtype`."""
        return centered(self.X[rows], self.center, self.exponent, dtype)

    def _make_columns(self, columns, dtype):
        """Return the right-hand side of the product, (n_features + 2, n_columns)."""
        n_features = self.X.shape[1]
        out = np.empty((n_features + 2, len(columns)), dtype=dtype)
        step = max(1, _BLOCK_BYTES // (8 * n_features))
        for start in range(0, len(columns), step):
            part = slice(start, start + step)
            coordinates = self._coordinates(columns[part], dtype)
            out[:n_features, part] = coordinates.T
            out[n_features, part] = -0.5 * _squared_norms(coordinates)
        out[n_features + 1] = 1.0
        return out

    def __call__(self, row_ids, columns=None, filter_columns=None):
        """Return the neighbors of at most `_BLOCK_ROWS` rows.

        Search all columns, or `columns` with the right-hand side `filter_columns`.
        """
        if columns is None:
            columns, filter_columns = self.columns, self.filter_columns
        pairs = self._filter(row_ids, columns, filter_columns, np.float32)
        if pairs is None:
            pairs = self._filter(row_ids, columns, filter_columns, np.float64)
        return self._measure(row_ids, *pairs)

    def _filter(self, row_ids, candidates, filter_columns, dtype):
        """Return pairs that include the nearest neighbors of a block of rows.

        Return None if single precision separates too few pairs, as for tight clusters
        far apart.
        """
        k = self.k
        n_rows, n_features = len(row_ids), self.X.shape[1]
        n_columns = len(candidates)

        left = np.zeros((n_rows, n_features + 2), dtype=dtype)
        left[:, :n_features] = self._coordinates(row_ids, dtype)
        left[:, n_features] = 1.0
        squared_norms = _squared_norms(left[:, :n_features])

        # Per row, at most this many candidates are kept between two merges, and half as
        # many after a merge.
        capacity = 4 * k + 96
        info = np.finfo(dtype)
        # Bound of the relative error of a sum of n_features + 2 products, including the
        # rounding of coordinates and distance. Roundings in long sums cancel: 8 sqrt(n)
        # is never reached in practice, and the worst case, n, would filter too little.
        n_roundings = min(n_features, 8 * np.sqrt(n_features)) + 16
        gamma = n_roundings * info.eps + 2 * np.finfo(self.X.dtype).eps

        def lowered(kth):
            """Lower the threshold from the k-th best value by the rounding error."""
            radius = np.sqrt(np.maximum(squared_norms - 2.0 * kth, 0.0))
            reach = (np.sqrt(squared_norms) + radius) ** 2
            return kth - 4 * gamma * reach - n_features * info.tiny * 8

        item = np.dtype(dtype).itemsize
        memory = min(_BLOCK_BYTES, int(get_config()["working_memory"] * 2**20))
        width = max(16, memory // (item * _BLOCK_ROWS))
        if dtype == np.float64:
            width = max(16, min(width, 4 * _BLOCK_BYTES // (item * n_features)))
        # The first columns set the threshold.
        first = min(n_columns, max(1024, 8 * (k + 1)))

        threshold = np.zeros((n_rows, 1), dtype=dtype)
        rows = columns = np.empty(0, dtype=np.int64)
        values = np.empty(0, dtype=dtype)
        candidate_blocks, n_kept = [], 0
        position = 0
        buffer = np.empty(n_rows * max(width, first), dtype=dtype)
        passed = np.zeros(len(buffer) + 8, dtype=bool)
        while position < n_columns:
            end = min(n_columns, position + (width if position else first))
            if dtype == np.float32:
                right = filter_columns[:, position:end]
            else:
                right = self._make_columns(candidates[position:end], dtype)
            product = buffer[: n_rows * (end - position)].reshape(n_rows, -1)
            np.matmul(left, right, out=product)
            if position == 0:
                # + 1, as the row itself may be among the columns.
                rank = max(end - (k + 1), 0)
                kth = np.partition(product, rank, axis=1)[:, rank].astype(np.float64)
                threshold = lowered(kth).astype(dtype)[:, None]
                product -= threshold
                left[:, -1:] = -threshold
            np.greater_equal(product, 0, out=passed[: product.size].reshape(n_rows, -1))
            hits = _flatnonzero(passed, product.size)
            if len(hits):
                block = (hits, product.ravel()[hits], position, end - position)
                candidate_blocks.append(block)
                n_kept += len(hits)
            position = end
            full = n_kept > capacity * n_rows
            if candidate_blocks and (full or position == n_columns):
                # Merge rarely, as the cost is per merge rather than per candidate.
                hits, hit_values, starts, widths = zip(*candidate_blocks, strict=True)
                sizes = [len(part) for part in hits]
                new_rows, new_columns = np.divmod(
                    np.concatenate(hits), np.repeat(widths, sizes)
                )
                new_columns = candidates[new_columns + np.repeat(starts, sizes)]
                new_values = np.concatenate(hit_values) + threshold[new_rows, 0]
                # A row is not its own neighbor, but its duplicates are.
                other = np.flatnonzero(new_columns != row_ids[new_rows])
                rows = np.concatenate([rows, new_rows[other]])
                columns = np.concatenate([columns, new_columns[other]])
                values = np.concatenate([values, new_values[other]])
                table, _ = _to_table(rows, values, n_rows, -np.inf)
                rank = table.shape[1] - k
                kth = np.partition(table, rank, axis=1)[:, rank].astype(np.float64)
                threshold = lowered(kth).astype(dtype)[:, None]
                left[:, -1:] = -threshold
                keep = np.flatnonzero(values >= threshold[rows, 0])
                if len(keep) > capacity // 2 * n_rows:
                    if dtype == np.float32:
                        return None
                    # Too many ties: keep the best by value, then by index, which is
                    # exact on a grid.
                    order = np.lexsort((columns, -values, rows))
                    rank = positions_in_groups(np.bincount(rows, minlength=n_rows))
                    keep = order[rank < capacity // 2]
                rows, columns, values = rows[keep], columns[keep], values[keep]
                candidate_blocks, n_kept = [], len(keep)
        return rows, columns

    def _measure(self, row_ids, rows, columns):
        """Compute distances from differences, and return the k nearest candidates."""
        X, k = self.X, self.k
        # Sorted by row and index, so that the stable sort below settles ties.
        order = np.argsort(rows * X.shape[0] + columns)
        rows, columns = rows[order], columns[order]
        distances = pair_distances(X, row_ids[rows], columns, self.exponent)
        table, columns = _to_table(rows, distances, len(row_ids), np.inf, columns)
        nearest = np.argsort(table, axis=1, kind="stable")[:, :k]
        return (
            np.take_along_axis(columns, nearest, axis=1),
            np.take_along_axis(table, nearest, axis=1),
        )


def pair_distances(X, first, second, exponent=0):
    """Return Euclidean distances of pairs of rows from differences in double precision.

    Data of extreme scale are divided by two to `exponent` before they are squared.
    """
    exponent = exponent if abs(exponent) > 300 else 0
    distances = np.empty(len(first), dtype=X.dtype)
    step = max(1, _BLOCK_BYTES // (16 * X.shape[1]))
    for start in range(0, len(first), step):
        part = slice(start, start + step)
        a, b = X[first[part]], X[second[part]]
        if exponent:
            a, b = np.ldexp(a, -exponent), np.ldexp(b, -exponent)
        distance = np.sqrt(_squared_norms(np.subtract(a, b, dtype=np.float64)))
        distances[part] = np.ldexp(distance, exponent)
    return distances


def _flatnonzero(mask, size):
    """Return positions of true values among the first `size` of a sparse mask.

    Testing eight entries at once is faster than `np.flatnonzero` if nearly all are
    False. The mask must have at least 8 more entries.
    """
    mask[size : size + 8] = False
    n_words = -(-size // 8)
    words = np.flatnonzero(mask[: 8 * n_words].view(np.uint64) != 0)
    word, bit = np.nonzero(mask[: 8 * n_words].reshape(-1, 8)[words])
    return 8 * words[word] + bit


def _squared_norms(X):
    """Return the squared Euclidean norm of each row, in double precision."""
    return np.einsum("ij,ij->i", X, X, dtype=np.float64)


def _to_table(rows, values, n_rows, fill, columns=None):
    """Scatter values, given with their row numbers, into a padded table."""
    order = np.argsort(rows, kind="stable")
    counts = np.bincount(rows, minlength=n_rows)
    position = positions_in_groups(counts)
    table = np.full((n_rows, counts.max()), fill, dtype=values.dtype)
    table[rows[order], position] = values[order]
    if columns is not None:
        filled = np.zeros(table.shape, dtype=np.int64)
        filled[rows[order], position] = columns[order]
        columns = filled
    return table, columns
