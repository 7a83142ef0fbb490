# SPDX-License-Identifier: BSD-3-Clause

"""Inference in zero-padded blocks of one size, or of two that give the same bits.

The last bits of a float32 matrix product depend on the shape of the matrices, and in
some libraries on the position of a sample. Blocks of one shape, and products that
compute each sample independently (:class:`BySample`), make the result of a sample
independent of the others.
"""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch

from skmanifold._exact import exact_linear

from ._arithmetic import BySample
from ._threads import torch_threads

# Large enough for fast matrix products, small enough for a single sample to be cheap,
# and a multiple of 32: elementwise functions compute the remainder of their vectors
# with other last bits.
BLOCK_ROWS = 192

# For many samples, number of blocks in a large one, of 4 MB at most: with fewer calls
# threads rarely wait for Python's lock.
_BLOCKS_OF_LARGE = 4
_MANY_ROWS = 16 * _BLOCKS_OF_LARGE * BLOCK_ROWS

# Numbers of samples in a product of a linear layer, up to a number of entries (4 MB). A
# single sample would be another product, with other bits. The overhead of a product is
# that of some samples.
_SIZES = 4, 16, 128, 512, 1024
_MOST_ENTRIES = 2**20
_COST_OF_PRODUCT = 64


def apply_in_blocks(module, load, n_rows, *, device="cpu", make_room=np.empty):
    """Return the outputs of a module for all samples, (n_rows, n_out), float32.

    The module, in eval mode on the device, maps a float32 tensor of shape (n, d) to
    (n, n_out), each sample independently, with ``n = BLOCK_ROWS`` or a multiple of it.
    ``load(start, stop)`` returns those samples as a float32 array, ``make_room(shape,
    dtype)`` the array for the outputs.
    """
    device = torch.device(device)

    def outputs(samples, size):
        n = len(samples)
        if n < size:
            block = np.zeros((size, samples.shape[1]), dtype=np.float32)
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
        samples = load(0, min(BLOCK_ROWS, n_rows))
        first = outputs(samples, BLOCK_ROWS)
        size = BLOCK_ROWS
        if n_rows >= _MANY_ROWS and _allows_large(outputs, samples, first):
            size *= _BLOCKS_OF_LARGE
    results = make_room((n_rows, *first.shape[1:]), np.float32)
    results[: len(first)] = first

    def fill(start):
        samples = load(start, min(start + size, n_rows))
        results[start : start + len(samples)] = outputs(samples, size)

    # parallel over blocks, never within one
    n_threads = None if device.type == "cpu" else 1
    in_threads(fill, range(BLOCK_ROWS, n_rows, size), n_threads)
    return results


def _allows_large(outputs, samples, expected):
    """Return whether large blocks are small enough and give the expected bits."""
    if _BLOCKS_OF_LARGE * samples.size > _MOST_ENTRIES:
        return False
    # in another order in each part
    order = [np.roll(np.arange(BLOCK_ROWS), 7 * i) for i in range(_BLOCKS_OF_LARGE)]
    order = np.concatenate(order)
    results = outputs(samples[order], len(order))
    return np.array_equal(results, expected[order], equal_nan=True)


def in_threads(function, items, n_threads=None):
    """Call a function with each item, in threads for which torch has one thread each.

    Their default number is that of torch.
    """
    available = torch.get_num_threads()
    n_threads = min(n_threads or available, len(items))
    if n_threads <= 1:
        with torch_threads(1):
            for item in items:
                function(item)
        return
    try:
        with ThreadPoolExecutor(
            n_threads, initializer=torch.set_num_threads, initargs=(1,)
        ) as executor:
            for _ in executor.map(function, items):
                pass  # raises errors of the threads
    finally:
        # the setting of a thread is also the default of new ones
        torch.set_num_threads(available)


def has_alike_rows(module, row, *, device="cpu"):
    """Return whether a module maps a block of one sample to the same bits."""
    rows = np.tile(np.asarray(row, dtype=np.float32), (BLOCK_ROWS, 1))
    outputs = apply_in_blocks(
        module, lambda start, stop: rows[start:stop], BLOCK_ROWS, device=device
    )
    alike = np.broadcast_to(outputs[:1], outputs.shape)
    return np.array_equal(outputs, alike, equal_nan=True)


class ExactLinear:
    """A linear layer of arrays that computes each sample independently of the others.

    Parameters
    ----------
    weight : ndarray of shape (n_outputs, n_inputs)
        Weights, float32.
    bias : ndarray of shape (n_outputs,)
        Bias, float32.

    Attributes
    ----------
    sizes : list of int
        Numbers of samples in a product that give the same bits.
    """

    def __init__(self, weight, bias):
        self.weight, self.bias = torch.from_numpy(weight), torch.from_numpy(bias)
        most = _MOST_ENTRIES // weight.shape[1]
        sizes = [size for size in _SIZES if size <= max(most, _SIZES[0])]
        with torch_threads(1):
            self.sizes = self._exact(sizes)

    def _exact(self, sizes):
        """Return the sizes that give the bits of the largest one, in any position."""
        largest, n_rows = sizes[-1], 13
        rows = np.random.default_rng(0).random((n_rows, self.weight.shape[1]))
        rows = np.resize(rows.astype(np.float32), (largest + 1, rows.shape[1]))
        expected = np.resize(
            self._product(rows[:-1])[:n_rows], (largest, len(self.bias))
        )
        return [
            size
            for size in sizes
            if size == largest
            or np.array_equal(self._product(rows[1 : size + 1]), expected[1 : size + 1])
        ]

    def _product(self, rows):
        return exact_linear(torch.from_numpy(rows), self.weight, self.bias).numpy()

    def __call__(self, rows):
        """Return the outputs for C-ordered samples, float32, on one thread of torch."""
        if torch.is_autocast_enabled("cpu"):
            with torch.autocast("cpu", enabled=False):
                return self(rows)
        n = len(rows)
        results = np.empty((n, len(self.bias)), dtype=np.float32)
        start = 0
        while start < n:
            size = self._size(n, n - start)
            if n < size:
                block = np.zeros((size, rows.shape[1]), dtype=np.float32)
                block[:n] = rows
                return self._product(block)[:n]
            # the last block overlaps the one before it, which copies nothing
            first = min(start, n - size)
            results[first : first + size] = self._product(rows[first : first + size])
            start += size
        return results

    def _size(self, n, n_left):
        """Return the size of the next product; filling up a block also costs time."""
        costs = [
            -(-n_left // size) * (size + _COST_OF_PRODUCT) + (size if size > n else 0)
            for size in self.sizes
        ]
        return self.sizes[costs.index(min(costs))]
