# SPDX-License-Identifier: BSD-3-Clause

"""Isometric autoencoder."""

import functools
import math
from collections import OrderedDict
from numbers import Real

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted
from torch import nn
from torch.nn import functional as F

from skmanifold.base import (
    DecoderMixin,
    DeepManifold,
    KMeansMixin,
    Plan,
    SampleBatches,
    checked_image_shape,
    checked_widths,
    own_network,
    sharded,
)
from skmanifold.graph import geodesic_embedding, nearest_neighbors
from skmanifold.losses import (
    full_precision,
    isometry_loss,
    jacobian_vector_product,
    vector_jacobian_product,
)
from skmanifold.nn import MLP, ConvDecoder, ConvEncoder
from skmanifold.utils import (
    Count,
    Number,
    StrOptions,
    check_matrix,
    one_blas_thread,
    principal_components,
    warn,
)

# Maximum number of principal components for the neighbor search of the anchor, if a
# search in all columns would exceed the budget.
_ANCHOR_COMPONENTS = 50
_ANCHOR_BUDGET = 2e10

# Initial fraction of the weights of the isometry terms, if there is an anchor: at full
# weight they resist the bending by which the decoder first fits the data.
_FIRST_SHARE = 0.1

# Ratio of the spreads of anchor and X, or its inverse, above which a warning is given.
_OTHER_UNITS = 5.0

# Weight decay without noise, and its increase per share of noise above that which
# the bends of a sheet resemble. It begins below the first number of samples, and is
# complete at the second. Number of neighbors that show the noise.
_WEIGHT_DECAY, _NOISE_DECAY, _BENDS = 1e-4, 4.0, 0.01
_MANY_SAMPLES, _FEW_SAMPLES = 1000, 143
_N_NEAR = 10


class Scale(nn.Module):
    """Multiplication by a number that is saved with the network."""

    def __init__(self):
        super().__init__()
        self.register_buffer("factor", torch.tensor(1.0))

    def forward(self, x):
        """Map (n, d) to (n, d)."""
        return x * self.factor


def between_scales(network):
    """Return a network between two scales."""
    return nn.Sequential(OrderedDict(inner=Scale(), net=network, outer=Scale()))


class Jacobian(nn.Module):
    """Derivatives of a fitted decoder, flattened."""

    def __init__(self, decoder):
        super().__init__()
        self.decoder = decoder

    def forward(self, z):
        """Map (n, n_components) to (n, n_features * n_components)."""
        # blocks are computed in inference mode, which has no derivatives
        with torch.inference_mode(False), torch.enable_grad():
            inner, net, outer = self.decoder.decoder
            z = inner(z.clone())
            parts = []
            for direction in torch.eye(z.shape[1], device=z.device):
                _, tangents = jacobian_vector_product(
                    chain_of(net), z, direction.expand_as(z)
                )
                tangents = outer(tangents * inner.factor)
                parts.append(self.decoder.expand(tangents).detach())
            return torch.stack(parts, dim=2).flatten(1)


