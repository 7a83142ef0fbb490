# SPDX-License-Identifier: BSD-3-Clause

"""Messages of fit and transform about the data and the networks."""

import numpy as np
from scipy.sparse import issparse
from torch import nn

from skmanifold._engine import has_alike_rows
from skmanifold.utils._containers import counted, listed
from skmanifold.utils._warnings import warn

from ._inference import on_device
from ._outliers import dense
from ._scaler import empty_samples
from ._units import MOST_TABLE_COLUMNS, columns_in_unrelated_units

# Number of columns or samples named in a warning.
_NAMED = 5

# A column numbers the samples only if there are at least this many samples, and its
# range is less than this multiple of their number.
_LEAST_NUMBERED = 50
_MOST_NUMBERS = 1.5

# Largest number of columns of a table, including indicators of categories.
_MOST_ENCODED = 1000

# A part of the data is in other units if its typical sample is this many times as far
# from the center as all samples before it.
_DRIFT = 20.0


def check_length(y, n_samples):
    """Check that y has as many entries as X has samples, even if y is ignored."""
    try:
        n_labels = len(y)
    except TypeError:  # None, or an error of the method's own check
        return
    if n_labels == n_samples:
        return
    raise ValueError(
        f"y has {counted(n_labels, 'entry', 'entries')}, but X has "
        f"{counted(n_samples, 'sample')}. Pass the y of this X, or None."
    )


def check_enough(n_samples):
    """Raise ValueError if there are too few samples to train."""
    if n_samples < 2:
        raise ValueError(
            f"X has {counted(n_samples, 'sample')}, but training needs at least 2. "
            "Pass more; in partial_fit, append a small last part to the one before it."
        )


def warn_of_units(estimator, samples, seed):
    """Warn of columns in unrelated units, where the largest dominates distances."""
    columns = columns_in_unrelated_units(samples, seed)
    if columns is None:
        return
    names = _column_names(estimator)
    method = type(estimator).__name__
    warn(
        f"X seems to have columns in unrelated units: column {names[columns[0]]!r} "
        f"varies more than a thousand times as much as column {names[columns[1]]!r}, "
        f"and {method} keeps their proportions, so that small columns have no effect. "
        f"Put StandardScaler before {method} in a pipeline, or convert all columns to "
        "one unit."
    )


def warn_of_numbers(estimator, samples):
    """Name columns that number the samples, such as the index of a saved data frame.

    The rule is strict, to avoid false warnings: whole numbers, all different and nearly
    consecutive, in less than half of the columns. Ranks in all columns are data.
    """
    n_samples, n_features = samples.shape[0], estimator.n_features_in_
    if n_samples < _LEAST_NUMBERED or not 1 < n_features <= _MOST_ENCODED:
        return
    few = np.sort(dense(samples[:_LEAST_NUMBERED]).astype(np.float64), axis=0)
    steps = np.diff(few, axis=0) > 0
    # two values are an indicator of a category
    if (steps.sum(axis=0) > 1).sum() > MOST_TABLE_COLUMNS:
        return
    numbers = []
    for column in np.flatnonzero(steps.all(axis=0)):
        ordered = np.sort(dense(samples[:, [column]])[:, 0].astype(np.float64))
        # others may be missing, such as a test set or samples with gaps
        nearly = ordered[-1] - ordered[0] < _MOST_NUMBERS * n_samples
        distinct = (np.diff(ordered) >= 1).all()
        if nearly and distinct and (ordered == np.floor(ordered)).all():
            numbers.append(column)
    if 0 < len(numbers) < n_features / 2:
        names = _column_names(estimator)
        shown = [repr(names[column]) for column in numbers]
        warn(
            f"X has columns that number the samples: {listed(shown)}. Drop identifiers "
            "and row numbers, which would count as measurements."
        )


def warn_of_constant(scaler):
    """Warn that no column varies."""
    if not scaler.factor_.any():
        warn(
            "X has no varying column (in float64), so all samples get the same "
            "embedding. Subtract an offset or multiply X by a constant."
        )


def warn_of_outliers(estimator, scaler, samples, rows=None):
    """Name the samples that the scaler ignored.

    ``rows`` are the indices of the samples in X, if these are a subset.
    """
    if len(scaler.outliers_):
        outliers = scaler.outliers_.tolist()
        named = _far_away(estimator, outliers, samples, "all others", rows)
        it, they = ("it", "it is") if len(outliers) == 1 else ("them", "they are")
        warn(
            f"{named}. The scaling ignores {it}, and {they} moved toward the others. "
            "Correct or remove errors, such as another unit or a code for a missing "
            "value."
        )


