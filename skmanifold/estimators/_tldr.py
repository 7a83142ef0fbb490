# SPDX-License-Identifier: BSD-3-Clause

"""Twin Learning for Dimensionality Reduction."""

from numbers import Real

import numpy as np
import torch
from torch import nn

from skmanifold.base import (
    DeepManifold,
    PairBatches,
    Plan,
    checked_widths,
    find_neighbors,
    own_network,
    sharded,
)
from skmanifold.losses import barlow_twins
from skmanifold.nn import MLP
from skmanifold.utils import Count, Number, StrOptions, one_blas_thread

# Samples per chunk of sums over all samples.
_ROWS_AT_ONCE = 2**13


class TLDRObjective(nn.Module):
    """Barlow Twins loss between samples and a neighbor of each."""

    def __init__(self, inputs, encoder, projector, *, redundancy_weight):
        super().__init__()
        self.inputs = inputs
        self.encoder = encoder
        self.projector = projector
        self.redundancy_weight = redundancy_weight
        self.hidden_layers = ["projector.hidden"]
        if isinstance(encoder, MLP):
            self.hidden_layers.append("encoder.hidden")

    def forward(self, batch, progress):
        """Return the loss terms of a batch of :class:`skmanifold.base.PairBatches`."""
        rows, others, _, _ = batch
        x = torch.cat([self.inputs[rows], self.inputs[others]])
        z = sharded(self.projector, sharded(self.encoder, x))
        z_a, z_b = z.chunk(2)
        invariance, redundancy = barlow_twins(z_a, z_b)
        width = z_a.shape[1]
        n_pairs = max(width * (width - 1), 1)
        return {
            "invariance": invariance / width,
            "redundancy": self.redundancy_weight * redundancy / n_pairs,
        }


def principal_axes(codes, inputs):
    """Return a matrix and the mean of the codes, to turn codes into components.

    ``(codes - mean) @ matrix.T`` are the principal components, largest first, of the
    best linear prediction of the inputs from the codes, in the units of the inputs.
    Linearly dependent codes give components of zero.
    """
    n, d = codes.shape
    mean = codes.mean(axis=0, dtype=np.float64)
    covariance, common = np.zeros((d, d)), np.zeros((d, inputs.shape[1]))
    with one_blas_thread():  # the last bits depend on the number of threads
        for start in range(0, n, _ROWS_AT_ONCE):
            rows = slice(start, start + _ROWS_AT_ONCE)
            z = codes[rows] - mean
            covariance += z.T @ z / n
            common += z.T @ inputs[rows].cpu().numpy() / n
        deviation = np.sqrt(covariance.diagonal())
        unit = np.divide(1, deviation, where=deviation > 0, out=np.zeros(d))
        values, vectors = np.linalg.eigh(unit[:, None] * covariance * unit)
        kept = values > d * np.finfo(np.float32).eps
        whiten = unit[:, None] * vectors[:, kept] / np.sqrt(values[kept])
        axes, sizes, features = np.linalg.svd(whiten.T @ common, full_matrices=False)
        # signs that do not depend on the solver, as in PCA
        largest = np.abs(features).argmax(axis=1)[:, None]
        sizes = sizes * np.sign(np.take_along_axis(features, largest, axis=1)[:, 0])
        matrix = np.zeros((d, d))
        matrix[: len(sizes)] = (whiten @ axes * sizes).T
    return matrix, mean


