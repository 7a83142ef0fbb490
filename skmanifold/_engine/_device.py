# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""Where to compute, and in which number format."""

import contextlib
import functools

import torch


@contextlib.contextmanager
def plain_modes():
    """torch as it is by itself, whatever modes the caller has set around us."""
    with (
        torch.inference_mode(False),
        torch.enable_grad(),
        torch.autocast("cpu", enabled=False),
        torch.autocast("cuda", enabled=False),
    ):
        yield


def resolve_device(device):
    """torch.device of "auto", "cpu", "cuda", "cuda:1" or "mps"."""
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        resolved = torch.device(device)
    except (RuntimeError, TypeError) as error:
        raise ValueError(
            f"device={device!r} is not a device. Use 'auto', 'cpu', 'cuda', 'cuda:N' "
            "or 'mps'."
        ) from error
    available = {
        "cpu": lambda: True,
        "cuda": lambda: (resolved.index or 0) < torch.cuda.device_count(),
        "mps": torch.backends.mps.is_available,
    }.get(resolved.type)
    if available is None or not available():
        raise ValueError(
            f"device={device!r} is not available to this torch ({torch.__version__}). "
            "Use device='auto' to take a GPU where there is one and the CPU elsewhere."
        )
    return resolved


@functools.lru_cache
def _multiplies_bfloat16(device_type):
    if device_type == "cuda":
        return torch.cuda.get_device_capability() >= (8, 0)
    if device_type == "cpu":
        # AVX512-BF16 alone is 1-2 times float32 on these small matrices, which the
        # casts take back; the tiles of AMX are about 3 times float32.
        return bool(torch.cpu._is_amx_tile_supported())
    return False


def resolve_precision(precision, device):
    """torch dtype of the hidden layers for "auto", "float32" or "bfloat16"."""
    if precision == "auto":
        precision = "bfloat16" if _multiplies_bfloat16(device.type) else "float32"
    return getattr(torch, precision)
