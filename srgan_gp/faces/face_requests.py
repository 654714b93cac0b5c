"""Requests of `srgan-gp generate`: seeds, output files, grid of a sheet, number of frames.

A sheet is one image with all faces in columns and rows. `face_files` generates and writes the
images of a request.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from srgan_gp.errors import UsageError
from srgan_gp.images import check_encodable, find_format
from srgan_gp.system.paths import names_a_folder

DEFAULT_FRAMES = 60
"""Number of frames of an animation, if none is requested: 2.4 seconds at the 25 frames a second of
`face_files`. More take longer to generate, fewer show larger steps."""
ANIMATION_SUFFIXES = (".gif", ".webp", ".png", ".webm")
"""Suffixes of animation files; a `.png` is an APNG."""
MAX_SHEET_PIXELS = 100_000_000
"""Largest sheet, in pixels: width x height. It takes 300 MB of memory, and more when it is
encoded. A lower limit would refuse sheets that most machines can make."""


@dataclass(frozen=True)
class FaceRequest:
    """Faces as single files, on one sheet, or as an animation between two seeds."""

    seeds: tuple[int, ...]
    """Seeds of the faces; of an animation, the two seeds of its first and last frame."""
    files: tuple[Path, ...]
    """One file for each seed; a single file for a sheet or an animation."""
    grid: tuple[int, int] | None = None
    """Columns and rows of a sheet; None: no sheet."""
    frames: int | None = None
    """Number of frames of an animation; None: no animation."""

    @property
    def count(self) -> int:
        """Number of images to generate."""
        return self.frames or len(self.seeds)

    def check_output(self, side: int, *, may_replace: bool) -> None:
        """Check output files and the size of the sheet before any face is generated.

        Args:
            side: height and width in pixels of a face in the files, after any upscaling.
            may_replace: whether existing files may be replaced.

        Raises:
            UsageError: a file exists, or the sheet has more than `MAX_SHEET_PIXELS` pixels.
            PictureError: E_ENCODER_LIMIT if the format cannot hold the sheet.
        """
        for file in self.files:
            if not may_replace and os.path.lexists(file):
                raise UsageError(f"{file} exists; pass --exist overwrite, or another -o.")
        if self.grid:  # single faces and frames are far below the limits of all formats
            columns, rows = self.grid
            width, height = columns * side, rows * side
            if width * height > MAX_SHEET_PIXELS:
                raise UsageError(
                    f"A grid of {columns} x {rows} faces would have {width} x "
                    f"{height} pixels, more than {MAX_SHEET_PIXELS}. Request fewer faces."
                )
            check_encodable(height, width, find_format(self.files[0].suffix))


def request_faces(seeds: Sequence[int], output: str | Path) -> FaceRequest:
    """Request one file for each seed.

    Args:
        seeds: seeds of the faces. Duplicates are ignored, because a file is named after its seed.
        output: file of a single face, or folder of PNG files. A path that has no suffix, is an
            existing folder or ends with a separator counts as a folder.

    Raises:
        UsageError: `output` is a file and there are several seeds, or its suffix is not that of an
            image format.
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
    find_format(path.suffix)  # raises the error about the suffix
    return FaceRequest(seeds, (path,))


def request_sheet(seeds: Sequence[int], grid: tuple[int, int], output: str | Path) -> FaceRequest:
    """Request one sheet of faces.

    Args:
        seeds: seeds row by row, of which some may be equal; if empty, 0, 1, 2 and so on.
        grid: columns and rows.
        output: the file of the sheet.

    Raises:
        UsageError: the number of seeds does not match the grid, `output` is a folder, or its suffix
            is not that of an image format.
    """
    columns, rows = grid
    seeds = tuple(seeds or range(columns * rows))
    if len(seeds) != columns * rows:
        raise UsageError(
            f"A grid of {columns} x {rows} holds {columns * rows} faces, and there are "
            f"{len(seeds)} seeds."
        )
    path = _single_file(output)
    find_format(path.suffix)  # raises the error about the suffix
    return FaceRequest(seeds, (path,), grid=grid)


def request_animation(ends: tuple[int, int], frames: int, output: str | Path) -> FaceRequest:
    """Request an animation from the face of one seed to that of another.

    Args:
        ends: seeds of the first and the last frame.
        frames: number of frames, at least 2.
        output: the animation file; its suffix is one of `ANIMATION_SUFFIXES`.

    Raises:
        UsageError: `output` is a folder, its suffix is not that of an animation, or there are fewer
            than 2 frames.
    """
    path = _single_file(output)
    if path.suffix.lower() not in ANIMATION_SUFFIXES:
        raise UsageError(f"An animation is a {', '.join(ANIMATION_SUFFIXES)} file, not {output}.")
    if frames < 2:
        raise UsageError(f"An animation has 2 frames or more, not {frames}.")
    return FaceRequest(ends, (path,), frames=frames)


def _single_file(output: str | Path) -> Path:
    """Return the path of a single output file, or raise a UsageError if it is a folder."""
    if names_a_folder(output):
        raise UsageError(f"{output} is a folder. Pass the path of a file.")
    return Path(output)
