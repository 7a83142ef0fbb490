# SPDX-License-Identifier: BSD-3-Clause

"""Pickles, and files without code."""

import dataclasses
import inspect
import os
import pickle
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_array_equal
from scipy import sparse
from sklearn.callback import ProgressBar
from sklearn.datasets import load_digits, load_iris
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.metrics import pairwise_distances
from sklearn.neighbors import KNeighborsTransformer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer
from torch import nn

import skmanifold
from skmanifold import DLME, load
from skmanifold.training import TrainingOptions
from tests.guests import LinearAutoencoder, NeuralPCA

ESTIMATORS = [getattr(skmanifold, name) for name in skmanifold._ESTIMATORS]


def digits(n_rows=120):
    X, y = load_digits(return_X_y=True)
    return X[:n_rows], y[:n_rows]


def fitted(estimator_class, **parameters):
    """An estimator after two epochs."""
    accepted = inspect.signature(estimator_class).parameters
    if "n_clusters" in accepted:
        parameters.setdefault("n_clusters", 3)
    parameters = {"max_epochs": 2, "random_state": 0, **parameters}
    return estimator_class(**parameters).fit(*digits())


def assert_same_model(a, b):
    """The same class, parameters, attributes and bits."""
    assert type(a) is type(b)
    assert vars(a).keys() == vars(b).keys()
    assert repr(a) == repr(b)
    X, _ = digits()
    methods = ("transform", "predict", "predict_proba", "reconstruct", "structure")
    methods += ("score_samples",)
    for name in methods:
        if hasattr(a, name):
            assert_array_equal(getattr(a, name)(X), getattr(b, name)(X), strict=True)
    for name, value in vars(a).items():
        if isinstance(value, np.ndarray):
            assert_array_equal(value, vars(b)[name], strict=True)
        elif isinstance(value, nn.Module):
            theirs = vars(b)[name].state_dict()
            assert value.state_dict().keys() == theirs.keys()
            assert not any(m.training for m in vars(b)[name].modules())
            assert not any(p.requires_grad for p in vars(b)[name].parameters())
        elif name.endswith("_") or name in a.get_params():
            assert type(value) is type(vars(b)[name])
            assert value == vars(b)[name] or isinstance(value, TrainingOptions), name


class Linear(nn.Module):
    """A user's network."""

    def __init__(self, n_in, n_out, activation=torch.tanh):
        super().__init__()
        self.layer = nn.Linear(n_in, n_out)
        self.activation = activation

    def forward(self, x):
        return self.activation(self.layer(x))


def make_linear(n_in, n_out):
    return nn.Sequential(nn.Linear(n_in, 20), nn.GELU(), Linear(20, n_out))


def test_a_pickle_holds_no_training_data():
    """A model of 4,200 samples is larger than one of 1,500 by its embedding and labels.

    From 1,024 samples on, the number of centers for ``score_samples`` is constant.
    """
    X = np.random.RandomState(0).normal(size=(4200, 60))
    model = DLME(max_epochs=1, random_state=0, structure_layers=(16,))
    small, large = (len(pickle.dumps(model.fit(X[:n]))) for n in (1500, 4200))
    assert large - small < 1.2 * 2700 * 2 * 8


# Files of data alone ----------------------------------------------------------


@pytest.mark.parametrize("estimator_class", ESTIMATORS)
def test_a_loaded_estimator_is_the_saved_one(estimator_class, tmp_path):
    model = fitted(estimator_class)
    model.save(tmp_path / "model.safetensors")
    again = load(str(tmp_path / "model.safetensors"))
    assert_same_model(model, again)
    # little but the weights and the embedding
    networks = [v for v in vars(model).values() if isinstance(v, nn.Module)]
    weights = {t for n in networks for t in n.state_dict().values()}
    size = sum(t.nbytes for t in weights) + model.embedding_.nbytes
    assert (tmp_path / "model.safetensors").stat().st_size < 1.2 * size + 40_000
    assert os.listdir(tmp_path) == ["model.safetensors"]
    # and so does what was loaded
    again.save(tmp_path / "again.safetensors")
    assert_same_model(model, load(tmp_path / "again.safetensors"))


