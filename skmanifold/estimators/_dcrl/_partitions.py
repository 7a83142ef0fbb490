# SPDX-License-Identifier: BSD-3-Clause

"""The best combination of several partitions into clusters."""

import numpy as np
from scipy import sparse
from sklearn.metrics import pairwise_distances_argmin

# Maximum number of cells, besides the largest one of each cluster; the cost of a search
# is quadratic.
_MOST_CELLS = 2000

# Maximum number of passes over the cells.
_MOST_ROUNDS = 50

# Smallest gain of a move, so that rounding errors do not repeat moves.
_LEAST_GAIN = 1e-12


def combine_partitions(partitions, neighbors):
    """Combine partitions into the one of largest modularity in the graph of neighbors.

    Samples that are together in all partitions form a cell. From each partition, cells
    move to other clusters as long as the modularity grows; no cluster becomes smaller
    than the smallest one was.

    Parameters
    ----------
    partitions : ndarray of shape (n_partitions, n_samples), int
        Labels, from 0 without gaps.
    neighbors : ndarray of shape (n_samples, n_neighbors)
        Indices of the neighbors.

    Returns
    -------
    ndarray of shape (n_samples,), int64
        Labels, from 0 without gaps.
    """
    cells, cell_labels = cells_of(partitions)
    links = links_between(cells, neighbors, len(cell_labels))
    # cells are few: different partitions may be equal for them
    starts = np.unique(cell_labels.T, axis=0)
    ends = [improved(labels, links) for labels in starts]
    best = max(ends, key=lambda labels: modularity_of(labels, links))
    return np.unique(best[cells], return_inverse=True)[1].astype(np.int64)


def purities(labels, neighbors):
    """Return the fraction of neighbors in the same cluster, of each cluster.

    Of a cluster of m samples only the m - 1 nearest neighbors of each are expected
    there. Unlike the modularity, it does not favor clusters of equal sizes.
    """
    expected = np.minimum(np.bincount(labels)[labels] - 1, neighbors.shape[1])
    counts = np.arange(neighbors.shape[1]) < expected[:, np.newaxis]
    inside = counts & (labels[neighbors] == labels[:, np.newaxis])
    n_inside, n_expected = (
        np.bincount(labels, part.sum(axis=1)) for part in (inside, counts)
    )
    return np.divide(
        n_inside, n_expected, out=np.ones(len(n_inside)), where=n_expected > 0
    )


def cells_of(partitions):
    """Return the cell of each sample, and the labels (n_cells, n_partitions) of cells.

    A rare combination of labels joins the cell that shares most of them, unless it is
    the most frequent one of a cluster: every cluster keeps a cell.
    """
    n_samples = partitions.shape[1]
    labels, cells, sizes = np.unique(
        partitions.T, axis=0, return_inverse=True, return_counts=True
    )
    # in random order if their size is equal: they are sorted by their labels
    order = np.random.RandomState(0).permutation(len(sizes))
    by_size = np.lexsort((order, -sizes))
    large = sizes >= n_samples / _MOST_CELLS
    if sizes[large].sum() < n_samples / 2:  # partitions disagree
        large[by_size[:_MOST_CELLS]] = True
    for column in labels.T:
        _, first = np.unique(column[by_size], return_index=True)
        large[by_size[first]] = True
    joined = np.cumsum(large) - 1
    if not large.all():
        joined[~large] = pairwise_distances_argmin(
            labels[~large], labels[large], metric="hamming"
        )
    return joined[cells.ravel()], labels[large]


def links_between(cells, neighbors, n_cells):
    """Return the share of edges between each two cells, symmetric, (n_cells,) * 2."""
    ends = np.repeat(cells, neighbors.shape[1]), cells[neighbors.ravel()]
    counts = sparse.coo_array((np.ones(neighbors.size), ends), shape=(n_cells,) * 2)
    links = counts.toarray()
    return (links + links.T) / (2 * neighbors.size)


def modularity_of(labels, links):
    """Return the modularity of a partition of cells."""
    members = np.eye(labels.max() + 1)[labels]
    within = np.sum((links @ members) * members)
    return within - np.sum((links.sum(axis=1) @ members) ** 2)


def improved(labels, links):
    """Move cells between clusters until no move increases the modularity."""
    labels = labels.copy()
    members = np.eye(labels.max() + 1)[labels]
    degrees, own = links.sum(axis=1), links.diagonal()
    to_clusters, volumes = links @ members, degrees @ members
    least = volumes.min() - _LEAST_GAIN
    for _ in range(_MOST_ROUNDS):
        moved = False
        for cell, degree in enumerate(degrees):
            current = labels[cell]
            if volumes[current] - degree < least:
                continue
            gains = to_clusters[cell] - degree * volumes
            # without the cell itself
            gains[current] -= own[cell] - degree * degree
            best = gains.argmax()
            if gains[best] > gains[current] + _LEAST_GAIN:
                labels[cell] = best
                column = links[:, cell]
                to_clusters[:, current] -= column
                to_clusters[:, best] += column
                volumes[current] -= degree
                volumes[best] += degree
                moved = True
        if not moved:
            break
    return labels
