"""AVIF: the encoder, and the bit depth in the header of a file."""

from dataclasses import replace
from typing import BinaryIO

from srgan_gp.images.codecs.pillow_encoding import chroma_subsampling, save_with_pillow
from srgan_gp.images.picture import Picture

_SPEED = 6  # 0 to 10; lower values save a few percent of size in several times the time


def encode_avif(picture: Picture, file: BinaryIO, quality: int) -> None:
    """Encode an AVIF of 8 bits with loss, at `quality` 1 to 100."""
    save_with_pillow(
        replace(picture, dpi=None),
        file,
        "AVIF",
        quality=quality,
        speed=_SPEED,
        subsampling=chroma_subsampling(quality),
    )


def read_avif_depth(head: bytes) -> int:
    """Read the bit depth, 8, 10 or 12, from the first bytes of a file.

    Source:
        AV1 Codec ISO Media File Format Binding, section 2.3, `av1C`.
    """
    place = head.find(b"av1C")
    flags = head[place + 6] if 0 <= place < len(head) - 6 else 0
    if not flags & 0x40:
        return 8
    return 12 if flags & 0x20 else 10
