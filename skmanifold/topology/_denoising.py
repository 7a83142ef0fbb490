# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
from sklearn.utils import check_array

from skmanifold.graph import neighbors_from_data
from skmanifold.graph._distinct import distinct_rows
from skmanifold.utils._containers import plain
from skmanifold.utils._sklearn import validate_params
from skmanifold.utils._threads import one_blas_thread
from skmanifold.utils._validation import Count


@validate_params({"n_neighbors": [Count(0)]}, prefer_skip_nested_validation=True)
def denoise(X, *, n_neighbors=20):
    """Remove isotropic noise from data near a manifold.

    First, principal components with variances below the Marchenko-Pastur edge of pure
    noise are dropped [1]_, provided they are at least half of all components, but not
    all. The noise variance is the mean over the dropped components. Then each sample is
    replaced by the mean of itself and its neighbors in the remaining components.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        The samples.
    n_neighbors : int, default=20
        Number of neighbors in the mean, at most a quarter of the other distinct
        samples; 0 skips the second step. Increase it to smooth more; this also shrinks
        curved parts of the data.

    Returns
    -------
    ndarray of shape (n_samples, n_features)
        Denoised samples, in the units of X.

    References
    ----------
    .. [1] S. Kritchman, B. Nadler, "Determining the number of components in a factor
       model from limited noisy data", Chemometrics and Intelligent Laboratory Systems
       94, 2008.

    Examples
    --------
    >>> import numpy as np
    >>> from skmanifold.datasets import make_circle
    >>> from skmanifold.topology import denoise
    >>> circle = np.pad(make_circle(1000, random_state=0).data, ((0, 0), (0, 48)))
    >>> noisy = circle + np.random.default_rng(0).normal(scale=0.1, size=circle.shape)
    >>> rms = [np.sqrt(((X - circle) ** 2).sum(1).mean())
    ...        for X in (noisy, denoise(noisy))]
    >>> np.round(rms, 2)
    array([0.71, 0.13])
    """
    X = check_array(plain(X), dtype=np.float64, ensure_min_samples=2)
    # the mean of nearly all samples would be one point
    n_neighbors = min(n_neighbors, (len(distinct_rows(X)[0]) - 1) // 4)
    mean = X.mean(axis=0)
    basis = _signal_basis(X - mean)
    with one_blas_thread():
        components = X - mean if basis is None else (X - mean) @ basis
    if n_neighbors:
        neighbors, _, counts = neighbors_from_data(
            components, n_neighbors, algorithm="exact", raw=X
        )
        total = components.copy()
        for i, column in enumerate(neighbors.T):
            valid = i < counts
            total[valid] += components[column[valid]]
        components = total / (counts + 1)[:, np.newaxis]
    if basis is not None:
        with one_blas_thread():
            components = components @ basis.T
    return components + mean


def _signal_basis(X):
    """Return the directions above the noise, (n_features, r), or None to keep all."""
    n, d = X.shape
    with one_blas_thread():
        if d <= n:
            variances, vectors = np.linalg.eigh(X.T @ X / n)
        else:
            variances, left = np.linalg.eigh(X @ X.T / n)
            vectors = X.T @ left
            vectors /= np.maximum(np.linalg.norm(vectors, axis=0), 1e-300)
    variances, vectors = np.maximum(variances[::-1], 0.0), vectors[:, ::-1]
    for r in range(min(len(variances), d // 2 + 1)):
        # rounding leaves traces of variance in directions without any
        noise = variances[r:].sum() / (d - r) + 1e-12 * variances[0]
        if variances[r] <= noise * _largest_noise_variance(n, d - r):
            return vectors[:, :r] if r else None
    return None


def _largest_noise_variance(n, d):
    """Return the 0.999 quantile of the largest sample variance of unit noise.

    The Marchenko-Pastur edge plus, for finite samples, 3.3 times the scale of the
    Tracy-Widom law around it.
    """
    a, b = np.sqrt(n - 0.5), np.sqrt(d - 0.5)
    return (a + b) ** 2 / n + 3.3 * (a + b) / n * (1 / a + 1 / b) ** (1 / 3)
