# Authors: The skmanifold developers
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
import re

import numpy as np
import scipy
import sklearn
import torch

from skmanifold._engine import write_atomically
from skmanifold.utils import import_optional

PACKAGE = __name__.partition(".")[0]
FORMAT = "skmanifold model"
FORMAT_VERSION = 1

_LARGEST_HEADER = 100_000_000  # limit of the safetensors format


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
    content = memoryview(safetensors.save(arrays, metadata=metadata))
    before, _, after = around_digest(content)
    write_atomically(path, (before, digest_of(before, after), after), "path")


def read_model(path):
    """Return the JSON and the arrays of a model, and the versions as a string."""
    safetensors = import_optional("safetensors.numpy", "io", feature="load")
    content = pathlib.Path(path).read_bytes()
    metadata = _checked_metadata(content, path)
    with damage_reported(path):
        model = json.loads(metadata["model"])
        return model, safetensors.load(content), str(metadata["versions"])


def around_digest(content):
    """Split a file into the part before its digest, the digest, and the rest."""
    size = int.from_bytes(content[:8], "little")
    match = re.search(rb'"sha256":"([0-9a-f]{64})"', content[8 : 8 + size])
    if match is None:
        raise ValueError("no digest")
    start, stop = (8 + position for position in match.span(1))
    return content[:start], bytes(content[start:stop]), content[stop:]


def digest_of(before, after):
    """Return the digest of the whole file, with zeros instead of the digest."""
    digest = hashlib.sha256(before)
    digest.update(b"0" * 64)
    digest.update(after)
    return digest.hexdigest().encode()


def _checked_metadata(content, path):
    """Return the metadata, after checks of the format, the digest and the version."""
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
            f"path={shown} is not a model of skmanifold. Pass a file written by the "
            "save method of an estimator; load a pickle with joblib.load or "
            "pickle.load, if you trust it."
        ) from error
    try:
        before, written, after = around_digest(memoryview(content))
        intact = digest_of(before, after) == written
    except ValueError:
        intact = False
    if not intact:
        raise ValueError(
            f"path={shown} is a damaged model: its {len(content)} bytes are not those "
            "that were written. Copy the file again, or fit and save again."
        )
    with damage_reported(path):
        version = int(metadata["format_version"])
    if version != FORMAT_VERSION:
        raise ValueError(
            f"path={shown} has format version {version}, but this skmanifold "
            f"{versions()['skmanifold']} reads version {FORMAT_VERSION}. The file was "
            f"written with {metadata.get('versions')}; update skmanifold."
        )
    return metadata


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
