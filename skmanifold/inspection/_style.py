# SPDX-License-Identifier: BSD-3-Clause

"""Colors, legends, axes and validation of displays."""

from collections.abc import Mapping
from functools import partial
from math import ceil

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator
from sklearn.decomposition import PCA
from sklearn.pipeline import Pipeline

from skmanifold.utils import import_optional
from skmanifold.utils._containers import as_array, check_computed, counted
from skmanifold.utils._sizes import check_image_shape
from skmanifold.utils._sklearn import safe_indexing, validate_params

# Estimators and metrics called within validate their own parameters.
validated = partial(validate_params, prefer_skip_nested_validation=False)

# Paul Tol's "muted" scheme and black: colorblind-safe.
PALETTE = (
    "#CC6677",
    "#332288",
    "#DDCC77",
    "#117733",
    "#88CCEE",
    "#882255",
    "#44AA99",
    "#999933",
    "#AA4499",
    "#000000",
)
# The eleventh class repeats the first color with another marker, as more colors are
# hard to distinguish. Markers that are distinct at small sizes come first.
MARKERS = ("o", "^", "X", "s", "v", "P", "D", "<", ">", "*")
N_MARKS = len(PALETTE) * len(MARKERS)
# Characters of a name in a legend.
_LONGEST_NAME = 40
# For lines, the pale colors, which are hard to follow, come last.
LINE_COLORS = tuple(PALETTE[i] for i in (1, 0, 3, 6, 5, 7, 8, 4, 2))
LINES = ("-", "--", "-.", ":")
GRAY = "#C0C0C0"
# Samples without a label, if there is noise as well.
PALE = "#E0E0E0"

# Also distinct in lightness.
BLUE, YELLOW = "#2166AC", "#F6D55C"

SEQUENTIAL = "cividis"
DIVERGING = "RdBu_r"

# Above this number, markers hide each other and take seconds to plot.
MANY_POINTS = 20_000


# Input of displays ----------------------------------------------------


def read_embedding(Z, name="Z"):
    """Return an embedding of any container as an array."""
    if isinstance(Z, BaseEstimator):
        raise TypeError(
            f"{name} is a {type(Z).__name__}, but must be an embedding. Pass what its "
            "transform returns, or plot it with EmbeddingDisplay.from_estimator."
        )
    return as_array(Z, name)


def check_embedding(Z, components=None, *, name="Z", dimensions=(2, 3), as_it_is=False):
    """Validate an embedding and select the components to plot.

    Without `components`, constant ones are dropped if enough remain, such as the weight
    of a single chart. Use `as_it_is` for an embedding that was validated before.
    """
    Z = read_embedding(Z, name)
    if Z.ndim != 2 or not len(Z):
        raise ValueError(
            f"{name} must be a matrix with one row per sample, got shape {Z.shape}."
        )
    allowed = " or ".join(map(str, dimensions))
    if isinstance(components, str) and components == "pca":
        if min(Z.shape) >= 2:
            Z = check_finite(Z, name).astype(np.float64)
            Z = PCA(2, svd_solver="full").fit_transform(Z)
    elif components is not None:
        components = tuple(np.atleast_1d(components).tolist())
        if len(components) not in dimensions or not all(
            isinstance(c, int) and -Z.shape[1] <= c < Z.shape[1] for c in components
        ):
            raise ValueError(
                f"components must be {allowed} components of {name}, which has "
                f"{Z.shape[1]}, numbered from 0, or 'pca', got {components!r}."
            )
        Z = Z[:, components]
    elif not as_it_is:
        varying = varying_columns(Z, dimensions)
        Z = Z if varying is None else Z[:, varying]
    if Z.shape[1] not in dimensions:
        first = tuple(np.flatnonzero(_varies(Z))[: min(dimensions)].tolist())
        first = first if len(first) == min(dimensions) else (0, 1)
        raise ValueError(
            f"{name} has {counted(Z.shape[1], 'component')}, but {allowed} can be "
            "plotted. "
            + (
                f"Select some with components={first}, or use the first two principal "
                "components with components='pca'."
                if Z.shape[1] > min(dimensions)
                else "Fit with more n_components."
            )
        )
    return check_finite(Z.astype(np.float64, copy=False), name)


def varying_columns(Z, dimensions=(2, 3)):
    """Return the components to plot if others are constant; None means all."""
    if Z.shape[1] < 3:
        return None
    varies = _varies(Z)
    return (
        np.flatnonzero(varies)
        if not varies.all() and varies.sum() in dimensions
        else None
    )


