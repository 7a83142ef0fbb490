# SPDX-License-Identifier: BSD-3-Clause

"""Losses that decorrelate the columns of an embedding."""

import torch

from ._precision import full_precision


@full_precision
def barlow_twins(z_a, z_b):
    """Compute the two terms of the Barlow Twins loss.

    With ``C`` the correlations between the d columns of ``z_a`` and those of ``z_b``
    over the batch::

        invariance = sum_i (1 - C_ii)^2
        redundancy = sum_{i != j} C_ij^2

    A constant column has no correlation: its entries of ``C`` are 0.

    Parameters
    ----------
    z_a, z_b : torch.Tensor of shape (B, d)
        Two views, row i of both of one sample.

    Returns
    -------
    invariance, redundancy : torch.Tensor
        Scalars.

    References
    ----------
    .. [1] J. Zbontar, L. Jing, I. Misra, Y. LeCun, S. Deny, "Barlow Twins:
       Self-Supervised Learning via Redundancy Reduction", ICML 2021, arXiv:2103.03230.

    Examples
    --------
    Equal views whose two columns are uncorrelated:

    >>> import torch
    >>> from skmanifold.losses import barlow_twins
    >>> z = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
    >>> [term.item() for term in barlow_twins(z, z)]
    [0.0, 0.0]
    """
    correlations = _standardized(z_a).t() @ _standardized(z_b)
    diagonal = correlations.diagonal()
    invariance = (1 - diagonal).square().sum()
    redundancy = correlations.square().sum() - diagonal.square().sum()
    return invariance, redundancy


def _standardized(z):
    """Center the columns and scale them to length 1."""
    centered = z - z.mean(0)
    tiny = torch.finfo(z.dtype).tiny
    return centered / centered.square().sum(0).clamp(min=tiny).sqrt()
