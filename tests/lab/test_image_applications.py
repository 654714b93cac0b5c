"""Applications on images learn, on small made-up sets."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from srgan_gp.data.image_sources import list_all_images
from srgan_gp.errors import UsageError
from srgan_gp.lab.applications import enlarged_faces, landmarks, paintings


def discs(count, seed=0):
    """Bright discs of a random place and size: (N, 3, 64, 64) in [0, 1], and centres (N, 2)."""
    random = np.random.default_rng(seed)
    centres = random.uniform(20, 44, (count, 2))
    radii = random.uniform(6, 14, count)
    grid = np.stack(np.meshgrid(np.arange(64), np.arange(64)), -1)  # x, y
    distance = np.linalg.norm(grid[None] - centres[:, None, None], axis=-1)
    images = 0.2 + 0.6 / (1 + np.exp(distance - radii[:, None, None]))
    return torch.tensor(images[:, None].repeat(3, 1), dtype=torch.float32), centres


@pytest.mark.parametrize("arm", enlarged_faces.ARMS)
def test_each_arm_learns_to_enlarge(arm):
    faces, _ = discs(32)
    scores = [
        enlarged_faces.score(enlarged_faces.train(enlarged_faces.ARMS[arm], faces, steps)[0], faces)
        for steps in (1, 25)
    ]
    assert scores[1]["psnr_y"] > scores[0]["psnr_y"] + 3


def test_arms_stop_at_their_time_or_their_steps():
    faces, _ = discs(16)
    arm = enlarged_faces.ARMS["penalty"]
    assert enlarged_faces.train(arm, faces, 2, ratio=0.0)[1] == 2
    assert enlarged_faces.train(arm, faces, 10**9, seconds=0)[1] == 0
    with pytest.raises(UsageError, match="--data TRAINING VALIDATION"):
        enlarged_faces.run(1, ["one.zip"])


def five_points(centres):
    """Five landmarks around a centre, as shares of the side."""
    offsets = np.array([[-6, -6], [6, -6], [0, 0], [-6, 6], [6, 6]])
    return torch.tensor((centres[:, None] + offsets) / 64, dtype=torch.float32)


def test_a_regressor_learns_landmarks_and_more_images_help():
    faces, centres = discs(200)
    points, (validation, others) = five_points(centres), discs(60, seed=1)
    target = five_points(others)
    few = landmarks.error(landmarks.fit(faces[:4], points[:4], 60, 0), validation, target)
    many = landmarks.error(landmarks.fit(faces, points, 60, 0), validation, target)
    guess = landmarks.error(landmarks.fit(faces, points, 1, 0), validation, target)
    assert many < few
    assert many < 0.6 * guess


def test_the_error_is_relative_to_the_distance_of_the_eyes():
    class Shifted(torch.nn.Module):
        def forward(self, faces):
            return points + torch.tensor([0.03, 0.04])

    points = five_points(np.array([[32.0, 32.0]]))
    assert landmarks.error(Shifted(), torch.zeros(1), points) == pytest.approx(
        100 * 0.05 / (12 / 64), rel=1e-5
    )


def test_generated_faces_are_added_to_the_real_ones_in_the_comparison():
    faces, centres = discs(12)
    labelled = faces, five_points(centres)
    rows = landmarks.compare(labelled, labelled, labelled, counts=[4], steps=2, seeds=[0, 1])
    assert [row.split("|")[2].strip() for row in rows] == ["real", "real and generated"]


def test_only_faces_that_are_detected_are_labelled():
    class Face:
        points, score = np.full((5, 2), 31.5), 0.9

    class Detector:
        def detect(self, pixels):
            return [Face()] if pixels.mean() > 100 else []

    pixels = np.stack([np.full((64, 64, 3), value, np.uint8) for value in (0, 200)])
    faces, points = landmarks.label(Detector(), pixels)
    assert faces.shape == (1, 3, 64, 64)
    assert torch.equal(points, torch.full((1, 5, 2), 0.5))
    with pytest.raises(UsageError, match="found no face"):
        landmarks.label(Detector(), pixels[:1])


@pytest.fixture
def windows(tmp_path):
    """Two windows of each of 12 paintings, of 32 pixels."""
    folder = tmp_path / "windows"
    folder.mkdir()
    random = np.random.default_rng(0)
    for painting in range(12):
        colours = random.integers(0, 256, (4, 4, 3), np.uint8)
        for number in range(2):
            image = Image.fromarray(colours).rotate(90 * number).resize((32, 32))
            image.save(folder / f"painter-{painting:02d}_{number}.png")
    return folder


def test_windows_of_one_painting_are_on_one_side_of_the_split(windows):
    training, validation = paintings.split(list_all_images([str(windows)]), 3)
    names = [{file.stem.split("_")[0] for file in side} for side in (training, validation)]
    assert [len(side) for side in names] == [9, 3]
    assert not names[0] & names[1]
    assert (len(training), len(validation)) == (18, 6)
    with pytest.raises(UsageError, match="too few"):
        paintings.split(training, 9)


def test_a_run_on_paintings_reports_scores_novelty_and_a_diagnosis(windows, tmp_path):
    config = replace(
        paintings.CONFIG, image_size=32, latent_size=8, generator_args=("width=4",), critic_width=4,
        batch_size=4, total_images=32, report_images=8, validate_images=16, checkpoint_images=32,
    )  # fmt: skip
    text = paintings.run(0, [str(windows)], config, tmp_path / "run", held=3)
    assert "18 windows of 9 paintings, 32 images seen; validated on 3 other paintings" in text
    header = next(line for line in text.splitlines() if line.startswith("| images seen"))
    assert "novelty" in header
    assert text.count("\n| 16 |") == text.count("\n| 32 |") == 1
    assert "Diagnosis: " in text
    assert list((tmp_path / "run" / "previews").iterdir())
    assert math.isfinite(float(text.splitlines()[4].split("|")[2]))
