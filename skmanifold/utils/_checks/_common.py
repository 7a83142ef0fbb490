# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""What the checks share: an estimator with data that suit it, and assertions."""

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

# more rows than a block of inference has, so that some lie in another block
MANY_ROWS = 300


class Subject:
    """An estimator under check: fresh clones of it, and data that suit it."""

    def __init__(self, estimator, n_samples=61):
        self.original = estimator
        self.supervised = get_tags(estimator).target_tags.required
        shape = getattr(estimator, "image_shape", None)
        self.n_features = 6 if shape is None else math.prod(shape)
        self.any_width = shape is None
        # a prime number of rows is no width of anything
        self.X, self.y = self.data(n_samples)

    def data(self, n_samples, random_state=0):
        """Three groups in space, and the group of each row where targets are needed."""
        X, y = make_blobs(
            n_samples, self.n_features, cluster_std=0.7, random_state=random_state
        )
        return X, y if self.supervised else None

    def targets(self, n_samples):
        """Some targets for rows of another kind."""
        return np.arange(n_samples) % 3 if self.supervised else None

    def new(self, **params):
        """An unfitted clone with a seed."""
        model = clone(self.original)
        if "random_state" in model.get_params(deep=False):
            model.set_params(random_state=0)
        return model.set_params(**params)

    def fit(self, X=None, y=None, **params):
        """A clone, fitted to the given data or to its own."""
        if X is None:
            X, y = self.X, self.y
        elif y is None:
            y = self.targets(X.shape[0])
        return self.new(**params).fit(X, y)

    def has(self, *names):
        """Whether the estimator has these parameters."""
        return set(names) <= set(self.original.get_params(deep=False))

    def options(self, **options):
        """Its ``training`` with these options changed."""
        training = self.original.training
        if training is None:
            return self.options_class()(**options)
        return clone(training).set_params(**options)

    def options_class(self):
        """The class of what ``training`` takes."""
        constraints = type(self.original)._parameter_constraints["training"]
        return next(c for c in constraints if isinstance(c, type))

    def can_checkpoint(self):
        """Whether ``training`` takes checkpoints."""
        return self.has("training", "max_epochs")


def loaded_torch():
    # an estimator under check has brought it; this module itself does without
    return sys.modules["torch"]


def assert_same_bits(actual, expected, message):
    actual, expected = np.asarray(actual), np.asarray(expected)
    assert actual.shape == expected.shape, (
        f"{message} Shape {actual.shape} came instead of {expected.shape}."
    )
    differs = actual != expected
    assert not differs.any(), (
        f"{message} {differs.sum()} of {differs.size} values differ, the first: "
        f"{actual[differs][0]} instead of {expected[differs][0]}."
    )


def row_methods(model, X):
    """``{name: (method, argument, result)}`` of all that gives a row for each row."""
    codes = model.transform(X)
    found = {}
    for name in dir(type(model)):
        if name == "score" or name.startswith(
            ("_", "fit", "partial_fit", "get_", "set_")
        ):
            continue
        if not inspect.isroutine(getattr(type(model), name, None)):
            continue
        method = getattr(model, name, None)  # absent: not for these parameters
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
            with contextlib.suppress(ValueError):  # of one that takes codes too
                argument, result = X, method(X)
        if result is None:
            argument, result = codes, method(codes)
        if (
            isinstance(result, np.ndarray)
            and result.shape[:1] == (len(X),)
            and result.shape[1:2] != (len(X),)
        ):
            found[name] = (method, argument, result)
    return found


def state(model):
    """What a failing fit must leave as it was."""
    # scikit-learn's own notes about callbacks come and go
    return {
        name: value
        for name, value in vars(model).items()
        if not name.startswith(("_callback", "_skl_callback"))
    }


def assert_untouched(model, before, what):
    after = state(model)
    new = sorted(after.keys() - before.keys())
    gone = sorted(before.keys() - after.keys())
    assert not new, f"{what} must leave nothing behind, but left {new}."
    assert not gone, f"{what} must keep the previous fit, but {gone} went."
    changed = sorted(name for name in before if after[name] is not before[name])
    assert not changed, f"{what} must keep the previous fit, but changed {changed}."


def assert_refuses(call, pattern, what, hint="must be refused"):
    """The error's text; what is called must raise ValueError or TypeError."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            call()
    except (ValueError, TypeError) as error:
        text = str(error)
        assert re.search(pattern, text), (
            f"{what}: the error must say what is wrong (match {pattern!r}), but it "
            f"says: {text!r}"
        )
        return text
    except Exception as error:
        raise AssertionError(
            f"{what} {hint} with a ValueError or TypeError, but raised {error!r}."
        ) from error
    raise AssertionError(f"{what} {hint}, but was accepted.")


@contextlib.contextmanager
def only_user_warnings(what):
    """Warnings are for the user: a UserWarning, once, and about the user's line."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield caught
    for warning in caught:
        assert issubclass(warning.category, UserWarning), (
            f"{what} may give a UserWarning, but gave {warning.category.__name__}: "
            f"{warning.message}"
        )
    texts = [str(warning.message) for warning in caught]
    twice = {text for text in texts if texts.count(text) > 1}
    assert not twice, f"{what} must warn once, but said several times: {twice}"


def assert_sensible(subject, model, X, what):
    """Finite embedding and losses, equal rows at equal places, room between others."""
    Z = model.transform(X)
    assert np.isfinite(Z).all(), f"{what} must give a finite embedding."
    assert_same_bits(
        model.embedding_, Z, f"{what}: embedding_ must be transform(X), bit for bit."
    )
    for term, values in model.history_.items():
        assert np.isfinite(values).all(), f"{what} must give finite losses: {term}."
    for name, (_, _, result) in row_methods(model, X).items():
        if result.dtype.kind == "f":
            assert np.isfinite(result).all(), f"{what} must give a finite {name}(X)."
    rows = X.toarray() if sparse.issparse(X) else np.asarray(X)
    _, first, inverse = np.unique(rows, axis=0, return_index=True, return_inverse=True)
    same = first[inverse.ravel()]
    assert_same_bits(Z, Z[same], f"{what}: equal rows must have equal places.")


def global_state():
    """All that a process shares, by a name for it."""
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


def assert_world_untouched(before, what):
    for thing, value in global_state().items():
        if thing.startswith("threads of"):  # a library may have been loaded since
            value = {path: n for path, n in value.items() if path in before[thing]}
        assert value == before[thing], f"{what} must leave {thing} alone."


class Interrupts:
    """A callback that interrupts at its ``moment``-th call; None counts them only."""

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
        """Count."""
        self._call()

    def teardown(self, estimator, context):
        """Remember."""
        self.torn_down = True

    def on_fit_task_begin(self, estimator, context):
        """Count."""
        self._call()

    def on_fit_task_end(self, estimator, context):
        """Count."""
        self._call()
