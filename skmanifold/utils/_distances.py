# SPDX-License-Identifier: BSD-3-Clause

"""Validated distances in any metric of scikit-learn, dense or sparse."""

from numbers import Real

import numpy as np
from scipy import sparse
from sklearn import config_context
from sklearn.metrics import pairwise_distances

from skmanifold.utils._containers import counted

# Metrics of sets: a sample is the set of its nonzero features.
SET_METRICS = {"dice", "jaccard", "rogerstanimoto", "russellrao", "sokalsneath", "yule"}
# Metrics with parameters that are given or learned from the data.
LEARNED_METRICS = ("seuclidean", "mahalanobis")
# Metrics that scikit-learn computes for sparse data.
_SPARSE_METRICS = ("cityblock", "cosine", "euclidean", "l1", "l2", "manhattan")
# Number of entries of a block of sparse samples that is made dense.
_DENSE_ENTRIES = 2**21
# Rounding may make a zero distance negative, relative to the largest distance.
_ROUNDING = 1e-6
# A matrix with more than this share of all pairs has all distances; it is symmetric if
# both directions agree up to this share of the largest distance.
_ALL_PAIRS = 0.5
_ASYMMETRY = 1e-3
# Side of the square blocks of a matrix that are compared with their transpose.
_SQUARE = 1024

_REMEDIES = {
    "correlation": "Constant samples have no correlation with others: remove them, or "
    "use another metric.",
    "braycurtis": "It is 0 / 0 between samples of zeros, and requires non-negative "
    "data: remove such samples, or use another metric.",
}


def describe_metric(metric):
    """Return the name of a metric for messages."""
    return getattr(metric, "__qualname__", repr(metric))


def check_distances(distances, rows, metric, columns=None):
    """Return distances; raise ValueError if one is NaN or negative.

    `distances` are those from the samples `rows` to all samples, or to `columns` of
    shape ``(len(rows), m)``.
    """
    if not distances.size:
        return distances
    least = distances.min()
    if least >= 0:
        return distances
    bad = np.isnan(distances)
    kind = "NaN"
    if not bad.any():
        largest = np.abs(distances[np.isfinite(distances)]).max(initial=0.0)
        bad = distances < -_ROUNDING * largest
        if not bad.any():
            return np.maximum(distances, 0, out=distances)
        kind = f"negative ({distances[bad][0]:g})"
    positions = np.argwhere(bad)
    others = positions[:, 1] if columns is None else columns[bad]
    # name two different samples if possible
    first = (others != np.asarray(rows)[positions[:, 0]]).argmax()
    raise InvalidDistance(metric, kind, rows[positions[first, 0]], others[first])


def check_function(metric, X, params):
    """Raise TypeError unless a function returns a number for two samples."""
    ends = X[[0, -1]]
    first, second = ends.toarray() if sparse.issparse(ends) else ends
    distance = metric(first, second, **params)
    if distance is None:
        return  # becomes NaN, whose error names the samples
    received = f"{distance!r} of type {type(distance).__name__}"
    try:
        np.float64(distance)
        if np.ndim(distance) == 0:
            return
    except (TypeError, ValueError):
        pass
    if np.ndim(distance):
        received = f"an array of shape {np.shape(distance)}"
    raise TypeError(
        f"metric={describe_metric(metric)} returns {received} for two samples. It must "
        "return one number, their distance."
    )


def check_minkowski(params):
    """Raise ValueError unless the exponent of metric="minkowski" is positive."""
    p = params.get("p", 2)
    if not isinstance(p, Real) or not p > 0:
        raise ValueError(
            f"metric_params['p'] is {p!r}, but must be a number greater than 0 for "
            "metric='minkowski'; at least 1 for a metric."
        )


def check_entries(entries, name):
    """Raise ValueError unless all entries may be distances."""
    for kind, bad in (("NaN", np.isnan), ("infinite", np.isinf)):
        if entries.dtype.kind == "f" and bad(entries).any():
            raise ValueError(
                f"{name} has distances that are {kind}, but metric='precomputed' needs "
                "finite ones. Pass a sparse matrix without the unknown distances and "
                "those between disconnected parts."
            )
    least = entries.min(initial=0)
    if least < -_ROUNDING * entries.max(initial=0):
        raise ValueError(
            f"{name} has negative entries, the smallest {least:g}, but distances must "
            "be at least 0. For a kernel K, pass the distances sqrt(K[i, i] + K[j, j] "
            "- 2 K[i, j])."
        )


