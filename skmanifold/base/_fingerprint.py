# SPDX-License-Identifier: BSD-3-Clause

"""The checkpoint of a fit, and the fingerprint that identifies the fit."""

import joblib
import numpy as np
from torch import nn

from skmanifold._engine import LARGEST_SEED, Checkpoint, broadcast
from skmanifold.training import TrainingOptions
from skmanifold.utils._validation import check_seed

from ._model_file import versions

# Parameters without effect on the result.
_WITHOUT_EFFECT = ("device", "verbose", "n_jobs")


def open_checkpoint(estimator, options, samples, targets, *, continued):
    """Return the checkpoint, or None if there is none, and the seed of the fit."""
    rng = check_seed(estimator.random_state)
    # the same seed in all processes, also with random_state=None
    seed = int(broadcast([rng.randint(LARGEST_SEED)])[0])
    if options.checkpoint is None:
        return None, seed
    checkpoint = Checkpoint(
        options.checkpoint,
        every=options.checkpoint_every,
        fingerprint=fingerprint(estimator, samples, targets, continued=continued),
        seed=seed,
    )
    # with random_state=None, a resumed fit uses the seed in the file
    return checkpoint, checkpoint.seed


def fingerprint(estimator, samples, targets, *, continued):
    """Return digests of everything that the result of a fit depends on, by name."""
    parameters = estimator.get_params(deep=False)
    options = parameters.pop("training") or TrainingOptions()
    for name in _WITHOUT_EFFECT:
        parameters.pop(name, None)
    parameters.update(options.get_params())
    for name in ("checkpoint", "checkpoint_every"):
        parameters.pop(name)
    if isinstance(estimator.random_state, np.random.RandomState):
        # its state has advanced; the file holds the seed
        parameters.pop("random_state")
    # each on its own: the digest of the dict depends on shared objects, and clone
    # copies tuples
    described = {
        name: joblib.hash(_describe(name, value)) for name, value in parameters.items()
    }
    start = None
    if continued:
        networks = estimator._networks().items()
        start = [*(_describe(*network) for network in networks)]
        start.append(vars(estimator._scaler))
    if isinstance(samples, np.ndarray):
        samples = np.ascontiguousarray(samples)  # equal data, equal digest
    installed = versions()
    return {
        "parameters": joblib.hash([type(estimator).__name__, described]),
        "previous networks": joblib.hash(start),
        "data": joblib.hash(samples if targets is None else [samples, targets]),
        "versions": f"skmanifold {installed['skmanifold']}, torch {installed['torch']}",
    }


def _describe(name, value):
    """Return a description of a parameter with the same hash in every process."""
    if isinstance(value, nn.Module):
        state = {key: t.cpu().numpy() for key, t in value.state_dict().items()}
        return [repr(value), state]
    if not callable(value):
        return tuple(value) if isinstance(value, list) else value
    qualified = getattr(value, "__qualname__", "<")
    if "<" not in qualified:
        return f"{value.__module__}.{qualified}"
    try:
        return joblib.hash(value)
    except Exception as error:
        raise ValueError(
            f"{name}={value!r} cannot be compared when training resumes from a "
            "checkpoint. Pass a function or class from the top level of a module, not "
            "a lambda or a nested function."
        ) from error
