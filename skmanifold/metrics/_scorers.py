# SPDX-License-Identifier: BSD-3-Clause

"""Scorers for model selection."""

import inspect
from numbers import Real

import numpy as np
from scipy.sparse import issparse
from sklearn.cluster import KMeans
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.utils import check_random_state

from skmanifold.metrics._checks import check_data, check_labels, labeled
from skmanifold.metrics._clusters import cluster_rank_accuracy, clustering_accuracy
from skmanifold.metrics._distance import distance_rmse, local_geometric_distortion
from skmanifold.metrics._neighborhood import (
    continuity,
    mean_relative_rank_error,
    trustworthiness,
)
from skmanifold.utils._containers import check_matrix, counted
from skmanifold.utils._sklearn import BaseScorer

_LARGEST_SVM = 10_000
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

    def __init__(self, metric, sign, inputs, reference, kwargs):
        method = "predict" if "labels" in inputs else "transform"
        # scikit-learn looks up the first of these before scoring, where error_score
        # does not apply. "fit" always exists, so the error about a missing method is
        # ours.
        super().__init__(metric, sign, kwargs, response_method=(method, "fit"))
        self.inputs = inputs
        self.reference = reference

    def __repr__(self):
        options = dict(self._kwargs)
        if self._sign < 0:
            options["greater_is_better"] = False
        if self.reference != "input":
            options["reference"] = self.reference
        shown = "".join(f", {key}={value!r}" for key, value in options.items())
        return f"make_embedding_scorer({_name(self._score_func)}{shown})"

    def __call__(self, estimator, X, y=None, **metadata):
        # Without scikit-learn's cache of previous calls.
        def call(estimator, method, X):
            return getattr(estimator, method)(X)

        return self._score(call, estimator, X, y, **metadata)

    def _score(self, method_caller, estimator, X, y=None, **metadata):
        kwargs = {**self._kwargs, **metadata}
        if "y" in self.inputs and y is None:
            raise ValueError(
                f"The scorer {self!r} requires y, got None. Pass y to fit of the"
                " search, or to cross_validate; unsupervised estimators ignore it."
            )
        values = {"X": X, "y": y}
        if "Z" in self.inputs:
            Z = self._output(method_caller, estimator, "transform", X)
            Z = Z.toarray() if issparse(Z) else np.asarray(Z)
            values["Z"] = Z.reshape(len(Z), -1)
        if "labels" in self.inputs:
            values["labels"] = self._output(method_caller, estimator, "predict", X)
        if "X" in self.inputs:
            values["X"] = self._refer(estimator, X)
        try:
            value = self._score_func(*(values[name] for name in self.inputs), **kwargs)
        except (TypeError, ValueError) as error:
            if "X" not in self.inputs or self.reference != "input" or _is_comparable(X):
                raise
            # Only now, since a user's metric may accept such X.
            values["X"] = _last_step_input(estimator, X)
            if values["X"] is X:
                raise ValueError(
                    f"The scorer {self!r} cannot compare the embedding with the X of"
                    f" the search, which does not consist of finite numbers: {error}."
                    " Put the preprocessing and the estimator into a Pipeline, or pass"
                    " a callable that preprocesses X as reference."
                ) from error
            value = self._score_func(*(values[name] for name in self.inputs), **kwargs)
        if not isinstance(value, Real) and getattr(value, "shape", None) != ():
            raise TypeError(
                f"{_name(self._score_func)} returned a {type(value).__name__} to the"
                f" scorer {self!r}, which needs one number. Omit per_sample=True, or"
                " use a function that returns one number."
            )
        return self._sign * float(value)

    def _output(self, method_caller, estimator, method, X):
        """Return the result of a method of the estimator."""
        name = type(estimator).__name__
        if not hasattr(estimator, method):
            raise TypeError(
                f"{name} has no method {method}, so there is {_HINTS[method]}"
            )
        try:
            return method_caller(estimator, method, X)
        except (TypeError, ValueError) as error:
            # not its subclasses, such as NotFittedError
            if type(error) not in (TypeError, ValueError) or _is_comparable(X):
                raise
            raise ValueError(
                f"The scorer {self!r} cannot call {method} of {name} with an X of type"
                f" {type(X).__name__}, which is no array of finite numbers: {error}."
                " Pass an array-like of shape (n_samples, n_features), or put the"
                " preprocessing and the estimator into a Pipeline."
            ) from error

    def _refer(self, estimator, X):
        """Return the samples that the embedding is compared with."""
        if callable(self.reference):
            return self.reference(X)
        return X if self.reference == "input" else _last_step_input(estimator, X)


def _name(metric):
    return getattr(metric, "__name__", repr(metric))


