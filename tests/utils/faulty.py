# SPDX-License-Identifier: BSD-3-Clause

"""A sound estimator, and estimators with a fault that takes more than an expression."""

import copy
import dataclasses
import os
import warnings
from unittest import mock

import numpy as np
import torch
from scipy import sparse
from sklearn.base import ClassifierMixin

from skmanifold import DLME
from skmanifold._engine import SampleBatches
from skmanifold.base import Neighbors, _fingerprint
from skmanifold.graph import (
    connected_components_of,
    neighbors_from_data,
    neighbors_from_graph,
)
from tests.guests import LinearAutoencoder, NeuralPCA


class Sound(NeuralPCA):
    """A linear autoencoder without a fault."""

    _parameter_constraints: dict = {
        **NeuralPCA._parameter_constraints,
        **NeuralPCA.clustering_constraints,
    }


class SoundSupervised(Sound):
    """Takes targets, to validate them only."""

    def _validate_targets(self, y):
        if y is None:
            raise ValueError("y=None, but this method needs a label for each row.")
        y = np.asarray(y)
        if y.ndim != 1:
            raise ValueError(f"y has shape {y.shape}; pass one label a row.")
        if y.dtype.kind == "f" and not np.isfinite(y).all():
            raise ValueError("y holds NaN.")
        return y

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags


def short(cls, **params):
    """Return an estimator of one epoch."""
    params |= {"max_epochs": 1, "batch_size": 20, "device": "cpu"}
    if issubclass(cls, DLME):
        params |= {"structure_layers": (8,), "embedding_layers": (), "structure_dim": 4}
    return cls(**params)


class TakesAnyNumbers(ClassifierMixin, SoundSupervised):
    pass


class NoisyObjective(LinearAutoencoder):
    def forward(self, batch, progress):
        terms = super().forward(batch, progress)
        return {name: term * torch.rand(()) for name, term in terms.items()}


class DrawsUnannounced(Sound):
    def _make_objective(self, data, networks):
        return NoisyObjective(data.inputs, networks)

    def _uses_global_generator(self):
        return False


class KnowsItsProcess(Sound):
    def _present(self, outputs):
        return outputs + os.getpid()


class ForgetsErrorsOnFailure(Sound):
    def fit(self, X, y=None):
        before = np.seterr(all="ignore")
        super().fit(X, y)
        np.seterr(**before)
        return self


class TreatsMinusOneAsClass(ClassifierMixin, SoundSupervised):
    def fit(self, X, y=None):
        super().fit(X, y)
        self.classes_ = np.unique(y)
        return self


class PredictsClusters(ClassifierMixin, SoundSupervised):
    def fit(self, X, y=None):
        super().fit(X, y)
        self.classes_ = np.unique(y[y != -1])
        return self

    def predict(self, X):
        return np.arange(len(X)) % 5


class HasNeighbors(Sound):
    """Searches neighbors, to count the components of their graph only."""

    n_neighbors = 5
    metric = "euclidean"

    def fit(self, X, y=None):
        super().fit(X, y)
        self.n_connected_components_ = self._count_parts(X)
        return self

    def _count_parts(self, X):
        X = X.toarray() if sparse.issparse(X) else np.asarray(X, dtype=float)
        indices, _, counts = neighbors_from_data(X, min(self.n_neighbors, len(X) - 1))
        return connected_components_of(indices, counts)[0]


class GivesLists(DLME):
    def _lists(self, data, indices):
        data.learned["n_connected_components_"] = 1
        counts = np.full(data.n_samples, indices.shape[1])
        return Neighbors.on(data.device, indices, np.zeros(indices.shape), counts)


class TakesAnyMetric(GivesLists):
    def _neighbors(self, data):
        after = np.arange(1, data.n_samples + 1) % data.n_samples
        return self._lists(data, after[:, np.newaxis])


