# SPDX-License-Identifier: BSD-3-Clause

"""Deep Local-flatness Manifold Embedding."""

import functools
from collections import OrderedDict
from numbers import Real

import torch
from sklearn.utils.validation import check_is_fitted
from torch import nn

from skmanifold.augment import ClassSampler, apply_augmentation
from skmanifold.base import (
    DecoderMixin,
    DeepManifold,
    KMeansMixin,
    Neighbors,
    Plan,
    SampleBatches,
    checked_widths,
    find_neighbors,
    own_network,
    sharded,
)
from skmanifold.graph import (
    connected_components_of,
    has_isolated_samples,
    neighbors_from_connectivity,
)
from skmanifold.losses import t_similarities, two_way_divergence
from skmanifold.nn import MLP
from skmanifold.utils import Count, Number, StrOptions, read_targets

# Default number of training samples: a group of one sample in 10,000 keeps 15.
_MOST_TRAINED = 150_000

# Number of training samples below which networks are smaller, training is shorter and
# the PCA keeps only components that stand out.
_FEW_SAMPLES = 300

# Widths of hidden layers
_WIDTHS, _WIDTHS_OF_FEW = (256, 128), (128,)

# Number of samples above which training takes more steps.
_MANY_SAMPLES = 100_000

# Number of training samples above which the optimizer is Muon.
_MUON_SAMPLES = 3_000

# Fraction of training over which the extra components shrink to zero.
_SHRINKING = 0.4


class DLMEObjective(nn.Module):
    """The loss of DLME over one batch of pairs of views.

    The loss is the two-way divergence of the similarities ``q`` in the embedding from
    those in structure space, ``p``, summed over positive pairs (two views of a sample)
    and negative pairs (all others of the batch). Between samples of different classes
    ``p`` is multiplied by ``1 - label_weight``.

    Early in training `extra_head` adds dimensions to the embedding, in which groups can
    pass each other.
    """

    # optimized by Muon
    hidden_layers = ("encoder.structure.hidden", "encoder.embedding.hidden")
    # cheaper steps, and the embedding is as good
    coarse_muon = True

    def __init__(
        self,
        encoder,
        *,
        alpha,
        nu_structure,
        nu_embedding,
        kernel,
        repulsion,
        repulsion_warmup,
        damping,
        structure_gradient,
        label_weight=0.0,
        extra_head=None,
    ):
        super().__init__()
        self.encoder = encoder
        self.extra_head = extra_head
        self.kernel = kernel
        self.alpha = alpha
        self.nu_structure = nu_structure
        self.nu_embedding = nu_embedding
        self.structure_gradient = structure_gradient
        self.repulsion = repulsion
        self.repulsion_warmup = repulsion_warmup
        self.settled_from = max(repulsion_warmup, _SHRINKING if extra_head else 0.0)
        self.damping = damping
        self.label_weight = label_weight

    def forward(self, views, progress):
        """Return the loss terms of two views, in one tensor (2 B, n_inputs).

        With labels, a second tensor (B, B) is True for pairs of different classes.
        """
        samples, *class_pairs = views
        repulsion = self.repulsion
        if repulsion is not None and progress < self.repulsion_warmup:
            repulsion *= 0.2 + 0.8 * progress / self.repulsion_warmup
        y = sharded(self.encoder.structure, samples)
        z = self._embed(y, progress)
        with torch.set_grad_enabled(bool(self.structure_gradient)):
            p = t_similarities(
                *y.chunk(2),
                self.nu_structure,
                kernel=self.kernel,
                pair_factor=self.alpha,
            )
            for differ in class_pairs:
                p = p * (1 - self.label_weight * differ)
        positive, negative = two_way_divergence(
            p,
            *z.chunk(2),
            nu=self.nu_embedding,
            kernel=self.kernel,
            repulsion=repulsion,
            damping=self.damping,
        )
        return {"positive": positive, "negative": negative}

    def _embed(self, y, progress):
        """Return the embedding, early in training with the extra components."""
        embedding = self.encoder.embedding
        if self.extra_head is None or progress >= _SHRINKING:
            return sharded(embedding, y)
        z, extra = sharded(embedding, y, function=self._both_heads)
        return torch.cat([z, extra * (1 - progress / _SHRINKING)], 1)

    def _both_heads(self, y):
        """Return the embedding and the extra components."""
        embedding = self.encoder.embedding
        hidden = embedding.hidden(y)
        # in full precision, as in the embedding network
        with torch.autocast(y.device.type, enabled=False):
            hidden = hidden.to(embedding.head.weight.dtype)
            return embedding.head(hidden), self.extra_head(hidden)


