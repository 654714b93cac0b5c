"""Writes faces into files: one each, one sheet, or an animation."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from srgan_gp.faces.face_requests import FaceRequest
from srgan_gp.images import Frame, FrameSequence, Picture, write_image, write_sequence
from srgan_gp.images.animation.webm import write_webm
from srgan_gp.images.image_grid import tiled
from srgan_gp.inference.face_generator import FaceGenerator
from srgan_gp.inference.upscaler import Upscaler
from srgan_gp.system.files import atomic_write

Array = NDArray[Any]

FRAMES_PER_SECOND = 25  # whole hundredths of a second a frame, which is all that GIF can say


def draw_faces(
    request: FaceRequest, generator: FaceGenerator, upscaler: Upscaler | None, truncation: float
) -> Iterator[Array]:
    """Draw the pictures of an order, each when it is asked for.

    Args:
        request: what is to be drawn.
        generator: draws the faces.
        upscaler: enlarges each; None leaves them as they are.
        truncation: as for `FaceGenerator.latents`.

    Returns:
        `request.count` pictures (S, S, 3), uint8 RGB; S is the generator's size times the
        upscaler's scale.
    """
    if request.frames:
        first, second = request.seeds
        pictures = generator.interpolate(
            first, second, frames=request.frames, truncation=truncation
        )
    else:
        pictures = (generator.generate(seed=s, truncation=truncation)[0] for s in request.seeds)
    return map(upscaler.upscale, pictures) if upscaler else pictures


def write_faces(request: FaceRequest, pictures: Iterator[Array]) -> tuple[str, ...]:
    """Write the files of an order, each whole or not at all.

    Args:
        request: what was drawn.
        pictures: as `draw_faces` gives them; an animation takes one at a time.

    Returns:
        One sentence for each thing that a format could not hold, each once.

    Raises:
        OutputError: a file cannot be written.
        PictureError: a picture cannot be drawn or encoded.
    """
    if request.frames:
        return _write_animation(pictures, request.files[0], request.frames)
    if request.grid:
        pictures = iter([tiled(pictures, *request.grid)])
    notes: list[str] = []
    for file, pixels in zip(request.files, pictures, strict=True):
        notes += write_image(Picture(pixels), file)
    return tuple(dict.fromkeys(notes))


def _write_animation(pictures: Iterator[Array], path: Path, count: int) -> tuple[str, ...]:
    with atomic_write(path) as file:
        if path.suffix.lower() == ".webm":
            write_webm(file, pictures, FRAMES_PER_SECOND)
            return ()
        first = next(pictures)
        frames = (
            Frame(Picture(pixels), 1000 / FRAMES_PER_SECOND)
            for pixels in itertools.chain([first], pictures)
        )
        animation = FrameSequence(
            frames, count, "animation", width=first.shape[1], height=first.shape[0]
        )
        return write_sequence(animation, file, format=path.suffix)
