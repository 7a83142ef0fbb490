# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""Neighbors among the features."""

import numpy as np
import torch

from skmanifold.base import Neighbors, find_neighbors
from skmanifold.utils import principal_components

# Wider features are reduced to so many principal components for the search.
_SEARCH_COMPONENTS = 50


def search_neighbors(data, features, n_neighbors, *, n_jobs, exact=False):
    """Return the nearest neighbors among the features.

    Parameters
    ----------
    data : FitData
        The training data.
    features : ndarray of shape (n_samples, n_columns)
        Float32.
    n_neighbors : int
        Number of neighbors; fewer if there are fewer other distinct samples. Samples
        with fewer neighbors repeat them.
    n_jobs : int or None
        Number of threads.
    exact : bool, default=False
        Whether to compute the distances from all columns, rather than from the
        principal components that are searched.

    Returns
    -------
    Neighbors
        The neighbors, the same number for each sample.
    """
    searched = features
    if min(features.shape) > _SEARCH_COMPONENTS and np.ptp(features, axis=0).any():
        seed = data.seed("neighbors: components")
        searched = principal_components(features, _SEARCH_COMPONENTS, seed)
    neighbors = find_neighbors(data, n_neighbors, samples=searched, n_jobs=n_jobs)
    n_columns = neighbors.indices.shape[1]
    slots = torch.arange(n_columns, device=data.device) % neighbors.counts.unsqueeze(1)
    indices = neighbors.indices.gather(1, slots)
    distances = neighbors.distances.gather(1, slots)
    if exact and searched is not features:
        others = indices.cpu().numpy().T
        exact_distances = np.stack([_row_distances(features, o) for o in others], 1)
        distances = torch.from_numpy(exact_distances).to(distances)
    return Neighbors(indices, distances, torch.full_like(neighbors.counts, n_columns))


def _row_distances(rows, others):
    """Return the distance of each sample to one other sample."""
    distances = np.empty(len(rows))
    for start in range(0, len(rows), 1024):
        part = slice(start, start + 1024)
        difference = rows[part].astype(np.float64) - rows[others[part]]
        distances[part] = np.sqrt(np.einsum("ij,ij->i", difference, difference))
    return distances
