# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause


import pickle
import re
from collections import OrderedDict

import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_array_equal
from scipy.spatial.distance import pdist
from sklearn.base import clone
from sklearn.callback import ProgressBar, ScoringMonitor
from sklearn.datasets import load_digits, load_iris, make_blobs
from sklearn.exceptions import NotFittedError
from sklearn.metrics import pairwise_distances
from sklearn.model_selection import GridSearchCV, cross_val_score, cross_validate
from sklearn.neighbors import (
    KNeighborsClassifier,
    KNeighborsTransformer,
    kneighbors_graph,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import parametrize_with_checks
from torch import nn

import skmanifold
from skmanifold import DLME
from skmanifold.metrics import trustworthiness
from skmanifold.training import TrainingOptions

QUICK = dict(max_epochs=2, batch_size=32, random_state=0)


def quick(**options):
    return DLME(**{**QUICK, **options})


@pytest.fixture(scope="module")
def iris():
    return load_iris(return_X_y=True)


@pytest.fixture(scope="module")
def digits():
    return load_digits(return_X_y=True)


@pytest.fixture(scope="module")
def fitted_digits(digits):
    """The default estimator on raw digits, fitted once for all tests."""
    return DLME(random_state=0).fit(digits[0])


# -- scikit-learn's law


@parametrize_with_checks(
    [
        DLME(),
        DLME(max_epochs=1, n_clusters=2),
        DLME(
            max_epochs=1,
            structure_layers=(512, 512),
            embedding_layers=(300,),
            training=TrainingOptions(precision="float32"),
        ),
    ]
)
@pytest.mark.filterwarnings("ignore:n_neighbors=.*:UserWarning")
@pytest.mark.filterwarnings("ignore:n_clusters=.*:UserWarning")
def test_check_estimator(estimator, check):
    check(estimator)


# -- quality: a coarse guard; the figures are measured by asv_bench/compare


def linear_svm_accuracy(Z, y):
    return cross_val_score(
        make_pipeline(StandardScaler(), SVC(kernel="linear")), Z, y, cv=5
    ).mean()


def test_digits_separate(digits, fitted_digits):
    assert linear_svm_accuracy(fitted_digits.embedding_, digits[1]) > 0.9


def test_new_data_land_among_their_like(digits):
    X, y = digits
    model = DLME(random_state=0).fit(X[:1200])
    svm = SVC(kernel="linear").fit(model.embedding_, y[:1200])
    assert svm.score(model.transform(X[1200:]), y[1200:]) > 0.8


def test_one_oversized_column_does_no_harm(digits):
    X, y = digits
    X = X.copy()
    X[:, 20] *= 1e4
    assert linear_svm_accuracy(DLME(random_state=0).fit_transform(X), y) > 0.85


def test_fifty_rows_train_long_enough(iris):
    X, y = iris
    Z = DLME(random_state=0).fit_transform(X[::3])
    assert linear_svm_accuracy(Z, y[::3]) > 0.85


# -- transform is a function


def test_fit_transform_is_transform(digits, fitted_digits):
    X = digits[0]
    Z = fitted_digits.embedding_
    assert_array_equal(fitted_digits.transform(X), Z)
    assert_array_equal(
        clone(fitted_digits).set_params(**QUICK).fit_transform(X),
        quick().fit(X).transform(X),
    )


@pytest.mark.parametrize("n_threads", [1, 2, 3])
def test_transform_of_any_rows_in_any_order(digits, fitted_digits, n_threads):
    X, Z = digits[0], fitted_digits.embedding_
    torch.set_num_threads(n_threads)
    order = np.random.RandomState(0).permutation(len(X))
    assert_array_equal(fitted_digits.transform(X[order]), Z[order])
    for rows in (slice(0, 1), slice(3, 260), slice(1000, None, 7)):
        assert_array_equal(fitted_digits.transform(X[rows]), Z[rows])


# -- seeds


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("batch_size", [300, 508])
def test_same_seed_same_bits_for_any_number_of_threads(digits, precision, batch_size):
    X = digits[0]

    def fit(n_threads, seed=0):
        torch.set_num_threads(n_threads)
        model = DLME(
            random_state=seed,
            max_epochs=2,
            batch_size=batch_size,
            training=TrainingOptions(precision=precision),
        )
        Z = model.fit_transform(X)
        assert torch.get_num_threads() == n_threads
        return Z

    one = fit(1)
    assert_array_equal(fit(2), one)
    assert_array_equal(fit(4), one)
    assert not np.array_equal(fit(1, seed=1), one)


def test_same_bits_in_threads(iris):
    X = iris[0]
    results = joblib.Parallel(n_jobs=4, prefer="threads")(
        joblib.delayed(quick(random_state=i % 2).fit_transform)(X) for i in range(4)
    )
    assert_array_equal(results[0], results[2])
    assert_array_equal(results[1], results[3])
    assert_array_equal(results[0], quick().fit_transform(X))


def test_random_state_instance_moves_on(iris):
    rng = np.random.RandomState(0)
    first = quick(random_state=rng).fit_transform(iris[0])
    second = quick(random_state=rng).fit_transform(iris[0])
    assert not np.array_equal(first, second)


# -- input of any habit


def test_float32_in_float32_out(iris):
    X = iris[0]
    assert quick().fit_transform(X.astype(np.float32)).dtype == np.float32
    model = quick().fit(X)
    assert model.embedding_.dtype == np.float64
    assert model.transform(X.astype(np.float32)).dtype == np.float32


def odd_data():
    rng = np.random.RandomState(0)
    X = rng.randn(40, 5)
    yield "duplicates", np.repeat(X[:5], 9, axis=0)
    yield "all rows equal", np.full((30, 3), 7.0)
    yield "constant columns", np.column_stack([X, np.ones(40), np.zeros(40)])
    yield "one column", X[:, :1]
    yield "tiny", X * 1e-8
    yield "huge", X * 1e8
    yield "offset", X + 1e6
    yield "wide", rng.randn(12, 3000)


@pytest.mark.parametrize("name, X", list(odd_data()), ids=lambda v: str(v)[:20])
def test_odd_but_valid(name, X):
    model = quick(max_epochs=20, batch_size=10)
    if name == "all rows equal":
        with pytest.warns(UserWarning, match="No column of X varies"):
            model.fit(X)
    else:
        model.fit(X)
    assert np.isfinite(model.embedding_).all()
    assert np.isfinite(model.history_["loss"]).all()
    if name == "all rows equal":
        assert_array_equal(model.embedding_, model.embedding_[[0]].repeat(30, axis=0))
    else:
        assert model.embedding_.std() > 0


@pytest.mark.parametrize("n_samples", [2, 3, 4, 5])
def test_few_rows_reduce_n_neighbors_with_one_warning(iris, n_samples):
    X = iris[0][::30][:n_samples]
    with pytest.warns(UserWarning) as caught:
        model = DLME(random_state=0).fit(X)
    assert [str(w.message) for w in caught] == [
        f"n_neighbors=5 needs more than the {n_samples} samples of X; using "
        f"n_neighbors={n_samples - 1}."
    ]
    assert np.isfinite(model.embedding_).all()
    assert model.n_neighbors == 5, "a parameter is never changed"


# -- bad input, one by one


def test_wrong_width_in_transform(iris):
    model = quick().fit(iris[0])
    with pytest.raises(ValueError, match="3 features, but DLME is expecting 4"):
        model.transform(iris[0][:, :3])
    with pytest.raises(ValueError, match="too large for float32"):
        model.transform(iris[0] * 1e200)


@pytest.mark.parametrize(
    "name, value",
    [
        ("n_components", 0),
        ("n_components", 2.5),
        ("n_neighbors", 0),
        ("alpha", 0.0),
        ("alpha", 1.5),
        ("nu_structure", 0),
        ("nu_embedding", -1.0),
        ("kernel", "gaussian"),
        ("repulsion", -1),
        ("repulsion", "strong"),
        ("repulsion_warmup", 1.5),
        ("damping", 0),
        ("augmentation", "crop"),
        ("norm", "group"),
        ("structure_dim", 0),
        ("encoder", "resnet"),
        ("neighbors_algorithm", "kd_tree"),
        ("n_clusters", 0),
        ("max_epochs", 0),
        ("max_epochs", "many"),
        ("batch_size", 1),
        ("learning_rate", 0.0),
        ("training", {"optimizer": "adamw"}),
        ("random_state", "zero"),
    ],
)
def test_bad_parameter_is_named(iris, name, value):
    with pytest.raises(ValueError, match=f"The '{name}' parameter of DLME must be"):
        quick(**{name: value}).fit(iris[0])


@pytest.mark.parametrize("name", ["structure_layers", "embedding_layers"])
@pytest.mark.parametrize("layers", [(0,), (16, -2), (2.5,)])
def test_bad_layers_are_named(iris, name, layers):
    with pytest.raises(ValueError, match=rf"{name}=.*must be a sequence of positive"):
        quick(**{name: layers}).fit(iris[0])


def test_bad_device_and_options(iris):
    with pytest.raises(ValueError, match="device='gpu' is not a device"):
        quick(device="gpu").fit(iris[0])
    options = TrainingOptions(weight_decay=-1)
    with pytest.raises(ValueError, match=r"The 'weight_decay' parameter of Training"):
        quick(training=options).fit(iris[0])


def test_divergence_is_reported(iris):
    model = quick(learning_rate=1e30, norm="none", max_epochs=50)
    with pytest.raises(ValueError, match=r"Training diverged.*Lower learning_rate"):
        model.fit(iris[0])
    assert not hasattr(model, "network_")


def test_not_fitted(iris):
    for method in ("transform", "structure"):
        with pytest.raises(NotFittedError):
            getattr(DLME(), method)(iris[0])


# -- the method's parameters


def test_structure_space(iris):
    model = quick(structure_dim=7).fit(iris[0])
    Y = model.structure(iris[0])
    assert Y.shape == (150, 7)
    with torch.no_grad():
        Z = model.network_.encoder.embedding(torch.from_numpy(Y).float())
    np.testing.assert_allclose(Z, model.embedding_, rtol=1e-4, atol=1e-5)


FLOAT32 = TrainingOptions(precision="float32")


@pytest.mark.parametrize(
    "options",
    [
        dict(augmentation="mix"),
        dict(augmentation="none"),
        dict(alpha=0.5),
        dict(nu_structure=1.0),
        dict(nu_embedding=1.0),
        dict(kernel="density"),
        dict(repulsion=None),
        dict(repulsion=0.0),
        dict(repulsion_warmup=0.0),
        dict(damping=None),
        dict(structure_gradient=True, nu_structure=1.0),
        dict(structure_layers=(64,)),
        dict(structure_layers=()),
        dict(structure_dim=8),
        dict(embedding_layers=(16,)),
        dict(norm="none"),
        dict(norm="batch"),
        dict(n_neighbors=20),
        dict(metric="manhattan"),
        dict(metric="cosine"),
        dict(learning_rate=1e-3),
        dict(batch_size=20),
        dict(max_epochs=3),
    ],
    ids=str,
)
def test_each_option_changes_the_result(iris, options):
    # where structure_gradient is tested, nu_structure must not be what changes it
    base = {k: options[k] for k in ("nu_structure",) if len(options) > 1}
    Z = quick(training=FLOAT32, **options).fit_transform(iris[0])
    assert Z.shape == (150, 2)
    assert np.isfinite(Z).all()
    assert not np.array_equal(Z, quick(training=FLOAT32, **base).fit_transform(iris[0]))


@pytest.mark.parametrize(
    "options",
    [
        dict(optimizer="muon"),
        dict(weight_decay=0.5),
        dict(warmup=0.5),
        dict(schedule="constant"),
        dict(schedule="linear"),
        dict(gradient_clip=1e-3),
        dict(precision="bfloat16"),
        dict(min_steps=20),
    ],
    ids=str,
)
def test_each_training_option_changes_the_result(iris, options):
    training = TrainingOptions(**{"precision": "float32", **options})
    Z = quick(training=training).fit_transform(iris[0])
    assert np.isfinite(Z).all()
    assert not np.array_equal(Z, quick(training=FLOAT32).fit_transform(iris[0]))


@pytest.mark.parametrize("n_components", [1, 5])
def test_n_components(iris, n_components):
    model = quick(n_components=n_components).fit(iris[0])
    assert model.transform(iris[0]).shape == (150, n_components)
    assert len(model.get_feature_names_out()) == n_components


@pytest.mark.parametrize("n_threads", [1, 3, None])
def test_n_threads_changes_no_bit(digits, n_threads):
    torch.set_num_threads(2)
    training = TrainingOptions(n_threads=n_threads)
    model = quick(batch_size=500, training=training).fit(digits[0])
    assert torch.get_num_threads() == 2
    torch.set_num_threads(1)
    alone = quick(batch_size=500).fit(digits[0])
    assert np.array_equal(model.embedding_, alone.embedding_)


@pytest.mark.parametrize("kernel", ["max", "density"])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_structure_gradient_trains(iris, kernel, precision):
    training = TrainingOptions(precision=precision)
    model = quick(structure_gradient=True, kernel=kernel, training=training)
    assert np.isfinite(model.fit_transform(iris[0])).all()


def test_structure_gradient_reaches_the_structure_network_through_p(iris):
    """With q held still, only the gradient into p can move the structure network."""
    from skmanifold.estimators._dlme import DLMEObjective
    from skmanifold.nn import MLP

    x = torch.randn(2, 12, 3, generator=torch.Generator().manual_seed(0))
    for wanted in (False, True):
        torch.manual_seed(0)
        objective = DLMEObjective(
            nn.Sequential(
                OrderedDict(structure=MLP(3, 4, norm="none"), embedding=nn.Linear(4, 2))
            ),
            alpha=1.0,
            nu_structure=1.0,
            nu_embedding=0.01,
            kernel="max",
            repulsion=5.0,
            repulsion_warmup=0.0,
            damping=1.0,
            structure_gradient=wanted,
        )
        with torch.no_grad():
            objective.encoder.embedding.weight.zero_()
        sum(objective(tuple(x), 0.5).values()).backward()
        moved = objective.encoder.structure.head.weight.grad
        assert (moved is not None and bool(moved.abs().sum() > 0)) is wanted


def test_augmentation_callable_is_called_and_checked(iris):
    seen = []

    def jitter(x):
        seen.append(x.shape)
        return x + 0.05 * torch.randn_like(x)

    state = torch.get_rng_state()
    Z = quick(augmentation=jitter).fit_transform(iris[0])
    assert torch.equal(state, torch.get_rng_state())
    assert set(seen) == {(30, 4)}
    assert_array_equal(Z, quick(augmentation=jitter).fit_transform(iris[0]))


@pytest.mark.parametrize(
    "augmentation, came",
    [
        (lambda x: x[:, :2], r"a torch.float32 tensor of shape \(30, 2\)"),
        (lambda x: x.double(), r"a torch.float64 tensor of shape \(30, 4\)"),
        (lambda x: x.numpy(), "an object of type ndarray"),
    ],
)
def test_unfit_augmentation(iris, augmentation, came):
    with pytest.raises(ValueError, match=f"augmentation returned {came}"):
        quick(augmentation=augmentation).fit(iris[0])


def test_augmentation_in_place_reaches_one_view_only(iris):
    expected = quick(augmentation=lambda x: x + 0.1).fit_transform(iris[0])
    in_place = quick(augmentation=lambda x: x.add_(0.1)).fit_transform(iris[0])
    assert_array_equal(in_place, expected)


def test_own_graph_of_the_same_neighbors_gives_the_same_bits():
    # columns of one scale, so that raw and scaled rows have the same neighbours
    X = np.random.RandomState(0).rand(60, 4)
    expected = quick(n_neighbors=4).fit_transform(X)
    graph = kneighbors_graph(X, 4, mode="distance")
    own = quick(connectivity=graph, n_neighbors=99).fit_transform(X)
    assert_array_equal(own, expected)
    # the transformer counts each row itself as its first neighbour
    transformer = KNeighborsTransformer(n_neighbors=4, mode="distance")
    made = quick(connectivity=transformer.fit_transform).fit_transform(X)
    assert_array_equal(made, expected)


def test_own_graph_of_the_wrong_shape(iris):
    graph = kneighbors_graph(iris[0][:10], 3)
    with pytest.raises(ValueError, match=r"\(10, 10\)"):
        quick(connectivity=graph).fit(iris[0])


def test_connected_components_are_reported():
    X, _ = make_blobs(60, 3, centers=[[0] * 3, [1e3] * 3], random_state=0)
    assert quick().fit(X).n_connected_components_ == 2
    assert quick(n_neighbors=40).fit(X).n_connected_components_ == 1
    assert not hasattr(quick(augmentation="none").fit(X), "n_connected_components_")


# -- a network of one's own


def test_encoder_instance_is_copied(iris):
    torch.manual_seed(0)
    encoder = nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Dropout(0.2))
    before = {k: v.clone() for k, v in encoder.state_dict().items()}
    model = quick(encoder=encoder, structure_dim=16)
    Z = model.fit_transform(iris[0])
    assert encoder.training
    for name, value in encoder.state_dict().items():
        assert torch.equal(value, before[name])
    assert model.encoder is encoder
    assert_array_equal(clone(model).fit_transform(iris[0]), Z)
    assert model.structure(iris[0]).shape == (150, 16)


