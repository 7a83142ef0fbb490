# SPDX-License-Identifier: BSD-3-Clause
import sys
import warnings

import joblib
import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import sparse
from sklearn import config_context
from threadpoolctl import threadpool_info, threadpool_limits

from skmanifold.graph import (
    _exact,
    _neighbors,
    nearest_neighbors,
    neighbors_from_data,
    neighbors_from_graph,
)

DTYPES = [np.float32, np.float64]


def naive_neighbors(X, n_neighbors):
    """By definition: all distances from differences, each row sorted stably."""
    X = np.asarray(X)
    wide = X.astype(np.float64)
    distances = np.empty((len(X), len(X)), dtype=X.dtype)
    for i, row in enumerate(wide):
        distances[i] = np.sqrt(((wide - row) ** 2).sum(axis=1))
    distances[np.diag_indices(len(X))] = np.inf
    indices = np.argsort(distances, axis=1, kind="stable")[:, :n_neighbors]
    return indices, np.take_along_axis(distances, indices, axis=1)


def assert_neighbors(X, n_neighbors, **params):
    """Compare with the definition, to the rounding of the last place."""
    indices, distances = nearest_neighbors(X, n_neighbors, **params)
    expected, expected_distances = naive_neighbors(X, n_neighbors)
    assert indices.shape == distances.shape == (len(X), n_neighbors)
    assert indices.dtype == np.int64
    assert distances.dtype == X.dtype
    assert_allclose(
        distances, expected_distances, rtol=8 * np.finfo(X.dtype).eps, atol=0
    )
    assert not np.any(indices == np.arange(len(X))[:, np.newaxis])
    tied = distances[:, 1:] == distances[:, :-1]
    assert np.all(np.diff(distances, axis=1) >= 0)
    assert np.all((np.diff(indices, axis=1) > 0)[tied])
    return indices, expected


def blobs(rng, n_samples, n_features, spread):
    centers = spread * rng.standard_normal((8, n_features))
    return centers[rng.integers(8, size=n_samples)] + rng.standard_normal(
        (n_samples, n_features)
    )


