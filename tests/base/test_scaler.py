# SPDX-License-Identifier: BSD-3-Clause


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
    make_friedman2,
)
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors

from skmanifold.base._scaler import InputScaler, empty_samples
from skmanifold.base._units import columns_in_unrelated_units
from skmanifold.datasets import make_s_curve, make_sphere


def all_rows(X, **options):
    return InputScaler(**options).fit(X).transform(X)


def test_scaled_columns_have_mean_zero_and_mean_variance_one(digits):
    rows = all_rows(digits[0])
    varies = digits[0].std(axis=0) > 0
    assert rows.dtype == np.float32
    assert_allclose(rows.mean(axis=0), 0, atol=1e-5)
    assert rows[:, varies].var(axis=0).mean() == pytest.approx(1, rel=1e-5)


def test_comparable_columns_keep_their_proportions():
    X = np.random.RandomState(0).randn(500, 4) * [1.0, 1.2, 1.5, 1.9]
    rows = all_rows(X)
    assert_allclose(
        rows.std(axis=0) / rows.std(axis=0)[0],
        X.std(axis=0) / X.std(axis=0)[0],
        rtol=1e-5,
    )


def neighbor_purity(rows, y):
    neighbors = NearestNeighbors(n_neighbors=10).fit(rows).kneighbors()[1]
    return np.mean(y[neighbors] == y[:, None])


def test_one_column_ten_thousand_times_larger_does_no_harm(digits):
    X, y = digits
    damaged = X.copy()
    damaged[:, 20] *= 1e4
    clean = neighbor_purity(all_rows(X), y)
    assert neighbor_purity(all_rows(damaged), y) > clean - 0.01
    assert neighbor_purity(damaged, y) < clean - 0.15, "what it protects from"


@pytest.mark.parametrize("n_features", [2, 3, 4])
def test_few_columns_are_protected_too(n_features):
    X = np.random.RandomState(0).randn(200, n_features)
    X[:, 0] *= 1e4
    spread = all_rows(X).std(axis=0)
    assert spread[0] < 2.1 * spread[1]


@pytest.mark.parametrize("load", [load_wine, load_breast_cancer])
def test_unrelated_units_are_scaled_away(load):
    """On tables of measurements, as good as standardizing each column."""
    X, y = load(return_X_y=True)
    standardized = neighbor_purity((X - X.mean(axis=0)) / X.std(axis=0), y)
    assert neighbor_purity(all_rows(X), y) > standardized - 0.01
    assert neighbor_purity(X, y) < standardized - 0.03, "scaling is needed"


def incomes(n_samples=200):
    rng = np.random.RandomState(0)
    return np.column_stack([rng.rand(n_samples) * 9e4, rng.rand(n_samples) * 0.1])


@pytest.mark.parametrize(
    "X, result",
    [
        (incomes(), (0, 1)),
        (incomes().astype(np.float32), (0, 1)),
        (sparse.csr_array(incomes()), (0, 1)),
        (load_wine().data, (12, 7)),
        (load_breast_cancer().data, (23, 19)),
        (make_friedman2(300, random_state=0)[0], (1, 2)),
    ],
    ids=["incomes", "float32", "sparse", "wine", "cancer", "friedman2"],
)
def test_columns_in_unrelated_units_are_found(X, result):
    assert columns_in_unrelated_units(X, 0) == result


