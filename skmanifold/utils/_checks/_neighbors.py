# SPDX-License-Identifier: BSD-3-Clause

"""Checks of neighbors: duplicates, unrelated samples, metrics, distances."""

import numpy as np
from scipy import sparse
from sklearn.metrics import pairwise_distances
from sklearn.neighbors import kneighbors_graph
from sklearn.utils import get_tags

from ._common import (
    Subject,
    assert_fit_rejects,
    assert_rejects,
    assert_same_bits,
    assert_valid_fit,
    assert_warned,
    only_user_warnings,
)


def check_duplicates(name, estimator):
    """Duplicates count once, even if there are more than neighbors."""
    subject = Subject(estimator, n_samples=40)
    n_neighbors = getattr(estimator, "n_neighbors", None)
    if n_neighbors is None:
        return
    X = np.round(subject.X)
    copies = np.random.RandomState(0).randint(1, 4 * n_neighbors, size=len(X))
    case = f"{name} on samples with up to {copies.max()} duplicates"
    y = None if subject.y is None else np.repeat(subject.y, copies)
    with only_user_warnings(case):
        model = subject.fit(np.repeat(X, copies, axis=0), y)
    assert_valid_fit(subject, model, np.repeat(X, copies, axis=0), case)
    parts = getattr(model, "n_connected_components_", None)
    if parts is not None:
        expected = subject.fit(X, subject.y).n_connected_components_
        assert parts == expected, (
            f"{case} must have the neighbors of the distinct samples, whose graph has "
            f"{expected} parts, but has {parts} parts."
        )


def check_isolated_samples(name, estimator):
    """Samples that share no feature with others have no neighbors, with one warning."""
    subject = Subject(estimator)
    if not subject.any_width or not hasattr(estimator, "n_neighbors"):
        return
    if estimator.n_neighbors is None:
        return
    n_alone, n_others = 8, 60
    X = np.zeros((n_others + n_alone, 40 + 5 * n_alone))
    rng = np.random.RandomState(0)
    for i in range(n_others):
        X[i, i % 2 * 20 + rng.choice(20, 8, replace=False)] = 1.0
    for i in range(n_alone):
        X[n_others + i, 40 + 5 * i : 45 + 5 * i] = 1.0
    for metric in ("jaccard", "cosine", "euclidean"):
        if not subject.has("metric") and metric != "euclidean":
            continue
        case = f"{name} on {n_alone} samples with nothing in common ({metric})"
        params = {"metric": metric} if subject.has("metric") else {}
        with only_user_warnings(case) as texts:
            model = subject.fit(X, **params)
        assert_valid_fit(subject, model, X, case)
        parts = getattr(model, "n_connected_components_", None)
        if parts is None:
            continue
        assert_warned(texts, f"{n_alone} of the {len(X)}", 1, case)
        assert parts == n_alone + 2, (
            f"{case} must have {n_alone + 2} parts, including two groups, but has "
            f"{parts}."
        )
        Z = model.embedding_[n_others:]
        gaps = np.linalg.norm(Z[:, np.newaxis] - Z, axis=2)[np.triu_indices(n_alone, 1)]
        assert gaps.min() > 0, f"{case} must embed them apart."


def check_metrics(name, estimator):
    """Invalid distances are rejected by name; parameters are learned from X."""
    subject = Subject(estimator)
    if not subject.has("metric"):
        return
    flat = subject.X.copy()
    flat[:5] = 1.0
    for kind, metric, X, pattern in [
        ("correlation of constant samples", "correlation", flat, "correlation.*NaN"),
        ("a metric that returns NaN", lambda a, b: np.nan, subject.X, "NaN"),
        ("a similarity as metric", np.dot, subject.X, "negative"),
        ("an unknown metric", "euclidian", subject.X, "euclidean"),
    ]:
        case = f"{name} with {kind}"
        assert_fit_rejects(subject.new(metric=metric), X, subject.y, pattern, case)
    for metric in ("seuclidean", "mahalanobis"):
        model = subject.fit(metric=metric)
        assert_valid_fit(subject, model, subject.X, f"{name}(metric={metric!r})")
    X = (np.random.RandomState(0).rand(60, subject.n_features) < 0.5).astype(float)
    X = X[(X.sum(axis=1) > 0) & (X.sum(axis=1) < X.shape[1])]
    y = subject.targets(len(X))
    for metric in ("jaccard", "dice", "hamming", "correlation"):
        with only_user_warnings(f"{name}(metric={metric!r})"):
            expected = subject.new(metric=metric).fit(X, y).embedding_
        with only_user_warnings(f"{name}(metric={metric!r}) on sparse data"):
            model = subject.new(metric=metric).fit(sparse.csr_array(X), y)
        if metric != "correlation":  # the last bits, and so ties, may differ
            assert_same_bits(
                model.embedding_,
                expected,
                f"{name}(metric={metric!r}) must give the same bits for sparse and"
                " dense data.",
            )