def test_encoder_factory_is_seeded(iris):
    def factory(n_in, n_out):
        return nn.Linear(n_in, n_out)

    a = quick(encoder=factory).fit_transform(iris[0])
    assert_array_equal(a, quick(encoder=factory).fit_transform(iris[0]))
    assert not np.array_equal(
        a, quick(encoder=factory, random_state=1).fit_transform(iris[0])
    )


@pytest.mark.parametrize(
    "encoder, error, match",
    [
        (nn.Linear(4, 9), ValueError, r"shape \(2, 9\), but shape \(2, 64\) is needed"),
        (nn.Linear(5, 64), ValueError, r"could not map an input of shape \(2, 4\)"),
        (lambda a, b: "network", TypeError, "must return a torch.nn.Module"),
    ],
)
def test_unfit_encoder_is_found_before_training(iris, encoder, error, match):
    with pytest.raises(error, match=match):
        quick(encoder=encoder).fit(iris[0])


def test_encoder_that_returns_nan(iris):
    class Broken(nn.Linear):
        def forward(self, x):
            return super().forward(x) * torch.nan

    with pytest.raises(ValueError, match=r"Training diverged.*finite values"):
        quick(encoder=Broken(4, 64)).fit(iris[0])


# -- clusters


def test_n_clusters(digits, fitted_digits):
    X = digits[0]
    assert not hasattr(fitted_digits, "predict")
    model = quick(n_clusters=4).fit(X)
    assert set(model.labels_) == set(range(4))
    assert_array_equal(model.predict(X), model.labels_)
    assert_array_equal(model.predict(X[5:9]), model.labels_[5:9])
    assert_array_equal(clone(model).fit_predict(X), model.labels_)


