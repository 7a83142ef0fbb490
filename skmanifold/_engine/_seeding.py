# SPDX-License-Identifier: BSD-3-Clause

"""Randomness without the global generators."""

import contextlib
import threading

import numpy as np
import torch

# Initializations and stochastic layers of a user draw from torch's global generator.
# Concurrent threads would draw from each other's seed.
_GLOBAL_RNG = threading.RLock()

LARGEST_SEED = np.iinfo(np.int32).max


def named_seed(seed, name):
    """Return the seed that belongs to a name, spawned from another seed."""
    sequence = np.random.SeedSequence(seed, spawn_key=tuple(name.encode()))
    return int(sequence.generate_state(1)[0]) & LARGEST_SEED


@contextlib.contextmanager
def global_rng_seeded(seed, device=None):
    """Context that seeds torch's global generators and restores them afterwards."""
    devices = [device] if device is not None and device.type == "cuda" else []
    with _GLOBAL_RNG, torch.random.fork_rng(devices=devices):
        torch.random.default_generator.manual_seed(seed)
        if devices:
            torch.cuda.manual_seed(seed)
        yield


def local_generator(seed):
    """Return a generator on the CPU, for the same draws on every device."""
    return torch.Generator().manual_seed(seed)
