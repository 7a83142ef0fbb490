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
import textwrap
from pathlib import Path
from statistics import mean

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[2])

from asv_bench.compare import (
    charts,
    claims,
    clustering,
    contrast,
    isometry,
    jobs,
    scaling,
    speed,
    texts,
    topology,
)
from asv_bench.compare.data import SYNTHETIC
from asv_bench.compare.methods import METHODS
from asv_bench.compare.readme import MARKS, README, readme
from asv_bench.compare.report import (
    TABLES,
    by_method,
    growth_table,
    is_disturbed,
    latest_rows,
    mean_ranks,
    time_of,
    title_of,
)
from asv_bench.compare.run import ROOT, read_rows
from asv_bench.compare.targets import target_table

RESULTS = ROOT / "asv_bench" / "measured"
PAGE = ROOT / "doc" / "results.rst"
# beside the page
GROWTH_PICTURE = Path("pictures", "growth.png")

# Sets that all of these have embedded are ranked.
RANKED_METHODS = {"dlme", "umap", "opentsne", "pacmap"}


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


def in_short(embedded, others):
    """Sections of where ours are ahead of their peers, level and behind."""
    good = [row for row in latest_rows(embedded) if row["status"] == "ok"]
    found = claims.in_short(claims.pairs(good, jobs.latest(others)))
    titles = {1: "Ahead", 0: "Level", -1: "Behind"}
    lines = [
        textwrap.fill(
            f"- **{titles[side]}**: {text}.",
            88,
            subsequent_indent="  ",
            break_long_words=False,
            break_on_hyphens=False,
        )
        for side, text in found.items()
        if text
    ]
    title = "In short: ahead, level, behind"
    return [heading(title, "-"), texts.IN_SHORT, "\n".join(lines)] if lines else []


def fit_commands(rows):
    """The commands that make the same fits, those of the same methods in one."""
    of = {}
    for row in rows:
        data = f"{row['data']}:{row['n_rows']}" if row["n_rows"] else row["data"]
        methods, seeds = of.setdefault(
            (row["task"], row["threads"], data), (set(), set())
        )
        methods.add(row["method"])
        seeds.add(row["seed"])
    same = {}
    for (task, threads, data), (methods, seeds) in of.items():
        names = " ".join(sorted(methods, key=list(METHODS).index))
        key = task, threads, " ".join(map(str, sorted(seeds))), names
        same.setdefault(key, []).append(data)
    return [
        "python -m asv_bench.compare"
        + f" --task {task}" * (task != "embed")
        + f" --threads {threads}" * (threads > 1)
        + f" --data {' '.join(data)} --seeds {seeds} --methods {names}"
        for (task, threads, seeds, names), data in same.items()
    ]


def clustering_commands(rows):
    """The commands that make the same clusterings."""
    of = {}
    for row in rows:
        job = row["job"]
        of.setdefault((job.get("split"), job["data"]), set()).add(job["method"])
    same = {}
    for (split, data), methods in of.items():
        names = " ".join(name for name in clustering.METHODS if name in methods)
        same.setdefault((split, names), []).append(data)
    return [
        f"python -m asv_bench.compare.clustering --data {' '.join(data)}"
        + f" --split {split}" * (split is not None)
        + f" --methods {names}"
        for (split, names), data in same.items()
    ]


def ranked_sets(several):
    """What is said of the mean ranks over these sets."""
    names = [name for name in METHODS if name in RANKED_METHODS]
    text = texts.RANKS.format(
        methods=f"{', '.join(names[:-1])} and {names[-1]}",
        sets=", ".join(title.partition(",")[0] for title in several),
        n_close=len(names),
    )
    return textwrap.fill(text, 88)


