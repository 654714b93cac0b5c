"""A WGAN-GP run of the smallest preset learns: its faces come nearer to the real ones."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from srgan_gp.exporting.export import load_run
from srgan_gp.metrics.feature_distances import frechet_distance
from srgan_gp.training.loop import train
from srgan_gp.training.options.presets import PRESETS
from srgan_gp.training.tasks.architecture import build_generator
from srgan_gp.training.validation.validation_faces import generate_images

STEPS, BATCH, COUNT, COMPONENTS = 300, 16, 256, 16


def drawn_faces(rng, count):
    """Draw faces of ellipses on a plain background, (count, 16, 16, 3), uint8."""
    faces = []
    for _ in range(count):
        image = np.empty((64, 64, 3), np.uint8)
        image[:] = rng.integers(20, 236, 3)
        x, y = 32 + rng.uniform(-4, 4), 34 + rng.uniform(-4, 4)
        width, height = rng.uniform(14, 20), rng.uniform(19, 26)
        skin = np.array([1.0, 0.75, 0.6]) * rng.uniform(90, 250)
        eyes = rng.uniform(0, 60, 3)
        for centre, radii, colour in (
            ((x, y), (width, height), skin),
            ((x - 0.45 * width, y - 0.2 * height), (3, 2.2), eyes),
            ((x + 0.45 * width, y - 0.2 * height), (3, 2.2), eyes),
            ((x, y + 0.45 * height), (0.4 * width, 2), np.array([150, 40, 40])),
        ):
            sides = (2 * radii[0], 2 * radii[1])
            cv2.ellipse(image, (centre, sides, 0.0), colour.tolist(), -1)
        faces.append(cv2.resize(image, (16, 16), interpolation=cv2.INTER_AREA))
    return np.stack(faces)


@pytest.fixture(scope="module")
def real_faces():
    """Faces to train on and others to score on."""
    rng = np.random.default_rng(0)
    return drawn_faces(rng, COUNT), drawn_faces(rng, COUNT)


def pca_distance(faces, real):
    """Frechet distance on the first principal components of the pixels of the real faces."""
    pixels, others = (set_.reshape(len(set_), -1) / 255 for set_ in (faces, real))
    mean = others.mean(0)
    axes = np.linalg.svd(others - mean, full_matrices=False)[2][:COMPONENTS]
    return frechet_distance((pixels - mean) @ axes.T, (others - mean) @ axes.T)


def test_300_steps_halve_the_frechet_distance_on_pixel_pca(real_faces, tmp_path):
    known, real = real_faces
    (tmp_path / "train").mkdir()
    for number, face in enumerate(known):
        Image.fromarray(face).save(tmp_path / "train" / f"{number:03}.png")
    images = STEPS * BATCH
    config = replace(
        PRESETS["tiny-faces"], device="cpu", batch_size=BATCH, total_images=images,
        ema_half_life_images=320, report_images=images, validate_images=images,
        checkpoint_images=images,
    )  # fmt: skip
    latents = np.random.default_rng(1).standard_normal((COUNT, config.latent_size), np.float32)
    latents = torch.from_numpy(latents)
    torch.manual_seed(config.seed)
    before = pca_distance(generate_images(build_generator(config), latents), real)
    trained = load_run(train(config, [str(tmp_path / "train")], tmp_path / "run"))[1]
    after = pca_distance(generate_images(trained, latents), real)
    assert pca_distance(known, real) < 0.05 * before
    assert after < 0.5 * before
