"""Face detection with YuNet in OpenCV, on an image pyramid.

YuNet (Wu, Peng and Yu, "YuNet: A Tiny Millisecond-level Face Detector", 2023) detects faces of
about 10 to 300 pixels. A large photo is therefore searched at several sizes, the levels of the
pyramid, and a small one is enlarged.
"""

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from srgan_gp.errors import MissingExtraError, ModelRefusedError, UsageError
from srgan_gp.models.helper_networks import FACE_DETECTOR, how_to_get
from srgan_gp.system.paths import is_file

MIN_SCORE = 0.7
"""Confidence below which a detection is ignored, 0 to 1. With a lower one, more things that are no
faces are found; with a higher one, more faces that are blurred or seen from the side are missed."""
COARSEST_LEVEL, FINEST_LEVEL = 192, 1280
"""Longer side of the photo in pixels on the coarsest level, and at most on the finest one.

On the coarsest level a face that fills the photo is well below the 300 pixels that YuNet can
detect. On the finest level, a face of 10 pixels is 1/128 of the photo; a larger level would find
smaller ones, and take longer.
"""
_LARGEST_FACE = 300
"""Longer side in pixels above which a face is ignored on a level: it is outside of the range of
YuNet, and a coarser level detects it."""
_BORDER = 64
"""Pixels of grey around the photo on the coarsest level; without them faces that fill the photo are
missed. A wider border takes more time."""
_GREY = 128  # value of the border, 0 to 255
_MAX_OVERLAP = 0.3  # intersection over union above which two boxes are one face; OpenCV's default
_MAX_CANDIDATES = 5000  # boxes per level before duplicates are removed; OpenCV's default


@dataclass(frozen=True, eq=False)
class Face:
    """One face in a photo. Coordinates are in pixels; (0, 0) is the centre of the first pixel."""

    box: tuple[float, float, float, float]
    """Left, top, width and height; may extend beyond the photo."""
    points: np.ndarray
    """(5, 2), float64: x and y of the left and the right eye as seen in the photo, the tip of the
    nose, and the left and the right corner of the mouth."""
    score: float
    """Confidence of the network, from 0 to 1."""


