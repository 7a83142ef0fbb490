# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""The results of the documentation and the README, from the measurements that are kept.

``python -m asv_bench.compare.page`` writes ``doc/results.rst``, and the README between
its marks, from the files of JSON lines in ``asv_bench/measured``. To measure anew, give
the commands that the page shows with ``--out asv_bench/measured/NAME.jsonl``.
"""

import argparse
import re
import sys
from pathlib import Path
from statistics import mean

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[2])

from asv_bench.compare import (
    charts,
    clustering,
    contrast,
    isometry,
    jobs,
    scaling,
    speed,
    topology,
)
from asv_bench.compare.data import SYNTHETIC
from asv_bench.compare.methods import METHODS
from asv_bench.compare.report import (
    RANKED,
    TABLES,
    by_method,
    growth_table,
    is_disturbed,
    latest_rows,
    mean_ranks,
    table,
    title_of,
)
from asv_bench.compare.run import ROOT, read_rows
from asv_bench.compare.targets import target_table

RESULTS = ROOT / "asv_bench" / "measured"
PAGE = ROOT / "doc" / "results.rst"
# beside the page
GROWTH_PICTURE = Path("pictures", "growth.png")
README = ROOT / "README.md"
MARKS = ("<!-- results:begin -->\n", "<!-- results:end -->")

# Sets that all of these have embedded are ranked.
RANKED_METHODS = {"dlme", "umap", "opentsne", "pacmap"}

# title -> names of a method, with and without a seed: what there is more of counts
README_METHODS = {
    "DLME": ("dlme",),
    "UMAP": ("umap", "umap-unseeded"),
    "t-SNE": ("opentsne",),
    "PaCMAP": ("pacmap", "pacmap-unseeded"),
}
README_TIMED = {
    "dlme": "DLME",
    "dlme-2-threads": "DLME, steps on two threads",
    "umap-unseeded": "UMAP",
    "umap": "UMAP with a seed (one thread)",
    "pacmap-unseeded": "PaCMAP",
}
README_COST = {
    "wall_s": "seconds",
    "cpu_s": "CPU seconds",
    "peak_mib": "MiB beside X",
}
README_TEXT = """\
`python -m asv_bench.compare.page` writes these tables from the measurements that are
kept in `asv_bench/measured`. The page of [all results](doc/results.rst) has the
commands, the machine, the versions and the deviations. In brackets: how many seeds the
mean is of.

**DLME** draws rows in the plane, without labels, at its defaults and from raw numbers;
the others get what their guides begin with (pixels over 255); on the largest sets UMAP
and PaCMAP get no seed, which would slow them. Labels judge afterwards: *linear SVM /
k-means / 10-NN / trustworthiness*.

{embedding}

What {largest} took on two cores without a GPU, compilation not counted:

{cost}

**DCRL** with as many clusters as classes: accuracy, normalised mutual information,
cluster rank accuracy (1 if the clusters keep the order of their distances),
trustworthiness. Where *split* rows were fitted, *ACC new* is the accuracy for the
others.

{clustering}

**IsometricAE** on 2,000 points of a surface: deviation of the lengths of decoded edges,
of mean 1 (the paper has .02 on the swiss roll, .03 on the S-curve), rank correlation of
the distances with those along the surface, error of the reconstruction of further
points.

{isometry}
"""

INTRODUCTION = """\
.. This page is written by a command, see its last section. Edit that, not this.

.. _results:

=======
Results
=======

What was measured, ours beside what else could be used, all at their defaults unless it
says otherwise. Every figure is the mean over the seeds, with the standard deviation
where there are several. Seconds depend on the machine and on what else it does: the
last section tells what it was. *umap-unseeded* and *pacmap-unseeded* are these methods
without a seed, their default: with one UMAP takes one thread, and PaCMAP a slower way.

