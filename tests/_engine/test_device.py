# SPDX-License-Identifier: BSD-3-Clause

import pytest
import torch

from skmanifold._engine import resolve_device, resolve_precision
from skmanifold._engine._device import _multiplies_bfloat16


def test_auto_is_the_gpu_where_there_is_one():
    expected = "cuda" if torch.cuda.is_available() else "cpu"
    assert resolve_device("auto").type == expected


def test_unknown_devices_are_refused():
    with pytest.raises(ValueError, match="device='gpu' is not a device"):
        resolve_device("gpu")


@pytest.mark.parametrize("device", ["cuda:99", "xpu"])
def test_absent_devices_are_refused(device):
    with pytest.raises(ValueError, match=f"device='{device}' is not available"):
        resolve_device(device)


def test_a_named_precision_is_taken():
    cpu = torch.device("cpu")
    assert resolve_precision("float32", cpu) is torch.float32
    assert resolve_precision("bfloat16", cpu) is torch.bfloat16


@pytest.mark.parametrize(
    "capabilities, expected",
    [
        ({"cpu_name": "Intel Xeon", "avx512_bf16": True}, "float32"),
        ({"cpu_name": "Intel Xeon", "avx512_bf16": True, "amx_bf16": True}, "bfloat16"),
        ({"cpu_name": "AMD EPYC", "avx512_bf16": True}, "bfloat16"),
        ({"cpu_name": "AMD EPYC", "avx512_bf16": False}, "float32"),
        ({"cpu_name": "Neoverse", "bf16": True}, "float32"),
    ],
)
def test_the_processor_decides_the_precision(monkeypatch, capabilities, expected):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    _multiplies_bfloat16.cache_clear()
    try:
        precision = resolve_precision("auto", torch.device("cpu"))
    finally:
        _multiplies_bfloat16.cache_clear()
    assert precision is getattr(torch, expected)
