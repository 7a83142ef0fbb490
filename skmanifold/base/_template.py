# SPDX-License-Identifier: BSD-3-Clause

"""The template of all estimators: fit, transform and tags."""

import math
from numbers import Real

import numpy as np
import torch
from scipy import sparse
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)
from sklearn.callback import CallbackSupportMixin
from sklearn.utils.metadata_routing import UNUSED
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import nn

from skmanifold._engine import count_batches, is_main_process, plain_modes
from skmanifold.training import TrainingOptions
from skmanifold.utils._containers import as_numbers, plain
from skmanifold.utils._sklearn import StrOptions, fit_context
from skmanifold.utils._validation import Count, Number

from . import _onnx
from ._data import LAST_PHASE
from ._fit import prepare, previous_fit_kept, publish, scale, validate
from ._heads import Head
from ._inference import apply_to_samples, check_out, on_device, output_dtype
from ._input_errors import with_hint
from ._messages import warn_of_deviations, warn_of_empty
from ._novelty import DistanceToCenters
from ._precomputed import distances_kept, features_of_distances, is_precomputed
from ._save import save
from ._scaler import Deviations

# Samples per chunk when transform writes to `out`.
_ROWS_AT_ONCE = 2**14


def _learns_in_parts(estimator):
    """Return whether a method can train on a part of the samples."""
    if type(estimator)._learn is not DeepManifold._learn:
        raise AttributeError(
            f"{type(estimator).__name__} has no partial_fit: it trains in phases that "
            "need all samples. Use fit."
        )
    return True


