# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""The networks below the charts, for vectors and for images, and a user's own."""

import torch
from torch import nn

from skmanifold._engine import mark_hidden
from skmanifold.base._networks import checked_widths, copied_or_made
from skmanifold.nn import MLP, ConvEncoder


def make_trunk(encoder, n_inputs, *, image_shape, layers, feature_dim):
    """Return the network from inputs to features, and the number of its features.

    ``encoder`` is None for the built-in one, a module (copied) or a callable
    ``(n_inputs, feature_dim) -> module``, which is tried on two rows of zeros.
    """
    if encoder is not None:
        return _checked_encoder(encoder, n_inputs, image_shape, feature_dim)
    if image_shape is None:
        trunk = MLP(
            n_inputs, feature_dim, layers=checked_widths("encoder_layers", layers)
        )
    else:
        trunk = ConvEncoder(image_shape, feature_dim)
    # the heads are linear: without it they would only repeat the trunk's last layer
    return nn.Sequential(trunk, nn.GELU()), feature_dim


def to_images(rows, image_shape):
    """Rows (n, H W C), channels last, as images (n, C, H, W)."""
    return rows.unflatten(1, image_shape).permute(0, 3, 1, 2)


def to_rows(images):
    """The inverse of :func:`to_images`."""
    return images.permute(0, 2, 3, 1).flatten(1)


class OnImages(nn.Module):
    """A network of a user's own that takes images instead of rows."""

    def __init__(self, network, image_shape):
        super().__init__()
        self.network = network
        self.image_shape = image_shape

    def forward(self, x):
        """Map rows (n, H W C) to what the network makes of images (n, C, H, W)."""
        return self.network(to_images(x, self.image_shape))


def _checked_encoder(encoder, n_inputs, image_shape, feature_dim):
    network = copied_or_made(
        "encoder", encoder, "n_inputs, feature_dim", n_inputs, feature_dim
    )
    rows = torch.zeros(2, n_inputs)
    if image_shape is not None:
        network = OnImages(network, image_shape)
    height, width, n_channels = image_shape or (0, 0, 0)
    came = (
        tuple(rows.shape)
        if image_shape is None
        else (len(rows), n_channels, height, width)
    )
    try:
        with torch.no_grad():
            features = mark_hidden(network.eval(), rows)
            shape = tuple(features.shape)
    except Exception as error:
        raise ValueError(
            f"encoder could not map an input of shape {came}: {error}. It must map "
            f"(B, {', '.join(map(str, came[1:]))}) to (B, n_features), with any "
            "n_features."
        ) from error
    if len(shape) != 2 or shape[0] != len(rows):
        raise ValueError(
            f"encoder maps an input of shape {came} to an output of shape {shape}, but "
            f"shape ({len(rows)}, n_features) is needed, with any n_features. Flatten "
            "or pool the output."
        )
    return network, shape[1]
