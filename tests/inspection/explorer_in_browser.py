# SPDX-License-Identifier: BSD-3-Clause

"""The explorer's page in a real browser: ``make browser-test``.

The name of this file keeps it out of ``make test``, which needs no browser. Here a
missing browser is an error. CHROMIUM and CHROMEDRIVER name programs that are not on the
search path.
"""

import csv
import io
import json
import os
import shutil
import time

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.image import imread
from matplotlib.path import Path as Polygon
from numpy.testing import assert_array_equal
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

from skmanifold.inspection import write_explorer
from skmanifold.inspection._style import PALETTE

SECONDS = 120  # a busy machine without a GPU is slow, and that is no error


def program(variable, *names):
    result = os.environ.get(variable) or next(
        filter(None, map(shutil.which, names)), None
    )
    assert result, f"No {names[0]} found; install it, or set {variable}."
    return result


@pytest.fixture(scope="session")
def downloads(tmp_path_factory):
    return tmp_path_factory.mktemp("downloads")


@pytest.fixture(scope="session")
def browser(downloads):
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = program(
        "CHROMIUM",
        "chromium",
        "chromium-browser",
        "google-chrome",
        "google-chrome-stable",
        "chrome",
    )
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-dev-shm-usage",
        "--window-size=1280,860",
        # WebGL without a GPU
        "--use-angle=swiftshader",
        "--enable-unsafe-swiftshader",
    ):
        options.add_argument(argument)
    options.set_capability(
        "goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"}
    )
    service = webdriver.ChromeService(program("CHROMEDRIVER", "chromedriver"))
    driver = webdriver.Chrome(options=options, service=service)
    driver.set_page_load_timeout(SECONDS)
    driver.execute_cdp_cmd(
        "Browser.setDownloadBehavior",
        {"behavior": "allow", "downloadPath": str(downloads)},
    )
    yield driver
    driver.quit()


class Page:
    """An open page, and the actions of a user."""

    def __init__(self, browser, path):
        self.browser = browser
        browser.get_log("browser")
        browser.get_log("performance")
        browser.get(path.as_uri())
        self.wait(lambda: self.script("return document.body.dataset.ready"))

    def script(self, code, *arguments):
        return self.browser.execute_script(code, *arguments)

    def find(self, selector):
        return self.browser.find_element("css selector", selector)

    def find_all(self, selector):
        return self.browser.find_elements("css selector", selector)

    def text(self, selector):
        return self.find(selector).text

    def wait(self, condition):
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            if value := condition():
                return value
            time.sleep(0.05)
        raise AssertionError("what was waited for did not come")

    def pixels(self, places):
        """Return the positions of samples in the window."""
        box, x, y = self.script(
            """
            const plot = document.getElementById("plot");
            const box = plot.querySelector(".nsewdrag").getBoundingClientRect();
            const { xaxis, yaxis } = plot.layout;
            return [[box.left, box.bottom, box.width, box.height],
                    xaxis.range, yaxis.range];
            """
        )
        share = (np.asarray(places) - [x[0], y[0]]) / [x[1] - x[0], y[1] - y[0]]
        return np.array(box[:2]) + share * [box[2], -box[3]]

    def mouse(self):
        from selenium.webdriver.common.actions.action_builder import ActionBuilder

        return ActionBuilder(self.browser, duration=60)

    def hover(self, place):
        x, y = np.round(self.pixels(place)).astype(int).tolist()
        actions = self.mouse()
        actions.pointer_action.move_to_location(x + 1, y).move_to_location(x, y)
        actions.perform()

    def hover_row(self, place):
        """Return the sample that the page shows for a position."""
        # away first, so that an earlier point is not taken for this one
        self.script("document.getElementById('tip').removeAttribute('data-row')")
        self.hover(place)
        row = "return document.getElementById('tip').dataset.row"
        return int(self.wait(lambda: self.script(row)))

    def choose(self, tool):
        self.find(f"[data-val='{tool}']").click()
        self.wait(
            lambda: (
                self.script(
                    "return document.getElementById('plot')._fullLayout.dragmode"
                )
                == tool
            )
        )

    def lasso(self, corners, *, shift=False):
        """Draw a lasso around positions; return its corners in the window."""
        from selenium.webdriver import ActionChains, Keys

        at = np.round(self.pixels(corners)).astype(int)
        before = self.text("#selection-count")
        if shift:
            ActionChains(self.browser).key_down(Keys.SHIFT).perform()
        actions = self.mouse()
        pointer = actions.pointer_action
        pointer.move_to_location(*at[0].tolist()).pointer_down()
        for corner in at[1:]:
            pointer.move_to_location(*corner.tolist())
        pointer.pointer_up()
        actions.perform()
        if shift:
            ActionChains(self.browser).key_up(Keys.SHIFT).perform()
        self.wait(lambda: self.text("#selection-count") != before)
        return at

    def exported(self, downloads):
        for old in downloads.iterdir():
            old.unlink()
        self.find("#export").click()
        file = downloads / "selection.csv"
        self.wait(lambda: file.exists() and not list(downloads.glob("*.crdownload")))
        with open(file, encoding="utf-8", newline="") as lines:
            return list(csv.DictReader(lines))

    def canvas(self, selector):
        """Gray values of a canvas."""
        width, values = self.script(
            """
            const canvas = document.querySelector(arguments[0]);
            const pen = canvas.getContext("2d");
            const all = pen.getImageData(0, 0, canvas.width, canvas.height).data;
            return [canvas.width, Array.from(all).filter((_, i) => i % 4 === 0)];
            """,
            selector,
        )
        return np.reshape(values, (-1, width))

    def picture(self, selector):
        """Return the pixels of an element, in red, green and blue."""
        png = self.find(selector).screenshot_as_png
        return imread(io.BytesIO(png))[..., :3]

    def reset(self):
        """Restore the view after loading, except for the hovered sample."""
        self.find("#search").clear()
        self.script(
            """
            document.getElementById("search").dispatchEvent(new Event("input"));
            document.getElementById("show-all").click();
            document.getElementById("clear").click();
            """
        )
        self.choose("pan")
        self.find("[data-val='reset']").click()
        self.wait(lambda: self.text("#status").endswith("samples"))

    def wait_for_data(self, selector, name, value):
        """Wait until a data attribute of an element has this value."""
        attribute = f"data-{name}"
        self.wait(lambda: self.find(selector).get_attribute(attribute) == str(value))

    def complaints(self):
        """Errors and warnings of the console since it was last read."""
        return [
            entry
            for entry in self.browser.get_log("browser")
            if entry["level"] in ("SEVERE", "WARNING")
            # advice that reading pixels back, as this test does, is slow
            and entry["source"] != "rendering"
        ]

    def requests(self):
        """Return the requests of files and of the network."""
        messages = (
            json.loads(entry["message"])["message"]
            for entry in self.browser.get_log("performance")
        )
        return [
            message["params"]["request"]["url"]
            for message in messages
            if message["method"] == "Network.requestWillBeSent"
        ]


