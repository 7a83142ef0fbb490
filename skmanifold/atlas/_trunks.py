# SPDX-License-Identifier: BSD-3-Clause

"""Networks below the charts: built-in ones for vectors and images, and a user's."""

import torch
from torch import nn

from skmanifold.base import checked_image_shape, checked_widths, own_network
from skmanifold.nn import MLP, ConvEncoder

from ._charts import ChartHeads


def make_trunk_and_heads(estimator, sizes):
    """Return the trunk and the chart heads of an estimator's encoder."""
    trunk, n_features = make_trunk(
        estimator.encoder,
        sizes["n_inputs"],
        image_shape=checked_image_shape(estimator.image_shape, sizes["n_features"]),
        layers=estimator.encoder_layers,
        feature_dim=estimator.feature_dim,
    )
    return trunk, ChartHeads(n_features, estimator.n_charts, estimator.n_components)


def make_trunk(encoder, n_inputs, *, image_shape, layers, feature_dim):
    """Return the network from inputs to features, and the number of its features.

    ``encoder`` is None for the built-in one, a module (copied) or a callable
    ``(n_inputs, feature_dim) -> module``.
    """
    if encoder is not None:
        trunk = own_network(
            "encoder",
            encoder,
            n_inputs,
            feature_dim,
            sizes=("n_inputs", "feature_dim"),
            any_width=True,
            image_shape=image_shape,
        )
        with torch.no_grad():
            return trunk, trunk(torch.zeros(2, n_inputs)).shape[1]
    if image_shape is None:
        trunk = MLP(
            n_inputs, feature_dim, layers=checked_widths("encoder_layers", layers)
        )
    else:
        trunk = ConvEncoder(image_shape, feature_dim)
    # the heads are linear: without an activation they would repeat the last layer
    return nn.Sequential(trunk, nn.GELU()), feature_dim
