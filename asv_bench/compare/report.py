# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""Markdown tables of what the comparison has measured.

``python -m asv_bench.compare.report comparison.jsonl > table.md``

Every figure is the mean over the seeds, with the standard deviation; times are also
given as ratios to a reference method on the same data. Ratios and ranks are of seconds,
but of CPU seconds for fits on one thread where other work disturbed any of those that
are compared. If the file holds several releases of a package, or several states of our
own source, the latest counts.
"""

import argparse
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[2])

from asv_bench.compare.data import SYNTHETIC
from asv_bench.compare.methods import METHODS
from asv_bench.compare.run import read_rows, release_of, row_key

# figure -> heading and decimals; larger is better in each of these
SCORES = {
    "svm": ("linear SVM", 3),
    "kmeans": ("k-means", 3),
    "nmi": ("NMI", 3),
    "knn": ("10-NN", 3),
    "trustworthiness": ("trustworthiness", 4),
    "continuity": ("continuity", 4),
    "spearman": ("Spearman", 3),
}
# The figures that decide; NMI and continuity follow k-means and trustworthiness.
RANKED = ("svm", "kmeans", "knn", "trustworthiness")


def label_of(row):
    """Return a method's name with whatever differs from its usual treatment."""
    label = row["method"]
    usual = "raw" if METHODS[row["method"]].raw else "usual"
    if row["input"] != usual:
        label += f" ({row['input']} input)"
    if row["params"]:
        pairs = (f"{name}={value}" for name, value in row["params"].items())
        label += f" ({', '.join(pairs)})"
    return label


def latest_rows(rows):
    """Keep the last row of each measurement, and each method's latest release on it."""
    unique = {row_key(row): row for row in sorted(rows, key=lambda row: row["date"])}

    def measurement(row):
        about = ("task", "method", "data", "n_rows", "threads")
        return tuple(row[name] for name in about)

    release = {measurement(row): release_of(row) for row in unique.values()}
    return [
        row for row in unique.values() if release_of(row) == release[measurement(row)]
    ]


def is_disturbed(row):
    """Tell whether others had more than a twentieth of a core during a run.

    Rows of before that was measured tell the load when they began.
    """
    if row.get("others_s") is not None:
        return row["others_s"] > 0.05 * row["wall_s"]
    return row["load"] > 0.5 * row["machine"]["cores"]


def time_of(rows):
    """Return the figure by which the times of rows are compared, and its heading.

    Other work makes a fit wait, which CPU seconds do not count. Fits on several threads
    are compared by what they are for, and those are seconds.
    """
    if any(map(is_disturbed, rows)) and all(row["threads"] == 1 for row in rows):
        return "cpu_s", "CPU seconds"
    return "wall_s", "seconds"


def heading_of_seconds(rows, heading="seconds"):
    """Return the heading of seconds, with what they are worth if others worked too."""
    return heading + ", for orientation only" * any(map(is_disturbed, rows))


def title_of(row):
    """Return the name of a data set with the number of its rows."""
    n = row.get("n_samples") or row["n_rows"]
    return f"{row['data']}, {n:,} rows" if n else row["data"]


def _values(rows, *path):
    found = []
    for row in rows:
        value = row
        for name in path:
            value = value.get(name) if isinstance(value, dict) else None
        if value is not None:
            found.append(value)
    return np.array(found, dtype=float)


def cell(values, decimals):
    """Return ``mean ± standard deviation``, the mean alone for a single value."""
    if not len(values):
        return "-"
    text = f"{values.mean():.{decimals}f}"
    if len(values) > 1:
        text += f" ± {values.std(ddof=1):.{decimals}f}"
    return text


def table(head, lines):
    """Return a Markdown table."""
    out = ["| " + " | ".join(head) + " |"]
    out.append("|" + "|".join(["---"] + ["---:"] * (len(head) - 1)) + "|")
    out += ["| " + " | ".join(line) + " |" for line in lines]
    return "\n".join(out)


def by_method(rows):
    """Group rows by the methods' labels, in the order of the methods' table."""
    groups = defaultdict(list)
    order = list(METHODS)
    for row in sorted(rows, key=lambda row: order.index(row["method"])):
        groups[label_of(row)].append(row)
    return groups


def _done(rows):
    return [row for row in rows if row["status"] == "ok"]


def _failures(rows):
    counts = defaultdict(int)
    for row in rows:
        if row["status"] != "ok":
            counts[row["status"]] += 1
    return ", ".join(f"{status} ({count})" for status, count in counts.items())


def _ratio(seconds, reference):
    if not len(seconds) or not len(reference):
        return "-"
    return f"{seconds.mean() / reference.mean():.2f}"


def _lines(groups, make_cells, width):
    lines = []
    for label, rows in groups.items():
        done = _done(rows)
        note = _failures(rows)
        name = f"{label}: {note}" if note else label
        cells = make_cells(done) if done else ["-"] * (width - 2)
        lines.append([name, str(len(done)), *cells])
    return lines


