# SPDX-License-Identifier: BSD-3-Clause

"""Multithreaded operations with results independent of the number of threads.

A training step runs on one thread, since the last bits of most operations depend on the
number of threads, see ``_engine/_arithmetic.py``. The exceptions are here, for the
engine's layers and for losses of large matrices. Outside training, torch uses its own
number of threads.
"""

import contextlib
import math
import threading

import torch
from torch.nn import functional as F

# Smaller products (in multiplications) gain nothing from a second thread, and torch's
# own calls are cheaper. In float32 oneDNN's products are also up to twice as fast.
_LEAST_PRODUCTS = {torch.float32: 2**21, torch.bfloat16: 2**23}

_DTYPES = tuple(_LEAST_PRODUCTS)

# oneDNN splits longer sums of bfloat16 products among threads.
_LONGEST_SUM = 1024

# For each thread: the number of threads of an operation, and whether it must compute
# each sample independently of the others.
local = threading.local()


def on_all_threads(function, *args):
    """Call a function whose results do not depend on the number of threads."""
    n_threads = getattr(local, "n_threads", 1)
    if n_threads == 1:
        return function(*args)
    # not torch_threads, which takes as long as a small product
    torch.set_num_threads(n_threads)
    try:
        return function(*args)
    finally:
        torch.set_num_threads(1)


@contextlib.contextmanager
def all_threads():
    """Context in which torch uses all threads of a training step.

    Only for functions whose results do not depend on their number. For float32 and
    float64 these are those of this module, ``abs add addcdiv addcmul clamp div exp log
    mul neg reciprocal sqrt square sub`` (without ``alpha``), copies, sums along one
    axis, and torch's fused AdamW.
    """
    n_threads = getattr(local, "n_threads", 1)
    if n_threads == 1:
        yield
        return
    torch.set_num_threads(n_threads)
    try:
        yield
    finally:
        torch.set_num_threads(1)


def cpu_capabilities():
    """Return the capabilities of the processor; older versions of torch report none."""
    return getattr(torch.cpu, "get_capabilities", dict)()


def is_amd():
    """Return whether torch reports a processor of AMD."""
    return "AMD" in str(cpu_capabilities().get("cpu_name", ""))


# There MKL computes log and exp without the vector instructions of the processor: on
# Zen 5 log1p takes 0.6 times as long as log, and exp2 a quarter of exp. On other
# processors log and exp are as fast or faster.
_IS_AMD = is_amd()


def log1p(x, out=None):
    """Return the logarithm of 1 + x, rounded like 1 + x."""
    if _IS_AMD and x.is_cpu:
        return torch.log1p(x, out=out)
    return torch.add(x, 1, out=out).log_()


def exp(x, factor=1.0, out=None):
    """Return the exponentials of ``factor * x``."""
    if not (_IS_AMD and x.is_cpu):
        return torch.mul(x, factor, out=out).exp_()
    power = torch.mul(x, factor / math.log(2), out=out)
    # on one thread: the last bits of exp2 depend on their number
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return power.exp2_()
    finally:
        torch.set_num_threads(n_threads)


def has_exact_products():
    """Return whether torch has the reproducible products of oneDNN.

    Builds for x86-64 and for Linux on ARM have them, those for macOS do not.
    """
    return torch.backends.mkldnn.is_available()


def _onednn_linear(x, weight, bias):
    return torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")


def _public_onednn_linear(x, weight, bias):
    """Compute the same layer by the public API, at the cost of two copies."""
    return F.linear(x.to_mkldnn(), weight.contiguous(), bias).to_dense()


def _linear_of_columns(x, weight, bias):
    """Compute a linear layer with samples as columns: the best without oneDNN."""
    columns = torch.mm(weight, x.t()).t()
    return columns if bias is None else columns + bias


def _choose_linear():
    if not has_exact_products():
        return _linear_of_columns
    if hasattr(torch.ops.mkldnn, "_linear_pointwise"):
        return _onednn_linear
    return _public_onednn_linear


exact_linear = _choose_linear()


def is_large_product(x, weight, dtype):
    """Return whether ``x @ weight.T`` in a dtype is faster here than by torch."""
    return x.numel() * weight.shape[0] >= _LEAST_PRODUCTS.get(dtype, math.inf)


def _linear(x, weight, bias):
    """Return ``x @ weight.T + bias`` of two matrices, float32 or bfloat16."""
    by_sample = getattr(local, "by_sample", False) and x.numel() * len(weight) > 0
    if not (by_sample or is_large_product(x, weight, x.dtype)):
        return F.linear(x, weight, bias)
    return on_all_threads(_large_linear, x, weight, bias)


def _large_linear(x, weight, bias):
    if x.dtype == torch.float32:
        return exact_linear(x, weight, bias)
    if x.shape[1] <= _LONGEST_SUM:
        return F.linear(x, weight, bias)
    parts = zip(x.split(_LONGEST_SUM, 1), weight.split(_LONGEST_SUM, 1), strict=True)
    total = sum(F.linear(*part).float() for part in parts)
    return (total if bias is None else total + bias).to(x.dtype)


class Linear(torch.autograd.Function):
    """``a @ b.T + bias`` in a dtype, differentiable any number of times.

    Casts in here cost less than as operations of the graph, which itself casts the
    gradients.
    """

    @staticmethod
    def forward(ctx, a, b, bias, dtype):
        ctx.save_for_backward(a, b)
        return _cast_linear(a, b, bias, dtype)

    @staticmethod
    def backward(ctx, gradient):
        a, b = (x.to(gradient.dtype) for x in ctx.saved_tensors)
        grad_a = grad_b = grad_bias = None
        if ctx.needs_input_grad[0]:
            grad_a = linear(gradient, b.t(), None)
        if ctx.needs_input_grad[1]:
            # the longer side as outputs of the layer: up to twice as fast
            if b.shape[0] > b.shape[1]:
                grad_b = linear(a.t(), gradient.t(), None).t()
            else:
                grad_b = linear(gradient.t(), a.t(), None)
        if ctx.needs_input_grad[2]:
            grad_bias = on_all_threads(torch.sum, gradient, 0)
        return grad_a, grad_b, grad_bias, None


def _cast_linear(x, weight, bias, dtype):
    bias = bias if bias is None else bias.to(dtype)
    return _linear(x.to(dtype), weight.to(dtype), bias)


def linear(x, weight, bias, dtype=None):
    """Return ``x @ weight.T + bias`` of matrices that are :func:`is_ours`, in a dtype.

    By default it is that of x.
    """
    # the overhead of an autograd.Function is that of a small product
    compute = Linear.apply if torch.is_grad_enabled() else _cast_linear
    return compute(x, weight, bias, dtype or x.dtype)


def is_ours(dtype, *tensors, casts=False):
    """Return whether :func:`linear` computes these tensors in a dtype.

    If it ``casts``, they may have others.
    """
    allowed = _DTYPES if casts else (dtype,)
    return (
        dtype in _DTYPES
        and all(t.dtype in allowed and t.is_cpu for t in tensors)
        and not is_transformed()
    )


def is_transformed():
    """Return whether a transform of torch.func, which needs torch's own, is active."""
    active = getattr(torch._C, "_are_functorch_transforms_active", None)
    return active is not None and active()


def product(a, b):
    """Return ``a @ b`` of two matrices, for a loss."""
    columns = b.t()
    if is_large_product(a, columns, a.dtype) and is_ours(a.dtype, a, b):
        return linear(a, columns, None)
    return a @ b
