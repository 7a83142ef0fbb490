# SPDX-License-Identifier: BSD-3-Clause

"""Distances of samples from the training data."""

import numpy as np
import torch
from scipy import sparse
from sklearn.utils import gen_batches
from torch import nn
from torch.nn import functional as F

from skmanifold.utils._threads import one_thread

# Maximum number of centers and of their entries, and minimum number of samples of each.
_MOST_CENTERS = 256
_MOST_NUMBERS = 2**17
_SAMPLES_OF_CENTER = 4

# Maximum number of samples, and of their entries, to compute centers from.
_MOST_SAMPLES = 5000
_MOST_ENTRIES = 2**24

# Entries scaled at a time.
_BLOCK_ENTRIES = 2**20

# Iterations of k-means; more have almost no effect.
_N_ITERATIONS = 5

# Weight of the typical distance in the mean distance of a center, in samples.
_SHRINKAGE = 3


class DistanceToCenters(nn.Module):
    """Distance to the nearest center, relative to the distances of its samples.

    ``project`` maps scaled samples to inputs; for ``centers`` see :func:`centers_of`.
    """

    def __init__(self, project, scaler, centers):
        super().__init__()
        self.project = project
        self.spread = scaler.spread_
        self.reduces = scaler.basis_ is not None
        points = torch.from_numpy(centers["points"])
        self.register_buffer("points", points)
        self.register_buffer("squares", points.double().square().sum(1).float())
        self.register_buffer("units", torch.from_numpy(_units(centers)))

    def forward(self, x):
        """Map scaled samples (n, n_features) to distances (n, 1)."""
        z = self.project(x)
        squares = z.square().sum(1, keepdim=True)
        d2 = squares + F.linear(z, -2 * self.points, self.squares)
        if self.reduces:
            whole = x.square().sum(1, keepdim=True) / self.spread**2
            d2 = d2 + (whole - squares).clamp_min(0)
        distances = d2.clamp_min(0).sqrt() / self.units
        return distances.amin(1, keepdim=True)


def _units(centers):
    """Return the unit of the distances to each center, float32.

    The geometric mean of the mean distance of its samples and of the typical one: a
    compromise, so that neither sparse regions nor borders of dense ones are novel.
    """
    counts, distances = centers["counts"], centers["distances"]
    typical = centers["unit"]
    own = (counts * distances + _SHRINKAGE * typical) / (counts + _SHRINKAGE)
    return np.sqrt(own * typical).astype(np.float32)


def centers_of(samples, inputs, scaler, seed, previous=None):
    """Return centers of the training samples without outliers, by k-means.

    ``inputs`` are the scaled and reduced samples, ``previous`` the centers of earlier
    parts of the data. Returns a dict of "points" (n_centers, n_inputs), "counts" and
    mean "distances" of their samples, and the typical distance, "unit".
    """
    rng = np.random.RandomState(seed)
    kept = np.ones(len(inputs), dtype=bool)
    kept[scaler.outliers_[:, 0]] = False
    kept = np.flatnonzero(kept)
    most = min(_MOST_SAMPLES, max(500, _MOST_ENTRIES // samples.shape[1]))
    share = 1.0
    if len(kept) > most:
        share = len(kept) / most
        kept = np.sort(rng.choice(kept, most, replace=False))
    points = inputs[torch.from_numpy(kept).to(inputs.device)].cpu().numpy()
    apart = np.zeros(len(points))
    if scaler.basis_ is not None:
        # squared distance removed by PCA, in units of the inputs
        whole = [
            _squares(scaler.transform(samples[kept[block]]))
            for block in gen_batches(
                len(kept), max(1, _BLOCK_ENTRIES // samples.shape[1])
            )
        ]
        apart = np.concatenate(whole) / scaler.spread_**2 - _squares(points)
        apart = np.maximum(apart, 0.0)
    counts = np.full(len(points), share)
    if previous is not None:
        points = np.concatenate([previous["points"], points])
        apart = np.concatenate([np.square(previous["distances"]), apart])
        counts = np.concatenate([previous["counts"], counts])
    n_centers = min(
        _MOST_CENTERS,
        max(1, len(points) // _SAMPLES_OF_CENTER),
        max(1, _MOST_NUMBERS // points.shape[1]),
    )
    with one_thread():  # the last bits depend on the number of threads
        centers, nearest = _kmeans(points, counts, n_centers, rng)
    distances = np.sqrt(_squares(points - centers[nearest]) + apart)
    sizes = np.bincount(nearest, weights=counts, minlength=len(centers))
    sums = np.bincount(nearest, weights=counts * distances, minlength=len(centers))
    used = sizes > 0
    distances = sums[used] / sizes[used]
    return {
        "points": centers[used],
        "counts": sizes[used],
        "distances": distances,
        "unit": _typical(centers[used], sizes[used], distances),
    }


def _kmeans(points, counts, n_centers, rng):
    """Run some iterations of k-means from random distinct points."""
    numbers = points.astype(np.float64) @ rng.standard_normal(points.shape[1])
    _, distinct = np.unique(numbers, return_index=True)
    n_centers = min(n_centers, len(distinct))
    centers = points[np.sort(rng.choice(distinct, n_centers, replace=False))]
    nearest = _nearest(points, centers)
    for _ in range(_N_ITERATIONS):
        members = sparse.csr_array(
            (counts, (nearest, np.arange(len(points)))), (n_centers, len(points))
        )
        sizes = np.maximum(members.sum(axis=1), np.finfo(float).tiny)[:, np.newaxis]
        means = (members @ points.astype(np.float64)) / sizes
        centers = np.where(np.diff(members.indptr)[:, np.newaxis], means, centers)
        centers = centers.astype(np.float32)
        nearest = _nearest(points, centers)
    return centers, nearest


def _nearest(points, centers):
    d2 = np.square(centers).sum(axis=1) - 2 * (points @ centers.T)
    return d2.argmin(axis=1)


def _squares(rows):
    rows = rows.astype(np.float64)
    return np.einsum("ij,ij->i", rows, rows)


def _typical(centers, counts, distances):
    """Return the mean distance from a center; between centers if that is zero."""
    typical = float(np.average(distances, weights=counts))
    if typical > 0.0 or len(centers) < 2:
        return typical or 1.0
    # the second nearest, since each center is nearest to itself
    nearest = [np.partition(_squares(centers - center), 1)[1] for center in centers]
    return float(np.sqrt(nearest).mean())
