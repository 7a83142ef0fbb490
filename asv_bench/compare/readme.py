# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""The part of the README that :mod:`asv_bench.compare.page` writes."""

import textwrap
from statistics import mean

import numpy as np

from asv_bench.compare import claims, jobs
from asv_bench.compare.report import RANKED, cell, latest_rows, table
from asv_bench.compare.run import ROOT, read_rows

README = ROOT / "README.md"
MARKS = ("<!-- results:begin -->\n", "<!-- results:end -->")

METHODS = {"DLME": ("dlme",), **claims.PEERS}
TIMED = {
    "dlme": "DLME",
    "dlme-2-threads": "DLME, steps on two threads",
    "umap-unseeded": "UMAP",
    "umap": "UMAP with a seed (one thread)",
    "pacmap-unseeded": "PaCMAP",
}
COST = {
    "wall_s": "seconds",
    "cpu_s": "CPU seconds",
    "peak_mib": "MiB beside X",
}
TEXT = """\
`python -m asv_bench.compare.page` writes these tables from the measurements that are
kept in `asv_bench/measured`. The page of [all results](doc/results.rst) says in short
where our methods are ahead, level and behind, and has the commands, the machine, the
versions and the deviations. In brackets: how many seeds the mean is of.

**DLME** draws rows in the plane, without labels, at its defaults and from raw numbers;
the others get what their guides begin with (pixels over 255); on the largest sets UMAP
and PaCMAP get no seed, which would slow them. Labels judge afterwards: *linear SVM /
k-means / 10-NN / trustworthiness*.

{embedding}

Continuity, Spearman's correlation of distances and the time of small sets are left out
here. What DLME is behind in (*1:5/6*: ahead on one, behind on five of six sets):
{behind}.

What {largest} took without a GPU, compilation not counted, on {cores}:

{cost}

**DCRL** with as many clusters as classes: accuracy, normalised mutual information,
cluster rank accuracy (1 if the clusters keep the order of their distances),
trustworthiness. Where *split* rows were fitted, *ACC new* is the accuracy for the
others. Beside it the accuracy of peers; none of them is told the shape of images.

{clustering}

**IsometricAE** on 2,000 points of a surface: deviation of the lengths of decoded edges,
of mean 1 (the paper has .02 on the swiss roll, .03 on the S-curve), rank correlation of
the distances with those along the surface, error of the reconstruction of further
points.

{isometry}

Beside peers: how much the distances between consecutive views of an object of COIL-20
vary, the error of new points that are mapped to the plane and back, and the squared
error of test images of MNIST at 16 components. Less is better; bold is best.

{ways}
"""


def readme_embedding(rows):
    """Scores of each set and method; what the largest set took that UMAP was given."""
    groups, sizes = {}, {}
    for row in sorted(rows, key=lambda row: (row["n_samples"], row["data"])):
        groups.setdefault((row["data"], row["method"]), []).append(row)
        sizes[row["data"]] = row["n_samples"]

    scores, cost = [], []
    for data, n_samples in sizes.items():
        line = [f"{data}, {n_samples:,} rows"]
        for names in METHODS.values():
            cell = ""
            of = max((groups.get((data, name), []) for name in names), key=len)
            if of:
                figures = [mean(row["scores"][name] for row in of) for name in RANKED]
                cell = " / ".join(f"{value:.3f}".lstrip("0") for value in figures)
                cell += f" ({len(of)})"
            line.append(cell)
        scores.append(line)
    most = max(sizes.values())
    largest = sorted(data for data in sizes if sizes[data] == most)[-1]
    threads = max(row["threads"] for row in groups[largest, "dlme"])
    for method, label in TIMED.items():
        if of := groups.get((largest, method)):
            figures = [mean(row[name] for row in of) for name in COST]
            cells = [f"{value:.0f}" for value in figures]
            cost.append([f"{label} ({len(of)})", *cells])
    return {
        "embedding": table(["", *METHODS], scores),
        "largest": largest,
        "cores": f"{threads} core{'s' * (threads > 1)}",
        "cost": table(["", *COST.values()], cost),
    }


