# SPDX-License-Identifier: BSD-3-Clause

"""Docstrings of everything public: their form, and that what they say is so."""

import ast
import importlib
import inspect
import math
import pkgutil
import re
import tomllib
from pathlib import Path

import numpy as np
import pytest
from docutils import nodes
from docutils.core import publish_doctree
from numpydoc.docscrape import ClassDoc, FunctionDoc
from numpydoc.validate import ERROR_MSGS, validate
from sklearn.base import BaseEstimator

import skmanifold

ROOT = Path(__file__).resolve().parents[1]
CONFIG = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

# "all" and then what it leaves out, as numpydoc's own hook reads it
LEFT_OUT = set(CONFIG["tool"]["numpydoc_validation"]["checks"]) - {"all"}

# The example of a class shows its methods too.
LEFT_OUT_FOR_METHODS = {"EX01"}

# What a torch module takes and returns is said once, by its class.
LEFT_OUT_FOR_FORWARD = {"EX01", "PR01", "RT01"}


def public_modules():
    names = ["skmanifold"]
    for module in pkgutil.walk_packages(skmanifold.__path__, "skmanifold."):
        if not any(part.startswith("_") for part in module.name.split(".")):
            names.append(module.name)
    return names


def public_objects():
    """``{full name: object}`` of the public classes and functions and their methods."""
    result = {}
    for module_name in public_modules():
        module = importlib.import_module(module_name)
        for name in getattr(module, "__all__", ()):
            value = getattr(module, name)
            if not (inspect.isclass(value) or inspect.isfunction(value)):
                continue
            if not value.__module__.startswith("skmanifold."):
                continue  # passed on from scikit-learn
            result.setdefault(value, f"{module_name}.{name}")
    for value, path in list(result.items()):
        if not inspect.isclass(value):
            continue
        for name in dir(value):
            method = inspect.getattr_static(value, name)
            method = inspect.unwrap(getattr(method, "__func__", method))
            if name.startswith("_") or not inspect.isfunction(method):
                continue
            if method.__module__.startswith("skmanifold."):
                # an inherited method is read once, where it is first seen
                result.setdefault(method, f"{path}.{name}")
    return {path: value for value, path in result.items()}


OBJECTS = public_objects()
FUNCTIONS_AND_CLASSES = [
    path
    for path, value in OBJECTS.items()
    if not (inspect.isclass(value) and issubclass(value, Exception))
]
ESTIMATORS = [
    value
    for value in OBJECTS.values()
    if inspect.isclass(value)
    and issubclass(value, BaseEstimator)
    and hasattr(value, "transform")
    and value.__name__ in skmanifold._ESTIMATORS
]


def test_there_is_something_to_read():
    assert {"skmanifold.DLME", "skmanifold.DLME.structure"} <= set(OBJECTS)
    assert LEFT_OUT <= set(ERROR_MSGS)


@pytest.mark.parametrize("name", public_modules())
def test_module_has_docstring(name):
    module = importlib.import_module(name)
    assert module.__doc__, f"{name} has no docstring"
    assert hasattr(module, "__all__"), f"{name} has no __all__"


@pytest.mark.parametrize("path", FUNCTIONS_AND_CLASSES)
def test_docstrings_are_numpydoc(path):
    value = OBJECTS[path]
    left_out = LEFT_OUT
    if path.split(".")[-2][:1].isupper():  # a method
        forward = path.endswith(".forward")
        left_out = LEFT_OUT | (
            LEFT_OUT_FOR_FORWARD if forward else LEFT_OUT_FOR_METHODS
        )
    errors = [
        f"{code}: {message}"
        for code, message in validate(path)["errors"]
        if code not in left_out
    ]
    place = f"{inspect.getsourcefile(value)}:{inspect.getsourcelines(value)[1]}"
    assert not errors, f"{path} ({place})\n" + "\n".join(errors)


@pytest.mark.parametrize("path", FUNCTIONS_AND_CLASSES)
def test_initials_of_authors_are_no_list(path):
    """In one line, "E. O. Korman" would be item O of a list in item E of another."""
    value = OBJECTS[path]
    doc = ClassDoc(value) if inspect.isclass(value) else FunctionDoc(value)
    page = publish_doctree("\n".join(doc["References"]))
    assert not list(page.findall(nodes.enumerated_list)), path


