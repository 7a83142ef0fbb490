# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""DLME: the neighbour search that it begins with, and whole fits."""

from sklearn.datasets import load_digits
from sklearn.manifold import trustworthiness
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from skmanifold import DLME
from skmanifold.graph import nearest_neighbors
from skmanifold.training import TrainingOptions

from . import make_clusters


class NearestNeighbors:
    """The exact graph of neighbours."""

    params = ([1_000, 10_000], [50, 784])
    param_names = ("n_samples", "n_features")
    timeout = 300

    def setup(self, n_samples, n_features):
        self.X, _ = make_clusters(n_samples, n_features)

    def time_exact(self, n_samples, n_features):
        nearest_neighbors(self.X, 15, algorithm="exact")

    def peakmem_exact(self, n_samples, n_features):
        nearest_neighbors(self.X, 15, algorithm="exact")


class Fit:
    """A whole fit at the defaults."""

    params = [500, 4_000, 16_000]
    param_names = ("n_samples",)
    timeout = 600
    # A fit is long enough to be its own average.
    number = 1
    repeat = (1, 3, 60.0)
    warmup_time = 0.0

    def setup(self, n_samples):
        self.X, _ = make_clusters(n_samples, 784)

    def time_fit(self, n_samples):
        DLME(random_state=0).fit(self.X)

    def peakmem_fit(self, n_samples):
        DLME(random_state=0).fit(self.X)


class Threads:
    """Training on one thread and on two: the second one should pay."""

    params = [1, 2]
    param_names = ("n_threads",)
    timeout = 600
    number = 1
    repeat = (1, 3, 60.0)
    warmup_time = 0.0

    def setup(self, n_threads):
        self.X, _ = make_clusters(16_000, 50)

    def time_fit(self, n_threads):
        training = TrainingOptions(n_threads=n_threads)
        DLME(max_epochs=4, training=training, random_state=0).fit(self.X)


class Quality:
    """What must not be lost while something else is won: scores on digits."""

    timeout = 600
    unit = "score"

    def setup_cache(self):
        """Embed once for all scores, with three seeds."""
        X, y = load_digits(return_X_y=True)
        embeddings = [DLME(random_state=seed).fit_transform(X) for seed in range(3)]
        return X, y, embeddings

    setup_cache.timeout = 600

    @staticmethod
    def _accuracy(classifier, cache):
        _, y, embeddings = cache
        scores = [cross_val_score(classifier, z, y, cv=10).mean() for z in embeddings]
        return sum(scores) / len(scores)

    def track_linear_svm(self, cache):
        svm = make_pipeline(StandardScaler(), SVC(kernel="linear"))
        return self._accuracy(svm, cache)

    def track_10_nearest_neighbors(self, cache):
        return self._accuracy(KNeighborsClassifier(10), cache)

    def track_trustworthiness(self, cache):
        X, _, embeddings = cache
        scores = [trustworthiness(X, z, n_neighbors=15) for z in embeddings]
        return sum(scores) / len(scores)
