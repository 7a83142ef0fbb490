# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""DCRL: the estimator, what it minimizes, its batches, and where it starts."""

from ._estimator import DCRL

__all__ = ["DCRL"]
