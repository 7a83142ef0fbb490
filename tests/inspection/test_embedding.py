# SPDX-License-Identifier: BSD-3-Clause

"""EmbeddingDisplay plots the data."""

from itertools import combinations

import matplotlib.pyplot as plt
import numpy as np
import polars as pl
import pytest
from matplotlib.colors import to_hex, to_rgb, to_rgba
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from sklearn.datasets import load_digits, load_iris
from sklearn.decomposition import PCA
from sklearn.manifold import SpectralEmbedding
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmanifold.inspection import EmbeddingDisplay
from skmanifold.inspection._style import PALETTE

rng = np.random.default_rng(0)
Z = rng.normal(size=(300, 2))
Y = rng.integers(3, size=300)


def places(display):
    return np.concatenate([points.get_offsets() for points in display.points_])


def colors(display):
    return np.concatenate([points.get_facecolors() for points in display.points_])


def legend_of(display):
    return [text.get_text() for text in display.legend_.get_texts()]


# Points ---------------------------------------------------------------------


def test_points_are_one_collection_in_the_order_of_the_samples():
    display = EmbeddingDisplay.from_embedding(Z, Y)
    (points,) = display.points_
    assert_array_equal(points.get_offsets(), Z)
    expected = [to_rgba(PALETTE[label]) for label in Y]
    assert_allclose(points.get_facecolors(), expected)
    assert display.image_ is None and display.colorbar_ is None
    axis = display.ax_
    assert axis.get_aspect() == 1.0
    assert not len(axis.get_xticks()) and not len(axis.get_yticks())
    assert all(spine.get_visible() for spine in axis.spines.values())
    assert legend_of(display) == ["0", "1", "2"]
    shown = [to_hex(h.get_color()) for h in display.legend_.legend_handles]
    assert shown == [color.lower() for color in PALETTE[:3]]


def test_without_y_there_is_one_color_and_no_legend():
    display = EmbeddingDisplay.from_embedding(Z)
    assert_array_equal(places(display), Z)
    assert len(np.unique(colors(display), axis=0)) == 1
    assert display.legend_ is None and display.colorbar_ is None


def test_a_pipeline_is_titled_by_its_last_step():
    pipeline = make_pipeline(StandardScaler(), make_pipeline(PCA(2))).fit(Z)
    display = EmbeddingDisplay.from_estimator(pipeline, Z)
    assert display.ax_.get_title() == "PCA"


def test_three_components_are_plotted_in_space():
    Z3 = rng.normal(size=(60, 3))
    display = EmbeddingDisplay.from_embedding(Z3, Y[:60])
    assert display.ax_.name == "3d"
    (points,) = display.points_
    x, y, z = points._offsets3d
    assert_array_equal(np.column_stack([x, y, z]), Z3)
    display.figure_.canvas.draw()


def test_an_only_chart_is_drawn_in_the_plane():
    blocks = np.column_stack([np.ones(300), Z])
    display = EmbeddingDisplay.from_embedding(blocks, Y, decoder=lambda codes: codes)
    assert display.ax_.name == "rectilinear"
    assert_array_equal(places(display), Z)
    assert_array_equal(display.decoder(Z[:4]), blocks[:4])
    # one of three coordinates in space, others as they are
    cube = np.column_stack([np.ones(300), Z, Z[:, 0] ** 2])
    assert EmbeddingDisplay.from_embedding(cube).ax_.name == "3d"
    assert EmbeddingDisplay.from_embedding(cube[:, :2]).ax_.name == "rectilinear"
    with pytest.raises(ValueError, match=r"components=\(1, 2\)"):
        EmbeddingDisplay.from_embedding(np.column_stack([cube, Z]))
    display = EmbeddingDisplay.from_embedding(blocks, components=(0, 1))
    assert_array_equal(places(display), blocks[:, :2])
    display = EmbeddingDisplay.from_embedding(cube, components=(3, -3))
    assert_array_equal(places(display), cube[:, [3, 1]])