def test_fit_predict_without_n_clusters(iris):
    model = quick()
    labels = model.fit_predict(iris[0])
    assert set(labels) == set(range(8))
    assert_array_equal(model.labels_, labels)
    model.fit(iris[0])
    assert not hasattr(model, "labels_")
    with pytest.raises(AttributeError, match="has no predict: set n_clusters to an"):
        model.predict  # noqa: B018


def test_no_way_back_names_the_methods_that_have_one(iris):
    model = quick()
    assert not hasattr(model, "inverse_transform")
    with pytest.raises(AttributeError, match="no way back to the data") as caught:
        model.fit(iris[0]).inverse_transform(iris[0])
    named = set(re.findall(r"\w+", str(caught.value))) & set(skmanifold._ESTIMATORS)
    assert named == {"DLME"} | {
        name
        for name in skmanifold._ESTIMATORS
        if hasattr(getattr(skmanifold, name), "inverse_transform")
    }
    with pytest.raises(AttributeError, match="no attribute 'invert'"):
        model.invert  # noqa: B018


def test_predict_after_a_fit_without_clusters(iris):
    model = quick(n_clusters=3).fit(iris[0])
    model.set_params(n_clusters=None).fit(iris[0])
    model.set_params(n_clusters=3)
    with pytest.raises(NotFittedError, match="Call fit again"):
        model.predict(iris[0])


