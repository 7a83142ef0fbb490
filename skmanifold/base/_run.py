# SPDX-License-Identifier: BSD-3-Clause

"""Building and training of a method's objectives."""

import contextlib

import torch

from skmanifold._engine import (
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
from ._networks import make_networks, other_weights


class Run:
    """One fit, as seen by the hook ``_learn``: builds and trains objectives.

    Parameters
    ----------
    job : object
        Arguments of fit, and decisions made before training.
    data : FitData
        The training data.
    on_epoch : callable
        ``on_epoch(run, objective, phase, epoch)`` after each epoch; returns True to end
        the phase.

    Attributes
    ----------
    batch_size : int
        Number of samples per batch.
    learning_rate : float
        Largest learning rate.
    n_epochs : dict of str to int
        Number of epochs of each phase.
    previous : dict of str to torch.nn.Module
        Networks of the fit that this one continues, by attribute of the objective;
        empty for a new fit.
    sizes : dict of str to int
        Sizes that the networks depend on, from ``_network_sizes``.
    continued : bool
        Whether this fit continues a previous one.
    networks : torch.nn.ModuleDict
        Result of :meth:`make_networks`.
    histories : dict of str to dict
        History of each phase of training, by name.

    Examples
    --------
    An estimator with two phases names the first in its plan,
    ``Plan(phases={"pretraining": 300}, ...)``, and overrides ``_learn``:

    >>> def _learn(self, data, run):
    ...     batches = self._make_batches(data, run.batch_size)
    ...     networks = run.make_networks()
    ...     objective = run.build(self._make_objective, data, networks)
    ...     run.train(objective, batches, phase="pretraining")
    ...     objective.targets = self._targets(run.outputs(objective.encoder))
    ...     run.train(objective, batches)
    ...     return objective
    """

    def __init__(self, job, data, on_epoch):
        self.job = job
        self.data = data
        self.on_epoch = on_epoch
        self.batch_size, self.learning_rate, self.n_epochs = job.schedule
        self.previous = job.networks
        self.continued = bool(job.networks)
        self.sizes = job.estimator._network_sizes(data)
        self.networks = None
        self.histories = {}
        self._rng_state = None  # of torch, after the last built module

    def make_networks(self):
        """Build the networks of the fitted estimator.

        Returns
        -------
        torch.nn.ModuleDict
            Result of the hook ``_make_networks`` for the sizes of this fit, see
            :meth:`build`. Another call, after a change of the sizes, uses the same
            random numbers again.
        """
        self._rng_state = None
        self.networks = self.build(make_networks, self.job.estimator, self.sizes)
        return self.networks

    def build(self, factory, *args):
        """Build a module with the seed of the fit, from one sequence of random numbers.

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
            if this one continues it.

        Raises
        ------
        ValueError
            If the networks of the previous fit have other parameters.
        """
        # the last bits depend on the number of threads
        with global_rng_seeded(self.data.seed("networks")), torch_threads(1):
            if self._rng_state is not None:
                torch.set_rng_state(self._rng_state)
            module = factory(*args)
            self._rng_state = torch.get_rng_state()
        module.to(self.data.device, torch.float32)
        for name, network in self.previous.items():
            if not hasattr(module, name):
                continue
            built = getattr(module, name)
            weights = network.state_dict()
            try:
                built.load_state_dict(weights)
            except RuntimeError as error:
                raise ValueError(
                    "This fit continues from the networks of the previous one, but "
                    f"the parameters describe others, {other_weights(built, weights)}. "
                    "Set warm_start=False, restore the parameters, or pass more "
                    "samples if few make a smaller network."
                ) from error
        return module

    def train(
        self,
        objective,
        batches,
        *,
        learning_rate=None,
        weight_decay=1e-4,
        phase=LAST_PHASE,
    ):
        """Minimize an objective.

        Parameters
        ----------
        objective : torch.nn.Module
            ``objective(batch, progress)`` returns a dict of weighted scalar terms.
        batches : object
            ``batches.epoch(generator)`` yields ``len(batches)`` batches.
        learning_rate : float, default=None
            Largest learning rate. None uses that of the fit.
        weight_decay : float, default=1e-4
            Value of ``TrainingOptions(weight_decay="auto")``.
        phase : str, default="training"
            "training" or one of ``Plan.phases``. Its history becomes the attribute
            ``history_`` or ``<phase>_history_``.

        Returns
        -------
        dict of str to list of float
            Means of the terms over each epoch.
        """
        if phase not in self.n_epochs:
            raise ValueError(
                f"phase={phase!r} is not in the plan, which has "
                f"{', '.join(map(repr, self.n_epochs))}. Add its number of steps to "
                "Plan(phases=...)."
            )
        options, plan, data = self.job.options, self.job.plan, self.data
        if learning_rate is None:
            learning_rate = self.learning_rate
        dtype = resolve_precision(
            _either(options.precision, plan.precision), data.device
        )
        draws_globally = self.job.estimator._uses_global_generator()
        training = Training(
            n_epochs=self.n_epochs[phase],
            optimizers=make_optimizers(
                objective,
                optimizer=_either(options.optimizer, plan.optimizer),
                learning_rate=learning_rate,
                weight_decay=_either(options.weight_decay, weight_decay),
                dtype=dtype,
            ),
            generator=local_generator(data.seed(f"{phase}: batches")),
            warmup=_either(options.warmup, plan.warmup),
            schedule=options.schedule,
            dtype=dtype,
            n_threads=options.n_threads,
            gradient_clip=options.gradient_clip,
            patience=options.n_iter_no_change,
            tol=options.tol,
            checkpoint=self.job.checkpoint,
            draws_globally=draws_globally,
        )

        def on_epoch(epoch, history):
            self.histories[phase] = history
            return self.on_epoch(self, objective, phase, epoch)

        # a user's network or augmentation may draw from torch's global generator
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
            Maps inputs (n, n_inputs) to outputs (n, n_out), each sample independently.

        Returns
        -------
        ndarray of shape (n_samples, n_out), float32
            The outputs, with the same bits as those of the fitted network.
        """
        was_training = module.training
        inputs = self.data.inputs.cpu().numpy()
        try:
            return apply_in_blocks(
                module.eval(),
                lambda start, stop: inputs[start:stop],
                len(inputs),
                device=self.data.device,
            )
        finally:
            module.train(was_training)


def _either(option, planned):
    return planned if option == "auto" else option