class Views(SampleBatches):
    """Batches of two views: the samples themselves, and an augmentation of each.

    With `classes`, batches also mark the pairs of samples of different classes.
    """

    def __init__(self, inputs, batch_size, draw, augment=None, classes=None):
        super().__init__(len(inputs), batch_size, inputs.device)
        self.inputs = inputs
        self.draw = draw
        self.augment = augment
        self.classes = classes

    def epoch(self, generator):
        """Yield the views of each batch."""
        rows, uniform = self.draw_epoch(generator)
        # for all batches at once: the calls cost more than the arithmetic of a batch
        others, share = self.draw(rows, uniform)
        drawn = (part.split(self.batch_size) for part in (rows, others, share))
        for rows, others, share in zip(*drawn, strict=True):
            # three times as fast as self.inputs[rows]
            views = self.inputs.index_select(0, torch.cat([rows, others]))
            if self.augment is not None:
                first, second = views.chunk(2)
                views = torch.cat([first, self.augment(first, second, share)])
            if self.classes is None:
                yield (views,)
            else:
                yield views, self.classes.of_other_classes(rows)


class DecodingObjective(nn.Module):
    """Mean squared error of inputs decoded from a finished embedding."""

    hidden_layers = ("decoder.layers.hidden",)

    def __init__(self, decoder, codes, inputs):
        super().__init__()
        self.decoder = decoder
        self.codes = codes
        self.inputs = inputs

    def forward(self, batch, progress):
        """Return the loss terms of a batch of sample indices."""
        rows, _ = batch
        x = self.inputs.index_select(0, rows)
        decoded = sharded(self.decoder, self.codes.index_select(0, rows))
        return {"reconstruction": (x - decoded).square().mean()}


