# SPDX-License-Identifier: BSD-3-Clause

"""Intrinsic dimension of data, estimated by atlas autoencoders."""

import contextlib
import itertools
from typing import NamedTuple

import numpy as np

from skmanifold import topology
from skmanifold.metrics import intrinsic_dimension
from skmanifold.topology import choose_prototypes, two_nearest
from skmanifold.utils import (
    Count,
    check_matrix,
    check_seed,
    validate_params,
    warn,
)

from ._atlas_ae import AtlasAE

# Estimates by neighbors agree if they round to the same integer, their median is this
# close to it, and their logarithms differ by at most this much, or for few samples by
# the last number over the square root of their number. Above five dimensions, all may
# be wrong alike.
_DEVIATION = 0.25
_MOST_DIMENSIONS = 5
_LOG_DIFFERENCE = 0.1
_LOG_DIFFERENCE_OF_FEW = 5.0

# Minimum bend of a curve that confirms an estimate by many neighbors.
_SHARP_BEND = 1.0


class DimensionEstimate(NamedTuple):
    """Estimated dimension and the curves it is based on.

    Parameters
    ----------
    dimension : int
        The estimate.
    dimensions : ndarray of shape (n_dimensions,)
        Candidate dimensions.
    reconstruction : ndarray of shape (n_dimensions,)
        Mean squared error of the reconstruction with charts of each dimension,
        relative to the variance of the data.
    divergence : ndarray of shape (n_dimensions,)
        Divergence of the charts from uniform at the end of training, see
        :class:`~skmanifold.AtlasAE`. With a GAN it rises once charts have more
        coordinates than the data can fill.
    bend : ndarray of shape (n_dimensions,)
        Second difference of log `reconstruction`. NaN for the last dimension, and for
        the first one if that is above 1.
    lower, upper : int
        Smallest and largest estimate from distances to two, to few and to many
        neighbors, rounded. They are NaN if `n_charts` is a number.
    decided : bool
        Whether these three agree on a dimension up to 5, or many neighbors confirm a
        sharp bend. False if `n_charts` is a number, because nothing confirms the bend.

    Examples
    --------
    >>> from skmanifold.atlas import estimate_dimension
    >>> from skmanifold.datasets import make_circle
    >>> X = make_circle(300, random_state=0).data
    >>> result = estimate_dimension(
    ...     X, [1, 2], n_charts=4, max_epochs=1, random_state=0
    ... )
    >>> result.dimensions, result.reconstruction.shape
    (array([1, 2]), (2,))
    """

    dimension: int
    dimensions: np.ndarray
    reconstruction: np.ndarray
    divergence: np.ndarray
    bend: np.ndarray
    lower: int
    upper: int
    decided: bool


