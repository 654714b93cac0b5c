"""GIF: counting frames without decoding, and encoders of still images and animations.

Pillow encodes the pixels of each frame. The rest is own code, because Pillow keeps all frames of an
animation in memory and joins equal ones.

A GIF consists of a header (signature, size, optional palette) and blocks. A block is an extension,
such as the time of the next frame, or an image, or the end. The data of an extension or an image is
a chain of sub-blocks: a byte with the length, then as many bytes; length 0 ends the chain.

Source:
    Graphics Interchange Format, version 89a; the number of plays is Netscape's extension.
"""

import math
import os
import struct
from collections.abc import Callable, Iterator
from typing import BinaryIO

import numpy as np
from PIL import Image

from srgan_gp.errors import PictureError
from srgan_gp.images.animation.frame_encoding import Clock, changed_parts
from srgan_gp.images.animation.frame_sequence import Frame, FrameSequence
from srgan_gp.images.colour import to_depth
from srgan_gp.images.picture import Array, Picture

_EXTENSION, _IMAGE, _END = b"!", b",", b";"  # first byte of a block
_HAS_PALETTE = 0x80  # bit of a byte of flags, whose lower three bits n mean 2 ** (n + 1) colours
_HEADER_BYTES = 13  # signature, and screen descriptor (size, flags) without a palette
_KEEP, _CLEAR = 1, 2  # disposal methods: what happens to a frame before the next one is drawn
_TICK_MILLISECONDS = 10  # unit of the time of a frame
_MAX_TICKS, _MAX_REPETITIONS = 0xFFFF, 0xFFFF  # fields of 16 bits
# About the number of pixels of a frame from which its palette is computed. More take longer; fewer
# miss colours of small areas.
_PALETTE_PIXELS = 1 << 14
_OPAQUE_FROM = 128  # alpha from which a pixel is opaque


def count_gif_frames(file: BinaryIO, *, most: int) -> int:
    """Count the frames of a GIF without decoding them; counting ends where the file is truncated.

    Args:
        file: a GIF; its position changes.
        most: number at which counting ends.
    """
    file.seek(10)  # the last three bytes of the header: the flags and two others
    _skip_palette(file, file.read(3)[:1])
    count = 0
    while count < most and (kind := file.read(1)) not in (b"", _END):
        if kind == _EXTENSION:
            file.read(1)  # kind of extension
            _skip_sub_blocks(file)
        elif kind == _IMAGE:
            descriptor = file.read(9)  # position, size and flags
            _skip_palette(file, descriptor[8:9])
            code_size = file.read(1)  # of the compressed pixels
            if len(descriptor) < 9 or not code_size:
                break
            count += 1
            _skip_sub_blocks(file)
    return count


def _skip_palette(file: BinaryIO, flags: bytes) -> None:
    """Skip the palette that follows a byte of flags, which is empty in a truncated file."""
    if flags and flags[0] & _HAS_PALETTE:
        colours = 2 << (flags[0] & 7)
        file.seek(3 * colours, os.SEEK_CUR)


def _skip_sub_blocks(file: BinaryIO) -> None:
    """Skip a chain of sub-blocks, or what is left of it in a truncated file."""
    while (length := file.read(1)) and length != b"\0":
        file.seek(length[0], os.SEEK_CUR)


def write_gif(
    file: BinaryIO,
    frames: Iterator[Frame],
    sequence: FrameSequence,
    encode: Callable[[Picture], bytes],
) -> None:
    """Write the frames of an animation, each with its own palette.

    Args:
        file: binary file, open for writing, empty.
        frames: the frames, all of equal size.
        sequence: the animation; only its number of plays is used.
        encode: returns the bytes of a still GIF, as `encode_gif` writes them.

    Raises:
        PictureError: E_ENCODER_LIMIT if the time of a frame is too long; E_FRAMES if the sizes of
            the frames differ.
    """
    clock = Clock(_TICK_MILLISECONDS)
    # A frame with alpha is cleared before the next frame is drawn. Only its own rectangle is
    # cleared, so such a frame is stored in full size.
    for index, part in enumerate(changed_parts(frames, stays_whole=_has_alpha)):
        still = bytearray(encode(part.picture))
        if index == 0:
            file.write(still[:_HEADER_BYTES] + _encode_repetitions(sequence.plays))
        ticks = clock.advance(part.milliseconds)  # rounding errors do not add up
        if ticks > _MAX_TICKS:
            raise PictureError(
                "E_ENCODER_LIMIT", "a frame of GIF is shown for 655 s at most; write PNG instead"
            )
        # Without header and end, a still of `encode_gif` has an extension (flags at byte 3, time at
        # byte 4), and an image (position at byte 9).
        body = still[_HEADER_BYTES:-1]
        disposal = _CLEAR if _has_alpha(part.picture) else _KEEP
        body[3] |= disposal << 2  # bits 2 to 4; bit 0: whether there is transparency
        struct.pack_into("<H", body, 4, ticks)
        struct.pack_into("<HH", body, 9, part.left, part.top)
        file.write(body)
    file.write(_END)