def _is_comparable(X):
    """Return whether X consists of finite numbers, so that distances are defined."""
    try:
        check_matrix(X, accept_sparse=True, ensure_min_samples=0)
    except (TypeError, ValueError):
        return False
    return True


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


_HINTS = {
    "transform": "no embedding to score. Use an estimator with transform, or a Pipeline"
    " that ends in one.",
    "predict": "nothing to score. Use the scorer 'kmeans', which clusters the"
    " embedding.",
}


def make_embedding_scorer(
    metric, /, *, greater_is_better=True, inputs=None, reference="input", **kwargs
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
    inputs : tuple of {"X", "Z", "y", "labels"}, default=None
        Positional arguments of the metric: the input, its embedding, the classes, and
        the result of ``predict``. None reads them from the names of the metric's
        parameters, else ``("X", "Z")``.
    reference : {"input", "last_step"} or callable, default="input"
        Samples that the embedding is compared with: the X of the search, the input of
        the last step of a Pipeline, or a function of X, such as ``transform`` of a
        fitted scaler. ``"input"`` falls back to ``"last_step"`` if X has no distances
        (text, missing values).
    **kwargs : dict
        Further arguments of the metric, such as `n_neighbors`.

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
    Use ``"last_step"`` to choose an embedding, not its preprocessing: each candidate is
    compared with its own version of the data, so a step that leaves little to embed
    would score best. A callable is the same reference for all candidates.

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
    >>> scorer = make_embedding_scorer(silhouette_score, inputs=("Z", "y"))
    >>> round(scorer(PCA(2).fit(X), X, y), 2)
    0.53
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
    _check_keywords(metric, inputs, kwargs)
    sign = 1 if greater_is_better else -1
    return _EmbeddingScorer(metric, sign, tuple(inputs), reference, kwargs)


def _check_keywords(metric, inputs, kwargs):
    """Reject misspelled arguments early, not in the middle of a search."""
    try:
        signature = inspect.signature(metric)
    except ValueError:
        return
    try:
        signature.bind_partial(*inputs, **kwargs)
    except TypeError as error:
        raise TypeError(
            f"The options do not fit {_name(metric)}{signature}: {error}. Rename or"
            " omit them."
        ) from error


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


def linear_svm(Z, y):
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
            f" got {counted(len(y), 'sample')} of"
            f" {counted(y.max() + 1, 'class', 'classes')}, the smallest with"
            f" {np.bincount(y).min()}."
        )
    folds = StratifiedKFold(n_folds, shuffle=True, random_state=1)
    # The published protocol standardizes once, over all samples.
    classifier = SVC(kernel="linear", C=1.0)
    return cross_val_score(
        classifier, StandardScaler().fit_transform(Z), y, cv=folds
    ).mean()


def kmeans(Z, y):
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


_ERROR = {"greater_is_better": False}
_SCORERS = {
    "trustworthiness": (trustworthiness, {}),
    "continuity": (continuity, {}),
    "mean_relative_rank_error": (mean_relative_rank_error, _ERROR),
    "local_geometric_distortion": (local_geometric_distortion, _ERROR),
    "distance_rmse": (distance_rmse, _ERROR),
    "cluster_rank_accuracy": (cluster_rank_accuracy, {}),
    "clustering_accuracy": (clustering_accuracy, {"inputs": ("y", "labels")}),
    "linear_svm": (linear_svm, {}),
    "kmeans": (kmeans, {}),
}


def get_scorer_names():
    """Get the names of all ready-made scorers.

    Returns
    -------
    names : list of str
        Sorted names for :func:`get_scorer`.

    Examples
    --------
    >>> from skmanifold.metrics import get_scorer_names
    >>> "trustworthiness" in get_scorer_names()
    True
    """
    return sorted(_SCORERS)


def get_scorer(name, **options):
    """Get a ready-made scorer for the ``scoring`` of model selection.

    Greater is better: errors are negated. The guide has a
    :ref:`list of scorers <scorers>`.

    Parameters
    ----------
    name : str
        One of :func:`get_scorer_names`.
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
        If the metric has no such option.

    See Also
    --------
    make_embedding_scorer : Make a scorer from a metric.

    Notes
    -----
    Scorers that need y leave out samples without a label and reject a continuous y.
    ``linear_svm`` uses at most 10,000 samples, chosen by stratification, and fewer than
    10 folds if the smallest class has fewer samples.

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
    """
    if not isinstance(name, str) or name not in _SCORERS:
        raise ValueError(
            f"There is no scorer {name!r}. The names are"
            f" {', '.join(map(repr, get_scorer_names()))}. Make one from another"
            " function with make_embedding_scorer(silhouette_score, inputs=('Z', 'y')),"
            " for example; pass names of scikit-learn's scorers to scoring=."
        )
    metric, defaults = _SCORERS[name]
    return make_embedding_scorer(metric, **{**defaults, **options})
