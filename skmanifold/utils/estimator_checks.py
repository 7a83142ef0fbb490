# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""Checks that an estimator keeps what skmanifold promises, beyond scikit-learn's own.

Each check is a function of the estimator's name and the estimator, which it clones and
fits on a few rows. It raises AssertionError with what was promised and what came.
"""

import contextlib
import functools
import inspect
import io
import math
import os
import pathlib
import pickle
import random
import re
import sys
import tempfile
import threading
import warnings
from unittest import SkipTest

import joblib
import numpy as np
import sklearn
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import make_blobs
from sklearn.exceptions import NotFittedError, SkipTestWarning
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import estimator_checks_generator
from threadpoolctl import threadpool_info

from skmanifold.utils._optional import import_optional
from skmanifold.utils._sklearn import make_constraint

__all__ = ["check_deep_manifold", "parametrize_with_deep_checks"]

_PACKAGE = str(pathlib.Path(__file__).resolve().parents[1]) + os.sep

# more rows than a block of inference has, so that some lie in another block
_MANY_ROWS = 300


# What a user calls ------------------------------------------------------------


def check_deep_manifold(estimator, generate_only=False, *, scikit_learn=True):
    """Check that an estimator keeps the promises of skmanifold.

    Its embedding is a function, of each row alone, with the same bits for any order of
    rows, any number of threads and in any process; seeds decide everything and reach
    nothing else; bad input is named and leaves the estimator as it was; odd but valid
    input of any type gives finite results; an interrupted fit leaves nothing behind,
    and its checkpoint goes on to the same bits.

    The estimator is cloned and fitted some hundred times on a few dozen rows, so give
    it small networks and one epoch.

    Parameters
    ----------
    estimator : DeepManifold
        An instance, with parameters that make it quick.
    generate_only : bool, default=False
        Return the checks instead of running them.
    scikit_learn : bool, default=True
        Whether scikit-learn's own checks come first.

    Returns
    -------
    generator of (estimator, callable) or None
        With ``generate_only``: estimators and the checks to call with them.

    Raises
    ------
    AssertionError
        If a promise is not kept; the message says which.
    TypeError
        If a class is given instead of an instance.

    See Also
    --------
    parametrize_with_deep_checks : The checks as tests of pytest.
    sklearn.utils.estimator_checks.check_estimator : Those of scikit-learn.

    Examples
    --------
    >>> from skmanifold import DLME
    >>> from skmanifold.utils.estimator_checks import check_deep_manifold
    >>> model = DLME(max_epochs=1, structure_layers=(8,), embedding_layers=())
    >>> checks = check_deep_manifold(model, generate_only=True, scikit_learn=False)
    >>> estimator, check = next(checks)
    >>> check(estimator)
    """
    if isinstance(estimator, type):
        raise TypeError(
            f"check_deep_manifold takes an instance, but {estimator.__name__} is a "
            f"class. Pass {estimator.__name__}(...), with small networks and one epoch."
        )
    checks = _generate(estimator, scikit_learn)
    if generate_only:
        return checks
    for instance, check in checks:
        try:
            check(instance)
        except SkipTest as skipped:
            warnings.warn(
                f"{_name_of(check)} was skipped: {skipped}",
                SkipTestWarning,
                stacklevel=2,
            )
    return None


def parametrize_with_deep_checks(estimators, *, scikit_learn=True):
    """Make each check of each estimator a test of pytest.

    Parameters
    ----------
    estimators : list of DeepManifold
        Instances, with parameters that make them quick.
    scikit_learn : bool, default=True
        Whether scikit-learn's own checks are among them.

    Returns
    -------
    pytest.MarkDecorator
        For a test with the arguments ``estimator`` and ``check``.

    See Also
    --------
    check_deep_manifold : What is checked.

    Examples
    --------
    >>> from skmanifold import DLME
    >>> from skmanifold.utils.estimator_checks import parametrize_with_deep_checks
    >>> @parametrize_with_deep_checks([DLME(max_epochs=1)])
    ... def test_promises(estimator, check):
    ...     check(estimator)
    """
    pytest = import_optional("pytest", "test")

    cases = [
        pytest.param(instance, check, id=f"{_short(instance)}-{_name_of(check)}")
        for estimator in estimators
        for instance, check in check_deep_manifold(
            estimator, generate_only=True, scikit_learn=scikit_learn
        )
    ]
    return pytest.mark.parametrize("estimator, check", cases)


def _generate(estimator, scikit_learn):
    if scikit_learn:
        yield from estimator_checks_generator(estimator)
    name = type(estimator).__name__
    for check in _CHECKS:
        yield clone(estimator), functools.partial(check, name)


def _name_of(check):
    while isinstance(check, functools.partial):
        check = check.func
    return check.__name__


def _short(estimator):
    return re.sub(r"\s+", "", repr(estimator))


# What the checks share --------------------------------------------------------


class _Subject:
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


def _torch():
    # an estimator under check has brought it; this module itself does without
    return sys.modules["torch"]


def _assert_same_bits(actual, expected, message):
    actual, expected = np.asarray(actual), np.asarray(expected)
    assert actual.shape == expected.shape, (
        f"{message} Shape {actual.shape} came instead of {expected.shape}."
    )
    differs = actual != expected
    assert not differs.any(), (
        f"{message} {differs.sum()} of {differs.size} values differ, the first: "
        f"{actual[differs][0]} instead of {expected[differs][0]}."
    )


def _row_methods(model, X):
    """``{name: (method, argument, result)}`` of all that gives a row for each row."""
    codes = model.transform(X)
    found = {}
    for name in dir(type(model)):
        if name.startswith(("_", "fit", "partial_fit", "get_", "set_", "score")):
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


def _state(model):
    """What a failing fit must leave as it was."""
    # scikit-learn's own notes about callbacks come and go
    return {
        name: value
        for name, value in vars(model).items()
        if not name.startswith(("_callback", "_skl_callback"))
    }


def _assert_untouched(model, before, what):
    after = _state(model)
    new = sorted(after.keys() - before.keys())
    gone = sorted(before.keys() - after.keys())
    assert not new, f"{what} must leave nothing behind, but left {new}."
    assert not gone, f"{what} must keep the previous fit, but {gone} went."
    changed = sorted(name for name in before if after[name] is not before[name])
    assert not changed, f"{what} must keep the previous fit, but changed {changed}."


def _assert_refuses(call, pattern, what, hint="must be refused"):
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
def _only_user_warnings(what):
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


def _assert_sensible(subject, model, X, what):
    """Finite embedding and losses, equal rows at equal places, room between others."""
    Z = model.transform(X)
    assert np.isfinite(Z).all(), f"{what} must give a finite embedding."
    _assert_same_bits(
        model.embedding_, Z, f"{what}: embedding_ must be transform(X), bit for bit."
    )
    for term, values in model.history_.items():
        assert np.isfinite(values).all(), f"{what} must give finite losses: {term}."
    for name, (_, _, result) in _row_methods(model, X).items():
        if result.dtype.kind == "f":
            assert np.isfinite(result).all(), f"{what} must give a finite {name}(X)."
    rows = X.toarray() if sparse.issparse(X) else np.asarray(X)
    _, first, inverse = np.unique(rows, axis=0, return_index=True, return_inverse=True)
    same = first[inverse.ravel()]
    _assert_same_bits(Z, Z[same], f"{what}: equal rows must have equal places.")


# The embedding is a function --------------------------------------------------


def check_transform_of_any_rows(name, estimator):
    """Each row's result is the same bits whatever rows are given with it."""
    subject = _Subject(estimator)
    model = subject.fit()
    X, _ = subject.data(_MANY_ROWS - 1, random_state=1)
    order = np.random.RandomState(0).permutation(len(X))
    for method_name, (method, rows, whole) in _row_methods(model, X).items():
        for kind, chosen in {
            "one row": slice(3, 4),
            "a slice": slice(7, 41),
            "every fifth row": slice(None, None, 5),
            "another order": order,
            "each row twice": np.repeat(np.arange(len(X)), 2),
        }.items():
            _assert_same_bits(
                method(rows[chosen]),
                whole[chosen],
                f"{name}.{method_name} must give each row the same bits whatever rows "
                f"are given with it ({kind}).",
            )


