# SPDX-License-Identifier: BSD-3-Clause
"""Features of samples given by distances to some others."""

import numpy as np
from scipy import sparse

# Distance between disconnected components, relative to the largest path length.
_BETWEEN_PARTS = 2.0
# Entries in a block of sums.
_BLOCK = 2**21


def landmark_paths(D, n_landmarks):
    """Return path lengths to distant landmarks, (n_samples, n_landmarks).

    D has the distances of some pairs, as CSR. Disconnected parts are twice as far apart
    as the longest path. There may be fewer landmarks.
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
    """Return path lengths from new samples to landmarks, (n_rows, n_landmarks).

    D has their distances to all or, as CSR, to some of the samples of the paths from
    :func:`landmark_paths`. Each result is independent of the other new samples, and at
    most the longest path, as for a sample without distances.
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