@pytest.fixture
def write(tmp_path, browser):
    """Write a page, open it, and assert that the browser reports no errors."""
    pages = []

    def write(*arguments, **options):
        path = tmp_path / f"page{len(pages)}.html"
        write_explorer(*arguments, path=path, **options)
        pages.append(Page(browser, path))
        return pages[-1]

    yield write
    assert not [entry for page in pages for entry in page.complaints()]


# Points far enough from each other that a pointer tells them apart, in no order.
GRID = np.stack(np.meshgrid(np.arange(20.0), np.arange(15.0)), -1).reshape(-1, 2)
GRID = GRID[np.random.default_rng(0).permutation(len(GRID))]
LABELS = np.array(["ape", "bee", "cat"])[np.arange(300) % 3]
NAMES = [f'sample-{i:03d}, a "{label}"' for i, label in enumerate(LABELS)]
IMAGES = np.random.default_rng(1).integers(256, size=(300, 2, 3)).astype(np.uint8)
ROWS = [0, 17, 123, 299]


def decode(codes):
    """Return images that encode their position."""
    images = np.zeros((len(codes), 2, 3))
    images[:, 0] = codes[:, :1]
    images[:, 1] = 10 * codes[:, 1:]
    return images.reshape(len(codes), 6)


@pytest.fixture(scope="module")
def whole_page(browser, tmp_path_factory):
    """A page with all elements, shared since loading one takes a while."""
    path = tmp_path_factory.mktemp("page") / "page.html"
    write_explorer(
        GRID,
        LABELS,
        path=path,
        images=IMAGES,
        decoder=decode,
        names=NAMES,
        title="a page",
        grid_size=20,
    )
    return path


@pytest.fixture
def page(browser, whole_page, _open_pages):
    if browser.current_url != whole_page.as_uri():
        _open_pages.append(Page(browser, whole_page))
    page = _open_pages[-1]
    page.reset()
    yield page
    assert not page.complaints()


@pytest.fixture(scope="module")
def _open_pages():
    return []


# One page ---------------------------------------------------------------------


