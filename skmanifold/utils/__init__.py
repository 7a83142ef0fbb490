# SPDX-License-Identifier: BSD-3-Clause

"""Helpers of all parts, and of a method of your own.

Also scikit-learn's names for the constraints of parameters, which it does not export
itself: ``StrOptions``, ``HasMethods``, ``validate_params`` and ``fit_context``.
"""

from skmanifold.utils._containers import check_matrix, counted, plain
from skmanifold.utils._labels import read_labels, read_targets
from skmanifold.utils._optional import import_optional
from skmanifold.utils._reduction import principal_components
from skmanifold.utils._sklearn import (
    HasMethods,
    StrOptions,
    fit_context,
    validate_params,
)
from skmanifold.utils._threads import one_blas_thread, one_thread
from skmanifold.utils._validation import Count, Number, check_seed
from skmanifold.utils._warnings import warn

__all__ = [
    "Count",
    "HasMethods",
    "Number",
    "StrOptions",
    "check_matrix",
    "check_seed",
    "counted",
    "fit_context",
    "import_optional",
    "one_blas_thread",
    "one_thread",
    "plain",
    "principal_components",
    "read_labels",
    "read_targets",
    "validate_params",
    "warn",
]
