# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

from skmanifold._engine import EarlyStopping


def test_stops_after_so_many_epochs_without_progress():
    stopping = EarlyStopping(2, 0.1)
    losses = [10.0, 8.0, 7.9, 7.0, 6.9, 6.8]
    assert [stopping.done(x) for x in losses] == [False] * 5 + [True]


def test_never_stops_without_patience():
    stopping = EarlyStopping(None, 0.1)
    assert not any(stopping.done(1.0) for _ in range(100))


def test_works_below_zero_and_at_zero():
    stopping = EarlyStopping(1, 0.01)
    assert not stopping.done(0.0)
    assert not stopping.done(-1.0)
    assert stopping.done(-1.001)


def test_state_goes_on():
    first, second = EarlyStopping(2, 0.0), EarlyStopping(2, 0.0)
    for loss in (3.0, 3.0):
        first.done(loss)
    second.load_state_dict(first.state_dict())
    assert first.done(3.0) and second.done(3.0)
