"""Augmentation of a training set: generated faces for a small network that finds landmarks.

A regressor of five landmarks (eyes, tip of the nose, corners of the mouth) is trained on few real
faces, with and without generated ones, and on generated faces alone, for the same number of steps.
The landmarks that the face detector YuNet finds are the labels of all faces. The generator was
trained on more real faces than the regressor gets, so that its faces may add information. Nobody is
identified.

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

SIDE = 64  # pixels: side of the faces, that of the model `faces-64`
POINTS = 5
REAL_COUNTS = (50, 200, 800)
"""Numbers of real faces that regressors are trained on, each four times the one before: the fewer
there are, the more generated faces may help."""
GENERATED = 800
"""Number of generated faces that are added to the real ones: the largest of `REAL_COUNTS`."""
VALIDATION_FACES = 400  # fewer make the error noisier, more take longer to label
SEEDS = range(5)  # of the regressors; more make the deviation more exact, and take longer


@dataclass(frozen=True)
class LandmarksConfig:
    """Options of one run. Network and steps are small: `run` trains 7 regressors for each seed.

    Attributes:
        steps: steps of the regressor.
        batch_size: faces of a step.
        width: channels of the regressor's first layer.
        learning_rate: highest rate; it falls linearly to 0.
        seed: seed of weights, draws and the choice of real faces.
    """

    steps: int = 300
    batch_size: int = 32
    width: int = 16
    learning_rate: float = 2e-3
    seed: int = 0


@dataclass(frozen=True)
class LabelledFaces:
    """Faces with landmarks.

    Attributes:
        faces: (N, 3, 64, 64), RGB in [0, 1].
        points: (N, 5, 2), x and y as shares of the side: both eyes, the tip of the nose, both
            corners of the mouth, in the order of `detection.face_detection.Face.points`.
    """

    faces: Tensor
    points: Tensor

    def __getitem__(self, indices: Tensor) -> "LabelledFaces":
        return LabelledFaces(self.faces[indices], self.points[indices])

    def __add__(self, other: "LabelledFaces") -> "LabelledFaces":
        return LabelledFaces(
            torch.cat([self.faces, other.faces]), torch.cat([self.points, other.points])
        )


class Regressor(nn.Module):
    """Faces (B, 3, 64, 64) in [0, 1] -> landmarks (B, 5, 2), as shares of the side.

    Args:
        width: channels of the first layer.
        mean_points: mean landmarks of the training set, (5, 2); the untrained network returns them
            for every face.
    """

    def __init__(self, width: int, mean_points: Tensor) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.AvgPool2d(2)]
        channels = (3, width, 2 * width, 4 * width)
        for inputs, outputs in pairwise(channels):
            layers += [nn.Conv2d(inputs, outputs, 3, stride=2, padding=1), nn.ReLU()]
        last = nn.Linear(4 * width * 4 * 4, 2 * POINTS)  # the last map has 4 x 4 positions
        with torch.no_grad():
            last.weight.zero_()
            last.bias.copy_(mean_points.flatten())
        self.layers = nn.Sequential(*layers, nn.Flatten(), last)

    def forward(self, faces: Tensor) -> Tensor:
        """Predict landmarks."""
        return self.layers(faces - 0.5).unflatten(1, (POINTS, 2))


def label(detector: FaceDetector, faces: Pixels) -> LabelledFaces:
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
            best = detections[0]  # they are sorted by their scores, the highest first
            indices.append(index)
            # `best.points` has integers at the centres of pixels; a share of 0 is the edge.
            points.append((best.points + 0.5) / SIDE)
    stacked = np.asarray(points, np.float32).reshape(len(indices), POINTS, 2)
    return LabelledFaces(as_tensor(faces[indices]), torch.from_numpy(stacked))


def train(config: LandmarksConfig, training: LabelledFaces) -> Regressor:
    """Train a regressor with the L1 loss of the landmarks, and return it."""
    torch.manual_seed(config.seed)
    regressor = Regressor(config.width, training.points.mean(0))
    # `beta1` is the usual value of a regression; adversarial training has a lower one.
    optimizer = build_optimizer("adam", regressor, config.learning_rate, beta1=0.9, beta2=0.99)
    for step in range(config.steps):
        set_rate(optimizer, config.learning_rate * (1 - step / config.steps))
        batch = training[torch.randint(len(training.faces), (config.batch_size,))]
        take_step(regressor, optimizer, F.l1_loss(regressor(batch.faces), batch.points))
    return regressor


@torch.no_grad()
def mean_error(predicted: Tensor, expected: Tensor) -> float:
    """Mean distance of landmarks, (N, 5, 2) each, in percent of the distance between the eyes."""
    eye_distances = (expected[:, 0] - expected[:, 1]).norm(dim=1)  # (N,)
    distances = (predicted - expected).norm(dim=2).mean(1)  # (N,), over the five landmarks
    return 100 * float((distances / eye_distances).mean())


def run(
    steps: int = LandmarksConfig.steps,
    data: Sequence[str | Path] = (),
    model: str = "faces-64",
    seeds: range = SEEDS,
) -> str:
    """Train with, without and only on generated faces; return a Markdown table.

    Args:
        steps: steps of each regressor.
        data: paths of the training faces, the validation faces and the network file of YuNet. All
            three are required; the error names them if one is missing.
        model: name or path of the model that generates faces.
        seeds: seeds of the runs; each has another choice of real faces.

    Raises:
        UsageError: `data` does not have three paths, or a set of faces cannot be read.
        ModelRefusedError: there is no such model, or YuNet cannot be used.
    """
    names = ["training faces", "validation faces", "the network file of YuNet"]
    training_place, validation_place, detector_file = require_data(data, names)
    detector = FaceDetector.load(detector_file)
    # 100 faces more than needed, since the detector may miss some.
    real = label(detector, draw_images(training_place, max(REAL_COUNTS) + 100, SIDE))
    validation = label(detector, draw_images(validation_place, VALIDATION_FACES, SIDE))
    generator = FaceGenerator.load(model, device="cpu", threads=torch.get_num_threads())
    generated = label(detector, generator.generate(seed=1, count=GENERATED))
    mean_points = real.points.mean(0).expand_as(validation.points)
    error_of_mean = mean_error(mean_points, validation.points)
    lines = [
        f"Error on {len(validation.faces)} validation faces in percent of the distance between the "
        f"eyes, {len(seeds)} seeds, {steps} steps. YuNet found {len(generated.faces)} of "
        f"{GENERATED} faces of `{model}` (SHA-256 {generator.sha256[:12]}). The mean of the labels "
        f"alone has the error {error_of_mean:.2f}.",
        "",
        "| real faces | generated faces | mean error | deviation | better seeds |",
        "|---|---|---|---|---|",
    ]
    configs = [LandmarksConfig(steps, seed=seed) for seed in seeds]
    generated_count = len(generated.faces)
    for count in REAL_COUNTS:
        errors = [
            _train_and_score(config, real, count, validation, generated=None) for config in configs
        ]
        lines.append(_row(count, 0, errors, "-"))
        errors_with_generated = [
            _train_and_score(config, real, count, validation, generated=generated)
            for config in configs
        ]
        pairs = zip(errors_with_generated, errors, strict=True)
        better = sum(with_generated < without for with_generated, without in pairs)
        lines.append(_row(count, generated_count, errors_with_generated, str(better)))
    errors = [
        _train_and_score(config, real, 0, validation, generated=generated) for config in configs
    ]
    lines.append(_row(0, generated_count, errors, "-"))
    return "\n".join(lines)


def _train_and_score(
    config: LandmarksConfig,
    real: LabelledFaces,
    real_count: int,
    validation: LabelledFaces,
    *,
    generated: LabelledFaces | None,
) -> float:
    """Train a regressor, and return its mean error on the validation faces.

    It is trained on `real_count` random faces of `real`, and on all of `generated` if given.
    """
    random = torch.Generator().manual_seed(config.seed)
    training = real[torch.randperm(len(real.faces), generator=random)[:real_count]]
    if generated is not None:
        training = training + generated
    regressor = train(config, training)
    with torch.no_grad():
        return mean_error(regressor(validation.faces), validation.points)


def _row(real_count: int, generated_count: int, errors: list[float], better: str) -> str:
    """Format a row of the table.

    Args:
        real_count: number of real training faces.
        generated_count: number of generated training faces.
        errors: mean error of each seed.
        better: number of seeds whose error is lower with generated faces than without; "-" in a row
            without that comparison.
    """
    deviation = stdev(errors) if len(errors) > 1 else 0.0
    counts = f"| {real_count} | {generated_count} |"
    return f"{counts} {fmean(errors):.2f} | {deviation:.2f} | {better} |"
