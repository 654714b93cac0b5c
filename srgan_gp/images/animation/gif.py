"""GIF: counting frames without decoding, and encoders of stills and animations.

Source:
    Graphics Interchange Format, version 89a; the number of plays is Netscape's extension.
"""

import math
import struct
from collections.abc import Callable, Iterator
from typing import BinaryIO

import numpy as np
from PIL import Image

from srgan_gp.errors import PictureError
from srgan_gp.images.animation.frame_encoding import Clock, moving_parts
from srgan_gp.images.animation.frame_sequence import Frame, FrameSequence
from srgan_gp.images.colour import to_depth
from srgan_gp.images.picture import Array, Picture

_EXTENSION, _IMAGE, _END = b"!", b",", b";"
_HAS_PALETTE = 0x80
_HEADER_BYTES = 13
_KEEP, _CLEAR = 1, 2  # what to do with a frame before the next one
_TICK_MILLISECONDS = 10
_LONGEST, _MOST_REPETITIONS = 0xFFFF, 0xFFFF
_PALETTE_PIXELS = 1 << 14  # of a frame that choose its palette
_HALF = 128  # from this alpha on a pixel is opaque


def count_gif_frames(file: BinaryIO, *, most: int) -> int:
    """Count the frames of a GIF, skipping all that is in them; a file cut short ends there.

    Args:
        file: a GIF; its position changes.
        most: the count ends here.
    """
    file.seek(10)
    _skip_palette(file, file.read(3)[:1])
    count = 0
    while count < most and (kind := file.read(1)) not in (b"", _END):
        if kind == _EXTENSION:
            file.read(1)
            _skip_blocks(file)
        elif kind == _IMAGE:
            descriptor = file.read(9)
            _skip_palette(file, descriptor[8:9])
            if len(descriptor) < 9 or not file.read(1):
                break
            count += 1
            _skip_blocks(file)
    return count


def _skip_palette(file: BinaryIO, flags: bytes) -> None:
    if flags and flags[0] & _HAS_PALETTE:
        file.seek(3 << ((flags[0] & 7) + 1), 1)


def _skip_blocks(file: BinaryIO) -> None:
    """Skip blocks that begin with their lengths, up to one of length 0."""
    while (length := file.read(1)) and length != b"\0":
        file.seek(length[0], 1)


def write_gif(
    file: BinaryIO,
    frames: Iterator[Frame],
    sequence: FrameSequence,
    encode: Callable[[Picture], bytes],
) -> None:
    """Write the frames of an animation, each with a palette of its own.

    Args:
        file: open for writing, empty.
        frames: of one size.
        sequence: tells how often they are played.
        encode: gives the bytes of a still GIF, as `encode_image` makes them.

    Raises:
        PictureError: E_ENCODER_LIMIT; a frame is shown too long.
    """
    clock = Clock(_TICK_MILLISECONDS)
    for index, part in enumerate(moving_parts(frames, keeps_size=_has_alpha)):
        still = bytearray(encode(part.picture))
        if index == 0:
            file.write(still[:_HEADER_BYTES] + _repetitions(sequence.plays))
        ticks = clock.ticks(part.milliseconds)
        if ticks > _LONGEST:
            raise PictureError("E_ENCODER_LIMIT", "GIF shows a frame for 655 s at most; write PNG")
        # The still begins with the time and continues with the place of its pixels.
        body = still[_HEADER_BYTES:-1]
        body[3] |= (_CLEAR if _has_alpha(part.picture) else _KEEP) << 2
        struct.pack_into("<H", body, 4, ticks)
        struct.pack_into("<HH", body, 9, part.left, part.top)
        file.write(body)
    file.write(_END)


def _has_alpha(picture: Picture) -> bool:
    return picture.alpha is not None


def _repetitions(plays: int) -> bytes:
    if plays == 1:
        return b""
    count = min(max(0, plays - 1), _MOST_REPETITIONS)
    return b"!\xff\x0bNETSCAPE2.0\x03\x01" + struct.pack("<H", count) + b"\0"


def encode_gif(picture: Picture, file: BinaryIO, quality: int) -> None:
    """Encode a GIF of 256 colours, dithered where there are more; `quality` has no meaning.

    A pixel is opaque or not there; alpha below one half hides it.
    """
    from PIL import GifImagePlugin

    indices, palette, hidden = _indexed(picture)
    image = Image.fromarray(indices)
    image.putpalette(palette)
    height, width = indices.shape
    control = struct.pack("<HBBHB", 0xF921, 4, int(hidden is not None), 0, hidden or 0) + b"\0"
    file.writelines([
        b"GIF89a" + struct.pack("<HH", width, height) + b"\0\0\0",
        control,
        *GifImagePlugin.getdata(image, include_color_table=True),
        _END,
    ])  # fmt: skip


def _indexed(picture: Picture) -> tuple[Array, bytes, int | None]:
    """Choose a palette; give the index of each pixel, the palette, and the index that hides."""
    pixels = to_depth(picture.pixels, np.uint8)
    is_hidden = None if picture.alpha is None else to_depth(picture.alpha, np.uint8) < _HALF
    if is_hidden is None or not is_hidden.any():
        indices, palette = _quantised(pixels, 256)
        return indices, palette, None
    pixels = np.where(is_hidden[..., np.newaxis], np.uint8(0), pixels)
    indices, palette = _quantised(pixels, 255)
    hidden = len(palette) // 3
    return np.where(is_hidden, np.uint8(hidden), indices), palette + b"\0\0\0", hidden


def _quantised(pixels: Array, colours: int) -> tuple[Array, bytes]:
    if pixels.shape[2] == 1:
        pixels = np.repeat(pixels, 3, axis=2)
    image = Image.fromarray(np.ascontiguousarray(pixels))
    if image.getcolors(colours) is not None:
        return _exactly_indexed(pixels)
    # Median cut takes a second a million pixels; every few of them tell as much of the colours.
    step = math.isqrt(pixels.shape[0] * pixels.shape[1] // _PALETTE_PIXELS) + 1
    sample = Image.fromarray(np.ascontiguousarray(pixels[::step, ::step]))
    palette = sample.quantize(colours, method=Image.Quantize.MEDIANCUT)
    indexed = image.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG)
    return np.asarray(indexed), bytes(indexed.getpalette() or ())[: 3 * colours]


def _exactly_indexed(pixels: Array) -> tuple[Array, bytes]:
    numbers = pixels.astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], np.uint32)
    values, indices = np.unique(numbers, return_inverse=True)
    palette = b"".join(int(value).to_bytes(3, "big") for value in values)
    return indices.reshape(numbers.shape).astype(np.uint8), palette
