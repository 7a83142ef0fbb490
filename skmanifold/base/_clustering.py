# SPDX-License-Identifier: BSD-3-Clause

"""Clustering of the embedding by k-means."""

import numpy as np
from sklearn.exceptions import NotFittedError
from sklearn.metrics import pairwise_distances_argmin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted
from torch import nn

from skmanifold._engine import named_seed
from skmanifold.utils._containers import counted
from skmanifold.utils._threads import one_thread
from skmanifold.utils._validation import Count
from skmanifold.utils._warnings import warn

from ._heads import Head, NearestCenter

# Default number of clusters of fit_predict, as in scikit-learn.
_DEFAULT_N_CLUSTERS = 8


def _has_n_clusters(estimator):
    if estimator.n_clusters is None:
        raise AttributeError(
            f"{type(estimator).__name__}(n_clusters=None) has no predict. Set "
            "n_clusters to an int, so that fit also clusters the embedding."
        )
    return True


class KMeansMixin:
    """Clustering of the embedding of a :class:`DeepManifold` by k-means.

    List it before DeepManifold among the base classes of an estimator with the
    parameter ``n_clusters``, whose constraint is in ``clustering_constraints``. If
    `n_clusters` is an int, ``labels_`` and ``predict`` are available.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skmanifold import DLME
    >>> from skmanifold.base import KMeansMixin
    >>> issubclass(DLME, KMeansMixin)
    True
    >>> X, _ = load_iris(return_X_y=True)
    >>> DLME(n_clusters=3, max_epochs=2, random_state=0).fit(X).predict(X).shape
    (150,)
    """

    clustering_constraints: dict = {"n_clusters": [Count(1), None]}

    @available_if(_has_n_clusters)
    def predict(self, X):
        """Predict the cluster of each sample: the nearest center in the embedding.

        Available if ``n_clusters`` is an int.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Data in the units of the training data.

        Returns
        -------
        ndarray of shape (n_samples,), int
            Cluster numbers, from 0.
        """
        check_is_fitted(self)
        if self._cluster_centers is None:
            raise NotFittedError(
                f"This {type(self).__name__} was fitted with n_clusters=None and has "
                "no clusters. Call fit again to cluster the embedding."
            )
        return _nearest_centers(self.transform(X), self._cluster_centers)

    def fit_predict(self, X, y=None):
        """Learn the embedding and cluster it with k-means.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training data in raw units.
        y : Ignored
            Passed on to callbacks; only supervised methods use labels.

        Returns
        -------
        ndarray of shape (n_samples,), int
            Cluster numbers, from 0 to ``n_clusters - 1``, or to 7 if that is None.
        """
        self.fit(X, y)
        if self.n_clusters is None:
            centers = kmeans_centers(self.embedding_, _DEFAULT_N_CLUSTERS, self._seed)
            self.labels_ = _nearest_centers(self.embedding_, centers)
        return self.labels_

    def _heads(self):
        return {**super()._heads(), "predict": Head(self._nearest_center, ("label",))}

    def _nearest_center(self):
        """Return a torch module that maps the network's outputs to clusters."""
        if self._cluster_centers is None:
            raise ValueError(
                f"This {type(self).__name__} has no clusters to predict: it was fitted "
                "with n_clusters=None. Set n_clusters to an int and fit again."
            )
        nearest = NearestCenter(self._cluster_centers)
        return nn.Sequential(self._presentation(), nearest)

    def _fitted_attributes(self, objective, outputs, data):
        attributes = super()._fitted_attributes(objective, outputs, data)
        if self.n_clusters is None:
            return {**attributes, "_cluster_centers": None}
        embedding = self._present(outputs)
        centers = kmeans_centers(embedding, self.n_clusters, data.fit_seed)
        labels = _nearest_centers(embedding, centers)
        return {**attributes, "_cluster_centers": centers, "labels_": labels}


def _nearest_centers(embedding, centers):
    embedding = np.asarray(embedding, dtype=np.float64)
    return pairwise_distances_argmin(embedding, centers).astype(np.int32)


def kmeans_centers(embedding, n_clusters, fit_seed):
    """Return the centers of k-means in an embedding."""
    # importing it would take a tenth of the time of importing a method
    from sklearn.cluster import KMeans

    n_distinct = len(np.unique(embedding, axis=0))
    if n_clusters > n_distinct:
        warn(
            f"n_clusters={n_clusters} is more than the "
            f"{counted(n_distinct, 'different embedding')} of the {len(embedding)} "
            "samples; using "
            f"n_clusters={n_distinct}."
        )
        n_clusters = n_distinct
    seed = named_seed(fit_seed, "k-means")
    kmeans = KMeans(n_clusters, n_init=10, random_state=seed)
    # more threads would sum in random order
    with one_thread():
        return kmeans.fit(np.asarray(embedding, dtype=np.float64)).cluster_centers_
