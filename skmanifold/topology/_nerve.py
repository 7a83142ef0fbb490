# SPDX-License-Identifier: BSD-3-Clause

import math

import numpy as np

from skmanifold.graph._distinct import positions_in_groups
from skmanifold.topology._complex import FilteredComplex
from skmanifold.topology._covers import check_memberships, inverse_mass
from skmanifold.utils._containers import counted
from skmanifold.utils._sklearn import StrOptions, validate_params
from skmanifold.utils._validation import Count

# Number of memberships per block of filtration values: a block fits into the
# processor's cache, which is several times faster.
_BLOCK_SIZE = 2**16

NERVE_CONSTRAINTS = {
    "max_dimension": [Count(0)],
    "filtration": [StrOptions({"dowker", "fuzzy"})],
    "rank": [Count(1)],
    "max_samples": [Count(1), None],
}


@validate_params(
    NERVE_CONSTRAINTS | {"max_simplices": [Count(1)]},
    prefer_skip_nested_validation=True,
)
def cech_nerve(
    Q,
    max_dimension=3,
    *,
    filtration="dowker",
    rank=1,
    max_samples=2000,
    max_simplices=50_000,
):
    """Build the filtered nerve of a soft cover.

    A set of charts spans a simplex if some points belong to all of them. On the scale
    of -log, the simplex sigma enters

    - with ``filtration="dowker"`` [2]_ at -log of the rank-th largest, over all points
      x, of ``min_{a in sigma} q_a(x)``;
    - with ``filtration="fuzzy"`` [1]_ at -log of the smallest, over all faces of two
      charts or more, of ``mean_{a in face} 1 / S_a  sum_x prod_{a in face} q_a(x)``
      with masses ``S_a``; single charts enter at 0.

    Parameters
    ----------
    Q : array-like of shape (n_samples, n_charts)
        Memberships in [0, 1], for example from :func:`soft_cover` or the
        ``predict_proba`` of :class:`~skmanifold.AtlasAE` or
        :class:`sklearn.mixture.GaussianMixture`.
    max_dimension : int, default=3
        Largest dimension of a simplex. Homology is exact up to one dimension less.
    filtration : {"dowker", "fuzzy"}, default="dowker"
        Filtration values of the simplices. "dowker" is more reliable.
    rank : int, default=1
        Number of points that must lie in the charts of a simplex ("dowker" only).
        Increase it (2 to 5) for noisy data, so that stray points do not connect charts.
    max_samples : int or None, default=2000
        Number of samples to use, a random subset with a fixed seed if Q has more. None
        uses all.
    max_simplices : int, default=50000
        Maximum number of candidate simplices per dimension from triangles on, those
        whose faces enter first. The complex ends where the first omitted simplex could
        enter. Increase it if that is too early.

    Returns
    -------
    FilteredComplex
        The nerve.

    References
    ----------
    .. [1] E. O. Korman, "Autoencoding topology", arXiv:1803.00156. Its formula for
       more than two charts is not a filtration; the minimum over the faces makes it
       one.
    .. [2] C. H. Dowker, "Homology groups of relations",
       Annals of Mathematics 56, 1952.

    Examples
    --------
    >>> from skmanifold.datasets import make_circle
    >>> from skmanifold.topology import cech_nerve, soft_cover
    >>> Q = soft_cover(make_circle(500, random_state=0).data, 5, random_state=0)
    >>> cech_nerve(Q, max_dimension=2)
    FilteredComplex(n_simplices=(5, 10, 10))
    """
    Q = check_memberships(Q)
    if Q.max() > 1 + 1e-6:
        raise ValueError(
            f"Q has the value {Q.max():g}, but memberships lie in [0, 1]. Divide each "
            "row by its sum."
        )
    if max_samples is not None and len(Q) > max_samples:
        # at random, since the samples may be ordered or periodic
        rng = np.random.RandomState(0)
        Q = Q[np.sort(rng.choice(len(Q), max_samples, replace=False))]
    if rank > len(Q):
        raise ValueError(
            f"rank={rank} needs at least {rank} samples, but got "
            f"{counted(len(Q), 'sample')}. Decrease rank, or increase max_samples."
        )
    if filtration == "fuzzy":
        return _grow(_Fuzzy(Q), Q.shape[1], max_dimension, max_simplices)
    with np.errstate(divide="ignore"):
        # + 0.0: the logarithm of 1 becomes zero without a sign
        minus_log = np.ascontiguousarray(-np.log(Q.T) + 0.0)
    return dowker_nerve(minus_log, max_dimension, rank, max_simplices)


def dowker_nerve(minus_log, max_dimension, rank, max_simplices):
    """Build the Dowker nerve from -log of memberships, (n_charts, n_samples)."""
    filtration = _Dowker(minus_log, rank)
    return _grow(filtration, len(minus_log), max_dimension, max_simplices)


