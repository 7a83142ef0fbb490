# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""Real data sets: from a folder of one's own, or from OpenML."""

import importlib.util
import os
from pathlib import Path

import numpy as np
from sklearn.datasets import fetch_openml
from sklearn.utils import Bunch

from skmanifold.datasets._base import NoGeodesics

_FOLDER = "SKMANIFOLD_DATA"


def _read(arrays, name, path):
    """One array of a file; objects would have to be unpickled, which is not safe."""
    try:
        return arrays[name]
    except ValueError as error:
        kind = "numbers" if name == "X" else "numbers or strings"
        to = "float" if name == "X" else "str"
        raise ValueError(
            f"{name} in {path} cannot be read: {error}. If it holds Python objects,"
            f" save it again as {kind}, for instance as"
            f" {name}=np.asarray({name}).astype({to})."
        ) from error


def _from_folder(names):
    """Data, target and n_train of the first file that is there, None without one."""
    folder = os.environ.get(_FOLDER)
    if not folder:
        return None
    for name in names:
        path = Path(folder) / f"{name}.npz"
        if not path.is_file():
            continue
        with np.load(path, allow_pickle=False) as arrays:
            missing = {"X", "y"} - set(arrays.files)
            if missing:
                raise ValueError(
                    f"{path} lacks the array(s) {', '.join(sorted(missing))}: it must"
                    " hold X with one row per sample, and y."
                )
            X, y = _read(arrays, "X", path), _read(arrays, "y", path)
            n_train = arrays["n_train"] if "n_train" in arrays.files else None
        if X.ndim < 2 or y.shape != X.shape[:1]:
            raise ValueError(
                f"X and y in {path} have the shapes {X.shape} and {y.shape}: X must"
                " have one row, and y one label, per sample."
            )
        if X.size == 0:
            raise ValueError(
                f"X in {path} has the shape {X.shape} and so no data. Save the samples"
                " again, or remove the file to load them from OpenML."
            )
        if X.dtype.kind not in "biuf":
            raise ValueError(
                f"X in {path} has the dtype {X.dtype}, but it must hold real numbers."
                " Save it again as X.astype(float)."
            )
        if X.dtype.kind == "f" and not np.isfinite(X).all():
            raise ValueError(
                f"X in {path} has NaN or infinite entries. Save it again without the"
                " samples that have them, or with numbers in their place."
            )
        if n_train is not None:
            whole = n_train.size == 1 and n_train.dtype.kind in "iu"
            if not whole or not 0 <= n_train.item() <= len(X):
                raise ValueError(
                    f"n_train in {path} is {n_train!r}, but it must be the number of"
                    f" samples at the beginning that are for training, a whole number"
                    f" up to {len(X)}."
                )
            n_train = int(n_train.item())
        return X.reshape(len(X), -1), y, n_train
    return None


def _from_openml(name, at, n_expected, data_home, cache):
    """Data and target from OpenML, or from the cache of an earlier download.

    `at` says which data set, in the arguments of `fetch_openml`. A name is no proof:
    with `n_expected`, so many samples must come.
    """
    # pandas reads the files much faster, but is not required.
    parser = "pandas" if importlib.util.find_spec("pandas") else "liac-arff"
    try:
        bunch = fetch_openml(
            **at,
            data_home=data_home,
            cache=cache,
            as_frame=False,
            parser=parser,
        )
    except OSError as error:
        # URLError, HTTPError, timeouts and refused connections are all OSErrors.
        raise OSError(
            f"{name!r} could not be downloaded from OpenML ({_said(at)}): {error}."
            f" Check the network connection, or {_remedy(name)}"
        ) from error
    except ValueError as error:
        # What fetch_openml makes of the answer that there is no such data set.
        raise OSError(
            f"OpenML was reached but did not give {name!r} ({_said(at)}):"
            f" {str(error).rstrip('.')}. Instead, {_remedy(name)}"
        ) from error
    if n_expected is not None and len(bunch.data) != n_expected:
        raise OSError(
            f"What OpenML has as {name!r} ({_said(at)}) are {len(bunch.data)} samples,"
            f" not the {n_expected} of the usual data set. Instead, {_remedy(name)}"
        )
    return bunch.data, bunch.target, None


def _said(at):
    return ", ".join(f"{key}={value!r}" for key, value in at.items())


