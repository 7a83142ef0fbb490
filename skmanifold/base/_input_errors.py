# SPDX-License-Identifier: BSD-3-Clause

"""scikit-learn's errors about X, with the offending columns and a remedy."""

import numpy as np
from sklearn.utils import check_array

from skmanifold.utils._containers import listed, numeric_column

# for a step that was saved without its pipeline, or taken out of it
_STEPS_BEFORE = (
    " If this estimator was fitted as the last step of a pipeline, pass the result of "
    "the steps before it, which neither this step nor its file includes."
)


def with_hint(error, estimator, X):
    """Return an error with more details about X, or the given one."""
    kind = type(error) if type(error) in (ValueError, TypeError) else ValueError
    if isinstance(X, np.ndarray) and X.ndim > 2:
        remedy = "Flatten each sample: X.reshape(len(X), -1)"
        parameter = estimator._image_parameter
        if parameter is not None and getattr(estimator, parameter) is None:
            remedy += f"; for images, with channels last, also set {parameter}"
        return kind(f"{error}\n{remedy}.")
    if _is_texts(X):
        return ValueError(
            "X has texts, but must have numbers. Convert texts by TfidfVectorizer, "
            "for instance, in a pipeline."
        )
    if "bytes/strings" in str(error) or "could not convert string" in str(error):
        return ValueError(
            "X has strings, but must have numbers. Encode categories, with "
            "OneHotEncoder for instance, and convert texts by TfidfVectorizer."
        )
    if "features as input" in str(error):
        return kind(f"{error}{_STEPS_BEFORE}")
    # not for lazy frames, whose columns would be computed
    if not (hasattr(X, "__len__") and hasattr(X, "columns") and hasattr(X, "dtypes")):
        return error
    columns = [numeric_column(X, i) for i in range(len(X.columns))]
    if any(column is None for column in columns):
        is_fitted = hasattr(estimator, "network_")
        return kind(f"{error}{_STEPS_BEFORE}") if is_fitted else error
    holes = [
        repr(name)
        for name, column in zip(X.columns, columns, strict=True)
        if not np.isfinite(column).all()
    ]
    if holes:
        return kind(f"{error}\nColumns with NaN or infinity: {listed(holes)}.")
    return error


def as_numbers(samples, **options):
    """Return validated samples as numbers; some strings and dates pass validation."""
    if samples.dtype.kind == "O":
        samples = check_array(samples, dtype=np.float64, **options)
    if samples.dtype.kind not in "biuf":
        raise TypeError(
            f"X has values of type {samples.dtype}, which are not numbers. Pass "
            "dates as numbers, such as days since the first one."
        )
    return samples


def _is_texts(X):
    """Return whether X is a sequence of strings, not a table."""
    # lazy frames have no length, and would warn if asked for their columns
    if not hasattr(X, "__len__") or hasattr(X, "columns"):
        return False
    return getattr(X, "ndim", 1) == 1 and isinstance(next(iter(X), None), str)
