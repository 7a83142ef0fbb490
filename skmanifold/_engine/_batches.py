# SPDX-License-Identifier: BSD-3-Clause

"""Batches of sample indices."""

import torch


def count_batches(n_rows, batch_size):
    """Return the number of equal batches of about a size, of at least two samples."""
    return max(1, min(round(n_rows / batch_size), n_rows // 2))


class SampleBatches:
    """Sample indices in random order, split into equal batches.

    Every epoch is a new permutation. All batches have the same size, so that buffers
    are reused: there are about ``n_rows / batch_size`` of them, and each epoch leaves
    out the remainder, other samples every time.

    Parameters
    ----------
    n_rows : int
        Number of samples.
    batch_size : int
        Wanted batch size.
    device : torch.device
        Device of the indices.

    Examples
    --------
    >>> import torch
    >>> from skmanifold.base import SampleBatches
    >>> batches = SampleBatches(10, 4, torch.device("cpu"))
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
        """Yield each batch: indices and one uniform draw per sample.

        Parameters
        ----------
        generator : torch.Generator
            Generator of the order and the draws, on the CPU.

        Returns
        -------
        iterator of (rows, uniform)
            Tensors of the length of a batch on the device: indices, int64, and draws
            from [0, 1), float32.
        """
        drawn = self.draw_epoch(generator)
        return zip(*(part.split(self.batch_size) for part in drawn), strict=True)

    def draw_epoch(self, generator):
        """Draw the samples of all batches of an epoch.

        Parameters
        ----------
        generator : torch.Generator
            As in :meth:`epoch`.

        Returns
        -------
        rows, uniform : torch.Tensor of shape (n_batches * batch_size,)
            As in :meth:`epoch`, of one batch after the other.
        """
        order = torch.randperm(self.n_rows, generator=generator)
        uniform = torch.rand(self.n_rows, generator=generator)
        kept = self.n_batches * self.batch_size
        return order[:kept].to(self.device), uniform[:kept].to(self.device)
