# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""Scorers for model selection."""

import inspect
from functools import partial
from numbers import Real

import numpy as np
from scipy.sparse import issparse
from sklearn.cluster import KMeans
from sklearn.manifold import trustworthiness as sklearn_trustworthiness
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.utils import check_array, check_random_state

from skmanifold.metrics._checks import check_data, check_labels, labeled
from skmanifold.metrics._clusters import cluster_rank_accuracy, clustering_accuracy
from skmanifold.metrics._distance import distance_rmse, local_geometric_distortion
from skmanifold.metrics._neighborhood import (
    continuity,
    mean_relative_rank_error,
    neighborhood_hit,
    neighborhood_preservation,
    trustworthiness,
)
from skmanifold.utils._containers import plain
from skmanifold.utils._sklearn import BaseScorer

_LARGEST_SVM = 10_000
# Metrics whose n_neighbors must be less than half of the samples, or than all of them.
_HALF = (trustworthiness, continuity, sklearn_trustworthiness)
_LESS = (
    mean_relative_rank_error,
    neighborhood_hit,
    neighborhood_preservation,
    local_geometric_distortion,
)
_ARGUMENTS = {
    "X": "X",
    "Z": "Z",
    "X_embedded": "Z",
    "y": "y",
    "y_true": "y",
    "labels": "y",
}


class _EmbeddingScorer(BaseScorer):
    """Callable ``scorer(estimator, X, y=None)``; greater is better.

    As a scikit-learn scorer, it shares one embedding with other scorers and passes
    metadata to the metric.
    """

    def __init__(self, metric, sign, inputs, n_neighbors, reference, kwargs):
        method = "predict" if "labels" in inputs else "transform"
        # scikit-learn looks up the first of these before scoring, where error_score
        # does not apply. "fit" always exists, so the error about a missing method is
        # ours.
        super().__init__(metric, sign, kwargs, response_method=(method, "fit"))
        self.inputs = inputs
        self.n_neighbors = n_neighbors
        self.reference = reference

    def __repr__(self):
        name = getattr(self._score_func, "__name__", repr(self._score_func))
        options = dict(self._kwargs)
        if self._sign < 0:
            options["greater_is_better"] = False
        if self.n_neighbors is not None:
            options["n_neighbors"] = self.n_neighbors
        if self.reference != "input":
            options["reference"] = self.reference
        shown = "".join(f", {key}={value!r}" for key, value in options.items())
        return f"make_embedding_scorer({name}{shown})"

    def __call__(self, estimator, X, y=None, **metadata):
        return self._score(_call, estimator, X, y, **metadata)

    def _score(self, method_caller, estimator, X, y=None, **metadata):
        kwargs = {**self._kwargs, **metadata}
        if self.n_neighbors is not None:
            kwargs["n_neighbors"] = self.n_neighbors
        self._check_fold(X, kwargs.get("n_neighbors"))
        if "y" in self.inputs and y is None:
            raise ValueError(
                f"The scorer {self!r} requires y, got None. Pass y to fit of the"
                " search, or to cross_validate; unsupervised estimators ignore it."
            )
        values = {"X": X, "y": y}
        if "Z" in self.inputs:
            values["Z"] = _embed(method_caller, estimator, X)
        if "labels" in self.inputs:
            values["labels"] = _cluster(method_caller, estimator, X)
        if "X" in self.inputs:
            values["X"] = self._refer(estimator, X)
        try:
            value = self._score_func(*(values[name] for name in self.inputs), **kwargs)
        except (TypeError, ValueError) as error:
            if "X" not in self.inputs or self.reference != "input" or _is_comparable(X):
                raise
            if _last_step(estimator) is estimator:
                raise ValueError(
                    f"The scorer {self!r} cannot compare the embedding with the X of"
                    f" the search, which does not consist of finite numbers: {error}."
                    " Put the preprocessing and the estimator into a Pipeline, or pass"
                    " a callable that preprocesses X as reference."
                ) from error
            # Only now, since a user's metric may accept such X.
            values["X"] = _last_step_input(estimator, X)
            value = self._score_func(*(values[name] for name in self.inputs), **kwargs)
        if not isinstance(value, Real) and getattr(value, "shape", None) != ():
            name = getattr(self._score_func, "__name__", repr(self._score_func))
            raise TypeError(
                f"{name} returned a value of type {type(value).__name__} to the scorer"
                f" {self!r}, which needs one number. Omit per_sample=True, or use a"
                " function that returns one number."
            )
        return self._sign * float(value)

    def _refer(self, estimator, X):
        """Return the samples that the embedding is compared with."""
        if callable(self.reference):
            return self.reference(X)
        return X if self.reference == "input" else _last_step_input(estimator, X)

    def _check_fold(self, X, n_neighbors):
        """Reject folds that are too small before the embedding is computed."""
        if n_neighbors is None:
            return
        n = X.shape[0] if hasattr(X, "shape") else len(X)
        k = int(np.max(n_neighbors))
        if self._score_func in _HALF:
            largest, rule = (n - 1) // 2, "less than half of them"
        elif self._score_func in _LESS:
            # Adjusted for chance, n - 1 neighbors would divide by zero.
            less = 2 if self._kwargs.get("adjusted") else 1
            largest = max(n - less, 0)
            rule = "less than their number" + (" - 1" if less == 2 else "")
        else:
            # Other metrics validate n_neighbors themselves.
            return
        if k > largest:
            raise ValueError(
                f"n_neighbors={n_neighbors!r} of the scorer {self!r} is too large for"
                f" a fold of {n} samples: it must be {rule}, so "
                + (f"at most {largest}" if largest else "no value is possible")
                + ". Use fewer folds, or make_embedding_scorer with a smaller"
                " n_neighbors."
            )


