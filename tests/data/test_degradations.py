from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from srgan_gp.data.degradations import (
    DEGRADATION_MARGIN,
    degrade,
    draw,
    gaussian_kernels,
    least_side,
)
from srgan_gp.data.resampling import NAMES, downscale, matlab_bicubic, to_8_bit


def as_batch(*images):
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float()


def as_levels(images):
    return images.permute(0, 2, 3, 1).int().numpy()


def flat(level, count=1, side=64):
    return torch.full((count, 3, side, side), float(level))


ROUNDS = pytest.mark.parametrize("turn", ["first", "second"])


def only(count, name="area", turn="first", **damage):
    """Draws of `count` images, downscaled by `name` and degraded as given in one round."""
    clean = draw(3, range(count), 1.0)
    values = {
        key: np.full_like(plain, damage.get(key, 0)) for key, plain in vars(clean.first).items()
    }
    downscalers = np.full(count, NAMES.index(name))
    return replace(clean, downscalers=downscalers, **{turn: replace(clean.first, **values)})


@pytest.fixture(scope="module")
def windows(scene):
    return as_batch(*(scene(64, 72, seed=seed) for seed in range(16)))


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_the_result_for_an_image_is_the_same_in_any_batch(windows, scale):
    numbers = range(100, 116)
    together = degrade(windows, scale, draw(0, numbers, 0.2))
    backwards = degrade(windows.flip(0), scale, draw(0, numbers[::-1], 0.2))
    assert torch.equal(backwards.flip(0), together)
    for i in range(4):
        alone = degrade(windows[i : i + 1], scale, draw(0, [numbers[i]], 0.2))
        assert torch.equal(alone[0], together[i])


