# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""Labels of any origin as codes: one reading for training, metrics and displays."""

import re
from numbers import Integral, Real
from typing import NamedTuple

import numpy as np

from skmanifold.utils._sklearn import safe_indexing

_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")


class Labels(NamedTuple):
    """One label per sample.

    Attributes
    ----------
    codes : ndarray of shape (n_samples,), int64
        Position of each label in `classes`; -1 where it is missing.
    classes : ndarray of shape (n_classes,)
        The distinct labels that are not missing.
    """

    codes: np.ndarray
    classes: np.ndarray

    @property
    def names(self):
        """The classes as text; whole floats are numbers that had missing neighbors."""
        values = self.classes.tolist()
        floats = [isinstance(value, float) for value in values]
        if all(floats) and all(value.is_integer() for value in values):
            return [f"{value:.0f}" for value in values]
        return [str(value) for value in values]


def read_labels(
    y, n_samples=None, name="y", *, unknown=None, natural=False, fractions=False
):
    """Read labels of any container and type.

    Missing are None, NaN, NaT, pandas' NA, polars' null and masked entries.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        The labels; a column of an array or of a data frame is one, too.
    n_samples : int, default=None
        How many there must be; None takes any number.
    name : str, default="y"
        What errors call them.
    unknown : int, default=None
        A number that means missing as well: -1 where labels train.
    natural : bool, default=False
        Whether the classes are in the order in which a reader expects them: that of a
        category's levels, or with numbers in names by their size. By default it is the
        order of scikit-learn, that of :func:`numpy.unique`.
    fractions : bool, default=False
        Whether numbers that are no integers may be classes.

    Returns
    -------
    Labels
        Codes and classes.
    """
    values, missing, levels = _column(y)
    if values.ndim != 1 or (n_samples is not None and len(values) != n_samples):
        wanted = "sample" if n_samples is None else f"of the {n_samples} samples"
        raise ValueError(
            f"{name} has shape {values.shape}, but one label for each {wanted} is "
            "needed."
        )
    missing = missing | _are_missing(values)
    known = _of_one_type(values[~missing])
    if known.dtype.kind == "f":
        if np.isinf(known).any():
            raise ValueError(f"{name} has infinite entries; labels must be finite.")
        odd = known[known != np.floor(known)]
        if len(odd) and not fractions:
            raise ValueError(
                f"Unknown label type: {name} holds numbers that are no integers "
                f"({odd[0]}), but classes are needed. Cut them into intervals, with "
                "KBinsDiscretizer for instance."
            )
    if unknown is not None and known.dtype.kind in "if":
        at = np.flatnonzero(~missing)[known == unknown]
        missing[at] = True
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
    """Read labels to train from, of which -1 is an unknown one.

    As in :mod:`sklearn.semi_supervised`; but -1 and 1 alone are the two classes of a
    binary problem, as in the rest of scikit-learn: with one class that is known there
    would be nothing to learn.

    Parameters
    ----------
    y, n_samples, name
        As for :func:`read_labels`.

    Returns
    -------
    Labels
        Codes and classes.
    """
    labels = read_labels(y, n_samples, name)
    numbers = labels.classes.dtype.kind in "if"
    if not numbers or -1 not in labels.classes or labels.classes.tolist() == [-1, 1]:
        return labels
    return read_labels(y, n_samples, name, unknown=-1)


def joined(parts):
    """Labels of several sets of samples as one: the classes of the first come first."""
    if len(parts) == 1:
        return parts[0]
    place, codes = {}, []
    for part in parts:
        for value in part.classes.tolist():
            place.setdefault(value, len(place))
        own = [place[value] for value in part.classes.tolist()]
        codes.append(np.array([*own, -1])[part.codes])
    classes = np.empty(len(place), dtype=object)
    classes[:] = list(place)
    return Labels(np.concatenate(codes), classes)


def read_numbers(y):
    """A column as float64, NaN where a value is missing; None if it holds others."""
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


def is_missing(value):
    """Tell if a value stands for a missing label."""
    if value is None or value is np.ma.masked:
        return True
    try:
        return bool(value != value)
    except (TypeError, ValueError):
        # pandas' NA is neither true nor false; arrays are values of their own
        return type(value).__name__ == "NAType"


def column_values(y):
    """A column of any container as a 1-D array, with objects where it has no type.

    Returns
    -------
    values : ndarray
        Python's own objects, or an array of NumPy's types; not 1-D if `y` is not.
    missing : ndarray of bool
        Which of them are masked.
    """
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
    """An array of a sequence in which nothing has become text that was not."""
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
    """Objects that are all text, or all numbers, as an array of that type."""
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


# In which order a reader expects them ----------------------------------------


def _levels(dtype):
    """Levels of a category in their order; None where nobody has chosen it."""
    if hasattr(dtype, "ordered"):  # pandas
        levels = dtype.categories.tolist()
        if dtype.ordered:
            return levels
        try:
            # the order that pandas gives when it is told none
            return None if levels == sorted(levels) else levels
        except TypeError:
            return levels
    # polars: an Enum has its levels, a Categorical only the order of appearance
    return dtype.categories.to_list() if type(dtype).__name__ == "Enum" else None


def _natural_order(classes, levels):
    if levels is not None:
        place = {level: i for i, level in enumerate(levels)}
        keys = [place[value] for value in classes.tolist()]
    elif classes.dtype.kind == "U":
        keys = _natural_keys(classes.tolist())
    else:
        return np.arange(len(classes))
    return np.array(sorted(range(len(classes)), key=keys.__getitem__), dtype=np.intp)


def _natural_keys(names):
    """Keys by which names are sorted with their numbers as numbers.

    Where all names are one number within the same words ("-5 mg", "2.5 mg") it may have
    a sign and decimals; otherwise each run of digits is a number ("level2-10").
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
