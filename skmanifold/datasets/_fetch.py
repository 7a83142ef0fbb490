# SPDX-License-Identifier: BSD-3-Clause

"""Real data sets: from a local folder, or from OpenML."""

import importlib.util
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
from sklearn.datasets import fetch_openml
from sklearn.utils import Bunch, check_X_y

from skmanifold.utils import read_labels
from skmanifold.utils._sklearn import StrOptions, validate_params

_FOLDER = "SKMANIFOLD_DATA"


class _Dataset(NamedTuple):
    title: str
    description: str
    files: tuple  # names in the local folder
    openml: dict  # arguments of fetch_openml
    n_samples: int
    n_train: int | None  # size of the standard training set, at the beginning
    reference: str


_MNIST_LIKE = "Images of 28 by 28 pixels, ten classes."
_DATASETS = {
    "coil20": _Dataset(
        "COIL-20, objects on a turntable",
        "72 views of each of 20 objects, by 5 degrees: each class is a circle.",
        ("coil20", "coil20_32x32"),
        {"name": "COIL-20", "version": 1},
        1440,
        None,
        "S. A. Nene et al. Columbia Object Image Library. CUCS-005-96, 1996.",
    ),
    "fashion_mnist": _Dataset(
        "Fashion-MNIST, articles of clothing",
        _MNIST_LIKE,
        ("fashion_mnist",),
        {"data_id": 40996},
        70000,
        60000,
        "H. Xiao et al. Fashion-MNIST. arXiv:1708.07747, 2017.",
    ),
    "har": _Dataset(
        "HAR, human activities from the sensors of a smartphone",
        "561 features of movements, six classes.",
        ("har",),
        {"data_id": 1478},
        10299,
        None,
        "D. Anguita et al. Human activity recognition using smartphones. ESANN, 2013.",
    ),
    "isolet": _Dataset(
        "ISOLET, spoken letters",
        "617 features of sounds, 26 classes.",
        ("isolet",),
        {"data_id": 300},
        7797,
        None,
        "M. Fanty and R. Cole. Spoken letter recognition. NIPS, 1991.",
    ),
    "kuzushiji_mnist": _Dataset(
        "Kuzushiji-MNIST, handwritten Japanese characters",
        _MNIST_LIKE,
        ("kuzushiji_mnist",),
        {"data_id": 41982},
        70000,
        60000,
        "T. Clanuwat et al. Classical Japanese literature. arXiv:1812.01718, 2018.",
    ),
    "mnist": _Dataset(
        "MNIST, handwritten digits",
        _MNIST_LIKE,
        ("mnist", "mnist_784"),
        {"data_id": 554},
        70000,
        60000,
        "Y. LeCun et al. Gradient-based learning. Proceedings of the IEEE, 1998.",
    ),
    "pendigits": _Dataset(
        "Pendigits, digits written with a pen",
        "Eight points of the path of the pen, ten classes.",
        ("pendigits",),
        {"data_id": 32},
        10992,
        7494,
        "F. Alimoglu and E. Alpaydin. Handwritten digit recognition. TAINN, 1996.",
    ),
    "usps": _Dataset(
        "USPS, digits from envelopes",
        "Images of 16 by 16 pixels, ten classes.",
        ("usps",),
        {"data_id": 41082},
        9298,
        7291,
        "J. J. Hull. Handwritten text recognition research. IEEE TPAMI, 1994.",
    ),
}


