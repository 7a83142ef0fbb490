# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""Units of columns that a scaler in front of an estimator took from odd samples."""

import math

import numpy as np

from ._odd_samples import LEAST_SAMPLES, ODD_SHARE

# Odd samples have squeezed columns if, without the farthest samples, most of their
# ranges shrink by the one, and two of these factors differ by more than the other.
# Measurements differ by 1 to 2.6, those with one sample multiplied by ten by 4 and
# more. Heavy tails of columns are those of different samples.
_SQUEEZED = 1.5
_UNEVEN = 2.7


def _standard_deviations(statistics):
    with np.errstate(over="ignore", invalid="ignore"):
        return np.sqrt(statistics.variance)


def _ranges(statistics):
    return statistics.high - statistics.low


def _largest_values(statistics):
    return np.maximum(np.abs(statistics.low), np.abs(statistics.high))


def units_of_scaler_before(everything, kept, sample):
    """Units of columns that a scaler in front scaled by odd samples; or None.

    Standardized columns, those scaled to [0, 1], and those divided by their largest
    value are scaled so again without these samples.

    Parameters
    ----------
    everything, kept : Statistics
        Of all samples, and of those that are not odd.
    sample : ndarray of shape (n_sampled, n_features) or None
        Those that are not odd, or a subset. If given, odd samples that are not known
        as such count less: the farthest ones do not take part in ranges.

    Returns
    -------
    units : ndarray of shape (n_features,) or None
        The units.
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
    return units if kept.n_samples < everything.n_samples else None


def _measure_of_scaler(everything):
    """Function that returns what columns were divided by; None if unknown."""
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
    """By which factor columns shrink without the samples farthest out, and which do.

    Far in units that a few samples cannot change. Columns in which one value has half
    of the samples, such as indicators, have no such unit: they are not judged, and
    their factor is 1.
    """
    n_samples = len(sample)
    shrinking = np.ones(sample.shape[1])
    ordered = np.sort(sample.astype(np.float64), axis=0)
    middle = ordered[n_samples // 2]
    units = ordered[n_samples - 1 - n_samples // 10] - ordered[n_samples // 10]
    often = np.count_nonzero(ordered == middle, axis=0)
    judged = np.flatnonzero((units > 0) & (often < n_samples / 2))
    n_far = math.ceil(ODD_SHARE * n_samples)
    if n_samples < LEAST_SAMPLES or len(judged) < 2:
        return shrinking, slice(None)
    apart = (sample[:, judged] - middle[judged]) / units[judged]
    norms = np.einsum("ij,ij->i", apart, apart)
    inner = apart[np.argsort(norms, kind="stable")[:-n_far]]
    shrinking[judged] = np.ptp(apart, axis=0) / np.ptp(inner, axis=0)
    return shrinking, judged
