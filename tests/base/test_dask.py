# SPDX-License-Identifier: BSD-3-Clause

"""Searches and transforms on a cluster: the snippet of the guide, on two workers.

It runs in a process of its own, without the thread settings of the tests: how many
threads the workers have is a part of what is tested.
"""

import json
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

GUIDE = Path(__file__).parents[2] / "doc" / "user_guide" / "big_data.rst"

SCRIPT = """
import json, logging, sys
import numpy as np
import psutil
from distributed import Client, LocalCluster
from sklearn.base import clone

def watch():
    '''Count fits and the arrivals of fitted models, in a worker.'''
    from skmanifold import DLME

    DLME.n_fits = DLME.n_arrivals = 0
    fit, set_state = DLME.fit, DLME.__setstate__

    def counted_fit(self, *args):
        DLME.n_fits += 1
        return fit(self, *args)

    def counted_set_state(self, state):
        DLME.n_arrivals += "network_" in state
        return set_state(self, state)

    DLME.fit, DLME.__setstate__ = counted_fit, counted_set_state

def report():
    import os, threadpoolctl, torch
    from skmanifold import DLME

    return {
        "pid": os.getpid(),
        "torch": torch.get_num_threads(),
        "pools": [pool["num_threads"] for pool in threadpoolctl.threadpool_info()],
        "fits": DLME.n_fits,
        "arrivals": DLME.n_arrivals,
    }

with LocalCluster(
    n_workers=2, threads_per_worker=1, dashboard_address=None,
    silence_logs=logging.ERROR,
) as cluster:
    with Client(cluster) as client:
        client.run(watch)
    snippet = sys.stdin.read()
    assert "tcp://scheduler:8786" in snippet
    names = {}
    snippet = snippet.replace("tcp://scheduler:8786", cluster.scheduler_address)
    assert "(500, -1)" in snippet  # 18 chunks, so that a model with each would show
    exec(snippet.replace("(500, -1)", "(100, -1)"), names)
    with Client(cluster) as client:
        # as tasks, in the threads that work
        reports = [
            client.submit(report, workers=[worker], pure=False).result()
            for worker in client.scheduler_info()["workers"]
        ]
assert not [
    child for child in psutil.Process().children(recursive=True)
    if child.pid in {one["pid"] for one in reports}
]
search, X = names["search"], names["X"]
here = clone(search).fit(X)
for name, values in here.cv_results_.items():
    if not name.endswith("_time"):
        np.testing.assert_array_equal(search.cv_results_[name], values, name)
assert len(here.cv_results_["params"]) > 1
np.testing.assert_array_equal(names["embedding"], here.transform(X))
assert len(names["samples"].chunks[0]) > 2
n_fits = search.n_splits_ * len(here.cv_results_["params"])
print(json.dumps({"reports": reports, "n_fits": n_fits}))
"""


def test_the_guide_works_on_a_cluster():
    blocks = re.findall(
        r"^\.\. code-block:: python\n\n((?:   .*\n|\n)+)", GUIDE.read_text(), re.M
    )
    (snippet,) = (block for block in blocks if "dask" in block)
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        input=textwrap.dedent(snippet),
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
        env={
            name: value
            for name, value in os.environ.items()
            if not name.endswith("_NUM_THREADS")
        }
        # in the workers, too
        | {"PYTHONWARNINGS": "error"},
    )
    assert run.returncode == 0, run.stderr[-5000:]
    assert not run.stderr
    result = json.loads(run.stdout.splitlines()[-1])
    reports = result["reports"]
    assert len({report["pid"] for report in reports}) == 2
    assert sum(report["fits"] for report in reports) == result["n_fits"]
    for report in reports:
        # Dask itself may ask again where a busy worker is slow to answer
        assert 1 <= report["arrivals"] <= 2
        assert report["torch"] == 1
        assert report["pools"] and set(report["pools"]) == {1}