def check_square(D, name):
    """Raise ValueError unless a matrix may hold distances between its samples."""
    if D.shape[0] != D.shape[1]:
        raise ValueError(
            f"{name} has shape {D.shape}, but metric='precomputed' needs the square "
            "matrix of distances between all samples. Pass features with another "
            "metric, or their sklearn.metrics.pairwise_distances."
        )
    largest = D.max()
    if largest > 0 and (D.diagonal() > 1e-3 * largest).any():
        raise ValueError(
            f"{name} has a nonzero diagonal, but metric='precomputed' needs distances, "
            "which are 0 on the diagonal. For similarities or a kernel K, pass the "
            "distances sqrt(K[i, i] + K[j, j] - 2 K[i, j])."
        )
    check_both_sides(D, name)


def check_both_sides(D, name="X"):
    """Raise ValueError if a square matrix has distances on one side of the diagonal."""
    if _is_upper(D) != _is_upper(D.T):
        raise ValueError(
            f"{name} has distances on one side of the diagonal only, but "
            "they are needed on both: in row i those of sample i. Pass the sum of this "
            "matrix and its transpose."
        )


def _is_upper(D):
    """Return whether there is nothing below the diagonal."""
    if sparse.issparse(D):
        rows, columns = sparse.coo_array(D).coords
        return not (rows > columns).any()
    # for most matrices the second row suffices
    return not any(D[i, :i].any() for i in range(1, len(D)))


def check_symmetric(D, name="X"):
    """Raise ValueError if all distances are given, but differ in both directions.

    A sparse matrix of some distances, as of a neighbor graph, need not be symmetric.
    """
    n_samples = D.shape[0]
    is_sparse = sparse.issparse(D)
    if is_sparse and D.nnz <= _ALL_PAIRS * n_samples**2:
        return
    largest = _ASYMMETRY * float(D.max())
    for start in range(0, n_samples, _SQUARE):
        rows = slice(start, start + _SQUARE)
        for other in range(start, n_samples, _SQUARE):
            columns = slice(other, other + _SQUARE)
            forward, back = D[rows, columns], D[columns, rows]
            if is_sparse:
                forward, back = forward.toarray(), back.toarray()
            back = back.T.astype(np.float64)
            # a zero may mean no edge
            differ = (forward != 0) & (back != 0) & (np.abs(forward - back) > largest)
            if differ.any():
                i, j = np.argwhere(differ)[0]
                raise ValueError(
                    f"{name} is not symmetric: it has {forward[i, j]:g} from sample "
                    f"{start + i} to {other + j}, and {back[i, j]:g} back. Distances "
                    "must be the same in both directions. Pass (D + D.T) / 2, for "
                    "example."
                )


class InvalidDistance(ValueError):
    """Error about a distance of a metric between two samples."""

    def __init__(self, metric, kind, first, second):
        super().__init__(_message(metric, kind, first, second))
        self.details = metric, kind, first, second

    def __reduce__(self):
        return type(self), self.details

    def renumbered(self, numbers):
        """Return the error for a subset of samples with these numbers."""
        metric, kind, first, second = self.details
        return InvalidDistance(metric, kind, numbers[first], numbers[second])


def _message(metric, kind, first, second):
    """Return the message about an invalid distance."""
    remedy = "If it is a similarity, subtract it from its largest value, for example."
    if kind == "NaN":
        remedy = "Return 0 for equal samples, and larger numbers for less similar ones."
    if isinstance(metric, str):
        remedy = _REMEDIES.get(metric, remedy)
    return (
        f"metric={describe_metric(metric)} returns distances that are {kind}, such as "
        f"between samples {first} and {second}. Distances must be numbers of at least "
        f"0. {remedy}"
    )