def with_constants(decoder, Z, varying):
    """Return a decoder for points of the varying components only."""
    decode = getattr(decoder, "inverse_transform", decoder)

    def from_varying(points):
        full = np.repeat(np.asarray(Z[:1], dtype=np.float64), len(points), axis=0)
        full[:, varying] = points
        return decode(full)

    return from_varying


def _varies(Z):
    return (Z != Z[:1]).any(axis=0)


def check_finite(Z, name):
    """Raise ValueError unless all entries are finite; return them."""
    if not np.isfinite(Z).all():
        raise ValueError(
            f"{name} has NaN or infinite entries, which cannot be plotted. Remove these"
            " samples."
        )
    return Z


def embed(estimator, X):
    """Return the embedding of X by a fitted estimator."""
    if hasattr(estimator, "transform"):
        Z = estimator.transform(X)
    elif hasattr(estimator, "embedding_"):
        Z = estimator.embedding_
        n_rows = X.shape[0] if hasattr(X, "shape") else len(X)
        if len(Z) != n_rows:
            raise ValueError(
                f"{type(estimator).__name__} embeds only its {len(Z)} training "
                f"samples, but X has {n_rows} samples. Pass the training data."
            )
    else:
        raise TypeError(
            f"{type(estimator).__name__} has neither a method transform nor an "
            "embedding_. Fit it first, or pass its embedding to from_embedding."
        )
    return Z.toarray() if issparse(Z) else np.asarray(Z)


def title_of(estimator):
    """Return the class name of an estimator, or of the last step of a pipeline."""
    while isinstance(estimator, Pipeline):
        estimator = estimator.steps[-1][1]
    return type(estimator).__name__


def check_images(images, image_shape, n_samples):
    """Return images of shape (n, height, width[, channels]), or None."""
    if images is None:
        if image_shape is not None:
            raise ValueError(
                f"image_shape={image_shape!r} requires images: pass images=X, with one "
                "flattened image per sample."
            )
        return None
    images = as_array(images, "images")
    original_shape = images.shape
    if image_shape is not None:
        shape = check_image_shape(image_shape)
        if shape[2] not in (1, 3, 4):
            raise ValueError(
                f"image_shape={image_shape!r} has {shape[2]} channels, but 1, 3 or 4 "
                "can be plotted. The channels come last."
            )
        if images.ndim < 2 or np.prod(images.shape[1:]) != np.prod(shape):
            raise ValueError(
                f"image_shape={image_shape!r} has {np.prod(shape)} values, but images "
                f"has shape {original_shape}."
            )
        images = images.reshape(len(images), *shape)
    if images.ndim == 4 and images.shape[3] == 1:
        images = images[..., 0]
    if images.ndim not in (3, 4) or (
        images.ndim == 4 and images.shape[3] not in (3, 4)
    ):
        raise ValueError(
            f"images must have shape (n_samples, height, width) or (n_samples, height, "
            f"width, 3), got {original_shape}. For flattened images, set "
            "image_shape=(height, width)."
        )
    if len(images) != n_samples:
        raise ValueError(
            f"images has {counted(len(images), 'image')}, but the embedding has "
            f"{counted(n_samples, 'sample')}. Pass one image per sample."
        )
    return images


def pixel_range(images):
    """Return the finite range of all images, to be plotted from black to white."""
    if images.dtype == np.uint8:
        return 0.0, 255.0
    if images.dtype == bool:
        return 0.0, 1.0
    finite = images[np.isfinite(images)]
    if not finite.size:
        return 0.0, 1.0
    return float(finite.min()), float(finite.max())


def to_bytes(images, limits):
    """Convert images to uint8 with `limits` as black and white; NaN becomes black."""
    if images.dtype == np.uint8:
        return images
    low, high = limits
    scale = 255.0 / (high - low) if high > low else 0.0
    scaled = np.clip((images.astype(np.float32) - low) * scale, 0.0, 255.0)
    return np.nan_to_num(scaled, nan=0.0).round().astype(np.uint8)


def named_columns(data):
    """Return the columns of a dict or data frame by name, or None."""
    if isinstance(data, Mapping):
        return {str(name): column for name, column in data.items()}
    if hasattr(data, "columns") and hasattr(data, "dtypes"):
        return {
            str(name): safe_indexing(data, i, axis=1)
            for i, name in enumerate(data.columns)
        }
    return None


