# SPDX-License-Identifier: BSD-3-Clause

"""Places where a long name in the text of a page may break, after "_" and the like.

Elsewhere a phone would break it within a word. Copied text is the same as without.
"""

import re

# not before the closing parenthesis of a call
_AFTER = re.compile(r"([_.=,(])(?=[^_.=,()\s<])")
_NAME = re.compile(r'(<span class="pre">)(.*?)(</span>)')


def with_breaks(page):
    """Return a page of HTML with the places in its names."""
    return _NAME.sub(
        lambda name: name[1] + _AFTER.sub(r"\1<wbr>", name[2]) + name[3], page
    )


def allow_breaks(app, name, template, context, doctree):
    """Allow breaks in the body of a page."""
    if doctree is not None:
        context["body"] = with_breaks(context["body"])


def setup(app):
    app.connect("html-page-context", allow_breaks)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
