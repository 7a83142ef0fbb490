# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
import pytest


@pytest.fixture
def pair():
    """Sixty samples in five columns and a distorted embedding of them."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 5))
    Z = X[:, :2] ** 3 + 0.3 * rng.normal(size=(60, 2))
    return X, Z


@pytest.fixture
def labels():
    """Labels of the sixty samples."""
    return np.random.default_rng(1).integers(4, size=60)


def naive_distances(X):
    n = len(X)
    X = np.asarray(X).tolist()
    D = np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            D[i, j] = np.sqrt(
                sum((a - b) ** 2 for a, b in zip(X[i], X[j], strict=True))
            )
    return D


def naive_ranks(X):
    """ranks[i, j] = how many others are nearer to i than j is, and one."""
    D = naive_distances(X).tolist()
    n = len(X)
    ranks = np.zeros((n, n), dtype=int)
    for i in range(n):
        for j in range(n):
            if j != i:
                ranks[i, j] = 1 + sum(
                    D[i][other] < D[i][j] for other in range(n) if other not in (i, j)
                )
    return ranks


@pytest.fixture
def loops():
    """The definitions as double loops, and nothing else."""

    class Loops:
        distances = staticmethod(naive_distances)
        ranks = staticmethod(naive_ranks)

    return Loops
