# SPDX-License-Identifier: BSD-3-Clause

"""Intrinsic dimension of data."""

import numpy as np
from scipy.sparse.csgraph import connected_components

from skmanifold.metrics._checks import (
    check_data,
    check_neighbors,
    choose_rows,
    validate_metric,
)
from skmanifold.metrics._ranks import kneighbors
from skmanifold.utils._sklearn import StrOptions

# Fraction of the largest ratios that "twonn" leaves out of the fit, as in the paper.
_DISCARDED = 0.1


@validate_metric({"method": [StrOptions({"twonn", "mle"})]})
def intrinsic_dimension(
    X,
    *,
    method="twonn",
    n_neighbors=(10, 20),
    metric="euclidean",
    per_sample=False,
    n_samples=None,
    n_jobs=None,
    random_state=None,
):
    """Estimate the dimension of the manifold that the samples lie on.

    ``"twonn"`` uses the ratio :math:`\\mu_i = r_2(i) / r_1(i)` of the distances to the
    two nearest neighbors. Its distribution :math:`F(\\mu) = 1 - \\mu^{-d}` depends on
    the dimension only, so d is the slope of :math:`-\\log(1 - F) = d \\log \\mu`
    through the origin, without the largest tenth of the ratios. At this finest scale,
    noise counts as dimension.

    ``"mle"`` uses the distances :math:`T_j(i)` to the k nearest neighbors:

    .. math::

        d_i(k) &= \\Bigl( \\frac{1}{k - 1} \\sum_{j=1}^{k-1}
        \\log \\frac{T_k(i)}{T_j(i)} \\Bigr)^{-1} \\\\
        d(k) &= \\Bigl( \\frac{1}{n} \\sum_{i=1}^n d_i(k)^{-1} \\Bigr)^{-1}

    The estimate is positive, usually not an integer, and too low for large dimensions
    (above about ten) if samples are few.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features) or (n_samples, n_samples)
        The samples, or their distances if ``metric="precomputed"``. Repeated samples
        count once.
    method : {"twonn", "mle"}, default="twonn"
        The estimator. Choose ``"mle"`` for noisy data.
    n_neighbors : int or (int, int), default=(10, 20)
        Number of neighbors of ``"mle"``, at least 2; (first, last) averages over a
        range, as Levina and Bickel propose.
    metric : str or callable, default="euclidean"
        Metric of the samples, as in :func:`~sklearn.metrics.pairwise_distances`.
    per_sample : bool, default=False
        Return the estimate :math:`d_i` around each sample; ``"mle"`` only.
    n_samples : int, default=None
        Evaluate only this many distinct samples, to save time. None means all.
    n_jobs : int, default=None
        Number of threads; None means 1.
    random_state : int, RandomState instance or None, default=None
        Seed of the samples if `n_samples` is given.

    Returns
    -------
    dimension : float or ndarray of shape (n_samples,)
        The estimate, or with ``per_sample=True`` the local ones in the order of X.

    Raises
    ------
    ValueError
        If there are too few distinct samples, or if all neighbors are equally distant.

    References
    ----------
    .. [1] E. Facco, M. d'Errico, A. Rodriguez and A. Laio. Estimating the intrinsic
       dimension of datasets by a minimal neighborhood information. Scientific Reports,
       2017.
    .. [2] E. Levina and P. J. Bickel. Maximum likelihood estimation of intrinsic
       dimension. NIPS, 2004.
    .. [3] D. J. C. MacKay and Z. Ghahramani. Comments on "Maximum likelihood
       estimation of intrinsic dimension" by E. Levina and P. Bickel. 2005.

    Examples
    --------
    >>> from skmanifold.datasets import make_swiss_roll
    >>> from skmanifold.metrics import intrinsic_dimension
    >>> X = make_swiss_roll(2000, random_state=0).data
    >>> round(intrinsic_dimension(X))
    2
    >>> round(intrinsic_dimension(X, method="mle"))
    2
    """
    X = check_data(X, "X", metric=metric, min_samples=3, sparse=False)
    X, firsts, numbers = _distinct(X, metric)
    n = X.shape[0]
    rows = choose_rows(n, n_samples, random_state)
    sampled = len(rows) < n
    if sampled:
        rows = numbers[np.sort(firsts)[rows]]
    if method == "twonn":
        if per_sample:
            raise ValueError(
                "per_sample=True requires method='mle': 'twonn' estimates one number"
                " from all samples."
            )
        return _two_nearest(X, rows, metric, n_jobs)

    first, last = check_neighbors(n_neighbors, n, samples="distinct samples")
    if first < 2:
        raise ValueError(
            f"n_neighbors must be at least 2 with method='mle', got {n_neighbors!r}."
        )
    distances, _ = kneighbors(
        X, last, metric=metric, rows=rows, n_jobs=n_jobs, distances=True
    )
    # Distinct samples may be so close that their distance rounds to zero.
    logs = np.log(np.maximum(distances, np.finfo(distances.dtype).tiny))
    k = np.arange(first, last + 1)
    below = np.cumsum(logs, axis=1)[:, first - 2 : last - 1]
    inverse = logs[:, first - 1 :] - below / (k - 1)
    if (inverse.mean(axis=0) <= 0.0).any() or (per_sample and (inverse <= 0.0).any()):
        raise ValueError(_ALL_EQUAL.format("Increase n_neighbors"))
    if per_sample:
        each = (1.0 / inverse).mean(axis=1)
        return each if sampled else each[numbers]
    return float((1.0 / inverse.mean(axis=0)).mean())


_ALL_EQUAL = (
    "The dimension is undefined: the nearest neighbors are all equally distant, as on a"
    " grid or in a simplex. {}, or add a little noise."
)


def _distinct(X, metric):
    """Return the distinct samples, their first positions, and each sample's number."""
    if metric == "precomputed":
        numbers = connected_components(X == 0.0, directed=False)[1]
        firsts = np.unique(numbers, return_index=True)[1]
        return X[np.ix_(firsts, firsts)], firsts, numbers
    X, firsts, numbers = np.unique(X, axis=0, return_index=True, return_inverse=True)
    return X, firsts, numbers.reshape(-1)


def _two_nearest(X, rows, metric, n_jobs):
    n = len(rows)
    if n < 3:
        raise ValueError(
            f"method='twonn' needs at least 3 distinct samples, got {n}."
            + (" Increase n_samples." if n < X.shape[0] else "")
        )
    distances, _ = kneighbors(
        X, 2, metric=metric, rows=rows, n_jobs=n_jobs, distances=True
    )
    distances = np.maximum(distances, np.finfo(distances.dtype).tiny)
    log_ratio = np.sort(np.log(distances[:, 1]) - np.log(distances[:, 0]))
    # F of the last sample is 1 and its logarithm infinite, so it is always left out.
    n_kept = int(n * (1.0 - _DISCARDED))
    log_ratio, survival = log_ratio[:n_kept], -np.log1p(-np.arange(1, n_kept + 1) / n)
    square = np.vdot(log_ratio, log_ratio)
    if square <= 0.0:
        raise ValueError(_ALL_EQUAL.format("Use method='mle'"))
    return float(np.vdot(log_ratio, survival) / square)
