# SPDX-License-Identifier: BSD-3-Clause

"""Two-dimensional embeddings: quality, time and memory.

``python -m asv_bench.compare.embedding --methods dlme umap pacmap --data digits
mnist:10000 --seeds 0 1 2 --threads 2``

Tasks: ``embed`` fits all samples after a short fit that triggers compilation; ``cold``
fits without it, including import and compilation as in a new process (but code cached
on disk is used); ``transform`` fits one part of the samples and embeds the rest.
Our methods get the raw data, others their usual input (pixels / 255).
"""

import functools
import importlib
import time

from asv_bench.compare.data import NAMES, load, parse_name, split_rows
from asv_bench.compare.methods import METHODS, missing_packages
from asv_bench.compare.process import measured
from asv_bench.compare.runner import carry_out, make_parser, package_version
from asv_bench.compare.tables import markdown, mean_table

# Numbers of samples per call when the rate of transform is measured.
TRANSFORM_SIZES = (1, 100, 10_000, 70_000)
SCORES = {
    "svm": 3,
    "kmeans": 3,
    "nmi": 3,
    "knn": 3,
    "trustworthiness": 4,
    "continuity": 4,
    "spearman": 3,
    "page_share": 2,
}
COST = {"wall_s": 2, "cpu_s": 2, "compile_s": 1, "peak_mib": 0}
KEYS = ("data", "n_rows", "threads", "method")
# task -> columns of its table
COLUMNS = {
    "embed": SCORES | COST,
    "cold": {"import_s": 2, "wall_s": 2},
    "transform": {
        **{"svm": 3, "svm_train": 3, "knn": 3, "knn_train": 3, "wall_s": 2},
        **{f"samples/s at {size}": 0 for size in TRANSFORM_SIZES},
    },
}


def warm_up(method, make, n_rows, n_features, *, with_transform=False):
    """Fit random samples twice; the excess of the first fit is compilation time.

    Since packages choose algorithms by the number of samples, the random set is as
    large as the real one, or past all thresholds.
    """
    import numpy as np

    rng = np.random.default_rng(0)
    X = rng.random((min(n_rows, 4_500), n_features), dtype=np.float32)
    seconds = []
    for _ in range(2):
        start = time.perf_counter()
        model = make(brief=True)
        method.fit_transform(model, X)
        if with_transform:
            # large and single requests may be implemented differently
            method.transform(model, X[:100] + np.float32(0.01), X)
            method.transform(model, X[:1] + np.float32(0.01), X)
        seconds.append(time.perf_counter() - start)
    return {"warm_up_s": seconds[0], "compile_s": max(0.0, seconds[0] - seconds[1])}


def throughput(method, model, X, X_train):
    """Return the samples per second of ``transform`` by size of the request.

    Samples are repeated if necessary. Small requests are repeated for a second, and the
    median counts, as a single one is within clock noise.
    """
    import numpy as np

    rates = {}
    for size in TRANSFORM_SIZES:
        batch = X[np.arange(size) % len(X)]
        times = []
        begin = time.perf_counter()
        while not times or (time.perf_counter() - begin < 1.0 and len(times) < 1000):
            start = time.perf_counter()
            method.transform(model, batch, X_train)
            times.append(time.perf_counter() - start)
        rates[f"samples/s at {size}"] = size / float(np.median(times))
    return rates


def one(task, method, data, n_rows, seed, threads, input):
    """Fit once and score the embedding."""
    method = METHODS[method]
    start = time.perf_counter()
    # including the attribute, as lazy packages import on access
    getattr(importlib.import_module(method.module), method.factory)
    figures = {"import_s": time.perf_counter() - start}
    figures |= {"package": method.package, "version": package_version(method.package)}

    import numpy as np

    from asv_bench.compare.quality import score_embedding, score_transform

    dataset = load(data, n_rows)
    X = dataset.X if input == "raw" else dataset.usual_input()
    train = test = np.arange(len(X))
    if task == "transform":
        train, test = split_rows(dataset)
        figures["n_train"] = len(train)
    figures |= {
        "n_samples": len(X),
        "n_features": X.shape[1],
        "n_classes": len(np.unique(dataset.y)),
    }
    X, X_new = X[train], X[test] if task == "transform" else None
    make = functools.partial(method.make, seed, threads)
    if method.brief is not None and task != "cold":
        figures |= warm_up(method, make, *X.shape, with_transform=task == "transform")

    model = make()
    embedding, cost = measured(lambda: method.fit_transform(model, X))
    figures |= cost
    embedding = np.asarray(embedding)
    if task != "transform":
        return figures | score_embedding(dataset.X, dataset.y, embedding)
    new, cost = measured(lambda: method.transform(model, X_new, X))
    figures |= {f"transform_{key}": value for key, value in cost.items()}
    figures |= throughput(method, model, X_new, X)
    y_train, y_test = dataset.y[train], dataset.y[test]
    return figures | score_transform(y_train, embedding, y_test, np.asarray(new))


def plan(options):
    """Yield the job of each requested combination."""
    for label in options.methods:
        method = METHODS[label]
        if missing := missing_packages(method):
            raise ValueError(
                f"{label} is not installed: pip install {' '.join(missing)}, or omit it"
                " from --methods."
            )
        if options.task == "transform" and method.transform is None:
            raise ValueError(
                f"{label} embeds fitted samples only: omit it from --methods."
            )
    for text in options.data:
        name, n_rows = parse_name(text)
        for seed in options.seeds:
            for label in options.methods:
                yield {
                    "task": options.task,
                    "method": label,
                    "data": name,
                    "n_rows": n_rows,
                    "seed": seed,
                    "threads": options.threads,
                    "input": "raw" if METHODS[label].raw else "usual",
                }


def main(arguments=None):
    """Run the command line."""
    parser = make_parser("embedding", __doc__)
    add = parser.add_argument
    text = f"any of {', '.join(METHODS)} (default: all)"
    several = {"nargs": "+", "metavar": "M"}
    add("--methods", choices=METHODS, default=list(METHODS), help=text, **several)
    text = f"any of {', '.join(NAMES)}; name:N takes a stratified subsample"
    add("--data", nargs="+", metavar="D", default=["digits"], help=text)
    add("--task", choices=COLUMNS, default="embed")
    options = parser.parse_args(arguments)
    try:
        rows = carry_out("embedding", list(plan(options)), options)
    except ValueError as error:
        parser.error(str(error))
    rows = [row for row in rows if row["job"]["task"] == options.task]
    table = mean_table(rows, KEYS, COLUMNS[options.task], default="all")
    print(markdown(table))


if __name__ == "__main__":
    main()
