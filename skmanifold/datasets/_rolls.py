# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""Curved rectangles with isometric charts."""

from math import pi

import numpy as np
from sklearn.utils import check_random_state

from skmanifold.datasets._base import (
    FlatDistance,
    make_bunch,
    over_all_fields,
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
        Return only the data and the target.

    random_state : int, RandomState instance or None, default=None
        Seed of the samples and the noise.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        Dictionary-like object:

        data : ndarray of shape (n_samples, 3)
            The samples.
        coordinates : ndarray of shape (n_samples, 2)
            Arc length along the spiral, and height: an isometric chart.
        target : ndarray of shape (n_samples,)
            The angle t.
        betti_numbers : dict
            Betti numbers b0, b1, ... over the fields Z/2 (key 2) and Z/3 (key 3).
        intrinsic_dimension : int
            2.
        geodesic_distances : callable
            Exact distances, ``geodesic_distances(rows=None, columns=None)``.
        feature_names : list of str
            Names of the features.
        DESCR : str
            This documentation.

    (data, target) : tuple
        With ``return_X_y=True``.

    Examples
    --------
    >>> from skmanifold.datasets import make_swiss_roll
    >>> roll = make_swiss_roll(100, random_state=0)
    >>> roll.data.shape, roll.coordinates.shape
    ((100, 3), (100, 2))
    >>> roll.geodesic_distances().shape
    (100, 100)
    """
    rng = check_random_state(random_state)
    t, length, height = _sample_roll(n_samples, rng)
    return make_bunch(
        make_swiss_roll,
        np.column_stack([t * np.cos(t), height, t * np.sin(t)]),
        np.column_stack([length, height]),
        t,
        noise=noise,
        rng=rng,
        betti_numbers=over_all_fields(1, 0, 0),
        intrinsic_dimension=2,
        distance=FlatDistance(np.inf, np.inf),
        return_X_y=return_X_y,
    )


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
        Return only the data and the target.

    random_state : int, RandomState instance or None, default=None
        Seed of the samples and the noise.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        Dictionary-like object:

        data : ndarray of shape (n_samples, 3)
            The samples.
        coordinates : ndarray of shape (n_samples, 2)
            Arc length along the spiral of each roll, and height.
        target : ndarray of shape (n_samples,)
            Roll of each sample, 0 or 1.
        betti_numbers : dict
            Betti numbers b0, b1, ... over the fields Z/2 (key 2) and Z/3 (key 3).
        intrinsic_dimension : int
            2.
        geodesic_distances : callable
            Exact distances, ``geodesic_distances(rows=None, columns=None)``; infinite
            between the rolls.
        feature_names : list of str
            Names of the features.
        DESCR : str
            This documentation.

    (data, target) : tuple
        With ``return_X_y=True``.

    References
    ----------
    .. [1] Z. Zang et al. DLME: deep local-flatness manifold embedding. ECCV, 2022.

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
    return make_bunch(
        make_twin_swiss_roll,
        np.column_stack([radius * np.cos(t), height, radius * np.sin(t)]),
        np.column_stack([length, height]),
        roll,
        noise=noise,
        rng=rng,
        betti_numbers=over_all_fields(2, 0, 0),
        intrinsic_dimension=2,
        distance=[FlatDistance(np.inf, np.inf)] * 2,
        parts=roll,
        return_X_y=return_X_y,
    )


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
        Return only the data and the target.

    random_state : int, RandomState instance or None, default=None
        Seed of the samples and the noise.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        Dictionary-like object:

        data : ndarray of shape (n_samples, 3)
            The samples.
        coordinates : ndarray of shape (n_samples, 2)
            Arc length t and height h: an isometric chart.
        target : ndarray of shape (n_samples,)
            The arc length t.
        betti_numbers : dict
            Betti numbers b0, b1, ... over the fields Z/2 (key 2) and Z/3 (key 3).
        intrinsic_dimension : int
            2.
        geodesic_distances : callable
            Exact distances, ``geodesic_distances(rows=None, columns=None)``.
        feature_names : list of str
            Names of the features.
        DESCR : str
            This documentation.

    (data, target) : tuple
        With ``return_X_y=True``.

    Examples
    --------
    >>> from skmanifold.datasets import make_s_curve
    >>> make_s_curve(100, random_state=0).betti_numbers[2]
    (1, 0, 0)
    """
    rng = check_random_state(random_state)
    t = rng.uniform(-1.5 * pi, 1.5 * pi, n_samples)
    height = rng.uniform(0.0, 2.0, n_samples)
    return make_bunch(
        make_s_curve,
        np.column_stack([np.sin(t), height, np.sign(t) * (np.cos(t) - 1.0)]),
        np.column_stack([t, height]),
        t,
        noise=noise,
        rng=rng,
        betti_numbers=over_all_fields(1, 0, 0),
        intrinsic_dimension=2,
        distance=FlatDistance(np.inf, np.inf),
        return_X_y=return_X_y,
    )
