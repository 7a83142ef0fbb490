# SPDX-License-Identifier: BSD-3-Clause

"""Advanced training options, shared by all estimators."""

from numbers import Real
from os import PathLike

from sklearn.base import BaseEstimator

from skmanifold.utils._sklearn import StrOptions
from skmanifold.utils._validation import Count, Number

__all__ = ["TrainingOptions"]


class TrainingOptions(BaseEstimator):
    """Advanced options of training.

    Pass them to an estimator as ``training=TrainingOptions(...)``.

    Parameters
    ----------
    optimizer : {"auto", "adamw", "muon"}, default="auto"
        "muon" (orthogonalized momentum) for the hidden weight matrices, in your own
        network those of all linear layers except the last, and AdamW for the rest; or
        "adamw" for all. "auto" is Muon for IsometricAE, DCRL and ``fit`` of DLME
        above 3,000 samples, else AdamW.
    weight_decay : float or "auto", default="auto"
        Decoupled weight decay of weight matrices. Increase it if the network overfits.
        "auto" is 1e-4, and more for IsometricAE on fewer than 1,000 noisy samples.
    warmup : float or "auto", default="auto"
        Fraction of the steps, in [0, 1), over which the learning rate rises linearly.
        Increase it if the loss diverges early. "auto" is 0.03 for IsometricAE, 0.1 for
        the others.
    schedule : {"cosine", "constant"}, default="cosine"
        Decay of the learning rate after the warm-up, to zero or none.
    precision : {"auto", "float32", "bfloat16"}, default="auto"
        Precision of the hidden layers during training; losses, last layers and
        `transform` use float32. "auto" uses bfloat16 where it is faster: processors
        with AMX, AMD processors with AVX512-BF16, CUDA from compute capability 8.0;
        not for IsometricAE.
    n_threads : int or None, default=None
        Maximum number of CPU threads. None uses torch's setting. Set it to leave cores
        to other processes; the result does not depend on it.
    gradient_clip : float or None, default=None
        Maximum norm of the whole gradient. Set it if the loss has spikes.
    tol : float, default=1e-4
        Relative improvement of an epoch's loss that counts as progress, see
        ``n_iter_no_change``.
    n_iter_no_change : int or None, default=None
        Stop after this many epochs without progress, not counting those in which loss
        weights still change. None trains to the end.
    checkpoint : path-like or None, default=None
        File for the state of training, one per fit. If it exists, fit resumes from it
        and returns the same bits as an uninterrupted fit; it raises ValueError if the
        file is damaged or belongs to other parameters, data or versions of skmanifold
        and torch, and OSError if it cannot write. The file is removed when fit
        succeeds.
    checkpoint_every : int, default=1
        Number of epochs between two checkpoints.

    Examples
    --------
    >>> from skmanifold.training import TrainingOptions
    >>> TrainingOptions(precision="float32")
    TrainingOptions(precision='float32')
    """

    _parameter_constraints: dict = {
        "optimizer": [StrOptions({"auto", "adamw", "muon"})],
        "weight_decay": [Number(Real, 0, None, closed="left"), StrOptions({"auto"})],
        "warmup": [Number(Real, 0, 1, closed="left"), StrOptions({"auto"})],
        "schedule": [StrOptions({"cosine", "constant"})],
        "precision": [StrOptions({"auto", "float32", "bfloat16"})],
        "n_threads": [Count(1), None],
        "gradient_clip": [Number(Real, 0, None, closed="neither"), None],
        "tol": [Number(Real, 0, None, closed="left")],
        "n_iter_no_change": [Count(1), None],
        "checkpoint": [str, PathLike, None],
        "checkpoint_every": [Count(1)],
    }

    def __init__(
        self,
        *,
        optimizer="auto",
        weight_decay="auto",
        warmup="auto",
        schedule="cosine",
        precision="auto",
        n_threads=None,
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
        self.gradient_clip = gradient_clip
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.checkpoint = checkpoint
        self.checkpoint_every = checkpoint_every
