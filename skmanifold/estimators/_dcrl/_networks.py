# SPDX-License-Identifier: BSD-3-Clause

"""The networks that DCRL trains."""

import math

import torch
from torch import nn
from torch.nn import functional as F

from skmanifold.losses import full_precision


class Features(nn.Module):
    """From inputs to features, in units of the distance between neighbors."""

    def __init__(self, represent):
        super().__init__()
        self.represent = represent
        self.register_buffer("factor", torch.tensor(1.0))

    @full_precision
    def forward(self, x):
        """Map (n, n_inputs) to (n, n_features)."""
        return self.represent(x) * self.factor


class Scaled(nn.Module):
    """A network with fixed factors on its inputs and outputs."""

    def __init__(self, network):
        super().__init__()
        self.network = network
        self.register_buffer("before", torch.tensor(1.0))
        self.register_buffer("after", torch.tensor(1.0))

    def forward(self, x):
        """Map (n, n_in) to (n, n_out)."""
        return self.network(x * self.before).float() * self.after


class UnitRows(nn.Module):
    """Normalization of samples to length 1."""

    def forward(self, x):
        """Map (n, d) to (n, d)."""
        return F.normalize(x, dim=1)


class Columns(nn.Module):
    """Selection of the columns from ``start`` on."""

    def __init__(self, start):
        super().__init__()
        self.start = start

    def forward(self, x):
        """Map (n, d) to (n, d - start)."""
        return x[:, self.start :]


class Decoder(nn.Module):
    """From the latent space to the features, and to the inputs if these differ."""

    def __init__(self, arrangement, features, inputs, n_padding):
        super().__init__()
        self.arrangement = arrangement
        self.features = features
        self.inputs = inputs
        self.n_padding = n_padding
        self.register_buffer("factor", torch.tensor(1.0))

    def forward(self, z):
        """Map (n, n_components) to (n, n_inputs)."""
        z = self.arrangement(z)
        if self.inputs is None:
            return self.features(z) / self.factor
        return F.pad(self.inputs(z), (0, self.n_padding))


class Clusters(nn.Module):
    """The centers, in a module so that a later fit can continue from them."""

    def __init__(self, n_clusters, n_components):
        super().__init__()
        self.centers = nn.Parameter(torch.zeros(n_clusters, n_components))


def set_units(encoder, decoder, *, unit, spread, latent_spread):
    """Set the unit of the features and the initial scales of the networks.

    Parameters
    ----------
    encoder, decoder : torch.nn.Module
        The networks.
    unit : float
        The unit of the features.
    spread : tuple of float and int
        Root of the total variance of the features, in that unit, and their number.
    latent_spread : tuple of float and int
        The same for the latent points.
    """
    encoder.features.factor.fill_(1 / unit)
    decoder.factor.fill_(1 / unit)
    column, component = (total / math.sqrt(n) for total, n in (spread, latent_spread))
    encoder.network.before.fill_(1 / column)
    encoder.network.after.fill_(component)
    for network in (decoder.features, decoder.inputs):
        if network is not None:
            network.before.fill_(1 / component)
    decoder.features.after.fill_(column)
