# SPDX-License-Identifier: BSD-3-Clause

"""Metrics of retrieval by class."""

import numpy as np

from skmanifold.metrics._checks import (
    check_data,
    check_labels,
    check_neighbors,
    choose_rows,
    labeled,
    validate_metric,
)
from skmanifold.metrics._ranks import kneighbors


def _matches(Z, y, k, metric, n_samples, n_jobs, random_state):
    """Return matches, number of relevant samples per query, and the range of k.

    Queries whose class has no other member are left out.
    """
    Z = check_data(Z, "Z", metric=metric)
    y = check_labels(y, Z.shape[0])
    _, y, Z = labeled(y, Z, metric=metric)
    n = Z.shape[0]
    first, last = check_neighbors(k, n, name="k")
    relevant = np.bincount(y)[y] - 1
    if not relevant.any():
        raise ValueError(
            "Every class in y has a single member, so nothing can be retrieved. Pass"
            " classes with at least two samples."
        )
    rows = choose_rows(n, n_samples, random_state)
    near = kneighbors(Z, last, metric=metric, rows=rows, n_jobs=n_jobs)
    same = y[near] == y[rows, np.newaxis]
    relevant = relevant[rows]
    kept = relevant > 0
    if not kept.any():
        raise ValueError(
            f"Every one of the n_samples={n_samples} queries is the only member of its"
            " class, so nothing can be retrieved. Increase n_samples."
        )
    return same[kept], relevant[kept], first, last


@validate_metric()
def recall_at_k(
    Z,
    y,
    *,
    k=1,
    metric="euclidean",
    per_sample=False,
    n_samples=None,
    n_jobs=None,
    random_state=None,
):
    """Compute the fraction of queries with a hit among the k nearest samples (R@k).

    .. math::

        R@k = \\frac{1}{n} \\sum_{i=1}^n [\\exists j \\in N_k^Z(i) : y_j = y_i]

    Each sample is a query against all others. Queries whose class has no other member
    and samples without a label are left out. The value lies in [0, 1]; higher is
    better.

    Parameters
    ----------
    Z : array-like of shape (n_samples, n_components) or (n_samples, n_samples)
        The embedding, or its distances if ``metric="precomputed"``.
    y : array-like of shape (n_samples,)
        The classes; None, NaN or NA where missing.
    k : int or (int, int), default=1
        Number of retrieved samples; (first, last) averages over a range.
    metric : str or callable, default="euclidean"
        Metric of the embedding, such as ``"cosine"``.
    per_sample : bool, default=False
        Return the value of each query.
    n_samples : int, default=None
        Use this many random samples as queries. None means all.
    n_jobs : int, default=None
        Number of threads; None means 1.
    random_state : int, RandomState instance or None, default=None
        Seed of the queries if `n_samples` is given.

    Returns
    -------
    recall : float or ndarray of shape (n_queries,)
        The fraction, or the hits with ``per_sample=True``.

    References
    ----------
    .. [1] H. Oh Song, Y. Xiang, S. Jegelka and S. Savarese. Deep metric learning via
       lifted structured feature embedding. CVPR, 2016.

    Examples
    --------
    >>> from skmanifold.metrics import recall_at_k
    >>> Z, y = [[0.0], [1.0], [1.9], [4.0]], [0, 1, 0, 1]
    >>> [recall_at_k(Z, y, k=k) for k in (1, 2, 3)]
    [0.0, 0.75, 1.0]
    """
    matches, _, first, last = _matches(Z, y, k, metric, n_samples, n_jobs, random_state)
    hits = np.maximum.accumulate(matches, axis=1)[:, first - 1 : last].mean(axis=1)
    return hits if per_sample else float(hits.mean())


@validate_metric()
def mean_average_precision_at_k(
    Z,
    y,
    *,
    k=10,
    metric="euclidean",
    per_sample=False,
    n_samples=None,
    n_jobs=None,
    random_state=None,
):
    """Compute the mean average precision among the k nearest samples (mAP@k).

    .. math::

        AP_i@k = \\frac{1}{\\min(k, R_i)} \\sum_{t=1}^k P_i(t) \\, [y_{i_t} = y_i]

    with :math:`i_t` the t-th nearest sample, :math:`P_i(t)` the precision among the
    first t, and :math:`R_i` the number of other samples of the query's class. Queries
    with :math:`R_i = 0` and samples without a label are left out. The value lies in
    [0, 1]; higher is better. ``k=n_samples - 1`` is the full mAP.

    Parameters
    ----------
    Z : array-like of shape (n_samples, n_components) or (n_samples, n_samples)
        The embedding, or its distances if ``metric="precomputed"``.
    y : array-like of shape (n_samples,)
        The classes; None, NaN or NA where missing.
    k : int or (int, int), default=10
        Number of retrieved samples; (first, last) averages over a range.
    metric : str or callable, default="euclidean"
        Metric of the embedding, such as ``"cosine"``.
    per_sample : bool, default=False
        Return the average precision of each query.
    n_samples : int, default=None
        Use only this many random samples as queries, if k is large. None means all.
    n_jobs : int, default=None
        Number of threads; None means 1.
    random_state : int, RandomState instance or None, default=None
        Seed of the queries if `n_samples` is given.

    Returns
    -------
    precision : float or ndarray of shape (n_queries,)
        The mean, or the average precisions with ``per_sample=True``.

    References
    ----------
    .. [1] K. Musgrave, S. Belongie and S.-N. Lim. A metric learning reality check.
       ECCV, 2020.

    Examples
    --------
    >>> from skmanifold.metrics import mean_average_precision_at_k
    >>> Z, y = [[0.0], [1.0], [1.9], [4.0]], [0, 1, 0, 1]
    >>> round(mean_average_precision_at_k(Z, y, k=3), 4)
    0.4583
    """
    matches, relevant, first, last = _matches(
        Z, y, k, metric, n_samples, n_jobs, random_state
    )
    cut = np.arange(1, last + 1)
    gains = np.cumsum(matches * (np.cumsum(matches, axis=1) / cut), axis=1)
    precision = gains / np.minimum(cut, relevant[:, np.newaxis])
    precision = precision[:, first - 1 :].mean(axis=1)
    return precision if per_sample else float(precision.mean())
