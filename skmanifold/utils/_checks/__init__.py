# SPDX-License-Identifier: BSD-3-Clause

"""Checks of :mod:`skmanifold.utils.estimator_checks`, by subject.

Each check takes the name of an estimator and the estimator, which it clones and fits on
a few samples. It raises AssertionError with the violated guarantee.
"""

from . import _fits, _inputs, _neighbors, _results, _unusual_inputs

# In order of execution, as defined: that of seeds is early, since later checks compare
# fits and would report unseeded randomness as something else.
CHECKS = [
    check
    for module in (_results, _inputs, _neighbors, _unusual_inputs, _fits)
    for name, check in vars(module).items()
    if name.startswith("check_")
]
