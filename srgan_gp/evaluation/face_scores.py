"""Scores of sets of faces against real validation faces, by metrics of `srgan_gp.metrics`.

`FaceScorer` scores one set; `FaceScores` is the result of `evaluate_faces`, with the scores of the
model and of its baselines, as model cards and `srgan-gp evaluate --json` hold it.
"""

from dataclasses import asdict, dataclass, replace
from typing import Any

import cv2
import numpy as np

from srgan_gp.detection.face_detection import FaceDetector
from srgan_gp.evaluation.few_faces import add_unreliable, few_faces_warning
from srgan_gp.evaluation.readable_images import SkippedImage
from srgan_gp.losses.features import Features
from srgan_gp.metrics.aligned_face_distances import AlignedFaceDistances, YunetFeatures
from srgan_gp.metrics.border_ratio import border_ratio
from srgan_gp.metrics.diversity import pairwise_distance
from srgan_gp.metrics.feature_distances import frechet_distance, kernel_distance, pooled_features
from srgan_gp.metrics.memorisation import ALARM
from srgan_gp.metrics.sliced_wasserstein import COARSEST_SIDE, pyramid_distance
from srgan_gp.metrics.torchmetrics_scores import TorchmetricsScores

DETECTED_FACES = 256
"""Largest number of faces of a set that the detector is run on: more take longer."""
DETECTOR_SIDE = 256  # pixels: side to which a face is upscaled for the detector; larger is slower

METRICS = {
    "fd_yunet": ("FD-yunet", 1),
    "fd_hog": ("FD-hog", 2),
    "fd_pca": ("FD-pca", 2),
    "fd_squeeze": ("FD-squeeze", 1),
    "kid_squeeze": ("KID-squeeze", 4),
    "swd": ("SWD", 1),
    "pairwise_distance": ("pairwise squeeze distance", 3),
    "one_face": ("share with one face", 3),
    "border": ("border ratio", 3),
}
"""Scores of a set in the order of output, by the field of `SetScores`: the title, and the number of
digits after the point on a card."""
RELATIVE_METRICS = {
    "diversity": "diversity",
    "one_face": "share with one face, over that of real faces",
}
"""Titles of the results of `FaceScores.relative`, by name."""
NOVELTY = "novelty"
"""Title of `FaceScores.memorisation`."""
PAIRED = ("fd_squeeze", "kid_squeeze", "swd")
"""Scores that compare equal numbers of faces of a set and of the validation faces."""


@dataclass(frozen=True)
class SetScores:
    """Scores of one set of faces; None: a network is missing, or the faces are too small.

    Attributes:
        name: name of the set.
        fd_squeeze: Fréchet distance to the validation faces on SqueezeNet features.
        kid_squeeze: kernel distance on the same features; about 0 for real faces.
        swd: sliced Wasserstein distance by the side, in pixels, of the level of the pyramid.
        pairwise_distance: mean distance of pairs of the set on SqueezeNet features.
        one_face: share of the images in which the detector finds exactly one face.
        fd_yunet: Fréchet distance on backbone maps of YuNet; see `AlignedFaceDistances`.
        fd_hog: Fréchet distance on histograms of oriented gradients.
        fd_pca: Fréchet distance on principal components at 16 pixels.
        border: contrast of the outermost pixels over that of the validation faces; about 1 if real.
        count: number of faces in the set.
    """

    name: str
    fd_squeeze: float | None = None
    kid_squeeze: float | None = None
    swd: dict[int, float] | None = None
    pairwise_distance: float | None = None
    one_face: float | None = None
    fd_yunet: float | None = None
    fd_hog: float | None = None
    fd_pca: float | None = None
    border: float | None = None
    count: int = 0

    def by_name(self) -> dict[str, float | None]:
        """Return the scores by the keys of `METRICS` and in their order, SWD as a mean."""
        values = {key: getattr(self, key) for key in METRICS}
        values["swd"] = float(np.mean(list(self.swd.values()))) if self.swd else None
        return values


