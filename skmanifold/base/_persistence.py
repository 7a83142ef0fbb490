# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""Fitted models in files that hold data alone.

A file is a safetensors file: a header in JSON, and arrays. The header's metadata hold
the parameters and the fitted attributes as a tree (see ``_tree.py``), the version of
the format, those of the libraries, and a digest of the whole file. Nothing that a file
says is ever imported or called, but for classes of this package.
"""

import contextlib
import hashlib
import importlib
import json
import os
import pathlib
import platform
import re

import numpy as np
import scipy
import sklearn
import torch
from torch import nn

from skmanifold._engine import checked_place, plain_modes, write_whole
from skmanifold.utils import import_optional

from ._scaler import InputScaler
from ._tree import PACKAGE, OwnNetwork, Reader, Writer, class_name, probe, subclasses

FORMAT = "skmanifold model"
FORMAT_VERSION = 1

_LARGEST_HEADER = 100_000_000  # that of the safetensors format

# Attributes of an estimator that belong to a session rather than to a model.
_NOT_SAVED = ("_skl_callbacks", "_callback_fit_ctx", "_skl_callbacks_to_teardown")


def versions():
    """Versions of what a model was made with."""
    return {
        "skmanifold": importlib.import_module(PACKAGE).__version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "scikit-learn": sklearn.__version__,
    }


# What a user calls --------------------------------------------------------------


def save(estimator, path):
    """Write a fitted estimator; see :meth:`DeepManifold.save`."""
    path = checked_place(path, "path")
    safetensors = import_optional("safetensors.numpy", "io", feature="save")
    writer = Writer(type(estimator))
    parameters = writer.parameters(estimator)
    state = {
        name: writer.encode(value, name)
        for name, value in vars(estimator).items()
        if name not in (*parameters, *writer.given, *_NOT_SAVED)
    }
    with plain_modes():
        outputs = probe(estimator)
        model = {
            "class": class_name(type(estimator)),
            "parameters": parameters,
            "given": writer.given,
            "state": state,
            "own": writer.own_networks(estimator),
            "probe": {
                name: writer.array(rows, f"probe.{name}")
                for name, rows in outputs.items()
            },
        }
    content = memoryview(
        safetensors.save(
            writer.arrays,
            metadata={
                "format": FORMAT,
                "format_version": str(FORMAT_VERSION),
                "versions": json.dumps(versions()),
                "model": json.dumps(model, allow_nan=False),
                "sha256": "0" * 64,
            },
        )
    )
    before, _, after = _around_digest(content)
    write_whole(path, (before, _digest(before, after), after), "path")


def load(path, /, **given):
    """Load a model that ``save`` wrote.

    The file holds data alone, and nothing in it is executed. The class comes from
    skmanifold, or from a module of somebody else's that is imported already.

    Parameters
    ----------
    path : str or path-like
        The file.
    **given : dict
        Parameters that a file cannot hold, which are code: a network of your own, as
        the module or callable that the constructor took, gets its weights from the
        file; so ``load(path, encoder=MyNetwork())``. The error of a call without them
        names them.

    Returns
    -------
    estimator : DeepManifold
        The fitted estimator, whose ``transform`` returns the same bits.

    Raises
    ------
    ValueError
        If the file is damaged, is no model, is of a newer format, or if a given network
        does not fit it.
    TypeError
        If a parameter has to be given, or has not.

    See Also
    --------
    skmanifold.base.DeepManifold.save : What it reads.

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
    safetensors = import_optional("safetensors.numpy", "io", feature="load")
    content = pathlib.Path(path).read_bytes()
    metadata = _checked_metadata(content, path)
    with _damage_reported(path):
        arrays = safetensors.load(content)
        model = json.loads(metadata["model"])
        cls = _find_class(model["class"], path)
        needed = dict(model["given"])
        own = dict(model["own"])
    _check_given(path, cls, needed, given)
    with _damage_reported(path):
        networks = {place: OwnNetwork(place, node) for place, node in own.items()}
        reader = Reader(cls, arrays)
        weights = {
            place: {
                str(key): reader.tensor(name) for key, name in node["state"].items()
            }
            for place, node in own.items()
        }
    for place, network in networks.items():
        value = given.get(network.parameter)
        reader.modules[place] = network.rebuild(value, weights[place])
    with _damage_reported(path):
        state = {
            **{name: reader.decode(v, name) for name, v in model["parameters"].items()},
            **given,
            **{name: reader.decode(v, name) for name, v in model["state"].items()},
        }
        expected = {name: arrays[a["array"]] for name, a in model["probe"].items()}
        estimator = cls.__new__(cls)
        wanted = set(cls._get_param_names())
        if not wanted <= set(state) or not set(needed) <= wanted:
            raise ValueError(f"parameters other than {sorted(wanted)}")
        vars(estimator).update({name: state.pop(name) for name in sorted(wanted)})
        vars(estimator).update(state)
        if not isinstance(estimator._scaler, InputScaler):
            raise TypeError("_scaler is no scaler")
        if not isinstance(estimator.network_, nn.Module):
            raise TypeError("network_ is no network")
    estimator._validate_params()
    with _damage_reported(path), plain_modes():
        computed = probe(estimator)
        same = computed.keys() == expected.keys() and all(
            _agree(computed[name], expected[name]) for name in expected
        )
    if not same:
        raise ValueError(_other_function(path, networks, metadata))
    return estimator


