# SPDX-License-Identifier: BSD-3-Clause

import pickle

import numpy as np
import pandas as pd
import pytest
import sklearn
from numpy.testing import assert_allclose
from sklearn.callback import ScoringMonitor
from sklearn.cluster import KMeans
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_digits, load_wine, make_blobs
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.impute import SimpleImputer
from sklearn.manifold import TSNE
from sklearn.manifold import trustworthiness as sklearn_trustworthiness
from sklearn.metrics import check_scoring, silhouette_score
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
    StratifiedKFold,
    cross_val_score,
    cross_validate,
)
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MinMaxScaler,
    OneHotEncoder,
    StandardScaler,
)
from sklearn.svm import SVC

from skmanifold import DLME, metrics
from skmanifold.metrics import get_scorer, get_scorer_names, make_embedding_scorer

NAMES = [
    "cluster_rank_accuracy",
    "clustering_accuracy",
    "continuity",
    "distance_rmse",
    "kmeans",
    "linear_svm",
    "local_geometric_distortion",
    "mean_relative_rank_error",
    "trustworthiness",
]
WITH_LABELS = {"clustering_accuracy", "cluster_rank_accuracy", "kmeans", "linear_svm"}


def test_scorers_have_the_names_of_the_metrics():
    assert get_scorer_names() == NAMES
    for wrong in ("nmi", ["trustworthiness"], None, metrics.stress):
        with pytest.raises(ValueError, match=r"There is no scorer .*'trustworthiness'"):
            get_scorer(wrong)


@pytest.mark.parametrize("name", NAMES)
def test_scorers_can_be_pickled(iris, name):
    X, y = iris
    estimator = make_pipeline(StandardScaler(), KMeans(3, random_state=0)).fit(X)
    scorer = get_scorer(name)
    again = pickle.loads(pickle.dumps(scorer))
    assert repr(again) == repr(scorer)
    assert again(estimator, X, y) == scorer(estimator, X, y)


@pytest.mark.parametrize("name", NAMES)
def test_what_needs_labels_says_so(iris, name):
    X, _ = iris
    estimator = KMeans(3, random_state=0).fit(X)
    if name not in WITH_LABELS:
        assert np.isfinite(get_scorer(name)(estimator, X))
        return
    with pytest.raises(ValueError, match="requires y"):
        get_scorer(name)(estimator, X)


def test_scorers_have_the_values_of_the_metrics(iris):
    X, y = iris
    pca = PCA(2).fit(X)
    Z = pca.transform(X)
    errors = "distance_rmse", "local_geometric_distortion", "mean_relative_rank_error"
    for name in errors:
        assert get_scorer(name)(pca, X) == -getattr(metrics, name)(X, Z)
    ranks = metrics.cluster_rank_accuracy(X, Z, y)
    assert get_scorer("cluster_rank_accuracy")(pca, X, y) == ranks
    clusters = KMeans(3, n_init=10, random_state=0).fit_predict(Z)
    expected = metrics.clustering_accuracy(y, clusters)
    assert get_scorer("kmeans")(pca, X, np.array(list("abc"))[y]) == expected
    folds = StratifiedKFold(10, shuffle=True, random_state=1)
    svm = cross_val_score(
        SVC(kernel="linear"), StandardScaler().fit_transform(Z), y, cv=folds
    )
    assert_allclose(get_scorer("linear_svm")(pca, X, y), svm.mean())


def test_clustering_accuracy_scores_what_predict_says():
    X, y = make_blobs(90, centers=[[0, 0], [9, 0], [0, 9]], random_state=0)
    scorer = get_scorer("clustering_accuracy")
    kmeans = KMeans(3, n_init=10, random_state=0)
    assert cross_val_score(kmeans, X, y, scoring=scorer, cv=3).tolist() == [1.0] * 3
    with pytest.raises(TypeError, match="PCA has no method predict"):
        scorer(PCA(2).fit(X), X, y)


@pytest.mark.parametrize("name", ["trustworthiness", "continuity"])
def test_a_small_fold_is_named_with_the_largest_k(iris, name):
    X, _ = iris
    small = X[:10]
    with pytest.raises(ValueError, match=r"n_neighbors=5 .*at most 4 for 10 samples"):
        get_scorer(name)(PCA(2).fit(small), small)
    with pytest.warns(UserWarning) as caught:
        scores = cross_val_score(PCA(2), X, scoring=get_scorer(name), cv=15)
    assert np.isnan(scores).all()
    assert any("for 10 samples" in str(warning.message) for warning in caught)


