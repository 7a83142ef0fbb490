# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""Deep Clustering and Representation Learning that preserves geometric structures."""

import functools
import math
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
)
from skmanifold.nn import MLP
from skmanifold.utils import HasMethods, Interval, StrOptions, warn

from .._dlme import DLME
from ._batches import ImagePairs, NoisyRows
from ._clusters import raw_means, soft_assignments
from ._heads import cluster_heads
from ._neighbors import search_neighbors
from ._networks import Clusters, Columns, Decoder, Features, Scaled, UnitRows, set_units
from ._objective import Contrast, DCRLObjective, Pretraining
from ._representation import fit_representation, represented
from ._start import given_labels, kmeans_labels, modularity

# Below so many rows the start is k-means on the rows themselves: a network that is to
# learn neighborhoods learns little from them.
_LEAST_ROWS_TO_EMBED = 200

# Up to so many rows the best of several start embeddings is taken; one of more rows is
# steady.
_MOST_ROWS_TO_CHOOSE = 20_000

# The unit of the losses is at least this share of the spread of the features.
_MOST_UNITS = 4.0

# More columns than this are reduced by PCA.
_MOST_COLUMNS = 2000


class DCRL(ClusterMixin, DecoderMixin, DeepManifold):
    """Deep Clustering and Representation Learning that keeps geometric structure.

    An autoencoder's latent space in which the rows form clusters, neighbors keep their
    distances, and the clusters keep the order of their distances in the input. [1]_
    Each row is assigned to the clusters softly, and each point of the latent space can
    be decoded.

    Training has phases: for images, features are learned that tell them apart whatever
    small move changes them; a denoising autoencoder is trained; starting labels are
    found by k-means in embeddings of the features; and all losses together turn the
    latent space into one of these clusters. Input is taken in raw units. One number
    scales all columns, so that distances keep their proportions, but for columns in
    unrelated units or far larger than the others, which are brought to one scale first,
    as by :class:`DLME`. More than 2,000 columns (texts, gene expression) are reduced to
    at most 100 principal components, unless there is an ``image_shape``, a transformer
    as ``representation`` or a network of your own.

    Parameters
    ----------
    n_clusters : int, default=8
        Number of clusters. Reduced, with a warning, where there are fewer distinct
        samples.

    n_components : int, default=10
        Dimension of the latent space. Clusters can keep all ranks of their distances if
        it is at least ``n_clusters - 1``.

    representation : "auto", "contrastive", transformer or None, default="auto"
        What the latent space keeps the local distances of: the features that a network
        learns by contrast, which needs ``image_shape`` and is "auto" where that is
        given; the columns that a scikit-learn transformer makes of X (a copy of it is
        fitted, to an array, and its own ``random_state`` set where that is None: to
        that of the estimator, or 0 if this is no int); or X itself.

    representation_dim : int, default=32
        Number of contrastive features.

    representation_epochs : int or "auto", default="auto"
        Passes over the data for the contrastive features. "auto" trains for a number of
        steps that grows with the cube root of ``n_samples`` beyond 2,000, and with the
        square root below.

    image_shape : tuple of int or None, default=None
        (H, W) or (H, W, C): the shape of the image that each row of X is, channels
        last.

    init : {"embedding", "k-means"} or array-like, default="embedding"
        Starting labels: those of k-means in an embedding of the features by
        :class:`DLME`, or of k-means on the features themselves (which also serves fewer
        than 200 rows); an array of shape (n_samples,) with labels of your own, which
        are numbered from 0 in their order, and of which some may be unknown (-1, None,
        NaN or NA): these start with the label that is most common around them; or
        centers in the units of X, of shape (n_clusters, n_features).

    n_init : int or "auto", default="auto"
        Number of embeddings, with different seeds; of their clusters those are taken
        that cut the fewest edges between neighbors (largest modularity). "auto" is 3
        up to 20,000 rows, and 1 beyond, where embeddings differ little.

    n_neighbors : int, default=5
        Neighbours whose distances are kept. Reduced, with a warning, where there are
        fewer other samples.

    rank_scale : float, default=3.0
        Distance between two centers for the distance between the means of their
        clusters in the input (kappa in the paper).

    reconstruction_weight : float or pair of float, default=1.0
        Weight of the reconstruction of the features. A pair is the first weight and the
        last one, see ``continuation``. With weight 0 the decoder follows the encoder
        without moving it.

    cluster_weight : float or pair of float, default=(1.0, 0.3)
        Weight of the divergence of soft assignments from their targets.

    local_weight : float or pair of float, default=(0.0, 2.0)
        Weight of the changes of distances between neighbors in one cluster.

    rank_weight : float or pair of float, default=1.0
        Weight of the differences between the distances of centers and ``rank_scale``
        times those of the clusters' means.

    alignment_weight : float or pair of float, default=1.0
        Weight of the distances between centers and the means of their points.

    continuation : float, default=0.5
        Share of training, in [0, 1], over which the weights go from the first to the
        last.

    label_hold : float, default=1.0
        Share of training, in [0, 1], for which the starting labels are the targets of
        the assignments, and a row that lies in another cluster than its label weighs up
        to 100 times where most of its neighbors have that label, too. Later targets
        are the assignments sharpened, computed once an epoch on all rows: with 0 from
        the beginning, as in the paper.

    label_smoothing : float, default=0.05
        Share of a starting label's target, in [0, 1], that is divided among all
        clusters. Increase it where you doubt the labels: memberships become softer.

    arrange_centers : bool, default=True
        Whether the centers begin where the ranks want them (classical scaling, turned
        towards the latent means) or, if False, at the latent means.

    center_learning_rate : float, default=30.0
        Factor on the learning rate for the centers, which have far to go.

    noise : float, default=0.2
        Standard deviation of the noise that the pretraining removes, in units of that
        of the features.

    pretraining_epochs : int or "auto", default="auto"
        Passes over the data for the denoising autoencoder. "auto" as for
        ``representation_epochs``.

    encoder_layers : sequence of int, default=(256, 256)
        Hidden layers of the encoder; the decoder has them in reverse order.

    norm : {"layer", "batch", "none"}, default="layer"
        Normalisation of the hidden layers.

    activation : {"gelu", "silu", "relu", "leaky_relu", "tanh"}, default="gelu"
        Activation of the hidden layers.

    encoder : torch.nn.Module, callable or None, default=None
        Encoder in place of the built-in one: a module (copied, never changed) or a
        callable ``(n_features, n_components) -> torch.nn.Module``, from (B, n_features)
        to (B, n_components). Its inputs are scaled rows, or the representation of them
        where there is one.

    decoder : torch.nn.Module, callable or None, default=None
        Decoder in place of the built-in one: a module or a callable
        ``(n_components, n_features) -> torch.nn.Module``, from (B, n_components) to
        (B, n_features).

    max_epochs : int or "auto", default="auto"
        Passes over the data of the last phase. "auto" as for
        ``representation_epochs``. The start has a length of its own, which
        ``init="k-means"`` or ``n_init=1`` cut.

    batch_size : int or "auto", default="auto"
        Samples of a step; "auto" is 256.

    learning_rate : float or "auto", default="auto"
        Largest learning rate; "auto" is 0.001.

    device : {"auto", "cpu", "cuda", "cuda:N", "mps"}, default="auto"
        Where to compute; "auto" takes a CUDA GPU where there is one.

    training : TrainingOptions or None, default=None
        Rare options: optimizer, precision, early stopping, checkpoints.

    warm_start : bool, default=False
        Go on from the networks, the centers and the scaling of the previous fit.

    n_jobs : int or None, default=-1
        Threads of the neighbor search. The result does not depend on it.

    verbose : int or bool, default=False
        Print ten lines a phase; one per epoch if above 1. For progress bars see
        ``set_callbacks``.

    random_state : int, RandomState instance or None, default=None
        Seed of the networks, the starting labels and the order of the samples.

    Attributes
    ----------
    labels_ : ndarray of shape (n_samples,)
        Cluster of each row of the training data. A cluster may have lost all of its
        rows, see ``n_clusters_``.

    n_clusters_ : int
        Number of clusters found: those with rows. A warning tells where a quarter of
        the clusters have none.

    cluster_centers_ : ndarray of shape (n_clusters, n_components)
        Centers in the latent space.

    cluster_means_ : ndarray of shape (n_clusters, n_features)
        Mean row of each cluster, in the units of X; the mean of all rows for a cluster
        without rows.

    embedding_ : ndarray of shape (n_samples, n_components)
        Latent points of the training data.

    history_ : dict of str to list of float
        For each epoch of the last phase the "loss", its terms (weighted, means over the
        epoch), and "learning_rate_factor". A "reconstruction" of weight 0 is that of
        the decoder alone, of weight 1.

    pretraining_history_ : dict of str to list of float
        The same of the pretraining, where there was one.

    representation_history_ : dict of str to list of float
        The same of the contrastive features, where they were learned.

    representation_ : object
        The fitted transformer, if ``representation`` is one.

    n_iter_ : int
        Epochs of the last phase.

    network_ : torch.nn.Module
        The learned map from scaled rows to the latent space.

    decoder_ : torch.nn.Module
        The learned map back.

    n_features_in_ : int
        Number of features seen in fit.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if X had names that are all strings.

    See Also
    --------
    DLME : Embeds without clustering; the start is one of its embeddings.

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
        "n_clusters": [Interval(Integral, 1, None, closed="left")],
        "representation": [
            StrOptions({"auto", "contrastive"}),
            HasMethods(["fit", "transform"]),
            None,
        ],
        "representation_dim": [Interval(Integral, 1, None, closed="left")],
        "representation_epochs": [
            Interval(Integral, 1, None, closed="left"),
            StrOptions({"auto"}),
        ],
        "image_shape": ["array-like", None],
        "init": [StrOptions({"embedding", "k-means"}), "array-like"],
        "n_init": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "rank_scale": [Interval(Real, 0, None, closed="neither")],
        "reconstruction_weight": [Interval(Real, 0, None, closed="left"), "array-like"],
        "cluster_weight": [Interval(Real, 0, None, closed="left"), "array-like"],
        "local_weight": [Interval(Real, 0, None, closed="left"), "array-like"],
        "rank_weight": [Interval(Real, 0, None, closed="left"), "array-like"],
        "alignment_weight": [Interval(Real, 0, None, closed="left"), "array-like"],
        "continuation": [Interval(Real, 0, 1, closed="both")],
        "label_hold": [Interval(Real, 0, 1, closed="both")],
        "label_smoothing": [Interval(Real, 0, 1, closed="both")],
        "arrange_centers": ["boolean"],
        "center_learning_rate": [Interval(Real, 0, None, closed="neither")],
        "noise": [Interval(Real, 0, None, closed="left")],
        "pretraining_epochs": [
            Interval(Integral, 0, None, closed="left"),
            StrOptions({"auto"}),
        ],
        "encoder_layers": ["array-like"],
        "norm": [StrOptions({"layer", "batch", "none"})],
        "activation": [StrOptions({"gelu", "silu", "relu", "leaky_relu", "tanh"})],
        "encoder": [nn.Module, callable, None],
        "decoder": [nn.Module, callable, None],
        "n_jobs": [
            Interval(Integral, None, -1, closed="right"),
            Interval(Integral, 1, None, closed="left"),
            None,
        ],
    }

    def __init__(
        self,
        n_clusters=8,
        n_components=10,
        *,
        representation="auto",
        representation_dim=32,
        representation_epochs="auto",
        image_shape=None,
        init="embedding",
        n_init="auto",
        n_neighbors=5,
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
        """Learn the embedding and the clusters, and return these.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training data in raw units.
        y : Ignored
            Passed on to callbacks; no label is ever used.

        Returns
        -------
        ndarray of shape (n_samples,), int
            Cluster numbers, from 0.
        """
        return self.fit(X, y).labels_

    def predict(self, X):
        """Cluster of each row: the center that is nearest in the latent space.

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
        """Soft assignment of each row to the clusters.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Data in the units of the training data. Not sparse.

        Returns
        -------
        ndarray of shape (n_samples, n_clusters)
            Shares, which add up to 1 in each row: ``1 / (1 + d2)``, where d2 is the
            squared distance to the center in the latent space, over its sum.

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
        # scikit-learn's checks take who gives probabilities for sparse rows for a
        # classifier of their classes
        if sparse.issparse(X):
            raise TypeError(
                "predict_proba takes no sparse rows, unlike predict and transform: its "
                "result is dense. Pass X.toarray(), in parts where X is large."
            )
        return self._assignments(X)

    def _assignments(self, X):
        X = self._validate(X, reset=False)
        return soft_assignments(self._outputs(self.network_, X), self.cluster_centers_)

    def _fit(self, X, y, *, part=False):
        super()._fit(X, y, part=part)
        n_centers = len(self.cluster_centers_)
        n_empty = n_centers - self.n_clusters_
        if 4 * n_empty >= n_centers:
            warn(
                f"{n_empty} of the {n_centers} clusters have no rows. Lower "
                "n_clusters, if X has fewer; otherwise give other starting labels "
                "(init, n_init), or train longer."
            )

    # -- the hooks

    _set_by_validation = (*DeepManifold._set_by_validation, "representation_")

    def _plan(self, n_samples, n_features):
        # few samples are learned in few steps
        share = (n_samples / 2000) ** (1 / 3 if n_samples > 2000 else 1 / 2)
        phases = {"pretraining": 350 * share}
        if self._contrasts():
            phases = {"representation": 700 * share, **phases}
        has_representation = hasattr(self, "representation_")
        own = (self.encoder, self.decoder, self.image_shape)
        reduces = n_features > _MOST_COLUMNS and not has_representation
        reduces = reduces and all(part is None for part in own)
        return Plan(
            n_steps=420 * share,
            batch_size=256,
            learning_rate=1e-3,
            phases=phases,
            # so wide are texts and gene expression, which span few dimensions
            n_reduced=reduced_width(n_samples, limit=100) if reduces else None,
            # images and representations have one scale; a table may have many units
            column_scaling=self.image_shape is None and not has_representation,
            one_unit=self.image_shape is not None,
        )

    def _learn(self, data, run):
        weights = {
            name: _first_and_last(parameter, getattr(self, parameter))
            for name, parameter in _WEIGHTS.items()
        }
        networks = run.make_networks()
        encoder, decoder = networks["encoder"], networks["decoder"]

        if run.n_epochs.get("representation") and not run.continued:
            run.train(
                *self._contrast(encoder, data, run.batch_size),
                learning_rate=2 * run.learning_rate,
                phase="representation",
            )
        encoder.features.requires_grad_(False)

        neighbors, features = self._neighbors(networks, run)
        inputs = torch.from_numpy(features).to(data.device)
        if run.n_epochs["pretraining"] and not run.continued:
            run.train(
                Pretraining(
                    encoder, decoder, inputs, self.noise * float(features.std())
                ),
                NoisyRows(*features.shape, run.batch_size, data.device),
                phase="pretraining",
            )

        codes = run.outputs(encoder)
        if run.continued:
            clusters = self._previous_clusters(run)
            centers = clusters.centers.detach().cpu().numpy()
            labels = soft_assignments(codes, centers).argmax(axis=1)
            init_centers = "kept"
        else:
            labels = self._starting_labels(
                features, neighbors.indices.cpu().numpy(), data
            )
            clusters = Clusters(int(labels.max()) + 1, self.n_components)
            arranged = self.arrange_centers and max(weights["ranks"]) > 0
            init_centers = "arranged" if arranged else "means"
        make_objective = functools.partial(
            DCRLObjective,
            encoder,
            decoder,
            clusters.to(data.device),
            features=inputs,
            inputs=data.inputs[:, : self.n_features_in_],
            labels=torch.from_numpy(labels).to(data.device),
            codes=torch.from_numpy(codes).to(data.device),
            neighbors=neighbors.indices,
            init_centers=init_centers,
            weights=weights,
            continuation=self.continuation,
            label_hold=self.label_hold,
            label_smoothing=self.label_smoothing,
            center_learning_rate=self.center_learning_rate,
            rank_scale=self.rank_scale,
        )
        objective = run.build(make_objective)
        run.train(objective, PairBatches(neighbors, run.batch_size))
        return objective

    def _previous_clusters(self, run):
        """Return the clusters of the previous fit, which this one goes on from."""
        n_clusters = self.n_clusters
        if run.previous["clusters"].n_asked == n_clusters:
            n_clusters = len(run.previous["clusters"].centers)  # may have been reduced
        clusters = Clusters(n_clusters, self.n_components)
        return run.build(nn.ModuleDict, {"clusters": clusters})["clusters"]

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
        layers = checked_widths("encoder_layers", self.encoder_layers)
        options = {"norm": self.norm, "activation": self.activation}

        def decoder(n_outputs):
            return Scaled(
                MLP(self.n_components, n_outputs, layers=layers[::-1], **options)
            )

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
            network = MLP(n_represented, self.n_components, layers=layers, **options)
        else:
            network = own("encoder", n_represented, self.n_components)
        if self.decoder is None:
            to_features = decoder(n_represented)
        else:
            to_features = Scaled(own("decoder", self.n_components, n_represented))
        represents = not isinstance(represent, nn.Identity)
        parts = OrderedDict(features=Features(represent), network=Scaled(network))
        to_inputs = decoder(n_features) if represents else None
        return {
            "encoder": nn.Sequential(parts),
            "decoder": Decoder(to_features, to_inputs, n_rest),
        }

    def _heads(self):
        return {**super()._heads(), **cluster_heads(self.cluster_centers_)}

    def _draws_globally(self):
        return self.encoder is not None or self.decoder is not None

    def _fitted_attributes(self, objective, outputs, data):
        if isinstance(objective, DCRLObjective):
            centers = objective.clusters.centers.detach().cpu().double().numpy()
        else:  # the phases before know no clusters
            centers = np.zeros((self.n_clusters, self.n_components))
        labels = soft_assignments(outputs, centers).argmax(axis=1)
        return {
            "cluster_centers_": centers,
            "labels_": labels,
            "n_clusters_": len(np.unique(labels)),
            "cluster_means_": raw_means(
                data, labels, len(centers), self.n_features_in_
            ),
            "_n_clusters_asked": self.n_clusters,
        }

    def _networks(self):
        clusters = Clusters(*self.cluster_centers_.shape)
        clusters.n_asked = self._n_clusters_asked
        with torch.no_grad():
            clusters.centers.copy_(torch.from_numpy(self.cluster_centers_))
        return {**super()._networks(), "clusters": clusters}

    # -- a representation of the user's: its columns come after those of X

    def _validate(self, X, *, reset):
        rows = super()._validate(X, reset=reset)
        if reset:
            vars(self).pop("representation_", None)
            if self.image_shape is not None:
                checked_image_shape(self.image_shape, rows.shape[1])
            if hasattr(self.representation, "fit"):
                seed = self.random_state
                self.representation_, self._representation_factor = fit_representation(
                    self.representation,
                    rows,
                    int(seed) if isinstance(seed, Integral) else 0,
                )
        return self._append_columns(rows)

    def _append_columns(self, rows):
        if not hasattr(self, "representation_"):
            return rows
        columns = represented(self.representation_, rows) * self._representation_factor
        if sparse.issparse(rows):
            return sparse.hstack([rows, columns.astype(np.float64)], format="csr")
        single = rows.dtype in (np.float32, np.float16)
        return np.hstack([rows, columns.astype(np.float32 if single else np.float64)])

    def _restore(self, outputs, dtype):
        return super()._restore(outputs, dtype)[:, : self.n_features_in_]

    # -- what the hooks need

    def _contrasts(self):
        """Return whether a contrastive representation is learned."""
        wanted = self.representation
        if not isinstance(wanted, str):
            return False
        if wanted == "contrastive" and self.image_shape is None:
            raise ValueError(
                "representation='contrastive' needs images: set image_shape to (H, W) "
                "or (H, W, C)."
            )
        return self.image_shape is not None

    def _contrast(self, encoder, data, batch_size):
        """Objective and batches of the contrastive representation."""
        shape = checked_image_shape(self.image_shape, data.n_inputs)
        inputs = data.inputs
        offset = data.offset
        image = offset.reshape(shape)
        border = [image[0], image[-1], image[:, 0], image[:, -1]]
        fill = float(torch.cat([edge.reshape(-1) for edge in border]).median())
        neighbors = search_neighbors(
            data, inputs.cpu().numpy(), self.n_neighbors, n_jobs=self.n_jobs
        )
        return (
            Contrast(encoder, shape, offset, fill),
            ImagePairs(inputs, neighbors, batch_size),
        )

    def _neighbors(self, networks, run):
        """Return the neighbors, and the features in units of their distances."""
        represent = networks["encoder"].features
        features = run.outputs(represent)
        neighbors = search_neighbors(
            run.data, features, self.n_neighbors, n_jobs=self.n_jobs, exact=True
        )
        if not run.continued:
            distances = neighbors.distances.cpu().numpy().astype(np.float64)
            spread = float(np.sqrt(features.var(axis=0, dtype=np.float64).sum()))
            unit = float(distances[distances > 0].mean()) if distances.any() else 0.0
            # few columns: samples lie dense, and the clusters many such units apart
            unit = max(unit, spread / _MOST_UNITS) or 1.0
            features = features / np.float32(unit)
            neighbors = neighbors._replace(distances=neighbors.distances / unit)
            spread = spread / unit or 1.0
            set_units(
                **networks,
                unit=unit,
                spread=(spread, features.shape[1]),
                latent_spread=(self.rank_scale * spread / 2, self.n_components),
            )
        return neighbors, features

    def _starting_labels(self, features, neighbors, data):
        """Labels from 0 on, without gaps."""
        if not isinstance(self.init, str):
            return given_labels(
                self.init,
                data,
                features,
                neighbors,
                n_clusters=self.n_clusters,
                n_features=self.n_features_in_,
            )
        seed = data.seed("labels")
        n_samples = len(features)
        n_clusters = self.n_clusters
        n_distinct = len(np.unique(features, axis=0))
        if n_distinct < n_clusters:
            warn(
                f"n_clusters={n_clusters} is more than the {n_distinct} distinct "
                f"samples; using n_clusters={n_distinct}."
            )
            n_clusters = n_distinct
        if (
            self.init == "k-means"
            or n_distinct < _LEAST_ROWS_TO_EMBED
            or n_clusters == 1
        ):
            return kmeans_labels(features, n_clusters, seed)
        n_init = self.n_init
        if n_init == "auto":
            n_init = 3 if n_samples <= _MOST_ROWS_TO_CHOOSE else 1
        seeds = np.random.RandomState(seed).randint(np.iinfo(np.int32).max, size=n_init)
        labelings = []
        options = None
        if self.training is not None:
            options = type(self.training)(
                n_threads=self.training.n_threads, precision=self.training.precision
            )
        for one in seeds.tolist():
            start = DLME(
                n_components=10,
                device=self.device,
                training=options,
                n_jobs=self.n_jobs,
                verbose=self.verbose,
                random_state=one,
            )
            labelings.append(
                kmeans_labels(start.fit_transform(features), n_clusters, one)
            )
        return max(labelings, key=lambda labels: modularity(neighbors, labels))


_WEIGHTS = {
    "reconstruction": "reconstruction_weight",
    "clusters": "cluster_weight",
    "local": "local_weight",
    "ranks": "rank_weight",
    "alignment": "alignment_weight",
}


def _first_and_last(name, weight):
    """The weight at the beginning, and that after the continuation."""
    if isinstance(weight, Real):
        return float(weight), float(weight)
    values = [*weight]
    valid = len(values) == 2 and all(
        isinstance(value, Real) and 0 <= value < math.inf for value in values
    )
    if not valid:
        raise ValueError(
            f"{name}={weight!r} must be a number, or a pair of numbers, at least 0: "
            "the first and the last weight."
        )
    return float(values[0]), float(values[1])
