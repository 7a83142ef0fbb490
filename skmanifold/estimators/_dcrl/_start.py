# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""The labels that DCRL starts from."""

import numpy as np
from sklearn.cluster import KMeans
from sklearn.metrics import pairwise_distances_argmin
from sklearn.utils import check_array

from skmanifold.utils._threads import one_thread
from skmanifold.utils._warnings import warn

from ._clusters import raw_blocks


def kmeans_labels(points, n_clusters, seed):
    """Return the clusters of k-means, from 0 on without gaps."""
    # distinct rows may fall together where they are embedded
    n_clusters = min(n_clusters, len(np.unique(points, axis=0)))
    kmeans = KMeans(n_clusters, n_init=10, random_state=seed)
    # threads add up the centers in the order in which they finish
    with one_thread():
        labels = kmeans.fit(np.asarray(points, dtype=np.float64)).labels_
    return np.unique(labels, return_inverse=True)[1].astype(np.int64)


def modularity(neighbors, labels):
    """How well clusters fit the graph of neighbors: the share of edges within them.

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


def given_labels(init, data, n_clusters, n_features):
    """Return the labels of the user, or those of the nearest of the user's centers."""
    init = np.asarray(init)
    n_samples = data.n_samples
    if init.ndim == 1 and len(init) == n_samples:
        if not all(label == label and label is not None for label in init.tolist()):
            raise ValueError(
                "init has missing labels, None or NaN. Give each row a label: what "
                "is unknown may be a cluster of its own."
            )
        values, labels = np.unique(init, return_inverse=True)
        if len(values) == n_clusters:
            return labels.astype(np.int64)
        received = f"{len(values)} different labels"
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
