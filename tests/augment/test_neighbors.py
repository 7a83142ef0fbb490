# SPDX-License-Identifier: BSD-3-Clause

import torch

from skmanifold.augment import sample_neighbors


def test_draws_are_uniform_over_the_filled_entries():
    neighbors = torch.tensor([[1, 2, 3], [0, 9, 9]])
    counts = torch.tensor([3, 1])
    uniform = torch.rand(6000, generator=torch.Generator().manual_seed(0))
    chosen, share = sample_neighbors(
        neighbors, counts, torch.zeros(6000, dtype=torch.long), uniform
    )
    drawn = torch.bincount(chosen, minlength=4)
    assert drawn[0] == 0
    # five standard deviations of a binomial count
    assert (drawn[1:] - 2000).abs().max() < 5 * (6000 * 2 / 9) ** 0.5
    assert 0 <= share.min() and share.max() < 1
    assert abs(share.mean() - 0.5) < 5 * (1 / 12 / 6000) ** 0.5
    # which neighbor and how far are independent
    correlation = torch.corrcoef(torch.stack([chosen.float(), share]))[0, 1]
    assert abs(correlation) < 5 / 6000**0.5

    chosen, _ = sample_neighbors(
        neighbors, counts, torch.ones(6000, dtype=torch.long), uniform
    )
    assert (chosen == 0).all(), "padding is never drawn"


def test_largest_draw_stays_in_range():
    below_one = torch.nextafter(torch.tensor([1.0]), torch.tensor([0.0]))
    for n in [*range(1, 300), 2**20 - 1, 2**20, 2**20 + 1]:
        neighbors = torch.arange(n).unsqueeze(0)
        chosen, _ = sample_neighbors(
            neighbors, torch.tensor([n]), torch.tensor([0]), below_one
        )
        assert chosen == n - 1
