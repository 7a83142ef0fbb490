# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""Small networks that the estimators use and that may serve as building blocks."""

from ._conv import ConvDecoder, ConvEncoder
from ._images import OnImages, to_images, to_samples
from ._mlp import MLP

__all__ = [
    "MLP",
    "ConvDecoder",
    "ConvEncoder",
    "OnImages",
    "to_images",
    "to_samples",
]
