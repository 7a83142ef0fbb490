# SPDX-License-Identifier: BSD-3-Clause

import threading

import pytest
import torch

from skmanifold._engine import Pace, torch_threads


def test_the_number_of_threads_is_set_inside_and_restored():
    torch.set_num_threads(2)
    with torch_threads(3):
        assert torch.get_num_threads() == 3
        with torch_threads(None):
            assert torch.get_num_threads() == 3
    assert torch.get_num_threads() == 2


def test_the_number_of_threads_is_restored_after_an_error():
    torch.set_num_threads(2)
    with pytest.raises(KeyError), torch_threads(1):
        raise KeyError
    assert torch.get_num_threads() == 2


def test_a_thread_that_runs_meanwhile_keeps_its_number():
    torch.set_num_threads(3)
    started, go_on, seen = threading.Event(), threading.Event(), []

    def other():
        seen.append(torch.get_num_threads())
        started.set()
        go_on.wait()
        seen.append(torch.get_num_threads())

    thread = threading.Thread(target=other)
    thread.start()
    started.wait()
    with torch_threads(1):
        go_on.set()
        thread.join()
    assert seen == [3, 3]


class Clock:
    """Seconds of a step by the number of threads, which a test may change."""

    def __init__(self, **seconds):
        self.seconds = seconds
        self.now = 0.0

    def __call__(self):
        return self.now


def take_steps(pace, n_steps):
    chosen = []
    for _ in range(n_steps):
        with pace as n_threads:
            pace.clock.now += pace.clock.seconds[f"of_{n_threads}"]
        chosen.append(n_threads)
    return chosen


@pytest.mark.parametrize("faster, seconds", [(4, (3.0, 1.0)), (1, (1.0, 0.95))])
def test_the_faster_number_of_threads_is_taken(faster, seconds):
    pace = Pace(4, clock=Clock(of_1=seconds[0], of_4=seconds[1]))
    assert take_steps(pace, 10) == [1] * 5 + [4] * 5
    later = take_steps(pace, 1000)
    assert later.count(faster) >= 980  # the other is tried ever more rarely


def test_threads_that_wait_for_other_work_are_tried_for_one_step():
    pace = Pace(4, clock=Clock(of_1=1.0, of_4=50.0))
    chosen = take_steps(pace, 1000)
    assert chosen[:5] == [1] * 5
    assert chosen.count(4) == 4  # after pauses of 100, 200 and 400 steps


def test_other_work_that_begins_and_ends_changes_the_number():
    pace = Pace(4, clock=Clock(of_1=3.0, of_4=1.0))
    take_steps(pace, 50)
    pace.clock.seconds["of_4"] = 30.0
    assert take_steps(pace, 100).count(4) < 10
    pace.clock.seconds["of_4"] = 1.0
    assert take_steps(pace, 2000)[-1000:].count(4) > 990


def test_threads_that_must_wake_up_are_not_taken_for_slow():
    """The first step of all threads after one of one thread takes longer."""
    clock = Clock(of_1=3.0, of_4=30.0)
    pace = Pace(4, clock=clock)
    take_steps(pace, 50)
    number = None
    chosen = []
    for _ in range(300):
        clock.seconds["of_4"] = 6.0 if number == 1 else 1.0
        (number,) = take_steps(pace, 1)
        chosen.append(number)
    assert chosen[-100:].count(4) >= 90


@pytest.mark.parametrize("slow", [0, 1, 50])
def test_a_slow_step_does_not_change_the_number(slow):
    """In the trials or later: threads wake up, or the system is busy."""
    pace = Pace(2, clock=Clock(of_1=1.0, of_2=0.5))
    chosen = take_steps(pace, 5 + slow)
    pace.clock.seconds["of_2"] = 8.0
    chosen += take_steps(pace, 1)
    pace.clock.seconds["of_2"] = 0.5
    chosen += take_steps(pace, 99 - slow)
    assert chosen == [1] * 5 + [2] * 100


def test_one_thread_is_not_tried_against_itself():
    pace = Pace(1, clock=Clock(of_1=1.0))
    assert set(take_steps(pace, 300)) == {1}


def test_an_error_in_a_step_is_passed_on():
    pace = Pace(2, clock=Clock(of_1=1.0, of_2=1.0))
    with pytest.raises(KeyError), pace:
        raise KeyError
