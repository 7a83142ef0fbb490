# SPDX-License-Identifier: BSD-3-Clause

"""Metric learning on an atlas of charts."""

import math
from numbers import Real

import numpy as np
import torch
from sklearn import get_config
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils import column_or_1d, gen_batches
from sklearn.utils.validation import check_is_fitted
from torch import nn

from skmanifold.base import (
    DeepManifold,
    Head,
    Plan,
    checked_image_shape,
    reduced_width,
    sharded,
)
from skmanifold.graph import has_isolated_samples
from skmanifold.losses import (
    batch_all_triplets,
    chart_mmd,
    full_precision,
    semi_hard_triplets,
)
from skmanifold.utils import (
    Count,
    Number,
    StrOptions,
    counted,
    read_labels,
    read_targets,
)

from ._charts import (
    CHART_CONSTRAINTS,
    ChartEncoder,
    ChartsMixin,
    distances_in_charts,
    one_hot,
    split_blocks,
    weighted,
)
from ._class_batches import ClassBatches
from ._msimclr import chart_terms
from ._relevant import InitializedEncoder, RelevantComponents
from ._trunks import make_trunk_and_heads
from ._votes import GalleryVotes, LargestVote

_TRIPLETS = {"batch-all": batch_all_triplets, "semi-hard": semi_hard_triplets}


class AtlasTripletObjective(nn.Module):
    """The loss over one batch, the sum of its terms times their weights.

    With ``D`` the distances of :func:`chart_distances` and ``E`` those of the relevant
    components::

        triplets   = triplet loss of D
        distances  = 1 - correlation of D and E over the pairs of the batch
        uniformity = K MMD^2 of (chart, coordinates) from uniform charts
        balance    = sum_j p_j log(K p_j),  p = mean_i q_i
        sharpness  = mean_i (1 - sum_j q_ij^2)
    """

    # optimized by Muon
    hidden_layers = ("encoder.parts.trunk.0.hidden",)

    def __init__(
        self,
        inputs,
        labels,
        encoder,
        components,
        *,
        triplets,
        margin,
        distance_weight,
        regularization_weight,
        sharpness_weight,
    ):
        super().__init__()
        self.encoder = encoder
        self.register_buffer("inputs", inputs, persistent=False)
        self.register_buffer("labels", labels, persistent=False)
        self.register_buffer("components", components, persistent=False)
        self.distance_weight = distance_weight
        self.triplets = triplets
        self.margin = margin
        self.regularization_weight = regularization_weight
        self.sharpness_weight = sharpness_weight

    def forward(self, batch, progress):
        """Return the loss terms of a batch ``(rows, draws)``."""
        rows, draws = batch
        x = self.inputs[rows]
        q, y = sharded(self.encoder, x, function=self.encoder.charts)
        loss = _TRIPLETS[self.triplets]
        distances = chart_distances(q, y)
        terms = {"triplets": loss(distances, self.labels[rows], margin=self.margin)}
        if self.distance_weight:
            terms["distances"] = self.distance_weight * self._change(distances, x)
        if self.regularization_weight:
            mmd = chart_mmd(q, y, draws)
            terms |= chart_terms(
                q, mmd, self.regularization_weight, self.sharpness_weight
            )
        return terms

    @full_precision
    def _change(self, distances, x):
        components = x @ self.components.t()
        return 1 - correlation(distances, torch.cdist(components, components))


def correlation(a, b):
    """Return the correlation of two matrices (n, n) of distances, without diagonals."""
    pairs = torch.triu_indices(len(a), len(a), 1, device=a.device)
    a, b = (m[pairs[0], pairs[1]] for m in (a, b))
    a, b = (v - v.mean() for v in (a, b))
    # + 1e-12: the gradient would be infinite for equal distances
    return (a * b).sum() / (a.square().sum() * b.square().sum() + 1e-12).sqrt()


@full_precision
def chart_distances(q, coordinates):
    """Compute distances (n, n) of a batch: q (n, K), coordinates (n, K, d) in [0, 1].

    ``1 - sum_j w_j (1 - |y_j - y'_j| / sqrt(d))`` with ``w_j = q_j q'_j / (|q| |q'|)``.
    """
    q = q / q.norm(dim=1, keepdim=True)
    y = coordinates.transpose(0, 1) - 0.5
    y2 = y.square().sum(2)
    d2 = torch.baddbmm(
        y2.unsqueeze(2) + y2.unsqueeze(1), y, y.transpose(1, 2), alpha=-2
    )
    # the gradient of a square root at zero is infinite
    apart = (d2 / coordinates.shape[2]).clamp(min=1e-8).sqrt()
    shared = q.t().unsqueeze(2) * q.t().unsqueeze(1)
    return 1 + (shared * (apart - 1)).sum(0)


