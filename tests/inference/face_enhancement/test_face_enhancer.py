import threading
from dataclasses import replace

import numpy as np
import pytest

from srgan_gp.errors import Cancelled, UsageError, arguments_as_options
from srgan_gp.images import Picture
from srgan_gp.inference.face_enhancement import face_enhancer, face_upscaling
from srgan_gp.inference.face_enhancement.face_enhancer import (
    LARGEST_FACE,
    SMALLEST_FACE,
    FaceEnhancer,
)
from srgan_gp.inference.face_enhancement.face_options import FaceOptions
from srgan_gp.inference.upscaler import Upscaler


@pytest.fixture
def noise(rng):
    """A photo of noise, whose repeated pixels, downscaled, are not quite the photo."""
    return rng.integers(80, 121, (90, 140, 3), dtype=np.uint8)


@pytest.fixture
def enhanced(fake_session, detector_of):
    """Upscale with and without faces: returns both results and the faces."""

    def upscale(photo, faces, enlarger, scale=None, strength=1.0):
        enhancer = FaceEnhancer(detector_of(*faces), enlarger, FaceOptions(strength))
        upscaler = Upscaler(fake_session(scale=enlarger.scale), enhancer)
        plain = Upscaler(fake_session(scale=enlarger.scale)).upscale(photo, scale=scale)
        return upscaler.upscale(photo, scale=scale), plain, upscaler.report.faces

    return upscale


def box_in_result(face, shape, result_shape):
    left, top, width, height = face.box
    (y, x) = (result_shape[i] / shape[i] for i in (0, 1))
    rows = slice(int(np.floor(top * y)), int(np.ceil((top + height) * y)))
    return rows, slice(int(np.floor(left * x)), int(np.ceil((left + width) * x)))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("scale", [None, 1.5, 3.3])
def test_only_pixels_in_the_box_of_a_face_change(
    enhanced, dotted, face_at, scene, as_dtype, dtype, channels, scale
):
    photo = as_dtype(scene(90, 120), dtype, channels)
    result, plain, [face] = enhanced(photo, [face_at(50, 40, 30)], dotted(), scale)
    assert result.dtype == dtype and result.shape == plain.shape
    assert (face.box, face.done) == ((27, 17, 46, 46), "enhanced")
    assert face.side == 30
    inside = box_in_result(face, photo.shape, plain.shape)
    assert (result[inside] != plain[inside]).any()
    result[inside] = plain[inside]
    np.testing.assert_array_equal(result, plain)


def test_the_face_is_that_of_the_model_of_the_faces(enhanced, dotted, face_at, noise):
    """In the middle, where the mask is 1; the mean colours are equal and need no correction."""
    enlarger = dotted()
    result, _, _ = enhanced(noise, [face_at(50, 40, 30)], enlarger)
    whole = enlarger.upscale(noise)
    middle = (slice(60, 100), slice(80, 120))
    assert np.abs(result[middle].astype(int) - whole[middle]).max() <= 1
    assert np.ptp(whole[middle]) > 40


@pytest.mark.parametrize("scale", [None, 2.5])
@pytest.mark.parametrize("degrees", [0, 90, 180, 270, -10])
def test_the_model_of_the_photo_as_that_of_the_faces_changes_nothing(
    enhanced, fake_session, face_at, scene, scale, degrees
):
    """So the face comes back to its place exactly; only resampling may round differently."""
    faces = [face_at(50, 41, 30, degrees), face_at(117, 3, 25, degrees)]
    result, plain, found = enhanced(scene(90, 121), faces, Upscaler(fake_session()), scale)
    assert [face.done for face in found] == ["enhanced"] * 2
    assert np.abs(result.astype(int) - plain).max() <= (0 if scale is None else 1)


def test_a_photo_without_a_face_is_the_same_as_without(enhanced, dotted, scene):
    result, plain, found = enhanced(scene(40, 50), [], dotted())
    assert found == ()
    np.testing.assert_array_equal(result, plain)


@pytest.mark.parametrize(("strength", "part"), [(0, 0), (0.5, 0.5), (1, 1)])
def test_the_strength_is_the_weight_of_the_model_of_the_faces(
    enhanced, dotted, face_at, noise, strength, part
):
    result, plain, _ = enhanced(noise, [face_at(50, 40, 30)], dotted(), strength=strength)
    difference = np.abs(result.astype(int) - plain)[70:90, 90:110]
    assert difference.max() == pytest.approx(part * 0.1 * 255, abs=1)


def test_every_face_of_several_is_enhanced_and_reported_in_order(enhanced, dotted, face_at, scene):
    faces = [face_at(30, 30, 24, score=0.95), face_at(90, 30, 24), face_at(60, 60, 24, score=0.8)]
    result, plain, found = enhanced(scene(90, 120), faces, dotted())
    assert [face.score for face in found] == [0.95, 0.9, 0.8]
    for face in found:
        inside = box_in_result(face, (90, 120), plain.shape)
        assert (result[inside] != plain[inside]).mean() > 0.3


