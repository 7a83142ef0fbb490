# SPDX-License-Identifier: BSD-3-Clause

"""Tori, the Klein bottle and the Möbius strip."""

from math import comb, pi

import numpy as np
from sklearn.utils import check_random_state

from skmanifold.datasets._base import (
    FlatDistance,
    finish,
    make_bunch,
    sample_density,
    sample_rectangle,
    validate_generator,
)
from skmanifold.utils._validation import Count


@validate_generator()
def make_torus(n_samples=1000, *, noise=0.0, return_X_y=False, random_state=None):
    """Make a torus of revolution.

    .. math::

        x_1 &= (R + r \\cos v) \\cos u \\\\
        x_2 &= (R + r \\cos v) \\sin u \\\\
        x_3 &= r \\sin v

    with R = 2, the distance from the axis to the center of the tube, and r = 1, its
    radius. Samples are uniform by area: denser in v outside than inside.

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
        (n_samples, 3), as coordinates the angles u around the axis and v around the
        tube, and as target u. geodesic_distances is None; see
        :func:`make_flat_torus`.

    Examples
    --------
    >>> from skmanifold.datasets import make_torus
    >>> make_torus(100, random_state=0).betti_numbers[2]
    (1, 2, 1)
    """
    rng = check_random_state(random_state)
    u = rng.uniform(0.0, 2.0 * pi, n_samples)
    v = sample_density(lambda v: 2.0 + np.cos(v), 0.0, 2.0 * pi, n_samples, rng)
    out = 2.0 + np.cos(v)
    data = np.column_stack([out * np.cos(u), out * np.sin(u), np.sin(v)])
    bunch = make_bunch(make_torus, (1, 2, 1), data, np.column_stack([u, v]), u)
    return finish(bunch, noise, rng, return_X_y)


@validate_generator({"dimension": [Count(1)]})
def make_flat_torus(
    n_samples=1000, *, dimension=2, noise=0.0, return_X_y=False, random_state=None
):
    """Make a flat torus of any dimension.

    :math:`T^d`, the product of d unit circles, in :math:`R^{2d}`.

    Parameters
    ----------
    n_samples : int, default=1000
        Number of samples.
    dimension : int, default=2
        Dimension d of the torus.
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
        (n_samples, 2 * dimension), as coordinates the angles, from 0 to 2 pi, an
        isometric chart, and as target the first angle.

    Examples
    --------
    >>> from skmanifold.datasets import make_flat_torus
    >>> torus = make_flat_torus(100, dimension=3, random_state=0)
    >>> torus.data.shape, torus.betti_numbers[2]
    ((100, 6), (1, 3, 3, 1))
    """
    rng = check_random_state(random_state)
    angles = rng.uniform(0.0, 2.0 * pi, (n_samples, dimension))
    circles = np.stack([np.cos(angles), np.sin(angles)], axis=2)
    data = circles.reshape(n_samples, 2 * dimension)
    betti_numbers = tuple(comb(dimension, degree) for degree in range(dimension + 1))
    distance = FlatDistance(*[2.0 * pi] * dimension)
    bunch = make_bunch(
        make_flat_torus, betti_numbers, data, angles, angles[:, 0], distance
    )
    return finish(bunch, noise, rng, return_X_y)


@validate_generator()
def make_klein_bottle(
    n_samples=1000, *, noise=0.0, return_X_y=False, random_state=None
):
    """Make a Klein bottle, embedded in four dimensions.

    .. math::

        x_1 &= (R + r \\cos v) \\cos u \\\\
        x_2 &= (R + r \\cos v) \\sin u \\\\
        x_3 &= r \\sin v \\cos \\tfrac u2 \\\\
        x_4 &= r \\sin v \\sin \\tfrac u2

    with R = 2 and r = 1: a tube that turns over once around the axis.

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
        (n_samples, 4), as coordinates the angles u around the axis and v around the
        tube, and as target u. geodesic_distances is None.

    Examples
    --------
    Its Betti numbers depend on the field:

    >>> from skmanifold.datasets import make_klein_bottle
    >>> make_klein_bottle(100, random_state=0).betti_numbers
    {2: (1, 2, 1), 3: (1, 1, 0)}
    """
    rng = check_random_state(random_state)
    u = rng.uniform(0.0, 2.0 * pi, n_samples)
    v = sample_density(
        lambda v: np.hypot(2.0 + np.cos(v), np.sin(v) / 2.0),
        0.0,
        2.0 * pi,
        n_samples,
        rng,
    )
    out, up = 2.0 + np.cos(v), np.sin(v)
    data = np.column_stack(
        [out * np.cos(u), out * np.sin(u), up * np.cos(u / 2.0), up * np.sin(u / 2.0)]
    )
    betti_numbers = {2: (1, 2, 1), 3: (1, 1, 0)}
    bunch = make_bunch(
        make_klein_bottle, betti_numbers, data, np.column_stack([u, v]), u
    )
    return finish(bunch, noise, rng, return_X_y)


@validate_generator()
def make_mobius_strip(
    n_samples=1000, *, noise=0.0, return_X_y=False, random_state=None
):
    """Make a Möbius strip.

    :math:`((1 + v \\cos\\tfrac u2) \\cos u, (1 + v \\cos\\tfrac u2) \\sin u,
    v \\sin\\tfrac u2)`, with u from 0 to 2 pi and v from -0.5 to 0.5.

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
        (n_samples, 3), as coordinates the angle u and the position v across the strip,
        and as target u. geodesic_distances is None.

    Examples
    --------
    >>> from skmanifold.datasets import make_mobius_strip
    >>> make_mobius_strip(100, random_state=0).betti_numbers[2]
    (1, 1, 0)
    """
    rng = check_random_state(random_state)

    def area(u, v):
        return np.sqrt((1.0 + v * np.cos(u / 2.0)) ** 2 + v**2 / 4.0)

    bound = np.sqrt(1.5**2 + 0.25**2)
    box = (0.0, 2.0 * pi), (-0.5, 0.5)
    u, v = sample_rectangle(area, bound, box, n_samples, rng)
    out = 1.0 + v * np.cos(u / 2.0)
    data = np.column_stack([out * np.cos(u), out * np.sin(u), v * np.sin(u / 2.0)])
    bunch = make_bunch(make_mobius_strip, (1, 1, 0), data, np.column_stack([u, v]), u)
    return finish(bunch, noise, rng, return_X_y)
