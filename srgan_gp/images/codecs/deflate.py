"""Choice of the DEFLATE strategy by the pixels."""

import zlib
from collections.abc import Callable
from typing import Protocol


class Compressor(Protocol):
    """What `zlib.compressobj` makes; its class has no public name."""

    def compress(self, data: bytes, /) -> bytes:
        """Take bytes, and give some that are ready."""
        ...

    def flush(self) -> bytes:
        """Give the rest."""
        ...


Deflate = Callable[[], Compressor]

_CLEARLY_SMALLER = 0.95
_HASTY, _THOROUGH = 2, 6  # levels: to see whether a search gains anything, and to search


def fitting_deflate(sample: bytes) -> Deflate:
    """Choose how to compress pixels that have been filtered.

    Photos get no smaller by a search for repeated bytes, which takes most of the time; drawings and
    text do.

    Args:
        sample: bytes from the middle of the picture; half a megabyte is enough.

    Returns:
        A function that makes compressors of the zlib format.
    """
    searched = len(_compressed(sample, _searching(_HASTY)))
    plain = len(_compressed(sample, _plain()))
    return _searching if searched < _CLEARLY_SMALLER * plain else _plain


def _searching(level: int = _THOROUGH) -> Compressor:
    return zlib.compressobj(level, zlib.DEFLATED, zlib.MAX_WBITS, 9, zlib.Z_FILTERED)


def _plain() -> Compressor:
    return zlib.compressobj(1, zlib.DEFLATED, zlib.MAX_WBITS, 9, zlib.Z_RLE)


def _compressed(data: bytes, compressor: Compressor) -> bytes:
    return compressor.compress(data) + compressor.flush()
