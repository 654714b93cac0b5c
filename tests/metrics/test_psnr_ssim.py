import numpy as np
import pytest
from skimage.color import rgb2ycbcr
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from srgan_gp.data.benchmark_downscalers import matlab
from srgan_gp.metrics.psnr_ssim import consistency, luma, psnr_y, ssim_y


@pytest.fixture
def pair(rng):
    rows, columns = np.indices((70, 83))
    base = 127 + 60 * np.sin(rows / 5) + 50 * np.cos(columns / 7)
    target = (base[..., None] + rng.normal(0, 6, (70, 83, 3))).clip(0, 255).astype(np.uint8)
    output = (target + rng.normal(0, 9, target.shape)).clip(0, 255).astype(np.uint8)
    return output, target


def test_luma_is_that_of_scikit_image(pair):
    np.testing.assert_allclose(luma(pair[0]), rgb2ycbcr(pair[0])[..., 0], atol=1e-9)


def test_psnr_of_a_known_offset():
    target = np.full((20, 20, 3), 100, np.uint8)
    step = (65.481 + 128.553 + 24.966) / 255  # luma of one level in all three channels
    assert psnr_y(target + 5, target, 4) == pytest.approx(20 * np.log10(255 / (5 * step)))


def test_psnr_and_ssim_agree_with_scikit_image(pair):
    x, y = (luma(p)[4:-4, 4:-4] for p in pair)
    assert psnr_y(*pair, 4) == pytest.approx(peak_signal_noise_ratio(y, x, data_range=255))
    _, full = structural_similarity(
        y, x, data_range=255, gaussian_weights=True, sigma=1.5,
        use_sample_covariance=False, full=True,
    )  # fmt: skip
    assert ssim_y(*pair, 4) == pytest.approx(full[5:-5, 5:-5].mean(), abs=1e-12)


def test_equal_images_are_perfect(pair):
    assert psnr_y(pair[1], pair[1], 4) == np.inf
    assert ssim_y(pair[1], pair[1], 4) == pytest.approx(1)


def test_the_border_does_not_count(pair):
    spoiled = pair[0].copy()
    spoiled[:4], spoiled[-4:], spoiled[:, :4], spoiled[:, -4:] = 0, 0, 0, 0
    assert psnr_y(spoiled, pair[1], 4) == psnr_y(*pair, 4)
    assert psnr_y(spoiled, pair[1], 3) < psnr_y(*pair, 3)


@pytest.mark.parametrize("score", [psnr_y, ssim_y])
def test_images_of_different_sizes_are_refused(score, pair):
    with pytest.raises(ValueError, match="cannot compare"):
        score(pair[0][:-1], pair[1], 4)


def test_nothing_inside_the_border_is_refused(pair):
    with pytest.raises(ValueError, match="cannot compare"):
        psnr_y(pair[0][:8], pair[1][:8], 4)
    with pytest.raises(ValueError, match="cannot compare"):
        ssim_y(pair[0][:18], pair[1][:18], 4)


def test_an_output_that_downscales_to_the_input_is_consistent(pair):
    output = pair[0][:68, :80]
    low_res = matlab(output, 4)
    assert consistency(output, low_res) == np.inf
    without_detail = low_res.repeat(4, 0).repeat(4, 1)
    assert 20 < consistency(without_detail, low_res) < 60


def test_an_output_of_another_brightness_is_inconsistent_by_just_that():
    low_res = np.full((5, 4, 3), 100, np.uint8)
    step = (65.481 + 128.553 + 24.966) / 255
    expected = 20 * np.log10(255 / (5 * step))
    assert consistency(np.full((15, 12, 3), 105, np.uint8), low_res) == pytest.approx(expected)


def test_consistency_ignores_one_pixel_at_the_border_of_the_input(pair):
    output = pair[0][:68, :80]
    low_res = matlab(output, 4)
    for row, is_counted in ((0, False), (1, True)):
        spoiled = low_res.copy()
        spoiled[row, 5] ^= 128
        assert np.isfinite(consistency(output, spoiled)) == is_counted


@pytest.mark.parametrize("shape", [(17, 16), (16, 15), (12, 16)])
def test_an_output_that_is_not_a_multiple_of_the_input_is_refused(shape):
    with pytest.raises(ValueError, match="cannot compare"):
        consistency(np.zeros((*shape, 3), np.uint8), np.zeros((4, 4, 3), np.uint8))