CASES = {
    "normal": lambda rng: rng.standard_normal((700, 20)),
    "one feature": lambda rng: rng.standard_normal((700, 1)),
    "more features than samples": lambda rng: rng.standard_normal((60, 900)),
    "many features": lambda rng: rng.standard_normal((30, 9001)),
    "several blocks": lambda rng: rng.standard_normal((2600, 4)),
    "sorted": lambda rng: np.sort(rng.standard_normal((2600, 2)), axis=0),
    "skewed": lambda rng: rng.lognormal(sigma=3, size=(700, 10)),
    "clusters": lambda rng: blobs(rng, 700, 20, 1e2),
    "tight clusters": lambda rng: blobs(rng, 700, 20, 1e5),
    "outlier": lambda rng: np.vstack(
        [rng.standard_normal((700, 20)), np.full(20, 1e6)]
    ),
    "sparse rows": lambda rng: (
        rng.standard_normal((700, 50)) * (rng.random((700, 50)) < 0.02)
    ),
    "scale 1e-8": lambda rng: 1e-8 * rng.standard_normal((700, 20)),
    "scale 1e8": lambda rng: 1e8 * rng.standard_normal((700, 20)),
    "scale 1e30": lambda rng: 1e30 * rng.standard_normal((700, 20)),
    "scale 1e-30": lambda rng: 1e-30 * rng.standard_normal((700, 20)),
    "scales of features": lambda rng: (
        rng.standard_normal((700, 12)) * 10.0 ** np.arange(-6, 6)
    ),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("case", CASES)
def test_exact_agrees_with_definition(case, dtype):
    X = CASES[case](np.random.default_rng(0)).astype(dtype)
    indices, expected = assert_neighbors(X, 15)
    # Neighbors at distances that differ in the last place only may change places.
    assert np.mean(indices == expected) > 0.999


# All distances of these are exact, and full of ties. So must be the order.
GRIDS = {
    "duplicates": lambda rng: np.repeat(rng.integers(-99, 99, (80, 20)), 9, axis=0),
    "all equal": lambda rng: np.full((500, 7), 3.25),
    "all zero": lambda rng: np.zeros((300, 2)),
    "two values": lambda rng: np.repeat([[0.0, 0.0], [0.0, 1.0]], [450, 50], axis=0),
    "few integers": lambda rng: rng.integers(0, 3, (700, 6)),
    "bits": lambda rng: rng.integers(0, 2, (700, 40)),
    "unit vectors": lambda rng: np.eye(600),
    "negative zero": lambda rng: np.array([[0.0], [-0.0]] * 20),
    "lattice": lambda rng: np.argwhere(np.ones((9, 9, 9))),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("case", GRIDS)
@pytest.mark.parametrize("n_neighbors", [1, 10, 39])
def test_ties_are_broken_by_index(case, dtype, n_neighbors):
    X = GRIDS[case](np.random.default_rng(0)).astype(dtype)
    indices, expected = assert_neighbors(X, n_neighbors)
    assert np.array_equal(indices, expected)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n_samples", [2, 3, 4, 7, 20, 50])
def test_few_samples_may_have_any_n_neighbors(n_samples, dtype):
    X = np.random.default_rng(n_samples).standard_normal((n_samples, 3)).astype(dtype)
    for n_neighbors in range(1, n_samples):
        indices, expected = assert_neighbors(X, n_neighbors)
        assert np.array_equal(indices, expected)


def test_an_offset_does_not_matter():
    X = np.random.default_rng(0).standard_normal((700, 20))
    X = (X * 2**20).round() / 2**20
    near, distances = nearest_neighbors(X, 15)
    # The shifted data are exact in double precision, far from it in single.
    far, far_distances = nearest_neighbors(X + 1e6, 15)
    assert np.array_equal(near, far)
    assert np.array_equal(distances, far_distances)


@pytest.mark.parametrize("scale", [1e200, 1e-200, 1e-310])
def test_extreme_scales_do_not_matter(scale):
    X = np.random.default_rng(0).standard_normal((300, 5))
    indices, distances = nearest_neighbors(scale * X, 7)
    if scale > 1e-300:
        expected, expected_distances = nearest_neighbors(X, 7)
        assert np.array_equal(indices, expected)
        assert_allclose(distances / scale, expected_distances, rtol=1e-13)
    assert np.all(np.isfinite(distances))
    assert np.all(distances > 0)


def test_both_precisions_of_the_filter_agree(monkeypatch):
    """The search in single precision stops where it cannot distinguish neighbors."""
    used = []
    filter_ = _exact._ExactSearch._filter

    def spy(self, row_ids, columns, filter_columns, dtype):
        pairs = filter_(self, row_ids, columns, filter_columns, dtype)
        used.append((dtype, pairs is None))
        return pairs

    monkeypatch.setattr(_exact._ExactSearch, "_filter", spy)
    rng = np.random.default_rng(0)
    X = rng.standard_normal((700, 20))
    easy = nearest_neighbors(X, 15)
    assert set(used) == {(np.float32, False)}

    used.clear()
    assert_neighbors(blobs(rng, 700, 20, 1e6), 15)
    assert set(used) == {(np.float32, True), (np.float64, False)}

    def only_double(self, row_ids, columns, filter_columns, dtype):
        if dtype == np.float32:
            return None
        return filter_(self, row_ids, columns, filter_columns, dtype)

    monkeypatch.setattr(_exact._ExactSearch, "_filter", only_double)
    assert all(map(np.array_equal, easy, nearest_neighbors(X, 15)))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("metric", ["euclidean", "cosine", "manhattan"])
def test_any_parallelism_and_memory_gives_the_same_bits(dtype, metric):
    rng = np.random.default_rng(0)
    X = np.vstack([rng.standard_normal((900, 60)), blobs(rng, 500, 60, 1e5)])
    X = X.astype(dtype)
    expected = [part.tobytes() for part in nearest_neighbors(X, 12, metric=metric)]

    def check(**params):
        result = nearest_neighbors(X, 12, metric=metric, **params)
        assert [part.tobytes() for part in result] == expected

    for n_jobs in [1, 2, 3, -1]:
        check(n_jobs=n_jobs)
    for limit in [1, 2, 4]:
        with threadpool_limits(limits=limit):
            check(n_jobs=2)
    with config_context(working_memory=1):
        check()
    with joblib.parallel_config(backend="threading", n_jobs=2):
        check()


def test_thread_limits_are_restored():
    X = np.random.default_rng(0).standard_normal((600, 5))
    with threadpool_limits(limits=2):
        before = [(lib["filepath"], lib["num_threads"]) for lib in threadpool_info()]
        nearest_neighbors(X, 3, n_jobs=2)
        nearest_neighbors(X, 3, n_jobs=2, metric="manhattan")
        after = [(lib["filepath"], lib["num_threads"]) for lib in threadpool_info()]
    assert before == after


def test_input_is_not_changed_and_may_be_read_only():
    X = np.random.default_rng(0).standard_normal((100, 5))
    X.setflags(write=False)
    copy = X.copy()
    for metric in ["euclidean", "cosine", "sqeuclidean"]:
        nearest_neighbors(X, 3, metric=metric)
    assert np.array_equal(X, copy)


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float16, bool])
def test_other_dtypes_become_double(dtype):
    X = np.random.default_rng(0).integers(0, 2, (60, 30)).astype(dtype)
    indices, distances = nearest_neighbors(X, 5)
    assert distances.dtype == np.float64
    expected, _ = naive_neighbors(X.astype(np.float64), 5)
    assert np.array_equal(indices, expected)


