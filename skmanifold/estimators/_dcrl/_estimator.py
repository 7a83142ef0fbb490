# SPDX-License-Identifier: BSD-3-Clause

"""Deep Clustering and Representation Learning."""

import functools
from collections import OrderedDict
from numbers import Integral, Real

import numpy as np
import torch
from scipy import sparse
from sklearn.base import ClusterMixin
from sklearn.utils.validation import check_is_fitted
from torch import nn

from skmanifold.base import (
    DecoderMixin,
    DeepManifold,
    PairBatches,
    Plan,
    checked_image_shape,
    checked_widths,
    own_network,
    reduced_width,
    same_bits,
)
from skmanifold.nn import MLP
from skmanifold.utils import Count, HasMethods, Number, StrOptions, counted, warn

from ._arrangement import Arrangement
from ._batches import ImagePairs, NoisyRows
from ._clusters import raw_means, scaled_means, soft_assignments
from ._heads import cluster_heads
from ._initial_labels import initial_labels
from ._neighbors import FeatureSpace, denoised, is_euclidean, search_neighbors
from ._networks import Clusters, Columns, Decoder, Features, Scaled, UnitRows, set_units
from ._objective import Contrast, DCRLObjective, Pretraining
from ._representation import fit_representation, represented
from ._weights import WEIGHTS, first_and_last

# Maximum spread of the features, in units of the losses.
_MOST_UNITS = 4.0

# Number of columns above which data are reduced by PCA.
_MOST_COLUMNS = 2000


