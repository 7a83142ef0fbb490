# SPDX-License-Identifier: BSD-3-Clause

"""The plan of a method, and its training data."""

import math
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import torch

from skmanifold._engine import named_seed
from skmanifold.utils import warn

# Name of the last phase of training, recorded in ``history_``.
LAST_PHASE = "training"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Values of "auto", and the preprocessing of a method, from its hook ``_plan``.

    Parameters ``max_epochs``, ``batch_size`` and ``learning_rate`` of the estimator
    override it unless they are "auto".

    Parameters
    ----------
    batch_size : int, default=128
        Number of samples per batch.
    learning_rate : float, default=0.001
        Largest learning rate.
    n_epochs : int, default=1
        Minimum number of epochs.
    n_steps : float, default=0
        Minimum number of optimizer steps; increases the number of epochs if needed.
    n_training : int or None, default=None
        Number of samples to draw from X and train on. None trains on all.
    phases : dict of str to float, default=None
        Number of steps of each phase other than "training", by name; None for as many
        epochs as that has. A constructor parameter ``<name>_epochs`` overrides it
        unless it is "auto".
    n_reduced : int or None, default=None
        Number of principal components that the inputs are reduced to, see
        :func:`reduced_width`.
    n_least : int or None, default=None
        Smallest number of principal components to keep. Others are kept only if they
        vary more than the largest component of independent columns. None keeps all.
    column_scaling : bool, default=True
        Whether to scale down columns much larger than the others. If False, one number
        scales all columns, which preserves the proportions of distances.
    one_unit : bool, default=False
        Whether all columns have one unit, as pixels do. If neither this nor
        `column_scaling` is True, fit warns of columns in unrelated units.
    optimizer : {"adamw", "muon"}, default="adamw"
        Value of ``TrainingOptions(optimizer="auto")``.
    warmup : float, default=0.1
        Value of ``TrainingOptions(warmup="auto")``.
    precision : {"auto", "float32", "bfloat16"}, default="auto"
        Value of ``TrainingOptions(precision="auto")``. Set "float32" if the loss
        contains derivatives of the networks.

    See Also
    --------
    Run : Trains with the plan.

    Examples
    --------
    >>> from skmanifold.base import Plan
    >>> plan = Plan(n_steps=600, batch_size=64, learning_rate=0.01)
    >>> plan.batch_size
    64
    """

    batch_size: int = 128
    learning_rate: float = 0.001
    n_epochs: int = 1
    n_steps: float = 0
    n_training: int | None = None
    phases: dict | None = None
    n_reduced: int | None = None
    n_least: int | None = None
    column_scaling: bool = True
    one_unit: bool = False
    optimizer: str = "adamw"
    warmup: float = 0.1
    precision: str = "auto"


class Schedule(NamedTuple):
    """Batch size, learning rate and number of epochs by phase of a fit."""

    batch_size: int
    learning_rate: float
    n_epochs: dict


def make_schedule(estimator, plan, n_samples, targets):
    """Return the schedule of a fit, with the plan's values for "auto"."""

    def chosen(parameter, planned):
        value = getattr(estimator, parameter, "auto")
        return planned if isinstance(value, str) else value

    batch_size = chosen("batch_size", plan.batch_size)
    if batch_size > n_samples and not isinstance(estimator.batch_size, str):
        warn(
            f"batch_size={batch_size} is more than the {n_samples} samples of X; using "
            f"batch_size={n_samples}."
        )
    batch_size = min(batch_size, n_samples)
    n_batches = estimator._count_batches(n_samples, batch_size, targets)
    planned = max(plan.n_epochs, math.ceil(plan.n_steps / n_batches))
    n_last = chosen("max_epochs", planned)
    n_epochs = {
        phase: chosen(
            f"{phase}_epochs",
            n_last if n_steps is None else math.ceil(n_steps / n_batches),
        )
        for phase, n_steps in (plan.phases or {}).items()
    }
    n_epochs[LAST_PHASE] = n_last
    return Schedule(batch_size, chosen("learning_rate", plan.learning_rate), n_epochs)


def reduced_width(n_samples, limit=50):
    """Return the number of principal components that the samples can determine.

    Parameters
    ----------
    n_samples : int
        Number of samples.
    limit : int, default=50
        Upper limit.

    Returns
    -------
    int
        A sixth of the samples, at least 2.

    Examples
    --------
    >>> from skmanifold.base import reduced_width
    >>> reduced_width(60), reduced_width(1000)
    (10, 50)
    """
    return min(limit, max(2, n_samples // 6))


@dataclass
class FitData:
    """The training data of a method.

    Parameters
    ----------
    X : ndarray or CSR matrix
        The validated input, or the samples drawn from it, see :class:`Plan`.
    inputs : torch.Tensor of shape (n_samples, n_inputs)
        Scaled and reduced samples, on the device.
    y : object, default=None
        Targets of a supervised method, from its hook ``_validate_targets``.
    unit : float, default=1.0
        Unit of the inputs, in units of X.
    center : ndarray of shape (n_features,) or None, default=None
        Center of the columns, in units of X.
    column_factor : ndarray of shape (n_features,) or None, default=None
        Factors of the columns if their units are unrelated, else None.
    distances : {ndarray, CSR} of shape (n_samples, n_samples) or None, default=None
        Distances between the samples if ``metric="precomputed"``.
    fit_seed : int, default=0
        Seed of the fit.
    previous : dict, default=None
        Fitted attributes of the fit that this one continues; empty for a new fit.

    Attributes
    ----------
    learned : dict
        Fitted attributes added by hooks.
    n_samples : int
        Number of samples.
    n_inputs : int
        Number of columns of the inputs.
    device : torch.device
        Device of the inputs.
    offset : torch.Tensor of shape (1, n_features)
        Center of the columns in units of the inputs: if one number scales all columns,
        ``inputs + offset`` is proportional to X.

    Examples
    --------
    >>> import numpy as np
    >>> import torch
    >>> from skmanifold.base import FitData
    >>> data = FitData(np.eye(3), torch.eye(3))
    >>> data.n_samples, data.n_inputs, data.device.type
    (3, 3, 'cpu')
    >>> data.seed("neighbors") == data.seed("neighbors") != data.seed("noise")
    True
    """

    X: Any
    inputs: torch.Tensor
    y: Any = None
    unit: float = 1.0
    center: np.ndarray | None = None
    column_factor: np.ndarray | None = None
    distances: Any = None
    fit_seed: int = 0
    previous: dict | None = None
    learned: dict = field(init=False, default_factory=dict)

    def __post_init__(self):
        self.n_samples, self.n_inputs = self.inputs.shape
        self.device = self.inputs.device
        self.previous = self.previous or {}
        self._warned = set()

    @property
    def offset(self):
        """Center of the columns in units of the inputs."""
        offset = (self.center[np.newaxis] / self.unit).astype(np.float32)
        return torch.from_numpy(offset).to(self.device)

    def seed(self, name):
        """Return the seed for a name, spawned from the seed of the fit.

        Parameters
        ----------
        name : str
            Purpose of the seed, such as "neighbors".

        Returns
        -------
        int
            The seed.
        """
        return named_seed(self.fit_seed, name)

    def warn_once(self, message):
        """Warn, unless this fit has already given this warning.

        Parameters
        ----------
        message : str
            The message.
        """
        if message not in self._warned:
            self._warned.add(message)
            warn(message)
