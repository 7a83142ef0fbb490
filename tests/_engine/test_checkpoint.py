# SPDX-License-Identifier: BSD-3-Clause

import os
import random
import sys

import pytest
import torch

from skmanifold._engine import Checkpoint, write_atomically
from tests.processes import run_python

FINGERPRINT = {"data": "a", "parameters": "b", "versions": "skmanifold 1, torch 2"}


def open_checkpoint(path, seed=1, **changed):
    checkpoint = Checkpoint(
        path, every=1, fingerprint={**FINGERPRINT, **changed}, seed=seed
    )
    checkpoint.next_phase()
    return checkpoint


def test_a_missing_file_is_a_new_fit(tmp_path):
    checkpoint = open_checkpoint(tmp_path / "c.pt")
    assert checkpoint.state is None
    assert checkpoint.seed == 1


def test_a_saved_state_is_read_with_the_first_seed(tmp_path):
    path = tmp_path / "c.pt"
    open_checkpoint(path).save({"value": torch.arange(3)})
    again = open_checkpoint(path, seed=99)
    assert torch.equal(again.state["value"], torch.arange(3))
    assert again.seed == 1


def test_phases_come_back_in_order(tmp_path):
    path = tmp_path / "c.pt"
    first = open_checkpoint(path)
    first.save({"value": 1})
    first.next_phase()
    assert first.state is None
    first.save({"value": 2})
    again = open_checkpoint(path)
    assert again.state == {"value": 1}
    again.next_phase()
    assert again.state == {"value": 2}
    again.next_phase()
    assert again.state is None
    # begun and not yet saved: what is saved next does not lose the earlier ones
    again.save({"value": 3})
    values = []
    last = open_checkpoint(path)
    while last.state is not None:
        values.append(last.state["value"])
        last.next_phase()
    assert values == [1, 2, 3]


def test_no_temporary_files_remain(tmp_path):
    checkpoint = open_checkpoint(tmp_path / "c.pt")
    checkpoint.save({"value": 1})
    assert [p.name for p in tmp_path.iterdir()] == ["c.pt"]
    checkpoint.remove()
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_keeps_the_previous_file(tmp_path):
    path = tmp_path / "c.pt"
    checkpoint = open_checkpoint(path)
    checkpoint.save({"value": 1})
    with pytest.raises(Exception, match="pickle"):
        checkpoint.save({"value": lambda: None})
    assert open_checkpoint(path).state["value"] == 1
    assert [p.name for p in tmp_path.iterdir()] == ["c.pt"]


@pytest.mark.parametrize(
    "changed, reason",
    [
        ({"data": "c"}, "with other data"),
        ({"parameters": "c"}, "with other parameters"),
        ({"data": "c", "parameters": "c"}, "with other data and other parameters"),
        ({"networks": "c"}, "with other networks"),
        (
            {"versions": "skmanifold 1, torch 3"},
            r"with other versions \(skmanifold 1, torch 2\)",
        ),
    ],
)
def test_another_fit_is_refused_with_the_reason(changed, reason, tmp_path):
    path = tmp_path / "c.pt"
    open_checkpoint(path).save({})
    with pytest.raises(ValueError, match=rf"by a fit {reason}\. Remove"):
        open_checkpoint(path, **changed)


def test_damage_is_found(tmp_path):
    """1,000 files with a flipped bit, a piece lost or added, or the end cut off."""
    path, rng = tmp_path / "c.pt", random.Random(0)
    open_checkpoint(path).save({"value": torch.rand(200)})
    whole = path.read_bytes()
    for i in range(1000):
        place, n_bytes = rng.randrange(len(whole)), rng.randrange(1, 9)
        flipped = bytes([whole[place] ^ 1 << rng.randrange(8)])
        path.write_bytes(
            [
                whole[:place] + flipped + whole[place + 1 :],
                whole[:place] + whole[place + n_bytes :],
                whole[:place] + rng.randbytes(n_bytes) + whole[place:],
                whole[:place],
            ][i % 4]
        )
        with pytest.raises(ValueError, match="damaged"):
            open_checkpoint(path)
    path.write_bytes(whole)
    assert open_checkpoint(path).state["value"].shape == (200,)


# Disks ------------------------------------------------------------------------

FULL = """
import resource, signal, sys
import numpy as np
from skmanifold import DLME
from skmanifold.training import TrainingOptions

path = sys.argv[1]
X = np.random.default_rng(0).normal(size=(60, 4))
training = TrainingOptions(checkpoint=path)
params = dict(max_epochs=3, random_state=0, structure_layers=(8,), structure_dim=4)

class Fills(DLME):
    def _report(self, phase, epoch, n_epochs, history):
        if epoch == 1:  # no file may grow past this: the second checkpoint fails
            limit = 5000, resource.RLIM_INFINITY
            resource.setrlimit(resource.RLIMIT_FSIZE, limit)

Fills.__name__ = "DLME"
whole = DLME(**params).fit(X)
model = Fills(training=training, verbose=True, **params)
try:
    model.fit(X)
except OSError as error:
    assert f"checkpoint={path!r} could not be written: File too large" in str(error)
else:
    raise AssertionError
assert not hasattr(model, "embedding_")
try:
    whole.save(path + ".model")
except OSError as error:
    assert f"path='{path}.model' could not be written" in str(error)
else:
    raise AssertionError
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)

epochs = []
class Counts(DLME):
    def _report(self, phase, epoch, n_epochs, history):
        epochs.append(epoch)
Counts.__name__ = "DLME"
resumed = Counts(training=training, verbose=True, **params).fit(X)
assert epochs == [1, 2], epochs
np.testing.assert_array_equal(resumed.embedding_, whole.embedding_)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs limits of the system")
def test_a_full_disk_stops_the_fit_and_keeps_the_checkpoint(tmp_path):
    path = tmp_path / "fit.pt"
    run_python("-c", FULL, path)
    assert list(tmp_path.iterdir()) == []


READ_ONLY = """
import os, sys, tempfile
import numpy as np
from skmanifold import DLME
from skmanifold.training import TrainingOptions

X = np.random.default_rng(0).normal(size=(60, 4))
model = DLME(max_epochs=1, structure_layers=(8,), structure_dim=4)
fitted = model.fit(X)
with tempfile.TemporaryDirectory() as folder:
    os.chmod(folder, 0o555)
    if os.geteuid() == 0:
        os.seteuid(65534)  # root may write anywhere
    path = folder + "/file"
    try:
        for call in (
            lambda: model.set_params(training=TrainingOptions(checkpoint=path)).fit(X),
            lambda: fitted.save(path),
            lambda: fitted.to_onnx(path),
        ):
            try:
                call()
            except ValueError as error:
                assert f"={path!r} is in a folder that cannot" in str(error)
            else:
                raise AssertionError
    finally:
        os.seteuid(os.getuid())
    os.chmod(folder, 0o755)
"""


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="needs rights of POSIX")
def test_a_read_only_folder_is_said_before_training():
    run_python("-c", READ_ONLY)


def test_a_failed_move_names_the_file(tmp_path):
    path = tmp_path / "c.pt"
    path.mkdir()
    with pytest.raises(IsADirectoryError, match=r"checkpoint=.*could not be written"):
        write_atomically(path, [b"a"], "checkpoint")
    assert list(tmp_path.iterdir()) == [path]
