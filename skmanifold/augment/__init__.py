# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""Augmentations as batched tensor operations; the randomness is passed in."""

from ._neighbors import draw_neighbors, mix

__all__ = ["draw_neighbors", "mix"]
