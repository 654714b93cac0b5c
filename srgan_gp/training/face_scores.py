"""The scores of a set of faces against as many real ones, and of a model among its baselines."""

from dataclasses import asdict, dataclass, replace
from typing import Any

import cv2
import numpy as np

from srgan_gp.data.face_detection import FaceDetector
from srgan_gp.losses.features import Features
from srgan_gp.training.diversity import pairwise_distance
from srgan_gp.training.feature_distances import frechet_distance, kernel_distance, pooled_features
from srgan_gp.training.memorisation import ALARM
from srgan_gp.training.pyramid_distance import COARSEST_SIDE, pyramid_distance

LOOKED_AT = 256
"""Faces of a set that the detector is shown, at most."""
DETECTOR_SIDE = 256  # pixels: what a face is enlarged to before the detector sees it


@dataclass(frozen=True)
class SetScores:
    """Scores of one set of faces; None where a network is missing or faces are too small.

    Attributes:
        name: of the set.
        fd_squeeze: Frechet distance to the held-out faces on SqueezeNet features.
        kid_squeeze: kernel distance on the same features; about 0 for real faces.
        swd: sliced Wasserstein distance by the side of the level in pixels.
        pairwise_distance: mean squeeze distance of pairs of the set.
        one_face: share of the set in which the detector finds exactly one face.
    """

    name: str
    fd_squeeze: float | None = None
    kid_squeeze: float | None = None
    swd: dict[int, float] | None = None
    pairwise_distance: float | None = None
    one_face: float | None = None

    def values(self) -> dict[str, float | None]:
        """Return the scores without the name, SWD averaged over its levels."""
        swd = float(np.mean(list(self.swd.values()))) if self.swd else None
        return {key: value for key, value in vars(self).items() if key != "name"} | {"swd": swd}


@dataclass(frozen=True)
class FaceScores:
    """Scores of a model of faces, with all that is needed to make them again.

    Attributes:
        count: faces in each set; the model's have the seeds 0 to `count` - 1.
        feature_network: sha256 of SqueezeNet's weights; None: what needs it was left out.
        model: scores of its faces.
        baselines: scores of real training faces, of the mean face and of blurred faces.
        held_out: of the held-out faces themselves: what the others are compared with.
        memorisation: ratio of `memorisation_ratio`; None: no training faces given.
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
    held_out: SetScores
    memorisation: float | None

    @property
    def is_memorising(self) -> bool:
        """Whether the model repeats its training faces, as far as that was looked at."""
        return self.memorisation is not None and self.memorisation < ALARM

    def relative(self) -> dict[str, float | None]:
        """Return the model's diversity and share of faces over those of the held-out faces."""
        own, real = self.model, self.held_out
        return {
            "diversity": _ratio(own.pairwise_distance, real.pairwise_distance),
            "one_face": _ratio(own.one_face, real.one_face),
        }

    def as_dict(self) -> dict[str, Any]:
        """Return everything as JSON types."""
        added = {"relative": self.relative(), "is_memorising": self.is_memorising}
        return asdict(self) | added


class FaceScorer:
    """Scores sets of faces against one set of real ones.

    Args:
        real: (N, S, S, 3), uint8 RGB, held out from training.
        features: SqueezeNet; None: leave out what needs it.
        detector: finds faces; None: leave out the share with one face.

    Attributes:
        held_out: scores of the real faces: their diversity and share alone.
    """

    def __init__(
        self, real: np.ndarray, features: Features | None, detector: FaceDetector | None
    ) -> None:
        self._real = real
        self._features = features
        self._detector = detector
        self._pooled = pooled_features(features, real) if features else None
        self.held_out = self._alone("real, held out", real)

    def score(self, name: str, faces: np.ndarray) -> SetScores:
        """Score a set: as many faces as the real ones, of the same size, uint8 RGB."""
        scores = self._alone(name, faces)
        if faces.shape[1] >= COARSEST_SIDE:
            scores = replace(scores, swd=pyramid_distance(faces, self._real))
        if self._features is None or self._pooled is None:
            return scores
        pooled = pooled_features(self._features, faces)
        return replace(
            scores,
            fd_squeeze=frechet_distance(pooled, self._pooled),
            kid_squeeze=kernel_distance(pooled, self._pooled),
        )

    def _alone(self, name: str, faces: np.ndarray) -> SetScores:
        """Score what needs no other set."""
        features, detector = self._features, self._detector
        distance = None
        if features and faces.shape[1] >= features.least_side:
            distance = pairwise_distance(features, faces)
        share = share_with_one_face(detector, faces) if detector else None
        return SetScores(name, pairwise_distance=distance, one_face=share)


def share_with_one_face(detector: FaceDetector, faces: np.ndarray) -> float:
    """Share of pictures, enlarged to 256 pixels, in which exactly one face is found.

    Args:
        detector: what it is sure enough of counts; see `FaceDetector.load`.
        faces: (N, S, S, 3), uint8 RGB; the first `LOOKED_AT` are looked at.
    """
    size = (DETECTOR_SIDE, DETECTOR_SIDE)
    seen = (cv2.resize(face, size, interpolation=cv2.INTER_CUBIC) for face in faces[:LOOKED_AT])
    return float(np.mean([len(detector.detect(face)) == 1 for face in seen]))


def _ratio(value: float | None, whole: float | None) -> float | None:
    return value / whole if value is not None and whole else None