def test_more_clusters_than_rows(iris):
    with pytest.warns(UserWarning, match="n_clusters=20 is more than the 12 samples"):
        model = quick(n_clusters=20, batch_size=12).fit(iris[0][:12])
    assert len(model.labels_) == 12


# -- scikit-learn around it


def test_pipeline_under_cross_validate(iris):
    pipeline = make_pipeline(
        StandardScaler(), DLME(random_state=0, max_epochs=60), LinearSVC()
    )
    scores = cross_validate(pipeline, *iris, cv=3)["test_score"]
    assert scores.mean() > 0.8


def test_grid_search_in_parallel(iris):
    X, y = iris
    grid = GridSearchCV(
        make_pipeline(quick(training=TrainingOptions()), SVC()),
        {"dlme__n_components": [1, 2], "dlme__training__weight_decay": [0.0, 0.1]},
        cv=2,
        n_jobs=2,
    )
    grid.fit(X, y)
    assert len(grid.cv_results_["params"]) == 4
    assert np.isfinite(grid.cv_results_["mean_test_score"]).all()


@pytest.mark.parametrize("container", ["pandas", "polars"])
def test_set_output(iris, container):
    model = quick().set_output(transform=container)
    Z = model.fit_transform(pd.DataFrame(iris[0], columns=list("abcd")))
    assert list(Z.columns) == ["dlme0", "dlme1"]
    assert list(model.get_feature_names_out()) == ["dlme0", "dlme1"]
    assert_array_equal(model.feature_names_in_, list("abcd"))
    assert_array_equal(Z.to_numpy(), model.embedding_)


