# SPDX-License-Identifier: BSD-3-Clause

import sys
import warnings


def warn(message):
    """Warn, with the line of the user's code that called into the library.

    No fixed ``stacklevel`` is right with scikit-learn's wrappers and pipelines.

    Parameters
    ----------
    message : str
        The message.

    Examples
    --------
    >>> import warnings
    >>> from skmanifold.utils import warn
    >>> with warnings.catch_warnings(record=True, action="always") as caught:
    ...     warn("n_clusters=9 is more than the 5 samples; using n_clusters=5.")
    >>> len(caught)
    1
    """
    frame, level = sys._getframe(1), 2
    while frame is not None:
        package = frame.f_globals.get("__name__", "").partition(".")[0]
        if package not in ("skmanifold", "sklearn"):
            break
        frame, level = frame.f_back, level + 1
    warnings.warn(message, UserWarning, stacklevel=level)
