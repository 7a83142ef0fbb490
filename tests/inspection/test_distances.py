# SPDX-License-Identifier: BSD-3-Clause

import matplotlib.pyplot as plt
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from scipy.spatial.distance import cdist, pdist
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA
from sklearn.metrics import pairwise_distances

from skmanifold.inspection import DistortionDisplay, ShepardDisplay
from skmanifold.metrics import local_geometric_distortion, trustworthiness

rng = np.random.default_rng(0)
X, _ = load_iris(return_X_y=True)
PLANE = PCA(2).fit(X)


# Shepard --------------------------------------------------------------------


def test_shepard_draws_all_pairs():
    Z = PLANE.transform(X)
    display = ShepardDisplay.from_embedding(X, Z, n_pairs=None)
    offsets = display.points_.get_offsets()
    assert_allclose(offsets, np.column_stack([pdist(X), pdist(Z)]), atol=1e-7)
    assert_allclose(display.correlation_, np.corrcoef(pdist(X), pdist(Z))[0, 1])
    slope = pdist(X) @ pdist(Z) / (pdist(X) @ pdist(X))
    assert_allclose(display.slope_, slope)
    assert_allclose(
        display.line_.get_xydata(), [[0, 0], [pdist(X).max(), slope * pdist(X).max()]]
    )


@pytest.mark.parametrize("metric", ["manhattan", "chebyshev", "cosine", "precomputed"])
def test_shepard_draws_random_pairs_of_any_metric(metric):
    Z = PLANE.transform(X)
    precomputed = metric == "precomputed"
    D = pairwise_distances(X, metric="euclidean" if precomputed else metric)
    display = ShepardDisplay.from_embedding(
        D if precomputed else X, Z, metric=metric, n_pairs=500, random_state=0
    )
    drawn = display.points_.get_offsets()
    assert len(drawn) == 500
    # each drawn pair is one of the pairs of samples, never of one with itself
    i, j = np.triu_indices(len(X), 1)
    known = np.column_stack([D[i, j], cdist(Z, Z)[i, j]])
    assert cdist(drawn, known).min(axis=1).max() < 1e-6


def test_shepard_may_use_given_distances():
    along = pairwise_distances(X, metric="manhattan")
    display = ShepardDisplay.from_estimator(PLANE, X, distances=along, n_pairs=None)
    offsets = display.points_.get_offsets()
    Z = PLANE.transform(X)
    expected = np.column_stack([pdist(X, "cityblock"), pdist(Z)])
    assert_allclose(offsets, expected, atol=1e-7)
    same = ShepardDisplay.from_estimator(
        PLANE, X, distances=along, metric="precomputed", n_pairs=None
    )
    assert_array_equal(same.points_.get_offsets(), offsets)
    with pytest.raises(
        ValueError, match="metric='cosine' cannot be combined with dist"
    ):
        ShepardDisplay.from_estimator(PLANE, X, distances=along, metric="cosine")
    with pytest.raises(ValueError, match="square"):
        ShepardDisplay.from_estimator(PLANE, X, distances=along[:, :5])


def test_shepard_is_a_density_above_twenty_thousand_pairs():
    display = ShepardDisplay.from_embedding(
        X, X[:, :2], n_pairs=20_001, random_state=0, name="two columns"
    )
    assert display.points_ is None
    assert display.image_.get_array().sum() == 20_001
    assert display.ax_.get_title().startswith("two columns: correlation 0.")


def test_shepard_is_reproducible_and_sparse():
    options = {"random_state": 3, "n_pairs": 99}
    a = ShepardDisplay.from_estimator(PLANE, X, **options, name="n")
    assert a.name == "n"
    b = ShepardDisplay.from_embedding(X, PLANE.transform(X), **options)
    assert_array_equal(a.points_.get_offsets(), b.points_.get_offsets())
    sparse = ShepardDisplay.from_embedding(csr_array(X), X, **options)
    assert_allclose(sparse.correlation_, 1.0)


