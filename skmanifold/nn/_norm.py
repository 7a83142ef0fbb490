# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""Normalisation layers whose gradients do not depend on the number of threads.

torch's own layers accumulate the gradients of their scale and shift (and, for batch
normalisation, the statistics) in one partial sum per thread, so their last bits change
with the number of threads. Column sums of a matrix do not.
"""

import torch
from torch import nn
from torch.nn import functional as F


class LayerNorm(nn.Module):
    """Layer normalisation over the last axis, with scale and shift.

    Parameters
    ----------
    n_features : int
        Width.
    eps : float, default=1e-5
        Added to the variance.
    affine : bool, default=True
        Learn a scale and a shift per feature.

    Examples
    --------
    >>> import torch
    >>> from skmanifold.nn import LayerNorm
    >>> LayerNorm(2, eps=0.0, affine=False)(torch.tensor([[1.0, 3.0]]))
    tensor([[-1.,  1.]])
    """

    def __init__(self, n_features, *, eps=1e-5, affine=True):
        super().__init__()
        self.n_features = n_features
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(n_features)) if affine else None
        self.bias = nn.Parameter(torch.zeros(n_features)) if affine else None

    def forward(self, x):
        """Normalise each row of ``x``, of shape (n, n_features)."""
        normal = F.layer_norm(x, (self.n_features,), eps=self.eps)
        if self.weight is None:
            return normal
        return torch.addcmul(
            self.bias.to(normal.dtype), normal, self.weight.to(normal.dtype)
        )


class _Standardize(torch.autograd.Function):
    """Columns to mean 0 and variance 1; also returns the two statistics."""

    @staticmethod
    def forward(ctx, x, eps):
        x = x.float() if x.dtype in (torch.bfloat16, torch.float16) else x
        mean = x.mean(0)
        centred = x - mean
        variance = (centred * centred).mean(0)
        scale = (variance + eps).rsqrt()
        normal = centred.mul_(scale)
        ctx.save_for_backward(normal, scale)
        ctx.mark_non_differentiable(mean, variance)
        return normal, mean, variance

    @staticmethod
    def backward(ctx, grad, _mean, _variance):
        normal, scale = ctx.saved_tensors
        grad = grad.to(normal.dtype)
        along = (grad * normal).mean(0)
        return (grad - grad.mean(0) - normal * along) * scale, None


class BatchNorm(nn.Module):
    """Batch normalisation of the columns of a matrix.

    Parameters
    ----------
    n_features : int
        Width.
    eps : float, default=1e-5
        Added to the variance.
    momentum : float, default=0.1
        Weight of the newest batch in the running statistics that evaluation uses.
    affine : bool, default=True
        Learn a scale and a shift per feature.

    Examples
    --------
    >>> import torch
    >>> from skmanifold.nn import BatchNorm
    >>> BatchNorm(1, eps=0.0, affine=False)(torch.tensor([[1.0], [3.0]]))
    tensor([[-1.],
            [ 1.]])
    """

    def __init__(self, n_features, *, eps=1e-5, momentum=0.1, affine=True):
        super().__init__()
        self.eps = eps
        self.momentum = momentum
        self.weight = nn.Parameter(torch.ones(n_features)) if affine else None
        self.bias = nn.Parameter(torch.zeros(n_features)) if affine else None
        self.register_buffer("running_mean", torch.zeros(n_features))
        self.register_buffer("running_var", torch.ones(n_features))

    def forward(self, x):
        """Normalise the columns of ``x``, of shape (n, n_features)."""
        if self.training:
            normal, mean, variance = _Standardize.apply(x, self.eps)
            with torch.no_grad():
                n = x.shape[0]
                unbiased = variance * (n / max(n - 1, 1))
                self.running_mean.lerp_(mean.to(self.running_mean), self.momentum)
                self.running_var.lerp_(unbiased.to(self.running_var), self.momentum)
        else:
            scale = (self.running_var + self.eps).rsqrt()
            normal = (x - self.running_mean) * scale
        if self.weight is not None:
            normal = torch.addcmul(self.bias, normal, self.weight)
        return normal.to(x.dtype)
