# SPDX-License-Identifier: BSD-3-Clause

"""The README, the pages and the examples hold what they say."""

import ast
import csv
import importlib
import inspect
import pkgutil
import re
import runpy
from itertools import chain, pairwise
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from docutils import nodes
from docutils.core import publish_doctree
from numpydoc.docscrape_sphinx import SphinxClassDoc
from sklearn.datasets import load_wine

import skmanifold
import skmanifold.atlas
import skmanifold.inspection
import skmanifold.losses
import skmanifold.metrics
from skmanifold import base
from skmanifold.metrics import clustering_accuracy
from skmanifold.utils._checks import CHECKS
from tests.processes import run_python

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def mixed_table():
    """Measurements of wines with gaps and a column of words, and their kinds."""
    X, y = load_wine(return_X_y=True, as_frame=True)
    shades = pd.cut(X.pop("hue"), 3, labels=["pale", "ruby", "deep"])
    gaps = np.random.default_rng(0).random(X.shape) < 0.02
    return X.mask(gaps).assign(shade=shades.astype(object).mask(gaps[:, 0])), y


def test_readme_examples_run(tmp_path, monkeypatch):
    table, kinds = mixed_table()
    assert table["shade"].isna().any() and table["alcohol"].isna().any()
    table.to_csv(tmp_path / "measurements.csv", index=False)
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", read("README.md"), re.S)
    assert len(blocks) == 2
    names = {}
    for number, block in enumerate(blocks):
        script = tmp_path / f"block{number}.py"
        script.write_text(block, encoding="utf-8")
        names[number] = runpy.run_path(str(script))
    plt.close("all")
    digits, own = names[0], names[1]
    assert digits["embedding"].shape == (1797, 2)
    assert (digits["again"] == digits["embedding"][:10]).all()
    assert own["embedding"].shape == (len(table), 2)
    assert (own["model"].transform(own["new"]) == own["embedding"][:5]).all()
    assert own["display"].figure_ is not None
    assert clustering_accuracy(kinds, own["clusters"]) > 0.85
    assert Path("map.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert "ruby" in Path("map.html").read_text(encoding="utf-8")


def test_the_guide_lists_all_that_methods_inherit():
    """A method of the package uses no hook or helper that a guest does not know."""
    templates = (base.DeepManifold, base.DecoderMixin, base.KMeansMixin)
    inherited = {name for cls in templates for name in vars(cls) if name[0] == "_"}
    used = set()
    for folder in ("estimators", "atlas"):
        for path in (ROOT / "skmanifold" / folder).rglob("*.py"):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            for node in ast.walk(tree):
                used |= {getattr(node, key, None) for key in ("attr", "name", "id")}
    known = set(re.findall(r"_\w+", read("doc/user_guide/own_method.rst")))
    # of Python and scikit-learn
    known |= {"__init__", "__sklearn_tags__", "_n_features_out"}
    assert "_network_sizes" in known & inherited
    assert inherited & used <= known


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_linked_files_exist(name):
    links = re.findall(r"\]\(([^)#]+)", read(name))
    links += re.findall(r"^\[\w+\]: (.+)$", read(name), re.M)
    for target in links:
        assert target.startswith("https://") or (ROOT / target).exists(), target


def test_public_names_are_in_the_reference():
    """A listed module's page lists what is in its ``__all__``, if it is our own."""
    page = read("doc/api/index.rst")
    listed = set(re.findall(r"^   ~?([\w.]+)$", page, re.M))
    missing = {
        f"skmanifold.{name}"
        for name in (*skmanifold._ESTIMATORS, *skmanifold._FUNCTIONS)
    } - listed
    for module in pkgutil.walk_packages(skmanifold.__path__, "skmanifold."):
        if any(part.startswith("_") for part in module.name.split(".")):
            continue
        for name in importlib.import_module(module.name).__all__:
            value = getattr(importlib.import_module(module.name), name)
            if name in skmanifold._ESTIMATORS:
                continue
            if not value.__module__.startswith("skmanifold."):
                assert f".{name}`" in page, f"{name} is passed on, and not named"
            elif module.name not in listed:
                missing.add(f"{module.name}.{name}")
            assert inspect.isclass(value) or inspect.isfunction(value)
    assert not missing, f"not in doc/api/index.rst: {sorted(missing)}"


PAGES = sorted(
    path
    for path in (ROOT / "doc").rglob("*.rst")
    if not {"auto_examples", "generated"} & set(path.parts)
)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_headings_are_underlined_in_full(path):
    """Sphinx warns otherwise, and in ``make doc`` a warning is an error."""
    lines = path.read_text(encoding="utf-8").splitlines()
    for above, line in pairwise(lines):
        if re.fullmatch(r"(=|-|~)\1{3,}", line) and above.strip():
            assert len(line) >= len(above), above


def table_rows(text):
    """Yield the lines of each csv-table with "|" between its cells."""
    for block in re.findall(r"^( *):delim: \|\n((?:\1.*\n|\n)+)", text, re.M):
        lines = [line.strip() for line in block[1].splitlines()]
        yield [line for line in lines if line and not re.match(r":[a-z-]+: ", line)]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_tables_have_equal_rows(path):
    """A cell that begins with a quotation mark ends the build of the pages."""
    for lines in table_rows(path.read_text(encoding="utf-8")):
        rows = list(
            csv.reader(lines, delimiter="|", skipinitialspace=True, strict=True)
        )
        assert {len(row) for row in rows} == {len(rows[0])}, lines[0]


def test_tables_are_found():
    options = "   :delim: |\n   :widths: 1 2\n\n"
    text = f".. csv-table::\n{options}   a | b\n   1 | 2\n\nText | here\n"
    assert list(table_rows(text)) == [["a | b", "1 | 2"]]
    assert any(table_rows(path.read_text(encoding="utf-8")) for path in PAGES)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_example_has_a_title_for_the_gallery(path):
    title = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))).splitlines()
    assert set(title[0]) == {"="}
    assert len(title[0]) == len(title[1]) == len(title[2])


