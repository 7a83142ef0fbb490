# SPDX-License-Identifier: BSD-3-Clause

"""Triplet losses on a matrix of distances."""

import torch

from ._precision import full_precision


@full_precision
def batch_all_triplets(distances, labels, *, margin=0.2):
    """Compute the mean hinge loss over all triplets that violate the margin.

    With ``D`` the distances, over all anchors ``a``, positives ``p`` of the same class
    and negatives ``n`` of another class::

        h_apn = max(D_ap - D_an + margin, 0)
        loss = sum_{a, p, n} h_apn / #{h_apn > 0}

    and 0 if no triplet violates the margin. Memory is ``B ** 2`` numbers per pair of
    the same class.

    Parameters
    ----------
    distances : torch.Tensor of shape (B, B)
        Distances between the samples of a batch; the diagonal is ignored.
    labels : torch.Tensor of shape (B,)
        Classes.
    margin : float, default=0.2
        Required difference between the distances to negatives and positives.

    Returns
    -------
    torch.Tensor
        A scalar.

    References
    ----------
    .. [1] A. Hermans, L. Beyer, B. Leibe, "In Defense of the Triplet Loss for Person
       Re-Identification", arXiv:1703.07737.

    Examples
    --------
    >>> import torch
    >>> from skmanifold.losses import batch_all_triplets
    >>> distances = torch.tensor([[0.0, 1.0, 0.9], [1.0, 0.0, 3.0], [0.9, 3.0, 0.0]])
    >>> labels = torch.tensor([0, 0, 1])
    >>> round(batch_all_triplets(distances, labels).item(), 4)  # anchor 0 alone
    0.3
    """
    anchors, positives, others = _pairs(labels)
    hinge = distances[anchors, positives].unsqueeze(1) - distances[anchors] + margin
    hinge = hinge.clamp(min=0) * others[anchors]
    n_violations = (hinge > 0).sum().clamp(min=1)
    return hinge.sum(1).sum() / n_violations


@full_precision
def semi_hard_triplets(distances, labels, *, margin=0.2):
    """Compute the mean hinge loss with one negative per pair of the same class.

    The negative ``n`` of an anchor ``a`` and a positive ``p`` is the nearest sample of
    another class that is farther from ``a`` than ``p``, or otherwise the farthest
    sample of another class. Over all pairs::

        loss = mean_{a, p} max(D_ap - D_an + margin, 0)

    Parameters
    ----------
    distances : torch.Tensor of shape (B, B)
        Distances between the samples of a batch; the diagonal is ignored.
    labels : torch.Tensor of shape (B,)
        Classes.
    margin : float, default=0.2
        Required difference between the distances to negatives and positives.

    Returns
    -------
    torch.Tensor
        A scalar; 0 without a pair of the same class, or without a second class.

    References
    ----------
    .. [1] F. Schroff, D. Kalenichenko, J. Philbin, "FaceNet: A Unified Embedding for
       Face Recognition and Clustering", CVPR 2015, arXiv:1503.03832.

    Examples
    --------
    >>> import torch
    >>> from skmanifold.losses import semi_hard_triplets
    >>> distances = torch.tensor([[0.0, 1.0, 1.1], [1.0, 0.0, 3.0], [1.1, 3.0, 0.0]])
    >>> labels = torch.tensor([0, 0, 1])
    >>> round(semi_hard_triplets(distances, labels).item(), 4)  # (0.1 + 0) / 2
    0.05
    """
    anchors, positives, others = _pairs(labels)
    to_positive = distances[anchors, positives]
    to_all = distances[anchors]
    # the choice of the negative has no gradient
    chosen = to_all.detach()
    farther = others[anchors] & (chosen > to_positive.detach().unsqueeze(1))
    nearest = chosen.masked_fill(~farther, torch.inf).argmin(1)
    farthest = chosen.masked_fill(~others[anchors], -torch.inf).argmax(1)
    negative = torch.where(farther.any(1), nearest, farthest)
    hinge = to_positive - to_all.gather(1, negative.unsqueeze(1)).squeeze(1) + margin
    # no triplet for anchors without a sample of another class
    valid = others.any(1)[anchors]
    return (hinge.clamp(min=0) * valid).sum() / valid.sum().clamp(min=1)


def _pairs(labels):
    """Return anchor-positive pairs, and the mask of different classes, (B, B)."""
    same = labels.unsqueeze(1) == labels
    others = ~same
    same.fill_diagonal_(False)
    anchors, positives = same.nonzero(as_tuple=True)
    return anchors, positives, others
