# SPDX-License-Identifier: BSD-3-Clause

"""Masked arrays, lazy frames and dates are read as by the estimators."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_array_equal

from skmanifold.graph import geodesic_embedding, nearest_neighbors, neighbors_from_data
from skmanifold.topology import denoise, soft_cover

FUNCTIONS = [
    lambda X: nearest_neighbors(X, 3),
    lambda X: neighbors_from_data(X, 3),
    lambda X: geodesic_embedding(X, 2),
    lambda X: soft_cover(X, 3, random_state=0),
    denoise,
]
X = np.random.RandomState(0).normal(size=(60, 4))


@pytest.mark.parametrize("function", FUNCTIONS)
def test_masked_entries_are_missing(function):
    masked = np.ma.array(X.copy(), mask=False)
    masked[3, 1] = np.ma.masked
    with pytest.raises(ValueError, match="NaN"):
        function(masked)
    whole, plain = function(np.ma.array(X)), function(X)
    pairs = zip(whole, plain, strict=True)
    for array, other in pairs:
        assert_array_equal(array, other)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_lazy_frames_and_dates_are_refused(function):
    with pytest.raises(TypeError, match=r"Call collect\(\)"):
        function(pl.DataFrame(X).lazy())
    dates = pd.DataFrame({"a": X[:, 0], "day": pd.date_range("2020", periods=60)})
    with pytest.raises(ValueError, match="'day'"):
        function(dates)
