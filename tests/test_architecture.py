# SPDX-License-Identifier: BSD-3-Clause

"""The house's rules, read from the source with ``ast`` and held on every file.

Each rule is a function from a tree of files to the violations in it, one line of text
each. A first test runs the rules over the package; the last ones run them over small
trees that break one rule each, so that a rule cannot pass by seeing nothing.
"""

import ast
import importlib
import inspect
import io
import pkgutil
import re
import sys
import tokenize
from pathlib import Path

import pytest

from tests.processes import run_python

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
        {
            *("augment", "base", "graph", "losses", "nn", "topology", "training"),
            "utils",
        },
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

CODE_FOLDERS = (PACKAGE, "asv_bench")
PYTHON_FOLDERS = (*CODE_FOLDERS, "tests", "doc", "examples")
GENERATED = {"__pycache__", "_build", "auto_examples", "generated", "env", "results"}


def parse(path):
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def files_of(root, folder=PACKAGE):
    return [
        path
        for path in sorted((root / folder).rglob("*.py"))
        if not is_generated(path, root)
    ]


def is_generated(path, root):
    return bool(GENERATED & {*path.relative_to(root).parts[:-1]})


def relative(path, root):
    return path.relative_to(root / PACKAGE).as_posix()


def layer_of(path, root):
    return relative(path, root).split("/")[0].removesuffix(".py")


def resolve(node, path, root):
    """Absolute name of the module that a ``from ... import`` reads."""
    if not node.level:
        return node.module
    package = path.relative_to(root).parent.parts
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
    for path in files_of(root):
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
        for path in files_of(root)
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


# The parts that hold methods, which import what a guest's method may import as well.
METHODS = ("estimators", "atlas")
METHOD_NAMES = importlib.import_module(PACKAGE)._ESTIMATORS


def check_privates(root):
    """Only utils knows private names of scikit-learn; methods know none of other parts.

    These are modules and names that begin with ``_``.
    """
    for path in files_of(root):
        layer, where = layer_of(path, root), relative(path, root)
        for line, module, name, _ in imports(path, root):
            parts = [*module.split("."), *([name] if name else [])]
            if not any(map(is_private, parts)):
                continue
            other = house_layer(module, name)
            if parts[0] == "sklearn" and layer != "utils":
                yield f"{where}:{line}: {'.'.join(parts)} is private to scikit-learn"
            elif layer in METHODS and other is not None and other[0] != layer:
                yield f"{where}:{line}: {'.'.join(parts)} is private to {other[0]}"
        for node in ast.walk(parse(path)):
            if isinstance(node, ast.Attribute) and layer != "utils":
                parts = ast.unparse(node).split(".")
                if parts[0] == "sklearn" and is_private(parts[-1]):
                    yield f"{where}:{node.lineno}: {'.'.join(parts)} is private"


def check_base_knows_no_method(root):
    """The base names methods in examples only."""
    names = re.compile(rf"\b({'|'.join(METHOD_NAMES)}|representation)\b")
    for path in sorted((root / PACKAGE / "base").glob("*.py")):
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            if names.search(line) and not line.lstrip().startswith(">>>"):
                yield f"{relative(path, root)}:{number}: {line.strip()}"


def check_methods_have_tests(root):
    """``estimators/_dlme.py`` and ``_dcrl/`` -> ``tests/estimators/test_dlme.py``."""
    for layer in METHODS:
        for path in sorted((root / PACKAGE / layer).glob("_[a-z]*")):
            test = root / "tests" / layer / f"test{path.stem}.py"
            if not test.is_file():
                yield f"{layer}/{path.name}: no {test.relative_to(root).as_posix()}"


CODE_LIMIT = 500
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


def check_code_lines(root):
    for folder in (*CODE_FOLDERS, "tests"):
        for path in files_of(root, folder):
            if (n_lines := count_code_lines(path)) > CODE_LIMIT:
                where = path.relative_to(root).as_posix()
                yield f"{where}: {n_lines} lines of code, more than {CODE_LIMIT}"