class DeepManifold(
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    CallbackSupportMixin,
    BaseEstimator,
):
    """Base class of the estimators: turns an objective into a scikit-learn estimator.

    A method provides four hooks:

    - ``_plan(n_samples, n_features)`` returns a :class:`Plan`;
    - ``_make_batches(data, batch_size)`` returns an object whose ``epoch(generator)``
      yields ``len(...)`` batches;
    - ``_make_networks(sizes)`` returns a dict of untrained torch modules: "encoder",
      from inputs to the embedding, and optionally "decoder", for which
      :class:`DecoderMixin` adds ``inverse_transform``. They must depend only on the
      constructor parameters and on ``sizes``, a dict with ``"n_inputs"`` and
      ``"n_features"`` (columns of the inputs and of X);
    - ``_make_objective(data, networks)`` returns a torch module that holds those
      networks. Its ``forward(batch, progress)`` returns a dict of weighted scalar loss
      terms; ``on_epoch_start(progress)``, if it exists, is called before each epoch.

    A method in phases overrides ``_learn(data, run)``, see :class:`Run`. The
    :ref:`User Guide <own_method>` describes the further hooks, with examples.

    ``forward`` may draw from torch's global generator: the fit seeds it and restores it
    afterwards, so concurrent fits in one process run one at a time. Override
    ``_uses_global_generator`` to return False if your method does not use it.

    The constructor parameters in ``_parameter_constraints`` are required. If a method
    has the parameter ``metric`` and it is "precomputed", X has distances: they are
    checked, and the network reads them in place of features.

    Examples
    --------
    >>> from skmanifold import TLDR
    >>> from skmanifold.base import DeepManifold
    >>> issubclass(TLDR, DeepManifold)
    True
    """

    _parameter_constraints: dict = {
        "n_components": [Count(1)],
        "max_epochs": [Count(1), StrOptions({"auto"})],
        "batch_size": [Count(2), StrOptions({"auto"})],
        "learning_rate": [
            Number(Real, 0, None, closed="neither"),
            StrOptions({"auto"}),
        ],
        "device": [str, torch.device],
        "training": [TrainingOptions, None],
        "warm_start": ["boolean"],
        "verbose": ["verbose"],
        "random_state": ["random_state"],
    }

    _set_by_validation = ("n_features_in_", "feature_names_in_")

    # Whether transform applies scaler and linear network as one product. It is faster,
    # but rounds differently than Run.outputs, and than the product for a sparse X.
    _folds = False

    # Parameter with the transformer that _inputs uses, for errors.
    _appended = None

    # Parameter with the shape of images, of a method for images.
    _image_parameter = None

    # Methods with a decoder, for the error about inverse_transform.
    _methods_with_decoder = None

    # ``out`` is not metadata
    __metadata_request__transform = {"out": UNUSED}

    def __getattr__(self, name):
        """Raise an error with the reason why an attribute is missing."""
        try:
            # look it up again to restore the error that Python has discarded
            return super().__getattribute__(name)
        except AttributeError as error:
            if isinstance(error.__cause__, AttributeError):
                # the error of available_if is more precise than scikit-learn's
                raise error.__cause__ from None
            if name == "inverse_transform":
                others = self._methods_with_decoder
                raise AttributeError(
                    f"{type(self).__name__} has no inverse_transform: it learns no "
                    f"decoder.{f' {others} do.' if others else ''}"
                ) from None
            raise

    # -- public methods

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Learn the embedding.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training data in raw units, at least two samples.
        y : Ignored
            Passed on to callbacks; only supervised methods use labels.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If X or a parameter is invalid, or if training diverges. The estimator is
            then as it was before the call.
        """
        with previous_fit_kept(self), plain_modes():
            self._fit(X, y)
        return self

    @available_if(_learns_in_parts)
    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y=None):
        """Train for one more epoch, on these samples.

        Use it for data that arrive in parts; with all samples, ``fit`` is better.
        The first part determines the scaling and should be representative; columns that
        are constant in it are used as soon as they vary. Neighbors are searched within
        a part. Structure that later parts lack is slowly forgotten, and embeddings
        drift: transform earlier samples again after the last part. Not available for
        methods that train in phases.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            A part of the training data in raw units, preferably thousands of samples.
        y : Ignored
            Passed on to callbacks; only supervised methods use labels.

        Returns
        -------
        self : object
            The estimator, with the ``embedding_``, ``labels_`` and ``history_`` of this
            part.

        Raises
        ------
        ValueError
            If X or a parameter is invalid, or if training diverges. The estimator is
            then as it was before the call.
        """
        with previous_fit_kept(self), plain_modes():
            self._fit(X, y, part=True)
        return self

    def fit_transform(self, X, y=None):
        """Learn the embedding and return that of the training data.

        The same bits as ``fit(X).transform(X)``.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training data in raw units.
        y : Ignored
            Passed on to callbacks; only supervised methods use labels.

        Returns
        -------
        ndarray of shape (n_samples, n_components)
            The embedding.
        """
        return self.fit(X, y).embedding_

    def transform(self, X, *, out=None):
        """Embed samples with the learned network.

        The result for a sample is bit for bit independent of the other samples. A
        warning names samples many times farther out than the training data.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Data in the units of the training data. A memory map is read in parts.
        out : ndarray of shape (n_samples, n_components), default=None
            Array for the embedding, of type float32 or float64. Pass a memory map if
            the embedding does not fit into memory.

        Returns
        -------
        ndarray of shape (n_samples, n_components)
            The embedding; float32 for float32 and float16 input, float64 otherwise. Or
            ``out``.

        Raises
        ------
        ValueError
            If X is not finite or has another number of features than in fit, or if the
            embedding does not fit into ``out``.
        """
        check_is_fitted(self)
        X = self._validate(X, reset=False)
        if out is None:
            embedding = self._present(self._outputs(self.network_, X))
            return embedding.astype(output_dtype(X.dtype), copy=False)
        check_out(out, (X.shape[0], self._n_features_out))
        network, device = on_device(self, self.network_)
        deviations = Deviations()
        for start in range(0, X.shape[0], _ROWS_AT_ONCE):
            part = slice(start, start + _ROWS_AT_ONCE)
            outputs = apply_to_samples(
                network,
                self._scaler,
                self._inputs(X[part]),
                device=device,
                deviations=deviations,
                first=start,
                fold=self._folds,
            )
            out[part] = self._present(outputs)
        warn_of_deviations(self, deviations, X)
        warn_of_empty(self, X)
        return out

    def score_samples(self, X):
        """Compute how similar samples are to the training data.

        The score is minus the distance to the nearest of at most 256 centers of the
        training data, relative to the distances of the training samples: -1 is
        typical, and -3 is three times as far. Distances are those of the scaled
        inputs, before the PCA of wide data. As in ``transform``, values
        far beyond the training range are compressed.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Data in the units of the training data.

        Returns
        -------
        ndarray of shape (n_samples,)
            Scores, at most 0; the lower, the more novel. The score of a sample is bit
            for bit independent of the other samples.

        Raises
        ------
        ValueError
            If X is not finite or has another number of features than in fit.
        """
        check_is_fitted(self)
        network = DistanceToCenters(self.network_.project, self._scaler, self._centers)
        # 0, not -0
        return 0.0 - self._apply(network, X)[:, 0]

    def save(self, path):
        """Save the fitted estimator to a file without code.

        :func:`skmanifold.load` reads it: a safetensors file with the parameters as
        JSON, a digest and versions. Unlike a pickle it contains no code, so pass your
        own functions and networks again when loading. Callbacks and other steps of a
        pipeline are not saved, see :ref:`persistence`. Needs the extra ``io``.

        Parameters
        ----------
        path : str or path-like
            Path of the file. An existing file is replaced.

        Raises
        ------
        TypeError
            If the estimator has an attribute that the file cannot store.
        ValueError
            If the folder does not exist or cannot be written to.
        OSError
            If the file cannot be written. An existing file is then unchanged.
        """
        check_is_fitted(self)
        save(self, path)

    def to_onnx(self, path, *, method="transform", dtype="float32"):
        """Export a method as an ONNX graph, for runtimes without Python or torch.

        The graph maps samples in raw units, "X", to the result of the method, such as
        "embedding", including the scaling. Its outputs are verified to equal those of
        the method up to rounding. Other steps of a pipeline are not exported, see
        :ref:`persistence`. Needs the extra ``onnx``.

        Parameters
        ----------
        path : str or path-like
            Path of the file. An existing file is replaced.
        method : str, default="transform"
            Method of the estimator to export: "transform";
            "predict", which returns "label"; "predict_proba", which returns
            "probabilities"; "charts", which returns "chart" and "coordinates"; or
            "inverse_transform", which takes "embedding" and returns "X".
        dtype : {"float32", "float64"}, default="float32"
            Type of the graph's input and output; labels are int64.

        Raises
        ------
        ValueError
            If a parameter is invalid, or the network cannot be exported.
        """
        check_is_fitted(self)
        if is_precomputed(self):
            raise ValueError(
                f"{type(self).__name__}(metric='precomputed') has no ONNX graph: it "
                "reads distances to the training samples."
            )
        _onnx.to_onnx(self, path, method, dtype)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.pairwise = is_precomputed(self)
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    @property
    def _n_features_out(self):
        return self.embedding_.shape[1]

    # -- fit, step by step

    def _fit(self, X, y, *, part=False):
        with distances_kept(self, part=part):
            job = validate(self, X, y, part=part)
            scaler = scale(job)
            run = prepare(job, scaler)
            objective = self._learn(run.data, run)
            self._learn_after(run.data, run)
            publish(job, scaler, run, objective)

    def _learn(self, data, run):
        """Build the objective and minimize it. A method in phases overrides this."""
        batches = self._make_batches(data, run.batch_size)
        networks = run.make_networks()
        objective = run.build(self._make_objective, data, networks)
        run.train(objective, batches)
        return objective

    def _learn_after(self, data, run):
        """Train networks on the finished embedding, such as a decoder.

        Unlike phases in :meth:`_learn`, this also runs in :meth:`partial_fit`.
        """

    def _network_sizes(self, data):
        """Return the sizes that the networks depend on, a dict of str to int."""
        return {"n_inputs": data.n_inputs, "n_features": self.n_features_in_}

    def _fitted_attributes(self, objective, outputs, data):
        """Return further fitted attributes, a dict by name."""
        return {}

    def _present(self, outputs):
        """Map outputs of the network to the result of ``transform``."""
        return outputs

    def _presentation(self):
        """Return :meth:`_present` as a torch module."""
        return nn.Identity()

    def _heads(self):
        """Return a :class:`Head` for each method that :meth:`to_onnx` can write."""
        return {"transform": Head(self._presentation, ("embedding",))}

    def _networks(self):
        """Return the networks that a warm start continues from, by name."""
        networks = {"encoder": self.network_.encoder}
        if hasattr(self, "decoder_"):
            networks["decoder"] = self.decoder_.decoder
        return networks

    def _validate_targets(self, y):
        """Return the targets of a supervised method; None for others."""
        return None

    def _count_batches(self, n_samples, batch_size, targets):
        """Return ``len(self._make_batches(...))``, before the batches are made."""
        return count_batches(n_samples, batch_size)

    def _report(self, phase, epoch, n_epochs, history):
        """Print ten lines per fit, or one per epoch with verbose > 1."""
        every = 1 if self.verbose > 1 else max(1, n_epochs // 10)
        if is_main_process() and ((epoch + 1) % every == 0 or epoch + 1 == n_epochs):
            name = "" if phase == LAST_PHASE else f"{phase} "
            print(
                f"[{type(self).__name__}] {name}epoch {epoch + 1}/{n_epochs}, "
                f"loss {history['loss'][-1]:.4f}"
            )

    def _uses_global_generator(self):
        """Return whether training may draw from torch's global generator.

        Return False if it only uses the generator of the batches.
        """
        return True

    # -- from samples to outputs

    def _validate(self, X, *, reset):
        if is_precomputed(self):
            return features_of_distances(self, X, self._validate_table, reset=reset)
        return self._validate_table(X, reset=reset)

    def _validate_table(self, X, *, reset):
        if not reset and _is_valid(self, X):
            return X
        try:
            samples = validate_data(
                self,
                plain(X),
                reset=reset,
                accept_sparse="csr",
                dtype="numeric",
                ensure_min_samples=2 if reset else 1,
            )
            return as_numbers(samples, input_name="X", estimator=self)
        except (ValueError, TypeError) as error:
            better = with_hint(error, self, X)
            if better is error:
                raise
            raise better from error

    def _inputs(self, samples):
        """Return what the scaler reads: the samples, or also other columns of them."""
        return samples

    def _apply(self, network, X):
        """Return the outputs of a network for X, in the precision of X."""
        X = self._validate(X, reset=False)
        return self._outputs(network, X).astype(output_dtype(X.dtype), copy=False)

    def _outputs(self, network, samples):
        """Return the outputs of a network for validated samples, float32."""
        fold = self._folds and network is self.network_
        network, device = on_device(self, network)
        deviations = Deviations()
        outputs = apply_to_samples(
            network,
            self._scaler,
            self._inputs(samples),
            device=device,
            deviations=deviations,
            fold=fold,
        )
        warn_of_deviations(self, deviations, samples)
        warn_of_empty(self, samples)
        return outputs


def _is_valid(estimator, X):
    """Return, quickly, whether validate_data would return X unchanged.

    Also False if squares overflow.
    """
    if type(X) is np.ndarray:
        numbers = X.ravel(order="K")
    elif type(X) in (sparse.csr_array, sparse.csr_matrix):
        numbers = X.data
    else:
        return False
    if (
        X.dtype not in (np.float32, np.float64)
        or X.shape[1:] != (estimator.n_features_in_,)
        or not X.shape[0]
        or "feature_names_in_" in vars(estimator)
    ):
        return False
    with np.errstate(over="ignore", invalid="ignore"):
        return math.isfinite(numbers @ numbers)
