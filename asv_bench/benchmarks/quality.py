# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""Scores that must not decrease."""

import numpy as np
from scipy.stats import spearmanr
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from skmanifold import DCRL, DLME, IsometricAE, metrics
from skmanifold.atlas import AtlasAE, ChartwiseClassifier, MSimCLR
from skmanifold.datasets import make_projective_plane, make_swiss_roll
from skmanifold.topology import betti_numbers

SEEDS = range(3)


class _Quality:
    """Scores of fits that are cached by ``setup_cache``."""

    timeout = 900
    unit = "score"


class Embedding(_Quality):
    """DLME on digits."""

    def setup_cache(self):
        X, y = load_digits(return_X_y=True)
        return X, y, [DLME(random_state=seed).fit_transform(X) for seed in SEEDS]

    setup_cache.timeout = 900

    @staticmethod
    def _accuracy(classifier, cache):
        _, y, embeddings = cache
        scores = [cross_val_score(classifier, z, y, cv=10) for z in embeddings]
        return float(np.mean(scores))

    def track_linear_svm(self, cache):
        return self._accuracy(
            make_pipeline(StandardScaler(), SVC(kernel="linear")), cache
        )

    def track_10_nearest_neighbors(self, cache):
        return self._accuracy(KNeighborsClassifier(10), cache)

    def track_trustworthiness(self, cache):
        X, _, embeddings = cache
        return float(np.mean([metrics.trustworthiness(X, z) for z in embeddings]))


class Clusters(_Quality):
    """DCRL on digits, from its own start and from k-means."""

    def setup_cache(self):
        X, y = load_digits(return_X_y=True)
        model = DCRL(10, random_state=0).fit(X)
        start = KMeans(10, n_init=10, random_state=0).fit_predict(X)
        same_start = DCRL(10, init=start, random_state=0).fit(X)
        return X, y, model.embedding_, model.labels_, start, same_start.labels_

    setup_cache.timeout = 900

    def track_accuracy(self, cache):
        return metrics.clustering_accuracy(cache[1], cache[3])

    def track_accuracy_beyond_k_means(self, cache):
        _, y, _, _, start, labels = cache
        accuracy = metrics.clustering_accuracy
        return accuracy(y, labels) - accuracy(y, start)

    def track_cluster_rank_accuracy(self, cache):
        return metrics.cluster_rank_accuracy(cache[0], cache[2], cache[3])

    def track_trustworthiness(self, cache):
        return metrics.trustworthiness(cache[0], cache[2], n_neighbors=(3, 7))


class SwissRoll(_Quality):
    """IsometricAE on a swiss roll."""

    def setup_cache(self):
        fits = []
        for seed in SEEDS:
            roll = make_swiss_roll(3_000, random_state=seed)
            model = IsometricAE(random_state=seed).fit(roll.data[:2_000])
            fits.append((roll.data, roll.coordinates, model))
        return fits

    setup_cache.timeout = 900

    def track_distortion(self, fits):
        distortion = metrics.isometry_distortion
        return float(np.mean([distortion(m, m.embedding_) for _, _, m in fits]))

    def track_held_out_reconstruction(self, fits):
        new = [(X[2_000:], model) for X, _, model in fits]
        errors = [np.sqrt(-model.score(X) / X.var(axis=0).sum()) for X, model in new]
        return float(np.mean(errors))

    def track_rank_correlation(self, fits):
        i, j = np.random.default_rng(0).integers(2_000, size=(2, 1_000))
        values = []
        for _, coordinates, model in fits:
            along = np.linalg.norm(coordinates[i] - coordinates[j], axis=1)
            Z = model.embedding_
            values.append(spearmanr(along, np.linalg.norm(Z[i] - Z[j], axis=1))[0])
        return float(np.mean(values))


class ProjectivePlane(_Quality):
    """AtlasAE on a projective plane."""

    def setup_cache(self):
        fits = []
        for seed in SEEDS:
            bunch = make_projective_plane(3000, n_features=6, random_state=seed)
            fits.append((bunch, AtlasAE(12, random_state=seed).fit(bunch.data)))
        return fits

    setup_cache.timeout = 900

    def track_right_betti_numbers(self, fits):
        return sum(
            all(
                betti_numbers(model.predict_proba(bunch.data), field=field).numbers
                == bunch.betti_numbers[field]
                for field in (2, 3)
            )
            for bunch, model in fits
        )

    def track_reconstruction(self, fits):
        errors = [-m.score(b.data) / b.data.var(axis=0).sum() for b, m in fits]
        return float(np.mean(errors))


class Contrast(_Quality):
    """MSimCLR on digits."""

    def setup_cache(self):
        X, y = load_digits(return_X_y=True)
        model = MSimCLR(image_shape=(8, 8), random_state=0).fit(X[:1300])
        return y, model.embedding_, model.transform(X[1300:]), model.predict_proba(X)

    setup_cache.timeout = 900

    def track_accuracy_per_chart(self, cache):
        y, train, test, _ = cache
        charts = ChartwiseClassifier(LogisticRegression(C=1e3, max_iter=2000))
        return charts.fit(train, y[:1300]).score(test, y[1300:])

    def track_living_charts(self, cache):
        q = cache[3]
        return int((q.mean(axis=0) >= 0.1 / q.shape[1]).sum())

    def track_largest_membership(self, cache):
        return float(np.mean(cache[3].max(axis=1)))
