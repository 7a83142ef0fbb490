# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""What we want to reach, and what was measured of it."""

from statistics import stdev
from typing import NamedTuple

import numpy as np

from asv_bench.compare.report import RANKED, SCORES, label_of, table


def _mean(rows, figure):
    values = [figure(row) for row in rows]
    values = [value for value in values if value is not None]
    return float(np.mean(values)) if values else None


def _quotient(rows, others, figure):
    ours, theirs = _mean(rows, figure), _mean(others, figure)
    return None if ours is None or theirs is None else ours / theirs


def _embedding(rows, task, method, data, n_samples):
    """Rows of one method at its defaults, on one data set."""
    return [
        row
        for row in rows
        if (row["task"], label_of(row), row["data"]) == (task, method, data)
        and row.get("n_samples") == n_samples
    ]


def _pair(rows, task, ours, peer, data, n_samples):
    """Our rows and a peer's, on the most threads that both were measured with."""
    pair = [_embedding(rows, task, method, data, n_samples) for method in (ours, peer)]
    shared = set.intersection(*({row["threads"] for row in part} for part in pair))
    most = max(shared, default=None)
    return [[row for row in part if row["threads"] == most] for part in pair]


def _difference(rows, others, figure):
    ours, theirs = _mean(rows, figure), _mean(others, figure)
    return None if ours is None or theirs is None else ours - theirs


def _cold(row):
    return row["import_s"] + row["wall_s"]


def _rate(n_rows):
    return lambda row: row.get("transform_rows_per_s", {}).get(str(n_rows))


def _speed(rows, part, method, name):
    """Mean on the largest data that the part was measured with."""
    some = [row for row in rows if row["job"]["part"] == part]
    some = [row for row in some if row["job"]["method"] == method]
    most = max((row["job"]["rows"] or 0 for row in some), default=None)
    some = [row for row in some if (row["job"]["rows"] or 0) == most]
    return _mean(some, lambda row: row["found"].get(name))


class Target(NamedTuple):
    """What is to be reached, and what was measured of it.

    ``moonshot`` is what would be more than enough; ``upper`` whether less is better;
    ``spread`` the deviation of the seeds of ours, where it is known.
    """

    what: str
    bound: float
    moonshot: float | None
    upper: bool
    value: float | None
    spread: float | None = None

    def meets(self, bound):
        """Whether the measured value is as good as this."""
        return self.value <= bound if self.upper else self.value >= bound

    def why(self):
        """Why it is missed, if that is known."""
        if self.spread is not None and abs(self.value - self.bound) <= self.spread:
            return "it is less than the seeds of DLME differ"
        return reason(self.what)


SETS = {"mnist": "MNIST", "fashion_mnist": "Fashion-MNIST"}


def of_large_sets(embedded):
    """Seconds, scores and memory of DLME on 70,000 images."""
    for data, title in SETS.items():
        on = f"on 70,000 rows of {title}"
        for peer, bound, moonshot in (
            ("umap-unseeded", 0.7, 0.2),
            ("pacmap-unseeded", 1.0, 0.3),
        ):
            for ours in ("dlme", "dlme-2-threads"):
                pair = _pair(embedded, "embed", ours, peer, data, 70_000)
                value = _quotient(*pair, lambda row: row["wall_s"])
                what = f"seconds of {ours} {on} over those of {peer}"
                yield Target(what, bound, moonshot, True, value)
            for name in RANKED:
                pair = _pair(embedded, "embed", "dlme", peer, data, 70_000)
                value = _difference(*pair, lambda row, name=name: row["scores"][name])
                of_seeds = [row["scores"][name] for row in pair[0]]
                spread = stdev(of_seeds) if len(of_seeds) > 1 else None
                what = f"{SCORES[name][0]} of dlme {on} beyond that of {peer}"
                yield Target(what, 0.0, None, False, value, spread)
    for data, title in SETS.items():
        rows = _embedding(embedded, "embed", "dlme", data, 70_000)
        size = _mean(
            rows,
            lambda row: row["peak_mib"] * 2**20 / (4 * 70_000 * row["n_features"]),
        )
        what = (
            f"peak memory of dlme on 70,000 rows of {title} beside the rows, over them"
        )
        yield Target(f"{what} in float32", 3.0, 1.5, True, size)


