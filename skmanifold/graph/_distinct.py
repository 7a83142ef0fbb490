# SPDX-License-Identifier: BSD-3-Clause
"""Distinct samples, and samples without features in common."""

import numpy as np
from scipy import sparse

from skmanifold.utils._containers import check_matrix
from skmanifold.utils._sklearn import validate_params
from skmanifold.utils._validation import Count

_BLOCK_BYTES = 2**24
# Columns tested first, and samples used to choose them.
_FIRST_COLUMNS = 32
_SOME_SAMPLES = 1000
# A column is common if more than this fraction of its entries is nonzero.
_OFTEN = 0.1
# Up to this many features, samples without a common feature may be neighbors.
WIDE = 64
# Principal components map such samples to one point, so networks get the features
# instead: up to the first number, or the second if there are few samples.
_MOST_COLUMNS = 4096
_MOST_COLUMNS_OF_FEW = 16384
_FEW_ENTRIES = 2**25


def positions_in_groups(counts):
    """Return the position of each entry in its group, for groups of these sizes."""
    return np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)


def row_hashes(X):
    """Return hashes that are equal for equal rows, and hardly ever for others."""
    rng = np.random.RandomState(0)
    if sparse.issparse(X):
        X = _plain(X)
        keys = _odd(rng, X.shape[1])
        words = _words(X.data[:, np.newaxis])
        words = _mixed(words @ _odd(rng, words.shape[1]))
        sums = np.cumsum(_mixed(words * keys[X.indices]), dtype=np.uint64)
        sums = np.append(np.uint64(0), sums)
        return sums[X.indptr[1:]] - sums[X.indptr[:-1]]
    X = np.asarray(X)
    hashes = np.empty(len(X), dtype=np.uint64)
    step = max(1, _BLOCK_BYTES // max(1, X.shape[1] * X.dtype.itemsize))
    keys = None
    for start in range(0, len(X), step):
        words = _words(X[start : start + step])
        # sums of multiples of a power of two, as of integers, would often be equal
        words ^= words >> np.uint64(32)
        words *= np.uint64(0xFF51AFD7ED558CCD)
        words ^= words >> np.uint64(32)
        keys = _odd(rng, words.shape[1]) if keys is None else keys
        hashes[start : start + step] = words @ keys
    return _mixed(hashes)


def _odd(rng, size):
    keys = rng.randint(0, 2**62, size=size).astype(np.uint64)
    return keys * np.uint64(2) + np.uint64(1)


def _mixed(words):
    """Spread differences over all bits."""
    words = words ^ (words >> np.uint64(33))
    words = words * np.uint64(0xFF51AFD7ED558CCD)
    words = words ^ (words >> np.uint64(33))
    words = words * np.uint64(0xC4CEB9FE1A85EC53)
    return words ^ (words >> np.uint64(33))


def _words(X):
    """Return the bytes of each row as 64-bit words."""
    # Adding zero turns -0.0 into 0.0, which has other bytes.
    X = np.ascontiguousarray(X) + X.dtype.type(0)
    size = X.dtype.itemsize * X.shape[1]
    data = X.view(np.uint8).reshape(len(X), size)
    if size % 8:
        data = np.pad(data, ((0, 0), (0, 8 - size % 8)))
    return data.view(np.uint64)


def _plain(X):
    """Return CSR with sorted indices and no stored zeros."""
    X = sparse.csr_array(X, copy=True)
    X.sum_duplicates()
    X.eliminate_zeros()
    X.sort_indices()
    return X


def distinct_rows(X):
    """Return the first index of each distinct row, ascending, and each row's group.

    ``X[first[group]]`` equals ``X``.
    """
    n_samples = X.shape[0]
    _, first, group = np.unique(row_hashes(X), return_index=True, return_inverse=True)
    if len(first) < n_samples:
        origin = first[group]
        copies = np.flatnonzero(origin != np.arange(n_samples))
        if not _equal(X, copies, origin[copies]):  # pragma: no cover
            # a hash collision, of negligible probability
            X = X.toarray() if sparse.issparse(X) else X
            _, first, group = np.unique(
                X, axis=0, return_index=True, return_inverse=True
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
    """Label groups of at most `n_neighbors` distinct samples that share no feature.

    Two samples share a feature if it is nonzero in both. Returns the group, from 0, of
    each sample, or -1. All-zero samples are in no group.
    """
    n_samples = X.shape[0]
    groups = np.full(n_samples, -1)
    candidates = _rarely_shared(X, n_neighbors)
    if not len(candidates):
        return groups
    # features that other samples share connect to more than a small group
    filled = sparse.csr_array(X[candidates] != 0)
    inside = np.asarray(filled.sum(axis=0)).ravel()
    outside = _column_counts(X) - inside
    edges = sparse.bmat([[None, filled], [filled.T, None]], format="csr")
    _, labels = sparse.csgraph.connected_components(edges, directed=False)
    sizes = np.bincount(labels[: len(candidates)], minlength=labels.max() + 1)
    spoiled = np.zeros(len(sizes), dtype=bool)
    spoiled[labels[len(candidates) :][(outside > 0) & (inside > 0)]] = True
    labels = labels[: len(candidates)]
    in_group = ~spoiled[labels] & (sizes[labels] <= n_neighbors)
    if in_group.any():
        _, numbers = np.unique(labels[in_group], return_inverse=True)
        groups[candidates[in_group]] = numbers
    return groups


@validate_params({"n_neighbors": [Count(1)]}, prefer_skip_nested_validation=True)
def has_isolated_samples(X, n_neighbors):
    """Return whether some samples of wide data may share no nonzero column with others.

    Principal components map such samples to one point, so the inputs of a network
    should be the columns themselves.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Samples.
    n_neighbors : int
        Largest size of a group of samples that share columns only among themselves.

    Returns
    -------
    bool
        Whether there are such samples. False for 64 columns or fewer, and for more than
        a network can have as inputs: 4,096, or up to 16,384 if there are few samples.

    Examples
    --------
    >>> import numpy as np
    >>> from skmanifold.graph import has_isolated_samples
    >>> has_isolated_samples(np.eye(100), 5), has_isolated_samples(np.ones((9, 100)), 5)
    (True, False)
    """
    X = check_matrix(X, dtype="numeric", accept_sparse="csr", ensure_all_finite=False)
    n_samples, n_features = X.shape
    few = min(_MOST_COLUMNS_OF_FEW, _FEW_ENTRIES // n_samples)
    if not WIDE < n_features <= max(_MOST_COLUMNS, few):
        return False
    # a subset excludes it for most data
    step = -(-n_samples // _SOME_SAMPLES)
    subset = X[::step] != 0
    shares = np.asarray(subset.sum(axis=0)).ravel() / subset.shape[0]
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
        if len(left) < n_samples / 2:  # few enough to test all common columns
            left = left[~(X[left] != 0)[:, shares > _OFTEN].any(axis=1)]
    if not len(left):
        return False
    first, _ = distinct_rows(X)
    return bool((small_groups(X[first], n_neighbors) >= 0).any())


def _rarely_shared(X, most):
    """Return nonzero samples whose features are nonzero in at most `most` samples."""
    n_samples = X.shape[0]
    if sparse.issparse(X):
        filled = sparse.csr_array(X != 0)
        common = (np.asarray(filled.sum(axis=0)).ravel() > most).astype(np.int64)
        n_common = filled.astype(np.int64) @ common
        return np.flatnonzero((n_common == 0) & (np.diff(filled.indptr) > 0))
    # A few columns exclude most samples.
    subset = X[:: -(-n_samples // _SOME_SAMPLES)] != 0
    first = np.argsort(-subset.sum(axis=0), kind="stable")[:_FIRST_COLUMNS]
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
    """Return the number of nonzero samples in each column."""
    if sparse.issparse(X):
        return np.asarray((X != 0).sum(axis=0)).ravel()
    step = max(1, _BLOCK_BYTES // (8 * X.shape[1]))
    counts = np.zeros(X.shape[1], dtype=np.int64)
    for start in range(0, len(X), step):
        counts += np.count_nonzero(X[start : start + step], axis=0)
    return counts
