# SPDX-License-Identifier: BSD-3-Clause

"""The private training engine, independent of the methods and of scikit-learn."""

from ._apply import BLOCK_ROWS, ExactLinear, apply_in_blocks, has_alike_rows, in_threads
from ._arithmetic import same_bits
from ._batches import SampleBatches, count_batches
from ._checkpoint import Checkpoint
from ._device import plain_modes, resolve_device, resolve_precision
from ._distributed import broadcast, check_same_on_all_ranks, is_main_process, sharded
from ._files import checked_path, write_atomically
from ._optim import make_optimizers, mark_hidden
from ._schedule import has_stalled, learning_rate_factor
from ._seeding import LARGEST_SEED, global_rng_seeded, local_generator, named_seed
from ._threads import Pace, torch_threads
from ._train import Training, train

__all__ = [
    "BLOCK_ROWS",
    "LARGEST_SEED",
    "Checkpoint",
    "ExactLinear",
    "Pace",
    "SampleBatches",
    "Training",
    "apply_in_blocks",
    "broadcast",
    "check_same_on_all_ranks",
    "checked_path",
    "count_batches",
    "global_rng_seeded",
    "has_alike_rows",
    "has_stalled",
    "in_threads",
    "is_main_process",
    "learning_rate_factor",
    "local_generator",
    "make_optimizers",
    "mark_hidden",
    "named_seed",
    "plain_modes",
    "resolve_device",
    "resolve_precision",
    "same_bits",
    "sharded",
    "torch_threads",
    "train",
    "write_atomically",
]
