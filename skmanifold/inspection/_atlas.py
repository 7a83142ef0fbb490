# SPDX-License-Identifier: BSD-3-Clause

"""Display of an atlas."""

import numpy as np

from skmanifold.inspection._style import (
    N_MARKS,
    PALETTE,
    bare,
    check_images,
    class_legend,
    colorbar,
    get_axes,
    import_pyplot,
    pixel_range,
    plot_marks,
    title_of,
    to_bytes,
)
from skmanifold.inspection._target import check_target
from skmanifold.utils._containers import as_array, check_matrix, counted

# Size of a chart relative to the distance between charts.
_FILL = 0.86
# Smallest overlap with a line, relative to the largest.
_MIN_OVERLAP = 0.02


class AtlasDisplay:
    """Charts of an atlas, with lines between charts that overlap.

    Charts lie on a circle, next to those they overlap most; lines are stronger the more
    samples two charts share. Each chart shows decoded images of a grid, or its samples.

    Read more in the :ref:`User Guide <inspection>`.

    Parameters
    ----------
    overlap, chart, coordinates : ndarray
        Overlaps, charts and coordinates as in :meth:`from_charts`.
    y, grids, name : object, default=None
        Colors, decoded images and title as in :meth:`from_charts`.

    Attributes
    ----------
    ax_, figure_ : matplotlib Axes and Figure
        Axes with the plot, and their figure.
    centers_ : ndarray of shape (n_charts, 2)
        Centers of the charts.
    lines_ : dict of (int, int) to matplotlib Line2D
        Line between each pair of overlapping charts.
    images_ : list of matplotlib AxesImage
        Images of the decoded grids.
    points_ : list of matplotlib PathCollection
        Samples, if there are no images, one collection per marker.
    texts_ : list of matplotlib Text
        Index and number of samples of each chart.
    legend_, colorbar_ : matplotlib Legend and Colorbar, or None
        Legend of the classes, or scale of the continuous quantity.

    Examples
    --------
    >>> import numpy as np
    >>> from skmanifold.inspection import AtlasDisplay
    >>> rng = np.random.default_rng(0)
    >>> display = AtlasDisplay.from_charts(
    ...     rng.integers(3, size=60),
    ...     rng.uniform(size=(60, 2)),
    ...     overlap=[[1.0, 0.4, 0.0], [0.4, 1.0, 0.1], [0.0, 0.1, 1.0]],
    ... )
    >>> sorted(display.lines_)
    [(0, 1), (1, 2)]
    """

    def __init__(self, *, overlap, chart, coordinates, y=None, grids=None, name=None):
        self.overlap = overlap
        self.chart = chart
        self.coordinates = coordinates
        self.y = y
        self.grids = grids
        self.name = name

    @classmethod
    def from_estimator(
        cls, estimator, X, y=None, *, image_shape=None, n_points=5, **options
    ):
        """Plot the atlas of a fitted estimator.

        Parameters
        ----------
        estimator : object
            A fitted estimator with ``charts(X)``, which returns the chart and the
            coordinates of each sample, ``chart_overlap_`` and, for images,
            ``decode_grid(chart, n_points)`` of shape (n_points, ..., n_features).
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The samples.
        y : array-like of shape (n_samples,), default=None
            Classes or a continuous quantity, shown by color.
        image_shape : (int, int) or (int, int, int), default=None
            Height, width and channels of the decoded images. None plots the samples.
        n_points : int, default=5
            Number of decoded images along each of the first two axes of a chart.
        **options : dict
            Keyword arguments of :meth:`from_charts`. `name` is by default the name of
            the estimator's class.

        Returns
        -------
        display : AtlasDisplay
            The plotted display.

        Raises
        ------
        TypeError
            If the estimator has no charts, or no decoder for `image_shape`.
        """
        for attribute in ("charts", "chart_overlap_", "decode_grid"):
            if not hasattr(estimator, attribute) and (
                attribute != "decode_grid" or image_shape is not None
            ):
                raise TypeError(
                    f"{type(estimator).__name__} has no {attribute}. Use a fitted "
                    "estimator with charts, such as AtlasAE; without a decoder, omit "
                    "image_shape to plot the samples."
                )
        overlap = estimator.chart_overlap_
        grids = None
        if image_shape is not None:
            grids = [
                _as_grid(estimator.decode_grid(c, n_points), image_shape)
                for c in range(len(overlap))
            ]
        options = {"name": title_of(estimator), **options}
        chart, coordinates = estimator.charts(X)
        return cls.from_charts(
            chart, coordinates, overlap=overlap, y=y, grids=grids, **options
        )

    @classmethod
    def from_charts(
        cls,
        chart,
        coordinates,
        *,
        overlap,
        y=None,
        grids=None,
        name=None,
        **plot_options,
    ):
        """Plot an atlas computed by any method.

        Parameters
        ----------
        chart : array-like of shape (n_samples,)
            Chart of each sample, from 0.
        coordinates : array-like of shape (n_samples, n_components)
            Coordinates of each sample in its chart, in [0, 1]; two are plotted.
        overlap : array-like of shape (n_charts, n_charts)
            Pairwise overlaps of the charts, symmetric and non-negative.
        y : array-like of shape (n_samples,), default=None
            Classes or a continuous quantity, shown by color.
        grids : array-like of shape (n_charts, n_rows, n_columns, ...), default=None
            Images, (height, width[, channels]), decoded from the lower left of each
            chart. None plots the samples.
        name : str, default=None
            Title of the axes.
        **plot_options : dict
            Keyword arguments of :meth:`plot`, such as `ax`.

        Returns
        -------
        display : AtlasDisplay
            The plotted display.
        """
        overlap = as_array(overlap, "overlap").astype(np.float64, copy=False)
        if overlap.ndim != 2 or len(set(overlap.shape)) > 1 or not overlap.size:
            raise ValueError(
                f"overlap must have shape (n_charts, n_charts), got {overlap.shape}."
            )
        if not np.allclose(overlap, overlap.T) or not (overlap >= 0.0).all():
            raise ValueError(
                "overlap must be symmetric and non-negative: the fraction of samples "
                "that two charts share."
            )
        n_charts = len(overlap)
        chart = as_array(chart, "chart")
        coordinates = check_matrix(coordinates, "coordinates", ensure_min_samples=0)
        if chart.shape != coordinates.shape[:1]:
            raise ValueError(
                "chart and coordinates must have shapes (n_samples,) and (n_samples, "
                f"n_components), got {chart.shape} and {coordinates.shape}."
            )
        invalid = chart[~np.isin(chart, np.arange(n_charts))]
        if len(invalid):
            raise ValueError(
                f"chart has the value {invalid[0]}, but must have integers from 0 to "
                f"{n_charts - 1}, the charts of overlap."
            )
        chart = chart.astype(np.intp)
        if grids is not None:
            grids = as_array(grids, "grids")
            if grids.ndim not in (5, 6) or len(grids) != n_charts:
                raise ValueError(
                    "grids must have shape (n_charts, n_rows, n_columns, height,"
                    f" width) with {counted(n_charts, 'chart')}, got {grids.shape}."
                )
        data = {"chart": chart, "coordinates": coordinates, "y": y, "grids": grids}
        return cls(overlap=overlap, **data, name=name).plot(**plot_options)

    def plot(self, ax=None, *, cmap="gray"):
        """Plot the charts and their overlaps.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to plot in; None creates a figure.
        cmap : str or matplotlib Colormap, default="gray"
            Colormap of decoded images with one channel.

        Returns
        -------
        display : AtlasDisplay
            The display.
        """
        overlap = np.asarray(self.overlap, dtype=np.float64)
        n_charts = len(overlap)
        ax = get_axes(self, ax, figsize=(9.0, 8.6))
        order = _around(overlap)
        angles = np.empty(n_charts)
        angles[order] = np.pi / 2 - 2 * np.pi * np.arange(n_charts) / n_charts
        self.centers_ = np.column_stack([np.cos(angles), np.sin(angles)])
        if n_charts == 1:
            self.centers_ = np.zeros((1, 2))
        half = _FILL * _free_room(self.centers_) / 2

        self.lines_, self.images_, self.points_, self.texts_ = {}, [], [], []
        self.legend_ = self.colorbar_ = None
        pairs = np.triu(overlap, 1)
        most = pairs.max()
        for a, b in np.argwhere(pairs > _MIN_OVERLAP * most):
            share = pairs[a, b] / most
            (self.lines_[int(a), int(b)],) = ax.plot(
                *self.centers_[[a, b]].T,
                color=PALETTE[1],
                linewidth=0.5 + 8.0 * share,
                alpha=0.15 + 0.6 * share,
                solid_capstyle="round",
                zorder=1,
            )
        if self.grids is not None:
            self._plot_grids(ax, half, cmap)
        else:
            self._plot_samples(ax, half)
        counts = np.bincount(np.asarray(self.chart), minlength=n_charts)
        style = {"ha": "center", "va": "bottom", "fontsize": 8, "zorder": 5}
        style["bbox"] = {"facecolor": "white", "edgecolor": "none", "pad": 0.6}
        for c, (x, y) in enumerate(self.centers_):
            text = f"{c} ({counts[c]:,})" if counts.any() else f"{c}"
            self.texts_.append(ax.text(x, y + half, text, **style))
        reach = np.abs(self.centers_).max() + 1.05 * half
        # room for the text above the upper chart
        ax.set(xlim=(-reach, reach), ylim=(-reach, 1.06 * reach))
        bare(ax, frame=False)
        ax.set_aspect("equal")
        if self.name is not None:
            ax.set_title(self.name)
        return self

    def _plot_grids(self, ax, half, cmap):
        plt = import_pyplot(self)
        grids = np.asarray(self.grids)
        # lines between images are white for any colormap
        cmap = plt.get_cmap(cmap).with_extremes(bad="white")
        limits = pixel_range(grids)
        if grids.dtype not in (np.uint8, bool):
            # robust to outliers, which would turn the rest gray
            limits = np.quantile(grids[np.isfinite(grids)], [0.005, 0.995])
        for center, grid in zip(self.centers_, grids, strict=True):
            mosaic = _mosaic(to_bytes(grid, limits))
            sides = half * np.array(mosaic.shape[1::-1]) / max(mosaic.shape[:2])
            extent = np.stack([center - sides, center + sides], axis=1).ravel()
            options = {"cmap": cmap, "vmin": 0, "vmax": 255, "zorder": 3}
            self.images_.append(ax.imshow(mosaic, extent=extent, **options))
            # a frame, since images and figures often have white backgrounds
            style = {"facecolor": "none", "edgecolor": "0.6", "linewidth": 0.7}
            ax.add_patch(plt.Rectangle(center - sides, *2 * sides, **style, zorder=4))

    def _plot_samples(self, ax, half):
        plt = import_pyplot(self)
        chart = np.asarray(self.chart)
        positions = np.asarray(self.coordinates, dtype=np.float64)[:, :2]
        if positions.shape[1] == 1:
            positions = np.column_stack([positions, np.full(len(positions), 0.5)])
        target = check_target(self.y, len(chart))
        style = {"facecolor": "white", "edgecolor": "0.4", "linewidth": 0.9}
        for center in self.centers_:
            square = plt.Rectangle(center - half, 2 * half, 2 * half, **style, zorder=2)
            ax.add_patch(square)
        defaults = {
            "s": float(np.clip(12_000 / max(len(chart), 1), 2.0, 16.0)),
            "linewidths": 0,
            "zorder": 3,
        }
        inside = self.centers_[chart] + (2.0 * positions - 1.0) * 0.96 * half
        self.points_ = plot_marks(ax, inside, target, defaults)
        if target.kind == "classes" and len(target.labels) <= N_MARKS:
            self.legend_ = class_legend(ax, target)
        if target.kind == "continuous":
            self.colorbar_ = colorbar(ax, self.points_[0], target, shrink=0.6)


