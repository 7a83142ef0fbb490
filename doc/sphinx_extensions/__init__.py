# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""What our pages need beyond Sphinx: links, grouped parameters, thumbnails."""
