# SPDX-License-Identifier: BSD-3-Clause

"""Errors about X of an estimator, with the offending columns and a remedy."""

from skmanifold.utils._containers import explained

# for a step that was saved without its pipeline, or taken out of it
_STEPS_BEFORE = (
    " If this estimator was fitted as the last step of a pipeline, pass the result of "
    "the steps before it, which neither this step nor its file includes."
)


def with_hint(error, estimator, X):
    """Return an error with more details about X, or the given one."""
    better, hint = explained(error, X), ""
    parameter = estimator._image_parameter
    if getattr(X, "ndim", 2) > 2 and getattr(estimator, parameter or "", 0) is None:
        hint = f" For images, with channels last, also set {parameter}."
    is_fitted = hasattr(estimator, "network_")
    if "features as input" in str(error) or (is_fitted and "are not num" in str(error)):
        hint = _STEPS_BEFORE
    return type(better)(f"{better}{hint}") if hint else better
