# SPDX-License-Identifier: BSD-3-Clause
"""Embeddings that preserve geodesic distances."""

import numpy as np
from scipy import linalg, sparse
from sklearn.utils import check_random_state

from skmanifold.utils._containers import counted
from skmanifold.utils._sklearn import StrOptions, validate_params
from skmanifold.utils._threads import one_blas_thread
from skmanifold.utils._validation import Count
from skmanifold.utils._warnings import warn

from ._connectivity import connected_components_of
from ._distinct import positions_in_groups
from ._neighbors import (
    SEARCH_CONSTRAINTS,
    check_samples,
    nearest_neighbors,
    possible_neighbors,
)

# Up to this size, all samples are landmarks.
_ALL_LANDMARKS = 2500
# Beyond it, this many, or this many per component if that is more. Three exact
# distances determine two coordinates; more average out the errors of graph distances.
_LEAST_LANDMARKS = 300
_LANDMARKS_PER_COMPONENT = 20
# Number of samples among which the shortest edges between components are searched.
_BRIDGE_SAMPLES = 5000
# Up to this many components are embedded apart; more are joined along a spanning tree.
_MOST_PARTS = 100


@validate_params(
    {"n_components": [Count(1)], "n_landmarks": [Count(1), StrOptions({"auto"})]}
    | SEARCH_CONSTRAINTS,
    prefer_skip_nested_validation=True,
)
def geodesic_embedding(
    X,
    n_components=2,
    *,
    n_neighbors=10,
    n_landmarks="auto",
    n_jobs=None,
    random_state=None,
):
    """Embed samples so that distances approximate geodesic distances (Isomap).

    Geodesic distances are lengths of shortest paths in the nearest-neighbor graph;
    classical multidimensional scaling of them gives the embedding [1]_. With fewer
    landmarks than samples, scaling embeds the landmarks, and the distances to them
    embed all samples [2]_.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        The samples.
    n_components : int, default=2
        Dimension of the embedding.
    n_neighbors : int, default=10
        Number of neighbors in the graph. Increase it if the graph is disconnected;
        decrease it if paths take shortcuts. Reduced, with a warning, if there are fewer
        other samples.
    n_landmarks : int or "auto", default="auto"
        Number of random samples that paths start from, more than `n_components`. "auto"
        uses all samples up to 2,500 (plain Isomap), and beyond that 300, or 20 per
        component if that is more.
    n_jobs : int, default=None
        Number of threads of the neighbor search. The result does not depend on it.
    random_state : int, RandomState instance or None, default=None
        Seed of the landmarks.

    Returns
    -------
    ndarray of shape (n_samples, n_components), float64
        The embedding, in the units of X. Duplicates coincide. Unsupported coordinates,
        such as the third for three samples, are 0.

    Raises
    ------
    ValueError
        If a parameter is invalid.

    Warns
    -----
    UserWarning
        If the graph is not connected, or `n_neighbors` is reduced.

    See Also
    --------
    nearest_neighbors : Find the neighbors of the graph.

    Notes
    -----
    Disconnected components are embedded separately, side by side: each keeps its
    distances, but its orientation is arbitrary. Balls around the components are at
    least as far apart as the length of the shortest edge between them. Each component
    gets landmarks by its size, at least 20 per dimension of the embedding. In large
    data, edges are searched among 5,000 samples. More than 100 components are joined by
    edges along a spanning tree; paths through these are not geodesic and distort them.

    Memory, beyond the data and their neighbors, is ``20 * n_landmarks * n_samples``
    bytes.

    References
    ----------
    .. [1] J. B. Tenenbaum, V. de Silva and J. C. Langford (2000). A global geometric
       framework for nonlinear dimensionality reduction. Science 290, 2319-2323.
    .. [2] V. de Silva and J. B. Tenenbaum (2004). Sparse multidimensional scaling using
       landmark points. Technical report, Stanford University.

    Examples
    --------
    >>> import numpy as np
    >>> from skmanifold.graph import geodesic_embedding
    >>> angle = np.linspace(0, np.pi, 50)
    >>> half_circle = np.column_stack([np.cos(angle), np.sin(angle)])
    >>> Z = geodesic_embedding(half_circle, 1, n_neighbors=2)
    >>> round(float(np.ptp(Z)), 1)  # it is pi long
    3.1
    """
    X = check_samples(X, accept_sparse=False)
    if n_landmarks != "auto" and n_landmarks <= n_components:
        raise ValueError(
            f"n_landmarks={n_landmarks} must be more than n_components={n_components}. "
            'Increase it, or set "auto".'
        )
    rng = check_random_state(random_state)
    n_neighbors = possible_neighbors(n_neighbors, len(X), len(X), warn)

    indices, distances = nearest_neighbors(
        X, n_neighbors, n_jobs=n_jobs, random_state=rng
    )
    if (distances[:, 0] == 0).any():
        # duplicates would fill each other's neighbor lists
        X, group = np.unique(X, axis=0, return_inverse=True)
        group = group.ravel()
        if len(X) == 1:
            return np.zeros((len(group), n_components))
        indices, distances = nearest_neighbors(
            X, min(n_neighbors, len(X) - 1), n_jobs=n_jobs, random_state=rng
        )
    else:
        group = slice(None)
    n_samples = len(X)
    # normalize lengths to about 1, so that their powers do not over- or underflow
    unit = distances.mean(dtype=np.float64)
    if not unit > 0:
        return np.zeros((n_samples, n_components))[group]
    n_wanted = n_landmarks
    if n_landmarks == "auto":
        few = max(_LEAST_LANDMARKS, _LANDMARKS_PER_COMPONENT * n_components)
        n_wanted = n_samples if n_samples <= _ALL_LANDMARKS else few
    n_parts, labels = connected_components_of(indices)
    largest = np.bincount(labels).max()
    parts = (
        f"The graph of {counted(indices.shape[1], 'neighbor')} has {n_parts} parts "
        f"(the largest of {largest} of {n_samples} samples)"
    )
    rows = np.repeat(np.arange(n_samples), indices.shape[1])
    edges = rows, indices.ravel(), distances.ravel() / unit
    if 1 < n_parts <= _MOST_PARTS:
        warn(
            f"{parts} without distances between them, which are embedded separately "
            "and placed side by side. Increase n_neighbors to connect them, or compare "
            "distances only within parts."
        )
        graph = _symmetric_graph(*edges, n_samples)
        embedding = _apart(X / unit, graph, labels, n_components, n_wanted, rng)
    else:
        if n_parts > 1:
            warn(
                f"{parts}, joined by single edges, which distorts distances within "
                "parts as well. Increase n_neighbors."
            )
            edges = map(np.append, edges, _bridges(X / unit, labels, n_parts, rng))
        graph = _symmetric_graph(*edges, n_samples)
        embedding = _along_paths(graph, n_components, n_wanted, rng)
    return (embedding * unit)[group]


