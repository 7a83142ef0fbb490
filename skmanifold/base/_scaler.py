# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""From raw samples to the inputs of a network: robust scaling and a PCA basis."""

import copy

import numpy as np
from sklearn.decomposition import PCA

from skmanifold.utils._threads import one_blas_thread

from ._odd_samples import (
    GAP,
    ONE_SCALE,
    UNIT_SAMPLE_ROWS,
    Limits,
    Survey,
    blocks,
    column_blocks,
    dense,
    sampled_rows,
    statistics,
)
from ._scaler_before import units_of_scaler_before

# Entries of the sample that the PCA basis is learnt from (128 MB of float32).
_PCA_SAMPLE_SIZE = 2**25

# A column that varies by less, in units of its values, is constant.
_ROUNDING = 10 * np.finfo(np.float64).eps

_SINGLE_ROUNDING = 10 * np.finfo(np.float32).eps

# Values count as unseen if they add this share to the squared norm of their sample. On
# one scale, where a pixel at the border says little beside the others, they must add
# more, unless they are in so many of the samples.
_UNSEEN_SHARE = 0.025
_UNSEEN_SHARE_ON_ONE_SCALE = 0.1
_UNSEEN_OFTEN = 0.1

# Factor on indicators of categories beside measurements: at full size samples of two
# categories lie so far apart that all neighbors are of one, whatever was measured.
_INDICATOR_WEIGHT = 0.5

# How far beyond its bounds a value may be drawn in to, in units of the range or radius.
MARGIN = 0.5

# Samples outside of a subset lie farther out than those in it by this at most, mostly.
_BEYOND_SUBSET = 1.5

# A table of measurements of several kinds, as a warning of its units takes it: so many
# columns at most, rows at least, and columns that vary by so different amounts.
_MOST_TABLE_COLUMNS = 64
_LEAST_TABLE_ROWS = 20
_UNRELATED = 1000.0

# Data of at least so many columns a sample are measurements of one kind if the columns'
# spreads are a continuum: no two in order farther apart than the gap, and nine in ten
# columns within this factor. Counts of genes span 10,000.
_LEAST_COLUMNS = 500
_MANY_COLUMNS = 20
_GAP_OF_UNITS = 2.0
_ONE_KIND = 1e5