def learned_space(X, metric, metric_params=None):
    """Map samples so that distances in a learned metric are Euclidean.

    As in scikit-learn, ``V`` is the variances for "seuclidean"; "mahalanobis" takes the
    inverse covariance ``VI`` or the covariance ``V``. The default is computed from X.
    """
    params = dict(metric_params or {})
    n_features = X.shape[1]
    allowed = ("V",) if metric == "seuclidean" else ("V", "VI")
    unknown = sorted(set(params) - set(allowed))
    if unknown:
        raise ValueError(
            f"metric_params has the unknown name {unknown[0]!r} for "
            f"metric={metric!r}. Allowed: {', '.join(allowed)}."
        )
    shape = (n_features,) if metric == "seuclidean" else (n_features, n_features)
    for name, value in params.items():
        params[name] = value = np.asarray(value, dtype=np.float64)
        if value.shape != shape or not np.isfinite(value).all():
            raise ValueError(
                f"metric_params[{name!r}] has shape {value.shape} for "
                f"metric={metric!r}. It must be an array of finite numbers of shape "
                f"{shape}, as X has {counted(n_features, 'feature')}."
            )
    if metric == "seuclidean":
        variance = params.get("V")
        if variance is None:
            variance = _variance(X)
            # ignore constant features
            variance[variance == 0] = 1.0
        if (variance <= 0).any():
            raise ValueError(
                "metric_params['V'] has entries that are not positive. Drop constant "
                "features, or set their variance to 1."
            )
        scale = 1 / np.sqrt(variance)
        if sparse.issparse(X):
            return sparse.csr_array(X.multiply(scale[np.newaxis])).astype(X.dtype)
        return (X * scale).astype(X.dtype)
    X = X.toarray() if sparse.issparse(X) else X
    precision = params.get("VI")
    if precision is None:
        covariance = params.get("V")
        if covariance is None:
            covariance = np.atleast_2d(np.cov(X, rowvar=False, dtype=np.float64))
        # ignore linearly dependent features
        precision = np.linalg.pinv(covariance, hermitian=True)
    values, vectors = np.linalg.eigh((precision + precision.T) / 2)
    if values.min() < -1e-8 * max(values.max(), 0.0):
        raise ValueError(
            "The matrix of metric='mahalanobis' has negative eigenvalues, so distances "
            "are undefined. Pass a covariance (V) or its inverse (VI)."
        )
    kept = values > 1e-15 * values.max(initial=0.0)
    if not kept.any():
        return np.zeros((len(X), 1), dtype=X.dtype)
    centered = X - X.mean(axis=0, dtype=np.float64)
    return (centered @ (vectors[:, kept] * np.sqrt(values[kept]))).astype(X.dtype)


def _variance(X):
    """Return the unbiased variance of each column, float64."""
    if not sparse.issparse(X):
        return np.var(X, axis=0, ddof=1, dtype=np.float64)
    X = sparse.csr_array(X, dtype=np.float64)
    variance = np.maximum(X.power(2).mean(axis=0) - X.mean(axis=0) ** 2, 0.0)
    return variance * (X.shape[0] / (X.shape[0] - 1))


