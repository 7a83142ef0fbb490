# SPDX-License-Identifier: BSD-3-Clause

"""Methods that learn an atlas of charts, and tools for their results."""

from skmanifold.atlas._atlas_ae import AtlasAE
from skmanifold.atlas._classifier import ChartwiseClassifier
from skmanifold.atlas._dimension import DimensionEstimate, estimate_dimension
from skmanifold.atlas._msimclr import MSimCLR
from skmanifold.atlas._triplet import AtlasTriplet

__all__ = [
    "AtlasAE",
    "AtlasTriplet",
    "ChartwiseClassifier",
    "DimensionEstimate",
    "MSimCLR",
    "estimate_dimension",
]
