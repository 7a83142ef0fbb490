# SPDX-License-Identifier: BSD-3-Clause
"""Neighbor lists from a user's graph, and connectivity."""

import numpy as np
from scipy import sparse

from skmanifold.utils._containers import as_array, counted
from skmanifold.utils._sklearn import StrOptions, validate_params
from skmanifold.utils._validation import Count
from skmanifold.utils._warnings import warn

from ._distinct import positions_in_groups


@validate_params(
    {"n_neighbors": [Count(1), None], "mode": [StrOptions({"distance", "affinity"})]},
    prefer_skip_nested_validation=True,
)
def neighbors_from_graph(graph, n_samples, *, n_neighbors=None, mode="distance"):
    """Turn a neighbor graph into padded lists of neighbors.

    Parameters
    ----------
    graph : {array-like, sparse matrix, sparse array} of shape \
            (n_samples, n_samples)
        Row ``i`` holds the neighbors of sample ``i``, as in
        :func:`~sklearn.neighbors.kneighbors_graph`. It may be asymmetric; the diagonal
        is ignored. A stored zero in a sparse graph of distances is an edge between
        duplicates; zero in a dense one is no edge.
    n_samples : int
        Number of samples, for validation.
    n_neighbors : int, default=None
        Keep at most this many nearest neighbors of each sample. None keeps all.
    mode : {"distance", "affinity"}, default="distance"
        Whether smaller distances or larger affinities are nearer. Zero affinity is no
        edge, even if stored.

    Returns
    -------
    indices : ndarray of shape (n_samples, max_neighbors), int64
        Neighbors of each sample, nearest first, ties ordered by index. Shorter lists
        are padded with the sample itself.
    distances : ndarray of shape (n_samples, max_neighbors), float64
        Entries of the graph for `indices`, 0 where padded.
    counts : ndarray of shape (n_samples,), int64
        Number of valid entries in each row, at least 1: the only neighbor of a sample
        without neighbors is the sample itself.

    Raises
    ------
    ValueError
        If the graph is not a real matrix of this shape, or has negative or non-finite
        entries.

    Warns
    -----
    UserWarning
        If samples have no neighbors.

    See Also
    --------
    nearest_neighbors : Find neighbors in data.
    connected_components_of : Label the connected components of the graph.

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
    rows, columns, values = _edges(graph, n_samples)
    keep = rows != columns
    if mode == "affinity":
        keep &= values > 0
    rows, columns, values = rows[keep], columns[keep], values[keep]
    nearness = values if mode == "distance" else -values
    order = np.lexsort((columns, nearness, rows))
    rows, columns, values = rows[order], columns[order], values[order]
    counts = np.bincount(rows, minlength=n_samples)
    position = positions_in_groups(counts)
    if n_neighbors is not None:
        keep = position < n_neighbors
        rows, columns, values = rows[keep], columns[keep], values[keep]
        position = position[keep]
        counts = np.minimum(counts, n_neighbors)

    n_isolated = int(np.sum(counts == 0))
    if n_isolated:
        warn(
            f"{n_isolated} of the {n_samples} samples "
            f"{'has' if n_isolated == 1 else 'have'} no neighbor in the graph, which "
            "makes the embedding there meaningless. Increase n_neighbors or the radius."
        )
    counts = np.maximum(counts, 1)
    shape = (n_samples, counts.max(initial=1))
    indices = np.repeat(np.arange(n_samples)[:, np.newaxis], shape[1], axis=1)
    distances = np.zeros(shape)
    indices[rows, position] = columns
    distances[rows, position] = values
    return indices, distances, counts


def _edges(graph, n_samples):
    """Return validated rows, columns and values of the edges."""
    is_sparse = sparse.issparse(graph)
    if not is_sparse:
        graph = as_array(graph, "The neighbor graph")
    shape = tuple(graph.shape)
    if shape != (n_samples, n_samples):
        raise ValueError(
            f"The neighbor graph has shape {shape}, but there are {n_samples} "
            "samples. Compute it from the samples passed to fit."
        )
    if graph.dtype.kind not in "biuf":
        raise ValueError(
            f"The neighbor graph has dtype {graph.dtype}. Its entries must be real "
            "numbers or booleans."
        )
    if is_sparse:
        # Conversion to CSR and `nonzero` may drop stored zeros.
        edges = sparse.coo_array(graph, copy=True)
        edges.sum_duplicates()
        rows, columns = edges.coords
        values = edges.data
    else:
        rows, columns = np.nonzero(graph)
        values = graph[rows, columns]
    rows, columns = rows.astype(np.int64), columns.astype(np.int64)
    values = values.astype(np.float64)
    invalid = {"NaN or infinite": ~np.isfinite(values), "negative": values < 0}
    for kind, bad in invalid.items():
        if bad.any():
            first = bad.argmax()
            raise ValueError(
                "The neighbor graph has "
                f"{counted(bad.sum(), f'{kind} entry', f'{kind} entries')}, the first "
                f"{values[first]:g} at ({rows[first]}, {columns[first]}). Entries must "
                "be finite and at least 0; leave out edges that do not exist."
            )
    return rows, columns, values


def connected_components_of(indices, counts=None):
    """Label the connected components of the undirected graph of neighbors.

    Parameters
    ----------
    indices : array-like of shape (n_samples, n_neighbors), int
        Neighbors of each sample. Edges count in both directions.
    counts : array-like of shape (n_samples,), default=None
        Number of valid entries in each row. None means all.

    Returns
    -------
    n_components : int
        The number of components.
    labels : ndarray of shape (n_samples,), int32
        The component of each sample, numbered by first sample.

    See Also
    --------
    nearest_neighbors : Find neighbors in data.

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
    return int(n_components), labels
