# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""Help for the other modules: optional dependencies."""

from skmanifold.utils._optional import import_optional

__all__ = ["import_optional"]
