# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from sklearn.linear_model import LogisticRegression

from skmanifold.atlas import ChartwiseClassifier, MSimCLR
from skmanifold.atlas._msimclr import (
    ChartProjections,
    Views,
    affine_view,
    chart_terms,
    crop_view,
)

QUICK = dict(n_charts=3, max_epochs=2, batch_size=20, random_state=0)


def quick(**options):
    return MSimCLR(**{**QUICK, **options})


@pytest.fixture(scope="module")
def fitted_digits(digits):
    return quick(image_shape=(8, 8), batch_size=256, max_epochs=4).fit(digits[0])


# -- the parts of the objective


def test_projections_are_those_of_each_chart():
    torch.manual_seed(0)
    for bias in (True, False):
        projections = ChartProjections(3, 2, n_hidden=5, n_out=4, bias=bias).double()
        q = torch.rand(6, 3).double()
        y = torch.rand(6, 3, 2).double()
        expected = torch.zeros(6, 4).double()
        for i in range(6):
            for j in range(3):
                point = y[i, j] if bias else 2 * y[i, j] - 1
                z = point @ projections.weights[0][j]
                z = z + projections.biases[0][j, 0] if bias else z
                z = z.clamp(min=0) @ projections.weights[1][j]
                z = z + projections.biases[1][j, 0] if bias else z
                expected[i] += q[i, j] * z
        torch.testing.assert_close(projections(q, y), expected)
        assert len(projections.biases) == (2 if bias else 0)


def test_terms_of_charts_are_those_of_loops():
    q = torch.rand(7, 4, dtype=torch.float64).softmax(1)
    mass = [sum(q[i, j].item() for i in range(7)) / 7 for j in range(4)]
    balance = sum(p * np.log(4 * p) for p in mass)
    impurity = sum(1 - sum(x**2 for x in row) for row in q.tolist()) / 7
    terms = chart_terms(q, 2.0, 0.5, 3.0)
    assert terms["uniformity"] == 0.5 * 4 * 2.0
    assert terms["balance"].item() == pytest.approx(0.5 * balance, abs=1e-7)
    assert terms["sharpness"].item() == pytest.approx(0.5 * 3 * impurity)
    assert set(chart_terms(q, 2.0, 1.0, 0.0)) == {"uniformity", "balance"}
    assert set(chart_terms(q[:, :1], 2.0, 1.0, 1.0)) == {"uniformity"}


def test_empty_chart_gets_a_finite_push():
    logits = torch.tensor([[200.0, -200.0], [200.0, -200.0]], requires_grad=True)
    sum(chart_terms(logits.softmax(1), 0.0, 1.0, 1.0).values()).backward()
    assert torch.isfinite(logits.grad).all()
    logits = torch.tensor([[3.0, -3.0], [3.0, -3.0]], requires_grad=True)
    chart_terms(logits.softmax(1), 0.0, 1.0, 0.0)["balance"].backward()
    assert (logits.grad[:, 1] < 0).all(), "its logits are drawn up"


def test_views_are_of_one_sample_each():
    inputs = torch.arange(22.0).reshape(11, 2)
    batches = Views(
        inputs,
        4,
        lambda x, generator: x + 100,
        lambda x, rows, uniform: -inputs[rows],
        (3, 2),
    )
    seen = []
    for a, b, draws in batches.epoch(torch.Generator().manual_seed(0)):
        assert torch.equal(a - 100, 100 - b)
        assert draws.shape == (3, 3, 2) and 0 <= draws.min() and draws.max() < 1
        seen += (a[:, 0] - 100).tolist()
    assert len(seen) == len(set(seen)) == 9


@pytest.mark.parametrize("view", [lambda x, g: affine_view(x, g, 0.0), crop_view])
def test_views_of_images_are_random_and_seeded(view):
    images = torch.rand(6, 3, 9, 8)
    a, b, c = (view(images, torch.Generator().manual_seed(i)) for i in (0, 0, 1))
    assert torch.equal(a, b) and not torch.equal(a, c)
    assert a.shape == images.shape and not torch.equal(a, images)


