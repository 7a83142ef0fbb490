# SPDX-License-Identifier: BSD-3-Clause

"""The template that every estimator of skmanifold is built on."""

from skmanifold._engine import SampleBatches, same_bits, sharded
from skmanifold.utils._sizes import checked_widths

from ._clustering import KMeansMixin
from ._data import FitData, Plan, reduced_width
from ._decoder import DecoderMixin
from ._heads import Head
from ._load import load
from ._neighbors import Neighbors, PairBatches, find_neighbors
from ._networks import checked_image_shape, own_network
from ._run import Run
from ._template import DeepManifold

__all__ = [
    "DecoderMixin",
    "DeepManifold",
    "FitData",
    "Head",
    "KMeansMixin",
    "Neighbors",
    "PairBatches",
    "Plan",
    "Run",
    "SampleBatches",
    "checked_image_shape",
    "checked_widths",
    "find_neighbors",
    "load",
    "own_network",
    "reduced_width",
    "same_bits",
    "sharded",
]
