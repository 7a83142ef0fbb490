# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""Manifolds with known coordinates and topology, and the papers' real data sets."""

from skmanifold.datasets._fetch import (
    fetch_coil20,
    fetch_fashion_mnist,
    fetch_har,
    fetch_isolet,
    fetch_kuzushiji_mnist,
    fetch_mnist,
    fetch_pendigits,
    fetch_usps,
)
from skmanifold.datasets._manifolds import (
    make_circle,
    make_flat_torus,
    make_klein_bottle,
    make_mobius_strip,
    make_nested_clusters,
    make_open_sphere,
    make_projective_plane,
    make_s_curve,
    make_sphere,
    make_star_fruit,
    make_swiss_roll,
    make_torus,
    make_trefoil,
    make_twin_swiss_roll,
)

__all__ = [
    "fetch_coil20",
    "fetch_fashion_mnist",
    "fetch_har",
    "fetch_isolet",
    "fetch_kuzushiji_mnist",
    "fetch_mnist",
    "fetch_pendigits",
    "fetch_usps",
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
