# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""A linear network behind the scaler, as one matrix product of raw samples."""

import weakref

import numpy as np
import torch
from torch import nn

from skmanifold._engine import apply_in_blocks, exact_block_rows
from skmanifold.utils._threads import one_blas_thread

from ._outliers import dense, ranges
from ._scaler import SINGLE_ROUNDING

# Largest number of entries of a block (2 MB): it stays in the cache between the checks
# and the product.
_BLOCK_SIZE = 2**19

# In float32 no digits are lost if no center is more typical deviations from zero, and
# if squares of factors, and of constants, are numbers.
_MOST_OFFSET = 16.0
_FACTORS = 1e-15, 1e15

# Norms near the bound are computed exactly: these have rounding errors, of some parts
# per million of the squares of norm and offset.
_NEAR = 0.99
_MOST_SQUARES = 1000.0

_known = weakref.WeakKeyDictionary()


def one_product(network, scaler):
    """Return the :class:`OneProduct` of a network on the CPU, or None.

    The result is None for networks that are not linear or need samples scaled in
    float64.
    """
    layers = _linear_layers(network)
    if not layers:
        return None
    known = _known.get(network)
    if known is None or not known.is_of(layers, scaler):
        known = _known[network] = OneProduct(layers, scaler)
    return known if known.fits else None


def _linear_layers(module):
    """Return the layers of a network that is linear in evaluation mode, else None."""
    if module._forward_hooks or module._forward_pre_hooks:
        return None
    if type(module) is nn.Identity:
        return []
    if type(module) is nn.Sequential:
        parts = list(map(_linear_layers, module))
        return None if None in parts else [x for part in parts for x in part]
    averages = type(module) is nn.BatchNorm1d and module.track_running_stats
    return [module] if averages or type(module) is nn.Linear else None


def _state(layers):
    return [x for layer in layers for x in layer.state_dict().values()]


def _folded(layers, scaler):
    """Return scaler and layers as one layer."""
    matrix, offset = np.eye(len(_state(layers[-1:])[0])), 0.0
    with one_blas_thread():  # the last bits depend on the number of threads
        # from the outputs on: matrices of a wide input have few rows
        for layer in reversed(layers):
            state = {k: x.double().numpy() for k, x in layer.state_dict().items()}
            weight, bias = state.get("weight", 1.0), state.get("bias", 0.0)
            if type(layer) is nn.Linear:
                offset = offset + matrix @ (bias + np.zeros(len(weight)))
                matrix = matrix @ weight
            else:
                weight = weight / np.sqrt(state["running_var"] + layer.eps)
                offset = offset + matrix @ (bias - weight * state["running_mean"])
                matrix = matrix * weight
        matrix *= scaler.factor_
        offset = offset - matrix @ scaler.center_
    result = nn.Linear(*matrix.T.shape, device="meta")
    for name, values in {"weight": matrix, "bias": offset}.items():
        values = torch.from_numpy(values.astype(np.float32))
        setattr(result, name, nn.Parameter(values, requires_grad=False))
    return result


class OneProduct:
    """Product of raw samples that equals scaler and linear network up to rounding.

    Samples that the scaler compresses are replaced by raw samples it would not change.

    Parameters
    ----------
    layers : list of torch.nn.Module
        Layers of the network, in evaluation mode on the CPU.
    scaler : InputScaler
        The scaler.
    """

    def __init__(self, layers, scaler):
        self.scaler = scaler
        self.state = [x.clone() for x in _state(layers)]
        self.bound = scaler.high_
        center, factor = scaler.center_, scaler.factor_
        varies = factor > 0
        self.constant = np.flatnonzero(~varies)
        least, most = _FACTORS
        self.fits = (
            ((least < factor[varies]) & (factor[varies] < most)).all()
            and np.abs(center[self.constant]).max(initial=0.0) < most
            and np.abs(center * factor).max() <= _MOST_OFFSET
        )
        if not self.fits:
            return
        self.layer = _folded(layers, scaler)
        low, high = (scaler.inverse_transform(x) for x in (scaler.low_, scaler.high_))
        # the samples of fit are within, although rounded
        slack = SINGLE_ROUNDING * np.maximum(np.abs(center), high - low)
        self.low = (low - slack).astype(np.float32)
        self.high = (high + slack).astype(np.float32)
        # for squared norms, sums of (factor * (x - center))**2
        weights, limit = np.square(factor), scaler.radius_**2
        largest = weights.max()
        offset = largest * np.square(center).sum()
        if (weights[varies] == largest).all() and offset <= _MOST_SQUARES * limit:
            # constant columns add nothing unless they vary, so they need no zeros
            weights = largest
        self.products = (-2 * weights * center).astype(np.float32)
        self.most = _NEAR * limit - (weights * np.square(center)).sum()
        self.weights = weights.astype(np.float32)

    def is_of(self, layers, scaler):
        """Return whether neither layers nor scaler have changed."""
        state = _state(layers)
        return (
            self.scaler is scaler
            and self.bound is scaler.high_
            and len(state) == len(self.state)
            and all(map(torch.equal, state, self.state))
        )

    def outputs(self, samples, deviations, first, make_room):
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
            # the samples among which these are the far ones
            n_rows = n_samples * len(chosen) / len(far)
            scaled, moved = self.scaler.scaled(raw, deviations, first + chosen, n_rows)
            rows = self._single(raw)
            rows[moved] = self.scaler.inverse_transform(scaled[moved])
            rows[:, self.constant] = 0.0  # infinity times zero is not zero
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
        """Return the samples that the scaler may compress, or that are not finite."""
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
