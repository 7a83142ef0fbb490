# SPDX-License-Identifier: BSD-3-Clause

import re
from urllib.error import HTTPError, URLError

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.utils import Bunch

from skmanifold import datasets
from skmanifold.datasets import _fetch

# The data sets at OpenML, and their numbers of samples.
SOURCES = {
    "coil20": ({"name": "COIL-20", "version": 1}, 1440),
    "fashion_mnist": ({"data_id": 40996}, 70000),
    "har": ({"data_id": 1478}, 10299),
    "isolet": ({"data_id": 300}, 7797),
    "kuzushiji_mnist": ({"data_id": 41982}, 70000),
    "mnist": ({"data_id": 554}, 70000),
    "pendigits": ({"data_id": 32}, 10992),
    "usps": ({"data_id": 41082}, 9298),
}
names = pytest.mark.parametrize("name", sorted(SOURCES))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("SKMANIFOLD_DATA", str(tmp_path))
    return tmp_path


@pytest.fixture
def offline(monkeypatch):
    def refuse(**options):
        raise URLError("no route to host")

    monkeypatch.setattr(_fetch, "fetch_openml", refuse)


def test_the_documented_table_is_that_of_the_data():
    rows = re.findall(
        r"^ +``(\w+)`` +(\d+) +\d+ +\d+ {1,2}( {7}|\d+| +\d+)  \w",
        datasets.fetch_dataset.__doc__,
        re.MULTILINE,
    )
    documented = {
        name: (int(n_samples), int(n_train) if n_train.strip() else None)
        for name, n_samples, n_train in rows
    }
    assert documented == {
        name: (dataset.n_samples, dataset.n_train)
        for name, dataset in _fetch._DATASETS.items()
    }
    assert set(documented) == set(SOURCES)


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match=r"'name' .* must be a str among .*'mnist'"):
        datasets.fetch_dataset("digits")


@names
def test_the_folder_comes_first(name, folder, offline):
    X = np.arange(12, dtype=np.uint8).reshape(4, 3)
    y = np.array([1, 0, 1, 2])
    np.savez(folder / f"{name}.npz", X=X, y=y)
    bunch = datasets.fetch_dataset(name)
    assert_array_equal(bunch.data, X)
    assert bunch.data.dtype == np.uint8
    assert_array_equal(bunch.target, y)
    assert_array_equal(bunch.target_names, ["0", "1", "2"])
    assert bunch.feature_names == ["x0", "x1", "x2"]
    assert bunch.DESCR.startswith(_fetch._DATASETS[name].title)
    unknown = ("coordinates", "betti_numbers", "intrinsic_dimension")
    for key in (*unknown, "geodesic_distances"):
        assert bunch[key] is None
    data, target = datasets.fetch_dataset(name, return_X_y=True)
    assert_array_equal(data, X)
    assert_array_equal(target, y)


@pytest.mark.parametrize(
    ("name", "file"), [("coil20", "coil20_32x32"), ("mnist", "mnist_784")]
)
def test_data_are_found_under_another_name(folder, offline, name, file):
    X = np.arange(12, dtype=np.uint8).reshape(3, 2, 2)
    np.savez(folder / f"{file}.npz", X=X, y=["5", "0", "4"])
    bunch = datasets.fetch_dataset(name)
    assert_array_equal(bunch.data, X.reshape(3, 4))
    assert_array_equal(bunch.target, [2, 0, 1])
    assert_array_equal(bunch.target_names, ["0", "4", "5"])


def test_labels_become_codes(folder):
    X = np.linspace(0, 1, 8).reshape(4, 2)
    np.savez(folder / "har.npz", X=X, y=np.array(["sit", "walk", "lie", "sit"]))
    bunch = datasets.fetch_dataset("har")
    assert_array_equal(bunch.target_names, ["lie", "sit", "walk"])
    assert_array_equal(bunch.target, [1, 2, 0, 1])
    assert bunch.data.dtype == np.float32


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"X": np.ones((3, 2))}, r"lacks the array\(s\) y"),
        (
            {"X": np.ones((3, 2)), "y": np.ones(2)},
            r"one label per sample: .* inconsistent numbers of samples: \[3, 2\]",
        ),
        ({"X": np.ones(3), "y": np.ones(3)}, "one row per sample.*got 1D array"),
        ({"X": np.ones((3, 2)), "y": np.ones((3, 2))}, "y should be a 1d array"),
        ({"X": np.ones((0, 2)), "y": np.ones(0)}, r"mnist\.npz must .*0 sample"),
        ({"X": np.ones((2, 0)), "y": np.ones(2)}, r"mnist\.npz must .*0 feature"),
        ({"X": [["a"], ["b"]], "y": [1, 2]}, r"mnist\.npz must hold X, .*strings"),
        ({"X": [[1j], [2j]], "y": [1, 2]}, "Complex data not supported"),
        ({"X": [[1.0], [np.nan]], "y": [1, 2]}, r"mnist\.npz must .*X contains NaN"),
        ({"X": [[1.0], [np.inf]], "y": [1, 2]}, "infinity.* of complete samples"),
    ],
)
def test_wrong_files_are_refused(folder, arrays, message):
    np.savez(folder / "mnist.npz", **arrays)
    with pytest.raises(ValueError, match=f"(?s){message}"):
        datasets.fetch_dataset("mnist")


