# SPDX-License-Identifier: BSD-3-Clause

"""Augmentations of a user's own."""

import torch


def apply_augmentation(augmentation, x):
    """Apply a user's augmentation and check what it returns.

    Parameters
    ----------
    augmentation : callable
        Maps a tensor to one of the same shape, dtype and device.
    x : torch.Tensor of shape (B, ...)
        Samples or images, copied for augmentations that work in place.

    Returns
    -------
    torch.Tensor of shape (B, ...)
        The augmented samples.

    Raises
    ------
    ValueError
        If the augmentation returns something else.

    Examples
    --------
    >>> import torch
    >>> from skmanifold.augment import apply_augmentation
    >>> apply_augmentation(lambda x: x.mul_(2), torch.ones(2, 3)).sum()
    tensor(12.)
    """
    view = augmentation(x.clone())
    if not isinstance(view, torch.Tensor):
        received = f"an object of type {type(view).__name__}"
    elif (view.shape, view.dtype, view.device) != (x.shape, x.dtype, x.device):
        received = f"a {view.dtype} tensor of shape {tuple(view.shape)}"
    else:
        return view
    raise ValueError(
        f"augmentation returned {received} for a {x.dtype} tensor of shape "
        f"{tuple(x.shape)} on {x.device}; it must return a tensor of the same shape "
        "and dtype on the same device."
    )
