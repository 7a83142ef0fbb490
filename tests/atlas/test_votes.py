# SPDX-License-Identifier: BSD-3-Clause

"""Votes of a gallery as a torch module."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.datasets import load_iris

from skmanifold import AtlasTriplet


@pytest.mark.parametrize("membership", ["soft", "hard"])
def test_votes_are_those_of_predict_proba(membership):
    X, y = load_iris(return_X_y=True)
    model = AtlasTriplet(3, membership=membership, max_epochs=5, random_state=0)
    model.fit(X, y)
    raw = torch.from_numpy(model._outputs(model.network_, X))
    result = model._votes()(raw).numpy()
    assert_allclose(result, model.predict_proba(X), atol=1e-6)
    assert len(np.unique(result.argmax(axis=1))) == 3
