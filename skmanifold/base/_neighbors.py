# SPDX-License-Identifier: BSD-3-Clause

"""Nearest neighbors of the training samples, on the device, and batches of pairs."""

from typing import NamedTuple

import numpy as np
import torch

from skmanifold._engine import SampleBatches
from skmanifold.augment import sample_neighbors
from skmanifold.graph import neighbors_from_data


class Neighbors(NamedTuple):
    """Neighbors of each training sample, on the device.

    Parameters
    ----------
    indices : torch.Tensor of shape (n_samples, max_neighbors), int64
        Neighbors of each sample, the nearest first.
    distances : torch.Tensor of shape (n_samples, max_neighbors), float32
        Distances to them.
    counts : torch.Tensor of shape (n_samples,), int64
        Number of neighbors of each sample, at least 1.

    See Also
    --------
    find_neighbors : Finds them.

    Examples
    --------
    >>> import numpy as np
    >>> from skmanifold.base import Neighbors
    >>> lists = np.array([[1], [0]]), np.ones((2, 1)), np.ones(2)
    >>> Neighbors.on("cpu", *lists).distances.dtype
    torch.float32
    """

    indices: torch.Tensor
    distances: torch.Tensor
    counts: torch.Tensor

    @classmethod
    def on(cls, device, indices, distances, counts):
        """Return the neighbors as tensors on a device.

        Parameters
        ----------
        device : torch.device or str
            The device.
        indices, distances, counts : ndarray
            As those of :func:`skmanifold.graph.neighbors_from_data`.

        Returns
        -------
        Neighbors
            The neighbors.
        """
        return cls(
            torch.from_numpy(indices).to(device),
            torch.from_numpy(distances.astype(np.float32)).to(device),
            torch.from_numpy(counts).to(device),
        )

    def draw(self, rows, uniform):
        """Draw a random neighbor of each sample, and a uniform number.

        Parameters
        ----------
        rows : torch.Tensor of shape (m,), int64
            Indices of samples.
        uniform : torch.Tensor of shape (m,)
            Draws from [0, 1).

        Returns
        -------
        others : torch.Tensor of shape (m,), int64
            Index of a neighbor of each.
        share : torch.Tensor of shape (m,)
            Uniform in [0, 1), see :func:`skmanifold.augment.sample_neighbors`.
        """
        return sample_neighbors(self.indices, self.counts, rows, uniform)


def find_neighbors(
    data,
    n_neighbors,
    *,
    samples=None,
    metric="euclidean",
    metric_params=None,
    algorithm="auto",
    n_jobs=None,
):
    """Find the nearest neighbors of the training samples.

    Duplicates count once, and samples with nothing in common are not neighbors, see
    :func:`skmanifold.graph.neighbors_from_data`. Warnings are given once per fit.

    Parameters
    ----------
    data : FitData
        The training data.
    n_neighbors : int
        Number of neighbors. Reduced if there are fewer other samples.
    samples : {ndarray, CSR} of shape (n_samples, n_columns), default=None
        Data to search: ``data.X`` for other metrics, or your own features. None uses
        the inputs of the network.
    metric : str or callable, default="euclidean"
        As in :func:`skmanifold.graph.nearest_neighbors`, or "precomputed", which
        searches ``data.distances``.
    metric_params : dict, default=None
        Parameters of the metric.
    algorithm : {"auto", "exact", "partition", "pynndescent"}, default="auto"
        Search algorithm, as in :func:`skmanifold.graph.nearest_neighbors`.
    n_jobs : int, default=None
        Number of threads. The result does not depend on it.

    Returns
    -------
    Neighbors
        Indices, distances and counts, on the device.

    See Also
    --------
    PairBatches : Batches of samples and neighbors.

    Examples
    --------
    >>> import numpy as np
    >>> import torch
    >>> from skmanifold.base import FitData, find_neighbors
    >>> X = np.array([[0.0], [1.0], [5.0]])
    >>> data = FitData(X, torch.tensor(X))
    >>> find_neighbors(data, 1).indices
    tensor([[1],
            [0],
            [1]])
    """
    if isinstance(metric, str) and metric == "precomputed":
        samples = data.distances
    elif samples is None:
        samples = data.inputs.cpu().numpy()
    lists = neighbors_from_data(
        samples,
        n_neighbors,
        metric=metric,
        metric_params=metric_params,
        algorithm=algorithm,
        n_jobs=n_jobs,
        random_state=data.seed("neighbors"),
        raw=data.X,
        warn=data.warn_once,
    )
    return Neighbors.on(data.device, *lists)


class PairBatches(SampleBatches):
    """Batches of samples in random order, each with a random neighbor.

    Parameters
    ----------
    neighbors : Neighbors
        The neighbors.
    batch_size : int
        Wanted batch size.

    See Also
    --------
    find_neighbors : Finds the neighbors.

    Examples
    --------
    >>> import numpy as np
    >>> import torch
    >>> from skmanifold.base import FitData, PairBatches, find_neighbors
    >>> X = np.arange(10.0)[:, np.newaxis]
    >>> neighbors = find_neighbors(FitData(X, torch.tensor(X)), 1)
    >>> batches = PairBatches(neighbors, batch_size=5)
    >>> generator = torch.Generator().manual_seed(0)
    >>> for rows, others, distances, share in batches.epoch(generator):
    ...     distances
    tensor([1., 1., 1., 1., 1.])
    tensor([1., 1., 1., 1., 1.])
    """

    def __init__(self, neighbors, batch_size):
        self.neighbors = neighbors
        indices = neighbors.indices
        super().__init__(len(indices), batch_size, indices.device)

    def epoch(self, generator):
        """Yield each batch.

        Parameters
        ----------
        generator : torch.Generator
            Generator of the order and the neighbors, on the CPU.

        Yields
        ------
        rows, others : torch.Tensor of shape (B,), int64
            Indices of samples, and of a neighbor of each.
        distances : torch.Tensor of shape (B,)
            Distances between them.
        share : torch.Tensor of shape (B,)
            Uniform draws from [0, 1), for a point on the segment between the two.
        """
        indices, distances, counts = self.neighbors
        for rows, uniform in super().epoch(generator):
            others, share = sample_neighbors(indices, counts, rows, uniform)
            near, _ = sample_neighbors(distances, counts, rows, uniform)
            yield rows, others, near, share
