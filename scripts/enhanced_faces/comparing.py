"""Results with and without `--faces` of one photo, and the seams between them."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from srgan_gp.detection.face_detection import FaceDetector
from srgan_gp.images import Picture
from srgan_gp.inference.face_enhancement.face_enhancer import LARGEST_FACE, FaceEnhancer
from srgan_gp.inference.face_enhancement.face_options import ENHANCED, FaceOptions, FaceResult
from srgan_gp.inference.upscaler import Upscaler
from srgan_gp.metrics.psnr_ssim import luma

PERCENTILE = 99  # of the gradients around a box


@dataclass(frozen=True)
class Pair:
    """One photo upscaled without and with faces."""

    low_res: np.ndarray
    without: np.ndarray
    with_faces: np.ndarray
    faces: tuple[FaceResult, ...]

    def slices(self, face: FaceResult) -> tuple[slice, slice]:
        """Rows and columns of the box of a face in the results."""
        scale = self.without.shape[0] // self.low_res.shape[0]
        left, top, width, height = (value * scale for value in face.box)
        return slice(top, top + height), slice(left, left + width)

    def is_equal_outside(self) -> bool:
        """Return whether all pixels outside the boxes are equal."""
        other = self.with_faces.copy()
        for face in self.faces:
            other[self.slices(face)] = self.without[self.slices(face)]
        return np.array_equal(other, self.without)

    def seams(self) -> list[float]:
        """For each enhanced face: largest gradient that its border adds, relative to those around.

        The gradients are those of the luma. Added is the gradient of the difference of the two
        results on the outermost 5 % of each side of the box. It is divided by the 99th percentile
        of the gradients in the surroundings, up to half a box away.
        """
        return [self._seam(face) for face in self.faces if face.done == ENHANCED]

    def _seam(self, face: FaceResult) -> float:
        rows, columns = self.slices(face)
        height, width = rows.stop - rows.start, columns.stop - columns.start
        top, left = max(rows.start - height // 2, 0), max(columns.start - width // 2, 0)
        around = (slice(top, rows.stop + height // 2), slice(left, columns.stop + width // 2))
        result, plain = (luma(_rgb(image[around])) for image in (self.with_faces, self.without))
        inside = np.zeros(result.shape, bool)
        y, x = rows.start - top, columns.start - left
        inside[y : y + height, x : x + width] = True
        border, (high, wide) = inside.copy(), (max(height // 20, 2), max(width // 20, 2))
        border[y + high : y + height - high, x + wide : x + width - wide] = False
        usual = np.percentile(_gradient(plain)[~inside], PERCENTILE) if not inside.all() else 1.0
        return float(_gradient(result - plain)[border].max() / max(usual, 1.0))


class Comparison:
    """Upscales photos without and with faces; the photo itself only once.

    Args:
        model: model of the photo.
        face_model: model of the faces.
        detector: network file of YuNet; None: the installed one.
    """

    def __init__(self, model: str, face_model: str, detector: Path | None) -> None:
        self.detector = FaceDetector.load(detector)
        options = FaceOptions(model=face_model, detector=detector)
        self._upscaler = Upscaler.load(model, device="cpu")
        self._faces = FaceEnhancer.load(options, lambda name: Upscaler.load(name, device="cpu"))

    def has_small_faces(self, pixels: np.ndarray) -> bool:
        """Return whether an image (H, W, 3), uint8, has an upright face that may be enhanced."""
        boxes = [face.box for face in self.detector.detect(pixels)]
        return any(math.sqrt(box[2] * box[3]) <= LARGEST_FACE for box in boxes)

    def pair(self, low_res: np.ndarray) -> Pair:
        """Upscale an image (H, W, 3 or 1), uint8, both ways."""
        without = self._upscaler.upscale(low_res)
        result = without.copy()
        faces = self._faces.enhance(Picture(low_res), Picture(result))
        return Pair(low_res, without, result, faces)


def _rgb(pixels: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(np.broadcast_to(pixels, (*pixels.shape[:2], 3)))


def _gradient(values: np.ndarray) -> np.ndarray:
    return np.hypot(*np.gradient(values))
