# SPDX-License-Identifier: BSD-3-Clause

"""Units that columns are divided by."""

import numpy as np

from ._outliers import ONE_SCALE, UNIT_SAMPLE_ROWS, column_blocks, dense

# A column that varies by less, relative to its values, is constant.
ROUNDING = 10 * np.finfo(np.float64).eps

# Largest difference of neighboring levels, of two or of more, among up to four
# measurements, whose deviation is 1: at full size, all neighbors of a sample would
# share its level. Neighbors are farther apart among more measurements; and if levels
# outnumber the measurements, they are the data.
_STEP = 0.3
_STEP_OF_GRADES = 0.6
_FEW_MEASURED = 4

# Smallest share of the columns, without indicators, that makes a table one of
# measurements. In a questionnaire the levels are the data.
_LEAST_MEASURED = 0.2

# Maximum number of columns, minimum number of samples and minimum ratio between the
# spreads of columns for the warning about units.
MOST_TABLE_COLUMNS = 64
_LEAST_TABLE_ROWS = 20
_UNRELATED = 1000.0

# Data with at least this many columns (in all, and per sample) are measurements of one
# kind if the sorted spreads have no larger gap, and the 10th and 90th percentile no
# larger ratio. Counts of genes span 10,000.
_LEAST_COLUMNS = 500
_MANY_COLUMNS = 20
_GAP_OF_UNITS = 2.0
_ONE_KIND = 1e5


