# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""Arithmetic whose last bits depend on the numbers alone.

In most libraries the last bits of a float32 matrix product depend on where in the
matrix a sample lies, since what is left over from the tiles is computed in another way,
and on the number of threads, since long sums are split among them. So do those of many
elementwise functions of torch: each thread computes the end of its part without vector
instructions. Which of them, and for which shapes, differs between processors.

Two contexts prevent that. Under :class:`BySample`, for inference, each product computes
a sample independently of its place: it is a linear layer of oneDNN. Under
:func:`same_bits`, for training, everything runs on one thread, except for the layers
here and what losses take from ``skmanifold._exact``, which use all threads and do not
show how many there are.
"""

import contextlib
import functools

import torch
from torch import nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from skmanifold._exact import (
    has_exact_products,
    is_ours,
    is_transformed,
    linear,
    local,
    on_all_threads,
)

from ._threads import torch_threads

# Smaller arrays (in numbers; torch's own limit) gain nothing from a second thread.
_LEAST_NUMBERS = 2**15


class BySample(TorchFunctionMode):
    """Context in which products compute each sample independently of the others.

    A mode of torch, so that functions in a user's own network are covered as well. It
    holds for the calling thread.
    """

    def __enter__(self):
        self.before = getattr(local, "by_sample", False)
        local.by_sample = True
        return super().__enter__()

    def __exit__(self, *exception):
        super().__exit__(*exception)
        local.by_sample = self.before

    def __torch_function__(self, func, types, args=(), kwargs=None):
        ours = _FUNCTIONS.get(func, func)
        return ours(*args) if kwargs is None else ours(*args, **kwargs)


def available_threads(limit=None):
    """Return the number of threads for :func:`same_bits`: those of torch, or fewer."""
    available = torch.get_num_threads() if has_exact_products() else 1
    return min(limit or available, available)


@contextlib.contextmanager
def same_bits(module):
    """Train a module inside with the same bits on any number of threads.

    Parameters
    ----------
    module : torch.nn.Module
        Its linear layers, layer norms and GELUs take as many threads inside as
        :func:`use_threads` says, as many as torch is set to at first. It must not be in
        use elsewhere meanwhile.
    """
    layers = [layer for layer in module.modules() if type(layer) in _LAYERS]
    local.n_threads = available_threads()
    try:
        for layer in layers:
            # not in a mode of torch, which would take some microseconds of every call
            layer.forward = functools.partial(_LAYERS[type(layer)], layer)
        with torch_threads(1):
            yield
    finally:
        del local.n_threads
        for layer in layers:
            del layer.forward


def use_threads(n_threads):
    """Set how many threads the layers take inside of :func:`same_bits`."""
    local.n_threads = n_threads


def _is_large(x):
    return x.numel() >= _LEAST_NUMBERS and x.device.type == "cpu"


# -- products


def _layer(x, weight, bias=None):
    """Compute ``F.linear``."""
    if torch.is_autocast_enabled("cpu"):
        dtype = torch.get_autocast_dtype("cpu")
        x, weight = x.to(dtype), weight.to(dtype)
        bias = bias if bias is None else bias.to(dtype)
    given = (x, weight) if bias is None else (x, weight, bias)
    if x.ndim == 0 or weight.ndim != 2 or not is_ours(*given):
        return F.linear(x, weight, bias)
    if x.ndim == 2:
        return linear(x, weight, bias)
    rows = x.reshape(-1, x.shape[-1])
    return linear(rows, weight, bias).reshape(*x.shape[:-1], weight.shape[0])


def _product(a, b):
    """Compute ``torch.matmul``."""
    if min(a.ndim, b.ndim) < 2 or not is_ours(a, b):
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


_FUNCTIONS = {
    F.linear: _layer,
    torch.matmul: _product,
    torch.mm: _product,
    torch.bmm: _product,
    torch.addmm: _product_and_sum,
    torch.baddbmm: _product_and_sum,
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
    # where a part of a thread ends shows in arrays that are not contiguous
    if layer.approximate != "none" or not x.is_contiguous() or not _is_large(x):
        return F.gelu(x, approximate=layer.approximate)
    return _GELU.apply(x)


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
        shape = ctx.shape
        gradient = gradient.contiguous()
        of_x = of_weight = of_bias = None
        if ctx.needs_input_grad[0]:
            backward = torch.ops.aten.native_layer_norm_backward
            only_x = (True, False, False)
            args = (gradient, x, shape, mean, scale, weight, bias, only_x)
            of_x, _, _ = on_all_threads(backward, *args)
        # torch splits these two sums among threads, unless they are along one axis
        over = tuple(range(x.ndim - len(shape)))
        if ctx.needs_input_grad[2]:
            # not layer_norm without a scale, which takes longer than these
            scaled = on_all_threads(torch.sub, x, mean)
            on_all_threads(scaled.mul_, scale)
            on_all_threads(scaled.mul_, gradient)
            of_weight = on_all_threads(torch.sum, scaled, over).to(weight.dtype)
        if ctx.needs_input_grad[3]:
            of_bias = on_all_threads(torch.sum, gradient, over).to(bias.dtype)
        return of_x, None, of_weight, of_bias, None


def _layer_norm_layer(layer, x):
    args = layer.normalized_shape, layer.weight, layer.bias, layer.eps
    if not _is_large(x) or is_transformed():
        return F.layer_norm(x, *args)
    return _LayerNorm.apply(x, *args)


def _linear_layer(layer, x):
    return _layer(x, layer.weight, layer.bias)


# by exact type: a subclass may compute anything
_LAYERS = {
    nn.Linear: _linear_layer,
    nn.GELU: _gelu_layer,
    nn.LayerNorm: _layer_norm_layer,
}