class _Dowker:
    """Filtration values "dowker" of batches of sorted simplices, see cech_nerve."""

    def __init__(self, minus_log, rank):
        self.minus_log = minus_log
        self.rank = rank
        self.vertices = self._select(minus_log.copy())
        self.full_simplex = self._select(self.minus_log.max(axis=0, keepdims=True))[0]

    def __call__(self, simplices, cut):
        """Return the values; those at the cut or later may be inf."""
        if np.isinf(cut):
            return self._evaluate(simplices, self.minus_log)
        values = np.full(len(simplices), np.inf)
        # only points in the first chart of a simplex before the cut count
        charts, starts = np.unique(simplices[:, 0], return_index=True)
        for chart, start, stop in zip(
            charts, starts, [*starts[1:], len(simplices)], strict=True
        ):
            points = np.flatnonzero(self.minus_log[chart] < cut)
            if len(points) >= self.rank:
                values[start:stop] = self._evaluate(
                    simplices[start:stop], self.minus_log[:, points]
                )
        return values

    def _evaluate(self, simplices, minus_log):
        values = np.empty(len(simplices))
        n_points = minus_log.shape[1]
        for batch in _blocks(len(simplices), n_points):
            columns = simplices[batch].T
            latest = minus_log[columns[0]]
            for column in columns[1:]:
                np.maximum(latest, minus_log[column], out=latest)
            values[batch] = self._select(latest)
        return values

    def _select(self, minus_log):
        """Return the rank-th smallest value of each row, and overwrite the rows."""
        if self.rank == 2:
            # faster than a partition
            smallest = minus_log.argmin(axis=1)
            minus_log[np.arange(len(minus_log)), smallest] = np.inf
        elif self.rank > 2:
            minus_log.partition(self.rank - 1, axis=1)
            return minus_log[:, self.rank - 1].copy()
        return minus_log.min(axis=1)


class _Fuzzy:
    """Filtration values "fuzzy" of batches of simplices, before the minimum."""

    def __init__(self, Q):
        self.q = np.ascontiguousarray(Q.T)
        self.inverse = inverse_mass(Q)
        self.vertices = np.where(self.inverse > 0, 0.0, np.inf)
        self.full_simplex = np.inf

    def __call__(self, simplices, cut):
        """Return the values, also at the cut or later."""
        values = np.empty(len(simplices))
        n_points = self.q.shape[1]
        for batch in _blocks(len(simplices), n_points):
            columns = simplices[batch].T
            common = self.q[columns[0]]
            for column in columns[1:]:
                common *= self.q[column]
            overlaps = self.inverse[simplices[batch]].mean(axis=1) * common.sum(axis=1)
            with np.errstate(divide="ignore"):
                # a product of rounded memberships may exceed 1 by the last digit
                values[batch] = np.maximum(-np.log(overlaps), 0.0)
        return values


def _blocks(n_simplices, n_points):
    """Return slices of simplices whose memberships are one block."""
    size = max(1, _BLOCK_SIZE // n_points)
    return [slice(i, i + size) for i in range(0, n_simplices, size)]


def _grow(filtration, n_charts, max_dimension, max_simplices):
    """Build the complex of all sets of charts that enter, dimension by dimension."""
    present = np.isfinite(filtration.vertices)
    simplices = [np.flatnonzero(present)[:, np.newaxis]]
    values = [filtration.vertices[present]]
    cut = np.inf
    while len(simplices) <= max_dimension and len(simplices[-1]):
        candidates, earliest = _extend(simplices[-1], values[-1], n_charts)
        if len(candidates) == 0:
            break
        # edges are few, and the values of their vertices are uninformative
        if len(candidates) > max_simplices and len(simplices) > 1:
            order = np.argsort(earliest, kind="stable")
            cut = min(cut, earliest[order[max_simplices]])
            kept = np.sort(order[:max_simplices])
            candidates, earliest = candidates[kept], earliest[kept]
        value = np.maximum(filtration(candidates, cut), earliest)
        present = np.isfinite(value)
        simplices.append(candidates[present])
        values.append(value[present])
    # omitted simplices enter at the cut or later: end the complex there
    for dimension, value in enumerate(values):
        kept = value < cut
        simplices[dimension] = simplices[dimension][kept]
        values[dimension] = value[kept]
    for dimension in range(len(simplices), max_dimension + 1):
        simplices.append(np.empty((0, dimension + 1), dtype=np.int64))
        values.append(np.empty(0))
    full = filtration.full_simplex
    is_full = all(
        len(faces) == math.comb(n_charts, i + 1) for i, faces in enumerate(simplices)
    )
    if is_full and np.isinf(full):
        full = max(value.max() for value in values if len(value))
    return FilteredComplex(simplices, values, end=float(min(full, cut)))


def _extend(simplices, values, n_charts):
    """Return candidates of the next dimension and the entry of their last facets.

    Simplices and candidates are in lexicographic order.
    """
    n, size = simplices.shape
    # two facets of a candidate share all charts but their last ones
    is_first = np.ones(n, dtype=bool)
    is_first[1:] = (simplices[1:, :-1] != simplices[:-1, :-1]).any(axis=1)
    first = np.flatnonzero(is_first)
    stops = np.repeat([*first[1:], n], np.diff([*first, n]))
    counts = stops - 1 - np.arange(n)
    parent = np.repeat(np.arange(n), counts)
    partner = parent + 1 + positions_in_groups(counts)
    candidates = np.column_stack([simplices[parent], simplices[partner, -1]])
    latest = np.maximum(values[parent], values[partner])
    keys = _keys(simplices, n_charts)
    present = np.ones(len(candidates), dtype=bool)
    for left_out in range(size - 1):
        facet_keys = _keys(np.delete(candidates, left_out, axis=1), n_charts)
        index = np.minimum(np.searchsorted(keys, facet_keys), n - 1)
        present &= keys[index] == facet_keys
        latest = np.maximum(latest, values[index])
    return candidates[present], latest[present]


def _keys(simplices, n_charts):
    """Number the simplices in lexicographic order."""
    if n_charts ** simplices.shape[1] > np.iinfo(np.int64).max:
        raise ValueError(
            f"Simplices of dimension {simplices.shape[1]} of {n_charts} charts cannot "
            "be numbered in 64 bits. Use a smaller max_dimension or fewer charts."
        )
    keys = np.zeros(len(simplices), dtype=np.int64)
    for column in simplices.T:
        keys = keys * n_charts + column
    return keys
