# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""The loops of plain torch compute what ours do, and epochs are told apart."""

import re

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from asv_bench.compare import speed, targets
from skmanifold.losses import chart_mmd


def test_the_plain_mmd_has_the_gradient_of_ours():
    g = torch.Generator().manual_seed(0)
    q = torch.rand(12, 3, generator=g).softmax(1).requires_grad_()
    y = torch.rand(12, 3, 2, generator=g).requires_grad_()
    draws = torch.rand(6, 3, 2, generator=g)
    ours = torch.autograd.grad(chart_mmd(q, y, draws), (q, y))
    plain = torch.autograd.grad(speed.plain_mmd(q, y, draws, 2 / 24), (q, y))
    for a, b in zip(ours, plain, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)


def test_operations_of_a_step_are_those_of_its_products():
    compute, count = speed.products((5, 4, 3), 10, (torch.float32, torch.bfloat16))
    with FlopCounterMode(display=False) as counter:
        compute()
    assert count == counter.get_total_flops()


@pytest.mark.parametrize("method", ["AtlasAE", "DCRL", "MSimCLR"])
def test_both_sides_of_an_epoch_are_timed(method, monkeypatch):
    monkeypatch.setattr(speed, "ROUNDS", 1)
    monkeypatch.setattr(speed, "EPOCHS", 2)
    found = speed.epochs(method, "digits", 300, 0)
    assert found["ours s"] > 0 and found["other s"] > 0
    assert np.isclose(found["ratio"], found["ours s"] / found["other s"])


def test_groups_of_operators():
    groups = {
        "aten::addmm": "products",
        "aten::add_": "elementwise and sums",
        "aten::native_layer_norm_backward": "norms",
        "aten::_fused_adamw_": "optimiser",
        "autograd::engine::evaluate_function: MulBackward0": "autograd",
        "aten::something_new": "other",
    }
    assert {name: speed.group_of(name) for name in groups} == groups


def test_shares_of_training_add_up(monkeypatch):
    monkeypatch.setattr(speed, "EPOCHS", 2)
    found = speed.shares("DLME", "digits", 300, 0)
    shares = [found[name] for name in (*speed.GROUPS, "other")]
    assert sum(shares) == pytest.approx(1)
    assert min(found[name] for name in ("products", "norms", "step ms")) > 0


def test_seconds_of_an_import():
    found = speed.imports("import sklearn.base", "-", None, 0)
    # a module is imported once
    assert 0 <= found["beyond s"] < 0.1 * found["alone s"]


def test_a_table_for_each_part_that_was_measured():
    job = {"part": "row", "method": "DLME", "data": "digits", "rows": None, "seed": 0}
    found = {"one row, ms": 2.0, "network of a row, ms": 1.0}
    tables = speed.tables([{"job": job, "found": found}])
    assert list(tables) == ["row"]
    assert "| DLME | digits | all | 1 | 2.00 | 1.00 |" in tables["row"]


def embedded(method, seconds, **changes):
    return {
        "task": "embed",
        "method": method,
        "data": "mnist",
        "n_samples": 70_000,
        "threads": 2,
        "input": "raw" if method == "dlme" else "usual",
        "params": {},
        "wall_s": seconds,
        "peak_mib": 400.0,
        "n_features": 784,
        "scores": dict.fromkeys(targets.RANKED, 0.5),
        **changes,
    }


def test_targets_are_met_or_not_by_what_was_measured():
    rows = [
        embedded("dlme", 30.0),
        embedded("dlme", 90.0, threads=1),
        embedded("dlme", 1.0, params={"max_epochs": 1}),
        embedded("umap-unseeded", 60.0, scores=dict.fromkeys(targets.RANKED, 0.7)),
        embedded("pacmap-unseeded", 20.0),
    ]
    of_atlas = {"part": "epochs", "method": "AtlasAE", "rows": None}
    found = targets.target_table(rows, [{"job": of_atlas, "found": {"ratio": 0.2}}])
    measured = [line.split(" | ")[2:5] for line in found.splitlines()[2:]]
    # seconds and scores, of either peer; memory, of 70,000 x 784 numbers of four bytes
    assert measured == [
        ["0.2", "0.5", "yes"],
        *[["", "-0.2", "no"]] * 4,
        ["0.3", "1.5", "no"],
        *[["", "0", "yes"]] * 4,
        ["1.5", "1.91", "yes"],
        ["0.25", "0.2", "yes, and the moonshot"],
    ]


@pytest.mark.parametrize(
    "what, why",
    [
        ("seconds of dlme on 70,000 rows", "on one thread"),
        ("seconds of dlme-2-threads on 70,000 rows", "a second thread"),
        ("share of the matrix products in a step of DLME", "tiles"),
        ("transform of one row by DLME, ms", "in a block"),
        ("something else", "^$"),
    ],
)
def test_a_missed_target_has_its_reason(what, why):
    assert re.search(why, targets.reason(what))


@pytest.mark.parametrize("scores, within", [((0.5, 0.8), True), ((0.6, 0.64), False)])
def test_a_target_may_be_missed_by_less_than_seeds_differ(scores, within):
    rows = [
        *(
            embedded("dlme", 30.0, scores=dict.fromkeys(targets.RANKED, score))
            for score in scores
        ),
        embedded("umap-unseeded", 60.0, scores=dict.fromkeys(targets.RANKED, 0.7)),
    ]
    lines = targets.target_table(rows, []).splitlines()
    (line,) = (line for line in lines if "trustworthiness" in line)
    assert ("less than the seeds" in line) == within
    assert ("smoother" in line) != within


def test_without_measurements_there_is_no_table_of_targets():
    assert targets.target_table([], []) is None
