# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""A linear network behind the scaler, as one matrix product of raw samples."""

import weakref

import numpy as np
import torch
from torch import nn

from skmanifold._engine import apply_in_blocks, exact_block_rows
from skmanifold.utils._threads import one_blas_thread

from ._odd_samples import dense, ranges
from ._scaler import SINGLE_ROUNDING

# Largest number of entries of a block (2 MB): it stays in the cache between the checks
# and the product.
_BLOCK_SIZE = 2**19

# In float32 no digits are lost if no center is more typical deviations from zero, and
# if squares of factors are numbers.
_MOST_OFFSET = 16.0
_FACTORS = 1e-15, 1e15

# Norms near the bound are computed exactly: these have rounding errors, of some parts
# per million of the squares of norm and offset.
_NEAR = 0.99
_MOST_SQUARES = 1000.0

_known = weakref.WeakKeyDictionary()


def _state(network):
    return [*network.parameters(), *network.buffers()]


def _layers(module):
    """Yield the layers of a network one after the other, without identities."""
    if type(module) is nn.Sequential:
        for child in module:
            yield from _layers(child)
    elif type(module) is not nn.Identity:
        yield module


def _is_linear(layer):
    """Return whether a layer is linear in evaluation mode."""
    if type(layer) is nn.BatchNorm1d:
        return layer.track_running_stats
    return type(layer) is nn.Linear


def _fits_single(scaler):
    """Return whether samples in float32 need not be centered in float64."""
    factors = scaler.factor_[scaler.factor_ > 0]
    least, most = _FACTORS
    offsets = np.abs(scaler.center_ * scaler.factor_)
    return (
        (least < factors) & (factors < most)
    ).all() and offsets.max() <= _MOST_OFFSET


def one_product(network, scaler):
    """Return the :class:`OneProduct` of a network on the CPU, or None.

    None if the network is not linear, or needs samples scaled in float64.
    """
    known = _known.get(network)
    if known is None or not known.is_of(network, scaler):
        known = _known[network] = OneProduct(network, scaler)
    return known if known.layer is not None else None


class OneProduct:
    """Product of raw samples that equals scaler and linear network up to rounding.

    Samples that the scaler draws in are replaced by raw samples it would not change.

    Parameters
    ----------
    network : torch.nn.Module
        The network, in evaluation mode on the CPU.
    scaler : InputScaler
        The scaler.
    """

    def __init__(self, network, scaler):
        self.scaler = scaler
        self.state = [x.clone() for x in _state(network)]
        self.bound = scaler.high_
        self.layer = self._folded(network) if _fits_single(scaler) else None
        if self.layer is None:
            return
        center, factor = scaler.center_, scaler.factor_
        varies = factor > 0
        low, high = (scaler.inverse_transform(x) for x in (scaler.low_, scaler.high_))
        # the samples of fit are within, although rounded
        slack = SINGLE_ROUNDING * np.maximum(np.abs(center), high - low)
        self.low = (low - slack).astype(np.float32)
        self.high = (high + slack).astype(np.float32)
        # for squared norms, sums of (factor * (x - center))**2
        factors = np.unique(factor[varies])
        offset = np.square(factor.max() * center).sum()
        if len(factors) == 1 and offset <= _MOST_SQUARES * scaler.radius_**2:
            # constant columns add nothing unless they vary, so they need no zeros
            factor = factors[0]
        weights = np.square(factor)
        self.products = (-2 * weights * center).astype(np.float32)
        self.most = _NEAR * scaler.radius_**2 - (weights * np.square(center)).sum()
        self.weights = weights.astype(np.float32)

    def _folded(self, network):
        """Return scaler and network as one layer, or None."""
        layers = list(_layers(network))
        hooks = [m._forward_hooks or m._forward_pre_hooks for m in network.modules()]
        if not layers or any(hooks) or not all(map(_is_linear, layers)):
            return None
        factor = self.scaler.factor_
        matrix, offset = None, -self.scaler.center_ * factor
        with one_blas_thread():  # the last bits depend on the number of threads
            for layer in layers:
                state = {k: x.double().numpy() for k, x in layer.state_dict().items()}
                weight, bias = state.get("weight", 1.0), state.get("bias", 0.0)
                if type(layer) is nn.BatchNorm1d:
                    weight = weight / np.sqrt(state["running_var"] + layer.eps)
                    bias = bias - weight * state["running_mean"]
                    weight = np.diag(weight)
                matrix = weight * factor if matrix is None else weight @ matrix
                offset = weight @ offset + bias
        result = nn.Linear(*matrix.T.shape, device="meta")
        for name, values in {"weight": matrix, "bias": offset}.items():
            values = torch.from_numpy(values.astype(np.float32))
            setattr(result, name, nn.Parameter(values, requires_grad=False))
        return result

    def is_of(self, network, scaler):
        """Return whether neither network nor scaler have changed."""
        state = _state(network)
        return (
            self.scaler is scaler
            and self.bound is scaler.high_
            and len(state) == len(self.state)
            and all(map(torch.equal, state, self.state))
        )

    def outputs(self, samples, unlike, first, make_room):
        """Return the outputs for validated samples, see :func:`apply_to_samples`."""
        n_samples, n_features = samples.shape
        far = []

        def load(start, stop):
            rows = self._single(samples[start:stop])
            far.extend(start + self._far(rows))
            return rows

        results = self._apply(load, n_samples, n_features, make_room)
        if not far:
            return results
        far = np.sort(far)

        def load_far(start, stop):
            chosen = far[start:stop]
            raw = dense(samples[chosen])
            scaled, moved = self.scaler.scaled(raw, unlike, first + chosen, n_samples)
            rows = self._single(raw)
            rows[moved] = self.scaler.inverse_transform(scaled[moved])
            return rows

        results[far] = self._apply(load_far, len(far), n_features)
        return results

    def _apply(self, load, n_rows, n_features, make_room=np.empty):
        most = max(1, _BLOCK_SIZE // n_features)
        block_rows = exact_block_rows(self.layer, n_rows, most)
        return apply_in_blocks(
            self.layer, load, n_rows, block_rows=block_rows, make_room=make_room
        )

    @staticmethod
    def _single(samples):
        with np.errstate(over="ignore"):
            return np.ascontiguousarray(dense(samples), dtype=np.float32)

    def _far(self, rows):
        """Return the samples that the scaler may draw in, or that are not finite."""
        with np.errstate(over="ignore", invalid="ignore"):
            low, high = ranges(rows)
            if self.weights.ndim:
                norms = np.vecdot(np.square(rows), self.weights)
            else:
                norms = self.weights * np.vecdot(rows, rows)
            norms += np.vecdot(rows, self.products)
        # negated comparisons are true for NaN, too
        far = ~(norms <= self.most)
        columns = np.flatnonzero(~((low >= self.low) & (high <= self.high)))
        if len(columns):
            values = rows[:, columns]
            within = (values >= self.low[columns]) & (values <= self.high[columns])
            far |= ~within.all(axis=1)
        return np.flatnonzero(far)
