# SPDX-License-Identifier: BSD-3-Clause

"""The atlas autoencoder."""

import itertools
import math
from numbers import Real

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted
from torch import nn
from torch.func import functional_call
from torch.nn import functional as F

from skmanifold.base import DecoderMixin, DeepManifold, Plan, checked_widths, sharded
from skmanifold.losses import chart_mmd, full_precision
from skmanifold.nn import MLP
from skmanifold.topology import (
    choose_n_charts,
    choose_prototypes,
    denoise,
    overlap,
    two_nearest,
)
from skmanifold.utils import (
    Count,
    Number,
    StrOptions,
    check_seed,
    validate_params,
    warn,
)

from ._charts import (
    CHART_CONSTRAINTS,
    ChartBatches,
    ChartEncoder,
    ChartHeads,
    ChartsMixin,
    OnBlocks,
    one_hot,
    raw_blocks,
    split_blocks,
    split_raw,
)
from ._trunks import make_trunk

# Factor on the learning rate of prototypes that do not start at cluster centers: until
# they arrive, the network would learn memberships of misplaced charts.
_SPEED = 10.0


class ChartLinear(nn.Module):
    """A linear map for each chart, from (K, n, n_in) to (K, n, n_out)."""

    def __init__(self, n_charts, n_in, n_out):
        super().__init__()
        bound = 1 / math.sqrt(n_in)
        self.weight = nn.Parameter(torch.empty(n_charts, n_in, n_out))
        # flat, so that the optimizer treats it as a bias, without decay
        self.bias = nn.Parameter(torch.empty(n_charts * n_out))
        nn.init.uniform_(self.weight, -bound, bound)
        nn.init.uniform_(self.bias, -bound, bound)

    def forward(self, x):
        """Map the points of every chart."""
        n_charts, _, n_out = self.weight.shape
        bias = self.bias.view(n_charts, 1, n_out)
        return torch.baddbmm(bias.to(x.dtype), x, self.weight.to(x.dtype))


class ChartDecoders(nn.Module):
    """A decoder for each chart; chart blocks are decoded to the weighted mean."""

    def __init__(self, n_charts, n_components, n_outputs, *, layers, membership):
        super().__init__()
        widths = [n_components, *layers]
        hidden = []
        for n_in, n_out in itertools.pairwise(widths):
            hidden += [ChartLinear(n_charts, n_in, n_out), nn.GELU()]
        self.hidden = nn.Sequential(*hidden)
        self.head = ChartLinear(n_charts, widths[-1], n_outputs)
        self.n_components = n_components
        self.membership = membership

    def decode(self, coordinates):
        """Decode coordinates (n, K, d) in every chart, to (n, K, n_outputs)."""
        # centered and of about unit variance for the first layer
        y = (coordinates.transpose(0, 1) - 0.5) * math.sqrt(12.0)
        return self.outputs(self.hidden(y))

    @full_precision
    def outputs(self, y):
        """Map the last hidden layer (K, n, width) to (n, K, n_outputs)."""
        return self.head(y).transpose(0, 1)

    def forward(self, blocks):
        """Decode raw chart blocks (n, K (d + 1)) to (n, n_outputs)."""
        q, coordinates = split_raw(blocks, self.n_components)
        if self.membership == "hard":
            q = one_hot(q)
        # a sum in the same order for any number of samples
        return (q.unsqueeze(2) * self.decode(coordinates)).sum(1)


class Critic(nn.Module):
    """Critic of a GAN: the logit that a point of a chart is a uniform draw."""

    def __init__(self, n_charts, n_components, width=64):
        super().__init__()
        self.first = nn.Linear(n_components, width)
        self.shift = nn.Parameter(torch.randn(n_charts, width))
        self.rest = nn.Sequential(
            nn.GELU(), nn.Linear(width, width), nn.GELU(), nn.Linear(width, 1)
        )

    @full_precision
    def forward(self, coordinates):
        """Map coordinates (n, K, d) to logits (n, K)."""
        return self.rest(self.first(2 * coordinates - 1) + self.shift).squeeze(2)


