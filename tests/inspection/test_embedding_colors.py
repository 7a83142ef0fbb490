# SPDX-License-Identifier: BSD-3-Clause

"""Colors, scales and legends of EmbeddingDisplay."""

from itertools import combinations

import numpy as np
import pandas as pd
import polars as pl
import pytest
from matplotlib.colors import LogNorm, to_hex, to_rgb, to_rgba
from numpy.testing import assert_allclose, assert_array_equal

from skmanifold.inspection import EmbeddingDisplay
from skmanifold.inspection._style import GRAY, MARKERS, PALETTE
from tests.inspection.test_embedding import colors, legend_of

rng = np.random.default_rng(0)
Z = rng.normal(size=(300, 2))
Y = rng.integers(3, size=300)


@pytest.mark.parametrize("labels", ["int", "str"])
def test_noise_is_gray_and_below(labels):
    noisy = Y - 1
    noise_label = -1
    if labels == "str":
        noisy = np.array(["0", "1", "n/a"])[noisy]
        noise_label = "n/a"
    display = EmbeddingDisplay.from_embedding(Z, noisy, noise_label=noise_label)
    noise, rest = display.points_
    gray = np.flatnonzero(noisy == noise_label)
    assert_array_equal(noise.get_offsets(), Z[gray])
    assert_allclose(noise.get_facecolors(), [to_rgba(GRAY)] * len(gray))
    assert noise.get_zorder() < rest.get_zorder()
    # the others have the first colors of the palette
    assert_allclose(
        rest.get_facecolors(),
        [to_rgba(PALETTE[int(label)]) for label in noisy if label != noise_label],
    )
    assert legend_of(display) == ["noise", "0", "1"]


def test_noise_label_none_makes_it_a_class():
    display = EmbeddingDisplay.from_embedding(Z, Y - 1, noise_label=None)
    assert len(display.points_) == 1
    assert legend_of(display) == ["-1", "0", "1"]


HOLES = np.arange(300) % 4 == 0


@pytest.mark.parametrize("target_type", ["auto", "classes"])
@pytest.mark.parametrize(
    "labels, names",
    [
        (np.where(HOLES, None, np.array(["a", "b", "c"])[Y]), ["a", "b", "c"]),
        (pd.Series(np.array(["a", "b", "c"])[Y], dtype="category"), ["a", "b", "c"]),
        (pd.Series(np.array(["a", "b", "c"])[Y], dtype="string"), ["a", "b", "c"]),
        (pd.Series(Y, dtype="Int64"), ["0", "1", "2"]),
        (pd.Series(Y > 0, dtype="boolean"), ["False", "True"]),
        (np.where(HOLES, np.nan, Y), ["0", "1", "2"]),
        (pl.Series(Y.tolist()), ["0", "1", "2"]),
        (np.ma.array(Y, mask=HOLES), ["0", "1", "2"]),
    ],
    ids=range(8),
)
def test_missing_labels_are_gray_and_below(labels, names, target_type):
    if isinstance(labels, pd.Series):
        labels = labels.mask(HOLES)
    elif isinstance(labels, pl.Series):
        labels = pl.select(pl.when(pl.Series(~HOLES)).then(labels)).to_series()
    display = EmbeddingDisplay.from_embedding(Z, labels, target_type=target_type)
    assert legend_of(display) == ["missing", *names]
    missing, rest = display.points_
    assert_array_equal(missing.get_offsets(), Z[HOLES])
    assert_allclose(missing.get_facecolors(), [to_rgba(GRAY)] * HOLES.sum())
    assert missing.get_zorder() < rest.get_zorder()
    codes = (Y > 0).astype(int) if len(names) == 2 else Y
    expected = [to_rgba(PALETTE[code]) for code in codes[~HOLES]]
    assert_allclose(rest.get_facecolors(), expected)


def test_noise_differs_from_missing_labels():
    labels = np.where(HOLES, np.nan, Y - 1)
    display = EmbeddingDisplay.from_embedding(Z, labels)
    assert legend_of(display) == ["noise", "missing", "0", "1"]
    grays = colors(display)[: HOLES.sum() + ((Y == 0) & ~HOLES).sum()]
    assert len(np.unique(grays, axis=0)) == 2
    only = EmbeddingDisplay.from_embedding(Z, [None] * 300)
    assert legend_of(only) == ["missing"]
    named = np.where(HOLES, None, "missing")
    display = EmbeddingDisplay.from_embedding(Z, named)
    assert legend_of(display) == ["no label", "missing"]


