# SPDX-License-Identifier: BSD-3-Clause

"""Curved rectangles with isometric charts."""

from math import pi

import numpy as np
from sklearn.utils import check_random_state

from skmanifold.datasets._base import (
    FlatDistance,
    finish,
    make_bunch,
    validate_generator,
)

# As in scikit-learn.
_ROLL = (1.5 * pi, 4.5 * pi)
_ROLL_HEIGHT = 21.0


def _arc_length(t):
    """Compute the length of the spiral (t cos t, t sin t) from its center."""
    return 0.5 * (t * np.sqrt(1.0 + t**2) + np.arcsinh(t))


def _sample_roll(n_samples, rng):
    """Sample angle, arc length and height uniformly by area."""
    start, end = (_arc_length(t) for t in _ROLL)
    length = rng.uniform(start, end, n_samples)
    t = np.sqrt(2.0 * length)
    for _ in range(6):
        # Newton's method; the derivative of the length is never zero.
        t -= (_arc_length(t) - length) / np.sqrt(1.0 + t**2)
    return t, length - start, rng.uniform(0.0, _ROLL_HEIGHT, n_samples)


@validate_generator()
def make_swiss_roll(n_samples=1000, *, noise=0.0, return_X_y=False, random_state=None):
    """Make a Swiss roll, a rolled-up rectangle.

    :math:`(t \\cos t, h, t \\sin t)` with :math:`t` from 1.5 pi to 4.5 pi and
    :math:`h` from 0 to 21, as :func:`sklearn.datasets.make_swiss_roll`, but uniform by
    area; scikit-learn's is denser toward the center.

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
        (n_samples, 3), as coordinates the arc length along the spiral and the height,
        an isometric chart, and as target the angle t.

    Examples
    --------
    >>> from skmanifold.datasets import make_swiss_roll
    >>> roll = make_swiss_roll(100, random_state=0)
    >>> roll.data.shape, roll.coordinates.shape
    ((100, 3), (100, 2))
    """
    rng = check_random_state(random_state)
    t, length, height = _sample_roll(n_samples, rng)
    data = np.column_stack([t * np.cos(t), height, t * np.sin(t)])
    chart = np.column_stack([length, height])
    distance = FlatDistance(np.inf, np.inf)
    bunch = make_bunch(make_swiss_roll, (1, 0, 0), data, chart, t, distance)
    return finish(bunch, noise, rng, return_X_y)


@validate_generator()
def make_twin_swiss_roll(
    n_samples=1000, *, noise=0.0, return_X_y=False, random_state=None
):
    """Make two entwined Swiss rolls that do not meet.

    The roll of :func:`make_swiss_roll` and a copy rotated by half a turn about its
    axis, so that each lies between the layers of the other, about 3 apart.

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
        (n_samples, 3), as coordinates the arc length along the spiral of each roll and
        the height, and as target the roll, 0 or 1. Distances between the rolls are
        infinite.

    References
    ----------
    .. [1] Z. Zang et al. DLME: deep local-flatness manifold embedding.
       ECCV, 2022.

    Examples
    --------
    >>> import numpy as np
    >>> from skmanifold.datasets import make_twin_swiss_roll
    >>> np.bincount(make_twin_swiss_roll(100, random_state=0).target)
    array([50, 50])
    """
    rng = check_random_state(random_state)
    t, length, height = _sample_roll(n_samples, rng)
    roll = rng.permutation(np.arange(n_samples) % 2)
    radius = np.where(roll == 0, t, -t)
    data = np.column_stack([radius * np.cos(t), height, radius * np.sin(t)])
    chart = np.column_stack([length, height])
    distance = [FlatDistance(np.inf, np.inf)] * 2
    bunch = make_bunch(
        make_twin_swiss_roll, (2, 0, 0), data, chart, roll, distance, parts=roll
    )
    return finish(bunch, noise, rng, return_X_y)


@validate_generator()
def make_s_curve(n_samples=1000, *, noise=0.0, return_X_y=False, random_state=None):
    """Make an S-curve, a rectangle bent along two arcs.

    :math:`(\\sin t, h, \\mathrm{sign}(t) (\\cos t - 1))` with :math:`t` from -1.5 pi to
    1.5 pi and :math:`h` from 0 to 2.

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
        (n_samples, 3), as coordinates the arc length t and the height h, an isometric
        chart, and as target t.

    Examples
    --------
    >>> from skmanifold.datasets import make_s_curve
    >>> make_s_curve(100, random_state=0).betti_numbers[2]
    (1, 0, 0)
    """
    rng = check_random_state(random_state)
    t = rng.uniform(-1.5 * pi, 1.5 * pi, n_samples)
    height = rng.uniform(0.0, 2.0, n_samples)
    data = np.column_stack([np.sin(t), height, np.sign(t) * (np.cos(t) - 1.0)])
    chart = np.column_stack([t, height])
    distance = FlatDistance(np.inf, np.inf)
    bunch = make_bunch(make_s_curve, (1, 0, 0), data, chart, t, distance)
    return finish(bunch, noise, rng, return_X_y)
