# SPDX-License-Identifier: BSD-3-Clause

import pickle

import networkx
import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.sparse.csgraph import connected_components
from scipy.spatial.distance import cdist, pdist, squareform
from sklearn.base import BaseEstimator, TransformerMixin, clone, is_clusterer
from sklearn.cluster import KMeans
from sklearn.datasets import make_blobs, make_moons
from sklearn.decomposition import PCA
from sklearn.metrics import adjusted_rand_score, pairwise_distances
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import FunctionTransformer

from skmanifold import DCRL, load
from skmanifold.base import FitData
from skmanifold.estimators._dcrl import _estimator, _objective, _start
from skmanifold.estimators._dcrl._arrangement import (
    Arrangement,
    arranged,
    arrangement,
)
from skmanifold.estimators._dcrl._neighbors import denoised, search_neighbors
from skmanifold.estimators._dcrl._number import choose_number, count_groups
from skmanifold.estimators._dcrl._partitions import (
    cells_of,
    combine_partitions,
    improved,
    least_purity,
    links_between,
    modularity_of,
)
from skmanifold.estimators._dcrl._start import (
    best_labels,
    initial_labels,
    propagate_labels,
)
from skmanifold.graph import nearest_neighbors
from skmanifold.losses import log_assignments
from skmanifold.metrics import (
    cluster_rank_accuracy,
    clustering_accuracy,
    trustworthiness,
)
from skmanifold.training import TrainingOptions
from tests.guests import Callback

QUICK = dict(
    n_clusters=3,
    init="k-means",
    max_epochs=2,
    pretraining_epochs=1,
    batch_size=32,
    random_state=0,
)
TERMS = {"reconstruction", "clusters", "local", "ranks", "alignment"}

# of fits that are far too short
pytestmark = pytest.mark.filterwarnings("ignore:.* clusters are empty:UserWarning")


def quick(**options):
    return DCRL(**{**QUICK, **options})


@pytest.fixture(scope="module")
def images(digits):
    """A hundred images of 8 x 8."""
    return digits[0][:100]


@pytest.fixture(scope="module")
def kmeans_of_digits(digits):
    return KMeans(10, n_init=10, random_state=0).fit_predict(digits[0])


@pytest.fixture(scope="module")
def fitted_digits(digits, kmeans_of_digits):
    """Raw digits with the labels of k-means as the start, fitted once for all tests."""
    return DCRL(10, init=kmeans_of_digits, random_state=0).fit(digits[0])


def test_is_a_clusterer_and_a_transformer():
    assert is_clusterer(DCRL())
    assert isinstance(DCRL(), TransformerMixin)


# -- quality: a coarse guard; the figures are measured by asv_bench/compare


def test_digits_keep_their_geometry(digits, fitted_digits):
    X, y = digits
    model = fitted_digits
    start = KMeans(10, n_init=10, random_state=0).fit_predict(X)
    # as accurate as its start, and all of the geometry
    assert clustering_accuracy(y, model.labels_) > clustering_accuracy(y, start) - 0.03
    assert cluster_rank_accuracy(X, model.embedding_, model.labels_) == 1
    assert trustworthiness(X, model.embedding_, n_neighbors=(3, 7)) > 0.985


def test_held_labels_come_out_as_they_went_in(fitted_digits, kmeans_of_digits):
    # k-means on pixels splits neighborhoods, whose samples may change clusters
    assert (fitted_digits.labels_ == kmeans_of_digits).mean() > 0.97


def test_scattered_wrong_labels_are_mended(digits):
    X, y = digits[0][:600], digits[1][:600]
    rng = np.random.RandomState(0)
    wrong = rng.rand(600) < 0.15
    labels = np.where(wrong, rng.randint(10, size=600), y)
    assert (labels == y).mean() < 0.88
    model = DCRL(10, init=labels, max_epochs=60, random_state=0).fit(X)
    assert (model.labels_ == y).mean() > 0.95


def test_centers_are_the_means_of_their_clusters(fitted_digits):
    # near ties among the clusters' distances are settled by far less than a per cent
    Z, labels = fitted_digits.embedding_, fitted_digits.labels_
    means = np.array([Z[labels == j].mean(axis=0) for j in range(10)])
    distances = pdist(fitted_digits.cluster_centers_)
    assert np.abs(means - fitted_digits.cluster_centers_).max() < 2e-3 * distances.min()


def test_digits_are_restored(digits, fitted_digits):
    X = digits[0]
    variance = ((X - X.mean(axis=0)) ** 2).sum(axis=1).mean()
    assert -fitted_digits.score(X) < 0.3 * variance
    restored = fitted_digits.reconstruct(X)
    error = ((restored - X) ** 2).sum(axis=1).mean()
    assert fitted_digits.score(X) == pytest.approx(-error)
    assert_allclose(
        fitted_digits.inverse_transform(fitted_digits.transform(X)), restored, atol=1e-4
    )


@pytest.mark.parametrize(
    ("n_samples", "max_epochs"), [(2000, "auto"), (5000, 43), (30_000, 23)]
)
def test_initial_embeddings_take_fewer_and_smaller_steps(
    monkeypatch, n_samples, max_epochs
):
    fitted = []

    def fit_transform(self, X):
        fitted.append(self.get_params(deep=False))
        return X

    monkeypatch.setattr(_start.DLME, "fit_transform", fit_transform)
    model = DCRL(3, n_init=1, training=TrainingOptions(precision="float32"))
    _start.initial_embeddings(model, np.zeros((n_samples, 2)), None, 0)
    (params,) = fitted
    assert params["max_epochs"] == max_epochs
    assert params["extra_components"] == 0
    assert params["training"].optimizer == "adamw"
    assert params["training"].precision == "float32"


