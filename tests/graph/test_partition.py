# SPDX-License-Identifier: BSD-3-Clause
import joblib
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.datasets import load_digits
from threadpoolctl import threadpool_limits

from skmanifold.graph import nearest_neighbors
from skmanifold.graph._exact import exact_neighbors
from skmanifold.graph._partition import partition_neighbors

DTYPES = [np.float32, np.float64]


def recall(X, n_neighbors, **params):
    result, distances = partition_neighbors(X, n_neighbors, **params)
    exact, exact_distances = exact_neighbors(X, n_neighbors)
    same = result == exact
    assert np.array_equal(distances[same], exact_distances[same])
    assert not np.any(result == np.arange(len(X))[:, np.newaxis])
    assert np.all(np.diff(distances, axis=1) >= 0)
    assert distances.dtype == X.dtype
    hits = [len(np.intersect1d(a, b)) for a, b in zip(result, exact, strict=True)]
    return np.mean(hits) / n_neighbors


def clusters(n_samples, spread, n_features=12):
    rng = np.random.default_rng(0)
    centers = spread * rng.standard_normal((30, n_features))
    return centers[rng.integers(30, size=n_samples)] + rng.standard_normal(
        (n_samples, n_features)
    )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "make, least",
    [
        (lambda rng: rng.standard_normal((5000, 12)), 0.92),
        (lambda rng: clusters(5000, 3), 0.999),
        (lambda rng: clusters(5000, 1e5), 0.999),
        (lambda rng: rng.lognormal(sigma=2, size=(5000, 6)), 0.97),
        (lambda rng: np.sort(rng.standard_normal((5000, 1)), axis=0), 0.999),
        (lambda rng: 1e6 + rng.standard_normal((5000, 4)), 0.99),
        (lambda rng: 1e-30 * rng.standard_normal((5000, 4)), 0.99),
        (
            lambda rng: np.vstack([rng.standard_normal((5000, 4)), np.full(4, 1e4)]),
            0.99,
        ),
    ],
)
def test_most_neighbors_are_found(make, least, dtype):
    X = make(np.random.default_rng(0)).astype(dtype)
    assert recall(X, 10) >= least


def test_most_neighbors_of_images_are_found():
    X, _ = load_digits(return_X_y=True)
    X = np.vstack([X, X + np.random.default_rng(0).normal(size=X.shape)])
    assert recall(X, 15) > 0.98


def test_more_probes_find_more_and_all_find_all():
    X = np.random.default_rng(0).standard_normal((4000, 15))
    result = [recall(X, 10, n_probes=n) for n in (2, 10, 40, 63)]
    assert result == sorted(result)
    assert result[0] < result[-1] == 1


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_order_of_the_samples_does_not_matter(dtype):
    X = clusters(3000, 2).astype(dtype)
    indices, distances = partition_neighbors(X, 8, n_probes=10)
    order = np.random.default_rng(0).permutation(len(X))
    permuted, permuted_distances = partition_neighbors(X[order], 8, n_probes=10)
    assert np.array_equal(order[permuted], indices[order])
    assert permuted_distances.tobytes() == distances[order].tobytes()


def test_any_number_of_threads_gives_the_same_bits():
    X = clusters(3000, 2)
    expected = [part.tobytes() for part in partition_neighbors(X, 8, n_jobs=1)]

    def check(n_jobs):
        result = partition_neighbors(X, 8, n_jobs=n_jobs)
        assert [part.tobytes() for part in result] == expected

    for n_jobs in [1, 2, 3, -1]:
        check(n_jobs)
    for limit in [1, 2, 4]:
        with threadpool_limits(limits=limit):
            check(2)
    with joblib.parallel_config(backend="threading", n_jobs=2):
        check(None)


@pytest.mark.parametrize("n_copies", [2, 7, 50])
def test_duplicates_are_found(n_copies):
    X = np.repeat(np.random.default_rng(0).standard_normal((100, 5)), n_copies, axis=0)
    X = X[np.random.default_rng(1).permutation(len(X))]
    indices, distances = partition_neighbors(X, 10)
    exact, exact_distances = exact_neighbors(X, 10)
    assert_array_equal(distances, exact_distances)
    assert not np.any(indices == np.arange(len(X))[:, np.newaxis])
    tied = distances[:, 1:] == distances[:, :-1]
    assert np.all((np.diff(indices, axis=1) > 0)[tied])
    assert_array_equal(X[indices[:, 0]], X[exact[:, 0]])


def test_equal_samples_are_neighbors():
    indices, distances = partition_neighbors(np.ones((500, 3)), 6)
    assert np.all(distances == 0)
    assert not np.any(indices == np.arange(500)[:, np.newaxis])
    assert all(len(set(row)) == 6 for row in indices.tolist())


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n_samples", [2, 3, 5, 9, 40])
def test_few_samples_are_searched_exactly(n_samples, dtype):
    X = np.random.default_rng(0).standard_normal((n_samples, 3)).astype(dtype)
    for n_neighbors in {1, n_samples // 2, n_samples - 1}:
        expected = exact_neighbors(X, n_neighbors)
        assert all(map(np.array_equal, partition_neighbors(X, n_neighbors), expected))


def test_more_neighbors_than_a_cell_has_samples():
    X = clusters(2000, 50)
    assert recall(X, 300, n_probes=1) > 0.3


def test_the_search_has_the_algorithm():
    X = clusters(2000, 3)
    for metric in ["euclidean", "sqeuclidean", "cosine"]:
        result = nearest_neighbors(X, 5, algorithm="partition", metric=metric)
        exact = nearest_neighbors(X, 5, algorithm="exact", metric=metric)
        assert np.mean(result[0] == exact[0]) > 0.99
        again = nearest_neighbors(
            X, 5, algorithm="partition", metric=metric, random_state=3
        )
        assert np.array_equal(result[0], again[0])


def test_the_data_are_not_changed():
    X = clusters(500, 3)
    X.setflags(write=False)
    before = X.copy()
    partition_neighbors(X, 5)
    assert np.array_equal(X, before)
