# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""The state of a training run in one file, written so that it is whole or absent."""

import copy
import glob
import hashlib
import io
import pathlib

import torch

from ._distributed import is_main_process
from ._files import checked_place, write_whole

_KEYS = ("fingerprint", "seed", "phases")

_DIGEST_BYTES = 32  # at the end of the file


def _digest(content):
    return hashlib.sha256(content).digest()


class Checkpoint:
    """A file that training is written to and resumed from.

    Parameters
    ----------
    path : path-like
        The file.
    every : int
        Epochs between two writes.
    fingerprint : dict of str to str
        What the fit depends on, by a name for it: digests of the parameters and of the
        data, the versions. A file with another one is refused.
    seed : int
        Seed of the run. If the file exists, its seed takes the place of this one.

    Attributes
    ----------
    state : dict or None
        What was saved of the phase of training that :meth:`next_phase` began, or None.
    """

    def __init__(self, path, *, every, fingerprint, seed):
        # the others of a distributed fit only read it
        self.path = (
            checked_place(path, "checkpoint")
            if is_main_process()
            else pathlib.Path(path)
        )
        self.every = every
        self.fingerprint = fingerprint
        found = self._load() if self.path.exists() else None
        self.seed = seed if found is None else found["seed"]
        self.state = None
        self._found = [] if found is None else found["phases"]
        self._phases = []

    def _load(self):
        content = self.path.read_bytes()
        try:
            # torch does not see that bytes of a tensor have changed
            if (
                _digest(memoryview(content)[:-_DIGEST_BYTES])
                != content[-_DIGEST_BYTES:]
            ):
                raise ValueError("its bytes are not those that were written")
            state = torch.load(
                io.BytesIO(content), weights_only=True, map_location="cpu"
            )
            fingerprint, _, _ = (state[key] for key in _KEYS)
        except Exception as error:
            raise ValueError(
                f"checkpoint={str(self.path)!r} exists but cannot be read as a "
                "checkpoint: it is damaged, or another kind of file. Remove it or name "
                "another."
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
                f"{' and '.join(other)}. Remove the file to begin anew, or name "
                "another."
            )
        return state

    def next_phase(self):
        """Begin a phase of training: those before it are complete."""
        number = len(self._phases)
        self.state = self._found[number] if number < len(self._found) else None
        self._phases.append(self.state)

    def save(self, state):
        """Put the state of the phase, and what came before it, into the file."""
        # a copy: the next phase may go on with the tensors of this one
        self._phases[-1] = copy.deepcopy(state) if state.get("finished") else state
        whole = dict(
            zip(_KEYS, (self.fingerprint, self.seed, self._phases), strict=True)
        )
        # torch's own writing to a file hides the error of a full disk
        buffer = io.BytesIO()
        torch.save(whole, buffer)
        content = buffer.getbuffer()
        write_whole(self.path, (content, _digest(content)), "checkpoint")

    def remove(self):
        """Training is complete: the file has served, and what a killed write left."""
        self.path.unlink(missing_ok=True)
        for part in self.path.parent.glob(f"{glob.escape(self.path.name)}.*.part"):
            part.unlink(missing_ok=True)
