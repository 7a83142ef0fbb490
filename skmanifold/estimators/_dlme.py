# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""Deep Local-flatness Manifold Embedding."""

from collections import OrderedDict
from numbers import Integral, Real

import torch
from sklearn.utils.validation import check_is_fitted
from torch import nn

from skmanifold.augment import ClassDraws, apply_augmentation
from skmanifold.base import (
    DecoderMixin,
    DeepManifold,
    KMeansMixin,
    Neighbors,
    Plan,
    RowBatches,
    checked_widths,
    find_neighbors,
    own_network,
    sharded,
)
from skmanifold.graph import (
    connected_components_of,
    may_hold_strangers,
    neighbors_from_connectivity,
)
from skmanifold.losses import (
    full_precision,
    t_kernel,
    t_similarities,
    two_way_divergence,
)
from skmanifold.nn import MLP
from skmanifold.utils import Interval, StrOptions, read_targets

# Most training samples by default; of a group of one sample in 10,000 they hold 15.
_MOST_TRAINED = 150_000

# Samples of X beyond which training is longer.
_MANY_SAMPLES = 100_000


class DLMEObjective(nn.Module):
    """The loss of DLME over one batch of pairs of views.

    ``p`` is the similarity of the views in structure space, ``q`` in embedding space;
    the two-way divergence of ``q`` from ``p`` is summed over positive pairs (two views
    of one sample) and over negative ones (all others of the batch). Between samples of
    different classes ``p`` is ``1 - label_weight`` times that.
    """

    # whose matrices Muon takes
    hidden_layers = ("encoder.structure.hidden", "encoder.embedding.hidden")

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
    ):
        super().__init__()
        self.encoder = encoder
        self.kernel = kernel
        self.alpha = alpha
        self.nu_structure = nu_structure
        self.nu_embedding = nu_embedding
        self.structure_gradient = structure_gradient
        self.repulsion = repulsion
        self.repulsion_warmup = repulsion_warmup
        self.settled_from = repulsion_warmup
        self.damping = damping
        self.label_weight = label_weight

    def forward(self, views, progress):
        """Loss terms of ``views``, two tensors of shape (B, n_inputs).

        With labels a third of shape (B, B) is True for pairs of different classes.
        """
        first, second, *of_other_classes = views
        repulsion = self.repulsion
        if repulsion is not None and progress < self.repulsion_warmup:
            repulsion *= 0.2 + 0.8 * progress / self.repulsion_warmup
        y = sharded(self.encoder.structure, torch.cat([first, second]))
        z = sharded(self.encoder.embedding, y)
        with torch.set_grad_enabled(self.structure_gradient):
            p = self.structure_similarities(*y.chunk(2))
            for apart in of_other_classes:
                p = p * (1 - self.label_weight * apart)
        positive, negative = two_way_divergence(
            p,
            *z.chunk(2),
            nu=self.nu_embedding,
            kernel=self.kernel,
            repulsion=repulsion,
            damping=self.damping,
        )
        return {"positive": positive, "negative": negative}

    @full_precision
    def structure_similarities(self, y_a, y_b):
        """t-kernel in structure space, positives brought nearer by ``alpha``."""
        p = t_similarities(y_a, y_b, self.nu_structure, kernel=self.kernel)
        d2 = (y_a - y_b).square().sum(1)
        positive = t_kernel(self.alpha * d2, self.nu_structure, kernel=self.kernel)
        if self.structure_gradient:  # the kernel's own gradient needs p as it is
            return p.diagonal_scatter(positive)
        p.diagonal().copy_(positive)
        return p


