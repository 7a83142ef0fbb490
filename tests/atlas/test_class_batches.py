# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal

from skmanifold.atlas._class_batches import ClassBatches


def make_labels(counts, seed=0):
    labels = np.repeat(np.arange(len(counts)), counts)
    return np.random.RandomState(seed).permutation(labels)


def batches_of(labels, batch_size, seed=0):
    batches = ClassBatches(
        labels, batch_size, torch.device("cpu"), n_charts=3, n_components=2
    )
    return batches, list(batches.epoch(torch.Generator().manual_seed(seed)))


@pytest.mark.parametrize(
    "counts, batch_size",
    [
        ([30, 30, 30], 12),
        ([100, 5, 5, 5], 16),
        ([1, 1, 2], 8),
        ([2] * 40, 64),
        ([70, 71, 9, 1, 3], 20),
        ([3, 200], 2),
        ([5, 5], 1000),
    ],
)
@pytest.mark.parametrize("seed", [0, 1])
def test_a_batch_has_no_row_twice_and_different_classes(counts, batch_size, seed):
    labels = make_labels(counts)
    batches, epoch = batches_of(labels, batch_size, seed)
    assert len(batches) == len(epoch) >= 1
    rows = torch.cat([rows for rows, _ in epoch])
    assert len(rows) == len(set(rows.tolist())), "no row twice"
    for rows, draws in epoch:
        _, sizes = np.unique(labels[rows], return_counts=True)
        assert len(sizes) == batches.n_groups >= 2
        assert sizes.max() <= batches.group_size
        assert draws.shape[1:] == (3, 2) and len(draws) >= 2


def test_balanced_classes_are_all_used():
    labels = make_labels([40] * 5)
    epoch = batches_of(labels, 20)[1]
    assert len(epoch) == 10
    rows = torch.cat([rows for rows, _ in epoch])
    assert len(set(rows.tolist())) == 200
    for rows, _ in epoch:
        assert_array_equal(np.bincount(labels[rows]), [4] * 5)


def test_every_epoch_has_other_samples_of_a_large_class():
    labels = make_labels([200, 8])
    batches, _ = batches_of(labels, 8)
    generator = torch.Generator().manual_seed(0)
    seen = {
        row
        for _ in range(100)
        for rows, _ in batches.epoch(generator)
        for row in rows[torch.from_numpy(labels)[rows] == 0].tolist()
    }
    assert len(seen) > 150
