# SPDX-License-Identifier: BSD-3-Clause

import re

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.spatial.distance import cdist, pdist
from scipy.stats import spearmanr
from sklearn.base import clone
from sklearn.datasets import load_wine
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from skmanifold import IsometricAE
from skmanifold.datasets import make_s_curve, make_swiss_roll
from skmanifold.estimators import _isometric_ae
from skmanifold.estimators._isometric_ae import (
    PRIORS,
    IsometricAEObjective,
    between_scales,
    chain_of,
    noise_share,
)
from skmanifold.graph import geodesic_embedding
from skmanifold.metrics import isometry_distortion
from skmanifold.nn import MLP, ConvDecoder, ConvEncoder
from skmanifold.training import TrainingOptions

# the graph of iris has two components
pytestmark = pytest.mark.filterwarnings("ignore:The graph of .* parts:UserWarning")

QUICK = dict(max_epochs=2, encoder_layers=(16, 16), random_state=0)


def quick(**options):
    return IsometricAE(**{**QUICK, **options})


@pytest.fixture(scope="module")
def roll():
    return make_swiss_roll(600, random_state=0)


@pytest.fixture(scope="module")
def unrolled(roll):
    """A fit shared by the tests of quality."""
    return IsometricAE(random_state=0).fit(roll.data[:500])


# -- quality: a coarse guard; the figures are measured by asv_bench/compare


def test_a_swiss_roll_is_unrolled(roll, unrolled):
    Z = unrolled.embedding_
    assert isometry_distortion(unrolled, Z) < 0.06
    i, j = np.random.RandomState(0).randint(500, size=(2, 1000))
    along = roll.geodesic_distances(np.arange(500), np.arange(500))[i, j]
    distances = np.linalg.norm(Z[i] - Z[j], axis=1)
    assert spearmanr(along, distances)[0] > 0.995
    # in the units of X: distances in the embedding are those along the data
    assert np.median(distances[along > 1] / along[along > 1]) == pytest.approx(
        1, abs=0.03
    )


def test_new_samples_are_embedded_and_reconstructed(roll, unrolled):
    X = roll.data[500:]
    variance = X.var(axis=0).sum()
    assert -unrolled.score(X) < 0.03**2 * variance
    Z = np.vstack([unrolled.embedding_, unrolled.transform(X)])
    i, j = np.arange(500, 600), np.random.RandomState(0).randint(500, size=100)
    along = roll.geodesic_distances()[i, j]
    assert spearmanr(along, np.linalg.norm(Z[i] - Z[j], axis=1))[0] > 0.99


def test_encoder_is_the_pseudo_inverse_of_the_decoder(unrolled):
    """Its differential at decoded points is the transpose of the decoder's."""
    Z = unrolled.embedding_[::25]
    X = unrolled.inverse_transform(Z)
    J = unrolled.jacobian(Z)
    step = 1e-3
    for k in range(3):
        moved = X.copy()
        moved[:, k] += step
        slope = (unrolled.transform(moved) - unrolled.transform(X)) / step
        # of random frames it would be about 0.6
        assert np.abs(slope - J[:, k]).mean() < 0.15


def test_a_custom_network_is_as_good(roll, unrolled):
    def network(n_in, n_out):
        return nn.Sequential(
            *[nn.Linear(n_in, 64), nn.SiLU(), nn.Linear(64, 64), nn.SiLU()],
            *[nn.Linear(64, 64), nn.SiLU(), nn.Linear(64, n_out)],
        )

    X = roll.data[:500]
    own = clone(unrolled).set_params(encoder=network, decoder=network).fit(X)
    assert isometry_distortion(own, own.embedding_) < 1.5 * isometry_distortion(
        unrolled, unrolled.embedding_
    )
    assert own.score(roll.data[500:]) > 1.5**2 * unrolled.score(roll.data[500:])


# -- the decoder


