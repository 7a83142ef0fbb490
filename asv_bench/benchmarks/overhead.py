# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""Overhead of imports, epochs, steps, one sample and memory.

The measurements are those of ``asv_bench.compare.speed``, on digits.
"""

import sys
from pathlib import Path

# Last, so that asv's installed commit takes precedence over the checkout.
sys.path.append(str(Path(__file__).resolve().parents[2]))

from asv_bench.compare import speed
from asv_bench.compare.process import measured
from skmanifold import DLME

from . import make_clusters


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


class Import:
    """``import skmanifold`` after ``sklearn.base``."""

    timeout = 120
    unit = "seconds"

    def track_beyond_scikit_learn(self):
        return speed.imports("import skmanifold", None, None, 0)["beyond s"]


class Epochs:
    """Epoch of ours relative to plain torch with the same network."""

    params = ["DCRL", "MSimCLR", "AtlasAE"]
    param_names = ("method",)
    timeout = 600
    unit = "ratio"

    def track_ratio(self, method):
        return speed.epochs(method, "digits", None, 0)["ratio"]


class Step:
    """A training step of DLME and its matrix products."""

    timeout = 600
    unit = "ratio"

    def setup_cache(self):
        """Train once for both figures."""
        return speed.step("DLME", "digits", None, 0)

    setup_cache.timeout = 600

    def track_share_of_products(self, figures):
        return figures["products, of profile"]

    def track_rate_over_that_of_the_products(self, figures):
        return figures["ratio"]


class OneRow:
    """``transform`` of one sample, beyond the network on its block."""

    params = ["DLME", "DCRL"]
    param_names = ("method",)
    timeout = 300
    unit = "ms"

    def track_beyond_the_network(self, method):
        return speed.row(method, "digits", None, 0)["beyond the block, ms"]


class Memory:
    """Peak memory of a fit relative to the size of X in single precision."""

    timeout = 600
    unit = "ratio"

    def setup(self):
        self.X, _ = make_clusters(70_000, 784)

    def track_peak_over_the_rows(self):
        model = DLME(max_epochs=1, random_state=0)
        _, figures = measured(lambda: model.fit(self.X))
        return figures["peak_mib"] * 2**20 / self.X.nbytes