def legitimate():
    rng = np.random.RandomState(0)
    yield "digits", load_digits().data
    yield "iris", load_iris().data
    yield "centered", load_diabetes().data
    yield "a centered table", load_wine().data - load_wine().data.mean(axis=0)
    yield "coordinates", make_s_curve(300, random_state=0).data + 1e4
    yield "sphere", make_sphere(300, random_state=0).data
    yield "counts", rng.poisson([0.01, 1.0, 1e4, 1e5], (300, 4))
    yield "noise", rng.randn(300, 5) * [1.0, 1.0, 1e-4, 1e-4, 1e-4]
    yield "heavy tails", np.abs(rng.standard_t(2, (300, 30)))
    yield "outliers", rng.standard_cauchy((30, 20)) + 1e5
    yield "many columns", rng.rand(300, 200) * np.logspace(0, 6, 200)
    yield "few rows", incomes(10)
    yield "a constant", np.column_stack([rng.rand(100) * 9e4, np.full(100, 0.1)])
    shares = rng.dirichlet([30.0, 1.0, 1e-2], 300)
    yield "shares", shares
    yield "shares, float32", shares.astype(np.float32)
    yield "percentages", 100 * shares
    yield "rates", rng.rand(300, 2) * [1.0, 1e-5]
    yield "a huge constant", np.column_stack([rng.rand(100), np.full(100, 1e200)])
    yield "one column", incomes()[:, :1]


@pytest.mark.parametrize(
    "kind, X", list(legitimate()), ids=[kind for kind, _ in legitimate()]
)
def test_columns_in_one_unit_are_not_reported(kind, X):
    assert columns_in_unrelated_units(X, 0) is None


def test_rare_pixels_are_on_the_same_scale(digits):
    X, _ = digits
    varies = X.std(axis=0) > 0
    # ... though their standard deviations are not
    low, high = np.quantile(X.std(axis=0)[varies], [0.1, 0.9])
    assert high > 20 * low
    rows = all_rows(X)
    small = varies & (X.std(axis=0) < 2 * np.quantile(X.std(axis=0)[varies], 0.75))
    ratio = rows[:, small].std(axis=0) / X[:, small].std(axis=0)
    assert_allclose(ratio, ratio[0], rtol=1e-4)


def test_principal_components_keep_their_proportions(digits):
    X = PCA().fit_transform(digits[0])[:, :60]
    assert X.std(axis=0)[5] > 10 * X.std(axis=0)[-6]
    ratio = all_rows(X).std(axis=0) / X.std(axis=0)
    assert_allclose(ratio[5:], ratio[-1], rtol=1e-4)


def test_units_are_read_off_a_sample():
    rng = np.random.RandomState(0)
    measured = rng.rand(5000, 3) * [1, 1e3, 1e-3]
    X = np.column_stack([measured, rng.rand(5000) > 0.99])
    # the last column is an indicator that is mostly one value
    rows, sparse_rows = all_rows(X, random_state=0), sparse.csr_array(X)
    spread = rows[:, 0].std() / rows[:, 1].std()
    assert spread == pytest.approx(1, rel=0.05)
    assert rows[:, 3].std() < 0.4 * rows[:, 0].std()
    again = InputScaler(random_state=0).fit(sparse_rows).transform(sparse_rows)
    assert np.array_equal(rows, again)


@pytest.mark.parametrize("rare", [20, 60])
def test_columns_constant_in_the_subset_are_ignored(rare):
    """For example the outermost pixels of images."""
    rng = np.random.RandomState(0)
    X = np.zeros((8000, 100))
    X[:, rare:] = rng.rand(8000, 100 - rare) * 255
    X[rng.randint(8000, size=rare), np.arange(rare)] = 200.0
    factor = InputScaler(random_state=0).fit(X).factor_
    assert_allclose(factor, factor[0])
    # beside columns in unrelated units they are not blown up to the size of these
    X[:, rare:] *= 10.0 ** np.arange(100 - rare)[np.newaxis] / 1e3
    rows = all_rows(X, random_state=0)
    assert rows[:, :rare].std(axis=0).max() < 0.5 * rows[:, rare:].std(axis=0).min()


def test_constant_columns_are_ignored():
    X = np.random.RandomState(0).randn(50, 3)
    with_constants = np.column_stack([X, np.full(50, 0.1), np.full(50, 1e9)])
    learned = InputScaler().fit(with_constants)
    assert_allclose(learned.transform(with_constants)[:, :3], all_rows(X), rtol=1e-6)
    assert np.array_equal(
        learned.transform(with_constants + 5)[:, 3:], np.zeros((50, 2))
    )


