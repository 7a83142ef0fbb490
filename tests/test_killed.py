# SPDX-License-Identifier: BSD-3-Clause

"""Fits killed at random moments, during a write too, and resumed in a new process.

SKMANIFOLD_KILLS is the number of kills for each estimator.
"""

import json
import os

import pytest

import skmanifold
from tests.processes import run_python

N_KILLS = int(os.environ.get("SKMANIFOLD_KILLS", "2"))

# One process imports torch; each fit is a fork of it, in which no thread runs.
SCRIPT = """
import json, os, pathlib, random, signal, sys, time

home, n_kills, names = pathlib.Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
import numpy as np
import torch
from sklearn.datasets import make_blobs

import skmanifold
from skmanifold.training import TrainingOptions

torch.set_num_threads(1)
X, y = make_blobs(60, 6, random_state=0)
wanted = dict(max_epochs=12, batch_size=20, random_state=0, n_jobs=1, n_clusters=3,
              n_charts=3, pretraining_epochs=4, representation_epochs=4)

def forked(work):
    pid = os.fork()
    if pid == 0:
        try:
            work()
        finally:
            os._exit(0)
    return pid

def slow_write(fd, fsync=os.fsync):
    time.sleep(0.01)
    fsync(fd)

os.fsync = slow_write  # so that kills fall into them, too

def kill_fits(name, folder):
    folder.mkdir()
    cls = getattr(skmanifold, name)
    known = cls().get_params(deep=False)
    params = {key: value for key, value in wanted.items() if key in known}

    def fit(training, out):
        def work():
            Z = cls(**params, training=training).fit_transform(X, y)
            np.save(folder / "making.npy", Z)
            os.replace(folder / "making.npy", out)
        return work

    cls(**{**params, "max_epochs": 1}).fit(X, y)  # imports what is imported late
    whole = folder / "whole.npy"
    began = time.perf_counter()
    os.waitpid(forked(fit(TrainingOptions(), whole)), 0)
    duration = time.perf_counter() - began
    expected = np.load(whole)
    rng = random.Random(0)
    path, out = folder / "fit.pt", folder / "resumed.npy"
    training = TrainingOptions(checkpoint=path)
    counts = dict(kills=0, resumed=0, in_a_write=0, n_fits=0, different=0, left=[])

    def resume():
        os.waitpid(forked(fit(training, out)), 0)
        counts["n_fits"] += 1
        counts["different"] += not np.array_equal(np.load(out), expected)
        counts["left"] += [p.name for p in folder.glob("fit.pt*")]

    while counts["kills"] < n_kills:
        out.unlink(missing_ok=True)
        pid = forked(fit(training, out))
        time.sleep(rng.uniform(0, 2 * duration))
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        if out.exists():
            continue  # it was ready before
        counts["kills"] += 1
        counts["resumed"] += path.exists()
        counts["in_a_write"] += any(folder.glob("fit.pt.*.part"))
        if rng.random() < 0.5:
            resume()  # others are killed again before they are ready
    resume()
    return counts

print(json.dumps({name: kill_fits(name, home / name) for name in names}))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("part", [0, 1], ids=["one half", "other half"])
def test_a_killed_fit_ends_where_a_whole_one_does(tmp_path, part):
    names = sorted(skmanifold._ESTIMATORS)[part::2]
    timeout = len(names) * (60 + 20 * N_KILLS)
    output = run_python("-c", SCRIPT, tmp_path, N_KILLS, *names, timeout=timeout)
    result = json.loads(output.splitlines()[-1])
    assert list(result) == names
    for name, counts in result.items():
        assert counts["kills"] == N_KILLS
        assert counts["different"] == 0, (name, counts)
        assert counts["left"] == [], (name, counts)
        if N_KILLS >= 50:
            assert counts["resumed"] > 10 and counts["in_a_write"] > 0, (name, counts)
