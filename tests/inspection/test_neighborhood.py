# SPDX-License-Identifier: BSD-3-Clause

import matplotlib.pyplot as plt
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA

from skmanifold.inspection import NeighborhoodPreservationDisplay
from skmanifold.metrics import (
    neighborhood_preservation_auc,
    neighborhood_preservation_curve,
)

X, _ = load_iris(return_X_y=True)
METHODS = {"one": PCA(1).fit(X), "two": PCA(2).fit(X)}
EMBEDDINGS = {name: pca.transform(X) for name, pca in METHODS.items()}


def test_curves_and_areas_are_the_metrics():
    options = {"metric": "manhattan"}
    display = NeighborhoodPreservationDisplay.from_embedding(X, EMBEDDINGS, **options)
    for line, (name, Z) in zip(display.lines_, EMBEDDINGS.items(), strict=True):
        k, _, r_nx = neighborhood_preservation_curve(X, Z, **options)
        assert_array_equal(line.get_xdata(), k)
        assert_array_equal(line.get_ydata(), r_nx)
        area = neighborhood_preservation_auc(X, Z, **options)
        assert_allclose(display.auc_[name], area)
    # also without their colors
    assert len({line.get_linestyle() for line in display.lines_}) == 2
    assert_allclose(display.chance_.get_ydata(), 0 * k)
    assert display.ax_.get_xscale() == "log"
    texts = [text.get_text() for text in display.legend_.get_texts()]
    assert texts[0] == f"one (area {display.auc_['one']:.3f})"
    assert len(texts) == 3


def test_from_estimator_equals_from_embedding():
    a = NeighborhoodPreservationDisplay.from_estimator(METHODS, X)
    b = NeighborhoodPreservationDisplay.from_embedding(X, EMBEDDINGS)
    for name in METHODS:
        assert len(a.r_nx[name]) == 148
        assert_array_equal(a.r_nx[name], b.r_nx[name])
    single = NeighborhoodPreservationDisplay.from_estimator(METHODS["two"], X)
    assert list(single.r_nx) == ["PCA"]
    assert_array_equal(single.r_nx["PCA"], a.r_nx["two"])
    named = NeighborhoodPreservationDisplay.from_estimator(METHODS["two"], X, name="n")
    assert list(named.r_nx) == ["n"]


def test_legend_lies_beside_the_axes():
    _, ax = plt.subplots(layout="constrained")
    display = NeighborhoodPreservationDisplay.from_embedding(X, EMBEDDINGS, ax=ax)
    assert display.ax_ is ax
    display.figure_.canvas.draw()
    assert display.legend_.get_window_extent().x0 > ax.bbox.x1


@pytest.mark.parametrize(
    "Z, message",
    [
        ({}, "at least one embedding"),
        (np.ones((149, 2)), "inconsistent numbers of samples"),
    ],
)
def test_wrong_embeddings_are_refused(Z, message):
    with pytest.raises(ValueError, match=message):
        NeighborhoodPreservationDisplay.from_embedding(X, Z)
