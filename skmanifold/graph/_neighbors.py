# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause
"""The k nearest neighbours of every sample."""

import importlib.util
import warnings
from numbers import Integral

import numpy as np
from joblib import Parallel, delayed
from scipy import sparse
from sklearn import get_config
from sklearn.metrics.pairwise import PAIRWISE_BOOLEAN_FUNCTIONS
from sklearn.neighbors import NearestNeighbors
from sklearn.utils import check_array, check_random_state
from threadpoolctl import ThreadpoolController

from skmanifold.utils._threads import search_jobs

from ._exact import (
    _BLOCK_ROWS,
    _ExactSearch,
    center_and_exponent,
    centred,
    exact_neighbors,
    pair_distances,
)

# The exact search multiplies and adds n * n * d times, and spends the time of about
# 10 further operations on each pair, whatever d. Up to this budget it takes some
# 15 seconds on one core (70,000 samples of 50 features are at three quarters of it),
# about as long as an approximate search needs just to be compiled.
_EXACT_BUDGET = 4e11
_PAIR_OVERHEAD = 10

_ALGORITHMS = ("auto", "exact", "pynndescent")
# Metrics that are monotonic functions of the Euclidean distance, after a
# normalisation of the rows for the cosine.
_EUCLIDEAN_LIKE = ("euclidean", "l2", "minkowski", "sqeuclidean", "cosine")


def nearest_neighbors(
    X,
    n_neighbors,
    *,
    algorithm="auto",
    metric="euclidean",
    n_jobs=None,
    random_state=None,
):
    """Find the nearest neighbours of every sample among the others.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        The data.
    n_neighbors : int
        Number of neighbours, at least 1 and less than `n_samples`.
    algorithm : {"auto", "exact", "pynndescent"}, default="auto"
        How to search.

        - "exact" compares all pairs, in bounded memory.
        - "pynndescent" builds an approximate graph by nearest-neighbour descent
          [1]_ with the package of this name. Its first call in a process compiles,
          which takes long.
        - "auto" is exact up to a size: while
          ``n_samples ** 2 * (n_features + 10)`` is at most 4e11, as for 70,000
          samples of 50 features. Beyond it is "pynndescent" for the metrics
          "euclidean", "sqeuclidean" and "cosine", provided that the package is
          installed, and exact otherwise. With another metric it is always exact,
          so that a metric means the same for every number of samples.
    metric : str or callable, default="euclidean"
        Any metric that :class:`~sklearn.neighbors.NearestNeighbors` takes with
        ``algorithm="brute"``, except "precomputed". The cosine distance of two
        samples that are both zero is 0, and 1 if only one is. With
        ``algorithm="pynndescent"``, the metrics of that package; a callable must
        be compiled by ``numba.njit``.
    n_jobs : int, default=None
        Number of threads of the exact search. None means 1 unless in a
        :obj:`joblib.parallel_backend` context. -1 means all processors, or as many as
        ``OMP_NUM_THREADS`` says, where joblib and dask write the share of each of their
        workers. The result does not depend on it. The approximate search uses one
        thread always: with the same seed, its result changes with the number of
        threads.
    random_state : int, RandomState instance or None, default=None
        Seed of the approximate search. The exact search is not random. The global
        random state of NumPy is neither used nor changed.

    Returns
    -------
    indices : ndarray of shape (n_samples, n_neighbors), int64
        Neighbours of each sample, the nearest first, equal distances in the order
        of the index. A sample is never its own neighbour. Duplicates of it are.
    distances : ndarray of shape (n_samples, n_neighbors)
        Distances to these neighbours; float32 if `X` is float32, else float64.

    Raises
    ------
    ValueError
        If a parameter is invalid, or if there are not more than `n_neighbors`
        samples.
    ImportError
        If ``algorithm="pynndescent"`` and the package is not installed.

    See Also
    --------
    neighbors_from_graph : Neighbours from a graph that was computed elsewhere.
    connected_components_of : The parts of the graph that are not connected.

    Notes
    -----
    The exact Euclidean search filters pairs by matrix products in single precision
    and computes the distances of those that remain from differences in double
    precision. A bound of the rounding error decides what remains. Where single
    precision does not resolve the neighbours, as in tight clusters that are far
    apart, double precision takes over. Beside the data it holds up to three
    copies of them in single precision and, for each thread, a few blocks of 1 MiB.

    References
    ----------
    .. [1] Dong, W., Moses, C. and Li, K. (2011). Efficient k-nearest neighbor graph
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
    >>> distances
    array([[1. , 3. ],
           [1. , 2. ],
           [0.5, 2. ],
           [0.5, 2.5]])
    """
    X = check_array(
        X,
        accept_sparse="csr",
        dtype=[np.float64, np.float32],
        order="C",
        ensure_min_samples=2,
        input_name="X",
    )
    n_samples, n_features = X.shape
    _check_n_neighbors(n_neighbors, n_samples)
    if algorithm not in _ALGORITHMS:
        raise ValueError(
            f"algorithm={algorithm!r} is unknown. It must be one of {_ALGORITHMS}."
        )
    if isinstance(metric, str) and metric == "precomputed":
        raise ValueError(
            "metric='precomputed' is not supported, as there are no features to "
            "learn from. Pass the data, and a graph of neighbours that was computed "
            "elsewhere through neighbors_from_graph (DLME: as connectivity)."
        )
    n_jobs = search_jobs(n_jobs)
    euclidean_like = isinstance(metric, str) and metric in _EUCLIDEAN_LIKE
    if algorithm == "auto":
        cost = n_samples**2 * (n_features + _PAIR_OVERHEAD)
        approximate = (
            euclidean_like
            and cost > _EXACT_BUDGET
            and importlib.util.find_spec("pynndescent") is not None
        )
        algorithm = "pynndescent" if approximate else "exact"

    n_bytes = n_samples * n_features * X.dtype.itemsize
    if (
        euclidean_like
        and sparse.issparse(X)
        and n_bytes <= get_config()["working_memory"] * 2**20
    ):
        X = X.toarray()
    if not euclidean_like or sparse.issparse(X):
        if algorithm == "exact":
            return _sklearn_neighbors(X, n_neighbors, metric, n_jobs)
        return _pynndescent_neighbors(X, n_neighbors, metric, random_state)

    if metric == "cosine":
        X = _unit_rows(X)
    if algorithm == "exact":
        indices, distances = exact_neighbors(X, n_neighbors, n_jobs=n_jobs)
    else:
        indices, distances = _pynndescent_euclidean(X, n_neighbors, random_state)
    if metric == "sqeuclidean":
        distances **= 2
    elif metric == "cosine":
        # |a - b|^2 = 2 - 2 cos for rows of unit length.
        distances = distances**2 / 2
    return indices, distances


