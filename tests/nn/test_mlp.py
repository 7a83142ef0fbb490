# SPDX-License-Identifier: BSD-3-Clause

import pytest
import torch

from skmanifold.nn import MLP


def test_no_hidden_layers_is_a_linear_map():
    mlp = MLP(3, 2, layers=())
    x = torch.eye(3)
    torch.testing.assert_close(mlp(x), mlp.head.weight.t() + mlp.head.bias)


def test_the_network_is_the_composition_of_its_layers():
    torch.manual_seed(0)
    mlp = MLP(3, 2, layers=(5,), norm="none", activation="relu")
    x = torch.randn(4, 3)
    hidden = torch.relu(x @ mlp.hidden[0].weight.t() + mlp.hidden[0].bias)
    expected = hidden @ mlp.head.weight.t() + mlp.head.bias
    torch.testing.assert_close(mlp(x), expected)


def test_output_norm_standardizes_columns():
    torch.manual_seed(0)
    y = MLP(3, 4, layers=(8,), output_norm="batch")(torch.randn(64, 3))
    torch.testing.assert_close(y.mean(0), torch.zeros(4), atol=1e-5, rtol=0)
    torch.testing.assert_close(
        y.var(0, unbiased=False), torch.ones(4), rtol=1e-3, atol=0
    )


@pytest.mark.parametrize("norm", ["layer", "batch", "none"])
@pytest.mark.parametrize("activation", ["gelu", "silu", "relu", "leaky_relu", "tanh"])
def test_head_stays_in_full_precision_under_autocast(norm, activation):
    torch.manual_seed(0)
    mlp = MLP(3, 2, layers=(8,), norm=norm, activation=activation)
    seen = []
    mlp.hidden[0].register_forward_hook(lambda *args: seen.append(args[2].dtype))
    with torch.autocast("cpu", torch.bfloat16):
        out = mlp(torch.randn(16, 3))
    assert seen == [torch.bfloat16]
    assert out.dtype == torch.float32
    assert not torch.equal(out, out.bfloat16().float()), "not on bfloat16's grid"


@pytest.mark.parametrize(
    "sizes, match",
    [
        ({"n_in": 0}, "n_in=0 and n_out=2 must be positive"),
        ({"n_out": 2.5}, "n_out=2.5 must be positive integers"),
        ({"layers": (16, 0)}, r"layers=\(16, 0\) must be a sequence of positive"),
        ({"layers": (True,)}, r"layers=\(True,\) must be a sequence of positive"),
    ],
)
def test_wrong_widths_are_refused(sizes, match):
    with pytest.raises(ValueError, match=match):
        MLP(**{"n_in": 3, "n_out": 2, **sizes})
