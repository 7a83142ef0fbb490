# SPDX-License-Identifier: BSD-3-Clause

"""Figures in cells of tables: a dash for none, and deviations below their means."""

from docutils import nodes


def tidy_cells(app, doctree):
    """Make figures of cells readable.

    A lone "-" reads as an empty list, and a measure such as "recall@10" as an address.
    Deviations get a class of their own, so that a style can put them below the mean.
    """
    for cell in doctree.findall(nodes.entry):
        if len(cell) == 1 and isinstance(cell[0], nodes.bullet_list):
            if not cell[0].astext():
                cell[0].replace_self(nodes.paragraph("", "\N{EN DASH}"))
        for link in list(cell.findall(nodes.reference)):
            if link.get("refuri", "").startswith("mailto:"):
                link.replace_self(nodes.Text(link.astext()))
        for text in list(cell.findall(nodes.Text)):
            mean, sign, deviation = text.partition(" ± ")
            if sign:
                spread = f"±\N{NO-BREAK SPACE}{deviation}"
                below = nodes.inline("", spread, classes=["deviation"])
                text.parent.replace(text, [nodes.Text(f"{mean} "), below])


def setup(app):
    app.connect("doctree-read", tidy_cells)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
