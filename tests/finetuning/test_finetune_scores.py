"""The scores before and after a fine-tuning, on images made for them."""

import numpy as np
import pytest
from PIL import Image
from torch import nn

from srgan_gp.data.image_sources import list_images
from srgan_gp.finetuning.finetune_scores import score_noise, score_upscaler


@pytest.fixture
def score(tiny_config, tmp_path):
    """Score nearest-neighbour enlargement on flat images of a side."""

    def run(side):
        for count in range(2):
            Image.new("RGB", (side, side), (50 * count, 90, 90)).save(tmp_path / f"{count}.png")
        config = tiny_config()
        return score_upscaler(nn.Upsample(scale_factor=4), list_images(str(tmp_path)), config)

    return run


def test_pattern_and_grain_are_one_value_for_the_whole_set(score):
    found = score(96)
    for way in ("matlab", "area-jpeg75"):
        assert len(found["psnr_y", way]) == 2
        for metric in ("pattern", "grain"):
            assert found[metric, way] == pytest.approx(np.zeros(1), abs=1e-9)


def test_the_grain_of_the_originals_is_that_of_their_noise(tiny_config, tmp_path, rng):
    noise = rng.normal(0, 2, (256, 256, 1))
    pixels = np.rint(128 + np.repeat(noise, 3, axis=2)).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    files = list_images(str(tmp_path))
    found = score_upscaler(nn.Upsample(scale_factor=4), files, tiny_config())
    # White noise in levels of the luma, of which the measured ring of frequencies has a share.
    share = np.pi * (0.5**2 - 0.13**2)
    for way in ("matlab", "area-jpeg75"):
        expected = 2 * 219 / 255 * share**0.5
        assert found["original_grain", way] == pytest.approx(expected, rel=0.05)
        assert found["grain", way] < 0.5 * expected  # downscaling has removed most of it


def test_sets_without_a_flat_window_lack_them(score):
    assert {metric for metric, _ in score(64)} == {"psnr_y", "colour_shift"}


def test_noise_is_the_standard_error_of_the_change():
    def scores(first, second):
        return {("psnr_y", "matlab"): np.array(first), ("psnr_y", "area-jpeg75"): np.array(second)}

    measured, shifted = scores([30, 31.0], [28, 29.0]), scores([30.2, 31.0], [28.2, np.nan])
    assert score_noise(measured, shifted, "psnr_y") == pytest.approx(0.2)
    both = scores([30.1, 31.3], [28.5, 29.1])
    # The changes of the two images are 0.3 and 0.2: their root mean square by the root of two.
    assert score_noise(measured, both, "psnr_y") == pytest.approx((0.065 / 2) ** 0.5)
    assert score_noise(measured, shifted, "squeeze_distance") == 0


def test_a_score_that_no_moved_crop_has_adds_no_noise():
    key, other = ("squeeze_distance", "matlab"), ("squeeze_distance", "area-jpeg75")
    measured = {key: np.array([0.5]), other: np.array([0.6])}
    assert score_noise(measured, {}, "squeeze_distance") == 0
    assert score_noise(measured, {other: np.array([0.7])}, "squeeze_distance") == pytest.approx(0.1)


def test_the_position_of_the_crops_changes_the_scores(tiny_config, tmp_path, rng):
    pixels = rng.integers(0, 256, (64, 64, 3), np.uint8)
    Image.fromarray(pixels).resize((128, 128), Image.Resampling.BICUBIC).save(tmp_path / "a.png")
    config, files = tiny_config(), list_images(str(tmp_path))
    generator = nn.Upsample(scale_factor=4)
    whole, again = (score_upscaler(generator, files, config) for _ in range(2))
    assert score_noise(whole, again, "psnr_y") == 0
    shifted = score_upscaler(generator, files, config, is_shifted=True)
    assert 0 < score_noise(whole, shifted, "psnr_y") < 1