def of_small_requests(embedded):
    """The first fit of a process, and rates of transform."""
    pair = _pair(embedded, "cold", "dlme", "umap-unseeded", "digits", 1797)
    what = "seconds of import and first fit of dlme on digits over those of "
    yield Target(f"{what}umap-unseeded", 0.5, 0.2, True, _quotient(*pair, _cold))
    pair = _pair(embedded, "transform", "dlme", "umap-unseeded", "mnist", 70_000)
    for n_rows in (1, 100, 10_000, 70_000):
        many = "s" if n_rows > 1 else ""
        what = (
            f"transform of {n_rows:,} row{many} of MNIST, rows a second over those of "
        )
        value = _quotient(*pair, _rate(n_rows))
        yield Target(f"{what}umap-unseeded", 50, 200, False, value)


def of_speed(speeds):
    """What was measured of steps, epochs, one row and imports."""
    name = "beyond the block, ms"
    for method in ("DLME", "DCRL"):
        what = f"transform of one row by {method}, ms beyond the network on a block"
        yield Target(what, 1.0, 0.2, True, _speed(speeds, "row", method, name))
    what = "share of the matrix products in a step of DLME"
    value = _speed(speeds, "step", "DLME", "products, of profile")
    yield Target(what, 0.7, 0.85, False, value)
    what = "operations a second in a step of DLME over those of its products alone"
    yield Target(what, 0.6, 0.8, False, _speed(speeds, "step", "DLME", "ratio"))
    for method in ("DCRL", "MSimCLR", "AtlasAE"):
        value = _speed(speeds, "epochs", method, "ratio")
        what = f"seconds of an epoch of {method} over those of a plain loop"
        yield Target(what, 0.5, 0.25, True, value)
    value = _speed(speeds, "idec", "DCRL", "ratio")
    what = "seconds of an epoch of DCRL over those of ClustPy's IDEC"
    yield Target(what, 0.5, 0.2, True, value)
    value = _speed(speeds, "import", "import skmanifold", "beyond s")
    what = "seconds of import skmanifold where sklearn.base is imported"
    yield Target(what, 0.1, None, True, value)


_SMOOTH = "a network of 100,000 weights is smoother than one free point for each row"

# Part of a target's text -> why it is missed, where it is.
REASONS = {
    "seconds of dlme": "a step is computed on one thread, so that its bits depend on "
    "nothing else, and UMAP and PaCMAP take all; see the rows of two threads",
    "seconds of dlme-2-threads": "matrix products of a batch are small: with a second "
    "thread steps are far from twice as quick",
    "trustworthiness of dlme": _SMOOTH,
    "10-NN of dlme": _SMOOTH,
    "transform of": "what does not depend on the number of rows decides for few, and "
    "scaling in double precision and blocks of 192 rows for many",
    "in a step of DLME": "the products are fast in bfloat16 on tiles; normalisation, "
    "activations, casts and the pairs of a batch take the rest",
    "epoch of DCRL over those of a plain": "pairs of neighbours and the pass over all "
    "rows that each epoch ends with are in both loops",
    "epoch of DCRL over those of ClustPy": "each row comes with a neighbour, twice the "
    "rows in the networks, for the local distances that IDEC has not",
    "epoch of MSimCLR": "small networks: a step is mostly the calls of operators, and "
    "the plain loop makes nearly as many",
    "linear SVM of dlme": "not known",
    "k-means of dlme": "not known",
    "epoch of AtlasAE": "both loops decode each row in every chart",
    "transform of one row by": "the bits of a row are those that it has in a block",
}


def reason(what):
    """Why a target is missed, if that is known: of the longest text that it holds."""
    found = [part for part in REASONS if part in what]
    return REASONS[max(found, key=len)] if found else ""


def target_table(embedded, speeds):
    """Markdown table of the targets that something was measured of."""
    targets = [
        *of_large_sets(embedded),
        *of_small_requests(embedded),
        *of_speed(speeds),
    ]
    lines = []
    for one in targets:
        if one.value is None:
            continue
        most = "at most" if one.upper else "at least"
        moonshot = "" if one.moonshot is None else f"{one.moonshot:g}"
        met = "yes" if one.meets(one.bound) else "no"
        if met == "yes" and one.moonshot is not None and one.meets(one.moonshot):
            met = "yes, and the moonshot"
        why = one.why() if met == "no" else ""
        wanted = f"{most} {one.bound:g}"
        lines.append([one.what, wanted, moonshot, f"{one.value:.3g}", met, why])
    head = ["target", "wanted", "moonshot", "measured", "met", "if not, why"]
    return table(head, lines) if lines else None
