# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""Homology of data from soft covers, without any network."""

import math
import warnings
from itertools import combinations
from numbers import Integral, Real
from typing import NamedTuple

import numpy as np
from scipy.spatial.distance import cdist
from scipy.special import softmax
from sklearn.cluster import KMeans
from sklearn.utils import check_array, check_random_state, gen_batches

from skmanifold.graph import neighbors_from_data
from skmanifold.graph._distinct import distinct_rows
from skmanifold.utils import import_optional
from skmanifold.utils._threads import one_blas_thread, one_thread

# Numbers that are held at once when the values of simplices are computed: what fits
# into the processor's cache, several times faster than larger blocks.
_BLOCK_SIZE = 2**16

# Rows that k-means is run on where there are more: a few seconds' worth at most.
_KMEANS_ROWS = 10_000


class FilteredComplex:
    """A simplicial complex that grows: every simplex enters at a value.

    Parameters
    ----------
    simplices : list of ndarray of shape (n_simplices, dimension + 1)
        For each dimension from 0 on, the vertices of each simplex in rising order.
    values : list of ndarray of shape (n_simplices,)
        When each of them enters: not before its faces.
    end : float, default=inf
        From where on the complex tells nothing more: it is one whole simplex, of which
        only the faces up to a dimension are kept.

    Examples
    --------
    A circle of three edges, which a triangle fills later:

    >>> import numpy as np
    >>> from skmanifold.atlas import FilteredComplex, persistence
    >>> edges = np.array([[0, 1], [0, 2], [1, 2]])
    >>> circle = FilteredComplex(
    ...     [np.array([[0], [1], [2]]), edges, np.array([[0, 1, 2]])],
    ...     [np.zeros(3), np.ones(3), np.array([4.0])],
    ... )
    >>> circle
    FilteredComplex(n_simplices=(3, 3, 1))
    >>> persistence(circle)[1]
    array([[1., 4.]])
    """

    def __init__(self, simplices, values, end=np.inf):
        self.simplices = simplices
        self.values = values
        self.end = end

    def __repr__(self):
        return f"FilteredComplex(n_simplices={tuple(map(len, self.values))})"

    @property
    def dimension(self):
        """Largest dimension of a simplex."""
        return len(self.simplices) - 1

    def to_gudhi(self):
        """Convert to the simplex tree of gudhi.

        Returns
        -------
        gudhi.SimplexTree
            With the same simplices and values.

        Raises
        ------
        ImportError
            If gudhi is not installed.
        """
        gudhi = import_optional("gudhi", "topology", feature="Persistent homology")
        tree = gudhi.SimplexTree()
        for simplices, values in zip(self.simplices, self.values, strict=True):
            if len(values):
                tree.insert_batch(
                    np.ascontiguousarray(simplices.T, dtype=np.int32),
                    np.asarray(values, dtype=np.float64),
                )
        return tree


class BettiNumbers(NamedTuple):
    """Betti numbers of a filtered complex, and how sure they are.

    Parameters
    ----------
    numbers : tuple of int
        Betti numbers of dimensions 0, 1, ...: those of the longest interval of the
        filtration over which they do not change.
    length : float
        Length of that interval, ``log((1 + stop) / (1 + start))``: a confidence.
    start, stop : float
        Where it begins and ends, as -log of the membership.
    runner_up : float
        Length of the longest interval with other numbers, more components included,
        once two charts have met; 0 if there is none. What is not well below `length`
        speaks against `numbers`.

    Examples
    --------
    >>> from skmanifold.atlas import betti_numbers, soft_cover
    >>> from skmanifold.datasets import make_circle
    >>> Q = soft_cover(make_circle(500, random_state=0).data, 4, random_state=0)
    >>> found = betti_numbers(Q, max_dimension=1)
    >>> found.numbers, found.length > 2, found.runner_up < 0.5
    ((1, 1), True, True)
    """

    numbers: tuple
    length: float
    start: float
    stop: float
    runner_up: float


