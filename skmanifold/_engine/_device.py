# SPDX-License-Identifier: BSD-3-Clause

"""Devices and dtypes to compute with."""

import contextlib
import functools
import threading

import torch

from skmanifold._exact import cpu_capabilities, is_amd


@contextlib.contextmanager
def plain_modes():
    """Context with the default modes of torch, for any modes of the caller."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.enable_grad())
        stack.enter_context(torch.autocast("cpu", enabled=False))
        stack.enter_context(torch.autocast("cuda", enabled=False))
        # this mode slows down every operation, so only if needed
        if torch.get_default_device().type != "cpu":
            stack.enter_context(torch.device("cpu"))
        stack.enter_context(_SINGLE_PRECISION)
        yield


class _SinglePrecision:
    """Context with float32 as torch's default dtype.

    All threads share the default: the first to enter saves it, the last to leave
    restores it.
    """

    def __init__(self):
        self.lock = threading.Lock()
        self.n_inside = 0
        self.previous = None

    def __enter__(self):
        with self.lock:
            if self.n_inside == 0:
                self.previous = torch.get_default_dtype()
                self._set(torch.float32)
            self.n_inside += 1

    def __exit__(self, *exception):
        with self.lock:
            self.n_inside -= 1
            if self.n_inside == 0:
                self._set(self.previous)

    @staticmethod
    def _set(dtype):
        if torch.get_default_dtype() != dtype:
            torch.set_default_dtype(dtype)


_SINGLE_PRECISION = _SinglePrecision()


def resolve_device(device):
    """Return the torch.device of "auto", "cpu", "cuda", "cuda:1" or "mps"."""
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
            f"device={device!r} is not available in torch {torch.__version__}. "
            "Use device='auto' for a GPU if there is one, else the CPU."
        )
    return resolved


@functools.lru_cache
def _multiplies_bfloat16(device_type):
    """Return whether bfloat16 products are faster than float32 on a type of device.

    On one core, (1018 x 512) x (512 x 128), AMX makes bfloat16 about 3 times as fast.
    With AVX512-BF16 only, it is faster on AMD (Zen 5: 463 GFLOP/s, 241 in float32),
    and slower on Intel (Xeon of 2023: 78, 152 in float32).
    """
    if device_type == "cuda":
        return torch.cuda.get_device_capability() >= (8, 0)
    if device_type != "cpu":
        return False
    capabilities = cpu_capabilities()
    if not capabilities:
        return bool(torch.cpu._is_amx_tile_supported())
    return bool(
        capabilities.get("amx_bf16") or (is_amd() and capabilities.get("avx512_bf16"))
    )


def resolve_precision(precision, device):
    """Return the dtype of hidden layers for "auto", "float32" or "bfloat16"."""
    if precision == "auto":
        precision = "bfloat16" if _multiplies_bfloat16(device.type) else "float32"
    return getattr(torch, precision)
