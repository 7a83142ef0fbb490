# SPDX-License-Identifier: BSD-3-Clause

import numpy as np

from skmanifold.utils import import_optional


class FilteredComplex:
    """Simplicial complex in which every simplex enters at a filtration value.

    Parameters
    ----------
    simplices : list of ndarray of shape (n_simplices, dimension + 1)
        Vertices of the simplices of dimension 0, 1, ..., in increasing order.
    values : list of ndarray of shape (n_simplices,)
        Filtration values, at least as large as those of the faces.
    end : float, default=inf
        Filtration value above which the complex is a full simplex and carries no
        information. Only faces up to the largest dimension are stored.

    Examples
    --------
    A circle of three edges, later filled by a triangle:

    >>> import numpy as np
    >>> from skmanifold.topology import FilteredComplex, persistence
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
        """Convert to a gudhi simplex tree.

        Returns
        -------
        gudhi.SimplexTree
            Tree with the same simplices and filtration values.

        Raises
        ------
        ValueError
            If a filtration value is NaN.
        """
        gudhi = import_optional("gudhi", "topology", feature="Persistent homology")
        tree = gudhi.SimplexTree()
        for simplices, values in zip(self.simplices, self.values, strict=True):
            if np.isnan(values).any():  # gudhi would crash
                raise ValueError(
                    "values has NaN, but each simplex needs a number. Leave out "
                    "simplices that never enter."
                )
            if len(values):
                tree.insert_batch(
                    np.ascontiguousarray(simplices.T, dtype=np.int32),
                    np.asarray(values, dtype=np.float64),
                )
        return tree
