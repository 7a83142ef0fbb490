# SPDX-License-Identifier: BSD-3-Clause

"""Checks of input: invalid input raises clear errors, any container is accepted."""

import contextlib
import math
import os
import tempfile
import warnings
from unittest import SkipTest

import numpy as np
from scipy import sparse
from sklearn.exceptions import NotFittedError
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import get_tags

from skmanifold.utils._sklearn import make_constraint

from ._common import (
    Subject,
    assert_fit_rejects,
    assert_rejects,
    assert_same_bits,
    assert_untouched,
    assert_valid_fit,
    assert_warned,
    loaded_torch,
    only_user_warnings,
    row_methods,
    state,
)

# Invalid input ----------------------------------------------------------------


def _bad_rows(X):
    """Yield ``(case, X, pattern of the error)`` for input that no method accepts."""
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
    objects = X.astype(object)
    objects[2, 0] = object()
    yield "objects in X", objects, "convert|number|numeric"
    yield "a complex X", X * 1j, "[Cc]omplex"
    dates = (10 * X).astype(int).astype("M8[D]")
    yield "dates in X", dates, "not numbers"
    yield "dates that are objects in X", dates.astype(object), "not numbers"
    yield "X=None", None, "None|X|2D"
    yield "an X that overflows", X * 1e200, "overflow|too large|float32"


def check_invalid_samples(name, estimator):
    """Invalid X raises a clear error and leaves the estimator unchanged."""
    subject = Subject(estimator)
    previous = subject.fit()
    few = ("one row", subject.X[:1], "1 sample|minimum of|at least")
    for case, X, pattern in [*_bad_rows(subject.X), few]:
        n = 1 if X is None or X.ndim < 2 else X.shape[0]
        y = None if subject.y is None else subject.targets(n)
        for model in (subject.new(), previous):
            assert_fit_rejects(model, X, y, pattern, f"{name}.fit with {case}")
    assert_same_bits(
        previous.transform(subject.X),
        subject.fit().embedding_,
        f"{name}: a failed fit must keep the previous one.",
    )


def check_invalid_new_samples(name, estimator):
    """Every method of a fitted estimator rejects invalid X."""
    subject = Subject(estimator)
    model = subject.fit()
    before = state(model)
    for method_name, (method, good, _) in row_methods(model, subject.X).items():
        case = f"{name}.{method_name} with "
        for kind, X, pattern in _bad_rows(good):
            if kind == "NaN in a sparse X" and method_name != "transform":
                pattern = "NaN|[Ss]parse"  # dense input only
            if kind == "an X that overflows" and good is not subject.X:
                # methods with bounded codes may clip them
                with contextlib.suppress(ValueError):
                    assert np.isfinite(method(X)).all(), (
                        f"{case}{kind}: it must be rejected, or give a finite result."
                    )
                continue
            assert_rejects(lambda f=method, X=X: f(X), pattern, case + kind)
        wide = np.column_stack([good, good])
        text = assert_rejects(
            lambda f=method, X=wide: f(X), "features|columns", case + "a wider X"
        )
        for width in (wide.shape[1], good.shape[1]):
            assert str(width) in text, (
                f"{case}a wider X: the error must give both widths: {text!r}"
            )
        try:
            getattr(subject.new(), method_name)(good)
        except NotFittedError:
            pass
        else:
            raise AssertionError(
                f"{name}.{method_name} must raise NotFittedError before fit."
            )
    assert_untouched(model, before, f"{name}: a failing method")


# Invalid values of common parameters, independent of their constraints.
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

# Candidates for invalid values, tried unless the constraints allow them.
_ANYTHING = [-1, 0, 1.5, -0.5, math.nan, "no such option", object()]

# Invalid layer widths and shapes.
_BAD_WIDTHS = [(0,), (8, -2), (2.5,), ("wide",)]


def _bad_parameters(estimator):
    constraints = getattr(type(estimator), "_parameter_constraints", {})
    for name, value in estimator.get_params(deep=False).items():
        assert name in constraints, (
            f"{type(estimator).__name__}: the parameter {name!r} has no entry in "
            "_parameter_constraints, so fit does not check it."
        )
        if constraints[name] == "no_validation":
            continue  # the estimator validates it
        allowed = [make_constraint(c) for c in constraints[name]]
        refused = _REFUSED.get(name, [])
        if None in constraints[name]:
            refused = [bad for bad in refused if bad is not None]
        yield from ((name, bad) for bad in refused)
        for bad in _ANYTHING:
            # "no such option" is invalid even if any str satisfies the constraint
            free = [a for a in allowed if a.is_satisfied_by(bad)]
            named = isinstance(bad, str) and str in constraints[name]
            if (not free or named) and not any(bad is other for other in refused):
                yield name, bad
        widths = isinstance(value, tuple) and value and isinstance(value[0], int)
        if widths and "array-like" in constraints[name]:
            yield from ((name, bad) for bad in _BAD_WIDTHS)


