# SPDX-License-Identifier: BSD-3-Clause

import math

import numpy as np
import pytest
import torch
from torch import nn

from skmanifold._engine import (
    Checkpoint,
    SampleBatches,
    Training,
    local_generator,
    make_optimizers,
    mark_hidden,
    train,
)
from skmanifold.nn import MLP


class Quadratic(nn.Module):
    """Mean squared distance of the parameter from the rows of a batch."""

    def __init__(self, X):
        super().__init__()
        self.X = X
        self.center = nn.Parameter(torch.zeros(X.shape[1]))

    def forward(self, batch, progress):
        rows, _ = batch
        return {"distance": ((self.X[rows] - self.center) ** 2).sum(1).mean()}


@pytest.fixture
def data():
    return torch.randn(60, 3, generator=local_generator(0)) + 2


def make(data, *, n_epochs=4, learning_rate=0.1, batch_size=20, **options):
    objective = Quadratic(data)
    training = Training(
        n_epochs=n_epochs,
        optimizers=make_optimizers(
            objective, optimizer="adamw", learning_rate=learning_rate, weight_decay=0.0
        ),
        generator=local_generator(1),
        **options,
    )
    return objective, SampleBatches(len(data), batch_size, data.device), training


@pytest.mark.parametrize(
    "terms",
    [
        torch.ones(()),
        {},
        {"a": torch.ones(2)},
        {"a": 1.0},
        (torch.ones(()), torch.ones(())),
        {"a": torch.ones((), dtype=torch.complex64)},
    ],
)
def test_terms_are_scalars_by_name(data, terms):
    objective, batches, training = make(data)
    objective.forward = lambda batch, progress: terms
    with pytest.raises(TypeError, match=r"Quadratic\.forward must return"):
        train(objective, batches, training)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (torch.detach, "without a gradient.* 'distance', depends on .* detach"),
        (lambda loss: loss.detach().long(), "none of its terms"),
        (lambda loss: loss.to("meta"), "'distance' on the device 'meta', but .* 'cpu'"),
    ],
)
def test_a_loss_that_cannot_be_minimized(data, change, message):
    objective, batches, training = make(data)
    forward = objective.forward
    objective.forward = lambda batch, progress: {
        "distance": change(forward(batch, progress)["distance"])
    }
    with pytest.raises(ValueError, match=rf"^Quadratic\.forward returned .*{message}"):
        train(objective, batches, training)


def test_an_objective_without_parameters(data):
    objective = Quadratic(data).requires_grad_(False)
    options = {"optimizer": "muon", "learning_rate": 0.1, "weight_decay": 0.0}
    with pytest.raises(ValueError, match="Quadratic has no trainable parameters"):
        make_optimizers(objective, **options)


def test_terms_of_several_types_and_constants(data):
    objective, batches, training = make(data)
    forward = objective.forward
    objective.forward = lambda batch, progress: {
        "distance": forward(batch, progress)["distance"].double(),
        "constant": torch.ones((), dtype=torch.int64),
    }
    history = train(objective, batches, training)
    assert history["constant"] == [1.0] * 4
    assert history["distance"][-1] < history["distance"][0]


def test_training_finds_the_minimum(data):
    objective, batches, training = make(data, n_epochs=200, batch_size=60)
    history = train(objective, batches, training)
    torch.testing.assert_close(
        objective.center.detach(), data.mean(0), atol=1e-3, rtol=0
    )
    minimum = ((data - data.mean(0)) ** 2).sum(1).mean().item()
    assert history["distance"][-1] == pytest.approx(minimum, rel=1e-4)
    assert len(history["loss"]) == 200
    assert history["loss"] == history["distance"]
    assert not objective.training


class ByEpoch(Quadratic):
    """The target moves once an epoch."""

    def __init__(self, X):
        super().__init__(X)
        self.calls = []
        self.target = None

    def on_epoch_start(self, progress):
        self.calls.append((progress, torch.is_grad_enabled()))
        self.target = 2 * self.center

    def forward(self, batch, progress):
        self.calls.append(progress)
        return {"distance": (self.center - self.target - 1).square().sum()}


