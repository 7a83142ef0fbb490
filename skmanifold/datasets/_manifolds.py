# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""Manifolds whose coordinates, distances and topology are known.

Every generator draws uniformly by length, area or volume.
"""

from math import comb, pi

import numpy as np

from skmanifold.datasets._base import (
    FlatDistance,
    SphereDistance,
    check_common,
    check_dimension,
    check_positive,
    make_bunch,
    over_all_fields,
    sample_density,
    sample_rectangle,
)

# The roll of scikit-learn: one and a half turns, and a height of 21.
_ROLL = (1.5 * pi, 4.5 * pi)
_ROLL_HEIGHT = 21.0


def _arc_length(t):
    """Length of the spiral (t cos t, t sin t) from its centre."""
    return 0.5 * (t * np.sqrt(1.0 + t**2) + np.arcsinh(t))


def _sample_roll(n_samples, rng):
    """Angle, arc length and height of uniform samples."""
    start, end = (_arc_length(t) for t in _ROLL)
    length = rng.uniform(start, end, n_samples)
    t = np.sqrt(2.0 * length)
    for _ in range(6):
        # Newton's method; the derivative of the length is never zero.
        t -= (_arc_length(t) - length) / np.sqrt(1.0 + t**2)
    return t, length - start, rng.uniform(0.0, _ROLL_HEIGHT, n_samples)


def make_swiss_roll(n_samples=1000, *, noise=0.0, return_X_y=False, random_state=None):
    """Make a Swiss roll, a rolled-up rectangle.

    :math:`(t \\cos t, h, t \\sin t)` with :math:`t` from 1.5 pi to 4.5 pi and
    :math:`h` from 0 to 21, as :func:`sklearn.datasets.make_swiss_roll`, but uniform by
    area, where that one is denser towards the centre.

    Parameters
    ----------
    n_samples : int, default=1000
        Number of samples.

    noise : float, default=0.0
        Standard deviation of the Gaussian noise in every column.

    return_X_y : bool, default=False
        Return only the data and the target.

    random_state : int, RandomState instance or None, default=None
        Draws the samples and the noise.

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
            Betti numbers b0, b1, ... over the fields Z/2 and Z/3, by their
            characteristic.
        intrinsic_dimension : int
            2.
        geodesic_distances : callable
            Exact distances along the manifold between samples,
            ``geodesic_distances(rows=None, columns=None)``.
        feature_names : list of str
            Names of the columns.
        DESCR : str
            This text.

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
    rng = check_common(n_samples, noise, random_state)
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


