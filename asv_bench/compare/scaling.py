# SPDX-License-Identifier: BSD-3-Clause

"""Distributed fits.

``python -m asv_bench.compare.scaling --processes 1 2`` fits DLME with one and with two
processes on this machine (torchrun and gloo), each with ``--threads`` threads. The
table shows samples per second (epochs after the first), speed-up over the fewest
processes, CPU time per step and process, and the arithmetic of a step (see the guide on
big data). It needs processes times threads cores; on a busy machine, only CPU times are
meaningful.
"""

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from asv_bench.compare.runner import carry_out, make_parser
from asv_bench.compare.tables import markdown, mean_table

# Hidden layers of the structure network: the default, and a wide one.
NETWORKS = {"default": (256, 128), "wide": (2048, 2048)}


def arithmetic(layers, n_features, structure_dim, n_components, batch_size, processes):
    """Return operations and bytes sent by each process in one step.

    ``batch_size`` counts samples; the networks process two views of each.
    """
    embedding = (structure_dim, 256, 128, n_components)
    widths = (n_features, *layers, structure_dim)
    weights = sum(
        a * b + b for w in (widths, embedding) for a, b in itertools.pairwise(w)
    )
    # gathered at the last batch normalization, which needs the whole batch
    shared = layers[-1] + structure_dim + n_components
    n_rows = 2 * batch_size
    return {
        "GFLOP": 6e-9 * weights * n_rows / processes,
        "MB": 8e-6 * (shared * n_rows + weights) if processes > 1 else 0.0,
    }


def one(processes, **job):
    """Fit with several processes and return the figures of the first one."""
    launcher = ["-m", "torch.distributed.run", "--standalone"]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "found.json")
        subprocess.run(
            [
                *(sys.executable, *launcher, f"--nproc-per-node={processes}"),
                *("-m", "asv_bench.compare.scaling"),
                *("--one", json.dumps(job), str(path)),
            ],
            check=True,
            stdout=sys.stderr,
        )
        figures = json.loads(path.read_text())
    layers = NETWORKS[job["network"]]
    return figures | arithmetic(layers, 64, 64, 2, job["batch_size"], processes)


def fit(job, path):
    """Fit as one of the processes; the first one writes the figures."""
    from torch import distributed

    from skmanifold import DLME
    from skmanifold._engine import count_batches
    from skmanifold.training import TrainingOptions

    ends = []

    class Timed(DLME):
        def _report(self, phase, epoch, n_epochs, history):
            ends.append((time.perf_counter(), time.process_time()))

    distributed.init_process_group("gloo")
    X = np.random.default_rng(job["seed"]).normal(size=(job["rows"], 64))
    model = Timed(
        # no neighbor search
        augmentation="none",
        structure_layers=NETWORKS[job["network"]],
        batch_size=job["batch_size"],
        max_epochs=job["epochs"],
        device="cpu",
        training=TrainingOptions(n_threads=int(os.environ["OMP_NUM_THREADS"])),
        verbose=True,
        random_state=job["seed"],
    )
    start = time.perf_counter()
    model.fit(X)
    seconds = time.perf_counter() - start
    if distributed.get_rank() == 0:
        epoch, cpu = np.median(np.diff(ends, axis=0), axis=0)
        n_steps = count_batches(job["rows"], job["batch_size"])
        figures = {
            "rows/s": job["rows"] / epoch,
            "CPU ms/step": 1e3 * cpu / n_steps,
            "fit s": seconds,
        }
        Path(path).write_text(json.dumps(figures))
    # leaving early would interrupt the last message to other processes
    distributed.barrier()
    distributed.destroy_process_group()


def with_speed_up(rows):
    """Return the rows with their rate relative to the fewest processes."""

    def case(row):
        job = {k: v for k, v in row["job"].items() if k != "processes"}
        return json.dumps(job, sort_keys=True)

    base = {}
    for row in sorted(rows, key=lambda row: -row["job"]["processes"]):
        base[case(row)] = row["found"]["rows/s"]
    return [
        row | {"found": row["found"] | {"speed-up": rate / base[case(row)]}}
        for row in rows
        for rate in [row["found"]["rows/s"]]
    ]


KEYS = ("network", "batch_size", "processes")
COLUMNS = {
    "rows/s": 0,
    "speed-up": 2,
    "CPU ms/step": 1,
    "fit s": 1,
    "GFLOP": 2,
    "MB": 1,
}


def main(arguments=None):
    """Run the command line."""
    parser = make_parser("scaling", __doc__, n_seeds=3)
    add = parser.add_argument
    add("--processes", nargs="+", type=int, default=[1, 2])
    add("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    add("--batch-sizes", nargs="+", type=int, default=[250, 1000])
    add("--rows", type=int, default=4000)
    add("--epochs", type=int, default=4, help="at least 2; the first is not timed")
    add("--one", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.one:
        job, path = options.one
        fit(json.loads(job), path)
        return
    jobs = [
        {
            "processes": processes,
            "network": network,
            "batch_size": batch_size,
            "rows": options.rows,
            "epochs": options.epochs,
            "seed": seed,
        }
        for network in options.networks
        for batch_size in options.batch_sizes
        for seed in options.seeds
        for processes in options.processes
    ]
    n_cores = max(options.processes) * options.threads
    try:
        rows = with_speed_up(carry_out("scaling", jobs, options, n_cores))
    except ValueError as error:
        parser.error(str(error))
    print(markdown(mean_table(rows, KEYS, COLUMNS)))


if __name__ == "__main__":
    main()
