# SPDX-License-Identifier: BSD-3-Clause

"""Each check detects its fault, on one broken estimator after the other."""

import contextlib
import copy
import dataclasses
import os
import time
import warnings
from unittest import mock

import numpy as np
import pytest
import torch
from scipy import sparse
from sklearn.base import ClassifierMixin
from sklearn.exceptions import SkipTestWarning
from sklearn.preprocessing import FunctionTransformer
from torch import nn

from skmanifold import DLME
from skmanifold._engine import SampleBatches
from skmanifold.base import (
    Neighbors,
    _fingerprint,
)
from skmanifold.graph import (
    connected_components_of,
    nearest_neighbors,
    neighbors_from_data,
    neighbors_from_graph,
)
from skmanifold.utils import estimator_checks
from skmanifold.utils._checks import CHECKS, _inputs
from skmanifold.utils.estimator_checks import (
    check_deep_manifold,
    parametrize_with_deep_checks,
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


@parametrize_with_deep_checks(
    [short(Sound, n_clusters=2), short(SoundSupervised)], scikit_learn=False
)
def test_a_sound_estimator_passes(estimator, check):
    check(estimator)


# What may be broken -----------------------------------------------------------

BROKEN = []


def broken(check, message):
    """Register a class that `check` must reject, with this message."""

    def note(cls):
        BROKEN.append(pytest.param(cls, check, message, id=f"{check}-{cls.__name__}"))
        return cls

    return note


@broken("check_transform_of_subsets", "same bits whatever rows")
class CentersWhatItTransforms(Sound):
    def transform(self, X):
        Z = super().transform(X)
        return Z - Z.mean(axis=0)


@broken("check_transform_of_subsets", "reconstruct must give each row the same bits")
class ReconstructsByRank(Sound):
    def reconstruct(self, X):
        return super().reconstruct(X) + np.arange(len(X))[:, np.newaxis]


@broken("check_fit_transform_is_transform", r"fit_transform\(X\) must be fit")
class AlmostTransforms(Sound):
    def fit_transform(self, X, y=None):
        return super().fit_transform(X, y) * (1 + 1e-9)


@broken("check_fit_transform_is_transform", "1 names for 2 features")
class CountsBadly(Sound):
    _n_features_out = 1


@broken("check_fit_transform_is_transform", "labels_ must be")
class RelabelsOnFit(Sound):
    def fit(self, X, y=None):
        super().fit(X, y)
        if self.n_clusters:
            self.labels_ = self.labels_[::-1]
        return self


@broken("check_inputs_are_not_modified", "must not change X")
class CentersInPlace(Sound):
    def fit(self, X, y=None):
        if isinstance(X, np.ndarray):
            X -= X.mean(axis=0)
        return super().fit(X, y)


@broken("check_inputs_are_not_modified", r"must not change its parameters.*batch_size")
class SettlesItsBatchSize(Sound):
    def fit(self, X, y=None):
        self.batch_size = len(X) // 2
        return super().fit(X, y)


@broken("check_inputs_are_not_modified", "must not change the fitted estimator")
class CountsItsCalls(Sound):
    def transform(self, X):
        self.n_calls_ = getattr(self, "n_calls_", 0) + 1
        return super().transform(X)


@broken("check_thread_safety", "must be thread-safe")
class KeepsRowsOnItself(Sound):
    def transform(self, X):
        self._rows = X
        time.sleep(0.002)
        return super().transform(self._rows)


@broken("check_refit_is_independent", "must not depend on the first")
class WarmsUpLongerTheSecondTime(Sound):
    def _plan(self, n_samples, n_features):
        plan = super()._plan(n_samples, n_features)
        warmup = 0.5 if hasattr(self, "network_") else 0.1
        return dataclasses.replace(plan, warmup=warmup)


@broken("check_y_is_ignored_unless_needed", "must ignore y")
class LooksAtLabels(Sound):
    def fit(self, X, y=None):
        return super().fit(X if y is None else X + np.asarray(y)[:, np.newaxis], y)


@broken("check_y_is_ignored_unless_needed", "entries for .* was accepted")
class TakesAnyY(Sound):
    def fit(self, X, y=None):
        return super().fit(X)


@broken("check_y_is_ignored_unless_needed", "y=None.* was accepted")
class NeedsNoLabelsAfterAll(SoundSupervised):
    def _validate_targets(self, y):
        return None


@broken("check_y_is_ignored_unless_needed", "y with NaN.* was accepted")
class TakesLabelsThatAreNaN(SoundSupervised):
    def _validate_targets(self, y):
        return super()._validate_targets(None if y is None else np.nan_to_num(y))


@broken("check_unknown_labels", "given as None must change nothing")
class CountsMissingLabels(Sound):
    def fit(self, X, y=None):
        holes = y is not None and any(label is None for label in y)
        return super().fit(X[::-1] if holes else X, y)


@broken("check_unknown_labels", "-1 in y must be an unknown label, not a class")
class TakesMinusOneForAClass(ClassifierMixin, SoundSupervised):
    def fit(self, X, y=None):
        super().fit(X, y)
        self.classes_ = np.unique(y)
        return self


@broken("check_numbers_as_classes", "y of ages in days must give 1 warnings")
class TakesAnyNumbers(ClassifierMixin, SoundSupervised):
    pass


@broken("check_unknown_labels", "predict must return elements of classes_")
class PredictsClusters(ClassifierMixin, SoundSupervised):
    def fit(self, X, y=None):
        super().fit(X, y)
        self.classes_ = np.unique(y[y != -1])
        return self

    def predict(self, X):
        return np.arange(len(X)) % 5


@broken("check_masked_arrays", "masked entry must be rejected")
class DropsTheMask(Sound):
    def transform(self, X):
        return super().transform(np.clip(np.asarray(X), -100, 100))


@broken("check_dates_and_lazy_frames", "column of dates in pandas must be rejected")
class CountsDays(Sound):
    def fit(self, X, y=None):
        if hasattr(X, "columns") and "when" in X.columns:
            X = np.column_stack([np.arange(len(X)), np.zeros((len(X), 5))])
        return super().fit(X, y)


@broken("check_dates_and_lazy_frames", "with a lazy frame must be rejected")
class CollectsByItself(Sound):
    def transform(self, X):
        return super().transform(X.collect() if hasattr(X, "collect") else X)


@broken("check_same_bits_for_any_number_of_threads", "same bits for 2 threads")
class SumsByThread(Sound):
    def transform(self, X):
        return super().transform(X) * torch.get_num_threads()

    def fit_transform(self, X, y=None):
        return self.fit(X, y).transform(X)


@broken(
    "check_same_bits_for_any_number_of_threads", "preserve torch's number of threads: 2"
)
class TakesOneThread(Sound):
    def fit(self, X, y=None):
        torch.set_num_threads(1)
        return super().fit(X, y)


@broken("check_same_bits_in_a_worker", "in a worker process")
class KnowsItsProcess(Sound):
    def _present(self, outputs):
        return outputs + os.getpid()


@broken("check_reproducibility", "global generators must not affect")
class DrawsGlobally(Sound):
    def _present(self, outputs):
        return outputs + np.random.rand()  # noqa: NPY002


class NoisyObjective(LinearAutoencoder):
    def forward(self, batch, progress):
        terms = super().forward(batch, progress)
        return {name: term * torch.rand(()) for name, term in terms.items()}


@broken("check_reproducibility", "global generators must not affect")
class DrawsWithoutSayingSo(Sound):
    def _make_objective(self, data, networks):
        return NoisyObjective(data.inputs, networks)

    def _uses_global_generator(self):
        return False


@broken("check_reproducibility", "another random_state must change the result")
class HasOneSeed(Sound):
    def fit(self, X, y=None):
        given, self.random_state = self.random_state, 0
        try:
            return super().fit(X, y)
        finally:
            self.random_state = given


@broken("check_reproducibility", "must advance from fit to fit")
class CopiesItsGenerator(Sound):
    def fit(self, X, y=None):
        given = self.random_state
        self.random_state = copy.deepcopy(given)
        try:
            return super().fit(X, y)
        finally:
            self.random_state = given


@broken(
    "check_global_state_is_restored", "fit must not change torch's global generator"
)
class SeedsTorch(Sound):
    def fit(self, X, y=None):
        torch.manual_seed(0)
        return super().fit(X, y)


@broken("check_global_state_is_restored", "not change the warnings filters")
class SilencesWarnings(Sound):
    def fit(self, X, y=None):
        warnings.filterwarnings("ignore", message="something else")
        return super().fit(X, y)


@broken("check_global_state_is_restored", "not change the environment")
class SetsTheEnvironment(Sound):
    def transform(self, X):
        os.environ["SKMANIFOLD_CHECK"] = str(time.time())
        return super().transform(X)


@broken("check_global_state_is_restored", r"fit, when it fails, .* handling of errors")
class ForgetsErrorsOnFailure(Sound):
    def fit(self, X, y=None):
        before = np.seterr(all="ignore")
        super().fit(X, y)
        np.seterr(**before)
        return self


@broken("check_torch_modes_have_no_effect", r"torch.no_grad\(\) around it")
class KnowsItsMode(Sound):
    def fit(self, X, y=None):
        super().fit(X, y)
        self.embedding_ = self.embedding_ + (not torch.is_grad_enabled())
        return self


@broken("check_invalid_samples", "NaN in X must be rejected, but was accepted")
class FillsHoles(Sound):
    def fit(self, X, y=None):
        return super().fit(np.nan_to_num(X), y)


@broken("check_invalid_samples", r"not leave new attributes, but left \['started_'\]")
class NotesThatItStarted(Sound):
    def fit(self, X, y=None):
        self.started_ = True
        return super().fit(X, y)


@broken("check_invalid_samples", "must keep the previous fit, but .* disappeared")
class DropsItsFitFirst(Sound):
    def fit(self, X, y=None):
        for name in ("embedding_", "network_"):
            vars(self).pop(name, None)
        return super().fit(X, y)


@broken("check_invalid_samples", "the error must match")
class SaysNothing(Sound):
    def fit(self, X, y=None):
        try:
            return super().fit(X, y)
        except ValueError:
            raise ValueError("Bad input.") from None


@broken("check_invalid_new_samples", r"transform with NaN in X .* accepted")
class FillsNewHoles(Sound):
    def transform(self, X):
        if isinstance(X, np.ndarray) and X.dtype.kind == "f":
            X = np.nan_to_num(X, posinf=np.inf)
        return super().transform(X)


@broken("check_invalid_new_samples", "must raise NotFittedError before fit")
class TransformsUnfitted(Sound):
    def transform(self, X):
        if not hasattr(self, "network_"):
            return np.zeros((len(X), 2))
        return super().transform(X)


@broken("check_invalid_parameters", "'max_epochs' has no entry")
class ForgetsAConstraint(Sound):
    _parameter_constraints = {
        name: constraint
        for name, constraint in Sound._parameter_constraints.items()
        if name != "max_epochs"
    }


@broken("check_invalid_parameters", r"learning_rate=0.0\) must be rejected, but")
class TakesAnyLearningRate(Sound):
    _parameter_constraints = {**Sound._parameter_constraints, "learning_rate": [object]}


@broken("check_invalid_parameters", r"device='gpu'\): the error must name device")
class DoesNotNameTheDevice(Sound):
    def fit(self, X, y=None):
        if self.device == "gpu":
            raise ValueError("no such place")
        return super().fit(X, y)


@broken("check_invalid_networks", "with a ValueError or TypeError, but raised")
class TriesAnyNetwork(DLME):
    def fit(self, X, y=None):
        try:
            return super().fit(X, y)
        except ValueError as error:
            raise RuntimeError("shapes cannot be multiplied") from error


@broken("check_invalid_networks", "must be copied, not changed")
class TakesTheNetworkItself(DLME):
    def _make_networks(self, sizes):
        if isinstance(self.encoder, nn.Module):
            self.encoder.eval()
        return super()._make_networks(sizes)


@broken("check_few_samples", "an error must give the minimum number")
class WantsMoreRows(Sound):
    def fit(self, X, y=None):
        if len(X) < 12:
            raise ValueError("Not enough rows.")
        return super().fit(X, y)


@broken("check_few_samples", "may emit a UserWarning, but emitted RuntimeWarn")
class DividesByZero(Sound):
    def fit(self, X, y=None):
        np.ones(1) / (len(X) - 5)
        return super().fit(X, y)


@broken("check_few_samples", "must warn once")
class WarnsTwice(Sound):
    def fit(self, X, y=None):
        for _ in range(2):
            warnings.warn("few rows", UserWarning, stacklevel=2)
        return super().fit(X, y)


@broken("check_repeated_samples", "equal samples must have equal embeddings")
class MovesThemApart(Sound):
    def _present(self, outputs):
        return outputs + np.arange(len(outputs), dtype=np.float32)[:, np.newaxis]


def without_warnings(name):
    """Return a class with a method that swallows its warnings."""

    def method(self, *arguments):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return getattr(super(cls, self), name)(*arguments)

    cls = type(f"SaysNothingIn_{name}", (Sound,), {name: method})
    return cls


for check, name, message in [
    ("check_repeated_samples", "fit", "must warn that there is nothing to learn"),
    ("check_outliers", "fit", "must give 1 warnings that match 'sample 0'"),
    ("check_new_outliers", "transform", "must give 1 warnings"),
    ("check_columns_that_vary_later", "transform", "must give 1 warnings"),
    ("check_codes", "partial_fit", "must give 1 warnings that match 'SimpleImp"),
    ("check_partial_fit_in_other_units", "partial_fit", "1 warnings .* 'units differ'"),
    ("check_large_batch_size_warns", "fit", r"must give 1 warnings that match '100003"),
]:
    broken(check, message)(without_warnings(name))


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


@broken("check_duplicates", "must have the neighbors of the distinct samples")
class CountsCopies(HasNeighbors):
    def _count_parts(self, X):
        return connected_components_of(nearest_neighbors(X, self.n_neighbors)[0])[0]


@broken("check_isolated_samples", "must give 1 warnings that match '8 of")
class JoinsStrangers(CountsCopies):
    pass


@broken("check_isolated_samples", "must have 10 parts")
class CountsStrangersAsOne(HasNeighbors):
    def _count_parts(self, X):
        return min(3, super()._count_parts(X))


@broken("check_isolated_samples", "must embed them apart")
class LosesStrangers(HasNeighbors):
    def _present(self, outputs):
        return outputs * np.float32(0)


class GivesLists(DLME):
    def _lists(self, data, indices):
        data.learned["n_connected_components_"] = 1
        counts = np.full(data.n_samples, indices.shape[1])
        return Neighbors.on(data.device, indices, np.zeros(indices.shape), counts)


@broken("check_metrics", "correlation of constant samples must be rejected, but was")
class TakesAnyMetric(GivesLists):
    def _neighbors(self, data):
        after = np.arange(1, data.n_samples + 1) % data.n_samples
        return self._lists(data, after[:, np.newaxis])


@broken("check_distances_as_connectivity", "must use the 5 nearest")
class TakesAllPairs(GivesLists):
    def _neighbors(self, data):
        graph = self.connectivity
        graph = graph(data.X) if callable(graph) else graph
        return self._lists(data, neighbors_from_graph(graph, data.n_samples)[0])


@broken("check_precomputed_distances", "on similarities must be rejected")
class TakesSimilarities(GivesLists):
    def _validate(self, X, *, reset):
        if isinstance(X, np.ndarray) and X.shape[:1] == X.shape[1:]:
            X = X - np.diag(np.diag(X))
        return super()._validate(X, reset=reset)


@broken("check_unusual_columns", "on one column must separate samples")
class DropsAColumn(Sound):
    def _present(self, outputs):
        return outputs * np.float32(self.n_features_in_ > 1)


@broken("check_outliers", "by transform, must give 0 warnings")
class RepeatsItself(Sound):
    def transform(self, X):
        if np.abs(X).max() > 1000:
            warnings.warn("Sample 0 lies far away.", stacklevel=2)
        return super().transform(X)


@broken("check_outliers", "must keep the others apart")
class DividesByTheLargest(Sound):
    def fit(self, X, y=None):
        self._largest = np.float32(np.abs(X).max())
        return super().fit(X, y)

    def _present(self, outputs):
        return outputs / self._largest


@broken("check_new_outliers", "on ordinary samples of raw data must give 0 warn")
class FindsAllNewSamplesOutlying(Sound):
    def transform(self, X):
        if len(X) == 40:
            warnings.warn("Sample 7 lies far away.", stacklevel=2)
        return super().transform(X)


@broken("check_heavy_tails", "on new log-normal columns must give 0 warnings")
class TakesNewTailsForErrors(Sound):
    def transform(self, X):
        if not np.array_equal(X[:1], self._first):
            warnings.warn("Sample 3 lies far away.", stacklevel=2)
        return super().transform(X)

    def fit(self, X, y=None):
        self._first = X[:1]
        return super().fit(X, y)


@broken("check_novelty", "must be lower for samples outside")
class FindsAllNormal(Sound):
    def score_samples(self, X):
        return np.full(len(X), -1.0)


@broken("check_heavy_tails", "must give 0 warnings that match 'far away from")
class TakesTailsForErrors(Sound):
    def fit(self, X, y=None):
        if np.abs(X).max() > 8 * np.std(X):
            warnings.warn("Sample 3 lies far away from all others.", stacklevel=2)
        return super().fit(X, y)


@broken("check_columns_that_vary_later", "varies in partial_fit must count")
class KeepsItsFirstScaling(Sound):
    def partial_fit(self, X, y=None):
        before = getattr(self, "_scaler", None)
        super().partial_fit(X, y)
        self._scaler = before or self._scaler
        return self


@broken("check_partial_fit_of_few_samples", "must give the minimum number")
class RefusesPartsWithoutAReason(Sound):
    def partial_fit(self, X, y=None):
        if len(X) < 5:
            raise ValueError("Not enough rows.")
        return super().partial_fit(X, y)


@broken("check_partial_fit_of_few_samples", "must train, but raised")
class WantsLargeParts(Sound):
    def partial_fit(self, X, y=None):
        if len(X) < 10:
            raise ValueError("A part needs 10 rows.")
        return super().partial_fit(X, y)


@broken("check_extreme_scales", "finite reconstruct")
class OverflowsOnTheWayBack(Sound):
    def reconstruct(self, X):
        X = super().reconstruct(X)
        return X if np.abs(X).max() < 1e20 else X * np.inf


@broken("check_extreme_scales", "around 1e-8 must separate samples")
class RoundsItsInput(Sound):
    def fit(self, X, y=None):
        super().fit(X, y)
        self.embedding_ = self.transform(X)
        return self

    def transform(self, X):
        Z = super().transform(X)
        return Z * (np.abs(X).max() > 1e-6) if isinstance(X, np.ndarray) else Z


@broken("check_number_types", "on float16 must return float32, got float64")
class IsAlwaysDouble(Sound):
    def transform(self, X):
        return super().transform(X).astype(np.float64)


@broken("check_containers", "for a list of lists the bits")
class ReadsListsBackwards(Sound):
    def fit(self, X, y=None):
        return super().fit(X[::-1] if isinstance(X, list) else X, y)


@broken("check_data_frames", "for pandas the bits")
class ReordersColumns(Sound):
    def fit(self, X, y=None):
        return super().fit(X[X.columns[::-1]] if hasattr(X, "columns") else X, y)


@broken("check_sparse_matrices", "for a bsr_array the bits")
class CountsEntries(Sound):
    def transform(self, X):
        return super().transform(X) + (X.nnz if hasattr(X, "nnz") else 0)


@broken("check_warnings_point_at_the_caller", "must point at the line that called fit")
class WarnsAboutItself(Sound):
    def fit(self, X, y=None):
        warnings.warn("look here", UserWarning, stacklevel=1)
        return super().fit(X, y)


@broken("check_history", "must be silent by default")
class Chatters(Sound):
    def fit(self, X, y=None):
        print("Now fitting.")  # noqa: T201
        return super().fit(X, y)


@broken("check_history", "must be the sum of its terms")
class HalvesATerm(Sound):
    def fit(self, X, y=None):
        super().fit(X, y)
        terms = self.history_["reconstruction"]
        self.history_["reconstruction"] = [0.5 * value for value in terms]
        return self


@broken("check_history", "must show progress")
class StaysSilent(Sound):
    def _report(self, phase, epoch, n_epochs, history):
        pass


@broken("check_pickling", "has the shape of the training data")
class KeepsTheData(Sound):
    def fit(self, X, y=None):
        super().fit(X, y)
        self.X_ = np.array(X)
        return self


@broken("check_pickling", "little but its weights and embedding_")
class HidesTheData(Sound):
    def fit(self, X, y=None):
        super().fit(X, y)
        self._kept = [np.array(X)] * 2 + [np.random.RandomState(0).rand(len(X), 50)]
        return self


@broken("check_pickling", "same bits after pickle")
class LosesDigitsOnTheWay(Sound):
    def __getstate__(self):
        state = super().__getstate__()
        network = copy.deepcopy(state["network_"]).half().float()
        return {**state, "network_": network}


@broken("check_interrupted_anywhere", r"must not leave new attributes, but left \['er")
class LeavesANote(Sound):
    def fit(self, X, y=None):
        try:
            return super().fit(X, y)
        except BaseException as error:
            self.error_ = error
            raise


@broken("check_interrupted_by_a_callback", "must raise it")
class GoesOnRegardless(Sound):
    def fit(self, X, y=None):
        with contextlib.suppress(KeyboardInterrupt):
            super().fit(X, y)
        return self


@broken(
    "check_interrupted_anywhere", r"must not leave new attributes, but left \['_busy'"
)
class TidiesUpAtTheEnd(Sound):
    def fit(self, X, y=None):
        self._busy = True
        super().fit(X, y)
        del self._busy
        return self


@broken("check_interrupted_anywhere", "must not change NumPy's handling of errors")
class RestoresAtTheEnd(ForgetsErrorsOnFailure):
    pass


@broken("check_stopped_by_a_callback", "must stop training")
class DoesNotListen(Sound):
    def _learn(self, data, run):
        listen = run.on_epoch
        run.on_epoch = lambda *arguments: bool(listen(*arguments)) and False
        return super()._learn(data, run)


@broken("check_stopped_by_a_callback", "after an epoch of each phase")
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


@broken("check_warm_start", "must continue with the previous networks")
class AlwaysStartsCold(Sound):
    def _networks(self):
        return {}

    def fit(self, X, y=None):
        given = self.random_state
        if hasattr(self, "network_"):
            self.random_state = 99
        try:
            return super().fit(X, y)
        finally:
            self.random_state = given


class OwnOrder(SampleBatches):
    """Batches whose order depends on how often this object was asked."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.generator = torch.Generator().manual_seed(0)

    def epoch(self, generator):
        return super().epoch(self.generator)


@broken(
    "check_interrupted_fit_resumes", "must resume to the bits of an uninterrupted one"
)
class HasAnOrderOfItsOwn(Sound):
    def _make_batches(self, data, batch_size):
        return OwnOrder(data.n_samples, batch_size, data.device)


@broken("check_invalid_checkpoints", "of other data must be rejected, but")
class RecognisesNothing(Sound):
    def fit(self, X, y=None):
        same = {"data": "the same for all"}
        with mock.patch.object(_fingerprint, "fingerprint", lambda *_, **__: same):
            return super().fit(X, y)


@broken("check_invalid_checkpoints", "must be rejected, but was accepted")
class BeginsAnewInstead(Sound):
    def fit(self, X, y=None):
        try:
            return super().fit(X, y)
        except ValueError:
            os.remove(self.training.checkpoint)
            return super().fit(X, y)


@pytest.mark.parametrize("cls, check, message", BROKEN)
def test_a_broken_estimator_is_found(cls, check, message):
    by_name = {check.__name__: check for check in CHECKS}
    n_clusters = 2 if cls is RelabelsOnFit else None
    before = dict(os.environ), np.geterr()
    try:
        with warnings.catch_warnings():
            with pytest.raises(AssertionError, match=f"(?s){message}"):
                by_name[check](cls.__name__, short(cls, n_clusters=n_clusters))
    finally:
        os.environ.pop("SKMANIFOLD_CHECK", None)
        np.seterr(**before[1])


def test_each_check_has_something_that_it_finds():
    assert {check.__name__ for check in CHECKS} == {case.values[1] for case in BROKEN}


# What a user calls ------------------------------------------------------------


def test_check_deep_manifold_runs_scikit_learns_checks_and_ours():
    names = [
        estimator_checks._name_of(check)
        for _, check in check_deep_manifold(Sound(), generate_only=True)
    ]
    assert "check_estimators_nan_inf" in names
    assert names[-len(CHECKS) :] == [check.__name__ for check in CHECKS]
    only_ours = check_deep_manifold(Sound(), generate_only=True, scikit_learn=False)
    assert len(list(only_ours)) == len(CHECKS)


def test_check_deep_manifold_raises_what_a_check_finds():
    with pytest.raises(AssertionError, match="same bits whatever rows"):
        check_deep_manifold(short(CentersWhatItTransforms), scikit_learn=False)


def test_check_deep_manifold_says_what_it_skips(monkeypatch):
    def no_library(name, estimator):
        _inputs._data_frame(np.eye(3), "pandas")

    def missing(self, transform):
        raise ImportError

    monkeypatch.setattr(estimator_checks, "CHECKS", [no_library])
    monkeypatch.setattr(FunctionTransformer, "set_output", missing)
    with pytest.warns(SkipTestWarning, match="no_library was skipped: pandas is not"):
        check_deep_manifold(Sound(), scikit_learn=False)


def test_a_class_is_refused():
    with pytest.raises(TypeError, match=r"Pass Sound\(\.\.\.\)"):
        check_deep_manifold(Sound)


def test_ids_name_the_estimator_and_the_check():
    mark = parametrize_with_deep_checks([Sound()], scikit_learn=False)
    names, cases = mark.args
    assert names == "estimator, check"
    assert cases[0].id == "Sound()-check_transform_of_subsets"
