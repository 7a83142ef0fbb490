# SPDX-License-Identifier: BSD-3-Clause

"""Tables and plots of the documentation, from measured rows.

``python -m asv_bench.compare.report`` reads ``asv_bench/measured``, rewrites the text
between these marks in ``README.md``, ``doc/results.rst`` and ``doc/results``, and
writes two plots to ``doc/pictures``::

    .. results: NAME             <!-- results: NAME -->

    .. end of results            <!-- end of results -->

Prose stays outside the marks. :data:`BLOCKS` lists the names.
"""

import argparse
import re
from pathlib import Path
from statistics import fmean, stdev

from scipy.stats import rankdata

from asv_bench.compare import (
    charts,
    clustering,
    codes,
    contrast,
    embedding,
    isometry,
    scaling,
    speed,
    topology,
)
from asv_bench.compare.data import SYNTHETIC
from asv_bench.compare.methods import METHODS
from asv_bench.compare.parts import table_of
from asv_bench.compare.runner import ROOT, latest, read_rows
from asv_bench.compare.tables import (
    HEADINGS,
    cell,
    csv_table,
    grouped,
    markdown,
    mean_table,
    values_of,
)

MEASURED = ROOT / "asv_bench" / "measured"
PICTURES = ROOT / "doc" / "pictures"
PAGES = ("README.md", "doc/results.rst", "doc/results/*.rst")
MARK = r"(?:\.\. |<!-- )"
BLOCK = re.compile(
    rf"(^{MARK}results: (\S+)(?: -->)?\n).*?(^{MARK}end of results(?: -->)?$)",
    re.DOTALL | re.MULTILINE,
)

SETS = ("pbmc68k", "coil20", "digits", "pendigits", "fashion_mnist", "mnist")
# name in short tables -> measured variants; the one with most seeds is used
VARIANTS = {
    "DLME": ("dlme",),
    "UMAP": ("umap", "umap-unseeded"),
    "t-SNE": ("opentsne",),
    "PaCMAP": ("pacmap", "pacmap-unseeded"),
    "PCA": ("pca",),
}
# figures of short tables, larger is better, and their decimals
SCORES = {
    **{"svm": 3, "kmeans": 3, "knn": 3, "trustworthiness": 3, "continuity": 3},
    **{"spearman": 2, "page_share": 2},
}
PLOTTED = ("svm", "kmeans", "knn", "trustworthiness")


def read(folder=MEASURED):
    """Return the latest successful rows of a folder by module."""
    rows = (row for path in sorted(folder.glob("*.jsonl")) for row in read_rows(path))
    modules = {}
    for row in latest(rows):
        modules.setdefault(row["module"], []).append(row)
    return modules


# Embeddings -----------------------------------------------------------------------


def fits(rows, task="embed"):
    """Return the rows of a task, smaller data first."""
    selected = [row for row in rows["embedding"] if row["job"]["task"] == task]
    order = list(METHODS)

    def key(row):
        job, n = row["job"], row["found"]["n_samples"]
        return n, job["data"], job["threads"], order.index(job["method"]), job["seed"]

    return sorted(selected, key=key)


def on_set(rows, data, n_rows=None):
    """Return the rows on a data set by short name, on the most threads."""
    selected = [
        row
        for row in fits(rows)
        if (row["job"]["data"], row["job"]["n_rows"]) == (data, n_rows)
    ]
    most = max(row["job"]["threads"] for row in selected)
    selected = [row for row in selected if row["job"]["threads"] == most]
    groups = {}
    for name, variants in VARIANTS.items():
        measured = [[r for r in selected if r["job"]["method"] == v] for v in variants]
        if any(measured):
            groups[name] = max(measured, key=len)
    return groups


def time_of(rows):
    """Return the figure that represents the time of fits.

    It is CPU seconds, which ignore other work on the machine, for one thread, and
    otherwise wall seconds.
    """
    one_thread = all(row["job"]["threads"] == 1 for row in rows)
    return "cpu_s" if one_thread else "wall_s"