class IsometricAEObjective(nn.Module):
    """Reconstruction, isometry, pseudo-inverse and anchor terms.

    All terms are in units in which the data have total variance ``n_components``, so
    the weights do not depend on the scale of the data.

    Parameters
    ----------
    encoder, decoder : torch.nn.Module
        The networks in those units, each between two scales: :func:`between_scales`.
    inputs : torch.Tensor of shape (n_samples, n_inputs)
        The training data.
    scale : float
        Unit of the objective, in units of the inputs.
    unit : float
        Unit of the inputs, in units of X.
    anchor : torch.Tensor of shape (n_samples, n_components) or None
        Initial targets of the codes, in units of X.
    """

    # optimized by Muon
    hidden_layers = ("encoder.net.hidden", "decoder.net.hidden")

    def __init__(
        self,
        encoder,
        decoder,
        inputs,
        *,
        scale,
        unit,
        anchor,
        isometry_weight,
        pseudo_inverse_weight,
        latent_prior,
        anchor_weight,
        anchor_until,
    ):
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder
        encoder.inner.factor.fill_(1 / scale)
        encoder.outer.factor.fill_(scale * unit)
        decoder.inner.factor.fill_(1 / (scale * unit))
        decoder.outer.factor.fill_(scale)
        self.inputs = inputs
        self.isometry_weight = isometry_weight
        self.pseudo_inverse_weight = pseudo_inverse_weight
        self.latent_prior = latent_prior
        self.anchor_weight = anchor_weight
        self.anchor_until = anchor_until
        self.anchor = anchor
        # the engine waits for this share before it looks for progress
        self.settled_from = 0.0 if anchor is None else anchor_until

    def forward(self, batch, progress):
        """Return the loss terms of a batch, see :class:`Draws`."""
        rows, normal, uniform = batch
        # the anchor's weight falls from 1 to 0 while those of the isometry rise
        held = 0.0
        if self.anchor is not None:
            held = max(0.0, 1 - progress / self.anchor_until)
        share = 1 - (1 - _FIRST_SHARE) * held
        x = self.encoder.inner(self.inputs[rows])
        pull, push, prior = normal.unbind(1)
        encoder, decoder = chain_of(self.encoder.net), chain_of(self.decoder.net)
        terms = {"reconstruction": None}

        if self.pseudo_inverse_weight > 0:
            n = n_differentiated(encoder, len(x))
            z, cotangents = sharded(
                self.encoder.net,
                x[:n],
                F.normalize(pull[:n], dim=1),
                function=functools.partial(vector_jacobian_product, encoder),
            )
            if n < len(x):
                z = torch.cat([z, sharded(self.encoder.net, x[n:])])
            loss = isometry_loss(cotangents)
            terms["pseudo_inverse"] = share * self.pseudo_inverse_weight * loss
        else:
            z = sharded(self.encoder.net, x)

        if self.isometry_weight > 0:
            n = n_differentiated(decoder, len(x))
            points = PRIORS[self.latent_prior](z.detach(), prior, uniform)
            _, tangents = sharded(
                self.decoder.net,
                points[:n],
                F.normalize(push[:n], dim=1),
                function=functools.partial(jacobian_vector_product, decoder),
            )
            weight = share * self.isometry_weight
            terms["isometry"] = weight * isometry_loss(tangents)

        if held > 0:
            target = self.decoder.inner(self.anchor[rows])
            both = sharded(self.decoder.net, torch.cat([z, target]))
            decoded, from_anchor = both.chunk(2)
            terms["anchor"] = (self.anchor_weight * held) * (
                _mean_squared_distance(z, target)
                + _mean_squared_distance(from_anchor, x)
            )
        else:
            decoded = sharded(self.decoder.net, z)
            if self.anchor is not None:
                terms["anchor"] = torch.zeros((), device=x.device)
        terms["reconstruction"] = _mean_squared_distance(decoded, x)
        return terms


def _mean_squared_distance(a, b):
    return (a - b).square().sum(1).mean()


def chain_of(network):
    """Return a network as the losses take it: an MLP as a list of its parts."""
    return [network.hidden, network.head] if type(network) is MLP else network


