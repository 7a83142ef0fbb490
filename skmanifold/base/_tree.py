# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""Values as JSON and arrays, and back: the types and classes that a file may hold."""

import copy
import inspect
import math
import pathlib
import warnings

import numpy as np
import torch
from scipy import sparse
from sklearn.cluster import KMeans
from torch import nn

from skmanifold._engine import apply_in_blocks
from skmanifold.training import TrainingOptions

from ._scaler import InputScaler

PACKAGE = __name__.partition(".")[0]

# The networks of an estimator that may be, or hold, a user's own code, and the
# parameter that it came from.
OWN_NETWORKS = {"network_": "encoder", "decoder_": "decoder"}

# torch's layers and the arguments they are made anew with, which are their attributes
# too.
_CONVOLUTION = (
    "in_channels",
    "out_channels",
    "kernel_size",
    "stride",
    "padding",
    "dilation",
    "groups",
    "padding_mode",
)
_TRANSPOSED = (*_CONVOLUTION, "output_padding")
_POOL = ("kernel_size", "stride", "padding")
_BATCH_NORM = ("num_features", "eps", "momentum", "track_running_stats")
_LAYERS = {
    nn.Identity: (),
    nn.Linear: ("in_features", "out_features"),
    nn.Conv1d: _CONVOLUTION,
    nn.Conv2d: _CONVOLUTION,
    nn.ConvTranspose1d: _TRANSPOSED,
    nn.ConvTranspose2d: _TRANSPOSED,
    nn.Flatten: ("start_dim", "end_dim"),
    nn.Unflatten: ("dim", "unflattened_size"),
    nn.MaxPool1d: _POOL,
    nn.MaxPool2d: _POOL,
    nn.AvgPool1d: _POOL,
    nn.AvgPool2d: _POOL,
    nn.AdaptiveAvgPool1d: ("output_size",),
    nn.AdaptiveAvgPool2d: ("output_size",),
    nn.BatchNorm1d: _BATCH_NORM,
    nn.BatchNorm2d: _BATCH_NORM,
    nn.LayerNorm: ("normalized_shape", "eps"),
    nn.GroupNorm: ("num_groups", "num_channels", "eps"),
    nn.Dropout: ("p",),
    nn.ReLU: (),
    nn.LeakyReLU: ("negative_slope",),
    nn.ELU: ("alpha",),
    nn.GELU: ("approximate",),
    nn.SiLU: (),
    nn.Softplus: ("beta", "threshold"),
    nn.Sigmoid: (),
    nn.Tanh: (),
}
# Arguments that say whether there is a parameter, and its name.
_BIAS = {"bias": "bias"}
_AFFINE = {"affine": "weight"}
_TENSORS = {
    nn.Linear: _BIAS,
    nn.Conv1d: _BIAS,
    nn.Conv2d: _BIAS,
    nn.ConvTranspose1d: _BIAS,
    nn.ConvTranspose2d: _BIAS,
    nn.BatchNorm1d: _AFFINE,
    nn.BatchNorm2d: _AFFINE,
    nn.GroupNorm: _AFFINE,
    nn.LayerNorm: {"elementwise_affine": "weight", "bias": "bias"},
}
_CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)
_LAYERS_BY_NAME = {
    f"torch.nn.{layer.__name__}": layer for layer in (*_LAYERS, *_CONTAINERS)
}
_MODULE_STATE = frozenset(vars(nn.Module()))

_FITTED_KMEANS = ("cluster_centers_", "labels_", "inertia_", "n_iter_")


class NotStorable(TypeError):
    """A value that the format has no place for."""


def probe(estimator):
    """What the networks put out for two rows, always the same ones."""
    n_inputs = len(estimator._scaler.center_)
    rows = (np.arange(2 * n_inputs, dtype=np.float32) % 7 - 3).reshape(2, n_inputs) / 2
    outputs = {}
    for name in OWN_NETWORKS:
        network = getattr(estimator, name, None)
        if network is not None:
            rows = apply_in_blocks(
                network, lambda start, stop, rows=rows: rows[start:stop], 2
            )
            outputs[name] = rows
    return outputs


# Classes ------------------------------------------------------------------------


def _root(cls):
    return cls.__module__.partition(".")[0]


def class_name(cls):
    if _root(cls) == PACKAGE:
        return f"{PACKAGE}.{cls.__name__}"  # where a user imports it from
    return f"{cls.__module__}.{cls.__qualname__}"


def subclasses(cls):
    for child in cls.__subclasses__():
        yield child
        yield from subclasses(child)