def gallery_groups():
    """The groups of examples in ``doc/conf.py``, which imports Sphinx."""
    for statement in ast.parse(read("doc/conf.py")).body:
        if isinstance(statement, ast.Assign):
            if statement.targets[0].id == "gallery_groups":
                return ast.literal_eval(statement.value)
    raise AssertionError("doc/conf.py has no gallery_groups.")


def test_every_example_is_in_one_group_of_the_gallery():
    listed = sorted(chain(*gallery_groups().values()))
    assert listed == [path.name for path in EXAMPLES]


def test_the_gallery_has_its_headings():
    extension = page_extension("gallery_groups")
    begin = '.. raw:: html\n\n    <div class="sphx-glr-thumbcontainer">\n\n'
    page = "Examples\n\n" + "".join(
        f"{begin}  :doc:`/auto_examples/{path.stem}`\n\n" for path in EXAMPLES
    )
    grouped = extension["with_headings"](page, gallery_groups())
    headings = re.findall(r"^(.+)\n-+$", grouped, re.M)
    assert sorted(headings) == sorted(gallery_groups())


def page_extension(name):
    """The functions of a module that Sphinx loads, which is in no package."""
    return runpy.run_path(str(ROOT / "doc" / "sphinx_extensions" / f"{name}.py"))


@pytest.mark.parametrize("name", sorted(skmanifold._ESTIMATORS))
def test_parameters_on_a_page_are_grouped(name):
    estimator = getattr(skmanifold, name)
    extension = page_extension("parameter_groups")
    groups = extension["groups"](estimator)
    assert 4 <= len(groups["Start with these"]) <= 6
    parameters = inspect.signature(estimator).parameters
    assert sorted(chain(*groups.values())) == sorted(parameters)
    config = {"show_class_members": False}
    page = str(SphinxClassDoc(estimator, config=config)).splitlines()
    grouped = extension["regroup"](page, groups)
    titles = [f":{title}:" for title in groups if groups[title]]
    assert [line for line in grouped if line in titles] == titles
    assert ":Parameters:" not in grouped
    assert {*page} - {":Parameters:"} <= {*grouped}


def test_groups_of_parameters_name_what_exists():
    extension = page_extension("parameter_groups")
    known = set()
    for name in skmanifold._ESTIMATORS:
        known |= {*inspect.signature(getattr(skmanifold, name)).parameters}
    assert {*extension["NETWORKS"], *extension["TRAINING"]} <= known


def test_start_with_reads_lists_and_tables():
    start_with = page_extension("parameter_groups")["start_with"]
    title = "\nStart with these\n================\n"
    assert start_with(f"{title}\n- ``a=1``. Say ``b``.\n- ``c``, ``d=2``\n") == [*"acd"]
    table = "   Parameter | Use\n   ``a=(1, 2)`` | ``b``\n   ``c`` |\n"
    assert start_with(f"{title}\n.. csv-table::\n\n{table}\nMore\n====\n- ``d``") == [
        *"ac"
    ]
    assert start_with("\nMore\n====\n- ``d``\n") == []


EXTERNAL = r":(class|func|meth|mod|obj):`~?((?:{})\.[\w.]+)`"


def test_links_to_other_packages_name_what_exists():
    extension = page_extension("external_links")
    role = re.compile(EXTERNAL.format("|".join(extension["SITES"])))
    sources = [*PAGES, *EXAMPLES, *(ROOT / "skmanifold").rglob("*.py")]
    links = {
        link
        for path in sources
        for link in role.findall(path.read_text(encoding="utf-8"))
    }
    assert len(links) > 30
    for kind, name in links:
        assert pkgutil.resolve_name(name) is not None
        assert extension["external_url"](name, kind), name


