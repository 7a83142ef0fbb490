# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

import math
from numbers import Integral
from typing import NamedTuple

import numpy as np

from skmanifold.topology._complex import FilteredComplex
from skmanifold.topology._nerve import NERVE_CONSTRAINTS, cech_nerve
from skmanifold.utils._sklearn import validate_params
from skmanifold.utils._validation import Count

# Shortest interval that is evidence of a feature: memberships shrink by exp(4) = 55.
# Charts of unequal shape alone produce shorter ones.
_SHORTEST_FEATURE = 4.0

# Separate components need an interval this long, and longer by this factor than that of
# all charts together, so that a few outliers do not count as a component.
_SEPARATION_FACTOR = 2.0
_SHORTEST_SEPARATION = 2.0


class BettiNumbers(NamedTuple):
    """Betti numbers of a filtered complex, with a measure of confidence.

    Parameters
    ----------
    numbers : tuple of int
        Betti numbers of dimensions 0, 1, ... on the longest interval of the filtration
        over which they are constant.
    length : float
        Length of that interval, ``log((1 + stop) / (1 + start))``, as confidence.
    start, stop : float
        Ends of the interval, as -log of the membership.
    runner_up : float
        Length of the longest interval with other numbers, including intervals with more
        components from the first edge on; 0 if there is none. Trust `numbers` only if
        it is well below `length`.

    Examples
    --------
    >>> from skmanifold.datasets import make_circle
    >>> from skmanifold.topology import betti_numbers, soft_cover
    >>> Q = soft_cover(make_circle(500, random_state=0).data, 4, random_state=0)
    >>> result = betti_numbers(Q, max_dimension=1)
    >>> result.numbers, result.length > 2, result.runner_up < 0.5
    ((1, 1), True, True)
    """

    numbers: tuple
    length: float
    start: float
    stop: float
    runner_up: float


@validate_params(
    {"max_dimension": [Count(0), None]}, prefer_skip_nested_validation=True
)
def persistence(complex, field=2, max_dimension=None):
    """Compute the persistent homology of a filtered complex.

    Parameters
    ----------
    complex : FilteredComplex
        Filtered complex, such as the result of :func:`cech_nerve`.
    field : int, default=2
        Prime p: coefficients are integers modulo p. Compare two fields to detect
        torsion: the projective plane has Betti numbers (1, 1, 1) modulo 2 and (1, 0, 0)
        modulo 3.
    max_dimension : int, default=None
        Largest dimension of homology. None means one less than the dimension of the
        complex, above which homology is truncated.

    Returns
    -------
    list of ndarray of shape (n_bars, 2)
        Birth and death (inf if never) of the bars of each dimension, sorted by birth.
        Bars of length zero are omitted.

    Raises
    ------
    ImportError
        If gudhi is not installed.
    ValueError
        If `field` is not prime.

    Examples
    --------
    >>> from skmanifold.datasets import make_circle
    >>> from skmanifold.topology import cech_nerve, persistence, soft_cover
    >>> Q = soft_cover(make_circle(500, random_state=0).data, 5, random_state=0)
    >>> bars = persistence(cech_nerve(Q))
    >>> len(bars[0]), len(bars[1])
    (5, 1)
    """
    if not isinstance(complex, FilteredComplex):
        raise TypeError(
            f"complex must be a FilteredComplex, got {type(complex).__name__}. Build it"
            " from a cover with cech_nerve."
        )
    if not _is_prime(field):
        raise ValueError(f"field must be a prime number such as 2 or 3, got {field!r}.")
    if max_dimension is None:
        max_dimension = max(complex.dimension - 1, 0)
    tree = complex.to_gudhi()
    # Without the last argument, cycles of the largest dimension are not counted.
    tree.compute_persistence(homology_coeff_field=int(field), persistence_dim_max=True)
    bars = []
    for dimension in range(max_dimension + 1):
        intervals = tree.persistence_intervals_in_dimension(dimension)
        intervals = np.asarray(intervals, dtype=float).reshape(-1, 2)
        bars.append(intervals[np.lexsort(intervals.T[::-1])])
    return bars


