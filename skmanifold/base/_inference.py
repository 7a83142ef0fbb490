# SPDX-License-Identifier: BSD-3-Clause

"""From samples to outputs of a network, and arrays for the outputs."""

import copy
import math
import tempfile

import numpy as np
import torch

from skmanifold._engine import apply_in_blocks, resolve_device

from ._one_product import one_product

# From this size on, inputs of a memory-mapped X are memory-mapped themselves.
_LEAST_BYTES_ON_DISK = 2**28


def output_dtype(dtype):
    """Return the dtype of results for input of a dtype."""
    return np.float32 if dtype in (np.float32, np.float16) else np.float64


def on_device(estimator, network):
    """Return a network, or a copy of it, on the estimator's device, and the device."""
    try:
        device = resolve_device(estimator.device)
    except ValueError:
        # fitted on a machine with such a device, loaded on one without
        device = torch.device("cpu")
    if device.type != "cpu":
        network = copy.deepcopy(network).to(device)
    return network, device


def apply_to_samples(
    network,
    scaler,
    samples,
    *,
    device="cpu",
    deviations=None,
    first=0,
    fold=False,
    make_room=np.empty,
):
    """Return the outputs of a network for validated samples, float32.

    Deviations from the training data are added to ``deviations``, see
    :meth:`InputScaler.transform`; the index of ``samples[0]`` is ``first``. If
    ``fold``, scaler and network are one product if possible.
    """
    fold = fold and torch.device(device).type == "cpu"
    product = one_product(network, scaler) if fold else None
    if product is not None:
        return product.outputs(samples, deviations, first, make_room)

    def load(start, stop):
        block = samples[start:stop]
        return scaler.transform(block, deviations=deviations, first=first + start)

    return apply_in_blocks(
        network, load, samples.shape[0], device=device, make_room=make_room
    )


def nearly_equal(outputs, expected, tolerance):
    """Return whether floats differ by a share of the largest, and others not at all."""
    if outputs.shape != expected.shape or expected.dtype.kind != "f":
        return np.array_equal(outputs, expected)
    largest = np.abs(expected).max(initial=0.0, where=np.isfinite(expected))
    return np.allclose(outputs, expected, 0.0, tolerance * largest, equal_nan=True)


def allocator_like(X):
    """Return a function that allocates the inputs: on disk if X is memory-mapped."""
    on_disk = False
    while X is not None:
        on_disk = on_disk or isinstance(X, np.memmap)
        X = getattr(X, "base", None)

    def make_room(shape, dtype):
        n_bytes = math.prod(shape) * np.dtype(dtype).itemsize
        if not on_disk or n_bytes < _LEAST_BYTES_ON_DISK:
            return np.empty(shape, dtype)
        # unnamed: the file is deleted with the array
        with tempfile.TemporaryFile() as file:
            return np.memmap(file, dtype, mode="w+", shape=shape)

    return make_room


def check_out(out, shape):
    """Raise ValueError unless `out` can hold results of a shape."""
    if not isinstance(out, np.ndarray):
        received = f"an object of type {type(out).__name__}"
    elif out.shape != shape or out.dtype not in (np.float32, np.float64):
        received = f"an array of shape {out.shape} and type {out.dtype}"
    elif not out.flags.writeable:
        received = "a read-only array"
    else:
        return
    raise ValueError(
        f"out is {received}; it must be a writeable array of shape {shape} and dtype "
        "float32 or float64."
    )
