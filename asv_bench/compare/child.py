# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""One fit, or one judgement, in a process of its own.

``python -m asv_bench.compare.child JOB.json`` reads what to do from the file and
writes what it measured beside it. Nothing but the standard library is imported before
the method's own package, whose import is timed.
"""

import gc
import importlib
import json
import os
import resource
import sys
import time
from pathlib import Path

from asv_bench.compare.methods import METHODS


def cpu_seconds():
    """Return user and system seconds of this process and of its ended children."""
    both = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    usage = [resource.getrusage(who) for who in both]
    return sum(one.ru_utime + one.ru_stime for one in usage)


def _status_kib(name):
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1])
    raise KeyError(name)


class PeakMemory:
    """Peak of the resident memory from the moment of creation on, in MiB.

    Linux lets a process reset its own high-water mark; elsewhere the mark is that of
    the whole life of the process, and an earlier and higher peak hides later ones.
    """

    def __init__(self):
        try:
            Path("/proc/self/clear_refs").write_text("5")
            self.before = _status_kib("VmRSS") / 1024
            self._linux = True
        except (OSError, KeyError):
            self._linux = False
            self.before = self._lifetime()

    @staticmethod
    def _lifetime():
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak / 2**20 if sys.platform == "darwin" else peak / 1024

    def increase(self):
        """Return by how much the peak exceeds the memory held at the beginning."""
        peak = _status_kib("VmHWM") / 1024 if self._linux else self._lifetime()
        return peak - self.before


def cores_seconds():
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


def measured(function):
    """Call a function; return its result and what the call took."""
    gc.collect()
    memory = PeakMemory()
    worked = cores_seconds()
    cpu, wall = cpu_seconds(), time.perf_counter()
    result = function()
    wall, cpu = time.perf_counter() - wall, cpu_seconds() - cpu
    others = None if worked is None else max(0.0, cores_seconds() - worked - cpu)
    figures = {
        "wall_s": wall,
        "cpu_s": cpu,
        # what other processes had of these cores: it is in the wall's seconds
        "others_s": others,
        "peak_mib": memory.increase(),
        "before_mib": memory.before,
    }
    return result, figures


def warm_up(method, job, n_rows, n_features):
    """Fit random rows twice; the first fit's excess is what compilation took.

    Packages choose their way by the number of rows, so the random set has as many as
    the real one, up to a number that is past the thresholds of all of them.
    """
    import numpy as np

    rng = np.random.default_rng(0)
    X = rng.random((min(n_rows, 4_500), n_features), dtype=np.float32)
    seconds = []
    for _ in range(2):
        start = time.perf_counter()
        model = method.make(job["seed"], job["threads"], job["params"], brief=True)
        method.fit_transform(model, X)
        if job["task"] == "transform":
            # Many rows and a single one may take different ways.
            method.transform(model, X[:100] + np.float32(0.01), X)
            method.transform(model, X[:1] + np.float32(0.01), X)
        seconds.append(time.perf_counter() - start)
    return {"warm_up_s": seconds[0], "compile_s": max(0.0, seconds[0] - seconds[1])}


def throughput(method, model, X, X_train, sizes):
    """Return the rows per second of ``transform``, by the number of rows asked for.

    Rows are repeated where there are not enough. Small requests are made again for
    a second and the median counts, since a single one is within the clock's noise.
    """
    import numpy as np

    rates = {}
    for size in sizes:
        batch = X[np.arange(size) % len(X)]
        times = []
        begin = time.perf_counter()
        while not times or (time.perf_counter() - begin < 1.0 and len(times) < 1000):
            start = time.perf_counter()
            method.transform(model, batch, X_train)
            times.append(time.perf_counter() - start)
        rates[str(size)] = size / float(np.median(times))
    return rates


def fit(job):
    """Import, warm up, fit and save the embedding; return what it took."""
    method = METHODS[job["method"]]
    start = time.perf_counter()
    # The name too: a lazy package imports what it needs when it is asked for.
    getattr(importlib.import_module(method.module), method.factory)
    row = {"import_s": time.perf_counter() - start}

    import numpy as np

    from asv_bench.compare.data import load, split_rows

    data = load(job["data"], job["n_rows"])
    X = data.X if job["input"] == "raw" else data.usual_input()
    row |= {
        "n_samples": len(X),
        "n_features": X.shape[1],
        "n_classes": len(np.unique(data.y)),
        "divided_by": 1.0 if job["input"] == "raw" else data.scale,
    }
    X_new = None
    if job["task"] == "transform":
        train, test = split_rows(data)
        X, X_new = X[train], X[test]
        row["n_train"] = len(train)
    del data
    if method.brief is not None and job["task"] != "cold":
        row |= warm_up(method, job, *X.shape)

    model = method.make(job["seed"], job["threads"], job["params"])
    embedding, figures = measured(lambda: method.fit_transform(model, X))
    row |= figures
    np.save(job["folder"] + "/embedding.npy", np.asarray(embedding))
    if X_new is not None:
        new, figures = measured(lambda: method.transform(model, X_new, X))
        np.save(job["folder"] + "/new.npy", np.asarray(new))
        row |= {f"transform_{name}": value for name, value in figures.items()}
        row["transform_rows_per_s"] = throughput(
            method, model, X_new, X, job["transform_sizes"]
        )
    return row


def score(job):
    """Judge the embedding that a fit has left; return the figures."""
    import numpy as np

    from asv_bench.compare.data import load, split_rows
    from asv_bench.compare.quality import score_embedding, score_transform

    start = time.perf_counter()
    data = load(job["data"], job["n_rows"])
    embedding = np.load(job["folder"] + "/embedding.npy")
    if job["task"] == "transform":
        train, test = split_rows(data)
        new = np.load(job["folder"] + "/new.npy")
        scores = score_transform(data.y[train], embedding, data.y[test], new)
    else:
        scores = score_embedding(data.X, data.y, embedding)
    return {"scores": scores, "score_s": time.perf_counter() - start}


def main(path):
    """Do the job that the file describes and write the result beside it."""
    job = json.loads(Path(path).read_text())
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, job["cores"])
    step = {"fit": fit, "score": score}[job["step"]]
    result = step(job)
    Path(job["folder"], job["step"] + ".json").write_text(json.dumps(result))


if __name__ == "__main__":
    main(sys.argv[1])
