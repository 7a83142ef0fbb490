# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""Votes of a gallery as a torch module."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_iris

from skmanifold import AtlasTriplet
from skmanifold.atlas._votes import GalleryVotes, LargestVote


def test_by_hand():
    # one chart: distances are those of the coordinates, over the root of 1
    gallery = np.array([[[0.0]], [[0.5]], [[1.0]]])
    votes = GalleryVotes(
        np.ones((3, 1)),
        gallery,
        np.array([1, 0, 1]),
        n_classes=2,
        n_neighbors=2,
        margin=0.5,
        hard=False,
    )
    raw = torch.tensor([[1.0, 0.1], [1.0, 0.9]])
    shares = votes(raw).numpy()
    # the nearer one is 0.1 away, the other 0.4
    farther = np.exp(-0.3 / 0.5)
    expected = np.array([farther, 1.0]) / (1 + farther)
    np.testing.assert_allclose(shares, [expected, expected], rtol=1e-6)
    classes = LargestVote(votes, np.array([-7, 12], dtype=np.int8))(raw)
    assert classes.tolist() == [12, 12]
    assert classes.dtype == torch.int64


@pytest.mark.parametrize("membership", ["soft", "hard"])
def test_as_predict_proba(membership):
    X, y = load_iris(return_X_y=True)
    model = AtlasTriplet(3, membership=membership, max_epochs=5, random_state=0)
    model.fit(X, y)
    raw = torch.from_numpy(model._outputs(model.network_, X))
    found = model._votes()(raw).numpy()
    np.testing.assert_allclose(found, model.predict_proba(X), atol=1e-6)
    assert len(np.unique(found.argmax(axis=1))) == 3
