# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""``python -m asv_bench.compare``: see :mod:`asv_bench.compare.run`."""

import sys

from asv_bench.compare.run import main

if __name__ == "__main__":
    sys.exit(main())
