# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""The dimension of data: how many coordinates charts need."""

import itertools
from numbers import Integral
from typing import NamedTuple

import numpy as np
from sklearn.utils import check_array

from ._atlas_ae import AtlasAE
from ._topology import (
    _denoise,
    check_count,
    choose_prototypes,
    fresh_random_state,
    two_nearest,
)


class DimensionEstimate(NamedTuple):
    """An estimate of the dimension, and the curves that it was read from.

    Parameters
    ----------
    dimension : int
        The estimate.
    dimensions : ndarray of shape (n_dimensions,)
        Dimensions that were tried.
    reconstruction : ndarray of shape (n_dimensions,)
        Mean squared error of the reconstruction with charts of each dimension,
        relative to the variance of the data.
    divergence : ndarray of shape (n_dimensions,)
        How far from uniform the charts were at the end of training: the "divergence" of
        :class:`~skmanifold.AtlasAE`. Of a GAN it rises once charts have more
        coordinates than the data can fill.
    bend : ndarray of shape (n_dimensions,)
        Second difference of log `reconstruction`; the estimate is where it is largest.
        nan for the last dimension, and for the first one if that is above 1.

    Examples
    --------
    >>> from skmanifold.atlas import estimate_dimension
    >>> from skmanifold.datasets import make_circle
    >>> X = make_circle(300, random_state=0).data
    >>> found = estimate_dimension(X, [1, 2], n_charts=4, max_epochs=1, random_state=0)
    >>> found.dimensions, found.reconstruction.shape
    (array([1, 2]), (2,))
    """

    dimension: int
    dimensions: np.ndarray
    reconstruction: np.ndarray
    divergence: np.ndarray
    bend: np.ndarray


def estimate_dimension(
    X,
    dimensions=range(1, 8),
    *,
    n_charts=8,
    divergence="gan",
    max_samples=3000,
    max_epochs="auto",
    denoise=False,
    random_state=None,
):
    """Estimate the dimension of data by atlas autoencoders.

    Charts with fewer coordinates than the data have dimensions cannot reconstruct them;
    more do not help. So the logarithm of the error falls steeply up to the dimension
    and is level after it: the estimate is where it bends the most. [1]_ Charts of
    dimension 0 are the prototypes alone, so that 1 can be found too. Unlike an estimate
    from distances of neighbours, see
    :func:`skmanifold.metrics.intrinsic_dimension`, it needs no dense sample, but a
    training for each dimension.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        The data.
    dimensions : sequence of int, default=range(1, 8)
        Rising, consecutive dimensions to try. The last one cannot be the estimate, nor
        can the first one unless it is 1.
    n_charts : int, default=8
        Charts of each autoencoder.
    divergence : {"gan", "mmd"}, default="gan"
        See :class:`~skmanifold.AtlasAE`.
    max_samples : int or None, default=3000
        Rows to use, drawn at random where there are more. None takes all.
    max_epochs : int or "auto", default="auto"
        Length of each training.
    denoise : bool, default=False
        Whether to pass the rows over with :func:`~skmanifold.atlas.denoise` first:
        noise has as many dimensions as columns.
    random_state : int, RandomState instance or None, default=None
        Seed of the rows and of the autoencoders.

    Returns
    -------
    DimensionEstimate
        The estimate and its curves.

    Raises
    ------
    ValueError
        If a parameter is invalid.

    References
    ----------
    .. [1] E. O. Korman, "Autoencoding topology", arXiv:1803.00156.

    Examples
    --------
    >>> from skmanifold.atlas import estimate_dimension
    >>> from skmanifold.datasets import make_circle
    >>> X = make_circle(300, random_state=0).data
    >>> estimate_dimension(X, range(1, 4), n_charts=4, random_state=0).dimension
    1
    """
    X = check_array(X, dtype=np.float64, ensure_min_samples=2)
    dimensions = _check_dimensions(dimensions)
    if max_samples is not None:
        check_count("max_samples", max_samples, 2)
    rng = fresh_random_state(random_state)
    if max_samples is not None and len(X) > max_samples:
        X = X[np.sort(rng.choice(len(X), max_samples, replace=False))]
    if denoise:
        X = _denoise(X)
    variance = X.var(axis=0).sum()
    if not variance > 0:
        raise ValueError("All rows of X are equal: they have no dimension to estimate.")
    seed = int(rng.randint(np.iinfo(np.int32).max))
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
    before = np.nan
    if dimensions[0] == 1:
        before = np.log(_error_of_points(X, min(n_charts, len(X)), seed) / variance)
    padded = np.concatenate([[before], log_errors, [np.nan]])
    bend = padded[:-2] - 2 * padded[1:-1] + padded[2:]
    return DimensionEstimate(
        int(dimensions[np.nanargmax(bend)]),
        dimensions,
        errors,
        np.array(divergences),
        bend,
    )


def _error_of_points(X, n_charts, seed):
    """Mean squared distance of rows to the nearest of so many centres."""
    centred = X - X.mean(axis=0)
    rng = np.random.RandomState(seed)
    centres = choose_prototypes(centred, n_charts, "k-means", rng)
    return two_nearest(centred, centres, n_nearest=1)


def _check_dimensions(dimensions):
    values = list(dimensions) if np.iterable(dimensions) else [None]
    if not all(isinstance(v, Integral) and not isinstance(v, bool) for v in values):
        raise ValueError(f"dimensions={dimensions!r} must be a sequence of integers.")
    least = 2 if values and values[0] == 1 else 3
    if (
        len(values) < least
        or values[0] < 1
        or any(b - a != 1 for a, b in itertools.pairwise(values))
    ):
        raise ValueError(
            f"dimensions={dimensions!r} must be consecutive positive integers, "
            "at least two from 1 on or three from a later one on: the estimate lies "
            "between others. range(1, 8) for instance."
        )
    return np.array(values)
