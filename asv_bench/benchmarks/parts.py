# SPDX-License-Identifier: BSD-3-Clause

"""Parts of the methods: neighbors, geodesics, homology."""

import numpy as np
from sklearn.neighbors import NearestNeighbors
from threadpoolctl import threadpool_limits

from skmanifold.datasets import make_flat_torus, make_swiss_roll
from skmanifold.graph import geodesic_embedding, nearest_neighbors
from skmanifold.topology import betti_numbers, cech_nerve, denoise, soft_cover


class ExactNeighbors:
    """Exact neighbors of Gaussian data on one thread, and scikit-learn's."""

    params = ([(2_000, 64), (10_000, 784)], ["skmanifold", "scikit-learn"])
    param_names = ("shape", "implementation")
    timeout = 600
    number = 1
    repeat = (1, 5, 30.0)

    def setup(self, shape, implementation):
        self.X = np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
        self.limits = threadpool_limits(limits=1)

    def teardown(self, shape, implementation):
        self.limits.restore_original_limits()

    def search(self, implementation):
        """Search 15 neighbors."""
        if implementation == "skmanifold":
            return nearest_neighbors(self.X, 15, algorithm="exact", n_jobs=1)
        search = NearestNeighbors(n_neighbors=15, algorithm="brute", n_jobs=1)
        return search.fit(self.X).kneighbors()

    def time_search(self, shape, implementation):
        self.search(implementation)

    def peakmem_search(self, shape, implementation):
        self.search(implementation)


class GeodesicEmbedding:
    """Isomap, with landmarks for many samples."""

    params = [2_000, 20_000]
    param_names = ("n_samples",)
    timeout = 300
    number = 1

    def setup(self, n_samples):
        self.X = make_swiss_roll(n_samples, random_state=0).data

    def time_embed(self, n_samples):
        geodesic_embedding(self.X, random_state=0)

    def peakmem_embed(self, n_samples):
        geodesic_embedding(self.X, random_state=0)


class Topology:
    """Covers, nerves and homology."""

    params = [8, 32]
    param_names = ("n_charts",)
    timeout = 120

    def setup(self, n_charts):
        self.X = make_flat_torus(3000, random_state=0).data
        self.Q = soft_cover(self.X, n_charts, random_state=0)

    def time_soft_cover(self, n_charts):
        soft_cover(self.X, n_charts, random_state=0)

    def time_cech_nerve(self, n_charts):
        cech_nerve(self.Q)

    def time_betti_numbers(self, n_charts):
        betti_numbers(self.Q)

    def peakmem_betti_numbers(self, n_charts):
        betti_numbers(self.Q)

    def time_denoise(self, n_charts):
        denoise(self.X)
