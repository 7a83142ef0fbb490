# SPDX-License-Identifier: BSD-3-Clause

"""Atomic writing of files."""

import os
import pathlib


def checked_path(path, parameter):
    """Return the path, after a check that its folder exists and is writable."""
    path = pathlib.Path(path)
    folder = str(path.parent)
    if not path.parent.is_dir():
        raise ValueError(
            f"{parameter}={str(path)!r} is in a folder that does not exist. Create "
            f"{folder!r} first."
        )
    effective = os.access in os.supports_effective_ids
    if not os.access(folder, os.W_OK | os.X_OK, effective_ids=effective):
        raise ValueError(
            f"{parameter}={str(path)!r} is in a folder that cannot be written to. "
            f"Change the permissions of {folder!r}, or use another folder."
        )
    return path


def write_atomically(path, parts, parameter):
    """Write bytes to a temporary file in the same folder, then rename it."""
    path = pathlib.Path(path)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with open(temporary, "wb") as file:
            for part in parts:
                file.write(part)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise OSError(
            error.errno,
            f"{parameter}={str(path)!r} could not be written: {error.strerror}. An "
            "existing file is unchanged. Free some space, or use another folder",
        ) from error
    finally:
        temporary.unlink(missing_ok=True)
