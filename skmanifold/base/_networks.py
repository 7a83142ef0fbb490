# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""Checks of the networks that a user describes or gives."""

import copy

import torch
from torch import nn

from skmanifold._engine import mark_hidden
from skmanifold.utils._sizes import check_image_shape, is_size
from skmanifold.utils._warnings import warn


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


def own_network(name, given, arguments, rows, n_out, *, remedy, width="n_out"):
    """A copy of the user's network, after two rows went through it.

    Parameters
    ----------
    name : str
        The parameter that it came as.
    given : torch.nn.Module or callable
        The network, or what makes it of the numbers of inputs and of outputs.
    arguments : str
        Names of those two numbers, for the error.
    rows : torch.Tensor of shape (2, n_in)
        Rows to try it with, on the CPU.
    n_out : int
        The width that its outputs must have.
    remedy : str
        What to do about another width.
    width : str
        What `n_out` is called, for the error.
    """
    n_rows, n_in = rows.shape
    network = copied_or_made(name, given, arguments, n_in, n_out)
    try:
        with torch.no_grad():
            shape = tuple(mark_hidden(network.eval(), rows).shape)
    except Exception as error:
        raise ValueError(
            f"{name} could not map an input of shape {(n_rows, n_in)}: {error}. It "
            f"must map (B, {n_in}) to (B, {width}) = (B, {n_out})."
        ) from error
    wanted = (n_rows, n_out)
    if shape != wanted:
        raise ValueError(
            f"{name} maps an input of shape {(n_rows, n_in)} to an output of shape "
            f"{shape}, but shape {wanted} is needed. {remedy}"
        )
    return network
