"""Applications on images learn: tiny runs on drawn images that end far from where they began."""

import io
import zipfile
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from srgan_gp.data.image_sources import list_images
from srgan_gp.detection.face_detection import Face
from srgan_gp.errors import UsageError
from srgan_gp.lab.application_images import as_pixels, as_tensor
from srgan_gp.lab.applications import landmarks, paintings, small_faces
from srgan_gp.metrics.sliced_wasserstein import pyramid_distance


def squares(count, size, seed=0):
    """Draw orange squares on noise: (count, size, size, 3), uint8, and their centres."""
    rng = np.random.default_rng(seed)
    images = np.clip(rng.normal((40, 60, 160), 10, (count, size, size, 3)), 0, 120).astype(np.uint8)
    places = rng.integers(size // 4, size // 2, (count, 2))
    for image, (x, y) in zip(images, places, strict=True):
        image[y : y + size // 4, x : x + size // 4] = (230, 140, 40)
    return images, (places + size / 8) / size


def write_zip(path, images, names):
    with zipfile.ZipFile(path, "w") as archive:
        for name, pixels in zip(names, images, strict=True):
            buffer = io.BytesIO()
            Image.fromarray(pixels).save(buffer, "PNG")
            archive.writestr(f"{name}.png", buffer.getvalue())
    return path


def test_conversions_of_pixels_are_inverse_and_clip():
    images, _ = squares(2, 16)
    assert np.array_equal(as_pixels(as_tensor(images)), images)
    assert as_pixels(torch.tensor([-0.5, 1.5]).expand(1, 3, 4, 2)).tolist()[0][0] == [
        [0, 0, 0], [255, 255, 255]
    ]  # fmt: skip


@pytest.mark.parametrize("application", [landmarks, paintings, small_faces])
def test_missing_data_is_named(application):
    with pytest.raises(UsageError, match="needs --data with"):
        application.run()


@pytest.fixture
def windows(tmp_path):
    images, _ = squares(60, 32)
    names = [f"artist_work-{n // 3}_{n % 3}" for n in range(60)]
    return write_zip(tmp_path / "windows.zip", images, names)


def test_windows_of_one_painting_are_on_one_side_of_the_split(windows):
    sides = paintings.split(list_images(windows))
    assert [len(side) for side in sides] == [54, 6]
    training, validation = ({file.stem.rpartition("_")[0] for file in side} for side in sides)
    assert not training & validation


def test_a_generator_of_windows_learns_their_colours():
    images, _ = squares(100, 16)
    found = []
    for steps in (1, 60):
        config = paintings.PaintingsConfig(
            size=16, width=4, latent_size=8, steps=steps, learning_rate=3e-3, decay=0.8,
            augmentation=0.0,
        )  # fmt: skip
        generator = paintings.train(config, as_tensor(images))
        generated = paintings.sample(generator, 8, 100)
        found.append(pyramid_distance(generated, images)[16])
    assert found[1] < 0.5 * found[0]


def test_the_report_of_paintings_has_its_sheet(windows, tmp_path):
    text = paintings.run(steps=2, data=[windows], folder=tmp_path)
    assert "Memorisation ratio" in text
    assert text.count("\n| generated") == 2
    with Image.open(tmp_path / paintings.SHEET) as sheet:
        assert sheet.size == (512, 512)
    assert f"]({paintings.SHEET})" in text


def quick_faces(**options):
    return small_faces.SmallFacesConfig(
        seconds=float("inf"),
        width=4,
        critic_width=4,
        blocks=1,
        batch_size=4,
        learning_rate=1e-3,
        **options,
    )


def test_an_upscaler_of_faces_learns_with_the_l1_loss():
    faces = as_tensor(squares(32, 64)[0])
    config = replace(quick_faces(steps=40), learning_rate=5e-3)
    before = small_faces.build_generator(config)
    after, steps = small_faces.train(before, None, faces, config)
    psnr = [small_faces.score(g(small_faces.shrink(faces)), faces, None)[0]
            for g in (before, after)]  # fmt: skip
    assert steps == 40
    assert psnr[1] > psnr[0] + 1


@pytest.mark.parametrize("name", [name for name, arm in small_faces.ARMS.items() if arm])
def test_the_gradient_of_every_critic_has_its_share(name):
    """Half of the gradient of the L1 loss: a step leaves the L1 loss the larger part."""
    faces = as_tensor(squares(8, 64)[0])
    config = quick_faces(steps=2, warmup=0.0)
    before = small_faces.build_generator(config)
    after, steps = small_faces.train(before, small_faces.ARMS[name], faces, config)
    assert steps == 2
    changes = [
        (a - b).abs().max() for a, b in zip(after.parameters(), before.parameters(), strict=True)
    ]
    assert 0 < max(changes) < 0.01
    assert all(parameter.isfinite().all() for parameter in after.parameters())


def test_a_generator_waits_for_the_warmup_of_its_critic():
    faces = as_tensor(squares(4, 64)[0])
    config = quick_faces(steps=2, warmup=2.0)
    before = small_faces.build_generator(config)
    after, _ = small_faces.train(before, small_faces.ARMS["gradient penalty"], faces, config)
    pairs = zip(after.parameters(), before.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


def test_the_processor_time_ends_an_arm():
    faces = as_tensor(squares(4, 64)[0])
    config = small_faces.SmallFacesConfig(seconds=0.0)
    _, steps = small_faces.train(small_faces.build_generator(config), None, faces, config)
    assert steps == 0


class SquareDetector:
    """Finds five points around the orange square; none in a face without one."""

    def detect(self, pixels):
        rows, columns = np.nonzero(pixels[..., 0] > 128)
        if not len(rows):
            return []
        centre = np.array([columns.mean(), rows.mean()])
        offsets = np.array([[-8, -4], [8, -4], [0, 2], [-5, 8], [5, 8]])
        return [Face((0, 0, 64, 64), centre + offsets, 1.0)]


def test_faces_that_the_detector_does_not_find_are_left_out():
    images, centres = squares(3, 64)
    images[1] = 0
    found = landmarks.label(SquareDetector(), images)
    assert found.faces.shape == (2, 3, 64, 64)
    nose = found.points[:, 2].numpy() - np.array([0, 2]) / 64
    assert np.allclose(nose, centres[[0, 2]], atol=1e-6)


def test_a_regressor_learns_landmarks():
    found = [landmarks.label(SquareDetector(), squares(64, 64, seed)[0]) for seed in (0, 1)]
    errors = []
    for steps in (1, 80):
        config = landmarks.LandmarksConfig(steps=steps, width=8, learning_rate=5e-3)
        regressor = landmarks.train(config, found[0])
        with torch.no_grad():
            predicted = regressor(found[1].faces)
        errors.append(landmarks.mean_error(predicted, found[1].points))
    assert errors[1] < 0.5 * errors[0]


def test_an_error_is_in_percent_of_the_distance_between_the_eyes():
    expected = torch.tensor([[[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.4, 0.8], [0.6, 0.8]]])
    predicted = expected + torch.tensor([0.03, 0.04])
    assert landmarks.mean_error(predicted, expected) == pytest.approx(12.5)


def test_the_report_of_small_faces_has_a_row_for_each_critic(
    squeeze_weights, tmp_path, monkeypatch
):
    images, _ = squares(6, 64)
    faces = write_zip(tmp_path / "faces.zip", images, [f"face-{n}" for n in range(6)])
    monkeypatch.setattr(small_faces, "VALIDATION_FACES", 2)
    text = small_faces.run(steps=1, data=[faces, faces, squeeze_weights])
    assert [line.split(" | ")[0] for line in text.splitlines()[4:9]] == [
        f"| {name}" for name in ("bicubic", *small_faces.ARMS)
    ]
    assert "Lowest squeeze distance: " in text


def test_the_report_of_landmarks_compares_with_and_without_generated_faces(tmp_path, monkeypatch):
    images, _ = squares(12, 64)
    faces = write_zip(tmp_path / "faces.zip", images, [f"face-{n}" for n in range(12)])

    class SquareGenerator:
        sha256 = "1f" * 32

        def generate(self, *, seed, count):
            return squares(count, 64, seed)[0]

    monkeypatch.setattr(landmarks, "REAL_COUNTS", (4, 8))
    monkeypatch.setattr(landmarks, "GENERATED", 5)
    monkeypatch.setattr(landmarks.FaceDetector, "load", lambda _: SquareDetector())
    monkeypatch.setattr(landmarks.FaceGenerator, "load", lambda *_, **__: SquareGenerator())
    text = landmarks.run(steps=1, data=[faces, faces, "unused"], seeds=range(2))
    rows = [line.split(" | ")[:2] for line in text.splitlines()[4:]]
    assert rows == [["| 4", "0"], ["| 4", "5"], ["| 8", "0"], ["| 8", "5"], ["| 0", "5"]]
    assert "YuNet found 5 of 5 faces of `faces-64` (SHA-256 1f1f1f1f1f1f)." in text
