# SPDX-License-Identifier: BSD-3-Clause

"""The steps of a fit: validate, scale, prepare, (train,) publish.

:meth:`DeepManifold._fit` calls them in this order. Methods train in
``_learn(data, run)``.
"""

import contextlib
import copy
import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from skmanifold._engine import (
    Checkpoint,
    check_same_on_all_ranks,
    is_main_process,
    named_seed,
    resolve_device,
)
from skmanifold.training import TrainingOptions

from ._data import LAST_PHASE, FitData, Plan, Schedule, make_schedule
from ._fingerprint import open_checkpoint
from ._inference import allocator_like, apply_to_samples, on_device, output_dtype
from ._messages import (
    check_enough,
    check_length,
    warn_of_codes,
    warn_of_constant,
    warn_of_deviations,
    warn_of_drift,
    warn_of_inexact_inference,
    warn_of_numbers,
    warn_of_outliers,
    warn_of_units,
)
from ._networks import frozen_networks, linear
from ._novelty import centers_of
from ._run import Run
from ._scaler import Deviations, InputScaler
from ._subsample import draw, taken

# Fitted attributes that are not public.
_PRIVATE_STATE = ("_scaler", "_seed", "_sizes", "_centers")

# Attributes of scikit-learn's callbacks during a fit.
_CALLBACK_STATE = ("_callback_fit_ctx", "_skl_callbacks_to_teardown")


@dataclass(kw_only=True)
class Job:
    """Arguments of one call of fit, and decisions made before training."""

    estimator: Any
    samples: Any  # the validated X
    make_room: Callable  # allocates an array, on disk if X is memory-mapped
    inputs: Any  # what the scaler reads of them, see DeepManifold._inputs
    training: Any  # samples to train on: all, or those drawn for Plan(n_training=...)
    training_inputs: Any  # what the scaler reads of those
    rows: np.ndarray | None  # their indices in X, ascending; None for all
    targets: Any  # _validate_targets(y), for the samples to train on
    options: TrainingOptions
    device: torch.device
    plan: Plan
    schedule: Schedule
    part: bool  # whether X is a part of the data, see partial_fit
    seed: int
    checkpoint: Checkpoint | None
    previous: dict  # fitted attributes of the fit to continue; empty for a new fit
    networks: dict  # networks of that fit
    callbacks: Any  # scikit-learn's context of the callbacks
    given: dict  # arguments of fit, for the callbacks


def validate(estimator, X, y, *, part):
    """Check all arguments, make the job, and delete the previous fit."""
    options = estimator.training or TrainingOptions()
    options._validate_params()
    device = resolve_device(estimator.device)
    continued = (estimator.warm_start or part) and hasattr(estimator, "network_")
    make_room = allocator_like(X)
    samples = estimator._validate(X, reset=not continued)
    n_samples = samples.shape[0]
    check_enough(n_samples)
    check_length(y, n_samples)
    targets = estimator._validate_targets(y)
    plan = estimator._plan(*samples.shape)
    checkpoint, seed = open_checkpoint(
        estimator, options, samples, targets, continued=continued
    )
    inputs = estimator._inputs(samples)
    training, training_inputs, rows = samples, inputs, None
    if plan.n_training is not None and plan.n_training < n_samples:
        rows, targets = draw(
            n_samples, plan.n_training, targets, named_seed(seed, "subsample")
        )
        training_inputs = training = taken(samples, rows, make_room=make_room)
        if inputs is not samples:
            training_inputs = taken(inputs, rows, make_room=make_room)
        n_samples = len(rows)
    schedule = make_schedule(estimator, plan, n_samples, targets)
    if part:
        schedule.n_epochs.update(dict.fromkeys(schedule.n_epochs, 1))
    previous = dict(vars(estimator)) if continued else {}
    networks = estimator._networks() if continued else {}
    _forget_fit(estimator)
    given = {"estimator": estimator, "X": X, "y": y}
    n_epochs = sum(schedule.n_epochs.values())
    callbacks = estimator._init_callback_context(max_subtasks=n_epochs)
    callbacks.call_on_fit_task_begin(**given)
    return Job(
        estimator=estimator,
        samples=samples,
        make_room=make_room,
        inputs=inputs,
        training=training,
        training_inputs=training_inputs,
        rows=rows,
        targets=targets,
        options=options,
        device=device,
        plan=plan,
        schedule=schedule,
        part=part,
        seed=seed,
        checkpoint=checkpoint,
        previous=previous,
        networks=networks,
        callbacks=callbacks,
        given=given,
    )


