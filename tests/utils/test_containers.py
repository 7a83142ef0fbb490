# SPDX-License-Identifier: BSD-3-Clause

"""Containers that scikit-learn's validation would read wrongly."""

import datetime as dt

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_array_equal

from skmanifold.graph import nearest_neighbors
from skmanifold.inspection import EmbeddingDisplay, write_explorer
from skmanifold.metrics import intrinsic_dimension, neighborhood_hit
from skmanifold.topology import soft_cover
from skmanifold.utils._containers import plain
from skmanifold.utils._labels import read_labels

DAYS = [dt.date(2020, 1, 1), dt.date(2020, 1, 2)]


@pytest.mark.parametrize("dtype", [float, np.float32, int, np.uint8, bool, object])
def test_masked_entries_are_missing(dtype):
    X = np.ma.array([[0, 1], [1, 0]], mask=[[0, 1], [0, 0]], dtype=dtype)
    rows = plain(X)
    assert not np.ma.isMaskedArray(rows)
    assert np.isnan(rows[0, 1]) and X.data[0, 1] == 1
    assert_array_equal(rows[1], [1, 0])
    assert plain(np.ma.array([[1, 2]], dtype=dtype)).dtype == dtype


@pytest.mark.parametrize(
    "frame",
    [
        pl.DataFrame({"day": DAYS, "b": [1.0, 2.0]}),
        pl.DataFrame({"day": [dt.datetime(2020, 1, 1)] * 2, "b": [1, 2]}),
        pl.DataFrame({"day": [dt.timedelta(days=1)] * 2, "b": [1, 2]}),
        pl.DataFrame({"day": [dt.time(1)] * 2, "b": [1, 2]}),
        pl.DataFrame({"day": DAYS, "other day": DAYS}),
        pd.DataFrame({"day": pd.to_datetime(DAYS), "b": [1, 2]}),
        pd.DataFrame({"day": pd.to_datetime(DAYS, utc=True), "b": [1, 2]}),
        pd.DataFrame({"day": pd.to_timedelta([1, 2]), "b": [1, 2]}),
    ],
)
def test_dates_are_refused_and_named(frame):
    with pytest.raises(ValueError, match=r"not numbers: 'day'.* convert dates"):
        plain(frame)
    if "b" in frame.columns:
        assert plain(frame[["b"]]).shape == (2, 1)


@pytest.mark.parametrize("library", [pd, pl])
def test_words_are_refused_and_named(library):
    frame = library.DataFrame({"a": [1, 2], "b": ["x", "y"], "c": [True, False]})
    for function in (plain, soft_cover, intrinsic_dimension, nearest_neighbors):
        arguments = [1] if function is nearest_neighbors else []
        with pytest.raises(ValueError, match=r"X has columns .* not numbers: 'b'\."):
            function(frame, *arguments)
    assert plain(frame[["a", "c"]]).shape == (2, 2)


def test_numbers_of_any_type_are_no_words():
    frame = pd.DataFrame({"a": [1, 2.5], "b": ["x", "y"]}).astype(object)
    assert plain(frame[["a"]]).shape == (2, 1)


def test_what_is_not_computed_yet():
    lazy = pl.LazyFrame({"a": [1, 2]})
    with pytest.raises(TypeError, match=r"Z is a LazyFrame.* Call collect\(\)"):
        plain(lazy, "Z")
    assert plain(lazy.collect()).shape == (2, 1)


def test_labels_names_and_colors_that_are_not_computed_yet(tmp_path):
    lazy, Z = pl.LazyFrame({"a": [1, 2, 1]}), np.zeros((3, 2))
    for name, call in {
        "labels": lambda: read_labels(lazy, 3, "labels"),
        "y": lambda: neighborhood_hit(Z, lazy),
        "y ": lambda: EmbeddingDisplay.from_embedding(Z, lazy),
        "y_new": lambda: EmbeddingDisplay.from_embedding(
            Z, [1, 2, 1], Z_new=Z, y_new=lazy
        ),
        "color": lambda: EmbeddingDisplay.from_embedding(Z, color=lazy),
        "names": lambda: write_explorer(Z, names=lazy, path=tmp_path / "page.html"),
    }.items():
        with pytest.raises(
            TypeError, match=rf"^{name.strip()} is a LazyFrame.* collect\(\)"
        ):
            call()
