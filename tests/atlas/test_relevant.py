# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.decomposition import PCA

from skmanifold.atlas import AtlasTriplet
from skmanifold.atlas._relevant import InitializedEncoder, RelevantComponents
from skmanifold.atlas._triplet import correlation

START = dict(n_charts=3, max_epochs=1, learning_rate=1e-12, random_state=0)


def make_classes(n=300, n_inputs=6, seed=0):
    rng = np.random.RandomState(seed)
    codes = np.arange(n) % 4
    # the first column varies most, but within the classes alone
    X = rng.normal(size=(n, n_inputs)) * [10.0, *np.ones(n_inputs - 1)]
    X[:, 1:3] += 3 * rng.normal(size=(4, 2))[codes]
    return X + 5, codes


def test_components_vary_by_one_within_classes():
    X, codes = make_classes()
    result = RelevantComponents(X, codes, 0)
    residuals = np.concatenate(
        [X[codes == c] - X[codes == c].mean(0) for c in range(4)]
    )
    within = residuals.T @ residuals / len(X)
    shrunk = 0.97 * within / np.trace(within) * 6 + 0.03 * np.eye(6)
    assert_allclose(result.matrix_ @ shrunk @ result.matrix_.T, np.eye(6), atol=1e-9)
    Z = (X - result.center_) @ result.matrix_.T
    assert_allclose(Z.std(0), result.spreads_)
    assert (np.diff(result.spreads_) <= 0).all()
    # the column that varies within classes alone is not the first any more
    assert np.abs(result.matrix_[0]).argmax() != 0
    assert np.abs(PCA(1).fit(X).components_[0]).argmax() == 0


def test_unlabeled_samples_are_ignored():
    X, codes = make_classes()
    unknown = np.where(np.arange(len(X)) < 100, codes, -1)
    result = RelevantComponents(X, unknown, 0)
    assert not np.allclose(result.spreads_, RelevantComponents(X, codes, 0).spreads_)
    assert np.isfinite(result.matrix_).all()


@pytest.mark.parametrize("codes", [np.arange(4), np.array([0, 0, 1, 1])])
def test_classes_of_one_place_leave_principal_components(codes):
    X = np.eye(4, 3)[codes]
    result = RelevantComponents(X, codes, 0)
    lengths = np.linalg.norm(result.matrix_, axis=1)
    assert_allclose(lengths, 0.03**-0.5)
    variances = PCA(len(lengths)).fit(X).explained_variance_ * 0.75
    assert_allclose(result.spreads_, lengths * np.sqrt(variances), atol=1e-5)


def test_charts_start_from_the_components(iris):
    X, y = iris
    model = AtlasTriplet(n_components=1, **START).fit(X, y)
    inputs = model._scaler.transform(X).astype(np.float64)
    result = RelevantComponents(inputs, y, 0)
    Z = (inputs - result.center_) @ result.matrix_.T
    coordinates = 1 / (1 + np.exp(-Z[:, :3] / result.spreads_[0]))
    _, got = model._memberships_and_coordinates(X)
    assert_allclose(got[:, :, 0], coordinates, atol=1e-4)
    # the fourth and, since there are no more, the first two are memberships
    logits = 0.25 * Z[:, [3, 0, 1]] / result.spreads_[3]
    q = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    assert_allclose(model.memberships(X), q, atol=1e-4)


def test_half_of_what_was_learned_stays(iris, monkeypatch):
    X, y = iris
    x = torch.from_numpy(np.random.RandomState(0).randn(5, 4).astype(np.float32))

    def logits(model):
        _, coordinates = model.network_.encoder.charts(x)
        return torch.logit(coordinates).numpy()

    fit = dict(n_charts=3, max_epochs=3, random_state=0)
    start = logits(AtlasTriplet(**START).fit(X, y))
    half = logits(AtlasTriplet(**fit).fit(X, y))
    monkeypatch.setattr(InitializedEncoder, "finish", lambda self: None)
    whole = logits(AtlasTriplet(**fit).fit(X, y))
    assert np.abs(whole - start).max() > 0.05
    assert_allclose(half, (start + whole) / 2, atol=1e-4)


def test_a_part_continues_from_the_previous_one(iris):
    X, y = iris
    quiet = {**START, "n_components": 1}
    model = AtlasTriplet(**{**quiet, "learning_rate": 1e-3}).partial_fit(X, y)
    before = model.transform(X)
    model.set_params(learning_rate=1e-12).partial_fit(X[::2] + 1, y[::2])
    after = model.transform(X)
    # the scaling may shift a little; the charts are not placed anew
    assert np.abs(after - before).max() < 0.2
    assert model.network_.encoder.start is None


def test_the_correlation_is_that_of_numpy():
    a, b = (np.random.RandomState(seed).rand(6, 6) for seed in (0, 1))
    rows, columns = np.triu_indices(6, 1)
    expected = np.corrcoef(a[rows, columns], b[rows, columns])[0, 1]
    result = correlation(torch.from_numpy(a), torch.from_numpy(b))
    assert_allclose(result.item(), expected, rtol=1e-6)
    same = torch.ones(3, 3, requires_grad=True)
    correlation(same, torch.rand(3, 3)).backward()
    assert torch.isfinite(same.grad).all()