IMAGES = {"image_shape": (8, 8)}
VARIANTS = {
    "DLME of wide data": (DLME(), 20),
    "IsometricAE of wide data": (skmanifold.IsometricAE(), 20),
    "IsometricAE of images": (skmanifold.IsometricAE(**IMAGES), 120),
    "DCRL of images": (
        skmanifold.DCRL(3, representation_epochs=1, pretraining_epochs=1, **IMAGES),
        120,
    ),
    "AtlasAE of few rows": (skmanifold.AtlasAE(n_charts=40), 20),
    "AtlasAE as a GAN": (skmanifold.AtlasAE(divergence="gan"), 120),
    "MSimCLR of images": (skmanifold.MSimCLR(**IMAGES), 120),
    "AtlasTriplet of images": (skmanifold.AtlasTriplet(**IMAGES), 120),
}


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("variant", VARIANTS)
def test_networks_of_other_sizes_are_loaded(variant, tmp_path):
    model, n_rows = VARIANTS[variant]
    X, y = digits(n_rows)
    model.set_params(max_epochs=1, random_state=0).fit(X, y)
    model.save(tmp_path / "model")
    again = load(tmp_path / "model")
    assert_same_model(model, again)
    Z = model.transform(X)
    if hasattr(model, "inverse_transform"):
        assert_array_equal(again.inverse_transform(Z), model.inverse_transform(Z))
    if hasattr(model, "kneighbors"):
        for ours, theirs in zip(model.kneighbors(X), again.kneighbors(X), strict=True):
            assert_array_equal(ours, theirs)
    # a later fit goes on from it
    for fitted in (model, again):
        fitted.set_params(warm_start=True, random_state=1).fit(X, y)
    assert_array_equal(again.embedding_, model.embedding_)


def test_parameters_of_any_type_are_kept(tmp_path):
    X, _ = digits()
    graph = KNeighborsTransformer(n_neighbors=3).fit_transform(X)
    model = DLME(
        structure_layers=np.array([16, 8]),
        embedding_layers=[],
        connectivity=graph,
        nu_structure=np.float32(50.0),
        n_neighbors=np.int64(3),
        damping=None,
        device=torch.device("cpu"),
        training=TrainingOptions(optimizer="muon", checkpoint=tmp_path / "fit.pt"),
        random_state=np.random.RandomState(3),
        max_epochs=1,
    ).fit(X)
    model.save(tmp_path / "model")
    again = load(tmp_path / "model")
    ours, theirs = model.get_params(), again.get_params()
    assert_array_equal(ours.pop("structure_layers"), theirs.pop("structure_layers"))
    assert type(theirs["connectivity"]) is type(graph)
    assert abs(ours.pop("connectivity") - theirs.pop("connectivity")).max() == 0
    assert type(theirs["nu_structure"]) is np.float32
    assert_array_equal(
        ours.pop("random_state").rand(5), theirs.pop("random_state").rand(5)
    )
    ours.pop("training")
    assert isinstance(theirs.pop("training"), TrainingOptions)
    assert ours == theirs
    # refits to the same bits
    model.set_params(random_state=1).fit(X)
    assert_array_equal(
        again.set_params(random_state=1).fit_transform(X), model.embedding_
    )


@pytest.mark.parametrize("kind", ["csr", "csc", "coo", "lil"])
def test_sparse_parameters_keep_their_format(kind, tmp_path):
    graph = sparse.csr_array(np.eye(120, k=1) + np.eye(120, k=-1)).asformat(kind)
    fitted(DLME, connectivity=graph, max_epochs=1).save(tmp_path / "model")
    again = load(tmp_path / "model").connectivity
    assert type(again) is type(graph)
    assert_array_equal(again.toarray(), graph.toarray())


def test_names_and_output_settings_are_kept(tmp_path):
    frame = load_iris(as_frame=True).data
    model = DLME(max_epochs=1).set_output(transform="pandas")
    model.set_callbacks(ProgressBar())
    model.fit(frame).save(tmp_path / "model")
    again = load(tmp_path / "model")
    assert again.transform(frame).equals(model.transform(frame))
    assert_array_equal(again.feature_names_in_, model.feature_names_in_, strict=True)
    with pytest.raises(ValueError, match="feature names"):
        again.transform(frame.rename(columns=str.upper))


def test_unfitted_estimators_are_not_saved(tmp_path):
    with pytest.raises(NotFittedError):
        DLME().save(tmp_path / "model")


