# SPDX-License-Identifier: BSD-3-Clause

"""Checks of results: a function of each sample, determined by the seed."""

import contextlib
import pickle
import random
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
from sklearn.base import is_classifier

from ._common import (
    MANY_ROWS,
    Interrupts,
    Subject,
    assert_fit_rejects,
    assert_global_state_restored,
    assert_rejects,
    assert_same_bits,
    assert_warned,
    global_state,
    loaded_torch,
    only_user_warnings,
    row_methods,
    state,
)

# The embedding is a function --------------------------------------------------


def check_transform_of_subsets(name, estimator):
    """The result of a sample does not depend on the others in the call."""
    subject = Subject(estimator)
    model = subject.fit()
    X, _ = subject.data(MANY_ROWS - 1, random_state=1)
    order = np.random.RandomState(0).permutation(len(X))
    for method_name, (method, rows, whole) in row_methods(model, X).items():
        for kind, chosen in {
            "one row": slice(3, 4),
            "a slice": slice(7, 41),
            "every fifth row": slice(None, None, 5),
            "another order": order,
            "each row twice": np.repeat(np.arange(len(X)), 2),
        }.items():
            assert_same_bits(
                method(rows[chosen]),
                whole[chosen],
                f"{name}.{method_name} must give each row the same bits whatever rows "
                f"are given with it ({kind}).",
            )


def check_reproducibility(name, estimator):
    """The seed alone determines the result, and another seed changes it."""
    subject = Subject(estimator)
    expected = subject.fit().embedding_
    torch = loaded_torch()
    with _restored_generators(torch):
        for seed in (1, 2):
            _seed_generators(torch, seed)
            assert_same_bits(
                subject.fit().embedding_,
                expected,
                f"{name}: global generators must not affect the result. Draw from torch"
                " during training, which the fit seeds, and give NumPy a generator of"
                " your own, seeded with data.seed().",
            )
    other = subject.fit(random_state=1).embedding_
    assert not np.array_equal(other, expected), (
        f"{name}: another random_state must change the result."
    )
    rng = np.random.RandomState(0)
    first, second = (subject.fit(random_state=rng).embedding_ for _ in range(2))
    assert not np.array_equal(first, second), (
        f"{name}: a RandomState instance must advance from fit to fit."
    )
    unseeded = [subject.fit(random_state=None).embedding_ for _ in range(2)]
    assert not np.array_equal(*unseeded), (
        f"{name}: two fits with random_state=None must differ."
    )


def check_fit_transform_is_transform(name, estimator):
    """``fit_transform(X)``, ``embedding_`` and ``fit(X).transform(X)`` are equal."""
    subject = Subject(estimator)
    model = subject.fit()
    Z = model.transform(subject.X)
    message = f"{name}: {{}} must be fit(X).transform(X), bit for bit."
    assert_same_bits(model.embedding_, Z, message.format("embedding_"))
    again = subject.new()
    assert_same_bits(
        again.fit_transform(subject.X, subject.y), Z, message.format("fit_transform(X)")
    )
    assert Z.dtype == again.embedding_.dtype == np.float64, (
        f"{name} must return float64 for float64, got {Z.dtype}."
    )
    names = model.get_feature_names_out()
    assert len(names) == Z.shape[1], (
        f"{name}.get_feature_names_out returns {len(names)} names for {Z.shape[1]} "
        "features."
    )
    if hasattr(model, "labels_") and hasattr(model, "predict"):
        assert_same_bits(
            model.predict(subject.X),
            model.labels_,
            f"{name}: labels_ must be fit(X).predict(X).",
        )


def check_inputs_are_not_modified(name, estimator):
    """No method changes its input, and fit does not change its parameters."""
    subject = Subject(estimator)
    X, model = subject.X.copy(), subject.new()
    y = None if subject.y is None else subject.y.copy()
    before = model.get_params()
    model.fit(X, y)
    assert_same_bits(X, subject.X, f"{name}.fit must not change X.")
    if y is not None:
        assert_same_bits(y, subject.y, f"{name}.fit must not change y.")
    changed = [n for n, v in model.get_params().items() if v is not before[n]]
    assert not changed, f"{name}.fit must not change its parameters: {changed}."

    model.transform(X)  # lazy initialization does not count
    for method_name, (method, argument, _) in row_methods(model, X).items():
        saved, state = argument.copy(), pickle.dumps(vars(model))
        argument.setflags(write=False)
        method(argument)
        argument.setflags(write=True)
        assert_same_bits(argument, saved, f"{name}.{method_name} must not change X.")
        assert pickle.dumps(vars(model)) == state, (
            f"{name}.{method_name} must not change the fitted estimator."
        )


