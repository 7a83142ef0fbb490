# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""Optimisers of an objective's parameters."""

import torch
from torch import nn


def mark_hidden(network):
    """Mark the hidden matrices of a network of any build.

    They are the weights of its linear layers, but for the last layer of all, whose
    outputs are the network's. A mark stays with its parameter, and not with copies.
    """
    linear = {
        id(layer._parameters.get("weight"))
        for layer in network.modules()
        if isinstance(layer, nn.Linear)
    }
    matrices = [one for one in network.parameters() if one.ndim > 1]
    for matrix in matrices[:-1]:
        matrix.is_hidden = id(matrix) in linear


def _is_hidden(name, parameter):
    return ".hidden." in name or getattr(parameter, "is_hidden", False)


def make_optimizers(objective, *, optimizer, learning_rate, weight_decay):
    """Optimisers whose groups remember their base learning rate as "base_lr".

    Weight matrices decay, vectors (biases, scales, shifts) do not. "muon" takes the
    hidden matrices, by their place in a module named "hidden" or by the mark that
    :func:`mark_hidden` leaves; all else is AdamW's.

    ``objective.learning_rate_factors``, if there is one, maps the first part of a
    parameter's name to a factor on the learning rate: for learnable points, such as
    cluster centres, that have farther to go than a weight. They do not decay.
    """
    factors = getattr(objective, "learning_rate_factors", {})
    own = {name: [] for name in factors}
    hidden, matrices, vectors = [], [], []
    for name, parameter in objective.named_parameters():
        if not parameter.requires_grad:
            continue
        prefix = name.split(".")[0]
        if prefix in own:
            own[prefix].append(parameter)
        elif parameter.ndim < 2:
            vectors.append(parameter)
        elif (
            optimizer == "muon" and parameter.ndim == 2 and _is_hidden(name, parameter)
        ):
            hidden.append(parameter)
        else:
            matrices.append(parameter)
    groups = [
        {"params": matrices, "weight_decay": weight_decay},
        {"params": vectors, "weight_decay": 0.0},
        *(
            {
                "params": parameters,
                "weight_decay": 0.0,
                "lr": factors[prefix] * learning_rate,
            }
            for prefix, parameters in own.items()
        ),
    ]
    optimizers = [torch.optim.AdamW(groups, lr=learning_rate, fused=True)]
    if hidden:
        optimizers.append(
            torch.optim.Muon(
                hidden,
                lr=10 * learning_rate,
                momentum=0.95,
                nesterov=True,
                weight_decay=weight_decay,
                ns_steps=5,
            )
        )
    for one in optimizers:
        for group in one.param_groups:
            group["base_lr"] = group["lr"]
    return optimizers
