# SPDX-License-Identifier: BSD-3-Clause

"""Labels in any container are read alike."""

import datetime as dt

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from numpy.testing import assert_array_equal

from skmanifold.metrics._checks import check_labels
from skmanifold.utils._labels import joined, read_labels, read_numbers, read_targets

NAMES = ["b", None, "a", "b"]
CODES = [1, -1, 0, 1]


@pytest.mark.parametrize(
    "y",
    [
        NAMES,
        tuple(NAMES),
        ["b", np.nan, "a", "b"],
        ["b", pd.NA, "a", "b"],
        np.array(NAMES, dtype=object),
        np.array(NAMES, dtype=object)[:, np.newaxis],
        np.ma.array(["b", "x", "a", "b"], mask=[0, 1, 0, 0]),
        pd.Series(NAMES),
        pd.Series(NAMES, dtype="category"),
        pd.Series(NAMES, dtype="string"),
        pd.Categorical(NAMES),
        pd.Index(NAMES),
        pd.DataFrame({"y": NAMES}),
        pl.Series(NAMES),
        pl.Series(NAMES, dtype=pl.Categorical),
        pl.DataFrame({"y": NAMES}),
    ],
    ids=lambda y: type(y).__name__,
)
def test_missing_names_are_unknown(y):
    labels = read_labels(y, 4)
    assert_array_equal(labels.codes, CODES)
    assert labels.names == labels.classes.tolist() == ["a", "b"]


@pytest.mark.parametrize(
    "y, names",
    [
        ([7, None, 2, 7], ["2", "7"]),
        ([7.0, np.nan, 2.0, 7.0], ["2", "7"]),
        (np.array([7, np.nan, 2, 7], dtype=np.float16), ["2", "7"]),
        (pd.Series([7, None, 2, 7], dtype="Int64"), ["2", "7"]),
        (pl.Series([7, None, 2, 7]), ["2", "7"]),
        (np.ma.array([7, 0, 2, 7], mask=[0, 1, 0, 0]), ["2", "7"]),
        (pd.Series([7, None, 2, 7], dtype="category"), ["2", "7"]),
        ([True, None, False, True], ["False", "True"]),
        (pd.Series([True, None, False, True], dtype="boolean"), ["False", "True"]),
        (
            np.array(["2020-01-02", "NaT", "2020-01-01", "2020-01-02"], dtype="M8[D]"),
            ["2020-01-01", "2020-01-02"],
        ),
        (
            [dt.date(2020, 1, 2), None, dt.date(2020, 1, 1), dt.date(2020, 1, 2)],
            ["2020-01-01", "2020-01-02"],
        ),
    ],
)
def test_missing_numbers_and_others_are_unknown(y, names):
    labels = read_labels(y)
    assert_array_equal(labels.codes, CODES)
    assert labels.names == names


def test_what_is_written_is_not_missing():
    labels = read_labels(["nan", "None", "", "NA"])
    assert labels.codes.min() == 0 and len(labels.classes) == 4
    assert read_labels([]).names == []
    assert_array_equal(read_labels(torch.tensor([3, 1])).codes, [1, 0])


LEVELS = ["low", "mid", "high"]


