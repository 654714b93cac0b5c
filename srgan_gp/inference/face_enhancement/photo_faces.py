"""`find_faces`: detection of faces in photos of any size and bit depth, upright or turned.

The detector is YuNet. Coordinates of faces count from the centre of the first pixel.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from srgan_gp.detection.face_detection import FINEST_LEVEL, Face
from srgan_gp.inference.pixel_values import FULL_SCALE

Array = NDArray[Any]

WINDOW = 1024
"""Side in pixels of the windows in which small faces of a large photo are detected. The detector
would downscale a window above `FINEST_LEVEL`; with smaller windows more pixels are in two."""
OVERLAP = 256
"""Pixels that neighbouring windows share; a face of at most this size is whole in one of them, and
larger ones are left to the downscaled photo. A larger overlap is slower: it is searched twice."""
_MAX_SHARED_AREA = 0.3
"""Two boxes are one face if their intersection is more than this share of the smaller box. A lower
limit drops one of two people who stand close together; a higher one keeps one face twice, whose
boxes from two orientations or windows differ."""
_SMALLEST_AREA = 1e-9  # square pixels; avoids a division by zero


class Detector(Protocol):
    """Interface of `detection.face_detection.FaceDetector` that is needed here."""

    def detect(self, pixels: Array) -> list[Face]:
        """Detect faces in pixels (H, W, 3), uint8 RGB."""
        ...


def find_faces(
    detector: Detector, pixels: Array, check_cancelled: Callable[[], None] = lambda: None
) -> list[Face]:
    """Detect the faces in a photo, also turned ones, and small ones in a large photo.

    YuNet detects upright faces only, so each image is searched in four orientations. If a face is
    detected several times, the detection with the highest score is kept. The detector downscales
    an image whose longer side exceeds `FINEST_LEVEL` pixels, and misses small faces in it. So such
    a photo is searched as a whole, which finds large faces, and also in windows.

    Args:
        detector: detects faces.
        pixels: (H, W, 3) or (H, W, 1); uint8, uint16, or float32 in [0, 1].
        check_cancelled: called first and before each window; an exception in it ends the search.

    Returns:
        The faces without duplicates, in descending order of their scores.
    """
    check_cancelled()
    height, width = pixels.shape[:2]
    if max(height, width) <= FINEST_LEVEL:
        return _remove_duplicates(_in_four_orientations(detector, to_8_bit_rgb(pixels)))
    step = math.ceil(max(height, width) / FINEST_LEVEL)
    # Blocks of step x step pixels are averaged, because every step-th pixel would cause aliasing.
    small = _block_means(pixels, step)
    faces = [_move(face, factor=step) for face in _in_four_orientations(detector, small)]
    for top in _starts(height):
        for left in _starts(width):
            check_cancelled()
            window = to_8_bit_rgb(pixels[top : top + WINDOW, left : left + WINDOW])
            for face in _in_four_orientations(detector, window):
                # A cut face is whole in another window, or in the downscaled photo.
                if not _is_cut(face, (left, top), window.shape, (height, width)):
                    faces.append(_move(face, factor=1, corner=(left, top)))
    return _remove_duplicates(faces)


def to_8_bit_rgb(pixels: Array) -> Array:
    """Convert pixels (H, W, 3) or (H, W, 1) to (H, W, 3), uint8; grey becomes equal channels."""
    if pixels.dtype != np.uint8:
        factor = np.float32(255 / FULL_SCALE[pixels.dtype])
        pixels = np.rint(pixels * factor).astype(np.uint8)
    return np.ascontiguousarray(np.broadcast_to(pixels, (*pixels.shape[:2], 3)))


def _in_four_orientations(detector: Detector, pixels: Array) -> Iterator[Face]:
    """Detect faces in an image turned by 0, 90, 180 and 270 degrees.

    Yields:
        The faces in coordinates of the image that is not turned, with repetitions.
    """
    for turns in range(4):
        turned = np.ascontiguousarray(np.rot90(pixels, turns))  # counterclockwise
        for face in detector.detect(turned):
            left, top, width, height = face.box
            # The five landmarks, and two opposite corners of the box.
            points = np.vstack([face.points, [(left, top), (left + width, top + height)]])
            for turn in reversed(range(turns)):
                # A turn took (x, y) to (y, last column - x); the last column depends on how often
                # the image was turned before. This is the inverse.
                last_column = pixels.shape[1 - turn % 2] - 1
                points = np.stack([last_column - points[:, 1], points[:, 0]], axis=1)
            landmarks, corners = points[:5], points[5:]
            left_top, size = corners.min(axis=0), np.ptp(corners, axis=0)
            box = (float(left_top[0]), float(left_top[1]), float(size[0]), float(size[1]))
            yield Face(box, landmarks, face.score)


def _block_means(pixels: Array, step: int) -> Array:
    """Downscale by the mean of blocks of `step` x `step` pixels, as uint8 RGB; sides round up."""
    rows = list[Array]()
    for top in range(0, pixels.shape[0], step):
        column_means = to_8_bit_rgb(pixels[top : top + step]).mean(axis=0, dtype=np.float32)
        sums = np.add.reduceat(column_means, range(0, len(column_means), step), axis=0)
        columns_per_block = np.full((len(sums), 1), step)
        columns_per_block[-1] = len(column_means) - step * (len(sums) - 1)  # may be fewer
        rows.append(np.rint(sums / columns_per_block).astype(np.uint8))
    return np.stack(rows)


def _starts(length: int) -> Iterator[int]:
    """Yield the first pixel of each window along an axis; the last window ends with the axis."""
    # A window that started in the last `OVERLAP` pixels would add nothing to the one before it.
    for start in range(0, max(length - OVERLAP, 1), WINDOW - OVERLAP):
        yield max(0, min(start, length - WINDOW))


def _is_cut(
    face: Face, corner: tuple[int, int], window: tuple[int, ...], photo: tuple[int, int]
) -> bool:
    """Return whether a face extends beyond its window into the photo.

    Args:
        face: the face, in coordinates of the window.
        corner: column and row of the photo at which the window starts.
        window: shape of the window, (H, W, C).
        photo: height and width of the photo.
    """
    left, top, width, height = face.box
    first_column, first_row = corner
    is_cut_left = left < 0 and first_column > 0
    is_cut_top = top < 0 and first_row > 0
    is_cut_right = left + width > window[1] and first_column + window[1] < photo[1]
    is_cut_bottom = top + height > window[0] and first_row + window[0] < photo[0]
    return is_cut_left or is_cut_top or is_cut_right or is_cut_bottom


def _move(face: Face, factor: int, corner: tuple[int, int] = (0, 0)) -> Face:
    """Convert a face in a downscaled photo or in a window to coordinates of the photo.

    Args:
        face: the face.
        factor: pixels of the photo for each pixel of the searched image, along an axis.
        corner: column and row of the photo at which the searched image starts.
    """
    # Coordinate 0, the centre of the first searched pixel, is the centre of a block of `factor`
    # pixels of the photo.
    shift = np.array(corner) + (factor - 1) / 2
    left, top = np.array(face.box[:2]) * factor + shift
    width, height = face.box[2] * factor, face.box[3] * factor
    box = (float(left), float(top), width, height)
    return Face(box, face.points * factor + shift, face.score)


def _remove_duplicates(faces: Iterable[Face]) -> list[Face]:
    """Sort faces by descending score, and drop each that shows the same face as one before it."""
    distinct = list[Face]()
    for face in sorted(faces, key=lambda face: -face.score):
        if all(_shared_area(face, other) <= _MAX_SHARED_AREA for other in distinct):
            distinct.append(face)
    return distinct


def _shared_area(one: Face, other: Face) -> float:
    """Return the area that two boxes share, relative to the area of the smaller box, 0 to 1."""
    left, top, width, height = one.box
    other_left, other_top, other_width, other_height = other.box
    shared_width = min(left + width, other_left + other_width) - max(left, other_left)
    shared_height = min(top + height, other_top + other_height) - max(top, other_top)
    smaller_area = min(width * height, other_width * other_height)
    return max(shared_width, 0) * max(shared_height, 0) / max(smaller_area, _SMALLEST_AREA)