def check_fit_transform_is_transform(name, estimator):
    """``fit_transform(X)``, ``embedding_`` and ``fit(X).transform(X)`` are one."""
    subject = _Subject(estimator)
    model = subject.fit()
    Z = model.transform(subject.X)
    message = f"{name}: {{}} must be fit(X).transform(X), bit for bit."
    _assert_same_bits(model.embedding_, Z, message.format("embedding_"))
    again = subject.new()
    _assert_same_bits(
        again.fit_transform(subject.X, subject.y), Z, message.format("fit_transform(X)")
    )
    assert Z.dtype == again.embedding_.dtype == np.float64, (
        f"{name}: float64 in, float64 out; {Z.dtype} came."
    )
    names = model.get_feature_names_out()
    assert len(names) == Z.shape[1], (
        f"{name}.get_feature_names_out gives {len(names)} names for {Z.shape[1]} "
        "columns."
    )
    if hasattr(model, "labels_") and hasattr(model, "predict"):
        _assert_same_bits(
            model.predict(subject.X),
            model.labels_,
            f"{name}: labels_ must be fit(X).predict(X).",
        )


def check_nothing_is_mutated(name, estimator):
    """Neither fit nor what comes after it changes its input, nor its parameters."""
    subject = _Subject(estimator)
    X, model = subject.X.copy(), subject.new()
    y = None if subject.y is None else subject.y.copy()
    before = model.get_params()
    model.fit(X, y)
    _assert_same_bits(X, subject.X, f"{name}.fit must not change X.")
    if y is not None:
        _assert_same_bits(y, subject.y, f"{name}.fit must not change y.")
    changed = [n for n, v in model.get_params().items() if v is not before[n]]
    assert not changed, f"{name}.fit must not change its parameters: {changed}."

    model.transform(X)  # what is set up on first use is not counted
    for method_name, (method, argument, _) in _row_methods(model, X).items():
        saved, state = argument.copy(), pickle.dumps(vars(model))
        argument.setflags(write=False)
        method(argument)
        argument.setflags(write=True)
        _assert_same_bits(argument, saved, f"{name}.{method_name} must not change X.")
        assert pickle.dumps(vars(model)) == state, (
            f"{name}.{method_name} must not change the fitted estimator."
        )