def embed_table(groups, reference):
    """Return the table of one data set: quality, time and memory."""
    best = {
        name: max(
            (_values(_done(rows), "scores", name).mean().round(places)
             for rows in groups.values() if _done(rows)),
            default=None,
        )
        for name, (_, places) in SCORES.items()
    }  # fmt: skip
    fits = [row for rows in groups.values() for row in _done(rows)]
    figure, of = time_of(fits)
    time_reference = _values(_done(groups.get(reference, [])), figure)

    def cells(done):
        found = []
        for name, (_, places) in SCORES.items():
            values = _values(done, "scores", name)
            text = cell(values, places)
            is_best = values.mean().round(places) == best[name]
            found.append(f"**{text}**" if is_best else text)
        return [
            *found,
            cell(_values(done, "wall_s"), 2),
            cell(_values(done, "cpu_s"), 2),
            _ratio(_values(done, figure), time_reference),
            cell(_values(done, "compile_s"), 1),
            cell(_values(done, "peak_mib"), 0),
        ]

    head = ["method", "seeds", *(heading for heading, _ in SCORES.values())]
    head += [heading_of_seconds(fits), "CPU seconds", f"{of} x {reference}"]
    head += ["compilation s", "peak MiB"]
    return table(head, _lines(groups, cells, len(head)))


def cold_table(groups, reference):
    """Return the table of one data set for the first fit of a new process."""

    def total(done):
        return _values(done, "import_s") + _values(done, "wall_s")

    total_reference = total(_done(groups.get(reference, [])))

    def cells(done):
        return [
            cell(_values(done, "import_s"), 2),
            cell(_values(done, "wall_s"), 2),
            cell(total(done), 2),
            _ratio(total(done), total_reference),
        ]

    fits = [row for rows in groups.values() for row in _done(rows)]
    sum_heading = heading_of_seconds(fits, "sum")
    head = ["method", "seeds", "import s", "first fit s", sum_heading, f"x {reference}"]
    return table(head, _lines(groups, cells, len(head)))


def transform_table(groups, reference):
    """Return the table of one data set for rows that were not fitted."""
    sizes = sorted(
        {
            int(size)
            for rows in groups.values()
            for row in _done(rows)
            for size in row["transform_rows_per_s"]
        }
    )
    done_reference = _done(groups.get(reference, []))

    def cells(done):
        found = []
        for name in ("svm", "knn"):
            new = _values(done, "scores", name)
            old = _values(done, "scores", name + "_train")
            found += [cell(new, 3), cell(old - new, 3)]
        found.append(cell(_values(done, "wall_s"), 2))
        for size in sizes:
            rate = _values(done, "transform_rows_per_s", str(size))
            rate_reference = _values(done_reference, "transform_rows_per_s", str(size))
            found += [f"{rate.mean():,.0f}", _ratio(rate, rate_reference)]
        return found

    head = ["method", "seeds", "SVM, new rows", "loss", "10-NN, new rows", "loss"]
    head.append("fit s")
    for size in sizes:
        head += [f"rows/s at {size:,}", f"x {reference}"]
    return table(head, _lines(groups, cells, len(head)))


def growth_table(rows):
    """Return seconds and memory by the number of rows, and the powers they grow with.

    The powers are those of the line through the logarithms, of seconds from 4,000 rows
    on, of memory from 16,000: below, what does not depend on the rows counts too much,
    such as what a method has already used to compile. Fits that failed say so.
    """
    figure, heading = time_of(_done(rows))
    unit = heading.replace("seconds", "s")
    sizes = sorted({row["n_rows"] for row in rows if row["n_rows"]})
    columns = sorted({row["data"] for row in rows}, key=SYNTHETIC.get)
    lines = []
    for data in columns:
        for label, of in by_method(r for r in rows if r["data"] == data).items():
            cells = []
            for size in sizes:
                some = [row for row in of if row["n_rows"] == size]
                done = _done(some)
                if done:
                    seconds, size_of = (
                        _values(done, name).mean() for name in (figure, "peak_mib")
                    )
                    cells.append(f"{seconds:.1f} {unit}, {size_of:.0f} MiB")
                else:
                    cells.append(_failures(some) or "-")
            powers = [power_of(of, figure, 4_000), power_of(of, "peak_mib", 16_000)]
            lines.append(
                [
                    f"{SYNTHETIC[data]} columns, {label}",
                    *cells,
                    *("-" if power is None else f"{power:.2f}" for power in powers),
                ]
            )
    head = ["", *(f"{size:,} rows" for size in sizes), f"power, {unit}", "power, MiB"]
    return table(head, lines)


def power_of(rows, name, least):
    """Return the power of the number of rows that a figure grows with, or None.

    It is that of ``least`` rows and more.
    """
    points = [
        (row["n_rows"], row[name])
        for row in _done(rows)
        if row["n_rows"] >= least and row[name] > 0
    ]
    if len({n for n, _ in points}) < 2:
        return None
    return float(np.polyfit(*np.log(np.array(points, dtype=float)).T, 1)[0])


TABLES = {
    "embed": ("Embedding", embed_table),
    "cold": ("First fit of a new process", cold_table),
    "transform": ("Rows that were not fitted", transform_table),
}


