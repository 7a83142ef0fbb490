# SPDX-License-Identifier: BSD-3-Clause

"""The template, by small methods that use its hooks."""

import datetime
import io

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits, make_blobs
from sklearn.decomposition import PCA
from sklearn.utils.estimator_checks import parametrize_with_checks
from torch import nn

from skmanifold import IsometricAE
from skmanifold._engine import SampleBatches
from skmanifold.base import Plan
from skmanifold.base._networks import other_weights
from skmanifold.utils._checks._fits import check_interrupted_fit_resumes
from tests.guests import LinearAutoencoder, NeuralPCA


class Centered(nn.Module):
    """An autoencoder with learnable points that attract the codes."""

    learning_rate_factors = {"centers": 10.0}

    def __init__(self, autoencoder, centers, labels):
        super().__init__()
        self.autoencoder = autoencoder
        self.encoder = autoencoder.encoder
        self.decoder = autoencoder.decoder
        self.centers = nn.Parameter(centers)
        self.labels = labels

    def forward(self, batch, progress):
        codes = self.encoder(self.autoencoder.inputs[batch[0]])
        error = codes - self.centers[self.labels[batch[0]]]
        return {
            **self.autoencoder(batch, progress),
            "pull": 0.01 * error.square().sum(1).mean(),
        }


class TwoPhases(NeuralPCA):
    """Pretraining, use of its result, and training."""

    def _plan(self, n_samples, n_features):
        return Plan(
            phases={"pretraining": 60},
            n_reduced=5 if n_features > 10 else None,
            column_scaling=False,
        )

    def _learn(self, data, run):
        batches = SampleBatches(data.n_samples, run.batch_size, data.device)
        networks = run.make_networks()
        autoencoder = run.build(LinearAutoencoder, data.inputs, networks)
        if not run.continued:
            run.train(autoencoder, batches, phase="pretraining")
        codes = torch.from_numpy(run.outputs(autoencoder.encoder))
        labels = (codes[:, 0] > codes[:, 0].mean()).long()
        centers = torch.stack([codes[labels == i].mean(0) for i in (0, 1)])
        data.learned["start_"] = centers.numpy().copy()
        objective = run.build(Centered, autoencoder, centers, labels.to(data.device))
        run.train(objective, batches)
        return objective

    def _fitted_attributes(self, objective, outputs, data):
        attributes = super()._fitted_attributes(objective, outputs, data)
        if hasattr(objective, "centers"):
            attributes["cluster_centers_"] = objective.centers.detach().numpy().copy()
        return attributes


@parametrize_with_checks(
    [NeuralPCA(max_epochs=2, n_clusters=2), TwoPhases(max_epochs=2)]
)
def test_hooks_make_an_estimator(estimator, check):
    check(estimator)


def test_reaches_the_minimum_of_pca():
    X = np.random.RandomState(0).randn(200, 6) @ np.diag([1.5, 1.4, 1.2, 1.1, 1, 1])
    model = NeuralPCA(random_state=0).fit(X)
    scaled = model._scaler.transform(X).astype(np.float64)
    kept = PCA(2).fit(scaled)
    minimum = scaled.var(axis=0).sum() - kept.explained_variance_.sum() * 199 / 200
    assert model.history_["reconstruction"][-1] == pytest.approx(minimum, rel=1e-3)
    # the same plane as PCA's: a linear map between the two embeddings, nothing left
    ours = model.embedding_ - model.embedding_.mean(axis=0)
    theirs = kept.transform(scaled)
    left = theirs - ours @ np.linalg.lstsq(ours, theirs, rcond=None)[0]
    assert np.abs(left).max() < 0.05 * np.abs(theirs).max()


def test_attributes_that_a_hook_learns_are_those_of_the_fit():
    X, _ = make_blobs(40, 3, random_state=0)
    model = NeuralPCA(max_epochs=1, random_state=0).fit(X)
    assert model.n_inputs_ == 3
    assert model.fit(np.column_stack([X, X])).n_inputs_ == 6


def test_fitted_modules_are_in_eval_mode_without_gradients():
    X, _ = make_blobs(40, 3, random_state=0)
    network = NeuralPCA(max_epochs=1).fit(X).network_
    assert not network.training
    assert not any(p.requires_grad for p in network.parameters())
    assert {p.device for p in network.parameters()} == {torch.device("cpu")}


# Decoding ---------------------------------------------------------------------


