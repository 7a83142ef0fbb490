# SPDX-License-Identifier: BSD-3-Clause

"""Data sets of the comparisons.

Only the standard library is imported here: importing a package is itself measured.
"""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class DataSet:
    """Samples with labels, which are used only for scoring."""

    # not scaled; float32, or uint8 if made of many images
    X: object
    y: object
    # usual divisor: 255 for 8-bit images
    scale: float = 1.0
    # size of the standard training set, which comes first
    n_train: int | None = None

    def usual_input(self):
        """Return the input that the documentation of most packages uses."""
        import numpy as np

        if self.scale == 1.0:
            return self.X
        return np.divide(self.X, np.float32(self.scale), dtype=np.float32)


# name -> (file, divisor of the usual input, size of the training set)
FILES = {
    "coil20": ("coil20_32x32.npz", 255.0, None),
    "fashion_mnist": ("fashion_mnist.npz", 255.0, 60_000),
    "leukemia": ("leukemia.npz", 1.0, None),
    "mnist": ("mnist.npz", 255.0, 60_000),
    "nci60": ("nci60.npz", 1.0, None),
    "pbmc68k": ("pbmc68k_reduced.npz", 1.0, None),
    "pendigits": ("pendigits.npz", 1.0, 7_494),
    "vowel": ("vowel.npz", 1.0, None),
}
# name -> number of features of generated data
SYNTHETIC = {"synthetic50": 50, "synthetic784": 784}
# name -> number of clusters, in 50 columns
MANY_CLUSTERS = {"clusters100": 100}
# name -> set whose images are shifted at random, by up to so many pixels
SHIFTED = {"fashion_mnist_shifted": "fashion_mnist", "mnist_shifted": "mnist"}
MOST_PIXELS = 2
# name -> set of which the smaller classes keep only a part
UNEQUAL = {"digits_unequal": "digits", "pendigits_unequal": "pendigits"}
# submodules of SciPy whose documentation is clustered
TOPICS = "fft interpolate linalg ndimage optimize signal sparse special stats".split()
MADE = {**SHIFTED, **UNEQUAL, **SYNTHETIC, **MANY_CLUSTERS}
NAMES = ("digits", "docstrings", *FILES, *MADE)
IMAGE_SHAPES = {
    "digits": (8, 8),
    "coil20": (32, 32),
    "fashion_mnist": (28, 28),
    "mnist": (28, 28),
}


def parse_name(text):
    """Split ``"mnist:10000"`` into name and number of samples (None for all)."""
    name, _, n_rows = text.partition(":")
    if name not in NAMES:
        raise ValueError(
            f"Unknown data set {name!r}. Choose one of {', '.join(NAMES)}."
        )
    if not n_rows:
        return name, None
    if not n_rows.isdecimal() or int(n_rows) == 0:
        raise ValueError(
            f"{text!r} must have a positive number of samples after the colon, such as "
            f"'{name}:10000'."
        )
    return name, int(n_rows)


def stratified_rows(y, n_rows, random_state=0):
    """Return the sorted indices of a stratified subsample of ``n_rows`` samples.

    The result depends on labels, size and ``random_state`` only, so all methods are
    scored on the same samples. All indices are returned if there are no more.
    """
    import numpy as np
    from sklearn.model_selection import train_test_split

    rows = np.arange(len(y))
    if n_rows is None or n_rows >= len(y):
        return rows
    chosen, _ = train_test_split(
        rows, train_size=n_rows, stratify=y, random_state=random_state
    )
    return np.sort(chosen)


def split_rows(data):
    """Return the indices to fit and the indices to transform.

    They are the standard split, or otherwise 80 % and 20 %, stratified.
    """
    import numpy as np

    n = len(data.y)
    if data.n_train is not None:
        return np.arange(data.n_train), np.arange(data.n_train, n)
    train = stratified_rows(data.y, int(0.8 * n))
    return train, np.setdiff1d(np.arange(n), train)


def synthetic(n_rows, n_features, n_clusters=20, random_state=0):
    """Return curved 8-dimensional clusters with noise."""
    import numpy as np

    rng = np.random.default_rng(random_state)
    y = rng.permutation(n_rows) % n_clusters
    inner = 2 * rng.standard_normal((n_clusters, 8))[y]
    inner += 0.5 * rng.standard_normal(inner.shape)
    bent = np.tanh(inner @ rng.standard_normal((8, 64)) / np.sqrt(8))
    X = bent.astype(np.float32) @ rng.standard_normal((64, n_features), np.float32) / 8
    X += 0.05 * rng.standard_normal(X.shape, np.float32)
    return DataSet(X, y)


