# SPDX-License-Identifier: BSD-3-Clause

"""Labels of any container and type as codes, for training, metrics and displays."""

import datetime as dt
import re
from numbers import Integral, Real
from typing import NamedTuple

import numpy as np

from skmanifold.utils._containers import check_computed
from skmanifold.utils._sklearn import safe_indexing
from skmanifold.utils._warnings import warn

# Numbers are not classes if there are more different ones than this, and they are more
# than this share of all, as in sklearn.utils.multiclass.type_of_target.
_MOST_CLASSES = 20
_MOST_DIFFERENT = 0.5

_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")


class Labels(NamedTuple):
    """One label per sample.

    Attributes
    ----------
    codes : ndarray of shape (n_samples,), int64
        Position of each label in `classes`; -1 where it is missing.
    classes : ndarray of shape (n_classes,)
        Distinct labels that are not missing.
    """

    codes: np.ndarray
    classes: np.ndarray

    @property
    def names(self):
        """Class names as text; whole floats lose their decimals."""
        values = self.classes.tolist()
        floats = [isinstance(value, float) for value in values]
        if all(floats) and all(value.is_integer() for value in values):
            return [f"{value:.0f}" for value in values]
        return [str(value) for value in values]


def are_many(numbers):
    """Return whether numbers that are not missing have too many values for classes."""
    n_values = len(np.unique(numbers))
    return n_values > max(_MOST_CLASSES, round(_MOST_DIFFERENT * len(numbers)))


def warn_of_many(labels, name="y"):
    """Warn of labels that are numbers, most of them different."""
    known = labels.codes[labels.codes >= 0]
    if labels.classes.dtype.kind in "iuf" and are_many(known):
        warn(
            f"{name} has {len(labels.classes)} different numbers for {len(known)} "
            "samples, like a continuous target, but classes are needed. Discretize it, "
            "or convert it to strings if they are classes."
        )


def read_labels(
    y, n_samples=None, name="y", *, unknown=None, natural=False, fractions=False
):
    """Read labels of any container and type.

    None, NaN, NaT, pandas' NA, polars' null and masked entries are missing.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        The labels, possibly as a column of an array or data frame.
    n_samples : int, default=None
        Required number of labels; None means any.
    name : str, default="y"
        Name for errors.
    unknown : int, default=None
        Number that also means missing: -1 in training.
    natural : bool, default=False
        Sort classes as a category's levels, or with numbers in names by value; by
        default as :func:`numpy.unique` does.
    fractions : bool, default=False
        Allow fractional numbers as classes.

    Returns
    -------
    Labels
        Codes and classes.

    See Also
    --------
    read_targets : Reads labels to train from.

    Examples
    --------
    >>> from skmanifold.utils import read_labels
    >>> codes, classes = read_labels(["b", None, "a"])
    >>> codes
    array([ 1, -1,  0])
    """
    check_computed(y, name)
    values, missing, levels = _column(y)
    if values.ndim != 1 or (n_samples is not None and len(values) != n_samples):
        each = "sample" if n_samples in (None, 1) else f"of the {n_samples} samples"
        raise ValueError(
            f"{name} has shape {values.shape}, but one label for each {each} is needed."
        )
    missing = missing | _are_missing(values)
    known = _of_one_type(values[~missing])
    if known.dtype.kind == "f":
        if np.isinf(known).any():
            raise ValueError(f"{name} has infinite entries. Labels must be finite.")
        fractional = known[known != np.floor(known)]
        if len(fractional) and not fractions:
            raise ValueError(
                f"Unknown label type: {name} has fractional numbers ({fractional[0]}), "
                "but classes are needed. Discretize it with KBinsDiscretizer."
            )
    if unknown is not None and known.dtype.kind in "if":
        missing[np.flatnonzero(~missing)[known == unknown]] = True
        known = known[known != unknown]
    try:
        classes, inverse = np.unique(known, return_inverse=True)
    except TypeError as error:
        kinds = sorted({type(label).__name__ for label in known})
        raise TypeError(
            f"{name} mixes labels of the types {', '.join(kinds)}, which have no common"
            " order. Pass all strings or all numbers."
        ) from error
    codes = np.full(len(values), -1, dtype=np.int64)
    codes[~missing] = inverse.reshape(-1)
    if natural:
        order = _natural_order(classes, levels)
        codes[~missing] = np.argsort(order)[codes[~missing]]
        classes = classes[order]
    return Labels(codes, classes)


def read_targets(y, n_samples=None, name="y"):
    """Read labels for training, where -1 means unknown.

    As in :mod:`sklearn.semi_supervised`; but -1 and 1 alone are two classes, as in the
    rest of scikit-learn.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        The labels.
    n_samples : int, default=None
        Required number of labels; None means any.
    name : str, default="y"
        Name for errors.

    Returns
    -------
    Labels
        Codes and classes.

    See Also
    --------
    read_labels : Reads any labels.

    Examples
    --------
    >>> from skmanifold.utils import read_targets
    >>> read_targets([0, 1, -1, 1]).codes
    array([ 0,  1, -1,  1])
    """
    labels = read_labels(y, n_samples, name)
    warn_of_many(labels, name)
    numbers = labels.classes.dtype.kind in "if"
    if not numbers or -1 not in labels.classes or labels.classes.tolist() == [-1, 1]:
        return labels
    return read_labels(y, n_samples, name, unknown=-1)


def joined(parts):
    """Join labels of several sets of samples; the classes of the first come first."""
    if len(parts) == 1:
        return parts[0]
    position, codes = {}, []
    for part in parts:
        for value in part.classes.tolist():
            position.setdefault(value, len(position))
        part_codes = [position[value] for value in part.classes.tolist()]
        codes.append(np.array([*part_codes, -1])[part.codes])
    classes = np.empty(len(position), dtype=object)
    classes[:] = list(position)
    return Labels(np.concatenate(codes), classes)