def colorings(color, X=None):
    """Return colorings by name, or None; strings are columns of the data frame X."""
    if color is None:
        return None
    check_computed(color, "color")
    columns = named_columns(color)
    if columns is None and isinstance(color, (list, tuple)):
        columns = {}
        for i, entry in enumerate(color):
            if isinstance(entry, str):
                columns[entry] = _column_of(X, entry)
            else:
                name = getattr(entry, "name", None)
                columns[str(i if name is None else name)] = entry
    elif columns is None:
        raise TypeError(
            "color must be a list of colorings, a dict or a data frame, got "
            f"{type(color).__name__}. Pass a single coloring as y."
        )
    if not columns:
        raise ValueError("color is empty. Pass at least one coloring.")
    return columns


def _column_of(X, name):
    columns = list(X.columns) if hasattr(X, "columns") and hasattr(X, "dtypes") else []
    if name not in columns:
        available = (
            f"which has {', '.join(map(repr, columns))}" if columns else "which is none"
        )
        raise ValueError(
            f"color names the column {name!r}, which must be in X as a data frame, "
            f"{available}. Pass the column itself: color={{{name!r}: column}}."
        )
    return safe_indexing(X, columns.index(name), axis=1)


# Axes and marks ----------------------------------------------------------


def import_pyplot(display):
    """Import matplotlib.pyplot, or raise an error with the command that installs it."""
    return import_optional(
        "matplotlib.pyplot", "plot", feature=f"{type(display).__name__}.plot"
    )


def get_axes(display, ax, *, figsize=None, projection=None):
    """Return the given axes, or new axes in a new figure."""
    plt = import_pyplot(display)
    if ax is None:
        # this layout leaves room for legends outside of the axes
        _, ax = plt.subplots(
            figsize=figsize, layout="constrained", subplot_kw={"projection": projection}
        )
    elif (projection == "3d") != hasattr(ax, "zaxis"):
        raise ValueError(
            f"ax is a {type(ax).__name__}, but this embedding needs "
            + (
                "three-dimensional axes: plt.subplots(subplot_kw={'projection': '3d'})."
                if projection == "3d"
                else "two-dimensional axes: plt.subplots()."
            )
        )
    display.ax_ = ax
    display.figure_ = ax.figure
    return ax


def density_colors():
    """Return a colormap from pale to dark, visible on white throughout."""
    colors = import_optional("matplotlib.colors", "plot")
    return colors.LinearSegmentedColormap.from_list("density", ["#C9C5E8", PALETTE[1]])


def merge_kwargs(defaults, given):
    """Merge keyword arguments of scatter into defaults, with matplotlib's aliases."""
    normalize_kwargs = import_optional("matplotlib.cbook", "plot").normalize_kwargs
    kind = import_optional("matplotlib.collections", "plot").PathCollection
    given = normalize_kwargs(given or {}, kind)
    defaults = normalize_kwargs(defaults, kind)
    replaced = set()
    if {"color", "facecolor"} & set(given):
        replaced |= {"c", "cmap"}
    if {"vmin", "vmax"} & set(given):
        replaced.add("norm")
    return {key: defaults[key] for key in defaults if key not in replaced} | given


def color_norm(target):
    """Return matplotlib's norm of a continuous target."""
    colors = import_optional("matplotlib.colors", "plot")
    known = target.values[np.isfinite(target.values)]
    if not known.size:
        return colors.Normalize()
    ends = {"vmin": known.min(), "vmax": known.max()}
    knots = target.knots()
    if knots is None:
        return colors.Normalize(**ends)
    shares = np.linspace(0.0, 1.0, len(knots))
    functions = (
        partial(np.interp, xp=knots, fp=shares),
        partial(np.interp, xp=shares, fp=knots),
    )
    return colors.FuncNorm(functions, **ends)


def plot_marks(
    ax, positions, target, defaults, scatter_kwargs=None, *, cmap=SEQUENTIAL, whole=None
):
    """Plot markers in the colors of a target, as one collection or one per marker.

    `whole` is the target whose values the scale of a continuous one covers.
    """
    if target.kind != "classes":
        if target.kind == "continuous":
            plt = import_optional("matplotlib.pyplot", "plot")
            cmap = plt.get_cmap(cmap).with_extremes(bad=GRAY)
            color_options = {
                "c": target.values,
                "cmap": cmap,
                "norm": color_norm(target if whole is None else whole),
                "plotnonfinite": True,
            }
        else:
            color_options = {} if "color" in defaults else {"color": PALETTE[1]}
        options = merge_kwargs(defaults | color_options, scatter_kwargs)
        return [ax.scatter(*positions.T, **options)]
    if target.shares_colors:
        # markers must be larger than colors to be distinct
        defaults = defaults | {"s": max(defaults["s"], 16.0)}
    colors = np.array([color for color, _ in target.marks()])[target.values]
    points = []
    zorder = defaults.get("zorder", 1)
    for marker, height, rows in target.groups():
        color_options = {"c": colors[rows], "marker": marker, "zorder": zorder + height}
        options = merge_kwargs(defaults | color_options, scatter_kwargs)
        points.append(ax.scatter(*positions[rows].T, **options))
    return points


