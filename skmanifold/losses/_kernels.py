# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""Student t kernels of squared distances."""

import math

import torch

from skmanifold._exact import all_threads, exp_, log, product

from ._precision import full_precision


@full_precision
def squared_distances(a, b):
    """Compute squared Euclidean distances between the rows of two matrices.

    ``out[i, j] = |a_i - b_j|^2``, from the expanded form, clamped at zero. Both
    matrices are first centered at the mean of ``b``, to avoid cancellation far from the
    origin.

    Parameters
    ----------
    a : torch.Tensor of shape (n, d)
        Left samples.
    b : torch.Tensor of shape (m, d)
        Right samples.

    Returns
    -------
    torch.Tensor of shape (n, m)
        Squared distances.

    Examples
    --------
    >>> import torch
    >>> from skmanifold.losses import squared_distances
    >>> squared_distances(torch.tensor([[0.0, 3.0]]), torch.tensor([[4.0, 0.0]]))
    tensor([[25.]])
    """
    shift = b.mean(0)
    a, b = a - shift, b - shift
    a2 = (a * a).sum(1, keepdim=True)
    b2 = (b * b).sum(1)
    return torch.addmm(a2 + b2, a, b.t(), alpha=-2).clamp_(min=0)


@full_precision
def t_kernel(d2, nu, *, kernel="max"):
    """Compute the Student t kernel of squared distances.

    ``c (1 + d2 / nu) ** (-(nu + 1) / 2)``, Eq. 6 of [1]_, with ``c = 1``
    (``kernel="max"``) or the density's constant (``kernel="density"``).

    Parameters
    ----------
    d2 : torch.Tensor
        Squared distances, non-negative.
    nu : float
        Degrees of freedom, positive. Decrease it for heavier tails.
    kernel : {"max", "density"}, default="max"
        Normalization: maximum 1, or the probability density.

    Returns
    -------
    torch.Tensor
        Similarities, of the shape of ``d2``.

    References
    ----------
    .. [1] Z. Zang et al., "DLME: Deep Local-flatness Manifold Embedding",
       ECCV 2022.

    Examples
    --------
    >>> import torch
    >>> from skmanifold.losses import t_kernel
    >>> t_kernel(torch.tensor([0.0, 1.0]), nu=1.0)
    tensor([1.0000, 0.5000])
    """
    # log1p takes three times as long and gains less than the rounding of the distances
    return _power(1 + d2 / nu, nu, kernel)


@full_precision
def t_similarities(a, b, nu, *, kernel="max", pair_factor=None):
    """Compute the Student t kernel between the rows of two matrices.

    ``t_kernel(squared_distances(a, b), nu, kernel=kernel)`` with fewer reads of the
    (n, m) matrix.

    Parameters
    ----------
    a : torch.Tensor of shape (n, d)
        Left samples.
    b : torch.Tensor of shape (m, d)
        Right samples.
    nu : float
        Degrees of freedom, positive.
    kernel : {"max", "density"}, default="max"
        Normalization, see :func:`t_kernel`.
    pair_factor : float or None, default=None
        Factor on the squared distances between ``a[i]`` and ``b[i]``, two views of one
        sample: alpha in DLME. None leaves them as they are.

    Returns
    -------
    torch.Tensor of shape (n, m)
        Similarities.

    Examples
    --------
    >>> import torch
    >>> from skmanifold.losses import t_similarities
    >>> t_similarities(torch.tensor([[0.0], [1.0]]), torch.tensor([[0.0]]), nu=1.0)
    tensor([[1.0000],
            [0.5000]])
    """
    shift = b.mean(0)
    base = one_plus_scaled_distances(a - shift, b - shift, nu)
    if pair_factor is not None:
        # 1 + factor * d2 / nu
        base.diagonal().mul_(pair_factor).add_(1 - pair_factor)
    return _power(base, nu, kernel)


def one_plus_scaled_distances(a, b, nu):
    """Compute the base of the t kernel, ``1 + |a_i - b_j|^2 / nu``, for all pairs.

    Distances do not depend on the origin, but their rounding does: center both first.
    """
    a2 = (a * a).sum(1, keepdim=True).div_(nu).add_(1)
    b2 = (b * b).sum(1, keepdim=True).div_(nu)
    # 1 + a2 + b2 - 2 a b in a single product, without further passes
    left = torch.cat([a * (-2 / nu), a2, torch.ones_like(a2)], 1)
    right = torch.cat([b, torch.ones_like(b2), b2], 1)
    base = product(left, right.t())
    with all_threads():
        return base.clamp_(min=1)


def log_power(base, nu, kernel):
    """Compute the logarithm of the t kernel from its base."""
    log_k = log(base).mul_(-0.5 * (nu + 1.0))
    if kernel == "density":
        # the logarithm of the density at zero
        normalizer = math.lgamma((nu + 1) / 2) - math.lgamma(nu / 2)
        log_k.add_(normalizer - 0.5 * math.log(nu * math.pi))
    return log_k


def _power(base, nu, kernel):
    with all_threads():
        return exp_(log_power(base, nu, kernel))
