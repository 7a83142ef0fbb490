# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""How many threads torch computes with.

A matrix product is split among threads, along its inner dimension too, so that its last
bits depend on how many there are. What must not depend on it runs on a fixed number.
"""

import contextlib

import torch


@contextlib.contextmanager
def torch_threads(n_threads):
    """torch on ``n_threads`` threads inside, on as many as before outside.

    The setting is that of the calling thread; others that run meanwhile keep theirs.
    None changes nothing.
    """
    before = torch.get_num_threads()
    if n_threads is None or n_threads == before:
        yield
        return
    torch.set_num_threads(n_threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
