# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
import pytest
import torch

from skmanifold.augment import ClassSampler

# classes of three, four and one sample, and two unknown ones
CODES = np.array([1, 0, -1, 1, 0, 2, 0, -1, 1, 1])
ROWS = torch.arange(10)


def next_sample(rows, uniform):
    return (rows + 1) % 10, uniform


def draw_many(weight, row, n_draws=24_000, otherwise=next_sample):
    uniform = torch.rand(n_draws, generator=torch.Generator().manual_seed(0))
    rows = torch.full((n_draws,), row)
    return ClassSampler(CODES, weight).draw(rows, uniform, otherwise)


def assert_shares(others, expected):
    """Compare frequencies within five standard deviations of a binomial count."""
    n = len(others)
    counts = torch.bincount(others, minlength=10)
    for sample in range(10):
        p = expected.get(sample, 0.0)
        allowed = 5 * (n * p * (1 - p)) ** 0.5
        assert abs(counts[sample] - n * p) <= allowed, sample


def test_all_others_of_a_class_are_drawn_alike():
    for row in np.flatnonzero(CODES == 1):
        others, _ = draw_many(1.0, row)
        mates = set(np.flatnonzero(CODES == 1)) - {row}
        assert_shares(others, {mate: 1 / 3 for mate in mates})


@pytest.mark.parametrize("weight", [0.1, 0.5, 0.9])
def test_the_weight_is_the_probability_of_the_class(weight):
    others, share = draw_many(weight, 4)
    assert_shares(others, {1: weight / 2, 6: weight / 2, 5: 1 - weight})
    # the rest of the draw is uniform again, on both sides
    for part in (others == 5, others != 5):
        assert 0 <= share[part].min() and share[part].max() < 1
        assert abs(share[part].mean() - 0.5) < 5 * (1 / 12 / part.sum()) ** 0.5


def test_samples_without_a_label_draw_as_without_labels():
    uniform = torch.rand(10, generator=torch.Generator().manual_seed(0))
    others, share = ClassSampler(CODES, 1.0).draw(ROWS, uniform, next_sample)
    unknown = torch.from_numpy(CODES < 0)
    assert torch.equal(others[unknown], (ROWS[unknown] + 1) % 10)
    assert torch.equal(share[unknown], uniform[unknown])


def test_a_class_of_one_sample_avoids_other_classes():
    # sample 5 is alone; the next one has another class, sample 7 none
    others, _ = draw_many(0.75, 5)
    assert_shares(others, {5: 0.75, 6: 0.25})
    others, _ = draw_many(0.75, 5, otherwise=lambda rows, u: (rows + 2, u))
    assert (others == 7).all()


def test_the_largest_and_smallest_draws_stay_in_the_class():
    below_one = torch.nextafter(torch.tensor(1.0), torch.tensor(0.0))
    for weight in (1e-6, 0.1, 0.3, 0.7, 1.0):
        edge = torch.nextafter(torch.tensor(weight), torch.tensor(0.0))
        for n in (*range(2, 200), 2**18 - 1, 2**18 + 1):
            draws = ClassSampler(np.zeros(n, dtype=int), weight)
            uniform = torch.tensor([0.0, edge, below_one])
            rows = torch.tensor([n - 1, n // 2, 0])
            others, share = draws.draw(rows, uniform, lambda rows, u: (rows, u))
            assert (others >= 0).all() and (others < n).all()
            assert (share >= 0).all() and (share < 1).all()
            assert (others[:2] != rows[:2]).all()


def test_pairs_of_other_classes_are_marked():
    apart = ClassSampler(CODES, 0.5).of_other_classes(ROWS)
    for i in range(10):
        for j in range(10):
            known = CODES[i] >= 0 and CODES[j] >= 0
            assert apart[i, j] == (known and CODES[i] != CODES[j])
