# SPDX-License-Identifier: BSD-3-Clause

"""Random data and parameters: a finite embedding, or an error that says why.

SKMANIFOLD_CASES is the number of cases for each estimator.
"""

import os
import warnings
from numbers import Integral

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from scipy import sparse
from sklearn.utils import get_tags
from sklearn.utils._param_validation import Interval, Options, make_constraint

import skmanifold

N_CASES = int(os.environ.get("SKMANIFOLD_CASES", "8"))

# The machine's and the user's, sizes that only cost time, and a search that compiles.
LEFT_ALONE = {
    "connectivity",
    "device",
    "image_shape",
    "max_epochs",
    "metric",
    "n_init",
    "n_jobs",
    "random_state",
    "training",
    "verbose",
    "warm_start",
}
COMPILES = {"pynndescent"}


@st.composite
def rows(draw):
    """Rows of any number, width, scale, type and container."""
    n_samples = draw(st.integers(1, 40))
    n_features = draw(st.one_of(st.integers(1, 8), st.integers(60, 80)))
    rng = np.random.RandomState(draw(st.integers(0, 10**6)))
    kind = draw(
        st.sampled_from(["normal", "integers", "groups", "line", "heavy", "zeros"])
    )
    if kind == "normal":
        X = rng.randn(n_samples, n_features)
    elif kind == "integers":
        X = rng.randint(0, 3, (n_samples, n_features)).astype(float)
    elif kind == "groups":
        X = rng.randn(3, n_features)[rng.randint(0, 3, n_samples)]
    elif kind == "line":
        X = np.outer(np.arange(n_samples), rng.randn(n_features))
    elif kind == "heavy":
        X = rng.standard_cauchy((n_samples, n_features))
    else:
        X = rng.randn(n_samples, n_features) * (rng.rand(n_samples, n_features) < 0.1)
    X = X * 10.0 ** draw(st.sampled_from([0, 0, 0, -12, 5])) + draw(
        st.sampled_from([0.0, 0.0, 0.0, 1e5])
    )
    if draw(st.booleans()):
        X[:, rng.randint(n_features)] = rng.randn()
    container = draw(st.sampled_from(["array", "float32", "list", "Fortran", "sparse"]))
    if container == "float32":
        X = X.astype(np.float32)
    elif container == "list":
        X = X.tolist()
    elif container == "Fortran":
        X = np.asfortranarray(X)
    elif container == "sparse":
        X = sparse.csr_array(X)
    return X


def values(name, constraints, default):
    """A strategy of values that the constraints of a parameter allow."""
    choices = [st.just(default)]
    for constraint in constraints:
        if isinstance(constraint, Interval):
            allowed = make_constraint(constraint)
            numbers = (
                st.integers(0, 6)
                if constraint.type is Integral
                else st.sampled_from([0.0, 0.001, 0.1, 0.5, 1.0, 2.0, 30.0])
            )
            choices.append(numbers.filter(allowed.is_satisfied_by))
        elif isinstance(constraint, Options):
            options = sorted(constraint.options - COMPILES, key=str)
            choices.append(st.sampled_from(options))
        elif constraint == "boolean":
            choices.append(st.booleans())
        elif constraint is None:
            choices.append(st.none())
    widths = isinstance(default, tuple) and all(isinstance(w, int) for w in default)
    if widths and "array-like" in constraints:
        choices = [st.lists(st.integers(1, 9), max_size=2).map(tuple)]
    return st.one_of(choices)


def parameters(cls):
    """A strategy of a few parameters of the estimator other than their defaults."""
    defaults = cls().get_params(deep=False)
    # wide networks by default: narrow ones always
    narrow = {n: v for n, v in defaults.items() if "layers" in n or n.endswith("_dim")}
    others = set(defaults) - LEFT_ALONE - set(narrow)

    @st.composite
    def options(draw):
        chosen = draw(st.lists(st.sampled_from(sorted(others)), max_size=4))
        return {
            name: draw(values(name, cls._parameter_constraints[name], defaults[name]))
            for name in [*sorted(narrow), *sorted(set(chosen))]
        }

    return options()


def quick(cls, params):
    """An estimator of few epochs."""
    fixed = {"max_epochs": 1, "random_state": 0, "n_jobs": 1}
    fixed |= {"pretraining_epochs": 1, "representation_epochs": 1}
    known = cls().get_params(deep=False)
    short = {name: value for name, value in fixed.items() if name in known}
    narrow = {
        name: (8,)
        for name, value in known.items()
        if "layers" in name and isinstance(value, str)
    }
    return cls(**{**narrow, **params, **short})


@pytest.mark.parametrize("name", sorted(skmanifold._ESTIMATORS))
def test_a_fit_is_finite_or_a_clear_error(name):
    cls = getattr(skmanifold, name)
    supervised = get_tags(cls()).target_tags.required

    @hypothesis.settings(
        max_examples=N_CASES, suppress_health_check=list(hypothesis.HealthCheck)
    )
    @hypothesis.given(X=rows(), params=parameters(cls))
    def holds(X, params):
        model = quick(cls, params)
        n_samples = X.shape[0] if hasattr(X, "shape") else len(X)
        y = np.arange(n_samples) % 3 if supervised else None
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.simplefilter("ignore", UserWarning)
            try:
                model.fit(X, y)
            except ValueError as error:
                # ours name what is wrong; a bare "invalid value" of NumPy's does not
                assert len(str(error)) > 30, error
                assert not hasattr(model, "network_")
                return
            Z = model.transform(X)
        assert np.isfinite(Z).all()
        assert_array_equal(model.embedding_, Z)
        for term, losses in model.history_.items():
            assert np.isfinite(losses).all(), term
        first = X[:1] if not sparse.issparse(X) else X[[0]]
        assert_array_equal(model.transform(first), Z[:1])

    holds()
