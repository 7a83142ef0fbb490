# SPDX-License-Identifier: BSD-3-Clause

import warnings
from itertools import combinations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import make_circles
from sklearn.mixture import GaussianMixture

from skmanifold import datasets
from skmanifold.atlas import AtlasAE
from skmanifold.topology import (
    FilteredComplex,
    betti_numbers,
    cech_nerve,
    choose_n_charts,
    denoise,
    overlap,
    persistence,
    soft_cover,
)


def random_cover(n=60, k=6, seed=0):
    Q = np.random.RandomState(seed).dirichlet(np.full(k, 0.3), size=n)
    return Q / Q.sum(1, keepdims=True)


# -- overlap


def test_overlap_follows_the_formula():
    Q = random_cover()
    S = Q.sum(0)
    expected = [
        [0.5 * (1 / S[a] + 1 / S[b]) * sum(Q[:, a] * Q[:, b]) for a in range(6)]
        for b in range(6)
    ]
    assert_allclose(overlap(Q), expected, rtol=1e-12)


def test_overlap_of_a_dead_chart_is_zero():
    u = overlap([[1.0, 0.0], [1.0, 0.0]])
    assert_array_equal(u, [[1.0, 0.0], [0.0, 0.0]])


# -- the nerve


def by_simplex(nerve):
    return {
        tuple(int(v) for v in simplex): value
        for simplices, values in zip(nerve.simplices, nerve.values, strict=True)
        for simplex, value in zip(simplices, values, strict=True)
    }


@pytest.mark.parametrize("rank", [1, 3])
def test_dowker_follows_the_definition(rank):
    Q = random_cover()
    actual = by_simplex(cech_nerve(Q, 3, rank=rank))
    expected = {
        sigma: -np.log(np.sort(Q[:, sigma].min(1))[-rank])
        for size in range(1, 5)
        for sigma in combinations(range(6), size)
    }
    assert set(actual) == set(expected)
    for sigma, value in expected.items():
        assert actual[sigma] == pytest.approx(value, rel=1e-12)


