# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause
"""Nearest neighbours: ours against scikit-learn's, on one thread.

The largest size, which takes minutes with scikit-learn, is skipped unless the
environment variable SKMANIFOLD_BENCH_LARGE is set.
"""

import os

import numpy as np
from sklearn.neighbors import NearestNeighbors
from threadpoolctl import threadpool_limits

from skmanifold.graph import nearest_neighbors

N_NEIGHBORS = 15


class ExactNeighbors:
    """Exact Euclidean neighbours of Gaussian data in single precision."""

    param_names = ("shape", "implementation")
    params = (
        [(2_000, 64), (10_000, 784), (70_000, 50)],
        ["skmanifold", "scikit-learn"],
    )
    timeout = 600
    number = 1
    repeat = (1, 5, 30.0)
    warmup_time = 0

    def setup(self, shape, implementation):
        if shape[0] > 10_000 and not os.environ.get("SKMANIFOLD_BENCH_LARGE"):
            raise NotImplementedError("SKMANIFOLD_BENCH_LARGE is not set")
        rng = np.random.default_rng(0)
        self.X = rng.standard_normal(shape, dtype=np.float32)
        self.limits = threadpool_limits(limits=1)

    def teardown(self, shape, implementation):
        if hasattr(self, "limits"):
            self.limits.restore_original_limits()

    def _search(self, implementation):
        if implementation == "skmanifold":
            return nearest_neighbors(self.X, N_NEIGHBORS, algorithm="exact", n_jobs=1)
        search = NearestNeighbors(n_neighbors=N_NEIGHBORS, algorithm="brute", n_jobs=1)
        return search.fit(self.X).kneighbors()

    def time_search(self, shape, implementation):
        self._search(implementation)

    def peakmem_search(self, shape, implementation):
        self._search(implementation)