def test_files_with_objects_are_not_unpickled(folder):
    np.savez(folder / "mnist.npz", X=np.ones((2, 2)), y=np.array([None, "a"]))
    with pytest.raises(ValueError, match="allow_pickle") as error:
        datasets.fetch_dataset("mnist")
    assert f"{folder / 'mnist.npz'} must hold X" in str(error.value)
    assert "y.astype(str)" in str(error.value)
    np.savez(folder / "mnist.npz", X=np.array([[1], [None]]), y=np.array([0, 1]))
    with pytest.raises(ValueError, match=r"(?s)allow_pickle.*X\.astype\(float\)"):
        datasets.fetch_dataset("mnist")


@names
@pytest.mark.parametrize("with_pandas", [True, False])
def test_openml_is_asked_for_the_right_data(name, monkeypatch, with_pandas):
    source, n = SOURCES[name]
    monkeypatch.delenv("SKMANIFOLD_DATA", raising=False)
    asked = {}

    def answer(**options):
        asked.update(options)
        return Bunch(
            data=np.resize([[0.0, 255.0], [3.0, 4.0]], (n, 2)),
            target=np.resize(np.array(["7", "2"], dtype=object), n),
        )

    monkeypatch.setattr(_fetch, "fetch_openml", answer)
    monkeypatch.setattr(
        _fetch.importlib.util, "find_spec", lambda name: with_pandas or None
    )
    bunch = datasets.fetch_dataset(name)
    parser = "pandas" if with_pandas else "liac-arff"
    assert asked == {**source, "as_frame": False, "parser": parser}
    assert bunch.data.dtype == np.uint8
    assert_array_equal(bunch.target, np.resize([1, 0], n))
    assert_array_equal(bunch.target_names, ["2", "7"])
    assert bunch.n_train == _fetch._DATASETS[name].n_train


@pytest.mark.parametrize("folder", [None, "elsewhere"])
@pytest.mark.parametrize(
    ("error", "message"),
    [
        (URLError("no route"), "no route.*Check the network connection, or put a file"),
        (HTTPError("address", 503, "busy", None, None), "503.*Check the network"),
        # What fetch_openml makes of the answer 412.
        (
            ValueError("Dataset not found."),
            r"did not provide .* not found\. Instead, put",
        ),
    ],
)
def test_without_openml_the_error_says_what_to_do(monkeypatch, folder, error, message):
    monkeypatch.delenv("SKMANIFOLD_DATA", raising=False)
    now = "is not set"
    if folder is not None:
        monkeypatch.setenv("SKMANIFOLD_DATA", folder)
        now = "is 'elsewhere', without such a file"

    def refuse(**options):
        raise error

    monkeypatch.setattr(_fetch, "fetch_openml", refuse)
    message = rf"{message}.* har\.npz.*SKMANIFOLD_DATA to that folder\. It now {now}"
    with pytest.raises(OSError, match=message) as caught:
        datasets.fetch_dataset("har")
    assert ("network" in str(caught.value)) == isinstance(error, OSError)


def test_other_data_of_the_name_are_not_taken(monkeypatch):
    monkeypatch.delenv("SKMANIFOLD_DATA", raising=False)
    other = Bunch(data=np.zeros((1500, 4)), target=np.arange(1500) % 20)
    monkeypatch.setattr(_fetch, "fetch_openml", lambda **_: other)
    with pytest.raises(OSError, match=r"1500 samples, not 1440\. .* coil20\.npz"):
        datasets.fetch_dataset("coil20")


@pytest.mark.parametrize(
    ("y", "names"),
    [
        (np.array([10.0, 9.0, 1.0, 10.0]), ["1.0", "9.0", "10.0"]),
        (np.array(["10.0", "9.0", "1.0", "10.0"]), ["1.0", "9.0", "10.0"]),
        (np.array([3, -2, -10, 3]), ["-10", "-2", "3"]),
        (np.array(["inf", "b", "a", "inf"]), ["a", "b", "inf"]),
    ],
)
def test_numbers_are_coded_in_their_order(folder, y, names):
    np.savez(folder / "isolet.npz", X=np.linspace(0, 1, 8).reshape(4, 2), y=y)
    bunch = datasets.fetch_dataset("isolet")
    assert_array_equal(bunch.target_names, names)
    assert_array_equal(bunch.target, [2, 1, 0, 2])


def test_the_training_set_is_known_only_of_the_whole_data(folder, monkeypatch):
    X, y = np.zeros((5, 3), dtype=np.uint8), np.arange(5)
    np.savez(folder / "usps.npz", X=X, y=y)
    assert datasets.fetch_dataset("usps").n_train is None
    np.savez(folder / "usps.npz", X=X, y=y, n_train=3)
    assert datasets.fetch_dataset("usps").n_train == 3
    for wrong in (6, -1, 2.5, [1, 2]):
        np.savez(folder / "usps.npz", X=X, y=y, n_train=wrong)
        with pytest.raises(ValueError, match="n_train in"):
            datasets.fetch_dataset("usps")
    whole = np.zeros((9298, 2), dtype=np.uint8), np.arange(9298) % 10
    np.savez(folder / "usps.npz", X=whole[0], y=whole[1])
    assert datasets.fetch_dataset("usps").n_train == 7291
    monkeypatch.delenv("SKMANIFOLD_DATA")
    answer = Bunch(data=whole[0], target=whole[1])
    monkeypatch.setattr(_fetch, "fetch_openml", lambda **_: answer)
    assert datasets.fetch_dataset("usps").n_train == 7291
