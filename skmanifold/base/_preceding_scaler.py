# SPDX-License-Identifier: BSD-3-Clause

"""Units of columns that a preceding scaler computed from outliers."""

import math

import numpy as np

from ._outliers import LEAST_SAMPLES, OUTLIER_SHARE

# Outliers have squeezed the columns if, without the farthest samples, the median
# range shrinks by more than _SQUEEZED, and the factors of two columns differ by more
# than _UNEVEN: at most 2.6 in ordinary data, 4 with one sample multiplied by ten. Heavy
# tails do not count, because each column has its own far samples.
_SQUEEZED = 1.5
_UNEVEN = 2.7


def _standard_deviations(statistics):
    with np.errstate(over="ignore", invalid="ignore"):
        return np.sqrt(statistics.variance)


def _ranges(statistics):
    return statistics.high - statistics.low


def _largest_values(statistics):
    return np.maximum(np.abs(statistics.low), np.abs(statistics.high))


def units_of_preceding_scaler(everything, kept, sample):
    """Return the units of columns without outliers; None if they need no change.

    Columns that were standardized, scaled to [0, 1] or divided by their largest value
    are scaled again in the same way, without the outliers. ``everything`` and
    ``kept`` are the statistics of all samples, and of the ordinary ones. Outliers among
    a ``sample`` of these, unless None, are detected by the ranges without the farthest
    ones.
    """
    measure = _measure_of_scaler(everything)
    if measure is None:
        return None
    units = measure(kept)
    if sample is not None:
        shrinking, judged = _shrinking(sample)
        if (
            np.median(shrinking[judged]) > _SQUEEZED
            and shrinking.max() > _UNEVEN * shrinking.min()
        ):
            return units / shrinking
    return units if kept is not everything else None


def _measure_of_scaler(everything):
    """Return the statistic that columns were divided by; None if unknown."""
    varies = everything.low < everything.high
    deviations = _standard_deviations(everything)[varies]
    if np.all(np.abs(everything.mean) < 1e-6) and np.all(np.abs(deviations - 1) < 0.05):
        return _standard_deviations
    low, high = everything.low[varies], everything.high[varies]
    if np.all(np.abs(low) < 1e-6) and np.all(np.abs(high - 1) < 1e-6):
        return _ranges
    if np.all(np.abs(_largest_values(everything)[varies] - 1) < 1e-6):
        return _largest_values
    return None


def _shrinking(sample):
    """Return the factors by which ranges shrink without the farthest samples.

    Also returns the columns with such a factor. Distances are measured in units that a
    few samples cannot change. Columns in which half of the samples have one value, such
    as indicators, have no such unit; their factor is 1.
    """
    shrinking = np.ones(sample.shape[1])
    apart, judged = _in_robust_units(sample)
    if len(sample) < LEAST_SAMPLES or len(judged) < 2:
        return shrinking, slice(None)
    inner = apart[_nearest(apart)]
    shrinking[judged] = np.ptp(apart, axis=0) / np.ptp(inner, axis=0)
    return shrinking, judged


def without_farthest(sample):
    """Return a mask of a subset without the samples that are farthest from the center.

    As many as may be outliers, in units that they cannot change.
    """
    kept = np.ones(len(sample), dtype=bool)
    apart, judged = _in_robust_units(sample)
    if len(sample) >= LEAST_SAMPLES and len(judged) >= 2:
        kept[:] = False
        kept[_nearest(apart)] = True
    return kept


def _in_robust_units(sample):
    """Return deviations of columns from the median in units of quantiles, and which."""
    n_samples = len(sample)
    # in X's precision: a copy of a wide sample in double precision takes much memory
    ordered = np.sort(sample, axis=0)
    middle = ordered[n_samples // 2]
    high, low = ordered[n_samples - 1 - n_samples // 10], ordered[n_samples // 10]
    units = high.astype(np.float64) - low
    often = np.count_nonzero(ordered == middle, axis=0)
    judged = np.flatnonzero((units > 0) & (often < n_samples / 2))
    apart = sample[:, judged].astype(np.float64) - middle[judged]
    return apart / units[judged], judged


def _nearest(apart):
    """Return the samples without the farthest ones."""
    norms = np.einsum("ij,ij->i", apart, apart)
    n_far = math.ceil(OUTLIER_SHARE * len(apart))
    return np.argsort(norms, kind="stable")[:-n_far]
