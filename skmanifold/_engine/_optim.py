# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""Optimizers of an objective's parameters."""

import torch
from torch import nn


def mark_hidden(network, rows):
    """Mark the hidden matrices of any network for Muon, and return its outputs.

    These are the weights of its linear layers, except the last layer applied to the
    samples. Copies of a parameter are not marked.
    """
    called = []
    hooks = [
        layer.register_forward_hook(lambda layer, *_: called.append(layer))
        for layer in network.modules()
        if any(p.ndim > 1 for p in layer.parameters(recurse=False))
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


def make_optimizers(
    objective, *, optimizer, learning_rate, weight_decay, dtype=torch.float32
):
    """Return the optimizers of an objective's parameters.

    Weight matrices decay, vectors (biases, scales, shifts) do not. "muon" is for hidden
    matrices: those in the modules that ``objective.hidden_layers``, if it exists, lists
    by their dotted names, and those marked by :func:`mark_hidden`. AdamW is for all
    other parameters.

    ``objective.learning_rate_factors``, if it exists, maps dotted prefixes of parameter
    names to factors on the learning rate, for learnable points, such as cluster
    centers, that move farther than weights. They do not decay.
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
        {"params": matrices, "weight_decay": weight_decay, "base_lr": learning_rate},
        {"params": vectors, "weight_decay": 0.0, "base_lr": learning_rate},
        *(
            {
                "params": parameters,
                "weight_decay": 0.0,
                "base_lr": factors[prefix] * learning_rate,
            }
            for prefix, parameters in own.items()
        ),
    ]
    optimizers = [AdamW(groups)]
    if hidden:
        optimizers.append(
            Muon(
                hidden,
                base_lr=10 * learning_rate,
                weight_decay=weight_decay,
                dtype=dtype,
            )
        )
    return optimizers


class AdamW:
    """Adam with decoupled weight decay, as :class:`torch.optim.AdamW` computes it.

    torch's class imports its compiler, which takes a second, and its bookkeeping costs
    more than the steps of small networks. Each of the ``groups`` is a dict with
    "params", "base_lr" (the largest learning rate) and "weight_decay".
    """

    def __init__(self, groups):
        self.groups = [
            {
                **group,
                "counts": torch.zeros(
                    len(group["params"]), device=group["params"][0].device
                ),
                "means": [torch.zeros_like(p) for p in group["params"]],
                "squares": [torch.zeros_like(p) for p in group["params"]],
            }
            for group in groups
            if group["params"]
        ]
        for group in self.groups:
            # views: torch takes a tensor for each parameter
            group["steps"] = list(group["counts"].unbind())

    @torch.no_grad()
    def step(self, factor):
        """Take a step with ``factor`` times the learning rates."""
        for group in self.groups:
            states = zip(
                group["params"],
                [p.grad for p in group["params"]],
                group["means"],
                group["squares"],
                group["steps"],
                strict=True,
            )
            present = [state for state in states if state[1] is not None]
            if not present:
                continue
            params, grads, means, squares, steps = map(list, zip(*present, strict=True))
            if len(present) == len(group["params"]):
                group["counts"].add_(1)
            else:
                torch._foreach_add_(steps, 1)
            torch._fused_adamw_(
                params,
                grads,
                means,
                squares,
                [],
                steps,
                lr=factor * group["base_lr"],
                beta1=0.9,
                beta2=0.999,
                weight_decay=group["weight_decay"],
                eps=1e-8,
                amsgrad=False,
                maximize=False,
            )

    def state_dict(self):
        """Return the state of all groups, as tensors."""
        return {
            name: [group[name] for group in self.groups]
            for name in ("steps", "means", "squares")
        }

    def load_state_dict(self, state):
        """Restore a state."""
        for name, groups in state.items():
            for group, tensors in zip(self.groups, groups, strict=True):
                torch._foreach_copy_(group[name], tensors)


class Muon:
    """Orthogonalized momentum, for hidden weight matrices. [1]_

    ``dtype`` is that of the orthogonalization.

    References
    ----------
    .. [1] K. Jordan et al., "Muon: an optimizer for hidden layers in neural networks",
       2024.
    """

    momentum = 0.95

    def __init__(self, params, *, base_lr, weight_decay, dtype=torch.float32):
        self.params = params
        self.base_lr = base_lr
        self.weight_decay = weight_decay
        self.dtype = dtype
        self.means = [torch.zeros_like(p) for p in params]

    @torch.no_grad()
    def step(self, factor):
        """Take a step with ``factor`` times the learning rate."""
        lr = factor * self.base_lr
        present = [i for i, p in enumerate(self.params) if p.grad is not None]
        if not present:
            return
        params = [self.params[i] for i in present]
        grads = [p.grad for p in params]
        means = [self.means[i] for i in present]
        torch._foreach_lerp_(means, grads, 1 - self.momentum)
        momenta = torch._foreach_lerp(grads, means, self.momentum)
        torch._foreach_mul_(params, 1 - lr * self.weight_decay)
        # one product for all matrices of a shape: the calls cost more than small ones
        shapes = {}
        for p, momentum in zip(params, momenta, strict=True):
            shapes.setdefault(tuple(p.shape), []).append((p, momentum))
        for (n_rows, n_columns), same in shapes.items():
            stack = torch.stack([momentum for _, momentum in same])
            updates = orthogonalized(stack.to(self.dtype)).to(stack.dtype)
            longer = max(1.0, n_rows / n_columns) ** 0.5
            torch._foreach_add_(
                [p for p, _ in same], updates.unbind(), alpha=-lr * longer
            )

    def state_dict(self):
        """Return the state, as tensors."""
        return {"means": self.means}

    def load_state_dict(self, state):
        """Restore a state."""
        torch._foreach_copy_(self.means, state["means"])


def orthogonalized(matrices, n_steps=5):
    """Return matrices with the same singular vectors and singular values of about 1.

    Matrices are stacked along the first axis. By Newton-Schulz steps,
    ``x <- a x + (b x x^T + c (x x^T)^2) x``.
    """
    a, b, c = 3.4445, -4.775, 2.0315
    is_tall = matrices.shape[1] > matrices.shape[2]
    x = matrices.mT if is_tall else matrices
    x = x / torch.linalg.vector_norm(x, dim=(1, 2), keepdim=True).clamp(min=1e-7)
    for _ in range(n_steps):
        gram = x @ x.mT
        x = torch.baddbmm(
            x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a
        )
    return x.mT if is_tall else x
