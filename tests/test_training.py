# SPDX-License-Identifier: BSD-3-Clause


import pytest
from sklearn.base import clone
from sklearn.utils.estimator_checks import check_parameters_default_constructible

from skmanifold.training import TrainingOptions


def test_follows_the_rules_of_parameters():
    check_parameters_default_constructible("TrainingOptions", TrainingOptions())
    options = TrainingOptions(weight_decay=0.5)
    assert clone(options).get_params() == options.get_params()
    options._validate_params()


@pytest.mark.parametrize(
    "name, value",
    [
        ("optimizer", "sgd"),
        ("weight_decay", -0.1),
        ("warmup", 1.0),
        ("schedule", "step"),
        ("precision", "float16"),
        ("n_threads", 0),
        ("gradient_clip", 0),
        ("tol", -1),
        ("n_iter_no_change", 0),
        ("checkpoint", 3),
        ("checkpoint_every", 0),
    ],
)
def test_bad_values_are_named(name, value):
    with pytest.raises(ValueError, match=f"The '{name}' parameter of TrainingOptions"):
        TrainingOptions(**{name: value})._validate_params()
