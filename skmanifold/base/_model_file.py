# SPDX-License-Identifier: BSD-3-Clause

"""Files of models: a safetensors file with JSON, versions and a digest.

The metadata in the header hold the model as JSON, the versions of the format and of the
libraries, and a digest of the whole file. The arrays follow.
"""

import contextlib
import hashlib
import importlib
import json
import os
import pathlib
import platform

import numpy as np
import scipy
import sklearn
import torch

from skmanifold._engine import write_atomically
from skmanifold.utils import import_optional

PACKAGE = __name__.partition(".")[0]
FORMAT = "skmanifold model"
FORMAT_VERSION = 1


def versions():
    """Return the versions of the libraries that a model depends on."""
    return {
        "skmanifold": importlib.import_module(PACKAGE).__version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "scikit-learn": sklearn.__version__,
    }


def write_model(path, model, arrays):
    """Write a model, JSON and arrays by name, to a file."""
    safetensors = import_optional("safetensors.numpy", "io", feature="save")
    metadata = {
        "format": FORMAT,
        "format_version": str(FORMAT_VERSION),
        "versions": json.dumps(versions()),
        "model": json.dumps(model, allow_nan=False),
        "sha256": "0" * 64,
    }
    content = safetensors.save(arrays, metadata=metadata)
    write_atomically(path, signed(content), "path")


def read_model(path):
    """Return the JSON and the arrays of a model, and the versions as a string."""
    safetensors = import_optional("safetensors.numpy", "io", feature="load")
    content = pathlib.Path(path).read_bytes()
    shown = repr(os.fspath(path))
    try:
        metadata = json.loads(_header(content))["__metadata__"]
        if metadata["format"] != FORMAT:
            raise ValueError("another format")
        intact = b"".join(signed(content)) == content
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(
            f"path={shown} is not a model of skmanifold. Pass a file written by the "
            "save method of an estimator; load a pickle with joblib.load or "
            "pickle.load, if you trust it."
        ) from error
    if not intact:
        raise ValueError(
            f"path={shown} is a damaged model: its {len(content)} bytes are not those "
            "that were written. Copy the file again, or fit and save again."
        )
    with damage_reported(path):
        version, written_with = int(metadata["format_version"]), metadata["versions"]
    if version != FORMAT_VERSION:
        raise ValueError(
            f"path={shown} has format version {version}, but this skmanifold "
            f"{versions()['skmanifold']} reads version {FORMAT_VERSION}. The file was "
            f"written with {written_with}; update skmanifold."
        )
    with damage_reported(path):
        return json.loads(metadata["model"]), safetensors.load(content), written_with


def signed(content):
    """Return a file in three parts: before its digest, the right digest, and after."""
    key = b'"sha256":"'
    start = 8 + _header(content).index(key) + len(key)
    before, after = memoryview(content)[:start], memoryview(content)[start + 64 :]
    digest = hashlib.sha256(before)
    digest.update(b"0" * 64)
    digest.update(after)
    return before, digest.hexdigest().encode(), after


def _header(content):
    size = int.from_bytes(content[:8], "little")
    if len(content) < 8 or size > len(content) - 8:
        raise ValueError("no header")
    return content[8 : 8 + size]


@contextlib.contextmanager
def damage_reported(path):
    """Context that reports any error inside as damage of the file."""
    try:
        yield
    except Exception as error:
        raise ValueError(
            f"path={os.fspath(path)!r} is not a valid model: "
            f"{type(error).__name__}: {error}. Save it again with this version of "
            "skmanifold."
        ) from error
