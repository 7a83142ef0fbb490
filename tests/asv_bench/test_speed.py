# SPDX-License-Identifier: BSD-3-Clause

"""The loops of plain torch compute what ours do, and epochs are separated."""

import numpy as np
import pytest
import torch

from asv_bench.compare import plain_loops, speed
from skmanifold.losses import chart_mmd


def test_the_plain_mmd_has_the_gradient_of_ours():
    g = torch.Generator().manual_seed(0)
    q = torch.rand(12, 3, generator=g).softmax(1).requires_grad_()
    y = torch.rand(12, 3, 2, generator=g).requires_grad_()
    draws = torch.rand(6, 3, 2, generator=g)
    ours = torch.autograd.grad(chart_mmd(q, y, draws), (q, y))
    plain = torch.autograd.grad(plain_loops.plain_mmd(q, y, draws, 2 / 24), (q, y))
    for a, b in zip(ours, plain, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("method", ["AtlasAE", "DCRL", "MSimCLR"])
def test_both_sides_of_an_epoch_are_timed(method, monkeypatch):
    monkeypatch.setattr(speed, "ROUNDS", 1)
    monkeypatch.setattr(speed, "EPOCHS", 2)
    result = speed.epochs(method, "digits", 0, 300)
    assert result["ours s"] > 0 and result["other s"] > 0
    assert np.isclose(result["ratio"], result["ours s"] / result["other s"])


def test_operators_are_grouped():
    groups = {
        "aten::addmm": "products",
        "aten::add_": "elementwise and sums",
        "aten::native_layer_norm_backward": "norms",
        "aten::_fused_adamw_": "optimizer",
        "autograd::engine::evaluate_function: MulBackward0": "autograd",
        "aten::something_new": "other",
    }
    assert {name: speed.group_of(name) for name in groups} == groups


def test_shares_of_training_add_up(monkeypatch):
    monkeypatch.setattr(speed, "EPOCHS", 2)
    result = speed.shares("DLME", "digits", 0, 300)
    shares = [result[name] for name in (*speed.GROUPS, "other")]
    assert sum(shares) == pytest.approx(1)
    assert min(result[name] for name in ("products", "norms", "step ms")) > 0


def test_seconds_of_an_import(monkeypatch):
    monkeypatch.setattr(speed, "ROUNDS", 1)
    result = speed.imports("import sklearn.base", 0)
    # a module is imported once
    assert 0 <= result["beyond s"] < 0.1 * result["alone s"]
