# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""The batches of DCRL's phases."""

import torch

from skmanifold._engine import RowBatches
from skmanifold.augment import draw_neighbors


class NeighborPairs:
    """Batches of rows, each with a random neighbor of it and its distance."""

    def __init__(self, neighbors, distances, batch_size):
        self.neighbors = neighbors
        self.distances = distances
        self.rows = RowBatches(len(neighbors), batch_size, neighbors.device)

    def __len__(self):
        return len(self.rows)

    def epoch(self, generator):
        """Yield rows, neighbors and distances."""
        n_neighbors = self.neighbors.shape[1]
        for rows, uniform in self.rows.epoch(generator):
            slot = (uniform * n_neighbors).long().clamp(max=n_neighbors - 1)
            others = self.neighbors[rows, slot]
            yield rows, others, self.distances[rows, slot]


class NoisyRows:
    """Batches of row numbers and normal draws."""

    def __init__(self, n_samples, n_columns, batch_size, device):
        self.n_columns = n_columns
        self.rows = RowBatches(n_samples, batch_size, device)

    def __len__(self):
        return len(self.rows)

    def epoch(self, generator):
        """Yield rows and draws."""
        for rows, _ in self.rows.epoch(generator):
            shape = len(rows), self.n_columns
            yield rows, torch.randn(shape, generator=generator).to(rows.device)


class ImagePairs:
    """Batches of images and of a neighbor of each, and the draws that move them."""

    def __init__(self, inputs, neighbors, batch_size):
        self.inputs = inputs
        self.neighbors = neighbors
        self.counts = torch.full((len(neighbors),), neighbors.shape[1]).to(
            neighbors.device
        )
        self.rows = RowBatches(len(inputs), batch_size, inputs.device)

    def __len__(self):
        return len(self.rows)

    def epoch(self, generator):
        """Yield the images, (2B, n_inputs), and the draws, (2B, 5)."""
        for rows, uniform in self.rows.epoch(generator):
            others, _ = draw_neighbors(self.neighbors, self.counts, rows, uniform)
            both = torch.cat([rows, others])
            draws = torch.rand(len(both), 5, generator=generator)
            yield self.inputs[both], draws.to(both.device)
