# SPDX-License-Identifier: BSD-3-Clause

"""Graphs of fitted networks, run by onnxruntime."""

import dataclasses
import logging
import os
import warnings

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from numpy.testing import assert_array_equal
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.preprocessing import StandardScaler
from torch import nn

import skmanifold
from skmanifold import DCRL, DLME, AtlasAE
from skmanifold.nn import MLP
from tests.guests import NeuralPCA

ESTIMATORS = [getattr(skmanifold, name) for name in skmanifold._ESTIMATORS]


# Some rows lie beyond the bounds on purpose.
FAR_AWAY = pytest.mark.filterwarnings("ignore:.*lie far away:UserWarning")


def digits():
    X, y = load_digits(return_X_y=True)
    X = X[:120] * 50.0 + 1e5  # raw units, far from the origin
    # more columns than are left without a PCA
    return np.hstack([X, np.sqrt(X[:, :16])]), y[:120]


def run_all(path, rows):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (graph_input,) = session.get_inputs()
    results = session.run(None, {graph_input.name: rows})
    outputs = [output.name for output in session.get_outputs()]
    return graph_input.name, dict(zip(outputs, results, strict=True))


def run(path, rows):
    graph_input, results = run_all(path, rows)
    ((output, result),) = results.items()
    return graph_input, output, result


def assert_close(actual, expected):
    assert actual.dtype == expected.dtype
    assert np.abs(actual - expected).max() <= 1e-5 * np.abs(expected).max()


class Doubled(nn.Module):
    def forward(self, x):
        return 2 * x


class Autoencoder(NeuralPCA):
    """One that reduces its inputs and presents its outputs."""

    def _plan(self, n_samples, n_features):
        return dataclasses.replace(super()._plan(n_samples, n_features), n_reduced=10)

    def _make_networks(self, sizes):
        shape = sizes["n_inputs"], self.n_components
        return {
            "encoder": MLP(*shape, layers=(16,), output_norm="batch"),
            "decoder": MLP(*shape[::-1], layers=(16,), norm="batch"),
        }

    def _present(self, outputs):
        return 2 * outputs

    def _presentation(self):
        return Doubled()


@pytest.mark.parametrize("estimator_class", [*ESTIMATORS, Autoencoder])
@FAR_AWAY
def test_the_graph_is_transform(estimator_class, tmp_path):
    X, y = digits()
    model = estimator_class(max_epochs=2, random_state=0).fit(X, y)
    path = tmp_path / "model.onnx"
    model.to_onnx(path)
    assert os.listdir(tmp_path) == ["model.onnx"]
    onnx.checker.check_model(path, full_check=True)
    for rows in (X[:1], X[:7], X, 5 * X - 3 * X.mean(axis=0)):
        rows = rows.astype(np.float32)
        *names, actual = run(path, rows)
        assert names == ["X", "embedding"]
        assert_close(actual, model.transform(rows))


@pytest.mark.filterwarnings("ignore:Column 0 of X holds -999:UserWarning")
def test_the_graph_with_codes_is_transform(tmp_path):
    X = np.random.RandomState(0).randn(100, 5).astype(np.float32)
    X[::8, 0] = -999.0
    model = NeuralPCA(max_epochs=2, random_state=0).fit(X)
    model.to_onnx(tmp_path / "model.onnx")
    assert_close(run(tmp_path / "model.onnx", X)[2], model.transform(X))


# One for each kind of prediction: k-means, DCRL's clusters, charts, and votes.
PREDICTING = {
    "DLME": {"n_clusters": 4},
    "DCRL": {"n_clusters": 4},
    "AtlasAE": {"n_charts": 3},
    "AtlasTriplet": {"n_charts": 3},
    "AtlasTriplet, hard": {"n_charts": 3, "membership": "hard"},
}


@pytest.mark.parametrize("case", PREDICTING)
@FAR_AWAY
def test_the_graph_is_predict(case, tmp_path):
    X, y = digits()
    estimator_class = getattr(skmanifold, case.partition(",")[0])
    model = estimator_class(**PREDICTING[case], max_epochs=2, random_state=0).fit(X, y)
    path = tmp_path / "model.onnx"
    model.to_onnx(path, method="predict")
    onnx.checker.check_model(path, full_check=True)
    for rows in (X[:1], X[:7], X, 5 * X - 3 * X.mean(axis=0)):
        rows = rows.astype(np.float32)
        *names, actual = run(path, rows)
        assert names == ["X", "label"]
        assert actual.dtype == np.int64
        expected = model.predict(rows)
        # except samples between two clusters, which rounding may assign to either
        assert np.mean(actual == expected) >= 0.95
    assert len(np.unique(model.predict(X))) > 1
    if not hasattr(model, "predict_proba"):
        with pytest.raises(ValueError, match="'predict_proba' cannot be exported from"):
            model.to_onnx(path, method="predict_proba")
        return
    model.to_onnx(path, method="predict_proba", dtype=np.float64)
    *names, actual = run(path, X)
    assert names == ["X", "probabilities"]
    assert actual.dtype == np.float64
    assert np.abs(actual - model.predict_proba(X)).max() <= 1e-4


