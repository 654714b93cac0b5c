import math

import pytest

from srgan_gp.inference.loading.model_info import UNKNOWN_BYTES_PER_PIXEL
from srgan_gp.inference.tiling.memory_estimate import (
    CPU_BUDGET,
    choose_tile,
    estimate_bytes_per_pixel,
)


@pytest.fixture
def info(fake_session):
    return fake_session(scale=4, overlap=27, bytes_per_pixel=1600).info


def test_the_estimate_is_twice_the_tensors_alive_at_once(onnx_models):
    """Two 3x3 convolutions of 4 channels, one of 12, PixelShuffle(2), one copy of the result."""
    model = onnx_models.convolutional()
    # At the shuffle: 12 channels in, 3 channels of 2x2 pixels out. 4 bytes each, twice.
    assert estimate_bytes_per_pixel(model) == 2 * 4 * (12 + 12)


def test_a_model_of_unknown_shapes_gets_the_default(onnx_models):
    from onnx import helper

    node = helper.make_node("Compress", ["image", "condition"], ["upscaled"])
    model = onnx_models.of_nodes([node])
    assert estimate_bytes_per_pixel(model) == UNKNOWN_BYTES_PER_PIXEL


def test_an_image_that_fits_is_not_tiled_on_a_cpu(info):
    side = math.isqrt(CPU_BUDGET // 1600)
    assert choose_tile(info, side, side, on_gpu=False) is None
    assert choose_tile(info, side + 1, side + 1, on_gpu=False) is not None


@pytest.mark.parametrize("size", [(900, 900), (3000, 4000), (100, 50_000), (10_000, 10_000)])
def test_windows_on_a_cpu_fit_the_budget(info, size):
    window = choose_tile(info, *size, on_gpu=False) + 2 * 27
    assert min(window, size[0]) * min(window, size[1]) * 1600 <= CPU_BUDGET


def test_an_image_just_too_large_is_cut_evenly(info):
    """Two full-size windows a side would do nearly four times the work."""
    window = choose_tile(info, 900, 900, on_gpu=False) + 2 * 27
    assert 4 * window**2 < 1.3 * 900**2


def test_a_gpu_uses_one_window_for_all_images(info):
    tiles = {choose_tile(info, side, side, on_gpu=True) for side in (10, 100, 1000, 10_000)}
    assert len(tiles) == 1


def test_a_large_overlap_still_leaves_pixels_to_keep(fake_session):
    info = fake_session(overlap=350, bytes_per_pixel=50_000).info
    assert choose_tile(info, 2000, 2000, on_gpu=False) >= 32


def test_a_global_model_is_never_tiled(fake_session):
    info = fake_session(overlap=None).info
    assert choose_tile(info, 10_000, 10_000, on_gpu=True) is None
