# SPDX-License-Identifier: BSD-3-Clause

"""The estimators: one method, one file or package.

The package :mod:`skmanifold` exports them, each loaded by itself on first use.
"""

__all__ = []
