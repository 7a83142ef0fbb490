# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
import pytest
import torch
from torch import nn

from skmanifold.atlas._trunks import make_trunk
from skmanifold.nn import to_images, to_samples


def make(encoder, n_inputs=64, image_shape=None, layers=(16,), feature_dim=7):
    return make_trunk(
        encoder,
        n_inputs,
        image_shape=image_shape,
        layers=layers,
        feature_dim=feature_dim,
    )


@pytest.mark.parametrize("image_shape", [None, (8, 8, 1)])
@pytest.mark.parametrize("feature_dim", [3, 9])
def test_the_built_in_trunk_has_the_width_of_the_features(image_shape, feature_dim):
    trunk, width = make(None, image_shape=image_shape, feature_dim=feature_dim)
    assert trunk(torch.zeros(2, 64)).shape == (2, width) == (2, feature_dim)


def test_images_are_rows_channels_last():
    rows = np.random.RandomState(0).rand(3, 24)
    images = to_images(torch.from_numpy(rows), (4, 3, 2))
    assert np.array_equal(images, rows.reshape(3, 4, 3, 2).transpose(0, 3, 1, 2))
    assert np.array_equal(to_samples(images), rows)


def test_any_width_of_an_own_encoder_will_do():
    for encoder in (nn.Linear(64, 11), lambda n_in, n_out: nn.Linear(n_in, n_out + 4)):
        trunk, width = make(encoder)
        assert width == 11 and trunk(torch.zeros(2, 64)).shape == (2, 11)


def test_own_encoder_of_images_sees_images():
    encoder = nn.Sequential(nn.Conv2d(3, 2, 3), nn.Flatten())
    trunk, width = make(encoder, n_inputs=60, image_shape=(4, 5, 3))
    assert width == 2 * 2 * 3
    assert trunk(torch.zeros(2, 60)).shape == (2, width)


@pytest.mark.parametrize(
    "encoder, image_shape, error, match",
    [
        (nn.Linear(65, 3), None, ValueError, r"not map an input of shape \(2, 64\)"),
        (nn.Linear(9, 3), (8, 8, 1), ValueError, r"of shape \(2, 1, 8, 8\)"),
        (nn.Conv2d(1, 2, 3), (8, 8, 1), ValueError, r"shape \(2, 2, 6, 6\), but"),
        (nn.Flatten(0), None, ValueError, r"shape \(128,\), but shape \(2, n_feat"),
        (lambda n_in, n_out: "net", None, TypeError, "must return a torch.nn.Module"),
    ],
)
def test_invalid_encoders_are_refused(encoder, image_shape, error, match):
    with pytest.raises(error, match=match):
        make(encoder, image_shape=image_shape)
