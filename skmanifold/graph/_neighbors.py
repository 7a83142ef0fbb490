# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause
"""The k nearest neighbors of every sample."""

from difflib import get_close_matches
from numbers import Integral

import numpy as np
from joblib import Parallel, delayed
from scipy import sparse
from sklearn import get_config
from sklearn.neighbors import VALID_METRICS
from sklearn.utils import check_array
from threadpoolctl import ThreadpoolController

from skmanifold.utils._containers import plain
from skmanifold.utils._distances import (
    LEARNED_METRICS,
    CheckedDistances,
    describe_metric,
    learned_space,
)
from skmanifold.utils._sklearn import StrOptions, validate_params
from skmanifold.utils._threads import search_jobs
from skmanifold.utils._validation import Count

from ._distinct import positions_in_groups
from ._exact import _BLOCK_ROWS, exact_neighbors
from ._partition import partition_neighbors

# The exact search costs n * n * d multiplications, and about 10 further operations per
# pair. This budget takes about 3 seconds on one core (40,000 samples of 50 features).
_EXACT_BUDGET = 1e11
_PAIR_OVERHEAD = 10
# Size of a block of distances in other metrics.
_BLOCK_DISTANCES = 2**22

SEARCH_CONSTRAINTS = {
    "n_neighbors": [Count(1)],
    "algorithm": [StrOptions({"auto", "exact", "partition"})],
    "metric": [str, callable],
    "metric_params": [dict, None],
    "n_jobs": [Integral, None],
}
# Monotonic functions of the Euclidean distance, for the cosine after normalization.
_EUCLIDEAN_LIKE = ("euclidean", "l2", "minkowski", "sqeuclidean", "cosine")
# No search accepts NaN, the only purpose of "nan_euclidean".
_METRICS = sorted({*VALID_METRICS["brute"]} - {"nan_euclidean", "precomputed"})


def check_samples(X, name="X", *, accept_sparse="csr"):
    """Return at least two validated samples, of a floating-point type."""
    return check_array(
        plain(X, name),
        accept_sparse=accept_sparse,
        dtype=[np.float64, np.float32],
        order="C",
        ensure_min_samples=2,
        input_name=name,
    )


@validate_params(SEARCH_CONSTRAINTS, prefer_skip_nested_validation=True)
def nearest_neighbors(
    X,
    n_neighbors,
    *,
    algorithm="auto",
    metric="euclidean",
    metric_params=None,
    n_jobs=None,
):
    """Find the nearest other samples of every sample.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        The samples.
    n_neighbors : int
        Number of neighbors, at least 1 and less than `n_samples`.
    algorithm : {"auto", "exact", "partition"}, default="auto"
        Search algorithm.

        - "exact" compares all pairs, in bounded memory.
        - "partition" is approximate: it compares samples of nearby cells of a
          partition [1]_. For Euclidean metrics and the cosine.
        - "auto" is "partition" where that is possible and ``n_samples ** 2 *
          (n_features + 10)`` is more than 1e11, such as for 40,000 samples of 50
          features, else "exact".
    metric : str or callable, default="euclidean"
        Metric of :class:`~sklearn.neighbors.NearestNeighbors` with
        ``algorithm="brute"``, or a callable of two samples. The cosine distance of two
        zero samples is 0, and 1 between zero and other samples. For distances, use
        :func:`neighbors_from_data` with ``metric="precomputed"``.
    metric_params : dict, default=None
        Parameters of the metric, such as ``{"p": 3}`` for "minkowski". The variances
        ``V`` of "seuclidean" and the inverse covariance ``VI`` of "mahalanobis" are
        computed from `X` if not given.
    n_jobs : int, default=None
        Number of threads; the result does not depend on it. None means 1 unless in a
        :obj:`joblib.parallel_backend` context. -1 means all processors, at most
        ``OMP_NUM_THREADS``, where joblib and dask set the share of each worker.

    Returns
    -------
    indices : ndarray of shape (n_samples, n_neighbors), int64
        Neighbors of each sample, nearest first, ties ordered by index. A sample is
        never its own neighbor, but its duplicates are, and so are unrelated samples if
        there are no others; see :func:`neighbors_from_data`.
    distances : ndarray of shape (n_samples, n_neighbors)
        Distances to these neighbors; float32 if `X` is float32, else float64.

    Raises
    ------
    ValueError
        If a parameter is invalid, `n_neighbors` is not less than `n_samples`, or the
        metric returns NaN or negative distances.

    See Also
    --------
    neighbors_from_data : Find neighbors, counting duplicates once.
    neighbors_from_graph : Read neighbors from a precomputed graph.
    connected_components_of : Label the connected components of the graph.

    Notes
    -----
    The exact Euclidean search needs up to three copies of the data in single precision.
    The partition has about ``sqrt(n_samples)`` cells, from k-means on a subset.
    Neighbors are searched in the 40 cells nearest to a sample's own, which finds about
    98 % of them for images and fewer for data without structure. The cost grows as
    ``n_samples ** 1.5``. The result does not depend on the order of samples.

    References
    ----------
    .. [1] Jégou, H., Douze, M. and Schmid, C. (2011). Product quantization for nearest
       neighbor search. IEEE Transactions on Pattern Analysis and Machine Intelligence
       33, 117-128.

    Examples
    --------
    >>> from skmanifold.graph import nearest_neighbors
    >>> X = [[0.0], [1.0], [3.0], [3.5]]
    >>> indices, distances = nearest_neighbors(X, n_neighbors=2)
    >>> indices
    array([[1, 2],
           [0, 2],
           [3, 1],
           [2, 1]])
    """
    X = check_samples(X)
    n_samples, n_features = X.shape
    if n_neighbors >= n_samples:
        raise ValueError(
            f"n_neighbors={n_neighbors} is too large for {n_samples} samples, as a "
            f"sample is not its own neighbor. Use n_neighbors={n_samples - 1} or less, "
            "or pass more samples."
        )
    named = isinstance(metric, str)
    if named and metric not in _METRICS:
        near = get_close_matches(metric, _METRICS, n=1)
        raise ValueError(
            f"metric={metric!r} is unknown. It must be one of "
            f"{', '.join(map(repr, _METRICS))}, or a callable of two samples."
            + (f" Did you mean {near[0]!r}?" if near else "")
        )
    n_jobs = search_jobs(n_jobs)
    if named and metric in LEARNED_METRICS:
        X = learned_space(X, metric, metric_params)
        metric, metric_params = "euclidean", None
        n_features = X.shape[1]
    if named and metric in ("l2", "minkowski") and not metric_params:
        metric = "euclidean"
    euclidean_like = named and metric in _EUCLIDEAN_LIKE and not metric_params

    n_bytes = n_samples * n_features * X.dtype.itemsize
    fits = n_bytes <= get_config()["working_memory"] * 2**20
    if euclidean_like and sparse.issparse(X) and fits:
        X = X.toarray()
    is_fast = euclidean_like and not sparse.issparse(X)
    if algorithm == "auto":
        cost = n_samples**2 * (n_features + _PAIR_OVERHEAD)
        algorithm = "partition" if is_fast and cost > _EXACT_BUDGET else "exact"
    if algorithm == "partition" and not is_fast:
        data = "sparse data that do not fit densely into scikit-learn's working memory"
        if not euclidean_like:
            data = f"metric={describe_metric(metric)}"
        raise ValueError(
            f"algorithm='partition' does not support {data}. It needs one of "
            f"{', '.join(map(repr, _EUCLIDEAN_LIKE))}, without metric_params: use "
            "algorithm='exact', or 'auto'."
        )
    if not is_fast:
        return _neighbors_in_any_metric(X, n_neighbors, metric, metric_params, n_jobs)
    if metric == "cosine":
        X = _unit_rows(X)
    search = exact_neighbors if algorithm == "exact" else partition_neighbors
    indices, distances = search(X, n_neighbors, n_jobs=n_jobs)
    if metric == "sqeuclidean":
        distances **= 2
    elif metric == "cosine":
        # |a - b|^2 = 2 - 2 cos for unit vectors.
        distances = distances**2 / 2
    return indices, distances


