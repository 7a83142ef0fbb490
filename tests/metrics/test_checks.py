# SPDX-License-Identifier: BSD-3-Clause

import inspect

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.sparse import csr_array
from scipy.spatial.distance import cdist
from sklearn import config_context
from sklearn.metrics import pairwise_distances

from skmanifold import metrics

WITH_METRIC = [
    function
    for function in (getattr(metrics, name) for name in metrics.__all__)
    if function is not metrics.make_embedding_scorer
    and "metric" in inspect.signature(function).parameters
]


@pytest.fixture
def call(pair, labels):
    """Call a function with the arguments that its first parameters ask for."""
    X, Z = pair

    def call(function, data=X, embedding=Z, **options):
        given = {"X": data, "Z": embedding, "y": labels}
        names = list(inspect.signature(function).parameters)
        names = names[: 1 + (names[1] in given)]
        if names[0] == "Z":
            given["Z"] = data
        return function(*(given[name] for name in names), **options)

    return call


def takes(function, name):
    return name in inspect.signature(function).parameters


# What the functions share ----------------------------------------------------------

# names of a number of neighbors that may be a range, and other options to use it with
RANGES = {
    metrics.trustworthiness: ("n_neighbors", {}),
    metrics.continuity: ("n_neighbors", {}),
    metrics.mean_relative_rank_error: ("n_neighbors", {}),
    metrics.neighborhood_preservation: ("n_neighbors", {}),
    metrics.neighborhood_hit: ("n_neighbors", {}),
    metrics.local_geometric_distortion: ("n_neighbors", {}),
    metrics.recall_at_k: ("k", {}),
    metrics.mean_average_precision_at_k: ("k", {}),
    metrics.intrinsic_dimension: ("n_neighbors", {"method": "mle"}),
}


@pytest.mark.parametrize("function", RANGES)
def test_a_range_is_the_mean_over_k(call, function):
    name, options = RANGES[function]
    single = [call(function, **{name: k}, **options) for k in range(3, 8)]
    value = call(function, **{name: (3, 7)}, **options)
    assert_allclose(value, np.mean(single))
    assert call(function, **{name: [4, 4]}, **options) == single[1]
    options = {**options, "per_sample": True}
    single = [call(function, **{name: k}, **options) for k in range(3, 8)]
    value = call(function, **{name: (3, 7)}, **options)
    assert_allclose(value, np.mean(single, axis=0))


@pytest.mark.parametrize("function", RANGES)
@pytest.mark.parametrize(
    ("bad", "error", "message"),
    [
        (0, ValueError, "at least [12]"),
        ((3, 2), ValueError, "first <= last"),
        (2.5, TypeError, "pair"),
        (True, TypeError, "pair"),
        ((1, 2, 3), TypeError, "pair"),
        ("5", TypeError, "pair"),
    ],
)
def test_a_wrong_number_of_neighbors_is_refused(call, function, bad, error, message):
    name, options = RANGES[function]
    with pytest.raises(error, match=message):
        call(function, **{name: bad}, **options)


# means of the values of the samples, where they are not added
MEANS = {
    metrics.distance_rmse: lambda each: np.sqrt((each**2).mean()),
    metrics.local_geometric_distortion: lambda each: np.sqrt((each**2).mean()),
    metrics.local_curvature: lambda each: np.abs(each).mean(),
    metrics.intrinsic_dimension: lambda each: 1 / (1 / each).mean(),
}


@pytest.mark.parametrize("metric", ["euclidean", "precomputed"])
@pytest.mark.parametrize("function", [f for f in WITH_METRIC if takes(f, "per_sample")])
def test_a_subsample_evaluates_samples_among_all(call, pair, function, metric):
    data = pairwise_distances(pair[0]) if metric == "precomputed" else pair[0]
    options = {"metric": metric, **RANGES.get(function, ("", {}))[1]}
    if takes(function, "n_neighbors"):
        options["n_neighbors"] = 7
    mean = MEANS.get(function, np.mean)
    every = call(function, data, per_sample=True, **options)
    assert every.shape == (60,) and every.std() > 0
    value = call(function, data, **options)
    assert isinstance(value, float)
    assert_allclose(value, mean(every))
    rows = np.sort(np.random.RandomState(0).choice(60, size=20, replace=False))
    drawn = {"n_samples": 20, "random_state": 0, **options}
    assert_allclose(call(function, data, per_sample=True, **drawn), every[rows])
    assert_allclose(call(function, data, **drawn), mean(every[rows]))
    for all_of_them in (60, 1000):
        assert call(function, data, n_samples=all_of_them, **options) == value


