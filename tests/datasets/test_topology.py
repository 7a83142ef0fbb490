# SPDX-License-Identifier: BSD-3-Clause

"""The stated Betti numbers are those of Vietoris-Rips complexes of few samples."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from skmanifold import datasets

gudhi = pytest.importorskip("gudhi")


def landmarks(X, n_landmarks):
    """Samples as far from each other as possible, one after the other."""
    chosen = [0]
    nearest = cdist(X[:1], X)[0]
    for _ in range(n_landmarks - 1):
        chosen.append(int(np.argmax(nearest)))
        nearest = np.minimum(nearest, cdist(X[chosen[-1:]], X)[0])
    return X[chosen], nearest.max()


# In covering radii. Neighboring landmarks may be two apart, and triangles of them fill
# the space between from 2.4 or so on.
SCALES = (2.5, 2.9)


def betti_numbers(X, n_landmarks, fields, top):
    """Numbers of classes born before the first scale that outlive the second."""
    points, radius = landmarks(X, n_landmarks)
    born, dead = (scale * radius for scale in SCALES)
    rips = gudhi.RipsComplex(points=points, max_edge_length=1.01 * dead)
    tree = rips.create_simplex_tree(max_dimension=1)
    # Leaves far fewer simplices, and the same persistence.
    tree.collapse_edges()
    tree.expansion(top + 1)
    numbers = {}
    for field in fields:
        # Without the last argument, cycles without triangles are not counted.
        tree.compute_persistence(homology_coeff_field=field, persistence_dim_max=True)
        result = tree.persistent_betti_numbers(born, dead)
        numbers[field] = tuple((result + [0] * (top + 1))[: top + 1])
    return numbers


# How many landmarks make gaps and necks wider than the second scale.
LANDMARKS = {
    "make_swiss_roll": 600,
    "make_twin_swiss_roll": 2500,
    "make_s_curve": 300,
    "make_star_fruit": 300,
    "make_open_sphere": 150,
    "make_sphere": 150,
    "make_torus": 400,
    "make_flat_torus": 300,
    "make_mobius_strip": 200,
    "make_klein_bottle": 500,
    "make_projective_plane": 200,
    "make_circle": 40,
    "make_trefoil": 80,
    "make_nested_clusters": 800,
}


def test_every_generator_is_here():
    made = {name for name in datasets.__all__ if name.startswith("make_")}
    assert made == set(LANDMARKS)


@pytest.mark.parametrize("name", LANDMARKS)
def test_stated_betti_numbers_are_those_of_rips_complexes(name):
    bunch = getattr(datasets, name)(40_000, random_state=0)
    stated = bunch.betti_numbers
    top = len(stated[2]) - 1
    assert betti_numbers(bunch.data, LANDMARKS[name], (2, 3), top) == stated


@pytest.mark.parametrize(
    ("name", "options", "n_landmarks"),
    [
        ("make_sphere", {"dimension": 1}, 40),
        ("make_sphere", {"dimension": 3}, 120),
        ("make_flat_torus", {"dimension": 1}, 40),
        ("make_projective_plane", {"n_features": 6}, 200),
        ("make_open_sphere", {"cap_angle": 0.9 * np.pi}, 300),
        ("make_star_fruit", {"radius": "cylindrical"}, 300),
    ],
)
def test_stated_betti_numbers_of_variants_are_right(name, options, n_landmarks):
    bunch = getattr(datasets, name)(40_000, random_state=0, **options)
    stated = bunch.betti_numbers[2]
    result = betti_numbers(bunch.data, n_landmarks, (2,), len(stated) - 1)
    assert result == {2: stated}
