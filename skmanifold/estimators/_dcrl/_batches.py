# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""The batches of DCRL's phases."""

import torch

from skmanifold.base import PairBatches, RowBatches


class NoisyRows:
    """Batches of sample indices and normal draws."""

    def __init__(self, n_samples, n_columns, batch_size, device):
        self.n_columns = n_columns
        self.rows = RowBatches(n_samples, batch_size, device)

    def __len__(self):
        return len(self.rows)

    def epoch(self, generator):
        """Yield indices and draws."""
        for rows, _ in self.rows.epoch(generator):
            shape = len(rows), self.n_columns
            yield rows, torch.randn(shape, generator=generator).to(rows.device)


class ImagePairs:
    """Batches of images with a neighbor of each, and draws that augment both."""

    def __init__(self, inputs, neighbors, batch_size):
        self.inputs = inputs
        self.pairs = PairBatches(neighbors, batch_size)

    def __len__(self):
        return len(self.pairs)

    def epoch(self, generator):
        """Yield the images, (2B, n_inputs), and the draws, (2B, 5)."""
        for rows, others, _, _ in self.pairs.epoch(generator):
            both = torch.cat([rows, others])
            draws = torch.rand(len(both), 5, generator=generator)
            yield self.inputs[both], draws.to(both.device)