def test_warm_start_goes_on(iris):
    X = iris[0]
    model = quick(warm_start=True, max_epochs=30).fit(X)
    first = model.history_["loss"][-1]
    before = {k: v.clone() for k, v in model.network_.named_parameters()}
    model.set_params(max_epochs=1, learning_rate=1e-9).fit(X)
    for name, value in model.network_.named_parameters():
        torch.testing.assert_close(value, before[name], rtol=1e-3, atol=1e-5)
    assert model.history_["loss"][0] < first * 1.5
    cold = quick(max_epochs=1, learning_rate=1e-9).fit(X)
    assert cold.history_["loss"][0] > model.history_["loss"][0]
    with pytest.raises(ValueError, match="features"):
        model.fit(X[:, :2])
    with pytest.raises(ValueError, match="goes on from the networks"):
        model.set_params(n_components=3).fit(X)


# -- feedback


def test_history(iris):
    model = quick(max_epochs=3).fit(iris[0])
    assert model.n_iter_ == 3
    assert set(model.history_) == {
        "loss",
        "positive",
        "negative",
        "learning_rate_factor",
    }
    for values in model.history_.values():
        assert len(values) == 3 and all(isinstance(v, float) for v in values)
    np.testing.assert_allclose(
        model.history_["loss"],
        np.add(model.history_["positive"], model.history_["negative"]),
    )


def test_silent_by_default_and_verbose_on_request(iris, capsys):
    quick().fit(iris[0])
    assert capsys.readouterr().out == ""
    quick(verbose=True, max_epochs=40).fit(iris[0])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 10
    assert lines[-1].startswith("[DLME] epoch 40/40, loss ")


class Recorder:
    """A callback in scikit-learn's protocol."""

    def __init__(self, stop_after=None):
        self.stop_after = stop_after
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
        return context.task_name == "epoch" and context.task_id + 1 == self.stop_after


def test_callbacks_are_called_per_epoch(iris):
    recorder = Recorder()
    quick().set_callbacks(recorder).fit(iris[0])
    epoch = ["begin epoch", "end epoch"]
    assert recorder.calls == ["setup", "begin fit", *epoch * 2, "end fit", "teardown"]


