import cv2
import numpy as np
import pytest
import torch

from srgan_gp.data.jpeg_compression import jpeg

QUALITIES = [30, 50, 75, 90, 100]


def through_a_file(picture, quality):
    _, encoded = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return cv2.imdecode(encoded, cv2.IMREAD_COLOR)[..., ::-1].astype(int)


def through_ours(pictures, qualities):
    batch = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float()
    return jpeg(batch, np.array(qualities)).permute(0, 2, 3, 1).int().numpy()


@pytest.mark.parametrize(("height", "width"), [(128, 128), (40, 40), (37, 45)])
def test_a_batch_loses_what_files_of_these_qualities_lose(scene, height, width):
    pictures = [scene(height, width, seed=quality) for quality in QUALITIES]
    files = np.stack([through_a_file(*pair) for pair in zip(pictures, QUALITIES, strict=True)])
    apart = np.abs(through_ours(pictures, QUALITIES) - files)
    # libjpeg's cosines are whole multiples of 2^-13; now and then a coefficient is rounded away.
    assert (apart == 0).mean(axis=(1, 2, 3)).min() > 0.97
    assert apart.mean(axis=(1, 2, 3)).max() < 0.1
    assert np.abs(files - pictures).mean(axis=(1, 2, 3)).min() > 1  # what a file loses at the least


def test_flat_colours_come_out_as_from_files():
    colours = np.random.default_rng(0).integers(0, 256, (200, 1, 1, 3)).astype(np.uint8)
    pictures = colours.repeat(16, axis=1).repeat(16, axis=2)
    files = np.stack([through_a_file(picture, 60) for picture in pictures])
    assert np.array_equal(through_ours(pictures, [60] * 200), files)


def test_blocks_begin_at_the_upper_left_corner(scene):
    picture = scene(32, 32)
    brightness = through_ours([picture], [5])[0].sum(axis=2)
    steps = np.abs(np.diff(brightness, axis=1)).mean(axis=0)  # from column x to column x + 1
    assert steps[7::8].min() > 2 * np.median(steps)


def test_pictures_do_not_touch_each_other(scene):
    pictures = [scene(24, 24, seed=seed) for seed in range(4)]
    together = through_ours(pictures, QUALITIES[:4])
    for i, picture in enumerate(pictures):
        assert np.array_equal(through_ours([picture], [QUALITIES[i]])[0], together[i])
