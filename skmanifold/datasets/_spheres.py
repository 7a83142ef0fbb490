# SPDX-License-Identifier: BSD-3-Clause

"""Spheres, their parts, and the projective plane."""

from math import pi
from numbers import Integral, Real

import numpy as np
from sklearn.utils import check_random_state

from skmanifold.datasets._base import (
    SphereDistance,
    finish,
    make_bunch,
    sample_density,
    sample_rectangle,
    validate_generator,
)
from skmanifold.utils._sklearn import Options, StrOptions
from skmanifold.utils._validation import Count, Number


def angles_to_sphere(angles):
    """Map hyperspherical angles to the unit sphere."""
    sines = np.cumprod(np.sin(angles), axis=1)
    ones = np.ones((len(angles), 1))
    cosines = np.column_stack([np.cos(angles), ones])
    return np.column_stack([ones, sines]) * cosines


def sphere_to_angles(points):
    """Return hyperspherical angles: the last up to 2 pi, all others up to pi."""
    squares = np.cumsum(points[:, ::-1] ** 2, axis=1)[:, ::-1]
    angles = np.arctan2(np.sqrt(squares[:, 1:]), points[:, :-1])
    angles[:, -1] = np.arctan2(points[:, -1], points[:, -2]) % (2.0 * pi)
    return angles


@validate_generator({"dimension": [Count(1)]})
def make_sphere(
    n_samples=1000, *, dimension=2, noise=0.0, return_X_y=False, random_state=None
):
    """Make a unit sphere of any dimension.

    :math:`S^d`, the unit vectors of :math:`R^{d+1}`.

    Parameters
    ----------
    n_samples : int, default=1000
        Number of samples.
    dimension : int, default=2
        Dimension d of the sphere.
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
        (n_samples, dimension + 1), as coordinates the hyperspherical angles, and as
        target the first of them.

    Examples
    --------
    >>> from skmanifold.datasets import make_sphere
    >>> sphere = make_sphere(100, dimension=3, random_state=0)
    >>> sphere.data.shape, sphere.betti_numbers[2]
    ((100, 4), (1, 0, 0, 1))
    """
    rng = check_random_state(random_state)
    points = rng.normal(size=(n_samples, dimension + 1))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    angles = sphere_to_angles(points)
    betti_numbers = (1, *[0] * (dimension - 1), 1)
    distance = SphereDistance(angles_to_sphere)
    bunch = make_bunch(
        make_sphere, betti_numbers, points, angles, angles[:, 0], distance
    )
    return finish(bunch, noise, rng, return_X_y)


def _azimuthal_to_sphere(coordinates):
    """Map azimuthal equidistant coordinates to the unit sphere."""
    polar = np.linalg.norm(coordinates, axis=1)
    # sin(polar) / polar, finite at the pole.
    scale = np.sinc(polar / pi)[:, np.newaxis]
    return np.column_stack([coordinates * scale, np.cos(polar)])


@validate_generator({"cap_angle": [Number(Real, 0, pi, closed="neither")]})
def make_open_sphere(
    n_samples=1000, *, cap_angle=pi / 2, noise=0.0, return_X_y=False, random_state=None
):
    """Make an open sphere, the cap of a unit sphere around its pole.

    It has no isometric chart; the distortion of the best chart grows with the cap.

    Parameters
    ----------
    n_samples : int, default=1000
        Number of samples.
    cap_angle : float, default=pi / 2
        Angle between the pole and the rim, in radians, less than pi.
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
        (n_samples, 3), as coordinates the azimuthal equidistant chart around the pole,
        and as target the angle from the pole. geodesic_distances is None if `cap_angle`
        exceeds pi / 2, since shortest paths then follow the rim.

    Examples
    --------
    >>> from skmanifold.datasets import make_open_sphere
    >>> X = make_open_sphere(100, random_state=0).data
    >>> bool((X[:, 2] >= 0).all())
    True
    """
    rng = check_random_state(random_state)
    polar = np.arccos(rng.uniform(np.cos(cap_angle), 1.0, n_samples))
    azimuth = rng.uniform(0.0, 2.0 * pi, n_samples)
    direction = np.column_stack([np.cos(azimuth), np.sin(azimuth)])
    coordinates = polar[:, np.newaxis] * direction
    data = _azimuthal_to_sphere(coordinates)
    convex = cap_angle <= pi / 2
    bunch = make_bunch(
        make_open_sphere,
        (1, 0, 0),
        data,
        coordinates,
        polar,
        SphereDistance(_azimuthal_to_sphere) if convex else None,
    )
    return finish(bunch, noise, rng, return_X_y)


