# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""Metrics as ``scoring=`` of model selection."""

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
# Metrics with n_neighbors by what it must be less than: half of the samples, or all.
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
    """A callable ``scorer(estimator, X, y=None)``; greater is better.

    A scorer to scikit-learn too, which shares one embedding among several of them, and
    passes metadata such as sample weights to a metric that takes them.
    """

    def __init__(self, metric, sign, inputs, n_neighbors, reference, kwargs):
        method = "predict" if "labels" in inputs else "transform"
        # scikit-learn looks for the first of these before it calls any scorer, outside
        # of what error_score catches. Every estimator has fit, so that one without the
        # method is left to the scorer, which says so.
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
                f"The scorer {self!r} needs y, and none was given. Pass y to fit of"
                " the search, or to cross_validate; an unsupervised estimator ignores"
                " it."
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
                    " Put what makes numbers of X and the estimator into a Pipeline, or"
                    " pass a callable that does as reference."
                ) from error
            # a metric of one's own may have read X, so it is asked first
            values["X"] = _last_step_input(estimator, X)
            value = self._score_func(*(values[name] for name in self.inputs), **kwargs)
        if not isinstance(value, Real) and getattr(value, "shape", None) != ():
            name = getattr(self._score_func, "__name__", repr(self._score_func))
            raise TypeError(
                f"{name} returned a value of type {type(value).__name__} to the scorer"
                f" {self!r}, which needs one number. Leave out per_sample=True, or"
                " make the scorer of a function that returns one number."
            )
        return self._sign * float(value)

    def _refer(self, estimator, X):
        """Return the data with which the embedding is compared."""
        if callable(self.reference):
            return self.reference(X)
        return X if self.reference == "input" else _last_step_input(estimator, X)

    def _check_fold(self, X, n_neighbors):
        """Refuse a fold that is too small before the embedding is computed."""
        if n_neighbors is None:
            return
        n = X.shape[0] if hasattr(X, "shape") else len(X)
        k = int(np.max(n_neighbors))
        if self._score_func in _HALF:
            largest, rule = (n - 1) // 2, "less than half of them"
        elif self._score_func in _LESS:
            # Adjusted for chance, all but one neighbour would divide by zero.
            less = 2 if self._kwargs.get("adjusted") else 1
            largest = max(n - less, 0)
            rule = "less than their number" + (" - 1" if less == 2 else "")
        else:
            # What other metrics allow, they know themselves.
            return
        if k > largest:
            raise ValueError(
                f"n_neighbors={n_neighbors!r} of the scorer {self!r} is too large for"
                f" the fold it scores, which has {n} samples: it must be {rule}, so "
                + (f"at most {largest}" if largest else "no value is possible")
                + ". Use fewer folds, or make_embedding_scorer with a smaller"
                " n_neighbors."
            )


def _is_comparable(X):
    """Tell if distances between samples are defined: finite numbers in rows."""
    try:
        check_array(
            plain(X), accept_sparse=True, dtype=np.float64, ensure_min_samples=0
        )
    except (TypeError, ValueError):
        return False
    return True


def _call(estimator, method, X):
    """Call a method without the memory of former calls that scikit-learn adds."""
    return getattr(estimator, method)(X)


def _last_step(estimator):
    """The estimator at the end of pipelines, and of searches over them."""
    while True:
        if hasattr(estimator, "best_estimator_"):
            estimator = estimator.best_estimator_
        elif isinstance(estimator, Pipeline):
            estimator = estimator[-1]
        else:
            return estimator


def _last_step_input(estimator, X):
    """The samples as the last step of a pipeline, or of a search over one, sees them.

    Where this step is a pipeline itself, its last step counts.
    """
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
            f"{type(estimator).__name__} has no method transform, so new samples have"
            " no embedding to score. Use an estimator that transforms, or a Pipeline"
            " whose last step does."
        )
    Z = method_caller(estimator, "transform", X)
    Z = Z.toarray() if issparse(Z) else np.asarray(Z)
    return Z.reshape(len(Z), -1)