def test_a_sparse_embedding_is_scored(iris):
    X, _ = iris
    sparse = OneHotEncoder(sparse_output=True).fit(X)
    dense = OneHotEncoder(sparse_output=False).fit(X)
    scorer = get_scorer("distance_rmse")
    assert scorer(sparse, X) == scorer(dense, X)


def test_linear_svm_takes_fewer_folds_for_small_classes_and_needs_two(iris):
    X, y = iris
    scorer = get_scorer("linear_svm")
    pca = PCA(2).fit(X)
    few = np.r_[0:4, 50:70, 100:120]
    assert 0 < scorer(pca, X[few], y[few]) <= 1
    with pytest.raises(ValueError, match="the smallest with 1"):
        scorer(pca, X[[0, *range(50, 70)]], y[[0, *range(50, 70)]])
    with pytest.raises(ValueError, match="two classes"):
        scorer(pca, X[:50], y[:50])


@pytest.mark.parametrize("name", ["kmeans", "linear_svm", "cluster_rank_accuracy"])
def test_a_continuous_y_is_refused(iris, name):
    pca = PCA(2).fit(iris[0])
    for y in (iris[0][:, 0] * 3.7, pd.Series(iris[0][:, 0], dtype="Float64")):
        with pytest.raises(ValueError, match="Unknown label type"):
            get_scorer(name)(pca, iris[0], y)
    if name == "kmeans":
        with pytest.raises(ValueError, match=r"all 150 labels .* differ"):
            get_scorer(name)(pca, iris[0], np.arange(150).astype(str))


@pytest.mark.parametrize("name", ["kmeans", "linear_svm", "cluster_rank_accuracy"])
def test_samples_without_a_label_are_left_out(iris, name):
    X, y = iris
    pca = PCA(2).fit(X)
    kept = np.arange(150) % 4 > 0
    expected = get_scorer(name)(pca, X[kept], y[kept])
    for partial in (np.where(kept, y, np.nan), pd.Series(y, dtype="Int64").where(kept)):
        assert get_scorer(name)(pca, X, partial) == expected


def test_linear_svm_takes_a_part_of_many_samples(monkeypatch):
    X, y = load_digits(return_X_y=True)
    pca = PCA(2).fit(X)
    whole = get_scorer("linear_svm")(pca, X[:400], y[:400])
    module = metrics._scorers
    monkeypatch.setattr(module, "_LARGEST_SVM", 200)
    sizes = []
    real = module.cross_val_score

    def counting(estimator, Z, y, **options):
        sizes.append(np.bincount(y))
        return real(estimator, Z, y, **options)

    monkeypatch.setattr(module, "cross_val_score", counting)
    part = get_scorer("linear_svm")(pca, X[:400], y[:400])
    assert abs(part - whole) < 0.15
    assert sizes[0].sum() == 200
    assert_allclose(sizes[0] / 200, np.bincount(y[:400]) / 400, atol=0.01)


@pytest.mark.parametrize("n_more", [0, 1, 2, 9])
def test_linear_svm_allows_slightly_too_many_samples(monkeypatch, n_more):
    X, y = load_digits(return_X_y=True)
    X, y = X[: 200 + n_more], y[: 200 + n_more]
    pca = PCA(2).fit(X)
    monkeypatch.setattr(metrics._scorers, "_LARGEST_SVM", 200)
    value = get_scorer("linear_svm")(pca, X, y)
    assert 0.2 < value < 1
    assert value == get_scorer("linear_svm")(pca, X, y)


# -- making scorers ------------------------------------------------------------------


def test_inputs_are_read_off_the_metric(iris):
    X, y = iris
    pca = PCA(2).fit(X)
    Z = pca.transform(X)
    hit = make_embedding_scorer(metrics.neighborhood_hit, n_neighbors=3)
    assert hit(pca, X, y) == metrics.neighborhood_hit(Z, y, n_neighbors=3)
    theirs = make_embedding_scorer(sklearn_trustworthiness, n_neighbors=7)
    assert_allclose(theirs(pca, X), metrics.trustworthiness(X, Z, n_neighbors=7))
    stress = make_embedding_scorer(
        metrics.stress, greater_is_better=False, metric="manhattan"
    )
    assert stress(pca, X) == -metrics.stress(X, Z, metric="manhattan")
    own = make_embedding_scorer(lambda a, b: float(a.shape[1] - b.shape[1]))
    assert own(pca, X) == 2.0
    silhouette = make_embedding_scorer(silhouette_score, inputs=("Z", "y"))
    assert_allclose(silhouette(pca, X, y), silhouette_score(Z, y))
    assert repr(stress) == (
        "make_embedding_scorer(stress, metric='manhattan', greater_is_better=False)"
    )