class TLDR(DeepManifold):
    """Twin Learning for Dimensionality Reduction.

    A linear or shallow map to 8 to 512 dimensions, trained so that a sample and its
    nearest neighbors have equal coordinates and different coordinates are
    uncorrelated. [1]_ Use it where PCA is used: for retrieval, as a compact
    representation, or as a step before another method.

    The linear map is about as fast as PCA. Its coordinates are the principal
    components, largest first, of the samples as predicted from the embedding, so
    distances are in the units of the scaled inputs.

    Read more in the :ref:`User Guide <tldr>`.

    Parameters
    ----------
    n_components : int, default=64
        Dimension of the embedding. Decrease it for smaller files and faster search. The
        linear map has at most as many nonzero coordinates as X has columns.
    n_neighbors : int, default=5
        Number of neighbors from which the second view of a sample is drawn. Increase it
        to preserve coarser groups, such as classes. Reduced, with a warning, if there
        are fewer other samples.
    encoder : {"linear", "factorized", "mlp"}, torch.nn.Module or callable, \
default="linear"
        Map from the inputs to the embedding: one matrix; two matrices with a
        normalization between them, merged into one after training; or a perceptron: set
        "mlp" for complex data such as images. Or a module (copied, never changed) or a
        callable ``(n_inputs, n_components) -> torch.nn.Module``.
    encoder_layers : sequence of int, default=(256,)
        Widths of the hidden layers of ``encoder="mlp"``. Increase them for large,
        complex data.
    projector_dim : int or None, default=None
        Width of a perceptron between the embedding and the loss, dropped after
        training. Set it (512, with ``redundancy_weight=2.5``) if neighbors matter more
        than classes; a step takes several times longer. The paper has 8192, with
        ``redundancy_weight=41``.
    redundancy_weight : float, default=0.1
        Weight of the mean squared correlation between different outputs, relative to
        that of the invariance. Increase it for less correlated coordinates, decrease it
        for closer neighbors.
    metric : str or callable, default="euclidean"
        Metric of the neighbor search, any of
        :class:`sklearn.neighbors.NearestNeighbors`. Set it to "cosine" for texts.
        "euclidean" is measured on the scaled (and reduced) samples, others on X. If
        "precomputed", X has distances: in ``fit`` between all samples, or in a sparse
        matrix from each sample to some others; in ``transform`` from new samples to the
        training samples. The network reads them in place of features.
    neighbors_algorithm : {"auto", "exact", "partition", "pynndescent"}, default="auto"
        Algorithm of the neighbor search, exact or approximate. "auto" is exact up to a
        size, see :func:`skmanifold.graph.nearest_neighbors`. Set it if the search is
        too slow or too coarse.
    max_epochs : int or "auto", default="auto"
        Number of epochs. "auto" takes about 1,000 steps. Increase it if the loss still
        falls.
    batch_size : int or "auto", default="auto"
        Number of samples per step. "auto" is 512. Increase it to use a GPU fully.
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
        Embedding of the training data.
    history_ : dict of str to list of float
        Means over each epoch of the "loss" and its weighted terms "invariance" and
        "redundancy", and "learning_rate_factor".
    n_iter_ : int
        Number of epochs trained.
    network_ : torch.nn.Module
        Network from scaled samples to the embedding.
    n_features_in_ : int
        Number of features seen during fit.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features seen during fit, if all are strings.

    See Also
    --------
    DLME : Visualize data in two dimensions.
    MSimCLR : Contrastive learning of charts.

    References
    ----------
    .. [1] Y. Kalantidis, C. Lassance, J. Almazan, D. Larlus, "TLDR: Twin Learning for
       Dimensionality Reduction", TMLR 2022, arXiv:2110.09455.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skmanifold import TLDR
    >>> X, _ = load_digits(return_X_y=True)
    >>> TLDR(n_components=8, max_epochs=2, random_state=0).fit_transform(X).shape
    (1797, 8)
    """

    _parameter_constraints: dict = {
        **DeepManifold._parameter_constraints,
        "n_neighbors": [Count(1)],
        "encoder": [StrOptions({"linear", "factorized", "mlp"}), nn.Module, callable],
        "encoder_layers": ["array-like"],
        "projector_dim": [Count(1), None],
        "redundancy_weight": [Number(Real, 0, None, closed="left")],
        "metric": [str, callable],
        "neighbors_algorithm": [
            StrOptions({"auto", "exact", "partition", "pynndescent"})
        ],
        "n_jobs": [Count(None, -1), Count(1), None],
    }

    _folds = True

    _methods_with_decoder = "IsometricAE, TopologicalAE, AtlasAE, DCRL and DLME"

    def __init__(
        self,
        n_components=64,
        *,
        n_neighbors=5,
        encoder="linear",
        encoder_layers=(256,),
        projector_dim=None,
        redundancy_weight=0.1,
        metric="euclidean",
        neighbors_algorithm="auto",
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
        self.encoder = encoder
        self.encoder_layers = encoder_layers
        self.projector_dim = projector_dim
        self.redundancy_weight = redundancy_weight
        self.metric = metric
        self.neighbors_algorithm = neighbors_algorithm
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.device = device
        self.training = training
        self.warm_start = warm_start
        self.n_jobs = n_jobs
        self.verbose = verbose
        self.random_state = random_state

    def _plan(self, n_samples, n_features):
        # a matrix with more columns than samples fits any pairs
        is_wide = n_features > n_samples and isinstance(self.encoder, str)
        width = min(4 * self.n_components, n_samples // 3)
        return Plan(
            n_steps=1000,
            batch_size=512,
            learning_rate=3e-3,
            n_reduced=max(2, width) if is_wide else None,
        )

    def _make_batches(self, data, batch_size):
        neighbors = find_neighbors(
            data,
            self.n_neighbors,
            samples=None if self.metric == "euclidean" else data.X,
            metric=self.metric,
            algorithm=self.neighbors_algorithm,
            n_jobs=self.n_jobs,
        )
        return PairBatches(neighbors, batch_size)

    def _make_networks(self, sizes):
        n_in, n_out = sizes["n_inputs"], self.n_components
        layers = checked_widths("encoder_layers", self.encoder_layers)
        if not isinstance(self.encoder, str):
            return {
                "encoder": own_network(
                    "encoder",
                    self.encoder,
                    n_in,
                    n_out,
                    sizes=("n_inputs", "n_components"),
                )
            }
        if self.encoder == "linear":
            return {"encoder": nn.Linear(n_in, n_out)}
        if self.encoder == "factorized":
            return {
                "encoder": nn.Sequential(
                    nn.Linear(n_in, n_out, bias=False),
                    nn.BatchNorm1d(n_out),
                    nn.Linear(n_out, n_out),
                )
            }
        return {"encoder": MLP(n_in, n_out, layers=layers, norm="batch")}

    def _learn_after(self, data, run):
        # the loss does not fix axes and units; a continued fit keeps its own
        if self.encoder not in ("linear", "factorized") or run.continued:
            return
        last = encoder = run.networks["encoder"]
        if self.encoder == "factorized":
            first, norm, last = encoder
            # a few steps leave running statistics near their initial values
            codes = run.outputs(first).astype(np.float64)
            with torch.no_grad():
                norm.running_mean.copy_(torch.from_numpy(codes.mean(axis=0)))
                norm.running_var.copy_(torch.from_numpy(codes.var(axis=0)))
        turn, mean = principal_axes(run.outputs(encoder), data.inputs)
        weight, bias = (x.detach().cpu().numpy() for x in (last.weight, last.bias))
        with torch.no_grad():
            last.weight.copy_(torch.from_numpy(turn @ weight))
            last.bias.copy_(torch.from_numpy(turn @ (bias - mean)))

    def _make_objective(self, data, networks):
        projector = nn.Identity()
        if self.projector_dim is not None:
            width = self.projector_dim
            projector = MLP(self.n_components, width, layers=(width,), norm="batch")
        return TLDRObjective(
            data.inputs,
            networks["encoder"],
            projector,
            redundancy_weight=self.redundancy_weight,
        )

    def _uses_global_generator(self):
        return not isinstance(self.encoder, str)
