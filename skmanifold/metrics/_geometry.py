# SPDX-License-Identifier: BSD-3-Clause

"""Metrics of flatness and of isometric decoders."""

from itertools import product

import numpy as np
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import ConvexHull, Delaunay, QhullError
from sklearn.utils import check_random_state

from skmanifold.metrics._checks import (
    check_data,
    check_neighbors,
    check_pair,
    choose_rows,
    decoded,
    validate_metric,
)
from skmanifold.metrics._ranks import kneighbors, map_chunks, neighbors_graph
from skmanifold.utils._containers import counted
from skmanifold.utils._sklearn import StrOptions
from skmanifold.utils._validation import Count

# One search of the graph serves several paths from the same source.
_PATHS_PER_SOURCE = 10


def _angles(u, v):
    """Return angles between vectors along the last axis, accurate for small angles."""
    u = u / np.linalg.norm(u, axis=-1, keepdims=True)
    v = v / np.linalg.norm(v, axis=-1, keepdims=True)
    return 2.0 * np.arctan2(
        np.linalg.norm(u - v, axis=-1), np.linalg.norm(u + v, axis=-1)
    )


@validate_metric(
    {"method": [StrOptions({"angle_defect", "turning_angle"})], "n_paths": [Count(1)]}
)
def local_curvature(
    X,
    Z,
    *,
    method="angle_defect",
    n_neighbors=10,
    n_paths=1000,
    metric="euclidean",
    per_sample=False,
    n_samples=None,
    n_jobs=None,
    random_state=None,
):
    """Compute the curvature of the embedding along the neighbors in the input.

    Pass the same array twice for the curvature of the data.

    ``"angle_defect"`` is the discrete Gaussian curvature of a surface at a vertex,

    .. math::

        c_i = 2\\pi - \\sum_{t=1}^k \\angle(z_{i_t} - z_i, z_{i_{t+1}} - z_i),

    where the k nearest neighbors in the input are ordered cyclically by angle around
    ``i``, in their best-fitting plane in the embedding. It is 0 inside a plane,
    positive at peaks and at the boundary, negative at saddles. The value is the mean of
    :math:`|c_i|`, in [0, inf).

    ``"turning_angle"`` is the mean angle, in [0, pi], by which random shortest paths in
    the graph of nearest neighbors in the input turn in the embedding, over all inner
    vertices :math:`p_t` of the paths p:

    .. math::

        \\angle(z_{p_t} - z_{p_{t-1}}, z_{p_{t+1}} - z_{p_t})

    Lower is flatter.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features) or (n_samples, n_samples)
        The input, or its distances if ``metric="precomputed"``.
    Z : array-like of shape (n_samples, n_components)
        The embedding, with at least two features for ``"angle_defect"``.
    method : {"angle_defect", "turning_angle"}, default="angle_defect"
        Curvature of surfaces, or of paths. Choose ``"turning_angle"`` if the manifold
        has more than two dimensions.
    n_neighbors : int, default=10
        Number of neighbors; at least 3 for ``"angle_defect"``.
    n_paths : int, default=1000
        Number of random paths; paths without an inner vertex are left out.
    metric : str or callable, default="euclidean"
        Metric of the input, as in :func:`~sklearn.metrics.pairwise_distances`.
    per_sample : bool, default=False
        Return the signed defects :math:`c_i`; ``"angle_defect"`` only.
    n_samples : int, default=None
        Evaluate only this many samples; ``"angle_defect"`` only. None means all.
    n_jobs : int, default=None
        Number of threads; None means 1.
    random_state : int, RandomState instance or None, default=None
        Seed of the paths, or of the samples if `n_samples` is given.

    Returns
    -------
    curvature : float or ndarray of shape (n_samples,)
        The mean, or with ``per_sample=True`` the defects in the order of X.

    Raises
    ------
    ValueError
        If too many neighbors coincide with a sample to leave three directions, or if no
        path has an inner vertex.

    Notes
    -----
    The first equation of the DLME paper omits the order of the neighbors and the
    difference from :math:`2\\pi`. Its authors' code measures turning angles, without
    the last inner vertex of each path.

    References
    ----------
    .. [1] Z. Zang et al. DLME: deep local-flatness manifold embedding.
       ECCV, 2022.
    .. [2] M. Meyer, M. Desbrun, P. Schröder and A. H. Barr. Discrete
       differential-geometry operators for triangulated 2-manifolds. Visualization and
       Mathematics III, 2003.

    Examples
    --------
    Each corner of an octahedron has a defect of 120 degrees:

    >>> import numpy as np
    >>> from skmanifold.metrics import local_curvature
    >>> octahedron = np.concatenate([np.eye(3), -np.eye(3)])
    >>> round(np.degrees(local_curvature(octahedron, octahedron, n_neighbors=4)))
    120
    """
    X, Z = check_pair(X, Z, metric=metric, sparse=False)
    n = X.shape[0]
    _, k = check_neighbors(n_neighbors, n, ranges=False)
    Z = Z.astype(np.float64, copy=False)
    if method == "turning_angle":
        if per_sample or n_samples is not None:
            raise ValueError(
                f"per_sample={per_sample} and n_samples={n_samples} require"
                " method='angle_defect': turning angles belong to paths. Set n_paths."
            )
        return _turning_angle(X, Z, k, n_paths, metric, n_jobs, random_state)

    if k < 3 or Z.shape[1] < 2:
        raise ValueError(
            "method='angle_defect' needs n_neighbors >= 3 and an embedding of at least"
            f" two features, got n_neighbors={k} and {Z.shape[1]} feature(s)."
        )
    rows = choose_rows(n, n_samples, random_state)
    near = kneighbors(X, k, metric=metric, rows=rows, n_jobs=n_jobs)

    def chunk_defects(chunk):
        return _angle_defects(Z[near[chunk]] - Z[rows[chunk], np.newaxis])

    parts = map_chunks(chunk_defects, len(rows), 4 * 8 * k * Z.shape[1], n_jobs)
    defects = np.concatenate(parts)
    return defects if per_sample else float(np.abs(defects).mean())


