# SPDX-License-Identifier: BSD-3-Clause

import pickle
from math import pi

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse.csgraph import shortest_path
from scipy.spatial.distance import cdist
from scipy.stats import chisquare, kstest
from sklearn.neighbors import kneighbors_graph

from skmanifold import datasets

MAKERS = {
    name: getattr(datasets, name)
    for name in datasets.__all__
    if name.startswith("make_")
}

makers = pytest.mark.parametrize("name", sorted(MAKERS))


# -- what all generators share -------------------------------------------------------


@makers
def test_a_bunch_describes_its_data(name):
    bunch = MAKERS[name](90, random_state=0)
    assert set(bunch) == {
        "data",
        "coordinates",
        "target",
        "betti_numbers",
        "intrinsic_dimension",
        "geodesic_distances",
        "feature_names",
        "DESCR",
    }
    assert bunch.data.shape[0] == len(bunch.coordinates) == 90
    assert bunch.target.shape == (90,)
    assert bunch.data.dtype == np.float64
    assert len(bunch.feature_names) == bunch.data.shape[1]
    assert np.isfinite(bunch.data).all()
    assert np.isfinite(bunch.coordinates).all()
    top = np.max(bunch.intrinsic_dimension)
    assert set(bunch.betti_numbers) == {2, 3}
    for betti in bunch.betti_numbers.values():
        assert isinstance(betti, tuple)
    if name != "make_nested_clusters":
        assert len(bunch.betti_numbers[2]) == top + 1
        assert bunch.coordinates.shape[1] == top
    # Over any field the Euler characteristic is the same.
    euler = {
        sum(b * (-1) ** i for i, b in enumerate(v))
        for v in bunch.betti_numbers.values()
    }
    assert len(euler) == 1
    assert name in bunch.DESCR


@makers
def test_data_and_target_are_returned_alone(name):
    bunch = MAKERS[name](50, random_state=3, noise=0.1)
    X, y = MAKERS[name](50, random_state=3, noise=0.1, return_X_y=True)
    assert_array_equal(X, bunch.data)
    assert_array_equal(y, bunch.target)


@makers
def test_the_seed_decides(name):
    first, again = (MAKERS[name](40, noise=0.2, random_state=7) for _ in range(2))
    assert_array_equal(first.data, again.data)
    other = MAKERS[name](40, noise=0.2, random_state=8)
    assert not np.array_equal(first.data, other.data)
    state = np.random.RandomState(7)
    assert_array_equal(MAKERS[name](40, noise=0.2, random_state=state).data, first.data)


@makers
def test_the_global_random_state_is_left_alone(name):
    np.random.seed(0)  # noqa: NPY002
    MAKERS[name](10, random_state=0, noise=0.1)
    drawn = np.random.uniform()  # noqa: NPY002
    np.random.seed(0)  # noqa: NPY002
    assert drawn == np.random.uniform()  # noqa: NPY002


@makers
def test_noise_is_added_in_every_column(name):
    clean = MAKERS[name](2000, random_state=0).data
    noisy = MAKERS[name](2000, random_state=0, noise=0.3).data
    difference = noisy - clean
    assert_allclose(difference.std(axis=0), 0.3, rtol=0.08)
    assert_allclose(difference.mean(axis=0), 0, atol=0.03)


@makers
@pytest.mark.parametrize("n_samples", [1, 2, 7])
def test_any_number_of_samples_is_made(name, n_samples):
    assert len(MAKERS[name](n_samples, random_state=0).data) == n_samples


@makers
def test_bunches_can_be_pickled(name):
    bunch = MAKERS[name](20, random_state=0)
    again = pickle.loads(pickle.dumps(bunch))
    assert_array_equal(again.data, bunch.data)
    if bunch.geodesic_distances:
        assert_array_equal(again.geodesic_distances(), bunch.geodesic_distances())


@makers
@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        ({"n_samples": 0}, ValueError, r"'n_samples' .* must be an int .* Got 0 "),
        ({"n_samples": 5.0}, TypeError, r"'n_samples' .* must be an int .* Got 5\.0"),
        ({"n_samples": True}, TypeError, r"'n_samples' .* must be an int .* Got True"),
        ({"noise": -1.0}, ValueError, r"'noise' .* must be a float .* Got -1\.0"),
        ({"noise": np.nan}, ValueError, r"'noise' .* Got nan"),
        ({"noise": np.inf}, ValueError, r"'noise' .* Got inf"),
        ({"noise": None}, TypeError, r"'noise' .* Got None"),
        ({"noise": True}, TypeError, r"'noise' .* Got True"),
    ],
)
def test_wrong_arguments_are_refused(name, wrong, error, message):
    with pytest.raises(error, match=message):
        MAKERS[name](**wrong)