# An interval over which memberships shrink by less than e ** 4 = 55 is no feature of
# the data: the unequal shapes of charts alone make such ones.
_SHORTEST_FEATURE = 4.0

# Parts of the data lie apart if their interval is so many times as long as that of all
# charts together, and longer than 2: a few outliers are no part.
_APART = 2.0
_LEAST_APART = 2.0


def overlap(Q):
    """Compute how much the charts of a soft cover overlap, pair by pair.

    ``u_ab = (1 / S_a + 1 / S_b) / 2  sum_x q_a(x) q_b(x)`` with the masses
    ``S_a = sum_x q_a(x)``.

    Parameters
    ----------
    Q : array-like of shape (n_samples, n_charts)
        Memberships, non-negative.

    Returns
    -------
    ndarray of shape (n_charts, n_charts)
        Overlaps: symmetric, in [0, 1] for memberships in [0, 1]. Those of a chart
        without mass are 0.

    Raises
    ------
    ValueError
        If Q holds negative or non-finite values.

    References
    ----------
    .. [1] E. O. Korman, "Autoencoding topology", arXiv:1803.00156.

    Examples
    --------
    >>> from skmanifold.atlas import overlap
    >>> overlap([[0.5, 0.5], [1.0, 0.0], [0.0, 1.0]]).round(3)
    array([[0.833, 0.167],
           [0.167, 0.833]])
    """
    Q = _check_memberships(Q)
    inverse = _inverse_mass(Q)
    # einsum without BLAS: the same bits for any number of threads
    common = np.einsum("na,nb->ab", Q, Q)
    return 0.5 * (inverse[:, np.newaxis] + inverse) * common


def cech_nerve(
    Q,
    max_dimension=3,
    *,
    filtration="dowker",
    rank=1,
    max_samples=2000,
    max_simplices=50_000,
):
    """Build the filtered nerve of a soft cover: which charts meet, and how much.

    A set of charts spans a simplex once some points belong to all of them. On the scale
    of -log, the simplex sigma enters

    - with ``filtration="dowker"`` [2]_ at -log of the rank-th largest, over all points
      x, of ``min_{a in sigma} q_a(x)``;
    - with ``filtration="fuzzy"`` [1]_ at -log of the smallest, over all faces of two
      charts or more, of ``mean_{a in face} 1 / S_a  sum_x prod_{a in face} q_a(x)``
      with masses ``S_a``; single charts enter at 0.

    Parameters
    ----------
    Q : array-like of shape (n_samples, n_charts)
        Memberships in [0, 1]: ``predict_proba`` of
        :class:`~skmanifold.AtlasAE` or :class:`sklearn.mixture.GaussianMixture`, what
        :func:`soft_cover` returns, ...
    max_dimension : int, default=3
        Largest dimension of a simplex. Homology is right up to one less.
    filtration : {"dowker", "fuzzy"}, default="dowker"
        When a simplex enters. "dowker" is the more reliable.
    rank : int, default=1
        How many points must lie in the charts of a simplex ("dowker" only). Above 1,
        to 5 say, single stray points of noisy data join no charts.
    max_samples : int or None, default=2000
        Rows of Q that are looked at, drawn with a seed of their own where there are
        more. None takes all.
    max_simplices : int, default=50000
        Simplices of one dimension, from triangles on, that are looked at: those whose
        faces are the first to enter. What enters later than the first one left out
        could is dropped, and the complex ends there.

    Returns
    -------
    FilteredComplex
        The nerve.

    Raises
    ------
    ValueError
        If Q or a parameter is invalid.

    References
    ----------
    .. [1] E. O. Korman, "Autoencoding topology", arXiv:1803.00156. Its formula for
       more than two charts is no filtration; the smallest over the faces makes it one.
    .. [2] C. H. Dowker, "Homology groups of relations", Annals of Mathematics 56, 1952.

    Examples
    --------
    >>> from skmanifold.atlas import cech_nerve, soft_cover
    >>> from skmanifold.datasets import make_circle
    >>> Q = soft_cover(make_circle(500, random_state=0).data, 5, random_state=0)
    >>> cech_nerve(Q, max_dimension=2)
    FilteredComplex(n_simplices=(5, 10, 10))
    """
    Q = _check_memberships(Q)
    if Q.max() > 1 + 1e-6:
        raise ValueError(
            f"Q holds {Q.max():g}, but memberships lie in [0, 1]. Divide each row by "
            "its sum."
        )
    check_count("max_dimension", max_dimension, 0)
    check_count("rank", rank, 1)
    check_count("max_simplices", max_simplices, 1)
    if max_samples is not None:
        check_count("max_samples", max_samples, 1)
    if filtration not in ("dowker", "fuzzy"):
        raise ValueError(
            f"filtration={filtration!r} is unknown; use 'dowker' or 'fuzzy'."
        )
    if max_samples is not None and len(Q) > max_samples:
        # at random: the rows may have an order, or a period
        rng = np.random.RandomState(0)
        Q = Q[np.sort(rng.choice(len(Q), max_samples, replace=False))]
    if rank > len(Q):
        raise ValueError(
            f"rank={rank} needs as many points, but only {len(Q)} rows are looked at."
        )
    enters = _Dowker(Q, rank) if filtration == "dowker" else _Fuzzy(Q)
    return _grow(enters, Q.shape[1], max_dimension, max_simplices)


