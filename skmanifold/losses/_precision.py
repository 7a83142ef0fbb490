# SPDX-License-Identifier: BSD-3-Clause

"""Losses in full precision, for networks of any precision."""

import functools

import torch


def full_precision(function):
    """Decorate a function of tensors to compute in full precision under autocast.

    Distances, logarithms and Jacobians do not survive half precision. Inside, autocast
    is off, and arguments in half precision are cast to float32. Every loss of this
    module is decorated with it; use it for a loss or a layer of your own.

    Parameters
    ----------
    function : callable
        A function, or a method of a module, some of whose arguments are tensors.

    Returns
    -------
    callable
        The decorated function.

    Examples
    --------
    >>> import torch
    >>> from skmanifold.losses import full_precision
    >>> @full_precision
    ... def squared_distances(x):
    ...     return (2 - 2 * x @ x.t()).clamp(min=0)
    >>> with torch.autocast("cpu", torch.bfloat16):
    ...     squared_distances(torch.eye(2, dtype=torch.bfloat16)).dtype
    torch.float32
    """

    @functools.wraps(function)
    def computed(*args, **kwargs):
        device = None
        # a loop: an interrupt within a generator would be lost
        for value in (*args, *kwargs.values()):
            if isinstance(value, torch.Tensor):
                device = value.device
                break
        args = [_single(value) for value in args]
        kwargs = {name: _single(value) for name, value in kwargs.items()}
        if device is None or not torch.is_autocast_enabled(device.type):
            return function(*args, **kwargs)
        with torch.autocast(device.type, enabled=False):
            return function(*args, **kwargs)

    return computed


def _single(value):
    half = isinstance(value, torch.Tensor) and value.dtype in (
        torch.float16,
        torch.bfloat16,
    )
    return value.float() if half else value
