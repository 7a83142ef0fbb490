# SPDX-License-Identifier: BSD-3-Clause

"""The explorer's page, read as a file; explorer_in_browser.py opens it in a browser."""

import base64
import fnmatch
import io
import json
import re
import tomllib
from pathlib import Path

import matplotlib.image
import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

import skmanifold.inspection
from skmanifold.inspection import EmbeddingDisplay, _explorer, write_explorer
from skmanifold.inspection._style import GRAY, PALETTE

ROOT = Path(__file__).resolve().parents[2]
rng = np.random.default_rng(0)
Z = rng.normal(size=(300, 2))
Y = rng.integers(3, size=300)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "page.html"


def content(path):
    """The data of a page, as a browser reads them."""
    page = path.read_text(encoding="utf-8")
    (result,) = re.findall(
        r'<script type="application/json" id="data">(.*?)</script>', page, re.S
    )
    return json.loads(result)


def numbers(text, dtype="<f4"):
    return np.frombuffer(base64.b64decode(text), dtype=dtype)


def tile(sprites, i):
    """Image i of the sheets, by the rule that the page follows."""
    sheet = sprites["sheets"][i // sprites["per_sheet"]]
    kind, data = sheet.split(",")
    assert kind == "data:image/png;base64"
    png = base64.b64decode(data)
    pixels = matplotlib.image.imread(io.BytesIO(png), format="png")
    pixels = np.round(pixels * 255).astype(np.uint8)
    row, column = divmod(i % sprites["per_sheet"], sprites["columns"])
    height, width = sprites["height"], sprites["width"]
    return pixels[row * height :, column * width :][:height, :width]


# The data -------------------------------------------------------------------


def test_positions_and_classes_are_on_the_page(path):
    labels = np.array(["x", "y", "z"])[Y]
    assert write_explorer(Z, labels, path=path) == path
    data = content(path)
    assert data["n"] == 300
    assert_array_equal(numbers(data["x"]), Z[:, 0].astype(np.float32))
    assert_array_equal(numbers(data["y"]), Z[:, 1].astype(np.float32))
    target = data["target"]
    assert target["labels"] == ["x", "y", "z"]
    assert_array_equal(numbers(target["values"], "<i4"), Y)
    assert target["colors"] == list(PALETTE[:3])
    assert target["symbols"] == ["circle"] * 3
    assert data["images"] is data["decode"] is data["names"] is None


def test_noise_and_many_classes_have_colors_and_symbols(path):
    labels = np.arange(300) % 13 - 1
    write_explorer(Z, labels, path=path)
    target = content(path)["target"]
    assert target["labels"] == ["noise", *map(str, range(12))]
    assert target["colors"] == [GRAY, *PALETTE, *PALETTE[:2]]
    assert target["symbols"] == ["circle"] * 11 + ["triangle-up"] * 2
    assert_array_equal(numbers(target["values"], "<i4"), labels + 1)


def test_numbers_have_a_color_scale(path):
    t = np.append(rng.normal(size=299), np.nan)
    write_explorer(Z, t, path=path)
    target = content(path)["target"]
    assert target["kind"] == "continuous"
    assert_array_equal(numbers(target["values"]), t.astype(np.float32))
    assert (target["low"], target["high"]) == (np.nanmin(t), np.nanmax(t))
    assert all(len(color) == 3 for color in target["scale"])


def test_amounts_with_a_long_tail_have_knots(path):
    amounts = np.exp(2 * rng.normal(size=300))
    write_explorer(Z, amounts, path=path)
    target = content(path)["target"]
    assert_allclose(target["knots"], np.quantile(amounts, np.linspace(0, 1, 101)))
    write_explorer(Z, Z[:, 0], path=path)
    assert content(path)["target"]["knots"] is None


def test_many_dates_are_a_scale(path):
    days = np.datetime64("2023-03-01") + np.arange(300)
    write_explorer(Z, days, path=path)
    target = content(path)["target"]
    assert target["kind"] == "continuous" and target["dates"]
    first = (days[0] - np.datetime64("1970-01-01")).astype(int)
    assert_array_equal(numbers(target["values"]), np.arange(first, first + 300))
    write_explorer(Z, np.linspace(0, 1.5, 300), path=path)
    assert not content(path)["target"]["dates"]


def test_a_missing_folder_is_an_error(tmp_path):
    with pytest.raises(ValueError, match=r"path='.*is in a folder .* Create '.*new'"):
        write_explorer(Z, Y, path=tmp_path / "new" / "map.html")


def test_facts_are_listed_with_missing_ones(path):
    frame = pd.DataFrame(
        {"title": list("ab") * 150, "year": [1999, None, 2001] * 100, 3: range(300)}
    )
    expected = [
        ["title", list("ab") * 150],
        ["year", ["1999.0", None, "2001.0"] * 100],
        ["3", [str(i) for i in range(300)]],
    ]
    for names in (frame, frame.to_dict("list")):
        write_explorer(Z, names=names, path=path)
        assert content(path)["names"] == expected
    write_explorer(Z, names=pl.DataFrame({"a": ["x", None, "y"] * 100}), path=path)
    assert content(path)["names"] == [["a", ["x", None, "y"] * 100]]
    masked = np.ma.array(["x"] * 300, mask=np.arange(300) == 2)
    for names in (["x", "x", None] + ["x"] * 297, masked):
        write_explorer(Z, names=names, path=path)
        assert content(path)["names"] == [["name", ["x", "x", None] + ["x"] * 297]]
    names = [None, np.nan, pd.NA] + ["nan"] * 297
    write_explorer(Z, names=names, path=path)
    assert content(path)["names"][0][1] == [None] * 3 + ["nan"] * 297
    with pytest.raises(ValueError, match=r"names\['b'\] has shape \(2,\)"):
        write_explorer(Z, names={"a": range(300), "b": [1, 2]}, path=path)


def test_an_only_chart_is_drawn_in_its_own_coordinates(path):
    blocks = np.column_stack([np.ones(300), Z])
    write_explorer(blocks, Y, decoder=lambda codes: codes, grid_size=3, path=path)
    data = content(path)
    assert_array_equal(numbers(data["x"]), Z[:, 0].astype(np.float32))
    rows = numbers(data["decode"]["rows"]).reshape(9, 3)
    assert_allclose(rows[0], [1.0, *Z.min(axis=0)], rtol=1e-6)
    with pytest.raises(ValueError, match=r"components=\(1, 2\)"):
        write_explorer(np.column_stack([blocks, Z[:, 0]]), Y, path=path)


def test_a_page_may_have_neither_y_nor_title(path):
    write_explorer(Z, path=path)
    assert content(path)["target"]["kind"] is None
    assert "<title>Embedding</title>" in path.read_text()


# Images ---------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 3), (5, 7, 4), (5, 7, 1)])
def test_every_image_is_in_its_tile(path, shape, monkeypatch):
    monkeypatch.setattr(_explorer, "_SHEET_SIDE", 40)
    images = rng.integers(256, size=(300, *shape)).astype(np.uint8)
    write_explorer(Z, images=images, path=path)
    sprites = content(path)["images"]
    assert (sprites["height"], sprites["width"]) == (5, 7)
    assert sprites["per_sheet"] == 5 * 8 and len(sprites["sheets"]) == 8
    for i in (0, 1, 4, 5, 39, 40, 123, 299):
        expected = images[i].reshape(5, 7) if shape[2:] == (1,) else images[i]
        assert_array_equal(tile(sprites, i), expected)


def test_flattened_images_are_scaled_to_bytes(path):
    X, y = load_digits(return_X_y=True)
    write_explorer(X[:, :2], y, images=X, image_shape=(8, 8), path=path)
    sprites = content(path)["images"]
    for i in (0, 1796):
        expected = np.round(X[i].reshape(8, 8) * 255 / 16)
        assert_array_equal(tile(sprites, i), expected)


@pytest.mark.parametrize("dtype", [np.float64, np.uint8, bool])
def test_large_images_are_reduced_by_means(path, dtype):
    images = (rng.uniform(size=(300, 10, 7)) * 255).astype(dtype)
    images[0, 0, 0], images[0, 0, 1] = 0, 255
    write_explorer(Z, images=images, image_size=5, path=path)
    sprites = content(path)["images"]
    assert (sprites["height"], sprites["width"]) == (5, 4)
    scale = 255.0 if dtype is bool else 1.0
    block = scale * images[7, 2:4, 4:6].astype(float).mean()
    edge = scale * images[7, 2:4, 6:].astype(float).mean()
    assert_allclose(tile(sprites, 7)[1, 2:], [block, edge], atol=1.01)


def test_images_that_are_not_finite(path):
    images = rng.uniform(size=(300, 3, 3))
    images[3, 1, 1] = np.nan
    images[4] = np.inf
    write_explorer(Z, images=images, path=path)
    sprites = content(path)["images"]
    assert tile(sprites, 3)[1, 1] == 0 and (tile(sprites, 4) == 255).all()
    write_explorer(Z, images=np.full((300, 2, 2), 7.0), path=path)
    assert (tile(content(path)["images"], 9) == 0).all()


def test_images_are_packed(path):
    X, y = load_digits(return_X_y=True)
    write_explorer(X[:, :2], y, path=path)
    without = path.stat().st_size
    write_explorer(X[:, :2], y, images=X, image_shape=(8, 8), path=path)
    # less than the bytes of the pixels themselves, though base64 adds a third
    assert path.stat().st_size - without < X.size


# The decoder ----------------------------------------------------------------


def test_the_decoded_grid_has_its_positions(path):
    X, y = load_digits(return_X_y=True)
    pca = PCA(2, random_state=0).fit(X)
    at = pca.transform(X)
    write_explorer(
        at, y, images=X, image_shape=(8, 8), decoder=pca, grid_size=5, path=path
    )
    decode = content(path)["decode"]
    ends = [at.min(axis=0), at.max(axis=0)]
    assert [decode["x"]["low"], decode["y"]["low"]] == list(ends[0])
    assert [decode["x"]["high"], decode["y"]["high"]] == list(ends[1])
    for column, row in [(0, 0), (4, 0), (1, 3)]:
        place = ends[0] + np.array([column, row]) / 4 * (ends[1] - ends[0])
        row_of_data = pca.inverse_transform([place]).reshape(8, 8)
        # with the samples' black and white
        expected = np.clip(row_of_data * 255 / 16, 0, 255)
        assert_allclose(tile(decode["images"], row * 5 + column), expected, atol=0.51)


def test_decoded_samples_may_be_no_images(path):
    def decode(codes):
        return np.column_stack([codes, codes.sum(axis=1)])

    write_explorer(Z, decoder=decode, grid_size=4, path=path)
    result = content(path)["decode"]
    assert result["images"] is None and result["n_features"] == 3
    rows = numbers(result["rows"]).reshape(16, 3)
    assert_allclose(rows[0, :2], Z.min(axis=0), rtol=1e-6)
    assert_allclose(rows[3, :2], [Z[:, 0].max(), Z[:, 1].min()], rtol=1e-6)
    assert_allclose(rows[:, 2], rows[:, 0] + rows[:, 1], atol=1e-6)
    # the shape of what is decoded, where the samples have no images
    write_explorer(Z, decoder=decode, grid_size=4, image_shape=(1, 3), path=path)
    assert content(path)["decode"]["images"]["width"] == 3


# The page -------------------------------------------------------------------

NASTY = [
    "</script><script>window.stolen = 1</script>",
    "<!--<script>",
    '<img src=x onerror="window.stolen = 1">',
    "<!-- data -->&amp;\u2028\u2029",
    "\ud800 alone",
    'quote " and, comma\nline',
]


def test_no_text_becomes_markup(path):
    labels = np.array(NASTY, dtype=object)[np.arange(300) % len(NASTY)]
    names = [f"{i} {NASTY[0]}" for i in range(300)]
    write_explorer(Z, labels, names=names, title=NASTY[0], path=path)
    page = path.read_bytes().decode("utf-8")
    data = content(path)
    assert data["target"]["labels"] == sorted(NASTY)
    assert data["names"] == [["name", names]]
    assert "<script>window.stolen" not in page and "<img src=x" not in page
    assert "&lt;script&gt;window.stolen" in page
    harmless = path.with_name("harmless.html")
    write_explorer(Z, Y, path=harmless)
    plain = harmless.read_text(encoding="utf-8")
    for tag in ("<script", "</script", "<!--"):
        assert page.count(tag) == plain.count(tag)
    own = page.split('id="data">')[1].split("</script>")[0]
    assert not set("<>&\u2028\u2029") & set(own)


def test_page_needs_nothing_else(path):
    write_explorer(Z, Y, path=path)
    page = path.read_text(encoding="utf-8")
    own = _explorer._read("explorer.html")
    own += _explorer._read("explorer.css") + _explorer._read("explorer.js")
    assert not re.findall(r"(?:https?:)?//\w+\.\w+|<link|@import|url\(", own)
    assert not re.findall(r"<!-- [a-z]+ -->", page)
    assert "default-src 'none'" in page and "connect-src" not in page
    assert "Plotly" in page


def test_files_of_the_page_are_installed():
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    patterns = config["tool"]["setuptools"]["package-data"]["skmanifold.inspection"]
    folder = Path(skmanifold.inspection.__file__).parent
    files = {file.name for file in folder.iterdir() if file.is_file()}
    others = {name for name in files if not name.endswith((".py", ".pyc"))}
    assert others == {"explorer.css", "explorer.html", "explorer.js"}
    for name in others:
        assert any(fnmatch.fnmatch(name, pattern) for pattern in patterns), name


def test_to_html_equals_write_explorer(path, tmp_path):
    X, y = load_digits(return_X_y=True)
    pca = PCA(2, random_state=0).fit(X)
    display = EmbeddingDisplay.from_estimator(pca, X, y, image_shape=(8, 8))
    other = tmp_path / "other.html"
    assert display.to_html(str(path), grid_size=6, image_size=4) == path
    write_explorer(
        pca.transform(X),
        y,
        path=other,
        images=X,
        image_shape=(8, 8),
        decoder=pca,
        grid_size=6,
        image_size=4,
        title="PCA",
    )
    assert path.read_bytes() == other.read_bytes()


@pytest.mark.parametrize("components", [(2, 0), "pca"])
def test_three_columns_are_chosen_from(path, tmp_path, components):
    Z3 = rng.normal(size=(300, 3))
    display = EmbeddingDisplay.from_embedding(Z3, Y, decoder=lambda codes: codes)
    with pytest.raises(ValueError, match=r"components=\(0, 1\)"):
        display.to_html(path)
    display.to_html(path, components=components)
    other = write_explorer(Z3, Y, components=components, path=tmp_path / "other.html")
    assert path.read_bytes() == other.read_bytes()


def test_missing_plotly_is_explained(path, uninstall):
    uninstall("plotly")
    with pytest.raises(ImportError, match=r"explorer needs.*skmanifold\[explorer\]"):
        write_explorer(Z, path=path)
    assert not path.exists()


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"embedding": np.ones((5, 3))}, r"components=\(0, 1\)"),
        ({"embedding": np.ones(5)}, r"shape \(5,\)"),
        ({"y": Y[:9]}, r"y has shape \(9,\)"),
        ({"names": ["a"]}, r"names has shape \(1,\)"),
        ({"names": np.array([["a", "b"]] * 300)}, r"names has shape \(300, 2\)"),
        ({"grid_size": 1}, r"'grid_size' .* Got 1"),
        ({"image_size": 0}, r"'image_size' .* Got 0"),
        ({"images": np.ones((300, 9))}, "image_shape"),
        ({"image_shape": (3, 3)}, "requires images"),
        ({"decoder": lambda codes: codes[:3]}, "one sample for each of 576"),
        ({"decoder": PCA(2), "components": (0, 1)}, "cannot be combined"),
    ],
)
def test_wrong_arguments_are_refused(path, arguments, message):
    with pytest.raises(ValueError, match=message):
        write_explorer(**{"embedding": Z, **arguments}, path=path)
    assert not path.exists()


