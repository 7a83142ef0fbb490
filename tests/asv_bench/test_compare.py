# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""The comparison with other packages: what it measures, writes and reports."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
CORES = getattr(os, "sched_getaffinity", lambda _: range(os.cpu_count()))(0)


@pytest.fixture(autouse=True)
def _importable(monkeypatch):
    # The folder belongs to the checkout, not to the installed package.
    monkeypatch.syspath_prepend(ROOT)


@pytest.fixture
def compare(tmp_path):
    """The command line on 300 digits; returns its status and the rows written."""
    from asv_bench.compare import run

    out = tmp_path / "comparison.jsonl"

    def call(*arguments):
        common = ["--data", "digits:300", "--seeds", "0", "--out", str(out)]
        return run.main([*common, *arguments]), run.read_rows(out)

    return call


def _row(**changes):
    """A row as the comparison writes it, with made-up figures."""
    row = {
        "schema": 1,
        "task": "embed",
        "method": "pca",
        "data": "digits",
        "n_rows": None,
        "n_samples": 1797,
        "seed": 0,
        "threads": 1,
        "input": "usual",
        "params": {},
        "package": "scikit-learn",
        "version": "1.9",
        "git": {"commit": None, "dirty": None, "source": "abc"},
        "versions": {"python": "3.11"},
        "machine": {"cpu": "a processor", "cores": 2, "flags": []},
        "load": 0.0,
        "date": "2026-01-01T00:00:00+00:00",
        "status": "ok",
        "import_s": 1.0,
        "wall_s": 2.0,
        "cpu_s": 2.0,
        "peak_mib": 3.0,
        "scores": dict.fromkeys(
            ("svm", "kmeans", "nmi", "knn", "trustworthiness", "continuity"), 0.5
        )
        | {"spearman": 0.5},
    }
    return row | changes


def test_embed_row(compare, capsys):
    status, rows = compare("--methods", "pca")
    assert status == 0
    (row,) = rows
    assert row["status"] == "ok"
    assert row["schema"] == 1
    key = (row["task"], row["method"], row["data"], row["n_rows"], row["seed"])
    assert key == ("embed", "pca", "digits", 300, 0)
    assert (row["n_samples"], row["n_features"], row["n_classes"]) == (300, 64, 10)
    assert row["package"] == "scikit-learn"
    assert row["version"] == row["versions"]["scikit-learn"]
    assert set(row["git"]) == {"commit", "dirty", "source"}
    assert set(row["machine"]) == {"cpu", "flags", "cores", "memory_gib", "platform"}
    assert len(row["cores"]) == row["threads"] == 1
    for figure in ("import_s", "wall_s", "cpu_s", "score_s"):
        assert row[figure] > 0
    assert row["peak_mib"] >= 0
    assert set(row["scores"]) == {
        "svm",
        "kmeans",
        "nmi",
        "knn",
        "trustworthiness",
        "continuity",
        "spearman",
    }
    # Figures of PCA on digits: coarse bounds, but not what noise would give.
    assert 0.4 < row["scores"]["svm"] < 0.8
    assert 0.75 < row["scores"]["trustworthiness"] < 0.9

    # What is there is not run again.
    status, again = compare("--methods", "pca")
    assert (status, again) == (0, rows)
    # The tables are shown all the same.
    shown = capsys.readouterr().out
    assert shown.count("### digits, 300 rows") == 2
    assert f"| pca | 1 | **{row['scores']['svm']:.3f}** |" in shown


def test_transform_row(compare):
    status, (row,) = compare(
        "--methods", "pca", "--task", "transform", "--transform-sizes", "1", "50"
    )
    assert status == 0
    assert row["n_train"] == 240
    assert set(row["scores"]) == {"svm", "svm_train", "knn", "knn_train"}
    assert all(0.3 < score < 0.9 for score in row["scores"].values())
    rates = row["transform_rows_per_s"]
    assert set(rates) == {"1", "50"}
    assert rates["50"] > rates["1"] > 0


def test_failed_fit_is_a_row(compare):
    status, (row,) = compare(
        "--methods", "pca", "--params", '{"pca": {"n_components": 1000}}'
    )
    assert status == 1
    assert row["status"] == "error"
    assert "n_components=1000" in row["error"]
    assert "scores" not in row


def test_fit_that_takes_too_long_is_stopped_and_can_be_retried(compare):
    late = ["--methods", "pca", "--timeout", "0.01"]
    status, (row,) = compare(*late)
    assert status == 1
    assert row["status"] == "timeout"
    assert "0.01 s" in row["error"]
    # A known failure is not run again unless that is asked for.
    status, rows = compare(*late)
    assert (status, rows) == (0, [row])
    status, rows = compare(*late, "--retry")
    assert (status, len(rows)) == (1, 2)


