# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""Inference in zero-padded blocks of one size.

The last bits of a float32 matrix product depend on the shape of the matrices, and in
some libraries on the position of a sample. Blocks of one shape, and products that
compute each sample independently (:class:`BySample`), make the result of a sample
independent of the others.
"""

import functools
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch

from ._arithmetic import BySample
from ._threads import torch_threads

# Large enough for fast matrix products, small enough for a single sample to be cheap,
# and a multiple of 32: elementwise functions compute the remainder of their vectors
# with other last bits.
BLOCK_ROWS = 192

# Smaller blocks of a linear layer would save no time. Each block costs as much time as
# some samples.
_LEAST_BLOCK = 8
_COST_OF_BLOCK = 64


def apply_in_blocks(
    module, load, n_rows, *, device="cpu", block_rows=BLOCK_ROWS, make_room=np.empty
):
    """Return the outputs of a module for all samples, (n_rows, n_out), float32.

    Parameters
    ----------
    module : callable
        Maps a float32 tensor of shape (block_rows, d) to (block_rows, n_out), each
        sample independently. A module must be in eval mode.
    load : callable
        ``load(start, stop)`` returns those samples as a float32 array.
    n_rows, block_rows : int
        Numbers of samples, in all and per block.
    device : torch.device or str
        Device of the module.
    make_room : callable
        ``make_room(shape, dtype)`` returns the array for the outputs.
    """
    device = torch.device(device)

    def outputs(start):
        samples = load(start, min(start + block_rows, n_rows))
        n = len(samples)
        if n < block_rows:
            block = np.zeros((block_rows, samples.shape[1]), dtype=np.float32)
            block[:n] = samples
        else:
            block = np.ascontiguousarray(samples, dtype=np.float32)
        inputs = torch.from_numpy(block).to(device)
        # modes belong to a thread, so every block sets them
        with (
            torch.inference_mode(),
            torch.autocast(device.type, enabled=False),
            BySample(),
        ):
            result = module(inputs)
        return result[:n].float().cpu().numpy()

    with torch_threads(1):
        first = outputs(0)
    results = make_room((n_rows, *first.shape[1:]), np.float32)
    results[: len(first)] = first

    def fill(start):
        results[start : start + block_rows] = outputs(start)

    starts = range(block_rows, n_rows, block_rows)
    n_threads = torch.get_num_threads()
    n_workers = min(n_threads, len(starts)) if device.type == "cpu" else 1
    # parallel over blocks, never within one
    if n_workers <= 1:
        with torch_threads(1):
            for start in starts:
                fill(start)
        return results
    try:
        with ThreadPoolExecutor(
            n_workers, initializer=torch.set_num_threads, initargs=(1,)
        ) as executor:
            for _ in executor.map(fill, starts):
                pass  # raises errors of the workers
        return results
    finally:
        # the setting of a worker is also the default of new threads
        torch.set_num_threads(n_threads)


def has_alike_rows(module, row, *, device="cpu"):
    """Return whether a module maps a block of one sample to the same bits."""
    rows = np.tile(np.asarray(row, dtype=np.float32), (BLOCK_ROWS, 1))
    outputs = apply_in_blocks(
        module, lambda start, stop: rows[start:stop], BLOCK_ROWS, device=device
    )
    alike = np.broadcast_to(outputs[:1], outputs.shape)
    return np.array_equal(outputs, alike, equal_nan=True)


def exact_block_rows(layer, n_rows, most):
    """Return the size of blocks in which a linear layer maps some samples fastest.

    Blocks of this size give the same bits as those of `BLOCK_ROWS`.
    """
    sizes = [_LEAST_BLOCK]
    while sizes[-1] < min(n_rows, most // 2):
        sizes.append(2 * sizes[-1])
    costs = [-(-n_rows // size) * (size + _COST_OF_BLOCK) for size in sizes]
    block_rows = sizes[np.argmin(costs)]
    shape = layer.in_features, layer.out_features
    return block_rows if _gives_same_bits(*shape, block_rows) else BLOCK_ROWS


@functools.cache
def _gives_same_bits(n_inputs, n_outputs, block_rows):
    """Return whether a linear layer gives the same bits in blocks of two sizes."""
    rng = np.random.default_rng(0)
    weight, bias, rows = (
        rng.standard_normal(shape, dtype=np.float32)
        for shape in (
            (n_outputs, n_inputs),
            n_outputs,
            (block_rows, n_inputs),
        )
    )
    weight, bias = torch.from_numpy(weight), torch.from_numpy(bias)
    outputs = [
        apply_in_blocks(
            lambda block: torch.nn.functional.linear(block, weight, bias),
            lambda start, stop: rows[start:stop],
            len(rows),
            block_rows=size,
        )
        for size in (block_rows, BLOCK_ROWS)
    ]
    return np.array_equal(*outputs)
