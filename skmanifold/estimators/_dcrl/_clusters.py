# SPDX-License-Identifier: BSD-3-Clause

"""Assignments to clusters, and cluster means in units of X."""

import numpy as np
from scipy import sparse

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


def blocks_of(data):
    """Yield the samples of X in float64, block by block."""
    for start in range(0, data.n_samples, 1024):
        yield data.X[start : start + 1024].astype(np.float64)


def raw_blocks(data):
    """Yield dense blocks of X in float64."""
    return map(dense, blocks_of(data))


def cluster_sums(rows, labels, n_clusters):
    """Return the sum of the samples of each cluster, (C, d)."""
    n_samples = len(labels)
    members = sparse.csr_array(
        (np.ones(n_samples), (labels, np.arange(n_samples))),
        shape=(n_clusters, n_samples),
    )
    return dense(members @ rows)


def raw_means(data, labels, n_clusters):
    """Return the mean of each cluster; of an empty one, the mean of X."""
    sums, start = 0.0, 0
    for rows in blocks_of(data):
        in_block = labels[start : start + rows.shape[0]]
        sums = sums + cluster_sums(rows, in_block, n_clusters)
        start += rows.shape[0]
    sizes = np.bincount(labels, minlength=n_clusters)[:, np.newaxis]
    overall = sums.sum(axis=0) / len(labels)
    return np.where(sizes > 0, sums / np.maximum(sizes, 1), overall)


def scaled_means(labels, data, n_clusters):
    """Return centered cluster means, in proportion to X unless its units differ."""
    means = raw_means(data, labels, n_clusters)
    n_features = means.shape[1]
    means -= data.center[:n_features]
    if data.column_factor is not None:
        means *= data.column_factor[:n_features]
    return means