def test_the_graph_is_charts(tmp_path):
    X, y = digits()
    model = skmanifold.AtlasTriplet(3, max_epochs=2, random_state=0).fit(X, y)
    path = tmp_path / "model.onnx"
    model.to_onnx(path, method="charts", dtype=np.float64)
    _, results = run_all(path, X)
    index, coordinates = model.charts(X)
    same = results["chart"] == index
    assert same.mean() >= 0.95
    assert_close(results["coordinates"][same], coordinates[same])


def test_the_graph_predicts_the_classes_of_a_gallery(tmp_path):
    X, y = digits()
    model = skmanifold.AtlasTriplet(3, max_epochs=2, random_state=0)
    model.fit(X, np.char.add("digit ", y.astype(str)))
    path = tmp_path / "model.onnx"
    with pytest.raises(ValueError, match="method='predict_proba'"):
        model.to_onnx(path, method="predict")
    model.to_onnx(path, method="predict_proba")
    # one that it was not fitted with, a part of which has no label, fewer than voters
    model.set_gallery(X[:6], [70, -1, 90, 90, 80, None])
    model.to_onnx(path, method="predict", dtype=np.float64)
    *_, actual = run(path, X)
    assert np.mean(actual == model.predict(X)) >= 0.95
    assert set(actual.tolist()) <= {70, 80, 90}
    assert not os.path.exists(tmp_path / "model.onnx.part")


def test_predict_needs_clusters(tmp_path):
    X, _ = digits()
    model = DLME(max_epochs=1, structure_layers=(8,)).fit(X)
    for clusters in (None, 3):  # set after fit
        model.set_params(n_clusters=clusters)
        with pytest.raises(ValueError, match="fitted with n_clusters=None"):
            model.to_onnx(tmp_path / "model.onnx", method="predict")
    with pytest.raises(ValueError, match=r"method='charts'.*'transform', 'predict'\."):
        model.to_onnx(tmp_path / "model.onnx", method="charts")
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize(
    "estimator_class, dtype",
    [
        *((cls, np.float64) for cls in ESTIMATORS if hasattr(cls, "inverse_transform")),
        (Autoencoder, np.float32),
        (Autoencoder, np.float64),
    ],
)
def test_the_graph_is_inverse_transform(estimator_class, dtype, tmp_path):
    X, y = digits()
    asked_for = {"decoder": True} if estimator_class is DLME else {}
    model = estimator_class(max_epochs=2, random_state=0, **asked_for).fit(X, y)
    path = str(tmp_path / "decoder.onnx")
    model.to_onnx(path, method="inverse_transform", dtype=dtype)
    for codes in (model.embedding_[:1], model.embedding_):
        codes = codes.astype(dtype)
        *names, actual = run(path, codes)
        assert names == ["embedding", "X"]
        expected = model.inverse_transform(codes)
        assert_close(actual, expected)
    if dtype is np.float64:
        # not only large numbers that agree because of their offset
        assert_close(actual - X.mean(axis=0), expected - X.mean(axis=0))


def test_chart_blocks_of_any_weights_are_decoded(tmp_path):
    X, _ = digits()
    model = AtlasAE(3, membership="soft", max_epochs=2, random_state=0).fit(X)
    path = str(tmp_path / "decoder.onnx")
    model.to_onnx(path, method="inverse_transform", dtype=np.float64)
    blocks = model.embedding_ * np.linspace(0.1, 5, len(X))[:, np.newaxis]
    blocks[:, :3] *= np.arange(len(X))[:, np.newaxis] % 2  # no weight in a chart
    *_, actual = run(path, blocks)
    assert_close(actual, model.inverse_transform(blocks))