@pytest.mark.parametrize(
    ("name", "wrong", "message"),
    [
        ("make_star_fruit", {"radius": 2}, r"'spherical'.* Got 2"),
        ("make_open_sphere", {"cap_angle": 4}, r"'cap_angle' .* Got 4"),
        ("make_open_sphere", {"cap_angle": 0}, r"'cap_angle' .* Got 0"),
        ("make_projective_plane", {"n_features": 5}, r"'n_features' .* Got 5"),
        ("make_sphere", {"dimension": 0}, r"'dimension' .* Got 0"),
        ("make_flat_torus", {"dimension": 0}, r"'dimension' .* Got 0"),
    ],
)
def test_impossible_shapes_are_refused(name, wrong, message):
    with pytest.raises(ValueError, match=message):
        MAKERS[name](**wrong)


# -- the points lie where the formula says -------------------------------------------


def surface(name, u, v, **options):
    """The maps from coordinates to points, written from the documentation."""
    if name == "make_s_curve":
        return np.stack([np.sin(u), v, np.sign(u) * (np.cos(u) - 1)])
    if name == "make_star_fruit":
        r = 1 + np.sin(5 * v) / 8
        height = np.cos(u) if options else r * np.cos(u)
        return np.stack([r * np.sin(u) * np.cos(v), r * np.sin(u) * np.sin(v), height])
    if name == "make_open_sphere":
        polar, angle = np.hypot(u, v), np.arctan2(v, u)
        sine = np.sin(polar)
        return np.stack([sine * np.cos(angle), sine * np.sin(angle), np.cos(polar)])
    if name == "make_torus":
        out = 2 + np.cos(v)
        return np.stack([out * np.cos(u), out * np.sin(u), np.sin(v)])
    if name == "make_mobius_strip":
        out = 1 + v * np.cos(u / 2)
        return np.stack([out * np.cos(u), out * np.sin(u), v * np.sin(u / 2)])
    if name == "make_klein_bottle":
        out, up = 2 + np.cos(v), np.sin(v)
        half = u / 2
        return np.stack(
            [out * np.cos(u), out * np.sin(u), up * np.cos(half), up * np.sin(half)]
        )
    if name == "make_projective_plane":
        x, y, z = np.cos(u), np.sin(u) * np.cos(v), np.sin(u) * np.sin(v)
        return np.stack([x * y, x * z, y**2 - z**2, 2 * y * z])
    raise AssertionError(name)


BOXES = {
    "make_s_curve": ((-1.5 * pi, 1.5 * pi), (0, 2)),
    "make_star_fruit": ((pi / 4, 3 * pi / 4), (0, 2 * pi)),
    "make_torus": ((0, 2 * pi), (0, 2 * pi)),
    "make_mobius_strip": ((0, 2 * pi), (-0.5, 0.5)),
    "make_klein_bottle": ((0, 2 * pi), (0, 2 * pi)),
    "make_projective_plane": ((0, pi / 2), (0, 2 * pi)),
}


CYLINDRICAL = pytest.param("make_star_fruit", {"radius": "cylindrical"})


@pytest.mark.parametrize(
    ("name", "options"),
    [*((name, {}) for name in [*BOXES, "make_open_sphere"]), CYLINDRICAL],
)
def test_points_follow_from_their_coordinates(name, options):
    bunch = MAKERS[name](300, random_state=0, **options)
    points = surface(name, *bunch.coordinates.T, **options).T
    assert_allclose(bunch.data, points, atol=1e-12)


