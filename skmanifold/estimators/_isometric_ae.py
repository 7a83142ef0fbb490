# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""Isometric autoencoder."""

import functools
import math
from collections import OrderedDict
from numbers import Integral, Real

import numpy as np
import torch
from sklearn.utils.validation import check_array, check_is_fitted
from torch import nn
from torch.nn import functional as F

from skmanifold.base import (
    DecoderMixin,
    DeepManifold,
    KMeansMixin,
    Plan,
    RowBatches,
    checked_image_shape,
    checked_widths,
    own_network,
    sharded,
)
from skmanifold.graph import geodesic_embedding
from skmanifold.losses import (
    full_precision,
    isometry_loss,
    jacobian_vector_product,
    pseudo_inverse_loss,
    vector_jacobian_product,
)
from skmanifold.nn import MLP, ConvDecoder, ConvEncoder
from skmanifold.utils import Interval, StrOptions, principal_components, warn

# The anchor's neighbors are searched in this many principal components where there
# are more columns and comparing all rows in all of them would take long.
_ANCHOR_COMPONENTS = 50
_ANCHOR_BUDGET = 2e10

# An anchor whose spread is so many times that of X, or its inverse, is in other units.
_OTHER_UNITS = 5.0


class Scale(nn.Module):
    """Multiplication by one number, which is part of the network's state."""

    def __init__(self):
        super().__init__()
        self.register_buffer("factor", torch.tensor(1.0))

    def forward(self, x):
        """Map (n, d) to (n, d)."""
        return x * self.factor


def between_scales(network):
    """Return a network with a scale before it and one behind it."""
    return nn.Sequential(OrderedDict(inner=Scale(), net=network, outer=Scale()))


class Jacobian(nn.Module):
    """The derivatives of a fitted decoder, as one row for each code."""

    def __init__(self, decoder):
        super().__init__()
        self.decoder = decoder

    def forward(self, z):
        """Map (n, n_components) to (n, n_features * n_components)."""
        # the blocks come in inference mode, which keeps no derivatives
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
    """Reconstruction, isometry of the decoder, pseudo-inverse of it, and the anchor.

    All is measured in units in which the data have total variance ``n_components``, so
    that the weights mean the same for data of any size.

    Parameters
    ----------
    encoder, decoder : torch.nn.Module
        The networks in those units, each between two scales: :func:`between_scales`.
    inputs : torch.Tensor of shape (n_samples, n_inputs)
        The training data.
    scale : float
        The unit of the objective, in units of the inputs.
    unit : float
        The unit of the inputs, in units of X.
    anchor : torch.Tensor of shape (n_samples, n_components) or None
        Where the codes are drawn to at first, in units of X.
    """

    # whose matrices Muon takes
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
        self.settled_from = 0.0 if anchor is None else self.anchor_until

    def forward(self, batch, progress):
        """Loss terms of a batch, see :class:`Draws`."""
        rows, normal, uniform = batch
        x = self.encoder.inner(self.inputs[rows])
        pull, push, prior = normal.unbind(1)
        encoder, decoder = chain_of(self.encoder.net), chain_of(self.decoder.net)
        terms = {"reconstruction": None}

        if self.pseudo_inverse_weight > 0:
            some = differentiated_rows(encoder, len(x))
            z, cotangents = sharded(
                self.encoder.net,
                x[:some],
                F.normalize(pull[:some], dim=1),
                function=functools.partial(vector_jacobian_product, encoder),
            )
            if some < len(x):
                z = torch.cat([z, sharded(self.encoder.net, x[some:])])
            loss = pseudo_inverse_loss(cotangents)
            terms["pseudo_inverse"] = self.pseudo_inverse_weight * loss
        else:
            z = sharded(self.encoder.net, x)

        if self.isometry_weight > 0:
            some = differentiated_rows(decoder, len(x))
            points = PRIORS[self.latent_prior](z.detach(), prior, uniform)
            _, tangents = sharded(
                self.decoder.net,
                points[:some],
                F.normalize(push[:some], dim=1),
                function=functools.partial(jacobian_vector_product, decoder),
            )
            terms["isometry"] = self.isometry_weight * isometry_loss(tangents)

        if self.anchor is None:
            decoded = sharded(self.decoder.net, z)
        elif progress < self.anchor_until:
            place = self.decoder.inner(self.anchor[rows])
            both = sharded(self.decoder.net, torch.cat([z, place]))
            decoded, from_anchor = both.chunk(2)
            weight = self.anchor_weight * (1 - progress / self.anchor_until)
            terms["anchor"] = weight * (
                _mean_squared_distance(z, place)
                + _mean_squared_distance(from_anchor, x)
            )
        else:
            decoded = sharded(self.decoder.net, z)
            terms["anchor"] = torch.zeros((), device=x.device)
        terms["reconstruction"] = _mean_squared_distance(decoded, x)
        return terms


