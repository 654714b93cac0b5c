"""Augmentation of a training set: generated faces for a small network that finds landmarks.

A regressor of five landmarks (eyes, tip of the nose, corners of the mouth) is trained on few real
faces, with and without generated ones, for the same number of steps. YuNet labels all of them. The
generator was trained on more real faces than the regressor gets, so that its faces may add
information. Nobody is identified.

Source:
    The set-up is this project's own; labels by Wu et al. 2023 (YuNet),
    doi:10.1007/s11633-023-1423-y.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from srgan_gp.detection.face_detection import FaceDetector
from srgan_gp.inference.face_generator import FaceGenerator
from srgan_gp.lab.application_images import (
    Pixels,
    as_tensor,
    draw_images,
    require_data,
    set_rate,
    take_step,
)
from srgan_gp.training.options.optimizers import build_optimizer

SIDE = 64
POINTS = 5
REAL = (50, 200, 800)
GENERATED = 800
VALIDATION_FACES = 400
SEEDS = range(5)


@dataclass(frozen=True)
class LandmarksConfig:
    """Options of one run.

    Attributes:
        steps: steps of the regressor.
        batch_size: faces of a step.
        width: channels of its first layer.
        learning_rate: highest rate; it falls linearly to 0.
        seed: of weights, draws and the choice of real faces.
    """

    steps: int = 300
    batch_size: int = 32
    width: int = 16
    learning_rate: float = 2e-3
    seed: int = 0


@dataclass(frozen=True)
class Labelled:
    """Faces with landmarks.

    Attributes:
        faces: (N, 3, 64, 64), in [0, 1].
        points: (N, 5, 2), x and y as shares of the side.
    """

    faces: Tensor
    points: Tensor

    def __getitem__(self, chosen: Tensor) -> "Labelled":
        return Labelled(self.faces[chosen], self.points[chosen])

    def __add__(self, other: "Labelled") -> "Labelled":
        return Labelled(
            torch.cat([self.faces, other.faces]), torch.cat([self.points, other.points])
        )


class Regressor(nn.Module):
    """Faces (B, 3, 64, 64) in [0, 1] -> landmarks (B, 5, 2), as shares of the side.

    Args:
        width: channels of the first layer.
        start: landmarks that are returned at first, (5, 2): the mean of the training set.
    """

    def __init__(self, width: int, start: Tensor) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.AvgPool2d(2)]
        for before, after in ((3, width), (width, 2 * width), (2 * width, 4 * width)):
            layers += [nn.Conv2d(before, after, 3, stride=2, padding=1), nn.ReLU()]
        last = nn.Linear(4 * width * 4 * 4, 2 * POINTS)
        with torch.no_grad():
            last.weight.zero_()
            last.bias.copy_(start.flatten())
        self.layers = nn.Sequential(*layers, nn.Flatten(), last)

    def forward(self, faces: Tensor) -> Tensor:
        """Find landmarks."""
        return self.layers(faces - 0.5).unflatten(1, (POINTS, 2))


def label(detector: FaceDetector, faces: Pixels) -> Labelled:
    """Label faces by a detector; faces it does not find are left out.

    Args:
        detector: finds five points of each face.
        faces: (N, 64, 64, 3), uint8 RGB.
    """
    found = [detector.detect(face) for face in faces]
    kept = [index for index, each in enumerate(found) if each]
    points = [(found[index][0].points + 0.5) / SIDE for index in kept]
    stacked = np.asarray(points, np.float32).reshape(len(kept), POINTS, 2)
    return Labelled(as_tensor(faces[kept]), torch.from_numpy(stacked))


def train(config: LandmarksConfig, training: Labelled) -> Regressor:
    """Train a regressor with the L1 loss."""
    torch.manual_seed(config.seed)
    regressor = Regressor(config.width, training.points.mean(0))
    optimizer = build_optimizer("adam", regressor, config.learning_rate, 0.9, 0.99)
    for step in range(config.steps):
        set_rate(optimizer, config.learning_rate * (1 - step / config.steps))
        batch = training[torch.randint(len(training.faces), (config.batch_size,))]
        take_step(regressor, optimizer, F.l1_loss(regressor(batch.faces), batch.points))
    return regressor


@torch.no_grad()
def error(found: Tensor, expected: Tensor) -> float:
    """Mean distance of landmarks in percent of the distance between the eyes."""
    eyes = (expected[:, 0] - expected[:, 1]).norm(dim=1)
    return 100 * float(((found - expected).norm(dim=2).mean(1) / eyes).mean())


def run(
    steps: int = LandmarksConfig.steps,
    data: Sequence[str | Path] = (),
    model: str = "faces-64",
    seeds: range = SEEDS,
) -> str:
    """Train with and without generated faces, over several seeds; return a table of errors.

    Args:
        steps: steps of each regressor.
        data: training faces, validation faces and YuNet.
        model: generator of the faces that are added.
        seeds: one choice of real faces each.

    Raises:
        UsageError: the data is missing.
        ModelRefusedError: there is no such model, or YuNet cannot be used.
    """
    names = ["training faces", "validation faces", "the network file of YuNet"]
    training, validation, detector_file = require_data(data, names)
    detector = FaceDetector.load(detector_file)
    real = label(detector, draw_images(training, max(REAL) + 100, SIDE))
    expected = label(detector, draw_images(validation, VALIDATION_FACES, SIDE))
    generator = FaceGenerator.load(model, device="cpu", threads=torch.get_num_threads())
    generated = label(detector, generator.generate(seed=1, count=GENERATED))
    mean = error(real.points.mean(0).expand_as(expected.points), expected.points)
    lines = [
        f"Error on {len(expected.faces)} validation faces in percent of the distance between the "
        f"eyes, {len(seeds)} seeds, {steps} steps. YuNet found {len(generated.faces)} of "
        f"{GENERATED} faces of `{model}`. The mean of the labels alone has the error {mean:.2f}.",
        "",
        "| real faces | generated faces | mean error | deviation | better seeds |",
        "|---|---|---|---|---|",
    ]
    for count in (*REAL, 0):
        plain: list[float] = []
        for extra in (0, len(generated.faces)) if count else (len(generated.faces),):
            found = [_one(real, generated if extra else None, count, steps, seed, expected)
                     for seed in seeds]  # fmt: skip
            better = sum(a < b for a, b in zip(found, plain, strict=False)) if plain else "-"
            plain = plain or found
            spread = stdev(found) if len(found) > 1 else 0.0
            lines.append(f"| {count} | {extra} | {fmean(found):.2f} | {spread:.2f} | {better} |")
    return "\n".join(lines)


def _one(
    real: Labelled, added: Labelled | None, count: int, steps: int, seed: int, expected: Labelled
) -> float:
    order = torch.randperm(len(real.faces), generator=torch.Generator().manual_seed(seed))
    chosen = real[order[:count]]
    regressor = train(LandmarksConfig(steps, seed=seed), chosen + added if added else chosen)
    with torch.no_grad():
        return error(regressor(expected.faces), expected.points)