def test_missing_package_names_the_command(compare, monkeypatch):
    from asv_bench.compare.methods import METHODS, Method

    absent = Method("no-such-package-here", "nowhere", "Nothing")
    monkeypatch.setitem(METHODS, "pca", absent)
    status, (row,) = compare("--methods", "pca")
    assert status == 0
    assert row["status"] == "not installed"
    assert row["error"] == "pip install no-such-package-here"


def test_method_without_transform(compare, monkeypatch):
    import dataclasses

    from asv_bench.compare.methods import METHODS

    method = dataclasses.replace(METHODS["pca"], transform=None)
    monkeypatch.setitem(METHODS, "pca", method)
    _, (row,) = compare("--methods", "pca", "--task", "transform")
    assert row["status"] == "no transform"


def test_two_commands_do_not_share_a_file(compare, tmp_path):
    from asv_bench.compare.run import alone

    with (
        alone(tmp_path / "comparison.jsonl"),
        pytest.raises(SystemExit, match="Another comparison is writing"),
    ):
        compare("--methods", "pca")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "letters"], "Unknown data set 'letters'"),
        (["--data", "digits:none"], "positive number of rows"),
        (["--threads", "0"], "--threads is 0"),
        (["--threads", str(len(CORES) + 1)], "core"),
        (["--params", "{"], "--params is not JSON"),
        (["--params", '{"nobody": {}}'], "--params must map methods"),
        (["--methods", "nobody"], "invalid choice: 'nobody'"),
    ],
)
def test_wrong_arguments(tmp_path, capsys, arguments, message):
    from asv_bench.compare import run

    with pytest.raises(SystemExit):
        run.main(["--out", str(tmp_path / "comparison.jsonl"), *arguments])
    assert message in capsys.readouterr().err


def test_damaged_file_names_the_line(tmp_path):
    from asv_bench.compare.run import read_rows

    file = tmp_path / "comparison.jsonl"
    file.write_text(json.dumps(_row()) + "\n" + '{"schema": 1, "task\n')
    with pytest.raises(ValueError, match="line 2 is not JSON"):
        read_rows(file)


def test_missing_data_names_the_variable(monkeypatch, tmp_path):
    from asv_bench.compare.data import load

    monkeypatch.setenv("SKMANIFOLD_DATA", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="SKMANIFOLD_DATA"):
        load("mnist")


def test_data_from_file(monkeypatch, tmp_path):
    from asv_bench.compare.data import load, split_rows

    rng = np.random.default_rng(0)
    X = rng.integers(256, size=(7_600, 16), dtype=np.uint8)
    y = rng.integers(3, size=7_600)
    np.savez(tmp_path / "pendigits.npz", X=X, y=y)
    np.savez(tmp_path / "mnist.npz", X=X[:200], y=y[:200])
    monkeypatch.setenv("SKMANIFOLD_DATA", str(tmp_path))

    data = load("pendigits")
    assert data.X.dtype == np.float32
    np.testing.assert_array_equal(data.usual_input(), X)
    train, test = split_rows(data)
    assert (len(train), train[-1], test[0]) == (7_494, 7_493, 7_494)

    images = load("mnist", 100)
    assert images.X.max() > 1 and images.usual_input().max() <= 1
    train, test = split_rows(images)
    assert (len(train), len(np.union1d(train, test))) == (80, 100)


def test_subsample_is_stratified_and_the_same_for_all():
    from asv_bench.compare.data import stratified_rows

    y = np.repeat([0, 1, 2], [600, 300, 100])
    rows = stratified_rows(y, 100)
    np.testing.assert_array_equal(np.bincount(y[rows]), [60, 30, 10])
    np.testing.assert_array_equal(rows, stratified_rows(y, 100))
    np.testing.assert_array_equal(stratified_rows(y, 5_000), np.arange(1_000))


def test_scores_of_a_perfect_and_of_a_random_embedding():
    from asv_bench.compare.quality import score_embedding

    rng = np.random.default_rng(0)
    y = np.repeat(np.arange(4), 60)
    corners = np.array([[0.0, 0.0], [0.0, 9.0], [9.0, 0.0], [9.0, 9.0]])
    X = corners[y] + rng.normal(size=(240, 2))
    assert all(
        score == pytest.approx(1.0) for score in score_embedding(X, y, X).values()
    )
    noise = score_embedding(X, y, rng.normal(size=X.shape))
    assert noise["svm"] < 0.45 and noise["kmeans"] < 0.45 and noise["knn"] < 0.45
    assert noise["nmi"] < 0.1 and abs(noise["spearman"]) < 0.15
    assert noise["trustworthiness"] < 0.65 and noise["continuity"] < 0.65


