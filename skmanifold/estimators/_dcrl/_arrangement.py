# SPDX-License-Identifier: BSD-3-Clause

"""Clusters at given distances: initial centers, and shifts of trained clusters."""

import numpy as np
import torch
from scipy.spatial.distance import cdist
from torch import nn

from skmanifold.losses import full_precision
from skmanifold.utils import one_blas_thread

from ._clusters import cluster_sums, soft_assignments

# Exponent of the soft assignments that weight the shifts: samples of a cluster get
# nearly the same shift.
_SHARPNESS = 4

# Largest error of a distance, relative to the mean. With too few components no points
# have these distances.
_EXACT = 1e-6

# Maximum number of iterations: shifts change assignments, and these change the means.
_MOST_ROUNDS = 20

# Coordinate of the centers of clusters that do not exist.
_NOWHERE = 1e9


class Arrangement(nn.Module):
    """Shifts of clusters; a sample between two gets a weighted mean of both."""

    def __init__(self, n_clusters, n_components):
        super().__init__()
        shape = n_clusters, n_components
        self.register_buffer("centers", torch.full(shape, _NOWHERE))
        self.register_buffer("shifts", torch.zeros(shape))

    @full_precision
    def forward(self, z):
        """Map (n, n_components) to (n, n_components)."""
        d2 = (z.unsqueeze(1) - self.centers).square().sum(2)
        # relative to the nearest center, without underflow far from all
        kernel = (1 + d2.amin(1, keepdim=True)) / (1 + d2)
        kernel = kernel.square().square()  # to the power of _SHARPNESS
        shares = kernel / kernel.sum(1, keepdim=True)
        return z + (shares.unsqueeze(2) * self.shifts).sum(1)

    def set(self, centers, shifts):
        """Set the centers and the shifts of the existing clusters, (C, d)."""
        self.centers.fill_(_NOWHERE)
        self.shifts.zero_()
        for buffer, values in ((self.centers, centers), (self.shifts, shifts)):
            buffer[: len(values)] = torch.from_numpy(values).to(buffer)


def distances_between(points):
    """Return the pairwise distances of points, float64."""
    points = np.asarray(points, dtype=np.float64)
    return cdist(points, points)


def arranged(distances, targets):
    """Return points with nearly these distances, rotated toward targets, float64.

    By classical scaling and the orthogonal Procrustes problem.
    """
    n_points, n_components = targets.shape
    origin = targets.mean(axis=0, dtype=np.float64)
    squares = distances.astype(np.float64) ** 2
    squares -= squares.mean(axis=0)
    squares -= squares.mean(axis=1, keepdims=True)
    points = np.zeros((n_points, n_components))
    # the last bits depend on the number of BLAS threads
    with one_blas_thread():
        values, vectors = np.linalg.eigh(-squares / 2)
        largest = np.argsort(-values, kind="stable")[:n_components]
        points[:, : len(largest)] = vectors[:, largest] * np.sqrt(
            np.maximum(values[largest], 0.0)
        )
        left, _, right = np.linalg.svd(points.T @ (targets - origin))
    return points @ (left @ right) + origin


def arrangement(codes, centers, labels, distances_of):
    """Find shifts of clusters that put their means at exact distances.

    Parameters
    ----------
    codes : ndarray of shape (n_samples, n_components)
        Latent points.
    centers : ndarray of shape (n_clusters, n_components)
        Centers.
    labels : ndarray of shape (n_samples,)
        Clusters before the shifts.
    distances_of : callable
        ``distances_of(labels)`` returns the distances that the means of these clusters
        should have, up to one factor.

    Returns
    -------
    before, after : ndarray of shape (n_clusters, n_components)
        Means of the clusters before and after the shifts.
    shifts : ndarray of shape (n_clusters, n_components)
        The shifts; zero if no points have these distances.
    """
    n_clusters = len(centers)
    codes, centers = codes.astype(np.float64), centers.astype(np.float64)
    none = np.zeros_like(centers)
    for _ in range(_MOST_ROUNDS):
        sizes = np.bincount(labels, minlength=n_clusters)
        full = np.flatnonzero(sizes)
        means = centers.copy()
        of_each = sizes[full, np.newaxis]
        means[full] = cluster_sums(codes, labels, n_clusters)[full] / of_each
        wanted = distances_of(labels)[np.ix_(full, full)]
        if wanted.any():
            current = distances_between(means[full])
            wanted *= np.sum(current * wanted) / np.sum(wanted**2)
        goals = arranged(wanted, means[full])
        error = np.abs(distances_between(goals) - wanted).max()
        if error > _EXACT * wanted.mean():
            return centers, centers, none
        shares = soft_assignments(codes, means) ** _SHARPNESS
        shares /= shares.sum(axis=1, keepdims=True)
        shared = cluster_sums(shares, labels, n_clusters)[full][:, full]
        shifts = none.copy()
        with one_blas_thread():
            shifts[full] = np.linalg.solve(shared / of_each, goals - means[full])
            moved = codes + shares @ shifts
        after = means + shifts
        after[full] = goals
        previous, labels = labels, soft_assignments(moved, after).argmax(axis=1)
        if np.array_equal(labels, previous):
            break
    return means, after, shifts
