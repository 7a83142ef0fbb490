# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""Utilities: optional dependencies and estimator checks."""

from skmanifold.utils._optional import import_optional

__all__ = ["import_optional"]
