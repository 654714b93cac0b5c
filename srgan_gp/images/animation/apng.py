"""`write_apng`: encoder of animated PNG, frame by frame.

Own code, because Pillow keeps all frames in memory, joins equal ones and has no 16-bit colour.

Source:
    Portable Network Graphics (PNG) Specification, third edition, sections 4.9 and 11.3.6.
"""

import itertools
import struct
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from typing import BinaryIO

import numpy as np

from srgan_gp.images.animation.frame_encoding import changed_parts
from srgan_gp.images.animation.frame_sequence import Frame, FrameSequence
from srgan_gp.images.codecs.png import SIGNATURE, chunk, iter_chunks
from srgan_gp.images.colour import FULL_VALUE
from srgan_gp.images.picture import Picture

_MAX_TERM = 0xFFFF  # largest numerator and denominator of a frame's time in seconds: 16 bits each


def write_apng(
    file: BinaryIO,
    frames: Iterator[Frame],
    sequence: FrameSequence,
    encode: Callable[[Picture], bytes],
) -> None:
    """Write the frames of an animation, all as RGB with alpha: the header states one colour type.

    The pixels of the first frame are in chunks IDAT, as those of a still PNG; those of the other
    frames are in chunks fdAT. A chunk fcTL before them has the rectangle and time of the frame.

    Args:
        file: binary file, open for writing, empty.
        frames: the frames, all of equal size and dtype.
        sequence: has the number of frames and of plays.
        encode: returns the bytes of a still PNG; those of its first call include the metadata.

    Raises:
        PictureError: E_FRAMES if the sizes of the frames differ.
    """
    numbers = itertools.count()  # of all chunks fcTL and fdAT, in their order
    for index, part in enumerate(changed_parts(map(_with_alpha, frames))):
        png = encode(part.picture)
        if index == 0:  # The first part is a whole frame, so its header is that of the animation.
            file.write(SIGNATURE)
            for kind, content in itertools.takewhile(_has_no_pixels, iter_chunks(png)):
                file.write(chunk(kind, content))
                if kind == b"IHDR":
                    file.write(chunk(b"acTL", struct.pack(">II", sequence.count, sequence.plays)))
        height, width = part.picture.pixels.shape[:2]
        number = struct.pack(">I", next(numbers))
        rectangle = struct.pack(">IIII", width, height, part.left, part.top)
        time = struct.pack(">HH", *_fraction_of_seconds(part.milliseconds))
        no_disposal, no_blending = b"\0", b"\0"
        file.write(chunk(b"fcTL", number + rectangle + time + no_disposal + no_blending))
        for kind, content in iter_chunks(png):
            if kind == b"IDAT" and index == 0:
                file.write(chunk(kind, content))
            elif kind == b"IDAT":
                file.write(chunk(b"fdAT", struct.pack(">I", next(numbers)) + content))
    file.write(chunk(b"IEND", b""))


def _with_alpha(frame: Frame) -> Frame:
    """Convert a frame to RGB with alpha."""
    picture = frame.picture
    pixels, alpha = picture.pixels, picture.alpha
    if alpha is None:
        alpha = np.full(pixels.shape[:2], FULL_VALUE[pixels.dtype], pixels.dtype)
    if pixels.shape[2] == 1:
        pixels = np.repeat(pixels, 3, axis=2)
    return replace(frame, picture=replace(picture, pixels=pixels, alpha=alpha))


def _has_no_pixels(type_and_content: tuple[bytes, bytes]) -> bool:
    """Return whether a chunk of a still PNG contains no pixels."""
    return type_and_content[0] != b"IDAT"


def _fraction_of_seconds(milliseconds: float) -> tuple[int, int]:
    """Convert a time to the nearest (numerator, denominator) in seconds, of 16 bits each.

    The result for 1000 / 30 ms, a float that is rounded, is exactly 1/30 s.

    >>> _fraction_of_seconds(1000 / 30)
    (1, 30)
    """
    seconds = min(milliseconds / 1000, _MAX_TERM)
    # The numerator is the denominator times the seconds. From 1 s on it is the larger one of the
    # two, so the denominator is limited to what keeps the numerator within `_MAX_TERM`.
    max_denominator = int(_MAX_TERM / max(1, seconds))
    fraction = Fraction(seconds).limit_denominator(max_denominator)
    return fraction.as_integer_ratio()
