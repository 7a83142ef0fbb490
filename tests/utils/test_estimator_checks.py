# SPDX-License-Identifier: BSD-3-Clause

"""Each check detects its faults, on one broken estimator after the other."""

import os
import warnings

import numpy as np
import pytest
from sklearn.exceptions import SkipTestWarning
from sklearn.preprocessing import FunctionTransformer

from skmanifold.utils import estimator_checks
from skmanifold.utils._checks import CHECKS, _inputs
from skmanifold.utils.estimator_checks import (
    check_deep_manifold,
    parametrize_with_deep_checks,
)
from tests.utils.faults import FAULTS
from tests.utils.faulty import Sound, SoundSupervised, short


@parametrize_with_deep_checks(
    [short(Sound, n_clusters=2), short(SoundSupervised)], scikit_learn=False
)
def test_a_sound_estimator_passes(estimator, check):
    check(estimator)


@pytest.mark.parametrize(
    "check, message", [(check, text) for check in FAULTS for text in FAULTS[check]]
)
def test_a_check_finds_its_fault(check, message):
    by_name = {check.__name__[6:]: check for check in CHECKS}
    n_clusters = 2 if message == "labels_ must be" else None
    before = np.geterr()
    try:
        with (
            warnings.catch_warnings(),
            pytest.raises(AssertionError, match=f"(?s){message}"),
        ):
            estimator = short(FAULTS[check][message], n_clusters=n_clusters)
            by_name[check]("Altered", estimator)
    finally:
        os.environ.pop("SKMANIFOLD_CHECK", None)
        np.seterr(**before)


def test_each_check_has_a_fault():
    assert {check.__name__[6:] for check in CHECKS} == {*FAULTS}


# What a user calls ------------------------------------------------------------


def test_check_deep_manifold_runs_scikit_learns_checks_and_ours():
    names = [
        estimator_checks._name_of(check)
        for _, check in check_deep_manifold(Sound(), generate_only=True)
    ]
    assert "check_estimators_nan_inf" in names
    assert names[-len(CHECKS) :] == [check.__name__ for check in CHECKS]
    only_ours = check_deep_manifold(Sound(), generate_only=True, scikit_learn=False)
    assert len(list(only_ours)) == len(CHECKS)


def test_check_deep_manifold_raises_what_a_check_finds():
    with pytest.raises(AssertionError, match="same bits whatever rows"):
        cls = FAULTS["transform_of_subsets"]["same bits whatever rows"]
        check_deep_manifold(short(cls), scikit_learn=False)


def test_check_deep_manifold_says_what_it_skips(monkeypatch):
    def no_library(name, estimator):
        _inputs._data_frame(np.eye(3), "pandas")

    def missing(self, transform):
        raise ImportError

    monkeypatch.setattr(estimator_checks, "CHECKS", [no_library])
    monkeypatch.setattr(FunctionTransformer, "set_output", missing)
    with pytest.warns(SkipTestWarning, match="no_library was skipped: pandas is not"):
        check_deep_manifold(Sound(), scikit_learn=False)


def test_a_class_is_refused():
    with pytest.raises(TypeError, match=r"Pass Sound\(\.\.\.\)"):
        check_deep_manifold(Sound)


def test_ids_name_the_estimator_and_the_check():
    mark = parametrize_with_deep_checks([Sound()], scikit_learn=False)
    names, cases = mark.args
    assert names == "estimator, check"
    assert cases[0].id == "Sound()-check_transform_of_subsets"
