# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""Small networks, used by the estimators and as building blocks."""

from ._conv import ConvDecoder, ConvEncoder
from ._mlp import MLP

__all__ = ["MLP", "ConvDecoder", "ConvEncoder"]