@validate_params(
    {"name": [StrOptions(set(_DATASETS))], "return_X_y": ["boolean"]},
    prefer_skip_nested_validation=True,
)
def fetch_dataset(name, *, return_X_y=False):
    """Load a real data set used in the papers.

    A file ``<name>.npz`` in the folder named by the environment variable
    ``SKMANIFOLD_DATA``, with the samples ``X``, their labels ``y`` and optionally the
    number ``n_train``, takes precedence over OpenML and scikit-learn's cache
    (:func:`sklearn.datasets.get_data_home`).

    ===================  =======  ========  =======  =======  ==========================
    name                 samples  features  classes  n_train  data
    ===================  =======  ========  =======  =======  ==========================
    ``coil20``              1440      1024       20           objects on a turntable
    ``fashion_mnist``      70000       784       10    60000  articles of clothing
    ``har``                10299       561        6           human activities
    ``isolet``              7797       617       26           spoken letters
    ``kuzushiji_mnist``    70000       784       10    60000  Japanese characters
    ``mnist``              70000       784       10    60000  handwritten digits
    ``pendigits``          10992        16       10     7494  digits written with a pen
    ``usps``                9298       256       10     7291  digits from envelopes
    ===================  =======  ========  =======  =======  ==========================

    The files ``coil20_32x32.npz``, 1024 features, and ``mnist_784.npz`` are also read.

    Parameters
    ----------
    name : {"coil20", "fashion_mnist", "har", "isolet", "kuzushiji_mnist", "mnist", \
"pendigits", "usps"}
        Name of the data set.
    return_X_y : bool, default=False
        Return the tuple (data, target) instead.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch` or tuple
        With the :ref:`keys of generators <manifold_bunch>`, None if unknown, and:

        data : ndarray of shape (n_samples, n_features)
            The samples, uint8 for pixels and float32 otherwise.
        target : ndarray of shape (n_samples,)
            The classes as 0, 1, ...
        target_names : ndarray of str
            Names of the classes.
        n_train : int or None
            Size of the training set at the beginning, None without a standard split.

    Raises
    ------
    OSError
        If the data are neither in the folder nor in the cache, and the download fails.
    ValueError
        If a file in the folder is invalid.

    Examples
    --------
    >>> from skmanifold.datasets import fetch_dataset
    >>> X, y = fetch_dataset("mnist", return_X_y=True)  # doctest: +SKIP
    """
    dataset = _DATASETS[name]
    X, y, n_train = _read_folder(dataset.files) or _download(name, dataset)
    if n_train is None and len(X) == dataset.n_samples:
        # another number of samples is another selection or order
        n_train = dataset.n_train
    X = _compact(X)
    labels = read_labels(np.asarray(y).astype(str), natural=True)
    if return_X_y:
        return X, labels.codes
    return Bunch(
        data=X,
        coordinates=None,
        target=labels.codes,
        betti_numbers=None,
        intrinsic_dimension=None,
        geodesic_distances=None,
        feature_names=[f"x{i}" for i in range(X.shape[1])],
        target_names=labels.classes,
        n_train=n_train,
        DESCR=f"{dataset.title}.\n\n{dataset.description}\n\n{dataset.reference}\n",
    )


def _read_folder(names):
    """Return data, target and n_train of the first existing file, or None."""
    folder = os.environ.get(_FOLDER)
    paths = [Path(folder) / f"{name}.npz" for name in names] if folder else []
    return next((_read_file(path) for path in paths if path.is_file()), None)


def _read_file(path):
    with np.load(path, allow_pickle=False) as arrays:
        missing = {"X", "y"} - set(arrays.files)
        if missing:
            raise ValueError(
                f"{path} lacks the array(s) {', '.join(sorted(missing))}: it must hold "
                "X with one row per sample, and y."
            )
        try:
            X, y = check_X_y(arrays["X"], arrays["y"], allow_nd=True)
        except ValueError as error:
            raise ValueError(
                f"{path} must hold X, finite numbers with one row per sample, and y, "
                f"one label per sample: {str(error).rstrip('.')}. Save X.astype(float)"
                " and y.astype(str) of complete samples, or remove the file to load"
                " the data from OpenML."
            ) from error
        n_train = arrays["n_train"] if "n_train" in arrays.files else None
    if n_train is not None:
        is_integer = n_train.size == 1 and n_train.dtype.kind in "iu"
        if not is_integer or not 0 <= n_train.item() <= len(X):
            raise ValueError(
                f"n_train in {path} is {n_train!r}, but it must be the number of "
                f"training samples at the beginning, an integer up to {len(X)}."
            )
        n_train = int(n_train.item())
    return X.reshape(len(X), -1), y, n_train


def _download(name, dataset):
    """Return data, target and None from OpenML, or from the cache of a download."""
    # pandas parses the files much faster but is optional
    parser = "pandas" if importlib.util.find_spec("pandas") else "liac-arff"
    folder = os.environ.get(_FOLDER)
    source = ", ".join(f"{key}={value!r}" for key, value in dataset.openml.items())
    remedy = (
        f"put a file {dataset.files[0]}.npz, with the arrays X and y, into a folder and"
        f" set the environment variable {_FOLDER} to that folder. It now "
        + (f"is {folder!r}, without such a file." if folder else "is not set.")
    )
    try:
        bunch = fetch_openml(**dataset.openml, as_frame=False, parser=parser)
    except OSError as error:
        # URLError, HTTPError, timeouts and refused connections are all OSErrors
        raise OSError(
            f"{name!r} could not be downloaded from OpenML ({source}): {error}. Check "
            f"the network connection, or {remedy}"
        ) from error
    except ValueError as error:
        # raised by fetch_openml if OpenML answers that there is no such data set
        raise OSError(
            f"OpenML was reached but did not provide {name!r} ({source}): "
            f"{str(error).rstrip('.')}. Instead, {remedy}"
        ) from error
    if len(bunch.data) != dataset.n_samples:
        raise OSError(
            f"The data set that OpenML provides as {name!r} ({source}) has "
            f"{len(bunch.data)} samples, not {dataset.n_samples}. Instead, {remedy}"
        )
    return bunch.data, bunch.target, None


def _compact(X):
    """Return X as uint8 if it holds only integers from 0 to 255, else as float32."""
    X = np.asarray(X)
    if X.dtype == np.uint8:
        return X
    if X.min() >= 0 and X.max() <= 255 and (X == np.floor(X)).all():
        return X.astype(np.uint8)
    return X.astype(np.float32)