def _angle_defects(V):
    """Return defects of vertices at the origin; V: (n_vertices, k, n_components)."""
    lengths = np.linalg.norm(V, axis=2)
    degenerate = (lengths == 0.0).any(axis=1)
    defects = np.empty(len(V))
    defects[~degenerate] = _proper_defects(V[~degenerate])
    for i in np.flatnonzero(degenerate):
        directions = V[i][lengths[i] > 0.0]
        if len(directions) < 3:
            raise ValueError(
                f"{counted(len(directions), 'neighbor')} of a sample "
                f"{'lies' if len(directions) == 1 else 'lie'} elsewhere in Z, and "
                f"{V.shape[1] - len(directions)} coincide with it, but three "
                "directions are needed. Increase n_neighbors, or remove repeated "
                "samples."
            )
        defects[i] = _proper_defects(directions[np.newaxis])[0]
    return defects


def _proper_defects(V):
    if V.shape[2] > 2:
        # The plane of the neighbors alone: at a sharp peak, the scatter around the
        # vertex is largest along the normal.
        spread = V - V.mean(axis=1, keepdims=True)
        plane = np.linalg.svd(spread, full_matrices=False)[2][:, :2]
        flat = np.einsum("nkd,npd->nkp", V, plane)
    else:
        flat = V
    around = np.argsort(np.arctan2(flat[..., 1], flat[..., 0]), axis=1)
    V = np.take_along_axis(V, around[..., np.newaxis], axis=1)
    return 2.0 * np.pi - _angles(V, np.roll(V, -1, axis=1)).sum(axis=1)