def test_a_callback_may_stop(iris):
    model = quick(max_epochs=9).set_callbacks(Recorder(stop_after=2)).fit(iris[0])
    assert model.n_iter_ == len(model.history_["loss"]) == 2
    assert model.transform(iris[0]).shape == (150, 2)


def test_a_failing_callback_is_torn_down_and_leaves_nothing(iris):
    class Failing(Recorder):
        def on_fit_task_end(self, estimator, context):
            raise KeyboardInterrupt

    failing = Failing()
    model = quick().set_callbacks(failing)
    with pytest.raises(KeyboardInterrupt):
        model.fit(iris[0])
    assert failing.calls[-1] == "teardown"
    with pytest.raises(NotFittedError):
        model.transform(iris[0])


def test_a_callback_that_fails_last_leaves_the_previous_fit(iris):
    class Late(Recorder):
        def on_fit_task_end(self, estimator, context):
            if context.task_name == "fit":
                raise RuntimeError("late")

    model = quick(n_clusters=2).fit(iris[0])
    before = model.transform(iris[0]), model.predict(iris[0])
    with pytest.raises(RuntimeError, match="late"):
        model.set_callbacks(Late()).fit(iris[0] * [1, 5, 1, 9])
    assert_array_equal(model.transform(iris[0]), before[0])
    assert_array_equal(model.predict(iris[0]), before[1])


def test_progress_bar(iris, capsys):
    quick().set_callbacks(ProgressBar()).fit(iris[0])
    assert "DLME - fit" in capsys.readouterr().out


def silhouette(estimator, X, y):
    from sklearn.metrics import silhouette_score

    return silhouette_score(estimator.transform(X), y)


def test_scoring_monitor(iris):
    X = pd.DataFrame(iris[0], columns=list("abcd"))
    monitor = ScoringMonitor(scoring={"score": silhouette})
    model = quick(max_epochs=3).set_callbacks(monitor).fit(X, iris[1])
    log = monitor.get_logs().data
    scores = [row["score"] for row in log if row["task_name"] == "epoch"]
    assert len(scores) == 3
    assert scores[-1] == pytest.approx(silhouette(model, X, iris[1]))


def test_scoring_monitor_sees_clusters_and_containers(iris):
    monitor = ScoringMonitor(scoring="adjusted_rand_score")
    model = quick(n_clusters=3).set_output(transform="pandas").set_callbacks(monitor)
    model.fit(*iris)
    assert len([r for r in monitor.get_logs().data if r["task_name"] == "epoch"]) == 2

    class Look(Recorder):
        def on_fit_task_end(self, estimator, context, *, X=None, fitted_estimator=None):
            assert len(fitted_estimator.embedding_) == len(fitted_estimator.labels_)
            assert len(fitted_estimator.embedding_) == len(X)
            assert list(fitted_estimator.transform(X).columns) == ["dlme0", "dlme1"]

    model.set_callbacks(Look()).fit(iris[0][:40])


@pytest.mark.filterwarnings("ignore:The estimator SVC does not support callbacks")
def test_callbacks_inside_pipeline_and_grid_search(iris, capsys):
    X, y = iris
    pipeline = make_pipeline(quick(), SVC())
    pipeline.set_callbacks(ProgressBar()).fit(X, y)
    assert "DLME - fit" in capsys.readouterr().out
    grid = GridSearchCV(pipeline.set_callbacks(), {"dlme__n_components": [1, 2]}, cv=2)
    grid.set_callbacks(ProgressBar(max_propagation_depth=None)).fit(X, y)
    assert "DLME - fit" in capsys.readouterr().out


# -- training options


def test_min_steps(iris):
    options = TrainingOptions(min_steps=23)
    model = quick(max_epochs=1, training=options).fit(iris[0])
    assert model.n_iter_ == 5  # of 150 // 32 rounded to 5 steps each


def test_early_stopping(iris):
    options = TrainingOptions(n_iter_no_change=2, tol=0.5)
    model = quick(max_epochs=50, training=options, repulsion_warmup=0.0)
    assert model.fit(iris[0]).n_iter_ < 20
    # the loss rises with the repulsion: those epochs do not count
    model.set_params(repulsion_warmup=0.7)
    assert 35 < model.fit(iris[0]).n_iter_ < 45


def test_interrupted_fit_resumes_bit_for_bit(iris, tmp_path):
    X = iris[0]
    path = tmp_path / "fit.pt"

    class Interrupt(Recorder):
        def on_fit_task_end(self, estimator, context):
            if context.task_id == 2:
                raise KeyboardInterrupt

    options = TrainingOptions(checkpoint=path)
    model = quick(max_epochs=5, training=options)
    with pytest.raises(KeyboardInterrupt):
        clone(model).set_callbacks(Interrupt()).fit(X)
    assert path.exists()
    with pytest.raises(ValueError, match="a fit with other data"):
        model.fit(X + 1)
    resumed = clone(model).fit(X)
    assert not path.exists()
    uninterrupted = quick(max_epochs=5).fit(X)
    assert_array_equal(resumed.embedding_, uninterrupted.embedding_)
    assert resumed.history_ == uninterrupted.history_


