# SPDX-License-Identifier: BSD-3-Clause

import pytest

from skmanifold._engine import has_stalled, learning_rate_factor


def test_warm_up_is_linear_and_never_zero():
    factors = [learning_rate_factor(s, 100, warmup=0.1) for s in range(11)]
    assert factors == pytest.approx([0.1 * (s + 1) for s in range(10)] + [1.0])
    assert learning_rate_factor(0, 1) == 1.0


def test_the_learning_rate_falls_to_zero():
    factors = [learning_rate_factor(step, 100, warmup=0.0) for step in range(101)]
    assert factors[50] == pytest.approx(0.5)
    assert factors == sorted(factors, reverse=True)
    assert factors[-2] > factors[-1] == pytest.approx(0.0)


def test_a_constant_learning_rate_stays():
    for step, factor in ((0, 0.2), (5, 1.0), (8, 1.0)):
        options = {"warmup": 0.5, "schedule": "constant"}
        assert learning_rate_factor(step, 9, **options) == factor


def test_patience_counts_epochs():
    losses = [10.0, 8.0, 7.9, 7.0, 6.9, 6.8]
    stalled = [has_stalled(losses[:n], 2, 0.1) for n in range(7)]
    assert stalled == [False] * 6 + [True]
    assert not has_stalled([1.0] * 100, None, 0.1)
    # below zero and at zero
    assert not has_stalled([0.0, -1.0], 1, 0.01)
    assert has_stalled([0.0, -1.0, -1.001], 1, 0.01)
