# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""Peak memory of fits and transforms of a memory map, beside the documented formula."""

import os
import tempfile

import numpy as np

from skmanifold import DLME


class MemoryMap:
    """A matrix on the disk: the peak must not grow with its size times two."""

    params = [50_000, 200_000]
    param_names = ("n_samples",)
    timeout = 600
    n_features = 64

    def setup(self, n_samples):
        self.folder = tempfile.TemporaryDirectory()
        self.X = self.open("X.npy", (n_samples, self.n_features))
        rng = np.random.default_rng(0)
        for start in range(0, n_samples, 10_000):
            self.X[start : start + 10_000] = rng.normal(size=(10_000, self.n_features))
        self.X.flush()
        self.X = np.load(os.path.join(self.folder.name, "X.npy"), mmap_mode="r")
        self.out = self.open("out.npy", (n_samples, 2))
        self.model = DLME(
            augmentation="none",
            batch_size=500,
            structure_layers=(32,),
            structure_dim=8,
            max_epochs=1,
            random_state=0,
        ).fit(self.X[:2000])

    def teardown(self, n_samples):
        del self.X, self.out
        self.folder.cleanup()

    def open(self, name, shape):
        path = os.path.join(self.folder.name, name)
        return np.lib.format.open_memmap(path, "w+", dtype=np.float32, shape=shape)

    def peakmem_fit(self, n_samples):
        self.model.fit(self.X)

    def peakmem_transform(self, n_samples):
        self.model.transform(self.X, out=self.out)
