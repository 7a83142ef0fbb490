# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""Deep Clustering and Representation Learning that preserves geometric structures."""

import math
import threading
from collections import OrderedDict
from numbers import Integral, Real

import numpy as np
import torch
from scipy import sparse
from scipy.optimize import linear_sum_assignment
from sklearn.base import ClusterMixin, clone
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.metrics import pairwise_distances_argmin
from sklearn.metrics.cluster import contingency_matrix
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted
from threadpoolctl import threadpool_limits
from torch import nn
from torch.nn import functional as F

from skmanifold._engine import RowBatches, count_batches, torch_threads
from skmanifold.augment import add_noise, draw_neighbors, random_affine
from skmanifold.base import DecoderMixin, DeepManifold, Plan
from skmanifold.base._networks import (
    checked_image_shape,
    checked_widths,
    own_network,
)
from skmanifold.graph import nearest_neighbors
from skmanifold.losses import (
    alignment_loss,
    center_distance_loss,
    cluster_divergence,
    local_isometry_loss,
    log_assignments,
    nt_xent,
    sharpened_assignments,
)
from skmanifold.nn import MLP
from skmanifold.utils._sklearn import Interval, StrOptions
from skmanifold.utils._warnings import warn

from ._dlme import DLME

# Below so many rows the start is k-means on the rows themselves: a network that is to
# learn neighbourhoods learns little from them.
_LEAST_ROWS_TO_EMBED = 200

# Up to so many rows several start embeddings vote; one of more rows is steady.
_MOST_ROWS_TO_VOTE = 20_000

# Neighbours are searched in so many principal components where there are more columns.
_SEARCH_COMPONENTS = 50

# Rows that a representation of the user's is given at once: always as many, since the
# last bits of a matrix product depend on its shape.
_BLOCK_ROWS = 256

_TEMPERATURE = 0.2

# The unit of the losses is at least this share of the spread of the features.
_MOST_UNITS = 4.0

# Least distance of two clusters' means, in units of the mean of these distances.
_LEAST_GAP = 1 / 3

# Share of training after which the means are those of the clusters as they are now, no
# longer of the starting labels: the ranks are to hold for the clusters that come out.
_FOLLOW_FROM = 0.5

# threadpool_limits sets what is the process's, and two threads would undo each other
_LIMITED = threading.RLock()


