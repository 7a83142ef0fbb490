# SPDX-License-Identifier: BSD-3-Clause

import warnings

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.spatial.distance import cdist
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.exceptions import NotFittedError
from torch import nn

from skmanifold.atlas import AtlasAE
from skmanifold.atlas._atlas_ae import AtlasAEObjective, ChartDecoders, Critic
from skmanifold.atlas._charts import ChartEncoder, ChartHeads
from skmanifold.datasets import make_sphere, make_torus
from skmanifold.topology import betti_numbers, denoise, overlap

QUICK = dict(n_charts=3, max_epochs=2, batch_size=32, random_state=0)


def quick(**options):
    return AtlasAE(**{**QUICK, **options})


@pytest.fixture(scope="module")
def sphere():
    return make_sphere(600, random_state=0)


@pytest.fixture(scope="module")
def fitted_sphere(sphere):
    return AtlasAE(n_charts=8, random_state=0).fit(sphere.data)


# -- quality: a coarse guard


def test_a_sphere_is_covered_by_charts(sphere, fitted_sphere):
    X = sphere.data
    assert fitted_sphere.score(X) > -0.02
    q = fitted_sphere.predict_proba(X)
    with warnings.catch_warnings(action="ignore"):
        # eight charts are so few that the numbers are undecided
        assert betti_numbers(q).numbers == (1, 0, 1)
    assert (q.mean(0) > 0.1 / 8).all()
    assert q.max(1).mean() > 0.8
    assert_allclose(fitted_sphere.chart_overlap_, overlap(q), rtol=1e-5, atol=1e-7)
    new = make_sphere(300, random_state=1).data
    assert fitted_sphere.score(new) > -0.03


def test_samples_and_grids_lie_on_the_sphere(fitted_sphere):
    radius = np.linalg.norm(fitted_sphere.sample(500, random_state=0), axis=1)
    assert np.median(np.abs(radius - 1)) < 0.1
    grid = fitted_sphere.decode_grid(2, 7)
    assert grid.shape == (7, 7, 3)
    assert np.median(np.abs(np.linalg.norm(grid, axis=2) - 1)) < 0.1


def test_sample_is_seeded(fitted_sphere):
    a, b = (fitted_sphere.sample(5, random_state=1) for _ in range(2))
    assert_array_equal(a, b)
    assert not np.array_equal(a, fitted_sphere.sample(5, random_state=2))
    assert fitted_sphere.sample().shape == (1, 3)


@pytest.mark.parametrize("init", ["random", "farthest"])
def test_prototypes_reach_those_of_k_means_from_any_start(sphere, init):
    model = AtlasAE(init=init, max_epochs=30, random_state=0).fit(sphere.data)
    assert model.score(sphere.data) > -0.1
    assert len(set(model.labels_)) == 8
    # wherever prototypes start, they go where those of k-means are; at the pace of
    # other weights they would not: 1.7 times the distance, from random rows
    kmeans = KMeans(8, n_init=1, random_state=0).fit(sphere.data)
    centers = model.network_.encoder.parts.heads.prototypes.numpy()
    rows = model._scaler.transform(sphere.data)
    nearest = cdist(rows, centers, "sqeuclidean").min(axis=1).mean()
    scale = (rows**2).sum() / (sphere.data**2).sum()
    assert nearest < 1.4 * scale * kmeans.inertia_ / len(rows)


def test_the_critic_of_the_gan_is_kept_in_doubt(sphere):
    model = AtlasAE(divergence="gan", max_epochs=40, random_state=0).fit(sphere.data)
    assert model.score(sphere.data) > -0.05
    assert set(model.history_) == {
        "loss",
        "reconstruction",
        "locality",
        "divergence",
        "critic",
        "learning_rate_factor",
    }
    assert model.history_["critic"][-1] > 0.6 * 2 * np.log(2)


def test_denoise_is_the_denoised_training_set(sphere):
    rng = np.random.default_rng(0)
    X = np.pad(sphere.data, ((0, 0), (0, 17)))
    X = X + 0.1 * rng.normal(size=X.shape)
    model = quick(denoise=True, max_epochs=40).fit(X)
    assert model.score(denoise(X)) > quick(max_epochs=40).fit(X).score(denoise(X))


# -- the loss


def small_objective(membership="hard", gan=False, n=12, k=3, d=2):
    torch.manual_seed(0)
    x = torch.randn(n, 4)
    heads = ChartHeads(5, k, d, prototypes=x[:k], temperature=2.0)
    return AtlasAEObjective(
        x,
        ChartEncoder(nn.Sequential(nn.Linear(4, 5), nn.Tanh()), heads),
        ChartDecoders(k, d, 4, layers=(6,), membership=membership),
        Critic(k, d) if gan else None,
        divergence_weight=0.5,
        locality_weight=0.3,
    )


