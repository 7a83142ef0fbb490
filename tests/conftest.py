# SPDX-License-Identifier: BSD-3-Clause

"""Settings that every test shares."""

import os
import sys

import hypothesis
import pytest

# Read when NumPy, torch and matplotlib are first imported, which is later. Tests run
# side by side, one process a core: threads of their own would only fight. A test of
# threading sets its number of threads itself.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
os.environ.setdefault("MPLBACKEND", "Agg")
# SciPy reads this at its import; without it scikit-learn skips one of its checks.
os.environ.setdefault("SCIPY_ARRAY_API", "1")

# The same examples in every run, whatever the load of the machine.
hypothesis.settings.register_profile(
    "house", derandomize=True, deadline=None, database=None
)
hypothesis.settings.load_profile("house")


@pytest.fixture(autouse=True)
def _restored_settings():
    """Give the next test scikit-learn's settings and torch's threads unchanged."""
    import sklearn

    config = sklearn.get_config()
    torch = sys.modules.get("torch")
    threads = torch.get_num_threads() if torch else None
    yield
    sklearn.set_config(**config)
    if torch and torch.get_num_threads() != threads:
        torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def iris():
    """Rows and classes of the irises."""
    from sklearn.datasets import load_iris

    return load_iris(return_X_y=True)


@pytest.fixture(scope="module")
def digits():
    """Rows and classes of the handwritten digits."""
    from sklearn.datasets import load_digits

    return load_digits(return_X_y=True)
