# SPDX-License-Identifier: BSD-3-Clause

import pytest
import torch

from skmanifold.losses import batch_all_triplets, semi_hard_triplets

LOSSES = [batch_all_triplets, semi_hard_triplets]


def make(n, n_classes, seed=0, scale=1.0):
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randn(n, 3, generator=generator, dtype=torch.float64) * scale
    labels = torch.randint(n_classes, (n,), generator=generator)
    return torch.cdist(rows, rows), labels


def naive_batch_all(distances, labels, margin):
    total, count = 0.0, 0
    n = len(labels)
    for a in range(n):
        for p in range(n):
            for o in range(n):
                if a == p or labels[a] != labels[p] or labels[a] == labels[o]:
                    continue
                hinge = (distances[a, p] - distances[a, o]).item() + margin
                if hinge > 0:
                    total += hinge
                    count += 1
    return total / max(count, 1)


def naive_semi_hard(distances, labels, margin):
    total, count = 0.0, 0
    n = len(labels)
    for a in range(n):
        negatives = [distances[a, o].item() for o in range(n) if labels[o] != labels[a]]
        for p in range(n):
            if a == p or labels[a] != labels[p] or not negatives:
                continue
            own = distances[a, p].item()
            farther = [d for d in negatives if d > own]
            negative = min(farther) if farther else max(negatives)
            total += max(own - negative + margin, 0.0)
            count += 1
    return total / max(count, 1)


@pytest.mark.parametrize("n, n_classes", [(5, 2), (12, 3), (20, 12)])
@pytest.mark.parametrize("margin", [0.0, 0.2, 2.0])
@pytest.mark.parametrize(
    "ours, naive",
    [(batch_all_triplets, naive_batch_all), (semi_hard_triplets, naive_semi_hard)],
)
def test_losses_are_those_of_loops(ours, naive, n, n_classes, margin):
    for seed in range(3):
        distances, labels = make(n, n_classes, seed)
        loss = ours(distances, labels, margin=margin).item()
        assert loss == pytest.approx(naive(distances, labels, margin), rel=1e-12)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize(
    "labels", [[0, 0, 0, 0], [0, 1, 2, 3], [0, 0, 1, 2]], ids=["one", "all", "some"]
)
def test_few_triplets_are_finite(loss, labels):
    distances = make(4, 2)[0].requires_grad_()
    value = loss(distances, torch.tensor(labels), margin=10.0)
    value.backward()
    assert torch.isfinite(distances.grad).all()
    assert (value > 0) == (labels == [0, 0, 1, 2])


@pytest.mark.parametrize("loss", LOSSES)
def test_diagonal_is_not_read(loss):
    distances, labels = make(10, 3)
    expected = loss(distances, labels)
    assert loss(distances.fill_diagonal_(-99.0), labels) == expected
