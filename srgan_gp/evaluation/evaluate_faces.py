"""Evaluation of a face model against validation faces, beside baselines."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from srgan_gp.data.aligned_faces import read_faces
from srgan_gp.data.datasets import require_sides
from srgan_gp.data.face_preparation.face_detection import FaceDetector
from srgan_gp.data.image_sources import ImageFile, list_all_images, list_images
from srgan_gp.data.validation_halves import REPORT, half_used, validation_half
from srgan_gp.errors import UsageError
from srgan_gp.evaluation.face_scores import FaceScorer, FaceScores
from srgan_gp.inference.face_generator import FaceGenerator
from srgan_gp.inference.session import Session
from srgan_gp.losses.features import Features
from srgan_gp.metrics.aligned_face_distances import YunetMaps
from srgan_gp.metrics.memorisation import describe_layouts, memorisation_ratio
from srgan_gp.models.cards import FACES
from srgan_gp.models.catalog import find_model

LEFT_OUT = Path("none")
"""In place of a network's file: what needs that network is left out."""
MOST = 1_024
"""Faces drawn by default."""
BLURRED_SIDE = 16  # pixels that are left of a face in the third baseline
_AT_ONCE = 256  # training faces in memory

Tell = Callable[[str], None]


def is_face_model(model: str) -> bool:
    """Say whether a model makes faces: by its card or, where it has none, by itself.

    Raises:
        ModelRefusedError: the model cannot be used.
    """
    card = find_model(model).card
    return (card.task if card else Session.open(model).info.task) == FACES


def evaluate_faces(
    model: str,
    data: str,
    *,
    train_data: Sequence[str] = (),
    count: int | None = None,
    half: str = REPORT,
    truncation: float = 1.0,
    feature_weights: Path | None = None,
    detector: Path | None = None,
    tell: Tell = lambda _: None,
) -> FaceScores:
    """Score a face generator and its baselines, each against the same validation faces.

    Args:
        model: a name or the path of an `.onnx`.
        data: a folder or zip file of aligned faces that the model never saw.
        train_data: those that it learned from; empty: no baseline of real training faces, no
            check of memorisation, and the other baselines are made of `data`.
        count: faces to draw, and training faces to compare; None: `MOST`, or as many as
            `train_data` has.
        half: of `data`, one of `HALVES`.
        truncation: of the latents; see `FaceGenerator.latents`.
        feature_weights: SqueezeNet 1.1 as `.safetensors`; None: torchvision's; `LEFT_OUT`.
        detector: YuNet; None: the one in the folders of models; `LEFT_OUT`.
        tell: takes a line about what is done now.

    Raises:
        UsageError: an argument makes no sense, there are too few faces, or one is not square or
            smaller than the model's.
        ModelRefusedError: the model or the detector cannot be used.
        PictureError: a face cannot be decoded.
    """
    generator = FaceGenerator.load(model)
    real = _read_real_faces(data, train_data, count, half, generator.image_size)
    features = None if feature_weights == LEFT_OUT else Features.load("squeeze", feature_weights)
    finder = None if detector == LEFT_OUT else FaceDetector.load(detector)
    yunet = YunetMaps.load(finder.file) if finder else None
    tell(f"drawing {real.count} faces with {generator.name}")
    faces = generator.generate(seed=0, count=real.count, truncation=truncation)
    tell(f"scoring them and {len(real.held_out)} real ones")
    paired_count = min(real.count, len(real.held_out))
    scorer = FaceScorer(real.held_out, features, finder, yunet, paired_count)
    own = scorer.score(generator.name, faces)
    tell("scoring the baselines")
    baselines = [scorer.score(name, other) for name, other in _baselines(real).items()]
    memorisation = None
    if real.train_files:
        tell(f"comparing with {len(real.train_files)} training faces")
        memorisation = _memorisation(faces, real)
    return FaceScores(
        name=generator.name,
        model_sha256=generator.sha256,
        data=data,
        train_data=tuple(train_data),
        count=real.count,
        image_size=generator.image_size,
        feature_network=features.sha256 if features else None,
        model=own,
        baselines=tuple(baselines),
        held_out=scorer.held_out,
        memorisation=memorisation,
        half=real.half,
        paired_count=paired_count,
        truncation=truncation,
        detector=yunet.sha256 if yunet else None,
    )


@dataclass(frozen=True)
class _RealFaces:
    """Real faces (N, S, S, 3), uint8 RGB.

    Attributes:
        held_out: one half of the validation faces, or all.
        half: which.
        train: `count` training faces, or None.
        train_files: all of them.
        count: faces to draw.
    """

    held_out: np.ndarray
    half: str
    train: np.ndarray | None
    train_files: list[ImageFile]
    count: int


def mean_face(faces: np.ndarray) -> np.ndarray:
    """Put the mean of all faces, (N, S, S, 3) uint8, in place of each."""
    mean = np.rint(faces.mean(axis=0)).astype(np.uint8)
    return np.repeat(mean[None], len(faces), axis=0)


def blurred(faces: np.ndarray) -> np.ndarray:
    """Shrink faces, (N, S, S, 3) uint8, to 16 pixels by the area mean; enlarge them by bicubic."""
    side, small = faces.shape[1], (BLURRED_SIDE, BLURRED_SIDE)
    tiny = (cv2.resize(face, small, interpolation=cv2.INTER_AREA) for face in faces)
    return np.stack([cv2.resize(t, (side, side), interpolation=cv2.INTER_CUBIC) for t in tiny])


def _read_real_faces(
    data: str, train_data: Sequence[str], count: int | None, half: str, size: int
) -> _RealFaces:
    """Read a half of the validation faces, and `count` training faces where there are any."""
    listed, train_files = list_images(data), list_all_images(train_data)
    files = validation_half(listed, half)
    require_sides([*files, *train_files], size)
    most = len(train_files) if train_files else None
    wanted = min(MOST, most or MOST) if count is None else count
    if wanted < 2 or len(files) < 2 or wanted > (most or wanted):
        enough = f", and there are {most} training faces" if most else ""
        raise UsageError(
            f"Sets of {wanted} generated and {len(files)} validation faces cannot be compared: "
            f"each needs at least 2{enough}."
        )
    train = read_faces(_drawn(train_files, wanted), size) if train_files else None
    held_out = read_faces(_drawn(files, len(files)), size)
    return _RealFaces(held_out, half_used(len(listed), half), train, train_files, wanted)


def _drawn(files: Sequence[ImageFile], count: int) -> list[ImageFile]:
    """Draw some files at random, always the same: the first ones may be of one kind."""
    return [files[i] for i in np.random.default_rng(0).permutation(len(files))[:count]]


def _baselines(real: _RealFaces) -> dict[str, np.ndarray]:
    """Make the sets that a model is seen beside, by name."""
    source = real.held_out if real.train is None else real.train
    made = {"mean face": mean_face(source), f"real at {BLURRED_SIDE} px": blurred(source)}
    return made if real.train is None else {"real, training": real.train} | made


def _memorisation(faces: np.ndarray, real: _RealFaces) -> float:
    """Compare with every training face, some of them in memory at a time."""
    size, files = faces.shape[1], real.train_files
    parts = [
        describe_layouts(read_faces(files[first : first + _AT_ONCE], size))
        for first in range(0, len(files), _AT_ONCE)
    ]
    layouts, held_out = describe_layouts(faces), describe_layouts(real.held_out)
    try:
        return memorisation_ratio(layouts, np.concatenate(parts), held_out)
    except ValueError as error:
        raise UsageError(
            "Half of the faces in --data are in --train-data too, so that they are not held out; "
            "pass other ones."
        ) from error
