# SPDX-License-Identifier: BSD-3-Clause

"""Losses of deep clustering."""

import torch

from ._kernels import squared_distances
from ._precision import full_precision


@full_precision
def log_assignments(z, centers, *, nu=1.0):
    """Compute the logarithms of soft assignments of samples to centers.

    With the t-kernel ``k(d2) = (1 + d2 / nu) ** (-(nu + 1) / 2)``::

        q_ij = k(|z_i - mu_j|^2) / sum_l k(|z_i - mu_l|^2)

    Parameters
    ----------
    z : torch.Tensor of shape (B, d)
        Samples.
    centers : torch.Tensor of shape (C, d)
        Centers ``mu``.
    nu : float, default=1.0
        Degrees of freedom.

    Returns
    -------
    torch.Tensor of shape (B, C)
        ``log q``; the exponentials of each row sum to 1.

    References
    ----------
    .. [1] J. Xie, R. Girshick, A. Farhadi, "Unsupervised Deep Embedding for Clustering
       Analysis", ICML 2016, Eq. 1.

    Examples
    --------
    >>> import torch
    >>> from skmanifold.losses import log_assignments
    >>> centers = torch.tensor([[0.0], [1.0]])
    >>> log_assignments(torch.tensor([[0.0]]), centers).exp()
    tensor([[0.6667, 0.3333]])
    """
    d2 = squared_distances(z, centers)
    return torch.log_softmax(torch.log1p(d2 / nu) * (-(nu + 1) / 2), dim=1)


@full_precision
def sharpened_assignments(q):
    """Compute self-training targets that sharpen soft assignments.

    ``p_ij = (q_ij^2 / f_j) / sum_l (q_il^2 / f_l)`` with the soft cluster sizes
    ``f_j = sum_i q_ij``, so that large clusters do not absorb small ones. Empty
    clusters stay empty.

    Parameters
    ----------
    q : torch.Tensor of shape (n, C)
        Soft assignments of all samples.

    Returns
    -------
    torch.Tensor of shape (n, C)
        The targets; each row sums to 1.

    References
    ----------
    .. [1] J. Xie, R. Girshick, A. Farhadi, "Unsupervised Deep Embedding for Clustering
       Analysis", ICML 2016, Eq. 3.

    Examples
    --------
    >>> import torch
    >>> from skmanifold.losses import sharpened_assignments
    >>> sharpened_assignments(torch.tensor([[0.75, 0.25], [0.25, 0.75]]))
    tensor([[0.9000, 0.1000],
            [0.1000, 0.9000]])
    """
    sizes = q.sum(0).clamp(min=torch.finfo(q.dtype).tiny)
    weight = q * (q / sizes)
    return weight / weight.sum(1, keepdim=True)


@full_precision
def cluster_divergence(p, log_q, weights=None):
    """Compute the divergence of soft assignments from targets, ``KL(P || Q)``.

    ``1/B sum_i w_i sum_j p_ij (log p_ij - log q_ij)``, with ``0 log 0 = 0``.

    Parameters
    ----------
    p : torch.Tensor of shape (B, C)
        Targets.
    log_q : torch.Tensor of shape (B, C)
        From :func:`log_assignments`.
    weights : torch.Tensor of shape (B,) or None, default=None
        Sample weights; None means 1.

    Returns
    -------
    torch.Tensor
        A scalar, at least 0.

    Examples
    --------
    >>> import torch
    >>> from skmanifold.losses import cluster_divergence
    >>> q = torch.tensor([[0.5, 0.5]])
    >>> round(cluster_divergence(torch.tensor([[1.0, 0.0]]), q.log()).item(), 4)
    0.6931
    """
    divergence = (torch.xlogy(p, p) - p * log_q).sum(1)
    if weights is not None:
        divergence = weights * divergence
    return divergence.mean()


