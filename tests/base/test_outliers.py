# SPDX-License-Identifier: BSD-3-Clause

"""Outliers and codes in the data, and samples beyond the range of a fit."""

import copy

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.datasets import (
    load_breast_cancer,
    load_diabetes,
    load_digits,
    load_iris,
    load_wine,
)
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    RobustScaler,
    StandardScaler,
)

from skmanifold.base._outliers import Codes, ranges
from skmanifold.base._scaler import Deviations, InputScaler
from tests.base.test_scaler import all_rows, neighbor_purity


@pytest.mark.parametrize("shape", [(1, 1), (1, 2000), (5, 700), (700, 3), (1023, 1)])
def test_ranges_are_the_extremes_of_each_column(shape):
    X = np.random.RandomState(0).randn(*shape)
    low, high = ranges(X)
    assert np.array_equal(low, X.min(axis=0)) and np.array_equal(high, X.max(axis=0))
    X[-1, 0] = np.nan
    assert all(np.isnan(end[0]) for end in ranges(X))


def corrupted(X, kind):
    """Yield X with one wrong sample, or 1 % of them, and their indices."""
    X = X.astype(float)
    few = np.arange(7, 7 + max(1, len(X) // 100))
    if kind == "other units":
        few = few[:1]
        X[few] = X[few] * 1000 + 500
    elif kind == "all columns":
        X[few] = -9999
    elif kind == "one column":
        X[few, np.argmax(X.std(axis=0))] = 1e6
    elif kind == "sizes apart":
        X[few] = 10.0 ** np.linspace(4, 9, len(few))[:, np.newaxis]
    return X, few


KINDS = ["other units", "all columns", "one column", "sizes apart"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("load", [load_digits, load_wine, load_iris])
@pytest.mark.parametrize("column_scaling", [True, False])
def test_outliers_are_left_out(load, kind, column_scaling):
    X, outliers = corrupted(load().data, kind)
    kept = np.setdiff1d(np.arange(len(X)), outliers)
    options = {"column_scaling": column_scaling, "random_state": 0}
    learned, clean = (InputScaler(**options).fit(A) for A in (X, X[kept]))
    assert np.array_equal(learned.outliers_[:, 0], outliers)
    assert_allclose(learned.center_, clean.center_, rtol=1e-9, atol=1e-9)
    # units of many samples come from a subset, here a different one
    rtol = 1e-9 if len(X) < 1000 else 0.05
    assert_allclose(learned.factor_, clean.factor_, rtol=rtol)
    # transformed outliers are as near as the others
    norms = np.linalg.norm(learned.transform(X), axis=1)
    assert norms[outliers].max() <= 1.5 * learned.radius_
    assert norms[kept].max() <= learned.radius_ * (1 + 1e-6)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("before", [StandardScaler, RobustScaler, MinMaxScaler])
@pytest.mark.parametrize("load", [load_wine, load_iris])
def test_a_preceding_scaler_does_no_harm(load, before, kind):
    data, y = load(return_X_y=True)
    X, outliers = corrupted(data, kind)
    kept = np.setdiff1d(np.arange(len(X)), outliers)
    clean = before().fit_transform(data[kept])
    rows = all_rows(before().fit_transform(X), random_state=0)[kept]
    expected = neighbor_purity(all_rows(clean, random_state=0), y[kept])
    assert neighbor_purity(rows, y[kept]) > expected - 0.02


@pytest.mark.parametrize(
    "before",
    [FunctionTransformer, StandardScaler, RobustScaler, MinMaxScaler, MaxAbsScaler],
)
@pytest.mark.parametrize("load", [load_wine, load_breast_cancer, load_digits])
def test_a_sample_multiplied_by_ten_does_not_determine_units(load, before):
    data, y = load(return_X_y=True)
    X = data.copy()
    X[40] *= 10
    learned = InputScaler(random_state=0).fit(before().fit_transform(X))
    assert learned.outliers_[:, 0].tolist() == [40]
    kept = np.delete(np.arange(len(X)), 40)
    clean = InputScaler(random_state=0).fit(before().fit_transform(data[kept]))
    rows = learned.transform(before().fit_transform(X))[kept]
    expected = clean.transform(before().fit_transform(data[kept]))
    assert neighbor_purity(rows, y[kept]) > neighbor_purity(expected, y[kept]) - 0.02


def test_columns_that_vary_in_outliers_alone_make_no_others_outliers(digits):
    X = digits[0].copy()
    X[1000] *= 30
    learned = InputScaler(random_state=0).fit(StandardScaler().fit_transform(X))
    assert learned.outliers_[:, 0].tolist() == [1000]


def test_samples_that_fit_has_named_are_known():
    X = np.random.RandomState(0).randn(200, 5)
    X[3], X[70] = 1e4, 2e4
    learned = InputScaler().fit(X)
    new = np.vstack([X[:5] * [[1], [1], [1], [1], [1e5]], X[70:71]])
    for rows in (new, sparse.csr_array(new), new.astype(np.float32)):
        assert learned.are_named(rows, [3, 4, 5]).tolist() == [True, False, True]
    learned.partial_fit(X[:60])
    assert learned.are_named(X, [3, 70]).tolist() == [True, False]


@pytest.mark.parametrize("before", [StandardScaler, MinMaxScaler])
def test_outliers_of_different_sizes_are_found_behind_a_scaler(digits, before):
    """The largest must not hide the others."""
    X = digits[0].astype(np.float64)
    rng = np.random.RandomState(0)
    outliers = np.sort(rng.choice(len(X), len(X) // 100, replace=False))
    X[outliers] *= 10.0 ** rng.uniform(0.7, 3.0, size=(len(outliers), 1))
    learned = InputScaler(random_state=0).fit(before().fit_transform(X))
    assert learned.outliers_[:, 0].tolist() == outliers.tolist()


@pytest.mark.parametrize("before", [StandardScaler, MinMaxScaler, MaxAbsScaler])
def test_heavy_tails_are_ordinary_behind_scalers(before):
    rng = np.random.RandomState(0)
    normal = rng.randn(300, 5)
    for X in (
        rng.lognormal(0, 1.5, (300, 8)),
        np.hstack([rng.lognormal(0, 2, (300, 3)), normal]),
        np.hstack([rng.pareto(1.5, (300, 3)), normal]),
        np.hstack([np.eye(6)[rng.randint(6, size=300)], normal]),
        rng.lognormal(0, 1, (300, 1)) * rng.lognormal(0, 0.3, (300, 12)),
    ):
        assert (
            len(InputScaler(random_state=0).fit(before().fit_transform(X)).outliers_)
            == 0
        )


@pytest.mark.parametrize("n_samples", [60, 300, 3000])
def test_heavy_tails_are_ordinary(n_samples):
    rng = np.random.RandomState(0)
    shape = n_samples, 12
    for X in (
        rng.lognormal(0, 2, shape),
        rng.pareto(1.5, shape),
        rng.standard_t(3, shape),
        rng.poisson(rng.lognormal(-1, 1.5, shape)),
        np.where(rng.rand(*shape) < 0.9, 0.0, rng.lognormal(7, 1.5, shape)),
        rng.rand(*shape) < 0.02,
        sparse.csr_array(rng.poisson(rng.lognormal(-4, 1.2, 400), (n_samples, 400))),
    ):
        assert len(InputScaler(random_state=0).fit(X).outliers_) == 0


def test_many_far_samples_belong_to_the_data():
    X = np.random.RandomState(0).randn(200, 3)
    X[:40] += 1e4
    learned = InputScaler().fit(X)
    assert len(learned.outliers_) == 0
    assert_allclose(learned.center_, X.mean(axis=0), rtol=1e-9)


def test_outliers_are_found_in_sparse_matrices_and_any_layout():
    X = np.random.RandomState(0).poisson(0.3, (1300, 70)).astype(float)
    X[5] = 1e6
    learned = InputScaler(n_reduced=5, random_state=0).fit(X)
    assert learned.outliers_[:, 0].tolist() == [5]
    for same in (sparse.csr_array(X), np.asfortranarray(X)):
        other = InputScaler(n_reduced=5, random_state=0).fit(same)
        assert np.array_equal(other.outliers_, learned.outliers_)
        assert np.array_equal(other.basis_, learned.basis_)
        assert np.array_equal(other.transform(same), learned.transform(X))


def deviations(fitted, X):
    """Return the features of new samples that the training data lack."""
    result = Deviations()
    fitted.transform(X, deviations=result)
    return result


def outliers_among(fitted, X):
    """Return the outliers among new samples."""
    return [row for row, _ in deviations(fitted, X).samples]


@pytest.mark.parametrize("before", [FunctionTransformer, StandardScaler, RobustScaler])
@pytest.mark.parametrize("load", [load_wine, load_iris, load_digits, load_diabetes])
def test_new_outliers_are_found(load, before):
    X = load().data[np.random.RandomState(0).permutation(len(load().data))]
    half, new = np.array_split(X, 2)
    scaler = before().fit(half)
    fitted = InputScaler(random_state=0).fit(scaler.transform(half))
    assert outliers_among(fitted, scaler.transform(new)) == []
    new[5] *= 100
    new[-3] = -9999
    expected = [5, len(new) - 3]
    assert outliers_among(fitted, scaler.transform(new)) == expected
    assert outliers_among(fitted, sparse.csr_array(scaler.transform(new))) == expected


def test_an_outlying_column_of_new_samples_is_named():
    rng = np.random.RandomState(0)
    fitted = InputScaler().fit(rng.randn(300, 4))
    new = rng.randn(1200, 4)
    new[700, 2] = 1e6
    assert deviations(fitted, new).samples == [(700, 2)]


@pytest.mark.parametrize("n_samples", [60, 300, 1500])
@pytest.mark.parametrize("before", [FunctionTransformer, StandardScaler, MinMaxScaler])
def test_new_samples_of_heavy_tails_are_ordinary(before, n_samples):
    shape = n_samples, 20
    sizes = np.linspace(0.2, 2, 20)
    for draw in (
        lambda rng: rng.lognormal(0, 2, shape),
        lambda rng: rng.lognormal(0, sizes, shape),
        lambda rng: rng.pareto(1.5, shape),
        lambda rng: rng.standard_t(3, shape),
        lambda rng: rng.poisson(rng.lognormal(-1, 1.5, shape)),
        lambda rng: np.where(rng.rand(*shape) < 0.9, 0.0, rng.lognormal(7, 1.5, shape)),
        lambda rng: rng.rand(*shape) < 0.02,
        lambda rng: rng.lognormal(0, 1, (n_samples, 1)) * rng.lognormal(0, 0.3, shape),
    ):
        rng = np.random.RandomState(0)
        scaler = before().fit(draw(rng))
        fitted = InputScaler(random_state=0)
        fitted.fit(scaler.transform(draw(np.random.RandomState(0))))
        for _ in range(3):
            assert outliers_among(fitted, scaler.transform(draw(rng))) == []


@pytest.mark.parametrize("before", [FunctionTransformer, StandardScaler, RobustScaler])
def test_a_class_that_was_held_out_is_ordinary(digits, before):
    X, y = digits
    for c in range(10):
        scaler = before().fit(X[y != c])
        fitted = InputScaler(random_state=0).fit(scaler.transform(X[y != c]))
        assert outliers_among(fitted, scaler.transform(X[y == c])) == []


def test_the_basis_ignores_outliers(digits):
    X = digits[0].copy()
    X[3] = 1e6
    options = {"n_reduced": 10, "random_state": 0}
    with_outliers, without = (
        InputScaler(**options).fit(A).basis_ for A in (X, np.delete(X, 3, axis=0))
    )
    units = [
        b / np.linalg.norm(b, axis=1, keepdims=True) for b in (with_outliers, without)
    ]
    assert np.linalg.svd(units[0] @ units[1].T, compute_uv=False).min() > 0.99


def test_far_samples_keep_their_order_and_their_bits():
    X = np.random.RandomState(0).randn(300, 4)
    learned = InputScaler().fit(X)
    far = X[:40] * np.logspace(0, 8, 40)[:, np.newaxis]
    whole = learned.transform(far)
    assert np.linalg.norm(whole, axis=1).max() <= 1.5 * learned.radius_
    for i in (0, 17, 39):
        assert np.array_equal(learned.transform(far[i : i + 1])[0], whole[i])
    line = np.zeros((50, 4))
    line[:, 0] = np.linspace(-40, 40, 50)
    assert (np.diff(learned.transform(line)[:, 0]) > 0).all()
    # values within the range of fit are not compressed
    expected = (X - learned.center_) * learned.factor_
    assert np.array_equal(learned.transform(X), expected.astype(np.float32))


def test_bounds_widen_but_not_for_outliers():
    rng = np.random.RandomState(0)
    learned = InputScaler().fit(rng.randn(100, 3))
    far = rng.randn(100, 3) + 20
    learned.partial_fit(far)
    assert len(learned.outliers_) == 0
    expected = (far - learned.center_) * learned.factor_
    assert np.array_equal(learned.transform(far), expected.astype(np.float32))
    high, radius = learned.high_, learned.radius_
    part = rng.randn(5, 3)
    part[1] = 1e6
    learned.partial_fit(part)
    assert learned.outliers_[:, 0].tolist() == [1]
    assert np.array_equal(learned.high_, high) and learned.radius_ == radius


def test_columns_that_vary_later_are_named():
    rng = np.random.RandomState(0)
    X = np.column_stack([rng.randn(100, 3), np.full((100, 2), 7.0)])
    learned = InputScaler().fit(X)
    assert deviations(learned, X).columns == set()
    new = X.copy()
    new[3, 4] = 9.0
    assert deviations(learned, new).columns == {4}
    assert deviations(learned, sparse.csr_array(new)).columns == {4}
    new[3, 4] = 7.0 + 1e-9  # by rounding
    assert deviations(learned, new).columns == set()


def test_single_pixels_at_the_border_say_little(digits):
    X = digits[0].copy()
    X[:, [0, 24, 32, 39, 56]] = 0
    learned = InputScaler().fit(X)
    X[5, 24] = 8.0
    assert deviations(learned, X).columns == set()
    X[5, [0, 24, 32, 39, 56]] = 12.0
    assert deviations(learned, X).columns == {0, 24, 32, 39, 56}


CODES = {"missing": [-999.0], "two": [-999.0, -990.0], "above": [9999.0]}


def with_codes(kind="missing", units=1.0):
    """Return groups, the same with codes in 5 % of each column, and where they are."""
    rng = np.random.RandomState(0)
    X = (4 * rng.randn(5, 8)[rng.randint(5, size=500)] + rng.randn(500, 8)) * units
    gaps = rng.rand(*X.shape) < 0.05
    codes = np.max(units) * rng.choice(CODES[kind], X.shape)
    return X, np.where(gaps, codes, X), gaps


@pytest.mark.parametrize("kind", CODES)
@pytest.mark.parametrize("units", [1.0, 10.0 ** np.arange(-3, 5)])
def test_codes_do_not_hide_the_other_values(kind, units):
    clean, X, gaps = with_codes(kind, units)
    scaler = InputScaler().fit(X)
    assert scaler.codes.columns.tolist() == list(range(8))
    inner = np.where(gaps, np.nan, X)
    ends = X.clip(np.nanmin(inner, axis=0), np.nanmax(inner, axis=0))
    ends = np.delete(ends, scaler.outliers_[:, 0], axis=0)  # samples with many codes
    assert_allclose(scaler.factor_, InputScaler().fit(ends).factor_)
    factors = scaler.factor_ / InputScaler().fit(clean).factor_
    assert factors.min() > 0.85
    assert np.ptp(scaler.transform(X), axis=0).max() < 1.6 * np.ptp(all_rows(clean))
    whole = ~gaps.any(axis=1)
    assert (X[whole].std(axis=0) < 0.1 * X.std(axis=0)).all(), "codes dominate"


@pytest.mark.parametrize("code, share", [(0.0, 0.1), (-999.0, 0.4), (999.9, 0.4)])
def test_only_codes_of_nines_are_very_frequent(code, share):
    rng = np.random.RandomState(0)
    X = np.where(rng.rand(300, 2) < share, code, 99 + rng.rand(300, 2))
    for dtype in (np.float32, np.float64):
        assert Codes.of(X.astype(dtype)).columns.tolist() == [0, 1]
    X = np.where(rng.rand(300, 2) < 0.4, code - 1, 99 + rng.rand(300, 2))
    assert Codes.of(X).columns.tolist() == []


def test_codes_of_new_samples_are_those_of_fit():
    _, X, gaps = with_codes()
    scaler = InputScaler().fit(X[:400])
    new = scaler.transform(X[400:])
    assert deviations(scaler, X).samples == []
    gap = gaps[400:, 0]
    code = scaler.transform(np.full((1, 8), -999.0))[0, 0]
    assert_array_equal(new[gap, 0], code)
    assert code < new[~gap, 0].min()
    bounds = scaler.low_.copy()
    scaler.partial_fit(X[400:])
    assert (scaler.low_ > 2 * bounds).all(), "codes do not widen the bounds"


@pytest.mark.parametrize("kind", CODES)
def test_codes_of_a_later_part_are_found(kind):
    clean, X, gaps = with_codes(kind)
    first = InputScaler().fit(clean[:200])
    scaler = copy.copy(first).partial_fit(X[200:400])
    assert scaler.codes.columns.tolist() == list(range(8))
    bounds = np.concatenate([scaler.low_, -scaler.high_])
    assert (bounds > 2 * np.concatenate([first.low_, -first.high_])).all()
    assert first.codes.columns.tolist() == [], "only a copy is changed"
    codes = scaler.transform(X[400:])[gaps[400:]]
    assert np.ptp(codes) < 2 * np.ptp(all_rows(clean))
    # a part of few distinct values within the range of those before
    part = 0.01 * clean[:200]
    part[:10] = clean[:200].max(axis=0)
    assert copy.copy(first).partial_fit(part).codes.columns.tolist() == []


def test_new_codes_in_other_columns_are_far_away():
    _, X, gaps = with_codes()
    X[:, :4][gaps[:, :4]] = 0.0
    scaler = InputScaler().fit(X)
    new = X[~gaps.any(axis=1)][:3]
    new[1, 0] = -999.0
    assert deviations(scaler, new).samples == [(1, 0)]


def test_codes_are_found_in_standardized_columns():
    _, X, gaps = with_codes()
    X[:, 4:][gaps[:, 4:]] = 0.0
    rows = all_rows((X - X.mean(axis=0)) / X.std(axis=0))
    inner = np.where(gaps, np.nan, rows)
    assert_allclose(np.nanstd(inner, axis=0), 1.0, rtol=0.3)


def test_measurements_have_no_codes():
    rng = np.random.RandomState(0)
    columns = {
        "groups": np.where(rng.rand(300) < 0.3, 100, 0) + rng.randn(300),
        "machine off": np.where(rng.rand(300) < 0.3, 0, 1500 + 20 * rng.randn(300)),
        "zero or full": np.where(rng.rand(300) < 0.4, 0, 97 + 3 * rng.rand(300)),
        "one price": np.where(rng.rand(300) < 0.4, 5000, 50 + 9 * rng.randn(300)),
        "levels": rng.choice([0, 5, 10, 500], 300),
        "counts": np.where(rng.rand(300) < 0.6, 0, rng.geometric(0.01, 300)),
        "heavy tails": rng.standard_cauchy(300),
        "one far value": np.append(rng.randn(299), 999.0),
        "constant": np.ones(300),
    }
    codes = Codes.of(np.column_stack(list(columns.values())))
    assert codes.columns.tolist() == []
    _, X, _ = with_codes()
    assert Codes.of(X[:10]).columns.tolist() == []
    scaler = InputScaler(column_scaling=False).fit(X)
    kept = np.delete(X, scaler.outliers_[:, 0], axis=0)
    rows = scaler.inverse_transform(scaler.transform(kept))
    assert_allclose(rows, kept, rtol=1e-5, atol=1e-3)  # distances are kept