class AtlasTriplet(ClassifierMixin, ChartsMixin, DeepManifold):
    """Metric learning on an atlas of charts, from labels.

    A network maps each sample to memberships q in the charts and to coordinates in
    [0, 1] in each chart. A triplet loss makes samples of one class more similar than
    samples of different classes, while charts stay equally large and evenly filled. The
    learned distance also applies to classes not seen in training, but there distances
    in the input are about as good: compare with them first. [1]_

    Soft charts start from relevant components, principal components scaled to vary less
    within classes [2]_. Training preserves the distances of these components; then the
    last layers are averaged with their initial weights, which helps on unseen classes.
    Hard charts, and those with ``distance_weight=0``, start from random weights and
    follow the labels alone, as in the paper.

    The distance of two samples is the root mean square difference of their coordinates
    in the charts that they share, and 1 if they share none::

        1 - sum_j w_j (1 - |y_j - y'_j| / sqrt(n_components))

    with ``w_j = q_j q'_j / (|q| |q'|)``. In the paper ``w_j = q_j q'_j``, so a
    sample in several charts has a positive distance to itself.

    Unlabeled samples (None, NaN or NA in y, or -1 unless the only other label is 1) do
    not train the network, but are embedded and found by ``kneighbors``.

    Read more in the :ref:`User Guide <atlas_triplet>`.

    Parameters
    ----------
    n_charts : int, default=4
        Number of charts. Increase it for many classes.
    n_components : int, default=5
        Number of coordinates per chart. Increase it if recall matters more than short
        codes.
    image_shape : tuple of int or None, default=None
        (H, W) or (H, W, C), channels last, if samples are flattened images. Set it to
        use a convolutional network, which needs sides of at least 8.
    triplets : {"batch-all", "semi-hard"}, default="batch-all"
        Triplets of a batch that are used: all that violate the margin; or, for each
        pair of one class, the nearest sample of another class that is farther away.
        Set it to "semi-hard" if labels may be wrong: negatives nearer than the positive
        are then mostly left out.
    margin : float, default=0.1
        Required difference between the distances to samples of other classes and of the
        same class. Increase it to separate classes further.
    distance_weight : float or "auto", default="auto"
        Weight of the term that preserves the distances of the relevant components. With
        0, charts start from random weights and only the labels count. "auto" is 10 for
        soft membership and 0 for hard. Always 0 if samples share no column with others.
    regularization_weight : float, default=1.0
        Weight of the terms for evenly spread coordinates, charts of equal size and
        sharp memberships. Decrease it if the triplet loss hardly falls. With 0 only the
        triplet loss remains, and charts may become empty.
    sharpness_weight : float, default=0.3
        Weight of the impurity of q, ``1 - sum_j q_j^2``, relative to
        ``regularization_weight``. Increase it for ``membership="hard"``; 0 if only soft
        charts are used.
    membership : {"soft", "hard"}, default="soft"
        Weights of charts in ``transform``, ``distance`` and ``kneighbors``: q, or 1 for
        the chart with the largest q and 0 for the others. Set it to "hard" for short
        codes, one chart and ``n_components`` numbers, with coarser distances.
    n_neighbors : int, default=5
        Number of labeled samples that vote in ``predict`` and ``predict_proba``, with
        weights ``exp(-distance / margin)``. All of them if there are fewer. Decrease it
        if classes have few samples.
    encoder_layers : sequence of int, default=(256, 256)
        Widths of the hidden layers of the network; not used for images. Increase them
        for large, complex data.
    feature_dim : int, default=128
        Width of the last layer below the charts. Increase it for many classes.
    encoder : torch.nn.Module, callable or None, default=None
        Replaces the built-in network: a module (copied, never changed) or a callable
        ``(n_inputs, feature_dim) -> torch.nn.Module``. It maps scaled samples, (B,
        n_features), without PCA, or images, (B, C, H, W), to (B, n_outputs) with any
        n_outputs. Set it for inputs with structure, such as signals.
    max_epochs : int or "auto", default="auto"
        Number of epochs. With "auto", the number of steps grows with the cube root of
        ``n_samples``. Increase it if the loss still falls.
    batch_size : int or "auto", default="auto"
        Number of samples per step. "auto" is 64: 4 from each of 16 classes, or more
        from fewer. Increase it for many classes.
    learning_rate : float or "auto", default="auto"
        Largest learning rate. "auto" is 0.001. Decrease it if training diverges.
    device : {"auto", "cpu", "cuda", "cuda:N", "mps"}, default="auto"
        "auto" uses a CUDA GPU if there is one; set "cpu" to keep it free.
    training : TrainingOptions or None, default=None
        Rarely needed options: the optimizer, precision, early stopping and checkpoints.
    warm_start : bool, default=False
        If True, fit continues from the previous networks and scaling, to train longer.
    verbose : int or bool, default=False
        Set 1 to print about ten lines per phase of training, 2 for one per epoch. For
        progress bars see ``set_callbacks``.
    random_state : int, RandomState instance or None, default=None
        Seed of the networks, the batches and all other random numbers. Pass an int for
        reproducible results.

    Attributes
    ----------
    embedding_ : ndarray of shape (n_samples, n_charts * (n_components + 1))
        Embedding of the training data: chart blocks.
    charts_ : ndarray of shape (n_samples,)
        Chart of each training sample.
    classes_ : ndarray of shape (n_classes,)
        Class labels of the gallery: the training data, unless set by ``set_gallery``.
    n_charts_ : int
        Number of charts.
    history_ : dict of str to list of float
        Means over each epoch of the "loss" and its weighted terms "triplets",
        "distances", "uniformity", "balance" and "sharpness", and
        "learning_rate_factor".
    n_iter_ : int
        Number of epochs trained.
    network_ : torch.nn.Module
        Network from scaled samples to memberships and coordinates.
    n_features_in_ : int
        Number of features seen during fit.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features seen during fit, if all are strings.

    See Also
    --------
    skmanifold.MSimCLR : Charts learned without labels.

    References
    ----------
    .. [1] E. O. Korman, "Atlas Based Representation and Metric Learning on Manifolds",
       arXiv:2106.07062.
    .. [2] N. Shental, T. Hertz, D. Weinshall, M. Pavel, "Adjustment Learning and
       Relevant Component Analysis", ECCV 2002.

    Examples
    --------
    Learn from five digits, and compare others:

    >>> from sklearn.datasets import load_digits
    >>> from skmanifold.atlas import AtlasTriplet
    >>> X, y = load_digits(return_X_y=True)
    >>> model = AtlasTriplet(image_shape=(8, 8), max_epochs=2, random_state=0)
    >>> model.fit(X[y < 5], y[y < 5]).distance(X[y == 8][:3], X[y == 9][:2]).shape
    (3, 2)
    >>> distances, indices = model.kneighbors(X[:3], n_neighbors=4)
    >>> indices.shape
    (3, 4)
    """

    _parameter_constraints: dict = {
        **DeepManifold._parameter_constraints,
        **CHART_CONSTRAINTS,
        "image_shape": ["array-like", None],
        "triplets": [StrOptions(set(_TRIPLETS))],
        "margin": [Number(Real, 0, None, closed="neither")],
        "distance_weight": [Number(Real, 0, None, closed="left"), StrOptions({"auto"})],
        "regularization_weight": [Number(Real, 0, None, closed="left")],
        "sharpness_weight": [Number(Real, 0, None, closed="left")],
        "n_neighbors": [Count(1)],
        "encoder_layers": ["array-like"],
        "feature_dim": [Count(1)],
        "encoder": [nn.Module, callable, None],
    }

    _methods_with_decoder = "IsometricAE, TopologicalAE, AtlasAE, DCRL and DLME"
    _image_parameter = "image_shape"

    def __init__(
        self,
        n_charts=4,
        n_components=5,
        *,
        image_shape=None,
        triplets="batch-all",
        margin=0.1,
        distance_weight="auto",
        regularization_weight=1.0,
        sharpness_weight=0.3,
        membership="soft",
        n_neighbors=5,
        encoder_layers=(256, 256),
        feature_dim=128,
        encoder=None,
        max_epochs="auto",
        batch_size="auto",
        learning_rate="auto",
        device="auto",
        training=None,
        warm_start=False,
        verbose=False,
        random_state=None,
    ):
        self.n_charts = n_charts
        self.n_components = n_components
        self.image_shape = image_shape
        self.triplets = triplets
        self.margin = margin
        self.distance_weight = distance_weight
        self.regularization_weight = regularization_weight
        self.sharpness_weight = sharpness_weight
        self.membership = membership
        self.n_neighbors = n_neighbors
        self.encoder_layers = encoder_layers
        self.feature_dim = feature_dim
        self.encoder = encoder
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.device = device
        self.training = training
        self.warm_start = warm_start
        self.verbose = verbose
        self.random_state = random_state

    def fit(self, X, y=None):
        """Learn the atlas.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training data in raw units.
        y : array-like of shape (n_samples,), default=None
            Class of each sample, required: at least two classes, one of them with two
            samples. -1, None, NaN and NA mark unlabeled samples.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If X, y or a parameter is invalid, or if training diverges. The estimator is
            then as it was before the call.
        """
        return super().fit(X, y)

    def fit_predict(self, X, y=None):
        """Learn the atlas and predict the class of each sample.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training data in raw units.
        y : array-like of shape (n_samples,), default=None
            Class of each sample, as in ``fit``.

        Returns
        -------
        ndarray of shape (n_samples,)
            Class labels, also of unlabeled samples.
        """
        return self.fit(X, y).predict(X)

    def partial_fit(self, X, y=None, classes=None):
        """Train for one more epoch, on these samples.

        The samples of all parts are the gallery of ``kneighbors`` and ``predict``. They
        are stored, and embedded again at each search. If they exceed scikit-learn's
        ``working_memory``, or if training started with ``fit``, call ``set_gallery``.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            A part of the training data in raw units.
        y : array-like of shape (n_samples,), default=None
            Class of each sample, as in ``fit``. Later parts may have new classes.
        classes : array-like of shape (n_classes,), default=None
            Further classes to list in ``classes_``.

        Returns
        -------
        self : object
            The estimator; ``embedding_``, ``charts_`` and ``history_`` are of this part
            alone.

        Raises
        ------
        ValueError
            If X, y or a parameter is invalid, or if training diverges. The estimator is
            then as it was before the call.
        """
        begins = not hasattr(self, "network_")
        known, seen, parts = [], [], []
        if not begins:
            seen, parts = self._seen, self._parts
            known = [
                c for part in (*seen, (None, self.classes_)) for c in part[1].tolist()
            ]
        if classes is not None:
            known += read_labels(classes, name="classes").classes.tolist()
        if y is not None:
            if known and -1 not in known:
                # -1 is unlabeled even if all other labels of this part are 1
                codes, labels = read_labels(y, unknown=-1)
                y = np.array([*labels.tolist(), None], dtype=object)[codes]
            # raises before training if the classes are of different types
            known = read_labels([*known, *self._validate_targets(y).classes]).classes
        super().partial_fit(X, y)
        self._seen = [*seen, (self._gallery_codes, self.classes_)]
        self._gallery_codes = np.concatenate(
            [_renumbered(*part, known) for part in self._seen]
        )
        self.classes_ = known
        self._gallery_lost = not begins and not parts
        if not self._gallery_lost:
            parts = [*parts, self._validate(X, reset=False).copy()]
            n_bytes = sum(map(_n_bytes, parts))
            self._gallery_lost = n_bytes > get_config()["working_memory"] * 2**20
        self._parts = [] if self._gallery_lost else parts
        return self

    def set_gallery(self, X, y=None):
        """Set the gallery, which ``kneighbors`` and ``predict`` search.

        The gallery replaces the training data until the next fit. A few samples of each
        class are enough, even of classes not seen in training.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Data in the units of the training data.
        y : array-like of shape (n_samples,), default=None
            Class of each sample, for ``predict``; -1, None, NaN or NA if unlabeled.

        Returns
        -------
        self : object
            The estimator, with the ``classes_`` of y.

        Raises
        ------
        ValueError
            If X or y is invalid.
        """
        check_is_fitted(self)
        samples = self._validate(X, reset=False)
        n_samples = samples.shape[0]
        labels = read_targets(np.full(n_samples, np.nan) if y is None else y, n_samples)
        self._gallery = self._blocks(samples)
        self._gallery_codes, self.classes_ = labels
        self._gallery_lost = False
        return self

    def predict(self, X):
        """Predict the class of each sample from its neighbors in the gallery.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Data in the units of the training data.

        Returns
        -------
        ndarray of shape (n_samples,)
            Class labels.

        Raises
        ------
        ValueError
            If X is invalid, or no sample of the gallery has a label.
        """
        shares = self.predict_proba(X)
        return self.classes_[shares.argmax(axis=1)]

    def predict_proba(self, X):
        """Predict class probabilities from neighbors in the gallery.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Data in the units of the training data.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Weighted votes of the ``n_neighbors`` nearest labeled samples, in the order
            of ``classes_``.

        Raises
        ------
        ValueError
            If X is invalid, or no sample of the gallery has a label.
        """
        check_is_fitted(self)
        *voters, labels = self._voters()
        distances, nearest = _nearest(
            _in_double(self, X), voters, min(self.n_neighbors, len(labels))
        )
        # relative to the nearest, so that at least one vote is positive
        votes = np.exp((distances[:, :1] - distances) / self.margin)
        codes = labels[nearest]
        shares = np.zeros((len(votes), len(self.classes_)))
        np.add.at(shares, (np.arange(len(votes))[:, np.newaxis], codes), votes)
        return shares / votes.sum(axis=1, keepdims=True)

    def score(self, X, y, sample_weight=None):
        """Compute the accuracy of ``predict`` on the labeled samples.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Data in the units of the training data.
        y : array-like of shape (n_samples,)
            Class of each sample; -1, None, NaN or NA if unlabeled.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples.

        Returns
        -------
        float
            Fraction of correctly predicted samples.

        Raises
        ------
        ValueError
            If X or y is invalid, or y has no labels.
        """
        predicted = self.predict(X)
        unknown = None if -1 in self.classes_.tolist() else -1
        codes, classes = read_labels(y, len(predicted), unknown=unknown)
        known = codes >= 0
        if not known.any():
            raise ValueError(
                "y has no labels (all are -1, None, NaN or NA). Pass labeled samples."
            )
        if sample_weight is not None:
            sample_weight = np.asarray(sample_weight)[known]
        return float(
            accuracy_score(
                classes[codes[known]], predicted[known], sample_weight=sample_weight
            )
        )

    def distance(self, A, B):
        """Compute the learned distances between two sets of samples.

        Parameters
        ----------
        A : {array-like, sparse matrix} of shape (n_samples_a, n_features)
            Data in the units of the training data.
        B : {array-like, sparse matrix} of shape (n_samples_b, n_features)
            Data in the units of the training data.

        Returns
        -------
        ndarray of shape (n_samples_a, n_samples_b)
            Distances, in [0, 1].
        """
        return learned_distances(*_in_double(self, A), *_in_double(self, B))

    def kneighbors(self, X=None, n_neighbors=5, return_distance=True):
        """Find the nearest samples of the gallery by the learned distance.

        The gallery is the training data, of all parts, unless set by ``set_gallery``.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_queries, n_features), default=None
            Data in the units of the training data. None uses the gallery, where
            no sample is its own neighbor.
        n_neighbors : int, default=5
            Number of neighbors, at most the number of samples of the gallery.
        return_distance : bool, default=True
            Whether to return the distances.

        Returns
        -------
        distances : ndarray of shape (n_queries, n_neighbors)
            Distances, in ascending order. Left out if ``return_distance=False``.
        indices : ndarray of shape (n_queries, n_neighbors), int
            Indices in the gallery, of all parts together; ties ordered by index.

        Raises
        ------
        ValueError
            If the gallery has fewer samples than ``n_neighbors``, or is not stored.
        """
        check_is_fitted(self)
        own = self._gallery_points()
        most = len(own[0]) - (X is None)
        if not Count(1).is_satisfied_by(n_neighbors) or n_neighbors > most:
            raise ValueError(
                f"n_neighbors={n_neighbors!r} must be an integer from 1 to {most}, the "
                "number of samples of the gallery that can be neighbors."
            )
        if X is None:
            distances, indices = _nearest(own, own, n_neighbors, itself=False)
        else:
            distances, indices = _nearest(_in_double(self, X), own, n_neighbors)
        return (distances, indices) if return_distance else indices

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags

    # -- the hooks

    def _validate(self, X, *, reset):
        samples = super()._validate(X, reset=reset)
        if reset:
            # principal components would map unrelated samples to one point
            self._keeps_columns = has_isolated_samples(samples, self.n_neighbors)
        return samples

    def _validate_targets(self, y):
        if y is None:
            raise ValueError(
                "AtlasTriplet requires y to be passed, but the target y is None. Pass "
                "the class of each sample; MSimCLR learns without classes."
            )
        if isinstance(y, np.ndarray) and y.ndim > 1:
            y = column_or_1d(y, warn=True)
        labels = read_targets(y)
        counts = np.bincount(labels.codes[labels.codes >= 0], minlength=1)
        n_classes, most = len(labels.classes), int(counts.max())
        if n_classes < 2 or most < 2:
            n_unknown = int((labels.codes < 0).sum())
            raise ValueError(
                f"y has {counted(n_classes, 'class', 'classes')} and at most "
                f"{counted(most, 'sample')} of each, but a triplet needs two samples "
                "of one class and one of another, also in each part of partial_fit. "
                f"It has {counted(n_unknown, 'unlabeled sample')} (-1, None, NaN or "
                "NA); if -1 is a class, number the classes from 0."
            )
        return labels

    def _plan(self, n_samples, n_features):
        image_shape = checked_image_shape(self.image_shape, n_features)
        reduces = image_shape is None and n_features > 64 and self.encoder is None
        reduces = reduces and not self._keeps_columns
        return Plan(
            n_steps=min(round(150 * (n_samples / 1000) ** (1 / 3)), 1500),
            batch_size=64,
            learning_rate=1e-3,
            n_reduced=reduced_width(n_samples) if reduces else None,
            column_scaling=image_shape is None,
            one_unit=image_shape is not None,
        )

    def _count_batches(self, n_samples, batch_size, targets):
        return len(self._class_batches(targets.codes, batch_size))

    def _make_batches(self, data, batch_size):
        return self._class_batches(data.y.codes, batch_size, data.device)

    def _class_batches(self, labels, batch_size, device="cpu"):
        shape = {"n_charts": self.n_charts, "n_components": self.n_components}
        return ClassBatches(labels, batch_size, device, **shape)

    def _network_sizes(self, data):
        placed = int(self._distance_weight > 0)
        return {**super()._network_sizes(data), "placed": placed}

    def _make_networks(self, sizes):
        trunk, heads = make_trunk_and_heads(self, sizes)
        if sizes["placed"]:
            return {"encoder": InitializedEncoder(trunk, heads, sizes["n_inputs"])}
        return {"encoder": ChartEncoder(trunk, heads)}

    def _make_objective(self, data, networks):
        encoder, components = networks["encoder"], None
        weight = self._distance_weight
        if weight > 0:
            relevant = RelevantComponents(
                data.inputs.cpu().numpy(), data.y.codes, data.seed("components")
            )
            if data.previous:
                encoder.begin()
            else:
                encoder.initialize(relevant)
            components = torch.from_numpy(relevant.matrix_).float().to(data.device)
        return AtlasTripletObjective(
            data.inputs,
            torch.from_numpy(data.y.codes).to(data.device),
            encoder,
            components,
            triplets=self.triplets,
            margin=self.margin,
            distance_weight=weight,
            regularization_weight=self.regularization_weight,
            sharpness_weight=self.sharpness_weight,
        )

    def _learn_after(self, data, run):
        if self._distance_weight > 0:
            run.networks["encoder"].finish()

    def _uses_global_generator(self):
        return self.encoder is not None

    def _heads(self):
        return {
            **super()._heads(),
            "predict": Head(self._class_of_votes, ("label",)),
            "predict_proba": Head(self._votes, ("probabilities",)),
        }

    def _fitted_attributes(self, objective, outputs, data):
        attributes = super()._fitted_attributes(objective, outputs, data)
        attributes["charts_"] = attributes.pop("labels_")
        codes, classes = data.y
        return {
            **attributes,
            "classes_": classes,
            "_gallery": None,  # None is embedding_
            "_gallery_codes": codes,
            "_gallery_lost": False,
            "_parts": [],  # samples and labels of partial_fit
            "_seen": [],
        }

    # -- helpers of the hooks

    @property
    def _distance_weight(self):
        """Weight of the distances of the relevant components."""
        if self._keeps_columns:
            return 0.0  # the components would map unrelated samples to one point
        if self.distance_weight == "auto":
            return 10.0 if self.membership == "soft" else 0.0
        return self.distance_weight

    def _gallery_points(self):
        """Return weights and coordinates of the gallery, float64."""
        if self._gallery_lost:
            raise ValueError(
                "The samples of earlier parts are not stored: training started with "
                "fit, or they exceed scikit-learn's working_memory of "
                f"{get_config()['working_memory']} MiB. Call set_gallery(X, y)."
            )
        blocks = self._gallery
        if blocks is None:
            earlier = [self._blocks(part) for part in self._parts[:-1]]
            blocks = np.concatenate([*earlier, self.embedding_])
        blocks = blocks.astype(np.float64, copy=False)
        weights, coordinates = split_blocks(blocks, self._n_axes)
        return one_hot(weights) if self.membership == "hard" else weights, coordinates

    def _voters(self):
        """Return weights, coordinates and classes of labeled samples of the gallery."""
        labeled = np.flatnonzero(self._gallery_codes >= 0)
        if not len(labeled):
            raise ValueError(
                "The gallery has no labels, so there are no classes to predict. Call "
                "set_gallery(X, y) with the classes of its samples."
            )
        weights, coordinates = self._gallery_points()
        return weights[labeled], coordinates[labeled], self._gallery_codes[labeled]

    def _votes(self):
        """Return a torch module that maps raw chart blocks to ``predict_proba``."""
        *voters, labels = self._voters()
        return GalleryVotes(
            *voters,
            labels,
            n_classes=len(self.classes_),
            n_neighbors=min(self.n_neighbors, len(labels)),
            margin=self.margin,
            hard=self.membership == "hard",
        )

    def _class_of_votes(self):
        if self.classes_.dtype.kind not in "iu":
            raise ValueError(
                f"The classes of this AtlasTriplet are of type {self.classes_.dtype}, "
                "but an ONNX graph returns integers. Use method='predict_proba', with "
                "columns in the order of classes_, or fit with integer classes."
            )
        return LargestVote(self._votes(), self.classes_)

    def _blocks(self, samples):
        """Return the chart blocks of validated samples."""
        return self._present(self._outputs(self.network_, samples))


