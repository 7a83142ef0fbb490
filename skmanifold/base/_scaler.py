# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""From raw samples to the inputs of a network: robust scaling and a PCA basis."""

import numpy as np
from scipy import sparse
from sklearn.decomposition import PCA

from skmanifold.utils._threads import one_blas_thread

# Rows of a block when statistics are learnt: the block, in float64, stays in the cache.
_BLOCK_ROWS = 512

# Most entries of such a block (16 MB): a sparse matrix may have very many columns.
_BLOCK_SIZE = 2**21

# Entries of the sample that the PCA basis is learnt from (128 MB of float32).
_PCA_SAMPLE_SIZE = 2**25


# Entries of the sample that the columns' units are read from, and its most rows.
_UNIT_SAMPLE_SIZE = 2**22
_UNIT_SAMPLE_ROWS = 1000

# Columns whose units are farther apart than this, between the tenth and the ninetieth
# per cent, are not measured on one scale. Pixels of images are at 2 to 3, scaled gene
# expression at 4; tables of measurements of several kinds at 50 and more.
_ONE_SCALE = 10.0

# A table of measurements of several kinds, as a warning of its units takes it: so many
# columns at most, rows at least, and columns that vary by so different amounts.
_MOST_TABLE_COLUMNS = 64
_LEAST_TABLE_ROWS = 20
_UNRELATED = 1000.0


def _dense(rows):
    return rows.toarray() if sparse.issparse(rows) else rows