def _module_class(name, cls):
    """A module's class: torch's layers, ours, or those of the estimator's package."""
    if name in _LAYERS_BY_NAME:
        return _LAYERS_BY_NAME[name]
    roots = {PACKAGE, _root(cls)}
    found = [
        module
        for module in subclasses(nn.Module)
        if class_name(module) == name and _root(module) in roots
    ]
    if not found:
        raise ValueError(f"there is no network {name!r}")
    return found[-1]


def _is_ours(module, cls):
    """Whether a module is of the kind that the format stores by its attributes."""
    return type(module) in _CONTAINERS or (
        type(module) not in _LAYERS and _root(type(module)) in {PACKAGE, _root(cls)}
    )


# Writing ------------------------------------------------------------------------


class Writer:
    """Turns values into JSON, and collects the arrays beside it."""

    def __init__(self, cls):
        self.cls = cls
        self.arrays = {}
        self.given = {}
        self._modules = {}  # what was stored, and where
        self._parameters = {}
        self._own = {}

    @property
    def _collected(self):
        names = ("arrays", "_modules", "_parameters", "_own")
        return {name: getattr(self, name) for name in names}

    def parameters(self, estimator):
        """The parameters; ``given`` gets those that only a user can give again."""
        stored = {}
        for name, value in estimator.get_params(deep=False).items():
            before = {kind: dict(found) for kind, found in self._collected.items()}
            try:
                stored[name] = self.encode(value, name)
            except NotStorable:
                vars(self).update(before)
                self.given[name] = _describe_type(value)
        return stored

    def encode(self, value, where):
        """A value as JSON; ``where`` names it."""
        if value is None or type(value) in (bool, int, str):
            return value
        if type(value) is float:
            if math.isfinite(value):
                return value
            return {"type": "float", "value": repr(value)}
        if isinstance(value, list | tuple) and type(value) in (list, tuple):
            items = [self.encode(v, f"{where}.{i}") for i, v in enumerate(value)]
            return items if type(value) is list else {"type": "tuple", "items": items}
        if type(value) is dict:
            if not all(type(key) is str for key in value):
                raise self._refusal(value, where)
            items = [[k, self.encode(v, f"{where}.{k}")] for k, v in value.items()]
            return {"type": "dict", "items": items}
        if isinstance(value, np.str_):
            return str(value)
        if isinstance(value, np.generic):
            return {"type": "scalar", **self.array(np.asarray(value), where)}
        if isinstance(value, np.ndarray):
            return self._encode_array(value, where)
        if sparse.issparse(value):
            return self._encode_sparse(value, where)
        if isinstance(value, nn.Module):
            return self._encode_module(value, where)
        return self._encode_object(value, where)

    def _encode_object(self, value, where):
        if isinstance(value, torch.device):
            return {"type": "device", "value": str(value)}
        if isinstance(value, torch.Tensor):
            return {"type": "tensor", **self.array(_numpy(value), where)}
        if isinstance(value, pathlib.PurePath):
            return {"type": "path", "value": str(value)}
        if isinstance(value, np.random.RandomState):
            name, *rest = value.get_state()
            if name == "MT19937":
                state = self.encode(tuple(rest), where)
                return {"type": "random_state", "state": state}
        if type(value) is InputScaler:
            return {"type": "scaler", "state": self.encode(vars(value), where)}
        if type(value) is TrainingOptions:
            state = self.encode(value.get_params(deep=False), where)
            return {"type": "training_options", "state": state}
        if type(value) is KMeans:
            fitted = {name: getattr(value, name) for name in _FITTED_KMEANS}
            return {
                "type": "kmeans",
                "parameters": self.encode(value.get_params(), where),
                "fitted": self.encode(fitted, where),
            }
        raise self._refusal(value, where)

    def array(self, value, where):
        """A numerical array beside the JSON."""
        if value.dtype.kind not in "biuf" or value.dtype.itemsize > 8:
            raise self._refusal(value, where)
        value = value.astype(value.dtype.newbyteorder("="), copy=False)
        # an array's layout shows in the last bits of what is computed with it
        columns = value.flags.f_contiguous and not value.flags.c_contiguous
        stored = value.T if columns else value
        # a copy: safetensors takes memory in C order, and refuses read-only memmaps
        self.arrays[where] = np.array(stored, order="C", subok=False)
        return {"array": where, "order": "F" if columns else "C"}

    def _encode_array(self, value, where):
        if value.dtype.kind in "OU":
            strings = value.ravel().tolist()
            if not all(type(v) is str for v in strings):
                raise self._refusal(value, where)
            return {
                "type": "strings",
                "items": strings,
                "shape": list(value.shape),
                "kind": value.dtype.kind,
            }
        return {"type": "array", **self.array(value, where)}

    def _encode_sparse(self, value, where):
        kind = "matrix" if isinstance(value, sparse.spmatrix) else "array"
        csr = sparse.csr_array(value)
        parts = ("data", "indices", "indptr")
        return {
            "type": "sparse",
            "kind": kind,
            "format": value.format,
            "shape": [int(n) for n in value.shape],
            "parts": [
                self._encode_array(getattr(csr, p), f"{where}.{p}") for p in parts
            ],
        }

    def _encode_module(self, module, where):
        if id(module) in self._modules:
            return {"type": "same", "module": self._modules[id(module)][0]}
        # the module too, so that its id stays its own
        self._modules[id(module)] = where, module
        hooks = [n for n, v in vars(module).items() if n.endswith("_hooks") and v]
        if _is_ours(module, self.cls) and not hooks:
            return self._encode_ours(module, where)
        if type(module) in _LAYERS and not hooks and "forward" not in vars(module):
            return self._encode_layer(module, where)
        return self._encode_own(module, where)

    def _encode_ours(self, module, where):
        attributes = {
            name: self.encode(value, f"{where}.{name}")
            for name, value in vars(module).items()
            if name not in _MODULE_STATE
        }
        children = [
            [name, None if child is None else self.encode(child, f"{where}.{name}")]
            for name, child in module._modules.items()
        ]
        if type(module) in _CONTAINERS:
            name = f"torch.nn.{type(module).__name__}"
        else:
            name = class_name(type(module))
            if _module_class(name, self.cls) is not type(module):
                raise self._refusal(module, where)  # two classes of one name
        return {
            "type": "module",
            "class": name,
            "attributes": attributes,
            "children": children,
            **self._tensors(module, where),
        }

    def _encode_layer(self, module, where):
        arguments = {
            name: self.encode(getattr(module, name), f"{where}.{name}")
            for name in _LAYERS[type(module)]
        }
        tensors = self._tensors(module, where)
        names = [name for name, tensor in tensors["parameters"] if tensor is not None]
        for argument, name in _TENSORS.get(type(module), {}).items():
            arguments[argument] = name in names
        return {
            "type": "module",
            "class": f"torch.nn.{type(module).__name__}",
            "arguments": arguments,
            **tensors,
        }

    def _encode_own(self, module, where):
        top = where.partition(".")[0]
        parameter = OWN_NETWORKS.get(top)
        if parameter not in self.given:
            raise self._refusal(module, where)
        state = {}
        for key, tensor in module.state_dict().items():
            if not isinstance(tensor, torch.Tensor):
                raise self._refusal(tensor, f"{where}.{key}")
            state[key] = self.array(_numpy(tensor), f"{where}.{key}")["array"]
        self._own[where] = (
            module,
            {
                "parameter": parameter,
                "class": _describe_type(module),
                "state": state,
            },
        )
        return {"type": "own", "place": where}

    def _tensors(self, module, where):
        kept = module._non_persistent_buffers_set
        return {
            "training": module.training,
            "parameters": [
                [name, None if p is None else self._parameter(p, f"{where}.{name}")]
                for name, p in module._parameters.items()
            ],
            "buffers": [
                [
                    name,
                    None if b is None else self.encode(b, f"{where}.{name}"),
                    name not in kept,
                ]
                for name, b in module._buffers.items()
            ],
        }

    def _parameter(self, parameter, where):
        if id(parameter) not in self._parameters:
            node = self.array(_numpy(parameter), where)
            node = {**node, "learns": parameter.requires_grad}
            self._parameters[id(parameter)] = node, parameter
        return self._parameters[id(parameter)][0]

    def own_networks(self, estimator):
        """What is known of a user's networks, with the widths they were called with."""
        if not self._own:
            return {}
        memo = {}
        copies = {
            n: copy.deepcopy(getattr(estimator, n, None), memo) for n in OWN_NETWORKS
        }
        widths = {}
        for where, (module, _) in self._own.items():

            def record(_, inputs, outputs, where=where):
                widths[where] = [inputs[0][0].numel(), outputs[0].numel()]

            memo[id(module)].register_forward_hook(record)
        holder = copy.copy(estimator)
        vars(holder).update({n: c for n, c in copies.items() if c is not None})
        probe(holder)
        return {
            where: {**node, "widths": widths.get(where, [])}
            for where, (_, node) in self._own.items()
        }

    def _refusal(self, value, where):
        return NotStorable(
            f"{where} of this {self.cls.__name__} is {_describe_type(value)}, which a "
            "file of data alone cannot hold. Use joblib.dump or pickle instead, for "
            "readers who trust you."
        )


