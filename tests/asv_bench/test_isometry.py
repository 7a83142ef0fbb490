# SPDX-License-Identifier: BSD-3-Clause

from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.decomposition import PCA

from asv_bench.compare import isometry
from skmanifold.datasets import make_open_sphere


def test_even_rings_do_not_vary():
    angle = 2 * np.pi * np.arange(72) / 72
    ring = np.column_stack([np.cos(angle), np.sin(angle)])
    assert isometry.ring_variation(np.vstack([ring, 5 * ring + 3])) < 1e-12
    # the last view is followed by the first: a line of views is no ring
    line = np.column_stack([np.arange(72.0), np.zeros(72)])
    steps = np.append(np.ones(71), 71)
    expected = steps.std() / steps.mean()
    assert isometry.ring_variation(line) == pytest.approx(expected)
    both = isometry.ring_variation(np.vstack([ring, line]))
    assert both == pytest.approx(expected / 2)


def test_error_of_rings_is_that_of_their_steps():
    X = np.random.default_rng(0).normal(size=(144, 5))
    similar = X @ np.linalg.qr(np.random.default_rng(1).normal(size=(5, 5)))[0]
    similar[:72] *= 3
    assert isometry.ring_error(similar, X) < 1e-7
    # least squares by hand
    Z = X[:, :2]
    errors = []
    for steps, truth in zip(
        isometry.ring_steps(Z), isometry.ring_steps(X), strict=True
    ):
        _, residual, *_ = np.linalg.lstsq(steps[:, np.newaxis], truth, rcond=None)
        errors.append(np.sqrt(residual[0] / (truth**2).sum()))
    assert isometry.ring_error(Z, X) == pytest.approx(np.mean(errors))


def test_rings_are_embedded_together_or_each_by_itself(monkeypatch):
    X = np.random.default_rng(0).normal(size=(144, 5))
    data = SimpleNamespace(usual_input=lambda: X)
    monkeypatch.setattr(isometry, "load", lambda name: data)
    for objects in ("all", "each"):
        # the pixels are the figures of an isometry
        row = isometry.ring(objects, "pixels", 0)
        assert row["error"] < 1e-7
        assert row["variation"] == isometry.ring_variation(X)
    parts = {"all": [X], "each": [X[:72], X[72:]]}
    for objects, samples in parts.items():
        row = isometry.ring(objects, "PCA", 0)
        Z = np.concatenate([PCA(2).fit_transform(part) for part in samples])
        assert row["variation"] == pytest.approx(isometry.ring_variation(Z))
        assert row["error"] == pytest.approx(isometry.ring_error(Z, X))


def test_the_half_sphere_has_a_floor():
    codes = make_open_sphere(2000, random_state=0).coordinates
    assert isometry.azimuthal_floor(codes) == pytest.approx(0.1, abs=0.005)
    # near the pole the sphere is flat
    assert isometry.azimuthal_floor(0.1 * codes) < 0.002


@pytest.mark.parametrize("name", isometry.SURFACES)
def test_a_surface_is_measured(name):
    row = isometry.surface(
        name, 0, n_samples=200, n_new=50, max_epochs=2, encoder_layers=(16,)
    )
    assert all(np.isfinite(value) for value in row.values())
    assert ("floor" in row) == (name == "open sphere")
    assert row["held-out error"] > 0
    assert -1 <= row["rank correlation"] <= 1


def test_plain_autoencoder_is_the_same_but_for_the_loss():
    for kind in ("", ", convolutional"):
        isometric, plain = (
            isometry.reconstruction_method(name + kind, 0).get_params()
            for name in ("IsometricAE", "plain autoencoder")
        )
        differing = {name for name in isometric if isometric[name] != plain[name]}
        assert differing == {"isometry_weight", "pseudo_inverse_weight"}


@pytest.mark.parametrize("name", ["AtlasAE", "plain autoencoder", "PCA"])
def test_decoding_is_measured(name):
    options = {} if name == "PCA" else {"max_epochs": 20}
    row = isometry.inverse(f"digits: {name}", 0, **options)
    assert 0.1 < row["new points' error"] < 1
    assert row["way back, CPU ms for 1,000"] > 0
