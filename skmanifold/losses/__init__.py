# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""Loss functions and kernels: pure functions, tensors in, scalars out."""

from ._divergence import two_way_divergence
from ._kernels import log_t_normalizer, squared_distances, t_kernel, t_similarities

__all__ = [
    "log_t_normalizer",
    "squared_distances",
    "t_kernel",
    "t_similarities",
    "two_way_divergence",
]
