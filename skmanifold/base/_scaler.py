# SPDX-License-Identifier: BSD-3-Clause

"""From samples to the inputs of a network: robust scaling and a PCA basis."""

import copy
from dataclasses import dataclass, field

import numpy as np
from scipy.sparse import issparse
from sklearn.decomposition import PCA

from skmanifold.graph._distinct import row_hashes
from skmanifold.utils._threads import one_blas_thread

from ._outliers import (
    GAP,
    GAP_OF_CODES,
    Codes,
    Limits,
    Survey,
    blocks,
    dense,
    ranges,
    sampled_rows,
    statistics,
)
from ._preceding_scaler import units_of_preceding_scaler, without_farthest
from ._units import ROUNDING, column_factors

# Entries of the subset that the PCA basis is fitted to (128 MB of float32).
_PCA_SAMPLE_SIZE = 2**25

SINGLE_ROUNDING = 10 * np.finfo(np.float32).eps

# A new value is unseen if it adds at least this fraction to the squared norm of its
# sample. On one scale, where a pixel at the border says little next to the others, it
# must add more, unless so large a fraction of the samples have one.
_UNSEEN_SHARE = 0.025
_UNSEEN_SHARE_ON_ONE_SCALE = 0.1
_UNSEEN_OFTEN = 0.1

# Limit to which values beyond the bounds are compressed, relative to range or radius;
# and in columns with codes, which may be frequent.
MARGIN = 0.5
_MARGIN_OF_CODES = 0.15

# Factor by which new values must at least lie farther out than in fit if they are rare
# in their column, such as a pixel at the border that StandardScaler has enlarged. The
# norm of a new sample is an outlier only without its largest values, since these may
# belong to heavy tails.
_GAP_OF_RARE = 1000.0
_FREE_COLUMNS = 3

# Samples outside a random subset rarely lie farther out by a larger factor.
_BEYOND_SUBSET = 1.5


@dataclass
class Deviations:
    """Deviations of new samples from the training data."""

    columns: set = field(default_factory=set)  # that were constant in fit, but vary
    # samples far away, each with an outlying column, or -1
    samples: list = field(default_factory=list)


