"""`write_sequence`: write a `FrameSequence` to a file, frame by frame.

`SEQUENCE_FORMATS` lists the formats that hold several frames or pages.
"""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO, Literal

from srgan_gp.errors import PictureError
from srgan_gp.images.animation.animated_webp import write_animated_webp
from srgan_gp.images.animation.apng import write_apng
from srgan_gp.images.animation.frame_sequence import Frame, FrameSequence
from srgan_gp.images.animation.gif import write_gif
from srgan_gp.images.codecs.tiff_pages import write_pages
from srgan_gp.images.formats import FORMATS, Quality, find_format
from srgan_gp.images.picture import Picture
from srgan_gp.images.writing import encode_image


@dataclass(frozen=True)
class SequenceFormat:
    """The kind of sequence that a format holds, and its writer.

    `write(file, frames, sequence, encode)` receives the output file; the frames; the sequence, of
    which it uses only the number of frames and of plays (repetitions); and a function that encodes
    an image to the bytes of a still file of the format.
    """

    kind: Literal["animation", "pages"]
    write: Callable[[BinaryIO, Iterator[Frame], FrameSequence, Callable[[Picture], bytes]], None]


SEQUENCE_FORMATS = {
    "PNG": SequenceFormat("animation", write_apng),
    "WEBP": SequenceFormat("animation", write_animated_webp),
    "GIF": SequenceFormat("animation", write_gif),
    "TIFF": SequenceFormat("pages", write_pages),
}
"""The formats that hold several frames or pages, by name."""


def choose_sequence_format(sequence: FrameSequence, format: str | None = None) -> str:
    """Choose the output format of a sequence.

    By default WebP, APNG (animated PNG) and TIFF are kept, and an animated GIF or AVIF becomes an
    APNG, which keeps all colours. A still image keeps its format, except that a GIF, for the same
    reason, and a HEIF, which can only be read, become a PNG.

    Args:
        sequence: the sequence to write.
        format: a format name such as `webp`, or a suffix; None for the default.

    Returns:
        A key of `formats.FORMATS`.

    Raises:
        PictureError: E_FRAMES if the format cannot hold this kind of sequence.
        UsageError: there is no such format.
    """
    source_format = sequence.source_format
    if format is None and sequence.kind == "still":
        # Not in `FORMATS`: HEIF, and None, the format of an image that is not from a file.
        if source_format not in FORMATS or not FORMATS[source_format].keeps_colours:
            return "PNG"
        return source_format
    if format is None:
        return source_format if source_format in ("WEBP", "TIFF") else "PNG"
    name = find_format(format)
    if sequence.kind == "still":
        return name
    fitting_names = [
        key for key, candidate in SEQUENCE_FORMATS.items() if candidate.kind == sequence.kind
    ]
    if name not in fitting_names:
        unit = "frames" if sequence.kind == "animation" else "pages"
        raise PictureError(
            "E_FRAMES",
            f"{name} cannot hold {sequence.count} {unit}; choose {' or '.join(fitting_names)}, "
            "or pass `--frames first`",
        )
    return name


def write_sequence(
    sequence: FrameSequence,
    file: BinaryIO,
    *,
    format: str | None = None,
    quality: Quality | None = None,
    strip_metadata: bool = False,
) -> tuple[str, ...]:
    """Write a sequence to an open file frame by frame, with at most two frames in memory.

    The number of plays and the frame times are kept: in WebP rounded to 1 ms, in GIF to 10 ms, in
    APNG exactly. Rounding errors do not accumulate. An animation has the metadata of its first
    frame; each page has its own. A still image is written as by `encode_image`.

    Args:
        sequence: the sequence to write, whose frames are consumed.
        file: binary file, open for writing, seekable, empty. After an error it may be incomplete.
        format: as for `choose_sequence_format`.
        quality: as for `encode_image`.
        strip_metadata: remove EXIF, XMP and resolution; the ICC profile is kept.

    Returns:
        Messages, without repetition: one for each property that was not kept in reading or
        writing, and one if a GIF becomes an animated PNG.

    Raises:
        UsageError: the format is unknown, or the quality out of range.
        TypeError: as for `encode_image`.
        PictureError: a frame cannot be read or written, or the format cannot hold the sequence.
        OSError: the file cannot be written.
    """
    name = choose_sequence_format(sequence, format)
    stills = _Stills(name, quality, strip_metadata, shares_metadata=sequence.kind == "animation")
    if sequence.kind == "still":
        stills.write(next(sequence.frames).picture, file)
    else:
        SEQUENCE_FORMATS[name].write(file, sequence.frames, sequence, stills.encode)
    if sequence.kind == "animation" and (sequence.source_format, name) == ("GIF", "PNG"):
        stills.notes.append("written as an animated PNG, which keeps all colours; -f gif keeps GIF")
    return tuple(dict.fromkeys((*sequence.notes, *stills.notes)))


class _Stills:
    """Encodes the images of a sequence as still files, and collects their notes and warnings.

    Args:
        name: a key of `formats.FORMATS`.
        quality: as for `encode_image`.
        strip_metadata: as for `encode_image`.
        shares_metadata: write the metadata of the first image only, as in an animation.
    """

    def __init__(
        self, name: str, quality: Quality | None, strip_metadata: bool, *, shares_metadata: bool
    ) -> None:
        self._name, self._quality, self._strip = name, quality, strip_metadata
        self._shares_metadata = shares_metadata
        self._is_first = True
        self.notes: list[str] = []
        """Notes of the images so far, and warnings of their encoder; with repetitions."""

    def encode(self, picture: Picture) -> bytes:
        """Return the bytes of a still file."""
        buffer = io.BytesIO()
        self.write(picture, buffer)
        return buffer.getvalue()

    def write(self, picture: Picture, file: BinaryIO) -> None:
        """Write a still file to an open, empty file."""
        self.notes += picture.notes
        if self._shares_metadata and not self._is_first:
            picture = replace(picture, icc_profile=None, exif=None, xmp=None, dpi=None)
        self._is_first = False
        self.notes += encode_image(
            picture, file, format=self._name, quality=self._quality, strip_metadata=self._strip
        )
