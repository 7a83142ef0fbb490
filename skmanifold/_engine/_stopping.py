# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""Early stopping."""

import math


class EarlyStopping:
    """Counter of epochs in which the loss did not improve.

    ``done(loss)`` is True after ``patience`` consecutive epochs without an improvement
    of the best loss by more than a fraction ``tol``. ``patience=None`` never stops.
    """

    def __init__(self, patience, tol):
        self.patience = patience
        self.tol = tol
        self.best = math.inf
        self.n_bad = 0

    def done(self, loss):
        """Record the loss of an epoch, and return whether to stop."""
        if self.patience is None:
            return False
        if math.isinf(self.best) or loss < self.best - self.tol * abs(self.best):
            self.best, self.n_bad = loss, 0
        else:
            self.n_bad += 1
        return self.n_bad >= self.patience

    def state_dict(self):
        """Return the state, for a checkpoint."""
        return {"best": self.best, "n_bad": self.n_bad}

    def load_state_dict(self, state):
        """Restore a state."""
        self.best, self.n_bad = state["best"], state["n_bad"]