def test_components_may_be_principal_ones():
    Z5 = np.random.default_rng(0).normal(size=(40, 5)) * [1.0, 5.0, 0.1, 3.0, 1.0]
    display = EmbeddingDisplay.from_embedding(Z5, components="pca")
    expected = PCA(2).fit_transform(Z5)
    assert_allclose(display.embedding, expected, atol=1e-9)
    pca = PCA(4).fit(Z5)
    display = EmbeddingDisplay.from_estimator(pca, Z5, components="pca")
    assert_allclose(np.abs(display.embedding), np.abs(expected), atol=1e-9)
    assert display.decoder is None
    with pytest.raises(ValueError, match="NaN or infinite"):
        EmbeddingDisplay.from_embedding(Z5 * np.nan, components="pca")


def test_scatter_keywords_override_the_style():
    display = EmbeddingDisplay.from_embedding(
        Z, Y, scatter_kwargs={"s": 3, "alpha": 0.5, "lw": 2}
    )
    (points,) = display.points_
    assert points.get_sizes() == [3]
    assert points.get_alpha() == 0.5
    assert points.get_linewidths() == [2]
    display.plot(scatter_kwargs={"color": "red"})
    assert_allclose(colors(display), [to_rgba("red")])


def test_given_axes_are_used():
    _, ax = plt.subplots()
    display = EmbeddingDisplay.from_embedding(Z, Y, ax=ax, name="title")
    assert display.ax_ is ax and display.figure_ is ax.figure
    assert ax.get_title() == "title"
    assert display.plot() is display
    assert display.ax_ is not ax


# Density --------------------------------------------------------------------


def test_density_counts_every_point_in_its_cell():
    display = EmbeddingDisplay.from_embedding(Z, Y, kind="density")
    assert not display.points_
    counts = display.counts_
    assert counts.sum() == len(Z)
    assert max(counts.shape) in (256, 257)
    left, right, below, above = display.image_.get_extent()
    assert left == Z[:, 0].min() and below == Z[:, 1].min()
    assert right >= Z[:, 0].max() and above >= Z[:, 1].max()
    expected, *_ = np.histogram2d(
        Z[:, 1], Z[:, 0], bins=counts.shape, range=[(below, above), (left, right)]
    )
    assert_array_equal(counts, expected)
    # the cells are squares
    assert_allclose((right - left) / counts.shape[1], (above - below) / counts.shape[0])


def test_density_has_the_mean_color_of_each_cell():
    corners = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    at = np.repeat(corners, 10, axis=0)
    labels = np.concatenate([np.zeros(10), np.ones(10), np.arange(10) % 2, np.ones(10)])
    display = EmbeddingDisplay.from_embedding(at, labels.astype(int), kind="density")
    rgba = display.image_.get_array()
    first, second = (np.array(to_rgb(color)) for color in PALETTE[:2])
    assert_allclose(rgba[0, 0, :3], first)
    assert_allclose(rgba[0, -1, :3], second)
    assert_allclose(rgba[-1, 0, :3], (first + second) / 2)
    assert (rgba[..., 3] > 0).sum() == 4


def test_density_of_more_classes_than_colors_names_them():
    labels = np.arange(300) % 13 - 1
    display = EmbeddingDisplay.from_embedding(Z, labels, kind="density")
    assert display.legend_ is None
    assert [text.get_text() for text in display.texts_] == list(map(str, range(12)))
    for label, text in enumerate(display.texts_):
        own = Z[labels == label]
        assert (text.get_position() == own).all(axis=1).any()
        middle = np.median(own, axis=0)
        assert_allclose(text.get_position(), middle, atol=0.5 * own.std())
    # ten colors are enough for ten classes, and gray for the noise
    display = EmbeddingDisplay.from_embedding(
        Z, np.arange(300) % 11 - 1, kind="density"
    )
    assert len(display.legend_.get_texts()) == 11 and not display.texts_
    display = EmbeddingDisplay.from_embedding(Z, labels, kind="density", legend=False)
    assert not display.texts_