def _has_alpha(picture: Picture) -> bool:
    """Return whether an image has an alpha channel, even if it is opaque."""
    return picture.alpha is not None


def _encode_repetitions(plays: int) -> bytes:
    """Encode the extension with the number of repetitions; an animation played once has none.

    Args:
        plays: how often the animation is played; 0 means forever.
    """
    if plays == 1:
        return b""
    # The first play is not a repetition; 0 means forever here too.
    count = min(max(0, plays - 1), _MAX_REPETITIONS)
    # Extension FF, a name of 11 bytes, a sub-block of 3 bytes (1 and the count), and the end.
    return b"!\xff\x0bNETSCAPE2.0\x03\x01" + struct.pack("<H", count) + b"\0"


def encode_gif(picture: Picture, file: BinaryIO, quality: int) -> None:
    """Encode a GIF of 256 colours, dithered if there are more.

    A pixel is transparent if its alpha is below one half, and opaque otherwise.

    Args:
        picture: any dtype.
        file: binary file, open for writing.
        quality: not used; GIF has no quality.
    """
    from PIL import GifImagePlugin

    indices, palette, transparent = _index_colours(picture)
    image = Image.fromarray(indices)
    image.putpalette(palette)
    height, width = indices.shape
    # The extension 21 F9 of 4 bytes: flags, time (set by `write_gif`) and transparent index.
    has_transparency, transparent_index = (0, 0) if transparent is None else (1, transparent)
    control = struct.pack("<HBBHBB", 0xF921, 4, has_transparency, 0, transparent_index, 0)
    file.writelines([
        # After the size: no palette of the file, background colour 0, square pixels.
        b"GIF89a" + struct.pack("<HH", width, height) + b"\0\0\0",
        control,
        # The block of the image, with its palette.
        *GifImagePlugin.getdata(image, include_color_table=True),
        _END,
    ])  # fmt: skip


def _index_colours(picture: Picture) -> tuple[Array, bytes, int | None]:
    """Compute a palette of an image, and replace its pixels by indices into the palette.

    Returns:
        The index of each pixel's colour, (H, W), uint8; the palette, red, green and blue of each
        colour; and the index that means transparent, or None if no pixel is transparent.
    """
    pixels = to_depth(picture.pixels, np.uint8)
    is_transparent = np.zeros(pixels.shape[:2], bool)
    if picture.alpha is not None:
        is_transparent = to_depth(picture.alpha, np.uint8) < _OPAQUE_FROM
    if not is_transparent.any():
        indices, palette = _quantise(pixels, 256)
        return indices, palette, None
    pixels = np.where(is_transparent[..., np.newaxis], np.uint8(0), pixels)
    indices, palette = _quantise(pixels, 255)
    transparent_index = len(palette) // 3
    indices = np.where(is_transparent, np.uint8(transparent_index), indices)
    return indices, palette + b"\0\0\0", transparent_index


def _quantise(pixels: Array, colours: int) -> tuple[Array, bytes]:
    """Return indices (H, W), uint8, and a palette of at most this number of colours.

    Args:
        pixels: (H, W, 1) or (H, W, 3), uint8.
        colours: from 2 to 256.
    """
    if pixels.shape[2] == 1:
        pixels = np.repeat(pixels, 3, axis=2)
    image = Image.fromarray(np.ascontiguousarray(pixels))
    if image.getcolors(colours) is not None:  # it has at most this number of colours
        return _index_exactly(pixels)
    # Median cut takes a second for a million pixels; a sample gives about the same palette.
    step = math.isqrt(pixels.shape[0] * pixels.shape[1] // _PALETTE_PIXELS) + 1
    sample = Image.fromarray(np.ascontiguousarray(pixels[::step, ::step]))
    palette = sample.quantize(colours, method=Image.Quantize.MEDIANCUT)
    indexed = image.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG)
    return np.asarray(indexed), bytes(indexed.getpalette() or ())[: 3 * colours]


def _index_exactly(pixels: Array) -> tuple[Array, bytes]:
    """Return indices (H, W), uint8, and the palette of RGB pixels with at most 256 colours."""
    # Each colour as one number, 0xRRGGBB.
    numbers = pixels.astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], np.uint32)
    unique_numbers, indices = np.unique(numbers, return_inverse=True)
    palette = b"".join(int(number).to_bytes(3, "big") for number in unique_numbers)
    return indices.reshape(numbers.shape).astype(np.uint8), palette
