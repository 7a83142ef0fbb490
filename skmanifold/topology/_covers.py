# SPDX-License-Identifier: BSD-3-Clause

import warnings

import numpy as np
from scipy.spatial.distance import cdist
from sklearn.cluster import KMeans
from sklearn.utils import gen_batches

from skmanifold.graph._exact import center_and_exponent, centered
from skmanifold.utils._containers import check_matrix
from skmanifold.utils._sklearn import StrOptions, validate_params
from skmanifold.utils._threads import one_thread
from skmanifold.utils._validation import Count

_FLOATS = [np.float64, np.float32]

# Larger data are subsampled for k-means, which then takes a few seconds.
_MAX_KMEANS_SAMPLES = 10_000


def overlap(Q):
    """Compute the pairwise overlaps of the charts of a soft cover.

    ``u_ab = (1 / S_a + 1 / S_b) / 2  sum_x q_a(x) q_b(x)`` with the masses
    ``S_a = sum_x q_a(x)``.

    Parameters
    ----------
    Q : array-like of shape (n_samples, n_charts)
        Memberships, non-negative.

    Returns
    -------
    ndarray of shape (n_charts, n_charts)
        Symmetric overlaps, in [0, 1] for memberships in [0, 1] and 0 for charts
        without mass.

    References
    ----------
    .. [1] E. O. Korman, "Autoencoding topology",
       arXiv:1803.00156.

    Examples
    --------
    >>> from skmanifold.topology import overlap
    >>> overlap([[0.5, 0.5], [1.0, 0.0], [0.0, 1.0]]).round(3)
    array([[0.833, 0.167],
           [0.167, 0.833]])
    """
    Q = check_memberships(Q)
    inverse = inverse_mass(Q)
    # einsum without BLAS: the same bits for any number of threads
    common = np.einsum("na,nb->ab", Q, Q)
    return 0.5 * (inverse[:, np.newaxis] + inverse) * common


def normalize(X):
    """Center and scale data: squared distances would overflow or lose digits."""
    X = centered(X, *center_and_exponent(X), np.float64)
    return X - X.mean(axis=0)


@validate_params(
    {
        "n_charts": [Count(1)],
        "init": [StrOptions({"k-means", "random", "farthest"})],
        "rng": [np.random.RandomState],
    },
    prefer_skip_nested_validation=True,
)
def choose_prototypes(X, n_charts, init, rng):
    """Choose the prototypes of charts.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Samples, at least `n_charts`.
    n_charts : int
        Number of prototypes.
    init : {"k-means", "random", "farthest"}
        The centers of k-means; random samples; or samples chosen one by one, each the
        farthest from those chosen before.
    rng : numpy.random.RandomState
        Source of randomness.

    Returns
    -------
    ndarray of shape (n_charts, n_features)
        The prototypes.

    Examples
    --------
    >>> import numpy as np
    >>> from skmanifold.topology import choose_prototypes
    >>> X = np.array([[0.0], [1.0], [5.0]])
    >>> choose_prototypes(X, 3, "farthest", np.random.RandomState(0)).shape
    (3, 1)
    """
    X = check_matrix(X, dtype=_FLOATS, ensure_min_samples=n_charts)
    if init == "random":
        return X[rng.choice(len(X), n_charts, replace=False)]
    if init == "farthest":
        chosen = [rng.randint(len(X))]
        nearest = np.full(len(X), np.inf)
        while len(chosen) < n_charts:
            d2 = _squared_distances(X, X[chosen[-1:]])[:, 0]
            nearest = np.minimum(nearest, d2)
            chosen.append(int(nearest.argmax()))
        return X[chosen]
    if len(X) > _MAX_KMEANS_SAMPLES:
        X = X[np.sort(rng.choice(len(X), _MAX_KMEANS_SAMPLES, replace=False))]
    return k_means(X, n_charts, rng)


def k_means(X, n_charts, rng):
    """Compute the centers of k-means, the same for any number of threads."""
    with one_thread():
        return cluster_centers(X, n_charts, n_init=3, random_state=rng)


def cluster_centers(X, n_charts, **options):
    """Compute the centers of k-means inside of ``one_thread``."""
    with warnings.catch_warnings():
        # with duplicates, some prototypes and their charts coincide
        warnings.filterwarnings("ignore", "Number of distinct clusters")
        return KMeans(n_charts, **options).fit(X).cluster_centers_


@validate_params({"n_nearest": [Count(1)]}, prefer_skip_nested_validation=True)
def two_nearest(X, prototypes, n_nearest=2):
    """Compute the mean squared distance of samples to their nearest prototypes.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Samples.
    prototypes : array-like of shape (n_charts, n_features)
        Prototypes.
    n_nearest : int, default=2
        Number of prototypes, the nearest ones, of each sample.

    Returns
    -------
    float
        The mean over samples and prototypes; 1 if it is 0.

    Examples
    --------
    >>> import numpy as np
    >>> from skmanifold.topology import two_nearest
    >>> two_nearest(np.array([[0.0]]), np.array([[1.0], [3.0], [9.0]]))
    5.0
    """
    X = check_matrix(X, dtype=_FLOATS)
    prototypes = check_matrix(prototypes, "prototypes", dtype=_FLOATS)
    total = 0.0
    for batch in gen_batches(len(X), 4096):
        d2 = _squared_distances(X[batch], prototypes)
        if d2.shape[1] > n_nearest:
            d2 = np.partition(d2, n_nearest - 1, axis=1)[:, :n_nearest]
        total += float(d2.mean(axis=1).sum())
    return total / len(X) if total > 0 else 1.0


def _squared_distances(A, B):
    return cdist(A, B, "sqeuclidean")


def check_memberships(Q):
    """Validate the memberships of a soft cover, non-negative but of any scale."""
    if hasattr(Q, "predict_proba"):
        raise TypeError(
            f"Q is an estimator, {type(Q).__name__}, but must be an array of"
            " memberships. Pass model.predict_proba(X)."
        )
    Q = check_matrix(Q, "Q")
    if Q.min() < 0:
        raise ValueError(
            f"Q has the negative value {Q.min():g}, but memberships must not be "
            "negative. Pass the result of predict_proba."
        )
    return Q


def inverse_mass(Q):
    """Compute the inverse sum of memberships of each chart; 0 if all of them are 0."""
    mass = Q.sum(axis=0)
    return np.divide(1.0, mass, out=np.zeros_like(mass), where=mass > 0)
