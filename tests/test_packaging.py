# SPDX-License-Identifier: BSD-3-Clause

"""Metadata of the project agree with one another and with the code."""

import ast
import configparser
import importlib.metadata
import re
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


PYPROJECT = tomllib.loads(read("pyproject.toml"))
PROJECT = PYPROJECT["project"]
EXTRAS = PROJECT["optional-dependencies"]
REQUIRED = {
    canonicalize_name(requirement.name): requirement
    for requirement in map(Requirement, PROJECT["dependencies"])
}
PINS = {
    canonicalize_name(name): Version(version)
    for name, version in re.findall(
        r"^([\w.-]+)==(\S+)$", read("constraints.txt"), re.M
    )
}

# Where a distribution and the module it installs have different names.
DISTRIBUTIONS = {
    "PIL": "pillow",
    "sklearn": "scikit-learn",
    "umap": "umap-learn",
    # these come with a package that requires them
    "numba": "pynndescent",
    "threadpoolctl": "scikit-learn",
}


def requirements(extra):
    return [Requirement(line) for line in EXTRAS[extra]]


def closure(names):
    """Installed distributions that `names` need, with themselves."""
    result = {}
    todo = [Requirement(name) for name in names]
    while todo:
        requirement = todo.pop()
        name = canonicalize_name(requirement.name)
        extras = requirement.extras or {""}
        new = extras - result.get(name, set())
        if not new:
            continue
        result.setdefault(name, set()).update(new)
        for line in importlib.metadata.requires(name) or ():
            needed = Requirement(line)
            if needed.marker is None or any(
                needed.marker.evaluate({"extra": extra}) for extra in new
            ):
                todo.append(needed)
    return set(result)


# Metadata -------------------------------------------------------------------


def test_all_is_all_extras():
    (everything,) = requirements("all")
    assert everything.name == PROJECT["name"]
    assert everything.extras == {*EXTRAS} - {"all"}


@pytest.mark.parametrize("extra", sorted({*EXTRAS, ""} - {"all"}))
def test_ranges_are_wide_and_hold_the_tested_version(extra):
    for requirement in requirements(extra) if extra else REQUIRED.values():
        (bound,) = requirement.specifier
        assert bound.operator == ">=", f"{requirement}: a lower bound and no other"
        tested = PINS[canonicalize_name(requirement.name)]
        assert tested in requirement.specifier, f"{requirement}, tested with {tested}"


def test_one_package_has_one_range():
    ranges = {}
    for requirement in [
        *REQUIRED.values(),
        *(line for extra in set(EXTRAS) - {"all"} for line in requirements(extra)),
    ]:
        name = canonicalize_name(requirement.name)
        assert ranges.setdefault(name, str(requirement)) == str(requirement)


def test_python_versions_agree():
    (bound,) = Requirement(f"python{PROJECT['requires-python']}").specifier
    assert bound.operator == ">="
    major, minor = bound.version.split(".")
    assert PYPROJECT["tool"]["ruff"]["target-version"] == f"py{major}{minor}"
    named = [
        Version(classifier.split(" :: ")[-1])
        for classifier in PROJECT["classifiers"]
        if re.search(r"Python :: \d\.\d+$", classifier)
    ]
    assert min(named) == Version(bound.version)


def test_setup_cfg_is_no_second_truth():
    config = configparser.ConfigParser()
    config.read_string(read("setup.cfg"))
    assert set(config.sections()) == {"pycodestyle", "flake8"}
    for section in config.sections():
        length = config.getint(section, "max-line-length")
        assert length == PYPROJECT["tool"]["ruff"]["line-length"]


# The tested versions --------------------------------------------------------


def test_constraints_are_exact_and_portable():
    lines = [line for line in read("constraints.txt").splitlines() if line[:1] != "#"]
    assert len(lines) == len(PINS), "a line that is no name==version, or a name twice"
    # a local version such as 2.13.0+cpu is not to be had everywhere
    assert not [line for line in lines if "+" in line]
    assert PINS["torch"] == Version("2.13.0")


def test_constraints_hold_everything_that_is_needed():
    extras = "test,docs,plot,progress"
    needed = closure(
        [
            *PROJECT["dependencies"],
            *(line for extra in extras.split(",") for line in installed(extra)),
        ]
    )
    # the CUDA libraries of torch depend on the machine
    needed = {name for name in needed if not re.match("nvidia-|cuda-|triton", name)}
    assert needed <= set(PINS), f"without a pin: {sorted(needed - set(PINS))}"


def installed(extra):
    """Requirements of an extra that this environment has."""
    for requirement in requirements(extra):
        try:
            importlib.metadata.version(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            continue
        yield str(requirement)


def test_pre_commit_runs_the_tested_versions():
    text = read(".pre-commit-config.yaml")
    for repository, package in [("ruff-pre-commit", "ruff")]:
        (rev,) = re.findall(rf"repo: \S*/{repository}\n\s+rev: v(\S+)", text)
        assert Version(rev) == PINS[package]


# The code keeps to what is declared -----------------------------------------


def imported_packages(folder="skmanifold"):
    for path in sorted((ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module]
            else:
                continue
            for name in names:
                package = name.split(".")[0]
                if package not in {*sys.stdlib_module_names, "skmanifold"}:
                    yield package, path.relative_to(ROOT)


def test_plain_imports_are_required_packages():
    """Whatever is imported without import_optional is there after a plain install."""
    for package, path in imported_packages():
        name = canonicalize_name(DISTRIBUTIONS.get(package, package))
        assert name in REQUIRED, f"{path} imports {package}: use import_optional"


def test_imports_of_the_examples_come_with_the_documentation():
    installed = {*REQUIRED, *(canonicalize_name(r.name) for r in requirements("docs"))}
    for package, path in imported_packages("examples"):
        name = canonicalize_name(DISTRIBUTIONS.get(package, package))
        assert name in installed, f"{path} imports {package}: add it to docs"


def optional_imports():
    for path in sorted((ROOT / "skmanifold").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and node.args:
                function = node.func
                name = getattr(function, "attr", getattr(function, "id", None))
                if name == "import_optional":
                    yield (
                        path.relative_to(ROOT),
                        [ast.literal_eval(a) for a in node.args],
                    )


def test_optional_imports_name_the_right_extra():
    for path, (module, extra) in optional_imports():
        package = module.split(".")[0]
        name = canonicalize_name(DISTRIBUTIONS.get(package, package))
        assert extra in EXTRAS, f"{path}: there is no extra {extra!r}"
        names = {canonicalize_name(line.name) for line in requirements(extra)}
        assert name in names, f"{path}: skmanifold[{extra}] does not install {name}"
