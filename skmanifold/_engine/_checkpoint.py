# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""The state of a training run in one file, written so that it is whole or absent."""

import os
import pathlib

import torch


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
        What was saved, or None if there was no file.
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
        self.state = self._load() if self.path.exists() else None
        self.seed = seed if self.state is None else self.state["seed"]

    def _load(self):
        try:
            state = torch.load(self.path, weights_only=True, map_location="cpu")
            fingerprint, _ = state["fingerprint"], state["seed"]
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

    def save(self, state):
        """Write to a temporary file beside it, then move it into place."""
        identity = {"fingerprint": self.fingerprint, "seed": self.seed}
        temporary = self.path.with_name(f"{self.path.name}.{os.getpid()}.part")
        try:
            with open(temporary, "wb") as file:
                torch.save({**state, **identity}, file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, self.path)
        finally:
            temporary.unlink(missing_ok=True)

    def remove(self):
        """Training is complete: the file has served."""
        self.path.unlink(missing_ok=True)