def test_memory_layout_has_no_influence():
    X = np.random.default_rng(0).standard_normal((300, 11))
    expected = nearest_neighbors(X, 5)
    wide = np.zeros((600, 22))
    wide[::2, ::2] = X
    for same in [np.asfortranarray(X), wide[::2, ::2], X.tolist()]:
        assert all(map(np.array_equal, nearest_neighbors(same, 5), expected))


@pytest.mark.parametrize("container", [sparse.csr_matrix, sparse.csc_array])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_sparse_samples_have_the_neighbors_of_dense_ones(container, dtype, metric):
    X = sparse.random_array(
        (400, 60), density=0.3, rng=np.random.default_rng(0), dtype=np.float64
    ).toarray()
    X = X.astype(dtype)
    expected = nearest_neighbors(X, 8, metric=metric)
    result = nearest_neighbors(container(X), 8, metric=metric)
    assert result[1].dtype == dtype
    assert all(map(np.array_equal, result, expected))
    # Too large to be made dense.
    with config_context(working_memory=0.01):
        indices, distances = nearest_neighbors(container(X), 8, metric=metric)
    assert distances.dtype == dtype
    assert np.mean(indices == expected[0]) > 0.999
    rtol = 1e-3 if dtype == np.float32 else 1e-9
    assert_allclose(distances, expected[1], rtol=rtol)


def test_auto_is_exact_up_to_a_budget(monkeypatch):
    chosen = []

    def record(name, search):
        def recorded(X, *args, **params):
            chosen.append(name)
            return search(X, *args, **params)

        return recorded

    for name in ["exact_neighbors", "partition_neighbors"]:
        monkeypatch.setattr(_neighbors, name, record(name, getattr(_neighbors, name)))
    X = np.random.default_rng(0).standard_normal((100, 5))
    nearest_neighbors(X, 3)
    assert chosen == ["exact_neighbors"]
    assert 40_000**2 * (50 + _neighbors._PAIR_OVERHEAD) <= _neighbors._EXACT_BUDGET
    assert 70_000**2 * (50 + _neighbors._PAIR_OVERHEAD) > _neighbors._EXACT_BUDGET
    chosen.clear()
    monkeypatch.setattr(_neighbors, "_EXACT_BUDGET", 1e5)
    nearest_neighbors(X, 3)
    nearest_neighbors(X, 3, metric="cosine")
    nearest_neighbors(X, 3, metric="seuclidean")
    assert chosen == ["partition_neighbors"] * 3
    chosen.clear()
    # Exact on request and for other metrics.
    nearest_neighbors(X, 3, algorithm="exact")
    nearest_neighbors(X, 3, metric="manhattan")
    assert chosen == ["exact_neighbors"]


def test_large_sparse_data_are_searched_approximately(monkeypatch):
    chosen = []

    def descend(X, k, *args):
        chosen.append(X.shape)
        return np.zeros(1), np.ones(1)

    monkeypatch.setattr(_neighbors, "_pynndescent_neighbors", descend)
    monkeypatch.setattr(_neighbors, "_EXACT_BUDGET", 1e5)
    X = sparse.random(200, 5000, density=0.05, format="csr", random_state=0)
    with config_context(working_memory=1):
        nearest_neighbors(X, 3)
        assert chosen == [(200, 5000)]
        monkeypatch.setattr(_neighbors.importlib.util, "find_spec", lambda name: None)
        assert nearest_neighbors(X, 3)[0].shape == (200, 3)
    assert chosen == [(200, 5000)]