def short_tables(rows):
    """Return a table of means per data set, with a line per method."""
    tables = []
    for data in SETS:
        groups = on_set(rows, data)
        fitted = [row for group in groups.values() for row in group]
        columns = {x: n for x, n in SCORES.items() if values_of(fitted, x)}
        columns |= {time_of(fitted): 1, "peak_mib": 0}
        table = [["method", *(HEADINGS.get(name, name) for name in columns)]]
        for name, group in groups.items():
            cells = (cell(values_of(group, x), n, False) for x, n in columns.items())
            table.append([name, *cells])
        n_samples = fitted[0]["found"]["n_samples"]
        tables.append(csv_table(table, f"{data}, {n_samples:,} samples"))
    return "\n\n".join(tables)


def side(ours, theirs, sign=1):
    """Return 1 if ours is better, -1 if worse, 0 within a standard deviation."""
    spread = max((stdev(x) for x in (ours, theirs) if len(x) > 1), default=0.0)
    ahead = sign * (fmean(ours) - fmean(theirs))
    return 0 if abs(ahead) <= spread else 1 if ahead > 0 else -1


def counts(rows):
    """Return on how many data sets DLME is better and worse than each peer."""
    sets = [on_set(rows, data) for data in SETS]
    peers = ("UMAP", "t-SNE", "PaCMAP")
    table = [["", *(f"than {peer}" for peer in peers)]]
    for figure in (*SCORES, "time", "peak_mib"):
        line = [{"time": "time of a fit"}.get(figure, HEADINGS.get(figure, figure))]
        sign = 1 if figure in SCORES else -1
        for peer in peers:
            sides = []
            for groups in sets:
                name = time_of(groups["DLME"]) if figure == "time" else figure
                pair = [values_of(groups.get(x, []), name) for x in ("DLME", peer)]
                if all(pair):
                    sides.append(side(*pair, sign))
            better, worse = sides.count(1), sides.count(-1)
            line.append(f"better on {better}, worse on {worse} of {len(sides)}")
        if not line[1].endswith("of 0"):
            table.append(line)
    return csv_table(table)


def ranks(rows):
    """Return the mean ranks of DLME and its peers over the sets that all embedded."""
    names = ("DLME", "UMAP", "t-SNE", "PaCMAP")
    groups, labels = [], []
    for data, n_rows in dict.fromkeys(
        (row["job"]["data"], row["job"]["n_rows"])
        for row in fits(rows)
        if row["job"]["data"] not in SYNTHETIC
    ):
        measured = on_set(rows, data, n_rows)
        if all(name in measured for name in names):
            groups.append(measured)
            labels.append(f"{data} ({n_rows:,} samples)" if n_rows else data)
    table = [["", *names]]
    for score in PLOTTED:
        means = [[fmean(values_of(x[name], score)) for name in names] for x in groups]
        places = rankdata([[-mean for mean in line] for line in means], axis=1)
        line = [f"{place:.2f}" for place in places.mean(0)]
        table.append([HEADINGS.get(score, score), *line])
    return csv_table(table, f"Mean ranks over {', '.join(labels)}; 1 is best")


def readme(rows):
    """Return the table of the README."""
    names = ("DLME", "UMAP", "t-SNE", "PaCMAP")
    table = [["data", "samples", *names]]
    for data in SETS:
        groups = on_set(rows, data)
        (n_samples,) = set(values_of(groups["DLME"], "n_samples"))
        line = [data, f"{n_samples:,}"]
        for name in names:
            group = groups.get(name, [])
            pair = (values_of(group, x) for x in ("kmeans", "trustworthiness"))
            text = " / ".join(cell(values, 3, False) for values in pair)
            line.append(text if group else "-")
        table.append(line)
    return markdown(table)


def embeddings(task):
    """Return a function that makes the table of a task."""

    def make(rows):
        selected = [r for r in fits(rows, task) if r["job"]["data"] not in SYNTHETIC]
        columns = embedding.COLUMNS[task]
        return csv_table(mean_table(selected, embedding.KEYS, columns, default="all"))

    return make


def growing(rows):
    """Return the rows of generated data."""
    return [row for row in fits(rows) if row["job"]["data"] in SYNTHETIC]


