# SPDX-License-Identifier: BSD-3-Clause

"""Statistics of columns, robust to a few outliers.

A sample is an outlier if one of its values, or its norm, lies many times farther out
than those of all others: a sample in other units, or a code for a missing value. Heavy
tails have no such gap.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy import sparse

# Samples per block of the statistics: a float64 block fits into the cache.
_BLOCK_ROWS = 512

# Largest number of entries of a block (16 MB): sparse matrices may be very wide.
_BLOCK_SIZE = 2**21

# Entries of a subset that are sorted at once (4 MB).
_COLUMN_BLOCK_SIZE = 2**19

# Largest size of the subset that units and limits are estimated from: entries, samples.
_UNIT_SAMPLE_SIZE = 2**22
UNIT_SAMPLE_ROWS = 1000

# Columns are not on one scale if the ratio of the 90th to the 10th percentile of their
# units is larger. It is 2 to 3 for pixels, 4 for scaled gene expression, and at least
# 50 for tables of different measurements.
ONE_SCALE = 10.0

# Smallest factor by which an outlying value lies farther out than all others, and a
# norm of an outlier, since norms vary less.
GAP = 8.0
_NORM_GAP = 5.0

# Norms of samples are also compared without their largest values: as many, and this
# fraction of their uncommon ones. A rare pixel that a scaler has enlarged, and that is
# larger than a whole sample in other units, would hide such a sample.
_FREE_VALUES = 3
_FREE_FRACTION = 0.2

# Probability that heavy tails have a gap as large as that of an outlier anywhere in
# X, and the tail index of columns with too few values to estimate it.
_CHANCE = 0.01
_HEAVY = 0.7

# Smallest distance of codes from the other values, in ranges of these; largest share
# of samples with a code. More frequent values are a group of samples, such as zeros of
# a machine that is off, unless they consist of nines. A column has at most three codes,
# each of them repeated, and its other values are not levels.
GAP_OF_CODES = 5.0
_SHARE_OF_CODES = 0.2
_MOST_CODES = 3
_LEAST_REPEATED = 3
_LEAST_DISTINCT = 10

# Largest fraction of outliers in one column, and in all columns; what is
# more frequent belongs to the data. Smaller data have no outliers.
OUTLIER_SHARE = 0.02
_MOST_ODD = 0.05
LEAST_SAMPLES = 20


def dense(rows):
    return rows.toarray() if sparse.issparse(rows) else rows


def blocks(n_rows, n_features):
    """Return slices of samples, small enough to be dense in float64."""
    size = max(1, min(_BLOCK_ROWS, _BLOCK_SIZE // n_features))
    return [slice(start, start + size) for start in range(0, n_rows, size)]


def ranges(rows):
    """Return smallest and largest values of the columns of a C-ordered array."""

    def reduced(function):
        # entry by entry of two halves: several times as fast as sample by sample
        part = rows
        while len(part) > 16:
            half = (len(part) + 1) // 2
            part = function(part[:half], part[-half:])
        return function.reduce(part)

    return reduced(np.minimum), reduced(np.maximum)


class Statistics:
    """Mean, variance and range of each column in float64, updated by blocks."""

    def __init__(self, n_features):
        self.n_samples = 0
        self.mean = np.zeros(n_features)
        self.squares = np.zeros(n_features)
        self.low = np.full(n_features, np.inf)
        self.high = np.full(n_features, -np.inf)

    def add(self, block):
        """Update with a dense float64 block, which is overwritten."""
        n = len(block)
        np.minimum(self.low, block.min(axis=0), out=self.low)
        np.maximum(self.high, block.max(axis=0), out=self.high)
        block_mean = block.mean(axis=0)
        block -= block_mean
        # Chan's update: no loss of digits to large offsets
        delta = block_mean - self.mean
        seen = self.n_samples
        self.squares += np.einsum("ij,ij->j", block, block)
        self.squares += delta * delta * (seen * n / (seen + n))
        self.n_samples += n
        self.mean += delta * (n / self.n_samples)

    @property
    def variance(self):
        # of a constant column exactly zero, not by rounding
        return np.where(self.low == self.high, 0.0, self.squares / self.n_samples)


def statistics(X, kept, codes=None):
    """Compute the statistics of the samples in a mask, in one pass over blocks.

    They are those of samples without ``codes``, if given.
    """
    result = Statistics(X.shape[1])
    for rows in blocks(*X.shape):
        chosen = kept[rows]
        if chosen.any():
            block = dense(X[rows]).astype(np.float64)[chosen]
            result.add(block if codes is None else codes.without(block))
    return result


def sampled_rows(X, random_state):
    """Return the indices of the samples that units and limits are estimated from."""
    n_samples, n_features = X.shape
    n_sampled = min(UNIT_SAMPLE_ROWS, max(100, _UNIT_SAMPLE_SIZE // n_features))
    if n_sampled >= n_samples:
        return np.arange(n_samples)
    rng = np.random.RandomState(random_state)
    return np.sort(rng.choice(n_samples, n_sampled, replace=False))


class Codes:
    """Codes in columns of measurements, such as -999 for a missing value.

    Unlike outliers, they may be frequent. They count as the end of the range of the
    other values.

    Parameters
    ----------
    low, high : ndarray of shape (n_features,)
        Range of the other values of each column; infinite in columns without codes.
    """

    def __init__(self, low, high):
        self.low = low
        self.high = high
        self.columns = np.flatnonzero(np.isfinite(low))

    @classmethod
    def of(cls, sample):
        """Return the codes of a dense subset."""
        n_samples, n_features = sample.shape
        low, high = np.full(n_features, -np.inf), np.full(n_features, np.inf)
        for part in column_blocks(sample) if n_samples >= LEAST_SAMPLES else []:
            ordered = np.sort(sample[:, part].astype(np.float64), axis=0)
            with np.errstate(over="ignore"):
                steps = np.diff(ordered, axis=0)
                least = (ordered[-1] - ordered[0]) / (1 + 1 / GAP_OF_CODES)
            gap, n_below = steps.max(axis=0), steps.argmax(axis=0) + 1
            for column in np.flatnonzero((gap > 0) & (gap >= least)):
                codes, others = np.split(ordered[:, column], n_below[[column]])
                if len(codes) > len(others):
                    codes, others = others, codes
                values, counts = np.unique(codes, return_counts=True)
                if (
                    len(counts) <= _MOST_CODES
                    and counts.min() >= _LEAST_REPEATED
                    and len(np.unique(others)) >= _LEAST_DISTINCT
                    and gap[column] >= GAP_OF_CODES * (others[-1] - others[0])
                    and (
                        len(codes) <= _SHARE_OF_CODES * n_samples
                        or all(map(_consists_of_nines, values))
                    )
                ):
                    low[part.start + column] = others[0]
                    high[part.start + column] = others[-1]
        return cls(low, high)

    def without(self, rows):
        """Return dense samples with the end of the range in place of a code."""
        if not len(self.columns):
            return rows
        low, high = self.low[self.columns], self.high[self.columns]
        values = rows[:, self.columns]
        # the subset lacks the farthest of the other values
        are_codes = np.abs(values - (low + high) / 2) > 1.5 * (high - low)
        rows = rows.astype(np.float64)
        rows[:, self.columns] = np.where(are_codes, values.clip(low, high), values)
        return rows


def _consists_of_nines(value):
    # with the digits of float32: 999.9
    return set(f"{abs(value):.7g}") <= set("9.")


def _most_outliers(n_samples, n_deviations=0):
    """Return the largest number of outliers in one column.

    A random subset may hold some standard deviations more than its share.
    """
    expected = OUTLIER_SHARE * n_samples
    return max(1, math.ceil(expected + n_deviations * math.sqrt(expected)))


def column_blocks(sample):
    """Return slices of columns, small enough to be copied."""
    n_samples, n_features = sample.shape
    size = max(1, _COLUMN_BLOCK_SIZE // n_samples)
    return [slice(start, start + size) for start in range(0, n_features, size)]


def _n_used(n_samples, n_skipped):
    """Return the number of values that a tail index is estimated from."""
    return min(max(10, min(100, n_samples // 10)), n_samples - n_skipped - 1)


def _gaps(tail, others, n_skipped, least):
    """Return the largest ratio of neighboring ordinary values, and where it is known.

    In a tail of index m (Hill's estimate, from values below those that may be
    outlying), m times the logarithm of the ratio of the i-th largest value to the next
    is exponentially distributed with mean 1 / i. The index is known if it was estimated
    from the column itself; the ratio is at least ``least``.

    ``tail`` holds the largest distances from an ordinary value, each column in
    ascending order, the last ``n_skipped`` of which may be outlying. ``others`` is the
    number of samples whose distance is not zero.
    """
    n_features = tail.shape[1]
    ranks = np.arange(len(tail) - 1, n_skipped, -1)[:, np.newaxis]
    tail = tail[: len(ranks) + 1]
    # the tail is in the upper half of the values that are not zero
    used = ranks < others / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        spacings = np.diff(np.log(tail), axis=0)
    counts = used.sum(axis=0)
    known = counts >= 5
    weighted = ranks * np.where(used, spacings, 0.0)
    index = np.full(n_features, _HEAVY)
    index[known] = weighted.sum(axis=0)[known] / counts[known]
    # no estimate, or a small one by chance: use that of the other columns
    typical = np.median(index[known]) if known.any() else _HEAVY
    index[~known] = np.maximum(typical, _HEAVY)
    index = np.maximum(index, typical)
    with np.errstate(over="ignore"):
        gaps = np.maximum(least, np.exp(index * math.log(n_features / _CHANCE)))
    return gaps, known


def _heavy_gap(n_columns, least):
    """Return the gap for columns whose tail index is unknown."""
    return max(least, math.exp(_HEAVY * math.log(n_columns / _CHANCE)))


@dataclass
class Limits:
    """Limits of the ordinary values of each column."""

    common: np.ndarray  # ordinary value of each column
    floor: np.ndarray  # largest ordinary distance from it
    gap: np.ndarray  # factor by which outlying values lie farther out
    known: np.ndarray | None = None  # whether the gap is that of the column itself
    # number of largest values that norms are also compared without; None if samples
    # have too few values that are not common
    n_free: int | None = None

    @classmethod
    def of(cls, sample):
        """Return the limits of a dense subset, a few of whose values are outlying."""
        n_samples, n_features = sample.shape
        n_skipped = _most_outliers(n_samples, 3)
        common, unit = np.empty((2, n_features))
        others = np.empty(n_features, dtype=np.int64)
        tail = np.empty((_n_used(n_samples, n_skipped) + n_skipped + 1, n_features))
        for part in column_blocks(sample):
            ordered = np.sort(sample[:, part].astype(np.float64), axis=0)
            common[part] = ordered[n_samples // 2]
            apart = np.sort(np.abs(ordered - common[part]), axis=0)
            others[part] = n = np.count_nonzero(apart, axis=0)
            # the median of the values that differ from the common one
            unit[part] = apart[n_samples - n + (n - 1) // 2, np.arange(len(n))]
            tail[:, part] = apart[-len(tail) :]
        judged = others > 1
        if n_samples < LEAST_SAMPLES or not judged.any():
            gap = np.full(n_features, _heavy_gap(n_features, GAP))
            return cls(common, np.full(n_features, np.inf), gap, gap < 0)
        gap, known = _gaps(tail, others, n_skipped, GAP)
        top = tail[-n_skipped - 1 :]
        jumps = (top[:-1] > 0) & (top[1:] >= gap * top[:-1])
        last = np.where(jumps.any(axis=0), jumps.argmax(axis=0), n_skipped)
        floor = top[last, np.arange(n_features)]
        # use the limits of other columns for columns without an own estimate, and for
        # mostly constant ones on the same scale, such as pixels at the border
        low, typical, high = np.quantile(floor[judged], [0.1, 0.5, 0.9])
        alike = ~known
        if high <= ONE_SCALE * low:
            alike |= others < n_samples / 2
        floor[alike] = np.maximum(floor[alike], typical)
        reach = np.quantile(floor[judged] / unit[judged], 0.75)
        floor = np.where(judged, np.maximum(floor, reach * unit), floor[judged].max())
        uncommon = others.sum() / n_samples
        n_free = max(_FREE_VALUES, int(_FREE_FRACTION * uncommon))
        n_free = n_free if uncommon > 2 * n_free else None
        return cls(common, floor, gap, known, n_free)

    @property
    def reach(self):
        """Distance from the common value beyond which a value may be outlying."""
        return self.gap * self.floor

    def contain(self, rows):
        """Return whether each dense sample is within the limits."""
        result = np.ones(len(rows), dtype=bool)
        for part in column_blocks(rows):
            apart = np.abs(rows[:, part] - self.common[part])
            result &= (apart <= self.reach[part]).all(axis=1)
        return result


class Survey:
    """One pass over X for statistics of the columns and outliers.

    ``center`` and ``factor`` scale the columns for the norms of samples, which are
    ordinary up to ``radius``. The results are the ``statistics`` of all samples, their
    median norm, ``typical_norm``, the factor by which outlying norms are larger than
    all others, ``norm_gap``, and the ``outliers``, (n_outliers, 2): in ascending order,
    with an outlying column of each, or -1.
    """

    def __init__(self, X, limits, center, factor, radius=0.0):
        self.limits = limits
        self.statistics = Statistics(X.shape[1])
        self._most = _most_outliers(X.shape[0])
        self._reach = limits.reach.copy()
        self._ordinary = np.zeros(X.shape[1])
        self._counts = np.zeros(X.shape[1], dtype=np.int64)
        self._outside = []
        norms = np.empty(X.shape[0])
        with np.errstate(over="ignore", invalid="ignore"):
            for rows in blocks(*X.shape):
                block = dense(X[rows]).astype(np.float64)
                self._look(block, rows.start)
                scaled = block - center
                scaled *= factor
                norms[rows] = np.sqrt(np.einsum("ij,ij->i", scaled, scaled))
                del scaled
                self.statistics.add(block)
            self.outliers = self._judge(X, center, factor, norms, radius)
        self.typical_norm = float(np.median(norms))

    def _look(self, block, start):
        """Record the values of a block outside the limits."""
        common, reach = self.limits.common, self._reach
        low, high = block.min(axis=0), block.max(axis=0)
        farthest = np.maximum(common - low, high - common)
        columns = np.flatnonzero(farthest > reach)
        if len(columns):
            apart = np.abs(block[:, columns] - common[columns])
            beyond = apart > reach[columns]
            i, j = np.nonzero(beyond)
            self._outside.append((start + i, columns[j], apart[i, j]))
            farthest[columns] = np.where(beyond, 0.0, apart).max(axis=0)
            self._counts[columns] += beyond.sum(axis=0)
            # too many to be outliers
            reach[self._counts > self._most] = np.inf
        np.maximum(self._ordinary, farthest, out=self._ordinary)

    def _judge(self, X, center, factor, norms, radius):
        outliers = self._outliers_in_columns(len(norms))
        rest = np.flatnonzero(outliers == -2)
        self.norm_gap, least = _norm_jump(norms[rest], self._most, radius)
        outliers[rest[norms[rest] >= least]] = -1
        n_free, rest = self.limits.n_free, np.flatnonzero(outliers == -2)
        if n_free is not None and len(rest) >= LEAST_SAMPLES:
            # the farthest samples, and some of the others
            n_far = _n_used(len(rest), self._most) + self._most + 1
            far = rest[np.argpartition(-norms[rest], n_far - 1)[:n_far]]
            rows = np.union1d(far, rest[:: -(-len(rest) // UNIT_SAMPLE_ROWS)])
            inner = np.empty(len(rows))
            for part in blocks(len(rows), X.shape[1]):
                squares = dense(X[rows[part]]).astype(np.float64, copy=False)
                squares -= center
                squares *= factor
                np.square(squares, out=squares)
                squares.partition(-n_free, axis=1)
                inner[part] = squares[:, :-n_free].sum(axis=1)
                del squares
            inner = np.sqrt(inner)
            outliers[rows[inner >= _norm_jump(inner, self._most)[1]]] = -1
        samples = np.flatnonzero(outliers > -2)
        if len(samples) > max(1, _MOST_ODD * len(norms)):
            samples = samples[:0]
        return np.column_stack([samples, outliers[samples]])

    def _outliers_in_columns(self, n_samples):
        """Return an outlying column of each sample, or -2."""
        outliers = np.full(n_samples, -2)
        if self._outside:
            rows, columns, apart = map(np.concatenate, zip(*self._outside, strict=True))
            for column in np.unique(columns[self._counts[columns] <= self._most]):
                in_column = columns == column
                ordinary = max(self._ordinary[column], self.limits.floor[column])
                ordered = np.sort(apart[in_column])
                before = np.append(ordinary, ordered[:-1])
                jumps = ordered >= self.limits.gap[column] * before
                if jumps.any():
                    least = ordered[jumps.argmax()]
                    outliers[rows[in_column & (apart >= least)]] = column
        return outliers


def _norm_jump(norms, most, radius=0.0):
    """Return the factor by which norms of outliers are larger, and the least one.

    The least is infinite if none of the `most` largest norms is an outlier. Norms up to
    `radius` are ordinary.
    """
    if radius == 0 and len(norms) < LEAST_SAMPLES:
        return _heavy_gap(1, _NORM_GAP), np.inf
    ordered, gap = np.sort(norms), _NORM_GAP
    if len(ordered) >= LEAST_SAMPLES:
        tail = ordered[-(_n_used(len(ordered), most) + most + 1) :, np.newaxis]
        gaps, _ = _gaps(tail, np.count_nonzero(ordered), most, _NORM_GAP)
        gap = float(gaps[0])
    ordered = ordered[-most - 1 :]
    before = np.maximum(ordered[:-1], radius)
    jumps = (before > 0) & (ordered[1:] >= gap * before)
    return gap, ordered[1:][jumps.argmax()] if jumps.any() else np.inf