def _numpy(tensor):
    try:
        return tensor.detach().cpu().numpy()
    except TypeError as error:
        raise NotStorable(
            f"A tensor of {tensor.dtype} has no place in the file: use float32."
        ) from error


def _describe_type(value):
    cls = value if isinstance(value, type) else type(value)
    if cls.__module__ == "builtins" and callable(value):
        return f"the {cls.__name__} {getattr(value, '__qualname__', '?')}"
    return f"a {cls.__module__}.{cls.__qualname__}"


# Reading ------------------------------------------------------------------------


class Reader:
    """Turns JSON and arrays back into values; knows the types below and no others."""

    def __init__(self, cls, arrays):
        self.cls = cls
        self.arrays = arrays
        self.modules = {}
        self._parameters = {}

    def decode(self, node, where=""):
        """The value of a node."""
        if isinstance(node, list):
            return [self.decode(item, f"{where}.{i}") for i, item in enumerate(node)]
        if not isinstance(node, dict):
            return node
        return getattr(self, _DECODERS[node["type"]])(node, where)

    def array(self, node):
        """An array of its own, as it was laid out."""
        if node["order"] not in ("C", "F"):
            raise ValueError(f"an array in order {node['order']!r}")
        value = np.array(self.arrays[node["array"]], order="C")
        return value.T if node["order"] == "F" else value

    def tensor(self, name):
        """An array as a tensor."""
        return torch.from_numpy(np.array(self.arrays[name], order="C"))

    def _float(self, node, where):
        return {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}[node["value"]]

    def _tuple(self, node, where):
        return tuple(self.decode(node["items"], where))

    def _dict(self, node, where):
        return {str(k): self.decode(v, f"{where}.{k}") for k, v in node["items"]}

    def _array(self, node, where):
        return self.array(node)

    def _scalar(self, node, where):
        return self.array(node)[()]

    def _strings(self, node, where):
        items = [str(item) for item in node["items"]]
        dtype = {"O": object, "U": str}[node["kind"]]
        return np.array(items, dtype=dtype).reshape(node["shape"])

    def _sparse(self, node, where):
        parts = tuple(self.decode(part) for part in node["parts"])
        csr = sparse.csr_array(parts, shape=tuple(node["shape"]))
        csr.check_format(full_check=True)
        if node["format"] not in ("bsr", "coo", "csc", "csr", "dia", "dok", "lil"):
            raise ValueError(f"a sparse matrix in format {node['format']!r}")
        if node["kind"] == "matrix":
            csr = sparse.csr_matrix(csr)
        return csr.asformat(node["format"])

    def _tensor(self, node, where):
        return torch.from_numpy(self.array(node))

    def _device(self, node, where):
        return torch.device(node["value"])

    def _path(self, node, where):
        return pathlib.Path(node["value"])

    def _random_state(self, node, where):
        result = np.random.RandomState(0)
        result.set_state(("MT19937", *self.decode(node["state"])))
        return result

    def _scaler(self, node, where):
        result = InputScaler()
        vars(result).update(self.decode(node["state"]))
        return result

    def _training_options(self, node, where):
        options = TrainingOptions(**self.decode(node["state"]))
        options._validate_params()
        return options

    def _kmeans(self, node, where):
        fitted = self.decode(node["fitted"])
        centers = fitted["cluster_centers_"]
        kmeans = KMeans(len(centers), init=centers, n_init=1, max_iter=1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of centres that coincide
            # for the private attributes that this version of scikit-learn has
            kmeans.fit(centers)
        kmeans.set_params(**self.decode(node["parameters"]))
        vars(kmeans).update({name: fitted[name] for name in _FITTED_KMEANS})
        return kmeans

    # -- networks

    def _same(self, node, where):
        return self.modules[node["module"]]

    def _own(self, node, where):
        return self.modules[node["place"]]

    def _module(self, node, where):
        module_class = _module_class(node["class"], self.cls)
        if module_class in _LAYERS:
            known = {*_LAYERS[module_class], *_TENSORS.get(module_class, ())}
            if not known.issuperset(node["arguments"]):
                raise ValueError(f"{where} has arguments other than {sorted(known)}")
            arguments = {k: self.decode(v) for k, v in node["arguments"].items()}
            with torch.device("meta"):
                module = module_class(**arguments)
        else:
            module = module_class.__new__(module_class)
            nn.Module.__init__(module)
        self.modules[where] = module
        self._fill(module, node, where)
        module.training = bool(node["training"])
        return module

    def _fill(self, module, node, where):
        made = {
            kind: {name: None if t is None else t.shape for name, t in tensors.items()}
            for kind, tensors in (
                ("parameters", module._parameters),
                ("buffers", module._buffers),
            )
        }
        parameters = {name: self._parameter(p) for name, p in node["parameters"]}
        buffers = {name: self.decode(b) for name, b, _ in node["buffers"]}
        if type(module) in _LAYERS:
            for kind, tensors in (("parameters", parameters), ("buffers", buffers)):
                shapes = {n: None if t is None else t.shape for n, t in tensors.items()}
                if shapes != made[kind]:
                    raise ValueError(f"{where} has {kind} {shapes}, not {made[kind]}")
        module._parameters.update(parameters)
        for name, _, persistent in node["buffers"]:
            module._buffers.pop(name, None)
            module.register_buffer(name, buffers[name], persistent=bool(persistent))
        if type(module) in _LAYERS:
            return
        for name, child in node["children"]:
            module._modules[str(name)] = self.decode(child, f"{where}.{name}")
        for name, value in node["attributes"].items():
            default = inspect.getattr_static(type(module), name, None)
            if name in _MODULE_STATE or hasattr(default, "__get__"):
                raise ValueError(f"{where} cannot have an attribute {name!r}")
            vars(module)[str(name)] = self.decode(value, f"{where}.{name}")

    def _parameter(self, node):
        if node is None:
            return None
        name = node["array"]
        if name not in self._parameters:
            tensor = torch.from_numpy(self.array(node))
            self._parameters[name] = nn.Parameter(tensor, bool(node["learns"]))
        return self._parameters[name]


_DECODERS = {
    kind: f"_{kind}"
    for kind in (
        "float",
        "tuple",
        "dict",
        "array",
        "scalar",
        "strings",
        "sparse",
        "tensor",
        "device",
        "path",
        "random_state",
        "scaler",
        "training_options",
        "kmeans",
        "same",
        "own",
        "module",
    )
}


class OwnNetwork:
    """A network of a user's own: what the file knows of it."""

    def __init__(self, place, node):
        self.place = place
        self.parameter = str(node["parameter"])
        self.description = str(node["class"])
        self.widths = tuple(int(width) for width in node["widths"])

    def rebuild(self, value, weights):
        """The network that a user gives again, with the weights of the file."""
        network = value
        if isinstance(value, nn.Module):
            network = copy.deepcopy(value)
        elif callable(value):
            network = value(*self.widths)
        if not isinstance(network, nn.Module):
            raise ValueError(
                f"{self.parameter}={value!r} does not fit: the file holds the weights "
                f"of {self.description}. Pass that network, as a torch.nn.Module or as "
                f"a callable that returns one for the widths {self.widths}."
            )
        # what is ours, such as a Sequential, was stored; its own class may lie within
        for name, part in network.named_modules():
            inside = not name or f".{self.place}".endswith(f".{name}")
            if inside and not _differences(part, weights):
                network = part
                break
        wrong = _differences(network, weights)
        if wrong:
            shown = "; ".join(wrong[:3] + ["..."] * (len(wrong) > 3))
            raise ValueError(
                f"{self.parameter} does not fit the file, which holds the weights of "
                f"{self.description}: {shown}. Pass the network as it was when the "
                "model was fitted."
            )
        network.load_state_dict(weights)
        return network.float().cpu().eval().requires_grad_(False)


def _differences(network, weights):
    """How the weights that a network needs differ from those there are."""
    needed = network.state_dict()
    shapes = {key: tuple(getattr(value, "shape", ())) for key, value in needed.items()}
    found = {key: tuple(tensor.shape) for key, tensor in weights.items()}
    return sorted(
        [f"{key!r} is not in the file" for key in shapes.keys() - found.keys()]
        + [f"{key!r} is in the file alone" for key in found.keys() - shapes.keys()]
        + [
            f"{key!r} has shape {found[key]} in the file and {shapes[key]} here"
            for key in shapes.keys() & found.keys()
            if shapes[key] != found[key]
        ]
    )
