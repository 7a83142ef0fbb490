# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""Progress reports of a fit."""


class Progress:
    """Printed lines and scikit-learn's callbacks of a fit of ``n_epochs`` in all."""

    def __init__(self, estimator, X, y, *, n_epochs):
        self.estimator = estimator
        self.given = {"estimator": estimator, "X": X, "y": y}
        self.callbacks = estimator._init_callback_context(max_subtasks=n_epochs)
        self.callbacks.call_on_fit_task_begin(**self.given)

    def epoch_ended(self, phase, epoch, n_epochs, history, attributes):
        """Report an epoch, and return whether a callback ends the phase.

        ``attributes()`` returns the fitted attributes if the fit ended now.
        """
        if self.estimator.verbose:
            self.estimator._report(phase, epoch, n_epochs, history)
        task = self.callbacks.subcontext(task_name="epoch")
        task.call_on_fit_task_begin(**self.given)
        return task.call_on_fit_task_end(
            **self.given, reconstruction_attributes=attributes
        )

    def fit_ended(self, attributes):
        """Report the end of the fit."""
        self.callbacks.call_on_fit_task_end(
            **self.given, reconstruction_attributes=lambda: attributes
        )
