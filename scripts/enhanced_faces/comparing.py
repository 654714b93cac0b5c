"""Results of one photo with and without `--faces`, and the seams at the borders of the faces.

`upscale --faces` upscales small faces by a second model and blends them into the result of the
photo, each in a box. A seam is a visible edge at the border of a box.
"""

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

PERCENTILE = 99  # of the gradients around a box, which the gradient of a seam is compared with


@dataclass(frozen=True)
class Pair:
    """One photo, upscaled without and with `--faces`.

    Attributes:
        low_res: the photo, (H, W, 3 or 1), uint8.
        without_faces: result without faces, (H * scale, W * scale, 3 or 1), uint8.
        with_faces: result with faces, same shape.
        faces: the detected faces; their boxes are in pixels of `low_res`.
    """

    low_res: np.ndarray
    without_faces: np.ndarray
    with_faces: np.ndarray
    faces: tuple[FaceResult, ...]

    def slices(self, face: FaceResult) -> tuple[slice, slice]:
        """Return the rows and columns of the box of a face in the results."""
        scale = self.without_faces.shape[0] // self.low_res.shape[0]
        left, top, width, height = (value * scale for value in face.box)
        return slice(top, top + height), slice(left, left + width)

    def is_equal_outside(self) -> bool:
        """Return whether the results are equal at all pixels outside the boxes."""
        restored = self.with_faces.copy()
        for face in self.faces:
            restored[self.slices(face)] = self.without_faces[self.slices(face)]
        return np.array_equal(restored, self.without_faces)

    def seams(self) -> list[float]:
        """Return for each enhanced face how strong the seam at its border is.

        Gradients are magnitudes, of the luma. The seam is the largest gradient of the difference
        of the two results on the outermost 5 % of each side of the box, at least 2 pixels. It is
        divided by the 99th percentile of the gradients in the surroundings, up to half a box away.
        A percentile below 1 level per pixel counts as 1. A seam above 1 stands out.
        """
        return [self._seam(face) for face in self.faces if face.done == ENHANCED]

    def _seam(self, face: FaceResult) -> float:
        """Return the relative gradient of `seams` for one face."""
        rows, columns = self.slices(face)
        height, width = rows.stop - rows.start, columns.stop - columns.start
        top, left = max(rows.start - height // 2, 0), max(columns.start - width // 2, 0)
        around = (slice(top, rows.stop + height // 2), slice(left, columns.stop + width // 2))
        with_faces = luma(_rgb(self.with_faces[around]))
        without_faces = luma(_rgb(self.without_faces[around]))
        box = np.zeros(without_faces.shape, bool)
        y, x = rows.start - top, columns.start - left
        box[y : y + height, x : x + width] = True
        border_height, border_width = max(height // 20, 2), max(width // 20, 2)
        border = box.copy()
        border[
            y + border_height : y + height - border_height,
            x + border_width : x + width - border_width,
        ] = False
        surroundings = 1.0  # levels per pixel: used if the box fills the photo, and as a minimum
        if not box.all():
            surroundings = np.percentile(_gradient(without_faces)[~box], PERCENTILE)
        seam = _gradient(with_faces - without_faces)[border].max()
        return float(seam / max(surroundings, 1.0))


class Comparison:
    """Upscales photos without and with faces.

    Args:
        model: name of the model of the photo.
        face_model: name of the model of the faces.
        detector: network file of the face detector YuNet; None: the installed one.

    Attributes:
        detector: the face detector.
    """

    def __init__(self, model: str, face_model: str, detector: Path | None) -> None:
        self.detector = FaceDetector.load(detector)
        options = FaceOptions(model=face_model, detector=detector)
        self._upscaler = Upscaler.load(model, device="cpu")
        self._faces = FaceEnhancer.load(options, lambda name: Upscaler.load(name, device="cpu"))

    def has_small_faces(self, pixels: np.ndarray) -> bool:
        """Return whether an image (H, W, 3), uint8, has a face that is small enough to enhance."""
        for face in self.detector.detect(pixels):
            _, _, width, height = face.box
            if math.sqrt(width * height) <= LARGEST_FACE:
                return True
        return False

    def pair(self, low_res: np.ndarray) -> Pair:
        """Upscale an image (H, W, 3 or 1), uint8, without and with faces."""
        without_faces = self._upscaler.upscale(low_res)
        with_faces = without_faces.copy()
        faces = self._faces.enhance(Picture(low_res), Picture(with_faces))  # changes the copy
        return Pair(low_res, without_faces, with_faces, faces)


def _rgb(pixels: np.ndarray) -> np.ndarray:
    """Repeat the channel of a grey image: (H, W, 1 or 3) -> (H, W, 3)."""
    return np.ascontiguousarray(np.broadcast_to(pixels, (*pixels.shape[:2], 3)))


def _gradient(values: np.ndarray) -> np.ndarray:
    """Return the magnitude of the gradient of (H, W), in levels per pixel."""
    return np.hypot(*np.gradient(values))