def test_embedding_that_is_not_finite_is_refused():
    from asv_bench.compare.quality import score_embedding, score_transform

    X, y = np.zeros((40, 2)), np.repeat([0, 1], 20)
    X[3] = np.nan
    with pytest.raises(ValueError, match="1 of 40 embedded rows are not finite"):
        score_embedding(X, y, X)
    with pytest.raises(ValueError, match="1 of 40 embedded rows are not finite"):
        score_transform(y, np.zeros((40, 2)), y, X)


def test_clustering_accuracy_finds_the_best_matching():
    from asv_bench.compare.quality import clustering_accuracy

    y = np.array([0, 0, 0, 1, 1, 2])
    assert clustering_accuracy(y, np.array([2, 2, 2, 0, 0, 1])) == 1.0
    assert clustering_accuracy(y, np.array([2, 2, 0, 0, 0, 1])) == 5 / 6
    assert clustering_accuracy(y, np.zeros(6, dtype=int)) == 0.5


def test_peak_memory_is_seen():
    from asv_bench.compare.child import measured

    result, figures = measured(lambda: np.ones((64, 2**17)).sum())
    assert result == 64 * 2**17
    assert 60 < figures["peak_mib"] < 100
    assert figures["wall_s"] > 0


def test_same_measurement_depends_on_our_source_and_on_their_version():
    from asv_bench.compare.run import row_key

    other_source = {"commit": None, "dirty": None, "source": "xyz"}
    ours = _row(method="dlme", package="skmanifold", version=None, input="raw")
    assert row_key(ours) != row_key(ours | {"git": other_source})
    assert row_key(_row()) == row_key(_row(git=other_source))
    assert row_key(_row()) != row_key(_row(version="2.0"))
    assert row_key(_row()) != row_key(_row(params={"whiten": True}))


def test_report_means_ratios_ranks_and_failures(tmp_path):
    scores = _row()["scores"]
    rows = [
        _row(seed=0, scores=scores | {"svm": 0.4}),
        _row(seed=1, scores=scores | {"svm": 0.6}),
        _row(method="umap", package="umap-learn", wall_s=4.0),
        _row(method="umap", package="umap-learn", data="coil20", n_samples=1440),
        _row(data="coil20", n_samples=1440, scores=scores | {"svm": 0.9}),
        _row(method="pacmap", package="pacmap", status="timeout", error="fit: late"),
    ]
    file = tmp_path / "comparison.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = subprocess.run(
        [sys.executable, str(ROOT / "asv_bench/compare/report.py"), str(file)],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    lines = done.stdout.splitlines()
    digits = lines[lines.index("### digits, 1,797 rows") :]
    by_method = {line.split(" | ")[0][2:]: line.split(" | ") for line in digits}
    pca, umap = by_method["pca"], by_method["umap"]
    assert pca[1:3] == ["2", "**0.500 ± 0.141**"]
    assert digits[2].count("| seconds | CPU seconds | seconds x umap |") == 1
    assert pca[9:12] == ["2.00 ± 0.00", "2.00 ± 0.00", "0.50"]
    assert umap[1:3] == ["1", "**0.500**"]
    assert by_method["pacmap: timeout (1)"][1:3] == ["0", "-"]

    ranks = lines[lines.index("### Mean ranks over the sets (1 is best)") :]
    # Level on digits, one ahead of the other on coil20; pacmap has no result to rank.
    assert ranks[4].startswith("| pca | 1.25 | 1.50 |")
    assert ranks[5].startswith("| umap | 1.75 | 1.50 |")
    assert ranks[7] == "Not ranked, for want of a result on every set: pacmap."


def test_report_keeps_the_latest_release():
    from asv_bench.compare.report import latest_rows

    old = _row(version="1.8", seed=1, date="2025-01-01T00:00:00+00:00")
    first = _row(date="2026-01-01T00:00:00+00:00", wall_s=9.0)
    second = _row(date="2026-01-02T00:00:00+00:00")
    assert latest_rows([second, old, first]) == [second]


