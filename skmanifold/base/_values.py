# SPDX-License-Identifier: BSD-3-Clause

"""Conversion of parameters and fitted attributes to and from JSON and arrays.

Numbers, strings, lists and None are JSON as they are. Any other value is a JSON object
with one entry, named by its kind. Arrays are stored separately, under a name that the
JSON refers to.
"""

import math
import pathlib

import numpy as np
import torch
from scipy import sparse

from skmanifold.training import TrainingOptions

_SPARSE = {
    f"{layout}_{kind}": getattr(sparse, f"{layout}_{kind}")
    for layout in ("bsr", "coo", "csc", "csr", "dia", "dok", "lil")
    for kind in ("array", "matrix")
}


class NotStorable(TypeError):
    """A value that a file cannot store."""


def to_json(value, name, arrays):
    """Return a value as JSON, and put its arrays into ``arrays`` under ``name``."""
    kind = type(value)
    if value is None or kind in (bool, int, str):
        return value
    if kind is float:
        return value if math.isfinite(value) else {"float": repr(value)}
    if kind in (list, tuple):
        items = [to_json(item, f"{name}.{i}", arrays) for i, item in enumerate(value)]
        return items if kind is list else {"tuple": items}
    if kind is dict and all(type(key) is str for key in value):
        return {"dict": dict_to_json(value, arrays, f"{name}.")}
    if kind is TrainingOptions:
        options = value.get_params(deep=False)
        return {"options": dict_to_json(options, arrays, f"{name}.")}
    if isinstance(value, torch.device):
        return {"device": str(value)}
    if isinstance(value, pathlib.PurePath):
        return {"path": str(value)}
    if isinstance(value, np.ndarray | np.generic):
        array = np.asarray(value)
        if array.dtype.kind in "biuf" and array.dtype.itemsize <= 8:
            return {"array": _array_to_json(array, name, arrays)}
        items = array.ravel().tolist()
        if array.dtype.kind in "OU" and all(type(item) is str for item in items):
            return {"strings": [array.dtype.kind, list(array.shape), items]}
    if sparse.issparse(value):
        csr, shape = sparse.csr_array(value), [int(n) for n in value.shape]
        parts = to_json([csr.data, csr.indices, csr.indptr], name, arrays)
        return {"sparse": [kind.__name__, shape, parts]}
    if isinstance(value, np.random.RandomState):
        state = value.get_state(legacy=False)
        if state["bit_generator"] == "MT19937":
            return {"random_state": to_json(state, name, arrays)}
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
    ((kind, content),) = node.items()
    match kind:
        case "float":
            return float(content)
        case "tuple":
            return tuple(from_json(content, arrays))
        case "dict":
            return dict_from_json(content, arrays)
        case "options":
            options = TrainingOptions(**dict_from_json(content, arrays))
            options._validate_params()
            return options
        case "device":
            return torch.device(content)
        case "path":
            return pathlib.Path(content)
        case "array":
            name, order = content
            value = np.array(arrays[name], order="C")
            return (value.T if order == "F" else value)[()]
        case "strings":
            dtype, shape, items = content
            items = [str(item) for item in items]
            return np.array(items, {"O": object, "U": str}[dtype]).reshape(shape)[()]
        case "sparse":
            name, shape, parts = content
            csr = sparse.csr_array(tuple(from_json(parts, arrays)), shape=shape)
            csr.check_format(full_check=True)
            return _SPARSE[name](csr)
        case "random_state":
            result = np.random.RandomState(0)
            result.set_state(from_json(content, arrays))
            return result
    raise ValueError(f"a value of the unknown kind {kind!r}")


def dict_to_json(values, arrays, prefix=""):
    """Return the values of a dict as JSON."""
    return {
        name: to_json(value, f"{prefix}{name}", arrays)
        for name, value in values.items()
    }


def dict_from_json(nodes, arrays):
    """Return the dict of a result of :func:`dict_to_json`."""
    return {name: from_json(node, arrays) for name, node in nodes.items()}


def describe(value):
    """Describe the type of a value, or name a function or class."""
    cls = value if isinstance(value, type) else type(value)
    if cls.__module__ == "builtins" and callable(value):
        return f"the {cls.__name__} {getattr(value, '__qualname__', '?')}"
    return f"a {cls.__module__}.{cls.__qualname__}"


def _array_to_json(value, name, arrays):
    value = value.astype(value.dtype.newbyteorder("="), copy=False)
    # the last bits of computations depend on the memory layout
    columns = value.flags.f_contiguous and not value.flags.c_contiguous
    while name in arrays:  # of {"a": {"b": ...}, "a.b": ...}
        name += "_"
    # a copy: safetensors takes memory in C order, and refuses read-only memmaps
    arrays[name] = np.array(value.T if columns else value, order="C", subok=False)
    return [name, "F" if columns else "C"]
