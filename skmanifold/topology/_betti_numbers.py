# SPDX-License-Identifier: BSD-3-Clause

"""Betti numbers of one cover, and the rule for bars that count."""

from numbers import Integral
from typing import NamedTuple

import numpy as np

from skmanifold.topology._complex import FilteredComplex
from skmanifold.topology._covers import check_memberships
from skmanifold.topology._nerve import NERVE_CONSTRAINTS, cech_nerve
from skmanifold.topology._persistence import persistence
from skmanifold.utils import warn
from skmanifold.utils._sklearn import Options, validate_params

# Minimum length of bars of dimension 1 of 32 charts, its growth with the logarithm of
# the number of charts, and the minimum lengths of bars of dimension 2 and of gaps
# between components.
_SHORTEST_LOOP = 2.0
_GROWTH = 0.35
_SHORTEST_VOID = 0.73
_SHORTEST_GAP = 1.0

# A bar of this fraction of the minimum is long enough if it is this many times as long
# as the next one: all shorter ones are then noise.
_CLEAR_FRACTION = 0.7
_CLEAR_FACTOR = 3.0

# Minimum mass of a component, in units of the mean chart; smaller ones are outliers.
_SMALLEST_COMPONENT = 1.5

# Minimum number of charts of a component that shows its loops.
_FEWEST_CHARTS = 4

# Factors of all minimum lengths that must not change the numbers of one cover.
_STRICTNESS = (0.8, 1.0, 1.25)


