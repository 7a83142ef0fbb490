# SPDX-License-Identifier: BSD-3-Clause

"""Metrics of distance preservation."""

import numpy as np
from scipy.sparse.csgraph import connected_components, dijkstra
from scipy.stats import rankdata
from sklearn import get_config
from sklearn.utils import check_random_state

from skmanifold.metrics._checks import (
    check_neighbors,
    check_pair,
    choose_rows,
    validate_metric,
)
from skmanifold.metrics._ranks import (
    Distances,
    kneighbors,
    map_chunks,
    neighbors_graph,
    pair_distances,
    paired_distances,
)
from skmanifold.utils._sklearn import StrOptions
from skmanifold.utils._validation import Count

# Standard error of a correlation at most 0.001.
_MANY_PAIRS = 1_000_000
_FEW_SOURCES = 300


@validate_metric()
def distance_rmse(
    X,
    Z,
    *,
    metric="euclidean",
    per_sample=False,
    n_samples=None,
    n_jobs=None,
    random_state=None,
):
    """Compute the root mean squared difference of pairwise distances (d-RMSE).

    .. math::

        \\sqrt{\\frac{1}{n^2} \\sum_{i,j} (d_X(i, j) - d_Z(i, j))^2}

    The value has the unit of the distances and lies in [0, inf); lower is better, and 0
    is an isometry. It depends on the scale of the embedding: use :func:`stress` if the
    scale does not matter.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features) or (n_samples, n_samples)
        The input, or its distances if ``metric="precomputed"``.
    Z : array-like of shape (n_samples, n_components)
        The embedding; its distances are Euclidean.
    metric : str or callable, default="euclidean"
        Metric of the input, as in :func:`~sklearn.metrics.pairwise_distances`.
    per_sample : bool, default=False
        Return the value of each sample; the total is their root mean square.
    n_samples : int, default=None
        Evaluate the distances from this many random samples to all. None means all.
    n_jobs : int, default=None
        Number of threads; None means 1.
    random_state : int, RandomState instance or None, default=None
        Seed of the samples if `n_samples` is given.

    Returns
    -------
    rmse : float or ndarray of shape (n_samples,)
        The value, or the values with ``per_sample=True``.

    References
    ----------
    .. [1] L. Wu et al. Deep clustering and representation learning that preserves
       geometric structures. arXiv:2009.09590, 2020.

    Examples
    --------
    >>> from skmanifold.metrics import distance_rmse
    >>> round(distance_rmse([[0.0], [1.0]], [[0.0], [3.0]]) ** 2, 6)
    2.0
    """
    X, Z = check_pair(X, Z, metric=metric, sparse=False)
    rows = choose_rows(X.shape[0], n_samples, random_state)
    both = paired_distances(X, Z, metric=metric, rows=rows)

    def mean_squares(chunk):
        D_X, D_Z = both(chunk)
        D_X -= D_Z
        return np.einsum("ij,ij->i", D_X, D_X) / D_X.shape[1]

    parts = map_chunks(mean_squares, len(rows), 5 * 8 * X.shape[0], n_jobs)
    squares = np.concatenate(parts)
    return np.sqrt(squares) if per_sample else float(np.sqrt(squares.mean()))