@pytest.mark.parametrize("route", ["module", "convolutional", "reduced", "one unit"])
def test_the_jacobian_is_the_derivative_of_every_decoder(digits, route):
    X = digits[0][:60]
    if route == "module":
        decoder = nn.Sequential(nn.Linear(2, 8), nn.Sigmoid(), nn.Linear(8, 64))
        model = quick(decoder=decoder).fit(X)
    elif route == "convolutional":
        model = quick(image_shape=(8, 8)).fit(X)
    elif route == "reduced":
        X = np.random.RandomState(0).randn(20, 100)
        model = quick().fit(X)
        assert model.network_.project.weight.shape == (19, 100)
    else:
        X = X[:, 2:3] * 1e5
        model = quick(n_components=1).fit(X)
    Z = model.embedding_[:5]
    J = model.jacobian(Z)
    assert J.shape == (5, X.shape[1], Z.shape[1])
    step = 0.05 * Z.std()
    for k in range(Z.shape[1]):
        move = step * np.eye(Z.shape[1])[k]
        up, down = (model.inverse_transform(Z + s * move) for s in (1, -1))
        expected = (up - down) / (2 * step)
        assert_allclose(
            J[:, :, k], expected, atol=2e-2 * np.abs(expected).max(), rtol=1e-2
        )
    assert_array_equal(J[:, X.std(axis=0) == 0], 0.0)


def test_jacobian_keeps_single_precision(unrolled):
    Z = unrolled.embedding_[:5].astype(np.float32)
    assert unrolled.jacobian(Z).dtype == np.float32


@pytest.mark.parametrize("factor", [1e-6, 1e6])
def test_codes_have_the_units_of_the_data(iris, factor):
    """Another unit of length changes the unit of the codes only."""
    X = iris[0]
    model, other = quick(max_epochs=10).fit(X), quick(max_epochs=10).fit(X * factor)
    assert_allclose(
        other.embedding_, model.embedding_ * factor, rtol=0, atol=1e-2 * factor
    )
    assert_allclose(
        other.jacobian(other.embedding_), model.jacobian(model.embedding_), atol=1e-2
    )


# -- bad input, one by one


@pytest.mark.parametrize(
    "anchor, match",
    [
        (np.zeros((150, 3)), r"150, 3.*\(150, 2\)"),
        (np.zeros((149, 2)), r"149, 2.*\(150, 2\)"),
        (np.full((150, 2), np.nan), r"anchor contains NaN"),
    ],
)
def test_an_anchor_that_does_not_fit_is_refused(iris, anchor, match):
    with pytest.raises(ValueError, match=match):
        quick(anchor=anchor).fit(iris[0])


@pytest.mark.parametrize("factor", [1e-50, 1e50])
def test_units_beyond_float32_are_refused(iris, factor):
    with pytest.raises(ValueError, match="Multiply X by a constant first"):
        quick().fit(iris[0] * factor)


# -- the method's parameters


def test_without_its_terms_it_is_a_plain_autoencoder(iris):
    """The gradient is that of the reconstruction alone."""
    model = quick(
        isometry_weight=0.0, pseudo_inverse_weight=0.0, anchor=None, max_epochs=5
    )
    model.fit(iris[0])
    assert set(model.history_) == {"loss", "reconstruction", "learning_rate_factor"}
    assert model.history_["loss"] == model.history_["reconstruction"]
    assert model.history_["loss"][-1] < model.history_["loss"][0]


def objective_of(n_components=2, anchor=None, scale=2.0, unit=5.0, **options):
    torch.manual_seed(0)
    inputs = torch.randn(10, 3)
    mlp = dict(layers=(6, 5), norm="none", activation="silu")
    objective = IsometricAEObjective(
        between_scales(MLP(3, n_components, **mlp)),
        between_scales(MLP(n_components, 3, **mlp)),
        inputs,
        scale=scale,
        unit=unit,
        anchor=anchor,
        **{
            "isometry_weight": 0.3,
            "pseudo_inverse_weight": 0.7,
            "latent_prior": "gaussian",
            "anchor_weight": 2.0,
            "anchor_until": 0.5,
            **options,
        },
    )
    return objective


