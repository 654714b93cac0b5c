"""Faces of known place and size, planted into photos before these are downscaled and damaged."""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from srgan_gp.data.image_sources import list_images
from srgan_gp.detection.face_detection import FaceDetector

SCALE = 4
SMALLEST, LARGEST = 16, 64  # pixels of the input: side of a planted image of a face
_EDGE = 0.1  # of the radius: soft edge of the disc that is planted

Box = tuple[int, int, int, int]
"""Left, top, width and height."""


@dataclass(frozen=True)
class Planted:
    """A photo with a planted face."""

    high_res: np.ndarray
    """(H, W, 3), uint8."""
    box: Box
    """Box of the face in `high_res`, as YuNet finds it in the original of the face."""
    side: int
    """Side of the planted image in pixels of the input; the face is about 0.6 of it."""


def plant(faces: str, photos: str, count: int, detector: FaceDetector) -> Iterator[Planted]:
    """Plant faces of rising size at random places.

    Args:
        faces: folder or zip file of square images of one face each.
        photos: folder or zip file of photos, used in turns; trimmed to multiples of the scale.
        count: number of faces.
        detector: finds the box of each face.
    """
    sources, targets = list_images(faces), list_images(photos)
    rng = np.random.default_rng(0)
    order = rng.permutation(len(sources))[:count]
    sides = np.rint(np.linspace(SMALLEST, LARGEST, len(order))).astype(int)
    for number, (index, side) in enumerate(zip(order, sides, strict=True)):
        face, photo = sources[index].read(), targets[number % len(targets)].read()
        height, width = (length - length % SCALE for length in photo.shape[:2])
        large = int(side) * SCALE
        top, left = (int(rng.integers(0, length - large + 1)) for length in (height, width))
        photo = photo[:height, :width].copy()
        target = photo[top : top + large, left : left + large]
        small = cv2.resize(face, (large, large), interpolation=cv2.INTER_AREA)
        weight = _disc(large)[..., np.newaxis]
        target[...] = np.rint(weight * small + (1 - weight) * target)
        found = detector.detect(face)
        if not found:
            continue
        box = np.rint(np.array(found[0].box) * large / len(face)).astype(int)
        x, y = max(left + box[0], 0), max(top + box[1], 0)
        yield Planted(photo, (x, y, min(box[2], width - x), min(box[3], height - y)), int(side))


def _disc(side: int) -> np.ndarray:
    """Weight of a disc with a soft edge, (side, side)."""
    rows, columns = (np.indices((side, side)) - (side - 1) / 2) / (side / 2)
    return np.clip((1 - np.hypot(rows, columns)) / _EDGE, 0, 1)
