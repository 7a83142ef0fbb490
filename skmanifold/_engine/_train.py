# SPDX-License-Identifier: BSD-3-Clause

"""The training loop."""

import math
from dataclasses import dataclass

import torch

from ._arithmetic import available_threads, same_bits, use_threads
from ._checkpoint import Checkpoint
from ._distributed import average_gradients, broadcast, is_main_process
from ._schedule import has_stalled, learning_rate_factor
from ._threads import Pace


@dataclass(kw_only=True)
class Training:
    """Settings of training."""

    n_epochs: int  # of the whole schedule
    optimizers: list  # from make_optimizers
    generator: torch.Generator  # of the batches
    warmup: float = 0.1
    schedule: str = "cosine"
    dtype: torch.dtype = torch.float32  # inside the networks
    n_threads: int | None = None  # limit on the CPU; the result does not depend on it
    gradient_clip: float | None = None  # largest norm of the gradient
    patience: int | None = None  # epochs without an improvement before stopping
    tol: float = 1e-4  # fraction of the loss that is an improvement
    checkpoint: Checkpoint | None = None
    # whether a step may draw from torch's global generator, whose state is then part of
    # the checkpoint
    draws_globally: bool = False


def train(objective, batches, training, *, on_epoch=None):
    """Minimize an objective, and return its history.

    ``objective(batch, progress)`` returns a dict of weighted scalar loss terms;
    ``progress`` is the fraction of steps done, in [0, 1), for weights that change until
    ``objective.settled_from``, 0 by default; early stopping starts there.
    ``objective.on_epoch_start(progress)``, if it exists, is called before each epoch.
    For ``objective.learning_rate_factors`` see :func:`make_optimizers`.
    ``batches.epoch(generator)`` yields ``len(batches)`` batches, and training ends when
    ``on_epoch(epoch, history)``, called after each epoch, returns True.

    The history is a dict of lists: means over each epoch of the terms and of their sum,
    "loss", and the learning rate factor at the end of each epoch.
    """
    history = {}
    _keep_freed_memory()
    first = _restore(objective, training, history) if training.checkpoint else 0
    objective.train()
    pace = Pace(available_threads(training.n_threads))
    # losses are not comparable while the objective changes its weights
    settled_from = getattr(objective, "settled_from", 0)
    n_unsettled = sum(
        epoch / training.n_epochs <= settled_from
        for epoch in range(1, training.n_epochs + 1)
    )

    for epoch in range(first, training.n_epochs):
        totals, terms, factor = _epoch(objective, batches, training, epoch, pace)
        means = broadcast((totals / len(batches)).tolist())
        _record(history, dict(zip(terms, means, strict=True)), factor, epoch)
        stop = on_epoch is not None and on_epoch(epoch, history)
        losses = history["loss"][n_unsettled:]
        stalled = has_stalled(losses, training.patience, training.tol)
        (stop,) = broadcast([bool(stop or stalled)])
        last = stop or epoch + 1 == training.n_epochs
        if (
            training.checkpoint
            and is_main_process()
            and (last or (epoch + 1) % training.checkpoint.every == 0)
        ):
            state = _snapshot(objective, training, history)
            training.checkpoint.save({**state, "finished": bool(last)})
        if stop:
            break
    objective.eval()
    return history


def _epoch(objective, batches, training, epoch, pace):
    """Run an epoch; return sums and names of its terms, and the last rate factor."""
    n_steps = training.n_epochs * len(batches)
    totals = None
    parameters = [p for p in objective.parameters() if p.requires_grad]
    on_epoch_start = getattr(objective, "on_epoch_start", None)
    with same_bits(objective):
        if on_epoch_start is not None:
            with torch.no_grad():
                on_epoch_start(epoch / training.n_epochs)
        for step, batch in enumerate(
            batches.epoch(training.generator), start=epoch * len(batches)
        ):
            factor = learning_rate_factor(
                step, n_steps, warmup=training.warmup, schedule=training.schedule
            )
            with pace as n_threads:
                use_threads(n_threads)
                progress = step / n_steps
                terms, values = _step(
                    objective, parameters, batch, training, progress, factor
                )
            # losses stay on the device until the epoch ends
            totals = values if totals is None else totals.add_(values)
    return totals, terms, factor


