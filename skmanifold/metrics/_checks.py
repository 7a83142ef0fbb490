# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""Validation that all metrics share."""

from difflib import get_close_matches
from numbers import Integral

import numpy as np
from scipy.sparse import issparse
from sklearn.neighbors import VALID_METRICS
from sklearn.utils import check_array, check_consistent_length, check_random_state

from skmanifold.utils._containers import plain
from skmanifold.utils._labels import read_labels
from skmanifold.utils._sklearn import validate_params
from skmanifold.utils._validation import Count


def validate_metric(constraints=None):
    """Return a decorator that validates the parameters of a metric.

    `constraints` are those of the parameters that not every metric has. Data and metric
    names have checks of their own below.
    """
    common = {
        "per_sample": ["boolean"],
        "n_samples": [Count(1), None],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
    }
    return validate_params(
        {**common, **(constraints or {})}, prefer_skip_nested_validation=True
    )


def check_data(X, name="X", *, metric="euclidean", min_samples=2, sparse=True):
    """Validate one matrix of samples, or of distances if ``metric="precomputed"``."""
    check_metric(metric)
    X = plain(X, name)
    if metric == "precomputed" and not issparse(X):
        X = np.asarray(X)
        if X.dtype.kind == "f" and np.isposinf(X).any():
            raise ValueError(
                f"{name} has infinite distances between parts, and metric='precomputed'"
                " needs finite ones. Measure each part by itself."
            )
    X = check_array(
        X,
        accept_sparse="csr" if sparse and metric != "precomputed" else False,
        dtype=[np.float64, np.float32],
        ensure_min_samples=min_samples,
        input_name=name,
    )
    if metric == "precomputed":
        if X.shape[0] != X.shape[1]:
            raise ValueError(
                f"{name} has shape {X.shape}, but metric='precomputed' needs the square"
                " matrix of distances between all samples. Pass the features with"
                " another metric, or pass sklearn.metrics.pairwise_distances of them."
            )
        if (X < 0).any():
            raise ValueError(
                f"{name} has negative entries, but metric='precomputed' needs"
                " distances, which are not negative."
            )
    return X


def check_pair(X, Z, *, metric="euclidean", min_samples=2, sparse=True):
    """Validate the input and its embedding, row by row the same samples."""
    X = check_data(X, "X", metric=metric, min_samples=min_samples, sparse=sparse)
    Z = check_data(Z, "Z", min_samples=min_samples, sparse=False)
    check_consistent_length(X, Z)
    return X, Z


def check_labels(y, n_samples, name="y"):
    """Validate one class per sample and return codes 0, 1, ...; -1 where it is missing.

    Metrics leave samples without a label out, see :func:`labeled`.
    """
    codes = read_labels(y, n_samples, name).codes
    if len(codes) and (codes < 0).all():
        raise ValueError(
            f"{name} has no label that is not missing (None, NaN or NA), but at least "
            "one is needed."
        )
    return codes


def labeled(codes, *matrices, metric="euclidean"):
    """Leave samples without a label out.

    Parameters
    ----------
    codes : ndarray of shape (n_samples,)
        What :func:`check_labels` returned.
    *matrices : {ndarray, csr} of shape (n_samples, ...)
        What belongs to the samples; distances with ``metric="precomputed"``.
    metric : str or callable, default="euclidean"
        The metric of the first matrix.

    Returns
    -------
    kept : ndarray or None
        The samples that have a label; None for all of them.
    codes : ndarray
        Their codes.
    *matrices
        Their rows.
    """
    if (codes >= 0).all():
        return (None, codes, *matrices)
    kept = np.flatnonzero(codes >= 0)
    parts = [matrix[kept] for matrix in matrices]
    if isinstance(metric, str) and metric == "precomputed":
        parts[0] = parts[0][:, kept]
    return (kept, codes[kept], *parts)


def check_neighbors(
    n_neighbors, n_samples, largest, *, name="n_neighbors", rule, ranges=True
):
    """Validate a number of neighbours, or a range of them, as (first, last).

    `largest` is the greatest admissible number and `rule` says why, to complete the
    sentence "... must be". With ``ranges=False`` there must be one number.
    """
    is_range = isinstance(n_neighbors, (tuple, list, np.ndarray))
    if is_range and not ranges:
        raise TypeError(
            f"{name} must be an int here, got {n_neighbors!r}: a range is not averaged"
            " over. Pass one number."
        )
    ends = tuple(n_neighbors) if is_range else (n_neighbors, n_neighbors)
    if len(ends) != 2 or not all(
        isinstance(k, Integral) and not isinstance(k, (bool, np.bool_)) for k in ends
    ):
        raise TypeError(
            f"{name} must be an int or a pair (first, last) of ints, got"
            f" {n_neighbors!r}."
        )
    first, last = (int(k) for k in ends)
    if not 1 <= first <= last:
        raise ValueError(
            f"{name} must be at least 1, and a range must be (first, last) with"
            f" first <= last, got {n_neighbors!r}."
        )
    if last > largest:
        raise ValueError(
            f"{name}={n_neighbors!r} is too large: it must be {rule}. There are"
            f" n_samples={n_samples} samples here, so "
            + (
                f"the largest possible value is {largest}. Lower {name} or pass more"
                " samples."
                if largest >= 1
                else "no value is possible. Pass more samples."
            )
        )
    return first, last


def choose_rows(n_rows, n_samples, random_state):
    """Return the sorted indices of the samples to evaluate, None for all."""
    if n_samples is None or n_samples >= n_rows:
        return None
    rng = check_random_state(random_state)
    return np.sort(rng.choice(n_rows, size=int(n_samples), replace=False))


# Its purpose is NaN, which no metric here takes; without them it is Euclidean.
_FOR_NAN = ("nan_euclidean",)
_METRICS = sorted({*VALID_METRICS["brute"]}.difference(_FOR_NAN))


def check_metric(metric):
    """Validate the name of a metric, or a callable."""
    if callable(metric):
        return
    if not isinstance(metric, str):
        raise TypeError(
            "metric must be the name of a metric or a callable that takes two rows, got"
            f" {metric!r}."
        )
    if metric not in _METRICS:
        near = get_close_matches(metric, _METRICS, n=1)
        raise ValueError(
            f"metric must be one of {', '.join(map(repr, _METRICS))}, or a callable,"
            f" got {metric!r}." + (f" Did you mean {near[0]!r}?" if near else "")
        )
