# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits, load_iris
from sklearn.decomposition import PCA
from sklearn.mixture import GaussianMixture

from skmanifold.inspection import ClusterConfidenceDisplay, ClusterRankDisplay
from skmanifold.metrics import cluster_rank_accuracy

Q = np.array([[0.6, 0.4, 0.0], [0.2, 0.7, 0.1], [0.9, 0.1, 0.0], [0.0, 1.0, 0.0]])


# Confidence -----------------------------------------------------------------


def test_sorted_bars_are_the_largest_memberships():
    display = ClusterConfidenceDisplay.from_predictions(Q)
    assert_array_equal(display.labels_, [0, 1, 0, 1])
    assert_array_equal(display.confidence_, [0.6, 0.7, 0.9, 1.0])
    # by cluster, the surest first
    assert_array_equal(display.order_, [2, 0, 3, 1])
    # the third cluster has no samples
    assert len(display.bars_) == 2
    first, second = (bars.get_paths()[0] for bars in display.bars_)
    assert_allclose(first.get_extents().bounds, (0.0, 0.0, 0.9, 2.0))
    assert_allclose(second.get_extents().bounds, (0.0, 2.0, 1.0, 2.0))
    assert {0.9, 0.6} <= set(first.vertices[:, 0])
    labels = [label.get_text() for label in display.ax_.get_yticklabels()]
    assert labels == ["0", "1"]
    # the first sample is above
    assert display.ax_.get_ylim() == (4, 0)


def test_matrix_is_the_memberships_in_order():
    display = ClusterConfidenceDisplay.from_predictions(Q, kind="matrix")
    assert_array_equal(display.image_.get_array(), Q[[2, 0, 3, 1]])
    assert display.image_.get_clim() == (0.0, 1.0)
    assert not display.bars_


def test_large_matrix_is_drawn_by_means():
    rng = np.random.default_rng(0)
    many = rng.dirichlet([1.0, 1.0], size=1001)
    display = ClusterConfidenceDisplay.from_predictions(many, kind="matrix")
    drawn = display.image_.get_array()
    assert drawn.shape == (400, 2)
    ordered = many[display.order_]
    assert_allclose(drawn[0], ordered[:2].mean(axis=0))
    assert_allclose(drawn[-1], ordered[998:].mean(axis=0))


def test_confidence_from_estimator_equals_from_predictions():
    X, _ = load_iris(return_X_y=True)
    mixture = GaussianMixture(3, random_state=0).fit(X)
    display = ClusterConfidenceDisplay.from_estimator(mixture, X, kind="matrix")
    assert_array_equal(display.memberships, mixture.predict_proba(X))
    assert_array_equal(display.labels_, mixture.predict(X))
    assert display.ax_.get_title() == "GaussianMixture"
    named = ClusterConfidenceDisplay.from_estimator(mixture, X, name="n")
    assert named.ax_.get_title().startswith("n")


@pytest.mark.parametrize(
    "memberships, options, message",
    [
        ([0.5, 0.5], {}, "memberships is invalid: Expected 2D"),
        ([[0.5, 0.6]], {}, "sums from 1.1 to 1.1"),
        ([[1.5, -0.5]], {}, "non-negative"),
        ([[np.nan, 1.0]], {}, "memberships contains NaN"),
        (Q, {"kind": "bars"}, r"'kind' .* must be a str among"),
    ],
)
def test_wrong_memberships_are_refused(memberships, options, message):
    with pytest.raises(ValueError, match=message):
        ClusterConfidenceDisplay.from_predictions(memberships, **options)


def test_an_estimator_without_soft_assignments_is_refused():
    with pytest.raises(TypeError, match="KMeans has no method predict_proba"):
        ClusterConfidenceDisplay.from_estimator(KMeans(), Q)


# Ranks ----------------------------------------------------------------------