def persistence(complex, field=2, max_dimension=None):
    """Compute the persistent homology of a filtered complex.

    Parameters
    ----------
    complex : FilteredComplex
        From :func:`cech_nerve`.
    field : int, default=2
        A prime p: coefficients are the integers modulo p. Torsion shows as a difference
        between fields: the projective plane has Betti numbers (1, 1, 1) modulo 2 and
        (1, 0, 0) modulo 3.
    max_dimension : int, default=None
        Largest dimension of homology. None is one less than that of the complex, above
        which the homology of a truncated complex is not that of the space.

    Returns
    -------
    list of ndarray of shape (n_bars, 2)
        For each dimension the bars: where a class is born and where it dies (inf if
        never), by birth. Bars of length zero are left out.

    Raises
    ------
    ImportError
        If gudhi is not installed.
    ValueError
        If a parameter is invalid.

    Examples
    --------
    >>> from skmanifold.atlas import cech_nerve, persistence, soft_cover
    >>> from skmanifold.datasets import make_circle
    >>> Q = soft_cover(make_circle(500, random_state=0).data, 5, random_state=0)
    >>> bars = persistence(cech_nerve(Q))
    >>> len(bars[0]), len(bars[1])
    (5, 1)
    """
    if not isinstance(complex, FilteredComplex):
        raise TypeError(
            f"complex is of type {type(complex).__name__}; pass a FilteredComplex, as "
            "cech_nerve makes it of a cover."
        )
    if not _is_prime(field):
        raise ValueError(
            f"field={field!r} must be a prime number, 2 or 3 for instance."
        )
    if max_dimension is None:
        max_dimension = max(complex.dimension - 1, 0)
    check_count("max_dimension", max_dimension, 0)
    tree = complex.to_gudhi()
    # Without the last argument cycles of the largest dimension are not counted.
    tree.compute_persistence(homology_coeff_field=int(field), persistence_dim_max=True)
    bars = []
    for dimension in range(max_dimension + 1):
        found = np.asarray(tree.persistence_intervals_in_dimension(dimension), float)
        found = found.reshape(-1, 2)
        bars.append(found[np.lexsort(found.T[::-1])])
    return bars


