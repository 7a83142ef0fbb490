# SPDX-License-Identifier: BSD-3-Clause

"""Distances of samples from the training data."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.datasets import load_digits, load_wine, make_blobs
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestNeighbors

from skmanifold import DLME, IsometricAE

# pixels at the border
pytestmark = pytest.mark.filterwarnings("ignore:X varies in")


def quick(cls=DLME, **parameters):
    return cls(max_epochs=1, random_state=0, **parameters)


def held_out(X, y, unseen, n_train):
    """Return samples of all classes but one, and new samples of all classes."""
    order = np.random.RandomState(0).permutation(len(X))
    known = order[y[order] != unseen]
    train, rest = X[known[:n_train]], X[known[n_train:]]
    new = X[y == unseen]
    return train, np.concatenate([rest, new]), np.repeat([0, 1], [len(rest), len(new)])


def baseline(train, test):
    neighbors = NearestNeighbors(n_neighbors=1).fit(train)
    return neighbors.kneighbors(test)[0][:, 0]


@pytest.mark.parametrize("cls", [DLME, IsometricAE])
@pytest.mark.parametrize("unseen", [1, 4, 8])
def test_held_out_digits_score_low(cls, unseen):
    train, test, is_new = held_out(*load_digits(return_X_y=True), unseen, 1200)
    model = quick(cls).fit(train)
    scores = model.score_samples(test)
    result = roc_auc_score(is_new, -scores)
    assert result >= roc_auc_score(is_new, baseline(train, test)) - 0.02
    assert result > 0.9
    assert -1.2 < np.median(model.score_samples(train)) < -0.8
    assert np.median(scores[is_new == 1]) < -1.5


@pytest.mark.parametrize("unseen", [0, 1, 2])
def test_held_out_wines_score_low(unseen):
    """In unrelated units, distances on raw data depend on the largest only."""
    train, test, is_new = held_out(*load_wine(return_X_y=True), unseen, 80)
    scores = quick().fit(train).score_samples(test)
    result = roc_auc_score(is_new, -scores)
    assert result >= roc_auc_score(is_new, baseline(train, test))
    assert result > 0.9


def test_variance_removed_by_pca_counts():
    rng = np.random.RandomState(0)
    X = rng.normal(size=(400, 5)) @ rng.normal(size=(5, 100))
    X += 0.01 * rng.normal(size=X.shape)
    model = quick().fit(X)
    assert model._scaler.basis_ is not None
    beside = np.linalg.svd(X)[2][-1]
    scores = model.score_samples(X[:50] + 30 * beside)
    assert scores.max() < 2 * np.median(model.score_samples(X))


def test_novelty_is_relative_to_the_density():
    """A sample is novel if it is far relative to its surroundings."""
    rng = np.random.RandomState(0)
    dense, sparse_ = rng.normal(size=(300, 2)), 10 * rng.normal(size=(300, 2)) + 100
    model = quick().fit(np.concatenate([dense, sparse_]))
    near_dense = model.score_samples(
        dense.mean(axis=0, keepdims=True) + np.array([6.0, -6.0])
    )
    within_sparse = model.score_samples(10 * rng.normal(size=(100, 2)) + 100)
    assert near_dense[0] < np.quantile(within_sparse, 0.05)


def test_outliers_score_lowest():
    X, _ = make_blobs(300, 6, random_state=0)
    X[7] = 1e5
    with pytest.warns(UserWarning, match="lies far away"):
        model = quick().fit(X)
    scores = model.score_samples(X)  # has been named in fit
    assert scores.argmin() == 7
    assert scores[7] < np.delete(scores, 7).min()


def test_all_parts_of_a_stream_count():
    X, _ = make_blobs(600, 4, centers=[[0] * 4, [9] * 4, [-9] * 4], random_state=0)
    X = X[np.argsort(np.linalg.norm(X - X[:1], axis=1), kind="stable")]
    parts = np.array_split(X, 3)
    model = quick()
    for part in parts:
        model.partial_fit(part)
    scores = model.score_samples(X)
    # the first part is as normal as the last
    assert np.median(scores[:200]) > -2.0
    assert np.median(scores[400:]) > -2.0
    assert model.score_samples(np.full((1, 4), 30.0))[0] < -4.0
    assert model._centers["counts"].sum() == pytest.approx(600)
    model.fit(parts[0])  # forgets
    assert model._centers["counts"].sum() == pytest.approx(200)


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_copies_of_training_samples_score_zero(container, dtype):
    X = container(np.repeat(np.eye(5, dtype=dtype), 40, axis=0))
    model = quick().fit(X)
    scores = model.score_samples(X)
    assert scores.dtype == dtype
    assert_array_equal(scores, 0)
    assert model.score_samples(np.full((1, 5), 0.5))[0] < -0.5


def test_units_of_x_do_not_matter():
    X, _ = make_blobs(300, 6, random_state=0)
    model, other = quick().fit(X[:200]), quick().fit(1000 * X[:200] - 5)
    scores = model.score_samples(X)
    assert scores.max() <= 0
    assert_allclose(other.score_samples(1000 * X - 5), scores, rtol=1e-3)
