# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgba
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

from skmanifold.atlas import AtlasAE
from skmanifold.inspection import AtlasDisplay
from skmanifold.inspection._style import PALETTE

rng = np.random.default_rng(0)
N_CHARTS = 5
CHART = np.concatenate([np.arange(N_CHARTS), rng.integers(N_CHARTS, size=95)])
COORDINATES = rng.uniform(size=(100, 2))
OVERLAP = np.eye(N_CHARTS)
for a, b, value in [(0, 1, 0.4), (1, 2, 0.3), (2, 3, 0.2), (3, 4, 0.1), (0, 4, 0.002)]:
    OVERLAP[a, b] = OVERLAP[b, a] = value
IMAGES = rng.integers(256, size=(N_CHARTS, 3, 4, 2, 6)).astype(np.uint8)


class Atlas:
    """Estimator of known charts, with the methods that the display needs."""

    chart_overlap_ = OVERLAP

    def charts(self, X):
        return CHART[: len(X)], COORDINATES[: len(X)]

    def decode_grid(self, chart, n_points):
        # an axis for each coordinate, then the features
        grid = IMAGES[chart, :n_points, :n_points]
        return grid.swapaxes(0, 1).reshape(n_points, n_points, 12)


def draw(**options):
    return AtlasDisplay.from_charts(CHART, COORDINATES, overlap=OVERLAP, **options)


def test_lines_are_weighted_by_overlap():
    display = draw()
    # the weakest is below the threshold
    assert sorted(display.lines_) == [(0, 1), (1, 2), (2, 3), (3, 4)]
    widths = [display.lines_[pair].get_linewidth() for pair in sorted(display.lines_)]
    assert_allclose(widths, 0.5 + 8.0 * np.array([1.0, 0.75, 0.5, 0.25]))
    for (a, b), line in display.lines_.items():
        assert_array_equal(line.get_xydata(), display.centers_[[a, b]])


def test_charts_that_overlap_stand_side_by_side():
    n = 9
    ring = np.zeros((n, n))
    mixed = rng.permutation(n)
    for i in range(n):
        a, b = mixed[i], mixed[(i + 1) % n]
        ring[a, b] = ring[b, a] = 0.5
    display = AtlasDisplay.from_charts([0], [[0.5, 0.5]], overlap=ring)
    neighbors = np.linalg.norm(
        np.subtract([1.0, 0.0], [np.cos(2 * np.pi / n), np.sin(2 * np.pi / n)])
    )
    for a, b in display.lines_:
        apart = np.linalg.norm(display.centers_[a] - display.centers_[b])
        assert_allclose(apart, neighbors)


@pytest.mark.parametrize("n_charts", [1, 2, 3, 4, 8, 15, 30])
def test_charts_do_not_cover_each_other(n_charts):
    grids = rng.uniform(size=(n_charts, 2, 2, 3, 3))
    display = AtlasDisplay.from_charts(
        [0], [[0.5, 0.5]], overlap=np.ones((n_charts, n_charts)), grids=grids
    )
    boxes = [image.get_extent() for image in display.images_]
    assert len(boxes) == n_charts
    for i, (left, right, below, above) in enumerate(boxes):
        for other in boxes[:i]:
            beside = right <= other[0] or other[1] <= left
            assert beside or above <= other[2] or other[3] <= below
    display.figure_.canvas.draw()


@pytest.mark.parametrize("n_classes, n_markers", [(3, 1), (16, 2)])
def test_samples_lie_in_their_charts(n_classes, n_markers):
    y = np.arange(100) % n_classes
    display = draw(y=y)
    assert len(display.points_) == n_markers and not display.images_
    for marker, points in enumerate(display.points_):
        rows = y // 10 == marker
        for chart, frame in enumerate(display.ax_.patches):
            own = CHART[rows] == chart
            inside = points.get_offsets()[own] - display.centers_[chart]
            # an affine map of the coordinates, of one scale
            coordinates = COORDINATES[rows][own]
            scale = np.ptp(inside[:, 0]) / np.ptp(coordinates[:, 0])
            assert 0.9 * frame.get_width() < scale < frame.get_width()
            assert_allclose(inside, scale * (coordinates - 0.5), atol=1e-12)
        colors = [to_rgba(PALETTE[label % 10]) for label in y[rows]]
        assert_allclose(points.get_facecolors(), colors)
        assert frame.get_zorder() < points.get_zorder()
    names = [t.get_text() for t in display.legend_.get_texts()]
    assert names == [str(label) for label in range(n_classes)]
    marks = {(h.get_color(), h.get_marker()) for h in display.legend_.legend_handles}
    assert len(marks) == n_classes
    counts = np.bincount(CHART)
    assert [t.get_text() for t in display.texts_] == [
        f"{c} ({counts[c]})" for c in range(N_CHARTS)
    ]


def test_continuous_color_has_one_scale_for_all_charts():
    t = rng.normal(size=100)
    t[7] = np.nan
    display = draw(y=t)
    (points,) = display.points_
    assert_array_equal(points.get_array().filled(np.nan), t)
    assert points.get_clim() == (np.nanmin(t), np.nanmax(t))
    assert display.colorbar_.mappable is points
    assert display.legend_ is None
    assert draw(grids=IMAGES).colorbar_ is None


def test_charts_may_be_one_dimensional_or_empty():
    display = AtlasDisplay.from_charts(
        np.zeros(100, int), COORDINATES[:, :1], overlap=OVERLAP
    )
    (points,) = display.points_
    assert len(set(points.get_offsets()[:, 1])) == 1
    assert display.texts_[3].get_text() == "3 (0)"


