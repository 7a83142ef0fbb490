# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""The estimators: one method, one file."""

from ._dlme import DLME

__all__ = ["DLME"]