@validate_metric({"divide_by_dimension": ["boolean"]})
def local_geometric_distortion(
    X,
    Z,
    *,
    n_neighbors=5,
    divide_by_dimension=False,
    metric="euclidean",
    per_sample=False,
    n_samples=None,
    n_jobs=None,
    random_state=None,
):
    """Compute the local geometric distortion (LGD) of neighbor distances.

    .. math::

        LGD(k) = \\sqrt{\\frac{1}{nk} \\sum_{i=1}^n \\sum_{j \\in N_k^X(i)}
        (d_X(i, j) - d_Z(i, j))^2}

    with the neighbors in the input. The value has the unit of the distances and lies in
    [0, inf); lower is better, and 0 is a local isometry.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        The input, or its square matrix of distances if ``metric="precomputed"``.
    Z : array-like of shape (n_samples, n_components)
        The embedding; its distances are Euclidean.
    n_neighbors : int or (int, int), default=5
        Number of neighbors, less than n; (first, last) averages over a range.
    divide_by_dimension : bool, default=False
        Divide the distances of each space by the square root of its number of features.
        Set it to reproduce the figures of the DCRL paper.
    metric : str or callable, default="euclidean"
        Metric of the input, as in :func:`~sklearn.metrics.pairwise_distances`.
    per_sample : bool, default=False
        Return the root mean square around each sample.
    n_samples : int, default=None
        Evaluate only this many random samples, to save time. None means all.
    n_jobs : int, default=None
        Number of threads; None means 1.
    random_state : int, RandomState instance or None, default=None
        Seed of the samples if `n_samples` is given.

    Returns
    -------
    distortion : float or ndarray of shape (n_samples,)
        The value, or the values with ``per_sample=True``.

    References
    ----------
    .. [1] L. Wu et al. Deep clustering and representation learning that preserves
       geometric structures. arXiv:2009.09590, 2020.

    Examples
    --------
    >>> import numpy as np
    >>> from skmanifold.metrics import local_geometric_distortion
    >>> X = np.arange(10.0).reshape(-1, 1)
    >>> local_geometric_distortion(X, -X)
    0.0
    >>> local_geometric_distortion(X, 3 * X, n_neighbors=1)
    2.0
    """
    X, Z = check_pair(X, Z, metric=metric)
    n = X.shape[0]
    first, last = check_neighbors(n_neighbors, n)
    if divide_by_dimension and metric == "precomputed":
        raise ValueError(
            "divide_by_dimension=True needs the number of features, which"
            " metric='precomputed' does not provide. Pass the features, or divide the"
            " distances yourself."
        )
    rows = choose_rows(n, n_samples, random_state)
    in_X, near = kneighbors(
        X, last, metric=metric, rows=rows, n_jobs=n_jobs, distances=True
    )

    def embedded(chunk):
        difference = Z[near[chunk]] - Z[rows[chunk], np.newaxis]
        return np.sqrt(np.einsum("ijk,ijk->ij", difference, difference))

    row_bytes = 3 * 8 * last * Z.shape[1]
    in_Z = np.concatenate(map_chunks(embedded, len(rows), row_bytes, n_jobs))
    if divide_by_dimension:
        in_X, in_Z = in_X / np.sqrt(X.shape[1]), in_Z / np.sqrt(Z.shape[1])
    k = np.arange(first, last + 1)
    squares = np.cumsum((in_X - in_Z) ** 2, axis=1, dtype=np.float64)
    squares = squares[:, first - 1 :] / k
    if per_sample:
        return np.sqrt(squares).mean(axis=1)
    return float(np.sqrt(squares.mean(axis=0)).mean())


@validate_metric()
def stress(X, Z, *, metric="euclidean", n_samples=None, n_jobs=None, random_state=None):
    """Compute Kruskal's metric stress-1, with the best scale of the embedding.

    .. math::

        \\min_\\alpha \\sqrt{\\frac{\\sum_{i<j} (d_X(i, j) - \\alpha \\, d_Z(i, j))^2}
        {\\sum_{i<j} d_X(i, j)^2}}

    Lower is better. The value lies in [0, 1] and depends neither on the scale of the
    spaces nor on which of them is scaled and in the denominator.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features) or (n_samples, n_samples)
        The input, or its distances if ``metric="precomputed"``.
    Z : array-like of shape (n_samples, n_components)
        The embedding; its distances are Euclidean.
    metric : str or callable, default="euclidean"
        Metric of the input, as in :func:`~sklearn.metrics.pairwise_distances`.
    n_samples : int, default=None
        Evaluate the distances from this many random samples to all. None means all.
    n_jobs : int, default=None
        Number of threads; None means 1.
    random_state : int, RandomState instance or None, default=None
        Seed of the samples if `n_samples` is given.

    Returns
    -------
    stress : float
        The stress.

    Raises
    ------
    ValueError
        If all samples of X coincide.

    References
    ----------
    .. [1] J. B. Kruskal. Multidimensional scaling by optimizing goodness of fit to a
       nonmetric hypothesis. Psychometrika, 1964.
    .. [2] K. Smelser, J. Miller and S. Kobourov. "Normalized stress" is not normalized:
       how to interpret stress correctly. BELIV, 2024.

    Examples
    --------
    >>> from skmanifold.metrics import stress
    >>> X = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0]]
    >>> Z = [[0.0, 0.0], [0.0, 3.0], [3.0, 0.0]]
    >>> round(stress(X, Z), 6)
    0.0
    """
    X, Z = check_pair(X, Z, metric=metric, sparse=False)
    rows = choose_rows(X.shape[0], n_samples, random_state)
    both = paired_distances(X, Z, metric=metric, rows=rows)
    row_bytes = 5 * 8 * X.shape[0]

    def moments(chunk):
        D_X, D_Z = both(chunk)
        return [np.vdot(D_X, D_X), np.vdot(D_X, D_Z), np.vdot(D_Z, D_Z)]

    xx, xz, zz = np.sum(map_chunks(moments, len(rows), row_bytes, n_jobs), axis=0)
    if xx == 0.0:
        raise ValueError(
            "The stress is undefined: all samples of X coincide. Pass an X with at"
            " least two distinct samples."
        )
    # A collapsed embedding stays a point.
    alpha = xz / zz if zz > 0.0 else 0.0

    # A second pass over the residuals: the closed form from the moments loses half of
    # the digits when the stress is small.
    def residuals(chunk):
        D_X, D_Z = both(chunk)
        D_Z *= alpha
        D_X -= D_Z
        return np.vdot(D_X, D_X)

    residual = sum(map_chunks(residuals, len(rows), row_bytes, n_jobs))
    return float(np.sqrt(residual / xx))