class DCRLObjective(nn.Module):
    """Reconstruction, clusters, local distances, ranks of the clusters, alignment.

    All is measured in units of the mean distance between neighbours of the features,
    so that the weights mean the same whatever the data.

    Parameters
    ----------
    encoder : torch.nn.Module
        ``features`` maps inputs to features and is not trained here, ``network`` maps
        these to the latent space.
    decoder : Decoder
        The way back.
    clusters : Clusters
        The centres.
    weights : dict of str to pair of float
        First and last weight of each term.
    continuation : float
        Share of training over which the weights go from the first to the last.
    label_hold : float
        Share of training for which the starting labels are the targets.
    label_confidence : float
        Weight of the label in such a target.
    center_learning_rate : float
        Factor on the learning rate of the centres.
    rank_scale : float
        Distances of centres for distances of the clusters' means.
    """

    def __init__(
        self,
        encoder,
        decoder,
        clusters,
        *,
        weights,
        continuation,
        label_hold,
        label_confidence,
        center_learning_rate,
        rank_scale,
    ):
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder
        self.clusters = clusters
        self.weights = weights
        self.continuation = continuation
        self.label_hold = label_hold
        self.label_confidence = label_confidence
        self.rank_scale = rank_scale
        self.learning_rate_factors = {"clusters": center_learning_rate}
        changing = any(first != last for first, last in weights.values())
        self.settled_from = continuation if changing else 0.0

    def set_scales(self, spread, n_features):
        """Let the networks begin with about the spread that they are to end with."""
        column = spread / math.sqrt(n_features)
        n_components = self.clusters.centers.shape[1]
        component = self.rank_scale * spread / (2 * math.sqrt(n_components))
        self.encoder.network.before.fill_(1 / column)
        self.encoder.network.after.fill_(component)
        for network in (self.decoder.features, self.decoder.inputs):
            if network is not None:
                network.before.fill_(1 / component)
        self.decoder.features.after.fill_(column)

    def start(self, inputs, labels, codes, *, place):
        """Take the data and their starting labels, and put the centres in place.

        ``place`` says where: "arranged" as the ranks want them, at the "means" of the
        latent points ``codes``, or where they are ("kept").
        """
        self.inputs, self.labels, self.latent = inputs, labels, None
        n_clusters = len(self.clusters.centers)
        with torch_threads(1):  # the number of threads would show in the last bits
            means, of_features, of_codes = (
                _means(rows, labels, n_clusters)
                for rows in (inputs, self.features, codes)
            )
        # ranks are those of the inputs, the unit is that of the features
        total = _distances(means).sum()
        self.means_unit = _distances(of_features).sum() / total if total > 0 else 1.0
        self.register_buffer("means", means)
        self._set_distances()
        targets = torch.full(
            (len(labels), n_clusters),
            (1 - self.label_confidence) / n_clusters,
            device=labels.device,
        )
        targets[torch.arange(len(labels)), labels] += self.label_confidence
        self.targets = targets
        if place == "arranged":
            of_codes = torch.from_numpy(
                _arranged(self.distances.cpu().numpy(), of_codes.cpu().numpy())
            )
        if place != "kept":
            with torch.no_grad():
                self.clusters.centers.copy_(of_codes)

    def _set_distances(self):
        wanted = _distances(self.means)
        n_pairs = len(wanted) * (len(wanted) - 1)
        if n_pairs:
            # Clusters that the input does not tell apart would fall together. What is
            # added to all distances leaves their order.
            apart = ~np.eye(len(wanted), dtype=bool)
            least = _LEAST_GAP * wanted.sum() / n_pairs
            wanted[apart] += max(0.0, least - wanted[apart].min())
        wanted *= self.rank_scale * self.means_unit
        self.distances = torch.from_numpy(wanted.astype(np.float32)).to(
            self.means.device
        )

    def codes(self):
        """Latent points of all rows, in blocks."""
        was_training = self.encoder.network.training
        network = self.encoder.network.eval()
        with torch.no_grad(), torch.autocast(self.features.device.type, enabled=False):
            codes = torch.cat([network(part) for part in self.features.split(1024)])
        network.train(was_training)
        return codes

    def refresh(self, sharpen):
        """Once an epoch: assignments of all rows, their means, targets if ``sharpen``.

        What one batch knows of a cluster's mean is too rough to settle which of two
        clusters is nearer to a third where they are nearly equally far.
        """
        self.latent = self.codes()
        q = log_assignments(self.latent, self.clusters.centers.detach()).exp()
        if sharpen:
            self.targets = sharpened_assignments(q)
        self.labels = q.argmax(1)
        n_clusters = len(self.means)
        self.means.copy_(_means(self.inputs, self.labels, n_clusters, self.means))
        self.latent_means = _means(self.latent, self.labels, n_clusters)
        self._set_distances()

    def forward(self, batch, progress):
        """Loss terms of pairs of neighbours, see :class:`NeighborPairs`."""
        rows, others, distances, first = batch
        follows = progress >= min(self.label_hold, _FOLLOW_FROM)
        if follows and (first or self.latent is None):
            with torch.no_grad():
                self.refresh(sharpen=progress >= self.label_hold)
        share = min(progress / self.continuation, 1.0) if self.continuation else 1.0
        weights = {
            name: first + (last - first) * share
            for name, (first, last) in self.weights.items()
        }
        both = torch.cat([rows, others])
        features = self.features[both]
        z = self.encoder.network(features)
        # the decoder follows the encoder even where it must not move it
        guides = weights["reconstruction"] > 0
        restored = self.decoder.features(z if guides else z.detach())
        terms = {}
        with torch.autocast(z.device.type, enabled=False):
            z = z.float()
            terms["reconstruction"] = _squared_error(restored.float(), features) * (
                weights["reconstruction"] if guides else 1.0
            )
            z_a, z_b = z.chunk(2)
            centers, labels = self.clusters.centers, self.labels[rows]
            log_q = log_assignments(z_a, centers)
            same = (labels == self.labels[others]).to(z.dtype)
            terms["clusters"] = weights["clusters"] * cluster_divergence(
                self.targets[rows], log_q
            )
            terms["local"] = weights["local"] * local_isometry_loss(
                z_a, z_b, distances, same
            )
            terms["ranks"] = weights["ranks"] * center_distance_loss(
                centers, self.distances
            )
            # the ranks move the centres, and these draw their points
            aligned = z_a
            if follows:  # all rows' means, moved as the batch moves
                aligned = z_a - self.latent[rows] + self.latent_means[labels]
            terms["alignment"] = weights["alignment"] * alignment_loss(
                aligned, centers.detach(), labels
            )
        if self.decoder.inputs is not None:
            restored = self.decoder.inputs(z_a.detach())
            error = _squared_error(restored.float(), self.inputs[rows])
            terms["decoding"] = error / max(self.inputs.shape[1], 1)
        return terms


class Pretraining(nn.Module):
    """The denoising autoencoder that the networks begin as."""

    def __init__(self, objective, noise):
        super().__init__()
        self.encoder = objective.encoder
        self.decoder = objective.decoder
        self.clusters = objective.clusters
        self.features = objective.features
        self.noise = noise

    def forward(self, batch, progress):
        """Loss of ``batch``: row numbers and as many rows of normal draws."""
        rows, normal = batch
        features = self.features[rows]
        noisy = add_noise(features, normal, scale=self.noise)
        restored = self.decoder.features(self.encoder.network(noisy))
        return {"reconstruction": _squared_error(restored.float(), features)}


class Contrast(nn.Module):
    """Features that tell images apart, whatever small move changes them."""

    def __init__(self, objective, shape, offset, fill):
        super().__init__()
        self.encoder = objective.encoder
        self.decoder = objective.decoder
        self.clusters = objective.clusters
        self.shape = shape
        self.offset = offset
        self.fill = fill

    def forward(self, batch, progress):
        """Loss of two tensors of images, with the draws that move them."""
        x, uniform = batch
        images = (x + self.offset).unflatten(1, self.shape).permute(0, 3, 1, 2)
        moved = random_affine(images, uniform, fill=self.fill)
        views = moved.permute(0, 2, 3, 1).flatten(1) - self.offset
        features = self.encoder.features.represent(views)
        return {"contrast": nt_xent(*features.chunk(2), _TEMPERATURE)}


