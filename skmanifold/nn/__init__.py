# SPDX-License-Identifier: BSD-3-Clause

"""Small networks, used by the estimators and as building blocks."""

from ._conv import ConvDecoder, ConvEncoder
from ._images import OnImages, to_images, to_samples
from ._mlp import MLP

__all__ = ["MLP", "ConvDecoder", "ConvEncoder", "OnImages", "to_images", "to_samples"]
