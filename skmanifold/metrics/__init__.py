# SPDX-License-Identifier: BSD-3-Clause

"""Metrics of embeddings, and scorers for model selection.

They need NumPy, SciPy and scikit-learn only, and work on chunks of the distance matrix.
"""

from skmanifold.metrics._clusters import cluster_rank_accuracy, clustering_accuracy
from skmanifold.metrics._dimension import intrinsic_dimension
from skmanifold.metrics._distance import (
    distance_correlation,
    distance_rmse,
    local_geometric_distortion,
    stress,
)
from skmanifold.metrics._geometry import isometry_distortion, local_curvature
from skmanifold.metrics._neighborhood import (
    continuity,
    mean_relative_rank_error,
    neighborhood_hit,
    neighborhood_preservation,
    neighborhood_preservation_auc,
    neighborhood_preservation_curve,
    trustworthiness,
)
from skmanifold.metrics._retrieval import mean_average_precision_at_k, recall_at_k
from skmanifold.metrics._scorers import (
    get_scorer,
    get_scorer_names,
    make_embedding_scorer,
)

__all__ = [
    "cluster_rank_accuracy",
    "clustering_accuracy",
    "continuity",
    "distance_correlation",
    "distance_rmse",
    "get_scorer",
    "get_scorer_names",
    "intrinsic_dimension",
    "isometry_distortion",
    "local_curvature",
    "local_geometric_distortion",
    "make_embedding_scorer",
    "mean_average_precision_at_k",
    "mean_relative_rank_error",
    "neighborhood_hit",
    "neighborhood_preservation",
    "neighborhood_preservation_auc",
    "neighborhood_preservation_curve",
    "recall_at_k",
    "stress",
    "trustworthiness",
]
