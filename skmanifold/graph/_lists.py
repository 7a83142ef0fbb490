# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause
"""Lists of neighbors in which copies count once and strangers not at all."""

from numbers import Integral

import numpy as np
from scipy import sparse
from sklearn.utils import check_array

from skmanifold.utils._containers import plain
from skmanifold.utils._distances import (
    LEARNED_METRICS,
    SET_METRICS,
    describe_metric,
    learned_space,
)
from skmanifold.utils._warnings import warn

from ._connectivity import neighbors_from_graph
from ._distinct import WIDE, distinct_rows, small_groups
from ._neighbors import nearest_in_rows, nearest_neighbors

# Distance from which on two samples have nothing in common, for metrics that have one.
_NOTHING_IN_COMMON = {
    "cosine": 1.0,
    "correlation": 1.0,
    "braycurtis": 1.0,
    "dice": 1.0,
    "hamming": 1.0,
    "jaccard": 1.0,
    "russellrao": 1.0,
    "sokalsneath": 1.0,
}
# Metrics of differences of columns. In a wide table two samples that share no column
# are as far apart as their distances to zero make them: the nearest others of a sample
# without any shared column are those nearest to zero, whatever it is. In fewer columns
# that may well be what neighbors are.
_OF_COLUMNS = (
    "braycurtis",
    "canberra",
    "chebyshev",
    "cityblock",
    "correlation",
    "cosine",
    "euclidean",
    "hamming",
    "l1",
    "l2",
    "manhattan",
    "minkowski",
    "rogerstanimoto",
    "seuclidean",
    "sqeuclidean",
)
# Distances are rounded.
_ROUNDINGS = 64
# Rounding of distances between equal samples, as a share of the largest distance.
_ZERO = 1e-7
# Samples that a warning names.
_NAMED = 5
# Above this share of all pairs a graph is one of distances between all samples.
_ALL_PAIRS = 0.5
_BLOCK = 2**22


def neighbors_from_data(
    X,
    n_neighbors,
    *,
    metric="euclidean",
    metric_params=None,
    algorithm="auto",
    n_jobs=None,
    random_state=None,
    raw=None,
):
    """Find the nearest distinct neighbors of every sample.

    Unlike :func:`nearest_neighbors`, copies of a sample count once, and none of a
    sample's own copies is its neighbor: data with many copies have the neighbors of the
    distinct samples. And samples that have nothing in common are no neighbors.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        The data. If ``metric="precomputed"``, the matrix of distances of shape
        (n_samples, n_samples): all of them, or in a sparse matrix those to some others,
        of which explicitly stored zeros are copies.
    n_neighbors : int
        Number of neighbors, at least 1. Reduced where there are fewer other distinct
        samples, with a warning where there are fewer other samples.
    metric : str or callable, default="euclidean"
        As in :func:`nearest_neighbors`, or "precomputed".
    metric_params : dict, default=None
        Parameters of the metric.
    algorithm : {"auto", "exact", "partition", "pynndescent"}, default="auto"
        How to search, see :func:`nearest_neighbors`.
    n_jobs : int, default=None
        Number of threads. The result does not depend on it.
    random_state : int, RandomState instance or None, default=None
        Seed of ``algorithm="pynndescent"``.
    raw : {array-like, sparse matrix} of shape (n_samples, n_raw), default=None
        What `X` was computed from by scaling or reduction: copies, and samples that
        share no column with others, are those of `raw`. By default `X` itself.

    Returns
    -------
    indices : ndarray of shape (n_samples, max_neighbors), int64
        Neighbors of each sample, the nearest first, each the first of its copies. The
        list of a sample with fewer neighbors than others is padded with the first copy
        of the sample itself.
    distances : ndarray of shape (n_samples, max_neighbors)
        Distances to these neighbors, 0 where padded.
    counts : ndarray of shape (n_samples,), int64
        Number of valid entries in each row, at least 1: the only neighbor of a sample
        without neighbors is the first copy of the sample itself.

    Raises
    ------
    ValueError
        If a parameter is invalid, or if the metric gives distances that are NaN or
        negative.

    Warns
    -----
    UserWarning
        If there are samples without neighbors, or fewer samples than `n_neighbors`
        needs.

    See Also
    --------
    nearest_neighbors : The nearest other samples, copies included.
    neighbors_from_graph : Lists of neighbors from a graph.

    Notes
    -----
    Two samples have nothing in common if their distance is 1 in a metric that is then
    at its largest ("jaccard", "dice", "hamming", ...), or at least 1 in "cosine" and
    "correlation"; infinite distances count likewise. In metrics of the differences of
    columns, such as "euclidean" and "hamming", this is asked of samples with more than
    64 columns that share not one non-zero column with any other sample, and of groups
    of at most `n_neighbors` of them that share columns only among themselves. Without
    it, all of them would have the same few neighbors, those nearest to zero.

    Examples
    --------
    >>> from skmanifold.graph import neighbors_from_data
    >>> X = [[0.0], [1.0], [1.0], [1.0], [3.0]]
    >>> indices, distances, counts = neighbors_from_data(X, n_neighbors=2)
    >>> indices
    array([[1, 4],
           [0, 4],
           [0, 4],
           [0, 4],
           [1, 0]])
    """
    return neighbor_lists(
        X,
        n_neighbors,
        metric=metric,
        metric_params=metric_params,
        algorithm=algorithm,
        n_jobs=n_jobs,
        random_state=random_state,
        raw=raw,
    )


