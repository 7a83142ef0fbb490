# SPDX-License-Identifier: BSD-3-Clause

"""Isometry losses of autoencoders, and the Jacobian products they need.

Both losses need one Jacobian product per sample. It is computed explicitly for chains
of linear layers and smooth activations, which is fastest, and otherwise by automatic
differentiation.
"""

import torch
from torch import nn
from torch.nn import functional as F

from ._precision import full_precision


@full_precision
def isometry_loss(tangents):
    """Compute the mean squared deviation of the lengths of rows from 1.

    With ``tangents[i] = df(z_i) u_i`` of a decoder ``f`` and random unit vectors ``u``,
    this is L_iso, zero if and only if the columns of ``df`` are orthonormal. With
    ``tangents[i] = u_i^T dg(x_i)`` of an encoder ``g``, it is L_piso, zero if and only
    if the rows of ``dg`` are. If the decoder is an isometry that reconstructs the data,
    ``dg`` is then the pseudo-inverse of ``df``.

    Parameters
    ----------
    tangents : torch.Tensor of shape (n, n_features)
        Products of Jacobians with vectors.

    Returns
    -------
    torch.Tensor
        A scalar.

    See Also
    --------
    jacobian_vector_product : Compute the products for a decoder.
    vector_jacobian_product : Compute the products for an encoder.

    References
    ----------
    .. [1] A. Gropp, M. Atzmon and Y. Lipman, "Isometric Autoencoders",
       arXiv:2006.09289, 2020, Eq. 6.

    Examples
    --------
    >>> import torch
    >>> from skmanifold.losses import isometry_loss
    >>> isometry_loss(torch.tensor([[0.6, 0.8], [3.0, 0.0]]))
    tensor(2.)
    """
    return (torch.linalg.vector_norm(tangents, dim=1) - 1).square().mean()


@full_precision
def jacobian_vector_product(network, z, u):
    """Compute the outputs of a network and its directional derivatives.

    Parameters
    ----------
    network : torch.nn.Module or sequence of torch.nn.Module
        Network that maps samples independently; a sequence is applied in order. Chains
        of linear layers, SiLU, GELU, Tanh and Softplus are the fastest.
    z : torch.Tensor of shape (n, d)
        Inputs.
    u : torch.Tensor of shape (n, d)
        Directions.

    Returns
    -------
    outputs : torch.Tensor of shape (n, n_features)
        ``f(z_i)``.
    tangents : torch.Tensor of shape (n, n_features)
        ``df(z_i) u_i``, differentiable again.

    Examples
    --------
    >>> import torch
    >>> from skmanifold.losses import jacobian_vector_product
    >>> chain = [torch.nn.Linear(2, 3), torch.nn.Tanh()]
    >>> y, t = jacobian_vector_product(chain, torch.zeros(5, 2), torch.ones(5, 2))
    >>> y.shape, t.shape
    (torch.Size([5, 3]), torch.Size([5, 3]))
    """
    network = _module(network)
    chain = _chain(network)
    if chain is None:
        return _differentiated_twice(network, z, u)
    for layer in chain:
        if type(layer) is nn.Linear:
            z, u = F.linear(z, layer.weight, layer.bias), F.linear(u, layer.weight)
        elif type(layer) is not nn.Identity:
            z, u = _Pushed.apply(z, u, _DERIVATIVES[type(layer)], layer)
    return z, u


