# SPDX-License-Identifier: BSD-3-Clause

"""Number of threads of torch."""

import contextlib
import time

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
    """Choice of the number of threads of each step by time: all, or one.

    Threads that share a core with other work wait for each other, and a step takes many
    times as long. Use it as a context of each step, which yields the number.
    """

    # Trials of a choice, in a row, of which the fastest counts: in the first one memory
    # is not allocated yet, or threads must wake up.
    n_trials = 4
    # Steps before the slower choice is tried again; doubled each time it loses.
    first_pause = 100
    # Largest time of all threads, relative to that of one, that is worth the cores.
    worth = 0.85

    def __init__(self, n_threads, *, clock=time.perf_counter):
        self.clock = clock
        self.choices = (1,) if n_threads == 1 else (n_threads, 1)
        self.seconds = {}
        self.weights = {n: 1 if n == 1 else 1 / self.worth for n in self.choices}
        self.trials = [n for n in self.choices for _ in range(self.n_trials)]
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
            self.seconds[self.current] = min(seconds, known)
            if not self.trials:
                self._decide()
            return
        # a moving average: other work may have started
        self.seconds[self.best] += 0.2 * (seconds - self.seconds[self.best])
        self.left -= 1
        if self.left <= 0 or self._is_slower():
            (other,) = (n for n in self.choices if n != self.best)
            self.trials = [other] * self.n_trials
            del self.seconds[other]

    def _is_slower(self):
        """Return whether the choice has become slower than the other one was."""
        (other,) = (n for n in self.choices if n != self.best)
        return self._cost(self.best) > 1.2 * self._cost(other)

    def _cost(self, n_threads):
        return self.weights[n_threads] * self.seconds[n_threads]

    def _decide(self):
        previous, self.best = self.best, min(self.choices, key=self._cost)
        self.pause = 2 * self.pause if self.best == previous else self.first_pause
        self.left = self.pause
