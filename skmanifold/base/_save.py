# SPDX-License-Identifier: BSD-3-Clause

"""Saved models: parameters, sizes, a scaler and the weights of networks."""

import copy
import warnings

import numpy as np
import torch

from skmanifold._engine import (
    apply_in_blocks,
    checked_path,
    global_rng_seeded,
    plain_modes,
)

from ._model_file import PACKAGE, write_model
from ._networks import frozen_networks, make_networks, other_weights
from ._novelty import DistanceToCenters
from ._precomputed import is_precomputed
from ._scaler import Deviations
from ._values import NotStorable, describe, dict_to_json, to_json

# The networks, and the fitted attributes that hold them.
NETWORKS = {"encoder": "network_", "decoder": "decoder_"}

# Attributes stored in another form, or not part of the model.
_NOT_STATE = (
    *NETWORKS.values(),
    "_scaler",
    "_sizes",
    "_skl_callbacks",
    "_callback_fit_ctx",
    "_skl_callbacks_to_teardown",
)


class OtherWeights(ValueError):
    """Weights that do not fit a network."""


def save(estimator, path):
    """Write a fitted estimator; see :meth:`DeepManifold.save`."""
    path = checked_path(path, "path")
    arrays, parameters, given = {}, {}, {}
    for name, value in estimator.get_params(deep=False).items():
        try:
            parameters[name] = to_json(value, name, arrays)
        except NotStorable:
            given[name] = describe(value)
    # the fitted version of such a parameter is not storable either
    fitted = [name for name in given if hasattr(estimator, f"{name}_")]
    for name in fitted:
        given[name] += f", fitted: {name}_"
    left_out = (*parameters, *given, *(f"{name}_" for name in fitted), *_NOT_STATE)
    state = {
        name: value for name, value in vars(estimator).items() if name not in left_out
    }
    state = dict_to_json(state, arrays)
    weights = {
        name: getattr(getattr(estimator, attribute), name).state_dict()
        for name, attribute in NETWORKS.items()
        if hasattr(estimator, attribute)
    }
    for name, tensors in weights.items():
        for key, tensor in tensors.items():
            arrays[f"{NETWORKS[name]}.{key}"] = tensor.numpy(force=True).copy("C")
    with plain_modes():
        outputs = probe(estimator)
        _check_networks_are_made_again(estimator, weights, outputs)
    model = {
        "class": class_name(type(estimator)),
        "parameters": parameters,
        "given": given,
        "fitted": fitted,
        "sizes": estimator._sizes,
        "scaler": dict_to_json(vars(estimator._scaler), arrays, "scaler."),
        "state": state,
        "probe": dict_to_json(outputs, arrays, "probe."),
    }
    write_model(path, model, arrays)


def class_name(cls):
    if cls.__module__.partition(".")[0] == PACKAGE:
        return f"{PACKAGE}.{cls.__name__}"  # the public path
    return f"{cls.__module__}.{cls.__qualname__}"


def probe(estimator):
    """Return outputs for fixed samples within the range of the training data.

    Raises ValueError if fitted attributes do not fit each other.
    """
    scaler = estimator._scaler
    n_features = len(scaler.center_)
    # a transformer of the user may be undefined beyond this range
    shares = (np.arange(2 * n_features, dtype=np.float32) % 7 + 1) / 8
    inputs = scaler.low_ + shares.reshape(2, n_features) * (scaler.high_ - scaler.low_)
    raw = scaler.inverse_transform(inputs)
    scaled = scaler.transform(raw, deviations=Deviations())
    samples = raw[:, : estimator.n_features_in_]
    outputs = {"X": np.asarray(estimator._inputs(samples)), "scaled": scaled}
    novelty = DistanceToCenters(estimator.network_.project, scaler, estimator._centers)
    outputs["novelty"] = _outputs(novelty, scaled)
    for attribute in NETWORKS.values():
        if hasattr(estimator, attribute):
            inputs = _outputs(getattr(estimator, attribute), inputs)
            outputs[attribute] = inputs
    embedding = outputs["embedding"] = estimator._present(outputs["network_"])
    fit = embedding.shape[1:] == estimator.embedding_.shape[1:]
    if not is_precomputed(estimator):  # of distances, the scaler reads fewer columns
        fit = fit and samples.shape[1] == estimator.n_features_in_
    for name in ("embedding_", "cluster_centers_", "_cluster_centers"):
        points = getattr(estimator, name, None)
        if points is not None and not (len(points) and np.isfinite(points).all()):
            raise ValueError(f"{name} is empty or not finite")
    if not fit:
        raise ValueError("n_features_in_ or embedding_ does not fit the networks")
    return outputs


def _outputs(network, inputs):
    return apply_in_blocks(network, lambda start, stop: inputs[start:stop], 2)


def networks_with(estimator, weights):
    """Return the fitted networks, made from the sizes, with the given weights."""
    with global_rng_seeded(0), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # given by fit already
        try:
            with torch.device("meta"):  # allocates no memory for wrong sizes
                networks = make_networks(estimator, estimator._sizes)
        except Exception:  # not every method supports "meta"
            pass
        else:
            _check_weights(networks, weights)
        networks = make_networks(estimator, estimator._sizes)
        _check_weights(networks, weights)
    for name, tensors in weights.items():
        networks[name].float().load_state_dict(tensors)
    return frozen_networks(networks, estimator._scaler)


def _check_weights(networks, weights):
    if weights.keys() != {name for name in NETWORKS if name in networks}:
        raise OtherWeights(f"weights of {sorted(weights)}, not of {sorted(networks)}")
    for name, tensors in weights.items():
        difference = other_weights(networks[name], tensors)
        if difference:
            raise OtherWeights(f"{name} has other weights, {difference}")


def _check_networks_are_made_again(estimator, weights, outputs):
    """Raise an error if :func:`load` could not restore the networks."""
    again = copy.copy(estimator)
    try:
        vars(again).update(networks_with(estimator, weights))
        same = all(map(np.array_equal, probe(again).values(), outputs.values()))
        reason = None if same else "their outputs differ"
    except OtherWeights as error:
        reason = str(error)
    if reason is not None:
        name = type(estimator).__name__
        raise NotStorable(
            f"The networks of this {name} are not those made from its parameters and "
            f"sizes: {reason}. A file holds only their parameters and buffers. Use "
            "joblib.dump or pickle instead, whose files can run code."
        )
