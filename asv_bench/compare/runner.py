# SPDX-License-Identifier: BSD-3-Clause

"""Runner: one process per measurement, one JSON line per result.

A measurement is a module of this package with a function ``one(**job)``, or with
:mod:`parts <asv_bench.compare.parts>`, and a job, a dictionary of JSON values.
Measurements run one after the other on the same cores, with the same number of threads.
The file of rows is the state: jobs that it contains are not run again, so an
interrupted command can be resumed. A job that fails or times out becomes a row with the
error.

A row holds the job, the results, seconds, peak memory, machine, versions, commit and
load. This module imports only the standard library, see
:mod:`asv_bench.compare.process`.
"""

import argparse
import contextlib
import datetime
import hashlib
import json
import os
import platform
import signal
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "LOKY_MAX_CPU_COUNT",
)
PACKAGES = (
    *("numpy", "scipy", "scikit-learn", "numba", "pynndescent", "torch"),
    *("clustpy", "faiss-cpu", "gudhi", "lightly", "openTSNE", "pacmap", "torchdr"),
    "umap-learn",
)
# Instruction sets that matter for matrix products.
FLAGS = ("sse4_2", "avx", "fma", "f16c", "amx", "asimd", "sve", "neon", "bf16")


def package_version(package):
    """Return the installed version of a package, or None."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def describe_checkout():
    """Return the commit, whether files differ from it, and a hash of the source."""

    def git(*arguments):
        command = ["git", "-C", str(ROOT), *arguments]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=True)
        except (OSError, subprocess.CalledProcessError):
            return None
        return done.stdout.strip()

    digest = hashlib.sha256()
    for path in sorted((ROOT / "skmanifold").rglob("*.py")):
        digest.update(str(path.relative_to(ROOT)).encode())
        digest.update(path.read_bytes())
    changes = git("status", "--porcelain", "--", "skmanifold")
    return {
        "commit": git("rev-parse", "HEAD"),
        "dirty": None if changes is None else bool(changes),
        "source": digest.hexdigest()[:12],
    }


def describe_machine():
    """Return processor, instruction sets, cores and memory of this machine."""
    cpu, flags, memory = platform.processor(), [], None
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                cpu = value.strip()
            elif name.strip() in ("flags", "Features"):
                flags = sorted(f for f in set(value.split()) if f.startswith(FLAGS))
    with contextlib.suppress(ValueError, OSError, AttributeError):
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "cpu": cpu,
        "flags": flags,
        "cores": os.cpu_count(),
        "memory_gib": memory,
        "platform": platform.platform(),
    }


def usable_cores(n):
    """Return the cores that jobs are bound to."""
    if hasattr(os, "sched_getaffinity"):
        cores = sorted(os.sched_getaffinity(0))
    else:
        cores = list(range(os.cpu_count()))
    if n < 1 or n > len(cores):
        raise ValueError(
            f"{n} core(s) are required, but {len(cores)} are available. Decrease "
            "--threads (or --processes), to at least 1."
        )
    return cores[:n]


def key_of(job):
    """Return a string that identifies a job."""
    return json.dumps(job, sort_keys=True)


def read_rows(path):
    """Read a file of JSON lines; a missing file has no rows."""
    path = Path(path)
    rows = []
    for number, line in enumerate(
        path.read_text().splitlines() if path.exists() else [], start=1
    ):
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError as error:
            raise ValueError(
                f"{path}, line {number} is not JSON ({error}). Remove the line to run "
                f"its job again."
            ) from error
    return rows


def latest(rows):
    """Return the last successful row of each job.

    Seeds of one measurement come from one release: of rows that name their package,
    only those of its latest version, or of our own latest source, count.
    """

    def release(row):
        package = row["found"].get("package")
        return row["git"]["source"] if package == "skmanifold" else (
            package and row["found"]["version"]
        )  # fmt: skip

    def measurement(row):
        job = {name: value for name, value in row["job"].items() if name != "seed"}
        return key_of({**job, "module": row.get("module")})

    good = {
        (row.get("module"), key_of(row["job"])): row
        for row in rows
        if row["status"] == "ok"
    }
    newest = {}
    for row in sorted(good.values(), key=lambda row: row.get("date", "")):
        newest[measurement(row)] = release(row)
    return [row for row in good.values() if release(row) == newest[measurement(row)]]


def make_parser(module, description, n_seeds=5):
    """Return a parser of the options shared by all measuring modules."""
    parser = argparse.ArgumentParser(
        prog=f"python -m asv_bench.compare.{module}",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    text = "seeds (default: %(default)s)"
    add("--seeds", nargs="+", type=int, default=list(range(n_seeds)), help=text)
    text = "file of JSON lines (default: %(default)s)"
    add("--out", type=Path, default=Path(f"{module}.jsonl"), help=text)
    add("--threads", type=int, default=1, help="cores and threads per job")
    add("--timeout", type=float, default=3600.0, help="maximum seconds per job")
    add("--retry", action="store_true", help="run failed jobs again")
    add("--again", action="store_true", help="run all jobs again")
    add("--table", action="store_true", help="only print the table of the file")
    return parser


@contextlib.contextmanager
def alone(path):
    """Lock the file: concurrent commands would disturb each other's timings."""
    import fcntl

    with open(f"{path}.lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise SystemExit(f"Another command is writing to {path}.") from None
        yield


def in_new_process(module, job, threads, cores, timeout):
    """Run a job in a new process; return status and figures."""
    environment = dict(os.environ)
    environment.update({name: str(threads) for name in THREAD_VARIABLES})
    paths = [str(ROOT), os.environ.get("PYTHONPATH")]
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    process = subprocess.Popen(
        [sys.executable, "-m", "asv_bench.compare.process"],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        # as a process group, so that a time-out also kills child processes
        start_new_session=True,
    )
    try:
        task = json.dumps({"module": module, "job": job, "cores": cores})
        output, errors = process.communicate(task, timeout=timeout)
    except BaseException as reason:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        if isinstance(reason, subprocess.TimeoutExpired):
            return {"status": "timeout", "error": f"not finished in {timeout:g} s"}
        raise
    if process.returncode:
        tail = "\n".join(errors.strip().splitlines()[-15:])
        return {"status": "error", "error": f"exit {process.returncode}: {tail}"}
    return {"status": "ok", **json.loads(output.splitlines()[-1])}


def carry_out(module, jobs, options, n_cores=None):
    """Run each job that is not in the file, and return the file's latest rows.

    Parameters
    ----------
    module : str
        Name of a module of this package.
    jobs : iterable of dict
    options : argparse.Namespace
        Values of the options of :func:`make_parser`.
    n_cores : int, default=None
        Number of cores per job; None means ``options.threads``.

    Returns
    -------
    list of dict
        The latest successful row of each job, including earlier commands.
    """
    if options.table:
        return latest(read_rows(options.out))
    cores = usable_cores(n_cores or options.threads)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    about = {
        "git": describe_checkout(),
        "machine": describe_machine(),
        "versions": {"python": platform.python_version()}
        | {name: package_version(name) for name in PACKAGES},
        "threads": options.threads,
        "cores": cores,
    }
    with alone(options.out):
        known = {key_of(row["job"]): row["status"] for row in read_rows(options.out)}
        for job in jobs:
            status = None if options.again else known.get(key_of(job))
            if status == "ok" or (status and not options.retry):
                continue
            row = {
                "module": module,
                "job": job,
                "date": datetime.datetime.now(datetime.UTC).isoformat("T", "seconds"),
                # close to the number of threads, times are not worth publishing
                "load": os.getloadavg()[0],
            }
            row |= in_new_process(module, job, options.threads, cores, options.timeout)
            with options.out.open("a") as file:
                file.write(json.dumps(row | about) + "\n")
            known[key_of(job)] = row["status"]
            shown = row.get("found", row.get("error"))
            print(f"{key_of(job)}: {shown}", file=sys.stderr, flush=True)
    return latest(read_rows(options.out))
