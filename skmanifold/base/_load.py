# SPDX-License-Identifier: BSD-3-Clause

"""Loading of files written by ``save``."""

import contextlib
import inspect
import json
import os
import sys

import numpy as np
import torch
from sklearn.exceptions import NotFittedError

from skmanifold._engine import plain_modes

from ._inference import nearly_equal
from ._model_file import PACKAGE, damage_reported, read_model, versions
from ._one_product import one_product
from ._save import NETWORKS, OtherWeights, class_name, networks_with, probe
from ._scaler import InputScaler
from ._template import DeepManifold
from ._values import dict_from_json


def load(path, /, **given):
    """Load a fitted estimator written by ``save``.

    Nothing in the file is executed. Its class must belong to skmanifold or to a package
    that is already imported.

    Parameters
    ----------
    path : str or path-like
        Path of the file.
    **given : dict
        Parameters that are code, which the file does not contain, such as your own
        network: ``load(path, encoder=MyNetwork())``; its weights are in the file. Pass
        transformers fitted.

    Returns
    -------
    estimator : DeepManifold
        The fitted estimator. Its ``transform`` returns the same bits.

    Raises
    ------
    ValueError
        If the file is damaged, is not a model, or has a newer format, or if a given
        network does not fit it.
    TypeError
        If a parameter is missing, or is given although the file contains it.

    See Also
    --------
    skmanifold.base.DeepManifold.save : Write the file.

    Examples
    --------
    >>> import os, tempfile
    >>> import skmanifold
    >>> from sklearn.datasets import load_iris
    >>> X, _ = load_iris(return_X_y=True)
    >>> model = skmanifold.DLME(max_epochs=2, random_state=0).fit(X)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "iris.safetensors")
    ...     model.save(path)
    ...     again = skmanifold.load(path)
    >>> (again.transform(X) == model.transform(X)).all()
    np.True_
    """
    model, arrays, written_with = read_model(path)
    with damage_reported(path):
        name, needed = str(model["class"]), dict(model["given"])
        fitted = [name for name in needed if name in model["fitted"]]
        sizes = {name: int(n) for name, n in model["sizes"].items()}
        parameters, state, scaler, expected = (
            dict_from_json(model[part], arrays)
            for part in ("parameters", "state", "scaler", "probe")
        )
        weights = {
            name: {
                key.removeprefix(f"{attribute}."): torch.from_numpy(np.array(array))
                for key, array in arrays.items()
                if key.startswith(f"{attribute}.")
            }
            for name, attribute in NETWORKS.items()
            if attribute in expected
        }
    cls = _find_class(name, path)
    with damage_reported(path):
        if {*parameters, *needed} != {*cls._get_param_names()}:
            raise ValueError(f"parameters other than {sorted(cls._get_param_names())}")
    _check_given(path, cls, needed, given)
    with damage_reported(path):
        if any(callable(getattr(cls, name, None)) for name in state):
            raise ValueError("methods among the attributes")
        estimator = cls(**parameters, **given)
        vars(estimator).update(state, _sizes=sizes, _scaler=InputScaler())
        vars(estimator._scaler).update(scaler)
    # errors in the user's code are not reported as damage
    report = contextlib.nullcontext() if given else damage_reported(path)
    try:
        with report, plain_modes():
            estimator._validate_params()
            vars(estimator).update({f"{name}_": given[name] for name in fitted})
            vars(estimator).update(networks_with(estimator, weights))
            outputs = probe(estimator)
            agree = outputs.keys() == expected.keys() and all(
                nearly_equal(outputs[name], expected[name], 1e-3) for name in expected
            )
        reason = None if agree else "the outputs differ from those at saving"
    except (OtherWeights, NotFittedError) as error:
        reason = str(error)
    if reason is not None:
        raise ValueError(_misfit(path, given, needed, written_with, reason))
    if estimator._folds:
        one_product(estimator.network_, estimator._scaler)  # for a fast first transform
    return estimator


def _misfit(path, given, needed, written_with, reason):
    # networks and transformers
    names = [n for n in given if n in NETWORKS or not inspect.isroutine(given[n])]
    if names:
        return (
            f"{', '.join(names)} does not fit the file {os.fspath(path)!r}, saved with "
            f"{' and '.join(needed[name] for name in names)}: {reason}. Pass the same "
            "one as in the fit."
        )
    return (
        f"path={os.fspath(path)!r} cannot be used here: {reason}. The model was "
        f"written with {written_with}, and this is {json.dumps(versions())}. Install "
        "those versions."
    )


def _find_class(name, path):
    """Return the class of an estimator, of skmanifold or already imported."""
    prefix, _, public = name.rpartition(".")
    if prefix == PACKAGE and public in sys.modules[PACKAGE].__all__:
        getattr(sys.modules[PACKAGE], public)  # imports it
    matches = [cls for cls in _subclasses(DeepManifold) if class_name(cls) == name]
    if matches:
        return matches[-1]
    raise ValueError(
        f"path={os.fspath(path)!r} has the unknown class {name}. If it is a class "
        f"of another package, import {prefix} first; otherwise update skmanifold."
    )


def _check_given(path, cls, needed, given):
    """Check that exactly the parameters that the file does not hold are given."""
    unknown = sorted(given.keys() - needed.keys())
    if unknown:
        raise TypeError(
            f"{', '.join(unknown)} cannot be given: the file {os.fspath(path)!r} "
            "holds it. To change a parameter, use set_params after loading."
        )
    missing = {name: needed[name] for name in needed if name not in given}
    if missing:
        call = ", ".join(f"{name}=..." for name in missing)
        types = ", ".join(f"{name} was {value}" for name, value in missing.items())
        raise TypeError(
            f"The file cannot store all parameters of this {cls.__name__}: {types}. "
            f"Pass them again: load({os.fspath(path)!r}, {call})."
        )


def _subclasses(cls):
    for child in cls.__subclasses__():
        yield child
        yield from _subclasses(child)
