# SPDX-License-Identifier: BSD-3-Clause

"""Distances in place of features, for methods with ``metric="precomputed"``."""

import contextlib

from scipy import sparse

from skmanifold.graph._landmarks import distances_to_landmarks, landmark_paths
from skmanifold.graph._lists import check_distances

# Number of landmarks whose path lengths are the features of sparse distances.
_N_LANDMARKS = 128


def is_precomputed(estimator):
    """Return whether X of an estimator holds distances."""
    metric = getattr(estimator, "metric", None)
    return isinstance(metric, str) and metric == "precomputed"


@contextlib.contextmanager
def distances_kept(estimator, *, part):
    """Keep the distances of the training data in ``_distances`` during a fit."""
    if part and is_precomputed(estimator):
        raise ValueError(
            "partial_fit is not available with metric='precomputed': a part has no "
            "distances to later ones. Call fit with all distances, or pass features."
        )
    estimator._distances = None
    try:
        yield
    finally:
        del estimator._distances


def features_of_distances(estimator, X, validate, *, reset):
    """Validate distances, and return the inputs of a network in place of features.

    These are the distances to all training samples or, if those of the training data
    are sparse, the lengths of the shortest paths to some of them, ``_paths``.
    """
    training = reset or getattr(estimator, "_distances", X) is None
    distances = validate(check_distances(X), reset=reset)
    check_distances(distances, square=training)
    if training:
        estimator._distances = distances
    if reset:
        estimator._paths = (
            landmark_paths(distances, _N_LANDMARKS)
            if sparse.issparse(distances)
            else None
        )
    if estimator._paths is not None:
        return distances_to_landmarks(distances, estimator._paths)
    if sparse.issparse(distances):
        raise ValueError(
            "X is sparse, but fit was given the distances between all samples: pass "
            "those from each new sample to all training samples, as a dense array."
        )
    return distances
