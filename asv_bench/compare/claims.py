# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""Where our methods are ahead of their peers, level and behind, by the kept rows.

Each figure of a method is paired with a peer's on the same data. Nothing is written by
hand: when rows change, so do the sentences.
"""

from collections import defaultdict
from statistics import mean, stdev
from typing import NamedTuple

from asv_bench.compare.report import SCORES, time_of

# title -> names of a method, with and without a seed: what there is more of counts
PEERS = {
    "UMAP": ("umap", "umap-unseeded"),
    "t-SNE": ("opentsne",),
    "PaCMAP": ("pacmap", "pacmap-unseeded"),
}
CLUSTERINGS = {
    "k-means": "k-means",
    "mixture": "Gaussian mixture",
    "umap": "UMAP + k-means",
    "clustpy-idec": "ClustPy's IDEC",
}


class Pair(NamedTuple):
    """A figure of one of our methods and of a peer on the same data.

    ``sign`` is 1 if more is better and -1 if less is.
    """

    ours: str
    what: str
    peer: str
    where: str
    values: list
    others: list
    sign: int = 1

    @property
    def side(self):
        """1 if ours is ahead, -1 if behind, 0 within a standard deviation of seeds.

        Where neither has several seeds, within a fiftieth of the peer's figure.
        """
        spread = max(
            (stdev(of) for of in (self.values, self.others) if len(of) > 1),
            default=0.02 * abs(mean(self.others)),
        )
        ahead = self.sign * (mean(self.values) - mean(self.others))
        return 0 if abs(ahead) <= spread else 1 if ahead > 0 else -1


def whole_sets(embedded):
    """Return data -> method -> rows of whole sets, on the most threads of each set."""
    fits = [row for row in embedded if row["task"] == "embed" and not row["params"]]
    fits = [row for row in fits if row["n_rows"] is None]
    most = defaultdict(int)
    for row in fits:
        most[row["data"]] = max(most[row["data"]], row["threads"])
    sets = defaultdict(lambda: defaultdict(list))
    for row in sorted(fits, key=lambda row: (row["n_samples"], row["data"])):
        if row["threads"] == most[row["data"]]:
            sets[row["data"]][row["method"]].append(row)
    return sets


def of_maps(embedded):
    """DLME on whole data sets: scores, and what a fit took."""
    sets = whole_sets(embedded)
    small = max(
        (
            rows[0]["n_samples"]
            for methods in sets.values()
            for rows in methods.values()
            if rows[0]["threads"] == 1
        ),
        default=0,
    )
    for data, methods in sets.items():
        ours = methods.get("dlme", [])
        for peer, names in PEERS.items():
            theirs = max((methods.get(name, []) for name in names), key=len)
            if not ours or not theirs:
                continue
            for name, (title, _) in SCORES.items():
                if name == "nmi":  # it follows k-means
                    continue
                both = ([row["scores"][name] for row in of] for of in (ours, theirs))
                yield Pair("DLME", title, peer, data, *both)
            figure, heading = time_of([*ours, *theirs])
            size = f" to {small:,} rows"
            if ours[0]["threads"] > 1:
                size = f" of {ours[0]['n_samples']:,} rows"
                both = ([row["peak_mib"] for row in of] for of in (ours, theirs))
                yield Pair("DLME", f"memory{size}", peer, data, *both, -1)
            both = ([row[figure] for row in of] for of in (ours, theirs))
            yield Pair("DLME", heading + size, peer, data, *both, -1)


def of_new_rows(embedded):
    """Rows a second of DLME's transform beside UMAP's, for each size of a request."""
    of = defaultdict(list)
    for row in embedded:
        if row["task"] == "transform":
            of[row["method"]].append(row)
    ours, theirs = of["dlme"], of["umap-unseeded"] or of["umap"]
    if ours and theirs:
        for size in ours[0]["transform_rows_per_s"]:
            both = (
                [r["transform_rows_per_s"][size] for r in o] for o in (ours, theirs)
            )
            yield Pair("DLME", "rate of transform", "UMAP", f"{size} rows", *both)


def of_growth(embedded):
    """How many times the time of 16,000 rows 64,000 take, of drawn data."""
    sizes = (16_000, 64_000)
    drawn = defaultdict(dict)
    for row in embedded:
        if row["task"] == "embed" and row["n_rows"] in sizes:
            drawn[row["data"], row["method"]][row["n_rows"]] = row["cpu_s"]
    growth = {
        key: of[sizes[1]] / of[sizes[0]] for key, of in drawn.items() if len(of) == 2
    }
    for (data, method), ours in growth.items():
        for peer, names in PEERS.items() if method == "dlme" else ():
            for name in names:
                if (data, name) in growth:
                    theirs = growth[data, name]
                    what = "growth with the rows"
                    yield Pair("DLME", what, peer, data, [ours], [theirs], -1)


def _found(rows, module, figure, **of_job):
    """A figure of the rows whose jobs hold these entries."""
    return [
        row["found"][figure]
        for row in rows
        if row["module"] == module
        and all(row["job"].get(name) == value for name, value in of_job.items())
        and row["found"].get(figure) is not None
    ]


def _cases(rows, module, name, **of_job):
    """The values of an entry of the jobs, in the order of the rows."""
    jobs = [row["job"] for row in rows if row["module"] == module]
    return dict.fromkeys(
        job[name]
        for job in jobs
        if name in job and all(job.get(key) == value for key, value in of_job.items())
    )


def of_clusterings(rows):
    """DCRL: accuracy and CPU seconds beside other clusterings, epochs beside IDEC's."""
    for data in _cases(rows, "clustering", "data", method="dcrl"):
        for method, peer in CLUSTERINGS.items():
            for what, figure, sign in (
                ("accuracy", "ACC", 1),
                ("CPU seconds", "fit CPU s", -1),
            ):
                both = [
                    _found(rows, "clustering", figure, method=name, data=on, split=None)
                    for name, on in (("dcrl", data), (method, data.split("/")[0]))
                ]
                yield Pair("DCRL", what, peer, data, *both, sign)
    both = (
        _found(rows, "speed", figure, part="idec", method="DCRL")
        for figure in ("ours s", "other s")
    )
    yield Pair("DCRL", "CPU seconds of an epoch", "ClustPy's IDEC", "", *both, -1)


