# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""The rare knobs of training, shared by all estimators."""

from numbers import Integral, Real
from os import PathLike

from sklearn.base import BaseEstimator

from skmanifold.utils._sklearn import Interval, StrOptions

__all__ = ["TrainingOptions"]


class TrainingOptions(BaseEstimator):
    """Options of the optimization that are rarely touched.

    An estimator's everyday parameters (``max_epochs``, ``batch_size``,
    ``learning_rate``, ...) are its own; these here are passed as
    ``training=TrainingOptions(...)``.

    Parameters
    ----------
    optimizer : {"auto", "adamw", "muon"}, default="auto"
        "adamw" for all parameters, or "muon" (orthogonalised momentum) for the hidden
        weight matrices and AdamW for the rest. In a network of your own the hidden ones
        are those of all linear layers, but for the last layer. "auto" is what the
        estimator was made with: Muon for IsometricAE, AdamW for the others.

    weight_decay : float, default=1e-4
        Decoupled weight decay of the weight matrices; biases, scales and shifts are
        never decayed.

    warmup : float or "auto", default="auto"
        Share of the steps, in [0, 1), over which the learning rate rises linearly.
        "auto" is what the estimator was made with: 0.03 for IsometricAE, 0.1 for the
        others.

    schedule : {"cosine", "linear", "constant"}, default="cosine"
        How the learning rate goes on after the warm-up: to zero along a half cosine, to
        zero along a line, or not at all. A function of the step alone.

    precision : {"auto", "float32", "bfloat16"}, default="auto"
        Number format of the hidden layers during training. Distances, logarithms, last
        layers and `transform` always use float32. "auto" takes bfloat16 where products
        in it are faster: processors with AMX, AMD processors with AVX512-BF16, CUDA
        from compute capability 8.0.

    n_threads : int or None, default=None
        Largest number of threads that training uses on the CPU. None takes as many as
        torch is set to. The result does not depend on it: set it only to leave cores to
        others.

    min_steps : int, default=0
        Least number of optimizer steps: the number of epochs is raised until it is
        reached, so that few rows train long enough. Estimators whose ``max_epochs`` is
        "auto" already take care of it.

    gradient_clip : float or None, default=None
        Largest norm of the whole gradient; a larger one is scaled down to it.

    tol : float, default=1e-4
        Relative improvement of the epoch's loss that counts as progress, see
        ``n_iter_no_change``.

    n_iter_no_change : int or None, default=None
        Stop after so many epochs without progress. None trains to the end. Epochs in
        which weights of the loss still change (DLME's rising repulsion) do not count.

    checkpoint : path-like or None, default=None
        File that the state of training is written to. If it exists when fit begins, and
        belongs to the same parameters, data and versions of skmanifold and torch,
        training goes on from it, and ends with the bits of an uninterrupted fit; if it
        belongs to others or is damaged, fit raises ValueError. If it cannot be written,
        fit stops with OSError, and the file of the epoch before stays. It is removed
        when fit succeeds. One file serves one fit; a search over parameters needs none.

    checkpoint_every : int, default=1
        Epochs between two writes of the checkpoint.

    Examples
    --------
    >>> from skmanifold.training import TrainingOptions
    >>> TrainingOptions(precision="float32")
    TrainingOptions(precision='float32')
    """

    _parameter_constraints: dict = {
        "optimizer": [StrOptions({"auto", "adamw", "muon"})],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "warmup": [Interval(Real, 0, 1, closed="left"), StrOptions({"auto"})],
        "schedule": [StrOptions({"cosine", "linear", "constant"})],
        "precision": [StrOptions({"auto", "float32", "bfloat16"})],
        "n_threads": [Interval(Integral, 1, None, closed="left"), None],
        "min_steps": [Interval(Integral, 0, None, closed="left")],
        "gradient_clip": [Interval(Real, 0, None, closed="neither"), None],
        "tol": [Interval(Real, 0, None, closed="left")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left"), None],
        "checkpoint": [str, PathLike, None],
        "checkpoint_every": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        *,
        optimizer="auto",
        weight_decay=1e-4,
        warmup="auto",
        schedule="cosine",
        precision="auto",
        n_threads=None,
        min_steps=0,
        gradient_clip=None,
        tol=1e-4,
        n_iter_no_change=None,
        checkpoint=None,
        checkpoint_every=1,
    ):
        self.optimizer = optimizer
        self.weight_decay = weight_decay
        self.warmup = warmup
        self.schedule = schedule
        self.precision = precision
        self.n_threads = n_threads
        self.min_steps = min_steps
        self.gradient_clip = gradient_clip
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.checkpoint = checkpoint
        self.checkpoint_every = checkpoint_every
