# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""Containers whose values scikit-learn's validation would read wrongly."""

import numpy as np

# Names of columns that an error lists.
_MOST_NAMES = 10


def plain(X, name="X"):
    """Return X as validation reads it: masked entries become NaN.

    Raises
    ------
    TypeError
        If X is not computed yet.
    ValueError
        If X has columns of dates or times.
    """
    if np.ma.isMaskedArray(X):
        return _filled(X)
    # what is collected has no rows before it is
    if hasattr(X, "collect") and not hasattr(X, "__len__"):
        raise TypeError(
            f"{name} is a {type(X).__name__}, whose rows are not computed yet. Call "
            "collect() and pass what it returns."
        )
    if hasattr(X, "columns") and hasattr(X, "dtypes"):
        dates = [
            repr(column)
            for column, dtype in zip(X.columns, X.dtypes, strict=True)
            if _is_temporal(dtype)
        ]
        if dates:
            raise ValueError(
                f"{name} has columns that are not numbers: {listed(dates)}. They hold "
                "dates or times: give these as numbers, days since the first of them "
                "for instance, or leave these columns out."
            )
    return X


def _filled(X):
    masked = np.ma.getmaskarray(X)
    if not masked.any():
        return X.data
    kind = X.dtype.kind
    dtype = X.dtype if kind in "fO" else np.float64 if kind in "biu" else object
    rows = X.data.astype(dtype)
    rows[masked] = np.nan
    return rows


def _is_temporal(dtype):
    ask = getattr(dtype, "is_temporal", None)  # polars
    if ask is not None:
        return bool(ask())
    return getattr(dtype, "kind", None) in ("m", "M")


def listed(names):
    """The first of some names, and how many more there are."""
    more = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