def embedding_parts(rows):
    """Sections of what ``asv_bench.compare`` has measured."""
    rows = latest_rows(rows)
    drawn = [row for row in rows if row["data"] in SYNTHETIC]
    rows = [
        row for row in rows if row["status"] == "ok" and row["data"] not in SYNTHETIC
    ]
    parts = [heading("Embedding", "-"), texts.EMBEDDING]
    parts.append(command(*fit_commands(rows)))
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
                    ranked_sets(several),
                    to_rst(mean_ranks(several).partition("\n\n")[0]),
                ]
        for name, groups in sets.items():
            parts.append(heading(f"{title}: {name}", "~"))
            parts += [texts.TRANSFORM] if task == "transform" else []
            peers = ("umap", "umap-unseeded")
            reference = max(peers, key=lambda peer: len(groups.get(peer, [])))
            parts.append(to_rst(make_table(groups, reference)))
    if drawn:
        parts += [heading("Growth with the rows", "-"), texts.GROWTH]
        parts.append(command(*(f"{one} --timeout 720" for one in fit_commands(drawn))))
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
    name, unit = time_of([row for fits in sets.values() for row in fits])
    figure = Figure(figsize=(10, 4), layout="constrained")
    axes = figure.subplots(1, len(sets), sharey=True, squeeze=False)[0]
    for axis, (data, fits) in zip(axes, sets.items(), strict=True):
        for label, of in by_method(fits).items():
            i = list(METHODS).index(of[0]["method"])
            sizes = sorted({row["n_rows"] for row in of})
            seconds = [
                mean(row[name] for row in of if row["n_rows"] == size) for size in sizes
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
    axes[0].set_ylabel(unit)
    lines = {
        label: line
        for axis in axes
        for line, label in zip(*axis.get_legend_handles_labels(), strict=True)
    }
    figure.legend(lines.values(), lines, loc="outside right center")
    figure.savefig(path, dpi=110, metadata={"Software": None})


def tables_by(key, rows, tables):
    """Return the tables, of those whose last two entries are keys and columns."""
    found = []
    for name, (*_, keys, columns) in tables.items():
        some = [row for row in rows if row["job"][key] == name]
        if some:
            found.append(to_rst(jobs.markdown(some, keys, columns)))
    return found


def job_parts(rows):
    """Sections of what the other comparisons have measured."""
    of = {}
    for row in jobs.latest(rows):
        of.setdefault(row["module"], []).append(row)
    run = "python -m asv_bench.compare."
    parts = []
    if "clustering" in of:
        parts += [heading("Clustering", "-"), texts.CLUSTERING]
        rows = clustering.ordered(of["clustering"])
        parts.append(command(*clustering_commands(rows)))
        table = jobs.markdown(rows, ("data", "split", "method"), clustering.COLUMNS)
        parts.append(to_rst(table))
    if "isometry" in of:
        parts += [heading("Isometry", "-"), texts.ISOMETRY]
        parts.append(
            command(run + "isometry --parts surfaces rings reconstruction inverse")
        )
        tables = dict.fromkeys(isometry.PARTS, (("part", "case"), isometry.COLUMNS))
        parts += tables_by("part", of["isometry"], tables)
    if "topology" in of:
        parts += [heading("Topology", "-"), texts.TOPOLOGY]
        parts.append(
            command(
                *(run + "topology" + x for x in ("", " --noise 0.1", " --noise 0.2"))
            )
        )
        parts.append(to_rst(topology.table(of["topology"])))
    if "charts" in of:
        parts += [heading("Dimension, reconstruction and codes", "-"), texts.CHARTS]
        run_charts = run + "charts --parts "
        parts.append(
            command(
                run_charts + "dimension reconstruction --seeds 0 1 2",
                run_charts + "dimension --charts 32 --cases T1 T3 T4 --seeds 0",
                run_charts + "compression --data digits --bytes 4 8 --seeds 0",
                run_charts + "overlap --seeds 0",
            )
        )
        parts += tables_by("part", of["charts"], charts.PARTS)
    if "contrast" in of:
        parts += [heading("Charts, contrast and triplets", "-"), texts.CONTRAST]
        run_contrast = run + "contrast contrast "
        parts.append(
            command(
                run_contrast + "--neighbors 4",
                run_contrast + "--neighbors 0",
                run_contrast + "--neighbors 0 --components 2 4 8 --charts 1 4 16 32 "
                "--seeds 0",
                run_contrast + "--data fashion_mnist --seeds 0",
                run + "contrast triplets --components 2 4",
                run + "contrast triplets --components 2 4 --data coil20",
            )
        )
        parts += tables_by("table", of["contrast"], contrast.TABLES)
    if "speed" in of:
        parts += [heading("Speed", "-"), texts.SPEED]
        parts.append(command(run + "speed", run + "speed --data mnist --rows 20000"))
        for part, table in speed.tables(of["speed"]).items():
            parts += [heading(part, "~"), to_rst(table)]
    if "scaling" in of:
        parts += [heading("Several processes", "-"), texts.SCALING]
        parts.append(
            command(run + "scaling --batch-sizes 1000 --rows 2000 --epochs 3 --seeds 0")
        )
        rows = scaling.with_speed_up(of["scaling"])
        parts.append(to_rst(jobs.markdown(rows, scaling.KEYS, scaling.COLUMNS)))
    return parts


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
    parts = [texts.INTRODUCTION.strip(), *in_short(embedded, others)]
    if embedded:
        parts += embedding_parts(embedded)
    parts += job_parts(others)
    wanted = target_table(
        [row for row in latest_rows(embedded) if row["status"] == "ok"],
        [row for row in jobs.latest(others) if row["module"] == "speed"],
    )
    if wanted:
        parts += [heading("Targets", "-"), texts.TARGETS, to_rst(wanted)]
    parts += [
        heading("How it was measured", "-"),
        circumstances([row for row in rows if row["status"] == "ok"]),
        "Each fit had a process of its own, bound to as many threads as the tables say "
        "(one, where they say\nnothing). The rows behind the tables are kept in "
        "``asv_bench/measured``. This page is written by",
        command("python -m asv_bench.compare.page"),
        texts.PAGE_WRITES,
        texts.PEERS,
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
