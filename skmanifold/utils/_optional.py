# SPDX-License-Identifier: BSD-3-Clause

import importlib


def import_optional(name, extra, *, feature=None):
    """Import an optional dependency, or explain how to install it.

    Parameters
    ----------
    name : str
        Full name of the module, such as ``"matplotlib.pyplot"``.

    extra : str
        Extra of ``skmanifold`` that installs the module, such as ``"plot"``.

    feature : str, default=None
        Feature that needs the module, for the error; None means "This feature".

    Returns
    -------
    module : module
        The imported module.

    Raises
    ------
    ImportError
        If the package is not installed, with the command that installs it. Errors
        during the import of an installed module are passed on.

    Examples
    --------
    >>> from skmanifold.utils import import_optional
    >>> import_optional("json", "io").dumps([1, 2])
    '[1, 2]'
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        # for a missing dependency of the package our remedy would be wrong
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise
        distribution = name.partition(".")[0]
        raise ImportError(
            f"{feature or 'This feature'} needs the package {distribution!r}, which "
            f"is not installed. Install it with: pip install 'skmanifold[{extra}]'",
            name=distribution,
        ) from error
