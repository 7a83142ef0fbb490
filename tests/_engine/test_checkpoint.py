# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

import pytest
import torch

from skmanifold._engine import Checkpoint


def open_checkpoint(path, fingerprint="a", seed=1):
    checkpoint = Checkpoint(path, every=1, fingerprint=fingerprint, seed=seed)
    checkpoint.next_phase()
    return checkpoint


def test_nothing_there(tmp_path):
    checkpoint = open_checkpoint(tmp_path / "c.pt")
    assert checkpoint.state is None
    assert checkpoint.seed == 1


def test_round_trip_keeps_the_first_seed(tmp_path):
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


def test_nothing_else_is_left_behind(tmp_path):
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


def test_another_fit_is_refused(tmp_path):
    path = tmp_path / "c.pt"
    open_checkpoint(path).save({})
    with pytest.raises(ValueError, match="other parameters or other data"):
        open_checkpoint(path, fingerprint="b")


def test_another_file_is_refused(tmp_path):
    path = tmp_path / "c.pt"
    path.write_text("not a checkpoint")
    with pytest.raises(ValueError, match="cannot be read as a checkpoint"):
        open_checkpoint(path)
