# SPDX-License-Identifier: BSD-3-Clause

"""DCRL: the estimator, its objectives, batches and initial labels."""

from ._estimator import DCRL

__all__ = ["DCRL"]
