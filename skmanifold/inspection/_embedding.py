# SPDX-License-Identifier: BSD-3-Clause

"""Scatter and density plots of an embedding."""

from math import ceil

import numpy as np

from skmanifold.inspection._explorer import write_explorer
from skmanifold.inspection._style import (
    GRAY,
    MANY_POINTS,
    N_MARKS,
    SEQUENTIAL,
    bare,
    check_embedding,
    check_finite,
    check_images,
    class_legend,
    color_norm,
    colorbar,
    colorings,
    density_colors,
    embed,
    get_axes,
    import_pyplot,
    pixel_range,
    plot_marks,
    read_embedding,
    title_of,
    to_bytes,
    validated,
    varying_columns,
    verbatim,
    width_beside,
    with_constants,
)
from skmanifold.inspection._target import check_target
from skmanifold.utils import import_optional, warn
from skmanifold.utils._sklearn import StrOptions

# Cells along the longer side of a density plot: about two pixels each.
_N_CELLS = 256
# Opacity of a cell with a single point.
_FAINTEST = 0.35
# Cells along the shorter side of the axes, with at most one image each, and the
# relative size of an image, which leaves room for points.
_IMAGES_ACROSS = 10
_IMAGE_SHARE = 0.55
# Inches of a plot without its legend; the same for several colorings, and how many of
# these are in a row.
_SIDE = 4.8
_PANEL_SIDE, _PANELS_ACROSS = 4.0, 3


