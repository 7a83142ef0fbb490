# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""From raw rows to the inputs of a network: robust scaling and a PCA basis."""

import numpy as np
from scipy import sparse
from sklearn.decomposition import PCA
from threadpoolctl import threadpool_limits

# Rows of a block when statistics are learnt: the block, in float64, stays in the cache.
_BLOCK_ROWS = 512

# Entries of the sample that the PCA basis is learnt from (128 MB of float32).
_PCA_SAMPLE_SIZE = 2**25


def _dense(rows):
    return rows.toarray() if sparse.issparse(rows) else rows


def _column_statistics(X):
    """Mean and variance of each column, in float64, in one pass over blocks of rows."""
    n_samples, n_features = X.shape
    mean = np.zeros(n_features)
    squares = np.zeros(n_features)
    seen = 0
    for start in range(0, n_samples, _BLOCK_ROWS):
        block = _dense(X[start : start + _BLOCK_ROWS]).astype(np.float64)
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


class InputMap:
    """Centres and scales columns, and knows the basis that reduces them.

    Column j is divided by ``max(1, s_j / (2 q))`` and by one number for all columns,
    which makes their mean variance 1; s are the standard deviations, q their upper
    quartile. Columns of comparable scale (pixels, coordinates) so keep their
    proportions, while a column thousands of times larger cannot drown the others.
    Constant columns count for nothing.

    Parameters
    ----------
    mean : ndarray of shape (n_features,)
        What is subtracted.
    factor : ndarray of shape (n_features,)
        What the centred columns are multiplied by; zero for constant columns.
    basis : ndarray of shape (n_reduced, n_features) or None
        The scaled PCA basis, float32. Not applied by :meth:`rows`: a matrix product
        belongs to the network, whose blocks make it reproducible.
    spread : float
        What the orthonormal basis was divided by.
    """

    def __init__(self, mean, factor, basis=None, spread=1.0):
        self.mean = mean
        self.factor = factor
        self.basis = basis
        self.spread = spread

    @property
    def unit(self):
        """Raw units in one unit of the inputs, for columns that are not scaled down."""
        largest = self.factor.max(initial=0.0)
        return self.spread / largest if largest > 0.0 else 1.0

    @property
    def inverse_basis(self):
        """From reduced inputs back to scaled columns, (n_features, n_reduced)."""
        if self.basis is None:
            return None
        return np.ascontiguousarray(self.basis.T * np.float32(self.spread**2))

    @classmethod
    def learn(cls, X, *, n_reduced=None, column_scaling=True, random_state=None):
        """Learn from a dense or CSR matrix.

        ``n_reduced`` is the wanted number of principal components, or None; fewer are
        kept where rows or varying columns are fewer. Without ``column_scaling`` one
        number scales all columns.
        """
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
            # "lower": with two or three columns the quartile itself would be
            # interpolated towards the one large column
            quartile = np.quantile(deviation[varies], 0.75, method="lower")
            if column_scaling:
                factor[varies] /= np.maximum(1.0, deviation[varies] / (2 * quartile))
            factor /= np.sqrt(np.mean((deviation * factor)[varies] ** 2))
        result = cls(mean, factor)
        n_reduced = min(n_reduced or 0, int(varies.sum()) - 1, X.shape[0] - 1)
        if n_reduced >= 1:
            result._learn_basis(X, n_reduced, random_state)
        return result

    def _learn_basis(self, X, n_reduced, random_state):
        n_samples, n_features = X.shape
        rng = np.random.RandomState(random_state)
        n_sampled = min(n_samples, max(1000, _PCA_SAMPLE_SIZE // n_features))
        if n_sampled < n_samples:
            chosen = np.sort(rng.choice(n_samples, n_sampled, replace=False))
            sample = self._scaled(X[chosen])
        else:
            sample = self.rows(X, 0, n_samples)
        pca = PCA(n_reduced, random_state=rng)
        # the number of BLAS threads would show in the last bits
        with threadpool_limits(limits=1, user_api="blas"):
            pca.fit(sample)
        spread = np.sqrt(pca.explained_variance_.mean())
        self.spread = float(max(spread, np.finfo(np.float32).tiny))
        self.basis = (pca.components_ / self.spread).astype(np.float32)

    def rows(self, X, start, stop):
        """Rows ``start`` to ``stop`` of X, centred and scaled, float32."""
        return self._scaled(X[start:stop])

    def restore(self, scaled):
        """Scaled rows in raw units, float64; constant columns get their value."""
        varies = self.factor > 0.0
        inverse = np.zeros_like(self.factor)
        inverse[varies] = 1.0 / self.factor[varies]
        return scaled * inverse + self.mean

    def _scaled(self, rows):
        # In float64: a float32 offset of a million would leave no digits.
        with np.errstate(over="ignore"):
            scaled = (
                np.subtract(_dense(rows), self.mean, dtype=np.float64) * self.factor
            ).astype(np.float32)
        if not np.isfinite(scaled).all():
            raise ValueError(
                "X holds values too large for float32 after scaling by what fit "
                "learnt: they lie more than 1e38 standard deviations away. Look for "
                "outliers or wrong units in X."
            )
        return scaled