@pytest.mark.parametrize(("n_clusters", "n_init"), [(3, 2), ("auto", 3)])
def test_counting_takes_one_more_embedding(monkeypatch, n_clusters, n_init):
    monkeypatch.setattr(_start.DLME, "fit_transform", lambda self, X: X)

    def embed(**options):
        model = DCRL(n_clusters, **options)
        return _start.initial_embeddings(model, np.zeros((9, 2)), None, 0)

    assert len(embed()) == n_init
    assert len(embed(n_init=1)) == 1


def test_a_hundred_samples_start_from_embeddings():
    """Moons are not found by k-means in the features."""
    X, y = make_moons(100, noise=0.05, random_state=0)
    assert adjusted_rand_score(y, DCRL(2, random_state=0).fit_predict(X)) > 0.9


@pytest.mark.parametrize("n_clusters", [3, "auto"])
def test_clear_clusters_of_different_sizes_are_found(n_clusters):
    """Embeddings alone would split the large cluster and merge the small ones."""
    y = np.repeat(np.arange(3), [400, 40, 12])
    X = 8.0 * np.eye(3)[y] + np.random.RandomState(0).normal(size=(len(y), 3))
    model = DCRL(n_clusters, max_epochs=20, random_state=0).fit(X)
    assert adjusted_rand_score(y, model.labels_) > 0.98


# -- clusters


def test_clusters_belong_together(digits, fitted_digits):
    X = digits[0]
    model = fitted_digits
    q = model.predict_proba(X)
    assert q.shape == (len(X), 10)
    assert_allclose(q.sum(axis=1), 1)
    assert_array_equal(q.argmax(axis=1), model.labels_)
    assert_array_equal(model.predict(X), model.labels_)
    d2 = ((model.embedding_[:, None] - model.cluster_centers_) ** 2).sum(axis=2)
    kernel = 1 / (1 + d2)
    assert_allclose(q, kernel / kernel.sum(axis=1, keepdims=True))
    assert model.cluster_centers_.shape == (10, 10)
    for cluster, mean in enumerate(model.cluster_means_):
        assert_allclose(mean, X[model.labels_ == cluster].mean(axis=0))


def test_one_cluster(iris):
    model = quick(n_clusters=1).fit(iris[0])
    assert_array_equal(model.labels_, np.zeros(150))
    assert_array_equal(model.predict_proba(iris[0]), np.ones((150, 1)))
    assert_allclose(model.cluster_means_[0], iris[0].mean(axis=0))
    assert np.isfinite(model.history_["loss"]).all()


def test_more_clusters_than_samples(iris):
    with pytest.warns(UserWarning, match="n_clusters=20 is more than the 12 distinct"):
        model = quick(n_clusters=20, batch_size=10).fit(iris[0][::13])
    assert model.cluster_centers_.shape == (12, 19)
    assert model.predict_proba(iris[0]).shape == (150, 12)
    assert model.n_clusters == 20


def test_more_clusters_than_natural_ones_and_than_dimensions(iris):
    model = quick(n_clusters=25, n_components=2, max_epochs=10).fit(iris[0])
    assert model.cluster_centers_.shape == (25, 2)
    assert np.isfinite(model.cluster_centers_).all()
    assert len(np.unique(model.labels_)) > 5


def test_unbalanced_and_tiny_clusters():
    rng = np.random.RandomState(0)
    sizes = (120, 20, 2, 1)
    y = np.repeat(range(4), sizes)
    X = 8.0 * np.eye(4)[y] + 0.3 * rng.randn(len(y), 4)
    model = DCRL(4, random_state=0).fit(X)
    assert adjusted_rand_score(y, model.labels_) > 0.9
    assert np.isfinite(model.embedding_).all()


def test_the_number_of_clusters_found(iris):
    X = iris[0]
    assert DCRL(3, random_state=0).fit(X).n_clusters_ == 3
    with pytest.warns(UserWarning, match="using n_clusters=2"):
        model = quick(n_clusters=5).fit(np.repeat(X[[0, -1]], 20, axis=0))
    assert model.n_clusters_ == len(model.cluster_centers_) == 2


@pytest.mark.parametrize("n_rows", [30, 5000])
def test_the_representation_of_a_large_init_is_short(n_rows):
    init = np.random.RandomState(0).randn(n_rows, 784)
    assert len(repr(DCRL(n_rows, init=init))) < 1500


def test_a_cluster_that_loses_its_samples(iris):
    X = iris[0]
    X = np.vstack([X, X + 1e-9])
    # labels that positions cannot determine: both halves are the same points
    labels = np.arange(300) % 2
    labels[:3] = 2
    model = quick(n_clusters=3, init=labels, max_epochs=30)
    with pytest.warns(UserWarning) as caught:
        model.fit(X)
    assert [str(w.message)[:30] for w in caught] == ["1 of the 3 clusters are empty."]
    assert caught[0].filename == __file__
    assert model.n_clusters_ == 2 == len(np.unique(model.labels_))
    (empty,) = np.setdiff1d([0, 1, 2], model.labels_)
    assert model.cluster_centers_.shape == (3, 10)
    assert np.isfinite(model.cluster_means_).all()
    assert_allclose(model.cluster_means_[empty], X.mean(axis=0))


def test_released_labels_survive_an_empty_cluster(iris):
    X = np.vstack([iris[0], iris[0] + 1e-9])
    labels = np.repeat([0, 1], 150)
    model = quick(n_clusters=2, init=labels, label_hold=0.3, max_epochs=30)
    assert np.isfinite(model.fit(X).history_["loss"]).all()


# -- the start


def test_init_of_labels(iris):
    X, y = iris
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    model = DCRL(3, init=names, random_state=0).fit(X)
    assert (model.labels_ == y).mean() > 0.9
    again = DCRL(3, init=y.tolist(), random_state=0).fit(X)
    assert_array_equal(again.embedding_, model.embedding_)


def test_init_of_centers(iris):
    X, y = iris
    centers = np.stack([X[y == c].mean(axis=0) for c in range(3)])
    model = DCRL(3, init=centers, random_state=0).fit(X)
    assert (model.labels_ == y).mean() > 0.85


