# SPDX-License-Identifier: BSD-3-Clause

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

from skmanifold.atlas import AtlasTriplet
from skmanifold.atlas._triplet import chart_distances, learned_distances
from tests.atlas.test_class_batches import batches_of, make_labels

QUICK = dict(n_charts=3, max_epochs=2, batch_size=20, random_state=0)


def quick(**options):
    return AtlasTriplet(**{**QUICK, **options})


@pytest.fixture(scope="module")
def fitted_digits(digits):
    return quick(image_shape=(8, 8), batch_size=64).fit(*digits)


# -- steps


@pytest.mark.parametrize("counts", [[50, 50], [97, 3], [60, 1, 1, 1, 37]])
def test_unequal_classes_have_as_many_steps(counts):
    y = make_labels(counts)
    X = np.random.RandomState(0).normal(size=(len(y), 3))
    model = AtlasTriplet(random_state=0).fit(X, y)
    n_steps = model.n_iter_ * len(batches_of(y, 64)[0])
    n_wanted = 150 * (len(y) / 1000) ** (1 / 3)
    assert n_wanted - 1 <= n_steps <= n_wanted + len(batches_of(y, 64)[0])


# -- distances


def make_points(n, n_charts, d, seed=0):
    rng = np.random.RandomState(seed)
    return rng.dirichlet(np.full(n_charts, 0.3), n), rng.rand(n, n_charts, d)


def plain_distances(q_a, y_a, q_b, y_b):
    q_a, q_b = (q / np.linalg.norm(q, axis=1, keepdims=True) for q in (q_a, q_b))
    apart = np.sqrt(((y_a[:, np.newaxis] - y_b) ** 2).mean(axis=3))
    return 1 - (q_a[:, np.newaxis] * q_b * (1 - apart)).sum(axis=2)


@pytest.mark.parametrize("n_charts, d", [(1, 1), (4, 2), (3, 5)])
def test_distances_follow_the_formula(n_charts, d):
    a, b = make_points(6, n_charts, d), make_points(5, n_charts, d, seed=1)
    ours = learned_distances(*a, *b)
    assert_allclose(ours, plain_distances(*a, *b), rtol=1e-10)
    own = chart_distances(*(torch.from_numpy(x) for x in a))
    off_diagonal = ~np.eye(6, dtype=bool)
    assert_allclose(own[off_diagonal], plain_distances(*a, *a)[off_diagonal], rtol=1e-6)
    assert abs(own.diagonal()).max() < 1e-3
    assert ours.min() >= 0 and ours.max() <= 1
    hard = np.eye(n_charts)[a[0].argmax(axis=1)], a[1]
    assert_allclose(learned_distances(*hard, *hard), plain_distances(*hard, *hard))


def test_the_gradient_of_the_distances_is_finite():
    q, y = (torch.from_numpy(x).requires_grad_() for x in make_points(4, 3, 2))

    def distances(q, y):
        # without the diagonal, where a floor keeps the slope of the root finite
        return chart_distances(q, y)[~torch.eye(4, dtype=torch.bool)]

    assert torch.autograd.gradcheck(distances, (q, y))
    chart_distances(q, y).sum().backward()
    assert torch.isfinite(y.grad).all()


def test_distances_are_symmetric_and_zero_to_oneself(fitted_digits, digits):
    X = digits[0][:40]
    distances = fitted_digits.distance(X, X[:7])
    assert distances.shape == (40, 7)
    assert_allclose(distances[:7].diagonal(), 0, atol=1e-6)
    assert_allclose(distances[:7], distances[:7].T, atol=1e-12)
    hard = copy.copy(fitted_digits).set_params(membership="hard")
    chart, y = hard.charts(X)
    expected = np.where(
        chart[:, None] == chart, np.sqrt(((y[:, None] - y) ** 2).mean(axis=2)), 1.0
    )
    assert_allclose(hard.distance(X, X), expected, atol=1e-7)


