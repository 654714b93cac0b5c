"""`FaceArea`: the part of a photo around a face, its mask, and its place in the result."""

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
"""Sides of the area relative to the box of the detector, which ends at the hairline and chin."""
FEATHER = 1 / 3
"""Width of the feathered border relative to half a side of the area: it begins at the box."""
_SQUARENESS = 4  # exponent of the outline |x|^n + |y|^n = 1: a rectangle with round corners


Edges = tuple[float, float, float, float]
"""Left, top, right and bottom in pixels."""


@dataclass(frozen=True)
class FaceArea:
    """The part of a photo that a face changes, in pixels of the input."""

    columns: Span
    rows: Span
    centre: tuple[float, float]
    """x and y of the centre; the first pixel covers 0 to 1. May be outside the photo."""
    half: tuple[float, float]
    """Half the width and half the height, before the area is clipped to the photo."""
    angle: float
    """Rotation of the face in degrees, clockwise; 0 is upright."""
    side: float
    """Side of a square with the area of the detector's box, in pixels."""

    @classmethod
    def of(cls, face: Face, height: int, width: int) -> "FaceArea | None":
        """Return the area of a face in a photo; None: the face is outside the photo."""
        left, top, box_width, box_height = face.box
        # Pixel centres of the detector have integer coordinates.
        centre = (left + 0.5 + box_width / 2, top + 0.5 + box_height / 2)
        half = (box_width * AREA_FACTOR / 2, box_height * AREA_FACTOR / 2)
        columns, rows = (
            (max(0, math.floor(at - reach)), min(length, math.ceil(at + reach)))
            for at, reach, length in zip(centre, half, (width, height), strict=True)
        )
        if columns[0] >= columns[1] or rows[0] >= rows[1]:
            return None
        transform = fit_transform(face.points)
        angle = -math.degrees(math.atan2(transform[1, 0], transform[0, 0]))
        side = math.sqrt(max(box_width, 0) * max(box_height, 0))
        return cls(columns, rows, centre, half, angle, side)

    @property
    def box(self) -> Box:
        """Left, top, width and height of the area inside the photo."""
        (left, right), (top, bottom) = self.columns, self.rows
        return left, top, right - left, bottom - top

    def mask(self, place: "Place") -> Floats:
        """Return the weight of the face in its place in the result, 0 to 1: (h, w), float32.

        It is 1 inside the detector's box, except at its corners, and 0 at the border of the area.
        """
        axes = (place.columns, place.scales[0]), (place.rows, place.scales[1])
        powers = [
            np.abs(((np.arange(*span) + 0.5) / scale - self.centre[i]) / self.half[i])
            ** _SQUARENESS
            for i, (span, scale) in enumerate(axes)
        ]
        radius = (powers[1][:, np.newaxis] + powers[0]) ** (1 / _SQUARENESS)
        inside = np.clip((1 - radius) / FEATHER, 0, 1)
        return (inside * inside * (3 - 2 * inside)).astype(np.float32)  # smooth at both ends


@dataclass(frozen=True)
class Place:
    """Pixels of the result that lie inside an area of the input."""

    columns: Span
    rows: Span
    scales: tuple[float, float]
    """Width and height of the result relative to those of the input."""

    @classmethod
    def of(cls, area: FaceArea, photo: NDArray[Any], result: NDArray[Any]) -> "Place":
        """Find the place of an area.

        Args:
            area: the area, inside the photo.
            photo: (H, W, C).
            result: (H * scale, W * scale, C), rounded.
        """
        scales = (result.shape[1] / photo.shape[1], result.shape[0] / photo.shape[0])
        columns, rows = (
            (math.ceil(span[0] * scale - 1e-6), math.floor(span[1] * scale + 1e-6))
            for span, scale in zip((area.columns, area.rows), scales, strict=True)
        )
        return cls(columns, rows, scales)

    def box_in(self, columns: Span, rows: Span, scale: int) -> Edges:
        """Return this place as a box of the upscaled image of a part of the input.

        Args:
            columns: columns of the input that the image shows, (start, stop).
            rows: rows of the input that it shows.
            scale: scale factor of the image.

        Returns:
            Left, top, right and bottom in pixels of the image, clipped to it.
        """
        edges = [
            min(max((edge / by - span[0]) * scale, 0), (span[1] - span[0]) * scale)
            for which in (0, 1)
            for edge, by, span in (
                (self.columns[which], self.scales[0], columns),
                (self.rows[which], self.scales[1], rows),
            )
        ]
        return edges[0], edges[1], edges[2], edges[3]

    def box_of(self, area: FaceArea) -> Edges:
        """Return the area as a box of this place: left, top, right, bottom, clipped to it.

        The edges of the area may lie up to one pixel outside, where a scale is not an integer.
        """
        edges = [
            min(max(edges[which] * by - span[0], 0), span[1] - span[0])
            for which in (0, 1)
            for edges, by, span in (
                (area.columns, self.scales[0], self.columns),
                (area.rows, self.scales[1], self.rows),
            )
        ]
        return edges[0], edges[1], edges[2], edges[3]