@pytest.mark.parametrize(
    "init, received",
    [
        (np.zeros(150, dtype=int), "1 different labels"),
        (np.arange(149) % 3, r"shape \(149,\)"),
        (np.zeros((3, 5)), r"shape \(3, 5\)"),
    ],
)
def test_unfit_init(iris, init, received):
    with pytest.raises(ValueError, match=f"init has {received}, but must be"):
        quick(init=init).fit(iris[0])
    with pytest.raises(ValueError, match="NaN"):
        quick(init=np.full((3, 4), np.nan)).fit(iris[0])
    for labels in ([None, "a", "b"] * 50, [np.nan, 0, 1] * 50, [-1, 0, 1] * 50):
        with pytest.raises(ValueError, match=r"2 different labels \(and 50 unknown"):
            quick(init=labels).fit(iris[0])


@pytest.mark.parametrize("missing", [-1, None, np.nan, pd.NA])
def test_labels_of_which_some_are_unknown(missing):
    X, y = make_blobs(150, 4, centers=3, cluster_std=0.5, random_state=0)
    known = np.arange(150) % 10 == 0
    labels = y.astype(object)
    labels[~known] = missing
    model = quick(n_clusters=3, init=labels, max_epochs=20).fit(X)
    assert_array_equal(model.labels_, y)
    category = pd.Series(np.array(list("abc"))[y], dtype="category").where(known)
    same = quick(n_clusters=3, init=category, max_epochs=20).fit(X)
    assert_array_equal(same.embedding_, model.embedding_)


def test_labels_spread_along_what_they_lie_on():
    X, y = make_moons(400, noise=0.05, random_state=0)
    codes = np.full(400, -1)
    codes[[np.argmax(y == 0), np.argmax(y == 1)]] = [0, 1]
    neighbors = nearest_neighbors(X, 5)[0]
    assert_array_equal(propagate_labels(codes, X, neighbors), y)
    # known ones are kept, against all around them
    codes = y.copy()
    codes[5] = 1 - y[5]
    codes[::7] = -1
    spread = propagate_labels(codes, X, neighbors)
    assert_array_equal(spread[codes >= 0], codes[codes >= 0])
    # what no label reaches goes to the nearest mean
    X = np.concatenate([np.zeros((9, 1)), np.full((9, 1), 9.0), np.full((9, 1), 7.0)])
    X += np.random.RandomState(0).normal(scale=0.1, size=X.shape)
    codes = np.r_[np.zeros(9), np.ones(9), np.full(9, -1)].astype(int)
    spread = propagate_labels(codes, X, nearest_neighbors(X, 3)[0])
    assert_array_equal(spread[18:], 1)


def random_neighbors(n_samples, rng):
    return np.array(
        [rng.choice(np.delete(np.arange(n_samples), i), 4) for i in range(n_samples)]
    )


def test_modularity_is_that_of_the_graph():
    """Cells are the nodes of a graph whose edges are those of their samples."""
    rng = np.random.default_rng(0)
    neighbors = random_neighbors(30, rng)
    cells = rng.permutation(np.repeat(np.arange(15), 2))
    of_cells = rng.integers(0, 3, 15)
    edges = ((i, int(j)) for i in range(30) for j in neighbors[i])
    communities = [set(np.flatnonzero(of_cells[cells] == j)) for j in range(3)]
    graph = networkx.MultiGraph(edges)
    expected = networkx.community.modularity(graph, communities)
    links = links_between(cells, neighbors, 15)
    assert modularity_of(of_cells, links) == pytest.approx(expected)


def test_no_move_of_a_cell_improves_a_partition():
    rng = np.random.default_rng(0)
    links = links_between(np.arange(60), random_neighbors(60, rng), 60)
    before = np.repeat(np.arange(4), [30, 12, 12, 6])
    after = improved(before, links)
    assert modularity_of(after, links) > modularity_of(before, links) + 0.1
    least = links[before == 3].sum()
    for cell in range(60):
        if links[after == after[cell]].sum() - links[cell].sum() < least - 1e-9:
            continue  # its cluster would become smaller than the smallest was
        for label in range(4):
            other = after.copy()
            other[cell] = label
            assert modularity_of(other, links) <= modularity_of(after, links) + 1e-9


def test_purity_is_that_of_the_worst_cluster():
    # a circle: neighbors are the next three; a cluster of two expects only the next
    neighbors = (np.arange(12)[:, np.newaxis] + [1, 2, 3]) % 12
    labels = np.repeat([0, 1], [10, 2])
    assert least_purity(labels, neighbors) == 1 / 2
    assert least_purity(np.repeat([0, 1], 6), neighbors) == 2 / 3
    # a single sample expects no neighbor
    assert least_purity(np.repeat([0, 1], [11, 1]), neighbors) == 30 / 33
    assert least_purity(np.arange(12), neighbors) == 1


def test_a_few_outliers_are_no_cluster():
    """k-means merges two clusters to make one of three outliers."""
    centers = np.zeros((4, 5))
    centers[1, 0], centers[2, 1], centers[3, 2:] = 4.5, 30, 12
    X, y = make_blobs(
        [100, 100, 100, 3], centers=centers, cluster_std=[1, 1, 1, 0.1], random_state=1
    )
    model = DCRL(3, n_init=1, max_epochs=20, random_state=0)
    labels = model.fit_predict(X)
    assert adjusted_rand_score(y[y < 3], labels[y < 3]) > 0.9


def test_clusters_keep_the_size_of_the_smallest():
    """A single group, whose modularity is largest if all but one cluster vanish."""
    neighbors = (np.arange(40)[:, np.newaxis] + np.arange(1, 20)) % 40
    links = links_between(np.arange(40), neighbors, 40)
    before = np.arange(40) % 4
    after = improved(before, links)
    assert_array_equal(np.bincount(after), 10)