@pytest.mark.parametrize("ordered", [True, False])
def test_levels_of_a_category_keep_their_order(ordered):
    levels = ["low", "mid", "high"]
    y = pd.Categorical.from_codes(Y, levels, ordered=ordered)
    display = EmbeddingDisplay.from_embedding(Z, y)
    assert legend_of(display) == levels
    assert_allclose(colors(display), [to_rgba(PALETTE[code]) for code in Y])
    display = EmbeddingDisplay.from_embedding(Z, [f"t{i % 12}" for i in range(300)])
    assert legend_of(display) == [f"t{i}" for i in range(12)]


def test_more_than_ten_classes_have_colors_and_markers():
    labels = np.arange(300) % 23
    display = EmbeddingDisplay.from_embedding(Z, labels)
    assert len(display.points_) == 3
    for marker, points in zip(range(3), display.points_, strict=True):
        rows = labels // 10 == marker
        assert_array_equal(points.get_offsets(), Z[rows])
        assert_allclose(
            points.get_facecolors(), [to_rgba(PALETTE[i % 10]) for i in labels[rows]]
        )
    handles = display.legend_.legend_handles
    marks = {(to_hex(h.get_color()), h.get_marker()) for h in handles}
    assert len(marks) == 23
    assert {marker for _, marker in marks} == set(MARKERS[:3])