def check_threads_may_share_a_model(name, estimator):
    """Eight threads transform at once, each its own rows, and get what is theirs."""
    subject = _Subject(estimator)
    model = subject.fit()
    parts = [subject.data(40, random_state=i)[0] for i in range(8)]
    expected = [model.transform(part) for part in parts]
    failures = []
    barrier = threading.Barrier(len(parts))

    def work(i):
        try:
            barrier.wait()
            for _ in range(3):
                _assert_same_bits(
                    model.transform(parts[i]),
                    expected[i],
                    f"{name}.transform must be safe from several threads at once.",
                )
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(len(parts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise AssertionError(
            f"{name}.transform must be safe from several threads at once: {failures[0]}"
        ) from failures[0]


def check_refit_forgets(name, estimator):
    """A second fit gives what a first one on the same data would."""
    subject = _Subject(estimator)
    expected = subject.fit()
    model = subject.fit(*subject.data(47, random_state=3))
    model.fit(subject.X, subject.y)
    _assert_same_bits(
        model.embedding_,
        expected.embedding_,
        f"{name}: a second fit must not remember the first.",
    )
    attributes = _state(model).keys() ^ _state(expected).keys()
    assert not attributes, (
        f"{name}: a second fit must not remember the first, but {sorted(attributes)} "
        "differ."
    )


def check_y_is_ignored_unless_needed(name, estimator):
    """A Pipeline passes y on to every step; only a supervised method may use it."""
    subject = _Subject(estimator)
    labels = np.arange(len(subject.X)) % 2
    if not subject.supervised:
        _assert_same_bits(
            subject.new().fit_transform(subject.X, labels),
            subject.new().fit_transform(subject.X),
            f"{name} needs no targets and must not look at y.",
        )
    else:
        _assert_refuses(
            lambda: subject.new().fit(subject.X, None), r"\by\b", f"{name}: y=None"
        )
        for what, bad in {
            "y with NaN": np.where(labels == 0, np.nan, labels),
            "y of two columns of numbers": np.random.RandomState(0).rand(
                len(labels), 2
            ),
        }.items():
            model = subject.new()
            before = _state(model)
            _assert_refuses(
                lambda m=model, y=bad: m.fit(subject.X, y),
                r"\by\b|label|target|NaN|[Cc]lass",
                f"{name}: {what}",
            )
            _assert_untouched(model, before, f"{name}: {what}")
    for wrong in (labels[:-1], labels[:0], np.append(labels, 1)):
        model = subject.new()
        before = _state(model)
        text = _assert_refuses(
            lambda m=model, y=wrong: m.fit(subject.X, y),
            r"\by\b|inconsistent numbers",
            f"{name}: a y of {len(wrong)} entries for {len(labels)} rows",
        )
        assert str(len(labels)) in text and str(len(wrong)) in text, (
            f"{name}: the error about the length of y must name both lengths: {text!r}"
        )
        _assert_untouched(model, before, f"{name}: a y of the wrong length")


# Seeds ------------------------------------------------------------------------


def check_same_bits_for_any_number_of_threads(name, estimator):
    """torch's number of threads does not show in the result, and is left alone."""
    subject = _Subject(estimator, n_samples=_MANY_ROWS)
    expected = subject.fit()
    torch = _torch()
    before = torch.get_num_threads()
    try:
        for n_threads in (1, 2, 4):
            torch.set_num_threads(n_threads)
            model = subject.fit()
            left = torch.get_num_threads()
            assert left == n_threads, (
                f"{name}.fit must leave torch's number of threads alone: {n_threads} "
                f"before, {left} after."
            )
            _assert_same_bits(
                model.transform(subject.X),
                expected.embedding_,
                f"{name} must give the same bits for {n_threads} threads.",
            )
            left = torch.get_num_threads()
            assert left == n_threads, (
                f"{name}.transform must leave torch's number of threads alone: "
                f"{n_threads} before, {left} after."
            )
    finally:
        torch.set_num_threads(before)


def _fit_transform(model, X, y):
    return model.fit_transform(X, y)


def check_same_bits_in_a_worker(name, estimator):
    """A process of joblib computes what this one does."""
    subject = _Subject(estimator)
    inside = joblib.Parallel(n_jobs=2, backend="loky")(
        joblib.delayed(_fit_transform)(subject.new(), subject.X, subject.y)
        for _ in range(2)
    )
    for Z in inside:
        _assert_same_bits(
            Z,
            subject.fit().embedding_,
            f"{name} must give the same bits in a worker process.",
        )


def check_seed_decides(name, estimator):
    """One seed, one result, whatever was drawn before; another seed, another one."""
    subject = _Subject(estimator)
    expected = subject.fit().embedding_
    torch = _torch()
    with _restored_generators(torch):
        for seed in (1, 2):
            _seed_generators(torch, seed)
            _assert_same_bits(
                subject.fit().embedding_,
                expected,
                f"{name}: what the global generators hold must not show in the result.",
            )
    other = subject.fit(random_state=1).embedding_
    assert not np.array_equal(other, expected), (
        f"{name}: another random_state must give another result."
    )
    rng = np.random.RandomState(0)
    first, second = (subject.fit(random_state=rng).embedding_ for _ in range(2))
    assert not np.array_equal(first, second), (
        f"{name}: a RandomState instance must move on from fit to fit."
    )
    unseeded = [subject.fit(random_state=None).embedding_ for _ in range(2)]
    assert not np.array_equal(*unseeded), (
        f"{name}: two fits with random_state=None must differ."
    )


def _global_state():
    """All that a process shares, by a name for it."""
    torch = _torch()
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


def _assert_world_untouched(before, what):
    for thing, value in _global_state().items():
        if thing.startswith("threads of"):  # a library may have been loaded since
            value = {path: n for path, n in value.items() if path in before[thing]}
        assert value == before[thing], f"{what} must leave {thing} alone."


def check_global_state_is_untouched(name, estimator):
    """Generators, threads, modes and filters are after each call as before it."""
    subject = _Subject(estimator)
    model = subject.fit()  # what is imported on first use is not counted
    torch = _torch()
    # other settings than those that a careless fit sets, or has set already
    with _unusual_settings(torch):
        before = _global_state()
        model = subject.fit()
        _assert_world_untouched(before, f"{name}.fit")
        subject.fit(random_state=None)
        _assert_world_untouched(before, f"{name}(random_state=None).fit")
        for method_name, (method, argument, _) in _row_methods(
            model, subject.X
        ).items():
            method(argument)
            _assert_world_untouched(before, f"{name}.{method_name}")
        with contextlib.suppress(ValueError):
            subject.new().fit(subject.X * np.nan, subject.y)
        _assert_world_untouched(before, f"{name}.fit, when it fails,")
        with contextlib.suppress(KeyboardInterrupt):
            subject.new().set_callbacks(_Interrupts(3)).fit(subject.X, subject.y)
        _assert_world_untouched(before, f"{name}.fit, when it is interrupted,")


@contextlib.contextmanager
def _restored_generators(torch):
    numpy_state = np.random.get_state()  # noqa: NPY002
    torch_state, python_state = torch.get_rng_state(), random.getstate()
    try:
        yield
    finally:
        np.random.set_state(numpy_state)  # noqa: NPY002
        torch.set_rng_state(torch_state)
        random.setstate(python_state)


def _seed_generators(torch, seed):
    np.random.seed(seed)  # noqa: NPY002
    torch.manual_seed(seed)
    random.seed(seed)


@contextlib.contextmanager
def _unusual_settings(torch):
    """Unusual settings inside, the usual ones outside."""
    threads = torch.get_num_threads()
    with (
        np.errstate(under="raise"),
        warnings.catch_warnings(),
        _restored_generators(torch),
    ):
        warnings.resetwarnings()
        _seed_generators(torch, 1357)
        torch.set_num_threads(threads + 1)
        try:
            yield
        finally:
            torch.set_num_threads(threads)


def check_modes_of_the_caller_do_not_show(name, estimator):
    """Modes that the caller has set around a fit do not reach into it."""
    subject = _Subject(estimator)
    expected = subject.fit().embedding_
    torch = _torch()

    @contextlib.contextmanager
    def double():
        before = torch.get_default_dtype()
        torch.set_default_dtype(torch.float64)
        try:
            yield
        finally:
            torch.set_default_dtype(before)

    for mode, context in {
        "torch.device('meta')": lambda: torch.device("meta"),
        "torch.no_grad()": torch.no_grad,
        "torch.inference_mode()": torch.inference_mode,
        "torch.autocast('cpu')": lambda: torch.autocast("cpu", torch.bfloat16),
        "torch.set_default_dtype(torch.float64)": double,
    }.items():
        message = f"{name}: {mode} around it must not change the result."
        with context():
            model = subject.fit()
            _assert_same_bits(model.embedding_, expected, message)
            _assert_same_bits(model.transform(subject.X), expected, message)


# Bad input --------------------------------------------------------------------


def _bad_rows(X):
    """``(what, X, pattern of the error)`` of input that no method can take."""
    holed, infinite = X.copy(), X.copy()
    holed[3, 1], infinite[3, 1] = np.nan, np.inf
    yield "NaN in X", holed, "NaN"
    yield "NaN in a sparse X", sparse.csr_array(holed), "NaN"
    yield "inf in X", infinite, "inf"
    yield "an X without rows", X[:0], "0 sample"
    yield "an X without columns", X[:, :0], "0 feature"
    yield "a 1-D X", X[0], "2D|1D"
    yield "a 3-D X", X[None], "dim 3|3D|3-D"
    words = X.astype(str).astype(object)
    words[2, 0] = "high"
    yield "words in X", words, "convert|numeric|string"
    things = X.astype(object)
    things[2, 0] = object()
    yield "objects in X", things, "convert|number|numeric"
    yield "a complex X", X * 1j, "[Cc]omplex"
    yield "X=None", None, "None|X|2D"
    yield "an X that overflows", X * 1e200, "overflow|too large|float32"


def check_bad_rows_are_refused(name, estimator):
    """Bad X: the error says why, and the estimator is as it was."""
    subject = _Subject(estimator)
    previous = subject.fit()
    few = ("one row", subject.X[:1], "1 sample|minimum of|at least")
    for what, X, pattern in [*_bad_rows(subject.X), few]:
        n = 1 if X is None or X.ndim < 2 else X.shape[0]
        y = None if subject.y is None else subject.targets(n)
        for model in (subject.new(), previous):
            before = _state(model)
            _assert_refuses(
                lambda m=model, X=X, y=y: m.fit(X, y),
                pattern,
                f"{name}.fit with {what}",
            )
            _assert_untouched(model, before, f"{name}.fit with {what}")
    _assert_same_bits(
        previous.transform(subject.X),
        subject.fit().embedding_,
        f"{name}: a failed fit must keep the previous one.",
    )


def check_bad_new_rows_are_refused(name, estimator):
    """Every method of a fitted estimator refuses what it cannot take."""
    subject = _Subject(estimator)
    model = subject.fit()
    before = _state(model)
    for method_name, (method, good, _) in _row_methods(model, subject.X).items():
        what = f"{name}.{method_name} with "
        for kind, X, pattern in _bad_rows(good):
            if kind == "NaN in a sparse X" and method_name != "transform":
                pattern = "NaN|[Ss]parse"  # some take dense rows alone
            if kind == "an X that overflows" and good is not subject.X:
                # a method whose codes are bounded may take the nearest ones
                with contextlib.suppress(ValueError):
                    assert np.isfinite(method(X)).all(), (
                        f"{what}{kind}: it must be refused, or give a finite result."
                    )
                continue
            _assert_refuses(lambda f=method, X=X: f(X), pattern, what + kind)
        wide = np.column_stack([good, good])
        text = _assert_refuses(
            lambda f=method, X=wide: f(X), "features|columns", what + "a wider X"
        )
        for width in (wide.shape[1], good.shape[1]):
            assert str(width) in text, (
                f"{what}a wider X: the error must name both widths: {text!r}"
            )
        try:
            getattr(subject.new(), method_name)(good)
        except NotFittedError:
            pass
        else:
            raise AssertionError(
                f"{name}.{method_name} must raise NotFittedError before fit."
            )
    _assert_untouched(model, before, f"{name}: a failing method")


# What common parameters refuse, whatever else their constraints say.
_REFUSED = {
    "n_components": [0, -1, 2.5, "two", None],
    "n_charts": [0, -1, 2.5, "two"],
    "n_clusters": [0, -1, 2.5, "two"],
    "n_neighbors": [0, -1, 2.5, "two", None],
    "max_epochs": [0, -1, 2.5, "many", None],
    "batch_size": [0, 1, -8, 2.5, "large", None],
    "learning_rate": [0.0, -1e-3, math.nan, "fast", None],
    "device": ["gpu", 3.5, None],
    "training": ["fast", {"optimizer": "adamw"}],
    "warm_start": ["yes", None],
    "verbose": ["loudly", -1],
    "random_state": ["zero", -1, 1.5],
    "n_jobs": [0, 1.5, "all"],
}

# What may be wrong with a parameter, tried where its constraints do not allow it.
_ANYTHING = [-1, 0, 1.5, -0.5, math.nan, "no such option", object()]

# What may be wrong with widths of layers or shapes.
_BAD_WIDTHS = [(0,), (8, -2), (2.5,), ("wide",)]


def _bad_parameters(estimator):
    constraints = getattr(type(estimator), "_parameter_constraints", {})
    for name, value in estimator.get_params(deep=False).items():
        assert name in constraints, (
            f"{type(estimator).__name__}: the parameter {name!r} has no entry in "
            "_parameter_constraints, so fit does not check it."
        )
        if constraints[name] == "no_validation":
            continue  # the estimator checks it by itself
        allowed = [make_constraint(c) for c in constraints[name]]
        refused = _REFUSED.get(name, [])
        if None in constraints[name]:
            refused = [bad for bad in refused if bad is not None]
        yield from ((name, bad) for bad in refused)
        for bad in _ANYTHING:
            # any str may be allowed, but hardly this one
            free = [a for a in allowed if a.is_satisfied_by(bad)]
            named = isinstance(bad, str) and str in constraints[name]
            if (not free or named) and not any(bad is other for other in refused):
                yield name, bad
        widths = isinstance(value, tuple) and value and isinstance(value[0], int)
        if widths and "array-like" in constraints[name]:
            yield from ((name, bad) for bad in _BAD_WIDTHS)


def check_bad_parameters_are_named(name, estimator):
    """A wrong parameter is refused by fit, by name, and nothing is left behind."""
    subject = _Subject(estimator)
    for parameter, value in _bad_parameters(estimator):
        what = f"{name}({parameter}={value!r})"
        model = subject.new(**{parameter: value})
        before = _state(model)
        text = _assert_refuses(lambda m=model: m.fit(subject.X, subject.y), r"\w", what)
        assert parameter in text.lower(), (
            f"{what}: the error must name {parameter}: {text!r}"
        )
        _assert_untouched(model, before, what)
    if subject.has("training"):
        for option, value in [
            ("optimizer", "sgd with luck"),
            ("weight_decay", -1.0),
            ("precision", "float8"),
            ("min_steps", -1),
            ("n_iter_no_change", 0),
            ("gradient_clip", 0.0),
            ("checkpoint_every", 0),
        ]:
            what = f"{name}(training=...({option}={value!r}))"
            model = subject.new(training=subject.options(**{option: value}))
            before = _state(model)
            _assert_refuses(lambda m=model: m.fit(subject.X, subject.y), option, what)
            _assert_untouched(model, before, what)


def check_bad_networks_are_refused(name, estimator):
    """A user's network: a wrong width is found before training, NaN during it."""
    subject = _Subject(estimator)
    torch = _torch()
    constraints = type(estimator)._parameter_constraints

    class WrongWidth(torch.nn.Module):
        calls = 0

        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.ones(1))

        def forward(self, x):
            type(self).calls += 1
            return x.flatten(1)[:, :1].repeat(1, 997) * self.weight

    class Sick(torch.nn.Module):
        def __init__(self, n_out):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.ones(n_out))

        def forward(self, x):
            return x.flatten(1)[:, :1] * self.weight * torch.nan

    for parameter in estimator.get_params(deep=False):
        if torch.nn.Module not in list(constraints[parameter]):
            continue
        network = WrongWidth()
        cases = [(f"{parameter} of the wrong width", network, f"{parameter}[^_].*997")]
        if callable in constraints[parameter]:

            def sick(*args):
                return Sick(args[-1])

            def no_network(*args):
                return "a network"

            cases += [
                (f"{parameter} whose outputs are NaN", sick, "NaN|nan|finite"),
                (f"{parameter} that makes no module", no_network, parameter),
            ]
        for what, value, pattern in cases:
            model = subject.new(**{parameter: value})
            before = _state(model)
            try:
                _assert_refuses(
                    lambda m=model: m.fit(subject.X, subject.y), f"(?s){pattern}", what
                )
            except AssertionError:
                # some methods adapt to any width, and then it is none that is wrong
                fitted = hasattr(model, "embedding_") and value is network
                if not fitted or not np.isfinite(model.embedding_).all():
                    raise
                continue
            _assert_untouched(model, before, f"{name} with {what}")
        assert WrongWidth.calls == 0 or network.training, (
            f"{name}: {parameter} is the user's and must be copied, not changed."
        )


