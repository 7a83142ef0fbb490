# SPDX-License-Identifier: BSD-3-Clause

"""Initial labels of DCRL."""

import numpy as np
from scipy import sparse
from scipy.cluster.hierarchy import fcluster, linkage
from sklearn.cluster import KMeans
from sklearn.metrics import pairwise_distances_argmin
from sklearn.neighbors import KNeighborsClassifier

from skmanifold.training import TrainingOptions
from skmanifold.utils import (
    check_matrix,
    counted,
    one_blas_thread,
    one_thread,
    read_targets,
    warn,
)

from .._dlme import DLME
from ._clusters import raw_blocks
from ._neighbors import is_euclidean
from ._number import choose_number, count_groups
from ._partitions import (
    combine_partitions,
    links_between,
    modularity_of,
    purities,
)

# Fewer distinct samples are clustered in the features or their graph, and counted in
# the features: an embedding of few samples takes long and has gaps by chance.
_LEAST_SAMPLES_TO_EMBED = 100

# With fewer distinct samples no group is large enough to be counted.
_LEAST_SAMPLES_TO_COUNT = 10

# Largest number of samples that an initial embedding is trained on.
_MOST_SAMPLES_TO_EMBED = 20_000

# Number of runs of k-means in each embedding. They end in different local optima, whose
# parts are combined.
_KMEANS_RUNS = 30

# Largest number of samples that are linked, since the cost is quadratic, and smallest
# size of a group of them.
_MOST_LINKED = 3000
_SMALLEST_LINKED = 10

# Clusters that are less pure touch.
_LEAST_PURITY = 0.95

# Largest impurity of groups by linkage, relative to that of the most modular labels, to
# replace them if their clusters touch, and if not: any part of a class may be pure.
_PURER, _MUCH_PURER = 2 / 3, 1 / 10

# Largest number of steps of label propagation, and the change at which it stops.
_MOST_STEPS = 1000
_SETTLED = 1e-4


def initial_labels(model, data, space):
    """Return the initial labels, and count the clusters if their number is "auto".

    Parameters
    ----------
    model : DCRL
        The estimator.
    data : FitData
        The training data.
    space : FeatureSpace
        Features and neighbors of the samples.

    Returns
    -------
    ndarray of shape (n_samples,), int64
        Labels, from 0 without gaps.
    """
    n_clusters, features = model.n_clusters, space.features
    neighbors = space.neighbors.indices.cpu().numpy()
    if not isinstance(model.init, str):
        return given_labels(
            model.init,
            data,
            features,
            neighbors,
            n_clusters=n_clusters,
            n_features=model.n_features_in_,
        )
    seed = data.seed("labels")
    counts = n_clusters == "auto"
    n_distinct = len(np.unique(features, axis=0))
    embeds = n_distinct >= _LEAST_SAMPLES_TO_EMBED
    starts = embeds and model.init == "embedding" and n_clusters != 1
    spaces = [space.denoised]
    if starts or (counts and embeds):
        spaces = initial_embeddings(model, space.denoised, neighbors, seed)
    if counts:
        # what the embeddings agree on counts most
        scales = [points.std() or 1.0 for points in spaces]
        together = np.hstack([*map(np.divide, spaces, scales)])
        numbers, persistence = count_groups(together, seed)
        data.learned["cluster_criterion_"] = {
            "n_clusters": numbers,
            "persistence": persistence,
        }
        n_clusters, certain = choose_number(numbers, persistence, n_distinct)
        if n_distinct < _LEAST_SAMPLES_TO_COUNT:
            warn(
                f"n_clusters='auto' needs at least {_LEAST_SAMPLES_TO_COUNT} distinct "
                f"samples, but X has {n_distinct}; using n_clusters=1. Set n_clusters "
                "to a number."
            )
        elif n_clusters == 1:
            warn(
                "n_clusters='auto' found no groups with gaps between them; using "
                "n_clusters=1. If a map of X, by DLME for instance, shows clusters, "
                "set n_clusters to their number."
            )
        elif not certain:
            warn(
                "n_clusters='auto' found groups, but their number depends on the "
                f"scale; using n_clusters={n_clusters}. Compare the persistence of "
                "other numbers in cluster_criterion_, and set n_clusters yourself."
            )
    if n_distinct < n_clusters:
        warn(
            f"n_clusters={n_clusters} is more than the "
            f"{counted(n_distinct, 'distinct sample')}; using n_clusters={n_distinct}."
        )
        n_clusters = n_distinct
    few = len(features) < _LEAST_SAMPLES_TO_EMBED
    if n_clusters == 1 or not (starts or (few and model.init == "embedding")):
        return kmeans_labels(features, n_clusters, seed)
    # the modularity splits large clusters and merges small ones
    others = kmeans_labels(space.denoised if starts else features, n_clusters, seed)
    if starts:
        linked = [linked_labels(points, n_clusters, seed) for points in spaces]
        if data.n_inputs < model.n_features_in_:
            # round clusters in the noise of many columns are better found there
            spaces = [space.denoised, *spaces]
        labels = best_labels(spaces, neighbors, n_clusters, seed)
        labels = purest([labels, *linked], neighbors)
    else:
        labels = spectral_labels(neighbors, n_clusters, seed)
        labels = more_modular(others, labels, neighbors)
    # pure labels are kept: clusters of a few outliers by k-means are pure as well
    least, least_of_others = (
        purities(each, neighbors).min() for each in (labels, others)
    )
    return others if least < _LEAST_PURITY < least_of_others else labels