def _column_units(sample, deviation):
    """Return the typical deviation of each column from its most common value.

    The standard deviation; or, if one value (mostly zero) makes up more than half of a
    column, the root mean square distance of the other values from it: a pixel at the
    border of an image is rarely on, but then as bright as others. Also returns which
    columns vary within the subset.
    """
    units = deviation.copy()
    others = np.empty(len(units), dtype=np.int64)
    squares = np.empty(len(units))
    for part in column_blocks(sample):
        apart = np.sort(sample[:, part].astype(np.float64), axis=0)
        # a value of more than half of the samples is the median of the column
        apart -= apart[len(sample) // 2].copy()
        others[part] = np.count_nonzero(apart, axis=0)
        squares[part] = np.einsum("ij,ij->j", apart, apart)
    rare = (others > 0) & (others < len(sample) / 2)
    units[rare] = np.sqrt(squares[rare] / others[rare])
    seen = others > 0
    units[~seen] *= np.sqrt(len(sample))
    return units, seen


def _on_one_scale(mean, deviation, units, n_samples):
    """Return whether columns are on one scale and may keep their proportions."""
    if np.all(np.abs(mean) < 1e-3 * deviation):
        # already centered, such as principal components
        return True
    low, high = np.quantile(units, [0.1, 0.9])
    many = len(units) >= max(_LEAST_COLUMNS, _MANY_COLUMNS * n_samples)
    if many and high <= _ONE_KIND * low:
        # many columns without a gap in their spreads are levels of one quantity (genes)
        ordered = np.sort(units)
        inner = ordered[len(ordered) // 20 : -(len(ordered) // 20) or None]
        if np.all(inner[1:] <= _GAP_OF_UNITS * inner[:-1]):
            return True
    # thousands of columns are one kind of measurement, and some vary little
    wide = max(1.0, len(units) / MOST_TABLE_COLUMNS) ** 0.75
    return high <= ONE_SCALE * wide * low


def _levels(sample, units, seen, alike):
    """Find columns of levels among measurements.

    These are columns with few values, such as indicators, grades and ratings, and
    columns of whole numbers, such as ages and days, among measurements on one scale
    that have decimals. Counts, pixels and questionnaires have no measurements.

    ``seen`` are the columns that vary in the sample, and ``alike`` returns whether the
    columns of a mask are on one scale. Returns a mask of the columns, and for all the
    smallest unit at which neighboring values differ little; zero if few values repeat.
    """
    n_samples, n_features = sample.shape
    step, differing = np.zeros((2, n_features))
    binary, two, varied, whole = np.zeros((4, n_features), dtype=bool)
    for part in column_blocks(sample):
        ordered = np.sort(sample[:, part].astype(np.float64), axis=0)
        binary[part] = ((ordered == 0) | (ordered == 1)).all(axis=0)
        others = np.count_nonzero(ordered != ordered[n_samples // 2], axis=0)
        varied[part] = others > n_samples / 2
        whole[part] = (ordered == np.floor(ordered)).all(axis=0)
        gaps = np.sort(np.diff(ordered, axis=0), axis=0)
        n_steps = np.count_nonzero(gaps, axis=0)
        two[part] = n_steps == 1
        # the median of those that are not zero
        middle = np.minimum(n_samples - 1 - (n_steps + 1) // 2, n_samples - 2)
        few = binary[part] | (n_steps <= others / 2)
        step[part] = few * gaps[middle, np.arange(gaps.shape[1])]
        differing[part] = _differing_pairs(ordered)

    def are_measurements(columns):
        n_least = max(1, _LEAST_MEASURED * np.count_nonzero(seen & ~binary))
        return np.count_nonzero(columns) >= n_least and varied[columns].mean() >= 0.5

    limit = np.where(two, _STEP, _STEP_OF_GRADES)
    measured = seen & ~binary & (step <= limit * units)
    n_measured = max(_FEW_MEASURED, np.count_nonzero(measured))
    least = step / (limit * np.sqrt(n_measured / _FEW_MEASURED))
    levels = seen & (least > units)
    # levels in which two samples differ, per measurement
    share = differing[levels].sum() / n_measured
    least /= max(1.0, share) ** 2
    if not are_measurements(seen & ~levels):
        levels[:] = False
    if alike(~levels):
        numbers = levels | (seen & varied & whole)
        levels = numbers if are_measurements(seen & ~numbers) else np.zeros_like(levels)
    return levels, least


def _differing_pairs(ordered):
    """Return the share of pairs of samples that differ, for each sorted column."""
    n_samples, n_features = ordered.shape
    begins = np.ones((n_features, n_samples), dtype=bool)
    begins[:, 1:] = np.diff(ordered, axis=0).T > 0
    first = np.flatnonzero(begins)
    counts = np.diff(first, append=begins.size)
    squares = np.bincount(first // n_samples, counts.astype(np.float64) ** 2)
    return 1 - squares / n_samples**2


def columns_in_unrelated_units(X, random_state):
    """Return the columns that vary most and least if units seem unrelated, else None.

    Conservative, since it leads to a warning: only for columns of one sign with spreads
    that differ by a factor of thousands, in tables of few columns. Never for integers
    (counts), shares, coordinates, noise around zero and centered data.
    """
    n_samples, n_features = X.shape
    if n_samples < _LEAST_TABLE_ROWS or not 1 < n_features <= MOST_TABLE_COLUMNS:
        return None
    rng = np.random.RandomState(random_state)
    rows = rng.permutation(n_samples)[:UNIT_SAMPLE_ROWS]
    sample = dense(X[np.sort(rows)]).astype(np.float64)
    if np.all(sample == np.floor(sample)):
        return None
    low, high = sample.min(axis=0), sample.max(axis=0)
    rounding = max(1e-12, 10 * np.finfo(X.dtype).eps if X.dtype.kind == "f" else 0.0)
    whole = sample.sum(axis=1)
    if np.all(low >= 0) and (high.max() <= 1 or np.ptp(whole) <= 1e-2 * whole.max()):
        return None
    # not the standard deviation, which is sensitive to outliers
    spread = np.ptp(np.quantile(sample, [0.1, 0.9], axis=0), axis=0)
    varies = spread > rounding * np.maximum(np.abs(low), np.abs(high))
    judged = np.flatnonzero(varies & (np.sign(low) * np.sign(high) >= 0))
    if len(judged) < 2:
        return None
    ordered = judged[np.argsort(spread[judged], kind="stable")]
    largest, smallest = int(ordered[-1]), int(ordered[0])
    if spread[largest] <= _UNRELATED * spread[smallest]:
        return None
    return largest, smallest


def column_factors(stats, sample, varies):
    """Return the factors of columns, and the largest deviation that is not divided by.

    Columns on one scale (pixels, coordinates, counts) keep their proportions, up to
    that deviation, which is None if columns are in unrelated units: these are divided
    by their units. Columns of levels among measurements are divided by more.
    ``stats`` are the statistics of the samples, ``sample`` is a dense subset, and
    ``varies`` marks columns that are not constant.
    """
    mean, deviation = stats.mean, np.sqrt(stats.variance)
    factor = varies.astype(np.float64)
    units, seen = _column_units(sample, deviation)

    def alike(columns):
        judged = columns & varies & seen
        statistics_of = mean[judged], deviation[judged], units[judged]
        return not judged.any() or _on_one_scale(*statistics_of, stats.n_samples)

    levels, least = _levels(sample, units, varies & seen, alike)
    measured = varies & ~levels
    largest, typical = None, np.ones_like(units)
    if alike(measured):
        # "lower": with two or three columns the quartile itself would be interpolated
        # toward the one large column
        quartile = np.quantile(deviation[measured], 0.75, method="lower")
        largest = float(2 * quartile)
        factor[measured] /= np.maximum(1.0, deviation[measured] / largest)
        # of the columns that vary less, which levels must not outweigh, unless they
        # vary like most columns
        least_typical = np.quantile(deviation[measured], 0.25, method="lower")
        is_typical = (least_typical <= units) & (units <= quartile)
        typical = np.where(is_typical, units, least_typical)
    else:
        factor[measured] /= units[measured]
    factor[levels] = typical[levels] / np.maximum(units, least)[levels]
    return factor, largest
