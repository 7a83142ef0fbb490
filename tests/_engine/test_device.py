# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

import pytest
import torch

from skmanifold._engine import resolve_device, resolve_precision


def test_auto_is_the_gpu_where_there_is_one():
    expected = "cuda" if torch.cuda.is_available() else "cpu"
    assert resolve_device("auto").type == expected


def test_unknown_name():
    with pytest.raises(ValueError, match="device='gpu' is not a device"):
        resolve_device("gpu")


@pytest.mark.parametrize("device", ["cuda:99", "xpu"])
def test_absent_device(device):
    with pytest.raises(ValueError, match=f"device='{device}' is not available"):
        resolve_device(device)


def test_precision():
    cpu = torch.device("cpu")
    assert resolve_precision("float32", cpu) is torch.float32
    assert resolve_precision("bfloat16", cpu) is torch.bfloat16
    amx = torch.cpu._is_amx_tile_supported()
    expected = torch.bfloat16 if amx else torch.float32
    assert resolve_precision("auto", cpu) is expected
