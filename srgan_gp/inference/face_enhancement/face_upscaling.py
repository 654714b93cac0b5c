"""Upscaling of one face: cut at its own resolution, upright, and returned to its place."""

import math
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from srgan_gp.detection.face_detection import import_opencv
from srgan_gp.inference.face_enhancement.face_area import FaceArea
from srgan_gp.inference.pixel_values import FULL_SCALE
from srgan_gp.inference.tiling.tiles import Floats, Span

Array = NDArray[Any]

MAX_TILT = 20.0
"""Degrees from the nearest multiple of 90 up to which a face is not resampled: its pixels reach the
model as they are."""
CONTEXT = 16
"""Pixels around the area that the model sees too."""
_REACH = 4  # pixels that a filter reads beyond the area


class Enlarger(Protocol):
    """Interface of `Upscaler` that the faces need."""

    name: str
    scale: int
    sha256: str

    def upscale(self, image: Array) -> Array:
        """Upscale pixels by `scale`; same channels and dtype."""
        ...

    def sharing(self) -> "Enlarger":
        """Return another one of the same model for another thread."""
        ...

    def cancel(self) -> None:
        """End the current call."""
        ...


def upscale_area(pixels: Array, area: FaceArea, enlarger: Enlarger) -> tuple[Floats, Span, Span]:
    """Upscale the area of a face and a few pixels around it.

    Args:
        pixels: the photo, (H, W, 3) or (H, W, 1); uint8, uint16, or float32 in [0, 1].
        area: the area.
        enlarger: the model.

    Returns:
        (h * scale, w * scale, C), float32 in [0, 1]; and the columns and rows of the photo, (start,
        stop), that it shows.
    """
    columns = _widened(area.columns, _REACH, pixels.shape[1])
    rows = _widened(area.rows, _REACH, pixels.shape[0])
    turns = round(area.angle / 90)
    if abs(area.angle - 90 * turns) <= MAX_TILT:
        return _upscale_turned(pixels, columns, rows, turns, enlarger), columns, rows
    return _upscale_rotated(pixels, area, columns, rows, enlarger), columns, rows


def _upscale_turned(
    pixels: Array, columns: Span, rows: Span, turns: int, enlarger: Enlarger
) -> Floats:
    """Upscale a rectangle, turned by multiples of 90 degrees, which changes no pixel."""
    height, width = pixels.shape[:2]
    outer_columns, outer_rows = _widened(columns, CONTEXT, width), _widened(rows, CONTEXT, height)
    part = to_floats(pixels[slice(*outer_rows), slice(*outer_columns)])
    upscaled = np.rot90(enlarger.upscale(np.rot90(part, turns)), -turns)
    scale = enlarger.scale
    return upscaled[
        (rows[0] - outer_rows[0]) * scale : (rows[1] - outer_rows[0]) * scale,
        (columns[0] - outer_columns[0]) * scale : (columns[1] - outer_columns[0]) * scale,
    ]


def _upscale_rotated(
    pixels: Array, area: FaceArea, columns: Span, rows: Span, enlarger: Enlarger
) -> Floats:
    """Rotate a rectangle upright around its centre, upscale it, and rotate it back."""
    opencv, scale = import_opencv(), enlarger.scale
    width, height = columns[1] - columns[0], rows[1] - rows[0]
    angle = math.radians(area.angle)
    cosine, sine = math.cos(angle), math.sin(angle)
    # Sides of the upright crop that covers the rectangle.
    crop_width, crop_height = (
        math.ceil(abs(one * cosine) + abs(other * sine)) + 2 * CONTEXT
        for one, other in ((width, height), (height, width))
    )
    turn = np.array([[cosine, sine], [-sine, cosine]])  # from the photo to the upright crop
    centre = np.array([(columns[0] + columns[1]) / 2, (rows[0] + rows[1]) / 2])
    crop_centre = np.array([crop_width / 2, crop_height / 2])
    reach = math.ceil(math.hypot(crop_width, crop_height) / 2) + _REACH
    left, right = _widened((int(centre[0]), int(centre[0]) + 1), reach, pixels.shape[1])
    top, bottom = _widened((int(centre[1]), int(centre[1]) + 1), reach, pixels.shape[0])
    part = to_floats(pixels[top:bottom, left:right])
    # OpenCV does not terminate when it mirrors a single pixel.
    is_thin = min(part.shape[:2]) == 1
    crop = opencv.warpAffine(
        part,
        _affine(turn.T, crop_centre, centre - (left, top), 1, 1),
        (crop_width, crop_height),
        flags=opencv.INTER_LANCZOS4 | opencv.WARP_INVERSE_MAP,
        # OpenCV does not terminate when it mirrors a single pixel.
        borderMode=opencv.BORDER_REPLICATE if is_thin else opencv.BORDER_REFLECT_101,
    )
    crop = np.clip(crop.reshape(crop_height, crop_width, pixels.shape[2]), 0, 1)
    upscaled = enlarger.upscale(crop)
    back = opencv.warpAffine(
        upscaled,
        _affine(turn, centre - (columns[0], rows[0]), crop_centre, scale, scale),
        (width * scale, height * scale),
        flags=opencv.INTER_CUBIC | opencv.WARP_INVERSE_MAP,
        borderMode=opencv.BORDER_REPLICATE,
    )
    return np.clip(back.reshape(height * scale, width * scale, pixels.shape[2]), 0, 1)


def _affine(
    turn: Floats, target: Array, source: Array, target_scale: float, source_scale: float
) -> Array:
    """Return the (2, 3) matrix from pixels of a target to pixels of a source.

    Pixels have integer coordinates at their centres. `target` and `source` are the same point in
    both, in pixels of scale 1 with the first one from 0 to 1.
    """
    matrix = turn * (source_scale / target_scale)
    shift = source * source_scale - 0.5 - matrix @ (target * target_scale - 0.5)
    return np.column_stack([matrix, shift])


def to_floats(pixels: Array) -> Floats:
    """Convert pixels to float32 in [0, 1], same shape."""
    return np.divide(pixels, np.float32(FULL_SCALE[pixels.dtype]), dtype=np.float32)


def _widened(span: Span, by: int, length: int) -> Span:
    return max(0, span[0] - by), min(length, span[1] + by)
