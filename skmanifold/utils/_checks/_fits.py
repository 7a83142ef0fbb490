# SPDX-License-Identifier: BSD-3-Clause

"""Checks of history, interruption, checkpoints and serialization."""

import contextlib
import inspect
import io
import os
import pathlib
import pickle
import sys
import tempfile

import joblib
import numpy as np

from ._common import (
    PACKAGE,
    Interrupts,
    Subject,
    assert_fit_rejects,
    assert_global_state_restored,
    assert_rejects,
    assert_same_bits,
    assert_untouched,
    assert_valid_fit,
    global_state,
    loaded_torch,
    state,
)

# excluded, since they are not part of a fit
_CHECKS = str(pathlib.Path(__file__).parent)

# Feedback ---------------------------------------------------------------------


def check_history(name, estimator):
    """history_ has all loss terms per epoch and their sum; fit is silent by default."""
    subject = Subject(estimator)
    params = {"max_epochs": 2} if subject.has("max_epochs") else {}
    output = io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        model = subject.fit(**params)
    assert not output.getvalue(), (
        f"{name}.fit must be silent by default, but printed {output.getvalue()[:200]!r}"
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
    with contextlib.redirect_stdout(output):
        subject.fit(verbose=True, **params)
    assert name in output.getvalue(), f"{name}(verbose=True) must show progress."


# Serialization ----------------------------------------------------------------


def check_pickling(name, estimator):
    """pickle and joblib preserve the bits, and the size is that of the weights."""
    subject = Subject(estimator)
    X, y = subject.data(600)
    model = subject.fit(X, y)

    for library in (pickle, joblib):
        file = io.BytesIO()
        library.dump(model, file)
        n_bytes = file.tell()
        file.seek(0)
        assert_same_bits(
            library.load(file).transform(X),
            model.embedding_,
            f"{name} must transform to the same bits after {library.__name__}.",
        )
    allowed = 1.2 * _fitted_bytes(model) + 60_000
    assert n_bytes <= allowed, (
        f"{name}: a stored model must contain little but its weights and embedding_, at"
        f" most {allowed:.0f} bytes, but has {n_bytes}."
    )


def _fitted_bytes(model):
    """Return the bytes of the weights and of public fitted arrays."""
    total = 0
    for attribute, value in vars(model).items():
        if attribute.startswith("_") or not attribute.endswith("_"):
            continue
        if hasattr(value, "state_dict"):
            total += sum(tensor.nbytes for tensor in value.state_dict().values())
        elif isinstance(value, np.ndarray):
            assert value.shape != (len(model.embedding_), model.n_features_in_), (
                f"{type(model).__name__}.{attribute} has the shape of the training "
                "data, of which a model must not keep a copy."
            )
            total += value.nbytes
    return total


# Interruption -----------------------------------------------------------------


def _spread_numbers(n, at_most):
    """Return evenly spaced numbers from 1 to n, including both."""
    return sorted({round(i) for i in np.linspace(1, n, min(n, at_most))})


def check_interrupted_by_a_callback(name, estimator):
    """An exception in a callback, at any call, leaves no trace of the fit."""
    subject = Subject(estimator)
    params = {"max_epochs": 2} if subject.has("max_epochs") else {}
    counter = Interrupts()
    expected = subject.new(**params).set_callbacks(counter)
    expected.fit(subject.X, subject.y)
    assert counter.torn_down, f"{name}.fit must tear down its callbacks."
    other, y = subject.data(47, random_state=3)
    previous = subject.fit(**params)
    for moment in _spread_numbers(counter.n_calls, 8):
        for error in (KeyboardInterrupt, RuntimeError):
            for model in (subject.new(**params), previous):
                failing = Interrupts(moment, error)
                model.set_callbacks(failing)
                before = state(model)
                case = (
                    f"{name}.fit, interrupted by {error.__name__} in call {moment} of a"
                    " callback,"
                )
                try:
                    model.fit(other, y)
                except error:
                    pass
                else:
                    raise AssertionError(f"{case} must raise it.")
                assert_untouched(model, before, case)
                assert failing.torn_down or moment == 1, (
                    f"{case} must tear the callback down."
                )
    previous.set_callbacks()
    _assert_unaffected(name, subject, previous, expected)


def _assert_unaffected(name, subject, model, expected):
    assert_same_bits(
        model.transform(subject.X),
        expected.embedding_,
        f"{name}: an interrupted fit must keep the previous one.",
    )
    assert_same_bits(
        model.fit(subject.X, subject.y).embedding_,
        expected.embedding_,
        f"{name}: an interrupted fit must not affect the next one.",
    )


def _interrupted(call, files, moment=None):
    """Call with a KeyboardInterrupt at the moment-th function call in these files.

    Returns the number of calls, and whether the interrupt was raised.
    """
    count = 0

    def profile(frame, event, argument):
        nonlocal count
        # Python ignores an interrupt while it closes an unfinished generator.
        if event != "call" or frame.f_code.co_name == "<genexpr>":
            return
        file = frame.f_code.co_filename
        if file.startswith(files) and not file.startswith(_CHECKS):
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
    """A KeyboardInterrupt at any function call leaves no trace of the fit."""
    subject = Subject(estimator)
    files = (PACKAGE, inspect.getsourcefile(type(estimator)))
    expected = subject.fit()
    X, y = subject.data(47, random_state=3)
    for _ in range(2):  # the first run fills caches
        model = subject.new()
        n_calls, _ = _interrupted(lambda m=model: m.fit(X, y), files)
    world = global_state()
    previous = subject.fit()
    for i, moment in enumerate(_spread_numbers(n_calls, 14)):
        model = previous if i % 2 else subject.new()
        before = state(model)
        case = f"{name}.fit, interrupted at call {moment} of {n_calls},"
        n, raised = _interrupted(lambda m=model: m.fit(X, y), files, moment)
        if n < moment:  # the number of calls varies
            previous = subject.fit()
            continue
        assert raised, f"{case} must raise the interrupt."
        assert_untouched(model, before, case)
        assert_global_state_restored(world, case)
    _assert_unaffected(name, subject, previous, expected)


class _Stops(Interrupts):
    """Callback that uses the model after an epoch, and stops training."""

    def on_fit_task_end(self, estimator, context, *, X=None, fitted_estimator=None):
        if context.task_name != "epoch":
            return False
        fitted_estimator.transform(X)
        return True


def check_stopped_by_a_callback(name, estimator):
    """A callback can use the model in each phase, and stop training early."""
    subject = Subject(estimator)
    if not subject.has("max_epochs"):
        return
    model = subject.new(max_epochs=7).set_callbacks(_Stops())
    try:
        model.fit(subject.X, subject.y)
    except Exception as error:
        raise AssertionError(
            f"{name}: a callback must be able to use the model after an epoch of each "
            "phase; _fitted_attributes gets the objective of that phase."
        ) from error
    assert model.n_iter_ == 1, (
        f"{name}: a callback that returns True after an epoch must stop training; "
        f"n_iter_={model.n_iter_}."
    )
    assert_valid_fit(subject, model, subject.X, f"{name}, stopped by a callback,")


def check_warm_start(name, estimator):
    """A warm start continues the previous fit, or leaves it unchanged if it fails."""
    subject = Subject(estimator)
    if not subject.has("warm_start", "learning_rate", "max_epochs"):
        return
    model = subject.fit(warm_start=True)
    first = model.embedding_
    model.set_params(learning_rate=1e-9).fit(subject.X, subject.y)
    assert_valid_fit(subject, model, subject.X, f"{name}, started warm,")
    cold = subject.fit(random_state=1, learning_rate=1e-9).embedding_
    moved = np.abs(model.embedding_ - first).mean()
    assert moved <= 0.1 * np.abs(cold - first).mean(), (
        f"{name}(warm_start=True) must continue with the previous networks, but an"
        f" epoch with a learning rate near zero moved the embedding by {moved:.3g}."
    )
    case = f"{name}(warm_start=True) with fewer columns"
    assert_fit_rejects(model, subject.X[:, :-1], subject.y, "features", case)


# Checkpoints ------------------------------------------------------------------


def check_interrupted_fit_resumes(name, estimator):
    """A fit interrupted after any epoch resumes to the bits of an uninterrupted one."""
    subject = Subject(estimator)
    if not subject.can_checkpoint():
        return
    counter = Interrupts()
    whole = subject.new(max_epochs=3)
    whole.set_callbacks(counter).fit(subject.X, subject.y)
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "fit.pt")
        params = {"max_epochs": 3, "training": subject.options(checkpoint=path)}
        for moment in _spread_numbers(counter.n_calls, 6):
            failing = Interrupts(moment)
            with contextlib.suppress(KeyboardInterrupt):
                subject.new(**params).set_callbacks(failing).fit(subject.X, subject.y)
            resumed = subject.fit(**params)
            message = (
                f"{name}: a fit interrupted in call {moment} of {counter.n_calls} of a "
                "callback must resume to the bits of an uninterrupted one."
            )
            for attribute, value in vars(whole).items():
                if attribute.endswith("history_"):
                    same = getattr(resumed, attribute) == value
                    assert same, f"{message} {attribute} differs."
                elif attribute.endswith("_") and isinstance(value, np.ndarray):
                    assert_same_bits(getattr(resumed, attribute), value, message)
            left = sorted(os.listdir(folder))
            assert not left, f"{name}: a complete fit must remove {left}."


