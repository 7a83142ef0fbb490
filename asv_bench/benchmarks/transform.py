# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""Embedding new rows with a fitted map."""

import pickle

from skmanifold import DLME

from . import make_clusters


class Transform:
    """From one row, where overhead is all, to many, where the network is."""

    params = [1, 100, 10_000, 70_000]
    param_names = ("n_rows",)
    timeout = 300

    def setup_cache(self):
        """Fit once; training length does not change what a transform costs."""
        X, _ = make_clusters(2_000, 784)
        return pickle.dumps(DLME(max_epochs=1, random_state=0).fit(X))

    def setup(self, fitted, n_rows):
        self.model = pickle.loads(fitted)
        self.X, _ = make_clusters(n_rows, 784, random_state=1)
        self.model.transform(self.X[:1])

    def time_transform(self, fitted, n_rows):
        self.model.transform(self.X)

    def peakmem_transform(self, fitted, n_rows):
        self.model.transform(self.X)


class Model:
    """How heavy a fitted estimator is when it travels."""

    unit = "bytes"

    def setup(self):
        X, _ = make_clusters(2_000, 784)
        self.model = DLME(max_epochs=1, random_state=0).fit(X)

    def track_pickle_size(self):
        return len(pickle.dumps(self.model))
