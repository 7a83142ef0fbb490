# SPDX-License-Identifier: BSD-3-Clause

"""Charts as networks and as arrays, shared by the estimators of the atlas family.

An atlas maps a sample to memberships q, which sum to 1 over its charts, and to
coordinates in [0, 1] in each chart. *Chart blocks* hold both in one array: for each
chart its weight, then its coordinates. Encoders return "raw" blocks, with q as weights;
``transform`` returns blocks with coordinates times weights, so a chart of weight 0 is a
block of zeros.
"""

from collections import OrderedDict

import numpy as np
import torch
from scipy import sparse
from scipy.spatial.distance import cdist
from sklearn.utils import gen_batches
from sklearn.utils.validation import check_is_fitted
from torch import nn
from torch.nn import functional as F

from skmanifold.base import Head, SampleBatches
from skmanifold.losses import full_precision, squared_distances
from skmanifold.utils import Count, StrOptions

# For the ``_parameter_constraints`` of an estimator that uses ChartsMixin.
CHART_CONSTRAINTS = {
    "n_charts": [Count(1)],
    "membership": [StrOptions({"hard", "soft"})],
}

# -- networks


class ChartHeads(nn.Module):
    """Membership and coordinates from the features of a trunk.

    Coordinates are a linear map and a sigmoid. Memberships are the softmax of a linear
    map; with prototypes (n_charts, n_inputs), which are trained, of::

        map(features) - |point - prototype|^2 / temperature

    This map starts at zero, so charts are local from the first step.
    """

    def __init__(
        self, n_features, n_charts, n_components, *, prototypes=None, temperature=1.0
    ):
        super().__init__()
        self.n_charts = n_charts
        self.n_components = n_components
        self.coordinates = nn.Linear(n_features, n_charts * n_components)
        self.membership = nn.Linear(n_features, n_charts)
        self.prototypes = None
        if prototypes is not None:
            self.prototypes = nn.Parameter(prototypes.detach().clone().float())
            nn.init.zeros_(self.membership.weight)
            nn.init.zeros_(self.membership.bias)
        self.register_buffer("temperature", torch.tensor(float(temperature)))

    def place(self, prototypes, temperature):
        """Set the prototypes and the temperature of their distances."""
        with torch.no_grad():
            self.prototypes.copy_(prototypes)
        self.temperature.fill_(temperature)

    @full_precision
    def logits(self, features, points=None):
        """Return the logits of memberships (n, K) and of coordinates (n, K, d).

        Prototypes are compared with ``points`` of shape (n, n_inputs).
        """
        membership = self.membership(features)
        if self.prototypes is not None:
            d2 = squared_distances(points, self.prototypes)
            membership = membership - d2 / self.temperature
        coordinates = self.coordinates(features)
        return membership, coordinates.unflatten(1, (self.n_charts, self.n_components))

    def forward(self, features, points=None):
        """Return memberships q (n, K), which sum to 1, and coordinates (n, K, d)."""
        membership, coordinates = self.logits(features, points)
        return membership.softmax(1), coordinates.sigmoid()


class ChartEncoder(nn.Module):
    """A trunk with chart heads, from inputs to raw chart blocks."""

    def __init__(self, trunk, heads):
        super().__init__()
        self.parts = nn.ModuleDict(OrderedDict(trunk=trunk, heads=heads))

    def charts(self, x):
        """Return memberships (n, K) and coordinates (n, K, d) of inputs."""
        return self.parts.heads(self.parts.trunk(x), x)

    def forward(self, x):
        """Map inputs to raw chart blocks (n, K (d + 1))."""
        return join_blocks(*self.charts(x))


def join_blocks(q, coordinates):
    """Return raw chart blocks (n, K (d + 1)) from tensors (n, K) and (n, K, d)."""
    return torch.cat([q.unsqueeze(2), coordinates], 2).flatten(1)


class OnBlocks(nn.Module):
    """A function of the weights and the coordinates of chart blocks, as a module."""

    def __init__(self, function, n_components):
        super().__init__()
        self.function = function
        self.n_components = n_components

    def forward(self, blocks):
        """Apply the function to chart blocks (n, K (d + 1))."""
        return self.function(*split_raw(blocks, self.n_components))


def soft_blocks(q, coordinates):
    """Return the chart blocks of ``transform``."""
    return join_blocks(q, q.unsqueeze(2) * coordinates)


def hard_blocks(q, coordinates):
    """Return the chart blocks of ``transform`` with weight 1 for the largest q."""
    return soft_blocks(one_hot(q), coordinates)


