# SPDX-License-Identifier: BSD-3-Clause

"""Settings of Sphinx. Build with ``make doc``."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
# Read when they are first imported, which is by the examples.
os.environ.setdefault("MPLBACKEND", "Agg")

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx_gallery.sorting import ExplicitOrder

import skmanifold

project = "skmanifold"
author = "The skmanifold developers"
copyright = "2026, The skmanifold developers (BSD 3-Clause License)"
version = release = skmanifold.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.viewcode",
    "numpydoc",
    "sphinx_gallery.gen_gallery",
    "sphinx_extensions.external_links",
    "sphinx_extensions.figures_in_tables",
    "sphinx_extensions.gallery_groups",
    "sphinx_extensions.line_breaks",
    "sphinx_extensions.parameter_groups",
    "sphinx_extensions.thumbnails",
]
exclude_patterns = ["_build"]
templates_path = ["_templates"]
# a clone in a directory with a space in its name builds too
suppress_warnings = ["sphinx_gallery.space_in_filename"]
default_role = "literal"
# the quotes of default="auto" are those of the code
smartquotes = False

# API reference: a page for each module lists what its __all__ does, and each of these
# has a page, a class with its methods
autosummary_generate = True
autosummary_ignore_module_all = False
autosummary_imported_members = True
autodoc_member_order = "groupwise"
autodoc_typehints = "none"
toc_object_entries_show_parents = "hide"
numpydoc_show_class_members = False
numpydoc_attributes_as_param_list = True


def skip_member(app, kind, name, value, skip, options):
    """Leave to scikit-learn and torch to document what is inherited from them."""
    # of a named tuple, whose fields are its parameters
    alias = (getattr(value, "__doc__", None) or "").startswith("Alias for field")
    if alias or getattr(value, "__objclass__", None) is tuple:
        return True
    home = getattr(value, "__module__", None)
    return None if home is None or home.startswith("skmanifold") else True


def expect_no_pictures(app, config):
    """Without ``plot_gallery`` the examples do not draw what pages show."""
    if str(config.plot_gallery) in ("0", "False"):
        config.suppress_warnings.append("image.not_readable")


def mathml(node, as_block):
    """Return a formula as MathML, which browsers show without a script."""
    formula = tex2mathml(node.astext(), as_block=as_block)
    # norms keep their height, as parentheses do
    return formula.replace("<mo>‖</mo>", '<mo stretchy="false">‖</mo>')


def visit_inline_math(self, node):
    self.body.append(mathml(node, as_block=False))
    raise nodes.SkipNode


def visit_block_math(self, node):
    self.body.append(f'<div class="formula">{mathml(node, as_block=True)}</div>')
    raise nodes.SkipNode


def setup(app):
    app.add_html_math_renderer(
        "mathml",
        inline_renderers=(visit_inline_math, None),
        block_renderers=(visit_block_math, None),
    )
    app.connect("autodoc-skip-member", skip_member)
    app.connect("config-inited", expect_no_pictures)


# Gallery
gallery_groups = {
    "Methods": [
        "plot_overview.py",
        "plot_digits.py",
        "plot_dcrl.py",
        "plot_isometric_ae.py",
        "plot_topological_ae.py",
        "plot_atlas_digits.py",
        "plot_msimclr.py",
        "plot_atlas_triplet.py",
        "plot_tldr.py",
        "plot_compression.py",
    ],
    "Your data": [
        "plot_table.py",
        "plot_images.py",
        "plot_text.py",
        "plot_single_cells.py",
        "plot_time_series.py",
    ],
    "Working with a map": [
        "plot_displays.py",
        "plot_hdbscan.py",
        "plot_labels.py",
        "plot_grid_search.py",
        "plot_callbacks.py",
    ],
    "Geometry of data": [
        "plot_distances.py",
        "plot_flatness.py",
        "plot_dimension.py",
        "plot_atlas_homology.py",
    ],
}
sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "within_subsection_order": ExplicitOrder(
        [name for names in gallery_groups.values() for name in names]
    ),
    "doc_module": ("skmanifold",),
    "backreferences_dir": "api/generated/backreferences",
    "abort_on_example_error": True,
    "show_memory": False,
    "remove_config_comments": True,
    "plot_gallery": "True",
    "min_reported_time": 1,
    "write_computation_times": False,
    "inspect_global_variables": False,
}

# Look
wide_pages = [
    f"results/{name}"
    for name in ("atlas", "clustering", "codes", "embedding", "isometry", "speed")
]
html_theme = "pydata_sphinx_theme"
html_static_path = ["_static"]
html_css_files = ["pages.css"]
# formulas need no network
html_math_renderer = "mathml"
html_title = f"skmanifold {release}"
html_theme_options = {
    "logo": {"text": "skmanifold"},
    "show_prev_next": False,
    "header_links_before_dropdown": 8,
    # all but auto_examples, whose lines of code need the room, and wide tables
    "secondary_sidebar_items": {
        "[!a]**": ["page-toc"],
        "a[!u]**": ["page-toc"],
        **{page: [] for page in wide_pages},
    },
    "navigation_with_keys": False,
}
html_sidebars = {
    page: [] for page in ("getting_started", "choosing", "faq", "results", *wide_pages)
}
