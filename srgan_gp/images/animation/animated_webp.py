"""`write_animated_webp`: encoder of animated WebP, frame by frame.

libwebp encodes each frame as a still file; here the chunks of these files are put into one
animation. A chunk is a type of four letters, the length, and the content.

Source:
    WebP Container Specification (RFC 9649, section 2.7).
"""

import struct
from collections.abc import Callable, Iterator
from typing import BinaryIO

from srgan_gp.errors import PictureError
from srgan_gp.images.animation.frame_encoding import Clock, Part, changed_parts
from srgan_gp.images.animation.frame_sequence import Frame, FrameSequence
from srgan_gp.images.picture import Picture

_FIRST_CHUNK = 12  # offset of the first chunk: after RIFF, the size and WEBP
_ANIMATED, _XMP, _EXIF, _ALPHA, _PROFILE = 0x02, 0x04, 0x08, 0x10, 0x20  # flags of chunk VP8X
_PIXEL_CHUNKS = (b"ALPH", b"VP8 ", b"VP8L")  # alpha, lossy and lossless pixels
_REPLACE = 0x02  # flag of a frame: it replaces the pixels below, without blending
_MAX_MILLISECONDS = (1 << 24) - 1  # time of a frame, a field of 24 bits
_MAX_PLAYS = 0xFFFF  # a field of 16 bits; a larger number, which nobody watches, is reduced to it
_MAX_RIFF_SIZE = (1 << 32) - 10  # of the size field, by the format; it counts what follows it


def write_animated_webp(
    file: BinaryIO,
    frames: Iterator[Frame],
    sequence: FrameSequence,
    encode: Callable[[Picture], bytes],
) -> None:
    """Write the frames of an animation.

    Args:
        file: binary file, open for writing, seekable, empty; the header is written last.
        frames: the frames, all of equal size.
        sequence: has the number of plays.
        encode: returns the bytes of a still WebP; those of its first call include the metadata.

    Raises:
        PictureError: E_ENCODER_LIMIT if the file is too large, or the time of a frame too long;
            E_FRAMES if the sizes of the frames differ.
    """
    clock = Clock(tick_milliseconds=1)  # rounds frame times without accumulating errors
    flags, size, metadata = _ANIMATED, (0, 0), b""
    # Positions are stored divided by 2, so they must be even.
    for index, part in enumerate(changed_parts(frames, grid=2)):
        still = dict(_chunks_of(encode(part.picture)))
        if index == 0:
            size = (part.picture.width, part.picture.height)
            flags |= _write_first_chunks(file, still, sequence)
            metadata = _join_chunks(still, (b"EXIF", b"XMP "))
        if part.picture.alpha is not None:
            flags |= _ALPHA
        frame = _frame_header(part, clock) + _join_chunks(still, _PIXEL_CHUNKS)
        file.write(_chunk(b"ANMF", frame))
    file.write(metadata)
    _write_headers(file, flags, size)


def _write_first_chunks(file: BinaryIO, still: dict[bytes, bytes], sequence: FrameSequence) -> int:
    """Write the chunks before the frames, with zeros for the headers.

    Args:
        file: the output, empty.
        still: chunks of the first frame's still file, content by type.
        sequence: has the number of plays.

    Returns:
        The flags of chunk VP8X for the metadata in `still`.
    """
    file.write(bytes(_FIRST_CHUNK))
    file.write(_chunk(b"VP8X", bytes(10)))
    file.write(_join_chunks(still, (b"ICCP",)))
    background = 0  # transparent
    file.write(_chunk(b"ANIM", struct.pack("<IH", background, min(sequence.plays, _MAX_PLAYS))))
    flags = {b"ICCP": _PROFILE, b"EXIF": _EXIF, b"XMP ": _XMP}
    return sum(flag for kind, flag in flags.items() if kind in still)


def _write_headers(file: BinaryIO, flags: int, size: tuple[int, int]) -> None:
    """Write the headers RIFF and VP8X over the zeros; `size` is (width, height) in pixels."""
    end = file.tell()
    riff_size = end - 8  # without RIFF and the field itself
    if riff_size > _MAX_RIFF_SIZE:
        raise PictureError(
            "E_ENCODER_LIMIT", "the file would exceed the 4 GiB of WEBP; write PNG instead"
        )
    file.seek(0)
    file.write(b"RIFF" + struct.pack("<I", riff_size) + b"WEBP")
    sides = b"".join(_three_bytes(side - 1) for side in size)  # stored minus 1
    file.write(_chunk(b"VP8X", bytes([flags, 0, 0, 0]) + sides))
    file.seek(end)


def _frame_header(part: Part, clock: Clock) -> bytes:
    """Encode the position, size and time of a frame, and that it is not blended."""
    milliseconds = clock.advance(part.milliseconds)
    if milliseconds > _MAX_MILLISECONDS:
        raise PictureError(
            "E_ENCODER_LIMIT", "a frame of WEBP is shown for 4.6 hours at most; write PNG instead"
        )
    numbers = (
        part.left // 2, part.top // 2, part.picture.width - 1, part.picture.height - 1, milliseconds
    )  # fmt: skip
    return b"".join(map(_three_bytes, numbers)) + bytes([_REPLACE])


def _three_bytes(number: int) -> bytes:
    """Encode an integer of 24 bits."""
    return number.to_bytes(3, "little")


def _join_chunks(still: dict[bytes, bytes], kinds: tuple[bytes, ...]) -> bytes:
    """Encode the chunks of a still file that have these types, in the order of `kinds`."""
    return b"".join(_chunk(kind, still[kind]) for kind in kinds if kind in still)


def _chunk(kind: bytes, content: bytes) -> bytes:
    """Encode a chunk: type, length and content, padded to an even length."""
    return kind + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def _chunks_of(webp: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield (type, content) of each chunk of a WebP file."""
    position = _FIRST_CHUNK
    while position < len(webp):
        kind, length = struct.unpack_from("<4sI", webp, position)
        yield kind, webp[position + 8 : position + 8 + length]
        position += 8 + length + length % 2
