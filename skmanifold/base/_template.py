# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""The one template: fit, transform and the tags."""

import contextlib
import copy
import functools
import math
import tempfile
from numbers import Integral, Real

import joblib
import numpy as np
import torch
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)
from sklearn.callback import CallbackSupportMixin
from sklearn.cluster import KMeans
from sklearn.exceptions import NotFittedError
from sklearn.utils.metadata_routing import UNUSED
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import (
    check_is_fitted,
    validate_data,
)
from torch import nn

from skmanifold._engine import (
    Checkpoint,
    apply_in_blocks,
    count_batches,
    from_first,
    has_alike_rows,
    is_first,
    plain_modes,
    resolve_device,
    same_in_all,
)
from skmanifold.training import TrainingOptions
from skmanifold.utils._containers import plain
from skmanifold.utils._sklearn import Interval, StrOptions, fit_context
from skmanifold.utils._threads import one_thread
from skmanifold.utils._validation import check_seed
from skmanifold.utils._warnings import warn

from . import _onnx
from ._data import LARGEST_SEED, FitData
from ._explain import as_numbers, explained
from ._heads import Head, kmeans_head
from ._model_file import versions
from ._networks import frozen_networks, linear, make_networks
from ._novelty import DistanceToCenters, centers_of
from ._persistence import save
from ._run import Run
from ._scaler import InputScaler, columns_in_unrelated_units

# Clusters that fit_predict looks for when n_clusters is None: scikit-learn's default.
_DEFAULT_N_CLUSTERS = 8

# Rows that transform holds the outputs of before they go to the caller's array.
_ROWS_AT_ONCE = 2**14

# validate_data takes a good part of the time of one row; past so many numbers, none.
_FEW_NUMBERS = 2**14

# The scaled rows of a memory map lie on the disk too if they are more than this.
_LEAST_BYTES_ON_DISK = 2**28


def _can_cluster(estimator):
    # a method without this parameter clusters otherwise, or not at all
    return hasattr(estimator, "n_clusters")


def _has_n_clusters(estimator):
    if not _can_cluster(estimator):
        return False
    if estimator.n_clusters is None:
        raise AttributeError(
            f"{type(estimator).__name__}(n_clusters=None) has no predict: set "
            "n_clusters to an int, so that fit also clusters the embedding."
        )
    return True


def _learns_in_parts(estimator):
    """Whether an epoch on a part of the rows is one of the method's."""
    if type(estimator)._learn is not DeepManifold._learn:
        raise AttributeError(
            f"{type(estimator).__name__} has no partial_fit: it trains in phases, and "
            "those need all rows."
        )
    return True


@contextlib.contextmanager
def _previous_fit_kept(estimator):
    """A fit that fails, or is interrupted, leaves the estimator as it was before."""
    state = vars(estimator)
    before = dict(state)
    try:
        yield
    except BaseException:
        # what tells scikit-learn which callbacks to tear down
        running = {name: state[name] for name in _CALLBACK_STATE if name in state}
        state.clear()
        state.update(before, **running)
        raise


_CALLBACK_STATE = ("_callback_fit_ctx", "_skl_callbacks_to_teardown")

# Fitted attributes that are not public.
_PRIVATE_STATE = ("_scaler", "_seed", "_kmeans", "_sizes", "_centers")


def _forget_fit(estimator):
    """Delete fitted attributes, except those validation has just set."""
    state = vars(estimator)
    kept = estimator._set_by_validation
    for name in list(state):
        fitted = name.endswith("_") and not name.startswith("_")
        if (fitted and name not in kept) or name in _PRIVATE_STATE:
            del state[name]