def check_distances_as_connectivity(name, estimator):
    """A full distance matrix as graph: the nearest samples are used."""
    subject = Subject(estimator)
    if not subject.has("connectivity", "n_neighbors"):
        return
    D = pairwise_distances(subject.X)
    k = estimator.n_neighbors
    graph = kneighbors_graph(D, k, metric="precomputed", mode="distance")
    expected = subject.fit(connectivity=graph).embedding_
    for kind, all_pairs in {
        "a dense matrix": D,
        "a sparse matrix": sparse.csr_array(D),
        "a callable": pairwise_distances,
    }.items():
        assert_same_bits(
            subject.fit(connectivity=all_pairs).embedding_,
            expected,
            f"{name}(connectivity={kind} of all distances) must use the {k} nearest.",
        )
    for kind, wrong, pattern in [
        ("distances on one side", np.triu(D), "one side"),
        ("distances that differ by direction", D + np.triu(D), "symmetric"),
        ("masked edges", np.ma.array(graph.toarray(), mask=graph.toarray() > 0), "NaN"),
    ]:
        case = f"{name}(connectivity={kind})"
        assert_rejects(lambda g=wrong: subject.fit(connectivity=g), pattern, case)
    ones = np.ones_like(D)
    case = f"{name}(connectivity=a graph of all pairs)"
    assert_rejects(lambda: subject.fit(connectivity=ones), "connectivity", case)


def check_precomputed_distances(name, estimator):
    """With ``metric="precomputed"`` X has distances, and nothing else is accepted."""
    subject = Subject(estimator)
    if not subject.has("metric"):
        return
    X, y = subject.X, subject.y
    D = pairwise_distances(X)
    new = pairwise_distances(subject.data(9, random_state=1)[0], X)
    case = f"{name}(metric='precomputed')"
    assert get_tags(subject.new(metric="precomputed")).input_tags.pairwise, (
        f"{case} must have the tag input_tags.pairwise."
    )
    graph = kneighbors_graph(X, 12, mode="distance")
    for kind, distances in {
        "dense": D,
        "sparse": graph,
        "dictionary of keys": sparse.dok_array(graph),
        "rounded": np.where(D == 0, -1e-13, D),
    }.items():
        with only_user_warnings(case):
            model = subject.fit(distances, y, metric="precomputed")
        assert_same_bits(
            model.transform(distances),
            model.embedding_,
            f"{case}: embedding_ must be transform(X) for {kind} distances.",
        )
        spread = model.embedding_.std(axis=0).max()
        assert np.isfinite(model.embedding_).all() and spread > 0, (
            f"{case} must separate samples by {kind} distances."
        )
        if kind == "dense":
            assert np.isfinite(model.transform(new)).all(), (
                f"{case} must transform the distances of new samples."
            )
    for kind, wrong, pattern in [
        ("a matrix that is not square", D[:, :-1], "square"),
        ("similarities", np.exp(-D), "diagonal"),
        ("negative entries of a sparse matrix", sparse.csr_array(-D), "negative"),
        ("infinite entries", np.where(D > np.median(D), np.inf, D), "infinite"),
        ("NaN", np.where(D > np.median(D), np.nan, D), "NaN"),
        ("distances that differ by direction", D + np.triu(D), "symmetric"),
        ("masked entries", np.ma.masked_greater(D, np.median(D)), "NaN"),
        ("a condensed matrix", D[np.triu_indices(len(D), 1)], "squareform"),
        ("the upper half of the distances", np.triu(D), "one side"),
        ("the lower half of a sparse matrix", sparse.csr_array(np.tril(D)), "one side"),
    ]:
        model = subject.new(metric="precomputed")
        assert_fit_rejects(model, wrong, y, pattern, f"{case} on {kind}")
    model = subject.fit(D, y, metric="precomputed")
    for kind, wrong in {"negative": -new, "NaN": new * np.nan}.items():
        assert_rejects(
            lambda D=wrong: model.transform(D), kind, f"{case}.transform on {kind}"
        )
    if hasattr(model, "partial_fit"):
        assert_rejects(
            lambda: subject.new(metric="precomputed").partial_fit(D, y),
            "part",
            f"{case}.partial_fit",
        )