@pytest.mark.parametrize(
    "fitted, membership", [("soft", "soft"), ("hard", "hard"), ("soft", "hard")]
)
def test_neighbors_are_the_nearest_samples_of_the_gallery(digits, fitted, membership):
    X, y = digits[0][:300], digits[1][:300]
    model = quick(image_shape=(8, 8), membership=fitted).fit(X, y)
    model.set_params(membership=membership)
    distances, indices = model.kneighbors(digits[0][300:340], n_neighbors=6)
    full = model.distance(digits[0][300:340], X)
    assert_allclose(distances, np.sort(full, axis=1)[:, :6], atol=1e-6)
    assert_allclose(np.take_along_axis(full, indices, axis=1), distances, atol=1e-6)
    assert_array_equal(
        model.kneighbors(digits[0][300:340], 6, return_distance=False), indices
    )
    distances, indices = model.kneighbors()
    assert indices.shape == (300, 5)
    assert not (indices == np.arange(300)[:, None]).any(), "no row finds itself"
    for bad in (0, 301, 2.0, True):
        with pytest.raises(ValueError, match=f"n_neighbors={bad!r} must be an integer"):
            model.kneighbors(X, bad)
    with pytest.raises(ValueError, match="from 1 to 299"):
        model.kneighbors(n_neighbors=300)


# -- quality: a coarse guard; the figures are measured by asv_bench/compare


def test_unseen_classes_are_found(digits):
    X, y = digits
    known = y < 5
    model = AtlasTriplet(8, image_shape=(8, 8), max_epochs=12, random_state=0)
    model.fit(X[known], y[known])
    X, y = X[~known], y[~known]
    distances = model.distance(X, X)
    np.fill_diagonal(distances, np.inf)
    assert (y[distances.argmin(axis=1)] == y).mean() > 0.95
    assert (model.memberships(X).mean(axis=0) > 0.1 / 8).sum() >= 7


def test_known_classes_are_separate(iris):
    pipeline = make_pipeline(AtlasTriplet(random_state=0, max_epochs=30), SVC())
    assert cross_val_score(pipeline, *iris, cv=3).mean() > 0.85


# -- unusual input


@pytest.mark.parametrize("counts", [[20, 25], [1, 1, 43], [2] + [1] * 43])
def test_classes_may_have_very_unequal_sizes(counts):
    rows = np.random.RandomState(0).randn(45, 5)
    for X in (rows, np.repeat(rows[:5], 9, axis=0)):
        model = quick(max_epochs=5).fit(X, make_labels(counts).astype(str))
        assert np.isfinite(model.embedding_).all()
        assert np.isfinite(model.history_["loss"]).all()
        assert np.isfinite(model.kneighbors()[0]).all()


# -- bad input


@pytest.mark.parametrize(
    "y, match",
    [
        (np.zeros(150), "y has 1 class and at most 150 samples of each, but a"),
        (np.arange(150).astype(str), "y has 150 classes and at most 1 sample of each"),
        (np.linspace(0, 1, 150), "Unknown label type"),
        (np.zeros((150, 2)), "y should be a 1d array"),
    ],
    ids=["one class", "all different", "numbers", "2-D"],
)
def test_wrong_targets_are_refused(iris, y, match):
    with pytest.raises(ValueError, match=match):
        quick().fit(iris[0], y)


def test_unfitted_estimators_are_refused(iris):
    with pytest.raises(NotFittedError):
        AtlasTriplet().distance(iris[0], iris[0])
    with pytest.raises(NotFittedError):
        AtlasTriplet().kneighbors()


# -- the method's parameters


def test_options_decide_the_terms_of_the_loss(iris):
    terms = {"triplets", "distances", "uniformity", "balance", "sharpness"}
    for options, expected in [
        (dict(), terms),
        (dict(n_charts=1), {"triplets", "distances", "uniformity"}),
        (dict(regularization_weight=0), {"triplets", "distances"}),
        (dict(distance_weight=0), terms - {"distances"}),
        (dict(membership="hard"), terms - {"distances"}),
        (dict(sharpness_weight=0), terms - {"sharpness"}),
    ]:
        model = quick(**options).fit(*iris)
        assert set(model.history_) == {"loss", "learning_rate_factor", *expected}