def test_hovering_shows_the_row(page):
    assert page.text("h1") == page.browser.title == "a page"
    assert page.text("#status") == "300 samples"
    for row in ROWS:
        assert page.hover_row(GRID[row]) == row
        facts = [fact.text for fact in page.find_all("#sample-facts dd")]
        assert facts == [str(row), NAMES[row], LABELS[row]]
        expected = f"row {row}, name {NAMES[row]}, class {LABELS[row]}"
        assert page.text("#tip") == expected


def test_hovering_shows_the_image(page):
    for row in ROWS:
        assert page.hover_row(GRID[row]) == row
        page.wait_for_data("#tip-image", "tile", row)
        assert_array_equal(page.canvas("#tip-image"), IMAGES[row])
        assert_array_equal(page.canvas("#sample-image"), IMAGES[row])


def test_tip_does_not_cover_the_panel(page):
    rightmost = int(np.flatnonzero((GRID == [19.0, 7.0]).all(axis=1))[0])
    for row in (rightmost, *ROWS):
        assert page.hover_row(GRID[row]) == row
        tip, plot = (
            page.script(
                "return document.getElementById(arguments[0])"
                ".getBoundingClientRect().right",
                name,
            )
            for name in ("tip", "plot")
        )
        assert tip <= plot


def test_hovering_after_pan_and_zoom(page):
    ranges = "return document.getElementById('plot').layout.xaxis.range"
    before = page.script(ranges)
    x, y = page.pixels([10.0, 7.0]).round().astype(int).tolist()
    page.script(
        """
        const wheel = {deltaY: -300, clientX: arguments[0], clientY: arguments[1],
                       bubbles: true, cancelable: true};
        const target = document.querySelector("#plot .nsewdrag");
        target.dispatchEvent(new WheelEvent("wheel", wheel));
        """,
        x,
        y,
    )
    zoomed = page.wait(lambda: (r := page.script(ranges)) != before and r)
    assert np.ptp(zoomed) < np.ptp(before)
    time.sleep(0.5)  # the end of the zoom redraws
    start = page.pixels([10.0, 7.0]).round().astype(int)
    end = start + np.array([60, 30])
    actions = page.mouse()
    actions.pointer_action.move_to_location(*start.tolist()).pointer_down()
    actions.pointer_action.move_to_location(*end.tolist()).pointer_up()
    actions.perform()
    panned = page.wait(lambda: (r := page.script(ranges)) != zoomed and r)
    assert abs(np.ptp(panned) - np.ptp(zoomed)) < 1e-6
    row = int(np.flatnonzero((GRID == [9.0, 7.0]).all(axis=1))[0])
    assert page.hover_row(GRID[row]) == row


CORNERS = [[2.5, 2.5], [9.5, 3.5], [12.5, 9.5], [6.5, 12.5], [1.5, 8.5], [2.4, 2.7]]


def test_lasso_exports_the_indices(page, downloads):
    page.choose("lasso")
    drawn = page.lasso(CORNERS)
    inside = np.flatnonzero(Polygon(drawn).contains_points(page.pixels(GRID)))
    assert 50 < len(inside) < 150
    rows = page.exported(downloads)
    assert [int(row["index"]) for row in rows] == inside.tolist()
    assert [row["label"] for row in rows] == LABELS[inside].tolist()
    assert [row["name"] for row in rows] == [NAMES[i] for i in inside]
    assert page.text("#selection-count") == f"{len(inside)} selected"

    # with Shift, more of them
    corners = [[15.5, 1.5], [18.5, 1.5], [18.5, 4.5], [15.4, 4.5]]
    more = page.lasso(corners, shift=True)
    also = np.flatnonzero(Polygon(more).contains_points(page.pixels(GRID)))
    assert len(also) == 9
    rows = page.exported(downloads)
    assert [int(row["index"]) for row in rows] == sorted({*inside, *also})

    # without it, others
    page.lasso(corners)
    rows = page.exported(downloads)
    assert [int(row["index"]) for row in rows] == also.tolist()

    page.find("#clear").click()
    page.wait(lambda: not page.find("#export").is_enabled())
    assert "Draw a lasso" in page.text("#selection-count")