class BettiEstimate(NamedTuple):
    """Betti numbers that most votes agree on, and the votes.

    Parameters
    ----------
    numbers : tuple of int
        Betti numbers of dimensions 0, 1, ...; None if no vote gives any, for instance
        because the data have many dimensions.
    confidence : float
        Fraction of the votes for `numbers`.
    decided : bool
        Whether enough votes agree to trust `numbers`.
    n_charts : ndarray of shape (n_votes,)
        Number of charts of the cover of each vote, in increasing order.
    votes : list of tuple of int
        Betti numbers of each vote; None if the nerve of its cover ends too early.

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
        "max_dimension": [Options(Integral, {0, 1, 2})],
        "rank": NERVE_CONSTRAINTS["rank"],
        "max_samples": NERVE_CONSTRAINTS["max_samples"],
    },
    prefer_skip_nested_validation=True,
)
def betti_numbers(cover, max_dimension=2, *, field=2, rank=1, max_samples=2000):
    """Count the components, loops and voids of the space under a soft cover.

    The bars of the nerve of the cover count if they are long, by the rule of
    :func:`estimate_betti_numbers`, and the result is *decided* if it is the same with
    minimum lengths of 0.8, 1 and 1.25 times those. Otherwise, or if a component has
    fewer than 4 charts, which cannot show its loops, a warning is given, and the
    numbers are only a guess.

    Parameters
    ----------
    cover : array-like of shape (n_samples, n_charts) or FilteredComplex
        Memberships in [0, 1] as returned by ``predict_proba`` (not the chart blocks of
        ``transform``), or a complex whose dimension exceeds `max_dimension`. Charts
        must be smaller than the loops and voids: use 4 for a circle, 8 for a sphere,
        16 for a flat torus, 32 for a torus in three dimensions. Too few charts are not
        detected.
    max_dimension : {0, 1, 2}, default=2
        Largest dimension of homology. Decrease it to save time.
    field : int, default=2
        Prime, see :func:`persistence`.
    rank : int, default=1
        See :func:`cech_nerve`.
    max_samples : int or None, default=2000
        See :func:`cech_nerve`.

    Returns
    -------
    BettiEstimate
        The Betti numbers, and as votes those with the three minimum lengths.

    Raises
    ------
    ImportError
        If gudhi is not installed.
    ValueError
        If a parameter is invalid, or the complex has too small a dimension.

    Warns
    -----
    UserWarning
        If the Betti numbers are undecided.

    See Also
    --------
    estimate_betti_numbers : Betti numbers of data, from covers of many sizes.

    Notes
    -----
    The lengths are those of the covers of :func:`soft_cover` with the default
    `temperature`. Softer charts have shorter bars.

    Examples
    --------
    >>> from skmanifold.datasets import make_flat_torus
    >>> from skmanifold.topology import betti_numbers, soft_cover
    >>> Q = soft_cover(make_flat_torus(2000, random_state=0).data, 16, random_state=0)
    >>> result = betti_numbers(Q)
    >>> result.numbers, result.decided
    ((1, 2, 1), True)
    """
    estimate, reason = read_cover(cover, max_dimension, field, rank, max_samples)
    if reason:
        warn(
            f"The Betti numbers {estimate.numbers} are undecided: {reason}. Pass a "
            "cover of more charts, or the data to estimate_betti_numbers."
        )
    return estimate


def read_cover(cover, max_dimension, field, rank, max_samples):
    """Return the result of betti_numbers, and the reason if it is undecided."""
    if isinstance(cover, FilteredComplex):
        if cover.dimension <= max_dimension:
            raise ValueError(
                f"The complex has dimension {cover.dimension}, but homology of "
                f"dimension {max_dimension} needs {max_dimension + 1}. Build it with "
                f"cech_nerve(..., max_dimension={max_dimension + 1})."
            )
        nerve, masses = cover, np.bincount(cover.simplices[0][:, 0])
    else:
        Q = check_memberships(cover)
        nerve = cech_nerve(Q, max_dimension + 1, rank=rank, max_samples=max_samples)
        masses = Q.sum(axis=0)
    if not masses.any():
        raise ValueError(
            "The cover has no chart with a positive membership. Pass memberships that "
            "sum to 1 for each sample."
        )
    mass = masses / masses.mean()
    bars = persistence(nerve, field, max_dimension)
    votes = [count_features(nerve, mass, bars, factor) for factor in _STRICTNESS]
    numbers = votes[len(votes) // 2]
    n_smallest = count_components(nerve, mass)[1]
    reason = None
    if numbers is None:
        reason = "the charts overlap too much, or their nerve has too many simplices"
    elif len(mass) > 1 and not len(nerve.values[1]):
        reason = "no charts overlap"
    elif max_dimension and n_smallest < _FEWEST_CHARTS:
        reason = f"a component has only {n_smallest} chart(s)"
    elif votes.count(numbers) < len(votes):
        reason = "some bars are neither long nor short"
    confidence = 0.0 if numbers is None else votes.count(numbers) / len(votes)
    n_charts = np.full(len(votes), len(mass))
    return BettiEstimate(numbers, confidence, reason is None, n_charts, votes), reason


def count_features(nerve, mass, bars, strictness=1.0):
    """Return the Betti numbers of a nerve, or None if it ends too early.

    `mass` is that of its charts, in units of the mean chart, `bars` are its persistent
    homology, and `strictness` is a factor of all minimum lengths.
    """
    numbers = [count_components(nerve, mass, strictness)[0]]
    shortest_loop = _SHORTEST_LOOP + _GROWTH * np.log(len(mass) / 32)
    # loops are born at a membership of 1/e or less
    if len(bars) > 1 and np.log1p(nerve.end) - np.log(2.0) < shortest_loop:
        return None
    for pairs, shortest in zip(bars[1:], (shortest_loop, _SHORTEST_VOID), strict=False):
        starts, stops = np.log1p(np.minimum(pairs, nerve.end)).T
        numbers.append(count_long(stops - starts, strictness * shortest))
    return tuple(numbers)


def count_long(lengths, shortest):
    """Count the bars that are long, or much longer than the next one."""
    lengths = np.sort(lengths)[::-1]
    following = np.append(lengths[1:], 0.0)
    is_clear = lengths > np.maximum(
        _CLEAR_FRACTION * shortest, _CLEAR_FACTOR * following
    )
    positions = np.flatnonzero((lengths > shortest) | is_clear)
    return int(positions[-1]) + 1 if len(positions) else 0


def count_components(nerve, mass, strictness=1.0):
    """Count the components that are separated by more than their charts.

    Charts are joined along the edges as they enter. A merge of two components is a
    gap if it comes much later than all merges within both, and if neither is tiny.
    The second result is the number of charts of the smallest component.
    """
    edges, values = nerve.simplices[1], nerve.values[1]
    order = np.argsort(values, kind="stable")
    # charts without an edge in the complex are joined where it ends
    chain = np.column_stack([np.zeros(len(mass) - 1, int), np.arange(1, len(mass))])
    pairs = np.concatenate([edges[order], chain])
    times = np.log1p(np.append(values[order], np.full(len(chain), nerve.end)))
    component = np.arange(len(mass))
    sizes = (mass > 0).astype(int)
    smallest = int(sizes.sum())
    mass, latest, n_gaps = mass.copy(), np.zeros(len(mass)), 0
    n_parts = len(mass)
    for (a, b), time in zip(pairs.tolist(), times, strict=True):
        a, b = component[a], component[b]
        if a == b:
            continue
        within = max(latest[a], latest[b])
        is_gap = min(mass[a], mass[b]) > _SMALLEST_COMPONENT
        is_gap = is_gap and time - within > strictness * _SHORTEST_GAP
        if is_gap:
            n_gaps += 1
            smallest = min(smallest, int(sizes[a]), int(sizes[b]))
        component[component == b] = a
        mass[a] += mass[b]
        sizes[a] += sizes[b]
        latest[a] = within if is_gap else time
        n_parts -= 1
        if n_parts == 1:
            break
    return 1 + n_gaps, smallest
