# SPDX-License-Identifier: BSD-3-Clause

"""Imports, fits, new samples and memory.

``python -m asv_bench.compare.speed`` measures steps, epochs and single samples.
"""

import os
import pickle
import tempfile

import numpy as np

import skmanifold
from skmanifold import DCRL, DLME, IsometricAE
from skmanifold.training import TrainingOptions

from . import WholeFit, make_clusters

NAMES = ["DLME", "DCRL", "IsometricAE", "AtlasAE", "MSimCLR", "AtlasTriplet"]
# Parameters without a default, and parameters that shorten parts that are not measured.
PARAMETERS = {"DCRL": {"n_clusters": 10}}
SHORT = {
    "DCRL": {"init": "k-means", "pretraining_epochs": 1},
    "IsometricAE": {"anchor": None},
}


def make(name, **parameters):
    """Return an estimator with seed 0."""
    parameters = {**PARAMETERS.get(name, {}), **parameters}
    return getattr(skmanifold, name)(random_state=0, **parameters)


class NewProcess:
    """Time of a new process to import, and to its first result."""

    timeout = 300
    number = 1
    repeat = (1, 3, 60.0)

    def timeraw_import(self):
        return "import skmanifold"

    def timeraw_import_estimator(self):
        return "from skmanifold import DLME"

    def timeraw_first_fit(self):
        return """
        from sklearn.datasets import load_digits
        from skmanifold import DLME
        DLME(random_state=0).fit(load_digits().data)
        """


class Memory(WholeFit):
    """Peak memory of a fit to 220 MB in single precision, which are a part of it."""

    def setup(self):
        self.X, _ = make_clusters(70_000, 784)

    def peakmem_fit(self):
        DLME(max_epochs=1, random_state=0).fit(self.X)


class Fit(WholeFit):
    """Complete fit with default parameters."""

    params = (NAMES, [500, 4_000])
    param_names = ("estimator", "n_samples")

    def setup(self, name, n_samples):
        self.X, self.y = make_clusters(n_samples, 100)

    def time_fit(self, name, n_samples):
        make(name).fit(self.X, self.y)

    def peakmem_fit(self, name, n_samples):
        make(name).fit(self.X, self.y)


class Epoch(WholeFit):
    """One epoch of the last phase, with short earlier phases."""

    params = (NAMES, [4_000, 16_000])
    param_names = ("estimator", "n_samples")

    def setup(self, name, n_samples):
        self.X, self.y = make_clusters(n_samples, 64)
        self.model = make(name, max_epochs=1, **SHORT.get(name, {}))

    def time_epoch(self, name, n_samples):
        self.model.fit(self.X, self.y)


class Images(WholeFit):
    """Fits with convolutional networks."""

    def setup(self):
        self.X, _ = make_clusters(1_000, 784)

    def time_isometric_ae(self):
        model = make("IsometricAE", anchor=None, max_epochs=1, image_shape=(28, 28))
        model.fit(self.X)

    def time_dcrl(self):
        make("DCRL", max_epochs=1, image_shape=(28, 28)).fit(self.X)


class Threads(WholeFit):
    """Training on one thread and on two: the second should pay off."""

    params = [1, 2]
    param_names = ("n_threads",)

    def setup(self, n_threads):
        self.X, _ = make_clusters(16_000, 50)

    def time_fit(self, n_threads):
        training = TrainingOptions(n_threads=n_threads)
        DLME(max_epochs=4, training=training, random_state=0).fit(self.X)


class NewSamples:
    """transform from one sample, all overhead, to many, all network."""

    params = (["DLME", "DCRL", "IsometricAE"], [1, 100, 10_000])
    param_names = ("estimator", "n_samples")
    timeout = 300

    def setup_cache(self):
        """Fit once: the cost does not depend on the length of training."""
        X, _ = make_clusters(2_000, 784)
        return {
            name: make(name, max_epochs=1, **SHORT.get(name, {})).fit(X)
            for name in self.params[0]
        }

    def setup(self, fitted, name, n_samples):
        self.model = fitted[name]
        self.X, _ = make_clusters(n_samples, 784, random_state=1)

    def time_transform(self, fitted, name, n_samples):
        self.model.transform(self.X)

    def peakmem_transform(self, fitted, name, n_samples):
        self.model.transform(self.X)


class Decode:
    """Decoding, cluster prediction, and the size of a pickle."""

    def setup(self):
        X, _ = make_clusters(2_000, 100)
        self.isometric = IsometricAE(max_epochs=1, anchor=None, random_state=0).fit(X)
        self.dcrl = DCRL(10, max_epochs=1, random_state=0, **SHORT["DCRL"]).fit(X)
        self.Z = np.random.default_rng(0).standard_normal((10_000, 2))
        self.X, _ = make_clusters(10_000, 100)

    def time_inverse_transform(self):
        self.isometric.inverse_transform(self.Z)

    def time_jacobian(self):
        self.isometric.jacobian(self.Z)

    def time_predict(self):
        self.dcrl.predict(self.X)

    def track_pickle_size(self):
        return len(pickle.dumps(self.dcrl))

    track_pickle_size.unit = "bytes"


class MemoryMap:
    """Data on disk: peak memory must not grow with their size."""

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
