# SPDX-License-Identifier: BSD-3-Clause

"""Shared parts of generators: validation, sampling, distances and the Bunch."""

import inspect
from numbers import Real

import numpy as np
from scipy.spatial.distance import cdist
from sklearn.utils import Bunch

from skmanifold.utils._sklearn import validate_params
from skmanifold.utils._validation import Count, Number

_GRID = 20_001


def validate_generator(constraints=None):
    """Return a decorator that validates common parameters and `constraints`."""
    common = {
        "n_samples": [Count(1)],
        "noise": [Number(Real, 0, None, closed="left")],
        "return_X_y": ["boolean"],
        "random_state": ["random_state"],
    }
    return validate_params(
        {**common, **(constraints or {})}, prefer_skip_nested_validation=True
    )


def sample_density(density, low, high, size, rng):
    """Sample from an unnormalized density on an interval by its inverse CDF."""
    grid = np.linspace(low, high, _GRID)
    values = density(grid)
    mass = np.concatenate([[0.0], np.cumsum(values[1:] + values[:-1])])
    return np.interp(rng.uniform(0.0, mass[-1], size), mass, grid)


def sample_rectangle(density, bound, box, size, rng):
    """Sample from an unnormalized density on a rectangle by rejection."""
    (low_u, high_u), (low_v, high_v) = box
    accepted = np.empty((0, 2))
    while len(accepted) < size:
        u = rng.uniform(low_u, high_u, size)
        v = rng.uniform(low_v, high_v, size)
        kept = rng.uniform(0.0, bound, size) < density(u, v)
        accepted = np.concatenate([accepted, np.column_stack([u, v])[kept]])
    return accepted[:size].T


def _check_samples(samples, name):
    """Return sample indices as an index of arrays; None means all."""
    if samples is None or isinstance(samples, slice):
        return samples or slice(None)
    samples = np.asarray(samples)
    if samples.ndim != 1 or (samples.size and samples.dtype.kind not in "iub"):
        raise ValueError(
            f"{name}={samples!r} must be None or a list of sample indices, such as [0]."
        )
    return samples if samples.size else samples.astype(np.int64)


class Geodesics:
    """Exact distances along a manifold between its samples.

    `distance` maps the coordinates of n and of m samples to distances of shape (n, m).
    With `parts`, the component 0, 1, ... of each sample, it is one callable per
    component; distances between components are infinite.
    """

    def __init__(self, coordinates, distance, parts=None):
        self.coordinates = coordinates
        self.distance = distance
        self.parts = parts

    def __call__(self, rows=None, columns=None):
        """Return the lengths of shortest paths between samples; None means all."""
        rows = _check_samples(rows, "rows")
        columns = _check_samples(columns, "columns")
        A, B = self.coordinates[rows], self.coordinates[columns]
        if self.parts is None:
            return self.distance(A, B)
        distances = np.full((len(A), len(B)), np.inf)
        for part, distance in enumerate(self.distance):
            a = np.flatnonzero(self.parts[rows] == part)
            b = np.flatnonzero(self.parts[columns] == part)
            distances[np.ix_(a, b)] = distance(A[a], B[b])
        return distances


class FlatDistance:
    """Distances on a product of lines and circles; `periods` are infinite for lines."""

    def __init__(self, *periods):
        self.periods = periods

    def __call__(self, A, B):
        squares = np.zeros((len(A), len(B)))
        for a, b, period in zip(A.T, B.T, self.periods, strict=True):
            difference = np.abs(a[:, np.newaxis] - b)
            squares += np.minimum(difference, period - difference) ** 2
        return np.sqrt(squares)


class SphereDistance:
    """Distances on a sphere, or angles between lines through points of the unit one."""

    def __init__(self, to_sphere, *, radius=1.0, projective=False):
        self.to_sphere = to_sphere
        self.radius = radius
        self.projective = projective

    def __call__(self, A, B):
        chords = cdist(self.to_sphere(A), self.to_sphere(B))
        angles = 2.0 * np.arcsin(np.minimum(chords / 2.0, 1.0))
        if self.projective:
            return np.minimum(angles, np.pi - angles)
        return self.radius * angles


def make_bunch(
    maker,
    betti_numbers,
    data,
    coordinates,
    target,
    distance=None,
    *,
    parts=None,
    intrinsic_dimension=None,
):
    """Return the Bunch of a generator, without noise.

    Betti numbers without torsion are those over Z/2 and Z/3. The dimension is the
    number of coordinates unless given.
    """
    if isinstance(betti_numbers, tuple):
        betti_numbers = {2: betti_numbers, 3: betti_numbers}
    known = distance is not None
    return Bunch(
        data=data,
        coordinates=coordinates,
        target=target,
        betti_numbers=betti_numbers,
        intrinsic_dimension=intrinsic_dimension or coordinates.shape[1],
        geodesic_distances=Geodesics(coordinates, distance, parts) if known else None,
        feature_names=[f"x{i}" for i in range(data.shape[1])],
        DESCR=inspect.getdoc(maker) or "",
    )


def finish(bunch, noise, rng, return_X_y):
    """Add the noise; return the Bunch, or its data and target."""
    if noise:
        bunch.data = bunch.data + rng.normal(scale=noise, size=bunch.data.shape)
    return (bunch.data, bunch.target) if return_X_y else bunch
