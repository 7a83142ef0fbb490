# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""What we want to reach, and what was measured of it."""

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
    some = [row for row in rows if row["job"]["part"] == part]
    some = [row for row in some if row["job"]["method"] == method]
    return _mean(some, lambda row: row["found"].get(name))


def targets(embedded, speeds):
    """(what, bound, whether it is an upper one, measured or None) of each target."""
    sets = (("mnist", "MNIST"), ("fashion_mnist", "Fashion-MNIST"))
    found = [
        (
            f"{title} on 70,000 rows of {of}, seconds over those of {peer}",
            bound,
            True,
            _quotient(
                *_pair(embedded, "embed", ours, peer, data, 70_000),
                lambda row: row["wall_s"],
            ),
        )
        for data, of in sets
        for peer, bound in (("umap-unseeded", 0.7), ("pacmap-unseeded", 1.0))
        for ours, title in (("dlme", "DLME"), ("dlme-2-threads", "DLME, n_threads=2,"))
    ]
    found += [
        (
            f"DLME on 70,000 rows of {of}, {SCORES[name][0]} beyond that of UMAP",
            0.0,
            False,
            _difference(
                *_pair(embedded, "embed", "dlme", "umap-unseeded", data, 70_000),
                lambda row, name=name: row["scores"][name],
            ),
        )
        for data, of in sets
        for name in RANKED
    ]
    found.append(
        (
            "DLME on digits, import and first fit, seconds over those of umap",
            0.5,
            True,
            _quotient(
                *_pair(embedded, "cold", "dlme", "umap-unseeded", "digits", 1797), _cold
            ),
        )
    )
    found += [
        (
            f"transform of {n_rows:,} row{'s' if n_rows > 1 else ''} of MNIST, rows a "
            "second over those of umap",
            50,
            False,
            _quotient(
                *_pair(embedded, "transform", "dlme", "umap-unseeded", "mnist", 70_000),
                _rate(n_rows),
            ),
        )
        for n_rows in (1, 100, 10_000, 70_000)
    ]
    name = "beyond the block, ms"
    found += [
        (
            f"transform of one row by {method}, ms beyond the network",
            1.0,
            True,
            _speed(speeds, "row", method, name),
        )
        for method in ("DLME", "DCRL")
    ]
    found += [
        (
            "step of DLME, share of the matrix products",
            0.7,
            False,
            _speed(speeds, "step", "DLME", "products, of profile"),
        ),
        (
            "step of DLME, operations a second over those of the products alone",
            0.6,
            False,
            _speed(speeds, "step", "DLME", "ratio"),
        ),
    ]
    found += [
        (
            f"epoch of {method}, seconds over those of a plain loop",
            0.5,
            True,
            _speed(speeds, "epochs", method, "ratio"),
        )
        for method in ("DCRL", "MSimCLR", "AtlasAE")
    ]
    found.append(
        (
            "epoch of DCRL, seconds over those of ClustPy's IDEC",
            0.5,
            True,
            _speed(speeds, "idec", "DCRL", "ratio"),
        )
    )
    found.append(
        (
            "peak memory of DLME's fit of 70,000 rows of MNIST, beyond what was there "
            "before, over the rows in float32",
            3.0,
            True,
            _mean(
                _embedding(embedded, "embed", "dlme", "mnist", 70_000),
                lambda row: row["peak_mib"] * 2**20 / (4 * 70_000 * row["n_features"]),
            ),
        )
    )
    found.append(
        (
            "import skmanifold, seconds beyond those of import sklearn.base",
            0.1,
            True,
            _speed(speeds, "import", "import skmanifold", "beyond s"),
        )
    )
    return found


# Beginning of a target -> why it is missed, where it is.
REASONS = {
    "step of DLME": "the products of small networks are fast in bfloat16 on tiles; "
    "normalisation, activations, casts and the pairs of a batch take the rest",
    "epoch of DCRL, seconds over those of a plain": "pairs of neighbours and the pass "
    "over all rows that each epoch ends with are in both loops",
    "epoch of DCRL, seconds over those of ClustPy": "each row comes with a neighbour, "
    "twice the rows in the networks, for the local distances that IDEC has not",
    "epoch of AtlasAE": "both loops decode each row in every chart",
    "transform of one row by": "the bits of a row are those that it has in a block",
}


def reason(what):
    """Why a target is missed, if that is known."""
    found = (why for start, why in REASONS.items() if what.startswith(start))
    return next(found, "")


def target_table(embedded, speeds):
    """Markdown table of the targets that something was measured of."""
    lines = []
    for what, bound, upper, value in targets(embedded, speeds):
        if value is None:
            continue
        met = value <= bound if upper else value >= bound
        wanted = f"at {'most' if upper else 'least'} {bound:g}"
        verdict = ["yes", ""] if met else ["no", reason(what)]
        lines.append([what, wanted, f"{value:.3g}", *verdict])
    head = ["target", "wanted", "measured", "met", "if not, why"]
    return table(head, lines) if lines else None