@dataclass(frozen=True)
class FaceScores:
    """Scores of a face generator, with everything needed to reproduce them.

    Attributes:
        name: name of the model.
        model_sha256: sha256 of the model file, in hexadecimal, as those of the networks below.
        data: place of the validation faces.
        train_data: places of the training faces; empty: none were named.
        count: number of generated faces; their seeds are 0 to `count` - 1.
        image_size: side of the faces in pixels.
        feature_network: sha256 of SqueezeNet's weights; None: scores that need it were skipped.
        model: scores of its faces.
        baselines: scores of real training faces, of the mean face and of blurred faces.
        validation: scores of the validation faces themselves, for comparison.
        memorisation: `metrics.memorisation.memorisation_ratio` of the generated faces; about 1 for
            new faces, 0 for copies of training faces. None: there are no training faces.
        half: name of the half of the validation faces, one of `data.validation_halves.HALVES`.
        paired_count: faces of each set that the scores named in `PAIRED` use.
        truncation: factor of the latents; below 1 faces are more typical and more alike.
        detector: sha256 of YuNet; None: scores that need it were skipped.
        torchmetrics: scores of the package torchmetrics, not comparable with the others; None: they
            were not asked for.
        skipped: faces that could not be read, which no score includes.
    """

    name: str
    model_sha256: str
    data: str
    train_data: tuple[str, ...]
    count: int
    image_size: int
    feature_network: str | None
    model: SetScores
    baselines: tuple[SetScores, ...]
    validation: SetScores
    memorisation: float | None
    half: str
    paired_count: int
    truncation: float = 1.0
    detector: str | None = None
    torchmetrics: TorchmetricsScores | None = None
    skipped: tuple[SkippedImage, ...] = ()

    @property
    def is_memorising(self) -> bool:
        """Whether the model repeats its training faces; False if that was not measured."""
        return self.memorisation is not None and self.memorisation < ALARM

    def relative(self) -> dict[str, float | None]:
        """Return scores of the model divided by those of the validation faces; about 1 is best.

        Returns:
            `diversity`, of the pairwise distances, and `one_face`, of the shares of images with
            exactly one face. None: not measured, or 0 for the validation faces.
        """
        model, real = self.model, self.validation
        return {
            "diversity": _ratio(model.pairwise_distance, real.pairwise_distance),
            "one_face": _ratio(model.one_face, real.one_face),
        }

    def as_dict(self) -> dict[str, Any]:
        """Return all attributes, `relative`, `is_memorising` and `warning`, as JSON types.

        The key of `validation` is "held_out", as in the files of earlier versions. With few
        validation faces `warning` is a text, and `unreliable` names the scores it is about.
        """
        warning = few_faces_warning(self.validation.count)
        entries: dict[str, Any] = {}
        for name, value in asdict(self).items():
            entries["held_out" if name == "validation" else name] = value
        if warning:
            add_unreliable(entries)
        entries |= {"relative": self.relative(), "is_memorising": self.is_memorising}
        return entries | {"warning": warning or None}


class FaceScorer:
    """Scores sets of faces against one set of real faces.

    Args:
        real: (N, S, S, 3), uint8 RGB, not trained on.
        features: SqueezeNet; None: skip the scores that need it.
        detector: detects faces; None: skip the share of images with one face.
        yunet: features of the detector's backbone; None: skip FD-yunet.
        paired_count: faces of each set that the scores named in `PAIRED` use; None: as many as the
            smaller set has.

    Attributes:
        validation: scores of the real faces: only `pairwise_distance` and `one_face`.
    """

    def __init__(
        self,
        real: np.ndarray,
        features: Features | None,
        detector: FaceDetector | None,
        yunet: YunetFeatures | None = None,
        paired_count: int | None = None,
    ) -> None:
        self._real = real
        self._features = features
        self._detector = detector
        self._aligned = AlignedFaceDistances(real, yunet)
        self._paired_count = paired_count
        self._real_pooled = pooled_features(features, real[:paired_count]) if features else None
        self.validation = self._score_alone("real, validation", real)

    def score(self, name: str, faces: np.ndarray) -> SetScores:
        """Score a set of faces.

        Args:
            name: name of the set.
            faces: (M, S, S, 3), uint8 RGB, of the size of the real faces.
        """
        distances = self._aligned.distances(faces)  # fields fd_yunet, fd_hog and fd_pca
        border = border_ratio(faces, self._real)
        scores = replace(self._score_alone(name, faces), border=border, **distances)
        count = min(self._paired_count or len(faces), len(faces), len(self._real))
        if faces.shape[1] >= COARSEST_SIDE:
            scores = replace(scores, swd=pyramid_distance(faces[:count], self._real[:count]))
        if self._features is None or self._real_pooled is None:
            return scores
        pooled = pooled_features(self._features, faces[:count])  # resizes faces of any size
        return replace(
            scores,
            fd_squeeze=frechet_distance(pooled, self._real_pooled[:count]),
            kid_squeeze=kernel_distance(pooled, self._real_pooled[:count]),
        )

    def _score_alone(self, name: str, faces: np.ndarray) -> SetScores:
        """Compute the scores that compare a set with no other set; the others are None."""
        features, detector = self._features, self._detector
        distance = None
        if features and faces.shape[1] >= features.least_side:
            distance = pairwise_distance(features, faces)
        share = share_with_one_face(detector, faces) if detector else None
        return SetScores(name, pairwise_distance=distance, one_face=share, count=len(faces))


def share_with_one_face(detector: FaceDetector, faces: np.ndarray) -> float:
    """Return the share of images, 0 to 1, with exactly one face after upscaling to 256 pixels.

    Args:
        detector: counts faces above its confidence threshold; see `FaceDetector.load`.
        faces: (N, S, S, 3), uint8 RGB; the first `DETECTED_FACES` are used.
    """
    has_one_face = []
    for face in faces[:DETECTED_FACES]:
        size = (DETECTOR_SIDE, DETECTOR_SIDE)
        upscaled = cv2.resize(face, size, interpolation=cv2.INTER_CUBIC)
        has_one_face.append(len(detector.detect(upscaled)) == 1)
    return float(np.mean(has_one_face))


def _ratio(value: float | None, divisor: float | None) -> float | None:
    """Divide; None if a number is missing or the divisor is 0."""
    if value is None or not divisor:
        return None
    return value / divisor
