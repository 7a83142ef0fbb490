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
here, which take all threads and do not show how many there are.
"""

import contextlib
import functools
import threading

import torch
from torch import nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from ._threads import torch_threads

# Smaller products (in multiplications) and arrays (in numbers; torch's own limit) gain
# nothing from a second thread. Such products are left to torch, whose calls cost less.
_LEAST_PRODUCT = 2**23
_LEAST_NUMBERS = 2**15

# oneDNN splits longer sums of bfloat16 products among threads.
_LONGEST_SUM = 1024

# Of each thread: the number of threads that a layer may use, and whether each sample
# is computed independently of the others.
_local = threading.local()


def has_exact_products():
    """Return whether torch has the products that the same bits need.

    Builds for x86-64 and for Linux on ARM have oneDNN, those for macOS do not.
    """
    return torch.backends.mkldnn.is_available()


class BySample(TorchFunctionMode):
    """Context in which products compute each sample independently of the others.

    A mode of torch, so that functions in a user's own network are covered as well. It
    holds for the calling thread.
    """

    def __enter__(self):
        self.before = getattr(_local, "by_sample", False)
        _local.by_sample = True
        return super().__enter__()

    def __exit__(self, *exception):
        super().__exit__(*exception)
        _local.by_sample = self.before

    def __torch_function__(self, func, types, args=(), kwargs=None):
        ours = _FUNCTIONS.get(func, func)
        return ours(*args) if kwargs is None else ours(*args, **kwargs)


@contextlib.contextmanager
def same_bits(module, n_threads=None):
    """Train a module inside with the same bits on any number of threads.

    Parameters
    ----------
    module : torch.nn.Module
        Its linear layers, layer norms and GELUs take all threads inside. It must not be
        in use elsewhere meanwhile.
    n_threads : int or None, default=None
        Threads to use at most; None takes as many as torch is set to.
    """
    available = torch.get_num_threads() if has_exact_products() else 1
    layers = [layer for layer in module.modules() if type(layer) in _LAYERS]
    _local.n_threads = min(n_threads or available, available)
    try:
        for layer in layers:
            # not in a mode of torch, which would take some microseconds of every call
            layer.forward = functools.partial(_LAYERS[type(layer)], layer)
        with torch_threads(1):
            yield
    finally:
        del _local.n_threads
        for layer in layers:
            del layer.forward


def _on_all_threads(function, *args):
    """Call a function whose results do not show the number of threads."""
    n_threads = getattr(_local, "n_threads", 1)
    if n_threads == 1:
        return function(*args)
    # without torch_threads, which takes as long as a small product
    torch.set_num_threads(n_threads)
    try:
        return function(*args)
    finally:
        torch.set_num_threads(1)


def _is_large(x):
    return x.numel() >= _LEAST_NUMBERS and x.device.type == "cpu"


# -- products


def _onednn_linear(x, weight, bias):
    return torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")


def _public_onednn_linear(x, weight, bias):
    """Reach the same layer by public names, at the cost of two copies."""
    return F.linear(x.to_mkldnn(), weight.contiguous(), bias).to_dense()


def _linear_of_columns(x, weight, bias):
    """Compute a linear layer with samples as columns: the best without oneDNN."""
    product = torch.mm(weight, x.t()).t()
    return product if bias is None else product + bias


def _choose_linear():
    if not has_exact_products():
        return _linear_of_columns
    if hasattr(torch.ops.mkldnn, "_linear_pointwise"):
        return _onednn_linear
    return _public_onednn_linear


_exact_linear = _choose_linear()


def _linear(x, weight, bias):
    """Return ``x @ weight.T + bias`` of two matrices, float32 or bfloat16."""
    (n, n_in), n_out = x.shape, weight.shape[0]
    size = n * n_in * n_out
    if size == 0 or (size < _LEAST_PRODUCT and not getattr(_local, "by_sample", False)):
        return F.linear(x, weight, bias)
    return _on_all_threads(_large_linear, x, weight, bias)


def _large_linear(x, weight, bias):
    if x.dtype == torch.float32:
        return _exact_linear(x, weight, bias)
    if x.shape[1] <= _LONGEST_SUM:
        return F.linear(x, weight, bias)
    parts = zip(x.split(_LONGEST_SUM, 1), weight.split(_LONGEST_SUM, 1), strict=True)
    product = sum(F.linear(*part).float() for part in parts)
    return (product if bias is None else product + bias).to(x.dtype)


class _Linear(torch.autograd.Function):
    """``a @ b.T + bias`` of two matrices, differentiable any number of times."""

    @staticmethod
    def forward(ctx, a, b, bias):
        ctx.save_for_backward(a, b)
        return _linear(a, b, bias)

    @staticmethod
    def backward(ctx, gradient):
        a, b = ctx.saved_tensors
        product = _Linear.apply if torch.is_grad_enabled() else _linear
        of_a = of_b = of_bias = None
        if ctx.needs_input_grad[0]:
            of_a = product(gradient, b.t(), None)
        if ctx.needs_input_grad[1]:
            # the longer side as outputs of the layer: up to twice as fast
            if b.shape[0] > b.shape[1]:
                of_b = product(a.t(), gradient.t(), None).t()
            else:
                of_b = product(gradient.t(), a.t(), None)
        if ctx.needs_input_grad[2]:
            of_bias = _on_all_threads(torch.sum, gradient, 0)
        return of_a, of_b, of_bias


def _is_ours(*tensors):
    """Return whether a product of these is one that we compute."""
    dtypes = {t.dtype for t in tensors}
    return (
        len(dtypes) == 1
        and dtypes <= {torch.float32, torch.bfloat16}
        and all(t.device.type == "cpu" for t in tensors)
        and not _is_transformed()
    )


def _is_transformed():
    """Return whether a transform of torch.func is at work; it needs torch's own."""
    active = getattr(torch._C, "_are_functorch_transforms_active", None)
    return active is not None and active()


