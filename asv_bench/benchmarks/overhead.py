# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""Time of imports and of a first fit, and memory of a large one.

``python -m asv_bench.compare.speed`` measures steps, epochs and single samples.
"""

from skmanifold import DLME

from . import WholeFit, make_clusters


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
