# SPDX-License-Identifier: BSD-3-Clause

import numpy as np

from skmanifold.graph import neighbors_from_data
from skmanifold.graph._distinct import distinct_rows
from skmanifold.graph._exact import center_and_exponent, centered
from skmanifold.utils._containers import check_matrix
from skmanifold.utils._sklearn import validate_params
from skmanifold.utils._threads import one_blas_thread
from skmanifold.utils._validation import Count

# Minimum number of components without signal: fewer of equal variance may be a circle
# or a sphere.
_FEWEST_NOISE_COMPONENTS = 8

# Fraction of samples that are lonely: their distance to the neighbor of this rank is
# the largest, relative to the same distance of their neighbors.
_LONELY = 0.2
_LONELY_RANK = 20


@validate_params({"n_neighbors": [Count(0)]}, prefer_skip_nested_validation=True)
def denoise(X, *, n_neighbors=20):
    """Remove isotropic noise from data near a manifold.

    First, principal components with variances below the Marchenko-Pastur edge of pure
    noise are dropped [1]_, provided they are at least eight and half of all components,
    but not all. The noise variance is the mean over the dropped components. Then each
    sample is replaced by the mean of itself and its neighbors in the remaining
    components.

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
    X = check_matrix(X, ensure_min_samples=2)
    center, exponent = center_and_exponent(X)
    # squares may overflow in the unit of X
    normalized = centered(X, center, exponent, np.float64)
    mean = normalized.mean(axis=0)
    components, basis = _signal(normalized - mean)
    (result,), _ = _means_of_neighbors(components, [n_neighbors], X)
    if basis is not None:
        with one_blas_thread():
            result = result @ basis.T
    return np.ldexp(result + mean, exponent) + center


def denoised_coordinates(X, numbers):
    """Denoise X with several numbers of neighbors, in increasing order.

    Each result is a pair: all samples, and those that are not lonely. The coordinates
    differ from those of ``denoise`` by an isometry: there is one for each principal
    component that is kept.
    """
    means, kept = _means_of_neighbors(_signal(X - X.mean(axis=0))[0], numbers, X)
    return [(each, each[kept]) for each in means]


def _signal(X):
    """Return the components above the noise and their directions, None if all are."""
    basis = _signal_basis(X)
    if basis is None:
        return X, None
    with one_blas_thread():
        return X @ basis, basis


def _means_of_neighbors(X, numbers, raw):
    """Return means of samples and their neighbors, and which samples are not lonely."""
    # the mean of nearly all samples would be one point
    most = (len(distinct_rows(raw)[0]) - 1) // 4
    numbers = np.minimum(numbers, most)
    total, counts, done, means = X.copy(), np.zeros(len(X), dtype=int), 0, []
    kept = np.arange(len(X))
    if numbers[-1]:
        neighbors, distances, counts = neighbors_from_data(
            X, int(numbers[-1]), algorithm="exact", raw=raw
        )
        rank = min(_LONELY_RANK, distances.shape[1]) - 1
        around = distances[neighbors, rank].mean(axis=1)
        loneliness = distances[:, rank] / np.maximum(around, 1e-300)
        n_kept = len(X) - int(_LONELY * len(X))
        kept = np.sort(np.argsort(loneliness, kind="stable")[:n_kept])
    for n_neighbors in numbers:
        for i in range(done, n_neighbors):
            valid = i < counts
            total[valid] += X[neighbors[valid, i]]
        done = n_neighbors
        means.append(total / (np.minimum(counts, n_neighbors) + 1)[:, np.newaxis])
    return means, kept


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
    most = min(len(variances) - 1, d // 2, d - _FEWEST_NOISE_COMPONENTS)
    for r in range(most + 1):
        # rounding leaves traces of variance in directions without any
        noise = variances[r:].sum() / (d - r) + 1e-14 * variances[0]
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
