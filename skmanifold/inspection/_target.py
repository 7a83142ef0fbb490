# SPDX-License-Identifier: BSD-3-Clause

"""Classes or a continuous quantity, as the colors of a display represent them."""

import numpy as np

from skmanifold.inspection._style import GRAY, MARKERS, PALE, PALETTE
from skmanifold.utils._containers import check_computed, counted
from skmanifold.utils._labels import (
    are_many,
    joined,
    read_dates,
    read_labels,
    read_numbers,
)
from skmanifold.utils._sklearn import StrOptions, validate_parameter_constraints

# Different whole numbers beyond which they are quantities, such as ages.
_MOST_NUMBERS = 20
# Share of the range below which the middle nine tenths of the values would have nearly
# one color.
_NARROW = 0.2


class Target:
    """Target that colors represent: classes, a continuous quantity, or none.

    Attributes
    ----------
    kind : "classes", "continuous" or None
    values : quantity, NaN where it is missing, or class index, of each sample
    labels : names of the classes in natural order, after the gray ones (noise, and
        samples without a label)
    n_gray : number of gray classes
    dates : True for dates, in days since 1970
    """

    def __init__(self, kind, values=None, labels=(), n_gray=0, dates=False):
        self.kind = kind
        self.values = values
        self.labels = labels
        self.n_gray = n_gray
        self.dates = dates

    def knots(self):
        """Return the values at equal steps of the color scale, or None if it is linear.

        Amounts of money and other values with long tails would nearly all have the
        color of one end, so their colors follow percentiles. Equal ones count once.
        """
        known = self.values[np.isfinite(self.values)]
        if not known.size:
            return None
        low, high = np.quantile(known, [0.05, 0.95])
        if high - low >= _NARROW * np.ptp(known):
            return None
        return np.unique(np.quantile(known, np.linspace(0.0, 1.0, 101)))

    def part(self, rows):
        """Return the target of a subset of samples."""
        values = None if self.values is None else self.values[rows]
        return Target(self.kind, values, self.labels, self.n_gray, self.dates)

    @property
    def shares_colors(self):
        """Return whether there are more classes than colors."""
        return len(self.labels) - self.n_gray > len(PALETTE)

    def marks(self):
        """Return the color and marker of each class."""
        n_classes = len(self.labels) - self.n_gray
        marks = [
            (PALETTE[i % len(PALETTE)], MARKERS[i // len(PALETTE) % len(MARKERS)])
            for i in range(n_classes)
        ]
        return [(GRAY, "o"), (PALE, "o")][: self.n_gray] + marks

    def groups(self):
        """Yield marker, z-order and samples of each collection, gray first."""
        markers = np.array([marker for _, marker in self.marks()])[self.values]
        gray = self.values < self.n_gray
        if self.n_gray:
            yield "o", 0.0, gray
        for marker in MARKERS:
            rows = (markers == marker) & ~gray
            if rows.any():
                yield marker, 0.5, rows


def check_target(
    y, n_samples, *, target_type="auto", noise_label=-1, more=None, name="y"
):
    """Validate y as classes or as a continuous quantity.

    `more` is the y and the number of samples that follow.
    """
    validate_parameter_constraints(
        {"target_type": [StrOptions({"auto", "classes", "continuous"})]},
        {"target_type": target_type},
        caller_name="a display",
    )
    if y is None:
        return Target(None)
    given = [(y, n_samples, name)] + ([] if more is None else [(*more, "y_new")])
    for part, _, name in given:
        check_computed(part, name)
    numbers = [read_dates(part) for part, *_ in given]
    dates = all(part is not None for part in numbers)
    if not dates:
        numbers = [read_numbers(part) for part, *_ in given]
    if target_type == "auto":
        # a few dates are classes, such as the days of three surveys
        distinct = _are_many if dates else _are_continuous
        continuous = all(part is not None for part in numbers) and any(
            map(distinct, numbers)
        )
        target_type = "continuous" if continuous else "classes"
    if target_type == "continuous":
        for (part, n, name), values in zip(given, numbers, strict=True):
            if values is None or values.shape != (n,):
                invalid = np.asarray(part) if values is None else values
                raise ValueError(
                    f"{name} has shape {invalid.shape} and dtype {invalid.dtype}, but "
                    f"a continuous target needs {counted(n, 'number')}, one for each "
                    "sample."
                )
        values = np.concatenate(numbers)
        values = np.where(np.isinf(values), np.nan, values)
        return Target("continuous", values, dates=dates)
    labels = [read_labels(*part, natural=True, fractions=True) for part in given]
    return _classes(joined(labels), noise_label)


def _are_continuous(numbers):
    # ignoring missing numbers
    known = numbers[~np.isnan(numbers)]
    fractional = (known != np.round(known)).any() or np.isinf(known).any()
    return bool(fractional) or are_many(known) or _are_quantities(known)


def _are_quantities(numbers):
    """Return whether whole numbers are many, and not those of classes."""
    values = np.unique(numbers)
    if len(values) <= _MOST_NUMBERS:
        return False
    consecutive = values[-1] - values[0] == len(values) - 1
    return not (consecutive and values[0] in (-1, 0, 1))


def _are_many(days):
    return len(np.unique(days[~np.isnan(days)])) > len(PALETTE)


def _classes(labels, noise_label):
    """Return a target of classes, with noise and missing labels in gray."""
    values = labels.classes.tolist()
    names = [name if name.strip() else "(empty)" for name in labels.names]
    # -1 and 1 alone are the classes of a binary problem
    binary = values == [-1, 1] and noise_label == -1
    noise = [
        noise_label is not None
        and not binary
        and not isinstance(value, bool)
        and bool(value == noise_label)
        for value in values
    ]
    order = np.argsort(~np.array(noise, dtype=bool), kind="stable")
    codes = np.append(np.argsort(order), -1)[labels.codes]
    names = ["noise" if noise[i] else names[i] for i in order]
    n_gray = sum(noise)
    missing = codes < 0
    if missing.any():
        names.insert(n_gray, "missing" if "missing" not in names else "no label")
        codes = np.where(missing, n_gray, codes + (codes >= n_gray))
        n_gray += 1
    return Target("classes", codes, names, n_gray)
