# SPDX-License-Identifier: BSD-3-Clause

"""Time and memory of a call, and the process that runs it.

Only the standard library is imported here: importing a package is itself measured.
"""

import functools
import gc
import importlib
import json
import os
import resource
import sys
import time
from pathlib import Path


def cpu_seconds():
    """Return user and system seconds of this process and its ended children."""
    both = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    usages = [resource.getrusage(who) for who in both]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def busy_seconds():
    """Return how long the cores of this process have worked, None if unknown."""
    try:
        lines = Path("/proc/stat").read_text().splitlines()
    except OSError:
        return None
    ours = {f"cpu{core}" for core in os.sched_getaffinity(0)}
    ticks = 0
    for name, *counts in map(str.split, lines):
        if name in ours:
            user, nice, system, _, _, irq, softirq, stolen = map(int, counts[:8])
            ticks += user + nice + system + irq + softirq + stolen
    return ticks / os.sysconf("SC_CLK_TCK")


class PeakMemory:
    """Peak of the resident memory since construction, in MiB.

    Linux can reset a process's peak; on other systems an earlier, higher peak hides
    later ones.
    """

    def __init__(self):
        try:
            Path("/proc/self/clear_refs").write_text("5")
            self.before = self._status_mib("VmRSS")
            self._linux = True
        except (OSError, KeyError):
            self._linux = False
            self.before = self._lifetime()

    @staticmethod
    def _status_mib(name):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith(name + ":"):
                return int(line.split()[1]) / 1024
        raise KeyError(name)

    @staticmethod
    def _lifetime():
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak / 2**20 if sys.platform == "darwin" else peak / 1024

    def increase(self):
        """Return the increase of the peak over the initial memory."""
        peak = self._status_mib("VmHWM") if self._linux else self._lifetime()
        return peak - self.before


def measured(function):
    """Call a function; return its result and the cost of the call."""
    gc.collect()
    memory = PeakMemory()
    busy = busy_seconds()
    cpu, wall = cpu_seconds(), time.perf_counter()
    result = function()
    wall, cpu = time.perf_counter() - wall, cpu_seconds() - cpu
    figures = {
        "wall_s": wall,
        "cpu_s": cpu,
        # time of other processes on these cores, which is part of wall_s
        "others_s": None if busy is None else max(0.0, busy_seconds() - busy - cpu),
        "peak_mib": memory.increase(),
        "before_mib": memory.before,
    }
    return result, figures


def main():
    """Read a job from standard input, run it, and print its figures."""
    task = json.load(sys.stdin)
    if task["cores"] and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, task["cores"])
    module = importlib.import_module(f"asv_bench.compare.{task['module']}")
    job = task["job"]
    measure = module.PARTS[job.pop("part")].measure if "part" in job else module.one
    result, figures = measured(functools.partial(measure, **job))
    print("\n" + json.dumps({"found": result, **figures}))


if __name__ == "__main__":
    main()
