# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause
"""Features of samples given by distances to some others."""

import numpy as np
from scipy import sparse

# Distance between disconnected components, relative to the largest path length.
_BETWEEN_PARTS = 2.0
# Entries in a block of sums.
_BLOCK = 2**21


def landmark_paths(D, n_landmarks):
    """Find the shortest paths from landmarks that lie far apart.

    Parameters
    ----------
    D : CSR of shape (n_samples, n_samples)
        Distances of some pairs.
    n_landmarks : int
        Maximum number of landmarks.

    Returns
    -------
    ndarray of shape (n_samples, n_landmarks)
        Path lengths; twice the largest between parts that are not connected.

    See Also
    --------
    distances_to_landmarks : Compute paths from new samples.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy import sparse
    >>> from skmanifold.graph import landmark_paths
    >>> D = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 2.0], [0.0, 2.0, 0.0]])
    >>> landmark_paths(sparse.csr_array(D), 1)
    array([[1.],
           [0.],
           [2.]])
    """
    n_samples = D.shape[0]
    graph = sparse.csr_array(D, dtype=np.float64, copy=True)
    largest = graph.data.max(initial=0.0)
    # duplicates are near, not absent
    graph.data = np.maximum(graph.data, 1e-12 * largest)
    _, labels = sparse.csgraph.connected_components(graph, directed=False)
    sizes = np.bincount(labels)
    degrees = np.diff(graph.indptr)
    n_landmarks = min(n_landmarks, n_samples)

    def paths_from(landmark):
        return sparse.csgraph.dijkstra(graph, directed=False, indices=int(landmark))

    # one per large component, then always the farthest from all so far
    paths = []
    for part in np.argsort(-sizes, kind="stable")[: max(1, n_landmarks // 2)]:
        members = np.flatnonzero(labels == part)
        if len(members) == 1 and paths:
            break
        paths.append(paths_from(members[degrees[members].argmax()]))
    nearest = np.min(paths, axis=0)
    nearest[~np.isfinite(nearest)] = -1.0
    while len(paths) < n_landmarks and nearest.max() > 0:
        paths.append(paths_from(nearest.argmax()))
        nearest = np.minimum(nearest, paths[-1])
    paths = np.stack(paths, axis=1)
    finite = np.isfinite(paths)
    paths[~finite] = _BETWEEN_PARTS * paths[finite].max(initial=0.0)
    return paths


def distances_to_landmarks(D, paths):
    """Compute path lengths from new samples to landmarks.

    Parameters
    ----------
    D : {ndarray, CSR} of shape (n_rows, n_samples)
        Distances to all or some of the samples.
    paths : ndarray of shape (n_samples, n_landmarks)
        Result of :func:`landmark_paths`.

    Returns
    -------
    ndarray of shape (n_rows, n_landmarks)
        Path lengths, each independent of the other new samples; at most the largest of
        `paths`, as for a sample without distances.

    See Also
    --------
    landmark_paths : Find landmarks.

    Examples
    --------
    >>> import numpy as np
    >>> from skmanifold.graph import distances_to_landmarks
    >>> paths = np.array([[1.0], [0.0], [2.0]])
    >>> distances_to_landmarks(np.array([[0.5, 3.0, 5.0]]), paths)
    array([[1.5]])
    """
    n_rows = D.shape[0]
    lengths = np.full((n_rows, paths.shape[1]), paths.max(initial=0.0))
    if not sparse.issparse(D):
        for i, row in enumerate(D):
            nearest = (row[:, np.newaxis] + paths).min(axis=0)
            lengths[i] = np.minimum(lengths[i], nearest)
        return lengths
    step = max(1, _BLOCK * n_rows // (paths.shape[1] * max(1, D.nnz)))
    for start in range(0, n_rows, step):
        part = D[start : start + step]
        rows = np.flatnonzero(np.diff(part.indptr))
        if len(rows):
            sums = part.data[:, np.newaxis] + paths[part.indices]
            least = np.minimum.reduceat(sums, part.indptr[rows], axis=0)
            lengths[start + rows] = np.minimum(lengths[start + rows], least)
    return lengths
