# SPDX-License-Identifier: BSD-3-Clause

"""Metrics of neighborhood preservation."""

import numpy as np

from skmanifold.metrics._checks import (
    check_data,
    check_labels,
    check_neighbors,
    check_pair,
    choose_rows,
    labeled,
    validate_metric,
)
from skmanifold.metrics._ranks import (
    Distances,
    all_ranks,
    chunks,
    kneighbors,
    map_chunks,
    ranks_of,
)
from skmanifold.utils._sklearn import StrOptions


def _intrusion_scores(space, neighbor_space, first, last, *, rows, n_jobs, metrics):
    """Return 1 - scaled sum of (rank in `space` - k) over neighbors in another space.

    One score per sample, averaged over k = first, ..., last.
    """
    n = space.shape[0]
    near = kneighbors(neighbor_space, last, metric=metrics[1], rows=rows, n_jobs=n_jobs)
    ranks = ranks_of(space, near, metric=metrics[0], rows=rows, n_jobs=n_jobs)
    # A neighbor at position p with rank r costs r - k for every k from p to r - 1.
    # Cumulative sums of scale and k * scale give all of these at once.
    k = np.arange(first, last + 1)
    scale = 2.0 / (k * (2.0 * n - 3.0 * k - 1.0))
    scales = np.concatenate([[0.0], np.cumsum(scale)])
    weighted = np.concatenate([[0.0], np.cumsum(k * scale)])
    start = np.maximum(np.arange(1, last + 1) - first, 0)
    costs = np.empty(len(ranks))
    for chunk in chunks(len(ranks), 6 * 8 * last):
        r = ranks[chunk]
        end = np.maximum(np.clip(r, first, last + 1) - first, start)
        each = r * (scales[end] - scales[start]) - (weighted[end] - weighted[start])
        costs[chunk] = each.sum(axis=1)
    return 1.0 - costs / len(k)


def _finish(scores, per_sample):
    return scores if per_sample else float(scores.mean())