def _blocks(n_rows, n_features):
    """Slices of the rows, few enough to be dense in float64."""
    size = max(1, min(_BLOCK_ROWS, _BLOCK_SIZE // n_features))
    return [slice(start, start + size) for start in range(0, n_rows, size)]


def _column_statistics(X):
    """Mean and variance of each column, in float64, in one pass over blocks of rows."""
    n_samples, n_features = X.shape
    mean = np.zeros(n_features)
    squares = np.zeros(n_features)
    seen = 0
    for rows in _blocks(n_samples, n_features):
        block = _dense(X[rows]).astype(np.float64)
        n = len(block)
        block_mean = block.mean(axis=0)
        block -= block_mean
        # Chan's update: no difference of large sums, so offsets lose no digits
        delta = block_mean - mean
        squares += np.einsum("ij,ij->j", block, block)
        squares += delta * delta * (seen * n / (seen + n))
        seen += n
        mean += delta * (n / seen)
    return mean, squares / n_samples


def _column_units(X, deviation, random_state):
    """How far a column that says something about a row lies from where most rows lie.

    The standard deviation, but for columns in which one value (zero, mostly) has more
    than half of the rows: there the root mean square distance of the other rows from
    it. A pixel at the border of an image is rarely on, and then as bright as others.
    Also returns which columns vary among the rows that were looked at: of the others
    no more is known than that such rows are fewer than one of those.
    """
    n_samples, n_features = X.shape
    n_sampled = min(_UNIT_SAMPLE_ROWS, max(100, _UNIT_SAMPLE_SIZE // n_features))
    rows = slice(None)
    if n_sampled < n_samples:
        rng = np.random.RandomState(random_state)
        rows = np.sort(rng.choice(n_samples, n_sampled, replace=False))
    sample = np.sort(_dense(X[rows]).astype(np.float64), axis=0)
    # a value that more than half of the rows have is the median of the column
    common = sample[len(sample) // 2]
    apart = sample - common
    others = np.count_nonzero(apart, axis=0)
    units = deviation.copy()
    rare = (others > 0) & (others < len(sample) / 2)
    squares = np.einsum("ij,ij->j", apart, apart)
    units[rare] = np.sqrt(squares[rare] / others[rare])
    seen = others > 0
    units[~seen] *= np.sqrt(len(sample))
    return units, seen


def _on_one_scale(mean, deviation, units):
    """Whether columns may keep their proportions."""
    if np.all(np.abs(mean) < 1e-3 * deviation):
        # centred by whoever made them, principal components for instance, whose
        # proportions are what they are about
        return True
    low, high = np.quantile(units, [0.1, 0.9])
    return high <= _ONE_SCALE * low


def columns_in_unrelated_units(X, random_state):
    """The columns that vary most and least, if their units can hardly be one; or None.

    What keeps the proportions of columns asks this to warn, so it is in little doubt:
    columns of one sign, thousands of times apart, in a table of few columns. Integers
    are taken for counts. They, shares, coordinates, noise around zero and data centred
    by whoever made them never are.
    """
    n_samples, n_features = X.shape
    if n_samples < _LEAST_TABLE_ROWS or not 1 < n_features <= _MOST_TABLE_COLUMNS:
        return None
    rng = np.random.RandomState(random_state)
    rows = rng.permutation(n_samples)[:_UNIT_SAMPLE_ROWS]
    sample = _dense(X[np.sort(rows)]).astype(np.float64)
    if np.all(sample == np.floor(sample)):
        return None
    low, high = sample.min(axis=0), sample.max(axis=0)
    rounding = max(1e-12, 10 * np.finfo(X.dtype).eps if X.dtype.kind == "f" else 0.0)
    whole = sample.sum(axis=1)
    if np.all(low >= 0) and (high.max() <= 1 or np.ptp(whole) <= 1e-2 * whole.max()):
        return None
    # not the standard deviation: a few outliers are no unit
    spread = np.ptp(np.quantile(sample, [0.1, 0.9], axis=0), axis=0)
    varies = spread > rounding * np.maximum(np.abs(low), np.abs(high))
    judged = np.flatnonzero(varies & (np.sign(low) * np.sign(high) >= 0))
    if len(judged) < 2:
        return None
    ordered = judged[np.argsort(spread[judged], kind="stable")]
    largest, smallest = int(ordered[-1]), int(ordered[0])
    if spread[largest] <= _UNRELATED * spread[smallest]:
        return None
    return largest, smallest


class InputScaler:
    """Center and scale columns, and find the basis that reduces them.

    Columns measured on one scale (pixels, coordinates, counts) keep their proportions:
    column j is divided by ``max(1, s_j / (2 q))``, where s are the standard deviations
    and q is their upper quartile, so that a column thousands of times larger cannot
    drown the others. Columns in unrelated units, which lie orders of magnitude apart,
    are divided by their units, see :func:`_column_units`. Then one number for all
    columns makes their mean variance 1. Constant columns count for nothing.

    Parameters
    ----------
    n_reduced : int or None, default=None
        Number of principal components; fewer are kept where samples or varying columns
        are fewer. None learns no basis.
    column_scaling : bool, default=True
        Whether columns are scaled apart. If False, one number scales all of them.
    random_state : int or None, default=None
        Seed of the samples that units and basis are learned from.

    Attributes
    ----------
    center_ : ndarray of shape (n_features,)
        Subtracted from the columns.
    factor_ : ndarray of shape (n_features,)
        Multiplies the centered columns; zero for constant columns.
    basis_ : ndarray of shape (n_reduced, n_features) or None
        The scaled PCA basis, float32. Not applied by :meth:`transform`: a matrix
        product belongs to the network, whose blocks make it reproducible.
    spread_ : float
        Divisor of the orthonormal basis.
    """

    def __init__(self, *, n_reduced=None, column_scaling=True, random_state=None):
        self.n_reduced = n_reduced
        self.column_scaling = column_scaling
        self.random_state = random_state

    @property
    def unit(self):
        """Raw units in one unit of the inputs, for columns that are not scaled down."""
        largest = self.factor_.max(initial=0.0)
        return self.spread_ / largest if largest > 0.0 else 1.0

    @property
    def inverse_basis(self):
        """From reduced inputs back to scaled columns, (n_features, n_reduced)."""
        if self.basis_ is None:
            return None
        return np.ascontiguousarray(self.basis_.T * np.float32(self.spread_**2))

    @property
    def inverse_factor(self):
        """Reciprocals of the factors; zero for constant columns."""
        varies = self.factor_ > 0.0
        inverse = np.zeros_like(self.factor_)
        inverse[varies] = 1.0 / self.factor_[varies]
        return inverse

    def fit(self, X):
        """Learn center, factors and basis from a dense or CSR matrix."""
        with np.errstate(over="ignore", invalid="ignore"):
            mean, variance = _column_statistics(X)
        if not np.isfinite(variance).all():
            column = int(np.flatnonzero(~np.isfinite(variance))[0])
            raise ValueError(
                f"X holds values so large that the variance of column {column} "
                "overflows (float64). Divide X by a constant first."
            )
        deviation = np.sqrt(variance)
        varies = deviation > 10 * np.finfo(np.float64).eps * np.abs(mean)
        factor = varies.astype(np.float64)
        if varies.any():
            if self.column_scaling:
                units, seen = _column_units(X, deviation, self.random_state)
                units, judged = units[varies], varies & seen
                if not judged.any() or _on_one_scale(
                    mean[judged], deviation[judged], units[seen[varies]]
                ):
                    # "lower": with two or three columns the quartile itself would be
                    # interpolated towards the one large column
                    largest = 2 * np.quantile(deviation[varies], 0.75, method="lower")
                    factor[varies] /= np.maximum(1.0, deviation[varies] / largest)
                else:
                    factor[varies] /= units
            factor /= np.sqrt(np.mean((deviation * factor)[varies] ** 2))
        self.center_, self.factor_ = mean, factor
        self.basis_, self.spread_ = None, 1.0
        n_reduced = min(self.n_reduced or 0, int(varies.sum()) - 1, X.shape[0] - 1)
        if n_reduced >= 1:
            self._fit_basis(X, n_reduced)
        return self

    def _fit_basis(self, X, n_reduced):
        n_samples, n_features = X.shape
        rng = np.random.RandomState(self.random_state)
        n_sampled = min(n_samples, max(1000, _PCA_SAMPLE_SIZE // n_features))
        if n_sampled < n_samples:
            chosen = np.sort(rng.choice(n_samples, n_sampled, replace=False))
        else:
            chosen = np.arange(n_samples)
        sample = self._filled(X, chosen)
        pca = PCA(n_reduced, random_state=rng)
        # the number of BLAS threads would show in the last bits
        with one_blas_thread():
            pca.fit(sample)
        spread = np.sqrt(pca.explained_variance_.mean())
        self.spread_ = float(max(spread, np.finfo(np.float32).tiny))
        self.basis_ = (pca.components_ / self.spread_).astype(np.float32)

    def transform(self, X):
        """Center and scale samples: a float32 array, not reduced."""
        return self._filled(X, None)

    def inverse_transform(self, X):
        """Scaled samples in raw units, float64; constant columns get their value."""
        return X * self.inverse_factor + self.center_

    def _filled(self, X, chosen):
        """Scaled samples of X, those ``chosen`` or all, block by block."""
        n_rows = X.shape[0] if chosen is None else len(chosen)
        blocks = _blocks(n_rows, X.shape[1])
        if len(blocks) == 1 and chosen is None:
            return self._scaled(X)
        result = np.empty((n_rows, X.shape[1]), dtype=np.float32)
        for rows in blocks:
            result[rows] = self._scaled(X[rows if chosen is None else chosen[rows]])
        return result

    def _scaled(self, rows):
        # In float64: a float32 offset of a million would leave no digits.
        with np.errstate(over="ignore"):
            scaled = np.subtract(_dense(rows), self.center_, dtype=np.float64)
            scaled *= self.factor_  # in place: another array costs more than this
            scaled = scaled.astype(np.float32)
        if not np.isfinite(scaled).all():
            raise ValueError(
                "X holds values too large for float32 after scaling by what fit "
                "learnt: they lie more than 1e38 standard deviations away. Look for "
                "outliers or wrong units in X."
            )
        return scaled
