# SPDX-License-Identifier: BSD-3-Clause

"""Contrastive learning on an atlas of charts."""

import math
from numbers import Real

import torch
from torch import nn

from skmanifold.augment import (
    apply_augmentation,
    color_jitter,
    crop_resize,
    random_affine,
    random_flip,
    random_gray,
)
from skmanifold.base import (
    DeepManifold,
    Plan,
    SampleBatches,
    checked_image_shape,
    find_neighbors,
    reduced_width,
    sharded,
)
from skmanifold.graph import has_isolated_samples
from skmanifold.losses import chart_mmd, full_precision, nt_xent
from skmanifold.nn import to_images, to_samples
from skmanifold.utils import Count, Number, StrOptions

from ._charts import CHART_CONSTRAINTS, ChartEncoder, ChartsMixin
from ._trunks import make_trunk_and_heads


class ChartProjections(nn.Module):
    """One small network per chart, from its coordinates to the contrastive space.

    Computes ``z = sum_j q_j h_j(y_j)`` in two batched matrix products.
    """

    def __init__(self, n_charts, n_components, *, n_hidden, n_out, bias):
        super().__init__()
        sizes = [(n_components, n_hidden), (n_hidden, n_out)]
        self.weights = nn.ParameterList(
            nn.Parameter(torch.empty(n_charts, *size)) for size in sizes
        )
        self.biases = nn.ParameterList(
            nn.Parameter(torch.empty(n_charts, 1, size[1]))
            for size in (sizes if bias else ())
        )
        for i, (n_in, _) in enumerate(sizes):
            for group in (self.weights, self.biases):
                if len(group):
                    nn.init.uniform_(group[i], -(n_in**-0.5), n_in**-0.5)

    @full_precision
    def forward(self, q, coordinates):
        """Map q (n, K) and coordinates (n, K, d) to (n, n_out)."""
        z = coordinates.transpose(0, 1)
        if not len(self.biases):
            # centered: without biases, a unit with negative weights would be dead for
            # all coordinates in [0, 1]
            z = 2 * z - 1
        for i, weight in enumerate(self.weights):
            z = z.relu() if i else z
            z = z @ weight
            if len(self.biases):
                z = z + self.biases[i]
        return (z * q.t().unsqueeze(2)).sum(0)


class MSimCLRObjective(nn.Module):
    """The loss over one batch of two views.

    With memberships q, ``p = mean_i q_i`` and K charts::

        contrast   = NT-Xent of the projections of the views
        uniformity = K MMD^2 of (chart, coordinates) from uniform charts
        balance    = sum_j p_j log(K p_j)
        sharpness  = mean_i (1 - sum_j q_ij^2)

    the last three multiplied by their weights. Sharpness alone would empty most charts;
    balance prevents it, since its gradient does not vanish with the mass of a chart.
    """

    # optimized by Muon
    hidden_layers = ("encoder.parts.trunk.0.hidden",)

    def __init__(
        self,
        encoder,
        projections,
        *,
        temperature,
        regularization_weight,
        sharpness_weight,
    ):
        super().__init__()
        self.encoder = encoder
        self.projections = projections
        self.temperature = temperature
        self.regularization_weight = regularization_weight
        self.sharpness_weight = sharpness_weight

    def forward(self, batch, progress):
        """Return the loss terms of two views (B, n_inputs) and draws (m, K, d)."""
        view_a, view_b, draws = batch
        n = len(view_a)
        views = torch.cat([view_a, view_b])
        q, y = sharded(self.encoder, views, function=self.encoder.charts)
        z_a, z_b = self.projections(q, y).chunk(2)
        terms = {"contrast": nt_xent(z_a, z_b, self.temperature)}
        if self.regularization_weight:
            # one view is enough, at a quarter of the pairs
            mmd = chart_mmd(q[:n], y[:n], draws)
            terms |= chart_terms(
                q, mmd, self.regularization_weight, self.sharpness_weight
            )
        return terms


def chart_terms(q, mmd, weight, sharpness):
    """Return the terms for evenly filled charts of equal size and sharp memberships."""
    n_charts = q.shape[1]
    terms = {"uniformity": weight * n_charts * mmd}
    if n_charts > 1:
        mass = q.mean(0)
        # the gradient would be infinite for empty charts
        balance = (mass * (mass + 1e-8).log()).sum() + math.log(n_charts)
        terms["balance"] = weight * balance
        if sharpness:
            impurity = 1 - q.square().sum(1).mean()
            terms["sharpness"] = weight * sharpness * impurity
    return terms