# -- classes, unknown labels, and the gallery


def partly(y, known, missing):
    labels = y.astype(object)
    labels[~known] = missing
    return labels


def test_predict_names_classes(digits, fitted_digits):
    X, y = digits
    names = np.array(list("abcdefghij"))[y]
    model = quick(image_shape=(8, 8), max_epochs=4, batch_size=64)
    model.fit(X[:900], names[:900])
    shares = model.predict_proba(X[900:])
    assert shares.shape == (897, 10)
    assert_allclose(shares.sum(axis=1), 1.0)
    predicted = model.predict(X[900:])
    assert_array_equal(predicted, model.classes_[shares.argmax(axis=1)])
    assert model.score(X[900:], names[900:]) > 0.8
    # the votes, by loops
    distances, rows = model.kneighbors(X[900:920])
    for i in range(20):
        votes = np.zeros(10)
        for distance, row in zip(distances[i], rows[i], strict=True):
            votes[y[row]] += np.exp(-distance / model.margin)
        assert_allclose(shares[i], votes / votes.sum(), rtol=1e-9)
    charts = model.charts(X[:900])[0]
    assert_array_equal(model.charts_, charts)
    assert_array_equal(model.memberships(X[:900]).argmax(axis=1), charts)
    assert not hasattr(model, "labels_")
    scores = cross_val_score(quick(), X[:300], names[:300], scoring="accuracy", cv=2)
    assert scores.min() > 0.5
    with pytest.raises(ValueError, match="n_neighbors"):
        quick(n_neighbors=0).fit(X, y)


def test_a_narrow_margin_leaves_the_nearest(iris):
    X, y = iris
    model = quick().fit(X, y).set_params(margin=1e-9)
    nearest = y[model.kneighbors(X[::3] + 0.1, 1)[1].ravel()]
    assert_array_equal(model.predict(X[::3] + 0.1), nearest)
    assert np.isfinite(model.predict_proba(X)).all()


@pytest.mark.parametrize("missing", [-1, None, np.nan, pd.NA])
def test_unknown_labels_are_no_class(iris, missing):
    X, y = iris
    known = np.arange(150) % 4 == 0
    model = quick().fit(X, np.where(known, y, -1))
    again = quick().fit(X, partly(y, known, missing))
    assert_array_equal(again.embedding_, model.embedding_)
    assert_array_equal(again.classes_, [0, 1, 2])
    assert len(model.embedding_) == 150
    # neither positives nor negatives: their labels have no effect
    batches = model._class_batches(partly(y, known, -1).astype(int), 20, "cpu")
    rows = torch.cat([b for b, _ in batches.epoch(torch.Generator().manual_seed(0))])
    assert known[rows.numpy()].all()
    # they are found, and named by what is known
    assert model.kneighbors(X[1:2], 1)[1] == 1
    assert (again.predict(X) == y).mean() > 0.8
    assert_array_equal(model.fit_predict(X, np.where(known, y, -1)), again.predict(X))
    # and what is unknown is not scored
    weights = np.arange(150.0)
    score = model.score(X, partly(y, known, missing), sample_weight=weights)
    assert score == model.score(X[known], y[known], sample_weight=weights[known])
    with pytest.raises(ValueError, match="y has no labels"):
        model.score(X, [missing] * 150)


def test_too_few_known_labels_are_said(iris):
    X, y = iris
    for labels in (np.where(y > 0, 0, -1), partly(y, y == 1, None)):
        with pytest.raises(ValueError, match=r"y has 1 class .* unlabeled samples .-1"):
            quick().fit(X, labels)
    # -1 and 1 alone are the classes of a binary problem
    assert_array_equal(quick().fit(X, np.where(y, -1, 1)).classes_, [-1, 1])