# Odd but valid input ----------------------------------------------------------


def check_few_rows(name, estimator):
    """2 to 20 rows: a result, or an error that names the least number."""
    subject = _Subject(estimator)
    X, _ = subject.data(40)
    for n in range(2, 21):
        what = f"{name} on {n} rows"
        with _only_user_warnings(what):
            try:
                model = subject.fit(X[:n])
            except ValueError as error:
                numbers = [int(found) for found in re.findall(r"\d+", str(error))]
                classes = subject.supervised and "class" in str(error)
                if not classes and not any(number > n for number in numbers):
                    raise AssertionError(
                        f"{what}: an error must name the least number of rows: {error}"
                    ) from error
            else:
                _assert_sensible(subject, model, X[:n], what)


def check_repeated_rows(name, estimator):
    """Rows that come nine times each, and rows that are all the same."""
    subject = _Subject(estimator)
    X = np.repeat(subject.X[:6], 9, axis=0)
    with _only_user_warnings(f"{name} on repeated rows"):
        model = subject.fit(X, subject.targets(len(X)))
    _assert_sensible(subject, model, X, f"{name} on repeated rows")
    equal = np.repeat(subject.X[:1], 30, axis=0)
    what = f"{name} on rows that are all equal"
    with _only_user_warnings(what) as caught:
        try:
            model = subject.fit(equal)
        except ValueError:
            return  # there is nothing to learn, and it says so
    assert caught, f"{what} must say that there is nothing to learn."
    _assert_sensible(subject, model, equal, what)


