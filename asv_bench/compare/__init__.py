# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""Comparisons with the methods a user would otherwise pick.

Each measuring module (``embedding``, ``clustering``, ``isometry``, ``topology``,
``charts``, ``contrast``, ``speed``, ``scaling``) is a command,
``python -m asv_bench.compare.embedding``: it runs every fit in a process of its own,
appends one JSON line per fit to a file and prints a table. ``--help`` lists its
options.

``python -m asv_bench.compare.report`` writes the tables and plots of the documentation
from the rows in ``asv_bench/measured``.

Shared parts: ``runner`` starts the processes and writes the rows, ``process`` measures
inside them, ``data`` reads the data sets, ``methods`` builds the embedding methods,
``quality`` scores embeddings, ``tables`` formats means over the seeds.
"""