@pytest.mark.parametrize(
    ("name", "options"), [*((name, {}) for name in BOXES), CYLINDRICAL]
)
def test_samples_are_uniform_by_area(name, options):
    # The areas of cells in the coordinates, from small parallelograms.
    n = 25_600
    bins = (8, 40) if name == "make_star_fruit" else (8, 8)
    bunch = MAKERS[name](n, random_state=0, **options)
    (low_u, high_u), (low_v, high_v) = BOXES[name]
    m = 160
    u, v = np.meshgrid(
        low_u + (np.arange(m) + 0.5) / m * (high_u - low_u),
        low_v + (np.arange(m) + 0.5) / m * (high_v - low_v),
        indexing="ij",
    )
    h = 1e-5

    def point(u, v):
        return surface(name, u, v, **options)

    along_u = (point(u + h, v) - point(u - h, v)) / (2 * h)
    along_v = (point(u, v + h) - point(u, v - h)) / (2 * h)
    E, G = (along_u**2).sum(axis=0), (along_v**2).sum(axis=0)
    area = np.sqrt(E * G - (along_u * along_v).sum(axis=0) ** 2)
    shape = (bins[0], m // bins[0], bins[1], m // bins[1])
    cells = area.reshape(shape).sum(axis=(1, 3))
    counts = np.histogram2d(*bunch.coordinates.T, bins=bins, range=BOXES[name])[0]
    assert counts.sum() == n
    if name == "make_star_fruit":
        # The five ribs are the same, and show more when they are taken together.
        cells, counts = (a.reshape(8, 5, 8).sum(axis=1) for a in (cells, counts))
    expected = n * cells / cells.sum()
    assert chisquare(counts.ravel(), expected.ravel()).pvalue > 0.01
    # The test would see a density that ignores the area, where there is one to see.
    if name != "make_s_curve":
        flat = np.full(cells.size, n / cells.size)
        assert chisquare(counts.ravel(), flat).pvalue < 1e-6


@pytest.mark.parametrize("name", ["make_swiss_roll", "make_twin_swiss_roll"])
def test_rolls_are_uniform_by_area_and_their_coordinates_are_lengths(name):
    bunch = MAKERS[name](4000, random_state=0)
    radius = np.hypot(bunch.data[:, 0], bunch.data[:, 2])
    # The length of the spiral by fine chords.
    t = np.linspace(1.5 * pi, 4.5 * pi, 200_001)
    spiral = np.column_stack([t * np.cos(t), t * np.sin(t)])
    lengths = np.append(0, np.cumsum(np.linalg.norm(np.diff(spiral, axis=0), axis=1)))
    assert_allclose(bunch.coordinates[:, 0], np.interp(radius, t, lengths), rtol=1e-6)
    assert_allclose(bunch.coordinates[:, 1], bunch.data[:, 1])
    assert kstest(bunch.coordinates[:, 0] / lengths[-1], "uniform").pvalue > 0.01
    assert kstest(bunch.coordinates[:, 1] / 21, "uniform").pvalue > 0.01
    if name == "make_swiss_roll":
        t = bunch.target
        expected = np.column_stack([t * np.cos(t), bunch.data[:, 1], t * np.sin(t)])
        assert_allclose(bunch.data, expected)


def test_twin_rolls_do_not_meet():
    bunch = datasets.make_twin_swiss_roll(3001, random_state=0)
    rolls = [bunch.data[bunch.target == roll] for roll in (0, 1)]
    assert [len(roll) for roll in rolls] == [1501, 1500]
    assert cdist(*rolls).min() > 2.9
    # The second is the first, turned by half a turn: each between the other's layers.
    angle = np.arctan2(rolls[1][:, 2], rolls[1][:, 0])
    radius = np.hypot(rolls[1][:, 0], rolls[1][:, 2])
    apart = (radius - angle - pi) / (2 * pi)
    assert_allclose(apart, np.round(apart), atol=1e-9)
    D = bunch.geodesic_distances()
    same = bunch.target[:, np.newaxis] == bunch.target
    assert np.isfinite(D[same]).all()
    assert np.isinf(D[~same]).all()


@pytest.mark.parametrize("cap_angle", [0.4 * pi, 0.5 * pi, 0.9 * pi])
def test_an_open_sphere_is_uniform_up_to_its_rim(cap_angle):
    bunch = datasets.make_open_sphere(2000, cap_angle=cap_angle, random_state=0)
    assert_allclose(np.linalg.norm(bunch.data, axis=1), 1)
    height = bunch.data[:, 2]
    share = (height - np.cos(cap_angle)) / (1 - np.cos(cap_angle))
    # Archimedes: on a sphere, area is height.
    assert kstest(share, "uniform").pvalue > 0.01
    azimuth = np.arctan2(bunch.data[:, 1], bunch.data[:, 0])
    assert kstest(azimuth / (2 * pi) + 0.5, "uniform").pvalue > 0.01
    assert_allclose(bunch.target, np.arccos(height))
    assert (bunch.geodesic_distances is None) == (cap_angle > pi / 2)


@pytest.mark.parametrize("dimension", [1, 2, 3, 5])
def test_spheres_are_uniform_and_their_angles_give_the_points(dimension):
    bunch = datasets.make_sphere(3000, dimension=dimension, random_state=0)
    X, angles = bunch.data, bunch.coordinates
    assert X.shape == (3000, dimension + 1)
    assert_allclose(np.linalg.norm(X, axis=1), 1)
    for column in range(dimension + 1):
        expected = np.prod(np.sin(angles[:, :column]), axis=1)
        if column < dimension:
            expected = expected * np.cos(angles[:, column])
        assert_allclose(X[:, column], expected, atol=1e-12)
    assert (angles[:, -1] >= 0).all()
    assert (angles[:, -1] < 2 * pi).all()
    assert_allclose(X.T @ X / 3000, np.eye(dimension + 1) / (dimension + 1), atol=0.03)
    betti = np.zeros(dimension + 1, dtype=int)
    betti[[0, -1]] = 1
    assert bunch.betti_numbers[2] == tuple(betti)
    if dimension == 2:
        assert kstest(X[:, 0] / 2 + 0.5, "uniform").pvalue > 0.01


@pytest.mark.parametrize("dimension", [1, 2, 4])
def test_flat_tori_are_products_of_circles(dimension):
    bunch = datasets.make_flat_torus(2000, dimension=dimension, random_state=0)
    for i in range(dimension):
        angle = bunch.coordinates[:, i]
        assert_allclose(bunch.data[:, 2 * i], np.cos(angle))
        assert_allclose(bunch.data[:, 2 * i + 1], np.sin(angle))
        assert kstest(angle / (2 * pi), "uniform").pvalue > 0.01
    assert sum(bunch.betti_numbers[2]) == 2**dimension


def test_the_circle_is_uniform():
    bunch = datasets.make_circle(2000, random_state=0)
    t = bunch.coordinates[:, 0]
    assert_allclose(bunch.data, np.column_stack([np.cos(t), np.sin(t)]))
    assert kstest(t / (2 * pi), "uniform").pvalue > 0.01


def test_the_trefoil_is_uniform_by_length():
    bunch = datasets.make_trefoil(6000, random_state=0)

    def knot(t):
        return np.column_stack(
            [
                np.sin(t) + 2 * np.sin(2 * t),
                np.cos(t) - 2 * np.cos(2 * t),
                -np.sin(3 * t),
            ]
        )

    assert_allclose(bunch.data, knot(bunch.target))
    t = np.linspace(0, 2 * pi, 400_001)
    lengths = np.append(0, np.cumsum(np.linalg.norm(np.diff(knot(t), axis=0), axis=1)))
    by_length = np.interp(bunch.target, t, lengths)
    assert_allclose(bunch.coordinates[:, 0], by_length, rtol=1e-6, atol=1e-6)
    assert kstest(by_length / lengths[-1], "uniform").pvalue > 0.01
    period = bunch.geodesic_distances.distance.periods[0]
    assert_allclose(period, lengths[-1], rtol=1e-8)


def test_six_columns_of_the_projective_plane_are_isometric():
    bunch = datasets.make_projective_plane(2000, n_features=6, random_state=0)
    polar, azimuth = bunch.coordinates.T
    line = np.column_stack(
        [
            np.cos(polar),
            np.sin(polar) * np.cos(azimuth),
            np.sin(polar) * np.sin(azimuth),
        ]
    )
    x, y, z = line.T
    root = np.sqrt(2)
    expected = np.column_stack(
        [x**2 / root, y**2 / root, z**2 / root, x * y, x * z, y * z]
    )
    assert_allclose(bunch.data, expected, atol=1e-12)
    # Chords are the sines of the angles between the lines.
    angles = np.arccos(np.clip(np.abs(line @ line.T), 0, 1))
    assert_allclose(cdist(bunch.data, bunch.data), np.sin(angles), atol=1e-7)
    assert_allclose(bunch.geodesic_distances(), angles, atol=1e-7)
    assert kstest(x, "uniform").pvalue > 0.01


def test_nested_clusters_are_a_ball_a_circle_and_a_sphere():
    bunch = datasets.make_nested_clusters(6000, random_state=0)
    assert_array_equal(np.bincount(bunch.target), [2000, 2000, 2000])
    ball, circle, sphere = (bunch.data[bunch.target == c] for c in range(3))
    radius = np.linalg.norm(ball, axis=1)
    assert kstest((radius / 0.5) ** 3, "uniform").pvalue > 0.01
    assert_allclose(np.linalg.norm(circle, axis=1), 1.5)
    assert_array_equal(circle[:, 2], 0)
    assert_allclose(np.linalg.norm(sphere, axis=1), 3)
    assert kstest(sphere[:, 2] / 6 + 0.5, "uniform").pvalue > 0.01
    in_ball, in_circle, in_sphere = (
        bunch.coordinates[bunch.target == c] for c in range(3)
    )
    assert_array_equal(in_ball, ball)
    assert_array_equal(in_circle[:, 1:], 0)
    assert_allclose(1.5 * np.cos(in_circle[:, 0] / 1.5), circle[:, 0])
    assert_allclose(3 * np.cos(in_sphere[:, 0]), sphere[:, 0])


# -- distances -----------------------------------------------------------------------

WITH_DISTANCES = {
    "make_swiss_roll": {},
    "make_s_curve": {},
    "make_open_sphere": {"cap_angle": 0.4 * pi},
    "make_sphere": {},
    "make_flat_torus": {},
    "make_circle": {},
    "make_trefoil": {},
    "make_projective_plane": {"n_features": 6},
}


@pytest.mark.parametrize("name", WITH_DISTANCES)
def test_geodesics_agree_with_paths_between_many_samples(name):
    bunch = MAKERS[name](3000, random_state=0, **WITH_DISTANCES[name])
    few = np.arange(30)
    exact = bunch.geodesic_distances(few)
    assert exact.shape == (30, 3000)
    graph = kneighbors_graph(bunch.data, 15, mode="distance")
    paths = shortest_path(graph, directed=False, indices=few)
    far = exact > np.quantile(exact, 0.3)
    ratio = paths[far] / exact[far]
    # Paths zigzag, which makes them longer, and their steps are chords, hardly shorter.
    assert 0.99 < ratio.min()
    assert ratio.max() < 1.2
    assert np.median(ratio) < 1.05


@pytest.mark.parametrize("name", WITH_DISTANCES)
def test_geodesics_are_a_metric_and_not_shorter_than_chords(name):
    bunch = MAKERS[name](60, random_state=0, **WITH_DISTANCES[name])
    D = bunch.geodesic_distances()
    assert_allclose(D, D.T, atol=1e-9)
    assert_allclose(np.diag(D), 0, atol=1e-7)
    assert (D[:, :, np.newaxis] <= D[:, np.newaxis] + D.T[np.newaxis] + 1e-9).all()
    assert (D >= cdist(bunch.data, bunch.data) - 1e-7).all()
    rows, columns = [3, 1], np.array([0, 5, 8])
    assert_allclose(bunch.geodesic_distances(rows, columns), D[np.ix_(rows, columns)])
    assert_allclose(bunch.geodesic_distances(columns=columns), D[:, columns])


IN_PARTS = {"make_twin_swiss_roll", "make_nested_clusters"}


WITHOUT = {*MAKERS} - {*WITH_DISTANCES} - IN_PARTS


@pytest.mark.parametrize("name", sorted({*WITHOUT, "make_projective_plane"}))
def test_no_distances_where_none_are_known(name):
    assert MAKERS[name](10, random_state=0).geodesic_distances is None


def test_distances_within_nested_clusters_are_geodesics():
    bunch = datasets.make_nested_clusters(900, noise=0.1, random_state=0)
    clean = datasets.make_nested_clusters(900, random_state=0)
    D = bunch.geodesic_distances()
    same = bunch.target[:, np.newaxis] == bunch.target
    assert np.isinf(D[~same]).all()
    ball, circle, sphere = (clean.data[clean.target == c] for c in range(3))
    ball_D, circle_D, sphere_D = (D[np.ix_(*[bunch.target == c] * 2)] for c in range(3))
    assert_allclose(ball_D, cdist(ball, ball))
    for points, result, radius in ((circle, circle_D, 1.5), (sphere, sphere_D, 3.0)):
        cosine = np.clip(points @ points.T / radius**2, -1, 1)
        assert_allclose(result, radius * np.arccos(cosine), atol=1e-6)
    rows, columns = np.array([7, 2, 9]), bunch.target == 2
    assert_array_equal(bunch.geodesic_distances(rows, columns), D[rows][:, columns])


@pytest.mark.parametrize("wrong", [3, [[1]], [0.5], "a"])
def test_geodesics_of_what_is_no_list_are_refused(wrong):
    distances = datasets.make_swiss_roll(9, random_state=0).geodesic_distances
    with pytest.raises(ValueError, match=r"rows=.* must be None or a list"):
        distances(wrong)
    with pytest.raises(ValueError, match=r"columns=.* must be None or a list"):
        distances(columns=wrong)
    assert distances([3], [1, 2]).shape == (1, 2)
    assert distances([]).shape == (0, 9)