def test_an_epoch_begins_with_the_hook_of_the_objective(data):
    quadratic, batches, training = make(data, n_epochs=4, batch_size=20)
    objective = ByEpoch(data)
    objective.center = quadratic.center
    train(objective, batches, training)
    wanted = []
    for epoch in range(4):
        wanted.append((epoch / 4, False))
        wanted += [(3 * epoch + i) / 12 for i in range(3)]
    assert objective.calls == wanted


def test_training_is_a_plain_loop(data):
    """Bit for bit what a hand-written loop does."""
    objective, batches, training = make(data, schedule="constant", warmup=0.0)
    train(objective, batches, training)

    center = nn.Parameter(torch.zeros(3))
    optimizer = torch.optim.AdamW([center], lr=0.1, weight_decay=0.0, fused=True)
    generator = local_generator(1)
    for _ in range(4):
        for rows, _ in SampleBatches(60, 20, data.device).epoch(generator):
            optimizer.zero_grad()
            ((data[rows] - center) ** 2).sum(1).mean().backward()
            optimizer.step()
    assert torch.equal(objective.center, center)


def test_history_is_the_mean_over_the_epoch(data):
    objective, batches, training = make(data, n_epochs=1, learning_rate=1e-12)
    history = train(objective, batches, training)
    expected = (data**2).sum(1).mean().item()
    assert history["loss"] == pytest.approx([expected], rel=1e-5)


def test_on_epoch_may_stop(data):
    seen = []

    def on_epoch(epoch, history):
        seen.append((epoch, len(history["loss"])))
        return epoch == 1

    objective, batches, training = make(data)
    history = train(objective, batches, training, on_epoch=on_epoch)
    assert seen == [(0, 1), (1, 2)]
    assert len(history["loss"]) == 2
    assert not objective.training


def test_training_stops_early_once_weights_are_settled(data):
    options = dict(n_epochs=500, batch_size=60, patience=3, tol=1e-3)
    objective, batches, training = make(data, **options)
    n_epochs = len(train(objective, batches, training)["loss"])
    assert 5 < n_epochs < 200
    objective, batches, training = make(data, **options)
    objective.settled_from = 0.5
    assert len(train(objective, batches, training)["loss"]) == 254


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_non_finite_loss_names_term_and_epoch(data, value):
    objective, batches, training = make(data)
    calls = []

    def broken(batch, progress):
        calls.append(1)
        broken_now = len(calls) > 3
        return {
            "fine": objective.center.sum(),
            "odd": objective.center.sum() + (value if broken_now else 0.0),
        }

    objective.forward = broken
    with pytest.raises(ValueError, match=r"'odd'.* in epoch 2.*Decrease learning_rate"):
        train(objective, batches, training)


def test_gradients_are_clipped(data):
    objective, batches, training = make(
        data * 1e3, n_epochs=1, batch_size=60, gradient_clip=1.0
    )
    norms = []
    step = training.optimizers[0].step

    def spy(factor):
        norms.append(objective.center.grad.norm().item())
        step(factor)

    training.optimizers[0].step = spy
    train(objective, batches, training)
    assert norms == pytest.approx([1.0], rel=1e-4)


def test_interrupted_and_resumed_equals_uninterrupted(data, tmp_path):
    path = tmp_path / "training.pt"

    def checkpoint():
        return Checkpoint(path, every=1, fingerprint={"data": "f"}, seed=0)

    # stops three epochs after the first
    options = dict(n_epochs=9, patience=3, tol=1.0)
    objective, batches, training = make(data, **options)
    whole = train(objective, batches, training)
    assert len(whole["loss"]) == 4

    first, batches, training = make(data, **options, checkpoint=checkpoint())

    def interrupt(epoch, history):
        # the third epoch ends before it is saved
        if epoch == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(first, batches, training, on_epoch=interrupt)

    second, batches, training = make(data, **options, checkpoint=checkpoint())
    resumed = train(second, batches, training)
    assert resumed == whole
    assert torch.equal(objective.center, second.center)


