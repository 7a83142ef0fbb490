# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""Shared parameter constraints and checks."""

from numbers import Integral

import numpy as np
from sklearn.utils import check_random_state

from skmanifold.utils._sklearn import Interval


class Number(Interval):
    """Constraint to a number, not a bool, in an interval."""

    def is_satisfied_by(self, val):
        """Return whether a value is valid."""
        return not isinstance(val, (bool, np.bool_)) and super().is_satisfied_by(val)


class Count(Number):
    """Constraint to an integer, not a bool, within bounds.

    Parameters
    ----------
    minimum : int
        Smallest valid number.
    maximum : int, default=None
        Largest valid number.
    """

    def __init__(self, minimum, maximum=None):
        closed = "left" if maximum is None else "both"
        super().__init__(Integral, minimum, maximum, closed=closed)


def check_seed(random_state):
    """Return a RandomState, with fresh entropy for None.

    Unlike :func:`sklearn.utils.check_random_state`, it never returns NumPy's global
    generator for None.
    """
    if random_state is None:
        return np.random.RandomState(np.random.SeedSequence().generate_state(4))
    return check_random_state(random_state)
