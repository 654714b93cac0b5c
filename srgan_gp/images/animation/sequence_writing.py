"""`write_sequence`: a `FrameSequence` to one file, frame by frame."""

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
from srgan_gp.images.formats import Quality, find_format
from srgan_gp.images.picture import Picture
from srgan_gp.images.writing import encode_image


@dataclass(frozen=True)
class SequenceFormat:
    """What kind of sequence a format holds, and the function that writes it.

    `write(file, frames, sequence, encode)` gets the frames apart from all else that is known of the
    sequence, and a function that encodes one picture to the bytes of a still file of the format.
    """

    kind: Literal["animation", "pages"]
    write: Callable[[BinaryIO, Iterator[Frame], FrameSequence, Callable[[Picture], bytes]], None]


SEQUENCE_FORMATS = {
    "PNG": SequenceFormat("animation", write_apng),
    "WEBP": SequenceFormat("animation", write_animated_webp),
    "GIF": SequenceFormat("animation", write_gif),
    "TIFF": SequenceFormat("pages", write_pages),
}
"""The formats that hold more than one picture, by name."""


def sequence_format(sequence: FrameSequence, format: str | None = None) -> str:
    """Choose the format of a sequence's result, before any work is done.

    An animation stays WebP or APNG, and pages stay TIFF. An animated GIF or AVIF becomes an APNG,
    which holds every colour, unless another format is asked for.

    Args:
        sequence: what is to be written.
        format: a name such as `webp`, or a suffix; None leaves the choice to the rule above.

    Returns:
        A key of `FORMATS`.

    Raises:
        PictureError: E_FRAMES; the format asked for holds no sequence of this kind.
        UsageError: there is no such format.
    """
    if sequence.kind == "still":
        return find_format(format or sequence.source_format or "PNG")
    if format is None:
        return sequence.source_format if sequence.source_format in ("WEBP", "TIFF") else "PNG"
    name = find_format(format)
    fitting = [key for key, row in SEQUENCE_FORMATS.items() if row.kind == sequence.kind]
    if name not in fitting:
        what = f"{sequence.count} {'frames' if sequence.kind == 'animation' else 'pages'}"
        raise PictureError(
            "E_FRAMES",
            f"{name} cannot hold {what}; choose {' or '.join(fitting)}, or pass --frames first",
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
    """Write a sequence to an open file, one frame after the other; no more than two are in memory.

    Times and the number of plays are kept: to the millisecond in WebP, to the hundredth of a second
    in GIF, exactly in APNG. Rounding does not add up. The frames of an animation share the metadata
    of the first one, each page has its own. A still sequence is written as `encode_image` does.

    Args:
        sequence: its frames are used up.
        file: open for writing, seekable, empty. What was written before an error stays there.
        format: as for `sequence_format`.
        quality: as for `write_image`.
        strip_metadata: as for `write_image`.

    Returns:
        One sentence for each thing that was not kept, in reading or in writing, each once.

    Raises:
        UsageError: the format is unknown, or the quality out of range.
        PictureError: a frame cannot be read or written; the format holds no such sequence.
        OSError: the file cannot be written.
    """
    name = sequence_format(sequence, format)
    stills = _Stills(name, quality, strip_metadata, shares_metadata=sequence.kind == "animation")
    if sequence.kind == "still":
        stills.write(next(sequence.frames).picture, file)
    else:
        SEQUENCE_FORMATS[name].write(file, sequence.frames, sequence, stills.encode)
    if sequence.kind == "animation" and (sequence.source_format, name) == ("GIF", "PNG"):
        stills.told.append("written as an animated PNG, which holds every colour; -f gif keeps GIF")
    return tuple(dict.fromkeys((*sequence.notes, *stills.told)))


class _Stills:
    """Encodes one picture after the other, and collects what was said of them."""

    def __init__(
        self, name: str, quality: Quality | None, strip_metadata: bool, *, shares_metadata: bool
    ) -> None:
        self._name, self._quality, self._strip = name, quality, strip_metadata
        self._shares_metadata = shares_metadata
        self._has_begun = False
        self.told: list[str] = []

    def encode(self, picture: Picture) -> bytes:
        buffer = io.BytesIO()
        self.write(picture, buffer)
        return buffer.getvalue()

    def write(self, picture: Picture, file: BinaryIO) -> None:
        self.told += picture.notes
        if self._has_begun and self._shares_metadata:
            picture = replace(picture, icc_profile=None, exif=None, xmp=None, dpi=None)
        self._has_begun = True
        self.told += encode_image(
            picture, file, format=self._name, quality=self._quality, strip_metadata=self._strip
        )
