# SPDX-License-Identifier: BSD-3-Clause

"""Number of threads of torch."""

import contextlib
import statistics
import time
from collections import deque

import torch


@contextlib.contextmanager
def torch_threads(n_threads):
    """Context in which the calling thread of torch uses ``n_threads``, unless None."""
    previous = torch.get_num_threads()
    if n_threads is None or n_threads == previous:
        yield
        return
    torch.set_num_threads(n_threads)
    try:
        yield
    finally:
        torch.set_num_threads(previous)


class Pace:
    """Choice of the number of threads of each step by time: one, or all.

    Threads that share a core with other work wait for each other, and a step takes many
    times as long. Use it as a context of each step, which yields the number.
    """

    # Trials of a choice in a row, and last steps of the current choice, whose median
    # counts: one step may be slow because memory is not allocated yet, threads wake up
    # or the optimizer does more.
    n_trials = 5
    # Time of a step that waits for other work, relative to the other choice.
    waiting = 10
    # Steps before the slower choice is tried again; doubled each time it loses.
    first_pause = 100
    # Largest time of all threads, relative to that of one, that is worth the cores.
    worth = 0.9

    def __init__(self, n_threads, *, clock=time.perf_counter):
        self.clock = clock
        self.choices = (1,) if n_threads == 1 else (1, n_threads)
        self.seconds = {n: deque(maxlen=self.n_trials) for n in self.choices}
        self.trials = [n for n in self.choices for _ in range(self.n_trials)]
        self.pause = self.left = self.first_pause
        self.best = n_threads

    def __enter__(self):
        self.current = self.trials[0] if self.trials else self.best
        self.start = self.clock()
        return self.current

    def __exit__(self, *exception):
        seconds = self.clock() - self.start
        if len(self.choices) == 1 or exception[0] is not None:
            return
        self.seconds[self.current].append(seconds)
        (other,) = (n for n in self.choices if n != self.current)
        times = self.seconds[other]
        waits = bool(times) and seconds > self.waiting * statistics.median(times)
        if self.trials:
            self.trials = [] if waits else self.trials[1:]
            if not self.trials:
                self._decide()
            return
        self.left -= 1
        # other work may have started
        if waits or self.left <= 0 or self._cost(self.best) > 1.2 * self._cost(other):
            self.trials = [other] * self.n_trials
            times.clear()

    def _cost(self, n_threads):
        weight = 1 if n_threads == 1 else 1 / self.worth
        return weight * statistics.median(self.seconds[n_threads])

    def _decide(self):
        previous, self.best = self.best, min(self.choices, key=self._cost)
        self.pause = 2 * self.pause if self.best == previous else self.first_pause
        self.left = self.pause