def test_equal_samples_are_scaled_to_zero():
    assert np.array_equal(all_rows(np.full((7, 3), 5.0), n_reduced=2), np.zeros((7, 3)))


@pytest.mark.parametrize("scale", [1e-8, 1e8])
@pytest.mark.parametrize("offset", [0, 1e6])
def test_units_do_not_matter(scale, offset):
    X = np.random.RandomState(0).randn(300, 5)
    assert_allclose(all_rows((X + offset) * scale), all_rows(X), rtol=1e-4, atol=1e-5)


def test_statistics_do_not_depend_on_an_outlying_first_row():
    X = np.random.RandomState(0).randn(2000, 2)
    X[0] = 1e6
    learned = InputScaler().fit(X)
    assert_allclose(learned.center_, X[1:].mean(axis=0), rtol=1e-9)


def test_sparse_samples_are_scaled_as_dense_ones():
    X = np.random.RandomState(0).poisson(0.3, (1200, 80)).astype(float)
    dense, csr = (InputScaler(n_reduced=5).fit(M) for M in (X, sparse.csr_array(X)))
    assert np.array_equal(
        dense.transform(X[3:9]), csr.transform(sparse.csr_array(X)[3:9])
    )
    assert np.array_equal(dense.basis_, csr.basis_)


def test_basis_is_that_of_pca(digits):
    learned = InputScaler(n_reduced=10, random_state=0).fit(digits[0])
    rows = learned.transform(digits[0])
    ours = rows @ learned.basis_.T
    theirs = PCA(10).fit_transform(rows.astype(np.float64))
    correlation = [abs(np.corrcoef(ours[:, i], theirs[:, i])[0, 1]) for i in range(10)]
    assert min(correlation) > 0.999
    assert ours.var(axis=0).mean() == pytest.approx(1, rel=1e-2)
    # no whitening: the components keep their proportions
    ratio = ours.std(axis=0) / theirs.std(axis=0)
    assert_allclose(ratio, ratio[0], rtol=1e-2)


def test_components_that_do_not_stand_out_are_left_out():
    rng = np.random.RandomState(0)
    noise = rng.randn(60, 1000)
    X = noise + rng.randn(60, 4) @ rng.randn(4, 1000)

    def n_components(X, n_least):
        options = {"n_reduced": 20, "n_least": n_least, "random_state": 0}
        return len(InputScaler(**options).fit(X).basis_)

    n_least = [None, 2, 7, 30]
    assert [n_components(X, n) for n in n_least] == [20, 4, 7, 20]
    assert [n_components(noise, n) for n in n_least] == [20, 2, 7, 20]
    kept = InputScaler(n_reduced=20, n_least=2, random_state=0).fit(X)
    all_of_them = InputScaler(n_reduced=20, random_state=0).fit(X)
    rows = kept.transform(X) @ kept.basis_.T
    assert rows.var(axis=0).mean() == pytest.approx(1, rel=0.05)
    assert_allclose(
        kept.basis_ * kept.spread_, all_of_them.basis_[:4] * all_of_them.spread_, 1e-5
    )


def test_the_basis_of_a_sample_spans_that_of_all(digits, monkeypatch):
    X = np.repeat(digits[0], 3, axis=0)
    monkeypatch.setattr("skmanifold.base._scaler._PCA_SAMPLE_SIZE", 64 * 2000)
    a, b, c = (InputScaler(n_reduced=5, random_state=s).fit(X) for s in (0, 0, 1))
    assert np.array_equal(a.basis_, b.basis_)
    assert not np.array_equal(a.basis_, c.basis_)
    # near-equal eigenvalues let the axes rotate: what must agree is the subspace
    units = [m.basis_ / np.linalg.norm(m.basis_, axis=1, keepdims=True) for m in (a, c)]
    cosines = np.linalg.svd(units[0] @ units[1].T, compute_uv=False)
    assert cosines.min() > 0.95