def reconstruction_of(model, X):
    """By hand: scaled rows through the two networks, and back to raw units."""
    scaler = model._scaler
    scaled = torch.from_numpy(scaler.transform(X))
    with torch.inference_mode():
        decoded = model.decoder_(model.network_(scaled)).numpy()
    varies = scaler.factor_ > 0
    raw = np.repeat(scaler.center_[np.newaxis], len(X), axis=0)
    raw[:, varies] += decoded[:, varies] / scaler.factor_[varies]
    return raw


@pytest.mark.parametrize("estimator", [NeuralPCA, TwoPhases])
def test_decoding_returns_raw_units(estimator):
    X = load_digits().data[:300] * 100.0 + 7.0
    model = estimator(5, max_epochs=60, random_state=0).fit(X)
    back = model.reconstruct(X)
    assert_allclose(back, reconstruction_of(model, X), rtol=1e-4, atol=1e-2)
    assert_array_equal(back, model.inverse_transform(model.transform(X)))
    assert_array_equal(back[:, X.std(axis=0) == 0], 7.0)
    error = np.square(X - back).sum(axis=1).mean()
    assert model.score(X) == pytest.approx(-error, rel=1e-9)
    # most of what five principal components keep
    assert error < 1.3 * np.square(X - X.mean(axis=0)).sum(axis=1).mean() * (
        1 - PCA(5).fit(X).explained_variance_ratio_.sum()
    )


def test_decoding_keeps_the_precision():
    X = load_digits().data[:100]
    model = TwoPhases(max_epochs=1, random_state=0).fit(X)
    for dtype in (np.float32, np.float64):
        assert model.inverse_transform(model.transform(X).astype(dtype)).dtype == dtype
        assert model.reconstruct(X.astype(dtype)).dtype == dtype


def test_sparse_samples_have_the_score_of_dense_ones():
    from scipy import sparse

    X = load_digits().data[:100]
    model = NeuralPCA(max_epochs=2, random_state=0).fit(X)
    assert model.score(sparse.csr_array(X)) == pytest.approx(model.score(X))


# Phases -----------------------------------------------------------------------


def test_a_fit_resumes_in_any_phase():
    check_interrupted_fit_resumes("TwoPhases", TwoPhases(batch_size=20))


def test_phases_are_recorded_apart():
    X = load_digits().data[:200]
    model = TwoPhases(max_epochs=4, random_state=0).fit(X)
    assert set(model.history_) >= {"loss", "reconstruction", "pull"}
    assert len(model.history_["loss"]) == model.n_iter_ == 4
    assert len(model.pretraining_history_["loss"]) == 3
    assert "pull" not in model.pretraining_history_


def test_verbose_names_the_phase(capsys):
    TwoPhases(max_epochs=2, verbose=True).fit(load_digits().data[:100])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("[TwoPhases] pretraining epoch 1/6, loss ")
    assert lines[-1].startswith("[TwoPhases] epoch 2/2, loss ")


def test_parameters_may_have_their_own_learning_rate(monkeypatch):
    X = load_digits().data[:200]

    def way(factor):
        monkeypatch.setattr(Centered, "learning_rate_factors", {"centers": factor})
        model = TwoPhases(max_epochs=4, random_state=0).fit(X)
        return np.abs(model.cluster_centers_ - model.start_).max()

    # 40 Adam steps of at most 0.03 times the factor each
    assert 0 < way(1e-3) <= 40 * 0.03 * 1e-3 < way(10.0)


def test_outputs_during_training_are_those_of_the_fitted_network():
    X = load_digits().data[:300]
    seen = {}

    class Looks(TwoPhases):
        def _learn(self, data, run):
            objective = super()._learn(data, run)
            seen["outputs"] = run.outputs(objective.encoder)
            return objective

    model = Looks(max_epochs=4, random_state=0).fit(X)
    assert_array_equal(seen["outputs"], model.embedding_.astype(np.float32))


def test_warm_start_goes_on_with_both_networks():
    X = load_digits().data[:200]
    model = TwoPhases(random_state=0, warm_start=True, max_epochs=1, learning_rate=1e-9)
    before = model.fit(X).embedding_
    decoded = model.reconstruct(X)
    model.fit(X)
    assert_allclose(model.embedding_, before, rtol=1e-3, atol=1e-3)
    assert_allclose(model.reconstruct(X), decoded, rtol=1e-3, atol=1e-2)
    assert not hasattr(model, "pretraining_history_")


# -- errors about X that say which columns, and what to do


def frame_of(library, columns):
    return pytest.importorskip(library).DataFrame(columns)


MIXED = {
    "income": np.linspace(1e4, 9e4, 12).tolist(),
    "city": ["Bern", "Basel", "Chur"] * 4,
    "day": [datetime.datetime(2020, 1, 1 + i) for i in range(12)],
}