def _check_n_neighbors(n_neighbors, n_samples):
    if (
        not isinstance(n_neighbors, Integral)
        or isinstance(n_neighbors, bool)
        or n_neighbors < 1
    ):
        raise ValueError(
            f"n_neighbors={n_neighbors!r} is invalid. It must be an integer of at "
            "least 1."
        )
    if n_neighbors >= n_samples:
        raise ValueError(
            f"n_neighbors={n_neighbors} is too large for {n_samples} samples. It "
            "must be less than the number of samples, as a sample is not its own "
            f"neighbour: use n_neighbors={n_samples - 1} or less, or more samples."
        )


def _unit_rows(X):
    """Rows of unit length, whose Euclidean distances order them like the cosine.

    Zero rows become the unit vector of an additional coordinate. Their cosine
    distance is then 0 from one another and 1 from every other row.
    """
    largest = np.abs(X).max(axis=1)
    is_zero = largest == 0
    # In two steps, as the squares of extreme entries overflow or vanish.
    X = X / np.where(is_zero, 1, largest)[:, np.newaxis]
    norms = np.sqrt(np.einsum("ij,ij->i", X, X, dtype=np.float64))
    X /= np.where(is_zero, 1, norms)[:, np.newaxis].astype(X.dtype)
    if is_zero.any():
        X = np.column_stack([X, is_zero.astype(X.dtype)])
    return X


def _without_self(indices, distances, rows, n_neighbors):
    """Drop each row's own number, or else the farthest, and sort the ties."""
    other = indices != rows[:, np.newaxis]
    # A stable sort of the booleans moves the row itself to the end.
    order = np.argsort(~other, axis=1, kind="stable")[:, :n_neighbors]
    indices = np.take_along_axis(indices, order, axis=1).astype(np.int64)
    distances = np.take_along_axis(distances, order, axis=1)
    return _sorted(indices, distances)


