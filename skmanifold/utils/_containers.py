# SPDX-License-Identifier: BSD-3-Clause

"""Containers that scikit-learn's validation would misread."""

import datetime as dt
import re
from collections import Counter

import numpy as np
from scipy.sparse import issparse
from sklearn.utils import check_array

from skmanifold.utils._sklearn import safe_indexing

# Maximum number of column names in an error.
_MOST_NAMES = 10
# NumPy converts some of these to numbers.
_TIMES = (np.datetime64, np.timedelta64, dt.date, dt.time, dt.timedelta)


def check_matrix(X, name="X", *, dtype="float64", **options):
    """Return validated samples of any container.

    Unlike :func:`sklearn.utils.check_array`, refuse dates and strings, which it may
    convert, and name the parameter and the offending columns in errors.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        The samples.
    name : str, default="X"
        Name for errors.
    dtype : dtype or list of them, default="float64"
        Valid types; others are converted to the first one.
    **options : dict
        Further parameters of :func:`sklearn.utils.check_array`.

    Returns
    -------
    ndarray or sparse array of shape (n_samples, n_features)
        The samples.

    Raises
    ------
    TypeError, ValueError
        If X is invalid.

    Examples
    --------
    >>> from skmanifold.utils import check_matrix
    >>> check_matrix([[1, 2]])
    array([[1., 2.]])
    """
    options["input_name"] = name
    try:
        samples = as_numbers(check_array(plain(X, name), **options), **options)
        types = dtype if isinstance(dtype, list) else [dtype]
        if "numeric" in types or samples.dtype in types:
            return samples
        return check_array(samples, dtype=types, **options)
    except (TypeError, ValueError) as error:
        better = explained(error, X, name)
        if not re.search(rf"\b{name}\b", str(better)):
            better = type(better)(f"{name} is invalid: {better}")
        raise better from error


def as_array(X, name="X", *, finite=False):
    """Return numbers of any container and shape as a dense array."""
    return check_matrix(
        X.toarray() if issparse(X) else X,
        name,
        dtype="numeric",
        ensure_all_finite=finite,
        ensure_2d=False,
        allow_nd=True,
        ensure_min_samples=0,
        ensure_min_features=0,
    )


def as_numbers(samples, **options):
    """Return validated samples as numbers, if they are numbers of type object."""
    if samples.dtype.kind in "biuf":
        return samples
    _check_type(samples, options["input_name"])  # of a series of dates, for instance
    return check_array(samples, dtype=np.float64, **options)


def explained(error, X, name="X"):
    """Return an error about X with the offending columns or a remedy."""
    kind = TypeError if isinstance(error, TypeError) else ValueError
    text = str(error)
    if getattr(X, "ndim", 2) > 2 and "dim" in text:
        return kind(f"{text}\nFlatten each sample: {name}.reshape(len({name}), -1).")
    if _is_texts(X):
        return ValueError(
            f"{name} has texts, but must have numbers. Convert texts by "
            "TfidfVectorizer, for instance, in a pipeline."
        )
    if "could not convert string" in text or "bytes/strings" in text:
        return _error_of_strings(name)
    if "NAType" in text:
        return ValueError(
            f"{name} contains NaN (pandas.NA). Impute the missing values, by "
            "SimpleImputer for instance, or remove these samples."
        )
    # not for lazy frames, whose columns would be computed
    if not (hasattr(X, "__len__") and _is_frame(X)):
        return error
    options = {"ensure_all_finite": False, "ensure_min_samples": 0, "input_name": name}
    try:
        samples = as_numbers(check_array(X, **options), **options)
    except (TypeError, ValueError):
        return error
    finite = np.isfinite(samples).all(axis=0)
    columns = zip(X.columns, finite, strict=True)
    holes = [repr(column) for column, is_valid in columns if not is_valid]
    if not holes:
        return error
    return kind(f"{text}\nColumns with NaN or infinity: {listed(holes)}.")


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
        If X is not computed yet, or has dates.
    ValueError
        If X has strings, or columns that are not numbers or share a name.

    Examples
    --------
    >>> import numpy as np
    >>> from skmanifold.utils import plain
    >>> plain(np.ma.array([1.0, 2.0], mask=[False, True]))
    array([ 1., nan])
    """
    if isinstance(X, (list, tuple)):
        X = np.asarray(X)
    if isinstance(X, np.ndarray):
        _check_type(X, name)
        return _filled(X) if np.ma.isMaskedArray(X) else X
    check_computed(X, name)
    if _is_frame(X):
        _check_columns(X, name)
    return X


def _check_type(array, name):
    """Raise unless the entries of an array may be numbers, which objects may."""
    kind = array.dtype.kind
    if kind in "SUT":
        raise _error_of_strings(name)
    invalid = [array.dtype] if kind in "mMV" else []
    if kind == "O":
        types = set(map(type, array.flat))
        invalid = [kind.__name__ for kind in types if issubclass(kind, _TIMES)]
    if invalid:
        remedy = "dates as numbers, such as days since the first one"
        if kind == "V":
            remedy = "a structured array as a data frame"
        raise TypeError(
            f"{name} has values of type {invalid[0]}, which are not numbers. Pass "
            f"{remedy}."
        )


def _error_of_strings(name):
    return ValueError(
        f"{name} has strings, but must have numbers. Encode categories, with "
        "OneHotEncoder for instance, and convert texts by TfidfVectorizer."
    )


def _check_columns(frame, name):
    """Raise ValueError unless the columns of a data frame are numbers."""
    names = list(frame.columns)
    repeated = [repr(column) for column, n in Counter(names).items() if n > 1]
    if repeated:
        raise ValueError(
            f"{name} has several columns of the same name: {listed(repeated)}. Rename "
            "or drop all but one of them."
        )
    words = [
        repr(column)
        for i, (column, dtype) in enumerate(zip(names, frame.dtypes, strict=True))
        if not _is_numeric(dtype) and numeric_column(frame, i) is None
    ]
    if words and len(names) == 1 and set(";,|\t") & set(str(names[0])):
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


def _is_frame(X):
    return hasattr(X, "columns") and hasattr(X, "dtypes")


def _is_texts(X):
    """Return whether X is a sequence of strings, not a table."""
    # lazy frames have no length, and would warn if asked for their columns
    if not (hasattr(X, "__len__") and hasattr(X, "__iter__")) or hasattr(X, "columns"):
        return False
    return getattr(X, "ndim", 1) == 1 and isinstance(next(iter(X), None), str)


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


def counted(n, noun, plural=None):
    """Return a number with its noun in the singular or plural.

    Parameters
    ----------
    n : int
        The number.
    noun : str
        The noun in the singular.
    plural : str, default=None
        Its plural; None appends an "s".

    Returns
    -------
    str
        Both.

    Examples
    --------
    >>> from skmanifold.utils import counted
    >>> counted(1, "sample"), counted(2, "sample")
    ('1 sample', '2 samples')
    """
    return f"{n} {noun if n == 1 else plural or noun + 's'}"


def listed(names, most=_MOST_NAMES):
    """Join the first names, and the number of remaining ones."""
    more = len(names) - most
    names = ", ".join(map(str, names[:most]))
    return f"{names} and {more} more" if more > 0 else names
