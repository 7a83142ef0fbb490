# SPDX-License-Identifier: BSD-3-Clause

"""Weights of the terms of DCRL's loss."""

import math
from numbers import Real

# Term -> parameter of the estimator.
WEIGHTS = {
    "reconstruction": "reconstruction_weight",
    "clusters": "cluster_weight",
    "local": "local_weight",
    "ranks": "rank_weight",
    "alignment": "alignment_weight",
}


def first_and_last(name, weight):
    """Return the first weight, and the last one, after the continuation."""
    if isinstance(weight, Real):
        return float(weight), float(weight)
    values = [*weight]
    valid = len(values) == 2 and all(
        isinstance(value, Real) and 0 <= value < math.inf for value in values
    )
    if not valid:
        raise ValueError(
            f"{name}={weight!r} must be a number, or a pair of numbers, the first and "
            "the last weight, none of them negative."
        )
    return float(values[0]), float(values[1])