class CheckedDistances:
    """Validated distances from given samples to all, computed on demand.

    `metric` is any metric of :func:`sklearn.metrics.pairwise_distances`, also for
    sparse data.
    """

    def __init__(self, X, metric, metric_params=None):
        self.metric = metric
        self.params = dict(metric_params or {})
        named = isinstance(metric, str)
        is_sparse = sparse.issparse(X)
        of_sets = named and metric in SET_METRICS
        of_sets = of_sets or (named and metric == "hamming" and is_sparse)
        self.counts = of_sets and not self.params
        self.correlates = named and metric == "correlation"
        supported = self.counts or self.correlates
        supported = supported or (named and metric in _SPARSE_METRICS)
        self.by_blocks = is_sparse and not supported
        self.X = X
        if not named and X.shape[0]:
            check_function(metric, X, self.params)
        if named and metric == "minkowski":
            check_minkowski(self.params)
        if self.counts:
            X = sparse.csr_array(X if is_sparse else X != 0, copy=True)
            X.eliminate_zeros()
            X.sort_indices()
            self.sizes = np.diff(X.indptr).astype(np.float64)
            if metric == "hamming":
                # one column per distinct value of each column
                _, cell = np.unique(
                    np.stack([X.indices.astype(np.float64), X.data]),
                    axis=1,
                    return_inverse=True,
                )
                cell = cell.ravel()
                self.equal = sparse.csr_array(
                    (np.ones(len(cell), dtype=np.float32), cell, X.indptr),
                    shape=(X.shape[0], int(cell.max(initial=0)) + 1),
                )
                self.equal_T = self.equal.T.tocsr()
            X.data = np.ones(len(X.data), dtype=np.float32)
            self.sets, self.sets_T = X, X.T.tocsr()
        elif self.correlates:
            n_features = X.shape[1]
            X = sparse.csr_array(X) if is_sparse else X
            X = X.astype(np.float64)
            self.means = np.asarray(X.sum(axis=1)).ravel() / n_features
            if is_sparse:
                # from deviations, since differences of squares would lose digits
                deviations = X.copy()
                deviations.data -= np.repeat(self.means, np.diff(X.indptr))
                squares = np.asarray(deviations.power(2).sum(axis=1)).ravel()
                squares += self.means**2 * (n_features - np.diff(X.indptr))
                lengths = np.sqrt(squares)
                self.centered, self.centered_T = X, X.T.tocsr()
            else:
                X = X - self.means[:, np.newaxis]
                lengths = np.sqrt(np.einsum("ij,ij->i", X, X))
                self.centered, self.centered_T = X, X.T
            flat = lengths <= 1e-14 * np.sqrt(n_features) * np.abs(self.means)
            if flat.any():
                first = flat.argmax()
                raise InvalidDistance(metric, "NaN", first, 0 if first else 1)
            self.lengths = lengths

    @property
    def n_samples(self):
        return self.X.shape[0]

    def __call__(self, rows):
        """Return distances of shape (len(rows), n_samples), as a new array."""
        rows = np.asarray(rows)
        if self.counts:
            distances = self._of_sets(rows)
        elif self.correlates:
            distances = self._of_correlations(rows)
        elif self.by_blocks:
            distances = self._of_dense_blocks(rows)
        else:
            distances = self._of_scikit_learn(self.X[rows], self.X)
        return check_distances(distances, rows, self.metric)

    def _of_scikit_learn(self, A, B):
        # validated once already
        with config_context(assume_finite=True), np.errstate(invalid="ignore"):
            try:
                return pairwise_distances(A, B, metric=self.metric, **self.params)
            except TypeError as error:
                if not (self.params and isinstance(self.metric, str)):
                    raise
                raise TypeError(
                    f"metric_params={self.params!r} are not parameters of "
                    f"metric={self.metric!r}: {error}."
                ) from error

    def _of_dense_blocks(self, rows):
        X = self.X
        n_samples, n_features = X.shape
        step = max(1, _DENSE_ENTRIES // n_features)
        distances = np.empty((len(rows), n_samples))
        for i in range(0, len(rows), step):
            dense_rows = X[rows[i : i + step]].toarray()
            for j in range(0, n_samples, step):
                block = self._of_scikit_learn(dense_rows, X[j : j + step].toarray())
                distances[i : i + step, j : j + step] = block
        return distances

    def _of_sets(self, rows):
        n_features = self.X.shape[1]
        # counts are exact in single precision up to 2**24 columns
        both = (self.sets[rows] @ self.sets_T).toarray().astype(np.float64)
        row_sizes, sizes = self.sizes[rows, np.newaxis], self.sizes
        union = row_sizes + sizes - both
        differ = union - both
        name = self.metric
        with np.errstate(invalid="ignore", divide="ignore"):
            if name == "hamming":
                same = (self.equal[rows] @ self.equal_T).toarray()
                return (union - same) / n_features
            if name == "russellrao":
                return (n_features - both) / n_features
            if name == "rogerstanimoto":
                return 2 * differ / (n_features + differ)
            if name == "yule":
                half = (row_sizes - both) * (sizes - both)
                rest = both * (n_features - union)
                return np.where(half == 0, 0.0, 2 * half / (rest + half))
            size = {
                "jaccard": union,
                "dice": row_sizes + sizes,
                "sokalsneath": both + 2 * differ,
            }[name]
            ratio = (2 * differ if name == "sokalsneath" else differ) / size
        # empty sets are equal
        return np.where(size == 0, 0.0, ratio)

    def _of_correlations(self, rows):
        n_features = self.X.shape[1]
        products = self.centered[rows] @ self.centered_T
        if sparse.issparse(products):
            products = products.toarray()
            products -= n_features * self.means[rows, np.newaxis] * self.means
        products /= self.lengths[rows, np.newaxis] * self.lengths
        return 1 - np.clip(products, -1, 1)