def test_more_points_are_a_stronger_color():
    at = np.array([[0.0, 0.0]] * 100 + [[1.0, 1.0]] + [[0.5, 0.5]] * 10)
    display = EmbeddingDisplay.from_embedding(at, np.zeros(111, int), kind="density")
    strength = display.image_.get_array()[..., 3]
    assert 0.3 < strength[-1, -1] < strength[128, 128] < strength[0, 0] == 1.0


def test_density_of_a_continuous_color_is_the_mean():
    at = np.array([[0.0, 0.0]] * 2 + [[1.0, 1.0]] * 2)
    t = np.array([0.5, 1.5, 2.0, 3.5])
    display = EmbeddingDisplay.from_embedding(at, t, kind="density", cmap="viridis")
    rgba = display.image_.get_array()
    mappable = display.colorbar_.mappable
    assert mappable.get_clim() == (0.5, 3.5)
    assert_allclose(rgba[0, 0, :3], mappable.to_rgba(1.0)[:3])
    assert_allclose(rgba[-1, -1, :3], mappable.to_rgba(2.75)[:3])


def test_density_past_twenty_thousand_points():
    many = rng.normal(size=(20_001, 2))
    assert EmbeddingDisplay.from_embedding(many).counts_.sum() == 20_001
    assert EmbeddingDisplay.from_embedding(many[1:]).image_ is None
    assert EmbeddingDisplay.from_embedding(many, kind="scatter").image_ is None


def test_points_at_one_position():
    for kind in ("scatter", "density"):
        display = EmbeddingDisplay.from_embedding(np.ones((5, 2)), kind=kind)
        display.figure_.canvas.draw()
    assert display.counts_.sum() == 5


# Images ---------------------------------------------------------------------


def test_images_lie_at_their_points():
    X, y = load_digits(return_X_y=True)
    X, y = X[:300], y[:300]
    display = EmbeddingDisplay.from_embedding(
        Z, y, images=X, image_shape=(8, 8), n_images=20
    )
    chosen = display.thumbnail_indices_
    assert 5 < len(chosen) <= 20 and len(display.thumbnails_) == len(chosen)
    for i, thumbnail in zip(chosen, display.thumbnails_, strict=True):
        assert_array_equal(thumbnail.xy, Z[i])
        pixels = thumbnail.offsetbox.get_data()
        assert_array_equal(pixels, np.round(X[i].reshape(8, 8) * 255 / 16))
        edge = thumbnail.patch.get_edgecolor()
        assert_allclose(edge, to_rgba(PALETTE[y[i]]))


def test_images_do_not_cover_each_other():
    images = rng.uniform(size=(300, 8, 8))
    display = EmbeddingDisplay.from_embedding(Z, images=images, n_images=1000)
    display.figure_.canvas.draw()
    assert len(display.thumbnails_) > 10
    boxes = [thumbnail.get_window_extent() for thumbnail in display.thumbnails_]
    assert not any(a.overlaps(b) for a, b in combinations(boxes, 2))


def test_images_are_small_and_spread_over_the_map():
    images = rng.uniform(size=(3000, 8, 8))
    corner = rng.uniform(size=(3000, 2))
    corner[:2900] *= 0.1
    _, ax = plt.subplots(figsize=(3, 3))
    display = EmbeddingDisplay.from_embedding(corner, images=images, ax=ax)
    display.figure_.canvas.draw()
    width = ax.get_window_extent().width
    box = display.thumbnails_[0].get_window_extent()
    assert width / 20 < box.width < width / 12
    cells = np.floor(corner[display.thumbnail_indices_] * 10 / 1.001)
    assert len(cells) > 25, "most lie outside of where most points are"
    assert max(np.unique(cells, axis=0, return_counts=True)[1]) <= 4


