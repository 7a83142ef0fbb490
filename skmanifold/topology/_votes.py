# SPDX-License-Identifier: BSD-3-Clause

"""Betti numbers by votes of covers of different sizes."""

from collections import Counter
from numbers import Integral

import numpy as np
from scipy.spatial.distance import cdist
from scipy.special import log_softmax
from sklearn.cluster import kmeans_plusplus

from skmanifold.graph._distinct import distinct_rows
from skmanifold.topology import _covers, _denoising
from skmanifold.topology._betti_numbers import BettiEstimate, count_features
from skmanifold.topology._nerve import dowker_nerve
from skmanifold.topology._persistence import persistence
from skmanifold.utils import warn
from skmanifold.utils._containers import check_matrix, counted
from skmanifold.utils._sklearn import Options, validate_params
from skmanifold.utils._threads import one_thread
from skmanifold.utils._validation import Count, check_seed

SIZES = np.array([16, 20, 24, 28, 32, 40, 48, 56, 64, 80])

# Minimum number of samples per chart, against gaps in the nerve; in covers of at most
# 32 charts fewer are enough.
_SAMPLES_PER_CHART = 24
_FEWEST_SAMPLES_PER_CHART = 8
_COARSE = 32
# At least two sizes: a single cover always agrees with itself.
FEWEST_SAMPLES = int(SIZES[1]) * _FEWEST_SAMPLES_PER_CHART

# Minimum number of samples per chart of the cover that confirms loops and voids. Its
# components do not count, as so few samples leave gaps.
_SAMPLES_PER_FINE_CHART = 10

# Softness of the covers, that of soft_cover. Its unit is the mean of the squared
# distances that are at most this multiple of their median.
_TEMPERATURE = 0.1
_LARGEST_MULTIPLE = 8.0

# Maximum number of simplices per dimension, times the largest dimension of homology.
# Later ones add no features.
_MAX_SIMPLICES = 5_000

# Number of sizes that vote, and that decide alone if they agree.
_N_SIZES = 5
_N_UNANIMOUS = 3

# Fraction of the votes that decides.
_DECIDED = 0.7

# Numbers of neighbors in the means of denoised samples: few leave noise, many join
# what is close.
_DENOISING = (10, 20, 40)


