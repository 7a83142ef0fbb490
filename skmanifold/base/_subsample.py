# SPDX-License-Identifier: BSD-3-Clause

"""Random subsets of large data to train on."""

import numpy as np
from scipy import sparse
from sklearn.utils import gen_batches
from sklearn.utils.random import sample_without_replacement

from skmanifold.utils._labels import Labels

# A class is sampled as if it had at least 1 / (_LEAST_SHARE * n_classes) of all
# samples.
_LEAST_SHARE = 10

# Entries of the samples taken at a time (16 MB in single precision).
_DRAWN_ENTRIES = 2**22


def draw(n_samples, n_training, targets, seed):
    """Return ascending indices of samples to train on, and their targets."""
    if isinstance(targets, Labels):
        rows = _from_classes(targets.codes + 1, n_training, seed)
        return rows, targets._replace(codes=targets.codes[rows])
    rows = sample_without_replacement(n_samples, n_training, random_state=seed)
    rows.sort()
    return rows, None if targets is None else targets[rows]


def _from_classes(codes, n_training, seed):
    """Sample classes in proportion to their sizes, and more from small ones.

    A few labels among many samples are all kept.
    """
    n_samples = len(codes)
    order = np.random.RandomState(seed).permutation(n_samples)
    order = order[np.argsort(codes[order], kind="stable")]
    counts = np.bincount(codes)
    ranks = np.arange(n_samples) - np.repeat(np.cumsum(counts) - counts, counts)
    least = n_samples / (_LEAST_SHARE * max(1, np.count_nonzero(counts)))
    urgency = (ranks + 1) / np.maximum(counts, least)[codes[order]]
    return np.sort(order[np.argsort(urgency, kind="stable")[:n_training]])


def taken(samples, rows, *, make_room):
    """Return some of the samples, without reading a whole memory map into memory."""
    if sparse.issparse(samples):
        return samples[rows]
    result = make_room((len(rows), samples.shape[1]), samples.dtype)
    for part in gen_batches(len(rows), max(1, _DRAWN_ENTRIES // samples.shape[1])):
        result[part] = samples[rows[part]]
    return np.asarray(result)