def check_odd_columns(name, estimator):
    """Constant columns, one column, more columns than rows."""
    subject = _Subject(estimator)
    X, rng = subject.X, np.random.RandomState(0)
    constant = X.copy()
    constant[:, 1], constant[:, 2] = 0.0, -7e5
    cases = {"constant columns": constant}
    if subject.any_width:
        cases["one column"] = X[:, :1]
        cases["two columns"] = X[:, :2]
        cases["more columns than rows"] = rng.randn(30, 200)
    one_large = X.copy()
    one_large[:, 0] *= 1e6
    cases["one column a million times larger"] = one_large
    for kind, rows in cases.items():
        what = f"{name} on {kind}"
        with _only_user_warnings(what):
            model = subject.fit(rows)
        _assert_sensible(subject, model, rows, what)
        assert model.embedding_.std(axis=0).max() > 0, f"{what} must tell rows apart."


def check_odd_scales(name, estimator):
    """Tiny and huge numbers, and a large offset."""
    subject = _Subject(estimator)
    for kind, X in {
        "numbers around 1e-8": subject.X * 1e-8,
        "numbers around 1e8": subject.X * 1e8,
        "an offset of a million": subject.X + 1e6,
        "numbers around 1e-30": subject.X * 1e-30,
        "numbers around 1e30": subject.X * 1e30,
    }.items():
        what = f"{name} on {kind}"
        with _only_user_warnings(what):
            try:
                model = subject.fit(X)
            except ValueError as error:
                # near the ends of float32 a method may also say so
                if kind.endswith("30") and re.search(r"\bX\b", str(error)):
                    continue
                raise
        _assert_sensible(subject, model, X, what)
        assert model.embedding_.std(axis=0).max() > 0, f"{what} must tell rows apart."