def kmeans_labels(points, n_clusters, seed):
    """Return the labels of k-means, from 0 without gaps."""
    labels = kmeans_partitions(points, n_clusters, [seed], n_init=10)[0]
    return labels.astype(np.int64)


def kmeans_partitions(points, n_clusters, seeds, *, n_init=1):
    """Return labels of k-means with each seed, from 0 without gaps, small integers."""
    # distinct samples may have the same embedding
    n_clusters = min(n_clusters, len(np.unique(points, axis=0)))
    points = np.asarray(points, dtype=np.float64)
    kmeans = KMeans(n_clusters, n_init=n_init)
    # more threads would sum in random order
    with one_thread():
        runs = [kmeans.set_params(random_state=s).fit(points).labels_ for s in seeds]
    small = np.min_scalar_type(n_clusters)
    return [np.unique(run, return_inverse=True)[1].astype(small) for run in runs]


def spectral_labels(neighbors, n_clusters, seed):
    """Return the labels of k-means in eigenvectors of the graph of neighbors."""
    graph = graph_of(neighbors)
    graph = (graph + graph.T).toarray()
    roots = np.sqrt(graph.sum(axis=1, keepdims=True))
    with one_blas_thread():  # the last bits depend on the number of threads
        _, vectors = np.linalg.eigh(graph / roots / roots.T)
    return kmeans_labels(vectors[:, -n_clusters:] / roots, n_clusters, seed)


def more_modular(labels, others, neighbors):
    """Return the labels of larger modularity in the graph of neighbors."""
    n_samples = len(neighbors)
    links = links_between(np.arange(n_samples), neighbors, n_samples)
    return max(labels, others, key=lambda each: modularity_of(each, links))


def initial_embeddings(model, points, neighbors, seed):
    """Return embeddings with different seeds.

    Neighbors of another metric than the Euclidean one replace those of the points.
    """
    given = model.training or TrainingOptions()
    # Muon, or more steps than grow with the fourth root of the samples, resolve the
    # inside of clusters, which then split
    n_trained = min(len(points), _MOST_SAMPLES_TO_EMBED)
    n_epochs = round(65 * (2000 / n_trained) ** 0.46) if n_trained > 2000 else "auto"
    options = TrainingOptions(
        optimizer="adamw", n_threads=given.n_threads, precision=given.precision
    )
    start = DLME(
        n_components=10,
        # tighter groups, farther apart, than in a map to plot: their modularity is
        # larger on the test images of MNIST (0.854 for all three seeds, else 0.846)
        nu_embedding=0.01,
        repulsion=10.0,
        # in ten dimensions groups pass each other from the start
        repulsion_warmup=0.7,
        extra_components=0,
        max_epochs=n_epochs,
        device=model.device,
        training=options,
        n_jobs=model.n_jobs,
        verbose=model.verbose,
    )
    if not is_euclidean(model.metric, model.metric_params):
        # as many as DLME takes by default
        start.set_params(connectivity=graph_of(neighbors[:, :5]))
    elif len(points) > _MOST_SAMPLES_TO_EMBED:
        start.set_params(subsample=_MOST_SAMPLES_TO_EMBED)
    rng = np.random.RandomState(seed)
    n_init = model.n_init
    if n_init == "auto":
        # counting the clusters is less certain than finding them
        n_init = 3 if model.n_clusters == "auto" else 2
    seeds = rng.randint(np.iinfo(np.int32).max, size=n_init)
    return [
        start.set_params(random_state=embedding_seed).fit_transform(points)
        for embedding_seed in seeds.tolist()
    ]