def of_isometries(rows):
    """IsometricAE: rings of views, ways back and reconstruction."""
    parts = (
        ("rings", "variation", "rings of COIL-20"),
        ("reconstruction", "squared error x 1e3", "reconstruction"),
        ("inverse", "new points' error", "way back"),
    )
    for part, figure, what in parts:
        cases = list(_cases(rows, "isometry", "case", part=part))
        for ours in cases:
            data, _, name = ours.rpartition(": ")
            if not name.startswith("IsometricAE"):
                continue
            for theirs in cases:
                on, _, peer = theirs.rpartition(": ")
                same = on == data and "IsometricAE" not in peer and "Atlas" not in peer
                # a plain autoencoder of the same networks
                same &= "auto" not in peer or ("conv" in peer) == ("conv" in name)
                if same:
                    both = (
                        _found(rows, "isometry", figure, part=part, case=case)
                        for case in (ours, theirs)
                    )
                    peer = peer.removesuffix(", convolutional")
                    yield Pair(name, what, peer, data, *both, -1)


def of_charts(rows):
    """AtlasAE, MSimCLR and AtlasTriplet."""
    of = {"part": "compression"}
    for data in _cases(rows, "charts", "data", **of):
        for size in _cases(rows, "charts", "n_bytes", data=data, **of):
            some = {**of, "data": data, "n_bytes": size}
            for peer in ("PCA", "faiss PQ"):
                both = (
                    _found(rows, "charts", "recall@10", case=case, **some)
                    for case in ("AtlasAE", peer)
                )
                where = f"{data}, {size} bytes"
                yield Pair("AtlasAE", "recall from short codes", peer, where, *both)
    for space in _cases(rows, "charts", "case", part="dimension"):
        of = {"part": "dimension", "case": space, "n_charts": None}
        truth = _found(rows, "charts", "truth", **of)
        both = (
            [abs(x - y) for x, y in zip(found, truth, strict=True)]
            for found in (
                [round(x) for x in _found(rows, "charts", name, **of)]
                for name in ("atlas", "TwoNN")
            )
        )
        yield Pair("AtlasAE", "dimension", "TwoNN", space, *both, -1)
    for space in _cases(rows, "topology", "space", way="trained"):
        for peer, way in (("its start", "untrained"), ("Vietoris-Rips", "rips")):
            both = (
                [float(x) for x in found]
                for found in (
                    _found(rows, "topology", "right", way=w, space=space, noise=0.0)
                    for w in ("trained", way)
                )
            )
            yield Pair("AtlasAE", "Betti numbers", peer, space, *both)
    of = {"table": "contrast", "data": "digits"}
    for d in _cases(rows, "contrast", "n_components", **of):
        for near in _cases(rows, "contrast", "n_neighbors", n_components=d, **of):
            some = {**of, "n_components": d, "n_neighbors": near}
            both = (
                _found(rows, "contrast", "accuracy", model=model, **some)
                for model in ("MSimCLR, k=16", "SimCLR, mlp head")
            )
            where = f"{d} components" + ", neighbours" * bool(near)
            yield Pair("MSimCLR", "accuracy", "SimCLR", where, *both)
    for data in _cases(rows, "contrast", "data", table="triplets"):
        for d in (2, 4):
            model = f"AtlasTriplet, k=8, d={d}"
            # a row has 8 (d + 1) numbers with soft charts, d and a chart with hard ones
            for charts, peer, name, figure in (
                ("soft", "the same untrained", f"{model}, untrained", "R@1, soft"),
                (
                    "soft",
                    "a sphere of 16 dimensions",
                    "unit sphere of 16 dimensions",
                    "R@1",
                ),
                (
                    "soft",
                    "a sphere of 64 dimensions",
                    "unit sphere of 64 dimensions",
                    "R@1",
                ),
                ("soft", "pixels", "pixels", "R@1"),
                (
                    "hard",
                    "a sphere of one dimension more",
                    f"unit sphere of {d + 1} dimensions",
                    "R@1",
                ),
            ):
                both = (
                    _found(rows, "contrast", column, model=of, data=data)
                    for of, column in ((model, f"R@1, {charts}"), (name, figure))
                )
                where = f"{data}, {d} components"
                what = f"recall of unseen classes, {charts} charts"
                yield Pair("AtlasTriplet", what, peer, where, *both)