def _column_units(sample, deviation):
    """Return the typical deviation of each column from its most common value.

    The standard deviation, but for columns in which one value (zero, mostly) has more
    than half of the rows: there the root mean square distance of the other rows from
    it. A pixel at the border of an image is rarely on, and then as bright as others.
    Also returns which columns vary among the rows that were looked at: of the others
    no more is known than that such rows are fewer than one of those.
    """
    units = deviation.copy()
    others = np.empty(len(units), dtype=np.int64)
    squares = np.empty(len(units))
    for part in column_blocks(sample):
        apart = np.sort(sample[:, part].astype(np.float64), axis=0)
        # a value that more than half of the rows have is the median of the column
        apart -= apart[len(sample) // 2].copy()
        others[part] = np.count_nonzero(apart, axis=0)
        squares[part] = np.einsum("ij,ij->j", apart, apart)
    rare = (others > 0) & (others < len(sample) / 2)
    units[rare] = np.sqrt(squares[rare] / others[rare])
    seen = others > 0
    units[~seen] *= np.sqrt(len(sample))
    return units, seen


def _on_one_scale(mean, deviation, units, n_samples):
    """Tell if columns may keep their proportions."""
    if np.all(np.abs(mean) < 1e-3 * deviation):
        # centred by whoever made them, principal components for instance, whose
        # proportions are what they are about
        return True
    low, high = np.quantile(units, [0.1, 0.9])
    many = len(units) >= max(_LEAST_COLUMNS, _MANY_COLUMNS * n_samples)
    if many and high <= _ONE_KIND * low:
        # so many columns of so few samples come from one instrument: if their spreads
        # leave no gap, they are levels of one quantity (genes), not units
        ordered = np.sort(units)
        inner = ordered[len(ordered) // 20 : -(len(ordered) // 20) or None]
        if np.all(inner[1:] <= _GAP_OF_UNITS * inner[:-1]):
            return True
    # thousands of columns are one kind of measurement, some of which vary little
    wide = max(1.0, len(units) / _MOST_TABLE_COLUMNS) ** 0.75
    return high <= ONE_SCALE * wide * low


def _indicators(sample, *, one_scale):
    """Find indicator columns (of categories) beside columns of another kind.

    They hold 0 and 1 alone. The others are measurements: mostly of different values,
    and not all of them integers of one scale, as counts and pixels are.
    """
    n_samples, n_features = sample.shape
    binary, others, varied, whole = np.zeros((4, n_features), dtype=bool)
    for part in column_blocks(sample):
        ordered = np.sort(sample[:, part].astype(np.float64), axis=0)
        seen = ordered[0] < ordered[-1]
        binary[part] = seen & ((ordered == 0) | (ordered == 1)).all(axis=0)
        others[part] = seen & ~binary[part]
        different = np.count_nonzero(ordered != ordered[n_samples // 2], axis=0)
        varied[part] = different > n_samples / 2
        whole[part] = (ordered == np.floor(ordered)).all(axis=0)
    mixed = binary.any() and others.any() and np.mean(varied[others]) >= 0.5
    if not mixed or (one_scale and whole[others].all()):
        return np.zeros(n_features, dtype=bool)
    return binary


def columns_in_unrelated_units(X, random_state):
    """The columns that vary most and least, if their units can hardly be one; or None.

    What keeps the proportions of columns asks this to warn, so it is in little doubt:
    columns of one sign, thousands of times apart, in a table of few columns. Integers
    are taken for counts. They, shares, coordinates, noise around zero and data centred
    by whoever made them never are.
    """
    n_samples, n_features = X.shape
    if n_samples < _LEAST_TABLE_ROWS or not 1 < n_features <= _MOST_TABLE_COLUMNS:
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
    # not the standard deviation: a few outliers are no unit
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


class InputScaler:
    """Center and scale columns, and find the basis that reduces them.

    Columns measured on one scale (pixels, coordinates, counts) keep their proportions:
    column j is divided by ``max(1, s_j / (2 q))``, where s are the standard deviations
    and q is their upper quartile, so that a column thousands of times larger cannot
    drown the others. Columns in unrelated units, which lie orders of magnitude apart,
    are divided by their units, see :func:`_column_units`. Then one number for all
    columns makes their mean variance 1. Constant columns count for nothing, and
    indicators of categories beside measurements half.

    The few samples that :class:`Survey` finds odd are left out of all this. Values
    beyond the range of the others, and samples farther out than they, are drawn in: to
    at most half a range, or half a radius, beyond.

    Parameters
    ----------
    n_reduced : int or None, default=None
        Number of principal components; fewer are kept where samples or varying columns
        are fewer. None learns no basis.
    column_scaling : bool, default=True
        Whether columns are scaled apart. If False, one number scales all of them.
    random_state : int or None, default=None
        Seed of the samples that units and basis are learned from.

    Attributes
    ----------
    center_ : ndarray of shape (n_features,)
        Subtracted from the columns.
    factor_ : ndarray of shape (n_features,)
        Multiplies the centered columns; zero for constant columns.
    scale_ : float
        The number for all columns.
    largest_ : float or None
        Standard deviation beyond which columns on one scale are scaled down; None
        where columns are in unrelated units.
    n_samples_seen_ : int
        Number of samples that were not left out.
    gap_ : ndarray of shape (n_features,)
        How many times farther out than all others an odd value lies.
    low_, high_ : ndarray of shape (n_features,)
        Range of the scaled columns, float32.
    radius_ : float
        Largest norm of the scaled samples.
    basis_ : ndarray of shape (n_reduced, n_features) or None
        The scaled PCA basis, float32. Not applied by :meth:`transform`: a matrix
        product belongs to the network, whose blocks make it reproducible.
    spread_ : float
        Divisor of the orthonormal basis.
    odd_ : ndarray of shape (n_odd, 2), int
        Samples that were left out, and a column of each that is odd, or -1.
    """

    def __init__(self, *, n_reduced=None, column_scaling=True, random_state=None):
        self.n_reduced = n_reduced
        self.column_scaling = column_scaling
        self.random_state = random_state

    @property
    def unit(self):
        """Raw units in one unit of the inputs, for columns that are not scaled down."""
        largest = self.factor_.max(initial=0.0)
        return self.spread_ / largest if largest > 0.0 else 1.0

    @property
    def inverse_basis(self):
        """From reduced inputs back to scaled columns, (n_features, n_reduced)."""
        if self.basis_ is None:
            return None
        return np.ascontiguousarray(self.basis_.T * np.float32(self.spread_**2))

    @property
    def inverse_factor(self):
        """Reciprocals of the factors; zero for constant columns."""
        varies = self.factor_ > 0.0
        inverse = np.zeros_like(self.factor_)
        inverse[varies] = 1.0 / self.factor_[varies]
        return inverse

    def to_dict(self):
        """Return what :meth:`from_dict` makes an equal one from: arrays and numbers."""
        return dict(vars(self))

    @classmethod
    def from_dict(cls, state):
        """Make a fitted one from what :meth:`to_dict` returned."""
        result = cls()
        vars(result).update(state)
        return result

    def fit(self, X):
        """Learn center, factors, bounds and basis from a dense or CSR matrix."""
        rows = sampled_rows(X, self.random_state)
        sample = dense(X[rows])
        limits = Limits.of(sample)
        self.gap_ = np.where(limits.gap < np.inf, limits.gap, GAP)
        survey = Survey(X, limits, *self._preliminary(sample, limits.contain(sample)))
        self.odd_, found = survey.odd, survey.statistics
        kept = np.ones(X.shape[0], dtype=bool)
        if len(self.odd_):
            kept[self.odd_[:, 0]] = False
            found = statistics(X, kept)
            sample = sample[kept[rows]]
        if not np.isfinite(found.variance).all():
            column = int(np.flatnonzero(~np.isfinite(found.variance))[0])
            raise ValueError(
                f"X holds values so large that the variance of column {column} "
                "overflows (float64). Divide X by a constant first."
            )
        self.n_samples_seen_ = found.n_samples
        self.center_ = found.mean
        units = units_of_scaler_before(
            survey.statistics, found, sample if self.column_scaling else None
        )
        self.factor_, self.scale_, self.largest_ = self._factors(found, sample, units)
        self.low_, self.high_ = self._scaled_range(found)
        self.radius_ = self._radius(sample, found)
        self.basis_, self.spread_ = None, 1.0
        n_varying = np.count_nonzero(self.factor_)
        n_reduced = min(self.n_reduced or 0, n_varying - 1, int(kept.sum()) - 1)
        if n_reduced >= 1:
            self._fit_basis(X, n_reduced, np.flatnonzero(kept))
        return self

    def partial_fit(self, X):
        """Take in further samples.

        Center and factors stay, so that earlier samples keep their places; bounds
        widen. Columns that were constant so far get their factors as soon as they vary,
        and enter the reduced inputs in random directions, which keep distances.
        """
        if not self.factor_.any():
            self.n_reduced = None  # the inputs keep their number
            return self.fit(X)
        inverse = self.inverse_factor
        middle, half = (self.high_ + self.low_) / 2, (self.high_ - self.low_) / 2
        floor = half * inverse
        floor[inverse == 0] = floor.max()
        limits = Limits(self.center_ + middle * inverse, floor, self.gap_)
        survey = Survey(X, limits, self.center_, self.factor_, self.radius_)
        self.odd_, found = survey.odd, survey.statistics
        kept = np.ones(X.shape[0], dtype=bool)
        if len(self.odd_):
            kept[self.odd_[:, 0]] = False
            found = statistics(X, kept)
        rows = sampled_rows(X, self.random_state)
        sample = dense(X[rows[kept[rows]]])
        constant = self.factor_ == 0
        farthest = np.maximum(found.high - self.center_, self.center_ - found.low)
        late = constant & (farthest > _ROUNDING * np.abs(self.center_))
        if late.any():
            self._start_counting(late, found, sample)
        found.low[late] = np.minimum(found.low, self.center_)[late]
        found.high[late] = np.maximum(found.high, self.center_)[late]
        low, high = self._scaled_range(found)
        self.low_ = np.minimum(self.low_, low)
        self.high_ = np.maximum(self.high_, high)
        self.radius_ = max(self.radius_, self._radius(sample, found))
        self.n_samples_seen_ += found.n_samples
        return self

    def _start_counting(self, late, found, sample):
        """Factors of columns that had one value, the center, in all samples so far."""
        n_all = self.n_samples_seen_ + found.n_samples
        apart = found.variance + (found.mean - self.center_) ** 2
        deviation = np.sqrt(apart * (found.n_samples / n_all))[late]
        if self.largest_ is None:
            differ = np.mean(sample[:, late] != self.center_[late], axis=0)
            differ = np.maximum(differ, 1 / found.n_samples)
            rare = differ * found.n_samples < n_all / 2
            units = np.where(rare, np.sqrt(apart[late] / differ), deviation)
        else:
            units = np.maximum(1.0, deviation / self.largest_)
        self.factor_ = self.factor_.copy()
        self.factor_[late] = self.scale_ / units
        if self.basis_ is not None:
            rng = np.random.RandomState(self.random_state)
            directions = rng.standard_normal(self.basis_.T.shape)[late]
            directions /= np.linalg.norm(directions, axis=1, keepdims=True)
            self.basis_ = self.basis_.copy()
            self.basis_[:, late] = directions.T / self.spread_

    def unseen(self, X):
        """Columns that were constant so far and in which some samples differ a lot.

        A new value that adds next to nothing to the norm of its sample, such as a
        pixel at the border, is passed over, and so are samples that are odd.
        """
        constant = np.flatnonzero(self.factor_ == 0)
        if not 0 < len(constant) < len(self.factor_):
            return constant[:0]
        center = self.center_[constant]
        apart = np.abs(dense(X[:, constant]).astype(np.float64) - center)
        # what single precision makes of a value is no other value
        differs = apart > _SINGLE_ROUNDING * np.abs(center)
        rows = np.flatnonzero(differs.any(axis=1))
        if not len(rows):
            return constant[:0]
        apart, differs = apart[rows], differs[rows]
        sizes = differs if self.largest_ is None else self.scale_ * apart
        n_varying = len(self.factor_) - len(constant)
        shares = np.square(sizes).sum(axis=1) / n_varying
        much = shares >= _UNSEEN_SHARE
        if self.largest_ is not None and much.sum() < _UNSEEN_OFTEN * X.shape[0]:
            much = shares >= _UNSEEN_SHARE_ON_ONE_SCALE
        scaled = (dense(X[rows]) - self.center_) * self.factor_
        half = np.maximum(self.high_ - self.low_, np.finfo(np.float32).tiny)
        beyond = np.abs(scaled - (self.high_ + self.low_) / 2) / half
        ordinary = beyond.max(axis=1) < GAP
        return constant[differs[much & ordinary].any(axis=0)]

    def _preliminary(self, sample, ordinary):
        """Center and factors by ordinary samples alone."""
        with np.errstate(over="ignore", invalid="ignore"):
            everything = found = statistics(sample, np.ones(len(sample), dtype=bool))
            if not ordinary.all():
                found = statistics(sample, ordinary)
                sample = sample[ordinary]
            if not np.isfinite(found.variance).all():
                return np.zeros_like(found.mean), np.zeros_like(found.mean)
            units = None
            if self.column_scaling:
                units = units_of_scaler_before(everything, found, sample)
        return found.mean, self._factors(found, sample, units)[0]

    def _factors(self, found, sample, units=None):
        """Factors, scale and largest deviation, by statistics and a dense subset."""
        mean, deviation = found.mean, np.sqrt(found.variance)
        varies = deviation > _ROUNDING * np.abs(mean)
        factor = varies.astype(np.float64)
        largest = np.inf
        if not varies.any():
            return factor, 1.0, largest
        if units is not None:
            factor[varies] /= units[varies]
            largest = None
        elif self.column_scaling:
            units, seen = _column_units(sample, deviation)
            units, judged = units[varies], varies & seen
            if not judged.any() or _on_one_scale(
                mean[judged], deviation[judged], units[seen[varies]], found.n_samples
            ):
                # "lower": with two or three columns the quartile itself would be
                # interpolated towards the one large column
                quartile = np.quantile(deviation[varies], 0.75, method="lower")
                largest = float(2 * quartile)
                factor[varies] /= np.maximum(1.0, deviation[varies] / largest)
            else:
                factor[varies] /= units
                largest = None
            indicators = _indicators(sample, one_scale=largest is not None)
            factor[indicators] *= _INDICATOR_WEIGHT
        spread = np.sqrt(np.mean((deviation * factor)[varies] ** 2))
        return factor / spread, float(1.0 / spread), largest

    def _scaled_range(self, found):
        """Range of the scaled columns, by the statistics of the samples."""
        return [
            ((ends - self.center_) * self.factor_).astype(np.float32)
            for ends in (found.low, found.high)
        ]

    def _radius(self, sample, found):
        """Norm that no sample exceeds, by a dense subset of them."""
        unbounded = copy.copy(self)
        unbounded.radius_ = np.inf
        radius = max(
            float(_norms(unbounded.transform(sample[rows])).max())
            for rows in blocks(*sample.shape)
        )
        return radius if len(sample) == found.n_samples else _BEYOND_SUBSET * radius

    def _fit_basis(self, X, n_reduced, kept):
        rng = np.random.RandomState(self.random_state)
        n_sampled = min(len(kept), max(1000, _PCA_SAMPLE_SIZE // X.shape[1]))
        if n_sampled < len(kept):
            kept = kept[np.sort(rng.choice(len(kept), n_sampled, replace=False))]
        sample = self._filled(X, kept)
        pca = PCA(n_reduced, random_state=rng)
        # the number of BLAS threads would show in the last bits
        with one_blas_thread():
            pca.fit(sample)
        spread = np.sqrt(pca.explained_variance_.mean())
        self.spread_ = float(max(spread, np.finfo(np.float32).tiny))
        self.basis_ = (pca.components_ / self.spread_).astype(np.float32)

    def transform(self, X):
        """Center and scale samples: a float32 array, not reduced."""
        return self._filled(X, None)

    def inverse_transform(self, X):
        """Scaled samples in raw units, float64; constant columns get their value."""
        return X * self.inverse_factor + self.center_

    def _filled(self, X, chosen):
        """Scaled samples of X, those ``chosen`` or all, block by block."""
        n_rows = X.shape[0] if chosen is None else len(chosen)
        parts = blocks(n_rows, X.shape[1])
        if len(parts) == 1 and chosen is None:
            return self._scaled(X)
        result = np.empty((n_rows, X.shape[1]), dtype=np.float32)
        for rows in parts:
            result[rows] = self._scaled(X[rows if chosen is None else chosen[rows]])
        return result

    def _scaled(self, rows):
        # In float64: a float32 offset of a million would leave no digits.
        with np.errstate(over="ignore"):
            # in C order: the norms' last bits must not depend on the layout
            scaled = dense(rows).astype(np.float64, order="C")
            # in place: another array costs more than this
            scaled -= self.center_
            scaled *= self.factor_
            scaled = scaled.astype(np.float32)
        low, high = scaled.min(axis=0), scaled.max(axis=0)
        if not (np.isfinite(low).all() and np.isfinite(high).all()):
            raise ValueError(
                "X holds values too large for float32 after scaling by what fit "
                "learnt: they lie more than 1e38 standard deviations away. Look for "
                "outliers or wrong units in X."
            )
        self._draw_in(scaled, np.flatnonzero((low < self.low_) | (high > self.high_)))
        return scaled

    def _draw_in(self, scaled, columns):
        """Keep scaled samples within the bounds, in place; inside nothing changes."""
        if len(columns):
            low, high = (
                ends[columns].astype(np.float64) for ends in (self.low_, self.high_)
            )
            margin = MARGIN * (high - low)
            values = scaled[:, columns].astype(np.float64)
            beyond = (values < low) | (values > high)
            values += _drawn(low - values, margin) - _drawn(values - high, margin)
            scaled[:, columns] = np.where(beyond, values, scaled[:, columns])
        # exactly only where it may matter
        squares = np.einsum("ij,ij->i", scaled, scaled)
        far = np.flatnonzero(squares > 0.999 * self.radius_**2)
        if len(far):
            norms = _norms(scaled[far])
            excess = _drawn(norms - self.radius_, MARGIN * self.radius_)
            factor = (norms - excess) / np.maximum(norms, np.finfo(np.float64).tiny)
            beyond = norms > self.radius_
            scaled[far[beyond]] *= factor[beyond, np.newaxis].astype(np.float32)


def _norms(rows):
    rows = np.ascontiguousarray(rows, dtype=np.float64)
    return np.sqrt(np.square(rows).sum(axis=1))


def _drawn(excess, margin):
    """By how much values beyond a bound are drawn in.

    What is left of the excess e is ``e m / (e + m)``: e near the bound, m far beyond.
    """
    excess = np.maximum(excess, 0.0)
    return excess * (excess / np.maximum(excess + margin, np.finfo(np.float64).tiny))
