# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""The promises of the house, over every estimator that the package has."""

import ast
from pathlib import Path

import pytest

import skmanifold
from skmanifold.utils.estimator_checks import parametrize_with_deep_checks

# What makes an estimator quick. One that is not named here is checked as it comes.
SMALL = {
    "AtlasAE": {"n_charts": 3, "encoder_layers": (16,), "decoder_layers": (16,)},
    "AtlasTriplet": {"n_charts": 3, "encoder_layers": (16,), "feature_dim": 8},
    "DCRL": {
        "n_clusters": 3,
        "n_components": 2,
        "init": "k-means",  # no network before the network
        "encoder_layers": (16,),
        "representation_epochs": 1,
        "pretraining_epochs": 1,
    },
    "DLME": {"structure_layers": (16,), "structure_dim": 8, "embedding_layers": (16,)},
    "IsometricAE": {"encoder_layers": (16,)},
    "MSimCLR": {"n_charts": 3, "encoder_layers": (16,), "feature_dim": 8},
    "TLDR": {"n_components": 4, "projector_dim": 16},
    "TopologicalAE": {"encoder_layers": (16,)},
}


def small(name):
    estimator = getattr(skmanifold, name)()
    if "n_jobs" in estimator.get_params():
        estimator.set_params(n_jobs=1)
    return estimator.set_params(max_epochs=1, batch_size=20, **SMALL.get(name, {}))


ESTIMATORS = [small(name) for name in sorted(skmanifold._ESTIMATORS)]


# scikit-learn's own checks are run by the tests of each estimator, see below
@pytest.mark.filterwarnings("ignore:The graph of .* parts:UserWarning")
@pytest.mark.filterwarnings("ignore:.* clusters have no rows:UserWarning")
@parametrize_with_deep_checks(ESTIMATORS, scikit_learn=False)
def test_promise(estimator, check):
    check(estimator)


@pytest.mark.parametrize("name", sorted(skmanifold._ESTIMATORS))
def test_every_estimator_is_checked(name):
    assert name in {type(estimator).__name__ for estimator in ESTIMATORS}
    assert set(SMALL) <= set(skmanifold._ESTIMATORS)


def checked_by_scikit_learn():
    """Estimators that the tests named ``test_check_estimator`` give to scikit-learn."""
    for path in Path(__file__).parent.rglob("test_*.py"):
        for test in ast.parse(path.read_text(encoding="utf-8")).body:
            if getattr(test, "name", None) != "test_check_estimator":
                continue
            for call in test.decorator_list:
                if ast.unparse(call.func) != "parametrize_with_checks":
                    continue
                # nothing but the estimators: no check is expected to fail
                (estimators,) = call.args
                assert not call.keywords, path
                yield from (
                    ast.unparse(estimator.func) for estimator in estimators.elts
                )


@pytest.mark.parametrize("name", sorted(skmanifold._ESTIMATORS))
def test_every_estimator_is_checked_by_scikit_learn(name):
    assert name in set(checked_by_scikit_learn())
