# SPDX-License-Identifier: BSD-3-Clause

"""Representation of the samples by a user's transformer."""

import numpy as np
from scipy import sparse
from sklearn.base import clone

from skmanifold.utils import one_blas_thread

# Samples per transformed block.
BLOCK_ROWS = 192


def fit_representation(representation, rows, seed):
    """Fit a copy of a transformer, and find the factor of its columns.

    Parameters
    ----------
    representation : transformer
        Transformer to clone.
    rows : {ndarray, CSR matrix} of shape (n_samples, n_features)
        The validated X.
    seed : int
        ``random_state`` of a transformer whose own is None.

    Returns
    -------
    transformer : transformer
        The fitted copy.
    factor : float
        Factor that scales its columns to the spread of those of X.
    """
    transformer = clone(representation)
    unseeded = {
        name: seed
        for name, value in sorted(transformer.get_params().items())
        if name.split("__")[-1] == "random_state" and value is None
    }
    # the number of BLAS threads would show in the last bits
    with one_blas_thread():
        transformer.set_params(**unseeded).fit(rows)
    subset = rows[: 10 * BLOCK_ROWS]
    columns = represented(transformer, subset)
    with np.errstate(over="ignore", invalid="ignore"):
        spreads = [
            np.sqrt(np.mean(np.var(part.astype(np.float64), axis=0)))
            for part in (dense(subset), columns)
        ]
    usable = np.isfinite(spreads).all() and min(spreads) > 0
    return transformer, spreads[0] / spreads[1] if usable else 1.0


def represented(transformer, rows):
    """Transform samples in blocks of one size, so that no sample affects others."""
    n_samples = rows.shape[0]
    parts = []
    # threadpool_limits affects the whole process
    with one_blas_thread():
        for start in range(0, n_samples, BLOCK_ROWS):
            n_rows = min(BLOCK_ROWS, n_samples - start)
            block = rows[start + np.arange(BLOCK_ROWS) % n_rows]
            part = dense(transformer.transform(block))
            part = np.asarray(part)
            if part.ndim != 2 or len(part) != BLOCK_ROWS:
                raise ValueError(
                    f"representation maps {BLOCK_ROWS} samples to an array of shape "
                    f"{part.shape}; it must return one row per sample."
                )
            if not part.shape[1]:
                raise ValueError(
                    "representation maps X to 0 columns; it must return at least one."
                )
            parts.append(part[:n_rows].astype(np.float64))
    columns = np.concatenate(parts)
    if not np.isfinite(columns).all():
        raise ValueError(
            "representation returned NaN or infinity. It must return finite values."
        )
    return columns


def dense(rows):
    """Return an array or sparse matrix as a dense array."""
    return rows.toarray() if sparse.issparse(rows) else rows