def test_terms_are_those_of_loops():
    objective = small_objective()
    x = objective.inputs
    rows, draws = torch.arange(12), torch.rand(6, 3, 2)
    terms = objective((rows, draws), 0.0)
    q, y = objective.encoder.charts(x)
    prototypes = objective.encoder.parts.heads.prototypes
    decoders = objective.decoder
    first, head = decoders.hidden[0], decoders.head
    error = apart = 0.0
    for i in range(12):
        for j in range(3):
            code = (y[i, j] - 0.5) * 12**0.5
            hidden = nn.functional.gelu(
                code @ first.weight[j] + first.bias.view(3, -1)[j]
            )
            decoded = hidden @ head.weight[j] + head.bias.view(3, -1)[j]
            error = error + q[i, j] * (x[i] - decoded).square().sum() / 12
            apart = apart + q[i, j] * (x[i] - prototypes[j]).square().sum() / 12
    variance = x.square().sum(1).mean()
    torch.testing.assert_close(terms["reconstruction"], error / variance)
    torch.testing.assert_close(terms["locality"], 0.3 * apart / variance)


def test_each_player_of_the_gan_has_its_own_gradients():
    objective = small_objective(gan=True)
    batch = torch.arange(12), torch.rand(6, 3, 2)
    players = {
        "critic": list(objective.critic.parameters()),
        "divergence": list(objective.encoder.parts.heads.coordinates.parameters()),
    }
    for term in players:
        loss = objective(batch, 0.0)[term]
        for player, parameters in players.items():
            grads = torch.autograd.grad(
                loss, parameters, retain_graph=True, allow_unused=True
            )
            moved = any(g is not None and g.abs().max() > 0 for g in grads)
            assert moved == (player == term)


@pytest.mark.parametrize("membership", ["hard", "soft"])
def test_blocks_are_decoded_by_their_memberships(membership):
    decoder = small_objective(membership).decoder
    q = torch.tensor([[0.2, 0.5, 0.3]])
    y = torch.rand(1, 3, 2)
    blocks = torch.cat([q.unsqueeze(2), y], 2).flatten(1)
    each = decoder.decode(y)[0]
    expected = each[1] if membership == "hard" else q[0] @ each
    torch.testing.assert_close(decoder(blocks)[0], expected)


# -- chart blocks


@pytest.mark.parametrize("membership", ["hard", "soft"])
def test_blocks_hold_memberships_and_coordinates(iris, membership):
    X = iris[0]
    model = quick(membership=membership).fit(X)
    Z = model.embedding_
    assert Z.shape == (150, 9)
    index, coordinates = model.charts(X)
    q = model.predict_proba(X)
    assert_array_equal(index, q.argmax(1))
    assert_array_equal(index, model.labels_)
    assert_array_equal(clone(model).fit_predict(X), model.labels_)
    blocks = Z.reshape(150, 3, 3)
    weights = q if membership == "soft" else np.eye(3)[index]
    assert_allclose(blocks[:, :, 0], weights, rtol=1e-6)
    rows = np.arange(150)
    assert_allclose(
        blocks[rows, index, 1:], weights[rows, index, None] * coordinates, rtol=1e-5
    )
    assert ((coordinates >= 0) & (coordinates <= 1)).all()


@pytest.mark.parametrize("membership", ["hard", "soft"])
def test_decoded_codes_are_reconstructions(iris, membership):
    X = iris[0]
    model = quick(membership=membership, max_epochs=30).fit(X)
    back = model.inverse_transform(model.transform(X))
    assert_allclose(back, model.reconstruct(X), rtol=1e-4, atol=1e-4)
    assert model.score(X) == pytest.approx(-((X - back) ** 2).sum(1).mean(), rel=1e-3)
    # weights count by their proportions
    if membership == "hard":
        doubled = model.inverse_transform(2 * model.transform(X))
        assert_allclose(doubled, back, rtol=1e-4, atol=1e-4)


def test_inverse_transform_checks_weights(iris):
    model = quick().fit(iris[0])
    Z = model.transform(iris[0])
    with pytest.raises(ValueError, match=r"has 8 columns, but the embedding"):
        model.inverse_transform(Z[:, :8])
    for bad in (np.zeros(9), -Z[2]):
        Z[2] = bad
        with pytest.raises(ValueError, match="Sample 2 of X has the weights"):
            model.inverse_transform(Z)


