# SPDX-License-Identifier: BSD-3-Clause

"""Python in a process of its own, for tests of memory, settings and imports."""

import subprocess
import sys


def run_python(*arguments, timeout=500, **options):
    """Return the output of a process that must end without an error."""
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout,
        **options,
    )
    assert done.returncode == 0, done.stderr[-5000:]
    return done.stdout
