# SPDX-License-Identifier: BSD-3-Clause

import numpy as np

from skmanifold.utils import import_optional
from skmanifold.utils._containers import as_array
from skmanifold.utils._distances import (
    check_both_sides,
    check_entries,
    check_symmetric,
)
from skmanifold.utils._sklearn import validate_params
from skmanifold.utils._validation import Count


@validate_params(
    {"distances": ["array-like"], "max_dimension": [Count(0)]},
    prefer_skip_nested_validation=True,
)
def persistence_edges(distances, max_dimension=0):
    """Find the edges at which homology classes of the Rips complex are born and die.

    A class of dimension 0 dies at an edge of the minimum spanning tree. A class of
    dimension 1 is born at the edge that closes a loop, and dies at the longest edge of
    the triangle that fills it.

    Parameters
    ----------
    distances : array-like of shape (n_samples, n_samples)
        Symmetric distances between the samples.
    max_dimension : int, default=0
        Highest dimension of the homology classes. From 1 on the package gudhi is
        needed, and time grows with the cube of `n_samples`.

    Returns
    -------
    edges : ndarray of shape (n_edges, 2), int
        Pairs of samples: first the `n_samples` - 1 edges of the spanning tree, then the
        births and deaths of the higher dimensions.

    Raises
    ------
    ImportError
        If `max_dimension` is positive and gudhi is not installed.
    ValueError
        If `distances` is not a symmetric matrix of finite numbers of at least 0.

    Notes
    -----
    The spanning tree is found by Prim's algorithm, in O(n_samples ** 2).

    Examples
    --------
    >>> from scipy.spatial.distance import cdist
    >>> from skmanifold.topology import persistence_edges
    >>> X = [[0.0], [1.0], [3.0]]
    >>> persistence_edges(cdist(X, X))
    array([[0, 1],
           [1, 2]])
    """
    distances = as_array(distances, "distances", finite=True)
    if distances.ndim != 2 or distances.shape[0] != distances.shape[1]:
        raise ValueError(
            f"distances has shape {distances.shape}; it must be a square matrix, such "
            "as scipy.spatial.distance.cdist(X, X)."
        )
    if distances.min(initial=0) < 0:
        check_entries(distances, "distances")
        # negative by rounding: gudhi would crash
        distances = np.maximum(distances, 0)
    if (distances != distances.T).any():
        check_both_sides(distances, "distances")
        check_symmetric(distances, "distances")
    edges = _minimum_spanning_tree(distances)
    if max_dimension == 0 or len(distances) < 2:
        return edges
    gudhi = import_optional("gudhi", "topology", feature="Homology of dimension 1")
    complex = gudhi.RipsComplex(distance_matrix=distances)
    tree = complex.create_simplex_tree(max_dimension=max_dimension + 1)
    tree.compute_persistence()
    finite = tree.flag_persistence_generators()[1]
    higher = [pairs.reshape(-1, 2) for pairs in finite if len(pairs)]
    return np.concatenate([edges, *higher])


def _minimum_spanning_tree(distances):
    """Return the edges of the minimum spanning tree, (n - 1, 2), shortest first."""
    n = len(distances)
    edges = np.empty((max(n - 1, 0), 2), dtype=np.intp)
    nearest = np.array(distances[:1], dtype=np.float64).reshape(-1)
    parents = np.zeros(n, dtype=np.intp)
    nearest[:1] = np.inf
    outside = np.ones(n, dtype=bool)
    outside[:1] = False
    lengths = np.empty(len(edges))
    for i in range(len(edges)):
        added = int(nearest.argmin())
        edges[i] = parents[added], added
        lengths[i] = nearest[added]
        outside[added] = False
        nearest[added] = np.inf
        closer = outside & (distances[added] < nearest)
        nearest[closer] = distances[added][closer]
        parents[closer] = added
    return edges[np.argsort(lengths, kind="stable")]
