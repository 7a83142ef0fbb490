# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""Second views of samples drawn from their neighborhoods."""

import torch


def draw_neighbors(neighbors, counts, rows, uniform):
    """Draw one neighbor of each row, and a share beside it.

    One uniform draw gives two independent ones: times the number of neighbors, its
    whole part chooses one of them, and its fraction is uniform again.

    Parameters
    ----------
    neighbors : torch.Tensor of shape (n, k), int
        Neighbors of every sample.
    counts : torch.Tensor of shape (n,), int
        How many entries of each row of ``neighbors`` are filled, at least one.
    rows : torch.Tensor of shape (m,), int
        Samples to draw for.
    uniform : torch.Tensor of shape (m,)
        Uniform draws from [0, 1), the randomness used.

    Returns
    -------
    chosen : torch.Tensor of shape (m,), int
        Entry i is a neighbor of ``rows[i]``.
    share : torch.Tensor of shape (m,)
        Uniform in [0, 1).

    Examples
    --------
    >>> import torch
    >>> from skmanifold.augment import draw_neighbors
    >>> neighbors, counts = torch.tensor([[1, 2], [0, 2], [1, 0]]), torch.full((3,), 2)
    >>> draw_neighbors(
    ...     neighbors, counts, torch.tensor([0, 2]), torch.tensor([0.25, 0.5])
    ... )
    (tensor([1, 0]), tensor([0.5000, 0.0000]))
    """
    # Below the count also after rounding: the largest float32 below 1 is 1 - 2**-24.
    position = uniform * counts[rows]
    column = position.long()
    return neighbors[rows, column], position - column


def mix(x, other, share):
    """Mix rows: ``(1 - share) x + share other``, points on the segments between them.

    Parameters
    ----------
    x, other : torch.Tensor of shape (m, d)
        The ends of the segments.
    share : torch.Tensor of shape (m,)
        Where on the segment, 0 at ``x``, 1 at ``other``.

    Returns
    -------
    torch.Tensor of shape (m, d)
        The mixed rows.

    Examples
    --------
    >>> import torch
    >>> from skmanifold.augment import mix
    >>> mix(torch.zeros(1, 2), torch.ones(1, 2), torch.tensor([0.25]))
    tensor([[0.2500, 0.2500]])
    """
    return torch.lerp(x, other, share.unsqueeze(1))
