# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""The house's rules, read from the source with ``ast`` and held on every file.

Each rule is a function from a tree of files to the violations in it, one line of text
each. The first tests run the rules over the package; the last ones run them over small
trees that break one rule each, so that a rule cannot pass by seeing nothing.
"""

import ast
import io
import os
import re
import subprocess
import sys
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "skmanifold"

NUMERIC = {"numpy", "scipy", "sklearn", "joblib", "threadpoolctl"}

# layer -> (layers or modules of the house it may import, third-party packages it may
# import).
# A layer may always import itself and the standard library. What a layer does not list
# it may not import, at the top of a module as little as inside a function.
LAYERS = {
    "__init__": (set(), set()),
    "inspection": ({"metrics", "utils"}, {*NUMERIC, "matplotlib", "plotly"}),
    "estimators": (
        {"augment", "base", "graph", "losses", "nn", "topology", "utils"},
        {*NUMERIC, "torch"},
    ),
    "atlas": (
        {"augment", "base", "graph", "losses", "metrics", "nn", "topology", "utils"},
        {*NUMERIC, "torch"},
    ),
    "base": (
        {"_engine", "augment", "graph", "nn", "training", "utils"},
        {*NUMERIC, "torch", "onnx", "onnxruntime", "onnxscript", "safetensors"},
    ),
    "_engine": ({"_exact"}, {"torch", "numpy"}),
    "losses": ({"_exact"}, {"torch", "numpy"}),
    "_exact": (set(), {"torch"}),
    "nn": ({"utils._sizes"}, {"torch", "numpy"}),
    "augment": (set(), {"torch", "numpy"}),
    "topology": ({"graph", "utils"}, {*NUMERIC, "gudhi"}),
    "graph": ({"utils"}, {*NUMERIC, "faiss", "numba", "pynndescent"}),
    "metrics": ({"utils"}, NUMERIC),
    "datasets": ({"utils"}, {*NUMERIC, "pandas"}),
    "training": ({"utils"}, NUMERIC),
    "utils": (set(), {*NUMERIC, "pytest"}),
}

# Packages that are optional or slow to import: inside functions only.
LAZY = {
    "faiss",
    "gudhi",
    "matplotlib",
    "numba",
    "onnx",
    "onnxruntime",
    "onnxscript",
    "pandas",
    "plotly",
    "pynndescent",
    "safetensors",
}

# Calls that import what their first argument names.
IMPORTERS = {"__import__", "import_module", "import_optional"}

# The files that import modules by a name that they compute.
COMPUTED_IMPORTS = {"__init__.py", "base/_model_file.py", "utils/_optional.py"}


# What a file imports --------------------------------------------------------


def parse(path):
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def package_files(root):
    return sorted((root / PACKAGE).rglob("*.py"))


def relative(path, root):
    return path.relative_to(root / PACKAGE).as_posix()


def layer_of(path, root):
    return relative(path, root).split("/")[0].removesuffix(".py")


def resolve(node, path, root):
    """Absolute name of the module that a ``from ... import`` reads."""
    if not node.level:
        return node.module
    package = [PACKAGE, *path.relative_to(root / PACKAGE).parent.parts]
    package = package[: len(package) - node.level + 1]
    return ".".join([*package, *([node.module] if node.module else [])])


def imports(path, root):
    """Yield ``(line, module, name or None, inside a function)`` of each import.

    Imports by a function call count when their argument is written out; one that is
    computed is yielded as ``"?"``.
    """

    functions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)

    def visit(node, in_function):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                for alias in child.names:
                    yield child.lineno, alias.name, None, in_function
            elif isinstance(child, ast.ImportFrom):
                module = resolve(child, path, root)
                for alias in child.names:
                    yield child.lineno, module, alias.name, in_function
            elif isinstance(child, ast.Call):
                function = child.func
                called = getattr(function, "attr", getattr(function, "id", None))
                if called in IMPORTERS and child.args:
                    argument = child.args[0]
                    literal = isinstance(argument, ast.Constant)
                    module = argument.value if literal else "?"
                    yield child.lineno, module, None, in_function
            yield from visit(child, in_function or isinstance(child, functions))

    yield from visit(parse(path), False)


def house_layer(module, name):
    """Return layer and ``layer.module`` of a house import; None for other packages."""
    parts = module.split(".")
    if parts[0] != PACKAGE:
        return None
    if len(parts) > 1:
        return parts[1], ".".join(parts[1:3])
    # from skmanifold import graph, or: import skmanifold
    layer = name if name in LAYERS else "__init__"
    return layer, layer


# The rules ------------------------------------------------------------------


def check_layers(root):
    for path in package_files(root):
        layer = layer_of(path, root)
        where = relative(path, root)
        if layer not in LAYERS:
            yield f"{where}: {layer!r} is no layer; give it a row in LAYERS"
            continue
        houses, packages = LAYERS[layer]
        for line, module, name, in_function in imports(path, root):
            if module == "?":
                if where not in COMPUTED_IMPORTS:
                    yield f"{where}:{line}: imports a module by a computed name"
                continue
            package = module.split(".")[0]
            other = house_layer(module, name)
            if other is not None:
                if not {layer, *houses} & {*other}:
                    yield f"{where}:{line}: {layer} must not import {other[0]}"
            elif package in sys.stdlib_module_names:
                pass
            elif package not in packages:
                yield f"{where}:{line}: {layer} must not import {package}"
            elif package in LAZY and not in_function:
                yield f"{where}:{line}: {package} is imported inside functions only"


def check_one_backward(root):
    """Training has one place: a single call of ``backward``, in the engine."""
    calls = [
        f"{relative(path, root)}:{node.lineno}"
        for path in package_files(root)
        for node in ast.walk(parse(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "backward"
    ]
    if len(calls) != 1:
        yield f"{len(calls)} calls of backward instead of one: {', '.join(calls)}"
    for call in calls:
        if not call.startswith("_engine/"):
            yield f"{call}: backward is called outside of _engine"


def is_private(name):
    return name.startswith("_") and not name.startswith("__")


def check_scikit_learn_privates(root):
    """Only utils imports modules or names of scikit-learn that begin with ``_``."""
    for path in package_files(root):
        if layer_of(path, root) == "utils":
            continue
        where = relative(path, root)
        for line, module, name, _ in imports(path, root):
            parts = [*module.split("."), *([name] if name else [])]
            if parts[0] == "sklearn" and any(map(is_private, parts)):
                yield f"{where}:{line}: {'.'.join(parts)} is private to scikit-learn"
        for node in ast.walk(parse(path)):
            if not isinstance(node, ast.Attribute):
                continue
            parts = ast.unparse(node).split(".")
            if parts[0] == "sklearn" and is_private(parts[-1]):
                yield f"{where}:{node.lineno}: {'.'.join(parts)} is private"


# The parts that hold methods, which import what a guest's method may import as well.
METHODS = ("estimators", "atlas")


def check_methods_import_public_names(root):
    """Methods import no private module and no private name of other parts."""
    for path in package_files(root):
        layer = layer_of(path, root)
        if layer not in METHODS:
            continue
        where = relative(path, root)
        for line, module, name, _ in imports(path, root):
            parts = [*module.split("."), *([name] if name else [])]
            other = house_layer(module, name)
            if other is None or other[0] == layer or not any(map(is_private, parts)):
                continue
            yield f"{where}:{line}: {'.'.join(parts)} is private to {other[0]}"


def check_inheritance(root):
    """A class of the house has at most one class of the house above another above it.

    That is ``DeepManifold -> Method`` and no third level.
    """
    bases = {}
    places = {}
    for path in package_files(root):
        tree = parse(path)
        aliases = {
            alias.asname: alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
            if alias.asname
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                names = (ast.unparse(base).split(".")[-1] for base in node.bases)
                bases.setdefault(node.name, set()).update(
                    aliases.get(name, name) for name in names
                )
                places[node.name] = f"{relative(path, root)}:{node.lineno}"

    def chain(name, seen=()):
        above = [base for base in bases[name] if base in bases and base not in seen]
        longest = max(
            (chain(base, (*seen, name)) for base in above), key=len, default=[]
        )
        return [*longest, name]

    for name, place in places.items():
        if len(chain(name)) > 2:
            yield f"{place}: three levels of inheritance: {' -> '.join(chain(name))}"


def check_tests_mirror_package(root):
    """Each part of the package has its tests under the same name, and no test is lost.

    ``skmanifold/graph`` -> ``tests/graph``; ``skmanifold/base.py`` ->
    ``tests/test_base.py``; ``skmanifold/estimators/_dlme.py`` ->
    ``tests/estimators/test_dlme.py``, and a package ``estimators/_dcrl`` ->
    ``tests/estimators/test_dcrl.py``. A leading underscore may fall away.
    """
    tests = root / "tests"
    parts = {}
    for path in package_files(root):
        where = Path(relative(path, root))
        if where.name == "__init__.py":
            continue
        if len(where.parts) == 1:
            parts.setdefault(where.stem, set())
        else:
            inner = where.parts[1].removesuffix(".py")
            parts.setdefault(where.parts[0], set()).add(inner)
    for part, modules in parts.items():
        folders = [tests / part, tests / part.lstrip("_")]
        found = {test.stem for folder in folders for test in folder.rglob("test_*.py")}
        if modules and not found:
            yield f"{part}: no tests in {folders[-1].relative_to(root).as_posix()}/"
        if not modules and not (tests / f"test_{part.lstrip('_')}.py").is_file():
            yield f"{part}.py: no tests/test_{part.lstrip('_')}.py"
        if part in {"estimators", "atlas"}:
            for module in sorted(modules):
                test = f"test_{module.lstrip('_')}"
                if test not in found:
                    yield f"{part}/{module}.py: no tests/{part}/{test}.py"
    folders = {
        path.relative_to(tests).parts[0] for path in tests.glob("*/**/test_*.py")
    }
    allowed = {name for part in parts for name in (part, part.lstrip("_"))}
    for folder in sorted(folders - allowed - {"asv_bench"}):
        yield f"tests/{folder}: the package has no such part"


CODE_LIMIT = 500
CODE_FILES = (PACKAGE, "asv_bench")

# The files that are longer still. A file that no longer is must leave this list.
LONG_FILES = set()

LAYOUT = {
    tokenize.COMMENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
    tokenize.INDENT,
    tokenize.NEWLINE,
    tokenize.NL,
}


def count_code_lines(path):
    """Count the lines of a file without blank lines, comments and docstrings."""
    text = path.read_text(encoding="utf-8")
    lines = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in LAYOUT:
            lines.update(range(token.start[0], token.end[0] + 1))
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, documented) and ast.get_docstring(node) is not None:
            lines -= {*range(node.body[0].lineno, node.body[0].end_lineno + 1)}
    return len(lines)


def check_code_lines(root, exceptions=LONG_FILES):
    long_files = set()
    for folder in CODE_FILES:
        for path in sorted((root / folder).rglob("*.py")):
            where = path.relative_to(root).as_posix()
            n_lines = count_code_lines(path)
            if n_lines > CODE_LIMIT:
                long_files.add(where)
                if where not in exceptions:
                    yield f"{where}: {n_lines} lines of code, more than {CODE_LIMIT}"
    for where in sorted(exceptions - long_files):
        if (root / where.split("/")[0]).is_dir():
            yield f"{where}: is not that long (any more); take it from LONG_FILES"


# Circles of modules that are still there. One that no longer is must leave this list.
CIRCLES = set()


def module_name(path, root):
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def import_graph(root):
    """Return ``{module: modules it imports}``, imports inside functions included."""
    files = {
        module_name(path, root): path
        for folder in CODE_FILES
        for path in sorted((root / folder).rglob("*.py"))
    }
    graph = {}
    for module, path in files.items():
        package = module if path.name == "__init__.py" else module.rpartition(".")[0]
        imported = set()
        for node in ast.walk(parse(path)):
            if isinstance(node, ast.Import):
                imported.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                parts = package.split(".")[: 1 - node.level or None]
                base = ".".join([*parts, node.module or ""]) if node.level else ""
                base = base.strip(".") or node.module
                for alias in node.names:
                    submodule = f"{base}.{alias.name}"
                    imported.add(submodule if submodule in files else base)
        graph[module] = imported & set(files) - {module}
    return graph


def check_circles(root, exceptions=CIRCLES):
    """No module imports itself through others."""
    graph = import_graph(root)

    def reachable(module):
        reached, waiting = set(), [module]
        while waiting:
            for other in graph[waiting.pop()] - reached:
                reached.add(other)
                waiting.append(other)
        return reached

    reached = {module: reachable(module) for module in graph}
    circles = {
        ", ".join(
            sorted(
                other
                for other in graph
                if module in reached[other] and other in reached[module]
            )
        )
        for module in graph
        if module in reached[module]
    }
    for circle in sorted(circles - exceptions):
        yield f"{circle}: import each other"
    for circle in sorted(exceptions - circles):
        if (root / circle.split(".")[0]).is_dir():
            yield f"{circle}: do not import each other (any more); take it from CIRCLES"


HOME = re.compile(r"(?<![\w.])(/home/|/root/|/Users/|[A-Za-z]:\\+Users\\+)[\w.-]")
OUR_FILES = ("skmanifold", "tests", "doc", "examples", "asv_bench", ".ci")
GENERATED = {"__pycache__", "_build", "auto_examples", "generated", "env"}


def our_files(root):
    """Text files that the project wrote, without what tools generate."""
    yield from (path for path in sorted(root.iterdir()) if path.is_file())
    for top in OUR_FILES:
        for folder, folders, files in os.walk(root / top):
            generated = GENERATED | ({"results"} if top == "asv_bench" else set())
            folders[:] = sorted(set(folders) - generated)
            yield from (Path(folder, name) for name in sorted(files))


def check_no_home_paths(root):
    for path in our_files(root):
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:  # an image
            continue
        for number, line in enumerate(text.splitlines(), 1):
            if HOME.search(line):
                where = path.relative_to(root).as_posix()
                yield f"{where}:{number}: a path of somebody's home: {line.strip()}"


RULES = [
    check_layers,
    check_one_backward,
    check_scikit_learn_privates,
    check_methods_import_public_names,
    check_inheritance,
    check_tests_mirror_package,
    check_code_lines,
    check_circles,
    check_no_home_paths,
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_house(rule):
    assert package_files(ROOT), "no package found; the rule would check nothing"
    violations = list(rule(ROOT))
    assert not violations, "\n".join(violations)


def test_the_documentation_has_the_table_of_layers():
    rows = {}
    text = (ROOT / "doc" / "architecture.rst").read_text(encoding="utf-8")
    for name, allowed in re.findall(r"^   (\S+) \| .+ \| (.+)$", text, re.M):
        rows[name.strip("`")] = set(re.findall(r"``([\w.]+)``", allowed))
    assert rows.pop("Part") == set()
    rows["__init__"] = set()
    assert rows == {layer: houses for layer, (houses, _) in LAYERS.items()}


# What an import loads -------------------------------------------------------

HEAVY = {"faiss", "gudhi", "matplotlib", "numba", "pandas", "pynndescent", "torch"}


def loaded_by(statement):
    """Names of the modules in a fresh interpreter after `statement`."""
    code = f"import sys; {statement}; print(*sorted(sys.modules))"
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return frozenset(run.stdout.split())


def test_import_of_the_package_is_light():
    loaded = loaded_by(f"import {PACKAGE}")
    assert PACKAGE in loaded
    heavy = loaded & {*HEAVY, *NUMERIC, "sklearn.manifold"}
    assert not heavy, f"import {PACKAGE} loads {sorted(heavy)}"


def test_import_of_a_numpy_layer_loads_no_torch():
    layers = ["datasets", "graph", "metrics", "topology", "training", "utils"]
    modules = [f"{PACKAGE}.{layer}" for layer in layers]
    loaded = loaded_by(f"import {', '.join(modules)}")
    assert loaded.issuperset(modules)
    # scikit-learn itself imports pandas where it is installed
    heavy = (loaded & HEAVY) - loaded_by("import sklearn.base")
    assert not heavy, f"one of {layers} loads {sorted(heavy)}"


def test_all_public_names_exist():
    import skmanifold

    assert len(set(skmanifold.__all__)) == len(skmanifold.__all__)
    assert set(skmanifold.__all__) <= set(dir(skmanifold))
    for name in skmanifold.__all__:
        assert getattr(skmanifold, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'UMAP'"):
        _ = skmanifold.UMAP


# The rules see what they are for --------------------------------------------


def write_tree(root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    "name, text, complaint",
    [
        ("metrics/_a.py", "import torch", "metrics must not import torch"),
        ("metrics/_a.py", "def f():\n    import torch.nn", "must not import torch"),
        ("metrics/_a.py", "import_module('torch')", "must not import torch"),
        ("metrics/_a.py", "import_module(name)", "by a computed name"),
        ("metrics/_a.py", "from skmanifold import losses", "must not import losses"),
        ("metrics/_a.py", "from ..graph import x", "metrics must not import graph"),
        ("metrics/_a.py", "from .. import graph", "metrics must not import graph"),
        ("metrics/_a.py", "import skmanifold", "must not import __init__"),
        ("losses/_a.py", "import sklearn", "losses must not import sklearn"),
        ("losses/_a.py", "import skmanifold.nn", "losses must not import nn"),
        ("nn/_a.py", "from ..utils._sklearn import x", "nn must not import utils"),
        ("nn/_a.py", "from ..utils import import_optional", "nn must not import utils"),
        ("_engine/_a.py", "import scipy", "_engine must not import scipy"),
        ("base.py", "from .estimators import DLME", "must not import estimators"),
        ("__init__.py", "import numpy", "__init__ must not import numpy"),
        ("__init__.py", "from . import base", "__init__ must not import base"),
        ("graph/_a.py", "import pynndescent", "inside functions only"),
        ("helpers/_a.py", "", "'helpers' is no layer"),
    ],
)
def test_layers_are_held(tmp_path, name, text, complaint):
    write_tree(tmp_path, {f"{PACKAGE}/{name}": text})
    (violation,) = check_layers(tmp_path)
    assert complaint in violation


def test_layers_let_good_files_pass(tmp_path):
    good = {
        "metrics/_a.py": "from sklearn.utils import check_array\nfrom . import _b\n",
        "metrics/_b.py": "import numpy as np\nfrom ..utils import import_optional\n",
        "graph/_a.py": "def f():\n    import pynndescent\n    import os\n",
        "estimators/_a.py": "import torch\nfrom skmanifold.base import DeepManifold\n",
        "losses/_a.py": "from skmanifold.losses._b import f\n",
        "nn/_a.py": "from skmanifold.utils._sizes import is_size\n",
    }
    write_tree(tmp_path, {f"{PACKAGE}/{name}": text for name, text in good.items()})
    assert not list(check_layers(tmp_path))


@pytest.mark.parametrize(
    "files, count",
    [
        ({"_engine/_train.py": "loss.backward()"}, 0),
        # the backward of an autograd.Function is a definition, not a call
        (
            {
                "_engine/_train.py": "loss.backward()",
                "losses/_a.py": "class F:\n    def backward(ctx, g):\n        return g",
            },
            0,
        ),
        ({"_engine/_train.py": "pass"}, 1),
        ({"_engine/_train.py": "a.backward()\nb.sum().backward(retain_graph=True)"}, 1),
        # two calls, one of them outside
        ({"_engine/_a.py": "a.backward()", "base.py": "def f():\n    a.backward()"}, 2),
        ({"estimators/_a.py": "torch.autograd.backward(loss)"}, 1),
    ],
)
def test_one_backward_is_held(tmp_path, files, count):
    write_tree(tmp_path, {f"{PACKAGE}/{name}": text for name, text in files.items()})
    assert len(list(check_one_backward(tmp_path))) == count


@pytest.mark.parametrize(
    "text, count",
    [
        ("from sklearn.utils._param_validation import Interval", 1),
        ("from sklearn.base import _fit_context", 1),
        ("import sklearn.utils._tags", 1),
        ("from sklearn import _config", 1),
        ("def f():\n    from sklearn.neighbors._base import x", 1),
        ("import sklearn\nx = sklearn.base._fit_context", 1),
        ("from sklearn.base import BaseEstimator\nimport sklearn.utils\n", 0),
        ("import sklearn\nx = sklearn.__version__", 0),
    ],
)
def test_scikit_learn_privates_are_held(tmp_path, text, count):
    write_tree(tmp_path, {f"{PACKAGE}/base.py": text, f"{PACKAGE}/utils/_a.py": text})
    assert len(list(check_scikit_learn_privates(tmp_path))) == count


@pytest.mark.parametrize(
    "text, count",
    [
        ("from skmanifold._engine import RowBatches", 1),
        ("from skmanifold.base import RowBatches, _fit", 1),
        ("def f():\n    from ..base._networks import x", 1),
        ("import skmanifold.utils._threads", 1),
        ("from skmanifold.base import RowBatches\nfrom ._other import _x", 0),
        ("from skmanifold.estimators._dlme import DLME\nimport sklearn._a", 0),
    ],
)
def test_methods_import_public_names_is_held(tmp_path, text, count):
    names = ("estimators/_a.py", "base/_a.py")
    write_tree(tmp_path, {f"{PACKAGE}/{name}": text for name in names})
    assert len(list(check_methods_import_public_names(tmp_path))) == count


def test_inheritance_is_held(tmp_path):
    files = {
        f"{PACKAGE}/base.py": "class DeepManifold(BaseEstimator): ...",
        f"{PACKAGE}/estimators/_a.py": "class A(ClusterMixin, base.DeepManifold): ...",
    }
    write_tree(tmp_path, files)
    assert not list(check_inheritance(tmp_path))
    third = "from ._a import A as Parent\nclass B(Parent): ..."
    write_tree(tmp_path, {f"{PACKAGE}/estimators/_b.py": third})
    (violation,) = check_inheritance(tmp_path)
    assert "DeepManifold -> A -> B" in violation


def test_mirror_is_held(tmp_path):
    package = ["__init__.py", "base.py", "graph/__init__.py", "graph/_knn.py"]
    package += ["estimators/_dlme.py", "_engine/_train.py"]
    tests = ["test_base.py", "graph/test_knn.py", "estimators/test_dlme.py"]
    tests += ["engine/test_train.py"]
    write_tree(tmp_path, {f"{PACKAGE}/{name}": "" for name in package})
    write_tree(tmp_path, {f"tests/{name}": "" for name in tests})
    assert not list(check_tests_mirror_package(tmp_path))

    for name in tests:
        (tmp_path / "tests" / name).rename(tmp_path / "away")
        assert list(check_tests_mirror_package(tmp_path)), name
        (tmp_path / "away").rename(tmp_path / "tests" / name)

    write_tree(tmp_path, {"tests/plots/test_a.py": ""})
    (violation,) = check_tests_mirror_package(tmp_path)
    assert "tests/plots" in violation


def test_code_lines_are_held(tmp_path):
    text = '"""Text."""\n\n# why\n' + "x = 1\n" * CODE_LIMIT
    method = '\n\nclass A:\n    """Text.\n\n    More.\n    """\n\n    y = """\n\n"""\n'
    write_tree(tmp_path, {"skmanifold/a.py": text, "asv_bench/b.py": text})
    assert count_code_lines(tmp_path / "skmanifold/a.py") == CODE_LIMIT
    assert not list(check_code_lines(tmp_path, set()))
    write_tree(tmp_path, {"skmanifold/c.py": text + method})
    assert count_code_lines(tmp_path / "skmanifold/c.py") == CODE_LIMIT + 4
    (violation,) = check_code_lines(tmp_path, set())
    assert violation == "skmanifold/c.py: 504 lines of code, more than 500"
    assert not list(check_code_lines(tmp_path, {"skmanifold/c.py"}))
    (violation,) = check_code_lines(tmp_path, {"skmanifold/c.py", "asv_bench/b.py"})
    assert violation.startswith("asv_bench/b.py: is not that long")


@pytest.mark.parametrize(
    "a, b",
    [
        ("from skmanifold.base import _b", "from ._a import x"),
        ("import skmanifold.base._b", "def f():\n    from skmanifold.base._a import x"),
        ("from . import _b", "from ..base._a import x"),
    ],
)
def test_circles_are_held(tmp_path, a, b):
    base = {"skmanifold/__init__.py": "", "skmanifold/base/__init__.py": ""}
    write_tree(tmp_path, {**base, "skmanifold/base/_a.py": a})
    write_tree(tmp_path, {"skmanifold/base/_b.py": "import numpy"})
    assert not list(check_circles(tmp_path, set()))
    (violation,) = check_circles(tmp_path, {"skmanifold.base._a, skmanifold.base._b"})
    assert "do not import each other (any more)" in violation
    write_tree(tmp_path, {"skmanifold/base/_b.py": b})
    (violation,) = check_circles(tmp_path, set())
    assert violation == "skmanifold.base._a, skmanifold.base._b: import each other"


def test_home_paths_are_held(tmp_path):
    write_tree(tmp_path, {"README.md": "see doc/home/index", "doc/a.rst": "~/data"})
    assert not list(check_no_home_paths(tmp_path))
    paths = ["/".join(["", top, "ann", "data"]) for top in ("home", "root", "Users")]
    write_tree(tmp_path, {"examples/a.py": "\n".join(paths), "Makefile": paths[0]})
    assert len(list(check_no_home_paths(tmp_path))) == 4
