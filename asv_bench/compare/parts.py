# SPDX-License-Identifier: BSD-3-Clause

"""Modules that measure several things: the jobs, options and tables of each part."""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from asv_bench.compare.runner import carry_out, make_parser
from asv_bench.compare.tables import markdown, mean_table


@dataclass(frozen=True)
class Part:
    """A function to measure, its jobs and its table."""

    # called with the entries of a job and a seed, returns figures by name
    measure: Callable
    # values of each entry of the jobs; None leaves an entry out
    entries: Mapping
    # figures of the table and their decimals
    columns: Mapping

    def jobs(self, options):
        """Yield the jobs without part and seed; options replace values of entries."""
        values = (getattr(options, x) or y for x, y in self.entries.items())
        for combination in itertools.product(*values):
            job = zip(self.entries, combination, strict=True)
            yield {entry: value for entry, value in job if value is not None}


def table_of(parts, name, rows):
    """Return the table of means of a part, in the order of its entries."""
    part = parts[name]

    def order(row):
        job = row["job"]
        return [
            values.index(job.get(entry)) if job.get(entry) in values else len(values)
            for entry, values in part.entries.items()
        ]

    rows = sorted((row for row in rows if row["job"]["part"] == name), key=order)
    return mean_table(rows, part.entries, part.columns)


def make_parts_parser(module, description, parts, n_seeds=5):
    """Return a parser with an option for each entry of the parts' jobs."""
    parser = make_parser(module, description, n_seeds)
    parser.add_argument("--parts", nargs="+", choices=parts, default=list(parts))
    for entry in dict.fromkeys(x for part in parts.values() for x in part.entries):
        defaults = (
            f"{name}: {', '.join(map(str, part.entries[entry]))}"
            for name, part in parts.items()
            if part.entries.get(entry, (None,)) != (None,)
        )
        parser.add_argument(
            f"--{entry}",
            nargs="+",
            type=lambda text: int(text) if text.isdecimal() else text,
            help="; ".join(defaults),
        )
    return parser


def run_parts(module, parts, options):
    """Measure the requested parts and print their tables."""
    jobs = [
        {"part": name, **job, "seed": seed}
        for name in options.parts
        for job in parts[name].jobs(options)
        for seed in options.seeds
    ]
    rows = carry_out(module, jobs, options)
    for name in options.parts:
        table = table_of(parts, name, rows)
        if table[1:]:
            print(f"{name}\n\n{markdown(table)}\n")