def test_images_may_have_colors():
    images = rng.integers(256, size=(300, 5, 4, 3)).astype(np.uint8)
    display = EmbeddingDisplay.from_embedding(Z, images=images)
    i = display.thumbnail_indices_[0]
    assert_array_equal(display.thumbnails_[0].offsetbox.get_data(), images[i])
    assert not display.plot(n_images=0).thumbnails_


# From an estimator ----------------------------------------------------------


def test_from_estimator_equals_from_embedding():
    X, y = load_iris(return_X_y=True)
    pca = PCA(2).fit(X)
    a = EmbeddingDisplay.from_estimator(pca, X, y)
    b = EmbeddingDisplay.from_embedding(pca.transform(X), y)
    assert_array_equal(places(a), places(b))
    assert_array_equal(colors(a), colors(b))
    assert a.ax_.get_title() == "PCA"
    assert EmbeddingDisplay.from_estimator(pca, X, name="n").ax_.get_title() == "n"


def test_an_estimator_may_have_no_transform():
    X, y = load_iris(return_X_y=True)
    spectral = SpectralEmbedding(2, affinity="rbf", random_state=0).fit(X)
    display = EmbeddingDisplay.from_estimator(spectral, X, y)
    assert_array_equal(places(display), spectral.embedding_)
    with pytest.raises(ValueError, match=r"150 training samples, but X has 10"):
        EmbeddingDisplay.from_estimator(spectral, X[:10])


def test_an_estimator_gives_images_and_a_decoder():
    X, y = load_digits(return_X_y=True)
    pca = PCA(2).fit(X)
    display = EmbeddingDisplay.from_estimator(pca, X, y, image_shape=(8, 8))
    assert_array_equal(display.images, X.reshape(-1, 8, 8))
    assert display.decoder == pca.inverse_transform
    three = PCA(3).fit(X)
    # two of three columns cannot be decoded
    chosen = EmbeddingDisplay.from_estimator(three, X, components=(0, 2))
    assert chosen.decoder is None


def test_images_may_be_given_beside_an_estimator():
    X, y = load_digits(return_X_y=True)
    pca = PCA(2).fit(X)
    images = X.reshape(-1, 8, 8)[:, ::-1]
    display = EmbeddingDisplay.from_estimator(pca, X, y, images=images)
    assert_array_equal(display.images, images)
    display = EmbeddingDisplay.from_estimator(pca, X, images=X + 1, image_shape=(8, 8))
    assert_array_equal(display.images, X.reshape(-1, 8, 8) + 1)


# New samples, several colorings, names at the groups -------------------------


def test_new_samples_are_plotted_over_the_map():
    X, y = load_iris(return_X_y=True)
    pca = PCA(2).fit(X[::2])
    display = EmbeddingDisplay.from_estimator(
        pca, X[::2], y[::2], X_new=X[1::2], y_new=y[1::2]
    )
    assert_array_equal(places(display), pca.transform(X[::2]))
    (new,) = display.new_points_
    assert_array_equal(new.get_offsets(), pca.transform(X[1::2]))
    expected = [to_rgba(PALETTE[label]) for label in y[1::2]]
    assert_allclose(new.get_facecolors(), expected)
    assert_allclose(new.get_edgecolors(), [to_rgba("black")])
    assert new.get_zorder() > display.points_[0].get_zorder()
    assert legend_of(display) == ["0", "1", "2", "new samples"]
    # a class that is new, and no labels at all
    display = EmbeddingDisplay.from_embedding(
        Z, Y, Z_new=Z[:3] + 1, y_new=[1, 7, None], kind="density"
    )
    assert legend_of(display) == ["missing", "0", "1", "2", "7", "new samples"]
    display = EmbeddingDisplay.from_embedding(Z, Y, Z_new=Z[:3])
    assert_allclose(display.new_points_[0].get_facecolors(), [to_rgba("white", 0.4)])
    display = EmbeddingDisplay.from_embedding(Z, Z_new=Z[:3], y_new=["a", "b", "a"])
    assert len(display.legend_.get_texts()) == 3
    assert not EmbeddingDisplay.from_embedding(Z).new_points_


