# SPDX-License-Identifier: BSD-3-Clause

"""Tables and plots of the documentation, from the kept rows."""

import pytest

from asv_bench.compare import report


@pytest.fixture(scope="module")
def rows():
    return report.read()


def row(method, data="digits", *, result=(), **changes):
    job = {"task": "embed", "method": method, "data": data, "n_rows": None}
    job |= {"seed": 0, "threads": 1, **changes}
    return {"job": job, "found": {"n_samples": 1797, **dict(result)}}


def test_pages_hold_the_tables_of_the_kept_rows(rows):
    names = []
    for page in report.pages():
        text = page.read_text(encoding="utf-8")
        assert report.filled(text, rows) == text, f"{page.name}: write the report anew"
        names += [name for _, name, _ in report.BLOCK.findall(text)]
    assert sorted(names) == sorted(report.BLOCKS)


def test_unknown_block_is_an_error(rows):
    text = ".. results: nothing\n\n.. end of results\n"
    with pytest.raises(ValueError, match="no results 'nothing'"):
        report.filled(text, rows)


def test_variant_with_most_seeds_on_most_threads_counts():
    fits = [row("dlme", threads=2), row("dlme"), row("umap", threads=2)]
    fits += [row("umap-unseeded", threads=2, seed=seed) for seed in range(2)]
    fits += [row("pacmap", data="mnist", threads=2), row("pca", n_rows=10, threads=2)]
    groups = report.on_set({"embedding": fits}, "digits")
    assert groups == {"DLME": fits[:1], "UMAP": fits[3:5]}


@pytest.mark.parametrize(
    ("ours", "theirs", "sign", "side"),
    [
        ([3.0, 5.0], [1.0], 1, 1),
        ([3.0, 5.0], [1.0], -1, -1),
        ([3.0, 5.0], [3.0], 1, 0),
        ([1.0], [1.1], 1, -1),
    ],
)
def test_better_is_beyond_a_standard_deviation(ours, theirs, sign, side):
    assert report.side(ours, theirs, sign) == side


def test_ranks_are_means_over_the_sets_that_all_methods_embedded():
    def measured(method, score, **changes):
        return row(method, result=dict.fromkeys(report.PLOTTED, score), **changes)

    def lines(*scores, **changes):
        methods = ("dlme", "umap", "opentsne", "pacmap")
        return [
            measured(*pair, **changes) for pair in zip(methods, scores, strict=False)
        ]

    fits = lines(0.9, 0.8, 0.7, 0.7) + lines(0.6, 0.8, 0.7, 0.5, n_rows=100)
    fits += lines(0.1, 0.9, 0.9, data="mnist")
    table = report.ranks({"embedding": fits})
    assert "over digits, digits (100 samples);" in table
    assert '"linear SVM", "2.00", "1.50", "2.75", "3.75"' in table


def test_time_is_cpu_seconds_on_one_thread():
    assert report.time_of([row("dlme"), row("umap")]) == "cpu_s"
    assert report.time_of([row("dlme", threads=2)]) == "wall_s"


def test_jobs_beside_other_work_are_disturbed():
    def disturbed(wall_s, others_s, load):
        result = {"wall_s": wall_s, "others_s": others_s}
        about = {"load": load, "machine": {"cores": 2}}
        return report.is_disturbed({"found": result, **about})

    assert not disturbed(10.0, 0.2, 9.0)
    assert disturbed(10.0, 2.0, 0.0)
    # rows from before others_s was measured
    assert disturbed(10.0, None, 9.0)
    assert not disturbed(10.0, None, 0.1)


@pytest.mark.parametrize("plot", [report.plot_scores, report.plot_growth])
def test_plots_are_written(rows, tmp_path, plot):
    path = tmp_path / "plot.png"
    plot(rows, path)
    assert path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
