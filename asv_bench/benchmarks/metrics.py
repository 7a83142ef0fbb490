# SPDX-License-Identifier: BSD-3-Clause

"""Metrics of embeddings."""

import numpy as np
from sklearn.manifold import trustworthiness as sklearn_trustworthiness

from skmanifold import metrics

from . import make_clusters

# metric -> options
OF_EMBEDDINGS = {
    "trustworthiness": {"n_neighbors": 15},
    "continuity": {"n_neighbors": 15},
    "mean_relative_rank_error": {"n_neighbors": 15},
    "distance_rmse": {},
    "stress": {},
    "distance_correlation": {},
    "local_geometric_distortion": {"n_neighbors": (3, 7)},
    "neighborhood_preservation": {"n_neighbors": 15},
    "neighborhood_preservation_auc": {},
    "local_curvature": {},
}


class _Data:
    timeout = 300

    def setup(self, n_samples, *_):
        X, self.y = make_clusters(n_samples, 50)
        self.X = X.astype(np.float64)
        self.Z = self.X[:, :2].copy()


class Embeddings(_Data):
    """Metrics that compare an embedding with the input."""

    params = ([1_000, 5_000], list(OF_EMBEDDINGS))
    param_names = ("n_samples", "metric")

    def time_metric(self, n_samples, metric):
        getattr(metrics, metric)(self.X, self.Z, **OF_EMBEDDINGS[metric])

    def peakmem_metric(self, n_samples, metric):
        getattr(metrics, metric)(self.X, self.Z, **OF_EMBEDDINGS[metric])


class Others(_Data):
    """Metrics of one space, and scikit-learn's trustworthiness for comparison."""

    params = [1_000, 5_000]
    param_names = ("n_samples",)

    def time_mean_average_precision(self, n_samples):
        metrics.mean_average_precision_at_k(self.Z, self.y, k=100)

    def time_intrinsic_dimension(self, n_samples):
        metrics.intrinsic_dimension(self.X, method="mle")

    def time_trustworthiness_of_scikit_learn(self, n_samples):
        sklearn_trustworthiness(self.X, self.Z, n_neighbors=15)

    def peakmem_trustworthiness_of_scikit_learn(self, n_samples):
        sklearn_trustworthiness(self.X, self.Z, n_neighbors=15)