# Maximum number of uniform draws per batch: their error is below that of the batch.
_MOST_DRAWS = 64


class Views(SampleBatches):
    """Batches of two random views of each sample, with uniform draws for the charts.

    ``augment(x, generator)`` returns a view of samples; ``other(x, rows, uniform)``
    returns the samples for the second view.
    """

    def __init__(self, inputs, batch_size, augment, other, charts_shape):
        super().__init__(len(inputs), batch_size, inputs.device)
        self.inputs = inputs
        self.augment = augment
        self.other = other
        self.draws_shape = (min(self.batch_size, _MOST_DRAWS), *charts_shape)

    def epoch(self, generator):
        """Yield each batch: two views and the draws."""
        for rows, uniform in super().epoch(generator):
            x = self.inputs[rows]
            second = self.other(x, rows, uniform)
            views = [self.augment(view, generator) for view in (x, second)]
            draws = torch.rand(self.draws_shape, generator=generator)
            yield *views, draws.to(rows.device)


class MSimCLR(ChartsMixin, DeepManifold):
    """Manifold SimCLR: contrastive learning on an atlas of charts.

    A network maps each sample to memberships q in the charts and to coordinates in
    [0, 1] in each chart. A contrastive loss attracts two random views, of a sample or
    of it and a neighbor, and repels other samples, as in SimCLR [2]_, while charts stay
    equally large and evenly filled. A chart and a few coordinates separate classes with
    fewer numbers than a flat representation. [1]_

    ``transform`` returns *chart blocks*: for each chart its weight, then its
    coordinates times the weight. With hard membership the weight is 1 for the chart of
    the sample and 0 for the others, so a linear model on chart blocks is one affine
    model per chart.

    Read more in the :ref:`User Guide <msimclr>`.

    Parameters
    ----------
    n_charts : int, default=16
        Number of charts. 1 is SimCLR with evenly spread coordinates. Increase it for
        many classes.
    n_components : int, default=2
        Number of coordinates per chart. Set it to the dimension of the data.
    image_shape : tuple of int or None, default=None
        (H, W) or (H, W, C), channels last, if samples are flattened images. Set it to
        use a convolutional network, which needs sides of at least 8, and augmentations
        of images.
    augmentation : {"auto", "noise", "affine", "crop"} or callable, default="auto"
        Augmentation of a view. "noise" adds Gaussian noise of a tenth of the mean
        standard deviation of the columns. "affine" slightly shifts, rotates, scales and
        shears images; "crop" crops, resizes, flips and recolors them. "auto" is
        "affine" for images with one channel, "crop" for other images, else "noise". Set
        a callable for other invariances: it maps a float32 tensor, scaled samples (B,
        n_features) or images (B, C, H, W), to one of the same shape.
    n_neighbors : int or None, default=4
        Number of neighbors from which the second view of a sample is drawn: a neighbor
        of an image, or a point on the segment to it for other data. None augments the
        sample itself, as in the paper; set it if near samples are often of different
        kinds. Reduced, with a warning, if there are fewer other samples.
    temperature : float, default=0.2
        Temperature of the contrastive loss. Decrease it to give more weight to the most
        similar negatives.
    regularization_weight : float, default=1.0
        Weight of the terms for evenly spread coordinates, charts of equal size and
        sharp memberships. Decrease it if the contrastive loss hardly falls, increase it
        if charts have unequal sizes. With 0 only the contrastive loss remains, and
        charts may become empty; with ``n_charts=1`` as well this is SimCLR.
    sharpness_weight : float, default=1.0
        Weight of the impurity of q, ``1 - sum_j q_j^2``, relative to
        ``regularization_weight``. Increase it if samples are spread over several
        charts; 0 if only soft memberships are used.
    projection : {"mlp", "paper"}, default="mlp"
        Network of each chart from its coordinates to the contrastive space, dropped
        after training: one hidden layer of 64 units. Set "paper" for as many units as
        coordinates, without biases, on centered coordinates.
    membership : {"hard", "soft"}, default="hard"
        Weights of the chart blocks: 1 for the chart with the largest q and 0 for the
        others. Set "soft" for q itself, for models that benefit from all charts.
    encoder_layers : sequence of int, default=(256, 256)
        Widths of the hidden layers of the network; not used for images. Increase them
        for large, complex data.
    feature_dim : int, default=128
        Width of the last layer below the charts. Increase it for many charts.
    encoder : torch.nn.Module, callable or None, default=None
        Replaces the built-in network: a module (copied, never changed) or a callable
        ``(n_inputs, feature_dim) -> torch.nn.Module``. It maps scaled samples, (B,
        n_features), without PCA, or images, (B, C, H, W), to (B, n_outputs) with any
        n_outputs. Set it for inputs with structure, such as signals.
    max_epochs : int or "auto", default="auto"
        Number of epochs. With "auto", the number of steps grows with the cube root of
        ``n_samples``. Increase it if the loss still falls.
    batch_size : int or "auto", default="auto"
        Number of samples per step. "auto" is 256. Increase it to use a GPU fully.
    learning_rate : float or "auto", default="auto"
        Largest learning rate. "auto" is 0.003. Decrease it if training diverges.
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
    embedding_ : ndarray of shape (n_samples, n_charts * (n_components + 1))
        Embedding of the training data: chart blocks.
    labels_ : ndarray of shape (n_samples,)
        Chart of each training sample.
    n_charts_ : int
        Number of charts.
    history_ : dict of str to list of float
        Means over each epoch of the "loss" and its weighted terms "contrast",
        "uniformity", "balance" and "sharpness", and "learning_rate_factor".
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
    skmanifold.atlas.ChartwiseClassifier : A classifier on each chart.
    skmanifold.AtlasTriplet : Charts learned from labels.

    References
    ----------
    .. [1] E. O. Korman, "Atlas Based Representation and Metric Learning on Manifolds",
       arXiv:2106.07062.
    .. [2] T. Chen, S. Kornblith, M. Norouzi, G. Hinton, "A Simple Framework for
       Contrastive Learning of Visual Representations", ICML 2020, arXiv:2002.05709.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skmanifold.atlas import MSimCLR
    >>> X, _ = load_digits(return_X_y=True)
    >>> model = MSimCLR(n_charts=4, image_shape=(8, 8), max_epochs=2, random_state=0)
    >>> model.fit_transform(X).shape
    (1797, 12)
    >>> chart, coordinates = model.charts(X[:5])
    >>> chart.shape, coordinates.shape
    ((5,), (5, 2))
    """

    _parameter_constraints: dict = {
        **DeepManifold._parameter_constraints,
        **CHART_CONSTRAINTS,
        "image_shape": ["array-like", None],
        "augmentation": [StrOptions({"auto", "noise", "affine", "crop"}), callable],
        "n_neighbors": [Count(1), None],
        "temperature": [Number(Real, 0, None, closed="neither")],
        "regularization_weight": [Number(Real, 0, None, closed="left")],
        "sharpness_weight": [Number(Real, 0, None, closed="left")],
        "projection": [StrOptions({"mlp", "paper"})],
        "encoder_layers": ["array-like"],
        "feature_dim": [Count(1)],
        "encoder": [nn.Module, callable, None],
        "n_jobs": [Count(None, -1), Count(1), None],
    }

    _methods_with_decoder = "IsometricAE, TopologicalAE, AtlasAE, DCRL and DLME"
    _image_parameter = "image_shape"

    def __init__(
        self,
        n_charts=16,
        n_components=2,
        *,
        image_shape=None,
        augmentation="auto",
        n_neighbors=4,
        temperature=0.2,
        regularization_weight=1.0,
        sharpness_weight=1.0,
        projection="mlp",
        membership="hard",
        encoder_layers=(256, 256),
        feature_dim=128,
        encoder=None,
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
        self.n_charts = n_charts
        self.n_components = n_components
        self.image_shape = image_shape
        self.augmentation = augmentation
        self.n_neighbors = n_neighbors
        self.temperature = temperature
        self.regularization_weight = regularization_weight
        self.sharpness_weight = sharpness_weight
        self.projection = projection
        self.membership = membership
        self.encoder_layers = encoder_layers
        self.feature_dim = feature_dim
        self.encoder = encoder
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.device = device
        self.training = training
        self.warm_start = warm_start
        self.n_jobs = n_jobs
        self.verbose = verbose
        self.random_state = random_state

    # -- the hooks

    def _validate(self, X, *, reset):
        samples = super()._validate(X, reset=reset)
        if reset:
            self._keeps_columns = (
                self.n_neighbors is not None
                and self.image_shape is None
                and has_isolated_samples(samples, self.n_neighbors)
            )
        return samples

    def _plan(self, n_samples, n_features):
        image_shape = checked_image_shape(self.image_shape, n_features)
        reduces = (
            image_shape is None
            and n_features > 64
            and self.encoder is None
            and not callable(self.augmentation)
            and not self._keeps_columns
        )
        return Plan(
            n_steps=min(round(600 * (n_samples / 2000) ** (1 / 3)), 3000),
            batch_size=256,
            learning_rate=3e-3,
            n_reduced=reduced_width(n_samples) if reduces else None,
            column_scaling=image_shape is None,
            one_unit=image_shape is not None,
        )

    def _make_batches(self, data, batch_size):
        return Views(
            data.inputs,
            batch_size,
            self._augment(data),
            self._other(data),
            (self.n_charts, self.n_components),
        )

    def _make_networks(self, sizes):
        return {"encoder": ChartEncoder(*make_trunk_and_heads(self, sizes))}

    def _make_objective(self, data, networks):
        as_in_paper = self.projection == "paper"
        projections = ChartProjections(
            self.n_charts,
            self.n_components,
            n_hidden=self.n_components if as_in_paper else 64,
            n_out=32,
            bias=not as_in_paper,
        )
        return MSimCLRObjective(
            networks["encoder"],
            projections,
            temperature=self.temperature,
            regularization_weight=self.regularization_weight,
            sharpness_weight=self.sharpness_weight,
        )

    # -- helpers of the hooks

    def _augment(self, data):
        """Return the function ``(x, generator) -> view`` of inputs."""
        image_shape = checked_image_shape(self.image_shape, data.X.shape[1])
        kind = self.augmentation
        if kind == "auto":
            kind = "noise" if image_shape is None else "affine"
            if image_shape is not None and image_shape[2] > 1:
                kind = "crop"
        if kind == "noise":
            return _noisy
        if image_shape is None:
            if callable(kind):
                return lambda x, generator: apply_augmentation(kind, x)
            raise ValueError(
                f"augmentation={kind!r} needs images, but image_shape=None. Set "
                "image_shape to (H, W) or (H, W, C), or use augmentation='noise'."
            )
        # augmentations need pixels with black at 0, not centered ones
        center = data.offset
        # beyond the edges, fill with their median
        edges = to_images(data.inputs[:1000] + center, image_shape)
        fill = float(torch.cat([edges[:, :, 0], edges[:, :, -1]]).median())

        def augment(x, generator):
            images = to_images(x + center, image_shape)
            if callable(kind):
                images = apply_augmentation(kind, images)
            elif kind == "affine":
                images = affine_view(images, generator, fill)
            else:
                images = crop_view(images, generator)
            return to_samples(images) - center

        return augment

    def _other(self, data):
        """Return the function ``(x, rows, uniform) -> x`` for the second view."""
        if self.n_neighbors is None:
            return lambda x, rows, uniform: x
        neighbors = find_neighbors(data, self.n_neighbors, n_jobs=self.n_jobs)

        def other(x, rows, uniform):
            # one uniform draw selects the neighbor and the position on the segment
            chosen, share = neighbors.draw(rows, uniform)
            neighbor = data.inputs[chosen]
            if self.image_shape is None:
                return torch.lerp(x, neighbor, share.unsqueeze(1))
            return neighbor

        return other

    def _uses_global_generator(self):
        return self.encoder is not None or callable(self.augmentation)


def _noisy(x, generator):
    normal = torch.randn(x.shape, generator=generator).to(x.device)
    return torch.add(x, normal, alpha=0.1)


def affine_view(images, generator, fill):
    """Return images slightly shifted, rotated, scaled and sheared."""
    uniform = torch.rand(len(images), 5, generator=generator).to(images.device)
    return random_affine(images, uniform, scale=0.15, shear=0.15, fill=fill)


def crop_view(images, generator):
    """Return images cropped, flipped, and with changed colors."""
    uniform = torch.rand(len(images), 9, generator=generator).to(images.device)
    images = crop_resize(images, uniform[:, :4])
    images = random_flip(images, uniform[:, 4])
    images = color_jitter(images, uniform[:, 5:8])
    return random_gray(images, uniform[:, 8])
