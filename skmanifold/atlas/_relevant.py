# SPDX-License-Identifier: BSD-3-Clause

"""Relevant components, and charts that start from them."""

import numpy as np
import torch
from sklearn.decomposition import PCA
from torch import nn

from skmanifold.losses import full_precision
from skmanifold.utils import one_blas_thread

from ._charts import ChartEncoder

# Maximum number of principal components, and of entries to fit them.
_MOST = 50
_SAMPLE_SIZE = 2**23
# Share of a multiple of the identity in the covariance within classes.
_SHRINKAGE = 0.03
# Initial standard deviations of logits: of the first coordinate, small enough for a
# nearly linear sigmoid, and of the first membership, times the root of the number of
# coordinates. Larger memberships would separate similar samples.
_COORDINATE_SPREAD, _MEMBERSHIP_SPREAD = 1.0, 0.25


class RelevantComponents:
    """Components of the inputs, whitened by their covariance within classes.

    Principal components are divided by the square root of that covariance, and then
    ordered by their variance. Directions in which samples of one class differ count
    less, even for classes not seen in training [1].

    ``inputs`` has shape (n_samples, n_inputs); ``codes`` are its classes from 0, or -1
    if unlabeled. ``random_state`` seeds the PCA and the subset of many samples, labeled
    ones first. ``matrix_`` maps inputs less their mean ``center_`` to components, whose
    standard deviations are ``spreads_``, in descending order.

    References
    ----------
    .. [1] N. Shental, T. Hertz, D. Weinshall, M. Pavel, "Adjustment Learning and
       Relevant Component Analysis", ECCV 2002.
    """

    def __init__(self, inputs, codes, random_state):
        n_rows = _SAMPLE_SIZE // inputs.shape[1]
        if len(inputs) > n_rows:
            order = np.random.RandomState(random_state).permutation(len(inputs))
            rows = order[np.argsort(codes[order] < 0, kind="stable")[:n_rows]]
            inputs, codes = inputs[rows], codes[rows]
        n_components = min(_MOST, len(inputs) - 1, inputs.shape[1])
        pca = PCA(n_components, random_state=random_state)
        # equal samples have no explained variance
        with one_blas_thread(), np.errstate(invalid="ignore"):
            Z = pca.fit_transform(inputs.astype(np.float64, copy=False))
            residuals = np.concatenate(
                [
                    Z[codes == code] - Z[codes == code].mean(axis=0)
                    for code in np.unique(codes[codes >= 0])
                ]
            )
            within = residuals.T @ residuals / len(residuals)
            scale = np.trace(within) / n_components
            # less is rounding, which differs between processors
            varies = scale > np.finfo(np.float64).eps * Z.var()
            within = (1 - _SHRINKAGE) * within / scale if varies else 0 * within
            within += _SHRINKAGE * np.eye(n_components)
            values, vectors = np.linalg.eigh(within)
            whiten = vectors / np.sqrt(values) @ vectors.T
            total = whiten @ (Z.T @ Z / len(Z)) @ whiten
            values, vectors = np.linalg.eigh(total)
            matrix = vectors[:, ::-1].T @ whiten @ pca.components_
        # the same signs on all platforms
        largest = np.abs(matrix).argmax(axis=1)
        matrix *= np.sign(matrix[np.arange(n_components), largest])[:, np.newaxis]
        self.center_ = pca.mean_
        self.matrix_ = matrix
        self.spreads_ = np.sqrt(values[::-1].clip(1e-12))


class InitializedEncoder(ChartEncoder):
    """:class:`ChartEncoder` with a linear map of the inputs added to its logits.

    Call ``initialize`` or, to continue, ``begin`` before training, and ``finish``
    after.
    """

    def __init__(self, trunk, heads, n_inputs):
        super().__init__(trunk, heads)
        n_charts, n_axes = heads.n_charts, heads.n_components
        self.parts["linear"] = nn.Linear(n_inputs, n_charts * (n_axes + 1))
        self.start = None

    def initialize(self, components):
        """Initialize from components: coordinates, then memberships."""
        heads, linear = self.parts.heads, self.parts.linear
        n_charts, n_axes = heads.n_charts, heads.n_components
        spreads = components.spreads_
        chosen = np.arange(n_charts * (n_axes + 1))
        if len(spreads) >= n_charts * n_axes:
            # the largest ones in different charts
            chosen[:-n_charts] = chosen[:-n_charts].reshape(n_axes, n_charts).T.ravel()
        # repeated if there are too few
        chosen %= len(spreads)
        first = chosen[-n_charts]
        matrix = components.matrix_[chosen]
        matrix[:-n_charts] *= _COORDINATE_SPREAD / spreads[0]
        matrix[-n_charts:] *= _MEMBERSHIP_SPREAD / n_axes**0.5 / spreads[first]
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(matrix))
            linear.bias.copy_(torch.from_numpy(-matrix @ components.center_))
            for head in (heads.coordinates, heads.membership):
                head.weight.zero_()
                head.bias.zero_()
        self.begin()

    def begin(self):
        """Store the last layers."""
        self.start = [p.detach().clone() for p in self._last_layers()]

    def finish(self):
        """Average the last layers with those stored, to keep half of the changes."""
        with torch.no_grad():
            for parameter, start in zip(self._last_layers(), self.start, strict=True):
                parameter.lerp_(start.to(parameter.device), 0.5)
        self.start = None

    def _last_layers(self):
        return [*self.parts.heads.parameters(), *self.parts.linear.parameters()]

    def charts(self, x):
        """Return memberships (n, K) and coordinates (n, K, d) of inputs."""
        return self._added(self.parts.heads, self.parts.trunk(x), x)

    @full_precision
    def _added(self, heads, features, x):
        membership, coordinates = heads.logits(features)
        linear, n_charts = self.parts.linear(x), heads.n_charts
        coordinates = coordinates + linear[:, :-n_charts].view_as(coordinates)
        return (membership + linear[:, -n_charts:]).softmax(1), coordinates.sigmoid()