def levels(n_samples, n_features, decades=3.0, seed=0):
    """Return log-normal columns whose levels span some decades, like those of genes."""
    rng = np.random.RandomState(seed)
    level = rng.permutation(np.linspace(0, decades, n_features))
    return 10 ** (level + 0.2 * rng.randn(n_samples, n_features))


def test_levels_of_very_many_columns_are_one_scale():
    X = levels(40, 1200)
    assert InputScaler().fit(X).largest_ is not None
    # the same spreads with a gap between them: two kinds of columns
    apart = X.copy()
    apart[:, X.mean(axis=0) > np.median(X)] *= 30
    assert InputScaler().fit(apart).largest_ is None
    # not so few samples, not so many columns: a table
    assert InputScaler().fit(levels(200, 1200)).largest_ is None
    assert InputScaler().fit(levels(20, 450)).largest_ is None
    # farther apart than one quantity ever is
    assert InputScaler().fit(levels(40, 1200, decades=8)).largest_ is None


def test_there_are_fewer_components_than_samples_and_columns():
    X = np.random.RandomState(0).randn(6, 100)
    assert len(InputScaler(n_reduced=50).fit(X).basis_) == 5
    assert InputScaler(n_reduced=50).fit(X[:, :1]).basis_ is None


def test_an_overflow_in_fit_is_an_error():
    X = np.array([[1e200, 1.0], [-1e200, 2.0]])
    with pytest.raises(ValueError, match="variance of column 0 overflows"):
        InputScaler().fit(X)


def test_an_overflow_in_transform_is_an_error():
    X = np.random.RandomState(0).randn(20, 2)
    learned = InputScaler().fit(X)
    X[3, 1] = 1e300
    with pytest.raises(ValueError, match="too large for float32 after scaling"):
        learned.transform(X)


# Further samples ----------------------------------------------------------------


@pytest.mark.parametrize("spread", [1.0, 1e4])
@pytest.mark.parametrize("n_reduced", [None, 5])
def test_a_column_counts_once_it_varies(spread, n_reduced):
    rng = np.random.RandomState(0)
    X = rng.randn(400, 8) * np.linspace(1, spread, 8)
    late = rng.rand(400) < 0.3
    X[:, 2] = np.where((np.arange(400) >= 200) & late, 2 + rng.rand(400), 0.0)
    learned = InputScaler(n_reduced=n_reduced, random_state=0).fit(X[:200])
    assert learned.factor_[2] == 0
    before = learned.transform(X[:200])
    learned.partial_fit(X[200:])
    whole = InputScaler(random_state=0).fit(X)
    assert 0.5 < learned.factor_[2] / whole.factor_[2] < 2
    assert np.array_equal(learned.transform(X[:200]), before)
    if n_reduced is not None:
        length = np.linalg.norm(learned.basis_[:, 2]) * learned.spread_
        assert length == pytest.approx(1, rel=1e-5)


def test_columns_may_all_be_constant_in_the_first_part():
    X = np.random.RandomState(0).randn(50, 3)
    learned = InputScaler(n_reduced=2).fit(np.ones((20, 3))).partial_fit(X)
    assert learned.basis_ is None
    assert np.array_equal(learned.transform(X), all_rows(X))


# Kinds of columns ---------------------------------------------------------------


