# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

import pytest


@pytest.fixture(autouse=True)
def _closed_figures():
    """Each test leaves no figure behind."""
    import matplotlib.pyplot as plt

    yield
    plt.close("all")