No fit sees labels. But our defaults were found by trying, and what was looked at were
scores on digits, MNIST and Fashion-MNIST: those who compare methods should weigh the
other sets more.
"""

EMBEDDING = """\
Rows are embedded in the plane, unsupervised. *Linear SVM* and *10-NN* are accuracies of
classifiers on the embedding, 10-fold; *k-means* the accuracy of clusters, matched with
the classes; *trustworthiness* and *continuity* at 15 neighbours; *Spearman* the rank
correlation of the distances of random pairs. Past 10,000 rows the embedding is judged
on a stratified subsample. The best of each column is bold. DLME gets the raw matrix,
the others what their documentation begins with (pixels over 255). Parametric UMAP is
not among them: that of umap-learn needs TensorFlow and Keras."""

TRANSFORM = """\
Fitted on the part that the set's authors call the training part. *Loss* is what an
accuracy is lower for new rows than for fitted ones; rates are of requests of so many
rows, which are repeated where there are fewer."""

CLUSTERING = """\
As many clusters as classes. *CRA* is the share of the clusters' mutual ranks that the
space of the method keeps, 1 for those that cluster in the input itself; *trust* and
*continuity*, 3 to 7 neighbours, compare that space with the input. *ACC new* is the
accuracy for rows that were not fitted. ``/image`` says that DCRL was told the images'
shape. IDEC and DEC are DCRL with the weights of these papers; those of ClustPy are at
their own defaults."""

ISOMETRY = """\
*Distortion* is the deviation of the lengths of decoded edges, of mean 1, on 2,000
points; *floor* that of the azimuthal equidistant map of the open sphere, which no map
of it is much better than; *variation* that of the steps between consecutive views of an
object of COIL-20, which turn it by five degrees each; the squared error is that of test
images of MNIST at 16 components. The last table is of new points that are mapped to the
plane and back; the error is relative to the spread of the data."""

TOPOLOGY = """\
Seeds with all Betti numbers right over Z/2 and Z/3, from 3,000 points: by the nerve of
charts that were trained, by that of the soft cover that training starts from, by both
with prototypes at random rows for centres of k-means, and by Vietoris-Rips on 200 of
the points (ripser). With noise, all see data that were denoised. The number at the end
of RP2_4d_16 and torus_16 is that of the charts."""

GROWTH = """\
Seconds and memory beside the rows of fits of drawn data, twenty bent clusters of eight
dimensions, on one thread; compilation is not counted. A fit that took more than twelve
minutes was ended."""

SPEED = """\
CPU seconds of one process in which what is compared takes turns. *epochs*: ours and
those of a loop of plain torch, with the same network, in single precision (ours is in
bfloat16 where the processor multiplies matrices in it); *idec*: ours and those of
ClustPy's IDEC; *step*: a training step of DLME, and nothing but its matrix products;
*profile*: a step of each method, the seconds of a fit that are not training, and the
shares of groups of torch's operators; *row*: ``transform`` of one row, and the network
alone, on one row and on a block of rows; *import*: a line of Python, beyond what
scikit-learn begins with."""

SCALING = """\
DLME fitted by one process and by two that torchrun joins, each on one thread; the
networks are the default and one of two hidden layers of 2,048 units. *Speed-up* is that
of the rows of training a second, and says little where other work had the cores; *CPU
ms/step* is what a step takes of each process; *GFLOP* and *MB* what it computes in the
networks and sends, by the arithmetic of the guide to data beyond the memory."""

TARGETS = """\
What we want to reach, from the figures of this page."""

PEERS = """\
The peers come with the extra ``bench``, but for ClustPy and lightly. Both ask for
torchvision, and lightly for Lightning and Hydra, which the comparison does without:"""

CHARTS = """\
The dimension of known spaces from 3,000 points, by the atlas autoencoders of
:func:`~skmanifold.atlas.estimate_dimension` and from distances of neighbours, which are
right if they round to the truth. The error of AtlasAE's reconstruction of new points,
relative to the spread of the data: its root mean square, and the mean square. And the
recall of the ten nearest neighbours among vectors that are stored in a few bytes: as a
chart and coordinates of eight bits, as principal components of eight bits, or as
product codes."""

CONTRAST = """\
Accuracy of one affine classifier a chart for held-out rows, and recall of the nearest
neighbours among classes that were not seen in training. *Untrained* charts have the
random weights that training begins with: soft ones carry many numbers, which random
features use well. *epoch s* is the whole fit over its epochs, neighbours and all."""


def to_rst(markdown):
    """Turn a Markdown table into a list-table."""
    lines = [line.strip().strip("|").split("|") for line in markdown.splitlines()]
    lines = [[cell.strip() for cell in line] for line in lines]
    head, body = lines[0], lines[2:]
    out = [".. list-table::", "   :header-rows: 1", ""]
    for line in [head, *body]:
        for i, cell in enumerate(line):
            out.append(f"   {'*' if i == 0 else ' '} - {cell}".rstrip())
    return "\n".join(out)


def heading(text, mark):
    """A title with its line below."""
    return f"{text}\n{mark * len(text)}"


def command(*lines):
    """A block of shell."""
    return ".. code-block:: console\n\n" + "\n".join(f"   $ {line}" for line in lines)


def embedding_parts(rows):
    """Sections of what ``asv_bench.compare`` has measured."""
    rows = latest_rows(rows)
    drawn = [row for row in rows if row["data"] in SYNTHETIC]
    rows = [
        row for row in rows if row["status"] == "ok" and row["data"] not in SYNTHETIC
    ]
    parts = [heading("Embedding", "-"), EMBEDDING]
    parts.append(
        command(
            "python -m asv_bench.compare --data digits coil20 pendigits pbmc68k",
            "python -m asv_bench.compare --data mnist fashion_mnist --threads 2 "
            "--seeds 0 1 2 --methods dlme dlme-2-threads umap-unseeded pacmap-unseeded",
            "python -m asv_bench.compare --task cold --threads 2 --seeds 0 1 2 "
            "--methods dlme umap-unseeded pacmap-unseeded",
            "python -m asv_bench.compare --task transform --data mnist --threads 2 "
            "--seeds 0 --methods dlme umap-unseeded",
        )
    )
    for task, (title, make_table) in TABLES.items():
        part = [row for row in rows if row["task"] == task]
        sets = {}
        for row in sorted(part, key=lambda row: (row["n_samples"], row["data"])):
            many = "s" if row["threads"] > 1 else ""
            name = f"{title_of(row)}, {row['threads']} thread{many}"
            sets.setdefault(name, []).append(row)
        sets = {name: by_method(group) for name, group in sets.items()}
        if task == "embed":
            # the largest sets are embedded by fewer methods, some without a seed
            several = {
                name: one for name, one in sets.items() if RANKED_METHODS <= set(one)
            }
            if len(several) > 1:
                parts += [
                    heading("Mean ranks, 1 is best", "~"),
                    to_rst(mean_ranks(several).partition("\n\n")[0]),
                ]
        for name, groups in sets.items():
            parts.append(heading(f"{title}: {name}", "~"))
            parts += [TRANSFORM] if task == "transform" else []
            peers = ("umap", "umap-unseeded")
            reference = max(peers, key=lambda peer: len(groups.get(peer, [])))
            parts.append(to_rst(make_table(groups, reference)))
    if drawn:
        data = " ".join(
            f"{name}:{size}" for name in SYNTHETIC for size in (4_000, 16_000, 64_000)
        )
        parts += [heading("Growth with the rows", "-"), GROWTH]
        parts.append(
            command(
                f"python -m asv_bench.compare --data {data} --seeds 0 --timeout 720"
            )
        )
        parts.append(to_rst(growth_table(drawn)))
        if growing(drawn):
            parts.append(
                f".. image:: {GROWTH_PICTURE.as_posix()}\n   :width: 100%\n"
                "   :alt: Seconds of a fit against the number of rows, on two "
                "logarithmic axes."
            )
    return parts


def growing(rows):
    """Return the fits of drawn data by data, where they are of more than one size."""
    fits = [row for row in latest_rows(rows) if row["status"] == "ok"]
    sets = {data: [row for row in fits if row["data"] == data] for data in SYNTHETIC}
    return {
        data: of for data, of in sets.items() if len({row["n_rows"] for row in of}) > 1
    }


def draw_growth(rows, path):
    """Draw the seconds of fits of drawn data against their rows."""
    from matplotlib.figure import Figure

    sets = growing(rows)
    figure = Figure(figsize=(10, 4), layout="constrained")
    axes = figure.subplots(1, len(sets), sharey=True, squeeze=False)[0]
    for axis, (data, fits) in zip(axes, sets.items(), strict=True):
        for label, of in by_method(fits).items():
            i = list(METHODS).index(of[0]["method"])
            sizes = sorted({row["n_rows"] for row in of})
            seconds = [
                mean(row["wall_s"] for row in of if row["n_rows"] == size)
                for size in sizes
            ]
            ours = label == "dlme"
            axis.loglog(
                sizes,
                seconds,
                marker="osv^D<>"[i % 7],
                linewidth=2.5 if ours else 1.2,
                color="black" if ours else f"C{i}",
                label=label,
            )
        axis.set(title=f"{SYNTHETIC[data]} columns", xlabel="rows")
        axis.grid(alpha=0.25)
    axes[0].set_ylabel("seconds")
    lines = {
        label: line
        for axis in axes
        for line, label in zip(*axis.get_legend_handles_labels(), strict=True)
    }
    figure.legend(lines.values(), lines, loc="outside right center")
    figure.savefig(path, dpi=110, metadata={"Software": None})


def job_parts(rows):
    """Sections of what the other comparisons have measured."""
    of = {}
    for row in jobs.latest(rows):
        of.setdefault(row["module"], []).append(row)
    run = "python -m asv_bench.compare."
    parts = []
    if "clustering" in of:
        parts += [heading("Clustering", "-"), CLUSTERING]
        parts.append(command(run + "clustering --data digits mnist-test/image"))
        table = jobs.markdown(
            of["clustering"], ("data", "split", "method"), clustering.COLUMNS
        )
        parts.append(to_rst(table))
    if "isometry" in of:
        parts += [heading("Isometry", "-"), ISOMETRY]
        parts.append(
            command(run + "isometry --parts surfaces rings reconstruction inverse")
        )
        for part in isometry.PARTS:
            some = [row for row in of["isometry"] if row["job"]["part"] == part]
            if some:
                table = jobs.markdown(some, ("part", "case"), isometry.COLUMNS)
                parts.append(to_rst(table))
    if "topology" in of:
        parts += [heading("Topology", "-"), TOPOLOGY]
        parts.append(command(run + "topology", run + "topology --noise 0.1"))
        parts.append(to_rst(topology.table(of["topology"])))
    if "charts" in of:
        parts += [heading("Dimension, reconstruction and codes", "-"), CHARTS]
        parts.append(command(run + "charts --data digits pendigits"))
        for name, (_, _, keys, columns) in charts.PARTS.items():
            some = [row for row in of["charts"] if row["job"]["part"] == name]
            if some:
                parts.append(to_rst(jobs.markdown(some, keys, columns)))
    if "contrast" in of:
        parts += [heading("Charts, contrast and triplets", "-"), CONTRAST]
        parts.append(command(run + "contrast", run + "contrast --neighbors 0"))
        for name, (_, _, keys, columns) in contrast.TABLES.items():
            some = [row for row in of["contrast"] if row["job"]["table"] == name]
            if some:
                parts.append(to_rst(jobs.markdown(some, keys, columns)))
    if "speed" in of:
        parts += [heading("Speed", "-"), SPEED, command(run + "speed")]
        for part, table in speed.tables(of["speed"]).items():
            parts += [heading(part, "~"), to_rst(table)]
    if "scaling" in of:
        parts += [heading("Several processes", "-"), SCALING]
        parts.append(
            command(run + "scaling --batch-sizes 1000 --rows 2000 --epochs 3 --seeds 0")
        )
        rows = scaling.with_speed_up(of["scaling"])
        parts.append(to_rst(jobs.markdown(rows, scaling.KEYS, scaling.COLUMNS)))
    return parts


def readme_embedding(rows):
    """Scores of each set and method; what the largest set took that UMAP was given."""
    groups, sizes = {}, {}
    for row in sorted(rows, key=lambda row: (row["n_samples"], row["data"])):
        groups.setdefault((row["data"], row["method"]), []).append(row)
        sizes[row["data"]] = row["n_samples"]

    scores, cost = [], []
    for data, n_samples in sizes.items():
        line = [f"{data}, {n_samples:,} rows"]
        for names in README_METHODS.values():
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
    for method, label in README_TIMED.items():
        if of := groups.get((largest, method)):
            figures = [mean(row[name] for row in of) for name in README_COST]
            cells = [f"{value:.0f}" for value in figures]
            cost.append([f"{label} ({len(of)})", *cells])
    return {
        "embedding": table(["", *README_METHODS], scores),
        "largest": largest,
        "cost": table(["", *README_COST.values()], cost),
    }


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
    clusters = [row for row in others if row["job"].get("method") == "dcrl"]
    surfaces = [row for row in others if row["job"].get("part") == "surfaces"]
    return README_TEXT.format(
        **readme_embedding(whole.values()),
        clustering=jobs.markdown(
            clusters,
            ("data", "split"),
            {name: 3 for name in ("ACC", "NMI", "CRA", "trust", "ACC new")},
        ),
        isometry=jobs.markdown(
            surfaces,
            ("case",),
            {"distortion": 4, "rank correlation": 4, "held-out error": 3},
        ),
    )


def circumstances(rows):
    """What the figures were measured with."""
    machines, packages, commits = set(), {}, set()
    for row in rows:
        flags = row["machine"]["flags"]
        machines.add(
            f"{row['machine']['cpu']}, {row['machine']['cores']} cores"
            + (", AVX-512" if "avx512f" in flags else "")
            + (", AMX" if "amx_bf16" in flags else "")
        )
        versions = dict(row["versions"])
        if row.get("package") not in (None, "skmanifold"):
            versions[row["package"]] = row["version"]
        for name, version in versions.items():
            if version:
                packages.setdefault(name, set()).add(version)
        ours = row.get("package", "skmanifold") == "skmanifold"
        if ours and row["git"]["commit"]:
            commits.add(
                row["git"]["commit"][:10] + ("+" if row["git"]["dirty"] else "")
            )
    busy = sum(map(is_disturbed, rows))
    dates = sorted(row["date"][:10] for row in rows)
    lines = [
        f"- Machine: {'; '.join(sorted(machines))}; no GPU.",
        f"- From {dates[0]} to {dates[-1]}.",
        "- Versions: "
        + ", ".join(
            f"{name} {' and '.join(sorted(found))}"
            for name, found in sorted(packages.items())
        )
        + ".",
        f"- Our source: commits {', '.join(sorted(commits))}.",
        f"- The machine did other work during {busy} of the {len(rows)} fits: their "
        "seconds are upper bounds.",
    ]
    return "\n".join(lines)


def page(folder):
    """Text of the page, from all files of a folder."""
    rows = [row for path in sorted(folder.glob("*.jsonl")) for row in read_rows(path)]
    embedded = [row for row in rows if "task" in row]
    others = [row for row in rows if "job" in row]
    parts = [INTRODUCTION.strip()]
    if embedded:
        parts += embedding_parts(embedded)
    parts += job_parts(others)
    wanted = target_table(
        [row for row in latest_rows(embedded) if row["status"] == "ok"],
        [row for row in jobs.latest(others) if row["module"] == "speed"],
    )
    if wanted:
        parts += [heading("Targets", "-"), TARGETS, to_rst(wanted)]
    parts += [
        heading("How it was measured", "-"),
        circumstances([row for row in rows if row["status"] == "ok"]),
        "Each fit had a process of its own, bound to as many threads as the tables say "
        "(one, where they say\nnothing). The rows behind the tables are kept in "
        "``asv_bench/measured``. This page is written by",
        command("python -m asv_bench.compare.page"),
        PEERS,
        command(
            "pip install '.[bench]' pandas", "pip install --no-deps clustpy lightly"
        ),
    ]
    return "\n\n".join(parts) + "\n"


def main(arguments=None):
    """Write the page and the README's part."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--page", type=Path, default=PAGE)
    parser.add_argument("--readme", type=Path, default=README)
    options = parser.parse_args(arguments)
    options.page.write_text(page(options.results), encoding="utf-8")
    rows = [r for path in options.results.glob("*.jsonl") for r in read_rows(path)]
    fits = [row for row in rows if "task" in row]
    picture = options.page.parent / GROWTH_PICTURE
    picture.unlink(missing_ok=True)
    if growing(fits):
        picture.parent.mkdir(exist_ok=True)
        draw_growth(fits, picture)
    before, _, after = re.split(
        f"(?<={MARKS[0]})(.*?)(?={MARKS[1]})",
        options.readme.read_text(encoding="utf-8"),
        flags=re.DOTALL,
    )
    options.readme.write_text(
        before + readme(options.results) + after, encoding="utf-8"
    )


if __name__ == "__main__":
    main()
