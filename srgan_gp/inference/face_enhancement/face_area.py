"""`FaceArea`: the part of a photo around a face and its mask; `Place`: its pixels in the result.

The result is the upscaled photo. Coordinates are continuous: the first pixel covers 0 to 1.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srgan_gp.detection.face_alignment import fit_transform
from srgan_gp.detection.face_detection import Face
from srgan_gp.inference.face_enhancement.face_options import Box
from srgan_gp.inference.tiling.tiles import Floats, Span

AREA_FACTOR = 1.5
"""Sides of the area relative to the box of the detector, which ends at the hairline and chin. A
smaller area would lack hair, a larger one holds more background and takes longer."""
FEATHER = 1 / 3
"""Width of the border in which the mask falls from 1 to 0, relative to half a side of the area: it
begins at the detector's box."""
# Exponent n of the outline |x|^n + |y|^n = 1: a rectangle with round corners. At 2 it would be an
# ellipse, which cuts off more of a face; larger exponents make sharper corners.
_SQUARENESS = 4
_ROUNDING = 1e-6  # pixels; an edge this near to a border between pixels is on it, but for rounding

Edges = tuple[float, float, float, float]
"""Left, top, right and bottom in pixels."""


@dataclass(frozen=True)
class FaceArea:
    """The part of a photo that the enhancement of a face may change, in pixels of the photo."""

    columns: Span
    """Start and stop, clipped to the photo."""
    rows: Span
    """Start and stop, clipped to the photo."""
    centre: tuple[float, float]
    """x and y of the centre of the face, which may be outside the photo."""
    half_size: tuple[float, float]
    """Half the width and half the height of the area before it is clipped to the photo."""
    angle: float
    """Rotation of the face in degrees, clockwise; 0 is upright."""
    side: float
    """Side in pixels of the square with the area of the detector's box."""

    @classmethod
    def of(cls, face: Face, height: int, width: int) -> "FaceArea | None":
        """Return the area of a face in a photo of this size; None if it is outside the photo."""
        left, top, box_width, box_height = face.box
        # The detector counts from the centre of the first pixel, which is at 0.5 here.
        x, y = left + 0.5 + box_width / 2, top + 0.5 + box_height / 2
        half_width, half_height = box_width * AREA_FACTOR / 2, box_height * AREA_FACTOR / 2
        columns = (max(0, math.floor(x - half_width)), min(width, math.ceil(x + half_width)))
        rows = (max(0, math.floor(y - half_height)), min(height, math.ceil(y + half_height)))
        if columns[0] >= columns[1] or rows[0] >= rows[1]:
            return None
        transform = fit_transform(face.points)  # turns the face upright, so by minus its angle
        angle = -math.degrees(math.atan2(transform[1, 0], transform[0, 0]))
        side = math.sqrt(box_width * box_height)
        return cls(columns, rows, (x, y), (half_width, half_height), angle, side)

    @property
    def box(self) -> Box:
        """Left, top, width and height of the area inside the photo."""
        (left, right), (top, bottom) = self.columns, self.rows
        return left, top, right - left, bottom - top

    def mask(self, place: "Place") -> Floats:
        """Return the weight of the enhanced face for each pixel of its place in the result.

        Returns:
            (h, w), float32, 0 to 1: 1 inside the detector's box, except at its corners, and 0 at
            the border of the area.
        """
        # Centres of the pixels in coordinates of the photo, then their distances from the centre of
        # the area, relative to half its sides.
        x = (np.arange(*place.columns) + 0.5) / place.scales[0]
        y = (np.arange(*place.rows) + 0.5) / place.scales[1]
        relative_x = np.abs(x - self.centre[0]) / self.half_size[0]
        relative_y = np.abs(y - self.centre[1]) / self.half_size[1]
        powers = relative_y[:, np.newaxis] ** _SQUARENESS + relative_x**_SQUARENESS
        radius = powers ** (1 / _SQUARENESS)  # 1 at the border of the area
        weight = np.clip((1 - radius) / FEATHER, 0, 1)
        return (weight * weight * (3 - 2 * weight)).astype(np.float32)  # smooth at both ends


@dataclass(frozen=True)
class Place:
    """The pixels of the result that lie inside an area of the photo."""

    columns: Span
    """Start and stop in pixels of the result."""
    rows: Span
    """Start and stop in pixels of the result."""
    scales: tuple[float, float]
    """Width and height of the result relative to those of the photo."""

    @classmethod
    def of(cls, area: FaceArea, photo: NDArray[Any], result: NDArray[Any]) -> "Place":
        """Find the place of an area.

        Args:
            area: the area, inside the photo.
            photo: (H, W, C).
            result: (H * scale, W * scale, C), rounded.
        """
        x_scale, y_scale = result.shape[1] / photo.shape[1], result.shape[0] / photo.shape[0]
        (left, right), (top, bottom) = area.columns, area.rows
        columns = (
            math.ceil(left * x_scale - _ROUNDING), math.floor(right * x_scale + _ROUNDING)
        )  # fmt: skip
        rows = (math.ceil(top * y_scale - _ROUNDING), math.floor(bottom * y_scale + _ROUNDING))
        return cls(columns, rows, (x_scale, y_scale))

    def edges_in_part(self, columns: Span, rows: Span, scale: int) -> Edges:
        """Return the edges of this place in an upscaled part of the photo.

        Args:
            columns: columns of the photo that the upscaled part shows, (start, stop).
            rows: rows of the photo that it shows, (start, stop).
            scale: scale factor of the upscaled part.

        Returns:
            Left, top, right and bottom in pixels of the upscaled part, clipped to it.
        """
        width, height = (columns[1] - columns[0]) * scale, (rows[1] - rows[0]) * scale
        x = (np.array(self.columns) / self.scales[0] - columns[0]) * scale
        y = (np.array(self.rows) / self.scales[1] - rows[0]) * scale
        (left, right), (top, bottom) = x.clip(0, width).tolist(), y.clip(0, height).tolist()
        return left, top, right, bottom

    def edges_of_area(self, area: FaceArea) -> Edges:
        """Return the edges of the area in this place.

        If a scale is not an integer, they may lie up to one pixel outside the place.

        Returns:
            Left, top, right and bottom in pixels, counted from the place and clipped to it.
        """
        width, height = self.columns[1] - self.columns[0], self.rows[1] - self.rows[0]
        x = np.array(area.columns) * self.scales[0] - self.columns[0]
        y = np.array(area.rows) * self.scales[1] - self.rows[0]
        (left, right), (top, bottom) = x.clip(0, width).tolist(), y.clip(0, height).tolist()
        return left, top, right, bottom
