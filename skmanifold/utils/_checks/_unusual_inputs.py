# SPDX-License-Identifier: BSD-3-Clause

"""Checks of unusual but valid data: few samples, unusual columns and outliers."""

import re
import warnings

import numpy as np
from scipy import sparse
from sklearn.preprocessing import FunctionTransformer, RobustScaler, StandardScaler

from ._common import (
    Subject,
    assert_same_bits,
    assert_untouched,
    assert_valid_fit,
    assert_warned,
    only_user_warnings,
    state,
)


def check_few_samples(name, estimator):
    """2 to 20 samples: a result, or an error with the minimum number."""
    subject = Subject(estimator)
    X, _ = subject.data(40)
    for n in range(2, 21):
        case = f"{name} on {n} samples"
        with only_user_warnings(case):
            try:
                model = subject.fit(X[:n])
            except ValueError as error:
                numbers = [int(number) for number in re.findall(r"\d+", str(error))]
                classes = subject.supervised and "class" in str(error)
                if not classes and not any(number > n for number in numbers):
                    raise AssertionError(
                        f"{case}: an error must give the minimum number: {error}"
                    ) from error
            else:
                assert_valid_fit(subject, model, X[:n], case)


def check_repeated_samples(name, estimator):
    """Samples that are repeated nine times, and samples that are all equal."""
    subject = Subject(estimator)
    X = np.repeat(subject.X[:6], 9, axis=0)
    with only_user_warnings(f"{name} on repeated samples"):
        model = subject.fit(X, subject.targets(len(X)))
    assert_valid_fit(subject, model, X, f"{name} on repeated samples")
    equal = np.repeat(subject.X[:1], 30, axis=0)
    case = f"{name} on samples that are all equal"
    with only_user_warnings(case) as recorded:
        try:
            model = subject.fit(equal)
        except ValueError:
            return  # an error is fine, too
    assert recorded, f"{case} must warn that there is nothing to learn."
    assert_valid_fit(subject, model, equal, case)


def check_unusual_columns(name, estimator):
    """Constant columns, one column, more columns than samples."""
    subject = Subject(estimator)
    X, rng = subject.X, np.random.RandomState(0)
    constant = X.copy()
    constant[:, 1], constant[:, 2] = 0.0, -7e5
    cases = {"constant columns": constant}
    if subject.any_width:
        cases["one column"] = X[:, :1]
        cases["two columns"] = X[:, :2]
        cases["more columns than samples"] = rng.randn(30, 200)
    one_large = X.copy()
    one_large[:, 0] *= 1e6
    cases["one column a million times larger"] = one_large
    for kind, rows in cases.items():
        case = f"{name} on {kind}"
        with only_user_warnings(case):
            model = subject.fit(rows)
        assert_valid_fit(subject, model, rows, case)
        assert model.embedding_.std(axis=0).max() > 0, f"{case} must separate samples."


def check_outliers(name, estimator):
    """An outlier does not affect other samples, and a warning names it."""
    subject = Subject(estimator)
    expected = subject.fit(subject.X[1:], subject.targets(len(subject.X) - 1))
    center = subject.X[1:].mean(axis=0)
    for kind, value in {
        "a sample in other units": subject.X[0] * 1000 + 500,
        "a sentinel in all columns": -9999.0,
        "a sentinel in one column": np.where(
            np.arange(subject.n_features), center, 1e6
        ),
        "a huge sample": 1e30,
    }.items():
        X = subject.X.copy()
        X[0] = value
        case = f"{name} on {kind}"
        with only_user_warnings(case) as texts:
            model = subject.fit(X)
        assert_warned(texts, "sample 0", 1, case)
        with warnings.catch_warnings(record=True) as again:
            warnings.simplefilter("always")
            assert_valid_fit(subject, model, X, case)
        texts = [str(warning.message) for warning in again]
        assert_warned(texts, "far away", 0, f"{case}, by transform,")
        spread = model.embedding_[1:].std(axis=0).max()
        assert spread > 0.2 * expected.embedding_.std(axis=0).max(), (
            f"{case} must keep the others apart, but the standard deviation of their "
            f"embedding is {spread:g}, and {expected.embedding_.std(axis=0).max():g} "
            "without the outlier."
        )


