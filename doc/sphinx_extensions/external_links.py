# SPDX-License-Identifier: BSD-3-Clause

"""Links from roles to the pages of other packages, built without network.

Intersphinx needs an inventory of each package, which is fetched or kept up to date.
These packages name their pages by one rule each, so the rule takes its place.
``tests/test_documentation.py`` imports each name that is linked.
"""

from docutils import nodes

SITES = {
    "joblib": "https://joblib.readthedocs.io/en/stable/generated/",
    "matplotlib": "https://matplotlib.org/stable/api/_as_gen/",
    "numpy": "https://numpy.org/doc/stable/reference/generated/",
    "pandas": "https://pandas.pydata.org/docs/reference/api/",
    "scipy": "https://docs.scipy.org/doc/scipy/reference/generated/",
    "sklearn": "https://scikit-learn.org/stable/modules/generated/",
    "torch": "https://docs.pytorch.org/docs/stable/generated/",
}
SKLEARN_MODULES = "https://scikit-learn.org/stable/api/"


def external_url(name, role):
    """Return the address of the page of a name such as "sklearn.manifold.TSNE".

    Parameters
    ----------
    name : str
        Full name of a class, function, method or module.

    role : str
        Role of the reference: "class", "func", "meth", "mod" or "obj".

    Returns
    -------
    url : str or None
        None if the package has no rule.
    """
    site = SITES.get(name.partition(".")[0])
    if site is None:
        return None
    if role == "mod":
        return f"{SKLEARN_MODULES}{name}.html" if name.startswith("sklearn.") else None
    return f"{site}{name}.html#{name}"


def link_externally(app, env, node, content):
    """Resolve a reference that no page of ours answers."""
    if node.get("refdomain") != "py":
        return None
    url = external_url(node["reftarget"], node["reftype"])
    if url is None:
        return None
    package = node["reftarget"].partition(".")[0]
    return nodes.reference(
        "", "", content, internal=False, refuri=url, reftitle=f"(in {package})"
    )


def setup(app):
    app.connect("missing-reference", link_externally)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
