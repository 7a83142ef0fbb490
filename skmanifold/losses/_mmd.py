# SPDX-License-Identifier: BSD-3-Clause

"""Maximum mean discrepancy between an atlas and uniform charts."""

import torch

from ._precision import full_precision


@full_precision
def chart_mmd(q, coordinates, draws):
    """Compute the squared MMD of (chart, coordinates) from the uniform distribution.

    Sample i lies in chart j with probability ``q_ij``, at ``y_ij``. The kernel is zero
    between different charts, and the inverse multiquadric
    ``k(a, b) = scale / (scale + |a - b|^2)`` within a chart, with ``scale = d / 24``
    for the unit cube. With n samples, K charts and m draws ``u_j`` per chart, the
    unbiased estimate is::

        sum_j  1 / (n (n - 1))       sum_{i != i'} q_ij q_i'j k(y_ij, y_i'j)
             - 2 / (K n m)           sum_{i, l}    q_ij k(y_ij, u_lj)
             + 1 / (K^2 m (m - 1))   sum_{l != l'} k(u_lj, u_l'j)

    Empty charts are harmless. The value is about K times smaller than for a single
    chart; multiply it by K to compensate.

    Parameters
    ----------
    q : torch.Tensor of shape (n, K)
        Memberships, each row summing to 1; n > 1.
    coordinates : torch.Tensor of shape (n, K, d)
        Coordinates of every sample in every chart.
    draws : torch.Tensor of shape (m, K, d)
        Independent draws from the target distribution, m > 1.

    Returns
    -------
    torch.Tensor
        A scalar, possibly negative, since the estimate is unbiased.

    References
    ----------
    .. [1] A. Gretton, K. M. Borgwardt, M. J. Rasch, B. Schölkopf, A. Smola, "A Kernel
       Two-Sample Test", JMLR 13, 2012.
    .. [2] E. O. Korman, "Atlas Based Representation and Metric Learning on Manifolds",
       arXiv:2106.07062.

    Examples
    --------
    >>> import torch
    >>> from skmanifold.losses import chart_mmd
    >>> g = torch.Generator().manual_seed(0)
    >>> uniform, draws = torch.rand(2, 500, 3, 1, generator=g)
    >>> q = torch.full((500, 3), 1 / 3)
    >>> abs(chart_mmd(q, uniform, draws).item()) < 1e-3
    True
    >>> chart_mmd(q, 0.5 * uniform, draws).item() > 0.01
    True
    """
    return _ChartMMD.apply(q, coordinates, draws)


class _ChartMMD(torch.autograd.Function):
    """Value and explicit gradient, with a third of the reads of the (K, n, n) kernels.

    With ``k = 1 / (1 + |a - b|^2 / scale)``, the derivative by the squared distance is
    ``-k^2 / scale``, so gradients are products of ``k^2`` with coordinates.
    """

    @staticmethod
    def forward(ctx, q, coordinates, draws):
        n, n_charts, d = coordinates.shape
        scale = d / 24
        m = draws.shape[0]
        q = q.t().unsqueeze(2)  # (K, n, 1)
        y = coordinates.transpose(0, 1)  # (K, n, d)
        u = draws.transpose(0, 1)  # (K, m, d)
        # centered, so that the expanded form of distances does not lose digits
        origin = u.mean(1, keepdim=True)
        y, u = y - origin, u - origin
        own_weight = 1 / (n * (n - 1))
        cross_weight = 2 / (n_charts * n * m)

        k = _kernel(u, u, scale)
        value = (k.sum(2).sum(1).sum() - n_charts * m) / (n_charts**2 * m * (m - 1))

        # subtract the diagonal, where k = 1
        k = _kernel(y, y, scale)
        meets = torch.bmm(k, q) - q
        value = value + own_weight * (q * meets).sum(1).sum()
        grad_q = (2 * own_weight) * meets
        k.square_()
        pull = y * torch.bmm(k, q) - torch.bmm(k, q * y)
        grad_y = (-4 * own_weight / scale) * pull

        k = _kernel(y, u, scale)
        meets = k.sum(2, keepdim=True)
        value = value - cross_weight * (q * meets).sum(1).sum()
        grad_q = grad_q - cross_weight * meets
        k.square_()
        pull = y * k.sum(2, keepdim=True) - torch.bmm(k, u)
        grad_y = q * (grad_y + (2 * cross_weight / scale) * pull)

        ctx.save_for_backward(grad_q.squeeze(2).t(), grad_y.transpose(0, 1))
        return value

    @staticmethod
    def backward(ctx, grad):
        grad_q, grad_y = ctx.saved_tensors
        return grad * grad_q, grad * grad_y, None


def _kernel(a, b, scale):
    """Inverse multiquadric kernel in each chart, from (K, n, d) and (K, m, d)."""
    # 1 + |a|^2 / scale + |b|^2 / scale - 2 a b / scale in a single product
    a2 = (a * a).sum(2, keepdim=True).div_(scale).add_(1)
    b2 = (b * b).sum(2, keepdim=True).div_(scale)
    left = torch.cat([a * (-2 / scale), a2, torch.ones_like(a2)], 2)
    right = torch.cat([b, torch.ones_like(b2), b2], 2)
    return torch.bmm(left, right.transpose(1, 2)).clamp_(min=1).reciprocal_()