def check_new_outliers(name, estimator):
    """A warning of ``transform`` names new outliers; others have the same embedding."""
    subject = Subject(estimator)
    new, _ = subject.data(40, random_state=1)
    for kind, scaler in {
        "raw data": FunctionTransformer(),
        "standardized data": StandardScaler(),
        "data after RobustScaler": RobustScaler(),
    }.items():
        scaler.fit(subject.X)
        model = subject.fit(scaler.transform(subject.X), subject.y)
        case = f"{name}.transform on ordinary samples of {kind}"
        with only_user_warnings(case) as texts:
            expected = model.transform(scaler.transform(new))
        assert_warned(texts, "", 0, case)
        for outlier, value in {
            "a sample multiplied by 100": new[7] * 100,
            "a sentinel in all columns": -9999.0,
            "a sentinel in one column": np.where(
                np.arange(subject.n_features), new[7], 1e6
            ),
        }.items():
            X = new.copy()
            X[7] = value
            case = f"{name}.transform on {outlier} ({kind})"
            with only_user_warnings(case) as texts:
                Z = model.transform(scaler.transform(X))
            assert_warned(texts, "", 1, case)
            assert_warned(texts, "sample 7", 1, case)
            assert np.isfinite(Z).all(), f"{case} must give a finite embedding."
            assert_same_bits(
                np.delete(Z, 7, axis=0),
                np.delete(expected, 7, axis=0),
                f"{case} must not change the embedding of others.",
            )


def check_novelty(name, estimator):
    """``score_samples`` is lower for samples far from the training data."""
    subject = Subject(estimator)
    model = subject.fit()
    known = model.score_samples(subject.data(60, random_state=0)[0])
    directions = np.random.RandomState(0).choice([-1.0, 1.0], (40, subject.n_features))
    reach = np.abs(subject.X - subject.X.mean(axis=0)).max()
    new = model.score_samples(subject.X.mean(axis=0) + 2 * reach * directions)
    typical = float(np.median(known))
    assert new.max() < min(np.quantile(known, 0.1), typical), (
        f"{name}.score_samples must be lower for samples outside of the training data "
        f"than for those within: at most {new.max():g}, {typical:g} is typical."
    )


def check_heavy_tails(name, estimator):
    """Heavy-tailed columns and sparse counts are not mistaken for outliers."""
    subject = Subject(estimator)
    shape = 200, subject.n_features
    rng = np.random.RandomState(0)
    for kind, draw in {
        "log-normal columns": lambda rng: rng.lognormal(0, 1.5, shape),
        "counts": lambda rng: rng.poisson(rng.lognormal(0, 1, shape)).astype(float),
        "rare indicators": lambda rng: (rng.rand(*shape) < 0.05).astype(float),
    }.items():
        X = draw(rng)
        case = f"{name} on {kind}"
        with only_user_warnings(case) as texts:
            model = subject.fit(X)
        assert_warned(texts, "far away from all others", 0, case)
        assert_valid_fit(subject, model, X, case)
        case = f"{name} on new {kind}"
        with only_user_warnings(case) as texts:
            model.transform(draw(rng))
        assert_warned(texts, "", 0, case)


def check_columns_that_vary_later(name, estimator):
    """A column that was constant counts once it varies, or a warning names it."""
    subject = Subject(estimator)
    rng = np.random.RandomState(0)
    first, late = subject.X.copy(), subject.X.copy()
    first[:, 1] = 0.0
    late[:, 1] = 3.0 * (rng.rand(len(late)) < 0.5)
    changed = late.copy()
    changed[:, 1] = 3.0 - late[:, 1]
    model = subject.fit(first)
    case = f"{name}: a column that is constant in fit and varies in transform"
    with only_user_warnings(case) as texts:
        model.transform(late)
    assert_warned(texts, "", 1, case)
    assert_warned(texts, r"constant.* 1\.", 1, case)
    models = {}
    if hasattr(model, "partial_fit"):
        models["partial_fit"] = subject.new().partial_fit(first, subject.y)
        models["partial_fit"].partial_fit(late, subject.y)
    if subject.has("warm_start"):
        models["warm_start"] = subject.fit(first, warm_start=True)
        models["warm_start"].fit(late, subject.y)
    for method, model in models.items():
        case = f"{name}: a column that is constant at first and varies in {method}"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a column that does not count
            a, b = model.transform(late), model.transform(changed)
        assert (a != b).any(), f"{case} must count."


