# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""Optimisers of an objective's parameters."""

import torch
from torch import nn


def mark_hidden(network, rows):
    """Mark the hidden matrices of a network of any build.

    They are the weights of its linear layers, but for the layer that comes last when
    rows go through. A mark stays with its parameter, and not with copies.

    Returns
    -------
    torch.Tensor
        What the network makes of the rows.
    """
    called = []
    hooks = [
        layer.register_forward_hook(lambda layer, *_: called.append(layer))
        for layer in network.modules()
        if any(one.ndim > 1 for one in layer.parameters(recurse=False))
    ]
    try:
        outputs = network(rows)
    finally:
        for hook in hooks:
            hook.remove()
    for parameter in network.parameters():
        parameter.is_hidden = False
    for layer in called:
        weight = layer._parameters.get("weight")
        if weight is not None:
            weight.is_hidden = isinstance(layer, nn.Linear) and layer is not called[-1]
    return outputs


def make_optimizers(objective, *, optimizer, learning_rate, weight_decay):
    """Optimisers whose groups remember their base learning rate as "base_lr".

    Weight matrices decay, vectors (biases, scales, shifts) do not. "muon" takes the
    hidden matrices: those of the modules that ``objective.hidden_layers``, if there is
    one, lists by their dotted names, and those that :func:`mark_hidden` has marked. All
    else is AdamW's.

    ``objective.learning_rate_factors``, if there is one, maps the first parts of a
    parameter's name, joined by dots, to a factor on the learning rate: for learnable
    points, such as cluster centres, that have farther to go than a weight. They do not
    decay.
    """
    factors = getattr(objective, "learning_rate_factors", {})
    own = {name: [] for name in factors}
    prefixes = tuple(f"{layer}." for layer in getattr(objective, "hidden_layers", ()))
    hidden, matrices, vectors = [], [], []
    for name, parameter in objective.named_parameters():
        if not parameter.requires_grad:
            continue
        prefix = next((p for p in own if f"{name}.".startswith(f"{p}.")), None)
        if prefix is not None:
            own[prefix].append(parameter)
        elif parameter.ndim < 2:
            vectors.append(parameter)
        elif (
            optimizer == "muon"
            and parameter.ndim == 2
            and getattr(parameter, "is_hidden", name.startswith(prefixes))
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
