"""Augmentation of a training set: generated faces for a small network that finds landmarks.

A regressor of five landmarks (eyes, tip of the nose, corners of the mouth) is trained on few real
faces, with and without generated ones, for the same number of steps. The landmarks that the face
detector YuNet finds are the labels of all faces. The generator was trained on more real faces than
the regressor gets, so that its faces may add information. Nobody is identified.

Source:
    The set-up is this project's own; labels by Wu et al. 2023 (YuNet),
    doi:10.1007/s11633-023-1423-y.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
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

SIDE = 64  # pixels: side of the faces
POINTS = 5
REAL = (50, 200, 800)
"""Numbers of real faces that regressors are trained on."""
GENERATED = 800
"""Number of generated faces that are added to them."""
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
        seed: seed of weights, draws and the choice of real faces.
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
        faces: (N, 3, 64, 64), RGB in [0, 1].
        points: (N, 5, 2), x and y as shares of the side; the order is that of `Face.points`, with
            both eyes first.
    """

    faces: Tensor
    points: Tensor

    def __getitem__(self, indices: Tensor) -> "Labelled":
        return Labelled(self.faces[indices], self.points[indices])

    def __add__(self, other: "Labelled") -> "Labelled":
        return Labelled(
            torch.cat([self.faces, other.faces]), torch.cat([self.points, other.points])
        )


class Regressor(nn.Module):
    """Faces (B, 3, 64, 64) in [0, 1] -> landmarks (B, 5, 2), as shares of the side.

    Args:
        width: channels of the first layer.
        start: landmarks that the untrained network returns for every face, (5, 2): the mean of the
            training set.
    """

    def __init__(self, width: int, start: Tensor) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.AvgPool2d(2)]
        channels = (3, width, 2 * width, 4 * width)
        for inputs, outputs in pairwise(channels):
            layers += [nn.Conv2d(inputs, outputs, 3, stride=2, padding=1), nn.ReLU()]
        last = nn.Linear(4 * width * 4 * 4, 2 * POINTS)  # the last map has 4 x 4 positions
        with torch.no_grad():
            last.weight.zero_()
            last.bias.copy_(start.flatten())
        self.layers = nn.Sequential(*layers, nn.Flatten(), last)

    def forward(self, faces: Tensor) -> Tensor:
        """Predict landmarks."""
        return self.layers(faces - 0.5).unflatten(1, (POINTS, 2))


def label(detector: FaceDetector, faces: Pixels) -> Labelled:
    """Label faces by a detector.

    Args:
        detector: finds five points of each face.
        faces: (N, 64, 64, 3), uint8 RGB.

    Returns:
        The faces that the detector finds, at most N.
    """
    indices, points = [], []
    for index, face in enumerate(faces):
        detections = detector.detect(face)
        if detections:
            best = detections[0]
            indices.append(index)
            points.append((best.points + 0.5) / SIDE)  # pixel centres are integers in `points`
    stacked = np.asarray(points, np.float32).reshape(len(indices), POINTS, 2)
    return Labelled(as_tensor(faces[indices]), torch.from_numpy(stacked))


def train(config: LandmarksConfig, training: Labelled) -> Regressor:
    """Train a regressor with the L1 loss of the landmarks, and return it."""
    torch.manual_seed(config.seed)
    regressor = Regressor(config.width, training.points.mean(0))
    optimizer = build_optimizer("adam", regressor, config.learning_rate, beta1=0.9, beta2=0.99)
    for step in range(config.steps):
        set_rate(optimizer, config.learning_rate * (1 - step / config.steps))
        batch = training[torch.randint(len(training.faces), (config.batch_size,))]
        take_step(regressor, optimizer, F.l1_loss(regressor(batch.faces), batch.points))
    return regressor


@torch.no_grad()
def error(predicted: Tensor, expected: Tensor) -> float:
    """Mean distance of landmarks, (N, 5, 2) each, in percent of the distance between the eyes."""
    eye_distances = (expected[:, 0] - expected[:, 1]).norm(dim=1)  # (N,)
    distances = (predicted - expected).norm(dim=2).mean(1)
    return 100 * float((distances / eye_distances).mean())


def run(
    steps: int = LandmarksConfig.steps,
    data: Sequence[str | Path] = (),
    model: str = "faces-64",
    seeds: range = SEEDS,
) -> str:
    """Train with and without generated faces, over several seeds; return a Markdown table.

    Args:
        steps: steps of each regressor.
        data: paths of the training faces, the validation faces and the network file of YuNet. All
            three are required; without them the error names them.
        model: name or path of the model that generates faces.
        seeds: seeds of the runs; each has another choice of real faces.

    Raises:
        UsageError: the data is missing.
        ModelRefusedError: there is no such model, or YuNet cannot be used.
    """
    names = ["training faces", "validation faces", "the network file of YuNet"]
    training, validation, detector_file = require_data(data, names)
    detector = FaceDetector.load(detector_file)
    # 100 faces more than needed, since the detector does not find all faces.
    real = label(detector, draw_images(training, max(REAL) + 100, SIDE))
    expected = label(detector, draw_images(validation, VALIDATION_FACES, SIDE))
    generator = FaceGenerator.load(model, device="cpu", threads=torch.get_num_threads())
    generated = label(detector, generator.generate(seed=1, count=GENERATED))
    mean_points = real.points.mean(0).expand_as(expected.points)
    mean_error = error(mean_points, expected.points)
    lines = [
        f"Error on {len(expected.faces)} validation faces in percent of the distance between the "
        f"eyes, {len(seeds)} seeds, {steps} steps. YuNet found {len(generated.faces)} of "
        f"{GENERATED} faces of `{model}`. The mean of the labels alone has the error "
        f"{mean_error:.2f}.",
        "",
        "| real faces | generated faces | mean error | deviation | better seeds |",
        "|---|---|---|---|---|",
    ]
    configs = [LandmarksConfig(steps, seed=seed) for seed in seeds]
    generated_count = len(generated.faces)
    for count in REAL:
        errors = [_train_and_score(config, real, count, None, expected) for config in configs]
        lines.append(_row(count, 0, errors, "-"))
        errors_with_generated = [
            _train_and_score(config, real, count, generated, expected) for config in configs
        ]
        pairs = zip(errors_with_generated, errors, strict=True)
        better = sum(with_generated < without for with_generated, without in pairs)
        lines.append(_row(count, generated_count, errors_with_generated, str(better)))
    errors = [_train_and_score(config, real, 0, generated, expected) for config in configs]
    lines.append(_row(0, generated_count, errors, "-"))
    return "\n".join(lines)


def _train_and_score(
    config: LandmarksConfig,
    real: Labelled,
    count: int,
    generated: Labelled | None,
    validation: Labelled,
) -> float:
    """Train on `count` random real faces and the generated ones; return the validation error."""
    random = torch.Generator().manual_seed(config.seed)
    training = real[torch.randperm(len(real.faces), generator=random)[:count]]
    if generated is not None:
        training = training + generated
    regressor = train(config, training)
    with torch.no_grad():
        return error(regressor(validation.faces), validation.points)


def _row(real_count: int, generated_count: int, errors: list[float], better: str) -> str:
    """Format a row of the table; `better` is the number of seeds that generated faces improve."""
    deviation = stdev(errors) if len(errors) > 1 else 0.0
    counts = f"| {real_count} | {generated_count} |"
    return f"{counts} {fmean(errors):.2f} | {deviation:.2f} | {better} |"
