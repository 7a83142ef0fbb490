# SPDX-License-Identifier: BSD-3-Clause

"""Containers that scikit-learn's validation would misread."""

import numpy as np
from sklearn.utils import check_array

from skmanifold.utils._sklearn import safe_indexing

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
        If X has columns that are not numbers.

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
        words = [
            repr(column)
            for i, (column, dtype) in enumerate(zip(X.columns, X.dtypes, strict=True))
            if not _is_numeric(dtype) and numeric_column(X, i) is None
        ]
        if words and len(X.columns) == 1 and set(";,|\t") & set(str(X.columns[0])):
            raise ValueError(
                f"{name} has a single column of text, {words[0]}. Read the file with "
                "the separator of its columns, such as pandas.read_csv(path, sep=';')."
            )
        if words:
            raise ValueError(
                f"{name} has columns that are not numbers: {listed(words)}. Encode "
                "categories, with OneHotEncoder for instance; convert dates, and "
                "numbers that were read as text, to numbers; or drop these columns."
            )
    return X


def check_computed(X, name="X"):
    """Raise TypeError if X is a lazy frame, which has no rows before collect()."""
    if hasattr(X, "collect") and not hasattr(X, "__len__"):
        raise TypeError(
            f"{name} is a {type(X).__name__}, which is not computed yet. Call collect()"
            " and pass the result."
        )


def numeric_column(frame, i):
    """Return a column of a data frame as numbers, or None if it is not numeric."""
    options = {"ensure_all_finite": False, "ensure_min_samples": 0}
    try:
        column = check_array(safe_indexing(frame, [i], axis=1), **options)
        if column.dtype.kind == "O":
            column = check_array(column, dtype=np.float64, **options)
    except (ValueError, TypeError):
        return None
    return column if column.dtype.kind in "biuf" else None


def _filled(X):
    masked = np.ma.getmaskarray(X)
    if not masked.any():
        return X.data
    kind = X.dtype.kind
    dtype = X.dtype if kind in "fO" else np.float64 if kind in "biu" else object
    rows = X.data.astype(dtype)
    rows[masked] = np.nan
    return rows


def _is_numeric(dtype):
    is_numeric = getattr(dtype, "is_numeric", None)  # polars
    if is_numeric is not None:
        return bool(is_numeric())
    return getattr(dtype, "kind", None) in ("b", "i", "u", "f")


def listed(names, most=_MOST_NAMES):
    """Join the first names, and the number of remaining ones."""
    more = len(names) - most
    names = ", ".join(map(str, names[:most]))
    return f"{names} and {more} more" if more > 0 else names
