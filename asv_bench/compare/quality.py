# SPDX-License-Identifier: BSD-3-Clause

"""Scores of embeddings, on the same samples and folds for every method."""

import numpy as np
from scipy.stats import spearmanr
from sklearn.cluster import KMeans
from sklearn.manifold import trustworthiness
from sklearn.metrics import normalized_mutual_info_score
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import LabelEncoder, StandardScaler
from sklearn.svm import SVC

from asv_bench.compare.data import stratified_rows
from skmanifold.metrics import clustering_accuracy

# Above this many samples, scores of quadratic cost use a stratified subsample.
MAX_ROWS = 10_000
# Above the first number of samples, all scores use a stratified subsample of the other.
MANY_ROWS, SCORED_ROWS = 100_000, 20_000
N_NEIGHBORS = 15
N_PAIRS = 1_000


def _svm():
    return make_pipeline(StandardScaler(), SVC(kernel="linear"))


def _knn():
    return KNeighborsClassifier(10)


def _folds(y):
    # no more folds than samples in the smallest class, but at least 2
    n_splits = int(np.clip(np.bincount(y).min(), 2, 10))
    return StratifiedKFold(n_splits, shuffle=True, random_state=1)


def distance_correlation(X, embedding, random_state=0):
    """Return Spearman's correlation of random pairs' distances, before and after."""
    rng = np.random.default_rng(random_state)
    n = len(X)
    first = rng.integers(n, size=N_PAIRS)
    second = (first + rng.integers(1, n, size=N_PAIRS)) % n
    before = np.linalg.norm(X[first] - X[second], axis=1)
    after = np.linalg.norm(embedding[first] - embedding[second], axis=1)
    return spearmanr(before, after).statistic


def page_share(embedding, n_cells=50):
    """Return the fraction of cells of a square grid with at least one sample.

    The square is centered and covers the 0.5-99.5 % range of both coordinates, so empty
    space in one direction counts.
    """
    plane = embedding[:, :2]
    low, high = np.percentile(plane, [0.5, 99.5], axis=0)
    center, half = (low + high) / 2, (high - low).max() / 2
    square = np.stack([center - half, center + half], axis=1)
    counts, *_ = np.histogram2d(*plane.T, bins=n_cells, range=square)
    return np.count_nonzero(counts) / n_cells**2


def _checked(embedding):
    embedding = np.asarray(embedding, dtype=np.float64)
    bad = np.count_nonzero(~np.isfinite(embedding).all(axis=1))
    if bad:
        raise ValueError(f"{bad} of {len(embedding)} embedded samples are not finite.")
    return embedding


def score_embedding(X, y, embedding):
    """Score an embedding against the raw samples and the labels.

    Returns
    -------
    dict
        ``svm``: accuracy of a linear SVM on the standardized embedding, ten stratified
        folds, at most 10,000 samples.
        ``knn``: accuracy of ten nearest neighbors, ten folds.
        ``kmeans``, ``nmi``: k-means with as many clusters as classes; accuracy after
        optimal matching, and normalized mutual information.
        ``trustworthiness``, ``continuity``: 15 neighbors, at most 10,000 samples.
        ``spearman``: correlation of the distances of 1,000 random pairs.
        ``page_share``: see :func:`page_share`.
        Of more than 100,000 samples, a stratified subsample of 20,000 is scored.
    """
    embedding = _checked(embedding)
    y = LabelEncoder().fit_transform(y)
    if len(y) > MANY_ROWS:
        rows = stratified_rows(y, SCORED_ROWS)
        X, y, embedding = X[rows], y[rows], embedding[rows]
    X = X.astype(np.float32, copy=False)
    rows = stratified_rows(y, MAX_ROWS)
    X_part, y_part, part = X[rows], y[rows], embedding[rows]
    clusters = KMeans(len(np.unique(y)), n_init=10, random_state=0).fit_predict(
        embedding
    )
    k = N_NEIGHBORS
    scores = {
        "svm": cross_val_score(_svm(), part, y_part, cv=_folds(y_part)).mean(),
        "kmeans": clustering_accuracy(y, clusters),
        "nmi": normalized_mutual_info_score(y, clusters),
        "knn": cross_val_score(_knn(), embedding, y, cv=_folds(y)).mean(),
        "trustworthiness": trustworthiness(X_part, part, n_neighbors=k),
        # trustworthiness with X and Z exchanged
        "continuity": trustworthiness(part, X_part, n_neighbors=k),
        "spearman": distance_correlation(X, embedding),
        "page_share": page_share(embedding),
    }
    return {name: float(value) for name, value in scores.items()}


def score_transform(y_train, embedding_train, y_test, embedding_test):
    """Score the embedding of new samples.

    Returns
    -------
    dict
        ``svm`` and ``knn``: accuracy on new samples of classifiers trained on the
        fitted samples (at most 10,000 for the SVM). ``svm_train`` and ``knn_train``:
        cross-validated accuracy on the fitted samples, for comparison.
    """
    embedding_train = _checked(embedding_train)
    embedding_test = _checked(embedding_test)
    encoder = LabelEncoder().fit(y_train)
    y_train, y_test = encoder.transform(y_train), encoder.transform(y_test)
    rows = stratified_rows(y_train, MAX_ROWS)
    part, y_part = embedding_train[rows], y_train[rows]
    scores = {
        "svm": _svm().fit(part, y_part).score(embedding_test, y_test),
        "svm_train": cross_val_score(_svm(), part, y_part, cv=_folds(y_part)).mean(),
        "knn": _knn().fit(embedding_train, y_train).score(embedding_test, y_test),
        "knn_train": cross_val_score(
            _knn(), embedding_train, y_train, cv=_folds(y_train)
        ).mean(),
    }
    return {name: float(value) for name, value in scores.items()}