class Features(nn.Module):
    """From inputs to features, in units of the distance between neighbours."""

    def __init__(self, represent):
        super().__init__()
        self.represent = represent
        self.register_buffer("factor", torch.tensor(1.0))

    def forward(self, x):
        """Map (n, n_inputs) to (n, n_features)."""
        with torch.autocast(x.device.type, enabled=False):
            return self.represent(x) * self.factor


class Scaled(nn.Module):
    """A network between spaces of other scales than the one that it begins with."""

    def __init__(self, network):
        super().__init__()
        self.network = network
        self.register_buffer("before", torch.tensor(1.0))
        self.register_buffer("after", torch.tensor(1.0))

    def forward(self, x):
        """Map (n, n_in) to (n, n_out)."""
        return self.network(x * self.before).float() * self.after


class UnitRows(nn.Module):
    """Rows of length 1."""

    def forward(self, x):
        """Map (n, d) to (n, d)."""
        return F.normalize(x, dim=1)


class Columns(nn.Module):
    """Columns from a number on."""

    def __init__(self, start):
        super().__init__()
        self.start = start

    def forward(self, x):
        """Map (n, d) to (n, d - start)."""
        return x[:, self.start :]


class Decoder(nn.Module):
    """From the latent space to the features, and to the inputs where these differ."""

    def __init__(self, features, inputs, n_padding):
        super().__init__()
        self.features = features
        self.inputs = inputs
        self.n_padding = n_padding
        self.register_buffer("factor", torch.tensor(1.0))

    def forward(self, z):
        """Map (n, n_components) to (n, n_inputs)."""
        if self.inputs is None:
            return self.features(z) / self.factor
        return F.pad(self.inputs(z), (0, self.n_padding))


class Clusters(nn.Module):
    """The centres, in a module so that a later fit can go on from them."""

    def __init__(self, n_clusters, n_components):
        super().__init__()
        self.centers = nn.Parameter(torch.zeros(n_clusters, n_components))


class NeighborPairs:
    """Batches of rows, each with a random neighbour of it and its distance."""

    def __init__(self, neighbors, distances, batch_size):
        self.neighbors = neighbors
        self.distances = distances
        self.rows = RowBatches(len(neighbors), batch_size, neighbors.device)

    def __len__(self):
        return len(self.rows)

    def epoch(self, generator):
        """Yield rows, neighbours, distances, and whether the epoch begins."""
        n_neighbors = self.neighbors.shape[1]
        for i, (rows, uniform) in enumerate(self.rows.epoch(generator)):
            slot = (uniform * n_neighbors).long().clamp(max=n_neighbors - 1)
            others = self.neighbors[rows, slot]
            yield rows, others, self.distances[rows, slot], i == 0


class NoisyRows:
    """Batches of row numbers and normal draws."""

    def __init__(self, n_samples, n_columns, batch_size, device):
        self.n_columns = n_columns
        self.rows = RowBatches(n_samples, batch_size, device)

    def __len__(self):
        return len(self.rows)

    def epoch(self, generator):
        """Yield rows and draws."""
        for rows, _ in self.rows.epoch(generator):
            shape = len(rows), self.n_columns
            yield rows, torch.randn(shape, generator=generator).to(rows.device)


class ImagePairs:
    """Batches of images and of a neighbour of each, and the draws that move them."""

    def __init__(self, inputs, neighbors, batch_size):
        self.inputs = inputs
        self.neighbors = neighbors
        self.counts = torch.full((len(neighbors),), neighbors.shape[1]).to(
            neighbors.device
        )
        self.rows = RowBatches(len(inputs), batch_size, inputs.device)

    def __len__(self):
        return len(self.rows)

    def epoch(self, generator):
        """Yield the images, (2B, n_inputs), and the draws, (2B, 5)."""
        for rows, uniform in self.rows.epoch(generator):
            others, _ = draw_neighbors(self.neighbors, self.counts, rows, uniform)
            both = torch.cat([rows, others])
            draws = torch.rand(len(both), 5, generator=generator)
            yield self.inputs[both], draws.to(both.device)


