# SPDX-License-Identifier: BSD-3-Clause

"""Contrastive losses over pairs of views."""

import torch
from torch.nn import functional as F

from ._precision import full_precision


@full_precision
def nt_xent(z_a, z_b, temperature=0.5):
    """Compute the normalized temperature-scaled cross-entropy of two views (SimCLR).

    With ``z`` the 2B rows of both views and ``s_ij = <z_i, z_j> / (|z_i| |z_j| tau)``::

        loss = 1/(2B) sum_i ( log sum_{j != i} exp(s_ij) - s_ii' )

    where row ``i'`` is the other view of row i's sample.

    Parameters
    ----------
    z_a, z_b : torch.Tensor of shape (B, d)
        Two views of the same samples.
    temperature : float, default=0.5
        Temperature ``tau``. Decrease it to emphasize the most similar negatives.

    Returns
    -------
    torch.Tensor
        A scalar.

    References
    ----------
    .. [1] T. Chen, S. Kornblith, M. Norouzi, G. Hinton, "A Simple Framework for
       Contrastive Learning of Visual Representations", ICML 2020, arXiv:2002.05709.

    Examples
    --------
    Two opposite samples with identical views:

    >>> import torch
    >>> from skmanifold.losses import nt_xent
    >>> z = torch.tensor([[1.0, 0.0], [-1.0, 0.0]])
    >>> round(nt_xent(z, z, temperature=1.0).item(), 4)  # log(1 + 2 exp(-2))
    0.2395
    """
    n = z_a.shape[0]
    z = F.normalize(torch.cat([z_a, z_b]), dim=1)
    similarities = z @ z.t() / temperature
    own = torch.eye(2 * n, dtype=torch.bool, device=z.device)
    rest = similarities.masked_fill(own, -torch.inf).logsumexp(1)
    return rest.mean() - similarities.diagonal(n).mean()
