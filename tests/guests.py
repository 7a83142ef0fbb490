# SPDX-License-Identifier: BSD-3-Clause

"""A method and callbacks that tests of the template share."""

from torch import nn

from skmanifold.base import DecoderMixin, DeepManifold, KMeansMixin, Plan, SampleBatches


def linear_networks(sizes, n_components):
    n_inputs = sizes["n_inputs"]
    return {
        "encoder": nn.Linear(n_inputs, n_components),
        "decoder": nn.Linear(n_components, n_inputs),
    }


class LinearAutoencoder(nn.Module):
    """Mean squared error of a linear code: its minimum is that of PCA."""

    def __init__(self, inputs, networks):
        super().__init__()
        self.inputs = inputs
        self.encoder = networks["encoder"]
        self.decoder = networks["decoder"]

    def forward(self, batch, progress):
        x = self.inputs[batch[0]]
        error = x - self.decoder(self.encoder(x))
        return {"reconstruction": error.square().sum(1).mean()}


class NeuralPCA(KMeansMixin, DecoderMixin, DeepManifold):
    """One phase, four hooks."""

    def __init__(
        self,
        n_components=2,
        *,
        n_clusters=None,
        max_epochs=100,
        batch_size=10,
        learning_rate=0.03,
        device="auto",
        training=None,
        warm_start=False,
        verbose=False,
        random_state=None,
    ):
        self.n_components = n_components
        self.n_clusters = n_clusters
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.device = device
        self.training = training
        self.warm_start = warm_start
        self.verbose = verbose
        self.random_state = random_state

    def _plan(self, n_samples, n_features):
        return Plan(n_epochs=100, batch_size=10, learning_rate=0.03)

    def _make_batches(self, data, batch_size):
        return SampleBatches(data.n_samples, batch_size, data.device)

    def _make_networks(self, sizes):
        return linear_networks(sizes, self.n_components)

    def _make_objective(self, data, networks):
        data.learned["n_inputs_"] = data.n_inputs
        return LinearAutoencoder(data.inputs, networks)


class Callback:
    """A callback in scikit-learn's protocol that does nothing."""

    def setup(self, estimator, context):
        pass

    teardown = on_fit_task_begin = on_fit_task_end = setup


class Interrupt(Callback):
    """A callback that interrupts a fit at the end of an epoch."""

    def __init__(self, epoch):
        self.epoch = epoch

    def on_fit_task_end(self, estimator, context):
        if context.task_name == "epoch" and context.task_id == self.epoch:
            raise KeyboardInterrupt
