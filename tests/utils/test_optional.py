# SPDX-License-Identifier: BSD-3-Clause

import json
import sys

import pytest

from skmanifold.utils import import_optional


def test_an_installed_module_is_returned():
    assert import_optional("json", "io") is json
    assert import_optional("json.decoder", "io") is json.decoder


@pytest.mark.parametrize("name", ["skmanifold_absent", "skmanifold_absent.inner"])
def test_names_the_feature_the_package_and_the_command(name):
    with pytest.raises(ImportError) as caught:
        import_optional(name, "plot", feature="EmbeddingDisplay.plot")
    assert str(caught.value) == (
        "EmbeddingDisplay.plot needs the package 'skmanifold_absent', which is not "
        "installed. Install it with: pip install 'skmanifold[plot]'"
    )
    assert caught.value.name == "skmanifold_absent"
    assert isinstance(caught.value.__cause__, ModuleNotFoundError)


def test_a_missing_submodule_of_an_installed_package_is_named():
    # the package is there, but not this part: an old version, say
    with pytest.raises(ImportError, match="This feature needs the package 'json'"):
        import_optional("json.absent", "io")


@pytest.mark.parametrize(
    "source, error",
    [
        ("import skmanifold_absent_too", ModuleNotFoundError),
        ("raise ImportError('libfoo.so.1: cannot open')", ImportError),
        ("1 / 0", ZeroDivisionError),
    ],
)
def test_an_installed_package_that_fails_keeps_its_own_error(
    tmp_path, monkeypatch, source, error
):
    (tmp_path / "skmanifold_broken.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(error) as caught:
        import_optional("skmanifold_broken", "plot")
    assert "pip install" not in str(caught.value)
    assert "skmanifold_broken" not in sys.modules