@pytest.mark.parametrize(("x", "y"), [(2, 3), (118, 88), (60, -4), (119, 45)])
def test_a_face_that_is_cut_off_is_enhanced_up_to_the_edge(enhanced, dotted, face_at, scene, x, y):
    photo = scene(90, 120)
    result, plain, [face] = enhanced(photo, [face_at(x, y, 40)], dotted())
    left, top, width, height = face.box
    assert left >= 0 and top >= 0 and left + width <= 120 and top + height <= 90
    assert face.done == "enhanced"
    edge = (min(max(2 * y, 0), 179), min(max(2 * x, 0), 239))
    assert (result[edge] != plain[edge]).any()


@pytest.mark.parametrize(
    ("side", "scale", "reason"),
    [
        (SMALLEST_FACE - 1, None, "too small"),
        (LARGEST_FACE + 1, None, "large enough"),
        (30, 1, "not enlarged"),
    ],
)
def test_a_face_that_does_not_profit_is_left_as_it_is(
    enhanced, dotted, face_at, scene, side, scale, reason
):
    result, plain, [face] = enhanced(scene(150, 160), [face_at(80, 70, side)], dotted(), scale)
    assert (face.done, face.reason, face.psnr_with) == ("unchanged", reason, None)
    np.testing.assert_array_equal(result, plain)


def test_a_face_unlike_the_input_is_left_as_it_is(enhanced, fake_session, face_at, scene):
    """The model turns the crop upside down, which no colour correction hides."""

    def flip(images):
        return images[:, :, ::-1].repeat(2, axis=2).repeat(2, axis=3)

    enlarger = Upscaler(fake_session(flip))
    result, plain, [face] = enhanced(scene(90, 120), [face_at(50, 40, 30)], enlarger)
    assert (face.done, face.reason) == ("unchanged", "less faithful to the input")
    assert face.psnr_without > face.psnr_with + 1
    np.testing.assert_array_equal(result, plain)


def test_a_face_gets_the_colours_of_the_photo(enhanced, fake_session, face_at, scene):
    shift = np.array([0.1, -0.05, 0.02], np.float32)[:, np.newaxis, np.newaxis]

    def tinted(images):
        return images.repeat(2, axis=2).repeat(2, axis=3) + shift

    photo = scene(90, 120)
    result, plain, [face] = enhanced(photo, [face_at(50, 40, 30)], Upscaler(fake_session(tinted)))
    assert face.done == "enhanced"
    assert np.abs(result.astype(int) - plain).max() <= 1


def test_alpha_is_kept_and_hidden_pixels_do_not_matter(
    fake_session, detector_of, dotted, face_at, scene
):
    pixels, alpha = scene(90, 120), np.full((90, 120), 255, np.uint8)
    alpha[:, 60:] = 0
    enhancer = FaceEnhancer(detector_of(face_at(55, 40, 30)), dotted(), FaceOptions())
    upscaler, plain = Upscaler(fake_session(), enhancer), Upscaler(fake_session())
    result = upscaler.upscale(Picture(pixels, alpha))
    np.testing.assert_array_equal(result.alpha, plain.upscale(Picture(pixels, alpha)).alpha)
    hidden = pixels.copy()
    hidden[:, 60:] = 255 - hidden[:, 60:]
    np.testing.assert_array_equal(
        result.pixels[:, :120], upscaler.upscale(Picture(hidden, alpha)).pixels[:, :120]
    )