def _remedy(name):
    folder = os.environ.get(_FOLDER)
    state = f"is {folder!r}, where there is no such file" if folder else "is not set"
    return (
        f"put a file {name}.npz, with the arrays X and y, into a folder and name the"
        f" folder by the environment variable {_FOLDER}, which now {state}."
    )


def _compact(X):
    """The same numbers in the smallest usual type: bytes for pixels, else float32."""
    X = np.asarray(X)
    if X.dtype == np.uint8:
        return X
    if X.min() >= 0 and X.max() <= 255 and (X == np.floor(X)).all():
        return X.astype(np.uint8)
    return X.astype(np.float32)


def _numbers(names):
    """The values of names that all are finite numbers, None of others."""
    try:
        values = names.astype(np.float64)
    except ValueError:
        return None
    return values if np.isfinite(values).all() else None


def _fetch(
    fetcher,
    names,
    at,
    division,
    *,
    n_expected=None,
    data_home,
    cache,
    return_X_y,
):
    found = _from_folder(names)
    if found is None:
        found = _from_openml(names[0], at, n_expected, data_home, cache)
    X, y, n_train = found
    if n_train is None and division is not None and len(X) == division[1]:
        # Another number of samples is another choice of them, or another order.
        n_train = division[0]
    X = _compact(X)
    classes, target = np.unique(np.asarray(y).astype(str), return_inverse=True)
    numbers = _numbers(classes)
    if numbers is not None:
        # Numbers keep their order, and their values where they count from 0.
        order = np.argsort(numbers, kind="stable")
        target = np.argsort(order)[target]
        classes = classes[order]
    target = target.reshape(-1).astype(np.int64)
    if return_X_y:
        return X, target
    return Bunch(
        data=X,
        coordinates=None,
        target=target,
        betti_numbers=None,
        intrinsic_dimension=None,
        geodesic_distances=NoGeodesics(
            fetcher.__name__, "real data have no known manifold"
        ),
        feature_names=[f"x{i}" for i in range(X.shape[1])],
        target_names=classes,
        n_train=n_train,
        DESCR=fetcher.__doc__ or "",
    )


def fetch_mnist(*, data_home=None, cache=True, return_X_y=False):
    """Load MNIST, handwritten digits.

    Images of 28 by 28 pixels, ten classes.

    Read from ``mnist.npz`` or ``mnist_784.npz`` in the folder that the environment
    variable ``SKMANIFOLD_DATA`` names, else from OpenML and scikit-learn's cache of it.

    Parameters
    ----------
    data_home : str or path-like, default=None
        Folder of the cache; None means scikit-learn's,
        :func:`sklearn.datasets.get_data_home`.

    cache : bool, default=True
        Keep the download for the next time.

    return_X_y : bool, default=False
        Return only the data and the target.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        Dictionary-like object with the keys of the generators, of which coordinates,
        betti_numbers and intrinsic_dimension are None as they are not known, and
        geodesic_distances raises a ValueError when called; and

        data : ndarray of shape (70000, 784), uint8
            The samples.
        target : ndarray of shape (70000,)
            The classes as 0, 1, ...
        target_names : ndarray of str
            Names of the classes.
        n_train : int or None
            So many samples at the beginning are the usual training set; what the
            file says as ``n_train``, else known where no sample is left out.

    (data, target) : tuple
        With ``return_X_y=True``.

    Raises
    ------
    OSError
        If the data are neither in the folder nor in the cache, and cannot be
        downloaded.

    References
    ----------
    .. [1] Y. LeCun, L. Bottou, Y. Bengio and P. Haffner. Gradient-based learning
       applied to document recognition. Proceedings of the IEEE, 1998.

    Examples
    --------
    >>> from skmanifold.datasets import fetch_mnist
    >>> X, y = fetch_mnist(return_X_y=True)  # doctest: +SKIP
    """
    return _fetch(
        fetch_mnist,
        ("mnist", "mnist_784"),
        {"data_id": 554},
        (60000, 70000),
        data_home=data_home,
        cache=cache,
        return_X_y=return_X_y,
    )