def test_shepard_of_a_collapsed_embedding_has_no_correlation():
    display = ShepardDisplay.from_embedding(X, np.ones((150, 2)), random_state=0)
    assert display.slope_ == 0.0 and np.isnan(display.correlation_)
    display.figure_.canvas.draw()


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"n_pairs": 0}, r"'n_pairs' .* Got 0"),
        ({"n_pairs": 2.5}, r"'n_pairs' .* Got 2\.5"),
        ({"Z": np.ones((3, 2))}, "inconsistent numbers of samples"),
    ],
)
def test_wrong_arguments_of_shepard_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        ShepardDisplay.from_embedding(X, **{"Z": X[:, :2], **arguments})


# Distortion -----------------------------------------------------------------


def test_expansion_is_zero_for_a_scaled_copy():
    at = rng.normal(size=(80, 2))
    display = DistortionDisplay.from_embedding(at, 5 * at)
    assert_allclose(display.points_.get_array(), 0.0, atol=1e-12)
    assert_array_equal(display.points_.get_offsets(), 5 * at)
    low, high = display.points_.get_clim()
    assert low == -high < 0
    assert display.ellipses_ is None


def test_expansion_is_that_of_a_loop():
    Z = PLANE.transform(X + rng.normal(size=X.shape) * 1e-3)
    jittered = X + rng.normal(size=X.shape) * 1e-3
    display = DistortionDisplay.from_embedding(jittered, Z, n_neighbors=4)
    ratios = []
    for x, z in zip(jittered, Z, strict=True):
        d = np.linalg.norm(jittered - x, axis=1)
        near = np.argsort(d)[1:5]
        ratios.append(
            np.log2(np.linalg.norm(Z[near] - z, axis=1).mean() / d[near].mean())
        )
    assert_allclose(display.distortion, ratios - np.median(ratios), atol=1e-9)
    same = DistortionDisplay.from_embedding(
        cdist(jittered, jittered), Z, n_neighbors=4, metric="precomputed"
    )
    assert_allclose(same.distortion, display.distortion, atol=1e-9)


def test_a_spread_part_is_red_and_a_compressed_one_blue():
    grid = np.stack(np.meshgrid(np.arange(20.0), np.arange(10.0)), -1).reshape(-1, 2)
    Z = grid.copy()
    Z[:, 0] = np.where(grid[:, 0] < 7, 4 * grid[:, 0], 28 + grid[:, 0])
    display = DistortionDisplay.from_embedding(grid, Z, n_neighbors=4)
    assert display.distortion[grid[:, 0] < 6].min() > 0.5
    assert_allclose(display.distortion[grid[:, 0] > 9], 0.0, atol=0.2)
    red, _, blue, _ = display.points_.get_cmap()(1.0)
    assert red > blue


def test_duplicates_have_no_ratio_and_are_plotted():
    at = np.concatenate([np.zeros((12, 2)), rng.normal(size=(30, 2))])
    display = DistortionDisplay.from_embedding(at, at)
    assert np.isnan(display.distortion[:12]).all()
    assert len(display.points_.get_offsets()) == 42
    display.figure_.canvas.draw()


@pytest.mark.parametrize(
    "name, metric",
    [
        ("trustworthiness", trustworthiness),
        ("local_geometric_distortion", local_geometric_distortion),
    ],
)
def test_measures_are_the_metrics(name, metric):
    Z = PLANE.transform(X)
    display = DistortionDisplay.from_embedding(X, Z, measure=name, n_neighbors=7)
    expected = metric(X, Z, n_neighbors=7, per_sample=True)
    assert_array_equal(display.points_.get_array(), expected)
    label = display.colorbar_.ax.get_ylabel()
    assert label == name.replace("_", " ").capitalize()


def test_a_function_may_be_the_measure():
    def height(X, Z):
        return Z[:, 1]

    Z = PLANE.transform(X)
    display = DistortionDisplay.from_embedding(X, Z, measure=height)
    assert_array_equal(display.points_.get_array(), Z[:, 1])
    assert display.colorbar_.ax.get_ylabel() == "Height"


