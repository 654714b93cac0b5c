"""Requests of clients and their results."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from srgan_gp.errors import UsageError
from srgan_gp.images import find_format

SMALLEST_TILE, LARGEST_TILE = 16, 1024
"""Tiles that a client may ask for: larger ones could take all memory of the server."""
LARGEST_SCALE, LARGEST_WIDTH = 1000, 1_000_000
"""No picture is allowed to become so large; beyond, its size could not even be calculated."""

Region = tuple[int, int, int, int]
"""Left, top, width and height in pixels of the upright picture."""


@dataclass(frozen=True)
class UpscaleRequest:
    """One picture to be enlarged; of several frames or pages the first."""

    data: bytes | Path
    """The file's bytes, or where it lies on the server."""
    name: str
    """What the client calls the file; the result is called after it."""
    model: str | None = None
    """A name that `list_models` knows; None: that of the settings. Never a path."""
    fidelity: float | None = None
    """As for `Upscaler.load`."""
    scale: float | None = None
    """Enlargement of both sides; None: the model's own, unless `width` is given."""
    width: int | None = None
    """Of the result, in pixels, in place of `scale`."""
    format: str | None = None
    """Such as `png`; None keeps the picture's own where that can hold the result."""
    quality: int | None = None
    """1 to 100; None is the format's default."""
    strip_metadata: bool = True
    """Leave EXIF, XMP and resolution out."""
    tile: int | Literal["auto"] = "auto"
    """Side of the tiles in pixels, from `SMALLEST_TILE` to `LARGEST_TILE`."""
    region: Region | int | None = None
    """Enlarge only this part, or a square of that side in the middle; what reaches out of the
    picture is cut off."""
    wants_view: bool = False
    """Make the pair of pictures for a slider as well."""


@dataclass(frozen=True)
class GenerateRequest:
    """Faces of people who do not exist: one, a sheet of several, or an animation between two."""

    seed: int = 0
    count: int = 1
    """Faces of the seeds from `seed` on; more than one make a sheet."""
    truncation: float = 1.0
    """As for `FaceGenerator.latents`."""
    to_seed: int | None = None
    """Draw an animation from the face of `seed` to that of this one instead."""
    frames: int = 60
    """Of the animation."""
    model: str | None = None
    """A name that `list_models` knows; None: the default one. Never a path."""
    format: str | None = None
    """Such as `png`; None is PNG for faces and WebP for an animation."""


@dataclass(frozen=True)
class Result:
    """A whole file, and what was done."""

    path: Path
    """In the client's own folder; gone after `Settings.keep_seconds`."""
    media_type: str
    name: str
    """What the file is to be called where it is saved."""
    report: dict[str, Any] = field(default_factory=dict[str, Any])
    """What really happened; can be written as JSON."""
    view: tuple[Path, Path] | None = None
    """Two PNG files of one size for a slider: the input and the result."""
    parts: tuple[Path, ...] = ()
    """Each face of a sheet as a PNG file of its own."""


def check_upscale(request: UpscaleRequest) -> None:
    """Refuse values that a program can send and a page cannot.

    Raises:
        UsageError: with the value and what it could be.
    """
    if request.scale is not None and request.width is not None:
        raise UsageError("Give a scale or a width, not both.")
    if request.scale is not None and not 0 < request.scale <= LARGEST_SCALE:
        raise UsageError(
            f"The scale must be a number above 0 and up to {LARGEST_SCALE}, not {request.scale:g}."
        )
    if request.width is not None and not 1 <= request.width <= LARGEST_WIDTH:
        raise UsageError(
            f"The width must be from 1 to {LARGEST_WIDTH:,} pixels, not {request.width}."
        )
    if request.quality is not None and not 1 <= request.quality <= 100:
        raise UsageError(f"The quality must be from 1 to 100, not {request.quality}.")
    if request.format is not None:
        find_format(request.format)
    if request.tile != "auto" and not SMALLEST_TILE <= request.tile <= LARGEST_TILE:
        raise UsageError(
            f"A tile has {SMALLEST_TILE} to {LARGEST_TILE} pixels, or is chosen by auto; "
            f"not {request.tile}."
        )
