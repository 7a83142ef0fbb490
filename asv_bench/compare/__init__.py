# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""Side by side with the methods a user would otherwise pick.

``python -m asv_bench.compare`` runs each (method, data set, seed) in a process of
its own, one after the other, on the same cores and with the same limits of threads,
and appends one row per run to a file of JSON lines.
``python -m asv_bench.compare.report`` makes Markdown tables of such a file.

The parts: ``methods`` says how each package is driven, ``data`` reads the sets,
``child`` is the process that fits and is timed, ``quality`` judges the embedding that
it has left on disk, ``run`` is the command, ``report`` the tables.
"""
