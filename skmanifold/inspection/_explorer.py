# SPDX-License-Identifier: BSD-3-Clause

"""Interactive HTML page of an embedding, without a server."""

import base64
import html
import json
import re
import struct
import zlib
from math import ceil
from pathlib import Path

import numpy as np

from skmanifold.inspection._style import (
    GRAY,
    MARKERS,
    PALETTE,
    check_embedding,
    check_images,
    named_columns,
    pixel_range,
    read_embedding,
    to_bytes,
    validated,
    varying_columns,
    with_constants,
)
from skmanifold.inspection._target import check_target
from skmanifold.metrics import _checks
from skmanifold.utils import import_optional
from skmanifold.utils._containers import check_computed
from skmanifold.utils._labels import column_values, is_missing
from skmanifold.utils._validation import Count

# Side of a sheet in pixels, small enough for every browser to decode quickly.
_SHEET_SIDE = 2048
# Browsers accept pages of a few hundred MB; PNG at least halves the pixels.
_MOST_PIXELS = 400_000_000

# Plotly's symbols and characters for the markers.
_SYMBOLS = (
    "circle triangle-up x square triangle-down cross diamond triangle-left "
    "triangle-right star"
).split()
_GLYPHS = "●▲✖■▼✚◆◀▶★"


@validated({"grid_size": [Count(2)], "image_size": [Count(1)]})
def write_explorer(
    embedding,
    y=None,
    *,
    path,
    images=None,
    image_shape=None,
    decoder=None,
    names=None,
    components=None,
    target_type="auto",
    noise_label=-1,
    title=None,
    grid_size=24,
    image_size=64,
):
    """Write an embedding as an interactive HTML page.

    The page is a single file that works without a server and offline. It pans and
    zooms, shows index, class, image and metadata of the sample under the pointer,
    searches by index, name and class, hides classes, and exports the indices of a lasso
    selection as CSV. With a decoder, it shows the decoded sample at the pointer. It
    uses WebGL and stays smooth with 70,000 points.

    Parameters
    ----------
    embedding : array-like of shape (n_samples, 2)
        Coordinates of the samples.
    y : array-like of shape (n_samples,), default=None
        Classes or a continuous quantity, colored as by :class:`EmbeddingDisplay`.
    path : str or path-like
        Path of the file. An existing file is replaced.
    images : array-like, default=None
        Images of the samples, of shape (n_samples, height, width) or (n_samples,
        height, width, channels), or flattened if `image_shape` is given. Unless uint8,
        they are scaled from the smallest value (black) to the largest (white).
    image_shape : (int, int) or (int, int, int), default=None
        Height, width and channels of the images and of decoded samples.
    decoder : callable or object with ``inverse_transform``, default=None
        Map from points of the embedding, (n, 2), to samples, called once for a grid of
        points. Decoded samples are shown as images if they have as many pixels as
        `images` or `image_shape`, otherwise as numbers (up to eight) or as a curve.
    names : array-like of shape (n_samples,), data frame or dict, default=None
        Searchable names of the samples, or several columns of metadata.
    components : (int, int) or "pca", default=None
        Two components of `embedding`, or "pca" for its first two principal components.
        None plots all components that are not constant. Not with a decoder.
    target_type : {"auto", "classes", "continuous"}, default="auto"
        Type of `y`, as in :class:`EmbeddingDisplay`.
    noise_label : object, default=-1
        Class plotted in gray, as noise. None for no such class.
    title : str, default=None
        Title of the page.
    grid_size : int, default=24
        Number of decoded points along each axis. Increase it for a finer grid.
    image_size : int, default=64
        Longest side of an image in pixels; larger images are downsampled.

    Returns
    -------
    path : pathlib.Path
        Path of the page.

    See Also
    --------
    EmbeddingDisplay : Plot the embedding with matplotlib.

    Notes
    -----
    The page includes the plotting library, a few megabytes. Its content security policy
    forbids loading anything, and names are inserted as text, never as markup.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from skmanifold.inspection import write_explorer
    >>> Z, y = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0]], ["a", "b", "b"]
    >>> with TemporaryDirectory() as folder:
    ...     write_explorer(Z, y, path=Path(folder) / "map.html").name
    'map.html'
    """
    offline = import_optional("plotly.offline", "explorer", feature="The explorer")
    path = Path(path)
    if not path.parent.is_dir():
        raise ValueError(
            f"path={str(path)!r} is in a folder that does not exist. Create "
            f"{str(path.parent)!r} first."
        )
    if decoder is not None and components is not None:
        raise ValueError(
            "decoder and components cannot be combined: the decoder needs all"
            " components of the embedding. Omit one of them."
        )
    whole = read_embedding(embedding, "embedding")
    varying = None
    if components is None and whole.ndim == 2 and whole.shape[1] > 2:
        varying = varying_columns(whole, (2,))
    Z = check_embedding(whole, components, name="embedding", dimensions=(2,))
    if decoder is not None and varying is not None:
        decoder = with_constants(decoder, whole, varying)
    options = {"target_type": target_type, "noise_label": noise_label}
    target = check_target(y, len(Z), **options)
    # without images, image_shape is that of decoded samples
    own_shape = image_shape if images is not None or decoder is None else None
    images = check_images(images, own_shape, len(Z))

    sheets = limits = decoded = None
    if images is not None:
        limits = pixel_range(images)
        sheets = _sheets(images, limits, image_size, "or pass fewer samples")
        image_shape = images.shape[1:] if image_shape is None else image_shape
    if decoder is not None:
        decoded = _decoded_grid(decoder, Z, grid_size, image_shape, limits, image_size)
    content = {
        "n": len(Z),
        "x": _base64(Z[:, 0].astype("<f4")),
        "y": _base64(Z[:, 1].astype("<f4")),
        "target": _describe(target),
        "names": _named_columns(names, len(Z)),
        "images": sheets,
        "decode": decoded,
    }
    title = "Embedding" if title is None else str(title)
    parts = {
        "title": html.escape(title),
        "style": _read("explorer.css"),
        "script": _read("explorer.js"),
        "plotly": offline.get_plotlyjs(),
        "data": _script_safe(json.dumps(content, separators=(",", ":"))),
    }
    # in one pass, so that inserted parts are not searched for placeholders
    template = _read("explorer.html")
    page = re.sub("<!-- ([a-z]+) -->", lambda match: parts[match[1]], template)
    path.write_bytes(page.encode("utf-8", "replace"))
    return path