def test_the_gallery_of_a_stream_holds_all_parts(digits):
    X, y = digits[0][:300], digits[1][:300]
    first, second = y < 5, y >= 5
    model = quick().partial_fit(X[first], y[first]).partial_fit(X[second], y[second])
    assert_array_equal(model.classes_, np.arange(10))
    order = np.r_[np.flatnonzero(first), np.flatnonzero(second)]
    distances, indices = model.kneighbors(X, 1)
    assert_array_equal(order[indices.ravel()], np.arange(300))
    assert distances.max() < 1e-6
    assert model.kneighbors()[1].shape == (300, 5)
    assert model.score(X, y) > 0.8
    # the caller's array may change, and a pickle holds a copy
    rows = X[first].copy()
    again = quick().partial_fit(rows, y[first])
    rows[:] = 0.0
    again = pickle.loads(pickle.dumps(again)).partial_fit(X[second], y[second])
    assert_array_equal(again.predict_proba(X), model.predict_proba(X))


def test_parts_of_a_stream_that_do_not_go_together(iris):
    X, y = iris
    model = quick().partial_fit(X, y, classes=[0, 1, 2, 9])
    assert_array_equal(model.classes_, [0, 1, 2, 9])
    assert model.predict_proba(X[:3]).shape == (3, 4)
    before = dict(vars(model))
    with pytest.raises(TypeError, match="mixes labels of the types"):
        model.partial_fit(X, np.array(list("abc"))[y])
    assert all(vars(model)[name] is value for name, value in before.items())
    # where there are other classes, -1 beside 1 is unknown
    with pytest.raises(ValueError, match="y has 1 class"):
        model.partial_fit(X, np.where(y, -1, 1))
    model.partial_fit(X[::-1], y[::-1])
    assert_array_equal(
        model.kneighbors(X[:2], 1, return_distance=False).ravel(), [0, 1]
    )


def test_prediction_without_stored_samples_is_an_error(iris):
    X, y = iris
    model = quick().fit(X, y).partial_fit(X, y)
    for call in (model.kneighbors, lambda: model.predict(X)):
        with pytest.raises(ValueError, match=r"not stored.* Call set_gallery\(X, y\)"):
            call()
    assert_array_equal(
        model.set_gallery(X, y).kneighbors(X[:9], 1)[1].ravel(), range(9)
    )
    with config_context(working_memory=1e-3):
        model = quick().partial_fit(X, y)
    with pytest.raises(ValueError, match="not stored"):
        model.kneighbors()


def test_a_gallery_may_have_other_classes(digits):
    X, y = digits
    known = y < 5
    model = quick(image_shape=(8, 8), max_epochs=4, batch_size=64)
    model.fit(X[known], y[known])
    shown = np.concatenate([np.flatnonzero(y == c)[:20] for c in range(5, 10)])
    model.set_gallery(X[shown], partly(y, y != 9, None)[shown])
    assert_array_equal(model.classes_, [5, 6, 7, 8])
    assert_array_equal(model.kneighbors(X[shown], 1)[1].ravel(), np.arange(100))
    others = (y > 4) & (y < 9)
    # of four classes that training has not seen
    assert model.score(X[others], y[others]) > 0.55
    model.set_gallery(X[shown])
    with pytest.raises(ValueError, match="gallery has no labels"):
        model.predict(X)
    with pytest.raises(ValueError, match="of the 100 samples"):
        model.set_gallery(X[shown], y)
    model.fit(X[known], y[known])
    assert len(model.kneighbors(n_neighbors=1)[1]) == known.sum()


def test_samples_without_shared_features_are_apart():
    rng = np.random.RandomState(0)
    X = np.zeros((120, 40 + 5 * 20))
    for i in range(100):
        X[i, i % 2 * 20 + rng.choice(20, 7, replace=False)] = 1
    for i in range(20):
        X[100 + i, 40 + 5 * i : 45 + 5 * i] = 1
    model = AtlasTriplet(max_epochs=3, random_state=0).fit(X, np.arange(120) % 2)
    assert model._scaler.basis_ is None
    places = np.unique(np.round(model.embedding_[100:], 4), axis=0)
    assert len(places) == 20
    # no such samples, no need of all columns
    model.fit(X[:100], np.arange(100) % 2)
    assert model._scaler.basis_ is not None