@pytest.mark.parametrize("path", FUNCTIONS_AND_CLASSES)
def test_documented_defaults_are_those_of_the_signature(path):
    """``default=...`` in a docstring is the default in the signature."""
    value = OBJECTS[path]
    doc = ClassDoc(value) if inspect.isclass(value) else FunctionDoc(value)
    signature = inspect.signature(value)
    wrong = []
    for parameter in doc["Parameters"]:
        if parameter.type == "Ignored":  # the y of scikit-learn's API
            continue
        for name in (name.strip(" *") for name in parameter.name.split(",")):
            default = signature.parameters[name].default
            written = re.search(r"default=(.+)$", parameter.type)
            if written is None:
                if default is not inspect.Parameter.empty:
                    wrong.append(f"{name}: default={default!r} is not documented")
                continue
            if written[1].strip("`") not in {repr(default), str(default)}:
                value = eval(written[1], {**vars(math), "__builtins__": {}})
                if value != default or type(value) is not type(default):
                    wrong.append(f"{name}: documented {written[1]}, not {default!r}")
    assert not wrong, f"{path}\n" + "\n".join(wrong)


DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def first_lines(text):
    """Yield the line number and the first line of each docstring, private ones too."""
    for node in ast.walk(ast.parse(text)):
        docstring = isinstance(node, DOCUMENTED) and ast.get_docstring(node)
        if docstring:
            yield getattr(node, "lineno", 1), docstring.splitlines()[0]


def indirect(lines):
    """First lines that ask a question instead of naming what there is."""
    question = re.compile(r"(What|Whether|How|Where|Which)\b")
    return [(number, line) for number, line in lines if question.match(line)]


def test_docstrings_say_what_a_thing_is_or_does():
    text = '"""Whether."""\n\ndef f():\n    """Return."""\n'
    text += 'class A:\n    def g(self):\n        """Whichever."""\n\n'
    text += '    async def h(self):\n        """Where it is.\n\n        More."""\n'
    assert indirect(first_lines(text)) == [(1, "Whether."), (9, "Where it is.")]
    result = [
        f"{path.relative_to(ROOT)}:{number}: {line}"
        for path in sorted((ROOT / "skmanifold").rglob("*.py"))
        for number, line in indirect(first_lines(path.read_text(encoding="utf-8")))
    ]
    assert not result, "begin with a verb or a noun:\n" + "\n".join(result)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda cls: cls.__name__)
def test_fitted_attributes_are_documented(estimator):
    X = np.random.RandomState(0).normal(size=(60, 4))
    y = np.arange(60) % 3
    fitted = estimator(random_state=0, max_epochs=1).fit(X, y)
    public = {name for name in vars(fitted) if re.fullmatch(r"[a-z]\w*_", name)}
    documented = {attribute.name for attribute in ClassDoc(estimator)["Attributes"]}
    assert public <= documented, f"not documented: {sorted(public - documented)}"


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda cls: cls.__name__)
def test_estimator_cites_its_paper(estimator):
    doc = ClassDoc(estimator)
    assert doc["References"], f"{estimator.__name__} has no References"
    assert doc["Examples"], f"{estimator.__name__} has no Examples"


# Words of a description that says when to change a parameter.
WHEN = r"(increase|decrease|set|pass|choose|use|change|keep|replaces|if|when|needed)"


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda cls: cls.__name__)
def test_parameters_say_when_to_change_them(estimator):
    silent = [
        entry.name
        for entry in ClassDoc(estimator)["Parameters"]
        if not re.search(rf"\b{WHEN}\b", " ".join(entry.desc), re.IGNORECASE)
    ]
    assert not silent, f"say when to change {', '.join(silent)}"


# Entries with the same first sentence in all estimators that have them.
SHARED = {
    *("max_epochs", "batch_size", "learning_rate", "device", "training", "warm_start"),
    *("n_jobs", "verbose", "random_state", "neighbors_algorithm", "metric_params"),
    *("n_features_in_", "feature_names_in_"),
}


@pytest.mark.parametrize("name", sorted(SHARED))
def test_shared_parameters_have_one_wording(name):
    sentences = {}
    for estimator in ESTIMATORS:
        doc = ClassDoc(estimator)
        for entry in doc["Parameters"] + doc["Attributes"]:
            if entry.name == name:
                first = re.split(r"(?<=[.;:]) ", " ".join(entry.desc))[0]
                sentences.setdefault(first, []).append(estimator.__name__)
    assert len(sentences) == 1, sentences
