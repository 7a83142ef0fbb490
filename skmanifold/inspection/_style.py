# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""What all displays share: colours, legends, axes, and how they read their input."""

from math import ceil

import numpy as np
from scipy.sparse import issparse
from sklearn.decomposition import PCA

from skmanifold.metrics._checks import check_labels
from skmanifold.utils import import_optional
from skmanifold.utils._sizes import check_image_shape
from skmanifold.utils._sklearn import StrOptions, validate_parameter_constraints

# Paul Tol's "muted" scheme and black: told apart by all kinds of sight.
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
# More than ten colours are not told apart by anyone, so the eleventh class has the
# first colour again, on another marker. Those that small marks tell apart come first.
MARKERS = ("o", "^", "X", "s", "v", "P", "D", "<", ">", "*")
N_MARKS = len(PALETTE) * len(MARKERS)
# The palette for lines, which a pale colour makes hard to follow: those last.
LINE_COLORS = tuple(PALETTE[i] for i in (1, 0, 3, 6, 5, 7, 8, 4, 2))
LINES = ("-", "--", "-.", ":")
GREY = "#C0C0C0"

# Blue and yellow that differ in lightness too.
BLUE, YELLOW = "#2166AC", "#F6D55C"

SEQUENTIAL = "cividis"
DIVERGING = "RdBu_r"

# Past so many points the marks hide each other, and a picture of them takes seconds.
MANY_POINTS = 20_000


# What a display is given ----------------------------------------------------


def check_embedding(Z, components=None, *, name="Z", dimensions=(2, 3)):
    """Validate an embedding to draw and take the columns to draw of it."""
    Z = Z.toarray() if issparse(Z) else np.asarray(Z)
    if Z.ndim != 2 or Z.dtype.kind not in "fiub" or not len(Z):
        raise ValueError(
            f"{name} has shape {Z.shape} and dtype {Z.dtype}, but an embedding is a "
            "matrix of numbers with one row for each sample."
        )
    allowed = " or ".join(map(str, dimensions))
    if isinstance(components, str) and components == "pca":
        if min(Z.shape) >= 2:
            Z = _finite(Z, name).astype(np.float64)
            Z = PCA(2, svd_solver="full").fit_transform(Z)
    elif components is not None:
        components = tuple(np.atleast_1d(components).tolist())
        if len(components) not in dimensions or not all(
            isinstance(c, int) and -Z.shape[1] <= c < Z.shape[1] for c in components
        ):
            raise ValueError(
                f"components={components!r} must be {allowed} columns of {name}, which "
                f"has {Z.shape[1]}, numbered from 0, or 'pca'."
            )
        Z = Z[:, components]
    if Z.shape[1] not in dimensions:
        raise ValueError(
            f"{name} has {Z.shape[1]} columns, but {allowed} can be drawn. "
            + (
                "Choose some with components=(0, 1), or take the first two principal "
                "components of all with components='pca'."
                if Z.shape[1] > min(dimensions)
                else "Fit with more n_components."
            )
        )
    return _finite(Z.astype(np.float64, copy=False), name)


def _finite(Z, name):
    if not np.isfinite(Z).all():
        raise ValueError(f"{name} has NaN or infinite entries, which have no place.")
    return Z


def embed(estimator, X):
    """Embedding of X by a fitted estimator."""
    if hasattr(estimator, "transform"):
        Z = estimator.transform(X)
    elif hasattr(estimator, "embedding_"):
        Z = estimator.embedding_
        n_rows = X.shape[0] if hasattr(X, "shape") else len(X)
        if len(Z) != n_rows:
            raise ValueError(
                f"{type(estimator).__name__} embeds its training data only, which have "
                f"{len(Z)} rows, but X has {n_rows}. Pass the training data."
            )
    else:
        raise TypeError(
            f"{type(estimator).__name__} has neither a method transform nor an "
            "embedding_. Fit it first, or pass its embedding to from_embedding."
        )
    return Z.toarray() if issparse(Z) else np.asarray(Z)


