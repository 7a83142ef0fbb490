# SPDX-License-Identifier: BSD-3-Clause

"""Headings over the groups of the gallery, ``gallery_groups`` of ``conf.py``.

sphinx-gallery has them for examples in folders of their own; these are in one.
"""

import re
from pathlib import Path

_HEADING = """\
.. raw:: html

    </div>

{title}
{line}

.. raw:: html

    <div class="sphx-glr-thumbnails">

"""
# Where the thumbnail of an example begins.
_THUMBNAIL = r'(?=^\.\. raw:: html\n\n    <div class="sphx-glr-thumbcontainer")'


def with_headings(page, groups):
    """Return the gallery's page with a heading before the first example of a group."""
    first = {names[0].removesuffix(".py"): title for title, names in groups.items()}
    parts = re.split(_THUMBNAIL, page, flags=re.M)
    for i, part in enumerate(parts):
        example = re.search(r"^  :doc:`/auto_examples/(\w+)`", part, re.M)
        if example and (title := first.get(example[1])):
            parts[i] = _HEADING.format(title=title, line="-" * len(title)) + part
    return "".join(parts)


def write_headings(app):
    path = Path(app.srcdir) / "auto_examples" / "index.rst"
    if path.is_file():
        page = path.read_text(encoding="utf-8")
        path.write_text(
            with_headings(page, app.config.gallery_groups), encoding="utf-8"
        )


def setup(app):
    app.add_config_value("gallery_groups", {}, "env", types=[dict])
    # sphinx-gallery writes the page at the default priority, 500
    app.connect("builder-inited", write_headings, priority=600)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
