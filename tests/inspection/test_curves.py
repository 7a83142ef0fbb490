# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
import pytest
from matplotlib.colors import to_hex
from numpy.testing import assert_array_equal
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmanifold import DLME
from skmanifold.inspection import DimensionDisplay, TrainingCurveDisplay

HISTORY = {
    "loss": [3.0, 2.0, 1.5],
    "reconstruction": [2.0, 1.5, 1.2],
    "cluster": [1.0, 0.5, 0.3],
    "learning_rate_factor": [1.0, 0.5, 0.1],
    "cluster_weight": [0.1, 0.05, 0.0],
}
BEFORE = {"loss": [9.0, 4.0], "reconstruction": [9.0, 4.0]}


# Training -------------------------------------------------------------------


def test_every_term_is_drawn():
    display = TrainingCurveDisplay.from_history(HISTORY)
    assert set(display.lines_) == {("training", name) for name in HISTORY}
    for (_, name), line in display.lines_.items():
        assert_array_equal(line.get_xdata(), [1, 2, 3])
        assert_array_equal(line.get_ydata(), HISTORY[name])
    left = {line.get_label() for line in display.ax_.get_lines()}
    right = {line.get_label() for line in display.schedule_ax_.get_lines()}
    assert left == {"loss", "reconstruction", "cluster"}
    assert right == {"learning rate factor", "cluster weight"}
    assert len(display.legend_.get_texts()) == 5
    assert to_hex(display.lines_["training", "loss"].get_color()) == "#000000"


def test_phases_stand_one_after_the_other():
    history = {"pretraining": BEFORE, "training": HISTORY}
    display = TrainingCurveDisplay.from_history(history)
    before = display.lines_["pretraining", "reconstruction"]
    after = display.lines_["training", "reconstruction"]
    assert_array_equal(before.get_xdata(), [1, 2])
    assert_array_equal(after.get_xdata(), [3, 4, 5])
    assert before.get_color() == after.get_color()
    # one entry for both
    assert len(display.legend_.get_texts()) == 5
    dotted = [line for line in display.ax_.get_lines() if line.get_linestyle() == ":"]
    assert [line.get_xdata()[0] for line in dotted] == [2.5]


def test_from_estimator_equals_from_history():
    X, _ = load_iris(return_X_y=True)
    dlme = DLME(max_epochs=3, random_state=0).fit(X)
    a = TrainingCurveDisplay.from_estimator(dlme)
    b = TrainingCurveDisplay.from_history(dlme.history_)
    assert set(a.lines_) == {("training", name) for name in dlme.history_}
    for key, line in a.lines_.items():
        assert_array_equal(line.get_xydata(), b.lines_[key].get_xydata())
    assert a.ax_.get_title() == "DLME"
    assert TrainingCurveDisplay.from_estimator(dlme, name="n").name == "n"

    dlme.pretraining_history_ = BEFORE
    phases = TrainingCurveDisplay.from_estimator(dlme).phases
    assert list(phases) == ["pretraining", "training"]
    dlme.representation_history_ = BEFORE
    pipeline = make_pipeline(StandardScaler(), dlme)
    display = TrainingCurveDisplay.from_estimator(pipeline)
    assert list(display.phases) == ["representation", "pretraining", "training"]
    assert display.name == "DLME"


def test_scale_follows_the_values():
    assert TrainingCurveDisplay.from_history(HISTORY).ax_.get_yscale() == "linear"
    wide = {"loss": [100.0, 1.0]}
    assert TrainingCurveDisplay.from_history(wide).ax_.get_yscale() == "log"
    ending = {"loss": [100.0, 1.0], "anchor": [1.0, 0.0]}
    display = TrainingCurveDisplay.from_history(ending)
    assert display.ax_.get_yscale() == "log"
    display.figure_.canvas.draw()
    signed = {"loss": [100.0, -1.0]}
    assert TrainingCurveDisplay.from_history(signed).ax_.get_yscale() == "linear"


def test_a_single_epoch_can_be_seen():
    display = TrainingCurveDisplay.from_history({"loss": [1.0]})
    assert display.lines_["training", "loss"].get_marker() == "o"


def test_legend_lies_beside_both_axes():
    display = TrainingCurveDisplay.from_history(HISTORY)
    display.figure_.canvas.draw()
    box = display.legend_.get_window_extent()
    label = display.schedule_ax_.yaxis.get_tightbbox()
    assert box.x0 > label.x1
    assert box.x1 <= display.figure_.bbox.x1


@pytest.mark.parametrize(
    "history, message",
    [
        ({}, "history is empty"),
        ({"loss": []}, "one value per epoch"),
        ({"loss": [1.0], "a": [1.0, 2.0]}, "'loss': 1, 'a': 2"),
    ],
)
def test_wrong_histories_are_refused(history, message):
    with pytest.raises(ValueError, match=message):
        TrainingCurveDisplay.from_history(history)


def test_an_estimator_without_history_is_refused():
    with pytest.raises(TypeError, match="PCA has no history_"):
        TrainingCurveDisplay.from_estimator(PCA())


# Dimension ------------------------------------------------------------------


def test_each_loss_has_its_curve_and_its_axis():
    losses = {"reconstruction": [0.6, 0.2, 0.01], "GAN loss": [0.5, 0.6, 0.7]}
    display = DimensionDisplay.from_losses(range(1, 4), losses, dimension=3, name="T")
    for name, values in losses.items():
        assert_array_equal(display.lines_[name].get_xdata(), [1, 2, 3])
        assert_array_equal(display.lines_[name].get_ydata(), values)
    scales = [ax.get_yscale() for ax in display.axes_]
    assert scales == ["log", "linear"]
    assert display.axes_[0] is display.ax_ and len(display.axes_) == 2
    assert_array_equal(display.mark_.get_xdata(), [3, 3])
    texts = [text.get_text() for text in display.legend_.get_texts()]
    assert texts == ["reconstruction", "GAN loss", "dimension 3"]
    assert_array_equal(display.ax_.get_xticks(), [1, 2, 3])
    display.figure_.canvas.draw()
    assert display.legend_.get_window_extent().y0 >= display.ax_.bbox.y1


def test_one_curve_needs_no_mark():
    display = DimensionDisplay.from_losses([1, 2, 4], np.array([3.0, 2.0, 1.0]))
    assert list(display.lines_) == ["loss"] and display.mark_ is None


@pytest.mark.parametrize(
    "dimensions, losses, message",
    [
        ([1, 2], {"a": [1.0]}, "'a' must have 2 values, one for each dim"),
        ([2, 1], [1.0, 2.0], "increasing"),
        ([], [], "increasing"),
        ([1, 2], {}, "at least one curve"),
    ],
)
def test_wrong_losses_are_refused(dimensions, losses, message):
    with pytest.raises(ValueError, match=message):
        DimensionDisplay.from_losses(dimensions, losses)
