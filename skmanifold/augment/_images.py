# SPDX-License-Identifier: BSD-3-Clause

"""Random image augmentations, batched.

Each function takes images of shape (B, C, H, W) and uniform draws, one row per image.
The result for an image does not depend on the rest of the batch.
"""

import math

import torch
from torch.nn import functional as F

# Rec. 601 luma weights of red, green and blue.
_LUMA = (0.299, 0.587, 0.114)


def random_affine(
    images, uniform, *, shift=0.1, rotation=15.0, scale=0.1, shear=0.1, fill=0.0
):
    """Shift, rotate, scale and shear each image randomly.

    The pixel at ``p`` of the result, measured from the center, is the pixel of the
    image at ``R(angle) S(shear) p / scale - shift``, with bilinear interpolation.

    Parameters
    ----------
    images : torch.Tensor of shape (B, C, H, W)
        The images, floating point.
    uniform : torch.Tensor of shape (B, 5)
        Uniform draws from [0, 1): horizontal and vertical shift, angle, scale, shear.
    shift : float, default=0.1
        Largest shift, as a fraction of width and height.
    rotation : float, default=15.0
        Largest angle in degrees, in both directions.
    scale : float, default=0.1
        Scales are between ``1 - scale`` and ``1 + scale``; less than 1.
    shear : float, default=0.1
        Largest horizontal displacement per unit of height.
    fill : float, default=0.0
        Value of pixels outside of the image.

    Returns
    -------
    torch.Tensor of shape (B, C, H, W)
        The transformed images.

    Examples
    --------
    Draws of 0.5 change nothing:

    >>> import torch
    >>> from skmanifold.augment import random_affine
    >>> images = torch.arange(9.0).reshape(1, 1, 3, 3)
    >>> torch.allclose(random_affine(images, torch.full((1, 5), 0.5)), images)
    True
    """
    height, width = images.shape[-2:]
    # uniform in [-1, 1)
    move_x, move_y, angle, size, slant = (2 * uniform - 1).unbind(1)
    angle = angle * math.radians(rotation)
    slant = slant * shear
    zoom = 1 / (1 + size * scale)
    cos, sin = angle.cos(), angle.sin()
    # R S p / size, in pixels: S p = (x + slant y, y)
    linear = torch.stack(
        [
            torch.stack([cos, slant * cos - sin], 1),
            torch.stack([sin, slant * sin + cos], 1),
        ],
        1,
    ) * zoom.view(-1, 1, 1)
    # torch measures positions in half widths and half heights
    half = images.new_tensor([width / 2, height / 2])
    linear = linear * half / half.unsqueeze(1)
    offset = torch.stack([move_x, move_y], 1).mul(-2 * shift)
    return _sample(images, torch.cat([linear, offset.unsqueeze(2)], 2), fill=fill)


def crop_resize(images, uniform, *, area=(0.3, 1.0), ratio=0.75):
    """Crop a random rectangle of each image and resize it to the image's size.

    Parameters
    ----------
    images : torch.Tensor of shape (B, C, H, W)
        The images, floating point.
    uniform : torch.Tensor of shape (B, 4)
        Uniform draws from [0, 1): area, aspect ratio, horizontal, vertical position.
    area : (float, float), default=(0.3, 1.0)
        Smallest and largest fraction of the image's area.
    ratio : float, default=0.75
        Smallest aspect ratio, relative to the image's; its inverse is the largest.

    Returns
    -------
    torch.Tensor of shape (B, C, H, W)
        The crops, with bilinear interpolation.

    Examples
    --------
    The whole image, and its right half:

    >>> import torch
    >>> from skmanifold.augment import crop_resize
    >>> images = torch.tensor([[[[0.0, 1.0, 2.0, 3.0]]]])
    >>> crop_resize(images, torch.full((1, 4), 0.5), area=(1.0, 1.0)).flatten()
    tensor([0., 1., 2., 3.])
    >>> right = torch.tensor([[0.5, 0.0, 1.0, 0.5]])
    >>> crop_resize(images, right, area=(0.5, 0.5), ratio=0.5).flatten()
    tensor([1.7500, 2.2500, 2.7500, 3.0000])
    """
    kept, aspect, place_x, place_y = uniform.unbind(1)
    kept = area[0] + (area[1] - area[0]) * kept
    # exp(0 * log(ratio)) is exactly 1
    aspect = torch.exp((1 - 2 * aspect) * math.log(ratio))
    side_x = (kept * aspect).sqrt().clamp(max=1)
    side_y = (kept / aspect).sqrt().clamp(max=1)
    zero = torch.zeros_like(side_x)
    theta = torch.stack(
        [
            torch.stack([side_x, zero, (2 * place_x - 1) * (1 - side_x)], 1),
            torch.stack([zero, side_y, (2 * place_y - 1) * (1 - side_y)], 1),
        ],
        1,
    )
    return _sample(images, theta, padding_mode="border")