def test_the_graph_can_follow_that_of_a_preceding_step(tmp_path):
    X, _ = digits()
    scaler = StandardScaler().fit(X)
    model = DLME(n_clusters=4, max_epochs=1, structure_layers=(8,), random_state=0)
    model.fit(scaler.transform(X))
    model.to_onnx(tmp_path / "model.onnx", method="predict", dtype=np.float64)
    ours = onnx.load(tmp_path / "model.onnx")
    given = onnx.helper.make_tensor_value_info("rows", 11, ["n", X.shape[1]])
    made = onnx.helper.make_tensor_value_info("scaled", 11, ["n", X.shape[1]])
    before = onnx.helper.make_model(
        onnx.helper.make_graph(
            [
                onnx.helper.make_node("Sub", ["rows", "mean"], ["centered"]),
                onnx.helper.make_node("Div", ["centered", "scale"], ["scaled"]),
            ],
            "scaler",
            [given],
            [made],
            [
                onnx.numpy_helper.from_array(scaler.mean_, "mean"),
                onnx.numpy_helper.from_array(scaler.scale_, "scale"),
            ],
        ),
        ir_version=ours.ir_version,
        opset_imports=ours.opset_import,
    )
    merged = onnx.compose.merge_models(before, ours, io_map=[("scaled", "X")])
    onnx.save(merged, tmp_path / "merged.onnx")
    *names, actual = run(tmp_path / "merged.onnx", X)
    assert names == ["rows", "label"]
    assert np.mean(actual == model.predict(scaler.transform(X))) >= 0.95


def test_an_export_leaves_no_trace_in_the_process(tmp_path):
    X, _ = digits()
    model = DLME(max_epochs=1, structure_layers=(8,), random_state=0).fit(X)
    before = model.transform(X)
    state = torch.get_rng_state()
    level = logging.getLogger("torch.onnx").level
    filters = list(warnings.filters)
    model.to_onnx(tmp_path / "model.onnx")
    assert torch.equal(torch.get_rng_state(), state)
    assert logging.getLogger("torch.onnx").level == level
    assert warnings.filters == filters
    assert_array_equal(model.transform(X), before)
    assert torch.is_grad_enabled()


class DependsOnValues(nn.Module):
    """A branch on the data, which no graph can represent."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(80, 64)

    def forward(self, x):
        return self.layer(x) if x.sum().item() > 1e9 else self.layer(-x)


class CountsItsRows(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(80, 64)

    def forward(self, x):
        return self.layer(x).reshape(len(x), 64)


def test_a_graph_for_a_fixed_batch_size_is_an_error(tmp_path):
    X, _ = digits()
    model = DLME(max_epochs=1, encoder=CountsItsRows()).fit(X)
    with pytest.raises(ValueError, match="for any batch size"):
        model.to_onnx(tmp_path / "model.onnx")
    assert not os.listdir(tmp_path)


def test_what_cannot_be_exported_is_refused(tmp_path):
    X, _ = digits()
    model = DLME(max_epochs=1, encoder=DependsOnValues()).fit(X)
    with pytest.raises(ValueError, match=r"torch.export supports"):
        model.to_onnx(tmp_path / "model.onnx")

    class Forgets(Autoencoder):
        def _presentation(self):
            return nn.Identity()

    with pytest.raises(ValueError, match=r"needs a _presentation"):
        Forgets(max_epochs=1).fit(X).to_onnx(tmp_path / "model.onnx")
    assert not os.listdir(tmp_path)


def test_a_representation_is_refused(tmp_path):
    X = load_digits().data[:60]
    model = DCRL(
        2,
        init=np.arange(60) % 2,
        representation=PCA(3),
        encoder_layers=(8,),
        max_epochs=1,
        pretraining_epochs=1,
    ).fit(X)
    with pytest.raises(ValueError, match="transformer passed as representation"):
        model.to_onnx(tmp_path / "model.onnx")


def test_parameters_are_checked(tmp_path):
    X, _ = digits()
    with pytest.raises(NotFittedError):
        DLME().to_onnx(tmp_path / "model.onnx")
    model = DLME(max_epochs=1, structure_layers=(8,)).fit(X)
    with pytest.raises(ValueError, match=r"method='inverse_transform'.*'transform'"):
        model.to_onnx(tmp_path / "model.onnx", method="inverse_transform")
    with pytest.raises(ValueError, match="dtype='int64'"):
        model.to_onnx(tmp_path / "model.onnx", dtype="int64")
    with pytest.raises(ValueError, match="folder that does not exist"):
        model.to_onnx(tmp_path / "missing" / "model.onnx")
