# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""Number of threads that torch computes with."""

import contextlib
import time

import torch


@contextlib.contextmanager
def torch_threads(n_threads):
    """torch on ``n_threads`` threads inside, on as many as before outside.

    The setting is that of the calling thread; others that run meanwhile keep theirs.
    None changes nothing.
    """
    before = torch.get_num_threads()
    if n_threads is None or n_threads == before:
        yield
        return
    torch.set_num_threads(n_threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class Pace:
    """Number of threads of each step: all of them while they are worth it, or one.

    Threads that share a core with other work wait for each other, and a step takes many
    times as long. As results do not depend on the number of threads, it may follow the
    clock.

    Parameters
    ----------
    n_threads : int
        Threads that there are.
    clock : callable
        Returns the seconds that have passed.

    Examples
    --------
    >>> from skmanifold._engine import Pace
    >>> pace = Pace(1)
    >>> with pace as n_threads:
    ...     n_threads
    1
    """

    # Each is tried so many times at first, the first time in vain, since it is slower.
    n_trials = 4
    # Steps before the slower one is tried again; doubled each time it loses.
    first_pause = 100
    # Several threads are to be worth their cores: their share of the time of one.
    worth = 0.85

    def __init__(self, n_threads, *, clock=time.perf_counter):
        self.clock = clock
        self.choices = (1,) if n_threads == 1 else (n_threads, 1)
        self.seconds = {}
        self.weights = {n: 1 if n == 1 else 1 / self.worth for n in self.choices}
        self.trials = list(self.choices) * self.n_trials
        self.pause = self.left = self.first_pause
        self.best = self.choices[0]

    def __enter__(self):
        self.current = self.trials[0] if self.trials else self.best
        self.start = self.clock()
        return self.current

    def __exit__(self, *exception):
        seconds = self.clock() - self.start
        if len(self.choices) == 1 or exception[0] is not None:
            return
        if self.trials:
            self.trials.pop(0)
            known = self.seconds.get(self.current, seconds)
            # of a first round, which also makes room in memory, nothing is kept
            early = len(self.trials) >= 2 * (self.n_trials - 1)
            self.seconds[self.current] = seconds if early else min(seconds, known)
            if not self.trials:
                self._decide()
            return
        # slowly forgotten: other work may have begun meanwhile
        self.seconds[self.best] += 0.2 * (seconds - self.seconds[self.best])
        self.left -= 1
        if self.left <= 0 or self._is_slower():
            self.trials = [n for n in self.choices if n != self.best]
            for n in self.trials:
                del self.seconds[n]

    def _is_slower(self):
        """Return whether the choice has become slower than the other one was."""
        (other,) = (n for n in self.choices if n != self.best)
        return self._cost(self.best) > 1.2 * self._cost(other)

    def _cost(self, n_threads):
        return self.weights[n_threads] * self.seconds[n_threads]

    def _decide(self):
        before, self.best = self.best, min(self.choices, key=self._cost)
        self.pause = 2 * self.pause if self.best == before else self.first_pause
        self.left = self.pause