def test_fuzzy_follows_the_definition():
    Q = random_cover()
    S = Q.sum(0)
    actual = by_simplex(cech_nerve(Q, 3, filtration="fuzzy"))

    def u(face):
        return np.mean(1 / S[list(face)]) * Q[:, face].prod(1).sum()

    for sigma, value in actual.items():
        faces = [
            face
            for size in range(2, len(sigma) + 1)
            for face in combinations(sigma, size)
        ]
        expected = max([0.0, *(-np.log(u(face)) for face in faces)])
        assert value == pytest.approx(expected, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("filtration", ["dowker", "fuzzy"])
@pytest.mark.parametrize("max_simplices", [7, 50_000])
def test_every_face_enters_first(filtration, max_simplices):
    nerve = cech_nerve(
        random_cover(k=9), 3, filtration=filtration, max_simplices=max_simplices
    )
    actual = by_simplex(nerve)
    for sigma, value in actual.items():
        for face in combinations(sigma, len(sigma) - 1):
            assert not face or actual[face] <= value
    tree = nerve.to_gudhi()
    assert not tree.make_filtration_non_decreasing()
    assert tree.num_simplices() == len(actual)


def test_what_is_left_out_enters_last():
    Q = random_cover(k=9)
    whole, part = (by_simplex(cech_nerve(Q, 3, max_simplices=m)) for m in (10**6, 20))
    end = cech_nerve(Q, 3, max_simplices=20).end
    assert 9 < len(part) < len(whole)
    first = [{s: v for s, v in c.items() if v < end} for c in (whole, part)]
    assert first[0] == first[1]


def test_memberships_of_zero_span_no_simplex():
    nerve = cech_nerve([[1.0, 0.0, 0.0], [0.5, 0.5, 0.0]], 2)
    assert set(by_simplex(nerve)) == {(0,), (1,), (0, 1)}
    assert nerve.end == np.inf
    assert nerve.dimension == 2


def test_subsample_is_always_the_same():
    Q = random_cover(n=3000)
    a, b = (by_simplex(cech_nerve(Q, 2, max_samples=100)) for _ in range(2))
    assert a == b != by_simplex(cech_nerve(Q, 2, max_samples=None))


# -- homology


def circle_of_edges(n):
    edges = np.sort([(i, (i + 1) % n) for i in range(n)], axis=1)
    edges = edges[np.lexsort(edges.T[::-1])]
    vertices = np.arange(n)[:, np.newaxis]
    return FilteredComplex(
        [vertices, edges, np.empty((0, 3), int)], [np.zeros(n), np.ones(n), np.empty(0)]
    )


def test_a_circle_that_is_never_filled():
    bars = persistence(circle_of_edges(5))
    assert_array_equal(bars[1], [[1.0, np.inf]])
    assert (bars[0] == np.inf).sum() == 1
    actual = betti_numbers(circle_of_edges(5), 1)
    assert actual.numbers == (1, 1) and actual.decided


def test_the_smallest_projective_plane_has_torsion():
    triangles = "012 023 034 045 015 124 235 134 245 135".split()
    triangles = np.array([[int(v) for v in triangle] for triangle in triangles])
    # the six-vertex triangulation: every edge lies in two triangles
    edges = np.array(list(combinations(range(6), 2)))
    shared = [sum(set(e) <= set(t) for t in triangles) for e in edges]
    assert shared == [2] * 15
    plane = FilteredComplex(
        [np.arange(6)[:, None], edges, triangles, np.empty((0, 4), int)],
        [np.zeros(6), np.zeros(15), np.zeros(10), np.empty(0)],
    )
    assert betti_numbers(plane, 2, field=2).numbers == (1, 1, 1)
    assert betti_numbers(plane, 2, field=3).numbers == (1, 0, 0)


@pytest.mark.parametrize("field", [2, 3])
@pytest.mark.parametrize(
    "name, options, n_charts",
    [
        ("make_circle", {}, 4),
        ("make_sphere", {}, 8),
        ("make_flat_torus", {}, 16),
        ("make_projective_plane", {"n_features": 6}, 12),
    ],
)
def test_betti_numbers_are_the_true_ones(name, options, n_charts, field):
    bunch = getattr(datasets, name)(3000, random_state=0, **options)
    Q = soft_cover(bunch.data, n_charts, random_state=0)
    truth = tuple(bunch.betti_numbers[field])
    assert betti_numbers(Q, len(truth) - 1, field=field).numbers == truth


@pytest.mark.parametrize("name", ["make_s_curve", "make_open_sphere"])
def test_what_can_be_shrunk_to_a_point(name):
    X = getattr(datasets, name)(2000, random_state=0).data
    actual = betti_numbers(soft_cover(X, 16, random_state=0))
    assert actual.numbers == (1, 0, 0)


def test_cover_of_a_gaussian_mixture():
    X = datasets.make_circle(1000, noise=0.02, random_state=0).data
    mixture = GaussianMixture(6, random_state=0).fit(X)
    assert betti_numbers(mixture.predict_proba(X), 1).numbers == (1, 1)


@pytest.mark.parametrize("n_charts", [1, 3, 100])
def test_charts_that_are_all_the_same_tell_nothing(n_charts):
    with pytest.warns(UserWarning, match="numbers None are undecided: the charts over"):
        actual = betti_numbers(np.full((10, n_charts), 1 / n_charts))
    assert actual.numbers is None and not actual.decided
    assert actual.confidence == 0
    assert_array_equal(actual.n_charts, [n_charts] * 3)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("n_charts", [8, 12, 16, 24, 32])
def test_a_circle_inside_another_is_never_overlooked(n_charts, seed):
    X, _ = make_circles(400, factor=0.3, noise=0.02, random_state=seed)
    Q = soft_cover(X, n_charts, random_state=seed)
    with warnings.catch_warnings(record=True, action="always") as caught:
        actual = betti_numbers(Q, 1)
    assert actual.numbers == (2, 2) or not actual.decided
    assert len(caught) == (not actual.decided)
    if n_charts in (12, 16):
        assert actual.decided


def test_a_component_of_few_charts_is_undecided():
    X, _ = make_circles(400, factor=0.3, noise=0.02, random_state=0)
    Q = soft_cover(X, 8, random_state=0)
    with pytest.warns(UserWarning, match=r"a component has only \d chart\(s\)\. Pass"):
        actual = betti_numbers(Q, 1)
    # two or three charts do not show the loop of the inner circle
    assert actual.numbers == (2, 1) and not actual.decided
    assert betti_numbers(Q, 0).decided


def test_charts_that_do_not_overlap_are_undecided():
    labels = np.repeat(np.eye(6), 10, axis=0)
    with pytest.warns(UserWarning, match="undecided: no charts overlap"):
        assert not betti_numbers(labels).decided


def test_bars_of_medium_length_are_undecided():
    nerve = circle_of_edges(5)
    shortest = 2 + 0.35 * np.log(5 / 32)
    whole = 2 * np.exp(shortest) - 1
    diagonals = np.array([[0, 2], [0, 3]])
    triangles = np.array([[0, 1, 2], [0, 2, 3], [0, 3, 4]])
    for factor, votes in [
        (0.5, [(1, 0)] * 3),
        # much longer than the next bar, and 0.7 of the minimum
        (0.65, [(1, 1), (1, 0), (1, 0)]),
        (0.8, [(1, 1), (1, 1), (1, 0)]),
        (1.0, [(1, 1)] * 3),
    ]:
        stop = 2 * np.exp(factor * shortest) - 1
        filled = FilteredComplex(
            [nerve.simplices[0], np.r_[nerve.simplices[1], diagonals], triangles],
            [nerve.values[0], np.r_[nerve.values[1], stop, stop], np.full(3, stop)],
            end=max(stop, whole),
        )
        with warnings.catch_warnings(action="ignore"):
            actual = betti_numbers(filled, 1)
        assert actual.votes == votes
        assert actual.decided == (len(set(votes)) == 1)


def test_two_parts_that_never_meet():
    half = soft_cover(datasets.make_circle(500, random_state=0).data, 4, random_state=0)
    zeros = np.zeros_like(half)
    Q = np.block([[half, zeros], [zeros, half]])
    assert betti_numbers(Q, 1).numbers == (2, 2)


@pytest.mark.parametrize("gap", [3, 5])
@pytest.mark.parametrize("n_charts, seed", [(8, 0), (8, 1), (16, 1)])
def test_parts_that_lie_apart(n_charts, seed, gap):
    circle = datasets.make_circle(500, random_state=0).data
    Q = soft_cover(np.r_[circle, circle + gap], n_charts, random_state=seed)
    assert betti_numbers(Q).numbers == (2, 2, 0)


def test_noise_in_a_hundred_dimensions_does_no_harm():
    rng = np.random.default_rng(0)
    basis, _ = np.linalg.qr(rng.normal(size=(100, 3)))
    X = datasets.make_sphere(2000, random_state=0).data @ basis.T
    X = X + 0.1 * rng.normal(size=X.shape)
    Q = soft_cover(X, 8, denoise=True, random_state=0)
    assert betti_numbers(Q, rank=5).numbers == (1, 0, 1)
    assert_array_equal(Q, soft_cover(denoise(X), 8, random_state=0))


# -- covers


@pytest.mark.parametrize("init", ["k-means", "random", "farthest"])
def test_soft_covers_are_memberships(init):
    X = datasets.make_sphere(300, random_state=0).data
    Q = soft_cover(X, 8, init=init, random_state=0)
    assert_allclose(Q.sum(1), 1, rtol=1e-12)
    assert len(set(Q.argmax(1))) == 8
    assert_array_equal(Q, soft_cover(X, 8, init=init, random_state=0))
    # neither the unit nor the origin counts
    moved = soft_cover(1e3 * X + 1e5, 8, init=init, random_state=0)
    assert_allclose(moved, Q, atol=1e-6)


def test_soft_cover_of_equal_rows():
    Q = soft_cover(np.ones((5, 2)), 3, init="farthest", random_state=0)
    assert_allclose(Q, 1 / 3)


@pytest.mark.parametrize(
    "name, n_samples, n_charts",
    [("make_circle", 400, 16), ("make_torus", 2000, 24), ("make_sphere", 1000, 16)],
)
def test_the_smallest_cover_with_the_topology_of_the_data(name, n_samples, n_charts):
    bunch = getattr(datasets, name)(n_samples, random_state=0)
    chosen, estimate = choose_n_charts(bunch.data, random_state=0)
    assert chosen == n_charts and estimate.decided
    assert estimate.numbers[: len(bunch.betti_numbers[2])] == bunch.betti_numbers[2]
    Q = soft_cover(bunch.data, "auto", random_state=0)
    with warnings.catch_warnings(action="ignore"):
        # one cover alone may be undecided
        assert betti_numbers(Q).numbers == estimate.numbers
    # the same cover as with the number
    assert_array_equal(Q, soft_cover(bunch.data, n_charts, random_state=0))


def test_too_few_charts_are_not_chosen():
    X = datasets.make_torus(2000, random_state=0).data
    assert betti_numbers(soft_cover(X, 16, random_state=0)).numbers != (1, 2, 1)
    with pytest.warns(UserWarning, match="undecided: some bars are neither long nor"):
        assert not betti_numbers(soft_cover(X, 12, random_state=0)).decided


@pytest.mark.parametrize("seed", range(3))
def test_a_circle_inside_another_has_sixteen_charts(seed):
    X, _ = make_circles(400, factor=0.3, noise=0.02, random_state=seed)
    chosen, estimate = choose_n_charts(X, 1, random_state=seed)
    assert chosen == 16
    assert estimate.numbers == (2, 2) and estimate.decided


def test_undecided_votes_choose_a_default():
    X = np.random.default_rng(0).normal(size=(400, 10))
    with pytest.warns(UserWarning, match="undecided"):
        with pytest.warns(UserWarning, match=r"using n_charts=16\. Set n_charts"):
            Q = soft_cover(X, "auto", random_state=0)
    assert Q.shape == (400, 16)


@pytest.mark.parametrize("n_samples, n_charts", [(159, 16), (3, 3)])
def test_few_samples_choose_a_default(n_samples, n_charts):
    X = np.random.default_rng(0).normal(size=(n_samples, 2))
    message = f"at least 160 .* X has {n_samples}; using n_charts={n_charts}. Set"
    with pytest.warns(UserWarning, match=message):
        chosen, estimate = choose_n_charts(X, random_state=0)
    assert chosen == n_charts
    assert estimate.numbers is None and not estimate.decided


@pytest.mark.parametrize("scale", [1e200, 1e-200])
def test_soft_cover_and_denoise_in_any_unit(scale):
    X = datasets.make_circle(300, random_state=0).data
    Q = soft_cover(X, 8, random_state=0)
    assert_allclose(soft_cover(scale * X, 8, random_state=0), Q, atol=1e-6)
    assert_allclose(denoise(scale * X) / scale, denoise(X), atol=1e-12)


# -- noise


def test_denoise_finds_the_plane_of_a_circle():
    rng = np.random.default_rng(0)
    clean = np.pad(datasets.make_circle(1000, random_state=0).data, ((0, 0), (0, 48)))
    noisy = clean + 0.2 * rng.normal(size=clean.shape) + 7.0
    result = denoise(noisy, n_neighbors=0)
    assert np.linalg.matrix_rank(result - result.mean(0), tol=1e-6) == 2

    def rms(X):
        return np.sqrt(((X - 7.0 - clean) ** 2).sum(1).mean())

    assert rms(denoise(noisy, n_neighbors=50)) < rms(result) < 0.3 * rms(noisy)


def test_denoise_leaves_data_without_noise_in_their_space():
    X = datasets.make_flat_torus(500, dimension=3, random_state=0).data
    assert_allclose(denoise(X, n_neighbors=0), X, atol=1e-12)
    torus = datasets.make_torus(500, random_state=0).data
    assert_allclose(denoise(torus, n_neighbors=0), torus, atol=1e-12)
    # the short axis of an ellipse, and the circle of a long cylinder, are no noise
    circle = datasets.make_circle(300, random_state=0).data
    for stretched in (circle * [3, 1], np.c_[circle, np.linspace(0, 30, 300)]):
        assert_allclose(denoise(stretched, n_neighbors=0), stretched, atol=1e-12)


def test_denoise_takes_means_of_neighbors():
    X = np.array([[0.0], [1.0], [10.0], [12.0], [20.0], [21.0]])
    means = [[0.5], [0.5], [11.0], [11.0], [20.5], [20.5]]
    assert_allclose(denoise(X, n_neighbors=1), means)
    # of few rows at most a quarter: all of them would leave one point
    assert_allclose(denoise(X, n_neighbors=20), means)


def test_denoise_allows_more_columns_than_rows():
    rng = np.random.default_rng(0)
    signal = rng.normal(size=(60, 2)) @ rng.normal(size=(2, 300)) * 3
    result = denoise(signal + 0.1 * rng.normal(size=signal.shape), n_neighbors=0)
    assert np.linalg.matrix_rank(result - result.mean(0), tol=1e-6) == 2


# -- errors


def test_an_estimator_is_no_matrix_of_memberships():
    with pytest.raises(TypeError, match=r"an estimator, AtlasAE, .*predict_proba\(X\)"):
        betti_numbers(AtlasAE())


@pytest.mark.parametrize(
    "call, match",
    [
        (lambda: cech_nerve([[0.5, -0.1]]), "negative value -0.1"),
        (lambda: cech_nerve([[0.5, 1.5]]), "has the value 1.5, but memberships lie in"),
        (lambda: cech_nerve([[0.5, np.nan]]), "NaN"),
        (lambda: cech_nerve([[1.0]], filtration="rips"), "'filtration' .* 'rips'"),
        (lambda: cech_nerve([[1.0]], rank=2), "rank=2 needs at least 2 samples"),
        (
            lambda: cech_nerve([[1.0]], rank=0),
            "'rank' .* must be an int in the range .1, inf.. Got 0",
        ),
        (lambda: cech_nerve([[1.0]], rank=True), "'rank' .* Got True"),
        (lambda: cech_nerve([[1.0]], -1), "'max_dimension' .* Got -1"),
        (
            lambda: persistence(circle_of_edges(4), 4),
            "field must be a prime number .* got 4",
        ),
        (lambda: betti_numbers(circle_of_edges(4), 2), "Build it with cech_nerve"),
        (lambda: betti_numbers(np.zeros((5, 3))), "no chart with a positive member"),
        (lambda: betti_numbers(np.eye(4), 3), "'max_dimension' .* Got 3"),
        (lambda: soft_cover(np.eye(3), 4), "n_charts=4 is more than the 3 samples"),
        (
            lambda: soft_cover(np.eye(3), 2, init="x"),
            "'init' .* must be a str among .* Got 'x'",
        ),
        (
            lambda: soft_cover(np.eye(3), 2, temperature=0),
            "'temperature' .* float in the range .* Got 0",
        ),
        (lambda: soft_cover(np.eye(3), 2, temperature="a"), "'temperature' .* Got 'a'"),
        (lambda: denoise(np.eye(3), n_neighbors=-1), "'n_neighbors' .* Got -1"),
    ],
)
def test_wrong_arguments_are_refused(call, match):
    with pytest.raises(ValueError, match=match):
        call()


def test_persistence_refuses_other_types():
    with pytest.raises(TypeError, match="Build it from a cover with cech_nerve"):
        persistence(np.eye(3))


def test_a_filtration_value_of_nan_is_refused():
    edge = FilteredComplex(
        [np.array([[0], [1]]), np.array([[0, 1]])], [np.zeros(2), np.array([np.nan])]
    )
    with pytest.raises(ValueError, match="values has NaN"):
        persistence(edge)
