# SPDX-License-Identifier: BSD-3-Clause

"""
================================================
Monitoring a fit: progress, scores and snapshots
================================================

Progress bars and scores for each epoch are scikit-learn's callbacks. Here
:class:`~skmanifold.DLME` embeds handwritten digits with three of them: a progress bar,
a monitor of two scores, and a custom one.
"""

# %%
# Two callbacks of scikit-learn
# -----------------------------
# :class:`~sklearn.callback.ProgressBar` needs the package rich.
# :class:`~sklearn.callback.ScoringMonitor` takes any scorer; those of
# :mod:`skmanifold.metrics` measure embeddings. It scores the training data, and only
# if y is passed to ``fit``, even if the score does not use it. To save time,
# trustworthiness is estimated from 300 samples here.

from sklearn.callback import ProgressBar, ScoringMonitor

from skmanifold.metrics import get_scorer, make_embedding_scorer, neighborhood_hit

monitor = ScoringMonitor(
    scoring={
        "trustworthiness": get_scorer("trustworthiness", n_samples=300, random_state=0),
        "neighborhood_hit": make_embedding_scorer(neighborhood_hit, n_neighbors=10),
    }
)

# %%
# A callback of your own
# ----------------------
# A callback is an object with four methods. Those for tasks are called in each epoch
# and once for the whole fit, with the arguments in their signature.
# ``fitted_estimator`` is the estimator as if ``fit`` had ended there. Return True to
# stop training.


class Snapshots:
    """Keep the embedding after some of the epochs."""

    def __init__(self, epochs):
        self.epochs = epochs
        self.embeddings = {}

    def setup(self, estimator, context):
        self.embeddings.clear()

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        epoch = context.task_id + 1
        if context.task_name == "epoch" and epoch in self.epochs:
            self.embeddings[epoch] = fitted_estimator.embedding_

    def teardown(self, estimator, context):
        pass


# %%
# Fit
# ---
# Callbacks do not change the fit: the result is the same, bit for bit, without them.

from sklearn.datasets import load_digits

from skmanifold import DLME

X, y = load_digits(return_X_y=True)
snapshots = Snapshots(epochs=(1, 5, 20, 50))
dlme = DLME(random_state=0).set_callbacks(ProgressBar(), monitor, snapshots)
dlme.fit(X, y)

# %%
# The log of the monitor
# ----------------------
# The log is a list of records, or a data frame (``data_as_pandas``). The loss rises
# with the repulsion, over the first 70% of training, because the objective changes;
# the scores show that the embedding does not get worse.

import matplotlib.pyplot as plt
import numpy as np

from skmanifold.inspection import EmbeddingDisplay, TrainingCurveDisplay

rows = [row for row in monitor.get_logs().data if row["task_name"] == "epoch"]
epochs = np.arange(1, len(rows) + 1)

figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
TrainingCurveDisplay.from_estimator(dlme, ax=left)
left.set_title("Terms of the loss")
for name, color in [("trustworthiness", "#332288"), ("neighborhood_hit", "#CC6677")]:
    right.plot(epochs, [row[name] for row in rows], color=color, label=name)
right.set(xlabel="Epoch", ylabel="Score", title="Scores of the training data")
right.spines[["top", "right"]].set_visible(False)
right.legend(frameon=False, loc="lower right")
plt.show()

# %%
# The embedding, epoch by epoch
# -----------------------------
# Colors are the digits, which were not used in the fit.

shown = {**snapshots.embeddings, dlme.n_iter_: dlme.embedding_}
figure, axes = plt.subplots(1, len(shown), figsize=(12, 2.7), layout="constrained")
for axis, (epoch, Z) in zip(axes, shown.items(), strict=True):
    EmbeddingDisplay.from_embedding(Z, y, ax=axis, legend="names")
    axis.set_title(f"epoch {epoch}", loc="left")
plt.show()