def test_lasso_selects_visible_samples_only(page, downloads):
    page.find_all("#class-list .only")[1].click()
    page.wait(lambda: page.text("#status") == "100 of 300 samples")
    page.choose("lasso")
    drawn = page.lasso(CORNERS)
    inside = Polygon(drawn).contains_points(page.pixels(GRID)) & (LABELS == "bee")
    rows = page.exported(downloads)
    assert [int(row["index"]) for row in rows] == np.flatnonzero(inside).tolist()

    # a selection outlives a change of the classes shown
    page.find("#show-all").click()
    page.wait(lambda: page.text("#status") == "300 samples")
    assert len(page.exported(downloads)) == inside.sum()
    page.find_all("#class-list .only")[0].click()
    page.wait(lambda: "hidden" in page.text("#selection-count"))
    count = inside.sum()
    assert page.text("#selection-count") == f"{count} selected, {count} hidden"


def test_classes_are_hidden_and_shown(page):
    boxes = page.find_all("#class-list input")
    assert [box.is_selected() for box in boxes] == [True] * 3
    boxes[0].click()
    page.wait(lambda: page.text("#status") == "200 of 300 samples")
    shown = "return document.getElementById('plot').data[0].x.length"
    page.wait(lambda: page.script(shown) == 200)
    # the rows are still the rows of the data
    row = int(np.flatnonzero(LABELS == "cat")[5])
    assert page.hover_row(GRID[row]) == row
    page.find("#hide-all").click()
    page.wait(lambda: page.script(shown) == 0)
    page.find("#show-all").click()
    page.wait(lambda: page.script(shown) == 300)


def test_search(page):
    search = page.find("#search")
    search.send_keys("BEE")
    assert [item.text for item in page.find_all("#class-list .name")] == ["bee"]
    search.clear()
    search.send_keys("sample-04")
    result = [item.text for item in page.find_all("#results button")]
    assert result == [f"row {i}: {NAMES[i]}" for i in range(40, 50)]
    search.clear()
    search.send_keys("123\n")
    ring = "const t = document.getElementById('plot').data[1]; return [t.x[0], t.y[0]]"
    page.wait(lambda: page.script(ring) == GRID[123].tolist())
    facts = [fact.text for fact in page.find_all("#sample-facts dd")]
    assert facts == ["123", NAMES[123], LABELS[123]]


def test_search_shows_a_hidden_class_and_moves_there(page):
    page.find_all("#class-list .only")[1].click()
    page.script(
        "Plotly.relayout('plot', {'xaxis.range': [50, 60], 'yaxis.range': [50, 60]})"
    )
    assert LABELS[0] == "ape"
    page.find("#search").send_keys("0\n")
    ranges = (
        "const l = document.getElementById('plot').layout;"
        "return [l.xaxis.range, l.yaxis.range]"
    )
    page.wait(
        lambda: all(
            low <= place <= high
            for place, (low, high) in zip(GRID[0], page.script(ranges), strict=True)
        )
    )
    assert page.text("#status") == "200 of 300 samples"
    assert page.hover_row(GRID[0]) == 0


def test_decode_here(page):
    for x, step in [(4, 3), (11, 15), (18, 1)]:
        # near a node of the grid, whose steps are 1 and 14 / 19
        y = step * 14 / 19
        page.hover([x + 0.2, y + 0.2])
        page.wait_for_data("#decoded-image", "node", 20 * step + x)
        expected = np.round([[x] * 3, [10 * y] * 3])
        assert_array_equal(page.canvas("#decoded-image"), expected)
        assert page.text("#decoded-place") == f"at ({x}, {y:.4g})"


def test_page_makes_no_requests(browser, whole_page):
    page = Page(browser, whole_page)
    page.hover_row(GRID[0])
    asked = page.requests()
    assert any(url.startswith("file:") for url in asked)
    assert {url.split(":")[0] for url in asked} <= {"file", "data", "blob"}
    assert not page.complaints()
    # and the page's own rules would not let it
    refused = browser.execute_async_script(
        """
        const done = arguments[0];
        document.addEventListener("securitypolicyviolation",
            (event) => done(event.effectiveDirective));
        fetch("http://127.0.0.1:9/").catch(() => {});
        """
    )
    assert refused == "connect-src"
    browser.get("about:blank")


# Other pages ------------------------------------------------------------------


def test_page_without_classes_has_curves(write):
    page = write(GRID, decoder=lambda codes: np.sin(codes @ np.ones((2, 30))))
    for row in ROWS:
        assert page.hover_row(GRID[row]) == row
        assert page.text("#tip") == f"row {row}"
    page.wait(lambda: page.find("#decoded-image").get_attribute("data-node"))
    assert page.canvas("#decoded-image").shape == (112, 114)
    assert not page.find("#classes").is_displayed()


def test_few_decoded_features_are_numbers(write):
    page = write(GRID, decoder=lambda codes: 2 * codes, grid_size=20)
    page.hover([4.2, 0.2])
    page.wait_for_data("#decoded-image", "node", 4)
    assert page.text("#decoded-values").splitlines() == ["0: 8", "1: 0"]


