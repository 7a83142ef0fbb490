# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""How an embedding changes distances: over all pairs, and from place to place."""

from numbers import Integral

import numpy as np
from scipy.sparse import issparse
from sklearn.metrics.pairwise import paired_distances
from sklearn.utils import check_random_state, gen_batches

from skmanifold.inspection._style import (
    DIVERGING,
    MANY_POINTS,
    PALETTE,
    SEQUENTIAL,
    bare,
    check_embedding,
    check_option,
    density_colors,
    embed,
    get_axes,
    import_pyplot,
    merge_kwargs,
)
from skmanifold.metrics import (
    continuity,
    local_geometric_distortion,
    mean_relative_rank_error,
    neighborhood_preservation,
    trustworthiness,
)
from skmanifold.metrics._checks import check_pair
from skmanifold.metrics._ranks import Distances, in_space, kneighbors
from skmanifold.utils import import_optional


class ShepardDisplay:
    """Distances in the embedding against distances in the input.

    Each point is a pair of samples. An isometry up to scale is a straight line through
    zero; the one drawn has the slope that fits best. A cloud that bends below the line
    is an embedding that draws far pairs together, one above it tears pairs apart.

    Parameters
    ----------
    input_distances : ndarray of shape (n_pairs,)
        Distances in the input.

    embedding_distances : ndarray of shape (n_pairs,)
        Distances of the same pairs in the embedding.

    name : str, default=None
        Title of the axes.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes of the picture.

    figure_ : matplotlib Figure
        Its figure.

    points_ : matplotlib PathCollection or None
        The pairs, up to 20,000 of them.

    image_ : matplotlib QuadMesh or None
        Their density, where there are more.

    line_ : matplotlib Line2D
        The line through zero.

    slope_ : float
        Its slope, the least squares fit of the distances in the embedding.

    correlation_ : float
        Pearson's correlation of the two distances, over the pairs drawn; NaN where one
        of them is constant.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.decomposition import PCA
    >>> from skmanifold.inspection import ShepardDisplay
    >>> X, _ = load_iris(return_X_y=True)
    >>> display = ShepardDisplay.from_estimator(PCA(2).fit(X), X, random_state=0)
    >>> display.correlation_ > 0.99
    True
    """

    def __init__(self, *, input_distances, embedding_distances, name=None):
        self.input_distances = input_distances
        self.embedding_distances = embedding_distances
        self.name = name

    @classmethod
    def from_estimator(
        cls, estimator, X, y=None, *, distances=None, name=None, ax=None, **options
    ):
        """Draw the distances in the embedding of a fitted estimator.

        Parameters
        ----------
        estimator : object
            A fitted transformer.

        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The data.

        y : Ignored
            Not used.

        distances : array-like of shape (n_samples, n_samples), default=None
            The distances in the input, geodesic ones, say. None measures those between
            the rows of `X`, by the option `metric`.

        name : str, default=None
            Title; None takes the name of the estimator's class.

        ax : matplotlib Axes, default=None
            Axes to draw in; None makes a figure.

        **options : dict
            Options of :meth:`from_embedding`.

        Returns
        -------
        display : ShepardDisplay
            The display, drawn.
        """
        name = type(estimator).__name__ if name is None else name
        Z = embed(estimator, X)
        if distances is not None:
            if options.setdefault("metric", "precomputed") != "precomputed":
                raise ValueError(
                    f"metric={options['metric']!r} measures X, but distances were "
                    "given, which need no metric. Leave one of them out."
                )
            X = distances
        return cls.from_embedding(X, Z, name=name, ax=ax, **options)

    @classmethod
    def from_embedding(
        cls,
        X,
        Z,
        *,
        metric="euclidean",
        n_pairs=5000,
        random_state=None,
        name=None,
        ax=None,
        **plot_options,
    ):
        """Draw the distances in an embedding of any origin.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features) or \
                (n_samples, n_samples)
            The input, or its distances if ``metric="precomputed"``: geodesic ones, say.

        Z : array-like of shape (n_samples, n_components)
            The embedding, of any number of columns.

        metric : str or callable, default="euclidean"
            Metric of the input, any of :func:`sklearn.metrics.pairwise_distances`.

        n_pairs : int or None, default=5000
            Number of random pairs. None takes all, and needs memory for their matrix.

        random_state : int, RandomState instance or None, default=None
            Draws the pairs.

        name : str, default=None
            Title of the axes.

        ax : matplotlib Axes, default=None
            Axes to draw in; None makes a figure.

        **plot_options : dict
            Options of :meth:`plot`.

        Returns
        -------
        display : ShepardDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If `X` and `Z` have different numbers of rows, or `n_pairs` is less than 1.
        """
        X, Z = check_pair(X, Z, metric=metric)
        n = X.shape[0]
        if n_pairs is None:
            first, second = np.triu_indices(n, 1)
        elif not isinstance(n_pairs, Integral) or n_pairs < 1:
            raise ValueError(
                f"n_pairs must be an int of at least 1, or None, got {n_pairs!r}."
            )
        else:
            rng = check_random_state(random_state)
            first = rng.randint(n, size=n_pairs)
            # one of the others
            second = (first + 1 + rng.randint(n - 1, size=n_pairs)) % n
        display = cls(
            input_distances=_distances(X, first, second, metric),
            embedding_distances=_distances(Z, first, second, "euclidean"),
            name=name,
        )
        return display.plot(ax, **plot_options)

    def plot(self, ax=None, *, kind="auto", cmap=None, scatter_kwargs=None):
        """Draw the pairs.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw in; None makes a figure.

        kind : {"auto", "scatter", "density"}, default="auto"
            A mark for each pair, or their density; "auto" takes the density past 20,000
            pairs.

        cmap : str or matplotlib Colormap, default=None
            Colours of the density; None goes from pale to dark.

        scatter_kwargs : dict, default=None
            Keywords of :meth:`matplotlib.axes.Axes.scatter`.

        Returns
        -------
        display : ShepardDisplay
            The display.
        """
        check_option(kind, ("auto", "scatter", "density"), "kind")
        x = np.asarray(self.input_distances, dtype=np.float64)
        z = np.asarray(self.embedding_distances, dtype=np.float64)
        if kind == "auto":
            kind = "density" if len(x) > MANY_POINTS else "scatter"
        ax = get_axes(self, ax, figsize=(5.4, 4.6))
        self.points_ = self.image_ = None
        if kind == "scatter":
            defaults = {
                "s": float(np.clip(20_000 / len(x), 3.0, 14.0)),
                "color": PALETTE[1],
                "alpha": float(np.clip(2000 / len(x), 0.15, 0.8)),
                "linewidths": 0,
            }
            options = merge_kwargs(defaults, scatter_kwargs, points=True)
            self.points_ = ax.scatter(x, z, **options)
        else:
            *_, self.image_ = ax.hist2d(
                x,
                z,
                bins=120,
                cmap=density_colors() if cmap is None else cmap,
                norm="log",
            )
            ax.figure.colorbar(self.image_, ax=ax, label="Pairs")
        square = float(x @ x)
        self.slope_ = float(x @ z) / square if square > 0.0 else 0.0
        varied = np.ptp(x) > 0.0 and np.ptp(z) > 0.0
        self.correlation_ = float(np.corrcoef(x, z)[0, 1]) if varied else float("nan")
        end = x.max()
        (self.line_,) = ax.plot(
            [0.0, end], [0.0, self.slope_ * end], color=PALETTE[0], linewidth=1.8
        )
        ax.set(xlabel="Distance in the input", ylabel="Distance in the embedding")
        ax.set_xlim(left=0.0)
        ax.set_ylim(bottom=0.0)
        title = f"correlation {self.correlation_:.3f}"
        ax.set_title(title if self.name is None else f"{self.name}: {title}")
        return self