def fetch_fashion_mnist(*, data_home=None, cache=True, return_X_y=False):
    """Load Fashion-MNIST, articles of clothing.

    Images of 28 by 28 pixels, ten classes.

    Read from ``fashion_mnist.npz`` in the folder that the environment variable
    ``SKMANIFOLD_DATA`` names, else from OpenML
    and scikit-learn's cache of it.

    Parameters
    ----------
    data_home : str or path-like, default=None
        Folder of the cache; None means scikit-learn's,
        :func:`sklearn.datasets.get_data_home`.

    cache : bool, default=True
        Keep the download for the next time.

    return_X_y : bool, default=False
        Return only the data and the target.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        Dictionary-like object with the keys of the generators, of which coordinates,
        betti_numbers and intrinsic_dimension are None as they are not known, and
        geodesic_distances raises a ValueError when called; and

        data : ndarray of shape (70000, 784), uint8
            The samples.
        target : ndarray of shape (70000,)
            The classes as 0, 1, ...
        target_names : ndarray of str
            Names of the classes.
        n_train : int or None
            So many samples at the beginning are the usual training set; what the
            file says as ``n_train``, else known where no sample is left out.

    (data, target) : tuple
        With ``return_X_y=True``.

    Raises
    ------
    OSError
        If the data are neither in the folder nor in the cache, and cannot be
        downloaded.

    References
    ----------
    .. [1] H. Xiao, K. Rasul and R. Vollgraf. Fashion-MNIST: a novel image dataset for
       benchmarking machine learning algorithms. arXiv:1708.07747, 2017.

    Examples
    --------
    >>> from skmanifold.datasets import fetch_fashion_mnist
    >>> X, y = fetch_fashion_mnist(return_X_y=True)  # doctest: +SKIP
    """
    return _fetch(
        fetch_fashion_mnist,
        ("fashion_mnist",),
        {"data_id": 40996},
        (60000, 70000),
        data_home=data_home,
        cache=cache,
        return_X_y=return_X_y,
    )


def fetch_kuzushiji_mnist(*, data_home=None, cache=True, return_X_y=False):
    """Load Kuzushiji-MNIST, handwritten Japanese characters.

    Images of 28 by 28 pixels, ten classes.

    Read from ``kuzushiji_mnist.npz`` in the folder that the environment variable
    ``SKMANIFOLD_DATA`` names, else from OpenML
    and scikit-learn's cache of it.

    Parameters
    ----------
    data_home : str or path-like, default=None
        Folder of the cache; None means scikit-learn's,
        :func:`sklearn.datasets.get_data_home`.

    cache : bool, default=True
        Keep the download for the next time.

    return_X_y : bool, default=False
        Return only the data and the target.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        Dictionary-like object with the keys of the generators, of which coordinates,
        betti_numbers and intrinsic_dimension are None as they are not known, and
        geodesic_distances raises a ValueError when called; and

        data : ndarray of shape (70000, 784), uint8
            The samples.
        target : ndarray of shape (70000,)
            The classes as 0, 1, ...
        target_names : ndarray of str
            Names of the classes.
        n_train : int or None
            So many samples at the beginning are the usual training set; what the
            file says as ``n_train``, else known where no sample is left out.

    (data, target) : tuple
        With ``return_X_y=True``.

    Raises
    ------
    OSError
        If the data are neither in the folder nor in the cache, and cannot be
        downloaded.

    References
    ----------
    .. [1] T. Clanuwat et al. Deep learning for classical Japanese literature.
       arXiv:1812.01718, 2018.

    Examples
    --------
    >>> from skmanifold.datasets import fetch_kuzushiji_mnist
    >>> X, y = fetch_kuzushiji_mnist(return_X_y=True)  # doctest: +SKIP
    """
    return _fetch(
        fetch_kuzushiji_mnist,
        ("kuzushiji_mnist",),
        {"data_id": 41982},
        (60000, 70000),
        data_home=data_home,
        cache=cache,
        return_X_y=return_X_y,
    )


