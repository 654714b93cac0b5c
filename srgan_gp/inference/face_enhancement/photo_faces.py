"""Detection of faces in photos of any size and depth, upright or turned, in windows if large."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from srgan_gp.detection.face_detection import LARGEST_SIDE, Face
from srgan_gp.inference.pixel_values import FULL_SCALE

Array = NDArray[Any]

WINDOW = 1024
"""Side in pixels of the windows in which small faces of a large photo are detected."""
OVERLAP = 256
"""Pixels that neighbouring windows share; a face of this size is whole in one of them."""
_MAX_OVERLAP = 0.3  # intersection over the smaller box above which two boxes are one face


class Detector(Protocol):
    """Interface of `FaceDetector`."""

    def detect(self, pixels: Array) -> list[Face]:
        """Detect faces in pixels (H, W, 3), uint8 RGB."""
        ...


def find_faces(
    detector: Detector, pixels: Array, check: Callable[[], None] = lambda: None
) -> list[Face]:
    """Detect the faces in a photo, also turned ones, and faces of 10 pixels in a large photo.

    YuNet knows upright faces, so each image is searched in four orientations; of the detections of
    one face, that with the highest score counts. The detector downscales photos to `LARGEST_SIDE`.
    A larger photo is therefore searched as a whole and in windows.

    Args:
        detector: detects faces.
        pixels: (H, W, 3) or (H, W, 1); uint8, uint16, or float32 in [0, 1].
        check: called before each window; an exception in it ends the search.

    Returns:
        The faces without duplicates, in descending order of their scores.
    """
    check()
    height, width = pixels.shape[:2]
    if max(height, width) <= LARGEST_SIDE:
        return _without_duplicates(_in_four_orientations(detector, to_8_bit_rgb(pixels)))
    step = -(-max(height, width) // LARGEST_SIDE)
    # Every n-th pixel would cause aliasing: average blocks of n x n pixels.
    small = _block_means(pixels, step)
    faces = [_moved(face, step) for face in _in_four_orientations(detector, small)]
    for top in _starts(height):
        for left in _starts(width):
            check()
            window = to_8_bit_rgb(pixels[top : top + WINDOW, left : left + WINDOW])
            for face in _in_four_orientations(detector, window):
                if not _is_cut(face, (left, top), window.shape, (height, width)):
                    faces.append(_moved(face, 1, (left, top)))
    return _without_duplicates(faces)


def to_8_bit_rgb(pixels: Array) -> Array:
    """Convert pixels to (H, W, 3), uint8; grey becomes three equal channels."""
    if pixels.dtype != np.uint8:
        factor = np.float32(255 / FULL_SCALE[pixels.dtype])
        pixels = np.rint(pixels * factor).astype(np.uint8)
    return np.ascontiguousarray(np.broadcast_to(pixels, (*pixels.shape[:2], 3)))


def _in_four_orientations(detector: Detector, pixels: Array) -> Iterator[Face]:
    """Detect faces in an image turned by multiples of 90 degrees; coordinates are of the image."""
    for turns in range(4):
        turned = np.ascontiguousarray(np.rot90(pixels, turns))  # counterclockwise
        for face in detector.detect(turned):
            left, top, width, height = face.box
            points = np.vstack([face.points, [(left, top), (left + width, top + height)]])
            for step in reversed(range(turns)):
                # One turn takes (x, y) to (y, last column - x).
                last = pixels.shape[1 - step % 2] - 1
                points = np.stack([last - points[:, 1], points[:, 0]], axis=1)
            corners = points[5:]
            corner, size = corners.min(0), np.ptp(corners, axis=0)
            box = (float(corner[0]), float(corner[1]), float(size[0]), float(size[1]))
            yield Face(box, points[:5], face.score)


def _block_means(pixels: Array, step: int) -> Array:
    """Downscale by the mean of blocks of `step` x `step` pixels, as uint8 RGB; sides round up."""
    rows = list[Array]()
    for top in range(0, pixels.shape[0], step):
        band = to_8_bit_rgb(pixels[top : top + step]).mean(0, dtype=np.float32)
        sums = np.add.reduceat(band, range(0, len(band), step), axis=0)
        counts = np.full((len(sums), 1), step)
        counts[-1] = len(band) - step * (len(sums) - 1)
        rows.append(np.rint(sums / counts).astype(np.uint8))
    return np.stack(rows)


def _starts(length: int) -> Iterator[int]:
    """First pixels of the windows along an axis; the last window ends at the end of the axis."""
    for start in range(0, max(length - OVERLAP, 1), WINDOW - OVERLAP):
        yield max(0, min(start, length - WINDOW))


def _is_cut(
    face: Face, corner: tuple[int, int], window: tuple[int, ...], photo: tuple[int, int]
) -> bool:
    """Return whether a face reaches an edge of its window that is no edge of the photo."""
    left, top, width, height = face.box
    return (
        (left < 0 and corner[0] > 0)
        or (top < 0 and corner[1] > 0)
        or (left + width > window[1] and corner[0] + window[1] < photo[1])
        or (top + height > window[0] and corner[1] + window[0] < photo[0])
    )


def _moved(face: Face, factor: int, corner: tuple[int, int] = (0, 0)) -> Face:
    """Convert a face to pixels of the photo; pixel centres have integer coordinates."""
    shift = np.array(corner) + (factor - 1) / 2
    left, top = np.array(face.box[:2]) * factor + shift
    width, height = face.box[2] * factor, face.box[3] * factor
    box = (float(left), float(top), width, height)
    return Face(box, face.points * factor + shift, face.score)


def _without_duplicates(faces: Iterable[Face]) -> list[Face]:
    kept = list[Face]()
    for face in sorted(faces, key=lambda face: -face.score):
        if all(_overlap(face, other) <= _MAX_OVERLAP for other in kept):
            kept.append(face)
    return kept


def _overlap(one: Face, other: Face) -> float:
    """Area of the intersection of two boxes relative to the smaller one, 0 to 1."""
    sides = [
        min(one.box[i] + one.box[i + 2], other.box[i] + other.box[i + 2])
        - max(one.box[i], other.box[i])
        for i in (0, 1)
    ]
    smaller = min(face.box[2] * face.box[3] for face in (one, other))
    return max(sides[0], 0) * max(sides[1], 0) / max(smaller, 1e-9)