@validate_generator({"n_features": [Options(Integral, {4, 6})]})
def make_projective_plane(
    n_samples=1000, *, n_features=4, noise=0.0, return_X_y=False, random_state=None
):
    """Make a real projective plane in four or six dimensions.

    The lines through the origin of :math:`R^3`, under a Veronese map. For a unit vector
    (x, y, z) on a line, the four features are :math:`(xy, xz, y^2 - z^2, 2yz)`, and the
    six features :math:`(x^2, y^2, z^2)/\\sqrt2` and :math:`(xy, xz, yz)`, which
    preserve angles and lengths of the unit sphere.

    Parameters
    ----------
    n_samples : int, default=1000
        Number of samples.
    n_features : {4, 6}, default=4
        Number of features.
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
        (n_samples, n_features), as coordinates the angle between line and x-axis, from
        0 to pi / 2, and the azimuth around it, and as target this angle.
        geodesic_distances, the angles between lines, is None with four features, which
        distort them.

    Examples
    --------
    Its Betti numbers depend on the field:

    >>> from skmanifold.datasets import make_projective_plane
    >>> make_projective_plane(100, random_state=0).betti_numbers
    {2: (1, 1, 1), 3: (1, 0, 0)}
    """
    rng = check_random_state(random_state)
    # x is uniform on the sphere; the map to four features stretches areas.
    stretch = np.ones_like if n_features == 6 else lambda x: np.sqrt(4.0 - 3.0 * x**2)
    polar = np.arccos(sample_density(stretch, 0.0, 1.0, n_samples, rng))
    coordinates = np.column_stack([polar, rng.uniform(0.0, 2.0 * pi, n_samples)])
    x, y, z = angles_to_sphere(coordinates).T
    if n_features == 4:
        data = np.column_stack([x * y, x * z, y**2 - z**2, 2.0 * y * z])
    else:
        squares = np.column_stack([x**2, y**2, z**2]) / np.sqrt(2.0)
        data = np.column_stack([squares, x * y, x * z, y * z])
    isometric = SphereDistance(angles_to_sphere, projective=True)
    bunch = make_bunch(
        make_projective_plane,
        {2: (1, 1, 1), 3: (1, 0, 0)},
        data,
        coordinates,
        polar,
        isometric if n_features == 6 else None,
    )
    return finish(bunch, noise, rng, return_X_y)


@validate_generator({"radius": [StrOptions({"spherical", "cylindrical"})]})
def make_star_fruit(
    n_samples=1000,
    *,
    radius="spherical",
    noise=0.0,
    return_X_y=False,
    random_state=None,
):
    """Make a star fruit, a sphere with five ribs and both poles cut off.

    .. math::

        x_1 &= r \\sin\\theta \\cos\\varphi \\\\
        x_2 &= r \\sin\\theta \\sin\\varphi \\\\
        x_3 &= r \\cos\\theta

    The radius is :math:`r = 1 + \\sin(5 \\varphi) / 8`, and :math:`\\theta` lies
    between pi / 4 and 3 pi / 4. Samples are uniform by area; the code of the DLME
    authors samples the angles uniformly.

    Parameters
    ----------
    n_samples : int, default=1000
        Number of samples.
    radius : {"spherical", "cylindrical"}, default="spherical"
        Distance from the center, or from the axis. Choose ``"cylindrical"`` to
        reproduce the code of the DLME authors.
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
        (n_samples, 3), as coordinates the polar angle theta and the azimuth phi, and as
        target phi. geodesic_distances is None.

    References
    ----------
    .. [1] Z. Zang et al. DLME: deep local-flatness manifold embedding.
       ECCV, 2022.

    Examples
    --------
    >>> from skmanifold.datasets import make_star_fruit
    >>> make_star_fruit(100, random_state=0).betti_numbers[2]
    (1, 1, 0)
    """
    rng = check_random_state(random_state)
    spherical = radius == "spherical"

    def length(azimuth):
        return 1.0 + np.sin(5.0 * azimuth) / 8.0

    def area(polar, azimuth):
        r, slope = length(azimuth), 5.0 * np.cos(5.0 * azimuth) / 8.0
        cos2, sin2 = np.cos(polar) ** 2, np.sin(polar) ** 2
        if spherical:
            return r * np.sqrt(r**2 * sin2 + slope**2)
        return np.sqrt(sin2 * (r**4 * cos2 + (r**2 + slope**2) * sin2))

    box = (pi / 4, 3 * pi / 4), (0.0, 2.0 * pi)
    # Both areas are at most r times this root, with r and the slope at their maximum.
    bound = 1.125 * np.sqrt(1.125**2 + 0.625**2)
    polar, azimuth = sample_rectangle(area, bound, box, n_samples, rng)
    r = length(azimuth)
    out = r * np.sin(polar)
    height = (r if spherical else 1.0) * np.cos(polar)
    data = np.column_stack([out * np.cos(azimuth), out * np.sin(azimuth), height])
    angles = np.column_stack([polar, azimuth])
    bunch = make_bunch(make_star_fruit, (1, 1, 0), data, angles, azimuth)
    return finish(bunch, noise, rng, return_X_y)