@pytest.mark.parametrize("dtype", [float, "Int64"])
def test_chart_numbers_of_other_types(dtype):
    numbers = pd.Series(CHART).astype(dtype)
    display = AtlasDisplay.from_charts(numbers, COORDINATES, overlap=OVERLAP)
    assert_array_equal(display.chart, CHART, strict=True)


@pytest.mark.parametrize("value", [0.5, np.nan, -1, N_CHARTS])
def test_chart_numbers_outside_the_overlap_are_refused(value):
    chart = np.full(len(COORDINATES), value)
    with pytest.raises(ValueError, match=f"chart has the value {value}.* from 0 to"):
        AtlasDisplay.from_charts(chart, COORDINATES, overlap=OVERLAP)


@pytest.mark.parametrize("cmap", ["gray", "gray_r"])
def test_mosaics_have_every_image_in_its_place(cmap):
    display = draw(grids=IMAGES, cmap=cmap)
    assert len(display.images_) == N_CHARTS and not display.points_
    for chart, image in enumerate(display.images_):
        mosaic = image.get_array()
        # with a white line between each two
        assert mosaic.shape == (3 * 3 - 1, 4 * 7 - 1)
        colors = image.to_rgba(mosaic)
        assert (colors[2::3] == 1).all() and (colors[:, 6::7] == 1).all()
        for row in range(3):
            for column in range(4):
                # the first row of a chart is its lowest
                top = 3 * (2 - row)
                part = mosaic[top : top + 2, 7 * column : 7 * column + 6]
                assert_array_equal(part, IMAGES[chart, row, column])
        left, right, below, above = image.get_extent()
        middle = [(left + right) / 2, (below + above) / 2]
        assert_allclose(middle, display.centers_[chart], atol=1e-12)
        assert_allclose((right - left) / (above - below), 27 / 8)


def test_from_estimator_equals_from_charts():
    X = np.zeros((100, 12))
    display = AtlasDisplay.from_estimator(Atlas(), X)
    same = draw()
    assert display.ax_.get_title() == "Atlas"
    for a, b in zip(display.points_, same.points_, strict=True):
        assert_array_equal(a.get_offsets(), b.get_offsets())
    options = {"image_shape": (2, 6), "n_points": 3, "name": "n"}
    decoded = AtlasDisplay.from_estimator(Atlas(), X, **options)
    assert decoded.name == "n"
    assert_array_equal(decoded.grids, IMAGES[:, :, :3])


@pytest.mark.parametrize("n_components", [1, 3])
def test_charts_may_have_other_dimensions(n_components):
    shape = (4,) * n_components

    class Other(Atlas):
        def decode_grid(self, chart, n_points):
            # each image says where it is
            at = np.stack(np.indices(shape), axis=-1).reshape(*shape, n_components)
            return np.concatenate([at, at], axis=-1)

    display = AtlasDisplay.from_estimator(
        Other(), np.zeros((100, 1)), image_shape=(2, n_components), n_points=4
    )
    grids = display.grids
    n_rows = 1 if n_components == 1 else 4
    assert grids.shape == (N_CHARTS, n_rows, 4, 2, n_components)
    for row in range(n_rows):
        for column in range(4):
            expected = [column, row, 2][:n_components]
            assert_array_equal(grids[0, row, column], [expected, expected])


def test_a_fitted_estimator_has_an_atlas():
    X, _ = load_digits(return_X_y=True)
    model = AtlasAE(n_charts=4, max_epochs=1, random_state=0).fit(X[:200])
    display = AtlasDisplay.from_estimator(
        model, X[:200], image_shape=(8, 8), n_points=3
    )
    assert len(display.images_) == len(model.chart_overlap_)
    decoded = model.decode_grid(1, 3)
    assert_allclose(display.grids[1, 2, 0], decoded[0, 2].reshape(8, 8))
    chart, _ = model.charts(X[:200])
    assert_array_equal(display.chart, chart)


def test_mosaics_may_have_colors():
    grids = rng.integers(256, size=(2, 2, 2, 3, 3, 3)).astype(np.uint8)
    display = AtlasDisplay.from_charts(
        [0], [[0, 0]], overlap=np.ones((2, 2)), grids=grids
    )
    assert display.images_[0].get_array().shape == (7, 7, 3)
    assert_array_equal(display.images_[1].get_array()[4:, :3], grids[1, 0, 0])


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"overlap": np.ones((2, 3))}, r"shape \(n_charts, n_charts\), got \(2, 3\)"),
        ({"overlap": [[0.0, 1.0], [0.5, 0.0]]}, "symmetric"),
        ({"overlap": -np.ones((9, 9))}, "non-negative"),
        (
            {"overlap": np.ones((4, 4))},
            "chart has the value 4, but must have integers from 0 to 3",
        ),
        ({"coordinates": COORDINATES[:3]}, r"got \(100,\) and"),
        ({"grids": IMAGES[:3]}, "grids must have shape"),
        ({"y": [1, 2]}, "y has shape"),
    ],
)
def test_wrong_arguments_are_refused(arguments, message):
    given = {"coordinates": COORDINATES, "overlap": OVERLAP, **arguments}
    with pytest.raises(ValueError, match=message):
        AtlasDisplay.from_charts(CHART, **given)


def test_estimators_without_charts_are_refused():
    X = rng.normal(size=(10, 3))
    with pytest.raises(TypeError, match="PCA has no charts"):
        AtlasDisplay.from_estimator(PCA(2).fit(X), X)

    class Encoder:
        chart_overlap_ = OVERLAP
        charts = Atlas.charts

    assert len(AtlasDisplay.from_estimator(Encoder(), X).texts_) == N_CHARTS
    with pytest.raises(TypeError, match=r"no decode_grid\. .*image_shape"):
        AtlasDisplay.from_estimator(Encoder(), X, image_shape=(2, 6))