def test_continuous_values_are_exported_exactly(write, downloads):
    t = np.random.default_rng(2).normal(size=300).astype(np.float32)
    page = write(GRID, t)
    assert page.hover_row(GRID[7]) == 7
    page.choose("select")
    page.lasso([[0.5, 0.5], [4.5, 4.5]])
    rows = page.exported(downloads)
    assert len(rows) == 16
    for row in rows:
        assert np.float32(row["label"]) == t[int(row["index"])]


def test_amounts_with_a_long_tail_are_colored_by_rank(write):
    amounts = np.exp(2 * np.random.default_rng(2).normal(size=300))
    page = write(GRID, amounts)
    script = """
        const colors = document.getElementById("plot").data[0].marker.color;
        return colors.map((color) => color.match(/\\d+/g).map(Number));
    """
    colors = np.array(page.script(script))[np.argsort(amounts)]
    # each color of the scale is lighter than the one below it, in equal steps
    luminance = colors[::30] @ [0.2126, 0.7152, 0.0722]
    steps = np.diff(luminance)
    assert steps.min() > 0.5 * steps.mean()
    assert float(page.text("#scale-middle")) == pytest.approx(
        np.median(amounts), rel=1e-3
    )
    assert "rank" in page.text("#scale-hint")
    page = write(GRID, np.linspace(0, 1.5, 300))
    assert page.text("#scale-middle") == page.text("#scale-hint") == ""


def test_dates_are_shown_and_exported_as_dates(write, downloads):
    days = np.datetime64("2023-03-01") + np.arange(300)
    page = write(GRID, days)
    assert page.text("#scale-low") == "2023-03-01"
    assert page.text("#scale-high") == str(days[-1])
    assert page.hover_row(GRID[7]) == 7
    assert "2023-03-08" in page.text("#sample")
    page.choose("select")
    page.lasso([[0.5, 0.5], [4.5, 4.5]])
    for row in page.exported(downloads):
        assert row["label"] == str(days[int(row["index"])])


def test_text_of_the_data_never_runs(write):
    attack = '<img src=x onerror="window.stolen=1"><script>window.stolen=1</script>'
    nasty = ["</script><script>window.stolen=1</script>", attack, "<b>{x}</b>%{y}"]
    # past ten classes there are markers too
    nasty += [f"<i>{i}</i>" for i in range(10)]
    labels = np.array(nasty, dtype=object)[np.arange(300) % len(nasty)]
    page = write(GRID, labels, names=labels, title=attack)
    assert page.text("h1") == attack
    listed = [item.text for item in page.find_all("#class-list .name")]
    assert listed == sorted(nasty)
    for row in (0, 1, 2, 12):
        assert page.hover_row(GRID[row]) == row
        assert labels[row] in page.text("#tip")
        assert page.text("#sample-facts dd:last-child") == labels[row]
    page.find("#search").send_keys("<")
    assert len(page.find_all("#results button")) == 50
    page.find("#results button").click()
    assert page.script("return window.stolen") is None


def test_seventy_thousand_points(write):
    X, y = load_digits(return_X_y=True)
    rng = np.random.default_rng(3)
    rows = rng.integers(len(X), size=70_000)
    Z = PCA(2, random_state=0).fit_transform(X)[rows]
    Z = Z + rng.normal(size=Z.shape)
    # three of them alone, to be pointed at
    alone = [5, 40_000, 69_999]
    Z[alone] = [[60.0, 40.0], [60.0, 0.0], [60.0, -40.0]]
    page = write(Z, y[rows], images=X[rows], image_shape=(8, 8))
    assert page.text("#status") == "70,000 samples"
    picture = page.picture("#plot")
    # digits lie on each other in two components, yet each color is seen
    for color in PALETTE:
        near = np.abs(picture - to_rgb(color)).max(axis=-1) < 0.1
        assert 1000 < near.sum() < near.size / 4, color
    for row in alone:
        assert page.hover_row(Z[row]) == row
        page.wait_for_data("#tip-image", "tile", row)
        expected = np.round(X[rows[row]].reshape(8, 8) * 255 / 16)
        assert_array_equal(page.canvas("#tip-image"), expected)


def test_on_a_phone_the_plot_has_the_full_width(browser, write):
    phone = {"width": 400, "height": 800, "deviceScaleFactor": 1, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", phone)
    try:
        plot = write(GRID, LABELS).find("#plot").rect
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert plot["width"] == 400 and plot["height"] > 400
