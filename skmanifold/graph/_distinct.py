# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause
"""Distinct samples, and samples that share nothing with others."""

import numpy as np
from scipy import sparse

# Samples of a block whose bytes are read at once.
_BLOCK_BYTES = 2**24
# Columns looked at first, and samples by which they are chosen.
_FIRST_COLUMNS = 32
_SOME_SAMPLES = 1000
# A column that this share of the samples fill is shared.
_OFTEN = 0.1
# Up to this width, samples that share no column may well be neighbors.
WIDE = 64
# Such samples lie at one place of the principal components. Where there are some, a
# network reads the columns themselves: up to this many, and of few samples more.
_MOST_COLUMNS = 4096
_MOST_COLUMNS_OF_FEW = 16384
_FEW_ENTRIES = 2**25


def row_hashes(X):
    """Numbers that are equal for equal rows, and hardly ever for others."""
    rng = np.random.RandomState(0)
    if sparse.issparse(X):
        X = _plain(X)
        keys = _odd(rng, X.shape[1])
        words = _words(X.data[:, np.newaxis])
        words = _mixed(words @ _odd(rng, words.shape[1]))
        sums = np.concatenate(
            [
                [np.uint64(0)],
                np.cumsum(_mixed(words * keys[X.indices]), dtype=np.uint64),
            ]
        )
        return sums[X.indptr[1:]] - sums[X.indptr[:-1]]
    X = np.asarray(X)
    hashes = np.empty(len(X), dtype=np.uint64)
    step = max(1, _BLOCK_BYTES // max(1, X.shape[1] * X.dtype.itemsize))
    keys = None
    for start in range(0, len(X), step):
        words = _words(X[start : start + step])
        keys = _odd(rng, words.shape[1]) if keys is None else keys
        hashes[start : start + step] = words @ keys
    return _mixed(hashes)


def _odd(rng, size):
    return rng.randint(0, 2**62, size=size).astype(np.uint64) * np.uint64(
        2
    ) + np.uint64(1)


def _mixed(words):
    """Spread differences over all bits."""
    words = words ^ (words >> np.uint64(33))
    words = words * np.uint64(0xFF51AFD7ED558CCD)
    words = words ^ (words >> np.uint64(33))
    words = words * np.uint64(0xC4CEB9FE1A85EC53)
    return words ^ (words >> np.uint64(33))


def _words(X):
    """Bytes of each row as 64-bit words."""
    # Adding zero turns -0.0 into 0.0, which differ as bytes.
    X = np.ascontiguousarray(X) + X.dtype.type(0)
    size = X.dtype.itemsize * X.shape[1]
    data = X.view(np.uint8).reshape(len(X), size)
    if size % 8:
        data = np.pad(data, ((0, 0), (0, 8 - size % 8)))
    return data.view(np.uint64)


def _plain(X):
    """CSR with sorted indices and no stored zeros."""
    X = sparse.csr_array(X, copy=True)
    X.sum_duplicates()
    X.eliminate_zeros()
    X.sort_indices()
    return X


def distinct_rows(X):
    """First occurrence of each distinct row, and which of these each row equals.

    Returns
    -------
    first : ndarray of shape (n_distinct,)
        Ascending.
    group : ndarray of shape (n_samples,)
        ``X[first[group]]`` equals ``X``.
    """
    n_samples = X.shape[0]
    _, first, group = np.unique(row_hashes(X), return_index=True, return_inverse=True)
    if len(first) < n_samples:
        origin = first[group]
        copies = np.flatnonzero(origin != np.arange(n_samples))
        if not _equal(X, copies, origin[copies]):  # pragma: no cover
            # once in the lifetime of the universe
            rows = X.toarray() if sparse.issparse(X) else X
            _, first, group = np.unique(
                rows, axis=0, return_index=True, return_inverse=True
            )
    # in the order of X
    order = np.argsort(first)
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return first[order], rank[group.ravel()]


def _equal(X, a, b):
    step = max(1, _BLOCK_BYTES // (8 * X.shape[1]))
    for start in range(0, len(a), step):
        part = slice(start, start + step)
        differ = X[a[part]] != X[b[part]]
        if differ.nnz if sparse.issparse(differ) else differ.any():
            return False
    return True


def small_groups(X, n_neighbors):
    """Groups of at most `n_neighbors` samples that share no column with others.

    Two samples share a column if neither is zero there. A sample of zeros alone is in
    no such group.

    Parameters
    ----------
    X : {ndarray, CSR} of shape (n_samples, n_features)
        Distinct samples.
    n_neighbors : int
        Largest size of a group.

    Returns
    -------
    ndarray of shape (n_samples,), int
        Numbers of the groups, from 0, and -1 for samples in none.
    """
    n_samples = X.shape[0]
    groups = np.full(n_samples, -1)
    at = _rarely_shared(X, n_neighbors)
    if not len(at):
        return groups
    # columns that others fill, too, connect to more than a small group
    filled = sparse.csr_array(X[at] != 0)
    inside = np.asarray(filled.sum(axis=0)).ravel()
    outside = _column_counts(X) - inside
    edges = sparse.bmat([[None, filled], [filled.T, None]], format="csr")
    _, labels = sparse.csgraph.connected_components(edges, directed=False)
    sizes = np.bincount(labels[: len(at)], minlength=labels.max() + 1)
    spoiled = np.zeros(len(sizes), dtype=bool)
    spoiled[labels[len(at) :][(outside > 0) & (inside > 0)]] = True
    found = ~spoiled[labels[: len(at)]] & (sizes[labels[: len(at)]] <= n_neighbors)
    if found.any():
        _, numbers = np.unique(labels[: len(at)][found], return_inverse=True)
        groups[at[found]] = numbers
    return groups


def may_hold_strangers(X, n_neighbors):
    """Whether samples of a wide table share no column with others, see `small_groups`.

    False for more columns than a network may read.
    """
    n_samples, n_features = X.shape
    few = min(_MOST_COLUMNS_OF_FEW, _FEW_ENTRIES // n_samples)
    if not WIDE < n_features <= max(_MOST_COLUMNS, few):
        return False
    # a look at some samples rules it out for most data
    step = -(-n_samples // _SOME_SAMPLES)
    some = X[::step] != 0
    shares = np.asarray(some.sum(axis=0)).ravel() / some.shape[0]
    often = np.argsort(-shares, kind="stable")[:_FIRST_COLUMNS]
    often = often[shares[often] > _OFTEN]
    left = np.arange(n_samples)
    if sparse.issparse(X):
        shared = np.zeros(n_features, dtype=np.int64)
        shared[often] = 1
        left = left[(X != 0).astype(np.int64) @ shared == 0]
    else:
        for column in often:
            left = left[X[left, column] == 0]
        if len(left) < n_samples / 2:  # few enough to look at all such columns
            left = left[~(X[left] != 0)[:, shares > _OFTEN].any(axis=1)]
    if not len(left):
        return False
    first, _ = distinct_rows(X)
    return bool((small_groups(X[first], n_neighbors) >= 0).any())


def _rarely_shared(X, most):
    """Samples all of whose columns are filled in at most `most` samples."""
    n_samples = X.shape[0]
    if sparse.issparse(X):
        filled = sparse.csr_array(X != 0)
        common = (np.asarray(filled.sum(axis=0)).ravel() > most).astype(np.int64)
        n_common = filled.astype(np.int64) @ common
        return np.flatnonzero((n_common == 0) & (np.diff(filled.indptr) > 0))
    # Most samples are ruled out by a look at few columns.
    some = X[:: -(-n_samples // _SOME_SAMPLES)] != 0
    first = np.argsort(-some.sum(axis=0), kind="stable")[:_FIRST_COLUMNS]
    filled = X[:, first] != 0
    common = filled.sum(axis=0) > most
    left = np.flatnonzero(~filled[:, common].any(axis=1))
    if not len(left):
        return left
    common = _column_counts(X) > most
    kept = [
        part[~filled[:, common].any(axis=1) & filled.any(axis=1)]
        for part in np.array_split(left, -(-len(left) // 1024))
        for filled in [X[part] != 0]
    ]
    return np.concatenate(kept)


def _column_counts(X):
    """Samples that are not zero in each column."""
    if sparse.issparse(X):
        return np.asarray((X != 0).sum(axis=0)).ravel()
    step = max(1, _BLOCK_BYTES // (8 * X.shape[1]))
    counts = np.zeros(X.shape[1], dtype=np.int64)
    for start in range(0, len(X), step):
        counts += np.count_nonzero(X[start : start + step], axis=0)
    return counts
