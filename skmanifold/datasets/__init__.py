# SPDX-License-Identifier: BSD-3-Clause

"""Manifolds with known coordinates and topology, and real data sets."""

from skmanifold.datasets._clusters import make_nested_clusters
from skmanifold.datasets._curves import make_circle, make_trefoil
from skmanifold.datasets._fetch import fetch_dataset
from skmanifold.datasets._rolls import (
    make_s_curve,
    make_swiss_roll,
    make_twin_swiss_roll,
)
from skmanifold.datasets._spheres import (
    make_open_sphere,
    make_projective_plane,
    make_sphere,
    make_star_fruit,
)
from skmanifold.datasets._tori import (
    make_flat_torus,
    make_klein_bottle,
    make_mobius_strip,
    make_torus,
)

__all__ = [
    "fetch_dataset",
    "make_circle",
    "make_flat_torus",
    "make_klein_bottle",
    "make_mobius_strip",
    "make_nested_clusters",
    "make_open_sphere",
    "make_projective_plane",
    "make_s_curve",
    "make_sphere",
    "make_star_fruit",
    "make_swiss_roll",
    "make_torus",
    "make_trefoil",
    "make_twin_swiss_roll",
]