def check_empty_samples(name, estimator):
    """New samples of a sparse matrix without a value are named, once per call."""
    subject = Subject(estimator)
    X = sparse.csr_array(subject.X)
    model = subject.fit(X)
    new = X[:9].toarray()
    new[[2, 5]] = 0.0
    methods = {"transform": model.transform}
    for method in ("predict", "kneighbors"):
        if hasattr(model, method):
            methods[method] = getattr(model, method)
    for method, call in methods.items():
        case = f"{name}.{method} on a sparse matrix with two empty samples"
        with only_user_warnings(case) as texts:
            call(sparse.csr_array(new))
        assert_warned(texts, "2 of the 9 samples of X have no nonzero.*2, 5", 1, case)
        with only_user_warnings(case) as texts:
            call(new)
        assert_warned(texts, "no nonzero", 0, f"{case}, passed as an array")
    with_empty = sparse.csr_array(np.vstack([subject.X, np.zeros(X.shape[1])]))
    targets = None if subject.y is None else np.append(subject.y, 0)
    with only_user_warnings(name):
        model = subject.fit(with_empty, targets)
    case = f"{name} fitted to a sparse matrix with an empty sample"
    with only_user_warnings(case) as texts:
        model.transform(sparse.csr_array(new))
    assert_warned(texts, "no nonzero", 0, case)


def check_codes(name, estimator):
    """A code such as -999 in a column is named once, also if it appears later."""
    subject = Subject(estimator)
    rng = np.random.RandomState(0)
    X = subject.X.copy()
    X[rng.permutation(len(X))[:9], 1] = -999.0 * np.abs(X).max()
    models = {"fit": subject.new()}
    if hasattr(models["fit"], "partial_fit"):
        models["partial_fit"] = subject.new().partial_fit(subject.X, subject.y)
    for method, model in models.items():
        case = f"{name}.{method} on a column with a code in 9 samples"
        with only_user_warnings(case) as texts:
            for _ in range(2 if method == "partial_fit" else 1):
                getattr(model, method)(X, subject.y)
        assert_warned(texts, "SimpleImputer", 1, case)
        assert_warned(texts, "Column 1 .*SimpleImputer", 1, case)


def check_partial_fit_of_few_samples(name, estimator):
    """A small batch trains, or the error gives the minimum number of samples."""
    subject = Subject(estimator)
    if not hasattr(subject.new(), "partial_fit"):
        return
    for n in (1, 2, 3, 5, 8):
        case = f"{name}.partial_fit on a last batch of {n}"
        model = subject.new().partial_fit(subject.X, subject.y)
        before = state(model)
        with only_user_warnings(case):
            try:
                model.partial_fit(subject.X[:n], subject.targets(n))
            except ValueError as error:
                assert re.search(r"\d|three", str(error)), (
                    f"{case}: an error must give the minimum number: {error}"
                )
                assert_untouched(model, before, case)
                assert n < 5, f"{case} must train, but raised: {error}"
                continue
        assert_valid_fit(subject, model, subject.X[:n], case)


def check_partial_fit_in_other_units(name, estimator):
    """A part of the data in other units than the first one causes a warning."""
    subject = Subject(estimator)
    if not hasattr(subject.new(), "partial_fit"):
        return
    for kind, factor, expected in [
        ("the units of the first one", 1.0, 0),
        ("other units", 1000.0, 1),
    ]:
        model = subject.new().partial_fit(subject.X[::2], subject.targets(31))
        case = f"{name}.partial_fit on a part in {kind}"
        with only_user_warnings(case) as texts:
            model.partial_fit(factor * subject.X[1::2], subject.targets(30))
        assert_warned(texts, "units differ", expected, case)


def check_extreme_scales(name, estimator):
    """Very small and large numbers, and a large offset."""
    subject = Subject(estimator)
    for kind, X in {
        "numbers around 1e-8": subject.X * 1e-8,
        "numbers around 1e8": subject.X * 1e8,
        "an offset of a million": subject.X + 1e6,
        "numbers around 1e-30": subject.X * 1e-30,
        "numbers around 1e30": subject.X * 1e30,
    }.items():
        case = f"{name} on {kind}"
        with only_user_warnings(case):
            try:
                model = subject.fit(X)
            except ValueError as error:
                # near the limits of float32, an error about X is fine
                if kind.endswith("30") and re.search(r"\bX\b", str(error)):
                    continue
                raise
        assert_valid_fit(subject, model, X, case)
        assert model.embedding_.std(axis=0).max() > 0, f"{case} must separate samples."