def _layer(x, weight, bias=None):
    """Compute ``F.linear``."""
    if torch.is_autocast_enabled("cpu"):
        dtype = torch.get_autocast_dtype("cpu")
        x, weight = x.to(dtype), weight.to(dtype)
        bias = bias if bias is None else bias.to(dtype)
    given = (x, weight) if bias is None else (x, weight, bias)
    if x.ndim == 0 or weight.ndim != 2 or not _is_ours(*given):
        return F.linear(x, weight, bias)
    if x.ndim == 2:
        return _Linear.apply(x, weight, bias)
    rows = x.reshape(-1, x.shape[-1])
    return _Linear.apply(rows, weight, bias).reshape(*x.shape[:-1], weight.shape[0])


def _product(a, b):
    """Compute ``torch.matmul``."""
    if min(a.ndim, b.ndim) < 2 or not _is_ours(a, b):
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
        return _on_all_threads(F.gelu, x)

    @staticmethod
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        return _on_all_threads(torch.ops.aten.gelu_backward, gradient.contiguous(), x)


def _gelu_layer(layer, x):
    # where a part of a thread ends shows in arrays that are not contiguous
    if layer.approximate != "none" or not x.is_contiguous() or not _is_large(x):
        return F.gelu(x, approximate=layer.approximate)
    return _GELU.apply(x)


class _LayerNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, shape, weight, bias, eps):
        y, mean, scale = _on_all_threads(
            torch.native_layer_norm, x, shape, weight, bias, eps
        )
        ctx.save_for_backward(x, mean, scale, weight, bias)
        ctx.constants = shape, eps
        return y

    @staticmethod
    def backward(ctx, gradient):
        x, mean, scale, weight, bias = ctx.saved_tensors
        shape, eps = ctx.constants
        gradient = gradient.contiguous()
        of_x = of_weight = of_bias = None
        if ctx.needs_input_grad[0]:
            backward = torch.ops.aten.native_layer_norm_backward
            only_x = (True, False, False)
            args = (gradient, x, shape, mean, scale, weight, bias, only_x)
            of_x, _, _ = _on_all_threads(backward, *args)
        # torch splits these two sums among threads, unless they are along one axis
        over = tuple(range(x.ndim - len(shape)))
        if ctx.needs_input_grad[2]:
            normal = _on_all_threads(F.layer_norm, x, shape, None, None, eps)
            scaled = _on_all_threads(torch.mul, normal, gradient)
            of_weight = _on_all_threads(torch.sum, scaled, over).to(weight.dtype)
        if ctx.needs_input_grad[3]:
            of_bias = _on_all_threads(torch.sum, gradient, over).to(bias.dtype)
        return of_x, None, of_weight, of_bias, None


def _layer_norm_layer(layer, x):
    args = layer.normalized_shape, layer.weight, layer.bias, layer.eps
    if not _is_large(x) or _is_transformed():
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
