"""Planted faces: faces of known place and size, copied into photos.

The photos are downscaled and damaged later. The original of each face is in the photo before that.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from srgan_gp.data.image_sources import list_images
from srgan_gp.detection.face_detection import FaceDetector

SCALE = 4  # by which the photos are downscaled later
SMALLEST, LARGEST = 16, 64  # pixels of the downscaled photo: side of a planted image of a face
_EDGE = 0.1  # of the radius: soft edge of the disc that is planted

Box = tuple[int, int, int, int]
"""Left, top, width and height in pixels."""


@dataclass(frozen=True)
class Planted:
    """A photo with a planted face."""

    high_res: np.ndarray
    """The photo before it is downscaled, (H, W, 3), uint8 RGB."""
    box: Box
    """Box of the face in `high_res`, as the detector finds it in the original of the face."""
    side: int
    """Side of the planted image in pixels of the downscaled photo; the face is about 0.6 of it."""


def plant(faces: str, photos: str, count: int, detector: FaceDetector) -> Iterator[Planted]:
    """Plant faces of rising size at random places, one per photo.

    Args:
        faces: folder or zip file of square images of one face each.
        photos: folder or zip file of photos, used in turns; cropped to multiples of the scale.
        count: number of faces.
        detector: finds the box of each face.

    Yields:
        The photos; a face that the detector does not find in its original is skipped.
    """
    face_files, photo_files = list_images(faces), list_images(photos)
    rng = np.random.default_rng(0)
    order = rng.permutation(len(face_files))[:count]
    sides = np.rint(np.linspace(SMALLEST, LARGEST, len(order))).astype(int)
    for number, (index, side) in enumerate(zip(order, sides, strict=True)):
        face, photo = face_files[index].read(), photo_files[number % len(photo_files)].read()
        height, width = (length - length % SCALE for length in photo.shape[:2])
        photo = photo[:height, :width].copy()
        large_side = int(side) * SCALE  # pixels of `photo`
        top = int(rng.integers(0, height - large_side + 1))
        left = int(rng.integers(0, width - large_side + 1))
        target = photo[top : top + large_side, left : left + large_side]  # a view
        resized = cv2.resize(face, (large_side, large_side), interpolation=cv2.INTER_AREA)
        weight = _disc(large_side)[..., np.newaxis]
        target[...] = np.rint(weight * resized + (1 - weight) * target)
        detections = detector.detect(face)
        if not detections:
            continue
        # From pixels of `face` to pixels of `photo`.
        box = np.rint(np.array(detections[0].box) * large_side / len(face)).astype(int)
        x, y = left + box[0], top + box[1]
        right, bottom = min(x + box[2], width), min(y + box[3], height)
        x, y = max(x, 0), max(y, 0)
        yield Planted(photo, (x, y, right - x, bottom - y), int(side))


def _disc(side: int) -> np.ndarray:
    """Return the weight of a disc with a soft edge: (side, side), from 0 outside to 1 inside."""
    rows, columns = (np.indices((side, side)) - (side - 1) / 2) / (side / 2)
    return np.clip((1 - np.hypot(rows, columns)) / _EDGE, 0, 1)
