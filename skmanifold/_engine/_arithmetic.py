# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""Arithmetic whose last bits depend on the numbers alone.

In most libraries the last bits of a float32 matrix product depend on where in the
matrix a sample lies, since what is left over from the tiles is computed in another way,
and on the number of threads, since long sums are split among them. So do those of many
elementwise functions of torch: each thread computes the end of its part without vector
instructions. Which of them, and for which shapes, differs between processors.

Under :class:`SameBits` an operation therefore runs on one thread, unless it is one of
those here, which take all threads because their results do not show how many there
are. Their products are linear layers of oneDNN, which compute each sample on its own.
"""

import contextlib
import threading

import torch
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from ._threads import torch_threads

# Smaller products (in multiplications) and arrays (in numbers; torch's own limit) gain
# nothing from a second thread. Such products are left to torch, whose calls cost less.
_LEAST_PRODUCT = 2**23
_LEAST_NUMBERS = 2**15

# oneDNN splits longer sums of bfloat16 products among threads.
_LONGEST_SUM = 1024


def has_exact_products():
    """Whether torch has the products that :class:`SameBits` needs.

    Builds for x86-64 and for Linux on ARM have oneDNN, those for macOS do not.
    """
    return torch.backends.mkldnn.is_available()


class SameBits(TorchFunctionMode):
    """Context in which results do not depend on the number of threads.

    It holds for the calling thread, and for backward passes that are started inside.

    Parameters
    ----------
    n_threads : int or None, default=None
        Threads to use at most; None takes as many as torch is set to.
    by_sample : bool, default=False
        Compute each sample of a product independently of its place among the others,
        for small products too.
    """

    def __init__(self, n_threads=None, *, by_sample=False):
        super().__init__()
        available = torch.get_num_threads() if has_exact_products() else 1
        self.n_threads = min(n_threads or available, available)
        self.by_sample = by_sample

    def __enter__(self):
        self.outside = contextlib.ExitStack()
        self.outside.enter_context(torch_threads(1))
        self.outside.callback(
            setattr, _current, "mode", getattr(_current, "mode", None)
        )
        _current.mode = self
        return super().__enter__()

    def __exit__(self, *exception):
        super().__exit__(*exception)
        self.outside.close()

    def on_all_threads(self, function, *args, **kwargs):
        """Call a function whose results do not show the number of threads."""
        if self.n_threads == 1:
            return function(*args, **kwargs)
        # without torch_threads, which takes as long as a small product
        torch.set_num_threads(self.n_threads)
        try:
            return function(*args, **kwargs)
        finally:
            torch.set_num_threads(1)

    def __torch_function__(self, func, types, args=(), kwargs=None):
        ours = _OURS.get(func, func)
        return ours(*args) if kwargs is None else ours(*args, **kwargs)


# The mode of each thread, for backward passes, which know no arguments of ours.
_current = threading.local()


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
    """``x @ weight.T + bias`` of two matrices, float32 or bfloat16."""
    (n, n_in), n_out = x.shape, weight.shape[0]
    size = n * n_in * n_out
    mode = _current.mode
    if size == 0 or (size < _LEAST_PRODUCT and not mode.by_sample):
        return F.linear(x, weight, bias)
    return mode.on_all_threads(_large_linear, x, weight, bias)


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
            of_bias = gradient.sum(0)
        return of_a, of_b, of_bias


class _BatchedProduct(torch.autograd.Function):
    """``a @ b.mT`` of two batches of matrices, differentiable any number of times."""

    @staticmethod
    def forward(ctx, a, b):
        ctx.save_for_backward(a, b)
        if not _current.mode.by_sample or 0 in (*a.shape, *b.shape):
            return torch.bmm(a, b.mT)
        return torch.stack([_linear(x, y, None) for x, y in zip(a, b, strict=True)])

    @staticmethod
    def backward(ctx, gradient):
        a, b = ctx.saved_tensors
        of_a = of_b = None
        if ctx.needs_input_grad[0]:
            of_a = _BatchedProduct.apply(gradient, b.mT)
        if ctx.needs_input_grad[1]:
            of_b = _BatchedProduct.apply(gradient.mT, a.mT)
        return of_a, of_b


def _is_transformed():
    """Whether a transform of torch.func is at work: it needs torch's own functions."""
    active = getattr(torch._C, "_are_functorch_transforms_active", None)
    return active is not None and active()


def _are_ours(*tensors):
    """Whether these are of the kinds that the products here are made for."""
    dtypes = {t.dtype for t in tensors if t is not None}
    return (
        len(dtypes) == 1
        and not _is_transformed()
        and dtypes <= {torch.float32, torch.bfloat16}
        and all(t.device.type == "cpu" for t in tensors if t is not None)
    )


