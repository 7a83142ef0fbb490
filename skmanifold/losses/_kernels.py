# SPDX-License-Identifier: BSD-3-Clause

"""Student t kernels of squared distances."""

import math

import torch

from skmanifold._exact import all_threads, exp, log1p, product

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
    return _power(d2 / nu, nu, kernel)


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
    scaled, _, _ = scaled_distances(a - shift, b - shift, nu)
    if pair_factor is not None:
        scaled.diagonal().mul_(pair_factor)
    return _power(scaled, nu, kernel)


def scaled_distances(a, b, nu):
    """Compute ``|a_i - b_j|^2 / nu`` for all pairs, as a product of two matrices.

    Return it and the factors, ``[a, |a|^2 / nu, 1]`` and ``[-2 b / nu, 1, |b|^2 / nu]``
    by row. Distances do not depend on the origin, but their rounding does: center both
    first.
    """
    a2 = (a * a).sum(1, keepdim=True).div_(nu)
    b2 = (b * b).sum(1, keepdim=True).div_(nu)
    left = torch.cat([a, a2, torch.ones_like(a2)], 1)
    right = torch.cat([b * (-2 / nu), torch.ones_like(b2), b2], 1)
    scaled = product(left, right.t())
    with all_threads():
        return scaled.clamp_(min=0), left, right


def log_density(nu):
    """Return the logarithm of the density of the t distribution at zero."""
    normalizer = math.lgamma((nu + 1) / 2) - math.lgamma(nu / 2)
    return normalizer - 0.5 * math.log(nu * math.pi)


def _power(scaled, nu, kernel):
    with all_threads():
        # in place, unless in a graph
        out = None if scaled.requires_grad else scaled
        k = exp(log1p(scaled, out), -0.5 * (nu + 1), out)
        return k * math.exp(log_density(nu)) if kernel == "density" else k
