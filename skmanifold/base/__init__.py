# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""The template that every estimator of skmanifold is built on."""

from skmanifold._engine import RowBatches

from ._data import FitData, Plan
from ._decoder import DecoderMixin
from ._heads import Head
from ._load import load
from ._run import Run
from ._template import DeepManifold

__all__ = [
    "DecoderMixin",
    "DeepManifold",
    "FitData",
    "Head",
    "Plan",
    "RowBatches",
    "Run",
    "load",
]