def docstrings():
    """Return the tf-idf columns of the documentation of SciPy's functions.

    The classes are the submodules. Examples and references name them, so both are
    removed.
    """
    import importlib
    import inspect

    import numpy as np
    from sklearn.feature_extraction.text import TfidfVectorizer

    topics = {}  # by text, as some functions have two names
    for topic, name in enumerate(TOPICS):
        module = importlib.import_module(f"scipy.{name}")
        for function in map(vars(module).get, module.__all__):
            text = "" if inspect.ismodule(function) else inspect.getdoc(function) or ""
            for heading in ("\nExamples\n", "\nReferences\n"):
                text = text.split(heading)[0]
            if len(text) > 200:
                topics.setdefault(text, topic)
    words = TfidfVectorizer(
        sublinear_tf=True,
        stop_words="english",
        min_df=3,
        token_pattern="[a-z]{3,}",
        dtype=np.float32,
    )
    return DataSet(words.fit_transform(topics).toarray(), np.array([*topics.values()]))


def shifted(data, n_rows, image_shape, random_state=0):
    """Return images drawn with replacement, each shifted along both axes.

    A million of them are 784 MB, because they are uint8.
    """
    import numpy as np

    rng = np.random.default_rng(random_state)
    rows = rng.integers(len(data.y), size=n_rows)
    starts = rng.integers(2 * MOST_PIXELS + 1, size=(2, n_rows))
    images = data.X.astype(np.uint8).reshape(-1, *image_shape)
    margin = (MOST_PIXELS, MOST_PIXELS)
    images = np.pad(images, ((0, 0), margin, margin))
    views = np.lib.stride_tricks.sliding_window_view(images, image_shape, axis=(1, 2))
    X = np.empty((n_rows, *image_shape), dtype=np.uint8)
    for start in range(0, n_rows, 10_000):
        part = slice(start, start + 10_000)
        X[part] = views[rows[part], starts[0, part], starts[1, part]]
    return DataSet(X.reshape(n_rows, -1), data.y[rows], data.scale)


def unequal(data, random_state=0):
    """Return a random part of each class, 0.7 times as large as the previous one."""
    import numpy as np

    order = np.random.default_rng(random_state).permutation(len(data.y))
    classes, sizes = np.unique(data.y, return_counts=True)
    rows = [
        order[data.y[order] == label][: round(sizes.min() * 0.7**i)]
        for i, label in enumerate(classes)
    ]
    rows = np.sort(np.concatenate(rows))
    return DataSet(data.X[rows], data.y[rows], data.scale)


def load(name, n_rows=None):
    """Return a data set, or a stratified subsample of ``n_rows`` samples.

    ``"digits"`` comes with scikit-learn, ``"docstrings"`` with SciPy; data sets in
    :data:`SYNTHETIC` (10,000 samples by default) and :data:`MANY_CLUSTERS` (5,000) are
    generated, and those in :data:`SHIFTED` (300,000 samples by default) and
    :data:`UNEQUAL` are made of another set; others are npz files with ``X`` and ``y``
    in the folder named by the environment variable ``SKMANIFOLD_DATA``.
    """
    import numpy as np

    if name in SYNTHETIC:
        return synthetic(n_rows or 10_000, SYNTHETIC[name])
    if name in MANY_CLUSTERS:
        return synthetic(n_rows or 5_000, 50, MANY_CLUSTERS[name])
    if name in SHIFTED:
        source = SHIFTED[name]
        return shifted(load(source), n_rows or 300_000, IMAGE_SHAPES[source])
    if name == "digits":
        from sklearn.datasets import load_digits

        X, y = load_digits(return_X_y=True)
        data = DataSet(X.astype(np.float32), y)
    elif name == "docstrings":
        data = docstrings()
    elif name in UNEQUAL:
        data = unequal(load(UNEQUAL[name]))
    else:
        file, scale, n_train = FILES[name]
        folder = os.environ.get("SKMANIFOLD_DATA")
        path = Path(folder or ".") / file
        if not path.is_file():
            raise FileNotFoundError(
                f"There is no file {file!r} of the data set {name!r} in "
                f"SKMANIFOLD_DATA={folder!r}. Set it to the folder with the data sets,"
                f" or omit {name!r} from --data."
            )
        with np.load(path) as stored:
            X, y = stored["X"].astype(np.float32), stored["y"]
        data = DataSet(X, y, scale, n_train)
    if n_rows is None or n_rows >= len(data.y):
        return data
    rows = stratified_rows(data.y, n_rows)
    # the standard split depends on the order of the complete set
    return DataSet(data.X[rows], data.y[rows], data.scale)
