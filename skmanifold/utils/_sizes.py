# SPDX-License-Identifier: BSD-3-Clause

"""Checks of sizes and names, free of imports so that networks can use them."""

from collections.abc import Iterable
from numbers import Integral


def is_size(value, minimum=1):
    """Return whether a value is an integer, not a bool, of at least `minimum`."""
    return (
        isinstance(value, Integral) and not isinstance(value, bool) and value >= minimum
    )


def check_name(parameter, value, names):
    """Check that a value is one of the names in ``names``."""
    if value not in list(names):  # of a set, values without a hash raise TypeError
        raise ValueError(
            f"{parameter}={value!r} is unknown. It must be one of "
            f"{', '.join(map(repr, sorted(names)))}."
        )


def checked_widths(name, layers):
    """Return the widths of hidden layers as a list of int.

    Parameters
    ----------
    name : str
        Name of the parameter, for the error.
    layers : sequence of int
        Value of the parameter.

    Returns
    -------
    list of int
        Widths of the hidden layers.

    Raises
    ------
    ValueError
        If they are not positive integers.

    Examples
    --------
    >>> from skmanifold.base import checked_widths
    >>> checked_widths("layers", (64, 32))
    [64, 32]
    """
    widths = list(layers) if isinstance(layers, Iterable) else [None]
    if not all(map(is_size, widths)):
        raise ValueError(
            f"{name}={layers!r} must be a sequence of positive integers, the widths of "
            "the hidden layers; () for none."
        )
    return [int(width) for width in widths]


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
