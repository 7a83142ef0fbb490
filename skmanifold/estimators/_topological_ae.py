# SPDX-License-Identifier: BSD-3-Clause

"""Topological autoencoder."""

import math
from numbers import Real

import torch
from torch import nn

from skmanifold.base import (
    DecoderMixin,
    DeepManifold,
    Plan,
    SampleBatches,
    checked_widths,
    own_network,
    sharded,
)
from skmanifold.losses import topological_loss
from skmanifold.nn import MLP
from skmanifold.topology import persistence_edges
from skmanifold.utils import Count, Number, StrOptions

# Below this number of samples, the steps are in proportion to it.
_MANY_SAMPLES = 1000


class TopologicalAEObjective(nn.Module):
    """Reconstruction error and topological loss of a batch.

    Distances of the inputs are measured in units of the data's spread, and those of the
    codes in a learned unit.
    """

    hidden_layers = ("encoder.hidden", "decoder.hidden")

    def __init__(
        self, inputs, encoder, decoder, *, topology_weight, max_homology_dimension
    ):
        super().__init__()
        self.inputs = inputs
        self.encoder = encoder
        self.decoder = decoder
        self.topology_weight = topology_weight
        self.max_homology_dimension = max_homology_dimension
        self.log_unit = nn.Parameter(torch.zeros(()))
        # mean square of the distance between two samples
        self.variance = 2.0 * inputs.var(0, correction=0).sum().clamp(min=1e-30).item()

    def forward(self, batch, progress):
        """Return the loss terms of a batch of sample indices."""
        x = self.inputs[batch[0]]
        z = sharded(self.encoder, x)
        error = (x - sharded(self.decoder, z)).square().sum(1).mean()
        terms = {"reconstruction": 2.0 * error / self.variance}
        if self.topology_weight:
            x = x / math.sqrt(self.variance)
            z = z * torch.exp(-self.log_unit)
            loss = topological_loss(x, z, self._edges(x), self._edges(z))
            terms["topology"] = self.topology_weight * loss
        return terms

    @torch.no_grad()
    def _edges(self, points):
        distances = torch.cdist(
            points, points, compute_mode="donot_use_mm_for_euclid_dist"
        )
        edges = persistence_edges(
            distances.cpu().numpy(), max_dimension=self.max_homology_dimension
        )
        return torch.from_numpy(edges).to(points.device)