def raw_blocks(weights, weighted):
    """Return raw chart blocks from those of ``transform``, with weights of any sum."""
    each = weights.unsqueeze(2)
    coordinates = torch.where(each > 0, weighted / each, 0.0)
    return join_blocks(weights / weights.sum(1, keepdim=True), coordinates)


def chart_and_coordinates(q, coordinates):
    """Return the chart with the largest q (n,), and the coordinates there (n, d)."""
    index = q.argmax(1)
    each = index[:, None, None].expand(-1, 1, coordinates.shape[2])
    return index, coordinates.gather(1, each).squeeze(1)


class ChartBatches(SampleBatches):
    """Batches ``(rows, draws)`` with uniform draws for :func:`chart_mmd`.

    The draws from the unit cube have shape (max(2, B // 2), n_charts, n_components).
    """

    def __init__(self, n_rows, batch_size, device, *, n_charts, n_components):
        super().__init__(n_rows, batch_size, device)
        self.shape = (max(2, self.batch_size // 2), n_charts, n_components)

    def epoch(self, generator):
        """Yield each batch."""
        for rows, _ in super().epoch(generator):
            # on the CPU, for the same draws on every device
            draws = torch.rand(self.shape, generator=generator)
            yield rows, draws.to(rows.device)


# -- arrays


def split_raw(raw, n_components):
    """Return memberships (n, K) and coordinates (n, K, d) of raw blocks, as views."""
    # not len(raw), which would fix the batch size of an ONNX graph
    n_charts = raw.shape[1] // (n_components + 1)
    blocks = raw.reshape(-1, n_charts, n_components + 1)
    return blocks[:, :, 0], blocks[:, :, 1:]


def split_blocks(blocks, n_components):
    """Return the weights (n, K) and coordinates (n, K, d) of chart blocks.

    Coordinates in a chart with weight 0 are 0.
    """
    weights, weighted = split_raw(blocks, n_components)
    weights = weights[:, :, np.newaxis]
    coordinates = np.divide(
        weighted, weights, out=np.zeros_like(weighted), where=weights > 0
    )
    return weights[:, :, 0], coordinates


def one_hot(q):
    """Return 1 for the largest entry of each row (the first of equals), else 0."""
    if isinstance(q, torch.Tensor):
        return F.one_hot(q.argmax(1), q.shape[1]).to(q.dtype)
    result = np.zeros_like(q)
    result[np.arange(len(q)), q.argmax(axis=1)] = 1
    return result


def distances_in_charts(q_a, coordinates_a, q_b, coordinates_b):
    """Yield, for each chart, its pairs of samples, products of weights and distances.

    The pairs are an index of a matrix (n_a, n_b).
    """
    for j in range(q_a.shape[1]):
        # hard memberships are mostly zero
        a, b = np.flatnonzero(q_a[:, j]), np.flatnonzero(q_b[:, j])
        if len(a) and len(b):
            weights = np.outer(q_a[a, j], q_b[b, j])
            yield np.ix_(a, b), weights, cdist(coordinates_a[a, j], coordinates_b[b, j])


def atlas_distances(q_a, coordinates_a, q_b, coordinates_b):
    """Compute atlas distances (n, m) between points with weights (n, K) and (m, K).

    ``sum_j q_j(a) q_j(b) |y_j(a) - y_j(b)| / sum_j q_j(a) q_j(b)``: the mean distance
    in the charts that two points share; infinite if they share none.
    """
    result = np.full((len(q_a), len(q_b)), np.inf)
    for rows in gen_batches(len(q_a), 256):
        total, shared = np.zeros((2, *result[rows].shape))
        for pairs, weights, apart in distances_in_charts(
            q_a[rows], coordinates_a[rows], q_b, coordinates_b
        ):
            weights = weights.astype(np.float64)
            shared[pairs] += weights
            total[pairs] += weights * apart
        np.divide(total, shared, out=result[rows], where=shared > 0)
    return result


# -- estimators


def weighted(estimator, X):
    """Return weights (n, K), 0 or 1 if hard, and coordinates of samples."""
    q, coordinates = estimator._memberships_and_coordinates(X)
    return one_hot(q) if estimator.membership == "hard" else q, coordinates


class ChartsMixin:
    """Methods of an estimator that learns charts.

    List it before DeepManifold among the base classes. The encoder must return raw
    chart blocks, and the estimator have the parameters ``n_components`` and
    ``membership``. Adds the attributes ``n_charts_`` and ``labels_``.
    """

    # -- hooks of DeepManifold

    def _present(self, outputs):
        return self._presentation()(torch.from_numpy(outputs)).numpy()

    def _presentation(self):
        blocks = hard_blocks if self.membership == "hard" else soft_blocks
        return OnBlocks(blocks, self._n_axes)

    def _heads(self):
        def head(function, *outputs):
            return Head(lambda: OnBlocks(function, self._n_axes), outputs)

        memberships = head(lambda q, _: q, "probabilities")
        return {
            **super()._heads(),
            "predict": head(lambda q, _: q.argmax(1), "label"),
            "predict_proba": memberships,
            "memberships": memberships,
            "charts": head(chart_and_coordinates, "chart", "coordinates"),
        }

    def _fitted_attributes(self, objective, outputs, data):
        q, _ = split_raw(outputs, self._n_axes)
        return {
            **super()._fitted_attributes(objective, outputs, data),
            "labels_": q.argmax(axis=1),
            "n_charts_": q.shape[1],
        }

    # -- public methods

    def fit_predict(self, X, y=None):
        """Learn the atlas and return the chart of each sample.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training data in raw units.
        y : array-like of shape (n_samples,), default=None
            As in ``fit``.

        Returns
        -------
        ndarray of shape (n_samples,), int
            Numbers of charts, from 0: ``labels_``.
        """
        return self.fit(X, y).labels_

    def predict(self, X):
        """Predict the chart with the largest membership.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Data in the units of the training data.

        Returns
        -------
        ndarray of shape (n_samples,), int
            Numbers of charts, from 0.
        """
        return self.memberships(X).argmax(axis=1)

    def memberships(self, X):
        """Compute the membership of each sample in each chart.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Data in the units of the training data.

        Returns
        -------
        ndarray of shape (n_samples, n_charts)
            Memberships q, which sum to 1 for each sample.
        """
        return np.ascontiguousarray(self._memberships_and_coordinates(X)[0])

    def predict_proba(self, X):
        """Compute the membership of each sample in each chart, for dense data.

        The same as ``memberships``, for scikit-learn's tools, which take an estimator
        with ``predict_proba`` on sparse data for a classifier.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Data in the units of the training data.

        Returns
        -------
        ndarray of shape (n_samples, n_charts)
            Memberships q, which sum to 1 for each sample.

        Raises
        ------
        TypeError
            If X is sparse.
        """
        check_is_fitted(self)
        if sparse.issparse(X):
            raise TypeError(
                "predict_proba does not accept sparse X. Use memberships(X), which "
                "returns the same."
            )
        return self.memberships(X)

    def charts(self, X):
        """Compute the chart of each sample and its coordinates in that chart.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Data in the units of the training data.

        Returns
        -------
        index : ndarray of shape (n_samples,), int
            Numbers of charts, from 0.
        coordinates : ndarray of shape (n_samples, n_components)
            Coordinates in that chart, in [0, 1].
        """
        q, coordinates = self._memberships_and_coordinates(X)
        index = q.argmax(axis=1)
        return index, coordinates[np.arange(len(index)), index]

    def distance(self, A, B):
        """Compute the atlas distances between two sets of samples.

        The mean distance in the charts that two samples share, weighted by the product
        of their weights.

        Parameters
        ----------
        A : {array-like, sparse matrix} of shape (n_samples_a, n_features)
            Data in the units of the training data.
        B : {array-like, sparse matrix} of shape (n_samples_b, n_features)
            Data in the units of the training data.

        Returns
        -------
        ndarray of shape (n_samples_a, n_samples_b)
            Distances; infinite if two samples share no chart.
        """
        return atlas_distances(*weighted(self, A), *weighted(self, B))

    def get_feature_names_out(self, input_features=None):
        """Return the names of the columns of ``transform``: the chart, then its axes.

        Parameters
        ----------
        input_features : array-like of str or None, default=None
            Not used.

        Returns
        -------
        ndarray of str
            For chart 0 and two axes of an AtlasAE ``atlasae_chart0``,
            ``atlasae_chart0_axis0``, ``atlasae_chart0_axis1``, and so on.
        """
        check_is_fitted(self)
        prefix = type(self).__name__.lower()
        names = []
        for chart in range(self.n_charts_):
            block = f"{prefix}_chart{chart}"
            names += [block, *(f"{block}_axis{axis}" for axis in range(self._n_axes))]
        return np.asarray(names, dtype=object)

    def _memberships_and_coordinates(self, X):
        """Return q (n, K) and coordinates (n, K, d) of samples."""
        check_is_fitted(self)
        return split_raw(self._apply(self.network_, X), self._n_axes)

    @property
    def _n_axes(self):
        """Number of coordinates per chart, as fitted."""
        if hasattr(self, "n_charts_"):
            return self._n_features_out // self.n_charts_ - 1
        return self.n_components
