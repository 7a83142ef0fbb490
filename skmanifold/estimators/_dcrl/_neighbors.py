# SPDX-License-Identifier: BSD-3-Clause

"""Neighbors among the features."""

import math

import numpy as np
import torch

from skmanifold.base import Neighbors, find_neighbors
from skmanifold.utils import principal_components

# Maximum number of columns to search; wider features are reduced by PCA.
_SEARCH_COMPONENTS = 50

# Smallest factor of the variance of a component, so that equal ones stay equal.
_LEAST_SHARE = 0.1


def is_euclidean(metric, metric_params):
    """Return whether a metric is the Euclidean one, of any samples."""
    return isinstance(metric, str) and metric == "euclidean" and not metric_params


def denoised(data, features):
    """Return the principal components of wide features, without the variance of noise.

    Noise in many components would determine the neighbors. The largest variance of a
    component of pure noise follows from the mean variance of the other components
    (Marchenko and Pastur); it is subtracted from each.
    """
    if min(features.shape) <= _SEARCH_COMPONENTS or not np.ptp(features, axis=0).any():
        return features
    seed = data.seed("neighbors: components")
    components = principal_components(features, _SEARCH_COMPONENTS, seed)
    variances = components.var(axis=0, dtype=np.float64)
    variances = np.maximum(variances, np.finfo(np.float32).tiny)
    n_others = min(features.shape) - _SEARCH_COMPONENTS
    others = features.var(axis=0, dtype=np.float64).sum() - variances.sum()
    edge = (1.0 + math.sqrt(min(features.shape) / max(features.shape))) ** 2
    noise = min(max(others, 0.0) / n_others * edge, variances.min())
    shares = np.maximum(1.0 - noise / variances, _LEAST_SHARE)
    return components * np.sqrt(shares).astype(components.dtype)


def search_neighbors(
    data,
    features,
    searched,
    n_neighbors,
    *,
    n_jobs,
    exact=False,
    metric="euclidean",
    metric_params=None,
):
    """Return the nearest neighbors, and distances in units of the features.

    Parameters
    ----------
    data : FitData
        The training data.
    features : ndarray of shape (n_samples, n_columns)
        Float32.
    searched : {ndarray, CSR} of shape (n_samples, n_searched)
        Samples to search: the features, their components, or X.
    n_neighbors : int
        Number of neighbors; fewer if there are fewer other distinct samples. Samples
        with fewer neighbors repeat them.
    n_jobs : int or None
        Number of threads.
    exact : bool, default=False
        Whether to compute the distances from `features` instead of `searched`. Those of
        a non-Euclidean metric are scaled to the mean of these distances.
    metric : str or callable, default="euclidean"
        As in :func:`skmanifold.base.find_neighbors`.
    metric_params : dict, default=None
        Parameters of the metric.

    Returns
    -------
    Neighbors
        The neighbors, the same number for each sample.
    """
    euclidean = is_euclidean(metric, metric_params)
    neighbors = find_neighbors(
        data,
        n_neighbors,
        samples=searched,
        metric=metric,
        metric_params=metric_params,
        n_jobs=n_jobs,
    )
    n_columns = neighbors.indices.shape[1]
    slots = torch.arange(n_columns, device=data.device) % neighbors.counts.unsqueeze(1)
    indices = neighbors.indices.gather(1, slots)
    distances = neighbors.distances.gather(1, slots)
    if exact and not (euclidean and searched is features):
        others = indices.cpu().numpy().T
        exact_distances = np.stack([_row_distances(features, o) for o in others], 1)
        if not euclidean:  # proportions of the metric, in units of the features
            of_metric = distances.cpu().numpy().astype(np.float64)
            mean = of_metric.mean()
            factor = exact_distances.mean() / mean if mean else 1.0
            exact_distances = of_metric * factor
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
