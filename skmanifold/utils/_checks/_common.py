# SPDX-License-Identifier: BSD-3-Clause

"""Shared parts of the checks: a subject with suitable data, and assertions."""

import contextlib
import inspect
import math
import os
import pathlib
import random
import re
import sys
import warnings

import numpy as np
import sklearn
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import make_blobs
from sklearn.utils import get_tags
from threadpoolctl import threadpool_info

PACKAGE = str(pathlib.Path(__file__).resolve().parents[2]) + os.sep

# exceeds a block of inference, so that samples are in different blocks
MANY_ROWS = 300


class Subject:
    """Estimator under check, with fresh clones and suitable data."""

    def __init__(self, estimator, n_samples=61):
        self.original = estimator
        self.supervised = get_tags(estimator).target_tags.required
        shape = getattr(estimator, estimator._image_parameter or "", None)
        self.n_features = 6 if shape is None else math.prod(shape)
        self.any_width = shape is None
        # a prime number of samples, unlike any width
        self.X, self.y = self.data(n_samples)

    def data(self, n_samples, random_state=0):
        """Return samples of three blobs, and their labels if targets are required."""
        X, y = make_blobs(
            n_samples, self.n_features, cluster_std=0.7, random_state=random_state
        )
        return X, y if self.supervised else None

    def targets(self, n_samples):
        """Return targets for other samples."""
        return np.arange(n_samples) % 3 if self.supervised else None

    def new(self, **params):
        """Return an unfitted clone with a seed."""
        model = clone(self.original)
        if "random_state" in model.get_params(deep=False):
            model.set_params(random_state=0)
        return model.set_params(**params)

    def fit(self, X=None, y=None, **params):
        """Return a clone fitted to the given data, or by default to its own."""
        if X is None:
            X, y = self.X, self.y
        elif y is None:
            y = self.targets(X.shape[0])
        return self.new(**params).fit(X, y)

    def has(self, *names):
        """Return whether the estimator has these parameters."""
        return set(names) <= set(self.original.get_params(deep=False))

    def options(self, **options):
        """Return its ``training`` with these options changed."""
        training = self.original.training
        if training is not None:
            return clone(training).set_params(**options)
        constraints = type(self.original)._parameter_constraints["training"]
        return next(c for c in constraints if isinstance(c, type))(**options)

    def can_checkpoint(self):
        """Return whether training can write checkpoints."""
        return self.has("training", "max_epochs")


def loaded_torch():
    # imported by the estimator under check; this module itself does not need it
    return sys.modules["torch"]


def assert_same_bits(actual, expected, message):
    actual, expected = np.asarray(actual), np.asarray(expected)
    assert actual.shape == expected.shape, (
        f"{message} The shape is {actual.shape} instead of {expected.shape}."
    )
    differs = actual != expected
    assert not differs.any(), (
        f"{message} {differs.sum()} of {differs.size} values differ, the first: "
        f"{actual[differs][0]} instead of {expected[differs][0]}."
    )


def row_methods(model, X):
    """Return ``{name: (method, argument, result)}`` of all per-sample methods."""
    codes = model.transform(X)
    methods = {}
    for name in dir(type(model)):
        if name == "score" or name.startswith(
            ("_", "fit", "partial_fit", "get_", "set_")
        ):
            continue
        if not inspect.isroutine(getattr(type(model), name, None)):
            continue
        method = getattr(model, name, None)  # absent for these parameters
        if method is None:
            continue
        required = [
            parameter.name
            for parameter in inspect.signature(method).parameters.values()
            if parameter.default is parameter.empty
            and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        ]
        if required != ["X"]:
            continue
        argument, result = codes, None
        if name != "inverse_transform":
            with contextlib.suppress(ValueError):  # of a method that needs codes
                argument, result = X, method(X)
        if result is None:
            argument, result = codes, method(codes)
        if (
            isinstance(result, np.ndarray)
            and result.shape[:1] == (len(X),)
            and result.shape[1:2] != (len(X),)
        ):
            methods[name] = (method, argument, result)
    return methods


def state(model):
    """Return the attributes that a failing fit must not change."""
    # scikit-learn sets these for callbacks
    return {
        name: value
        for name, value in vars(model).items()
        if not name.startswith(("_callback", "_skl_callback"))
    }


def assert_untouched(model, before, case):
    after = state(model)
    new = sorted(after.keys() - before.keys())
    missing = sorted(before.keys() - after.keys())
    assert not new, f"{case} must not leave new attributes, but left {new}."
    assert not missing, f"{case} must keep the previous fit, but {missing} disappeared."
    changed = sorted(name for name in before if after[name] is not before[name])
    assert not changed, f"{case} must keep the previous fit, but changed {changed}."