def draws_of(objective, n=6, d=2):
    generator = torch.Generator().manual_seed(1)
    return (
        torch.arange(n),
        torch.randn(n, 3, d, generator=generator),
        torch.rand(n, d, generator=generator),
    )


def test_objective_is_the_formula():
    """All terms, one sample at a time, from Jacobians of the public networks."""
    anchor = torch.randn(10, 2, generator=torch.Generator().manual_seed(2))
    scale, unit = 2.0, 5.0
    objective = objective_of(anchor=anchor, scale=scale, unit=unit).double()
    objective.inputs = objective.inputs.double()
    objective.anchor = anchor = anchor.double()
    rows, normal, uniform = (
        t.double() if t.is_floating_point() else t for t in draws_of(objective)
    )
    terms = objective((rows, normal, uniform), 0.2)

    encode, decode = objective.encoder, objective.decoder
    x = objective.inputs[rows]
    codes = encode(x).detach()
    points = PRIORS["gaussian"](codes / (scale * unit), normal[:, 2], uniform)
    jacobian = torch.autograd.functional.jacobian
    expected = {"reconstruction": 0.0, "isometry": 0.0, "pseudo_inverse": 0.0}
    anchored = 0.0
    for i in range(6):
        again = decode(codes[i])
        expected["reconstruction"] += ((again - x[i]) / scale).square().sum() / 6
        # both networks measured in one unit of length
        df = jacobian(decode, points[i] * scale * unit) * unit
        dg = jacobian(encode, x[i]) / unit
        push = normal[i, 1] / normal[i, 1].norm()
        pull = normal[i, 0] / normal[i, 0].norm()
        # a tenth of the weights at first, all of them when the anchor is gone
        share = 1 - 0.9 * (1 - 0.2 / 0.5)
        expected["isometry"] += share * 0.3 * ((df @ push).norm() - 1) ** 2 / 6
        expected["pseudo_inverse"] += share * 0.7 * ((pull @ dg).norm() - 1) ** 2 / 6
        place = anchor[rows[i]]
        anchored += ((codes[i] - place) / (scale * unit)).square().sum() / 6
        anchored += ((decode(place) - x[i]) / scale).square().sum() / 6
    expected["anchor"] = 2.0 * (1 - 0.2 / 0.5) * anchored
    assert set(terms) == set(expected)
    for name, value in expected.items():
        assert terms[name].item() == pytest.approx(value.item(), rel=1e-6), name
    free = objective((rows, normal, uniform), 0.5)
    assert free["anchor"].item() == 0.0
    objective.anchor = None
    without = objective((rows, normal, uniform), 0.0)
    for name in ("isometry", "pseudo_inverse"):
        assert free[name].item() == pytest.approx(terms[name].item() / share)
        assert without[name].item() == free[name].item()


def test_units_of_the_decoder_bend_among_the_anchors(roll, monkeypatch):
    objectives = []

    def stop(run, objective, batches, **options):
        objectives.append(objective)
        raise InterruptedError

    monkeypatch.setattr("skmanifold.base._run.Run.train", stop)

    def untrained(**options):
        with pytest.raises(InterruptedError):
            IsometricAE(random_state=0, **options).fit(1e3 * roll.data)
        return objectives.pop()

    objective = untrained()
    codes = objective.decoder.inner(objective.anchor)
    with torch.no_grad():
        outputs = objective.decoder.net.hidden[0](codes)
    assert outputs.abs().amin(0).max() < 1e-5
    assert 0.7 < outputs.var(0).mean().sqrt() < 1.3
    # without an anchor, with a custom decoder, or without hidden layers
    assert untrained(anchor=None).decoder.net.hidden[0].bias.abs().max() < 2**-0.5
    network = MLP(2, 3, layers=(8,), norm="none", activation="silu")
    own = untrained(decoder=network).decoder.net.hidden[0].weight.detach()
    assert_array_equal(own, network.hidden[0].weight.detach())
    assert not len(untrained(encoder_layers=()).decoder.net.hidden)
    with pytest.warns(UserWarning, match="anchor has the same position for all"):
        objective = untrained(anchor=np.full((600, 2), 0.1))
    assert objective.decoder.net.hidden[0].bias.abs().max() < 1