def growth(rows):
    """Return CPU seconds and memory by number of samples."""
    rows = growing(rows)
    sizes = sorted({row["job"]["n_rows"] for row in rows})
    table = [["features", "method", *(f"{size:,} samples" for size in sizes)]]
    for (data, method), group in grouped(rows, ("data", "method")).items():
        line = [str(SYNTHETIC[data]), method]
        for size in sizes:
            same_size = [row for row in group if row["job"]["n_rows"] == size]
            seconds, mib = (values_of(same_size, x) for x in ("cpu_s", "peak_mib"))
            text = f"{cell(seconds, 1)} s, {cell(mib, 0)} MiB"
            line.append(text if same_size else "-")
        table.append(line)
    return csv_table([table[0], *sorted(table[1:], key=lambda x: int(x[0]))])


# Other modules --------------------------------------------------------------------


def clusterings(rows):
    """Return the table of clusterings by data set and split."""
    order = clustering.METHODS.index

    def key(row):
        job = row["job"]
        return job["data"], job.get("split") or 0, order(job["method"]), job["seed"]

    ordered = sorted(rows["clustering"], key=key)
    return csv_table(mean_table(ordered, clustering.KEYS, clustering.COLUMNS))


def part(module, name):
    """Return a function that makes the table of a part of a module."""
    short = module.__name__.rpartition(".")[2]

    def make(rows):
        return csv_table(table_of(module.PARTS, name, rows[short]))

    return make


def speeds(rows):
    """Return the speed tables."""
    tables = {name: table_of(speed.PARTS, name, rows["speed"]) for name in speed.PARTS}
    return "\n\n".join(csv_table(table, name) for name, table in tables.items())


def circumstances(rows):
    """Return dates, machines and versions of the measurements."""
    rows = [row for group in rows.values() for row in group]
    machines, packages = set(), {}
    for row in rows:
        machine = row["machine"]
        flags = {"avx512f": "AVX-512", "amx_bf16": "AMX"}
        names = [name for flag, name in flags.items() if flag in machine["flags"]]
        machines.add(", ".join([f"{machine['cores']} cores", machine["cpu"], *names]))
        versions = dict(row["versions"])
        if row["found"].get("version"):
            versions[row["found"]["package"]] = row["found"]["version"]
        for name, version in versions.items():
            if version:
                packages.setdefault(name, set()).add(version)
    packages.pop("skmanifold", None)
    versions = (f"{x} {' and '.join(sorted(v))}" for x, v in sorted(packages.items()))
    dates = sorted(row["date"][:10] for row in rows)
    lines = [
        ("Machine", "; ".join(sorted(machines)) + "; no GPU"),
        ("Dates", f"{dates[0]} to {dates[-1]}"),
        ("Versions", ", ".join(versions)),
        ("Busy machine", f"{sum(map(is_disturbed, rows))} of {len(rows)} jobs"),
    ]
    return csv_table(lines).replace("   :header-rows: 1\n", "", 1)


def is_disturbed(row):
    """Return whether other work used more than a twentieth of a core during a job."""
    others, wall = (row["found"].get(x, row.get(x)) for x in ("others_s", "wall_s"))
    if others is None:
        return row["load"] > 0.5 * row["machine"]["cores"]
    return others > 0.05 * wall


BLOCKS = {
    "readme": readme,
    "counts": counts,
    "ranks": ranks,
    "sets": short_tables,
    "circumstances": circumstances,
    "embedding": embeddings("embed"),
    "cold": embeddings("cold"),
    "transform": embeddings("transform"),
    "growth": growth,
    "clustering": clusterings,
    "surfaces": part(isometry, "surfaces"),
    "rings": part(isometry, "rings"),
    "images": part(isometry, "reconstruction"),
    "inverse": part(isometry, "inverse"),
    "topology": lambda rows: csv_table(topology.table(rows["topology"])),
    **{name: part(charts, name) for name in charts.PARTS},
    **{name: part(contrast, name) for name in contrast.PARTS},
    "retrieval": lambda rows: csv_table(
        codes.by_dimension(rows["codes"], "mAP", "R@10")
    ),
    "product": part(codes, "transform"),
    "step": part(codes, "step"),
    "plane": part(codes, "plane"),
    "speed": speeds,
    "scaling": lambda rows: csv_table(
        mean_table(
            scaling.with_speed_up(rows["scaling"]), scaling.KEYS, scaling.COLUMNS
        )
    ),
}


