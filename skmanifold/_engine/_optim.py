# SPDX-License-Identifier: BSD-3-Clause

"""Optimizers of an objective's parameters."""

import torch
from torch import nn

from skmanifold._exact import all_threads

# Coefficients of the polynomials of :func:`orthogonalized`. Those of the paper of Muon
# level singular values from 0.002, to [0.68, 1.21].
_POLYNOMIALS = ((3.4445, -4.775, 2.0315),) * 5
# Each the nearest to 1 on the range of singular values that the previous one leaves,
# from [0.01, 1] to [0.73, 1.27] at the end.
_COARSE_POLYNOMIALS = (
    (8.0934, -23.6204, 17.4462),
    (3.6366, -2.7219, 0.5365),
    (2.6613, -1.9772, 0.4526),
)

# Steps that reuse a coarse orthogonalization: the momentum, a mean of about 20 steps,
# changes little meanwhile.
_COARSE_PERIOD = 4

# Matrices are filled with zeros to multiples of this size, to be computed together.
_MULTIPLE = 64


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
    other parameters. If ``objective.coarse_muon`` is True, Muon orthogonalizes less
    exactly and less often, which may otherwise cost as much as the rest of a step.

    ``objective.learning_rate_factors``, if it exists, maps dotted prefixes of parameter
    names to factors on the learning rate, for learnable points, such as cluster
    centers, that move farther than weights. They do not decay.
    """
    factors = getattr(objective, "learning_rate_factors", {})
    own = {name: [] for name in factors}
    layers = getattr(objective, "hidden_layers", ())
    _check_layers(objective, layers)
    prefixes = tuple(f"{layer}." for layer in layers)
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
    if not all(own.values()):
        unused = [name for name, parameters in own.items() if not parameters]
        raise ValueError(
            f"learning_rate_factors of {type(objective).__name__} has {unused[0]!r}, "
            "but no trained parameter has this name or prefix. Pass prefixes of "
            "named_parameters()."
        )
    if not (matrices or vectors or hidden or own):
        raise ValueError(
            f"{type(objective).__name__} has no trainable parameters. Assign the "
            "networks to its attributes, and freeze only some of them."
        )
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
                is_coarse=getattr(objective, "coarse_muon", False),
            )
        )
    return optimizers


def _check_layers(objective, layers):
    """Check names of modules, except within a user's network."""
    for layer in layers:
        module = objective
        for part in layer.split("."):
            is_own = all(hasattr(weight, "is_hidden") for weight in module.parameters())
            if is_own or getattr(module, part, module) is None:
                break
            if part not in module._modules:
                raise ValueError(
                    f"hidden_layers of {type(objective).__name__} has {layer!r}, but "
                    f"there is no module {part!r}. Pass names of named_modules()."
                )
            module = module._modules[part]


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
            counts, increments = group["counts"], 1
            if len(present) < len(group["params"]):
                increments = [p.grad is not None for p in group["params"]]
                increments = torch.tensor(increments, device=counts.device)
            counts.add_(increments)
            params, grads, means, squares, steps = map(list, zip(*present, strict=True))
            with all_threads():
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

    ``dtype`` is that of the orthogonalization. If it is coarse, singular values differ
    more, and several steps use the same.

    References
    ----------
    .. [1] K. Jordan et al., "Muon: an optimizer for hidden layers in neural networks",
       2024.
    """

    momentum = 0.95

    def __init__(
        self, params, *, base_lr, weight_decay, dtype=torch.float32, is_coarse=False
    ):
        self.params = params
        self.period = _COARSE_PERIOD if is_coarse else 1
        self.polynomials = _COARSE_POLYNOMIALS if is_coarse else _POLYNOMIALS
        self.base_lr = base_lr
        self.weight_decay = weight_decay
        self.dtype = dtype
        self.n_steps = 0
        self.means = [torch.zeros_like(p) for p in params]
        self.updates = [torch.zeros_like(p) for p in params]

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
        updates = [self.updates[i] for i in present]
        torch._foreach_lerp_(means, grads, 1 - self.momentum)
        if self.n_steps % self.period == 0:
            momenta = torch._foreach_lerp(grads, means, self.momentum)
            _orthogonalize_into(updates, momenta, self.dtype, self.polynomials)
        self.n_steps += 1
        torch._foreach_mul_(params, 1 - lr * self.weight_decay)
        torch._foreach_add_(params, updates, alpha=-lr)

    def state_dict(self):
        """Return the state: tensors and the number of steps."""
        return {"means": self.means, "updates": self.updates, "n_steps": self.n_steps}

    def load_state_dict(self, state):
        """Restore a state."""
        torch._foreach_copy_(self.means, state["means"])
        torch._foreach_copy_(self.updates, state["updates"])
        self.n_steps = state["n_steps"]


def _orthogonalize_into(updates, matrices, dtype, polynomials):
    """Compute the updates of weight matrices of (n_outputs, n_inputs) from momenta."""
    # products of several matrices: the calls cost more than small ones
    groups = {}
    for pair in zip(updates, matrices, strict=True):
        shape = tuple(-(-n // _MULTIPLE) * _MULTIPLE for n in pair[0].shape)
        groups.setdefault(shape, []).append(pair)
    for shape, pairs in groups.items():
        stack = pairs[0][0].new_zeros(len(pairs), *shape, dtype=dtype)
        for whole, (_, matrix) in zip(stack, pairs, strict=True):
            whole[: len(matrix), : matrix.shape[1]].copy_(matrix)
        directions = orthogonalized(stack, polynomials)
        for whole, (update, _) in zip(directions, pairs, strict=True):
            update.copy_(whole[: len(update), : update.shape[1]])
    torch._foreach_mul_(
        updates, [max(1.0, len(update) / update.shape[1]) ** 0.5 for update in updates]
    )


def orthogonalized(matrices, polynomials=_POLYNOMIALS):
    """Return matrices with the same singular vectors and singular values of about 1.

    Matrices are stacked along the first axis. Computed by polynomials of ``x``,
    ``(a + b g + c g^2) x`` with ``g = x x^T`` or ``x (a + b g + c g^2)`` with
    ``g = x^T x``, whichever is smaller.
    """
    x = matrices
    is_tall = x.shape[1] > x.shape[2]
    for i, (a, b, c) in enumerate(polynomials):
        gram = x.mT @ x if is_tall else x @ x.mT
        if i == 0:
            # bounds the squared singular values closer than the norm of the matrix
            # does, with a margin for rounding
            norm = torch.linalg.matrix_norm(gram, keepdim=True).clamp(min=1e-14)
            norm *= 1.02
            gram, x = gram / norm, x / norm.sqrt()
        polynomial = torch.baddbmm(gram, gram, gram, beta=b, alpha=c)
        factors = (x, polynomial) if is_tall else (polynomial, x)
        x = torch.baddbmm(x, *factors, beta=a)
    return x
