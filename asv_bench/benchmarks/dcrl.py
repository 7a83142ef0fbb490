# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""DCRL: whole fits, one epoch of the last phase, new rows, and tracked scores."""

import numpy as np
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits

from skmanifold import DCRL
from skmanifold.metrics import (
    cluster_rank_accuracy,
    clustering_accuracy,
    trustworthiness,
)

from . import make_clusters


class Fit:
    """A whole fit at the defaults."""

    params = [500, 4_000]
    param_names = ("n_samples",)
    timeout = 600
    # A fit is long enough to be its own average.
    number = 1
    repeat = (1, 3, 60.0)
    warmup_time = 0.0

    def setup(self, n_samples):
        self.X, _ = make_clusters(n_samples, 64)

    def time_fit(self, n_samples):
        DCRL(10, random_state=0).fit(self.X)

    def peakmem_fit(self, n_samples):
        DCRL(10, random_state=0).fit(self.X)


class Images:
    """A fit that learns contrastive features first."""

    timeout = 600
    number = 1
    repeat = (1, 3, 60.0)
    warmup_time = 0.0

    def setup(self):
        self.X, _ = load_digits(return_X_y=True)

    def time_fit(self):
        DCRL(10, image_shape=(8, 8), random_state=0).fit(self.X)


class Epoch:
    """The last phase alone, one epoch, on a start of one's own."""

    params = ([4_000, 16_000], [10, 100])
    param_names = ("n_samples", "n_clusters")
    timeout = 300
    number = 1
    repeat = (1, 3, 30.0)

    def setup(self, n_samples, n_clusters):
        self.X, _ = make_clusters(n_samples, 64)
        self.model = DCRL(
            n_clusters,
            init=np.arange(n_samples) % n_clusters,
            pretraining_epochs=0,
            max_epochs=1,
            random_state=0,
        )

    def time_epoch(self, n_samples, n_clusters):
        self.model.fit(self.X)

    def peakmem_epoch(self, n_samples, n_clusters):
        self.model.fit(self.X)


class NewRows:
    """Rows that were not fitted."""

    params = [1, 10_000]
    param_names = ("n_samples",)

    def setup(self, n_samples):
        X, _ = make_clusters(10_000, 64)
        self.model = DCRL(
            10, init="k-means", pretraining_epochs=1, max_epochs=1, random_state=0
        ).fit(X[:1_000])
        self.X = X[:n_samples]

    def time_transform(self, n_samples):
        self.model.transform(self.X)

    def time_predict(self, n_samples):
        self.model.predict(self.X)

    def time_reconstruct(self, n_samples):
        self.model.reconstruct(self.X)


class Quality:
    """What must not be lost while something else is won: scores on digits."""

    timeout = 900
    unit = "score"

    def setup_cache(self):
        """Fit once for all scores."""
        X, y = load_digits(return_X_y=True)
        model = DCRL(10, random_state=0).fit(X)
        start = KMeans(10, n_init=10, random_state=0).fit_predict(X)
        same_start = DCRL(10, init=start, random_state=0).fit(X)
        return X, y, model.embedding_, model.labels_, start, same_start.labels_

    setup_cache.timeout = 900

    def track_accuracy(self, cache):
        return clustering_accuracy(cache[1], cache[3])

    def track_accuracy_beyond_a_start(self, cache):
        _, y, _, _, start, labels = cache
        return clustering_accuracy(y, labels) - clustering_accuracy(y, start)

    def track_cluster_rank_accuracy(self, cache):
        return cluster_rank_accuracy(cache[0], cache[2], cache[3])

    def track_trustworthiness(self, cache):
        return trustworthiness(cache[0], cache[2], n_neighbors=(3, 7))