def pairs(embedded, rows):
    """All pairs that both sides were measured of.

    Parameters
    ----------
    embedded : list of dict
        Latest good rows of :mod:`asv_bench.compare.run`.
    rows : list of dict
        Latest good rows of :mod:`asv_bench.compare.jobs`.

    Returns
    -------
    list of Pair
    """
    found = [*of_maps(embedded), *of_new_rows(embedded), *of_growth(embedded)]
    found += [*of_clusterings(rows), *of_isometries(rows), *of_charts(rows)]
    return [one for one in found if one.values and one.others]


def verdict(some):
    """Side of several pairs: that of half of them and of more than the other, or 0."""
    ahead, behind = (sum(pair.side == side for pair in some) for side in (1, -1))
    most = max(ahead, behind)
    return 0 if ahead == behind or most < len(some) / 2 else 1 if ahead > behind else -1


def in_short(found, ours=None):
    """Return side -> sentence, for what was measured of our methods, or of one."""
    groups = defaultdict(list)
    for pair in found:
        if ours in (None, pair.ours):
            groups[pair.ours, pair.what, pair.peer].append(pair)
    sides = {side: defaultdict(lambda: defaultdict(list)) for side in (1, 0, -1)}
    for (name, what, peer), some in groups.items():
        side = verdict(some)
        text = peer
        if len(some) > 1:
            ahead, behind = (sum(pair.side == of for pair in some) for of in (1, -1))
            text += f" {ahead}:{behind}/{len(some)}"
        sides[side][name][what].append(text)
    return {
        side: "; ".join(
            f"*{name}* in "
            + ", ".join(f"{what} ({', '.join(peers)})" for what, peers in of.items())
            for name, of in names.items()
        )
        for side, names in sides.items()
    }