def _is_comparable(X):
    """Return whether X consists of finite numbers, so that distances are defined."""
    try:
        check_array(
            plain(X), accept_sparse=True, dtype=np.float64, ensure_min_samples=0
        )
    except (TypeError, ValueError):
        return False
    return True


def _call(estimator, method, X):
    """Call a method, without scikit-learn's cache of previous calls."""
    return getattr(estimator, method)(X)


def _last_step(estimator):
    """Return the last estimator of nested pipelines and searches."""
    while True:
        if hasattr(estimator, "best_estimator_"):
            estimator = estimator.best_estimator_
        elif isinstance(estimator, Pipeline):
            estimator = estimator[-1]
        else:
            return estimator


def _last_step_input(estimator, X):
    """Return the samples as seen by the last step of nested pipelines and searches."""
    while True:
        if hasattr(estimator, "best_estimator_"):
            estimator = estimator.best_estimator_
        elif isinstance(estimator, Pipeline):
            if len(estimator.steps) > 1:
                X = estimator[:-1].transform(X)
            estimator = estimator[-1]
        else:
            return X


def _embed(method_caller, estimator, X):
    if not hasattr(estimator, "transform"):
        raise TypeError(
            f"{type(estimator).__name__} has no method transform, so there is no"
            " embedding to score. Use an estimator with transform, or a Pipeline that"
            " ends in one."
        )
    Z = method_caller(estimator, "transform", X)
    Z = Z.toarray() if issparse(Z) else np.asarray(Z)
    return Z.reshape(len(Z), -1)


def _cluster(method_caller, estimator, X):
    if not hasattr(estimator, "predict"):
        raise TypeError(
            f"{type(estimator).__name__} has no method predict, so there are no"
            " clusters to score. Use the scorer 'kmeans', which clusters the"
            " embedding."
        )
    return method_caller(estimator, "predict", X)