def betti_numbers(
    cover,
    max_dimension=2,
    *,
    field=2,
    filtration="dowker",
    rank=1,
    max_samples=2000,
):
    """Count the components, loops and voids of the space that a soft cover covers.

    The Betti numbers of the nerve change as it grows. Those of the longest interval
    over which they do not change, among those with the fewest components (one, unless
    parts never meet), are taken for those of the data; from a to b its length is
    ``log((1 + b) / (1 + a))``. From some point on, all charts meet everywhere and the
    nerve is contractible, whatever the data: this last interval counts only if in no
    other one memberships shrink by more than ``exp(4)``. Parts of the data that lie
    apart meet at last too, as memberships are seldom zero: an interval with more
    components is taken if it is longer than 2 and more than twice as long.

    Parameters
    ----------
    cover : array-like of shape (n_samples, n_charts) or FilteredComplex
        Memberships in [0, 1], as ``predict_proba`` returns them and not the chart
        blocks of ``transform``; or a complex whose dimension exceeds `max_dimension`.
        A manifold of dimension d needs charts that are small against its loops and
        voids: 4 for a circle, 8 for a sphere, 16 for a flat torus, 32 for a torus in
        three dimensions.
    max_dimension : int, default=2
        Largest dimension of homology.
    field : int, default=2
        A prime, see :func:`persistence`.
    filtration : {"dowker", "fuzzy"}, default="dowker"
        See :func:`cech_nerve`.
    rank : int, default=1
        See :func:`cech_nerve`.
    max_samples : int or None, default=2000
        See :func:`cech_nerve`.

    Returns
    -------
    BettiNumbers
        The Betti numbers, and the length of their interval as a confidence.

    Raises
    ------
    ImportError
        If gudhi is not installed.
    ValueError
        If a parameter is invalid.

    Examples
    --------
    >>> from skmanifold.atlas import betti_numbers, soft_cover
    >>> from skmanifold.datasets import make_flat_torus
    >>> Q = soft_cover(make_flat_torus(2000, random_state=0).data, 16, random_state=0)
    >>> betti_numbers(Q).numbers
    (1, 2, 1)
    """
    check_count("max_dimension", max_dimension, 0)
    if not isinstance(cover, FilteredComplex):
        cover = cech_nerve(
            cover,
            max_dimension + 1,
            filtration=filtration,
            rank=rank,
            max_samples=max_samples,
        )
    elif cover.dimension <= max_dimension:
        raise ValueError(
            f"The complex has dimension {cover.dimension}, but the homology of "
            f"dimension {max_dimension} needs simplices of dimension "
            f"{max_dimension + 1}. Build it with cech_nerve(..., "
            f"max_dimension={max_dimension + 1})."
        )
    bars = persistence(cover, field, max_dimension)
    edges = cover.values[1]
    return _longest_interval(bars, cover.end, edges.min() if len(edges) else np.inf)


def soft_cover(
    X,
    n_charts=16,
    *,
    start="k-means",
    temperature=0.1,
    denoise=False,
    random_state=None,
):
    """Cover data softly by neighbourhoods of prototypes: no training.

    ``q = softmax(-|x - c_j|^2 / T)`` with prototypes c and T = `temperature` times the
    mean squared distance of a row to its two nearest prototypes.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        The data.
    n_charts : int, default=16
        Number of prototypes.
    start : {"k-means", "random", "farthest"}, default="k-means"
        Prototypes: centres of k-means; rows drawn at random; rows each of which is the
        farthest from those before it.
    temperature : float, default=0.1
        How far the charts reach into each other.
    denoise : bool, default=False
        Whether to pass the rows over with :func:`denoise` first, for noisy data.
    random_state : int, RandomState instance or None, default=None
        Seed of the prototypes.

    Returns
    -------
    ndarray of shape (n_samples, n_charts)
        Memberships q; each row sums to 1.

    Raises
    ------
    ValueError
        If X or a parameter is invalid.

    Examples
    --------
    >>> from skmanifold.atlas import soft_cover
    >>> from skmanifold.datasets import make_sphere
    >>> soft_cover(make_sphere(300, random_state=0).data, 8, random_state=0).shape
    (300, 8)
    """
    X = check_array(X, dtype=np.float64)
    check_count("n_charts", n_charts, 1)
    if n_charts > len(X):
        raise ValueError(
            f"n_charts={n_charts} is more than the {len(X)} samples of X. Use at most "
            "as many charts as samples."
        )
    if not isinstance(temperature, Real) or not temperature > 0:
        raise ValueError(f"temperature={temperature!r} must be a positive number.")
    if denoise:
        X = _denoise(X)
    # far from the origin squared distances lose their digits
    X = X - X.mean(axis=0)
    prototypes = choose_prototypes(X, n_charts, start, fresh_random_state(random_state))
    d2 = _squared_distances(X, prototypes)
    return softmax(-d2 / (temperature * two_nearest(X, prototypes)), axis=1)


