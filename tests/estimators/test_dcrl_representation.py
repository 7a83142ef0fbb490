# SPDX-License-Identifier: BSD-3-Clause

"""Features that DCRL clusters: representations, images, other metrics, wide data."""

import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.spatial.distance import pdist
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.cluster import KMeans
from sklearn.datasets import make_blobs
from sklearn.decomposition import PCA
from sklearn.metrics import adjusted_rand_score, pairwise_distances
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import FunctionTransformer

from skmanifold import DCRL
from skmanifold.base import FitData
from skmanifold.estimators._dcrl import _objective
from skmanifold.estimators._dcrl._neighbors import denoised, search_neighbors
from skmanifold.graph import nearest_neighbors
from skmanifold.metrics import clustering_accuracy
from tests.estimators.test_dcrl import quick
from tests.guests import Callback

# fits are far too short here
pytestmark = pytest.mark.filterwarnings("ignore:Training left .* empty:UserWarning")


def test_no_false_warning_of_an_empty_sample_that_a_transformer_fills(images):
    images = images.copy()
    images[3] = 0
    X = sparse.csr_array(images)
    model = quick(n_clusters=4, representation=PCA(12, svd_solver="arpack")).fit(X)
    # warnings are errors
    out = model.transform(X, out=np.empty_like(model.embedding_))
    assert_array_equal(out, model.transform(X))


@pytest.fixture(scope="module")
def images(digits):
    """A hundred images of 8 x 8."""
    return digits[0][:100]


def test_a_transformer_may_be_the_representation(digits, images):
    pca = PCA(12)
    model = quick(n_clusters=4, representation=pca).fit(images)
    assert not hasattr(pca, "components_")
    assert model.representation_.components_.shape == (12, 64)
    Z = model.embedding_
    assert_array_equal(model.transform(images), Z)
    X = digits[0][:300]
    everything = model.transform(X)
    for rows in (slice(0, 1), slice(7, 290), slice(None, None, -3)):
        assert_array_equal(model.transform(X[rows]), everything[rows])
    assert model.inverse_transform(Z).shape == images.shape
    error = ((model.reconstruct(images) - images) ** 2).sum(axis=1).mean()
    assert model.score(images) == pytest.approx(-error)
    assert model.cluster_means_.shape == (4, 64)
    assert set(model.history_) >= {"decoding"}
    again = pickle.loads(pickle.dumps(model))
    assert_array_equal(again.transform(images), Z)
    csr = clone(model).fit(sparse.csr_array(images))
    assert_array_equal(csr.predict(sparse.csr_array(images)), csr.labels_)
    single = clone(model).fit(images.astype(np.float32))
    assert single.embedding_.dtype == np.float32
    model.set_params(representation=None).fit(images)
    assert not hasattr(model, "representation_")


def test_geometry_is_that_of_the_representation(iris):
    """A representation of two of four columns; the others are noise."""
    rng = np.random.RandomState(0)
    X = np.column_stack([iris[0][:, 2:], 20 * rng.randn(150, 2)])
    first = FunctionTransformer(lambda X: X[:, :2])
    model = DCRL(3, 2, representation=first, random_state=0).fit(X)
    assert clustering_accuracy(iris[1], model.labels_) > 0.9
    moved = X.copy()
    moved[:, 2:] = 0
    assert_array_equal(model.transform(moved), model.embedding_)


def test_a_column_of_the_representation_that_varies_late_is_named():
    far = FunctionTransformer(lambda X: np.column_stack([X, 1.0 * (X.sum(axis=1) > 5)]))
    X = np.random.RandomState(0).uniform(0, 4, (90, 2))
    rows = pd.DataFrame(X, columns=["a", "b"])
    near = X.sum(axis=1) < 5
    model = quick(representation=far, init="k-means").fit(rows[near])
    with pytest.warns(UserWarning, match=r"constant in .*: 2 of the representation\."):
        model.transform(rows)


def test_a_representation_is_given_a_seed(iris):
    class Draws(TransformerMixin, BaseEstimator):
        def __init__(self, random_state=None):
            self.random_state = random_state

        def fit(self, X, y=None):
            self.seed_ = self.random_state
            return self

        def transform(self, X):
            return X

    assert quick(representation=Draws()).fit(iris[0]).representation_.seed_ == 0
    assert quick(representation=Draws(7)).fit(iris[0]).representation_.seed_ == 7


