# SPDX-License-Identifier: BSD-3-Clause

"""Metrics of clusters: agreement with classes, and order of their distances."""

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_array, issparse
from scipy.stats import rankdata
from sklearn.metrics import pairwise_distances
from sklearn.metrics.cluster import contingency_matrix

from skmanifold.metrics._checks import check_labels, check_pair, labeled


def clustering_accuracy(y_true, y_pred):
    """Compute the accuracy of clusters matched optimally to the classes.

    .. math::

        ACC = \\max_m \\frac{1}{n} \\sum_{i=1}^n [y_i = m(c_i)]

    over all one-to-one maps m from clusters to classes (Hungarian method). Clusters or
    classes without a partner count as wrong. Samples that lack a label in either array
    are left out. The value lies in (0, 1]; higher is better.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        The classes, of any type; None, NaN or NA where missing.
    y_pred : array-like of shape (n_samples,)
        The clusters, of any type. Noise, -1, counts as a cluster.

    Returns
    -------
    accuracy : float
        The accuracy.

    See Also
    --------
    sklearn.metrics.normalized_mutual_info_score : A measure without matching.
    sklearn.metrics.adjusted_rand_score : A measure adjusted for chance.

    References
    ----------
    .. [1] H. W. Kuhn. The Hungarian method for the assignment problem. Naval Research
       Logistics Quarterly, 1955.
    .. [2] J. Xie, R. Girshick and A. Farhadi. Unsupervised deep embedding for
       clustering analysis. ICML, 2016.

    Examples
    --------
    >>> from skmanifold.metrics import clustering_accuracy
    >>> clustering_accuracy(["a", "a", "b", "b"], [1, 1, 0, 0])
    1.0
    >>> clustering_accuracy([0, 0, 1, 1], [0, 0, 1, 2])
    0.75
    """
    y_true = check_labels(y_true, None, "y_true")
    if len(y_true) == 0:
        raise ValueError("y_true is empty. Pass at least one label.")
    y_pred = check_labels(y_pred, len(y_true), "y_pred")
    known = (y_true >= 0) & (y_pred >= 0)
    if not known.any():
        raise ValueError(
            "No sample has a label in both y_true and y_pred. At least one is needed."
        )
    counts = contingency_matrix(y_true[known], y_pred[known])
    matched = linear_sum_assignment(counts, maximize=True)
    return float(counts[matched].sum() / known.sum())


def cluster_rank_accuracy(X, Z, labels):
    """Compute how well the order of cluster distances is preserved (CRA).

    With :math:`r_X(a, b)` the rank of the mean of cluster b by its distance from the
    mean of cluster a in the input, and :math:`r_Z` the same in the embedding,

    .. math::

        CRA = \\frac{1}{C^2} \\sum_{a,b} [r_X(a, b) = r_Z(a, b)].

    The value lies in [1/C, 1], since each mean is its own nearest; higher is better. 1
    can always be reached with ``C - 1`` components. Samples without a label are left
    out.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        The input.
    Z : array-like of shape (n_samples, n_components)
        The embedding; its distances are Euclidean.
    labels : array-like of shape (n_samples,)
        The clusters or classes; None, NaN or NA where missing.

    Returns
    -------
    accuracy : float
        The fraction of preserved ranks.

    References
    ----------
    .. [1] L. Wu et al. Deep clustering and representation learning that preserves
       geometric structures. arXiv:2009.09590, 2020.

    Examples
    --------
    >>> from skmanifold.metrics import cluster_rank_accuracy
    >>> X, labels = [[0.0], [1.0], [5.0]], [0, 1, 2]
    >>> cluster_rank_accuracy(X, [[0.0], [2.0], [9.0]], labels)
    1.0
    >>> round(cluster_rank_accuracy(X, [[0.0], [9.0], [5.0]], labels), 2)
    0.56
    """
    X, Z = check_pair(X, Z, min_samples=1)
    labels = check_labels(labels, X.shape[0], "labels")
    _, labels, X, Z = labeled(labels, X, Z)
    return float(np.mean(_center_ranks(X, labels) == _center_ranks(Z, labels)))


def _center_ranks(X, labels):
    """Return the rank of every center from every center, ties sharing the lowest."""
    counts = np.bincount(labels)
    members = csr_array((np.ones(len(labels)), (labels, np.arange(len(labels)))))
    sums = members @ X.astype(np.float64)
    if issparse(sums):
        sums = sums.toarray()
    # A common mean far from zero costs digits in the distances.
    centers = sums / counts[:, np.newaxis]
    distances = pairwise_distances(centers - centers.mean(axis=0))
    np.fill_diagonal(distances, -1.0)
    return rankdata(distances, method="min", axis=1)
