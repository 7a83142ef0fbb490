# SPDX-License-Identifier: BSD-3-Clause

"""A classifier for each chart of an atlas."""

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import (
    check_consistent_length,
    check_is_fitted,
    column_or_1d,
    has_fit_parameter,
    validate_data,
)

from skmanifold.utils import (
    StrOptions,
    check_matrix,
    counted,
    fit_context,
    read_targets,
)

from ._charts import one_hot, split_blocks, split_raw

# Rounding error of sums of float32 weights.
_TOLERANCE = 1e-4


def _has_probabilities(classifier):
    # raises the AttributeError of the estimator
    return bool(classifier._base_estimator().predict_proba)


class ChartwiseClassifier(MetaEstimatorMixin, ClassifierMixin, BaseEstimator):
    """Classifier on chart blocks, with a separate classifier for each chart.

    Use it after :class:`~skmanifold.MSimCLR`, :class:`~skmanifold.AtlasAE` or
    :class:`~skmanifold.AtlasTriplet` in a pipeline. The classifier of each chart is
    fitted to the coordinates in that chart. With a linear model this is the evaluation
    that the paper proposes [1]_: one affine classifier per chart.

    Read more in the :ref:`User Guide <atlas>`.

    Parameters
    ----------
    estimator : classifier or None, default=None
        Classifier to clone and fit for each chart. None is
        :class:`~sklearn.linear_model.LogisticRegression`.
    voting : {"hard", "soft"}, default="hard"
        "hard" trains and uses the classifier of the chart with the largest weight.
        "soft" trains all with the weights of the samples, and averages probabilities by
        them; it needs an `estimator` with ``predict_proba`` and ``sample_weight``, and
        differs only for blocks with ``membership="soft"``.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Class labels.
    estimators_ : list of length `n_charts_`
        Classifier of each chart. For a chart with training samples of at most one
        class it is a :class:`~sklearn.dummy.DummyClassifier`, which predicts that class
        or the proportions of all classes.
    n_charts_ : int
        Number of charts: the largest for which X consists of valid chart blocks, where
        the weights of each sample sum to 1, and no coordinate exceeds its weight. If
        there is none, all columns are the coordinates of one chart.
    n_features_in_ : int
        Number of features seen during fit.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features seen during fit, if all are strings.

    See Also
    --------
    skmanifold.MSimCLR : Charts from contrastive learning.

    References
    ----------
    .. [1] E. O. Korman, "Atlas Based Representation and Metric Learning on Manifolds",
       arXiv:2106.07062.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.svm import SVC
    >>> from skmanifold.atlas import ChartwiseClassifier, MSimCLR
    >>> X, y = load_digits(return_X_y=True)
    >>> model = make_pipeline(
    ...     MSimCLR(n_charts=8, max_epochs=10, random_state=0),
    ...     ChartwiseClassifier(SVC()),
    ... )
    >>> model.fit(X[:1500], y[:1500]).score(X[1500:], y[1500:]) > 0.5
    True
    """

    _parameter_constraints: dict = {
        "estimator": [BaseEstimator, None],
        "voting": [StrOptions({"hard", "soft"})],
    }

    def __init__(self, estimator=None, *, voting="hard"):
        self.estimator = estimator
        self.voting = voting

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y):
        """Fit a classifier for each chart.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_charts * (n_components + 1))
            Chart blocks.
        y : array-like of shape (n_samples,)
            Class labels. Samples with -1, None, NaN or NA are unlabeled and left out;
            if the only other label is 1, -1 is a class.

        Returns
        -------
        self : object
            The fitted classifier.

        Raises
        ------
        ValueError
            If X or y is invalid, or the estimator does not support soft voting.
        """
        if y is None:
            validate_data(self, X, y)  # raises scikit-learn's error
        X = self._validate(X, reset=True)
        if isinstance(y, np.ndarray) and y.ndim > 1:
            y = column_or_1d(y, warn=True)
        codes, classes = read_targets(y)
        check_consistent_length(X, codes)
        known = codes >= 0
        if len(classes) < 1 + (not known.all()):
            raise ValueError(
                f"y has {counted(len(classes), 'class', 'classes')} and "
                f"{counted((~known).sum(), 'unlabeled sample')} (-1, None, NaN or NA), "
                "but at least two are needed. If -1 is a class, number the classes "
                "from 0."
            )
        estimator = self._base_estimator()
        soft = self.voting == "soft"
        if soft and not (
            hasattr(estimator, "predict_proba")
            and has_fit_parameter(estimator, "sample_weight")
        ):
            raise ValueError(
                "voting='soft' needs an estimator with predict_proba and a "
                f"sample_weight in fit, which {estimator!r} lacks. Use another one, or "
                "voting='hard'."
            )
        n_charts = _count_charts(X)
        X, y = X[known], classes[codes[known]]
        self.classes_ = classes
        self._has_weights = n_charts > 0
        self.n_charts_ = max(n_charts, 1)
        weights, coordinates = self._split(X)
        if not soft:
            weights = one_hot(weights)
        self.estimators_ = []
        for j in range(self.n_charts_):
            rows = np.flatnonzero(weights[:, j] > 0)
            options = {"sample_weight": weights[rows, j]} if soft else {}
            if len(rows) == 0:
                chart = DummyClassifier().fit(X[:, :1], y)
            elif len(np.unique(y[rows])) == 1:
                chart = DummyClassifier().fit(X[rows, :1], y[rows])
            else:
                chart = clone(estimator).fit(coordinates[rows, j], y[rows], **options)
            self.estimators_.append(chart)
        return self

    def predict(self, X):
        """Predict the class of each sample.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_charts * (n_components + 1))
            Chart blocks.

        Returns
        -------
        ndarray of shape (n_samples,)
            Class labels.
        """
        check_is_fitted(self)
        if self.voting == "soft":
            return self.classes_[self.predict_proba(X).argmax(axis=1)]
        weights, coordinates = self._split(self._validate(X))
        charts = weights.argmax(axis=1)
        result = np.empty(len(charts), dtype=self.classes_.dtype)
        for j, estimator in enumerate(self.estimators_):
            rows = np.flatnonzero(charts == j)
            if len(rows):
                result[rows] = estimator.predict(coordinates[rows, j])
        return result

    @available_if(_has_probabilities)
    def predict_proba(self, X):
        """Predict the probability of each class.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_charts * (n_components + 1))
            Chart blocks.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Probabilities, in the order of ``classes_``.
        """
        check_is_fitted(self)
        weights, coordinates = self._split(self._validate(X))
        if self.voting == "hard":
            weights = one_hot(weights)
        result = np.zeros((len(weights), len(self.classes_)))
        for j, estimator in enumerate(self.estimators_):
            rows = np.flatnonzero(weights[:, j] > 0)
            if len(rows):
                columns = np.searchsorted(self.classes_, estimator.classes_)
                proba = estimator.predict_proba(coordinates[rows, j])
                result[np.ix_(rows, columns)] += weights[rows, j, np.newaxis] * proba
        # the weights of soft blocks sum to 1 up to rounding
        return result / result.sum(axis=1, keepdims=True)

    def _base_estimator(self):
        return LogisticRegression() if self.estimator is None else self.estimator

    def _validate(self, X, *, reset=False):
        blocks = check_matrix(X, dtype=[np.float64, np.float32], estimator=self)
        validate_data(self, X, reset=reset, skip_check_array=True)
        return blocks

    def _split(self, X):
        """Return weights (n, K) and coordinates (n, K, d)."""
        if not self._has_weights:
            return np.ones((len(X), 1)), X[:, np.newaxis]
        return split_blocks(X, X.shape[1] // self.n_charts_ - 1)


def _count_charts(X):
    """Return the number of charts of X; 0 if it does not consist of chart blocks."""
    for width in range(2, X.shape[1] + 1):
        if X.shape[1] % width == 0 and _are_blocks(X, width):
            return X.shape[1] // width
    return 0


def _are_blocks(X, width):
    """Return whether X consists of chart blocks of this width."""
    weights, coordinates = split_raw(X, width - 1)
    return bool(
        (weights >= 0).all()
        and (abs(weights.sum(axis=1) - 1) <= _TOLERANCE).all()
        and (coordinates >= 0).all()
        and (coordinates <= weights[:, :, np.newaxis] + _TOLERANCE).all()
    )
