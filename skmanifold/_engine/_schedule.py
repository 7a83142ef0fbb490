# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""Learning rates as pure functions of the step."""

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
    if schedule == "linear":
        return 1.0 - progress
    return 0.5 * (1.0 + math.cos(math.pi * progress))
