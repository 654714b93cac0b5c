"""`choose_deflate`: the DEFLATE strategy for filtered pixels, chosen by compressing a sample."""

import zlib
from collections.abc import Callable
from typing import Protocol


class Compressor(Protocol):
    """Type of `zlib.compressobj()`, whose class is not public."""

    def compress(self, data: bytes, /) -> bytes:
        """Compress bytes and return the output that is ready."""
        ...

    def flush(self) -> bytes:
        """Return the remaining output."""
        ...


Deflate = Callable[[], Compressor]

_CLEARLY_SMALLER = 0.95
_SAMPLE_LEVEL, _FINAL_LEVEL = 2, 6  # zlib levels: to compress the sample, and the image


def choose_deflate(sample: bytes) -> Deflate:
    """Choose how to compress filtered pixels.

    The search for repeated strings takes most of the time. It makes drawings and text smaller, but
    not photos.

    Args:
        sample: filtered bytes from the middle of the image; half a megabyte is enough.

    Returns:
        A function that creates compressors of the zlib format.
    """
    searched = len(_compress(sample, _search(_SAMPLE_LEVEL)))
    plain = len(_compress(sample, _run_length()))
    return _search if searched < _CLEARLY_SMALLER * plain else _run_length


def _search(level: int = _FINAL_LEVEL) -> Compressor:
    return zlib.compressobj(level, zlib.DEFLATED, zlib.MAX_WBITS, 9, zlib.Z_FILTERED)


def _run_length() -> Compressor:
    return zlib.compressobj(1, zlib.DEFLATED, zlib.MAX_WBITS, 9, zlib.Z_RLE)


def _compress(data: bytes, compressor: Compressor) -> bytes:
    return compressor.compress(data) + compressor.flush()