def test_partitions_complete_each_other():
    """Each of two partitions merges groups and splits another."""
    X, y = make_blobs(400, centers=[[0, 0], [10, 0], [0, 10], [10, 10]], random_state=0)
    upper = X[:, 0] > np.median(X[y == 3, 0])
    first = np.choose(y, [0, 0, 1, 2 + upper])
    second = np.choose(y, [0 + upper, 2, 3, 3])
    neighbors, _ = nearest_neighbors(X, 5)
    labels = combine_partitions(np.stack([first, second]), neighbors)
    assert adjusted_rand_score(y, labels) > 0.99


def test_rare_combinations_of_labels_join_the_most_similar_cell():
    partitions = np.repeat([[0, 0, 0], [1, 1, 1], [1, 1, 0]], [2500, 2499, 1], axis=0)
    cells, labels = cells_of(partitions.T)
    assert_array_equal(labels, [[0, 0, 0], [1, 1, 1]])
    assert_array_equal(cells, np.repeat([0, 1], 2500))


def test_every_cluster_keeps_a_cell():
    """A cluster of one sample among thousands is found in each of the partitions."""
    rare = np.repeat([0, 1, 2], [2500, 2499, 1])
    neighbors = np.stack([np.roll(np.arange(5000), 1), np.roll(np.arange(5000), -1)], 1)
    labels = combine_partitions(np.stack([rare, (rare + 1) % 3]), neighbors)
    assert_array_equal(np.bincount(labels), [2500, 2499, 1])


def test_partitions_that_disagree_have_a_bounded_number_of_cells():
    """Almost every sample has its own combination of labels."""
    rng = np.random.RandomState(0)
    X = rng.randn(3000, 4)
    neighbors, _ = nearest_neighbors(X, 5)
    along = rng.randn(12, 4) @ X.T
    partitions = along.argsort(axis=1).argsort(axis=1) // 500
    cells, labels_of_cells = cells_of(partitions)
    assert len(labels_of_cells) == 2000
    assert np.bincount(cells).max() < 30
    labels = combine_partitions(partitions, neighbors)
    assert_array_equal(np.unique(labels), np.arange(6))
    links = links_between(np.arange(3000), neighbors, 3000)
    best = max(modularity_of(labeling, links) for labeling in partitions)
    assert modularity_of(labels, links) > best


def test_few_samples_are_clustered_in_their_graph_if_its_modularity_grows(monkeypatch):
    angles = np.linspace(0, 2 * np.pi, 45, endpoint=False)
    ring = np.column_stack([np.cos(angles), np.sin(angles)])
    X, y = np.concatenate([ring, 3 * ring]), np.repeat([0, 1], 45)
    labels = []

    def record(self, data, space):
        labels.append(initial_labels(self, data, space))
        return labels[-1]

    monkeypatch.setattr(_estimator, "initial_labels", record)
    for init in ("embedding", "k-means"):
        quick(n_clusters=2, init=init).fit(X)
    scores = [adjusted_rand_score(y, each) for each in labels]
    assert scores[0] == 1 and scores[1] < 0.3

    X, y = make_blobs(60, 4, centers=3, cluster_std=0.5, random_state=0)
    monkeypatch.setattr(_start, "spectral_labels", lambda *_: np.arange(60) % 3)
    quick(n_clusters=3, init="embedding").fit(X)
    assert adjusted_rand_score(y, labels[-1]) == 1


def test_empty_clusters_of_init_warn(iris):
    X = iris[0]
    init = np.vstack([X[0], X[0] + 1e3, X[100]])
    with pytest.warns(UserWarning, match=r"centers \[1\] of init.*n_clusters=2"):
        model = quick(init=init).fit(X)
    assert len(model.cluster_centers_) == 2


def test_warm_start_of_a_reduced_number_of_clusters(iris):
    X = np.repeat(iris[0][::30], 12, axis=0)
    model = quick(n_clusters=8, warm_start=True)
    with pytest.warns(UserWarning, match="more than the 5 distinct"):
        model.fit(X)
    for n_clusters in (8, 8):
        model.set_params(n_clusters=n_clusters).fit(X)
        assert len(model.cluster_centers_) == 5
    with pytest.raises(ValueError, match="continues from the networks"):
        model.set_params(n_clusters=3).fit(X)


def test_few_distinct_samples_warn_once(iris):
    X = np.repeat(iris[0][::30], 60, axis=0)
    with pytest.warns(UserWarning) as caught:
        quick(n_clusters=8, init="embedding", n_init=3, batch_size=100).fit(X)
    assert sum("distinct samples" in str(item.message) for item in caught) == 1


def test_arranged_centers_have_the_target_distances():
    rng = np.random.RandomState(0)
    points = rng.randn(4, 3)
    distances = np.linalg.norm(points[:, None] - points, axis=2)
    turn, _ = np.linalg.qr(rng.randn(3, 3))
    placed = arranged(distances, (points @ turn + 5).astype(np.float32))
    # the points themselves, but for the precision
    assert_allclose(placed, points @ turn + 5, atol=1e-5)
    flat = arranged(distances, rng.randn(4, 2).astype(np.float32))
    assert flat.shape == (4, 2) and np.isfinite(flat).all()
    single = arranged(np.zeros((1, 1)), np.ones((1, 2), dtype=np.float32))
    assert_allclose(single, [[1, 1]])


def test_ranks_begin_right(iris, monkeypatch):
    """Initial centers have the scaled distances of the means."""
    X = iris[0]
    monkeypatch.setattr(_objective.DCRLObjective, "arrange", lambda self: None)
    model = quick(max_epochs=1, learning_rate=1e-12, rank_scale=3.0).fit(X)
    rows = model._scaler.transform(X)  # as the fit sees them
    labels = KMeans(3, n_init=10, random_state=0).fit_predict(rows)
    means = np.stack([X[labels == c].mean(axis=0) for c in range(3)])

    def triangle(points):
        return np.sort(np.linalg.norm(points - np.roll(points, 1, axis=0), axis=1))

    ratio = triangle(model.cluster_centers_) / triangle(means)
    assert_allclose(ratio, ratio[0], rtol=1e-5)


