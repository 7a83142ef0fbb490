# SPDX-License-Identifier: BSD-3-Clause

"""Shared validation of metrics."""

from numbers import Integral

import numpy as np
from scipy.sparse import issparse
from sklearn.neighbors import VALID_METRICS
from sklearn.utils import check_consistent_length, check_random_state

from skmanifold.utils._containers import as_array, check_matrix, counted
from skmanifold.utils._distances import check_entries, check_square
from skmanifold.utils._labels import read_labels, warn_of_many
from skmanifold.utils._sklearn import StrOptions, validate_params
from skmanifold.utils._validation import Count

# No metric here accepts NaN, and without NaN "nan_euclidean" is Euclidean.
METRIC = [StrOptions({*VALID_METRICS["brute"]} - {"nan_euclidean"}), callable]


def validate_metric(constraints=None):
    """Return a decorator that validates common parameters and `constraints`."""
    common = {
        "metric": METRIC,
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
    if metric == "precomputed" and not issparse(X):
        entries = as_array(X, name)
        if entries.dtype.kind == "f" and np.isposinf(entries).any():
            raise ValueError(
                f"{name} has infinite distances, but metric='precomputed' needs finite"
                " ones. Evaluate each connected component separately."
            )
    X = check_matrix(
        X,
        name,
        accept_sparse="csr" if sparse and metric != "precomputed" else False,
        dtype=[np.float64, np.float32],
        ensure_min_samples=min_samples,
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
    value,
    n_samples,
    largest=None,
    *,
    name="n_neighbors",
    ranges=True,
    samples="samples",
):
    """Validate a number of neighbors, or a range of them, as (first, last).

    `largest` is the greatest possible number; None means ``n_samples - 1``. `samples`
    describes them in errors.
    """
    largest = n_samples - 1 if largest is None else largest
    is_range = ranges and isinstance(value, (tuple, list, np.ndarray))
    ends = tuple(value) if is_range else (value, value)
    if len(ends) != 2 or not all(
        isinstance(k, Integral) and not isinstance(k, (bool, np.bool_)) for k in ends
    ):
        kind = "an int or a pair (first, last) of ints" if ranges else "an int"
        raise TypeError(f"{name} must be {kind}, got {value!r}.")
    first, last = map(int, ends)
    if largest < 1:
        raise ValueError(
            f"{name}={value!r} needs more than {counted(n_samples, samples[:-1])}. "
            "Pass more."
        )
    if not 1 <= first <= last <= largest:
        order = ", with first <= last" if is_range else ""
        raise ValueError(
            f"{name}={value!r} must be at least 1 and at most {largest} for {n_samples}"
            f" {samples}{order}. Change it, or pass more {samples}."
        )
    return first, last


def choose_rows(n_rows, n_samples, random_state):
    """Return the sorted indices of the samples to evaluate."""
    if n_samples is None or n_samples >= n_rows:
        return np.arange(n_rows)
    rng = check_random_state(random_state)
    return np.sort(rng.choice(n_rows, size=int(n_samples), replace=False))


def decoded(decoder, points):
    """Decode points to flattened samples."""
    decode = getattr(decoder, "inverse_transform", decoder)
    if not callable(decode):
        raise TypeError(
            "decoder must be a callable or have a method inverse_transform, got"
            f" {decoder!r}."
        )
    samples = np.asarray(decode(points))
    if samples.shape[:1] != (len(points),) or samples.dtype.kind not in "fiub":
        raise ValueError(
            f"decoder must return one sample for each of {len(points)} points, got an"
            f" array of shape {samples.shape} and dtype {samples.dtype}."
        )
    return samples.reshape(len(samples), -1)
