# SPDX-License-Identifier: BSD-3-Clause

"""Convolutional encoders and decoders of flattened images."""

import math

import torch
from torch import nn

from skmanifold.utils._sizes import check_image_shape, check_name, is_size

from ._images import to_images, to_samples
from ._mlp import ACTIVATIONS

# Smaller images cannot be halved usefully.
_MIN_SIDE = 8


class ConvEncoder(nn.Module):
    """Convolutional network from flattened images to vectors.

    Blocks of a 3 x 3 convolution of stride 2 and an activation halve the image until
    its shorter side is about 4; a linear head, always in full precision, maps the rest
    to the outputs. Choose a smooth activation ("gelu", "silu", "softplus", "tanh") for
    losses that contain derivatives of the network.

    Read more in the :ref:`User Guide <own_network>`.

    Parameters
    ----------
    image_shape : tuple of int
        (H, W) or (H, W, C), the shape of a sample before flattening; sides from 8.
    n_out : int
        Number of outputs.
    channels : sequence of int or None, default=None
        Channels of each block. None halves the shorter side to about 4, with 32, 64,
        128, 128, ... channels.
    activation : {"gelu", "silu", "softplus", "tanh", "relu", "leaky_relu"}, \
default="gelu"
        Activation of the blocks; "softplus" is sharp, with beta 100.

    See Also
    --------
    ConvDecoder : Convolutional network from vectors to images.

    Examples
    --------
    >>> import torch
    >>> from skmanifold.nn import ConvEncoder
    >>> ConvEncoder((28, 28), 16)(torch.zeros(3, 784)).shape
    torch.Size([3, 16])
    """

    def __init__(self, image_shape, n_out, *, channels=None, activation="gelu"):
        super().__init__()
        *sides, n_channels = check_image_shape(image_shape, min_side=_MIN_SIDE)
        check_name("activation", activation, ACTIVATIONS)
        widths = _checked_channels(channels, sides)
        self.image_shape = (*sides, n_channels)
        blocks = []
        for width in widths:
            blocks += [
                nn.Conv2d(n_channels, width, 3, stride=2, padding=1),
                ACTIVATIONS[activation](),
            ]
            n_channels = width
        rows, columns = _halved(sides, len(widths))[-1]
        self.hidden = nn.Sequential(*blocks, nn.Flatten())
        self.head = nn.Linear(n_channels * rows * columns, n_out)

    def forward(self, x):
        """Map samples of shape (n, H * W * C) to outputs of shape (n, n_out)."""
        x = self.hidden(to_images(x, self.image_shape))
        with torch.autocast(x.device.type, enabled=False):
            return self.head(x.to(self.head.weight.dtype))


class ConvDecoder(nn.Module):
    """Convolutional network from vectors to flattened images.

    The mirror image of :class:`ConvEncoder`: a linear map to a small image with many
    channels, then 4 x 4 transposed convolutions of stride 2, each preceded by an
    activation. The last one is linear and always in full precision.

    Read more in the :ref:`User Guide <own_network>`.

    Parameters
    ----------
    n_in : int
        Number of inputs.
    image_shape : tuple of int
        (H, W) or (H, W, C), as in :class:`ConvEncoder`.
    channels : sequence of int or None, default=None
        Channels of each block, in the order of :class:`ConvEncoder`.
    activation : {"gelu", "silu", "softplus", "tanh", "relu", "leaky_relu"}, \
default="gelu"
        Activation, as in :class:`ConvEncoder`.

    See Also
    --------
    ConvEncoder : Convolutional network from images to vectors.

    Examples
    --------
    >>> import torch
    >>> from skmanifold.nn import ConvDecoder
    >>> ConvDecoder(16, (28, 28))(torch.zeros(3, 16)).shape
    torch.Size([3, 784])
    """

    def __init__(self, n_in, image_shape, *, channels=None, activation="gelu"):
        super().__init__()
        *sides, n_channels = check_image_shape(image_shape, min_side=_MIN_SIDE)
        check_name("activation", activation, ACTIVATIONS)
        widths = _checked_channels(channels, sides)
        sizes = _halved(sides, len(widths))
        blocks = [
            nn.Linear(n_in, widths[-1] * math.prod(sizes[-1])),
            nn.Unflatten(1, (widths[-1], *sizes[-1])),
            ACTIVATIONS[activation](),
        ]
        for i in reversed(range(1, len(widths))):
            blocks += [
                nn.ConvTranspose2d(widths[i], widths[i - 1], 4, stride=2, padding=1),
                Crop(sizes[i]),
                ACTIVATIONS[activation](),
            ]
        self.hidden = nn.Sequential(*blocks)
        self.head = nn.Sequential(
            nn.ConvTranspose2d(widths[0], n_channels, 4, stride=2, padding=1),
            Crop(sizes[0]),
        )

    def forward(self, z):
        """Map inputs of shape (n, n_in) to samples of shape (n, H * W * C)."""
        z = self.hidden(z)
        with torch.autocast(z.device.type, enabled=False):
            return to_samples(self.head(z.to(self.head[0].weight.dtype)))


class Crop(nn.Module):
    """Crop to the upper left part: doubling an odd side gives one pixel too many."""

    def __init__(self, sides):
        super().__init__()
        self.sides = tuple(sides)

    def forward(self, x):
        """Map (n, C, H, W) to (n, C, *sides)."""
        return x[:, :, : self.sides[0], : self.sides[1]]


def _halved(sides, n_times):
    """Return the sides of the image before and after each block."""
    sizes = [tuple(sides)]
    for _ in range(n_times):
        sizes.append(tuple(-(-side // 2) for side in sizes[-1]))
    return sizes


def _checked_channels(channels, sides):
    if channels is None:
        n_blocks = max(1, round(math.log2(min(sides) / 4)))
        return [min(32 * 2**i, 128) for i in range(n_blocks)]
    widths = list(channels)
    most = math.ceil(math.log2(min(sides)))
    if not 1 <= len(widths) <= most or not all(map(is_size, widths)):
        raise ValueError(
            f"channels must be a sequence of 1 to {most} positive integers, got "
            f"{channels!r}: each block halves an image of {sides[0]} x {sides[1]}."
        )
    return [int(width) for width in widths]