# -- the objectives of others


def test_each_weight_is_that_of_its_term(iris):
    weights = {
        "reconstruction": "reconstruction_weight",
        "clusters": "cluster_weight",
        "local": "local_weight",
        "ranks": "rank_weight",
        "alignment": "alignment_weight",
    }
    base = {name: 1.0 for name in weights.values()}
    options = dict(max_epochs=1, learning_rate=1e-12)
    once = quick(**base, **options).fit(iris[0]).history_
    assert set(once) == {"loss", "learning_rate_factor", *TERMS}
    for term, name in weights.items():
        twice = quick(**{**base, name: 2.0}, **options).fit(iris[0]).history_
        for other in TERMS:
            factor = 2.0 if other == term else 1.0
            assert_allclose(twice[other], factor * np.array(once[other]), rtol=1e-6)


DEC = dict(
    reconstruction_weight=0.0,
    cluster_weight=1.0,
    local_weight=0.0,
    rank_weight=0.0,
    alignment_weight=0.0,
    label_hold=0.0,
    center_learning_rate=1.0,
)
IDEC = {**DEC, "reconstruction_weight": 1.0, "cluster_weight": 0.1}


def objective_of(monkeypatch, model, X):
    """Return the trained objective of the last phase, and a batch."""
    from skmanifold.base import Run

    kept = {}
    inner = Run.train

    def look(self, objective, batches, **options):
        history = inner(self, objective, batches, **options)
        kept.update(objective=objective, batches=batches)
        return history

    monkeypatch.setattr(Run, "train", look)
    model.fit(X)
    generator = torch.Generator().manual_seed(0)
    return kept["objective"].train(), next(iter(kept["batches"].epoch(generator)))


@torch.no_grad()
def begin_epoch(objective, progress):
    objective.on_epoch_start(progress)


@pytest.mark.parametrize("weights, share", [(DEC, 0.0), (IDEC, 1.0)])
def test_objectives_of_dec_and_idec(monkeypatch, iris, weights, share):
    """The gradients are those of the published objectives, written in plain torch."""
    float32 = TrainingOptions(precision="float32")
    model = quick(training=float32, **weights)
    objective, batch = objective_of(monkeypatch, model, iris[0])
    rows = batch[0]  # no neighbors: nothing compares them
    parameters = [*objective.encoder.network.parameters(), objective.clusters.centers]
    begin_epoch(objective, 0.5)
    ours = torch.autograd.grad(sum(objective(batch, 0.5).values()), parameters)

    def assignments(z):
        d2 = (z[:, None] - objective.clusters.centers).square().sum(2)
        kernel = 1 / (1 + d2)
        return kernel / kernel.sum(1, keepdim=True)

    network = objective.encoder.network
    with torch.no_grad():
        q = assignments(network(objective.features))
        p = q**2 / q.sum(0)
        p = (p / p.sum(1, keepdim=True))[rows]
    loss = (p * (p.log() - assignments(network(objective.features[rows])).log())).sum(1)
    x = objective.features[rows]
    error = (objective.decoder.features(network(x)) - x).square().sum(1).mean()
    naive = weights["cluster_weight"] * loss.mean() + share * error
    for a, b in zip(ours, torch.autograd.grad(naive, parameters), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-5)


def test_the_decoder_follows_an_encoder_that_it_does_not_move(digits):
    X = digits[0][:600]
    model = DCRL(10, init="k-means", random_state=0, **DEC).fit(X)
    variance = ((X - X.mean(axis=0)) ** 2).sum(axis=1).mean()
    assert -model.score(X) < 0.7 * variance


def test_samples_of_a_batch_are_decoded_without_their_neighbors(monkeypatch, iris):
    objective, batch = objective_of(monkeypatch, quick(), iris[0])
    features = objective.features[batch[0]]
    restored = objective.decoder.features(objective.encoder.network(features))
    error = (restored - features).square().sum(1).mean()
    torch.testing.assert_close(objective(batch, 0.9)["reconstruction"], error)


def test_muon_trains_all_phases_but_the_contrast(monkeypatch, images):
    from skmanifold.base import _run

    optimizers = []

    def keep(*args, **options):
        optimizers.append([type(o).__name__ for o in make_optimizers(*args, **options)])
        return make_optimizers(*args, **options)

    make_optimizers = _run.make_optimizers
    monkeypatch.setattr(_run, "make_optimizers", keep)
    quick(init="k-means", image_shape=(8, 8), representation_epochs=1).fit(images)
    assert optimizers == [["AdamW"], ["AdamW", "Muon"], ["AdamW", "Muon"]]


def test_weights_go_from_the_first_to_the_last(monkeypatch, iris):
    model = quick(local_weight=(0.0, 2.0), continuation=0.5)
    objective, batch = objective_of(monkeypatch, model, iris[0])
    values = [objective(batch, share)["local"].item() for share in (0, 0.25, 0.5, 0.9)]
    assert values[0] == 0
    assert_allclose(values[1], values[2] / 2)
    assert values[2] == values[3]
    assert objective.settled_from == 0.5


@pytest.mark.parametrize(
    "options, expected",
    [
        (dict(local_weight=1.0, cluster_weight=1.0, label_hold=0.0), 0.0),
        (dict(local_weight=1.0, cluster_weight=1.0), 0.5),  # the means follow
        (dict(label_hold=0.8), 0.8),
        (dict(continuation=0.7), 0.7),
    ],
)
def test_early_stopping_waits_for_the_last_change(monkeypatch, iris, options, expected):
    objective, _ = objective_of(monkeypatch, quick(**options), iris[0])
    assert objective.settled_from == expected


