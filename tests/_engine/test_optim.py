# SPDX-License-Identifier: BSD-3-Clause

import copy

import pytest
import torch
from torch import nn

from skmanifold._engine import make_optimizers
from skmanifold._engine._arithmetic import same_bits
from skmanifold._engine._optim import (
    _COARSE_POLYNOMIALS,
    _POLYNOMIALS,
    AdamW,
    Muon,
    orthogonalized,
)
from tests.threads import assert_same_for_threads


def networks():
    torch.manual_seed(0)
    ours = nn.Sequential(nn.Linear(5, 12), nn.Tanh(), nn.Linear(12, 3, bias=False))
    return ours, copy.deepcopy(ours)


def loss(network):
    return network(torch.linspace(-1, 1, 20).view(4, 5)).square().sum()


def test_adamw_is_that_of_torch():
    ours, theirs = networks()
    optimizer = AdamW(
        [{"params": list(ours.parameters()), "weight_decay": 0.1, "base_lr": 0.01}]
    )
    reference = torch.optim.AdamW(theirs.parameters(), lr=0.01, weight_decay=0.1)
    for step in range(20):
        factor = 1 - step / 20
        loss(ours).backward()
        optimizer.step(factor)
        ours.zero_grad()
        reference.param_groups[0]["lr"] = factor * 0.01
        loss(theirs).backward()
        reference.step()
        theirs.zero_grad()
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(a, b)


def test_adamw_leaves_parameters_without_gradient_alone():
    ours, _ = networks()
    before = ours[2].weight.clone()
    group = {"params": list(ours.parameters()), "weight_decay": 0.1, "base_lr": 0.01}
    optimizer = AdamW([group, {"params": [], "weight_decay": 0.0, "base_lr": 1.0}])
    optimizer.step(1.0)
    ours[0](torch.ones(1, 5)).sum().backward()
    optimizer.step(1.0)
    assert torch.equal(ours[2].weight, before)
    assert optimizer.groups[0]["steps"][0] == 1
    assert optimizer.groups[0]["steps"][2] == 0


def test_adamw_does_not_depend_on_the_threads():
    generator = torch.Generator().manual_seed(0)
    shapes = [(517, 1009), (333, 7)]
    start = [torch.randn(shape, generator=generator) for shape in shapes]

    def steps():
        params = [nn.Parameter(p.clone()) for p in start]
        group = {"params": params, "weight_decay": 0.1, "base_lr": 0.01}
        optimizer = AdamW([group])
        with same_bits(nn.Linear(1, 1)):
            for _ in range(3):
                for p in params:
                    p.grad = p.detach().roll(1, 0)
                optimizer.step(1.0)
        return params

    assert_same_for_threads(steps, range(1, 9))


@pytest.mark.parametrize("shape", [(5, 12), (12, 5), (70, 3)])
@pytest.mark.parametrize("is_coarse", [False, True])
def test_muon_follows_the_orthogonalized_momentum(shape, is_coarse):
    generator = torch.Generator().manual_seed(0)
    p = nn.Parameter(torch.randn(shape, generator=generator))
    expected, mean = p.detach().clone(), torch.zeros(shape)
    optimizer = Muon([p], base_lr=0.02, weight_decay=0.1, is_coarse=is_coarse)
    for step in range(9):
        p.grad = torch.randn(shape, generator=generator)
        optimizer.step(0.5)
        mean = 0.95 * mean + 0.05 * p.grad
        if not is_coarse or step % 4 == 0:
            momentum = 0.05 * p.grad + 0.95 * mean
            (update,) = orthogonalized(momentum.unsqueeze(0), optimizer.polynomials)
            update = update * max(1, shape[0] / shape[1]) ** 0.5
        expected = (1 - 0.01 * 0.1) * expected - 0.01 * update
        torch.testing.assert_close(p.detach(), expected)


# the range of singular values that the polynomials leave
@pytest.mark.parametrize(
    "polynomials, low, high",
    [(_POLYNOMIALS, 0.67, 1.15), (_COARSE_POLYNOMIALS, 0.72, 1.28)],
    ids=["exact", "coarse"],
)
@pytest.mark.parametrize("shape", [(6, 20), (20, 6), (1, 4), (9, 9), (128, 256)])
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_orthogonalized_keeps_directions_and_levels_singular_values(
    polynomials, low, high, shape, scale
):
    matrices = scale * torch.randn(
        2, *shape, generator=torch.Generator().manual_seed(0)
    )
    matrix, result = matrices[0], orthogonalized(matrices, polynomials)[0]
    u, s, v = torch.linalg.svd(matrix, full_matrices=False)
    along = torch.diag(u.T @ result @ v.T)
    kept = s > 0.02 * s.norm(4)
    assert ((along[kept] > low) & (along[kept] < high)).all()
    torch.testing.assert_close(result, u @ torch.diag(along) @ v, atol=1e-4, rtol=0)


def test_no_momentum_is_orthogonalized_to_zero():
    assert orthogonalized(torch.zeros(2, 4, 6)).equal(torch.zeros(2, 4, 6))


def test_muon_takes_matrices_of_one_shape_together():
    """As one optimizer for each of them; one without a gradient stays."""
    generator = torch.Generator().manual_seed(0)
    shapes = [(4, 6), (6, 4), (4, 6), (4, 6)]
    ours = [nn.Parameter(torch.randn(shape, generator=generator)) for shape in shapes]
    alone = copy.deepcopy(ours)
    options = dict(base_lr=0.02, weight_decay=0.1)
    together, each = Muon(ours, **options), [Muon([p], **options) for p in alone]
    for _ in range(3):
        for p, other in zip(ours[:3], alone, strict=False):
            p.grad = torch.randn(p.shape, generator=generator)
            other.grad = p.grad.clone()
        together.step(0.5)
        for optimizer in each:
            optimizer.step(0.5)
    for p, other in zip(ours, alone, strict=True):
        torch.testing.assert_close(p, other)
    assert torch.equal(ours[3], alone[3])


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_goes_on_from_a_state(optimizer):
    def fit(network, n_steps, optimizers):
        for _ in range(n_steps):
            network.zero_grad()
            loss(network).backward()
            for optimizer in optimizers:
                optimizer.step(0.5)

    def optimizers(network):
        network.hidden_layers = ("0",)
        network.coarse_muon = True
        return make_optimizers(
            network, optimizer=optimizer, learning_rate=0.01, weight_decay=0.1
        )

    ours, theirs = networks()
    fit(ours, 7, optimizers(ours))
    first = optimizers(theirs)
    fit(theirs, 3, first)  # the next step reuses an orthogonalization
    states = copy.deepcopy([optimizer.state_dict() for optimizer in first])
    second = optimizers(theirs)
    for optimizer, state in zip(second, states, strict=True):
        optimizer.load_state_dict(state)
    fit(theirs, 4, second)
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("coarse", [False, True])
def test_an_objective_chooses_coarse_muon(coarse):
    network, _ = networks()
    network.hidden_layers = ("0",)
    if coarse:
        network.coarse_muon = True
    _, muon = make_optimizers(
        network, optimizer="muon", learning_rate=0.01, weight_decay=0.1
    )
    n_computed = 0
    for _ in range(8):
        before = muon.updates[0].clone()
        network.zero_grad()
        loss(network).backward()
        muon.step(1.0)
        n_computed += not torch.equal(muon.updates[0], before)
    assert n_computed == (2 if coarse else 8)
