# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""The labels that DCRL starts from."""

import numpy as np
from scipy import sparse
from sklearn.cluster import KMeans
from sklearn.metrics import pairwise_distances_argmin
from sklearn.utils import check_array

from skmanifold.utils import one_thread, read_targets, warn

from ._clusters import raw_blocks

# Steps after which labels have spread over the graph: farther than any map is wide.
_MOST_STEPS = 1000
_SETTLED = 1e-4


def kmeans_labels(points, n_clusters, seed):
    """Return the clusters of k-means, from 0 on without gaps."""
    # distinct rows may fall together where they are embedded
    n_clusters = min(n_clusters, len(np.unique(points, axis=0)))
    kmeans = KMeans(n_clusters, n_init=10, random_state=seed)
    # threads add up the centers in the order in which they finish
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
    """Compute how well clusters fit the graph of neighbors: the share of edges within.

    It is the share of edges within them, less what their sizes alone would give. [1]_
    Two groups in one cluster and one group in two both cost some of it.

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


def given_labels(init, data, features, neighbors, *, n_clusters, n_features):
    """Return the labels of the user, or those of the nearest of the user's centers.

    Samples whose label is unknown take one from those around them.
    """
    labels, init = init, np.asarray(init)
    n_samples = data.n_samples
    if init.ndim == 1 and len(init) == n_samples:
        codes, values = read_targets(labels, name="init")
        if len(values) == n_clusters:
            return spread_labels(codes, features, neighbors)
        received = f"{len(values)} different labels"
        n_unknown = int((codes < 0).sum())
        if n_unknown:
            received += f" (beside {n_unknown} unknown: -1, None, NaN or NA)"
    elif init.shape == (n_clusters, n_features):
        centers = check_array(init, dtype=np.float64, input_name="init")
        labels = np.concatenate(
            [
                pairwise_distances_argmin(rows, centers)
                for rows in raw_blocks(data, n_features)
            ]
        )
        kept, labels = np.unique(labels, return_inverse=True)
        if len(kept) < n_clusters:
            missing = np.setdiff1d(np.arange(n_clusters), kept)
            warn(
                f"No row is nearest to the centers {missing.tolist()} of init "
                f"(numbers of its rows); using n_clusters={len(kept)}, numbered "
                "without them."
            )
        return labels.astype(np.int64)
    else:
        received = f"shape {init.shape}"
    raise ValueError(
        f"init has {received}, but must be 'embedding', 'k-means', {n_samples} labels "
        f"of {n_clusters} kinds (a start for each row), or centers of shape "
        f"{(n_clusters, n_features)} in the units of X."
    )
