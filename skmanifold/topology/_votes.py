# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""Betti numbers by votes of covers of different sizes."""

from typing import NamedTuple

import numpy as np
from scipy.spatial.distance import cdist
from scipy.special import log_softmax
from sklearn.utils import check_array

from skmanifold.graph._distinct import distinct_rows
from skmanifold.topology import _covers, _denoising
from skmanifold.topology._nerve import dowker_nerve
from skmanifold.topology._persistence import persistence
from skmanifold.utils import warn
from skmanifold.utils._containers import plain
from skmanifold.utils._sklearn import Options, validate_params
from skmanifold.utils._threads import one_thread
from skmanifold.utils._validation import Count, check_seed

SIZES = np.array([16, 20, 24, 28, 32, 40, 48, 56, 64, 80])

# Minimum number of samples per chart, against gaps in the nerve; in covers of at most
# 32 charts fewer are enough.
_SAMPLES_PER_CHART = 24
_FEWEST_SAMPLES_PER_CHART = 8
_COARSE = 32
# Two sizes at least: a single cover is always sure.
FEWEST_SAMPLES = int(SIZES[1]) * _FEWEST_SAMPLES_PER_CHART

# Softness of the covers, that of soft_cover, and the fraction of the samples that its
# unit, a mean squared distance, is based on.
_TEMPERATURE = 0.1
_INLIERS = 0.99

# Maximum number of simplices per dimension. Later ones add no features.
_MAX_SIMPLICES = 10_000

# Fraction of the votes that decides. Samples in a gap, put there by noise, may mislead
# many votes on denoised data.
_DECIDED = 0.7
_DECIDED_OF_DENOISED = 0.75

# Numbers of neighbors in the means of denoised samples: few leave noise, many join
# what is close.
_DENOISING = (10, 20, 40)

# Minimum length of bars of dimension 2, and of gaps between components. That of bars of
# dimension 1 grows with the number of charts.
_SHORTEST_VOID = 0.73
_SHORTEST_GAP = 1.0

# A bar of this fraction of the minimum is long enough if it is this many times as long
# as the next one: all shorter ones are then noise.
_CLEAR_FRACTION = 0.7
_CLEAR_FACTOR = 3.0

# Minimum mass of a component, in units of the mean chart; smaller ones are outliers.
_SMALLEST_COMPONENT = 1.5


class BettiEstimate(NamedTuple):
    """Betti numbers that most covers agree on, and the votes.

    Parameters
    ----------
    numbers : tuple of int
        Betti numbers of dimensions 0, 1, ...; None if no cover gives any, for instance
        because the data have many dimensions.
    confidence : float
        Fraction of the votes for `numbers`. Covers are weighted by their rank in size.
    decided : bool
        Whether the confidence is at least 0.7, of denoised data 0.75, so that `numbers`
        can be trusted.
    n_charts : ndarray of shape (n_covers,)
        Number of charts of each cover, in increasing order.
    votes : list of tuple of int
        Betti numbers of each cover; None if its nerve ends too early.

    Examples
    --------
    >>> from skmanifold.datasets import make_circle
    >>> from skmanifold.topology import estimate_betti_numbers
    >>> X = make_circle(500, random_state=0).data
    >>> result = estimate_betti_numbers(X, max_dimension=1, random_state=0)
    >>> result.n_charts
    array([24, 28, 32])
    >>> result.decided, result.votes
    (True, [(1, 1), (1, 1), (1, 1)])
    """

    numbers: tuple
    confidence: float
    decided: bool
    n_charts: np.ndarray
    votes: list


