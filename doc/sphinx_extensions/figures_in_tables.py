# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""Figures in cells of tables: a dash for none, and deviations that stay on the line."""

from docutils import nodes


def tidy_cells(app, doctree):
    """Turn a lone "-", which reads as an empty list, into a dash; keep "±" unbroken."""
    for cell in doctree.findall(nodes.entry):
        if len(cell) == 1 and isinstance(cell[0], nodes.bullet_list):
            if not cell[0].astext():
                cell[0].replace_self(nodes.paragraph("", "\N{EN DASH}"))
        for text in list(cell.findall(nodes.Text)):
            if " ± " in text:
                kept = text.replace(" ± ", "\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}")
                text.parent.replace(text, nodes.Text(kept))


def setup(app):
    app.connect("doctree-read", tidy_cells)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