@pytest.mark.parametrize(
    "y, names",
    [
        (pd.Categorical(["high", "low"], LEVELS, ordered=True), ["low", "high"]),
        (pd.Categorical(["high", "mid"], LEVELS), ["mid", "high"]),
        (pl.Series(["high", "low"], dtype=pl.Enum(LEVELS)), ["low", "high"]),
        (pd.Categorical([3, 1, 2], [2, 3, 1]), ["2", "3", "1"]),
        (pd.cut([7.0, 1.0], [0, 5, 10]), ["(0, 5]", "(5, 10]"]),
        # levels that nobody has chosen are sorted as names are
        (pd.Series(["a10", "a9"], dtype="category"), ["a9", "a10"]),
        (["a10", "a9", "b1", "a"], ["a", "a9", "a10", "b1"]),
        (["10", "9", "-1", "2.5"], ["-1", "2.5", "9", "10"]),
        (
            ["5 mg", "2.5 mg", "2.25 mg", "-1 mg"],
            ["-1 mg", "2.25 mg", "2.5 mg", "5 mg"],
        ),
        (["10-19", "0-9", "100+", "20-29"], ["0-9", "10-19", "20-29", "100+"]),
        (["r2c10", "r2c9", "r1c11"], ["r1c11", "r2c9", "r2c10"]),
        ([10, 9, -1], ["-1", "9", "10"]),
        (["x", "²", "1"], ["1", "x", "²"]),
    ],
)
def test_labels_have_the_order_that_a_reader_expects(y, names):
    labels = read_labels(y, natural=True)
    assert labels.names == names
    # the same classes as in the order of scikit-learn
    plain = read_labels(y)
    if plain.classes.dtype.kind != "O":
        assert_array_equal(plain.classes, np.unique(np.asarray(y)))
    assert [labels.names[i] for i in labels.codes] == [
        plain.names[i] for i in plain.codes
    ]


def test_wrong_labels_are_refused():
    with pytest.raises(ValueError, match=r"y has shape \(2, 2\), but one label"):
        read_labels([[1, 2], [3, 4]])
    with pytest.raises(ValueError, match=r"y has shape \(2,\), .* of the 3 samples"):
        read_labels([1, 2], 3)
    with pytest.raises(TypeError, match="y mixes labels of the types int, str"):
        read_labels([1, "a"])
    with pytest.raises(ValueError, match="infinite"):
        read_labels([0.0, np.inf])
    for y in ([0.5, 1], [0.5, None], pd.Series([0.5, None], dtype="Float64")):
        with pytest.raises(ValueError, match=r"Unknown label type: y .* \(0.5\)"):
            read_labels(y)
    assert read_labels([0.5, 1.0], fractions=True).names == ["0.5", "1.0"]


def test_minus_one_is_unknown_to_training():
    assert_array_equal(read_targets([-1, 0, 1]).codes, [-1, 0, 1])
    assert_array_equal(read_targets([-1.0, 0.0]).codes, [-1, 0])
    assert_array_equal(
        read_targets(pd.Series([-1, 2], dtype="category")).codes, [-1, 0]
    )
    # the two classes of a binary problem, also beside what is missing
    assert_array_equal(read_targets([-1, 1, None]).codes, [0, 1, -1])
    # names are names, and to metrics and displays -1 is a class
    assert_array_equal(read_targets(["-1", "0"]).codes, [0, 1])
    assert_array_equal(read_labels([-1, 0]).codes, [0, 1])


def test_whole_numbers_most_of_which_differ_are_named():
    rng = np.random.RandomState(0)
    prices = rng.randint(1000, 3000, 400)
    for y in (prices, prices.astype(float), pd.Series(prices), [*prices, None]):
        with pytest.warns(UserWarning, match=r"y has \d+ different numbers for 400"):
            read_targets(y)
        with pytest.warns(UserWarning, match="like a continuous target"):
            check_labels(y, len(y))
    for classes in (
        np.arange(400) // 10,  # persons
        np.arange(400) // 2,  # pairs
        rng.zipf(1.5, 400),  # words
        rng.permutation(400).astype(str),
        rng.permutation(20),
        np.append(np.arange(40), np.full(100, -1)),  # few are known
    ):
        read_targets(classes)
        check_labels(classes, len(classes))


def test_numbers_are_read_with_missing_ones():
    assert_array_equal(read_numbers([1, None, 2.5]), [1, np.nan, 2.5])
    assert_array_equal(read_numbers(pd.Series([1, None], dtype="Int64")), [1, np.nan])
    assert_array_equal(read_numbers(np.ma.array([1, 2], mask=[0, 1])), [1, np.nan])
    assert read_numbers(["a", 1]) is None


def test_joined_labels_keep_the_first_classes_first():
    labels = joined([read_labels(["b", None]), read_labels(["a", "b", None])])
    assert labels.names == ["b", "a"]
    assert_array_equal(labels.codes, [0, -1, 1, 0, -1])
