# SPDX-License-Identifier: BSD-3-Clause

# The only imports of private names of scikit-learn, so that a release that moves one of
# them requires an edit of this file only.

from sklearn.base import _fit_context as fit_context
from sklearn.metrics._scorer import _BaseScorer as BaseScorer
from sklearn.utils import _safe_indexing as safe_indexing
from sklearn.utils._param_validation import (
    HasMethods,
    Interval,
    Options,
    StrOptions,
    make_constraint,
    validate_parameter_constraints,
    validate_params,
)

__all__ = [
    "BaseScorer",
    "HasMethods",
    "Interval",
    "Options",
    "StrOptions",
    "fit_context",
    "make_constraint",
    "safe_indexing",
    "validate_parameter_constraints",
    "validate_params",
]