@validate_params(NERVE_CONSTRAINTS, prefer_skip_nested_validation=True)
def betti_numbers(
    cover,
    max_dimension=2,
    *,
    field=2,
    filtration="dowker",
    rank=1,
    max_samples=2000,
):
    """Count the components, loops and voids of the space under a soft cover.

    The Betti numbers of the nerve change as it grows. The result is their values on
    the longest interval, of length ``log((1 + b) / (1 + a))`` from a to b, over which
    they are constant, among the intervals with the fewest components. In the last
    interval all charts meet and the nerve is contractible for any data, so it counts
    only if no other interval has memberships that shrink by more than ``exp(4)``. Since
    separate components also meet in the end, an interval with more components is
    preferred if it is longer than 2 and more than twice as long.

    Parameters
    ----------
    cover : array-like of shape (n_samples, n_charts) or FilteredComplex
        Memberships in [0, 1] as returned by ``predict_proba`` (not the chart blocks of
        ``transform``), or a complex whose dimension exceeds `max_dimension`. Charts
        must be smaller than the loops and voids: use 4 for a circle, 8 for a sphere,
        16 for a flat torus, 32 for a torus in three dimensions.
    max_dimension : int, default=2
        Largest dimension of homology.
    field : int, default=2
        Prime, see :func:`persistence`.
    filtration : {"dowker", "fuzzy"}, default="dowker"
        See :func:`cech_nerve`.
    rank : int, default=1
        See :func:`cech_nerve`.
    max_samples : int or None, default=2000
        See :func:`cech_nerve`.

    Returns
    -------
    BettiNumbers
        The Betti numbers, and the length of their interval as confidence.

    Raises
    ------
    ImportError
        If gudhi is not installed.

    Examples
    --------
    >>> from skmanifold.datasets import make_flat_torus
    >>> from skmanifold.topology import betti_numbers, soft_cover
    >>> Q = soft_cover(make_flat_torus(2000, random_state=0).data, 16, random_state=0)
    >>> betti_numbers(Q).numbers
    (1, 2, 1)
    """
    if not isinstance(cover, FilteredComplex):
        cover = cech_nerve(
            cover,
            max_dimension + 1,
            filtration=filtration,
            rank=rank,
            max_samples=max_samples,
        )
    elif cover.dimension <= max_dimension:
        raise ValueError(
            f"The complex has dimension {cover.dimension}, but homology of dimension "
            f"{max_dimension} needs {max_dimension + 1}. Build it with cech_nerve(..., "
            f"max_dimension={max_dimension + 1})."
        )
    bars = persistence(cover, field, max_dimension)
    edges = cover.values[1]
    first_edge = edges.min() if len(edges) else np.inf
    return _select_betti_numbers(_constant_intervals(bars, cover.end), first_edge)


def _constant_intervals(bars, end):
    """Return ``(Betti numbers, start, stop)`` of every maximal constant interval."""
    changes = np.unique(np.concatenate([pairs.ravel() for pairs in bars]))
    changes = changes[changes < end]
    if len(changes) == 0:
        # one chart, or equal charts: a full simplex from the beginning
        return [((1,) + (0,) * (len(bars) - 1), end, end)]
    intervals = []
    for start, stop in zip(changes, [*changes[1:], end], strict=True):
        numbers = tuple(
            int(np.sum((pairs[:, 0] <= start) & (pairs[:, 1] > start)))
            for pairs in bars
        )
        if intervals and intervals[-1][0] == numbers:
            intervals[-1] = (numbers, intervals[-1][1], stop)
        else:
            intervals.append((numbers, start, stop))
    return intervals


def _select_betti_numbers(intervals, first_edge):
    """Return the BettiNumbers of the interval that describes the data best."""
    fewest = min(numbers[0] for numbers, _, _ in intervals if numbers[0] > 0)
    connected = [interval for interval in intervals if interval[0][0] == fewest]
    best, competitors = _longest_interval(connected)
    # in the last interval all charts meet, which is no evidence against components
    minimum = _SEPARATION_FACTOR * _length(best) if best is not intervals[-1] else 0.0

    # after the first edge: isolated charts carry no information about components
    separate = {}
    for interval in intervals:
        if interval[1] >= first_edge and interval[0][0] > fewest:
            separate.setdefault(interval[0][0], []).append(interval)
    parts = [_longest_interval(group)[0] for group in separate.values()]
    longest = max(parts, key=_length, default=best)
    if _length(longest) > max(minimum, _SHORTEST_SEPARATION):
        best = longest

    numbers, start, stop = best
    others = [_length(other) for other in competitors + parts if other[0] != numbers]
    return BettiNumbers(
        numbers, _length(best), float(start), float(stop), max(others, default=0.0)
    )


def _longest_interval(intervals):
    """Return the longest of the intervals, and those considered."""
    before = intervals[:-1]
    if any(intervals[-1][0][1:]):
        return max(intervals, key=_length), intervals
    if any(stop - start > _SHORTEST_FEATURE for _, start, stop in before):
        return max(before, key=_length), before
    return intervals[-1], intervals


def _length(interval):
    """Return the length of an interval, logarithmic for large values.

    -log of a membership grows with squared distance, so the last intervals, in which
    charts have outgrown the loops and voids, would otherwise be the longest.
    """
    _, start, stop = interval
    return float(np.log1p(stop) - np.log1p(start))


def _is_prime(number):
    return (
        isinstance(number, Integral)
        and number > 1
        and all(number % i for i in range(2, math.isqrt(number) + 1))
    )