def _step(objective, parameters, batch, training, progress, factor):
    """Take one step and return the names of the terms of the loss and their values."""
    # no cache: within a caller's autocast it would keep the weights of the first step
    with torch.autocast(
        parameters[0].device.type,
        training.dtype,
        enabled=training.dtype != torch.float32,
        cache_enabled=False,
    ):
        terms = objective(batch, progress)
    is_dict = isinstance(terms, dict) and len(terms) > 0
    if not is_dict or not all(map(_is_scalar, terms.values())):
        raise TypeError(
            f"{type(objective).__name__}.forward must return a dict of scalar tensors, "
            f"such as {{'loss': error.mean()}}, but returned {terms}."
        )
    _check_gradient(objective, terms, parameters[0].device)
    values = torch.stack(list(terms.values()))
    values.sum().backward()
    average_gradients(parameters)
    if training.gradient_clip is not None:
        torch.nn.utils.clip_grad_norm_(parameters, training.gradient_clip)
    for optimizer in training.optimizers:
        optimizer.step(factor)
    for parameter in parameters:
        parameter.grad = None
    return terms.keys(), values.detach()


def _is_scalar(term):
    return isinstance(term, torch.Tensor) and term.ndim == 0 and not term.is_complex()


def _check_gradient(objective, terms, device):
    """Raise ValueError unless the loss is on the device and depends on parameters."""
    method = f"{type(objective).__name__}.forward"
    for name, term in terms.items():
        if term.device != device:
            raise ValueError(
                f"{method} returned the term {name!r} on the device "
                f"{str(term.device)!r}, but the networks are on {str(device)!r}. Make "
                "new tensors with device=batch.device, or register them as buffers."
            )
    if not any(term.requires_grad for term in terms.values()):
        raise ValueError(
            f"{method} returned a loss without a gradient: none of its terms, "
            f"{', '.join(map(repr, terms))}, depends on a trainable parameter. Compute "
            "it from outputs of the networks, without detach(), item(), numpy() or "
            "torch.no_grad()."
        )


def _keep_freed_memory():
    """Have glibc reuse the temporary tensors of a step.

    By default it returns freed blocks to the system, which causes page faults in the
    next step, unless a block just below the limit of 32 MB has been freed before.
    """
    torch.empty(2**25 - 2**16, dtype=torch.uint8)


def _record(history, terms, factor, epoch):
    for name, value in terms.items():
        if not math.isfinite(value):
            raise ValueError(
                f"Training diverged: the loss term {name!r} was {value} in epoch "
                f"{epoch + 1}. Decrease learning_rate, or set training="
                "TrainingOptions(precision='float32', gradient_clip=1.0). Your own "
                "network must return finite values."
            )
    values = {"loss": math.fsum(terms.values()), **terms}
    for name, value in {**values, "learning_rate_factor": factor}.items():
        history.setdefault(name, []).append(value)


def _snapshot(objective, training, history):
    device = next(objective.parameters()).device
    return {
        "objective": objective.state_dict(),
        "optimizers": [optimizer.state_dict() for optimizer in training.optimizers],
        "generator": training.generator.get_state(),
        "history": history,
        "global_generators": _global_generators(device)
        if training.draws_globally
        else [],
    }


def _global_generators(device):
    """Return the states of the global generators that a step may draw from."""
    on_gpu = [torch.cuda.get_rng_state(device)] if device.type == "cuda" else []
    return [torch.get_rng_state(), *on_gpu]


def _restore(objective, training, history):
    """Restore the checkpoint, if there is one, and return the first epoch."""
    training.checkpoint.next_phase()
    state = training.checkpoint.state
    if state is None:
        return 0
    objective.load_state_dict(state["objective"])
    for optimizer, saved in zip(training.optimizers, state["optimizers"], strict=True):
        optimizer.load_state_dict(saved)
    training.generator.set_state(state["generator"])
    for i, generator in enumerate(state["global_generators"]):
        if i == 0:
            torch.set_rng_state(generator)
        else:
            torch.cuda.set_rng_state(generator, next(objective.parameters()).device)
    history.update(state["history"])
    return training.n_epochs if state["finished"] else len(history["loss"])