def read_numbers(y):
    """Return a column as float64, with NaN if missing; None unless all are numbers."""
    values, missing, _ = _column(y)
    if values.ndim != 1:
        return values.astype(np.float64) if values.dtype.kind in "fiub" else None
    missing = missing | _are_missing(values)
    known = _of_one_type(values[~missing])
    if len(known) and known.dtype.kind not in "fiub":
        return None
    numbers = np.full(len(values), np.nan)
    numbers[~missing] = known
    return numbers


def read_dates(y):
    """Return dates as days since 1970 in UTC, NaN if missing; None if not all are."""
    values, missing, _ = _column(y)
    if values.ndim != 1:
        return None
    missing = missing | _are_missing(values)
    known = values[~missing]
    if values.dtype.kind == "O":
        if not all(isinstance(value, (dt.date, np.datetime64)) for value in known):
            return None
        known = np.array([_in_utc(value) for value in known], dtype="M8[us]")
    if known.dtype.kind != "M" or not len(known):
        return None
    days = np.full(len(values), np.nan)
    days[~missing] = (known - np.datetime64(0, "D")) / np.timedelta64(1, "D")
    return days


def _in_utc(date):
    if getattr(date, "tzinfo", None) is None:
        return date
    return date.astimezone(dt.UTC).replace(tzinfo=None)


def is_missing(value):
    """Return whether a single value means missing."""
    if value is None or value is np.ma.masked:
        return True
    try:
        return bool(value != value)
    except (TypeError, ValueError):
        # pandas' NA has no truth value, and arrays are values themselves
        return type(value).__name__ == "NAType"


def column_values(y):
    """Return a column of any container as an array, and a mask of masked entries."""
    return _column(y)[:2]


def _column(y):
    levels = None
    if hasattr(y, "columns") and hasattr(y, "dtypes") and len(y.columns) == 1:
        y = safe_indexing(y, 0, axis=1)
    dtype = getattr(y, "dtype", None)
    missing = None
    if np.ma.isMaskedArray(y):
        missing, y = np.ma.getmaskarray(y), y.data
    elif isinstance(dtype, np.dtype):
        y = np.asarray(y)
    elif hasattr(dtype, "categories"):
        levels = _levels(dtype)
    if not isinstance(y, np.ndarray):
        for method in ("to_list", "to_pylist"):
            if hasattr(y, method):
                y = getattr(y, method)()
                break
        y = _array_of(y)
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
        missing = None if missing is None else missing[:, 0]
    if missing is None:
        missing = np.zeros(y.shape, dtype=bool)
    return y, missing, levels


def _array_of(values):
    """Return a sequence as an array, without converting anything to text."""
    if isinstance(values, (list, tuple)) and not any(
        isinstance(value, (list, tuple, np.ndarray)) for value in values
    ):
        array = np.empty(len(values), dtype=object)
        array[:] = values
        return array
    return np.asarray(values)


def _are_missing(values):
    if values.dtype.kind == "f":
        return np.isnan(values)
    if values.dtype.kind in "mM":
        return np.isnat(values)
    if values.dtype.kind == "O":
        return np.fromiter(map(is_missing, values), dtype=bool, count=len(values))
    return np.zeros(len(values), dtype=bool)


def _of_one_type(values):
    """Convert objects that are all text, or all numbers, to an array of that type."""
    if values.dtype.kind != "O" or not len(values):
        return values
    if all(isinstance(value, str) for value in values):
        return np.array(values.tolist())
    booleans = [isinstance(value, (bool, np.bool_)) for value in values]
    if all(booleans):
        return values.astype(bool)
    numbers = not any(booleans)
    if numbers and all(isinstance(value, Integral) for value in values):
        return np.array([int(value) for value in values])
    if numbers and all(isinstance(value, Real) for value in values):
        return values.astype(np.float64)
    return values


# Natural order ---------------------------------------------------------------


def _levels(dtype):
    """Return the levels of a category in order; None if the order is a default."""
    if hasattr(dtype, "ordered"):  # pandas
        levels = dtype.categories.tolist()
        if dtype.ordered:
            return levels
        try:
            # the default order of pandas
            return None if levels == sorted(levels) else levels
        except TypeError:
            return levels
    # polars: an Enum has levels, a Categorical only an order of appearance
    return dtype.categories.to_list() if type(dtype).__name__ == "Enum" else None


def _natural_order(classes, levels):
    if levels is not None:
        position = {level: i for i, level in enumerate(levels)}
        keys = [position[value] for value in classes.tolist()]
    elif classes.dtype.kind == "U":
        keys = _natural_keys(classes.tolist())
    else:
        return np.arange(len(classes))
    return np.array(sorted(range(len(classes)), key=keys.__getitem__), dtype=np.intp)


def _natural_keys(names):
    """Return keys that sort names with their numbers by value.

    A single number between the same words ("-5 mg", "2.5 mg") may have a sign and
    decimals; otherwise each run of digits is a number ("level2-10").
    """
    split = [(_NUMBER.sub("\0", name), _NUMBER.findall(name)) for name in names]
    if len({words for words, _ in split}) == 1 and all(
        len(numbers) == 1 for _, numbers in split
    ):
        return [
            (float(numbers[0]), name)
            for name, (_, numbers) in zip(names, split, strict=True)
        ]
    return [
        [
            (0, int(part), "") if part.isdecimal() else (1, 0, part)
            for part in re.split(r"(\d+)", name)
            if part
        ]
        for name in names
    ]