def _read(name):
    return (Path(__file__).parent / name).read_text(encoding="utf-8")


def _script_safe(text):
    """Escape JSON so that no browser parses it as markup or the end of the script."""
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def _base64(content):
    return base64.b64encode(content).decode("ascii")


def _named_columns(names, n_samples):
    """Return pairs of a column's name and its texts, None where missing."""
    if names is None:
        return None
    check_computed(names, "names")
    columns = named_columns(names)
    columns = {"name": names} if columns is None else columns
    named = []
    for name, column in columns.items():
        values, masked = column_values(column)
        if values.shape != (n_samples,):
            label = "names" if len(columns) == 1 else f"names[{name!r}]"
            raise ValueError(
                f"{label} has shape {values.shape}, but the embedding has {n_samples} "
                "samples. Pass one name per sample, or a data frame or dict of columns."
            )
        texts = [
            None if missing or is_missing(value) else str(value)
            for value, missing in zip(values.tolist(), masked.tolist(), strict=True)
        ]
        named.append([name, texts])
    return named


def _describe(target):
    """Describe classes with their colors, or the scale of a continuous target."""
    if target.kind is None:
        return {"kind": None, "color": PALETTE[1]}
    if target.kind == "classes":
        colors, markers = zip(*target.marks(), strict=True)
        symbols = [MARKERS.index(marker) for marker in markers]
        return {
            "kind": "classes",
            "color": PALETTE[1],
            "values": _base64(target.values.astype("<i4")),
            "labels": target.labels,
            "colors": colors,
            "symbols": [_SYMBOLS[i] for i in symbols],
            "glyphs": [_GLYPHS[i] for i in symbols],
        }
    colors = import_optional("plotly.colors", "explorer")
    low, high = pixel_range(target.values)
    knots = target.knots()
    return {
        "kind": "continuous",
        "dates": target.dates,
        "color": PALETTE[1],
        "values": _base64(target.values.astype("<f4")),
        "low": low,
        "high": high,
        # values at equal steps of the scale
        "knots": None if knots is None else knots.tolist(),
        "scale": [colors.hex_to_rgb(color) for color in colors.sequential.Cividis],
        "missing": GRAY,
    }


