# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""The metrics of embeddings."""

import numpy as np
from sklearn.manifold import trustworthiness as sklearn_trustworthiness

from skmanifold import metrics

from . import make_clusters

RANKS = ("trustworthiness", "continuity", "mean_relative_rank_error")


class _Pair:
    timeout = 300

    def setup(self, n_samples, *_):
        X, self.y = make_clusters(n_samples, 50)
        self.X = X.astype(np.float64)
        self.Z = self.X[:, :2].copy()


class Ranks(_Pair):
    """Metrics that rank all samples."""

    params = ([1_000, 5_000], RANKS)
    param_names = ("n_samples", "metric")

    def time_metric(self, n_samples, metric):
        getattr(metrics, metric)(self.X, self.Z, n_neighbors=15)

    def peakmem_metric(self, n_samples, metric):
        getattr(metrics, metric)(self.X, self.Z, n_neighbors=15)


class Trustworthiness(_Pair):
    """Ours beside scikit-learn's."""

    params = ([1_000, 5_000], ["ours", "sklearn"])
    param_names = ("n_samples", "implementation")

    def setup(self, n_samples, implementation):
        super().setup(n_samples)
        theirs = implementation == "sklearn"
        self.metric = sklearn_trustworthiness if theirs else metrics.trustworthiness

    def time_trustworthiness(self, n_samples, implementation):
        self.metric(self.X, self.Z, n_neighbors=15)

    def peakmem_trustworthiness(self, n_samples, implementation):
        self.metric(self.X, self.Z, n_neighbors=15)


class Distances(_Pair):
    """Metrics of distances."""

    params = ([1_000, 5_000], ["distance_rmse", "stress", "distance_correlation"])
    param_names = ("n_samples", "metric")

    def time_metric(self, n_samples, metric):
        getattr(metrics, metric)(self.X, self.Z)

    def peakmem_metric(self, n_samples, metric):
        getattr(metrics, metric)(self.X, self.Z)


class Neighbors(_Pair):
    """Metrics that need neighbors only, and the curve that needs all ranks."""

    params = ([1_000, 5_000],)
    param_names = ("n_samples",)

    def time_local_geometric_distortion(self, n_samples):
        metrics.local_geometric_distortion(self.X, self.Z, n_neighbors=(3, 7))

    def time_neighborhood_preservation(self, n_samples):
        metrics.neighborhood_preservation(self.X, self.Z, n_neighbors=15)

    def time_neighborhood_preservation_auc(self, n_samples):
        metrics.neighborhood_preservation_auc(self.X, self.Z)

    def time_mean_average_precision(self, n_samples):
        metrics.mean_average_precision_at_k(self.Z, self.y, k=100)

    def time_intrinsic_dimension(self, n_samples):
        metrics.intrinsic_dimension(self.X, method="mle")

    def time_local_curvature(self, n_samples):
        metrics.local_curvature(self.X, self.Z)
