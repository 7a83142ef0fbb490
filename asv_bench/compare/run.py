# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""Run methods side by side and append one row of JSON per fit.

``python -m asv_bench.compare --methods dlme umap pacmap --data digits mnist:10000
--seeds 0 1 2 --threads 2 --out comparison.jsonl``

prints the tables of :mod:`asv_bench.compare.report` at the end.

Every fit has a process of its own; they run one after the other on the same cores with
the same limit of threads. What the file already holds is not run again, so an
interrupted command is continued by giving it again. A fit that fails, is killed or
takes too long becomes a row that says so.

Tasks: ``embed`` fits all rows, with compilation done beforehand and timed apart;
``cold`` fits without that, so that import and compilation are in the time, as in the
first fit of a new process (code that a package keeps compiled on disk is used, as it
would be there); ``transform`` fits one part of the rows and embeds the rest.
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
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

if not __package__:
    # Run as a file: the folder of this file would offer `data` and `methods` as
    # top-level modules, the root offers the package.
    sys.path[0] = str(Path(__file__).resolve().parents[2])

from asv_bench.compare.data import NAMES, parse_name
from asv_bench.compare.methods import METHODS, missing_packages

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = 1
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
VERSIONS_OF = ("numpy", "scipy", "scikit-learn", "numba", "pynndescent", "torch")
# Instruction sets that decide how fast matrix products are.
FLAGS = ("sse4_2", "avx", "fma", "f16c", "amx", "asimd", "sve", "neon", "bf16")
KEY = ("task", "method", "data", "n_rows", "seed", "threads", "input", "params")


