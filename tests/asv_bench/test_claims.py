# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""Where ours are ahead, level and behind: the sentences say what the rows say."""

import importlib
import re
from statistics import mean, stdev

import pytest

from asv_bench.compare import claims, jobs
from asv_bench.compare.claims import Pair
from asv_bench.compare.page import RESULTS
from asv_bench.compare.report import latest_rows
from asv_bench.compare.run import read_rows


@pytest.fixture(scope="module")
def kept():
    """The latest good rows of maps, and of the other comparisons."""
    rows = [row for path in RESULTS.glob("*.jsonl") for row in read_rows(path)]
    embedded = latest_rows([row for row in rows if "task" in row])
    return (
        [row for row in embedded if row["status"] == "ok"],
        jobs.latest(row for row in rows if "job" in row),
    )


def test_a_side_is_taken_beyond_what_seeds_differ():
    assert Pair("a", "x", "b", "", [3.0, 5.0], [1.0]).side == 1
    assert Pair("a", "x", "b", "", [3.0, 5.0], [1.0], -1).side == -1
    assert Pair("a", "x", "b", "", [3.0, 5.0], [3.0]).side == 0
    # one seed each: a fiftieth
    assert Pair("a", "x", "b", "", [1.01], [1.0]).side == 0
    assert Pair("a", "x", "b", "", [1.03], [1.0]).side == 1


def test_sides_are_told_by_method_and_figure():
    def pairs(peer, *sides):
        values = {1: [2.0], 0: [1.0], -1: [0.5]}
        return [Pair("Ours", "x", peer, str(i), values[s], [1.0])
                for i, s in enumerate(sides)]  # fmt: skip

    found = [*pairs("A", 1, 1, -1), *pairs("B", -1), *pairs("C", 1, 0, 0)]
    found += [Pair("Other", "y", "D", "", [1.0], [2.0])]
    assert claims.in_short(found) == {
        1: "*Ours* in x (A 2:1/3)",
        0: "*Ours* in x (C 1:0/3)",
        -1: "*Ours* in x (B); *Other* in y (D)",
    }
    assert claims.in_short(found, "Other") == {1: "", 0: "", -1: "*Other* in y (D)"}


@pytest.mark.parametrize(
    ("what", "figure"),
    [
        ("k-means", "kmeans"),
        ("10-NN", "knn"),
        ("linear SVM", "svm"),
        ("trustworthiness", "trustworthiness"),
        ("continuity", "continuity"),
        ("Spearman", "spearman"),
    ],
)
@pytest.mark.parametrize("peer", claims.PEERS)
def test_what_is_said_of_dlme_is_counted_from_the_rows(kept, what, figure, peer):
    embedded, rows = kept
    said = [
        pair
        for pair in claims.pairs(embedded, rows)
        if (pair.ours, pair.what, pair.peer) == ("DLME", what, peer)
    ]
    assert {"digits", "coil20", "pendigits", "pbmc68k"} <= {x.where for x in said}
    for pair in said:
        most = max(row["threads"] for row in embedded
                   if row["task"] == "embed" and row["data"] == pair.where)  # fmt: skip
        values = {
            name: [
                row["scores"][figure]
                for row in embedded
                if (row["task"], row["data"], row["method"], row["threads"])
                == ("embed", pair.where, name, most)
            ]
            for name in ("dlme", *claims.PEERS[peer])
        }
        ours = values.pop("dlme")
        theirs = max(values.values(), key=len)
        spread = max(stdev(x) for x in (ours, theirs) if len(x) > 1)
        difference = mean(ours) - mean(theirs)
        expected = 0 if abs(difference) <= spread else 1 if difference > 0 else -1
        assert pair.side == expected