def test_indicators_beside_measurements_count_less():
    rng = np.random.RandomState(0)
    measured = rng.randn(300, 4)
    categories = np.eye(3)[rng.randint(3, size=300)]
    X = np.column_stack([measured, categories])
    for same in (X, X * np.array([1e3, 1, 1e-3, 1, 1, 1, 1])):
        spread = all_rows(same).std(axis=0)
        assert_allclose(spread[4:] / spread[3], 0.3 * categories.std(axis=0), rtol=0.1)
    for other in (
        categories,
        (rng.rand(300, 64) < 0.3).astype(float),
        np.column_stack([rng.poisson(0.5, (300, 40)), categories]),
        np.column_stack([rng.randint(0, 17, (300, 40)), categories * 1.0]),
    ):
        rows = all_rows(other)
        ratio = rows.std(axis=0) / other.std(axis=0)
        assert_allclose(ratio[-3:], ratio.max(), rtol=1e-5)


@pytest.mark.parametrize("n_kinds", [2, 15, 40])
@pytest.mark.parametrize("units", [np.ones(5), 10.0 ** np.arange(-2, 3)])
def test_the_weight_of_a_category_does_not_depend_on_its_kinds(n_kinds, units):
    rng = np.random.RandomState(0)
    measured = rng.randn(1400, 5) * units
    kinds = np.eye(n_kinds)[rng.randint(n_kinds, size=1400)]
    factor = InputScaler(random_state=0).fit(np.hstack([measured, kinds])).factor_
    spread = factor[:5] * units
    assert_allclose(spread, spread.mean(), rtol=0.1)
    step = 0.3 * np.sqrt(5 / 4)
    assert_allclose(factor[5:] / spread.mean(), step, rtol=0.1)


LEVELS = {
    "discount": [0, 5, 10, 20],
    "share": [0, 0.05, 0.1, 0.2],
    "rating": [1, 2, 3, 4, 5],
    "flag": [0, 100],
    "sign": [-1, 1],
}


@pytest.mark.parametrize("kind", LEVELS)
@pytest.mark.parametrize("units", [np.ones(4), 10.0 ** np.arange(-2, 2)])
def test_few_levels_beside_measurements_count_less(kind, units):
    rng = np.random.RandomState(0)
    measured = rng.randn(500, 4) * units
    levels = rng.choice(LEVELS[kind], (500, 4)).astype(float)
    factor = InputScaler().fit(np.hstack([measured, levels])).factor_
    step = np.median(np.diff(LEVELS[kind])) / (0.3 if len(LEVELS[kind]) == 2 else 0.6)
    spread = factor[:4] * units
    assert_allclose(spread, spread.mean(), rtol=0.1)
    assert_allclose(factor[4:] * step / spread.mean(), 1, rtol=0.1)


def test_ratings_beside_many_measurements_keep_their_groups():
    rng = np.random.RandomState(0)
    y = rng.randint(4, size=400)
    ratings = np.clip(
        np.round(3 + 0.7 * rng.randn(4, 60)[y] + rng.randn(400, 60)), 1, 5
    )
    rows = all_rows(np.hstack([rng.randn(400, 60), ratings]))
    assert neighbor_purity(rows, y) > 0.8


@pytest.mark.parametrize("n_categories, share", [(2, 0.3), (3, 0.47), (6, 1.0)])
def test_levels_that_outnumber_measurements_count_more(n_categories, share):
    rng = np.random.RandomState(0)
    kinds = rng.randint(6, size=(1000, n_categories)).T
    categories = np.hstack([np.eye(6)[kind] for kind in kinds])
    units = np.array([1.0, 20.0, 300.0, 0.1])
    X = np.hstack([rng.randn(1000, 4) * units, categories])
    factor = InputScaler().fit(X).factor_
    spread = np.mean(factor[:4] * units)
    assert_allclose(factor[4:] / spread, share, rtol=0.1)


def test_many_categories_beside_few_measurements_keep_their_groups():
    rng = np.random.RandomState(0)
    y = rng.randint(6, size=500)
    kinds = (y[:, np.newaxis] + np.arange(5)) % 6
    kinds = np.where(rng.rand(500, 5) < 0.6, kinds, rng.randint(6, size=(500, 5)))
    categories = np.hstack([np.eye(6)[kind] for kind in kinds.T])
    rows = all_rows(np.hstack([rng.randn(500, 4) * [1, 20, 300, 0.1], categories]))
    assert neighbor_purity(rows, y) > 0.7


