# SPDX-License-Identifier: BSD-3-Clause

from numbers import Real

import numpy as np
import pytest

from skmanifold.utils._sizes import check_image_shape, checked_widths, is_size
from skmanifold.utils._sklearn import validate_params
from skmanifold.utils._validation import Count, Number, check_seed


@validate_params(
    {
        "n": [Count(1)],
        "k": [Count(2, 4), None],
        "share": [Number(Real, 0, 1, closed="left")],
    },
    prefer_skip_nested_validation=True,
)
def function(n=1, k=None, share=0.5):
    return n, k, share


@pytest.mark.parametrize(
    "options",
    [dict(n=1), dict(n=np.int32(7)), dict(k=2), dict(k=4), dict(share=0), dict(k=None)],
)
def test_valid_numbers_are_accepted(options):
    assert function(**options) is not None


@pytest.mark.parametrize(
    "options, match",
    [
        (dict(n=0), r"'n' parameter of function must be an int in .*1, inf.* Got 0 "),
        (dict(n=2.0), r"Got 2\.0"),
        (dict(n="3"), "Got '3'"),
        (dict(n=True), "Got True"),
        (dict(n=np.True_), r"Got (np\.)?True"),
        (dict(k=1), r"\[2, 4\]"),
        (dict(k=5), "Got 5"),
        (dict(share=1.0), r"'share' .* Got 1\.0"),
        (dict(share=False), "Got False"),
        (dict(share=np.nan), "Got nan"),
    ],
)
def test_invalid_numbers_are_refused(options, match):
    with pytest.raises(ValueError, match=match):
        function(**options)


def test_seeds_are_checked():
    assert check_seed(3).randint(1000) == np.random.RandomState(3).randint(1000)
    rng = np.random.RandomState(0)
    assert check_seed(rng) is rng
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    draws = {check_seed(None).randint(2**31) for _ in range(3)}
    assert len(draws) == 3
    assert (np.random.get_state()[1] == state).all()  # noqa: NPY002


def test_sizes_are_positive_integers():
    assert is_size(1) and is_size(np.int64(3)) and is_size(8, minimum=8)
    for value in (0, -1, 1.0, "1", None, True):
        assert not is_size(value)
    assert not is_size(7, minimum=8)


@pytest.mark.parametrize("layers", [(0,), (2.5,), (True,), ("a",), "32", 32, None])
def test_invalid_widths_are_refused(layers):
    with pytest.raises(ValueError, match=r"layers=.*must be a sequence of positive"):
        checked_widths("layers", layers)


def test_widths_are_read():
    for layers in [(np.int64(3), 4), np.array([3, 4]), iter([3, 4])]:
        assert checked_widths("layers", layers) == [3, 4]
    assert checked_widths("layers", ()) == []


@pytest.mark.parametrize(
    "image_shape, result",
    [((28, 27), (28, 27, 1)), ([8, 9, 3], (8, 9, 3)), (np.array([2, 3]), (2, 3, 1))],
)
def test_image_shapes_are_read(image_shape, result):
    shape = check_image_shape(image_shape)
    assert shape == result
    assert all(type(size) is int for size in shape)


@pytest.mark.parametrize(
    "image_shape", [8, (8,), (8, 8, 3, 1), (8.0, 8), (8, 0), (8, 8, 0), (True, 8), "ab"]
)
def test_invalid_image_shapes_are_refused(image_shape):
    with pytest.raises(ValueError, match=r"image_shape=.* must be \(H, W\) or"):
        check_image_shape(image_shape)


def test_images_may_be_too_small_for_convolutions():
    assert check_image_shape((8, 8), min_side=8) == (8, 8, 1)
    with pytest.raises(ValueError, match=r"at least 8 .*network for vectors"):
        check_image_shape((8, 7), min_side=8)
