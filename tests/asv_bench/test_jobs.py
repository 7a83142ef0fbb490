# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""Measurements in new processes, and the file and the table of them."""

import argparse
import json

from asv_bench.compare import jobs


def options(path, *arguments):
    parser = argparse.ArgumentParser()
    jobs.add_options(parser, "unused.jsonl")
    return parser.parse_args(["--out", str(path), *arguments])


def test_a_measurement_is_made_once_and_kept_with_its_circumstances(tmp_path, capfd):
    path = tmp_path / "deep" / "file.jsonl"
    job = {"method": "k-means", "data": "digits", "seed": 0}
    rows = jobs.carry_out("clustering", [job], options(path))
    assert [row["job"] for row in rows] == [job]
    assert 0.5 < rows[0]["found"]["ACC"] < 1
    assert {"git", "machine", "versions", "threads", "load", "date"} <= set(rows[0])
    assert rows[0]["cpu_s"] > 0 and rows[0]["peak_mib"] > 0
    before = path.read_text()
    assert jobs.carry_out("clustering", [job], options(path)) == rows
    assert path.read_text() == before
    assert (
        jobs.carry_out("clustering", [{"other": 1}], options(path, "--table")) == rows
    )


def test_failures_are_told_and_tried_again(tmp_path, capfd):
    path = tmp_path / "file.jsonl"
    job = {"method": "unheard of", "data": "nowhere", "seed": 0}
    for _ in range(2):
        assert jobs.carry_out("clustering", [job], options(path)) == []
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["status"] for line in lines] == ["error", "error"]
    assert "nowhere" in lines[0]["error"]
    late = options(path, "--timeout", "0.01")
    assert jobs.carry_out("clustering", [job], late) == []
    assert json.loads(path.read_text().splitlines()[-1])["status"] == "timeout"


def test_the_latest_of_two_measurements_counts():
    rows = [
        {"job": {"a": 1}, "status": "ok", "found": {"x": 1.0}},
        {"job": {"a": 2}, "status": "error"},
        {"job": {"a": 1}, "status": "ok", "found": {"x": 2.0}},
    ]
    assert jobs.latest(rows) == [rows[2]]


def test_table_of_means():
    rows = [
        {"job": {"who": "a", "seed": 0}, "found": {"x": 1.0}, "cpu_s": 3.0},
        {"job": {"who": "a", "seed": 1}, "found": {"x": 2.0}, "cpu_s": 3.0},
        {"job": {"who": "b", "seed": 0}, "found": {}, "cpu_s": 1.0},
    ]
    columns = {"x": 1, "never measured": 1, "cpu_s": 0}
    assert jobs.markdown(rows, ("who",), columns).splitlines() == [
        "| who | seeds | x | cpu_s |",
        "|---|---:|---:|---:|",
        "| a | 2 | 1.5 ± 0.7 | 3 ± 0 |",
        "| b | 1 | - | 1 |",
    ]


def test_the_page_of_results_is_that_of_the_kept_measurements():
    from asv_bench.compare.page import PAGE, RESULTS, page

    assert PAGE.read_text(encoding="utf-8") == page(RESULTS)


def test_the_figures_of_the_readme_are_those_of_the_kept_measurements():
    from asv_bench.compare.page import MARKS, README, RESULTS, readme

    text = README.read_text(encoding="utf-8")
    assert text.split(MARKS[0])[1].split(MARKS[1])[0] == readme(RESULTS)


def test_the_readme_is_written_between_its_marks(tmp_path):
    from asv_bench.compare.page import MARKS, RESULTS, main, readme

    file = tmp_path / "README.md"
    file.write_text("above\n" + MARKS[0] + "old\n" + MARKS[1] + "\nbelow\n")
    main(["--page", str(tmp_path / "results.rst"), "--readme", str(file)])
    assert file.read_text() == (
        "above\n" + MARKS[0] + readme(RESULTS) + MARKS[1] + "\nbelow\n"
    )


def test_markdown_tables_become_rst():
    from asv_bench.compare.page import to_rst

    assert to_rst("| a | b |\n| --- | ---: |\n| 1 |  |").splitlines() == [
        ".. list-table::",
        "   :header-rows: 1",
        "",
        "   * - a",
        "     - b",
        "   * - 1",
        "     -",
    ]
