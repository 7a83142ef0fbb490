# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""Conversion of parameters and fitted attributes to and from JSON and arrays.

Numbers, strings, lists and None are JSON as they are. Any other value is a JSON object
with one entry, named by its kind in the table ``KINDS``. Arrays are stored separately,
under a name that the JSON refers to.
"""

import math
import pathlib
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from scipy import sparse

from skmanifold.training import TrainingOptions


class NotStorable(TypeError):
    """A value that a file cannot store."""


def to_json(value, name, arrays):
    """Return a value as JSON, and put its arrays into ``arrays`` under ``name``."""
    if value is None or type(value) in (bool, int, str):
        return value
    if type(value) is float and math.isfinite(value):
        return value
    if type(value) is list:
        return _items_to_json(value, name, arrays)
    for tag, kind in KINDS.items():
        if kind.matches(value):
            return {tag: kind.write(value, name, arrays)}
    raise NotStorable(
        f"{name} is {describe(value)}, which a file without code cannot store. Use "
        "joblib.dump or pickle instead, whose files can run code."
    )


def from_json(node, arrays):
    """Return the value of a result of :func:`to_json`."""
    if isinstance(node, list):
        return [from_json(item, arrays) for item in node]
    if not isinstance(node, dict):
        return node
    ((tag, content),) = node.items()
    return KINDS[tag].read(content, arrays)


def describe(value):
    """Describe the type of a value, or name a function or class."""
    cls = value if isinstance(value, type) else type(value)
    if cls.__module__ == "builtins" and callable(value):
        return f"the {cls.__name__} {getattr(value, '__qualname__', '?')}"
    return f"a {cls.__module__}.{cls.__qualname__}"


class Kind(NamedTuple):
    """Conversions of one kind of value.

    ``matches(value)`` returns whether a value is of this kind, ``write(value, name,
    arrays)`` its JSON and ``read(content, arrays)`` the value.
    """

    matches: Callable
    write: Callable
    read: Callable


def _items_to_json(items, name, arrays):
    return [to_json(item, f"{name}.{i}", arrays) for i, item in enumerate(items)]


def _is_dict(value):
    return type(value) is dict and all(type(key) is str for key in value)


def _write_dict(value, name, arrays):
    return {key: to_json(item, f"{name}.{key}", arrays) for key, item in value.items()}


def _read_dict(content, arrays):
    return {key: from_json(item, arrays) for key, item in content.items()}


def _is_numeric(value):
    return value.dtype.kind in "biuf" and value.dtype.itemsize <= 8


def _write_array(value, name, arrays):
    value = value.astype(value.dtype.newbyteorder("="), copy=False)
    # the last bits of computations depend on the memory layout
    columns = value.flags.f_contiguous and not value.flags.c_contiguous
    # a copy: safetensors takes memory in C order, and refuses read-only memmaps
    arrays[name] = np.array(value.T if columns else value, order="C", subok=False)
    return [name, "F" if columns else "C"]


def _read_array(content, arrays):
    name, order = content
    value = np.array(arrays[name], order="C")
    return {"C": value, "F": value.T}[order]


def _is_strings(value):
    return (
        isinstance(value, np.ndarray)
        and value.dtype.kind in "OU"
        and all(type(item) is str for item in value.ravel().tolist())
    )


def _write_strings(value, name, arrays):
    return [value.dtype.kind, list(value.shape), value.ravel().tolist()]


def _read_strings(content, arrays):
    kind, shape, items = content
    dtype = {"O": object, "U": str}[kind]
    return np.array([str(item) for item in items], dtype=dtype).reshape(shape)


def _write_sparse(value, name, arrays):
    csr = sparse.csr_array(value)
    return {
        "matrix": isinstance(value, sparse.spmatrix),
        "format": value.format,
        "shape": [int(n) for n in value.shape],
        "parts": _items_to_json([csr.data, csr.indices, csr.indptr], name, arrays),
    }


def _read_sparse(content, arrays):
    parts = tuple(from_json(content["parts"], arrays))
    csr = sparse.csr_array(parts, shape=tuple(content["shape"]))
    csr.check_format(full_check=True)
    if content["matrix"]:
        csr = sparse.csr_matrix(csr)
    if content["format"] not in ("bsr", "coo", "csc", "csr", "dia", "dok", "lil"):
        raise ValueError(f"a sparse matrix in format {content['format']!r}")
    return csr.asformat(content["format"])


def _is_random_state(value):
    return isinstance(value, np.random.RandomState) and (
        value.get_state(legacy=False)["bit_generator"] == "MT19937"
    )


def _write_random_state(value, name, arrays):
    return _items_to_json(value.get_state()[1:], name, arrays)


def _read_random_state(content, arrays):
    result = np.random.RandomState(0)
    result.set_state(("MT19937", *from_json(content, arrays)))
    return result


def _write_options(value, name, arrays):
    return _write_dict(value.get_params(deep=False), name, arrays)


def _read_options(content, arrays):
    options = TrainingOptions(**_read_dict(content, arrays))
    options._validate_params()
    return options


KINDS = {
    "float": Kind(
        lambda value: type(value) is float,
        lambda value, name, arrays: repr(value),
        lambda content, arrays: float(content),
    ),
    "tuple": Kind(
        lambda value: type(value) is tuple,
        _items_to_json,
        lambda content, arrays: tuple(from_json(content, arrays)),
    ),
    "dict": Kind(_is_dict, _write_dict, _read_dict),
    "str": Kind(
        lambda value: isinstance(value, np.str_),
        lambda value, name, arrays: str(value),
        lambda content, arrays: str(content),
    ),
    "scalar": Kind(
        lambda value: isinstance(value, np.generic) and _is_numeric(value),
        lambda value, name, arrays: _write_array(np.asarray(value), name, arrays),
        lambda content, arrays: _read_array(content, arrays)[()],
    ),
    "array": Kind(
        lambda value: isinstance(value, np.ndarray) and _is_numeric(value),
        _write_array,
        _read_array,
    ),
    "strings": Kind(_is_strings, _write_strings, _read_strings),
    "sparse": Kind(sparse.issparse, _write_sparse, _read_sparse),
    "device": Kind(
        lambda value: isinstance(value, torch.device),
        lambda value, name, arrays: str(value),
        lambda content, arrays: torch.device(content),
    ),
    "path": Kind(
        lambda value: isinstance(value, pathlib.PurePath),
        lambda value, name, arrays: str(value),
        lambda content, arrays: pathlib.Path(content),
    ),
    "random_state": Kind(_is_random_state, _write_random_state, _read_random_state),
    "training_options": Kind(
        lambda value: type(value) is TrainingOptions, _write_options, _read_options
    ),
}
