# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skmanifold.inspection import BarcodeDisplay, _topology
from skmanifold.topology import cech_nerve

BARS = [
    (1, (0.4, 1.7)),
    (0, (0.0, float("inf"))),
    (0, (0.0, 0.3)),
    (0, (0.0, 0.1)),
    (1, (0.5, 0.5)),
]


def spans(display, dimension):
    segments = display.bars_[dimension].get_segments()
    return [(float(s[0, 0]), float(s[1, 0])) for s in segments]


def test_bars_are_the_persistence():
    display = BarcodeDisplay.from_persistence(BARS)
    assert sorted(display.bars_) == [0, 1]
    assert spans(display, 1) == [(0.4, 1.7)]
    (end,) = (span[1] for span in spans(display, 0)[2:])
    assert spans(display, 0)[:2] == [(0.0, 0.1), (0.0, 0.3)]
    # one that never dies goes past all others and has an arrow
    assert end > 1.7
    (arrow,) = display.arrows_
    row = display.bars_[0].get_segments()[2][0, 1]
    assert_allclose(arrow.get_xydata(), [[end, row]])
    # one that dies at once is none
    assert display.n_hidden_ == 1
    texts = [text.get_text() for text in display.legend_.get_texts()]
    assert texts == ["$H_{0}$", "$H_{1}$"]


def test_no_two_bars_share_a_row():
    display = BarcodeDisplay.from_persistence(BARS)
    rows = [s[0, 1] for bars in display.bars_.values() for s in bars.get_segments()]
    assert len(set(rows)) == 4
    low, high = sorted(display.ax_.get_ylim())
    assert low < min(rows) and max(rows) < high


def test_most_bars_are_the_longest(monkeypatch):
    monkeypatch.setattr(_topology, "_MOST_BARS", 1)
    display = BarcodeDisplay.from_persistence(BARS)
    assert display.n_hidden_ == 3
    assert len(spans(display, 0)) == len(spans(display, 1)) == 1
    assert np.isinf(display.persistence[1][1][1])
    # the longest is kept
    assert len(display.arrows_) == 1


def test_there_may_be_an_array_for_each_dimension():
    arrays = [
        np.array([[0.0, np.inf], [0.0, 0.3]]),
        np.empty((0, 2)),
        np.eye(2)[:1, ::-1],
    ]
    display = BarcodeDisplay.from_persistence(arrays)
    assert display.persistence == [(0, (0.0, np.inf)), (0, (0.0, 0.3)), (2, (0.0, 1.0))]
    assert sorted(display.bars_) == [0, 2]


def test_births_before_all_ends():
    # along -log q the whole complex may be there from the begin
    display = BarcodeDisplay.from_persistence([(0, (-np.inf, np.inf)), (0, (0.0, 2.0))])
    assert_array_equal(len(display.arrows_), 1)
    low, high = display.ax_.get_xlim()
    assert low < 0.0 and high > 2.0


def test_a_plot_may_be_empty():
    display = BarcodeDisplay.from_persistence([])
    assert not display.bars_
    display.figure_.canvas.draw()


@pytest.mark.parametrize(
    "persistence, message",
    [
        ([(0, 0.0, 1.0)], r"got \(0, 0.0, 1.0\)"),
        ([(1, (1.0, 0.5))], "death precedes"),
        ([(1, (np.nan, 0.5))], "death precedes"),
    ],
)
def test_wrong_bars_are_refused(persistence, message):
    with pytest.raises(ValueError, match=message):
        BarcodeDisplay.from_persistence(persistence)


def test_a_complex_has_no_bars_yet():
    with pytest.raises(TypeError, match=r"Pass the result of .*topology.persistence"):
        BarcodeDisplay.from_persistence(cech_nerve([[0.5, 0.5]]))
