# SPDX-License-Identifier: BSD-3-Clause

"""Second views of samples drawn from their neighborhoods."""


def sample_neighbors(neighbors, counts, rows, uniform):
    """Draw one neighbor of each sample, and an independent uniform number.

    One uniform draw, times the number of neighbors, gives both: the integer part
    selects the neighbor, and the fraction is uniform again.

    Parameters
    ----------
    neighbors : torch.Tensor of shape (n, k), int
        Neighbors of every sample.
    counts : torch.Tensor of shape (n,), int
        Number of valid entries in each row of ``neighbors``, at least one.
    rows : torch.Tensor of shape (m,), int
        Samples to draw for.
    uniform : torch.Tensor of shape (m,)
        Uniform draws from [0, 1).

    Returns
    -------
    chosen : torch.Tensor of shape (m,), int
        Entry i is a neighbor of ``rows[i]``.
    share : torch.Tensor of shape (m,)
        Uniform in [0, 1).

    Examples
    --------
    >>> import torch
    >>> from skmanifold.augment import sample_neighbors
    >>> neighbors, counts = torch.tensor([[1, 2], [0, 2], [1, 0]]), torch.full((3,), 2)
    >>> sample_neighbors(
    ...     neighbors, counts, torch.tensor([0, 2]), torch.tensor([0.25, 0.5])
    ... )
    (tensor([1, 0]), tensor([0.5000, 0.0000]))
    """
    # Stays below the count after rounding: the largest float32 below 1 is 1 - 2**-24.
    position = uniform * counts[rows]
    column = position.long()
    return neighbors[rows, column], position - column