def test_labels_are_held_for_the_given_share(monkeypatch, iris):
    model = quick(label_hold=0.5, label_smoothing=0.1)
    objective, batch = objective_of(monkeypatch, model, iris[0])
    wanted = torch.full((150, 3), 0.1 / 3)
    wanted[torch.arange(150), objective.labels] += 0.9
    objective.targets = held = wanted.clone()
    begin_epoch(objective, 0.49)
    assert objective.targets is held
    begin_epoch(objective, 0.5)
    assert objective.targets is not held
    torch.testing.assert_close(objective.targets.sum(1), torch.ones(150))
    released = objective.targets
    objective(batch, 0.9)
    assert objective.targets is released, "once an epoch"


def test_samples_that_leave_their_held_label_weigh_more(monkeypatch, iris):
    model = quick(label_hold=0.8, continuation=0.4, cluster_weight=2.0)
    objective, batch = objective_of(monkeypatch, model, iris[0])
    rows = batch[0]

    @torch.no_grad()
    def expected(stray_weight):
        z = objective.encoder.network(objective.features[rows])
        log_q = log_assignments(z, objective.clusters.centers)
        total = 0.0
        for p, log_q_i, row in zip(objective.targets[rows], log_q, rows, strict=True):
            stray = int(log_q_i.argmax()) != int(objective.initial_labels[row])
            stray = stray and bool(objective.agreed[row])
            divergence = float(sum(p * (p.log() - log_q_i)))
            total += 2.0 * divergence * (stray_weight if stray else 1.0)
        return total / len(rows)

    assert objective.agreed.float().mean() > 0.9
    objective.agreed[::5] = False
    # half of the samples get another label
    with torch.no_grad():
        objective.initial_labels = objective.initial_labels.clone()
        objective.initial_labels[::2] = (objective.initial_labels[::2] + 1) % 3
    for progress, stray_weight in ((0.0, 1.0), (0.2, 50.5), (0.4, 100.0)):
        ours = objective(batch, progress)["clusters"].item()
        assert ours == pytest.approx(expected(stray_weight), rel=1e-4)
    begin_epoch(objective, 0.8)
    ours = objective(batch, 0.8)["clusters"].item()
    assert ours == pytest.approx(expected(1.0), rel=1e-4), "released"


# -- representations


def test_transformer_as_representation(digits, images):
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


def test_representation_gets_a_seed(iris):
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
def test_unfit_representation(iris, representation, match):
    if isinstance(representation, type):
        representation = representation.fit  # neither fit nor transform
    with pytest.raises(ValueError, match=match):
        quick(representation=representation).fit(iris[0])


def test_contrastive_representation(images):
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


def test_images_with_channels_and_another_background(images):
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


def test_a_start_from_an_embedding_has_the_same_bits_on_any_threads(digits):
    def fit(n_threads):
        torch.set_num_threads(n_threads)
        model = quick(init="embedding", n_init=1, batch_size=100)
        return model.fit_transform(digits[0][:100])

    assert_array_equal(fit(4), fit(1))


# -- input of any habit


def test_predict_proba_of_sparse_samples(iris):
    model = quick().fit(sparse.csr_array(iris[0]))
    with pytest.raises(TypeError, match=r"not accept sparse X.*Pass X.toarray"):
        model.predict_proba(sparse.csr_array(iris[0]))
    assert model.predict_proba(iris[0]).shape == (150, 3)


@pytest.mark.parametrize("n_samples", [30, 250])
@pytest.mark.filterwarnings("ignore:X has no varying column")
def test_all_samples_equal(n_samples):
    X = np.full((n_samples, 3), 7.0)
    with pytest.warns(UserWarning, match="n_clusters=3 is more than the 1 distinct"):
        model = quick(batch_size=15).fit(X)
    assert_array_equal(model.labels_, np.zeros(n_samples))
    assert_array_equal(model.embedding_, model.embedding_[[0]].repeat(n_samples, 0))
    assert_array_equal(model.reconstruct(X), X)


# -- bad input


# -- the method's parameters


def test_the_algorithm_of_the_paper(iris):
    """The complete method, from given initial labels."""
    start = KMeans(3, n_init=10, random_state=0).fit_predict(iris[0])
    model = quick(
        init=start,
        encoder_layers=(500, 500, 2000),
        norm="none",
        activation="relu",
        cluster_weight=(0.1, 0.0),
        local_weight=(0.0, 1.0),
        label_hold=0.0,
        arrange_centers=False,
        center_learning_rate=1.0,
        pretraining_epochs=10,
        max_epochs=10,
    )
    model.fit(iris[0])
    assert np.isfinite(model.embedding_).all()
    assert len(np.unique(model.labels_)) > 1


# -- scikit-learn around it


def test_warm_start_goes_on(iris):
    X = iris[0]
    model = quick(warm_start=True, max_epochs=30).fit(X)
    before = clone(model).fit(X), model.cluster_centers_
    model.set_params(max_epochs=1, learning_rate=1e-9).fit(X)
    assert not hasattr(model, "pretraining_history_")
    assert_allclose(model.embedding_, before[0].embedding_, atol=1e-3)
    assert_allclose(model.cluster_centers_, before[1], atol=1e-4)
    assert_array_equal(model.labels_, before[0].labels_)
    with pytest.raises(ValueError, match="features"):
        model.fit(X[:, :2])
    with pytest.raises(ValueError, match="continues from the networks"):
        model.set_params(n_components=3).fit(X)
    with pytest.raises(ValueError, match="continues from the networks"):
        model.set_params(n_components=10, n_clusters=4).fit(X)


def test_warm_start_of_a_representation(images):
    options = dict(n_clusters=4, image_shape=(8, 8), representation_epochs=2)
    for own in (options, dict(n_clusters=4, representation=PCA(5))):
        model = quick(warm_start=True, **own).fit(images)
        before = model.embedding_
        model.set_params(learning_rate=1e-12, max_epochs=1).fit(images)
        assert_allclose(model.embedding_, before, atol=1e-3)