def test_the_isometry_does_not_move_the_encoder():
    objective = objective_of(pseudo_inverse_weight=0.0)
    terms = objective(draws_of(objective), 0.0)
    gradients = torch.autograd.grad(
        terms["isometry"], list(objective.encoder.parameters()), allow_unused=True
    )
    assert all(gradient is None for gradient in gradients)


def test_built_in_networks_use_explicit_products():
    network = MLP(3, 2)
    assert chain_of(network) == [network.hidden, network.head]
    other = nn.Sequential(nn.Linear(3, 2))
    assert chain_of(other) is other


def test_a_module_of_the_same_layers_learns_the_same(roll):
    """By automatic differentiation instead of explicit products."""

    class Opaque(nn.Module):
        def __init__(self, inner):
            super().__init__()
            self.inner = inner

        def forward(self, x):
            return self.inner(x)

    def network(n_in, n_out):
        return MLP(n_in, n_out, layers=(16, 16), norm="none", activation="silu")

    X = roll.data[:200]
    training = TrainingOptions(optimizer="muon")
    # three steps: rounding grows with every one
    options = dict(batch_size=200, max_epochs=3, training=training)
    a = quick(encoder=network, decoder=network, **options)
    b = quick(
        encoder=lambda n_in, n_out: Opaque(network(n_in, n_out)),
        decoder=lambda n_in, n_out: Opaque(network(n_in, n_out)),
        **options,
    )
    assert_allclose(b.fit_transform(X), a.fit_transform(X), atol=1e-3 * np.ptp(X))


def network_with(*layers):
    def network(n_in, n_out):
        return nn.Sequential(nn.Linear(n_in, 6), *layers, nn.Linear(6, n_out))

    return network


@pytest.mark.parametrize(
    "layer",
    [nn.ReLU(), nn.LeakyReLU(), nn.PReLU(), nn.Hardtanh(), nn.ReLU6(), nn.RReLU()],
    ids=lambda layer: type(layer).__name__,
)
def test_piecewise_linear_layers_warn(iris, layer):
    name = type(layer).__name__
    networks = dict(encoder=network_with(layer), decoder=network_with(layer))
    with pytest.warns(UserWarning) as caught:
        quick(anchor=None, **networks).fit(iris[0])
    assert len(caught) == 1
    assert re.fullmatch(
        f"decoder has {name}, encoder has {name}: piecewise linear.*Use nn.SiLU.*",
        str(caught[0].message),
    )
    assert caught[0].filename == __file__


def test_batch_normalization_warns(iris):
    faulty = network_with(nn.BatchNorm1d(6), nn.ReLU())
    with pytest.warns(UserWarning) as caught:
        quick(anchor=None, encoder=faulty, decoder=network_with(nn.SiLU())).fit(iris[0])
    assert len(caught) == 1
    message = str(caught[0].message)
    assert "encoder has ReLU: piecewise linear" in message
    assert "encoder has BatchNorm1d: during training" in message
    assert "Use nn.LayerNorm" in message
    assert "decoder" not in message