def check_thread_safety(name, estimator):
    """Eight threads transform different samples concurrently and correctly."""
    subject = Subject(estimator)
    model = subject.fit()
    parts = [subject.data(40, random_state=i)[0] for i in range(8)]
    expected = [model.transform(part) for part in parts]
    barrier = threading.Barrier(len(parts))

    def work(part, Z):
        barrier.wait()
        for _ in range(3):
            assert_same_bits(model.transform(part), Z, "Two threads disagree.")

    with ThreadPoolExecutor(len(parts)) as executor:
        try:
            list(executor.map(work, parts, expected))
        except Exception as error:
            raise AssertionError(
                f"{name}.transform must be thread-safe: {error}"
            ) from error


def check_refit_is_independent(name, estimator):
    """A second fit is equal to a first fit on the same data."""
    subject = Subject(estimator)
    expected = subject.fit()
    model = subject.fit(*subject.data(47, random_state=3))
    model.fit(subject.X, subject.y)
    assert_same_bits(
        model.embedding_,
        expected.embedding_,
        f"{name}: a second fit must not depend on the first.",
    )
    attributes = state(model).keys() ^ state(expected).keys()
    assert not attributes, (
        f"{name}: a second fit must not depend on the first, but {sorted(attributes)} "
        "differ."
    )


def check_y_is_ignored_unless_needed(name, estimator):
    """y is ignored, as passed by a Pipeline, unless the method is supervised."""
    subject = Subject(estimator)
    labels = np.arange(len(subject.X)) % 2
    if not subject.supervised:
        assert_same_bits(
            subject.new().fit_transform(subject.X, labels),
            subject.new().fit_transform(subject.X),
            f"{name} does not need targets and must ignore y.",
        )
    else:
        assert_rejects(
            lambda: subject.new().fit(subject.X, None), r"\by\b", f"{name}: y=None"
        )
        for case, bad in {
            "y with NaN": np.where(labels == 0, np.nan, labels),
            "y of two columns of numbers": np.random.RandomState(0).rand(
                len(labels), 2
            ),
        }.items():
            pattern = r"\by\b|label|target|NaN|[Cc]lass"
            assert_fit_rejects(
                subject.new(), subject.X, bad, pattern, f"{name}: {case}"
            )
    for wrong in (labels[:-1], labels[:0], np.append(labels, 1)):
        case = f"{name}: a y of {len(wrong)} entries for {len(labels)} samples"
        pattern = r"\by\b|inconsistent numbers"
        text = assert_fit_rejects(subject.new(), subject.X, wrong, pattern, case)
        assert str(len(labels)) in text and str(len(wrong)) in text, (
            f"{name}: the error about the length of y must give both lengths: {text!r}"
        )


# Seeds ------------------------------------------------------------------------


def check_unknown_labels(name, estimator):
    """A missing label is unknown, not a class, and does not matter if y is ignored."""
    subject = Subject(estimator)
    labels = np.arange(len(subject.X)) % 3
    known = np.arange(len(labels)) % 4 > 0

    def without(missing):
        partial = labels.astype(object)
        partial[~known] = missing
        return partial

    kinds = {
        "None": without(None),
        "NaN": np.where(known, labels, np.nan),
        "names and None": np.where(known, np.array(list("abc"))[labels], without(None)),
        "masked entries": np.ma.array(labels, mask=~known),
        "-1": np.where(known, labels, -1),
    }
    if is_classifier(estimator):
        expected = subject.fit(subject.X, kinds["-1"])
        assert len(expected.classes_) == 3, (
            f"{name}: -1 in y must be an unknown label, not a class, but classes_ is "
            f"{expected.classes_}."
        )
        predicted = expected.predict(subject.X)
        assert set(predicted) <= set(expected.classes_), (
            f"{name}.predict must return elements of classes_, got {set(predicted)}."
        )
    elif subject.supervised:
        return  # targets other than classes
    else:
        expected = subject.fit()
    for kind, y in kinds.items():
        model = subject.new().fit(subject.X, y)
        case = f"{name}: unknown labels given as {kind}"
        assert_same_bits(
            model.embedding_, expected.embedding_, f"{case} must change nothing."
        )
        if is_classifier(estimator):
            assert len(model.classes_) == 3, f"{case} must not be a class."
    if is_classifier(estimator):
        assert_rejects(
            lambda: subject.new().fit(subject.X, np.full(len(labels), np.nan)),
            r"\by\b|[Cc]lass|label",
            f"{name} with only unknown labels",
        )