def test_growth_is_told_by_sizes_and_as_a_power():
    from asv_bench.compare.report import growth_table

    def drawn(n_rows, seconds, **changes):
        changes = {"data": "synthetic50", "wall_s": seconds, **changes}
        return _row(n_rows=n_rows, n_samples=n_rows, **changes)

    rows = [
        drawn(1_000, 5.0),  # where what does not depend on the rows counts too much
        drawn(4_000, 1.0),
        drawn(16_000, 8.0),
        drawn(64_000, 64.0, peak_mib=12.0),
        drawn(4_000, 3.0, data="synthetic784"),
        drawn(16_000, 0.0, data="synthetic784", status="timeout", error="too long"),
    ]
    head, _, narrow, wide = growth_table(rows).splitlines()
    assert "1,000 rows | 4,000 rows | 16,000 rows | 64,000 rows | power, s" in head
    # 8 times the seconds for 4 times the rows, and at last 4 times the memory
    assert narrow.split(" | ")[1:] == [
        "5.0 s, 3 MiB",
        "1.0 s, 3 MiB",
        "8.0 s, 3 MiB",
        "64.0 s, 12 MiB",
        "1.50",
        "1.00 |",
    ]
    cells = ["-", "3.0 s, 3 MiB", "timeout (1)", "-", "-", "- |"]
    assert wide.split(" | ")[1:] == cells


def test_growth_is_drawn(tmp_path):
    from asv_bench.compare.page import draw_growth, growing

    rows = [_row(data="synthetic50", n_rows=n) for n in (1_000, 4_000)]
    # one size is no growth, and what was not fitted no panel
    more = [_row(data="synthetic784", n_rows=1_000)]
    more += [_row(data="synthetic784", n_rows=4_000, status="timeout")]
    assert list(growing(rows + more)) == ["synthetic50"]
    assert not growing(rows[:1] + more)
    draw_growth(rows + more, tmp_path / "growth.png")
    assert (tmp_path / "growth.png").stat().st_size > 1_000


def test_drawn_data_have_as_many_rows_as_wanted():
    from asv_bench.compare.data import load

    data = load("synthetic784", 3_000)
    assert data.X.shape == (3_000, 784)
    assert data.X.dtype == np.float32
    assert len(np.unique(data.y)) == 20
    np.testing.assert_array_equal(data.X, load("synthetic784", 3_000).X)


def test_runs_beside_which_others_worked_are_told():
    from asv_bench.compare.report import is_disturbed

    assert not is_disturbed(_row(wall_s=10.0, others_s=0.2, load=9.0))
    assert is_disturbed(_row(wall_s=10.0, others_s=2.0, load=0.0))
    # rows of before this was measured
    assert is_disturbed(_row(load=9.0))
    assert not is_disturbed(_row(load=0.1))


def test_times_beside_which_others_worked_are_compared_by_cpu_seconds():
    from asv_bench.compare.report import (
        by_method,
        embed_table,
        growth_table,
        mean_ranks,
    )

    def pair(**changes):
        return [
            _row(wall_s=1.0, cpu_s=1.0, others_s=0.0, **changes),
            _row(method="umap", wall_s=8.0, cpu_s=0.5, others_s=7.5, **changes),
        ]

    def cells(rows):
        head, _, umap, pca = embed_table(by_method(rows), "umap").splitlines()
        order = [name.strip() for name in head.split("|")]
        cells = [[cell.strip() for cell in line.split("|")] for line in (umap, pca)]
        return [dict(zip(order, line, strict=True)) for line in cells]

    # the sign of who is ahead is that of what the fits have computed themselves
    umap, pca = cells(pair())
    assert pca["seconds, for orientation only"] == "1.00"
    assert (pca["CPU seconds x umap"], umap["CPU seconds x umap"]) == ("2.00", "1.00")
    # what several threads are for is not seen in CPU seconds
    umap, pca = cells(pair(threads=2))
    assert pca["seconds x umap"] == "0.12"
    undisturbed = [row | {"others_s": 0.0} for row in pair()]
    umap, pca = cells(undisturbed)
    assert (pca["seconds"], pca["seconds x umap"]) == ("1.00", "0.12")

    head, _, first, second = mean_ranks({"one": by_method(pair())}).splitlines()
    assert head.endswith("| CPU seconds |")
    lines = [line.split(" | ") for line in (first, second)]
    ranks = {line[0].removeprefix("| "): line[-1] for line in lines}
    assert ranks == {"umap": "1.00 |", "pca": "2.00 |"}
    head = growth_table(pair(data="synthetic50", n_rows=1_000)).splitlines()
    assert "power, CPU s" in head[0] and "0.5 CPU s, 3 MiB" in head[2] + head[3]


def test_options_name_the_file_that_they_write(capsys):
    from asv_bench.compare import clustering, run

    for main, name in ((run.main, "comparison"), (clustering.main, "clustering")):
        with pytest.raises(SystemExit):
            main(["--help"])
        assert f"(default: {name}.jsonl)" in capsys.readouterr().out