class AtlasAEObjective(nn.Module):
    """The loss of AtlasAE over one batch.

    With errors relative to the variance of the data, ``v``::

        reconstruction = 1/B sum_i sum_j q_ij |x_i - psi_j(y_ij)|^2 / v
        divergence     = weight * K * MMD of (chart, coordinates) from uniform
        locality       = weight * 1/B sum_i sum_j q_ij |x_i - c_j|^2 / v

    For a GAN, "divergence" is the loss of the generator, and "critic" that of the
    critic.
    """

    # optimized by Muon
    hidden_layers = ("encoder.parts.trunk.0.hidden",)

    def __init__(
        self,
        inputs,
        encoder,
        decoder,
        critic,
        *,
        divergence_weight,
        locality_weight,
        prototype_speed=1.0,
    ):
        super().__init__()
        if prototype_speed != 1.0:
            self.learning_rate_factors = {
                "encoder.parts.heads.prototypes": prototype_speed
            }
        self.encoder = encoder
        self.decoder = decoder
        self.critic = critic
        self.register_buffer("inputs", inputs, persistent=False)
        variance = float(inputs.square().sum(1).mean())
        self.variance = variance if variance > 0 else 1.0
        self.divergence_weight = divergence_weight
        self.locality_weight = locality_weight

    def forward(self, batch, progress):
        """Return the loss terms of a batch ``(rows, draws)``, see ChartBatches."""
        rows, draws = batch
        x = self.inputs[rows]
        q, coordinates = sharded(self.encoder, x, function=self.encoder.charts)
        decoded = sharded(self.decoder, coordinates, function=self.decoder.decode)
        errors = (decoded - x.unsqueeze(1)).square().sum(2)
        terms = {"reconstruction": (q * errors).sum(1).mean() / self.variance}
        prototypes = self.encoder.parts.heads.prototypes
        d2 = (x.unsqueeze(1) - prototypes).square().sum(2)
        terms["locality"] = (
            self.locality_weight * (q * d2).sum(1).mean() / self.variance
        )
        if self.critic is None:
            mmd = chart_mmd(q, coordinates, draws)
            terms["divergence"] = self.divergence_weight * q.shape[1] * mmd
        else:
            terms |= self.play(q, coordinates, draws)
        return terms

    def play(self, q, coordinates, draws):
        """Return both losses of the GAN, each with gradients for its player only."""
        real = F.softplus(-self.critic(draws)).mean()
        fake = F.softplus(self.critic(coordinates.detach()))
        critic = real + (q.detach() * fake).sum(1).mean()
        frozen = {name: p.detach() for name, p in self.critic.named_parameters()}
        generator = F.softplus(-functional_call(self.critic, frozen, (coordinates,)))
        return {
            "divergence": self.divergence_weight * (q * generator).sum(1).mean(),
            "critic": critic,
        }


