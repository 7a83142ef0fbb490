# SPDX-License-Identifier: BSD-3-Clause

"""Benchmarks followed over the project's history (airspeed velocity)."""

import numpy as np


def make_clusters(n_samples, n_features, *, n_clusters=10, random_state=0):
    """Return samples near curved 5-dimensional sheets, one per cluster.

    Like real data, they have a low intrinsic dimension, on which the cost of neighbor
    search and training depends.

    Returns
    -------
    X : ndarray of shape (n_samples, n_features), float32
    y : ndarray of shape (n_samples,)
    """
    rng = np.random.default_rng(random_state)
    y = rng.integers(n_clusters, size=n_samples)
    X = np.empty((n_samples, n_features), dtype=np.float32)
    for cluster in range(n_clusters):
        rows = np.flatnonzero(y == cluster)
        inner = rng.standard_normal((len(rows), 5))
        bent = np.tanh(inner @ rng.standard_normal((5, 32)))
        X[rows] = bent @ rng.standard_normal((32, n_features))
        X[rows] += 3.0 * rng.standard_normal(n_features)
    X += 0.1 * rng.standard_normal(X.shape, dtype=np.float32)
    return X, y


class WholeFit:
    """Settings of benchmarks with long runs, which need no averaging."""

    timeout = 900
    number = 1
    repeat = (1, 3, 60.0)
    warmup_time = 0.0
