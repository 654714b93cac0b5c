"""Faces into files: one each, on one sheet, or as a film."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from srgan_gp.batch.face_order import FaceOrder
from srgan_gp.files import atomic_write
from srgan_gp.images import Film, Frame, Picture, write_film, write_image
from srgan_gp.images.grid import tiled
from srgan_gp.images.webm import write_webm
from srgan_gp.inference.face_generator import FaceGenerator
from srgan_gp.inference.upscaler import Upscaler

Array = NDArray[Any]

FRAMES_PER_SECOND = 25  # whole hundredths of a second a frame, which is all that GIF can say


def draw_faces(
    order: FaceOrder, generator: FaceGenerator, upscaler: Upscaler | None, truncation: float
) -> Iterator[Array]:
    """Draw the pictures of an order, each when it is asked for.

    Args:
        order: what is to be drawn.
        generator: draws the faces.
        upscaler: enlarges each; None leaves them as they are.
        truncation: as for `FaceGenerator.latents`.

    Returns:
        `order.count` pictures (S, S, 3), uint8 RGB; S is the generator's size times the upscaler's
        scale.
    """
    if order.frames:
        first, second = order.seeds
        pictures = generator.interpolate(first, second, frames=order.frames, truncation=truncation)
    else:
        pictures = (generator.generate(seed=s, truncation=truncation)[0] for s in order.seeds)
    return map(upscaler.upscale, pictures) if upscaler else pictures


def write_faces(order: FaceOrder, pictures: Iterator[Array]) -> tuple[str, ...]:
    """Write the files of an order, each whole or not at all.

    Args:
        order: what was drawn.
        pictures: as `draw_faces` gives them; a film takes one at a time.

    Returns:
        One sentence for each thing that a format could not hold, each once.

    Raises:
        OutputError: a file cannot be written.
        PictureError: a picture cannot be drawn or encoded.
    """
    if order.frames:
        return _write_film(pictures, order.files[0], order.frames)
    if order.grid:
        pictures = iter([tiled(pictures, *order.grid)])
    notes: list[str] = []
    for file, pixels in zip(order.files, pictures, strict=True):
        notes += write_image(Picture(pixels), file)
    return tuple(dict.fromkeys(notes))


def _write_film(pictures: Iterator[Array], path: Path, count: int) -> tuple[str, ...]:
    with atomic_write(path) as file:
        if path.suffix.lower() == ".webm":
            write_webm(file, pictures, FRAMES_PER_SECOND)
            return ()
        first = next(pictures)
        frames = (
            Frame(Picture(pixels), 1000 / FRAMES_PER_SECOND)
            for pixels in itertools.chain([first], pictures)
        )
        film = Film(frames, count, "animation", width=first.shape[1], height=first.shape[0])
        return write_film(film, file, format=path.suffix)