def test_what_was_fitted_counts_not_what_the_parameter_says_later(iris):
    X = iris[0]
    model = quick(n_components=2).fit(X)
    Z = model.transform(X)
    chart, coordinates = model.charts(X)
    back, sample = model.inverse_transform(Z), model.sample(3, random_state=0)
    grid = model.decode_grid(1, n_points=3)
    model.set_params(n_components=5, n_charts=7)
    assert_array_equal(model.transform(X), Z)
    assert_array_equal(model.charts(X)[0], chart)
    assert_array_equal(model.charts(X)[1], coordinates)
    assert_array_equal(model.inverse_transform(Z), back)
    assert_array_equal(model.sample(3, random_state=0), sample)
    assert_array_equal(model.decode_grid(1, n_points=3), grid)
    assert len(model.get_feature_names_out()) == Z.shape[1]


def test_distances_are_those_within_charts(iris):
    X = iris[0]
    hard = quick().fit(X)
    D = hard.distance(X[:40], X)
    index, y = hard.charts(X)
    shared = index[:40, None] == index
    assert_array_equal(np.isfinite(D), shared)
    apart = np.linalg.norm(y[:40, None] - y, axis=2)
    assert_allclose(D[shared], apart[shared], atol=1e-6)
    soft = quick(membership="soft").fit(X)
    D = soft.distance(X, X)
    assert_allclose(D, D.T, atol=1e-9)
    assert_allclose(np.diag(D), 0, atol=1e-9)


def test_methods_need_fit(iris):
    for call in (
        lambda: quick().sample(),
        lambda: quick().decode_grid(0),
        lambda: quick().distance(iris[0], iris[0]),
        lambda: quick().get_feature_names_out(),
        lambda: quick().inverse_transform(np.ones((1, 9))),
    ):
        with pytest.raises(NotFittedError):
            call()


# -- unusual input


def test_sparse_samples_have_memberships(iris):
    X = sparse.csr_array(iris[0])
    model = quick().fit(X)
    q = model.memberships(X)
    assert_array_equal(q, model.predict_proba(iris[0]))
    assert_array_equal(model.predict(X), q.argmax(1))
    with pytest.raises(TypeError, match=r"sparse X. Use memberships\(X\)"):
        model.predict_proba(X)


def test_all_outputs_of_single_precision_are_single(iris):
    X = iris[0].astype(np.float32)
    model = quick().fit(X)
    decoded = model.inverse_transform(model.embedding_)
    for result in (decoded, model.sample(2), model.predict_proba(X)):
        assert result.dtype == np.float32


def test_votes_determine_the_number_of_charts():
    X = make_torus(2000, random_state=0).data
    model = AtlasAE("auto", max_epochs=1, random_state=0).fit(X)
    assert 16 < model.n_charts_ <= 32
    assert model.partial_fit(X[:20]).n_charts_ == model.n_charts_
    with pytest.warns(UserWarning, match="at least 160 .* using n_charts=16"):
        assert model.fit(X[:100]).n_charts_ == 16


@pytest.mark.parametrize("n_samples", [2, 5])
def test_few_samples_reduce_n_charts_with_one_warning(iris, n_samples):
    X = iris[0][::30][:n_samples]
    with pytest.warns(UserWarning) as caught:
        model = AtlasAE(random_state=0, max_epochs=2).fit(X)
    assert [str(w.message) for w in caught] == [
        f"n_charts=8 is more than the {n_samples} samples of X; using "
        f"n_charts={n_samples}."
    ]
    assert model.n_charts_ == n_samples
    assert model.transform(X).shape == (n_samples, 3 * n_samples)


def test_a_part_of_fewer_samples_than_charts_trains_all_charts(iris):
    X = iris[0]
    model = quick(batch_size=2, max_epochs=1).fit(X)
    before = model.transform(X)
    model.partial_fit(X[:2])
    assert model.n_charts_ == 3
    assert model.transform(X).shape == before.shape
    assert not np.array_equal(model.transform(X), before)


def test_charts_that_a_small_first_part_has_reduced_are_kept(iris):
    X = iris[0]
    model = quick(batch_size=2, max_epochs=1)
    with pytest.warns(UserWarning, match="using n_charts=2"):
        model.partial_fit(X[:2])
    assert model.partial_fit(X).n_charts_ == 2


def test_going_on_needs_as_many_charts(iris):
    X = iris[0]
    model = quick(batch_size=2, max_epochs=1).fit(X)
    before = model.transform(X)
    message = r"heads.prototypes' has shape \(2, 4\), not \(3, 4\).* pass more"
    with pytest.raises(ValueError, match=message):
        model.set_params(n_charts=2).partial_fit(X)
    assert_array_equal(model.transform(X), before)


# -- errors


def test_charts_that_do_not_exist_are_refused(iris):
    model = quick().fit(iris[0])
    with pytest.raises(ValueError, match="chart=3 does not exist"):
        model.decode_grid(3)
    with pytest.raises(ValueError, match=r"'n_samples' .* Got 0"):
        model.sample(0)
