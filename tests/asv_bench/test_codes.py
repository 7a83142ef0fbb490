# SPDX-License-Identifier: BSD-3-Clause

"""Figures of short codes: retrieval and nested spheres."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from asv_bench.compare import codes

make_spheres = codes.spheres


def test_average_precision_is_that_of_scikit_learn():
    from sklearn.decomposition import PCA
    from sklearn.metrics import average_precision_score
    from sklearn.metrics.pairwise import cosine_similarity

    result = codes.retrieval("digits", "PCA", 4, 0)
    X, y, X_new, y_new = codes.parts_of("digits")
    model = PCA(4, random_state=0).fit(X)
    similarity = cosine_similarity(model.transform(X_new), model.transform(X))
    scores = [
        average_precision_score(y == label, row)
        for label, row in zip(y_new, similarity, strict=True)
    ]
    assert result["mAP"] == pytest.approx(np.mean(scores), abs=1e-3)
    assert result["R@1"] < result["R@5"] < result["R@10"] < 1


def test_as_many_components_as_features_are_left_out():
    assert codes.retrieval("digits", "PCA", 64, 0) == {}


def test_spheres_have_their_radii():
    X, y = codes.spheres(0, n_inner=30)
    assert X.shape == (600, 101)
    assert np.linalg.norm(X[y == 10], axis=1) == pytest.approx(25, abs=1e-4)
    inner = X[y == 3]
    assert cdist(inner, inner).max() < 10


def test_divergence_is_zero_for_a_scaled_copy():
    distances = cdist(*[np.random.default_rng(0).normal(size=(50, 3))] * 2)
    assert codes.divergence(distances, 7 * distances, 0.1) == pytest.approx(0)
    assert codes.divergence(distances, distances**2, 0.1) > 0.01


def test_the_plane_is_measured(monkeypatch):
    monkeypatch.setattr(codes, "spheres", lambda seed: make_spheres(seed, n_inner=20))
    result = codes.plane("spheres", "PCA", 0, n_scored=200)
    assert set(result) == {*codes.PARTS["plane"].columns, "seconds"}
    assert 0 < result["KL 1"] < result["KL 0.1"]
    assert 0.5 < result["trustworthiness"] < 1


def test_maps_are_timed_on_the_same_samples():
    result = codes.transform("digits", "float32", 4, 0)
    assert (result["samples"], result["columns"]) == (1797, 64)
    assert set(result) == set(codes.PARTS["transform"].columns)
    assert result["TLDR, 1"] > 0


def test_a_preceding_step_is_measured():
    result = codes.step("digits", "PCA, DLME", 0, n_samples=60)
    assert set(result) == set(codes.PARTS["step"].columns)
    assert result["accuracy"] > 0.3
