# SPDX-License-Identifier: BSD-3-Clause

"""The batches of DCRL's phases."""

import torch

from skmanifold.base import SampleBatches


class NoisyRows(SampleBatches):
    """Batches of sample indices and normal draws."""

    def __init__(self, n_samples, n_columns, batch_size, device):
        super().__init__(n_samples, batch_size, device)
        self.n_columns = n_columns

    def epoch(self, generator):
        """Yield indices and draws."""
        for rows, _ in super().epoch(generator):
            shape = len(rows), self.n_columns
            yield rows, torch.randn(shape, generator=generator).to(rows.device)


class ImagePairs(SampleBatches):
    """Batches of images with a neighbor of each, and draws that augment both."""

    def __init__(self, inputs, neighbors, batch_size):
        super().__init__(len(inputs), batch_size, inputs.device)
        self.inputs = inputs
        self.neighbors = neighbors

    def epoch(self, generator):
        """Yield the images, (2B, n_inputs), and the draws, (2B, 5)."""
        for rows, uniform in super().epoch(generator):
            others, _ = self.neighbors.draw(rows, uniform)
            both = torch.cat([rows, others])
            draws = torch.rand(len(both), 5, generator=generator)
            yield self.inputs[both], draws.to(both.device)