@validate_metric()
def trustworthiness(
    X,
    Z,
    *,
    n_neighbors=5,
    metric="euclidean",
    per_sample=False,
    n_samples=None,
    n_jobs=None,
    random_state=None,
):
    """Compute the trustworthiness: neighbors in the embedding are true neighbors.

    A sample among the ``k`` nearest of ``i`` in the embedding but not in the input
    costs the excess of its rank ``r(i, j)`` in the input:

    .. math::

        T(k) = 1 - \\frac{2}{nk (2n - 3k - 1)} \\sum_{i=1}^n
        \\sum_{j \\in N_k^Z(i)} \\max(0, r_X(i, j) - k)

    The value lies in [0, 1]; higher is better, and 1 means no false neighbors. It
    equals :func:`sklearn.manifold.trustworthiness`, but is computed in chunks.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        The input, or its square matrix of distances if ``metric="precomputed"``.
    Z : array-like of shape (n_samples, n_components)
        The embedding; its distances are Euclidean.
    n_neighbors : int or (int, int), default=5
        Number of neighbors, less than n / 2; (first, last) averages over a range.
    metric : str or callable, default="euclidean"
        Metric of the input, as in :func:`~sklearn.metrics.pairwise_distances`.
    per_sample : bool, default=False
        Return the score of each sample; the value is their mean.
    n_samples : int, default=None
        Evaluate only this many random samples, to save time. None means all.
    n_jobs : int, default=None
        Number of threads; None means 1.
    random_state : int, RandomState instance or None, default=None
        Seed of the samples if `n_samples` is given.

    Returns
    -------
    trustworthiness : float or ndarray of shape (n_samples,)
        The value, or with ``per_sample=True`` the scores in the order of X.

    See Also
    --------
    continuity : The same with X and Z exchanged.

    References
    ----------
    .. [1] J. Venna and S. Kaski. Neighborhood preservation in nonlinear projection
       methods: an experimental study. ICANN, 2001.

    Examples
    --------
    >>> import numpy as np
    >>> from skmanifold.metrics import trustworthiness
    >>> X = np.random.default_rng(0).normal(size=(100, 3))
    >>> round(trustworthiness(X, X[:, :2]), 2)
    0.87
    """
    X, Z = check_pair(X, Z, metric=metric)
    n = X.shape[0]
    first, last = check_neighbors(n_neighbors, n, (n - 1) // 2)
    rows = choose_rows(n, n_samples, random_state)
    scores = _intrusion_scores(
        X, Z, first, last, rows=rows, n_jobs=n_jobs, metrics=(metric, "euclidean")
    )
    return _finish(scores, per_sample)


@validate_metric()
def continuity(
    X,
    Z,
    *,
    n_neighbors=5,
    metric="euclidean",
    per_sample=False,
    n_samples=None,
    n_jobs=None,
    random_state=None,
):
    """Compute the continuity: neighbors in the input remain neighbors.

    A sample among the ``k`` nearest of ``i`` in the input but not in the embedding
    costs the excess of its rank ``r(i, j)`` in the embedding:

    .. math::

        C(k) = 1 - \\frac{2}{nk (2n - 3k - 1)} \\sum_{i=1}^n
        \\sum_{j \\in N_k^X(i)} \\max(0, r_Z(i, j) - k)

    The value lies in [0, 1]; higher is better, and 1 means no lost neighbors.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        The input, or its square matrix of distances if ``metric="precomputed"``.
    Z : array-like of shape (n_samples, n_components)
        The embedding; its distances are Euclidean.
    n_neighbors : int or (int, int), default=5
        Number of neighbors, less than n / 2; (first, last) averages over a range.
    metric : str or callable, default="euclidean"
        Metric of the input, as in :func:`~sklearn.metrics.pairwise_distances`.
    per_sample : bool, default=False
        Return the score of each sample; the value is their mean.
    n_samples : int, default=None
        Evaluate only this many random samples, to save time. None means all.
    n_jobs : int, default=None
        Number of threads; None means 1.
    random_state : int, RandomState instance or None, default=None
        Seed of the samples if `n_samples` is given.

    Returns
    -------
    continuity : float or ndarray of shape (n_samples,)
        The value, or the scores with ``per_sample=True``.

    See Also
    --------
    trustworthiness : The same with X and Z exchanged.

    References
    ----------
    .. [1] J. Venna and S. Kaski. Local multidimensional scaling. Neural Networks,
       2006.

    Examples
    --------
    >>> import numpy as np
    >>> from skmanifold.metrics import continuity
    >>> X = np.random.default_rng(0).normal(size=(100, 3))
    >>> round(continuity(X, X[:, :2], n_neighbors=(3, 7)), 2)
    0.97
    """
    X, Z = check_pair(X, Z, metric=metric)
    n = X.shape[0]
    first, last = check_neighbors(n_neighbors, n, (n - 1) // 2)
    rows = choose_rows(n, n_samples, random_state)
    scores = _intrusion_scores(
        Z, X, first, last, rows=rows, n_jobs=n_jobs, metrics=("euclidean", metric)
    )
    return _finish(scores, per_sample)


def _relative_rank_errors(space, near, first, last, *, metric, rows, n_jobs):
    """Return per-sample errors; the t-th neighbor has rank t in its own space."""
    n = space.shape[0]
    ranks = ranks_of(space, near, metric=metric, rows=rows, n_jobs=n_jobs)
    own_ranks = np.arange(1, last + 1)
    errors = np.cumsum(np.abs(ranks - own_ranks) / own_ranks, axis=1)
    worst = np.cumsum(np.abs(n - 2 * own_ranks) / own_ranks)
    # With n = 2 both are 0.
    relative = errors / np.where(worst > 0, worst, 1.0)
    return relative[:, first - 1 :].mean(axis=1)


@validate_metric({"direction": [StrOptions({"sum", "mean", "embedding", "input"})]})
def mean_relative_rank_error(
    X,
    Z,
    *,
    n_neighbors=5,
    direction="sum",
    metric="euclidean",
    per_sample=False,
    n_samples=None,
    n_jobs=None,
    random_state=None,
):
    """Compute the mean relative rank error (MRRE).

    With ranks ``r`` from 1 and :math:`H_k = n \\sum_{t=1}^k |n - 2t| / t`, the error of
    the reversed order,

    .. math::

        E_Z(k) &= \\frac{1}{H_k} \\sum_{i=1}^n \\sum_{j \\in N_k^Z(i)}
        \\frac{|r_X(i, j) - r_Z(i, j)|}{r_Z(i, j)} \\\\
        E_X(k) &= \\frac{1}{H_k} \\sum_{i=1}^n \\sum_{j \\in N_k^X(i)}
        \\frac{|r_X(i, j) - r_Z(i, j)|}{r_X(i, j)}

    Unlike trustworthiness and continuity, it also measures changes of order within the
    neighborhoods. Lower is better; 0 means that all ranks are kept. Each direction lies
    in [0, 1] and the sum in [0, 2] for ``k <= (n + 1) / 3``.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        The input, or its square matrix of distances if ``metric="precomputed"``.
    Z : array-like of shape (n_samples, n_components)
        The embedding; its distances are Euclidean.
    n_neighbors : int or (int, int), default=5
        Number of neighbors, less than n; (first, last) averages over a range.
    direction : {"sum", "mean", "embedding", "input"}, default="sum"
        ``"embedding"`` is :math:`E_Z`, over neighbors in the embedding; ``"input"`` is
        :math:`E_X`, over neighbors in the input. ``"sum"`` of both is the RRE of the
        DCRL paper; ``"mean"`` is that of its authors' code.
    metric : str or callable, default="euclidean"
        Metric of the input, as in :func:`~sklearn.metrics.pairwise_distances`.
    per_sample : bool, default=False
        Return the error of each sample; the value is their mean.
    n_samples : int, default=None
        Evaluate only this many random samples, to save time. None means all.
    n_jobs : int, default=None
        Number of threads; None means 1.
    random_state : int, RandomState instance or None, default=None
        Seed of the samples if `n_samples` is given.

    Returns
    -------
    error : float or ndarray of shape (n_samples,)
        The value, or the errors with ``per_sample=True``.

    References
    ----------
    .. [1] J. A. Lee and M. Verleysen. Quality assessment of dimensionality reduction:
       rank-based criteria. Neurocomputing, 2009.
    .. [2] L. Wu et al. Deep clustering and representation learning with geometric
       structure preservation. arXiv:2009.09590, 2020.

    Examples
    --------
    >>> import numpy as np
    >>> from skmanifold.metrics import mean_relative_rank_error
    >>> X = np.random.default_rng(0).normal(size=(100, 3))
    >>> mean_relative_rank_error(X, 2 * X)
    0.0
    >>> round(mean_relative_rank_error(X, X[:, :2], n_neighbors=(3, 7)), 2)
    0.19
    """
    X, Z = check_pair(X, Z, metric=metric)
    n = X.shape[0]
    first, last = check_neighbors(n_neighbors, n)
    rows = choose_rows(n, n_samples, random_state)
    errors = 0.0
    if direction != "input":
        near = kneighbors(Z, last, rows=rows, n_jobs=n_jobs)
        errors = errors + _relative_rank_errors(
            X, near, first, last, metric=metric, rows=rows, n_jobs=n_jobs
        )
    if direction != "embedding":
        near = kneighbors(X, last, metric=metric, rows=rows, n_jobs=n_jobs)
        errors = errors + _relative_rank_errors(
            Z, near, first, last, metric="euclidean", rows=rows, n_jobs=n_jobs
        )
    if direction == "mean":
        errors = errors / 2
    return _finish(errors, per_sample)


@validate_metric()
def neighborhood_preservation(
    X,
    Z,
    *,
    n_neighbors=5,
    metric="euclidean",
    per_sample=False,
    n_samples=None,
    n_jobs=None,
    random_state=None,
):
    """Compute the fraction of preserved nearest neighbors.

    .. math::

        Q_{NX}(k) = \\frac{1}{nk} \\sum_{i=1}^n |N_k^X(i) \\cap N_k^Z(i)|

    The value lies in [0, 1], and a random embedding reaches ``k / (n - 1)``. Higher is
    better.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        The input, or its square matrix of distances if ``metric="precomputed"``.
    Z : array-like of shape (n_samples, n_components)
        The embedding; its distances are Euclidean.
    n_neighbors : int or (int, int), default=5
        Number of neighbors, less than n; (first, last) averages over a range.
    metric : str or callable, default="euclidean"
        Metric of the input, as in :func:`~sklearn.metrics.pairwise_distances`.
    per_sample : bool, default=False
        Return the score of each sample; the value is their mean.
    n_samples : int, default=None
        Evaluate only this many random samples, to save time. None means all.
    n_jobs : int, default=None
        Number of threads; None means 1.
    random_state : int, RandomState instance or None, default=None
        Seed of the samples if `n_samples` is given.

    Returns
    -------
    preservation : float or ndarray of shape (n_samples,)
        The value, or the scores with ``per_sample=True``.

    See Also
    --------
    neighborhood_preservation_curve : The values for every k, also adjusted for chance.
    neighborhood_preservation_auc : One number for neighborhoods of all sizes.

    References
    ----------
    .. [1] J. A. Lee and M. Verleysen. Quality assessment of dimensionality reduction:
       rank-based criteria. Neurocomputing, 2009.

    Examples
    --------
    >>> import numpy as np
    >>> from skmanifold.metrics import neighborhood_preservation
    >>> X = np.random.default_rng(0).normal(size=(200, 3))
    >>> neighborhood_preservation(X, 2 * X)
    1.0
    >>> round(neighborhood_preservation(X, X[:, :2], n_neighbors=10), 2)
    0.43
    """
    X, Z = check_pair(X, Z, metric=metric)
    n = X.shape[0]
    first, last = check_neighbors(n_neighbors, n)
    rows = choose_rows(n, n_samples, random_state)
    in_X = kneighbors(X, last, metric=metric, rows=rows, n_jobs=n_jobs)
    in_Z = kneighbors(Z, last, rows=rows, n_jobs=n_jobs)

    def chunk_scores(chunk):
        # A pair counts from k = max(position in X, position in Z) on.
        sample, in_rank_X, in_rank_Z = np.nonzero(
            in_X[chunk][:, :, np.newaxis] == in_Z[chunk][:, np.newaxis, :]
        )
        kept = np.zeros((chunk.stop - chunk.start, last))
        np.add.at(kept, (sample, np.maximum(in_rank_X, in_rank_Z)), 1.0)
        k = np.arange(first, last + 1)
        return (np.cumsum(kept, axis=1)[:, first - 1 :] / k).mean(axis=1)

    scores = map_chunks(chunk_scores, len(in_X), 8 * last * (last + 8), n_jobs)
    return _finish(np.concatenate(scores), per_sample)


@validate_metric()
def neighborhood_preservation_curve(
    X, Z, *, metric="euclidean", n_samples=None, n_jobs=None, random_state=None
):
    """Compute the fraction of preserved nearest neighbors for every k.

    With :math:`Q_{NX}` of :func:`neighborhood_preservation`, the fraction adjusted for
    chance is

    .. math::

        R_{NX}(k) = \\frac{(n - 1) Q_{NX}(k) - k}{n - 1 - k},

    in [-1, 1]: 0 is random and 1 perfect. The co-ranking matrix is never stored.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        The input, or its square matrix of distances if ``metric="precomputed"``.
    Z : array-like of shape (n_samples, n_components)
        The embedding; its distances are Euclidean.
    metric : str or callable, default="euclidean"
        Metric of the input, as in :func:`~sklearn.metrics.pairwise_distances`.
    n_samples : int, default=None
        Evaluate only this many random samples, to save time. None means all.
    n_jobs : int, default=None
        Number of threads; None means 1.
    random_state : int, RandomState instance or None, default=None
        Seed of the samples if `n_samples` is given.

    Returns
    -------
    k : ndarray of shape (n_samples - 2,)
        The neighborhood sizes 1, 2, ... up to the last with an :math:`R_{NX}`.
    q_nx : ndarray of shape (n_samples - 2,)
        Fraction of preserved neighbors.
    r_nx : ndarray of shape (n_samples - 2,)
        The same, adjusted for chance.

    References
    ----------
    .. [1] J. A. Lee, E. Renard, G. Bernard, P. Dupont and M. Verleysen. Type 1 and 2
       mixtures of Kullback-Leibler divergences as cost functions in dimensionality
       reduction based on similarity preservation. Neurocomputing, 2013.

    Examples
    --------
    >>> import numpy as np
    >>> from skmanifold.metrics import neighborhood_preservation_curve
    >>> X = np.random.default_rng(0).normal(size=(200, 3))
    >>> k, q_nx, r_nx = neighborhood_preservation_curve(X, X[:, :2])
    >>> k[:3].tolist(), k[-1].item()
    ([1, 2, 3], 198)
    """
    X, Z = check_pair(X, Z, metric=metric, min_samples=3)
    n = X.shape[0]
    rows = choose_rows(n, n_samples, random_state)
    in_X, in_Z = Distances(X, metric), Distances(Z)

    def chunk_histogram(chunk):
        at = rows[chunk]
        worse = np.maximum(all_ranks(in_X(at), at), all_ranks(in_Z(at), at))
        return np.bincount(worse.ravel(), minlength=n)

    histogram = sum(map_chunks(chunk_histogram, len(rows), 6 * 8 * n, n_jobs))
    k = np.arange(1, n - 1)
    q_nx = np.cumsum(histogram[1:-1]) / (k * len(rows))
    return k, q_nx, ((n - 1) * q_nx - k) / (n - 1 - k)


@validate_metric()
def neighborhood_preservation_auc(
    X, Z, *, metric="euclidean", n_samples=None, n_jobs=None, random_state=None
):
    """Compute the area under the chance-adjusted curve over log k.

    .. math::

        AUC = \\frac{\\sum_k R_{NX}(k) / k}{\\sum_k 1 / k}

    One number for neighborhoods of all sizes, each octave weighted equally. It lies in
    [-1, 1]; 0 is random and 1 perfect. Higher is better.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        The input, or its square matrix of distances if ``metric="precomputed"``.
    Z : array-like of shape (n_samples, n_components)
        The embedding; its distances are Euclidean.
    metric : str or callable, default="euclidean"
        Metric of the input, as in :func:`~sklearn.metrics.pairwise_distances`.
    n_samples : int, default=None
        Evaluate only this many random samples, to save time. None means all.
    n_jobs : int, default=None
        Number of threads; None means 1.
    random_state : int, RandomState instance or None, default=None
        Seed of the samples if `n_samples` is given.

    Returns
    -------
    auc : float
        The area.

    References
    ----------
    .. [1] J. A. Lee, D. H. Peluffo-Ordóñez and M. Verleysen. Multi-scale similarities
       in stochastic neighbor embedding: reducing dimensionality while preserving both
       local and global structure. Neurocomputing, 2015.

    Examples
    --------
    >>> import numpy as np
    >>> from skmanifold.metrics import neighborhood_preservation_auc
    >>> X = np.random.default_rng(0).normal(size=(200, 3))
    >>> round(neighborhood_preservation_auc(X, 2 * X), 6)
    1.0
    >>> round(neighborhood_preservation_auc(X, X[:, :2]), 2)
    0.41
    """
    k, _, r_nx = neighborhood_preservation_curve(
        X,
        Z,
        metric=metric,
        n_samples=n_samples,
        n_jobs=n_jobs,
        random_state=random_state,
    )
    return float(np.average(r_nx, weights=1.0 / k))


@validate_metric()
def neighborhood_hit(
    Z,
    y,
    *,
    n_neighbors=5,
    metric="euclidean",
    per_sample=False,
    n_samples=None,
    n_jobs=None,
    random_state=None,
):
    """Compute the fraction of nearest neighbors of the same class.

    .. math::

        NH(k) = \\frac{1}{nk} \\sum_{i=1}^n |\\{j \\in N_k^Z(i) : y_j = y_i\\}|

    The value lies in [0, 1]; higher is better. A sample is not its own neighbor.
    Samples without a label are left out, as queries and as neighbors.

    Parameters
    ----------
    Z : array-like of shape (n_samples, n_components) or (n_samples, n_samples)
        The embedding, or its distances if ``metric="precomputed"``.
    y : array-like of shape (n_samples,)
        The classes; None, NaN or NA where missing.
    n_neighbors : int or (int, int), default=5
        Number of neighbors, less than n; (first, last) averages over a range.
    metric : str or callable, default="euclidean"
        Metric of the embedding.
    per_sample : bool, default=False
        Return the fraction for each sample, NaN where the label is missing.
    n_samples : int, default=None
        Evaluate only this many random samples, to save time. None means all.
    n_jobs : int, default=None
        Number of threads; None means 1.
    random_state : int, RandomState instance or None, default=None
        Seed of the samples if `n_samples` is given.

    Returns
    -------
    hit : float or ndarray of shape (n_samples,)
        The value, or the fractions with ``per_sample=True``.

    References
    ----------
    .. [1] F. V. Paulovich, L. G. Nonato, R. Minghim and H. Levkowitz. Least square
       projection: a fast high-precision multidimensional projection technique and its
       application to document mapping. IEEE TVCG, 2008.

    Examples
    --------
    >>> from skmanifold.metrics import neighborhood_hit
    >>> neighborhood_hit([[0], [1], [5], [6]], [0, 0, 1, 1], n_neighbors=1)
    1.0
    """
    Z = check_data(Z, "Z", metric=metric)
    n_all = Z.shape[0]
    kept, y, Z = labeled(check_labels(y, n_all), Z, metric=metric)
    n = Z.shape[0]
    first, last = check_neighbors(n_neighbors, n)
    rows = choose_rows(n, n_samples, random_state)
    near = kneighbors(Z, last, metric=metric, rows=rows, n_jobs=n_jobs)
    same = y[near] == y[rows, np.newaxis]
    shares = np.cumsum(same, axis=1) / np.arange(1, last + 1)
    shares = shares[:, first - 1 :].mean(axis=1)
    if per_sample and kept is not None and len(rows) == n:
        all_shares = np.full(n_all, np.nan)
        all_shares[kept] = shares
        return all_shares
    return _finish(shares, per_sample)