def test_a_plain_autoencoder_may_have_any_layers(iris):
    """No derivative is taken: a plain autoencoder may have any layers."""
    network = network_with(nn.BatchNorm1d(6), nn.ReLU())
    networks = dict(encoder=network, decoder=network)
    options = dict(**networks, anchor=None, max_epochs=1, random_state=0)
    IsometricAE(isometry_weight=0.0, pseudo_inverse_weight=0.0, **options).fit(iris[0])
    with pytest.warns(UserWarning, match="^decoder has ReLU: piecewise linear"):
        IsometricAE(pseudo_inverse_weight=0.0, **options).fit(iris[0])
    smooth = network_with(nn.LayerNorm(6), nn.ELU(), nn.Dropout(0.1))
    quick(anchor=None, encoder=smooth, decoder=smooth).fit(iris[0])


def test_gaussian_points_have_the_moments_of_the_codes():
    generator = torch.Generator().manual_seed(0)
    z = torch.randn(200, 3, generator=generator) * torch.tensor([1.0, 5.0, 0.1]) + 4
    normal = torch.randn(200, 3, generator=generator)
    normal = normal - normal.mean(0)
    normal = normal @ torch.linalg.inv(torch.linalg.cholesky(normal.T @ normal / 200)).T
    points = PRIORS["gaussian"](z, normal, None)
    assert_allclose(points.mean(0), z.mean(0), rtol=1e-4)
    assert_allclose(np.cov(points.T, bias=True), np.cov(z.T, bias=True), atol=5e-3)


def test_gaussian_points_of_equal_codes_are_equal():
    points = PRIORS["gaussian"](torch.full((5, 2), 3.0), torch.randn(5, 2), None)
    assert_allclose(points, 3.0, atol=1e-4)


def test_segment_points_lie_on_segments():
    z = torch.tensor([[0.0, 0.0], [12.0, 0.0], [0.0, 24.0]])
    uniform = torch.tensor([[1 / 12, 0.9], [0.5, 0.9], [1.0, 0.9]])
    points = PRIORS["segments"](z, None, uniform)
    expected = [[0.0, 0.0], [6.0, 0.0], [13.2, -2.4]]
    assert_allclose(points, expected, atol=1e-5)


def test_codes_approach_a_custom_anchor(iris):
    X = iris[0]
    anchor = PCA(2).fit_transform(X) @ [[0.6, 0.8], [-0.8, 0.6]]
    # its center does not matter, and without a graph neither does n_neighbors
    model = quick(anchor=anchor + 100, max_epochs=200, n_neighbors=10_000).fit(X)
    error = model.embedding_ - anchor
    assert np.sqrt((error**2).mean()) < 0.2 * anchor.std()


@pytest.mark.parametrize("factor", [1e-3, 1e3])
def test_an_anchor_in_other_units_warns(iris, factor):
    X = iris[0]
    with pytest.warns(UserWarning, match="Multiply the anchor by about"):
        IsometricAE(anchor=X[:, :2] * factor, max_epochs=1).fit(X)


def test_anchor_isomap_is_the_geodesic_embedding(monkeypatch):
    seen = []
    make = IsometricAE._anchor
    monkeypatch.setattr(
        IsometricAE, "_anchor", lambda *args: seen.append(make(*args)) or seen[-1]
    )
    X = np.random.RandomState(0).randn(100, 4)
    quick().fit(X)
    expected = geodesic_embedding(X)
    sign = np.sign((expected * seen[0].numpy()).sum(axis=0))
    assert_allclose(seen[0].numpy() * sign, expected, atol=1e-4)
    # wide and many: neighbors in fewer columns, of nearly the same distances
    monkeypatch.setattr(_isometric_ae, "_ANCHOR_BUDGET", 0)
    rng = np.random.RandomState(0)
    X = rng.randn(100, 3) @ rng.randn(3, 60)
    quick().fit(X)
    expected = geodesic_embedding(X)
    sign = np.sign((expected * seen[1].numpy()).sum(axis=0))
    assert_allclose(seen[1].numpy() * sign, expected, atol=1e-3)
    # parts of a graph are embedded each by itself
    X = rng.randn(100, 3) + 50 * (np.arange(100)[:, np.newaxis] % 2)
    with pytest.warns(UserWarning, match="has 2 parts.*embedded separately"):
        quick().fit(X)
    anchor = seen[2].numpy()
    for part in (slice(0, None, 2), slice(1, None, 2)):
        own = geodesic_embedding(X[part])
        assert_allclose(pdist(anchor[part]), pdist(own), atol=1e-3)
    assert cdist(anchor[::2], anchor[1::2]).min() > 50