def test_whole_numbers_beside_decimals_are_in_their_own_units():
    rng = np.random.RandomState(0)
    measured = rng.randn(500, 4) * [1.0, 2.0, 2.0, 3.0]
    days, months = rng.randint(1, 32, 500), rng.randint(1, 13, 500)
    spread = all_rows(np.column_stack([measured, days, months])).std(axis=0)
    assert_allclose(spread[:4] / spread[0], measured.std(axis=0), rtol=0.1)
    # of the columns that vary less
    assert_allclose(spread[4:], spread[0], rtol=0.1)


def test_a_sensor_of_whole_numbers_keeps_its_proportion():
    rng = np.random.RandomState(0)
    X = 20 + rng.randn(500, 6) * [2.0, 3.0, 4.0, 5.0, 6.0, 7.0]
    X[:, 3] = np.round(X[:, 3])
    factor = InputScaler().fit(X).factor_
    assert_allclose(factor, factor[0], rtol=1e-5)


def questionnaire(rng):
    answers = rng.randn(400, 3) @ rng.randn(3, 20) + rng.randn(400, 20)
    return np.clip(np.round(3 + 0.5 * answers), 1, 5)


@pytest.mark.parametrize("also", ["nothing", "measurements"])
@pytest.mark.parametrize("kind", ["questionnaire", "pixels", "counts", "words"])
def test_levels_that_are_the_data_keep_their_proportions(kind, also, digits):
    rng = np.random.RandomState(0)
    X = {
        "questionnaire": questionnaire(rng),
        "pixels": digits[0][:400],
        "counts": rng.poisson(rng.rand(5)[rng.randint(5, size=(400, 40))]),
        "words": rng.poisson(0.05, (400, 300)) * rng.rand(300),
    }[kind]
    if also == "measurements":
        X = np.hstack([X, X.std() * rng.randn(400, 2)])
    varies = X.std(axis=0) > 0
    largest = 2 * np.quantile(X.std(axis=0)[varies], 0.75, method="lower")
    factor = InputScaler().fit(X).factor_ * np.maximum(1, X.std(axis=0) / largest)
    assert_allclose(factor[varies], factor.max(), rtol=1e-5)


def test_levels_without_meaning_do_not_hide_groups():
    X, y = load_iris(return_X_y=True)
    rng = np.random.RandomState(0)
    columns = [rng.choice(LEVELS[kind], 150) for kind in ("rating", "discount")]
    table = np.column_stack([X, *columns, rng.randint(7, size=150)])
    standardized = (table - table.mean(axis=0)) / table.std(axis=0)
    assert neighbor_purity(all_rows(table), y) > neighbor_purity(X, y) - 0.05
    assert neighbor_purity(standardized, y) < 0.85, "standardizing does harm"


@pytest.mark.parametrize("n_features, divides", [(40, True), (3000, False)])
def test_spread_of_thousands_of_columns_is_no_unit(n_features, divides):
    rng = np.random.RandomState(0)
    X = 7 + rng.randn(50, n_features) * rng.lognormal(0, 1.3, n_features)
    factor = InputScaler().fit(X).factor_
    small = X.std(axis=0) < np.quantile(X.std(axis=0), 0.7)
    assert (np.ptp(factor[small]) > factor[small].min()) == divides


@pytest.mark.parametrize("stored", [[1.0, -1.0, 2.0], [0.0, -1.0, 2.0]])
def test_samples_without_a_nonzero_value(stored):
    """Also if zeros are stored."""
    X = sparse.csr_array((stored, ([0, 2, 2], [1, 0, 2])), shape=(4, 3))
    expected = np.flatnonzero(~X.toarray().any(axis=1))
    assert_array_equal(empty_samples(X), expected)
