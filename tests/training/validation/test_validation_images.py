from contextlib import nullcontext

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from srgan_gp.errors import UsageError
from srgan_gp.losses.features import Features
from srgan_gp.training.validation.validation_images import ValidationImages, centre_crop

SCALE = 4


def every_fourth(images, _number):
    return images[..., ::SCALE, ::SCALE]


@pytest.fixture
def coordinates(tmp_path):
    """Pairs of an image of 80 x 64 pixels, each its (row, column, 0), and a tiny one."""
    rows, columns = np.indices((80, 64), np.uint8)
    pixels = np.stack([rows, columns, np.zeros_like(rows)], -1)
    Image.fromarray(pixels).save(tmp_path / "coordinates.png")
    Image.fromarray(pixels[:12, :12]).save(tmp_path / "tiny.png")
    return ValidationImages(str(tmp_path), SCALE, torch.device("cpu"), every_fourth)


def test_the_crops_are_central_and_both_images_show_the_same_place(coordinates):
    low_res, high_res = (part * 255 for part in coordinates.critic_crops(6))
    assert low_res.shape == (1, 3, 6, 6)  # the tiny image of 3 LR pixels is skipped
    assert high_res.shape == (1, 3, 24, 24)
    # Of 20 x 16 LR pixels 7 are cropped at top and bottom, 5 at left and right.
    rows, columns = torch.arange(28.0, 52.0), torch.arange(20.0, 44.0)
    torch.testing.assert_close(high_res[0, 0], rows[:, None].expand(24, 24))
    torch.testing.assert_close(high_res[0, 1], columns.expand(24, 24))
    torch.testing.assert_close(low_res, high_res[..., ::SCALE, ::SCALE])


def test_images_that_are_all_smaller_have_no_crops(coordinates):
    assert coordinates.critic_crops(17) is None
    assert len(coordinates.critic_crops(3)[0]) == 2


def test_with_a_feature_network_distance_and_colours_are_scored(tmp_path):
    rows, columns = np.indices((16, 20), np.uint8)
    Image.fromarray(np.stack([rows * 9, columns * 9, rows], -1)).save(tmp_path / "a.png")
    features = Features(nn.Sequential(nn.Identity()), (0,), 1)
    validation = ValidationImages(
        str(tmp_path), SCALE, torch.device("cpu"), every_fourth, 0, features
    )
    scores = validation.scores(nn.Upsample(scale_factor=SCALE))
    assert {"squeeze_distance", "colour_shift"} <= scores.keys()
    assert scores["squeeze_distance"] > 0
    assert scores["colour_shift"] > 0


def test_pattern_and_grain_are_scored_where_there_are_flat_windows(tmp_path):
    def scores(side, generator):
        Image.new("RGB", (side, side), (90, 90, 90)).save(tmp_path / "flat.png")
        validation = ValidationImages(str(tmp_path), SCALE, torch.device("cpu"), every_fourth)
        return validation.scores(generator)

    class Dotted(nn.Upsample):
        """Adds a lattice of period 4 and of 4 grey levels rms."""

        def forward(self, images):
            rows, columns = torch.meshgrid(*2 * [torch.arange(112) * torch.pi / 2], indexing="ij")
            return super().forward(images) + 4 / 255 * (rows.sin() + columns.sin())

    plain = scores(112, nn.Upsample(scale_factor=SCALE))
    assert (plain["flat_windows"], plain["pattern"]) == (4, pytest.approx(0, abs=1e-9))
    dotted = scores(112, Dotted(scale_factor=SCALE))
    assert dotted["pattern"] == pytest.approx(4 * 219 / 255, rel=0.2)
    assert dotted["grain"] >= dotted["pattern"]
    small = scores(76, nn.Upsample(scale_factor=SCALE))
    assert not {"pattern", "grain", "flat_windows"} & small.keys()


@pytest.mark.parametrize(("side", "is_enough"), [(19, False), (20, True)])
def test_an_image_too_small_for_the_feature_network_is_refused_at_the_start(
    tmp_path, side, is_enough
):
    # Images are cropped to a multiple of the scale: 16 of 17 to 19 pixels.
    Image.fromarray(np.zeros((side, 40, 3), np.uint8)).save(tmp_path / "a.png")
    features = Features(nn.Sequential(nn.Identity()), (0,), 17)
    with nullcontext() if is_enough else pytest.raises(UsageError, match="below 20 pixels"):
        ValidationImages(str(tmp_path), SCALE, torch.device("cpu"), every_fourth, 0, features)


@pytest.mark.parametrize(("height", "width"), [(512, 513), (600, 40), (1037, 2048), (5, 7)])
def test_a_large_image_is_cropped_to_its_centre(height, width):
    rows, columns = np.indices((height, width))
    pixels = np.stack([rows % 251, columns % 241, rows // 251], -1).astype(np.uint8)
    kept = centre_crop(pixels, 4)
    assert kept.shape[:2] == tuple(min(n, 512) // 4 * 4 for n in (height, width))
    top, left = (max(n - 512, 0) // 2 for n in (height, width))
    assert np.array_equal(kept, pixels[top:, left:][: kept.shape[0], : kept.shape[1]])