def best_labels(spaces, neighbors, n_clusters, seed):
    """Return the best combination of the labels of k-means in all spaces.

    Parameters
    ----------
    spaces : list of ndarray of shape (n_samples, n_columns)
        Coordinates of the samples.
    neighbors : ndarray of shape (n_samples, n_neighbors)
        Indices of the neighbors.
    n_clusters : int
        Number of clusters.
    seed : int
        Seed.

    Returns
    -------
    ndarray of shape (n_samples,), int64
        Labels, from 0 without gaps.
    """
    rng = np.random.RandomState(seed)
    seeds = rng.randint(np.iinfo(np.int32).max, size=(len(spaces), _KMEANS_RUNS))
    partitions = [
        kmeans_partitions(space, n_clusters, run_seeds)
        for space, run_seeds in zip(spaces, seeds.tolist(), strict=True)
    ]
    return combine_partitions(np.concatenate(partitions), neighbors)


def linked_labels(points, n_clusters, seed):
    """Return the labels of average linkage, or None if there are too few groups.

    Unlike those of k-means, large groups beside small ones stay whole. Groups of a few
    samples, such as outliers, join the nearest one.
    """
    rows = np.arange(len(points))
    if len(rows) > _MOST_LINKED:
        rows = np.random.RandomState(seed).choice(rows, _MOST_LINKED, replace=False)
    tree = linkage(points[rows].astype(np.float64), "average")
    # at most a hundred small groups
    for n_groups in range(n_clusters, min(n_clusters + 100, len(rows)) + 1):
        groups = fcluster(tree, n_groups, "maxclust")
        large = np.bincount(groups)[groups] >= _SMALLEST_LINKED
        if len(np.unique(groups[large])) == n_clusters:
            nearest = KNeighborsClassifier(1, algorithm="kd_tree", n_jobs=1)
            nearest.fit(points[rows[large]], groups[large])
            return np.unique(nearest.predict(points), return_inverse=True)[1]
    return None


def purest(candidates, neighbors):
    """Return the first labels, or others that are far purer."""
    impurities = [
        np.inf if labels is None else 1 - purities(labels, neighbors).mean()
        for labels in candidates
    ]
    best = int(np.argmin(impurities))
    factor = _PURER if impurities[0] > 1 - _LEAST_PURITY else _MUCH_PURER
    return candidates[best if impurities[best] <= factor * impurities[0] else 0]


def graph_of(neighbors):
    """Return the neighbors (n, k) of each sample as a sparse matrix of ones."""
    n_samples, n_neighbors = neighbors.shape
    rows = np.repeat(np.arange(n_samples), n_neighbors)
    edges = np.ones(neighbors.size), (rows, neighbors.ravel())
    return sparse.csr_array(edges, shape=(n_samples, n_samples))


def propagate_labels(codes, features, neighbors):
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


def given_labels(init, data, features, neighbors, *, n_clusters, n_features):
    """Return the user's labels, or those of the nearest of the user's centers.

    Unknown labels are propagated from neighbors. ``n_clusters="auto"`` is their number.
    """
    labels, init = init, np.asarray(init)
    n_samples, wanted = data.n_samples, n_clusters
    if n_clusters == "auto":
        n_clusters, wanted = len(init) if init.ndim == 2 else None, "n_clusters"
    if init.ndim == 1 and len(init) == n_samples:
        codes, values = read_targets(labels, name="init")
        if len(values) and n_clusters in (None, len(values)):
            return propagate_labels(codes, features, neighbors)
        received = counted(len(values), "different label")
        n_unknown = int((codes < 0).sum())
        if n_unknown:
            received += f" (and {n_unknown} unknown: -1, None, NaN or NA)"
    elif init.shape == (n_clusters, n_features) and len(init):
        centers = check_matrix(init, "init")
        labels = np.concatenate(
            [pairwise_distances_argmin(rows, centers) for rows in raw_blocks(data)]
        )
        kept, labels = np.unique(labels, return_inverse=True)
        if len(kept) < n_clusters:
            missing = np.setdiff1d(np.arange(n_clusters), kept)
            warn(
                f"No sample is nearest to the centers {missing.tolist()} of init; "
                f"using the {counted(len(kept), 'other center')}, "
                f"n_clusters={len(kept)}."
            )
        return labels.astype(np.int64)
    else:
        received = f"shape {init.shape}"
    raise ValueError(
        f"init has {received}, but must be 'embedding', 'k-means', an array of "
        f"{n_samples} labels with {wanted} different values, or centers of shape "
        f"({wanted}, {n_features}) in the units of X."
    )