@pytest.mark.parametrize("function", WITH_METRIC)
def test_types_of_input_do_not_matter(call, pair, function):
    # rounded to what all types hold
    X, Z = (np.round(64 * part) / 64 for part in pair)
    value = call(function, X, Z)
    read_only = X.copy()
    read_only.flags.writeable = False
    assert_allclose(call(function, read_only, Z), value)
    assert_allclose(call(function, X.tolist(), Z.tolist()), value)
    halves = X.astype(np.float16), Z.astype(np.float16)
    assert_allclose(call(function, *halves), value)
    single = X.astype(np.float32), Z.astype(np.float32)
    assert_allclose(call(function, *single), value, rtol=1e-3)
    integers = (64 * X).astype(int), (64 * Z).astype(int)
    assert_allclose(call(function, *integers), call(function, 64 * X, 64 * Z))


@pytest.mark.parametrize("function", [f for f in WITH_METRIC if takes(f, "n_jobs")])
def test_threads_and_chunks_do_not_change_the_value(call, function):
    # of all pairs, which a small memory would make a sample
    options = {"method": "pearson"} if function is metrics.distance_correlation else {}
    value = call(function, **options)
    for memory, n_jobs in [(0.2, 2), (0.005, 2), (1e-9, None)]:
        with config_context(working_memory=memory):
            again = call(function, n_jobs=n_jobs, **options)
        assert_allclose(again, value, rtol=1e-13)


@pytest.mark.parametrize("function", WITH_METRIC)
def test_wrong_data_are_refused(call, pair, function):
    X, Z = pair
    broken = X.copy()
    broken[3, 1] = np.inf
    with pytest.raises(ValueError, match=r"Input [XZ] contains infinity"):
        call(function, broken)
    with pytest.raises(ValueError, match="square"):
        call(function, metric="precomputed")
    with pytest.raises(ValueError, match="negative"):
        call(function, -pairwise_distances(X), metric="precomputed")
    if takes(function, "X") and takes(function, "Z"):
        with pytest.raises(ValueError, match="inconsistent numbers of samples"):
            call(function, X, Z[:-1])
        with pytest.raises(ValueError, match="Input Z contains NaN"):
            call(function, X, Z * np.nan)
    if takes(function, "n_samples"):
        with pytest.raises(ValueError, match=r"'n_samples' .* Got 0"):
            call(function, n_samples=0)
        with pytest.raises(TypeError, match=r"'n_samples' .* must be an int"):
            call(function, n_samples=0.5)


# Metrics of the data ----------------------------------------------------------------


def test_there_are_functions_with_a_metric():
    assert {"trustworthiness", "stress", "recall_at_k", "intrinsic_dimension"} <= {
        function.__name__ for function in WITH_METRIC
    }
    assert len(WITH_METRIC) == 15


@pytest.mark.parametrize("function", WITH_METRIC)
def test_unknown_metrics_are_named_with_those_that_are_known(call, function):
    known = "(?=.*'braycurtis')(?=.*'euclidean')"  # scikit-learn lists a set
    message = rf"'metric' parameter {known}.* a callable\. Got "
    for wrong in ("euclidian", ""):
        with pytest.raises(ValueError, match=f"{message}{wrong!r}"):
            call(function, metric=wrong)
    for wrong in (None, 2, ["euclidean"]):
        with pytest.raises(TypeError, match=message):
            call(function, metric=wrong)


SPARSE = [
    function
    for function in WITH_METRIC
    if "sparse" in str(inspect.signature(function)) or "sparse" in function.__doc__
]