@pytest.mark.parametrize("training", [None, TrainingOptions(weight_decay=1e-4)])
def test_a_few_noisy_samples_are_not_memorized(training):
    X = StandardScaler().fit_transform(load_wine().data)
    X, X_new = train_test_split(X, test_size=0.3, random_state=0)
    model = IsometricAE(training=training, random_state=0).fit(X)
    pca = PCA(2).fit(X)
    linear = pca.inverse_transform(pca.transform(X_new))
    worse = -model.score(X_new) > np.square(linear - X_new).sum(axis=1).mean()
    assert worse == (training is not None)


def test_the_share_of_noise_is_estimated():
    rng = np.random.default_rng(0)
    flat = (
        rng.uniform(-1, 1, size=(900, 2)) @ np.linalg.qr(rng.normal(size=(40, 2)))[0].T
    )
    assert noise_share(100 + flat, 2) < 1e-8 < noise_share(flat, 1)
    noise = rng.normal(size=flat.shape)
    noisy = flat + 0.02 * noise
    # 10 of 40 directions are those of the neighborhood, and contain the plane
    expected = 38 * 0.02**2 / noisy.var(axis=0).sum()
    assert 0.6 * expected < noise_share(noisy, 2) < 1.1 * expected
    assert noise_share(noise, 40) < 1e-8
    assert noise_share(np.zeros((5, 3)), 2) == 0
    assert noise_share(noise[:2], 1) < 1e-8


def test_many_or_clean_samples_have_the_usual_weight_decay():
    noise = np.random.default_rng(0).normal(size=(1000, 5))
    decays = []

    class Recorded(IsometricAE):
        def _weight_decay(self, data):
            decays.append(super()._weight_decay(data))
            return decays[-1]

    for X in (noise, make_s_curve(200, random_state=0).data, noise[1:], noise[500:]):
        Recorded(**QUICK).fit(X)
    assert decays[0] == decays[1] == 1e-4 < decays[2] < decays[3] / 100


def test_the_paper_is_reachable():
    X = make_s_curve(300, random_state=0).data
    paper = IsometricAE(
        isometry_weight=0.01,
        pseudo_inverse_weight=0.01,
        latent_prior="gaussian",
        anchor=None,
        encoder_layers=(32,) * 5,
        activation="softplus",
        batch_size=300,
        max_epochs=20,
        learning_rate=1e-3,
        training=TrainingOptions(
            optimizer="adamw", schedule="constant", warmup=0.0, weight_decay=0.0
        ),
        random_state=0,
    ).fit(X)
    assert set(paper.history_) == {
        "loss",
        "reconstruction",
        "isometry",
        "pseudo_inverse",
        "learning_rate_factor",
    }
    assert paper.history_["reconstruction"][-1] < paper.history_["reconstruction"][0]
    hidden = [m for m in paper.network_.modules() if isinstance(m, nn.Softplus)]
    assert len(hidden) == 5 and hidden[0].beta == 100.0


def test_pca_of_wide_data_is_lossless(iris):
    rng = np.random.RandomState(0)
    basis = np.linalg.qr(rng.randn(100, 4))[0]
    X = iris[0][:40] @ basis.T
    model = quick(max_epochs=400).fit(X)
    project, expand = model.network_.project, model.decoder_.expand
    assert project.weight.shape == (39, 100) and expand.weight.shape == (100, 39)
    assert -model.score(X) < 0.2 * X.var(axis=0).sum()
    Z = model.embedding_
    pairs = np.linalg.norm(Z - Z[::-1], axis=1), np.linalg.norm(X - X[::-1], axis=1)
    # in the units of X also behind the PCA
    assert np.median(pairs[0] / pairs[1]) == pytest.approx(1, abs=0.1)