class FaceDetector:
    """Detects faces in photos; `FaceDetector.load` opens a network file.

    Args:
        network: an OpenCV `FaceDetectorYN` or a replacement for it.
        file: the network file.
    """

    def __init__(self, network: Any, file: Path) -> None:  # noqa: ANN401  OpenCV has no such stub
        self.file = file
        self._network = network
        self._opencv = import_opencv()

    @classmethod
    def load(
        cls, path: str | Path | None = None, *, least_score: float = MIN_SCORE
    ) -> "FaceDetector":
        """Open a network file, and return its detector.

        Args:
            path: an ONNX file of YuNet; None: the installed one.
            least_score: faces with a lower score are ignored, 0 to 1.

        Raises:
            MissingExtraError: OpenCV cannot be loaded.
            UsageError: the file does not exist.
            ModelRefusedError: it is not a YuNet network.
        """
        opencv, file = import_opencv(), require_detector(path)
        some_size = (COARSEST_LEVEL, COARSEST_LEVEL)  # `_detect_on_level` sets another one
        try:
            # From bytes, since OpenCV cannot open every path on Windows.
            network = opencv.FaceDetectorYN.create(
                "onnx", np.frombuffer(file.read_bytes(), np.uint8), np.empty(0, np.uint8),
                some_size, least_score, _MAX_OVERLAP, _MAX_CANDIDATES,
            )  # fmt: skip
            network.detect(np.zeros((*some_size, 3), np.uint8))  # raises if it is not YuNet
        except (opencv.error, OSError) as error:
            raise ModelRefusedError(
                f"{file} is not a face detector that OpenCV {opencv.__version__} can run. "
                "Use face_detection_yunet_2026may.onnx, whose input may have any size."
            ) from error
        return cls(network, file)

    def detect(self, pixels: np.ndarray) -> list[Face]:
        """Detect the faces in a photo.

        Args:
            pixels: (H, W, 3), uint8 RGB, upright.

        Returns:
            The faces without duplicates, in descending order of their scores.
        """
        faces: list[Face] = []
        for side in _level_sides(pixels.shape):
            faces += self._detect_on_level(pixels, side)
        if not faces:
            return []
        # Non-maximum suppression: of boxes that overlap, the one with the highest score is kept.
        boxes, scores = [face.box for face in faces], [face.score for face in faces]
        lowest_score = 0.0  # The network has dropped faces below `least_score`.
        indices = self._opencv.dnn.NMSBoxes(boxes, scores, lowest_score, _MAX_OVERLAP)
        return [faces[int(index)] for index in np.asarray(indices).ravel()]

    def _detect_on_level(self, pixels: np.ndarray, side: int) -> Iterator[Face]:
        """Detect faces in a photo that is resized such that its longer side is `side` pixels.

        Yields:
            The faces in pixels of `pixels`, which has its original size.
        """
        height, width = pixels.shape[:2]
        factor = side / max(height, width)
        size = (max(1, round(width * factor)), max(1, round(height * factor)))
        method = self._opencv.INTER_AREA if factor < 1 else self._opencv.INTER_CUBIC
        resized = self._opencv.resize(pixels, size, interpolation=method)
        border = _BORDER if side == COARSEST_LEVEL else 0
        edges = ((border, border), (border, border), (0, 0))
        padded = np.pad(resized[:, :, ::-1], edges, constant_values=_GREY)  # YuNet expects BGR
        self._network.setInputSize(padded.shape[1::-1])  # (width, height)
        _, rows = self._network.detect(padded)
        if rows is None:  # There is no face.
            return
        # From pixels of the level to those of the photo. The sides were rounded, so that their
        # ratios differ.
        ratio = np.array([width / size[0], height / size[1]])
        for row in np.asarray(rows, np.float64):
            # A row: left, top, width and height of the box; x and y of five points; the score.
            if max(row[2:4]) <= _LARGEST_FACE and np.isfinite(row).all():
                # Pixel centres have integer coordinates in both images, which begin half a pixel
                # before the first centre: positions are scaled from there.
                corner = (row[:2] - border + 0.5) * ratio - 0.5
                points = (row[4:14].reshape(5, 2) - border + 0.5) * ratio - 0.5
                box = (*corner.tolist(), *(row[2:4] * ratio).tolist())
                yield Face(box, points, float(row[14]))


def _level_sides(shape: tuple[int, ...]) -> list[int]:
    """Return the longer side of the photo on each level in pixels, from coarse to fine.

    Each is twice the previous one, or less on the finest level.

    Args:
        shape: (height, width, channels) of the photo.

    >>> _level_sides((64, 64, 3)), _level_sides((480, 600, 3)), _level_sides((4000, 3000, 3))
    ([192], [192, 384, 600], [192, 384, 768, 1280])
    """
    finest = min(max(*shape[:2], COARSEST_LEVEL), FINEST_LEVEL)
    sides = [COARSEST_LEVEL]
    while sides[-1] < finest:
        sides.append(min(2 * sides[-1], finest))
    return sides


def require_detector(path: str | Path | None) -> Path:
    """Find the network file of YuNet, and return its path.

    Args:
        path: path of the file; None: the installed one.

    Raises:
        UsageError: the file does not exist.
    """
    if path is not None:
        if not is_file(Path(path)):
            raise UsageError(f"The face detector {path} does not exist. Check the path.")
        return Path(path)
    installed = FACE_DETECTOR.installed()
    if installed is not None:
        return installed
    raise UsageError(
        f"Face detection needs the network YuNet. {how_to_get(FACE_DETECTOR)} Or pass the path of "
        "its file as `detector`."
    )


def import_opencv() -> Any:  # noqa: ANN401  OpenCV's stubs do not pass strict checks
    """Import OpenCV, switch off its log messages, and return the module `cv2`.

    OpenCV logs, for example, warnings about inference engines that are not used. Its errors are
    exceptions, so that no message is lost.

    Raises:
        MissingExtraError: OpenCV cannot be loaded, as when system libraries are missing.
    """
    try:
        opencv = importlib.import_module("cv2")
    except ImportError as error:
        raise MissingExtraError(
            f"Face detection needs OpenCV, which cannot be loaded ({error}). Install its system "
            "libraries: apt install libgl1 libglib2.0-0."
        ) from error
    opencv.utils.logging.setLogLevel(opencv.utils.logging.LOG_LEVEL_SILENT)
    return opencv