@validate_params(
    {
        "max_dimension": [Options(int, {0, 1, 2})],
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

    The distinct samples are covered by 16 to 80 charts, as in :func:`soft_cover`: at
    most one per 24 samples, or per 8 up to 32 charts. Each cover votes for the Betti
    numbers of its nerve, larger ones with more weight, and the most frequent answer
    wins. It is *decided* if it has at least 0.7 of the votes; otherwise a warning is
    given, and the numbers are only a guess. The largest covers vote first, and those
    that cannot change a decision are left out.

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
        in the means, and 0.75 of the votes decide.
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
    betti_numbers : Betti numbers of one cover.

    Notes
    -----
    A loop or void is a bar that is long on the scale of ``log(1 - log q)``: longer than
    0.73 for voids, and than ``2 + 0.35 log(n_charts / 32)`` for loops. 0.7 of that is
    enough for a bar, and those longer than it, that is three times as long as the next
    one. A component is
    separate if the edge that joins it to others enters later, by 1 on this scale, than
    all edges within it, and if its mass exceeds 1.5 charts. Every other cover requires
    two samples in each simplex, so answers that depend on single samples stay
    undecided.

    Examples
    --------
    >>> from skmanifold.datasets import make_flat_torus
    >>> from skmanifold.topology import estimate_betti_numbers
    >>> X = make_flat_torus(2000, random_state=0).data
    >>> result = estimate_betti_numbers(X, random_state=0)
    >>> result.numbers, result.decided
    ((1, 2, 1), True)
    """
    X = check_array(plain(X), dtype=np.float64)
    rng = check_seed(random_state)
    X = X[distinct_rows(X)[0]]
    if len(X) < FEWEST_SAMPLES:
        raise ValueError(
            f"X has {len(X)} distinct sample(s), but the votes need at least "
            f"{FEWEST_SAMPLES}. Pass more samples, or use betti_numbers with one "
            "cover."
        )
    if max_samples is not None and len(X) > max_samples:
        X = X[np.sort(rng.choice(len(X), max_samples, replace=False))]
    X = _covers.normalize(X)
    versions = _denoising.denoised_coordinates(X, _DENOISING) if denoise else [X]
    coarse = min(_COARSE, len(X) // _FEWEST_SAMPLES_PER_CHART)
    sizes = SIZES[SIZES <= max(coarse, len(X) // _SAMPLES_PER_CHART)]
    needed = _DECIDED_OF_DENOISED if denoise else _DECIDED
    covers, votes = _vote(versions, sizes, max_dimension, field, needed, rng)
    n_charts = sizes[covers]
    numbers, confidence = _elect(votes, covers + 1)
    decided = confidence >= needed
    if numbers is None:
        warn(
            f"None of the {len(votes)} covers gives Betti numbers: {len(X)} samples "
            "are too few for their dimension. Pass more samples, or reduce their "
            "dimension first."
        )
    elif not decided:
        remedy = "" if denoise else ", or denoise=True if the data are noisy"
        warn(
            f"The Betti numbers {numbers} are undecided: they have {confidence:.0%} of "
            f"the votes of {len(votes)} covers, but {needed:.0%} are needed. Pass "
            f"more samples{remedy}."
        )
    return BettiEstimate(numbers, confidence, decided, n_charts, votes)


def _vote(versions, sizes, max_dimension, field, needed, rng):
    """Return the positions in `sizes` of covers that voted, and their Betti numbers.

    The largest covers vote first. The rest is left out once the answer is decided.
    """
    covers, votes, shares = [], [], {}
    decisive = needed * len(versions) * len(sizes) * (len(sizes) + 1) / 2
    with one_thread():
        for i in reversed(range(len(sizes))):
            # alternately 1 and 2, 1 for the largest cover
            rank = 1 + (len(sizes) - 1 - i) % 2
            for X in versions:
                numbers = _read(_cover(X, sizes[i], rng), max_dimension, field, rank)
                covers.insert(0, i)
                votes.insert(0, numbers)
                shares[numbers] = shares.get(numbers, 0) + i + 1
                if numbers is not None and shares[numbers] >= decisive:
                    return np.array(covers), votes
    return np.array(covers), votes


def _cover(X, n_charts, rng):
    """Return -log of the memberships of a soft cover, (n_charts, n_samples)."""
    prototypes = _covers.cluster_centers(X, int(n_charts), rng, n_init=1)
    d2 = cdist(prototypes, X, "sqeuclidean")
    nearest = np.partition(d2, 1, axis=0)[:2].mean(axis=0)
    # a single outlier would be most of the mean
    nearest = nearest[nearest <= np.quantile(nearest, _INLIERS)].mean()
    # single precision takes half the time
    return -log_softmax(-d2 / (_TEMPERATURE * nearest), axis=0).astype(np.float32)


def _read(minus_log, max_dimension, field, rank):
    """Return the Betti numbers of one cover, or None if its nerve ends too early."""
    nerve = dowker_nerve(minus_log, max_dimension + 1, rank, _MAX_SIMPLICES)
    n_charts = len(minus_log)
    shortest_loop = 2.0 + 0.35 * np.log(n_charts / _COARSE)
    # loops are born at a membership of 1/e or less
    if max_dimension and np.log1p(nerve.end) - np.log(2.0) < shortest_loop:
        return None
    numbers = [_count_components(nerve, n_charts * np.exp(-minus_log).mean(axis=1))]
    bars = persistence(nerve, field, max_dimension)
    for pairs, shortest in zip(bars[1:], (shortest_loop, _SHORTEST_VOID), strict=False):
        starts, stops = np.log1p(np.minimum(pairs, nerve.end)).T
        numbers.append(_count_long(stops - starts, shortest))
    return tuple(numbers)


def _count_long(lengths, shortest):
    """Count the bars that are long, or much longer than the next one."""
    lengths = np.sort(lengths)[::-1]
    following = np.append(lengths[1:], 0.0)
    is_clear = lengths > np.maximum(
        _CLEAR_FRACTION * shortest, _CLEAR_FACTOR * following
    )
    positions = np.flatnonzero((lengths > shortest) | is_clear)
    return int(positions[-1]) + 1 if len(positions) else 0


def _count_components(nerve, mass):
    """Count the components that are separated by more than their charts.

    Charts are joined along the edges as they enter. A merge of two components is a
    gap if it comes much later than all merges within both, and if neither is tiny.
    """
    edges, values = nerve.simplices[1], nerve.values[1]
    order = np.argsort(values, kind="stable")
    # charts without an edge in the complex are joined where it ends
    chain = np.column_stack([np.zeros(len(mass) - 1, int), np.arange(1, len(mass))])
    pairs = np.concatenate([edges[order], chain])
    times = np.log1p(np.append(values[order], np.full(len(chain), nerve.end)))
    component = np.arange(len(mass))
    mass, latest, n_gaps = mass.copy(), np.zeros(len(mass)), 0
    for (a, b), time in zip(pairs, times, strict=True):
        a, b = component[a], component[b]
        if a == b:
            continue
        within = max(latest[a], latest[b])
        is_gap = min(mass[a], mass[b]) > _SMALLEST_COMPONENT
        is_gap = is_gap and time - within > _SHORTEST_GAP
        n_gaps += is_gap
        component[component == b] = a
        mass[a] += mass[b]
        latest[a] = within if is_gap else time
    return 1 + int(n_gaps)


def _elect(votes, weights):
    """Return the numbers with the largest share of weights, and the share."""
    shares = {}
    for numbers, weight in zip(votes, weights, strict=True):
        shares[numbers] = shares.get(numbers, 0) + weight
    if shares.keys() != {None}:
        shares.pop(None, None)
    # in a tie, the answer that appeared last
    best = max(reversed(shares), key=shares.get)
    return best, 0.0 if best is None else float(shares[best] / np.sum(weights))