def n_differentiated(network, n_samples):
    """Return the number of samples whose Jacobian products are computed.

    Through convolutions the products dominate the cost of a step, so a quarter of the
    batch estimates the means.
    """
    convolutional = type(network) in (ConvEncoder, ConvDecoder)
    return -(-n_samples // 4) if convolutional else n_samples


# -- points at which the decoder should be isometric, from codes and random draws


@full_precision
def gaussian_points(z, normal, uniform):
    """Sample a Gaussian with the mean and the covariance of the codes."""
    mean = z.mean(0)
    centered = z - mean
    covariance = centered.t() @ centered / len(z)
    # the covariance of few codes, or of codes on a line, is singular
    ridge = 1e-4 * covariance.diagonal().mean() + 1e-12
    eye = torch.eye(z.shape[1], device=z.device)
    root = torch.linalg.cholesky_ex(covariance + ridge * eye)[0]
    return mean + normal @ root.t()


def segment_points(z, normal, uniform):
    """Sample segments between pairs of codes, extended by a tenth at both ends."""
    share = 1.2 * uniform[:, :1] - 0.1
    return torch.lerp(z, z.roll(1, 0), share)


PRIORS = {"gaussian": gaussian_points, "segments": segment_points}


class Draws(SampleBatches):
    """Batches of sample indices with the random draws of the objective."""

    def __init__(self, n_samples, batch_size, n_components, device):
        super().__init__(n_samples, batch_size, device)
        self.n_components = n_components

    def epoch(self, generator):
        """Yield indices (B,), normal (B, 3, d) and uniform (B, d) draws."""
        for rows, _ in super().epoch(generator):
            shape = len(rows), 3, self.n_components
            normal = torch.randn(shape, generator=generator)
            uniform = torch.rand((shape[0], shape[2]), generator=generator)
            yield rows, normal.to(rows.device), uniform.to(rows.device)


class IsometricAE(KMeansMixin, DecoderMixin, DeepManifold):
    """Isometric autoencoder.

    An autoencoder whose decoder preserves lengths and angles: it bends a flat space of
    ``n_components`` dimensions onto the data without stretching it, and the encoder
    projects back. [1]_ Distances between codes are then distances along the data, in
    the units of X. An isometric embedding exists for data that can be unrolled, such as
    a swiss roll; for others, such as a sphere, the loss finds a compromise.

    Read more in the :ref:`User Guide <isometric_ae>`.

    Parameters
    ----------
    n_components : int, default=2
        Dimension of the embedding. Set it to the dimension of the data.
    isometry_weight : float, default=1.0
        Weight of the isometry of the decoder, relative to the reconstruction: lambda in
        the paper. With an anchor it rises from a tenth to this value. Increase it when
        distances matter more than reconstruction, decrease it for data that cannot be
        flattened.
    pseudo_inverse_weight : float, default=1.0
        Weight of the condition that the encoder is the pseudo-inverse of the decoder.
        It rises like ``isometry_weight``; change both together, since both are lambda
        in the paper. With both at 0 the model is a plain autoencoder.
    latent_prior : {"segments", "gaussian"}, default="segments"
        Points at which the decoder should be isometric: on the segments between codes
        of random pairs of samples, extended by a tenth. Set "gaussian" to sample a
        Gaussian fitted to the codes, as in the paper.
    anchor : {"isomap"} or None or array-like of shape (n_samples, n_components), \
default="isomap"
        Embedding that attracts the codes at first: Isomap's, with disconnected parts of
        the graph side by side; an array in the units of X, if you know better
        positions; or None, as in the paper. Without an anchor, a rolled-up surface
        often stays folded. Not used when ``warm_start`` continues a fit.
    anchor_weight : float, default=1.0
        Initial weight of the anchor, relative to the reconstruction. Increase it if the
        embedding is folded although the anchor is not.
    anchor_until : float, default=0.6
        Fraction of training, in (0, 1], over which the weight of the anchor falls to
        zero. Increase it if a fold returns at the end; decrease it for a rough anchor.
    n_neighbors : int, default=10
        Number of neighbors in the graph of the anchor "isomap". Increase it if the
        graph is disconnected, decrease it if edges bridge the folds of the surface.
        Reduced, with a warning, if there are fewer other samples.
    n_landmarks : int or "auto", default="auto"
        Number of landmarks of the anchor "isomap", see
        :func:`skmanifold.graph.geodesic_embedding`. Increase it if the embedding of
        more than 2,500 samples is too coarse; decrease it to save memory.
    encoder_layers : sequence of int or "auto", default="auto"
        Widths of the hidden layers of the encoder; the decoder has them in reverse
        order. "auto" is three layers of 64, or of 128 for more than 16 inputs. Increase
        them for large, complex data.
    activation : {"silu", "gelu", "tanh", "softplus"}, default="silu"
        Activation of the built-in networks, twice differentiable. "softplus" has beta
        100, as in the paper: set it if ``anchor`` is None.
    encoder : torch.nn.Module, callable or None, default=None
        Replaces the built-in encoder: a module (copied, never changed) or a callable
        ``(n_inputs, n_components) -> torch.nn.Module``, from (B, n_features), centered
        samples scaled by one number, to (B, n_components). It must be twice
        differentiable and treat samples independently, so without batch normalization.
        Set it for inputs with structure, such as signals.
    decoder : torch.nn.Module, callable or None, default=None
        Replaces the built-in decoder: a module or a callable ``(n_components, n_inputs)
        -> torch.nn.Module``, from (B, n_components) to (B, n_features). Set it with
        ``encoder``.
    image_shape : tuple of int or None, default=None
        (H, W) or (H, W, C), channels last, if samples are flattened images. Set it to
        use convolutional networks, see :class:`skmanifold.nn.ConvEncoder`; training
        takes many times as long.
    n_clusters : int or None, default=None
        Number of clusters. If an int, ``fit`` also clusters the embedding with k-means,
        and ``predict`` and ``labels_`` are available. If None, only ``fit_predict``
        clusters, with 8.
    max_epochs : int or "auto", default="auto"
        Number of epochs. "auto" takes 800 steps up to 2,000 samples; beyond, the number
        of steps grows with the cube root of ``n_samples``. Increase it if the loss
        still falls.
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
        Embedding of the training data, in the units of X.
    history_ : dict of str to list of float
        Means over each epoch of the "loss" and its weighted terms "reconstruction",
        "isometry", "pseudo_inverse" and "anchor" (if used), and "learning_rate_factor".
    n_iter_ : int
        Number of epochs trained.
    network_ : torch.nn.Module
        Network from scaled samples to the embedding: ``project`` (a lossless PCA if
        there are far more columns than samples) and ``encoder``.
    decoder_ : torch.nn.Module
        Network from the embedding to scaled samples: ``decoder`` and ``expand``
        (the inverse PCA).
    labels_ : ndarray of shape (n_samples,)
        Cluster of each training sample, if ``n_clusters`` is an int.
    n_features_in_ : int
        Number of features seen during fit.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features seen during fit, if all are strings.

    See Also
    --------
    DLME : Embedding that separates clusters rather than preserving lengths.

    References
    ----------
    .. [1] A. Gropp, M. Atzmon, Y. Lipman, "Isometric Autoencoders", 2020,
       arXiv:2006.09289.

    Examples
    --------
    >>> from skmanifold import IsometricAE
    >>> from skmanifold.datasets import make_s_curve
    >>> X = make_s_curve(200, random_state=0).data
    >>> model = IsometricAE(max_epochs=20, random_state=0)
    >>> Z = model.fit_transform(X)
    >>> Z.shape, model.inverse_transform(Z).shape, model.jacobian(Z).shape
    ((200, 2), (200, 3), (200, 3, 2))
    """

    _parameter_constraints: dict = {
        **DeepManifold._parameter_constraints,
        **KMeansMixin.clustering_constraints,
        "isometry_weight": [Number(Real, 0, None, closed="left")],
        "pseudo_inverse_weight": [Number(Real, 0, None, closed="left")],
        "latent_prior": [StrOptions(set(PRIORS))],
        "anchor": [StrOptions({"isomap"}), "array-like", None],
        "anchor_weight": [Number(Real, 0, None, closed="left")],
        "anchor_until": [Number(Real, 0, 1, closed="right")],
        "n_neighbors": [Count(1)],
        "n_landmarks": [Count(1), StrOptions({"auto"})],
        "encoder_layers": ["array-like", StrOptions({"auto"})],
        "activation": [StrOptions({"silu", "gelu", "tanh", "softplus"})],
        "encoder": [nn.Module, callable, None],
        "decoder": [nn.Module, callable, None],
        "image_shape": ["array-like", None],
        "n_jobs": [Count(None, -1), Count(1), None],
    }

    _image_parameter = "image_shape"

    def __init__(
        self,
        n_components=2,
        *,
        isometry_weight=1.0,
        pseudo_inverse_weight=1.0,
        latent_prior="segments",
        anchor="isomap",
        anchor_weight=1.0,
        anchor_until=0.6,
        n_neighbors=10,
        n_landmarks="auto",
        encoder_layers="auto",
        activation="silu",
        encoder=None,
        decoder=None,
        image_shape=None,
        n_clusters=None,
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
        self.isometry_weight = isometry_weight
        self.pseudo_inverse_weight = pseudo_inverse_weight
        self.latent_prior = latent_prior
        self.anchor = anchor
        self.anchor_weight = anchor_weight
        self.anchor_until = anchor_until
        self.n_neighbors = n_neighbors
        self.n_landmarks = n_landmarks
        self.encoder_layers = encoder_layers
        self.activation = activation
        self.encoder = encoder
        self.decoder = decoder
        self.image_shape = image_shape
        self.n_clusters = n_clusters
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.device = device
        self.training = training
        self.warm_start = warm_start
        self.n_jobs = n_jobs
        self.verbose = verbose
        self.random_state = random_state

    def jacobian(self, X):
        """Compute the differential of the decoder at points of the embedding.

        Its columns are the tangents of the coordinate lines on the learned manifold;
        ``J.T @ J`` is the local metric, the identity where the decoder is an isometry.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components)
            Points of the embedding.

        Returns
        -------
        ndarray of shape (n_samples, n_features, n_components)
            Derivatives of the decoded samples, in the units of X per unit of the codes;
            float32 for float32 and float16 input, float64 otherwise.

        Raises
        ------
        ValueError
            If X is not finite or has another number of columns than the embedding.
        """
        check_is_fitted(self)
        codes = self._check_codes(X)
        tangents = self._outputs_of_codes(Jacobian(self.decoder_), codes)
        tangents = tangents.reshape(len(codes), -1, self._n_features_out)
        inverse = self._scaler.inverse_factor[:, np.newaxis]
        return (tangents * inverse).astype(codes.dtype)

    # -- the hooks

    def _plan(self, n_samples, n_features):
        own = (self.encoder, self.decoder, self.image_shape) != (None, None, None)
        wide = n_features > 2 * n_samples
        return Plan(
            n_steps=round(800 * max(1, n_samples / 2000) ** (1 / 3)),
            batch_size=128,
            learning_rate=3e-3,
            # lossless: n samples span n - 1 dimensions
            n_reduced=n_samples - 1 if wide and not own else None,
            column_scaling=False,
            one_unit=self.image_shape is not None,
            optimizer="muon",
            # reconstruction and Jacobians must belong to the same function
            precision="float32",
            warmup=0.03,
        )

    def _learn(self, data, run):
        batches = self._make_batches(data, run.batch_size)
        # first, so that networks of a wrong shape fail before the costly anchor
        networks = run.make_networks()
        scale = _scale_of(data, self.n_components)
        anchor = None if run.continued else self._anchor(data)
        objective = run.build(self._make_objective, data, networks, scale, anchor)
        decay = self._weight_decay(data)
        run.train(objective, batches, weight_decay=decay)
        return objective

    def _make_batches(self, data, batch_size):
        return Draws(data.n_samples, batch_size, self.n_components, data.device)

    def _make_networks(self, sizes):
        n_inputs, n_components = sizes["n_inputs"], self.n_components
        encoder, decoder = self._built_in(n_inputs, n_components)
        names = ("n_inputs", "n_components")
        if self.encoder is not None:
            encoder = own_network(
                "encoder", self.encoder, n_inputs, n_components, sizes=names
            )
        if self.decoder is not None:
            decoder = own_network(
                "decoder", self.decoder, n_components, n_inputs, sizes=names[::-1]
            )
        return {"encoder": between_scales(encoder), "decoder": between_scales(decoder)}

    def _make_objective(self, data, networks, scale, anchor):
        # terms with weight 0 need no derivatives
        weights = {
            "encoder": self.pseudo_inverse_weight,
            "decoder": self.isometry_weight,
        }
        _warn_of_unsuitable_layers(
            {
                name: networks[name].net
                for name, weight in weights.items()
                if weight and getattr(self, name) is not None
            }
        )
        # networks of the user, or convolutional ones, have their own start
        if anchor is not None and self.decoder is None and self.image_shape is None:
            decoder = networks["decoder"].net
            _bend_among(decoder.hidden, anchor / (scale * data.unit))
        return IsometricAEObjective(
            networks["encoder"],
            networks["decoder"],
            data.inputs,
            scale=scale,
            unit=data.unit,
            anchor=anchor,
            isometry_weight=self.isometry_weight,
            pseudo_inverse_weight=self.pseudo_inverse_weight,
            latent_prior=self.latent_prior,
            anchor_weight=self.anchor_weight,
            anchor_until=self.anchor_until,
        )

    # -- helpers of the hooks

    def _built_in(self, n_inputs, n_components):
        if self.image_shape is not None:
            shape = checked_image_shape(self.image_shape, n_inputs)
            options = {"channels": _channels(shape), "activation": self.activation}
            encoder = ConvEncoder(shape, n_components, **options)
            decoder = ConvDecoder(n_components, shape, **options)
            return encoder, decoder
        layers = self.encoder_layers
        if isinstance(layers, str):
            layers = (64 if n_inputs <= 16 else 128,) * 3
        layers = checked_widths("encoder_layers", layers)
        options = {"norm": "none", "activation": self.activation}
        return (
            MLP(n_inputs, n_components, layers=layers, **options),
            MLP(n_components, n_inputs, layers=layers[::-1], **options),
        )

    def _weight_decay(self, data):
        """Return the default weight decay, which keeps noise from being learned.

        The networks can memorize what scatters around the sheet in few samples.
        """
        if data.n_samples >= _MANY_SAMPLES:
            return _WEIGHT_DECAY
        share = noise_share(data.inputs.cpu().numpy(), self.n_components)
        fewness = (_MANY_SAMPLES / data.n_samples - 1) / (
            _MANY_SAMPLES / _FEW_SAMPLES - 1
        )
        share = max(0.0, share - _BENDS)
        return _WEIGHT_DECAY + _NOISE_DECAY * min(1.0, fewness) * share

    def _anchor(self, data):
        """Return the initial targets of the codes, in units of X, or None."""
        if self.anchor is None:
            return None
        shape = data.n_samples, self.n_components
        if not isinstance(self.anchor, str):
            anchor = check_matrix(self.anchor, "anchor")
            if anchor.shape != shape:
                raise ValueError(
                    f"anchor has shape {anchor.shape}, but must have shape {shape}: "
                    "(n_samples, n_components). Pass an embedding of this X."
                )
            anchor = anchor - anchor.mean(axis=0)
            _warn_of_unsuitable_anchor(anchor, data)
        else:
            anchor = data.unit * self._isomap(data)
        return torch.from_numpy(anchor.astype(np.float32)).to(data.device)

    def _isomap(self, data):
        n_samples, n_inputs = data.inputs.shape
        seed = data.seed("anchor")
        inputs = data.inputs.cpu().numpy()
        if n_inputs > _ANCHOR_COMPONENTS and n_samples**2 * n_inputs > _ANCHOR_BUDGET:
            inputs = principal_components(inputs, _ANCHOR_COMPONENTS, seed)
        return geodesic_embedding(
            inputs,
            self.n_components,
            n_neighbors=self.n_neighbors,
            n_landmarks=self.n_landmarks,
            n_jobs=self.n_jobs,
            random_state=seed,
        )

    def _uses_global_generator(self):
        return self.encoder is not None or self.decoder is not None


def _warn_of_unsuitable_anchor(anchor, data):
    """Warn if the anchor is constant, or does not seem to be in the units of X."""
    variance = float(data.inputs.double().var(0, correction=0).sum())
    if variance > 0 and not np.ptp(anchor, axis=0).any():
        warn(
            "The anchor has the same position for all samples, which pulls the codes "
            "together. Pass an embedding of this X, or anchor=None."
        )
        return
    spreads = math.sqrt(anchor.var(axis=0).sum()), data.unit * math.sqrt(variance)
    if 0 < min(spreads) and max(spreads) > _OTHER_UNITS * min(spreads):
        warn(
            f"The anchor has a spread of {spreads[0]:.3g} and X of {spreads[1]:.3g}, "
            "but the anchor must be in the units of X. Multiply the anchor by about "
            f"{spreads[1] / spreads[0]:.3g}."
        )


@torch.no_grad()
def _bend_among(hidden, points):
    """Scale the first layer to its inputs, and let each unit bend at one of them.

    Otherwise all units bend near the origin, and the network begins almost linear.
    """
    total_variance = points.var(0, correction=0).sum()
    if not len(hidden) or not total_variance > 0:
        return
    first = hidden[0]
    # weights are uniform with variance 1 / (3 * in_features)
    first.weight *= (3 * first.in_features / total_variance).sqrt()
    chosen = torch.randint(len(points), (first.out_features,)).to(points.device)
    first.bias.copy_(-(first.weight * points[chosen]).sum(1))


_PIECEWISE_LINEAR = (
    nn.ReLU,
    nn.LeakyReLU,
    nn.PReLU,
    nn.RReLU,
    nn.Hardtanh,  # and ReLU6
    nn.Hardsigmoid,
    nn.Hardshrink,
    nn.Softshrink,
    nn.Threshold,
)
_BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)


def _warn_of_unsuitable_layers(networks):
    """Warn of layers whose derivatives do not suit the isometry terms."""

    def layers_of(kinds):
        matches = {
            f"{parameter} has {type(layer).__name__}"
            for parameter, network in networks.items()
            for layer in network.modules()
            if isinstance(layer, kinds)
        }
        return ", ".join(sorted(matches))

    faults = []
    if piecewise := layers_of(_PIECEWISE_LINEAR):
        faults.append(
            f"{piecewise}: piecewise linear, so the second derivatives are 0 and no "
            "isometry is learned. Use nn.SiLU, nn.GELU, nn.Tanh or nn.Softplus."
        )
    if batch_norms := layers_of(_BATCH_NORMS):
        faults.append(
            f"{batch_norms}: during training it mixes the samples of a batch, as do "
            "its derivatives. Use nn.LayerNorm, or no normalization."
        )
    if faults:
        warn(" ".join(faults))


def noise_share(X, n_components):
    """Return the share of the variance that is outside of the sheet.

    The sheet is the plane of the main directions of a sample and its neighbors.
    """
    near = nearest_neighbors(X, min(_N_NEAR, len(X) - 1))[0]
    groups = np.column_stack([np.arange(len(X)), near])
    X = X.astype(np.float64)
    X = X - X.mean(axis=0)
    size = groups.shape[1]
    with one_blas_thread():  # the last bits depend on the number of threads
        products = X @ X.T
        blocks = products[groups[:, :, np.newaxis], groups[:, np.newaxis]]
        centering = np.eye(size) - 1 / size
        variances = np.linalg.eigvalsh(centering @ blocks @ centering) / (size - 1)
    outside = np.maximum(variances[:, : max(0, size - n_components)], 0).sum()
    total = np.trace(products)
    return outside / total if total > 0 else 0.0


def _scale_of(data, n_components):
    """Return the unit of the objective, in units of the inputs."""
    total_variance = float(data.inputs.double().var(0, correction=0).sum())
    scale = math.sqrt(total_variance / n_components) or 1.0
    if not 1e-30 < scale * data.unit < 1e30:
        raise ValueError(
            f"X has a standard deviation of {scale * data.unit:g}: codes in its units "
            "overflow or underflow in float32. Multiply X by a constant first."
        )
    return scale


def _channels(image_shape):
    """Return the channels of each block: half the default of the networks."""
    side = min(image_shape[:2])
    if side < 8:
        return None  # the networks raise the error
    n_blocks = max(1, round(math.log2(side / 4)))
    return [min(16 * 2**i, 64) for i in range(n_blocks)]