# n_charts, divergence and max_epochs are for the estimators to validate
@validate_params(
    {
        "max_samples": [Count(2), None],
        "denoise": ["boolean"],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=False,
)
def estimate_dimension(
    X,
    dimensions=range(1, 8),
    *,
    n_charts="auto",
    divergence="gan",
    max_samples=3000,
    max_epochs="auto",
    denoise=False,
    random_state=None,
):
    """Estimate the dimension of data by atlas autoencoders.

    Charts with fewer coordinates than the dimension of the data cannot reconstruct
    them; more coordinates do not help. So the logarithm of the error falls steeply up
    to the dimension and is flat after it: the estimate is the point of largest
    curvature [1]_. Charts of dimension 0 are the prototypes alone, so 1 can be the
    estimate as well. By default the distances of neighbors bound the estimate
    (:func:`skmanifold.metrics.intrinsic_dimension`: TwoNN, and maximum likelihood with
    few and with many neighbors): few of them see noise, many of them see bends. Where
    all agree on up to five dimensions, the autoencoders add the curve only. Otherwise
    the estimate is the largest curvature within the bounds, and undecided unless it is
    sharp and many neighbors confirm it. The autoencoders train once per dimension.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        The data.
    dimensions : sequence of int, default=range(1, 8)
        Increasing, consecutive candidate dimensions. The autoencoders never choose the
        last one, nor the first one unless it is 1.
    n_charts : int or "auto", default="auto"
        Number of charts of each autoencoder. "auto" is 2 to the power of one more than
        the lower bound by neighbors, from 8 to 32, and bounds the estimate. A number
        leaves the estimate to the autoencoders alone; it must be so large that charts
        are discs.
    divergence : {"gan", "mmd"}, default="gan"
        See :class:`~skmanifold.AtlasAE`.
    max_samples : int or None, default=3000
        Number of samples used, a random subset if X has more. None uses all.
    max_epochs : int or "auto", default="auto"
        Number of epochs of each training.
    denoise : bool, default=False
        Whether to denoise the samples first with :func:`~skmanifold.topology.denoise`.
        Set it for noisy data: noise has as many dimensions as features.
    random_state : int, RandomState instance or None, default=None
        Seed of the subset and of the autoencoders.

    Returns
    -------
    DimensionEstimate
        The estimate and its curves.

    Raises
    ------
    ValueError
        If a parameter is invalid.

    Warns
    -----
    UserWarning
        If the dimension is undecided, unless `n_charts` is a number.

    References
    ----------
    .. [1] E. O. Korman, "Autoencoding topology",
       arXiv:1803.00156.

    Examples
    --------
    >>> from skmanifold.atlas import estimate_dimension
    >>> from skmanifold.datasets import make_circle
    >>> X = make_circle(300, random_state=0).data
    >>> estimate_dimension(X, range(1, 4), n_charts=4, random_state=0).dimension
    1
    """
    X = check_matrix(X, ensure_min_samples=2)
    # squares may overflow in the unit of X; a power of two changes no digit
    X = np.ldexp(X, -np.frexp(np.abs(X).max())[1])
    dimensions = _check_dimensions(dimensions)
    rng = check_seed(random_state)
    if max_samples is not None and len(X) > max_samples:
        X = X[np.sort(rng.choice(len(X), max_samples, replace=False))]
    if denoise:
        X = topology.denoise(X)
    # the variance of equal values can be positive by rounding
    if not np.ptp(X, axis=0).any():
        raise ValueError(
            "All samples of X are equal, so there is no dimension to estimate. Pass "
            "data that vary."
        )
    variance = X.var(axis=0).sum()
    seed = int(rng.randint(np.iinfo(np.int32).max))
    estimates, bounds = None, (np.nan, np.nan)
    if n_charts == "auto":
        # samples in a linear subspace, or few of them, have fewer dimensions
        rank = _rank(X)
        estimates = _estimate_by_neighbors(X, rank)
        bounds = _bound(estimates, dimensions, rank)
        n_charts = min(int(np.clip(2 ** (bounds[0] + 1), 8, 32)), len(X))
    errors, divergences = [], []
    for dimension in dimensions:
        model = AtlasAE(
            n_charts,
            int(dimension),
            divergence=divergence,
            max_epochs=max_epochs,
            random_state=seed,
        ).fit(X)
        errors.append(-model.score(X) / variance)
        divergences.append(model.history_["divergence"][-1])
    errors = np.array(errors)
    log_errors = np.log(np.maximum(errors, np.finfo(np.float32).eps ** 2))
    log_error_of_points = np.nan
    if dimensions[0] == 1:
        error = _error_of_points(X, min(n_charts, len(X)), seed)
        log_error_of_points = np.log(error / variance)
    padded = np.concatenate([[log_error_of_points], log_errors, [np.nan]])
    bend = padded[:-2] - 2 * padded[1:-1] + padded[2:]
    possible = np.where(dimensions > X.shape[1], np.nan, bend)
    if np.isnan(possible).all():
        possible = bend
    dimension, decided = int(dimensions[np.nanargmax(possible)]), False
    if estimates is not None:
        sharpest = dimension
        dimension, decided = _decide(dimensions, possible, estimates, bounds, len(X))
        if not decided:
            _warn_undecided(dimension, sharpest, estimates, bounds, dimensions, denoise)
    return DimensionEstimate(
        dimension,
        dimensions,
        errors,
        np.array(divergences),
        bend,
        *bounds,
        decided,
    )


def _rank(X):
    """Return the rank of the centered samples, up to rounding."""
    X = X - X.mean(axis=0)
    # much faster than singular values; digits lost by squaring are noise to distances
    gram = X @ X.T if len(X) < X.shape[1] else X.T @ X
    variances = np.linalg.eigvalsh(gram)
    return int(
        np.sum(variances > np.finfo(np.float64).eps * max(X.shape) * variances[-1])
    )


def _estimate_by_neighbors(X, rank):
    """Return estimates by two, few and many neighbors; NaN where there is none."""
    if rank == 1:
        return np.ones(3)
    # more than a thirtieth of the samples would reach around bends
    many = int(np.clip(len(X) // 30, 20, 100))
    options = [{"method": "twonn"}]
    for n_neighbors in ((10, 20), (many // 2, many)):
        options.append({"method": "mle", "n_neighbors": n_neighbors})
    estimates = np.full(len(options), np.nan)
    for i, parameters in enumerate(options):
        # too few distinct samples, or equal distances as on a grid, estimate nothing
        with contextlib.suppress(ValueError):
            estimates[i] = intrinsic_dimension(X, **parameters)
    return estimates


def _bound(estimates, dimensions, rank):
    """Return bounds of the dimension, from estimates by neighbors."""
    if np.isnan(estimates).all():
        extremes = dimensions[[0, -1]]
    else:
        # on a grid, or with noise, distances may be more informative
        extremes = np.rint([np.nanmin(estimates), np.nanmax(estimates)])
    lower, upper = np.clip(extremes, 1, rank)
    return int(lower), int(upper)


def _decide(dimensions, bend, estimates, bounds, n_samples):
    """Return the sharpest bend within the bounds, and whether it can be trusted."""
    within = (dimensions >= bounds[0]) & (dimensions <= bounds[1]) & ~np.isnan(bend)
    if within.any():
        dimension = int(dimensions[within][bend[within].argmax()])
        sharpest = np.nanmax(bend)
        is_sharpest = bend[dimensions == dimension][0] == sharpest >= _SHARP_BEND
        confirmed = bool(is_sharpest and dimension == np.rint(estimates[-1]))
    else:
        # no candidate with a bend lies within the bounds
        dimension, confirmed = bounds[0], False
    return dimension, confirmed or _agree(estimates, n_samples)


def _agree(estimates, n_samples):
    """Return whether estimates by neighbors are close to the same integer."""
    median = np.median(estimates)
    largest = max(_LOG_DIFFERENCE, _LOG_DIFFERENCE_OF_FEW / np.sqrt(n_samples))
    # false for NaN
    return bool(
        (np.rint(estimates) == np.rint(median)).all()
        and median < _MOST_DIMENSIONS + 0.5
        and abs(median - np.rint(median)) <= _DEVIATION
        and np.ptp(np.log(estimates)) <= largest
    )


def _warn_undecided(dimension, sharpest, estimates, bounds, dimensions, denoise):
    values = ", ".join("none" if np.isnan(e) else f"{e:.1f}" for e in estimates)
    if np.isnan(estimates).all():
        remedy = "more distinct samples, off a grid"
    elif bounds[1] >= dimensions[-1]:
        remedy = f"dimensions=range(1, {bounds[1] + 2}) to include all of these"
    else:
        remedy = "more samples"
    if not denoise:
        remedy += ", or denoise=True if the data are noisy"
    warn(
        f"The dimension {dimension} is undecided: estimates by two, few and many "
        f"neighbors are {values}, and the error of the autoencoders bends most at "
        f"{sharpest}. Pass {remedy}."
    )


def _error_of_points(X, n_charts, seed):
    """Compute the mean squared distance to the nearest center of k-means."""
    centered = X - X.mean(axis=0)
    rng = np.random.RandomState(seed)
    centers = choose_prototypes(centered, n_charts, "k-means", rng)
    return two_nearest(centered, centers, n_nearest=1)


def _check_dimensions(dimensions):
    values = list(dimensions) if np.iterable(dimensions) else [None]
    minimum = 2 if values and values[0] == 1 else 3
    if (
        len(values) < minimum
        or not all(map(Count(1).is_satisfied_by, values))
        or any(b - a != 1 for a, b in itertools.pairwise(values))
    ):
        raise ValueError(
            f"dimensions={dimensions!r} must be consecutive positive integers, at "
            "least two if the first is 1, else at least three. Use range(1, 8), for "
            "example."
        )
    return np.array(values)