def check_number_types(name, estimator):
    """Integers, booleans and floats of any size; single precision stays single."""
    subject = _Subject(estimator)
    X = np.abs(subject.X * 4).astype(np.uint8)
    for dtype in (np.uint8, np.int16, np.int64, bool, np.float16, np.float32, ">f8"):
        rows = (X > 12).astype(bool) if dtype is bool else X.astype(dtype)
        what = f"{name} on {np.dtype(dtype).name}"
        with _only_user_warnings(what):
            model = subject.fit(rows)
        _assert_sensible(subject, model, rows, what)
        single = dtype in (np.float16, np.float32)
        expected = np.dtype(np.float32 if single else np.float64)
        for came in (model.embedding_.dtype, model.transform(rows).dtype):
            assert came == expected, f"{what} must give {expected}, but gave {came}."
        if dtype is not bool:
            _assert_same_bits(
                model.embedding_,
                subject.fit(X.astype(np.float64)).embedding_.astype(expected),
                f"{what} must give what the same numbers as float64 give.",
            )


def _data_frame(X, library):
    """A data frame of a library that skmanifold itself does without."""
    keep = FunctionTransformer(feature_names_out="one-to-one")
    try:
        return keep.set_output(transform=library).fit_transform(X)
    except ImportError as error:
        raise SkipTest(f"{library} is not installed") from error


def check_containers(name, estimator):
    """Lists, memory layouts, memory maps and tensors give the bits of the array."""
    subject = _Subject(estimator)
    expected = subject.fit().embedding_
    torch = _torch()
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "X.npy")
        np.save(path, subject.X)
        mapped = np.load(path, mmap_mode="r")
        read_only = subject.X.copy()
        read_only.setflags(write=False)
        for kind, X in {
            "a list of lists": subject.X.tolist(),
            "Fortran order": np.asfortranarray(subject.X),
            "negative strides": np.ascontiguousarray(subject.X[::-1, ::-1])[::-1, ::-1],
            "a view of every second row": np.repeat(subject.X, 2, axis=0)[::2],
            "a read-only array": read_only,
            "a read-only memory map": mapped,
            "a torch tensor": torch.from_numpy(subject.X.copy()),
        }.items():
            message = f"{name} must give for {kind} the bits of the plain array."
            model = subject.new()
            Z = model.fit_transform(X, subject.y)
            _assert_same_bits(Z, expected, message)
            _assert_same_bits(model.transform(X), expected, message)
        del mapped, X  # before the file goes


def check_data_frames(name, estimator):
    """pandas and polars give the bits of the array."""
    subject = _Subject(estimator)
    expected = subject.fit().embedding_
    for library in ("pandas", "polars"):
        frame = _data_frame(subject.X, library)
        model = subject.new().fit(frame, subject.y)
        message = f"{name} must give for {library} the bits of the plain array."
        _assert_same_bits(model.embedding_, expected, message)
        _assert_same_bits(model.transform(frame), expected, message)
        out = model.set_output(transform=library).transform(frame)
        assert list(out.columns) == list(model.get_feature_names_out()), (
            f"{name}.set_output(transform={library!r}) must name the columns."
        )
        assert list(model.feature_names_in_) == list(frame.columns)


def check_sparse_matrices(name, estimator):
    """Every kind of sparse matrix gives the bits of the dense array."""
    subject = _Subject(estimator)
    if not get_tags(estimator).input_tags.sparse:
        return  # scikit-learn's checks then ask for a clear error
    X = np.where(np.abs(subject.X) < 2, 0.0, subject.X)
    expected = subject.fit(X)
    for kind in ("bsr", "coo", "csc", "csr", "dia", "dok", "lil"):
        for container in (f"{kind}_array", f"{kind}_matrix"):
            rows = getattr(sparse, container)(X)
            message = f"{name} must give for a {container} the bits of the dense array."
            _assert_same_bits(expected.transform(rows), expected.embedding_, message)
            if container in ("csr_array", "csc_matrix", "coo_array"):
                model = subject.new()
                Z = model.fit_transform(rows, subject.targets(len(X)))
                _assert_same_bits(Z, expected.embedding_, message)


def check_too_large_a_batch_is_said(name, estimator):
    """More rows a batch than there are: all of them, and a warning with both."""
    subject = _Subject(estimator)
    if not subject.has("batch_size"):
        return
    n = len(subject.X)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = subject.fit(batch_size=100_003)
    texts = [str(warning.message) for warning in caught]
    named = [text for text in texts if "100003" in text and str(n) in text]
    assert len(named) == 1, (
        f"{name}(batch_size=100003) on {n} rows must warn once and name both numbers; "
        f"warnings: {texts}"
    )
    assert model.batch_size == 100_003, f"{name}.fit must not change batch_size."


def check_warnings_point_at_the_caller(name, estimator):
    """The line that a warning names is the user's, who can change it."""
    subject = _Subject(estimator)
    X = np.repeat(subject.X[:1], 30, axis=0)
    scope = {"__name__": "caller", "model": subject.new(), "X": X}
    scope["y"] = subject.targets(len(X))
    code = compile("model.fit(X, y)", "the caller's file", "exec")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with contextlib.suppress(ValueError):
            exec(code, scope)
    for warning in caught:
        assert warning.filename == "the caller's file", (
            f"{name}.fit: a warning must point at the line that called fit, not into "
            f"{warning.filename}:{warning.lineno}: {warning.message}"
        )


# Feedback ---------------------------------------------------------------------


def check_history(name, estimator):
    """The losses of each epoch, whose sum is "loss"; silent unless asked."""
    subject = _Subject(estimator)
    params = {"max_epochs": 2} if subject.has("max_epochs") else {}
    spoken = io.StringIO()
    with contextlib.redirect_stdout(spoken), contextlib.redirect_stderr(spoken):
        model = subject.fit(**params)
    assert not spoken.getvalue(), (
        f"{name}.fit must be silent by default, but said {spoken.getvalue()[:200]!r}"
    )
    history, n_iter = model.history_, model.n_iter_
    assert "loss" in history and len(history) > 1, (
        f"{name}.history_ must hold the loss and its terms, not {sorted(history)}."
    )
    for term, values in history.items():
        assert len(values) == n_iter and all(type(v) is float for v in values), (
            f"{name}.history_[{term!r}] must be n_iter_={n_iter} floats."
        )
    terms = [v for t, v in history.items() if t not in ("loss", "learning_rate_factor")]
    assert np.allclose(np.sum(terms, axis=0), history["loss"]), (
        f"{name}.history_['loss'] must be the sum of its terms."
    )
    with contextlib.redirect_stdout(spoken):
        subject.fit(verbose=True, **params)
    assert name in spoken.getvalue(), f"{name}(verbose=True) must say how it goes."