@pytest.mark.parametrize(
    "name", ["jaccard", "dice", "hamming", "correlation", "canberra", "yule"]
)
def test_sparse_data_in_metrics_that_scikit_learn_refuses(call, pair, name):
    assert len(SPARSE) > 5
    rng = np.random.default_rng(0)
    # of 200 columns, so that no two distances are equal
    X = rng.random((60, 200)) * (rng.random((60, 200)) < rng.random((60, 1)))
    X = X > 0 if name in ("jaccard", "dice", "yule") else np.round(X, 1)
    dense = X.astype(float)
    for function in SPARSE:
        value = call(function, csr_array(dense), metric=name)
        expected = call(function, dense, metric=name)
        assert_allclose(value, expected, atol=0.02, err_msg=function.__name__)


@pytest.mark.parametrize("function", WITH_METRIC)
def test_metrics_of_invalid_distances_are_refused(call, pair, function):
    X = pair[0].copy()
    X[7] = 2.0
    with pytest.raises(ValueError, match=r"metric='correlation' returns .* NaN"):
        call(function, X, metric="correlation")
    with pytest.raises(ValueError, match=r"that are negative .* similarity"):
        call(function, metric=lambda a, b: -np.abs(a - b).sum())


@pytest.mark.parametrize("function", WITH_METRIC)
def test_masked_entries_are_missing(call, pair, function):
    X = np.ma.masked_greater(pair[0], 1.5)
    assert X.mask.any()
    with pytest.raises(ValueError, match="contains NaN"):
        call(function, X)
    plain = call(function, pair[0])
    assert_allclose(call(function, np.ma.array(pair[0])), plain)


@pytest.mark.parametrize("function", WITH_METRIC)
def test_a_callable_is_a_metric(call, pair, function):
    def taxi(a, b):
        return np.abs(a - b).sum()

    D = cdist(pair[0], pair[0], "cityblock")
    value = call(function, metric=taxi)
    assert_allclose(value, call(function, metric="manhattan"), rtol=1e-10)
    assert_allclose(value, call(function, D, metric="precomputed"), rtol=1e-10)


# Of numbers that are taken for truth values, all others have equal distances.
NUMERIC = (
    "braycurtis canberra chebyshev cityblock correlation cosine euclidean l1 l2 "
    "manhattan minkowski sqeuclidean"
).split()


# The last two take parameters from the data.
@pytest.mark.parametrize("name", [*NUMERIC, "seuclidean", "mahalanobis"])
def test_every_name_is_that_of_scikit_learn(call, pair, name):
    D = pairwise_distances(np.abs(pair[0]), metric=name)
    np.fill_diagonal(D, 0.0)
    D.flags.writeable = False  # given distances are left alone
    for function in WITH_METRIC:
        value = call(function, np.abs(pair[0]), metric=name)
        assert_allclose(value, call(function, D, metric="precomputed"), rtol=1e-6)


def test_infinite_distances_between_parts_are_named(pair):
    X, Z = pair
    D = pairwise_distances(X)
    D[:20, 20:] = D[20:, :20] = np.inf
    for function in (metrics.trustworthiness, metrics.distance_rmse, metrics.stress):
        with pytest.raises(
            ValueError, match=r"X has infinite .* each connected component"
        ):
            function(D, Z, metric="precomputed")
    D[0, 1] = np.nan
    with pytest.raises(ValueError, match="X has infinite distances"):
        metrics.trustworthiness(D, Z, metric="precomputed")


@pytest.mark.parametrize("one_side", [np.triu, np.tril])
def test_distances_on_one_side_of_the_diagonal_are_refused(pair, one_side):
    X, Z = pair
    D = one_side(pairwise_distances(X))
    for function in (metrics.trustworthiness, metrics.distance_rmse, metrics.stress):
        with pytest.raises(ValueError, match="one side of the diagonal"):
            function(D, Z, metric="precomputed")


def test_the_metric_for_missing_values_is_not_offered(pair):
    X, Z = pair
    with pytest.raises(ValueError, match="'metric' parameter") as error:
        metrics.trustworthiness(X, Z, metric="nan_euclidean")
    assert "'nan_euclidean'" not in str(error.value).split(". Got")[0]
