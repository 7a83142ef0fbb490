# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause
"""Neighbour lists from a graph that the user brings, and connectivity."""

from numbers import Integral

import numpy as np
from scipy import sparse

from skmanifold.utils._warnings import warn


def neighbors_from_graph(graph, n_samples, *, n_neighbors=None, mode="distance"):
    """Turn a neighbour graph into padded lists of neighbours.

    Parameters
    ----------
    graph : {array-like, sparse matrix, sparse array} of shape \
            (n_samples, n_samples)
        Row ``i`` holds the neighbours of sample ``i``, as in the output of
        :class:`~sklearn.neighbors.KNeighborsTransformer` or
        :func:`~sklearn.neighbors.kneighbors_graph`, of any sparse format. It need
        not be symmetric and rows may have different numbers of neighbours. Entries
        on the diagonal are ignored. In a sparse graph of distances an explicitly
        stored zero is an edge between duplicates; in a dense one, zero means that
        there is no edge.
    n_samples : int
        Number of samples that the graph must describe.
    n_neighbors : int, default=None
        Keep at most this many neighbours of each sample, the nearest ones. By
        default all are kept.
    mode : {"distance", "affinity"}, default="distance"
        Whether a neighbour is nearer if its entry is smaller or if it is larger.
        This orders the neighbours. For a graph of ones (connectivity) both do. An
        affinity of zero is no edge, even if it is stored explicitly.

    Returns
    -------
    indices : ndarray of shape (n_samples, max_neighbors), int64
        Neighbours of each sample, the nearest first, equal entries in the order of
        the index. The list of a sample with fewer neighbours than others is padded
        with the sample itself.
    distances : ndarray of shape (n_samples, max_neighbors), float64
        The entries of the graph that belong to `indices`, 0 where padded.
    counts : ndarray of shape (n_samples,), int64
        Number of valid entries in each row, at least 1: the only neighbour of a
        sample without neighbours is the sample itself. With `u` uniform in [0, 1),
        ``indices[i, floor(u * counts[i])]`` is a uniform draw from the neighbours.

    Raises
    ------
    ValueError
        If the graph is not a numeric matrix of the right shape, or has negative or
        non-finite entries.

    Warns
    -----
    UserWarning
        If there are samples without neighbours.

    See Also
    --------
    nearest_neighbors : Compute the neighbours from data.
    connected_components_of : The parts of the graph that are not connected.

    Examples
    --------
    >>> from sklearn.neighbors import kneighbors_graph
    >>> from skmanifold.graph import neighbors_from_graph
    >>> X = [[0.0], [1.0], [3.0], [3.5]]
    >>> graph = kneighbors_graph(X, n_neighbors=2, mode="distance")
    >>> indices, distances, counts = neighbors_from_graph(graph, 4)
    >>> indices
    array([[1, 2],
           [0, 2],
           [3, 1],
           [2, 1]])
    >>> counts
    array([2, 2, 2, 2])
    """
    if mode not in ("distance", "affinity"):
        raise ValueError(
            f"mode={mode!r} is unknown. It must be 'distance' (smaller entries are "
            "nearer) or 'affinity' (larger entries are nearer)."
        )
    if n_neighbors is not None and (
        not isinstance(n_neighbors, Integral)
        or isinstance(n_neighbors, bool)
        or n_neighbors < 1
    ):
        raise ValueError(
            f"n_neighbors={n_neighbors!r} is invalid. It must be an integer of at "
            "least 1, or None to keep all neighbours of the graph."
        )
    rows, columns, values = _edges(graph, n_samples)

    keep = rows != columns
    if mode == "affinity":
        keep &= values > 0
    rows, columns, values = rows[keep], columns[keep], values[keep]
    nearness = values if mode == "distance" else -values
    order = np.lexsort((columns, nearness, rows))
    rows, columns, values = rows[order], columns[order], values[order]
    counts = np.bincount(rows, minlength=n_samples)
    place = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    if n_neighbors is not None:
        keep = place < n_neighbors
        rows, columns, values = rows[keep], columns[keep], values[keep]
        place = place[keep]
        counts = np.minimum(counts, n_neighbors)

    n_isolated = int(np.sum(counts == 0))
    if n_isolated:
        warn(
            f"{n_isolated} of the {n_samples} samples have no neighbour in the "
            "graph. Each becomes its own only neighbour. Connect them, for example "
            "with a larger n_neighbors or radius, if they should be placed by their "
            "surroundings."
        )
    counts = np.maximum(counts, 1)
    shape = (n_samples, counts.max(initial=1))
    indices = np.repeat(np.arange(n_samples)[:, np.newaxis], shape[1], axis=1)
    distances = np.zeros(shape)
    indices[rows, place] = columns
    distances[rows, place] = values
    return indices, distances, counts


