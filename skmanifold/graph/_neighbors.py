# SPDX-License-Identifier: BSD-3-Clause
"""The k nearest neighbors of every sample."""

import importlib.util
import warnings
from difflib import get_close_matches
from numbers import Integral

import numpy as np
from joblib import Parallel, delayed
from scipy import sparse
from sklearn import get_config
from sklearn.neighbors import VALID_METRICS
from sklearn.utils import check_random_state
from threadpoolctl import ThreadpoolController

from skmanifold.utils._containers import check_matrix
from skmanifold.utils._distances import (
    LEARNED_METRICS,
    CheckedDistances,
    check_distances,
    describe_metric,
    learned_space,
)
from skmanifold.utils._sklearn import StrOptions, validate_params
from skmanifold.utils._threads import search_jobs
from skmanifold.utils._validation import Count

from ._distinct import positions_in_groups
from ._exact import (
    _BLOCK_ROWS,
    _ExactSearch,
    center_and_exponent,
    centered,
    exact_neighbors,
    pair_distances,
)
from ._partition import partition_neighbors

# The exact search costs n * n * d multiplications, and about 10 further operations per
# pair. This budget takes about 3 seconds on one core (40,000 samples of 50 features).
_EXACT_BUDGET = 1e11
_PAIR_OVERHEAD = 10
# Size of a block of distances in other metrics.
_BLOCK_DISTANCES = 2**22

SEARCH_CONSTRAINTS = {
    "n_neighbors": [Count(1)],
    "algorithm": [StrOptions({"auto", "exact", "partition", "pynndescent"})],
    "metric": [str, callable],
    "metric_params": [dict, None],
    "n_jobs": [Integral, None],
    "random_state": ["random_state"],
}
# Monotonic functions of the Euclidean distance, for the cosine after normalization.
_EUCLIDEAN_LIKE = ("euclidean", "l2", "minkowski", "sqeuclidean", "cosine")
# No search accepts NaN, the only purpose of "nan_euclidean".
_METRICS = sorted({*VALID_METRICS["brute"]} - {"nan_euclidean"})