class InputScaler:
    """Center and scale columns, and fit a PCA basis.

    The parameters are those of :class:`Plan`; ``random_state`` seeds the subsets that
    units and basis are fitted to. For the units see :func:`column_factors`; one factor
    then scales the mean variance to 1.

    Samples that :class:`Survey` finds to be outliers are ignored in fit, and
    :class:`Codes` of single columns count as the end of their range if columns are
    scaled. Values beyond the range of the training data, and samples beyond their
    radius, are compressed to at most half a range (less in columns with codes), or half
    a radius, beyond.

    Attributes
    ----------
    center_ : ndarray of shape (n_features,)
        Center of the columns.
    factor_ : ndarray of shape (n_features,)
        Factors of the centered columns; zero for constant columns.
    scale_ : float
        Common factor of all columns.
    largest_ : float or None
        Standard deviation beyond which columns on one scale are scaled down; None if
        columns are in unrelated units.
    n_samples_seen_ : int
        Number of samples used, without outliers.
    inner_low_, inner_high_ : ndarray of shape (n_features,)
        Range of values that are not codes, see :class:`Codes`; infinite in columns
        without codes.
    common_, floor_, gap_ : ndarray of shape (n_features,)
        Limits of ordinary values, see :class:`Limits`. The floor is at least the
        largest distance of a sample from the common value.
    norm_gap_ : float
        Factor by which norms of outliers are larger than the radius.
    low_, high_ : ndarray of shape (n_features,)
        Range of the scaled columns, float32.
    margin_ : ndarray of shape (n_features,)
        Limit of values beyond the range, relative to it.
    radius_ : float
        Largest norm of the scaled samples.
    basis_ : ndarray of shape (n_reduced, n_features) or None
        Scaled PCA basis, float32. Not applied by :meth:`transform`: the network applies
        it in blocks, which makes matrix products reproducible.
    spread_ : float
        Divisor of the orthonormal basis.
    has_empty_ : bool
        Whether samples may be empty: X was dense, or one had no nonzero value.
    outliers_ : ndarray of shape (n_outliers, 2), int
        Ignored samples, with an outlying column of each, or -1.
    outlier_hashes_ : ndarray of shape (n_outliers,), uint64
        Hashes of these samples.
    drift_ : float
        Median norm of the samples of the last part, relative to the radius before it.
    """

    def __init__(
        self, *, n_reduced=None, n_least=None, column_scaling=True, random_state=None
    ):
        self.n_reduced = n_reduced
        self.n_least = n_least
        self.column_scaling = column_scaling
        self.random_state = random_state

    @property
    def unit(self):
        """Unit of the inputs in raw units, for columns that are not scaled down."""
        largest = self.factor_.max(initial=0.0)
        return self.spread_ / largest if largest > 0.0 else 1.0

    @property
    def codes(self):
        """Codes in columns, such as -999."""
        return Codes(self.inner_low_, self.inner_high_)

    @property
    def inverse_basis(self):
        """Matrix from reduced inputs to scaled columns, (n_features, n_reduced)."""
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

    def fit(self, X):
        """Learn center, factors, bounds and basis from a dense or CSR matrix."""
        self.has_empty_ = not issparse(X) or len(empty_samples(X)) > 0
        rows = sampled_rows(X, self.random_state)
        sample = dense(X[rows])
        # codes would widen the limits of all columns
        inner = Codes.of(sample if self.column_scaling else sample[:0]).without(sample)
        limits = Limits.of(inner)
        scale = self._preliminary(inner, limits.contain(inner))
        survey, kept, stats = self._survey(X, limits, *scale)
        sample = sample if kept.all() else sample[kept[rows]]
        if not np.isfinite(stats.variance).all():
            column = int(np.flatnonzero(~np.isfinite(stats.variance))[0])
            raise ValueError(
                f"X has values so large that the variance of column {column} "
                "overflows (float64). Divide X by a constant first."
            )
        self.n_samples_seen_ = stats.n_samples
        codes = Codes.of(sample)
        self.inner_low_, self.inner_high_ = codes.low, codes.high
        self.margin_ = np.full(X.shape[1], MARGIN)
        inner, inner_sample = stats, sample
        # one scale is one of distances, which are not to change
        if len(codes.columns) and self.column_scaling:
            self.margin_[codes.columns] = _MARGIN_OF_CODES
            inner, inner_sample = statistics(X, kept, codes), codes.without(sample)
        self.center_, self.drift_ = inner.mean, 0.0
        units = units_of_preceding_scaler(
            survey.statistics, inner, inner_sample if self.column_scaling else None
        )
        self.factor_, self.scale_, self.largest_ = self._factors(
            inner, inner_sample, units
        )
        self.common_, self.norm_gap_ = limits.common, survey.norm_gap
        self.gap_, self.judged_ = limits.gap, np.ones(X.shape[1], dtype=bool)
        if self.largest_ is None and limits.known.any():
            self.judged_ = limits.known
        floor = np.where(limits.floor < np.inf, limits.floor, 0.0)
        self.floor_ = np.maximum(floor, self._farthest(stats))
        self.low_, self.high_ = self._scaled_range(stats)
        self.radius_ = self._radius(sample, stats)
        # codes are compressed like values beyond the range
        self.low_, self.high_ = self._scaled_range(inner)
        self.basis_, self.spread_ = None, 1.0
        n_varying = np.count_nonzero(self.factor_)
        n_reduced = min(self.n_reduced or 0, n_varying - 1, int(kept.sum()) - 1)
        if n_reduced >= 1:
            self._fit_basis(X, n_reduced, np.flatnonzero(kept))
        return self

    def partial_fit(self, X):
        """Update with further samples.

        Center and factors stay, so earlier samples keep their inputs; bounds widen.
        Columns that were constant so far get factors as soon as they vary, and enter
        the reduced inputs in random directions, which preserve distances.
        """
        if not self.factor_.any():
            self.n_reduced = None  # the inputs keep their number
            return self.fit(X)
        self.has_empty_ |= not issparse(X) or len(empty_samples(X)) > 0
        floor = self.floor_.copy()
        constant = self.factor_ == 0
        floor[constant] = np.maximum(floor[constant], floor[~constant].max())
        limits = Limits(self.common_, floor, self.gap_)
        survey, kept, stats = self._survey(
            X, limits, self.center_, self.factor_, self.radius_
        )
        self.drift_ = survey.typical_norm / self.radius_
        rows = sampled_rows(X, self.random_state)
        sample = dense(X[rows[kept[rows]]])
        self._add_codes(sample)
        self.floor_ = np.maximum(self.floor_, self._farthest(stats))
        self.norm_gap_ = max(self.norm_gap_, survey.norm_gap)
        farthest = np.maximum(stats.high - self.center_, self.center_ - stats.low)
        late = constant & (farthest > ROUNDING * np.abs(self.center_))
        if late.any():
            self._start_counting(late, stats, sample)
        stats.low[late] = np.minimum(stats.low, self.center_)[late]
        stats.high[late] = np.maximum(stats.high, self.center_)[late]
        columns = self.codes.columns
        if len(columns) and self.column_scaling:
            inner = statistics(X, kept, self.codes)
            stats.low[columns] = inner.low[columns]
            stats.high[columns] = inner.high[columns]
        low, high = self._scaled_range(stats)
        self.low_ = np.minimum(self.low_, low)
        self.high_ = np.maximum(self.high_, high)
        self.radius_ = max(self.radius_, self._radius(sample, stats))
        self.n_samples_seen_ += stats.n_samples
        return self

    def _survey(self, X, limits, center, factor, radius=0.0):
        """Find outliers, and return the survey, a mask and statistics of the others."""
        survey = Survey(X, limits, center, factor, radius)
        self.outliers_, stats = survey.outliers, survey.statistics
        self.outlier_hashes_ = _hashes(X, self.outliers_[:, 0])
        kept = np.ones(X.shape[0], dtype=bool)
        if len(self.outliers_):
            kept[self.outliers_[:, 0]] = False
            stats = statistics(X, kept)
        return survey, kept, stats

    def _farthest(self, stats):
        """Return the largest distance of each column from its common value."""
        return np.maximum(stats.high - self.common_, self.common_ - stats.low)

    def _add_codes(self, sample):
        """Add the columns that have codes for the first time, far from all values."""
        codes = Codes.of(sample)
        columns = np.setdiff1d(codes.columns, self.codes.columns)
        columns = columns[self.factor_[columns] > 0]
        if not len(columns):
            return
        low, high = (
            ends[columns] / self.factor_[columns] + self.center_[columns]
            for ends in (self.low_, self.high_)
        )
        low = np.minimum(low, codes.low[columns])
        high = np.maximum(high, codes.high[columns])
        values = sample[:, columns]
        apart = np.maximum(low - values, values - high).max(axis=0)
        are_codes = apart >= GAP_OF_CODES * (high - low)
        columns = columns[are_codes]
        self.inner_low_, self.inner_high_, self.margin_ = (
            array.copy() for array in (self.inner_low_, self.inner_high_, self.margin_)
        )
        self.inner_low_[columns] = low[are_codes]
        self.inner_high_[columns] = high[are_codes]
        if self.column_scaling:
            self.margin_[columns] = _MARGIN_OF_CODES

    def _start_counting(self, late, stats, sample):
        """Set the factors of columns that were constant in all samples so far."""
        n_all = self.n_samples_seen_ + stats.n_samples
        apart = stats.variance + (stats.mean - self.center_) ** 2
        deviation = np.sqrt(apart * (stats.n_samples / n_all))[late]
        if self.largest_ is None:
            differ = np.mean(sample[:, late] != self.center_[late], axis=0)
            differ = np.maximum(differ, 1 / stats.n_samples)
            rare = differ * stats.n_samples < n_all / 2
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

    def _unseen(self, rows, constant, n_rows):
        """Return those of some constant columns that vary considerably in dense rows.

        Ignores new values that add almost nothing to the norm of their sample, such as
        pixels at the border, and outliers.
        """
        center = self.center_[constant]
        apart = np.abs(rows[:, constant].astype(np.float64) - center)
        differs = apart > SINGLE_ROUNDING * np.abs(center)
        sizes = differs if self.largest_ is None else self.scale_ * apart
        shares = np.square(sizes).sum(axis=1) / np.count_nonzero(self.factor_)
        much = shares >= _UNSEEN_SHARE
        if self.largest_ is not None and much.sum() < _UNSEEN_OFTEN * n_rows:
            much = shares >= _UNSEEN_SHARE_ON_ONE_SCALE
        scaled = (rows[much] - self.center_) * self.factor_
        half = np.maximum(self.high_ - self.low_, np.finfo(np.float32).tiny)
        beyond = np.abs(scaled - (self.high_ + self.low_) / 2) / half
        ordinary = beyond.max(axis=1) < GAP
        return constant[differs[much][ordinary].any(axis=0)]

    def _preliminary(self, sample, ordinary):
        """Return center and factors from ordinary samples only."""
        with np.errstate(over="ignore", invalid="ignore"):
            everything = stats = statistics(sample, np.ones(len(sample), dtype=bool))
            if not ordinary.all():
                stats = statistics(sample, ordinary)
                sample = sample[ordinary]
            if not np.isfinite(stats.variance).all():
                return np.zeros_like(stats.mean), np.zeros_like(stats.mean)
            units = None
            if self.column_scaling:
                units = units_of_preceding_scaler(everything, stats, sample)
                if units is None:
                    # outliers would enlarge the units that their norms are in
                    nearer = without_farthest(sample)
                    stats = statistics(sample, nearer)
                    sample = sample[nearer]
        return stats.mean, self._factors(stats, sample, units)[0]

    def _factors(self, stats, sample, units=None):
        """Return factors, scale and largest deviation from statistics and a subset."""
        deviation = np.sqrt(stats.variance)
        varies = deviation > ROUNDING * np.abs(stats.mean)
        factor, largest = varies.astype(np.float64), np.inf
        if not varies.any():
            return factor, 1.0, largest
        if units is not None:
            factor[varies] /= units[varies]
            largest = None
        elif self.column_scaling:
            factor, largest = column_factors(stats, sample, varies)
        spread = np.sqrt(np.mean((deviation * factor)[varies] ** 2))
        return factor / spread, float(1.0 / spread), largest

    def _scaled_range(self, stats):
        """Return the range of the scaled columns."""
        return [
            ((ends - self.center_) * self.factor_).astype(np.float32)
            for ends in (stats.low, stats.high)
        ]

    def _radius(self, sample, stats):
        """Return a bound on the norm of samples, from a dense subset."""
        unbounded = copy.copy(self)
        unbounded.radius_ = np.inf
        radius = max(
            float(_norms(unbounded.transform(sample[rows])).max())
            for rows in blocks(*sample.shape)
        )
        return radius if len(sample) == stats.n_samples else _BEYOND_SUBSET * radius

    def _fit_basis(self, X, n_reduced, kept):
        rng = np.random.RandomState(self.random_state)
        n_sampled = min(len(kept), max(1000, _PCA_SAMPLE_SIZE // X.shape[1]))
        if n_sampled < len(kept):
            kept = kept[np.sort(rng.choice(len(kept), n_sampled, replace=False))]
        sample = self._filled(X, kept)
        pca = PCA(n_reduced, random_state=rng)
        # the last bits depend on the number of BLAS threads
        with one_blas_thread():
            pca.fit(sample)
            n_kept = self._count_kept(pca.explained_variance_, sample)
        spread = np.sqrt(pca.explained_variance_[:n_kept].mean())
        self.spread_ = float(max(spread, np.finfo(np.float32).tiny))
        self.basis_ = (pca.components_[:n_kept] / self.spread_).astype(np.float32)

    def _count_kept(self, variances, sample):
        """Return the number of components to keep, from their variances.

        Parallel analysis: permuted columns keep their spreads, but are independent.
        """
        if self.n_least is None:
            return len(variances)
        rng = np.random.default_rng(self.random_state)
        permuted = rng.permuted(sample, axis=0)
        permuted -= permuted.mean(axis=0)
        # eigenvalues of the smaller product are cheaper than singular values
        wide = permuted if len(sample) < sample.shape[1] else permuted.T
        largest = np.linalg.eigvalsh(wide @ wide.T)[-1] / (len(sample) - 1)
        return max(self.n_least, np.count_nonzero(variances > largest))

    def transform(self, X, *, deviations=None, first=0):
        """Return centered and scaled samples, float32, not reduced.

        Deviations from the training data are added to ``deviations``, but not samples
        that fit has named. The index of ``X[0]`` is ``first``.
        """
        return self._filled(X, None, deviations, first)

    def inverse_transform(self, X):
        """Return scaled samples in raw units, float64."""
        return X * self.inverse_factor + self.center_

    def _filled(self, X, chosen, deviations=None, first=0):
        """Return the scaled samples of X, all or the chosen ones, block by block."""
        n_rows = X.shape[0] if chosen is None else len(chosen)
        parts = blocks(n_rows, X.shape[1])
        if len(parts) == 1 and chosen is None:
            return self.scaled(dense(X), deviations, range(first, first + n_rows))[0]
        result = np.empty((n_rows, X.shape[1]), dtype=np.float32)
        for rows in parts:
            part = dense(X[rows if chosen is None else chosen[rows]])
            indices = range(first + rows.start, first + rows.stop)
            result[rows] = self.scaled(part, deviations, indices)[0]
        return result

    def scaled(self, rows, deviations, indices, n_rows=None):
        """Scale a dense block of samples; also return which of them were compressed.

        Deviations from the training data are added to ``deviations``, unless None, by
        the ``indices`` of the samples, which are taken from ``n_rows``; None means all.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            # in C order: the last bits of norms depend on the layout; in float64: a
            # large offset would leave no digits in float32
            scaled = rows.astype(np.float64, order="C")
            scaled -= self.center_
            low, high = ranges(scaled)
            scaled *= self.factor_
            scaled = scaled.astype(np.float32)
            # rounded as the samples are; NaN is not within
            within = (low * self.factor_).astype(np.float32) >= self.low_
            within &= (high * self.factor_).astype(np.float32) <= self.high_
            squares = np.vecdot(scaled, scaled)
        columns = np.flatnonzero(~within)
        if len(columns) and not np.isfinite(scaled[:, columns]).all():
            raise ValueError(
                "X has values too large for float32 after scaling: more than 1e38 "
                "standard deviations of the training data. Look for outliers or wrong "
                "units in X."
            )
        values = scaled[:, columns]
        least, most = self.low_[columns], self.high_[columns]
        i, j = np.nonzero((values < least) | (values > most))
        outside = i, columns[j]
        if deviations is not None:
            differs = np.maximum(high, -low) > SINGLE_ROUNDING * np.abs(self.center_)
            constant = np.flatnonzero(differs & (self.factor_ == 0))
            if len(constant) and self.factor_.any():
                unseen = self._unseen(rows, constant, n_rows or len(rows))
                deviations.columns.update(unseen.tolist())
            outliers = self._outliers_among(scaled, outside, squares)
            named = self.are_named(rows, [row for row, _ in outliers])
            deviations.samples += [
                (int(indices[row]), column)
                for (row, column), is_named in zip(outliers, named, strict=True)
                if not is_named
            ]
        return scaled, self._compress(scaled, outside, squares)

    def are_named(self, X, rows):
        """Return for each of some samples whether fit has ignored and named it."""
        if not len(rows) or not len(self.outlier_hashes_):
            return np.zeros(len(rows), dtype=bool)
        return np.isin(_hashes(X, rows), self.outlier_hashes_)

    def add_named(self, X, rows):
        """Record further samples that fit has named."""
        self.outlier_hashes_ = np.union1d(self.outlier_hashes_, _hashes(X, rows))

    def compressed(self, values, columns):
        """Return raw values outside of the range of their columns, compressed.

        Also returns for which this does not suffice, since they are outliers or their
        column was constant.
        """
        factor, center = self.factor_[columns], self.center_[columns]
        varies = factor > 0
        with np.errstate(over="ignore", invalid="ignore"):
            scaled = ((values - center) * factor).astype(np.float32)
            are_outliers = ~varies | self._are_outliers(scaled, columns)
            nearer = self._nearer(scaled, columns) / np.where(varies, factor, 1.0)
        return nearer + center, are_outliers

    def _are_outliers(self, scaled, columns):
        """Return which values lie many times farther out than those of fit."""
        gap = self.gap_[columns]
        gap = np.where(self.judged_[columns], gap, np.maximum(gap, _GAP_OF_RARE))
        factor = self.factor_[columns]
        common = (self.common_[columns] - self.center_[columns]) * factor
        return np.abs(scaled - common) > gap * self.floor_[columns] * factor

    def _nearer(self, scaled, columns):
        """Return values, compressed if beyond the range of their columns, float64."""
        low, high = (
            ends[columns].astype(np.float64) for ends in (self.low_, self.high_)
        )
        margin, values = self.margin_[columns] * (high - low), scaled.astype(np.float64)
        return values + (
            _correction(low - values, margin) - _correction(values - high, margin)
        )

    def _outliers_among(self, scaled, outside, squares):
        """Return outliers among scaled ones, with an outlying column of each, or -1.

        ``outside`` are rows and columns of the values outside of their range, and
        ``squares`` the squared norms, up to rounding.
        """
        outliers = {}
        rows, columns = outside
        if len(rows):
            beyond = self._are_outliers(scaled[outside], columns)
            far, first = np.unique(rows[beyond], return_index=True)
            outliers = dict(
                zip(far.tolist(), columns[beyond][first].tolist(), strict=True)
            )
        most = (self.norm_gap_ * self.radius_) ** 2
        for row in np.flatnonzero(squares > 0.999 * most).tolist():
            values = np.square(scaled[row, self.judged_], dtype=np.float64)
            if np.sort(values)[:-_FREE_COLUMNS].sum() > most:
                outliers.setdefault(row, -1)
        return outliers.items()

    def _compress(self, scaled, outside, squares):
        """Compress scaled samples beyond the bounds, in place; return their mask.

        The parameters are those of :meth:`_outliers_among`.
        """
        moved = np.zeros(len(scaled), dtype=bool)
        rows, columns = outside
        if len(rows):
            moved[rows] = True
            scaled[outside] = self._nearer(scaled[outside], columns)
        # exact norms only near the bound; they have not grown
        far = np.flatnonzero(squares > 0.999 * self.radius_**2)
        if len(far):
            norms = _norms(scaled[far])
            excess = _correction(norms - self.radius_, MARGIN * self.radius_)
            factor = (norms - excess) / np.maximum(norms, np.finfo(np.float64).tiny)
            beyond = norms > self.radius_
            scaled[far[beyond]] *= factor[beyond, np.newaxis].astype(np.float32)
            moved[far[beyond]] = True
        return moved


def empty_samples(X):
    """Return the indices of samples of a CSR matrix without a nonzero value."""
    if X.data.all():  # no zeros are stored
        return np.flatnonzero(np.diff(X.indptr) == 0)
    return np.flatnonzero(np.asarray(abs(X).sum(axis=1)).ravel() == 0)


def _hashes(X, rows):
    """Return hashes of some samples, which do not depend on the container of X."""
    if not len(rows):
        return np.empty(0, dtype=np.uint64)
    return row_hashes(dense(X[rows]).astype(np.float64))


def _norms(rows):
    rows = np.ascontiguousarray(rows, dtype=np.float64)
    return np.sqrt(np.square(rows).sum(axis=1))


def _correction(excess, margin):
    """Return the correction of values beyond a bound.

    It compresses an excess e to ``e m / (e + m)``: e near the bound, m far beyond.
    """
    excess = np.maximum(excess, 0.0)
    return excess * (excess / np.maximum(excess + margin, np.finfo(np.float64).tiny))