def _along_paths(graph, n_components, n_landmarks, rng):
    """Embed a connected graph by shortest paths from landmarks."""
    n_samples = graph.shape[0]
    landmarks = np.arange(n_samples)
    if n_landmarks < n_samples:
        landmarks = np.sort(rng.choice(n_samples, n_landmarks, replace=False))
    paths = sparse.csgraph.dijkstra(graph, directed=False, indices=landmarks)
    # the last bits depend on the number of BLAS threads
    with one_blas_thread():
        return _landmark_scaling(paths, landmarks, n_components)


def _apart(X, graph, labels, n_components, n_landmarks, rng):
    """Embed each component separately, side by side."""
    n_samples = len(X)
    members = np.split(
        np.argsort(labels, kind="stable"), np.cumsum(np.bincount(labels))[:-1]
    )
    least = min(n_landmarks, _LANDMARKS_PER_COMPONENT * n_components)
    embedding, radii = np.empty((n_samples, n_components)), np.empty(len(members))
    for part, rows in enumerate(members):
        share = max(least, -(-n_landmarks * len(rows) // n_samples))
        positions = _along_paths(graph[rows][:, rows], n_components, share, rng)
        positions -= (positions.max(axis=0) + positions.min(axis=0)) / 2
        radii[part] = np.linalg.norm(positions, axis=1).max()
        embedding[rows] = positions
    _, squares = _nearest_pairs(X, labels, len(members), rng)
    apart = np.sqrt(np.minimum(squares, squares.T)) + radii + radii[:, np.newaxis]
    with one_blas_thread():
        embedding += _centers_of_balls(apart, radii, n_components)[labels]
    return embedding - embedding.mean(axis=0)


def _centers_of_balls(apart, radii, n_components):
    """Return centers of balls at the given distances from each other, or farther.

    Starting from the largest ball, each ball moves outward in its direction under
    classical scaling, as far as the others require.
    """
    np.fill_diagonal(apart, 0.0)
    layout = _landmark_scaling(apart.copy(), np.arange(len(apart)), n_components)
    first = radii.argmax()
    layout -= layout[first]
    reach = np.linalg.norm(layout, axis=1)
    # components beyond the supported dimensions have no direction
    lost = reach == 0
    layout[lost, 0], reach[lost] = 1.0, 1.0
    directions = layout / reach[:, np.newaxis]
    reach[lost] = np.inf
    reach[first] = -1.0

    centers = np.zeros_like(layout)
    order = np.argsort(reach, kind="stable")
    for i, part in enumerate(order[1:], start=1):
        placed, direction = centers[order[:i]], directions[part]
        # others are too near between two roots of a parabola along the ray
        along = placed @ direction
        half = apart[part, order[:i]] ** 2 - (placed**2).sum(axis=1) + along**2
        half = np.sqrt(np.maximum(half, 0.0))
        lengths = 0.0
        for k in np.argsort(along - half, kind="stable"):
            if along[k] - half[k] <= lengths < along[k] + half[k]:
                lengths = along[k] + half[k]
        centers[part] = lengths * direction
    return centers


def _symmetric_graph(rows, columns, lengths, n_samples):
    # store each edge once: summed duplicates would double its length
    first, second = np.minimum(rows, columns), np.maximum(rows, columns)
    _, kept = np.unique(first * n_samples + second, return_index=True)
    return sparse.csr_array(
        (lengths[kept], (first[kept], second[kept])), shape=(n_samples, n_samples)
    )


def _bridges(X, labels, n_parts, rng):
    """Return ends and lengths of the shortest edges that connect all components."""
    ends, squares = _nearest_pairs(X, labels, n_parts, rng)
    tree = sparse.csgraph.minimum_spanning_tree(
        np.where(np.isfinite(squares), squares, 0)
    )
    a, b = ends[tree.nonzero()].T
    difference = X[a].astype(np.float64) - X[b]
    return a, b, np.sqrt(np.einsum("ij,ij->i", difference, difference))


def _nearest_pairs(X, labels, n_parts, rng):
    """Return the nearest samples and squared distances between components i < j."""
    order = np.argsort(labels, kind="stable")
    if len(X) > _BRIDGE_SAMPLES:
        # a proportional share of each component, at least one sample
        counts = np.bincount(labels)
        wanted = np.maximum(1, counts * _BRIDGE_SAMPLES // len(X))
        mixed = rng.permutation(len(X))
        mixed = mixed[np.argsort(labels[mixed], kind="stable")]
        order = mixed[positions_in_groups(counts) < np.repeat(wanted, counts)]
    starts = np.flatnonzero(np.diff(labels[order], prepend=-1))
    ends = np.append(starts[1:], len(order))
    points = X[order].astype(np.float64)
    # a common mean far from zero costs digits in the distances
    points -= points.mean(axis=0)
    squares = np.einsum("ij,ij->i", points, points)

    shortest = np.full((n_parts, n_parts), np.inf)
    pairs = np.zeros((n_parts, n_parts, 2), dtype=np.int64)
    with one_blas_thread():
        for i, (start, end) in enumerate(zip(starts, ends, strict=True)):
            if i + 1 == n_parts:
                break
            rest = slice(starts[i + 1], None)
            nearest = np.full(len(order) - rest.start, np.inf)
            origin = np.zeros(len(nearest), dtype=np.int64)
            for first in range(start, end, 256):
                part = slice(first, min(first + 256, end))
                d2 = squares[part, np.newaxis] - 2 * points[part] @ points[rest].T
                best = d2.argmin(axis=0)
                value = d2[best, np.arange(d2.shape[1])]
                closer = value < nearest
                nearest[closer], origin[closer] = value[closer], first + best[closer]
            nearest += squares[rest]
            for j in range(i + 1, n_parts):
                begin = starts[j] - rest.start
                k = begin + nearest[begin : ends[j] - rest.start].argmin()
                pairs[i, j] = origin[k], rest.start + k
                shortest[i, j] = max(nearest[k], np.finfo(float).tiny)
    return order[pairs], shortest


def _landmark_scaling(paths, landmarks, n_components):
    """Embed landmarks by classical scaling, and all samples by distances to them."""
    paths *= paths
    among = paths[:, landmarks]
    # path lengths may differ in the last bits by direction
    among = (among + among.T) / 2
    mean = among.mean(axis=0)
    gram = -0.5 * (among - mean - mean[:, np.newaxis] + mean.mean())
    values, vectors = _largest_eigenpairs(gram, min(n_components, len(landmarks) - 1))
    supported = values > 1e-10 * max(values[0], 0.0)
    values, vectors = values[supported], vectors[:, supported]
    # the sign of an eigenvector is arbitrary
    largest = np.abs(vectors).argmax(axis=0)
    vectors = vectors * np.sign(vectors[largest, np.arange(len(values))])

    embedding = np.zeros((paths.shape[1], n_components))
    paths -= mean[:, np.newaxis]
    embedding[:, : len(values)] = paths.T @ (vectors * (-0.5 / np.sqrt(values)))
    return embedding - embedding.mean(axis=0)


def _largest_eigenpairs(matrix, n_pairs):
    """Return eigenvalues in descending order, and eigenvectors as columns."""
    n = len(matrix)
    if n > 200 and n_pairs < n // 10:
        # ARPACK would draw its start from the global generator
        start = np.random.RandomState(0).uniform(-1, 1, n)
        values, vectors = sparse.linalg.eigsh(matrix, n_pairs, which="LA", v0=start)
    else:
        values, vectors = linalg.eigh(matrix, subset_by_index=[n - n_pairs, n - 1])
    order = np.argsort(values)[::-1]
    return values[order], vectors[:, order]