def _unit_rows(X):
    """Scale rows to unit length; Euclidean distances then order them like the cosine.

    Zero rows become a unit vector in an additional dimension: at cosine distance 0 from
    each other and 1 from all other rows.
    """
    largest = np.abs(X).max(axis=1)
    is_zero = largest == 0
    # In two steps, as squares of extreme entries overflow or underflow.
    X = X / np.where(is_zero, 1, largest)[:, np.newaxis]
    norms = np.sqrt(np.einsum("ij,ij->i", X, X, dtype=np.float64))
    X /= np.where(is_zero, 1, norms)[:, np.newaxis].astype(X.dtype)
    if is_zero.any():
        X = np.column_stack([X, is_zero.astype(X.dtype)])
    return X


def _neighbors_in_any_metric(X, n_neighbors, metric, metric_params, n_jobs):
    """Return exact neighbors in any metric of scikit-learn."""
    search = CheckedDistances(X, metric, metric_params)
    n_samples = X.shape[0]
    indices = np.empty((n_samples, n_neighbors), dtype=np.int64)
    distances = np.empty((n_samples, n_neighbors), dtype=X.dtype)
    controller = ThreadpoolController()
    # Blocks of fixed size, so that the result does not depend on n_jobs.
    step = max(1, min(_BLOCK_ROWS, _BLOCK_DISTANCES // n_samples))

    def fill(start):
        rows = np.arange(start, min(start + step, n_samples))
        # OpenMP's limit is per thread.
        with controller.limit(limits=1, user_api="openmp"):
            table = search(rows)
        table[np.arange(len(rows)), rows] = np.inf
        indices[rows], distances[rows] = nearest_in_rows(table, n_neighbors)

    with controller.limit(limits=1, user_api="blas"):
        Parallel(n_jobs=n_jobs, require="sharedmem")(
            delayed(fill)(start) for start in range(0, n_samples, step)
        )
    return indices, distances


def nearest_in_rows(table, k):
    """Return the k smallest entries of each row, ties ordered by index."""
    kth = np.partition(table, k - 1, axis=1)[:, k - 1 : k]
    rows, columns = np.nonzero(table <= kth)
    order = np.lexsort((columns, table[rows, columns], rows))
    rows, columns = rows[order], columns[order]
    position = positions_in_groups(np.bincount(rows, minlength=len(table)))
    columns = columns[position < k].reshape(len(table), k)
    return columns, np.take_along_axis(table, columns, axis=1)
