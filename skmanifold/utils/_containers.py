# SPDX-License-Identifier: BSD-3-Clause

"""Containers that scikit-learn's validation would misread."""

import numpy as np

# Maximum number of column names in an error.
_MOST_NAMES = 10


def plain(X, name="X"):
    """Return X as scikit-learn's validation reads it: masked entries become NaN.

    Parameters
    ----------
    X : array-like
        Data in any container.
    name : str, default="X"
        Name for errors.

    Returns
    -------
    array-like
        X, or a copy without a mask.

    Raises
    ------
    TypeError
        If X is not computed yet.
    ValueError
        If X has columns of dates or times.

    Examples
    --------
    >>> import numpy as np
    >>> from skmanifold.utils import plain
    >>> plain(np.ma.array([1.0, 2.0], mask=[False, True]))
    array([ 1., nan])
    """
    if np.ma.isMaskedArray(X):
        return _filled(X)
    check_computed(X, name)
    if hasattr(X, "columns") and hasattr(X, "dtypes"):
        dates = [
            repr(column)
            for column, dtype in zip(X.columns, X.dtypes, strict=True)
            if _is_temporal(dtype)
        ]
        if dates:
            raise ValueError(
                f"{name} has columns of dates or times: {listed(dates)}. Convert these "
                "to numbers, such as days since the first date, or drop them."
            )
    return X


def check_computed(X, name="X"):
    """Raise TypeError if X is a lazy frame, which has no rows before collect()."""
    if hasattr(X, "collect") and not hasattr(X, "__len__"):
        raise TypeError(
            f"{name} is a {type(X).__name__}, which is not computed yet. Call collect()"
            " and pass the result."
        )


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
    is_temporal = getattr(dtype, "is_temporal", None)  # polars
    if is_temporal is not None:
        return bool(is_temporal())
    return getattr(dtype, "kind", None) in ("m", "M")


def listed(names, most=_MOST_NAMES):
    """Join the first names, and the number of remaining ones."""
    more = len(names) - most
    names = ", ".join(map(str, names[:most]))
    return f"{names} and {more} more" if more > 0 else names
