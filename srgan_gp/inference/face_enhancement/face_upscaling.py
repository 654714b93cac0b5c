"""`upscale_area`: upscales the area of one face in a photo with a second model.

The model was trained on upright faces. So the area is cut from the photo in its own resolution,
turned upright, upscaled, and turned back.
"""

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
"""Largest angle in degrees between a face and the nearest multiple of 90 degrees at which the face
is not resampled: the model gets the pixels of the photo. With a larger limit the model gets faces
that are less upright than those it was trained on; with a smaller one resampling, which smooths the
pixels a little, affects more faces."""
CONTEXT = 16
"""Width in pixels of the border around the area that the model gets as context. A wider one costs
time; with a narrower one the padding of the model affects pixels of the face."""
_FILTER_MARGIN = 4  # pixels that Lanczos interpolation, the widest filter here, reads on each side


class Enlarger(Protocol):
    """Interface of `Upscaler` that face enhancement needs."""

    name: str
    scale: int
    sha256: str

    def upscale(self, image: Array) -> Array:
        """Upscale pixels by `scale`; same channels and dtype."""
        ...

    def sharing(self) -> "Enlarger":
        """Return another upscaler of the same model for another thread."""
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
        Three values: the upscaled part, (h * scale, w * scale, C), float32 in [0, 1]; and the
        columns and the rows of the photo that it shows, (start, stop) each.
    """
    columns = _widen(area.columns, _FILTER_MARGIN, pixels.shape[1])
    rows = _widen(area.rows, _FILTER_MARGIN, pixels.shape[0])
    # Number of counterclockwise turns by 90 degrees; `area.angle` is clockwise.
    turns = round(area.angle / 90)
    if abs(area.angle - 90 * turns) <= MAX_TILT:
        return _upscale_turned(pixels, columns, rows, turns, enlarger), columns, rows
    return _upscale_rotated(pixels, area, columns, rows, enlarger), columns, rows


def _upscale_turned(
    pixels: Array, columns: Span, rows: Span, turns: int, enlarger: Enlarger
) -> Floats:
    """Upscale a part of the photo, turned by 90 degrees `turns` times, which changes no pixel.

    The turns are counterclockwise; negative turns are clockwise.

    Returns:
        As for `upscale_area`, the upscaled part only.
    """
    height, width = pixels.shape[:2]
    outer_columns, outer_rows = _widen(columns, CONTEXT, width), _widen(rows, CONTEXT, height)
    part = to_floats(pixels[slice(*outer_rows), slice(*outer_columns)])
    upscaled = np.rot90(enlarger.upscale(np.rot90(part, turns)), -turns)
    # The part in the upscaled pixels, without the border of `CONTEXT`.
    left, right = columns[0] - outer_columns[0], columns[1] - outer_columns[0]
    top, bottom = rows[0] - outer_rows[0], rows[1] - outer_rows[0]
    scale = enlarger.scale
    return upscaled[top * scale : bottom * scale, left * scale : right * scale]


def _upscale_rotated(
    pixels: Array, area: FaceArea, columns: Span, rows: Span, enlarger: Enlarger
) -> Floats:
    """Rotate a part of the photo upright around its centre, upscale it, and rotate it back.

    Returns:
        As for `upscale_area`, the upscaled part only.
    """
    opencv, scale = import_opencv(), enlarger.scale
    width, height = columns[1] - columns[0], rows[1] - rows[0]
    angle = math.radians(area.angle)
    cosine, sine = math.cos(angle), math.sin(angle)
    # Sides of the upright crop that covers the part.
    crop_width = math.ceil(abs(width * cosine) + abs(height * sine)) + 2 * CONTEXT
    crop_height = math.ceil(abs(height * cosine) + abs(width * sine)) + 2 * CONTEXT
    turn = np.array([[cosine, sine], [-sine, cosine]])  # from the photo to the upright crop
    centre = np.array([(columns[0] + columns[1]) / 2, (rows[0] + rows[1]) / 2])  # in the photo
    crop_centre = np.array([crop_width / 2, crop_height / 2])
    # Only the pixels that the crop may read are converted to floats: those up to `radius` away from
    # the pixel at its centre.
    radius = math.ceil(math.hypot(crop_width, crop_height) / 2) + _FILTER_MARGIN
    left, right = _widen((int(centre[0]), int(centre[0]) + 1), radius, pixels.shape[1])
    top, bottom = _widen((int(centre[1]), int(centre[1]) + 1), radius, pixels.shape[0])
    source = to_floats(pixels[top:bottom, left:right])
    is_thin = min(source.shape[:2]) == 1
    crop = opencv.warpAffine(
        source,
        _affine(turn.T, crop_centre, centre - (left, top), target_scale=1, source_scale=1),
        (crop_width, crop_height),
        flags=opencv.INTER_LANCZOS4 | opencv.WARP_INVERSE_MAP,
        # Outside the photo. OpenCV does not terminate when it mirrors a single pixel.
        borderMode=opencv.BORDER_REPLICATE if is_thin else opencv.BORDER_REFLECT_101,
    )
    crop = np.clip(crop.reshape(crop_height, crop_width, pixels.shape[2]), 0, 1)
    upscaled = enlarger.upscale(crop)
    back = opencv.warpAffine(
        upscaled,
        _affine(
            turn,
            centre - (columns[0], rows[0]),
            crop_centre,
            target_scale=scale,
            source_scale=scale,
        ),
        (width * scale, height * scale),
        flags=opencv.INTER_CUBIC | opencv.WARP_INVERSE_MAP,
        borderMode=opencv.BORDER_REPLICATE,  # not used: the crop covers the part and `CONTEXT`
    )
    return np.clip(back.reshape(height * scale, width * scale, pixels.shape[2]), 0, 1)


def _affine(
    turn: Floats, target: Array, source: Array, *, target_scale: float, source_scale: float
) -> Array:
    """Return OpenCV's (2, 3) matrix that maps pixels of a target to pixels of a source.

    OpenCV's coordinates are 0 at the centre of the first pixel.

    Args:
        turn: (2, 2), rotation from the target to the source.
        target: (x, y) of a point in the target, where the first pixel covers 0 to 1.
        source: (x, y) of the same point in the source, likewise.
        target_scale: pixels of the target for each unit of `target`.
        source_scale: pixels of the source for each unit of `source`.
    """
    matrix = turn * (source_scale / target_scale)
    shift = source * source_scale - 0.5 - matrix @ (target * target_scale - 0.5)
    return np.column_stack([matrix, shift])


def to_floats(pixels: Array) -> Floats:
    """Convert pixels to float32 in [0, 1], same shape."""
    return np.divide(pixels, np.float32(FULL_SCALE[pixels.dtype]), dtype=np.float32)


def _widen(span: Span, margin: int, length: int) -> Span:
    """Widen a span at both ends, up to the ends of an axis of `length` pixels."""
    return max(0, span[0] - margin), min(length, span[1] + margin)