# The file -----------------------------------------------------------------------


def _around_digest(content):
    """What lies before the digest, the digest, and what lies after it."""
    size = int.from_bytes(content[:8], "little")
    found = re.search(rb'"sha256":"([0-9a-f]{64})"', content[8 : 8 + size])
    if found is None:
        raise ValueError("no digest")
    start, stop = (8 + place for place in found.span(1))
    return content[:start], bytes(content[start:stop]), content[stop:]


def _digest(before, after):
    """Digest of the whole file, with zeros in its own place."""
    digest = hashlib.sha256(before)
    digest.update(b"0" * 64)
    digest.update(after)
    return digest.hexdigest().encode()


def _checked_metadata(content, path):
    """The metadata of a whole and known file."""
    shown = repr(os.fspath(path))
    size = int.from_bytes(content[:8], "little")
    try:
        if len(content) < 8 or size > min(len(content) - 8, _LARGEST_HEADER):
            raise ValueError("no header")
        metadata = json.loads(content[8 : 8 + size])["__metadata__"]
        if metadata["format"] != FORMAT:
            raise ValueError("another format")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(
            f"path={shown} is not a model of skmanifold: it is another kind of file, "
            "or its beginning is lost. Pass a file that the save method of an "
            "estimator wrote; for a pickle use joblib.load or pickle.load, if you "
            "trust it."
        ) from error
    try:
        before, written, after = _around_digest(memoryview(content))
        whole = _digest(before, after) == written
    except ValueError:
        whole = False
    if not whole:
        raise ValueError(
            f"path={shown} is a damaged model: its {len(content)} bytes are not those "
            "that were written. Fetch the file again, or fit and save again."
        )
    with _damage_reported(path):
        version = int(metadata["format_version"])
    if version != FORMAT_VERSION:
        raise ValueError(
            f"path={shown} has version {version} of the format of models, and this "
            f"skmanifold {versions()['skmanifold']} reads version {FORMAT_VERSION}. It "
            f"was written with {metadata.get('versions')}; update skmanifold."
        )
    return metadata


@contextlib.contextmanager
def _damage_reported(path):
    """Whatever goes wrong inside goes wrong because of what the file holds."""
    try:
        yield
    except _Unknown as error:
        raise ValueError(str(error)) from error
    except Exception as error:
        raise ValueError(
            f"path={os.fspath(path)!r} is not a valid model: "
            f"{type(error).__name__}: {error}. Save it again with this version of "
            "skmanifold."
        ) from error


class _Unknown(Exception):
    """An error of reading that is not the file's."""


def _agree(a, b):
    """Whether two outputs are equal up to what another machine's arithmetic does."""
    if a.shape != b.shape:
        return False
    tolerance = 1e-3 * np.abs(b).max(initial=0.0, where=np.isfinite(b))
    return np.allclose(a, b, rtol=0.0, atol=tolerance, equal_nan=True)


def _other_function(path, networks, metadata):
    if networks:
        names = ", ".join(sorted({n.parameter for n in networks.values()}))
        return (
            f"{names} does not fit the file {os.fspath(path)!r}: it takes the weights, "
            "but computes something else from them than the network that was saved. "
            "Pass the network as it was when the model was fitted."
        )
    return (
        f"The networks of {os.fspath(path)!r} compute something else here than where "
        f"they were saved. The model was written with {metadata.get('versions')}, and "
        f"this is {json.dumps(versions())}. Install those versions to use it."
    )


# What is asked of the one who loads ----------------------------------


def _find_class(name, path):
    """An estimator's class: a public name of ours, or a class imported before."""
    from ._template import DeepManifold

    prefix, _, public = name.rpartition(".")
    package = importlib.import_module(PACKAGE)
    if prefix == PACKAGE and public in package.__all__:
        cls = getattr(package, public)
        if isinstance(cls, type) and issubclass(cls, DeepManifold):
            return cls
    found = [cls for cls in subclasses(DeepManifold) if class_name(cls) == name]
    if found:
        return found[-1]
    raise _Unknown(
        f"path={os.fspath(path)!r} holds a {name}, which is not known here. If it is a "
        f"class of somebody else's, import {prefix} first; if it is one of "
        "skmanifold's, update skmanifold."
    )


def _check_given(path, cls, needed, given):
    """The parameters that a user has to give, no more and no less."""
    unknown = sorted(given.keys() - needed.keys())
    if unknown:
        raise TypeError(
            f"{', '.join(unknown)} cannot be given: the file {os.fspath(path)!r} holds "
            "all it needs of it. To change a parameter use set_params after loading."
        )
    missing = {name: needed[name] for name in needed if name not in given}
    if missing:
        call = ", ".join(f"{name}=..." for name in missing)
        was = ", ".join(f"{name} was {value}" for name, value in missing.items())
        raise TypeError(
            f"A file of data alone cannot hold all parameters of this {cls.__name__}: "
            f"{was}. Give it again: load({os.fspath(path)!r}, {call})."
        )