def test_new_samples_share_the_scale_and_the_columns():
    t = Z[:, 0]
    display = EmbeddingDisplay.from_embedding(Z, t, Z_new=Z[:9], y_new=t[:9] + 5)
    ends = t.min(), t[:9].max() + 5
    assert display.points_[0].get_clim() == display.new_points_[0].get_clim() == ends
    # a column that is constant but for the new samples is none
    blocks = np.column_stack([np.ones(300), Z])
    display = EmbeddingDisplay.from_embedding(blocks, Z_new=blocks[:3] * 2)
    assert display.ax_.name == "3d"
    with pytest.raises(ValueError, match=r"Z_new has shape \(3, 3\)"):
        EmbeddingDisplay.from_embedding(Z, Z_new=blocks[:3])
    with pytest.raises(ValueError, match=r"y_new has shape \(2,\)"):
        EmbeddingDisplay.from_embedding(Z, Y, Z_new=Z[:3], y_new=[0, 1])
    with pytest.raises(ValueError, match="y_new needs new samples"):
        EmbeddingDisplay.from_embedding(Z, Y, y_new=[0])


def test_several_colorings_are_side_by_side():
    frame = load_iris(as_frame=True)
    X, kinds = frame.data, frame.target.rename("kind")
    pca = PCA(2).fit(X)
    display = EmbeddingDisplay.from_estimator(
        pca, X, color=["petal width (cm)", kinds, X.iloc[:, 0] > 5, X.iloc[:, 1]]
    )
    titles = [axes.get_title() for axes in display.ax_]
    expected = ["petal width (cm)", "kind", "sepal length (cm)", "sepal width (cm)"]
    assert titles == expected
    scales = [panel.colorbar_ is not None for panel in display.panels_]
    assert scales == [True, False, False, True]
    width, kind, *_ = display.panels_
    assert_array_equal(width.points_[0].get_array(), X["petal width (cm)"])
    assert_allclose(colors(kind), [to_rgba(PALETTE[label]) for label in kinds])
    _, axes = plt.subplots(2)
    for color in ({"a": Y, "b": Z[:, 0]}, pl.DataFrame({"a": Y, "b": Z[:, 0]})):
        display = EmbeddingDisplay.from_embedding(Z, color=color, ax=axes)
        assert_array_equal(display.ax_, axes)
    display = EmbeddingDisplay.from_embedding(Z, Y, color={"a": Y}, legend=False)
    assert [axes.get_title() for axes in display.ax_] == ["y", "a"]
    with pytest.raises(ValueError, match="ax has 2 axes, but color has 1"):
        EmbeddingDisplay.from_embedding(Z, color={"a": Y}, ax=axes)
    with pytest.raises(ValueError, match=r"'nope', .* which has 'sepal length"):
        EmbeddingDisplay.from_estimator(pca, X, color=["nope"])
    with pytest.raises(ValueError, match=r"'nope', .* which is none"):
        EmbeddingDisplay.from_embedding(Z, color=["nope"])
    with pytest.raises(TypeError, match="got str"):
        EmbeddingDisplay.from_estimator(pca, X, color="kind")
    with pytest.raises(ValueError, match="color is empty"):
        EmbeddingDisplay.from_embedding(Z, color=[])
    with pytest.raises(ValueError, match="y_new cannot be combined with color"):
        EmbeddingDisplay.from_embedding(Z, color=[Y], Z_new=Z, y_new=Y)


def test_sparse_samples_are_plotted():
    X, y = load_iris(return_X_y=True)

    class Slice:
        def transform(self, X):
            return X[:, :2]

    display = EmbeddingDisplay.from_estimator(Slice(), csr_array(X), y)
    assert_array_equal(places(display), X[:, :2])


