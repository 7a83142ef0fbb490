# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

import importlib


def import_optional(name, extra, *, feature=None):
    """Import an optional dependency, or say how to install it.

    Parameters
    ----------
    name : str
        Full name of the module, for instance ``"matplotlib.pyplot"``.

    extra : str
        The extra of ``skmanifold`` that installs the module, for instance ``"plot"``.

    feature : str, default=None
        What needs the module; the first words of the error. None stands for "This
        feature".

    Returns
    -------
    module : module
        The module called `name`.

    Raises
    ------
    ImportError
        If the module's distribution is not installed. The message names the command
        that installs it. An installed module that fails while it is imported raises
        its own error.

    Examples
    --------
    >>> from skmanifold.utils import import_optional
    >>> import_optional("json", "io").dumps([1, 2])
    '[1, 2]'
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        # A missing dependency of the dependency is a broken installation, for which
        # our remedy would be the wrong one.
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise
        distribution = name.partition(".")[0]
        raise ImportError(
            f"{feature or 'This feature'} needs the package {distribution!r}, which "
            f"is not installed. Install it with: pip install 'skmanifold[{extra}]'",
            name=distribution,
        ) from error
