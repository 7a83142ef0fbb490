# SPDX-License-Identifier: BSD-3-Clause

"""Reproducible arithmetic, bit for bit.

In most libraries the last bits of a float32 matrix product depend on the position of a
sample, since the remainder of the tiles is computed in another way, and on the number
of threads, since long sums are split among them. So do those of many elementwise
functions: each thread computes the end of its part without vector instructions.

Two contexts prevent that. In :class:`BySample`, for inference, products are linear
layers of oneDNN, which compute each sample independently of its position. In
:func:`same_bits`, for training, everything runs on one thread, except for the layers
here and the functions of ``skmanifold._exact``, which give the same bits on any number
of threads.
"""

import contextlib
import functools

import torch
from torch import nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from skmanifold._exact import (
    all_threads,
    has_exact_products,
    is_large_product,
    is_ours,
    is_transformed,
    linear,
    local,
    on_all_threads,
)

from ._threads import torch_threads

# In smaller arrays (in entries) a second thread saves less than the calls here cost.
_LEAST_NUMBERS = 3 * 2**15


class BySample(TorchFunctionMode):
    """Context in which products compute each sample independently of the others.

    A torch function mode of the calling thread, which also covers functions in a user's
    network.
    """

    # no __enter__ and __exit__ of our own: interrupted, they would leave the mode on
    def __torch_function__(self, func, types, args=(), kwargs=None):
        ours = _FUNCTIONS.get(func, func)
        local.by_sample = True
        try:
            return ours(*args) if kwargs is None else ours(*args, **kwargs)
        finally:
            local.by_sample = False


def available_threads(limit=None):
    """Return the number of threads for :func:`same_bits`, at most that of torch."""
    available = torch.get_num_threads() if has_exact_products() else 1
    return min(limit or available, available)


@contextlib.contextmanager
def same_bits(module):
    """Context in which a module gives the same bits on any number of threads.

    Training runs in this context. Use it for what an objective computes before or after
    training. Linear layers, layer norms and GELUs use several threads, all else one.

    Parameters
    ----------
    module : torch.nn.Module
        The module. Do not use it elsewhere at the same time.

    Yields
    ------
    None
        Nothing.

    Examples
    --------
    >>> import torch
    >>> from skmanifold.base import same_bits
    >>> layer = torch.nn.Linear(3, 2)
    >>> with same_bits(layer):
    ...     layer(torch.ones(5, 3)).shape
    torch.Size([5, 2])
    """
    # the number of threads is that of use_threads, at first that of torch
    layers = [layer for layer in module.modules() if type(layer) in _LAYERS]
    local.n_threads = available_threads()
    try:
        for layer in layers:
            # not by a torch function mode, which costs microseconds in every call
            layer.forward = functools.partial(_LAYERS[type(layer)], layer)
        with torch_threads(1):
            yield
    finally:
        del local.n_threads
        for layer in layers:
            del layer.forward


def use_threads(n_threads):
    """Set the number of threads of the layers in :func:`same_bits`."""
    local.n_threads = n_threads


def _is_large(x):
    return x.numel() >= _LEAST_NUMBERS and x.device.type == "cpu"


# -- products


def _layer(x, weight, bias=None):
    """Compute ``F.linear``."""
    given = (x, weight) if bias is None else (x, weight, bias)
    dtype, casts = _dtype(x)
    if x.ndim == 0 or weight.ndim != 2 or not is_ours(dtype, *given, casts=casts):
        return F.linear(x, weight, bias)
    if x.ndim == 2:
        return linear(x, weight, bias, dtype)
    rows = x.reshape(-1, x.shape[-1])
    return linear(rows, weight, bias, dtype).reshape(*x.shape[:-1], weight.shape[0])


def _dtype(x):
    """Return the dtype of a product of x, and whether it is that of autocast."""
    casts = torch.is_autocast_enabled("cpu")
    return (torch.get_autocast_dtype("cpu") if casts else x.dtype), casts