def fetch_usps(*, data_home=None, cache=True, return_X_y=False):
    """Load USPS, digits from envelopes.

    Images of 16 by 16 pixels, ten classes.

    Read from ``usps.npz`` in the folder that the environment variable
    ``SKMANIFOLD_DATA`` names, else from OpenML
    and scikit-learn's cache of it.

    Parameters
    ----------
    data_home : str or path-like, default=None
        Folder of the cache; None means scikit-learn's,
        :func:`sklearn.datasets.get_data_home`.

    cache : bool, default=True
        Keep the download for the next time.

    return_X_y : bool, default=False
        Return only the data and the target.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        Dictionary-like object with the keys of the generators, of which coordinates,
        betti_numbers and intrinsic_dimension are None as they are not known, and
        geodesic_distances raises a ValueError when called; and

        data : ndarray of shape (9298, 256), float32
            The samples.
        target : ndarray of shape (9298,)
            The classes as 0, 1, ...
        target_names : ndarray of str
            Names of the classes.
        n_train : int or None
            So many samples at the beginning are the usual training set; what the
            file says as ``n_train``, else known where no sample is left out.

    (data, target) : tuple
        With ``return_X_y=True``.

    Raises
    ------
    OSError
        If the data are neither in the folder nor in the cache, and cannot be
        downloaded.

    References
    ----------
    .. [1] J. J. Hull. A database for handwritten text recognition research. IEEE TPAMI,
       1994.

    Examples
    --------
    >>> from skmanifold.datasets import fetch_usps
    >>> X, y = fetch_usps(return_X_y=True)  # doctest: +SKIP
    """
    return _fetch(
        fetch_usps,
        ("usps",),
        {"data_id": 41082},
        (7291, 9298),
        data_home=data_home,
        cache=cache,
        return_X_y=return_X_y,
    )


def fetch_har(*, data_home=None, cache=True, return_X_y=False):
    """Load HAR, human activities from the sensors of a telephone.

    561 features of movements, six classes.

    Read from ``har.npz`` in the folder that the environment variable
    ``SKMANIFOLD_DATA`` names, else from OpenML
    and scikit-learn's cache of it.

    Parameters
    ----------
    data_home : str or path-like, default=None
        Folder of the cache; None means scikit-learn's,
        :func:`sklearn.datasets.get_data_home`.

    cache : bool, default=True
        Keep the download for the next time.

    return_X_y : bool, default=False
        Return only the data and the target.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        Dictionary-like object with the keys of the generators, of which coordinates,
        betti_numbers and intrinsic_dimension are None as they are not known, and
        geodesic_distances raises a ValueError when called; and

        data : ndarray of shape (10299, 561), float32
            The samples.
        target : ndarray of shape (10299,)
            The classes as 0, 1, ...
        target_names : ndarray of str
            Names of the classes.
        n_train : int or None
            There is no usual division into training and test set: None, unless the
            file says ``n_train``.

    (data, target) : tuple
        With ``return_X_y=True``.

    Raises
    ------
    OSError
        If the data are neither in the folder nor in the cache, and cannot be
        downloaded.

    References
    ----------
    .. [1] D. Anguita, A. Ghio, L. Oneto, X. Parra and J. L. Reyes-Ortiz. A public
       domain dataset for human activity recognition using smartphones. ESANN, 2013.

    Examples
    --------
    >>> from skmanifold.datasets import fetch_har
    >>> X, y = fetch_har(return_X_y=True)  # doctest: +SKIP
    """
    return _fetch(
        fetch_har,
        ("har",),
        {"data_id": 1478},
        None,
        data_home=data_home,
        cache=cache,
        return_X_y=return_X_y,
    )


def fetch_isolet(*, data_home=None, cache=True, return_X_y=False):
    """Load ISOLET, spoken letters.

    617 features of sounds, 26 classes.

    Read from ``isolet.npz`` in the folder that the environment variable
    ``SKMANIFOLD_DATA`` names, else from OpenML
    and scikit-learn's cache of it.

    Parameters
    ----------
    data_home : str or path-like, default=None
        Folder of the cache; None means scikit-learn's,
        :func:`sklearn.datasets.get_data_home`.

    cache : bool, default=True
        Keep the download for the next time.

    return_X_y : bool, default=False
        Return only the data and the target.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        Dictionary-like object with the keys of the generators, of which coordinates,
        betti_numbers and intrinsic_dimension are None as they are not known, and
        geodesic_distances raises a ValueError when called; and

        data : ndarray of shape (7797, 617), float32
            The samples.
        target : ndarray of shape (7797,)
            The classes as 0, 1, ...
        target_names : ndarray of str
            Names of the classes.
        n_train : int or None
            There is no usual division into training and test set: None, unless the
            file says ``n_train``.

    (data, target) : tuple
        With ``return_X_y=True``.

    Raises
    ------
    OSError
        If the data are neither in the folder nor in the cache, and cannot be
        downloaded.

    References
    ----------
    .. [1] M. Fanty and R. Cole. Spoken letter recognition. NIPS, 1991.

    Examples
    --------
    >>> from skmanifold.datasets import fetch_isolet
    >>> X, y = fetch_isolet(return_X_y=True)  # doctest: +SKIP
    """
    return _fetch(
        fetch_isolet,
        ("isolet",),
        {"data_id": 300},
        None,
        data_home=data_home,
        cache=cache,
        return_X_y=return_X_y,
    )