# Images ---------------------------------------------------------------------


def _reduced(images, factor):
    """Downsample images by means of blocks."""
    if factor == 1:
        return images
    for axis in (1, 2):
        starts = np.arange(0, images.shape[axis], factor)
        sizes = np.diff(np.append(starts, images.shape[axis]))
        shape = [1] * images.ndim
        shape[axis] = len(sizes)
        sums = np.add.reduceat(images, starts, axis=axis, dtype=np.float32)
        images = sums / sizes.astype(np.float32).reshape(shape)
    return images


def _sheets(images, limits, image_size, remedy):
    """Pack images into the tiles of PNG sheets, row by row from the left."""
    factor = ceil(max(images.shape[1:3]) / image_size)
    height, width = (ceil(side / factor) for side in images.shape[1:3])
    n_bytes = len(images) * height * width * np.prod(images.shape[3:], dtype=int)
    if n_bytes > _MOST_PIXELS:
        raise ValueError(
            f"The {len(images)} images of {height} x {width} pixels take {n_bytes} "
            f"bytes, more than the {_MOST_PIXELS} that a page may hold. Decrease "
            f"image_size, {remedy}."
        )
    columns = max(1, _SHEET_SIDE // width)
    per_sheet = columns * max(1, _SHEET_SIDE // height)
    sheets = []
    for start in range(0, len(images), per_sheet):
        part = images[start : start + per_sheet]
        part = to_bytes(_reduced(part, factor), limits)
        png = _png(_tiled(part, min(columns, len(part))))
        sheets.append(f"data:image/png;base64,{_base64(png)}")
    return {
        "width": width,
        "height": height,
        "columns": min(columns, len(images)),
        "per_sheet": per_sheet,
        "sheets": sheets,
    }


def _tiled(images, columns):
    """Tile images into one, with `columns` images per row."""
    n, height, width = images.shape[:3]
    rows = ceil(n / columns)
    sheet = np.zeros((rows * columns, *images.shape[1:]), dtype=np.uint8)
    sheet[:n] = images
    sheet = sheet.reshape(rows, columns, *images.shape[1:])
    return sheet.swapaxes(1, 2).reshape(
        rows * height, columns * width, *images.shape[3:]
    )


def _png(pixels):
    """Encode pixels of one, three or four bytes as a PNG file."""
    height, width = pixels.shape[:2]
    color_type = {1: 0, 3: 2, 4: 6}[1 if pixels.ndim == 2 else pixels.shape[2]]
    lines = np.zeros((height, 1 + pixels.size // height), dtype=np.uint8)
    lines[:, 1:] = pixels.reshape(height, -1)

    def chunk(kind, content):
        size, check = len(content), zlib.crc32(kind + content)
        return struct.pack(">I", size) + kind + content + struct.pack(">I", check)

    header = struct.pack(">IIBBBBB", width, height, 8, color_type, 0, 0, 0)
    body = chunk(b"IDAT", zlib.compress(lines.tobytes(), 6)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + body


# The decoder ----------------------------------------------------------------


def _decoded_grid(decoder, Z, grid_size, image_shape, limits, image_size):
    """Decode a grid over the embedding, row by row from the bottom."""
    axes = np.linspace(Z.min(axis=0), Z.max(axis=0), grid_size).T
    grid = np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, 2)
    rows = _checks.decoded(decoder, grid)
    described = {
        name: {"low": float(axis[0]), "high": float(axis[-1]), "n": grid_size}
        for name, axis in zip("xy", axes, strict=True)
    }
    if image_shape is not None and np.prod(image_shape) == rows.shape[1]:
        images = check_images(rows, image_shape, len(rows))
        limits = pixel_range(images) if limits is None else limits
        described["images"] = _sheets(images, limits, image_size, "or grid_size")
    else:
        rows = rows.astype("<f4")
        low, high = pixel_range(rows)
        described |= {"images": None, "rows": _base64(rows), "low": low, "high": high}
        described["n_features"] = rows.shape[1]
    return described
