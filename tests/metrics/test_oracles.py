# SPDX-License-Identifier: BSD-3-Clause

"""Comparison with other implementations of the same, or similar, metrics."""

from importlib import import_module

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skmanifold import metrics


@pytest.fixture
def pair():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 6))
    return X, np.tanh(X[:, :2]) + 0.1 * rng.normal(size=(120, 2))


# -- ZADU (H. Jeon et al., IEEE VIS 2023) --------------------------------------------


@pytest.fixture
def zadu():
    """Computes one of their measures, which are modules with a function `measure`."""
    pytest.importorskip("zadu")

    def measure(name, *args, **options):
        return import_module(f"zadu.measures.{name}").measure(*args, **options)

    return measure


@pytest.mark.parametrize("k", [1, 10, 40])
def test_trustworthiness_and_continuity_are_those_of_zadu(pair, zadu, k):
    X, Z = pair
    theirs = zadu("trustworthiness_continuity", X, Z, k=k)
    assert_allclose(
        metrics.trustworthiness(X, Z, n_neighbors=k), theirs["trustworthiness"]
    )
    assert_allclose(metrics.continuity(X, Z, n_neighbors=k), theirs["continuity"])


@pytest.mark.parametrize("k", [1, 10, 40])
def test_relative_rank_errors_are_those_of_zadu(pair, zadu, k):
    # Theirs are 1 - error, and normalized by sums of |n - 2t + 1| / t, an order that
    # ranks from 1 to n - 1 cannot reach; the reversed order has |n - 2t| / t.
    X, Z = pair
    theirs = zadu("mean_relative_rank_error", X, Z, k=k)
    t = np.arange(1, k + 1)
    factor = (np.abs(120 - 2 * t + 1) / t).sum() / (np.abs(120 - 2 * t) / t).sum()
    for direction, key in {"embedding": "mrre_false", "input": "mrre_missing"}.items():
        ours = metrics.mean_relative_rank_error(
            X, Z, n_neighbors=k, direction=direction
        )
        assert_allclose(ours, factor * (1 - theirs[key]), err_msg=direction)


@pytest.mark.parametrize("k", [1, 10, 40])
def test_neighborhood_preservation_and_hit_are_those_of_zadu(pair, zadu, k):
    X, Z = pair
    # The local continuity meta-criterion is Q less its chance level.
    theirs = zadu("local_continuity_meta_criteria", X, Z, k=k)["lcmc"]
    ours = metrics.neighborhood_preservation(X, Z, n_neighbors=k)
    assert_allclose(ours - k / 119, theirs)
    y = (X[:, 0] > 0).astype(int)
    theirs = zadu("neighborhood_hit", Z, y, k=k)["neighborhood_hit"]
    assert_allclose(metrics.neighborhood_hit(Z, y, n_neighbors=k), theirs)


def test_stress_and_correlations_are_those_of_zadu(pair, zadu):
    X, Z = pair
    theirs = zadu("scale_normalized_stress", X, Z)["scale_normalized_stress"]
    assert_allclose(metrics.stress(X, Z), theirs)
    theirs = zadu("pearson_r", X, Z)["pearson_r"]
    assert_allclose(metrics.distance_correlation(X, Z, method="pearson"), theirs)
    theirs = zadu("spearman_rho", X, Z)["spearman_rho"]
    assert_allclose(metrics.distance_correlation(X, Z), theirs)


# -- scikit-dimension (J. Bac et al., Entropy 2021) ----------------------------------


@pytest.fixture
def estimators():
    return pytest.importorskip("skdim.id")


def test_two_nearest_neighbors_are_those_of_scikit_dimension(pair, estimators):
    X, _ = pair
    theirs = estimators.TwoNN(discard_fraction=0.1).fit(X).dimension_
    assert_allclose(metrics.intrinsic_dimension(X), theirs)


@pytest.mark.parametrize("k", [5, 20])
def test_the_maximum_likelihood_is_that_of_scikit_dimension(pair, estimators, k):
    X, _ = pair
    # unbiased=False divides by k - 1 as Levina and Bickel do; comb="mle" is the
    # harmonic mean of MacKay and Ghahramani.
    theirs = estimators.MLE(K=k, unbiased=False, neighborhood_based=True)
    theirs.fit(X, n_neighbors=k, comb="mle")
    local = metrics.intrinsic_dimension(X, method="mle", n_neighbors=k, per_sample=True)
    assert_allclose(local, theirs.dimension_pw_)
    ours = metrics.intrinsic_dimension(X, method="mle", n_neighbors=k)
    assert_allclose(ours, theirs.dimension_)
