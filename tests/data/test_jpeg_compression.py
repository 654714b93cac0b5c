import cv2
import numpy as np
import pytest
import torch

from srgan_gp.data.jpeg_compression import jpeg

QUALITIES = [30, 50, 75, 90, 100]


def through_a_file(image, quality):
    _, encoded = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return cv2.imdecode(encoded, cv2.IMREAD_COLOR)[..., ::-1].astype(int)


def through_ours(images, qualities):
    batch = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float()
    return jpeg(batch, np.array(qualities)).permute(0, 2, 3, 1).int().numpy()


@pytest.mark.parametrize(("height", "width"), [(128, 128), (40, 40), (37, 45)])
def test_a_batch_equals_files_of_the_same_qualities(scene, height, width):
    images = [scene(height, width, seed=quality) for quality in QUALITIES]
    files = np.stack([through_a_file(*pair) for pair in zip(images, QUALITIES, strict=True)])
    apart = np.abs(through_ours(images, QUALITIES) - files)
    # libjpeg's cosines are whole multiples of 2^-13; now and then a coefficient is rounded away.
    assert (apart == 0).mean(axis=(1, 2, 3)).min() > 0.97
    assert apart.mean(axis=(1, 2, 3)).max() < 0.1
    assert np.abs(files - images).mean(axis=(1, 2, 3)).min() > 1  # what a file loses at the least


def test_flat_colours_equal_those_from_files():
    colours = np.random.default_rng(0).integers(0, 256, (200, 1, 1, 3)).astype(np.uint8)
    images = colours.repeat(16, axis=1).repeat(16, axis=2)
    files = np.stack([through_a_file(image, 60) for image in images])
    assert np.array_equal(through_ours(images, [60] * 200), files)


def test_blocks_begin_at_the_upper_left_corner(scene):
    image = scene(32, 32)
    brightness = through_ours([image], [5])[0].sum(axis=2)
    steps = np.abs(np.diff(brightness, axis=1)).mean(axis=0)  # from column x to column x + 1
    assert steps[7::8].min() > 2 * np.median(steps)


def test_images_of_a_batch_are_independent(scene):
    images = [scene(24, 24, seed=seed) for seed in range(4)]
    together = through_ours(images, QUALITIES[:4])
    for i, image in enumerate(images):
        assert np.array_equal(through_ours([image], [QUALITIES[i]])[0], together[i])
