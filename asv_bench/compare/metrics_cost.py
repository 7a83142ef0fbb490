# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""What the metrics cost: beside scikit-learn's trustworthiness, and alone.

``python -m asv_bench.compare.metrics_cost`` compares 10,000 rows of MNIST, raw pixels
against two principal components, with :func:`sklearn.manifold.trustworthiness`, then
runs our metrics on all 70,000, where scikit-learn's would need three matrices of 39 GB.
Every figure comes from a process of its own. MNIST is read by
:func:`skmanifold.datasets.fetch_dataset`.
"""

import argparse
import json
import subprocess
import sys
from functools import partial

from asv_bench.compare.child import measured

ALONE = (
    "trustworthiness",
    "continuity",
    "mean_relative_rank_error",
    "neighborhood_preservation",
    "local_geometric_distortion",
    "distance_rmse",
)


def data(n_rows, dtype):
    """The first rows of MNIST and their first two principal components."""
    from sklearn.decomposition import PCA

    from skmanifold.datasets import fetch_dataset

    X = fetch_dataset("mnist").data[:n_rows].astype(dtype)
    return X, PCA(n_components=2, random_state=0).fit_transform(X)


def one(job):
    """Measure one call and return its figures and its value."""
    X, Z = data(job["rows"], job["dtype"])
    if job["metric"] == "sklearn":
        from sklearn.manifold import trustworthiness as metric
    else:
        from skmanifold import metrics

        metric = getattr(metrics, job["metric"])
    options = {}
    if job["metric"] != "distance_rmse":
        options["n_neighbors"] = job["k"]
    if job["metric"] != "sklearn":
        options["n_jobs"] = job["jobs"]
    value, figures = measured(partial(metric, X, Z, **options))
    return {**figures, "value": value}


def in_process(**job):
    """Run one measurement in a new process, and print and return what it found."""
    command = [sys.executable, "-m", "asv_bench.compare.metrics_cost", "--one"]
    run = subprocess.run(
        [*command, json.dumps(job)], check=True, stdout=subprocess.PIPE, text=True
    )
    found = json.loads(run.stdout)
    print(
        f"{job['metric']:28s} n={job['rows']:<6d} {found['wall_s']:8.1f} s"
        f" {found['cpu_s']:8.1f} s CPU  peak +{found['peak_mib']:7.0f} MiB"
        f" (whole {found['peak_mib'] + found['before_mib']:6.0f})"
        f"  {found['value']:.12f}",
        flush=True,
    )
    return found


def main(arguments=None):
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=10_000, help="rows to compare on")
    parser.add_argument("--alone", type=int, default=70_000, help="rows of ours alone")
    parser.add_argument("--metrics", nargs="*", default=ALONE, help="which of ours")
    parser.add_argument("--repeats", type=int, default=3, help="of the comparison")
    parser.add_argument("-k", type=int, default=15, help="number of neighbours")
    parser.add_argument("--jobs", type=int, default=None, help="our threads")
    parser.add_argument("--dtype", default="float64", help="of the pixels")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    args = parser.parse_args(arguments)
    if args.one:
        print(json.dumps(one(json.loads(args.one))))
        return
    job = {"k": args.k, "jobs": args.jobs, "dtype": args.dtype}
    if args.rows:
        ratios = []
        for _ in range(args.repeats):
            theirs, ours = (
                in_process(metric=metric, rows=args.rows, **job)
                for metric in ("sklearn", "trustworthiness")
            )
            ratios.append(ours["wall_s"] / theirs["wall_s"])
            memory = ours["peak_mib"] / theirs["peak_mib"]
            difference = abs(ours["value"] - theirs["value"])
            print(
                f"  ours / scikit-learn: time {ratios[-1]:.2f}, memory {memory:.2f};"
                f" values differ by {difference:.1e}",
                flush=True,
            )
        ratios.sort()
        print(f"  median ratio of times {ratios[len(ratios) // 2]:.2f}", flush=True)
    if args.alone:
        for metric in args.metrics:
            in_process(metric=metric, rows=args.alone, **job)


if __name__ == "__main__":
    main()
