# SPDX-License-Identifier: BSD-3-Clause

import math

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn

from skmanifold import TopologicalAE
from skmanifold.datasets import make_circle
from skmanifold.estimators._topological_ae import TopologicalAEObjective
from skmanifold.topology import persistence_edges

QUICK = dict(max_epochs=2, encoder_layers=(16,), batch_size=32, random_state=0)


def quick(**options):
    return TopologicalAE(**{**QUICK, **options})


@pytest.fixture(scope="module")
def spheres():
    """Return five small spheres inside a large one, in 21 dimensions."""
    rng = np.random.RandomState(0)
    points = rng.normal(size=(1000, 21))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    centers = rng.normal(scale=1.75, size=(5, 21))
    inner = 4 * points[:500].reshape(5, 100, 21) + centers[:, None]
    X = np.concatenate([inner.reshape(500, 21), 20 * points[500:]])
    y = np.repeat(np.arange(6), [100] * 5 + [500])
    order = rng.permutation(1000)
    return X[order], y[order]


@pytest.mark.parametrize("dimension", [0, 1])
def test_terms_are_those_of_loops(dimension):
    X = np.random.RandomState(0).normal(size=(40, 3)).astype(np.float32)
    encoder, decoder = nn.Linear(3, 2), nn.Linear(2, 3)
    objective = TopologicalAEObjective(
        torch.from_numpy(X),
        encoder,
        decoder,
        topology_weight=0.5,
        max_homology_dimension=dimension,
    )
    nn.init.constant_(objective.log_unit, math.log(1.7))
    terms = objective((torch.arange(15), None), 0.0)

    spread = math.sqrt(2 * X.var(axis=0).sum())
    x = X[:15]
    z = encoder(torch.from_numpy(x)).detach()
    errors = x - decoder(z).detach().numpy()
    share = (errors**2).sum(axis=1).mean() / X.var(axis=0).sum()
    A, B = cdist(x, x) / spread, cdist(z, z) / 1.7
    total = 0.0
    for distances in (A, B):
        for i, j in persistence_edges(distances, max_dimension=dimension):
            total += (A[i, j] - B[i, j]) ** 2
    assert terms["reconstruction"].item() == pytest.approx(share, rel=1e-4)
    assert terms["topology"].item() == pytest.approx(0.5 * total / 30, rel=1e-4)


def density(points, sigma):
    """Return the normalized kernel density at each point, as the paper measures it."""
    distances = cdist(points, points)
    density = np.exp(-((distances / distances.max()) ** 2) / sigma).sum(axis=1)
    return density / density.sum()


def test_nested_spheres_keep_their_densities(spheres):
    """A plain autoencoder mixes the large sphere with the small ones."""
    X, _ = spheres
    p = density(X, 0.01)
    divergence = {}
    for weight in (0.0, 10.0):
        model = TopologicalAE(
            topology_weight=weight,
            encoder_layers=(32, 32),
            max_epochs=20,
            learning_rate=5e-3,
            random_state=0,
        )
        q = density(model.fit_transform(X), 0.01)
        divergence[weight] = (p * np.log(p / q)).sum()
    assert divergence[10.0] < 0.8 * divergence[0.0]


def test_a_circle_stays_a_circle():
    pytest.importorskip("gudhi")
    X = make_circle(200, random_state=0).data
    model = TopologicalAE(
        max_homology_dimension=1,
        encoder_layers=(32,),
        max_epochs=20,
        batch_size=40,
        learning_rate=1e-2,
        random_state=0,
    ).fit(X)
    Z = model.embedding_ - model.embedding_.mean(axis=0)
    radius = np.linalg.norm(Z, axis=1)
    assert radius.min() > 0.3 * radius.max(), "nothing in its middle"


@pytest.mark.parametrize(
    "options, terms",
    [
        ({}, {"reconstruction", "topology"}),
        ({"topology_weight": 0}, {"reconstruction"}),
    ],
)
def test_the_history_has_the_terms_in_use(spheres, options, terms):
    model = quick(**options).fit(spheres[0][:100])
    assert set(model.history_) == {"loss", "learning_rate_factor", *terms}


def test_units_of_the_data_have_no_effect(spheres):
    X = spheres[0][:100]
    histories = [quick().fit(factor * X).history_["loss"] for factor in (1, 2.0**20)]
    assert histories[0] == pytest.approx(histories[1], rel=1e-4)


def test_reconstruction_is_in_the_units_of_the_data():
    X = 100 * make_circle(200, random_state=0).data
    model = quick(topology_weight=0.1, max_epochs=60, learning_rate=1e-2).fit(X)
    assert -model.score(X) < 0.1 * X.var(axis=0).sum()
    assert model.inverse_transform(model.embedding_).shape == X.shape


def test_a_few_noisy_samples_are_not_memorized():
    X = StandardScaler().fit_transform(load_wine().data)
    X, X_new = train_test_split(X, test_size=0.3, random_state=0)
    model = TopologicalAE(random_state=0).fit(X)
    variance = np.square(X_new - X.mean(axis=0)).sum(axis=1).mean()
    assert -model.score(X_new) < 0.7 * variance
