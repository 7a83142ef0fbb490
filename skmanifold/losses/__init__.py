# SPDX-License-Identifier: BSD-3-Clause

"""Loss functions and kernels: pure functions, tensors in, scalars out.

They compute in full precision under autocast, see :func:`full_precision`.
"""

from ._clusters import (
    alignment_loss,
    center_distance_loss,
    cluster_divergence,
    local_isometry_loss,
    log_assignments,
    sharpened_assignments,
)
from ._contrastive import nt_xent
from ._divergence import two_way_divergence
from ._isometry import isometry_loss, jacobian_vector_product, vector_jacobian_product
from ._kernels import squared_distances, t_kernel, t_similarities
from ._mmd import chart_mmd
from ._precision import full_precision
from ._redundancy import barlow_twins
from ._topological import topological_loss
from ._triplets import batch_all_triplets, semi_hard_triplets

__all__ = [
    "alignment_loss",
    "barlow_twins",
    "batch_all_triplets",
    "center_distance_loss",
    "chart_mmd",
    "cluster_divergence",
    "full_precision",
    "isometry_loss",
    "jacobian_vector_product",
    "local_isometry_loss",
    "log_assignments",
    "nt_xent",
    "semi_hard_triplets",
    "sharpened_assignments",
    "squared_distances",
    "t_kernel",
    "t_similarities",
    "topological_loss",
    "two_way_divergence",
    "vector_jacobian_product",
]