def check_circles(root):
    """No module imports itself through others, inside functions neither."""
    files = {}
    for path in (path for folder in CODE_FOLDERS for path in files_of(root, folder)):
        parts = path.relative_to(root).with_suffix("").parts
        files[".".join(parts).removesuffix(".__init__")] = path
    graph = {}
    for module, path in files.items():
        read = [(other, name) for _, other, name, _ in imports(path, root)]
        inner = {f"{other}.{name}" for other, name in read} & {*files}
        outer = {o for o, name in read if f"{o}.{name}" not in files} & {*files}
        graph[module] = (inner | outer) - {module}

    def reachable(module):
        reached, waiting = set(), [module]
        while waiting:
            for other in graph[waiting.pop()] - reached:
                reached.add(other)
                waiting.append(other)
        return reached

    reached = {module: reachable(module) for module in graph}
    circles = {
        ", ".join(sorted(x for x in reached[module] if module in reached[x]))
        for module in graph
        if module in reached[module]
    }
    for circle in sorted(circles):
        yield f"{circle}: import each other"


NO_NOUNS = {
    "came",
    "found",
    "gone",
    "here",
    "of",
    "one",
    "some",
    "there",
    "told",
    "was",
}
NO_NOUNS |= {"thing", "things", "what", "which"}


def check_variables_are_nouns(root):
    for path in (path for folder in PYTHON_FOLDERS for path in files_of(root, folder)):
        for node in ast.walk(parse(path)):
            named = [node.arg] if isinstance(node, ast.arg) else []
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                named = [node.id]
            for name in NO_NOUNS.intersection(named):
                where = path.relative_to(root).as_posix()
                yield f"{where}:{node.lineno}: {name!r} is not a noun"


HOME = re.compile(r"(?<![\w.])(/home/|/root/|/Users/|[A-Za-z]:\\+Users\\+)[\w.-]")
OUR_FOLDERS = ("skmanifold", "tests", "doc", "examples", "asv_bench", ".ci")


def lines_of_texts(root):
    """Yield the file, number and text of each line of the project's text files."""
    tree = (path for top in OUR_FOLDERS for path in sorted((root / top).rglob("*")))
    for path in [*sorted(root.iterdir()), *tree]:
        inner = path.relative_to(root)
        if not path.is_file() or is_generated(path, root):
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:  # an image
            continue
        for number, line in enumerate(text.splitlines(), 1):
            yield inner.as_posix(), number, line.strip()


def check_no_home_paths(root):
    for where, number, line in lines_of_texts(root):
        if HOME.search(line):
            yield f"{where}:{number}: somebody's home: {line}"


# British spellings, of words of the field
BRITISH = re.compile(
    r"colou[r]|neighbou[r]|\bcentr(es?|ed|ing)\b|learn[t]|behaviou[r]|favou[r]|\bgre[y]|"
    r"labell(ed|ing)|modell(ed|ing)|cancelle[d]|artefac[t]|toward[s]|"
    r"(normal|standard|initial|minim|maxim|optim|visual|regular|general|recogn|"
    r"parametr|vector|serial)is(e[drs]?|ing|ation|ations)(?-i:(?![a-z]))",
    re.IGNORECASE,
)


def check_spelling(root):
    for where, number, line in lines_of_texts(root):
        if BRITISH.search(line):
            yield f"{where}:{number}: British spelling: {line}"


RULES = [
    check_layers,
    check_one_backward,
    check_privates,
    check_base_knows_no_method,
    check_methods_have_tests,
    check_code_lines,
    check_circles,
    check_variables_are_nouns,
    check_no_home_paths,
    check_spelling,
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_rules_hold_on_every_file(rule):
    assert files_of(ROOT), "no package found; the rule would check nothing"
    violations = list(rule(ROOT))
    assert not violations, "\n".join(violations)


def levels(cls):
    """Return how many classes of the house follow on each other, up to this one."""
    above = (base for base in cls.__bases__ if base.__module__.startswith(PACKAGE))
    return 1 + max(map(levels, above), default=0)


def test_classes_stand_on_two_levels():
    """``DeepManifold -> Method``, and no third one."""
    package = importlib.import_module(PACKAGE)
    result = {
        cls
        for info in pkgutil.walk_packages(package.__path__, f"{PACKAGE}.")
        for _, cls in inspect.getmembers(
            importlib.import_module(info.name), inspect.isclass
        )
        if cls.__module__.startswith(PACKAGE)
    }
    assert {cls.__name__ for cls in result} >= {"DeepManifold", *package._ESTIMATORS}
    assert max(map(levels, result)) == 2
    third = type("Third", (package.DLME,), {"__module__": f"{PACKAGE}.third"})
    assert levels(third) == 3


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
    return frozenset(run_python("-W", "error", "-c", code, cwd=ROOT).split())


def test_import_of_the_package_is_light():
    loaded = loaded_by(f"import {PACKAGE}")
    assert PACKAGE in loaded
    heavy = loaded & {*HEAVY, *NUMERIC, "sklearn.manifold"}
    assert not heavy, f"import {PACKAGE} loads {sorted(heavy)}"


def test_import_of_a_numpy_layer_loads_no_torch():
    layers = ["datasets", "graph", "inspection", "metrics", "topology", "training"]
    layers += ["utils"]
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
        ("from skmanifold._engine import SampleBatches", 1),
        ("from skmanifold.base import SampleBatches, _fit", 1),
        ("def f():\n    from ..base._networks import x", 1),
        ("import skmanifold.utils._threads", 1),
        ("from skmanifold.base import SampleBatches\nfrom ._other import _x", 0),
        ("from skmanifold.estimators._dlme import DLME\nimport torch._a", 0),
    ],
)
def test_privates_are_held(tmp_path, text, count):
    names = ("estimators/_a.py", "utils/_a.py")
    write_tree(tmp_path, {f"{PACKAGE}/{name}": text for name in names})
    assert len(list(check_privates(tmp_path))) == count


