# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""The run of a fit, with which a method builds and trains its objectives."""

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
    train,
)


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
    data : FitData
        The training data.
    plan : Plan
        What their size decides.
    options : TrainingOptions
        The rare knobs.
    make_networks : callable
        ``make_networks()`` returns the untrained networks, as a ModuleDict.
    previous : dict of str to torch.nn.Module
        Networks to go on from, by the name of the objective's attribute; empty for a
        fresh start.
    checkpoint : Checkpoint or None
        Where the state of training goes.
    draws_globally : bool
        Whether training may draw from torch's global generator.
    on_epoch : callable
        ``on_epoch(objective, phase, epoch, n_epochs, history)`` after each epoch;
        returns True to end the phase.

    Attributes
    ----------
    networks : torch.nn.ModuleDict or None
        What :meth:`make_networks` made.
    histories : dict of str to dict
        What each phase of training recorded, by its name.

    Examples
    --------
    An estimator in two phases overrides ``_learn`` with plain code:

    >>> def _learn(self, data, run):
    ...     batches = self._make_batches(data, run.plan.batch_size)
    ...     networks = run.make_networks()
    ...     objective = run.build(self._make_objective, data, networks)
    ...     run.train(objective, batches, phase="pretraining",
    ...               n_epochs=run.plan.n_pretraining_epochs)
    ...     objective.targets = self._targets(run.outputs(objective.encoder))
    ...     run.train(objective, batches)
    ...     return objective
    """

    def __init__(
        self,
        data,
        plan,
        *,
        options,
        make_networks,
        previous,
        checkpoint,
        draws_globally,
        on_epoch,
    ):
        self.data = data
        self.plan = plan
        self.options = options
        self._make_networks = make_networks
        self.previous = previous
        self.checkpoint = checkpoint
        self.draws_globally = draws_globally
        self.on_epoch = on_epoch
        self.networks = None
        self.histories = {}
        self._rng_state = None  # of torch, after the last module that was built

    @property
    def continued(self):
        """True if this fit goes on from a previous one."""
        return bool(self.previous)

    def make_networks(self):
        """Make the networks, which the fitted estimator will have.

        Returns
        -------
        torch.nn.ModuleDict
            What the hook ``_make_networks`` returns for the sizes of this fit, see
            :meth:`build`.
        """
        self.networks = self.build(self._make_networks)
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
        begun = self._rng_state is not None
        with global_rng_seeded(0 if begun else self.data.seed()):
            if begun:
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
                    "where fewer rows make a smaller network, pass more at once."
                ) from error
        return module

    def train(
        self, objective, batches, *, n_epochs=None, learning_rate=None, phase="training"
    ):
        """Minimise an objective.

        Parameters
        ----------
        objective : torch.nn.Module
            ``objective(batch, progress)`` returns a dict of weighted scalar terms.
        batches : object
            ``batches.epoch(generator)`` yields ``len(batches)`` batches.
        n_epochs : int, default=None
            Length; the plan's if None.
        learning_rate : float, default=None
            Largest learning rate; the plan's if None.
        phase : str, default="training"
            Name of this phase: what it records becomes the attribute ``history_`` for
            "training" and ``<phase>_history_`` for another.

        Returns
        -------
        dict of str to list of float
            Means of the terms over each epoch.
        """
        options, plan, data = self.options, self.plan, self.data
        n_epochs = plan.n_epochs if n_epochs is None else n_epochs
        if learning_rate is None:
            learning_rate = plan.learning_rate
        dtype = resolve_precision(options.precision, data.device)
        training = Training(
            n_epochs=n_epochs,
            optimizers=make_optimizers(
                objective,
                optimizer=_either(options.optimizer, plan.optimizer),
                learning_rate=learning_rate,
                weight_decay=options.weight_decay,
                dtype=dtype,
            ),
            generator=local_generator(data.seed()),
            warmup=_either(options.warmup, plan.warmup),
            schedule=options.schedule,
            dtype=dtype,
            n_threads=options.n_threads,
            gradient_clip=options.gradient_clip,
            stopping=NoProgress(options.n_iter_no_change, options.tol),
            checkpoint=self.checkpoint,
            draws_globally=self.draws_globally,
        )

        def on_epoch(epoch, history):
            self.histories[phase] = history
            return self.on_epoch(objective, phase, epoch, n_epochs, history)

        # A user's own network or augmentation may draw from torch's global generator.
        seeded = (
            global_rng_seeded(data.seed(), data.device)
            if self.draws_globally
            else contextlib.nullcontext()
        )
        with seeded:
            history = train(objective, batches, training, on_epoch=on_epoch)
        self.histories[phase] = history
        return history

    def outputs(self, module):
        """Apply a module to all training rows.

        Parameters
        ----------
        module : torch.nn.Module
            Maps inputs, (n, n_inputs), to outputs, (n, n_out), row by row.

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
