# SPDX-License-Identifier: BSD-3-Clause

"""Settings of the tests of the pages."""

import sys

import pytest


@pytest.fixture(autouse=True)
def _nothing_left_behind(tmp_path, monkeypatch):
    """Run each page in an empty directory, and close its figures."""
    monkeypatch.chdir(tmp_path)
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")