class Linear:
    """A decoder whose differential is one matrix everywhere."""

    def __init__(self, matrix):
        self.matrix = np.asarray(matrix)

    def transform(self, X):
        return X @ np.linalg.pinv(self.matrix).T

    def jacobian(self, Z):
        return np.broadcast_to(self.matrix, (len(Z), *self.matrix.shape))


def test_ellipses_are_circles_of_the_data():
    angle = 0.4
    turn = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    # stretches by 2 along the direction of `angle` and by 1/2 across
    matrix = np.concatenate(
        [turn @ np.diag([2.0, 0.5]) @ np.transpose(turn), np.zeros((3, 2))]
    )
    points = rng.normal(size=(200, 2)) @ matrix.T
    estimator = Linear(matrix)
    display = DistortionDisplay.from_estimator(estimator, points, n_ellipses=25)
    ellipses = display.ellipses_
    assert len(ellipses.get_offsets()) == 25
    # the centers are samples
    assert cdist(ellipses.get_offsets(), display.embedding).min(axis=1).max() == 0.0
    widths, heights = ellipses.get_widths(), ellipses.get_heights()
    assert_allclose(widths / heights, 4.0)
    # what is stretched least lies longest in the embedding
    assert_allclose(
        np.tan(np.radians(ellipses.get_angles())), np.tan(angle + np.pi / 2)
    )
    # and each maps to a circle
    half = widths[0] / 2, heights[0] / 2
    turned = np.radians(ellipses.get_angles()[0])
    axes = np.array(
        [
            half[0] * np.array([np.cos(turned), np.sin(turned)]),
            half[1] * np.array([-np.sin(turned), np.cos(turned)]),
        ]
    )
    lengths = np.linalg.norm(axes @ matrix.T, axis=1)
    assert_allclose(lengths[0], lengths[1])
    display.figure_.canvas.draw()


def test_ellipses_of_a_constant_decoder_are_bounded():
    Z = rng.normal(size=(50, 2))

    def jacobian(Z):
        J = np.repeat(np.eye(2)[np.newaxis], len(Z), axis=0)
        J[0, :, 0] = 0.0
        return J

    display = DistortionDisplay.from_embedding(Z, Z, jacobian=jacobian)
    widths = display.ellipses_.get_widths()
    assert_allclose(widths[0], 4 * widths[1])
    display.figure_.canvas.draw()


def test_there_may_be_no_ellipses():
    estimator = Linear(np.eye(2))
    display = DistortionDisplay.from_estimator(estimator, X[:, :2], n_ellipses=0)
    assert display.ellipses_ is None
    pca = DistortionDisplay.from_estimator(PLANE, X)
    assert pca.ellipses_ is None
    same = DistortionDisplay.from_embedding(X, PLANE.transform(X))
    assert_array_equal(pca.distortion, same.distortion)
    assert pca.name == "PCA"
    assert DistortionDisplay.from_estimator(PLANE, X, name="n").name == "n"


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"measure": "stress"}, r"'measure' .* Got 'stress'"),
        ({"measure": lambda X, Z: Z}, r"shape \(150, 2\)"),
        ({"n_neighbors": 150}, "n_neighbors=150 must be .* at most 149 for 150"),
        ({"n_neighbors": 2.0}, r"'n_neighbors' .* Got 2\.0"),
        ({"Z": np.ones((150, 3))}, "3 components, but 2 can be plotted"),
        ({"jacobian": lambda Z: np.eye(2)}, "jacobian must return shape"),
        ({"jacobian": lambda Z: np.ones((len(Z), 4, 3))}, "n_features, 2"),
    ],
)
def test_wrong_arguments_of_distortion_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        DistortionDisplay.from_embedding(X, **{"Z": X[:, :2], **arguments})
    assert not plt.get_fignums()