def _in_double(estimator, X):
    return [part.astype(np.float64) for part in weighted(estimator, X)]


def _nearest(queries, gallery, n_neighbors, *, itself=True):
    """Return distances and indices of the nearest points of a gallery.

    Points are weights and coordinates. With ``itself=False`` the queries are the
    gallery, and no point is its own neighbor.
    """
    q, coordinates = queries
    n_rows = len(gallery[0])
    distances = np.empty((len(q), n_neighbors))
    indices = np.empty((len(q), n_neighbors), dtype=np.intp)
    # blocks of about 32 MB of distances
    for rows in gen_batches(len(q), max(1, 2**22 // n_rows)):
        block = learned_distances(q[rows], coordinates[rows], *gallery)
        if not itself:
            block[np.arange(len(block)), np.arange(n_rows)[rows]] = np.inf
        nearest = np.argsort(block, axis=1, kind="stable")[:, :n_neighbors]
        indices[rows] = nearest
        distances[rows] = np.take_along_axis(block, nearest, axis=1)
    return distances, indices


def _renumbered(codes, classes, more):
    """Return the codes of labels among more classes; -1 stays -1."""
    numbers = np.searchsorted(more, classes.astype(more.dtype))
    return np.append(numbers, -1)[codes]


def _n_bytes(samples):
    return samples.data.nbytes if hasattr(samples, "indptr") else samples.nbytes


def learned_distances(q_a, coordinates_a, q_b, coordinates_b):
    """Compute distances (n, m) from weights (n, K), (m, K) and their coordinates.

    The formula of :func:`chart_distances`.
    """
    root = math.sqrt(coordinates_a.shape[2])
    q_a, q_b = (q / np.linalg.norm(q, axis=1, keepdims=True) for q in (q_a, q_b))
    result = np.ones((len(q_a), len(q_b)))
    for pairs, weights, apart in distances_in_charts(
        q_a, coordinates_a, q_b, coordinates_b
    ):
        result[pairs] += weights * (apart / root - 1)
    # rounding may make distances slightly negative
    return result.clip(0, 1)