def _sorted(indices, distances):
    """Sort each row by distance, then by index."""
    order = np.lexsort((indices, distances), axis=1)
    return (
        np.take_along_axis(indices, order, axis=1),
        np.take_along_axis(distances, order, axis=1),
    )


def _sklearn_neighbors(X, n_neighbors, metric, n_jobs, rows=None):
    """Exact neighbours of all or some rows in any metric of scikit-learn."""
    dtype = X.dtype
    if metric in PAIRWISE_BOOLEAN_FUNCTIONS and not sparse.issparse(X):
        X = X.astype(bool)
    searcher = NearestNeighbors(
        n_neighbors=n_neighbors, algorithm="brute", metric=metric, n_jobs=1
    ).fit(X)
    rows = np.arange(X.shape[0]) if rows is None else rows
    indices = np.empty((len(rows), n_neighbors), dtype=np.int64)
    distances = np.empty((len(rows), n_neighbors), dtype=dtype)
    controller = ThreadpoolController()

    def fill(start):
        part = slice(start, start + _BLOCK_ROWS)
        # OpenMP's limit belongs to the thread, so it is set inside of it.
        with controller.limit(limits=1, user_api="openmp"):
            near, at = searcher.kneighbors(X[rows[part]], n_neighbors + 1)
        indices[part], distances[part] = _without_self(
            at, near.astype(dtype), rows[part], n_neighbors
        )

    # Blocks of fixed size, so that the result does not depend on n_jobs.
    with controller.limit(limits=1, user_api="blas"):
        Parallel(n_jobs=n_jobs, require="sharedmem")(
            delayed(fill)(start) for start in range(0, len(rows), _BLOCK_ROWS)
        )
    return indices, distances


def _pynndescent_euclidean(X, n_neighbors, random_state):
    """Approximate Euclidean neighbours of dense data, with exact distances."""
    center, exponent = center_and_exponent(X)
    # pynndescent works in single precision, which an offset would use up.
    indices, _ = _descend(
        centred(X, center, exponent, np.float32), n_neighbors, "euclidean", random_state
    )
    rows = np.repeat(np.arange(len(X)), n_neighbors)
    lacking = np.flatnonzero(np.any(indices < 0, axis=1))
    distances = pair_distances(X, rows, np.maximum(indices, 0).ravel(), exponent)
    indices, distances = _sorted(indices, distances.reshape(indices.shape))
    if len(lacking):
        search = _ExactSearch(X, n_neighbors)
        for start in range(0, len(lacking), _BLOCK_ROWS):
            part = lacking[start : start + _BLOCK_ROWS]
            indices[part], distances[part] = search(part)
    return indices, distances


def _pynndescent_neighbors(X, n_neighbors, metric, random_state):
    """Approximate neighbours in a metric of pynndescent."""
    if callable(metric) and not hasattr(metric, "py_func"):
        raise ValueError(
            f"metric={metric!r} is not compiled, and pynndescent takes only "
            "callables that are. Decorate it with numba.njit, or use "
            "algorithm='exact'."
        )
    indices, distances = _descend(X, n_neighbors, metric, random_state)
    lacking = np.flatnonzero(np.any(indices < 0, axis=1))
    indices, distances = _sorted(indices, distances.astype(X.dtype))
    if len(lacking):
        indices[lacking], distances[lacking] = _sklearn_neighbors(
            X, n_neighbors, metric, None, rows=lacking
        )
    return indices, distances


def _descend(X, n_neighbors, metric, random_state):
    """Run pynndescent. Missing neighbours have index -1."""
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
            # Its warnings are about missing neighbours, which the caller fills in,
            # and about the threading layers of numba.
            warnings.simplefilter("ignore")
            indices, distances = NNDescent(
                X,
                metric=metric,
                # The sample itself counts. Lists shorter than the default of the
                # package lose accuracy.
                n_neighbors=max(n_neighbors + 1, 30),
                random_state=seed,
                # The order in which threads meet the candidates changes the
                # result. One thread, and the seed alone determines it.
                n_jobs=1,
            ).neighbor_graph
    finally:
        numba.set_num_threads(n_threads)
    return _without_self(indices, distances, np.arange(X.shape[0]), n_neighbors)
