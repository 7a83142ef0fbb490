# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""Files that are whole or absent, however the writing of them ends."""

import os
import pathlib


def checked_place(path, parameter):
    """The path, whose folder exists and can be written to."""
    path = pathlib.Path(path)
    folder = str(path.parent)
    if not path.parent.is_dir():
        raise ValueError(
            f"{parameter}={str(path)!r} lies in a folder that does not exist. Make "
            f"{folder!r} first."
        )
    effective = os.access in os.supports_effective_ids
    if not os.access(folder, os.W_OK | os.X_OK, effective_ids=effective):
        raise ValueError(
            f"{parameter}={str(path)!r} lies in a folder that cannot be written to. "
            f"Change the rights of {folder!r}, or name another folder."
        )
    return path


def write_whole(path, parts, parameter):
    """Write bytes to a temporary file beside the place, then move it there."""
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
            f"{parameter}={str(path)!r} could not be written: {error.strerror}. What "
            "was in the file before is still there. Make room, or name another folder",
        ) from error
    finally:
        temporary.unlink(missing_ok=True)
