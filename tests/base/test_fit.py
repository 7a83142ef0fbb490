# SPDX-License-Identifier: BSD-3-Clause

"""Training by the template, tested on a small method."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.callback import ProgressBar, ScoringMonitor
from sklearn.datasets import load_digits, load_iris
from sklearn.exceptions import NotFittedError
from sklearn.metrics import silhouette_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC
from sklearn.utils.parallel import Parallel, delayed

from skmanifold.training import TrainingOptions
from tests.guests import Callback, Interrupt, NeuralPCA

X, Y = load_iris(return_X_y=True)


def quick(**options):
    return NeuralPCA(**{"max_epochs": 2, "random_state": 0, **options})


def test_divergence_is_reported_and_leaves_the_previous_fit():
    model = quick(learning_rate=1e30, max_epochs=50)
    with pytest.raises(ValueError, match=r"Training diverged.*Decrease learning_rate"):
        model.fit(X)
    assert not hasattr(model, "network_")
    model = quick().fit(X)
    before = model.transform(X)
    with pytest.raises(ValueError, match="Training diverged"):
        model.set_params(learning_rate=1e30, max_epochs=50).fit(2 * X)
    assert_array_equal(model.transform(X), before)


# Clusters ---------------------------------------------------------------------


def test_clusters_are_predicted():
    model = quick(n_clusters=4).fit(X)
    assert set(model.labels_) == set(range(4))
    assert_array_equal(model.predict(X), model.labels_)
    assert_array_equal(model.predict(X[5:9]), model.labels_[5:9])
    assert_array_equal(clone(model).fit_predict(X), model.labels_)


def test_fit_predict_without_n_clusters():
    model = quick()
    assert not hasattr(model.fit(X), "predict")
    labels = model.fit_predict(X)
    assert set(labels) == set(range(8))
    assert_array_equal(model.labels_, labels)
    model.fit(X)
    assert not hasattr(model, "labels_")
    with pytest.raises(AttributeError, match=r"has no predict\. Set n_clusters to an"):
        model.predict  # noqa: B018


def test_predict_after_a_fit_without_clusters():
    model = quick(n_clusters=3).fit(X)
    model.set_params(n_clusters=None).fit(X)
    model.set_params(n_clusters=3)
    with pytest.raises(NotFittedError, match="Call fit again"):
        model.predict(X)


def test_more_clusters_than_samples_are_reduced():
    with pytest.warns(UserWarning, match="n_clusters=20 is more than the 12 different"):
        assert len(quick(n_clusters=20).fit(X[:12]).labels_) == 12


# Threads and searches ---------------------------------------------------------


def test_fits_in_threads_have_the_bits_of_fits_alone():
    fits = [delayed(quick(random_state=i % 2).fit_transform)(X) for i in range(4)]
    results = Parallel(n_jobs=4, prefer="threads")(fits)
    assert_array_equal(results[0], results[2])
    assert_array_equal(results[1], results[3])
    assert_array_equal(results[0], quick().fit_transform(X))


@pytest.mark.parametrize("n_threads", [1, 3, None])
def test_n_threads_is_for_the_fit_alone(n_threads):
    torch.set_num_threads(2)
    model = quick(training=TrainingOptions(n_threads=n_threads)).fit(X)
    assert torch.get_num_threads() == 2
    assert_array_equal(model.embedding_, quick().fit_transform(X))


def test_a_grid_search_runs_in_parallel():
    grid = GridSearchCV(
        make_pipeline(quick(training=TrainingOptions()), SVC()),
        {
            "neuralpca__n_components": [1, 2],
            "neuralpca__training__weight_decay": [0.0, 0.1],
        },
        cv=2,
        n_jobs=2,
    )
    grid.fit(X, Y)
    assert len(grid.cv_results_["params"]) == 4
    assert np.isfinite(grid.cv_results_["mean_test_score"]).all()


# Feedback ---------------------------------------------------------------------


def test_verbose_tells_of_ten_epochs(capsys):
    quick(verbose=True, max_epochs=40).fit(X)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 10
    assert lines[-1].startswith("[NeuralPCA] epoch 40/40, loss ")


class Recorder(Callback):
    """Record the calls and look at the estimator of each epoch."""

    def __init__(self):
        self.calls = []

    def setup(self, estimator, context):
        self.calls.append("setup")

    def teardown(self, estimator, context):
        self.calls.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        self.calls.append(f"begin {context.task_name}")

    def on_fit_task_end(self, estimator, context, *, X=None, fitted_estimator=None):
        self.calls.append(f"end {context.task_name}")
        assert fitted_estimator.transform(X).shape == (len(X), 2)


def test_callbacks_are_called_per_epoch():
    recorder = Recorder()
    quick().set_callbacks(recorder).fit(X)
    epoch = ["begin epoch", "end epoch"]
    assert recorder.calls == ["setup", "begin fit", *epoch * 2, "end fit", "teardown"]


@pytest.mark.filterwarnings("ignore:The estimator SVC does not support callbacks")
def test_a_progress_bar_is_shown_alone_in_a_pipeline_and_in_a_search(capsys):
    quick().set_callbacks(ProgressBar()).fit(X)
    assert "NeuralPCA - fit" in capsys.readouterr().out
    pipeline = make_pipeline(quick(), SVC())
    pipeline.set_callbacks(ProgressBar()).fit(X, Y)
    assert "NeuralPCA - fit" in capsys.readouterr().out
    grid = GridSearchCV(
        pipeline.set_callbacks(), {"neuralpca__n_components": [1, 2]}, cv=2
    )
    grid.set_callbacks(ProgressBar(max_propagation_depth=None)).fit(X, Y)
    assert "NeuralPCA - fit" in capsys.readouterr().out


def silhouette(estimator, X, y):
    return silhouette_score(estimator.transform(X), y)


def scores_of(monitor):
    rows = monitor.get_logs().data
    return [row["score"] for row in rows if row["task_name"] == "epoch"]


def test_a_scoring_monitor_records_each_epoch():
    frame = pd.DataFrame(X, columns=list("abcd"))
    monitor = ScoringMonitor(scoring={"score": silhouette})
    model = quick(max_epochs=3).set_callbacks(monitor).fit(frame, Y)
    scores = scores_of(monitor)
    assert len(scores) == 3
    assert scores[-1] == pytest.approx(silhouette(model, frame, Y))


def test_callbacks_see_clusters_and_containers():
    monitor = ScoringMonitor(scoring={"score": "adjusted_rand_score"})
    model = quick(n_clusters=3).set_output(transform="pandas").set_callbacks(monitor)
    model.fit(X, Y)
    assert len(scores_of(monitor)) == 2

    class Look(Callback):
        def on_fit_task_end(self, estimator, context, *, X=None, fitted_estimator=None):
            assert len(fitted_estimator.embedding_) == len(fitted_estimator.labels_)
            assert len(fitted_estimator.embedding_) == len(X)
            columns = list(fitted_estimator.transform(X).columns)
            assert columns == ["neuralpca0", "neuralpca1"]

    model.set_callbacks(Look()).fit(X[:40])


# Training options, warm starts, checkpoints -----------------------------------


def test_training_stops_early():
    options = TrainingOptions(n_iter_no_change=2, tol=0.5)
    assert quick(max_epochs=50, training=options).fit(X).n_iter_ < 20


def test_a_warm_start_needs_the_same_networks():
    model = quick(warm_start=True).fit(X)
    with pytest.raises(ValueError, match="continues from the networks"):
        model.set_params(n_components=3).fit(X)


def test_a_fit_that_had_stopped_early_is_not_trained_on(tmp_path):
    class StopThenFail(Callback):
        def on_fit_task_end(self, estimator, context):
            if context.task_name == "fit":
                raise KeyboardInterrupt
            return context.task_id == 2

    training = TrainingOptions(checkpoint=tmp_path / "fit.pt")
    model = quick(max_epochs=9, training=training)
    with pytest.raises(KeyboardInterrupt):
        clone(model).set_callbacks(StopThenFail()).fit(X)
    assert clone(model).fit(X).n_iter_ == 3


def test_a_fit_without_a_seed_resumes_with_the_seed_of_the_file(tmp_path):
    path = tmp_path / "fit.pt"
    training = TrainingOptions(checkpoint=path)
    model = quick(max_epochs=3, random_state=None, training=training)
    with pytest.raises(KeyboardInterrupt):
        clone(model).set_callbacks(Interrupt(1)).fit(X)
    copy = path.read_bytes()
    first = model.fit_transform(X)
    path.write_bytes(copy)
    assert_array_equal(clone(model).fit_transform(X), first)


# Messages -----------------------------------------------------------------------


def table_with(column):
    return np.column_stack([np.random.RandomState(0).randn(len(column), 4), column])


@pytest.mark.parametrize(
    "column",
    [
        np.arange(80),
        np.random.RandomState(0).permutation(80) + 1000,
        # the samples of a training set
        np.random.RandomState(0).permutation(110)[:80],
    ],
    ids=["index", "shuffled", "some"],
)
def test_columns_that_number_the_samples_are_named(column):
    model = NeuralPCA(max_epochs=1)
    frame = pd.DataFrame(table_with(column), columns=[*"abcd", "id"])
    for X, name in ((frame, "'id'"), (sparse.csr_array(frame.to_numpy()), "4")):
        with pytest.warns(UserWarning, match=f"number the samples: {name}. Drop"):
            model.fit(X)


def test_encoded_categories_do_not_hide_a_number():
    rng = np.random.RandomState(0)
    kinds = np.eye(70)[rng.randint(70, size=300)]
    table = np.column_stack([rng.randn(300, 5), kinds, rng.permutation(300)])
    with pytest.warns(UserWarning, match="number the samples: 75. Drop"):
        NeuralPCA(max_epochs=1).fit(table)


def test_columns_with_codes_are_named():
    X = pd.DataFrame(np.random.RandomState(0).randn(200, 3), columns=list("abc"))
    X.loc[::10, "b"] = -999.0
    message = "Column 'b' of X holds -999 in 20 of the 200 samples.*missing_values=-999"
    with pytest.warns(UserWarning, match=message):
        model = NeuralPCA(max_epochs=2, random_state=0).fit(X)
    Z = model.transform(X)  # a warning would be an error
    assert_array_equal(Z, model.embedding_)
    assert_array_equal(Z[8:12], model.transform(X[8:12]))
    X.loc[5::10, "c"] = 9999.0
    with pytest.warns(UserWarning, match="Further columns with such values: 'c'"):
        NeuralPCA(max_epochs=2, random_state=0).fit(X)


def test_outliers_that_were_not_drawn_are_named():
    class OfSome(NeuralPCA):
        def _plan(self, n_samples, n_features):
            return dataclasses.replace(
                super()._plan(n_samples, n_features), n_training=60
            )

    model = OfSome(max_epochs=1, random_state=0)
    far = X.copy()
    far[[3, 40, 90]] *= 1000
    with pytest.warns(UserWarning) as caught:
        model.fit(far)
    texts = [str(w.message) for w in caught]
    assert sum(int(text.split()[0]) for text in texts) == 3
    assert "far away from the training data" in texts[-1]
    model.transform(far)  # has nothing to add


@pytest.mark.parametrize(
    "X",
    [
        table_with(np.arange(80) + 0.5 * (np.arange(80) == 3)),
        table_with(np.arange(80) // 2),
        table_with(np.arange(80) * 2),
        table_with(np.arange(40)),
        np.argsort(np.random.RandomState(0).rand(80, 5), axis=0),
        np.arange(80)[:, np.newaxis],
        load_digits().data[:200],
    ],
    ids=["fractions", "pairs", "gaps", "few", "ranks", "one column", "pixels"],
)
@pytest.mark.filterwarnings("error:.*number:UserWarning")
def test_other_whole_numbers_are_measurements(X):
    NeuralPCA(max_epochs=1).fit(X)
