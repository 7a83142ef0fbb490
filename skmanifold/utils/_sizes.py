# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""Checks of sizes and image shapes, free of imports so that networks can use them."""

from numbers import Integral


def is_size(value, minimum=1):
    """Return whether a value is an integer, not a bool, of at least `minimum`."""
    return (
        isinstance(value, Integral) and not isinstance(value, bool) and value >= minimum
    )


def check_image_shape(image_shape, *, min_side=1):
    """Validate the shape of an image, channels last, and return it as (H, W, C)."""
    try:
        shape = tuple(image_shape)
    except TypeError:
        shape = ()
    if (
        len(shape) not in (2, 3)
        or not all(is_size(side, min_side) for side in shape[:2])
        or not all(is_size(size) for size in shape[2:])
    ):
        small = (
            f", H and W at least {min_side} (for smaller images, use a network for "
            "vectors)"
            if min_side > 1
            else ""
        )
        raise ValueError(
            f"image_shape={image_shape!r} must be (H, W) or (H, W, C), channels last: "
            f"positive integers{small}. A sample x is the image x.reshape(image_shape)."
        )
    height, width, n_channels = (int(size) for size in (*shape, 1)[:3])
    return height, width, n_channels
