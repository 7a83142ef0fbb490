# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier
from torch import nn

from skmanifold import TLDR
from skmanifold.estimators._tldr import TLDRObjective
from skmanifold.losses import barlow_twins

QUICK = dict(n_components=4, max_epochs=2, projector_dim=16, random_state=0)


def quick(**options):
    return TLDR(**{**QUICK, **options})


@pytest.fixture(scope="module")
def digits():
    return load_digits(return_X_y=True)


def test_objective():
    """The terms are those of the loss between the two halves, per output."""
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(20, 3, generator=generator)
    encoder, projector = nn.Linear(3, 2), nn.Linear(2, 5)
    objective = TLDRObjective(inputs, encoder, projector, redundancy_weight=0.1)
    rows, others = torch.arange(8), torch.arange(8, 16)
    terms = objective((rows, others, None, None), 0.0)
    z = projector(encoder(inputs))
    invariance, redundancy = barlow_twins(z[:8], z[8:16])
    torch.testing.assert_close(terms["invariance"], invariance / 5)
    torch.testing.assert_close(terms["redundancy"], 0.1 * redundancy / 20)


@pytest.mark.parametrize(
    "encoder, least", [("linear", 0.92), ("factorized", 0.8), ("mlp", 0.92)]
)
def test_new_samples_find_their_class(digits, encoder, least):
    X, X_new, y, y_new = train_test_split(*digits, random_state=0)
    model = TLDR(8, encoder=encoder, max_epochs=40, random_state=0)
    neighbors = KNeighborsClassifier().fit(model.fit_transform(X), y)
    assert neighbors.score(model.transform(X_new), y_new) > least


@pytest.mark.parametrize("encoder", ["linear", "factorized"])
def test_a_linear_map_is_linear(digits, encoder):
    X, _ = digits
    model = quick(encoder=encoder).fit(X)
    mean = model.transform((X[:50] + X[50:100]) / 2)
    ends = model.transform(X[:50]), model.transform(X[50:100])
    np.testing.assert_allclose(mean, (ends[0] + ends[1]) / 2, atol=1e-4)


def test_own_encoder(digits):
    X, _ = digits
    model = quick(encoder=lambda n_in, n_out: nn.Linear(n_in, n_out)).fit(X)
    assert model.transform(X[:3]).shape == (3, 4)
    with pytest.raises(ValueError, match=r"encoder maps .* shape \(2, 3\)"):
        quick(encoder=nn.Linear(64, 3)).fit(X)


def test_metric_is_measured_on_the_data(digits):
    X, _ = digits
    plain, cosine = (quick(metric=m).fit(X) for m in ("euclidean", "cosine"))
    assert (plain.embedding_ != cosine.embedding_).any()
