# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""The estimators: one method, one file or package.

Each is loaded on first use, so that one does not pay for the others.
"""

import importlib

_MODULES = {
    "DCRL": "_dcrl",
    "DLME": "_dlme",
    "IsometricAE": "_isometric_ae",
    "TLDR": "_tldr",
    "TopologicalAE": "_topological_ae",
}

__all__ = ["DCRL", "DLME", "TLDR", "IsometricAE", "TopologicalAE"]


def __getattr__(name):
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__():
    return sorted(__all__)