def make_embedding_scorer(
    metric,
    /,
    *,
    greater_is_better=True,
    n_neighbors=None,
    inputs=None,
    reference="input",
    **kwargs,
):
    """Make a scorer for model selection from a metric of embeddings.

    The scorer calls ``transform`` of the fitted estimator and passes samples and
    embedding to the metric. It works with every transformer, and every
    :class:`~sklearn.pipeline.Pipeline` that ends in one.

    Parameters
    ----------
    metric : callable
        A function that returns a float, such as :func:`trustworthiness`.

    greater_is_better : bool, default=True
        Set it to False for errors: the scorer then returns the negative.

    n_neighbors : int or (int, int), default=None
        Passed to the metric. None means the metric's default.

    inputs : tuple of {"X", "Z", "y", "labels"}, default=None
        Positional arguments of the metric: the input, its embedding, the classes, and
        the result of ``predict``. None infers them from the names of the metric's first
        parameters, or means ``("X", "Z")`` if these are not telling.

    reference : {"input", "last_step"} or callable, default="input"
        Samples that the embedding is compared with. ``"input"`` is the X of the search,
        before the first step of a Pipeline; if distances of X are undefined (text,
        missing values), it falls back to ``"last_step"``: the samples as the last step
        of the Pipeline sees them, scaled for instance. A callable, such as
        ``transform`` of a fitted scaler, maps X to the samples. Metrics without X
        ignore it.

    **kwargs : dict
        Further arguments of the metric.

    Returns
    -------
    scorer : callable
        ``scorer(estimator, X, y=None)``, for any ``scoring`` of scikit-learn. It can be
        pickled if the metric and the reference can.

    Raises
    ------
    TypeError
        If `metric` is not callable, or has no parameter named in `kwargs`.
    ValueError
        If `inputs` or `reference` is invalid.

    See Also
    --------
    get_scorer : Get a ready-made scorer.

    Notes
    -----
    With ``"last_step"``, each candidate of a search is compared with its own version of
    the data. Use it to choose an embedding, not the preprocessing: a step that leaves
    little to embed would score best. A callable is the same reference for all
    candidates.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.decomposition import PCA
    >>> from sklearn.metrics import silhouette_score
    >>> from sklearn.model_selection import cross_val_score
    >>> from skmanifold.metrics import make_embedding_scorer, neighborhood_hit
    >>> X, y = load_iris(return_X_y=True)
    >>> scorer = make_embedding_scorer(neighborhood_hit, n_neighbors=3)
    >>> cross_val_score(PCA(2), X, y, scoring=scorer).round(2)
    array([1.  , 1.  , 1.  , 0.97, 1.  ])

    A metric whose parameters have other names:

    >>> scorer = make_embedding_scorer(silhouette_score, inputs=("Z", "y"))
    >>> round(scorer(PCA(2).fit(X), X, y), 2)
    0.53

    Comparison with the original features, and with the scaled ones:

    >>> from sklearn.datasets import load_wine
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skmanifold.metrics import trustworthiness
    >>> X, _ = load_wine(return_X_y=True)
    >>> pipeline = make_pipeline(StandardScaler(), PCA(2)).fit(X)
    >>> for reference in ("input", "last_step"):
    ...     scorer = make_embedding_scorer(trustworthiness, reference=reference)
    ...     print(f"{scorer(pipeline, X):.2f}")
    0.72
    0.87
    """
    if not callable(metric):
        raise TypeError(
            f"metric must be a callable, got {metric!r}. For ready-made scorers, pass"
            " the name to get_scorer."
        )
    if inputs is None:
        inputs = _read_inputs(metric)
    unknown = set(inputs) - {"X", "Z", "y", "labels"}
    if unknown or not inputs:
        raise ValueError(
            "inputs must be one or more of 'X', 'Z', 'y' and 'labels', got"
            f" {tuple(inputs)!r}."
        )
    if not callable(reference) and reference not in ("input", "last_step"):
        raise ValueError(
            "reference must be 'input', 'last_step' or a callable that takes X, got"
            f" {reference!r}."
        )
    named = kwargs if n_neighbors is None else {"n_neighbors", *kwargs}
    _check_keywords(metric, inputs, named)
    sign = 1 if greater_is_better else -1
    return _EmbeddingScorer(metric, sign, tuple(inputs), n_neighbors, reference, kwargs)


