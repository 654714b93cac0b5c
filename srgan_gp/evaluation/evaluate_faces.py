"""Evaluation of a face generator and its baselines against validation faces.

The baselines are sets of faces with known faults, which show what a bad score is: real training
faces, the mean face repeated, and blurred faces. `srgan-gp evaluate` runs it for face models.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np

from srgan_gp.data.validation_halves import REPORT
from srgan_gp.data.validation_split import TRAIN, VALIDATION, part_of
from srgan_gp.detection.face_detection import FaceDetector
from srgan_gp.errors import UsageError
from srgan_gp.evaluation.evaluate import NO_NETWORK, load_features
from srgan_gp.evaluation.face_scores import FaceScorer, FaceScores
from srgan_gp.evaluation.readable_images import SkippingReader
from srgan_gp.evaluation.real_faces import RealFaces, read_real_faces, readable_faces
from srgan_gp.inference.face_generator import FaceGenerator
from srgan_gp.inference.session import Session
from srgan_gp.metrics.aligned_face_distances import YunetFeatures
from srgan_gp.metrics.memorisation import describe_layouts, memorisation_ratio
from srgan_gp.metrics.torchmetrics_scores import TorchmetricsScorer
from srgan_gp.models.cards import FACES
from srgan_gp.models.catalog import find_model

BLURRED_SIDE = 16
"""Side in pixels to which faces are downscaled in the baseline of blurred faces. With a larger side
the blur would be harder to see, with a smaller one little of a face would be left."""
_AT_ONCE = 256  # training faces at a time: more need more memory, fewer need more calls

ReportProgress = Callable[[str], None]
"""Receives a line of text about the progress."""


def is_face_model(model: str) -> bool:
    """Return whether a model generates faces, by its card or, without one, by its metadata.

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
    truncation: float | None = None,
    feature_weights: Path | str | None = None,
    detector: Path | str | None = None,
    metrics: Sequence[str] = (),
    report: ReportProgress = lambda _: None,
) -> FaceScores:
    """Score a face generator and its baselines, each against the same validation faces.

    Args:
        model: a name or the path of an `.onnx`.
        data: a folder or zip file of aligned faces that the model was not trained on. Of a set that
            `srgan-gp prepare` wrote, only the validation faces are used.
        train_data: places of faces that the model was trained on; of a prepared set only the
            training faces are used. Empty: no baseline of real training faces, no check of
            memorisation, and the other baselines are made from `data`.
        count: number of faces to generate, and of training faces in a baseline; None:
            `real_faces.DEFAULT_COUNT`, or as many as `train_data` has if they are fewer.
        half: half of `data` to use, one of `data.validation_halves.HALVES`. The default is the half
            for reported scores; training runs choose checkpoints on the other half.
        truncation: factor of the latents: below 1 faces are more typical and more alike; see
            `FaceGenerator.latents`. None: the default of the model.
        feature_weights: SqueezeNet 1.1 as `.safetensors` or `.pth`; None: the installed file;
            `NO_NETWORK`: none.
        detector: the face detector YuNet as `.onnx`; None: the installed file; `NO_NETWORK`: none.
        metrics: scores of the package torchmetrics to add, `fid` and `kid`.
        report: called with a line of text before each step.

    Returns:
        Scores of the generated faces, the baselines and the validation faces. Faces that cannot be
        read are skipped; they are in `FaceScores.skipped`.

    Raises:
        UsageError: an argument is not valid, there are too few faces, one is not square or smaller
            than the model's, a network cannot be loaded, or more than half of the validation faces
            are training faces too.
        ModelRefusedError: the model or the detector cannot be used.
        PictureError: no face in `data`, or none in `train_data`, can be read.
    """
    if "lpips" in metrics:
        raise UsageError("lpips compares pairs of images, and generated faces have no pairs.")
    torchmetrics = TorchmetricsScorer(metrics) if metrics else None
    data = part_of(data, VALIDATION)
    train_data = tuple(part_of(place, TRAIN) for place in train_data)
    generator = FaceGenerator.load(model)
    reader = SkippingReader()
    real = read_real_faces(data, train_data, count, half, generator.image_size, reader)
    features = load_features(feature_weights)
    face_detector = None
    yunet = None  # features for the score FD-yunet, a Fréchet distance
    if str(detector) != NO_NETWORK:  # None is the installed file
        face_detector = FaceDetector.load(detector)
        # The same file, opened again to read its feature maps. An error message about the file
        # names the argument "detector".
        yunet = YunetFeatures.load(face_detector.file, "detector")
    truncation = generator.default_truncation if truncation is None else truncation
    steps = 5 if real.train_files else 4
    report(f"step 1 of {steps}: generating {real.count} faces with {generator.name}")
    faces = generator.generate(seed=0, count=real.count, truncation=truncation)
    report(f"step 2 of {steps}: measuring {len(real.validation)} real faces")
    # Some scores, `face_scores.PAIRED`, compare two sets of equal size. They use the first
    # `paired_count` faces of each set.
    paired_count = min(real.count, len(real.validation))
    scorer = FaceScorer(real.validation, features, face_detector, yunet, paired_count)
    report(f"step 3 of {steps}: scoring the generated faces")
    model_scores = scorer.score(generator.name, faces)
    if torchmetrics:
        torchmetrics.add_sets(faces[:paired_count], real.validation[:paired_count])
    baselines = []
    for name, baseline_faces in _baselines(real).items():
        report(f"step 4 of {steps}: scoring the baseline {name}")
        baselines.append(scorer.score(name, baseline_faces))
    memorisation = None
    if real.train_files:
        report(f"step 5 of {steps}: comparing with {len(real.train_files)} training faces")
        memorisation = _memorisation(faces, real, reader)
    return FaceScores(
        name=generator.name,
        model_sha256=generator.sha256,
        data=data,
        train_data=train_data,
        count=real.count,
        image_size=generator.image_size,
        feature_network=features.sha256 if features else None,
        model=model_scores,
        baselines=tuple(baselines),
        validation=scorer.validation,
        memorisation=memorisation,
        half=real.half,
        paired_count=paired_count,
        truncation=truncation,
        detector=yunet.sha256 if yunet else None,
        torchmetrics=torchmetrics.scores() if torchmetrics else None,
        skipped=reader.skipped,
    )


