# SPDX-License-Identifier: BSD-3-Clause

"""Measurements in new processes, the file of their rows, and tables of means."""

import os

import numpy as np
import pytest

from asv_bench.compare import parts, runner, tables
from asv_bench.compare.process import measured

JOB = {"method": "k-means", "data": "digits", "seed": 0}
N_CORES = len(getattr(os, "sched_getaffinity", lambda _: range(os.cpu_count()))(0))


def options(path, *arguments):
    parser = runner.make_parser("unused", "")
    return parser.parse_args(["--out", str(path), *arguments])


def test_a_measurement_runs_once_and_is_kept_with_its_circumstances(tmp_path, capfd):
    path = tmp_path / "deep" / "file.jsonl"
    rows = runner.carry_out("clustering", [JOB], options(path))
    assert [row["job"] for row in rows] == [JOB]
    (row,) = rows
    assert 0.5 < row["found"]["ACC"] < 1
    assert set(row["git"]) == {"commit", "dirty", "source"}
    assert set(row["machine"]) == {"cpu", "flags", "cores", "memory_gib", "platform"}
    assert {"versions", "threads", "load", "date"} <= set(row)
    assert len(row["cores"]) == row["threads"] == 1
    assert row["cpu_s"] > 0 and row["peak_mib"] > 0
    before = path.read_text()
    assert runner.carry_out("clustering", [JOB], options(path)) == rows
    assert path.read_text() == before
    other = [{"other": 1}]
    assert runner.carry_out("clustering", other, options(path, "--table")) == rows


def test_failures_are_rows_and_run_again_on_request(tmp_path, capfd):
    path = tmp_path / "file.jsonl"
    job = {"method": "unheard of", "data": "nowhere", "seed": 0}
    for arguments in ([], [], ["--retry", "--timeout", "0.01"]):
        assert runner.carry_out("clustering", [job], options(path, *arguments)) == []
    error, late = runner.read_rows(path)
    assert (error["status"], late["status"]) == ("error", "timeout")
    assert "nowhere" in error["error"]
    assert "0.01 s" in late["error"]


def test_two_commands_do_not_share_a_file(tmp_path):
    path = tmp_path / "file.jsonl"
    with (
        runner.alone(path),
        pytest.raises(SystemExit, match="Another command is writing"),
    ):
        runner.carry_out("clustering", [JOB], options(path))


@pytest.mark.parametrize("n", [0, N_CORES + 1])
def test_cores_that_are_not_there_are_refused(tmp_path, n):
    wanted = options(tmp_path / "file.jsonl", "--threads", str(n))
    with pytest.raises(ValueError, match="--threads"):
        runner.carry_out("clustering", [JOB], wanted)


def test_damaged_file_names_the_line(tmp_path):
    file = tmp_path / "file.jsonl"
    file.write_text('{"job": {}}\n{"schema": 1, "task\n')
    with pytest.raises(ValueError, match="line 2 is not JSON"):
        runner.read_rows(file)


def test_the_latest_of_two_measurements_counts():
    rows = [
        {"job": {"a": 1}, "status": "ok", "found": {"x": 1.0}},
        {"job": {"a": 2}, "status": "error"},
        {"job": {"a": 1}, "status": "ok", "found": {"x": 2.0}},
    ]
    assert runner.latest(rows) == [rows[2]]


@pytest.mark.parametrize("package", ["umap-learn", "skmanifold"])
def test_seeds_of_one_measurement_come_from_one_release(package):
    def row(seed, release, date):
        version, source = (release, "x") if package == "umap-learn" else ("1", release)
        return {
            "job": {"method": "m", "seed": seed},
            "status": "ok",
            "date": date,
            "found": {"package": package, "version": version},
            "git": {"source": source},
        }

    old, new = row(1, "old", "2025"), row(0, "new", "2026")
    assert runner.latest([new, old]) == [new]
    assert runner.latest([new, row(1, "new", "2025")]) == [new, row(1, "new", "2025")]


def test_a_table_has_means_over_the_seeds():
    rows = [
        {"job": {"who": "a", "seed": 0}, "found": {"x": 1.0}, "cpu_s": 3.0},
        {"job": {"who": "a", "seed": 1}, "found": {"x": 2.0}, "cpu_s": 3.0},
        {"job": {"who": None, "seed": 0}, "found": {}, "cpu_s": 1.0},
    ]
    columns = {"x": 1, "never measured": 1, "cpu_s": 0}
    table = tables.mean_table(rows, ("who",), columns, default="all")
    assert tables.markdown(table).splitlines() == [
        "| who | seeds | x | CPU s |",
        "| --- | ---: | ---: | ---: |",
        "| a | 2 | 1.5 ± 0.7 | 3 ± 0 |",
        "| all | 1 | - | 1 |",
    ]
    assert tables.csv_table([["a", 'b "c"'], ["1", "2, 3"]]).splitlines() == [
        ".. csv-table::",
        "   :header-rows: 1",
        "",
        '   "a", "b ""c"""',
        '   "1", "2, 3"',
    ]


def test_a_part_has_jobs_and_a_table():
    entries = {"data": ("digits", "mnist"), "n_charts": (None,)}
    parts_ = {"flat": parts.Part(None, entries, {"x": 1})}
    parser = parts.make_parts_parser("unused", "", parts_)

    def jobs(*arguments):
        return list(parts_["flat"].jobs(parser.parse_args(arguments)))

    assert jobs() == [{"data": "digits"}, {"data": "mnist"}]
    assert jobs("--data", "coil20", "--n_charts", "4", "8") == [
        {"data": "coil20", "n_charts": 4},
        {"data": "coil20", "n_charts": 8},
    ]
    rows = [
        {"job": {"part": part, "data": data, "seed": 0}, "found": {"x": x}}
        for part, data, x in [
            *(("flat", "coil20", 3), ("flat", "mnist", 2)),
            *(("flat", "digits", 1), ("round", "digits", 9)),
        ]
    ]
    assert parts.table_of(parts_, "flat", rows) == [
        ["data", "n_charts", "seeds", "x"],
        ["digits", "-", "1", "1.0"],
        ["mnist", "-", "1", "2.0"],
        ["coil20", "-", "1", "3.0"],
    ]


def test_peak_memory_is_seen():
    result, figures = measured(lambda: np.ones((64, 2**17)).sum())
    assert result == 64 * 2**17
    assert 60 < figures["peak_mib"] < 100
    assert figures["wall_s"] > 0
