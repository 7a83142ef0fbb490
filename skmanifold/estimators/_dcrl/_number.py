# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""Number of clusters."""

import numpy as np
from scipy.cluster.hierarchy import linkage
from scipy.spatial.distance import cdist

# More samples are represented by as many: the cost is quadratic.
_MOST_SAMPLES = 3000

# Smallest neighborhood: smaller ones break groups by chance.
_FEWEST_NEIGHBORS = 5

# Numbers of groups that persist less arise by chance: on data without groups (Gaussian,
# uniform, rolls, spheres) none above 1 reached 0.4, on 18 data sets with groups one
# reached 0.8.
_LEAST_PERSISTENCE = 0.5


def count_groups(embedding, seed):
    """Count the groups of an embedding at all scales.

    Two samples are linked if each is among the k nearest neighbors of the other. Groups
    are the connected parts of this graph, with at least k samples. A number of groups
    that holds from k to f k has the persistence log f. [1]_

    Parameters
    ----------
    embedding : ndarray of shape (n_samples, n_components)
        Separates groups, as DLME does.
    seed : int
        Seed of a subset of many samples.

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
    if len(embedding) > _MOST_SAMPLES:
        rng = np.random.RandomState(seed)
        embedding = embedding[rng.choice(len(embedding), _MOST_SAMPLES, replace=False)]
    n_samples = len(embedding)
    sizes, births, deaths = _hierarchy(embedding)
    scales = np.arange(_FEWEST_NEIGHBORS, max(n_samples // 2, _FEWEST_NEIGHBORS) + 1)
    counts = [np.sum((births <= k) & (k < deaths) & (k <= sizes)) for k in scales]
    numbers, inverse = np.unique(np.maximum(counts, 1), return_inverse=True)
    return numbers, np.bincount(inverse, np.log((scales + 0.5) / (scales - 0.5)))


def choose_number(numbers, persistence):
    """Return the number of groups above 1 that persists longest, or 1 if none does."""
    lasting = np.where(numbers > 1, persistence, 0.0)
    best = lasting.argmax()
    return int(numbers[best]) if lasting[best] >= _LEAST_PERSISTENCE else 1


def _hierarchy(points):
    """Return the sizes of all groups, and the k at which they form and are joined."""
    n_samples = len(points)
    distances = cdist(points, points)
    np.fill_diagonal(distances, -1.0)  # before copies of the sample
    order = np.argsort(distances, axis=1, kind="stable")
    ranks = np.empty_like(distances)
    np.put_along_axis(ranks, order, np.arange(n_samples)[np.newaxis], axis=1)
    mutual = np.maximum(ranks, ranks.T)[np.triu_indices(n_samples, 1)]
    merges = linkage(mutual, "single")
    sizes = np.concatenate([np.ones(n_samples), merges[:, 3]])
    births = np.concatenate([np.zeros(n_samples), merges[:, 2]])
    deaths = np.full(len(births), np.inf)
    deaths[merges[:, :2].astype(int)] = merges[:, 2:3]
    return sizes, births, deaths
