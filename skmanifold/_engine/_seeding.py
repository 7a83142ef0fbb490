# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""Randomness without the global generators."""

import contextlib
import threading

import numpy as np
import torch

# Networks are initialized, and a user's own stochastic layers drawn, from torch's
# global generator, which is saved before and restored after. Two threads that did so at
# the same time would draw from each other's seed.
_GLOBAL_RNG = threading.RLock()

LARGEST_SEED = np.iinfo(np.int32).max


def named_seed(seed, name):
    """Return the seed that belongs to a name, spawned from another seed."""
    sequence = np.random.SeedSequence(seed, spawn_key=tuple(name.encode()))
    return int(sequence.generate_state(1)[0]) & LARGEST_SEED


@contextlib.contextmanager
def global_rng_seeded(seed, device=None):
    """Seed torch's global generators inside, and restore them afterwards."""
    devices = [device] if device is not None and device.type == "cuda" else []
    with _GLOBAL_RNG, torch.random.fork_rng(devices=devices):
        torch.random.default_generator.manual_seed(seed)
        if devices:
            torch.cuda.manual_seed(seed)
        yield


def local_generator(seed):
    """Return a generator on the CPU, whatever the device: the same draws everywhere."""
    return torch.Generator().manual_seed(seed)