@pytest.mark.parametrize("library", ["pandas", "polars"])
@pytest.mark.parametrize("names", [["city"], ["day"], ["income", "city", "day"]])
def test_columns_that_are_not_numbers_are_named(library, names):
    frame = frame_of(library, {name: MIXED[name] for name in names})
    listed = ", ".join(repr(name) for name in names if name != "income")
    match = f"not numbers: {listed}. Encode categories, with OneHotEncoder"
    with pytest.raises(ValueError, match=match):
        NeuralPCA(max_epochs=1).fit(frame)


@pytest.mark.parametrize("container", [list, np.array, "pandas", "polars"])
def test_texts_are_refused_without_printing_them(container):
    texts = ["a text about maps", "a text about clusters"] * 10
    if isinstance(container, str):
        container = pytest.importorskip(container).Series
    with pytest.raises(ValueError, match=r"X has texts.*TfidfVectorizer") as caught:
        NeuralPCA(max_epochs=1).fit(container(texts))
    assert "clusters" not in str(caught.value)


@pytest.mark.parametrize("dtype", [str, object])
def test_strings_in_an_array_are_refused_without_printing_them(dtype):
    X = np.array([["1", "a text about maps"]] * 10, dtype)
    for model_input in (X, X.tolist()):
        with pytest.raises(ValueError, match=r"X has strings.*OneHotEncoder") as caught:
            NeuralPCA(max_epochs=1).fit(model_input)
        assert "maps" not in str(caught.value)


def test_categories_are_named_and_numbers_as_objects_taken():
    pandas = pytest.importorskip("pandas")
    numbers = pandas.Series(range(12), dtype=object)
    frame = pandas.DataFrame(
        {"n": numbers, "group": pandas.Categorical(["a", "b"] * 6)}
    )
    model = NeuralPCA(max_epochs=1)
    for names in (["group"], ["n", "group"]):
        with pytest.raises(ValueError, match="not numbers: 'group'"):
            model.fit(frame[names])
    assert model.fit(frame[["n"]]).embedding_.shape == (12, 2)
    with pytest.raises(ValueError, match="not numbers: 'n'"):
        model.transform(frame[["group"]].rename(columns={"group": "n"}))


def test_dates_without_names_are_refused():
    dates = np.arange(20).reshape(10, 2).astype("datetime64[D]")
    with pytest.raises(TypeError, match=r"datetime64\[D\], .* Pass dates as numbers"):
        NeuralPCA(max_epochs=1).fit(dates)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_columns_with_holes_are_named(library):
    columns = dict(zip("abc", np.arange(30.0).reshape(3, 10), strict=True))
    columns["a"][4], columns["c"][2] = np.nan, np.inf
    with pytest.raises(ValueError, match="Columns with NaN or infinity: 'a', 'c'"):
        NeuralPCA(max_epochs=1).fit(frame_of(library, columns))


@pytest.mark.parametrize(
    "now, before, words",
    [
        ({"scale": ()}, {"scale": (2,)}, "'scale' has shape (), not (2,)"),
        ({}, {"scale": ()}, "'scale' is missing"),
        ({"a": (3,), "b": ()}, {"a": (3,)}, "'b' is new"),
    ],
)
def test_differences_of_networks_are_named(now, before, words):
    def module(shapes):
        zeros = {name: torch.zeros(shape) for name, shape in shapes.items()}
        return nn.ParameterDict(zeros)

    assert other_weights(module(now), module(before).state_dict()) == words
    assert not other_weights(module(now), module(now).state_dict())


def test_images_are_to_be_made_rows():
    images = load_digits().images
    with pytest.raises(ValueError, match=r"X.reshape\(len\(X\), -1\)\.$"):
        NeuralPCA().fit(images)
    with pytest.raises(
        ValueError, match="For images, with channels last, also set image_shape"
    ):
        IsometricAE().fit(images)
    with pytest.raises(ValueError, match=r"-1\)\.$"):
        IsometricAE(image_shape=(8, 8)).fit(images)


@pytest.mark.parametrize("separator", [";", "\t"])
def test_a_table_read_with_the_wrong_separator(separator):
    text = io.StringIO("a;b\n1;2\n3;4\n".replace(";", separator))
    with pytest.raises(ValueError, match=r"column of text, 'a.*b'\. Read the file"):
        NeuralPCA().fit(pd.read_csv(text))
    # a name with a comma is no table
    with pytest.raises(ValueError, match="NaN"):
        NeuralPCA().fit(pd.DataFrame({"size, mm": [1.0, 2.0, np.nan]}))