# Plots ----------------------------------------------------------------------------


def style_of(name):
    """Return line and marker of a method, ours in black."""
    i = list(VARIANTS).index(name) if name in VARIANTS else list(METHODS).index(name)
    ours = name.lower() == "dlme"
    return {
        "color": "black" if ours else f"C{i}",
        "marker": "osv^D<>P"[i % 8],
        "linewidth": 2.5 if ours else 1.2,
        "label": name,
    }


def save(figure, axes, path):
    """Add one legend for all axes and save the figure."""
    lines = {
        label: line
        for axis in axes
        for line, label in zip(*axis.get_legend_handles_labels(), strict=True)
    }
    figure.legend(lines.values(), lines, loc="outside right center")
    figure.savefig(path, dpi=100, metadata={"Software": None})


def plot_scores(rows, path):
    """Plot four scores against the time of a fit, for small and for large data.

    PCA is omitted, as it would stretch the axes.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import FormatStrFormatter, LogLocator

    figure = Figure(figsize=(12, 5), layout="constrained")
    axes = figure.subplots(2, len(PLOTTED), sharex="row")
    for line, sets in zip(axes, (SETS[:4], SETS[4:]), strict=True):
        groups = [on_set(rows, data) for data in sets]
        names = [name for name in list(VARIANTS)[:-1] if all(name in x for x in groups)]
        for axis, score in zip(line, PLOTTED, strict=True):
            for name in names:
                time = time_of(groups[0][name])
                x, y = (
                    fmean(fmean(values_of(group[name], x)) for group in groups)
                    for x in (time, score)
                )
                axis.plot(x, y, linestyle="", markersize=9, **style_of(name))
            axis.set(xscale="log", title=HEADINGS.get(score, score))
            axis.set_xlabel(HEADINGS[time])
            axis.grid(alpha=0.25)
            axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5)))
            axis.xaxis.set_major_formatter(FormatStrFormatter("%g"))
            axis.minorticks_off()
        line[0].set_ylabel(f"mean of {len(sets)} sets")
    save(figure, axes.flat, path)


def plot_growth(rows, path):
    """Plot the CPU seconds of a fit against the number of samples."""
    from matplotlib.figure import Figure

    sets = grouped(growing(rows), ("data",))
    figure = Figure(figsize=(10, 4), layout="constrained")
    axes = figure.subplots(1, len(sets), sharey=True, squeeze=False)[0]
    for axis, ((data,), data_rows) in zip(axes, sets.items(), strict=True):
        for (method,), group in grouped(data_rows, ("method",)).items():
            points = grouped(group, ("n_rows",))
            seconds = [
                fmean(values_of(same_size, "cpu_s")) for same_size in points.values()
            ]
            axis.loglog([int(n) for (n,) in points], seconds, **style_of(method))
        axis.set(title=f"{SYNTHETIC[data]} features", xlabel="samples")
        axis.grid(alpha=0.25)
    axes[0].set_ylabel("CPU seconds")
    save(figure, axes, path)


# Writing --------------------------------------------------------------------------


def filled(text, rows):
    """Return a page with its blocks updated from the rows."""

    def block(match):
        begin, name, end = match.groups()
        if name not in BLOCKS:
            raise ValueError(
                f"There are no results {name!r}. Choose one of {', '.join(BLOCKS)}."
            )
        return f"{begin}\n{BLOCKS[name](rows)}\n\n{end}"

    return BLOCK.sub(block, text)


def pages(root=ROOT):
    """Return the pages with blocks."""
    return [path for pattern in PAGES for path in sorted(Path(root).glob(pattern))]


def main(arguments=None):
    """Write the blocks of all pages, and the plots."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--measured", type=Path, default=MEASURED, help="folder of rows"
    )
    options = parser.parse_args(arguments)
    rows = read(options.measured)
    for path in pages():
        text = path.read_text(encoding="utf-8")
        path.write_text(filled(text, rows), encoding="utf-8")
    plot_scores(rows, PICTURES / "scores.png")
    plot_growth(rows, PICTURES / "growth.png")


if __name__ == "__main__":
    main()