def _edges(graph, n_samples):
    """Row numbers, column numbers and values of the edges, after checks."""
    is_sparse = sparse.issparse(graph)
    if not is_sparse:
        graph = np.asarray(graph)
    shape = tuple(graph.shape)
    if shape != (n_samples, n_samples):
        raise ValueError(
            f"The neighbour graph has shape {shape}, but there are {n_samples} "
            f"samples. It must be square, of shape ({n_samples}, {n_samples}), with "
            "one row per sample: compute it from the same samples that are passed "
            "to fit."
        )
    if graph.dtype.kind not in "biuf":
        raise ValueError(
            f"The neighbour graph has dtype {graph.dtype}. Its entries must be real "
            "numbers (or booleans)."
        )
    if is_sparse:
        # Not to CSR by arithmetic and not `nonzero`: both may drop stored zeros.
        edges = sparse.coo_array(graph, copy=True)
        edges.sum_duplicates()
        rows, columns = edges.coords
        values = edges.data
    else:
        rows, columns = np.nonzero(graph)
        values = graph[rows, columns]
    rows, columns = rows.astype(np.int64), columns.astype(np.int64)
    values = values.astype(np.float64)
    bad = ~np.isfinite(values)
    if bad.any():
        at = np.flatnonzero(bad)[0]
        raise ValueError(
            f"The neighbour graph has {bad.sum()} entries that are NaN or infinite, "
            f"the first of them at ({rows[at]}, {columns[at]}). All must be finite: "
            "leave out the edges that do not exist."
        )
    bad = values < 0
    if bad.any():
        at = np.flatnonzero(bad)[0]
        raise ValueError(
            f"The neighbour graph has {bad.sum()} negative entries, the first of "
            f"them {values[at]:g} at ({rows[at]}, {columns[at]}). Distances and "
            "affinities must be at least 0."
        )
    return rows, columns, values


def connected_components_of(indices, counts=None):
    """Connected components of the undirected graph of neighbours.

    Parameters
    ----------
    indices : array-like of shape (n_samples, n_neighbors), int
        Neighbours of each sample. Samples ``i`` and ``j`` are connected if one is
        a neighbour of the other.
    counts : array-like of shape (n_samples,), default=None
        Number of valid entries at the beginning of each row. By default all are.

    Returns
    -------
    n_components : int
        The number of components.
    labels : ndarray of shape (n_samples,), int32
        The component of each sample, numbered from 0 in the order of the first
        sample of each.

    See Also
    --------
    nearest_neighbors : Compute the neighbours from data.

    Examples
    --------
    >>> from skmanifold.graph import connected_components_of
    >>> n_components, labels = connected_components_of([[1], [0], [3], [2]])
    >>> n_components
    2
    >>> labels
    array([0, 0, 1, 1], dtype=int32)
    """
    indices = np.asarray(indices)
    n_samples, n_neighbors = indices.shape
    rows = np.repeat(np.arange(n_samples), n_neighbors)
    columns = indices.ravel()
    if counts is not None:
        valid = (np.arange(n_neighbors) < np.asarray(counts)[:, np.newaxis]).ravel()
        rows, columns = rows[valid], columns[valid]
    graph = sparse.coo_array(
        (np.ones(len(rows), dtype=np.int8), (rows, columns)),
        shape=(n_samples, n_samples),
    ).tocsr()
    n_components, labels = sparse.csgraph.connected_components(graph, directed=False)
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int32)
    rank[np.argsort(first)] = np.arange(len(first), dtype=np.int32)
    return int(n_components), rank[inverse]