# -- images


def test_images_have_convolutional_networks(digits):
    X = digits[0][:300]
    model = quick(image_shape=(8, 8), max_epochs=4).fit(X)
    assert type(model.network_.encoder.net) is ConvEncoder
    assert type(model.decoder_.decoder.net) is ConvDecoder
    assert model.history_["loss"][-1] < model.history_["loss"][0]
    colors = quick(image_shape=(8, 8, 3), anchor=None).fit(np.hstack([X, X, X]))
    assert colors.inverse_transform(colors.embedding_[:2]).shape == (2, 192)


# -- custom networks


def test_a_linear_autoencoder_is_pca(iris):
    """The isometric linear maps of least error span the principal components."""
    X = iris[0]
    # made by functions, the networks depend on random_state
    model = quick(
        encoder=lambda n_in, n_out: nn.Linear(n_in, n_out),
        decoder=lambda n_in, n_out: nn.Linear(n_in, n_out),
        anchor=None,
        max_epochs=600,
        learning_rate=3e-2,
    ).fit(X)
    pca = PCA(2).fit(X)
    Z = pca.transform(X)
    distances = np.linalg.norm(Z[:75] - Z[75:], axis=1)
    ours = np.linalg.norm(model.embedding_[:75] - model.embedding_[75:], axis=1)
    assert_allclose(ours, distances, atol=0.05 * distances.max())
    error = ((X - pca.inverse_transform(Z)) ** 2).sum(axis=1).mean()
    assert -model.score(X) < 1.1 * error


# -- warm starts


def test_a_warm_start_goes_on(iris):
    X = iris[0]
    model = quick(warm_start=True, max_epochs=30).fit(X)
    first = model.history_["reconstruction"][-1]
    before = {k: v.clone() for k, v in model.network_.state_dict().items()}
    model.set_params(max_epochs=1, learning_rate=1e-9).fit(X)
    for name, value in model.network_.state_dict().items():
        torch.testing.assert_close(value, before[name], rtol=1e-3, atol=1e-5)
    assert model.history_["reconstruction"][0] < first * 1.5
    assert "anchor" not in model.history_
    # other data, in units of the first: its scales are those of the networks
    model.fit(X * 3)
    for name in ("inner.factor", "outer.factor"):
        assert (
            model.network_.state_dict()[f"encoder.{name}"] == before[f"encoder.{name}"]
        )


# -- training options


def test_early_stopping_waits_for_the_anchor(iris):
    options = TrainingOptions(n_iter_no_change=2, tol=0.5)
    # the loss falls with the anchor's weight: those epochs do not count
    model = quick(max_epochs=50, training=options)
    assert 30 < model.fit(iris[0]).n_iter_ < 40


def test_muon_is_the_optimizer_unless_another_is_named(iris):
    by_default = quick().fit_transform(iris[0])
    for options in (TrainingOptions(), TrainingOptions(optimizer="muon", warmup=0.03)):
        muon = quick(training=options).fit_transform(iris[0])
        assert_array_equal(by_default, muon)
    adamw = quick(training=TrainingOptions(optimizer="adamw")).fit_transform(iris[0])
    assert not np.array_equal(by_default, adamw)


def test_a_table_in_unrelated_units_is_said_once():
    rng = np.random.RandomState(0)
    X = pd.DataFrame({"income": rng.rand(60) * 9e4, "ratio": rng.rand(60) * 0.1})
    model = IsometricAE(max_epochs=1, random_state=0)
    with pytest.warns(
        UserWarning, match="'income' varies .* as column 'ratio'"
    ) as all_:
        model.fit(X)
    assert len(all_) == 1 and "Put StandardScaler before IsometricAE" in str(all_[0])
    make_pipeline(StandardScaler(), model).fit(X)