# Models travel ----------------------------------------------------------------


def check_models_travel(name, estimator):
    """pickle and joblib: the same bits, and the size of the weights."""
    subject = _Subject(estimator)
    X, y = subject.data(600)
    model = subject.fit(X, y)

    def through_joblib(model):
        buffer = io.BytesIO()
        joblib.dump(model, buffer)
        return buffer.getvalue()

    def from_joblib(dumped):
        return joblib.load(io.BytesIO(dumped))

    for library, dumps, loads in [
        ("pickle", pickle.dumps, pickle.loads),
        ("joblib", through_joblib, from_joblib),
    ]:
        dumped = dumps(model)
        again = loads(dumped)
        _assert_same_bits(
            again.transform(X),
            model.embedding_,
            f"{name} must transform to the same bits after {library}.",
        )
    allowed = 1.2 * _fitted_bytes(model) + 60_000
    assert len(dumped) <= allowed, (
        f"{name}: a stored model must be about its weights and embedding_, at most "
        f"{allowed:.0f} bytes, but is {len(dumped)}."
    )


def _fitted_bytes(model):
    """Bytes of the weights and of the public fitted arrays."""
    total = 0
    for attribute, value in vars(model).items():
        if attribute.startswith("_") or not attribute.endswith("_"):
            continue
        if hasattr(value, "state_dict"):
            total += sum(tensor.nbytes for tensor in value.state_dict().values())
        elif isinstance(value, np.ndarray):
            assert value.shape != (len(model.embedding_), model.n_features_in_), (
                f"{type(model).__name__}.{attribute} has the shape of the training "
                "data: a model keeps no copy of them."
            )
            total += value.nbytes
    return total


# Interruption -----------------------------------------------------------------


class _Interrupts:
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


def _some(n, at_most):
    """Numbers from 1 to n, evenly spread, the first and last among them."""
    return sorted({round(i) for i in np.linspace(1, n, min(n, at_most))})


def check_interrupted_by_a_callback(name, estimator):
    """A callback that raises, at any moment: nothing is left of that fit."""
    subject = _Subject(estimator)
    params = {"max_epochs": 2} if subject.has("max_epochs") else {}
    counter = _Interrupts()
    expected = subject.new(**params).set_callbacks(counter)
    expected.fit(subject.X, subject.y)
    assert counter.torn_down, f"{name}.fit must tear its callbacks down."
    other, y = subject.data(47, random_state=3)
    previous = subject.fit(**params)
    for moment in _some(counter.n_calls, 8):
        for error in (KeyboardInterrupt, RuntimeError):
            for model in (subject.new(**params), previous):
                failing = _Interrupts(moment, error)
                model.set_callbacks(failing)
                before = _state(model)
                what = (
                    f"{name}.fit, ended by {error.__name__} in call {moment} of a "
                    "callback,"
                )
                try:
                    model.fit(other, y)
                except error:
                    pass
                else:
                    raise AssertionError(f"{what} must pass it on.")
                _assert_untouched(model, before, what)
                assert failing.torn_down or moment == 1, (
                    f"{what} must tear the callback down."
                )
    previous.set_callbacks()
    _assert_same_bits(
        previous.transform(subject.X),
        expected.embedding_,
        f"{name}: an interrupted fit must keep the previous one.",
    )
    _assert_same_bits(
        previous.fit(subject.X, subject.y).embedding_,
        expected.embedding_,
        f"{name}: an interrupted fit must not show in the next.",
    )


def _interrupted(call, files, moment=None):
    """Call with KeyboardInterrupt at the moment-th function call in these files.

    Returns the number of such calls, and whether the interrupt came out.
    """
    count = 0

    def profile(frame, event, argument):
        nonlocal count
        file = frame.f_code.co_filename
        if event == "call" and file.startswith(files) and file != __file__:
            count += 1
            if count == moment:
                sys.setprofile(None)
                raise KeyboardInterrupt

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        call()
    except KeyboardInterrupt:
        return count, True
    finally:
        sys.setprofile(before)
    return count, False


def check_interrupted_anywhere(name, estimator):
    """KeyboardInterrupt at any call of a function: nothing is left of that fit."""
    subject = _Subject(estimator)
    files = (_PACKAGE, inspect.getsourcefile(type(estimator)))
    expected = subject.fit()
    X, y = subject.data(47, random_state=3)
    for _ in range(2):  # the first fills caches
        n_calls, _ = _interrupted(lambda: subject.new().fit(X, y), files)
    world = _global_state()
    previous = subject.fit()
    for i, moment in enumerate(_some(n_calls, 14)):
        model = previous if i % 2 else subject.new()
        before = _state(model)
        what = f"{name}.fit, interrupted at call {moment} of {n_calls},"
        n, came = _interrupted(lambda m=model: m.fit(X, y), files, moment)
        if n < moment:  # not every fit is as many calls
            previous = subject.fit()
            continue
        assert came, f"{what} must pass the interrupt on."
        _assert_untouched(model, before, what)
        _assert_world_untouched(world, what)
    _assert_same_bits(
        previous.transform(subject.X),
        expected.embedding_,
        f"{name}: an interrupted fit must keep the previous one.",
    )


class _Stops(_Interrupts):
    """A callback that ends training after an epoch."""

    def on_fit_task_end(self, estimator, context):
        """Stop."""
        return context.task_name == "epoch"


def check_stopped_by_a_callback(name, estimator):
    """A callback that stops training early leaves a usable model."""
    subject = _Subject(estimator)
    if not subject.has("max_epochs"):
        return
    model = subject.new(max_epochs=7).set_callbacks(_Stops())
    model.fit(subject.X, subject.y)
    assert model.n_iter_ == 1, (
        f"{name}: a callback that returns True after an epoch must end training; "
        f"n_iter_={model.n_iter_}."
    )
    _assert_sensible(subject, model, subject.X, f"{name}, stopped by a callback,")


