"""`read_header` and `read_size`: size, bit depth and frames of an image file, from its header.

No pixels are decoded. The disk forecast of a run and the training data use it.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from srgan_gp.images.animation.frame_sequence import FrameSequence
from srgan_gp.images.animation.gif import count_gif_frames
from srgan_gp.images.animation.sequence_reading import (
    MAX_FRAMES,
    check_sequence,
    first_frame,
    read_page_structure,
)
from srgan_gp.images.codecs.sixteen_bit import is_reduced_by_pillow
from srgan_gp.images.file_types import (
    HEAD_BYTES,
    decoder_errors,
    detect_container,
    open_container,
    silenced_pillow,
)
from srgan_gp.images.metadata import OWN_TOOL, read_orientation, read_xmp
from srgan_gp.images.picture import Picture
from srgan_gp.images.pillow_decoding import Source, check_pixel_count
from srgan_gp.images.reading import DEFAULT_MAX_PIXELS, regular_file


@dataclass(frozen=True)
class Header:
    """Size, format and depth of an image file; its pixels may still be damaged."""

    width: int
    """Width in pixels, after the EXIF orientation is applied; of several pages, the largest width.
    EXIF data after the pixels of a PNG is not read: the width is then the stored one."""
    height: int
    """Height in pixels, as for `width`."""
    frames: int
    """Number of frames of an animation or pages of a TIFF; 1 for a still image."""
    format: str
    """As in `Picture.source_format`."""
    has_alpha: bool
    is_16_bit: bool
    """Whether the samples have 16 bits."""
    written_by_srgan_gp: bool = False
    """Whether the XMP metadata names this program as the image's creator (`metadata.OWN_TOOL`)."""

    def stand_in(self) -> Picture | FrameSequence:
        """Return a black image or empty sequence of this size, which needs no memory for pixels.

        It takes the place of the decoded file where only size, depth and format matter.
        """
        if self.frames > 1:
            kind = "pages" if self.format == "TIFF" else "animation"
            return FrameSequence(iter(()), self.frames, kind, self.width, self.height,
                        source_format=self.format)  # fmt: skip
        black = np.zeros((), np.uint16 if self.is_16_bit else np.uint8)  # one value, repeated below
        shape = (self.height, self.width)
        alpha = np.broadcast_to(black, shape) if self.has_alpha else None
        return Picture(np.broadcast_to(black, (*shape, 3)), alpha, source_format=self.format)


def read_size(file: BinaryIO, *, max_pixels: int) -> tuple[int, int]:
    """Read the stored width and height of an image, before its orientation is applied.

    Of a TIFF they are those after the orientation is applied: Pillow applies it itself.

    Args:
        file: image file, seekable, positioned at its start.
        max_pixels: limit of width x height of the first frame or page.

    Returns:
        (width, height) in pixels.

    Raises:
        PictureError: the file is not an image of a supported format, or is too large. Damage after
            the header is not found.
    """
    with silenced_pillow():
        container = detect_container(file.read(HEAD_BYTES))
        file.seek(0)
        with decoder_errors(container.name), open_container(file, container) as image:
            check_pixel_count(image.width, image.height, max_pixels)
            return image.size


def read_header(
    path: str | Path, *, max_pixels: int = DEFAULT_MAX_PIXELS, first_frame_only: bool = False
) -> Header:
    """Read the header of an image file without decoding its pixels.

    Args:
        path: a regular file.
        max_pixels: limit of width x height, summed over all frames.
        first_frame_only: treat an animation or a multi-page file as a still of its first frame.

    Raises:
        PictureError: as for `sequence_reading.read_sequence`, except for damaged pixels.
    """
    with regular_file(Path(path)) as file, silenced_pillow():
        head = file.read(HEAD_BYTES)
        container = detect_container(head)
        file.seek(0)
        with decoder_errors(container.name), open_container(file, container) as image:
            check_pixel_count(image.width, image.height, max_pixels)
            width, height = image.size
            frames = 1
            if container.name == "TIFF" and not first_frame_only:
                source = Source(file, head, container, image)
                pages, _positions = read_page_structure(source, max_pixels)
                image.seek(0)  # `read_page_structure` ends at the last page.
                if pages.count > 1:
                    width, height, frames = pages.width, pages.height, pages.count
            elif container.name == "GIF" and not first_frame_only:
                # Pillow would count without a limit. More frames than `MAX_FRAMES` are an error, so
                # that one more than that is enough. The position in the file changes here; nothing
                # below reads the file again.
                frames = max(1, count_gif_frames(file, most=MAX_FRAMES + 1))
            elif container.name != "HEIF" and not first_frame_only:
                # A HEIF has one frame: its further images, such as depth maps, are no frames.
                frames = int(getattr(image, "n_frames", 1))
                if frames > 1:
                    frames -= first_frame(image)  # a PNG may have a still before the animation
            if frames > 1 and container.name != "TIFF":  # `read_page_structure` has checked a TIFF
                check_sequence(frames, width * height * frames, max_pixels)
            # Pillow applies the orientation of a TIFF to its size itself.
            is_stored_size = container.name != "TIFF"
            # Pillow would decode the whole PNG to search for EXIF data after its pixels.
            is_costly = container.name == "PNG" and "exif" not in image.info
            # Orientations from 5 on turn the image by 90 degrees.
            if is_stored_size and not is_costly and read_orientation(image) >= 5:
                width, height = height, width
            return Header(
                width,
                height,
                frames,
                format=str(image.format),
                has_alpha=image.has_transparency_data,
                # Pillow reduces 16-bit colour to 8 bits; its modes I;16 are 16-bit grey.
                is_16_bit=is_reduced_by_pillow(image, head) or image.mode.startswith("I;16"),
                written_by_srgan_gp=OWN_TOOL in (read_xmp(image) or b""),
            )