def _distances(X, first, second, metric):
    """Distances of given pairs."""
    X, metric = in_space(X, metric)
    if isinstance(metric, str) and metric == "precomputed":
        return np.asarray(X[first, second], dtype=np.float64)
    step = max(1, 2**23 // X.shape[1])
    direct = ("euclidean", "l2", "manhattan", "l1", "cityblock", "cosine")
    if callable(metric) or metric in direct:
        return np.concatenate(
            [
                paired_distances(
                    _dense(X[first[part]]), _dense(X[second[part]]), metric=metric
                )
                for part in gen_batches(len(first), step)
            ]
        )
    # other metrics come as rows of the matrix
    row_distances = Distances(X, metric)
    distances = np.empty(len(first))
    order = np.argsort(first, kind="stable")
    sources, starts = np.unique(first[order], return_index=True)
    for source, pairs in zip(sources, np.split(order, starts[1:]), strict=True):
        distances[pairs] = row_distances(np.array([source]))[0][second[pairs]]
    return distances


def _dense(rows):
    return rows.toarray() if issparse(rows) else rows


# Place by place -------------------------------------------------------------

_MEASURES = {
    "trustworthiness": trustworthiness,
    "continuity": continuity,
    "neighborhood_preservation": neighborhood_preservation,
    "mean_relative_rank_error": mean_relative_rank_error,
    "local_geometric_distortion": local_geometric_distortion,
}


class DistortionDisplay:
    """Where an embedding distorts: a colour a sample, and ellipses of the decoder.

    The colour is by default the local expansion: how many times longer than in the
    input the distances to the nearest neighbours are drawn, as the binary logarithm of
    its ratio to the median. Blue parts are compressed and red ones spread, 1 meaning
    twice. An isometry up to scale is white. Other measures have a value a sample too.

    Each ellipse is a circle of one small radius in the space of the data, seen from the
    embedding through the decoder's differential: what Tissot's indicatrix is for maps
    of the earth. For an isometry they are circles of one size. Where the decoder hardly
    moves they would be endless and are cut off at four times the median.

    Parameters
    ----------
    embedding : ndarray of shape (n_samples, 2)
        The places of the samples.

    distortion : ndarray of shape (n_samples,)
        The value of each; NaN is drawn grey.

    measure : str, default="expansion"
        What the values are, for the scale.

    ellipse_centers : ndarray of shape (n_ellipses, 2), default=None
        Places of the ellipses.

    jacobians : ndarray of shape (n_ellipses, n_features, 2), default=None
        The decoder's differentials there.

    name : str, default=None
        Title of the axes.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes of the picture.

    figure_ : matplotlib Figure
        Its figure.

    points_ : matplotlib PathCollection
        The samples.

    ellipses_ : matplotlib EllipseCollection or None
        The ellipses.

    colorbar_ : matplotlib Colorbar
        The scale.

    References
    ----------
    .. [1] N. A. Tissot. Mémoire sur la représentation des surfaces et les projections
       des cartes géographiques. Gauthier-Villars, 1881.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.decomposition import PCA
    >>> from skmanifold.inspection import DistortionDisplay
    >>> X, _ = load_iris(return_X_y=True)
    >>> display = DistortionDisplay.from_estimator(PCA(2).fit(X), X)
    >>> display.distortion.shape
    (150,)
    """

    def __init__(
        self,
        *,
        embedding,
        distortion,
        measure="expansion",
        ellipse_centers=None,
        jacobians=None,
        name=None,
    ):
        self.embedding = embedding
        self.distortion = distortion
        self.measure = measure
        self.ellipse_centers = ellipse_centers
        self.jacobians = jacobians
        self.name = name

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        y=None,
        *,
        n_ellipses=60,
        name=None,
        ax=None,
        **options,
    ):
        """Draw the distortion of a fitted estimator.

        Parameters
        ----------
        estimator : object
            A fitted transformer to the plane. With a method ``jacobian(Z)``, the
            decoder's differentials of shape (n, n_features, 2), its ellipses are drawn.

        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The data.

        y : Ignored
            Not used.

        n_ellipses : int, default=60
            Most ellipses, at samples that do not lie near each other. 0 draws none.

        name : str, default=None
            Title; None takes the name of the estimator's class.

        ax : matplotlib Axes, default=None
            Axes to draw in; None makes a figure.

        **options : dict
            Options of :meth:`from_embedding`.

        Returns
        -------
        display : DistortionDisplay
            The display, drawn.
        """
        jacobian = getattr(estimator, "jacobian", None) if n_ellipses else None
        return cls.from_embedding(
            X,
            embed(estimator, X),
            jacobian=jacobian,
            n_ellipses=n_ellipses,
            name=type(estimator).__name__ if name is None else name,
            ax=ax,
            **options,
        )

    @classmethod
    def from_embedding(
        cls,
        X,
        Z,
        *,
        measure="expansion",
        n_neighbors=10,
        metric="euclidean",
        jacobian=None,
        n_ellipses=60,
        name=None,
        ax=None,
        **plot_options,
    ):
        """Draw the distortion of an embedding of any origin.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features) or \
                (n_samples, n_samples)
            The input, or its distances if ``metric="precomputed"``.

        Z : array-like of shape (n_samples, 2)
            The embedding.

        measure : {"expansion", "trustworthiness", "continuity", \
                "neighborhood_preservation", "mean_relative_rank_error", \
                "local_geometric_distortion"} or callable, default="expansion"
            The value of each sample: the local expansion, a metric of
            :mod:`skmanifold.metrics`, or ``measure(X, Z)`` with an array of n values.

        n_neighbors : int, default=10
            Number of neighbours that it is measured with.

        metric : str or callable, default="euclidean"
            Metric of the input.

        jacobian : callable, default=None
            ``jacobian(Z)``, the decoder's differentials of shape (n, n_features, 2).

        n_ellipses : int, default=60
            Most ellipses.

        name : str, default=None
            Title of the axes.

        ax : matplotlib Axes, default=None
            Axes to draw in; None makes a figure.

        **plot_options : dict
            Options of :meth:`plot`.

        Returns
        -------
        display : DistortionDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If an argument does not fit the others, or is not known.
        """
        Z = check_embedding(Z, dimensions=(2,))
        if callable(measure):
            values = np.asarray(measure(X, Z), dtype=np.float64)
            measure = getattr(measure, "__name__", "distortion")
        else:
            check_option(measure, ("expansion", *_MEASURES), "measure")
            given = {"n_neighbors": n_neighbors, "metric": metric}
            if measure == "expansion":
                values = _expansion(X, Z, **given)
            else:
                values = _MEASURES[measure](X, Z, per_sample=True, **given)
        if values.shape != (len(Z),):
            raise ValueError(
                f"measure returned an array of shape {values.shape}, but one value for "
                f"each of the {len(Z)} samples is needed."
            )
        centers = jacobians = None
        if jacobian is not None and n_ellipses > 0:
            centers = Z[_spread(Z, n_ellipses)]
            jacobians = np.asarray(jacobian(centers), dtype=np.float64)
            if (
                jacobians.ndim < 3
                or (len(centers), 2) != jacobians.shape[:: jacobians.ndim - 1]
            ):
                raise ValueError(
                    f"jacobian returned an array of shape {jacobians.shape} for "
                    f"{len(centers)} points; (n_points, n_features, 2) is needed."
                )
            jacobians = jacobians.reshape(len(centers), -1, 2)
        display = cls(
            embedding=Z,
            distortion=values,
            measure=measure,
            ellipse_centers=centers,
            jacobians=jacobians,
            name=name,
        )
        return display.plot(ax, **plot_options)

    def plot(self, ax=None, *, cmap=None, scatter_kwargs=None):
        """Draw the samples and the ellipses.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw in; None makes a figure.

        cmap : str or matplotlib Colormap, default=None
            Colours of the values; None takes "RdBu_r" for the expansion, whose middle
            is 0, and "cividis" for all else.

        scatter_kwargs : dict, default=None
            Keywords of :meth:`matplotlib.axes.Axes.scatter`.

        Returns
        -------
        display : DistortionDisplay
            The display.
        """
        Z = check_embedding(self.embedding, name="embedding", dimensions=(2,))
        values = np.asarray(self.distortion, dtype=np.float64)
        plt = import_pyplot(self)
        ax = get_axes(self, ax, figsize=(6.2, 4.8))
        diverging = self.measure == "expansion"
        cmap = plt.get_cmap(
            (DIVERGING if diverging else SEQUENTIAL) if cmap is None else cmap
        )
        defaults = {
            "s": float(np.clip(12_000 / len(Z), 2.0, 26.0)),
            "c": values,
            "cmap": cmap.with_extremes(bad="0.6"),
            "linewidths": 0,
            "plotnonfinite": True,
            "rasterized": len(Z) > MANY_POINTS,
        }
        finite = np.abs(values[np.isfinite(values)])
        if diverging:
            # a few samples may be far out
            limit = max(np.quantile(finite, 0.98), 0.1) if finite.size else 1.0
            # the middle of the scale is white, which white paper hides
            edge = {"edgecolors": "0.55", "linewidths": 0.25}
            defaults |= {"vmin": -limit, "vmax": limit, **edge}
        options = merge_kwargs(defaults, scatter_kwargs, points=True)
        self.points_ = ax.scatter(*Z.T, **options)
        labels = {"expansion": "Local expansion (log2, median 0)"}
        label = labels.get(self.measure, str(self.measure).replace("_", " "))
        self.colorbar_ = ax.figure.colorbar(
            self.points_,
            ax=ax,
            shrink=0.85,
            label=label[:1].upper() + label[1:],
            extend="both" if diverging else "neither",
        )
        self.ellipses_ = None
        if self.jacobians is not None:
            self.ellipses_ = self._draw_ellipses(ax, Z)
            handle = plt.Line2D(
                [],
                [],
                linestyle="",
                marker="o",
                markerfacecolor="none",
                markeredgecolor="black",
                label="a circle in the space of the data",
            )
            ax.legend(
                handles=[handle],
                loc="upper left",
                bbox_to_anchor=(0.0, -0.01),
                frameon=False,
                borderaxespad=0.0,
            )
        bare(ax)
        ax.set_aspect("equal", adjustable="datalim")
        if self.name is not None:
            ax.set_title(self.name)
        return self

    def _draw_ellipses(self, ax, Z):
        collections = import_optional("matplotlib.collections", "plot")
        centers = np.asarray(self.ellipse_centers, dtype=np.float64)
        lengths, angles = _indicatrices(np.asarray(self.jacobians, dtype=np.float64))
        # so that the median ellipse is a good part of the way to the next one
        gap = np.sqrt(np.prod(np.maximum(np.ptp(Z, axis=0), 1e-300)) / len(centers))
        median = np.median(lengths)
        scale = 0.45 * gap / median if np.isfinite(median) and median > 0.0 else 0.0
        diameters = np.minimum(lengths, 4.0 * median) * scale
        return ax.add_collection(
            collections.EllipseCollection(
                diameters[:, 0],
                diameters[:, 1],
                angles,
                units="xy",
                offsets=centers,
                offset_transform=ax.transData,
                facecolors="none",
                edgecolors="black",
                linewidths=1.0,
                zorder=3,
            )
        )