def _geodesic_graph(X, metric, n_neighbors, n_jobs):
    graph = neighbors_graph(X, n_neighbors, metric=metric, n_jobs=n_jobs)
    n_parts = connected_components(graph, directed=False, return_labels=False)
    if n_parts > 1:
        raise ValueError(
            f"The graph of n_neighbors={n_neighbors} nearest neighbors has {n_parts}"
            " connected components, with no geodesic between them. Increase"
            " n_neighbors, or evaluate each component separately."
        )
    return graph


def _correlation(x, z):
    x = x - x.mean()
    z = z - z.mean()
    return _ratio(np.vdot(x, x), np.vdot(x, z), np.vdot(z, z))


def _ratio(xx, xz, zz):
    if xx <= 0.0 or zz <= 0.0:
        space = "X" if xx <= 0.0 else "Z"
        raise ValueError(
            f"The correlation is undefined: all distances in {space} are equal."
        )
    return float(np.clip(xz / np.sqrt(xx * zz), -1.0, 1.0))


def _streamed_correlation(upper, n, row_bytes, n_jobs):
    """Return Pearson's correlation over entries i < j of two distance matrices."""

    def sums(chunk):
        x, z = upper(chunk)
        return [x.size, x.sum(), z.sum()]

    count, sum_x, sum_z = np.sum(map_chunks(sums, n, row_bytes, n_jobs), axis=0)
    mean_x, mean_z = sum_x / count, sum_z / count

    def moments(chunk):
        x, z = upper(chunk)
        x -= mean_x
        z -= mean_z
        return [np.vdot(x, x), np.vdot(x, z), np.vdot(z, z)]

    return _ratio(*np.sum(map_chunks(moments, n, row_bytes, n_jobs), axis=0))