@full_precision
def vector_jacobian_product(network, x, u):
    """Compute the outputs of a network and gradients of linear combinations of them.

    Parameters
    ----------
    network : torch.nn.Module or sequence of torch.nn.Module
        As in :func:`jacobian_vector_product`.
    x : torch.Tensor of shape (n, n_features)
        Inputs.
    u : torch.Tensor of shape (n, d)
        Weights of the outputs in the linear combinations.

    Returns
    -------
    outputs : torch.Tensor of shape (n, d)
        ``g(x_i)``.
    cotangents : torch.Tensor of shape (n, n_features)
        ``u_i^T dg(x_i)``, differentiable again.

    Examples
    --------
    >>> import torch
    >>> from skmanifold.losses import vector_jacobian_product
    >>> chain = [torch.nn.Linear(3, 2), torch.nn.Tanh()]
    >>> z, t = vector_jacobian_product(chain, torch.zeros(5, 3), torch.ones(5, 2))
    >>> z.shape, t.shape
    (torch.Size([5, 2]), torch.Size([5, 3]))
    """
    network = _module(network)
    chain = _chain(network)
    if chain is None:
        x = x.detach().requires_grad_()
        outputs = network(x)
        return outputs, torch.autograd.grad(outputs, x, u, create_graph=True)[0]
    arguments = []
    for layer in chain:
        arguments.append(x)
        x = layer(x)
    for layer, argument in zip(reversed(chain), reversed(arguments), strict=True):
        if type(layer) is nn.Linear:
            u = u @ layer.weight
        elif type(layer) is not nn.Identity:
            u = _Scaled.apply(argument, u, _DERIVATIVES[type(layer)], layer)
    return x, u


def _module(network):
    return network if isinstance(network, nn.Module) else nn.Sequential(*network)


def _differentiated_twice(network, z, u):
    """Compute a Jacobian-vector product as derivative of a vector-Jacobian product.

    Unlike forward differentiation, this works for any module that can be differentiated
    twice.
    """
    z = z.detach().requires_grad_()
    outputs = network(z)
    # the product is linear in its weights, so their value does not matter
    weights = torch.zeros_like(outputs, requires_grad=True)
    (pulled,) = torch.autograd.grad(outputs, z, weights, create_graph=True)
    (tangents,) = torch.autograd.grad(pulled, weights, u, create_graph=True)
    return outputs, tangents


def _chain(network):
    """Return the layers for explicit tangents, or None."""
    # exact types and no hooks: either might compute anything
    hooks = (network._forward_hooks, network._forward_pre_hooks)
    if any((*hooks, network._backward_hooks, network._backward_pre_hooks)):
        return None
    if type(network) is nn.Sequential:
        parts = [_chain(layer) for layer in network]
        return None if None in parts else [layer for part in parts for layer in part]
    known = type(network) in (nn.Linear, nn.Identity, *_DERIVATIVES)
    # without the tanh approximation of GELU
    exact = getattr(network, "approximate", "none") == "none"
    return [network] if known and exact else None


# -- activations with their first and second derivatives


def _silu(a, layer):
    s = torch.sigmoid(a)
    h, rest = a * s, 1 - s
    first = torch.addcmul(s, h, rest)
    # s (1 - s) (2 + a (1 - 2 s))
    second = torch.add(a, h, alpha=-2).add_(2).mul_(s).mul_(rest)
    return first, second


def _gelu(a, layer):
    density = torch.exp(-0.5 * a * a) * 0.3989422804014327  # 1 / sqrt(2 pi)
    first = 0.5 * (1 + torch.erf(a * 0.7071067811865476)) + a * density
    return first, density * (2 - a * a)


def _tanh(a, layer):
    h = torch.tanh(a)
    first = 1 - h * h
    return first, -2 * h * first


def _softplus(a, layer):
    s = torch.sigmoid(layer.beta * a)
    return s, layer.beta * s * (1 - s)


_DERIVATIVES = {nn.SiLU: _silu, nn.GELU: _gelu, nn.Tanh: _tanh, nn.Softplus: _softplus}


class _Scaled(torch.autograd.Function):
    """``u * act'(a)``, with an explicit gradient."""

    @staticmethod
    def forward(ctx, a, u, derivatives, layer):
        first, second = derivatives(a, layer)
        ctx.save_for_backward(u, first, second)
        return u * first

    @staticmethod
    def backward(ctx, grad):
        u, first, second = ctx.saved_tensors
        return second * u * grad, grad * first, None, None


class _Pushed(torch.autograd.Function):
    """``act(a)`` and ``u * act'(a)``."""

    @staticmethod
    def forward(ctx, a, u, derivatives, layer):
        first, second = derivatives(a, layer)
        ctx.save_for_backward(u, first, second)
        return layer(a), u * first

    @staticmethod
    def backward(ctx, grad, grad_u):
        u, first, second = ctx.saved_tensors
        along = torch.addcmul(grad * first, second * u, grad_u)
        return along, grad_u * first, None, None
