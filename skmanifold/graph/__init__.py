# SPDX-License-Identifier: BSD-3-Clause
"""Nearest-neighbor graphs, computed or supplied, and distances along them."""

from ._connectivity import connected_components_of, neighbors_from_graph
from ._distinct import has_isolated_samples
from ._geodesics import geodesic_embedding
from ._lists import neighbors_from_connectivity, neighbors_from_data
from ._neighbors import nearest_neighbors

__all__ = [
    "connected_components_of",
    "geodesic_embedding",
    "has_isolated_samples",
    "nearest_neighbors",
    "neighbors_from_connectivity",
    "neighbors_from_data",
    "neighbors_from_graph",
]
