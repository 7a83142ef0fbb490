# SPDX-License-Identifier: BSD-3-Clause

import functools
import math
import re

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from torch.func import functional_call

from skmanifold.losses import jacobian_vector_product
from skmanifold.nn import MLP, ConvDecoder, ConvEncoder

SHAPES = [(8, 8), (9, 14), (28, 28), (32, 32), (10, 33, 3), (16, 8, 2)]


@pytest.mark.parametrize("image_shape", SHAPES)
def test_inputs_and_outputs_are_flat_rows(image_shape):
    n_pixels = math.prod(image_shape)
    encoder, decoder = ConvEncoder(image_shape, 3), ConvDecoder(3, image_shape)
    z = encoder(torch.randn(5, n_pixels))
    assert z.shape == (5, 3)
    assert decoder(z).shape == (5, n_pixels)


@pytest.mark.parametrize("image_shape", SHAPES)
def test_every_pixel_counts(image_shape):
    """No pixel is lost at a border where a side is odd."""
    torch.manual_seed(0)
    n_pixels = math.prod(image_shape)
    encoder, decoder = ConvEncoder(image_shape, 3), ConvDecoder(3, image_shape)
    x = torch.randn(1, n_pixels, requires_grad=True)
    (gradient,) = torch.autograd.grad(encoder(x).sum(), x)
    assert (gradient != 0).all()
    z = torch.randn(1, 3)
    _, moved = jacobian_vector_product(decoder, z, torch.randn(1, 3))
    assert (moved != 0).all()


def test_rows_are_images_flattened_by_numpy():
    """A shift of the image by the stride is a shift of the first feature map."""
    image = np.zeros((16, 12, 2), dtype=np.float32)
    image[5:8, 3:6, 1] = np.arange(9).reshape(3, 3)
    shifted = np.roll(image, (2, 4), axis=(0, 1))
    encoder = ConvEncoder(image.shape, 2)
    seen = []
    encoder.hidden[0].register_forward_hook(lambda *args: seen.extend(args[1:]))
    for i in (image, shifted):
        encoder(torch.from_numpy(i.reshape(1, -1)))
    (x,), a, _, b = seen
    torch.testing.assert_close(torch.roll(a, (1, 2), dims=(2, 3)), b)
    assert_array_equal(x[0].permute(1, 2, 0), image)


def test_decoder_writes_images_flattened_by_numpy():
    """The last map of the decoder, from one hidden pixel, touches its 4 x 4 patch."""
    decoder = ConvDecoder(2, (16, 12, 3), channels=(4,))
    with torch.no_grad():
        decoder.head[0].bias.zero_()
        hidden = torch.zeros(1, 4, 8, 6)
        hidden[0, :, 3, 2] = 1.0
        decoder.hidden = torch.nn.Identity()
        image = decoder(hidden).reshape(16, 12, 3).numpy()
    touched = np.abs(image).sum(axis=2) > 0
    expected = np.zeros((16, 12), dtype=bool)
    expected[5:9, 3:7] = True
    assert_array_equal(touched, expected)


def test_depth_follows_the_image():
    def channels(encoder):
        return [
            m.out_channels for m in encoder.hidden if isinstance(m, torch.nn.Conv2d)
        ]

    assert channels(ConvEncoder((8, 8), 2)) == [32]
    assert channels(ConvEncoder((28, 28), 2)) == [32, 64, 128]
    assert channels(ConvEncoder((128, 128), 2)) == [32, 64, 128, 128, 128]
    assert channels(ConvEncoder((28, 28), 2, channels=(5, 7))) == [5, 7]


@pytest.mark.parametrize("activation", ["gelu", "silu", "softplus", "tanh"])
@pytest.mark.parametrize("make", ["encoder", "decoder"])
def test_networks_are_twice_differentiable(activation, make):
    """The gradient of a loss of derivatives, against finite differences."""
    torch.manual_seed(0)
    if make == "encoder":
        network = ConvEncoder((9, 8), 2, channels=(2, 3), activation=activation)
        x = torch.randn(2, 72, dtype=torch.float64)
    else:
        network = ConvDecoder(2, (9, 8), channels=(2, 3), activation=activation)
        x = torch.randn(2, 2, dtype=torch.float64)
    network = network.double()
    v = torch.randn_like(x)
    names, values = zip(*network.named_parameters(), strict=True)

    class Speed(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.network = network

        def forward(self):
            return jacobian_vector_product(self.network, x, v)[1].square().sum()

    def squared_speed(*values):
        named = {f"network.{n}": v for n, v in zip(names, values, strict=True)}
        return functional_call(Speed(), named)

    assert torch.autograd.gradcheck(squared_speed, values, fast_mode=True)


def test_rows_do_not_see_each_other():
    torch.manual_seed(0)
    encoder = ConvEncoder((28, 28), 4).double()
    x = torch.randn(6, 784, dtype=torch.float64)
    torch.testing.assert_close(encoder(x)[2:3], encoder(x[2:3]))


def test_outputs_keep_full_precision_under_autocast():
    encoder, decoder = ConvEncoder((8, 8), 2), ConvDecoder(2, (8, 8))
    with torch.autocast("cpu", torch.bfloat16):
        z = encoder(torch.randn(4, 64))
        x = decoder(z)
    assert z.dtype == x.dtype == torch.float32


@pytest.mark.parametrize(
    "make", [lambda shape: ConvEncoder(shape, 2), lambda shape: ConvDecoder(2, shape)]
)
def test_wrong_image_shapes_are_refused(make):
    for image_shape in ((7, 28), (28,)):
        with pytest.raises(ValueError, match=r"image_shape=.*must be \(H, W\)"):
            make(image_shape)


@pytest.mark.parametrize("channels", [(), (0,), (4, 2.5), (4, 4, 4, 4)])
def test_wrong_channels_are_refused(channels):
    with pytest.raises(ValueError, match=r"channels must be a sequence of 1 to 3"):
        ConvEncoder((8, 9), 2, channels=channels)


@pytest.mark.parametrize("value", ["sine", None, []])
@pytest.mark.parametrize(
    "parameter, make",
    [
        ("activation", functools.partial(ConvDecoder, 2, (8, 8))),
        ("activation", functools.partial(ConvEncoder, (8, 8), 2)),
        ("activation", functools.partial(MLP, 2, 2)),
        ("norm", functools.partial(MLP, 2, 2)),
        ("output_norm", functools.partial(MLP, 2, 2)),
    ],
)
def test_unknown_names_are_refused(make, parameter, value):
    match = re.escape(f"{parameter}={value!r} is unknown. It must be one of '")
    with pytest.raises(ValueError, match=match):
        make(**{parameter: value})