def neighbor_lists(
    X,
    n_neighbors,
    *,
    metric="euclidean",
    metric_params=None,
    algorithm="auto",
    n_jobs=None,
    random_state=None,
    raw=None,
    warn=warn,
):
    """As `neighbors_from_data`; ``warn=None`` keeps silent."""
    if not isinstance(n_neighbors, Integral) or n_neighbors < 1:
        raise ValueError(
            f"n_neighbors={n_neighbors!r} is invalid. It must be an integer of at "
            "least 1."
        )
    warn = warn or (lambda message: None)
    if isinstance(metric, str) and metric == "precomputed":
        return _neighbors_from_distances(finite_distances(X), n_neighbors, warn)
    X = check_array(
        plain(X),
        accept_sparse="csr",
        dtype=[np.float64, np.float32],
        order="C",
        ensure_min_samples=2,
        input_name="X",
    )
    if raw is None:
        raw = X
    elif sparse.issparse(raw):
        raw = raw.tocsr()
    else:
        raw = np.asarray(raw)
    if raw.shape[0] != X.shape[0]:
        raise ValueError(
            f"raw has {raw.shape[0]} samples, but X has {X.shape[0]}. Pass what X was "
            "computed from, row by row."
        )
    name = metric if isinstance(metric, str) else None
    if name in LEARNED_METRICS and algorithm != "pynndescent":
        # of all samples, the copies included
        X = learned_space(X, metric, metric_params)
        metric, metric_params = "euclidean", None
    first, group = distinct_rows(raw != 0 if name in SET_METRICS else raw)
    n_neighbors = _possible(n_neighbors, len(first), X.shape[0], warn)
    options = {
        "algorithm": algorithm,
        "metric": metric,
        "metric_params": metric_params,
        "n_jobs": n_jobs,
        "random_state": random_state,
    }
    if len(first) == 1:
        lists = np.zeros((1, 1), dtype=np.int64), np.zeros((1, 1)), np.zeros(1, int)
        return _to_all(*lists, first, group)
    whole = len(first) == X.shape[0]
    distinct = X if whole else X[first]

    groups = np.full(len(first), -1)
    if name in _OF_COLUMNS and raw.shape[1] > WIDE:
        groups = small_groups(raw if whole else raw[first], n_neighbors)
    if (groups < 0).all():
        indices, distances = nearest_neighbors(distinct, n_neighbors, **options)
        counts = np.full(len(first), n_neighbors)
    else:
        indices, distances, counts = _within_groups(
            distinct, groups, n_neighbors, options
        )
    least = _NOTHING_IN_COMMON.get(name, np.inf)
    least -= _ROUNDINGS * np.finfo(distances.dtype).eps
    counts = np.minimum(counts, np.count_nonzero(distances < least, axis=1))
    _warn_of_strangers(indices, counts, group, metric, warn)
    return _to_all(indices, distances, counts, first, group)


def neighbors_from_connectivity(graph, n_samples, n_neighbors):
    """Lists of neighbors from a user's own graph, or from all distances.

    A matrix that has an entry for most pairs of samples is no graph of neighbors: the
    `n_neighbors` nearest are taken, as if its entries were distances. Otherwise see
    :func:`neighbors_from_graph`.
    """
    shape = getattr(graph, "shape", None)
    if shape is None:
        graph = np.asarray(graph)
        shape = graph.shape
    if shape != (n_samples, n_samples) or n_samples <= n_neighbors + 1:
        return neighbors_from_graph(graph, n_samples)
    is_sparse = sparse.issparse(graph)
    n_edges = graph.nnz if is_sparse else np.count_nonzero(graph)
    if n_edges - n_samples <= max(_ALL_PAIRS * n_samples, n_neighbors) * n_samples:
        return neighbors_from_graph(graph, n_samples)
    graph = graph.toarray() if is_sparse else np.asarray(graph)
    if graph.dtype.kind not in "biuf":
        return neighbors_from_graph(graph, n_samples)  # which says what is wrong
    diagonal = graph.diagonal()
    others = graph[~np.eye(n_samples, dtype=bool)]
    others = others[others != 0]
    if others.min() == others.max():
        raise ValueError(
            f"connectivity has {n_edges / n_samples:.0f} equal entries in a row: "
            "everybody is everybody's neighbor. Pass a graph of the nearest alone, "
            "such as sklearn.neighbors.kneighbors_graph(X, n_neighbors), or a matrix "
            "of distances."
        )
    if np.all(diagonal > 0):
        raise ValueError(
            "connectivity has entries for most pairs of samples and a diagonal that is "
            "not zero, so it seems to hold similarities of all pairs. Pass distances, "
            "or a graph of the nearest alone."
        )
    return _neighbors_from_distances(
        graph, n_neighbors, warn, name="connectivity", zeros="no edges"
    )