@pytest.mark.parametrize(
    "representation, match",
    [
        ("umap", r"'representation' parameter.*'auto'.*Got 'umap' instead"),
        (KMeans, "'representation' parameter.*'fit' and 'transform'"),
        (3, "'representation' parameter.*Got 3 instead"),
        (FunctionTransformer(lambda X: X[:, 0]), "it must return one row per sample"),
        (FunctionTransformer(lambda X: X * np.nan), "returned NaN or infinity"),
        (FunctionTransformer(lambda X: X[:, :0]), "0 columns"),
        ("contrastive", "needs images: set image_shape"),
    ],
)
def test_invalid_representations_are_refused(iris, representation, match):
    if isinstance(representation, type):
        representation = representation.fit  # neither fit nor transform
    with pytest.raises(ValueError, match=match):
        quick(representation=representation).fit(iris[0])


def test_images_are_represented_by_contrast(images):
    options = dict(n_clusters=4, image_shape=(8, 8), representation_epochs=2)
    model = quick(**options).fit(images)
    assert len(model.representation_history_["contrast"]) == 2
    assert len(model.pretraining_history_["loss"]) == 1
    assert_array_equal(model.transform(images), model.embedding_)
    assert_array_equal(model.transform(images[3:9]), model.embedding_[3:9])
    assert model.inverse_transform(model.embedding_[:5]).shape == (5, 64)
    assert_array_equal(quick(**options).fit(images).embedding_, model.embedding_)
    plain = quick(**options, representation=None).fit(images)
    assert not hasattr(plain, "representation_history_")
    wide = quick(**options, representation_dim=5).fit(images)
    assert wide.network_.encoder.network.network.hidden[0].in_features == 5


def test_images_may_have_channels_and_another_background(images):
    colors = np.repeat(images, 3, axis=1)[:, ::-1] * -3.0 + 100
    options = dict(n_clusters=4, image_shape=(8, 8, 3), representation_epochs=2)
    model = quick(**options).fit(colors)
    assert np.isfinite(model.embedding_).all()


def test_images_are_moved_as_images(monkeypatch, images):
    """Without any move, the views are the images themselves."""
    seen = []

    def look(pictures, uniform, *, fill):
        seen.append((pictures.clone(), fill))
        return pictures

    monkeypatch.setattr(_objective, "random_affine", look)
    model = quick(n_clusters=4, image_shape=(8, 8), representation_epochs=1)
    model.fit(images)
    pictures, fill = seen[0]
    assert pictures.shape[1:] == (1, 8, 8)
    raw = pictures.flatten(1).double().numpy() * model._scaler.unit
    distances = np.abs(raw[:, None] - images).max(axis=2).min(axis=1)
    assert distances.max() < 1e-4
    mean = images.mean(axis=0).reshape(8, 8)
    border = np.concatenate([mean[0], mean[-1], mean[:, 0], mean[:, -1]])
    assert border.min() <= fill * model._scaler.unit <= border.mean()


def test_channels_that_seem_to_come_first_warn(images):
    message = r"image_shape=\(1, 8, 8\) has 8 channels. .* \(8, 8, 1\) .*transpose"
    with pytest.warns(UserWarning, match=message):
        quick(image_shape=(1, 8, 8)).fit(images)


def test_a_warm_start_keeps_the_representation(images):
    options = dict(n_clusters=4, image_shape=(8, 8), representation_epochs=2)
    for own in (options, dict(n_clusters=4, representation=PCA(5))):
        model = quick(warm_start=True, **own).fit(images)
        before = model.embedding_
        model.set_params(learning_rate=1e-12, max_epochs=1).fit(images)
        assert_allclose(model.embedding_, before, atol=1e-3)


class Recorder(Callback):
    """A callback that looks at each epoch."""

    epochs = 0

    def on_fit_task_end(self, estimator, context, *, X=None, fitted_estimator=None):
        fitted = fitted_estimator
        assert fitted.transform(X).shape == (len(X), 10)
        assert len(fitted.predict(X)) == len(fitted.labels_) == len(X)
        assert fitted.reconstruct(X).shape == X.shape
        self.epochs += context.task_name == "epoch"
        return False


@pytest.mark.parametrize("representation", ["auto", PCA(5)], ids=str)
def test_callbacks_see_an_estimator_in_each_phase(images, representation):
    recorder = Recorder()
    quick(
        n_clusters=4,
        image_shape=(8, 8),
        representation_epochs=3,
        representation=representation,
    ).set_callbacks(recorder).fit(images)
    assert recorder.epochs == (6 if representation == "auto" else 3)


