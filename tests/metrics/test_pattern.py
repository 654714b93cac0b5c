"""Pattern and grain, measured on textures whose strength is known."""

import os
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from srgan_gp.data.benchmark_downscalers import bicubic
from srgan_gp.evaluation.evaluate import evaluate
from srgan_gp.metrics.pattern import FlatSpectrum, pattern_and_grain
from srgan_gp.models.cards import read_card

SHARED = Path(os.environ.get("SRGAN_GP_SHARED", Path(__file__).parents[3] / "shared"))
WEIGHTS = Path(__file__).parents[2] / "weights"
SIDE = 512
FLAT = np.full((SIDE, SIDE), 120.0)


def texture_of(*outputs):
    """Measure luma images whose input is a flat area."""
    spectrum = FlatSpectrum()
    for output in outputs:
        spectrum.add_luma(output, np.full_like(output, 120.0))
    return spectrum.texture()


def noise_of(rng, *shape):
    """White noise of 0.5 levels rms around a grey."""
    return 120 + rng.normal(0, 0.5, shape or FLAT.shape)


def grey(values):
    """Turn (H, W) in [0, 255] into an RGB image."""
    return np.repeat(np.rint(values).astype(np.uint8)[..., None], 3, axis=2)


def test_the_windows_of_an_image_are_not_copied_together():
    image = np.full((768, 768), 120.0)
    spectrum = FlatSpectrum()
    tracemalloc.start()
    try:
        spectrum.add_luma(image, image)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert spectrum.texture().windows == 22**2
    assert peak < 3 * image.nbytes  # all windows together have 3.4 times the bytes of the image


@pytest.mark.parametrize("period", [3.2, 4, 5.3])
@pytest.mark.parametrize("degrees", [0, 20, 45])
def test_the_strength_of_a_sine_lattice_in_noise_is_found(rng, period, degrees):
    rows, columns = np.indices(FLAT.shape)
    along = np.exp(1j * np.radians(degrees)) * (columns + 1j * rows) * 2 * np.pi / period
    lattice = np.sin(along.real) + np.sin(along.imag)  # of 1 level rms
    assert lattice.std() == pytest.approx(1, rel=0.01)
    assert texture_of(noise_of(rng) + 0.3 * lattice).pattern == pytest.approx(0.3, rel=0.2)


def test_white_noise_is_grain_and_not_a_pattern(rng):
    texture = texture_of(noise_of(rng))
    assert texture.pattern <= 0.03
    radius = np.hypot(*np.meshgrid(np.fft.fftfreq(64), np.fft.fftfreq(64)))
    share = np.mean((radius >= 0.13) & (radius <= 0.5))
    assert texture.grain == pytest.approx(0.5 * share**0.5, rel=0.02)


def test_texture_coarser_than_the_band_is_neither():
    rows, columns = np.indices(FLAT.shape)
    waves = 120 + np.sin(rows * 2 * np.pi / 12) + np.sin(columns * 2 * np.pi / 12)
    texture = texture_of(waves)
    assert texture.pattern < 0.01
    assert texture.grain < 0.01


def test_the_windows_of_a_set_are_counted_and_their_power_is_averaged(rng):
    # Windows begin every 32 pixels from 8 on and end 8 before the edge.
    small, large = noise_of(rng, 111, 112), np.full((144, 176), 120.0)
    alone, both = texture_of(small), texture_of(small, large)
    assert (alone.windows, both.windows) == (2, 2 + 3 * 4)
    assert both.grain == pytest.approx(alone.grain * (2 / 14) ** 0.5)
    assert both.pattern == pytest.approx(alone.pattern * (2 / 14) ** 0.5)


@pytest.mark.parametrize("sides", [(79, 80), (80, 79), (5, 7)])
def test_images_without_a_window_are_skipped(rng, sides):
    assert texture_of(noise_of(rng, *sides)) is None
    assert texture_of(noise_of(rng, *sides), noise_of(rng, 80, 80)).windows == 1


def test_windows_count_that_are_flat_in_the_input_and_in_the_original(rng):
    rough_left, rough_right = FLAT.copy(), FLAT.copy()
    rough_left[:, : SIDE // 4] += rng.normal(0, 10, (SIDE, SIDE // 4))
    rough_right[:, -SIDE // 4 :] += rng.normal(0, 10, (SIDE, SIDE // 4))

    def windows(enlarged, original=None):
        spectrum = FlatSpectrum()
        spectrum.add_luma(FLAT, enlarged, original)
        return spectrum.texture().windows

    assert windows(FLAT) == windows(FLAT, FLAT) == 14 * 14
    left, right = windows(rough_left), windows(rough_right)
    assert (windows(FLAT, rough_left), windows(FLAT, rough_right)) == (left, right)
    assert max(left, right) < 14 * 14
    assert windows(rough_left, rough_right) == left + right - 14 * 14
    assert windows(FLAT, FLAT + rng.normal(0, 3.8, FLAT.shape)) > 0  # 4 levels are the limit


def test_a_set_without_a_flat_window_has_no_texture(rng):
    rough = rng.integers(0, 256, (128, 128, 3), dtype=np.uint8)
    assert pattern_and_grain([rough], [rough]) is None
    assert (
        pattern_and_grain([grey(FLAT)], [grey(FLAT)], [grey(rng.normal(120, 9, FLAT.shape))])
        is None
    )
    assert pattern_and_grain([], []) is None


def test_images_are_measured_by_their_luma(rng):
    gradient = np.add.outer(np.arange(40.0), np.arange(40.0)) + 80
    small = grey(gradient)
    output = grey(bicubic(small, 4)[..., 0] + rng.normal(0, 3, (160, 160)))
    from_input = pattern_and_grain([output], [small])
    assert from_input == pattern_and_grain([output], [bicubic(small, 4)], [bicubic(small, 4)])
    luma = [values[..., 0] * (219 / 255) + 16 for values in (output, bicubic(small, 4))]
    spectrum = FlatSpectrum()
    spectrum.add_luma(*luma)
    assert from_input.grain == pytest.approx(spectrum.texture().grain)


def test_different_shapes_are_refused():
    images = [grey(FLAT)]
    with pytest.raises(ValueError, match="cannot compare"):
        pattern_and_grain(images, images, [grey(FLAT)[:-4]])
    for inputs, originals in (([], None), (images, [])):
        with pytest.raises(ValueError, match="numbers of outputs, inputs and originals differ"):
            pattern_and_grain(images, inputs, originals)


@pytest.mark.shared
def test_the_shipped_model_and_the_originals_have_the_known_texture():
    scores = evaluate(
        str(WEIGHTS / "photo-x4-psnr.onnx"),
        f"{SHARED}/data/bench_sr.zip:Set14/HR",
        low_res="area-jpeg75",
        feature_weights=Path("none"),
    )
    on_card = {
        score.metric: score.value
        for score in read_card(WEIGHTS / "photo-x4-psnr.toml").scores
        if score.set == "Set14" and score.protocol.startswith("x4, low-res by area-jpeg75,")
    }
    # The card has three digits.
    assert scores.texture.pattern == pytest.approx(on_card["pattern"], abs=0.001)
    assert scores.texture.grain == pytest.approx(on_card["grain"], abs=0.01)
    assert scores.original_texture.pattern < 0.005
    assert scores.original_texture.grain == pytest.approx(1.17, abs=0.005)