def test_another_number_gives_another_image(windows):
    damage = {"noise_sigmas": 5, "qualities": 60}
    draws = only(16, **damage)
    later = replace(draws, numbers=draws.numbers + 16)
    assert not torch.equal(degrade(windows, 4, draws), degrade(windows, 4, later))


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_the_result_is_whole_levels_of_the_rounded_up_size(windows, scale):
    low_res = degrade(windows[..., :70], scale, draw(0, range(16), 0.0))
    assert low_res.shape == (16, 3, -(-64 // scale), -(-70 // scale))
    assert low_res.dtype == torch.float32
    assert torch.equal(low_res, low_res.round().clamp(0, 255))


@pytest.mark.parametrize("scale", [2, 4])
def test_clean_images_are_the_plain_downscalers_bit_for_bit(windows, scale):
    draws = draw(5, range(16), 1.0)
    low_res = degrade(windows, scale, draws)
    matlab = draws.downscalers == NAMES.index("cubic")
    assert 0 < matlab.sum() < 16
    assert torch.equal(low_res[matlab], matlab_bicubic(windows, scale)[matlab])
    assert torch.equal(low_res, to_8_bit(downscale(windows, scale, draws.downscalers)))


@pytest.mark.parametrize("sigmas", [(1.0, 1.0), (2.5, 2.5), (0.4, 2.0)])
def test_blur_equals_opencvs(scene, sigmas):
    image = scene(48, 56)
    along, across = sigmas
    # At scale 1 a sigma of 4 means 1 pixel, and the area mean changes nothing.
    draws = only(1, blur_sigmas=np.multiply(4, sigmas))
    turned = only(1, blur_sigmas=np.multiply(4, sigmas), blur_angles=np.pi / 2)
    edge = cv2.BORDER_REFLECT_101
    for ours, (x, y) in [(draws, (along, across)), (turned, (across, along))]:
        blurred = cv2.GaussianBlur(image, (21, 21), x, sigmaY=y, borderType=edge).astype(int)
        assert np.abs(as_levels(degrade(as_batch(image), 1, ours))[0] - blurred).max() <= 1


def test_the_second_rounds_blur_is_in_lr_pixels(scene):
    image = scene(96, 112)
    small = cv2.resize(image, (56, 48), interpolation=cv2.INTER_AREA)
    blurred = cv2.GaussianBlur(small, (7, 7), 0.8, sigmaY=2, borderType=cv2.BORDER_REFLECT_101)
    draws = only(1, turn="second", blur_sigmas=np.array([0.8, 2]))
    ours = as_levels(degrade(as_batch(image), 2, draws))[0]
    assert np.abs(ours - blurred.astype(int)).max() <= 2  # the means round their halves apart
    assert np.abs(ours - small.astype(int)).max() > 10


def test_a_turned_blur_spreads_a_dot_along_its_axis():
    sigmas, angle = np.array([[2.0, 1.0]]), np.array([0.6])
    kernel = gaussian_kernels(sigmas, angle, 21)[0]
    y, x = np.mgrid[-10:11, -10:11]
    measured = [[(kernel * a * b).sum() for b in (x, y)] for a in (x, y)]
    turn = np.array([[np.cos(0.6), -np.sin(0.6)], [np.sin(0.6), np.cos(0.6)]])
    assert np.allclose(measured, turn @ np.diag([4.0, 1.0]) @ turn.T, atol=0.01)
    assert kernel.sum() == pytest.approx(1)


@ROUNDS
def test_noise_has_its_sigma_and_is_different_in_each_channel(turn):
    noise = degrade(flat(128, 8), 2, only(8, turn=turn, noise_sigmas=7)) - 128
    assert noise.std().item() == pytest.approx(7, rel=0.03)
    assert noise.mean().item() == pytest.approx(0, abs=0.2)
    channels = noise.transpose(0, 1).flatten(1)
    assert torch.corrcoef(channels).fill_diagonal_(0).abs().max() < 0.05


def test_the_two_rounds_have_independent_noise():
    first, second = (
        degrade(flat(128, 8), 2, only(8, turn=turn, noise_sigmas=7)) - 128
        for turn in ("first", "second")
    )
    # 24,576 values: one standard deviation is 0.006.
    assert torch.corrcoef(torch.stack([first.flatten(), second.flatten()]))[0, 1].abs() < 0.03


def test_grey_noise_is_the_same_in_every_channel():
    for poisson in (False, True):
        draws = only(2, noise_sigmas=7, grey=True, poisson=poisson)
        noise = degrade(flat(128, 2), 2, draws) - 128
        assert torch.equal(noise[:, 0], noise[:, 1])
        assert torch.equal(noise[:, 0], noise[:, 2])
        assert noise.std() > 5


def test_poisson_noise_grows_with_the_root_of_the_level():
    draws = only(8, noise_sigmas=6, poisson=True)
    spread = [degrade(flat(level, 8), 2, draws).std().item() for level in (32, 128)]
    assert spread == pytest.approx([3, 6], rel=0.03)


@ROUNDS
def test_jpeg_equals_a_jpeg_file(scene, turn):
    image = scene(64, 64)
    small = cv2.resize(image, (32, 32), interpolation=cv2.INTER_AREA)
    _, encoded = cv2.imencode(".jpg", small[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 60])
    file = cv2.imdecode(encoded, cv2.IMREAD_COLOR)[..., ::-1].astype(int)
    ours = as_levels(degrade(as_batch(image), 2, only(1, turn=turn, qualities=60)))[0]
    assert np.abs(ours - file).mean() < 0.5  # the two round halves of the mean differently
    assert np.abs(small - file).mean() > 2


def test_a_flat_image_keeps_its_mean():
    draws = draw(0, range(64), 0.0)
    means = degrade(flat(100, 64), 4, draws).mean(dim=(1, 2, 3)) - 100
    # Noise of sigma 12 on 256 pixels alone moves the mean by 0.75 at one standard deviation.
    quiet = (draws.first.noise_sigmas == 0) & (draws.second.noise_sigmas == 0)
    assert means[torch.from_numpy(quiet)].abs().max() <= 1
    assert means.abs().max() <= 3


def test_the_second_round_makes_softer_images(windows):
    once = only(16, qualities=90)
    twice = replace(once, round_trips=np.full(16, 0.5))
    ours, softer = (degrade(windows, 2, draws).diff(dim=-1).abs().mean() for draws in (once, twice))
    assert softer < 0.8 * ours


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_the_least_side_is_enough_for_every_damage(windows, scale):
    side = least_side(scale)
    assert side >= 11
    assert side > 4 * scale
    once = draw(0, range(16), 0.0)
    twice = replace(once, second=once.first, round_trips=np.full(16, 0.5))
    low_res = degrade(windows[..., :side, :side], scale, twice)
    assert low_res.shape == (16, 3, side // scale, side // scale)


def test_the_margin_holds_what_the_windows_edge_changes(scene):
    whole = as_batch(scene(160, 160))
    draws = only(1, "lanczos", blur_sigmas=2.5)  # the widest kernels
    window = degrade(whole[..., 24:-24, 24:-24], 4, draws)
    apart = (window - degrade(whole, 4, draws)[..., 6:-6, 6:-6]).abs()
    margin = DEGRADATION_MARGIN
    assert apart[..., margin:-margin, margin:-margin].max() <= 1
    assert apart.max() > 3