class DCRL(ClusterMixin, DecoderMixin, DeepManifold):
    """Deep Clustering and Representation Learning that keeps geometric structure.

    An autoencoder's latent space in which the rows form clusters, neighbours keep their
    distances, and the clusters keep the order of their distances in the input. [1]_
    Each row is assigned to the clusters softly, and each point of the latent space can
    be decoded.

    Training has phases: for images, features are learnt that tell them apart whatever
    small move changes them; a denoising autoencoder is trained; starting labels are
    found by k-means in embeddings of the features; and all losses together turn the
    latent space into one of these clusters. Input is taken in raw units; one number
    scales all columns, so that distances keep their proportions.

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
        fitted, and its own ``random_state`` set where that is None); or X itself.

    representation_dim : int, default=32
        Number of contrastive features.

    representation_epochs : int or "auto", default="auto"
        Passes over the data for the contrastive features. "auto" trains for a number of
        steps that grows with the cube root of ``n_samples``.

    image_shape : tuple of int or None, default=None
        (H, W) or (H, W, C): the shape of the image that each row of X is, channels
        last.

    init : {"embedding", "k-means"} or array-like, default="embedding"
        Starting labels: those of k-means in an embedding of the features by
        :class:`DLME`, or of k-means on the features themselves (which also serves fewer
        than 200 rows); an array of shape (n_samples,) with labels of your own; or
        centres in the units of X, of shape (n_clusters, n_features).

    n_init : int or "auto", default="auto"
        Number of embeddings, with different seeds, whose clusters vote. "auto" is 3 up
        to 20,000 rows, and 1 beyond, where embeddings differ little.

    n_neighbors : int, default=5
        Neighbours whose distances are kept. Reduced, with a warning, where there are
        fewer other samples.

    rank_scale : float, default=3.0
        Distance between two centres for the distance between the means of their
        clusters in the input (kappa in the paper).

    reconstruction_weight : float or pair of float, default=1.0
        Weight of the reconstruction of the features. A pair is the first weight and the
        last one, see ``continuation``. With weight 0 the decoder follows the encoder
        without moving it.

    cluster_weight : float or pair of float, default=(1.0, 0.3)
        Weight of the divergence of soft assignments from their targets.

    local_weight : float or pair of float, default=(0.0, 2.0)
        Weight of the changes of distances between neighbours in one cluster.

    rank_weight : float or pair of float, default=1.0
        Weight of the differences between the distances of centres and ``rank_scale``
        times those of the clusters' means.

    alignment_weight : float or pair of float, default=1.0
        Weight of the distances between centres and the means of their points.

    continuation : float, default=0.5
        Share of training, in [0, 1], over which the weights go from the first to the
        last.

    label_hold : float, default=1.0
        Share of training, in [0, 1], for which the starting labels are the targets of
        the assignments. Later targets are the assignments sharpened, computed once an
        epoch on all rows: with 0 from the beginning, as in the paper.

    label_confidence : float, default=0.95
        Weight of the starting label in its target; the rest is divided among all
        clusters.

    arrange_centers : bool, default=True
        Whether the centres begin where the ranks want them (classical scaling, turned
        towards the latent means) or, if False, at the latent means.

    center_learning_rate : float, default=30.0
        Factor on the learning rate for the centres, which have far to go.

    noise : float, default=0.2
        Standard deviation of the noise that the pretraining removes, in units of that
        of the features.

    pretraining_epochs : int or "auto", default="auto"
        Passes over the data for the denoising autoencoder. "auto" as for
        ``representation_epochs``.

    layers : sequence of int, default=(256, 256)
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
        Passes over the data of the last phase. "auto" as for ``representation_epochs``.

    batch_size : int or "auto", default="auto"
        Samples of a step; "auto" is 256.

    learning_rate : float or "auto", default="auto"
        Largest learning rate; "auto" is 0.001.

    device : {"auto", "cpu", "cuda", "cuda:N", "mps"}, default="auto"
        Where to compute; "auto" takes a CUDA GPU where there is one.

    training : TrainingOptions or None, default=None
        Rare options: optimiser, precision, early stopping, checkpoints.

    warm_start : bool, default=False
        Go on from the networks, the centres and the scaling of the previous fit.

    n_jobs : int or None, default=-1
        Threads of the neighbour search. The result does not depend on it.

    verbose : int or bool, default=False
        Print ten lines a phase; one per epoch if above 1. For progress bars see
        ``set_callbacks``.

    random_state : int, RandomState instance or None, default=None
        Seed of the networks, the starting labels and the order of the samples.

    Attributes
    ----------
    labels_ : ndarray of shape (n_samples,)
        Cluster of each row of the training data. A cluster may have lost all of its
        rows.

    cluster_centers_ : ndarray of shape (n_clusters, n_components)
        Centres in the latent space.

    cluster_means_ : ndarray of shape (n_clusters, n_features)
        Mean row of each cluster, in the units of X; the mean of all rows for a cluster
        without rows.

    embedding_ : ndarray of shape (n_samples, n_components)
        Latent points of the training data.

    history_ : dict of str to list of float
        For each epoch of the last phase the "loss", its terms (means over the epoch),
        and "learning_rate_factor".

    pretraining_history_ : dict of str to list of float
        The same of the pretraining, where there was one.

    representation_history_ : dict of str to list of float
        The same of the contrastive features, where they were learnt.

    representation_ : object
        The fitted transformer, if ``representation`` is one.

    n_iter_ : int
        Epochs of the last phase.

    network_ : torch.nn.Module
        The learnt map from scaled rows to the latent space.

    decoder_ : torch.nn.Module
        The learnt map back.

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
        "representation": "no_validation",
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
        "label_confidence": [Interval(Real, 0, 1, closed="both")],
        "arrange_centers": ["boolean"],
        "center_learning_rate": [Interval(Real, 0, None, closed="neither")],
        "noise": [Interval(Real, 0, None, closed="left")],
        "pretraining_epochs": [
            Interval(Integral, 0, None, closed="left"),
            StrOptions({"auto"}),
        ],
        "layers": ["array-like"],
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
        label_confidence=0.95,
        arrange_centers=True,
        center_learning_rate=30.0,
        noise=0.2,
        pretraining_epochs="auto",
        layers=(256, 256),
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
        self.label_confidence = label_confidence
        self.arrange_centers = arrange_centers
        self.center_learning_rate = center_learning_rate
        self.noise = noise
        self.pretraining_epochs = pretraining_epochs
        self.layers = layers
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
        """Cluster of each row: the centre that is nearest in the latent space.

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
            squared distance to the centre in the latent space, over its sum.

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
        return _soft_assignments(self._outputs(self.network_, X), self.cluster_centers_)

    # -- the hooks

    def _plan(self, n_samples, n_features):
        batch_size = self.batch_size
        if batch_size == "auto":
            batch_size = 256
        batch_size = min(batch_size, n_samples)
        n_epochs = self._n_epochs(n_samples, batch_size)
        learning_rate = self.learning_rate
        if learning_rate == "auto":
            learning_rate = 1e-3
        return Plan(
            n_epochs=n_epochs.pop("training"),
            batch_size=batch_size,
            learning_rate=learning_rate,
            n_pretraining_epochs=sum(n_epochs.values()),
            column_scaling=False,
        )

    def _n_epochs(self, n_samples, batch_size):
        """Length of each phase."""
        # few rows are learnt in few steps
        share = (n_samples / 2000) ** (1 / 3 if n_samples > 2000 else 1 / 2)
        n_batches = count_batches(n_samples, batch_size)

        def epochs(given, n_steps):
            return math.ceil(n_steps * share / n_batches) if given == "auto" else given

        contrasting = epochs(self.representation_epochs, 700)
        return {
            "representation": contrasting if self._contrasts() else 0,
            "pretraining": epochs(self.pretraining_epochs, 350),
            "training": epochs(self.max_epochs, 420),
        }

    def _learn(self, data, run):
        seeds = [data.seed() for _ in range(3)]
        batch_size = run.plan.batch_size
        n_epochs = self._n_epochs(data.n_samples, batch_size)
        objective = run.build(self._make_objective, data)
        if self._representation is not None:
            data.learnt["representation_"] = self._representation[0]

        if n_epochs["representation"] and not run.continued:
            run.train(
                *self._contrast(objective, data, batch_size, seeds[0]),
                n_epochs=n_epochs["representation"],
                learning_rate=2 * run.plan.learning_rate,
                phase="representation",
            )
        objective.encoder.features.requires_grad_(False)

        neighbors, distances, features = self._neighbors(objective, run, seeds[1])
        objective.features = torch.from_numpy(features).to(data.device)
        if n_epochs["pretraining"] and not run.continued:
            run.train(
                Pretraining(objective, self.noise * float(features.std())),
                NoisyRows(*features.shape, batch_size, data.device),
                n_epochs=n_epochs["pretraining"],
                phase="pretraining",
            )

        codes = run.outputs(objective.encoder)
        if run.continued:
            centers = objective.clusters.centers.detach().cpu().numpy()
            labels = _soft_assignments(codes, centers).argmax(axis=1)
            place = "kept"
        else:
            labels = self._starting_labels(features, data, seeds[2])
            n_clusters = int(labels.max()) + 1
            objective.clusters = Clusters(n_clusters, self.n_components).to(data.device)
            arranged = self.arrange_centers and max(objective.weights["ranks"]) > 0
            place = "arranged" if arranged else "means"
        objective.start(
            data.inputs[:, : self.n_features_in_],
            torch.from_numpy(labels).to(data.device),
            torch.from_numpy(codes).to(data.device),
            place=place,
        )
        run.train(objective, NeighborPairs(neighbors, distances, batch_size))
        return objective

    def _make_objective(self, data):
        n_features = self.n_features_in_
        n_rest = data.n_inputs - n_features
        n_represented = data.n_inputs
        represent = nn.Identity()
        if n_rest:
            represent, n_represented = Columns(n_features), n_rest
        elif self._contrasts():
            n_represented = self.representation_dim
            represent = nn.Sequential(
                MLP(data.n_inputs, n_represented, layers=(256, 256)), UnitRows()
            )
        layers = checked_widths("layers", self.layers)
        options = {"norm": self.norm, "activation": self.activation}

        def decoder(n_outputs):
            return Scaled(
                MLP(self.n_components, n_outputs, layers=layers[::-1], **options)
            )

        def own(name, n_in, n_out):
            return own_network(
                name,
                getattr(self, name),
                "n_features, n_components"
                if name == "encoder"
                else "n_components, n_features",
                torch.zeros(2, n_in),
                n_out,
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
        return DCRLObjective(
            nn.Sequential(
                OrderedDict(
                    features=Features(represent),
                    network=Scaled(network),
                )
            ),
            Decoder(
                to_features,
                decoder(n_features) if represents else None,
                n_rest,
            ),
            Clusters(self.n_clusters, self.n_components),
            weights={
                name: _first_and_last(parameter, getattr(self, parameter))
                for name, parameter in _WEIGHTS.items()
            },
            continuation=self.continuation,
            label_hold=self.label_hold,
            label_confidence=self.label_confidence,
            center_learning_rate=self.center_learning_rate,
            rank_scale=self.rank_scale,
        )

    def _draws_globally(self):
        return self.encoder is not None or self.decoder is not None

    def _fitted_attributes(self, objective, outputs, data):
        centers = objective.clusters.centers.detach().cpu().numpy().astype(np.float64)
        labels = _soft_assignments(outputs, centers).argmax(axis=1)
        return {
            "cluster_centers_": centers,
            "labels_": labels,
            "cluster_means_": self._raw_means(data, labels, len(centers)),
        }

    def _networks(self):
        clusters = Clusters(*self.cluster_centers_.shape)
        with torch.no_grad():
            clusters.centers.copy_(torch.from_numpy(self.cluster_centers_))
        return {**super()._networks(), "clusters": clusters}

    # -- a representation of the user's: its columns come after those of X

    def _validate(self, X, *, reset):
        rows = super()._validate(X, reset=reset)
        if reset:
            self._representation = self._fit_representation(rows)
        if self._representation is None:
            return rows
        transformer, factor = self._representation
        columns = _represented(transformer, rows) * factor
        if sparse.issparse(rows):
            return sparse.hstack([rows, columns.astype(np.float64)], format="csr")
        single = rows.dtype in (np.float32, np.float16)
        return np.hstack([rows, columns.astype(np.float32 if single else np.float64)])

    def _fit_representation(self, rows):
        """The fitted transformer, and what brings its columns to the size of X's."""
        if self.image_shape is not None:
            checked_image_shape(self.image_shape, rows.shape[1])
        given = self.representation
        if given is None or isinstance(given, str):
            if given not in (None, "auto", "contrastive"):
                raise ValueError(_unfit_representation(given))
            return None
        if not (hasattr(given, "fit") and hasattr(given, "transform")):
            raise ValueError(_unfit_representation(given))
        transformer = clone(given)
        seed = self.random_state if isinstance(self.random_state, Integral) else 0
        unseeded = {
            name: int(seed)
            for name, value in sorted(transformer.get_params().items())
            if name.split("__")[-1] == "random_state" and value is None
        }
        # the number of BLAS threads would show in the last bits
        with _LIMITED, threadpool_limits(limits=1, user_api="blas"):
            transformer.set_params(**unseeded).fit(rows)
        columns = _represented(transformer, rows[: 10 * _BLOCK_ROWS])
        some = rows[: 10 * _BLOCK_ROWS]
        some = some.toarray() if sparse.issparse(some) else some
        with np.errstate(over="ignore", invalid="ignore"):
            spreads = [
                np.sqrt(np.mean(np.var(part.astype(np.float64), axis=0)))
                for part in (some, columns)
            ]
        usable = np.isfinite(spreads).all() and min(spreads) > 0
        return transformer, spreads[0] / spreads[1] if usable else 1.0

    def _restore(self, outputs, dtype):
        return super()._restore(outputs, dtype)[:, : self.n_features_in_]

    # -- what the hooks need

    def _contrasts(self):
        """Whether a contrastive representation is learnt."""
        wanted = self.representation
        if not isinstance(wanted, str):
            return False
        if wanted == "contrastive" and self.image_shape is None:
            raise ValueError(
                "representation='contrastive' needs images: set image_shape to (H, W) "
                "or (H, W, C)."
            )
        return self.image_shape is not None

    def _contrast(self, objective, data, batch_size, seed):
        """Objective and batches of the contrastive representation."""
        shape = checked_image_shape(self.image_shape, data.n_inputs)
        inputs = data.inputs
        first = _dense(data.X[:1]).astype(np.float64)
        offset = torch.from_numpy((first / data.unit).astype(np.float32)).to(
            data.device
        )
        offset = offset - inputs[:1]
        image = offset.reshape(shape)
        border = [image[0], image[-1], image[:, 0], image[:, -1]]
        fill = float(torch.cat([edge.reshape(-1) for edge in border]).median())
        neighbors, _ = self._search(inputs.cpu().numpy(), seed)
        neighbors = torch.from_numpy(neighbors).to(data.device)
        return (
            Contrast(objective, shape, offset, fill),
            ImagePairs(inputs, neighbors, batch_size),
        )

    def _neighbors(self, objective, run, seed):
        """Neighbours, their distances, and the features, in units of these."""
        represent = objective.encoder.features
        features = run.outputs(represent)
        neighbors, distances = self._search(features, seed, exact=True)
        if not run.continued:
            spread = float(np.sqrt(features.var(axis=0, dtype=np.float64).sum()))
            unit = float(distances[distances > 0].mean()) if distances.any() else 0.0
            # few columns: rows lie dense, and the clusters many such units apart
            unit = max(unit, spread / _MOST_UNITS) or 1.0
            represent.factor.fill_(1 / unit)
            objective.decoder.factor.fill_(1 / unit)
            features, distances = features / np.float32(unit), distances / unit
            objective.set_scales(spread / unit or 1.0, features.shape[1])
        return (
            torch.from_numpy(neighbors).to(represent.factor.device),
            torch.from_numpy(distances.astype(np.float32)).to(represent.factor.device),
            features,
        )

    def _search(self, rows, seed, *, exact=False):
        """Nearest neighbours, with distances among all columns if ``exact``."""
        n_samples, n_columns = rows.shape
        n_neighbors = self.n_neighbors
        if n_neighbors >= n_samples:
            n_neighbors = n_samples - 1
            if exact:  # once a fit
                warn(
                    f"n_neighbors={self.n_neighbors} needs more than the {n_samples} "
                    f"samples of X; using n_neighbors={n_neighbors}.",
                )
        searched = rows
        if min(n_columns, n_samples) > _SEARCH_COMPONENTS:
            pca = PCA(_SEARCH_COMPONENTS, svd_solver="randomized", random_state=seed)
            # the number of BLAS threads would show in the last bits
            with _LIMITED, threadpool_limits(limits=1, user_api="blas"):
                searched = pca.fit_transform(rows)
        neighbors, distances = nearest_neighbors(
            searched, n_neighbors, n_jobs=self.n_jobs, random_state=seed
        )
        if exact and searched is not rows:
            distances = np.empty(neighbors.shape)
            for i, others in enumerate(neighbors.T):
                distances[:, i] = _row_distances(rows, others)
        return neighbors, distances

    def _starting_labels(self, features, data, seed):
        """Labels from 0 on, without gaps."""
        if not isinstance(self.init, str):
            return self._given_labels(data)
        n_samples = len(features)
        spread = features.std(axis=0).any()
        if (
            self.init == "k-means"
            or n_samples < _LEAST_ROWS_TO_EMBED
            or not spread
            or self.n_clusters == 1
        ):
            return _kmeans_labels(features, self.n_clusters, seed)
        n_init = self.n_init
        if n_init == "auto":
            n_init = 3 if n_samples <= _MOST_ROWS_TO_VOTE else 1
        seeds = np.random.RandomState(seed).randint(np.iinfo(np.int32).max, size=n_init)
        labelings = []
        for one in seeds.tolist():
            start = DLME(
                n_components=10,
                device=self.device,
                n_jobs=self.n_jobs,
                random_state=one,
            )
            labelings.append(
                _kmeans_labels(start.fit_transform(features), self.n_clusters, one)
            )
        return _vote(labelings)

    def _given_labels(self, data):
        init = np.asarray(self.init)
        n_samples = data.n_samples
        if init.ndim == 1 and len(init) == n_samples:
            values, labels = np.unique(init, return_inverse=True)
            if len(values) == self.n_clusters:
                return labels.astype(np.int64)
            came = f"{len(values)} different labels"
        elif init.shape == (self.n_clusters, self.n_features_in_):
            centers = check_array(init, dtype=np.float64, input_name="init")
            labels = np.concatenate(
                [
                    pairwise_distances_argmin(rows, centers)
                    for rows in self._raw_blocks(data)
                ]
            )
            return np.unique(labels, return_inverse=True)[1].astype(np.int64)
        else:
            came = f"shape {init.shape}"
        raise ValueError(
            f"init has {came}, but must be 'embedding', 'k-means', {n_samples} labels "
            f"of {self.n_clusters} kinds (a start for each row), or centres of shape "
            f"{(self.n_clusters, self.n_features_in_)} in the units of X."
        )

    def _raw_blocks(self, data):
        """Blocks of the rows of X, dense, float64."""
        for start in range(0, data.n_samples, 1024):
            rows = _dense(data.X[start : start + 1024])[:, : self.n_features_in_]
            yield rows.astype(np.float64)

    def _raw_means(self, data, labels, n_clusters):
        """Mean row of each cluster; of all rows for a cluster without any."""
        sums = np.zeros((n_clusters, self.n_features_in_))
        start = 0
        for rows in self._raw_blocks(data):
            here = labels[start : start + len(rows)]
            for cluster in np.unique(here):
                sums[cluster] += rows[here == cluster].sum(axis=0)
            start += len(rows)
        sizes = np.bincount(labels, minlength=n_clusters)[:, np.newaxis]
        overall = sums.sum(axis=0) / len(labels)
        return np.where(sizes > 0, sums / np.maximum(sizes, 1), overall)


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


def _unfit_representation(given):
    return (
        f"representation={given!r} must be 'auto', 'contrastive', None or a "
        "transformer with fit and transform."
    )


def _dense(rows):
    return rows.toarray() if sparse.issparse(rows) else rows


def _represented(transformer, rows):
    """Rows transformed in blocks of one size, so that each row's result is its own."""
    n_samples = rows.shape[0]
    parts = []
    # threadpool_limits is the whole process's: one at a time
    with _LIMITED, threadpool_limits(limits=1, user_api="blas"):
        for start in range(0, n_samples, _BLOCK_ROWS):
            n_rows = min(_BLOCK_ROWS, n_samples - start)
            block = rows[start + np.arange(_BLOCK_ROWS) % n_rows]
            part = _dense(transformer.transform(block))
            part = np.asarray(part)
            if part.ndim != 2 or len(part) != _BLOCK_ROWS:
                raise ValueError(
                    f"representation maps {_BLOCK_ROWS} rows to an array of shape "
                    f"{part.shape}; it must return one row for each."
                )
            parts.append(part[:n_rows].astype(np.float64))
    columns = np.concatenate(parts)
    if not np.isfinite(columns).all():
        raise ValueError(
            "representation returned NaN or infinity for rows of X. It must return "
            "finite values."
        )
    return columns


def _soft_assignments(codes, centers):
    """t-kernel shares, (n, C): each row's bits are its own, whatever the rest."""
    shares = np.empty((len(codes), len(centers)))
    for start in range(0, len(codes), 1024):
        part = codes[start : start + 1024].astype(np.float64)
        d2 = np.zeros((len(part), len(centers)))
        # column by column: sums in one order
        for column, center in zip(part.T, centers.T, strict=True):
            d2 += (column[:, np.newaxis] - center) ** 2
        kernel = 1.0 / (1.0 + d2)
        total = np.zeros(len(part))
        for column in kernel.T:
            total += column
        shares[start : start + 1024] = kernel / total[:, np.newaxis]
    return shares


def _squared_error(restored, wanted):
    return (restored - wanted).square().sum(1).mean()


def _means(rows, labels, n_clusters, previous=None):
    """Mean of each cluster's rows, (C, d); ``previous`` (or zero) where it has none."""
    sums = rows.new_zeros(n_clusters, rows.shape[1])
    sizes = rows.new_zeros(n_clusters)
    for part, here in zip(rows.split(1024), labels.split(1024), strict=True):
        member = F.one_hot(here, n_clusters).to(rows.dtype)
        sums += member.t() @ part
        sizes += member.sum(0)
    means = sums / sizes.clamp(min=1).unsqueeze(1)
    if previous is None:
        return means
    return torch.where((sizes > 0).unsqueeze(1), means, previous)


def _distances(points):
    """Distances between the rows of a tensor, float64."""
    points = points.double().cpu().numpy()
    return np.linalg.norm(points[:, np.newaxis] - points, axis=2)


def _arranged(distances, places):
    """Points with nearly these distances, turned to lie as near to places as they can.

    Classical scaling and the orthogonal Procrustes problem.
    """
    n_points, n_components = places.shape
    origin = places.mean(axis=0, dtype=np.float64)
    squares = distances.astype(np.float64) ** 2
    squares -= squares.mean(axis=0)
    squares -= squares.mean(axis=1, keepdims=True)
    points = np.zeros((n_points, n_components))
    # the number of BLAS threads would show in the last bits
    with _LIMITED, threadpool_limits(limits=1, user_api="blas"):
        values, vectors = np.linalg.eigh(-squares / 2)
        largest = np.argsort(-values, kind="stable")[:n_components]
        points[:, : len(largest)] = vectors[:, largest] * np.sqrt(
            np.maximum(values[largest], 0.0)
        )
        left, _, right = np.linalg.svd(points.T @ (places - origin))
    return (points @ (left @ right) + origin).astype(np.float32)


def _row_distances(rows, others):
    """Distance of each row to one other row."""
    distances = np.empty(len(rows))
    for start in range(0, len(rows), 1024):
        part = slice(start, start + 1024)
        difference = rows[part].astype(np.float64) - rows[others[part]]
        distances[part] = np.sqrt(np.einsum("ij,ij->i", difference, difference))
    return distances


def _kmeans_labels(points, n_clusters, seed):
    n_distinct = len(np.unique(points, axis=0)) if len(points) else 0
    if n_distinct < n_clusters:
        warn(
            f"n_clusters={n_clusters} is more than the {n_distinct} distinct samples; "
            f"using n_clusters={n_distinct}.",
        )
        n_clusters = n_distinct
    kmeans = KMeans(n_clusters, n_init=10, random_state=seed)
    # threads add up the centres in the order in which they finish
    with _LIMITED, threadpool_limits(limits=1):
        labels = kmeans.fit(np.asarray(points, dtype=np.float64)).labels_
    return np.unique(labels, return_inverse=True)[1].astype(np.int64)


def _vote(labelings):
    """Majority of clusterings, matched to the one that agrees most with the others."""
    n_samples = len(labelings[0])

    def matched(labels, wanted):
        counts = contingency_matrix(labels, wanted)
        own, others = linear_sum_assignment(counts, maximize=True)
        names = np.arange(counts.shape[0]) + counts.shape[1]  # unmatched: no vote
        names[own] = others
        return names[labels]

    agreements = [
        sum(np.mean(matched(other, one) == one) for other in labelings)
        for one in labelings
    ]
    reference = labelings[int(np.argmax(agreements))]
    n_clusters = int(reference.max()) + 1
    votes = np.zeros((n_samples, n_clusters))
    for labels in labelings:
        names = matched(labels, reference)
        voting = np.flatnonzero(names < n_clusters)
        votes[voting, names[voting]] += 1.0
    votes[np.arange(n_samples), reference] += 0.5  # decides where votes are equal
    labels = votes.argmax(axis=1)
    return np.unique(labels, return_inverse=True)[1].astype(np.int64)