def test_pynndescent_finds_most_neighbors():
    """In one test, as every process that runs it has to compile the search."""
    rng = np.random.default_rng(0)
    X = (1e4 + rng.standard_normal((1500, 10))).astype(np.float64)
    params = {"algorithm": "pynndescent", "random_state": 0}
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        indices, distances = nearest_neighbors(X, 10, n_jobs=1, **params)
        again = nearest_neighbors(X, 10, n_jobs=2, **params)
        few = nearest_neighbors(X[:5], 4, **params)
        equal = nearest_neighbors(np.ones((60, 3)), 10, **params)
        unseeded = nearest_neighbors(X, 10, algorithm="pynndescent")
        with pytest.raises(ValueError, match=r"numba\.njit"):
            nearest_neighbors(X, 3, metric=lambda a, b: 0.0, **params)
    assert np.array_equal(np.random.get_state()[1], state)  # noqa: NPY002

    assert indices.tobytes() == again[0].tobytes()
    assert distances.tobytes() == again[1].tobytes()
    assert not np.any(indices == np.arange(1500)[:, np.newaxis])
    exact, exact_distances = nearest_neighbors(X, 10, algorithm="exact")
    for actual in [indices, unseeded[0]]:
        hits = [len(np.intersect1d(a, b)) for a, b in zip(actual, exact, strict=True)]
        assert np.mean(hits) / 10 > 0.97
    same = indices == exact
    assert np.array_equal(distances[same], exact_distances[same])
    # Where it finds too few, the exact search completes it.
    assert np.array_equal(few[0], nearest_neighbors(X[:5], 4)[0])
    assert np.all(equal[1] == 0)
    assert np.all(np.sort(equal[0], axis=1)[:, 1:] > np.sort(equal[0], axis=1)[:, :-1])


def test_missing_pynndescent_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "pynndescent", None)
    with pytest.raises(ImportError, match="pip install pynndescent"):
        nearest_neighbors(np.eye(5), 2, algorithm="pynndescent")


@pytest.mark.parametrize(
    "function",
    [
        nearest_neighbors,
        neighbors_from_data,
        lambda graph, k: neighbors_from_graph(graph, 5, n_neighbors=k),
    ],
)
@pytest.mark.parametrize("n_neighbors", [0, -3, 2.5, "five", True])
def test_wrong_n_neighbors_are_refused(n_neighbors, function):
    with pytest.raises(ValueError, match=r"'n_neighbors' .* in the range \[1, inf\)"):
        function(np.eye(5), n_neighbors)


@pytest.mark.parametrize("n_neighbors", [5, 6])
def test_too_many_neighbors_are_refused(n_neighbors):
    match = f"n_neighbors={n_neighbors} is too large for 5 samples.*n_neighbors=4"
    with pytest.raises(ValueError, match=match):
        nearest_neighbors(np.eye(5), n_neighbors)


@pytest.mark.parametrize(
    "params, match",
    [
        ({"algorithm": "brute"}, "'algorithm' .* among .*'exact'.* Got 'brute'"),
        ({"metric": "euclidian"}, "Did you mean 'euclidean'"),
        ({"metric": "nan_euclidean"}, "is unknown"),
        (
            {"metric": "manhattan", "algorithm": "partition"},
            "does not support.*'exact'",
        ),
    ],
)
def test_wrong_parameters_are_refused(params, match):
    with pytest.raises(ValueError, match=match):
        nearest_neighbors(np.eye(5), 2, **params)


@pytest.mark.parametrize(
    "X, match",
    [
        (np.array([[0.0], [np.nan], [1.0]]), "NaN"),
        (np.array([[0.0], [np.inf], [1.0]]), "infinity"),
        (np.ones((1, 3)), "minimum of 2"),
        (np.ones(3), "2D array"),
    ],
)
def test_wrong_data_are_refused(X, match):
    with pytest.raises(ValueError, match=match):
        nearest_neighbors(X, 1)
