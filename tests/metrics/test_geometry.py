# SPDX-License-Identifier: BSD-3-Clause

from itertools import combinations, product
from math import pi

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.decomposition import PCA

from skmanifold.metrics import isometry_distortion, local_curvature

OCTAHEDRON = np.concatenate([np.eye(3), -np.eye(3)])


# -- angle defect --------------------------------------------------------------------


def naive_defect(Z, i, near):
    """Angles summed around the best plane, one by one."""
    vectors = [Z[j] - Z[i] for j in near]
    center = np.mean(vectors, axis=0)
    normal_last = np.linalg.svd([v - center for v in vectors])[2]
    at = [np.arctan2(normal_last[1] @ v, normal_last[0] @ v) for v in vectors]
    around = [vectors[j] for j in np.argsort(at)]
    total = 0.0
    for u, v in zip(around, around[1:] + around[:1], strict=True):
        total += np.arccos(u @ v / np.linalg.norm(u) / np.linalg.norm(v))
    return 2 * pi - total


@pytest.mark.parametrize("n_components", [2, 3, 5])
def test_defects_follow_the_definition(pair, plain, n_components):
    X, Z = pair
    Z = np.column_stack([Z, X])[:, :n_components]
    ranks = plain.ranks(X)
    expected = []
    for i in range(60):
        near = [j for j in range(60) if j != i and ranks[i, j] <= 7]
        expected.append(naive_defect(Z, i, near))
    defects = local_curvature(X, Z, n_neighbors=7, per_sample=True)
    assert_allclose(defects, expected, atol=1e-7)
    assert_allclose(local_curvature(X, Z, n_neighbors=7), np.abs(expected).mean())


def test_repeated_rows_have_no_direction():
    solid = np.concatenate([OCTAHEDRON, OCTAHEDRON[:1]])
    defects = local_curvature(solid, solid, n_neighbors=5, per_sample=True)
    assert_allclose(defects[[0, 6]], 2 * pi / 3)
    with pytest.raises(ValueError, match="three directions are needed"):
        local_curvature(*[np.repeat(OCTAHEDRON, 5, axis=0)] * 2, n_neighbors=4)


# -- turning angle -------------------------------------------------------------------


@pytest.mark.parametrize("n", [12, 100])
def test_paths_around_a_regular_polygon_turn_by_its_angle(n):
    t = 2 * pi * np.arange(n) / n
    polygon = np.column_stack([np.cos(t), np.sin(t)])
    value = local_curvature(
        polygon, polygon, method="turning_angle", n_neighbors=2, random_state=0
    )
    assert_allclose(value, 2 * pi / n)


def test_a_straight_path_does_not_turn_and_a_staircase_turns_at_every_step():
    X = np.arange(40.0)[:, np.newaxis] ** 1.001
    straight = X @ [[1.0, 2.0, -1.0]]
    options = {"method": "turning_angle", "n_neighbors": 2, "random_state": 0}
    assert_allclose(local_curvature(X, straight, **options), 0, atol=1e-6)
    steps = np.arange(40)
    stairs = np.column_stack([(steps + 1) // 2, steps // 2]).astype(float)
    # Distances by which it does not pay to skip a sample, at the ends either.
    chain = np.abs(steps[:, np.newaxis] - steps) ** 1.5
    value = local_curvature(chain, stairs, metric="precomputed", **options)
    assert_allclose(value, pi / 2)


def test_paths_avoid_what_is_not_connected_and_need_an_inner_vertex():
    t = 2 * pi * np.arange(20) / 20
    circle = np.column_stack([np.cos(t), np.sin(t)])
    two = np.concatenate([circle, circle + 50])
    options = {"method": "turning_angle", "random_state": 0}
    assert_allclose(local_curvature(two, two, n_neighbors=2, **options), pi / 10)
    with pytest.raises(ValueError, match="None of 1000 random paths"):
        local_curvature(circle, circle, n_neighbors=19, **options)


def test_coinciding_samples_on_a_path_are_passed_over():
    steps = np.arange(30)
    chain = np.abs(steps[:, np.newaxis] - steps).astype(float)
    doubled = np.repeat(np.arange(15.0), 2)[:, np.newaxis] @ [[1.0, 1.0]]
    value = local_curvature(
        chain,
        doubled,
        method="turning_angle",
        metric="precomputed",
        n_neighbors=2,
        random_state=0,
    )
    assert_allclose(value, 0, atol=1e-7)


@pytest.mark.parametrize("method", ["angle_defect", "turning_angle"])
def test_curvature_ignores_rotation_and_scale_of_the_embedding(pair, method):
    X, Z = pair
    options = {"method": method, "n_neighbors": 5, "random_state": 0}
    value = local_curvature(X, Z, **options)
    turned = np.linalg.qr(np.random.default_rng(0).normal(size=(2, 2)))[0]
    assert_allclose(local_curvature(X, 50 * Z @ turned + 3, **options), value)
    assert_allclose(local_curvature(X, Z, n_jobs=2, **options), value)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"method": "gauss"}, r"'method' .* must be a str among"),
        ({"n_components": 1}, "at least two features"),
        ({"n_neighbors": 2}, "n_neighbors >= 3"),
        ({"n_neighbors": 60}, "at most 59 for 60 samples"),
        ({"n_neighbors": (3, 5)}, "must be an int, got"),
        ({"method": "turning_angle", "per_sample": True}, "belong to paths"),
        ({"method": "turning_angle", "n_samples": 9}, "=9 require .* Set n_paths"),
        ({"method": "turning_angle", "n_paths": 0}, "n_paths"),
    ],
)
def test_wrong_options_of_curvature_are_refused(pair, options, message):
    X, Z = pair
    Z = Z[:, : options.get("n_components", 2)]
    options = {name: v for name, v in options.items() if name != "n_components"}
    with pytest.raises((TypeError, ValueError), match=message):
        local_curvature(X, Z, **options)