class _Marker:
    """Object that creates a folder when unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


def check_invalid_checkpoints(name, estimator):
    """Checkpoints that are invalid, or of another fit, are not overwritten."""
    subject = Subject(estimator)
    if not subject.can_checkpoint():
        return
    with tempfile.TemporaryDirectory() as folder:
        path, marker = pathlib.Path(folder, "fit.pt"), os.path.join(folder, "marker")
        params = {"max_epochs": 3, "training": subject.options(checkpoint=path)}
        # after at least one epoch in any phase
        failing = subject.new(**params).set_callbacks(Interrupts(5))
        with contextlib.suppress(KeyboardInterrupt):
            failing.fit(subject.X, subject.y)
        assert path.exists(), f"{name}: an interrupted fit must leave its checkpoint."
        loaded_torch().save(
            {"made": _Marker(marker)}, os.path.join(folder, "zipped.pt")
        )
        good = path.read_bytes()
        zipped = pathlib.Path(folder, "zipped.pt").read_bytes()
        middle = len(good) // 2
        flipped = good[:middle] + bytes([good[middle] ^ 1]) + good[middle + 1 :]
        X = subject.X
        cases = [
            ("of other data", good, X + 1, {}, "other"),
            ("of other parameters", good, X, {"max_epochs": 4}, "other"),
            ("cut off", good[:middle], X, {}, "cannot be read"),
            ("with a flipped bit", flipped, X, {}, "cannot be"),
            ("empty", b"", X, {}, "cannot be read"),
            ("with a line of text", b"not a model\n", X, {}, "cannot be read"),
            ("with a pickle", pickle.dumps(_Marker(marker)), X, {}, "cannot be"),
            ("with a zipped pickle", zipped, X, {}, "cannot be read"),
        ]
        if subject.has("n_components"):
            changed = {"n_components": subject.original.n_components + 1}
            cases.append(("of another width", good, X, changed, "other"))
        for kind, content, rows, change, pattern in cases:
            path.write_bytes(content)
            case = f"{name} with a checkpoint {kind}"
            model = subject.new(**{**params, **change})
            text = assert_fit_rejects(model, rows, subject.y, pattern, case)
            assert "checkpoint" in text and str(path) in text, (
                f"{case}: the error must name the file: {text!r}"
            )
            assert not os.path.exists(marker), f"{case}: its code was executed."
            assert path.read_bytes() == content, f"{case} must not be overwritten."
        missing = subject.options(checkpoint=pathlib.Path(folder, "none", "fit.pt"))
        assert_rejects(
            lambda: subject.fit(**{**params, "training": missing}),
            "checkpoint=",
            f"{name} with a checkpoint in a folder that does not exist",
        )