class DeepManifold(
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    CallbackSupportMixin,
    BaseEstimator,
):
    """Base class of the estimators: turns an objective into a scikit-learn estimator.

    A method provides four hooks, and nothing else of it is about training:

    - ``_plan(n_samples, n_features)`` returns a :class:`Plan`;
    - ``_make_batches(data, batch_size)`` returns an object whose ``epoch(generator)``
      yields ``len(...)`` batches;
    - ``_make_networks(sizes)`` returns a dict of untrained torch modules: "encoder",
      from inputs to the embedding, and "decoder" if the method has one, for which
      :class:`DecoderMixin` adds ``inverse_transform``. They follow from the constructor
      parameters and from ``sizes``, a dict with ``"n_inputs"`` and ``"n_features"``
      (columns of the inputs and of X), so that a saved model needs only the weights;
    - ``_make_objective(data, networks)`` returns a torch module whose
      ``forward(batch, progress)`` is a dict of weighted scalar loss terms, and which
      holds those networks. If it has a method ``on_epoch_start(progress)``, each epoch
      begins with it.

    A method in phases overrides ``_learn(data, run)``, see :class:`Run`. Further hooks:
    ``_network_sizes(data)`` adds sizes that the networks depend on,
    ``_fitted_attributes(objective, outputs, data)`` adds fitted attributes,
    ``_present(outputs)`` turns the network's outputs into what ``transform`` returns,
    ``_heads()`` says what ``to_onnx`` writes besides,
    ``_validate_targets(y)`` is a supervised method's, and ``_count_batches(n_samples,
    batch_size, targets)`` that of a method whose epochs leave rows out.

    ``forward`` may draw from torch's global generator: it is seeded by
    ``random_state`` around training and is afterwards as it was, for which fits in
    threads wait for each other. A method that draws nothing there spares them that by
    ``_draws_globally()``, which returns False.

    It also has the constructor parameters that ``_parameter_constraints`` lists here.

    Examples
    --------
    A method of one's own, the linear autoencoder:

    >>> import torch
    >>> from skmanifold.base import DeepManifold, Plan, RowBatches
    >>> class Objective(torch.nn.Module):
    ...     def __init__(self, inputs, encoder, decoder):
    ...         super().__init__()
    ...         self.inputs = inputs
    ...         self.encoder = encoder
    ...         self.decoder = decoder
    ...     def forward(self, batch, progress):
    ...         x = self.inputs[batch[0]]
    ...         error = x - self.decoder(self.encoder(x))
    ...         return {"reconstruction": error.square().sum(1).mean()}
    >>> class LinearAutoencoder(DeepManifold):
    ...     def __init__(self, n_components=2, *, n_clusters=None, max_epochs=50,
    ...                  batch_size=50, learning_rate=0.01, device="auto",
    ...                  training=None, warm_start=False, verbose=False,
    ...                  random_state=None):
    ...         self.n_components = n_components
    ...         self.n_clusters = n_clusters
    ...         self.max_epochs = max_epochs
    ...         self.batch_size = batch_size
    ...         self.learning_rate = learning_rate
    ...         self.device = device
    ...         self.training = training
    ...         self.warm_start = warm_start
    ...         self.verbose = verbose
    ...         self.random_state = random_state
    ...     def _plan(self, n_samples, n_features):
    ...         return Plan(n_epochs=self.max_epochs, batch_size=self.batch_size,
    ...                     learning_rate=self.learning_rate, n_reduced=None)
    ...     def _make_batches(self, data, batch_size):
    ...         return RowBatches(data.n_samples, batch_size, data.device)
    ...     def _make_networks(self, sizes):
    ...         n_inputs = sizes["n_inputs"]
    ...         return {"encoder": torch.nn.Linear(n_inputs, self.n_components),
    ...                 "decoder": torch.nn.Linear(self.n_components, n_inputs)}
    ...     def _make_objective(self, data, networks):
    ...         return Objective(data.inputs, networks["encoder"], networks["decoder"])
    >>> from sklearn.datasets import load_iris
    >>> X, _ = load_iris(return_X_y=True)
    >>> LinearAutoencoder(random_state=0).fit_transform(X).shape
    (150, 2)
    """

    _parameter_constraints: dict = {
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "n_clusters": [Interval(Integral, 1, None, closed="left"), None],
        "max_epochs": [
            Interval(Integral, 1, None, closed="left"),
            StrOptions({"auto"}),
        ],
        "batch_size": [
            Interval(Integral, 2, None, closed="left"),
            StrOptions({"auto"}),
        ],
        "learning_rate": [
            Interval(Real, 0, None, closed="neither"),
            StrOptions({"auto"}),
        ],
        "device": [str, torch.device],
        "training": [TrainingOptions, None],
        "warm_start": ["boolean"],
        "verbose": ["verbose"],
        "random_state": ["random_state"],
    }

    _set_by_validation = ("n_features_in_", "feature_names_in_")

    # ``out`` says where, not what: no request of metadata
    __metadata_request__transform = {"out": UNUSED}

    def __getattr__(self, name):
        """Raise the error that says how to come by what is missing."""
        try:
            # asked again, for the error: it is only here that Python has dropped it
            return super().__getattribute__(name)
        except AttributeError as error:
            if name == "inverse_transform":
                raise AttributeError(
                    f"{type(self).__name__} has no inverse_transform: it learns no way "
                    "back to the data. IsometricAE, AtlasAE and DCRL do."
                ) from None
            if isinstance(error.__cause__, AttributeError):
                # scikit-learn's own only says that the method is missing
                raise error.__cause__ from None
            raise

    # -- what a user calls

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Learn the embedding.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training data in raw units, at least two rows.
        y : Ignored
            Passed on to callbacks; no label is ever used.

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
        with _previous_fit_kept(self), plain_modes():
            self._fit(X, y)
        return self

    @available_if(_learns_in_parts)
    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y=None):
        """Train for one epoch on these rows, from where training stands.

        For data that arrive in parts. The first part decides the scaling, and should
        be as varied as what follows; a column that is constant there counts as soon as
        it varies. Each part is an epoch of its own, with its own
        warm-up; neighbours are looked for within it. What later parts do not show is
        slowly forgotten, and the places of earlier rows drift: transform them again
        after the last part. Where all rows are at hand, ``fit`` is better.

        Not for methods that train in phases.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            A part of the training data in raw units, at least two rows; some thousands
            are better.
        y : Ignored
            Passed on to callbacks; no label is ever used.

        Returns
        -------
        self : object
            The estimator; ``embedding_``, ``labels_`` and ``history_`` are of this part
            alone.

        Raises
        ------
        ValueError
            If X or a parameter is invalid, or if training diverges. The estimator is
            then as it was before the call.
        """
        with _previous_fit_kept(self), plain_modes():
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
            Passed on to callbacks; no label is ever used.

        Returns
        -------
        ndarray of shape (n_samples, n_components)
            The embedding.
        """
        return self.fit(X, y).embedding_

    def transform(self, X, *, out=None):
        """Embed rows with the learnt network.

        Each row's result is the same bit for bit whatever rows are given with it.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Data in the units of the training data. A memory map is read in parts.

        out : ndarray of shape (n_samples, n_components), default=None
            Where the embedding goes, of type float32 or float64: a memory map, for
            instance, for more rows than fit into memory.

        Returns
        -------
        ndarray of shape (n_samples, n_components)
            The embedding; float32 for float32 and float16 input, float64 otherwise. Or
            ``out``.

        Raises
        ------
        NotFittedError
            If fit was not called.
        ValueError
            If X is not finite or has another number of features than in fit, or if the
            embedding does not fit into ``out``.
        """
        check_is_fitted(self)
        X = self._validate(X, reset=False)
        if out is None:
            embedding = self._present(self._outputs(self.network_, X))
            return embedding.astype(_output_dtype(X.dtype), copy=False)
        _check_out(out, (X.shape[0], self._n_features_out))
        network, device = self._placed(self.network_)
        unseen = set()
        for start in range(0, X.shape[0], _ROWS_AT_ONCE):
            part = slice(start, start + _ROWS_AT_ONCE)
            outputs = _apply_to_rows(network, self._scaler, X[part], device, unseen)
            out[part] = self._present(outputs)
        self._warn_of_unseen(unseen)
        return out

    @available_if(_has_n_clusters)
    def predict(self, X):
        """Cluster of each row: the nearest k-means centre in the embedding.

        Available if ``n_clusters`` is an int.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Data in the units of the training data.

        Returns
        -------
        ndarray of shape (n_samples,), int
            Cluster numbers, from 0.
        """
        check_is_fitted(self)
        if not hasattr(self, "_kmeans"):
            raise NotFittedError(
                f"This {type(self).__name__} was fitted with n_clusters=None and has "
                "no clusters. Call fit again, now that n_clusters is set."
            )
        embedding = self.transform(X)
        return self._kmeans.predict(np.asarray(embedding, dtype=np.float64))

    @available_if(_can_cluster)
    def fit_predict(self, X, y=None):
        """Learn the embedding and cluster it with k-means.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training data in raw units.
        y : Ignored
            Passed on to callbacks; no label is ever used.

        Returns
        -------
        ndarray of shape (n_samples,), int
            Cluster numbers, from 0: ``n_clusters`` of them, or 8 if that is None.
        """
        self.fit(X, y)
        if self.n_clusters is None:
            kmeans = _fit_kmeans(self.embedding_, _DEFAULT_N_CLUSTERS, self._seed)
            self.labels_ = kmeans.labels_
        return self.labels_

    def score_samples(self, X):
        """Compute how much samples are like the training data.

        Minus the distance to the nearest of a few hundred centers of the training data,
        in the scaled inputs of the network, relative to the distances of the training
        samples: -1 is typical, and -3 is three times as far. What PCA takes away from
        wide data counts. As in ``transform``, values far beyond the training data's
        are drawn in.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Data in the units of the training data.

        Returns
        -------
        ndarray of shape (n_samples,)
            Scores, at most 0; the higher, the more normal. The same bits whatever
            samples are passed together.

        Raises
        ------
        NotFittedError
            If fit was not called.
        ValueError
            If X is not finite or has another number of features than in fit.
        """
        check_is_fitted(self)
        network = DistanceToCenters(self.network_.project, self._scaler, self._centers)
        # 0, not -0
        return 0.0 - self._apply(network, X)[:, 0]

    def save(self, path):
        """Write the fitted estimator to a file that holds data alone.

        Parameters in JSON and arrays in the safetensors format, with a digest of the
        whole and the versions of the libraries; :func:`skmanifold.load` reads it.
        Unlike a pickle it runs no code when it is loaded, and holds none: parameters
        that are functions or networks of your own are given again at loading, and
        callbacks are left out. Of a pipeline, it is the last step alone that is
        written, see :ref:`persistence`. Needs the extra ``io``.

        Parameters
        ----------
        path : str or path-like
            The file. One that exists is replaced as a whole.

        Raises
        ------
        NotFittedError
            If fit was not called.
        TypeError
            If the estimator has an attribute that such a file cannot hold.
        ValueError
            If the folder does not exist or cannot be written to.
        OSError
            If the file cannot be written; one that was there before still is.
        """
        check_is_fitted(self)
        save(self, path)

    def to_onnx(self, path, *, method="transform", dtype="float32"):
        """Write a method as an ONNX graph, for runtimes without Python or torch.

        The graph takes rows in raw units, "X", and returns their "embedding", or what
        else the method returns: centring, scaling and the PCA of wide data are part of
        it. Its outputs are those of the method up to rounding; the file is tried out
        before it takes its name. Of a pipeline, it is the last step alone that is
        written, see :ref:`persistence`. Needs the extra ``onnx``.

        Parameters
        ----------
        path : str or path-like
            The file. One that exists is replaced.
        method : str, default="transform"
            What the graph computes. "transform"; "predict", which returns "label", of
            an estimator that has clusters, charts or classes; "predict_proba", which
            returns "probabilities", where there is this method; "charts", which returns
            "chart" and "coordinates", of one with charts. "inverse_transform" takes
            "embedding" and returns "X".
        dtype : {"float32", "float64"}, default="float32"
            Type of the graph's input and output; labels are int64. Inside, rows are
            centred in float64 and the network computes in float32, as in ``transform``.

        Raises
        ------
        NotFittedError
            If fit was not called.
        ValueError
            If a parameter is invalid, or the network cannot be written as a graph.
        """
        check_is_fitted(self)
        _onnx.to_onnx(self, path, method, dtype)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    @property
    def _n_features_out(self):
        return self.embedding_.shape[1]

    # -- fit, step by step

    def _fit(self, X, y, *, part=False):
        options = self.training if self.training is not None else TrainingOptions()
        options._validate_params()
        device = resolve_device(self.device)
        continued = (self.warm_start or part) and hasattr(self, "network_")
        rows = self._validate(X, reset=not continued)
        if rows.shape[0] < 2:
            raise ValueError(
                f"X has {rows.shape[0]} sample, but training takes at least 2. Join a "
                "last part that is too small to the one before it."
            )
        _check_length(y, rows.shape[0])
        targets = self._validate_targets(y)
        plan = self._plan(*rows.shape)
        if self.batch_size != "auto" and self.batch_size > rows.shape[0]:
            warn(
                f"batch_size={self.batch_size} is more than the {rows.shape[0]} "
                f"samples of X; using batch_size={rows.shape[0]}."
            )
        plan.batch_size = min(plan.batch_size, rows.shape[0])
        n_steps = max(plan.n_steps, options.min_steps)
        n_batches = self._count_batches(rows.shape[0], plan.batch_size, targets)
        plan.n_epochs = max(plan.n_epochs, math.ceil(n_steps / n_batches))
        if part:
            plan.n_epochs = 1
        checkpoint, seed = self._open_checkpoint(options, rows, targets, continued)
        previous = self._networks() if continued else {}
        scaler = copy.copy(self._scaler) if continued else None
        attributes = dict(vars(self)) if continued else None
        _forget_fit(self)

        callbacks = self._init_callback_context(
            max_subtasks=plan.n_pretraining_epochs + plan.n_epochs
        )
        callbacks.call_on_fit_task_begin(estimator=self, X=X, y=y)

        random_state = np.random.RandomState(seed)
        if scaler is not None:
            scaler.partial_fit(rows)
        else:
            scaler = InputScaler(
                n_reduced=plan.n_reduced,
                column_scaling=plan.column_scaling,
                random_state=random_state.randint(LARGEST_SEED),
            ).fit(rows)
            # pixels have one unit
            if not plan.column_scaling and getattr(self, "image_shape", None) is None:
                self._warn_of_units(rows, seed)
        self._warn_of_odd_samples(scaler, rows)
        if not scaler.factor_.any():
            warn(
                "No column of X varies, as far as float64 can tell: all rows get the "
                "same place. If they should differ, subtract an offset from X or "
                "multiply it."
            )
        same_in_all(
            [*rows.shape, scaler.center_.sum(), scaler.factor_.sum()],
            "X differs between the processes of this distributed fit. Pass the same "
            "rows in the same order to fit in all of them: each takes its share.",
        )
        project = linear(scaler.basis_)
        data = FitData(
            rows,
            torch.from_numpy(
                _apply_to_rows(project, scaler, rows, "cpu", make_room=_room_beside(X))
            ).to(device),
            random_state,
            y=targets,
            unit=scaler.unit,
            center=scaler.center_,
            fit_seed=seed,
            previous=attributes,
        )

        sizes = self._network_sizes(data)
        earlier = attributes["_centers"] if part and continued else None
        centers = centers_of(rows, data.inputs, scaler, seed, earlier)

        def fitted(objective):
            """The attributes of an estimator whose fit ended here."""
            modules = frozen_networks(run.networks, scaler)
            outputs = self._outputs(modules["network_"], rows, scaler)
            histories = {
                "history_" if phase == "training" else f"{phase}_history_": {
                    name: list(values) for name, values in history.items()
                }
                for phase, history in run.histories.items()
            }
            return {
                **modules,
                "embedding_": self._present(outputs).astype(
                    _output_dtype(rows.dtype), copy=False
                ),
                "history_": {},
                **histories,
                "n_iter_": len(run.histories.get("training", {}).get("loss", ())),
                "_scaler": scaler,
                "_seed": seed,
                "_sizes": sizes,
                "_centers": centers,
                **data.learnt,
                **self._fitted_attributes(objective, outputs, data),
            }

        def on_epoch(objective, phase, epoch, n_epochs, history):
            if self.verbose:
                self._report(phase, epoch, n_epochs, history)
            task = callbacks.subcontext(task_name="epoch")
            task.call_on_fit_task_begin(estimator=self, X=X, y=y)
            return task.call_on_fit_task_end(
                estimator=self,
                X=X,
                y=y,
                reconstruction_attributes=lambda: fitted(objective),
            )

        run = Run(
            data,
            plan,
            options=options,
            make_networks=functools.partial(make_networks, self, sizes),
            previous=previous,
            checkpoint=checkpoint,
            draws_globally=self._draws_globally(),
            on_epoch=on_epoch,
        )
        result = fitted(self._learn(data, run))
        self._warn_of_unlike_rows(result, scaler.transform(rows[:1])[0])
        vars(self).update(result)
        callbacks.call_on_fit_task_end(
            estimator=self, X=X, y=y, reconstruction_attributes=lambda: result
        )
        if checkpoint is not None and is_first():
            checkpoint.remove()

    def _learn(self, data, run):
        """Build the objective and minimise it. A method in phases overrides this."""
        batches = self._make_batches(data, run.plan.batch_size)
        networks = run.make_networks()
        objective = run.build(self._make_objective, data, networks)
        run.train(objective, batches)
        return objective

    def _network_sizes(self, data):
        """Sizes that the networks follow from, beside the parameters: int by name."""
        return {"n_inputs": data.n_inputs, "n_features": self.n_features_in_}

    def _fitted_attributes(self, objective, outputs, data):
        """Further attributes of a fit whose objective and network outputs are these."""
        if getattr(self, "n_clusters", None) is None:
            return {}
        kmeans = _fit_kmeans(self._present(outputs), self.n_clusters, data.fit_seed)
        return {"_kmeans": kmeans, "labels_": kmeans.labels_}

    def _present(self, outputs):
        """What transform returns for these outputs of the network."""
        return outputs

    def _presentation(self):
        """A torch module that computes what :meth:`_present` does."""
        return nn.Identity()

    def _heads(self):
        """What :meth:`to_onnx` writes beside the decoder: a :class:`Head` by method."""
        heads = {"transform": Head(self._presentation, ("embedding",))}
        if _can_cluster(self):
            heads["predict"] = kmeans_head(self)
        return heads

    def _networks(self):
        """The networks that a warm start goes on from, as in the objective."""
        networks = {"encoder": self.network_.encoder}
        if hasattr(self, "decoder_"):
            networks["decoder"] = self.decoder_.decoder
        return networks

    def _validate_targets(self, y):
        """The targets of a supervised method; others take none."""
        return None

    def _count_batches(self, n_samples, batch_size, targets):
        """Batches of an epoch: what ``len(self._make_batches(...))`` will be."""
        return count_batches(n_samples, batch_size)

    def _validate(self, X, *, reset):
        if not reset and _is_valid(self, X):
            return X
        try:
            rows = validate_data(
                self,
                plain(X),
                reset=reset,
                accept_sparse="csr",
                dtype="numeric",
                ensure_min_samples=2 if reset else 1,
            )
            return as_numbers(rows, input_name="X", estimator=self)
        except (ValueError, TypeError) as error:
            more = explained(error, self, X)
            if more is error:
                raise
            raise more from error

    def _append_columns(self, rows):
        """Return validated rows with the columns that a method adds to those of X."""
        return rows

    def _warn_of_units(self, rows, seed):
        """Distances in a table of unrelated units are those of its largest column."""
        # not those that a method has appended
        found = columns_in_unrelated_units(rows[:, : self.n_features_in_], seed)
        if found is None:
            return
        names = getattr(self, "feature_names_in_", range(rows.shape[1]))
        name = type(self).__name__
        warn(
            f"X seems to hold columns in unrelated units: column {names[found[0]]!r} "
            f"varies more than a thousand times as much as column {names[found[1]]!r}, "
            f"and {name} keeps their proportions, so that small columns count for "
            f"nothing. Put StandardScaler before {name} in a pipeline, or give all "
            "columns in one unit."
        )

    def _warn_of_odd_samples(self, scaler, rows):
        """Name the samples that the scaler has left out."""
        odd = scaler.odd_
        if not len(odd):
            return
        shown = ", ".join(map(str, odd[:5, 0])) + (", ..." if len(odd) > 5 else "")
        one = len(odd) == 1
        row, column = odd[0]
        where = "as a whole"
        if column >= self.n_features_in_:  # of a method's own
            where = "in what the representation makes of it"
        elif column >= 0:
            name = getattr(self, "feature_names_in_", range(rows.shape[1]))[column]
            where = f"in column {name!r} with {float(rows[row, column]):g}"
        warn(
            f"{len(odd)} of the {rows.shape[0]} samples of X "
            f"{'lies' if one else 'lie'} far away from all others: "
            f"{'sample' if one else 'samples'} {shown} "
            f"({'it lies so' if one else 'the first of them'} {where}). The scaling "
            "is learned without them, and they are drawn in towards the others. "
            "Correct them or leave them out if they are errors, such as another unit "
            "or a code for a missing value."
        )

    def _warn_of_unseen(self, columns):
        """Name columns that tell new samples apart, but not those of fit."""
        if not columns:
            return
        names = getattr(self, "feature_names_in_", np.arange(len(self._scaler.center_)))
        shown = [
            names[column].item() if hasattr(names[column], "item") else names[column]
            for column in sorted(columns)[:5]
        ]
        warn(
            f"X varies in {len(columns)} "
            f"{'column that was' if len(columns) == 1 else 'columns that were'} "
            f"constant in the training data: {', '.join(map(repr, shown))}"
            f"{', ...' if len(columns) > 5 else ''}. The embedding takes no account of "
            "it. Fit on data in which they vary."
        )

    def _warn_of_unlike_rows(self, fitted, row):
        """Warn where a sample's outputs depend on its place among the others."""
        networks = {"transform": fitted["network_"]}
        if "decoder_" in fitted:
            networks["inverse_transform"] = nn.Sequential(
                fitted["network_"], fitted["decoder_"]
            )
        for method, network in networks.items():
            network, device = self._placed(network)
            if not has_alike_rows(network, row, device=device):
                warn(
                    f"The last bits of {type(self).__name__}.{method} depend on which "
                    "samples are passed together: on this machine, equal samples of a "
                    f"batch leave the network with other bits (device={device.type!r})."
                    " Linear, convolutional and normalization layers of torch are exact"
                    " on the CPU; replace others if you need equal bits."
                )
                return

    def _open_checkpoint(self, options, rows, targets, continued):
        """The checkpoint, if one is wanted, and the seed of this fit."""
        rng = check_seed(self.random_state)
        # processes that fit together draw the same, with random_state=None too
        seed = int(from_first([rng.randint(LARGEST_SEED)])[0])
        if options.checkpoint is None:
            return None, seed
        checkpoint = Checkpoint(
            options.checkpoint,
            every=options.checkpoint_every,
            fingerprint=self._fingerprint(rows, targets, continued),
            seed=seed,
        )
        # with random_state=None, going on from a file means going on with its seed
        return checkpoint, checkpoint.seed

    def _fingerprint(self, rows, targets, continued):
        """All that the result depends on, by a name for it."""
        parameters = self.get_params(deep=False)
        options = parameters.pop("training") or TrainingOptions()
        for name in ("device", "verbose", "n_jobs"):
            parameters.pop(name, None)
        parameters.update(options.get_params())
        for name in ("checkpoint", "checkpoint_every"):
            parameters.pop(name)
        if isinstance(self.random_state, np.random.RandomState):
            # it has moved on since; the seed that it gave is in the file
            parameters.pop("random_state")
        described = {name: _describe(name, v) for name, v in parameters.items()}
        start = None
        if continued:
            start = [
                *(_describe(*network) for network in self._networks().items()),
                vars(self._scaler),
            ]
        if isinstance(rows, np.ndarray):
            rows = np.ascontiguousarray(rows)  # equal data, equal digest
        installed = versions()
        return {
            "parameters": joblib.hash([type(self).__name__, described]),
            "networks to go on from": joblib.hash(start),
            "data": joblib.hash(rows if targets is None else [rows, targets]),
            "versions": f"skmanifold {installed['skmanifold']}, "
            f"torch {installed['torch']}",
        }

    def _report(self, phase, epoch, n_epochs, history):
        """Ten lines a fit, or one an epoch with verbose > 1."""
        every = 1 if self.verbose > 1 else max(1, n_epochs // 10)
        if is_first() and ((epoch + 1) % every == 0 or epoch + 1 == n_epochs):
            name = "" if phase == "training" else f"{phase} "
            print(
                f"[{type(self).__name__}] {name}epoch {epoch + 1}/{n_epochs}, "
                f"loss {history['loss'][-1]:.4f}"
            )

    def _draws_globally(self):
        """Whether a step of training may draw from torch's global generator.

        It is then seeded by the fit around training, and left as it was; one fit of
        a process does so at a time. False is for a method that draws from the
        generator of its batches alone.
        """
        return True

    # -- from rows to outputs

    def _apply(self, network, X):
        """Outputs of a network for new rows, in the precision of the input."""
        X = self._validate(X, reset=False)
        return self._outputs(network, X).astype(_output_dtype(X.dtype), copy=False)

    def _outputs(self, network, rows, scaler=None):
        """Outputs of a network for validated rows, float32."""
        network, device = self._placed(network)
        if scaler is not None:
            return _apply_to_rows(network, scaler, rows, device)
        unseen = set()
        outputs = _apply_to_rows(network, self._scaler, rows, device, unseen)
        self._warn_of_unseen(unseen)
        return outputs

    def _outputs_of_codes(self, network, codes):
        """Outputs of a network whose inputs are float32 points of the embedding."""
        network, device = self._placed(network)
        return apply_in_blocks(
            network, lambda start, stop: codes[start:stop], len(codes), device=device
        )

    def _placed(self, network):
        try:
            device = resolve_device(self.device)
        except ValueError:
            # fitted where there was such a device, loaded where there is none
            device = torch.device("cpu")
        if device.type != "cpu":
            network = copy.deepcopy(network).to(device)
        return network, device


def _check_length(y, n_samples):
    """Even a y that is not used must belong to this X."""
    if y is None or not hasattr(y, "__len__") or len(y) == n_samples:
        return
    raise ValueError(
        f"y has {len(y)} entries, but X has {n_samples} rows. Pass the y that belongs "
        "to this X, or none."
    )


def _is_valid(estimator, X):
    """Whether X is an array of few numbers that validate_data would return as it is."""
    return (
        type(X) is np.ndarray
        and X.dtype in (np.float32, np.float64)
        and 0 < X.size <= _FEW_NUMBERS
        and X.shape[1:] == (estimator.n_features_in_,)
        and not hasattr(estimator, "feature_names_in_")
        and bool(np.isfinite(X).all())
    )


def _output_dtype(dtype):
    return np.float32 if dtype in (np.float32, np.float16) else np.float64


def _apply_to_rows(network, scaler, rows, device, unseen=None, **options):
    """Outputs for rows; columns that were constant in fit are added to ``unseen``."""

    def load(start, stop):
        part = rows[start:stop]
        if unseen is not None:
            unseen.update(scaler.unseen(part).tolist())
        return scaler.transform(part)

    return apply_in_blocks(
        network,
        load,
        rows.shape[0],
        device=device,
        **options,
    )


def _room_beside(X):
    """What makes the array that the inputs lie in: on the disk if X does."""
    on_disk = False
    while X is not None:
        on_disk = on_disk or isinstance(X, np.memmap)
        X = getattr(X, "base", None)

    def make_room(shape, dtype):
        n_bytes = math.prod(shape) * np.dtype(dtype).itemsize
        if not on_disk or n_bytes < _LEAST_BYTES_ON_DISK:
            return np.empty(shape, dtype)
        # without a name: the file goes when the array does
        with tempfile.TemporaryFile() as file:
            return np.memmap(file, dtype, mode="w+", shape=shape)

    return make_room


def _check_out(out, shape):
    if not isinstance(out, np.ndarray):
        came = f"an object of type {type(out).__name__}"
    elif out.shape != shape or out.dtype not in (np.float32, np.float64):
        came = f"an array of shape {out.shape} and type {out.dtype}"
    elif not out.flags.writeable:
        came = "an array that is read-only"
    else:
        return
    raise ValueError(
        f"out is {came}; it must be a writeable array of shape {shape}, of type "
        "float32 or float64."
    )


def _fit_kmeans(embedding, n_clusters, seed):
    if n_clusters > len(embedding):
        warn(
            f"n_clusters={n_clusters} is more than the {len(embedding)} samples; using "
            f"n_clusters={len(embedding)}."
        )
        n_clusters = len(embedding)
    n_places = len(np.unique(embedding, axis=0))
    if n_clusters > n_places:
        warn(
            f"n_clusters={n_clusters} is more than the {n_places} different places of "
            f"the {len(embedding)} samples; using n_clusters={n_places}."
        )
        n_clusters = n_places
    kmeans = KMeans(n_clusters, n_init=10, random_state=seed)
    # threads add up the centres in the order in which they finish
    with one_thread():
        return kmeans.fit(np.asarray(embedding, dtype=np.float64))


def _describe(name, value):
    """A parameter as something whose hash is the same in another process."""
    if isinstance(value, nn.Module):
        state = {key: t.cpu().numpy() for key, t in value.state_dict().items()}
        return [repr(value), state]
    if not callable(value):
        return tuple(value) if isinstance(value, list) else value
    qualified = getattr(value, "__qualname__", "<")
    if "<" not in qualified:
        return f"{value.__module__}.{qualified}"
    try:
        return joblib.hash(value)
    except Exception as error:
        raise ValueError(
            f"With a checkpoint, {name}={value!r} must be recognisable when training "
            "goes on: give a function or class from the top level of a module, not a "
            "lambda or a function inside another."
        ) from error
