# SPDX-License-Identifier: BSD-3-Clause

"""DCRL before training: initial labels, and the number of clusters."""

import networkx
import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse.csgraph import connected_components
from scipy.spatial.distance import cdist
from sklearn.base import clone
from sklearn.datasets import make_blobs, make_moons
from sklearn.metrics import adjusted_rand_score

from skmanifold import DCRL, load
from skmanifold.estimators._dcrl import _estimator, _initial_labels
from skmanifold.estimators._dcrl._initial_labels import (
    best_labels,
    initial_labels,
    linked_labels,
    propagate_labels,
    purest,
)
from skmanifold.estimators._dcrl._number import choose_number, count_groups
from skmanifold.estimators._dcrl._partitions import (
    cells_of,
    combine_partitions,
    improved,
    links_between,
    modularity_of,
    purities,
)
from skmanifold.graph import nearest_neighbors
from skmanifold.training import TrainingOptions
from tests.estimators.test_dcrl import quick

# fits are far too short here
pytestmark = pytest.mark.filterwarnings("ignore:Training left .* empty:UserWarning")


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

    monkeypatch.setattr(_initial_labels.DLME, "fit_transform", fit_transform)
    model = DCRL(3, n_init=1, training=TrainingOptions(precision="float32"))
    _initial_labels.initial_embeddings(model, np.zeros((n_samples, 2)), None, 0)
    (params,) = fitted
    assert params["max_epochs"] == max_epochs
    assert params["extra_components"] == 0
    assert params["training"].optimizer == "adamw"
    assert params["training"].precision == "float32"


@pytest.mark.parametrize(("n_clusters", "n_init"), [(3, 2), ("auto", 3)])
def test_counting_takes_one_more_embedding(monkeypatch, n_clusters, n_init):
    monkeypatch.setattr(_initial_labels.DLME, "fit_transform", lambda self, X: X)

    def embed(**options):
        model = DCRL(n_clusters, **options)
        return _initial_labels.initial_embeddings(model, np.zeros((9, 2)), None, 0)

    assert len(embed()) == n_init
    assert len(embed(n_init=1)) == 1


def test_a_hundred_samples_are_initialized_by_embeddings():
    """Moons are not found by k-means in the features."""
    X, y = make_moons(100, noise=0.05, random_state=0)
    assert adjusted_rand_score(y, DCRL(2, random_state=0).fit_predict(X)) > 0.9


def test_an_initial_embedding_has_the_same_bits_for_any_threads(digits):
    def fit(n_threads):
        torch.set_num_threads(n_threads)
        model = quick(init="embedding", n_init=1, batch_size=100)
        return model.fit_transform(digits[0][:100])

    assert_array_equal(fit(4), fit(1))


def test_init_may_be_labels(iris):
    X, y = iris
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    model = DCRL(3, init=names, random_state=0).fit(X)
    assert (model.labels_ == y).mean() > 0.9
    again = DCRL(3, init=y.tolist(), random_state=0).fit(X)
    assert_array_equal(again.embedding_, model.embedding_)


def test_init_may_be_centers(iris):
    X, y = iris
    centers = np.stack([X[y == c].mean(axis=0) for c in range(3)])
    model = DCRL(3, init=centers, random_state=0).fit(X)
    assert (model.labels_ == y).mean() > 0.85


@pytest.mark.parametrize(
    "init, received",
    [
        (np.zeros(150, dtype=int), "1 different label"),
        (np.arange(149) % 3, r"shape \(149,\)"),
        (np.zeros((3, 5)), r"shape \(3, 5\)"),
    ],
)
def test_invalid_init_is_refused(iris, init, received):
    with pytest.raises(ValueError, match=f"init has {received}, but must be"):
        quick(init=init).fit(iris[0])
    with pytest.raises(ValueError, match="NaN"):
        quick(init=np.full((3, 4), np.nan)).fit(iris[0])
    for labels in ([None, "a", "b"] * 50, [np.nan, 0, 1] * 50, [-1, 0, 1] * 50):
        with pytest.raises(ValueError, match=r"2 different labels \(and 50 unknown"):
            quick(init=labels).fit(iris[0])