def _indicatrices(jacobians):
    """Axes and angle in degrees of {u: |J u| = 1}, the longer axis first."""
    metric = np.einsum("nij,nik->njk", jacobians, jacobians)
    squares, vectors = np.linalg.eigh(metric)
    with np.errstate(divide="ignore"):
        lengths = 1.0 / np.sqrt(np.maximum(squares, 0.0))
    longest = vectors[:, :, 0]
    return lengths, np.degrees(np.arctan2(longest[:, 1], longest[:, 0]))


def _expansion(X, Z, *, n_neighbors, metric):
    """Binary logarithm of how much longer the distances to the neighbours are drawn."""
    X, Z = check_pair(X, Z, metric=metric)
    n = X.shape[0]
    if not isinstance(n_neighbors, Integral) or not 1 <= n_neighbors < n:
        raise ValueError(
            f"n_neighbors must be an int from 1 to n_samples - 1 = {n - 1}, got "
            f"{n_neighbors!r}."
        )
    if isinstance(metric, str) and metric == "precomputed":
        X = X.copy()
        np.fill_diagonal(X, 0.0)
    distances, near = kneighbors(X, n_neighbors, metric=metric, distances=True)
    drawn = np.linalg.norm(Z[near] - Z[:, np.newaxis], axis=2).mean(axis=1)
    true = distances.mean(axis=1)
    # where either is zero there is no ratio
    ratio = np.full(n, np.nan)
    proper = (true > 0.0) & (drawn > 0.0)
    ratio[proper] = np.log2(drawn[proper]) - np.log2(true[proper])
    return ratio - np.median(ratio[proper]) if proper.any() else ratio


def _spread(Z, n):
    """Up to n rows of Z that lie apart: farthest points, from the most central one."""
    n = min(n, len(Z))
    chosen = [int(np.argmin(np.linalg.norm(Z - np.median(Z, axis=0), axis=1)))]
    nearest = np.linalg.norm(Z - Z[chosen[0]], axis=1)
    while len(chosen) < n and nearest.max() > 0.0:
        chosen.append(int(nearest.argmax()))
        nearest = np.minimum(nearest, np.linalg.norm(Z - Z[chosen[-1]], axis=1))
    return np.array(chosen)
