# SPDX-License-Identifier: BSD-3-Clause

"""Networks from sizes, and checks of a user's networks and their parameters."""

import copy
from collections import OrderedDict

import torch
from torch import nn

from skmanifold._engine import mark_hidden
from skmanifold.nn import OnImages
from skmanifold.utils._containers import counted
from skmanifold.utils._sizes import check_image_shape
from skmanifold.utils._warnings import warn


def make_networks(estimator, sizes):
    """Return the untrained networks of an estimator for sizes, as a ModuleDict."""
    networks = estimator._make_networks(sizes)
    if not isinstance(networks, dict | nn.ModuleDict) or "encoder" not in networks:
        raise TypeError(
            f"{type(estimator).__name__}._make_networks returned {networks!r}; it must "
            "return a dict of torch modules with an entry 'encoder', and optionally "
            "'decoder'."
        )
    if hasattr(estimator, "inverse_transform") and "decoder" not in networks:
        raise TypeError(
            f"{type(estimator).__name__}._make_networks returned no 'decoder', which "
            "inverse_transform needs. Return one, or remove DecoderMixin."
        )
    return nn.ModuleDict(networks)


def frozen_networks(networks, scaler):
    """Return ``network_`` and, with a decoder, ``decoder_``, frozen on the CPU.

    The scaler's projection is their first or last layer.
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


def other_weights(network, weights):
    """Describe how the weights of a network differ from others; "" if not at all."""
    own, others = (
        {name: tuple(tensor.shape) for name, tensor in state.items()}
        for state in (network.state_dict(), weights)
    )
    differences = [
        f"{name!r} is missing"
        if name not in own
        else f"{name!r} is new"
        if name not in others
        else f"{name!r} has shape {own[name]}, not {others[name]}"
        for name in {**own, **others}
        if own.get(name) != others.get(name)
    ]
    return "; ".join(differences[:3] + ["..."] * (len(differences) > 3))


def linear(matrix):
    """Return a fixed linear map as a layer; None is the identity."""
    if matrix is None:
        return nn.Identity()
    n_outputs, n_inputs = matrix.shape
    # on "meta", to skip the initialization
    layer = nn.Linear(n_inputs, n_outputs, bias=False, device="meta")
    layer.weight = nn.Parameter(torch.from_numpy(matrix), requires_grad=False)
    return layer


# User's parameters ------------------------------------------------------------------


def checked_image_shape(image_shape, n_features):
    """Return the shape (H, W, C) of images, or None.

    Parameters
    ----------
    image_shape : tuple of int or None
        (H, W) or (H, W, C), channels last.
    n_features : int
        Number of pixel values per sample.

    Returns
    -------
    tuple of int or None
        (H, W, C); None for None.

    Raises
    ------
    ValueError
        If the shape is invalid, or does not match `n_features`.

    Examples
    --------
    >>> from skmanifold.base import checked_image_shape
    >>> checked_image_shape((8, 8), 64)
    (8, 8, 1)
    """
    if image_shape is None:
        return None
    height, width, n_channels = check_image_shape(image_shape)
    if height in (1, 3, 4) and width == n_channels > 4:
        warn(
            f"image_shape={image_shape!r} has {width} channels. If they come first in "
            f"your images, pass ({width}, {width}, {height}) and samples X.reshape(-1, "
            f"{height}, {width}, {width}).transpose(0, 2, 3, 1).reshape(len(X), -1)."
        )
    if height * width * n_channels != n_features:
        raise ValueError(
            f"image_shape={image_shape!r} has {height * width * n_channels} pixel "
            f"values, but X has {counted(n_features, 'feature')}. Pass the shape of "
            "one sample, channels last, or None if samples are not images."
        )
    return height, width, n_channels


def own_network(
    name,
    given,
    n_inputs,
    n_outputs,
    *,
    sizes=("n_inputs", "n_outputs"),
    any_width=False,
    image_shape=None,
    remedy=None,
):
    """Return a copy of a user's network, tested on two samples.

    Parameters
    ----------
    name : str
        Name of the parameter, for errors.
    given : torch.nn.Module or callable
        The network, which is copied, or a callable ``(n_inputs, n_outputs)`` that
        returns one.
    n_inputs : int
        Number of inputs.
    n_outputs : int
        Number of outputs.
    sizes : tuple of str, default=("n_inputs", "n_outputs")
        Names of the two numbers, for errors.
    any_width : bool, default=False
        Whether to allow another number of outputs.
    image_shape : tuple of int, default=None
        (H, W, C) if the network takes images, (n, C, H, W), instead of samples.
    remedy : str, default=None
        Remedy for a wrong number of outputs, for the error. None names that number.

    Returns
    -------
    torch.nn.Module
        The network, from (n, n_inputs) to (n, n_outputs), in evaluation mode.

    Raises
    ------
    TypeError
        If the callable returns no network.
    ValueError
        If the network cannot map inputs, or returns outputs of another shape.

    Examples
    --------
    >>> import torch
    >>> from skmanifold.base import own_network
    >>> own_network("encoder", torch.nn.Linear, 4, 2)
    Linear(in_features=4, out_features=2, bias=True)
    """
    if isinstance(given, nn.Module):
        network = copy.deepcopy(given)
    else:
        network = given(n_inputs, n_outputs)
    if not isinstance(network, nn.Module):
        raise TypeError(
            f"{name} returned {network!r}, of type {type(network).__name__}; "
            f"{name}({', '.join(sizes)}) must return a torch.nn.Module."
        )
    shape = (2, n_inputs)
    if image_shape is not None:
        network = OnImages(network, image_shape)
        shape = (2, image_shape[2], *image_shape[:2])
    wanted, remedy = (2, n_outputs), remedy or f"Give it {n_outputs} outputs."
    if any_width:
        wanted, remedy = "(2, n_features)", "Flatten or pool the output."
    try:
        with torch.no_grad():
            outputs = mark_hidden(network.eval(), torch.zeros(2, n_inputs))
            width = tuple(outputs.shape)
    except Exception as error:
        raise ValueError(
            f"{name} could not map an input of shape {shape}: {error}. It must map it "
            f"to an output of shape {wanted}."
        ) from error
    if len(width) != 2 or width[0] != 2 or not (any_width or width[1] == n_outputs):
        raise ValueError(
            f"{name} maps an input of shape {shape} to an output of shape {width}, but "
            f"shape {wanted} is needed. {remedy}"
        )
    return network
