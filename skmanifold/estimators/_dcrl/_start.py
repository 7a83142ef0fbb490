# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""What DCRL starts from: labels, and a representation of the user's."""

import numpy as np
from scipy import sparse
from sklearn.cluster import KMeans
from sklearn.metrics import pairwise_distances_argmin

from skmanifold._engine import BLOCK_ROWS
from skmanifold.utils._threads import one_blas_thread, one_thread

# Steps after which labels have spread over the graph: farther than any map is wide.
_MOST_STEPS = 1000
_SETTLED = 1e-4


def kmeans_labels(points, n_clusters, seed):
    """Clusters of k-means, from 0 on without gaps."""
    # distinct rows may fall together where they are embedded
    n_clusters = min(n_clusters, len(np.unique(points, axis=0)))
    kmeans = KMeans(n_clusters, n_init=10, random_state=seed)
    # threads add up the centres in the order in which they finish
    with one_thread():
        labels = kmeans.fit(np.asarray(points, dtype=np.float64)).labels_
    return np.unique(labels, return_inverse=True)[1].astype(np.int64)


def spread_labels(codes, features, neighbors):
    """Labels for the samples that have none (code -1), from those that have one.

    Shares of the labels spread over the graph of neighbors from the samples that have
    one, which keep theirs; a sample takes the label with the largest share. [1]_ What
    no label reaches takes that of the nearest class mean.

    Parameters
    ----------
    codes : ndarray of shape (n_samples,)
        Labels, from 0, each at least once; -1 where there is none.
    features : ndarray of shape (n_samples, n_features)
        The samples.
    neighbors : ndarray of shape (n_samples, n_neighbors)
        Indices.

    Returns
    -------
    ndarray of shape (n_samples,), int64
        Labels, from 0.

    References
    ----------
    .. [1] X. Zhu, Z. Ghahramani, "Learning from labeled and unlabeled data with label
       propagation", CMU-CALD-02-107, 2002.
    """
    known = codes >= 0
    if known.all():
        return codes
    n_samples, n_classes = len(codes), codes.max() + 1
    given = np.zeros((n_samples, n_classes))
    given[known, codes[known]] = 1.0
    # an edge for either of the two that has the other among its nearest
    rows = np.repeat(np.arange(n_samples), neighbors.shape[1])
    graph = sparse.csr_array(
        (np.ones(neighbors.size), (rows, neighbors.ravel())),
        shape=(n_samples, n_samples),
    )
    graph = graph + graph.T
    graph = sparse.diags_array(1.0 / graph.sum(axis=1)) @ graph
    shares = given
    for _ in range(_MOST_STEPS):
        before = shares
        shares = graph @ shares
        shares[known] = given[known]
        if np.abs(shares - before).max() < _SETTLED:
            break
    labels = shares.argmax(axis=1)
    lost = np.flatnonzero(shares.max(axis=1) == 0.0)
    if len(lost):
        own = [features[codes == label] for label in range(n_classes)]
        means = np.stack([part.mean(axis=0, dtype=np.float64) for part in own])
        labels[lost] = pairwise_distances_argmin(
            features[lost].astype(np.float64, copy=False), means
        )
    return labels.astype(np.int64)


def modularity(neighbors, labels):
    """How well clusters fit the graph of neighbours: the share of edges within them.

    Less what their sizes alone would give. [1]_ Two groups in one cluster and one group
    in two both cost some of it.

    Parameters
    ----------
    neighbors : ndarray of shape (n_samples, n_neighbors)
        Indices.
    labels : ndarray of shape (n_samples,)
        Clusters, from 0.

    Returns
    -------
    float
        At most 1.

    References
    ----------
    .. [1] M. E. J. Newman, M. Girvan, "Finding and evaluating community structure in
       networks", Physical Review E 69, 2004.
    """
    ends = labels[neighbors]
    within = np.mean(ends == labels[:, np.newaxis])
    n_clusters = labels.max() + 1
    begin = np.bincount(labels, minlength=n_clusters) / labels.size
    end = np.bincount(ends.ravel(), minlength=n_clusters) / ends.size
    return float(within - begin @ end)


def represented(transformer, rows):
    """Rows transformed in blocks of one size, so that each row's result is its own."""
    n_samples = rows.shape[0]
    parts = []
    # threadpool_limits is the whole process's: one at a time
    with one_blas_thread():
        for start in range(0, n_samples, BLOCK_ROWS):
            n_rows = min(BLOCK_ROWS, n_samples - start)
            block = rows[start + np.arange(BLOCK_ROWS) % n_rows]
            part = dense(transformer.transform(block))
            part = np.asarray(part)
            if part.ndim != 2 or len(part) != BLOCK_ROWS:
                raise ValueError(
                    f"representation maps {BLOCK_ROWS} rows to an array of shape "
                    f"{part.shape}; it must return one row for each."
                )
            if not part.shape[1]:
                raise ValueError(
                    "representation maps X to 0 columns; it must return at least one."
                )
            parts.append(part[:n_rows].astype(np.float64))
    columns = np.concatenate(parts)
    if not np.isfinite(columns).all():
        raise ValueError(
            "representation returned NaN or infinity for rows of X. It must return "
            "finite values."
        )
    return columns


def dense(rows):
    return rows.toarray() if sparse.issparse(rows) else rows
