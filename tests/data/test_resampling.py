import os
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from srgan_gp.data.image_sources import list_images
from srgan_gp.data.resampling import (
    BICUBIC_MARGIN,
    NAMES,
    bicubic_enlarge,
    downscale,
    matlab_bicubic,
    round_trip,
    to_8_bit,
)

SHARED = Path(os.environ.get("SRGAN_GP_SHARED", Path(__file__).parents[3] / "shared"))


def noise(*shape, dtype=torch.float64):
    return torch.randint(0, 256, shape, generator=torch.Generator().manual_seed(0)).to(dtype)


def cubic(x):
    """Keys' kernel, implemented again from the paper."""
    x = abs(x)
    if x <= 1:
        return 1.5 * x**3 - 2.5 * x**2 + 1
    return -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2 if x < 2 else 0.0


def resized_slowly(values, scale):
    """Downscale a list of numbers one output at a time, edges repeated."""
    result = []
    for i in range(-(-len(values) // scale)):
        centre = (i + 0.5) * scale - 0.5
        taps = range(int(np.floor(centre)) - 2 * scale, int(np.ceil(centre)) + 2 * scale + 1)
        weights = [cubic((centre - t) / scale) for t in taps]
        inside = [values[min(max(t, 0), len(values) - 1)] for t in taps]
        mean = sum(w * v for w, v in zip(weights, inside, strict=True)) / sum(weights)
        result.append(min(max(np.floor(mean + 0.5), 0), 255))
    return result


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_each_pass_equals_a_slow_sum(scale):
    column = noise(1, 1, 23, 1)
    expected = resized_slowly(column.flatten().tolist(), scale)
    image = column.expand(1, 1, 23, scale)  # one column wide: the second pass changes nothing
    assert matlab_bicubic(image, scale).flatten().tolist() == expected


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_a_flat_image_stays_flat(scale):
    flat = torch.full((1, 3, 24, 36), 77.0)
    assert matlab_bicubic(flat, scale).unique().tolist() == [77]
    assert bicubic_enlarge(flat, scale).unique().tolist() == [77]


@pytest.mark.parametrize("scale", [2, 4])
def test_float32_is_exact_where_the_weights_are_dyadic(scale):
    image = noise(1, 3, 64, 48)
    assert torch.equal(matlab_bicubic(image.float(), scale).double(), matlab_bicubic(image, scale))


@pytest.mark.parametrize("scale", [2, 4])
def test_a_crop_with_its_margin_equals_the_whole_image(scale):
    image = noise(1, 3, 80, 96)
    whole = matlab_bicubic(image, scale)
    size = (6 + 2 * BICUBIC_MARGIN) * scale
    top, left = 3 * scale, 5 * scale
    crop = matlab_bicubic(image[..., top : top + size, left : left + size], scale)
    inside = crop[..., BICUBIC_MARGIN:-BICUBIC_MARGIN, BICUBIC_MARGIN:-BICUBIC_MARGIN]
    row, column = 3 + BICUBIC_MARGIN, 5 + BICUBIC_MARGIN
    assert torch.equal(inside, whole[..., row : row + 6, column : column + 6])


def test_a_smaller_margin_would_differ():
    image = noise(1, 3, 80, 96)
    crop = matlab_bicubic(image[..., 12:52, 20:60], 4)
    assert not torch.equal(crop, matlab_bicubic(image, 4)[..., 3:13, 5:15])


def test_halves_are_rounded_away_from_zero():
    image = torch.tensor([[[[1.0, 2.0], [1.0, 2.0]]]])  # the mean of the row is 1.5
    assert matlab_bicubic(image, 2).item() == 2


def as_batch(pixels):
    return torch.from_numpy(pixels.transpose(2, 0, 1)[None]).float()


def as_levels(images):
    return to_8_bit(images)[0].permute(1, 2, 0).int().numpy()


def downscaled(pixels, name, scale):
    return as_levels(downscale(as_batch(pixels), scale, np.array([NAMES.index(name)])))


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize(
    ("name", "flag"), [("area", cv2.INTER_AREA), ("aliased cubic", cv2.INTER_CUBIC)]
)
def test_downscaling_equals_opencv_up_to_the_rounding(scene, name, flag, scale):
    pixels = scene(24 * scale, 20 * scale)
    expected = cv2.resize(pixels, (20, 24), interpolation=flag).astype(int)
    assert np.abs(downscaled(pixels, name, scale) - expected).max() <= 1


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize(
    ("name", "flag", "reach"),
    [
        ("cubic", Image.Resampling.BICUBIC, 2),
        ("bilinear", Image.Resampling.BILINEAR, 1),
        ("lanczos", Image.Resampling.LANCZOS, 3),
    ],
)
def test_downscaling_equals_pillow_up_to_the_rounding(scene, name, flag, reach, scale):
    pixels = scene(24 * scale, 20 * scale)
    expected = np.asarray(Image.fromarray(pixels).resize((20, 24), flag)).astype(int)
    inside = np.s_[reach:-reach, reach:-reach]  # at the edge Pillow renormalises the weights
    assert np.abs(downscaled(pixels, name, scale)[inside] - expected[inside]).max() <= 1


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("name", ["cubic", "bilinear", "lanczos"])
def test_at_the_border_pillow_differs_by_several_levels(rng, name, scale):
    pixels = rng.integers(0, 256, (24 * scale, 20 * scale, 3), np.uint8)
    flag = Image.Resampling["BICUBIC" if name == "cubic" else name.upper()]
    apart = downscaled(pixels, name, scale) - np.asarray(
        Image.fromarray(pixels).resize((20, 24), flag)
    ).astype(int)
    assert 4 < np.abs(apart).max() <= 12


def test_the_downscalers_differ_from_each_other(scene):
    made = np.stack([downscaled(scene(64, 64), name, 4) for name in NAMES])
    apart = np.abs(made[:, None] - made[None]).max(axis=(2, 3, 4))
    assert apart[~np.eye(len(NAMES), dtype=bool)].min() > 1


@pytest.mark.parametrize("scale", [2, 4])
def test_the_cubic_images_of_a_mixed_batch_equal_matlabs_bit_for_bit(scale):
    images = noise(3, 3, 30, 26, dtype=torch.float32)
    kinds = np.array([NAMES.index(name) for name in ("lanczos", "cubic", "area")])
    made = to_8_bit(downscale(images, scale, kinds))
    assert torch.equal(made[1], matlab_bicubic(images, scale)[1])
    assert not torch.equal(made[0], matlab_bicubic(images, scale)[0])


@pytest.mark.parametrize("name", NAMES)
def test_every_downscaler_keeps_a_flat_image_and_rounds_sides_up(name):
    flat = torch.full((1, 3, 22, 37), 77.0)
    made = to_8_bit(downscale(flat, 4, np.array([NAMES.index(name)])))
    assert made.shape == (1, 3, 6, 10)
    assert made.unique().tolist() == [77]


def test_a_round_trip_equals_two_resizes_of_pillow(scene):
    pixels, bicubic = scene(40, 50), Image.Resampling.BICUBIC
    smaller = Image.fromarray(pixels).resize((30, 24), bicubic)
    expected = np.asarray(smaller.resize((50, 40), bicubic)).astype(int)
    made = as_levels(round_trip(as_batch(pixels), np.array([0.6])))
    inside = np.s_[5:-5, 5:-5]
    assert np.abs(made[inside] - expected[inside]).max() <= 2  # Pillow rounds on the way as well


@pytest.mark.shared
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("scale", [2, 4])
@pytest.mark.parametrize(("folder", "count"), [("Set5", 5), ("Set14", 14)])
def test_the_published_lr_images_are_reproduced_bit_for_bit(folder, count, scale, dtype):
    archive = f"{SHARED}/data/bench_sr.zip:{folder}"
    pairs = list(
        zip(list_images(f"{archive}/HR"), list_images(f"{archive}/LRx{scale}"), strict=True)
    )
    assert len(pairs) == count
    for high_file, low_file in pairs:
        high_res, low_res = high_file.read(), low_file.read()
        height, width = (side - side % scale for side in high_res.shape[:2])
        whole = torch.from_numpy(high_res[:height, :width].transpose(2, 0, 1)).to(dtype)
        made = matlab_bicubic(whole[None], scale)[0].numpy().transpose(1, 2, 0)
        assert np.array_equal(made, low_res), high_file.name
