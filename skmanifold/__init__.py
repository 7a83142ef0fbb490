# SPDX-License-Identifier: BSD-3-Clause

"""Deep manifold learning that behaves like scikit-learn.

Names are loaded on first use: ``import skmanifold`` imports neither torch nor numba nor
matplotlib.
"""

import importlib

__version__ = "0.1.0.dev0"

# public name -> the module that defines it
_ESTIMATORS = {
    "AtlasAE": "skmanifold.atlas",
    "AtlasTriplet": "skmanifold.atlas",
    "DCRL": "skmanifold.estimators._dcrl",
    "DLME": "skmanifold.estimators._dlme",
    "IsometricAE": "skmanifold.estimators._isometric_ae",
    "MSimCLR": "skmanifold.atlas",
    "TLDR": "skmanifold.estimators._tldr",
    "TopologicalAE": "skmanifold.estimators._topological_ae",
}
_FUNCTIONS = {"load": "skmanifold.base"}
_SUBMODULES = (
    "atlas",
    "augment",
    "base",
    "datasets",
    "estimators",
    "graph",
    "inspection",
    "losses",
    "metrics",
    "nn",
    "topology",
    "training",
    "utils",
)

__all__ = [*_ESTIMATORS, *_FUNCTIONS, *_SUBMODULES, "__version__"]


def __getattr__(name):
    if name in _ESTIMATORS:
        return getattr(importlib.import_module(_ESTIMATORS[name]), name)
    if name in _FUNCTIONS:
        return getattr(importlib.import_module(_FUNCTIONS[name]), name)
    if name in _SUBMODULES:
        return importlib.import_module(f"skmanifold.{name}")
    raise AttributeError(f"module 'skmanifold' has no attribute {name!r}")


def __dir__():
    return sorted(__all__)
