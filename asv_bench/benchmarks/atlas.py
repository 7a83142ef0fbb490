# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""The atlas autoencoder and the topology of covers."""

from skmanifold.atlas import AtlasAE
from skmanifold.datasets import make_flat_torus, make_projective_plane
from skmanifold.topology import betti_numbers, cech_nerve, denoise, soft_cover


class Topology:
    """Covers, nerves and their homology: no training."""

    params = [8, 16, 32]
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


class Fit:
    """A whole fit at the defaults."""

    params = ([1_000, 10_000], [8, 32])
    param_names = ("n_samples", "n_charts")
    timeout = 600
    number = 1
    repeat = (1, 3, 60.0)
    warmup_time = 0.0

    def setup(self, n_samples, n_charts):
        self.X = make_flat_torus(n_samples, random_state=0).data

    def time_fit(self, n_samples, n_charts):
        AtlasAE(n_charts, random_state=0).fit(self.X)

    def peakmem_fit(self, n_samples, n_charts):
        AtlasAE(n_charts, random_state=0).fit(self.X)


class Quality:
    """What must not be lost while something else is won."""

    timeout = 600
    unit = "score"

    def setup_cache(self):
        """Fit once for all figures, with three seeds."""
        found = []
        for seed in range(3):
            bunch = make_projective_plane(3000, n_features=6, random_state=seed)
            model = AtlasAE(12, random_state=seed).fit(bunch.data)
            found.append((bunch, model))
        return found

    setup_cache.timeout = 600

    def track_right_betti_numbers(self, cache):
        return sum(
            all(
                betti_numbers(model.predict_proba(bunch.data), field=field).numbers
                == bunch.betti_numbers[field]
                for field in (2, 3)
            )
            for bunch, model in cache
        )

    def track_reconstruction(self, cache):
        errors = [
            -model.score(bunch.data) / bunch.data.var(axis=0).sum()
            for bunch, model in cache
        ]
        return sum(errors) / len(errors)