@pytest.mark.parametrize(
    "options",
    [
        dict(augmentation=torch.nn.functional.dropout),
        dict(encoder=nn.Sequential(nn.Linear(4, 64), nn.Dropout(0.3))),
    ],
)
def test_resume_with_draws_from_the_global_generator(iris, tmp_path, options):
    class Interrupt(Recorder):
        def on_fit_task_end(self, estimator, context):
            if context.task_id == 2:
                raise KeyboardInterrupt

    training = TrainingOptions(checkpoint=tmp_path / "fit.pt")
    torch.manual_seed(0)
    model = quick(max_epochs=5, training=training, **options)
    with pytest.raises(KeyboardInterrupt):
        clone(model).set_callbacks(Interrupt()).fit(iris[0])
    resumed = clone(model).fit_transform(iris[0])
    whole = quick(max_epochs=5, **options).fit_transform(iris[0])
    assert_array_equal(resumed, whole)


def test_a_fit_that_had_stopped_early_is_not_trained_on(iris, tmp_path):
    class StopThenFail(Recorder):
        def on_fit_task_end(self, estimator, context):
            if context.task_name == "fit":
                raise KeyboardInterrupt
            return context.task_id == 2

    training = TrainingOptions(checkpoint=tmp_path / "fit.pt")
    model = quick(max_epochs=9, training=training)
    with pytest.raises(KeyboardInterrupt):
        clone(model).set_callbacks(StopThenFail()).fit(iris[0])
    resumed = clone(model).fit(iris[0])
    assert resumed.n_iter_ == 3


def test_checkpoint_needs_recognisable_parameters(iris, tmp_path):
    training = TrainingOptions(checkpoint=tmp_path / "fit.pt")
    with pytest.raises(ValueError, match=r"augmentation=.*top level of a module"):
        quick(training=training, augmentation=lambda x: x).fit(iris[0])
    training = TrainingOptions(checkpoint=tmp_path / "absent" / "fit.pt")
    with pytest.raises(ValueError, match="folder that does not exist"):
        quick(training=training).fit(iris[0])


def test_resume_without_a_seed_goes_on_with_the_seed_of_the_file(iris, tmp_path):
    path = tmp_path / "fit.pt"

    class Interrupt(Recorder):
        def on_fit_task_end(self, estimator, context):
            if context.task_id == 1:
                raise KeyboardInterrupt

    model = quick(
        max_epochs=3, random_state=None, training=TrainingOptions(checkpoint=path)
    )
    with pytest.raises(KeyboardInterrupt):
        clone(model).set_callbacks(Interrupt()).fit(iris[0])
    copy = path.read_bytes()
    first = model.fit_transform(iris[0])
    path.write_bytes(copy)
    assert_array_equal(clone(model).fit_transform(iris[0]), first)


# Copies, strangers, distances -------------------------------------------------


def test_many_copies_give_about_the_map_of_the_distinct_samples():
    U = load_digits().data[:60]
    copies = np.random.RandomState(0).randint(1, 40, size=60)
    model = DLME(random_state=0).fit(np.repeat(U, copies, axis=0))
    alone = DLME(random_state=0).fit_transform(U)
    assert model.n_connected_components_ == 1
    expected = trustworthiness(U, alone)
    assert trustworthiness(U, model.transform(U)) > expected - 0.05


@pytest.mark.parametrize("metric", ["jaccard", "euclidean"])
def test_samples_that_share_nothing_are_placed_apart(metric):
    rng = np.random.RandomState(0)
    X = np.zeros((180, 40 + 5 * 30))
    for i in range(150):
        X[i, i % 2 * 20 + rng.choice(20, 7, replace=False)] = 1
    for i in range(30):
        X[150 + i, 40 + 5 * i : 45 + 5 * i] = 1
    model = DLME(metric=metric, random_state=0)
    with pytest.warns(UserWarning, match=r"^30 of the 180 samples.*: 150, 151"):
        Z = model.fit_transform(X)
    assert model.n_connected_components_ == 32
    away = [np.median(pdist(part)) for part in (Z[150:], Z[:150:2], Z[1:150:2])]
    assert away[0] > 3 * max(away[1:])
    np.testing.assert_array_equal(model.transform(X[::-1])[::-1], Z)


