# SPDX-License-Identifier: BSD-3-Clause

"""Damaged, foreign and forged files of fitted estimators."""

import copy
import json
import os
import pickle
import random
import warnings

import numpy as np
import pytest
import safetensors.numpy

from skmanifold import DCRL, DLME, AtlasAE, TopologicalAE, load
from skmanifold.base._model_file import signed
from tests.base.test_persistence import ESTIMATORS, fitted


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "model"
    fitted(DLME, max_epochs=1, structure_layers=(8,), structure_dim=4).save(path)
    return path.read_bytes()


def corruptions(content, n, seed):
    """Yield files with flipped bits, wrong bytes, swapped blocks, or cut ends."""
    rng = random.Random(seed)
    for _ in range(n):
        place, other = sorted(rng.sample(range(len(content)), 2))
        kind = rng.randrange(6)
        if kind == 0:
            flipped = content[place] ^ (1 << rng.randrange(8))
            yield content[:place] + bytes([flipped]) + content[place + 1 :]
        elif kind == 1:
            yield content[:place]
        elif kind == 2:
            yield content[:place] + rng.randbytes(rng.randrange(1, 9)) + content[place:]
        elif kind == 3:
            yield content[:place] + content[place + rng.randrange(1, 9) :]
        elif kind == 4:
            length = min(rng.randrange(8, 64), len(content) - other)
            block = content[other : other + length]
            yield content[:place] + block + content[place + length :]
        else:
            yield content + rng.randbytes(rng.randrange(1, 9))


def test_damage_is_found(saved, tmp_path):
    """1,200 corruptions, a third of them within the header."""
    path = tmp_path / "model"
    header = int.from_bytes(saved[:8], "little") + 8
    damaged = [
        *corruptions(saved, 800, 0),
        *(part + saved[header:] for part in corruptions(saved[:header], 400, 1)),
    ]
    assert len(damaged) == 1200
    for content in damaged:
        if content == saved:
            continue
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"damaged|not a model of skmanifold"):
            load(path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00" * 8,
        b"\x89PNG\r\n\x1a\n" + b"\x00" * 100,
        b"PK\x03\x04" + b"\x00" * 100,
        pickle.dumps({"a": 1}),
        safetensors.numpy.save({"a": np.eye(3)}),
        safetensors.numpy.save({"a": np.eye(3)}, metadata={"format": "pt"}),
        (20).to_bytes(8, "little") + b"[" * 20,
    ],
)
def test_foreign_files_are_refused(content, tmp_path):
    path = tmp_path / "model"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="is not a model of skmanifold"):
        load(path)


def parts_of(content):
    size = int.from_bytes(content[:8], "little")
    metadata = json.loads(content[8 : 8 + size])["__metadata__"]
    return safetensors.numpy.load(content), metadata


def file_of(arrays, metadata):
    """Write a file with the right digest for any content."""
    metadata = {**metadata, "sha256": "0" * 64}
    return b"".join(signed(safetensors.numpy.save(arrays, metadata=metadata)))


def test_newer_versions_are_refused(saved, tmp_path):
    arrays, metadata = parts_of(saved)
    path = tmp_path / "model"
    path.write_bytes(file_of(arrays, metadata))
    assert load(path).n_iter_ == 1
    path.write_bytes(file_of(arrays, {**metadata, "format_version": "2"}))
    with pytest.raises(ValueError, match=r"format version 2, .*update"):
        load(path)


def nodes_of(tree):
    """Every list and dict in a tree."""
    if isinstance(tree, list | dict):
        yield tree
        for child in tree.values() if isinstance(tree, dict) else tree:
            yield from nodes_of(child)


STRANGE = [
    None,
    -1,
    10**30,
    0.5,
    "",
    "os.system",
    "torch.nn.Linear",
    "skmanifold.DLME",
    "__class__",
    [],
    {},
    {"array": ["missing", "C"]},
    {"array": ["embedding_", "F"]},
    {"tuple": ["os.system"]},
    {"sparse": ["os.system", [1], []]},
    {"float": "nan"},
    {"dict": {"__class__": 1}},
    {"kmeans": [{}, {}]},
]


def forge(arrays, metadata, rng):
    """Change some values in the tree or the arrays of a model."""
    arrays, model = dict(arrays), json.loads(metadata["model"])
    for _ in range(rng.randrange(1, 4)):
        if rng.random() < 0.2:
            name = rng.choice(list(arrays))
            arrays[name] = rng.choice(
                [arrays[name].ravel()[:1], arrays[name][..., None], np.zeros((0, 2))]
            )
            continue
        node = rng.choice([node for node in nodes_of(model) if node])
        key = rng.randrange(len(node)) if type(node) is list else rng.choice([*node])
        if rng.random() < 0.3:
            del node[key]
        else:
            node[key] = copy.deepcopy(rng.choice(STRANGE))
    return file_of(arrays, {**metadata, "model": json.dumps(model)})


def test_forged_files_do_no_harm(saved, tmp_path):
    """Wrong content with the right digest is an error, or a model of other numbers."""
    arrays, metadata = parts_of(saved)
    rng = random.Random(0)
    path = tmp_path / "model"
    outcomes = {"refused": 0, "loaded": 0}
    for _ in range(int(os.environ.get("SKMANIFOLD_FORGERIES", "150"))):
        path.write_bytes(forge(arrays, metadata, rng))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                model = load(path)
            except ValueError as error:
                assert repr(str(path)) in str(error)
                outcomes["refused"] += 1
            else:
                assert type(model).__name__ in {cls.__name__ for cls in ESTIMATORS}
                outcomes["loaded"] += 1
                for method in (model.transform, model.score_samples):
                    method(np.zeros((2, 64)))
    # changes of other values, such as a history, are loaded as they are
    assert outcomes["refused"] > outcomes["loaded"] > 0


@pytest.mark.parametrize("cls", [DCRL, DLME, AtlasAE, TopologicalAE])
def test_forged_attributes_that_do_not_fit_are_refused(cls, tmp_path):
    path = tmp_path / "model"
    fitted(cls, max_epochs=1).save(path)
    arrays, metadata = parts_of(path.read_bytes())
    model = json.loads(metadata["model"])
    model["state"]["n_features_in_"] += 1
    forgeries = [(arrays, {**metadata, "model": json.dumps(model)})]
    for name in ("embedding_", "_centers.points", "_centers.counts"):
        for wrong in (arrays[name][..., None], arrays[name][..., :-1]):
            forgeries.append(({**arrays, name: wrong.copy()}, metadata))
    for name in {"embedding_", "cluster_centers_", "_cluster_centers"} & {*arrays}:
        for wrong in (arrays[name][:0], np.full_like(arrays[name], np.nan)):
            forgeries.append(({**arrays, name: wrong}, metadata))
    for forgery in forgeries:
        path.write_bytes(file_of(*forgery))
        with pytest.raises(ValueError, match=f"path={str(path)!r}"):
            load(path)


@pytest.mark.parametrize(
    "part, name, value",
    [
        ("sizes", "n_inputs", 10**12),
        ("parameters", "structure_dim", 10**12),
        ("parameters", "structure_layers", {"tuple": [10**12]}),
    ],
)
def test_a_forged_width_allocates_no_memory(part, name, value, saved, tmp_path):
    arrays, metadata = parts_of(saved)
    model = json.loads(metadata["model"])
    assert model[part][name] != value
    model[part][name] = value
    path = tmp_path / "model"
    path.write_bytes(file_of(arrays, {**metadata, "model": json.dumps(model)}))
    with pytest.raises(ValueError, match=r"not a valid model: .* has other weights"):
        load(path)