class DLME(KMeansMixin, DecoderMixin, DeepManifold):
    """Deep Local-flatness Manifold Embedding.

    Embeds data in two or a few dimensions, like UMAP and t-SNE: neighbors stay
    together, and other samples are separated. A network embeds new data at a fixed cost
    per sample. X may be in raw units: centering, robust scaling and a PCA of wide data
    are part of the model.

    A structure network maps the data to a space in which they are locally flat, and an
    embedding network maps that space to few dimensions. Both are trained together so
    that the similarities of pairs agree in the two spaces: a sample and one of its
    neighbors attract each other, other pairs repel each other. [1]_

    Read more in the :ref:`User Guide <dlme>`.

    Parameters
    ----------
    n_components : int, default=2
        Dimension of the embedding. Increase it (5, 10) when the embedding feeds a model
        rather than a plot.
    n_neighbors : int, default=5
        Number of neighbors from which the second view of a sample is drawn. Increase it
        (10, 15) for a smoother embedding, or if many columns are noise or categories.
        Duplicates count once, and samples without a common feature are not neighbors.
        Reduced, with a warning, if there are fewer other samples.
    augmentation : {"neighbors", "mix", "none"} or callable, default="neighbors"
        Second view of a sample: one of its neighbors; a point on the segment to one, as
        in the paper; the sample itself, without a search, which learns nothing about
        neighbors; or ``augmentation(x)``, which maps a float32 tensor (B, n_features)
        of scaled samples to one of the same shape. Pass a function if you know what
        changes a sample but not its meaning, such as a shift of an image.
    alpha : float, default=0.01
        Factor on the squared distance of positive pairs in structure space, in (0, 1].
        Increase it if neighbors are pulled together too tightly.
    label_weight : float, default=0.0
        Influence of y, in [0, 1]; 0 ignores it. It is the probability that the second
        view of a labeled sample is any sample of its class, and the fraction by which
        the similarity of different classes is reduced. Set it to 1 to separate classes,
        decrease it to show groups within them. A tenth of the labels is enough: unknown
        ones are -1, None, NaN or NA.
    nu_structure : float, default=100.0
        Degrees of freedom of the t-kernel in structure space. Keep it above
        ``nu_embedding``: the difference pushes distant samples apart.
    nu_embedding : float or "auto", default="auto"
        Degrees of freedom of the t-kernel in the embedding. Increase it to spread tight
        clusters. "auto" is 0.1 up to 10,000 samples and then ``1000 / n_samples``, but
        at least 0.01.
    kernel : {"max", "density"}, default="max"
        Normalization of the t-kernels: to a maximum of 1. Set "density" to follow the
        paper.
    repulsion : float, "auto" or None, default="auto"
        Total weight of the negative pairs of a sample relative to its positive pair,
        for any batch size. Increase it if groups overlap, decrease it if a group is
        torn apart. "auto" is 5 up to 10,000 samples and then grows with the cube root
        of their number up to 10. None weights all pairs equally, as in the paper.
    repulsion_warmup : float, default=0.5
        Fraction of training, in [0, 1], over which the repulsion rises from a fifth to
        its full value. Increase it if parts of one cluster end up in several places. 0
        keeps the repulsion constant, as in the paper.
    extra_components : int, default=2
        Number of extra dimensions of the embedding early in training, in which groups
        can pass each other. They shrink to zero over 40% of training. 0 trains in
        ``n_components`` only, as in the paper.
    damping : float or None, default=1.0
        Squared distance in the embedding at which the weight of a negative pair is
        halved. Increase it to move clusters farther apart. With None, as in the paper,
        clusters drift apart and shrink throughout training.
    structure_gradient : bool, default=False
        Whether the loss also adapts the similarities in structure space. Set True to
        follow the paper.
    structure_dim : int, default=64
        Dimension of the structure space. Decrease it for speed.
    structure_layers : sequence of int or "auto", default="auto"
        Widths of the hidden layers of the structure network. "auto" is (256, 128), or
        (128,) below 300 samples. Decrease them for speed; increase them if longer
        training does not refine the embedding.
    embedding_layers : sequence of int or "auto", default="auto"
        Widths of the hidden layers of the embedding network. "auto" is as for
        ``structure_layers``. Decrease them for speed.
    norm : {"layer", "batch", "none"}, default="layer"
        Normalization of the hidden layers. Set "batch" to follow the paper.
    encoder : torch.nn.Module, callable or None, default=None
        Replaces the built-in structure network, for images, sequences or a pretrained
        network: a module (copied, never changed) or a callable
        ``(n_inputs, structure_dim) -> torch.nn.Module``. It maps scaled samples,
        (B, n_features), without PCA to (B, structure_dim). Its outputs are
        standardized.
    decoder : bool, default=False
        Set True to train a decoder on the finished embedding, for
        ``inverse_transform``, ``reconstruct`` and ``score``. It has the hidden layers
        of the other networks in reverse order. Decoded samples are averages of nearby
        samples and lack their details.
    n_clusters : int or None, default=None
        Number of clusters. If an int, ``fit`` also clusters the embedding with k-means,
        and ``predict`` and ``labels_`` are available. If None, only ``fit_predict``
        clusters, with 8. k-means divides large groups beside small ones; for unequal
        sizes use :class:`DCRL`, or HDBSCAN on the embedding.
    metric : str or callable, default="euclidean"
        Metric of the neighbor search, any of
        :class:`sklearn.neighbors.NearestNeighbors`. Set it to "cosine" if only the
        proportions of the columns count, as in texts, and to "jaccard" or "dice" for
        sets. "euclidean" is measured on the scaled (and reduced) samples, others on X.
        If "precomputed", X has distances: in ``fit`` between all samples, or in a
        sparse matrix from each sample to some others; in ``transform`` from new samples
        to the training samples. The network reads them in place of features.
    metric_params : dict or None, default=None
        Set them if the metric has parameters, such as ``{"p": 3}``. Those of
        "seuclidean" and "mahalanobis" are computed from X if not given.
    connectivity : {array-like, sparse matrix} of shape (n_samples, n_samples), \
callable or None, default=None
        Neighbor graph, for instance from
        :class:`sklearn.neighbors.KNeighborsTransformer`, or a callable that computes it
        from X. It replaces ``n_neighbors``, ``metric`` and ``neighbors_algorithm``. If
        most pairs of samples have an entry, entries are distances, and the
        ``n_neighbors`` smallest of each sample are used.
    neighbors_algorithm : {"auto", "exact", "partition", "pynndescent"}, default="auto"
        Algorithm of the neighbor search, exact or approximate. "auto" is exact up to a
        size, see :func:`skmanifold.graph.nearest_neighbors`. Set it if the search is
        too slow or too coarse.
    subsample : int, "auto" or None, default="auto"
        Number of samples drawn for training; the network then embeds all. "auto" is
        150,000, or all samples if X has distances or ``connectivity`` is a matrix;
        None is all samples. Increase it if groups of fewer than one sample in 10,000
        matter. Not used by ``partial_fit``.
    max_epochs : int or "auto", default="auto"
        Number of epochs. "auto" takes 300 steps up to 150 samples, 600 from 300 to
        1,000, 720 for 2,000 and 1,750 from 12,000 on; above 100,000 samples their
        number grows in proportion to 3,500. The decoder is trained for as many.
        Increase it if the loss still falls.
    batch_size : int or "auto", default="auto"
        Number of samples per step. "auto" is 64 up to 250 samples and grows with the
        square root of ``n_samples`` to 180 at 2,000, then more slowly to 512. Decrease
        it to save time: all pairs of the samples of a batch are compared.
    learning_rate : float or "auto", default="auto"
        Largest learning rate. "auto" is 0.01, with the optimizer Muon (the default of
        ``fit`` above 3,000 samples) 0.003, and for ``partial_fit`` after ``fit`` 0.001.
        Decrease it if training diverges, or (0.001) for a pretrained ``encoder``.
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
    embedding_ : ndarray of shape (n_samples, n_components)
        Embedding of the training data.
    history_ : dict of str to list of float
        Means over each epoch of the "loss" and its weighted terms "positive" and
        "negative", and "learning_rate_factor".
    decoding_history_ : dict of str to list of float
        The same for the decoder, with the term "reconstruction", if ``decoder=True``.
    n_iter_ : int
        Number of epochs trained.
    network_ : torch.nn.Module
        Network from scaled samples to the embedding: ``project`` (the PCA) and
        ``encoder`` with its parts ``structure`` and ``embedding``.
    decoder_ : torch.nn.Module
        Network from the embedding to scaled samples: ``decoder`` and ``expand``
        (the inverse PCA). Available if ``decoder=True``.
    labels_ : ndarray of shape (n_samples,)
        Cluster of each training sample, if ``n_clusters`` is an int.
    n_samples_fit_ : int
        Number of samples used for training, see ``subsample``.
    n_connected_components_ : int
        Number of connected components of the neighbor graph. If there are several,
        distances between them in the embedding carry little information. Absent if no
        graph is used.
    n_features_in_ : int
        Number of features seen during fit.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features seen during fit, if all are strings.

    References
    ----------
    .. [1] Z. Zang, S. Li, D. Wu, G. Wang, L. Shang, B. Sun, H. Li, S. Z. Li,
       "DLME: Deep Local-flatness Manifold Embedding", ECCV 2022, arXiv:2207.03160.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skmanifold import DLME
    >>> X, _ = load_iris(return_X_y=True)
    >>> DLME(max_epochs=2, random_state=0).fit_transform(X).shape
    (150, 2)
    """

    _parameter_constraints: dict = {
        **DeepManifold._parameter_constraints,
        **KMeansMixin.clustering_constraints,
        "n_neighbors": [Count(1)],
        "augmentation": [StrOptions({"neighbors", "mix", "none"}), callable],
        "alpha": [Number(Real, 0, 1, closed="right")],
        "label_weight": [Number(Real, 0, 1, closed="both")],
        "nu_structure": [Number(Real, 0, None, closed="neither")],
        "nu_embedding": [
            Number(Real, 0, None, closed="neither"),
            StrOptions({"auto"}),
        ],
        "kernel": [StrOptions({"max", "density"})],
        "repulsion": [
            Number(Real, 0, None, closed="left"),
            StrOptions({"auto"}),
            None,
        ],
        "repulsion_warmup": [Number(Real, 0, 1, closed="both")],
        "extra_components": [Count(0)],
        "damping": [Number(Real, 0, None, closed="neither"), None],
        "structure_gradient": ["boolean"],
        "structure_dim": [Count(1)],
        "structure_layers": ["array-like", StrOptions({"auto"})],
        "embedding_layers": ["array-like", StrOptions({"auto"})],
        "norm": [StrOptions({"layer", "batch", "none"})],
        "encoder": [nn.Module, callable, None],
        "decoder": ["boolean"],
        "metric": [str, callable],
        "metric_params": [dict, None],
        "connectivity": ["array-like", "sparse matrix", callable, None],
        "neighbors_algorithm": [
            StrOptions({"auto", "exact", "partition", "pynndescent"})
        ],
        "subsample": [
            Count(2),
            StrOptions({"auto"}),
            None,
        ],
        "n_jobs": [
            Count(None, -1),
            Count(1),
            None,
        ],
    }

    # during partial_fit: number of samples of the full fit that it refines, or 0
    _n_refined = None

    def __init__(
        self,
        n_components=2,
        *,
        n_neighbors=5,
        augmentation="neighbors",
        alpha=0.01,
        label_weight=0.0,
        nu_structure=100.0,
        nu_embedding="auto",
        kernel="max",
        repulsion="auto",
        repulsion_warmup=0.5,
        extra_components=2,
        damping=1.0,
        structure_gradient=False,
        structure_dim=64,
        structure_layers="auto",
        embedding_layers="auto",
        norm="layer",
        encoder=None,
        decoder=False,
        n_clusters=None,
        metric="euclidean",
        metric_params=None,
        connectivity=None,
        neighbors_algorithm="auto",
        subsample="auto",
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
        self.n_components = n_components
        self.n_neighbors = n_neighbors
        self.augmentation = augmentation
        self.alpha = alpha
        self.label_weight = label_weight
        self.nu_structure = nu_structure
        self.nu_embedding = nu_embedding
        self.kernel = kernel
        self.repulsion = repulsion
        self.repulsion_warmup = repulsion_warmup
        self.extra_components = extra_components
        self.damping = damping
        self.structure_gradient = structure_gradient
        self.structure_dim = structure_dim
        self.structure_layers = structure_layers
        self.embedding_layers = embedding_layers
        self.norm = norm
        self.encoder = encoder
        self.decoder = decoder
        self.n_clusters = n_clusters
        self.metric = metric
        self.metric_params = metric_params
        self.connectivity = connectivity
        self.neighbors_algorithm = neighbors_algorithm
        self.subsample = subsample
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.device = device
        self.training = training
        self.warm_start = warm_start
        self.n_jobs = n_jobs
        self.verbose = verbose
        self.random_state = random_state

    def structure(self, X):
        """Map samples to the structure space, in which the data are locally flat.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Data in the units of the training data.

        Returns
        -------
        ndarray of shape (n_samples, structure_dim)
            Structure coordinates; float32 for float32 and float16 input, float64
            otherwise.

        Raises
        ------
        NotFittedError
            If fit was not called.
        """
        check_is_fitted(self)
        network = self.network_
        return self._apply(nn.Sequential(network.project, network.encoder.structure), X)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = bool(self.label_weight)
        return tags

    def fit(self, X, y=None):
        """Learn the embedding.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training data in raw units, at least two samples.
        y : array-like of shape (n_samples,), default=None
            Class of each sample, as in ``partial_fit``, ``fit_transform`` and
            ``fit_predict``; -1 (unless all others are 1), None, NaN or NA if unknown.
            Ignored if ``label_weight=0``, but passed on to callbacks.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If X, y (unless ignored) or a parameter is invalid, or if training diverges.
            The estimator is then as it was before the call.
        """
        return super().fit(X, y)

    def _fit(self, X, y, *, part=False):
        if self.decoder and self.metric == "precomputed":
            raise ValueError(
                "decoder=True is not available with metric='precomputed': there are no "
                "features to decode. Pass features, or set decoder=False."
            )
        # parts after a full fit refine its embedding, at a small learning rate
        self._n_refined = (
            getattr(self, "_sizes", {}).get("n_whole", 0) if part else None
        )
        try:
            super()._fit(X, y, part=part)
        finally:
            del self._n_refined

    def _validate(self, X, *, reset):
        samples = super()._validate(X, reset=reset)
        if reset:
            # an evenly spaced subset stands for the one that will be drawn
            step = samples.shape[0] // self._count_training(samples.shape[0])
            subset = samples if step == 1 else samples[::step]
            # columns of distances need not be kept
            self._keeps_columns = self.metric != "precomputed" and has_isolated_samples(
                subset, self.n_neighbors
            )
        return samples

    # -- the hooks

    def _plan(self, n_samples, n_features):
        n_training = self._count_training(n_samples)
        size = n_training / 2000
        whole = self._n_refined is None
        few = n_training / _FEW_SAMPLES if whole else 1.0
        # Muon gains more per step, at a cost that does not pay for few samples
        muon = whole and n_training > _MUON_SAMPLES
        if self.training is not None and self.training.optimizer != "auto":
            muon = self.training.optimizer == "muon"
        many = n_samples / _MANY_SAMPLES if whole else 1.0
        n_steps = min(max(600, round(720 * size ** (0.25 if size < 1 else 0.5))), 1750)
        if few < 1:
            n_steps = max(300, round(600 * few))
        batch_size = max(64, round(180 * size ** (0.5 if size < 1 else 0.29)))
        if whole or not self._n_refined:
            learning_rate = 3e-3 if muon else 1e-2
        else:
            learning_rate = 1e-3
        reduces = (
            n_features > 64
            and self.encoder is None
            and not callable(self.augmentation)
            and not self._keeps_columns
        )
        return Plan(
            n_steps=n_steps * min(max(many, 1.0), 2.0),
            phases={"decoding": None} if self.decoder else None,
            # few samples: more steps of smaller batches are better at equal cost
            batch_size=min(batch_size, 512),
            learning_rate=learning_rate,
            optimizer="muon" if muon else "adamw",
            n_reduced=min(50, max(2, n_training // 3)) if reduces else None,
            # few samples span mostly noise: keep the components that stand out, but
            # not too few, since the strongest hide others
            n_least=max(5, round(50 * few**2)) if few < 1 else None,
            n_training=n_training,
        )

    def _count_training(self, n_samples):
        """Return the number of samples that training uses."""
        # the user has chosen the samples of a part
        if self.subsample is None or self._n_refined is not None:
            return n_samples
        graph = self.connectivity is not None and not callable(self.connectivity)
        pairs = graph or self.metric == "precomputed"
        if isinstance(self.subsample, str):
            return n_samples if pairs else min(n_samples, _MOST_TRAINED)
        if pairs and self.subsample < n_samples:
            source = "connectivity" if graph else "metric='precomputed'"
            raise ValueError(
                f"subsample={self.subsample} is less than the {n_samples} samples of "
                f"X, but {source} fixes their neighbors, and a subsample would lose "
                "most of them. Use subsample=None, or subsample X yourself."
            )
        return min(n_samples, self.subsample)

    def _validate_targets(self, y):
        if not self.label_weight:
            return None
        remedy = (
            "Pass the class of each sample, -1, None or NaN if unknown; label_weight=0 "
            "learns without labels."
        )
        if y is None:
            raise ValueError(
                f"DLME(label_weight={self.label_weight}) requires y to be passed, but "
                f"the target y is None. {remedy}"
            )
        labels = read_targets(y)
        # a part may have no labels
        if not len(labels.classes) and self._n_refined is None:
            raise ValueError(
                f"y has no known label, but DLME(label_weight={self.label_weight}) "
                f"needs labels. {remedy}"
            )
        return labels

    def _make_batches(self, data, batch_size):
        draw, augment, classes = _itself, None, None
        if isinstance(self.augmentation, str) and self.augmentation != "none":
            draw = self._neighbors(data).draw
        if data.y is not None:
            classes = ClassSampler(data.y.codes, self.label_weight, data.device)
            draw = functools.partial(classes.draw, otherwise=draw)
        if callable(self.augmentation):
            augment = functools.partial(_augmented, self.augmentation)
        elif self.augmentation == "mix":
            augment = _mixed
        return Views(data.inputs, batch_size, draw, augment, classes)

    def _fitted_attributes(self, objective, outputs, data):
        attributes = super()._fitted_attributes(objective, outputs, data)
        return {**attributes, "n_samples_fit_": data.n_samples}

    def _network_sizes(self, data):
        n_whole = data.n_samples if self._n_refined is None else self._n_refined
        few = self._n_refined is None and n_whole < _FEW_SAMPLES
        # a fit that continues another continues its networks
        few = data.previous.get("_sizes", {}).get("few", int(few))
        return {**super()._network_sizes(data), "n_whole": n_whole, "few": few}

    def _widths(self, name, sizes):
        """Return the widths of the hidden layers of a network."""
        layers = getattr(self, name)
        if isinstance(layers, str):
            layers = _WIDTHS_OF_FEW if sizes["few"] else _WIDTHS
        return checked_widths(name, layers)

    def _make_networks(self, sizes):
        structure_layers = self._widths("structure_layers", sizes)
        embedding_layers = self._widths("embedding_layers", sizes)
        if self.encoder is None:
            structure = MLP(
                sizes["n_inputs"],
                self.structure_dim,
                layers=structure_layers,
                norm=self.norm,
                output_norm="batch",
            )
        else:
            network = own_network(
                "encoder",
                self.encoder,
                sizes["n_inputs"],
                self.structure_dim,
                sizes=("n_inputs", "structure_dim"),
                remedy="Set structure_dim to the encoder's width, or give it a last "
                "layer of structure_dim outputs.",
            )
            # without normalization the structure space may collapse
            structure = nn.Sequential(
                network, nn.BatchNorm1d(self.structure_dim, affine=False)
            )
        embedding = MLP(
            self.structure_dim,
            self.n_components,
            layers=embedding_layers,
            norm=self.norm,
        )
        parts = OrderedDict(structure=structure, embedding=embedding)
        networks = {"encoder": nn.Sequential(parts)}
        if self.decoder:
            # last, so that the other networks have the same weights without it
            layers = MLP(
                self.n_components,
                sizes["n_inputs"],
                layers=[*embedding_layers[::-1], *structure_layers[::-1]],
                norm=self.norm,
            )
            scaled = nn.BatchNorm1d(self.n_components, affine=False)
            networks["decoder"] = nn.Sequential(
                OrderedDict(scaled=scaled, layers=layers)
            )
        return networks

    def _make_objective(self, data, networks):
        n_samples = max(data.n_samples, self._n_refined or 0)
        repulsion = self.repulsion
        if repulsion == "auto":
            repulsion = 5.0 * min(max(n_samples / 10_000, 1.0) ** (1 / 3), 2.0)
        nu_embedding = self.nu_embedding
        if nu_embedding == "auto":
            nu_embedding = min(max(1_000 / n_samples, 0.01), 0.1)
        return DLMEObjective(
            networks["encoder"],
            alpha=self.alpha,
            nu_structure=self.nu_structure,
            nu_embedding=nu_embedding,
            kernel=self.kernel,
            repulsion=repulsion,
            repulsion_warmup=0.0 if self._n_refined else self.repulsion_warmup,
            damping=self.damping,
            structure_gradient=self.structure_gradient,
            label_weight=self.label_weight,
            extra_head=self._make_extra_head(data, networks["encoder"]),
        )

    def _make_extra_head(self, data, encoder):
        """Return the linear layer of the extra components, or None."""
        # a finished embedding has its layout
        if not self.extra_components or data.previous:
            return None
        width = encoder.embedding.head.in_features
        head = nn.Linear(width, self.extra_components)
        # with its own seed, which a decoder does not change
        generator = torch.Generator().manual_seed(data.seed("extra components"))
        bound = width**-0.5
        for parameter in head.parameters():
            nn.init.uniform_(parameter, -bound, bound, generator=generator)
        return head

    def _learn_after(self, data, run):
        if not self.decoder:
            return
        codes = torch.from_numpy(run.outputs(run.networks["encoder"])).to(data.device)
        objective = DecodingObjective(run.networks["decoder"], codes, data.inputs)
        batches = SampleBatches(data.n_samples, run.batch_size, data.device)
        run.train(objective, batches, phase="decoding")

    def _learns_decoder(self):
        if not self.decoder:
            raise AttributeError(
                f"{type(self).__name__}(decoder=False) learns no decoder, so it has no "
                "inverse_transform, reconstruct or score. Set decoder=True, or use a "
                "method that always learns one: IsometricAE, TopologicalAE, AtlasAE or "
                "DCRL."
            )
        return True

    # -- helpers of the hooks

    def _neighbors(self, data):
        """Return the neighbors of each sample."""
        if self.connectivity is not None:
            graph = self.connectivity
            if callable(graph):
                graph = graph(data.X)
            lists = neighbors_from_connectivity(graph, data.n_samples, self.n_neighbors)
            neighbors = Neighbors.on(data.device, *lists)
        else:
            on_inputs = self.metric == "euclidean" and not self.metric_params
            neighbors = find_neighbors(
                data,
                self.n_neighbors,
                samples=None if on_inputs else data.X,
                metric=self.metric,
                metric_params=self.metric_params,
                algorithm=self.neighbors_algorithm,
                n_jobs=self.n_jobs,
            )
        n_parts, _ = connected_components_of(
            neighbors.indices.cpu().numpy(), neighbors.counts.cpu().numpy()
        )
        data.learned["n_connected_components_"] = n_parts
        return neighbors

    def _uses_global_generator(self):
        return self.encoder is not None or callable(self.augmentation)


def _itself(rows, uniform):
    """Return each sample as its own second view, if no neighbors are drawn."""
    return rows, uniform


def _mixed(x, others, share):
    """Return points on the segments to the others."""
    return torch.lerp(x, others, share.unsqueeze(1))


def _augmented(augmentation, x, others, share):
    """Return a user's augmentation of the others."""
    return apply_augmentation(augmentation, others)
