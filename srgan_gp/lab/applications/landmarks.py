"""Augmentation of a training set: do generated faces help to train a regressor of landmarks?

A small network finds five landmarks: eyes, tip of the nose, corners of the mouth. Its labels are
those of YuNet, on real and on generated faces alike. It is trained on few real faces, with and
without generated ones beside them. The answer may be no.
"""

from collections.abc import Sequence
from itertools import pairwise
from statistics import fmean, stdev

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from srgan_gp.data.aligned_faces import read_faces
from srgan_gp.data.face_preparation.face_detection import FaceDetector
from srgan_gp.data.image_sources import list_all_images
from srgan_gp.errors import UsageError
from srgan_gp.inference.face_generator import FaceGenerator
from srgan_gp.training.options.optimizers import build_optimizer

SIDE, POINTS = 64, 5
COUNTS = (50, 200, 800)
GENERATED = 2000
VALIDATION_FACES = 500
SEEDS = range(5)
BATCH = 32


class Regressor(nn.Module):
    """Face (B, 3, 64, 64) -> landmarks (B, 5, 2), as shares of the side."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        widths = [3, width, 2 * width, 4 * width, 4 * width]
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            layers += [nn.Conv2d(before, after, 3, stride=2, padding=1), nn.ReLU()]
        self.body = nn.Sequential(*layers, nn.Flatten(), nn.Linear(4 * width * 16, 2 * POINTS))

    def forward(self, faces: Tensor) -> Tensor:
        """Find landmarks."""
        return 0.5 + self.body(faces - 0.5).unflatten(1, (POINTS, 2))


def label(detector: FaceDetector, pixels: np.ndarray) -> tuple[Tensor, Tensor]:
    """Find the landmarks of faces; faces without a detection are left out.

    Args:
        detector: YuNet.
        pixels: (N, 64, 64, 3), uint8 RGB.

    Returns:
        Faces (M, 3, 64, 64), float32 in [0, 1], and landmarks (M, 5, 2), as shares of the side.
    """
    faces, points = [], []
    for face in pixels:
        found = detector.detect(face)
        if found:
            best = max(found, key=lambda candidate: candidate.score)
            faces.append(torch.from_numpy(face.copy()).permute(2, 0, 1).float() / 255)
            points.append(torch.tensor((best.points + 0.5) / SIDE, dtype=torch.float32))
    if not faces:
        raise UsageError(f"YuNet found no face in {len(pixels)} images of {SIDE} pixels.")
    return torch.stack(faces), torch.stack(points)


def fit(faces: Tensor, points: Tensor, steps: int, seed: int) -> Regressor:
    """Train a regressor with the L1 loss.

    Args:
        faces: (N, 3, 64, 64), float32 in [0, 1].
        points: (N, 5, 2), shares of the side.
        steps: steps of Adam, whose rate falls linearly to 0.
        seed: of weights and batches.
    """
    torch.manual_seed(seed)
    network = Regressor()
    optimizer = build_optimizer("adam", network, 2e-3, 0.9, 0.99)
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = 2e-3 * (1 - step / steps)
        chosen = torch.randint(len(faces), (BATCH,))
        optimizer.zero_grad(set_to_none=True)
        F.l1_loss(network(faces[chosen]), points[chosen]).backward()
        optimizer.step()
    return network


@torch.no_grad()
def error(network: Regressor, faces: Tensor, points: Tensor) -> float:
    """Mean distance of the landmarks, relative to the distance of the eyes, in percent."""
    distances = (network(faces) - points).norm(dim=2).mean(1)
    eyes = (points[:, 0] - points[:, 1]).norm(dim=1)
    return float(100 * (distances / eyes).mean())


def compare(
    real: tuple[Tensor, Tensor],
    generated: tuple[Tensor, Tensor],
    validation: tuple[Tensor, Tensor],
    counts: Sequence[int],
    steps: int,
    seeds: Sequence[int],
) -> list[str]:
    """Train on each number of real faces, with and without generated ones.

    Half of each batch is real on average where both are used.

    Args:
        real: faces and landmarks.
        generated: faces and landmarks.
        validation: faces and landmarks.
        counts: numbers of real faces.
        steps: steps of each regressor.
        seeds: one regressor each.

    Returns:
        Rows of a Markdown table.
    """
    rows = []
    for count in counts:
        alone = tuple(values[:count] for values in real)
        repeats = max(len(generated[0]) // count, 1)
        both = tuple(
            torch.cat([few.repeat(repeats, *[1] * (few.ndim - 1)), many])
            for few, many in zip(alone, generated, strict=True)
        )
        for name, (faces, points) in (("real", alone), ("real and generated", both)):
            errors = [error(fit(faces, points, steps, seed), *validation) for seed in seeds]
            spread = stdev(errors) if len(errors) > 1 else 0.0
            rows.append(f"| {count} | {name} | {fmean(errors):.2f} | {spread:.2f} |")
    return rows


def run(steps: int = 1000, data: Sequence[str] = (), model: str = "faces-64") -> str:
    """Train regressors on real faces with and without generated ones; return a table.

    Args:
        steps: steps of each regressor.
        data: folder or zip file of training faces, one of validation faces, and YuNet's file.
        model: face generator.

    Raises:
        UsageError: `data` has another number of places, or there is no face.
    """
    if len(data) != 3:
        raise UsageError("Pass --data TRAINING VALIDATION face_detection_yunet.onnx.")
    detector = FaceDetector.load(data[2])
    training, validation = (read_faces(list_all_images([place]), SIDE) for place in data[:2])
    pixels = FaceGenerator.load(model).generate(count=GENERATED)
    rows = compare(
        label(detector, training[: 2 * max(COUNTS)]),
        label(detector, pixels),
        label(detector, validation[:VALIDATION_FACES]),
        COUNTS,
        steps,
        SEEDS,
    )
    return "\n".join(
        [
            f"Mean distance of five landmarks in percent of the distance of the eyes, {len(SEEDS)} "
            f"seeds, {steps} steps, {GENERATED} faces of {model}. Labels by YuNet.",
            "",
            "| real faces | trained on | error | deviation |",
            "|---|---|---|---|",
            *rows,
        ]
    )
