# SPDX-License-Identifier: BSD-3-Clause

"""Class-balanced batches."""

import numpy as np
import torch


class ClassBatches:
    """Class-balanced batches, without repeated samples in an epoch.

    The samples of each class, in random order, are split into groups of ``group_size``
    (a class with fewer samples has one smaller group). A batch has one group of each of
    ``n_groups`` classes. Each epoch leaves out other samples of large classes, and all
    unlabeled ones (-1). ``n_charts`` and ``n_components`` are for the uniform draws.
    """

    def __init__(self, labels, batch_size, device, *, n_charts, n_components):
        self.rows_of = [
            torch.from_numpy(np.flatnonzero(labels == label))
            for label in range(labels.max() + 1)
        ]
        n_classes = len(self.rows_of)
        self.n_groups = min(n_classes, max(2, batch_size // 4))
        self.group_size = max(2, batch_size // self.n_groups)
        counts = [max(1, len(rows) // self.group_size) for rows in self.rows_of]
        # the largest number of batches of n_groups different classes
        self.n_batches = max(
            n
            for n in range(1, max(counts) + 1)
            if sum(min(count, n) for count in counts) >= n * self.n_groups
        )
        self.counts = [min(count, self.n_batches) for count in counts]
        self.device = device
        self.charts_shape = (n_charts, n_components)

    def __len__(self):
        return self.n_batches

    def epoch(self, generator):
        """Yield each batch: indices of samples and draws from the cube."""
        groups = []
        for label in torch.randperm(len(self.rows_of), generator=generator).tolist():
            rows = self.rows_of[label]
            rows = rows[torch.randperm(len(rows), generator=generator)]
            groups += rows.split(self.group_size)[: self.counts[label]]
        # groups that are n_batches apart belong to different classes
        order = torch.randperm(self.n_batches, generator=generator).tolist()
        for first in order:
            batch = torch.cat(
                [groups[first + i * self.n_batches] for i in range(self.n_groups)]
            )
            draws = torch.rand(
                max(2, min(len(batch), 64)), *self.charts_shape, generator=generator
            )
            yield batch.to(self.device), draws.to(self.device)