def _draw_pairs(rng, n, n_pairs, distances):
    """Draw random pairs of different samples, sorted by the first."""
    if distances == "euclidean":
        first = rng.randint(n, size=n_pairs)
    else:
        # Each first sample costs a search of the graph, so few are drawn.
        n_sources = min(n, max(_FEW_SOURCES, -(-n_pairs // (n - 1))))
        sources = np.sort(rng.choice(n, size=n_sources, replace=False))
        first = sources[np.arange(n_pairs) % n_sources]
    first = np.sort(first)
    second = rng.randint(n - 1, size=n_pairs)
    return first, second + (second >= first)


def _check_pairs(n_pairs, n, method):
    """Return the number of pairs to draw, or None for all."""
    total = n * (n - 1) // 2
    # Space for both vectors, the pairs or chunks behind them, and the ranking.
    fit = int(get_config()["working_memory"] * 2**20 // (12 * 8))
    if n_pairs == "auto":
        exact = method == "pearson" or total <= fit
        return None if exact else max(3, min(fit, _MANY_PAIRS))
    if n_pairs is None:
        if method == "spearman" and total > fit:
            raise ValueError(
                f"The ranks of all {total} pairs do not fit into the working memory of"
                f" {get_config()['working_memory']} MiB. Use n_pairs='auto' or"
                " method='pearson', or increase sklearn.set_config(working_memory=...)."
            )
        return None
    return int(n_pairs)


@validate_metric(
    {
        "method": [StrOptions({"spearman", "pearson"})],
        "distances": [StrOptions({"euclidean", "geodesic"})],
        "n_pairs": [Count(3), StrOptions({"auto"}), None],
    }
)
def distance_correlation(
    X,
    Z,
    *,
    method="spearman",
    distances="euclidean",
    n_neighbors=10,
    metric="euclidean",
    n_pairs="auto",
    n_jobs=None,
    random_state=None,
):
    """Compute the correlation between distances in the input and in the embedding.

    .. math::

        \\rho = \\frac{\\sum_{i<j} (u_{ij} - \\bar u) (v_{ij} - \\bar v)}
        {\\sqrt{\\sum_{i<j} (u_{ij} - \\bar u)^2 \\sum_{i<j} (v_{ij} - \\bar v)^2}}

    with u and v the distances :math:`d_X(i, j)` and :math:`d_Z(i, j)` (Pearson), or
    their ranks among all pairs, ties averaged (Spearman). The value lies in [-1, 1];
    higher is better. 1 means that all distances keep their order (Spearman), or are
    related linearly (Pearson). Unlike the neighborhood metrics, it covers large
    distances.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features) or (n_samples, n_samples)
        The input, or its distances if ``metric="precomputed"``.
    Z : array-like of shape (n_samples, n_components)
        The embedding; its distances are Euclidean.
    method : {"spearman", "pearson"}, default="spearman"
        Correlation coefficient.
    distances : {"euclidean", "geodesic"}, default="euclidean"
        Distances in the input: those of `metric`, or the lengths of shortest paths in
        the graph of nearest neighbors. Choose ``"geodesic"`` for curved manifolds.
    n_neighbors : int, default=10
        Number of neighbors in that graph; used with ``distances="geodesic"`` only.
    metric : str or callable, default="euclidean"
        Metric of the input, as in :func:`~sklearn.metrics.pairwise_distances`.
    n_pairs : int, "auto" or None, default="auto"
        Number of random pairs; None means all. ``"auto"`` means all if Spearman's ranks
        fit into ``sklearn.get_config()["working_memory"]`` (4,700 samples with 1 GiB),
        otherwise a million, accurate to about .001. Geodesic distances are taken from
        about 300 samples, which is less accurate.
    n_jobs : int, default=None
        Number of threads; None means 1.
    random_state : int, RandomState instance or None, default=None
        Seed of the pairs.

    Returns
    -------
    correlation : float
        The correlation coefficient.

    Raises
    ------
    ValueError
        If all distances in one space are equal, if the graph is not connected, or if
        all pairs do not fit into the working memory.

    References
    ----------
    .. [1] X. Geng, D.-C. Zhan and Z.-H. Zhou. Supervised nonlinear dimensionality
       reduction for visualization and classification. IEEE SMC B, 2005.

    Examples
    --------
    >>> import numpy as np
    >>> from skmanifold.metrics import distance_correlation
    >>> t = np.linspace(0, 5, 40)
    >>> arc, angle = np.column_stack([np.cos(t), np.sin(t)]), t[:, np.newaxis]
    >>> distance_correlation(arc, angle) < 0.95
    True
    >>> along = distance_correlation(arc, angle, distances="geodesic", n_neighbors=2)
    >>> along > 0.999
    True
    """
    X, Z = check_pair(X, Z, metric=metric, min_samples=3, sparse=False)
    n = X.shape[0]
    draw = _check_pairs(n_pairs, n, method)
    if distances == "geodesic":
        _, k = check_neighbors(n_neighbors, n, ranges=False)
        in_X = _Geodesics(_geodesic_graph(X, metric, k, n_jobs))
    else:
        in_X = Distances(X, metric, center=True)
    in_Z = Distances(Z, center=True)

    def upper(chunk):
        at = np.arange(n)[chunk]
        above = np.arange(n) > at[:, np.newaxis]
        return [D(at)[above].astype(np.float64, copy=False) for D in (in_X, in_Z)]

    if draw is not None:
        rng = check_random_state(random_state)
        first, second = _draw_pairs(rng, n, draw, distances)
        x, z = (pair_distances(D, first, second, n_jobs) for D in (in_X, in_Z))
    elif method == "pearson":
        return _streamed_correlation(upper, n, 8 * 8 * n, n_jobs)
    else:
        parts = map_chunks(upper, n, 6 * 8 * n, n_jobs)
        x, z = (np.concatenate(part) for part in zip(*parts, strict=True))
    if method == "spearman":
        x, z = rankdata(x), rankdata(z)
    return _correlation(x.astype(np.float64), z.astype(np.float64))


class _Geodesics:
    """Rows of the matrix of shortest paths, computed on demand."""

    metric = "geodesic"

    def __init__(self, graph):
        self.graph = graph
        self.n_samples = graph.shape[0]

    def __call__(self, rows):
        return dijkstra(self.graph, directed=False, indices=rows)
