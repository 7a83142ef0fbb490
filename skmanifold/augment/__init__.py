# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""Augmentations as batched tensor operations; random draws are arguments."""

from ._classes import ClassDraws
from ._images import (
    add_noise,
    color_jitter,
    crop_resize,
    gaussian_blur,
    random_affine,
    random_flip,
    random_gray,
)
from ._neighbors import draw_neighbors, mix
from ._views import apply_augmentation

__all__ = [
    "ClassDraws",
    "add_noise",
    "apply_augmentation",
    "color_jitter",
    "crop_resize",
    "draw_neighbors",
    "gaussian_blur",
    "mix",
    "random_affine",
    "random_flip",
    "random_gray",
]