def check_warm_start(name, estimator):
    """A warm start goes on from the previous fit, or leaves it as it was."""
    subject = _Subject(estimator)
    if not subject.has("warm_start", "learning_rate", "max_epochs"):
        return
    model = subject.fit(warm_start=True, learning_rate=1e-9)
    first = model.embedding_
    model.fit(subject.X, subject.y)
    _assert_sensible(subject, model, subject.X, f"{name}, started warm,")
    cold = subject.fit(random_state=1, learning_rate=1e-9).embedding_
    moved = np.abs(model.embedding_ - first).mean()
    assert moved <= 0.1 * np.abs(cold - first).mean(), (
        f"{name}(warm_start=True) must go on from the previous networks, but an epoch "
        f"without a learning rate moved the embedding by {moved:.3g}."
    )
    before = _state(model)
    _assert_refuses(
        lambda: model.fit(subject.X[:, :-1], subject.y),
        "features",
        f"{name}(warm_start=True) with fewer columns",
    )
    _assert_untouched(model, before, f"{name}(warm_start=True) with fewer columns")


# Checkpoints ------------------------------------------------------------------


def check_interrupted_fit_resumes(name, estimator):
    """Interrupted after any epoch, a fit goes on to the bits of a whole one."""
    subject = _Subject(estimator)
    if not subject.can_checkpoint():
        return
    counter = _Interrupts()
    whole = subject.new(max_epochs=3)
    whole.set_callbacks(counter).fit(subject.X, subject.y)
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "fit.pt")
        params = {"max_epochs": 3, "training": subject.options(checkpoint=path)}
        for moment in _some(counter.n_calls, 6):
            failing = _Interrupts(moment)
            with contextlib.suppress(KeyboardInterrupt):
                subject.new(**params).set_callbacks(failing).fit(subject.X, subject.y)
            resumed = subject.fit(**params)
            message = (
                f"{name}: a fit interrupted in call {moment} of {counter.n_calls} of a "
                "callback must resume to the bits of a whole one."
            )
            _assert_same_bits(resumed.embedding_, whole.embedding_, message)
            assert resumed.history_ == whole.history_, f"{message} history_ differs."
            left = sorted(os.listdir(folder))
            assert not left, f"{name}: a complete fit must remove {left}."


class _Marker:
    """Unpickled, it makes a folder."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


def _with_a_bit_flipped(content):
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


def check_foreign_checkpoints_are_refused(name, estimator):
    """A checkpoint of other data or parameters, or no checkpoint: never overwritten."""
    subject = _Subject(estimator)
    if not subject.can_checkpoint():
        return
    with tempfile.TemporaryDirectory() as folder:
        path, marker = pathlib.Path(folder, "fit.pt"), os.path.join(folder, "marker")
        params = {"max_epochs": 3, "training": subject.options(checkpoint=path)}
        # whatever the phases, it has then seen an epoch
        failing = subject.new(**params).set_callbacks(_Interrupts(5))
        with contextlib.suppress(KeyboardInterrupt):
            failing.fit(subject.X, subject.y)
        assert path.exists(), f"{name}: an interrupted fit must leave its checkpoint."
        _torch().save({"made": _Marker(marker)}, os.path.join(folder, "zipped.pt"))
        good = path.read_bytes()
        other = {"X": subject.X + 1, "y": subject.y}
        same = {"X": subject.X, "y": subject.y}
        n_components = subject.new().get_params().get("n_components", 2)
        cases = [
            ("of other data", good, other, {}, "other"),
            ("of other parameters", good, same, {"max_epochs": 4}, "other"),
            ("cut off", good[: len(good) // 2], same, {}, "cannot be read"),
            ("with a flipped bit", _with_a_bit_flipped(good), same, {}, "cannot be"),
            ("empty", b"", same, {}, "cannot be read"),
            ("with a line of text", b"not a model\n", same, {}, "cannot be read"),
            ("with a pickle", pickle.dumps(_Marker(marker)), same, {}, "cannot be"),
            (
                "with a zipped pickle",
                pathlib.Path(folder, "zipped.pt").read_bytes(),
                same,
                {},
                "cannot be read",
            ),
        ]
        if subject.has("n_components"):
            changed = {"n_components": n_components + 1}
            cases.append(("of another width", good, same, changed, "other"))
        for kind, content, data, change, pattern in cases:
            path.write_bytes(content)
            what = f"{name} with a checkpoint {kind}"
            model = subject.new(**{**params, **change})
            before = _state(model)
            text = _assert_refuses(lambda m=model, d=data: m.fit(**d), pattern, what)
            assert "checkpoint" in text and str(path) in text, (
                f"{what}: the error must name the file: {text!r}"
            )
            assert not os.path.exists(marker), f"{what}: its code was executed."
            assert path.read_bytes() == content, f"{what} must not be overwritten."
            _assert_untouched(model, before, what)
        missing = subject.options(checkpoint=pathlib.Path(folder, "none", "fit.pt"))
        _assert_refuses(
            lambda: subject.fit(**{**params, "training": missing}),
            "checkpoint=",
            f"{name} with a checkpoint in a folder that does not exist",
        )


_CHECKS = [
    check_transform_of_any_rows,
    check_fit_transform_is_transform,
    check_nothing_is_mutated,
    check_threads_may_share_a_model,
    check_refit_forgets,
    check_y_is_ignored_unless_needed,
    check_same_bits_for_any_number_of_threads,
    check_same_bits_in_a_worker,
    check_seed_decides,
    check_global_state_is_untouched,
    check_modes_of_the_caller_do_not_show,
    check_bad_rows_are_refused,
    check_bad_new_rows_are_refused,
    check_bad_parameters_are_named,
    check_bad_networks_are_refused,
    check_few_rows,
    check_repeated_rows,
    check_odd_columns,
    check_odd_scales,
    check_number_types,
    check_containers,
    check_data_frames,
    check_sparse_matrices,
    check_too_large_a_batch_is_said,
    check_warnings_point_at_the_caller,
    check_history,
    check_models_travel,
    check_interrupted_by_a_callback,
    check_interrupted_anywhere,
    check_stopped_by_a_callback,
    check_warm_start,
    check_interrupted_fit_resumes,
    check_foreign_checkpoints_are_refused,
]
