# SPDX-License-Identifier: BSD-3-Clause

"""The losses of DCRL's phases."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from skmanifold.augment import random_affine
from skmanifold.base import sharded
from skmanifold.losses import (
    alignment_loss,
    center_distance_loss,
    cluster_divergence,
    local_isometry_loss,
    log_assignments,
    nt_xent,
    sharpened_assignments,
)
from skmanifold.nn import to_images, to_samples

from ._arrangement import arranged, arrangement, distances_between
from ._clusters import soft_assignments

_TEMPERATURE = 0.2

# Smallest distance between two cluster means, relative to the mean distance.
_LEAST_GAP = 1 / 3

# Fraction of training after which the means follow the current clusters instead of the
# initial labels, so that the ranks are those of the final clusters.
_FOLLOW_FROM = 0.5

# Final weight, during ``label_hold``, of a sample assigned to a cluster other than its
# label, if most of its neighbors share that label: it returns samples that local
# distances pulled across a border. A larger weight for all samples would compress the
# clusters; a label that the neighbors do not share may be wrong.
_STRAY_WEIGHT = 100.0


class DCRLObjective(nn.Module):
    """Reconstruction, clusters, local distances, ranks of the clusters, alignment.

    All terms are in units of the mean distance between neighbors of the features, so
    the weights do not depend on the scale of the data.

    Parameters
    ----------
    encoder : torch.nn.Module
        ``features`` maps inputs to features and is not trained here, ``network`` maps
        these to the latent space.
    decoder : Decoder
        From the latent space to the features and the inputs.
    clusters : Clusters
        The centers.
    features : torch.Tensor of shape (n_samples, n_represented)
        The features of all samples.
    inputs : torch.Tensor of shape (n_samples, n_features)
        The inputs of all samples, without the columns of a representation.
    means_of : callable
        ``means_of(labels)`` returns the mean of each cluster, (C, n_columns), whose
        distances are ranked.
    labels : torch.Tensor of shape (n_samples,)
        The initial labels.
    codes : torch.Tensor of shape (n_samples, n_components)
        The latent points of all samples.
    neighbors : torch.Tensor of shape (n_samples, n_neighbors)
        Indices of the neighbors of each sample.
    init_centers : {"arranged", "means", "kept"}
        Initial centers: points at distances that satisfy the ranks, the means of the
        codes of each cluster, or the given centers.
    weights : dict of str to pair of float
        First and last weight of each term.
    continuation : float
        Fraction of training over which the weights change from the first to the last.
    label_hold : float
        Fraction of training during which the initial labels are the targets.
    label_smoothing : float
        Fraction of a target that is divided among all clusters.
    center_learning_rate : float
        Factor on the learning rate of the centers.
    rank_scale : float
        Ratio of the distances of centers to those of cluster means.
    """

    # optimized by Muon
    hidden_layers = (
        "encoder.network.network.hidden",
        "decoder.features.network.hidden",
        "decoder.inputs.network.hidden",
    )
    # cheaper steps, and distances are kept as well
    coarse_muon = True

    def __init__(
        self,
        encoder,
        decoder,
        clusters,
        *,
        features,
        inputs,
        means_of,
        labels,
        codes,
        neighbors,
        init_centers,
        weights,
        continuation,
        label_hold,
        label_smoothing,
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
        self.rank_scale = rank_scale
        self.learning_rate_factors = {"clusters": center_learning_rate}
        self.compares_pairs = any(weights["local"])
        changing = any(first != last for first, last in weights.values())
        self.settled_from = max(
            continuation if changing else 0.0,
            label_hold if label_hold < 1 else _FOLLOW_FROM,
        )

        self.features = features
        self.inputs = inputs
        self.means_of = means_of
        self.labels = self.initial_labels = labels
        agree = (labels[neighbors] == labels.unsqueeze(1)).float().mean(1)
        self.agreed = agree > 0.5  # with most of the neighbors
        self.latent = None
        n_clusters = len(clusters.centers)
        means_of_features, means_of_codes = (
            _means(rows, labels, n_clusters).cpu().numpy() for rows in (features, codes)
        )
        # ranks of the inputs, in units of the features
        means = self.means_of(labels.cpu().numpy())
        total = distances_between(means).sum()
        self.means_unit = 1.0
        if total > 0:
            self.means_unit = distances_between(means_of_features).sum() / total
        self.register_buffer("means", torch.from_numpy(means).to(features))
        self._set_distances()
        self.targets = smoothed_targets(labels, n_clusters, label_smoothing)
        if init_centers == "arranged":
            means_of_codes = arranged(self.distances.cpu().numpy(), means_of_codes)
        if init_centers != "kept":
            with torch.no_grad():
                clusters.centers.copy_(torch.from_numpy(means_of_codes))

    def target_distances(self, means):
        """Return the distances that the centers of clusters should have, float64."""
        wanted = distances_between(means)
        n_pairs = len(wanted) * (len(wanted) - 1)
        if n_pairs:
            # Clusters with nearly equal means would merge. A constant added to all
            # distances preserves their order.
            apart = ~np.eye(len(wanted), dtype=bool)
            least = _LEAST_GAP * wanted.sum() / n_pairs
            wanted[apart] += max(0.0, least - wanted[apart].min())
        return wanted * (self.rank_scale * self.means_unit)

    def _set_distances(self):
        wanted = self.target_distances(self.means.cpu().numpy())
        self.distances = torch.from_numpy(wanted).to(self.means)

    @torch.no_grad()
    def arrange(self):
        """Shift the clusters so that their means have exactly the target distances."""
        codes, centers = self.codes(), self.clusters.centers.cpu().numpy()
        # a continued fit begins with the shifts of the previous one
        shifted = [self.encoder.arrangement(part) for part in codes.split(1024)]
        labels = soft_assignments(torch.cat(shifted).cpu().numpy(), centers)
        before, after, shifts = arrangement(
            codes.cpu().numpy(),
            centers,
            labels.argmax(axis=1),
            lambda labels: self.target_distances(self.means_of(labels)),
        )
        self.encoder.arrangement.set(before, shifts)
        self.decoder.arrangement.set(after, -shifts)
        self.clusters.centers.copy_(torch.from_numpy(after))

    def codes(self):
        """Return the latent points of all samples, computed in blocks."""
        was_training = self.encoder.network.training
        network = self.encoder.network.eval()
        parts = self.features.split(1024)
        codes = torch.cat([sharded(network, part) for part in parts])
        network.train(was_training)
        return codes

    def on_epoch_start(self, progress):
        """Update the assignments of all samples, the cluster means and the targets.

        Starts at ``_FOLLOW_FROM``, or at the end of ``label_hold`` if that is earlier.
        The means of a batch are too noisy to rank nearly equal distances.
        """
        if progress < min(self.label_hold, _FOLLOW_FROM):
            return
        self.latent = self.codes()
        q = log_assignments(self.latent, self.clusters.centers.detach()).exp()
        if progress >= self.label_hold:
            self.targets = sharpened_assignments(q)
        self.labels = q.argmax(1)
        n_clusters = len(self.means)
        means = torch.from_numpy(self.means_of(self.labels.cpu().numpy()))
        full = torch.bincount(self.labels, minlength=n_clusters) > 0
        self.means[full] = means.to(self.means)[full]
        self.latent_means = _means(self.latent, self.labels, n_clusters)
        self._set_distances()

    def forward(self, batch, progress):
        """Return the loss terms of pairs of neighbors, see :class:`PairBatches`."""
        rows, others, distances, _ = batch
        share = min(progress / self.continuation, 1.0) if self.continuation else 1.0
        weights = {
            name: first + (last - first) * share
            for name, (first, last) in self.weights.items()
        }
        both = torch.cat([rows, others]) if self.compares_pairs else rows
        features = self.features[both]
        z = sharded(self.encoder.network, features)
        z_a = z[: len(rows)]
        # neighbors are in other batches themselves: decoding them would cost more than
        # it improves the reconstruction
        features = features[: len(rows)]
        # with weight 0 train the decoder alone
        guides = weights["reconstruction"] > 0
        restored = sharded(self.decoder.features, z_a if guides else z_a.detach())
        terms = {}
        terms["reconstruction"] = _squared_error(restored, features) * (
            weights["reconstruction"] if guides else 1.0
        )
        centers, labels = self.clusters.centers, self.labels[rows]
        log_q = log_assignments(z_a, centers)
        sample_weights = None
        if progress < self.label_hold:
            stray = log_q.argmax(1) != self.initial_labels[rows]
            stray &= self.agreed[rows]
            sample_weights = 1 + share * (_STRAY_WEIGHT - 1) * stray
        terms["clusters"] = weights["clusters"] * cluster_divergence(
            self.targets[rows], log_q, sample_weights
        )
        terms["local"] = z.new_zeros(())
        if self.compares_pairs:
            same = (labels == self.labels[others]).to(z.dtype)
            terms["local"] = weights["local"] * local_isometry_loss(
                z_a, z[len(rows) :], distances, same
            )
        terms["ranks"] = weights["ranks"] * center_distance_loss(
            centers, self.distances
        )
        # the ranks move the centers, and these attract their points
        aligned = z_a
        if self.latent is not None:  # means of all samples, with the batch's gradient
            aligned = z_a - self.latent[rows] + self.latent_means[labels]
        terms["alignment"] = weights["alignment"] * alignment_loss(
            aligned, centers.detach(), labels
        )
        if self.decoder.inputs is not None:
            restored = sharded(self.decoder.inputs, z_a.detach())
            error = _squared_error(restored, self.inputs[rows])
            terms["decoding"] = error / max(self.inputs.shape[1], 1)
        return terms


class Pretraining(nn.Module):
    """Pretraining of the networks as a denoising autoencoder."""

    hidden_layers = (
        "encoder.network.network.hidden",
        "decoder.features.network.hidden",
    )
    coarse_muon = True

    def __init__(self, encoder, decoder, features, noise):
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder
        self.features = features
        self.noise = noise

    def forward(self, batch, progress):
        """Return the loss of a batch of indices and normal draws."""
        rows, normal = batch
        features = self.features[rows]
        noisy = torch.add(features, normal, alpha=self.noise)
        z = sharded(self.encoder.network, noisy)
        restored = sharded(self.decoder.features, z)
        return {"reconstruction": _squared_error(restored, features)}


class Contrast(nn.Module):
    """Contrastive features of images, invariant to small affine changes.

    No layers are optimized by Muon: half of the steps would cost as much, and samples
    of a class would be nearest neighbors less often.
    """

    def __init__(self, encoder, shape, offset, fill):
        super().__init__()
        self.encoder = encoder
        self.shape = shape
        self.offset = offset
        self.fill = fill

    def forward(self, batch, progress):
        """Return the loss of a batch of images and draws that augment them."""
        x, uniform = batch
        images = to_images(x + self.offset, self.shape)
        moved = random_affine(images, uniform, fill=self.fill)
        views = to_samples(moved) - self.offset
        features = sharded(self.encoder.features.represent, views)
        return {"contrast": nt_xent(*features.chunk(2), _TEMPERATURE)}


def _squared_error(restored, wanted):
    return (restored - wanted).square().sum(1).mean()


def smoothed_targets(labels, n_clusters, smoothing):
    """Return smoothed labels, distributions over the clusters, (n, C)."""
    shape = len(labels), n_clusters
    targets = torch.full(shape, smoothing / n_clusters, device=labels.device)
    targets[torch.arange(len(labels)), labels] += 1 - smoothing
    return targets


def _means(rows, labels, n_clusters):
    """Return the mean of each cluster (C, d); zero if it is empty."""
    sums = rows.new_zeros(n_clusters, rows.shape[1])
    sizes = rows.new_zeros(n_clusters)
    for part, in_part in zip(rows.split(1024), labels.split(1024), strict=True):
        member = F.one_hot(in_part, n_clusters).to(rows.dtype)
        sums += member.t() @ part
        sizes += member.sum(0)
    return sums / sizes.clamp(min=1).unsqueeze(1)
