# SPDX-License-Identifier: BSD-3-Clause

"""Shared parameter constraints and checks."""

from numbers import Integral

import numpy as np
from sklearn.utils import check_random_state

from skmanifold.utils._sklearn import Interval


class Number(Interval):
    """Constraint that a parameter is a number, not a bool, in an interval.

    Parameters
    ----------
    type : type
        :class:`numbers.Integral` or :class:`numbers.Real`.
    left, right : float or None
        Bounds of the interval; None is infinity.
    closed : {"left", "right", "both", "neither"}
        Bounds that belong to the interval.

    Examples
    --------
    >>> from numbers import Real
    >>> from skmanifold.utils import Number
    >>> Number(Real, 0, 1, closed="left").is_satisfied_by(0.5)
    True
    """

    def is_satisfied_by(self, val):
        """Return whether a value is valid.

        Parameters
        ----------
        val : object
            The value.

        Returns
        -------
        bool
            Whether it is.
        """
        return not isinstance(val, (bool, np.bool_)) and super().is_satisfied_by(val)


class Count(Number):
    """Constraint to an integer, not a bool, within bounds.

    Parameters
    ----------
    minimum : int or None
        Smallest valid number; None for no bound.
    maximum : int, default=None
        Largest valid number.

    Examples
    --------
    >>> from skmanifold.utils import Count
    >>> Count(1).is_satisfied_by(3), Count(1).is_satisfied_by(True)
    (True, False)
    """

    def __init__(self, minimum, maximum=None):
        closed = "right" if minimum is None else "left" if maximum is None else "both"
        super().__init__(Integral, minimum, maximum, closed=closed)


def check_seed(random_state):
    """Return a RandomState, with fresh entropy for None.

    Unlike :func:`sklearn.utils.check_random_state`, None does not stand for NumPy's
    global generator, whose state stays untouched.

    Parameters
    ----------
    random_state : int, RandomState instance or None
        The seed.

    Returns
    -------
    numpy.random.RandomState
        The generator.

    Examples
    --------
    >>> from skmanifold.utils import check_seed
    >>> check_seed(0).randint(10)
    5
    """
    if random_state is None:
        return np.random.RandomState(np.random.SeedSequence().generate_state(4))
    return check_random_state(random_state)
