# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""Assignments to clusters, and cluster means in units of X."""

import numpy as np

from ._representation import dense


def soft_assignments(codes, centers):
    """Return t-kernel memberships (n, C), with the same bits in any batch."""
    shares = np.empty((len(codes), len(centers)))
    for start in range(0, len(codes), 1024):
        part = codes[start : start + 1024].astype(np.float64)
        d2 = np.zeros((len(part), len(centers)))
        # column by column, for sums in a fixed order
        for column, center in zip(part.T, centers.T, strict=True):
            d2 += (column[:, np.newaxis] - center) ** 2
        kernel = 1.0 / (1.0 + d2)
        total = np.zeros(len(part))
        for column in kernel.T:
            total += column
        shares[start : start + 1024] = kernel / total[:, np.newaxis]
    return shares


def raw_blocks(data, n_features):
    """Yield dense blocks of X in float64."""
    for start in range(0, data.n_samples, 1024):
        rows = dense(data.X[start : start + 1024])[:, :n_features]
        yield rows.astype(np.float64)


def raw_means(data, labels, n_clusters, n_features):
    """Return the mean of each cluster; of an empty one, the mean of X."""
    sums = np.zeros((n_clusters, n_features))
    start = 0
    for rows in raw_blocks(data, n_features):
        in_block = labels[start : start + len(rows)]
        for cluster in np.unique(in_block):
            sums[cluster] += rows[in_block == cluster].sum(axis=0)
        start += len(rows)
    sizes = np.bincount(labels, minlength=n_clusters)[:, np.newaxis]
    overall = sums.sum(axis=0) / len(labels)
    return np.where(sizes > 0, sums / np.maximum(sizes, 1), overall)
