# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""MSimCLR and AtlasTriplet: their losses, a step, a search, and what they learn."""

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from skmanifold.atlas import AtlasTriplet, ChartwiseClassifier, MSimCLR
from skmanifold.augment import crop_resize, gaussian_blur, random_affine
from skmanifold.losses import batch_all_triplets, nt_xent, semi_hard_triplets


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

    def time_blur(self, side, channels):
        gaussian_blur(self.images, self.draws[:, 0])


class Fit:
    """Ten passes over the digits."""

    params = [1, 16]
    param_names = ("n_charts",)
    timeout = 300
    number = 1
    repeat = (1, 3, 60.0)
    warmup_time = 0.0

    def setup(self, n_charts):
        self.X, self.y = load_digits(return_X_y=True)
        self.options = dict(
            n_charts=n_charts, image_shape=(8, 8), max_epochs=10, random_state=0
        )

    def time_msimclr(self, n_charts):
        MSimCLR(**self.options).fit(self.X)

    def peakmem_msimclr(self, n_charts):
        MSimCLR(**self.options).fit(self.X)

    def time_atlas_triplet(self, n_charts):
        AtlasTriplet(**self.options).fit(self.X, self.y)


class Search:
    """Neighbours of all digits by the learnt distance."""

    def setup(self):
        X, y = load_digits(return_X_y=True)
        self.model = AtlasTriplet(8, max_epochs=1, random_state=0).fit(X, y)

    def time_kneighbors(self):
        self.model.kneighbors()


class Quality:
    """What must not be lost while something else is won: figures on digits."""

    timeout = 900
    unit = "score"

    def setup_cache(self):
        """Fit once for all figures."""
        X, y = load_digits(return_X_y=True)
        model = MSimCLR(image_shape=(8, 8), random_state=0).fit(X[:1300])
        return y, model.embedding_, model.transform(X[1300:]), model.predict_proba(X)

    setup_cache.timeout = 900

    def track_accuracy_per_chart(self, cache):
        y, train, test, _ = cache
        charts = ChartwiseClassifier(LogisticRegression(C=1e3, max_iter=2000))
        return charts.fit(train, y[:1300]).score(test, y[1300:])

    def track_living_charts(self, cache):
        q = cache[3]
        return int((q.mean(axis=0) >= 0.1 / q.shape[1]).sum())

    def track_largest_membership(self, cache):
        return float(np.mean(cache[3].max(axis=1)))
