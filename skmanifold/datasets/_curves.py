# SPDX-License-Identifier: BSD-3-Clause

"""Closed curves."""

from math import pi

import numpy as np
from sklearn.utils import check_random_state

from skmanifold.datasets._base import (
    FlatDistance,
    finish,
    make_bunch,
    validate_generator,
)

# The length of the trefoil is then exact to nine digits.
_TREFOIL_GRID = 20_001


@validate_generator()
def make_circle(n_samples=1000, *, noise=0.0, return_X_y=False, random_state=None):
    """Make a unit circle.

    :math:`(\\cos t, \\sin t)`.

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
        (n_samples, 2), and as coordinates and target the angle t, from 0 to 2 pi.

    Examples
    --------
    >>> from skmanifold.datasets import make_circle
    >>> make_circle(100, random_state=0).betti_numbers[2]
    (1, 1)
    """
    rng = check_random_state(random_state)
    t = rng.uniform(0.0, 2.0 * pi, n_samples)
    data = np.column_stack([np.cos(t), np.sin(t)])
    distance = FlatDistance(2.0 * pi)
    bunch = make_bunch(make_circle, (1, 1), data, t[:, np.newaxis], t, distance)
    return finish(bunch, noise, rng, return_X_y)


@validate_generator()
def make_trefoil(n_samples=1000, *, noise=0.0, return_X_y=False, random_state=None):
    """Make a trefoil, the simplest knot.

    .. math::

        x_1 &= \\sin t + 2 \\sin 2t \\\\
        x_2 &= \\cos t - 2 \\cos 2t \\\\
        x_3 &= -\\sin 3t

    Samples are uniform by length. This circle cannot be unknotted in three dimensions.

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
        (n_samples, 3), the arc length as coordinate, and as target t, from 0 to 2 pi.

    Examples
    --------
    >>> from skmanifold.datasets import make_trefoil
    >>> make_trefoil(100, random_state=0).data.shape
    (100, 3)
    """
    rng = check_random_state(random_state)
    grid = np.linspace(0.0, 2.0 * pi, _TREFOIL_GRID)
    dx = np.cos(grid) + 4.0 * np.cos(2.0 * grid)
    dy = -np.sin(grid) + 4.0 * np.sin(2.0 * grid)
    dz = -3.0 * np.cos(3.0 * grid)
    speed = np.sqrt(dx**2 + dy**2 + dz**2)
    steps = (speed[1:] + speed[:-1]) / 2.0 * np.diff(grid)
    lengths = np.concatenate([[0.0], np.cumsum(steps)])
    length = rng.uniform(0.0, lengths[-1], n_samples)
    t = np.interp(length, lengths, grid)
    x = np.sin(t) + 2.0 * np.sin(2.0 * t)
    y = np.cos(t) - 2.0 * np.cos(2.0 * t)
    data = np.column_stack([x, y, -np.sin(3.0 * t)])
    distance = FlatDistance(lengths[-1])
    bunch = make_bunch(make_trefoil, (1, 1), data, length[:, np.newaxis], t, distance)
    return finish(bunch, noise, rng, return_X_y)