def _cluster(method_caller, estimator, X):
    if not hasattr(estimator, "predict"):
        raise TypeError(
            f"{type(estimator).__name__} has no method predict, so there are no"
            " clusters to score. Use the scorer 'kmeans', which clusters the embedding"
            " itself."
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

    The scorer embeds the samples it is given with the fitted estimator's ``transform``
    and compares them with their embedding. It works with every transformer and every
    :class:`~sklearn.pipeline.Pipeline` that ends in one.

    Parameters
    ----------
    metric : callable
        A function such as :func:`trustworthiness`, returning a float.

    greater_is_better : bool, default=True
        If False, the scorer returns the negative, as searches maximise.

    n_neighbors : int or (int, int), default=None
        Passed to the metric. None leaves the metric's own default.

    inputs : tuple of {"X", "Z", "y", "labels"}, default=None
        The positional arguments of the metric: the input, its embedding, the known
        classes, and what the estimator's ``predict`` says. None reads them off the
        names of the metric's first parameters, and takes ``("X", "Z")`` where the names
        do not tell.

    reference : {"input", "last_step"} or callable, default="input"
        What the embedding is compared with. ``"input"`` is X as the search passes it,
        in a Pipeline the matrix before its first step. Where that has no distances (a
        table with words or missing values, a list of texts), it is what the last step
        of the Pipeline sees. ``"last_step"`` is this in any case, scaled columns for
        instance; without a Pipeline it is the same as ``"input"``. A callable takes X
        and returns the samples to compare with, such as the ``transform`` of a fitted
        scaler. Metrics that do not look at X do not need it.

    **kwargs : dict
        Further arguments of the metric, which may be called ``metric`` too.

    Returns
    -------
    scorer : callable
        ``scorer(estimator, X, y=None)``, which pickles if the metric and the reference
        do. scikit-learn takes it wherever it takes a scorer.

    Raises
    ------
    TypeError
        If `metric` is no callable, or has no parameter of a name in `kwargs`.
    ValueError
        If `inputs` or `reference` is none of the above.

    See Also
    --------
    get_scorer : The ready-made scorers.

    Notes
    -----
    With what the last step sees, every candidate of a search is compared with its own
    picture of the data. That is right to choose an embedding, and wrong to choose the
    steps before it: a step that leaves little to embed scores best. A callable is one
    yardstick for all candidates.

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

    A metric of the embedding whose parameters are called otherwise:

    >>> scorer = make_embedding_scorer(silhouette_score, inputs=("Z", "y"))
    >>> round(scorer(PCA(2).fit(X), X, y), 2)
    0.53

    An embedding of scaled columns, compared with the columns as they come, and with the
    scaled ones:

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
            f"metric must be a callable, got {metric!r}. Names of ready-made scorers go"
            " to get_scorer."
        )
    if inputs is None:
        inputs = _read_inputs(metric)
    unknown = set(inputs) - {"X", "Z", "y", "labels"}
    if unknown or not inputs:
        raise ValueError(
            "inputs must name one or more of 'X', 'Z', 'y' and 'labels', got"
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
    """Refuse a misspelt argument now, not in the middle of a search."""
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
            f" parameter. It has {', '.join(map(repr, known)) or 'none'}."
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
    """Sorted random rows, of every class its share, rounded up or down."""
    shuffled = check_random_state(1).permutation(len(y))
    by_class = shuffled[np.argsort(y[shuffled], kind="stable")]
    # Steps of equal length through the classes, one after the other.
    return np.sort(by_class[(2 * np.arange(size) + 1) * len(y) // (2 * size)])


def _linear_svm(Z, y):
    """Accuracy of a linear classifier on the standardised embedding."""
    Z = check_data(Z, "Z", sparse=False)
    _, y, Z = labeled(check_labels(y, len(Z)), Z)
    if len(Z) > _LARGEST_SVM:
        kept = _stratified_part(y, _LARGEST_SVM)
        Z, y = Z[kept], np.unique(y[kept], return_inverse=True)[1]
    n_folds = min(10, int(np.bincount(y).min()))
    if n_folds < 2 or y.max() == 0:
        raise ValueError(
            "The scorer 'linear_svm' needs two classes, and two samples of each, in"
            f" the fold that it scores; this one has {len(y)} samples of {y.max() + 1}"
            f" class(es), the smallest with {np.bincount(y).min()}."
        )
    folds = StratifiedKFold(n_folds, shuffle=True, random_state=1)
    # Standardised once over all, as the protocol has it.
    classifier = SVC(kernel="linear", C=1.0)
    return cross_val_score(
        classifier, StandardScaler().fit_transform(Z), y, cv=folds
    ).mean()


def _kmeans(Z, y):
    """Accuracy of k-means clusters of the embedding, matched to the classes."""
    Z = check_data(Z, "Z", sparse=False)
    _, y, Z = labeled(check_labels(y, len(Z)), Z)
    if len(y) > 1 and y.max() + 1 == len(y):
        raise ValueError(
            f"The scorer 'kmeans' needs classes, but all {len(y)} labels in the fold"
            " that it scores differ: as many clusters as samples match any labels."
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
        One of :func:`get_scorer_names`. A callable is returned as it is.

    **options : dict
        Further arguments of :func:`make_embedding_scorer`, such as `n_neighbors`,
        `reference` or those of the metric, in place of the usual ones.

    Returns
    -------
    scorer : callable
        ``scorer(estimator, X, y=None)``.

    Raises
    ------
    ValueError
        If there is no scorer of this name.
    TypeError
        If the metric does not have an option, or `name` is a callable, which has its
        options already.

    See Also
    --------
    make_embedding_scorer : Make a scorer from a metric, with your own parameters.

    Notes
    -----
    The input that the embedding is compared with is what the search passes to the
    estimator, in a Pipeline the matrix before its first step, unless `reference` says
    otherwise or that matrix does not consist of finite numbers: see
    :func:`make_embedding_scorer`. Samples whose label is missing are left out by the
    scorers that need y, which refuse a continuous y. ``linear_svm`` takes at most
    10,000 samples, a stratified part of more, and as many folds as the smallest class
    has members if these are fewer than 10.

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

    With other options than the usual ones:

    >>> get_scorer("trustworthiness", n_neighbors=10, reference="last_step")
    make_embedding_scorer(trustworthiness, n_neighbors=10, reference='last_step')
    """
    if callable(name):
        if options:
            raise TypeError(
                f"The options {', '.join(options)} go with a name, got the callable"
                f" {name!r}, which has its own. Pass them to make_embedding_scorer."
            )
        return name
    if not isinstance(name, str) or name not in _SCORERS:
        raise ValueError(
            f"There is no scorer {name!r}. The names are"
            f" {', '.join(map(repr, get_scorer_names()))}; scikit-learn's own scorers"
            " go to scoring= by their names, or to sklearn.metrics.get_scorer."
        )
    return _SCORERS[name](**options)
