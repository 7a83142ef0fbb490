# SPDX-License-Identifier: BSD-3-Clause

"""Group the parameters on an estimator's page; those to start with come first.

These are the ones that the section "Start with these" of the estimator's guide lists,
in its order, so that there is one list. The rest follows as method, networks and
training.
"""

import inspect
import re
from itertools import chain
from pathlib import Path

import skmanifold

GUIDES = Path(__file__).parents[1] / "user_guide"
NETWORKS = (
    "encoder",
    "decoder",
    "image_shape",
    "encoder_layers",
    "decoder_layers",
    "structure_layers",
    "structure_dim",
    "embedding_layers",
    "feature_dim",
    "projection",
    "projector_dim",
    "norm",
    "activation",
)
TRAINING = (
    "max_epochs",
    "pretraining_epochs",
    "representation_epochs",
    "batch_size",
    "learning_rate",
    "center_learning_rate",
    "device",
    "training",
    "warm_start",
    "n_jobs",
    "verbose",
    "random_state",
)


def start_with(guide):
    """Return the names of the parameters in the section "Start with these".

    Parameters
    ----------
    guide : str
        The text of a guide. Each item of the list, or row of the table, begins with
        its parameters, as in ```` ``n_neighbors=5`` ````.

    Returns
    -------
    names : list of str
    """
    _, heading, section = guide.partition("\nStart with these\n================\n")
    if not heading:
        return []
    section = re.split(r"\n.+\n(?:={4,}|-{4,})\n", section)[0]
    names = []
    for line in section.splitlines():
        item = re.match(r" *(?:\* - |- )?((?:``\w+(?:=[^`]*)?``(?:, )?)+)", line)
        if item:
            names += re.findall(r"``(\w+)", item[1])
    return names


def groups(estimator):
    """Return the parameters of an estimator in groups, each once.

    Parameters
    ----------
    estimator : class
        One of the estimators of this package.

    Returns
    -------
    groups : dict of str to list of str
        Names of parameters by the title of their group.
    """
    label = re.search(r"User Guide <(\w+)>", estimator.__doc__)[1]
    guide = (GUIDES / f"{label}.rst").read_text(encoding="utf-8")
    names = list(inspect.signature(estimator).parameters)
    first = [name for name in start_with(guide) if name in names]
    networks = [name for name in NETWORKS if name in names and name not in first]
    training = [name for name in TRAINING if name in names and name not in first]
    listed = {*first, *networks, *training}
    return {
        "Start with these": first,
        "Method": [name for name in names if name not in listed],
        "Networks": networks,
        "Training": training,
    }


def regroup(lines, by_title):
    """Split the field "Parameters" of numpydoc's output into one field per group.

    Parameters
    ----------
    lines : list of str
        The docstring after numpydoc.

    by_title : dict of str to list of str
        Names of parameters by the title of their group.

    Returns
    -------
    lines : list of str
    """
    start = lines.index(":Parameters:")
    end = start + 1
    entries = {}
    while end < len(lines) and (not lines[end].strip() or lines[end][0] == " "):
        name = re.match(r"    \*\*(\w+)\*\*", lines[end])
        if name:
            entry = entries.setdefault(name[1], [])
        if entries:
            entry.append(lines[end])
        end += 1
    assert sorted(entries) == sorted(chain(*by_title.values()))
    fields = []
    for title, names in by_title.items():
        if names:
            fields += [f":{title}:", ""]
            fields += [line for name in names for line in entries[name]]
            fields.append("")
    return [*lines[:start], *fields, *lines[end:]]


def group_parameters(app, kind, name, obj, options, lines):
    """Regroup the docstrings of estimators, after numpydoc."""
    public = getattr(obj, "__name__", "")
    if kind == "class" and public in skmanifold._ESTIMATORS:
        lines[:] = regroup(lines, groups(obj))


def setup(app):
    # numpydoc has the default priority, 500
    app.connect("autodoc-process-docstring", group_parameters, priority=600)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
