# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.stats import rankdata


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


@pytest.fixture
def plain():
    """The definitions, by whole matrices."""

    class Plain:
        @staticmethod
        def distances(X):
            return cdist(X, X)

        @staticmethod
        def ranks(X):
            """ranks[i, j] is 1 plus the number of samples nearer to i than j."""
            D = cdist(X, X)
            np.fill_diagonal(D, -1.0)
            return rankdata(D, axis=1) - 1

    return Plain
