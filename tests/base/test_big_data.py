# SPDX-License-Identifier: BSD-3-Clause

"""Data larger than memory: copies and results."""

import gc
import sys
import tracemalloc

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.neighbors import KNeighborsClassifier

from skmanifold import DLME
from skmanifold.base import _fit, _inference, _template
from skmanifold.base._scaler import InputScaler
from skmanifold.graph import (
    connected_components_of,
    nearest_neighbors,
    neighbors_from_graph,
)
from tests.processes import run_python

SMALL = {"structure_layers": (8,), "structure_dim": 4, "max_epochs": 1}


def mapped(path, array):
    """The array as a read-only memory map."""
    np.save(path, array)
    return np.load(path, mmap_mode="r")


@pytest.fixture(scope="module")
def digits():
    return load_digits().data[:600]


@pytest.fixture(scope="module")
def model(digits):
    return DLME(random_state=0, **SMALL).fit(digits)


# Where the embedding goes -----------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "kind", ["array", "map in order C", "map in order F", "sparse"]
)
def test_transform_writes_into_an_array(
    model, digits, kind, dtype, tmp_path, monkeypatch
):
    """From any container, into a map or into a part of an array."""
    monkeypatch.setattr(_template, "_ROWS_AT_ONCE", 100)
    X = sparse.csr_array(digits) if kind == "sparse" else digits
    everything = np.full((600, 6), np.nan, dtype=dtype)
    if "map" in kind:
        X = mapped(tmp_path / "X.npy", np.asarray(digits, order=kind[-1]))
        everything = np.lib.format.open_memmap(
            tmp_path / "out.npy", mode="w+", dtype=dtype, shape=(600, 6)
        )
        everything[:] = np.nan
    out = everything[:, 1:5:3]
    assert model.transform(X, out=out) is out
    assert_array_equal(out, model.transform(digits).astype(dtype))
    assert np.isnan(np.delete(everything, [1, 4], axis=1)).all()


def test_out_is_checked(model, digits):
    read_only = np.empty((600, 2))
    read_only.flags.writeable = False
    for out, fault in [
        (np.empty((600, 3)), r"of shape \(600, 3\)"),
        (np.empty((599, 2)), r"of shape \(599, 2\)"),
        (np.empty((600, 2), dtype=int), "type int64"),
        (np.empty((600, 2), dtype=np.float16), "type float16"),
        (read_only, "read-only"),
        ([[0.0, 0.0]] * 600, "type list"),
    ]:
        with pytest.raises(ValueError, match=f"out is .*{fault}.*shape \\(600, 2\\)"):
            model.transform(digits, out=out)


def test_out_is_no_metadata(model):
    assert not hasattr(model, "set_transform_request")
    assert "out" not in str(model.get_metadata_routing())


# Location of the inputs ---------------------------------------------------------


def test_inputs_of_a_map_lie_on_the_disk(digits, tmp_path, monkeypatch):
    """The bits are those of a fit in memory, and no files remain."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(_inference.tempfile, "tempdir", str(folder))
    monkeypatch.setattr(_inference, "_LEAST_BYTES_ON_DISK", 1000)
    places = []

    def allocator_like(X, original=_fit.allocator_like):
        make_room = original(X)

        def recorded(shape, dtype):
            room = make_room(shape, dtype)
            places.append(isinstance(room, np.memmap))
            return room

        return recorded

    monkeypatch.setattr(_fit, "allocator_like", allocator_like)
    X = mapped(tmp_path / "X.npy", digits)
    for rows, on_disk in [(X, True), (X[:], True), (digits, False), (X[:3], False)]:
        fitted = DLME(random_state=0, n_neighbors=2, **SMALL).fit(rows)
        assert places == [on_disk]
        places.clear()
        if len(rows) == 600:
            again = clone(fitted).fit(digits.copy())
            places.clear()
            assert_array_equal(fitted.embedding_, again.embedding_)
    # torch may leave an empty folder there
    assert not [path for path in folder.rglob("*") if path.is_file()]


PEAK = """
import sys, threading
import numpy as np
from skmanifold import DLME
from skmanifold.base import _inference

