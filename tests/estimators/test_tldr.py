# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from scipy.spatial.distance import pdist
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier
from torch import nn

from skmanifold import TLDR
from skmanifold.estimators._tldr import TLDRObjective, principal_axes
from skmanifold.losses import barlow_twins

QUICK = dict(n_components=4, max_epochs=2, projector_dim=16, random_state=0)


def quick(**options):
    return TLDR(**{**QUICK, **options})


def test_terms_are_per_output():
    """The terms are those of the loss between the two halves, per output."""
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(20, 3, generator=generator)
    encoder, projector = nn.Linear(3, 2), nn.Linear(2, 5)
    objective = TLDRObjective(inputs, encoder, projector, redundancy_weight=0.1)
    rows, others = torch.arange(8), torch.arange(8, 16)
    terms = objective((rows, others, None, None), 0.0)
    z = projector(encoder(inputs))
    invariance, redundancy = barlow_twins(z[:8], z[8:16])
    torch.testing.assert_close(terms["invariance"], invariance / 5)
    torch.testing.assert_close(terms["redundancy"], 0.1 * redundancy / 20)


@pytest.mark.parametrize(
    "encoder, least", [("linear", 0.92), ("factorized", 0.8), ("mlp", 0.92)]
)
def test_new_samples_find_their_class(digits, encoder, least):
    X, X_new, y, y_new = train_test_split(*digits, random_state=0)
    model = TLDR(8, encoder=encoder, max_epochs=40, random_state=0)
    neighbors = KNeighborsClassifier().fit(model.fit_transform(X), y)
    assert neighbors.score(model.transform(X_new), y_new) > least


@pytest.mark.parametrize("encoder", ["linear", "factorized"])
def test_a_linear_map_is_linear(digits, encoder):
    X, _ = digits
    model = quick(encoder=encoder).fit(X)
    mean = model.transform((X[:50] + X[50:100]) / 2)
    ends = model.transform(X[:50]), model.transform(X[50:100])
    assert_allclose(mean, (ends[0] + ends[1]) / 2, atol=1e-4)


def test_turned_codes_have_the_distances_of_predicted_inputs(monkeypatch):
    monkeypatch.setattr("skmanifold.estimators._tldr._ROWS_AT_ONCE", 30)
    rng = np.random.default_rng(0)
    X = (rng.normal(size=(100, 6)) @ rng.normal(size=(6, 6))).astype(np.float32)
    codes = X @ rng.normal(size=(6, 3)).astype(np.float32) + 5
    codes[:, 1] *= 100
    turn, mean = principal_axes(codes, torch.from_numpy(X))
    turned = (codes - mean) @ turn.T
    predicted = LinearRegression().fit(codes, X).predict(codes)
    assert_allclose(pdist(turned), pdist(predicted), rtol=1e-3)
    covariance = np.cov(turned.T)
    assert_allclose(covariance, np.diag(np.diag(covariance)), atol=1e-3)
    assert (np.diff(np.diag(covariance)) < 0).all()
    # one that depends on the others, and a constant one
    more = np.column_stack([codes, codes.sum(axis=1), np.ones(100)])
    again = (more - more.mean(axis=0)) @ principal_axes(more, torch.from_numpy(X))[0].T
    assert_allclose(again[:, :3], turned, rtol=1e-2, atol=1e-2)
    assert not again[:, 3:].any()


@pytest.mark.parametrize("encoder", ["linear", "factorized"])
def test_columns_of_a_linear_map_are_principal_components(digits, encoder):
    X, _ = digits
    Z = quick(encoder=encoder, n_components=10).fit_transform(X)
    assert (np.diff(Z.std(axis=0)) < 0).all()
    assert_allclose(np.corrcoef(Z.T), np.eye(10), atol=1e-4)
    assert np.abs(Z.mean(axis=0)).max() < 1e-4


def test_a_continued_fit_keeps_its_axes(digits):
    X, _ = digits
    model = quick(n_components=8, max_epochs=20).fit(X)
    before = model.transform(X)
    model.partial_fit(X[:7])
    after = model.transform(X)
    assert np.abs(after - before).max() < 0.1 * before.std()


def test_a_short_fit_of_two_matrices_is_continued_where_it_ended(digits):
    X, _ = digits
    model = quick(encoder="factorized", max_epochs=1, warm_start=True).fit(X)
    before = model.embedding_
    model.set_params(learning_rate=1e-9).fit(X)
    moved = np.linalg.norm(model.embedding_ - before) / np.linalg.norm(before)
    assert moved < 0.02, "the statistics of a few batches are not those of X"