def test_wrong_scorers_are_refused():
    with pytest.raises(TypeError, match="get_scorer"):
        make_embedding_scorer("trustworthiness")
    with pytest.raises(ValueError, match="inputs must be"):
        make_embedding_scorer(metrics.stress, inputs=("A",))
    with pytest.raises(ValueError, match="inputs must be"):
        make_embedding_scorer(metrics.stress, inputs=())


@pytest.mark.parametrize("container", ["pandas", "polars"])
def test_data_frames_are_scored(container):
    frames = pytest.importorskip(container)
    # Without ties, which the order of the data in memory would break.
    X = np.random.default_rng(0).normal(size=(50, 4))
    columns = list("abcd")
    frame = frames.DataFrame(dict(zip(columns, X.T, strict=True)))
    pca = PCA(2).set_output(transform=container).fit(frame)
    value = get_scorer("trustworthiness")(pca, frame)
    assert value == get_scorer("trustworthiness")(PCA(2).fit(X), X)


def test_metadata_reaches_a_metric_that_takes_it(iris):
    X, _ = iris
    weight = np.linspace(0, 1, 150)

    def spread(Z, *, sample_weight=None):
        return float(np.average(Z[:, 0] ** 2, weights=sample_weight))

    scorer = make_embedding_scorer(spread, inputs=("Z",))
    cv = KFold(3)
    expected = []
    for train, test in cv.split(X):
        Z = PCA(1).fit(X[train]).transform(X[test])
        expected.append(np.average(Z[:, 0] ** 2, weights=weight[test]))
    with sklearn.config_context(enable_metadata_routing=True):
        scorer.set_score_request(sample_weight=True)
        for scoring in (scorer, {"score": scorer}):
            scores = cross_validate(
                PCA(1), X, cv=cv, scoring=scoring, params={"sample_weight": weight}
            )
            assert_allclose(scores["test_score"], expected)


# -- what X is compared with ---------------------------------------------------------


@pytest.fixture(scope="module")
def wine():
    return load_wine(return_X_y=True)


class Nested:
    """Estimators whose last step sees standardized columns, and one without steps."""

    plain = PCA(2)
    pipeline = make_pipeline(StandardScaler(), PCA(2))
    longer = make_pipeline(MinMaxScaler(), StandardScaler(), "passthrough", PCA(2))
    inner = make_pipeline(MinMaxScaler(), make_pipeline(StandardScaler(), PCA(2)))
    search = GridSearchCV(
        pipeline, {"pca__n_components": [2]}, scoring=get_scorer("trustworthiness")
    )


@pytest.mark.parametrize("name", ["pipeline", "longer", "inner", "search"])
@pytest.mark.parametrize("multiple", [False, True])
def test_the_last_step_sees_what_the_embedding_is_compared_with(wine, name, multiple):
    X, _ = wine
    estimator = getattr(Nested, name)
    scorers = {
        reference: make_embedding_scorer(
            metrics.distance_rmse, greater_is_better=False, reference=reference
        )
        for reference in ("input", "last_step")
    }
    cv = KFold(3, shuffle=True, random_state=0)
    if multiple:
        scores = cross_validate(estimator, X, cv=cv, scoring=scorers)
        scores = {key: scores[f"test_{key}"] for key in scorers}
    else:
        scores = {
            key: cross_val_score(estimator, X, cv=cv, scoring=scorer)
            for key, scorer in scorers.items()
        }
    for fold, (train, test) in enumerate(cv.split(X)):
        scaler = StandardScaler().fit(X[train])
        seen = scaler.transform(X[test])
        Z = PCA(2).fit(scaler.transform(X[train])).transform(seen)
        for key, reference in (("input", X[test]), ("last_step", seen)):
            expected = -metrics.distance_rmse(reference, Z)
            assert_allclose(scores[key][fold], expected, rtol=1e-6, err_msg=key)


def test_without_a_pipeline_the_last_step_sees_the_input(wine):
    X, y = wine
    for estimator in (PCA(2), Pipeline([("pca", PCA(2))])):
        estimator.fit(X)
        for name in (
            "local_geometric_distortion",
            "trustworthiness",
            "cluster_rank_accuracy",
        ):
            value = get_scorer(name, reference="last_step")(estimator, X, y)
            assert value == get_scorer(name)(estimator, X, y)