def _layer(x, weight, bias=None):
    if torch.is_autocast_enabled("cpu"):
        dtype = torch.get_autocast_dtype("cpu")
        x, weight = x.to(dtype), weight.to(dtype)
        bias = bias if bias is None else bias.to(dtype)
    if not _are_ours(x, weight, bias) or x.ndim == 0 or weight.ndim != 2:
        return F.linear(x, weight, bias)
    if x.ndim == 2:
        return _Linear.apply(x, weight, bias)
    rows = x.reshape(-1, x.shape[-1])
    return _Linear.apply(rows, weight, bias).reshape(*x.shape[:-1], weight.shape[0])


def _product(a, b):
    if min(a.ndim, b.ndim) < 2 or not _are_ours(a, b):
        return torch.matmul(a, b)
    if b.ndim == 2:
        return _layer(a, b.t())
    if torch.is_autocast_enabled("cpu"):
        dtype = torch.get_autocast_dtype("cpu")
        a, b = a.to(dtype), b.to(dtype)
    shape = torch.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    a, b = (t.expand(*shape, *t.shape[-2:]).flatten(0, -3) for t in (a, b))
    return _BatchedProduct.apply(a, b.mT).unflatten(0, shape)


def _product_and_sum(c, a, b, *, beta=1, alpha=1):
    product = _product(a, b)
    if alpha != 1:
        product = product * alpha
    return product + (c if beta == 1 else c * beta)


# -- elementwise functions, and what works along one axis


class _GELU(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return _wide(F.gelu, x)

    @staticmethod
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        return _wide(torch.ops.aten.gelu_backward, gradient.contiguous(), x)


def _gelu(x, approximate="none"):
    if approximate != "none" or not x.is_contiguous() or not _is_wide(x):
        return F.gelu(x, approximate=approximate)
    return _GELU.apply(x)


class _LayerNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, shape, weight, bias, eps):
        y, mean, scale = _wide(torch.native_layer_norm, x, shape, weight, bias, eps)
        ctx.save_for_backward(x, mean, scale, weight, bias)
        ctx.constants = shape, eps
        return y

    @staticmethod
    def backward(ctx, gradient):
        x, mean, scale, weight, bias = ctx.saved_tensors
        shape, eps = ctx.constants
        of_x = of_weight = of_bias = None
        if ctx.needs_input_grad[0]:
            of_x, _, _ = _wide(
                torch.ops.aten.native_layer_norm_backward,
                gradient.contiguous(),
                x,
                shape,
                mean,
                scale,
                weight,
                bias,
                (True, False, False),
            )
        over = tuple(range(x.ndim - len(shape)))
        if ctx.needs_input_grad[2]:
            normal = _wide(F.layer_norm, x, shape, None, None, eps)
            of_weight = _wide(torch.mul, normal, gradient).sum(over)
        if ctx.needs_input_grad[3]:
            of_bias = _wide(torch.sum, gradient, over)
        return of_x, None, of_weight, of_bias, None


def _layer_norm(x, normalized_shape, weight=None, bias=None, eps=1e-5):
    if not _is_wide(x) or torch.is_autocast_enabled("cpu"):
        return F.layer_norm(x, normalized_shape, weight, bias, eps)
    return _LayerNorm.apply(x, tuple(normalized_shape), weight, bias, eps)


def _is_wide(x):
    return (
        isinstance(x, torch.Tensor)
        and x.numel() >= _LEAST_NUMBERS
        and x.device.type == "cpu"
    )


def _wide(function, *args, **kwargs):
    return _current.mode.on_all_threads(function, *args, **kwargs)


def _widened(function):
    def call(x, *args, **kwargs):
        if _is_wide(x):
            return _wide(function, x, *args, **kwargs)
        return function(x, *args, **kwargs)

    return call


# Whether a thread computes the end of its part with vector instructions or without does
# not show in these.
_POINTWISE = (
    "abs add addcdiv addcmul clamp div exp log mul neg reciprocal sqrt square sub"
).split()

_OURS = {
    F.linear: _layer,
    F.gelu: _gelu,
    F.layer_norm: _layer_norm,
    **{
        function: _product
        for function in (
            torch.matmul,
            torch.mm,
            torch.bmm,
            torch.Tensor.matmul,
            torch.Tensor.__matmul__,
            torch.Tensor.mm,
            torch.Tensor.bmm,
        )
    },
    **{
        function: _product_and_sum
        for function in (
            torch.addmm,
            torch.baddbmm,
            torch.Tensor.addmm,
            torch.Tensor.baddbmm,
        )
    },
    **{
        function: _widened(function)
        for name in _POINTWISE
        for function in (
            getattr(torch, name),
            getattr(torch.Tensor, name),
            getattr(torch.Tensor, f"{name}_"),
        )
    },
}
for name in ("add", "sub", "mul", "truediv", "radd", "rmul", "rsub"):
    function = getattr(torch.Tensor, f"__{name}__")
    _OURS.setdefault(function, _widened(function))
