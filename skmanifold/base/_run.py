# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""Building and training the objectives of a method."""

import contextlib

import torch

from skmanifold._engine import (
    NoProgress,
    Training,
    apply_in_blocks,
    global_rng_seeded,
    local_generator,
    make_optimizers,
    resolve_precision,
    torch_threads,
    train,
)

from ._data import LAST_PHASE
from ._networks import make_networks


def _difference(now, before):
    """The first thing in which the states of two modules differ, in words."""
    shapes, shapes_before = (
        {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}
        for module in (now, before)
    )
    for name in {**shapes_before, **shapes}:
        shape, shape_before = shapes.get(name), shapes_before.get(name)
        if shape != shape_before:
            there, was = (
                "not there" if of is None else of for of in (shape, shape_before)
            )
            return f"{name} is {there} and was {was}"
    return "they hold other things"


class Run:
    """One fit: what the hook ``_learn`` builds and trains its objectives with.

    Parameters
    ----------
    estimator : DeepManifold
        What is fitted.
    data : FitData
        The training data.
    plan : Plan
        What the method wants.
    schedule : Schedule
        Its lengths and rates, with the user's values put in.
    options : TrainingOptions
        The rare options.
    previous : dict of str to torch.nn.Module
        Networks to go on from, by the name of the objective's attribute; empty for a
        fresh start.
    checkpoint : Checkpoint or None
        Where the state of training goes.
    on_epoch : callable
        ``on_epoch(run, objective, phase, epoch)`` after each epoch; returns True to end
        the phase.

    Attributes
    ----------
    batch_size : int
        Samples of a batch.
    learning_rate : float
        Largest learning rate.
    n_epochs : dict of str to int
        Epochs of each phase.
    sizes : dict of str to int
        Sizes that the networks follow from, as ``_network_sizes`` returned them.
    continued : bool
        Whether this fit goes on from a previous one.
    networks : torch.nn.ModuleDict
        What :meth:`make_networks` made.
    histories : dict of str to dict
        What each phase of training recorded, by its name.

    Examples
    --------
    An estimator in two phases names the first in its plan,
    ``Plan(phases={"pretraining": 300}, ...)``, and overrides ``_learn`` with plain
    code:

    >>> def _learn(self, data, run):
    ...     batches = self._make_batches(data, run.batch_size)
    ...     networks = run.make_networks()
    ...     objective = run.build(self._make_objective, data, networks)
    ...     run.train(objective, batches, phase="pretraining")
    ...     objective.targets = self._targets(run.outputs(objective.encoder))
    ...     run.train(objective, batches)
    ...     return objective
    """

    def __init__(
        self,
        estimator,
        data,
        *,
        plan,
        schedule,
        options,
        previous,
        checkpoint,
        on_epoch,
    ):
        self.estimator = estimator
        self.data = data
        self.plan = plan
        self.options = options
        self.batch_size, self.learning_rate, self.n_epochs = schedule
        self.previous = previous
        self.continued = bool(previous)
        self.checkpoint = checkpoint
        self.on_epoch = on_epoch
        self.sizes = estimator._network_sizes(data)
        self.networks = None
        self.histories = {}
        self._rng_state = None  # of torch, after the last module that was built

    def make_networks(self):
        """Make the networks, which the fitted estimator will have.

        Returns
        -------
        torch.nn.ModuleDict
            What the hook ``_make_networks`` returns for the sizes of this fit, see
            :meth:`build`.
        """
        self.networks = self.build(make_networks, self.estimator, self.sizes)
        return self.networks

    def build(self, factory, *args):
        """Build a module under the seed of the fit.

        The initial weights of all modules of a fit are one sequence of draws.

        Parameters
        ----------
        factory : callable
            ``factory(*args)`` returns the module.
        *args : tuple
            Arguments of the factory.

        Returns
        -------
        torch.nn.Module
            The module on the device, in float32, with the weights of the previous fit
            where this one goes on from it.

        Raises
        ------
        ValueError
            If the previous fit's networks are of another kind.
        """
        # one thread: the last bits of what a factory computes would show their number
        with global_rng_seeded(self.data.seed("networks")), torch_threads(1):
            if self._rng_state is not None:
                torch.set_rng_state(self._rng_state)
            module = factory(*args)
            self._rng_state = torch.get_rng_state()
        module.to(self.data.device, torch.float32)
        for name, network in self.previous.items():
            if not hasattr(module, name):
                continue
            now = getattr(module, name)
            try:
                now.load_state_dict(network.state_dict())
            except RuntimeError as error:
                raise ValueError(
                    "This fit goes on from the networks of the previous one, but the "
                    f"parameters now describe others: {_difference(now, network)}. "
                    "Fit anew (warm_start=False), or set the parameters as they were; "
                    "where fewer samples make a smaller network, pass more at once."
                ) from error
        return module

    def train(self, objective, batches, *, learning_rate=None, phase=LAST_PHASE):
        """Minimize an objective.

        Parameters
        ----------
        objective : torch.nn.Module
            ``objective(batch, progress)`` returns a dict of weighted scalar terms.
        batches : object
            ``batches.epoch(generator)`` yields ``len(batches)`` batches.
        learning_rate : float, default=None
            Largest learning rate; that of the fit if None.
        phase : str, default="training"
            Name of this phase: what it records becomes the attribute ``history_`` for
            "training" and ``<phase>_history_`` for another, one of ``Plan.phases``.

        Returns
        -------
        dict of str to list of float
            Means of the terms over each epoch.
        """
        if phase not in self.n_epochs:
            raise ValueError(
                f"phase={phase!r} is not in the plan, which has "
                f"{', '.join(map(repr, self.n_epochs))}. Give its number of steps in "
                "Plan(phases=...)."
            )
        options, plan, data = self.options, self.plan, self.data
        if learning_rate is None:
            learning_rate = self.learning_rate
        dtype = resolve_precision(
            _either(options.precision, plan.precision), data.device
        )
        draws_globally = self.estimator._draws_globally()
        training = Training(
            n_epochs=self.n_epochs[phase],
            optimizers=make_optimizers(
                objective,
                optimizer=_either(options.optimizer, plan.optimizer),
                learning_rate=learning_rate,
                weight_decay=options.weight_decay,
                dtype=dtype,
            ),
            generator=local_generator(data.seed(f"{phase}: batches")),
            warmup=_either(options.warmup, plan.warmup),
            schedule=options.schedule,
            dtype=dtype,
            n_threads=options.n_threads,
            gradient_clip=options.gradient_clip,
            stopping=NoProgress(options.n_iter_no_change, options.tol),
            checkpoint=self.checkpoint,
            draws_globally=draws_globally,
        )

        def on_epoch(epoch, history):
            self.histories[phase] = history
            return self.on_epoch(self, objective, phase, epoch)

        # A user's own network or augmentation may draw from torch's global generator.
        seeded = (
            global_rng_seeded(data.seed(f"{phase}: layers"), data.device)
            if draws_globally
            else contextlib.nullcontext()
        )
        with seeded:
            history = train(objective, batches, training, on_epoch=on_epoch)
        self.histories[phase] = history
        return history

    def outputs(self, module):
        """Apply a module to all training samples.

        Parameters
        ----------
        module : torch.nn.Module
            Maps inputs, (n, n_inputs), to outputs, (n, n_out), each sample on its
            own.

        Returns
        -------
        ndarray of shape (n_samples, n_out), float32
            The outputs; the same bits as those of a fitted estimator's network.
        """
        was_training = module.training
        rows = self.data.inputs.cpu().numpy()
        try:
            return apply_in_blocks(
                module.eval(),
                lambda start, stop: rows[start:stop],
                len(rows),
                device=self.data.device,
            )
        finally:
            module.train(was_training)


def _either(option, planned):
    return planned if option == "auto" else option
