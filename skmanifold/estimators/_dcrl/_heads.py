# SPDX-License-Identifier: BSD-3-Clause

"""Assignments to clusters as torch modules, for ONNX graphs."""

import torch
from torch import nn

from skmanifold.base import Head


class SoftAssignments(nn.Module):
    """Memberships in clusters, as :func:`soft_assignments`.

    Parameters
    ----------
    centers : ndarray of shape (n_clusters, n_components)
        The centers, float64.
    """

    def __init__(self, centers):
        super().__init__()
        self.register_buffer("centers", torch.from_numpy(centers))

    def forward(self, codes):
        """Map codes (n, n_components) to memberships (n, n_clusters), float64."""
        squares = (codes.double().unsqueeze(1) - self.centers).square().sum(2)
        kernel = 1 / (1 + squares)
        return kernel / kernel.sum(1, keepdim=True)


class LargestShare(SoftAssignments):
    """The cluster with the largest membership, the first of equals."""

    def forward(self, codes):
        """Map codes (n, n_components) to cluster indices (n,)."""
        return super().forward(codes).argmax(1)


def cluster_heads(centers):
    """Return the heads of ``predict`` and ``predict_proba``."""
    return {
        "predict": Head(lambda: LargestShare(centers), ("label",)),
        "predict_proba": Head(lambda: SoftAssignments(centers), ("probabilities",)),
    }
