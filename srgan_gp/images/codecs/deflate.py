"""`choose_deflate`: the DEFLATE strategy for filtered pixels, chosen by compressing a sample.

The two strategies are the full search for repeated strings and the search for runs of one byte.
"""

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
"""Creates a compressor."""

_CLEARLY_SMALLER = 0.95  # share of the size with runs only, from which the full search is worth it
_SAMPLE_LEVEL, _FINAL_LEVEL = 2, 6  # zlib levels: to compress the sample, and the image


def choose_deflate(sample: bytes) -> Deflate:
    """Choose how to compress filtered pixels.

    The full search takes most of the time. It makes drawings and text smaller than run lengths
    alone, but not photos.

    Args:
        sample: filtered bytes from the middle of the image; half a megabyte is enough.

    Returns:
        A function that creates compressors of the zlib format.
    """
    with_strings = len(_compress(sample, _full_search(_SAMPLE_LEVEL)))
    with_runs = len(_compress(sample, _run_lengths()))
    return _full_search if with_strings < _CLEARLY_SMALLER * with_runs else _run_lengths


def _full_search(level: int = _FINAL_LEVEL) -> Compressor:
    return zlib.compressobj(level, zlib.DEFLATED, zlib.MAX_WBITS, 9, zlib.Z_FILTERED)


def _run_lengths() -> Compressor:
    return zlib.compressobj(1, zlib.DEFLATED, zlib.MAX_WBITS, 9, zlib.Z_RLE)


def _compress(data: bytes, compressor: Compressor) -> bytes:
    return compressor.compress(data) + compressor.flush()