def test_base_without_methods_is_held(tmp_path):
    good = ">>> from skmanifold import DLME"
    write_tree(tmp_path, {"skmanifold/base/_a.py": good, "skmanifold/nn/_a.py": "DLME"})
    assert not list(check_base_knows_no_method(tmp_path))
    write_tree(tmp_path, {"skmanifold/base/_a.py": "# DCRL does"})
    assert list(check_base_knows_no_method(tmp_path)) == ["base/_a.py:1: # DCRL does"]


def test_methods_without_tests_are_found(tmp_path):
    write_tree(tmp_path, {f"{PACKAGE}/estimators/{x}.py": "" for x in ("_a", "_b/_c")})
    write_tree(tmp_path, {"tests/estimators/test_a.py": ""})
    (violation,) = check_methods_have_tests(tmp_path)
    assert violation == "estimators/_b: no tests/estimators/test_b.py"


def test_code_lines_are_held(tmp_path):
    text = '"""Text."""\n\n# why\n' + "x = 1\n" * CODE_LIMIT
    method = '\n\nclass A:\n    """Text.\n\n    More.\n    """\n\n    y = """\n\n"""\n'
    write_tree(tmp_path, {"skmanifold/a.py": text, "asv_bench/b.py": text})
    assert not list(check_code_lines(tmp_path))
    write_tree(tmp_path, {"tests/c.py": text + method, "doc/c.py": text + method})
    (violation,) = check_code_lines(tmp_path)
    assert violation == "tests/c.py: 504 lines of code, more than 500"


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
    assert not list(check_circles(tmp_path))
    write_tree(tmp_path, {"skmanifold/base/_b.py": b})
    (violation,) = check_circles(tmp_path)
    assert violation == "skmanifold.base._a, skmanifold.base._b: import each other"


def test_home_paths_are_held(tmp_path):
    write_tree(tmp_path, {"README.md": "see doc/home/index", "doc/a.rst": "~/data"})
    assert not list(check_no_home_paths(tmp_path))
    paths = ["/".join(["", top, "ann", "data"]) for top in ("home", "root", "Users")]
    write_tree(tmp_path, {"examples/a.py": "\n".join(paths), "Makefile": paths[0]})
    assert len(list(check_no_home_paths(tmp_path))) == 4


def test_variables_are_held(tmp_path):
    files = {"tests/a.py": "def f(of):\n    found = of\n", "skmanifold/a.py": "x.of(y)"}
    built = {"doc/_build/html/a.py": "found = 1"}
    write_tree(tmp_path, {**files, **built})
    assert list(check_variables_are_nouns(tmp_path)) == [
        "tests/a.py:1: 'of' is not a noun",
        "tests/a.py:2: 'found' is not a noun",
    ]


def test_spelling_is_held(tmp_path):
    good = "a color, centers, centric; a line that minimizes; learned; surprise, gray"
    write_tree(tmp_path, {"README.md": good})
    assert not list(check_spelling(tmp_path))
    words = ("Colou", "r"), ("cent", "red"), ("learn", "t"), ("Normal", "isesRows")
    text = "\n".join("".join(parts) for parts in words)
    write_tree(tmp_path, {"doc/a.rst": text})
    assert len(list(check_spelling(tmp_path))) == 4
