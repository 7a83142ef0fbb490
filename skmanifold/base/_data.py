# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""The plan of a fit, by the size of the data, and the data that a method sees."""

import numpy as np

LARGEST_SEED = np.iinfo(np.int32).max


class Plan:
    """Training settings that depend on the size of the data.

    Parameters
    ----------
    n_epochs, batch_size : int
        Length of training (of its last phase, where there are several), rows of a
        batch.
    learning_rate : float
        Base learning rate.
    n_reduced : int or None, default=None
        Principal components that the inputs are reduced to.
    n_pretraining_epochs : int, default=0
        Epochs of all phases before the last one.
    n_steps : int, default=0
        Least number of steps: more epochs than `n_epochs` if these have fewer.
    column_scaling : bool, default=True
        Whether a column much larger than the others is scaled down to them. Otherwise
        one number scales all columns, and distances keep their proportions.
    optimizer : str, default="adamw"
        What ``TrainingOptions(optimizer="auto")`` stands for.
    warmup : float, default=0.1
        What ``TrainingOptions(warmup="auto")`` stands for.

    Examples
    --------
    >>> from skmanifold.base import Plan
    >>> plan = Plan(n_epochs=10, batch_size=64, learning_rate=1e-3)
    >>> plan.batch_size
    64
    """

    def __init__(
        self,
        *,
        n_epochs,
        batch_size,
        learning_rate,
        n_reduced=None,
        n_pretraining_epochs=0,
        n_steps=0,
        column_scaling=True,
        optimizer="adamw",
        warmup=0.1,
    ):
        self.n_epochs = n_epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.n_reduced = n_reduced
        self.n_pretraining_epochs = n_pretraining_epochs
        self.n_steps = n_steps
        self.column_scaling = column_scaling
        self.optimizer = optimizer
        self.warmup = warmup


class FitData:
    """The training data as a method sees them.

    Parameters
    ----------
    X : ndarray or CSR matrix
        The validated input.
    inputs : torch.Tensor of shape (n_samples, n_inputs)
        Scaled and reduced rows, on the device.
    random_state : numpy.random.RandomState
        Source of seeds.
    y : ndarray or None, default=None
        The targets, of a supervised method.
    unit : float, default=1.0
        Units of X in one unit of the inputs.
    center : ndarray of shape (n_features,) or None, default=None
        Center of the columns, in units of X.
    fit_seed : int, default=0
        The seed of the whole fit.
    previous : dict or None, default=None
        Fitted attributes of the fit that this one goes on from; None for a fresh start.

    Attributes
    ----------
    learnt : dict
        Fitted attributes that a hook adds.

    Examples
    --------
    >>> import numpy as np
    >>> import torch
    >>> from skmanifold.base import FitData
    >>> data = FitData(np.eye(3), torch.eye(3), np.random.RandomState(0))
    >>> data.n_samples, data.n_inputs, data.device.type
    (3, 3, 'cpu')
    """

    def __init__(
        self,
        X,
        inputs,
        random_state,
        *,
        y=None,
        unit=1.0,
        center=None,
        fit_seed=0,
        previous=None,
    ):
        self.X = X
        self.y = y
        self.inputs = inputs
        self.n_samples, self.n_inputs = inputs.shape
        self.device = inputs.device
        self.unit = unit
        self.center = center
        self.random_state = random_state
        self.fit_seed = fit_seed
        self.previous = previous or {}
        self.learnt = {}

    def seed(self):
        """Draw a fresh seed.

        Returns
        -------
        int
            A seed, from ``random_state``.
        """
        return int(self.random_state.randint(LARGEST_SEED))