class EmbeddingDisplay:
    """Plot of an embedding in two or three dimensions.

    Create it with :meth:`from_estimator` or :meth:`from_embedding`, which also plot it.
    :meth:`plot` plots it again; :meth:`to_html` writes an interactive page.

    A continuous quantity has a linear scale unless the middle nine tenths of its values
    take less than a fifth of their range, as amounts of money do. Then colors follow
    percentiles, and the ticks of the scale are values at its quarters.

    Up to ten classes have distinct colors from a colorblind-safe palette; more, up to a
    hundred, repeat the colors with other markers. Samples are plotted in their order,
    so that no class covers the others. Above 20,000 points, where markers would hide
    each other, the plot is a density: each pixel has the mean color of its points, and
    its opacity grows with their number. In a density, more than ten classes are labeled
    by name instead of a legend.

    Read more in the :ref:`User Guide <inspection>`.

    Parameters
    ----------
    embedding : ndarray of shape (n_samples, 2) or (n_samples, 3)
        Coordinates of the points.
    y, color, new_embedding, y_new, images, decoder : object, default=None
        Colors, new samples (there `Z_new`), images and decoder as in
        :meth:`from_embedding`.
    target_type : {"auto", "classes", "continuous"}, default="auto"
        Type of `y`; "auto" means "continuous" for floats with a fractional part, for
        more than twenty different whole numbers unless they count up from -1, 0 or 1,
        and for more than ten dates; and "classes" otherwise, ignoring missing values.
    noise_label : object, default=-1
        Class plotted in gray below the others, as noise. None for no such class.
    name : str, default=None
        Title of the axes.

    Attributes
    ----------
    ax_ : matplotlib Axes or ndarray of them
        Axes with the plot; with `color`, those of all panels.
    panels_ : list of EmbeddingDisplay
        One display per coloring of `color`; empty without `color`.
    figure_ : matplotlib Figure
        Figure containing the axes.
    points_ : list of matplotlib PathCollection
        One collection for all points, or one per marker, after one of noise and
        missing labels. Empty for a density.
    new_points_ : list of matplotlib PathCollection
        Collections of the new samples.
    image_ : matplotlib AxesImage or None
        Image of the density.
    counts_ : ndarray of shape (n_cells_y, n_cells_x) or None
        Number of points in each cell of the density.
    thumbnails_ : list of matplotlib AnnotationBbox
        Images at their points.
    thumbnail_indices_ : ndarray of int
        Indices of the samples with thumbnails.
    texts_ : list of matplotlib Text
        Names of the classes, if shown at their points.
    legend_ : matplotlib Legend or None
        Legend of the classes.
    colorbar_ : matplotlib Colorbar or None
        Scale of the continuous quantity.

    See Also
    --------
    write_explorer : Write the page of :meth:`to_html` from arrays.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.decomposition import PCA
    >>> from skmanifold.inspection import EmbeddingDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> display = EmbeddingDisplay.from_estimator(PCA(n_components=2).fit(X), X, y)
    >>> [text.get_text() for text in display.legend_.get_texts()]
    ['0', '1', '2']
    """

    def __init__(
        self,
        *,
        embedding,
        y=None,
        color=None,
        new_embedding=None,
        y_new=None,
        images=None,
        decoder=None,
        target_type="auto",
        noise_label=-1,
        name=None,
    ):
        self.embedding = embedding
        self.y = y
        self.color = color
        self.new_embedding = new_embedding
        self.y_new = y_new
        self.images = images
        self.decoder = decoder
        self.target_type = target_type
        self.noise_label = noise_label
        self.name = name

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        y=None,
        *,
        color=None,
        X_new=None,
        images=None,
        image_shape=None,
        components=None,
        **options,
    ):
        """Plot the embedding of X by a fitted estimator.

        Parameters
        ----------
        estimator : object
            A fitted transformer, or a :class:`~sklearn.pipeline.Pipeline` that ends in
            one. Without ``transform``, as for t-SNE, `X` must be the training samples.
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The samples.
        y : array-like of shape (n_samples,), default=None
            Classes or a continuous quantity, shown by color.
        color : list, dict or data frame, default=None
            Several colorings, each plotted in its own axes: arrays, names of columns of
            X if it is a data frame, or columns by name.
        X_new : {array-like, sparse matrix} of shape (n_new, n_features), default=None
            New samples, plotted over those of X.
        images : array-like, default=None
            Images of the samples, as in :meth:`from_embedding`; None uses the samples
            if `image_shape` is given.
        image_shape : (int, int) or (int, int, int), default=None
            Height, width and channels, if the images are flattened.
        components : tuple of int or "pca", default=None
            Two or three components of the embedding, or "pca" for its first two
            principal components. None plots all components that are not constant.
        **options : dict
            Keyword arguments of :meth:`from_embedding`, such as `y_new`. `name` is by
            default the name of the class, in a pipeline of its last step.

        Returns
        -------
        display : EmbeddingDisplay
            The plotted display.

        Raises
        ------
        TypeError
            If the estimator has neither ``transform`` nor ``embedding_``.
        ValueError
            If the embedding does not have two or three components, or shapes do not
            match.
        """
        decoder = None
        if components is None:
            decoder = getattr(estimator, "inverse_transform", None)
        if images is None and image_shape is not None:
            images = X
        options = {"name": title_of(estimator), **options}
        return cls.from_embedding(
            embed(estimator, X),
            y,
            color=colorings(color, X),
            Z_new=None if X_new is None else embed(estimator, X_new),
            images=images,
            image_shape=image_shape,
            decoder=decoder,
            components=components,
            **options,
        )

    @classmethod
    def from_embedding(
        cls,
        Z,
        y=None,
        *,
        color=None,
        Z_new=None,
        y_new=None,
        images=None,
        image_shape=None,
        decoder=None,
        components=None,
        target_type="auto",
        noise_label=-1,
        name=None,
        **plot_options,
    ):
        """Plot an embedding computed by any method.

        Parameters
        ----------
        Z : array-like of shape (n_samples, n_components)
            The embedding.
        y : array-like of shape (n_samples,), default=None
            Classes or a continuous quantity, shown by color. Missing values are gray.
        color : list of array-like, dict or data frame, default=None
            Several colorings by name, each plotted in its own axes.
        Z_new : array-like of shape (n_new, n_components), default=None
            Embedding of new samples, plotted larger and with an edge over those of Z,
            which then are pale.
        y_new : array-like of shape (n_new,), default=None
            Classes or quantity of the new samples; None plots them in white.
        images : array-like, default=None
            Images of the samples, of shape (n_samples, height, width) or (n_samples,
            height, width, channels), or flattened if `image_shape` is given.
        image_shape : (int, int) or (int, int, int), default=None
            Height, width and channels of the images.
        decoder : callable, default=None
            Map from points of the embedding to samples, for :meth:`to_html`.
        components : tuple of int or "pca", default=None
            Two or three components of `Z`, or "pca" for its first two principal
            components. None plots all components that are not constant.
        target_type : {"auto", "classes", "continuous"}, default="auto"
            Type of `y`.
        noise_label : object, default=-1
            Class plotted in gray, as noise.
        name : str, default=None
            Title of the axes.
        **plot_options : dict
            Keyword arguments of :meth:`plot`, such as `ax`.

        Returns
        -------
        display : EmbeddingDisplay
            The plotted display.
        """
        full = read_embedding(Z)
        n = len(full) if full.ndim else 0
        if Z_new is not None:
            Z_new = check_finite(read_embedding(Z_new, "Z_new"), "Z_new")
            if Z_new.ndim != 2 or full.shape[1:] != Z_new.shape[1:]:
                raise ValueError(
                    f"Z_new has shape {Z_new.shape}, but needs as many components as Z,"
                    f" which has shape {full.shape}."
                )
            # together, so that the same components are selected
            both = check_embedding(np.concatenate([full, Z_new]), components)
            Z, Z_new = both[:n], both[n:]
        else:
            Z = check_embedding(Z, components)
        if decoder is not None and components is None and full.shape != Z.shape:
            decoder = with_constants(decoder, full, varying_columns(full))
        display = cls(
            embedding=Z,
            y=y,
            color=colorings(color),
            new_embedding=Z_new,
            y_new=y_new,
            images=check_images(images, image_shape, len(Z)),
            decoder=decoder,
            target_type=target_type,
            noise_label=noise_label,
            name=name,
        )
        return display.plot(**plot_options)

    @validated(
        {
            "kind": [StrOptions({"auto", "scatter", "density"})],
            "legend": ["boolean", StrOptions({"names"})],
        }
    )
    def plot(
        self,
        ax=None,
        *,
        kind="auto",
        n_images=80,
        legend=True,
        cmap=SEQUENTIAL,
        scatter_kwargs=None,
    ):
        """Plot the embedding.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to plot in, three-dimensional for three components; None creates a
            figure.
        kind : {"auto", "scatter", "density"}, default="auto"
            One marker per sample, or the density of the samples; "auto" is "density"
            above 20,000 points in two dimensions.
        n_images : int, default=80
            Maximum number of images plotted at their points, without overlap, for two
            components. Decrease it to see more points.
        legend : bool or "names", default=True
            Show the legend, names in a density, or colorbar; "names" shows the names of
            classes at their points instead of a legend. More than 100 classes have
            none.
        cmap : str or matplotlib Colormap, default="cividis"
            Colormap of a continuous quantity.
        scatter_kwargs : dict, default=None
            Keyword arguments of :meth:`matplotlib.axes.Axes.scatter`.

        Returns
        -------
        display : EmbeddingDisplay
            The display.
        """
        if self.color is not None:
            return self._plot_panels(
                ax,
                kind=kind,
                n_images=n_images,
                legend=legend,
                cmap=cmap,
                scatter_kwargs=scatter_kwargs,
            )
        Z = check_embedding(self.embedding, name="embedding", as_it_is=True)
        target, new, together = self._targets(len(Z))
        images = check_images(self.images, None, len(Z))
        flat = Z.shape[1] == 2
        if kind == "density" and not flat:
            raise ValueError(
                "kind='density' needs two components, but the embedding has three. "
                "Select two with components=(0, 1), or use kind='scatter'."
            )
        if kind == "auto":
            kind = "density" if flat and len(Z) > MANY_POINTS else "scatter"

        plt = import_pyplot(self)
        own_figure = ax is None
        size = _SIDE, _SIDE
        ax = get_axes(self, ax, figsize=size, projection=None if flat else "3d")
        self._clear()
        if kind == "density":
            mappable = self._plot_density(plt, ax, Z, target, together, cmap)
        else:
            mappable = self._plot_points(
                ax, Z, target, together, cmap, scatter_kwargs, pale=new is not None
            )
        if new is not None:
            self._plot_new(ax, new, together, cmap)
        bare(ax)
        if flat:
            ax.set_aspect("equal", adjustable="datalim")
        if self.name is not None:
            ax.set_title(self.name)
        if legend and together.kind == "classes" and len(together.labels) <= N_MARKS:
            if legend == "names" or (kind == "density" and together.shares_colors):
                self._plot_names(ax, Z, target)
            else:
                self.legend_ = class_legend(ax, together, new=new is not None)
        if legend and target.kind == "continuous":
            extra = {} if flat else {"pad": 0.1}
            self.colorbar_ = colorbar(ax, mappable, target, shrink=0.8, **extra)
        if own_figure:
            self.figure_.set_figwidth(_SIDE + width_beside(self))
        if images is not None and flat and n_images > 0:
            self._plot_images(ax, Z, images, target, n_images)
        return self

    def to_html(self, path, **options):
        """Write the embedding as an interactive HTML page.

        See :func:`write_explorer` for the features of the page. New samples are left
        out, with a warning; to show them, pass them with the others to that function.

        Parameters
        ----------
        path : str or path-like
            Path of the file. An existing file is replaced.
        **options : dict
            Keyword arguments of :func:`write_explorer`: `names`, by default the columns
            of `color`; `title`, by default the name of the display; `components`,
            `grid_size` and `image_size`. With `components` the page has no decoder.

        Returns
        -------
        path : pathlib.Path
            Path of the page.
        """
        if self.new_embedding is not None:
            warn(
                f"The page leaves out the {len(self.new_embedding)} new samples. To "
                "show them, pass the coordinates of all samples to write_explorer, "
                "with a column in names that tells which are new."
            )
        y = self.y
        if self.color is not None and y is None:
            y = next(iter(self.color.values()))
        components = options.get("components")
        defaults = {
            "images": self.images,
            "decoder": self.decoder if components is None else None,
            "names": self.color,
            "target_type": self.target_type,
            "noise_label": self.noise_label,
            "title": self.name,
        }
        return write_explorer(self.embedding, y, path=path, **{**defaults, **options})

    # -- parts of the plot

    def _clear(self):
        self.points_, self.thumbnails_, self.texts_ = [], [], []
        self.panels_, self.new_points_ = [], []
        self.image_ = self.counts_ = self.legend_ = self.colorbar_ = None
        self.thumbnail_indices_ = np.empty(0, dtype=np.intp)

    def _targets(self, n):
        """Return targets of the samples, of the new samples (or None), and of both."""
        options = {"target_type": self.target_type, "noise_label": self.noise_label}
        if self.new_embedding is None:
            if self.y_new is not None:
                raise ValueError(
                    "y_new needs new samples: pass X_new to from_estimator, or Z_new "
                    "to from_embedding."
                )
            target = check_target(self.y, n, **options)
            return target, None, target
        n_new = len(self.new_embedding)
        if self.y is None or self.y_new is None:
            target = check_target(self.y, n, **options)
            new = check_target(self.y_new, n_new, name="y_new", **options)
            return target, new, new if self.y is None else target
        both = check_target(self.y, n, more=(self.y_new, n_new), **options)
        return both.part(slice(n)), both.part(slice(n, None)), both

    def _plot_panels(self, ax, **options):
        colors = dict(self.color)
        if self.y is not None:
            colors = {"y": self.y, **colors}
        if self.y_new is not None:
            raise ValueError(
                "y_new cannot be combined with color, which has several colorings. Omit"
                " one of them."
            )
        plt = import_pyplot(self)
        flat = np.shape(self.embedding)[1] == 2
        if ax is None:
            n_rows = ceil(len(colors) / _PANELS_ACROSS)
            n_columns = ceil(len(colors) / n_rows)
            size = _PANEL_SIDE * n_columns, _PANEL_SIDE * n_rows
            _, grid = plt.subplots(
                n_rows,
                n_columns,
                figsize=size,
                layout="constrained",
                squeeze=False,
                subplot_kw={"projection": None if flat else "3d"},
            )
            axes = grid.ravel()
            for empty in axes[len(colors) :]:
                empty.remove()
            axes = axes[: len(colors)]
        else:
            axes = np.atleast_1d(np.asarray(ax, dtype=object)).ravel()
            if len(axes) != len(colors):
                raise ValueError(
                    f"ax has {len(axes)} axes, but color has {len(colors)} colorings. "
                    "Pass one axes per coloring, or None."
                )
        self._clear()
        for axis, (title, y) in zip(axes, colors.items(), strict=True):
            panel = type(self)(
                embedding=self.embedding,
                y=y,
                new_embedding=self.new_embedding,
                images=self.images,
                decoder=self.decoder,
                target_type=self.target_type,
                noise_label=self.noise_label,
                name=title,
            )
            self.panels_.append(panel.plot(axis, **options))
        self.ax_, self.figure_ = axes, axes[0].figure
        if ax is None:
            widths = [width_beside(panel) for panel in self.panels_]
            beside = sum(max(widths[i::n_columns]) for i in range(n_columns))
            self.figure_.set_figwidth(size[0] + beside)
            if self.name is not None:
                self.figure_.suptitle(self.name)
        return self

    def _plot_new(self, ax, target, together, cmap):
        positions = check_embedding(
            self.new_embedding, name="new_embedding", as_it_is=True
        )
        defaults = {
            "s": float(np.clip(9000 / len(positions), 16.0, 48.0)),
            "linewidths": 0.8,
            "edgecolors": "black",
            "zorder": 2.5,
        }
        if target.kind is None:
            # many of them do not hide the map
            defaults["color"] = (1.0, 1.0, 1.0, 0.4)
        self.new_points_ = plot_marks(
            ax, positions, target, defaults, cmap=cmap, whole=together
        )

    def _plot_points(self, ax, Z, target, together, cmap, scatter_kwargs, *, pale):
        defaults = {
            # large enough to be visible, at least a pixel
            "s": float(np.clip(9000 / len(Z), 2.0, 24.0)),
            "linewidths": 0,
            "rasterized": len(Z) > MANY_POINTS,
        }
        if pale:
            defaults["alpha"] = 0.35
        if Z.shape[1] == 3:
            defaults |= {"s": 1.5 * defaults["s"], "depthshade": True}
        self.points_ = plot_marks(
            ax, Z, target, defaults, scatter_kwargs, cmap=cmap, whole=together
        )
        return self.points_[0]

    def _plot_density(self, plt, ax, Z, target, together, cmap):
        colors = mappable = None
        cmap = plt.get_cmap(cmap).with_extremes(bad=GRAY)
        if target.kind == "classes":
            to_rgb = import_optional("matplotlib.colors", "plot").to_rgb
            palette = np.array([to_rgb(color) for color, _ in target.marks()])
            colors = palette[target.values]
        elif target.kind == "continuous":
            mappable = plt.cm.ScalarMappable(norm=color_norm(together), cmap=cmap)
        counts, extent, cells = _histogram(Z)
        rgba = np.zeros((*counts.shape, 4))
        filled = counts > 0
        # robust to a few outliers
        most = max(np.quantile(counts[filled], 0.99), 2.0)
        level = np.minimum(np.log(counts[filled]) / np.log(most), 1.0)
        if colors is not None:
            rgba[filled, :3] = _cell_means(cells, colors, counts)[filled]
        elif mappable is not None:
            known = np.isfinite(target.values)
            sizes = np.bincount(cells[known], minlength=counts.size)
            values = target.values[known, np.newaxis]
            means = _cell_means(cells[known], values, sizes.reshape(counts.shape))
            empty = sizes.reshape(counts.shape) == 0
            means = np.ma.masked_invalid(np.where(empty, np.nan, means[..., 0]))
            rgba[filled] = mappable.to_rgba(means[filled])
        else:
            rgba[filled] = density_colors()(level)
        if colors is not None or mappable is not None:
            rgba[filled, 3] = _FAINTEST + (1.0 - _FAINTEST) * level
        self.counts_ = counts
        self.image_ = ax.imshow(
            rgba, extent=extent, origin="lower", interpolation="nearest"
        )
        return mappable

    def _plot_names(self, ax, Z, target):
        stroke = import_optional("matplotlib.patheffects", "plot").withStroke
        for i, name in enumerate(target.labels[target.n_gray :], start=target.n_gray):
            members = Z[target.values == i]
            if not len(members):  # a class of new samples only
                continue
            # a sample near the median: that of a split class may lie in neither part
            middle = np.abs(members - np.median(members, axis=0)).sum(axis=1).argmin()
            text = ax.text(
                *members[middle],
                name,
                ha="center",
                va="center",
                fontsize=9,
                fontweight="bold",
                path_effects=[stroke(linewidth=2.5, foreground="white")],
            )
            self.texts_.append(text)
        verbatim(self.texts_)

    def _plot_images(self, ax, Z, images, target, n_images):
        offsetbox = import_optional("matplotlib.offsetbox", "plot")
        window = ax.get_window_extent()
        points = 72.0 / ax.figure.dpi
        size = np.array([window.width, window.height]) * points
        span = np.ptp(Z, axis=0)
        # both axes share the smaller scale
        scale = np.min(size / np.where(span > 0.0, span, np.inf), initial=np.inf)
        scale = scale if np.isfinite(scale) and scale > 0.0 else 1.0
        cell = size.min() / _IMAGES_ACROSS
        side = _IMAGE_SHARE * cell
        chosen = _spread((Z - Z.min(axis=0)) * scale, cell, 1.25 * side, n_images)
        limits = pixel_range(images)
        marks = target.marks() if target.kind == "classes" else None
        normalize = import_optional("matplotlib.colors", "plot").Normalize(0, 255)
        for i in chosen:
            picture = to_bytes(images[i], limits)
            box = offsetbox.OffsetImage(
                picture, zoom=side / max(picture.shape[:2]), cmap="gray", norm=normalize
            )
            edge = marks[target.values[i]][0] if marks else "black"
            thumbnail = offsetbox.AnnotationBbox(
                box,
                Z[i],
                pad=0.05,
                bboxprops={"edgecolor": edge, "linewidth": 1.2},
                zorder=3,
            )
            self.thumbnails_.append(ax.add_artist(thumbnail))
        self.thumbnail_indices_ = chosen