def test_metrics_that_do_not_look_at_the_input_ignore_the_reference(wine):
    X, y = wine

    def refuse(X):
        raise AssertionError

    model = make_pipeline(StandardScaler(), KMeans(3, n_init=1, random_state=0)).fit(X)
    for name in ("clustering_accuracy", "linear_svm", "kmeans"):
        value = get_scorer(name, reference=refuse)(model, X, y)
        assert value == get_scorer(name)(model, X, y)


def test_a_search_over_the_scaling_needs_one_yardstick(wine):
    X, _ = wine
    yardstick = StandardScaler().fit(X).transform
    search = GridSearchCV(
        Pipeline([("scale", StandardScaler()), ("embed", PCA(2))]),
        {"scale": ["passthrough", MinMaxScaler(), StandardScaler()]},
        scoring={
            "input": get_scorer("trustworthiness"),
            "yardstick": get_scorer("trustworthiness", reference=yardstick),
        },
        refit="yardstick",
    ).fit(X)
    results = search.cv_results_
    assert np.argmax(results["mean_test_input"]) == 0
    assert np.argmax(results["mean_test_yardstick"]) == 2
    pipeline = search.best_estimator_
    scorer = get_scorer("trustworthiness", reference=yardstick)
    expected = metrics.trustworthiness(yardstick(X), pipeline.transform(X))
    assert scorer(pipeline, X) == expected
    again = pickle.loads(pickle.dumps(scorer))
    assert again(pipeline, X) == expected


def test_scorers_take_the_options_of_the_metrics(wine):
    X, _ = wine
    pca = PCA(2).fit(X)
    scorer = get_scorer(
        "mean_relative_rank_error",
        n_neighbors=(3, 7),
        direction="mean",
        metric="manhattan",
    )
    expected = metrics.mean_relative_rank_error(
        X, pca.transform(X), n_neighbors=(3, 7), direction="mean", metric="manhattan"
    )
    assert scorer(pca, X) == -expected
    own = make_embedding_scorer(metrics.stress, reference="last_step")
    assert repr(own) == "make_embedding_scorer(stress, reference='last_step')"
    with pytest.raises(TypeError, match=r"trustworthiness.* 'n_neighbor'"):
        get_scorer("trustworthiness", n_neighbor=3)
    with pytest.raises(
        TypeError, match=r"distance_rmse\(.* metric=.* per_sam.* 'n_neighbors'"
    ):
        get_scorer("distance_rmse", n_neighbors=3)
    for wrong in ("last", None, 3):
        with pytest.raises(ValueError, match=f"reference must be .* got {wrong!r}"):
            make_embedding_scorer(metrics.stress, reference=wrong)


def test_a_metric_must_return_one_number(iris):
    X, _ = iris
    pca = PCA(2).fit(X)
    scorer = get_scorer("trustworthiness", per_sample=True)
    with pytest.raises(TypeError, match=r"trustworthiness returned .* one number\. O"):
        scorer(pca, X)
    for metric in (metrics.neighborhood_preservation_curve, lambda X, Z: "1"):
        with pytest.raises(TypeError, match="needs one number"):
            make_embedding_scorer(metric)(pca, X)
    for number in (2, np.float32(2), np.array(2.0)):
        assert make_embedding_scorer(lambda X, Z, n=number: n)(pca, X) == 2.0


@pytest.mark.parametrize("holes", [False, True])
def test_an_input_without_distances_is_taken_from_the_last_step(iris, holes):
    X = np.array([["a", "b"], ["a", "c"], ["d", "b"]] * 20, dtype=object)
    steps = [OneHotEncoder(sparse_output=False)]
    if holes:
        X = iris[0].copy()
        X[::7, 1] = np.nan
        steps = [SimpleImputer()]
    pipeline = make_pipeline(*steps, PCA(2)).fit(X)
    seen = pipeline[:-1].transform(X)
    expected = -metrics.distance_rmse(seen, pipeline.transform(X))
    for options in ({}, {"reference": "last_step"}):
        assert get_scorer("distance_rmse", **options)(pipeline, X) == expected
    # a metric that can read X still does
    own = make_embedding_scorer(lambda X, Z: float(X is given))
    given = X
    assert own(pipeline, X) == 1.0


@pytest.mark.parametrize("name", ["trustworthiness", "cluster_rank_accuracy"])
def test_a_pipeline_of_a_mixed_table_can_be_searched(name):
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {"a": rng.normal(size=90), "b": rng.normal(size=90), "c": list("xyz") * 30}
    )
    table.loc[::7, "a"] = np.nan
    columns = make_column_transformer(
        (SimpleImputer(), ["a", "b"]), (OneHotEncoder(sparse_output=False), ["c"])
    )
    pipeline = make_pipeline(columns, PCA())
    search = GridSearchCV(
        pipeline, {"pca__n_components": [1, 4]}, scoring=get_scorer(name), cv=3
    ).fit(table, table["c"])
    scores = search.cv_results_["mean_test_score"]
    assert np.isfinite(scores).all() and scores[1] > scores[0]


