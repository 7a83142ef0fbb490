# SPDX-License-Identifier: BSD-3-Clause

import re
from collections import OrderedDict
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.spatial.distance import pdist
from sklearn.base import clone
from sklearn.datasets import load_digits, make_blobs
from sklearn.exceptions import NotFittedError
from sklearn.metrics import adjusted_rand_score, pairwise_distances, silhouette_score
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import (
    KNeighborsClassifier,
    KNeighborsTransformer,
    kneighbors_graph,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.utils import get_tags
from torch import nn

import skmanifold
from skmanifold import DLME
from skmanifold._engine import count_batches
from skmanifold.base._data import make_schedule
from skmanifold.estimators._dlme import DLMEObjective
from skmanifold.losses import t_similarities, two_way_divergence
from skmanifold.metrics import trustworthiness
from skmanifold.nn import MLP
from skmanifold.training import TrainingOptions
from tests.guests import Interrupt

QUICK = dict(max_epochs=2, batch_size=32, random_state=0)


def quick(**options):
    return DLME(**{**QUICK, **options})


# -- a decoder


def test_a_decoder_leaves_the_embedding_as_it_is(digits):
    X = digits[0]
    model, without = DLME(decoder=True, **QUICK), quick()
    assert_array_equal(model.fit(X).embedding_, without.fit(X).embedding_)
    assert len(model.decoding_history_["reconstruction"]) == model.n_iter_ == 2
    assert not hasattr(without, "decoding_history_")
    for method in ("inverse_transform", "reconstruct", "score"):
        assert hasattr(model, method) and not hasattr(without, method)
    without.set_params(decoder=True)
    with pytest.raises(NotFittedError, match="without a decoder"):
        without.inverse_transform(without.embedding_)


def test_points_of_the_map_are_decoded(digits):
    """Decoded new samples are nearer than the mean of their class."""
    X, y = digits
    model = DLME(decoder=True, random_state=0).fit(X[:1400])
    new, labels = X[1400:], y[1400:]
    decoded = model.inverse_transform(model.transform(new))
    assert_array_equal(decoded, model.reconstruct(new))
    error = np.square(decoded - new).sum(1).mean()
    assert model.score(new) == pytest.approx(-error)
    means = np.stack([X[:1400][y[:1400] == k].mean(0) for k in range(10)])
    assert error < np.square(means[labels] - new).sum(1).mean()


def test_a_part_trains_the_decoder_too(digits):
    X = digits[0]
    model = DLME(decoder=True, max_epochs=20, random_state=0).fit(X)
    before = model.score(X)
    model.partial_fit(X[:600])
    assert len(model.decoding_history_["loss"]) == 1
    assert model.score(X) > 2 * before  # scores are negative


def test_distances_are_not_decoded(iris):
    with pytest.raises(ValueError, match="decoder=True is not available with metric"):
        model = quick(decoder=True, metric="precomputed")
        model.fit(pairwise_distances(iris[0]))


# -- quality: a coarse guard; the figures are measured by asv_bench/compare


def linear_svm_accuracy(Z, y):
    return cross_val_score(
        make_pipeline(StandardScaler(), SVC(kernel="linear")), Z, y, cv=5
    ).mean()


@pytest.mark.parametrize("factor, least", [(1, 0.9), (1e4, 0.85)])
def test_digits_separate(digits, factor, least):
    """Even if one column is much larger than the others."""
    X, y = digits[0].copy(), digits[1]
    X[:, 20] *= factor
    assert linear_svm_accuracy(DLME(random_state=0).fit_transform(X), y) > least


def test_new_data_land_among_their_like(digits):
    X, y = digits
    model = DLME(random_state=0).fit(X[:1200])
    svm = SVC(kernel="linear").fit(model.embedding_, y[:1200])
    assert svm.score(model.transform(X[1200:]), y[1200:]) > 0.8


def test_few_samples_of_many_columns_are_separated():
    """Three classes in 50 of 2,000 columns: the others hide them from neighbors."""
    rng = np.random.RandomState(0)
    y = np.arange(60) % 3
    X = rng.randn(60, 2000)
    X[:, :50] += 0.9 * rng.randn(3, 50)[y]
    model = DLME(random_state=0)
    Z = model.fit_transform(X)
    assert model._sizes["n_inputs"] == 5
    # 0.6 with all components
    assert linear_svm_accuracy(Z, y) > 0.85


def test_few_samples_of_nested_groups_are_separated():
    """Three groups of three: those within explain less than independent columns."""
    rng = np.random.RandomState(1)
    y = rng.randint(0, 9, 60)
    X = 0.5 * rng.randn(3, 500)[y // 3] + 0.3 * rng.randn(9, 500)[y]
    X += rng.randn(60, 500)
    labels = DLME(random_state=0, n_clusters=9).fit_predict(X)
    # 0.2 with the components that stand out
    assert adjusted_rand_score(y, labels) > 0.6


def test_few_samples_have_smaller_networks():
    X = load_digits().data[:400]

    def widths(model):
        layers = model.network_.encoder.structure.hidden
        return [layer.out_features for layer in layers if isinstance(layer, nn.Linear)]

    model = DLME(max_epochs=1, warm_start=True, random_state=0).fit(X[:299])
    assert widths(model) == [128]
    # continued by a fit of more samples
    assert widths(model.fit(X)) == [128]
    assert widths(DLME(max_epochs=1).fit(X[:300])) == [256, 128]
    # parts are of more samples
    assert widths(DLME().partial_fit(X[:50])) == [256, 128]


def test_the_size_of_the_data_decides():
    sizes = [30, 500, 2000, 10_000, 70_000, 10**6]

    def of_each(hook):
        return [hook(n) for n in sizes]

    model = DLME()
    model._keeps_columns = False
    plans = of_each(lambda n: model._plan(n, 100))
    schedules = [make_schedule(model, plan, plan.n_training, None) for plan in plans]
    assert [plan.n_training for plan in plans] == [*sizes[:-1], 150_000]
    n_steps = [
        schedule.n_epochs["training"]
        * count_batches(plan.n_training, schedule.batch_size)
        for plan, schedule in zip(plans, schedules, strict=True)
    ]
    assert n_steps[0] == 300
    assert [model._plan(n, 100).n_steps for n in (150, 200, 300)] == [300, 400, 600]
    assert n_steps[2] == pytest.approx(720, rel=0.02)
    assert n_steps[4:] == pytest.approx([1750, 3500], rel=0.08)  # whole epochs
    assert [plan.optimizer for plan in plans] == ["adamw"] * 3 + ["muon"] * 3
    assert [plan.learning_rate for plan in plans] == [0.01] * 3 + [0.003] * 3
    # the learning rate is that of the optimizer that is used
    for optimizer, learning_rate in {"adamw": 0.01, "muon": 0.003}.items():
        model.training = TrainingOptions(optimizer=optimizer)
        assert [model._plan(n, 100).learning_rate for n in sizes] == [learning_rate] * 6
    model.training = None
    # parts of any size are as gentle as those of few samples
    model._n_refined = 150_000
    part = model._plan(10**6, 100)
    assert (part.n_training, part.optimizer) == (10**6, "adamw")
    assert part.learning_rate == 1e-3
    del model._n_refined
    assert n_steps == sorted(n_steps)
    assert [schedule.batch_size for schedule in schedules[:3]] == [30, 90, 180]
    assert [plan.n_reduced for plan in plans] == [10, 50, 50, 50, 50, 50]
    n_least = [model._plan(n, 100).n_least for n in (30, 150, 299, 300)]
    assert n_least == [5, 12, 50, None]
    networks = {"encoder": nn.Identity()}

    def width(n):
        data = SimpleNamespace(n_samples=n, previous={"network_": None})
        return model._make_objective(data, networks).nu_embedding

    # narrower for more samples, so that large clusters stay apart
    assert of_each(width) == pytest.approx([0.1, 0.1, 0.1, 0.1, 1 / 70, 0.01])
    model.set_params(nu_embedding=0.3)
    assert set(of_each(width)) == {0.3}


def test_the_setting_of_the_paper_separates_the_irises(iris):
    model = DLME(
        kernel="density",
        nu_embedding=0.005,
        repulsion=None,
        repulsion_warmup=0,
        extra_components=0,
        damping=None,
        augmentation="mix",
        structure_gradient=True,
        structure_layers=(500, 300),
        structure_dim=80,
        embedding_layers=(500, 80),
        norm="batch",
        learning_rate=1e-3,
        random_state=0,
    )
    assert linear_svm_accuracy(model.fit_transform(iris[0]), iris[1]) > 0.85


def test_fifty_samples_train_long_enough(iris):
    X, y = iris
    Z = DLME(random_state=0).fit_transform(X[::3])
    assert linear_svm_accuracy(Z, y[::3]) > 0.85


# -- the method's parameters


def test_structure_is_the_first_part_of_the_network(iris):
    model = quick(structure_dim=7).fit(iris[0])
    Y = model.structure(iris[0])
    assert Y.shape == (150, 7)
    with torch.no_grad():
        Z = model.network_.encoder.embedding(torch.from_numpy(Y).float())
    assert_allclose(Z, model.embedding_, rtol=1e-4, atol=1e-5)


def test_each_training_option_changes_the_result(iris):
    options = [
        dict(),
        dict(optimizer="muon"),
        dict(weight_decay=0.5),
        dict(warmup=0.5),
        dict(schedule="constant"),
        dict(gradient_clip=1e-3),
        dict(precision="bfloat16"),
    ]
    results = []
    for changed in options:
        training = TrainingOptions(**{"precision": "float32", **changed})
        results.append(quick(training=training).fit_transform(iris[0]))
    assert np.isfinite(results).all()
    assert len(np.unique(results, axis=0)) == len(options)


@pytest.mark.parametrize("kernel", ["max", "density"])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_structure_gradient_trains(iris, kernel, precision):
    training = TrainingOptions(precision=precision)
    model = quick(structure_gradient=True, kernel=kernel, training=training)
    assert np.isfinite(model.fit_transform(iris[0])).all()


def make_objective(structure, embedding, **options):
    """Return an objective, by default with a constant repulsion."""
    defaults = {
        "alpha": 0.01,
        "nu_structure": 100.0,
        "nu_embedding": 0.1,
        "kernel": "max",
        "repulsion": 5.0,
        "repulsion_warmup": 0.0,
        "damping": 1.0,
        "structure_gradient": False,
    }
    encoder = nn.Sequential(OrderedDict(structure=structure, embedding=embedding))
    return DLMEObjective(encoder, **{**defaults, **options})


def test_structure_gradient_reaches_the_structure_network_through_p(iris):
    """With q fixed, only the gradient through p changes the structure network."""
    x = torch.randn(24, 3, generator=torch.Generator().manual_seed(0))
    for wanted in (False, True):
        torch.manual_seed(0)
        objective = make_objective(
            MLP(3, 4, norm="none"),
            nn.Linear(4, 2),
            alpha=1.0,
            nu_structure=1.0,
            nu_embedding=0.01,
            structure_gradient=wanted,
        )
        with torch.no_grad():
            objective.encoder.embedding.weight.zero_()
        sum(objective((x,), 0.5).values()).backward()
        moved = objective.encoder.structure.head.weight.grad
        assert (moved is not None and bool(moved.abs().sum() > 0)) is wanted


@pytest.mark.parametrize("layers", [(8,), ()])
def test_extra_components_shrink_to_zero(layers):
    torch.manual_seed(0)
    x = torch.randn(24, 3)
    embedding = MLP(4, 2, layers=layers)
    extra_head = nn.Linear(embedding.head.in_features, 3)
    structure = MLP(3, 4, output_norm="batch")
    objective = make_objective(structure, embedding, extra_head=extra_head)
    y = objective.encoder.structure(x)
    p = t_similarities(*y.chunk(2), 100.0, pair_factor=0.01)
    z, extra = embedding(y), objective.extra_head(embedding.hidden(y))
    for progress, factor in {0.0: 1.0, 0.1: 0.75, 0.3: 0.25, 0.4: 0.0}.items():
        whole = torch.cat([z, factor * extra], 1)
        expected = two_way_divergence(
            p, *whole.chunk(2), nu=0.1, repulsion=5.0, damping=1.0
        )
        terms = objective((x,), progress)
        values = [term.item() for term in terms.values()]
        assert values == pytest.approx([term.item() for term in expected], rel=1e-4)
    # early stopping waits for them
    assert objective.settled_from == 0.4


@pytest.mark.parametrize("again", ["fit", "partial_fit"])
def test_a_finished_embedding_gets_no_extra_components(iris, monkeypatch, again):
    given = []

    def recorded(*args, **options):
        given.append(options["extra_head"])
        return objective(*args, **options)

    objective = skmanifold.estimators._dlme.DLMEObjective
    monkeypatch.setattr("skmanifold.estimators._dlme.DLMEObjective", recorded)
    model = quick(warm_start=True, extra_components=4).fit(iris[0])
    getattr(model, again)(iris[0])
    assert given[0].out_features == 4
    assert given[1] is None


def test_a_graph_of_the_same_neighbors_gives_the_same_bits():
    # columns of one scale, so that raw and scaled rows have the same neighbors
    X = np.random.RandomState(0).rand(60, 4)
    expected = quick(n_neighbors=4).fit_transform(X)
    graph = kneighbors_graph(X, 4, mode="distance")
    own = quick(connectivity=graph, n_neighbors=99).fit_transform(X)
    assert_array_equal(own, expected)
    # the transformer counts each row itself as its first neighbor
    transformer = KNeighborsTransformer(n_neighbors=4, mode="distance")
    made = quick(connectivity=transformer.fit_transform).fit_transform(X)
    assert_array_equal(made, expected)


def test_connected_components_are_reported():
    X, _ = make_blobs(60, 3, centers=[[0] * 3, [1e3] * 3], random_state=0)
    assert quick().fit(X).n_connected_components_ == 2
    assert quick(n_neighbors=40).fit(X).n_connected_components_ == 1
    assert not hasattr(quick(augmentation="none").fit(X), "n_connected_components_")


# -- clusters


def test_error_without_a_decoder_names_methods_with_one(iris):
    model = quick()
    assert not hasattr(model, "inverse_transform")
    with pytest.raises(AttributeError, match="learns no decoder") as caught:
        model.fit(iris[0]).inverse_transform(iris[0])
    named = set(re.findall(r"\w+", str(caught.value))) & set(skmanifold._ESTIMATORS)
    assert named == {"DLME"} | {
        name
        for name in skmanifold._ESTIMATORS
        if hasattr(getattr(skmanifold, name), "inverse_transform")
    }
    with pytest.raises(AttributeError, match="no attribute 'invert'"):
        model.invert  # noqa: B018


# -- parts


def test_parts_after_a_fit_refine_it(digits):
    X = digits[0]
    model = DLME(max_epochs=30, random_state=0).fit(X[:1400])
    before = model.transform(X)
    model.partial_fit(X[1400:])
    assert model._sizes["n_whole"] == 1400, "further parts refine the same fit"
    moved = np.linalg.norm(model.transform(X) - before, axis=1)
    assert np.sqrt(np.mean(moved**2)) < 0.3 * before.std()
    assert trustworthiness(X, model.transform(X)) > trustworthiness(X, before) - 0.01
    # parts of a stream have no fit to keep
    stream = quick().partial_fit(X[:300]).partial_fit(X[300:600])
    assert stream._sizes["n_whole"] == 0


# -- training options


def test_early_stopping_waits_for_the_repulsion(iris):
    options = TrainingOptions(n_iter_no_change=2, tol=0.5)
    # the loss rises with the repulsion: those epochs do not count
    model = quick(max_epochs=50, training=options, repulsion_warmup=0.7)
    assert 35 < model.fit(iris[0]).n_iter_ < 45


def test_a_checkpoint_needs_recognizable_parameters(iris, tmp_path):
    training = TrainingOptions(checkpoint=tmp_path / "fit.pt")
    with pytest.raises(ValueError, match=r"augmentation=.*top level of a module"):
        quick(training=training, augmentation=lambda x: x).fit(iris[0])


# Labels -----------------------------------------------------------------------


def test_without_label_weight_nothing_reads_y(iris):
    X, y = iris
    Z = quick().fit_transform(X)
    continuous = X[:, 0] / 3
    for ignored in (y, continuous, [{}] * 150):
        assert_array_equal(quick(label_weight=0).fit_transform(X, ignored), Z)
    assert not get_tags(DLME()).target_tags.required
    assert get_tags(DLME(label_weight=0.1)).target_tags.required


def test_labels_separate_the_classes_of_new_samples(iris):
    """Return two overlapping classes of iris."""
    X, y = iris[0][50:], iris[1][50:]

    def separation(label_weight):
        model = DLME(label_weight=label_weight, max_epochs=60, random_state=0)
        return silhouette_score(model.fit(X[::2], y[::2]).transform(X[1::2]), y[1::2])

    assert separation(1.0) > separation(0.0) + 0.05


@pytest.mark.parametrize(
    "weight, more",
    [
        (0.5, {}),
        (1.0, {"augmentation": "mix"}),
        (1.0, {"augmentation": "none"}),
        (1.0, {"augmentation": nn.functional.relu}),
        (1.0, {"structure_gradient": True}),
    ],
)
def test_labels_change_the_result(iris, weight, more):
    X, y = iris
    Z = quick(label_weight=weight, **more).fit_transform(X, y)
    assert np.isfinite(Z).all()
    assert not np.array_equal(Z, quick(**more).fit_transform(X))


def test_distant_groups_of_one_class_meet():
    corners = [[-9, -9], [9, 9], [-9, 9], [9, -9]]
    X, group = make_blobs(240, centers=corners, random_state=0)

    def spread(label_weight):
        """Distance of the groups of a class, in units of that of the classes."""
        model = DLME(
            label_weight=label_weight,
            structure_layers=(32,),
            embedding_layers=(32,),
            random_state=0,
        )
        Z = model.fit_transform(X, group // 2)
        a, b, c, d = (Z[group == i].mean(axis=0) for i in range(4))
        return np.linalg.norm(a - b) / np.linalg.norm((a + b - c - d) / 2)

    assert spread(0.0) > 0.7
    assert spread(1.0) < 0.5


def test_missing_labels_may_have_any_notation(iris):
    X, y = iris
    Z = quick(label_weight=0.5).fit_transform(X, np.where(np.arange(150) % 3, -1, y))
    names = np.array(["a", "b", "c"])[y]
    for labels, unknown in ((y, None), (y, np.nan), (names, None)):
        targets = labels.astype(object)
        targets[np.arange(150) % 3 > 0] = unknown
        assert_array_equal(quick(label_weight=0.5).fit_transform(X, targets), Z)
        if unknown is np.nan:
            targets = targets.astype(float)
            assert_array_equal(quick(label_weight=0.5).fit_transform(X, targets), Z)


def test_pairs_of_other_classes_are_less_similar(iris):
    x = torch.from_numpy(iris[0][:4]).float()
    classes = torch.tensor([0, 0, 1, 1])
    apart = classes.unsqueeze(1) != classes
    encoder = nn.Sequential(
        OrderedDict(structure=nn.Identity(), embedding=nn.Identity())
    )
    model = quick(
        encoder=nn.Identity(), structure_dim=4, label_weight=0.25, extra_components=0
    )
    networks = {"encoder": encoder}
    objective = model._make_objective(SimpleNamespace(n_samples=4), networks)
    with torch.no_grad():
        p = t_similarities(x, x, 100.0, pair_factor=0.01)
        losses = objective((torch.cat([x, x]), apart), 1.0)
    expected = two_way_divergence(
        torch.where(apart, 0.75 * p, p),
        x,
        x,
        nu=objective.nu_embedding,
        repulsion=objective.repulsion,
        damping=objective.damping,
    )
    assert losses["positive"] == expected[0]
    torch.testing.assert_close(losses["negative"], expected[1])


def test_unusable_labels_are_refused(iris):
    X, y = iris
    model = quick(label_weight=0.5)
    with pytest.raises(ValueError, match=r"y is None.*label_weight=0 learns without"):
        model.fit(X)
    with pytest.raises(ValueError, match=r"y has no known label.*label_weight=0 "):
        model.fit(X, np.full(150, -1))
    with pytest.raises(ValueError, match=r"y has fractional numbers \(5.1\)"):
        model.fit(X, X[:, 0])
    # a part may be without
    parts = model.fit(X, y).partial_fit(X[:60], np.full(60, -1))
    assert len(parts.embedding_) == 60


def test_a_checkpoint_of_other_labels_is_refused(iris, tmp_path):
    X, y = iris
    training = TrainingOptions(checkpoint=tmp_path / "fit.pt")
    model = quick(label_weight=0.5, training=training)
    with pytest.raises(KeyboardInterrupt):
        clone(model).set_callbacks(Interrupt(1)).fit(X, y)
    with pytest.raises(ValueError, match="a fit with other data"):
        model.fit(X, (y + 1) % 3)


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
def test_samples_without_shared_features_are_apart(metric):
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
    assert_array_equal(model.transform(X[::-1])[::-1], Z)


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

    @pytest.mark.parametrize("kind", ["dense", "sparse"])
    def test_distances_are_as_good_as_features(self, kind):
        D = pairwise_distances(self.X)
        if kind == "sparse":
            D = kneighbors_graph(D, 15, metric="precomputed", mode="distance")
        model = DLME(metric="precomputed", random_state=0).fit(D)
        assert trustworthiness(self.X, model.embedding_) > 0.96
        assert_array_equal(model.transform(D[7:30]), model.embedding_[7:30])

    @pytest.mark.parametrize("kind", ["dense", "sparse"])
    def test_new_samples_are_placed_by_their_distances(self, kind):
        known = np.arange(500) % 2 == 0
        if kind == "dense":
            D = pairwise_distances(self.X, self.X[known])
            D, D_new = D[known], D[~known]
        else:
            search = KNeighborsTransformer(n_neighbors=10).fit(self.X[known])
            D = search.transform(self.X[known])
            D_new = search.transform(self.X[~known])
        scores = []
        for metric, old, new in [
            ("precomputed", D, D_new),
            ("euclidean", self.X[known], self.X[~known]),
        ]:
            model = DLME(metric=metric, random_state=0).fit(old)
            classifier = KNeighborsClassifier(5).fit(model.embedding_, self.y[known])
            scores.append(classifier.score(model.transform(new), self.y[~known]))
        assert scores[0] > scores[1] - 0.1, "about as good as with features"

    def test_distances_may_be_those_of_strings(self):
        rng = np.random.RandomState(0)
        words = ["".join(rng.choice(list(part), 6)) for part in ["abc", "xyz"] * 60]
        letters = np.array([list(word) for word in words])
        D = (letters[:, np.newaxis] != letters).sum(axis=2)
        model = DLME(metric="precomputed", random_state=0).fit(D)
        score = trustworthiness(D, model.embedding_, metric="precomputed")
        assert score > 0.85

    def test_a_warm_start_goes_on_with_the_same_samples(self):
        D = pairwise_distances(self.X)
        model = quick(metric="precomputed", warm_start=True).fit(D)
        first = model.embedding_
        assert not np.array_equal(model.fit(D).embedding_, first)
        with pytest.raises(ValueError, match="square"):
            model.fit(D[:100])

    def test_a_graph_of_neighbors_cannot_be_transformed_after_all_distances(self):
        D = pairwise_distances(self.X)
        with pytest.raises(ValueError, match=r"sparse.*all samples"):
            quick(metric="precomputed").fit(D).transform(
                kneighbors_graph(self.X, 8, mode="distance")
            )