class AtlasAE(ChartsMixin, DecoderMixin, DeepManifold):
    """Atlas autoencoder: data as overlapping charts, each with its own decoder.

    An encoder maps each sample to memberships q in the charts and to coordinates in
    [0, 1] in each chart; one decoder per chart maps coordinates back. The charts tile
    the data evenly, so a sphere, which no single chart can cover, is represented
    without a tear. Their overlaps give the topology of the data, see
    :func:`~skmanifold.topology.betti_numbers`. [1]_

    ``transform`` returns *chart blocks*: for each chart its weight, then its
    coordinates times the weight. With hard membership the weight is 1 for the chart of
    the sample and 0 for the others, so a linear model on chart blocks is one affine
    model per chart. ``distance`` compares samples in the charts that they share. [2]_

    Read more in the :ref:`User Guide <atlas>`.

    Parameters
    ----------
    n_charts : int or "auto", default=8
        Number of charts. Increase it for data of complicated shape. Reduced, with a
        warning, if there are fewer samples. "auto" is the smallest number, from 16 on,
        whose initial charts have the topology of the data
        (:func:`~skmanifold.topology.choose_n_charts`), or 16 with a warning if that is
        undecided or there are fewer than 160 distinct samples. It needs the package
        gudhi.
    n_components : int, default=2
        Number of coordinates per chart. Set it to the dimension of the data.
    divergence : {"mmd", "gan"}, default="mmd"
        Divergence of charts and coordinates from a uniform distribution: the maximum
        mean discrepancy, or the loss of a critic. Set "gan" to reveal superfluous
        coordinates.
    divergence_weight : float or "auto", default="auto"
        Weight of the divergence. "auto" is 1 for "mmd" and 0.01 for "gan". Increase it
        if charts are unevenly filled, decrease it if reconstruction matters more.
    locality_weight : float, default=0.3
        Weight of the mean squared distance of samples to the prototypes of their
        charts. Increase it if a chart covers separate regions.
    membership : {"hard", "soft"}, default="hard"
        Weights of the chart blocks: 1 for the chart with the largest q and 0 for the
        others. Set "soft" for q itself, for models that benefit from all charts.
    init : {"k-means", "random", "farthest"}, default="k-means"
        Initial prototypes: the centers of k-means on at most 10,000 samples; random
        samples, if k-means is too slow; or samples chosen one by one, each the farthest
        from those chosen before, which covers sparse regions but selects outliers
        first.
    temperature : float, default=0.1
        Softness of the boundaries between charts: memberships are
        ``q = softmax(net(x) - |x - c|^2 / T)`` with T = `temperature` times the mean
        squared distance to the two nearest initial prototypes. Increase it if charts
        that touch do not overlap.
    denoise : bool, default=False
        Whether to denoise the training data with :func:`~skmanifold.topology.denoise`.
        Set it if many columns have noise of equal size. ``transform`` does not denoise.
    encoder_layers : sequence of int, default=(64, 64)
        Widths of the layers of the encoder, which all charts share. Increase them for
        large, complex data.
    decoder_layers : sequence of int, default=(64, 64)
        Widths of the hidden layers of each decoder. Increase them if the reconstruction
        is coarse.
    encoder : torch.nn.Module, callable or None, default=None
        Replaces the built-in layers below the charts: a module (copied, never changed)
        or a callable ``(n_inputs, 64) -> torch.nn.Module``. It maps scaled samples, (B,
        n_features), to (B, n_outputs) with any n_outputs. Set it for inputs with
        structure, such as signals.
    max_epochs : int or "auto", default="auto"
        Number of epochs. With "auto", the number of steps grows with the cube root of
        ``n_samples``. Increase it if the loss still falls.
    batch_size : int or "auto", default="auto"
        Number of samples per step. "auto" is 128. Increase it to use a GPU fully.
    learning_rate : float or "auto", default="auto"
        Largest learning rate. "auto" is 0.003. Decrease it if training diverges.
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
    embedding_ : ndarray of shape (n_samples, `n_charts_` * (n_components + 1))
        Embedding of the training data: chart blocks.
    labels_ : ndarray of shape (n_samples,)
        Chart of each training sample.
    n_charts_ : int
        Number of charts.
    chart_overlap_ : ndarray of shape (`n_charts_`, `n_charts_`)
        Overlaps of the charts on the training data, see
        :func:`~skmanifold.topology.overlap`.
    history_ : dict of str to list of float
        Means over each epoch of the "loss" and its weighted terms "reconstruction"
        (relative to the variance of the data), "locality", "divergence" and, for a GAN,
        "critic" (``2 log 2`` at chance level), and "learning_rate_factor".
    n_iter_ : int
        Number of epochs trained.
    network_ : torch.nn.Module
        Network from scaled samples to memberships and coordinates.
    decoder_ : torch.nn.Module
        Network from memberships and coordinates to scaled samples.
    n_features_in_ : int
        Number of features seen during fit.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features seen during fit, if all are strings.

    See Also
    --------
    skmanifold.topology.betti_numbers : Betti numbers, from ``predict_proba``.
    skmanifold.atlas.estimate_dimension : Estimate `n_components` from the data.

    References
    ----------
    .. [1] E. O. Korman, "Autoencoding topology",
       arXiv:1803.00156.
    .. [2] E. O. Korman, "Atlas Based Representation and Metric Learning on Manifolds",
       arXiv:2106.07062.

    Examples
    --------
    >>> from skmanifold import AtlasAE
    >>> from skmanifold.datasets import make_sphere
    >>> X = make_sphere(300, random_state=0).data
    >>> model = AtlasAE(n_charts=6, max_epochs=5, random_state=0).fit(X)
    >>> model.transform(X).shape
    (300, 18)
    >>> chart, coordinates = model.charts(X[:4])
    >>> chart.shape, coordinates.shape
    ((4,), (4, 2))
    >>> model.sample(5, random_state=0).shape
    (5, 3)
    """

    _parameter_constraints: dict = {
        **DeepManifold._parameter_constraints,
        **CHART_CONSTRAINTS,
        "n_charts": [Count(1), StrOptions({"auto"})],
        "divergence": [StrOptions({"mmd", "gan"})],
        "divergence_weight": [
            Number(Real, 0, None, closed="left"),
            StrOptions({"auto"}),
        ],
        "locality_weight": [Number(Real, 0, None, closed="left")],
        "init": [StrOptions({"k-means", "random", "farthest"})],
        "temperature": [Number(Real, 0, None, closed="neither")],
        "denoise": ["boolean"],
        "encoder_layers": ["array-like"],
        "decoder_layers": ["array-like"],
        "encoder": [nn.Module, callable, None],
    }

    def __init__(
        self,
        n_charts=8,
        n_components=2,
        *,
        divergence="mmd",
        divergence_weight="auto",
        locality_weight=0.3,
        membership="hard",
        init="k-means",
        temperature=0.1,
        denoise=False,
        encoder_layers=(64, 64),
        decoder_layers=(64, 64),
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
        self.divergence = divergence
        self.divergence_weight = divergence_weight
        self.locality_weight = locality_weight
        self.membership = membership
        self.init = init
        self.temperature = temperature
        self.denoise = denoise
        self.encoder_layers = encoder_layers
        self.decoder_layers = decoder_layers
        self.encoder = encoder
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.device = device
        self.training = training
        self.warm_start = warm_start
        self.verbose = verbose
        self.random_state = random_state

    def inverse_transform(self, X):
        """Map chart blocks back to the space of the data.

        Decoded samples are the weighted mean over the charts; with hard membership,
        they are decoded from the chart of largest weight.

        Parameters
        ----------
        X : array-like of shape (n_samples, `n_charts_` * (n_components + 1))
            Chart blocks, as returned by ``transform``. Weights need not sum to 1.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
            The decoded samples, in the units of the training data; float32 for float32
            and float16 input, float64 otherwise.

        Raises
        ------
        ValueError
            If X is not finite, has another number of columns, or has negative weights
            or a sample without positive ones.
        """
        check_is_fitted(self)
        weights, coordinates = split_blocks(self._check_codes(X), self._n_axes)
        total = weights.sum(axis=1, keepdims=True)
        bad = np.flatnonzero((weights < 0).any(axis=1) | ~(total[:, 0] > 0))
        if len(bad):
            raise ValueError(
                f"Sample {bad[0]} of X has the weights {weights[bad[0]]} (the first "
                "columns of the chart blocks). Weights must be at least 0, and one of "
                "them positive."
            )
        blocks = np.concatenate([(weights / total)[:, :, np.newaxis], coordinates], 2)
        return self._decode(self.decoder_, blocks.reshape(len(blocks), -1))

    def _before_decoding(self):
        return OnBlocks(raw_blocks, self._n_axes)

    @validate_params(
        {"n_samples": [Count(1)], "random_state": ["random_state"]},
        prefer_skip_nested_validation=True,
    )
    def sample(self, n_samples=1, random_state=None):
        """Generate new samples: decode random points of random charts.

        Parameters
        ----------
        n_samples : int, default=1
            Number of samples.
        random_state : int, RandomState instance or None, default=None
            Seed of the random draws.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
            Samples in the units of the training data.
        """
        check_is_fitted(self)
        rng = check_seed(random_state)
        chart = rng.randint(self.n_charts_, size=n_samples)
        return self._decode_points(chart, rng.rand(n_samples, self._n_axes))

    @validate_params(
        {"chart": [Count(0)], "n_points": [Count(1)]},
        prefer_skip_nested_validation=True,
    )
    def decode_grid(self, chart, n_points=10):
        """Decode a regular grid of points of one chart.

        Parameters
        ----------
        chart : int
            Number of the chart.
        n_points : int, default=10
            Number of points along each axis, at ``(i + 1/2) / n_points``.

        Returns
        -------
        ndarray of shape (n_points, ..., n_points, n_features)
            The decoded samples, in the units of the training data.

        Raises
        ------
        ValueError
            If there is no such chart.
        """
        check_is_fitted(self)
        if chart >= self.n_charts_:
            raise ValueError(
                f"chart={chart} does not exist: charts are numbered from 0 to "
                f"{self.n_charts_ - 1}."
            )
        axis = (np.arange(n_points) + 0.5) / n_points
        axes = np.meshgrid(*[axis] * self._n_axes, indexing="ij")
        points = np.stack(axes, axis=-1).reshape(-1, self._n_axes)
        decoded = self._decode_points(np.full(len(points), chart), points)
        return decoded.reshape(*axes[0].shape, -1)

    # -- the hooks

    def _plan(self, n_samples, n_features):
        return Plan(
            n_steps=min(600 * (n_samples / 3000) ** (1 / 3), 2400),
            batch_size=128,
            learning_rate=3e-3,
            column_scaling=False,
        )

    def _make_batches(self, data, batch_size):
        data.learned["_n_charts_asked"] = self.n_charts
        return ChartBatches(
            data.n_samples,
            batch_size,
            data.device,
            n_charts=self._count_charts(data),
            n_components=self.n_components,
        )

    def _continues(self, data):
        """Return whether training continues with the charts of the previous fit."""
        return data.previous.get("_n_charts_asked") == self.n_charts

    def _count_charts(self, data):
        if "n_charts_" not in data.learned:
            if self._continues(data):
                n_charts = data.previous["n_charts_"]
            elif self.n_charts == "auto":
                # the seed of the initial prototypes, so that those are checked
                n_charts, _ = choose_n_charts(
                    data.inputs.cpu().numpy(),
                    min(self.n_components, 2),
                    denoise=self.denoise,
                    random_state=data.seed("prototypes"),
                )
            else:
                n_charts = min(self.n_charts, data.n_samples)
                if n_charts < self.n_charts:
                    warn(
                        f"n_charts={self.n_charts} is more than the {data.n_samples} "
                        f"samples of X; using n_charts={n_charts}."
                    )
            data.learned["n_charts_"] = n_charts
        return data.learned["n_charts_"]

    def _network_sizes(self, data):
        n_charts = self._count_charts(data)
        return {**super()._network_sizes(data), "n_charts": n_charts}

    def _make_networks(self, sizes):
        n_inputs, n_charts = sizes["n_inputs"], sizes["n_charts"]
        trunk, n_features = self._make_trunk(n_inputs)
        prototypes = torch.zeros(n_charts, n_inputs)
        heads = ChartHeads(
            n_features, n_charts, self.n_components, prototypes=prototypes
        )
        decoder = ChartDecoders(
            n_charts,
            self.n_components,
            n_inputs,
            layers=checked_widths("decoder_layers", self.decoder_layers),
            membership=self.membership,
        )
        return {"encoder": ChartEncoder(trunk, heads), "decoder": decoder}

    def _make_objective(self, data, networks):
        n_charts = data.learned["n_charts_"]
        inputs = data.inputs.cpu().numpy().astype(np.float64)
        if self.denoise:
            inputs = denoise(inputs)
        rng = np.random.RandomState(data.seed("prototypes"))
        if n_charts <= data.n_samples:
            prototypes = choose_prototypes(inputs, n_charts, self.init, rng)
        else:  # a small part of partial_fit: the previous prototypes replace these
            prototypes = np.zeros((n_charts, data.n_inputs))
        prototypes = torch.from_numpy(prototypes.astype(np.float32))
        # the inputs have a mean variance of 1; denoised ones may have almost none
        spread = max(two_nearest(inputs, prototypes.numpy()), 1e-6)
        heads = networks["encoder"].parts.heads
        heads.place(prototypes, self.temperature * spread)
        gan = self.divergence == "gan"
        weight = self.divergence_weight
        if weight == "auto":
            weight = 0.01 if gan else 1.0
        return AtlasAEObjective(
            torch.from_numpy(inputs.astype(np.float32)),
            networks["encoder"],
            networks["decoder"],
            Critic(n_charts, self.n_components) if gan else None,
            divergence_weight=weight,
            locality_weight=self.locality_weight,
            prototype_speed=1.0 if self.init == "k-means" else _SPEED,
        )

    def _make_trunk(self, n_inputs):
        """Return the network below the heads, and the number of its features."""
        if self.encoder is not None:
            return make_trunk(
                self.encoder, n_inputs, image_shape=None, layers=(), feature_dim=64
            )
        layers = checked_widths("encoder_layers", self.encoder_layers)
        if not layers:
            raise ValueError(
                "encoder_layers=() has no layer, but charts need at least one. Use "
                "(64,), for instance."
            )
        trunk = MLP(n_inputs, layers[-1], layers=layers[:-1], norm="none")
        # an activation, since the heads are linear like the last layer
        return nn.Sequential(trunk, nn.GELU()), layers[-1]

    def _uses_global_generator(self):
        return self.encoder is not None

    def _fitted_attributes(self, objective, outputs, data):
        q, _ = split_raw(outputs, self._n_axes)
        return {
            **super()._fitted_attributes(objective, outputs, data),
            "chart_overlap_": overlap(q),
        }

    def _decode_points(self, chart, points):
        """Decode points (n, d) of charts (n,)."""
        blocks = np.zeros((len(chart), self.n_charts_, self._n_axes + 1))
        blocks[np.arange(len(chart)), chart, 0] = 1
        blocks[np.arange(len(chart)), chart, 1:] = points
        codes = blocks.reshape(len(chart), -1).astype(self.embedding_.dtype)
        return self._decode(self.decoder_, codes)
