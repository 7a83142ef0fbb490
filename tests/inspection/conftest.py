# SPDX-License-Identifier: BSD-3-Clause

import sys

import pytest


@pytest.fixture(autouse=True)
def _closed_figures():
    """Close the figures after each test."""
    import matplotlib.pyplot as plt

    yield
    plt.close("all")


@pytest.fixture
def uninstall(monkeypatch):
    """Make imports of a package fail as if it were not installed."""

    def uninstall(package):
        loaded = [name for name in sys.modules if name.startswith(f"{package}.")]
        for name in (package, *loaded):
            monkeypatch.setitem(sys.modules, name, None)

    return uninstall
