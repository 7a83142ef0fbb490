# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""The gallery and the table of methods, read and not run."""

import ast
import importlib
import re
from pathlib import Path

import pytest

import skmanifold
import skmanifold.atlas
import skmanifold.inspection
import skmanifold.losses
import skmanifold.metrics
from skmanifold.utils._checks import CHECKS

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
TABLE = ROOT / "doc" / "user_guide" / "methods_table.rst"


def read(path):
    return path.read_text(encoding="utf-8")


def imports_of_skmanifold(tree):
    """``(module, name or None)`` of everything that a file imports of the package."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found = [(alias.name, None) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found = [(node.module, alias.name) for alias in node.names]
        else:
            continue
        yield from (
            (module, name)
            for module, name in found
            if module.split(".")[0] == "skmanifold"
        )


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_imports_public_names_only(path):
    imported = list(imports_of_skmanifold(ast.parse(read(path))))
    assert imported, "an example that does not use the package"
    for module, name in imported:
        assert not any(part.startswith("_") for part in module.split(".")), module
        if name is not None:
            assert name in importlib.import_module(module).__all__, f"{module}.{name}"


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_links_what_exists(path):
    """Roles such as ``:class:`~skmanifold.DLME``` in the text of an example."""
    links = re.findall(r":(?:class|func|meth|mod):`~?(skmanifold[\w.]*)`", read(path))
    assert links, "an example that links no page of the API"
    for link in links:
        value, *names = link.split(".")
        value = skmanifold
        for name in names:
            value = getattr(value, name)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_draws_and_waits_for_no_download(path):
    text = read(path)
    assert path.name.startswith("plot_"), "the gallery runs plot_*.py only"
    assert "import matplotlib.pyplot as plt" in text
    called = {
        node.func.id
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert not {name for name in called if name.startswith("fetch_")}


def test_every_estimator_has_an_example():
    shown = {
        name
        for path in EXAMPLES
        for _, name in imports_of_skmanifold(ast.parse(read(path)))
    }
    assert set(skmanifold._ESTIMATORS) <= shown


def test_examples_that_pages_point_to_exist():
    names = {path.name for path in EXAMPLES}
    pages = [
        page
        for page in (ROOT / "doc").rglob("*.rst")
        if not {"auto_examples", "generated"} & set(page.parts)
    ]
    pointed = {
        name
        for page in pages
        for name in re.findall(r"sphx_glr_auto_examples_(\w+\.py)", read(page))
    }
    assert {"plot_grid_search.py", "plot_callbacks.py"} <= pointed <= names
    pictures = {
        f"{name}.py"
        for page in pages
        for name in re.findall(r"images/sphx_glr_(\w+)_\d{3}\.png", read(page))
    }
    assert pictures <= names


@pytest.mark.parametrize("name", sorted(skmanifold._ESTIMATORS))
def test_guide_of_an_estimator_shows_a_picture_of_it(name):
    row = re.search(rf"~skmanifold\.{name}`, :ref:`guide <(\w+)>`", read(TABLE))
    page = read(TABLE.parent / f"{row[1]}.rst")
    shown = re.findall(r"images/sphx_glr_(\w+)_\d{3}\.png", page)
    assert shown, f"{row[1]}.rst has no picture"
    assert any(name in read(ROOT / "examples" / f"{one}.py") for one in shown)


def test_every_display_has_an_example():
    text = "".join(map(read, EXAMPLES))
    shown = set(re.findall(r"\b\w+Display\b", text))
    # that is a page, not a picture
    assert set(skmanifold.inspection.__all__) - shown == {"write_explorer"}


def test_files_of_the_table_exist():
    links = re.findall(r":download:`([^`<]+) <([^>]+)>`", read(TABLE))
    assert links
    for title, target in links:
        path = (TABLE.parent / target).resolve()
        assert path.is_file(), target
        assert target.endswith(title), f"{title} is a link to {target}"


def test_table_has_a_row_for_each_method_loss_and_metric():
    text = read(TABLE)
    linked = set(re.findall(r":(?:class|func):`~skmanifold\.([\w.]+)`", text))
    # helpers of the losses, and what is scikit-learn's
    without_paper = {
        "losses.full_precision",
        "losses.jacobian_vector_product",
        "losses.squared_distances",
        "losses.vector_jacobian_product",
        "metrics.adjusted_rand_score",
        "metrics.get_scorer_names",
        "metrics.normalized_mutual_info_score",
    }
    expected = {
        *skmanifold._ESTIMATORS,
        *(f"losses.{name}" for name in skmanifold.losses.__all__),
        *(f"metrics.{name}" for name in skmanifold.metrics.__all__),
    }
    assert without_paper < expected
    assert expected - without_paper <= linked


def test_table_names_the_file_that_defines():
    """Each row's file is the module of what the row is about."""
    rows = re.findall(r"^   (.+ \| .+)$", read(TABLE), re.M)
    assert len(rows) > 40
    for row in rows:
        cells = row.split(" | ")
        for link in re.findall(r"`~skmanifold\.([\w.]+)`", cells[0]):
            value = skmanifold
            for name in link.split("."):
                value = getattr(value, name)
            file = value.__module__.removeprefix("skmanifold.").replace(".", "/")
            if hasattr(value, "__all__"):  # a whole subpackage
                continue
            assert f"/skmanifold/{file}.py>`" in cells[2], f"{link} is in {file}.py"


def test_checks_of_the_table_are_the_checks():
    named = set(re.findall(r"``(check_\w+)``", read(TABLE)))
    checks = {check.__name__ for check in CHECKS}
    assert named <= checks, f"no such checks: {sorted(named - checks)}"
    assert named
