# SPDX-License-Identifier: BSD-3-Clause
"""Neighbor lists without duplicates and unrelated samples."""

import numpy as np
from scipy import sparse

from skmanifold.utils import _warnings
from skmanifold.utils._containers import as_array, counted, listed
from skmanifold.utils._distances import (
    LEARNED_METRICS,
    SET_METRICS,
    CheckedDistances,
    InvalidDistance,
    check_both_sides,
    check_entries,
    check_square,
    check_symmetric,
    describe_metric,
    learned_space,
)
from skmanifold.utils._sklearn import validate_params

from ._connectivity import neighbors_from_graph
from ._distinct import WIDE, distinct_rows, small_groups
from ._neighbors import (
    SEARCH_CONSTRAINTS,
    check_samples,
    nearest_in_rows,
    nearest_neighbors,
    possible_neighbors,
)

# Metrics in which samples with nothing in common are at distance 1.
_ONE_IF_UNRELATED = {"cosine", "correlation", "braycurtis", "dice", "hamming"}
_ONE_IF_UNRELATED |= {"jaccard", "russellrao", "sokalsneath"}
# Metrics of feature differences. In wide data, samples without a shared nonzero feature
# are ordered by their distance from zero only, so all get the same neighbors; in fewer
# features that may be intended.
_OF_COLUMNS = {"braycurtis", "canberra", "chebyshev", "cityblock", "correlation"}
_OF_COLUMNS |= {"cosine", "euclidean", "hamming", "l1", "l2", "manhattan", "minkowski"}
_OF_COLUMNS |= {"rogerstanimoto", "seuclidean", "sqeuclidean"}
# Tolerance for rounded distances, in units of eps.
_ROUNDINGS = 64
# Tolerance for distances between equal samples, relative to the largest distance.
_ZERO = 1e-7
# Number of samples listed in a warning.
_NAMED = 5
# A graph with more than this fraction of all pairs is a full distance matrix.
_ALL_PAIRS = 0.5
# From this fraction on, entries on one side of the diagonal are half of such a matrix.
_ONE_SIDE = 0.45
_BLOCK = 2**22
# Lists of a single sample.
_NO_NEIGHBORS = np.zeros((1, 1), np.int64), np.zeros((1, 1)), np.zeros(1, np.int64)