def assert_rejects(call, pattern, case):
    """Assert that a call raises ValueError or TypeError, and return the message."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            call()
    except (ValueError, TypeError) as error:
        text = str(error)
        assert re.search(pattern, text), (
            f"{case}: the error must match {pattern!r}, got: {text!r}"
        )
        return text
    except Exception as error:
        raise AssertionError(
            f"{case} must be rejected with a ValueError or TypeError, but raised "
            f"{error!r}."
        ) from error
    raise AssertionError(f"{case} must be rejected, but was accepted.")


def assert_fit_rejects(model, X, y, pattern, case):
    """Assert that fit raises such an error and leaves no trace; return the message."""
    before = state(model)
    text = assert_rejects(lambda: model.fit(X, y), pattern, case)
    assert_untouched(model, before, case)
    return text


@contextlib.contextmanager
def only_user_warnings(case):
    """Yield a list for the texts of warnings: UserWarnings alone, each once."""
    texts = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield texts
    for warning in caught:
        assert issubclass(warning.category, UserWarning), (
            f"{case} may emit a UserWarning, but emitted {warning.category.__name__}: "
            f"{warning.message}"
        )
        texts.append(str(warning.message))
    twice = {text for text in texts if texts.count(text) > 1}
    assert not twice, f"{case} must warn once, but repeated: {twice}"


def assert_warned(texts, pattern, n_warnings, case):
    """Assert that a number of warnings match a pattern."""
    n_texts = sum(re.search(pattern, text) is not None for text in texts)
    assert n_texts == n_warnings, (
        f"{case} must give {n_warnings} warnings that match {pattern!r}; warnings: "
        f"{texts}"
    )


def assert_valid_fit(subject, model, X, case):
    """Assert finite results, and equal embeddings of equal samples."""
    Z = model.transform(X)
    assert np.isfinite(Z).all(), f"{case} must give a finite embedding."
    assert_same_bits(
        model.embedding_, Z, f"{case}: embedding_ must be transform(X), bit for bit."
    )
    for term, values in model.history_.items():
        assert np.isfinite(values).all(), f"{case} must give finite losses: {term}."
    for name, (_, _, result) in row_methods(model, X).items():
        if result.dtype.kind == "f":
            assert np.isfinite(result).all(), f"{case} must give a finite {name}(X)."
    rows = X.toarray() if sparse.issparse(X) else np.asarray(X)
    _, first, inverse = np.unique(rows, axis=0, return_index=True, return_inverse=True)
    same = first[inverse.ravel()]
    assert_same_bits(Z, Z[same], f"{case}: equal samples must have equal embeddings.")


def global_state():
    """Return the state that a process shares, by name."""
    torch = loaded_torch()
    numpy_state = np.random.get_state(legacy=False)  # noqa: NPY002
    return {
        "NumPy's global generator": (
            numpy_state["state"]["key"].tobytes(),
            numpy_state["state"]["pos"],
        ),
        "Python's global generator": random.getstate(),
        "torch's global generator": torch.get_rng_state().numpy().tobytes(),
        "torch's number of threads": torch.get_num_threads(),
        "torch's number of inter-op threads": torch.get_num_interop_threads(),
        "torch's default dtype": torch.get_default_dtype(),
        "torch's deterministic algorithms": (
            torch.are_deterministic_algorithms_enabled(),
            torch.backends.cudnn.deterministic,
            torch.backends.cudnn.benchmark,
        ),
        "torch's modes": (
            torch.is_grad_enabled(),
            torch.is_inference_mode_enabled(),
            torch.is_autocast_enabled("cpu"),
            torch.overrides._len_torch_function_stack(),
            torch.get_float32_matmul_precision(),
        ),
        "threads of the numerical libraries": {
            library["filepath"]: library["num_threads"] for library in threadpool_info()
        },
        "the warnings filters": list(warnings.filters),
        "NumPy's handling of errors": np.geterr(),
        "the environment": dict(os.environ),
        "the working directory": os.getcwd(),
        "scikit-learn's configuration": sklearn.get_config(),
        "the profiler": (sys.getprofile(), sys.gettrace()),
    }


def assert_global_state_restored(before, case):
    for setting, value in global_state().items():
        if setting.startswith("threads of"):  # a library may have been loaded since
            value = {path: n for path, n in value.items() if path in before[setting]}
        assert value == before[setting], f"{case} must not change {setting}."


class Interrupts:
    """Callback that raises in its ``moment``-th call; None only counts calls."""

    def __init__(self, moment=None, error=KeyboardInterrupt):
        self.moment = moment
        self.error = error
        self.n_calls = 0
        self.torn_down = False

    def _call(self):
        self.n_calls += 1
        if self.n_calls == self.moment:
            raise self.error("by the check")

    def setup(self, estimator, context):
        self._call()

    def teardown(self, estimator, context):
        self.torn_down = True

    def on_fit_task_begin(self, estimator, context):
        self._call()

    def on_fit_task_end(self, estimator, context):
        self._call()
