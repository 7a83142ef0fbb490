# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""IsometricAE: its anchor, a step, whole fits, decoding, and how isometric it gets."""

import numpy as np
import torch
from scipy.stats import spearmanr

from skmanifold import IsometricAE
from skmanifold.datasets import make_swiss_roll
from skmanifold.graph import geodesic_embedding
from skmanifold.losses import jacobian_vector_product, vector_jacobian_product
from skmanifold.metrics import isometry_distortion
from skmanifold.nn import MLP

from . import make_clusters


class GeodesicEmbedding:
    """The anchor: Isomap, by landmarks where there are many samples."""

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


class Products:
    """Jacobian products with their gradient, by hand and by differentiating."""

    params = ["by hand", "differentiated"]
    param_names = ("route",)

    def setup(self, route):
        torch.manual_seed(0)
        network = MLP(3, 2, layers=(64, 64, 64), norm="none", activation="silu")
        by_hand = route == "by hand"
        self.parameters = list(network.parameters())
        self.network = [network.hidden, network.head] if by_hand else network
        self.back = MLP(2, 3, layers=(64, 64, 64), norm="none", activation="silu")
        self.x, self.u = torch.randn(128, 3), torch.randn(128, 3)
        self.w = torch.randn(128, 2)

    def time_jacobian_vector(self, route):
        _, tangents = jacobian_vector_product(self.network, self.x, self.u)
        torch.autograd.grad(tangents.square().sum(), self.parameters[0])

    def time_vector_jacobian(self, route):
        _, cotangents = vector_jacobian_product(self.network, self.x, self.w)
        torch.autograd.grad(cotangents.square().sum(), self.parameters[0])


class Fit:
    """A whole fit at the defaults, and an epoch."""

    params = [500, 4_000, 16_000]
    param_names = ("n_samples",)
    timeout = 600
    # A fit is long enough to be its own average.
    number = 1
    repeat = (1, 3, 60.0)
    warmup_time = 0.0

    def setup(self, n_samples):
        self.X, _ = make_clusters(n_samples, 100)

    def time_fit(self, n_samples):
        IsometricAE(random_state=0).fit(self.X)

    def time_epoch_without_anchor(self, n_samples):
        IsometricAE(anchor=None, max_epochs=1, random_state=0).fit(self.X)

    def peakmem_fit(self, n_samples):
        IsometricAE(random_state=0).fit(self.X)


class Images:
    """An epoch with convolutional networks, whose products are differentiated."""

    timeout = 600
    number = 1
    repeat = (1, 3, 60.0)

    def setup(self):
        self.X, _ = make_clusters(1_000, 784)

    def time_epoch(self):
        IsometricAE(
            16, image_shape=(28, 28), anchor=None, max_epochs=1, random_state=0
        ).fit(self.X)


class Transform:
    """Rows that were not fitted."""

    params = [1, 10_000]
    param_names = ("n_samples",)

    def setup(self, n_samples):
        X, _ = make_clusters(10_000, 64)
        self.model = IsometricAE(anchor=None, max_epochs=1, random_state=0).fit(X[:500])
        self.X = X[:n_samples]

    def time_transform(self, n_samples):
        self.model.transform(self.X)


class Decode:
    """From codes to rows."""

    def setup(self):
        X, _ = make_clusters(2_000, 100)
        self.model = IsometricAE(max_epochs=1, anchor=None, random_state=0).fit(X)
        self.Z = np.random.default_rng(0).standard_normal((10_000, 2))

    def time_inverse_transform(self):
        self.model.inverse_transform(self.Z)

    def time_jacobian(self):
        self.model.jacobian(self.Z)


class Quality:
    """What must not be lost while something else is won: a swiss roll."""

    timeout = 600
    unit = "score"

    def setup_cache(self):
        """Fit once for all scores, with three seeds."""
        fits = []
        for seed in range(3):
            roll = make_swiss_roll(3_000, random_state=seed)
            model = IsometricAE(random_state=seed).fit(roll.data[:2_000])
            fits.append((roll.data, roll.coordinates, model))
        return fits

    setup_cache.timeout = 600

    def track_distortion(self, fits):
        values = [isometry_distortion(model, model.embedding_) for _, _, model in fits]
        return float(np.mean(values))

    def track_held_out_reconstruction(self, fits):
        new = [(X[2_000:], model) for X, _, model in fits]
        errors = [np.sqrt(-model.score(X) / X.var(axis=0).sum()) for X, model in new]
        return float(np.mean(errors))

    def track_rank_correlation(self, fits):
        i, j = np.random.default_rng(0).integers(2_000, size=(2, 1_000))
        values = []
        for _, coordinates, model in fits:
            along = np.linalg.norm(coordinates[i] - coordinates[j], axis=1)
            Z = model.embedding_
            values.append(spearmanr(along, np.linalg.norm(Z[i] - Z[j], axis=1))[0])
        return float(np.mean(values))