def make_twin_swiss_roll(
    n_samples=1000, *, noise=0.0, return_X_y=False, random_state=None
):
    """Make two entwined Swiss rolls that do not meet.

    The roll of :func:`make_swiss_roll`, and the same turned by half a turn about its
    axis, so that each lies between the layers of the other, about 3 apart.

    Parameters
    ----------
    n_samples : int, default=1000
        Number of samples.

    noise : float, default=0.0
        Standard deviation of the Gaussian noise in every column.

    return_X_y : bool, default=False
        Return only the data and the target.

    random_state : int, RandomState instance or None, default=None
        Draws the samples and the noise.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        Dictionary-like object:

        data : ndarray of shape (n_samples, 3)
            The samples.
        coordinates : ndarray of shape (n_samples, 2)
            Arc length along the spiral of each roll, and height.
        target : ndarray of shape (n_samples,)
            Which roll, 0 or 1.
        betti_numbers : dict
            Betti numbers b0, b1, ... over the fields Z/2 and Z/3, by their
            characteristic.
        intrinsic_dimension : int
            2.
        geodesic_distances : callable
            Exact distances along the manifold between samples,
            ``geodesic_distances(rows=None, columns=None)``; infinite between the
            rolls.
        feature_names : list of str
            Names of the columns.
        DESCR : str
            This text.

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
    rng = check_common(n_samples, noise, random_state)
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


def make_s_curve(n_samples=1000, *, noise=0.0, return_X_y=False, random_state=None):
    """Make an S-curve, a rectangle bent along two arcs.

    :math:`(\\sin t, h, \\mathrm{sign}(t) (\\cos t - 1))` with :math:`t` from -1.5 pi to
    1.5 pi and :math:`h` from 0 to 2.

    Parameters
    ----------
    n_samples : int, default=1000
        Number of samples.

    noise : float, default=0.0
        Standard deviation of the Gaussian noise in every column.

    return_X_y : bool, default=False
        Return only the data and the target.

    random_state : int, RandomState instance or None, default=None
        Draws the samples and the noise.

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
            Betti numbers b0, b1, ... over the fields Z/2 and Z/3, by their
            characteristic.
        intrinsic_dimension : int
            2.
        geodesic_distances : callable
            Exact distances along the manifold between samples,
            ``geodesic_distances(rows=None, columns=None)``.
        feature_names : list of str
            Names of the columns.
        DESCR : str
            This text.

    (data, target) : tuple
        With ``return_X_y=True``.

    Examples
    --------
    >>> from skmanifold.datasets import make_s_curve
    >>> make_s_curve(100, random_state=0).betti_numbers[2]
    (1, 0, 0)
    """
    rng = check_common(n_samples, noise, random_state)
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


def make_star_fruit(
    n_samples=1000,
    *,
    pole_angle=pi / 4,
    radius="spherical",
    noise=0.0,
    return_X_y=False,
    random_state=None,
):
    """Make a star fruit, a sphere with five ribs and both poles cut off.

    :math:`r (\\sin\\theta \\cos\\varphi, \\sin\\theta \\sin\\varphi, \\cos\\theta)`
    with the radius :math:`r = 1 + \\sin(5 \\varphi) / 8`.

    Parameters
    ----------
    n_samples : int, default=1000
        Number of samples.

    pole_angle : float, default=pi / 4
        What is cut off around each pole, in radians, less than pi / 2.

    radius : {"spherical", "cylindrical"}, default="spherical"
        What the radius is: the distance from the centre, which scales all three
        columns, or, as in the DLME authors' code, the one from the axis, which scales
        the first two and leaves the height :math:`\\cos\\theta`.

    noise : float, default=0.0
        Standard deviation of the Gaussian noise in every column.

    return_X_y : bool, default=False
        Return only the data and the target.

    random_state : int, RandomState instance or None, default=None
        Draws the samples and the noise.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        Dictionary-like object:

        data : ndarray of shape (n_samples, 3)
            The samples.
        coordinates : ndarray of shape (n_samples, 2)
            Polar angle theta and azimuth phi; the chart is not isometric.
        target : ndarray of shape (n_samples,)
            The azimuth phi.
        betti_numbers : dict
            Betti numbers b0, b1, ... over the fields Z/2 and Z/3, by their
            characteristic.
        intrinsic_dimension : int
            2.
        geodesic_distances : callable
            Calling it raises a ValueError, as no closed form is known.
        feature_names : list of str
            Names of the columns.
        DESCR : str
            This text.

    (data, target) : tuple
        With ``return_X_y=True``.

    Notes
    -----
    The DLME authors' code draws the angles uniformly, which crowds samples towards the
    poles; here they are uniform by area.

    References
    ----------
    .. [1] Z. Zang et al. DLME: deep local-flatness manifold embedding. ECCV, 2022.

    Examples
    --------
    >>> from skmanifold.datasets import make_star_fruit
    >>> make_star_fruit(100, random_state=0).betti_numbers[2]
    (1, 1, 0)
    """
    rng = check_common(n_samples, noise, random_state)
    check_positive(pole_angle, "pole_angle")
    if pole_angle >= pi / 2:
        raise ValueError(f"pole_angle must be less than pi / 2, got {pole_angle!r}.")

    if radius not in ("spherical", "cylindrical"):
        raise ValueError(
            f"radius must be 'spherical' or 'cylindrical', got {radius!r}."
        )
    spherical = radius == "spherical"

    def length(azimuth):
        return 1.0 + np.sin(5.0 * azimuth) / 8.0

    def area(polar, azimuth):
        r, slope = length(azimuth), 5.0 * np.cos(5.0 * azimuth) / 8.0
        cos2, sin2 = np.cos(polar) ** 2, np.sin(polar) ** 2
        if spherical:
            return r * np.sqrt(r**2 * sin2 + slope**2)
        return np.sqrt(sin2 * (r**4 * cos2 + (r**2 + slope**2) * sin2))

    box = (pole_angle, pi - pole_angle), (0.0, 2.0 * pi)
    # Both areas are at most r times this root, with r and the slope at their largest.
    bound = 1.125 * np.sqrt(1.125**2 + 0.625**2)
    polar, azimuth = sample_rectangle(area, bound, box, n_samples, rng)
    r = length(azimuth)
    out = r * np.sin(polar)
    height = (r if spherical else 1.0) * np.cos(polar)
    return make_bunch(
        make_star_fruit,
        np.column_stack([out * np.cos(azimuth), out * np.sin(azimuth), height]),
        np.column_stack([polar, azimuth]),
        azimuth,
        noise=noise,
        rng=rng,
        betti_numbers=over_all_fields(1, 1, 0),
        intrinsic_dimension=2,
        return_X_y=return_X_y,
    )


def _azimuthal_to_sphere(coordinates):
    """Points of the unit sphere at a distance and a direction from its pole."""
    polar = np.linalg.norm(coordinates, axis=1)
    # sin(polar) / polar, finite at the pole.
    scale = np.sinc(polar / pi)[:, np.newaxis]
    return np.column_stack([coordinates * scale, np.cos(polar)])


def make_open_sphere(
    n_samples=1000, *, cap_angle=pi / 2, noise=0.0, return_X_y=False, random_state=None
):
    """Make an open sphere, the cap of a unit sphere around its pole.

    It has no isometric chart; the larger the cap, the worse the best one.

    Parameters
    ----------
    n_samples : int, default=1000
        Number of samples.

    cap_angle : float, default=pi / 2
        Angle between the pole and the rim, in radians, less than pi.

    noise : float, default=0.0
        Standard deviation of the Gaussian noise in every column.

    return_X_y : bool, default=False
        Return only the data and the target.

    random_state : int, RandomState instance or None, default=None
        Draws the samples and the noise.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        Dictionary-like object:

        data : ndarray of shape (n_samples, 3)
            The samples.
        coordinates : ndarray of shape (n_samples, 2)
            The azimuthal equidistant chart: distance and direction from the pole as
            Cartesian coordinates.
        target : ndarray of shape (n_samples,)
            The angle from the pole.
        betti_numbers : dict
            Betti numbers b0, b1, ... over the fields Z/2 and Z/3, by their
            characteristic.
        intrinsic_dimension : int
            2.
        geodesic_distances : callable
            Exact distances along the cap between samples,
            ``geodesic_distances(rows=None, columns=None)``. Calling it raises a
            ValueError for a cap of more than pi / 2, where shortest paths follow the
            rim.
        feature_names : list of str
            Names of the columns.
        DESCR : str
            This text.

    (data, target) : tuple
        With ``return_X_y=True``.

    Examples
    --------
    >>> from skmanifold.datasets import make_open_sphere
    >>> X = make_open_sphere(100, random_state=0).data
    >>> bool((X[:, 2] >= 0).all())
    True
    """
    rng = check_common(n_samples, noise, random_state)
    check_positive(cap_angle, "cap_angle")
    if cap_angle >= pi:
        raise ValueError(f"cap_angle must be less than pi, got {cap_angle!r}.")
    polar = np.arccos(rng.uniform(np.cos(cap_angle), 1.0, n_samples))
    azimuth = rng.uniform(0.0, 2.0 * pi, n_samples)
    direction = np.column_stack([np.cos(azimuth), np.sin(azimuth)])
    coordinates = polar[:, np.newaxis] * direction
    convex = cap_angle <= pi / 2
    return make_bunch(
        make_open_sphere,
        _azimuthal_to_sphere(coordinates),
        coordinates,
        polar,
        noise=noise,
        rng=rng,
        betti_numbers=over_all_fields(1, 0, 0),
        intrinsic_dimension=2,
        distance=SphereDistance(_azimuthal_to_sphere) if convex else None,
        no_distance="beyond cap_angle = pi / 2 shortest paths follow the rim",
        return_X_y=return_X_y,
    )


def _angles_to_sphere(angles):
    """Points of the unit sphere from its hyperspherical angles."""
    sines = np.cumprod(np.sin(angles), axis=1)
    ones = np.ones((len(angles), 1))
    cosines = np.column_stack([np.cos(angles), ones])
    return np.column_stack([ones, sines]) * cosines


def _sphere_to_angles(points):
    """Hyperspherical angles: the last from 0 to 2 pi, all others from 0 to pi."""
    squares = np.cumsum(points[:, ::-1] ** 2, axis=1)[:, ::-1]
    angles = np.arctan2(np.sqrt(squares[:, 1:]), points[:, :-1])
    angles[:, -1] = np.arctan2(points[:, -1], points[:, -2]) % (2.0 * pi)
    return angles


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
        Standard deviation of the Gaussian noise in every column.

    return_X_y : bool, default=False
        Return only the data and the target.

    random_state : int, RandomState instance or None, default=None
        Draws the samples and the noise.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        Dictionary-like object:

        data : ndarray of shape (n_samples, dimension + 1)
            The samples.
        coordinates : ndarray of shape (n_samples, dimension)
            Hyperspherical angles: the i-th column of the data is the cosine of the
            i-th angle, times the sines of all before.
        target : ndarray of shape (n_samples,)
            The first angle.
        betti_numbers : dict
            Betti numbers b0, b1, ... over the fields Z/2 and Z/3, by their
            characteristic.
        intrinsic_dimension : int
            `dimension`.
        geodesic_distances : callable
            Exact distances along the manifold between samples,
            ``geodesic_distances(rows=None, columns=None)``.
        feature_names : list of str
            Names of the columns.
        DESCR : str
            This text.

    (data, target) : tuple
        With ``return_X_y=True``.

    Examples
    --------
    >>> from skmanifold.datasets import make_sphere
    >>> sphere = make_sphere(100, dimension=3, random_state=0)
    >>> sphere.data.shape, sphere.betti_numbers[2]
    ((100, 4), (1, 0, 0, 1))
    """
    rng = check_common(n_samples, noise, random_state)
    check_dimension(dimension)
    points = rng.normal(size=(n_samples, dimension + 1))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    angles = _sphere_to_angles(points)
    return make_bunch(
        make_sphere,
        points,
        angles,
        angles[:, 0],
        noise=noise,
        rng=rng,
        betti_numbers=over_all_fields(1, *[0] * (dimension - 1), 1),
        intrinsic_dimension=dimension,
        distance=SphereDistance(_angles_to_sphere),
        return_X_y=return_X_y,
    )