def test_a_missing_folder_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="folder that does not exist"):
        fitted(DLME, max_epochs=1).save(tmp_path / "missing" / "model")
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "missing")


def test_a_failed_save_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "model"
    model = fitted(DLME, max_epochs=1)
    model.save(path)

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        fitted(DLME, max_epochs=1, structure_layers=(16,)).save(path)
    assert os.listdir(tmp_path) == ["model"]
    assert_same_model(model, load(path))


def test_values_that_cannot_be_stored_are_an_error(tmp_path):
    model = fitted(DLME, max_epochs=1)
    model.extra_ = object()
    with pytest.raises(TypeError, match=r"extra_ is a builtins.object, .* joblib.dump"):
        model.save(tmp_path / "model")
    model.extra_ = {"a": [1, {2: 3}]}
    with pytest.raises(TypeError, match=r"extra_\.a\.1 is a builtins.dict"):
        model.save(tmp_path / "model")
    del model.extra_
    model.network_.encoder.register_forward_hook(lambda module, x, y: 2 * y)
    with pytest.raises(TypeError, match=r"outputs differ.* joblib.dump or"):
        model.save(tmp_path / "model")
    # parameters that are not those of the fit
    model = fitted(DLME, max_epochs=1).set_params(structure_dim=5)
    with pytest.raises(TypeError, match=r"has shape \(5, .*not \(64, 128\)"):
        model.save(tmp_path / "model")
    assert not os.listdir(tmp_path)


# A user's own code ------------------------------------------------------------


@pytest.mark.parametrize("kind", ["all distances", "some distances", "metric_params"])
def test_distances_are_taken_again(kind, tmp_path):
    X, _ = load_iris(return_X_y=True)
    parameters = {"metric": "precomputed"}
    if kind == "all distances":
        X = pairwise_distances(X)
    elif kind == "some distances":
        X = KNeighborsTransformer(n_neighbors=12).fit_transform(X)
    else:
        parameters = {"metric": "seuclidean", "metric_params": {"V": X.var(axis=0)}}
    model = DLME(max_epochs=2, random_state=0, **parameters).fit(X)
    model.save(tmp_path / "model")
    again = load(tmp_path / "model")
    assert_array_equal(again.transform(X[:20]), model.transform(X[:20]))
    assert_array_equal(again.fit_transform(X), model.fit_transform(X))


@pytest.mark.parametrize("encoder", [Linear(64, 64), make_linear])
def test_own_networks_are_given_again(encoder, tmp_path):
    model = fitted(DLME, encoder=encoder, max_epochs=1)
    model.save(tmp_path / "model")
    again = load(tmp_path / "model", encoder=encoder)
    assert again.encoder is encoder
    X, _ = digits()
    assert_array_equal(again.transform(X), model.transform(X))
    assert_array_equal(again.fit_transform(X), model.fit_transform(X))
    with pytest.raises(TypeError, match=r"encoder was .* load\(.*, encoder=\.\.\.\)"):
        load(tmp_path / "model")


def test_own_networks_are_checked(tmp_path):
    fitted(DLME, encoder=Linear(64, 64), max_epochs=1).save(tmp_path / "model")
    path = tmp_path / "model"
    with pytest.raises(ValueError, match=r"encoder could not map .* \(2, 64\)"):
        load(path, encoder=Linear(32, 64))
    with pytest.raises(ValueError, match=r"to an output of shape \(2, 32\), but shape"):
        load(path, encoder=Linear(64, 32))
    with pytest.raises(
        ValueError, match=r"saved with a .*Linear: .*'structure.0.0.bias"
    ):
        load(path, encoder=nn.Sequential(nn.Linear(64, 64)))
    wider = nn.Sequential(nn.Linear(64, 20), nn.Linear(20, 64))
    fitted(DLME, encoder=wider, max_epochs=1).save(tmp_path / "wider")
    shape = r"'structure.0.0.bias' has shape \(30,\), not \(20,\)"
    with pytest.raises(ValueError, match=shape):
        load(
            tmp_path / "wider",
            encoder=nn.Sequential(nn.Linear(64, 30), nn.Linear(30, 64)),
        )
    with pytest.raises(ValueError, match="outputs differ"):
        load(path, encoder=Linear(64, 64, activation=torch.sigmoid))
    with pytest.raises(ValueError, match="encoder does not fit the file"):
        load(path, encoder=None)
    with pytest.raises(TypeError, match="n_neighbors cannot be given"):
        load(path, encoder=Linear(64, 64), n_neighbors=3)
    given = Linear(64, 64)
    before = given.layer.weight.detach().clone()
    load(path, encoder=given)
    assert_array_equal(given.layer.weight.detach(), before)