def class_legend(ax, target, *, new=False):
    """Add a legend of classes, with markers large enough to show their colors."""
    Line2D = import_optional("matplotlib.lines", "plot").Line2D
    mark = partial(Line2D, [], [], linestyle="", markersize=6)
    handles = [
        mark(marker=marker, color=color, label=_shorten(label))
        for (color, marker), label in zip(target.marks(), target.labels, strict=True)
    ]
    if new:
        style = {"color": "white", "markeredgecolor": "black"}
        handles.append(mark(marker="o", label="new samples", **style))
    legend = outer_legend(ax, handles)
    verbatim(legend.get_texts())
    return legend


def _shorten(name):
    """Leave out the middle of a long name: names often differ at their ends only."""
    if len(name) <= _LONGEST_NAME:
        return name
    half = _LONGEST_NAME // 2
    return f"{name[:half]}\N{HORIZONTAL ELLIPSIS}{name[1 - half :]}"


def colorbar(ax, mappable, target, *, shrink, **kwargs):
    """Add the scale of a continuous target.

    Its ticks are round numbers, those of a calendar for dates, and quartiles of the
    colors if these follow percentiles.
    """
    if hasattr(ax, "zaxis") or ax.figure.get_layout_engine() is None:
        kwargs |= {"ax": ax, "shrink": shrink}
    else:  # a layout would put it beyond the legends above and below
        kwargs["cax"] = ax.inset_axes((1.04, (1.0 - shrink) / 2, 0.04, shrink))
    knots = target.knots()
    if knots is not None:
        ticks = np.quantile(knots, [0.0, 0.25, 0.5, 0.75, 1.0])
        kwargs |= {"ticks": ticks, "label": "color by rank"}
        bar = ax.figure.colorbar(mappable, **kwargs)
        bar.set_ticklabels([_written(tick, target.dates) for tick in ticks])
        return bar
    if target.dates:
        dates = import_optional("matplotlib.dates", "plot")
        ticks = dates.AutoDateLocator()
        kwargs |= {"ticks": ticks, "format": dates.ConciseDateFormatter(ticks)}
    return ax.figure.colorbar(mappable, **kwargs)


def _written(value, date):
    """Write a number with three digits that count, or the date of a day since 1970."""
    if date:
        return str(np.datetime64(int(value // 1), "D"))
    return f"{float(f'{value:.3g}'):,.10g}"


def width_beside(display):
    """Return the width in inches of the legend or colorbar next to the axes."""
    if display.legend_ is not None:
        return display.legend_.get_window_extent().width / display.figure_.dpi + 0.2
    return 0.0 if display.colorbar_ is None else 1.0


def outer_legend(ax, handles, *, title=None, rows=20):
    """Add a legend outside of the axes, where it hides no points."""
    place = 1.12 if hasattr(ax, "zaxis") else 1.02
    # several columns are compact, to leave room for the axes
    compact = {"fontsize": "small", "labelspacing": 0.3, "columnspacing": 0.8}
    return ax.legend(
        handles=handles,
        title=title,
        loc="upper left",
        bbox_to_anchor=(place, 1.0),
        borderaxespad=0.0,
        frameon=False,
        ncols=ceil(len(handles) / rows),
        handletextpad=0.4,
        alignment="left",
        **compact if len(handles) > rows else {},
    )


def dotted_line(ax, x, text, **kwargs):
    """Add a vertical line with a small text above the axes."""
    ax.axvline(x, color="0.3", linestyle=":", linewidth=1.2)
    style = {"va": "bottom", "fontsize": "small", "color": "0.3", **kwargs}
    ax.annotate(text, (x, 1.0), xycoords=("data", "axes fraction"), **style)


def verbatim(texts):
    """Show dollar signs in names of data as they are, not as formulas."""
    for text in texts:
        text.set_parse_math(False)


def bare(ax, *, frame=True):
    """Remove ticks, since the coordinates have no meaning; leave a pale frame."""
    if hasattr(ax, "zaxis"):
        ax.set(xticklabels=[], yticklabels=[], zticklabels=[])
        return
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set(visible=frame, color="0.85")