def _turning_angle(X, Z, n_neighbors, n_paths, metric, n_jobs, random_state):
    rng = check_random_state(random_state)
    n = X.shape[0]
    graph = neighbors_graph(X, n_neighbors, metric=metric, n_jobs=n_jobs)
    n_sources = min(n, -(-n_paths // _PATHS_PER_SOURCE))
    sources = rng.choice(n, size=n_sources, replace=False)
    targets = rng.randint(n, size=(-(-n_paths // n_sources), n_sources))
    targets = targets.ravel()[:n_paths]

    def from_sources(chunk):
        before = dijkstra(
            graph, directed=False, indices=sources[chunk], return_predecessors=True
        )[1]
        angles = []
        for path in range(n_paths):
            row = path % n_sources - chunk.start
            if 0 <= row < len(before):
                angles.append(_path_angles(Z, before[row], targets[path]))
        return np.concatenate([*angles, np.empty(0)])

    angles = np.concatenate(map_chunks(from_sources, n_sources, 2 * 8 * n, n_jobs))
    if not len(angles):
        raise ValueError(
            f"None of {n_paths} random paths has an inner vertex. Increase n_paths, or"
            " decrease n_neighbors so that paths have more than one step."
        )
    return float(angles.mean())


def _path_angles(Z, before, target):
    path = [target]
    while before[path[-1]] >= 0:
        path.append(before[path[-1]])
    steps = np.diff(Z[path], axis=0)
    steps = steps[np.linalg.norm(steps, axis=1) > 0.0]
    return _angles(steps[:-1], steps[1:])


@validate_metric({"grid_size": [Count(2), None]})
def isometry_distortion(decoder, Z, *, grid_size=None):
    """Compute the deviation of a decoder from an isometry up to scale.

    A grid over the convex hull of the codes is triangulated and decoded. With
    the ratios :math:`\\rho_e = \\|f(a) - f(b)\\| / \\|a - b\\|` of its edges
    :math:`e = (a, b)`, the value is the standard deviation of
    :math:`\\rho / \\bar\\rho`. It lies in [0, inf); lower is better, and 0 is an
    isometry up to scale.

    Parameters
    ----------
    decoder : callable or object with ``inverse_transform``
        A fitted estimator, or a function of codes that returns samples.
    Z : array-like of shape (n_samples, n_components)
        The codes of the data, of at most six components.
    grid_size : int, default=None
        Vertices of the grid along each axis; None means about 2,500 in total. Increase
        it if the hull of the codes is narrow.

    Returns
    -------
    distortion : float
        The standard deviation of the edge ratios divided by their mean.

    Raises
    ------
    ValueError
        If the codes lie in a subspace, the grid is too coarse for their hull, or the
        decoder is constant.

    References
    ----------
    .. [1] A. Gropp, M. Atzmon and Y. Lipman. Isometric autoencoders.
       arXiv:2006.09289, 2020. Table 2.

    Examples
    --------
    >>> import numpy as np
    >>> from skmanifold.metrics import isometry_distortion
    >>> Z = np.random.default_rng(0).uniform(size=(100, 2))
    >>> def cylinder(z):
    ...     return np.column_stack([np.cos(z[:, 0]), np.sin(z[:, 0]), z[:, 1]])
    >>> isometry_distortion(cylinder, Z) < 1e-3
    True
    >>> round(isometry_distortion(lambda z: z * [1.0, 3.0], Z), 1)
    0.4
    """
    Z = check_data(Z, "Z", sparse=False).astype(np.float64, copy=False)
    d = Z.shape[1]
    if d > 6:
        raise ValueError(
            f"Z has {d} components, but the grid supports at most 6. Pass a decoder of"
            " fewer components, with the others held fixed."
        )
    if grid_size is None:
        grid_size = max(3, round(2500 ** (1.0 / d)))

    low, high = Z.min(axis=0), Z.max(axis=0)
    shape = (grid_size,) * d
    steps = np.stack(np.unravel_index(np.arange(grid_size**d), shape), axis=1)
    grid = low + steps * ((high - low) / (grid_size - 1))
    inside = _inside_hull(Z, grid).reshape(shape)
    number = np.cumsum(inside).reshape(shape) - 1

    # The edges of Kuhn's triangulation: steps of 0 or 1 along every axis.
    edges = []
    for step in product((0, 1), repeat=d):
        if any(step):
            start = tuple(slice(None, -1) if s else slice(None) for s in step)
            end = tuple(slice(1, None) if s else slice(None) for s in step)
            both = inside[start] & inside[end]
            edges.append(np.stack([number[start][both], number[end][both]]))
    a, b = np.concatenate(edges, axis=1)
    if not len(a):
        raise ValueError(
            "No edge of the grid lies inside the hull of Z, with"
            f" grid_size={grid_size}. Increase grid_size."
        )

    vertices = grid[inside.ravel()]
    points = decoded(decoder, vertices).astype(np.float64, copy=False)
    if not np.isfinite(points).all():
        raise ValueError("decoder must return finite samples, got NaN or infinity.")
    ratios = np.linalg.norm(points[a] - points[b], axis=1)
    ratios /= np.linalg.norm(vertices[a] - vertices[b], axis=1)
    mean = ratios.mean()
    if mean == 0.0:
        raise ValueError(
            "decoder returns the same sample for all codes. Pass one that varies."
        )
    return float(ratios.std() / mean)


def _inside_hull(Z, grid):
    if (np.ptp(Z, axis=0) == 0.0).any():
        raise ValueError(
            "A component of Z is constant, so the codes span no grid. Pass codes that "
            "vary in each component."
        )
    if Z.shape[1] == 1:
        return np.ones(len(grid), dtype=bool)
    try:
        corners = Z[ConvexHull(Z).vertices]
        return Delaunay(corners).find_simplex(grid) >= 0
    except QhullError as error:
        raise ValueError(
            f"The {len(Z)} codes in Z span no volume: they lie in a subspace, or there"
            " are fewer than n_components + 1."
        ) from error
