# SPDX-License-Identifier: BSD-3-Clause

"""A file of rows in a process that is given a fifth of its size: ``make test-big``.

SKMANIFOLD_BIG_GB is the size of the file, 20 unless set. A small file is given 1 GB,
for torch and the sample of the PCA. Only one block of rows in ten is written, with
random numbers. The others are holes, which take no space on the disk and are read as
zeros: the test is about memory, not about what the model learns. If the temporary
folder is itself in memory, holes cost memory as well; set TMPDIR to one on a disk.
"""

import os
import subprocess
import sys

import pytest

SIZE = float(os.environ.get("SKMANIFOLD_BIG_GB", "20"))

SCRIPT = """
import resource, sys

path, size = sys.argv[1], float(sys.argv[2])
limit = int(max(size / 5, 1) * 1e9)
# of the heap: pages of files come and go, and a limit of addresses would count them
resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))

import threading, time, warnings
warnings.simplefilter("error")
import numpy as np
from skmanifold import DLME

def open_map(name, mode, **shape):
    return np.lib.format.open_memmap(f"{path}/{name}", mode=mode, **shape)

def block(start):
    return np.random.default_rng(start).uniform(size=(per_block, d)).astype("float32")

def anonymous():
    with open("/proc/self/status") as status:
        return next(int(x.split()[1]) for x in status if x.startswith("RssAnon")) / 1e6

def watch():
    while not ended.wait(0.02):
        peak[0] = max(peak[0], anonymous())

def step(name, function):
    peak[0], began = anonymous(), time.perf_counter()
    result = function()
    seconds = time.perf_counter() - began
    print(f"{name}: {seconds:.0f} s, at most {peak[0]:.3f} GB on the heap", flush=True)
    return result

d, per_block = 784, 1000
n = int(size * 1e9 / (4 * d)) // (10 * per_block) * 10 * per_block
written = range(0, n, 10 * per_block)
peak, ended = [0.0], threading.Event()
watcher = threading.Thread(target=watch)
watcher.start()
try:
    print(f"{n} rows of {d} columns, {limit / 1e9:g} GB allowed", flush=True)
    X = open_map("X.npy", "w+", dtype="float32", shape=(n, d))
    for start in written:
        X[start : start + per_block] = block(start)
    X.flush()
    X = open_map("X.npy", "r")
    Z = open_map("Z.npy", "w+", dtype="float32", shape=(n, 2))

    # a graph of so many rows would be the user's; small networks, as time goes by rows
    model = DLME(
        augmentation="none", batch_size=500, structure_layers=(64,), structure_dim=16,
        max_epochs=1, random_state=0,
    )
    step("fit", lambda: model.fit(X))
    step("transform", lambda: model.transform(X, out=Z))
finally:
    ended.set()
    watcher.join()

assert model.n_iter_ == 1 and np.isfinite(model.history_["loss"]).all()
hole = Z[per_block]
for start in range(0, n, per_block):
    part = Z[start : start + per_block]
    assert np.isfinite(part).all()
    np.testing.assert_array_equal(part, model.embedding_[start : start + per_block])
    if start not in written:
        np.testing.assert_array_equal(part, np.broadcast_to(hole, part.shape))
    elif start in (written[0], written[-1]):
        np.testing.assert_array_equal(part, model.transform(block(start)))
        assert len(np.unique(part, axis=0)) == per_block
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_file_five_times_the_memory(tmp_path):
    try:
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, str(tmp_path), str(SIZE)], check=False
        )
    finally:
        # pytest keeps its temporary folders
        (tmp_path / "X.npy").unlink(missing_ok=True)
    assert done.returncode == 0, "what went wrong is above"
