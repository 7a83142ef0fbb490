# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""What all generators share: sampling by area, distances and the returned Bunch."""

import inspect
from numbers import Integral, Real

import numpy as np
from scipy.spatial.distance import cdist
from sklearn.utils import Bunch, check_random_state

_GRID = 20_001


def check_common(n_samples, noise, random_state):
    """Validate what every generator takes and return the random number generator."""
    if not isinstance(n_samples, Integral) or isinstance(n_samples, (bool, np.bool_)):
        raise TypeError(f"n_samples must be an int, got {n_samples!r}.")
    if n_samples < 1:
        raise ValueError(f"n_samples must be at least 1, got {n_samples}.")
    check_positive(noise, "noise", zero=True)
    return check_random_state(random_state)


def check_positive(value, name, *, zero=False):
    """Validate a finite length."""
    bound = "not negative" if zero else "positive"
    if not isinstance(value, Real) or isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be a number, got {value!r}.")
    if not np.isfinite(value) or value < 0 or (value == 0 and not zero):
        raise ValueError(f"{name} must be finite and {bound}, got {value!r}.")


def check_dimension(dimension):
    """Validate an intrinsic dimension."""
    if not isinstance(dimension, Integral) or isinstance(dimension, (bool, np.bool_)):
        raise TypeError(f"dimension must be an int, got {dimension!r}.")
    if dimension < 1:
        raise ValueError(f"dimension must be at least 1, got {dimension}.")


def sample_density(density, low, high, size, rng):
    """Draw from a density on an interval, known up to a factor, by its inverse CDF."""
    grid = np.linspace(low, high, _GRID)
    values = density(grid)
    mass = np.concatenate([[0.0], np.cumsum(values[1:] + values[:-1])])
    return np.interp(rng.uniform(0.0, mass[-1], size), mass, grid)


def sample_rectangle(density, bound, box, size, rng):
    """Draw from a density on a rectangle, known up to a factor, by rejection."""
    (low_u, high_u), (low_v, high_v) = box
    accepted = np.empty((0, 2))
    while len(accepted) < size:
        u = rng.uniform(low_u, high_u, size)
        v = rng.uniform(low_v, high_v, size)
        kept = rng.uniform(0.0, bound, size) < density(u, v)
        accepted = np.concatenate([accepted, np.column_stack([u, v])[kept]])
    return accepted[:size].T


def _which(samples, name):
    """Validate a choice of samples."""
    if samples is None:
        return slice(None)
    if isinstance(samples, slice):
        return samples
    samples = np.asarray(samples)
    if samples.ndim != 1 or (samples.size and samples.dtype.kind not in "iub"):
        raise ValueError(
            f"{name} must be None or a list of numbers of samples, got {samples!r}."
            f" Pass {name}=[i] for a single one."
        )
    return samples if samples.size else samples.astype(np.int64)


class Geodesics:
    """Exact distances along a manifold between its samples.

    Parameters
    ----------
    coordinates : ndarray of shape (n_samples, n_coordinates)
        Where the samples are.

    distance : callable or sequence of callables
        Distances of shape (n, m) from coordinates of n and of m samples; with `parts`,
        one for each part.

    parts : ndarray of shape (n_samples,), default=None
        Parts 0, 1, ... of the manifold, which are infinitely far from each other.
    """

    def __init__(self, coordinates, distance, parts=None):
        self.coordinates = coordinates
        self.distance = distance
        self.parts = parts

    def __call__(self, rows=None, columns=None):
        """Compute distances between samples.

        Parameters
        ----------
        rows, columns : array-like of int, default=None
            The samples; None means all.

        Returns
        -------
        distances : ndarray of shape (n_rows, n_columns)
            The lengths of the shortest paths along the manifold.
        """
        rows, columns = _which(rows, "rows"), _which(columns, "columns")
        A, B = self.coordinates[rows], self.coordinates[columns]
        if self.parts is None:
            return self.distance(A, B)
        distances = np.full((len(A), len(B)), np.inf)
        for part, distance in enumerate(self.distance):
            a = np.flatnonzero(self.parts[rows] == part)
            b = np.flatnonzero(self.parts[columns] == part)
            distances[np.ix_(a, b)] = distance(A[a], B[b])
        return distances


class NoGeodesics:
    """What stands for exact distances where there are none; false in a condition.

    Parameters
    ----------
    maker : str
        The function that returned the samples.

    reason : str
        Why there are none, to complete the sentence "... are not known: ...".
    """

    def __init__(self, maker, reason):
        self.maker = maker
        self.reason = reason

    def __bool__(self):
        return False

    def __call__(self, rows=None, columns=None):
        """Refuse to compute distances.

        Parameters
        ----------
        rows, columns : array-like of int, default=None
            The samples.

        Raises
        ------
        ValueError
            Always.
        """
        raise ValueError(
            f"The exact distances of {self.maker} are not known: {self.reason}."
            " Approximate them by shortest paths between neighbours, as"
            " sklearn.manifold.Isomap does, or compare embeddings with"
            " skmanifold.metrics.distance_correlation(X, Z, distances='geodesic')."
        )


class FlatDistance:
    """Distance on a product of lines and circles; `periods` are infinite for lines."""

    def __init__(self, *periods):
        self.periods = periods

    def __call__(self, A, B):
        squares = np.zeros((len(A), len(B)))
        for a, b, period in zip(A.T, B.T, self.periods, strict=True):
            apart = np.abs(a[:, np.newaxis] - b)
            squares += np.minimum(apart, period - apart) ** 2
        return np.sqrt(squares)


class SphereDistance:
    """Distance on a sphere, or angle between lines through points of the unit one."""

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
    data,
    coordinates,
    target,
    *,
    noise,
    rng,
    betti_numbers,
    intrinsic_dimension,
    distance=None,
    parts=None,
    no_distance="they have no closed form",
    return_X_y,
):
    """Add the noise and return what every generator returns."""
    if noise:
        data = data + rng.normal(scale=noise, size=data.shape)
    if return_X_y:
        return data, target
    if distance is None:
        geodesics = NoGeodesics(maker.__name__, no_distance)
    else:
        geodesics = Geodesics(coordinates, distance, parts)
    return Bunch(
        data=data,
        coordinates=coordinates,
        target=target,
        betti_numbers=betti_numbers,
        intrinsic_dimension=intrinsic_dimension,
        geodesic_distances=geodesics,
        feature_names=[f"x{i}" for i in range(data.shape[1])],
        DESCR=inspect.getdoc(maker) or "",
    )


def over_all_fields(*betti_numbers):
    """Betti numbers of a space without torsion."""
    return {2: betti_numbers, 3: betti_numbers}
