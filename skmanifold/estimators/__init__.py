# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""The estimators: one method, one file or package."""

from ._dcrl import DCRL
from ._dlme import DLME
from ._isometric_ae import IsometricAE
from ._tldr import TLDR
from ._topological_ae import TopologicalAE

__all__ = ["DCRL", "DLME", "TLDR", "IsometricAE", "TopologicalAE"]