def _free_room(centers):
    """Return the largest side of non-overlapping squares at the centers."""
    apart = np.abs(centers[:, np.newaxis] - centers).max(axis=2)
    np.fill_diagonal(apart, 1.0)
    return apart.min()


def _mosaic(grid):
    """Tile a grid of images with lines between them, masked if gray."""
    n_rows, n_columns, height, width = grid.shape[:4]
    line = max(1, round(min(height, width) / 10))
    shape = (n_rows, height + line, n_columns, width + line, *grid.shape[4:])
    mosaic = np.full(shape, 255, dtype=np.uint8)
    if grid.ndim == 4:
        mosaic = np.ma.masked_all(shape, dtype=np.uint8)
    # rows of images run downward, those of charts upward
    mosaic[:, :height, :, :width] = grid[::-1].swapaxes(1, 2)
    mosaic = mosaic.reshape(n_rows * shape[1], n_columns * shape[3], *grid.shape[4:])
    return mosaic[:-line, :-line]


def _around(overlap):
    """Order the charts along a circle so that adjacent charts overlap.

    Sort by the angle of the second and third eigenvectors of the graph Laplacian.
    """
    n = len(overlap)
    if n < 4:
        return np.arange(n)
    weights = overlap - np.diag(np.diag(overlap))
    laplacian = np.diag(weights.sum(axis=1)) - weights
    _, vectors = np.linalg.eigh(laplacian)
    return np.argsort(np.arctan2(vectors[:, 2], vectors[:, 1]), kind="stable")


def _as_grid(decoded, image_shape):
    """Return a decoded grid as images, (n_rows, n_columns, height, width, ...)."""
    decoded = np.asarray(decoded)
    if decoded.ndim == 2:
        decoded = decoded[:, np.newaxis]
    while decoded.ndim > 3:
        # further coordinates in the middle of the chart
        decoded = decoded[:, :, decoded.shape[2] // 2]
    n_columns, n_rows, n_features = decoded.shape
    rows = decoded.swapaxes(0, 1).reshape(-1, n_features)
    images = check_images(rows, image_shape, len(rows))
    return images.reshape(n_rows, n_columns, *images.shape[1:])
