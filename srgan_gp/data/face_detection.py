"""Where the faces of a photo are: YuNet in OpenCV, on several sizes of the photo.

YuNet (Wu, Peng and Yu, "YuNet: A Tiny Millisecond-level Face Detector", 2023) finds faces of about
10 to 300 pixels. A large photo is therefore looked at on a pyramid, and a small one is enlarged.
"""

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from srgan_gp.catalog import model_folders
from srgan_gp.errors import MissingExtraError, ModelRefusedError
from srgan_gp.paths import is_file

DETECTOR_FILE = "yunet.onnx"
LEAST_SCORE = 0.7
SMALLEST_SIDE, LARGEST_SIDE = 192, 1280  # of the photo as the network sees it, its longer one
_LARGEST_FACE = 300  # on one level, in pixels: what is larger there belongs to a coarser one
_BORDER = 64  # pixels of grey around the coarsest level: without it faces that fill it are missed
_GREY = 128
_MOST_OVERLAP = 0.3  # of two boxes, over their union: above it they are one face
_MOST_CANDIDATES = 5000


@dataclass(frozen=True, eq=False)
class Face:
    """One face in a photo; pixel centres have whole-numbered coordinates."""

    box: tuple[float, float, float, float]
    """Left, top, width and height; it may reach over the edge of the photo."""
    points: np.ndarray
    """(5, 2), float64: x and y of the eye on the left of the photo, the one on the right, the tip
    of the nose and the corners of the mouth, left and right."""
    score: float
    """How sure the network is, from 0 to 1."""


class FaceDetector:
    """Finds faces in photos.

    Args:
        network: an OpenCV `FaceDetectorYN` or a stand-in.
        file: where it came from.
    """

    def __init__(self, network: Any, file: Path) -> None:  # noqa: ANN401  OpenCV has no such stub
        self.file = file
        self._network = network
        self._opencv = import_opencv()

    @classmethod
    def load(
        cls, path: str | Path | None = None, *, least_score: float = LEAST_SCORE
    ) -> "FaceDetector":
        """Open a network file.

        Args:
            path: an ONNX file of YuNet; None looks for `yunet.onnx` in the folders of models.
            least_score: faces of which the network is less sure are not given, 0 to 1.

        Raises:
            MissingExtraError: OpenCV cannot be loaded.
            ModelRefusedError: there is no such file, or it is not a YuNet network.
        """
        opencv, file = import_opencv(), require_detector(path)
        smallest = (SMALLEST_SIDE, SMALLEST_SIDE)
        try:
            # From its bytes: on Windows OpenCV cannot open every path.
            network = opencv.FaceDetectorYN.create(
                "onnx", np.frombuffer(file.read_bytes(), np.uint8), np.empty(0, np.uint8),
                smallest, least_score, _MOST_OVERLAP, _MOST_CANDIDATES,
            )  # fmt: skip
            network.detect(np.zeros((*smallest, 3), np.uint8))
        except (opencv.error, OSError) as error:
            raise ModelRefusedError(
                f"{file} is not a face detector that OpenCV {opencv.__version__} can run; use "
                "YuNet with dynamic input size."
            ) from error
        return cls(network, file)

    def detect(self, pixels: np.ndarray) -> list[Face]:
        """Find the faces of a photo.

        Args:
            pixels: (H, W, 3), uint8 RGB, upright.

        Returns:
            The faces, the surest first; each once, though several levels may show it.
        """
        found = [face for level in _levels(pixels.shape) for face in self._on_level(pixels, level)]
        if not found:
            return []
        boxes, scores = [face.box for face in found], [face.score for face in found]
        kept = self._opencv.dnn.NMSBoxes(boxes, scores, 0.0, _MOST_OVERLAP)
        return [found[int(i)] for i in np.asarray(kept).ravel()]

    def _on_level(self, pixels: np.ndarray, side: int) -> Iterator[Face]:
        """Find what a photo shows when its longer side is brought to `side` pixels."""
        height, width = pixels.shape[:2]
        factor = side / max(height, width)
        size = (max(1, round(width * factor)), max(1, round(height * factor)))
        way = self._opencv.INTER_AREA if factor < 1 else self._opencv.INTER_CUBIC
        resized = self._opencv.resize(pixels, size, interpolation=way)
        border = _BORDER if side == SMALLEST_SIDE else 0
        edges = ((border, border), (border, border), (0, 0))
        seen = np.pad(resized[:, :, ::-1], edges, constant_values=_GREY)  # YuNet wants BGR
        self._network.setInputSize(seen.shape[1::-1])
        _, rows = self._network.detect(seen)
        # The rounding of the size is another one for each side.
        ratio = np.array([width / size[0], height / size[1]])
        for row in np.asarray(() if rows is None else rows, np.float64):
            if max(row[2:4]) <= _LARGEST_FACE and np.isfinite(row).all():
                corner = (row[:2] - border + 0.5) * ratio - 0.5
                points = (row[4:14].reshape(5, 2) - border + 0.5) * ratio - 0.5
                box = (*corner.tolist(), *(row[2:4] * ratio).tolist())
                yield Face(box, points, float(row[14]))


def _levels(shape: tuple[int, ...]) -> list[int]:
    """Give the longer sides at which a photo is looked at, each twice the one before.

    >>> _levels((64, 64, 3)), _levels((480, 600, 3)), _levels((4000, 3000, 3))
    ([192], [192, 384, 600], [192, 384, 768, 1280])
    """
    finest = min(max(*shape[:2], SMALLEST_SIDE), LARGEST_SIDE)
    sides = [SMALLEST_SIDE]
    while sides[-1] < finest:
        sides.append(min(2 * sides[-1], finest))
    return sides


def installed_detector() -> Path | None:
    """Find `yunet.onnx` in the folders of models; None: there is none."""
    found = (folder / DETECTOR_FILE for folder in model_folders())
    return next((path for path in found if is_file(path)), None)


def require_detector(path: str | Path | None) -> Path:
    """Find the network file of YuNet.

    Args:
        path: None: the installed one.

    Raises:
        ModelRefusedError: there is no such file.
    """
    if path is not None:
        if not is_file(Path(path)):
            raise ModelRefusedError(f"There is no face detector {path}; check the path.")
        return Path(path)
    if installed := installed_detector():
        return installed
    raise ModelRefusedError(
        "Finding faces needs the detector YuNet (face_detection_yunet_2026may.onnx of the OpenCV "
        f"model zoo, MIT licence): save it as {model_folders()[-1] / DETECTOR_FILE}, or pass "
        "--detector FILE."
    )


def import_opencv() -> Any:  # noqa: ANN401  OpenCV's stubs do not pass strict checks
    """Import OpenCV, silenced: it warns of engines that it does not use.

    Raises:
        MissingExtraError: its system libraries are missing.
    """
    try:
        opencv = importlib.import_module("cv2")
    except ImportError as error:
        raise MissingExtraError(
            f"Finding faces needs OpenCV, which cannot be loaded ({error}); install its system "
            "libraries with: apt install libgl1 libglib2.0-0."
        ) from error
    opencv.utils.logging.setLogLevel(opencv.utils.logging.LOG_LEVEL_SILENT)
    return opencv