def test_more_than_a_hundred_classes_have_no_legend():
    display = EmbeddingDisplay.from_embedding(Z, np.arange(300) // 2)
    assert display.legend_ is None
    assert sum(len(p.get_offsets()) for p in display.points_) == 300


def test_numbers_have_a_color_scale():
    t = rng.normal(size=300)
    display = EmbeddingDisplay.from_embedding(Z, t, cmap="viridis")
    (points,) = display.points_
    assert_array_equal(points.get_array(), t)
    assert points.get_clim() == (t.min(), t.max())
    assert points.get_cmap().name == "viridis"
    assert display.colorbar_.mappable is points
    assert display.legend_ is None


def heavy_tailed():
    """Mostly small amounts: half are zero, and one is missing."""
    amounts = np.exp(2 * np.random.default_rng(0).normal(size=300))
    return np.where(np.arange(300) % 2, amounts, np.append(np.nan, np.zeros(299)))


@pytest.mark.parametrize("kind", ["scatter", "density"])
def test_amounts_with_a_long_tail_use_the_whole_scale(kind):
    amounts = heavy_tailed()
    known = amounts[1:]
    display = EmbeddingDisplay.from_embedding(Z, amounts, kind=kind)
    mappable = display.colorbar_.mappable
    assert mappable.get_clim() == (0, known.max())
    shares = np.asarray(mappable.norm(known))
    assert (shares[known == 0] == 0).all()
    quarters = np.quantile(shares[known > 0], [0.25, 0.5, 0.75])
    assert_allclose(quarters, [0.25, 0.5, 0.75], atol=0.05)
    order = np.argsort(known)
    assert (np.diff(shares[order]) >= 0).all()
    display.figure_.canvas.draw()
    ticks = display.colorbar_.ax.get_yticks()
    assert_allclose(mappable.norm(ticks), np.linspace(0, 1, 5), atol=1e-9)
    names = [text.get_text() for text in display.colorbar_.ax.get_yticklabels()]
    assert_allclose([float(name.replace(",", "")) for name in names], ticks, rtol=5e-3)


@pytest.mark.parametrize(
    "values",
    [
        rng.normal(size=300),
        rng.exponential(size=300),
        np.arange(300) / 2,
        np.r_[np.zeros(150), np.ones(149), 0.5],
    ],
    ids=["normal", "exponential", "uniform", "two values"],
)
def test_other_scales_are_linear(values):
    display = EmbeddingDisplay.from_embedding(Z, values, target_type="continuous")
    low, high = values.min(), values.max()
    expected = (values - low) / (high - low)
    shares = np.asarray(display.points_[0].norm(values))
    assert_allclose(shares, expected, atol=1e-12)


def test_a_scale_of_dates_may_include_an_early_one():
    days = np.datetime64("2023-03-01") + np.arange(300)
    days[0] = np.datetime64("1900-01-01")
    display = EmbeddingDisplay.from_embedding(Z, days)
    names = [text.get_text() for text in display.colorbar_.ax.get_yticklabels()]
    assert names[0] == "1900-01-01" and names[-1] == str(days[-1])
    assert "2023-07-01" < names[2] < "2023-08-31"


def test_limits_and_norms_of_the_user_replace_the_scale():
    for values in (Z[:, 0], heavy_tailed()):
        for options in ({"vmin": 0.5, "vmax": 2}, {"norm": LogNorm(0.5, 2)}):
            display = EmbeddingDisplay.from_embedding(
                Z, values, scatter_kwargs=options, legend=False
            )
            assert display.points_[0].get_clim() == (0.5, 2)


@pytest.mark.parametrize("kind", ["scatter", "density"])
def test_scale_includes_new_samples(kind):
    display = EmbeddingDisplay.from_embedding(
        Z, Z[:, 0], Z_new=Z[:2], y_new=[-50.5, 50], kind=kind
    )
    new = display.new_points_[0]
    assert display.colorbar_.mappable.get_clim() == new.get_clim() == (-50.5, 50)


@pytest.mark.parametrize(
    "start, step, continuous",
    [(18, 1, True), (0, 5, True), (0, 1, False), (1, 1, False), (-1, 1, False)],
)
def test_many_whole_numbers_are_quantities_unless_they_count_up(
    start, step, continuous
):
    numbers = start + step * (np.arange(len(Z)) % 25)
    display = EmbeddingDisplay.from_embedding(Z, numbers)
    assert (display.colorbar_ is not None) is continuous
    few = start + step * (np.arange(len(Z)) % 20)
    assert EmbeddingDisplay.from_embedding(Z, few).colorbar_ is None


def test_whole_numbers_most_of_which_differ_are_a_continuous_color():
    prices = 7 * np.arange(300) % 1100
    assert EmbeddingDisplay.from_embedding(Z, prices).colorbar_ is not None
    persons = np.arange(300) // 10
    assert EmbeddingDisplay.from_embedding(Z, persons).colorbar_ is None


@pytest.mark.parametrize(
    "convert",
    [
        lambda days: days,
        lambda days: pd.Series(days).dt.tz_localize("UTC"),
        lambda days: [None if np.isnat(day) else day.item() for day in days],
    ],
    ids=["numpy", "with a time zone", "objects"],
)
def test_many_dates_are_a_continuous_color(convert):
    days = np.datetime64("2023-03-01") + np.arange(300)
    days[7] = "NaT"
    display = EmbeddingDisplay.from_embedding(Z, convert(days))
    known = np.delete(np.arange(300), 7)
    expected = (days - np.datetime64("1970-01-01")).astype(float)[known]
    (points,) = display.points_
    assert_array_equal(points.get_array()[known], expected)
    display.figure_.canvas.draw()
    names = [text.get_text() for text in display.colorbar_.ax.get_yticklabels()]
    assert {"May", "Jul"} <= set(names)
    assert display.legend_ is None


def test_few_dates_are_classes():
    days = np.datetime64("2023-03-01") + np.arange(300) % 10
    display = EmbeddingDisplay.from_embedding(Z, days)
    assert legend_of(display) == [f"2023-03-{day:02d}" for day in range(1, 11)]
    whole = EmbeddingDisplay.from_embedding(Z, days, target_type="continuous")
    assert whole.colorbar_ is not None


@pytest.mark.parametrize(
    "t", [np.where(np.arange(300) % 5, 1.5, np.nan), heavy_tailed()]
)
def test_missing_values_of_a_continuous_color_are_gray(t):
    display = EmbeddingDisplay.from_embedding(Z, t)
    display.figure_.canvas.draw()
    gray = (colors(display) == to_rgba(GRAY)).all(axis=1)
    assert_array_equal(gray, np.isnan(t))
    display = EmbeddingDisplay.from_embedding(Z, t, kind="density")
    first = Z[0] - Z.min(axis=0)
    column, row = (first // (np.ptp(Z, axis=0).max() / 256)).astype(int)
    assert_allclose(display.image_.get_array()[row, column, :3], to_rgb(GRAY))


@pytest.mark.parametrize("y", [Y, np.arange(300) % 23])
def test_legend_covers_no_point(y):
    display = EmbeddingDisplay.from_embedding(Z, y)
    display.figure_.canvas.draw()
    at = display.ax_.transData.transform(display.embedding)
    box = display.legend_.get_window_extent()
    assert at[:, 0].max() < box.x0
    # and all of it is on the page
    assert box.x1 <= display.figure_.bbox.x1 and box.y0 >= 0


def test_scale_is_beside_its_panel_whatever_is_above():
    names = np.where(Y == 0, "a name that needs room", "b")
    display = EmbeddingDisplay.from_embedding(
        Z, color={"name": names, "t": Z[:, 0], "u": Y, "v": Y, "w": Z[:, 1]}
    )
    display.figure_.canvas.draw()
    for panel in (display.panels_[1], display.panels_[4]):
        end = panel.ax_.get_position().x1
        assert 0 < panel.colorbar_.ax.get_position().x0 - end < 0.02


@pytest.mark.parametrize("length", [10, 100])
@pytest.mark.parametrize("n_columns", [2, 3])
def test_legends_of_many_classes_leave_room_for_the_plots(length, n_columns):
    Z = np.random.default_rng(0).normal(size=(400, n_columns))
    kinds = [f"{i % 40:-<{length}}{i % 40}" for i in range(400)]
    display = EmbeddingDisplay.from_embedding(Z, color={"kind": kinds, "x": Z[:, 0]})
    single = EmbeddingDisplay.from_embedding(Z, kinds)
    for figure in (display.figure_, single.figure_):
        figure.draw_without_rendering()
    for ax in (*display.ax_, single.ax_):
        sides = ax.get_window_extent().size / ax.figure.dpi
        assert sides.min() > 2.5 and sides.max() < 5
    texts = legend_of(single)
    assert len(set(texts)) == 40 and max(map(len, texts)) <= 40


@pytest.mark.parametrize("n_columns", [2, 3])
def test_names_at_the_groups(n_columns):
    Z3 = rng.normal(size=(300, n_columns))
    labels = np.where(HOLES, None, np.array(["a", "b", "c"])[Y])
    display = EmbeddingDisplay.from_embedding(Z3, labels, legend="names")
    assert display.legend_ is None
    assert [text.get_text() for text in display.texts_] == ["a", "b", "c"]
    for text, code in zip(display.texts_, range(3), strict=True):
        own = Z3[(Y == code) & ~HOLES]
        assert (text.get_position()[:2] == own[:, :2]).all(axis=1).any()


# Machado, Oliveira and Fernandes, "A physiologically-based model for simulation of
# color vision deficiency", 2009, severity 1: linear RGB to linear RGB.
SIGHTS = {
    "normal": np.eye(3),
    "protan": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deutan": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritan": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}


def lab(hexes, sight):
    """CIELAB of colors as seen with a color vision deficiency."""
    rgb = np.array([to_rgb(color) for color in hexes])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(linear @ np.transpose(SIGHTS[sight]), 0.0, 1.0)
    to_xyz = [
        [0.4124, 0.3576, 0.1805],
        [0.2126, 0.7152, 0.0722],
        [0.0193, 0.1192, 0.9505],
    ]
    xyz = seen @ np.transpose(to_xyz) / [0.9505, 1.0, 1.089]
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.column_stack(
        [116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])]
    )