def _version(package):
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _git(*arguments):
    command = ["git", "-C", str(ROOT), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def source_fingerprint():
    """Return a hash of the package's source: the true version of a checkout."""
    digest = hashlib.sha256()
    for path in sorted((ROOT / "skmanifold").rglob("*.py")):
        digest.update(str(path.relative_to(ROOT)).encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def describe_checkout():
    """Return commit, whether files differ from it, and the source's hash."""
    changes = _git("status", "--porcelain", "--", "skmanifold")
    return {
        "commit": _git("rev-parse", "HEAD"),
        "dirty": None if changes is None else bool(changes),
        "source": source_fingerprint(),
    }


def describe_machine():
    """Return processor, instruction sets, cores and memory of this machine."""
    cpu, flags = platform.processor(), []
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                cpu = value.strip()
            elif name.strip() in ("flags", "Features"):
                flags = sorted(f for f in set(value.split()) if f.startswith(FLAGS))
    memory = None
    with contextlib.suppress(ValueError, OSError, AttributeError):
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "cpu": cpu,
        "flags": flags,
        "cores": os.cpu_count(),
        "memory_gib": memory,
        "platform": platform.platform(),
    }


def usable_cores(threads):
    """Return the cores that every fit is bound to.

    Raises
    ------
    ValueError
        If this process may use fewer cores than there are threads.
    """
    if hasattr(os, "sched_getaffinity"):
        cores = sorted(os.sched_getaffinity(0))
    else:
        cores = list(range(os.cpu_count()))
    if threads < 1 or threads > len(cores):
        raise ValueError(
            f"--threads is {threads}, but it must be from 1 to the {len(cores)} "
            f"core(s) that this process may use."
        )
    return cores[:threads]


def release_of(row):
    """Return what was measured: our own source, or another package's version."""
    ours = row["package"] == "skmanifold"
    return row["git"]["source"] if ours else row["version"]


def row_key(row):
    """Return what makes two rows the same measurement."""
    key = [*(row[name] for name in KEY), release_of(row)]
    return json.dumps(key, sort_keys=True)


def read_rows(path):
    """Read a file of JSON lines; a file that does not exist has no rows."""
    path = Path(path)
    if not path.exists():
        return []
    rows = []
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        if not line.strip():
            continue
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError as error:
            raise ValueError(
                f"{path}, line {number} is not JSON ({error}). Remove the line; the "
                f"fit it stood for is then run again."
            ) from error
    return rows


def run_child(job, timeout):
    """Run one step of a job in a new process.

    Returns
    -------
    status : {"ok", "error", "timeout"}
    result : dict
        What the step wrote, or ``error`` with the reason that it did not.
    """
    folder = Path(job["folder"])
    file = folder / "job.json"
    file.write_text(json.dumps(job))
    environment = dict(os.environ)
    environment.update({name: str(job["threads"]) for name in THREAD_VARIABLES})
    paths = [str(ROOT), os.environ.get("PYTHONPATH")]
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    process = subprocess.Popen(
        [sys.executable, "-m", "asv_bench.compare.child", str(file)],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        # A group of its own, so that a time-out reaches what the fit has started too.
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=timeout)
    except BaseException as reason:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        if isinstance(reason, subprocess.TimeoutExpired):
            return "timeout", {"error": f"{job['step']}: not done in {timeout:g} s"}
        raise
    result = folder / (job["step"] + ".json")
    if process.returncode == 0 and result.exists():
        return "ok", json.loads(result.read_text())
    tail = "\n".join(output.strip().splitlines()[-15:])
    if process.returncode < 0:
        tail = f"ended by signal {-process.returncode}\n{tail}"
    return "error", {"error": f"{job['step']}: {tail}"}


def measure(row, cores, timeout, transform_sizes):
    """Fit and judge one row; return it with what was measured."""
    method = METHODS[row["method"]]
    missing = missing_packages(method)
    if missing:
        command = f"pip install {' '.join(missing)}"
        return row | {"status": "not installed", "error": command}
    if row["task"] == "transform" and method.transform is None:
        return row | {"status": "no transform", "error": "it embeds fitted rows only"}
    with tempfile.TemporaryDirectory(prefix="compare-") as folder:
        job = {name: row[name] for name in KEY}
        job |= {
            "folder": folder,
            "cores": cores,
            "transform_sizes": transform_sizes,
            "step": "fit",
        }
        status, result = run_child(job, timeout)
        row = row | {"status": status} | result
        if status == "ok":
            # Judged by a process that is neither timed nor bound to what the
            # method's package has imported.
            status, result = run_child(job | {"step": "score"}, timeout)
            row = row | {"status": status} | result
    return row


def plan(arguments, checkout):
    """Yield the row to be measured for each combination that was asked for."""
    try:
        params = json.loads(arguments.params)
    except json.JSONDecodeError as error:
        raise ValueError(f"--params is not JSON: {error}") from error
    if not isinstance(params, dict) or set(params) - set(METHODS):
        raise ValueError(
            f"--params must map methods to their parameters, as in "
            f'\'{{"umap": {{"n_neighbors": 30}}}}\', but is {arguments.params}'
        )
    for text in arguments.data:
        name, n_rows = parse_name(text)
        for seed in arguments.seeds:
            for label in arguments.methods:
                method = METHODS[label]
                kind = "raw" if method.raw else "usual"
                yield {
                    "schema": SCHEMA,
                    "task": arguments.task,
                    "method": label,
                    "data": name,
                    "n_rows": n_rows,
                    "seed": seed,
                    "threads": arguments.threads,
                    "input": kind if arguments.input == "auto" else arguments.input,
                    "params": params.get(label, {}),
                    "package": method.package,
                    "version": _version(method.package),
                    "git": checkout,
                }


def summary(row):
    """Return one line about a row, for whoever watches."""
    if row["status"] == "ok":
        outcome = f"{row['wall_s']:.2f} s"
    else:
        outcome = f"{row['status']}: {row['error'].splitlines()[-1]}"
    size = row["n_rows"] or "all"
    what = f"{row['task']} {row['data']}:{size} {row['method']} seed {row['seed']}"
    return f"{what}: {outcome}"


def make_parser():
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m asv_bench.compare",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )

    def add(name, text, **settings):
        parser.add_argument(name, help=text, **settings)

    several = {"nargs": "+", "metavar": "M"}
    text = f"any of {', '.join(METHODS)}; all of them unless given"
    add("--methods", text, choices=METHODS, default=list(METHODS), **several)
    text = f"any of {', '.join(NAMES)}; name:ROWS takes a stratified subsample"
    add("--data", text, nargs="+", metavar="D", default=["digits"])
    add("--seeds", "seeds", nargs="+", type=int, default=[0, 1, 2, 3, 4])
    add("--threads", "cores and threads of each fit", type=int, default=1)
    text = "what to measure, see above"
    add("--task", text, choices=("embed", "cold", "transform"), default="embed")
    text = "auto: the raw matrix for our own, the usual (pixels / 255) for the others"
    add("--input", text, choices=("auto", "raw", "usual"), default="auto")
    text = "JSON object: method -> parameters that differ from its defaults"
    add("--params", text, default="{}")
    add("--timeout", "seconds that a fit may take", type=float, default=3600.0)
    text = "rows asked for at once when the throughput of transform is measured"
    sizes = [1, 100, 10_000, 70_000]
    add("--transform-sizes", text, nargs="+", type=int, default=sizes)
    add("--retry", "run again what has failed before", action="store_true")
    text = "file of JSON lines (default: %(default)s)"
    add("--out", text, type=Path, default=Path("comparison.jsonl"))
    return parser


@contextlib.contextmanager
def alone(path):
    """Hold the file's lock: two commands at once would disturb each other."""
    import fcntl

    with open(f"{path}.lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise SystemExit(f"Another comparison is writing to {path}.") from None
        yield


def main(argv=None):
    """Run the command line; return 0, or 1 if a fit has failed."""
    # it reads what is written here
    from asv_bench.compare.report import report

    parser = make_parser()
    arguments = parser.parse_args(argv)
    try:
        cores = usable_cores(arguments.threads)
        rows = list(plan(arguments, describe_checkout()))
    except ValueError as error:
        parser.error(str(error))
    machine = describe_machine()
    versions = {"python": platform.python_version()}
    versions |= {name: _version(name) for name in VERSIONS_OF}
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    failed = 0
    with alone(arguments.out):
        known = {row_key(row): row["status"] for row in read_rows(arguments.out)}
        for number, row in enumerate(rows, start=1):
            status = known.get(row_key(row))
            if status == "ok" or (status is not None and not arguments.retry):
                continue
            row |= {
                "versions": versions,
                "machine": machine,
                "cores": cores,
                # What else the machine was doing; near the number of threads, the
                # times are not worth publishing.
                "load": os.getloadavg()[0],
                "date": datetime.datetime.now(datetime.UTC).isoformat("T", "seconds"),
            }
            row = measure(row, cores, arguments.timeout, arguments.transform_sizes)
            with arguments.out.open("a") as file:
                file.write(json.dumps(row) + "\n")
            known[row_key(row)] = row["status"]
            failed += row["status"] in ("error", "timeout")
            sys.stderr.write(f"[{number}/{len(rows)}] {summary(row)}\n")
    asked = {row_key(row) for row in rows}
    rows = [row for row in read_rows(arguments.out) if row_key(row) in asked]
    reference = "umap" if "umap" in arguments.methods else arguments.methods[0]
    sys.stdout.write(report(rows, reference))
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