def test_words_without_a_pipeline_are_named(iris):
    class Lengths(FunctionTransformer):
        def transform(self, X):
            return np.array([[len(a), len(b)] for a, b in X])

    X = np.array([["a", "bb"], ["aa", "c"]] * 10, dtype=object)
    with pytest.raises(ValueError, match=r"not consist of finite numbers.* Pipeline"):
        get_scorer("distance_rmse")(Lengths(), X)
    # Errors of other origin come as they are.
    numbers = PCA(2).fit(iris[0])
    with pytest.raises(ValueError, match=r"^The 'direction' parameter"):
        get_scorer("mean_relative_rank_error", direction="both")(numbers, iris[0])


# -- a scorer to scikit-learn --------------------------------------------------------


def test_several_scorers_share_one_embedding(iris):
    X, y = iris

    class Counting(PCA):
        n_calls = 0

        def transform(self, X):
            self.n_calls += 1
            return super().transform(X)

    names = [
        "trustworthiness",
        "continuity",
        "local_geometric_distortion",
        "linear_svm",
    ]
    scorers = {name: get_scorer(name) for name in names}
    scorers["last"] = get_scorer("continuity", reference="last_step")
    pca = Counting(2).fit(X)
    scores = check_scoring(pca, scorers)(pca, X, y)
    assert pca.n_calls == 1
    for name, scorer in scorers.items():
        assert scores[name] == scorer(pca, X, y)


def test_one_scorer_that_does_not_fit_leaves_the_others(iris):
    X, y = iris
    scoring = {name: get_scorer(name) for name in ("clustering_accuracy", "kmeans")}
    scoring |= {"t": get_scorer("trustworthiness"), "c": get_scorer("continuity")}
    with pytest.warns(UserWarning, match="PCA has no method predict"):
        scores = cross_validate(PCA(2), X, y, scoring=scoring)
    assert np.isnan(scores["test_clustering_accuracy"]).all()
    for name in ("kmeans", "t", "c"):
        assert np.isfinite(scores[f"test_{name}"]).all()
    scoring = {"t": scoring["t"], "c": scoring["c"]}
    with pytest.warns(UserWarning, match="TSNE has no method transform"):
        scores = cross_validate(TSNE(max_iter=250), X, scoring=scoring, cv=2)
    assert np.isnan(scores["test_t"]).all()


@pytest.mark.parametrize("name", ["trustworthiness", "linear_svm"])
def test_a_scoring_monitor_records_each_epoch(iris, name):
    X, y = iris
    alone, named = (
        get_scorer(name),
        {"t": get_scorer(name), "d": get_scorer("distance_rmse")},
    )
    rows = []
    for scoring in (alone, named):
        monitor = ScoringMonitor(scoring=scoring)
        model = DLME(max_epochs=9, batch_size=50, random_state=0)
        model.set_callbacks(monitor).fit(X, y)
        log = monitor.get_logs().data
        rows.append([row for row in log if row["task_name"] == "epoch"])
    assert [row["score"] for row in rows[0]] == [row["t"] for row in rows[1]]
    assert len(rows[0]) == 9
    assert rows[0][0]["score"] != rows[0][-1]["score"]
    assert rows[0][-1]["score"] == pytest.approx(alone(model, X, y))


@pytest.mark.parametrize(
    "X",
    [
        None,
        "abc",
        {"a": [1.0]},
        [[1.0, 2.0], [3.0]],
        np.full((4, 2), "a"),
        np.full((4, 2), np.nan),
        np.full((4, 2), object()),
        np.zeros((2, 2, 2)),
        iter([[1.0, 2.0]]),
    ],
    ids=lambda X: type(X).__name__,
)
@pytest.mark.parametrize("name", ["trustworthiness", "kmeans"])
def test_X_that_is_no_array_of_numbers_is_named(name, X):
    fitted = PCA(2).fit(np.random.RandomState(0).randn(20, 2))
    message = r"scorer .* cannot call transform of PCA with an X of type .* Pipeline"
    with pytest.raises(ValueError, match=f"(?s){message}"):
        get_scorer(name)(fitted, X, np.zeros(4))


def test_the_error_of_an_estimator_that_is_not_fitted_is_its_own():
    with pytest.raises(NotFittedError):
        get_scorer("trustworthiness")(PCA(2), [["a"]])