def _possible(n_neighbors, n_distinct, n_samples, warn):
    """The number of neighbors, reduced where there are fewer others."""
    possible = max(1, min(n_neighbors, n_distinct - 1))
    if n_neighbors >= n_samples and n_distinct > 1:
        warn(
            f"n_neighbors={n_neighbors} needs more than the {n_samples} samples of X; "
            f"using n_neighbors={possible}."
        )
    return possible


def _within_groups(X, groups, n_neighbors, options):
    """Neighbors of samples within their small group, or outside of all such."""
    n_samples = X.shape[0]
    indices = np.repeat(np.arange(n_samples)[:, np.newaxis], n_neighbors, axis=1)
    distances = np.zeros(indices.shape, dtype=X.dtype)
    counts = np.zeros(n_samples, dtype=np.int64)
    order = np.argsort(groups, kind="stable")
    starts = np.flatnonzero(np.diff(groups[order])) + 1
    for members in np.split(order, starts):
        k = min(n_neighbors, len(members) - 1)
        if k:
            near, there = nearest_neighbors(X[members], k, **options)
            indices[members, :k] = members[near]
            distances[members, :k] = there
            counts[members] = k
    return indices, distances, counts


def _to_all(indices, distances, counts, first, group):
    """Lists of the distinct samples as lists of all samples."""
    own = np.arange(len(first))[:, np.newaxis]
    valid = np.arange(indices.shape[1]) < counts[:, np.newaxis]
    width = max(1, int(counts.max()))
    indices = np.where(valid, indices, own)[:, :width]
    distances = np.where(valid, distances, 0)[:, :width]
    return (
        first[indices][group],
        distances[group],
        np.maximum(counts, 1).astype(np.int64)[group],
    )


def _warn_of_strangers(indices, counts, group, metric, warn):
    """Warn of samples that have no neighbor and are none."""
    valid = np.arange(indices.shape[1]) < counts[:, np.newaxis]
    alone = counts == 0
    alone[indices[valid]] = False
    if not alone.any():
        return
    samples = np.flatnonzero(alone[group])
    named = ", ".join(map(str, samples[:_NAMED]))
    named += ", ..." if len(samples) > _NAMED else ""
    one = len(samples) == 1
    warn(
        f"{len(samples)} of the {len(group)} samples {'has' if one else 'have'} "
        f"nothing in common with any other (metric={describe_metric(metric)}): "
        f"{named}. Such samples have no neighbors. They are placed apart, and their "
        "positions say nothing: leave them out, or choose columns or a metric that "
        "relate them to others."
    )


def finite_distances(D):
    """Raise ValueError if a matrix has NaN or infinite entries; return it."""
    entries = D.data if sparse.issparse(D) else D
    entries = getattr(entries, "values", entries)
    if isinstance(entries, np.ndarray) and entries.dtype.kind == "f":
        for what, bad in (("NaN", np.isnan), ("infinite", np.isinf)):
            if bad(entries).any():
                raise ValueError(
                    f"X has distances that are {what}, but metric='precomputed' needs "
                    "finite ones. Leave out distances that are not known, or between "
                    "parts that are not connected, by a sparse matrix of the others."
                )
    return D


def as_distances(D, name="X"):
    """Raise ValueError unless entries may be distances."""
    entries = D.data if sparse.issparse(D) else D
    least = entries.min(initial=0)
    if least < 0:
        raise ValueError(
            f"{name} has negative entries, the least of them {least:g}, but "
            "metric='precomputed' needs distances, which are at least 0. Of a kernel K "
            "pass the distances sqrt(K[i, i] + K[j, j] - 2 K[i, j])."
        )
    return D


