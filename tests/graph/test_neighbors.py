# SPDX-License-Identifier: BSD-3-Clause
import sys
import warnings

import joblib
import numpy as np
import pytest
from scipy import sparse
from scipy.spatial.distance import cdist
from sklearn import config_context
from threadpoolctl import threadpool_info, threadpool_limits

from skmanifold.graph import (
    _exact,
    _neighbors,
    nearest_neighbors,
    neighbors_from_data,
    neighbors_from_graph,
)
from skmanifold.metrics import trustworthiness

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
    np.testing.assert_allclose(
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
def test_every_n_neighbors_of_few_samples(n_samples, dtype):
    X = np.random.default_rng(n_samples).standard_normal((n_samples, 3)).astype(dtype)
    for n_neighbors in range(1, n_samples):
        indices, expected = assert_neighbors(X, n_neighbors)
        assert np.array_equal(indices, expected)


def test_offset():
    X = np.random.default_rng(0).standard_normal((700, 20))
    X = (X * 2**20).round() / 2**20
    near, distances = nearest_neighbors(X, 15)
    # The shifted data are exact in double precision, far from it in single.
    far, far_distances = nearest_neighbors(X + 1e6, 15)
    assert np.array_equal(near, far)
    assert np.array_equal(distances, far_distances)


@pytest.mark.parametrize("scale", [1e200, 1e-200, 1e-310])
def test_extreme_scales_of_double_precision(scale):
    X = np.random.default_rng(0).standard_normal((300, 5))
    indices, distances = nearest_neighbors(scale * X, 7)
    if scale > 1e-300:
        expected, expected_distances = nearest_neighbors(X, 7)
        assert np.array_equal(indices, expected)
        np.testing.assert_allclose(distances / scale, expected_distances, rtol=1e-13)
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
    for single, double in zip(easy, nearest_neighbors(X, 15), strict=True):
        assert np.array_equal(single, double)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("metric", ["euclidean", "cosine", "manhattan"])
def test_same_bits_for_any_parallelism_and_memory(dtype, metric):
    rng = np.random.default_rng(0)
    X = np.vstack([rng.standard_normal((900, 60)), blobs(rng, 500, 60, 1e5)])
    X = X.astype(dtype)
    expected = nearest_neighbors(X, 12, metric=metric)

    def check(**params):
        for result, reference in zip(
            nearest_neighbors(X, 12, metric=metric, **params), expected, strict=True
        ):
            assert result.tobytes() == reference.tobytes()

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
        for result, reference in zip(nearest_neighbors(same, 5), expected, strict=True):
            assert np.array_equal(result, reference)


@pytest.mark.parametrize("container", [sparse.csr_matrix, sparse.csc_array])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_sparse_input(container, dtype, metric):
    X = sparse.random_array(
        (400, 60), density=0.3, rng=np.random.default_rng(0), dtype=np.float64
    ).toarray()
    X = X.astype(dtype)
    expected = nearest_neighbors(X, 8, metric=metric)
    result = nearest_neighbors(container(X), 8, metric=metric)
    assert result[1].dtype == dtype
    for a, b in zip(result, expected, strict=True):
        assert np.array_equal(a, b)
    # Too large to be made dense.
    with config_context(working_memory=0.01):
        indices, distances = nearest_neighbors(container(X), 8, metric=metric)
    assert distances.dtype == dtype
    assert np.mean(indices == expected[0]) > 0.999
    rtol = 1e-3 if dtype == np.float32 else 1e-9
    np.testing.assert_allclose(distances, expected[1], rtol=rtol)


@pytest.mark.parametrize(
    "metric", ["sqeuclidean", "cosine", "manhattan", "chebyshev", "correlation"]
)
@pytest.mark.parametrize("dtype", DTYPES)
def test_metrics(metric, dtype):
    X = np.random.default_rng(0).standard_normal((600, 9)).astype(dtype)
    indices, distances = nearest_neighbors(X, 7, metric=metric)
    scipy_metric = "cityblock" if metric == "manhattan" else metric
    expected = cdist(X.astype(np.float64), X.astype(np.float64), scipy_metric)
    np.fill_diagonal(expected, np.inf)
    assert distances.dtype == dtype
    rtol = 2e-4 if dtype == np.float32 else 1e-9
    np.testing.assert_allclose(
        distances, np.sort(expected, axis=1)[:, :7], rtol=rtol, atol=rtol / 100
    )
    assert np.mean(indices == np.argsort(expected, axis=1)[:, :7]) > 0.99


def test_callable_metric():
    X = np.random.default_rng(0).standard_normal((60, 4))
    indices, distances = nearest_neighbors(
        X, 5, metric=lambda a, b: float(np.abs(a - b).sum()), n_jobs=2
    )
    expected, expected_distances = nearest_neighbors(X, 5, metric="manhattan")
    assert np.array_equal(indices, expected)
    np.testing.assert_allclose(distances, expected_distances)


def test_boolean_metric_does_not_warn():
    X = np.random.default_rng(0).integers(0, 2, (60, 30))
    _, distances = nearest_neighbors(X, 5, metric="jaccard")
    expected = cdist(X.astype(bool), X.astype(bool), "jaccard")
    np.fill_diagonal(expected, np.inf)
    np.testing.assert_allclose(distances, np.sort(expected, axis=1)[:, :5])


def test_cosine_of_zero_samples_and_extreme_norms():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((40, 5))
    expected = nearest_neighbors(X, 39, metric="cosine")
    scaled = X * 10.0 ** rng.uniform(-200, 200, size=(40, 1))
    indices, distances = nearest_neighbors(scaled, 39, metric="cosine")
    assert np.array_equal(indices, expected[0])
    np.testing.assert_allclose(distances, expected[1], rtol=1e-9)
    X[3] = X[5] = 0
    indices, distances = nearest_neighbors(X, 39, metric="cosine")
    assert indices[3, 0] == 5
    assert distances[3, 0] == 0
    np.testing.assert_allclose(distances[0][np.isin(indices[0], [3, 5])], 1)


def test_metric_with_duplicates_excludes_by_index():
    X = np.repeat(np.random.default_rng(0).standard_normal((10, 3)), 9, axis=0)
    indices, distances = nearest_neighbors(X, 5, metric="manhattan")
    assert not np.any(indices == np.arange(90)[:, np.newaxis])
    assert np.all(distances == 0)
    assert np.array_equal(indices // 9, np.repeat(np.arange(90) // 9, 5).reshape(90, 5))


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


def test_auto_of_large_sparse_data(monkeypatch):
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


SETS = ["dice", "jaccard", "rogerstanimoto", "russellrao", "sokalsneath", "yule"]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "metric", [*SETS, "hamming", "correlation", "braycurtis", "chebyshev", "canberra"]
)
def test_sparse_data_in_metrics_of_dense_data(metric, dtype):
    rng = np.random.default_rng(0)
    X = rng.integers(1, 4, (90, 30)) * (rng.random((90, 30)) < 0.3)
    X[:, 0] = 1 + rng.integers(0, 2, 90)
    X = X.astype(dtype)
    expected, expected_distances = nearest_neighbors(X, 89, metric=metric)
    with_zeros = sparse.csr_array(X + 1)
    with_zeros.data -= 1  # stored zeros are zeros
    for container in [sparse.csr_array(X), sparse.coo_matrix(X), with_zeros]:
        indices, distances = nearest_neighbors(container, 89, metric=metric)
        np.testing.assert_allclose(distances, expected_distances, rtol=0, atol=1e-6)
        if metric not in ("correlation", "braycurtis", "canberra"):
            assert np.array_equal(indices, expected), "equal ratios are tied"


@pytest.mark.parametrize("metric", [*SETS, "hamming"])
def test_distances_of_sets_are_those_of_scipy(metric):
    rng = np.random.default_rng(1)
    X = rng.random((40, 12)) < 0.3
    X[3] = X[7] = False
    X[5] = True
    expected = np.nan_to_num(cdist(X, X, metric))
    np.fill_diagonal(expected, np.inf)
    for rows in [X, sparse.csr_array(X)]:
        _, distances = nearest_neighbors(rows, 39, metric=metric)
        np.testing.assert_allclose(
            distances, np.sort(expected, axis=1)[:, :39], atol=1e-12
        )


def test_a_callable_sees_dense_samples_of_sparse_data():
    X = np.random.default_rng(0).integers(0, 3, (40, 6)).astype(float)
    metric = lambda a, b: np.abs(a - b).sum()  # noqa: E731
    expected = nearest_neighbors(X, 5, metric="manhattan")
    actual = nearest_neighbors(sparse.csr_array(X), 5, metric=metric)
    assert np.array_equal(actual[0], expected[0])
    assert np.array_equal(actual[1], expected[1])


class TestMetricParams:
    X = np.random.default_rng(0).standard_normal((60, 4)) @ np.diag([1.0, 5, 0.1, 2])

    def assert_metric(self, expected, X=None, **params):
        X = self.X if X is None else X
        _, distances = nearest_neighbors(X, 7, **params)
        np.fill_diagonal(expected, np.inf)
        np.testing.assert_allclose(distances, np.sort(expected, axis=1)[:, :7])

    def test_variances_are_learned(self):
        V = self.X.var(axis=0, ddof=1)
        expected = cdist(self.X, self.X, "seuclidean", V=V)
        self.assert_metric(expected, metric="seuclidean")
        self.assert_metric(
            expected,
            X=sparse.csr_array(self.X),
            metric="seuclidean",
        )

    def test_variances_are_given(self):
        V = np.array([1.0, 2, 3, 4])
        self.assert_metric(
            cdist(self.X, self.X, "seuclidean", V=V),
            metric="seuclidean",
            metric_params={"V": V},
        )

    def test_covariance_is_learned_or_given(self):
        VI = np.linalg.inv(np.cov(self.X.T))
        expected = cdist(self.X, self.X, "mahalanobis", VI=VI)
        for params in [None, {"VI": VI}, {"V": np.cov(self.X.T)}]:
            self.assert_metric(
                expected.copy(), metric="mahalanobis", metric_params=params
            )

    def test_constant_and_dependent_columns_are_ignored(self):
        X = np.column_stack([self.X, np.ones(60), self.X[:, 0]])
        for metric in ["seuclidean", "mahalanobis"]:
            _, distances = nearest_neighbors(X, 5, metric=metric)
            assert np.isfinite(distances).all()
        expected = nearest_neighbors(self.X, 5, metric="mahalanobis")
        actual = nearest_neighbors(X, 5, metric="mahalanobis")
        assert np.array_equal(actual[0], expected[0])

    def test_of_other_metrics(self):
        self.assert_metric(
            cdist(self.X, self.X, "minkowski", p=3),
            metric="minkowski",
            metric_params={"p": 3},
        )
        w = np.array([1.0, 0, 2, 0])
        self.assert_metric(
            cdist(self.X, self.X, "minkowski", p=2, w=w),
            metric="minkowski",
            metric_params={"p": 2, "w": w},
        )

        def power(a, b, p):
            return np.abs(a - b).max() ** p

        self.assert_metric(
            cdist(self.X, self.X, "chebyshev") ** 2,
            metric=power,
            metric_params={"p": 2},
        )

    @pytest.mark.parametrize(
        "metric, params, match",
        [
            ("seuclidean", {"VI": np.eye(4)}, "unknown name 'VI'"),
            ("seuclidean", {"V": np.ones(3)}, r"shape \(3,\)"),
            ("seuclidean", {"V": np.zeros(4)}, "not positive"),
            ("mahalanobis", {"VI": -np.eye(4)}, "negative eigenvalues"),
            ("mahalanobis", {"VI": np.eye(3)}, r"shape \(4, 4\)"),
            ("minkowski", [3], "'metric_params' .* instance of 'dict'"),
            *(
                ("minkowski", {"p": p}, r"metric_params\['p'\] is .*greater than 0")
                for p in (-1, 0, np.nan, "2")
            ),
        ],
    )
    def test_bad_ones(self, metric, params, match):
        with pytest.raises(ValueError, match=match):
            nearest_neighbors(self.X, 3, metric=metric, metric_params=params)

    def test_unsupported_metrics(self):
        with pytest.raises(TypeError, match=r"metric_params=\{.q.: 3\} .*euclidean"):
            nearest_neighbors(self.X, 3, metric="euclidean", metric_params={"q": 3})


@pytest.mark.parametrize("n_flat", [1, 20])
@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("value", [0.0, 1.0, 0.1, -7e5])
@pytest.mark.parametrize("dtype", DTYPES)
def test_correlation_of_constant_samples(dtype, value, container, n_flat):
    X = np.random.default_rng(0).normal(size=(100, 10)).astype(dtype)
    X[:n_flat] = value
    with pytest.raises(ValueError, match=r"correlation.*NaN.*samples 0 and \d"):
        nearest_neighbors(container(X), 5, metric="correlation")


@pytest.mark.parametrize(
    "metric, match",
    [
        (lambda a, b: np.nan, "NaN"),
        (lambda a, b: np.nan if a[0] > 1 and b[0] < -1 else 1.0, "NaN"),
        (lambda a, b: a @ b, r"negative.*similarity"),
        (lambda a, b: -np.abs(a - b).sum(), r"negative.*similarity"),
    ],
)
def test_distances_that_are_none(metric, match):
    X = np.random.default_rng(0).normal(size=(300, 3))
    with pytest.raises(ValueError, match=match):
        nearest_neighbors(X, 5, metric=metric)


def test_rounding_below_zero_is_zero():
    X = np.arange(12.0)[:, np.newaxis]
    _, distances = nearest_neighbors(
        X, 3, metric=lambda a, b: abs(a[0] - b[0]) // 3 - 1e-12
    )
    assert distances.min() == 0


class TestPrecomputed:
    X = np.random.default_rng(0).standard_normal((50, 4))
    D = cdist(X, X)

    def test_is_the_metric_it_was_made_with(self):
        expected = nearest_neighbors(self.X, 6)
        indices, distances = nearest_neighbors(self.D, 6, metric="precomputed")
        assert np.array_equal(indices, expected[0])
        np.testing.assert_allclose(distances, expected[1])

    def test_bad_ones(self):
        D = self.D
        bad = D.copy()
        bad[3, 4] = -1
        with pytest.raises(ValueError, match="negative"):
            nearest_neighbors(bad, 3, metric="precomputed")
        with pytest.raises(ValueError, match=r"shape \(50, 49\).*square"):
            nearest_neighbors(D[:, 1:], 3, metric="precomputed")
        with pytest.raises(ValueError, match="neighbors_from_graph"):
            nearest_neighbors(sparse.csr_array(D), 3, metric="precomputed")


def test_pynndescent():
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
def test_bad_n_neighbors(n_neighbors, function):
    with pytest.raises(ValueError, match=r"'n_neighbors' .* in the range \[1, inf\)"):
        function(np.eye(5), n_neighbors)


@pytest.mark.parametrize("n_neighbors", [5, 6])
def test_too_many_neighbors(n_neighbors):
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
def test_bad_parameters(params, match):
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
def test_bad_data(X, match):
    with pytest.raises(ValueError, match=match):
        nearest_neighbors(X, 1)


@pytest.mark.parametrize("is_sparse", [False, True])
@pytest.mark.parametrize(
    "function, returned",
    [
        (lambda a, b: a - b, r"an array of shape \(3,\)"),
        (lambda a, b: [abs(a - b).sum()], r"an array of shape \(1,\)"),
        (lambda a, b: "far", "'far' of type str"),
        (lambda a, b: 1j, "1j of type complex"),
    ],
)
def test_functions_that_return_no_number(function, returned, is_sparse):
    X = np.random.RandomState(0).randn(30, 3)
    data = sparse.csr_array(X) if is_sparse else X
    message = rf"metric=.*lambda.* returns {returned} for two samples.* one number"
    with pytest.raises(TypeError, match=message):
        nearest_neighbors(data, 5, metric=function)
    with pytest.raises(TypeError, match=message):
        trustworthiness(data, X[:, :2], metric=function)
