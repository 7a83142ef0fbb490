# SPDX-License-Identifier: BSD-3-Clause

"""Topology of data: soft covers, their nerves, persistent homology and denoising.

None of it loads torch. Persistent homology needs the package gudhi:
``pip install 'skmanifold[topology]'``.
"""

from skmanifold.topology._betti_numbers import BettiEstimate, betti_numbers
from skmanifold.topology._complex import FilteredComplex
from skmanifold.topology._covers import (
    choose_prototypes,
    overlap,
    two_nearest,
)
from skmanifold.topology._denoising import denoise
from skmanifold.topology._nerve import cech_nerve
from skmanifold.topology._persistence import persistence
from skmanifold.topology._rips import persistence_edges
from skmanifold.topology._soft_cover import choose_n_charts, soft_cover
from skmanifold.topology._votes import estimate_betti_numbers

__all__ = [
    "BettiEstimate",
    "FilteredComplex",
    "betti_numbers",
    "cech_nerve",
    "choose_n_charts",
    "choose_prototypes",
    "denoise",
    "estimate_betti_numbers",
    "overlap",
    "persistence",
    "persistence_edges",
    "soft_cover",
    "two_nearest",
]
