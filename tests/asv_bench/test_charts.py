# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from asv_bench.compare import charts


@pytest.fixture
def blobs():
    rng = np.random.default_rng(0)
    centers = rng.normal(scale=5, size=(8, 16))
    X = centers[rng.integers(8, size=450)] + rng.normal(size=(450, 16))
    return X[:400], X[400:]


def test_recall_counts_shared_neighbors():
    true = np.array([[0, 1], [2, 3]])
    assert charts.recall(true[:, ::-1], true) == 1
    assert charts.recall(np.array([[0, 9], [8, 9]]), true) == 0.25


def test_eight_bits_round_to_256_values():
    values = np.array([[-1.0, 5.0], [0.0, 5.0], [0.5, 5.0], [1.0, 5.0]])
    low, high = values.min(axis=0), values.max(axis=0)
    read = charts.eight_bits(values, low, high)
    assert_array_equal(read[[0, 3]], values[[0, 3]])
    assert_array_equal(read[:, 1], 5)
    assert 0 < np.abs(read - values).max() <= 1 / 255
    assert len(np.unique(charts.eight_bits(np.linspace(0, 1, 1001), 0.0, 1.0))) == 256
    # what comes later may lie outside
    assert_array_equal(charts.eight_bits(np.array([-3.0, 7.0]), 0.0, 1.0), [0, 1])


@pytest.mark.parametrize("case", charts.CODES)
def test_codes_of_three_bytes_find_neighbors(blobs, case):
    stored, queries = blobs
    function, parameters = charts.CODES[case]
    true = charts.nearest(charts.cdist(queries, stored))
    if function in (charts.decoded_charts, charts.contrast_charts):
        parameters = {"max_epochs": 5}
    n_bytes = 4 if case.startswith("faiss") else 3
    result = function(stored, queries, n_bytes, 0, **parameters)
    assert result.shape == (50, 10)
    # ten of four hundred would be found by chance
    assert charts.recall(result, true) > 0.05


def test_a_space_is_measured():
    row = charts.dimension(
        "T1", 0, n_samples=300, dimensions=range(1, 4), n_charts=4, max_epochs=20
    )
    assert row["truth"] == 1 and row["right"] == (row["atlas"] == 1)
    assert len(row["reconstruction"]) == len(row["bend"]) == 3
    assert row["bend"][-1] is None
    assert row["TwoNN"] == pytest.approx(1, abs=0.3)
    assert row["MLE"] == pytest.approx(1, abs=0.3)


def test_confusions_are_chances():
    X = np.repeat([[0.0], [0.0], [1.0]], 50, axis=0)
    y = np.repeat([0, 1, 2], 50)
    result = charts.confusions(X, y)
    assert_allclose(result.sum(axis=1), 1)
    assert result[2, 2] == 1 and result[0, 2] == result[1, 2] == 0


def test_overlapping_charts_hold_similar_images():
    row = charts.overlap("digits", 0, max_epochs=5)
    assert row["of all"] < row["of the ten"] <= 1
    assert_allclose(row["ratio"], row["of the ten"] / row["of all"])
    assert len(row["pairs"]) == 10 and row["dead"] <= 1