@full_precision
def local_isometry_loss(z_a, z_b, distances, weights=None):
    """Compute the mean deviation of neighbor distances from target distances.

    ``sum_i w_i | |z_a_i - z_b_i| - d_i | / sum_i w_i``; 0 if all weights are 0.

    Parameters
    ----------
    z_a, z_b : torch.Tensor of shape (B, d)
        The samples of each pair.
    distances : torch.Tensor of shape (B,)
        Target distances ``d``.
    weights : torch.Tensor of shape (B,) or None, default=None
        Pair weights; None means 1.

    Returns
    -------
    torch.Tensor
        A scalar, at least 0.

    References
    ----------
    .. [1] L. Wu et al., "Deep Clustering and Representation Learning that Preserves
       Geometric Structures", arXiv:2009.09590 (the loss of local intra-manifold
       structure).

    Examples
    --------
    >>> import torch
    >>> from skmanifold.losses import local_isometry_loss
    >>> z_a, z_b = torch.tensor([[0.0, 0.0]]), torch.tensor([[3.0, 4.0]])
    >>> local_isometry_loss(z_a, z_b, torch.tensor([4.0]))
    tensor(1.)
    """
    errors = (_norms(z_a - z_b) - distances).abs()
    if weights is None:
        return errors.mean()
    total = weights.sum()
    return (weights * errors).sum() / torch.where(total > 0, total, 1)


@full_precision
def center_distance_loss(centers, distances):
    """Compute the mean deviation of center distances from target distances.

    Mean of ``| |mu_i - mu_j| - d_ij |`` over the pairs ``i != j``; 0 for one center.
    If ``d`` is proportional to the distances of cluster means in the input, their order
    is preserved.

    Parameters
    ----------
    centers : torch.Tensor of shape (C, d)
        Centers ``mu``.
    distances : torch.Tensor of shape (C, C)
        Target distances, symmetric.

    Returns
    -------
    torch.Tensor
        A scalar, at least 0.

    References
    ----------
    .. [1] L. Wu et al., "Deep Clustering and Representation Learning that Preserves
       Geometric Structures", arXiv:2009.09590 (the ranking loss).

    Examples
    --------
    >>> import torch
    >>> from skmanifold.losses import center_distance_loss
    >>> centers = torch.tensor([[0.0], [1.0]])
    >>> center_distance_loss(centers, torch.tensor([[0.0, 3.0], [3.0, 0.0]]))
    tensor(2.)
    """
    n_centers = centers.shape[0]
    # by scalar products: the differences of all centers would take (C, C, d)
    d2 = squared_distances(centers, centers)
    errors = (_roots(d2) - distances).abs()
    return errors.fill_diagonal_(0).sum(1).sum() / max(n_centers * (n_centers - 1), 1)


@full_precision
def alignment_loss(z, centers, labels):
    """Compute the mean distance of cluster means from their centers.

    Mean of ``|mu_j - mean of z_i with labels_i = j|`` over the clusters in the batch.

    Parameters
    ----------
    z : torch.Tensor of shape (B, d)
        Samples.
    centers : torch.Tensor of shape (C, d)
        Centers ``mu``.
    labels : torch.Tensor of shape (B,), int64
        Cluster of each sample.

    Returns
    -------
    torch.Tensor
        A scalar, at least 0.

    References
    ----------
    .. [1] L. Wu et al., "Deep Clustering and Representation Learning that Preserves
       Geometric Structures", arXiv:2009.09590 (the alignment loss).

    Examples
    --------
    >>> import torch
    >>> from skmanifold.losses import alignment_loss
    >>> z, labels = torch.tensor([[0.0], [2.0]]), torch.tensor([0, 0])
    >>> alignment_loss(z, torch.tensor([[4.0], [9.0]]), labels)
    tensor(3.)
    """
    member = torch.nn.functional.one_hot(labels, len(centers)).to(z.dtype)
    sizes = member.sum(0)
    means = (member.t() @ z) / sizes.clamp(min=1).unsqueeze(1)
    present = (sizes > 0).to(z.dtype)
    return (_norms(means - centers) * present).sum() / present.sum()


def _norms(x):
    """Return norms along the last axis, with gradient zero at zero."""
    return _roots(x.square().sum(-1))


def _roots(d2):
    """Return square roots, with gradient zero instead of NaN at zero."""
    return d2.clamp(min=torch.finfo(d2.dtype).tiny).sqrt()