def clusterings(rows):
    """DCRL's figures, and the accuracy of peers on the same data."""
    figures = {}
    for row in rows:
        job = row["job"]
        if row["module"] == "clustering":
            key = job["data"], job.get("split"), job["method"]
            figures.setdefault(key, []).append(row["found"])

    def figure(key, name):
        values = [found[name] for found in figures.get(key, []) if name in found]
        return cell(np.array(values), 3)

    ours = ("ACC", "NMI", "CRA", "trust", "ACC new")
    peers = {name: claims.CLUSTERINGS[name] for name in ("k-means", "mixture", "umap")}
    lines = []
    for data, split in sorted({key[:2] for key in figures}, key=str):
        if (data, split, "dcrl") not in figures:
            continue
        key = data, split, "dcrl"
        line = [data, str(split or ""), str(len(figures[key]))]
        line += [figure(key, name) for name in ours]
        base = data.split("/")[0]
        lines.append(line + [figure((base, split, name), "ACC") for name in peers])
    head = [
        "data",
        "split",
        "seeds",
        *ours,
        *(f"{name}: ACC" for name in peers.values()),
    ]
    return table(head, lines)


def ways_back(rows):
    """Parts of the isometry beside peers; a column for each, less is better."""
    columns = {
        "rings of COIL-20": ("rings", "", "variation", 3),
        "swiss roll and back": ("inverse", "swiss roll: ", "new points' error", 3),
        "digits and back": ("inverse", "digits: ", "new points' error", 3),
        "MNIST, error x 1e3": ("reconstruction", "", "squared error x 1e3", 2),
    }
    found = {}
    for row in (row for row in rows if row["module"] == "isometry"):
        for column, (part, data, figure, places) in columns.items():
            job = row["job"]
            if job.get("part") == part and job["case"].startswith(data):
                method = job["case"].removeprefix(data)
                of = found.setdefault(method, {}).setdefault(column, (places, []))
                of[1].append(row["found"][figure])
    best = {
        column: min(mean(of[column][1]) for of in found.values() if column in of)
        for column in columns
    }
    lines = []
    for method in sorted(found, key=lambda name: ("IsometricAE" not in name, name)):
        line = [method]
        for column in columns:
            places, values = found[method].get(column, (0, []))
            text = f"{mean(values):.{places}f} ({len(values)})" if values else ""
            line.append(
                f"**{text}**" if values and mean(values) == best[column] else text
            )
        lines.append(line)
    return table(["", *columns], lines)


def readme(folder):
    """What stands in the README between its marks."""
    rows = [row for path in sorted(folder.glob("*.jsonl")) for row in read_rows(path)]
    embedded = [row for row in rows if row.get("task") == "embed"]
    embedded = [row for row in latest_rows(embedded) if row["status"] == "ok"]
    whole = {
        (row["data"], row["method"], row["seed"]): row
        for row in sorted(embedded, key=lambda row: row["threads"])
        if not row["params"] and row["n_rows"] is None
    }
    others = jobs.latest(row for row in rows if "job" in row)
    surfaces = [row for row in others if row["job"].get("part") == "surfaces"]
    behind = claims.in_short(claims.pairs(embedded, others), "DLME")[-1]
    text = TEXT.format(
        **readme_embedding(whole.values()),
        behind=behind.removeprefix("*DLME* in "),
        clustering=clusterings(others),
        ways=ways_back(others),
        isometry=jobs.markdown(
            surfaces,
            ("case",),
            {"distortion": 4, "rank correlation": 4, "held-out error": 3},
        ),
    )
    # tables are lines longer than this, prose is none
    return (
        "\n".join(
            line if line.startswith("|") else textwrap.fill(line, 88)
            for line in text.splitlines()
        )
        + "\n"
    )