def _check_keywords(metric, inputs, names):
    """Reject misspelled arguments early, not in the middle of a search."""
    try:
        parameters = list(inspect.signature(metric).parameters.values())
    except ValueError:
        return
    if any(parameter.kind == parameter.VAR_KEYWORD for parameter in parameters):
        return
    known = [
        parameter.name
        for parameter in parameters[len(inputs) :]
        if parameter.kind in (parameter.KEYWORD_ONLY, parameter.POSITIONAL_OR_KEYWORD)
    ]
    unknown = sorted(set(names) - set(known))
    if unknown:
        name = getattr(metric, "__name__", repr(metric))
        raise TypeError(
            f"{', '.join(map(repr, unknown))} cannot be passed on: {name} has no such"
            f" parameter. Its parameters are {', '.join(map(repr, known)) or 'none'}."
        )


def _read_inputs(metric):
    try:
        parameters = inspect.signature(metric).parameters.values()
    except ValueError:
        return ("X", "Z")
    names = [
        parameter.name
        for parameter in parameters
        if parameter.kind
        in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
        and parameter.default is parameter.empty
    ]
    inputs = tuple(_ARGUMENTS.get(name) for name in names)
    return inputs if "Z" in inputs and None not in inputs else ("X", "Z")


def _stratified_part(y, size):
    """Return sorted random indices, stratified by class."""
    shuffled = check_random_state(1).permutation(len(y))
    by_class = shuffled[np.argsort(y[shuffled], kind="stable")]
    # Evenly spaced positions in the samples sorted by class.
    return np.sort(by_class[(2 * np.arange(size) + 1) * len(y) // (2 * size)])


def _linear_svm(Z, y):
    """Return the accuracy of a linear classifier on the standardized embedding."""
    Z = check_data(Z, "Z", sparse=False)
    _, y, Z = labeled(check_labels(y, len(Z)), Z)
    if len(Z) > _LARGEST_SVM:
        kept = _stratified_part(y, _LARGEST_SVM)
        Z, y = Z[kept], np.unique(y[kept], return_inverse=True)[1]
    n_folds = min(10, int(np.bincount(y).min()))
    if n_folds < 2 or y.max() == 0:
        raise ValueError(
            "The scorer 'linear_svm' needs two classes with two samples each in a fold,"
            f" got {len(y)} samples of {y.max() + 1} class(es), the smallest with"
            f" {np.bincount(y).min()}."
        )
    folds = StratifiedKFold(n_folds, shuffle=True, random_state=1)
    # The published protocol standardizes once, over all samples.
    classifier = SVC(kernel="linear", C=1.0)
    return cross_val_score(
        classifier, StandardScaler().fit_transform(Z), y, cv=folds
    ).mean()


def _kmeans(Z, y):
    """Return the accuracy of k-means on the embedding, matched to the classes."""
    Z = check_data(Z, "Z", sparse=False)
    _, y, Z = labeled(check_labels(y, len(Z)), Z)
    if len(y) > 1 and y.max() + 1 == len(y):
        raise ValueError(
            f"The scorer 'kmeans' needs classes, but all {len(y)} labels in the fold"
            " differ: clusters of one sample each would match any labels."
        )
    clusters = KMeans(n_clusters=y.max() + 1, n_init=10, random_state=0).fit_predict(Z)
    return clustering_accuracy(y, clusters)


_linear_svm.__name__ = "linear_svm"
_kmeans.__name__ = "kmeans"

_SCORERS = {
    "trustworthiness": partial(make_embedding_scorer, trustworthiness, n_neighbors=5),
    "continuity": partial(make_embedding_scorer, continuity, n_neighbors=5),
    "mean_relative_rank_error": partial(
        make_embedding_scorer,
        mean_relative_rank_error,
        greater_is_better=False,
        n_neighbors=5,
    ),
    "local_geometric_distortion": partial(
        make_embedding_scorer,
        local_geometric_distortion,
        greater_is_better=False,
        n_neighbors=5,
    ),
    "distance_rmse": partial(
        make_embedding_scorer, distance_rmse, greater_is_better=False
    ),
    "cluster_rank_accuracy": partial(make_embedding_scorer, cluster_rank_accuracy),
    "clustering_accuracy": partial(
        make_embedding_scorer, clustering_accuracy, inputs=("y", "labels")
    ),
    "linear_svm": partial(make_embedding_scorer, _linear_svm),
    "kmeans": partial(make_embedding_scorer, _kmeans),
}


def get_scorer_names():
    """Get the names of all ready-made scorers.

    Returns
    -------
    names : list of str
        The names that :func:`get_scorer` knows, sorted.

    Examples
    --------
    >>> from skmanifold.metrics import get_scorer_names
    >>> "trustworthiness" in get_scorer_names()
    True
    """
    return sorted(_SCORERS)


def get_scorer(name, **options):
    """Get a ready-made scorer for the ``scoring`` of model selection.

    Greater is better: errors are negated.

    ============================== ============================================ =======
    name                           score                                        needs y
    ============================== ============================================ =======
    ``trustworthiness``            :func:`trustworthiness`, 5 neighbors         no
    ``continuity``                 :func:`continuity`, 5 neighbors              no
    ``mean_relative_rank_error``   its negative, 5 neighbors                    no
    ``local_geometric_distortion`` its negative, 5 neighbors                    no
    ``distance_rmse``              its negative                                 no
    ``cluster_rank_accuracy``      :func:`cluster_rank_accuracy` of the classes yes
    ``clustering_accuracy``        :func:`clustering_accuracy` of ``predict``;  yes
                                   needs an estimator that predicts
    ``linear_svm``                 accuracy of a linear support vector          yes
                                   classifier, in 10 folds, on the standardized
                                   embedding
    ``kmeans``                     :func:`clustering_accuracy` of k-means with  yes
                                   as many clusters as classes, on the
                                   embedding
    ============================== ============================================ =======

    Parameters
    ----------
    name : str or callable
        One of :func:`get_scorer_names`. A callable is returned unchanged.

    **options : dict
        Further arguments of :func:`make_embedding_scorer`, such as `n_neighbors`,
        `reference` or those of the metric.

    Returns
    -------
    scorer : callable
        ``scorer(estimator, X, y=None)``.

    Raises
    ------
    ValueError
        If there is no scorer of this name.
    TypeError
        If the metric has no such option, or if options are passed with a callable.

    See Also
    --------
    make_embedding_scorer : Make a scorer from a metric.

    Notes
    -----
    By default, the embedding is compared with the X passed to the search, see
    `reference` of :func:`make_embedding_scorer`. Scorers that need y leave out samples
    without a label and reject a continuous y. ``linear_svm`` uses at most 10,000
    samples, chosen by stratification, and fewer than 10 folds if the smallest class has
    fewer samples.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.decomposition import PCA
    >>> from sklearn.model_selection import GridSearchCV
    >>> from skmanifold.metrics import get_scorer
    >>> X, _ = load_iris(return_X_y=True)
    >>> search = GridSearchCV(
    ...     PCA(), {"n_components": [1, 2, 3]}, scoring=get_scorer("trustworthiness")
    ... ).fit(X)
    >>> search.best_params_
    {'n_components': 3}

    With other options:

    >>> get_scorer("trustworthiness", n_neighbors=10, reference="last_step")
    make_embedding_scorer(trustworthiness, n_neighbors=10, reference='last_step')
    """
    if callable(name):
        if options:
            raise TypeError(
                f"The options {', '.join(options)} require a name, got the callable"
                f" {name!r}. Pass them to make_embedding_scorer instead."
            )
        return name
    if not isinstance(name, str) or name not in _SCORERS:
        raise ValueError(
            f"There is no scorer {name!r}. The names are"
            f" {', '.join(map(repr, get_scorer_names()))}. Pass names of scikit-learn's"
            " scorers to scoring= or sklearn.metrics.get_scorer."
        )
    return _SCORERS[name](**options)
