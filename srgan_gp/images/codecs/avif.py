"""`encode_avif`, the AVIF encoder, and `read_avif_depth`, the bit depth of an AVIF file."""

from dataclasses import replace
from typing import BinaryIO

from srgan_gp.images.codecs.pillow_encoding import chroma_subsampling, save_with_pillow
from srgan_gp.images.picture import Picture

_SPEED = 6  # 0 to 10; lower values save a few percent of size in several times the time


def encode_avif(picture: Picture, file: BinaryIO, quality: int) -> None:
    """Encode an AVIF of 8 bits with loss.

    Args:
        picture: uint8; its resolution is written only as part of its EXIF data.
        file: binary file, open for writing.
        quality: 1 to 100.
    """
    save_with_pillow(
        replace(picture, dpi=None),
        file,
        "AVIF",
        quality=quality,
        speed=_SPEED,
        subsampling=chroma_subsampling(quality),
    )


def read_avif_depth(head: bytes) -> int:
    """Read the bits of a sample, 8, 10 or 12, from the first bytes of an AVIF file.

    Returns 8 if the bytes do not contain the box `av1C`.

    Source:
        AV1 Codec ISO Media File Format Binding, section 2.3, `av1C`.
    """
    box = head.find(b"av1C")
    if not 0 <= box < len(head) - 6:  # -1: not found
        return 8
    flags = head[box + 6]  # the third byte after the type of the box
    is_high_bit_depth, is_twelve_bit = bool(flags & 0x40), bool(flags & 0x20)
    if not is_high_bit_depth:
        return 8
    return 12 if is_twelve_bit else 10