def test_functions_are_given_again(tmp_path):
    def jitter(x):
        return x + 0.1

    fitted(DLME, augmentation=jitter, max_epochs=1).save(tmp_path / "model")
    with pytest.raises(TypeError, match=r"augmentation was the function .*jitter"):
        load(tmp_path / "model")
    assert load(tmp_path / "model", augmentation=jitter).augmentation is jitter
    # or another one that is as valid
    assert load(tmp_path / "model", augmentation="none").augmentation == "none"
    with pytest.raises(ValueError, match="'augmentation' parameter"):
        load(tmp_path / "model", augmentation=3)


def test_a_transformer_is_given_again_fitted(tmp_path):
    X, _ = digits()
    parameters = dict(representation=PCA(5), init="k-means", pretraining_epochs=1)
    model = fitted(skmanifold.DCRL, **parameters)
    path = tmp_path / "model"
    model.save(path)
    again = load(path, representation=model.representation_)
    assert again.representation_ is again.representation is model.representation_
    for method in ("transform", "predict", "predict_proba", "reconstruct"):
        assert_array_equal(getattr(again, method)(X), getattr(model, method)(X))
    Z = model.transform(X)
    assert_array_equal(again.inverse_transform(Z), model.inverse_transform(Z))
    assert_array_equal(again.fit_transform(X), model.fit_transform(X))
    with pytest.raises(TypeError, match=r"fitted: representation_. Pass them again"):
        load(path)
    with pytest.raises(ValueError, match=r"^representation .* PCA instance is not fit"):
        load(path, representation=PCA(5))
    for other in (PCA(5).fit(-(X[::-1] ** 2)), PCA(4).fit(X)):
        with pytest.raises(ValueError, match="representation does not fit the file"):
            load(path, representation=other)


def test_a_representation_is_saved_that_is_undefined_for_other_values(tmp_path):
    X = load_digits().data[:60]
    roots = FunctionTransformer(np.sqrt)
    model = skmanifold.DCRL(
        3, representation=roots, init="k-means", pretraining_epochs=1, max_epochs=1
    ).fit(X)
    model.save(tmp_path / "model.skmanifold")
    again = load(tmp_path / "model.skmanifold", representation=model.representation_)
    assert_array_equal(again.transform(X), model.transform(X))


# A method of another package --------------------------------------------------


class Shifted(nn.Module):
    """An estimator with state of every kind."""

    def __init__(self, n_in, n_out):
        super().__init__()
        self.first = nn.Linear(n_in, n_out)
        self.others = nn.ModuleList([nn.Linear(n_out, n_out), nn.Linear(n_out, n_out)])
        self.others[1].weight = self.others[0].weight
        self.register_buffer("kept", torch.rand(n_out))
        self.register_buffer("transient", torch.arange(n_out), persistent=False)
        # what cannot be made without memory
        self.shift = float(torch.ones(3).sum())

    def forward(self, x):
        x = self.first(x) + self.shift
        return self.others[1](self.others[0](x)) * self.kept + self.transient


class Theirs(NeuralPCA):
    """An autoencoder of another package."""

    def _plan(self, n_samples, n_features):
        return dataclasses.replace(super()._plan(n_samples, n_features), n_reduced=10)

    def _network_sizes(self, data):
        return {**super()._network_sizes(data), "n_outputs": data.n_inputs}

    def _make_networks(self, sizes):
        return {
            "encoder": Shifted(sizes["n_inputs"], self.n_components),
            "decoder": nn.Linear(self.n_components, sizes["n_outputs"]),
        }

    def _make_objective(self, data, networks):
        data.learned["names_"] = np.array([["a", "b"]])
        data.learned["limits_"] = {"low": -np.inf, "high": [np.nan, np.float64(2)]}
        data.learned["nested_"] = {"a": {"b": np.zeros(2)}, "a.b": np.ones(2)}
        data.learned["flags_"] = np.array([True, False])
        data.learned["columns_"] = np.asfortranarray(np.eye(3)[:2])
        return LinearAutoencoder(data.inputs, networks)


