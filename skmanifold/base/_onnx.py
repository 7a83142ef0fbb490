# SPDX-License-Identifier: BSD-3-Clause

"""Fitted networks as ONNX graphs, with inputs and outputs in raw units."""

import contextlib
import logging
import warnings

import numpy as np
import torch
from torch import nn

from skmanifold._engine import checked_path, plain_modes, write_atomically
from skmanifold.utils import import_optional

from ._inference import nearly_equal
from ._scaler import MARGIN

# Largest difference between graph and estimator, relative to the largest output. Ample
# for another order of float32 additions.
_TOLERANCE = 1e-4


class Transform(nn.Module):
    """From samples in raw units to the result of a method, such as the embedding."""

    def __init__(self, scaler, network, head):
        super().__init__()
        # with prefixes: "mean" would clash with the exporter's names
        self.register_buffer("raw_mean", torch.from_numpy(scaler.center_))
        self.register_buffer("raw_factor", torch.from_numpy(scaler.factor_))
        self.register_buffer("raw_low", torch.from_numpy(scaler.low_).double())
        self.register_buffer("raw_high", torch.from_numpy(scaler.high_).double())
        margin = torch.from_numpy(scaler.margin_) * (self.raw_high - self.raw_low)
        # positive also for constant columns, which are zero
        self.register_buffer("raw_margin", torch.where(margin > 0, margin, 1.0))
        self.radius = scaler.radius_ or 1.0
        self.network = network
        self.head = head

    def forward(self, x):
        """Map (n, n_features) to the result of the method."""
        # in float64: a large offset would leave no digits in float32
        scaled = (x.double() - self.raw_mean) * self.raw_factor
        low, high, margin = self.raw_low, self.raw_high, self.raw_margin
        scaled = (
            scaled
            - _correction(scaled - high, margin)
            + _correction(low - scaled, margin)
        )
        norms = scaled.square().sum(1, keepdim=True).sqrt()
        excess = _correction(norms - self.radius, MARGIN * self.radius)
        scaled = scaled * (1 - excess / norms.clamp_min(self.radius))
        result = self.head(self.network(scaled.float()))
        if isinstance(result, tuple):
            return tuple(_in_type_of(x, part) for part in result)
        return _in_type_of(x, result)


def _in_type_of(x, result):
    """Return floats in the dtype of the input, and integers as they are."""
    return result.to(x.dtype) if result.is_floating_point() else result


def _correction(excess, margin):
    """Return the correction of values beyond a bound, see the scaler."""
    excess = excess.clamp_min(0.0)
    return excess * (excess / (excess + margin))


class InverseTransform(nn.Module):
    """From the embedding to samples in raw units, as ``inverse_transform``."""

    def __init__(self, scaler, before, decoder):
        super().__init__()
        self.register_buffer("raw_mean", torch.from_numpy(scaler.center_))
        self.register_buffer("raw_inverse", torch.from_numpy(scaler.inverse_factor))
        self.before = before
        self.decoder = decoder

    def forward(self, z):
        """Map (n, n_components) to (n, n_features)."""
        scaled = self.decoder(self.before(z).float()).double()
        return (scaled * self.raw_inverse + self.raw_mean).to(z.dtype)


def to_onnx(estimator, path, method, dtype):
    """Export a method of an estimator; see :meth:`DeepManifold.to_onnx`."""
    path = checked_path(path, "path")
    import_optional("onnx", "onnx", feature="to_onnx")
    import_optional("onnxscript", "onnx", feature="to_onnx")
    runtime = import_optional("onnxruntime", "onnx", feature="to_onnx")
    module, inputs, names = _module_and_inputs(estimator, method, np.dtype(dtype))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the test samples may lie far away
        expected = getattr(estimator, method)(inputs)
    with plain_modes(), torch.inference_mode():
        outputs = module(torch.from_numpy(inputs))
    _check_agreement(estimator, method, expected, outputs)
    content = _exported(module, inputs, names)
    session = runtime.InferenceSession(content, providers=["CPUExecutionProvider"])
    if isinstance(session.get_inputs()[0].shape[0], int):
        raise ValueError(
            f"{method} of this {type(estimator).__name__} cannot be exported to "
            "ONNX for any batch size: the network uses it as a Python int, as in "
            "reshape(len(x), -1). Use flatten, unflatten or x.shape[0]."
        )
    outputs = session.run(None, {names[0]: inputs})
    _check_agreement(estimator, method, expected, outputs)
    write_atomically(path, (content,), "path")


def _module_and_inputs(estimator, method, dtype):
    """Return the module to export, test samples, and names of inputs and outputs."""
    if dtype not in (np.float32, np.float64):
        raise ValueError(f"dtype={dtype.name!r} must be 'float32' or 'float64'.")
    scaler = estimator._scaler
    if len(scaler.center_) != estimator.n_features_in_:
        raise ValueError(
            f"The graph of {type(estimator).__name__} cannot include the transformer "
            f"passed as {estimator._appended}. Fit on the transformed X instead, and "
            "export the transformer with its own tools."
        )
    if method == "inverse_transform" and hasattr(estimator, method):
        module = InverseTransform(
            scaler, estimator._before_decoding(), estimator.decoder_
        )
        inputs, names = estimator.embedding_[:6], ["embedding", "X"]
    else:
        head = _head(estimator, method)
        module = Transform(scaler, estimator.network_, head.make())
        n_features = len(scaler.center_)
        pattern = (np.arange(6 * n_features) % 7 - 3).reshape(6, n_features) / 2
        inputs, names = scaler.inverse_transform(pattern), ["X", *head.outputs]
    return module.eval(), np.ascontiguousarray(inputs, dtype=dtype), names


def _head(estimator, method):
    """Return the head of a method, or raise an error that names the available ones."""
    heads = estimator._heads()
    if method in heads:
        return heads[method]
    known = [*heads]
    if hasattr(estimator, "inverse_transform"):
        known.append("inverse_transform")
    raise ValueError(
        f"method={method!r} cannot be exported from {type(estimator).__name__}: it "
        f"must be one of {', '.join(map(repr, known))}."
    )


def _exported(module, inputs, names):
    """Return the graph of a module as bytes."""
    n_samples = torch.export.Dim("n_samples")
    with plain_modes(), _quiet("torch.onnx"):
        try:
            program = torch.onnx.export(
                module,
                (torch.from_numpy(inputs),),
                dynamo=True,
                input_names=names[:1],
                output_names=names[1:],
                dynamic_shapes=({0: n_samples},),
                verbose=False,
            )
        except Exception as error:
            raise ValueError(
                "The network cannot be exported to ONNX: torch.onnx.export raised "
                f"{type(error).__name__}. Use operations that torch.export supports."
            ) from error
        return program.model_proto.SerializeToString()


def _check_agreement(estimator, method, expected, outputs):
    expected, outputs = (
        list(map(np.asarray, result if isinstance(result, tuple | list) else (result,)))
        for result in (expected, outputs)
    )
    if len(expected) == len(outputs) and all(
        nearly_equal(theirs, ours, _TOLERANCE)
        for theirs, ours in zip(outputs, expected, strict=True)
    ):
        return
    raise ValueError(
        f"{method} of this {type(estimator).__name__} cannot be exported to ONNX: the "
        "graph returns other numbers. A class that overrides _present needs a "
        "_presentation in torch, and a network must treat each sample independently."
    )


@contextlib.contextmanager
def _quiet(name):
    """Silence a logger, and warnings, inside."""
    logger = logging.getLogger(name)
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
