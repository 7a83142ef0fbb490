# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""The state of a training run in one file, written so that it is whole or absent."""

import copy
import glob
import os
import pathlib

import torch

_KEYS = ("fingerprint", "seed", "phases")


class Checkpoint:
    """A file that training is written to and resumed from.

    Parameters
    ----------
    path : path-like
        The file.
    every : int
        Epochs between two writes.
    fingerprint : str
        Digest of the parameters and the data. A file with another one is refused.
    seed : int
        Seed of the run. If the file exists, its seed takes the place of this one.

    Attributes
    ----------
    state : dict or None
        What was saved of the phase of training that :meth:`next_phase` began, or None.
    """

    def __init__(self, path, *, every, fingerprint, seed):
        self.path = pathlib.Path(path)
        if not self.path.parent.is_dir():
            raise ValueError(
                f"checkpoint={str(path)!r} lies in a folder that does not exist. Make "
                f"{str(self.path.parent)!r} first."
            )
        self.every = every
        self.fingerprint = fingerprint
        found = self._load() if self.path.exists() else None
        self.seed = seed if found is None else found["seed"]
        self.state = None
        self._found = [] if found is None else found["phases"]
        self._phases = []

    def _load(self):
        try:
            state = torch.load(self.path, weights_only=True, map_location="cpu")
            fingerprint, _, _ = (state[key] for key in _KEYS)
        except Exception as error:
            raise ValueError(
                f"checkpoint={str(self.path)!r} exists but cannot be read as a "
                "checkpoint. Remove the file or name another."
            ) from error
        if fingerprint != self.fingerprint:
            raise ValueError(
                f"checkpoint={str(self.path)!r} was written by a fit with other "
                "parameters or other data. Remove the file to begin anew, or name "
                "another."
            )
        return state

    def next_phase(self):
        """Begin a phase of training: those before it are complete."""
        number = len(self._phases)
        self.state = self._found[number] if number < len(self._found) else None
        self._phases.append(self.state)

    def save(self, state):
        """Write to a temporary file beside it, then move it into place."""
        # a copy: the next phase may go on with the tensors of this one
        self._phases[-1] = copy.deepcopy(state) if state.get("finished") else state
        whole = dict(
            zip(_KEYS, (self.fingerprint, self.seed, self._phases), strict=True)
        )
        temporary = self.path.with_name(f"{self.path.name}.{os.getpid()}.part")
        try:
            with open(temporary, "wb") as file:
                torch.save(whole, file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, self.path)
        finally:
            temporary.unlink(missing_ok=True)

    def remove(self):
        """Training is complete: the file has served, and what a killed write left."""
        self.path.unlink(missing_ok=True)
        for part in self.path.parent.glob(f"{glob.escape(self.path.name)}.*.part"):
            part.unlink(missing_ok=True)