def check_images(images, image_shape, n_samples):
    """Images as an array (n, height, width) or (n, height, width, channels), or None.

    Without images of its own a display has none; `image_shape` alone reshapes nothing.
    """
    if images is None:
        if image_shape is not None:
            raise ValueError(
                f"image_shape={image_shape!r} needs the images: pass images=X, one row "
                "of pixels for each sample."
            )
        return None
    images = images.toarray() if issparse(images) else np.asarray(images)
    given = images.shape
    if image_shape is not None:
        shape = check_image_shape(image_shape)
        if shape[2] not in (1, 3, 4):
            raise ValueError(
                f"image_shape={image_shape!r} has {shape[2]} channels, but 1, 3 or 4 "
                "can be plotted. The channels come last."
            )
        if images.ndim < 2 or np.prod(images.shape[1:]) != np.prod(shape):
            raise ValueError(
                f"image_shape={image_shape!r} has {np.prod(shape)} pixels and channels "
                f"an image, but the images have shape {given}, one row a sample."
            )
        images = images.reshape(len(images), *shape)
    if images.ndim == 4 and images.shape[3] == 1:
        images = images[..., 0]
    if images.ndim not in (3, 4) or (
        images.ndim == 4 and images.shape[3] not in (3, 4)
    ):
        raise ValueError(
            f"images has shape {given}, but (n_samples, height, width) or (n_samples, "
            "height, width, 3) is needed. Give image_shape=(height, width) for flat "
            "rows."
        )
    if len(images) != n_samples:
        raise ValueError(
            f"images has {len(images)} rows, but the embedding has {n_samples}; one "
            "image for each sample is needed."
        )
    return images


def pixel_range(images):
    """Smallest and largest finite value, the black and the white of all images."""
    if images.dtype == np.uint8:
        return 0.0, 255.0
    if images.dtype == bool:
        return 0.0, 1.0
    finite = images[np.isfinite(images)]
    if not finite.size:
        return 0.0, 1.0
    return float(finite.min()), float(finite.max())


def to_bytes(images, limits):
    """Images as uint8, `limits` being black and white; what is not finite is black."""
    if images.dtype == np.uint8:
        return images
    low, high = limits
    scale = 255.0 / (high - low) if high > low else 0.0
    scaled = np.clip((images.astype(np.float32) - low) * scale, 0.0, 255.0)
    return np.nan_to_num(scaled, nan=0.0).round().astype(np.uint8)