def check_samples(X, name="X", *, accept_sparse="csr"):
    """Return at least two validated samples, of a floating-point type."""
    return check_matrix(
        X,
        name,
        accept_sparse=accept_sparse,
        dtype=[np.float64, np.float32],
        order="C",
        ensure_min_samples=2,
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
    random_state=None,
):
    """Find the nearest other samples of every sample.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        The samples, or their distances if ``metric="precomputed"``.
    n_neighbors : int
        Number of neighbors, at least 1 and less than `n_samples`.
    algorithm : {"auto", "exact", "partition", "pynndescent"}, default="auto"
        Search algorithm.

        - "exact" compares all pairs, in bounded memory.
        - "partition" is approximate: it compares samples of nearby cells of a
          partition [1]_. For Euclidean metrics and the cosine.
        - "pynndescent" is approximate nearest-neighbor descent [2]_ by the package of
          this name. Its first call takes about a minute to compile.
        - "auto" is exact while ``n_samples ** 2 * (n_features + 10)`` is at most 1e11,
          such as 40,000 samples of 50 features, and for metrics other than Euclidean
          ones and the cosine. Else it is "partition"; for sparse data that do not fit
          densely into scikit-learn's working memory, "pynndescent" if installed.
    metric : str or callable, default="euclidean"
        Metric of :class:`~sklearn.neighbors.NearestNeighbors` with
        ``algorithm="brute"``, a callable of two samples, or "precomputed" if `X` holds
        all distances. With ``algorithm="pynndescent"``, a metric of that package, or a
        callable compiled by ``numba.njit``. The cosine distance of two zero samples is
        0, and 1 between zero and other samples.
    metric_params : dict, default=None
        Parameters of the metric, such as ``{"p": 3}`` for "minkowski". The variances
        ``V`` of "seuclidean" and the inverse covariance ``VI`` of "mahalanobis" are
        computed from `X` if not given.
    n_jobs : int, default=None
        Number of threads; the result does not depend on it. None means 1 unless in a
        :obj:`joblib.parallel_backend` context. -1 means all processors, at most
        ``OMP_NUM_THREADS``, where joblib and dask set the share of each worker.
        "pynndescent" always uses one.
    random_state : int, RandomState instance or None, default=None
        Seed of "pynndescent"; the other searches are not random.

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
    ImportError
        If ``algorithm="pynndescent"`` and the package is not installed.

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
    .. [2] Dong, W., Moses, C. and Li, K. (2011). Efficient k-nearest neighbor graph
       construction for generic similarity measures. Proceedings of the 20th
       International Conference on World Wide Web, 577-586.

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
    if named and algorithm != "pynndescent" and metric not in _METRICS:
        near = get_close_matches(metric, _METRICS, n=1)
        raise ValueError(
            f"metric={metric!r} is unknown. It must be one of "
            f"{', '.join(map(repr, _METRICS))}, or a callable of two samples."
            + (f" Did you mean {near[0]!r}?" if near else "")
        )
    n_jobs = search_jobs(n_jobs)
    if named and metric == "precomputed":
        return _neighbors_in_matrix(X, n_neighbors)
    if named and metric in LEARNED_METRICS and algorithm != "pynndescent":
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
        algorithm = "exact"
        cost = n_samples**2 * (n_features + _PAIR_OVERHEAD)
        if euclidean_like and cost > _EXACT_BUDGET:
            if is_fast:
                algorithm = "partition"
            elif importlib.util.find_spec("pynndescent") is not None:
                algorithm = "pynndescent"
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
        if algorithm == "exact":
            return _neighbors_in_any_metric(
                X, n_neighbors, metric, metric_params, n_jobs
            )
        return _pynndescent_neighbors(
            X, n_neighbors, metric, metric_params, random_state
        )

    if metric == "cosine":
        X = _unit_rows(X)
    if algorithm == "exact":
        indices, distances = exact_neighbors(X, n_neighbors, n_jobs=n_jobs)
    elif algorithm == "partition":
        indices, distances = partition_neighbors(X, n_neighbors, n_jobs=n_jobs)
    else:
        indices, distances = _pynndescent_euclidean(X, n_neighbors, random_state)
    if metric == "sqeuclidean":
        distances **= 2
    elif metric == "cosine":
        # |a - b|^2 = 2 - 2 cos for unit vectors.
        distances = distances**2 / 2
    return indices, distances


def possible_neighbors(n_neighbors, n_distinct, n_samples, warn):
    """Return n_neighbors, reduced if there are fewer other samples."""
    possible = max(1, min(n_neighbors, n_distinct - 1))
    if n_neighbors >= n_samples and n_distinct > 1:
        warn(
            f"n_neighbors={n_neighbors} needs more than the {n_distinct} distinct "
            f"samples of X; using n_neighbors={possible}."
        )
    return possible


def _neighbors_in_matrix(D, n_neighbors):
    """Return neighbors from a dense matrix of all distances."""
    if sparse.issparse(D):
        raise ValueError(
            "metric='precomputed' needs all distances in a dense array here. For a "
            "sparse matrix, call neighbors_from_graph."
        )
    if D.shape[0] != D.shape[1]:
        raise ValueError(
            f"X has shape {D.shape}, but metric='precomputed' needs the square matrix "
            "of the distances between all samples."
        )
    n_samples = len(D)
    indices = np.empty((n_samples, n_neighbors), dtype=np.int64)
    distances = np.empty((n_samples, n_neighbors), dtype=D.dtype)
    step = max(1, _BLOCK_DISTANCES // n_samples)
    for start in range(0, n_samples, step):
        rows = np.arange(start, min(start + step, n_samples))
        table = check_distances(D[rows], rows, "precomputed")
        table[np.arange(len(rows)), rows] = np.inf
        indices[rows], distances[rows] = nearest_in_rows(table, n_neighbors)
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


def _sorted(indices, distances):
    """Sort each row by distance, then by index."""
    order = np.lexsort((indices, distances), axis=1)
    return (
        np.take_along_axis(indices, order, axis=1),
        np.take_along_axis(distances, order, axis=1),
    )


def _neighbors_in_any_metric(X, n_neighbors, metric, metric_params, n_jobs, rows=None):
    """Return exact neighbors, of the given rows, in any metric of scikit-learn."""
    dtype = X.dtype
    search = CheckedDistances(X, metric, metric_params)
    n_samples = X.shape[0]
    rows = np.arange(n_samples) if rows is None else rows
    indices = np.empty((len(rows), n_neighbors), dtype=np.int64)
    distances = np.empty((len(rows), n_neighbors), dtype=dtype)
    controller = ThreadpoolController()
    # Blocks of fixed size, so that the result does not depend on n_jobs.
    step = max(1, min(_BLOCK_ROWS, _BLOCK_DISTANCES // n_samples))

    def fill(start):
        part = slice(start, start + step)
        # OpenMP's limit is per thread.
        with controller.limit(limits=1, user_api="openmp"):
            table = search(rows[part])
        table[np.arange(len(table)), rows[part]] = np.inf
        indices[part], distances[part] = nearest_in_rows(table, n_neighbors)

    with controller.limit(limits=1, user_api="blas"):
        Parallel(n_jobs=n_jobs, require="sharedmem")(
            delayed(fill)(start) for start in range(0, len(rows), step)
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


def _pynndescent_euclidean(X, n_neighbors, random_state):
    """Return approximate Euclidean neighbors of dense data, with exact distances."""
    center, exponent = center_and_exponent(X)
    # Single precision, as used by pynndescent, would lose digits to an offset.
    indices, _ = _descend(
        centered(X, center, exponent, np.float32),
        n_neighbors,
        "euclidean",
        random_state,
    )
    rows = np.repeat(np.arange(len(X)), n_neighbors)
    incomplete = np.flatnonzero(np.any(indices < 0, axis=1))
    distances = pair_distances(X, rows, np.maximum(indices, 0).ravel(), exponent)
    indices, distances = _sorted(indices, distances.reshape(indices.shape))
    if len(incomplete):
        search = _ExactSearch(X, n_neighbors)
        for start in range(0, len(incomplete), _BLOCK_ROWS):
            part = incomplete[start : start + _BLOCK_ROWS]
            indices[part], distances[part] = search(part)
    return indices, distances


def _pynndescent_neighbors(X, n_neighbors, metric, metric_params, random_state):
    """Return approximate neighbors in a metric of pynndescent."""
    if callable(metric) and not hasattr(metric, "py_func"):
        raise ValueError(
            f"metric={metric!r} is not compiled, as pynndescent requires. Decorate it "
            "with numba.njit, or use algorithm='exact'."
        )
    indices, distances = _descend(
        X, n_neighbors, metric, random_state, metric_kwds=metric_params
    )
    incomplete = np.flatnonzero(np.any(indices < 0, axis=1))
    indices, distances = _sorted(indices, distances.astype(X.dtype))
    if len(incomplete):
        indices[incomplete], distances[incomplete] = _neighbors_in_any_metric(
            X, n_neighbors, metric, metric_params, None, rows=incomplete
        )
    check_distances(distances, np.arange(len(indices)), metric, columns=indices)
    return indices, distances


def _descend(X, n_neighbors, metric, random_state, **options):
    """Run pynndescent; missing neighbors have index -1."""
    try:
        import numba
        from pynndescent import NNDescent
    except ImportError as error:
        raise ImportError(
            "algorithm='pynndescent' needs the package pynndescent, which is not "
            "installed. Install it (pip install pynndescent), or use "
            "algorithm='exact'."
        ) from error
    if random_state is None:
        # Fresh entropy: check_random_state(None) would draw from the global state.
        random_state = np.random.RandomState(np.random.MT19937())
    seed = check_random_state(random_state).randint(np.iinfo(np.int32).max)
    n_threads = numba.get_num_threads()
    try:
        with warnings.catch_warnings():
            # Missing neighbors are filled in by the caller; numba's threading layers do
            # not matter here.
            warnings.simplefilter("ignore")
            indices, distances = NNDescent(
                X,
                metric=metric,
                # Includes the sample itself; shorter lists lose accuracy.
                n_neighbors=max(n_neighbors + 1, 30),
                random_state=seed,
                # Only one thread makes the result depend on the seed alone.
                n_jobs=1,
                **options,
            ).neighbor_graph
    finally:
        numba.set_num_threads(n_threads)
    # drop the sample itself, which a stable sort moves to the end
    own = indices == np.arange(X.shape[0])[:, np.newaxis]
    order = np.argsort(own, axis=1, kind="stable")[:, :n_neighbors]
    indices = np.take_along_axis(indices, order, axis=1).astype(np.int64)
    return _sorted(indices, np.take_along_axis(distances, order, axis=1))
