# SPDX-License-Identifier: BSD-3-Clause

"""Displays of distances, over all pairs and locally."""

import numpy as np
from sklearn.utils import check_random_state

from skmanifold.inspection._style import (
    DIVERGING,
    MANY_POINTS,
    PALETTE,
    SEQUENTIAL,
    bare,
    check_embedding,
    density_colors,
    embed,
    get_axes,
    import_pyplot,
    merge_kwargs,
    title_of,
    validated,
)
from skmanifold.metrics import (
    continuity,
    local_geometric_distortion,
    mean_relative_rank_error,
    neighborhood_preservation,
    trustworthiness,
)
from skmanifold.metrics._checks import METRIC, check_neighbors, check_pair
from skmanifold.metrics._ranks import Distances, kneighbors, pair_distances
from skmanifold.utils import import_optional
from skmanifold.utils._sklearn import StrOptions
from skmanifold.utils._validation import Count


class ShepardDisplay:
    """Shepard diagram: distances in the embedding against distances in the input.

    Each point is a pair of samples. For an isometry up to scale, all lie on a line
    through the origin; the line shown is the least-squares fit. Pairs below it are too
    close in the embedding, pairs above it too far apart.

    Read more in the :ref:`User Guide <inspection>`.

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
    ax_, figure_ : matplotlib Axes and Figure
        Axes with the plot, and their figure.
    points_, image_ : matplotlib PathCollection and QuadMesh, or None
        Markers of the pairs up to 20,000, their density above.
    line_, slope_ : matplotlib Line2D and float
        The fitted line through the origin, and its slope.
    correlation_ : float
        Pearson correlation over the plotted pairs; NaN if one distance is constant.

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
    def from_estimator(cls, estimator, X, y=None, *, distances=None, **options):
        """Plot the distances in the embedding by a fitted estimator.

        Parameters
        ----------
        estimator : object
            A fitted transformer.
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The samples.
        y : Ignored
            Not used.
        distances : array-like of shape (n_samples, n_samples), default=None
            Distances in the input, such as geodesic ones. None means those of `metric`.
        **options : dict
            Keyword arguments of :meth:`from_embedding`. `name` is by default the name
            of the estimator's class.

        Returns
        -------
        display : ShepardDisplay
            The plotted display.
        """
        options = {"name": title_of(estimator), **options}
        Z = embed(estimator, X)
        if distances is not None:
            if options.setdefault("metric", "precomputed") != "precomputed":
                raise ValueError(
                    f"metric={options['metric']!r} cannot be combined with distances. "
                    "Omit one of them."
                )
            X = distances
        return cls.from_embedding(X, Z, **options)

    @classmethod
    @validated(
        {
            "metric": METRIC,
            "n_pairs": [Count(1), None],
            "random_state": ["random_state"],
        }
    )
    def from_embedding(
        cls,
        X,
        Z,
        *,
        metric="euclidean",
        n_pairs=5000,
        random_state=None,
        name=None,
        **plot_options,
    ):
        """Plot the distances in an embedding computed by any method.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The input, or its square matrix of distances if ``metric="precomputed"``.
        Z : array-like of shape (n_samples, n_components)
            The embedding.
        metric : str or callable, default="euclidean"
            Metric of the input, as in :func:`sklearn.metrics.pairwise_distances`.
        n_pairs : int or None, default=5000
            Number of random pairs. None uses all, which takes the memory of a matrix.
        random_state : int, RandomState instance or None, default=None
            Seed of the pairs.
        name : str, default=None
            Title of the axes.
        **plot_options : dict
            Keyword arguments of :meth:`plot`, such as `ax`.

        Returns
        -------
        display : ShepardDisplay
            The plotted display.
        """
        X, Z = check_pair(X, Z, metric=metric)
        n = X.shape[0]
        if n_pairs is None:
            first, second = np.triu_indices(n, 1)
        else:
            rng = check_random_state(random_state)
            first = rng.randint(n, size=n_pairs)
            # never a sample with itself
            second = (first + 1 + rng.randint(n - 1, size=n_pairs)) % n
        display = cls(
            input_distances=pair_distances(Distances(X, metric), first, second),
            embedding_distances=pair_distances(Distances(Z), first, second),
            name=name,
        )
        return display.plot(**plot_options)

    def plot(self, ax=None, *, scatter_kwargs=None):
        """Plot the pairs.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to plot in; None creates a figure.
        scatter_kwargs : dict, default=None
            Keyword arguments of :meth:`matplotlib.axes.Axes.scatter`.

        Returns
        -------
        display : ShepardDisplay
            The display.
        """
        x = np.asarray(self.input_distances, dtype=np.float64)
        z = np.asarray(self.embedding_distances, dtype=np.float64)
        ax = get_axes(self, ax, figsize=(5.4, 4.6))
        self.points_ = self.image_ = None
        if len(x) <= MANY_POINTS:
            defaults = {
                "s": float(np.clip(20_000 / len(x), 3.0, 14.0)),
                "color": PALETTE[1],
                "alpha": float(np.clip(2000 / len(x), 0.15, 0.8)),
                "linewidths": 0,
            }
            options = merge_kwargs(defaults, scatter_kwargs)
            self.points_ = ax.scatter(x, z, **options)
        else:
            cmap = density_colors()
            *_, self.image_ = ax.hist2d(x, z, bins=120, cmap=cmap, norm="log")
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


# Local distortion -------------------------------------------------------------

_MEASURES = {
    "trustworthiness": trustworthiness,
    "continuity": continuity,
    "neighborhood_preservation": neighborhood_preservation,
    "mean_relative_rank_error": mean_relative_rank_error,
    "local_geometric_distortion": local_geometric_distortion,
}


class DistortionDisplay:
    """Local distortion of an embedding: a color per sample, and decoder ellipses.

    The default color is the local expansion: the binary logarithm of the ratio of the
    mean distances to the neighbors in the embedding and in the input, relative to its
    median. Blue regions are compressed, red ones expanded (1 is twice).

    Each ellipse is the image of a small circle in the input space, by the Jacobian of
    the decoder, like Tissot's indicatrix of a map [1]_. For an isometry, they are
    circles of equal size. Axes are limited to four times the median.

    Read more in the :ref:`User Guide <inspection>`.

    Parameters
    ----------
    embedding : ndarray of shape (n_samples, 2)
        Coordinates of the samples.
    distortion : ndarray of shape (n_samples,)
        Value of each sample; NaN is plotted in gray.
    measure : str, default="expansion"
        Name of the values, for the colorbar.
    ellipse_centers, jacobians : ndarray, default=None
        Centers of the ellipses, (n_ellipses, 2), and Jacobians of the decoder there,
        (n_ellipses, n_features, 2).
    name : str, default=None
        Title of the axes.

    Attributes
    ----------
    ax_, figure_ : matplotlib Axes and Figure
        Axes with the plot, and their figure.
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
    def from_estimator(cls, estimator, X, y=None, *, n_ellipses=60, **options):
        """Plot the distortion of a fitted estimator.

        Parameters
        ----------
        estimator : object
            A fitted transformer to two dimensions. Ellipses need a method
            ``jacobian(Z)`` that returns Jacobians of the decoder, (n, n_features, 2).
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The samples.
        y : Ignored
            Not used.
        n_ellipses : int, default=60
            Maximum number of ellipses, at samples far from each other. 0 plots none.
        **options : dict
            Keyword arguments of :meth:`from_embedding`. `name` is by default the name
            of the estimator's class.

        Returns
        -------
        display : DistortionDisplay
            The plotted display.
        """
        jacobian = getattr(estimator, "jacobian", None) if n_ellipses else None
        Z = embed(estimator, X)
        options = {"name": title_of(estimator), "jacobian": jacobian, **options}
        return cls.from_embedding(X, Z, n_ellipses=n_ellipses, **options)

    @classmethod
    @validated(
        {
            "measure": [StrOptions({"expansion", *_MEASURES}), callable],
            "metric": METRIC,
            "n_neighbors": [Count(1)],
        }
    )
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
        **plot_options,
    ):
        """Plot the distortion of an embedding computed by any method.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The input, or its square matrix of distances if ``metric="precomputed"``.
        Z : array-like of shape (n_samples, 2)
            The embedding.
        measure : {"expansion", "trustworthiness", "continuity", \
                "neighborhood_preservation", "mean_relative_rank_error", \
                "local_geometric_distortion"} or callable, default="expansion"
            Value of each sample: the local expansion, a metric of
            :mod:`skmanifold.metrics`, or a function ``measure(X, Z)``.
        n_neighbors : int, default=10
            Number of neighbors. Increase it to see distortion at a larger scale.
        metric : str or callable, default="euclidean"
            Metric of the input.
        jacobian : callable, default=None
            Function ``jacobian(Z)``: Jacobians of the decoder, (n, n_features, 2).
        n_ellipses : int, default=60
            Maximum number of ellipses.
        name : str, default=None
            Title of the axes.
        **plot_options : dict
            Keyword arguments of :meth:`plot`, such as `ax`.

        Returns
        -------
        display : DistortionDisplay
            The plotted display.
        """
        Z = check_embedding(Z, dimensions=(2,))
        if callable(measure):
            values = np.asarray(measure(X, Z), dtype=np.float64)
            measure = getattr(measure, "__name__", "distortion")
        else:
            options = {"n_neighbors": n_neighbors, "metric": metric}
            if measure == "expansion":
                values = _expansion(X, Z, **options)
            else:
                values = _MEASURES[measure](X, Z, per_sample=True, **options)
        if values.shape != (len(Z),):
            raise ValueError(
                f"measure must return one value for each of the {len(Z)} samples, got"
                f" an array of shape {values.shape}."
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
                    f"jacobian must return shape (n_points, n_features, 2) for "
                    f"{len(centers)} points, got {jacobians.shape}."
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
        return display.plot(**plot_options)

    def plot(self, ax=None, *, scatter_kwargs=None):
        """Plot the samples and the ellipses.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to plot in; None creates a figure.
        scatter_kwargs : dict, default=None
            Keyword arguments of :meth:`matplotlib.axes.Axes.scatter`.

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
        cmap = plt.get_cmap(DIVERGING if diverging else SEQUENTIAL)
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
            # robust to a few outliers
            limit = max(np.quantile(finite, 0.98), 0.1) if finite.size else 1.0
            # edges make white markers visible on a white background
            edge = {"edgecolors": "0.55", "linewidths": 0.25}
            defaults |= {"vmin": -limit, "vmax": limit, **edge}
        options = merge_kwargs(defaults, scatter_kwargs)
        self.points_ = ax.scatter(*Z.T, **options)
        label = str(self.measure).replace("_", " ")
        if diverging:
            label = "local expansion (log2, median 0)"
        self.colorbar_ = ax.figure.colorbar(
            self.points_,
            ax=ax,
            shrink=0.85,
            label=label[:1].upper() + label[1:],
            extend="both" if diverging else "neither",
        )
        self.ellipses_ = None
        if self.jacobians is not None:
            self.ellipses_ = self._plot_ellipses(ax, Z)
            label = "a circle in the space of the data"
            handle = plt.Line2D(
                [], [], linestyle="", marker="o", mfc="none", mec="black", label=label
            )
            corner = {"loc": "upper left", "bbox_to_anchor": (0.0, -0.01)}
            ax.legend(handles=[handle], **corner, frameon=False, borderaxespad=0.0)
        bare(ax)
        ax.set_aspect("equal", adjustable="datalim")
        if self.name is not None:
            ax.set_title(self.name)
        return self

    def _plot_ellipses(self, ax, Z):
        collections = import_optional("matplotlib.collections", "plot")
        centers = np.asarray(self.ellipse_centers, dtype=np.float64)
        lengths, angles = _indicatrices(np.asarray(self.jacobians, dtype=np.float64))
        # the median ellipse takes almost half of the gap to the next one
        gap = np.sqrt(np.prod(np.maximum(np.ptp(Z, axis=0), 1e-300)) / len(centers))
        median = np.median(lengths)
        scale = 0.45 * gap / median if np.isfinite(median) and median > 0.0 else 0.0
        diameters = np.minimum(lengths, 4.0 * median) * scale
        place = {"units": "xy", "offsets": centers, "offset_transform": ax.transData}
        style = {"facecolors": "none", "edgecolors": "black", "linewidths": 1.0}
        ellipses = collections.EllipseCollection(
            *diameters.T, angles, **place, **style, zorder=3
        )
        return ax.add_collection(ellipses)


def _indicatrices(jacobians):
    """Return axes and angle in degrees of {u: |J u| = 1}, the longer axis first."""
    metric = np.einsum("nij,nik->njk", jacobians, jacobians)
    squares, vectors = np.linalg.eigh(metric)
    with np.errstate(divide="ignore"):
        lengths = 1.0 / np.sqrt(np.maximum(squares, 0.0))
    longest = vectors[:, :, 0]
    return lengths, np.degrees(np.arctan2(longest[:, 1], longest[:, 0]))


def _expansion(X, Z, *, n_neighbors, metric):
    """Compute the log2 ratio of the mean neighbor distances, relative to its median."""
    X, Z = check_pair(X, Z, metric=metric)
    n = X.shape[0]
    check_neighbors(n_neighbors, n)
    if isinstance(metric, str) and metric == "precomputed":
        X = X.copy()
        np.fill_diagonal(X, 0.0)
    distances, near = kneighbors(X, n_neighbors, metric=metric, distances=True)
    embedded = np.linalg.norm(Z[near] - Z[:, np.newaxis], axis=2).mean(axis=1)
    original = distances.mean(axis=1)
    # the ratio is undefined if either is zero
    ratio = np.full(n, np.nan)
    proper = (original > 0.0) & (embedded > 0.0)
    ratio[proper] = np.log2(embedded[proper]) - np.log2(original[proper])
    return ratio - np.median(ratio[proper]) if proper.any() else ratio


def _spread(Z, n):
    """Return the indices of up to n far-apart points, the most central first."""
    n = min(n, len(Z))
    chosen = [int(np.argmin(np.linalg.norm(Z - np.median(Z, axis=0), axis=1)))]
    nearest = np.linalg.norm(Z - Z[chosen[0]], axis=1)
    while len(chosen) < n and nearest.max() > 0.0:
        chosen.append(int(nearest.argmax()))
        nearest = np.minimum(nearest, np.linalg.norm(Z - Z[chosen[-1]], axis=1))
    return np.array(chosen)