@validate_params(
    {
        "max_dimension": [Options(Integral, {0, 1, 2})],
        "max_samples": [Count(FEWEST_SAMPLES), None],
        "denoise": ["boolean"],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def estimate_betti_numbers(
    X,
    max_dimension=2,
    *,
    field=2,
    max_samples=4000,
    denoise=False,
    random_state=None,
):
    """Count the components, loops and voids of data, with covers of many sizes.

    The distinct samples are covered by numbers of charts from 16 to 80, as in
    :func:`soft_cover`: the five largest of them with at least 24 samples per chart, or
    8 up to 32 charts. Each cover votes for the Betti numbers of its nerve, and the most
    frequent answer wins. It is *decided* if it has at least 0.7 of the votes, and most
    of those of the largest cover; otherwise a warning is given, and the numbers are
    only a guess. The largest covers vote first: if three of them agree, the others are
    left out. Without `denoise`, the loops and voids must also be those of the largest
    cover with at least 10 samples per chart, as all that vote may be too coarse.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        The samples, at least 160 distinct ones.
    max_dimension : {0, 1, 2}, default=2
        Largest dimension of homology. Decrease it to save time.
    field : int, default=2
        Prime, see :func:`persistence`.
    max_samples : int or None, default=4000
        Number of samples to use, at least 160; a random subset of the distinct ones if
        there are more. None uses all.
    denoise : bool, default=False
        Whether to denoise the samples first with :func:`denoise`. Set it for noisy
        data. Each number of charts then has three votes, with 10, 20 and 40 neighbors
        in the means. Covers with at least 24 samples per chart count components without
        the loneliest fifth of the samples, as noise may join them.
    random_state : int, RandomState instance or None, default=None
        Seed of the subset and of the prototypes.

    Returns
    -------
    BettiEstimate
        The Betti numbers, the confidence, and the vote of each cover.

    Raises
    ------
    ImportError
        If gudhi is not installed.
    ValueError
        If a parameter is invalid or X has fewer than 160 distinct samples.

    Warns
    -----
    UserWarning
        If the covers disagree, so that the answer is undecided.

    See Also
    --------
    betti_numbers : Betti numbers of one cover, by the same rule.

    Notes
    -----
    The :ref:`User Guide <atlas>` has the rule by which a bar counts as a loop or void,
    and a component as separate.

    Examples
    --------
    >>> from skmanifold.datasets import make_flat_torus
    >>> from skmanifold.topology import estimate_betti_numbers
    >>> X = make_flat_torus(2000, random_state=0).data
    >>> result = estimate_betti_numbers(X, random_state=0)
    >>> result.numbers, result.decided
    ((1, 2, 1), True)
    """
    X = check_matrix(X)
    rng = check_seed(random_state)
    X = X[distinct_rows(X)[0]]
    if len(X) < FEWEST_SAMPLES:
        raise ValueError(
            f"X has {counted(len(X), 'distinct sample')}, but the votes need at least "
            f"{FEWEST_SAMPLES}. Pass more samples, or use betti_numbers with one "
            "cover."
        )
    if max_samples is not None and len(X) > max_samples:
        X = X[np.sort(rng.choice(len(X), max_samples, replace=False))]
    X = _covers.normalize(X)
    versions = [(X,)]
    if denoise:
        versions = _denoising.denoised_coordinates(X, _DENOISING)
    coarse = min(_COARSE, len(X) // _FEWEST_SAMPLES_PER_CHART)
    sizes = SIZES[SIZES <= max(coarse, len(X) // _SAMPLES_PER_CHART)][-_N_SIZES:]
    n_charts, votes = _vote(versions, sizes, max_dimension, field, rng)
    numbers, confidence = _elect(votes)
    # smaller covers may agree because all are too coarse
    agreeing = votes[-len(versions) :].count(numbers)
    reason = None
    if confidence < _DECIDED or 2 * agreeing <= len(versions):
        reason = (
            f"they have {confidence:.0%} of {len(votes)} votes, but {_DECIDED:.0%} and "
            "most of those of the largest cover are needed"
        )
    elif max_dimension and not denoise:
        finer = SIZES[SIZES <= len(X) // _SAMPLES_PER_FINE_CHART][-1:]
        # all that voted may be too coarse
        if finer[0] > sizes[-1]:
            _, (check,) = _vote(versions, finer, max_dimension, field, rng)
            if check is None or check[1:] != numbers[1:]:
                reason = f"a cover of {finer[0]} charts has other loops or voids"
    if numbers is None:
        warn(
            f"None of the {len(votes)} votes gives Betti numbers: {len(X)} samples "
            "are too few for their dimension. Pass more samples, or reduce their "
            "dimension first."
        )
    elif reason:
        remedy = (
            f"denoise={not denoise} if the data are {'clean' if denoise else 'noisy'}"
        )
        warn(
            f"The Betti numbers {numbers} are undecided: {reason}. Pass more samples, "
            f"or {remedy}."
        )
    return BettiEstimate(numbers, confidence, reason is None, n_charts, votes)


def _vote(versions, sizes, max_dimension, field, rng):
    """Return the numbers of charts of covers, and the Betti numbers they vote for.

    Each version consists of samples and, if not all count, those whose components do.
    The largest covers vote first. The rest is left out if the first three agree.
    """
    n_charts, votes = [], []
    with one_thread():
        # a prefix of these samples starts k-means of each size
        starts = [
            [kmeans_plusplus(X, sizes[-1], random_state=rng)[0] for X in version]
            for version in versions
        ]
        for i, size in enumerate(sizes[::-1]):
            if i == _N_UNANIMOUS and None not in votes and len(set(votes)) == 1:
                break
            for version, first in zip(versions, starts, strict=True):
                n_charts.insert(0, size)
                covers = [
                    _cover(X, start[:size])
                    for X, start in zip(version, first, strict=True)
                ]
                # alternately 1 and 2, 1 for the largest cover
                votes.insert(0, _read(covers, max_dimension, field, 1 + i % 2))
    return np.array(n_charts), votes


def _cover(X, start):
    """Return -log of the memberships of a soft cover, (n_charts, n_samples)."""
    prototypes = _covers.cluster_centers(X, len(start), init=start)
    d2 = cdist(prototypes, X, "sqeuclidean")
    nearest = np.partition(d2, 1, axis=0)[:2].mean(axis=0)
    # outliers, or a small cluster far away, would be most of the mean
    nearest = nearest[nearest <= _LARGEST_MULTIPLE * np.median(nearest)].mean()
    # single precision takes half the time
    return -log_softmax(-d2 / (_TEMPERATURE * nearest), axis=0).astype(np.float32)


def _read(covers, max_dimension, field, rank):
    """Return the Betti numbers of a cover, with components of the second, if any."""
    numbers = _count(covers[0], max_dimension, field, rank)
    n_charts, n_samples = covers[0].shape
    # among fewer samples, those left out would leave gaps
    enough = len(covers) > 1 and n_samples >= _SAMPLES_PER_CHART * n_charts
    if enough and numbers is not None:
        numbers = (*_count(covers[1], 0, field, rank), *numbers[1:])
    return numbers


def _count(minus_log, max_dimension, field, rank):
    """Return the Betti numbers of one cover, or None if its nerve ends too early."""
    max_simplices = _MAX_SIMPLICES * max(max_dimension, 1)
    nerve = dowker_nerve(minus_log, max_dimension + 1, rank, max_simplices)
    mass = len(minus_log) * np.exp(-minus_log).mean(axis=1)
    bars = persistence(nerve, field, max_dimension)
    return count_features(nerve, mass, bars)


def _elect(votes):
    """Return the most frequent Betti numbers, and their share of the votes."""
    counts = Counter(votes)
    numbers = [vote for vote in votes if vote is not None]
    # in a tie, the answer of the largest cover
    best = max(reversed(numbers), key=counts.get, default=None)
    return best, counts[best] / len(votes) if numbers else 0.0
