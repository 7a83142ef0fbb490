# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause
"""Embeddings that keep distances along the data."""

import numpy as np
from scipy import linalg, sparse
from sklearn.utils import check_array, check_random_state

from skmanifold.utils._containers import plain
from skmanifold.utils._sklearn import StrOptions, validate_params
from skmanifold.utils._threads import one_blas_thread
from skmanifold.utils._validation import Count
from skmanifold.utils._warnings import warn

from ._connectivity import connected_components_of
from ._neighbors import nearest_neighbors

# All samples are landmarks up to this many.
_ALL_LANDMARKS = 2500
# Otherwise so many, and so many for each coordinate. Two coordinates are determined by
# three exact distances; the rest evens out the errors of the graph's.
_LEAST_LANDMARKS = 300
_LANDMARKS_PER_COMPONENT = 20
# Samples among which the shortest edges between the parts of a graph are looked for.
_BRIDGE_SAMPLES = 5000
# Parts that are joined in all pairs, or placed apart; more are joined along a spanning
# tree.
_ALL_PAIRS = 100


# nearest_neighbors validates n_neighbors
@validate_params(
    {
        "n_components": [Count(1)],
        "n_landmarks": [Count(1), StrOptions({"auto"})],
        "parts": [StrOptions({"joined", "apart"})],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=False,
)
def geodesic_embedding(
    X,
    n_components=2,
    *,
    n_neighbors=10,
    n_landmarks="auto",
    parts="joined",
    n_jobs=None,
    random_state=None,
):
    """Embed samples such that distances approximate those along the data (Isomap).

    Distances along the data are lengths of shortest paths in the graph of nearest
    neighbours; classical multidimensional scaling of those places the samples. [1]_
    With fewer landmarks than samples only the paths from the landmarks are computed:
    these are placed by scaling, and all samples by their distances to them. [2]_

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        The data.
    n_components : int, default=2
        Dimension of the embedding.
    n_neighbors : int, default=10
        Neighbours of each sample in the graph, less than `n_samples`.
    n_landmarks : int or "auto", default="auto"
        Samples, drawn at random, that paths begin at; more than `n_components`. "auto"
        takes all samples up to 2,500, which is Isomap itself, and 300 beyond, or 20 for
        each component if that is more. Numbers above that of the samples mean all.
    parts : {"joined", "apart"}, default="joined"
        What to do with parts of a graph that is not connected: join them by edges, as
        Isomap does, or embed each by itself and place them apart, see Notes. More than
        100 are joined.
    n_jobs : int, default=None
        Threads of the neighbour search. The result does not depend on it.
    random_state : int, RandomState instance or None, default=None
        Draws the landmarks.

    Returns
    -------
    ndarray of shape (n_samples, n_components), float64
        The embedding, in the units of X. Duplicates coincide. Coordinates that the data
        do not support, for instance the third of three samples, are 0.

    Raises
    ------
    ValueError
        If a parameter is invalid, or if there are not more than `n_neighbors` samples.

    Warns
    -----
    UserWarning
        If the graph is not connected.

    See Also
    --------
    nearest_neighbors : The neighbours that the graph is made of.

    Notes
    -----
    Parts of a graph that is not connected are joined by the shortest edge between each
    two of them, as :class:`sklearn.manifold.Isomap` does (along a spanning tree, if
    there are more than 100 parts). There are no distances along the data between such
    parts, and those through the joints cannot all be kept: the parts come out bent,
    more so the fewer the coordinates. With many samples these edges are looked for
    among 5,000 of them.

    With ``parts="apart"`` each part has the coordinates that it has without the others,
    turned anyhow, and so keeps its distances. The parts lie side by side: balls around
    them are as far from each other as the shortest edge between two parts is long, or
    farther. Each part has its share of the landmarks, and at least 20 for each
    component.

    Beyond the data and their neighbours, memory is ``20 * n_landmarks * n_samples``
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
    X = check_array(
        plain(X),
        dtype=[np.float64, np.float32],
        order="C",
        ensure_min_samples=2,
        input_name="X",
    )
    if n_landmarks != "auto" and n_landmarks <= n_components:
        raise ValueError(
            f"n_landmarks={n_landmarks} must be more than n_components={n_components}: "
            'fewer span fewer dimensions. Increase it, or set "auto".'
        )
    rng = check_random_state(random_state)

    indices, distances = nearest_neighbors(
        X, n_neighbors, n_jobs=n_jobs, random_state=rng
    )
    if (distances[:, 0] == 0).any():
        # duplicates fill each other's lists of neighbours
        X, of = np.unique(X, axis=0, return_inverse=True)
        of = of.ravel()
        if len(X) == 1:
            return np.zeros((len(of), n_components))
        indices, distances = nearest_neighbors(
            X, min(n_neighbors, len(X) - 1), n_jobs=n_jobs, random_state=rng
        )
    else:
        of = slice(None)
    n_samples = len(X)
    # lengths of about 1, so that no power of them over- or underflows
    unit = distances.mean(dtype=np.float64)
    if not unit > 0:
        return np.zeros((n_samples, n_components))[of]
    n_wanted = n_landmarks
    if n_landmarks == "auto":
        few = max(_LEAST_LANDMARKS, _LANDMARKS_PER_COMPONENT * n_components)
        n_wanted = n_samples if n_samples <= _ALL_LANDMARKS else few
    n_parts, labels = connected_components_of(indices)
    if 1 < n_parts <= _ALL_PAIRS and parts == "apart":
        warn(
            f"The graph of {indices.shape[1]} neighbours has {n_parts} parts (the "
            f"largest of {np.bincount(labels).max()} of {n_samples} samples), between "
            "which there are no distances along the data: they are placed side by "
            "side, each embedded by itself. Raise n_neighbors if they should be one; "
            "otherwise compare distances within parts alone."
        )
        graph = _symmetric_graph(*_edges(indices, distances / unit), n_samples)
        embedding = _apart(X / unit, graph, labels, n_components, n_wanted, rng)
    else:
        graph = _connected_graph(X / unit, indices, distances / unit, rng)
        embedding = _along_paths(graph, n_components, n_wanted, rng)
    return (embedding * unit)[of]


def _along_paths(graph, n_components, n_landmarks, rng):
    """Embedding of a connected graph by shortest paths from landmarks."""
    n_samples = graph.shape[0]
    landmarks = np.arange(n_samples)
    if n_landmarks < n_samples:
        landmarks = np.sort(rng.choice(n_samples, n_landmarks, replace=False))
    paths = sparse.csgraph.dijkstra(graph, directed=False, indices=landmarks)
    # the number of BLAS threads would show in the last bits
    with one_blas_thread():
        return _landmark_scaling(paths, landmarks, n_components)


def _apart(X, graph, labels, n_components, n_landmarks, rng):
    """Embedding of each part of a graph by itself, the parts side by side."""
    n_samples = len(X)
    members = np.split(
        np.argsort(labels, kind="stable"), np.cumsum(np.bincount(labels))[:-1]
    )
    least = min(n_landmarks, _LANDMARKS_PER_COMPONENT * n_components)
    embedding, radii = np.empty((n_samples, n_components)), np.empty(len(members))
    for part, rows in enumerate(members):
        share = max(least, -(-n_landmarks * len(rows) // n_samples))
        own = _along_paths(graph[rows][:, rows], n_components, share, rng)
        own -= (own.max(axis=0) + own.min(axis=0)) / 2
        radii[part] = np.linalg.norm(own, axis=1).max()
        embedding[rows] = own
    # a common mean far from zero would cost digits in the distances
    centred = X - X.mean(axis=0, dtype=np.float64)
    _, squares = _nearest_pairs(centred, labels, len(members), rng)
    apart = np.sqrt(np.minimum(squares, squares.T)) + radii + radii[:, np.newaxis]
    with one_blas_thread():
        embedding += _centers_of_balls(apart, radii, n_components)[labels]
    return embedding - embedding.mean(axis=0)


def _centers_of_balls(apart, radii, n_components):
    """Centres that are as far from each other as asked, or farther.

    The largest ball comes first. Each further one goes out from it in the direction
    that classical scaling of the distances has for it, as far as the others need.
    """
    np.fill_diagonal(apart, 0.0)
    every = np.arange(len(apart))
    layout = _landmark_scaling(apart.copy(), every, n_components)
    first = radii.argmax()
    layout -= layout[first]
    reach = np.linalg.norm(layout, axis=1)
    # parts beyond what the coordinates hold have no direction of their own
    lost = reach == 0
    layout[lost, 0], reach[lost] = 1.0, 1.0
    directions = layout / reach[:, np.newaxis]
    reach[lost] = np.inf
    reach[first] = -1.0

    centers = np.zeros_like(layout)
    order = np.argsort(reach, kind="stable")
    for i, part in enumerate(order[1:], start=1):
        placed, direction = centers[order[:i]], directions[part]
        # where on the ray others are too near: between two roots of a parabola
        along = placed @ direction
        half = apart[part, order[:i]] ** 2 - (placed**2).sum(axis=1) + along**2
        half = np.sqrt(np.maximum(half, 0.0))
        lengths = 0.0
        for k in np.argsort(along - half, kind="stable"):
            if along[k] - half[k] <= lengths < along[k] + half[k]:
                lengths = along[k] + half[k]
        centers[part] = lengths * direction
    return centers


def _edges(indices, distances):
    """Rows, columns and lengths of the edges to neighbours."""
    rows = np.repeat(np.arange(len(indices)), indices.shape[1])
    return rows, indices.ravel(), distances.ravel().astype(np.float64)


def _connected_graph(X, indices, distances, rng):
    """The symmetric graph of neighbours, its parts joined, as a CSR array."""
    n_samples, n_neighbors = indices.shape
    rows, columns, lengths = _edges(indices, distances)
    n_parts, labels = connected_components_of(indices)
    if n_parts > 1:
        warn(
            f"The graph of {n_neighbors} neighbours has {n_parts} parts (the largest "
            f"of {np.bincount(labels).max()} of {n_samples} samples), which are joined "
            "by single edges: distances within a part are distorted as well. Raise "
            "n_neighbors, or embed each part by itself."
        )
        a, b, between = _bridges(X, labels, n_parts, rng)
        rows, columns = np.append(rows, a), np.append(columns, b)
        lengths = np.append(lengths, between)
    return _symmetric_graph(rows, columns, lengths, n_samples)


def _symmetric_graph(rows, columns, lengths, n_samples):
    # both directions, and each edge once: sums of duplicates would double lengths
    first, second = np.minimum(rows, columns), np.maximum(rows, columns)
    _, kept = np.unique(first * n_samples + second, return_index=True)
    return sparse.csr_array(
        (lengths[kept], (first[kept], second[kept])), shape=(n_samples, n_samples)
    )


def _bridges(X, labels, n_parts, rng):
    """Shortest edges between parts: their two ends and their lengths."""
    ends, squares = _nearest_pairs(X, labels, n_parts, rng)
    i, j = np.triu_indices(n_parts, 1)
    if n_parts > _ALL_PAIRS:
        i, j = sparse.csgraph.minimum_spanning_tree(
            np.where(np.isfinite(squares), squares, 0)
        ).nonzero()
    a, b = ends[i, j].T
    difference = X[a].astype(np.float64) - X[b]
    return a, b, np.sqrt(np.einsum("ij,ij->i", difference, difference))


def _nearest_pairs(X, labels, n_parts, rng):
    """For parts i < j their two nearest samples and the squared distance."""
    order = np.argsort(labels, kind="stable")
    if len(X) > _BRIDGE_SAMPLES:
        # of each part its share, and at least one
        counts = np.bincount(labels)
        wanted = np.maximum(1, counts * _BRIDGE_SAMPLES // len(X))
        mixed = rng.permutation(len(X))
        mixed = mixed[np.argsort(labels[mixed], kind="stable")]
        place = np.arange(len(X)) - np.repeat(np.cumsum(counts) - counts, counts)
        order = mixed[place < np.repeat(wanted, counts)]
    starts = np.flatnonzero(np.diff(labels[order], prepend=-1))
    ends = np.append(starts[1:], len(order))
    points = X[order].astype(np.float64)
    squares = np.einsum("ij,ij->i", points, points)

    shortest = np.full((n_parts, n_parts), np.inf)
    at = np.zeros((n_parts, n_parts, 2), dtype=np.int64)
    with one_blas_thread():
        for i, (start, end) in enumerate(zip(starts, ends, strict=True)):
            if i + 1 == n_parts:
                break
            rest = slice(starts[i + 1], None)
            nearest = np.full(len(order) - rest.start, np.inf)
            of = np.zeros(len(nearest), dtype=np.int64)
            for first in range(start, end, 256):
                part = slice(first, min(first + 256, end))
                d2 = squares[part, np.newaxis] - 2 * points[part] @ points[rest].T
                best = d2.argmin(axis=0)
                value = d2[best, np.arange(d2.shape[1])]
                closer = value < nearest
                nearest[closer], of[closer] = value[closer], first + best[closer]
            nearest += squares[rest]
            for j in range(i + 1, n_parts):
                begin = starts[j] - rest.start
                k = begin + nearest[begin : ends[j] - rest.start].argmin()
                at[i, j] = of[k], rest.start + k
                shortest[i, j] = max(nearest[k], np.finfo(float).tiny)
    return order[at], shortest


def _landmark_scaling(paths, landmarks, n_components):
    """Classical scaling of the landmarks, and all samples by distances to them."""
    paths *= paths
    among = paths[:, landmarks]
    # a path may be summed up from either end, with other last bits
    among = (among + among.T) / 2
    mean = among.mean(axis=0)
    gram = -0.5 * (among - mean - mean[:, np.newaxis] + mean.mean())
    n_found = min(n_components, len(landmarks) - 1)
    values, vectors = _largest_eigenpairs(gram, n_found)
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
    """Eigenvalues in descending order, and their vectors as columns."""
    n = len(matrix)
    if n > 200 and n_pairs < n // 10:
        # a start of its own: ARPACK's would come from the global generator
        start = np.random.RandomState(0).uniform(-1, 1, n)
        values, vectors = sparse.linalg.eigsh(matrix, n_pairs, which="LA", v0=start)
    else:
        values, vectors = linalg.eigh(matrix, subset_by_index=[n - n_pairs, n - 1])
    order = np.argsort(values)[::-1]
    return values[order], vectors[:, order]
