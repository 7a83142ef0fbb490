# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""An epoch's batches of row numbers, drawn from data that lie on the device once."""

import torch


def count_batches(n_rows, batch_size):
    """Number of equal batches of nearly the wanted size, of two rows at least."""
    return max(1, min(round(n_rows / batch_size), n_rows // 2))


class RowBatches:
    """Row numbers in random order, split into equal batches.

    Every epoch is a fresh permutation. All batches have the same size, so that buffers
    are reused: ``n_rows`` is divided into the number of batches nearest to
    ``n_rows / batch_size``, and the remainder (fewer rows than there are batches, other
    ones every epoch) sits out.

    Parameters
    ----------
    n_rows : int
        Number of samples.
    batch_size : int
        Wanted batch size.
    device : torch.device
        Where the row numbers go.

    Examples
    --------
    >>> import torch
    >>> from skmanifold.base import RowBatches
    >>> batches = RowBatches(10, 4, torch.device("cpu"))
    >>> generator = torch.Generator().manual_seed(0)
    >>> [len(rows) for rows, uniform in batches.epoch(generator)]
    [5, 5]
    """

    def __init__(self, n_rows, batch_size, device):
        self.n_rows = n_rows
        self.n_batches = count_batches(n_rows, batch_size)
        self.batch_size = n_rows // self.n_batches
        self.device = device

    def __len__(self):
        return self.n_batches

    def epoch(self, generator):
        """Yield each batch: row numbers and one uniform draw per row.

        All draws of an epoch are made at once, on the CPU, and moved in one go.

        Parameters
        ----------
        generator : torch.Generator
            What decides the order and the draws; on the CPU.

        Returns
        -------
        iterator of (rows, uniform)
            Tensors of the length of a batch on the device: row numbers, int64, and
            draws from [0, 1), float32.
        """
        order = torch.randperm(self.n_rows, generator=generator)
        uniform = torch.rand(self.n_rows, generator=generator)
        kept = self.n_batches * self.batch_size
        rows = order[:kept].to(self.device).split(self.batch_size)
        draws = uniform[:kept].to(self.device).split(self.batch_size)
        return zip(rows, draws, strict=True)
