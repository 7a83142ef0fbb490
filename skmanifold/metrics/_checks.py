# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""Shared validation of metrics."""

from difflib import get_close_matches
from numbers import Integral

import numpy as np
from scipy.sparse import issparse
from sklearn.neighbors import VALID_METRICS
from sklearn.utils import check_array, check_consistent_length, check_random_state

from skmanifold.utils._containers import plain
from skmanifold.utils._distances import check_entries, check_square
from skmanifold.utils._labels import read_labels, warn_of_many
from skmanifold.utils._sklearn import validate_params
from skmanifold.utils._validation import Count


def validate_metric(constraints=None):
    """Return a decorator that validates the parameters of a metric.

    `constraints` are added to the common ones. Data and metric names are checked below.
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
    """Validate samples, or distances if ``metric="precomputed"``."""
    check_metric(metric)
    X = plain(X, name)
    if metric == "precomputed" and not issparse(X):
        X = np.asarray(X)
        if X.dtype.kind == "f" and np.isposinf(X).any():
            raise ValueError(
                f"{name} has infinite distances, but metric='precomputed' needs finite"
                " ones. Evaluate each connected component separately."
            )
    X = check_array(
        X,
        accept_sparse="csr" if sparse and metric != "precomputed" else False,
        dtype=[np.float64, np.float32],
        ensure_min_samples=min_samples,
        input_name=name,
    )
    if metric == "precomputed":
        check_square(X, name)
        check_entries(X, name)
        X = np.maximum(X, 0) if X.min() < 0 else X
    return X


def check_pair(X, Z, *, metric="euclidean", min_samples=2, sparse=True):
    """Validate the input and its embedding, with the same number of samples."""
    X = check_data(X, "X", metric=metric, min_samples=min_samples, sparse=sparse)
    Z = check_data(Z, "Z", min_samples=min_samples, sparse=False)
    check_consistent_length(X, Z)
    return X, Z


def check_labels(y, n_samples, name="y"):
    """Return the classes as codes 0, 1, ..., and -1 where the label is missing."""
    labels = read_labels(y, n_samples, name)
    warn_of_many(labels, name)
    codes = labels.codes
    if len(codes) and (codes < 0).all():
        raise ValueError(
            f"All labels in {name} are missing (None, NaN or NA). At least one is"
            " needed."
        )
    return codes


def labeled(codes, *matrices, metric="euclidean"):
    """Drop samples without a label.

    `matrices` are indexed by sample; with ``metric="precomputed"``, the first one holds
    distances. Returns the indices of the labeled samples (None for all), their codes
    and the indexed matrices.
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
    """Validate a number of neighbors, or a range of them, as (first, last).

    `largest` is the greatest admissible number; `rule` completes "it must be ...".
    """
    is_range = isinstance(n_neighbors, (tuple, list, np.ndarray))
    if is_range and not ranges:
        raise TypeError(
            f"{name} must be an int here, got {n_neighbors!r}. Ranges are not"
            " supported: pass one number."
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
    """Return the sorted indices of the samples to evaluate, or None for all."""
    if n_samples is None or n_samples >= n_rows:
        return None
    rng = check_random_state(random_state)
    return np.sort(rng.choice(n_rows, size=int(n_samples), replace=False))


# No metric here accepts NaN, and without NaN this one is Euclidean.
_FOR_NAN = ("nan_euclidean",)
_METRICS = sorted({*VALID_METRICS["brute"]}.difference(_FOR_NAN))


def check_metric(metric):
    """Validate a metric: a name or a callable."""
    if callable(metric):
        return
    if not isinstance(metric, str):
        raise TypeError(
            "metric must be the name of a metric or a callable of two samples, got"
            f" {metric!r}."
        )
    if metric not in _METRICS:
        near = get_close_matches(metric, _METRICS, n=1)
        raise ValueError(
            f"metric must be one of {', '.join(map(repr, _METRICS))}, or a callable,"
            f" got {metric!r}." + (f" Did you mean {near[0]!r}?" if near else "")
        )
