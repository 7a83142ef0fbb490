# SPDX-License-Identifier: BSD-3-Clause

"""Last layers of ONNX graphs, one for each method of an estimator."""

from typing import NamedTuple

import torch
from torch import nn


class Head(NamedTuple):
    """The result of a method, computed from the outputs of ``network_`` in torch.

    The hook ``_heads`` returns one for each method that ``to_onnx`` can write.

    Parameters
    ----------
    make : callable
        Returns a torch module that maps these outputs, (n, n_outputs), to the result of
        the method: a tensor, or a tuple of tensors.
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
    """Index of the nearest center, the first of equally near ones."""

    def __init__(self, centers):
        super().__init__()
        self.register_buffer("centers", torch.from_numpy(centers).double())

    def forward(self, z):
        """Map points (n, n_components) to indices of centers (n,)."""
        squares = (z.double().unsqueeze(1) - self.centers).square().sum(2)
        return squares.argmin(1)