class DCRL(ClusterMixin, DecoderMixin, DeepManifold):
    """Deep Clustering and Representation Learning that preserves geometry.

    An autoencoder with a latent space in which samples form clusters, neighbors keep
    their distances, and clusters keep the order of their distances in the input. [1]_
    Samples are assigned to clusters softly, and points of the latent space can be
    decoded.

    Training has four phases: contrastive features are learned (for images); k-means or
    linkage in embeddings of the features gives initial labels; a denoising autoencoder
    is trained; and all losses together form the clusters. Pass data in raw units. One
    number scales all columns, so distances keep their proportions; columns in unrelated
    units or far larger than the others are scaled separately first, as in
    :class:`DLME`. More than 2,000 columns (texts, gene expression) are reduced to at
    most 100 principal components, unless you set ``image_shape``, a transformer as
    ``representation`` or a network.

    Read more in the :ref:`User Guide <dcrl>`.

    Parameters
    ----------
    n_clusters : int or "auto", default=8
        Number of clusters. Reduced, with a warning, if there are fewer distinct
        samples. Use "auto" if you do not know it: groups with gaps between them are
        counted in the initial embeddings (in the features of fewer than 100 distinct
        samples), see ``cluster_criterion_``, or in ``init`` if that is an array.
        Without gaps a warning is issued, and the number is 1. Do not search for it by
        ``score``, which measures only the reconstruction.
    n_components : int or "auto", default="auto"
        Dimension of the latent space. "auto" is ``n_clusters - 1``, which keeps the
        order of the distances between clusters exactly, but at least 10 and at most
        100. Use 2 for a plot, or fewer for many clusters to save memory, which may
        change that order.
    representation : "auto", "contrastive", transformer or None, default="auto"
        Features whose local distances are preserved. "contrastive" learns them from
        images; "auto" does so if ``image_shape`` is given. Pass a transformer if you
        have better features: it is cloned and fitted to X as an array; if its
        ``random_state`` is None, it is set to that of the estimator, or to 0 unless
        that is an int. None uses X itself.
    representation_dim : int, default=32
        Number of contrastive features. Increase it for many clusters.
    representation_epochs : int or "auto", default="auto"
        Number of epochs for the contrastive features. With "auto", the number of steps
        grows with the square root of ``n_samples`` up to 2,000, and with the cube root
        beyond. Increase it if the loss still falls.
    image_shape : tuple of int or None, default=None
        (H, W) or (H, W, C), channels last, if samples are flattened images.
    init : {"embedding", "k-means"} or array-like, default="embedding"
        Initial labels. "embedding" combines k-means in :class:`DLME` embeddings of the
        features into the clusters of largest modularity in the neighbor graph; for its
        rules, also below 100 samples, see the :ref:`User Guide <dcrl>`. Set "k-means"
        to save time. An array of shape (n_samples,) holds labels, numbered from 0 in
        sorted order; unknown ones (-1, None, NaN or NA) start with the most common
        label of their neighbors. An array of shape (n_clusters, n_features) holds
        centers in the units of X.
    n_init : int or "auto", default="auto"
        Number of initial embeddings, with different seeds. "auto" is 2, or 3 to count
        the clusters (``n_clusters="auto"``), which is less certain. Increase it (10) if
        fits with different ``random_state`` disagree; 1 saves time.
    n_neighbors : int, default=5
        Number of neighbors whose distances are preserved. Increase it to preserve shape
        at a larger scale. Reduced, with a warning, if there are fewer other samples.
    metric : str or callable, default="euclidean"
        Metric of the neighbors, whose distances are preserved, and of the initial
        embeddings; any of :class:`sklearn.neighbors.NearestNeighbors`. "euclidean" is
        measured on the scaled (and reduced) samples; others on X or the representation,
        and preserved up to one factor. Try "cosine" for texts. Clusters and ranks
        always use scaled samples. If "precomputed", X has distances, as in
        :class:`DLME`, and nothing can be decoded.
    metric_params : dict or None, default=None
        Set them if the metric has parameters, such as ``{"p": 3}``. Those of
        "seuclidean" and "mahalanobis" are computed from X if not given.
    rank_scale : float, default=3.0
        Ratio of the distances between centers to those between the cluster means in the
        input (kappa in the paper). Increase it to separate clusters more.
    reconstruction_weight : float or pair of float, default=1.0
        Weight of the reconstruction of the features. A pair holds the first and the
        last weight, see ``continuation``. Increase it for sharper decoded samples. With
        0 the decoder is trained without affecting the encoder.
    cluster_weight : float or pair of float, default=(1.0, 0.3)
        Weight of the divergence of soft assignments from their targets. Increase it if
        too many samples lie between clusters.
    local_weight : float or pair of float, default=(0.0, 2.0)
        Weight of the changes of distances between neighbors in one cluster. Increase
        the last value to preserve the shape of clusters, decrease it for tight
        clusters.
    rank_weight : float or pair of float, default=1.0
        Weight of the differences between the distances of centers and ``rank_scale``
        times those of the cluster means. Set it to 0 if their order does not matter.
    alignment_weight : float or pair of float, default=1.0
        Weight of the distances between centers and the means of their clusters.
        Increase it if centers leave their clusters.
    continuation : float, default=0.5
        Fraction of training, in [0, 1], over which the weights change from the first to
        the last. Set 0 to train with the last weights from the beginning.
    label_hold : float, default=1.0
        Fraction of training, in [0, 1], during which the initial labels are the
        targets of the assignments; a sample assigned to a cluster other than its label
        gets up to 100 times the weight if most of its neighbors share that label.
        Afterwards the targets are the sharpened assignments, computed once per epoch;
        with 0 from the beginning, as in the paper. Decrease it (0.5) to let training
        correct the labels; assignments may then drift.
    label_smoothing : float, default=0.05
        Fraction, in [0, 1], of the target of an initial label that is spread over all
        clusters. Increase it (0.2) if the labels are uncertain: memberships become
        softer. With 0 the attraction to the centers never ends.
    arrange_centers : bool, default=True
        Whether to start the centers at distances that satisfy the ranks (by classical
        scaling), rather than at the latent means, and to shift whole clusters to
        exactly these distances at the end. Set False to leave centers at the means.
    center_learning_rate : float, default=30.0
        Factor on the learning rate for the centers, which move farther than weights.
        Decrease it if centers oscillate.
    noise : float, default=0.2
        Standard deviation of the noise in pretraining, relative to that of the
        features. Increase it for noisy data; 0 is a plain autoencoder.
    pretraining_epochs : int or "auto", default="auto"
        Number of epochs for the denoising autoencoder. "auto" as for
        ``representation_epochs``. Increase it if the loss still falls.
    encoder_layers : sequence of int, default=(256, 256)
        Widths of the hidden layers of the encoder; the decoder has them in reverse
        order. Increase them if the reconstruction of many samples is poor.
    norm : {"layer", "batch", "none"}, default="layer"
        Normalization of the hidden layers. Set it to match another architecture.
    activation : {"gelu", "silu", "relu", "leaky_relu", "tanh"}, default="gelu"
        Activation of the hidden layers. Set it to match another architecture.
    encoder : torch.nn.Module, callable or None, default=None
        Replaces the built-in encoder: a module (copied, never changed) or a callable
        ``(n_features, n_components) -> torch.nn.Module``, from (B, n_features), scaled
        samples or their representation, to (B, n_components). Set it for inputs with
        structure, such as signals.
    decoder : torch.nn.Module, callable or None, default=None
        Replaces the built-in decoder: a module or a callable ``(n_components,
        n_features) -> torch.nn.Module``, from (B, n_components) to (B, n_features). Set
        it with ``encoder``.
    max_epochs : int or "auto", default="auto"
        Number of epochs. "auto" as for ``representation_epochs``. Only of the last
        phase: increase it if the terms of ``history_`` still fall at the end. To
        shorten the initial embeddings, set ``init="k-means"`` or ``n_init=1``.
    batch_size : int or "auto", default="auto"
        Number of samples per step. "auto" is 256. Increase it to use a GPU fully.
    learning_rate : float or "auto", default="auto"
        Largest learning rate. "auto" is 0.002. Decrease it if training diverges.
    device : {"auto", "cpu", "cuda", "cuda:N", "mps"}, default="auto"
        "auto" uses a CUDA GPU if there is one; set "cpu" to keep it free.
    training : TrainingOptions or None, default=None
        Rarely needed options: the optimizer, precision, early stopping and checkpoints.
    warm_start : bool, default=False
        If True, fit continues from the previous networks and scaling, to train longer.
    n_jobs : int or None, default=-1
        Number of threads of the neighbor search: -1 uses all processors; set fewer to
        leave some free. The result does not depend on it.
    verbose : int or bool, default=False
        Set 1 to print about ten lines per phase of training, 2 for one per epoch. For
        progress bars see ``set_callbacks``.
    random_state : int, RandomState instance or None, default=None
        Seed of the networks, the batches and all other random numbers. Pass an int for
        reproducible results.

    Attributes
    ----------
    labels_ : ndarray of shape (n_samples,)
        Cluster of each training sample. Clusters may be empty, see ``n_clusters_``.
    n_clusters_ : int
        Number of nonempty clusters. A warning is given if at least a quarter are empty.
    cluster_criterion_ : dict of str to ndarray
        Evidence for ``n_clusters="auto"``: "n_clusters", the numbers of groups found
        for different neighborhood sizes, and "persistence", for each number the log of
        the factor in size over which it holds. The number above 1 with the largest
        persistence, together with numbers within a tenth of it, is used; with a warning
        if that is below 0.7 (0.5 with more than 3,000 distinct samples), or 1 if the
        sum above 1 is also below 2.3 (log 10).
    cluster_centers_ : ndarray of shape (n_clusters, n_components)
        Centers in the latent space.
    cluster_means_ : ndarray of shape (n_clusters, n_features)
        Mean of each cluster in the units of X; of an empty cluster, the mean of X. Not
        with ``metric="precomputed"``.
    embedding_ : ndarray of shape (n_samples, n_components)
        Embedding of the training data.
    history_ : dict of str to list of float
        Means over each epoch of the last phase of the "loss" and its weighted terms,
        and "learning_rate_factor". With ``reconstruction_weight=0``, "reconstruction"
        is the loss of the decoder, with weight 1.
    pretraining_history_ : dict of str to list of float
        The same for the pretraining, if there was one.
    representation_history_ : dict of str to list of float
        The same for the contrastive features, if they were learned.
    representation_ : object
        The fitted transformer, if ``representation`` is one.
    n_iter_ : int
        Number of epochs trained in the last phase.
    network_ : torch.nn.Module
        Network from scaled samples to the embedding.
    decoder_ : torch.nn.Module
        Network from the embedding to scaled samples.
    n_features_in_ : int
        Number of features seen during fit.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features seen during fit, if all are strings.

    See Also
    --------
    DLME : Embedding without clustering; also gives the initial labels.

    References
    ----------
    .. [1] L. Wu, Z. Liu, Z. Zang, J. Xia, S. Li, S. Z. Li, "Deep Clustering and
       Representation Learning that Preserves Geometric Structures", arXiv:2009.09590.

    .. [2] J. Xie, R. Girshick, A. Farhadi, "Unsupervised Deep Embedding for Clustering
       Analysis", ICML 2016.

    .. [3] X. Guo, L. Gao, X. Liu, J. Yin, "Improved Deep Embedded Clustering with Local
       Structure Preservation", IJCAI 2017.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skmanifold import DCRL
    >>> X, _ = load_iris(return_X_y=True)
    >>> model = DCRL(n_clusters=3, n_components=2, max_epochs=5, random_state=0)
    >>> model.fit_predict(X).shape
    (150,)
    >>> model.predict_proba(X[:2]).shape
    (2, 3)
    >>> model.cluster_means_.shape
    (3, 4)
    """

    _parameter_constraints: dict = {
        **DeepManifold._parameter_constraints,
        "n_clusters": [
            Count(1),
            StrOptions({"auto"}),
        ],
        "n_components": [
            *DeepManifold._parameter_constraints["n_components"],
            StrOptions({"auto"}),
        ],
        "representation": [
            StrOptions({"auto", "contrastive"}),
            HasMethods(["fit", "transform"]),
            None,
        ],
        "representation_dim": [Count(1)],
        "representation_epochs": [
            Count(1),
            StrOptions({"auto"}),
        ],
        "image_shape": ["array-like", None],
        "init": [StrOptions({"embedding", "k-means"}), "array-like"],
        "n_init": [Count(1), StrOptions({"auto"})],
        "n_neighbors": [Count(1)],
        "metric": [str, callable],
        "metric_params": [dict, None],
        "rank_scale": [Number(Real, 0, None, closed="neither")],
        "reconstruction_weight": [Number(Real, 0, None, closed="left"), "array-like"],
        "cluster_weight": [Number(Real, 0, None, closed="left"), "array-like"],
        "local_weight": [Number(Real, 0, None, closed="left"), "array-like"],
        "rank_weight": [Number(Real, 0, None, closed="left"), "array-like"],
        "alignment_weight": [Number(Real, 0, None, closed="left"), "array-like"],
        "continuation": [Number(Real, 0, 1, closed="both")],
        "label_hold": [Number(Real, 0, 1, closed="both")],
        "label_smoothing": [Number(Real, 0, 1, closed="both")],
        "arrange_centers": ["boolean"],
        "center_learning_rate": [Number(Real, 0, None, closed="neither")],
        "noise": [Number(Real, 0, None, closed="left")],
        "pretraining_epochs": [
            Count(0),
            StrOptions({"auto"}),
        ],
        "encoder_layers": ["array-like"],
        "norm": [StrOptions({"layer", "batch", "none"})],
        "activation": [StrOptions({"gelu", "silu", "relu", "leaky_relu", "tanh"})],
        "encoder": [nn.Module, callable, None],
        "decoder": [nn.Module, callable, None],
        "n_jobs": [
            Count(None, -1),
            Count(1),
            None,
        ],
    }

    _appended = "representation"
    _image_parameter = "image_shape"

    def __init__(
        self,
        n_clusters=8,
        n_components="auto",
        *,
        representation="auto",
        representation_dim=32,
        representation_epochs="auto",
        image_shape=None,
        init="embedding",
        n_init="auto",
        n_neighbors=5,
        metric="euclidean",
        metric_params=None,
        rank_scale=3.0,
        reconstruction_weight=1.0,
        cluster_weight=(1.0, 0.3),
        local_weight=(0.0, 2.0),
        rank_weight=1.0,
        alignment_weight=1.0,
        continuation=0.5,
        label_hold=1.0,
        label_smoothing=0.05,
        arrange_centers=True,
        center_learning_rate=30.0,
        noise=0.2,
        pretraining_epochs="auto",
        encoder_layers=(256, 256),
        norm="layer",
        activation="gelu",
        encoder=None,
        decoder=None,
        max_epochs="auto",
        batch_size="auto",
        learning_rate="auto",
        device="auto",
        training=None,
        warm_start=False,
        n_jobs=-1,
        verbose=False,
        random_state=None,
    ):
        self.n_clusters = n_clusters
        self.n_components = n_components
        self.representation = representation
        self.representation_dim = representation_dim
        self.representation_epochs = representation_epochs
        self.image_shape = image_shape
        self.init = init
        self.n_init = n_init
        self.n_neighbors = n_neighbors
        self.metric = metric
        self.metric_params = metric_params
        self.rank_scale = rank_scale
        self.reconstruction_weight = reconstruction_weight
        self.cluster_weight = cluster_weight
        self.local_weight = local_weight
        self.rank_weight = rank_weight
        self.alignment_weight = alignment_weight
        self.continuation = continuation
        self.label_hold = label_hold
        self.label_smoothing = label_smoothing
        self.arrange_centers = arrange_centers
        self.center_learning_rate = center_learning_rate
        self.noise = noise
        self.pretraining_epochs = pretraining_epochs
        self.encoder_layers = encoder_layers
        self.norm = norm
        self.activation = activation
        self.encoder = encoder
        self.decoder = decoder
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.device = device
        self.training = training
        self.warm_start = warm_start
        self.n_jobs = n_jobs
        self.verbose = verbose
        self.random_state = random_state

    def fit_predict(self, X, y=None):
        """Learn the embedding and the clusters, and return the labels.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training data in raw units.
        y : Ignored
            Only passed on to callbacks.

        Returns
        -------
        ndarray of shape (n_samples,), int
            Cluster numbers, from 0.
        """
        return self.fit(X, y).labels_

    def predict(self, X):
        """Predict the cluster of each sample: the nearest center in the latent space.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Data in the units of the training data.

        Returns
        -------
        ndarray of shape (n_samples,), int
            Cluster numbers, from 0.

        Raises
        ------
        NotFittedError
            If fit was not called.
        ValueError
            If X is not finite or has another number of features than in fit.
        """
        check_is_fitted(self)
        return self._assignments(X).argmax(axis=1)

    def predict_proba(self, X):
        """Compute the soft assignments of samples to clusters.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Data in the units of the training data. Not sparse.

        Returns
        -------
        ndarray of shape (n_samples, n_clusters)
            Memberships ``1 / (1 + d2)``, with d2 the squared distance to the center in
            the latent space, normalized to sum to 1 for each sample.

        Raises
        ------
        NotFittedError
            If fit was not called.
        TypeError
            If X is sparse.
        ValueError
            If X is not finite or has another number of features than in fit.
        """
        check_is_fitted(self)
        # scikit-learn's checks take a sparse predict_proba for that of a classifier
        if sparse.issparse(X):
            raise TypeError(
                "predict_proba does not accept sparse X, unlike predict and transform, "
                "since its result is dense. Pass X.toarray(), in parts if X is large."
            )
        return self._assignments(X)

    def _assignments(self, X):
        X = self._validate(X, reset=False)
        return soft_assignments(self._outputs(self.network_, X), self.cluster_centers_)

    def _fit(self, X, y, *, part=False):
        super()._fit(X, y, part=part)
        n_centers = len(self.cluster_centers_)
        n_empty = n_centers - self.n_clusters_
        if n_empty:
            warn(
                f"Training left {n_empty} of the n_clusters={n_centers} clusters "
                f"empty: labels_ has {counted(self.n_clusters_, 'different number')}. "
                "Decrease n_clusters if X has fewer clusters; otherwise change the "
                "initial labels (init, n_init) or train longer."
            )

    # -- the hooks

    _set_by_validation = (*DeepManifold._set_by_validation, "representation_")

    def _plan(self, n_samples, n_features):
        share = (n_samples / 2000) ** (1 / 3 if n_samples > 2000 else 1 / 2)
        phases = {"pretraining": 175 * share}
        if self._contrasts():
            phases = {"representation": 700 * share, **phases}
        has_representation = hasattr(self, "representation_")
        own = (self.encoder, self.decoder, self.image_shape)
        reduces = n_features > _MOST_COLUMNS and not has_representation
        reduces = reduces and all(part is None for part in own)
        return Plan(
            n_steps=210 * share,
            batch_size=256,
            learning_rate=2e-3,
            optimizer="muon",
            phases=phases,
            # wide data (texts, gene expression) span few dimensions
            n_reduced=reduced_width(n_samples, limit=100) if reduces else None,
            # images and representations have one unit, the columns of a table many
            column_scaling=self.image_shape is None and not has_representation,
            one_unit=self.image_shape is not None,
        )

    def _learn(self, data, run):
        weights = {
            name: first_and_last(parameter, getattr(self, parameter))
            for name, parameter in WEIGHTS.items()
        }
        networks = run.make_networks()
        if run.n_epochs.get("representation") and not run.continued:
            self._learn_representation(networks["encoder"], data, run)
        space = self._feature_space(networks["encoder"].features, run)
        labels = None
        if not run.continued:
            labels = initial_labels(self, data, space)
            networks = self._scaled_networks(networks, space, labels, run)
        networks["encoder"].features.requires_grad_(False)
        if run.n_epochs["pretraining"] and not run.continued:
            self._pretrain(networks, space, run)
        codes = run.outputs(networks["encoder"])
        if run.continued:
            clusters = self._previous_clusters(run)
            centers = clusters.centers.detach().cpu().numpy()
            labels = soft_assignments(codes, centers).argmax(axis=1)
        else:
            clusters = Clusters(int(labels.max()) + 1, codes.shape[1])
        objective = run.build(
            self._make_objective, run, networks, clusters, space, labels, codes, weights
        )
        run.train(objective, PairBatches(space.neighbors, run.batch_size))
        if self.arrange_centers and weights["ranks"][1] > 0:
            with same_bits(objective):
                objective.arrange()
        return objective

    def _learn_representation(self, encoder, data, run):
        """Learn contrastive features of images."""
        shape = checked_image_shape(self.image_shape, data.n_inputs)
        image = data.offset.reshape(shape)
        border = [image[0], image[-1], image[:, 0], image[:, -1]]
        fill = float(torch.cat([edge.reshape(-1) for edge in border]).median())
        neighbors, _ = self._search(data, data.inputs.cpu().numpy(), data.X)
        run.train(
            Contrast(encoder, shape, data.offset, fill),
            ImagePairs(data.inputs, neighbors, run.batch_size),
            phase="representation",
        )

    def _scaled_networks(self, networks, space, labels, run):
        """Return the networks in the units of the features.

        They are made anew if their number of clusters was estimated.
        """
        if self.n_clusters == "auto":
            run.sizes["n_clusters"] = int(labels.max()) + 1
            learned = networks["encoder"].features.state_dict()
            networks = run.make_networks()
            networks["encoder"].features.load_state_dict(learned)
        set_units(
            **networks,
            unit=space.unit,
            spread=(space.spread, space.features.shape[1]),
            latent_spread=(self.rank_scale * space.spread / 2, self._width(run.sizes)),
        )
        return networks

    def _pretrain(self, networks, space, run):
        """Train the networks as a denoising autoencoder of the features."""
        device = run.data.device
        features = torch.from_numpy(space.features).to(device)
        noise = self.noise * float(space.features.std())
        run.train(
            Pretraining(**networks, features=features, noise=noise),
            NoisyRows(*features.shape, run.batch_size, device),
            phase="pretraining",
        )

    def _make_objective(self, run, networks, clusters, space, labels, codes, weights):
        data = run.data
        init_centers = "means"
        if run.continued:
            init_centers = "kept"
        elif self.arrange_centers and max(weights["ranks"]) > 0:
            init_centers = "arranged"
        return DCRLObjective(
            networks["encoder"],
            networks["decoder"],
            clusters.to(data.device),
            features=torch.from_numpy(space.features).to(data.device),
            inputs=data.inputs[:, : self.n_features_in_],
            means_of=functools.partial(
                scaled_means, data=data, n_clusters=len(clusters.centers)
            ),
            labels=torch.from_numpy(labels).to(data.device),
            codes=torch.from_numpy(codes).to(data.device),
            neighbors=space.neighbors.indices,
            init_centers=init_centers,
            weights=weights,
            continuation=self.continuation,
            label_hold=self.label_hold,
            label_smoothing=self.label_smoothing,
            center_learning_rate=self.center_learning_rate,
            rank_scale=self.rank_scale,
        )

    def _previous_clusters(self, run):
        """Return the clusters of the previous fit, to be trained further."""
        n_clusters, previous = self.n_clusters, run.previous["clusters"]
        if n_clusters in ("auto", previous.n_asked):
            n_clusters = len(previous.centers)  # may have been reduced
        evidence = run.data.previous.get("cluster_criterion_")
        if evidence is not None:
            run.data.learned["cluster_criterion_"] = evidence
        clusters = Clusters(n_clusters, self._width(run.sizes))
        return run.build(nn.ModuleDict, {"clusters": clusters})["clusters"]

    def _network_sizes(self, data):
        n_clusters = self.n_clusters
        if n_clusters == "auto":  # 1 until it is estimated
            n_clusters = data.previous.get("_sizes", {}).get("n_clusters", 1)
        return {**super()._network_sizes(data), "n_clusters": n_clusters}

    def _make_networks(self, sizes):
        n_inputs = sizes["n_inputs"]
        n_features = min(sizes["n_features"], n_inputs)  # fewer after a PCA
        n_rest = n_inputs - n_features
        n_represented = n_inputs
        represent = nn.Identity()
        if n_rest:
            represent, n_represented = Columns(n_features), n_rest
        elif self._contrasts():
            n_represented = self.representation_dim
            represent = nn.Sequential(
                MLP(n_inputs, n_represented, layers=(256, 256)), UnitRows()
            )
        n_components = self._width(sizes)
        layers = checked_widths("encoder_layers", self.encoder_layers)
        options = {"norm": self.norm, "activation": self.activation}

        def decoder(n_outputs):
            return Scaled(MLP(n_components, n_outputs, layers=layers[::-1], **options))

        def own(name, n_in, n_out):
            return own_network(
                name,
                getattr(self, name),
                n_in,
                n_out,
                sizes=("n_features", "n_components")
                if name == "encoder"
                else ("n_components", "n_features"),
                remedy=f"Give it a last layer of {n_out} outputs.",
            )

        if self.encoder is None:
            network = MLP(n_represented, n_components, layers=layers, **options)
        else:
            network = own("encoder", n_represented, n_components)
        if self.decoder is None:
            to_features = decoder(n_represented)
        else:
            to_features = Scaled(own("decoder", n_components, n_represented))
        represents = not isinstance(represent, nn.Identity)
        shape = sizes["n_clusters"], n_components
        arrangements = [Arrangement(*shape) for _ in range(2)]
        parts = OrderedDict(
            features=Features(represent),
            network=Scaled(network),
            arrangement=arrangements[0],
        )
        to_inputs = decoder(n_features) if represents else None
        return {
            "encoder": nn.Sequential(parts),
            "decoder": Decoder(arrangements[1], to_features, to_inputs, n_rest),
        }

    def _heads(self):
        return {**super()._heads(), **cluster_heads(self.cluster_centers_)}

    def _learns_decoder(self):
        if self.metric == "precomputed":
            raise AttributeError(
                "DCRL(metric='precomputed') has no inverse_transform, reconstruct or "
                "score: there are no features to decode. Pass features."
            )
        return True

    def _uses_global_generator(self):
        return self.encoder is not None or self.decoder is not None

    def _fitted_attributes(self, objective, outputs, data):
        if isinstance(objective, DCRLObjective):
            centers = objective.clusters.centers.detach().cpu().double().numpy()
        else:  # an earlier phase, without clusters
            n_clusters = 1 if self.n_clusters == "auto" else self.n_clusters
            centers = np.zeros((n_clusters, outputs.shape[1]))
        labels = soft_assignments(outputs, centers).argmax(axis=1)
        attributes = {
            "cluster_centers_": centers,
            "labels_": labels,
            "n_clusters_": len(np.unique(labels)),
            "_n_clusters_asked": self.n_clusters,
        }
        if self.metric != "precomputed":
            attributes["cluster_means_"] = raw_means(data, labels, len(centers))
        return attributes

    def _networks(self):
        clusters = Clusters(*self.cluster_centers_.shape)
        clusters.n_asked = self._n_clusters_asked
        with torch.no_grad():
            clusters.centers.copy_(torch.from_numpy(self.cluster_centers_))
        return {**super()._networks(), "clusters": clusters}

    # -- a representation, beside the columns of X

    def _validate(self, X, *, reset):
        if reset:
            self._check_metric()
        samples = super()._validate(X, reset=reset)
        if reset:
            vars(self).pop("representation_", None)
            if self.image_shape is not None:
                checked_image_shape(self.image_shape, samples.shape[1])
            if hasattr(self.representation, "fit"):
                seed = self.random_state
                self.representation_, self._representation_factor = fit_representation(
                    self.representation,
                    samples,
                    int(seed) if isinstance(seed, Integral) else 0,
                )
        return samples

    def _inputs(self, samples):
        if not hasattr(self, "representation_"):
            return samples
        columns = represented(self.representation_, samples)
        columns = columns * self._representation_factor
        if sparse.issparse(samples):
            return sparse.hstack([samples, columns.astype(np.float64)], format="csr")
        single = samples.dtype in (np.float32, np.float16)
        columns = columns.astype(np.float32 if single else np.float64)
        return np.hstack([samples, columns])

    def _restore(self, outputs, dtype):
        return super()._restore(outputs, dtype)[:, : self.n_features_in_]

    # -- helpers of the hooks

    def _width(self, sizes):
        """Return the dimension of the latent space."""
        if self.n_components == "auto":
            return min(max(10, sizes["n_clusters"] - 1), 100)
        return self.n_components

    def _check_metric(self):
        represents = self.representation not in ("auto", None)
        if self.metric == "precomputed" and (
            represents or self.image_shape is not None
        ):
            raise ValueError(
                "metric='precomputed' is not available with image_shape="
                f"{self.image_shape!r}, representation={self.representation!r}: there "
                "are no features to represent. Pass features as X, or leave both "
                "parameters at their defaults."
            )

    def _contrasts(self):
        """Return whether a contrastive representation is learned."""
        if not isinstance(self.representation, str):
            return False
        if self.representation == "contrastive" and self.image_shape is None:
            raise ValueError(
                "representation='contrastive' needs images: set image_shape to (H, W) "
                "or (H, W, C)."
            )
        return self.image_shape is not None

    def _search(self, data, features, samples, *, exact=False):
        """Return the neighbors and the denoised features.

        Metrics other than the Euclidean one are measured on `samples`.
        """
        searched = denoised(data, features)
        euclidean = is_euclidean(self.metric, self.metric_params)
        neighbors = search_neighbors(
            data,
            features,
            searched if euclidean else samples,
            self.n_neighbors,
            n_jobs=self.n_jobs,
            exact=exact,
            metric=self.metric,
            metric_params=self.metric_params,
        )
        return neighbors, searched

    def _feature_space(self, represent, run):
        """Return the features and their neighbors, in units of the neighbors."""
        features = run.outputs(represent)
        own = isinstance(represent.represent, nn.Identity)
        samples = run.data.X if own else features
        neighbors, searched = self._search(run.data, features, samples, exact=True)
        if run.continued:  # the features are in these units
            return FeatureSpace(features, searched, neighbors)
        distances = neighbors.distances.cpu().numpy().astype(np.float64)
        spread = float(np.sqrt(features.var(axis=0, dtype=np.float64).sum()))
        unit = float(distances[distances > 0].mean()) if distances.any() else 0.0
        # with few columns, samples are dense and clusters are many units apart
        unit = max(unit, spread / _MOST_UNITS) or 1.0
        return FeatureSpace(
            features / np.float32(unit),
            searched,
            neighbors._replace(distances=neighbors.distances / unit),
            unit,
            spread / unit or 1.0,
        )
