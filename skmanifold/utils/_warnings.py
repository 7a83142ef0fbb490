# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

import sys
import warnings


def warn(message, category=UserWarning):
    """Warn with the line that called into the library.

    The depth of calls depends on the method, scikit-learn's wrappers and pipelines, so
    no fixed ``stacklevel`` would do.
    """
    frame, level = sys._getframe(1), 2
    while frame is not None:
        package = frame.f_globals.get("__name__", "").partition(".")[0]
        if package not in ("skmanifold", "sklearn"):
            break
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)
