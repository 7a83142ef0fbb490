# SPDX-License-Identifier: BSD-3-Clause


import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.spatial.distance import pdist, squareform
from sklearn.base import TransformerMixin, is_clusterer
from sklearn.cluster import KMeans
from sklearn.datasets import make_blobs
from sklearn.metrics import adjusted_rand_score

from skmanifold import DCRL
from skmanifold.estimators._dcrl import _objective
from skmanifold.estimators._dcrl._arrangement import Arrangement, arranged, arrangement
from skmanifold.losses import log_assignments
from skmanifold.metrics import (
    cluster_rank_accuracy,
    clustering_accuracy,
    trustworthiness,
)
from skmanifold.training import TrainingOptions

QUICK = dict(
    n_clusters=3,
    init="k-means",
    max_epochs=2,
    pretraining_epochs=1,
    batch_size=32,
    random_state=0,
)
TERMS = {"reconstruction", "clusters", "local", "ranks", "alignment"}

# fits are far too short here
pytestmark = pytest.mark.filterwarnings("ignore:Training left .* empty:UserWarning")


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
    d2 = ((model.embedding_[:, None] - model.cluster_centers_) ** 2).sum(axis=2)
    kernel = 1 / (1 + d2)
    assert_allclose(q, kernel / kernel.sum(axis=1, keepdims=True))
    assert model.cluster_centers_.shape == (10, 10)
    for cluster, mean in enumerate(model.cluster_means_):
        assert_allclose(mean, X[model.labels_ == cluster].mean(axis=0))


def test_a_single_cluster_has_all_samples(iris):
    model = quick(n_clusters=1).fit(iris[0])
    assert_array_equal(model.labels_, np.zeros(150))
    assert_array_equal(model.predict_proba(iris[0]), np.ones((150, 1)))
    assert_allclose(model.cluster_means_[0], iris[0].mean(axis=0))
    assert np.isfinite(model.history_["loss"]).all()


def test_more_clusters_than_samples_are_reduced(iris):
    with pytest.warns(UserWarning, match="n_clusters=20 is more than the 12 distinct"):
        model = quick(n_clusters=20, batch_size=10).fit(iris[0][::13])
    assert model.cluster_centers_.shape == (12, 19)
    assert model.predict_proba(iris[0]).shape == (150, 12)
    assert model.n_clusters == 20


def test_clusters_may_outnumber_groups_and_dimensions(iris):
    model = quick(n_clusters=25, n_components=2, max_epochs=10).fit(iris[0])
    assert model.cluster_centers_.shape == (25, 2)
    assert np.isfinite(model.cluster_centers_).all()
    assert len(np.unique(model.labels_)) > 5


def test_unbalanced_and_tiny_clusters_are_found():
    rng = np.random.RandomState(0)
    sizes = (120, 20, 2, 1)
    y = np.repeat(range(4), sizes)
    X = 8.0 * np.eye(4)[y] + 0.3 * rng.randn(len(y), 4)
    model = DCRL(4, random_state=0).fit(X)
    assert adjusted_rand_score(y, model.labels_) > 0.9
    assert np.isfinite(model.embedding_).all()


def test_n_clusters_is_that_of_the_clusters_in_use(iris):
    X = iris[0]
    assert DCRL(3, random_state=0).fit(X).n_clusters_ == 3
    with pytest.warns(UserWarning, match="using n_clusters=2"):
        model = quick(n_clusters=5).fit(np.repeat(X[[0, -1]], 20, axis=0))
    assert model.n_clusters_ == len(model.cluster_centers_) == 2


@pytest.mark.parametrize("n_rows", [30, 5000])
def test_the_representation_of_a_large_init_is_short(n_rows):
    init = np.random.RandomState(0).randn(n_rows, 784)
    assert len(repr(DCRL(n_rows, init=init))) < 1500


def test_a_cluster_that_loses_its_samples_is_reported(iris):
    X = iris[0]
    X = np.vstack([X, X + 1e-9])
    # labels that positions cannot determine: both halves are the same points
    labels = np.arange(300) % 2
    labels[:3] = 2
    model = quick(n_clusters=3, init=labels, max_epochs=30)
    with pytest.warns(UserWarning) as caught:
        model.fit(X)
    assert [str(w.message).partition(". ")[0] for w in caught] == [
        "Training left 1 of the n_clusters=3 clusters empty: labels_ has 2 different "
        "numbers"
    ]
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


# -- few distinct samples, and centers


def test_a_warm_start_keeps_a_reduced_number_of_clusters(iris):
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


def test_initial_centers_have_the_ranks_of_the_means(iris, monkeypatch):
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


# -- the objective


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
def test_weights_give_the_objectives_of_dec_and_idec(monkeypatch, iris, weights, share):
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


# -- unusual input


def test_predict_proba_refuses_sparse_samples(iris):
    model = quick().fit(sparse.csr_array(iris[0]))
    with pytest.raises(TypeError, match=r"not accept sparse X.*Pass X.toarray"):
        model.predict_proba(sparse.csr_array(iris[0]))
    assert model.predict_proba(iris[0]).shape == (150, 3)


# -- the method's parameters


def test_the_algorithm_of_the_paper_is_reachable(iris):
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


# -- warm starts


def test_a_warm_start_keeps_the_clusters(iris):
    X = iris[0]
    model = quick(warm_start=True, max_epochs=30).fit(X)
    labels, centers = model.labels_, model.cluster_centers_
    model.set_params(max_epochs=1, learning_rate=1e-9).fit(X)
    assert_allclose(model.cluster_centers_, centers, atol=1e-4)
    assert_array_equal(model.labels_, labels)
    with pytest.raises(ValueError, match="continues from the networks"):
        model.set_params(n_clusters=4).fit(X)


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
