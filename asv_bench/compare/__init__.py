# SPDX-License-Identifier: BSD-3-Clause

"""Comparisons with alternative methods.

Each measuring module (``embedding``, ``clustering``, ``isometry``, ``topology``,
``charts``, ``codes``, ``contrast``, ``speed``, ``scaling``) is a command, such as
``python -m asv_bench.compare.embedding``. It runs each fit in a separate process,
appends one JSON line per fit to a file and prints a table. ``--help`` lists its
options.

``python -m asv_bench.compare.report`` writes the tables and plots of the documentation
from the rows in ``asv_bench/measured``.

Shared modules: ``runner`` starts the processes and writes the rows, ``process``
measures inside them, ``parts`` lists the jobs of modules with several parts and prints
their tables, ``data`` loads data sets, ``methods`` creates embedding methods,
``quality`` scores embeddings, ``tables`` formats means over seeds.
"""