def fetch_pendigits(*, data_home=None, cache=True, return_X_y=False):
    """Load pendigits, digits written with a pen.

    Eight points of the pen's path, ten classes.

    Read from ``pendigits.npz`` in the folder that the environment variable
    ``SKMANIFOLD_DATA`` names, else from OpenML
    and scikit-learn's cache of it.

    Parameters
    ----------
    data_home : str or path-like, default=None
        Folder of the cache; None means scikit-learn's,
        :func:`sklearn.datasets.get_data_home`.

    cache : bool, default=True
        Keep the download for the next time.

    return_X_y : bool, default=False
        Return only the data and the target.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        Dictionary-like object with the keys of the generators, of which coordinates,
        betti_numbers and intrinsic_dimension are None as they are not known, and
        geodesic_distances raises a ValueError when called; and

        data : ndarray of shape (10992, 16), uint8
            The samples.
        target : ndarray of shape (10992,)
            The classes as 0, 1, ...
        target_names : ndarray of str
            Names of the classes.
        n_train : int or None
            So many samples at the beginning are the usual training set; what the
            file says as ``n_train``, else known where no sample is left out.

    (data, target) : tuple
        With ``return_X_y=True``.

    Raises
    ------
    OSError
        If the data are neither in the folder nor in the cache, and cannot be
        downloaded.

    References
    ----------
    .. [1] F. Alimoglu and E. Alpaydin. Methods of combining multiple classifiers based
       on different representations for pen-based handwritten digit recognition. TAINN,
       1996.

    Examples
    --------
    >>> from skmanifold.datasets import fetch_pendigits
    >>> X, y = fetch_pendigits(return_X_y=True)  # doctest: +SKIP
    """
    return _fetch(
        fetch_pendigits,
        ("pendigits",),
        {"data_id": 32},
        (7494, 10992),
        data_home=data_home,
        cache=cache,
        return_X_y=return_X_y,
    )


def fetch_coil20(*, data_home=None, cache=True, return_X_y=False):
    """Load COIL-20, objects on a turntable.

    72 views of each of 20 objects, in steps of 5 degrees: every class is a circle.

    Read from ``coil20.npz`` in the folder that the environment variable
    ``SKMANIFOLD_DATA`` names, else from OpenML
    and scikit-learn's cache of it.

    Parameters
    ----------
    data_home : str or path-like, default=None
        Folder of the cache; None means scikit-learn's,
        :func:`sklearn.datasets.get_data_home`.

    cache : bool, default=True
        Keep the download for the next time.

    return_X_y : bool, default=False
        Return only the data and the target.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        Dictionary-like object with the keys of the generators, of which coordinates,
        betti_numbers and intrinsic_dimension are None as they are not known, and
        geodesic_distances raises a ValueError when called; and

        data : ndarray of shape (1440, n_pixels), uint8
            The samples.
        target : ndarray of shape (1440,)
            The classes as 0, 1, ...
        target_names : ndarray of str
            Names of the classes.
        n_train : int or None
            There is no usual division into training and test set: None, unless the
            file says ``n_train``.

    (data, target) : tuple
        With ``return_X_y=True``.

    Raises
    ------
    OSError
        If the data are neither in the folder nor in the cache, and cannot be
        downloaded.

    References
    ----------
    .. [1] S. A. Nene, S. K. Nayar and H. Murase. Columbia Object Image Library
       (COIL-20). Technical report CUCS-005-96, 1996.

    Examples
    --------
    >>> from skmanifold.datasets import fetch_coil20
    >>> X, y = fetch_coil20(return_X_y=True)  # doctest: +SKIP
    """
    return _fetch(
        fetch_coil20,
        ("coil20", "coil20_32x32"),
        {"name": "COIL-20", "version": 1},
        None,
        n_expected=1440,
        data_home=data_home,
        cache=cache,
        return_X_y=return_X_y,
    )
