# SPDX-License-Identifier: BSD-3-Clause

"""The state of a training run in one file, written atomically."""

import copy
import glob
import hashlib
import io
import pathlib

import torch

from ._distributed import is_main_process
from ._files import checked_path, write_atomically

_KEYS = ("fingerprint", "seed", "phases")

_DIGEST_BYTES = 32  # at the end of the file


def _digest(content):
    return hashlib.sha256(content).digest()


class Checkpoint:
    """A file that training is written to, each ``every`` epochs, and resumed from.

    The ``fingerprint`` holds digests of the parameters and the data, and the versions,
    by name; a file with another one is rejected. The ``seed`` of an existing file
    replaces the given one. ``state`` is the saved state of the phase begun by
    :meth:`next_phase`, or None.
    """

    def __init__(self, path, *, every, fingerprint, seed):
        # other ranks only read the file
        self.path = (
            checked_path(path, "checkpoint")
            if is_main_process()
            else pathlib.Path(path)
        )
        self.every = every
        self.fingerprint = fingerprint
        saved = self._load() if self.path.exists() else None
        self.seed = seed if saved is None else saved["seed"]
        self.state = None
        self._saved_phases = [] if saved is None else saved["phases"]
        self._phases = []

    def _load(self):
        content = self.path.read_bytes()
        try:
            # torch does not detect changed bytes of a tensor
            if (
                _digest(memoryview(content)[:-_DIGEST_BYTES])
                != content[-_DIGEST_BYTES:]
            ):
                raise ValueError("its checksum does not match")
            state = torch.load(
                io.BytesIO(content), weights_only=True, map_location="cpu"
            )
            fingerprint, _, _ = (state[key] for key in _KEYS)
        except Exception as error:
            raise ValueError(
                f"checkpoint={str(self.path)!r} exists but cannot be read as a "
                "checkpoint: it is damaged, or another kind of file. Remove it, or "
                "pass another path."
            ) from error
        other = [
            f"other {name} ({fingerprint[name]})"
            if name == "versions"
            else f"other {name}"
            for name in sorted(self.fingerprint.keys() | fingerprint.keys())
            if fingerprint.get(name) != self.fingerprint.get(name)
        ]
        if other:
            raise ValueError(
                f"checkpoint={str(self.path)!r} was written by a fit with "
                f"{' and '.join(other)}. Remove the file to start over, or pass "
                "another path."
            )
        return state

    def next_phase(self):
        """Begin the next phase of training."""
        saved, number = self._saved_phases, len(self._phases)
        self.state = saved[number] if number < len(saved) else None
        self._phases.append(self.state)

    def save(self, state):
        """Write the state of this phase, and of those before it, to the file."""
        # a copy: the next phase may change the tensors of this one
        self._phases[-1] = copy.deepcopy(state) if state.get("finished") else state
        whole = dict(
            zip(_KEYS, (self.fingerprint, self.seed, self._phases), strict=True)
        )
        # torch.save to a path hides the error of a full disk
        buffer = io.BytesIO()
        torch.save(whole, buffer)
        content = buffer.getbuffer()
        write_atomically(self.path, (content, _digest(content)), "checkpoint")

    def remove(self):
        """Remove the file, and the remains of killed writes."""
        self.path.unlink(missing_ok=True)
        for part in self.path.parent.glob(f"{glob.escape(self.path.name)}.*.part"):
            part.unlink(missing_ok=True)
