# SPDX-License-Identifier: BSD-3-Clause

import pytest
import torch

from skmanifold._engine import SampleBatches, count_batches, local_generator


@pytest.mark.parametrize(
    "n_rows, batch_size, n_batches",
    [
        (2, 250, 1),
        (3, 2, 1),
        (11, 2, 5),
        (250, 250, 1),
        (374, 250, 1),
        (376, 250, 2),
        (1000, 250, 4),
    ],
)
def test_equal_batches_cover_the_samples(n_rows, batch_size, n_batches):
    batches = SampleBatches(n_rows, batch_size, torch.device("cpu"))
    assert len(batches) == n_batches == count_batches(n_rows, batch_size)
    epoch = list(batches.epoch(local_generator(0)))
    assert len(epoch) == n_batches
    assert {len(rows) for rows, _ in epoch} == {batches.batch_size}
    rows = torch.cat([rows for rows, _ in epoch])
    assert len(rows.unique()) == len(rows) > n_rows - n_batches
    for rows, draws in epoch:
        assert draws.shape == rows.shape
        assert 0 <= draws.min() and draws.max() < 1


def test_every_row_has_its_turn():
    batches = SampleBatches(11, 3, torch.device("cpu"))
    generator = local_generator(0)
    seen = torch.cat([r for _ in range(20) for r, _ in batches.epoch(generator)])
    assert len(seen.unique()) == 11


def test_order_comes_from_the_generator_alone():
    batches = SampleBatches(100, 10, torch.device("cpu"))
    state = torch.get_rng_state()
    a = [r for r, _ in batches.epoch(local_generator(3))]
    b = [r for r, _ in batches.epoch(local_generator(3))]
    c = [r for r, _ in batches.epoch(local_generator(4))]
    assert all(torch.equal(x, y) for x, y in zip(a, b, strict=True))
    assert not all(torch.equal(x, y) for x, y in zip(a, c, strict=True))
    assert torch.equal(state, torch.get_rng_state())