def test_a_step_has_no_host_sync(data):
    """Losses are read once an epoch: a step that reads one would stall a GPU."""
    objective, batches, training = make(data, n_epochs=2)
    reads = []

    class Watch(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            if func is torch.ops.aten._local_scalar_dense.default:
                reads.append(func)
            return func(*args, **(kwargs or {}))

    with Watch():
        train(objective, batches, training)
    # tolist() of the epoch's means does not pass through the dispatcher
    assert reads == []
    assert len(batches) == 3


def test_training_keeps_no_copy_of_the_data(data):
    objective, batches, training = make(data)
    train(objective, batches, training)
    assert objective.X.data_ptr() == data.data_ptr()
    assert np.shares_memory(objective.X.numpy(), data.numpy())


def muon_matrices(*, hidden_layers=(), **networks):
    objective = nn.ModuleDict(networks)
    objective.hidden_layers = hidden_layers
    optimizers = make_optimizers(
        objective, optimizer="muon", learning_rate=0.1, weight_decay=0.0
    )
    if len(optimizers) == 1:
        return []
    taken = {id(p) for p in optimizers[-1].params}
    return [name for name, p in objective.named_parameters() if id(p) in taken]


def test_muon_takes_the_hidden_matrices_of_any_network():
    ours = MLP(3, 2, layers=(8, 7))
    theirs = nn.Sequential(
        nn.Linear(3, 8), nn.GELU(), nn.Linear(8, 7), nn.GELU(), nn.Linear(7, 2)
    )
    assert muon_matrices(net=theirs) == []
    mark_hidden(theirs, torch.zeros(2, 3))
    assert muon_matrices(net=ours) == []
    hidden = ["net.hidden.0.weight", "net.hidden.3.weight"]
    assert muon_matrices(net=ours, hidden_layers=("net.hidden",)) == hidden
    for wrong in ("net.hid", "hidden"):
        with pytest.raises(ValueError, match=f"has {wrong!r}, but there is no module"):
            muon_matrices(net=ours, hidden_layers=(wrong,))
    assert len(muon_matrices(net=theirs, hidden_layers=("net.hidden",))) == 2
    assert muon_matrices(net=theirs) == ["net.0.weight", "net.2.weight"]
    # as the last layer of a decoder of images is a convolution
    decoder = nn.Sequential(
        nn.Linear(2, 16), nn.Unflatten(1, (4, 2, 2)), nn.ConvTranspose2d(4, 1, 2)
    )
    mark_hidden(decoder, torch.zeros(2, 2))
    assert muon_matrices(net=decoder) == ["net.0.weight"]
    # a matrix that is no linear layer's weight
    table = nn.Sequential(nn.Embedding(5, 3), nn.Linear(3, 3), nn.Linear(3, 2))
    mark_hidden(table, torch.zeros(2, dtype=int))
    assert muon_matrices(net=table) == ["net.1.weight"]
    net = nn.Sequential(nn.Linear(3, 2))
    mark_hidden(net, torch.zeros(2, 3))
    assert muon_matrices(net=net) == []


def test_factors_are_of_trained_parameters():
    objective = nn.ModuleDict({"net": MLP(3, 2)})
    objective.learning_rate_factors = {"center": 10.0}
    with pytest.raises(ValueError, match="has 'center', but no trained parameter"):
        make_optimizers(objective, optimizer="adamw", learning_rate=1, weight_decay=0)


def test_matrices_decay_and_vectors_do_not():
    (adamw,) = make_optimizers(
        MLP(3, 2, layers=()), optimizer="muon", learning_rate=1e-3, weight_decay=0.1
    )
    decays = [(p.ndim, g["weight_decay"]) for g in adamw.groups for p in g["params"]]
    assert decays == [(2, 0.1), (1, 0.0)]


class HeadFirst(nn.Module):
    """Its last layer is made first, and one that is not the last is named so."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(8, 2)
        self.hidden = nn.Sequential(nn.Linear(3, 8), nn.SiLU(), nn.Linear(8, 8))

    def forward(self, x):
        return self.head(self.hidden(x))


def test_the_last_matrix_is_that_of_the_last_layer_to_compute():
    network = HeadFirst()
    assert mark_hidden(network, torch.zeros(2, 3)).shape == (2, 2)
    assert muon_matrices(net=network) == ["net.hidden.0.weight", "net.hidden.2.weight"]
    named = nn.ModuleDict({"hidden": nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))})
    mark_hidden(named["hidden"], torch.zeros(2, 3))
    assert muon_matrices(net=named) == ["net.hidden.0.weight"]
    assert not any(layer._forward_hooks for layer in network.modules())
