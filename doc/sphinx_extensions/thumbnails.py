# SPDX-License-Identifier: BSD-3-Clause

"""Square thumbnails of the gallery and of the README, cut from the examples' pictures.

``python doc/sphinx_extensions/thumbnails.py`` writes those of the README, after ``make
doc`` has run the examples.
"""

from pathlib import Path

from PIL import Image

DOC = Path(__file__).resolve().parents[1]
IMAGES = DOC / "auto_examples" / "images"
SIDE = 320
README_SIDE = 120

# Picture of an example, and the square's left edge, top edge and side in shares of the
# picture's width. Without an entry: the first picture, the square at its right end.
PARTS = {
    "plot_overview": (1, 0, 0, 1),
    "plot_digits": (1, 0.67, 0.025, 0.33),
    "plot_dcrl": (1, 0.03, 0.015, 0.485),
    "plot_isometric_ae": (1, 0, 0.025, 0.355),
    "plot_topological_ae": (1, 0.665, 0.02, 0.325),
    "plot_flatness": (1, 0.75, 0.02, 0.25),
    "plot_atlas_digits": (1, 0, 0, 0.6),
    "plot_tldr": (1, 0, 0, 1),
    "plot_displays": (1, 0.47, 0.03, 0.47),
    "plot_callbacks": (2, 0.803, 0.027, 0.197),
    "plot_table": (1, 0, 0, 0.37),
    "plot_images": (2, 0.505, 0.02, 0.475),
    "plot_text": (1, 0.445, 0.03, 0.425),
    "plot_single_cells": (1, 0.3, 0.02, 0.3),
    "plot_time_series": (1, 0, 0.03, 0.38),
    "plot_compression": (1, 0, 0, 1),
    "plot_dimension": (1, 0, 0, 1),
    "plot_atlas_homology": (1, 0, 0, 0.45),
}
# One example for each row of the README's table of methods.
README = {
    "dlme": "plot_digits",
    "dcrl": "plot_dcrl",
    "isometric_ae": "plot_isometric_ae",
    "atlas_ae": "plot_atlas_digits",
    "msimclr": "plot_msimclr",
    "atlas_triplet": "plot_atlas_triplet",
    "topological_ae": "plot_topological_ae",
    "tldr": "plot_tldr",
}


def square(picture, part=None):
    """Cut a square out of a picture.

    Parameters
    ----------
    picture : PIL.Image.Image
        The picture.

    part : (float, float, float), default=None
        Left edge, top edge and side in shares of the width; (0, 0, 1) is the whole of a
        wide picture. None is the largest square at the right end, where most examples
        have their own method.

    Returns
    -------
    square : PIL.Image.Image
        RGB image.
    """
    width, height = picture.size
    if part is None:
        side = min(width, height)
        left, top = width - side, 0
    else:
        left, top, side = (round(share * width) for share in part)
        if side > height:  # white above and below
            top = (height - side) // 2
    square = Image.new("RGB", (side, side), "white")
    picture = picture.convert("RGBA")
    square.paste(picture, (-left, -top), mask=picture)
    return square


def write_thumbnail(example, path, side):
    """Write the thumbnail of an example, if the example has been run."""
    number, *part = PARTS.get(example, (1,))
    source = IMAGES / f"sphx_glr_{example}_{number:03}.png"
    if source.is_file():
        thumbnail = square(Image.open(source), part or None)
        thumbnail = thumbnail.resize((side, side), Image.Resampling.LANCZOS)
        if side == README_SIDE:  # kept in the repository: few colors, a small file
            thumbnail = thumbnail.quantize(64)
        thumbnail.save(path, optimize=True)


def cut_thumbnails(app):
    """Replace sphinx-gallery's thumbnails, which are whole pictures with margins."""
    for path in sorted((IMAGES / "thumb").glob("sphx_glr_*_thumb.png")):
        example = path.stem.removeprefix("sphx_glr_").removesuffix("_thumb")
        write_thumbnail(example, path, SIDE)


def setup(app):
    # sphinx-gallery runs the examples at the default priority, 500
    app.connect("builder-inited", cut_thumbnails, priority=600)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


if __name__ == "__main__":
    for name, example in README.items():
        write_thumbnail(example, DOC / "pictures" / f"thumb_{name}.png", README_SIDE)