def _sample(images, theta, *, padding_mode="zeros", fill=0.0):
    """Sample images at affinely transformed grids, with bilinear interpolation."""
    grid = F.affine_grid(theta.to(images.dtype), images.shape, align_corners=False)
    # torch samples zeros outside of the images
    sampled = F.grid_sample(
        images - fill if fill else images,
        grid,
        mode="bilinear",
        padding_mode=padding_mode,
        align_corners=False,
    )
    return sampled + fill if fill else sampled


def random_flip(images, uniform, *, probability=0.5):
    """Flip some of the images horizontally.

    Parameters
    ----------
    images : torch.Tensor of shape (B, C, H, W)
        The images.
    uniform : torch.Tensor of shape (B,)
        Uniform draws from [0, 1).
    probability : float, default=0.5
        Fraction of images to flip.

    Returns
    -------
    torch.Tensor of shape (B, C, H, W)
        The images, some of them flipped.

    Examples
    --------
    >>> import torch
    >>> from skmanifold.augment import random_flip
    >>> images = torch.tensor([[[[1.0, 2.0]]], [[[1.0, 2.0]]]])
    >>> random_flip(images, torch.tensor([0.1, 0.9])).flatten(1)
    tensor([[2., 1.],
            [1., 2.]])
    """
    return torch.where(_chosen(uniform, probability), images.flip(-1), images)


def color_jitter(images, uniform, *, brightness=0.4, contrast=0.4, saturation=0.4):
    """Change brightness, contrast and saturation of each image, in this order.

    With factors between ``1 - strength`` and ``1 + strength``, the image is blended
    with black (zero), with its mean gray value, and with its gray image. Values are not
    clipped. Gray is the luma (Rec. 601) of three channels, and otherwise their mean.

    Parameters
    ----------
    images : torch.Tensor of shape (B, C, H, W)
        The images, floating point, with black at zero.
    uniform : torch.Tensor of shape (B, 3)
        Uniform draws from [0, 1), for the three factors.
    brightness, contrast, saturation : float, default=0.4
        Largest relative changes. Saturation does not apply to one channel.

    Returns
    -------
    torch.Tensor of shape (B, C, H, W)
        The changed images.

    Examples
    --------
    >>> import torch
    >>> from skmanifold.augment import color_jitter
    >>> images = torch.ones(1, 1, 1, 2)
    >>> color_jitter(images, torch.tensor([[1.0, 0.5, 0.5]]), brightness=0.5).flatten()
    tensor([1.5000, 1.5000])
    """
    strengths = uniform.new_tensor([brightness, contrast, saturation])
    factors = 1 + (2 * uniform - 1) * strengths
    light, contrasted, saturated = (
        factors.to(images.dtype).view(-1, 3, 1, 1, 1).unbind(1)
    )
    images = images * light
    mean = _gray(images).mean((2, 3), keepdim=True)
    images = mean + (images - mean) * contrasted
    if images.shape[1] == 1:
        return images
    gray = _gray(images)
    return gray + (images - gray) * saturated


def random_gray(images, uniform, *, probability=0.2):
    """Convert some of the images to gray.

    Parameters
    ----------
    images : torch.Tensor of shape (B, C, H, W)
        The images, floating point.
    uniform : torch.Tensor of shape (B,)
        Uniform draws from [0, 1).
    probability : float, default=0.2
        Fraction of images to convert.

    Returns
    -------
    torch.Tensor of shape (B, C, H, W)
        The images, some with all channels equal to gray, as in :func:`color_jitter`.

    Examples
    --------
    >>> import torch
    >>> from skmanifold.augment import random_gray
    >>> images = torch.tensor([1.0, 0.0, 0.0]).reshape(1, 3, 1, 1)
    >>> random_gray(images, torch.tensor([0.0])).flatten()
    tensor([0.2990, 0.2990, 0.2990])
    """
    return torch.where(_chosen(uniform, probability), _gray(images), images)


def _chosen(uniform, probability):
    return (uniform < probability).view(-1, 1, 1, 1)


def _gray(images):
    """Return the gray channel, (B, 1, H, W)."""
    n_channels = images.shape[1]
    if n_channels == 1:
        return images
    if n_channels != len(_LUMA):
        return images.mean(1, keepdim=True)
    weights = images.new_tensor(_LUMA).view(1, -1, 1, 1)
    return (images * weights).sum(1, keepdim=True)
