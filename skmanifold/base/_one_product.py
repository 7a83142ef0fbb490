# SPDX-License-Identifier: BSD-3-Clause

"""A linear network behind the scaler, as one matrix product of raw samples."""

import weakref

import numpy as np
from scipy import sparse
from torch import nn

from skmanifold._engine import ExactLinear, in_threads
from skmanifold.utils._threads import one_blas_thread

from ._outliers import dense, ranges
from ._scaler import SINGLE_ROUNDING

# Largest number of entries of a block (4 MB), which are read by the checks and then by
# the product.
_BLOCK_SIZE = 2**20

# In float32 no digits are lost if no center is more typical deviations from zero, and
# if squares of factors, and of constants, are numbers.
_MOST_OFFSET = 16.0
_FACTORS = 1e-15, 1e15

# Norms near the bound are computed exactly: these have rounding errors, of some parts
# per million of the squares of norm and offset.
_NEAR = 0.99

# Tensors that the outputs of a layer depend on.
_TENSORS = {
    nn.Linear: ("weight", "bias"),
    nn.BatchNorm1d: ("weight", "bias", "running_mean", "running_var"),
}

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
    """Return the weights and statistics of layers, sharing their memory."""
    tensors = (getattr(x, name) for x in layers for name in _TENSORS[type(x)])
    return [x.detach().numpy() for x in tensors if x is not None]


def _folded(layers, scaler):
    """Return weights and bias of scaler and layers as one layer, float32."""
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
    return matrix.astype(np.float32), offset.astype(np.float32)


class OneProduct:
    """Product of raw samples that equals scaler and linear network up to rounding.

    Samples that the scaler compresses are replaced by raw samples it would not change.
    The layers are in evaluation mode on the CPU.
    """

    def __init__(self, layers, scaler):
        self.scaler = scaler
        self.state = [x.copy(order="K") for x in _state(layers)]
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
        weight, self.offset = _folded(layers, scaler)
        self.layer = ExactLinear(weight, self.offset)
        self.matrix = np.ascontiguousarray(weight.T)
        low, high = (scaler.inverse_transform(x) for x in (scaler.low_, scaler.high_))
        # the samples of fit are within, although rounded
        slack = SINGLE_ROUNDING * np.maximum(np.abs(center), high - low)
        self.low = (low - slack).astype(np.float32)
        self.high = (high + slack).astype(np.float32)
        # for squared norms, sums of (factor * (x - center))**2
        weights = np.square(factor)
        self.products = (-2 * weights * center).astype(np.float32)
        self.most = _NEAR * scaler.radius_**2 - (weights * np.square(center)).sum()
        self.weights = weights.astype(np.float32)
        # columns in which a sample of a sparse matrix needs a value
        self.required = ((self.low > 0) | (self.high < 0)).astype(np.float32)

    def is_of(self, layers, scaler):
        """Return whether neither layers nor scaler have changed."""
        state = _state(layers)
        return (
            self.scaler is scaler
            and self.bound is scaler.high_
            and len(state) == len(self.state)
            and all(
                x.shape == y.shape and (x == y).all()
                for x, y in zip(state, self.state, strict=True)
            )
        )

    def outputs(self, samples, deviations, first, make_room):
        """Return the outputs for validated samples, see :func:`apply_to_samples`."""
        n_samples, n_features = samples.shape
        compute, n_entries = self._of_dense, samples.size
        if sparse.issparse(samples):
            compute = self._of_sparse
            if not samples.has_canonical_format:
                samples = samples.copy()
                samples.sum_duplicates()
        results = make_room((n_samples, len(self.offset)), np.float32)
        parts, far = self._blocks(n_samples, n_entries), []

        def fill(rows):
            block = samples[rows] if len(parts) > 1 else samples
            results[rows], beyond = compute(block)
            far.extend(rows.start + beyond)

        in_threads(fill, parts)
        if not far:
            return results
        far = np.sort(far)

        def fill_far(rows):
            chosen = far[rows]
            raw = dense(samples[chosen])
            # the samples among which these are the far ones
            n_rows = n_samples * len(chosen) / len(far)
            scaled, moved = self.scaler.scaled(raw, deviations, first + chosen, n_rows)
            with np.errstate(over="ignore"):
                near = self._single(raw)
            near[moved] = self.scaler.inverse_transform(scaled[moved])
            near[:, self.constant] = 0.0  # infinity times zero is not zero
            results[chosen] = self.layer(near)

        in_threads(fill_far, self._blocks(len(far), 8 * len(far) * n_features))
        return results

    def _blocks(self, n_samples, n_entries):
        """Return slices of samples."""
        size = n_samples * _BLOCK_SIZE // max(n_entries, 1)
        most = self.layer.sizes[-1]
        size = max(1, size - size % most if size > most else size)
        return [slice(start, start + size) for start in range(0, n_samples, size)]

    def _of_dense(self, block):
        """Return the outputs of samples, and those that the scaler must see.

        Values a little beyond the range of their column are compressed here already.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            rows = self._single(block)
            far, entries = self._far(rows)
        if len(entries[0]):
            nearer, beyond = self.scaler.compressed(block[entries], entries[1])
            rows = rows.copy() if np.may_share_memory(rows, block) else rows
            rows[entries] = nearer
            far[entries[0][beyond]] = True
        return self.layer(rows), np.flatnonzero(far)

    def _of_sparse(self, block):
        """Return the same for a CSR matrix, by its values that are not zero.

        SciPy multiplies one sample after the other, value by value.
        """
        columns = block.indices
        with np.errstate(over="ignore", invalid="ignore"):
            values = block.data.astype(np.float32)
            outside = values > self.high.take(columns)
            if values.min(initial=0.0) < 0 or self.required.any():
                outside |= values < self.low.take(columns)
            parts = np.square(values), columns, block.indptr
            matrix = sparse.csr_array(parts, shape=block.shape)
            norms = matrix @ self.weights
            matrix.data = values
            norms += matrix @ self.products
        far = ~(norms <= self.most)
        if self.required.any():
            matrix.data = (values != 0).astype(np.float32)
            far |= matrix @ self.required < self.required.sum()
        entries = np.flatnonzero(outside)
        if len(entries):
            nearer, beyond = self.scaler.compressed(
                block.data[entries], columns[entries]
            )
            values[entries] = nearer
            far[np.searchsorted(block.indptr, entries[beyond], side="right") - 1] = True
        matrix.data = values
        return matrix @ self.matrix + self.offset, np.flatnonzero(far)

    @staticmethod
    def _single(samples):
        rows = np.ascontiguousarray(samples, dtype=np.float32)
        # torch takes no arrays that are read-only
        return rows if rows.flags.writeable else rows.copy()

    def _far(self, rows):
        """Return which samples may be beyond the radius, and the values beyond ranges.

        Values that are not finite are beyond.
        """
        low, high = ranges(rows)
        norms = np.vecdot(np.square(rows), self.weights)
        norms += np.vecdot(rows, self.products)
        # negated comparisons are also true for NaN
        far = ~(norms <= self.most)
        columns = np.flatnonzero(~((low >= self.low) & (high <= self.high)))
        if 4 * len(columns) > len(low):  # faster than to gather so many
            columns = np.arange(len(low))
            values, low, high = rows, self.low, self.high
        else:
            values, low, high = rows[:, columns], self.low[columns], self.high[columns]
        i, j = np.nonzero(~((values >= low) & (values <= high)))
        return far, (i, columns[j])
