"""The scores before and after a fine-tuning, on images made for them."""

import numpy as np
import pytest
from PIL import Image
from torch import nn

from srgan_gp.data.image_sources import list_images
from srgan_gp.finetuning.finetune_scores import score_upscaler


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


def test_sets_without_a_flat_window_lack_them(score):
    assert {metric for metric, _ in score(64)} == {"psnr_y", "colour_shift"}
