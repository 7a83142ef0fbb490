# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

import pytest
import torch

from skmanifold.nn import BatchNorm, LayerNorm

REFERENCE = {LayerNorm: torch.nn.LayerNorm, BatchNorm: torch.nn.BatchNorm1d}


@pytest.mark.parametrize("norm", [LayerNorm, BatchNorm])
def test_values_and_gradients_are_torchs(norm):
    generator = torch.Generator().manual_seed(0)
    ours, theirs = norm(6).double(), REFERENCE[norm](6).double()
    with torch.no_grad():
        for module in (ours, theirs):
            module.weight.copy_(torch.arange(1.0, 7.0))
            module.bias.copy_(torch.arange(6.0))
    grad = torch.randn(9, 6, dtype=torch.float64, generator=generator)
    x = 5 + torch.randn(9, 6, dtype=torch.float64, generator=generator)
    outputs, inputs = [], []
    for module in (ours, theirs):
        inputs.append(x.clone().requires_grad_())
        outputs.append(module(inputs[-1]))
        outputs[-1].backward(grad)
    torch.testing.assert_close(*outputs)
    torch.testing.assert_close(inputs[0].grad, inputs[1].grad)
    torch.testing.assert_close(ours.weight.grad, theirs.weight.grad)
    torch.testing.assert_close(ours.bias.grad, theirs.bias.grad)
    torch.testing.assert_close(ours.eval()(x), theirs.eval()(x))


@pytest.mark.parametrize("norm", [LayerNorm, BatchNorm])
@pytest.mark.parametrize("affine", [True, False])
def test_gradcheck(norm, affine):
    module = norm(4, affine=affine).double()
    x = torch.randn(
        5, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0)
    )
    assert torch.autograd.gradcheck(module, x.requires_grad_())
    assert len(list(module.parameters())) == 2 * affine


@pytest.mark.parametrize("norm", [LayerNorm, BatchNorm])
def test_bits_do_not_depend_on_threads(norm):
    def gradients(n_threads):
        torch.set_num_threads(n_threads)
        generator = torch.Generator().manual_seed(0)
        x = torch.randn(500, 256, generator=generator).requires_grad_()
        module = norm(256)
        out = module(x)
        out.backward(torch.randn(500, 256, generator=generator))
        return out, x.grad, module.weight.grad, module.bias.grad

    one = gradients(1)
    for n_threads in (2, 4):
        for a, b in zip(one, gradients(n_threads), strict=True):
            assert torch.equal(a, b)


def test_batch_norm_of_a_constant_column_is_finite():
    module = BatchNorm(2)
    x = torch.zeros(5, 2, requires_grad=True)
    module(x).sum().backward()
    assert torch.equal(module(x), torch.zeros(5, 2))
    assert torch.isfinite(x.grad).all()


@pytest.mark.parametrize("norm", [LayerNorm, BatchNorm])
def test_half_precision_in_half_precision_out(norm):
    x = torch.randn(8, 4, generator=torch.Generator().manual_seed(0)).bfloat16()
    assert norm(4)(x).dtype == torch.bfloat16
