# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""Networks from sizes, and checks of those that a user describes or gives."""

import copy
from collections import OrderedDict

import torch
from torch import nn

from skmanifold._engine import mark_hidden
from skmanifold.utils._sizes import check_image_shape, is_size
from skmanifold.utils._warnings import warn


def make_networks(estimator, sizes):
    """Return the untrained networks of an estimator, on the CPU, as a ModuleDict.

    Parameters
    ----------
    estimator : DeepManifold
        Its constructor parameters describe the networks.
    sizes : dict of str to int
        What its hook ``_network_sizes`` read off the training data.
    """
    networks = estimator._make_networks(sizes)
    if not isinstance(networks, dict | nn.ModuleDict) or "encoder" not in networks:
        raise TypeError(
            f"{type(estimator).__name__}._make_networks returned {networks!r}; it must "
            "return a dict of torch modules with an entry 'encoder', and 'decoder' if "
            "the method has one."
        )
    if hasattr(estimator, "inverse_transform") and "decoder" not in networks:
        raise TypeError(
            f"{type(estimator).__name__}._make_networks returned no 'decoder', which "
            "inverse_transform needs. Return one, or leave out DecoderMixin."
        )
    return nn.ModuleDict(networks)


def frozen_networks(networks, scaler):
    """Return the fitted attributes ``network_`` and, with a decoder, ``decoder_``.

    They are copies on the CPU, in evaluation mode and without gradients; the scaler's
    projection is their first or last layer.
    """
    project, encoder = linear(scaler.basis_), networks["encoder"]
    frozen = {"network_": _frozen(project=project, encoder=encoder)}
    if "decoder" in networks:
        expand, decoder = linear(scaler.inverse_basis), networks["decoder"]
        frozen["decoder_"] = _frozen(decoder=decoder, expand=expand)
    return frozen


def _frozen(**modules):
    copies = {name: copy.deepcopy(module).cpu() for name, module in modules.items()}
    return nn.Sequential(OrderedDict(copies)).eval().requires_grad_(False)


def linear(matrix):
    """Return a fixed linear map as a layer; None is the identity."""
    if matrix is None:
        return nn.Identity()
    n_outputs, n_inputs = matrix.shape
    # without numbers, which would be drawn in vain
    layer = nn.Linear(n_inputs, n_outputs, bias=False, device="meta")
    layer.weight = nn.Parameter(torch.from_numpy(matrix), requires_grad=False)
    return layer


def checked_widths(name, layers):
    """Widths of hidden layers, as a list of int."""
    if not all(is_size(width) for width in layers):
        raise ValueError(
            f"{name}={layers!r} must be a sequence of positive integers, the widths of "
            "the hidden layers; () has none."
        )
    return [int(width) for width in layers]


def checked_image_shape(image_shape, n_features):
    """Return (H, W, C) for samples of `n_features` pixel values; None for None."""
    if image_shape is None:
        return None
    height, width, n_channels = check_image_shape(image_shape)
    if height in (1, 3, 4) and width == n_channels > 4:
        warn(
            f"image_shape={image_shape!r} is {height} by {width} pixels with {width} "
            "channels. If the channels come first in your images, move them last: "
            f"({width}, {width}, {height}), with rows made by X.reshape(-1, {height},"
            f" {width}, {width}).transpose(0, 2, 3, 1).reshape(len(X), -1)."
        )
    if height * width * n_channels != n_features:
        raise ValueError(
            f"image_shape={image_shape!r} has {height * width * n_channels} pixel "
            f"values, but X has {n_features} features. Give the shape of one row of X, "
            "channels last, or image_shape=None for rows that are no images."
        )
    return height, width, n_channels


def copied_or_made(name, given, arguments, n_in, n_out):
    """The user's network: a copy of a module, or what a callable makes."""
    if isinstance(given, nn.Module):
        return copy.deepcopy(given)
    network = given(n_in, n_out)
    if not isinstance(network, nn.Module):
        raise TypeError(
            f"{name} returned {network!r}, of type {type(network).__name__}; "
            f"{name}({arguments}) must return a torch.nn.Module."
        )
    return network


def own_network(name, given, arguments, n_in, n_out, *, remedy, width="n_out"):
    """Return a copy of the user's network, after two rows of zeros went through it.

    Parameters
    ----------
    name : str
        The parameter that it came as.
    given : torch.nn.Module or callable
        The network, or what makes it of the numbers of inputs and of outputs.
    arguments : str
        Names of those two numbers, for the error.
    n_in : int
        Number of inputs.
    n_out : int
        The width that its outputs must have.
    remedy : str
        What to do about another width.
    width : str
        What `n_out` is called, for the error.
    """
    rows = torch.zeros(2, n_in)
    network = copied_or_made(name, given, arguments, n_in, n_out)
    try:
        with torch.no_grad():
            shape = tuple(mark_hidden(network.eval(), rows).shape)
    except Exception as error:
        raise ValueError(
            f"{name} could not map an input of shape {(2, n_in)}: {error}. It "
            f"must map (B, {n_in}) to (B, {width}) = (B, {n_out})."
        ) from error
    wanted = (2, n_out)
    if shape != wanted:
        raise ValueError(
            f"{name} maps an input of shape {(2, n_in)} to an output of shape "
            f"{shape}, but shape {wanted} is needed. {remedy}"
        )
    return network