def denoise(X, *, n_neighbors=20):
    """Remove isotropic noise from data near a manifold.

    First the principal components that noise alone explains are left out: those whose
    variances lie below the Marchenko-Pastur edge of noise with the mean variance of
    the components left out [1]_. This is done if they are at least half of all
    components, and not all. Then each row is replaced by the mean of itself and its
    neighbours among what is left.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        The data.
    n_neighbors : int, default=20
        Neighbours that a row is averaged with, at most a quarter of the other rows; 0
        leaves this step out. Many smooth more and shrink what is curved.

    Returns
    -------
    ndarray of shape (n_samples, n_features)
        The rows without the noise, in the units of X.

    Raises
    ------
    ValueError
        If X or a parameter is invalid.

    References
    ----------
    .. [1] S. Kritchman, B. Nadler, "Determining the number of components in a factor
       model from limited noisy data", Chemometrics and Intelligent Laboratory Systems
       94, 2008.

    Examples
    --------
    >>> import numpy as np
    >>> from skmanifold.atlas import denoise
    >>> from skmanifold.datasets import make_circle
    >>> circle = np.pad(make_circle(1000, random_state=0).data, ((0, 0), (0, 48)))
    >>> noisy = circle + np.random.default_rng(0).normal(scale=0.1, size=circle.shape)
    >>> rms = [np.sqrt(((X - circle) ** 2).sum(1).mean())
    ...        for X in (noisy, denoise(noisy))]
    >>> np.round(rms, 2)
    array([0.71, 0.13])
    """
    X = check_array(X, dtype=np.float64, ensure_min_samples=2)
    check_count("n_neighbors", n_neighbors, 0)
    # the mean of nearly all rows would be one point
    n_neighbors = min(n_neighbors, (len(distinct_rows(X)[0]) - 1) // 4)
    mean = X.mean(axis=0)
    basis = _signal_basis(X - mean)
    with one_blas_thread():
        rows = X - mean if basis is None else (X - mean) @ basis
    if n_neighbors:
        neighbors, _, counts = neighbors_from_data(
            rows, n_neighbors, algorithm="exact", raw=X
        )
        total = rows.copy()
        for i, column in enumerate(neighbors.T):
            valid = i < counts
            total[valid] += rows[column[valid]]
        rows = total / (counts + 1)[:, np.newaxis]
    if basis is not None:
        with one_blas_thread():
            rows = rows @ basis.T
    return rows + mean


# for functions with a parameter of that name
_denoise = denoise


# -- covers: shared with AtlasAE


def choose_prototypes(X, n_charts, start, rng):
    """Prototypes of shape (n_charts, n_features) among or between the rows of X."""
    if start == "random":
        return X[rng.choice(len(X), n_charts, replace=False)]
    if start == "farthest":
        chosen = [rng.randint(len(X))]
        nearest = np.full(len(X), np.inf)
        while len(chosen) < n_charts:
            d2 = _squared_distances(X, X[chosen[-1:]])[:, 0]
            nearest = np.minimum(nearest, d2)
            chosen.append(int(nearest.argmax()))
        return X[chosen]
    if start != "k-means":
        raise ValueError(
            f"start={start!r} is unknown; use 'k-means', 'random' or 'farthest'."
        )
    if len(X) > _KMEANS_ROWS:
        X = X[np.sort(rng.choice(len(X), _KMEANS_ROWS, replace=False))]
    kmeans = KMeans(n_charts, n_init=3, random_state=rng)
    with one_thread(), warnings.catch_warnings():
        # duplicated rows: some prototypes coincide, and so do their charts
        warnings.filterwarnings("ignore", "Number of distinct clusters")
        return kmeans.fit(X).cluster_centers_


def two_nearest(X, prototypes, n_nearest=2):
    """Mean squared distance of rows to their two nearest prototypes; positive."""
    total = 0.0
    for rows in gen_batches(len(X), 4096):
        d2 = _squared_distances(X[rows], prototypes)
        if d2.shape[1] > n_nearest:
            d2 = np.partition(d2, n_nearest - 1, axis=1)[:, :n_nearest]
        total += float(d2.mean(axis=1).sum())
    return total / len(X) if total > 0 else 1.0


def _squared_distances(A, B):
    return cdist(A, B, "sqeuclidean")


# -- the nerve


class _Dowker:
    """-log of the rank-th largest of ``min q`` over the points, for many simplices."""

    def __init__(self, Q, rank):
        with np.errstate(divide="ignore"):
            # + 0.0: the logarithm of 1 becomes zero without a sign
            self.minus_log = np.ascontiguousarray(-np.log(Q.T) + 0.0)
        self.rank = rank
        self.vertices = self._select(self.minus_log)
        self.whole = self._select(self.minus_log.max(axis=0, keepdims=True))[0]

    def __call__(self, simplices):
        values = np.empty(len(simplices))
        n_points = self.minus_log.shape[1]
        for part in gen_batches(len(simplices), max(1, _BLOCK_SIZE // n_points)):
            columns = simplices[part].T
            latest = self.minus_log[columns[0]]
            for column in columns[1:]:
                np.maximum(latest, self.minus_log[column], out=latest)
            values[part] = self._select(latest)
        return values

    def _select(self, rows):
        if self.rank == 1:
            return rows.min(axis=1)
        return np.partition(rows, self.rank - 1, axis=1)[:, self.rank - 1]


class _Fuzzy:
    """-log of the overlap, for many simplices; the smallest over faces comes later."""

    def __init__(self, Q):
        self.q = np.ascontiguousarray(Q.T)
        self.inverse = _inverse_mass(Q)
        self.vertices = np.where(self.inverse > 0, 0.0, np.inf)
        self.whole = np.inf

    def __call__(self, simplices):
        values = np.empty(len(simplices))
        n_points = self.q.shape[1]
        for part in gen_batches(len(simplices), max(1, _BLOCK_SIZE // n_points)):
            columns = simplices[part].T
            common = self.q[columns[0]]
            for column in columns[1:]:
                common *= self.q[column]
            overlaps = self.inverse[simplices[part]].mean(axis=1) * common.sum(axis=1)
            with np.errstate(divide="ignore"):
                # a product of rounded memberships may exceed 1 by the last digit
                values[part] = np.maximum(-np.log(overlaps), 0.0)
        return values


def _grow(enters, n_charts, max_dimension, max_simplices):
    """The complex of all sets of charts that enter, dimension by dimension."""
    present = np.isfinite(enters.vertices)
    simplices = [np.flatnonzero(present)[:, np.newaxis]]
    values = [enters.vertices[present]]
    cut = np.inf
    while len(simplices) <= max_dimension and len(simplices[-1]):
        wanted, earliest = _extend(simplices[-1], values[-1], n_charts)
        if len(wanted) == 0:
            break
        # edges are few, and when vertices enter says little of when they do
        if len(wanted) > max_simplices and len(simplices) > 1:
            order = np.argsort(earliest, kind="stable")
            cut = min(cut, earliest[order[max_simplices]])
            kept = np.sort(order[:max_simplices])
            wanted, earliest = wanted[kept], earliest[kept]
        value = np.maximum(enters(wanted), earliest)
        present = np.isfinite(value)
        simplices.append(wanted[present])
        values.append(value[present])
    for dimension, value in enumerate(values):
        # what was left out enters at the cut or later, so that nothing after it is told
        kept = value < cut
        simplices[dimension], values[dimension] = (
            simplices[dimension][kept],
            value[kept],
        )
    for dimension in range(len(simplices), max_dimension + 1):
        simplices.append(np.empty((0, dimension + 1), dtype=np.int64))
        values.append(np.empty(0))
    whole = enters.whole
    if all(
        len(found) == math.comb(n_charts, i + 1) for i, found in enumerate(simplices)
    ) and np.isinf(whole):
        whole = max(value.max() for value in values if len(value))
    return FilteredComplex(simplices, values, end=float(min(whole, cut)))


def _extend(simplices, values, n_charts):
    """Sets with one vertex more, all of whose facets are there, and their latest one.

    Simplices are in lexicographic order, and so are the results.
    """
    n, size = simplices.shape
    counts = n_charts - 1 - simplices[:, -1]
    parent = np.repeat(np.arange(n), counts)
    offset = np.arange(len(parent)) - np.repeat(np.cumsum(counts) - counts, counts)
    wanted = np.column_stack([simplices[parent], simplices[parent, -1] + 1 + offset])
    keys = _keys(simplices, n_charts)
    latest = values[parent]
    present = np.ones(len(wanted), dtype=bool)
    for facet in combinations(range(size + 1), size):
        wanted_keys = _keys(wanted[:, facet], n_charts)
        found = np.minimum(np.searchsorted(keys, wanted_keys), n - 1)
        present &= keys[found] == wanted_keys
        latest = np.maximum(latest, values[found])
    return wanted[present], latest[present]


def _keys(simplices, n_charts):
    """A number for each simplex, rising in lexicographic order."""
    if n_charts ** simplices.shape[1] > np.iinfo(np.int64).max:
        raise ValueError(
            f"Simplices of dimension {simplices.shape[1]} of {n_charts} charts cannot "
            "be numbered in 64 bits. Use a smaller max_dimension or fewer charts."
        )
    keys = np.zeros(len(simplices), dtype=np.int64)
    for column in simplices.T:
        keys = keys * n_charts + column
    return keys


# -- reading a barcode


def _longest_interval(bars, end, first_edge):
    """BettiNumbers of the longest interval without a change."""
    intervals = _constant_intervals(bars, end)
    # parts that lie apart show before they meet; single charts tell nothing
    apart = {}
    for found in intervals:
        if found[1] >= first_edge:
            apart.setdefault(found[0][0], []).append(found)
    fewest = min(numbers[0] for numbers, _, _ in intervals if numbers[0] > 0)
    together = [found for found in intervals if found[0][0] == fewest]
    best, rivals = _most_lasting(together)
    # that all charts meet at last is no evidence
    least = _APART * _length(best) if best is not intervals[-1] else 0.0
    parts = [_most_lasting(apart[count])[0] for count in apart if count > fewest]
    longest = max(parts, key=_length, default=best)
    if _length(longest) > max(least, _LEAST_APART):
        best = longest
    numbers, start, stop = best
    others = [_length(found) for found in rivals + parts if found[0] != numbers]
    return BettiNumbers(
        numbers,
        _length(best),
        float(start),
        float(stop),
        max(others, default=0.0),
    )


def _most_lasting(intervals):
    """The longest of the intervals with one number of components, and who competed."""
    before = intervals[:-1]
    if any(intervals[-1][0][1:]):
        return max(intervals, key=_length), intervals
    if any(stop - start > _SHORTEST_FEATURE for _, start, stop in before):
        return max(before, key=_length), before
    return intervals[-1], intervals


def _length(interval):
    """Length on a scale on which only the ratio of large values counts.

    -log of a membership grows with the square of distance: the last intervals, in which
    charts have long outgrown the loops and voids, would otherwise be the longest.
    """
    _, start, stop = interval
    return float(np.log1p(stop) - np.log1p(start))


def _constant_intervals(bars, end):
    """``(Betti numbers, start, stop)`` of every interval without a change."""
    changes = np.unique(np.concatenate([found.ravel() for found in bars]))
    changes = changes[changes < end]
    if len(changes) == 0:
        # one chart, or charts that are all the same: one simplex from the first on
        return [((1,) + (0,) * (len(bars) - 1), end, end)]
    intervals = []
    for start, stop in zip(changes, [*changes[1:], end], strict=True):
        numbers = tuple(
            int(np.sum((found[:, 0] <= start) & (found[:, 1] > start)))
            for found in bars
        )
        if intervals and intervals[-1][0] == numbers:
            intervals[-1] = (numbers, intervals[-1][1], stop)
        else:
            intervals.append((numbers, start, stop))
    return intervals


# -- noise


def _signal_basis(X):
    """Directions above the noise, (n_features, r); None if there are none to drop."""
    n, d = X.shape
    with one_blas_thread():
        if d <= n:
            variances, vectors = np.linalg.eigh(X.T @ X / n)
        else:
            variances, left = np.linalg.eigh(X @ X.T / n)
            vectors = X.T @ left
            vectors /= np.maximum(np.linalg.norm(vectors, axis=0), 1e-300)
    variances, vectors = np.maximum(variances[::-1], 0.0), vectors[:, ::-1]
    for r in range(min(len(variances), d // 2 + 1)):
        # rounding leaves traces of variance in directions that have none
        noise = variances[r:].sum() / (d - r) + 1e-12 * variances[0]
        if variances[r] <= noise * _largest_of_noise(n, d - r):
            return vectors[:, :r] if r else None
    return None


def _largest_of_noise(n, d):
    """What the largest sample variance of noise with variance 1 exceeds once in 1000.

    The Marchenko-Pastur edge and, for finite samples, 3.3 times the scale of the
    Tracy-Widom law around it.
    """
    a, b = np.sqrt(n - 0.5), np.sqrt(d - 0.5)
    return (a + b) ** 2 / n + 3.3 * (a + b) / n * (1 / a + 1 / b) ** (1 / 3)


# -- checks


def _check_memberships(Q):
    if hasattr(Q, "predict_proba"):
        name = type(Q).__name__
        raise TypeError(
            f"Q is an estimator, {name}, but the memberships of rows are needed. Pass "
            "model.predict_proba(X)."
        )
    Q = check_array(Q, dtype=np.float64, input_name="Q")
    if Q.min() < 0:
        raise ValueError(
            f"Q holds the negative value {Q.min():g}, but memberships are not "
            "negative. Pass what predict_proba returns."
        )
    return Q


def _inverse_mass(Q):
    mass = Q.sum(axis=0)
    return np.divide(1.0, mass, out=np.zeros_like(mass), where=mass > 0)


def check_count(name, value, least):
    if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
        raise ValueError(f"{name}={value!r} must be an integer of at least {least}.")


def _is_prime(number):
    return (
        isinstance(number, Integral)
        and number > 1
        and all(number % i for i in range(2, math.isqrt(number) + 1))
    )


def fresh_random_state(random_state):
    # None is fresh entropy here, not NumPy's global generator, which is left alone
    if random_state is None:
        return np.random.RandomState(np.random.SeedSequence().generate_state(4))
    return check_random_state(random_state)