@pytest.mark.parametrize("sight", SIGHTS)
def test_palette_is_colorblind_safe(sight):
    def least(hexes):
        at = lab(hexes, sight)
        return min(np.linalg.norm(a - b) for a, b in combinations(at, 2))

    # a difference of 2.3 is just noticeable
    assert least(PALETTE) > 15
    assert least([*PALETTE, GRAY]) > 12


def test_minus_one_beside_one_is_a_class():
    y = np.where(Y == 0, -1, 1)
    display = EmbeddingDisplay.from_embedding(Z, y)
    assert legend_of(display) == ["-1", "1"]
    with_noise = EmbeddingDisplay.from_embedding(Z, np.append(y[1:], 2))
    assert with_noise.legend_.get_texts()[0].get_text() == "noise"


@pytest.mark.parametrize("legend", [True, "names"])
def test_names_are_no_formulas(legend):
    names = np.array(["$5 to $10", "$x_$", ""])[Y]
    display = EmbeddingDisplay.from_embedding(Z, names, legend=legend)
    display.figure_.canvas.draw()
    texts = display.legend_.get_texts() if legend is True else display.texts_
    assert {text.get_text() for text in texts} == {"$5 to $10", "$x_$", "(empty)"}
    assert not any(text.get_parse_math() for text in texts)