# -- feedback


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


# -- metrics


def test_neighbors_in_another_metric(iris):
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


def test_texts_by_their_cosine():
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


def test_clusters_of_distances():
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


# -- arrangement of clusters


def test_clusters_are_shifted_to_exact_distances():
    X, y = make_blobs(300, 5, centers=6, cluster_std=0.5, random_state=0)
    centers = np.array([X[y == j].mean(axis=0) for j in range(6)])
    wanted = pdist(centers + np.random.RandomState(0).normal(scale=0.3, size=(6, 5)))
    before, after, shifts = arrangement(X, centers, y, lambda _: squareform(wanted))
    wanted *= pdist(centers) @ wanted / (wanted @ wanted)
    shift, back = Arrangement(8, 5), Arrangement(8, 5)
    Z = torch.tensor(X, dtype=torch.float32)
    assert_array_equal(shift(Z), Z)  # before it is set
    shift.set(before, shifts)
    back.set(after, -shifts)
    moved = shift(Z)
    means = np.array([moved[y == j].double().numpy().mean(axis=0) for j in range(6)])
    assert_allclose(pdist(means), wanted, rtol=1e-5)
    assert_allclose(means, after, atol=1e-5)
    assert (moved - Z).abs().max() > 0.1
    assert_allclose(back(moved), X, atol=1e-2)


def test_distances_in_more_dimensions_need_no_shift():
    X = np.random.RandomState(0).rand(30, 2)
    labels = np.arange(30) % 5
    before, after, shifts = arrangement(X, X[:5], labels, lambda _: 1.0 - np.eye(5))
    assert not shifts.any()
    assert_array_equal(before, X[:5])
    assert_array_equal(after, X[:5])


def test_ranks_are_those_of_scaled_samples_if_units_differ():
    X, y = make_blobs(240, 6, centers=8, cluster_std=0.3, random_state=3)
    X[:, 0] *= 1e6
    model = DCRL(8, init=y, max_epochs=5, random_state=0).fit(X)
    rows = model._scaler.transform(X)
    assert cluster_rank_accuracy(rows, model.embedding_, model.labels_) == 1
    assert cluster_rank_accuracy(X, model.embedding_, model.labels_) < 0.9


def test_all_ranks_are_kept_by_many_clusters():
    X, y = make_blobs(400, 30, centers=25, random_state=0)
    model = DCRL(25, init=y, max_epochs=5, random_state=0).fit(X)
    assert model.embedding_.shape == (400, 24)
    assert adjusted_rand_score(y, model.labels_) > 0.95
    assert cluster_rank_accuracy(X, model.embedding_, model.labels_) == 1
    means = [model.embedding_[model.labels_ == j].mean(axis=0) for j in range(25)]
    assert_allclose(means, model.cluster_centers_, atol=1e-3)


# -- wide data


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


def test_round_clusters_in_many_columns_are_found():
    """The labels that fit the neighbors best are taken."""
    X, y = make_blobs(240, 60, centers=6, cluster_std=6.0, random_state=0)
    neighbors, _ = nearest_neighbors(X, 5)
    useless = np.arange(240.0)[:, np.newaxis]
    labels = best_labels([useless, X, useless], neighbors, 6, 0)
    assert adjusted_rand_score(y, labels) > 0.95


class Embedding:
    """An embedding that returns the given one of its seed."""

    def __init__(self, given):
        self.given = list(given)

    def set_params(self, random_state):
        return self

    def fit_transform(self, X):
        return self.given.pop(0)