class TakesAllPairs(GivesLists):
    def _neighbors(self, data):
        graph = self.connectivity
        graph = graph(data.X) if callable(graph) else graph
        return self._lists(data, neighbors_from_graph(graph, data.n_samples)[0])


class TakesSimilarities(GivesLists):
    def _validate(self, X, *, reset):
        if isinstance(X, np.ndarray) and X.shape[:1] == X.shape[1:]:
            X = X - np.diag(np.diag(X))
        return super()._validate(X, reset=reset)


class TreatsNewTailsAsErrors(Sound):
    def transform(self, X):
        if not np.array_equal(X[:1], self._first):
            warnings.warn("Sample 3 lies far away.", stacklevel=2)
        return super().transform(X)

    def fit(self, X, y=None):
        self._first = X[:1]
        return super().fit(X, y)


class KeepsItsFirstScaling(Sound):
    def partial_fit(self, X, y=None):
        before = getattr(self, "_scaler", None)
        super().partial_fit(X, y)
        self._scaler = before or self._scaler
        return self


class RoundsItsInput(Sound):
    def fit(self, X, y=None):
        super().fit(X, y)
        self.embedding_ = self.transform(X)
        return self

    def transform(self, X):
        Z = super().transform(X)
        return Z * (np.abs(X).max() > 1e-6) if isinstance(X, np.ndarray) else Z


class KeepsTheData(Sound):
    def fit(self, X, y=None):
        super().fit(X, y)
        self.X_ = np.array(X)
        return self


class HidesTheData(Sound):
    def fit(self, X, y=None):
        super().fit(X, y)
        self._kept = [np.array(X)] * 2 + [np.random.RandomState(0).rand(len(X), 50)]
        return self


class LosesDigits(Sound):
    def __getstate__(self):
        state = super().__getstate__()
        network = copy.deepcopy(state["network_"]).half().float()
        return {**state, "network_": network}


class CleansUpAtTheEnd(Sound):
    def fit(self, X, y=None):
        self._busy = True
        super().fit(X, y)
        del self._busy
        return self


class DoesNotListen(Sound):
    def _learn(self, data, run):
        listen = run.on_epoch
        run.on_epoch = lambda *arguments: bool(listen(*arguments)) and False
        return super()._learn(data, run)


class NeedsTheLastObjective(Sound):
    def _plan(self, n_samples, n_features):
        plan = super()._plan(n_samples, n_features)
        return dataclasses.replace(plan, phases={"pretraining": 2})

    def _learn(self, data, run):
        batches = self._make_batches(data, run.batch_size)
        objective = run.build(self._make_objective, data, run.make_networks())
        run.train(objective, batches, phase="pretraining")
        objective.scale = 2.0
        run.train(objective, batches)
        return objective

    def _fitted_attributes(self, objective, outputs, data):
        attributes = super()._fitted_attributes(objective, outputs, data)
        return {**attributes, "scale_": objective.scale}


class OwnOrder(SampleBatches):
    """Batches whose order depends on the number of calls."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.generator = torch.Generator().manual_seed(0)

    def epoch(self, generator):
        return super().epoch(self.generator)


class OrdersItsBatches(Sound):
    def _make_batches(self, data, batch_size):
        return OwnOrder(data.n_samples, batch_size, data.device)


class RecognizesNothing(Sound):
    def fit(self, X, y=None):
        same = {"data": "the same for all"}
        with mock.patch.object(_fingerprint, "fingerprint", lambda *_, **__: same):
            return super().fit(X, y)


class RestartsInstead(Sound):
    def fit(self, X, y=None):
        try:
            return super().fit(X, y)
        except ValueError:
            os.remove(self.training.checkpoint)
            return super().fit(X, y)


class WarmsUpLongerTheSecondTime(Sound):
    def _plan(self, n_samples, n_features):
        plan = super()._plan(n_samples, n_features)
        warmup = 0.5 if hasattr(self, "network_") else 0.1
        return dataclasses.replace(plan, warmup=warmup)
