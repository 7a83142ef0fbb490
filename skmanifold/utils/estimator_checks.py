# SPDX-License-Identifier: BSD-3-Clause

"""Checks of skmanifold's guarantees, in addition to scikit-learn's checks."""

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


def check_deep_manifold(estimator, generate_only=False, *, scikit_learn=True):
    """Check the guarantees of skmanifold for an estimator.

    The embedding of a sample depends on the seed alone, not on other samples, threads
    or the process; global state is untouched; invalid input raises clear errors and
    leaves the estimator unchanged; unusual input gives finite results; and an
    interrupted fit leaves only a checkpoint, from which it resumes to the same bits.

    The estimator is cloned and fitted about a hundred times on a few dozen samples, so
    give it small networks and one epoch.

    Parameters
    ----------
    estimator : DeepManifold
        Instance with parameters for a fast fit.
    generate_only : bool, default=False
        Return the checks instead of running them.
    scikit_learn : bool, default=True
        Run scikit-learn's own checks first.

    Returns
    -------
    generator of (estimator, callable) or None
        With ``generate_only``: pairs of an estimator and a check to call with it.

    Raises
    ------
    AssertionError
        If a guarantee is violated; the message states which.
    TypeError
        If a class is given instead of an instance.

    See Also
    --------
    parametrize_with_deep_checks : Run the checks as pytest tests.
    sklearn.utils.estimator_checks.check_estimator : Run scikit-learn's checks.

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
            "check_deep_manifold needs an instance, got the class"
            f" {estimator.__name__}. Pass {estimator.__name__}(...), with small"
            " networks and one epoch."
        )
    checks = _generate(estimator, scikit_learn)
    if generate_only:
        return checks
    for instance, check in checks:
        try:
            check(instance)
        except SkipTest as skipped:
            message = f"{_name_of(check)} was skipped: {skipped}"
            warnings.warn(message, SkipTestWarning, stacklevel=2)
    return None


def parametrize_with_deep_checks(estimators, *, scikit_learn=True):
    """Parametrize a pytest test with each check of each estimator.

    Parameters
    ----------
    estimators : list of DeepManifold
        Instances with parameters for a fast fit.
    scikit_learn : bool, default=True
        Include scikit-learn's own checks.

    Returns
    -------
    pytest.MarkDecorator
        Decorator of a test with the arguments ``estimator`` and ``check``.

    See Also
    --------
    check_deep_manifold : Run the checks.

    Examples
    --------
    >>> from skmanifold import DLME
    >>> from skmanifold.utils.estimator_checks import parametrize_with_deep_checks
    >>> @parametrize_with_deep_checks([DLME(max_epochs=1)])
    ... def test_guarantees(estimator, check):
    ...     check(estimator)
    """
    pytest = import_optional("pytest", "test")
    cases = [
        pytest.param(
            instance, check, id=re.sub(r"\s+", "", f"{instance!r}-{_name_of(check)}")
        )
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
