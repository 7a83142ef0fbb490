# SPDX-License-Identifier: BSD-3-Clause

"""Number of clusters."""

import numpy as np
from scipy.cluster.hierarchy import linkage
from scipy.spatial.distance import cdist

# More samples are counted in parts of as many, up to a number of parts: the cost is
# quadratic.
_MOST_SAMPLES = 3000
_MOST_PARTS = 5

# Smallest neighborhood: smaller ones break groups by chance.
_FEWEST_NEIGHBORS = 5

# Numbers of groups that persist less arise by chance in data without groups (Gaussian,
# uniform); heavy tails reach 0.8 now and then. A group needs nine samples to reach it.
# Gaps by chance are rarer among many samples, and differ between parts.
_LEAST_PERSISTENCE = 0.7
_LEAST_PERSISTENCE_OF_PARTS = 0.5

# Largest difference of numbers that persist together, relative to the first.
_NEAR = 0.1

# Of overlapping groups no number may persist, but some number above 1 is found at
# almost any scale; by chance, only over less than a factor of ten.
_LEAST_TOTAL = np.log(10)


def count_groups(points, seed):
    """Count the groups of points at all scales.

    Two points are linked if each is among the k nearest neighbors of the other. Groups
    are the connected parts of this graph, with at least k points. A number of groups
    that holds from k to f k has the persistence log f. [1]_

    Copies are one neighbor, but each adds to the size of a group, in units of the mean
    number of copies: equal numbers of copies of all points change nothing, and many
    copies of one point are a group.

    Many points are divided into random parts; the persistence is the mean over these.

    Parameters
    ----------
    points : ndarray of shape (n_samples, n_components)
        Coordinates of the samples.
    seed : int
        Seed of the parts.

    Returns
    -------
    numbers : ndarray of shape (n_numbers,), int
        Numbers of groups, increasing.
    persistence : ndarray of shape (n_numbers,)
        Persistence of each number.

    References
    ----------
    .. [1] M. Maier, M. Hein, U. von Luxburg, "Optimal construction of
       k-nearest-neighbor graphs for identifying noisy clusters", Theoretical Computer
       Science 410, 2009: a large k, in proportion to the groups, finds them best.
    """
    n_parts = min(-(-len(points) // _MOST_SAMPLES), _MOST_PARTS)
    order = np.arange(len(points))
    if n_parts > 1:
        order = np.random.RandomState(seed).permutation(order)
    parts = np.array_split(order[: n_parts * _MOST_SAMPLES], n_parts)
    counts = [_count_at_all_scales(points[part]) for part in parts]
    numbers, inverse = np.unique(
        np.concatenate([part for part, _ in counts]), return_inverse=True
    )
    widths = np.concatenate([part for _, part in counts])
    return numbers, np.bincount(inverse, widths) / n_parts


def _count_at_all_scales(points):
    """Return the number of groups at each scale, and the logarithmic width of each."""
    points, copies = np.unique(points, axis=0, return_counts=True)
    n_points = len(points)
    if n_points == 1:
        return np.ones(1, dtype=int), np.zeros(1)
    sizes, births, deaths = _hierarchy(points, copies)
    # in whole numbers: sizes are compared with k
    sizes, unit = sizes * n_points, copies.sum()
    scales = np.arange(_FEWEST_NEIGHBORS, max(n_points // 2, _FEWEST_NEIGHBORS) + 1)
    counts = [
        np.sum((births <= k) & (k < deaths) & (k * unit <= sizes)) for k in scales
    ]
    return np.maximum(counts, 1), np.log((scales + 0.5) / (scales - 0.5))


def choose_number(numbers, persistence, n_distinct):
    """Return the number of groups above 1 that persists longest, and if it is certain.

    Numbers that differ by up to a tenth persist together: some of many groups touch,
    each at its own scale. The number is 1 if none above it persists, nor all together.
    ``n_distinct`` is the number of distinct samples.
    """
    lasting = np.where(numbers > 1, persistence, 0.0)
    near = np.abs(numbers - numbers[:, np.newaxis]) <= _NEAR * numbers[:, np.newaxis]
    together = near @ lasting * (numbers > 1)
    best = together.argmax()
    in_parts = n_distinct > _MOST_SAMPLES
    least = _LEAST_PERSISTENCE_OF_PARTS if in_parts else _LEAST_PERSISTENCE
    if together[best] >= least:
        return int(numbers[np.where(near[best], lasting, 0.0).argmax()]), True
    # alone: many numbers are near a large one, and noise has large ones
    best = lasting.argmax()
    return int(numbers[best]) if lasting.sum() >= _LEAST_TOTAL else 1, False


def _hierarchy(points, copies):
    """Return the sizes of all groups, and the k at which they form and are joined."""
    n_points = len(points)
    distances = cdist(points, points)
    np.fill_diagonal(distances, -1.0)  # before neighbors at distance 0 by rounding
    order = np.argsort(distances, axis=1, kind="stable")
    ranks = np.empty_like(distances)
    np.put_along_axis(ranks, order, np.arange(n_points)[np.newaxis], axis=1)
    mutual = np.maximum(ranks, ranks.T)[np.triu_indices(n_points, 1)]
    merges = linkage(mutual, "single")
    joined = merges[:, :2].astype(int)
    sizes = np.concatenate([copies, np.zeros(len(merges), dtype=copies.dtype)])
    for group, parts in enumerate(joined, n_points):
        sizes[group] = sizes[parts].sum()
    births = np.concatenate([np.zeros(n_points), merges[:, 2]])
    deaths = np.full(len(births), np.inf)
    deaths[joined] = merges[:, 2:3]
    return sizes, births, deaths
