"""Animated PNG: an encoder.

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

from srgan_gp.images.animation.frame_encoding import moving_parts
from srgan_gp.images.animation.frame_sequence import Frame, FrameSequence
from srgan_gp.images.codecs.png import SIGNATURE, chunk, chunks_of
from srgan_gp.images.colour import FULL_VALUE
from srgan_gp.images.picture import Picture

_LONGEST = 0xFFFF  # of both numbers of the fraction of a second that a frame is shown


def write_apng(
    file: BinaryIO,
    frames: Iterator[Frame],
    sequence: FrameSequence,
    encode: Callable[[Picture], bytes],
) -> None:
    """Write the frames of an animation; all become RGB with alpha, as one header serves them all.

    Args:
        file: open for writing, empty.
        frames: of one size and one dtype.
        sequence: tells how many frames there are, and how often they are played.
        encode: gives the bytes of a still PNG, with metadata for the first one.
    """
    numbers = itertools.count()
    for index, part in enumerate(moving_parts(map(_with_alpha, frames))):
        png = encode(part.picture)
        if index == 0:
            file.write(SIGNATURE)
            for kind, content in itertools.takewhile(_precedes_pixels, chunks_of(png)):
                file.write(chunk(kind, content))
                if kind == b"IHDR":
                    file.write(chunk(b"acTL", struct.pack(">II", sequence.count, sequence.plays)))
        height, width = part.picture.pixels.shape[:2]
        place = struct.pack(">IIIII", next(numbers), width, height, part.left, part.top)
        time = struct.pack(">HH", *_fraction(part.milliseconds))
        file.write(chunk(b"fcTL", place + time + b"\0\0"))  # it stays, and replaces what is there
        for kind, content in chunks_of(png):
            if kind == b"IDAT" and index == 0:
                file.write(chunk(kind, content))
            elif kind == b"IDAT":
                file.write(chunk(b"fdAT", struct.pack(">I", next(numbers)) + content))
    file.write(chunk(b"IEND", b""))


def _with_alpha(frame: Frame) -> Frame:
    """Make a frame RGB with alpha."""
    picture = frame.picture
    pixels, alpha = picture.pixels, picture.alpha
    if alpha is None:
        alpha = np.full(pixels.shape[:2], FULL_VALUE[pixels.dtype], pixels.dtype)
    if pixels.shape[2] == 1:
        pixels = np.repeat(pixels, 3, axis=2)
    return replace(frame, picture=replace(picture, pixels=pixels, alpha=alpha))


def _precedes_pixels(part: tuple[bytes, bytes]) -> bool:
    return part[0] != b"IDAT"


def _fraction(milliseconds: float) -> tuple[int, int]:
    """Give a time as a fraction of seconds, exactly where it came from such a fraction.

    >>> _fraction(1000 / 30)
    (1, 30)
    """
    seconds = min(milliseconds / 1000, _LONGEST)
    fraction = Fraction(seconds).limit_denominator(int(_LONGEST / max(1, seconds)))
    return fraction.as_integer_ratio()