class Forgetful(Theirs):
    """A network with a tensor that is no buffer."""

    def _make_networks(self, sizes):
        networks = super()._make_networks(sizes)
        networks["encoder"].shift = torch.rand(self.n_components)
        return networks


class Undecoded(Theirs):
    def _make_networks(self, sizes):
        return {"encoder": nn.Linear(sizes["n_inputs"], self.n_components)}


class Nothing(Theirs):
    def _make_networks(self, sizes):
        return nn.Linear(sizes["n_inputs"], self.n_components)


def test_networks_that_their_sizes_do_not_make_are_refused(tmp_path):
    with pytest.raises(TypeError, match="their outputs differ"):
        fitted(Forgetful).save(tmp_path / "model")
    with pytest.raises(TypeError, match=r"Undecoded._make_networks returned no 'deco"):
        fitted(Undecoded)
    with pytest.raises(TypeError, match=r"Nothing._make_networks returned .* a dict"):
        fitted(Nothing)
    assert not os.listdir(tmp_path)


def test_methods_of_other_packages_are_kept(tmp_path):
    model = fitted(Theirs)
    path = tmp_path / "model"
    model.save(path)
    again = load(path)
    X, _ = digits()
    assert_array_equal(again.reconstruct(X), model.reconstruct(X))
    assert_array_equal(again.names_, model.names_, strict=True)
    assert repr(again.limits_) == repr(model.limits_)
    assert repr(again.nested_) == repr(model.nested_)
    assert again.columns_.flags.f_contiguous
    encoder = again.network_.encoder
    assert encoder.others[0].weight is encoder.others[1].weight
    assert_array_equal(encoder.transient, np.arange(2))
    # known only once it is imported
    command = "import sys, skmanifold; skmanifold.load(sys.argv[1])"
    run = subprocess.run(
        [sys.executable, "-c", command, str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1
    assert "ValueError" in run.stderr
    assert f"import {Theirs.__module__} first" in run.stderr


# Bounds and pipelines -----------------------------------------------------------


def test_bounds_and_constant_columns_are_kept(tmp_path):
    """A loaded model treats outliers, new columns and another part as the saved one."""
    X, _ = load_iris(return_X_y=True)
    X = np.column_stack([X, np.full(len(X), 7.0)])
    X[5, 2] = 1e6
    with pytest.warns(UserWarning, match="far away from all others"):
        model = DLME(max_epochs=2, random_state=0).fit(X)
    model.save(tmp_path / "model")
    again = load(tmp_path / "model")
    far = X[:40] * [1, 50, 1, 1, 1]
    with pytest.warns(UserWarning, match="far away from the training data"):
        embedded = again.transform(far)
    with pytest.warns(UserWarning, match="far away from the training data"):
        assert_array_equal(embedded, model.transform(far))
    late = X[10:50].copy()
    late[3, 4] = 9.0
    for fitted in (again, model):
        with pytest.warns(UserWarning, match="varies in columns that were constant"):
            fitted.transform(late)
        fitted.partial_fit(late)
    assert_array_equal(again.transform(late), model.transform(late))
    assert vars(again._scaler).keys() == vars(model._scaler).keys()
    for name, value in vars(model._scaler).items():
        assert_array_equal(vars(again._scaler)[name], value)
        assert type(vars(again._scaler)[name]) is type(value)


def test_a_step_loaded_without_its_pipeline_explains_errors(tmp_path):
    X, _ = digits()
    pipeline = make_pipeline(PCA(10, random_state=0), DLME(max_epochs=1))
    pipeline.fit(X)
    pipeline[-1].save(tmp_path / "step.safetensors")
    step = load(tmp_path / "step.safetensors")
    steps = [*pipeline.steps[:-1], ("dlme", step)]
    assert_array_equal(Pipeline(steps).transform(X), pipeline.transform(X))
    remedy = r"64 features, but DLME is expecting 10 .* result of the steps before it"
    with pytest.raises(ValueError, match=remedy):
        step.transform(X)
    table = pd.DataFrame({"size": [1.0, 2.0], "color": ["red", "blue"]})
    remedy = r"'color'.* result of the steps before it"
    with pytest.raises(ValueError, match=remedy):
        step.transform(table)
    # fit has no steps before it to tell of
    with pytest.raises(ValueError, match=r"or drop these columns\.$"):
        DLME().fit(table)