def _mean_squared_distance(a, b):
    return (a - b).square().sum(1).mean()


def chain_of(network):
    """The network as the losses take it: a chain of layers if it is one of ours."""
    return [network.hidden, network.head] if type(network) is MLP else network


def differentiated_rows(network, n_rows):
    """Return the number of samples whose Jacobian products are computed.

    Through a convolution they cost several times what the samples themselves cost, and
    part of a batch, drawn at random like the whole, estimates the same means.
    """
    convolutional = type(network) in (ConvEncoder, ConvDecoder)
    return -(-n_rows // 4) if convolutional else n_rows


# -- where the decoder is asked to be isometric: codes z, normal and uniform draws


@full_precision
def gaussian_points(z, normal, uniform):
    """Draws from the Gaussian that has the mean and the covariance of the codes."""
    mean = z.mean(0)
    centered = z - mean
    covariance = centered.t() @ centered / len(z)
    # few codes, or codes on a line, have a singular one
    ridge = 1e-4 * covariance.diagonal().mean() + 1e-12
    eye = torch.eye(z.shape[1], device=z.device)
    root = torch.linalg.cholesky_ex(covariance + ridge * eye)[0]
    return mean + normal @ root.t()


def uniform_points(z, normal, uniform):
    """Uniform draws from the box that the codes fill."""
    low, high = z.amin(0), z.amax(0)
    return low + (high - low) * uniform


def segment_points(z, normal, uniform):
    """Points on the segments between pairs of codes, and a tenth beyond their ends."""
    share = 1.2 * uniform[:, :1] - 0.1
    return torch.lerp(z, z.roll(1, 0), share)


PRIORS = {
    "gaussian": gaussian_points,
    "uniform": uniform_points,
    "segments": segment_points,
}


class Draws:
    """Batches of row numbers with all that is drawn at random for them."""

    def __init__(self, n_rows, batch_size, n_components, device):
        self.rows = RowBatches(n_rows, batch_size, device)
        self.n_components = n_components

    def __len__(self):
        return len(self.rows)

    def epoch(self, generator):
        """Yield row numbers (B,), normal (B, 3, d) and uniform (B, d) draws."""
        for rows, _ in self.rows.epoch(generator):
            shape = len(rows), 3, self.n_components
            normal = torch.randn(shape, generator=generator)
            uniform = torch.rand((shape[0], shape[2]), generator=generator)
            yield rows, normal.to(rows.device), uniform.to(rows.device)


class IsometricAE(KMeansMixin, DecoderMixin, DeepManifold):
    """Isometric autoencoder.

    An autoencoder whose decoder keeps lengths and angles: it bends the plane (or the
    flat space of ``n_components`` dimensions) onto the data without stretching it, and
    the encoder is the projection back. [1]_ Distances between codes are then distances
    along the data, in the units of X.

    Such an embedding exists for data that can be unrolled, like a swiss roll; for
    others, a sphere say, the loss finds a compromise.

    Parameters
    ----------
    n_components : int, default=2
        Dimension of the codes.

    isometry_weight : float, default=0.3
        Weight of the isometry of the decoder: lambda of the paper. This and the next
        one are relative to the squared error of the reconstruction, summed over the
        columns, in units in which X has total variance ``n_components``.

    pseudo_inverse_weight : float, default=0.3
        Weight of the condition that the encoder be the decoder's pseudo-inverse: lambda
        of the paper as well. With 0 for both this is a plain autoencoder.

    latent_prior : {"segments", "gaussian", "uniform"}, default="segments"
        Where the decoder is asked to be isometric: on the segments between codes of
        random pairs of samples and a tenth beyond; at draws from a Gaussian fitted to
        the codes, as in the paper; or uniformly on the box that they fill.

    anchor : {"isomap"} or None or array-like of shape (n_samples, n_components), \
default="isomap"
        Embedding that the codes are drawn to at first: Isomap's, one of your own in the
        units of X, or none, as in the paper. Without one the loss has many minima in
        which a rolled-up surface stays folded. Where the graph of neighbors has
        several parts, each is embedded by itself and they are placed side by side, with
        a warning. Not used when a fit goes on by ``warm_start``.

    anchor_weight : float, default=1.0
        Weight of the anchor at the start, relative to the reconstruction.

    anchor_until : float, default=0.6
        Share of training, in (0, 1], over which the anchor's weight falls to zero.

    n_neighbors : int, default=10
        Neighbours in the graph of the anchor "isomap". Reduced, with a warning, where
        there are fewer other samples.

    n_landmarks : int or "auto", default="auto"
        Landmarks of the anchor "isomap", see
        :func:`skmanifold.graph.geodesic_embedding`.

    encoder_layers : sequence of int or "auto", default="auto"
        Hidden layers of the built-in encoder; the decoder has them in reverse order.

    activation : {"silu", "gelu", "tanh", "softplus"}, default="silu"
        Activation of the built-in networks, twice differentiable. "softplus" has beta
        100, as in the paper.

    encoder : torch.nn.Module, callable or None, default=None
        Encoder in place of the built-in one: a module (copied, never changed) or a
        callable ``(n_inputs, n_components) -> torch.nn.Module``. It maps
        (B, n_features) to (B, n_components), each row on its own (batch normalization
        would make its derivatives those of the batch), and is twice differentiable. Its
        inputs are centered and scaled by one number.

    decoder : torch.nn.Module, callable or None, default=None
        Decoder in place of the built-in one: a module or a callable
        ``(n_components, n_inputs) -> torch.nn.Module``, from (B, n_components) to
        (B, n_features).

    image_shape : tuple of int or None, default=None
        (H, W) or (H, W, C) if samples are flattened images: the built-in networks are
        then convolutional, see :class:`skmanifold.nn.ConvEncoder`, and
        ``encoder_layers`` is ignored. A step costs many times that of the perceptrons.

    n_clusters : int or None, default=None
        If an int, fit also clusters the codes with k-means, and ``predict`` and
        ``labels_`` exist. If None, only ``fit_predict`` clusters, with 8.

    max_epochs : int or "auto", default="auto"
        Passes over the data. "auto" trains for a number of steps that grows with the
        cube root of ``n_samples``.

    batch_size : int or "auto", default="auto"
        Samples of a step.

    learning_rate : float or "auto", default="auto"
        Largest learning rate.

    device : {"auto", "cpu", "cuda", "cuda:N", "mps"}, default="auto"
        Where to compute; "auto" takes a CUDA GPU where there is one.

    training : TrainingOptions or None, default=None
        Rare options: optimizer, early stopping, checkpoints. The optimizer is "muon"
        unless set.

    warm_start : bool, default=False
        Go on from the networks and the scaling of the previous fit.

    n_jobs : int or None, default=-1
        Threads of the neighbor search. The result does not depend on it.

    verbose : int or bool, default=False
        Print ten lines a fit; one per epoch if above 1. For progress bars see
        ``set_callbacks``.

    random_state : int, RandomState instance or None, default=None
        Seed of the initial networks, the order of the samples and all draws.

    Attributes
    ----------
    embedding_ : ndarray of shape (n_samples, n_components)
        Codes of the training data, in the units of X.

    history_ : dict of str to list of float
        For each epoch the "loss" and its weighted terms "reconstruction", "isometry",
        "pseudo_inverse" and "anchor", as far as there are such (means over the epoch),
        and "learning_rate_factor".

    n_iter_ : int
        Epochs trained.

    network_ : torch.nn.Module
        The learned map from scaled samples to codes: ``project`` (a PCA that loses
        nothing, where columns are far more than samples) and ``encoder``.

    decoder_ : torch.nn.Module
        The learned map from codes to scaled rows: ``decoder`` and ``expand``.

    labels_ : ndarray of shape (n_samples,)
        Clusters of the training data, where asked for.

    n_features_in_ : int
        Number of features seen in fit.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if X had names that are all strings.

    See Also
    --------
    DLME : Embedding that separates clusters rather than keeping lengths.

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
        "isometry_weight": [Interval(Real, 0, None, closed="left")],
        "pseudo_inverse_weight": [Interval(Real, 0, None, closed="left")],
        "latent_prior": [StrOptions(set(PRIORS))],
        "anchor": [StrOptions({"isomap"}), "array-like", None],
        "anchor_weight": [Interval(Real, 0, None, closed="left")],
        "anchor_until": [Interval(Real, 0, 1, closed="right")],
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "n_landmarks": [
            Interval(Integral, 1, None, closed="left"),
            StrOptions({"auto"}),
        ],
        "encoder_layers": ["array-like", StrOptions({"auto"})],
        "activation": [StrOptions({"silu", "gelu", "tanh", "softplus"})],
        "encoder": [nn.Module, callable, None],
        "decoder": [nn.Module, callable, None],
        "image_shape": ["array-like", None],
        "n_jobs": [
            Interval(Integral, None, -1, closed="right"),
            Interval(Integral, 1, None, closed="left"),
            None,
        ],
    }

    def __init__(
        self,
        n_components=2,
        *,
        isometry_weight=0.3,
        pseudo_inverse_weight=0.3,
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
            Derivatives of the decoded rows, in the units of X per unit of the codes;
            float32 for float32 and float16 input, float64 otherwise.

        Raises
        ------
        NotFittedError
            If fit was not called.
        ValueError
            If X is not finite or has another number of columns than the embedding.
        """
        check_is_fitted(self)
        codes = self._check_codes(X)
        tangents = self._outputs_of_codes(Jacobian(self.decoder_), codes)
        tangents = tangents.reshape(len(codes), -1, self._n_features_out)
        inverse = self._scaler.inverse_factor[:, np.newaxis]
        wide = codes.dtype == np.float64
        return (tangents * inverse).astype(np.float64 if wide else np.float32)

    # -- the hooks

    def _plan(self, n_samples, n_features):
        own = (self.encoder, self.decoder, self.image_shape) != (None, None, None)
        wide = n_features > 2 * n_samples
        return Plan(
            n_steps=round(1000 * (n_samples / 2000) ** (1 / 3)),
            batch_size=128,
            learning_rate=3e-3,
            # n samples span n - 1 dimensions: nothing is lost
            n_reduced=n_samples - 1 if wide and not own else None,
            column_scaling=False,
            one_unit=self.image_shape is not None,
            optimizer="muon",
            # reconstruction and Jacobians are to be those of one function
            precision="float32",
            warmup=0.03,
        )

    def _learn(self, data, run):
        batches = self._make_batches(data, run.batch_size)
        # first of all: networks that do not fit are found before the anchor is made
        networks = run.make_networks()
        scale = _scale_of(data, self.n_components)
        anchor = None if run.continued else self._anchor(data)
        objective = run.build(self._make_objective, data, networks, scale, anchor)
        run.train(objective, batches)
        return objective

    def _make_batches(self, data, batch_size):
        return Draws(data.n_samples, batch_size, self.n_components, data.device)

    def _make_networks(self, sizes):
        n_inputs = sizes["n_inputs"]
        encoder, decoder = self._built_in(n_inputs, self.n_components)
        if self.encoder is not None:
            encoder = own_network(
                "encoder",
                self.encoder,
                n_inputs,
                self.n_components,
                sizes=("n_inputs", "n_components"),
                remedy=f"Give it a last layer of {self.n_components} outputs.",
            )
        if self.decoder is not None:
            decoder = own_network(
                "decoder",
                self.decoder,
                self.n_components,
                n_inputs,
                sizes=("n_components", "n_inputs"),
                remedy=f"Give it a last layer of {n_inputs} outputs.",
            )
        return {
            "encoder": between_scales(encoder),
            "decoder": between_scales(decoder),
        }

    def _make_objective(self, data, networks, scale, anchor):
        encoder, decoder = networks["encoder"], networks["decoder"]
        # a condition of weight 0 differentiates nothing
        _warn_of_unfit_layers(
            encoder=encoder.net
            if self.encoder is not None and self.pseudo_inverse_weight
            else None,
            decoder=decoder.net
            if self.decoder is not None and self.isometry_weight
            else None,
        )
        return IsometricAEObjective(
            encoder,
            decoder,
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

    # -- what the hooks need

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

    def _anchor(self, data):
        """Return the points that draw the codes at first, in units of X, or None."""
        if self.anchor is None:
            return None
        shape = data.n_samples, self.n_components
        if not isinstance(self.anchor, str):
            anchor = check_array(self.anchor, dtype=np.float64, input_name="anchor")
            if anchor.shape != shape:
                raise ValueError(
                    f"anchor has shape {anchor.shape}, but {shape} is needed: a place "
                    "in n_components dimensions for each row of X."
                )
            anchor = anchor - anchor.mean(axis=0)
            _warn_of_other_units(anchor, data)
        else:
            anchor = data.unit * self._isomap(data)
        return torch.from_numpy(anchor.astype(np.float32)).to(data.device)

    def _isomap(self, data):
        n_samples, n_inputs = data.inputs.shape
        n_neighbors = self.n_neighbors
        if n_neighbors >= n_samples:
            n_neighbors = n_samples - 1
            warn(
                f"n_neighbors={self.n_neighbors} needs more than the {n_samples} "
                f"samples of X; using n_neighbors={n_neighbors}."
            )
        seed = data.seed("anchor")
        inputs = data.inputs.cpu().numpy()
        if n_inputs > _ANCHOR_COMPONENTS and n_samples**2 * n_inputs > _ANCHOR_BUDGET:
            inputs = principal_components(inputs, _ANCHOR_COMPONENTS, seed)
        return geodesic_embedding(
            inputs,
            self.n_components,
            n_neighbors=n_neighbors,
            n_landmarks=self.n_landmarks,
            parts="apart",
            n_jobs=self.n_jobs,
            random_state=seed,
        )

    def _draws_globally(self):
        return self.encoder is not None or self.decoder is not None


def _warn_of_other_units(anchor, data):
    """An anchor is a place in the units of X; that of another method seldom is."""
    variance = float(data.inputs.double().var(0, correction=0).sum())
    spreads = math.sqrt(anchor.var(axis=0).sum()), data.unit * math.sqrt(variance)
    if 0 < min(spreads) and max(spreads) > _OTHER_UNITS * min(spreads):
        warn(
            f"The anchor has a spread of {spreads[0]:.3g}, X one of {spreads[1]:.3g}: "
            "codes are places in the units of X. Multiply the anchor by about "
            f"{spreads[1] / spreads[0]:.3g}."
        )


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
_OF_BATCHES = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)


def _warn_of_unfit_layers(**networks):
    """Warn where a user's networks do not suit conditions on their derivatives."""

    def having(kinds):
        found = {
            f"{parameter} has {type(layer).__name__}"
            for parameter, network in networks.items()
            if network is not None
            for layer in network.modules()
            if isinstance(layer, kinds)
        }
        return ", ".join(sorted(found))

    faults = []
    if piecewise := having(_PIECEWISE_LINEAR):
        faults.append(
            f"{piecewise}: linear in pieces, with second derivatives of 0, from which "
            "no isometry is learned. Use nn.SiLU, nn.GELU, nn.Tanh or nn.Softplus."
        )
    if of_batches := having(_OF_BATCHES):
        faults.append(
            f"{of_batches}: in training its derivatives are those of the whole batch, "
            "not of each row. Use nn.LayerNorm, or no normalization."
        )
    if faults:
        warn(" ".join(faults))


def _scale_of(data, n_components):
    """The length, in the inputs, that is 1 in the objective."""
    total_variance = float(data.inputs.double().var(0, correction=0).sum())
    scale = math.sqrt(total_variance / n_components) or 1.0
    if not 1e-30 < scale * data.unit < 1e30:
        raise ValueError(
            f"X has a standard deviation of {scale * data.unit:g}, in whose units "
            "float32 codes over- or underflow. Multiply X by a constant first."
        )
    return scale


def _channels(image_shape):
    """Channels of each block: half of those that the networks have by themselves.

    None if an image is too small, which the networks say better.
    """
    side = min(image_shape[:2])
    if side < 8:
        return None
    n_blocks = max(1, round(math.log2(side / 4)))
    return [min(16 * 2**i, 64) for i in range(n_blocks)]