def _histogram(Z):
    """Return counts of square cells, their extent, and the cell of each point."""
    low, high = Z.min(axis=0), Z.max(axis=0)
    side = (high - low).max() / _N_CELLS
    if side == 0.0:
        side = 1.0
    # rounding could put the last point outside of the cells
    shape = np.floor((high - low) / side).astype(int) + 1
    cell = np.minimum(np.floor((Z - low) / side).astype(int), shape - 1)
    cells = cell[:, 1] * shape[0] + cell[:, 0]
    counts = np.bincount(cells, minlength=shape.prod()).reshape(shape[::-1])
    ends = low + side * shape
    return counts, (low[0], ends[0], low[1], ends[1]), cells


def _cell_means(cells, values, counts):
    sums = np.stack(
        [np.bincount(cells, column, minlength=counts.size) for column in values.T],
        axis=-1,
    )
    return (sums / np.maximum(counts.ravel(), 1)[:, np.newaxis]).reshape(
        *counts.shape, -1
    )


def _spread(positions, cell, distance, n):
    """Choose up to n separated points, the most central of each of some grid cells.

    Cells are visited in random order, with a fixed seed.
    """
    cells = np.floor(positions / cell)
    off = np.square(positions - (cells + 0.5) * cell).sum(axis=1)
    nearest = np.argsort(off, kind="stable")
    _, first = np.unique(cells[nearest], axis=0, return_index=True)
    chosen = []
    for i in np.random.RandomState(0).permutation(nearest[first]):
        if len(chosen) == n:
            break
        if (np.abs(positions[chosen] - positions[i]).max(axis=1) >= distance).all():
            chosen.append(i)
    return np.array(chosen, dtype=np.intp)