@pytest.mark.parametrize("missing", [-1, None, np.nan, pd.NA])
def test_init_may_be_labels_of_which_some_are_unknown(missing):
    X, y = make_blobs(150, 4, centers=3, cluster_std=0.5, random_state=0)
    known = np.arange(150) % 10 == 0
    labels = y.astype(object)
    labels[~known] = missing
    model = quick(n_clusters=3, init=labels, max_epochs=20).fit(X)
    assert_array_equal(model.labels_, y)
    category = pd.Series(np.array(list("abc"))[y], dtype="category").where(known)
    same = quick(n_clusters=3, init=category, max_epochs=20).fit(X)
    assert_array_equal(same.embedding_, model.embedding_)


def test_labels_spread_along_groups():
    X, y = make_moons(400, noise=0.05, random_state=0)
    codes = np.full(400, -1)
    codes[[np.argmax(y == 0), np.argmax(y == 1)]] = [0, 1]
    neighbors = nearest_neighbors(X, 5)[0]
    assert_array_equal(propagate_labels(codes, X, neighbors), y)
    # known labels are kept even if all neighbors differ
    codes = y.copy()
    codes[5] = 1 - y[5]
    codes[::7] = -1
    spread = propagate_labels(codes, X, neighbors)
    assert_array_equal(spread[codes >= 0], codes[codes >= 0])
    # samples that no label reaches join the nearest mean
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


def test_purities_are_those_of_each_cluster():
    # a circle: neighbors are the next three; a cluster of two expects only the next
    neighbors = (np.arange(12)[:, np.newaxis] + [1, 2, 3]) % 12
    for sizes, expected in [
        ([10, 2], [25 / 30, 1 / 2]),
        ([6, 6], [2 / 3, 2 / 3]),
        # a single sample expects no neighbor
        ([11, 1], [30 / 33, 1]),
        ([1] * 12, [1] * 12),
    ]:
        labels = np.repeat(np.arange(len(sizes)), sizes)
        assert_allclose(purities(labels, neighbors), expected)


@pytest.mark.parametrize("sizes", [[900, 70, 30], [6000, 400, 300]])
def test_linkage_keeps_a_large_group_beside_small_ones(sizes):
    rng = np.random.default_rng(0)
    truth = np.repeat(np.arange(3), sizes)
    points = rng.normal(size=(len(truth), 2)) * [3, 1]
    points += np.array([[0, 0], [30, 0], [30, 9]])[truth]
    points = np.append(points, [[300, 300], [301, 300]], axis=0)  # outliers are none
    labels = linked_labels(points, 3, 0)
    assert adjusted_rand_score(truth, labels[:-2]) == 1
    assert linked_labels(points[:25], 3, 0) is None
    # the modularity divides the large group
    neighbors = nearest_neighbors(points, 15)[0]
    split = np.where((truth == 0) & (points[:-2, 0] > 0), 3, np.minimum(truth, 1))
    split = np.append(split, [1, 1])
    assert purest([split, None, labels], neighbors) is labels
    assert purest([labels, split], neighbors) is labels


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


def first_labels(monkeypatch, X, **parameters):
    """The initial labels of a fit."""
    labels = []

    def record(self, data, space):
        labels.append(initial_labels(self, data, space))
        return labels[-1]

    monkeypatch.setattr(_estimator, "initial_labels", record)
    quick(**parameters).fit(X)
    return labels[0]


def test_few_samples_are_clustered_in_their_graph_if_its_modularity_grows(monkeypatch):
    angles = np.linspace(0, 2 * np.pi, 45, endpoint=False)
    ring = np.column_stack([np.cos(angles), np.sin(angles)])
    X, y = np.concatenate([ring, 3 * ring]), np.repeat([0, 1], 45)
    scores = [
        adjusted_rand_score(y, first_labels(monkeypatch, X, n_clusters=2, init=init))
        for init in ("embedding", "k-means")
    ]
    assert scores[0] == 1 and scores[1] < 0.3

    X, y = make_blobs(60, 4, centers=3, cluster_std=0.5, random_state=0)
    monkeypatch.setattr(
        _initial_labels, "spectral_labels", lambda *_: np.arange(60) % 3
    )
    labels = first_labels(monkeypatch, X, n_clusters=3, init="embedding")
    assert adjusted_rand_score(y, labels) == 1


