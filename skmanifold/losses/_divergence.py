# SPDX-License-Identifier: BSD-3-Clause

"""Two-way divergence of pair similarities, with an explicit gradient."""

import math

import torch
from torch.autograd.function import once_differentiable

from skmanifold._exact import all_threads, exp, log1p

from ._kernels import log_density, scaled_distances
from ._precision import full_precision

# Pairs that are computed at a time on the CPU: few enough for the arrays of a block to
# stay in the cache.
_BLOCK_PAIRS = 2**18


@full_precision
def two_way_divergence(
    p, z_a, z_b, *, nu, kernel="max", repulsion=2.5, damping=None, floor=1e-2
):
    """Compute the two-way divergence of embedding similarities from targets.

    With ``q[i, j] = t_kernel(|z_a_i - z_b_j|^2, nu)`` and the two-way divergence (a
    binary cross-entropy) ``D(p, q) = -(p log q + (1 - p) log(1 - q))``::

        positive = 1/B sum_i D(p_ii, q_ii)
        negative = repulsion/B 1/B sum_i sum_{j != i} w_ij D(p_ij, q_ij)

    where rows i of ``z_a`` and ``z_b`` are two views of one sample and
    ``w_ij = 1 / (1 + |z_a_i - z_b_j|^2 / damping)`` is a weight without gradient (1
    without damping). Below ``1 - q = floor``, ``log(1 - q)`` is continued by its
    tangent, which bounds the repulsion of coinciding samples.

    Parameters
    ----------
    p : torch.Tensor of shape (B, B)
        Target similarities in [0, 1], with the positive pairs on the diagonal.
    z_a, z_b : torch.Tensor of shape (B, d)
        Embeddings of the two views.
    nu : float
        Degrees of freedom of the embedding's t-kernel.
    kernel : {"max", "density"}, default="max"
        Normalization of the kernel, see :func:`t_kernel`.
    repulsion : float or None, default=2.5
        Total weight of a sample's negatives relative to its positive. Increase it to
        spread the embedding. None gives every pair weight 1, as in the paper.
    damping : float or None, default=None
        Squared distance at which a negative's weight is 1/2.
    floor : float, default=1e-2
        Value of ``1 - q`` below which the tangent is used.

    Returns
    -------
    positive, negative : torch.Tensor
        Two scalars.

    References
    ----------
    .. [1] Z. Zang et al., "DLME: Deep Local-flatness Manifold Embedding", ECCV 2022,
       Eq. 5 (printed without the minus sign).

    Examples
    --------
    >>> import torch
    >>> from skmanifold.losses import two_way_divergence
    >>> z = torch.tensor([[0.0, 0.0], [3.0, 4.0]])
    >>> positive, negative = two_way_divergence(0.5 * torch.eye(2), z, z, nu=1.0)
    >>> round(positive.item(), 4), round(negative.item(), 4)
    (2.8026, 0.049)
    """
    n_pairs = p.shape[0]
    weight = 1.0 if repulsion is None else repulsion / n_pairs
    return _TwoWayDivergence.apply(p, z_a, z_b, nu, kernel, weight, damping, floor)


class _TwoWayDivergence(torch.autograd.Function):
    """Value and gradient in half the passes of automatic differentiation.

    ``dD/d(d2) = e (p - (1 - p) q / (1 - q)) / (nu + d2)`` with ``e = (nu + 1) / 2``.
    """

    @staticmethod
    def forward(ctx, p, z_a, z_b, nu, kernel, weight, damping, floor):
        n = p.shape[0]
        origin = z_b.mean(0)
        z_a, z_b = z_a - origin, z_b - origin
        scaled, left, right = scaled_distances(z_a, z_b, nu)
        # d(d2_ij)/dz_a_i = 2 (z_a_i - z_b_j): sums over the pairs of a sample are those
        # of slopes, and of slopes times coordinates: products with the same factors,
        # with samples as columns, because products with few columns are slow
        left, right = left.t().contiguous(), right.t().contiguous()
        p_slope = torch.empty_like(p) if ctx.needs_input_grad[0] else None
        share = 0.0 if damping is None else nu / damping

        own, negative, sums_a, sums_b = [], 0.0, [], torch.zeros_like(left)
        n_rows = max(1, _BLOCK_PAIRS // n) if p.device.type == "cpu" else n
        for start in range(0, n, n_rows):
            rows = slice(start, start + n_rows)
            with all_threads():
                minus_divergence, log_odds, slope = _of_pairs(
                    p[rows], scaled[rows], nu, kernel, floor
                )
                # 1 + d2 / damping, from d2 / nu; infinite for the pair of a sample
                damped = torch.mul(scaled[rows], share).add_(1)
                base = scaled[rows].add_(1)
                slope.div_(base)
                of_all = minus_divergence, log_odds, slope
                own.append(torch.stack([matrix.diagonal(start) for matrix in of_all]))
                damped.diagonal(start).fill_(math.inf)
                slope.div_(damped)
                negative = negative + minus_divergence.div_(damped).sum(1).sum()
                if p_slope is not None:
                    torch.mul(log_odds.div_(damped), -weight / n, out=p_slope[rows])
            sums_a.append(right @ slope.t())
            sums_b.addmm_(left[:, rows], slope)

        own, own_p, own_slope = torch.cat(own, 1).div_(n)
        factor = (nu + 1.0) / nu
        own_a = (factor * own_slope).unsqueeze(1) * (z_a - z_b)
        d = z_a.shape[1]
        sums_a = torch.cat(sums_a, 1).mul_(factor * weight / n).t()
        sums_b = sums_b.mul_(factor * weight / n).t()
        other_a = sums_a[:, d : d + 1] * z_a + sums_a[:, :d] * (nu / 2)
        other_b = sums_b[:, d + 1 :] * z_b - sums_b[:, :d]
        ctx.save_for_backward(own_a, other_a, other_b, p_slope, own_p)
        return -own.sum(), negative * (-weight / n)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_positive, grad_negative):
        own_a, other_a, other_b, p_slope, own_p = ctx.saved_tensors
        own = grad_positive * own_a
        grad_p = None
        if p_slope is not None:
            grad_p = p_slope * grad_negative
            grad_p.diagonal().copy_(own_p * -grad_positive)
        grad_a, grad_b = own + grad_negative * other_a, grad_negative * other_b - own
        return grad_p, grad_a, grad_b, None, None, None, None, None


def _of_pairs(p, scaled, nu, kernel, floor):
    """Return ``-D(p, q)``, its derivative by p, and slopes, of pairs.

    A slope ``p - (1 - p) q / (1 - q)`` is the derivative of D by the squared distance
    up to ``e / (nu + d2)``.
    """
    # in as few passes and arrays as possible, which take most of the time
    log_q = log1p(scaled).mul_(-0.5 * (nu + 1))
    if kernel == "density":
        log_q.add_(log_density(nu))
    q = exp(log_q)
    minus_q = q.neg().clamp_(min=floor - 1)
    beyond = q + minus_q  # above zero where the tangent begins
    log_rest = log1p(minus_q).sub_(beyond.mul_(1 / floor))
    odds = q.div_(minus_q.add_(1))
    slope = torch.sub(p, odds, out=minus_q).addcmul_(p, odds)
    log_odds = log_q.sub_(log_rest)
    return log_rest.addcmul_(p, log_odds), log_odds, slope
