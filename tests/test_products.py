# SPDX-License-Identifier: BSD-3-Clause

"""No fit computes a product whose last bits depend on the number of threads.

Whether they differ depends on the processor, so that comparing results is not enough.
"""

import pytest
import torch
from sklearn.datasets import load_digits
from torch.utils._python_dispatch import TorchDispatchMode

from tests.test_house import NAMES, VARIANTS, small

PRODUCTS = {"addmm", "baddbmm", "bmm", "convolution", "mm"}


class Products(TorchDispatchMode):
    """Record products of torch, without oneDNN's, on several threads."""

    def __init__(self):
        super().__init__()
        self.found = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func._schema.name.removeprefix("aten::")
        if name in PRODUCTS and torch.get_num_threads() > 1:
            self.found.append(name)
        return func(*args, **(kwargs or {}))


CASES = [*map(small, NAMES), *VARIANTS, small("MSimCLR", image_shape=(8, 8))]


@pytest.mark.parametrize("estimator", CASES, ids=str)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_products_run_on_one_thread(estimator):
    X, y = load_digits(return_X_y=True)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with Products() as products:
            estimator.fit(X[:100], y[:100]).transform(X[:30])
            torch.mm(torch.ones(2, 2), torch.ones(2, 2))
    finally:
        torch.set_num_threads(before)
    assert products.found == ["mm"]  # only our own
