# SPDX-License-Identifier: BSD-3-Clause

"""Clusters of different dimensions."""

from math import pi

import numpy as np
from sklearn.utils import check_random_state

from skmanifold.datasets._base import (
    FlatDistance,
    SphereDistance,
    finish,
    make_bunch,
    validate_generator,
)
from skmanifold.datasets._spheres import angles_to_sphere, sphere_to_angles


@validate_generator()
def make_nested_clusters(
    n_samples=1000, *, noise=0.0, return_X_y=False, random_state=None
):
    """Make clusters of different dimensions inside one another.

    A solid ball of radius 0.5, a circle of radius 1.5 around it and a sphere of radius
    3 around both. They share their center, so neither means nor linear maps separate
    them.

    Parameters
    ----------
    n_samples : int, default=1000
        Number of samples.
    noise : float, default=0.0
        Standard deviation of the Gaussian noise in every feature.
    return_X_y : bool, default=False
        Return the tuple (data, target) instead.
    random_state : int, RandomState instance or None, default=None
        Seed of the samples and the noise.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch` or tuple
        The :ref:`keys of all generators <manifold_bunch>`, among them data of shape
        (n_samples, 3); coordinates of the same shape: those of the ball, arc length of
        the circle, two angles of the sphere; target: 0 in the ball, 1 on the circle, 2
        on the sphere; intrinsic_dimension (3, 1, 2). Distances between clusters are
        infinite.

    Examples
    --------
    >>> from skmanifold.datasets import make_nested_clusters
    >>> clusters = make_nested_clusters(300, random_state=0)
    >>> clusters.intrinsic_dimension, clusters.betti_numbers[2]
    ((3, 1, 2), (3, 1, 1))
    """
    rng = check_random_state(random_state)
    target = rng.permutation(np.arange(n_samples) % 3)
    data, coordinates = np.zeros((2, n_samples, 3))

    ball = np.flatnonzero(target == 0)
    points = rng.normal(size=(len(ball), 3))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    # The volume within a radius grows with its cube.
    points *= 0.5 * np.cbrt(rng.uniform(size=(len(ball), 1)))
    data[ball] = coordinates[ball] = points

    circle = np.flatnonzero(target == 1)
    t = rng.uniform(0.0, 2.0 * pi, len(circle))
    data[circle, 0], data[circle, 1] = 1.5 * np.cos(t), 1.5 * np.sin(t)
    coordinates[circle, 0] = 1.5 * t

    sphere = np.flatnonzero(target == 2)
    points = rng.normal(size=(len(sphere), 3))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    data[sphere] = 3.0 * points
    coordinates[sphere, :2] = sphere_to_angles(points)

    distance = [
        FlatDistance(np.inf, np.inf, np.inf),
        FlatDistance(2.0 * pi * 1.5, np.inf, np.inf),
        SphereDistance(angles_to_sphere, radius=3.0),
    ]
    bunch = make_bunch(
        make_nested_clusters,
        (3, 1, 1),
        data,
        coordinates,
        target,
        distance,
        parts=target,
        intrinsic_dimension=(3, 1, 2),
    )
    return finish(bunch, noise, rng, return_X_y)