def make_torus(
    n_samples=1000,
    *,
    major_radius=2.0,
    minor_radius=1.0,
    noise=0.0,
    return_X_y=False,
    random_state=None,
):
    """Make a torus of revolution.

    :math:`((R + r \\cos v) \\cos u, (R + r \\cos v) \\sin u, r \\sin v)`, uniform by
    area: denser in v outside than inside.

    Parameters
    ----------
    n_samples : int, default=1000
        Number of samples.

    major_radius : float, default=2.0
        Distance R from the axis to the centre of the tube.

    minor_radius : float, default=1.0
        Radius r of the tube, less than R.

    noise : float, default=0.0
        Standard deviation of the Gaussian noise in every column.

    return_X_y : bool, default=False
        Return only the data and the target.

    random_state : int, RandomState instance or None, default=None
        Draws the samples and the noise.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        Dictionary-like object:

        data : ndarray of shape (n_samples, 3)
            The samples.
        coordinates : ndarray of shape (n_samples, 2)
            The angles u around the axis and v around the tube; the chart is not
            isometric.
        target : ndarray of shape (n_samples,)
            The angle u.
        betti_numbers : dict
            Betti numbers b0, b1, ... over the fields Z/2 and Z/3, by their
            characteristic.
        intrinsic_dimension : int
            2.
        geodesic_distances : callable
            Calling it raises a ValueError, as no closed form is known; see
            :func:`make_flat_torus`.
        feature_names : list of str
            Names of the columns.
        DESCR : str
            This text.

    (data, target) : tuple
        With ``return_X_y=True``.

    Examples
    --------
    >>> from skmanifold.datasets import make_torus
    >>> make_torus(100, random_state=0).betti_numbers[2]
    (1, 2, 1)
    """
    rng = check_common(n_samples, noise, random_state)
    _check_radii(major_radius, minor_radius)
    u = rng.uniform(0.0, 2.0 * pi, n_samples)
    v = sample_density(
        lambda v: major_radius + minor_radius * np.cos(v), 0.0, 2.0 * pi, n_samples, rng
    )
    out = major_radius + minor_radius * np.cos(v)
    return make_bunch(
        make_torus,
        np.column_stack([out * np.cos(u), out * np.sin(u), minor_radius * np.sin(v)]),
        np.column_stack([u, v]),
        u,
        noise=noise,
        rng=rng,
        betti_numbers=over_all_fields(1, 2, 1),
        intrinsic_dimension=2,
        return_X_y=return_X_y,
    )