def test_links_to_other_packages_have_their_address():
    external_url = page_extension("external_links")["external_url"]
    assert external_url("sklearn.manifold.TSNE", "class") == (
        "https://scikit-learn.org/stable/modules/generated/"
        "sklearn.manifold.TSNE.html#sklearn.manifold.TSNE"
    )
    assert external_url("sklearn.semi_supervised", "mod") == (
        "https://scikit-learn.org/stable/api/sklearn.semi_supervised.html"
    )
    assert external_url("skmanifold.DLME", "class") is None
    assert external_url("torch.nn", "mod") is None


def test_figures_in_tables_are_tidied():
    text = """
.. csv-table::

   "a", "-", "0.5 ± 0.1", "R@10, 8"
"""
    page = publish_doctree(text)
    page_extension("figures_in_tables")["tidy_cells"](None, page)
    cells = [cell.astext() for cell in page.findall(nodes.entry)]
    assert cells == ["a", "\N{EN DASH}", "0.5 ±\xa00.1", "R@10, 8"]
    (below,) = page.findall(nodes.inline)
    assert below["classes"] == ["deviation"] and below.astext() == "±\xa00.1"
    assert not list(page.findall(nodes.reference))


def test_long_names_break_between_their_words():
    with_breaks = page_extension("line_breaks")["with_breaks"]
    name = '<span class="pre">skmanifold.load(n_jobs=1,</span> <span>a_b</span>'
    assert with_breaks(name) == (
        '<span class="pre">skmanifold.<wbr>load(<wbr>n_<wbr>jobs=<wbr>1,</span> '
        "<span>a_b</span>"
    )
    for whole in ("__init__", "save()", "&lt;1.5e-3&gt;", "_private", "n_"):
        text = f'<span class="pre">{whole}</span>'
        assert with_breaks(text).replace("<wbr>", "") == text
    assert "<wbr>" not in with_breaks('<span class="pre">save()</span>')


# Examples, and the table of methods ------------------------------------------

TABLE = ROOT / "doc" / "user_guide" / "methods_table.rst"


def imports_of_skmanifold(tree):
    """``(module, name or None)`` of everything that a file imports of the package."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            result = [(alias.name, None) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            result = [(node.module, alias.name) for alias in node.names]
        else:
            continue
        yield from (
            (module, name)
            for module, name in result
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
    pointed = {
        name
        for page in PAGES
        for name in re.findall(r"sphx_glr_auto_examples_(\w+\.py)", read(page))
    }
    assert {"plot_grid_search.py", "plot_callbacks.py"} <= pointed <= names
    pictures = {
        f"{name}.py"
        for page in PAGES
        for name in re.findall(r"images/sphx_glr_(\w+)_\d{3}\.png", read(page))
    }
    assert pictures <= names


@pytest.mark.parametrize("name", sorted(skmanifold._ESTIMATORS))
def test_guide_of_an_estimator_shows_a_picture_of_it(name):
    row = re.search(rf"~skmanifold\.{name}`, :ref:`guide <(\w+)>`", read(TABLE))
    page = read(TABLE.parent / f"{row[1]}.rst")
    shown = re.findall(r"images/sphx_glr_(\w+)_\d{3}\.png", page)
    assert shown, f"{row[1]}.rst has no picture"
    assert any(name in read(ROOT / "examples" / f"{example}.py") for example in shown)


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
        "metrics.get_scorer_names",
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


def test_checks_and_tests_of_the_table_exist():
    named = {*re.findall(r"``((?:check|test)_\w+)``", read(TABLE))}
    files = (ROOT / "tests").rglob("test_*.py")
    tests = {*re.findall(r"\bdef (test_\w+)", "".join(map(read, files)))}
    known = tests | {check.__name__ for check in CHECKS}
    assert named and named <= known, f"do not exist: {sorted(named - known)}"


# The demo on a third of its data.
SMALL_DEMO = """
import runpy
import sys

import sklearn.datasets

whole = sklearn.datasets.load_digits


def some(**options):
    X, y = whole(**options)
    return X[:600], y[:600]


sklearn.datasets.load_digits = some
runpy.run_path(sys.argv[1], run_name="__main__")
"""


def test_demo_ends_with_the_place_of_its_picture(tmp_path):
    demo = str(ROOT / "examples" / "plot_digits.py")
    output = run_python("-W", "error", "-c", SMALL_DEMO, demo, cwd=tmp_path)
    *table, last = output.rstrip().splitlines()
    place = re.search(r"picture is in (.+)$", last)[1]
    assert (tmp_path / place).read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    rows = {line.split()[0]: line.split()[1:] for line in table if line.strip()}
    assert {"PCA", "t-SNE", "DLME"} <= set(rows)
    svm = {name: float(rows[name][0]) for name in ("PCA", "DLME")}
    assert svm["DLME"] > svm["PCA"] + 0.2
