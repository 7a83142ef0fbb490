# SPDX-License-Identifier: BSD-3-Clause

"""Tests that need a CUDA device."""

import pickle

import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_iris

import skmanifold
from skmanifold import DLME

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]


@pytest.mark.filterwarnings("ignore:The graph of .* parts:UserWarning")
@pytest.mark.parametrize("name", sorted(skmanifold._ESTIMATORS))
def test_a_fit_on_the_gpu_is_used_on_the_cpu(name):
    X, y = load_iris(return_X_y=True)
    short = {"n_clusters": 3, "n_charts": 3, "pretraining_epochs": 2}
    cls = getattr(skmanifold, name)
    known = cls().get_params(deep=False)
    params = {key: value for key, value in short.items() if key in known}
    model = cls(**params, device="cuda", max_epochs=5, random_state=0).fit(X, y)
    assert {p.device.type for p in model.network_.parameters()} == {"cpu"}
    assert_array_equal(model.transform(X), model.embedding_)
    assert_array_equal(model.transform(X[:7]), model.embedding_[:7])
    assert_array_equal(clone(model).fit(X, y).embedding_, model.embedding_)
    again = pickle.loads(pickle.dumps(model)).set_params(device="cpu")
    assert_allclose(again.transform(X), model.embedding_, atol=1e-3)


def test_auto_takes_the_gpu_and_the_seed_decides():
    X, _ = load_iris(return_X_y=True)
    first, second = (
        DLME(max_epochs=5, random_state=0).fit_transform(X) for _ in range(2)
    )
    assert_array_equal(first, second)
