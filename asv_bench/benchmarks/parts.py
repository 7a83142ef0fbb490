# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""Parts of the methods: neighbors, geodesics, homology, losses, augmentations."""

import numpy as np
import torch
from sklearn.neighbors import NearestNeighbors
from threadpoolctl import threadpool_limits

from skmanifold.augment import crop_resize, random_affine
from skmanifold.datasets import make_flat_torus, make_swiss_roll
from skmanifold.graph import geodesic_embedding, nearest_neighbors
from skmanifold.losses import batch_all_triplets, nt_xent, semi_hard_triplets
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


class Losses:
    """Value and gradient on one batch."""

    params = [64, 512]
    param_names = ("batch_size",)

    def setup(self, batch_size):
        generator = torch.Generator().manual_seed(0)
        z = torch.randn(2, batch_size, 32, generator=generator)
        self.z = z.requires_grad_()
        self.distances = torch.cdist(z[0], z[0]).detach().requires_grad_()
        self.labels = torch.arange(batch_size) % 8

    def time_nt_xent(self, batch_size):
        nt_xent(*self.z, 0.5).backward()

    def time_batch_all(self, batch_size):
        batch_all_triplets(self.distances, self.labels).backward()

    def time_semi_hard(self, batch_size):
        semi_hard_triplets(self.distances, self.labels).backward()


class Augmentations:
    """A batch of 256 images."""

    params = ([28, 64], [1, 3])
    param_names = ("side", "channels")

    def setup(self, side, channels):
        self.images = torch.rand(256, channels, side, side)
        self.draws = torch.rand(256, 5)

    def time_affine(self, side, channels):
        random_affine(self.images, self.draws)

    def time_crop(self, side, channels):
        crop_resize(self.images, self.draws[:, :4])