def test_thousands_of_columns_are_reduced():
    """Return sparse data of few dimensions, similar to texts."""
    rng = np.random.RandomState(0)
    y = rng.randint(3, size=120)
    topics = rng.dirichlet(np.full(2500, 0.02), 3)
    X = sparse.csr_array(np.stack([rng.multinomial(80, topics[k]) for k in y]) * 1.0)
    model = DCRL(3, init="k-means", random_state=0).fit(X)
    assert model.network_.project.out_features == 20
    assert adjusted_rand_score(y, model.labels_) == 1
    assert model.cluster_means_.shape == (3, 2500)
    assert model.inverse_transform(model.embedding_).shape == X.shape
    assert model.score(X) > -X.toarray().var(axis=0).sum()


def test_neighbors_are_those_of_the_metric(iris):
    """Neighbors are those of the metric, distances too, up to one factor."""
    X = iris[0] + np.random.RandomState(0).rand(150, 4)  # without duplicates
    features = (3.0 * X).astype(np.float32)
    data = FitData(X, torch.from_numpy(features))
    result = search_neighbors(
        data, features, X, 4, n_jobs=1, exact=True, metric="cityblock"
    )
    search = NearestNeighbors(n_neighbors=5, metric="cityblock").fit(X)
    distances, indices = search.kneighbors(X)
    assert_array_equal(result.indices, indices[:, 1:])
    rows = np.arange(150)[:, np.newaxis]
    euclidean = np.linalg.norm(features[rows] - features[indices[:, 1:]], axis=2)
    expected = distances[:, 1:] * (euclidean.mean() / distances[:, 1:].mean())
    assert_allclose(result.distances, expected, rtol=1e-5)


def test_texts_are_clustered_by_their_cosine():
    """Sparse texts of all lengths give the same as dense ones."""
    rng = np.random.RandomState(0)
    y = rng.randint(3, size=210)
    topics = rng.dirichlet(np.full(400, 0.05), 3)
    lengths = rng.randint(30, 300, size=210)
    counts = [rng.multinomial(n, topics[k]) for n, k in zip(lengths, y, strict=True)]
    X = sparse.csr_array(np.stack(counts) * 1.0)
    model = DCRL(3, metric="cosine", n_init=1, max_epochs=5, random_state=0).fit(X)
    assert adjusted_rand_score(y, model.labels_) > 0.95
    assert_array_equal(clone(model).fit(X.toarray()).embedding_, model.embedding_)


def test_distances_are_clustered():
    X, y = make_blobs(240, 6, centers=4, cluster_std=0.6, random_state=1)
    D = pairwise_distances(X[:220], metric="cityblock")
    model = DCRL(4, metric="precomputed", n_init=1, max_epochs=20, random_state=0)
    assert adjusted_rand_score(y[:220], model.fit_predict(D)) > 0.95
    new = pairwise_distances(X[220:], X[:220], metric="cityblock")
    assert adjusted_rand_score(y[220:], model.predict(new)) > 0.95
    assert not hasattr(model, "cluster_means_")
    for method in ("inverse_transform", "reconstruct", "score"):
        assert not hasattr(model, method)
    with pytest.raises(AttributeError, match="no features to decode"):
        model.inverse_transform(model.embedding_)


@pytest.mark.parametrize(
    "options", [dict(image_shape=(10, 15)), dict(representation=PCA(2))], ids=str
)
def test_distances_are_not_represented(iris, options):
    D = pairwise_distances(iris[0])
    with pytest.raises(ValueError, match="'precomputed' is not available with"):
        quick(metric="precomputed", **options).fit(D)


def test_noise_does_not_choose_neighbors():
    """Ten directions of signal in six hundred columns of noise."""
    rng = np.random.RandomState(0)
    signal = rng.normal(scale=12.0, size=(500, 10))
    axes, _ = np.linalg.qr(rng.normal(size=(600, 10)))
    X = (signal @ axes.T + rng.normal(size=(500, 600))).astype(np.float32)
    data = FitData(X, torch.from_numpy(X))
    reduced = denoised(data, X)
    assert reduced.shape == (500, 50)
    right, _ = nearest_neighbors(signal, 5)

    def share_of_right(samples):
        result, _ = nearest_neighbors(samples, 5)
        return np.mean((result[:, :, np.newaxis] == right[:, np.newaxis]).any(axis=2))

    assert share_of_right(reduced) > share_of_right(PCA(50).fit_transform(X)) + 0.02
    # the distances of data without noise stay
    X = (signal @ axes.T).astype(np.float32)
    assert_allclose(pdist(denoised(data, X)), pdist(signal), rtol=1e-4)
    narrow = X[:, :50]
    assert denoised(data, narrow) is narrow