# Errors ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"Z": np.ones((5, 4))}, r"Z has 4 components.*components=\(0, 1\)"),
        ({"Z": np.ones((5, 1))}, r"Z has 1 component,.*n_components"),
        ({"Z": np.ones(5)}, r"shape \(5,\)"),
        ({"Z": [["a", "b"]]}, "Z has strings"),
        ({"Z": np.ones((0, 2))}, "shape"),
        ({"Z": [[0.0, np.nan]]}, "NaN or infinite"),
        ({"y": Y[:-1]}, r"y has shape \(299,\)"),
        ({"components": (0, 2)}, r"got \(0, 2\)"),
        ({"components": (0,)}, r"got \(0,\)"),
        ({"components": "umap"}, r"components must be .* or 'pca', got \('umap',\)"),
        ({"Z": np.ones((5, 1)), "components": "pca"}, r"Z has 1 component,"),
        ({"target_type": "hue"}, r"'target_type' .* Got 'hue'"),
        (
            {"y": np.array(["a"] * 300), "target_type": "continuous"},
            "300 numbers, one for each sample",
        ),
        ({"kind": "hexbin"}, r"'kind' .* Got 'hexbin'"),
        ({"Z": np.ones((5, 3)), "kind": "density"}, "two components"),
        ({"image_shape": (8, 8)}, "requires images"),
        ({"images": np.ones((300, 64))}, r"image_shape=\(height, width\)"),
        ({"images": np.ones((300, 64)), "image_shape": (8, 7)}, "56 values"),
        ({"images": np.ones((300, 64)), "image_shape": (64,)}, r"must be \(H, W\)"),
        ({"images": np.ones((300, 64)), "image_shape": (2, 4, 8)}, "has 8 channels"),
        ({"images": np.ones((299, 8, 8))}, "299 images"),
    ],
)
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        EmbeddingDisplay.from_embedding(**{"Z": Z, **arguments})
    assert not plt.get_fignums()


def test_wrong_axes_and_estimators_are_refused():
    _, flat = plt.subplots()
    with pytest.raises(ValueError, match="three-dimensional axes"):
        EmbeddingDisplay.from_embedding(np.ones((4, 3)), ax=flat)
    _, cube = plt.subplots(subplot_kw={"projection": "3d"})
    with pytest.raises(ValueError, match="two-dimensional axes"):
        EmbeddingDisplay.from_embedding(Z, ax=cube)
    with pytest.raises(TypeError, match=r"Z is a PCA, .* EmbeddingDisplay.from_estim"):
        EmbeddingDisplay.from_embedding(PCA(), Y)
    with pytest.raises(TypeError, match="neither a method transform nor an embedding_"):
        EmbeddingDisplay.from_estimator(object(), Z)


# Imports, and masked arrays --------------------------------------------------


def test_missing_matplotlib_is_explained(uninstall):
    uninstall("matplotlib")
    with pytest.raises(ImportError, match=r"EmbeddingDisplay.plot needs.*\[plot\]"):
        EmbeddingDisplay.from_embedding(Z)


def test_masked_coordinates_and_pixels_are_missing():
    masked = np.ma.array(Z, mask=False)
    masked[3, 1] = np.ma.masked
    for options in ({"Z": masked}, {"Z": Z, "Z_new": masked}):
        with pytest.raises(ValueError, match="NaN or infinite"):
            EmbeddingDisplay.from_embedding(y=Y, **options)
    pixels = np.ma.array(np.ones((len(Z), 2, 2)), mask=False)
    pixels[:, 0, 0] = np.ma.masked
    display = EmbeddingDisplay.from_embedding(Z, images=pixels)
    assert np.isnan(display.images[:, 0, 0]).all()
    with pytest.raises(ValueError, match="images has strings"):
        EmbeddingDisplay.from_embedding(Z, images=pixels.data.astype(str))