def _unranked(sets, labels):
    """Return the sentence that names the methods without a rank, if there are any."""
    every = {label for groups in sets.values() for label in groups}
    names = ", ".join(sorted(every.difference(labels)))
    return f"Not ranked, for want of a result on every set: {names}." if names else ""


def mean_ranks(sets):
    """Rank the methods on each set and average over the sets.

    Parameters
    ----------
    sets : dict
        Title of a data set -> label of a method -> its rows.

    Returns
    -------
    str
        A Markdown table, and who is not in it: only methods that have a result on
        every set are ranked, since a mean over different sets compares nothing.
    """
    from scipy.stats import rankdata

    labels = [
        label
        for label in next(iter(sets.values()))
        if all(_done(groups.get(label, [])) for groups in sets.values())
    ]
    note = _unranked(sets, labels)
    if not labels:
        return note
    fits = [r for groups in sets.values() for x in labels for r in _done(groups[x])]
    figure, of = time_of(fits)
    figures = [*((name, ("scores", name), -1) for name in RANKED)]
    figures.append(("time", (figure,), 1))
    ranks = {}
    for name, path, sign in figures:
        means = [
            [sign * _values(_done(groups[label]), *path).mean() for label in labels]
            for groups in sets.values()
        ]
        ranks[name] = np.array([rankdata(row) for row in means]).mean(axis=0)
    overall = np.mean([ranks[name] for name in RANKED], axis=0)
    head = ["method", *(SCORES[name][0] for name in RANKED), "mean of these", of]
    lines = [
        [labels[i], *(f"{ranks[name][i]:.2f}" for name in RANKED),
         f"**{overall[i]:.2f}**", f"{ranks['time'][i]:.2f}"]
        for i in np.argsort(overall, kind="stable")
    ]  # fmt: skip
    return "\n\n".join(filter(None, (table(head, lines), note)))


def describe(rows):
    """Return the sentences that say where, when and with what was measured."""
    machines = sorted(
        {
            f"{row['machine']['cpu']}, {row['machine']['cores']} cores"
            + (", AMX" if "amx_bf16" in row["machine"]["flags"] else "")
            + (", AVX-512" if "avx512f" in row["machine"]["flags"] else "")
            for row in rows
        }
    )
    packages = {row["package"]: row["version"] for row in rows}
    versions = dict(rows[-1]["versions"])
    versions.update({p: v for p, v in packages.items() if v is not None})
    dates = sorted(row["date"][:10] for row in rows)
    sources = sorted(
        {
            f"{(row['git']['commit'] or 'uncommitted')[:12]}"
            + (f" with changes (source {row['git']['source']})"
               if row["git"]["dirty"] else "")
            for row in rows
            if row["package"] == "skmanifold"
        }
    )  # fmt: skip
    lines = [
        f"Machine: {'; '.join(machines)}.",
        f"Dates: {dates[0]} to {dates[-1]}.",
        "Versions: " + ", ".join(f"{p} {v}" for p, v in versions.items() if v) + ".",
    ]
    if sources:
        lines.append(f"Our source: {', '.join(sources)}.")
    busy = sum(map(is_disturbed, rows))
    if busy:
        lines.append(
            f"The machine did other work during {busy} of {len(rows)} runs: their "
            f"seconds are for orientation only."
        )
    return "\n".join(lines)


def report(rows, reference="umap"):
    """Return the whole report as Markdown.

    Parameters
    ----------
    rows : list of dict
        Rows as the comparison writes them.
    reference : str, default="umap"
        The method that times are divided by.

    Returns
    -------
    str
    """
    rows = latest_rows(rows)
    parts = ["# Comparison", describe(rows)]
    for task, (heading, make_table) in TABLES.items():
        for threads in sorted({row["threads"] for row in rows if row["task"] == task}):
            part = [r for r in rows if r["task"] == task and r["threads"] == threads]
            many = "s" if threads > 1 else ""
            parts.append(f"## {heading}, {threads} thread{many}")
            # Runs that failed early do not know how many rows there were.
            titles = {(r["data"], r["n_rows"]): title_of(r) for r in part}
            titles |= {(r["data"], r["n_rows"]): title_of(r) for r in _done(part)}
            sets = {
                title: by_method([r for r in part if (r["data"], r["n_rows"]) == key])
                for key, title in sorted(
                    titles.items(), key=lambda item: (item[0][0], item[0][1] or 0)
                )
            }
            if task == "embed" and len(sets) > 1:
                parts += ["### Mean ranks over the sets (1 is best)", mean_ranks(sets)]
            for title, groups in sets.items():
                parts += [f"### {title}", make_table(groups, reference)]
    return "\n\n".join(parts) + "\n"


def main(argv=None):
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path, nargs="+")
    parser.add_argument("--reference", choices=METHODS, default="umap", metavar="M")
    arguments = parser.parse_args(argv)
    rows = [row for path in arguments.results for row in read_rows(path)]
    if not rows:
        parser.error(f"there are no rows in {', '.join(map(str, arguments.results))}")
    sys.stdout.write(report(rows, arguments.reference))
    return 0


if __name__ == "__main__":
    sys.exit(main())
