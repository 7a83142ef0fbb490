# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""Do the clusters match the classes, and do they lie as in the input?"""

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_array, issparse
from scipy.stats import rankdata
from sklearn.metrics import pairwise_distances
from sklearn.metrics.cluster import contingency_matrix

from skmanifold.metrics._checks import check_labels, check_pair, labeled


def clustering_accuracy(y_true, y_pred):
    """Compute the accuracy of clusters under their best matching to the classes.

    .. math::

        ACC = \\max_m \\frac{1}{n} \\sum_{i=1}^n [y_i = m(c_i)]

    over all one-to-one maps m from clusters to classes, found by the Hungarian method.
    Where the numbers of labels differ, what has no partner counts as wrong. Samples
    without a label in either of the two are left out. The value lies in (0, 1]; higher
    is better.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        The classes, of any kind; None, NaN and NA where a label is missing.

    y_pred : array-like of shape (n_samples,)
        The clusters; their names do not matter, so that noise, -1, is one of them.

    Returns
    -------
    accuracy : float
        The accuracy.

    See Also
    --------
    sklearn.metrics.normalized_mutual_info_score : A measure without a matching.
    sklearn.metrics.adjusted_rand_score : Another, adjusted for chance.

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
        raise ValueError("y_true is empty; at least one label is needed.")
    y_pred = check_labels(y_pred, len(y_true), "y_pred")
    known = (y_true >= 0) & (y_pred >= 0)
    if not known.any():
        raise ValueError(
            "No sample has a label in both y_true and y_pred; at least one is needed."
        )
    counts = contingency_matrix(y_true[known], y_pred[known])
    matched = linear_sum_assignment(counts, maximize=True)
    return float(counts[matched].sum() / known.sum())


def cluster_rank_accuracy(X, Z, labels):
    """Compute how far the clusters keep the order of their distances (CRA).

    With :math:`r_X(a, b)` the rank of the mean of cluster b among the distances from
    the mean of cluster a in the input, and :math:`r_Z` the same in the embedding,

    .. math::

        CRA = \\frac{1}{C^2} \\sum_{a,b} [r_X(a, b) = r_Z(a, b)].

    The value lies in [1/C, 1], as each mean is its own nearest; higher is better. The
    value 1 is always possible where the embedding has at least ``C - 1`` columns.
    Samples whose label is missing are left out.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        The input.

    Z : array-like of shape (n_samples, n_components)
        The embedding.

    labels : array-like of shape (n_samples,)
        The clusters, or the classes; None, NaN and NA where one is missing.

    Returns
    -------
    accuracy : float
        The share of kept ranks.

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
    """Rank of every centre from every centre, ties sharing the lowest."""
    counts = np.bincount(labels)
    members = csr_array((np.ones(len(labels)), (labels, np.arange(len(labels)))))
    sums = members @ X.astype(np.float64)
    if issparse(sums):
        sums = sums.toarray()
    # A common mean far from zero would cost digits in the distances.
    centers = sums / counts[:, np.newaxis]
    distances = pairwise_distances(centers - centers.mean(axis=0))
    np.fill_diagonal(distances, -1.0)
    return rankdata(distances, method="min", axis=1)
