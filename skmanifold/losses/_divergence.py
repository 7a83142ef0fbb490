# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""Two-way divergence of pair similarities, with an explicit gradient."""

import torch

from ._kernels import log_power, one_plus_scaled_distances
from ._precision import full_precision


@full_precision
def two_way_divergence(
    p,
    z_a,
    z_b,
    *,
    nu,
    kernel="max",
    repulsion=2.5,
    damping=None,
    floor=1e-2,
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

    The explicit gradient ``dD/d(d2) = e (p - (1 - p) q / (1 - q)) / (nu + d2)``, with
    ``e = (nu + 1) / 2``, takes half the passes of automatic differentiation.

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
        Total weight of a sample's negatives relative to its positive, for any batch
        size. Increase it to spread the embedding. None gives every pair weight 1, as
        in the paper.
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
    """Value and gradient in one pass over the (B, B) matrices."""

    @staticmethod
    def forward(ctx, p, z_a, z_b, nu, kernel, weight, damping, floor):
        n = p.shape[0]
        # distances do not depend on the origin, but their rounding does
        origin = z_b.mean(0)
        z_a, z_b = z_a - origin, z_b - origin
        base = one_plus_scaled_distances(z_a, z_b, nu)
        log_q = log_power(base, nu, kernel)
        q = log_q.exp()
        rest = 1 - q
        kept = rest.clamp(min=floor)
        # dD/d(d2) up to e / nu: (p - (1 - p) q / kept) / base, in one buffer
        slope = (p - 1).mul_(q).div_(kept).add_(p).div_(base)

        beyond = rest.sub_(kept)  # negative where the tangent is used
        log_rest = kept.log_().add_(beyond, alpha=1 / floor)
        log_odds = log_q.sub_(log_rest)
        minus_divergence = torch.addcmul(log_rest, p, log_odds)

        # Row sums first: a sum over a large tensor is split by threads, and its bits
        # would depend on their number.
        pair_weight = weight / n
        if damping is not None:
            # 1 / (1 + d2 / damping), from base = 1 + d2 / nu
            share = nu / damping
            pair_weight = base.mul_(share).add_(1 - share).reciprocal_()
            pair_weight.mul_(weight / n)
        positive = minus_divergence.diagonal().sum() / -n
        negative = -minus_divergence.mul_(pair_weight).fill_diagonal_(0).sum(1).sum()
        own_slope = slope.diagonal() / n
        slope.mul_(pair_weight).fill_diagonal_(0)
        ctx.factor = (nu + 1.0) / nu

        p_slope = None
        if ctx.needs_input_grad[0]:
            p_slope = log_odds.neg_()
            own_p_slope = p_slope.diagonal() / n
            p_slope.mul_(pair_weight).diagonal().copy_(own_p_slope)
        ctx.save_for_backward(slope, own_slope, z_a, z_b, p_slope)
        return positive, negative

    @staticmethod
    def backward(ctx, grad_positive, grad_negative):
        slope, own_slope, z_a, z_b, p_slope = ctx.saved_tensors
        # d(d2_ij)/dz_a_i = 2 (z_a_i - z_b_j): sums over j become row sums and a product
        pairs = (ctx.factor * grad_positive) * own_slope.unsqueeze(1) * (z_a - z_b)
        grad_a = pairs + (ctx.factor * grad_negative) * (
            slope.sum(1, keepdim=True) * z_a - slope @ z_b
        )
        grad_b = -pairs + (ctx.factor * grad_negative) * (
            slope.sum(0).unsqueeze(1) * z_b - slope.t() @ z_a
        )
        grad_p = None
        if p_slope is not None:
            grad_p = p_slope * grad_negative
            grad_p.diagonal().copy_(p_slope.diagonal() * grad_positive)
        return grad_p, grad_a, grad_b, None, None, None, None, None