def repeat_mean_face(faces: np.ndarray) -> np.ndarray:
    """Return N copies of the mean of N faces: (N, S, S, 3) -> (N, S, S, 3), uint8."""
    mean = np.rint(faces.mean(axis=0)).astype(np.uint8)
    return np.repeat(mean[None], len(faces), axis=0)


def blur_faces(faces: np.ndarray) -> np.ndarray:
    """Downscale (N, S, S, 3), uint8, to 16 pixels by area mean, and upscale to S by bicubic."""
    full_size, small_size = (faces.shape[2], faces.shape[1]), (BLURRED_SIDE, BLURRED_SIDE)
    blurred = []
    for face in faces:
        small = cv2.resize(face, small_size, interpolation=cv2.INTER_AREA)
        blurred.append(cv2.resize(small, full_size, interpolation=cv2.INTER_CUBIC))
    return np.stack(blurred)


def _baselines(real: RealFaces) -> dict[str, np.ndarray]:
    """Return the baselines that a model is compared with, by name: (M, S, S, 3), uint8 RGB."""
    faces = real.validation if real.train is None else real.train
    baselines: dict[str, np.ndarray] = {}
    if real.train is not None:
        baselines["real, training"] = real.train
    baselines["mean face"] = repeat_mean_face(faces)
    baselines[f"real at {BLURRED_SIDE} px"] = blur_faces(faces)
    return baselines


def _memorisation(faces: np.ndarray, real: RealFaces, reader: SkippingReader) -> float:
    """Compute the memorisation ratio of generated faces, (N, S, S, 3), to all training faces.

    The ratio compares layouts: faces downscaled to 8 x 8 pixels and normalised.

    Raises:
        UsageError: more than half of the validation faces are training faces.
    """
    size, files = faces.shape[1], real.train_files
    train_layouts = []
    for first in range(0, len(files), _AT_ONCE):
        batch = list(readable_faces(files[first : first + _AT_ONCE], size, reader))
        if batch:  # else no face of the batch can be read
            train_layouts.append(describe_layouts(np.stack(batch)))
    layouts, validation = describe_layouts(faces), describe_layouts(real.validation)
    try:
        return memorisation_ratio(layouts, np.concatenate(train_layouts), validation)
    except ValueError as error:
        # Not an empty training set: `read_real_faces` has read at least one face of it.
        raise UsageError(
            "More than half of the faces in --data are in --train-data too, so memorisation cannot "
            "be measured; pass other faces."
        ) from error
