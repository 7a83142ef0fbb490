# SPDX-License-Identifier: BSD-3-Clause

"""All functions and displays read numbers alike, from any container."""

import datetime as dt
import inspect
from functools import partial

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose
from scipy import sparse
from scipy.spatial.distance import cdist
from sklearn.decomposition import PCA
from sklearn.neighbors import kneighbors_graph

from skmanifold import atlas, graph, inspection, metrics, topology
from skmanifold.utils._containers import as_array

N_SAMPLES = 200
# values that all types hold
X = np.round(64 * np.random.RandomState(0).normal(size=(N_SAMPLES, 3))) / 64
Z, y = X[:, :2], np.arange(N_SAMPLES) % 2
D = cdist(X, X)
Q = np.tile([[0.25, 0.75, 0.0], [0.5, 0.25, 0.25]], (N_SAMPLES // 2, 1))


def _readers():
    """Yield the name of a parameter, valid data, and a function of the data."""
    for name in metrics.__all__:
        function = getattr(metrics, name)
        first = list(inspect.signature(function).parameters)[:2]
        third = [y] if "labels" in inspect.signature(function).parameters else []
        if first == ["X", "Z"]:
            yield name, "X", X, lambda X, f=function, y=third: f(X, Z, *y)
            yield name, "Z", Z, lambda Z, f=function, y=third: f(X, Z, *y)
        elif first[:1] == ["X"]:
            yield name, "X", X, function
        elif first == ["Z", "y"]:
            yield name, "Z", Z, lambda Z, f=function: f(Z, y)
    pca = PCA(2).fit(X)
    yield (
        "isometry_distortion",
        "Z",
        Z,
        lambda Z: metrics.isometry_distortion(pca.inverse_transform, Z),
    )
    for function in (graph.nearest_neighbors, graph.neighbors_from_data):
        yield function.__name__, "X", X, lambda X, f=function: f(X, 3)[1]
    yield "geodesic_embedding", "X", X, lambda X: graph.geodesic_embedding(X)[0]
    yield (
        "neighbors_from_connectivity",
        "connectivity",
        kneighbors_graph(X, 3, mode="distance").toarray(),
        lambda D: graph.neighbors_from_connectivity(D, N_SAMPLES, 2)[1],
    )
    yield "choose_prototypes", "X", X, _prototypes
    yield "two_nearest", "X", X, lambda X: topology.two_nearest(X, D[:, :3])
    yield "two_nearest", "prototypes", D[:, :3], lambda P: topology.two_nearest(X, P)
    yield "soft_cover", "X", X, lambda X: topology.soft_cover(X, 3, random_state=0)
    yield "denoise", "X", X, topology.denoise
    for function in (topology.choose_n_charts, topology.estimate_betti_numbers):
        yield function.__name__, "X", X, lambda X, f=function: f(X, random_state=0)
    yield "overlap", "Q", Q, topology.overlap
    yield "cech_nerve", "Q", Q, lambda Q: topology.cech_nerve(Q).values[0]
    yield "persistence_edges", "distances", D, topology.persistence_edges
    yield "estimate_dimension", "X", X, _estimated
    yield "ChartwiseClassifier", "X", Z, _classified
    for name, display in vars(inspection).items():
        make = getattr(display, "from_embedding", None)
        options = {"labels": y} if name == "ClusterRankDisplay" else {}
        if name == "ShepardDisplay":
            options = {"random_state": 0}
        if make is not None and name != "EmbeddingDisplay":
            make = partial(make, **options)
            yield name, "X", X, lambda X, f=make: _plotted(f(X, Z))
            yield name, "Z", Z, lambda Z, f=make: _plotted(f(X, Z))
    embedding = inspection.EmbeddingDisplay.from_embedding
    yield "EmbeddingDisplay", "Z", Z, lambda Z: _plotted(embedding(Z))
    yield "new", "Z_new", Z, lambda Z_new: _plotted(embedding(Z, Z_new=Z_new))
    cover = inspection.ClusterConfidenceDisplay.from_predictions
    yield "ClusterConfidenceDisplay", "memberships", Q, lambda Q: _plotted(cover(Q))
    charts = inspection.AtlasDisplay.from_charts
    yield (
        "AtlasDisplay",
        "coordinates",
        Z,
        lambda Z: _plotted(charts(y, Z, overlap=np.eye(2))),
    )


def _estimated(X):
    options = {"n_charts": 2, "max_epochs": 1, "random_state": 0}
    return atlas.estimate_dimension(X, [1, 2], **options).reconstruction


def _prototypes(X):
    return topology.choose_prototypes(X, 3, "farthest", np.random.RandomState(0))


def _classified(X):
    return atlas.ChartwiseClassifier().fit(X, y).predict_proba(X)


def _plotted(display):
    plt.close("all")
    return next(value for value in vars(display).values() if type(value) is np.ndarray)


READERS = list(_readers())
each_reader = pytest.mark.parametrize(
    ("parameter", "data", "read"),
    [reader[1:] for reader in READERS],
    ids=[f"{name}-{parameter}" for name, parameter, *_ in READERS],
)


def _frame(data):
    return pd.DataFrame(data, columns=[f"c{i}" for i in range(data.shape[1])])


def _dates(data):
    return (64 * data + 1000).astype(int).astype("M8[D]")


def _with_hole(frame):
    return frame.mask(np.eye(*frame.shape, dtype=bool))


INVALID = {
    "dates": (_dates, "which are not numbers. Pass dates"),
    "durations": (lambda X: (64 * X).astype("m8[D]"), "which are not numbers"),
    "a list of dates": (lambda X: list(_dates(X)), "which are not numbers"),
    "objects that are dates": (
        lambda X: _dates(X).astype(object),
        "type date, which are not numbers",
    ),
    "columns of dates": (
        lambda X: _frame(_dates(X).astype("M8[s]")),
        "columns that are not numbers: 'c0'|columns that are not numbers: 0",
    ),
    "strings": (lambda X: X.astype(str), "has strings"),
    "a list of strings": (lambda X: X.astype(str).tolist(), "has strings"),
    "bytes": (lambda X: X.astype("S"), "has strings"),
    "a structured array": (
        lambda X: _frame(X).to_records(index=False),
        "structured array as a data frame",
    ),
    "complex numbers": (lambda X: X + 1j, "Complex"),
    "repeated names": (
        lambda X: _frame(X).rename(columns={"c1": "c0"}),
        "several columns of the same name: 'c0'",
    ),
    "a column of NA": (lambda X: _with_hole(_frame(X).astype("Float64")), "NaN"),
    "objects that are NA": (
        lambda X: _with_hole(_frame(X).astype("Float64")).to_numpy(dtype=object),
        "contains NaN .pandas.NA.. Impute",
    ),
    "strings in another container": (lambda X: _Table(X.astype(str)), "has strings"),
    "a masked array": (lambda X: np.ma.array(X, mask=np.eye(*X.shape) > 0), "NaN"),
}


@each_reader
@pytest.mark.parametrize(("make", "message"), INVALID.values(), ids=list(INVALID))
@pytest.mark.filterwarnings("ignore:n_charts='auto' found no cover")
def test_what_is_no_number_is_refused(parameter, data, read, make, message):
    with pytest.raises((TypeError, ValueError), match=message) as caught:
        read(make(data))
    named = "The neighbor graph" if parameter == "connectivity" else parameter
    assert parameter in str(caught.value) or named in str(caught.value)


VALID = {
    "nullable columns": lambda X: _frame(X).astype("Float64"),
    "columns of several types": lambda X: _frame(X).astype({"c0": "Float32"}),
    "objects": lambda X: X.astype(object),
    "a frame of objects": lambda X: _frame(X).astype(object),
    "categories": lambda X: _frame(X).astype("category"),
    "polars": lambda X: pl.DataFrame(X, schema=list(_frame(X).columns)),
    "several levels of names": lambda X: pd.concat({"a": _frame(X)}, axis=1),
    "big-endian numbers": lambda X: X.astype(">f8"),
    "long numbers": lambda X: X.astype(np.longdouble),
    "negative strides": lambda X: X[::-1, ::-1].copy()[::-1, ::-1],
    "a list of tuples": lambda X: list(map(tuple, X)),
}


@each_reader
@pytest.mark.parametrize("make", VALID.values(), ids=list(VALID))
@pytest.mark.filterwarnings("ignore:n_charts='auto' found no cover")
def test_numbers_of_any_container(parameter, data, read, make):
    value, expected = read(make(data)), read(data)
    if isinstance(expected, tuple):
        value, expected = str(value), str(expected)
        assert value == expected
    else:
        assert_allclose(value, expected, rtol=1e-6)


@pytest.mark.parametrize("dtype", ["Int64", "boolean", pd.Int64Dtype()])
def test_nullable_integers_and_booleans(dtype):
    numbers = np.arange(2 * N_SAMPLES).reshape(-1, 2) % (2 if dtype == "boolean" else 9)
    frame = _frame(numbers).astype(dtype)
    display = inspection.EmbeddingDisplay.from_embedding(frame)
    assert_allclose(display.embedding, numbers)
    assert_allclose(topology.denoise(frame), topology.denoise(numbers))


@each_reader
def test_columns_with_holes_are_named(parameter, data, read):
    broken = _frame(data)
    broken.iloc[3, 1] = np.inf
    with pytest.raises(ValueError, match="infinit") as caught:
        read(broken)
    if parameter in ("X", "Q", "distances") and data is not Q:
        assert "Columns with NaN or infinity: 'c1'" in str(caught.value)


def test_columns_of_distances_with_holes_are_named():
    with pytest.raises(ValueError, match="Columns with NaN or infinity: 'c0', 'c1'"):
        metrics.trustworthiness(_with_hole(_frame(D)), Z, metric="precomputed")


class _Table:
    """A container with the interface of arrays alone."""

    def __init__(self, values):
        self.values = values

    def __len__(self):
        return len(self.values)

    def __array__(self, dtype=None, copy=None):
        return np.array(self.values, dtype=dtype)


@each_reader
@pytest.mark.filterwarnings("ignore:n_charts='auto' found no cover")
def test_dates_in_other_containers_are_refused(parameter, data, read):
    with pytest.raises(TypeError, match=r"datetime64.*, which are not numbers"):
        read(_Table(_dates(data)))


@pytest.mark.parametrize("series", [pd.Series, pl.Series])
def test_a_series_of_dates_is_refused(series):
    with pytest.raises(TypeError, match=r"datetime64.*, which are not numbers"):
        as_array(series(_dates(X[:, 0])))


def test_a_date_among_objects():
    mixed = X.astype(object)
    mixed[3, 1] = dt.timedelta(days=2)
    with pytest.raises(TypeError, match="type timedelta, which are not numbers"):
        topology.denoise(mixed)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: topology.soft_cover(X[:1], 2), "the 1 sample of X"),
        (lambda: topology.estimate_betti_numbers(X[:1]), "1 distinct sample,"),
        (lambda: inspection.EmbeddingDisplay.from_embedding(X[:, :1]), "1 component,"),
        (lambda: metrics.trustworthiness(X[:2], Z[:2]), "more than 2 samples"),
        (lambda: graph.neighbors_from_data(X, 2, raw=X[:1]), "raw has 1 sample,"),
        (lambda: topology.cech_nerve(Q[:1], rank=2), "got 1 sample"),
        (lambda: atlas.AtlasAE().fit(X[:2], y[:1]), "y has 1 entry, .* 2 samples"),
        (lambda: atlas.AtlasTriplet().fit(X[:2], [0, None]), "1 unlabeled sample"),
    ],
)
def test_a_single_one_is_in_the_singular(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: _prototypes(X[:2]), "X is invalid: .* minimum of 3"),
        (
            lambda: topology.choose_prototypes(X, 3, "kmeans", np.random.RandomState()),
            "'init' parameter",
        ),
        (lambda: topology.two_nearest(X, X, 0), "'n_nearest' parameter"),
        (lambda: graph.has_isolated_samples(X[:0], 3), "X is invalid: .* minimum of 1"),
        (lambda: graph.has_isolated_samples(X, 0), "'n_neighbors' parameter"),
    ],
)
def test_helpers_of_own_methods_check_their_parameters(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_isolated_samples_of_any_container():
    wide = np.eye(100)
    for container in (list, _frame, sparse.coo_array):
        assert graph.has_isolated_samples(container(wide), 5)
