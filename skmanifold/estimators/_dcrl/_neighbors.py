# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""Neighbors among the features."""

import numpy as np
from sklearn.decomposition import PCA

from skmanifold.graph._lists import neighbor_lists
from skmanifold.utils._threads import one_blas_thread

# Neighbors are searched in so many principal components where there are more columns.
_SEARCH_COMPONENTS = 50


def search_neighbors(rows, n_neighbors, *, raw, n_jobs, seed, exact=False, warn=None):
    """Return the nearest neighbors and their distances.

    Parameters
    ----------
    rows : ndarray of shape (n_samples, n_columns)
        Float32.
    n_neighbors : int
        Number of neighbors; fewer if there are no more other distinct samples. A sample
        with fewer than others has each of its neighbors more than once.
    raw : {ndarray, CSR} of shape (n_samples, n_features)
        The samples that `rows` were computed from, which tell which are copies.
    n_jobs : int or None
        Threads.
    seed : int
        Of the search and of the principal components.
    exact : bool, default=False
        Whether distances are those among all columns, rather than among the principal
        components that are searched.
    warn : callable or None, default=None
        Takes the messages about samples with too few neighbors.

    Returns
    -------
    neighbors, distances : ndarray of shape (n_samples, n_neighbors)
        Indices, and distances.
    """
    n_samples, n_columns = rows.shape
    searched = rows
    if min(n_columns, n_samples) > _SEARCH_COMPONENTS and np.ptp(rows, axis=0).any():
        pca = PCA(_SEARCH_COMPONENTS, svd_solver="randomized", random_state=seed)
        # the number of BLAS threads would show in the last bits
        with one_blas_thread():
            searched = pca.fit_transform(rows)
    neighbors, distances, counts = neighbor_lists(
        searched, n_neighbors, n_jobs=n_jobs, random_state=seed, raw=raw, warn=warn
    )
    slots = np.arange(neighbors.shape[1]) % counts[:, np.newaxis]
    neighbors = np.take_along_axis(neighbors, slots, axis=1)
    distances = np.take_along_axis(distances, slots, axis=1)
    if exact and searched is not rows:
        distances = np.empty(neighbors.shape)
        for i, others in enumerate(neighbors.T):
            distances[:, i] = _row_distances(rows, others)
    return neighbors, distances


def _row_distances(rows, others):
    """Return the distance of each row to another one."""
    distances = np.empty(len(rows))
    for start in range(0, len(rows), 1024):
        part = slice(start, start + 1024)
        difference = rows[part].astype(np.float64) - rows[others[part]]
        distances[part] = np.sqrt(np.einsum("ij,ij->i", difference, difference))
    return distances
