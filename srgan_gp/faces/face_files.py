"""Generates the images of a `FaceRequest` and writes its files: single faces, sheet, animation."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from srgan_gp.faces.face_requests import FaceRequest
from srgan_gp.images import Frame, FrameSequence, Picture, write_image, write_sequence
from srgan_gp.images.animation.webm import write_webm
from srgan_gp.images.image_grid import join_in_grid
from srgan_gp.inference.face_generator import FaceGenerator
from srgan_gp.inference.upscaler import Upscaler
from srgan_gp.system.files import atomic_write

Array = NDArray[Any]

FRAMES_PER_SECOND = 25
"""A usual rate of videos. Each frame takes 4 hundredths of a second, which GIF can store: its unit
is a hundredth."""


def generate_faces(
    request: FaceRequest,
    generator: FaceGenerator,
    upscaler: Upscaler | None,
    truncation: float | None,
) -> Iterator[Array]:
    """Generate the images of a request.

    Args:
        request: seeds, and the number of frames of an animation.
        generator: generates the faces.
        upscaler: upscales each face; None: faces keep the size of the generator.
        truncation: factor of each latent: below 1 the faces are more typical and more alike. None:
            the generator's default.

    Returns:
        Iterator over `request.count` images (S, S, 3), uint8 RGB. S is the generator's size times
        the upscaler's scale. An image is generated when the iterator reaches it.
    """
    if request.frames:
        first, second = request.seeds
        images = generator.interpolate(first, second, frames=request.frames, truncation=truncation)
    else:
        images = (generator.generate(seed=seed, truncation=truncation)[0] for seed in request.seeds)
    return map(upscaler.upscale, images) if upscaler else images


def write_faces(
    request: FaceRequest, images: Iterator[Array], xmp: bytes | None = None
) -> tuple[str, ...]:
    """Write the files of a request, each of them atomically.

    Args:
        request: the files, and whether they are single faces, a sheet or an animation.
        images: result of `generate_faces`. Single faces and frames are in memory one at a time; of
            a sheet, all faces are.
        xmp: XMP metadata of still images, from `faces.face_metadata.face_xmp`; None: they get none.

    Returns:
        Messages about properties that the format cannot store, without duplicates.

    Raises:
        OutputError: a file cannot be written.
        PictureError: an image cannot be generated or encoded.
    """
    if request.frames:
        return _write_animation(images, request.files[0], request.frames)
    if request.grid:  # All images become one, the sheet.
        columns, rows = request.grid
        images = iter([join_in_grid(images, columns, rows)])
    notes: list[str] = []
    for file, pixels in zip(request.files, images, strict=True):
        notes += write_image(Picture(pixels, xmp=xmp), file)
    return tuple(dict.fromkeys(notes))  # each once, in order


def _write_animation(images: Iterator[Array], path: Path, count: int) -> tuple[str, ...]:
    """Write `count` images as frames, and return messages as for `write_faces`."""
    with atomic_write(path) as file:
        if path.suffix.lower() == ".webm":  # `write_webm` needs neither the count nor the size.
            write_webm(file, images, FRAMES_PER_SECOND)
            return ()  # frames have no property that WebM cannot store
        first = next(images)  # A `FrameSequence` needs the size before the frames are written.
        milliseconds = 1000 / FRAMES_PER_SECOND
        frames = (
            Frame(Picture(pixels), milliseconds) for pixels in itertools.chain([first], images)
        )
        animation = FrameSequence(
            frames, count, "animation", width=first.shape[1], height=first.shape[0]
        )
        return write_sequence(animation, file, format=path.suffix)