class Target:
    """What the colours mean: classes, a number, or nothing.

    Attributes
    ----------
    kind : "classes", "continuous" or None
    values : the numbers, or the number of each sample's class
    labels : the classes as text, in sorted order, the noise first
    noise : whether the first class is the noise
    """

    def __init__(self, kind, values=None, labels=(), noise=False):
        self.kind = kind
        self.values = values
        self.labels = labels
        self.noise = noise

    @property
    def shares_colors(self):
        """Whether there are more classes than colours."""
        return len(self.labels) - self.noise > len(PALETTE)

    def marks(self):
        """For each class its colour and marker."""
        n_classes = len(self.labels) - self.noise
        marks = [
            (PALETTE[i % len(PALETTE)], MARKERS[i // len(PALETTE) % len(MARKERS)])
            for i in range(n_classes)
        ]
        return [(GREY, "o"), *marks] if self.noise else marks

    def groups(self):
        """Marker, height and samples of each collection; the noise is the lowest."""
        markers = np.array([marker for _, marker in self.marks()])[self.values]
        noise = self.noise & (self.values == 0)
        if self.noise:
            yield "o", 0.0, noise
        for marker in MARKERS:
            rows = (markers == marker) & ~noise
            if rows.any():
                yield marker, 0.5, rows


def check_target(y, n_samples, *, target_type="auto", noise_label=-1):
    """Read y as classes or as a continuous quantity."""
    validate_parameter_constraints(
        {"target_type": [StrOptions({"auto", "classes", "continuous"})]},
        {"target_type": target_type},
        caller_name="a display",
    )
    if y is None:
        return Target(None)
    y = np.asarray(y)
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if target_type == "auto":
        # NaN is a missing number, and no class
        fractions = y.dtype.kind == "f" and bool((y != np.round(y)).any())
        target_type = "continuous" if fractions else "classes"
    if target_type == "continuous":
        if y.shape != (n_samples,) or y.dtype.kind not in "fiub":
            raise ValueError(
                f"y has shape {y.shape} and dtype {y.dtype}, but a continuous colour "
                f"needs one number for each of the {n_samples} samples."
            )
        return Target("continuous", y.astype(np.float64))
    codes = check_labels(y, n_samples)
    names = np.unique(y).tolist()
    # 1.0 and 2.0 are classes that went through an array of floats
    if y.dtype.kind == "f":
        names = [int(name) for name in names]
    noise = [
        i
        for i, name in enumerate(names)
        if noise_label is not None
        and not isinstance(name, bool)
        and name == noise_label
    ]
    if noise:
        order = noise + [i for i in range(len(names)) if i not in noise]
        codes = np.argsort(order)[codes]
        names = ["noise", *(names[i] for i in order[1:])]
    return Target("classes", codes, [str(name) for name in names], bool(noise))


# Where it is drawn ----------------------------------------------------------


def import_pyplot(display):
    """matplotlib.pyplot, or how to install it."""
    return import_optional(
        "matplotlib.pyplot", "plot", feature=f"{type(display).__name__}.plot"
    )


def get_axes(display, ax, *, figsize=None, projection=None):
    """The axes to draw in: those given, or new ones in a figure of their own."""
    plt = import_pyplot(display)
    if ax is None:
        # a layout that makes room for what stands outside of the axes
        _, ax = plt.subplots(
            figsize=figsize,
            layout="constrained",
            subplot_kw={"projection": projection},
        )
    elif (projection == "3d") != hasattr(ax, "zaxis"):
        raise ValueError(
            f"ax is a {type(ax).__name__}, but this embedding needs "
            + (
                "three-dimensional axes: plt.subplots(subplot_kw={'projection': '3d'})."
                if projection == "3d"
                else "plain axes of two dimensions: plt.subplots()."
            )
        )
    display.ax_ = ax
    display.figure_ = ax.figure
    return ax


def density_colors():
    """From pale to dark: a cell of one point still stands out from the paper."""
    colors = import_optional("matplotlib.colors", "plot")
    return colors.LinearSegmentedColormap.from_list("density", ["#C9C5E8", PALETTE[1]])


def merge_kwargs(defaults, given, *, points=False):
    """Given keywords over the default ones, matplotlib's short names included."""
    normalize_kwargs = import_optional("matplotlib.cbook", "plot").normalize_kwargs
    if points:
        kind = import_optional("matplotlib.collections", "plot").PathCollection
    else:
        kind = import_optional("matplotlib.lines", "plot").Line2D
    given = normalize_kwargs(given or {}, kind)
    defaults = normalize_kwargs(defaults, kind)
    if points and {"color", "facecolor"} & set(given):
        defaults = {
            key: value for key, value in defaults.items() if key not in ("c", "cmap")
        }
    return {**defaults, **given}


def draw_marks(ax, places, target, defaults, scatter_kwargs=None, *, cmap=SEQUENTIAL):
    """Marks in the colours of a target: one collection, or one for each marker."""
    if target.kind != "classes":
        if target.kind == "continuous":
            plt = import_optional("matplotlib.pyplot", "plot")
            cmap = plt.get_cmap(cmap).with_extremes(bad=GREY)
            own = {"c": target.values, "cmap": cmap, "plotnonfinite": True}
        else:
            own = {"color": PALETTE[1]}
        options = merge_kwargs(defaults | own, scatter_kwargs, points=True)
        return [ax.scatter(*places.T, **options)]
    if target.shares_colors:
        # forms want more room than colours
        defaults = defaults | {"s": max(defaults["s"], 16.0)}
    colors = np.array([color for color, _ in target.marks()])[target.values]
    points = []
    zorder = defaults.get("zorder", 1)
    for marker, height, rows in target.groups():
        own = {"c": colors[rows], "marker": marker, "zorder": zorder + height}
        options = merge_kwargs(defaults | own, scatter_kwargs, points=True)
        points.append(ax.scatter(*places[rows].T, **options))
    return points


def class_legend(ax, target):
    """A legend of classes, with marks large enough to tell their colours."""
    Line2D = import_optional("matplotlib.lines", "plot").Line2D
    handles = [
        Line2D(
            [], [], linestyle="", marker=marker, color=color, markersize=6, label=label
        )
        for (color, marker), label in zip(target.marks(), target.labels, strict=True)
    ]
    return outer_legend(ax, handles)


def outer_legend(ax, handles, *, title=None, rows=20):
    """A legend beside the axes, where it covers no point."""
    place = 1.12 if hasattr(ax, "zaxis") else 1.02
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
    )


def bare(ax):
    """Take the ticks away where the coordinates mean nothing by themselves."""
    if hasattr(ax, "zaxis"):
        ax.set(xticklabels=[], yticklabels=[], zticklabels=[])
        return
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