def test_embeddings_complete_each_other(monkeypatch):
    """Each of two embeddings merges groups that the other one separates."""
    y = np.repeat(np.arange(4), 60)
    rng = np.random.RandomState(0)
    X = np.eye(4)[y] + rng.normal(scale=0.02, size=(240, 4))
    neighbors, _ = nearest_neighbors(X, 5)
    noise = rng.normal(scale=0.1, size=(3, 240, 1))
    given = 10 * (y % 2)[:, np.newaxis] + noise[0], (y // 2)[:, None] + noise[1]
    monkeypatch.setattr(_start, "DLME", lambda **options: Embedding(given))
    spaces = _start.initial_embeddings(DCRL(4, n_init=2), noise[2], neighbors, 0)
    labels = best_labels(spaces, neighbors, 4, 0)
    assert adjusted_rand_score(y, labels) == 1


# -- the number of clusters


def number_of_groups(points, seed=0):
    return choose_number(*count_groups(points, seed), len(np.unique(points, axis=0)))


def test_groups_are_those_of_the_mutual_neighbor_graph():
    """Against graphs of all neighborhoods, one after the other."""
    points, _ = make_blobs([25, 10, 5], 3, cluster_std=0.5, random_state=0)
    numbers, persistence = count_groups(points, 0)
    order = np.argsort(cdist(points, points), axis=1)
    expected = {}
    for k in range(5, 21):
        near = np.zeros((40, 40), dtype=bool)
        np.put_along_axis(near, order[:, : k + 1], True, axis=1)
        _, labels = connected_components(near & near.T)
        n_groups = max(1, np.sum(np.bincount(labels) >= k))
        expected[n_groups] = expected.get(n_groups, 0) + np.log((k + 0.5) / (k - 0.5))
    assert dict(zip(numbers, persistence, strict=True)) == pytest.approx(expected)


@pytest.mark.parametrize("n_samples", [2, 9, 400, 3000, 3001])
def test_a_single_group_is_one(n_samples):
    points = np.random.RandomState(0).normal(size=(n_samples, 3))
    assert number_of_groups(points) == 1


def test_many_samples_are_counted_in_parts():
    points, _ = make_blobs(3001, 2, centers=3, random_state=0)
    order = np.random.RandomState(0).permutation(3001)
    expected = {}
    for part in (order[:1501], order[1501:]):
        for number, width in zip(*count_groups(points[part], 0), strict=True):
            expected[number] = expected.get(number, 0) + width / 2
    numbers, persistence = count_groups(points, 0)
    assert dict(zip(numbers, persistence, strict=True)) == pytest.approx(expected)
    # gaps by chance are rarer there
    evidence = np.array([1, 10]), np.array([1.0, 0.6])
    assert [choose_number(*evidence, n_distinct=n) for n in (3000, 3001)] == [1, 10]


def test_groups_of_any_size_and_shape_are_counted():
    rng = np.random.RandomState(0)
    angle = rng.uniform(0, 2 * np.pi, 900)
    ring = np.stack([np.cos(angle), np.sin(angle)], 1) * 6
    points = np.concatenate([ring, np.zeros((90, 2)), np.full((40, 2), 9)])
    points += rng.normal(scale=0.2, size=points.shape)
    assert number_of_groups(points) == 3


def test_copies_are_one_neighbor():
    rng = np.random.RandomState(0)
    points, _ = make_blobs([25, 10, 5], 3, cluster_std=0.5, random_state=0)
    once, many = count_groups(points, 0), count_groups(np.repeat(points, 7, axis=0), 0)
    assert_array_equal(many, once)
    shuffled = np.repeat(points, 7, axis=0)[rng.permutation(280)]
    assert_array_equal(count_groups(shuffled, 0), once)
    # copies of one sample are a group if they are many
    groups = np.concatenate([rng.normal(size=(100, 3)) + 9, rng.normal(size=(80, 3))])
    for n_copies, expected in ((1, 2), (100, 3)):
        points = np.concatenate([groups, np.full((n_copies, 3), -9.0)])
        assert number_of_groups(points) == expected


@pytest.mark.parametrize("n_distinct", [24, 150])
def test_copies_are_no_clusters(n_distinct):
    X = np.repeat(np.random.RandomState(0).normal(size=(n_distinct, 4)), 10, axis=0)
    with pytest.warns(UserWarning, match="no groups with gaps"):
        model = quick(n_clusters="auto", n_init=1, batch_size=100).fit(X)
    assert model.n_clusters_ == 1


@pytest.mark.parametrize("n_samples", [2, 9])
def test_too_few_samples_to_count_warn(n_samples):
    """Two distant samples are no evidence of two groups."""
    X = np.repeat(2.0 ** np.arange(n_samples)[:, np.newaxis], 5, axis=0)
    match = f"at least 10 distinct samples, but X has {n_samples}; using n_clusters=1"
    with pytest.warns(UserWarning, match=match):
        model = quick(n_clusters="auto", batch_size=5).fit(X)
    assert model.n_clusters_ == 1


def test_groups_of_few_samples_are_counted_without_an_embedding(monkeypatch):
    def fail(*arguments):
        raise AssertionError

    monkeypatch.setattr(_start, "initial_embeddings", fail)
    X, _ = make_blobs(90, 6, centers=3, cluster_std=0.5, random_state=2)
    assert quick(n_clusters="auto", init="embedding").fit(X).n_clusters_ == 3


def test_the_number_of_clusters_is_found(tmp_path):
    """The fit, its file and its copies are those with the given number."""
    X, y = make_blobs(240, 6, centers=12, cluster_std=0.5, random_state=2)
    options = {"n_init": 1, "max_epochs": 20, "n_jobs": 1, "random_state": 0}
    model = DCRL("auto", **options).fit(X)
    assert model.n_clusters_ == 12
    assert model.embedding_.shape == (240, 11)
    assert adjusted_rand_score(y, model.labels_) == 1
    evidence = model.cluster_criterion_
    assert evidence["persistence"][evidence["n_clusters"] == 12] > 1
    given = DCRL(12, **options).fit(X)
    assert_array_equal(model.embedding_, given.embedding_)
    assert not hasattr(given, "cluster_criterion_")
    model.save(tmp_path / "model")
    loaded = load(tmp_path / "model")
    assert loaded.n_clusters == clone(model).n_clusters == "auto"
    assert_array_equal(loaded.predict(X), model.labels_)
    model.set_params(warm_start=True, max_epochs=1).fit(X)
    assert len(model.cluster_centers_) == 12
    assert model.cluster_criterion_ is evidence


def test_the_number_of_clusters_of_images(digits):
    """The features learned first are kept in the networks of the estimated number."""
    X = digits[0][digits[1] < 3][:250]
    options = {"image_shape": (8, 8), "n_init": 3, "random_state": 0, "n_jobs": 1}
    options |= {"max_epochs": 1, "pretraining_epochs": 1, "representation_epochs": 20}
    model = DCRL("auto", **options).fit(X)
    n_clusters = len(model.cluster_centers_)
    assert n_clusters > 1
    given = DCRL(n_clusters, **options).fit(X)
    assert_array_equal(model.embedding_, given.embedding_)


@pytest.mark.parametrize("init", ["embedding", "k-means"])
def test_data_without_groups_warn(init):
    X = np.random.RandomState(0).normal(size=(220, 4))
    options = {"n_init": 1, "max_epochs": 1, "random_state": 0, "n_jobs": 1}
    with pytest.warns(UserWarning, match="no groups with gaps"):
        model = DCRL("auto", init=init, **options).fit(X)
    assert model.n_clusters_ == 1


def test_the_number_of_clusters_is_that_of_init(iris):
    X, y = iris
    means = np.stack([X[y == label].mean(axis=0) for label in range(3)])
    for init in (y, np.where(np.arange(150) % 2, y, -1), means):
        assert len(quick(n_clusters="auto", init=init).fit(X).cluster_centers_) == 3
    with pytest.raises(ValueError, match=r"or centers of shape \(n_clusters, 4\)"):
        quick(n_clusters="auto", init=y[:9]).fit(X)
