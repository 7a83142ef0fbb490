# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""Randomness without the global generators."""

import contextlib
import threading

import torch

# Networks are initialised, and a user's own stochastic layers drawn, from torch's
# global generator, which is saved before and restored after. Two threads that did so at
# the same time would draw from each other's seed.
_GLOBAL_RNG = threading.RLock()


@contextlib.contextmanager
def global_rng_seeded(seed, device=None):
    """torch's global generators seeded inside, as they were before outside."""
    devices = [device] if device is not None and device.type == "cuda" else []
    with _GLOBAL_RNG, torch.random.fork_rng(devices=devices):
        torch.random.default_generator.manual_seed(seed)
        if devices:
            torch.cuda.manual_seed(seed)
        yield


def local_generator(seed):
    """A generator of our own, on the CPU whatever the device: same draws everywhere."""
    return torch.Generator().manual_seed(seed)
