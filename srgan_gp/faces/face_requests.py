"""Requests of `generate`: which seeds become which files."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from srgan_gp.errors import UsageError
from srgan_gp.images import check_encodable, find_format
from srgan_gp.system.paths import names_a_folder

DEFAULT_FRAMES = 60
ANIMATION_SUFFIXES = (".gif", ".webp", ".png", ".webm")
"""Suffixes of the files that an animation can be."""
LARGEST_SHEET = 100_000_000
"""In pixels."""


@dataclass(frozen=True)
class FaceRequest:
    """Faces as files of their own, on one sheet, or an animation from one to another."""

    seeds: tuple[int, ...]
    files: tuple[Path, ...]
    """One for each seed; a single one for a sheet or an animation."""
    grid: tuple[int, int] | None = None
    """Columns and rows of the sheet."""
    frames: int | None = None
    """Of an animation from the first seed to the second."""

    @property
    def count(self) -> int:
        """How many pictures have to be drawn."""
        return self.frames or len(self.seeds)

    def check(self, side: int, *, may_replace: bool) -> None:
        """Check what can be known before any work.

        Args:
            side: of a face, in pixels.
            may_replace: whether results that exist may be replaced.

        Raises:
            UsageError: a file exists, or the sheet has more than `LARGEST_SHEET` pixels.
            PictureError: E_ENCODER_LIMIT; the format cannot hold the sheet.
        """
        for file in self.files:
            if not may_replace and os.path.lexists(file):
                raise UsageError(f"{file} exists; pass --exist overwrite, or another -o.")
        if self.grid:
            width, height = (count * side for count in self.grid)
            if width * height > LARGEST_SHEET:
                raise UsageError(
                    f"A grid of {self.grid[0]} x {self.grid[1]} faces would have {width} x "
                    f"{height} pixels, more than {LARGEST_SHEET}; draw fewer faces."
                )
            check_encodable(height, width, find_format(self.files[0].suffix))


def request_faces(seeds: Sequence[int], output: str | Path) -> FaceRequest:
    """Plan one file for each seed: `output` itself for a single one, else a folder of PNG files.

    What has no suffix, is a folder or ends in a separator is taken for the folder.

    Raises:
        UsageError: there are several seeds and `output` has a file's name, or the name of a file
            has no suffix of a picture.
    """
    path = Path(output)
    seeds = tuple(dict.fromkeys(seeds))
    if names_a_folder(output) or not path.suffix:
        return FaceRequest(seeds, tuple(path / f"seed{seed:04}.png" for seed in seeds))
    if len(seeds) > 1:
        raise UsageError(
            f"{len(seeds)} faces are {len(seeds)} files: give a folder in place of {output}, or "
            "put them on one sheet with --grid CxR."
        )
    find_format(path.suffix)
    return FaceRequest(seeds, (path,))


def request_sheet(seeds: Sequence[int], grid: tuple[int, int], output: str | Path) -> FaceRequest:
    """Plan one sheet of faces; without seeds those from 0 on.

    Raises:
        UsageError: the grid holds more or fewer faces, or `output` is a folder or has no suffix of
            a picture.
    """
    columns, rows = grid
    seeds = tuple(seeds or range(columns * rows))
    if len(seeds) != columns * rows:
        raise UsageError(
            f"A grid of {columns} x {rows} holds {columns * rows} faces, and there are "
            f"{len(seeds)} seeds."
        )
    path = _single_file(output)
    find_format(path.suffix)
    return FaceRequest(seeds, (path,), grid=grid)


def request_animation(ends: tuple[int, int], frames: int, output: str | Path) -> FaceRequest:
    """Plan an animation from the face of one seed to that of another.

    Raises:
        UsageError: `output` is no name of an animation, or there are fewer than 2 frames.
    """
    path = _single_file(output)
    if path.suffix.lower() not in ANIMATION_SUFFIXES:
        raise UsageError(
            f"An animation is a {', '.join(ANIMATION_SUFFIXES)} file, and {output} is none."
        )
    if frames < 2:
        raise UsageError(
            f"An animation from one face to another has 2 frames or more, not {frames}."
        )
    return FaceRequest(ends, (path,), frames=frames)


def _single_file(output: str | Path) -> Path:
    if names_a_folder(output):
        raise UsageError(f"{output} is a folder; name the one file that comes of it.")
    return Path(output)
