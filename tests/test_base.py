# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""The template, through a method that someone else might write with its three hooks."""

import numpy as np
import pytest
import torch
from sklearn.datasets import make_blobs
from sklearn.decomposition import PCA
from sklearn.utils.estimator_checks import parametrize_with_checks
from torch import nn

from skmanifold._engine import RowBatches
from skmanifold.base import DeepManifold, Plan


class LinearAutoencoder(nn.Module):
    """Mean squared error of a linear code: its minimum is that of PCA."""

    def __init__(self, inputs, n_components):
        super().__init__()
        n_inputs = inputs.shape[1]
        self.inputs = inputs
        self.encoder = nn.Linear(n_inputs, n_components)
        self.decoder = nn.Linear(n_components, n_inputs)

    def forward(self, batch, progress):
        x = self.inputs[batch[0]]
        error = x - self.decoder(self.encoder(x))
        return {"reconstruction": error.square().sum(1).mean()}


class NeuralPCA(DeepManifold):
    """Someone else's method."""

    def __init__(
        self,
        n_components=2,
        *,
        n_clusters=None,
        max_epochs=100,
        batch_size=50,
        learning_rate=0.03,
        device="auto",
        training=None,
        warm_start=False,
        verbose=False,
        random_state=None,
    ):
        self.n_components = n_components
        self.n_clusters = n_clusters
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.device = device
        self.training = training
        self.warm_start = warm_start
        self.verbose = verbose
        self.random_state = random_state

    def _plan(self, n_samples, n_features):
        return Plan(
            n_epochs=self.max_epochs,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            n_reduced=None,
        )

    def _make_batches(self, data, batch_size):
        return RowBatches(data.n_samples, batch_size, data.device)

    def _make_objective(self, data):
        data.learnt["n_inputs_"] = data.n_inputs
        return LinearAutoencoder(data.inputs, self.n_components)


@parametrize_with_checks(
    [NeuralPCA(max_epochs=2), NeuralPCA(max_epochs=2, n_clusters=2)]
)
def test_three_hooks_make_an_estimator(estimator, check):
    check(estimator)


def test_reaches_the_minimum_of_pca():
    X = np.random.RandomState(0).randn(200, 6) @ np.diag([1.5, 1.4, 1.2, 1.1, 1, 1])
    model = NeuralPCA(random_state=0).fit(X)
    scaled = model._input_map.rows(X, 0, len(X)).astype(np.float64)
    kept = PCA(2).fit(scaled)
    minimum = scaled.var(axis=0).sum() - kept.explained_variance_.sum() * 199 / 200
    assert model.history_["reconstruction"][-1] == pytest.approx(minimum, rel=1e-3)
    # the same plane as PCA's: a linear map between the two embeddings, nothing left
    ours = model.embedding_ - model.embedding_.mean(axis=0)
    theirs = kept.transform(scaled)
    left = theirs - ours @ np.linalg.lstsq(ours, theirs, rcond=None)[0]
    assert np.abs(left).max() < 0.05 * np.abs(theirs).max()


def test_what_a_hook_learns_becomes_an_attribute_and_goes_with_the_fit():
    X, _ = make_blobs(40, 3, random_state=0)
    model = NeuralPCA(max_epochs=1, random_state=0).fit(X)
    assert model.n_inputs_ == 3
    assert model.fit(np.column_stack([X, X])).n_inputs_ == 6
    bad = X.copy()
    bad[0, 0] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        model.fit(bad)
    assert model.n_inputs_ == 6


def test_modules_rest_in_eval_mode_without_gradients():
    X, _ = make_blobs(40, 3, random_state=0)
    network = NeuralPCA(max_epochs=1).fit(X).network_
    assert not network.training
    assert not any(p.requires_grad for p in network.parameters())
    assert {p.device for p in network.parameters()} == {torch.device("cpu")}
