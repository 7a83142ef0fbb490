# SPDX-License-Identifier: BSD-3-Clause

"""Loss that matches the persistent homology of two spaces."""

import torch

from ._precision import full_precision


@full_precision
def topological_loss(x, z, edges_x, edges_z):
    """Compare the distances that persistent homology selects in two spaces.

    With ``A`` and ``B`` the Euclidean distances between the rows of ``x`` and of ``z``,
    and the edges of each space those at which its homology classes are born or die::

        loss = 1/(2n) ( sum_{ij in edges_x} (A_ij - B_ij)^2
                      + sum_{ij in edges_z} (B_ij - A_ij)^2 )

    The edges are constants: their choice has no gradient.

    Parameters
    ----------
    x : torch.Tensor of shape (n, d)
        Points of one space.
    z : torch.Tensor of shape (n, d')
        The same samples in the other space, in the same unit.
    edges_x, edges_z : torch.Tensor of shape (m, 2), int
        Pairs of rows, see :func:`skmanifold.topology.persistence_edges`.

    Returns
    -------
    torch.Tensor
        A scalar.

    References
    ----------
    .. [1] M. Moor, M. Horn, B. Rieck, K. Borgwardt, "Topological Autoencoders",
       ICML 2020, arXiv:1906.00722.

    Examples
    --------
    The one edge is twice as long in the second space:

    >>> import torch
    >>> from skmanifold.losses import topological_loss
    >>> edges = torch.tensor([[0, 1]])
    >>> x, z = torch.tensor([[0.0], [1.0]]), torch.tensor([[0.0], [2.0]])
    >>> topological_loss(x, z, edges, edges).item()
    0.5
    """
    edges = torch.cat([edges_x, edges_z])
    difference = _lengths(x, edges) - _lengths(z, edges)
    return difference.square().sum() / (2 * len(x))


def _lengths(points, edges):
    """Return the length of each edge; equal points have no direction to pull in."""
    squared = (points[edges[:, 0]] - points[edges[:, 1]]).square().sum(1)
    apart = squared > 0
    return torch.where(apart, squared.clamp(min=1e-30).sqrt(), 0.0)