def check_invalid_parameters(name, estimator):
    """fit rejects invalid parameters by name, and leaves the estimator unchanged."""
    subject = Subject(estimator)
    for parameter, value in _bad_parameters(estimator):
        case = f"{name}({parameter}={value!r})"
        model = subject.new(**{parameter: value})
        text = assert_fit_rejects(model, subject.X, subject.y, r"\w", case)
        assert parameter in text.lower(), (
            f"{case}: the error must name {parameter}: {text!r}"
        )
    if subject.has("training"):
        for option, value in [
            ("optimizer", "sgd with luck"),
            ("weight_decay", -1.0),
            ("precision", "float8"),
            ("n_iter_no_change", 0),
            ("gradient_clip", 0.0),
            ("checkpoint_every", 0),
        ]:
            case = f"{name}(training=...({option}={value!r}))"
            model = subject.new(training=subject.options(**{option: value}))
            assert_fit_rejects(model, subject.X, subject.y, option, case)


def check_invalid_networks(name, estimator):
    """A user's network: a wrong width is found before training, NaN during it."""
    subject = Subject(estimator)
    torch = loaded_torch()
    constraints = type(estimator)._parameter_constraints

    class WrongWidth(torch.nn.Module):
        calls = 0

        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.ones(1))

        def forward(self, x):
            type(self).calls += 1
            return x.flatten(1)[:, :1].repeat(1, 997) * self.weight

    for parameter in estimator.get_params(deep=False):
        if torch.nn.Module not in list(constraints[parameter]):
            continue
        network = WrongWidth()
        cases = [(f"{parameter} of the wrong width", network, f"{parameter}[^_].*997")]
        if callable in constraints[parameter]:

            def sick(n_inputs, n_outputs):
                network = torch.nn.Linear(n_inputs, n_outputs)
                torch.nn.init.constant_(network.weight, torch.nan)
                return torch.nn.Sequential(torch.nn.Flatten(), network)

            def no_network(*args):
                return "a network"

            cases += [
                (f"{parameter} whose outputs are NaN", sick, "NaN|nan|finite"),
                (f"{parameter} that makes no module", no_network, parameter),
            ]
        for case, value, pattern in cases:
            model = subject.new(**{parameter: value})
            before = state(model)
            try:
                assert_rejects(
                    lambda m=model: m.fit(subject.X, subject.y), f"(?s){pattern}", case
                )
            except AssertionError:
                # methods that adapt to any width are fine
                fitted = hasattr(model, "embedding_") and value is network
                if not fitted or not np.isfinite(model.embedding_).all():
                    raise
                continue
            assert_untouched(model, before, f"{name} with {case}")
        assert WrongWidth.calls == 0 or network.training, (
            f"{name}: {parameter} is the user's and must be copied, not changed."
        )


# Containers and warnings ------------------------------------------------------


def check_number_types(name, estimator):
    """Numbers of any type are accepted; single precision is preserved."""
    subject = Subject(estimator)
    X = np.abs(subject.X * 4).astype(np.uint8)
    for dtype in (np.uint8, np.int16, np.int64, bool, np.float16, np.float32, ">f8"):
        rows = (X > 12).astype(bool) if dtype is bool else X.astype(dtype)
        case = f"{name} on {np.dtype(dtype).name}"
        with only_user_warnings(case):
            model = subject.fit(rows)
        assert_valid_fit(subject, model, rows, case)
        single = dtype in (np.float16, np.float32)
        expected = np.dtype(np.float32 if single else np.float64)
        for dtype_out in (model.embedding_.dtype, model.transform(rows).dtype):
            assert dtype_out == expected, (
                f"{case} must return {expected}, got {dtype_out}."
            )
        if dtype is not bool:
            assert_same_bits(
                model.embedding_,
                subject.fit(X.astype(np.float64)).embedding_.astype(expected),
                f"{case} must give the same result as for float64.",
            )


def _data_frame(X, library):
    """Return a data frame, without importing its library here."""
    keep = FunctionTransformer(feature_names_out="one-to-one")
    try:
        return keep.set_output(transform=library).fit_transform(X)
    except ImportError as error:
        raise SkipTest(f"{library} is not installed") from error


def check_containers(name, estimator):
    """Lists, memory layouts, memory maps and tensors give the bits of the array."""
    subject = Subject(estimator)
    expected = subject.fit().embedding_
    torch = loaded_torch()
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
            assert_same_bits(Z, expected, message)
            assert_same_bits(model.transform(X), expected, message)
        del mapped, X  # before the file is deleted


