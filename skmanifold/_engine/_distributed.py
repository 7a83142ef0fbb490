# SPDX-License-Identifier: BSD-3-Clause

"""One fit in several processes, each computing a shard of every batch.

A loss over pairs is not a sum over samples, so processes cannot average the losses of
separate batches. Here all ranks use the same batches, with the same seed. In
:func:`sharded`, which objectives call, a network computes a shard of the samples on
each rank. The outputs are gathered, and every rank computes the loss of the whole
batch.

Two operations keep the gradients right. A tensor is *whole* if it and its gradient are
the same on all ranks, and a *share* if each rank has its own rows, with W times the
gradient, for W ranks:

    take:    whole -> share,   gradient: gather / W
    gather:  share -> whole,   gradient: W * take

Gradients of parameters are averaged over the ranks. For sharded computations this is
the sum over all samples; for whole ones, such as batch normalization, it changes
nothing.
"""

import contextlib

import torch
from torch import distributed, nn


def is_distributed():
    """Return whether this process is one of several that fit together."""
    return (
        distributed.is_available()
        and distributed.is_initialized()
        and distributed.get_world_size() > 1
    )


def is_main_process():
    """Return whether this process writes and prints."""
    return not is_distributed() or distributed.get_rank() == 0


def check_same_on_all_ranks(values, message):
    """Raise ValueError on all ranks unless they have the same float values."""
    if not is_distributed():
        return
    values = torch.tensor(values, dtype=torch.float64, device=_device())
    low, high = values.clone(), values.clone()
    with _others_alive():
        distributed.all_reduce(low, distributed.ReduceOp.MIN)
        distributed.all_reduce(high, distributed.ReduceOp.MAX)
    if not torch.equal(low, high):
        raise ValueError(message)


def broadcast(values):
    """Return the float values of the main process."""
    if not is_distributed():
        return values
    tensor = torch.tensor(values, dtype=torch.float64, device=_device())
    with _others_alive():
        distributed.broadcast(tensor, 0)
    return tensor.tolist()


def average_gradients(parameters):
    """Replace the gradients by their means over the ranks."""
    if not is_distributed():
        return
    gradients = [p.grad for p in parameters if p.grad is not None]
    together = torch.cat([gradient.flatten() for gradient in gradients])
    with _others_alive():
        distributed.all_reduce(together)
    together /= distributed.get_world_size()
    for gradient, mean in zip(
        gradients, together.split([g.numel() for g in gradients]), strict=True
    ):
        gradient.copy_(mean.view_as(gradient))


def sharded(network, *rows, function=None):
    """Apply a network to samples, sharded over the processes of a distributed fit.

    In one process this is ``function(*rows)``. In a distributed fit each process
    computes a shard of the samples; the outputs are gathered, with gradients, so a loss
    over pairs sees the whole batch. An objective that does not use it is correct, but
    every process computes all samples.

    Parameters
    ----------
    network : torch.nn.Module
        Network used by the function. Its batch normalization and dropout layers are
        applied to the whole batch; only the layers between are sharded.
    *rows : torch.Tensor of shape (n, ...)
        Tensors of the same n samples.
    function : callable, default=None
        Maps these tensors, sample by sample, to a tensor or a tuple of tensors. None
        uses the network.

    Returns
    -------
    torch.Tensor or tuple of torch.Tensor
        Outputs for all samples.

    Examples
    --------
    >>> import torch
    >>> from skmanifold.base import sharded
    >>> network = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.ReLU())
    >>> sharded(network, torch.zeros(5, 3)).shape
    torch.Size([5, 2])
    """
    function = network if function is None else function
    if not is_distributed():
        return function(*rows)
    if not any(map(_depends_on_batch, network.modules())):
        outputs = function(*(_Take.apply(x) for x in rows))
        return _gathered(outputs, len(rows[0]))
    with _parts_sharded(network):
        return function(*rows)


@contextlib.contextmanager
def _parts_sharded(network):
    """Shard the parts of a network that treat each sample independently."""
    pending = []

    def take(_, inputs):
        tensors = all(isinstance(x, torch.Tensor) and x.ndim for x in inputs)
        lengths = {len(x) for x in inputs} if tensors else ()
        pending.append(next(iter(lengths)) if len(lengths) == 1 else None)
        if pending[-1] is None:
            return None
        return tuple(_Take.apply(x) for x in inputs)

    def gather(_, inputs, outputs):
        n_rows = pending.pop()
        return None if n_rows is None else _gathered(outputs, n_rows)

    with contextlib.ExitStack() as hooks:
        for part in _parts_by_row(network):
            for handle in (
                part.register_forward_pre_hook(take),
                part.register_forward_hook(gather),
            ):
                hooks.callback(handle.remove)
        yield


def _gathered(outputs, n_rows):
    if isinstance(outputs, torch.Tensor):
        return _Gather.apply(outputs, n_rows)
    return tuple(_Gather.apply(y, n_rows) for y in outputs)


def _parts_by_row(module):
    """Yield the largest parts of a network that treat each sample independently."""
    if not any(True for _ in module.parameters()):
        return
    # a list or dict of networks is never called itself
    holder = type(module).forward is nn.Module.forward
    if not holder and not any(map(_depends_on_batch, module.modules())):
        yield module
        return
    for child in module.children():
        yield from _parts_by_row(child)


def _depends_on_batch(module):
    # batch normalization of any library, and random layers
    return hasattr(module, "running_mean") or isinstance(module, _RANDOM_LAYERS)


_RANDOM_LAYERS = (
    nn.Dropout,
    nn.Dropout1d,
    nn.Dropout2d,
    nn.Dropout3d,
    nn.AlphaDropout,
    nn.FeatureAlphaDropout,
    nn.RReLU,
)


class _Take(torch.autograd.Function):
    """The shard of this process, taken from a whole batch."""

    @staticmethod
    def forward(ctx, x):
        ctx.n_rows = len(x)
        size = _share_size(len(x))
        start = distributed.get_rank() * size
        return x[start : start + size].clone()

    @staticmethod
    def backward(ctx, gradient):
        return _Gather.apply(gradient, ctx.n_rows) / distributed.get_world_size()


class _Gather(torch.autograd.Function):
    """The whole batch, gathered from the shards of all processes."""

    @staticmethod
    def forward(ctx, x, n_rows):
        # padded to one size, in float32: not all backends support half precision
        dtype = torch.promote_types(x.dtype, torch.float32)
        share = x.new_zeros(_share_size(n_rows), *x.shape[1:], dtype=dtype)
        share[: len(x)] = x
        whole = share.new_empty(distributed.get_world_size() * len(share), *x.shape[1:])
        with _others_alive():
            distributed.all_gather(list(whole.split(len(share))), share)
        return whole[:n_rows].to(x.dtype)

    @staticmethod
    def backward(ctx, gradient):
        return _Take.apply(gradient) * distributed.get_world_size(), None


def _share_size(n_rows):
    return -(-n_rows // distributed.get_world_size())


def _device():
    """Return the device that the backend sends from."""
    backend = distributed.get_backend()
    return torch.device("cuda" if backend == "nccl" else "cpu")


@contextlib.contextmanager
def _others_alive():
    try:
        yield
    except RuntimeError as error:
        raise RuntimeError(
            "Another process of this distributed fit has ended or cannot be reached "
            f"({str(error).splitlines()[0]}). Restart all processes; with "
            "training=TrainingOptions(checkpoint=...) they resume from the checkpoint."
        ) from error