def test_kept_ranks_are_blue_and_changed_ones_yellow():
    X, Z, labels = [[0.0], [1.0], [5.0]], [[0.0], [9.0], [5.0]], ["a", "b", "c"]
    display = ClusterRankDisplay.from_embedding(X, Z, labels)
    # from a: b, c became c, b; from b nothing changed; from c: b, a became b, a
    changed = np.array([[0, 1, 1], [1, 0, 1], [0, 0, 0]])
    assert_array_equal(display.image_.get_array(), changed)
    assert_allclose(display.accuracy_, cluster_rank_accuracy(X, Z, labels))
    blue, yellow = (to_hex(display.image_.cmap(i)) for i in (0, 1))
    assert (blue, yellow) == ("#2166ac", "#f6d55c")
    colors = [to_hex(h.get_facecolor()) for h in display.legend_.get_patches()]
    assert colors == [blue, yellow]
    names = [text.get_text() for text in display.legend_.get_texts()]
    assert names == ["rank kept", "rank changed"]
    ticks = [label.get_text() for label in display.ax_.get_xticklabels()]
    assert ticks == labels


def test_numbers_say_by_how_many_ranks():
    X, Z, labels = [[0.0], [1.0], [5.0]], [[0.0], [9.0], [5.0]], [0, 1, 2]
    display = ClusterRankDisplay.from_embedding(X, Z, labels)
    result = {(*t.get_position(),): t.get_text() for t in display.texts_}
    # seen from 0, cluster 1 went from the second rank to the third
    assert result[1, 0] == "+1" and result[2, 0] == "-1"
    assert len(result) == int(display.image_.get_array().sum())
    X, Z = np.random.default_rng(0).normal(size=(2, 21, 2))
    many = ClusterRankDisplay.from_embedding(X, Z, list("abcdefghijklmnopqrstu"))
    assert many.accuracy_ < 1 and not many.texts_


def test_levels_keep_their_order_without_missing_labels():
    X, y = load_iris(return_X_y=True)
    Z = PCA(2).fit_transform(X)
    levels = ["wide", "long", "both"]
    kinds = pd.Series(pd.Categorical.from_codes(y, levels))
    display = ClusterRankDisplay.from_embedding(X, Z, kinds)
    assert list(display.labels) == levels
    kept = np.arange(150) % 5 > 0
    display = ClusterRankDisplay.from_embedding(X, Z, kinds.where(kept))
    expected = ClusterRankDisplay.from_embedding(X[kept], Z[kept], y[kept])
    assert_array_equal(display.input_ranks, expected.input_ranks)
    names = [f"group {i}" for i in range(12)]
    display = ClusterRankDisplay.from_embedding(
        X, Z, np.array(names)[np.arange(150) % 12]
    )
    assert list(display.labels) == names


def test_rank_accuracy_is_the_metric():
    X, y = load_digits(return_X_y=True)
    pca = PCA(2, random_state=0).fit(X)
    display = ClusterRankDisplay.from_estimator(pca, X, y)
    expected = cluster_rank_accuracy(X, pca.transform(X), y)
    assert_allclose(display.accuracy_, expected)
    assert f"PCA: rank accuracy {expected:.2f}" == display.ax_.get_title()
    assert_allclose(1 - display.image_.get_array().mean(), expected)


def test_labels_are_the_estimators_own_by_default():
    X, _ = load_iris(return_X_y=True)
    kmeans = KMeans(3, n_init=1, random_state=0).fit(X)
    a = ClusterRankDisplay.from_estimator(kmeans, X, name="n")
    assert a.name == "n"
    b = ClusterRankDisplay.from_embedding(X, kmeans.transform(X), kmeans.labels_)
    assert_array_equal(a.image_.get_array(), b.image_.get_array())
    with pytest.raises(TypeError, match="PCA has no method predict"):
        ClusterRankDisplay.from_estimator(PCA(2).fit(X), X)
    with pytest.raises(ValueError, match="labels has shape"):
        ClusterRankDisplay.from_embedding(X, X, kmeans.labels_[:9])
