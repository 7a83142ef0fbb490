# SPDX-License-Identifier: BSD-3-Clause

"""Preservation of neighborhoods of all sizes."""

import numpy as np

from skmanifold.inspection._style import (
    LINE_COLORS,
    LINES,
    embed,
    get_axes,
    outer_legend,
    title_of,
)
from skmanifold.metrics import neighborhood_preservation_curve


class NeighborhoodPreservationDisplay:
    """Fraction of preserved neighbors against the size of the neighborhood.

    One curve per embedding: :math:`R_{NX}(k)`, 1 for a perfect embedding and 0 for a
    random one. The legend shows the area under it with weights 1 / k, see
    :func:`~skmanifold.metrics.neighborhood_preservation_auc`.

    Read more in the :ref:`User Guide <inspection>`.

    Parameters
    ----------
    n_neighbors : ndarray of shape (n_samples - 2,)
        Neighborhood sizes k.
    r_nx : dict of str to ndarray of shape (n_samples - 2,)
        Fraction of preserved neighbors of each embedding, adjusted for chance.

    Attributes
    ----------
    ax_, figure_ : matplotlib Axes and Figure
        Axes with the plot, and their figure.
    lines_ : list of matplotlib Line2D
        Curves, in the order of the embeddings.
    chance_ : matplotlib Line2D
        Chance level.
    auc_ : dict of str to float
        Area under each curve of :math:`R_{NX}`.
    legend_ : matplotlib Legend
        The legend.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.decomposition import PCA
    >>> from skmanifold.inspection import NeighborhoodPreservationDisplay
    >>> X, _ = load_iris(return_X_y=True)
    >>> methods = {"one": PCA(1).fit(X), "two": PCA(2).fit(X)}
    >>> display = NeighborhoodPreservationDisplay.from_estimator(methods, X)
    >>> display.auc_["two"] > display.auc_["one"]
    True
    """

    def __init__(self, *, n_neighbors, r_nx):
        self.n_neighbors = n_neighbors
        self.r_nx = r_nx

    @classmethod
    def from_estimator(cls, estimator, X, y=None, **options):
        """Plot the curves of one or several fitted estimators.

        Parameters
        ----------
        estimator : object or dict of str to object
            A fitted transformer, or several by name.
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The samples.
        y : Ignored
            Not used.
        **options : dict
            Keyword arguments of :meth:`from_embedding`. `name` is by default the name
            of the class of a single estimator.

        Returns
        -------
        display : NeighborhoodPreservationDisplay
            The plotted display.
        """
        if isinstance(estimator, dict):
            Z = {key: embed(each, X) for key, each in estimator.items()}
        else:
            Z = embed(estimator, X)
            options = {"name": title_of(estimator), **options}
        return cls.from_embedding(X, Z, **options)

    @classmethod
    def from_embedding(cls, X, Z, *, name=None, ax=None, **options):
        """Plot the curves of one or several embeddings.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The input, or its square matrix of distances if ``metric="precomputed"``.
        Z : array-like of shape (n_samples, n_components) or dict of str to array-like
            The embedding, or several by name.
        name : str, default=None
            Name of a single embedding.
        ax : matplotlib Axes, default=None
            Axes to plot in; None creates a figure.
        **options : dict
            Keyword arguments of
            :func:`~skmanifold.metrics.neighborhood_preservation_curve`: `metric`,
            `n_samples`, `n_jobs` and `random_state`.

        Returns
        -------
        display : NeighborhoodPreservationDisplay
            The plotted display.
        """
        if not isinstance(Z, dict):
            Z = {"embedding" if name is None else str(name): Z}
        if not Z:
            raise ValueError("Z is an empty dict. Pass at least one embedding.")
        r_nx = {}
        for key, embedding in Z.items():
            curve = neighborhood_preservation_curve(X, embedding, **options)
            k, _, r_nx[str(key)] = curve
        return cls(n_neighbors=k, r_nx=r_nx).plot(ax)

    def plot(self, ax=None):
        """Plot the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to plot in; None creates a figure.

        Returns
        -------
        display : NeighborhoodPreservationDisplay
            The display.
        """
        k = self.n_neighbors
        ax = get_axes(self, ax, figsize=(6.8, 4.2))
        self.auc_ = {
            name: float(np.average(curve, weights=1.0 / k))
            for name, curve in self.r_nx.items()
        }
        self.lines_ = []
        for i, (name, curve) in enumerate(self.r_nx.items()):
            self.lines_ += ax.plot(
                k,
                curve,
                color=LINE_COLORS[i % len(LINE_COLORS)],
                linestyle=LINES[i % len(LINES)],
                linewidth=1.8,
                label=f"{name} (area {round(self.auc_[name], 3) + 0.0:.3f})",
            )
        style = {"color": "0.5", "linewidth": 1.0, "linestyle": ":"}
        (self.chance_,) = ax.plot(k, np.zeros(len(k)), label="chance", **style)
        ax.set(
            xscale="log",
            xlabel="Number of neighbors k",
            ylabel="Preserved neighbors $R_{NX}(k)$, adjusted for chance",
        )
        ax.grid(alpha=0.25)
        self.legend_ = outer_legend(ax, [*self.lines_, self.chance_])
        return self
