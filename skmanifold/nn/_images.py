# SPDX-License-Identifier: BSD-3-Clause

"""Images as samples, channels last, and as torch's convolutions take them."""

from torch import nn

from skmanifold.utils._sizes import check_image_shape


def to_images(samples, image_shape):
    """Turn samples into images, the inverse of :func:`to_samples`.

    Parameters
    ----------
    samples : torch.Tensor of shape (n, H * W * C)
        Flattened images, channels last.
    image_shape : tuple of int
        (H, W, C).

    Returns
    -------
    torch.Tensor of shape (n, C, H, W)
        The images, as torch's convolutions take them.

    Examples
    --------
    >>> import torch
    >>> from skmanifold.nn import to_images
    >>> to_images(torch.zeros(5, 24), (4, 3, 2)).shape
    torch.Size([5, 2, 4, 3])
    """
    return samples.unflatten(1, image_shape).permute(0, 3, 1, 2)


def to_samples(images):
    """Turn images into samples, the inverse of :func:`to_images`.

    Parameters
    ----------
    images : torch.Tensor of shape (n, C, H, W)
        Images, as torch's convolutions return them.

    Returns
    -------
    torch.Tensor of shape (n, H * W * C)
        Flattened images, channels last.

    Examples
    --------
    >>> import torch
    >>> from skmanifold.nn import to_samples
    >>> to_samples(torch.zeros(5, 2, 4, 3)).shape
    torch.Size([5, 24])
    """
    return images.permute(0, 2, 3, 1).flatten(1)


class OnImages(nn.Module):
    """Network of images, applied to samples.

    Parameters
    ----------
    network : torch.nn.Module
        Maps images, (n, C, H, W), to anything.
    image_shape : tuple of int
        (H, W) or (H, W, C), channels last.

    Examples
    --------
    >>> import torch
    >>> from skmanifold.nn import OnImages
    >>> network = torch.nn.Sequential(torch.nn.Conv2d(1, 3, 3), torch.nn.Flatten())
    >>> OnImages(network, (4, 4))(torch.zeros(2, 16)).shape
    torch.Size([2, 12])
    """

    def __init__(self, network, image_shape):
        super().__init__()
        self.network = network
        self.image_shape = check_image_shape(image_shape)

    def forward(self, x):
        """Map samples (n, H * W * C) to what the network makes of their images."""
        return self.network(to_images(x, self.image_shape))
