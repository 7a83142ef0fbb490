# SPDX-License-Identifier: BSD-3-Clause

"""Training loops in plain torch, as baselines for our epochs.

Each takes a fitted model and its training as kept by
:func:`asv_bench.compare.speed.watched`, trains copies of the same networks with the
loss as written in the paper, and returns the CPU seconds of each epoch except the
first.
"""

import copy
import time

import numpy as np
import torch
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset


def train(n_epochs, parameters, dataset, batch_size, loss):
    """Return the CPU seconds of each epoch except the first.

    ``loss(batch, first)`` gets True for the first batch of an epoch.
    """
    optimizer = torch.optim.Adam(parameters, lr=1e-3)
    loader = DataLoader(dataset, batch_size=batch_size, shuffle=True, drop_last=True)
    ends = []
    for _ in range(n_epochs):
        for i, batch in enumerate(loader):
            optimizer.zero_grad()
            loss(batch, i == 0).backward()
            optimizer.step()
        ends.append(time.process_time())
    return np.diff(ends)


def trainable(*modules):
    """Return trainable copies of modules."""
    return [copy.deepcopy(module).train().requires_grad_(True) for module in modules]


def dcrl(model, record):
    """Train DCRL: reconstruction, clusters, local distances, ranks, alignment."""
    objective, batches = record["objective"], record["batches"]
    network, decoder = trainable(objective.encoder.network, objective.decoder.features)
    centers = torch.nn.Parameter(objective.clusters.centers.detach().clone())
    features, n_clusters = objective.features, len(centers)
    target_distances = objective.distances
    neighbors, distances, _ = batches.neighbors
    state = {}

    def assign(z):
        kernel = 1 / (1 + torch.cdist(z, centers) ** 2)
        return kernel / kernel.sum(1, keepdim=True)

    def refresh():
        with torch.no_grad():
            z = network(features)
            q = assign(z)
            p = q**2 / q.sum(0)
            state["p"] = p / p.sum(1, keepdim=True)
            state["labels"] = q.argmax(1)

    def loss(batch, first):
        if first:
            refresh()
        x, rows = batch
        slot = torch.randint(neighbors.shape[1], (len(rows),))
        others = neighbors[rows, slot]
        z_a, z_b = network(x), network(features[others])
        error = F.mse_loss(
            decoder(torch.cat([z_a, z_b])), features[torch.cat([rows, others])]
        )
        clusters = F.kl_div(assign(z_a).log(), state["p"][rows], reduction="batchmean")
        labels = state["labels"][rows]
        same = labels == state["labels"][others]
        lengths = (z_a - z_b).norm(dim=1)
        local = ((lengths - distances[rows, slot]).abs() * same).mean()
        ranks = (torch.cdist(centers, centers) - target_distances).abs().mean()
        align = sum(
            (z_a[labels == j].mean(0) - centers[j]).norm()
            for j in range(n_clusters)
            if (labels == j).any()
        )
        return error + clusters + local + ranks + align

    return train(
        model.max_epochs,
        [*network.parameters(), *decoder.parameters(), centers],
        TensorDataset(features, torch.arange(len(features))),
        batches.batch_size,
        loss,
    )


def plain_mmd(q, y, draws, scale):
    """Return the squared MMD of memberships and coordinates from uniform charts."""
    total = 0.0
    for j in range(q.shape[1]):
        a, u, w = y[:, j], draws[:, j], q[:, j]
        within = 1 / (1 + torch.cdist(a, a) ** 2 / scale)
        cross = 1 / (1 + torch.cdist(a, u) ** 2 / scale)
        n, m, k = len(a), len(u), q.shape[1]
        total = total + (w @ within @ w - w @ w) / (n * (n - 1))
        total = total - 2 * (w @ cross).sum() / (k * n * m)
    return total


def atlas(model, record):
    """Train AtlasAE: reconstruction by each chart, locality, uniform charts."""
    objective, batches = record["objective"], record["batches"]
    encoder, decoder = trainable(objective.encoder, objective.decoder)
    prototypes = encoder.parts.heads.prototypes

    def loss(batch, first):
        (x,) = batch
        q, y = encoder.charts(x)
        errors = ((decoder.decode(y) - x.unsqueeze(1)) ** 2).sum(2)
        d2 = torch.cdist(x, prototypes) ** 2
        draws = torch.rand(len(x) // 2, *y.shape[1:])
        mmd = q.shape[1] * plain_mmd(q, y, draws, y.shape[2] / 24)
        return (q * (errors + d2)).sum(1).mean() / objective.variance + mmd

    return train(
        model.max_epochs,
        [*encoder.parameters(), *decoder.parameters()],
        TensorDataset(objective.inputs),
        batches.batch_size,
        loss,
    )


def msimclr(model, record):
    """Train MSimCLR: two views, NT-Xent, uniform charts, balance and sharpness."""
    objective, batches = record["objective"], record["batches"]
    encoder, projections = trainable(objective.encoder, objective.projections)
    shape = (*model.image_shape, 1)

    def view(x):
        images = x.unflatten(1, shape).permute(0, 3, 1, 2)
        theta = torch.eye(2, 3) + 0.15 * (2 * torch.rand(len(x), 2, 3) - 1)
        grid = F.affine_grid(theta, images.shape, align_corners=False)
        moved = F.grid_sample(images, grid, align_corners=False)
        return moved.permute(0, 2, 3, 1).flatten(1)

    def loss(batch, first):
        (x,) = batch
        n = len(x)
        q, y = encoder.charts(torch.cat([view(x), view(x)]))
        z = F.normalize(projections(q, y), dim=1)
        logits = z @ z.t() / objective.temperature
        logits = logits.masked_fill(torch.eye(2 * n, dtype=torch.bool), -torch.inf)
        contrast = F.cross_entropy(logits, (torch.arange(2 * n) + n) % (2 * n))
        mmd = plain_mmd(q[:n], y[:n], torch.rand(64, *y.shape[1:]), y.shape[2] / 24)
        mass = q.mean(0)
        balance = (mass * (mass + 1e-8).log()).sum()
        return contrast + mmd + balance + (1 - (q**2).sum(1).mean())

    return train(
        model.max_epochs,
        [*encoder.parameters(), *projections.parameters()],
        TensorDataset(batches.inputs),
        batches.batch_size,
        loss,
    )
