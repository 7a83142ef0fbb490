# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""The training loop against a loop written out by hand."""

import time

import torch
from torch import nn

from skmanifold import _engine
from skmanifold.losses import squared_distances, t_kernel, two_way_divergence
from skmanifold.nn import MLP

from . import make_clusters


class _Pairs(nn.Module):
    """An objective of DLME's kind and size: two networks and a loss over pairs."""

    def __init__(self, rows):
        super().__init__()
        self.rows = rows
        self.structure = MLP(rows.shape[1], 64, layers=(256, 128))
        self.embedding = MLP(64, 2, layers=(128,))

    def forward(self, batch, progress):
        rows, draws = batch
        x = self.rows[rows]
        # The second view only has to cost what one costs.
        x = torch.cat([x, x + 0.01 * draws.unsqueeze(1)])
        y = self.structure(x)
        z_a, z_b = self.embedding(y).chunk(2)
        with torch.no_grad():
            y_a, y_b = y.chunk(2)
            p = t_kernel(squared_distances(y_a, y_b), 100.0)
        positive, negative = two_way_divergence(p, z_a, z_b, nu=0.01)
        return {"positive": positive, "negative": negative}


class StepOverhead:
    """Seconds of the engine over seconds of the same operations by hand.

    Both run the same steps on the same batches with the same optimiser; short runs of
    the two alternate, and the smallest time of each counts, so that what else the
    machine does falls out.
    """

    params = [100, 500]
    param_names = ("batch_size",)
    timeout = 300
    unit = "ratio"
    n_epochs = 5
    n_rounds = 7

    def setup(self, batch_size):
        X, _ = make_clusters(20 * batch_size, 50)
        self.rows = torch.from_numpy(X)

    def _parts(self, batch_size):
        torch.manual_seed(0)
        objective = _Pairs(self.rows)
        optimizers = _engine.make_optimizers(
            objective, optimizer="adamw", learning_rate=1e-3, weight_decay=1e-4
        )
        batches = _engine.RowBatches(len(self.rows), batch_size, torch.device("cpu"))
        return objective, optimizers, batches, _engine.local_generator(0)

    def engine(self, batch_size):
        """Train with the engine; return the seconds."""
        objective, optimizers, batches, generator = self._parts(batch_size)
        training = _engine.Training(
            n_epochs=self.n_epochs, optimizers=optimizers, generator=generator
        )
        start = time.perf_counter()
        _engine.train(objective, batches, training)
        return time.perf_counter() - start

    def by_hand(self, batch_size):
        """Train with the shortest loop that does the same; return the seconds."""
        objective, (optimizer,), batches, generator = self._parts(batch_size)
        start = time.perf_counter()
        objective.train()
        for _ in range(self.n_epochs):
            for batch in batches.epoch(generator):
                sum(objective(batch, 0.0).values()).backward()
                optimizer.step()
                optimizer.zero_grad(set_to_none=True)
        return time.perf_counter() - start

    def track_ratio(self, batch_size):
        times = [
            (self.engine(batch_size), self.by_hand(batch_size))
            for _ in range(self.n_rounds)
        ]
        engine, by_hand = map(min, zip(*times, strict=True))
        return engine / by_hand

    def time_train(self, batch_size):
        self.engine(batch_size)