def test_too_many_pixels_for_a_page_are_refused(path, monkeypatch):
    monkeypatch.setattr(_explorer, "_MOST_PIXELS", 1000)
    with pytest.raises(ValueError, match=r"300 images of 8 x 8 .* Decrease image_size"):
        write_explorer(Z, images=np.ones((300, 8, 8)), path=path)
    write_explorer(Z, images=np.ones((300, 8, 8)), image_size=1, path=path)
    display = EmbeddingDisplay.from_embedding(Z, images=np.ones((300, 8, 8)))
    with pytest.raises(ValueError, match="Decrease image_size, or pass fewer"):
        display.to_html(path)
    display.to_html(path, image_size=1)
    decoded = {"decoder": lambda codes: np.ones((len(codes), 4)), "image_shape": (2, 2)}
    with pytest.raises(ValueError, match=r"576 images .* image_size, or grid_size"):
        write_explorer(Z, **decoded, path=path)
    write_explorer(Z, **decoded, grid_size=3, path=path)


def test_a_display_passes_its_settings_to_its_page(path):
    display = EmbeddingDisplay.from_embedding(Z, color={"a": Y, "b": Z[:, 0]})
    display.to_html(path)
    data = content(path)
    assert_array_equal(numbers(data["target"]["values"], "<i4"), Y)
    assert [name for name, _ in data["names"]] == ["a", "b"]
    display.to_html(path, names={"c": Y}, title="own")
    assert [name for name, _ in content(path)["names"]] == ["c"]
    assert "<h1>own</h1>" in path.read_text(encoding="utf-8")
    EmbeddingDisplay.from_embedding(Z, Y, noise_label=2).to_html(path)
    assert content(path)["target"]["colors"][0] == GRAY
    EmbeddingDisplay.from_embedding(Z, Y, target_type="continuous").to_html(path)
    assert content(path)["target"]["kind"] == "continuous"


def test_new_samples_of_a_display_are_left_out_with_a_warning(path):
    display = EmbeddingDisplay.from_embedding(Z[9:], Y[9:], Z_new=Z[:9], y_new=Y[:9])
    with pytest.warns(UserWarning, match="leaves out the 9 new samples"):
        display.to_html(path)
    assert content(path)["n"] == 291