def anonymous():
    with open("/proc/self/status") as status:
        for line in status:
            if line.startswith("RssAnon"):
                return int(line.split()[1]) / 1024

def peak(function):
    before, most, stop = anonymous(), [0], threading.Event()
    def watch():
        while not stop.wait(0.005):
            most[0] = max(most[0], anonymous())
    thread = threading.Thread(target=watch)
    thread.start()
    function()
    stop.set()
    thread.join()
    return most[0] - before
"""

MAPPED = """
folder = sys.argv[1]
n, d = 150_000, 64  # 37 MB, and twice that in double precision; no PCA
X = np.lib.format.open_memmap(
    folder + "/X.npy", mode="w+", dtype=np.float32, shape=(n, d)
)
rng = np.random.RandomState(0)
for start in range(0, n, 25_000):
    X[start : start + 25_000] = rng.uniform(size=(25_000, d))
X.flush()
X = np.load(folder + "/X.npy", mmap_mode="r")
model = DLME(
    augmentation="none", batch_size=500, structure_layers=(8,), structure_dim=4,
    max_epochs=1, random_state=0, device="cpu",
)
model.fit(X[:5000])
out = np.lib.format.open_memmap(
    folder + "/out.npy", mode="w+", dtype=np.float32, shape=(n, 2)
)
in_memory = peak(lambda: model.fit(X))
_inference._LEAST_BYTES_ON_DISK = 0
on_disk = peak(lambda: model.fit(X))
print(in_memory, on_disk, peak(lambda: model.transform(X, out=out)))
"""


SPARSE = """
from scipy import sparse

def rows(n, d):
    rng = np.random.default_rng(0)
    return sparse.random_array(
        (n, d), density=1e-3, format="csr", dtype=np.float32, rng=rng
    )

model = DLME(
    structure_layers=(8,), structure_dim=4, max_epochs=1, random_state=0, device="cpu",
    n_jobs=1,
)
model.fit(rows(500, 1000))
X = rows(5000, 40_000)
out = np.empty((5000, 2), dtype=np.float32)
print(peak(lambda: model.fit(X)), peak(lambda: model.transform(X, out=out)))
np.testing.assert_array_equal(out, model.embedding_)
"""


def measured(script, *arguments):
    """Return the numbers, in MB, that a script prints in its own process."""
    return map(float, run_python("-c", PEAK + script, *arguments).split())


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_memory_of_a_mapped_fit_is_bounded(tmp_path):
    """Inputs are copied at most once, in float32; X is not."""
    in_memory, on_disk, transform = measured(MAPPED, tmp_path)
    inputs = 150_000 * 64 * 4 / 2**20
    # the embedding, twice, the order of the rows and their draws
    per_row = 150_000 * (2 * 4 + 2 * 8 + 8 + 4 + 8) / 2**20
    assert 0.9 * inputs < in_memory < inputs + per_row + 15
    assert on_disk < per_row + 15
    assert transform < 10


def traced_peak(function, *args, **options):
    gc.collect()
    tracemalloc.start()
    try:
        function(*args, **options)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_the_memory_of_neighbors_is_bounded():
    """Memory is bounded by bytes per edge and two copies of the samples."""
    n, m, d = 50_000, 8, 128
    rng = np.random.default_rng(0)
    indices = rng.integers(n, size=(n, m))
    entries = (rng.uniform(size=n * m), indices.ravel(), np.arange(0, n * m + 1, m))
    graph = sparse.csr_array(entries, shape=(n, n))
    assert traced_peak(neighbors_from_graph, graph, n) < 80 * n * m
    # beside the lists themselves, 8 bytes an edge, and their distances
    assert traced_peak(connected_components_of, indices) < (80 - 16) * n * m
    X = rng.normal(size=(8192, d)).astype(np.float32)
    blocks = 2**23
    peak = traced_peak(nearest_neighbors, X, m, algorithm="exact", n_jobs=1)
    assert peak < 8 * X.size + 80 * len(X) * m + blocks


# Wide and sparse --------------------------------------------------------------


def test_sparse_samples_are_dense_in_parts_only():
    """Peak of NumPy's memory for 20,000 columns: far below the dense matrix."""
    X = sparse.random_array(
        (4000, 20_000),
        density=1e-3,
        format="csr",
        dtype=np.float32,
        rng=np.random.default_rng(0),
    )
    dense = 4000 * 20_000 * 4
    gc.collect()
    tracemalloc.start()
    try:
        scaling = InputScaler().fit(X)
        learned = tracemalloc.get_traced_memory()[1]
        tracemalloc.reset_peak()
        scaling.transform(X[:256])
        rows = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert learned < dense / 4
    # the block itself, and a part of it in double precision
    assert rows < 256 * 20_000 * 4 + dense / 5


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_memory_of_a_sparse_fit_is_bounded():
    """The sample of the PCA, twice, and blocks of rows; 800 MB would be all of them."""
    fit, transform = measured(SPARSE)
    sample = 1000 * 40_000 * 4 / 2**20
    assert 0.9 * sample < fit < 2 * sample + 120
    # a block of 256 rows, what scales it, and the outputs
    assert transform < 256 * 40_000 * 4 / 2**20 + 60


