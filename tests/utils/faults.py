# SPDX-License-Identifier: BSD-3-Clause

"""Estimators that violate one guarantee each."""

import contextlib
import copy
import os
import time
import warnings

import numpy as np
import torch
from torch import nn

from skmanifold import DLME
from skmanifold.graph import connected_components_of, nearest_neighbors
from tests.utils.faulty import (
    CleansUpAtTheEnd,
    DoesNotListen,
    DrawsUnannounced,
    ForgetsErrorsOnFailure,
    HasNeighbors,
    HidesTheData,
    KeepsItsFirstScaling,
    KeepsTheData,
    KnowsItsProcess,
    LosesDigits,
    NeedsTheLastObjective,
    OrdersItsBatches,
    PredictsClusters,
    RecognizesNothing,
    RestartsInstead,
    RoundsItsInput,
    Sound,
    SoundSupervised,
    TakesAllPairs,
    TakesAnyMetric,
    TakesAnyNumbers,
    TakesSimilarities,
    TreatsMinusOneAsClass,
    TreatsNewTailsAsErrors,
    WarmsUpLongerTheSecondTime,
)


def altered(method, change, base=Sound):
    """Return a subclass whose method is `change`; its `run` is the inherited one."""

    def changed(self, X, *others):
        inherited = getattr(super(cls, self), method)
        return change(self, lambda X=X: inherited(X, *others), X, *others)

    cls = having(base, **{method: changed})
    return cls


def having(base=Sound, **members):
    return type("Altered", (base,), members)


def reads(method, change, base=Sound):
    return altered(method, lambda self, run, X, *others: run(change(X)), base)


def returns(method, change, base=Sound):
    return altered(method, lambda self, run, *others: change(run()), base)


def does(method, action, base=Sound):
    return altered(method, lambda self, run, X, *y: (action(self, X), run())[1], base)


def refuse(message="Not enough rows."):
    raise ValueError(message)


def warn(text="Sample 0 lies far away.", stacklevel=3):
    warnings.warn(text, UserWarning, stacklevel=stacklevel)


def silent(method):
    def silently(self, run, *others):
        with warnings.catch_warnings(action="ignore"):
            return run()

    return altered(method, silently)


def with_error(new):
    def rename(self, run, *others):
        try:
            return run()
        except ValueError as error:
            raise new from error

    return rename


def with_seed(seed):
    """Return a fit with another seed, `seed(estimator)`."""

    def fit(self, run, *others):
        given = self.random_state
        self.random_state = seed(self)
        try:
            return run()
        finally:
            self.random_state = given

    return fit


def divide_by_the_largest(self, run, X, y):
    self._largest = np.float32(np.abs(X).max())
    return run()


def keep_errors(self, run, X, y):
    try:
        return run()
    except BaseException as error:
        self.error_ = error
        raise


def suppress_interrupts(self, run, X, y):
    with contextlib.suppress(KeyboardInterrupt):
        run()
    return self


def keep_input_on_itself(self, run, X):
    self._rows = X
    time.sleep(0.002)
    return run(self._rows)


def center_in_place(self, X):
    if isinstance(X, np.ndarray):
        X -= X.mean(axis=0)


def count_days(X):
    if hasattr(X, "columns") and "when" in X.columns:
        return np.column_stack([np.arange(len(X)), np.zeros((len(X), 5))])
    return X


def fill_holes(X):
    is_float = isinstance(X, np.ndarray) and X.dtype.kind == "f"
    return np.nan_to_num(X, posinf=np.inf) if is_float else X


def reverse_labels(model):
    if model.n_clusters:
        model.labels_ = model.labels_[::-1]
    return model


def halve_a_term(model):
    terms = model.history_["reconstruction"]
    model.history_["reconstruction"] = [0.5 * value for value in terms]
    return model


def shift_embedding(model):
    model.embedding_ = model.embedding_ + (not torch.is_grad_enabled())
    return model


