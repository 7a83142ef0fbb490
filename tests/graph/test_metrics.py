# SPDX-License-Identifier: BSD-3-Clause

"""Neighbors in other metrics than the Euclidean one."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import sparse
from scipy.spatial.distance import cdist

from skmanifold.graph import nearest_neighbors
from skmanifold.metrics import trustworthiness

DTYPES = [np.float32, np.float64]


@pytest.mark.parametrize(
    "metric", ["sqeuclidean", "cosine", "manhattan", "chebyshev", "correlation"]
)
@pytest.mark.parametrize("dtype", DTYPES)
def test_distances_are_those_of_scipy(metric, dtype):
    X = np.random.default_rng(0).standard_normal((600, 9)).astype(dtype)
    indices, distances = nearest_neighbors(X, 7, metric=metric)
    scipy_metric = "cityblock" if metric == "manhattan" else metric
    expected = cdist(X.astype(np.float64), X.astype(np.float64), scipy_metric)
    np.fill_diagonal(expected, np.inf)
    assert distances.dtype == dtype
    rtol = 2e-4 if dtype == np.float32 else 1e-9
    assert_allclose(
        distances, np.sort(expected, axis=1)[:, :7], rtol=rtol, atol=rtol / 100
    )
    assert np.mean(indices == np.argsort(expected, axis=1)[:, :7]) > 0.99


def test_a_callable_may_be_the_metric():
    X = np.random.default_rng(0).standard_normal((60, 4))
    indices, distances = nearest_neighbors(
        X, 5, metric=lambda a, b: float(np.abs(a - b).sum()), n_jobs=2
    )
    expected, expected_distances = nearest_neighbors(X, 5, metric="manhattan")
    assert np.array_equal(indices, expected)
    assert_allclose(distances, expected_distances)


def test_boolean_metric_does_not_warn():
    X = np.random.default_rng(0).integers(0, 2, (60, 30))
    _, distances = nearest_neighbors(X, 5, metric="jaccard")
    expected = cdist(X.astype(bool), X.astype(bool), "jaccard")
    np.fill_diagonal(expected, np.inf)
    assert_allclose(distances, np.sort(expected, axis=1)[:, :5])


def test_the_cosine_allows_zero_samples_and_extreme_norms():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((40, 5))
    expected = nearest_neighbors(X, 39, metric="cosine")
    scaled = X * 10.0 ** rng.uniform(-200, 200, size=(40, 1))
    indices, distances = nearest_neighbors(scaled, 39, metric="cosine")
    assert np.array_equal(indices, expected[0])
    assert_allclose(distances, expected[1], rtol=1e-9)
    X[3] = X[5] = 0
    indices, distances = nearest_neighbors(X, 39, metric="cosine")
    assert indices[3, 0] == 5
    assert distances[3, 0] == 0
    assert_allclose(distances[0][np.isin(indices[0], [3, 5])], 1)


def test_a_sample_is_excluded_by_its_index():
    X = np.repeat(np.random.default_rng(0).standard_normal((10, 3)), 9, axis=0)
    indices, distances = nearest_neighbors(X, 5, metric="manhattan")
    assert not np.any(indices == np.arange(90)[:, np.newaxis])
    assert np.all(distances == 0)
    assert np.array_equal(indices // 9, np.repeat(np.arange(90) // 9, 5).reshape(90, 5))


SETS = ["dice", "jaccard", "rogerstanimoto", "russellrao", "sokalsneath", "yule"]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "metric", [*SETS, "hamming", "correlation", "braycurtis", "chebyshev", "canberra"]
)
def test_sparse_data_have_the_distances_of_dense_data(metric, dtype):
    rng = np.random.default_rng(0)
    X = rng.integers(1, 4, (90, 30)) * (rng.random((90, 30)) < 0.3)
    X[:, 0] = 1 + rng.integers(0, 2, 90)
    X = X.astype(dtype)
    expected, expected_distances = nearest_neighbors(X, 89, metric=metric)
    with_zeros = sparse.csr_array(X + 1)
    with_zeros.data -= 1  # stored zeros are zeros
    for container in [sparse.csr_array(X), sparse.coo_matrix(X), with_zeros]:
        indices, distances = nearest_neighbors(container, 89, metric=metric)
        assert_allclose(distances, expected_distances, rtol=0, atol=1e-6)
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
        assert_allclose(distances, np.sort(expected, axis=1)[:, :39], atol=1e-12)


def test_a_callable_sees_dense_samples_of_sparse_data():
    X = np.random.default_rng(0).integers(0, 3, (40, 6)).astype(float)
    metric = lambda a, b: np.abs(a - b).sum()  # noqa: E731
    expected = nearest_neighbors(X, 5, metric="manhattan")
    actual = nearest_neighbors(sparse.csr_array(X), 5, metric=metric)
    assert np.array_equal(actual[0], expected[0])
    assert np.array_equal(actual[1], expected[1])


COLUMNS = np.random.default_rng(0).standard_normal((60, 4)) @ np.diag([1.0, 5, 0.1, 2])
V, COVARIANCE = np.array([1.0, 2, 3, 4]), np.cov(COLUMNS.T)
LEARNED = COLUMNS.var(axis=0, ddof=1)
VI, W = np.linalg.inv(COVARIANCE), np.array([1.0, 0, 2, 0])


def power(a, b, p):
    return np.abs(a - b).max() ** p


@pytest.mark.parametrize(
    "metric, params, expected",
    [
        ("seuclidean", None, cdist(COLUMNS, COLUMNS, "seuclidean", V=LEARNED)),
        ("seuclidean", {"V": V}, cdist(COLUMNS, COLUMNS, "seuclidean", V=V)),
        ("mahalanobis", None, cdist(COLUMNS, COLUMNS, "mahalanobis", VI=VI)),
        ("mahalanobis", {"VI": VI}, cdist(COLUMNS, COLUMNS, "mahalanobis", VI=VI)),
        (
            "mahalanobis",
            {"V": COVARIANCE},
            cdist(COLUMNS, COLUMNS, "mahalanobis", VI=VI),
        ),
        ("minkowski", {"p": 3}, cdist(COLUMNS, COLUMNS, "minkowski", p=3)),
        ("minkowski", {"p": 2, "w": W}, cdist(COLUMNS, COLUMNS, "minkowski", p=2, w=W)),
        (power, {"p": 2}, cdist(COLUMNS, COLUMNS, "chebyshev") ** 2),
    ],
)
def test_parameters_of_metrics_are_given_or_learned(metric, params, expected):
    expected = np.sort(expected, axis=1)[:, 1:8]
    for X in (
        COLUMNS,
        *([sparse.csr_array(COLUMNS)] if metric == "seuclidean" else []),
    ):
        _, distances = nearest_neighbors(X, 7, metric=metric, metric_params=params)
        assert_allclose(distances, expected)


def test_constant_and_dependent_columns_are_ignored():
    X = np.column_stack([COLUMNS, np.ones(60), COLUMNS[:, 0]])
    _, distances = nearest_neighbors(X, 5, metric="seuclidean")
    assert np.isfinite(distances).all()
    expected = nearest_neighbors(COLUMNS, 5, metric="mahalanobis")
    actual = nearest_neighbors(X, 5, metric="mahalanobis")
    assert np.array_equal(actual[0], expected[0]) and np.isfinite(actual[1]).all()


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
        ("euclidean", {"q": 3}, r"metric_params=\{.q.: 3\} .*euclidean"),
    ],
)
def test_wrong_parameters_of_metrics_are_refused(metric, params, match):
    with pytest.raises((TypeError, ValueError), match=match):
        nearest_neighbors(COLUMNS, 3, metric=metric, metric_params=params)


@pytest.mark.parametrize("n_flat", [1, 20])
@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("value", [0.0, 1.0, 0.1, -7e5])
@pytest.mark.parametrize("dtype", DTYPES)
def test_the_correlation_of_constant_samples_is_refused(
    dtype, value, container, n_flat
):
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
def test_metrics_of_invalid_distances_are_refused(metric, match):
    X = np.random.default_rng(0).normal(size=(300, 3))
    with pytest.raises(ValueError, match=match):
        nearest_neighbors(X, 5, metric=metric)


def test_rounding_below_zero_is_zero():
    X = np.arange(12.0)[:, np.newaxis]
    _, distances = nearest_neighbors(
        X, 3, metric=lambda a, b: abs(a[0] - b[0]) // 3 - 1e-12
    )
    assert distances.min() == 0


def test_distances_are_those_of_the_metric_they_were_made_with():
    expected = nearest_neighbors(COLUMNS, 6)
    D = cdist(COLUMNS, COLUMNS)
    indices, distances = nearest_neighbors(D, 6, metric="precomputed")
    assert np.array_equal(indices, expected[0])
    assert_allclose(distances, expected[1])


@pytest.mark.parametrize(
    "D, match",
    [
        (-cdist(COLUMNS, COLUMNS), "negative"),
        (cdist(COLUMNS, COLUMNS[1:]), r"shape \(60, 59\).*square"),
        (sparse.csr_array(cdist(COLUMNS, COLUMNS)), "neighbors_from_graph"),
    ],
)
def test_invalid_matrices_of_distances_are_refused(D, match):
    with pytest.raises(ValueError, match=match):
        nearest_neighbors(D, 3, metric="precomputed")


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
def test_functions_that_return_no_number_are_refused(function, returned, is_sparse):
    X = np.random.RandomState(0).randn(30, 3)
    data = sparse.csr_array(X) if is_sparse else X
    message = rf"metric=.*lambda.* returns {returned} for two samples.* one number"
    with pytest.raises(TypeError, match=message):
        nearest_neighbors(data, 5, metric=function)
    with pytest.raises(TypeError, match=message):
        trustworthiness(data, X[:, :2], metric=function)
