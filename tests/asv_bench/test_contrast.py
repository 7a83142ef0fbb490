# SPDX-License-Identifier: BSD-3-Clause

"""SimCLR with the loss of another package has the loss of ours."""

import sys
from unittest.mock import MagicMock

import pytest
import torch
from sklearn.datasets import load_digits

from asv_bench.compare.contrast import with_loss_of_lightly
from skmanifold.losses import nt_xent


@pytest.fixture
def _without_stand_ins():
    yield
    for name, module in list(sys.modules.items()):
        if name.startswith("torchvision") and isinstance(module, MagicMock):
            del sys.modules[name]


@pytest.mark.usefixtures("_without_stand_ins")
def test_the_loss_of_lightly_is_that_of_ours():
    pytest.importorskip("lightly")
    X = load_digits().data[:200]
    model = with_loss_of_lightly(
        n_charts=1,
        regularization_weight=0,
        temperature=0.3,
        max_epochs=1,
        random_state=0,
    )
    objectives = []
    make = model._make_objective
    model._make_objective = lambda *a: objectives.append(make(*a)) or objectives[0]
    model.fit(X)
    (objective,) = objectives

    g = torch.Generator().manual_seed(0)
    views = torch.randn(2, 30, X.shape[1], generator=g)
    terms = objective((*views, None), 0.0)
    z = objective.projections(*objective.encoder.charts(views.flatten(0, 1)))
    assert list(terms) == ["contrast"]
    torch.testing.assert_close(terms["contrast"], nt_xent(*z.chunk(2), 0.3))
