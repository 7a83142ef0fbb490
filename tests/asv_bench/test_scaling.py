# SPDX-License-Identifier: BSD-3-Clause

"""Fits in several processes, measured."""

import json
import socket

import pytest

from asv_bench.compare import scaling


def test_a_process_writes_its_figures(monkeypatch, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    group = {"RANK": 0, "WORLD_SIZE": 1, "MASTER_ADDR": "127.0.0.1"}
    for name, value in {**group, "MASTER_PORT": port, "OMP_NUM_THREADS": 1}.items():
        monkeypatch.setenv(name, str(value))
    job = {"network": "default", "batch_size": 20, "rows": 60, "epochs": 3, "seed": 0}
    scaling.fit(job, tmp_path / "found.json")
    result = json.loads((tmp_path / "found.json").read_text())
    assert result["rows/s"] > 0
    assert result["fit s"] > 2 * 60 / result["rows/s"]
    assert 0 < result["CPU ms/step"] < 1e3 * result["fit s"]


def test_arithmetic_counts_the_networks_of_the_method():
    from skmanifold import DLME

    model = DLME(structure_layers=scaling.NETWORKS["default"], norm="none")
    encoder = model._make_networks({"n_inputs": 64, "few": 0})["encoder"]
    weights = sum(p.numel() for p in encoder.parameters())
    alone, shared = (scaling.arithmetic((256, 128), 64, 64, 2, 250, n) for n in (1, 4))
    assert alone["GFLOP"] == pytest.approx(6e-9 * weights * 500)
    assert shared["GFLOP"] == pytest.approx(alone["GFLOP"] / 4)
    assert alone["MB"] == 0
    assert shared["MB"] == pytest.approx(8e-6 * ((128 + 64 + 2) * 500 + weights))


def test_speed_up_is_against_the_fewest_processes():
    rows = [
        {"job": {"processes": p, "seed": s}, "found": {"rows/s": rate}}
        for p, s, rate in [(2, 0, 30.0), (1, 0, 20.0), (4, 0, 50.0), (2, 1, 8.0)]
    ]
    ratios = [row["found"]["speed-up"] for row in scaling.with_speed_up(rows)]
    assert ratios == [1.5, 1.0, 2.5, 1.0]
