# SPDX-License-Identifier: BSD-3-Clause

"""Learning rates and early stopping, as pure functions."""

import math


def learning_rate_factor(step, n_steps, *, warmup=0.1, schedule="cosine"):
    """Return the factor on the base learning rate at a step, in (0, 1]."""
    n_warmup = math.ceil(warmup * n_steps)
    if step < n_warmup:
        return (step + 1) / n_warmup
    if schedule == "constant":
        return 1.0
    # would reach zero one step after the last
    progress = (step - n_warmup) / max(n_steps - n_warmup, 1)
    return 0.5 * (1.0 + math.cos(math.pi * progress))


def has_stalled(losses, patience, tol):
    """Return whether the loss has stopped improving.

    It has if ``patience`` consecutive epochs did not improve the best loss by more than
    a fraction ``tol``. With ``patience=None`` it never has.
    """
    if patience is None or not losses:
        return False
    best, n_bad = losses[0], 0
    for loss in losses[1:]:
        n_bad += 1
        if loss < best - tol * abs(best):
            best, n_bad = loss, 0
    return n_bad >= patience
