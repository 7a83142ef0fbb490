# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""Data as an atlas of charts, and the topology of data.

The functions on topology need no network: estimators are loaded on first use, so that
``from skmanifold.atlas import betti_numbers`` does not load torch.
"""

from ._topology import (
    BettiNumbers,
    FilteredComplex,
    betti_numbers,
    cech_nerve,
    denoise,
    overlap,
    persistence,
    soft_cover,
)

__all__ = [
    "AtlasAE",
    "AtlasTriplet",
    "BettiNumbers",
    "ChartwiseClassifier",
    "DimensionEstimate",
    "FilteredComplex",
    "MSimCLR",
    "betti_numbers",
    "cech_nerve",
    "denoise",
    "estimate_dimension",
    "overlap",
    "persistence",
    "soft_cover",
]


def __getattr__(name):
    # written out one by one, so that every import can be read from the source
    if name == "AtlasAE":
        from ._atlas_ae import AtlasAE as value
    elif name == "AtlasTriplet":
        from ._triplet import AtlasTriplet as value
    elif name == "ChartwiseClassifier":
        from ._classifier import ChartwiseClassifier as value
    elif name == "DimensionEstimate":
        from ._dimension import DimensionEstimate as value
    elif name == "estimate_dimension":
        from ._dimension import estimate_dimension as value
    elif name == "MSimCLR":
        from ._msimclr import MSimCLR as value
    else:
        raise AttributeError(f"module 'skmanifold.atlas' has no attribute {name!r}")
    return value


def __dir__():
    return sorted(__all__)
