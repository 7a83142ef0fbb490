# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""Checks that an estimator keeps what skmanifold promises, besides scikit-learn's."""

import functools
import re
import warnings
from unittest import SkipTest

from sklearn.base import clone
from sklearn.exceptions import SkipTestWarning
from sklearn.utils.estimator_checks import estimator_checks_generator

from skmanifold.utils._checks import CHECKS
from skmanifold.utils._optional import import_optional

__all__ = ["check_deep_manifold", "parametrize_with_deep_checks"]


# What a user calls ------------------------------------------------------------


def check_deep_manifold(estimator, generate_only=False, *, scikit_learn=True):
    """Check that an estimator keeps the promises of skmanifold.

    Its embedding is a function, of each row alone, with the same bits for any order of
    rows, any number of threads and in any process; seeds decide everything and reach
    nothing else; bad input is named and leaves the estimator as it was; odd but valid
    input of any type gives finite results; an interrupted fit leaves nothing behind,
    and its checkpoint goes on to the same bits.

    The estimator is cloned and fitted some hundred times on a few dozen rows, so give
    it small networks and one epoch. Silence means that all checks passed. A warning
    that many of the fits give is shown once.

    Parameters
    ----------
    estimator : DeepManifold
        An instance, with parameters that make it quick.
    generate_only : bool, default=False
        Return the checks instead of running them.
    scikit_learn : bool, default=True
        Whether scikit-learn's own checks come first.

    Returns
    -------
    generator of (estimator, callable) or None
        With ``generate_only``: estimators and the checks to call with them.

    Raises
    ------
    AssertionError
        If a promise is not kept; the message says which.
    TypeError
        If a class is given instead of an instance.

    See Also
    --------
    parametrize_with_deep_checks : The checks as tests of pytest.
    sklearn.utils.estimator_checks.check_estimator : Those of scikit-learn.

    Examples
    --------
    >>> from skmanifold import DLME
    >>> from skmanifold.utils.estimator_checks import check_deep_manifold
    >>> model = DLME(max_epochs=1, structure_layers=(8,), embedding_layers=())
    >>> checks = check_deep_manifold(model, generate_only=True, scikit_learn=False)
    >>> estimator, check = next(checks)
    >>> check(estimator)
    """
    if isinstance(estimator, type):
        raise TypeError(
            f"check_deep_manifold takes an instance, but {estimator.__name__} is a "
            f"class. Pass {estimator.__name__}(...), with small networks and one epoch."
        )
    checks = _generate(estimator, scikit_learn)
    if generate_only:
        return checks
    seen = set()
    for instance, check in checks:
        with warnings.catch_warnings(record=True) as caught:
            try:
                check(instance)
            except SkipTest as skipped:
                warnings.warn(
                    f"{_name_of(check)} was skipped: {skipped}",
                    SkipTestWarning,
                    stacklevel=2,
                )
        for warning in caught:
            # the same warning of fits on more or fewer rows
            text = re.sub(r"\d+", "0", str(warning.message))
            if (warning.category, text) not in seen:
                seen.add((warning.category, text))
                warnings.warn(warning.message, warning.category, stacklevel=2)
    return None


def parametrize_with_deep_checks(estimators, *, scikit_learn=True):
    """Make each check of each estimator a test of pytest.

    Parameters
    ----------
    estimators : list of DeepManifold
        Instances, with parameters that make them quick.
    scikit_learn : bool, default=True
        Whether scikit-learn's own checks are among them.

    Returns
    -------
    pytest.MarkDecorator
        For a test with the arguments ``estimator`` and ``check``.

    See Also
    --------
    check_deep_manifold : What is checked.

    Examples
    --------
    >>> from skmanifold import DLME
    >>> from skmanifold.utils.estimator_checks import parametrize_with_deep_checks
    >>> @parametrize_with_deep_checks([DLME(max_epochs=1)])
    ... def test_promises(estimator, check):
    ...     check(estimator)
    """
    pytest = import_optional("pytest", "test")

    cases = [
        pytest.param(instance, check, id=f"{_short(instance)}-{_name_of(check)}")
        for estimator in estimators
        for instance, check in check_deep_manifold(
            estimator, generate_only=True, scikit_learn=scikit_learn
        )
    ]
    return pytest.mark.parametrize("estimator, check", cases)


def _generate(estimator, scikit_learn):
    if scikit_learn:
        yield from estimator_checks_generator(estimator)
    name = type(estimator).__name__
    for check in CHECKS:
        yield clone(estimator), functools.partial(check, name)


def _name_of(check):
    while isinstance(check, functools.partial):
        check = check.func
    return check.__name__


def _short(estimator):
    return re.sub(r"\s+", "", repr(estimator))