def check_numbers_as_classes(name, estimator):
    """A warning names targets that are whole numbers, most of them different."""
    if not is_classifier(estimator):
        return
    subject = Subject(estimator)
    n_samples = len(subject.X)
    for kind, y, n_warnings in [
        ("pairs of one class", np.arange(n_samples - 1) // 2 * 7, 0),
        ("ages in days", (np.arange(n_samples) * 37) % 45 * 11, 1),
        ("names, most of them different", (np.arange(n_samples) % 45).astype(str), 0),
        ("twenty classes", np.arange(n_samples) % 20, 0),
    ]:
        case = f"{name} on a y of {kind}"
        with only_user_warnings(case) as texts:
            subject.new().fit(subject.X[: len(y)], y)
        assert_warned(texts, "continuous", n_warnings, case)


def check_same_bits_for_any_number_of_threads(name, estimator):
    """torch's number of threads is preserved and does not affect the result."""
    subject = Subject(estimator, n_samples=MANY_ROWS)
    expected = subject.fit()
    torch = loaded_torch()
    before = torch.get_num_threads()
    try:
        for n_threads in (1, 2, 4):
            torch.set_num_threads(n_threads)
            model = subject.fit()
            left = torch.get_num_threads()
            assert left == n_threads, (
                f"{name}.fit must preserve torch's number of threads: {n_threads} "
                f"before, {left} after."
            )
            assert_same_bits(
                model.transform(subject.X),
                expected.embedding_,
                f"{name} must give the same bits for {n_threads} threads.",
            )
            left = torch.get_num_threads()
            assert left == n_threads, (
                f"{name}.transform must preserve torch's number of threads: "
                f"{n_threads} before, {left} after."
            )
    finally:
        torch.set_num_threads(before)


def _fit_transform(model, X, y):
    return model.fit_transform(X, y)


def check_same_bits_in_a_worker(name, estimator):
    """A joblib worker process computes the same bits."""
    subject = Subject(estimator)
    embeddings = joblib.Parallel(n_jobs=2, backend="loky")(
        joblib.delayed(_fit_transform)(subject.new(), subject.X, subject.y)
        for _ in range(2)
    )
    for Z in embeddings:
        assert_same_bits(
            Z,
            subject.fit().embedding_,
            f"{name} must give the same bits in a worker process.",
        )


def check_global_state_is_restored(name, estimator):
    """Generators, threads, modes and filters are preserved by each call."""
    subject = Subject(estimator)
    model = subject.fit()  # lazy imports do not count
    torch = loaded_torch()
    # unlike any settings of a careless fit
    with _unusual_settings(torch):
        before = global_state()
        model = subject.fit()
        assert_global_state_restored(before, f"{name}.fit")
        subject.fit(random_state=None)
        assert_global_state_restored(before, f"{name}(random_state=None).fit")
        for method_name, (method, argument, _) in row_methods(model, subject.X).items():
            method(argument)
            assert_global_state_restored(before, f"{name}.{method_name}")
        with contextlib.suppress(ValueError):
            subject.new().fit(subject.X * np.nan, subject.y)
        assert_global_state_restored(before, f"{name}.fit, when it fails,")
        with contextlib.suppress(KeyboardInterrupt):
            subject.new().set_callbacks(Interrupts(3)).fit(subject.X, subject.y)
        assert_global_state_restored(before, f"{name}.fit, when it is interrupted,")


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
    """Apply unusual settings, and restore the previous ones."""
    threads = torch.get_num_threads()
    with (
        np.errstate(under="raise"),
        warnings.catch_warnings(),
        _restored_generators(torch),
    ):
        warnings.resetwarnings()
        # silent, but by another filter than a careless fit would set
        warnings.filterwarnings("ignore", message=".*")
        _seed_generators(torch, 1357)
        torch.set_num_threads(threads + 1)
        try:
            yield
        finally:
            torch.set_num_threads(threads)


def check_torch_modes_have_no_effect(name, estimator):
    """torch modes set by the caller do not affect a fit."""
    subject = Subject(estimator)
    expected = subject.fit().embedding_
    torch = loaded_torch()

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
            assert_same_bits(model.embedding_, expected, message)
            assert_same_bits(model.transform(subject.X), expected, message)
