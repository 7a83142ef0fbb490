# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

import pytest

from skmanifold._engine import learning_rate_factor


def test_warm_up_is_linear_and_never_zero():
    factors = [learning_rate_factor(s, 100, warmup=0.1) for s in range(10)]
    assert factors == pytest.approx([0.1 * (s + 1) for s in range(10)])


@pytest.mark.parametrize("schedule", ["cosine", "linear", "constant"])
def test_begins_at_one_after_the_warm_up(schedule):
    assert learning_rate_factor(10, 100, warmup=0.1, schedule=schedule) == 1.0


@pytest.mark.parametrize(
    "schedule, middle, end", [("cosine", 0.5, 0.0), ("linear", 0.5, 0.0)]
)
def test_falls_to_zero(schedule, middle, end):
    def at(step):
        return learning_rate_factor(step, 100, warmup=0.0, schedule=schedule)

    assert at(50) == pytest.approx(middle)
    assert at(100) == pytest.approx(end)
    factors = [at(s) for s in range(100)]
    assert factors == sorted(factors, reverse=True)
    assert factors[-1] > 0


def test_constant_stays():
    factors = {
        learning_rate_factor(s, 9, warmup=0.0, schedule="constant") for s in range(9)
    }
    assert factors == {1.0}


def test_a_single_step_moves():
    assert learning_rate_factor(0, 1) == 1.0