class Views(RowBatches):
    """Batches of two views: the samples themselves, and an augmentation of each.

    With `classes`, a batch has the pairs of samples of different classes as well.
    """

    def __init__(self, inputs, batch_size, augment, classes=None):
        super().__init__(len(inputs), batch_size, inputs.device)
        self.inputs = inputs
        self.augment = augment
        self.classes = classes

    def epoch(self, generator):
        """Yield each batch's pair of views."""
        for rows, uniform in super().epoch(generator):
            # a third of the time of self.inputs[rows]
            x = self.inputs.index_select(0, rows)
            views = x, self.augment(x, rows, uniform)
            if self.classes is not None:
                views = *views, self.classes.of_other_classes(rows)
            yield views


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

    A map of data in two or a few dimensions, like those of UMAP and t-SNE: neighbors
    stay together, and different samples lie apart. The map is a function that embeds
    new data at a fixed cost per sample. X may be in raw units: centering, robust
    scaling and a PCA of wide data are part of the model.

    A structure network maps the data to a space in which they are locally flat, and an
    embedding network maps that to few dimensions. Both are trained together so that the
    similarities of pairs agree in the two spaces. A pair is a sample and one of its
    neighbors (attracted) or another sample (repelled). [1]_

    Read more in the :ref:`User Guide <dlme>`.

    Parameters
    ----------
    n_components : int, default=2
        Dimension of the embedding.

    n_neighbors : int, default=5
        Neighbors that the second view of a sample is drawn from. Copies of a sample
        count once. Reduced where there are fewer other distinct samples, with a warning
        where there are fewer other samples. A sample that has nothing in common with
        others has none, see :func:`skmanifold.graph.neighbors_from_data`.

    augmentation : {"neighbors", "mix", "none"} or callable, default="neighbors"
        How the second view of a sample is made: a random one of its neighbors; a
        random point on the segment to it, as in the paper; the sample itself; or
        ``augmentation(x)``, called with a float32 tensor of shape (B, n_features) of
        scaled samples, returning one of the same shape, such as flipped images.

    alpha : float, default=0.01
        Factor on the squared distance of positive pairs in structure space, in (0, 1]:
        how much nearer than they lie two views are taken to be.

    label_weight : float, default=0.0
        Influence of the labels y, in [0, 1]. At 0 y is ignored. Otherwise the second
        view of a labeled sample is, with this probability, any sample of its class in
        place of a neighbor, and the similarity of samples of different classes is
        reduced by this share: at 1 they are repelled however near they lie. Set it to
        1 to have classes in the map, for all samples or for a tenth of them: -1, None,
        NaN and NA in y are unknown labels (-1 is a class if all others are 1). Decrease
        it if the map should still show groups within classes.

    nu_structure : float, default=100.0
        Degrees of freedom of the t-kernel in structure space. Should exceed
        ``nu_embedding``: that is what pushes apart what is not near.

    nu_embedding : float or "auto", default="auto"
        Degrees of freedom of the t-kernel in the embedding. Increase it when clusters
        are specks: they spread. "auto" is 0.1 up to 10,000 samples, then falls as one
        over their number, to 0.01 from 100,000 on: many samples fill the plot anyway,
        and a narrow kernel keeps large clusters apart.

    kernel : {"max", "density"}, default="max"
        t-kernels with largest value 1, or the t density, as in the paper.

    repulsion : float, "auto" or None, default="auto"
        Total weight of the negative pairs of a sample against its positive one,
        whatever the batch size. "auto" is 5 up to 10,000 samples, then grows with
        the cube root of their number up to 10. None gives every pair the same weight:
        the paper's loss.

    repulsion_warmup : float, default=0.7
        Share of training, in [0, 1], over which the repulsion rises from a fifth to
        its full weight. Parts of one cluster find together while it is weak; once it
        is strong they no longer pass each other. 0 keeps it constant, as in the paper.

    damping : float or None, default=1.0
        Squared distance in the embedding at which a negative pair's weight has halved.
        Without it (None, the paper's loss) clusters drift apart without end, and the
        longer the training, the less of their inner shape is left.

    structure_gradient : bool, default=False
        Whether the loss may also move the structure space's similarities, instead of
        taking them as given.

    structure_dim : int, default=64
        Dimension of the structure space.

    structure_layers : sequence of int, default=(256, 128)
        Hidden layers of the structure network.

    embedding_layers : sequence of int, default=(256, 128)
        Hidden layers of the embedding network. At the cost of a wider structure network
        it keeps neighbors better.

    norm : {"layer", "batch", "none"}, default="layer"
        Normalization of the hidden layers.

    encoder : torch.nn.Module, callable or None, default=None
        Structure network in place of the built-in one: a module (copied, never changed)
        or a callable ``(n_inputs, structure_dim) -> torch.nn.Module``. It maps
        (B, n_features) to (B, structure_dim). Its inputs are scaled, but not reduced by
        PCA; its outputs are standardized, like those of the built-in network.

    decoder : bool, default=False
        Whether to learn, after the embedding and without changing it, a network that
        decodes points of the embedding; ``inverse_transform``, ``reconstruct`` and
        ``score`` then exist. Its hidden layers are those of the other networks in
        reverse order. A decoded sample is an average of the samples near its point, so
        details are lost.

    n_clusters : int or None, default=None
        If an int, fit also clusters the embedding with k-means, and ``predict`` and
        ``labels_`` exist. If None, only ``fit_predict`` clusters, with 8.

    metric : str or callable, default="euclidean"
        Metric of the neighbors, any of :class:`sklearn.neighbors.NearestNeighbors`. The
        Euclidean one is measured on scaled (and reduced) samples, others on raw ones.
        If "precomputed", X holds distances: in ``fit`` those between all samples, or in
        a sparse matrix those of each to some others; in ``transform`` those from new
        samples to the training samples, (n_samples, n_training_samples). The network
        then reads them in place of features.

    metric_params : dict or None, default=None
        Parameters of the metric, such as ``{"p": 3}``. Those of "seuclidean" and
        "mahalanobis" are taken from X if they are not given.

    connectivity : {array-like, sparse matrix} of shape (n_samples, n_samples), \
callable or None, default=None
        Neighbors of your own, for instance from
        :class:`sklearn.neighbors.KNeighborsTransformer`, or a callable that makes such
        a matrix of X. All of them are taken, and ``n_neighbors``, ``metric`` and
        ``neighbors_algorithm`` count for nothing. Only of a matrix with entries for
        most pairs of samples the ``n_neighbors`` smallest of each row are taken, as if
        they were distances.

    neighbors_algorithm : {"auto", "exact", "partition", "pynndescent"}, default="auto"
        Exact search, approximate search in nearby cells of a partition or by the
        package pynndescent (whose first call compiles for a minute); "auto" is exact up
        to a size, see :func:`skmanifold.graph.nearest_neighbors`.

    subsample : int, "auto" or None, default="auto"
        Number of samples drawn from X for training. Neighbors are searched among them,
        and the network then embeds all samples. "auto" is 150,000, or all samples if X
        holds distances or ``connectivity`` is a matrix: a part of them would lack most
        neighbors. None trains on all samples. Increase it if groups of fewer than one
        sample in 10,000 matter. `partial_fit` trains on all samples of a part.

    max_epochs : int or "auto", default="auto"
        Passes over the data, for the decoder as well. "auto" takes 600 steps, and more
        from 1,000 samples on: they grow with the fourth root of ``n_samples``, from 720
        at 2,000 to 1,750, and beyond 100,000 with ``n_samples`` to 3,500.

    batch_size : int or "auto", default="auto"
        Samples of a step. "auto" is 64 up to 250 samples and grows with the square root
        of ``n_samples`` to 180 at 2,000, then more slowly to 512.

    learning_rate : float or "auto", default="auto"
        Largest learning rate. "auto" is 0.01, and 0.001 for `partial_fit` after `fit`.
        Above 100,000 samples it is 0.003, and ``TrainingOptions(optimizer="auto")``
        is Muon, which needs fewer steps.

    device : {"auto", "cpu", "cuda", "cuda:N", "mps"}, default="auto"
        Where to compute; "auto" takes a CUDA GPU where there is one.

    training : TrainingOptions or None, default=None
        Rare options: optimizer, precision, early stopping, checkpoints.

    warm_start : bool, default=False
        Go on from the networks and the scaling of the previous fit.

    n_jobs : int or None, default=-1
        Threads of the neighbor search. The result does not depend on it.

    verbose : int or bool, default=False
        Print ten lines a fit; one per epoch if above 1. For progress bars see
        ``set_callbacks``.

    random_state : int, RandomState instance or None, default=None
        Seed of the initial networks, the order of the samples and their second views.

    Attributes
    ----------
    embedding_ : ndarray of shape (n_samples, n_components)
        Embedding of the training data.

    history_ : dict of str to list of float
        For each epoch the "loss" and its terms "positive" and "negative" (means over
        the epoch), and "learning_rate_factor".

    decoding_history_ : dict of str to list of float
        The same for the decoder, with the term "reconstruction", if ``decoder=True``.

    n_iter_ : int
        Epochs trained.

    network_ : torch.nn.Module
        The learned map from scaled samples to the embedding: ``project`` (the PCA) and
        ``encoder`` with its parts ``structure`` and ``embedding``.

    decoder_ : torch.nn.Module
        Network from the embedding to scaled samples, ``decoder`` and ``expand`` (out of
        the PCA), if ``decoder=True``.

    labels_ : ndarray of shape (n_samples,)
        Clusters of the training data, where asked for.

    n_samples_fit_ : int
        Number of samples that training has used, see ``subsample``.

    n_connected_components_ : int
        Connected parts of the neighbor graph; more than one means that the distances
        between the parts in the embedding say little. Absent where no graph is used.

    n_features_in_ : int
        Number of features seen in fit.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if X had names that are all strings.

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
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "augmentation": [StrOptions({"neighbors", "mix", "none"}), callable],
        "alpha": [Interval(Real, 0, 1, closed="right")],
        "label_weight": [Interval(Real, 0, 1, closed="both")],
        "nu_structure": [Interval(Real, 0, None, closed="neither")],
        "nu_embedding": [
            Interval(Real, 0, None, closed="neither"),
            StrOptions({"auto"}),
        ],
        "kernel": [StrOptions({"max", "density"})],
        "repulsion": [
            Interval(Real, 0, None, closed="left"),
            StrOptions({"auto"}),
            None,
        ],
        "repulsion_warmup": [Interval(Real, 0, 1, closed="both")],
        "damping": [Interval(Real, 0, None, closed="neither"), None],
        "structure_gradient": ["boolean"],
        "structure_dim": [Interval(Integral, 1, None, closed="left")],
        "structure_layers": ["array-like"],
        "embedding_layers": ["array-like"],
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
            Interval(Integral, 2, None, closed="left"),
            StrOptions({"auto"}),
            None,
        ],
        "n_jobs": [
            Interval(Integral, None, -1, closed="right"),
            Interval(Integral, 1, None, closed="left"),
            None,
        ],
    }

    # while partial_fit runs, the samples of the fit that it refines; 0 if there is none
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
        repulsion_warmup=0.7,
        damping=1.0,
        structure_gradient=False,
        structure_dim=64,
        structure_layers=(256, 128),
        embedding_layers=(256, 128),
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
        """Map rows to the structure space, in which the data are locally flat.

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
            Class of each sample; -1, None, NaN or NA where it is unknown. Ignored if
            ``label_weight=0``. Passed on to callbacks. The same holds for
            ``partial_fit``, ``fit_transform`` and ``fit_predict``.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If X, a y that is read, or a parameter is invalid, or if training diverges.
            The estimator is then as it was before the call.
        """
        return super().fit(X, y)

    def _fit(self, X, y, *, part=False):
        if self.decoder and self.metric == "precomputed":
            raise ValueError(
                "decoder=True is not for metric='precomputed': there are no features "
                "to decode, only distances. Pass features, or set decoder=False."
            )
        # parts that follow a whole fit refine its map, as gently as it ended
        self._n_refined = (
            getattr(self, "_sizes", {}).get("n_whole", 0) if part else None
        )
        try:
            super()._fit(X, y, part=part)
        finally:
            del self._n_refined

    def _validate(self, X, *, reset):
        rows = super()._validate(X, reset=reset)
        if reset:
            # evenly spaced ones stand for those that will be drawn
            step = rows.shape[0] // self._count_training(rows.shape[0])
            some = rows if step == 1 else rows[::step]
            # distances are never reduced by keeping columns
            self._keeps_columns = self.metric != "precomputed" and may_hold_strangers(
                some, self.n_neighbors
            )
        return rows

    # -- the hooks

    def _plan(self, n_samples, n_features):
        n_training = self._count_training(n_samples)
        size = n_training / 2000
        # past so many samples, more steps, each better used by Muon
        whole = self._n_refined is None
        many = n_samples / _MANY_SAMPLES if whole else 1.0
        n_steps = min(max(600, round(720 * size**0.25)), 1750)
        batch_size = max(64, round(180 * size ** (0.5 if size < 1 else 0.29)))
        learning_rate = 1e-2 if whole or not self._n_refined else 1e-3
        reduces = (
            n_features > 64
            and self.encoder is None
            and not callable(self.augmentation)
            and not self._keeps_columns
        )
        return Plan(
            n_steps=n_steps * min(max(many, 1.0), 2.0),
            phases={"decoding": None} if self.decoder else None,
            # smaller batches of few samples: at equal cost, more steps are better
            batch_size=min(batch_size, 512),
            learning_rate=3e-3 if many > 1 else learning_rate,
            optimizer="muon" if many > 1 else "adamw",
            # few samples span little but their noise: fewer components for them
            n_reduced=min(50, max(2, n_training // 3)) if reduces else None,
            n_training=n_training,
        )

    def _count_training(self, n_samples):
        """Return the number of samples that training uses."""
        # the samples of a part have been chosen by the user
        if self.subsample is None or self._n_refined is not None:
            return n_samples
        graph = self.connectivity is not None and not callable(self.connectivity)
        pairs = graph or self.metric == "precomputed"
        if isinstance(self.subsample, str):
            return n_samples if pairs else min(n_samples, _MOST_TRAINED)
        if pairs and self.subsample < n_samples:
            given = "connectivity" if graph else "metric='precomputed'"
            raise ValueError(
                f"subsample={self.subsample} is less than the {n_samples} samples of "
                f"X, but with {given} their neighbors are given, and a subsample would "
                "lack most of them. Use subsample=None, or pass those of a subsample "
                "as X."
            )
        return min(n_samples, self.subsample)

    def _validate_targets(self, y):
        if not self.label_weight:
            return None
        remedy = (
            "Give the class of each sample, -1, None or NaN where it is unknown; "
            "label_weight=0 learns without labels."
        )
        if y is None:
            raise ValueError(
                f"DLME(label_weight={self.label_weight}) requires y to be passed, but "
                f"the target y is None. {remedy}"
            )
        labels = read_targets(y)
        # a part may have none
        if not len(labels.classes) and self._n_refined is None:
            raise ValueError(
                f"y has no known label, but DLME(label_weight={self.label_weight}) "
                f"learns from some. {remedy}"
            )
        return labels

    def _make_batches(self, data, batch_size):
        draw = classes = None
        if isinstance(self.augmentation, str) and self.augmentation != "none":
            draw = self._neighbors(data).draw
        if data.y is not None:
            classes = ClassDraws(data.y.codes, self.label_weight, data.device)

        def augment(x, rows, uniform):
            other, share = x, None
            # one uniform draw gives two: the sample, and the position on the segment
            if classes is not None:
                chosen, share = classes.draw(rows, uniform, draw or _itself)
                other = data.inputs.index_select(0, chosen)
            elif draw is not None:
                chosen, share = draw(rows, uniform)
                other = data.inputs.index_select(0, chosen)
            if callable(self.augmentation):
                return apply_augmentation(self.augmentation, other)
            if self.augmentation == "mix":
                return torch.lerp(x, other, share.unsqueeze(1))
            return other

        return Views(data.inputs, batch_size, augment, classes)

    def _fitted_attributes(self, objective, outputs, data):
        attributes = super()._fitted_attributes(objective, outputs, data)
        return {**attributes, "n_samples_fit_": data.n_samples}

    def _network_sizes(self, data):
        n_whole = data.n_samples if self._n_refined is None else self._n_refined
        return {**super()._network_sizes(data), "n_whole": n_whole}

    def _make_networks(self, sizes):
        if self.encoder is None:
            structure = MLP(
                sizes["n_inputs"],
                self.structure_dim,
                layers=checked_widths("structure_layers", self.structure_layers),
                norm=self.norm,
                output_norm="batch",
            )
        else:
            # without it the scale of the structure space is free, and may collapse
            network = own_network(
                "encoder",
                self.encoder,
                sizes["n_inputs"],
                self.structure_dim,
                sizes=("n_inputs", "structure_dim"),
                remedy="Set structure_dim to the encoder's width, or give it a last "
                "layer of structure_dim outputs.",
            )
            structure = nn.Sequential(
                network, nn.BatchNorm1d(self.structure_dim, affine=False)
            )
        embedding = MLP(
            self.structure_dim,
            self.n_components,
            layers=checked_widths("embedding_layers", self.embedding_layers),
            norm=self.norm,
        )
        parts = OrderedDict(structure=structure, embedding=embedding)
        networks = {"encoder": nn.Sequential(parts)}
        if self.decoder:
            # built last: the other networks have the same weights without it
            layers = MLP(
                self.n_components,
                sizes["n_inputs"],
                layers=[
                    *checked_widths("embedding_layers", self.embedding_layers)[::-1],
                    *checked_widths("structure_layers", self.structure_layers)[::-1],
                ],
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
        )

    def _learn_after(self, data, run):
        if not self.decoder:
            return
        codes = torch.from_numpy(run.outputs(run.networks["encoder"])).to(data.device)
        objective = DecodingObjective(run.networks["decoder"], codes, data.inputs)
        batches = RowBatches(data.n_samples, run.batch_size, data.device)
        run.train(objective, batches, phase="decoding")

    def _learns_decoder(self):
        if not self.decoder:
            raise AttributeError(
                f"{type(self).__name__}(decoder=False) learns no decoder, so it has no "
                "inverse_transform, reconstruct and score. Set decoder=True, or use a "
                "method that learns both together: IsometricAE, TopologicalAE, AtlasAE "
                "or DCRL."
            )
        return True

    # -- what the hooks need

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

    def _draws_globally(self):
        return self.encoder is not None or callable(self.augmentation)


def _itself(rows, uniform):
    """Return each sample as its own second view, as without neighbors."""
    return rows, uniform
