# SPDX-License-Identifier: BSD-3-Clause

"""Each augmentation against one that works image by image, with SciPy or loops."""

import math

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from scipy import ndimage

from skmanifold.augment import (
    color_jitter,
    crop_resize,
    random_affine,
    random_flip,
    random_gray,
)

N_DRAWS = {
    random_affine: (5,),
    crop_resize: (4,),
    random_flip: (),
    color_jitter: (3,),
    random_gray: (),
}
SHAPES = [(6, 1, 8, 8), (5, 3, 9, 7), (4, 2, 5, 12)]


def make(function, shape, seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    images = torch.rand(shape, generator=generator, dtype=dtype)
    draws = (shape[0], *N_DRAWS[function])
    return images, torch.rand(draws, generator=generator, dtype=dtype)


def assert_close(ours, reference):
    assert_allclose(ours, reference, rtol=1e-9, atol=1e-12)


def read_at(channel, source, outside):
    """A channel read at ``source(x, y)``, in pixels from its center."""
    height, width = channel.shape
    out = np.empty_like(channel)
    padded = np.pad(channel, 1, mode="edge" if outside == "edge" else "constant")
    if outside != "edge":
        padded[[0, -1], :] = padded[:, [0, -1]] = outside
    for row in range(height):
        for column in range(width):
            x, y = source(column - (width - 1) / 2, row - (height - 1) / 2)
            place = np.array([[y + (height - 1) / 2 + 1], [x + (width - 1) / 2 + 1]])
            fill = 0.0 if outside == "edge" else outside
            mode = "nearest" if outside == "edge" else "constant"
            out[row, column] = ndimage.map_coordinates(
                padded, place, order=1, mode=mode, cval=fill
            )[0]
    return out


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("fill", [0.0, 0.3])
def test_an_affine_map_is_that_of_each_image(shape, fill):
    images, uniform = make(random_affine, shape)
    options = dict(shift=0.2, rotation=40.0, scale=0.3, shear=0.4)
    ours = random_affine(images, uniform, fill=fill, **options).numpy()
    height, width = shape[2:]
    for image, draws, result in zip(images.numpy(), uniform, ours, strict=True):
        move_x, move_y, angle, size, slant = (2 * draws - 1).tolist()
        angle = math.radians(options["rotation"] * angle)
        rotate = np.array(
            [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]
        )
        lean = np.array([[1, options["shear"] * slant], [0, 1]])
        matrix = rotate @ lean / (1 + options["scale"] * size)
        move = options["shift"] * np.array([move_x * width, move_y * height])

        def source(x, y, matrix=matrix, move=move):
            return matrix @ [x, y] - move

        for channel, changed in zip(image, result, strict=True):
            assert_close(changed, read_at(channel, source, fill))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("area", [(0.2, 1.0), (0.9, 1.0)])
def test_a_crop_is_that_of_each_image(shape, area):
    images, uniform = make(crop_resize, shape)
    ours = crop_resize(images, uniform, area=area, ratio=0.5).numpy()
    height, width = shape[2:]
    for image, draws, result in zip(images.numpy(), uniform, ours, strict=True):
        kept, aspect, place_x, place_y = draws.tolist()
        kept = area[0] + (area[1] - area[0]) * kept
        aspect = 2 ** (2 * aspect - 1)
        side_x = min(1.0, math.sqrt(kept * aspect)) * width
        side_y = min(1.0, math.sqrt(kept / aspect)) * height
        left, top = place_x * (width - side_x), place_y * (height - side_y)

        def source(x, y, left=left, top=top, side_x=side_x, side_y=side_y):
            # a pixel's middle, as a share of the result, is that of the rectangle
            across = (x + width / 2) / width * side_x + left
            down = (y + height / 2) / height * side_y + top
            return across - width / 2, down - height / 2

        for channel, changed in zip(image, result, strict=True):
            assert_close(changed, read_at(channel, source, "edge"))


@pytest.mark.parametrize("shape", SHAPES)
def test_a_flip_is_that_of_each_image(shape):
    images, uniform = make(random_flip, shape)
    ours = random_flip(images, uniform, probability=0.6).numpy()
    flipped = (uniform < 0.6).tolist()
    assert True in flipped and False in flipped
    for image, flip, result in zip(images.numpy(), flipped, ours, strict=True):
        assert np.array_equal(result, image[:, :, ::-1] if flip else image)


def gray_of(image):
    if len(image) == 3:
        return 0.299 * image[0] + 0.587 * image[1] + 0.114 * image[2]
    return image.mean(0)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_jitter_is_that_of_each_image(shape):
    images, uniform = make(color_jitter, shape)
    strengths = (0.3, 0.5, 0.7)
    ours = color_jitter(
        images,
        uniform,
        brightness=strengths[0],
        contrast=strengths[1],
        saturation=strengths[2],
    ).numpy()
    for image, draws, result in zip(images.numpy(), uniform, ours, strict=True):
        light, contrast, saturation = (
            1 + strength * (2 * draw - 1)
            for strength, draw in zip(strengths, draws.tolist(), strict=True)
        )
        changed = image * light
        mean = gray_of(changed).mean()
        changed = contrast * changed + (1 - contrast) * mean
        if len(image) > 1:
            changed = saturation * changed + (1 - saturation) * gray_of(changed)
        assert_close(result, changed)


@pytest.mark.parametrize("shape", SHAPES)
def test_gray_is_that_of_each_image(shape):
    images, uniform = make(random_gray, shape)
    ours = random_gray(images, uniform, probability=0.5).numpy()
    grayed = (uniform < 0.5).tolist()
    assert True in grayed and False in grayed
    for image, gray, result in zip(images.numpy(), grayed, ours, strict=True):
        expected = np.stack([gray_of(image)] * len(image)) if gray else image
        assert_close(result, expected)


@pytest.mark.parametrize("function", N_DRAWS, ids=lambda f: f.__name__)
class TestEach:
    def test_an_image_is_independent_of_its_batch(self, function):
        images, uniform = make(function, (6, 3, 8, 7), dtype=torch.float32)
        together = function(images, uniform)
        for i in range(6):
            alone = function(images[i : i + 1], uniform[i : i + 1])
            torch.testing.assert_close(together[i], alone[0])

    def test_shape_type_and_inputs_are_kept(self, function):
        for dtype in (torch.float32, torch.float64):
            images, uniform = make(function, (4, 3, 5, 6), dtype=dtype)
            uniform[0] = 0.1  # below every probability
            before = images.clone(), uniform.clone()
            result = function(images, uniform.float())
            assert result.shape == images.shape and result.dtype == dtype
            assert torch.isfinite(result).all()
            assert torch.equal(images, before[0]) and torch.equal(uniform, before[1])
            assert not torch.equal(result, images)

    def test_largest_and_smallest_draws(self, function):
        images, uniform = make(function, (2, 3, 5, 6), dtype=torch.float32)
        below_one = torch.nextafter(torch.tensor(1.0), torch.tensor(0.0))
        for draw in (torch.tensor(0.0), below_one):
            result = function(images, draw.expand(uniform.shape))
            assert torch.isfinite(result).all()

    def test_images_may_have_one_pixel_or_one_row(self, function):
        for shape in ((3, 1, 1, 1), (3, 1, 1, 9), (3, 3, 9, 1)):
            images, uniform = make(function, shape)
            assert torch.isfinite(function(images, uniform)).all()


@pytest.mark.parametrize(
    "function, options",
    [
        (random_affine, dict(shift=0.0, rotation=0.0, scale=0.0, shear=0.0)),
        (crop_resize, dict(area=(1.0, 1.0), ratio=1.0)),
        (random_flip, dict(probability=0.0)),
        (color_jitter, dict(brightness=0.0, contrast=0.0, saturation=0.0)),
        (random_gray, dict(probability=0.0)),
    ],
)
def test_zero_strength_is_the_identity(function, options):
    images, uniform = make(function, (5, 3, 8, 7))
    torch.testing.assert_close(function(images, uniform, **options), images)