# -- quality: a coarse guard; the figures are measured by asv_bench/compare


def test_digits_separate(digits):
    X, y = digits
    model = MSimCLR(8, image_shape=(8, 8), max_epochs=30, random_state=0).fit(X[:1200])
    charts = ChartwiseClassifier(LogisticRegression(C=1e3, max_iter=1000))
    charts.fit(model.embedding_, y[:1200])
    assert charts.score(model.transform(X[1200:]), y[1200:]) > 0.75
    shares = np.bincount(model.labels_, minlength=8) / 1200
    assert (shares > 0.1 / 8).sum() >= 7
    assert model.predict_proba(X).max(axis=1).mean() > 0.5


# -- bad input, one by one


@pytest.mark.parametrize(
    "options, match",
    [
        (dict(image_shape=(4, 16)), "at least 8"),
        (dict(augmentation="affine"), "augmentation='affine' needs images, but"),
        (dict(augmentation="crop"), "image_shape=None. Set image_shape"),
        (dict(encoder_layers=(16, 0)), r"encoder_layers=\(16, 0\) must be a sequence"),
    ],
    ids=str,
)
def test_parameters_that_do_not_fit_are_refused(digits, options, match):
    with pytest.raises(ValueError, match=match):
        quick(**options).fit(digits[0][:50])


# -- the method's parameters


def test_data_decide_the_augmentation(digits):
    X = digits[0][:100]
    same = [
        (dict(), dict(augmentation="noise")),
        (dict(image_shape=(8, 8)), dict(augmentation="affine", image_shape=(8, 8))),
    ]
    for auto, named in same:
        assert_array_equal(
            quick(**auto).fit_transform(X), quick(**named).fit(X).embedding_
        )
    colors = np.random.RandomState(0).rand(30, 192)
    shape = dict(image_shape=(8, 8, 3))
    assert_array_equal(
        quick(**shape).fit_transform(colors),
        quick(augmentation="crop", **shape).fit_transform(colors),
    )


def test_options_decide_the_terms_of_the_loss(iris):
    terms = {"contrast", "uniformity", "balance", "sharpness"}
    for options, expected in [
        (dict(), terms),
        (dict(n_charts=1), {"contrast", "uniformity"}),
        (dict(n_charts=1, regularization_weight=0), {"contrast"}),
        (dict(regularization_weight=0), {"contrast"}),
        (dict(sharpness_weight=0), terms - {"sharpness"}),
    ]:
        model = quick(**options).fit(iris[0])
        assert set(model.history_) == {"loss", "learning_rate_factor", *expected}


def test_projections_are_dropped(fitted_digits):
    names = {name.split(".")[0] for name in fitted_digits.network_.state_dict()}
    assert names == {"encoder"}
    assert not any("projection" in n for n in fitted_digits.network_.state_dict())


def test_second_view_is_a_neighbor(iris):
    """With n_neighbors=None both views are of one sample, otherwise of near ones."""
    X = iris[0]
    seen = []

    def look(x):
        seen.append(x.clone())
        return x

    quick(augmentation=look, n_neighbors=None).fit(X)
    assert all(torch.equal(a, b) for a, b in zip(seen[::2], seen[1::2], strict=True))
    seen.clear()
    quick(augmentation=look, n_neighbors=3).fit(X)
    apart = torch.cat(
        [(a - b).norm(dim=1) for a, b in zip(seen[::2], seen[1::2], strict=True)]
    )
    assert apart.min() >= 0 and 0 < apart.mean() < 0.5


def test_augmentation_of_images_sees_pixels(digits):
    X = digits[0][:100]
    seen = []

    def look(images):
        seen.append(images)
        return images

    quick(augmentation=look, image_shape=(8, 8), n_neighbors=None).fit(X)
    assert seen[0].shape == (20, 1, 8, 8)
    pixels = torch.cat(seen).flatten(1)
    # what was 0 to 16 is 0 to 16 units, up to rounding
    unit = 16 / pixels.max()
    rows = {tuple(row) for row in X.round().astype(int)}
    for image in pixels[:20] * unit:
        assert tuple(image.round().int().tolist()) in rows