@validate_params(SEARCH_CONSTRAINTS, prefer_skip_nested_validation=True)
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
    warn=None,
):
    """Find the nearest distinct neighbors of every sample.

    Unlike :func:`nearest_neighbors`, duplicates count once, a sample's duplicates are
    not its neighbors, and samples with nothing in common are not neighbors.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        The samples. If ``metric="precomputed"``, their distances: all of them, or in a
        sparse matrix some of them, where stored zeros mark duplicates.
    n_neighbors : int
        Number of neighbors, at least 1. It is reduced if there are fewer other distinct
        samples, with a warning if there are fewer other samples.
    metric : str or callable, default="euclidean"
        As in :func:`nearest_neighbors`, or "precomputed".
    metric_params : dict, default=None
        Parameters of the metric.
    algorithm : {"auto", "exact", "partition", "pynndescent"}, default="auto"
        Search algorithm, see :func:`nearest_neighbors`.
    n_jobs : int, default=None
        Number of threads. The result does not depend on it.
    random_state : int, RandomState instance or None, default=None
        Seed of ``algorithm="pynndescent"``.
    raw : {array-like, sparse matrix} of shape (n_samples, n_raw), default=None
        Data that `X` was computed from by scaling or reduction. They decide which
        samples are duplicates, or share no feature with others. None means `X`.
    warn : callable, default=None
        Called with the message of each warning, in place of :func:`warnings.warn`.

    Returns
    -------
    indices : ndarray of shape (n_samples, max_neighbors), int64
        Neighbors of each sample, nearest first, each represented by its first
        duplicate. Shorter lists are padded with the sample's own first duplicate.
    distances : ndarray of shape (n_samples, max_neighbors)
        Distances to these neighbors, 0 where padded.
    counts : ndarray of shape (n_samples,), int64
        Number of valid entries in each row, at least 1: the only neighbor of a sample
        without neighbors is its own first duplicate.

    Raises
    ------
    ValueError
        If a parameter is invalid, or the metric returns NaN or negative distances.

    Warns
    -----
    UserWarning
        If there are samples without neighbors, or fewer samples than `n_neighbors`
        needs.

    See Also
    --------
    nearest_neighbors : Find neighbors, duplicates included.
    neighbors_from_graph : Read neighbors from a precomputed graph.

    Notes
    -----
    Two samples have nothing in common if their distance is infinite, or at least 1 for
    metrics with that maximum ("jaccard", "dice", "hamming", ...), "cosine" and
    "correlation". For metrics of feature differences, such as "euclidean", on more than
    64 features, the same holds for samples that share no nonzero feature with others,
    and for groups of at most `n_neighbors` samples that share features only among
    themselves: all would get the same few neighbors, those nearest to zero.

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
    warn = warn or _warnings.warn
    if isinstance(metric, str) and metric == "precomputed":
        return _neighbors_from_distances(check_distances(X), n_neighbors, warn)
    X = check_samples(X)
    if raw is None:
        raw = X
    raw = raw.tocsr() if sparse.issparse(raw) else np.asarray(raw)
    if raw.shape[0] != X.shape[0]:
        raise ValueError(
            f"raw has {counted(raw.shape[0], 'sample')}, but X has {X.shape[0]}. Pass "
            "the data that X was computed from, in the same order."
        )
    name = metric if isinstance(metric, str) else None
    if name in LEARNED_METRICS and algorithm != "pynndescent":
        # learned from all samples, duplicates included
        X = learned_space(X, metric, metric_params)
        metric, metric_params = "euclidean", None
    first, group = distinct_rows(raw != 0 if name in SET_METRICS else raw)
    n_neighbors = possible_neighbors(n_neighbors, len(first), X.shape[0], warn)
    options = {
        "algorithm": algorithm,
        "metric": metric,
        "metric_params": metric_params,
        "n_jobs": n_jobs,
        "random_state": random_state,
    }
    if len(first) == 1:
        return _to_all(*_NO_NEIGHBORS, first, group)
    all_distinct = len(first) == X.shape[0]
    distinct = X if all_distinct else X[first]

    groups = np.full(len(first), -1)
    if name in _OF_COLUMNS and raw.shape[1] > WIDE:
        groups = small_groups(raw if all_distinct else raw[first], n_neighbors)
    try:
        indices, distances, counts = _within_groups(
            distinct, groups, n_neighbors, options
        )
    except InvalidDistance as error:
        raise error.renumbered(first) from None
    unrelated = 1.0 if name in _ONE_IF_UNRELATED else np.inf
    unrelated -= _ROUNDINGS * np.finfo(distances.dtype).eps
    counts = np.minimum(counts, np.count_nonzero(distances < unrelated, axis=1))
    if name is None:
        counts = _without_equidistant(distinct, indices, distances, counts, options)
    source = f"metric={describe_metric(metric)}"
    _warn_of_unrelated(indices, counts, group, source, warn)
    return _to_all(indices, distances, counts, first, group)


def neighbors_from_connectivity(graph, n_samples, n_neighbors):
    """Find neighbors in a user's own graph, or in a matrix of all distances.

    If most pairs of samples have an entry, entries are distances, and the `n_neighbors`
    nearest are used. Otherwise see :func:`neighbors_from_graph`.

    Parameters
    ----------
    graph : {array-like, sparse matrix} of shape (n_samples, n_samples)
        The graph.
    n_samples : int
        Number of samples, for validation.
    n_neighbors : int
        Number of neighbors in a matrix of distances.

    Returns
    -------
    indices, distances, counts : ndarray
        As in :func:`neighbors_from_graph`.

    Raises
    ------
    ValueError
        If the graph is not a numeric matrix of this shape, or has entries for most
        pairs that are not distances.

    Examples
    --------
    >>> from sklearn.neighbors import kneighbors_graph
    >>> from skmanifold.graph import neighbors_from_connectivity
    >>> X = [[0.0], [1.0], [3.0], [3.5]]
    >>> graph = kneighbors_graph(X, n_neighbors=1)
    >>> neighbors_from_connectivity(graph, 4, n_neighbors=1)[0]
    array([[1],
           [0],
           [3],
           [2]])
    """
    is_sparse = sparse.issparse(graph)
    graph = graph if is_sparse else as_array(graph, "connectivity")
    if graph.shape != (n_samples, n_samples) or n_samples <= n_neighbors + 1:
        return neighbors_from_graph(graph, n_samples)
    n_edges = graph.nnz if is_sparse else np.count_nonzero(graph)
    if n_edges >= _ONE_SIDE * n_samples * (n_samples - 1):
        check_both_sides(graph, "connectivity")
    if n_edges - n_samples <= max(_ALL_PAIRS * n_samples, n_neighbors) * n_samples:
        return neighbors_from_graph(graph, n_samples)
    graph = graph.toarray() if is_sparse else graph
    if graph.dtype.kind not in "biuf":
        return neighbors_from_graph(graph, n_samples)  # raises the error
    diagonal = graph.diagonal()
    others = graph[~np.eye(n_samples, dtype=bool)]
    others = others[others != 0]
    if others.min() == others.max():
        raise ValueError(
            f"connectivity has {n_edges / n_samples:.0f} equal entries per sample, so "
            "all samples are neighbors of each other. Pass distances, or a graph such "
            "as sklearn.neighbors.kneighbors_graph(X, n_neighbors)."
        )
    if np.all(diagonal > 0):
        raise ValueError(
            "connectivity has entries for most pairs of samples and a nonzero diagonal,"
            " like a matrix of similarities. Pass distances, or a graph of nearest"
            " neighbors."
        )
    return _neighbors_from_distances(
        graph, n_neighbors, _warnings.warn, name="connectivity", zeros="no edges"
    )


def _within_groups(X, groups, n_neighbors, options):
    """Return neighbors within each small group, and within the rest."""
    n_samples = X.shape[0]
    if (groups < 0).all():
        indices, distances = nearest_neighbors(X, n_neighbors, **options)
        return indices, distances, np.full(n_samples, n_neighbors)
    indices = np.repeat(np.arange(n_samples)[:, np.newaxis], n_neighbors, axis=1)
    distances = np.zeros(indices.shape, dtype=X.dtype)
    counts = np.zeros(n_samples, dtype=np.int64)
    order = np.argsort(groups, kind="stable")
    starts = np.flatnonzero(np.diff(groups[order])) + 1
    for members in np.split(order, starts):
        k = min(n_neighbors, len(members) - 1)
        if k:
            try:
                near, near_distances = nearest_neighbors(X[members], k, **options)
            except InvalidDistance as error:
                raise error.renumbered(members) from None
            indices[members, :k] = members[near]
            distances[members, :k] = near_distances
            counts[members] = k
    return indices, distances, counts


def _without_equidistant(X, indices, distances, counts, options):
    """Return counts without samples that are equally far from all others.

    They have nothing in common with others if no two samples are farther apart.
    """
    n_samples, n_neighbors = distances.shape
    nearest = distances[:, 0]
    rows = np.flatnonzero((nearest == nearest.max()) & (distances[:, -1] == nearest))
    if n_samples <= n_neighbors + 1 or not nearest.max() or not len(rows):
        return counts
    search = CheckedDistances(X, options["metric"], options["metric_params"])
    alone = np.zeros(n_samples, dtype=bool)
    for row in rows:
        others = np.delete(search([row])[0].astype(distances.dtype), row)
        alone[row] = others.max() == others.min()
    if not alone.any():
        return counts
    for row in np.flatnonzero(~alone):
        if search([row])[0].astype(distances.dtype).max() > nearest.max():
            return counts
    # ties are in the order of samples: keep the lists of others if they are as near
    kept = ~alone[indices] & ~alone[:, np.newaxis]
    return np.minimum(counts, np.logical_and.accumulate(kept, axis=1).sum(axis=1))


def _to_all(indices, distances, counts, first, group):
    """Expand lists of distinct samples to all samples."""
    numbers = np.arange(len(first))[:, np.newaxis]
    valid = np.arange(indices.shape[1]) < counts[:, np.newaxis]
    width = max(1, int(counts.max()))
    indices = np.where(valid, indices, numbers)[:, :width]
    distances = np.where(valid, distances, 0)[:, :width]
    return (
        first[indices][group],
        distances[group],
        np.maximum(counts, 1).astype(np.int64)[group],
    )


def _warn_of_unrelated(indices, counts, group, source, warn):
    """Warn of isolated samples: no neighbors, and no neighbors of others."""
    valid = np.arange(indices.shape[1]) < counts[:, np.newaxis]
    alone = counts == 0
    alone[indices[valid]] = False
    if not alone.any():
        return
    samples = np.flatnonzero(alone[group])
    verb = "has" if len(samples) == 1 else "have"
    warn(
        f"{len(samples)} of the {len(group)} samples {verb} nothing in common with any "
        f"other ({source}): {listed(samples, _NAMED)}. Their embeddings are "
        "meaningless. Remove them, or choose features or a metric that relate them to "
        "others."
    )


def check_distances(D, *, square=False, name="X"):
    """Return a matrix; raise ValueError unless its entries may be distances.

    With ``square`` it must be square and symmetric, with zeros on the diagonal.
    """
    matrix = D if sparse.issparse(D) else as_array(D, name)
    entries = sparse.coo_array(matrix).data if sparse.issparse(D) else matrix
    if matrix.ndim == 1:
        raise ValueError(
            f"{name} has shape {matrix.shape}, but metric='precomputed' needs a "
            "matrix. For the result of scipy.spatial.distance.pdist, pass its "
            "squareform."
        )
    if entries.dtype.kind in "iuf":
        check_entries(entries, name)
    if square:
        check_square(matrix, name)
        check_symmetric(matrix, name)
    return D


def _neighbors_from_distances(D, n_neighbors, warn, name="X", zeros="copies"):
    """Return neighbor lists from distances of all or, if sparse, of some pairs."""
    D = check_samples(D, name)
    check_distances(D, square=True, name=name)
    if sparse.issparse(D):
        return _from_sparse_distances(D, n_neighbors, warn)
    first, group = _distinct_by_distance(D)
    n_neighbors = possible_neighbors(n_neighbors, len(first), len(D), warn)
    if len(first) == 1:
        return _to_all(*_NO_NEIGHBORS, first, group)
    indices = np.empty((len(first), n_neighbors), dtype=np.int64)
    distances = np.empty((len(first), n_neighbors), dtype=D.dtype)
    step = max(1, _BLOCK // len(first))
    for start in range(0, len(first), step):
        rows = np.arange(start, min(start + step, len(first)))
        # rounding may make zero distances negative
        table = np.maximum(D[first[rows]][:, first], 0)
        if zeros == "no edges":
            table[table == 0] = np.inf
        table[np.arange(len(rows)), rows] = np.inf
        indices[rows], distances[rows] = nearest_in_rows(table, n_neighbors)
    counts = np.count_nonzero(np.isfinite(distances), axis=1)
    if len(first) > n_neighbors + 1:
        source = "metric='precomputed'" if name == "X" else name
        counts = _without_farthest(
            indices, distances, counts, D.max(), group, source, warn
        )
    return _to_all(indices, distances, counts, first, group)


def _without_farthest(indices, distances, counts, largest, group, source, warn):
    """Return counts without neighbors at the largest distance.

    It means nothing in common, as for a metric of sets, if a sample has no nearer ones.
    """
    # without the rounding of the last places
    farthest = largest * (1 - _ROUNDINGS * np.finfo(largest.dtype).eps)
    if not (distances[:, 0] >= farthest).any():
        return counts
    valid = np.arange(distances.shape[1]) < counts[:, np.newaxis]
    counts = np.count_nonzero(valid & (distances < farthest), axis=1)
    _warn_of_unrelated(indices, counts, group, source, warn)
    return counts


def _distinct_by_distance(D):
    """Return distinct samples: duplicates are at distance 0 and agree on the rest."""
    n_samples = len(D)
    # Euclidean distances between equal samples may be nonzero by rounding
    near = _ZERO * D.max()
    origin = np.arange(n_samples)
    step = max(1, _BLOCK // n_samples)
    for start in range(0, n_samples, step):
        table = D[start : start + step] <= near
        in_block = np.arange(len(table))
        table[in_block, start + in_block] = True
        origin[start : start + step] = table.argmax(axis=1)
    # follow chains to the first duplicate
    while not np.array_equal(origin, origin[origin]):
        origin = origin[origin]
    for start in range(0, n_samples, step):
        rows = np.arange(start, min(start + step, n_samples))
        rows = rows[origin[rows] != rows]
        apart = np.abs(D[rows] - D[origin[rows]]).max(axis=1, initial=0) > 4 * near
        origin[rows[apart]] = rows[apart]
    first, group = np.unique(origin, return_inverse=True)
    return first, group.ravel()


def _from_sparse_distances(D, n_neighbors, warn):
    """Return neighbor lists from sparse distances; stored zeros mark duplicates."""
    edges = sparse.coo_array(D, copy=True)
    edges.sum_duplicates()
    edges.data = np.maximum(edges.data, 0)
    rows, columns = (axis.astype(np.int64) for axis in edges.coords)
    is_copy = (edges.data == 0) & (rows != columns)
    copies = sparse.csr_array(
        (np.ones(is_copy.sum()), (rows[is_copy], columns[is_copy])), shape=D.shape
    )
    n_distinct, group = sparse.csgraph.connected_components(copies, directed=False)
    _, first = np.unique(group, return_index=True)
    origin = first[group]
    # keep the shortest edge between each pair of distinct samples
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
    indices, distances, counts = neighbors_from_graph(
        graph.tocsr()[first][:, first], n_distinct, n_neighbors=n_neighbors
    )
    if keep.sum() > _ALL_PAIRS * n_distinct**2 and n_distinct > n_neighbors + 1:
        source = "metric='precomputed'"
        counts = _without_farthest(
            indices, distances, counts, lengths.max(), group, source, warn
        )
    return _to_all(indices, distances, counts, first, group)