def test_copies_of_few_samples_start_from_k_means(monkeypatch):
    angles = np.linspace(0, 2 * np.pi, 45, endpoint=False)
    ring = np.column_stack([np.cos(angles), np.sin(angles)])
    copies = np.tile(np.concatenate([ring, 3 * ring]), (2, 1))
    labels = [
        first_labels(monkeypatch, copies, n_clusters=2, init=init)
        for init in ("embedding", "k-means")
    ]
    assert_array_equal(*labels)


def test_clusters_of_few_samples_stay_apart(monkeypatch):
    """Clusters smaller than the neighborhoods; merged, their modularity is larger."""
    X, y = make_blobs(40, 5, centers=20, center_box=(-30, 30), random_state=0)
    labels = first_labels(monkeypatch, X, n_clusters=20, init="embedding")
    assert adjusted_rand_score(y, labels) > 0.95


def test_empty_clusters_of_init_warn(iris):
    X = iris[0]
    init = np.vstack([X[0], X[0] + 1e3, X[100]])
    with pytest.warns(UserWarning, match=r"centers \[1\] of init.*n_clusters=2"):
        model = quick(init=init).fit(X)
    assert len(model.cluster_centers_) == 2


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
    monkeypatch.setattr(_initial_labels, "DLME", lambda **options: Embedding(given))
    spaces = _initial_labels.initial_embeddings(
        DCRL(4, n_init=2), noise[2], neighbors, 0
    )
    labels = best_labels(spaces, neighbors, 4, 0)
    assert adjusted_rand_score(y, labels) == 1


def number_of_groups(points, seed=0):
    n_distinct = len(np.unique(points, axis=0))
    return choose_number(*count_groups(points, seed), n_distinct)[0]


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
    assert [choose_number(*evidence, n)[0] for n in (3000, 3001)] == [1, 10]


def test_groups_are_found_although_no_number_of_them_persists(monkeypatch):
    numbers = np.arange(1, 7)
    few = np.array([1.0, 0.5, 0.6, 0.4, 0.4, 0.3])  # a factor of exp(2.2) together
    more = few + np.where(numbers == 6, 0.2, 0.0)
    assert [choose_number(numbers, p, 100)[0] for p in (few, more)] == [1, 3]
    # noise has many large numbers, which are near each other
    noise = np.append(numbers, [50, 51, 52, 53]), np.append(few - 0.1, [0.17] * 4)
    assert choose_number(*noise, 100) == (3, False)
    monkeypatch.setattr(_initial_labels, "count_groups", lambda *_: (numbers, more))
    X = np.random.RandomState(0).normal(size=(90, 3))
    with pytest.warns(UserWarning, match=r"depends on the scale; using n_clusters=3\."):
        assert quick(n_clusters="auto").fit(X).n_clusters_ == 3


@pytest.mark.parametrize(
    "numbers, persistence, expected",
    [
        ([1, 5, 18, 19, 20], [2.0, 0.6, 0.3, 0.4, 0.3], 19),
        ([5, 18, 19, 20], [0.8, 0.2, 0.2, 0.2], 5),
        # too far apart, or without gaps
        ([1, 4, 5, 6, 12], [0.1, 0.6, 0.5, 0.6, 0.5], 1),
        ([1, 9, 10], [2.0, 0.2, 0.2], 1),
    ],
)
def test_nearly_equal_numbers_persist_together(numbers, persistence, expected):
    result, certain = choose_number(np.array(numbers), np.array(persistence), 100)
    assert result == expected and certain == (expected > 1)


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

    monkeypatch.setattr(_initial_labels, "initial_embeddings", fail)
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


def test_the_number_of_clusters_of_images_is_found(digits):
    """The features learned first are kept in the networks of the estimated number."""
    X = digits[0][digits[1] < 3][:250]
    # with this seed one number lasts far longer than others, whatever the rounding
    options = {"image_shape": (8, 8), "n_init": 3, "random_state": 1, "n_jobs": 1}
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
