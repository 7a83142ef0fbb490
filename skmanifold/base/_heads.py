# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""What an ONNX graph computes behind the network, for each method."""

from typing import NamedTuple

import torch
from torch import nn


class Head(NamedTuple):
    """What a method makes of the outputs of ``network_``.

    Parameters
    ----------
    make : callable
        Returns a torch module that maps these outputs, (n, n_outputs), to the result of
        the method; to a tuple if it returns one.
    outputs : tuple of str
        Names of the graph's outputs.

    Examples
    --------
    >>> from torch import nn
    >>> from skmanifold.base import Head
    >>> Head(lambda: nn.Softmax(1), ("probabilities",)).outputs
    ('probabilities',)
    """

    make: object
    outputs: tuple


class NearestCenter(nn.Module):
    """Number of the nearest center, the first of equally near ones.

    Parameters
    ----------
    centers : ndarray of shape (n_centers, n_components)
        The centers.
    """

    def __init__(self, centers):
        super().__init__()
        self.register_buffer("centers", torch.from_numpy(centers).double())

    def forward(self, z):
        """Map points (n, n_components) to numbers of centers (n,)."""
        return squared_distances_to(z, self.centers).argmin(1)


def squared_distances_to(z, centers):
    """Squared distances (n, n_centers) in float64, by differences."""
    return (z.double().unsqueeze(1) - centers).square().sum(2)


def kmeans_head(estimator):
    """The head of ``predict`` of an estimator that has clustered its embedding."""

    def make():
        if not hasattr(estimator, "_kmeans"):
            raise ValueError(
                f"This {type(estimator).__name__} has no clusters to predict: it was "
                "fitted with n_clusters=None. Set n_clusters to an int and fit again."
            )
        centers = estimator._kmeans.cluster_centers_
        return nn.Sequential(estimator._presentation(), NearestCenter(centers))

    return Head(make, ("label",))
