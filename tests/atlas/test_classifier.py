# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.estimator_checks import parametrize_with_checks

from skmanifold.atlas import ChartwiseClassifier


@parametrize_with_checks(
    [
        ChartwiseClassifier(),
        ChartwiseClassifier(DecisionTreeClassifier(random_state=0), voting="soft"),
        ChartwiseClassifier(LinearSVC(random_state=0)),
    ]
)
def test_scikit_learns_checks_pass(estimator, check):
    check(estimator)


def make_blocks(n=300, n_charts=4, d=2, membership="soft", seed=0):
    """Random chart blocks, and classes that depend on chart and coordinates."""
    rng = np.random.RandomState(seed)
    weights = rng.dirichlet(np.full(n_charts, 0.3), n)
    coordinates = rng.rand(n, n_charts, d)
    chart = weights.argmax(axis=1)
    if membership == "hard":
        weights = np.eye(n_charts)[chart]
    blocks = np.concatenate(
        [weights[:, :, None], weights[:, :, None] * coordinates], axis=2
    )
    y = 2 * chart + (coordinates[np.arange(n), chart, 0] > 0.5)
    return (
        blocks.reshape(n, -1),
        np.char.add("class ", y.astype(str)),
        weights,
        coordinates,
    )


def test_hard_voting_is_one_classifier_for_each_chart():
    X, y, weights, coordinates = make_blocks(membership="hard")
    model = ChartwiseClassifier(KNeighborsClassifier(3)).fit(X, y)
    assert model.n_charts_ == 4 and len(model.estimators_) == 4
    expected = np.empty_like(y)
    proba = np.zeros((len(y), 8))
    chart = weights.argmax(axis=1)
    for j in range(4):
        rows = chart == j
        reference = KNeighborsClassifier(3).fit(coordinates[rows, j], y[rows])
        expected[rows] = reference.predict(coordinates[rows, j])
        columns = np.searchsorted(model.classes_, reference.classes_)
        proba[np.ix_(rows, columns)] = reference.predict_proba(coordinates[rows, j])
    assert_array_equal(model.predict(X), expected)
    assert_allclose(model.predict_proba(X), proba)
    assert model.score(X, y) > 0.9


def test_soft_voting_weighs_all_charts():
    X, y, weights, coordinates = make_blocks()
    model = ChartwiseClassifier(voting="soft").fit(X, y)
    expected = 0.0
    for j in range(4):
        reference = LogisticRegression()
        reference.fit(coordinates[:, j], y, sample_weight=weights[:, j])
        expected = expected + weights[:, [j]] * reference.predict_proba(
            coordinates[:, j]
        )
    assert_allclose(model.predict_proba(X), expected, rtol=1e-3, atol=1e-4)
    assert_array_equal(model.predict(X), model.classes_[expected.argmax(axis=1)])


def test_hard_voting_of_soft_blocks_asks_the_largest_chart():
    X, y, *_ = make_blocks()
    hard, *_ = make_blocks(membership="hard")
    model = ChartwiseClassifier().fit(X, y)
    same = ChartwiseClassifier().fit(hard, y)
    assert_array_equal(model.predict(X), same.predict(hard))
    assert_allclose(model.predict_proba(X), same.predict_proba(hard), rtol=1e-6)


@pytest.mark.parametrize("membership", ["hard", "soft"])
@pytest.mark.parametrize("n_charts, d", [(1, 1), (1, 3), (5, 1), (16, 2), (6, 3)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_charts_are_found(membership, n_charts, d, dtype):
    X, *_ = make_blocks(60, n_charts, d, membership)
    y = np.arange(60) % 2
    X = X.astype(dtype)
    assert ChartwiseClassifier().fit(X, y).n_charts_ == n_charts


def test_what_is_no_blocks_is_one_chart():
    rng = np.random.RandomState(0)
    X, y = rng.randn(50, 6), rng.randint(2, size=50)
    model = ChartwiseClassifier().fit(X, y)
    assert model.n_charts_ == 1
    plain = LogisticRegression().fit(X, y)
    assert_allclose(model.predict_proba(X), plain.predict_proba(X))


def test_charts_may_have_no_samples_or_one_class():
    X, y, *_ = make_blocks(membership="hard")
    blocks = X.reshape(-1, 4, 3)
    y = np.where(blocks[:, 1, 0] == 1, "z", y)
    train = blocks[:, 2, 0] == 0
    model = ChartwiseClassifier().fit(X[train], y[train])
    assert model.n_charts_ == 4
    assert all(isinstance(model.estimators_[j], DummyClassifier) for j in (1, 2))
    assert set(model.predict(X[blocks[:, 1, 0] == 1])) == {"z"}
    proba = model.predict_proba(X[~train])
    shares = [(y[train] == label).mean() for label in model.classes_]
    assert_allclose(proba, np.tile(shares, (len(proba), 1)))
    assert set(model.predict(X[~train])) == {model.classes_[np.argmax(shares)]}


def test_no_probabilities_where_the_estimator_has_none():
    X, y, *_ = make_blocks()
    model = ChartwiseClassifier(LinearSVC()).fit(X, y)
    assert not hasattr(model, "predict_proba")
    assert hasattr(ChartwiseClassifier(), "predict_proba")


@pytest.mark.parametrize("estimator", [LinearSVC(), KNeighborsClassifier()])
def test_soft_voting_needs_probabilities_and_weights(estimator):
    X, y, *_ = make_blocks()
    with pytest.raises(ValueError, match="voting='soft' needs an estimator with"):
        ChartwiseClassifier(estimator, voting="soft").fit(X, y)


@pytest.mark.parametrize("name, value", [("estimator", "svm"), ("voting", "mean")])
def test_bad_parameter_is_named(name, value):
    X, y, *_ = make_blocks()
    with pytest.raises(ValueError, match=f"The '{name}' parameter of Chartwise"):
        ChartwiseClassifier(**{name: value}).fit(X, y)


@pytest.mark.parametrize("missing", [-1, None, np.nan, pd.NA])
def test_unknown_labels_are_left_out(missing):
    X, y, *_ = make_blocks()
    y = np.unique(y, return_inverse=True)[1]
    known = np.arange(len(y)) % 3 > 0
    partial = y.astype(object)
    partial[~known] = missing
    model = ChartwiseClassifier().fit(X, partial)
    expected = ChartwiseClassifier().fit(X[known], y[known])
    assert_array_equal(model.classes_, expected.classes_)
    assert_array_equal(model.predict_proba(X), expected.predict_proba(X))
    with pytest.raises(ValueError, match=r"y has 1 class and 100 unlabeled samples"):
        ChartwiseClassifier().fit(X, np.where(known, 0, partial))
    binary = ChartwiseClassifier().fit(X, np.where(known, 1, -1))
    assert_array_equal(binary.classes_, [-1, 1])


def test_masked_blocks_and_a_continuous_y_are_refused():
    X, y, *_ = make_blocks()
    masked = np.ma.array(X, mask=np.zeros(X.shape, dtype=bool), copy=True)
    masked[3, 1] = np.ma.masked
    with pytest.raises(ValueError, match="NaN"):
        ChartwiseClassifier().fit(masked, y)
    with pytest.raises(ValueError, match="NaN"):
        ChartwiseClassifier().fit(X, y).predict(masked)
    with pytest.raises(ValueError, match="Unknown label type"):
        ChartwiseClassifier().fit(X, X[:, 1])