def test_wide_samples_have_the_same_bits_in_any_batch():
    X = np.random.RandomState(0).normal(size=(300, 9000))
    scaling = InputScaler().fit(X)
    whole = scaling.transform(X)
    assert_array_equal(scaling.transform(X[17:18]), whole[17:18])
    assert_array_equal(scaling.transform(X[100:]), whole[100:])
    assert_allclose(scaling.center_, X.mean(axis=0), atol=1e-12)
    assert whole.std(axis=0).mean() == pytest.approx(1.0, abs=0.01)


# Parts ------------------------------------------------------------------------


def test_parts_are_epochs_of_a_warm_start():
    X = load_digits().data
    parts = [X[:600], X[600:1200], X[1200:]]
    model = DLME(random_state=0, structure_layers=(8,), max_epochs=7)
    warm = clone(model).set_params(max_epochs=1, warm_start=True)
    for part in parts:
        assert_array_equal(
            model.partial_fit(part).embedding_, warm.fit(part).embedding_
        )
        assert model.n_iter_ == 1
        assert len(model.embedding_) == len(part)
    # a whole fit begins anew
    again = clone(model).fit(parts[0])
    assert_array_equal(model.fit(parts[0]).embedding_, again.embedding_)


def test_parts_improve_the_embedding():
    """Classes of new samples are together after many parts."""
    X, y = load_digits(return_X_y=True)
    model = DLME(random_state=0)

    def accuracy():
        neighbors = KNeighborsClassifier(10).fit(model.transform(X[:1200]), y[:1200])
        return neighbors.score(model.transform(X[1200:]), y[1200:])

    model.partial_fit(X[:600])
    first = accuracy()
    for _ in range(15):
        model.partial_fit(X[600:1200]).partial_fit(X[:600])
    assert accuracy() > max(0.8, first + 0.1)


def test_an_invalid_part_changes_nothing():
    X = load_digits().data[:600]
    model = DLME(random_state=0, **SMALL).partial_fit(X)
    before = model.transform(X)
    with pytest.raises(ValueError, match="64 features"):
        model.partial_fit(X[:, :5])
    with pytest.raises(ValueError, match="NaN"):
        model.partial_fit(np.full((5, 64), np.nan))
    assert_array_equal(model.transform(X), before)


def test_phases_have_no_parts():
    class Phases(DLME):
        def _learn(self, data, run):
            return super()._learn(data, run)

    assert not hasattr(Phases(), "partial_fit")
    with pytest.raises(AttributeError, match="no partial_fit: it trains in phases"):
        Phases().partial_fit(np.eye(5))
