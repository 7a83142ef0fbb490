# SPDX-License-Identifier: BSD-3-Clause

"""Augmentations as batched tensor operations; random draws are arguments."""

from ._classes import ClassSampler
from ._images import color_jitter, crop_resize, random_affine, random_flip, random_gray
from ._neighbors import sample_neighbors
from ._views import apply_augmentation

__all__ = [
    "ClassSampler",
    "apply_augmentation",
    "color_jitter",
    "crop_resize",
    "random_affine",
    "random_flip",
    "random_gray",
    "sample_neighbors",
]
