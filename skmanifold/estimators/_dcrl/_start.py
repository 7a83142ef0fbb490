# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""Starting labels of DCRL."""

import numpy as np
from scipy import sparse
from sklearn.cluster import KMeans
from sklearn.metrics import pairwise_distances_argmin
from sklearn.utils import check_array

from skmanifold.utils import one_thread, read_targets, warn

from .._dlme import DLME
from ._clusters import raw_blocks

# Of more samples start embeddings are trained on as many.
_MOST_ROWS_TO_EMBED = 20_000

# Largest number of steps of label propagation, and the change at which it stops.
_MOST_STEPS = 1000
_SETTLED = 1e-4


def kmeans_labels(points, n_clusters, seed):
    """Return the labels of k-means, from 0 without gaps."""
    # distinct samples may have the same embedding
    n_clusters = min(n_clusters, len(np.unique(points, axis=0)))
    kmeans = KMeans(n_clusters, n_init=10, random_state=seed)
    # more threads would sum in random order
    with one_thread():
        labels = kmeans.fit(np.asarray(points, dtype=np.float64)).labels_
    return np.unique(labels, return_inverse=True)[1].astype(np.int64)


def start_embedding(model, n_samples, neighbors=None):
    """Return DLME for the initial labels of an estimator.

    It searches neighbors itself unless those of another metric are given.
    """
    options = None
    if model.training is not None:
        options = type(model.training)(
            n_threads=model.training.n_threads, precision=model.training.precision
        )
    start = DLME(
        n_components=10,
        # tighter groups, farther apart, than in a map to look at: their modularity is
        # larger on the test images of MNIST (.854 for three of three seeds, else .846)
        nu_embedding=0.01,
        repulsion=10.0,
        device=model.device,
        training=options,
        n_jobs=model.n_jobs,
        verbose=model.verbose,
    )
    if neighbors is not None:
        # as many as DLME takes by default
        start.set_params(connectivity=graph_of(neighbors[:, :5]))
    elif n_samples > _MOST_ROWS_TO_EMBED:
        start.set_params(subsample=_MOST_ROWS_TO_EMBED)
    return start


def embedded_labels(start, points, neighbors, n_clusters, n_init, seed, *, wide):
    """Return the labels of k-means with the largest modularity.

    k-means runs in each embedding, in all of them side by side, and on the points of
    wide data.

    Parameters
    ----------
    start : DLME
        The embedding, without a seed.
    points : ndarray of shape (n_samples, n_columns)
        What is embedded.
    neighbors : ndarray of shape (n_samples, n_neighbors)
        Indices of the neighbors.
    n_clusters : int
        Number of clusters.
    n_init : int
        Number of embeddings.
    seed : int
        Seed.
    wide : bool
        Whether the points are components of very many columns: round clusters in
        their noise are better found without an embedding.

    Returns
    -------
    ndarray of shape (n_samples,), int64
        Labels, from 0 without gaps.
    """
    seeds = np.random.RandomState(seed).randint(np.iinfo(np.int32).max, size=n_init)
    embeddings = []
    for embedding_seed in seeds.tolist():
        start.set_params(random_state=embedding_seed)
        embeddings.append(start.fit_transform(points))
    if n_init > 1:
        # what they agree on counts most
        scales = [embedding.std() or 1.0 for embedding in embeddings]
        embeddings.append(np.hstack([*map(np.divide, embeddings, scales)]))
    spaces = [points, *embeddings] if wide else embeddings
    labelings = [kmeans_labels(space, n_clusters, seed) for space in spaces]
    return max(labelings, key=lambda labels: modularity(neighbors, labels))


def graph_of(neighbors):
    """Return the neighbors (n, k) of each sample as a sparse matrix of ones."""
    n_samples, n_neighbors = neighbors.shape
    rows = np.repeat(np.arange(n_samples), n_neighbors)
    edges = np.ones(neighbors.size), (rows, neighbors.ravel())
    return sparse.csr_array(edges, shape=(n_samples, n_samples))


def spread_labels(codes, features, neighbors):
    """Label the unlabeled samples (code -1) by label propagation.

    Label distributions spread over the graph of neighbors from the labeled samples,
    which keep theirs; a sample gets the most probable label. [1]_ Samples that no label
    reaches get that of the nearest class mean.

    Parameters
    ----------
    codes : ndarray of shape (n_samples,)
        Labels, from 0, each at least once; -1 if unknown.
    features : ndarray of shape (n_samples, n_features)
        Features of the samples.
    neighbors : ndarray of shape (n_samples, n_neighbors)
        Indices of the neighbors.

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
    # symmetric: an edge if either sample is a neighbor of the other
    graph = graph_of(neighbors)
    graph = graph + graph.T
    graph = sparse.diags_array(1.0 / graph.sum(axis=1)) @ graph
    shares = given
    for _ in range(_MOST_STEPS):
        previous = shares
        shares = graph @ shares
        shares[known] = given[known]
        if np.abs(shares - previous).max() < _SETTLED:
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
    """Compute the modularity of clusters in the graph of neighbors.

    The fraction of edges within clusters, minus its expectation given their sizes. [1]_
    It penalizes both merged and split groups.

    Parameters
    ----------
    neighbors : ndarray of shape (n_samples, n_neighbors)
        Indices of the neighbors.
    labels : ndarray of shape (n_samples,)
        Labels, from 0.

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
    """Return the user's labels, or those of the nearest of the user's centers.

    Unknown labels are propagated from neighbors.
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
            received += f" (and {n_unknown} unknown: -1, None, NaN or NA)"
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
                f"No sample is nearest to the centers {missing.tolist()} of init; "
                f"using the other {len(kept)} centers, n_clusters={len(kept)}."
            )
        return labels.astype(np.int64)
    else:
        received = f"shape {init.shape}"
    raise ValueError(
        f"init has {received}, but must be 'embedding', 'k-means', an array of "
        f"{n_samples} labels with {n_clusters} different values, or centers of shape "
        f"{(n_clusters, n_features)} in the units of X."
    )