def warn_of_codes(estimator, scaler, samples, known=()):
    """Name the columns with codes, such as -999, except the ``known`` ones."""
    columns = np.setdiff1d(scaler.codes.columns, known)
    columns = columns[columns < samples.shape[1]]
    if not len(columns):
        return
    first = int(columns[0])
    low, high = scaler.inner_low_[first], scaler.inner_high_[first]
    values = dense(samples[:, [first]])[:, 0]
    levels, counts = np.unique(
        values[(values < low) | (values > high)], return_counts=True
    )
    code, count = levels[counts.argmax()], counts.max()
    names = _column_names(estimator)
    shown = listed([repr(names[column]) for column in columns[1:]], _NAMED)
    others = f" Further columns with such values: {shown}." if shown else ""
    moved = "The scaling moves them next to the others."
    if not scaler.column_scaling:
        moved = f"{type(estimator).__name__} keeps all distances, and theirs dominate."
    warn(
        f"Column {names[first]!r} of X holds {float(code):g} in {count} of the "
        f"{len(values)} samples, far away from its other values ({low:g} to {high:g})."
        f"{others} {moved} If they stand for missing values, impute them with "
        f"SimpleImputer(missing_values={float(code):g})."
    )


def warn_of_drift(scaler):
    """Warn that a part of the data may have other units than those before it."""
    if scaler.drift_ > _DRIFT:
        warn(
            "X lies far away from the samples of earlier calls: a typical sample is "
            f"{scaler.drift_:.0f} times as far from their center as the farthest of "
            "them. If its units differ, convert them to those of the first call."
        )


def warn_of_deviations(estimator, deviations, samples):
    """Name the columns and samples that differ from the training data."""
    _warn_of_unseen(estimator, deviations.columns)
    if deviations.samples:
        outliers = sorted(deviations.samples)
        named = _far_away(estimator, outliers, samples, "the training data")
        warn(
            f"{named}. Such a sample is embedded as if it were nearer. Correct errors, "
            "such as another unit or a code for a missing value; X must have the units "
            "of the training data."
        )


def warn_of_empty(estimator, samples):
    """Name samples of a sparse matrix without a nonzero value, if fit had none."""
    scaler = estimator._scaler
    # a method may append columns that are not zero
    appends = len(scaler.center_) > samples.shape[1]
    if not issparse(samples) or scaler.has_empty_ or appends:
        return
    empty = empty_samples(samples).tolist()
    if empty:
        warn(
            f"{len(empty)} of the {samples.shape[0]} samples of X "
            f"{'has' if len(empty) == 1 else 'have'} no nonzero value, unlike the "
            "training data, such as texts without a known word: "
            f"{'sample' if len(empty) == 1 else 'samples'} {listed(empty, _NAMED)}. "
            "All such samples get the same embedding, which means nothing. Remove "
            "them, or fit to data with their features."
        )


def _far_away(estimator, outliers, samples, others, rows=None):
    """Return a clause that names samples far away from others."""
    named = [row if rows is None else rows[row] for row, _ in outliers]
    shown = listed(named, _NAMED)
    single = len(outliers) == 1
    row, column = outliers[0]
    where = "in all columns together"
    if column >= estimator.n_features_in_:
        where = f"in its {estimator._appended}"
    elif column >= 0:
        name = _column_names(estimator)[column]
        where = f"in column {name!r}, with {float(samples[row, column]):g}"
    return (
        f"{len(outliers)} of the {samples.shape[0]} samples "
        f"{'of X' if rows is None else 'drawn from X'} "
        f"{'lies' if single else 'lie'} far away from {others}: "
        f"{'sample' if single else 'samples'} {shown} "
        f"({'' if single else 'the first one '}{where})"
    )


def _warn_of_unseen(estimator, columns):
    """Name columns that vary among new samples, but were constant in fit."""
    if not columns:
        return
    names = _column_names(estimator)
    shown = [
        repr(names[column])
        if column < len(names)
        else f"{column - len(names)} of the {estimator._appended}"
        for column in sorted(columns)
    ]
    warn(
        "X varies in columns that were constant in the training data: "
        f"{listed(shown, _NAMED)}. The embedding ignores them. Fit on data in which "
        "they vary."
    )


def warn_of_inexact_inference(estimator, fitted, scaled):
    """Warn if the outputs of a sample depend on its position in the batch."""
    networks = {"transform": fitted["network_"]}
    if "decoder_" in fitted:
        networks["inverse_transform"] = nn.Sequential(
            fitted["network_"], fitted["decoder_"]
        )
    for method, network in networks.items():
        network, device = on_device(estimator, network)
        if not has_alike_rows(network, scaled, device=device):
            warn(
                f"The last bits of {type(estimator).__name__}.{method} depend on which "
                f"samples are passed together (device={device.type!r}). If you need "
                "equal bits, use linear, convolutional and normalization layers on the "
                "CPU."
            )
            return


def _column_names(estimator):
    return getattr(estimator, "feature_names_in_", range(estimator.n_features_in_))