def scale(job):
    """Return the scaler, fitted or updated with the samples."""
    known = ()
    if job.previous:
        known = job.previous["_scaler"].codes.columns
        scaler = copy.copy(job.previous["_scaler"]).partial_fit(job.training_inputs)
    else:
        scaler = InputScaler(
            n_reduced=job.plan.n_reduced,
            n_least=job.plan.n_least,
            column_scaling=job.plan.column_scaling,
            random_state=named_seed(job.seed, "scaler"),
        ).fit(job.training_inputs)
        if not (job.plan.column_scaling or job.plan.one_unit):
            warn_of_units(job.estimator, job.training, named_seed(job.seed, "units"))
        if job.estimator._distances is None:
            warn_of_numbers(job.estimator, job.samples)
    if job.estimator._distances is None:
        warn_of_codes(job.estimator, scaler, job.training, known)
    warn_of_outliers(job.estimator, scaler, job.training, job.rows)
    warn_of_drift(scaler)
    warn_of_constant(scaler)
    check_same_on_all_ranks(
        [*job.samples.shape, scaler.center_.sum(), scaler.factor_.sum()],
        "X differs between the processes of this distributed fit. Pass the same "
        "samples in the same order to fit in all of them; fit shards them.",
    )
    return scaler


def prepare(job, scaler):
    """Return the run, with the inputs on the device."""
    inputs = apply_to_samples(
        linear(scaler.basis_), scaler, job.training_inputs, make_room=job.make_room
    )
    data = FitData(
        job.training,
        torch.from_numpy(inputs).to(job.device),
        y=job.targets,
        unit=scaler.unit,
        center=scaler.center_,
        column_factor=scaler.factor_ if scaler.largest_ is None else None,
        distances=job.estimator._distances,
        fit_seed=job.seed,
        previous=job.previous,
    )
    data.learned["_centers"] = centers_of(
        job.training_inputs,
        data.inputs,
        scaler,
        data.seed("centers"),
        job.previous.get("_centers") if job.part else None,
    )
    return Run(job, data, functools.partial(_epoch_ended, job, scaler))


def _epoch_ended(job, scaler, run, objective, phase, epoch):
    """Report an epoch, and return whether a callback ends the phase."""
    if job.estimator.verbose:
        n_epochs, history = run.n_epochs[phase], run.histories[phase]
        job.estimator._report(phase, epoch, n_epochs, history)
    task = job.callbacks.subcontext(task_name="epoch")
    task.call_on_fit_task_begin(**job.given)
    return task.call_on_fit_task_end(
        **job.given,
        reconstruction_attributes=functools.partial(
            fitted_attributes, job, scaler, run, objective
        ),
    )


def publish(job, scaler, run, objective):
    """Set the fitted attributes of the estimator."""
    # samples that were not drawn to train on are new to the scaler
    deviations = None if job.rows is None else Deviations()
    attributes = fitted_attributes(job, scaler, run, objective, deviations)
    if deviations is not None:
        warn_of_deviations(job.estimator, deviations, job.samples)
        scaler.add_named(job.inputs, [row for row, _ in deviations.samples])
    scaled = scaler.transform(job.inputs[:1])[0]
    warn_of_inexact_inference(job.estimator, attributes, scaled)
    vars(job.estimator).update(attributes)
    job.callbacks.call_on_fit_task_end(
        **job.given, reconstruction_attributes=lambda: attributes
    )
    if job.checkpoint is not None and is_main_process():
        job.checkpoint.remove()


def fitted_attributes(job, scaler, run, objective, deviations=None):
    """Return the fitted attributes, and add new outliers to ``deviations``."""
    estimator = job.estimator
    modules = frozen_networks(run.networks, scaler)
    network, device = on_device(estimator, modules["network_"])
    outputs = apply_to_samples(
        network,
        scaler,
        job.inputs,
        device=device,
        deviations=deviations,
        fold=estimator._folds,
    )
    dtype = output_dtype(job.samples.dtype)
    histories = {
        "history_" if phase == LAST_PHASE else f"{phase}_history_": {
            name: list(values) for name, values in history.items()
        }
        for phase, history in run.histories.items()
    }
    return {
        **modules,
        "embedding_": estimator._present(outputs).astype(dtype, copy=False),
        "history_": {},
        **histories,
        "n_iter_": len(run.histories.get(LAST_PHASE, {}).get("loss", ())),
        "_scaler": scaler,
        "_seed": job.seed,
        "_sizes": run.sizes,
        **run.data.learned,
        **estimator._fitted_attributes(objective, outputs, run.data),
    }


# The previous fit -----------------------------------------------------------------


@contextlib.contextmanager
def previous_fit_kept(estimator):
    """Restore the estimator if the fit fails or is interrupted."""
    state = vars(estimator)
    before = dict(state)
    try:
        yield
    except BaseException:
        running = {name: state[name] for name in _CALLBACK_STATE if name in state}
        state.clear()
        state.update(before, **running)
        raise


def _forget_fit(estimator):
    """Delete fitted attributes, except those validation has just set."""
    state = vars(estimator)
    kept = estimator._set_by_validation
    for name in list(state):
        fitted = name.endswith("_") and not name.startswith("_")
        if (fitted and name not in kept) or name in _PRIVATE_STATE:
            del state[name]
