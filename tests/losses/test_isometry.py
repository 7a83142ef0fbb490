# SPDX-License-Identifier: BSD-3-Clause


import numpy as np
import pytest
import torch
from torch import nn
from torch.autograd.functional import jacobian

from skmanifold.losses import (
    isometry_loss,
    jacobian_vector_product,
    vector_jacobian_product,
)
from skmanifold.nn import MLP, ConvDecoder, ConvEncoder

ACTIVATIONS = [nn.SiLU, nn.GELU, nn.Tanh, lambda: nn.Softplus(beta=3.0)]


def chain(activation, n_in=3, n_out=4, seed=0):
    torch.manual_seed(seed)
    layers = [nn.Linear(n_in, 7), activation(), nn.Identity()]
    layers += [nn.Sequential(nn.Linear(7, 5), activation()), nn.Linear(5, n_out)]
    return [layer.double() for layer in layers]


class Opaque(nn.Module):
    """The same chain, as a module of unknown content."""

    def __init__(self, layers):
        super().__init__()
        self.layers = nn.ModuleList(layers)

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return x


def draws(n, d, n_out):
    generator = torch.Generator().manual_seed(1)
    return (
        torch.randn(n, d, generator=generator, dtype=torch.float64),
        torch.randn(n, n_out, generator=generator, dtype=torch.float64),
    )


def jacobians_of(network, x):
    """Jacobians by automatic differentiation, one row at a time."""
    network = Opaque(network) if isinstance(network, list) else network
    return torch.stack(
        [jacobian(lambda row: network(row.unsqueeze(0))[0], row) for row in x]
    )


# -- the losses


def test_losses_are_the_formula():
    rows = np.random.RandomState(0).randn(20, 3)
    expected = sum((np.linalg.norm(row) - 1) ** 2 for row in rows) / 20
    assert isometry_loss(torch.from_numpy(rows)).item() == pytest.approx(expected)


def test_a_vanishing_tangent_has_a_finite_gradient():
    rows = torch.zeros(2, 3, requires_grad=True)
    (gradient,) = torch.autograd.grad(isometry_loss(rows), rows)
    assert torch.isfinite(gradient).all()


# -- the products: by hand, and by two ways of differentiating


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_two_routes_and_jacobians_agree(activation):
    layers = chain(activation)
    x, weights = draws(6, 3, 4)
    _, directions = draws(6, 4, 3)
    jacobians = jacobians_of(layers, x)

    outputs, tangents = jacobian_vector_product(layers, x, directions)
    expected = torch.einsum("noi,ni->no", jacobians, directions)
    torch.testing.assert_close(tangents, expected)
    torch.testing.assert_close(outputs, Opaque(layers)(x))
    again, other_route = jacobian_vector_product(Opaque(layers), x, directions)
    torch.testing.assert_close(other_route, tangents, rtol=1e-12, atol=1e-13)
    assert torch.equal(again, outputs)

    outputs, cotangents = vector_jacobian_product(layers, x, weights)
    expected = torch.einsum("noi,no->ni", jacobians, weights)
    torch.testing.assert_close(cotangents, expected)
    again, other_route = vector_jacobian_product(Opaque(layers), x, weights)
    torch.testing.assert_close(other_route, cotangents, rtol=1e-12, atol=1e-13)
    torch.testing.assert_close(again, outputs)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("product", [jacobian_vector_product, vector_jacobian_product])
def test_gradients_of_the_two_routes_agree(activation, product):
    layers = chain(activation)
    x, weights = draws(6, 3, 4)
    if product is jacobian_vector_product:
        _, weights = draws(6, 4, 3)
    parameters = list(Opaque(layers).parameters())

    def gradients(network):
        outputs, derivatives = product(network, x, weights)
        loss = isometry_loss(derivatives) + outputs.square().sum()
        return torch.autograd.grad(loss, parameters)

    for a, b in zip(gradients(layers), gradients(Opaque(layers)), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(
    "network, n_in, n_out",
    [
        (MLP(3, 4, layers=(6, 5), norm="layer"), 3, 4),
        (ConvEncoder((8, 9), 2, channels=(3,)), 72, 2),
        (ConvDecoder(2, (9, 8), channels=(3,)), 2, 72),
        (nn.Sequential(nn.Linear(3, 5), nn.GELU("tanh"), nn.Linear(5, 4)), 3, 4),
    ],
    ids=["mlp", "conv encoder", "conv decoder", "another gelu"],
)
def test_any_module_is_differentiated(network, n_in, n_out):
    torch.manual_seed(0)
    network = network.double()
    x, weights = draws(3, n_in, n_out)
    _, directions = draws(3, n_out, n_in)
    jacobians = jacobians_of(network, x)
    _, tangents = jacobian_vector_product(network, x, directions)
    expected = torch.einsum("noi,ni->no", jacobians, directions)
    torch.testing.assert_close(tangents, expected)
    _, cotangents = vector_jacobian_product(network, x, weights)
    expected = torch.einsum("noi,no->ni", jacobians, weights)
    torch.testing.assert_close(cotangents, expected)


def test_known_chains_use_explicit_products():
    """The hidden layers and the head of an MLP, without a graph of the inputs."""
    network = MLP(3, 4, layers=(6, 5), norm="none", activation="silu").double()
    x, u = draws(3, 3, 3)
    with torch.inference_mode():
        _, tangents = jacobian_vector_product([network.hidden, network.head], x, u)
    _, expected = jacobian_vector_product(network, x, u)
    torch.testing.assert_close(tangents.clone(), expected, rtol=1e-12, atol=1e-14)


def test_a_subclass_is_not_taken_for_its_parent():
    class Doubled(nn.Linear):
        def forward(self, x):
            return 2 * super().forward(x)

    layer = Doubled(2, 2).double()
    x, u = draws(3, 2, 2)
    _, tangents = jacobian_vector_product([layer], x, u)
    torch.testing.assert_close(tangents, 2 * u @ layer.weight.t())


@pytest.mark.parametrize("nested", [False, True])
def test_hooks_are_not_passed_over(nested):
    layer = nn.Linear(2, 2).double()
    layer.register_forward_hook(lambda module, inputs, output: 3 * output)
    network = nn.Sequential(nn.Sequential(layer)) if nested else layer
    x, u = draws(3, 2, 2)
    _, tangents = jacobian_vector_product([network], x, u)
    torch.testing.assert_close(tangents, 3 * u @ layer.weight.t())
    _, cotangents = vector_jacobian_product([network], x, u)
    torch.testing.assert_close(cotangents, 3 * u @ layer.weight)
