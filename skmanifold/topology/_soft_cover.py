# SPDX-License-Identifier: BSD-3-Clause

"""Soft covers, and their number of charts."""

from numbers import Integral, Real

import numpy as np
from scipy.spatial.distance import cdist
from scipy.special import softmax

from skmanifold.graph._distinct import distinct_rows
from skmanifold.topology import _denoising
from skmanifold.topology._betti_numbers import BettiEstimate, read_cover
from skmanifold.topology._covers import choose_prototypes, normalize, two_nearest
from skmanifold.topology._votes import FEWEST_SAMPLES, SIZES, estimate_betti_numbers
from skmanifold.utils import warn
from skmanifold.utils._containers import check_matrix, counted
from skmanifold.utils._sklearn import Options, StrOptions, validate_params
from skmanifold.utils._validation import Count, Number, check_seed

# Number of charts if no other is found, and of samples to check a cover, those of
# betti_numbers.
_FALLBACK = 16
_MAX_SAMPLES = 2000


@validate_params(
    {
        "n_charts": [Count(1), StrOptions({"auto"})],
        "init": [StrOptions({"k-means", "random", "farthest"})],
        "temperature": [Number(Real, 0, None, closed="neither")],
        "denoise": ["boolean"],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def soft_cover(
    X,
    n_charts=16,
    *,
    init="k-means",
    temperature=0.1,
    denoise=False,
    random_state=None,
):
    """Cover data softly by neighborhoods of prototypes, without training.

    ``q = softmax(-|x - c_j|^2 / T)`` with prototypes c and T = `temperature` times the
    mean squared distance of a sample to its two nearest prototypes.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        The samples.
    n_charts : int or "auto", default=16
        Number of prototypes. Increase it until charts are smaller than the loops and
        voids of the data. "auto" is the result of :func:`choose_n_charts`.
    init : {"k-means", "random", "farthest"}, default="k-means"
        Prototypes: the centers of k-means; random samples; or samples chosen one by
        one, each the farthest from those chosen before.
    temperature : float, default=0.1
        Softness of the boundaries between charts. Increase it if adjacent charts do
        not overlap.
    denoise : bool, default=False
        Whether to denoise the samples first with :func:`denoise`. Set it for noisy
        data.
    random_state : int, RandomState instance or None, default=None
        Seed of the prototypes.

    Returns
    -------
    ndarray of shape (n_samples, n_charts)
        Memberships q, which sum to 1 for each sample.

    Examples
    --------
    >>> from skmanifold.datasets import make_sphere
    >>> from skmanifold.topology import soft_cover
    >>> soft_cover(make_sphere(300, random_state=0).data, 8, random_state=0).shape
    (300, 8)
    """
    X = check_matrix(X)
    if n_charts == "auto":
        random_state = _seed(random_state)
        n_charts, _ = choose_n_charts(X, denoise=denoise, random_state=random_state)
    if n_charts > len(X):
        raise ValueError(
            f"n_charts={n_charts} is more than the {counted(len(X), 'sample')} of X. "
            "Use at most as many charts as samples."
        )
    if denoise:
        X = _denoising.denoise(X)
    X = normalize(X)
    prototypes = choose_prototypes(X, n_charts, init, check_seed(random_state))
    d2 = cdist(X, prototypes, "sqeuclidean")
    return softmax(-d2 / (temperature * two_nearest(X, prototypes)), axis=1)


@validate_params(
    {
        "max_dimension": [Options(Integral, {0, 1, 2})],
        "denoise": ["boolean"],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def choose_n_charts(X, max_dimension=2, *, denoise=False, random_state=None):
    """Choose the smallest soft cover with the topology of the data.

    :func:`estimate_betti_numbers` lets covers of many sizes vote. If their answer is
    decided, the sizes from 16 to 80 are tried in increasing order, until
    :func:`betti_numbers` of the cover are that answer, though by itself it may be
    undecided. Otherwise, or if no cover agrees, or X has fewer than 160 distinct
    samples, the result is 16, with a warning.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        The samples.
    max_dimension : {0, 1, 2}, default=2
        Largest dimension of homology. Decrease it to the dimension of the charts to
        save time.
    denoise : bool, default=False
        Whether to denoise the samples first with :func:`denoise`. Then each simplex of
        the cover must hold two samples.
    random_state : int, RandomState instance or None, default=None
        Seed of the votes and of the cover. With an integer, the cover is that of
        :func:`soft_cover` with the same `random_state`.

    Returns
    -------
    n_charts : int
        Number of charts, at most that of the samples.
    estimate : BettiEstimate
        The votes and their confidence.

    Raises
    ------
    ImportError
        If gudhi is not installed.
    ValueError
        If a parameter is invalid.

    Warns
    -----
    UserWarning
        If the votes are undecided, or no cover agrees with them, or X has fewer than
        160 distinct samples.

    See Also
    --------
    soft_cover : The cover, with ``n_charts="auto"``.

    Examples
    --------
    >>> from skmanifold.datasets import make_torus
    >>> from skmanifold.topology import choose_n_charts
    >>> X = make_torus(2000, random_state=0).data
    >>> n_charts, estimate = choose_n_charts(X, random_state=0)
    >>> n_charts, estimate.numbers, estimate.confidence
    (24, (1, 2, 1), 1.0)
    """
    X = check_matrix(X)
    fallback = min(_FALLBACK, len(X))
    n_distinct = len(distinct_rows(X)[0])
    if n_distinct < FEWEST_SAMPLES:
        warn(
            f"n_charts='auto' needs at least {FEWEST_SAMPLES} distinct samples, but X "
            f"has {n_distinct}; using n_charts={fallback}. Set n_charts to a number."
        )
        return fallback, BettiEstimate(None, 0.0, False, np.empty(0, dtype=int), [])
    seed = _seed(random_state)
    estimate = estimate_betti_numbers(
        X, max_dimension, denoise=denoise, random_state=seed
    )
    sizes = SIZES[SIZES <= estimate.n_charts.max()] if estimate.decided else []
    if denoise:
        X = _denoising.denoise(X)
    for n_charts in sizes:
        Q = soft_cover(X, int(n_charts), random_state=seed)
        rank = 2 if denoise else 1
        result, _ = read_cover(Q, max_dimension, 2, rank, _MAX_SAMPLES)
        if result.numbers == estimate.numbers:
            return int(n_charts), estimate
    warn(
        "n_charts='auto' found no cover with Betti numbers that the votes decide; "
        f"using n_charts={fallback}. Set n_charts to a number, or pass more samples."
    )
    return fallback, estimate


def _seed(random_state):
    """Return an integer, so that a cover can be computed twice."""
    if isinstance(random_state, Integral):
        return random_state
    return int(check_seed(random_state).randint(np.iinfo(np.int32).max))