class TopologicalAE(DecoderMixin, DeepManifold):
    """Topological autoencoder.

    An autoencoder that preserves the connected components and, optionally, the loops of
    the data: in each batch, the distances at which homology classes of the inputs are
    born or die are the same in the embedding, and vice versa. [1]_ It shows which
    clusters are nested or adjacent, while neighbor embeddings only separate them.

    Distances of the inputs are preserved, so all columns of X should have one unit.

    Read more in the :ref:`User Guide <topological_ae>`.

    Parameters
    ----------
    n_components : int, default=2
        Dimension of the embedding. Increase it if the embedding is not for a plot.
    topology_weight : float, default=3.0
        Weight of the topological loss relative to the reconstruction. Increase it if
        groups that are separate in the data touch in the embedding. 0 is a plain
        autoencoder.
    max_homology_dimension : int, default=0
        Highest dimension of the homology classes: 0 for components, 1 for loops as
        well. From 1 on, the extra ``topology`` is needed and a step takes some hundred
        times longer: decrease ``batch_size``.
    encoder_layers : sequence of int, default=(128, 128)
        Widths of the hidden layers of the encoder; the decoder has them in reverse
        order. Increase them for complex data such as images.
    norm : {"layer", "batch", "none"}, default="batch"
        Normalization of the hidden layers. Set it to match another architecture.
    activation : {"gelu", "silu", "softplus", "relu", "leaky_relu", "tanh"}, \
default="relu"
        Activation of the hidden layers. Set it to match another architecture.
    encoder : torch.nn.Module, callable or None, default=None
        Replaces the built-in encoder: a module (copied, never changed) or a callable
        ``(n_inputs, n_components) -> torch.nn.Module``, from (B, n_features) to (B,
        n_components). Set it for inputs with structure, such as signals.
    decoder : torch.nn.Module, callable or None, default=None
        Replaces the built-in decoder: a module or a callable ``(n_components, n_inputs)
        -> torch.nn.Module``, from (B, n_components) to (B, n_features). Set it with
        ``encoder``.
    max_epochs : int or "auto", default="auto"
        Number of epochs. "auto" takes about 3,000 steps, and fewer below 1,000 samples,
        in proportion to their number, because more would memorize noise. Increase it if
        the loss and the error of new samples (``score``) still fall.
    batch_size : int or "auto", default="auto"
        Number of samples per step. "auto" is 128. Homology is computed within a batch:
        increase it to preserve larger structures.
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
    embedding_ : ndarray of shape (n_samples, n_components)
        Embedding of the training data.
    history_ : dict of str to list of float
        Means over each epoch of the "loss" and its weighted terms "reconstruction"
        (the fraction of the variance lost) and "topology", and "learning_rate_factor".
    n_iter_ : int
        Number of epochs trained.
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
    IsometricAE : Keep all local distances instead of those that homology selects.
    skmanifold.topology.persistence_edges : The edges whose lengths are compared.

    References
    ----------
    .. [1] M. Moor, M. Horn, B. Rieck, K. Borgwardt, "Topological Autoencoders",
       ICML 2020, arXiv:1906.00722.

    Examples
    --------
    >>> from skmanifold import TopologicalAE
    >>> from skmanifold.datasets import make_nested_clusters
    >>> X = make_nested_clusters(300, random_state=0).data
    >>> model = TopologicalAE(max_epochs=2, random_state=0).fit(X)
    >>> model.transform(X).shape
    (300, 2)
    """

    _parameter_constraints: dict = {
        **DeepManifold._parameter_constraints,
        "topology_weight": [Number(Real, 0, None, closed="left")],
        "max_homology_dimension": [Count(0)],
        "encoder_layers": ["array-like"],
        "norm": [StrOptions({"layer", "batch", "none"})],
        "activation": [
            StrOptions({"gelu", "silu", "softplus", "relu", "leaky_relu", "tanh"})
        ],
        "encoder": [nn.Module, callable, None],
        "decoder": [nn.Module, callable, None],
    }

    def __init__(
        self,
        n_components=2,
        *,
        topology_weight=3.0,
        max_homology_dimension=0,
        encoder_layers=(128, 128),
        norm="batch",
        activation="relu",
        encoder=None,
        decoder=None,
        max_epochs="auto",
        batch_size="auto",
        learning_rate="auto",
        device="auto",
        training=None,
        warm_start=False,
        verbose=False,
        random_state=None,
    ):
        self.n_components = n_components
        self.topology_weight = topology_weight
        self.max_homology_dimension = max_homology_dimension
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
        self.verbose = verbose
        self.random_state = random_state

    # -- the hooks

    def _plan(self, n_samples, n_features):
        return Plan(
            # more epochs would memorize few samples
            n_steps=3000 * min(1.0, n_samples / _MANY_SAMPLES),
            batch_size=128,
            column_scaling=False,
        )

    def _make_batches(self, data, batch_size):
        return SampleBatches(data.n_samples, batch_size, data.device)

    def _make_networks(self, sizes):
        widths = sizes["n_inputs"], self.n_components
        layers = checked_widths("encoder_layers", self.encoder_layers)
        return {
            "encoder": self._network("encoder", widths, layers),
            "decoder": self._network("decoder", widths[::-1], layers[::-1]),
        }

    def _make_objective(self, data, networks):
        return TopologicalAEObjective(
            data.inputs,
            networks["encoder"],
            networks["decoder"],
            topology_weight=self.topology_weight,
            max_homology_dimension=self.max_homology_dimension,
        )

    def _network(self, name, widths, layers):
        network = getattr(self, name)
        if network is not None:
            return own_network(name, network, *widths)
        return MLP(*widths, layers=layers, norm=self.norm, activation=self.activation)

    def _uses_global_generator(self):
        return self.encoder is not None or self.decoder is not None