@pytest.mark.parametrize("degrees", [0, 30, 90, -60, 135, 180])
def test_the_model_sees_a_turned_face_upright(
    enhanced, fake_session, face_at, monkeypatch, degrees
):
    """The upper half of the face is bright, as seen by the face."""
    # Repeated pixels agree with a photo so smooth better than any resampling.
    monkeypatch.setattr(face_enhancer, "MAX_LOSS", 100)
    rows, columns = np.indices((100, 100)) - 49.5
    angle = np.deg2rad(degrees)
    up = np.sin(angle) * columns - np.cos(angle) * rows
    photo = np.rint(130 + 70 * np.tanh(up / 5)).astype(np.uint8)[..., np.newaxis]
    seen = []

    def keep(images):
        seen.append(images[0].mean(0))
        return images.repeat(2, axis=2).repeat(2, axis=3)

    result, plain, [face] = enhanced(
        photo, [face_at(50, 50, 30, degrees)], Upscaler(fake_session(keep))
    )
    assert face.done == "enhanced"
    [crop] = seen
    height, width = crop.shape
    middle = slice(width // 2 - 15, width // 2 + 15)
    assert crop[height // 2 - 15 : height // 2 - 3, middle].min() > 0.62
    assert crop[height // 2 + 3 : height // 2 + 15, middle].max() < 0.38
    # The edge comes back to its place: half a pixel beside it, 7 levels would be added.
    assert np.abs(result.astype(int) - plain).max() <= (0 if degrees % 90 == 0 else 9)


def test_a_slightly_turned_face_is_not_resampled(enhanced, fake_session, face_at, scene):
    photo, seen = scene(90, 120), []

    def keep(images):
        seen.append(images)
        return images.repeat(2, axis=2).repeat(2, axis=3)

    tilt = face_upscaling.MAX_TILT - 1
    enhanced(photo, [face_at(50, 40, 30, tilt)], Upscaler(fake_session(keep)))
    levels = seen[0][0] * 255
    np.testing.assert_allclose(levels, np.rint(levels), atol=1e-4)


def test_overlapping_faces_have_no_hard_edge(enhanced, dotted, face_at, noise):
    """The contrast of a fine pattern changes slowly from pixel to pixel."""
    faces = [face_at(50, 45, 40, score=0.9), face_at(75, 45, 40, score=0.8)]
    result, plain, _ = enhanced(noise, faces, dotted())
    contrast = np.abs(result.astype(int) - plain)[90, :, 0]
    assert contrast.max() > 20
    assert np.abs(np.diff(contrast)).max() <= 8


def test_cancel_ends_the_call_between_faces(fake_session, detector_of, dotted, face_at, scene):
    started = threading.Event()

    class Waiting(detector_of):
        def detect(self, pixels):
            started.set()
            upscaler.cancel()
            return super().detect(pixels)

    enhancer = FaceEnhancer(Waiting(face_at(50, 40, 30)), dotted(), FaceOptions())
    upscaler = Upscaler(fake_session(), enhancer)
    with pytest.raises(Cancelled):
        upscaler.upscale(scene(90, 120))
    assert started.is_set()


def test_upscalers_that_share_a_model_share_the_faces(
    fake_session, detector_of, dotted, face_at, scene
):
    enhancer = FaceEnhancer(detector_of(face_at(50, 40, 30)), dotted(), FaceOptions(0.5), "ab" * 32)
    upscaler = Upscaler(fake_session(), enhancer)
    other = upscaler.sharing()
    photo = scene(90, 120)
    np.testing.assert_array_equal(upscaler.upscale(photo), other.upscale(photo))
    assert other.face_work == upscaler.face_work == {
        "face_strength": 0.5, "face_model": f"dotted {'0' * 16}", "face_detector": "ab" * 8,
    }  # fmt: skip


def test_rows_are_not_passed_on_before_the_faces(fake_session, detector_of, dotted, face_at, scene):
    enhancer = FaceEnhancer(detector_of(face_at(50, 40, 30)), dotted(), FaceOptions())
    upscaler, started = Upscaler(fake_session(), enhancer), []
    picture = Picture(scene(90, 120))
    upscaler.upscale_picture(picture, on_start=started.append)
    assert started == []
    Upscaler(fake_session()).upscale_picture(picture, on_start=started.append)
    assert len(started) == 1


def test_each_image_of_a_batch_gets_its_own_faces(
    fake_session, detector_of, dotted, face_at, scene
):
    class FindsBright(detector_of):
        def detect(self, pixels):
            faces = super().detect(pixels)
            return faces if pixels.mean() > 100 else []

    enhancer = FaceEnhancer(FindsBright(face_at(50, 40, 30)), dotted(), FaceOptions())
    upscaler, plain = Upscaler(fake_session(), enhancer), Upscaler(fake_session())
    photos = np.stack([scene(90, 120), scene(90, 120) // 4, scene(90, 120, seed=1)])
    results, expected = upscaler.upscale(photos), plain.upscale(photos)
    changed = [not np.array_equal(a, b) for a, b in zip(results, expected, strict=True)]
    assert changed == [True, False, True]
    assert len(upscaler.report.faces) == 2


def test_a_face_outside_the_photo_is_ignored(enhanced, dotted, face_at, scene):
    faces = [replace(face_at(300, 40, 30), score=0.95), face_at(50, 40, 30)]
    _, _, found = enhanced(scene(90, 120), faces, dotted())
    assert [face.score for face in found] == [0.9]


def test_without_a_detector_the_message_names_the_argument(tmp_path, monkeypatch):
    monkeypatch.setenv("SRGAN_GP_MODELS", str(tmp_path))
    with pytest.raises(UsageError) as caught:
        FaceEnhancer.load(1, lambda _name: None)
    assert "its file as `faces=FaceOptions(detector=...)`." in str(caught.value)
    assert arguments_as_options(str(caught.value)).endswith("Or pass --detector FILE.")
