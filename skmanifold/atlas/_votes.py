# SPDX-License-Identifier: BSD-3-Clause

"""Votes of the nearest samples of a gallery as torch modules, for ONNX graphs."""

import math

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from ._charts import one_hot, split_raw


class GalleryVotes(nn.Module):
    """From raw chart blocks to class probabilities, as ``AtlasTriplet.predict_proba``.

    The gallery has ``weights`` (n, K), ``coordinates`` (n, K, d) and classes ``codes``
    (n,); a vote falls to 1 / e at the distance ``margin``.
    """

    def __init__(
        self, weights, coordinates, codes, *, n_classes, n_neighbors, margin, hard
    ):
        super().__init__()
        weights = weights / np.linalg.norm(weights, axis=1, keepdims=True)
        self.register_buffer("weights", torch.from_numpy(weights))
        self.register_buffer("coordinates", torch.from_numpy(coordinates))
        codes = F.one_hot(torch.from_numpy(codes).long(), n_classes)
        self.register_buffer("codes", codes.double())
        self.n_neighbors = n_neighbors
        self.margin = margin
        self.hard = hard

    def forward(self, raw):
        """Map raw chart blocks (n, K (d + 1)) to probabilities (n, n_classes)."""
        n_components = self.coordinates.shape[2]
        q, coordinates = split_raw(raw.double(), n_components)
        if self.hard:
            q = one_hot(q)
        q = q / q.square().sum(1, keepdim=True).sqrt()
        distances = 1.0
        for j in range(self.weights.shape[1]):
            apart = coordinates[:, j].unsqueeze(1) - self.coordinates[:, j]
            apart = apart.square().sum(2).sqrt() / math.sqrt(n_components)
            shared = q[:, j].unsqueeze(1) * self.weights[:, j]
            distances = distances + shared * (apart - 1)
        nearest, indices = distances.clamp(0, 1).topk(
            self.n_neighbors, largest=False, sorted=True
        )
        votes = torch.exp((nearest[:, :1] - nearest) / self.margin)
        shares = (votes.unsqueeze(2) * self.codes[indices]).sum(1)
        return shares / votes.sum(1, keepdim=True)


class LargestVote(nn.Module):
    """The class with the largest probability, the first of equals."""

    def __init__(self, votes, classes):
        super().__init__()
        self.votes = votes
        self.register_buffer("classes", torch.from_numpy(classes.astype(np.int64)))

    def forward(self, raw):
        """Map raw chart blocks (n, K (d + 1)) to classes (n,)."""
        return self.classes[self.votes(raw).argmax(1)]
