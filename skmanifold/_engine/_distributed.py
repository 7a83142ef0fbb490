# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""One fit in several processes, each of which computes its share of every batch.

A loss over pairs is no sum over samples, so that processes cannot each take a batch of
their own and average. Here all of them draw the same batches from the same seed. In
:func:`sharded`, which an objective calls, a network sees a share of the samples in each
process, and its outputs are gathered before the loss, which every process then computes
for the whole batch.

Two operations keep the gradients right. A tensor is *whole* if it, and its gradient,
are the same in all processes, and a *share* if each has its own rows of it, with W
times its gradient, for W processes:

    take:    whole -> share,   gradient: gather / W
    gather:  share -> whole,   gradient: W * take

Gradients of parameters are averaged over the processes. What came through a share is
then the sum over all rows, and what every process computed as a whole, such as a batch
normalization, is what it was.
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
    """Return whether this process is the one that writes and prints."""
    return not is_distributed() or distributed.get_rank() == 0


def check_same_on_all_ranks(values, message):
    """Raise ValueError, in all processes, unless they have the same float values."""
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
    """Return the float values that the main process has."""
    if not is_distributed():
        return values
    tensor = torch.tensor(values, dtype=torch.float64, device=_device())
    with _others_alive():
        distributed.broadcast(tensor, 0)
    return tensor.tolist()


def average_gradients(parameters):
    """Replace the gradients by their means over the processes."""
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
    """Compute with a network, of which each process takes its share of the samples.

    In a fit of one process it is ``function(*rows)``. Where several fit together, each
    computes a part of the samples; the outputs are gathered, with gradients, so that a
    loss over pairs sees the whole batch. An objective calls its networks in this way;
    one that does not is right too, but every process computes all samples.

    Parameters
    ----------
    network : torch.nn.Module
        What the function computes with. Of a network with batch normalization or
        dropout only the parts between are shared, since these see the whole batch.
    *rows : torch.Tensor of shape (n, ...)
        The samples, as many of each.
    function : callable, default=None
        Maps these tensors, sample by sample, to one or a tuple of several; the network
        if None.

    Returns
    -------
    torch.Tensor or tuple of torch.Tensor
        The outputs of all samples.

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
    """Let the parts of a network that map each sample on its own compute a share."""
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
    """Yield the largest parts of a network that map each sample on its own."""
    if not any(True for _ in module.parameters()):
        return
    # a list or dict of networks is not called itself
    holder = type(module).forward is nn.Module.forward
    if not holder and not any(map(_depends_on_batch, module.modules())):
        yield module
        return
    for child in module.children():
        yield from _parts_by_row(child)


def _depends_on_batch(module):
    # batch normalization of whatever library, and layers that draw at random
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
    """Whole to share."""

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
    """Share to whole."""

    @staticmethod
    def forward(ctx, x, n_rows):
        # shares of one size, the last ones filled up; not all backends take halves
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
    """Return the device from which our own numbers are sent."""
    backend = distributed.get_backend()
    return torch.device("cuda" if backend == "nccl" else "cpu")


@contextlib.contextmanager
def _others_alive():
    try:
        yield
    except RuntimeError as error:
        raise RuntimeError(
            "Another process of this distributed fit has ended or cannot be reached "
            f"({str(error).splitlines()[0]}). Start all of them again; with "
            "training=TrainingOptions(checkpoint=...) they go on from the last epoch."
        ) from error
