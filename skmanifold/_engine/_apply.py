# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""Inference in fixed-size, zero-padded blocks.

The last bits of a float32 matrix product depend on the shape of the matrices. A block
of always the same shape makes each row's result independent of how many rows, and
which, are computed with it.
"""

import numpy as np
import torch

# Large enough for matrix products to run near full speed, small enough that a single
# row costs well below a millisecond on small networks.
BLOCK_ROWS = 256


def apply_in_blocks(module, load, n_rows, *, device="cpu", block_rows=BLOCK_ROWS):
    """Outputs of a module for all rows, as a float32 array.

    Parameters
    ----------
    module : callable
        Maps a float32 tensor of shape (block_rows, d) to (block_rows, n_out), each row
        on its own. Modules must be in eval mode already: nothing is mutated here.
    load : callable
        ``load(start, stop)`` returns those rows as a float32 array.
    n_rows : int
        Number of rows.
    device : torch.device or str
        Where the module lies.
    block_rows : int
        Rows of a block.

    Returns
    -------
    numpy.ndarray of shape (n_rows, n_out), float32
        The outputs.
    """
    out = None
    with (
        torch.inference_mode(),
        torch.autocast(torch.device(device).type, enabled=False),
    ):
        for start in range(0, n_rows, block_rows):
            rows = load(start, min(start + block_rows, n_rows))
            n = len(rows)
            if n < block_rows:
                block = np.zeros((block_rows, rows.shape[1]), dtype=np.float32)
                block[:n] = rows
            else:
                block = np.ascontiguousarray(rows, dtype=np.float32)
            result = (
                module(torch.from_numpy(block).to(device))[:n].float().cpu().numpy()
            )
            if out is None:
                out = np.empty((n_rows, result.shape[1]), dtype=np.float32)
            out[start : start + n] = result
    return out