def evaluate_the_network(self, sizes):
    if isinstance(self.encoder, nn.Module):
        self.encoder.eval()
    return DLME._make_networks(self, sizes)


def add_labels(self, run, X, y=None):
    return run(X if y is None else X + np.asarray(y)[:, np.newaxis])


def reverse_if_missing(self, run, X, y=None):
    is_missing = y is not None and any(label is None for label in y)
    return run(X[::-1] if is_missing else X)


CountsCopies = altered(
    "_count_parts",
    lambda self, run, X: connected_components_of(nearest_neighbors(X, 5)[0])[0],
    HasNeighbors,
)
SOUND = Sound._parameter_constraints

# check_... -> message -> a class that the check must reject with this message
FAULTS = {
    "transform_of_subsets": {
        "same bits whatever rows": returns("transform", lambda Z: Z - Z.mean(axis=0)),
        "reconstruct must give each row the same bits": returns(
            "reconstruct", lambda X: X + np.arange(len(X))[:, np.newaxis]
        ),
    },
    "fit_transform_is_transform": {
        r"fit_transform\(X\) must be": returns(
            "fit_transform", lambda Z: Z * (1 + 1e-9)
        ),
        "1 names for 2 features": having(_n_features_out=1),
        "labels_ must be": returns("fit", reverse_labels),
    },
    "inputs_are_not_modified": {
        "must not change X": does("fit", center_in_place),
        r"must not change its parameters.*batch_size": does(
            "fit", lambda self, X: self.set_params(batch_size=len(X) // 2)
        ),
        "must not change the fitted estimator": does(
            "transform", lambda self, X: setattr(self, "called_at_", time.time())
        ),
    },
    "thread_safety": {
        "must be thread-safe": altered("transform", keep_input_on_itself)
    },
    "refit_is_independent": {
        "must not depend on the first": WarmsUpLongerTheSecondTime
    },
    "y_is_ignored_unless_needed": {
        "must ignore y": altered("fit", add_labels),
        "entries for .* was accepted": having(
            fit=lambda self, X, y=0: Sound.fit(self, X)
        ),
        "y=None.* was accepted": having(SoundSupervised, _validate_targets=print),
        "y with NaN.* was accepted": reads(
            "_validate_targets",
            lambda y: None if y is None else np.nan_to_num(y),
            SoundSupervised,
        ),
    },
    "unknown_labels": {
        "given as None must change nothing": altered("fit", reverse_if_missing),
        "-1 in y must be an unknown label, not a class": TreatsMinusOneAsClass,
        "predict must return elements of classes_": PredictsClusters,
    },
    "numbers_as_classes": {"y of ages in days must give 1 warnings": TakesAnyNumbers},
    "masked_arrays": {
        "masked entry must be rejected": reads(
            "transform", lambda X: np.clip(np.asarray(X), -100, 100)
        )
    },
    "dates_and_lazy_frames": {
        "column of dates in pandas must be rejected": reads("fit", count_days),
        "with a lazy frame must be rejected": reads(
            "transform", lambda X: X.collect() if hasattr(X, "collect") else X
        ),
    },
    "same_bits_for_any_number_of_threads": {
        "same bits for 2 threads": having(
            _present=lambda self, Z: Z * torch.get_num_threads()
        ),
        "preserve torch's number of threads: 2": does(
            "fit", lambda self, X: torch.set_num_threads(1)
        ),
    },
    "same_bits_in_a_worker": {"in a worker process": KnowsItsProcess},
    "reproducibility": {
        "global generators must not affect": returns(
            "_present",
            lambda Z: Z + np.random.rand(),  # noqa: NPY002
        ),
        "global generators must not affect the": DrawsUnannounced,
        "another random_state must change the result": altered(
            "fit", with_seed(lambda self: 0)
        ),
        "must advance from fit to fit": altered(
            "fit", with_seed(lambda self: copy.deepcopy(self.random_state))
        ),
    },
    "global_state_is_restored": {
        "fit must not change torch's global generator": does(
            "fit", lambda self, X: torch.manual_seed(0)
        ),
        "not change the warnings filters": does(
            "fit", lambda self, X: warnings.filterwarnings("ignore", message="another")
        ),
        "not change the environment": does(
            "transform",
            lambda self, X: os.environ.update(SKMANIFOLD_CHECK=str(time.time())),
        ),
        r"fit, when it fails, .* handling of errors": ForgetsErrorsOnFailure,
    },
    "torch_modes_have_no_effect": {
        r"torch.no_grad\(\) around it": returns("fit", shift_embedding)
    },
    "invalid_samples": {
        "NaN in X must be rejected, but was accepted": reads("fit", np.nan_to_num),
        r"not leave new attributes, but left \['started_'\]": does(
            "fit", lambda self, X: vars(self).update(started_=True)
        ),
        "must keep the previous fit, but .* disappeared": does(
            "fit", lambda self, X: vars(self).pop("embedding_", None)
        ),
        "the error must match": altered("fit", with_error(ValueError("Bad input."))),
    },
    "invalid_new_samples": {
        r"transform with NaN in X .* accepted": reads("transform", fill_holes),
        "must raise NotFittedError before fit": altered(
            "transform",
            lambda self, run, X: run() if hasattr(self, "network_") else X[:, :2],
        ),
    },
    "invalid_parameters": {
        "'max_epochs' has no entry": having(
            _parameter_constraints={n: c for n, c in SOUND.items() if n != "max_epochs"}
        ),
        r"learning_rate=0.0\) must be rejected, but": having(
            _parameter_constraints={**SOUND, "learning_rate": [object]}
        ),
        r"device='gpu'\): the error must name device": does(
            "fit", lambda self, X: self.device == "gpu" and refuse("No such place.")
        ),
    },
    "invalid_networks": {
        "with a ValueError or TypeError, but raised": altered(
            "fit", with_error(RuntimeError("shapes")), DLME
        ),
        "must be copied, not changed": having(
            DLME, _make_networks=evaluate_the_network
        ),
    },
    "few_samples": {
        "an error must give the minimum number": does(
            "fit", lambda self, X: len(X) < 12 and refuse()
        ),
        "may emit a UserWarning, but emitted RuntimeWarn": does(
            "fit", lambda self, X: np.ones(1) / (len(X) - 5)
        ),
        "must warn once": does("fit", lambda self, X: [warn() for _ in range(2)]),
    },
    "repeated_samples": {
        "equal samples must have equal embeddings": returns(
            "_present", lambda Z: Z + np.arange(len(Z), dtype=np.float32)[:, np.newaxis]
        ),
        "must warn that there is nothing to learn": silent("fit"),
    },
    "duplicates": {"must have the neighbors of the distinct samples": CountsCopies},
    "isolated_samples": {
        "must give 1 warnings that match '8 of": CountsCopies,
        "must have 10 parts": returns(
            "_count_parts", lambda n: min(3, n), HasNeighbors
        ),
        "must embed them apart": returns(
            "_present", lambda Z: Z * np.float32(0), HasNeighbors
        ),
    },
    "metrics": {
        "correlation of constant samples must be rejected, but was": TakesAnyMetric
    },
    "distances_as_connectivity": {"must use the 5 nearest": TakesAllPairs},
    "precomputed_distances": {"on similarities must be rejected": TakesSimilarities},
    "unusual_columns": {
        "on one column must separate samples": altered(
            "_present", lambda self, run, Z: Z * np.float32(self.n_features_in_ > 1)
        )
    },
    "outliers": {
        "must give 1 warnings that match 'sample 0'": silent("fit"),
        "by transform, must give 0 warnings": does(
            "transform", lambda self, X: np.abs(X).max() > 1000 and warn()
        ),
        "must keep the others apart": altered(
            "fit",
            divide_by_the_largest,
            having(_present=lambda self, outputs: outputs / self._largest),
        ),
    },
    "new_outliers": {
        "must give 1 warnings": silent("transform"),
        "on ordinary samples of raw data must give 0 warn": does(
            "transform",
            lambda self, X: len(X) == 40 and warn("Sample 7 lies far away."),
        ),
    },
    "heavy_tails": {
        "on new log-normal columns must give 0 warnings": TreatsNewTailsAsErrors,
        "must give 0 warnings that match 'far away from": does(
            "fit",
            lambda self, X: (
                np.abs(X).max() > 8 * np.std(X)
                and warn("It is far away from all others.")
            ),
        ),
    },
    "novelty": {
        "must be lower for samples outside": returns("score_samples", np.zeros_like)
    },
    "columns_that_vary_later": {
        "must give 1 warnings": silent("transform"),
        "varies in partial_fit must count": KeepsItsFirstScaling,
    },
    "empty_samples": {"no nonzero.*warnings: ": silent("transform")},
    "codes": {"must give 1 warnings that match 'SimpleImp": silent("partial_fit")},
    "partial_fit_of_few_samples": {
        "must give the minimum number": does(
            "partial_fit", lambda self, X: len(X) < 5 and refuse()
        ),
        "must train, but raised": does(
            "partial_fit",
            lambda self, X: len(X) < 10 and refuse("A part needs 10 rows."),
        ),
    },
    "partial_fit_in_other_units": {
        "1 warnings .* 'units differ'": silent("partial_fit")
    },
    "extreme_scales": {
        "finite reconstruct": returns(
            "reconstruct", lambda X: X if np.abs(X).max() < 1e20 else X * np.inf
        ),
        "around 1e-8 must separate samples": RoundsItsInput,
    },
    "number_types": {
        "on float16 must return float32, got float64": returns("transform", np.float64)
    },
    "containers": {
        "for a list of lists the bits": reads(
            "fit", lambda X: X[::-1] if isinstance(X, list) else X
        )
    },
    "data_frames": {
        "for pandas the bits": reads(
            "fit", lambda X: X[X.columns[::-1]] if hasattr(X, "columns") else X
        )
    },
    "sparse_matrices": {
        "for a bsr_array the bits": altered(
            "transform", lambda self, run, X: run() + getattr(X, "nnz", 0)
        )
    },
    "large_batch_size_warns": {
        r"must give 1 warnings that match '100003": silent("fit")
    },
    "warnings_point_at_the_caller": {
        "must point at the line that called fit": does(
            "fit", lambda self, X: warn(stacklevel=1)
        )
    },
    "history": {
        "must be silent by default": does("fit", print),
        "must be the sum of its terms": returns("fit", halve_a_term),
        "must show progress": having(_report=lambda self, *arguments: None),
    },
    "pickling": {
        "has the shape of the training data": KeepsTheData,
        "little but its weights and embedding_": HidesTheData,
        "same bits after pickle": LosesDigits,
    },
    "interrupted_anywhere": {
        r"must not leave new attributes, but left \['er": altered("fit", keep_errors),
        r"must not leave new attributes, but left \['_busy'": CleansUpAtTheEnd,
        "must not change NumPy's handling of errors": ForgetsErrorsOnFailure,
    },
    "interrupted_by_a_callback": {"must raise it": altered("fit", suppress_interrupts)},
    "stopped_by_a_callback": {
        "must stop training": DoesNotListen,
        "after an epoch of each phase": NeedsTheLastObjective,
    },
    "warm_start": {
        "must continue with the previous networks": altered(
            "fit",
            with_seed(lambda self: 99 if hasattr(self, "network_") else 0),
            having(_networks=lambda self: {}),
        )
    },
    "interrupted_fit_resumes": {
        "must resume to the bits of an uninterrupted one": OrdersItsBatches
    },
    "invalid_checkpoints": {
        "of other data must be rejected, but": RecognizesNothing,
        "must be rejected, but was accepted": RestartsInstead,
    },
}
