# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""Measurements one after the other, each in a new process, as lines of a file.

A measurement is a module of this package with a function ``one(**job)`` and the job, a
dictionary of JSON. What the file already holds is not run again: an interrupted command
is continued by giving it again. Each line holds the job, what was measured, user and
system seconds, peak memory, and the machine, the versions, the commit and the load.

``python -m asv_bench.compare.jobs`` is what runs in the new process.
"""

import datetime
import functools
import importlib
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import numpy as np

from asv_bench.compare.child import measured
from asv_bench.compare.report import cell, table
from asv_bench.compare.run import (
    ROOT,
    THREAD_VARIABLES,
    VERSIONS_OF,
    _version,
    alone,
    describe_checkout,
    describe_machine,
    read_rows,
)

PEERS = (
    "clustpy",
    "faiss-cpu",
    "gudhi",
    "lightly",
    "openTSNE",
    "pacmap",
    "torchdr",
    "umap-learn",
)


def add_options(parser, file, n_seeds=5):
    """Add the options that all comparisons share."""
    add = parser.add_argument
    add("--seeds", nargs="+", type=int, default=list(range(n_seeds)), metavar="SEED")
    text = "file of JSON lines (default: %(default)s)"
    add("--out", type=Path, default=Path(file), help=text)
    add("--threads", type=int, default=1, help="threads of each fit")
    add("--timeout", type=float, default=7200.0, help="seconds that a fit may take")
    add("--again", action="store_true", help="measure anew what the file holds")
    add("--table", action="store_true", help="only print the table of the file")


def key_of(job):
    """What makes two lines the same measurement."""
    return json.dumps(job, sort_keys=True)


def latest(rows):
    """The last good line of each measurement, in the order of the first."""
    return list(
        {key_of(row["job"]): row for row in rows if row["status"] == "ok"}.values()
    )


def in_new_process(module, job, threads, timeout):
    """Run ``module.one(**job)``; what it returned and what it took, or the error."""
    environment = dict(os.environ)
    environment.update({name: str(threads) for name in THREAD_VARIABLES})
    paths = [str(ROOT), os.environ.get("PYTHONPATH")]
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    try:
        done = subprocess.run(
            [sys.executable, "-m", "asv_bench.compare.jobs"],
            input=json.dumps([module, job]),
            capture_output=True,
            text=True,
            env=environment,
            timeout=timeout,
        )
    except subprocess.TimeoutExpired:
        return {"status": "timeout", "error": f"not done in {timeout:g} s"}
    if done.returncode:
        tail = "\n".join(done.stderr.strip().splitlines()[-15:])
        return {"status": "error", "error": f"exit {done.returncode}: {tail}"}
    return {"status": "ok", **json.loads(done.stdout.splitlines()[-1])}


def carry_out(module, jobs, options):
    """Measure each job that the file does not hold, and return the file's rows.

    Parameters
    ----------
    module : str
        Name of a module of this package.
    jobs : iterable of dict
    options : argparse.Namespace
        What :func:`add_options` has added.

    Returns
    -------
    list of dict
        The latest good row of each job, of earlier commands too.
    """
    options.out.parent.mkdir(parents=True, exist_ok=True)
    jobs = [] if options.table else list(jobs)
    with alone(options.out):
        known = {
            key_of(row["job"])
            for row in read_rows(options.out)
            if row["status"] == "ok" and not options.again
        }
        about = {
            "git": describe_checkout(),
            "machine": describe_machine(),
            "versions": {"python": platform.python_version()}
            | {name: _version(name) for name in (*VERSIONS_OF, *PEERS)},
            "threads": options.threads,
        }
        for job in jobs:
            if key_of(job) in known:
                continue
            row = {
                "module": module,
                "job": job,
                "date": datetime.datetime.now(datetime.UTC).isoformat("T", "seconds"),
                "load": os.getloadavg()[0],
            }
            row |= in_new_process(module, job, options.threads, options.timeout)
            with options.out.open("a") as file:
                file.write(json.dumps(row | about) + "\n")
            shown = row.get("found", row.get("error"))
            print(f"{key_of(job)}: {shown}", file=sys.stderr, flush=True)
    return latest(read_rows(options.out))


def markdown(rows, keys, columns):
    """Table of means over the seeds, with the deviation where there are several.

    Parameters
    ----------
    rows : list of dict
        Of :func:`carry_out`.
    keys : sequence of str
        Entries of the jobs that tell the lines of the table apart. Where a job says
        nothing of ``rows``, they are all.
    columns : dict of str to int
        Name of a figure to its decimals. Figures are what the job found, ``cpu_s``,
        ``wall_s`` and ``peak_mib``; those that no row has are left out.

    Returns
    -------
    str
    """
    groups = {}
    for row in rows:
        job = {name: "all" if name == "rows" else "" for name in keys}
        job |= {name: of for name, of in row["job"].items() if of is not None}
        key = tuple(str(job[name]) for name in keys)
        groups.setdefault(key, []).append({**row, **row["found"]})
    columns = {
        name: decimals
        for name, decimals in columns.items()
        if any(name in row for group in groups.values() for row in group)
    }
    lines = []
    for key, group in groups.items():
        cells = []
        for name, decimals in columns.items():
            values = [row[name] for row in group if row.get(name) is not None]
            cells.append(cell(np.array(values, dtype=float), decimals))
        lines.append([*key, str(len(group)), *cells])
    return table([*keys, "seeds", *columns], lines)


def main():
    """Measure what standard input says and write the figures to standard output."""
    module, job = json.load(sys.stdin)
    function = importlib.import_module(f"asv_bench.compare.{module}").one
    found, figures = measured(functools.partial(function, **job))
    print("\n" + json.dumps({"found": found, **figures}))


if __name__ == "__main__":
    main()
