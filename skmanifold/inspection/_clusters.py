# SPDX-License-Identifier: BSD-3-Clause

"""Displays of cluster confidence and cluster ranks."""

import numpy as np

from skmanifold.inspection._style import (
    BLUE,
    PALETTE,
    SEQUENTIAL,
    YELLOW,
    dotted_line,
    embed,
    get_axes,
    import_pyplot,
    outer_legend,
    title_of,
    validated,
    verbatim,
)
from skmanifold.metrics._checks import check_labels, check_pair, labeled
from skmanifold.metrics._clusters import _center_ranks
from skmanifold.utils import import_optional
from skmanifold.utils._containers import check_matrix
from skmanifold.utils._labels import read_labels
from skmanifold.utils._sklearn import StrOptions

# Maximum number of rows of a plotted matrix, about the pixels of a figure.
_N_ROWS = 400


class ClusterConfidenceDisplay:
    """Confidence of a soft clustering.

    ``kind="sorted"`` plots the largest membership of each sample, in descending order
    within each cluster, like a silhouette plot: a full bar is a cluster with confident
    assignments only. ``kind="matrix"`` plots all memberships, one row per sample and
    one column per cluster: entries off the diagonal show which clusters are confused.

    Read more in the :ref:`User Guide <inspection>`.

    Parameters
    ----------
    memberships : ndarray of shape (n_samples, n_clusters)
        Soft assignments; they sum to 1 for each sample.
    name : str, default=None
        Title of the axes.

    Attributes
    ----------
    ax_, figure_ : matplotlib Axes and Figure
        Axes with the plot, and their figure.
    bars_ : list of matplotlib PolyCollection
        Sorted memberships, one for each non-empty cluster.
    image_ : matplotlib AxesImage or None
        Image of the matrix; above 400 samples each row is the mean of several.
    order_ : ndarray of shape (n_samples,)
        Indices of the samples from top to bottom.
    labels_, confidence_ : ndarray of shape (n_samples,)
        Cluster with the largest membership of each sample, and this membership.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.mixture import GaussianMixture
    >>> from skmanifold.inspection import ClusterConfidenceDisplay
    >>> X, _ = load_iris(return_X_y=True)
    >>> mixture = GaussianMixture(3, random_state=0).fit(X)
    >>> display = ClusterConfidenceDisplay.from_estimator(mixture, X)
    >>> len(display.bars_)
    3
    """

    def __init__(self, *, memberships, name=None):
        self.memberships = memberships
        self.name = name

    @classmethod
    def from_estimator(cls, estimator, X, y=None, **options):
        """Plot the soft assignments of X by a fitted estimator.

        Parameters
        ----------
        estimator : object
            A fitted estimator with ``predict_proba``.
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The samples.
        y : Ignored
            Not used.
        **options : dict
            Keyword arguments of :meth:`from_predictions`. `name` is by default the name
            of the estimator's class.

        Returns
        -------
        display : ClusterConfidenceDisplay
            The plotted display.
        """
        if not hasattr(estimator, "predict_proba"):
            raise TypeError(
                f"{type(estimator).__name__} has no method predict_proba. Use an "
                "estimator with soft assignments, such as DCRL, or pass memberships to "
                "from_predictions."
            )
        options = {"name": title_of(estimator), **options}
        return cls.from_predictions(estimator.predict_proba(X), **options)

    @classmethod
    def from_predictions(cls, memberships, *, name=None, **plot_options):
        """Plot soft assignments computed by any method.

        Parameters
        ----------
        memberships : array-like of shape (n_samples, n_clusters)
            Soft assignments; they sum to 1 for each sample.
        name : str, default=None
            Title of the axes.
        **plot_options : dict
            Keyword arguments of :meth:`plot`, such as `ax`.

        Returns
        -------
        display : ClusterConfidenceDisplay
            The plotted display.
        """
        Q = check_matrix(memberships, "memberships")
        sums = Q.sum(axis=1)
        if not (Q >= 0.0).all() or not np.allclose(sums, 1.0, atol=1e-3):
            raise ValueError(
                "memberships must be non-negative and sum to 1 for each sample, got"
                f" sums from {sums.min():.3g} to {sums.max():.3g}. Divide them by their"
                " sum."
            )
        return cls(memberships=Q, name=name).plot(**plot_options)

    @validated({"kind": [StrOptions({"sorted", "matrix"})]})
    def plot(self, ax=None, *, kind="sorted"):
        """Plot the memberships.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to plot in; None creates a figure.
        kind : {"sorted", "matrix"}, default="sorted"
            Show the largest membership of each sample, or all memberships.

        Returns
        -------
        display : ClusterConfidenceDisplay
            The display.
        """
        Q = np.asarray(self.memberships)
        n, n_clusters = Q.shape
        self.labels_ = Q.argmax(axis=1)
        self.confidence_ = Q.max(axis=1)
        self.order_ = np.lexsort((-self.confidence_, self.labels_))
        sizes = np.bincount(self.labels_, minlength=n_clusters)
        ends = np.cumsum(sizes)
        ax = get_axes(self, ax, figsize=(5.6, 5.2))
        self.bars_, self.image_ = [], None
        middles = ends - sizes / 2
        filled = sizes > 0
        if kind == "sorted":
            sorted_confidence = self.confidence_[self.order_]
            for cluster in np.flatnonzero(filled):
                edges = np.arange(ends[cluster] - sizes[cluster], ends[cluster] + 1)
                values = sorted_confidence[edges[:-1]]
                values = np.append(values, values[-1])
                style = {"linewidth": 0, "color": PALETTE[cluster % len(PALETTE)]}
                bars = ax.fill_betweenx(edges, values, step="post", **style)
                self.bars_.append(bars)
            for end in ends[:-1][filled[:-1]]:
                ax.axhline(end, color="white", linewidth=1.5)
            dotted_line(ax, 1.0 / n_clusters, "even", ha="center")
            ax.set(xlim=(0.0, 1.0), xlabel="Largest membership")
        else:
            options = {"interpolation": "nearest", "vmin": 0.0, "vmax": 1.0}
            extent = (-0.5, n_clusters - 0.5, n, 0)
            rows = _mean_rows(Q[self.order_], _N_ROWS)
            self.image_ = ax.imshow(
                rows, cmap=SEQUENTIAL, aspect="auto", extent=extent, **options
            )
            ax.figure.colorbar(self.image_, ax=ax, label="Membership")
            for end in ends[:-1][filled[:-1]]:
                ax.axhline(end, color="white", linewidth=0.8)
            ax.set(xlabel="Cluster")
            step = max(1, n_clusters // 20)
            ax.set_xticks(np.arange(0, n_clusters, step))
        ax.set_ylim(n, 0)
        # labels of thin clusters would overlap
        shown = _far_apart(middles, filled, 0.028 * n)
        ax.set_yticks(middles[shown], [str(cluster) for cluster in shown])
        ax.tick_params(axis="y", length=0)
        ax.set_ylabel("Samples by cluster, most confident first")
        if self.name is not None:
            ax.set_title(self.name, pad=18 if kind == "sorted" else None)
        return self


def _mean_rows(Q, n_rows):
    """Reduce Q to at most `n_rows` rows by means of nearly equal parts."""
    if len(Q) <= n_rows:
        return Q
    starts = np.linspace(0, len(Q), n_rows, endpoint=False).astype(int)
    sizes = np.diff(np.append(starts, len(Q)))
    return np.add.reduceat(Q, starts, axis=0) / sizes[:, np.newaxis]


def _far_apart(positions, wanted, gap):
    shown, last = [], -np.inf
    for i in np.flatnonzero(wanted):
        if positions[i] - last >= gap:
            shown.append(i)
            last = positions[i]
    return np.array(shown, dtype=int)


class ClusterRankDisplay:
    """Preservation of the distance ranks between clusters.

    The cell in row a and column b is blue if cluster b has the same rank by distance
    from cluster a in the embedding as in the input, and yellow otherwise, with the
    change of the rank. The fraction of blue cells is
    :func:`~skmanifold.metrics.cluster_rank_accuracy`.

    Read more in the :ref:`User Guide <inspection>`.

    Parameters
    ----------
    input_ranks : ndarray of shape (n_clusters, n_clusters)
        Rank of center b among the distances from a in the input; 1 on the diagonal.
    embedding_ranks : ndarray of shape (n_clusters, n_clusters)
        Ranks in the embedding.
    labels : sequence of str
        Names of the clusters.
    name : str, default=None
        Title of the axes.

    Attributes
    ----------
    ax_, figure_ : matplotlib Axes and Figure
        Axes with the plot, and their figure.
    image_ : matplotlib AxesImage
        Image of the matrix: 0 if the rank is preserved, else 1.
    texts_ : list of matplotlib Text
        Numbers in the yellow cells, for up to 20 clusters.
    accuracy_ : float
        Fraction of preserved ranks.
    legend_ : matplotlib Legend
        Legend of the colors.

    References
    ----------
    .. [1] L. Wu et al. Deep clustering and representation learning with geometric
       structure preservation. arXiv:2009.09590, 2020.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.decomposition import PCA
    >>> from skmanifold.inspection import ClusterRankDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> display = ClusterRankDisplay.from_estimator(PCA(2).fit(X), X, y)
    >>> display.accuracy_
    1.0
    """

    def __init__(self, *, input_ranks, embedding_ranks, labels, name=None):
        self.input_ranks = input_ranks
        self.embedding_ranks = embedding_ranks
        self.labels = labels
        self.name = name

    @classmethod
    def from_estimator(cls, estimator, X, y=None, **options):
        """Plot the ranks in the embedding by a fitted estimator.

        Parameters
        ----------
        estimator : object
            A fitted transformer.
        X : array-like of shape (n_samples, n_features)
            The samples.
        y : array-like of shape (n_samples,), default=None
            Clusters or classes; None uses ``predict``.
        **options : dict
            Keyword arguments of :meth:`from_embedding`. `name` is by default the name
            of the estimator's class.

        Returns
        -------
        display : ClusterRankDisplay
            The plotted display.

        Raises
        ------
        TypeError
            If `y` is None and the estimator has no ``predict``.
        """
        if y is None:
            if not hasattr(estimator, "predict"):
                raise TypeError(
                    f"{type(estimator).__name__} has no method predict, so its "
                    "clusters are unknown. Pass clusters or classes as y."
                )
            y = estimator.predict(X)
        options = {"name": title_of(estimator), **options}
        return cls.from_embedding(X, embed(estimator, X), y, **options)

    @classmethod
    def from_embedding(cls, X, Z, labels, *, name=None, **plot_options):
        """Plot the ranks in an embedding computed by any method.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The input.
        Z : array-like of shape (n_samples, n_components)
            The embedding.
        labels : array-like of shape (n_samples,)
            Clusters or classes; samples without a label are left out.
        name : str, default=None
            Title of the axes.
        **plot_options : dict
            Keyword arguments of :meth:`plot`, such as `ax`.

        Returns
        -------
        display : ClusterRankDisplay
            The plotted display.
        """
        X, Z = check_pair(X, Z, min_samples=1, sparse=False)
        check_labels(labels, X.shape[0], "labels")
        read = read_labels(labels, X.shape[0], "labels", natural=True)
        _, codes, X, Z = labeled(read.codes, X, Z)
        display = cls(
            input_ranks=_center_ranks(X, codes),
            embedding_ranks=_center_ranks(Z, codes),
            labels=read.names,
            name=name,
        )
        return display.plot(**plot_options)

    def plot(self, ax=None):
        """Plot the matrix, with the changes of ranks for up to 20 clusters.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to plot in; None creates a figure.

        Returns
        -------
        display : ClusterRankDisplay
            The display.
        """
        change = np.asarray(self.embedding_ranks) - np.asarray(self.input_ranks)
        changed = change != 0
        n = len(changed)
        self.accuracy_ = float(1.0 - changed.mean())
        plt = import_pyplot(self)
        ax = get_axes(self, ax, figsize=(6.0, 4.8))
        colors = import_optional("matplotlib.colors", "plot")
        cmap = colors.ListedColormap([BLUE, YELLOW])
        self.image_ = ax.imshow(changed.astype(int), cmap=cmap, vmin=0, vmax=1)
        self.texts_ = []
        if n <= 20:
            style = {"ha": "center", "va": "center"}
            style["size"] = float(np.clip(110 / n, 5.0, 10.0))
            self.texts_ = [
                ax.text(b, a, f"{change[a, b]:+.0f}", **style)
                for a, b in np.argwhere(changed)
            ]
        if n <= 60:  # white lines between the cells
            ax.set_xticks(np.arange(n - 1) + 0.5, minor=True)
            ax.set_yticks(np.arange(n - 1) + 0.5, minor=True)
            ax.grid(which="minor", color="white", linewidth=1.0)
            ax.tick_params(which="minor", length=0)
        step = max(1, n // 20)
        ticks = np.arange(0, n, step)
        names = [self.labels[i] for i in ticks]
        long = max(map(len, names)) > 3
        ax.set_xticks(ticks, names, rotation=90 if long else 0)
        ax.set_yticks(ticks, names)
        verbatim([*ax.get_xticklabels(), *ax.get_yticklabels()])
        ax.tick_params(length=0)
        ax.set(xlabel="to cluster", ylabel="from cluster")
        handles = [
            plt.Rectangle((0, 0), 1, 1, color=BLUE, label="rank kept"),
            plt.Rectangle((0, 0), 1, 1, color=YELLOW, label="rank changed"),
        ]
        self.legend_ = outer_legend(ax, handles)
        title = f"rank accuracy {self.accuracy_:.2f}"
        ax.set_title(title if self.name is None else f"{self.name}: {title}")
        return self