@pytest.mark.parametrize("n_columns, reads_all", [(9000, True), (20_000, False)])
def test_wide_tables_of_few_samples_keep_what_is_apart(n_columns, reads_all):
    rng = np.random.RandomState(0)
    X = np.zeros((120, n_columns))
    for i in range(100):
        X[i, rng.choice(20, 7, replace=False)] = 1
    X[:100, 200:] = rng.rand(100, n_columns - 200) < 1e-3
    for i in range(20):
        X[100 + i, 40 + 5 * i : 45 + 5 * i] = 1
    model = quick(max_epochs=1)
    with pytest.warns(UserWarning, match=r"^20 of the 120 samples"):
        model.fit(X)
    assert (model._scaler.basis_ is None) == reads_all


class TestPrecomputed:
    X, y = load_digits(return_X_y=True)
    X, y = X[:500], y[:500]

    def fit(self, D, **params):
        return quick(metric="precomputed", max_epochs=40, **params).fit(D)

    @pytest.mark.parametrize("kind", ["dense", "sparse"])
    def test_distances_are_as_good_as_features(self, kind):
        D = pairwise_distances(self.X)
        if kind == "sparse":
            D = kneighbors_graph(D, 15, metric="precomputed", mode="distance")
        model = DLME(metric="precomputed", random_state=0).fit(D)
        assert trustworthiness(self.X, model.embedding_) > 0.96
        np.testing.assert_array_equal(model.transform(D), model.embedding_)
        np.testing.assert_array_equal(model.transform(D[7:30]), model.embedding_[7:30])
        assert model.n_features_in_ == 500

    @pytest.mark.parametrize("kind", ["dense", "sparse"])
    def test_new_samples(self, kind):
        known = np.arange(500) % 2 == 0
        if kind == "dense":
            D = pairwise_distances(self.X, self.X[known])
            D, D_new = D[known], D[~known]
        else:
            search = KNeighborsTransformer(n_neighbors=10).fit(self.X[known])
            D = search.transform(self.X[known])
            D_new = search.transform(self.X[~known])
        scores = []
        for metric, here, new in [
            ("precomputed", D, D_new),
            ("euclidean", self.X[known], self.X[~known]),
        ]:
            model = DLME(metric=metric, random_state=0).fit(here)
            classifier = KNeighborsClassifier(5).fit(model.embedding_, self.y[known])
            scores.append(classifier.score(model.transform(new), self.y[~known]))
        assert scores[0] > scores[1] - 0.1, "about as good as with features"

    def test_distances_of_strings(self):
        rng = np.random.RandomState(0)
        words = ["".join(rng.choice(list(part), 6)) for part in ["abc", "xyz"] * 60]
        D = np.array(
            [
                [sum(a != b for a, b in zip(v, w, strict=True)) for w in words]
                for v in words
            ]
        )
        model = DLME(metric="precomputed", random_state=0).fit(D)
        score = trustworthiness(D, model.embedding_, metric="precomputed")
        assert score > 0.85

    def test_of_copies(self):
        D = pairwise_distances(np.repeat(self.X[:50], 20, axis=0))
        assert self.fit(D).n_connected_components_ == 1

    def test_travels(self, tmp_path):
        graph = kneighbors_graph(self.X, 8, mode="distance")
        for D in [pairwise_distances(self.X), graph]:
            model = self.fit(D)
            again = pickle.loads(pickle.dumps(model))
            np.testing.assert_array_equal(again.transform(D), model.embedding_)
            model.save(tmp_path / "model")
            again = skmanifold.load(tmp_path / "model")
            np.testing.assert_array_equal(again.transform(D), model.embedding_)

    def test_warm_start(self):
        D = pairwise_distances(self.X)
        model = self.fit(D, warm_start=True)
        first = model.embedding_
        assert not np.array_equal(model.fit(D).embedding_, first)
        with pytest.raises(ValueError, match="square"):
            model.fit(D[:100])

    def test_is_pairwise(self):
        assert get_tags(quick(metric="precomputed")).input_tags.pairwise
        assert not get_tags(quick()).input_tags.pairwise

    @pytest.mark.parametrize(
        "change, match",
        [
            (lambda D: D[:, :-1], "square"),
            (lambda D: np.exp(-D), "diagonal"),
            (lambda D: -D, "negative"),
            (lambda D: np.where(D > 50, np.inf, D), "infinite"),
            (lambda D: np.where(D > 50, np.nan, D), "NaN"),
        ],
    )
    def test_what_is_no_distance(self, change, match):
        D = pairwise_distances(self.X)
        with pytest.raises(ValueError, match=match):
            self.fit(change(D))
        model = self.fit(D)
        if match not in ("square", "diagonal"):
            with pytest.raises(ValueError, match=match):
                model.transform(change(D))

    def test_what_cannot_be_had(self):
        D = pairwise_distances(self.X)
        with pytest.raises(ValueError, match="a part has no distances"):
            quick(metric="precomputed").partial_fit(D)
        with pytest.raises(ValueError, match=r"sparse.*all samples"):
            self.fit(D).transform(kneighbors_graph(self.X, 8, mode="distance"))