def test_seconds_of_fits_leave_compilation_out(kept):
    from asv_bench.compare.methods import METHODS

    for row in kept[0]:
        if row["task"] == "embed" and METHODS[row["method"]].brief is not None:
            assert row.get("compile_s") is not None, (row["method"], row["data"])
    for row in kept[1]:
        if row["module"] == "clustering" and row["job"]["method"].startswith("umap"):
            assert row["found"]["compile_s"] > 0, row["job"]


def test_every_method_is_beside_a_peer(kept):
    names = {pair.ours for pair in claims.pairs(*kept)}
    assert {
        "DLME",
        "DCRL",
        "IsometricAE",
        "AtlasAE",
        "MSimCLR",
        "AtlasTriplet",
    } <= names


def test_recall_of_codes_is_that_of_the_rows(kept):
    (rows,) = kept[1:]
    recall = {
        row["job"]["case"]: row["found"]["recall@10"]
        for row in rows
        if row["job"].get("n_bytes") == 4
    }
    pair = next(
        pair
        for pair in claims.pairs(*kept)
        if (pair.ours, pair.peer, pair.where) == ("AtlasAE", "PCA", "digits, 4 bytes")
    )
    assert (pair.values, pair.others) == ([recall["AtlasAE"]], [recall["PCA"]])


def test_commands_name_what_the_rows_hold(kept):
    from asv_bench.compare import clustering
    from asv_bench.compare.page import clustering_commands, fit_commands
    from asv_bench.compare.run import make_parser, plan

    rows = [row for row in kept[0] if row["n_rows"] is None and not row["params"]]
    named = set()
    for line in fit_commands(rows):
        options = make_parser().parse_args(line.split()[3:])
        named |= {
            (row["task"], row["data"], row["threads"], row["method"], row["seed"])
            for row in plan(options, {})
        }
    assert named >= {
        (row["task"], row["data"], row["threads"], row["method"], row["seed"])
        for row in rows
    }
    some = [row for row in kept[1] if row["module"] == "clustering"]
    lines = clustering_commands(clustering.ordered(some))
    for row in some:
        split = row["job"].get("split")
        wanted = {row["job"]["data"], row["job"]["method"]}
        wanted |= set() if split is None else {"--split", str(split)}
        assert any(wanted <= set(line.split()) for line in lines)


class Asked(Exception):
    """The jobs that a command would carry out."""


def jobs_of(line, monkeypatch):
    """The module of a command, and the keys of the jobs it asks for."""
    _, _, module, *arguments = line.split()
    module = importlib.import_module(module)

    def ask(name, wanted, options):
        raise Asked(name, {jobs.key_of(job) for job in wanted})

    monkeypatch.setattr(module, "carry_out", ask)
    # whether this machine has them
    monkeypatch.setattr(module, "usable_cores", lambda n: None, raising=False)
    with pytest.raises(Asked) as caught:
        module.main(arguments)
    return caught.value.args


def test_commands_of_the_page_make_its_rows(kept, monkeypatch):
    from asv_bench.compare.page import job_parts

    asked = {}
    for part in job_parts(kept[1]):
        for line in re.findall(r"\$ (python -m .*)", part):
            name, keys = jobs_of(line, monkeypatch)
            asked.setdefault(name, set()).update(keys)
    measured = {}
    for row in kept[1]:
        measured.setdefault(row["module"], set()).add(jobs.key_of(row["job"]))
    assert asked.keys() == measured.keys()
    for name, keys in measured.items():
        assert keys <= asked[name], name


def test_dcrl_stands_before_its_peers(kept):
    from asv_bench.compare import clustering

    some = [row for row in kept[1] if row["module"] == "clustering"]
    jobs_in_order = [row["job"] for row in clustering.ordered(some[::-1])]
    digits = [job["method"] for job in jobs_in_order
              if job["data"] == "digits" and not job.get("split")]  # fmt: skip
    peers = list(dict.fromkeys(digits))
    assert peers[0] == "dcrl"
    assert peers[1:] == sorted(peers[1:])
    names = list(dict.fromkeys(job["data"] for job in jobs_in_order))
    assert names == sorted(names)
