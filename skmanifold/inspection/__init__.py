# SPDX-License-Identifier: BSD-3-Clause

"""Displays of embeddings, their quality and their training.

As in scikit-learn, ``from_estimator`` and similar methods compute and plot, and
``plot`` plots again. Importing this package loads neither matplotlib nor torch.
"""

from skmanifold.inspection._atlas import AtlasDisplay
from skmanifold.inspection._clusters import ClusterConfidenceDisplay, ClusterRankDisplay
from skmanifold.inspection._curves import DimensionDisplay, TrainingCurveDisplay
from skmanifold.inspection._distances import DistortionDisplay, ShepardDisplay
from skmanifold.inspection._embedding import EmbeddingDisplay
from skmanifold.inspection._explorer import write_explorer
from skmanifold.inspection._neighborhood import NeighborhoodPreservationDisplay
from skmanifold.inspection._topology import BarcodeDisplay

__all__ = [
    "AtlasDisplay",
    "BarcodeDisplay",
    "ClusterConfidenceDisplay",
    "ClusterRankDisplay",
    "DimensionDisplay",
    "DistortionDisplay",
    "EmbeddingDisplay",
    "NeighborhoodPreservationDisplay",
    "ShepardDisplay",
    "TrainingCurveDisplay",
    "write_explorer",
]