def _product(a, b):
    """Compute ``torch.matmul``."""
    if min(a.ndim, b.ndim) < 2 or not is_ours(a.dtype, a, b):
        return torch.matmul(a, b)
    if b.ndim == 2:
        return _layer(a, b.t())
    shape = torch.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    a, b = (t.expand(*shape, *t.shape[-2:]).flatten(0, -3) for t in (a, b))
    if 0 in (*a.shape, *b.shape):
        return torch.bmm(a, b).unflatten(0, shape)
    each = [_layer(x, y.t()) for x, y in zip(a, b, strict=True)]
    return torch.stack(each).unflatten(0, shape)


def _product_and_sum(c, a, b, *, beta=1, alpha=1):
    """Compute ``torch.addmm`` or ``torch.baddbmm``."""
    product = _product(a, b)
    if alpha != 1:
        product = product * alpha
    return product + (c if beta == 1 else c * beta)


def _distances(a, b, p=2.0, compute_mode=None):
    """Compute ``torch.cdist`` without products, which are its default."""
    return torch.cdist(a, b, p, "donot_use_mm_for_euclid_dist")


_FUNCTIONS = {
    F.linear: _layer,
    torch.matmul: _product,
    torch.mm: _product,
    torch.bmm: _product,
    torch.addmm: _product_and_sum,
    torch.baddbmm: _product_and_sum,
    torch.cdist: _distances,
    torch.Tensor.__matmul__: _product,
    torch.Tensor.matmul: _product,
    torch.Tensor.mm: _product,
    torch.Tensor.bmm: _product,
    torch.Tensor.addmm: _product_and_sum,
    torch.Tensor.baddbmm: _product_and_sum,
}


# -- layers of a training step


class _GELU(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return on_all_threads(F.gelu, x)

    @staticmethod
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        return on_all_threads(torch.ops.aten.gelu_backward, gradient.contiguous(), x)


def _gelu_layer(layer, x):
    # results depend on the split among threads if an array is not contiguous
    if layer.approximate != "none" or not x.is_contiguous() or not _is_large(x):
        return F.gelu(x, approximate=layer.approximate)
    return _GELU.apply(x)


_layer_norm_backward = torch.ops.aten.native_layer_norm_backward


class _LayerNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, shape, weight, bias, eps):
        y, mean, scale = on_all_threads(
            torch.native_layer_norm, x, shape, weight, bias, eps
        )
        ctx.save_for_backward(x, mean, scale, weight, bias)
        ctx.shape = shape
        return y

    @staticmethod
    def backward(ctx, gradient):
        x, mean, scale, weight, bias = ctx.saved_tensors
        wants_x, _, *wants = ctx.needs_input_grad[:4]
        # in float32: torch sums the gradients of scale and shift in the precision of x
        with all_threads():
            gradient = gradient.to(mean.dtype, memory_format=torch.contiguous_format)
            args = gradient, x.to(mean.dtype), ctx.shape, mean, scale, weight, bias
            grad_x, _, _ = _layer_norm_backward(*args, (wants_x, False, False))
            if grad_x is not None:
                grad_x = grad_x.to(x.dtype)
        # on one thread: torch splits these sums among threads
        _, grad_weight, grad_bias = _layer_norm_backward(*args, (False, *wants))
        return grad_x, None, grad_weight, grad_bias, None


def _layer_norm_layer(layer, x):
    args = layer.normalized_shape, layer.weight, layer.bias, layer.eps
    if not _is_large(x) or is_transformed():
        return F.layer_norm(x, *args)
    return _LayerNorm.apply(x, *args)


def _linear_layer(layer, x):
    # torch's own function, with its casts, costs less for a small product
    compute = _layer if is_large_product(x, layer.weight, _dtype(x)[0]) else F.linear
    return compute(x, layer.weight, layer.bias)


# by exact type: subclasses may differ
_LAYERS = {
    nn.Linear: _linear_layer,
    nn.GELU: _gelu_layer,
    nn.LayerNorm: _layer_norm_layer,
}
