# SPDX-License-Identifier: BSD-3-Clause

import math
from numbers import Integral

import numpy as np

from skmanifold.topology._complex import FilteredComplex
from skmanifold.utils._sklearn import validate_params
from skmanifold.utils._validation import Count


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


def _is_prime(number):
    return (
        isinstance(number, Integral)
        and number > 1
        and all(number % i for i in range(2, math.isqrt(number) + 1))
    )