def check_square_distances(D, name="X"):
    """Raise ValueError unless a matrix may be one of distances between samples."""
    if D.shape[0] != D.shape[1]:
        raise ValueError(
            f"{name} has shape {D.shape}, but metric='precomputed' needs the square "
            "matrix of the distances between all samples. Pass features with another "
            "metric, or sklearn.metrics.pairwise_distances of them."
        )
    largest = D.max()
    if largest > 0 and (D.diagonal() > 1e-3 * largest).any():
        raise ValueError(
            f"{name} has a diagonal that is not zero, but metric='precomputed' needs "
            "distances, and each sample is at 0 from itself. If these are similarities "
            "or a kernel K, pass the distances sqrt(K[i, i] + K[j, j] - 2 K[i, j])."
        )


def _neighbors_from_distances(D, n_neighbors, warn, name="X", zeros="copies"):
    """Lists of neighbors from distances of all or, if sparse, of some pairs."""
    D = check_array(
        D,
        accept_sparse="csr",
        dtype=[np.float64, np.float32],
        ensure_min_samples=2,
        input_name=name,
    )
    check_square_distances(as_distances(D, name), name)
    if sparse.issparse(D):
        return _from_sparse_distances(D, n_neighbors)
    first, group = _distinct_by_distance(D)
    n_neighbors = _possible(n_neighbors, len(first), len(D), warn)
    if len(first) == 1:
        lists = np.zeros((1, 1), dtype=np.int64), np.zeros((1, 1)), np.zeros(1, int)
        return _to_all(*lists, first, group)
    indices = np.empty((len(first), n_neighbors), dtype=np.int64)
    distances = np.empty((len(first), n_neighbors), dtype=D.dtype)
    step = max(1, _BLOCK // len(first))
    for start in range(0, len(first), step):
        rows = np.arange(start, min(start + step, len(first)))
        table = D[first[rows]][:, first]
        if zeros == "no edges":
            table[table == 0] = np.inf
        table[np.arange(len(rows)), rows] = np.inf
        indices[rows], distances[rows] = nearest_in_rows(table, n_neighbors)
    counts = np.count_nonzero(np.isfinite(distances), axis=1)
    return _to_all(indices, distances, counts, first, group)


def _distinct_by_distance(D):
    """As `distinct_rows`, for samples at distance 0 that agree on all others."""
    n_samples = len(D)
    # scikit-learn's Euclidean distances of equal samples are not quite zero
    near = _ZERO * D.max()
    origin = np.arange(n_samples)
    step = max(1, _BLOCK // n_samples)
    for start in range(0, n_samples, step):
        table = D[start : start + step] <= near
        here = np.arange(len(table))
        table[here, start + here] = True
        origin[start : start + step] = table.argmax(axis=1)
    # the first of the first, until nothing changes
    while not np.array_equal(origin, origin[origin]):
        origin = origin[origin]
    for start in range(0, n_samples, step):
        rows = np.arange(start, min(start + step, n_samples))
        rows = rows[origin[rows] != rows]
        apart = np.abs(D[rows] - D[origin[rows]]).max(axis=1, initial=0) > 4 * near
        origin[rows[apart]] = rows[apart]
    first, group = np.unique(origin, return_inverse=True)
    return first, group.ravel()


def _from_sparse_distances(D, n_neighbors):
    """Lists of neighbors from a sparse matrix in which stored zeros are copies."""
    edges = sparse.coo_array(D, copy=True)
    edges.sum_duplicates()
    rows, columns = (at.astype(np.int64) for at in edges.coords)
    is_copy = (edges.data == 0) & (rows != columns)
    copies = sparse.csr_array(
        (np.ones(is_copy.sum()), (rows[is_copy], columns[is_copy])), shape=D.shape
    )
    n_distinct, labels = sparse.csgraph.connected_components(copies, directed=False)
    _, first, group = np.unique(labels, return_index=True, return_inverse=True)
    origin = first[group.ravel()]
    # one edge between each two distinct samples, the shortest
    rows, columns, lengths = origin[rows], origin[columns], edges.data
    keep = rows != columns
    rows, columns, lengths = rows[keep], columns[keep], lengths[keep]
    order = np.lexsort((lengths, columns, rows))
    rows, columns, lengths = rows[order], columns[order], lengths[order]
    keep = np.ones(len(rows), dtype=bool)
    keep[1:] = (np.diff(rows) != 0) | (np.diff(columns) != 0)
    graph = sparse.coo_array(
        (lengths[keep], (rows[keep], columns[keep])), shape=D.shape
    )
    first = np.sort(first)
    indices, distances, counts = neighbors_from_graph(
        graph.tocsr()[first][:, first], n_distinct, n_neighbors=n_neighbors
    )
    group = np.searchsorted(first, origin)
    return first[indices][group], distances[group], counts[group]