# -- isometry of a decoder -----------------------------------------------------------

SQUARE = np.array(list(product([0.0, 1.0], repeat=2)))


def test_isometries_up_to_scale_are_zero():
    rng = np.random.default_rng(0)
    Z = rng.normal(size=(200, 2))
    basis = np.linalg.qr(rng.normal(size=(7, 2)))[0].T
    assert_allclose(isometry_distortion(lambda z: 5 * z @ basis + 1, Z), 0, atol=1e-12)
    pca = PCA(n_components=2).fit(rng.normal(size=(50, 4)))
    assert_allclose(isometry_distortion(pca, Z), 0, atol=1e-12)
    images = isometry_distortion(lambda z: (z @ basis).reshape(len(z), 1, 7), Z)
    assert_allclose(images, 0, atol=1e-12)


def test_a_stretched_square_has_the_value_by_hand():
    # On a grid of m by m: m (m - 1) edges along each axis, (m - 1)^2 diagonals.
    for m in (2, 9):
        ratios = [2.0] * (m * (m - 1)) + [1.0] * (m * (m - 1))
        ratios += [np.sqrt(5 / 2)] * (m - 1) ** 2
        expected = np.std(ratios) / np.mean(ratios)
        value = isometry_distortion(lambda z: z * [2.0, 1.0], SQUARE, grid_size=m)
        assert_allclose(value, expected)


def test_the_grid_stays_within_the_hull():
    rng = np.random.default_rng(0)
    angle, radius = rng.uniform(0, 2 * pi, 300), np.sqrt(rng.uniform(size=300))
    disc = np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])
    seen = []

    def decoder(z):
        seen.append(z)
        return z

    isometry_distortion(decoder, disc, grid_size=30)
    (vertices,) = seen
    assert np.linalg.norm(vertices, axis=1).max() <= 1 + 1e-12
    assert_allclose(len(vertices) / 30**2, pi / 4, rtol=0.1)


@pytest.mark.parametrize("d", [1, 2, 3])
def test_every_dimension_has_the_edges_of_its_triangulation(d):
    # 2^d - 1 directions; on a cube of two vertices along each axis, an edge joins
    # a to b if b - a is 0 or 1 everywhere.
    corners = list(product([0, 1], repeat=d))
    ratios = []
    scale = np.arange(1.0, d + 1)
    for a, b in combinations(corners, 2):
        step = np.subtract(b, a)
        if (step >= 0).all():
            ratios.append(np.linalg.norm(step * scale) / np.linalg.norm(step))
    expected = np.std(ratios) / np.mean(ratios)
    Z = np.array(corners, dtype=float)
    value = isometry_distortion(lambda z: z * scale, Z, grid_size=2)
    assert_allclose(value, expected, atol=1e-15)


CODES = np.random.default_rng(0).normal(size=(50, 2))


@pytest.mark.parametrize(
    "decoder, Z, options, message",
    [
        ("decoder", CODES, {}, "inverse_transform"),
        (lambda z: np.ones((len(z), 3)), CODES, {}, "same sample"),
        (lambda z: z[:-1], CODES, {}, r"one sample for each of \d+ points"),
        (lambda z: z * np.nan, CODES, {}, "must return finite samples"),
        (lambda z: z, CODES * [1.0, 0.0], {}, "constant"),
        (lambda z: z, CODES[:, :1] @ [[1.0, 1.0]], {}, "span no volume"),
        (lambda z: z, np.ones((50, 7)), {}, "at most 6"),
        (lambda z: z, CODES, {"grid_size": 1}, "grid_size"),
        (lambda z: z, CODES, {"grid_size": 2.5}, "grid_size"),
    ],
)
def test_wrong_decoders_and_codes_are_refused(decoder, Z, options, message):
    with pytest.raises((TypeError, ValueError), match=message):
        isometry_distortion(decoder, Z, **options)