def check_data_frames(name, estimator):
    """pandas and polars give the bits of the array."""
    subject = Subject(estimator)
    expected = subject.fit().embedding_
    for library in ("pandas", "polars"):
        frame = _data_frame(subject.X, library)
        model = subject.new().fit(frame, subject.y)
        message = f"{name} must give for {library} the bits of the plain array."
        assert_same_bits(model.embedding_, expected, message)
        assert_same_bits(model.transform(frame), expected, message)
        out = model.set_output(transform=library).transform(frame)
        assert list(out.columns) == list(model.get_feature_names_out()), (
            f"{name}.set_output(transform={library!r}) must name the columns."
        )
        assert list(model.feature_names_in_) == list(frame.columns)


def check_masked_arrays(name, estimator):
    """Masked entries are missing values; an empty mask does not matter."""
    subject = Subject(estimator)
    model = subject.new()
    Z = model.fit_transform(np.ma.array(subject.X), subject.y)
    message = f"{name} must ignore a mask without masked entries."
    assert_same_bits(Z, subject.fit().embedding_, message)
    for method_name, (method, good, _) in row_methods(model, subject.X).items():
        masked = np.ma.array(good, mask=np.zeros(good.shape, dtype=bool), copy=True)
        masked[3, 1] = np.ma.masked
        # values under a mask must not be used
        masked.data[3, 1] = 1e20
        case = f"{name}.{method_name} with a masked entry"
        assert_rejects(lambda f=method, X=masked: f(X), "NaN", case)
    mask = np.zeros(subject.X.shape, dtype=bool)
    mask[3, 1] = True
    for data in (subject.X, np.rint(subject.X).astype(int)):
        rows = np.ma.array(data, mask=mask)
        case = f"{name}.fit with masked entries of type {rows.dtype}"
        assert_fit_rejects(subject.new(), rows, subject.y, "NaN", case)


def check_dates_and_lazy_frames(name, estimator):
    """Columns of dates are rejected; lazy frames must be collected."""
    subject = Subject(estimator)
    fitted = subject.fit()
    days = np.datetime64("2020-01-01") + np.arange(len(subject.X))
    for library in ("pandas", "polars"):
        frame = _data_frame(subject.X, library)
        numbers = {column: frame[column] for column in frame.columns[1:]}
        for kind, column in {
            "dates": days,
            "times": days.astype("datetime64[us]"),
            "durations": (days - days[0]).astype("timedelta64[us]"),
        }.items():
            rows = type(frame)({"when": column, **numbers})
            for method, call in {
                "fit": lambda X=rows: subject.new().fit(X, subject.y),
                "transform": lambda X=rows: fitted.transform(X),
            }.items():
                case = f"{name}.{method} with a column of {kind} in {library}"
                assert_rejects(call, "'when'", case)
    lazy = frame.lazy()
    for method, call in {
        "fit": lambda: subject.new().fit(lazy, subject.y),
        "transform": lambda: fitted.transform(lazy),
    }.items():
        case = f"{name}.{method} with a lazy frame"
        assert_rejects(call, r"collect\(\)", case)


def check_sparse_matrices(name, estimator):
    """Sparse matrices of every format give the bits of the dense array.

    A linear map reads only what is not zero: all formats give the bits of the
    csr_array, which are those of the dense array up to rounding.
    """
    subject = Subject(estimator)
    if not get_tags(estimator).input_tags.sparse:
        return  # scikit-learn's checks require a clear error
    X = np.where(np.abs(subject.X) < 2, 0.0, subject.X)
    fitted = subject.fit(X)
    expected, reference = fitted.embedding_, "dense array"
    if fitted._folds:
        reference = "csr_array"
        expected = fitted.transform(sparse.csr_array(X))
        error = np.abs(expected - fitted.embedding_).max()
        assert error <= 1e-5 * np.abs(expected).max(), (
            f"{name}.transform of a csr_array must be that of the dense array up to "
            f"rounding, but differs by {error:g}."
        )
    for kind in ("bsr", "coo", "csc", "csr", "dia", "dok", "lil"):
        for container in (f"{kind}_array", f"{kind}_matrix"):
            rows = getattr(sparse, container)(X)
            message = f"{name} must give for a {container} the bits of the {reference}."
            assert_same_bits(fitted.transform(rows), expected, message)
            if container in ("csr_array", "csc_matrix", "coo_array"):
                model = subject.new()
                Z = model.fit_transform(rows, subject.targets(len(X)))
                assert_same_bits(Z, expected, message)


def check_large_batch_size_warns(name, estimator):
    """A batch size above the number of samples warns with both numbers."""
    subject = Subject(estimator)
    if not subject.has("batch_size"):
        return
    n = len(subject.X)
    with only_user_warnings(f"{name}(batch_size=100003)") as texts:
        model = subject.fit(batch_size=100_003)
    assert_warned(texts, f"100003.*{n}", 1, f"{name}(batch_size=100003)")
    assert model.batch_size == 100_003, f"{name}.fit must not change batch_size."


def check_warnings_point_at_the_caller(name, estimator):
    """Warnings point at the line of the user."""
    subject = Subject(estimator)
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