def _check_radii(major_radius, minor_radius):
    check_positive(major_radius, "major_radius")
    check_positive(minor_radius, "minor_radius")
    if minor_radius >= major_radius:
        raise ValueError(
            f"minor_radius must be less than major_radius={major_radius!r}, else the"
            f" tube meets itself; got {minor_radius!r}."
        )


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
        Standard deviation of the Gaussian noise in every column.

    return_X_y : bool, default=False
        Return only the data and the target.

    random_state : int, RandomState instance or None, default=None
        Draws the samples and the noise.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        Dictionary-like object:

        data : ndarray of shape (n_samples, 2 * dimension)
            The samples.
        coordinates : ndarray of shape (n_samples, dimension)
            The angles, from 0 to 2 pi: an isometric chart.
        target : ndarray of shape (n_samples,)
            The first angle.
        betti_numbers : dict
            Betti numbers b0, b1, ... over the fields Z/2 and Z/3, by their
            characteristic.
        intrinsic_dimension : int
            `dimension`.
        geodesic_distances : callable
            Exact distances along the manifold between samples,
            ``geodesic_distances(rows=None, columns=None)``.
        feature_names : list of str
            Names of the columns.
        DESCR : str
            This text.

    (data, target) : tuple
        With ``return_X_y=True``.

    Examples
    --------
    >>> from skmanifold.datasets import make_flat_torus
    >>> torus = make_flat_torus(100, dimension=3, random_state=0)
    >>> torus.data.shape, torus.betti_numbers[2]
    ((100, 6), (1, 3, 3, 1))
    """
    rng = check_common(n_samples, noise, random_state)
    check_dimension(dimension)
    angles = rng.uniform(0.0, 2.0 * pi, (n_samples, dimension))
    circles = np.stack([np.cos(angles), np.sin(angles)], axis=2)
    return make_bunch(
        make_flat_torus,
        circles.reshape(n_samples, 2 * dimension),
        angles,
        angles[:, 0],
        noise=noise,
        rng=rng,
        betti_numbers=over_all_fields(
            *(comb(dimension, degree) for degree in range(dimension + 1))
        ),
        intrinsic_dimension=dimension,
        distance=FlatDistance(*[2.0 * pi] * dimension),
        return_X_y=return_X_y,
    )


def make_mobius_strip(
    n_samples=1000, *, width=1.0, noise=0.0, return_X_y=False, random_state=None
):
    """Make a Möbius strip.

    :math:`((1 + v \\cos\\tfrac u2) \\cos u, (1 + v \\cos\\tfrac u2) \\sin u,
    v \\sin\\tfrac u2)`, with u from 0 to 2 pi.

    Parameters
    ----------
    n_samples : int, default=1000
        Number of samples.

    width : float, default=1.0
        Width of the strip, less than 2; v goes to half of it on both sides.

    noise : float, default=0.0
        Standard deviation of the Gaussian noise in every column.

    return_X_y : bool, default=False
        Return only the data and the target.

    random_state : int, RandomState instance or None, default=None
        Draws the samples and the noise.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        Dictionary-like object:

        data : ndarray of shape (n_samples, 3)
            The samples.
        coordinates : ndarray of shape (n_samples, 2)
            The angle u and the place v across the strip; the chart is not
            isometric.
        target : ndarray of shape (n_samples,)
            The angle u.
        betti_numbers : dict
            Betti numbers b0, b1, ... over the fields Z/2 and Z/3, by their
            characteristic.
        intrinsic_dimension : int
            2.
        geodesic_distances : callable
            Calling it raises a ValueError, as no closed form is known.
        feature_names : list of str
            Names of the columns.
        DESCR : str
            This text.

    (data, target) : tuple
        With ``return_X_y=True``.

    Examples
    --------
    >>> from skmanifold.datasets import make_mobius_strip
    >>> make_mobius_strip(100, random_state=0).betti_numbers[2]
    (1, 1, 0)
    """
    rng = check_common(n_samples, noise, random_state)
    check_positive(width, "width")
    if width >= 2.0:
        raise ValueError(
            f"width must be less than 2, else the strip meets itself; got {width!r}."
        )
    half = width / 2.0

    def area(u, v):
        return np.sqrt((1.0 + v * np.cos(u / 2.0)) ** 2 + v**2 / 4.0)

    bound = np.sqrt((1.0 + half) ** 2 + half**2 / 4.0)
    box = (0.0, 2.0 * pi), (-half, half)
    u, v = sample_rectangle(area, bound, box, n_samples, rng)
    out = 1.0 + v * np.cos(u / 2.0)
    return make_bunch(
        make_mobius_strip,
        np.column_stack([out * np.cos(u), out * np.sin(u), v * np.sin(u / 2.0)]),
        np.column_stack([u, v]),
        u,
        noise=noise,
        rng=rng,
        betti_numbers=over_all_fields(1, 1, 0),
        intrinsic_dimension=2,
        return_X_y=return_X_y,
    )


def make_klein_bottle(
    n_samples=1000,
    *,
    major_radius=2.0,
    minor_radius=1.0,
    noise=0.0,
    return_X_y=False,
    random_state=None,
):
    """Make a Klein bottle, embedded in four dimensions.

    :math:`((R + r \\cos v) \\cos u, (R + r \\cos v) \\sin u, r \\sin v \\cos\\tfrac u2,
    r \\sin v \\sin\\tfrac u2)`: a tube that is turned over once on its way around.

    Parameters
    ----------
    n_samples : int, default=1000
        Number of samples.

    major_radius : float, default=2.0
        Distance R from the axis to the centre of the tube.

    minor_radius : float, default=1.0
        Radius r of the tube, less than R.

    noise : float, default=0.0
        Standard deviation of the Gaussian noise in every column.

    return_X_y : bool, default=False
        Return only the data and the target.

    random_state : int, RandomState instance or None, default=None
        Draws the samples and the noise.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        Dictionary-like object:

        data : ndarray of shape (n_samples, 4)
            The samples.
        coordinates : ndarray of shape (n_samples, 2)
            The angles u around the axis and v around the tube; the chart is not
            isometric.
        target : ndarray of shape (n_samples,)
            The angle u.
        betti_numbers : dict
            Betti numbers b0, b1, ... over the fields Z/2 and Z/3, by their
            characteristic.
        intrinsic_dimension : int
            2.
        geodesic_distances : callable
            Calling it raises a ValueError, as no closed form is known.
        feature_names : list of str
            Names of the columns.
        DESCR : str
            This text.

    (data, target) : tuple
        With ``return_X_y=True``.

    Examples
    --------
    Its Betti numbers depend on the field:

    >>> from skmanifold.datasets import make_klein_bottle
    >>> make_klein_bottle(100, random_state=0).betti_numbers
    {2: (1, 2, 1), 3: (1, 1, 0)}
    """
    rng = check_common(n_samples, noise, random_state)
    _check_radii(major_radius, minor_radius)
    R, r = major_radius, minor_radius
    u = rng.uniform(0.0, 2.0 * pi, n_samples)
    v = sample_density(
        lambda v: np.hypot(R + r * np.cos(v), r * np.sin(v) / 2.0),
        0.0,
        2.0 * pi,
        n_samples,
        rng,
    )
    out, up = R + r * np.cos(v), r * np.sin(v)
    return make_bunch(
        make_klein_bottle,
        np.column_stack(
            [
                out * np.cos(u),
                out * np.sin(u),
                up * np.cos(u / 2.0),
                up * np.sin(u / 2.0),
            ]
        ),
        np.column_stack([u, v]),
        u,
        noise=noise,
        rng=rng,
        betti_numbers={2: (1, 2, 1), 3: (1, 1, 0)},
        intrinsic_dimension=2,
        return_X_y=return_X_y,
    )


def make_projective_plane(
    n_samples=1000, *, n_features=4, noise=0.0, return_X_y=False, random_state=None
):
    """Make a real projective plane, by a Veronese map in four or six dimensions.

    The lines through the origin of :math:`R^3`. With a unit vector (x, y, z) on the
    line, the four columns are :math:`(xy, xz, y^2 - z^2, 2yz)`, and the six columns
    :math:`(x^2, y^2, z^2)/\\sqrt2` and :math:`(xy, xz, yz)`, which keep the angles and
    the lengths of the unit sphere.

    Parameters
    ----------
    n_samples : int, default=1000
        Number of samples.

    n_features : {4, 6}, default=4
        Number of columns.

    noise : float, default=0.0
        Standard deviation of the Gaussian noise in every column.

    return_X_y : bool, default=False
        Return only the data and the target.

    random_state : int, RandomState instance or None, default=None
        Draws the samples and the noise.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        Dictionary-like object:

        data : ndarray of shape (n_samples, n_features)
            The samples.
        coordinates : ndarray of shape (n_samples, 2)
            The angle between the line and the x-axis, from 0 to pi / 2, and the
            azimuth around it.
        target : ndarray of shape (n_samples,)
            The angle between the line and the x-axis.
        betti_numbers : dict
            Betti numbers b0, b1, ... over the fields Z/2 and Z/3, by their
            characteristic.
        intrinsic_dimension : int
            2.
        geodesic_distances : callable
            With six columns, exact distances along the manifold between samples,
            ``geodesic_distances(rows=None, columns=None)``: the angles between the
            lines. With four columns, which distort them, calling it raises a
            ValueError.
        feature_names : list of str
            Names of the columns.
        DESCR : str
            This text.

    (data, target) : tuple
        With ``return_X_y=True``.

    Examples
    --------
    Its Betti numbers depend on the field:

    >>> from skmanifold.datasets import make_projective_plane
    >>> make_projective_plane(100, random_state=0).betti_numbers
    {2: (1, 1, 1), 3: (1, 0, 0)}
    """
    rng = check_common(n_samples, noise, random_state)
    if n_features not in (4, 6):
        raise ValueError(f"n_features must be 4 or 6, got {n_features!r}.")
    # Uniform on the sphere means x uniform; the map to four columns stretches areas by
    # sqrt(4 - 3 x^2).
    stretch = np.ones_like if n_features == 6 else lambda x: np.sqrt(4.0 - 3.0 * x**2)
    polar = np.arccos(sample_density(stretch, 0.0, 1.0, n_samples, rng))
    coordinates = np.column_stack([polar, rng.uniform(0.0, 2.0 * pi, n_samples)])
    x, y, z = _angles_to_sphere(coordinates).T
    if n_features == 4:
        data = np.column_stack([x * y, x * z, y**2 - z**2, 2.0 * y * z])
    else:
        squares = np.column_stack([x**2, y**2, z**2]) / np.sqrt(2.0)
        data = np.column_stack([squares, x * y, x * z, y * z])
    isometric = SphereDistance(_angles_to_sphere, projective=True)
    return make_bunch(
        make_projective_plane,
        data,
        coordinates,
        polar,
        noise=noise,
        rng=rng,
        betti_numbers={2: (1, 1, 1), 3: (1, 0, 0)},
        intrinsic_dimension=2,
        distance=isometric if n_features == 6 else None,
        no_distance="with n_features=4 they have no closed form, with 6 they have",
        return_X_y=return_X_y,
    )


def make_circle(n_samples=1000, *, noise=0.0, return_X_y=False, random_state=None):
    """Make a unit circle.

    :math:`(\\cos t, \\sin t)`.

    Parameters
    ----------
    n_samples : int, default=1000
        Number of samples.

    noise : float, default=0.0
        Standard deviation of the Gaussian noise in every column.

    return_X_y : bool, default=False
        Return only the data and the target.

    random_state : int, RandomState instance or None, default=None
        Draws the samples and the noise.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        Dictionary-like object:

        data : ndarray of shape (n_samples, 2)
            The samples.
        coordinates : ndarray of shape (n_samples, 1)
            The angle t, from 0 to 2 pi.
        target : ndarray of shape (n_samples,)
            The angle t.
        betti_numbers : dict
            Betti numbers b0, b1, ... over the fields Z/2 and Z/3, by their
            characteristic.
        intrinsic_dimension : int
            1.
        geodesic_distances : callable
            Exact distances along the manifold between samples,
            ``geodesic_distances(rows=None, columns=None)``.
        feature_names : list of str
            Names of the columns.
        DESCR : str
            This text.

    (data, target) : tuple
        With ``return_X_y=True``.

    Examples
    --------
    >>> from skmanifold.datasets import make_circle
    >>> make_circle(100, random_state=0).betti_numbers[2]
    (1, 1)
    """
    rng = check_common(n_samples, noise, random_state)
    t = rng.uniform(0.0, 2.0 * pi, n_samples)
    return make_bunch(
        make_circle,
        np.column_stack([np.cos(t), np.sin(t)]),
        t[:, np.newaxis],
        t,
        noise=noise,
        rng=rng,
        betti_numbers=over_all_fields(1, 1),
        intrinsic_dimension=1,
        distance=FlatDistance(2.0 * pi),
        return_X_y=return_X_y,
    )


# Fine enough for the length of the trefoil to be exact to nine digits.
_TREFOIL_GRID = 20_001


def make_trefoil(n_samples=1000, *, noise=0.0, return_X_y=False, random_state=None):
    """Make a trefoil, the simplest knot.

    :math:`(\\sin t + 2 \\sin 2t, \\cos t - 2 \\cos 2t, -\\sin 3t)`, uniform by length:
    a circle that no embedding in the space unknots.

    Parameters
    ----------
    n_samples : int, default=1000
        Number of samples.

    noise : float, default=0.0
        Standard deviation of the Gaussian noise in every column.

    return_X_y : bool, default=False
        Return only the data and the target.

    random_state : int, RandomState instance or None, default=None
        Draws the samples and the noise.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        Dictionary-like object:

        data : ndarray of shape (n_samples, 3)
            The samples.
        coordinates : ndarray of shape (n_samples, 1)
            The arc length.
        target : ndarray of shape (n_samples,)
            The parameter t, from 0 to 2 pi.
        betti_numbers : dict
            Betti numbers b0, b1, ... over the fields Z/2 and Z/3, by their
            characteristic.
        intrinsic_dimension : int
            1.
        geodesic_distances : callable
            Exact distances along the manifold between samples,
            ``geodesic_distances(rows=None, columns=None)``.
        feature_names : list of str
            Names of the columns.
        DESCR : str
            This text.

    (data, target) : tuple
        With ``return_X_y=True``.

    Examples
    --------
    >>> from skmanifold.datasets import make_trefoil
    >>> make_trefoil(100, random_state=0).data.shape
    (100, 3)
    """
    rng = check_common(n_samples, noise, random_state)
    grid = np.linspace(0.0, 2.0 * pi, _TREFOIL_GRID)
    dx = np.cos(grid) + 4.0 * np.cos(2.0 * grid)
    dy = -np.sin(grid) + 4.0 * np.sin(2.0 * grid)
    dz = -3.0 * np.cos(3.0 * grid)
    speed = np.sqrt(dx**2 + dy**2 + dz**2)
    steps = (speed[1:] + speed[:-1]) / 2.0 * np.diff(grid)
    lengths = np.concatenate([[0.0], np.cumsum(steps)])
    length = rng.uniform(0.0, lengths[-1], n_samples)
    t = np.interp(length, lengths, grid)
    return make_bunch(
        make_trefoil,
        np.column_stack(
            [
                np.sin(t) + 2.0 * np.sin(2.0 * t),
                np.cos(t) - 2.0 * np.cos(2.0 * t),
                -np.sin(3.0 * t),
            ]
        ),
        length[:, np.newaxis],
        t,
        noise=noise,
        rng=rng,
        betti_numbers=over_all_fields(1, 1),
        intrinsic_dimension=1,
        distance=FlatDistance(lengths[-1]),
        return_X_y=return_X_y,
    )


def _first_angles_to_sphere(coordinates):
    return _angles_to_sphere(coordinates[:, :2])


def make_nested_clusters(
    n_samples=1000, *, noise=0.0, return_X_y=False, random_state=None
):
    """Make clusters of different dimensions inside one another.

    A solid ball of radius 0.5, a circle of radius 1.5 around it and a sphere of radius
    3 around both: they share their centre and differ in dimension, so neither means nor
    linear maps tell them apart.

    Parameters
    ----------
    n_samples : int, default=1000
        Number of samples.

    noise : float, default=0.0
        Standard deviation of the Gaussian noise in every column.

    return_X_y : bool, default=False
        Return only the data and the target.

    random_state : int, RandomState instance or None, default=None
        Draws the samples and the noise.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        Dictionary-like object:

        data : ndarray of shape (n_samples, 3)
            The samples.
        coordinates : ndarray of shape (n_samples, 3)
            Of the ball the Cartesian coordinates, of the circle the arc length, of
            the sphere the two angles; what a cluster does not need is 0.
        target : ndarray of shape (n_samples,)
            Which cluster: 0 the ball, 1 the circle, 2 the sphere.
        betti_numbers : dict
            Betti numbers b0, b1, ... over the fields Z/2 and Z/3, by their
            characteristic.
        intrinsic_dimension : tuple of int
            Dimensions of the clusters, (3, 1, 2).
        geodesic_distances : callable
            Exact distances along the clusters between samples,
            ``geodesic_distances(rows=None, columns=None)``; infinite between clusters.
        feature_names : list of str
            Names of the columns.
        DESCR : str
            This text.

    (data, target) : tuple
        With ``return_X_y=True``.

    Examples
    --------
    >>> from skmanifold.datasets import make_nested_clusters
    >>> clusters = make_nested_clusters(300, random_state=0)
    >>> clusters.intrinsic_dimension, clusters.betti_numbers[2]
    ((3, 1, 2), (3, 1, 1))
    """
    rng = check_common(n_samples, noise, random_state)
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
    coordinates[sphere, :2] = _sphere_to_angles(points)

    return make_bunch(
        make_nested_clusters,
        data,
        coordinates,
        target,
        noise=noise,
        rng=rng,
        betti_numbers=over_all_fields(3, 1, 1),
        intrinsic_dimension=(3, 1, 2),
        distance=[
            FlatDistance(np.inf, np.inf, np.inf),
            FlatDistance(2.0 * pi * 1.5, np.inf, np.inf),
            SphereDistance(_first_angles_to_sphere, radius=3.0),
        ],
        parts=target,
        return_X_y=return_X_y,
    )
